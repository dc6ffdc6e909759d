"""Parts of the training loop that cannot be seen from outside."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from logitwise.classifier.adamw import AdamW
from logitwise.classifier.folds import FEWEST_ROWS, MOST_ROWS, given_split, plan_for
from logitwise.classifier.members import Members, Shape, views
from logitwise.classifier.training import moved_images, schedule


def made_members(dropout=0.0, hidden=(5, 4), seed=0):
    generator = torch.Generator().manual_seed(seed)
    members = Members(Shape(3, 6, 4, hidden, 4), np.log([0.1, 0.2, 0.3, 0.4]), dropout, generator, "cpu")
    for flat in members.flat:
        flat.add_(torch.randn(len(flat), generator=generator), alpha=0.3)
    return members


@pytest.mark.parametrize("hidden", [(), (5,), (5, 4)])
def test_gradients_are_those_of_autograd(hidden):
    members = made_members(hidden=hidden)
    generator = torch.Generator().manual_seed(1)
    inputs, weight = torch.randn(3, 7, 6, generator=generator), torch.rand(21, generator=generator)
    target = torch.randint(0, 4, (21,), generator=generator)
    loss = members.backward(inputs, target, weight)
    for flat in members.flat:
        flat.requires_grad_()
    members.parameters = {
        name: part
        for flat, shapes in zip(members.flat, (members.shape.decaying, members.shape.free), strict=True)
        for name, part in views(flat, shapes).items()
    }
    written_out = [flat.grad.clone() for flat in members.flat]
    losses = torch.nn.functional.cross_entropy(members.logits(inputs).reshape(21, 4), target, reduction="none")
    expected = (losses * weight).sum() / 7
    for ours, theirs in zip(written_out, torch.autograd.grad(expected, members.flat), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(loss, expected.detach(), rtol=1e-6)


def test_a_network_starts_as_the_class_prior():
    members = Members(Shape(2, 3, 3, (8, 8), 3), np.log([0.5, 0.3, 0.2]), 0.1, torch.Generator().manual_seed(0), "cpu")
    logits = members.logits(torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(1)))
    np.testing.assert_allclose(torch.softmax(logits, -1), np.tile([0.5, 0.3, 0.2], (2, 5, 1)), rtol=1e-6)


def test_the_network_that_predicts_is_the_one_that_was_trained():
    members = made_members()
    inputs = torch.randn(7, 6, generator=torch.Generator().manual_seed(1))
    expected = members.logits(inputs.expand(3, -1, -1))
    np.testing.assert_allclose(members.network().logits(inputs.numpy()), expected, rtol=1e-4, atol=1e-5)


def test_dropout_keeps_the_mean():
    members = Members(Shape(2, 3, 3, (50,), 2), np.log([0.5, 0.5]), 0.2, torch.Generator().manual_seed(0), "cpu")
    mask = members._mask(1000, 50)
    assert mask.shape == (2, 1000, 50)
    assert sorted(set(mask.flatten().tolist())) == pytest.approx([0.0, 1.25])
    assert float(mask.mean()) == pytest.approx(1.0, abs=0.02)


def test_images_move_by_whole_pixels_with_their_edge_repeated():
    image = torch.arange(12.0).reshape(1, 3, 4)
    padded = np.pad(image[0].numpy(), 1, mode="edge")
    moved = moved_images(image.reshape(1, 12), (3, 4), 1)
    assert moved.shape == (1, 3, 3, 3, 4)
    for down in range(3):
        for right in range(3):
            np.testing.assert_array_equal(moved[0, down, right], padded[down : down + 3, right : right + 4])


def test_colours_move_together():
    images = torch.rand(5, 4 * 4 * 3, generator=torch.Generator().manual_seed(1))
    moved = moved_images(images, (4, 4, 3), 2)
    assert moved.shape == (5, 5, 5, 4, 4, 3)
    padded = np.pad(images.reshape(5, 4, 4, 3).numpy(), ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    np.testing.assert_array_equal(moved[:, 3, 0], padded[:, 3:7, 0:4])


def test_the_learning_rate_rises_then_falls_to_zero():
    np.testing.assert_allclose(schedule(0, 1000), 1 / 30, rtol=1e-12)
    np.testing.assert_allclose([schedule(500, 1000), schedule(1000, 1000)], [0.5, 0.0], atol=1e-12)


def test_every_row_is_unseen_by_one_member_and_classes_are_dealt_evenly():
    target = np.repeat([0, 1, 2], [50, 30, 3])
    plan = plan_for(target, 4, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(np.concatenate(plan.held_out)), np.arange(83))
    for trained, held_out in zip(plan.trained, plan.held_out, strict=True):
        np.testing.assert_array_equal(np.sort(np.concatenate([trained, held_out])), np.arange(83))
        counts = np.bincount(target[held_out], minlength=3)
        assert (np.abs(counts - np.array([50, 30, 3]) / 4) < 1).all()
    assert plan.why == "Folds: each of 4 members is trained on all rows but its own fold, and measured on that."


def test_few_rows_hold_none_out_and_very_many_a_split():
    few = plan_for(np.arange(FEWEST_ROWS - 1) % 2, 3, np.random.default_rng(0))
    assert [len(part) for part in (*few.trained, *few.held_out)] == [9, 9, 9, 0, 0, 0]
    assert few.why == "No rows are held out: 9 are too few to say anything, so nothing is chosen or calibrated by them."
    many = plan_for(np.arange(MOST_ROWS) % 2, 3, np.random.default_rng(0))
    assert [len(part) for part in (*many.trained, *many.held_out)] == [90_000] * 3 + [10_000] * 3
    expected = "One split: 10,000 of 100,000 rows are held out from all members, and are enough to choose by."
    assert many.why == expected
    given = given_split(50, 20, 2)
    assert [part.tolist() for part in given.held_out] == [list(range(50, 70))] * 2
    assert given.why == "One split: the 20 rows of X_val are held out from all members."


def test_adamw_moves_parameters_as_that_of_torch_does():
    generator = torch.Generator().manual_seed(0)
    ours = [torch.randn(size, generator=generator) for size in (50, 7)]
    theirs = [parameter.clone() for parameter in ours]
    groups = [{"params": [theirs[0]], "weight_decay": 0.3}, {"params": [theirs[1]], "weight_decay": 0.0}]
    peer, optimizer = torch.optim.AdamW(groups, 0.1, (0.9, 0.95)), AdamW(ours, (0.3, 0.0))
    with torch.no_grad():
        for step in range(30):
            for parameter, other in zip(ours, theirs, strict=True):
                parameter.grad = torch.randn(parameter.shape, generator=generator)
                parameter.grad[::5] = 0.0
                other.grad = parameter.grad
            for group in peer.param_groups:
                group["lr"] = 0.1 / (1 + step)
            optimizer.step(0.1 / (1 + step))
            peer.step()
    for parameter, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(parameter, other, rtol=1e-5, atol=1e-6)


def test_training_does_not_import_the_compiler_of_torch():
    code = (
        "import sys, numpy as np, logitwise as lw\n"
        "lw.Classifier((4,), epochs=2).fit(np.arange(40.0).reshape(20, 2), np.arange(20) % 2)\n"
        "print('torch._dynamo' in sys.modules)\n"
    )
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout) == (0, "False\n"), result.stderr
