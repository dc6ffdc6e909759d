"""How far chance alone could have moved a number: 95% intervals."""

from __future__ import annotations

from math import exp, lgamma, log, log1p
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from logitwise.metrics.bins import bin_of, binned_error

Z = 1.959964  # the normal quantile of 0.975
SEED = 0  # the same data give the same intervals
ROUNDS, FEWEST_ROUNDS = 1000, 200
DRAWS = 20_000_000  # bounds the time: with more rows fewer rounds, which the smoother distribution allows
NUMBERS_AT_ONCE = 1_000_000  # drawn when resampling: 16 MB


class Interval(NamedTuple):
    """The ends of a 95% interval."""

    low: float
    high: float


def wilson(hits: float, rows: float) -> Interval:
    """Return the Wilson interval of a share; (0, 1) for no rows.

    It holds for few rows and for shares near 0 and 1, where hits / rows plus or minus its standard error does not.

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


def exact_interval(hits: int, rows: int, confidence: float = 0.95) -> Interval:
    """Return the Clopper-Pearson interval of a share: it holds for any number of rows, and for any confidence.

    The share is beyond an end exactly where so few or so many hits have a probability below `(1 - confidence) / 2`.

    Source:
        C. J. Clopper and E. S. Pearson, The use of confidence or fiducial limits illustrated in the case of the
        binomial, Biometrika 26 (1934).

    Example:
        >>> [round(bound, 3) for bound in exact_interval(9, 10)]
        [0.555, 0.997]
    """
    tail = (1 - confidence) / 2
    return Interval(1 - _share_above(rows - hits, rows, tail), _share_above(hits, rows, tail))


def _share_above(hits: int, rows: int, tail: float) -> float:
    """Return the share of which no more than so many hits have just the probability `tail`; 1 where all are hits."""
    if hits >= rows:
        return 1.0
    low, high = hits / rows, 1.0
    for _ in range(50):
        middle_ = (low + high) / 2
        low, high = (middle_, high) if _at_most(hits, rows, middle_) > tail else (low, middle_)
    return high


def _at_most(hits: int, rows: int, share: float) -> float:
    """Return the probability of at most so many hits, of which there are fewer than expected."""
    if share >= 1:
        return 0.0
    odds = (1 - share) / share
    counts = np.arange(hits, max(0, hits - int(40 * rows**0.5) - 40), -1)  # further down, nothing is left
    of_fewer = np.cumprod(counts / (rows - counts + 1) * odds)
    ways = lgamma(rows + 1) - lgamma(hits + 1) - lgamma(rows - hits + 1)
    of_these = ways + hits * log(share) + (rows - hits) * log1p(-share)
    return exp(of_these) * (1 + float(of_fewer.sum()))


def losses_by_row(target: np.ndarray, probabilities: np.ndarray) -> NDArray[np.float64]:
    """Return the log loss and the Brier score of each row, shape `(rows, 2)`."""
    of_target = probabilities[np.arange(len(target)), target]
    with np.errstate(divide="ignore"):
        loss = -np.log(of_target)
    return np.stack([loss, np.einsum("ij,ij->i", probabilities, probabilities) - 2 * of_target + 1], axis=1)


def bootstrap_means(values: np.ndarray) -> NDArray[np.float64]:
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


def resampled_means(values: np.ndarray, resamples: int, seed: int) -> NDArray[np.float64]:
    """Return the means of `values`, shape `(rows,)`, over rows drawn again with replacement, shape `(resamples,)`.

    Unlike `bootstrap_means` it draws as many times as it is told, many rounds at once.
    """
    generator = np.random.default_rng(seed)
    at_once = max(1, NUMBERS_AT_ONCE // len(values))
    sizes = [min(at_once, resamples - first) for first in range(0, resamples, at_once)]
    return np.concatenate(
        [values[generator.integers(len(values), size=(size, len(values)))].mean(axis=1) for size in sizes]
    )


def middle(draws: np.ndarray, low: float = 0.025, high: float = 0.975) -> Interval:
    """Return the range between two quantiles of the draws: by default, that of the middle 95%."""
    ends = np.quantile(draws, [low, high])
    return Interval(float(ends[0]), float(ends[1]))


def chance_calibration_error(confidence: np.ndarray, bins: int = 15) -> Interval:
    """Return the calibration errors to expect of a perfectly calibrated model with this confidence in each row.

    It is not 0: in a bin of few rows, the share of right answers differs from the confidence by chance.
    """
    rows, generator = len(confidence), np.random.default_rng(SEED)
    bin_ = bin_of(confidence, bins)
    errors = []
    for _ in range(_rounds(rows) // 4):
        hits = generator.random(rows) < confidence
        errors.append(binned_error(bin_, confidence, hits, bins))
    return middle(np.array(errors))


def _rounds(rows: int) -> int:
    return int(np.clip(DRAWS // rows, FEWEST_ROUNDS, ROUNDS))
