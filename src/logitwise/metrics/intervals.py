"""How far chance alone could have moved a number: intervals that hold 95 of 100 times."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Z = 1.959964  # the normal quantile of 0.975
SEED = 0  # the same page for the same data
ROUNDS, FEWEST_ROUNDS = 1000, 200
DRAWS = 20_000_000  # bounds the time: with more rows fewer rounds, which the smoother distribution bears


class Interval(NamedTuple):
    """A range that holds the true value 95 of 100 times."""

    low: float
    high: float


def wilson(hits: float, rows: float) -> Interval:
    """Return the Wilson interval of a share; (0, 1) for no rows.

    Right for few rows and for shares near 0 and 1, where hits / rows plus or minus its error is not.

    Source:
        E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).

    Example:
        >>> [round(bound, 3) for bound in wilson(9, 10)]
        [0.596, 0.982]
    """
    if rows == 0:
        return Interval(0.0, 1.0)
    share, spread = hits / rows, Z**2 / rows
    centre = (share + spread / 2) / (1 + spread)
    half = np.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    return Interval(max(0.0, float(centre - half)), min(1.0, float(centre + half)))


def losses_by_row(target: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the log loss and the Brier score of each row, shape `(rows, 2)`."""
    of_target = probabilities[np.arange(len(target)), target]
    with np.errstate(divide="ignore"):
        loss = -np.log(of_target)
    return np.stack([loss, np.einsum("ij,ij->i", probabilities, probabilities) - 2 * of_target + 1], axis=1)


def bootstrap_means(values: np.ndarray) -> np.ndarray:
    """Return the means of `values`, shape `(rows, measures)`, over rows drawn again with replacement.

    Every round draws the same rows for all measures, so that their differences are paired.

    Returns:
        Shape `(rounds, measures)`.

    Source:
        B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    rows, generator = len(values), np.random.default_rng(SEED)
    counts = (np.bincount(generator.integers(0, rows, rows), minlength=rows) for _ in range(_rounds(rows)))
    return np.stack([count @ values for count in counts]) / rows


def middle(draws: np.ndarray) -> Interval:
    """Return the range that holds the middle 95 of 100 draws."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(float(low), float(high))


def chance_calibration_error(confidence: np.ndarray, bins: int = 15) -> Interval:
    """Return the calibration errors to expect of a perfectly calibrated model with this confidence in each row.

    It is not 0: in a bin of few rows the share of right answers strays from the confidence by chance.
    """
    rows, generator = len(confidence), np.random.default_rng(SEED)
    place = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence)  # the bins of metrics.calibration_error
    errors = []
    for _ in range(_rounds(rows) // 4):
        hits = generator.random(rows) < confidence
        errors.append(np.abs(np.bincount(place, hits - confidence, bins)).sum() / rows)
    return middle(np.array(errors))


def _rounds(rows: int) -> int:
    return int(np.clip(DRAWS // rows, FEWEST_ROUNDS, ROUNDS))
