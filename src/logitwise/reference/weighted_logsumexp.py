"""The logarithm of a sum of exponentials with factors, which may cancel."""

from __future__ import annotations

import math

import numpy as np

from logitwise.reference.rows import exact_difference, sum_of

# The upper part has 20 zeros at its end: its products with exponents are exact. Their sum is log 2 to 86 bits.
LOG_2 = (0.6931471803691238, 1.9082149292705877e-10)


def weighted_logsumexp(logits: np.ndarray, b: np.ndarray, axis: int = -1) -> tuple[np.ndarray, np.ndarray]:
    """Return `log(abs(s))` and the sign of `s = sum_j b_j exp(z_j)`; a class with `b_j = 0` is left out.

    The largest of `abs(b_j) exp(z_j)`, at position k, stays out of the sum:

        s = b_k exp(z_k) (1 + rest),   rest = sum of b_j exp(d_j) over j != k / b_k,   d_j = z_j - z_k

    Where `d_j` is small, `b_j exp(d_j)` is added as `b_j` and `b_j expm1(d_j)`, and the sum is exact: if it cancels,
    what is left are the differences of the logits, and not the rounding errors of exponentials.
    """
    logits, b = np.asarray(logits, dtype=np.float64), np.asarray(b, dtype=np.float64)
    logits, b = np.where(b == 0.0, -np.inf, logits), np.where(b == 0.0, 1.0, b)
    if not logits.shape[axis]:
        empty = np.sum(logits, axis)
        return empty - np.inf, empty
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        index, factor, sums = _others(logits, b, axis)
        log_total, sign = _log_total(factor, *sums)
        z_k, b_k = (np.take_along_axis(each, index, axis) for each in (logits, b))
        mantissa, exponent = _around_one(b_k)
        anchor, lost = _times_power_of_two(z_k, exponent)
        value = anchor + (lost + np.log(np.abs(mantissa)) + log_total)
    value, sign = _of_infinite_rows(logits, b, axis, value, sign)
    return np.squeeze(value, axis), np.squeeze(sign, axis)


def _others(
    logits: np.ndarray, b: np.ndarray, axis: int
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Return k, `b_k`, and the sum of `b_j exp(d_j)` over the others, with what it lacks; without powers of two."""
    factors, exponents = _without_extremes(b)
    scaled, lost = _times_power_of_two(logits, exponents)
    magnitudes = (scaled - scaled.max(axis, keepdims=True)) + (lost + np.log(np.abs(factors)))
    index = np.expand_dims(magnitudes.argmax(axis), axis)
    scaled_k, lost_k, factor_k = (np.take_along_axis(each, index, axis) for each in (scaled, lost, factors))
    differences, error = exact_difference(scaled, scaled_k)
    differences, error = exact_difference(differences, -(error + (lost - lost_k)))
    is_near, exponentials = np.abs(differences) < 0.5, np.exp(differences)
    terms = factors * (np.where(is_near, np.expm1(differences), exponentials) + exponentials * error)
    others = np.concatenate([terms, np.where(is_near, factors, 0.0)], axis)
    for part in (0, logits.shape[axis]):
        np.put_along_axis(others, index + part, 0.0, axis)
    return index, factor_k, _exact_total(others, axis)


def _log_total(largest: np.ndarray, high: np.ndarray, low: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return `log(abs(1 + rest))` with `rest = (high + low) / largest`, and the sign of `largest + high + low`."""
    rest, total = (high + low) / largest, (largest + high) + low
    cancels = rest < -0.5
    logarithm = np.where(cancels, np.log(np.abs(total / largest)), np.log1p(np.where(cancels, 0.0, rest)))
    return logarithm, np.sign(total) + 0.0


def _without_extremes(b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return factors and exponents, `b = factor * 2**exponent`: of the others no product over- or underflows."""
    mantissa, exponent = np.frexp(b)
    is_extreme = np.abs(exponent) > 256
    return np.where(is_extreme, mantissa, b), np.where(is_extreme, exponent, 0)


def _around_one(b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mantissas of magnitude from `sqrt(1/2)` to `sqrt(2)`, and exponents: the logarithm of 1 is 0, in both."""
    mantissa, exponent = np.frexp(b)
    is_small = np.abs(mantissa) < math.sqrt(0.5)
    return np.where(is_small, 2.0 * mantissa, mantissa), exponent - is_small


def _times_power_of_two(logits: np.ndarray, exponent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithm of `exp(logits) * 2**exponent`, rounded, and its rounding error."""
    rounded, error = exact_difference(logits, -exponent * LOG_2[0])
    return rounded, error + exponent * LOG_2[1]


def _exact_total(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums over `axis`, which keeps length 1, and what they lack.

    Values are split at a power of two, so that the sum of their upper parts is exact (Rump, Ogita and Oishi, Accurate
    floating-point summation, SIAM J. Sci. Comput. 31, 2008).
    """
    _, exponent = np.frexp(values.shape[axis] * np.abs(values).max(axis, keepdims=True))
    edge = np.ldexp(2.0, exponent)
    upper = (values + edge) - edge
    return sum_of(upper, axis), sum_of(values - upper, axis)


def _of_infinite_rows(
    logits: np.ndarray, b: np.ndarray, axis: int, value: np.ndarray, sign: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the values and signs with those of rows that hold +inf or NaN, or -inf alone."""
    infinite = np.isposinf(logits)
    signs = [(infinite & (side * b > 0.0)).any(axis, keepdims=True) for side in (1.0, -1.0)]
    spoiled = np.isnan(logits).any(axis, keepdims=True) | (signs[0] & signs[1])
    empty = np.isneginf(logits).all(axis, keepdims=True)
    value = np.select([spoiled, signs[0] | signs[1], empty], [np.nan, np.inf, -np.inf], value)
    return value, np.select([spoiled, *signs, empty], [np.nan, 1.0, -1.0, 0.0], sign)
