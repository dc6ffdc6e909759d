"""Cross-entropy of probabilities."""

from __future__ import annotations

import numpy as np

from logitwise.reference.rows import sum_of


def log_loss(probabilities: np.ndarray, coefficients: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return `-sum_j v_j log(p_j)` for each row; 0 x log 0 counts as 0."""
    probabilities = np.asarray(probabilities, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = np.where(coefficients == 0.0, 0.0, coefficients * (0.0 - np.log(probabilities)))
        return np.squeeze(sum_of(surprise, axis), axis)


def binary_log_loss(probabilities: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the loss of each probability of class 1, for targets 0 and 1: `-log(p)` where class 1 came, `-log1p(-p)`.

    `1 - p` would lose what a small p says of a loss near 0.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 0.0 - np.where(target == 1, np.log(probabilities), np.log1p(-probabilities))
