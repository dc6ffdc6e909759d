"""From columns to the inputs of a network: numbers scaled, gaps filled and flagged, categories one-hot."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from logitwise.model.file import ModelFile
from logitwise.model.scratch import Scratch
from logitwise.model.table import Table

MAX_LEVELS = 255  # of one column; rarer ones are encoded as zeros, like levels never seen in training
LARGEST = 1e150  # whose square is finite
CLIP = 3.0  # where inputs level off: a value far out says no more than "very large", and cannot overflow
TINY = 8 * np.finfo(np.float64).eps  # of the largest value: less is rounding
MOST_INTERVALS = 16  # between the knots of a column
FEWEST_IN_INTERVAL = 20  # rows
COLUMNS_AT_ONCE = 64  # bounds the memory of the statistics
ROWS_AT_ONCE = 128  # of an encoding: in float64 on the way, it stays in the cache
Statistics = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # offset, scale, fill, had_gaps: one entry a column


@dataclass(frozen=True)
class Prepared:
    """A table in the columns of training, not yet expanded: the expanded rows are made a block at a time."""

    numbers: np.ndarray  # (rows, numbers), NaN where missing
    codes: np.ndarray  # (rows, categories) int32: the place of the level, -1 where missing or not kept
    unknown: dict[str, int]  # for each category column, how many values are none of its levels
    extra: tuple[str, ...]  # columns that training had not

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.numbers)


@dataclass(frozen=True)
class Preprocessing:
    """What was learnt from the training rows about their columns.

    The inputs are, in order: every number as `z / sqrt(1 + (z / 3)^2)`, where `z = (x - offset) * scale`; one
    indicator for each number column that had gaps; one input for each category of one or two levels (1 for the first
    level, -1 for the second), and one for each level of every other category. A gap in a number takes the column's
    median; a gap in a category, or a level not kept, is all zeros. A constant column has scale 0.

    After these come the ramps, which only the linear path of a network gets: for each number column with knots
    k_0 < ... < k_m, one input for each interval, from -1/4 left of it to 1/4 right of it. A sum of ramps is any
    piecewise linear function of the column.

    Attributes:
        names: The column names, or None.
        levels: One entry a column: None for numbers, the levels (most frequent first) for categories.
        offset: The median of each number column, float64; for pixels, the mean of all.
        scale: One over its interquartile range (where that is 0, over how far the quartiles of the other values are
            from the common one), float64; for pixels, one over the standard deviation of all.
        fill: Its median, float64.
        had_gaps: Whether it had gaps in training, bool.
        knots: The knots of each number column, float64, in order: quantiles, none or three and more.
    """

    names: tuple[str, ...] | None
    levels: tuple[tuple[str, ...] | None, ...]
    offset: np.ndarray
    scale: np.ndarray
    fill: np.ndarray
    had_gaps: np.ndarray
    knots: tuple[np.ndarray, ...]

    @property
    def n_columns(self) -> int:
        """The number of columns of X, images flattened."""
        return len(self.levels)

    @property
    def number_names(self) -> tuple[str, ...]:
        """The names of the number columns; none where columns have no names."""
        return tuple(
            name
            for name, levels in zip(self.names or (), self.levels if self.names else (), strict=True)
            if levels is None
        )

    @cached_property
    def n_inputs(self) -> int:
        """The number of inputs of the network."""
        return self.n_deep + sum(max(0, len(knots) - 1) for knots in self.knots)

    @cached_property
    def n_deep(self) -> int:
        """The number of inputs that the hidden layers get; ramps come after them."""
        return len(self.offset) + self._n_gaps + sum(_width(levels) for levels in self._categories)

    @classmethod
    def fit(cls, table: Table, rows: np.ndarray, n_classes: int) -> Preprocessing:
        """Return the preprocessing learnt from `rows` of a table whose target has `n_classes`."""
        is_number = [table.column(place).dtype.kind != "O" for place in range(table.n_columns)]
        levels = tuple(
            None if number else _most_frequent(table.column(place)[rows]) for place, number in enumerate(is_number)
        )
        numbers = table.numbers(np.flatnonzero(is_number).tolist())
        intervals = 0 if table.has_common_scale else _intervals(len(rows), numbers.shape[1], n_classes)
        knots = tuple(_knots(numbers[rows, place], intervals) for place in range(numbers.shape[1]))
        return cls(table.names, levels, *_statistics(numbers, rows, table.has_common_scale), knots)

    def prepare(self, table: Table) -> Prepared:
        """Return the columns of training from a table; raise where one is missing or of another kind."""
        extra = self._extra(table)
        table = table.selected(self.names, self.n_columns)
        number_places, category_places = self._places
        numbers = table.numbers(number_places)
        codes = np.empty((table.rows, len(category_places)), dtype=np.int32)
        unknown: dict[str, int] = {}
        for index, place in enumerate(category_places):
            codes[:, index], unknown[table.column_label(place)] = table.codes(place, self._categories[index])
        return Prepared(numbers, codes, unknown, extra)

    def _extra(self, table: Table) -> tuple[str, ...]:
        if self.names is None or table.names is None or table.names == self.names:
            return ()
        known = frozenset(self.names)
        return tuple(name for name in table.names if name not in known)

    def encode(self, prepared: Prepared, rows: np.ndarray | slice) -> np.ndarray:
        """Return the rows at `rows` as inputs, float32, shape `(rows, n_inputs)`."""
        places, scratch = np.arange(prepared.rows)[rows], Scratch()
        inputs = np.empty((len(places), self.n_inputs), dtype=np.float32)
        for start in range(0, len(places), ROWS_AT_ONCE):
            block = places[start : start + ROWS_AT_ONCE]
            inputs[start : start + ROWS_AT_ONCE] = self.encode_across(prepared, block, len(block), scratch)[1:].T
        return inputs

    def encode_across(self, prepared: Prepared, rows: np.ndarray | slice, width: int, scratch: Scratch) -> np.ndarray:
        """Return a block of rows as 1 and their inputs, float32, `(1 + n_inputs, width)`: a row a column, then zeros.

        Laid out so, each step is a loop over rows. The array belongs to `scratch`.
        """
        numbers, codes = prepared.numbers[rows].T.astype(np.float64, order="C"), prepared.codes[rows].T
        inputs, filled = scratch.array("inputs", (1 + self.n_inputs, width)), numbers.shape[1]
        inputs[0] = 1.0
        inputs[1:, filled:] = 0.0
        with np.errstate(over="ignore"):  # 1e308 - (-1e308): levelled off in the next step
            self._encode_block(numbers, codes, inputs[1:, :filled], scratch)
        return inputs

    def _encode_block(self, numbers: np.ndarray, codes: np.ndarray, inputs: np.ndarray, scratch: Scratch) -> None:
        gaps, n_numbers = np.isnan(numbers), len(numbers)
        offset, scale, fill = self._statistics
        if np.logical_or.reduce(gaps, axis=None):
            numbers = np.where(gaps, fill, numbers)
        scaled = numbers - offset
        scaled *= scale
        np.divide(scaled, _levels_off(scaled), out=inputs[:n_numbers], casting="same_kind")
        first = n_numbers + self._n_gaps
        if self._n_gaps:
            inputs[n_numbers:first] = gaps[self.had_gaps]
        inputs[first : self.n_deep] = 0.0
        for place, levels in enumerate(self._categories):
            rows = np.flatnonzero(codes[place] >= 0)
            kept = codes[place, rows]
            if len(levels) <= 2:
                inputs[first, rows] = 1 - 2 * kept
            else:
                inputs[first + kept, rows] = 1.0
            first += _width(levels)
        self.ramps.encode(numbers, inputs[first:], scratch)

    @cached_property
    def _statistics(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Offset, scale and fill, each a column."""
        return self.offset[:, None], self.scale[:, None], self.fill[:, None]

    @cached_property
    def _places(self) -> tuple[list[int], list[int]]:
        """The positions of the number columns and of the category columns."""
        is_number = [levels is None for levels in self.levels]
        return [*np.flatnonzero(is_number).tolist()], [*np.flatnonzero(np.logical_not(is_number)).tolist()]

    @cached_property
    def _n_gaps(self) -> int:
        return int(self.had_gaps.sum())

    @cached_property
    def _categories(self) -> tuple[tuple[str, ...], ...]:
        return tuple(levels for levels in self.levels if levels is not None)

    @cached_property
    def ramps(self) -> Ramps:
        """The ramps of all columns."""
        return Ramps.of(self.knots)

    def header(self) -> dict[str, Any]:
        """Return the part that belongs in the header of a model file."""
        columns = [
            {"kind": "number"} if levels is None else {"kind": "category", "levels": levels} for levels in self.levels
        ]
        return {"feature_names": self.names, "columns": columns, "knots": [len(knots) for knots in self.knots]}

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the part that belongs in the tensors of a model file."""
        tensors = {f"numbers.{name}": getattr(self, name) for name in ("offset", "scale", "fill", "had_gaps")}
        return tensors | {"numbers.knots": np.concatenate([np.zeros(0), *self.knots])}

    @classmethod
    def from_file(cls, file: ModelFile) -> Preprocessing:
        """Return the preprocessing that a model file holds, verified."""
        levels = tuple(_levels_from(file, column) for column in file.field("columns", list))
        names = file.field("feature_names", (list, type(None)))
        if not levels or (names is not None and not _are_names(names, len(levels))):
            file.refuse("columns and feature names that do not fit")
        shape = (sum(entry is None for entry in levels),)
        offset, scale, fill = (
            file.tensor(f"numbers.{name}", np.float64, shape) for name in ("offset", "scale", "fill")
        )
        had_gaps = file.tensor("numbers.had_gaps", np.bool_, shape)
        knots = _knots_from(file, shape[0])
        return cls(None if names is None else tuple(names), levels, offset, scale, fill, had_gaps, knots)


def _levels_off(scaled: np.ndarray) -> np.ndarray:
    """Return sqrt(1 + (z / 3)^2), and see to it that z / it is finite; `hypot` would take six times as long."""
    np.clip(scaled, -LARGEST, LARGEST, out=scaled)
    square = scaled * (1 / CLIP)
    square *= square
    square += 1.0
    return np.sqrt(square, out=square)


def _levels_from(file: ModelFile, column: Any) -> tuple[str, ...] | None:
    if column == {"kind": "number"}:
        return None
    levels = column.get("levels") if isinstance(column, dict) and column.get("kind") == "category" else None
    if not isinstance(levels, list) or not _are_names(levels, len(levels)):
        file.refuse("a column that is neither a number nor a category")
    return tuple(levels)


def _knots_from(file: ModelFile, n_numbers: int) -> tuple[np.ndarray, ...]:
    counts = file.field("knots", list)
    if len(counts) != n_numbers or not all(type(count) is int and (count == 0 or count >= 3) for count in counts):
        file.refuse("numbers of knots that do not fit the columns")
    together = file.tensor("numbers.knots", np.float64, (sum(counts),))
    knots = tuple(np.split(together, np.cumsum(counts)[:-1])) if counts else ()
    if any((np.diff(each) <= 0).any() for each in knots):
        file.refuse("knots that do not rise")
    return knots


def _are_names(names: list[Any], count: int) -> bool:
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names) == count


def _most_frequent(values: np.ndarray) -> tuple[str, ...]:
    counts = Counter(value for value in values if value is not None)
    return tuple(sorted(counts, key=lambda level: (-counts[level], level))[:MAX_LEVELS])


def _width(levels: tuple[str, ...]) -> int:
    """Return how many inputs a category has."""
    return len(levels) if len(levels) > 2 else min(len(levels), 1)


def _intervals(rows: int, n_numbers: int, n_classes: int) -> int:
    """Return how many intervals the values of a column are cut into; 0: none.

    The ramps then have no more weights than half the rows, and each interval 20 rows and more.
    """
    if n_numbers == 0:
        return 0
    intervals = min(MOST_INTERVALS, rows // FEWEST_IN_INTERVAL, rows // (2 * (n_classes - 1) * n_numbers))
    return intervals if intervals >= 2 else 0


def _knots(column: np.ndarray, intervals: int) -> np.ndarray:
    """Return the knots that cut a column into intervals of equally many rows; none where fewer than three.

    A value that fills an interval by itself is a knot, and the quantiles are those of the others.
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


