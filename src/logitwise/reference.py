"""The definitions of the functions, in float64 NumPy, written to be read.

This is their specification: the fused kernels compute the same faster, and the tests compare every route with it (and
this file with mpmath). Logits are arrays with classes on `axis`; targets are distributions over classes.

Every row is written as differences from its largest logit `m`, at position `k`:

    d_j = z_j - m,   e_j = exp(d_j),   rest = sum of e_j over j != k,   logsumexp = m + log1p(rest)

The largest term is exactly 1 and stays out of the sum, so nothing is lost where the others are tiny: `log1p(rest)` is
the loss of a confident row to the last digit. `z_j - m` is rounded, and half an ulp in a difference of 700 becomes 700
half-ulps in its exponential. So the rounding error of the difference is computed too (Knuth's two-sum) and carried over
to the exponential. Where `rest` is next to nothing, the other exponentials are added with a factor of exp(512): each of
them, subnormal, would be rounded to a multiple of the smallest number. For shifted formulas and their bounds see
Blanchard, Higham and Higham, IMA J. Numer. Anal. 41 (2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

# The upper part has 20 zeros at its end: its products with exponents are exact. Their sum is log 2 to 86 bits.
LOG_2 = (0.6931471803691238, 1.9082149292705877e-10)

FAR, EXCESS = -650.0, 512.0  # differences below FAR have exponentials so small that EXCESS is added to all of a row


@dataclass(frozen=True)
class ShiftedRows:
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
        differences, error = _difference(logits, largest)
        if temperature != 1.0:
            differences, error = _quotient(differences, error, temperature)
        differences = np.where(np.isneginf(largest), -np.inf, differences)
        others = np.where(is_largest, -np.inf, differences)
        excess = np.where(others.max(axis, keepdims=True) < FAR, EXCESS, 0.0)
        magnified = np.exp(others + excess)
        magnified += np.where(magnified > 0.0, magnified * error, 0.0)
        rest = _total(magnified, axis) * np.exp(-excess)
        spoiled = np.where(np.isnan(largest) | np.isposinf(largest), np.nan, 0.0)
        exponentials = np.where(is_largest & ~np.isneginf(largest), 1.0, magnified * np.exp(-excess)) + spoiled
        return ShiftedRows(
            largest / temperature, is_largest, differences + spoiled, exponentials, rest + spoiled, excess, magnified
        )


def _total(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the sums over `axis`, which keeps length 1; NumPy adds in pairs only along contiguous memory."""
    rows = np.ascontiguousarray(np.moveaxis(values, axis, -1))
    return np.expand_dims(rows.sum(-1), axis)


