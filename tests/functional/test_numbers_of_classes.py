"""The contract for every number of classes: rows whose rounding errors all have one sign, by every route.

How a row is summed depends on how many classes it has, and a sum of equal terms shows the worst of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import logitwise as lw
from functional import extended, oracle
from functional.budgets import GRADIENT_ULP, REFERENCE_ULP, VALUE_ULP, check_ulp
from functional.extended import needs_extended
from functional.inputs import make, values_of
from logitwise import reference

EVERY = [*range(2, 301)]
BEYOND = [400, 511, 512, 513, 999, 1000, 1001, 1023, 1024, 1025, 1031, 2047, 2048, 2049, 3000, 4099, 10_007]
SOME = [2, 3, 7, 8, 9, 15, 16, 17, 33, 64, 100, 128, 200, 160, 161, 256, 257, 300, 1000, 1025, 4099]
KINDS = ["numpy float32", "numpy float64", "torch float64", "torch bfloat16", "torch float16"]
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "class weights": {"weighted": True},
    "smoothing": {"smoothing": 0.1},
    "z-loss": {"z_loss": 0.01},
    "everything": {"weighted": True, "smoothing": 0.3, "z_loss": 0.01},
}

pytestmark = [needs_extended, pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")]


@cache
def hard_rows(classes: int, dtype: str) -> np.ndarray:
    """Return rows of logits as a dtype stores them: one large among equals, spread, close together."""
    generator = np.random.default_rng(classes)
    rows = np.full((8, classes), -2.0916971314209474)
    rows[0, 0] = 0.0
    rows[1], rows[1, classes // 2] = -0.5 - classes / 1000, 0.25
    rows[2], rows[2, -1] = -0.01, 0.0
    rows[3] = 0.1
    rows[4] = np.linspace(-3.0, 0.0, classes)
    rows[5] = generator.standard_normal(classes)
    rows[6] = generator.standard_normal(classes) * 30
    rows[7], rows[7, 0] = -36.5, 1000.0 if dtype != "float16" else 10.0
    return values_of(make(rows, f"torch {dtype}"))


@cache
def truths(classes: int) -> np.ndarray:
    """Return a distribution for every row of `hard_rows`: even, random, and of one class."""
    generator = np.random.default_rng(classes + 1)
    even = np.full((3, classes), 1.0 / classes)
    one = np.eye(classes)[generator.integers(0, classes, 2)]
    return np.concatenate([even, generator.dirichlet(np.full(classes, 0.7), 3), one])


def class_weights(classes: int, weighted: bool) -> np.ndarray:
    return 0.1 + 0.3 * (np.arange(classes) % 3 == 0) if weighted else np.ones(classes)


def turned(function: Callable[..., Any], *arrays: Any, **options: Any) -> Any:
    """Call a function with its matrices turned, classes on axis 0."""
    return function(*(np.ascontiguousarray(array.T) for array in arrays), axis=0, **options)


def check_logsumexp(actual: Any, logits: np.ndarray, dtype: str) -> None:
    """Where the result cancels to near 0, ulp of the largest logit count."""
    exact = extended.logsumexp(logits).astype(np.float64)
    check_ulp(values_of(actual), exact, dtype, VALUE_ULP[dtype], scale=np.abs(logits).max(-1))


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_and_normalisers(kind):
    dtype = kind.split()[1]
    for classes in EVERY + BEYOND:
        logits = make(hard_rows(classes, dtype), kind)
        for name in ("softmax", "log_softmax"):
            exact = getattr(extended, name)(values_of(logits)).astype(np.float64)
            check_ulp(values_of(getattr(lw, name)(logits)), exact, dtype, VALUE_ULP[dtype])
        check_logsumexp(lw.logsumexp(logits), values_of(logits), dtype)


@pytest.mark.parametrize("kind", ["numpy float32", "numpy float64"])
def test_rows_side_by_side(kind):
    dtype = kind.split()[1]
    for classes in EVERY + BEYOND:
        logits, truth = make(hard_rows(classes, dtype), kind), make(truths(classes), kind)
        for name in ("softmax", "log_softmax"):
            function = getattr(lw, name)
            np.testing.assert_array_equal(turned(function, logits).T, function(logits))
        np.testing.assert_array_equal(turned(lw.logsumexp, logits), lw.logsumexp(logits))
        loss, gradient = lw.cross_entropy_and_gradient(logits, truth, reduction="none")
        turned_loss, turned_gradient = turned(lw.cross_entropy_and_gradient, logits, truth, reduction="none")
        np.testing.assert_array_equal(turned_loss, loss)
        np.testing.assert_array_equal(turned_gradient.T, gradient)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("kind", ["numpy float32", "numpy float64", "torch float64"])
@pytest.mark.parametrize("soft", [False, True], ids=["indices", "distributions"])
def test_losses_and_gradients(soft, kind, option):
    for classes in EVERY + BEYOND:
        check_losses(classes, kind, soft, **OPTIONS[option])


def check_losses(
    classes: int, kind: str, soft: bool, weighted: bool = False, smoothing: float = 0.0, z_loss: float = 0.0
) -> None:
    dtype = kind.split()[1]
    logits, weight = make(hard_rows(classes, dtype), kind), class_weights(classes, weighted)
    indices = np.arange(len(hard_rows(classes, dtype))) * 3 % classes
    truth = make(truths(classes), kind) if soft else make(np.eye(classes)[indices], kind)
    exact_loss, exact_gradient = extended.cross_entropy(values_of(logits), values_of(truth), weight, smoothing, z_loss)
    target = truth if soft else make(indices, f"{kind.split()[0]} int64")
    options = {"label_smoothing": smoothing, "z_loss": z_loss, "reduction": "none"}
    if weighted:
        options["class_weight"] = make(weight, f"{kind.split()[0]} float64")
    loss, gradient = lw.cross_entropy_and_gradient(logits, target, **options)
    check_ulp(values_of(loss), exact_loss.astype(np.float64), dtype, VALUE_ULP[dtype])
    # As in the exact gradient, what is near 0 is a difference of terms of the size of the row's pull.
    scale = 2.0 + 2.0 * z_loss * np.abs(extended.logsumexp(values_of(logits)))[:, None].astype(np.float64)
    check_ulp(
        values_of(gradient), exact_gradient.astype(np.float64), dtype, GRADIENT_ULP[dtype],
        scale=np.broadcast_to(scale, gradient.shape),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["numpy float32", "numpy float64", "torch bfloat16"])
@pytest.mark.parametrize("soft", [False, True], ids=["indices", "distributions"])
def test_masked_losses_and_gradients(soft, kind):
    framework, dtype = kind.split()
    options: dict[str, Any] = {"label_smoothing": 0.3, "z_loss": 0.01, "reduction": "none"}
    for classes in EVERY + BEYOND if dtype != "bfloat16" else SOME:
        logits, weight = make(hard_rows(classes, dtype), kind), class_weights(classes, True)
        mask = np.random.default_rng(classes).random(logits.shape) < 0.6
        indices = np.arange(len(logits)) * 3 % classes
        mask[np.arange(len(logits)), indices] = True
        truth = values_of(make(truths(classes) * mask if soft else np.eye(classes)[indices], kind))
        target = make(truth, kind) if soft else make(indices, f"{framework} int64")
        given = {"class_weight": make(weight, f"{framework} float64"), "mask": make(mask, f"{framework} bool")}
        loss, gradient = lw.cross_entropy_and_gradient(logits, target, **options, **given)
        exact = [
            extended.cross_entropy(row[taken], y[taken], weight[taken], 0.3, 0.01)
            for row, y, taken in zip(values_of(logits), truth, mask, strict=True)
        ]
        check_ulp(values_of(loss), np.array([float(each) for each, _ in exact]), dtype, VALUE_ULP[dtype])
        scale = 2.0 + 0.02 * np.abs(values_of(logits)).max(-1, keepdims=True) * np.ones(gradient.shape)
        expected = np.concatenate([each for _, each in exact]).astype(np.float64)
        check_ulp(values_of(gradient)[mask], expected, dtype, GRADIENT_ULP[dtype], scale=scale[mask])
        assert not values_of(gradient)[~mask].any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_plain_operations_of_torch(dtype):
    """What has no kernel (here: under a function transform) keeps the contract too."""
    for classes in SOME:
        logits = make(hard_rows(classes, dtype), f"torch {dtype}")
        for name in ("softmax", "log_softmax"):
            actual = torch.func.vmap(getattr(lw, name))(logits)
            exact = getattr(extended, name)(values_of(logits)).astype(np.float64)
            check_ulp(values_of(actual), exact, dtype, VALUE_ULP[dtype])
        check_logsumexp(torch.func.vmap(lw.logsumexp)(logits), values_of(logits), dtype)
        truth = make(truths(classes), f"torch {dtype}")
        loss = torch.func.vmap(lambda z, y: lw.cross_entropy(z, y, label_smoothing=0.1))(logits, truth)
        exact_loss = extended.cross_entropy(values_of(logits), values_of(truth), np.ones(classes), 0.1)[0]
        check_ulp(values_of(loss), exact_loss.astype(np.float64), dtype, VALUE_ULP[dtype])


def test_log_loss():
    for classes in SOME:
        for truth in (truths(classes), np.eye(classes)[np.arange(8) % classes]):
            probabilities = extended.softmax(hard_rows(classes, "float64") / 10).astype(np.float64)
            exact = -(truth * np.log(probabilities.astype(np.longdouble))).sum(-1).astype(np.float64)
            for actual in (
                lw.log_loss(probabilities, truth, reduction="none"),
                turned(lw.log_loss, probabilities, truth, reduction="none"),
                lw.log_loss(torch.from_numpy(probabilities), torch.from_numpy(truth), reduction="none"),
            ):
                check_ulp(values_of(actual), exact, "float64", VALUE_ULP["float64"])


@pytest.mark.parametrize("function", ["softmax", "log_softmax"])
def test_the_reference(function):
    for classes in SOME:
        for axis, logits in ((1, hard_rows(classes, "float64")), (0, hard_rows(classes, "float64").T)):
            actual = getattr(reference, function)(logits, axis)
            exact = getattr(extended, function)(hard_rows(classes, "float64")).astype(np.float64)
            check_ulp(actual if axis else actual.T, exact, "float64", REFERENCE_ULP["float64"])


@pytest.mark.parametrize("classes", [2, 7, 100, 257])
def test_extended_precision_agrees_with_mpmath(classes):
    logits, truth, weight = hard_rows(classes, "float64"), truths(classes), class_weights(classes, True)
    for name in ("softmax", "log_softmax"):
        check_ulp(getattr(extended, name)(logits), getattr(oracle, name)(logits), "float64", 0.7)
    check_ulp(extended.logsumexp(logits), oracle.logsumexp(logits), "float64", 0.7, scale=np.abs(logits).max(-1))
    asked = oracle.Loss(truth, weight, np.ones(len(logits)), 0.3, 0.01)
    loss, gradient = extended.cross_entropy(logits, truth, weight, 0.3, 0.01)
    exact_loss, exact_gradient = oracle.cross_entropy(logits, asked)
    check_ulp(loss, exact_loss, "float64", 0.7)
    check_ulp(gradient, exact_gradient, "float64", 0.7, scale=np.full(gradient.shape, 1.0))
