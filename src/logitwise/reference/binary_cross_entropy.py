"""Binary cross-entropy of logits with its gradient."""

from __future__ import annotations

import numpy as np

from logitwise.reference.sigmoid import sigmoid, softplus


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
        loss = product_of(positive, softplus(-logits)) + product_of(negative, softplus(logits))
        return loss, negative * sigmoid(logits) - positive * sigmoid(-logits)


def product_of(weight: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return `weight * value` with 0 x inf = 0; a NaN stays."""
    return np.where((weight == 0.0) & ~np.isnan(value), 0.0, weight * value)
