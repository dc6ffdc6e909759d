"""Fitting a preprocessing: the scales, medians, levels and knots of the columns of training rows."""

from __future__ import annotations

import numpy as np

from logitwise.classifier.levels.learning import find_levels
from logitwise.columns.reading import Reading
from logitwise.columns.table import Table
from logitwise.model.preprocessing import Preprocessing

TINY = 8 * np.finfo(np.float64).eps  # of the largest value: less is rounding
MOST_INTERVALS = 16  # between the knots of a column
FEWEST_IN_INTERVAL = 20  # rows
COLUMNS_AT_ONCE = 64  # bounds the memory of the statistics
# The offset, scale, fill and had_gaps of each column.
Statistics = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def fit_preprocessing(table: Table, rows: np.ndarray, n_classes: int, reading: Reading | None = None) -> Preprocessing:
    """Return the preprocessing learnt from the rows at `rows` of a table, whose target has `n_classes` classes.

    A reading makes numbers and categories of the table first.
    """
    table = table if reading is None else reading.read(table)[0]
    is_number = [table.column(place).dtype.kind != "O" for place in range(table.n_columns)]
    categories = find_levels([table.column(place)[rows] for place, number in enumerate(is_number) if not number])
    following = iter(categories)
    levels = tuple(None if number else next(following).levels for number in is_number)
    numbers = table.numbers(np.flatnonzero(is_number).tolist())
    intervals = 0 if table.has_common_scale else _intervals(len(rows), numbers.shape[1], n_classes)
    knots = tuple(_knots(numbers[rows, place], intervals) for place in range(numbers.shape[1]))
    statistics = _statistics(numbers, rows, table.has_common_scale)
    return Preprocessing(table.names, levels, *statistics, knots, reading).with_categories(categories)


def _intervals(rows: int, n_numbers: int, n_classes: int) -> int:
    """Return how many intervals the values of a column are cut into; 0: none.

    The ramps then have at most half as many weights as there are rows, and each interval at least 20 rows.
    """
    if n_numbers == 0:
        return 0
    intervals = min(MOST_INTERVALS, rows // FEWEST_IN_INTERVAL, rows // (2 * (n_classes - 1) * n_numbers))
    return intervals if intervals >= 2 else 0


def _knots(column: np.ndarray, intervals: int) -> np.ndarray:
    """Return the knots that cut a column into intervals with equally many rows; none where there would be fewer than 3.

    A value that fills an interval by itself is a knot; the other knots are quantiles of the other values.
    """
    present = column[~np.isnan(column)] if column.dtype.kind == "f" else column
    if intervals == 0 or len(present) == 0:
        return np.zeros(0)
    knots, counts = np.unique(present.astype(np.float64), return_counts=True)
    with np.errstate(over="ignore"):
        width = knots[-1] - knots[0]
    if len(knots) > intervals + 1 and np.isfinite(width):
        fills = counts * intervals > len(present)
        others = np.repeat(knots[~fills], counts[~fills])
        cuts = np.linspace(0, 1, max(1, intervals - int(fills.sum())) + 1)
        knots = np.union1d(knots[fills], np.quantile(others, cuts))
    return np.zeros(0) if len(knots) < 3 or not np.isfinite(width) else knots


def _statistics(numbers: np.ndarray, rows: np.ndarray, has_common_scale: bool) -> Statistics:
    """Return the offset, scale, fill and had_gaps of each column."""
    mean, deviation, fill, peak, spread = np.zeros((5, numbers.shape[1]))
    had_gaps = np.zeros(numbers.shape[1], dtype=bool)
    for first in range(0, numbers.shape[1], COLUMNS_AT_ONCE):
        block = numbers[rows, first : first + COLUMNS_AT_ONCE].astype(np.float64)
        here = slice(first, first + COLUMNS_AT_ONCE)
        gaps = np.isnan(block)
        had_gaps[here] = gaps.any(axis=0)
        fill[here] = _medians(block, gaps)
        block = np.where(gaps, fill[here], block)
        peak[here] = np.abs(block).max(axis=0)
        # Divided by the largest value, so that nothing overflows; below, in units of the column again.
        block /= np.where(peak[here] > 0, peak[here], 1.0)
        mean[here], deviation[here] = block.mean(axis=0), block.std(axis=0)
        spread[here] = _spreads(block)
    if has_common_scale:
        return _common_scale(mean, deviation**2, fill, peak, had_gaps)
    return fill.copy(), _inverse(spread, peak), fill, had_gaps


def _medians(block: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    medians = np.zeros(block.shape[1])
    complete = ~gaps.any(axis=0)
    medians[complete] = _median(block[:, complete])
    for place in np.flatnonzero(~complete & ~gaps.all(axis=0)):
        medians[place] = _median(block[~gaps[:, place], place])
    return medians


def _median(values: np.ndarray) -> np.ndarray:
    """Return the median of each column; that of two values is half of their sum, which may overflow."""
    with np.errstate(over="ignore"):
        medians = np.median(values, axis=0)
    return medians if np.isfinite(medians).all() else 2 * np.median(values / 2, axis=0)


def _spreads(block: np.ndarray) -> np.ndarray:
    """Return the spread of the values of each column.

    That is the interquartile range; where it is 0, the range of the quartiles of the other values and the common value.
    """
    low, lower, upper, high = np.quantile(block, [0.0, 0.25, 0.75, 1.0], axis=0)
    spread = upper - lower
    reach = np.maximum(high - lower, lower - low)
    for place in np.flatnonzero((spread <= TINY) & (reach > TINY)):
        common = lower[place]
        lower_other, upper_other = np.quantile(block[np.abs(block[:, place] - common) > TINY, place], [0.25, 0.75])
        spread[place] = max(upper_other, common) - min(lower_other, common)
    return spread


def _common_scale(
    mean: np.ndarray, variance: np.ndarray, fill: np.ndarray, peak: np.ndarray, had_gaps: np.ndarray
) -> Statistics:
    """Return the same statistics for all columns, by the law of total variance; all have equally many rows."""
    largest = peak.max()
    share = peak / largest if largest > 0 else peak
    means = mean * share
    deviation = np.sqrt((variance * share**2).mean() + means.var())
    like = np.ones_like(mean)
    return like * (means.mean() * largest), _inverse(like * deviation, like * largest), fill, had_gaps


def _inverse(spread: np.ndarray, peak: np.ndarray) -> np.ndarray:
    """Return 1 / (spread * peak), and 0 for a column that is constant except for rounding."""
    is_constant = spread <= TINY
    with np.errstate(over="ignore", divide="ignore"):
        inverse = 1.0 / np.where(is_constant, 1.0, spread) / peak
    return np.where(is_constant | ~np.isfinite(inverse), 0.0, inverse)