def _difference(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return `a - b` rounded, and the rounding error: their sum is exact."""
    difference = a - b
    virtual = a - difference
    error = (a - (difference + virtual)) + (virtual - b)
    return difference, np.where(np.isfinite(error), error, 0.0)


def _quotient(high: np.ndarray, low: np.ndarray, divisor: float) -> tuple[np.ndarray, np.ndarray]:
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


def softmax(
    logits: np.ndarray, axis: int = -1, *, temperature: float = 1.0, mask: np.ndarray | None = None
) -> np.ndarray:
    """Return `exp(z_j / T) / sum_i exp(z_i / T)`; 0 everywhere in a row whose classes are all masked (or all -inf)."""
    rows = shift(logits, axis, temperature, mask)
    return rows.exponentials / np.where(np.isneginf(rows.largest), 1.0, 1.0 + rows.rest)


def log_softmax(
    logits: np.ndarray, axis: int = -1, *, temperature: float = 1.0, mask: np.ndarray | None = None
) -> np.ndarray:
    """Return `z_j / T - logsumexp(z / T)`."""
    rows = shift(logits, axis, temperature, mask)
    return rows.differences - np.log1p(rows.rest)


def logsumexp(
    logits: np.ndarray, axis: int = -1, *, keepdims: bool = False, mask: np.ndarray | None = None
) -> np.ndarray:
    """Return `log(sum_j exp(z_j))`."""
    rows = shift(logits, axis, mask=mask)
    result = np.where(np.isfinite(rows.largest), rows.largest + np.log1p(rows.rest), rows.largest)
    return result if keepdims else np.squeeze(result, axis)


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
    differences, error = _difference(scaled, scaled_k)
    differences, error = _difference(differences, -(error + (lost - lost_k)))
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
    rounded, error = _difference(logits, -exponent * LOG_2[0])
    return rounded, error + exponent * LOG_2[1]


def _exact_total(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums over `axis`, which keeps length 1, and what they lack.

    Values are split at a power of two, so that the sum of their upper parts is exact (Rump, Ogita and Oishi, Accurate
    floating-point summation, SIAM J. Sci. Comput. 31, 2008).
    """
    _, exponent = np.frexp(values.shape[axis] * np.abs(values).max(axis, keepdims=True))
    edge = np.ldexp(2.0, exponent)
    upper = (values + edge) - edge
    return _total(upper, axis), _total(values - upper, axis)


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


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Return `1 / (1 + exp(-z))`, written for either sign so that no exponential overflows and no tail is lost."""
    logits = np.asarray(logits, dtype=np.float64)
    with np.errstate(under="ignore"):
        tail = np.exp(-np.abs(logits))
        return np.where(logits >= 0.0, 1.0, tail) / (1.0 + tail)


def softplus(logits: np.ndarray) -> np.ndarray:
    """Return `log(1 + exp(z))` as `max(z, 0) + log1p(exp(-|z|))`."""
    logits = np.asarray(logits, dtype=np.float64)
    with np.errstate(under="ignore"):
        return np.maximum(logits, 0.0) + np.log1p(np.exp(-np.abs(logits)))


def log_sigmoid(logits: np.ndarray) -> np.ndarray:
    """Return `log(sigmoid(z)) = -softplus(-z)`."""
    return -softplus(-np.asarray(logits, dtype=np.float64))


def softmax_gradient(
    logits: np.ndarray,
    outer: np.ndarray,
    axis: int = -1,
    *,
    temperature: float = 1.0,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """Return the gradient of `sum(outer * softmax(logits))`; 0 in a row whose classes are all masked (or all -inf).

    With `h_j = g_j - g_k`, the outer gradients as differences from that of the largest logit:

        gradient_j = p_j (g_j - sum_i g_i p_i) / T = p_j (h_j - sum_i h_i p_i) / T

    The first form loses all digits where `p_k` is nearly 1: the sum is then nearly `g_k`.
    """
    rows = shift(logits, axis, temperature, mask)
    probabilities = softmax(logits, axis, temperature=temperature, mask=mask)
    relative = outer - _total(np.where(rows.is_largest, outer, 0.0), axis)
    with np.errstate(under="ignore"):
        return probabilities * (relative - _total(relative * probabilities, axis)) / temperature


def log_softmax_gradient(
    logits: np.ndarray,
    outer: np.ndarray,
    axis: int = -1,
    *,
    temperature: float = 1.0,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """Return the gradient of `sum(outer * log_softmax(logits))`; 0 at masked classes and in a row of -inf alone.

    gradient_j = (g_j (1 - p_j) - p_j sum_i!=j g_i) / T          1 - p_j: the sum of the other probabilities
    """
    rows = shift(logits, axis, temperature, mask)
    total = 1.0 + rows.rest
    with np.errstate(under="ignore"):
        probabilities = rows.exponentials / total
        complements = np.where(rows.is_largest, rows.rest, total - rows.exponentials) / total
        outer = outer if mask is None else np.where(mask, outer, 0.0)
        own = np.where(rows.is_largest, outer, 0.0)
        others = np.where(rows.is_largest, _total(outer - own, axis), _total(outer, axis) - outer)
        gradient = (outer * complements - probabilities * others) / temperature
    unused = np.isneginf(rows.largest) if mask is None else np.isneginf(rows.largest) | ~mask
    return np.where(unused, 0.0, gradient)


def logsumexp_gradient(
    logits: np.ndarray, outer: np.ndarray, axis: int = -1, *, mask: np.ndarray | None = None
) -> np.ndarray:
    """Return the gradient of `sum(outer * logsumexp(logits))`, which is `g p_j`; 0 in a row of -inf alone."""
    return np.expand_dims(outer, axis) * softmax(logits, axis, mask=mask)


def sigmoid_gradient(logits: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """Return the gradient of `sum(outer * sigmoid(logits))`, which is `g sigmoid(z) sigmoid(-z)`."""
    return outer * sigmoid(logits) * sigmoid(-np.asarray(logits, dtype=np.float64))


def log_sigmoid_gradient(logits: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """Return the gradient of `sum(outer * log_sigmoid(logits))`, which is `g sigmoid(-z)`."""
    return outer * sigmoid(-np.asarray(logits, dtype=np.float64))


def one_hot(target: np.ndarray, classes: int, axis: int) -> np.ndarray:
    """Return class indices as distributions over `classes` on `axis`; zeros for an index out of range."""
    target = np.expand_dims(np.asarray(target), axis)
    shape = [1] * target.ndim
    shape[axis] = classes
    return (target == np.arange(classes).reshape(shape)).astype(np.float64)


def smoothed(target: np.ndarray, smoothing: float, axis: int = -1, *, mask: np.ndarray | None = None) -> np.ndarray:
    """Return `(1 - e) y_j + e / K`: the part e of a target, spread evenly over the K classes of its row.

    Masked classes are none of the K, and get nothing.
    """
    taken = np.ones(target.shape, bool) if mask is None else np.broadcast_to(mask, target.shape)
    return (1.0 - smoothing) * target + np.where(taken, smoothing / np.maximum(taken.sum(axis, keepdims=True), 1), 0.0)


def cross_entropy(
    logits: np.ndarray,
    coefficients: np.ndarray,
    axis: int = -1,
    *,
    z_coefficient: np.ndarray | float = 0.0,
    mask: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the loss of each row, and its gradient with respect to the logits.

    With coefficients `v` (the target distribution, smoothed and weighted) and `V` their sum:

        loss = sum_j v_j (logsumexp(z) - z_j) + c logsumexp(z)^2          0 x inf counts as 0
        gradient_j = V p_j - v_j + 2 c logsumexp(z) p_j
                   = (V - v_j) p_j - v_j (1 - p_j) + ...                   1 - p_j: the sum of the other probabilities

    A row of -inf alone has an infinite loss and a gradient of 0. Masked classes count as -inf, and their gradient is 0,
    that of a masked class of the target too, whose loss is infinite.
    """
    rows = shift(logits, axis, mask=mask)
    coefficients = np.asarray(coefficients, dtype=np.float64)
    log_total = np.log1p(rows.rest)
    with np.errstate(invalid="ignore", under="ignore"):
        surprise = np.where(coefficients == 0.0, 0.0 * log_total, coefficients * (log_total - rows.differences))
        loss = _total(surprise, axis)
        normaliser = np.where(np.isfinite(rows.largest), rows.largest, 0.0) + log_total
        loss = np.where(np.isneginf(rows.largest), np.inf, loss + z_coefficient * normaliser**2)
        total = 1.0 + rows.rest
        probabilities = rows.exponentials / total
        others = np.where(rows.is_largest, rows.rest, total - rows.exponentials) / total
        weight = _total(coefficients, axis)
        gradient = (weight - coefficients) * probabilities - coefficients * others
        gradient = gradient + 2.0 * z_coefficient * normaliser * probabilities
    unused = np.isneginf(rows.largest) if mask is None else np.isneginf(rows.largest) | ~mask
    return np.squeeze(loss, axis), np.where(unused, 0.0, gradient)


def binary_cross_entropy_with_logits(
    logits: np.ndarray,
    target: np.ndarray,
    pos_weight: np.ndarray | float = 1.0,
    *,
    label_smoothing: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the loss of each element, and its gradient with respect to the logits.

    With the target y' = (1 - e) y + e / 2 that smoothing by e makes of y:

        loss = w y' softplus(-z) + (1 - y') softplus(z)          0 x inf counts as 0
        gradient = -w y' sigmoid(-z) + (1 - y') sigmoid(z)

    `1 - y'` is written as (1 - e) (1 - y) + e / 2, which a small e does not lose.
    """
    logits, target = np.asarray(logits, dtype=np.float64), np.asarray(target, dtype=np.float64)
    kept, spread = 1.0 - label_smoothing, label_smoothing / 2.0
    positive, negative = pos_weight * (kept * target + spread), kept * (1.0 - target) + spread
    with np.errstate(invalid="ignore", under="ignore"):
        loss = _product(positive, softplus(-logits)) + _product(negative, softplus(logits))
        return loss, negative * sigmoid(logits) - positive * sigmoid(-logits)


def _product(weight: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return `weight * value` with 0 x inf = 0; a NaN stays."""
    return np.where((weight == 0.0) & ~np.isnan(value), 0.0, weight * value)


