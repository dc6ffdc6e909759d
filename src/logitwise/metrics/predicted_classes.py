"""How good predicted classes are, probabilities aside: measures that count right and wrong predictions by class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from logitwise._errors import InvalidValueError
from logitwise.metrics.arguments import read_indices


def expected_hits(target: np.ndarray, probabilities: np.ndarray) -> NDArray[np.float64]:
    """Return the chance that each row is right, if one of its most probable classes is answered at random.

    Where k classes tie, that is 1/k, whatever their order; it says what probabilities are worth that tie by design, as
    those of uniform guessing do.

    Args:
        target: Class indices, shape `(rows,)`.
        probabilities: Shape `(rows, classes)`.

    Example:
        >>> expected_hits(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.5, 0.5], [0.9, 0.1]])).tolist()
        [1.0, 0.5, 0.0]
    """
    is_first = probabilities == probabilities.max(axis=1, keepdims=True)
    return is_first[np.arange(len(target)), target] / is_first.sum(axis=1)


def confusion_matrix(target: Any, predicted: Any, n_classes: int) -> NDArray[np.int64]:
    """Return how many rows of each class were predicted as each class.

    Args:
        target: Class indices, integers, shape `(rows,)`.
        predicted: Predicted class indices, integers, shape `(rows,)`.
        n_classes: The number of classes.

    Returns:
        Counts, int64, shape `(n_classes, n_classes)`: row is the true class, column the predicted one.

    Raises:
        TypeError: Indices that are not integer.
        ValueError: Shapes that differ, an index out of range.

    Example:
        >>> confusion_matrix([0, 1, 1], [0, 1, 0], 2).tolist()
        [[1, 0], [1, 1]]
    """
    target, predicted = _read(target, predicted, n_classes)
    return np.bincount(target * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


def balanced_accuracy(target: Any, predicted: Any, n_classes: int) -> float:
    """Return the mean over classes of the share of their rows that were predicted right.

        balanced accuracy = mean over classes k with rows of (hits_k / rows_k)

    Each class counts the same, however rare it is; a class without rows does not count. Always predicting one of two
    classes gives 1/2.

    Args:
        target: Class indices, integers, shape `(rows,)`; at least one.
        predicted: Predicted class indices, integers, shape `(rows,)`.
        n_classes: The number of classes.

    Returns:
        A number in [0, 1].

    Raises:
        TypeError: Indices that are not integer.
        ValueError: No rows, shapes that differ, an index out of range.

    Source:
        K. H. Brodersen, C. S. Ong, K. E. Stephan and J. M. Buhmann, The balanced accuracy and its posterior
        distribution, ICPR 2010.

    Example:
        >>> balanced_accuracy([0, 0, 0, 1], [0, 0, 0, 0], 2)
        0.5
    """
    target, predicted = _read(target, predicted, n_classes)
    _require_rows(target)
    rows = np.bincount(target, minlength=n_classes)
    hits = np.bincount(target[predicted == target], minlength=n_classes)
    return float((hits[rows > 0] / rows[rows > 0]).mean())


def f1(target: Any, predicted: Any, n_classes: int) -> float:
    """Return F1, the harmonic mean of precision and recall: of the second of two classes, or the mean over more.

        F1_k = 2 hits_k / (rows_k + predictions_k)

    With three classes or more it is the mean over the classes that have rows (the "macro" mean).

    Args:
        target: Class indices, integers, shape `(rows,)`; at least one.
        predicted: Predicted class indices, integers, shape `(rows,)`.
        n_classes: The number of classes, 2 or more.

    Returns:
        A number in [0, 1]; 0 for a class that is neither present nor predicted.

    Raises:
        TypeError: Indices that are not integer.
        ValueError: No rows, shapes that differ, an index out of range.

    Source:
        C. J. van Rijsbergen, Information Retrieval, 1979, chapter 7.

    Example:
        >>> round(f1([0, 1, 1, 1], [0, 0, 1, 1], 2), 3)
        0.8
    """
    target, predicted = _read(target, predicted, n_classes)
    _require_rows(target)
    rows = np.bincount(target, minlength=n_classes)
    hits = np.bincount(target[predicted == target], minlength=n_classes)
    scores = 2 * hits / np.maximum(rows + np.bincount(predicted, minlength=n_classes), 1)
    return float(scores[1] if n_classes == 2 else scores[rows > 0].mean())


def _read(target: Any, predicted: Any, n_classes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    target, predicted = read_indices(target, "target", n_classes), read_indices(predicted, "predicted", n_classes)
    if len(target) != len(predicted):
        requirement = f"have one index per row of target, {len(target)}"
        raise InvalidValueError("predicted", requirement, len(predicted))
    return target, predicted


def _require_rows(target: np.ndarray) -> None:
    if len(target) == 0:
        raise InvalidValueError("target", "have at least one row", "none")
