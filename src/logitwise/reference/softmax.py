"""Softmax, log-softmax, logsumexp, and their gradients."""

from __future__ import annotations

import numpy as np

from logitwise.reference.rows import shift, sum_of


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
    relative = outer - sum_of(np.where(rows.is_largest, outer, 0.0), axis)
    with np.errstate(under="ignore"):
        return probabilities * (relative - sum_of(relative * probabilities, axis)) / temperature


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
        others = np.where(rows.is_largest, sum_of(outer - own, axis), sum_of(outer, axis) - outer)
        gradient = (outer * complements - probabilities * others) / temperature
    unused = np.isneginf(rows.largest) if mask is None else np.isneginf(rows.largest) | ~mask
    return np.where(unused, 0.0, gradient)


def logsumexp_gradient(
    logits: np.ndarray, outer: np.ndarray, axis: int = -1, *, mask: np.ndarray | None = None
) -> np.ndarray:
    """Return the gradient of `sum(outer * logsumexp(logits))`, which is `g p_j`; 0 in a row of -inf alone."""
    return np.expand_dims(outer, axis) * softmax(logits, axis, mask=mask)
