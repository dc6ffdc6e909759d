"""The training loop: what each step sees and does, what is measured, which step is kept, and when it ends."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from classifier.textbook import by_name, keep_masks, leaves, textbook_logits, textbook_loss
from logitwise.classifier import training as module
from logitwise.classifier.calibration import PRIOR, temperature_of
from logitwise.classifier.folds import Plan, given_split
from logitwise.classifier.members import AdamW, Shape
from logitwise.classifier.training import Recipe, Rows, Trainer, moved_images, schedule


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


RECIPE = Recipe(
    hidden=(5, 4),
    epochs=100,
    steps=40,
    seconds=None,
    learning_rate=0.05,
    batch_size=4,
    weight_decay=0.3,
    dropout=0.3,
    image_shape=None,
    max_shift=0,
    patience=0.0,
    seed=0,
    device="cpu",
)
UNEVEN = Plan(
    tuple(np.arange(first, last) for first, last in ((0, 14), (3, 16), (8, 24))),
    (np.arange(14, 24), np.array([20, 1, 2]), np.array([0, 5])),
    "by hand",
)


def made_trainer(plan=UNEVEN, undone=(0.0, 0.0, 0.0), inputs=6, **options):
    """Return a trainer of three members on 24 rows of three classes; hidden layers get four of the inputs."""
    generator = torch.Generator().manual_seed(5)
    inputs, weight = torch.randn(24, inputs, generator=generator), torch.rand(24, generator=generator) + 0.5
    given = Rows(inputs, (torch.arange(24) * 5) % 7 % 3, weight / weight.mean(), 4)
    return Trainer(given, plan, np.array(undone), replace(RECIPE, **options))


def steps_of(trainer, steps):
    """Take steps; return the batch (inputs, target, weight), the masks, and the loss of each."""
    batches, backward, masks = [], trainer.members.backward, keep_masks(trainer.members)

    def kept(*batch):
        batches.append(tuple(part.clone() for part in batch))
        return backward(*batch)

    trainer.members.backward = kept
    layers = len(trainer.recipe.hidden) if trainer.recipe.dropout else 0
    with torch.no_grad():
        losses = [float(trainer._step(step)) for step in range(steps)]
    assert len(masks) == layers * steps
    return batches, [masks[step * layers : (step + 1) * layers] for step in range(steps)], losses


def trained_by_the_textbook(trainer, batches, masks):
    """Return the parameters and losses that torch's AdamW comes to by the same batches."""
    decaying, free = leaves(trainer.members)
    groups = [{"params": [decaying], "weight_decay": 0.3}, {"params": [free], "weight_decay": 0.0}]
    optimizer, losses = torch.optim.AdamW(groups, 0.0, (0.9, 0.95)), []
    for step, ((inputs, target, weight), dropped) in enumerate(zip(batches, masks, strict=True)):
        named = by_name((decaying, free), trainer.members)
        loss = textbook_loss(textbook_logits(named, inputs, trainer.rows.deep, dropped), target, weight)
        gradients = torch.autograd.grad(loss, (decaying, free))
        for parameter, gradient, group in zip((decaying, free), gradients, optimizer.param_groups, strict=True):
            parameter.grad = gradient
            group["lr"] = 0.05 * min(1, (step + 1) / 3) * (1 + math.cos(math.pi * step / 90)) / 2
        optimizer.step()
        losses.append(loss.item() / 3)
    return (decaying, free), losses


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"steps": 1000, "epochs": 30},  # of three steps each
        {"dropout": 0.0},
        {"hidden": ()},
        {"hidden": (7,), "batch_size": 100},
        {"image_shape": (2, 3), "max_shift": 1, "hidden": (5,)},
    ],
)
def test_members_move_as_autograd_and_the_adamw_of_torch_move_them(options):
    options = {"steps": 90, **options}
    moved, trainer = made_trainer(**options), made_trainer(**options)
    batches, masks, losses = steps_of(moved, 25)
    expected, expected_losses = trained_by_the_textbook(trainer, batches, masks)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-4)
    for ours, theirs in zip(moved.members.flat, expected, strict=True):
        np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-3, atol=1e-3)


def rows_in(trainer, batches):
    """Return which rows are in batches, `(members, rows)`; each must have its own class and weight there."""
    found = []
    for inputs, target, weight in batches:
        same = (inputs.flatten(0, 1)[:, None] == trainer.rows.inputs).all(-1)
        assert (same.sum(1) == 1).all()
        rows = same.float().argmax(1)
        assert torch.equal(target, trainer.rows.target[rows])
        assert torch.equal(weight, trainer.rows.weight[rows])
        found.append(rows.view(inputs.shape[:2]))
    return torch.cat(found, 1).numpy()


