"""Confident rows whose other exponentials are subnormal: each would be rounded to a multiple of the smallest number."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
import torch

import logitwise as lw
from functional.budgets import REFERENCE_ULP, VALUE_ULP, check_ulp
from functional.inputs import make, values_of
from logitwise import reference

CLASSES = [2, 3, 16, 100, 160, 161, 257, 1000]
GAPS = {
    "bfloat16": [-85.0, -88.0, -91.0, -100.0],
    "float32": [-85.3, -87.9, -95.0, -102.7, -104.0, -105.0, -110.0, -140.0],
    "float64": [-700.3, -709.0, -720.0, -738.1, -745.0, -746.0, -750.0, -800.0],
}
STEP = 0.7
KINDS = [f"{framework} {dtype}" for framework in ("numpy", "torch") for dtype in GAPS][1:]  # NumPy has no bfloat16

pytestmark = pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")


def logits_of(classes: int, dtype: str, step: float = STEP) -> np.ndarray:
    """Return rows, as a dtype stores them: 0 in the middle, a gap below the first classes and farther the others."""
    rows = np.empty((len(GAPS[dtype]), classes))
    rows[:] = np.array(GAPS[dtype])[:, None]
    rows[:, classes // 3 :] -= step
    rows[:, classes // 2] = 0.0
    return values_of(make(rows, f"torch {dtype}"))


def levels(row: np.ndarray) -> list[tuple[Any, int]]:
    """Return the values of a row below 0, and how many of each there are."""
    return [
        (mpmath.mpf(float(z)), int(count))
        for z, count in zip(*np.unique(row, return_counts=True), strict=True)
        if z < 0.0
    ]


@cache
def exact(classes: int, dtype: str) -> tuple[np.ndarray, ...]:
    """Return `log1p(rest)`, `rest / (1 + rest)`, the entropy, and its gradient at the largest, of `logits_of`."""
    with mpmath.workdps(40):
        rows = [levels(row) for row in logits_of(classes, dtype)]
        rest = [mpmath.fsum(count * mpmath.exp(z) for z, count in row) for row in rows]
        mean = [
            -mpmath.fsum(count * z * mpmath.exp(z) for z, count in row) / (1 + own)
            for row, own in zip(rows, rest, strict=True)
        ]
        loss = [mpmath.log1p(own) for own in rest]
        found = (
            loss,
            [own / (1 + own) for own in rest],
            [a + b for a, b in zip(loss, mean, strict=True)],
            [-m / (1 + own) for m, own in zip(mean, rest, strict=True)],
        )
        return tuple(np.array([float(x) for x in each]) for each in found)


def exact_divergence(logits: np.ndarray, target: np.ndarray) -> np.ndarray:
    values = []
    with mpmath.workdps(40):
        for row, other in zip(logits, target, strict=True):
            pairs, counts = np.unique(np.stack([row, other]), axis=1, return_counts=True)
            below = [
                (mpmath.mpf(float(z)), mpmath.mpf(float(t)), int(n))
                for (z, t), n in zip(pairs.T, counts, strict=True)
                if z < 0.0
            ]
            log_q, log_p = (mpmath.log1p(mpmath.fsum(each[2] * mpmath.exp(each[i]) for each in below)) for i in (0, 1))
            terms = [n * mpmath.exp(t - log_p) * ((t - log_p) - (z - log_q)) for z, t, n in below]
            values.append(float(mpmath.exp(-log_p) * (log_q - log_p) + mpmath.fsum(terms)))
    return np.array(values)


def by_operations(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of rows computed in plain torch operations: under a transform."""
    return lambda *tensors: torch.func.vmap(function)(*tensors)


