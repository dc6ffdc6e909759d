"""diagnose(): what it finds between a model and its loss, and that it leaves both as they were."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
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
        lambda: network(nn.Sigmoid()), TARGET, nn.functional.cross_entropy, "sigmoid at the end", "what a sigmoid",
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
    "too many outputs": (lambda: network(outputs=50), TARGET, None, "too many outputs", "got 50 for labels from 0"),
    "one class": (network, TARGET * 0 + 2, None, "one class", "class 2 in all 64 rows"),
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
    assert "Nothing wrong was found." in capsys.readouterr().out


def test_the_table():
    torch.manual_seed(0)
    diagnosis = lw.diagnose(network(), INPUTS, TARGET)
    assert diagnosis.output_shape == (64, 4)
    assert diagnosis.guessing_loss == math.log(4)
    assert math.isclose(diagnosis.first_loss, lw.cross_entropy(network()(INPUTS), TARGET).item(), rel_tol=1e-6)
    first, *_, last = str(diagnosis).splitlines()
    assert (first, last) == ("loss            cross_entropy", "Nothing wrong was found.")


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


def test_what_is_no_model_or_target_is_refused():
    with pytest.raises(TypeError, match=r"^model must be a torch module; got function\.$"):
        lw.diagnose(lambda x: x, INPUTS, TARGET)
    with pytest.raises(TypeError, match=r"^target must be a torch tensor; got a NumPy array\. Use torch\.as_tensor\.$"):
        lw.diagnose(network(), INPUTS, TARGET.numpy())
    with pytest.raises(TypeError, match=r"^model must return a tensor, or an object with logits; got tuple\.$"):
        lw.diagnose(nn.LSTM(20, 4), INPUTS, TARGET)