@pytest.mark.parametrize(
    ("batch_size", "steps", "shown"),
    [(1, 13, 13), (3, 4, 12), (4, 3, 12), (6, 2, 12), (12, 1, 12), (13, 1, 13), (99, 1, 13)],
)
def test_in_an_epoch_each_member_sees_rows_of_its_own_once(batch_size, steps, shown):
    trainer = made_trainer(batch_size=batch_size)
    assert trainer.epoch_steps == steps
    batches, _, _ = steps_of(trainer, 12 * steps)
    assert {inputs.shape for inputs, _, _ in batches} == {(3, min(batch_size, 13), 6)}
    epochs = [rows_in(trainer, batches[first : first + steps]) for first in range(0, 12 * steps, steps)]
    for member, own in enumerate(UNEVEN.trained):
        orders = [tuple(epoch[member].tolist()) for epoch in epochs]
        assert all(len(set(order)) == len(order) == shown for order in orders)
        assert len(set(orders)) == 12
        assert set(np.concatenate(orders)) == set(own)  # those left out of one epoch are in another


def test_members_that_share_their_rows_see_them_in_orders_of_their_own():
    trainer = made_trainer(given_split(20, 4, 3))
    epoch = rows_in(trainer, steps_of(trainer, 5)[0])
    assert len({tuple(order.tolist()) for order in epoch}) == 3
    np.testing.assert_array_equal(np.sort(epoch, axis=1), [np.arange(20)] * 3)


def test_the_seed_decides_the_bits():
    first, again, other = (made_trainer(seed=seed) for seed in (0, 0, 1))
    for trainer in (first, again, other):
        trainer.train(lambda progress: None)
    assert first.progress.history == again.progress.history != other.progress.history
    states = [torch.cat(trainer.members.state()) for trainer in (first, again, other)]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


@pytest.mark.parametrize(
    ("steps", "epochs", "planned"), [(40, 100, 40), (5, 2, 5), (6, 2, 6), (7, 2, 6), (100, 1, 3), (1, 100, 1)]
)
def test_steps_and_epochs_end_it_whichever_is_first(steps, epochs, planned):
    trainer = made_trainer(steps=steps, epochs=epochs)
    progress = trainer.train(lambda progress: None)
    assert progress.steps == progress.step[-1] == planned
    assert progress.ended == f"The budget of {planned} steps is used up."


@pytest.mark.parametrize(
    ("batch_size", "steps", "measured"),
    [(4, 25, [10, 20, 25]), (4, 20, [10, 20]), (4, 21, [10, 20, 21]), (1, 30, [11, 22, 30]), (4, 3, [3])],
)
def test_it_is_measured_every_ten_steps_or_twice_an_epoch(batch_size, steps, measured):
    plan, reported = given_split(22 if batch_size == 1 else 13, 2, 3), []
    trainer = made_trainer(plan, batch_size=batch_size, steps=steps)
    losses, step_of = [], trainer._step
    trainer._step = lambda step: losses.append(step_of(step)) or losses[-1]
    progress = trainer.train(lambda progress: reported.append(progress.step[-1]))
    assert progress.step == reported == measured
    means = [float(np.mean(losses[first:last])) for first, last in zip([0, *measured], measured, strict=False)]
    np.testing.assert_allclose(progress.train_loss, means, rtol=1e-6)
    assert len(losses) == steps


def trained_with(monkeypatch, measured, **options):
    """Train with the validation losses given; return the trainer, and the states and temperatures at each."""
    states, starts, left = [], [], list(measured)

    def scripted(votes, target, weight, start, *, prior):
        states.append(trainer.members.state())
        starts.append(start)
        return 1 + len(starts) / 10, left.pop(0)

    monkeypatch.setattr(module, "temperature_of", scripted)
    trainer = made_trainer(steps=10 * len(measured), **options)
    trainer.train(lambda progress: None)
    return trainer, states, starts


