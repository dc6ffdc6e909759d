"""Gradients of the functions of logits, in their tails and in rows of -inf: by every route what `reference/` says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import grad, jacfwd, vmap

import logitwise as lw
from functional.budgets import GRADIENT_ULP, check_ulp
from logitwise import reference

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
FUNCTIONS: dict[str, tuple[Callable[..., Tensor], Callable[..., np.ndarray]]] = {
    "softmax": (lw.softmax, reference.softmax_gradient),
    "log_softmax": (lw.log_softmax, reference.log_softmax_gradient),
    "logsumexp": (lw.logsumexp, reference.logsumexp_gradient),
    "sigmoid": (lw.sigmoid, reference.sigmoid_gradient),
    "log_sigmoid": (lw.log_sigmoid, reference.log_sigmoid_gradient),
}
OF_ROWS = ("softmax", "log_softmax", "logsumexp")


def recorded(function: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
    leaf = logits.detach().requires_grad_()
    return torch.autograd.grad(function(leaf), leaf)[0]


def batched(function: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
    leaf = logits.detach().requires_grad_()
    outer = torch.eye(2, dtype=logits.dtype)[1]
    return torch.autograd.grad(function(leaf), leaf, outer, is_grads_batched=True)[0][1]


def create_graph(function: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
    leaf = logits.detach().requires_grad_()
    return torch.autograd.grad(function(leaf), leaf, create_graph=True)[0].detach()


ROUTES = {
    "recorded": recorded,
    "batched": batched,
    "create_graph": create_graph,
    "grad": lambda function, logits: grad(function)(logits),
    "vmap of grad": lambda function, logits: vmap(grad(function))(logits[None])[0],
    "forward mode": lambda function, logits: jacfwd(function)(logits),
}


def rows(classes: int) -> np.ndarray:
    """Return confident rows, with the largest logit at either end, ties, even rows, and rows of any numbers."""
    generator = np.random.default_rng(classes)
    logits = np.zeros((8, classes))
    logits[0, 0] = logits[1, -1] = 20.0
    logits[2, 0] = logits[2, -1] = 12.0
    logits[3, 0] = 40.0
    logits[4:7] = generator.normal(0.0, 4.0, (3, classes))
    logits[6, classes // 2] = 40.0
    return logits


def outers(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return outer gradients: of one class, of one class against all, equal ones, and any."""
    any_numbers = np.random.default_rng(0).integers(-8, 9, shape) / 8.0
    first, last = np.zeros(shape), np.zeros(shape)
    first[..., 0] = last[..., -1] = 1.0
    return {"first": first, "last": last, "all but one": 1.0 - last, "ones": np.ones(shape), "any": any_numbers}


def scale_of(name: str, logits: np.ndarray, outer: np.ndarray, temperature: float) -> np.ndarray | None:
    """Return the size of the terms that a gradient is the sum of, which may have both signs."""
    if name in ("sigmoid", "log_sigmoid"):
        return None
    if name == "logsumexp":  # plain operations give the largest what the others leave of the outer gradient
        return np.where(reference.shift(logits, -1).is_largest, np.abs(outer)[:, None], 0.0)
    probabilities = reference.softmax(logits, temperature=temperature)
    if name == "softmax":
        relative = np.abs(outer - np.take_along_axis(outer, logits.argmax(-1)[:, None], -1))
        size = probabilities * (relative + (relative * probabilities).sum(-1, keepdims=True))
    else:
        logarithms = 1.0 + np.abs(reference.log_softmax(logits, temperature=temperature)) * (probabilities > 0.0)
        size = np.abs(outer) + probabilities * logarithms * np.abs(outer).sum(-1, keepdims=True)
    many = logits.shape[-1] / 4.0  # the order of the sum that plain operations give the largest is torch's own
    return size / temperature * np.where(reference.shift(logits, -1).is_largest, max(1.0, many), 1.0)


