"""Bins of equal width over [0, 1], in which confidence is compared with accuracy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def bin_of(probabilities: np.ndarray, bins: int) -> NDArray[np.intp]:
    """Return the bin of each probability, counted from 0; a bin is open below and closed above, the first closed.

    Example:
        >>> bin_of(np.array([0.0, 0.25, 0.26, 1.0]), 4).tolist()
        [0, 0, 1, 3]
    """
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], probabilities)


def binned_error(bin_: np.ndarray, confidence: np.ndarray, hits: np.ndarray, bins: int) -> np.float64:
    """Return the expected calibration error: the mean over rows of how far accuracy and confidence differ in their bin.

    Args:
        bin_: The bin of each row, as `bin_of` returns it.
        confidence: The probability of the predicted class, shape `(rows,)`.
        hits: Whether the prediction is right, shape `(rows,)`.
        bins: The number of bins.
    """
    return np.abs(np.bincount(bin_, hits - confidence, bins)).sum() / len(confidence)
