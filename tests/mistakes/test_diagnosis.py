"""diagnose(): what it finds between a model and its loss, and that it leaves both as they were."""

from __future__ import annotations

import copy
import math
import random
import types
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import logitwise as lw

ROWS = 64
INPUTS = torch.tensor(np.random.default_rng(0).normal(size=(ROWS, 20)).astype(np.float32))
TARGET = torch.arange(ROWS) % 4
BINARY = (TARGET % 2).float()


def network(*more: nn.Module, outputs: int = 4) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, outputs), *more)


class Cut(nn.Module):
    """Lets no gradient through."""

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        return scores.detach() + torch.zeros((), requires_grad=True)


class Spoiled(nn.Module):
    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        return torch.where(torch.arange(ROWS)[:, None] == 3, torch.nan, scores)


WRONG: dict[str, tuple[Callable[[], nn.Module], torch.Tensor, Any, str, str]] = {
    "softmax": (lambda: network(nn.Softmax(1)), TARGET, None, "softmax at the end", "Remove the softmax"),
    "softmax, torch's loss": (
        lambda: network(nn.Softmax(1)), TARGET, nn.CrossEntropyLoss(), "softmax at the end", "CrossEntropyLoss applies",
    ),
    "sigmoid, cross-entropy": (
        lambda: network(nn.Sigmoid()), TARGET, nn.functional.cross_entropy, "sigmoid at the end", "result of a sigmoid",
    ),
    "sigmoid, binary loss": (
        lambda: network(nn.Sigmoid(), outputs=1), BINARY[:, None], nn.BCEWithLogitsLoss(), "sigmoid at the end",
        "applies the sigmoid",
    ),
    "log_softmax": (
        lambda: network(nn.LogSoftmax(1)), TARGET, nn.CrossEntropyLoss(), "log_softmax at the end", "needs no",
    ),
    "relu": (lambda: network(nn.ReLU()), TARGET, None, "relu at the end", "Remove the last ReLU"),
    "scores in NLLLoss": (network, TARGET, nn.NLLLoss(), "no log_softmax", "Use cross_entropy"),
    "scores in BCELoss": (
        lambda: network(outputs=1), BINARY[:, None], nn.BCELoss(), "no sigmoid", "Use BCEWithLogitsLoss",
    ),
    "one output": (lambda: network(outputs=1), TARGET, nn.CrossEntropyLoss(), "one output", "always 0"),
    "too few outputs": (lambda: network(outputs=3), TARGET, None, "too few outputs", "3 outputs; got 0 to 3"),
    "counted from 1": (network, TARGET + 1, None, "too few outputs", "counted from 1"),
    "too many outputs": (lambda: network(outputs=50), TARGET, None, "too many outputs", "50 outputs for labels from 0"),
    "all ignored": (network, TARGET * 0 - 100, None, "no rows", "not ignored"),
    "shapes": (network, BINARY, nn.BCEWithLogitsLoss(), "shapes", r"got \(64, 4\)"),
    "inputs not scaled": (
        lambda: nn.Sequential(nn.Flatten(), _Scaled(1000.0), *network()), TARGET, None, "first loss", "about 1.39",
    ),
    "no gradient": (lambda: network(Cut()), TARGET, None, "does not learn", "reach the parameters"),
    "sum of losses": (
        network, TARGET, lambda z, y: 1e4 * nn.functional.cross_entropy(z, y), "gradient explodes", "mean of the loss",
    ),
    "saturated": (
        lambda: network(_Scaled(1e5), nn.Softmax(1)), TARGET, lambda z, y: nn.functional.nll_loss(z.log(), y),
        "gradient", "finite",
    ),
    "NaN": (lambda: network(Spoiled()), TARGET, None, "not finite", r"got nan at index \(3, 0\)"),
    "refused": (
        network, TARGET, lambda z, y: nn.functional.mse_loss(z, y[:5, None]), "refused", "size of tensor",
    ),
}  # fmt: skip