def check(name: str, actual: Tensor, logits: np.ndarray, outer: np.ndarray, temperature: float, dtype: str) -> None:
    options = {"temperature": temperature} if name in ("softmax", "log_softmax") else {}
    exact = FUNCTIONS[name][1](logits, outer, **options)
    check_ulp(
        actual.double().numpy(), exact, dtype, GRADIENT_ULP[dtype], scale=scale_of(name, logits, outer, temperature)
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_tails_of_gradients_are_exact(name, route, dtype):
    for classes in (2, 3, 17, 100, 300):
        if route == "forward mode" and classes > 17:
            continue
        logits = torch.from_numpy(rows(classes)).to(dtype)
        stored = logits.double().numpy()
        for temperature in (1.0, 0.5) if name in ("softmax", "log_softmax") else (1.0,):
            options: dict[str, Any] = {"temperature": temperature} if name in ("softmax", "log_softmax") else {}
            shape = stored.shape[:1] if name == "logsumexp" else stored.shape
            for kind, outer in outers(shape).items():
                if route == "forward mode" and kind not in ("first", "last"):
                    continue  # what it adds up at the end may cancel
                weights = torch.from_numpy(outer).to(dtype)

                def function(z: Tensor, options=options, weights=weights) -> Tensor:
                    return (FUNCTIONS[name][0](z, **options) * weights).sum()

                actual = ROUTES[route](function, logits)
                check(name, actual, stored, outer, temperature, str(dtype).removeprefix("torch."))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", OF_ROWS)
def test_rows_of_minus_infinity_have_a_gradient_of_zero(name, route, dtype):
    for classes in (1, 2, 3, 40, 300):
        logits = torch.from_numpy(np.random.default_rng(0).normal(0.0, 2.0, (3, classes))).to(dtype)
        logits[1] = -torch.inf
        logits[2, 1:] = -torch.inf
        outer = torch.arange(1.0, 1.0 + (3 if name == "logsumexp" else 3 * classes)).reshape(3, -1) / 8.0
        outer = outer.squeeze(-1) if name == "logsumexp" else outer
        weights = outer.to(dtype)

        def function(z: Tensor, weights=weights) -> Tensor:
            values = FUNCTIONS[name][0](z)
            return (values.masked_fill(values == -torch.inf, 0.0) * weights).sum()

        def gradient(z: Tensor, weights=weights) -> Tensor:
            """Return a number whose gradient passes the outer gradient to values of -inf too."""
            return torch.where(FUNCTIONS[name][0](z).isnan(), 0.0, FUNCTIONS[name][0](z) * weights).sum()

        exact = FUNCTIONS[name][1](logits.double().numpy(), weights.double().numpy())
        assert not exact[1].any()
        actual = ROUTES[route](gradient if route != "forward mode" else function, logits)
        assert not actual[1].any(), (classes, actual[1])
        assert actual[[0, 2]].isfinite().all()
        if route != "forward mode":
            torch.testing.assert_close(actual.double(), torch.from_numpy(exact), rtol=2e-2, atol=2e-2)


def exact_softmax_gradient(logits: np.ndarray, outer: np.ndarray, temperature: float) -> list[Any]:
    with mpmath.workdps(400):
        exponentials = [mpmath.exp(mpmath.mpf(float(z)) / mpmath.mpf(temperature)) for z in logits]
        total = mpmath.fsum(exponentials)
        p = [e / total for e in exponentials]
        mean = mpmath.fsum(mpmath.mpf(float(g)) * q for g, q in zip(outer, p, strict=True))
        return [
            float(q * (mpmath.mpf(float(g)) - mean) / mpmath.mpf(temperature)) for g, q in zip(outer, p, strict=True)
        ]


def exact_log_softmax_gradient(logits: np.ndarray, outer: np.ndarray, temperature: float) -> list[Any]:
    with mpmath.workdps(400):
        exponentials = [mpmath.exp(mpmath.mpf(float(z)) / mpmath.mpf(temperature)) for z in logits]
        total, sum_of_outer = mpmath.fsum(exponentials), mpmath.fsum(float(g) for g in outer)
        return [
            float((mpmath.mpf(float(g)) - e / total * sum_of_outer) / mpmath.mpf(temperature))
            for g, e in zip(outer, exponentials, strict=True)
        ]


EXACT = {"softmax": exact_softmax_gradient, "log_softmax": exact_log_softmax_gradient}


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize("name", EXACT)
def test_the_definitions_are_exact(name, temperature):
    for classes in (2, 3, 17):
        logits = rows(classes)
        for outer in outers(logits.shape).values():
            exact = [EXACT[name](row, own, temperature) for row, own in zip(logits, outer, strict=True)]
            actual = FUNCTIONS[name][1](logits, outer, temperature=temperature)
            scale = scale_of(name, logits, outer, temperature)
            check_ulp(actual, np.array(exact), "float64", GRADIENT_ULP["float64"], scale=scale)


def _one_of(name: str, place: int, temperature: float) -> Callable[[Tensor], Tensor]:
    """Return a function of one row: the softmax or its logarithm of one class, a logsumexp, or a loss of one class."""
    if name in EXACT:
        return lambda z: FUNCTIONS[name][0](z, temperature=temperature)[place]
    if name == "logsumexp":
        return lambda z: lw.logsumexp(z / temperature)
    losses = {"cross_entropy": lw.cross_entropy, "focal_loss": lambda z, t: lw.focal_loss(z, t, gamma=0.0)}
    return lambda z: losses[name](z[None] / temperature, torch.tensor([place]))


@pytest.mark.parametrize("spread", [0.0, 1e-3, 0.5])
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "cross_entropy", "focal_loss"])
def test_the_derivative_at_the_largest_of_many_similar_classes_keeps_its_digits(name, route, spread):
    """It is `p_k` or less, which is not what the others leave of 1 to the last digit."""
    for classes in (3, 100, 1024):
        logits = np.random.default_rng(classes).normal(0.0, 1.0, classes) * spread
        largest = int(logits.argmax())
        for place in (largest, (largest + 1) % classes):
            outer = np.zeros(classes)
            outer[place] = 1.0
            for temperature in (1.0, 0.5):  # what it divides is exact
                exact = EXACT["softmax" if name == "softmax" else "log_softmax"](logits, outer, temperature)[largest]
                if name == "logsumexp" and place == largest:
                    continue  # there is no place: once is enough
                sign = 1.0 if name in EXACT else -1.0
                found = ROUTES[route](_one_of(name, place, temperature), torch.from_numpy(logits))[largest]
                check_ulp(sign * found.numpy(), np.array(exact), "float64", GRADIENT_ULP["float64"])