@pytest.mark.parametrize(
    ("measured", "best"),
    [
        ([0.5, 0.4, 0.6], 20),
        ([0.5, 0.6, 0.4], 30),
        ([0.3, 0.6, 0.4], 10),
        ([0.5, 0.5, 0.5], 10),
        ([0.5, 0.5 - 0.9e-5, 0.5], 10),
        ([0.5, 0.5 - 1.1e-5, 0.5], 20),
        ([0.5, 0.5 - 0.9e-5, 0.5 - 1.8e-5], 30),
    ],
)
def test_the_weights_of_the_best_step_are_kept(measured, best, monkeypatch):
    trainer, states, starts = trained_with(monkeypatch, measured)
    progress = trainer.progress
    assert (progress.best_step, progress.best_loss) == (best, measured[best // 10 - 1])
    assert progress.validation_loss == measured
    assert all(map(torch.equal, trainer.members.state(), states[best // 10 - 1]))
    assert not torch.equal(trainer.members.flat[0], states[best // 10 % 3][0])
    assert starts == [1.0, 1.1, 1.2]


@pytest.mark.parametrize(("patience", "last"), [(0.0, 300), (0.1, 90), (1.8, 90), (2.1, 100), (3.0, 130)])
def test_patience_is_a_share_of_the_best_step_and_fifty_steps_at_least(patience, last, monkeypatch):
    """The best step is 30: the first measurement later than 30 and 50, or 30 and patience times 30, is the last."""
    trainer, _, _ = trained_with(monkeypatch, [0.5, 0.4, 0.3, *[0.6] * 27], patience=patience)
    assert (trainer.progress.best_step, trainer.progress.step[-1]) == (30, last)
    turned = "The loss on held-out rows has turned: it was lowest at step 30."
    assert trainer.progress.ended == (turned if patience else "The budget of 300 steps is used up.")


BUDGET, TURNED = (
    "The budget of 1000 steps is used up.",
    "The loss on held-out rows has turned: it was lowest at step {}.",
)


@pytest.mark.parametrize(
    ("options", "best", "step", "ended"),
    [
        ({"patience": 0.5}, 200, 300, ""),
        ({"patience": 0.5}, 200, 301, TURNED.format(200)),
        ({"patience": 0.5}, 60, 110, ""),
        ({"patience": 0.5}, 60, 111, TURNED.format(60)),
        ({"patience": 0.5, "batch_size": 1}, 60, 110, ""),
        ({"patience": 1e-9, "epoch": 80}, 60, 140, ""),
        ({"patience": 1e-9, "epoch": 80}, 60, 141, TURNED.format(60)),
        ({"patience": 0.5}, 700, 999, ""),
        ({"patience": 0.5}, 700, 1000, BUDGET),
        ({"patience": 0.1}, 700, 1000, TURNED.format(700)),
        ({"patience": 0.0}, 1, 999, ""),
        ({"seconds": 2.0}, 1, 500, ""),
        ({"seconds": 1.9}, 1, 500, "The budget of 1.9 seconds is used up."),
        ({"seconds": 1.9}, 1, 1000, BUDGET),
    ],
)
def test_why_it_ends_to_the_step(options, best, step, ended):
    epoch = options.pop("epoch", None)
    trainer = made_trainer(steps=1000, epochs=1000, **options)
    trainer.epoch_steps = epoch or trainer.epoch_steps
    trainer.progress.best_step = best
    assert trainer._ended(step, 2.0) == ended


def member_probabilities(trainer):
    """Return what each member says of each row, without the effect of class weights; `(members, rows, classes)`."""
    inputs = trainer.rows.inputs.expand(3, -1, -1)
    logits = textbook_logits(by_name(trainer.members.flat, trainer.members), inputs, trainer.rows.deep)
    return torch.softmax(logits - torch.from_numpy(trainer.undone), -1).numpy()


SPLIT = given_split(17, 7, 3)
FOLDS = Plan(
    tuple(np.flatnonzero(np.arange(24) % 3 != part) for part in range(3)),
    tuple(np.flatnonzero(np.arange(24) % 3 == part) for part in range(3)),
    "folds",
)


@pytest.mark.parametrize("plan", [UNEVEN, SPLIT, FOLDS])
def test_votes_on_held_out_rows_are_means_of_those_who_were_not_trained_on_them(plan):
    trainer = made_trainer(plan, undone=(0.0, 0.7, -0.4))
    steps_of(trainer, 12)
    probabilities = member_probabilities(trainer)
    voters = {
        row: members
        for row in range(24)
        if (members := [place for place, part in enumerate(plan.held_out) if row in part])
    }
    rows, votes = trainer.held_out_votes()
    assert rows.tolist() == sorted(voters)
    expected = [np.log(probabilities[members, row].mean(axis=0)) for row, members in voters.items()]
    np.testing.assert_allclose(votes, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("plan", [UNEVEN, SPLIT, FOLDS])
def test_the_validation_loss_is_that_of_the_votes_at_their_best_temperature(plan):
    trainer = made_trainer(plan, undone=(0.0, 0.7, -0.4), steps=10)
    trainer.train(lambda progress: None)
    rows, votes = trainer.held_out_votes()
    target, weight = trainer.rows.target.numpy()[rows], trainer.rows.weight.numpy()[rows]
    weight = weight / np.exp([0.0, 0.7, -0.4])[target]
    _, expected = temperature_of(votes, target, weight, prior=PRIOR)
    np.testing.assert_allclose(trainer.progress.validation_loss, [expected], rtol=1e-6)
    np.testing.assert_allclose(trainer.target_and_weight(rows)[1], weight, rtol=1e-6)
    np.testing.assert_array_equal(trainer.target_and_weight(rows)[0], target)
    network = trainer.network().logits(trainer.rows.inputs.numpy())
    softmax = np.exp(network) / np.exp(network).sum(-1, keepdims=True)
    np.testing.assert_allclose(softmax, member_probabilities(trainer), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("some", "step"), [(2000, 1), (24, 1), (23, 2), (8, 3), (7, 4)])
def test_votes_by_folds_give_the_member_held_out_and_then_the_others(some, step, monkeypatch):
    monkeypatch.setattr(module, "SOME_ROWS", some)
    trainer = made_trainer(FOLDS, undone=(0.0, 0.7, -0.4))
    steps_of(trainer, 12)
    probabilities = member_probabilities(trainer)
    own, others, target, weight = trainer.votes_by_folds()
    rows = np.arange(0, 24, step)

    def as_probabilities(logits):
        return np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)

    expected = probabilities[[rows % 3, (rows + 1) % 3, (rows + 2) % 3], rows]
    np.testing.assert_allclose(as_probabilities(own), expected[0], rtol=1e-4)
    np.testing.assert_allclose(np.sort(as_probabilities(others), 0), np.sort(expected[1:], 0), rtol=1e-4)
    np.testing.assert_array_equal(target, trainer.rows.target.numpy()[rows])
    np.testing.assert_array_equal(weight, trainer.target_and_weight(rows)[1])


def test_members_start_at_the_weighted_frequencies_with_half_a_row_added():
    trainer = made_trainer()
    counts = [float(trainer.rows.weight[trainer.rows.target == place].sum()) + 0.5 for place in range(3)]
    expected = np.log(np.array(counts) / sum(counts))
    np.testing.assert_allclose(trainer.members.parameters["prior"][:, 0], [expected] * 3, rtol=1e-6)


@pytest.mark.parametrize(("rate", "advice"), [(1.0, "0.006"), (0.06, "0.006"), (0.05, "0.005"), (0.001, "0.0001")])
def test_a_loss_that_is_lost_takes_the_weights_of_the_best_step_again(rate, advice):
    trainer = made_trainer(learning_rate=rate)
    steps_of(trainer, 6)
    losses = torch.tensor([1.0, 1.0, math.nan, math.inf])
    with pytest.raises(ValueError) as raised:
        trainer._measure(34, losses)
    finite = f"learning_rate must be low enough for the loss to stay finite; got {rate:g}"
    sentence = f"{finite}, with which it became nan at step 32"
    assert str(raised.value) == f"{sentence}, before there were weights to keep. Try {advice}."
    trainer.progress.best_step, trainer.progress.best_state = 20, trainer.members.state()
    largest = float(trainer.members.logits(trainer.rows.inputs[:4].expand(3, -1, -1)).abs().max())
    trainer.members.flat[0].fill_(math.nan)
    kept = f" (the largest logit at step 20: {largest:.3g}). Try {advice}. The weights of step 20 are kept."
    assert trainer._measure(34, losses) == sentence + kept
    assert trainer.progress.diverged
    assert all(map(torch.equal, trainer.members.state(), trainer.progress.best_state))
    assert trainer.progress.step == []


@pytest.mark.parametrize(("first", "ended"), [(9, None), (10, 10), (25, 20)])
def test_ctrl_c_ends_it_once_there_is_a_best_step(first, ended, monkeypatch):
    trainer, real = made_trainer(), Trainer._step

    def interrupted(self, step):
        if step == first:
            raise KeyboardInterrupt
        return real(self, step)

    monkeypatch.setattr(Trainer, "_step", interrupted)
    if ended is None:
        with pytest.raises(KeyboardInterrupt):
            trainer.train(lambda progress: None)
        return
    progress = trainer.train(lambda progress: None)
    assert progress.interrupted
    assert progress.ended == f"Ctrl-C ended it; the best step until then was {progress.best_step}."
    assert progress.step[-1] == ended
    assert all(map(torch.equal, trainer.members.state(), progress.best_state))


@pytest.mark.parametrize(("worth", "threads"), [(1, 2), (3 * 20 * 7 * 4, 2), (3 * 20 * 7 * 4 + 1, 1), (10**9, 1)])
@pytest.mark.parametrize(
    ("hidden", "deep", "classes"), [((7, 5), 20, 2), ((20, 7), 4, 2), ((3, 20), 4, 7), ((), 20, 7)]
)
def test_small_products_take_one_thread_and_give_the_others_back(hidden, deep, classes, worth, threads, monkeypatch):
    """The largest product here has 3 members, 20 by 7 weights and 4 rows."""
    monkeypatch.setattr(module, "WORTH_THREADS", worth)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with module._threads_for(Shape(3, 30, deep, hidden, classes), 4):
            assert torch.get_num_threads() == threads
        assert torch.get_num_threads() == 2
        with pytest.raises(KeyError), module._threads_for(Shape(3, 30, deep, hidden, classes), 4):
            raise KeyError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("steps", [1, 2, 16, 17, 49, 50, 51, 100, 5000])
def test_the_learning_rate_rises_over_three_percent_and_falls_along_half_a_cosine(steps):
    rise = max(1, round(0.03 * steps))
    places = np.arange(steps)
    expected = np.minimum(1, (places + 1) / rise) * np.cos(np.pi * places / steps / 2) ** 2
    found = [schedule(step, steps) for step in range(steps)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert int(np.argmax(found)) == rise - 1
    np.testing.assert_allclose(schedule(steps, steps), 0.0, atol=1e-12)


@pytest.mark.parametrize(("shape", "most"), [((3, 4), 1), ((5, 4), 2), ((4, 3, 2), 1)])
def test_each_image_of_a_batch_moves_by_a_place_of_its_own_and_every_place_is_used(shape, most):
    trainer = made_trainer(inputs=math.prod(shape), image_shape=shape, max_shift=most)
    images = trainer.rows.inputs.view(24, *shape[:2], -1).numpy()
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)), mode="edge")
    batch = torch.arange(24).repeat(12)
    used = set()
    for row, image in zip(batch.tolist(), trainer._inputs(batch).view(len(batch), *images.shape[1:]), strict=True):
        windows = {
            (down, right): padded[row, down : down + shape[0], right : right + shape[1]]
            for down in range(2 * most + 1)
            for right in range(2 * most + 1)
        }
        (found,) = (place for place, window in windows.items() if np.array_equal(window, image))
        used.add(found)
    assert len(used) == (2 * most + 1) ** 2


@pytest.mark.parametrize("options", [{"image_shape": (2, 3), "max_shift": 0}, {"image_shape": None, "max_shift": 0}])
def test_what_is_not_to_move_does_not(options):
    trainer = made_trainer(**options)
    batch = torch.tensor([3, 1, 3])
    assert torch.equal(trainer._inputs(batch), trainer.rows.inputs[batch])


def test_adamw_leaves_a_parameter_without_a_gradient_and_moves_one_with_a_tiny_gradient():
    alone, tiny = torch.ones(3), torch.tensor([1.0, 1.0])
    optimizer = AdamW([alone, tiny], (0.5, 0.0))
    tiny.grad = torch.tensor([1e-8, 0.0])
    optimizer.step(0.1)
    assert alone.tolist() == [1.0] * 3
    np.testing.assert_allclose(tiny, [1.0 - 0.1 * 1e-8 / (1e-8 + 1e-8), 1.0], rtol=1e-6)


def test_training_does_not_import_the_compiler_of_torch():
    code = (
        "import sys, numpy as np, logitwise as lw\n"
        "lw.Classifier((4,), epochs=2).fit(np.arange(40.0).reshape(20, 2), np.arange(20) % 2)\n"
        "print('torch._dynamo' in sys.modules)\n"
    )
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout) == (0, "False\n"), result.stderr
