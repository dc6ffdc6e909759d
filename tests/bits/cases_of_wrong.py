"""Wrong inputs: the exception or the warnings that they give, word for word. The lists are in `wrong/`, one a line."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

import harness
import numpy as np
import polars as pl
import torch
from harness import message
from torch import nn

import logitwise as lw

ROWS, CLASSES = 32, 5
WRONG = harness.HERE / "wrong"
INF, NAN = np.inf, np.nan


def _numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape) * 2


def _labels(*shape: int, classes: int = CLASSES) -> np.ndarray:
    return np.arange(int(np.prod(shape))).reshape(shape) % classes


def _tensor(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.tensor(_numbers(*shape)).to(dtype)


def _with(array: np.ndarray, index: Any, value: float) -> np.ndarray:
    changed = array.copy()
    changed[index] = value
    return changed


def _spoiled(array: np.ndarray, **changes: float) -> np.ndarray:
    """Return a copy with `r1c2=value` set in row 1 and column 2, and `r1=value` in all of row 1."""
    array = np.array(array, dtype=np.float64)
    for place, value in changes.items():
        array[tuple(int(number) for number in place[1:].split("c"))] = value
    return array


def _shared() -> dict[str, Any]:
    return {"lw": lw, "np": np, "torch": torch, "pl": pl, "nn": nn, "INF": INF, "NAN": NAN}


def _errors() -> dict[str, Any]:
    return {**_shared(), "LOGITS": np.zeros((4, 3)), "TARGET": np.array([0, 1, 2, 0]), "TENSOR": torch.zeros(4, 3)}


def _planted() -> dict[str, Any]:
    logits, target = _numbers(ROWS, CLASSES), _labels(ROWS)
    square_labels = np.random.default_rng(3).permutation(16)
    return {
        **_shared(),
        "ROWS": ROWS,
        "CLASSES": CLASSES,
        "LOGITS": logits,
        "TARGET": target,
        "TENSOR": _tensor(ROWS, CLASSES),
        "INDEX": torch.tensor(target),
        "BLOCK": _numbers(4, CLASSES, 6),
        "BLOCK_TARGET": _labels(4, 6),
        "PROBABILITIES": lw.softmax(logits),
        "SQUARE_LABELS": square_labels,
        "SQUARE": np.eye(16)[square_labels] * 20 + _numbers(16, 16),
        "_numbers": _numbers,
        "_tensor": _tensor,
        "_leaf": lambda *shape: _tensor(*shape).requires_grad_(),
        "_with": _with,
        "_soft": lambda value=1.0: np.eye(CLASSES)[target] * value,
    }


def _sentences() -> dict[str, Any]:
    logits = np.array([[0.0, 1.0, 2.0], [2.0, 0.0, 1.0], [1.0, 0.0, -1.0], [0.5, 0.25, 0.0]])
    return {
        **_shared(),
        "LOGITS": logits,
        "TARGET": np.array([0, 1, 2, 0]),
        "PROBABILITIES": np.array([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125], [0.25, 0.25, 0.5], [1.0, 0.0, 0.0]]),
        "COLUMNS": np.array([[0.5, 0.1, 0.2], [0.2, 0.2, 0.3], [0.2, 0.3, 0.4], [0.1, 0.4, 0.1]]),
        "BLOCK": np.arange(24.0).reshape(2, 3, 4) % 5,
        "leaf": lambda: torch.tensor(logits, requires_grad=True),
        "spoiled": _spoiled,
    }


@cache
def _fitted() -> Any:
    generator = np.random.default_rng(0)
    frame = pl.DataFrame({"n": generator.normal(size=60), "t": [("a", "b", "c")[i % 3] for i in range(60)]})
    return lw.Classifier((4,), members=2, steps=10).fit(frame, [("x", "y")[i % 2] for i in range(60)])


def _classifier() -> dict[str, Any]:
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, 200)
    X = generator.normal(size=(200, 3)) + 2 * np.eye(3)[y]
    return {
        **_shared(),
        "X": X,
        "Y": y,
        "Classifier": lw.Classifier,
        "Small": partial(lw.Classifier, (), members=2, steps=5),
        "FITTED": _fitted,
        "FRAME": pl.DataFrame({"n": [1.0, 2.0], "t": ["a", "q"]}),
        "FOLDER": harness.folder(),
    }


SPACES = {"errors": _errors, "planted": _planted, "sentences": _sentences, "classifier": _classifier}


def _evaluate(line: str, space: str) -> Any:
    return eval(compile(line, "<case>", "eval"), SPACES[space]())


def _network(*more: nn.Module, outputs: int = 4) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, outputs), *more)


def _diagnoses() -> dict[str, Any]:
    target = torch.arange(64) % 4
    binary = (target % 2).float()
    return {
        "right": (_network, target, None),
        "softmax": (lambda: _network(nn.Softmax(1)), target, None),
        "sigmoid": (lambda: _network(nn.Sigmoid()), target, nn.functional.cross_entropy),
        "sigmoid, binary": (lambda: _network(nn.Sigmoid(), outputs=1), binary[:, None], nn.BCEWithLogitsLoss()),
        "log_softmax": (lambda: _network(nn.LogSoftmax(1)), target, nn.CrossEntropyLoss()),
        "relu": (lambda: _network(nn.ReLU()), target, None),
        "NLLLoss": (_network, target, nn.NLLLoss()),
        "BCELoss": (lambda: _network(outputs=1), binary[:, None], nn.BCELoss()),
        "one output": (lambda: _network(outputs=1), target, nn.CrossEntropyLoss()),
        "too few outputs": (lambda: _network(outputs=3), target, None),
        "counted from 1": (_network, target + 1, None),
        "too many outputs": (lambda: _network(outputs=50), target, None),
        "one class": (_network, target * 0 + 2, None),
        "all ignored": (_network, target * 0 - 100, None),
        "shapes": (_network, binary, nn.BCEWithLogitsLoss()),
        "explodes": (_network, target, lambda z, y: 1e4 * nn.functional.cross_entropy(z, y)),
        "binary": (lambda: _network(outputs=1), binary, None),
        "soft": (_network, nn.functional.one_hot(target).float(), None),
    }


def _diagnose(name: str) -> Any:
    make, target, loss = _diagnoses()[name]
    inputs = torch.tensor(np.random.default_rng(0).normal(size=(64, 20)).astype(np.float32))
    found = lw.diagnose(make(), inputs, target, loss)
    numbers = [found.output_shape, found.guessing_loss, found.first_loss, found.gradient, found.last_loss]
    return [str(found), [[each.kind, each.sentence] for each in found.findings], numbers]


def lines(path: Path) -> list[str]:
    """Return the lines of a list."""
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def add() -> None:
    """Add the cases of this file."""
    for space in SPACES:
        for line in lines(WRONG / f"{space}.txt"):
            message(f"wrong {space} / {line}", partial(_evaluate, line, space))
    for name in _diagnoses():
        harness.case(f"diagnose / {name}", _quietly(partial(_diagnose, name)))


def _quietly(call: Any) -> Any:
    import contextlib
    import io

    def quiet() -> Any:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            result = call()
        return [result, printed.getvalue()]

    return quiet