class _Scaled(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        return scores * self.factor


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(name, capsys):
    make, target, loss, kind, sentence = WRONG[name]
    diagnosis = lw.diagnose(make(), INPUTS, target, loss)
    found = {finding.kind: finding.sentence for finding in diagnosis.findings}
    assert kind in found, found
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(found[kind])
    assert f"- {kind}: {found[kind]}" in capsys.readouterr().out


RIGHT = {
    "cross-entropy": (network, TARGET, None),
    "torch's loss": (network, TARGET, nn.CrossEntropyLoss()),
    "weights": (network, TARGET, nn.CrossEntropyLoss(weight=torch.ones(4), label_smoothing=0.1)),
    "NLLLoss": (lambda: network(nn.LogSoftmax(1)), TARGET, nn.NLLLoss()),
    "BCELoss": (lambda: network(nn.Sigmoid(), outputs=1), BINARY[:, None], nn.BCELoss()),
    "binary": (lambda: network(outputs=1), BINARY, None),
    "binary with integers": (lambda: network(outputs=1), TARGET % 2, None),
    "soft target": (network, torch.nn.functional.one_hot(TARGET).float(), None),
    "batch norm and dropout": (lambda: nn.Sequential(nn.BatchNorm1d(20), nn.Dropout(0.2), *network()), TARGET, None),
    "a loss of another kind": (network, TARGET, lambda z, y: (z - nn.functional.one_hot(y)).square().mean()),
}


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_found_where_nothing_is_wrong(name, capsys):
    make, target, loss = RIGHT[name]
    diagnosis = lw.diagnose(make(), INPUTS, target, loss)
    assert diagnosis.findings == ()
    assert diagnosis.last_loss < diagnosis.first_loss
    assert "No problem was found." in capsys.readouterr().out


def test_the_table():
    torch.manual_seed(0)
    diagnosis = lw.diagnose(network(), INPUTS, TARGET)
    assert diagnosis.output_shape == (64, 4)
    assert diagnosis.guessing_loss == math.log(4)
    assert math.isclose(diagnosis.first_loss, lw.cross_entropy(network()(INPUTS), TARGET).item(), rel_tol=1e-6)
    first, *_, last = str(diagnosis).splitlines()
    assert (first, last) == ("loss            cross_entropy", "No problem was found.")


def test_nothing_is_changed():
    model = nn.Sequential(nn.BatchNorm1d(20), nn.Dropout(0.5), *network(), nn.Softmax(1)).eval()
    model[0].train()
    model[2].weight.grad = torch.ones_like(model[2].weight)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    lw.diagnose(model, INPUTS, TARGET)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(model[2].weight.grad, torch.ones_like(model[2].weight))
    assert [parameter.grad is None for parameter in model[4].parameters()] == [True, True]
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    np.testing.assert_array_equal(np.random.get_state()[1], states[2])  # noqa: NPY002


def test_the_same_batch_gets_the_same_diagnosis():
    model = nn.Sequential(nn.Dropout(0.5), *network())
    assert lw.diagnose(model, INPUTS, TARGET) == lw.diagnose(model, INPUTS, TARGET)


def test_inputs_of_several_arguments_and_by_name():
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
            return self.inner(left + right)

    model = Two()
    given = lw.diagnose(model, (INPUTS, INPUTS), TARGET)
    assert given == lw.diagnose(model, {"left": INPUTS, "right": INPUTS}, TARGET)
    assert given.findings == ()


# --- the numbers, by hand ---------------------------------------------------------------------------------------------


def losses_by_hand(model: nn.Module, loss: Callable, step_size: float, target: torch.Tensor = TARGET) -> list[float]:
    """Return the loss before, and after each of 20 steps of Adam on the batch."""
    model, losses = copy.deepcopy(model), []
    optimizer = torch.optim.Adam(model.parameters(), lr=step_size)
    for _ in range(21):
        value = loss(model(INPUTS), target)
        losses.append(value.item())
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return losses


LOSSES = {
    "cross-entropy": (4, TARGET, nn.CrossEntropyLoss(), math.log(4)),
    "sum": (4, TARGET, nn.CrossEntropyLoss(reduction="sum"), math.log(4)),
    "of each row": (4, TARGET, nn.CrossEntropyLoss(reduction="none"), math.log(4)),
    "binary": (1, BINARY[:, None], nn.BCEWithLogitsLoss(), math.log(2)),
    "squares": (4, torch.eye(4)[TARGET], nn.functional.mse_loss, math.nan),
}


@pytest.mark.parametrize("name", LOSSES)
def test_every_number_is_that_of_a_plain_training(name):
    outputs, target, loss, guessing = LOSSES[name]
    model = network(outputs=outputs)
    scores = model(INPUTS)
    mean = loss(scores, target).mean()
    (gradient,) = torch.autograd.grad(mean, scores)
    expected = losses_by_hand(model, lambda z, y: loss(z, y).mean(), 1e-2, target)
    diagnosis = lw.diagnose(model, INPUTS, target, loss)
    assert diagnosis.output_shape == (ROWS, outputs)
    assert math.isclose(diagnosis.first_loss, mean.item(), rel_tol=1e-6)
    assert math.isclose(diagnosis.gradient, (gradient.double().norm(dim=1) * ROWS).median().item(), rel_tol=1e-5)
    assert math.isclose(diagnosis.last_loss, min(expected[1:]), rel_tol=1e-4)
    assert diagnosis.last_loss < min(expected[1:-1]) * (1 - 1e-4) or name == "sum"  # the last step counts
    assert repr(diagnosis.guessing_loss) == repr(guessing)


class Steep(nn.Module):
    """Gives a loss that falls as far as 0.006 from where it starts, and is high beyond."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(()))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.place + torch.zeros(len(inputs), 4)


def steep_loss(scores: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    place = scores.mean()
    return torch.where(place < 0.006, 1.0 - 20.0 * place, 3.0 - place)


def test_a_smaller_step_is_tried_where_the_first_does_not_lower_the_loss():
    assert min(losses_by_hand(Steep(), steep_loss, 1e-2)[1:]) > 2.0
    expected = min(losses_by_hand(Steep(), steep_loss, 1e-3)[1:])
    assert 0.8 < expected < 0.98
    diagnosis = lw.diagnose(Steep(), INPUTS, TARGET, steep_loss)
    assert math.isclose(diagnosis.last_loss, expected, rel_tol=1e-5)
    assert diagnosis.findings == ()


@pytest.mark.parametrize(("slope", "is_found"), [(0.9, True), (1.1, False)])
def test_a_loss_falls_by_two_hundredths(slope, is_found):
    """20 steps of 0.01 each lower it by 0.2 of its slope over ten."""
    diagnosis = lw.diagnose(Steep(), INPUTS, TARGET, lambda z, y: 1.0 - 0.1 * slope * z.mean())
    assert math.isclose(diagnosis.last_loss, 1.0 - 0.02 * slope, rel_tol=1e-4)
    assert [finding.kind for finding in diagnosis.findings] == ["does not learn"] * is_found
    if is_found:
        assert "got 1 at first and 0.982 at best" in diagnosis.findings[0].sentence


@pytest.mark.parametrize(("first", "is_found"), [(0.049, False), (0.051, True)])
def test_a_loss_that_is_low_has_no_way_to_go(first, is_found):
    diagnosis = lw.diagnose(Steep(), INPUTS, TARGET, lambda z, y: first + 0.0 * z.mean())
    assert diagnosis.last_loss == pytest.approx(first)
    assert [finding.kind for finding in diagnosis.findings] == ["gradient vanishes", "does not learn"] * is_found


class Fixed(nn.Module):
    """Returns scores that it was given, each of them a parameter."""

    def __init__(self, scores: torch.Tensor) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.as_tensor(scores, dtype=torch.float32))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.scores + 0.0


def kinds(scores: Any, target: torch.Tensor, loss: Any = None) -> list[str]:
    model = Fixed(scores) if not isinstance(scores, nn.Module) else scores
    return [finding.kind for finding in lw.diagnose(model, INPUTS[: len(target)], target, loss).findings]


def test_a_first_loss_is_far_beyond_twice_that_of_guessing_and_a_half():
    for more, found in ((-0.01, []), (0.01, ["first loss"])):
        wanted = 2 * math.log(2) + 0.5 + more
        high = math.log(math.expm1(wanted))
        assert kinds(torch.tensor([[high, 0.0], [0.0, high]]).repeat(4, 1), torch.tensor([1, 0]).repeat(4)) == found


@pytest.mark.parametrize("label", [0, 2])
def test_a_batch_of_one_class_is_no_problem(label):
    """As in contrastive losses, whose target is class 0 in every row, and whose other outputs are no classes."""
    for rows in (8, 64):
        assert kinds(torch.zeros(rows, 16), torch.full((rows,), label)) == []


@pytest.mark.parametrize(("rows", "found"), [(14, []), (15, ["too many outputs"])])
def test_outputs_without_labels_are_said_where_chance_would_have_given_one(rows, found):
    """Labels 0 and 1 of four classes: rows times log 2 is beyond 10 from 15 rows on."""
    assert kinds(torch.zeros(rows, 4), torch.arange(rows) % 2) == found
    assert kinds(torch.zeros(rows, 4), torch.arange(rows) % 2 * 3) == []  # the highest label is there


def test_labels_are_those_that_are_not_ignored():
    target = torch.tensor([0, 1, -100, 7, 2, 1, 0, 2])
    scores = torch.zeros(8, 3)
    assert kinds(scores, torch.where(target == 7, -100, target)) == []
    assert kinds(scores, target) == ["too few outputs"]
    assert kinds(scores, torch.where(target == -100, 0, target), nn.CrossEntropyLoss(ignore_index=7)) == []
    assert kinds(scores, torch.where(target == 7, -1, target)) == ["too few outputs"]
    assert kinds(scores, torch.tensor([1, 2, 3, 1, 2, 3, 1, 2])) == ["too few outputs"]
    (finding,) = lw.diagnose(Fixed(scores), INPUTS[:8], torch.tensor([0, 3] * 4)).findings
    assert finding.sentence == (
        "the labels must be in [0, 2] for 3 outputs; got 0 to 3. Give the model an output for each class."
    )


SHARES = torch.softmax(torch.randn(8, 3, generator=torch.Generator().manual_seed(1)), 1)
LABELS = torch.arange(8) % 3


def test_probabilities_are_known_by_their_values_from_four_rows():
    assert kinds(SHARES, LABELS) == ["softmax at the end"]
    assert kinds(SHARES[:4], LABELS[:4]) == ["softmax at the end"]
    assert kinds(SHARES[:3], LABELS[:3]) == []
    for row in (0, 7):
        for place in (0, 2):
            changed = SHARES.clone()
            changed[row, place] += 0.002
            assert kinds(changed, LABELS) == []
            changed[row, place] -= 0.0015
            assert kinds(changed, LABELS) == ["softmax at the end"]
    negative = SHARES.clone()
    negative[5] = torch.tensor([0.7, 0.5, -0.2])
    assert kinds(negative, LABELS) == []
    assert kinds(torch.eye(3)[torch.arange(8) % 3] * 1.0, LABELS) == ["softmax at the end"]
    assert kinds(torch.ones(8), torch.tensor([0.0, 1.0] * 4)) == []  # one output a row


def test_what_does_not_fit_is_found_alone():
    """Nothing else is looked at, nor the loss asked, which would refuse it too."""
    for scores, target, loss, found in (
        (torch.zeros(8, 3), torch.ones(8), nn.BCEWithLogitsLoss(), "shapes"),
        (torch.full((8, 1), 0.5), LABELS, nn.CrossEntropyLoss(), "one output"),
        (torch.zeros(8, 2), LABELS, None, "too few outputs"),
        (torch.zeros(8, 3), LABELS - 1, None, "too few outputs"),
        (torch.zeros(8, 3), LABELS * 0 - 100, None, "no rows"),
        (torch.full((8, 3), torch.nan), LABELS, None, "not finite"),
    ):
        assert kinds(scores, target, loss) == [found]


def test_probabilities_behind_a_relu_end_in_the_relu():
    assert kinds(nn.Sequential(Fixed(SHARES), nn.ReLU()), LABELS) == ["relu at the end"]


def test_classes_are_on_axis_1_of_outputs_with_more_axes():
    scores = torch.randn(8, 3, 4, generator=torch.Generator().manual_seed(3))
    target = torch.arange(32).reshape(8, 4) % 3
    diagnosis = lw.diagnose(Fixed(scores), INPUTS[:8], target)
    assert (diagnosis.findings, diagnosis.output_shape) == ((), (8, 3, 4))
    assert diagnosis.guessing_loss == math.log(3)
    assert math.isclose(diagnosis.first_loss, nn.functional.cross_entropy(scores, target).item(), rel_tol=1e-6)
    assert kinds(scores.softmax(1), target) == ["softmax at the end"]
    assert kinds(scores, torch.full((8, 4), 2)) == []


TEXT = torch.randn(8, 4, 7, generator=torch.Generator().manual_seed(3))
TEXT_TARGET = torch.arange(32).reshape(8, 4) % 7


def test_classes_on_another_axis_than_the_loss_takes():
    (finding,) = lw.diagnose(Fixed(TEXT), INPUTS[:8], TEXT_TARGET, nn.CrossEntropyLoss()).findings
    assert finding == lw.diagnosis.Finding(
        "class axis",
        "the outputs must have their classes on axis 1 for CrossEntropyLoss; got shape (8, 4, 7) for a target of shape "
        "(8, 4), which fits classes on axis 2. Pass the loss outputs.movedim(2, 1).",
    )
    assert kinds(TEXT.movedim(2, 1), TEXT_TARGET, nn.CrossEntropyLoss()) == []
    assert kinds(TEXT.movedim(2, 1), TEXT_TARGET, lw.cross_entropy) == ["class axis"]


def test_the_axis_of_a_loss_of_ours_and_without_a_loss():
    for loss in (lw.cross_entropy, None):
        diagnosis = lw.diagnose(Fixed(TEXT), INPUTS[:8], TEXT_TARGET, loss)
        assert (diagnosis.findings, diagnosis.guessing_loss) == ((), math.log(7))
        assert math.isclose(diagnosis.first_loss, lw.cross_entropy(TEXT, TEXT_TARGET).item(), rel_tol=1e-6)
        assert kinds(TEXT.softmax(2), TEXT_TARGET, loss) == ["softmax at the end"]
    assert kinds(TEXT, TEXT_TARGET + 3) == ["too few outputs"]


def test_a_row_without_a_batch_is_taken_as_it_is():
    diagnosis = lw.diagnose(Fixed(torch.zeros(3)), INPUTS[0], torch.tensor(2), nn.CrossEntropyLoss())
    assert math.isnan(diagnosis.guessing_loss)
    assert math.isclose(diagnosis.first_loss, math.log(3), rel_tol=1e-6)


@pytest.mark.parametrize("shape", [(8,), (8, 1)])
def test_one_output_a_row_is_a_binary_problem(shape):
    scores = torch.randn(shape, generator=torch.Generator().manual_seed(4))
    labels = torch.arange(8) % 2
    for target in (labels, labels.float(), labels.reshape(shape)):
        diagnosis = lw.diagnose(Fixed(scores), INPUTS[:8], target)
        assert (diagnosis.loss_name, diagnosis.guessing_loss) == ("binary_cross_entropy_with_logits", math.log(2))
        expected = nn.functional.binary_cross_entropy_with_logits(scores, labels.reshape(shape).float())
        assert math.isclose(diagnosis.first_loss, expected.item(), rel_tol=1e-6)
        assert diagnosis.findings == ()


def test_the_place_of_an_output_that_is_not_finite():
    scores = torch.zeros(8, 3)
    scores[5, 1], scores[6, 0] = -torch.inf, torch.nan
    (finding,) = lw.diagnose(Fixed(scores), INPUTS[:8], LABELS).findings
    assert (finding.kind, finding.sentence[:58]) == (
        "not finite", "the outputs must be finite; got -inf at index (5, 1). Look",
    )  # fmt: skip


def test_classes_left_out_by_minus_infinity_are_left_out_by_a_mask():
    scores = torch.zeros(8, 3)
    scores[:, 2] = -torch.inf
    (finding,) = lw.diagnose(Fixed(scores), INPUTS[:8], LABELS % 2).findings
    assert finding.sentence == (
        "the outputs must be finite; got -inf at index (0, 2). To leave classes out, use a loss with mask=, such as "
        "logitwise.nn.CrossEntropyLoss."
    )
    loss, mask = lw.nn.CrossEntropyLoss(), torch.tensor([True, True, False, False])
    found = lw.diagnose(network(), INPUTS, TARGET % 2, lambda z, y: loss(z, y, mask=mask))
    assert not found.findings
    assert found.last_loss < found.first_loss


def test_the_family_of_a_loss_tells_what_it_applies():
    class Mine(nn.CrossEntropyLoss):
        pass

    for loss, name in ((Mine(), "Mine"), (nn.functional.cross_entropy, "cross_entropy"), (None, "cross_entropy")):
        diagnosis = lw.diagnose(Fixed(SHARES), INPUTS[:8], LABELS, loss)
        assert (diagnosis.loss_name, diagnosis.guessing_loss) == (name, math.log(3))
        assert [finding.kind for finding in diagnosis.findings] == ["softmax at the end"]
    assert kinds(SHARES, LABELS, lambda z, y: nn.functional.cross_entropy(z, y)) == []
    assert kinds(SHARES.log(), LABELS, nn.NLLLoss()) == []
    assert kinds(-SHARES.log(), LABELS, nn.functional.nll_loss) == ["no log_softmax"]
    for loss in (nn.BCELoss(), nn.functional.binary_cross_entropy):
        assert kinds(SHARES * 0.5 + 0.25, SHARES.round(), loss) == []
        assert kinds(SHARES + 0.9, (SHARES > 0.3).float(), loss)[0] == "no sigmoid"
        assert kinds(SHARES - 0.5, (SHARES > 0.3).float(), loss)[0] == "no sigmoid"
    for loss in (nn.BCEWithLogitsLoss(), nn.functional.binary_cross_entropy_with_logits):
        diagnosis = lw.diagnose(Fixed(SHARES - 0.5), INPUTS[:8], (SHARES > 0.3).float(), loss)
        assert (diagnosis.guessing_loss, diagnosis.findings) == (math.log(2), ())
    (finding,) = lw.diagnose(Fixed(SHARES), INPUTS[:8], (SHARES > 0.3).float(), nn.BCEWithLogitsLoss()).findings
    assert finding.sentence.startswith(
        "the model must return scores, since BCEWithLogitsLoss applies the sigmoid; got the result of a softmax."
    )


def test_scores_that_leave_what_a_loss_takes_are_found_after_some_steps():
    """Scores in [0, 1] at first are no probabilities, which a sigmoid would keep there."""
    scores = torch.tensor([[0.985, 0.5], [0.5, 0.985]])
    diagnosis = lw.diagnose(Fixed(scores), INPUTS[:2], torch.eye(2), nn.BCELoss())
    (finding,) = diagnosis.findings
    assert finding.kind == "refused"
    assert finding.sentence.startswith("the loss refuses what the model returns after 2 steps: ")
    assert diagnosis.last_loss < diagnosis.first_loss


def test_gradients_that_are_far_from_one_a_row():
    scores = torch.randn(8, 3, generator=torch.Generator().manual_seed(2))
    for factor, found in ((0.9e-4, ["gradient vanishes"]), (1.1e-4, []), (99.0, []), (101.0, ["gradient explodes"])):
        loss = partial(lambda factor, z, y: z[:, 0].mean() * factor + 1.0, factor)
        diagnosis = lw.diagnose(Fixed(scores - scores[:, 0].mean()), INPUTS[:8], LABELS, loss)
        assert math.isclose(diagnosis.gradient, factor, rel_tol=1e-4)
        assert [finding.kind for finding in diagnosis.findings if finding.kind.startswith("gradient")] == found


class Counting(nn.Module):
    """Draws from every random generator, and counts its calls in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.frozen, self.dropout = network(), nn.Linear(4, 4), nn.Dropout(0.3)
        self.frozen.requires_grad_(requires_grad=False)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        noise = random.random() + np.random.random()  # noqa: NPY002
        return self.frozen(self.dropout(self.inner(inputs))) + noise + self.calls * 0.1


def test_a_model_that_draws_leaves_every_generator_as_it_was_and_is_seeded():
    diagnoses = []
    for seed in (1, 2):
        torch.manual_seed(0)
        model = Counting()
        torch.manual_seed(seed)
        states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
        with torch.no_grad():
            diagnoses.append(lw.diagnose(model, INPUTS, TARGET))
        assert torch.equal(torch.get_rng_state(), states[0])
        assert random.getstate() == states[1]
        np.testing.assert_array_equal(np.random.get_state()[1], states[2])  # noqa: NPY002
        assert model.calls == 0
    assert diagnoses[0].findings == ()
    assert diagnoses[0].first_loss == diagnoses[1].first_loss  # a common offset of all scores changes nothing
    assert diagnoses[0].last_loss == pytest.approx(diagnoses[1].last_loss, rel=1e-4)


def test_a_model_that_fails_leaves_everything_as_it_was():
    class Failing(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            random.random()
            raise ArithmeticError

    model, state = nn.Sequential(nn.Dropout(), Failing()).eval(), random.getstate()
    with lw.checks("raise"), pytest.raises(ArithmeticError):
        lw.diagnose(model, INPUTS, TARGET)
    assert not any(module.training for module in model.modules())
    assert random.getstate() == state
    assert lw.checks().mode == "warn"


def test_a_model_without_trained_parameters_is_told_of_the_graph_alone():
    diagnosis = lw.diagnose(network().requires_grad_(requires_grad=False), INPUTS, TARGET)
    assert [finding.kind for finding in diagnosis.findings] == ["no gradient"]
    assert math.isnan(diagnosis.gradient)
    assert diagnosis.last_loss == diagnosis.first_loss


def test_frozen_layers_stay_frozen():
    model = network()
    model[0].requires_grad_(requires_grad=False)
    expected = min(losses_by_hand(model, nn.CrossEntropyLoss(), 1e-2)[1:])
    assert math.isclose(lw.diagnose(model, INPUTS, TARGET).last_loss, expected, rel_tol=1e-4)


def test_outputs_that_are_an_object_with_logits():
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, inputs: torch.Tensor) -> Any:
            return types.SimpleNamespace(logits=self.inner(inputs))

    torch.manual_seed(0)
    assert lw.diagnose(Named(), INPUTS, TARGET) == lw.diagnose(network(), INPUTS, TARGET)


def test_what_is_printed_is_the_table_and_the_findings(capsys):
    diagnosis = lw.diagnose(Fixed(torch.zeros(8, 3)), INPUTS[:8], LABELS * 0 + 1, lambda z, y: z.sum() * math.nan)
    assert capsys.readouterr().out == f"{diagnosis}\n"
    assert str(diagnosis).splitlines() == [
        "loss            <lambda>",
        "outputs         (8, 3)",
        "first loss      none (guessing: none)",
        "row gradient    none",
        "after 20 steps  none",
        "- not finite: the loss must be finite; got nan. Look at the target and its weights.",
        "- gradient: the gradient at the outputs must be finite; got NaN or infinities.",
    ]


def test_what_is_no_model_or_target_is_refused():
    with pytest.raises(TypeError, match=r"^model must be a torch module; got function\.$"):
        lw.diagnose(lambda x: x, INPUTS, TARGET)
    with pytest.raises(TypeError, match=r"^target must be a torch tensor; got a NumPy array\. Use torch\.as_tensor\.$"):
        lw.diagnose(network(), INPUTS, TARGET.numpy())
    with pytest.raises(TypeError, match=r"^model must return a tensor, or an object with logits; got tuple\.$"):
        lw.diagnose(nn.LSTM(20, 4), INPUTS, TARGET)
