"""Entropy of logits with its gradient."""

from __future__ import annotations

import numpy as np

from logitwise.reference.rows import shift, sum_of


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
        mean = sum_of(rows.magnified * distances, axis) * np.exp(-rows.excess) / (1.0 + rows.rest)
        return np.squeeze(np.log1p(rows.rest) + mean, axis), probabilities * (distances - mean) / temperature
