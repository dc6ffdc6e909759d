"""Softmax and its logarithm at every positive temperature: subnormal ones, and the largest numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import logitwise as lw
from functional import oracle
from functional.budgets import TINY, VALUE_ULP, check_ulp
from functional.inputs import values_of

TEMPERATURES = [5e-324, 1e-310, 1e-290, 1e-200, 1e-50, 1e-39, 1e-38, 1e-31]
TEMPERATURES += [1e31, 1e38, 1e39, 1e50, 1e200, 1e300, 1.7e308]
FRAMEWORKS = ["numpy", "torch", "recorded", "torch operations", "differentiated temperature"]


def rows_at(temperature: float, dtype: str) -> np.ndarray:
    """Return rows with differences of the order of the temperature, where the dtype has such numbers, and others."""
    largest, smallest = torch.finfo(getattr(torch, dtype)).max, TINY[dtype]
    unit = min(max(temperature, smallest), largest / 256)
    rows = [
        [1.0, 2.0, 2.0],
        [0.0, unit, 3 * unit],
        [unit, -unit, 0.0],
        [40 * unit, 41 * unit, -50 * unit],
        [largest, -largest, largest / 2],
        [largest, largest, 0.0],
        [0.0, 0.0, -np.inf],
        [-np.inf, 1.0, 1.0],
    ]
    return torch.tensor(rows, dtype=torch.float64).to(getattr(torch, dtype)).double().numpy()


def within_reach(exact: np.ndarray, dtype: str) -> np.ndarray:
    """Return exact values, infinite where the dtype has no number so large."""
    return np.where(np.abs(exact) > torch.finfo(getattr(torch, dtype)).max, np.copysign(np.inf, exact), exact)


def made(rows: np.ndarray, dtype: str, framework: str) -> Any:
    if framework == "numpy":
        return rows.astype(dtype)
    tensor = torch.from_numpy(rows.astype(np.float64)).to(getattr(torch, dtype))
    return tensor.requires_grad_(framework == "recorded")


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("function", ["softmax", "log_softmax"])
def test_any_positive_temperature(function, dtype, framework, temperature):
    if framework == "numpy" and dtype == "bfloat16":
        pytest.skip("NumPy has no bfloat16")
    rows = rows_at(temperature, dtype)
    logits = made(rows, dtype, framework)
    compute = getattr(lw, function)
    if framework == "torch operations":
        result = torch.func.vmap(lambda row: compute(row, temperature=temperature))(logits)
    elif framework == "differentiated temperature":
        divisor = torch.tensor(temperature, dtype=torch.float64, requires_grad=True)
        result = compute(logits, temperature=divisor).detach()
    else:
        result = compute(logits, temperature=temperature)
    assert result.dtype == logits.dtype
    exact = within_reach(getattr(oracle, function)(rows, temperature), dtype)
    check_ulp(values_of(result), exact, dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_masks_axes_and_outputs_at_any_temperature(dtype, temperature):
    rows = rows_at(temperature, dtype).astype(dtype)
    mask = np.ones(rows.shape, bool)
    mask[:, 0] = False
    kept = np.where(mask, rows, -np.inf)
    exact = oracle.softmax(kept.astype(np.float64), temperature)
    out = np.empty(rows.T.shape, dtype)
    result = lw.softmax(rows.T.copy(), 0, temperature=temperature, mask=mask.T, out=out)
    assert result is out
    check_ulp(out.T, exact, dtype, VALUE_ULP[dtype])
    tensor = torch.from_numpy(rows)
    result = lw.softmax(tensor, temperature=temperature, mask=torch.from_numpy(mask))
    check_ulp(values_of(result), exact, dtype, VALUE_ULP[dtype])


def test_a_row_has_the_same_bits_whatever_the_rows_beside_it():
    rows = np.float32([[0.0, 3e-39, 1e-38], [1.0, 2.0, 2.0], [3e38, -3e38, 1e38]])
    for temperature in (1e-39, 1e39):
        together = lw.softmax(rows, temperature=temperature)
        for place in range(len(rows)):
            alone = lw.softmax(rows[place : place + 1], temperature=temperature)
            np.testing.assert_array_equal(together[place], alone[0])
