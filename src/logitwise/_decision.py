"""The rule that turns probabilities into answers. Models, training and reports share it, and none imports the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def answers(probabilities: np.ndarray, costs: np.ndarray | None = None) -> NDArray[np.intp]:
    """Return the class to predict for each row: the most probable one, or the one of lowest expected cost.

    Args:
        probabilities: Shape `(rows, classes)`.
        costs: What it costs to predict class j where i is true, shape `(classes, classes)`; None: all
            errors cost alike.

    Example:
        >>> answers(np.array([[0.7, 0.3]]), costs=np.array([[0.0, 1.0], [5.0, 0.0]])).tolist()
        [1]
    """
    return probabilities.argmax(axis=1) if costs is None else (probabilities @ costs).argmin(axis=1)


def threshold_of(costs: np.ndarray) -> float:
    """Return the probability of the second of two classes from which on it is the answer.

    Example:
        >>> round(threshold_of(np.array([[0.0, 1.0], [4.0, 0.0]])), 3)
        0.2
    """
    false_alarm, miss = costs[0, 1] - costs[0, 0], costs[1, 0] - costs[1, 1]
    return float(false_alarm / (false_alarm + miss))
