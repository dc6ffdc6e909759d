"""Results of sixteen bits are rounded once from what was computed, and NumPy and torch get the same bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import logitwise as lw
from functional.budgets import ROUNDED_ONCE_ULP, check_ulp
from functional.inputs import values_of
from logitwise.functional._memory.results import like

BINARY = lw.binary_cross_entropy_with_logits_and_gradient
ROWS = 30_000  # one number in some thousands lies so near a tie that a first rounding to 32 bits moves it there
FUNCTIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "softmax": lambda z, chosen, shares: lw.softmax(z),
    "softmax at a high temperature": lambda z, chosen, shares: lw.softmax(z, temperature=1e40),
    "log_softmax": lambda z, chosen, shares: lw.log_softmax(z),
    "logsumexp": lambda z, chosen, shares: lw.logsumexp(z),
    "sigmoid": lambda z, chosen, shares: lw.sigmoid(z),
    "log_sigmoid": lambda z, chosen, shares: lw.log_sigmoid(z),
    "indices": lambda z, chosen, shares: lw.cross_entropy_and_gradient(z, chosen, reduction="none", z_loss=0.1),
    "soft": lambda z, chosen, shares: lw.cross_entropy_and_gradient(z, shares, reduction="none"),
    "binary": lambda z, chosen, shares: BINARY(z, shares, reduction="none"),
    "small means": lambda z, chosen, shares: [
        lw.cross_entropy_and_gradient(z[i : i + 5], chosen[i : i + 5], reduction=reduction)[k]
        for i in range(0, 2000, 5) for reduction in ("mean", "sum") for k in (0, 1)
    ],
    "means": lambda z, chosen, shares: [
        BINARY(z[i : i + 5], shares[i : i + 5])[k] for i in range(0, 2000, 5) for k in (0, 1)
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_numpy_and_torch_get_the_same_bits(name):
    generator = np.random.default_rng(len(name))
    logits = (generator.normal(size=(ROWS, 3)) * 3).astype(np.float16)
    chosen, shares = generator.integers(0, 3, ROWS), generator.dirichlet(np.ones(3), ROWS)
    found = FUNCTIONS[name](torch.from_numpy(logits), torch.from_numpy(chosen), torch.from_numpy(shares))
    expected = FUNCTIONS[name](logits, chosen, shares)
    pairs = [(found, expected)] if isinstance(found, torch.Tensor) else list(zip(found, expected, strict=True))
    for ours, theirs in pairs:
        assert ours.dtype == torch.float16
        np.testing.assert_array_equal(ours.numpy().view(np.int16), np.asarray(theirs).view(np.int16))


def beyond_ties(bits: int) -> np.ndarray:
    """Return numbers a little to either side of the middle between two numbers of so many bits after the point."""
    middles = 1.0 + (2 * np.arange(64) + 1) * 2.0 ** -(bits + 1)
    return np.concatenate([sign * middles * (1.0 + side * 2.0**-40) for sign in (1, -1) for side in (1, -1)])


@pytest.mark.parametrize(("dtype", "bits"), [("float16", 10), ("bfloat16", 7)])
def test_numbers_beside_a_tie_are_rounded_to_their_own_side(dtype, bits):
    """A gradient of `w / 2` that is one such number, and results, which may be beyond the numbers of sixteen bits."""
    numbers = beyond_ties(bits)
    logits = torch.zeros(numbers.size, dtype=getattr(torch, dtype))
    weight = torch.from_numpy(2.0 * numbers)
    losses, gradient = BINARY(logits, torch.zeros_like(logits), sample_weight=weight, reduction="none")
    check_ulp(values_of(gradient), numbers, dtype, 0.5)
    check_ulp(values_of(losses), 2.0 * numbers * np.log(2.0), dtype, 0.5 + 1e-9)
    check_ulp(values_of(like(logits, numbers)), numbers, dtype, 0.5)
    for number in numbers:
        check_ulp(values_of(like(logits, float(number))), np.array(number), dtype, 0.5)
    extremes = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e300, -1e300, 5e-324, -5e-324])
    expected = [0.0, -0.0, np.inf, -np.inf, np.nan, np.inf, -np.inf, 0.0, -0.0]
    found = values_of(like(logits, extremes))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(np.delete(found, 4)), np.signbit(np.delete(expected, 4)))  # NaN aside


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_means_of_tensors_are_rounded_once(dtype):
    """The mean over rows of even logits is `w log(2)`, divided by a number whose quotient float32 does not have."""
    logits = torch.zeros(4, 2, dtype=getattr(torch, dtype))
    for normalizer in np.linspace(1.0, 2.0, 400):
        loss = lw.cross_entropy(logits, torch.zeros(4, dtype=torch.int64), normalizer=float(normalizer))
        check_ulp(values_of(loss), np.array(4 * np.log(2.0) / normalizer), dtype, ROUNDED_ONCE_ULP)