def log_loss(probabilities: np.ndarray, coefficients: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return `-sum_j v_j log(p_j)` for each row; 0 x log 0 counts as 0."""
    probabilities = np.asarray(probabilities, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = np.where(coefficients == 0.0, 0.0, coefficients * (0.0 - np.log(probabilities)))
        return np.squeeze(_total(surprise, axis), axis)


def binary_log_loss(probabilities: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the loss of each probability of class 1, for targets 0 and 1: `-log(p)` where class 1 came, `-log1p(-p)`.

    `1 - p` would lose what a small p says of a loss near 0.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 0.0 - np.where(target == 1, np.log(probabilities), np.log1p(-probabilities))


def entropy(
    logits: np.ndarray, axis: int = -1, *, temperature: float = 1.0, mask: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the entropy of each row, and the gradient of their sum with respect to the logits.

    With `D = sum_j p_j (-d_j)`:

        entropy = -sum_j p_j log p_j = log1p(rest) + D          gradient_j = -p_j (d_j + D) / T

    Both are 0 in a row of -inf alone, and where all classes are masked.
    """
    rows = shift(logits, axis, temperature, mask)
    with np.errstate(invalid="ignore", under="ignore"):
        distances = np.where(rows.magnified == 0.0, 0.0, -rows.differences)
        probabilities = rows.exponentials / np.where(np.isneginf(rows.largest), 1.0, 1.0 + rows.rest)
        mean = _total(rows.magnified * distances, axis) * np.exp(-rows.excess) / (1.0 + rows.rest)
        return np.squeeze(np.log1p(rows.rest) + mean, axis), probabilities * (distances - mean) / temperature


def kl_divergence(
    logits: np.ndarray,
    target: np.ndarray,
    axis: int = -1,
    *,
    are_probabilities: bool = False,
    temperature: float = 1.0,
    mask: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the divergence of each row from its target, and its gradient with respect to the logits.

    With q the probabilities, p those of the target (`are_probabilities`: the target itself), and V the sum of p:

        loss = sum_j p_j (log p_j - log q_j)          0 log 0 = 0
        gradient_j = (V q_j - p_j) / T

    A row to which the target gives no probability at all has loss and gradient 0, whatever its logits are; else one of
    -inf alone has an infinite loss and a gradient of 0. These definitions lose their digits where q is nearly p.
    """
    rows, target = shift(logits, axis, temperature, mask), np.asarray(target, dtype=np.float64)
    q = softmax(logits, axis, temperature=temperature, mask=mask)
    with np.errstate(invalid="ignore", divide="ignore", under="ignore"):
        if are_probabilities:
            p = target if mask is None else np.where(mask, target, 0.0)
            log_p = np.log(p)
        else:
            p = softmax(target, axis, temperature=temperature, mask=mask)
            log_p = log_softmax(target, axis, temperature=temperature, mask=mask)
        log_q = rows.differences - np.log1p(rows.rest)
        loss = _total(np.where(p == 0.0, 0.0 * q, p * (log_p - log_q)), axis)
        gradient = (_total(p, axis) * q - p) / temperature
    unused, impossible = (p == 0.0).all(axis, keepdims=True), np.isneginf(rows.largest)
    loss = np.where(unused, 0.0, np.where(impossible, np.inf, loss))
    return np.squeeze(loss, axis), np.where(unused | impossible, 0.0, gradient)