def routes(function: Callable[..., Any], kind: str) -> list[Callable[..., Any]]:
    """Return the ways to compute a function of rows, classes last in argument and result."""
    if kind.startswith("numpy"):
        return [
            function,
            lambda *arrays: np.moveaxis(function(*(np.ascontiguousarray(a.T) for a in arrays), axis=0), 0, -1),
        ]
    return [function, by_operations(function)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", CLASSES)
def test_log_probabilities_and_normalisers(classes, kind):
    dtype, place = kind.split()[1], classes // 2
    logits, (loss, *_) = make(logits_of(classes, dtype), kind), exact(classes, dtype)
    for log_softmax in routes(lw.log_softmax, kind):
        check_ulp(values_of(log_softmax(logits))[:, place], -loss, dtype, VALUE_ULP[dtype])
    for logsumexp in routes(lw.logsumexp, kind):
        check_ulp(values_of(logsumexp(logits)), loss, dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", CLASSES)
def test_losses_and_their_gradients_at_the_target(classes, kind):
    framework, dtype = kind.split()
    logits, (loss, pull, *_) = make(logits_of(classes, dtype), kind), exact(classes, dtype)
    place = classes // 2
    index = make(np.full(len(loss), place), f"{framework} int64")
    one_hot = make(np.eye(1, classes, place).repeat(len(loss), 0), kind)
    mask = make(np.ones((1, classes), dtype=bool), f"{framework} bool")
    for target, options in ((index, {}), (one_hot, {}), (index, {"mask": mask}), (one_hot, {"mask": mask})):
        losses, gradient = lw.cross_entropy_and_gradient(logits, target, reduction="none", **options)
        check_ulp(values_of(losses), loss, dtype, VALUE_ULP[dtype])
        check_ulp(values_of(gradient)[:, place], -pull, dtype, VALUE_ULP[dtype])
    total = lw.cross_entropy(logits, index, reduction="sum")  # a small call
    check_ulp(values_of(total), np.array(loss.sum()), dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("dtype", GAPS)
@pytest.mark.parametrize("classes", CLASSES)
def test_recorded_losses_and_plain_operations(classes, dtype):
    logits, (loss, pull, *_) = make(logits_of(classes, dtype), f"torch {dtype}"), exact(classes, dtype)
    place = classes // 2
    index = torch.full(loss.shape, place)

    def total(z: torch.Tensor) -> torch.Tensor:
        return lw.cross_entropy(z, index, reduction="sum")

    gradients = [torch.autograd.grad(total(z), z)[0] for z in [logits.clone().requires_grad_()]]
    gradients += [torch.func.grad(total)(logits)]
    for gradient in gradients:
        check_ulp(values_of(gradient)[:, place], -pull, dtype, VALUE_ULP[dtype])
    losses = by_operations(lw.cross_entropy)(logits, index)
    check_ulp(values_of(losses), loss, dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("classes", [2, 100, 1000])
def test_second_derivatives_and_forward_mode(classes):
    """The second derivative at the target is `p (1 - p)`, to which every other class adds its share."""
    logits, (_, pull, *_) = torch.from_numpy(logits_of(classes, "float64")), exact(classes, "float64")
    place = classes // 2
    index, direction = (
        torch.full(pull.shape, place),
        torch.eye(classes, dtype=torch.float64)[place].expand(logits.shape),
    )

    def losses(z: torch.Tensor) -> torch.Tensor:
        return lw.cross_entropy(z, index, reduction="none")

    _, slope = torch.func.jvp(losses, (logits,), (direction,))
    check_ulp(values_of(slope), -pull, "float64", VALUE_ULP["float64"])
    _, curvature = torch.func.jvp(lambda z: torch.func.grad(lambda x: losses(x).sum())(z), (logits,), (direction,))
    check_ulp(values_of(curvature)[:, place], pull, "float64", VALUE_ULP["float64"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", CLASSES)
def test_entropies(classes, kind):
    framework, dtype = kind.split()
    logits, (_, _, entropy, slope) = make(logits_of(classes, dtype), kind), exact(classes, dtype)
    for function in routes(lw.entropy, kind):
        check_ulp(values_of(function(logits)), entropy, dtype, VALUE_ULP[dtype])
    if framework == "torch":
        gradient = torch.autograd.grad(lw.entropy(logits.requires_grad_()).sum(), logits)[0]
        check_ulp(values_of(gradient)[:, classes // 2], slope, dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", CLASSES)
def test_divergences(classes, kind):
    framework, dtype = kind.split()
    rows, others = logits_of(classes, dtype), logits_of(classes, dtype, 2.0)[:, ::-1]
    others = np.where(rows == 0.0, 0.0, np.minimum(others, GAPS[dtype][0]))
    logits, target, place = make(rows, kind), make(others, kind), classes // 2
    loss, gradient = lw.kl_divergence_and_gradient(logits, target, reduction="none")
    expected = exact_divergence(rows, values_of(target))
    check_ulp(values_of(loss), expected, dtype, VALUE_ULP[dtype])
    if framework == "torch":
        check_ulp(values_of(by_operations(lw.kl_divergence)(logits, target)), expected, dtype, VALUE_ULP[dtype])
    certain = make(np.eye(1, classes, place).repeat(len(rows), 0), kind)
    loss, gradient = lw.kl_divergence_and_gradient(logits, target_probabilities=certain, reduction="none")
    expected, pull, *_ = exact(classes, dtype)
    check_ulp(values_of(loss), expected, dtype, VALUE_ULP[dtype])
    check_ulp(values_of(gradient)[:, place], -pull, dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("classes", CLASSES)
def test_the_reference(classes):
    logits, (loss, pull, entropy, slope) = logits_of(classes, "float64"), exact(classes, "float64")
    place, budget = classes // 2, REFERENCE_ULP["float64"]
    one_hot = np.eye(1, classes, place).repeat(len(loss), 0)
    check_ulp(reference.log_softmax(logits)[:, place], -loss, "float64", budget)
    check_ulp(reference.logsumexp(logits), loss, "float64", budget)
    losses, gradient = reference.cross_entropy(logits, one_hot)
    check_ulp(losses, loss, "float64", budget)
    check_ulp(gradient[:, place], -pull, "float64", budget)
    entropies, gradient = reference.entropy(logits)
    check_ulp(entropies, entropy, "float64", budget)
    check_ulp(gradient[:, place], slope, "float64", budget)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("classes", [2, 100, 257, 1000])
def test_classes_of_minus_infinity_have_no_part(classes, dtype):
    """Masks leave rows of which no other class, or only one, has an exponential at all."""
    rows = np.full((2, classes), -np.inf)
    rows[:, 0], rows[1, -1] = 0.0, GAPS[dtype][4]
    logits = make(rows, f"numpy {dtype}")
    np.testing.assert_array_equal(lw.log_softmax(logits)[0], make(rows[0], f"numpy {dtype}"))
    single = make(rows[1:, [0, -1]], f"numpy {dtype}")
    np.testing.assert_array_equal(lw.logsumexp(logits), [0.0, *lw.logsumexp(single)])
