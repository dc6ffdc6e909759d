"""What looking for mistakes costs, and how often it is wrong: cross-entropy with gradient under "warn" and "off"."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from benchmarks.cross_entropy import inputs
from benchmarks.measure import paired
from benchmarks.shapes import SHAPES

import logitwise as lw

MATRICES = 100_000
SCALES = (0.01, 0.1, 1.0, 3.0, 10.0, 100.0)


def cost(name: str, seconds: float) -> list[str]:
    """Return a row of the table for arrays and one for tensors with autograd, at a named shape."""
    logits, target = inputs(*SHAPES[name], "float32")
    leaf = logits.clone().requires_grad_()
    z, t = logits.numpy(), target.numpy()

    def recorded() -> Any:
        return torch.autograd.grad(lw.cross_entropy(leaf, target), leaf)

    return [
        _row(name, "NumPy", lambda: lw.cross_entropy_and_gradient(z, t), seconds),
        _row(name, "torch, autograd", recorded, seconds),
    ]


def _row(name: str, kind: str, call: Callable[[], Any], seconds: float) -> str:
    def off() -> Any:
        with lw.checks("off"):
            return call()

    def warn() -> Any:
        with lw.checks("warn"):
            return call()

    timings = paired({"off": off, "warn": warn}, "off", seconds)
    before, after = timings["off"], timings["warn"]
    extra = (after.ratio - 1.0) * before.seconds * 1e6
    return (
        f"| {name} | {kind} | {before.seconds * 1e6:.4g} | {after.ratio - 1.0:+.1%} | "
        f"{after.low - 1.0:+.1%} to {after.high - 1.0:+.1%} | {extra:+.2f} |"
    )


def matrices(count: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Give random logits of 8 rows or more, with class indices: nothing is wrong with any of them."""
    generator = np.random.default_rng(20261125)
    made = [*(_normal(scale) for scale in SCALES), _uniform, _sparse, _one_hot, _network(0), _network(60)]
    for number in range(count):
        make = made[number % len(made)]
        rows, classes = int(generator.integers(8, 65)), int(generator.choice([2, 3, 5, 8, 10, 16, 32, 100]))
        if number % 50 == 0:
            rows = classes if classes >= 8 else rows  # squares too
        logits = make(generator, rows, classes)
        yield make.__name__, logits.astype(np.float32), generator.integers(0, classes, rows)


Maker = Callable[[np.random.Generator, int, int], np.ndarray]


def _normal(scale: float) -> Maker:
    def normal(generator: np.random.Generator, rows: int, classes: int) -> np.ndarray:
        return generator.normal(size=(rows, classes)) * scale

    return normal


def _uniform(generator: np.random.Generator, rows: int, classes: int) -> np.ndarray:
    return generator.random((rows, classes))


def _sparse(generator: np.random.Generator, rows: int, classes: int) -> np.ndarray:
    return generator.normal(size=(rows, classes)) * (generator.random((rows, classes)) < 0.1)


def _one_hot(generator: np.random.Generator, rows: int, classes: int) -> np.ndarray:
    noise = generator.normal(size=(rows, classes)) * generator.choice([0.01, 0.1, 0.5])
    return np.eye(classes)[generator.integers(0, classes, rows)] + noise


def _network(steps: int) -> Maker:
    """Return what makes outputs of a network on the bundled digits, as it is made or after some training."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    inputs, target = torch.tensor(images, dtype=torch.float32) / 16, torch.tensor(labels)
    outputs: dict[int, np.ndarray] = {}

    def network(generator: np.random.Generator, rows: int, classes: int) -> np.ndarray:
        if classes not in outputs:
            torch.manual_seed(classes)
            model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, classes))
            optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
            for _ in range(steps):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model(inputs), target % classes).backward()
                optimizer.step()
            outputs[classes] = model(inputs).detach().numpy()
        return outputs[classes][generator.integers(0, len(inputs), rows)]

    return network


def false_alarms(count: int = MATRICES) -> dict[str, int]:
    """Return how many warnings are given for inputs with which nothing is wrong, by what made them."""
    alarms: dict[str, int] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for made_by, logits, target in matrices(count):
            lw.cross_entropy(logits, target)
            alarms[made_by] = alarms.get(made_by, 0) + len(caught)
            caught.clear()
    return alarms


def tables(operation: str, shapes: list[str] | None, _: list[str] | None, seconds: float) -> Iterator[str]:
    """Yield the lines of the results, as they are measured."""
    yield from (f"### {operation}", "", "| shape | inputs | off, us | warn over off | quartiles | us more |")
    yield "|" + " --- |" * 6
    for name in shapes or SHAPES:
        yield from cost(name, seconds)
    alarms = false_alarms()
    yield from ("", f"False alarms over {MATRICES} matrices: {sum(alarms.values())} ({alarms}).", "")
