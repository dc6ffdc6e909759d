"""The members: gradients are those of autograd, dropout included; they start as the class prior and predict alike."""

import numpy as np
import pytest
import torch

from classifier.textbook import by_name, keep_masks, leaves, textbook_logits, textbook_loss
from logitwise.classifier import members as module
from logitwise.classifier.members import Members, Shape

LAYERS = [(), (5,), (5, 4)]


def made_members(dropout=0.0, hidden=(5, 4), seed=0):
    generator = torch.Generator().manual_seed(seed)
    members = Members(Shape(3, 6, 4, hidden, 4), np.log([0.1, 0.2, 0.3, 0.4]), dropout, generator, "cpu")
    for flat in members.flat:
        flat.add_(torch.randn(len(flat), generator=generator), alpha=0.3)
    return members


def made_batch(seed, rows=7):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.rand(3 * rows, generator=generator)
    weight[2] = 0.0
    inputs = torch.randn(3, rows, 6, generator=generator)
    return inputs, torch.randint(0, 4, (3 * rows,), generator=generator), weight


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("hidden", LAYERS)
def test_gradients_are_those_of_autograd(hidden, dropout):
    members = made_members(dropout, hidden)
    members.backward(*made_batch(2, rows=5))  # whose gradients the next ones take the place of
    masks = keep_masks(members)
    inputs, target, weight = made_batch(1)
    loss = members.backward(inputs, target, weight)
    assert [tuple(mask.shape) for mask in masks] == [(3, 7, width) for width in hidden if dropout]
    flat = leaves(members)
    expected = textbook_loss(textbook_logits(by_name(flat, members), inputs, 4, masks), target, weight)
    for ours, theirs in zip(members.flat, torch.autograd.grad(expected, flat), strict=True):
        np.testing.assert_allclose(ours.grad, theirs, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(loss, expected.detach(), rtol=1e-6)


@pytest.mark.parametrize("hidden", LAYERS)
def test_they_predict_without_dropout_and_so_does_the_network_made_of_them(hidden):
    members = made_members(0.4, hidden)
    inputs = torch.randn(7, 6, generator=torch.Generator().manual_seed(1))
    expected = textbook_logits(by_name(members.flat, members), inputs.expand(3, -1, -1), 4)
    np.testing.assert_allclose(members.logits(inputs.expand(3, -1, -1)), expected, rtol=1e-4, atol=1e-5)
    network = members.network()
    for flat in members.flat:
        flat.add_(1.0)  # what the members learn later is none of the network's
    np.testing.assert_allclose(network.logits(inputs.numpy()), expected, rtol=1e-4, atol=1e-5)
    assert network.widths == (6, 4 if hidden else 0, *hidden, 4)


def test_weights_decay_and_biases_and_scales_do_not():
    shape = Shape(3, 6, 4, (5, 2), 7)
    assert shape.decaying == {
        "weight.0": (3, 4, 5),
        "weight.1": (3, 5, 2),
        "output": (3, 2, 7),
        "linear": (3, 6, 7),
    }
    assert shape.free == {"bias.0": (3, 1, 5), "bias.1": (3, 1, 2), "prior": (3, 1, 7), "scale": (3, 1, 6)}
    assert Shape(3, 6, 4, (), 7).decaying == {"linear": (3, 6, 7)}


def test_a_network_starts_as_the_class_prior():
    members = Members(Shape(2, 3, 3, (8, 8), 3), np.log([0.5, 0.3, 0.2]), 0.1, torch.Generator().manual_seed(0), "cpu")
    logits = members.logits(torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(1)))
    np.testing.assert_allclose(torch.softmax(logits, -1), np.tile([0.5, 0.3, 0.2], (2, 5, 1)), rtol=1e-6)


def test_hidden_layers_start_uniform_within_one_over_the_root_of_their_inputs():
    generator = torch.Generator().manual_seed(0)
    members = Members(Shape(2, 300, 100, (400, 16), 3), np.zeros(3), 0.0, generator, "cpu")
    for name, bound in {"weight.0": 1 / 10, "weight.1": 1 / 20, "bias.0": 1 / 10}.items():
        for own in members.parameters[name]:
            low, high = float(own.min()), float(own.max())
            assert -bound <= low < -0.98 * bound
            assert 0.98 * bound < high <= bound
            assert abs(float(own.mean())) < 0.1 * bound
    assert 1 / 40 < float(members.parameters["bias.1"].abs().max()) <= 1 / 20
    assert not torch.equal(*members.parameters["weight.0"])
    assert float(members.parameters["scale"].min()) == float(members.parameters["scale"].max()) == 1.0
    assert not any(members.parameters[name].any() for name in ("linear", "output"))


def test_a_seed_decides_where_they_start_and_what_they_drop():
    first, again, other = (made_members(0.4, seed=seed) for seed in (0, 0, 1))
    masks = [members._mask(9, 5) for members in (first, again, other)]
    assert torch.equal(first.parameters["weight.0"], again.parameters["weight.0"])
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(first.parameters["weight.0"], other.parameters["weight.0"])
    assert not torch.equal(masks[0], masks[2])


@pytest.mark.parametrize("dropout", [0.2, 0.75])
def test_dropout_drops_its_share_and_keeps_the_mean(dropout):
    members = made_members(dropout, (50,))
    mask = members._mask(1000, 50)
    assert mask.shape == (3, 1000, 50)
    assert sorted(set(mask.flatten().tolist())) == pytest.approx([0.0, 1 / (1 - dropout)])
    assert float((mask == 0).float().mean()) == pytest.approx(dropout, abs=0.02)
    assert float(mask.mean()) == pytest.approx(1.0, abs=0.02)


def test_every_step_and_every_layer_drops_other_units():
    members = made_members(0.5)
    masks = keep_masks(members)
    for _ in range(2):
        members.backward(*made_batch(1))
    patterns = [tuple((mask[..., :4] > 0).flatten().tolist()) for mask in masks]
    assert len(set(patterns)) == 4


@pytest.mark.parametrize("rows", [19, 20, 21, 500])
def test_masks_of_any_size_are_drawn(rows, monkeypatch):
    """Numbers enough for 20 rows are drawn: masks of as many, of more, and of many more are made of them again."""
    monkeypatch.setattr(module, "MASK_NUMBERS", 3 * 20 * 5)
    members = made_members(0.3, (5,))
    masks = [members._mask(rows, 5) for _ in range(4)]
    assert {tuple(mask.shape) for mask in masks} == {(3, rows, 5)}
    assert float((torch.stack(masks) == 0).float().mean()) == pytest.approx(0.3, abs=0.06)
    assert len({tuple(mask.flatten().tolist()) for mask in masks}) > 1


def test_a_state_is_a_copy_and_can_be_taken_again():
    members = made_members()
    inputs = made_batch(1)[0]
    before, state = members.logits(inputs).clone(), members.state()
    for flat in members.flat:
        flat.mul_(2.0)
    assert not torch.equal(members.logits(inputs), before)
    members.restore(state)
    assert torch.equal(members.logits(inputs), before)
    members.flat[0].zero_()
    assert state[0].any()
