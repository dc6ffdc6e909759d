"""Rows of logits as differences from their largest, on which all functions of a softmax are built."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from logitwise._display import Displayed

FAR, EXCESS = -650.0, 512.0  # differences below FAR have exponentials so small that EXCESS is added to all of a row


@dataclass(frozen=True, repr=False)
class ShiftedRows(Displayed):
    """Rows of logits as differences from their largest; arrays of one number per row have a class axis of length 1."""

    largest: np.ndarray  # m
    is_largest: np.ndarray  # True at k, the first position of m
    differences: np.ndarray  # d
    exponentials: np.ndarray  # e
    rest: np.ndarray  # the sum of e without position k
    excess: np.ndarray  # what is added to d where all e but that of k are tiny, else 0
    magnified: np.ndarray  # exp(d + excess), and 0 at k


def shift(logits: np.ndarray, axis: int, temperature: float = 1.0, mask: np.ndarray | None = None) -> ShiftedRows:
    """Return the rows of `logits / temperature` as differences from their largest; masked classes count as -inf."""
    logits = np.asarray(logits, dtype=np.float64)
    if mask is not None:
        logits = np.where(mask, logits, -np.inf)
    index = np.expand_dims(logits.argmax(axis), axis)
    largest = np.take_along_axis(logits, index, axis)
    is_largest = np.zeros(logits.shape, dtype=bool)
    np.put_along_axis(is_largest, index, True, axis)
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        differences, error = exact_difference(logits, largest)
        if temperature != 1.0:
            differences, error = exact_quotient(differences, error, temperature)
        differences = np.where(np.isneginf(largest), -np.inf, differences)
        others = np.where(is_largest, -np.inf, differences)
        excess = np.where(others.max(axis, keepdims=True) < FAR, EXCESS, 0.0)
        magnified = np.exp(others + excess)
        magnified += np.where(magnified > 0.0, magnified * error, 0.0)
        rest = sum_of(magnified, axis) * np.exp(-excess)
        spoiled = np.where(np.isnan(largest) | np.isposinf(largest), np.nan, 0.0)
        exponentials = np.where(is_largest & ~np.isneginf(largest), 1.0, magnified * np.exp(-excess)) + spoiled
        return ShiftedRows(
            largest / temperature, is_largest, differences + spoiled, exponentials, rest + spoiled, excess, magnified
        )


def sum_of(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the sums over `axis`, which keeps length 1; NumPy adds in pairs only along contiguous memory."""
    rows = np.ascontiguousarray(np.moveaxis(values, axis, -1))
    return np.expand_dims(rows.sum(-1), axis)


def exact_difference(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return `a - b` rounded, and the rounding error: their sum is exact."""
    difference = a - b
    virtual = a - difference
    error = (a - (difference + virtual)) + (virtual - b)
    return difference, np.where(np.isfinite(error), error, 0.0)


def exact_quotient(high: np.ndarray, low: np.ndarray, divisor: float) -> tuple[np.ndarray, np.ndarray]:
    """Return `(high + low) / divisor` rounded, and its error, by an exact product (Veltkamp and Dekker)."""
    quotient = high / divisor
    product = quotient * divisor
    a, b = _split(quotient), _split(np.float64(divisor))
    lost = ((a[0] * b[0] - product) + a[0] * b[1] + a[1] * b[0]) + a[1] * b[1]
    error = ((high - product) - lost + low) / divisor
    return quotient, np.where(np.isfinite(error), error, 0.0)


def _split(value: np.ndarray | np.float64) -> tuple[np.ndarray | np.float64, np.ndarray | np.float64]:
    scaled = value * 134217729.0  # 2^27 + 1
    high = scaled - (scaled - value)
    return high, value - high
