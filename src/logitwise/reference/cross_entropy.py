"""Cross-entropy of logits with its gradient, and the targets that it takes."""

from __future__ import annotations

import numpy as np

from logitwise.reference.rows import shift, sum_of


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
        loss = sum_of(surprise, axis)
        normaliser = np.where(np.isfinite(rows.largest), rows.largest, 0.0) + log_total
        loss = np.where(np.isneginf(rows.largest), np.inf, loss + z_coefficient * normaliser**2)
        total = 1.0 + rows.rest
        probabilities = rows.exponentials / total
        others = np.where(rows.is_largest, rows.rest, total - rows.exponentials) / total
        weight = sum_of(coefficients, axis)
        gradient = (weight - coefficients) * probabilities - coefficients * others
        gradient = gradient + 2.0 * z_coefficient * normaliser * probabilities
    unused = np.isneginf(rows.largest) if mask is None else np.isneginf(rows.largest) | ~mask
    return np.squeeze(loss, axis), np.where(unused, 0.0, gradient)
