"""How good probabilities are: measures of predictions against what happened, with NumPy alone.

Everywhere `target` holds class indices from 0, shape `(rows,)`, and `probabilities` has one row for each of them, shape
`(rows, classes)`. Every mean is over rows and needs at least one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from logitwise._errors import InvalidValueError
from logitwise._requirements import check_integer, refuse_masked
from logitwise._warnings import checks
from logitwise.functional import log_loss
from logitwise.metrics.arguments import DROP_MASKED, read_indices, read_predictions
from logitwise.metrics.bins import bin_of, binned_error
from logitwise.metrics.intervals import (
    Interval,
    bootstrap_means,
    chance_calibration_error,
    losses_by_row,
    middle,
    resampled_means,
    wilson,
)


def accuracy(target: Any, probabilities: Any) -> float:
    """Return the share of rows whose most probable class (the first, in a tie) is the right one.

    Args:
        target: Class indices, integers, shape `(rows,)`.
        probabilities: Shape `(rows, classes)`.

    Returns:
        A number in [0, 1].

    Raises:
        TypeError: A target that is not integer.
        ValueError: Shapes that do not fit; an index out of range; no rows; a probability outside [0, 1]; rows that do
            not sum to 1.

    Example:
        >>> accuracy([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        0.6666666666666666
    """
    target, probabilities = read_predictions(target, probabilities)
    return float(np.mean(probabilities.argmax(axis=1) == target))


def brier_score(target: Any, probabilities: Any) -> float:
    """Return the mean squared distance between the probabilities and the outcome, summed over classes.

        brier = 1/n sum_i sum_k (p_ik - y_ik)^2        y one-hot

    This is Brier's own form, from 0 to 2. For two classes it is twice the form over the probability of class 1 alone,
    from 0 to 1.

    Args:
        target: As in `accuracy`.
        probabilities: As in `accuracy`.

    Returns:
        A number in [0, 2].

    Raises:
        TypeError: As in `accuracy`.
        ValueError: As in `accuracy`.

    Source:
        G. W. Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78 (1950).

    Example:
        >>> round(brier_score([0, 1], [[0.9, 0.1], [0.4, 0.6]]), 2)
        0.17
    """
    target, probabilities = read_predictions(target, probabilities)
    outcome = np.zeros_like(probabilities)
    outcome[np.arange(len(target)), target] = 1.0
    return float(np.mean(np.sum((probabilities - outcome) ** 2, axis=1)))


def calibration_error(target: Any, probabilities: Any, bins: int = 15) -> float:
    """Return the expected calibration error: how far confidence is from accuracy, on average.

        ECE = sum_b (n_b / n) |accuracy_b - confidence_b|

    The confidence of a row is its largest probability. The bins are of equal width over [0, 1], open below and closed
    above; an empty one adds nothing. It is 0 for a calibrated model only in the limit of many rows: chance alone adds
    about 1/sqrt(rows per bin).

    Args:
        target: As in `accuracy`.
        probabilities: As in `accuracy`.
        bins: The number of bins, 1 or more.

    Returns:
        A number in [0, 1].

    Raises:
        TypeError: As in `accuracy`.
        ValueError: As in `accuracy`; bins below 1.

    Source:
        C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural networks, ICML 2017.

    Example:
        >>> round(calibration_error([0, 0, 1], [[0.9, 0.1], [0.9, 0.1], [0.9, 0.1]]), 4)
        0.2333
    """
    target, probabilities = read_predictions(target, probabilities)
    bins = check_integer(bins, "bins")
    if bins < 1:
        raise InvalidValueError("bins", "be 1 or more", bins)
    confidence = probabilities.max(axis=1)
    hits = probabilities.argmax(axis=1) == target
    return float(binned_error(bin_of(confidence, bins), confidence, hits, bins))


def roc_auc(target: Any, scores: Any) -> float:
    """Return the area under the ROC curve: the chance that a row of class 1 scores above one of class 0, ties half.

        AUC = (R1 - n1 (n1 + 1) / 2) / (n0 n1)

    R1 is the sum of the ranks of class 1, equal scores sharing their mean rank.

    Args:
        target: 0 or 1, shape `(rows,)`; both must occur.
        scores: Higher for class 1: a probability or a logit, shape `(rows,)`.

    Returns:
        A number in [0, 1].

    Raises:
        TypeError: A target that is not integer.
        ValueError: Shapes that differ, a target other than 0 and 1, only one class, a NaN score.

    Source:
        J. A. Hanley and B. J. McNeil, The meaning and use of the area under a receiver operating characteristic curve,
        Radiology 143 (1982).

    Example:
        >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        0.75
    """
    refuse_masked(scores, "scores", DROP_MASKED)
    target, scores = read_indices(target, "target", 2), np.asarray(scores, dtype=np.float64)
    if scores.shape != target.shape:
        raise InvalidValueError("scores", f"have the shape of target, {target.shape}", scores.shape)
    if np.isnan(scores).any():
        raise InvalidValueError("scores", "be numbers", "NaN", f"row {int(np.isnan(scores).argmax())}")
    n_ones = int(target.sum())
    n_zeros = len(target) - n_ones
    if n_ones == 0 or n_zeros == 0:
        found = f"{n_zeros} rows of class 0 and {n_ones} of class 1"
        raise InvalidValueError("target", "have both classes, 0 and 1", found)
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = mean_ranks[group][target == 1].sum()
    return float((rank_sum - n_ones * (n_ones + 1) / 2) / (n_zeros * n_ones))


def summary(target: Any, probabilities: Any) -> dict[str, float]:
    """Return the usual measures of one set of predictions.

    Args:
        target: As in `accuracy`.
        probabilities: As in `accuracy`.

    Returns:
        `rows`, `log_loss` (mean, in nats), `accuracy`, `brier_score`, `calibration_error`.

    Raises:
        TypeError: As in `accuracy`.
        ValueError: As in `accuracy`.

    Example:
        >>> {name: round(value, 3) for name, value in summary([0, 1], [[0.9, 0.1], [0.4, 0.6]]).items()}
        {'rows': 2, 'log_loss': 0.308, 'accuracy': 1.0, 'brier_score': 0.17, 'calibration_error': 0.25}
    """
    target, probabilities = read_predictions(target, probabilities)
    return {
        "rows": len(target),
        "log_loss": _log_loss(probabilities, target),
        "accuracy": accuracy(target, probabilities),
        "brier_score": brier_score(target, probabilities),
        "calibration_error": calibration_error(target, probabilities),
    }


def summary_intervals(target: Any, probabilities: Any) -> dict[str, Interval | None]:
    """Return how far chance alone could have moved the measures of `summary`: 95% intervals.

    The interval of the accuracy is Wilson's; those of the losses come from the bootstrap. The calibration error of a
    perfectly calibrated model is above 0 too: its range is that of such a model with these confidences.

    Args:
        target: As in `accuracy`.
        probabilities: As in `accuracy`.

    Returns:
        `log_loss`, `accuracy`, `brier_score` and `calibration_error_by_chance`, each with `low` and `high`. None where
        there is no interval: one row (except for the accuracy), or an infinite loss.

    Raises:
        TypeError: As in `accuracy`.
        ValueError: As in `accuracy`.

    Source:
        E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
        B. Efron and R. J. Tibshirani, An introduction to the bootstrap, 1993, chapter 13.

    Example:
        >>> found = summary_intervals([0] * 9 + [1], [[0.9, 0.1]] * 10)
        >>> [round(bound, 3) for bound in found["accuracy"]]
        [0.596, 0.982]
    """
    target, probabilities = read_predictions(target, probabilities)
    hits = probabilities.argmax(axis=1) == target
    losses = losses_by_row(target, probabilities)
    is_known = np.logical_and(np.isfinite(losses).all(axis=0), len(target) > 1)
    draws = bootstrap_means(np.where(is_known, losses, 0.0))
    log_loss_interval, brier_interval = (
        middle(draws[:, place]) if is_known[place] else None for place in range(losses.shape[1])
    )
    return {
        "log_loss": log_loss_interval,
        "accuracy": wilson(float(hits.sum()), len(target)),
        "brier_score": brier_interval,
        "calibration_error_by_chance": chance_calibration_error(probabilities.max(axis=1)) if len(target) > 1 else None,
    }


def paired_bootstrap(
    differences: Any, *, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> tuple[float, float, float]:
    """Return the mean of paired differences and its bootstrap interval (percentiles of the means of resampled rows).

    Args:
        differences: What one model scores on each row, less what the other scores on the same row; shape `(rows,)`.
        level: The share of resampled means within the interval, in (0, 1).
        resamples: How many times rows are drawn with replacement.
        seed: The seed of the draws.

    Returns:
        The mean, and the lower and upper end, in the units of the differences.

    Raises:
        ValueError: No rows; a level outside (0, 1); fewer than one resample.

    Source:
        B. Efron and R. J. Tibshirani, An introduction to the bootstrap, 1993, chapter 13.

    Example:
        >>> mean, low, high = paired_bootstrap([0.1, 0.2, 0.3, 0.2])
        >>> round(mean, 2), bool(0.1 < low < mean < high < 0.3)
        (0.2, True)
    """
    refuse_masked(differences, "differences", DROP_MASKED)
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0:
        raise InvalidValueError("differences", "have shape (rows,), at least one row", values.shape)
    if not 0 < level < 1:
        raise InvalidValueError("level", "be between 0 and 1", level)
    if check_integer(resamples, "resamples") < 1:
        raise InvalidValueError("resamples", "be 1 or more", resamples)
    low, high = middle(resampled_means(values, resamples, seed), (1 - level) / 2, (1 + level) / 2)
    return float(values.mean()), low, high


def majority_baseline(train_target: Any, n_classes: int, rows: int) -> NDArray[np.float64]:
    """Return the prediction that follows from the training labels alone: their frequencies, in every row.

    Its accuracy is the share of the majority class, and its log loss about the entropy of the labels: a model has to
    beat both.

    Args:
        train_target: Class indices of training, integers, shape `(training rows,)`.
        n_classes: The number of classes.
        rows: The number of rows to predict.

    Returns:
        Probabilities, float64, shape `(rows, n_classes)`.

    Raises:
        TypeError: Indices that are not integer.
        ValueError: No training rows, an index out of range.

    Example:
        >>> majority_baseline([0, 0, 1, 0], 2, rows=2).tolist()
        [[0.75, 0.25], [0.75, 0.25]]
    """
    train_target = read_indices(train_target, "train_target", n_classes)
    if len(train_target) == 0:
        raise InvalidValueError("train_target", "have at least one row", "none")
    return np.tile(np.bincount(train_target, minlength=n_classes) / len(train_target), (rows, 1))


def _log_loss(probabilities: np.ndarray, target: np.ndarray) -> float:
    """Return the log loss without a warning: an infinite one is there to be seen."""
    with checks("off"):
        return float(log_loss(probabilities, target))