@dataclass(frozen=True)
class Ramps:
    """The ramps of all columns: for each interval where the values are, from -1/4 (below it) to 1/4 (above it)."""

    column: np.ndarray  # of which number column each is
    middle: np.ndarray
    slope: np.ndarray

    @classmethod
    def of(cls, knots: tuple[np.ndarray, ...]) -> Ramps:
        """Return the ramps between the knots of each number column."""
        column = np.repeat(np.arange(len(knots)), [max(0, len(each) - 1) for each in knots])
        begins = np.concatenate([np.zeros(0), *(each[:-1] for each in knots)])
        widths = np.concatenate([np.zeros(0), *(np.diff(each) for each in knots)])
        return cls(column.astype(np.intp), (begins + widths / 2)[:, None], (0.5 / np.maximum(widths, 1e-300))[:, None])

    def encode(self, numbers: np.ndarray, inputs: np.ndarray, scratch: Scratch) -> None:
        """Write the ramps of numbers `(columns, rows)` into inputs `(ramps, rows)`."""
        if len(self.column) == 0:
            return
        places = scratch.array("ramps", inputs.shape, np.float64)
        numbers.take(self.column, axis=0, out=places, mode="clip")  # which needs no buffer
        places -= self.middle
        places *= self.slope
        np.copyto(inputs, places, casting="same_kind")
        np.clip(inputs, -0.25, 0.25, out=inputs)


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
        # Divided by the largest value, so that nothing overflows; read back in the units of the column below.
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
    """Return how wide the values of each column are spread.

    That is the interquartile range; where it is 0, how far the quartiles of the other values and the common one reach.
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
    """Return one statistic for all columns, by the law of total variance; they have equally many rows."""
    largest = peak.max()
    share = peak / largest if largest > 0 else peak
    means = mean * share
    deviation = np.sqrt((variance * share**2).mean() + means.var())
    like = np.ones_like(mean)
    return like * (means.mean() * largest), _inverse(like * deviation, like * largest), fill, had_gaps


def _inverse(spread: np.ndarray, peak: np.ndarray) -> np.ndarray:
    """Return 1 / (spread * peak), and 0 for a column that is constant but for rounding."""
    is_constant = spread <= TINY
    with np.errstate(over="ignore", divide="ignore"):
        inverse = 1.0 / np.where(is_constant, 1.0, spread) / peak
    return np.where(is_constant | ~np.isfinite(inverse), 0.0, inverse)
