"""From columns to the inputs of a network: numbers standardised, gaps filled and flagged, categories one-hot."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from logitwise.classifier.model_file import ModelFile
from logitwise.classifier.table import Table, objects

MAX_LEVELS = 255  # of one column; rarer ones are encoded as zeros, like levels never seen in training
CLIP = 10.0  # standard deviations: a value further out says no more than "very large", and cannot overflow
COLUMNS_AT_ONCE = 64  # bounds the memory of the statistics
ROWS_AT_ONCE = 1024  # bounds the memory of the encoding, in float64 on the way
Statistics = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # offset, scale, fill, had_gaps: one entry a column


@dataclass(frozen=True)
class Prepared:
    """A table in the columns of training, not yet expanded: the expanded rows are made a block at a time."""

    numbers: np.ndarray  # (rows, numbers), NaN where missing
    inputs_on: np.ndarray  # (rows, categories) int32: the one-hot input to switch on, -1 for none

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.numbers)


@dataclass(frozen=True)
class Preprocessing:
    """What was learnt from the training rows about their columns.

    The inputs are, in order: every number as `(x - offset) * scale`, clipped to 10 standard deviations; one indicator
    for each number column that had gaps; one input for each level of each category. A gap in a number takes the
    column's median; a gap in a category, or a level not kept, is all zeros. A constant column has scale 0.

    Attributes:
        names: The column names, or None.
        levels: One entry a column: None for numbers, the levels (most frequent first) for categories.
        offset: The mean of each number column, float64.
        scale: One over its standard deviation, float64.
        fill: Its median, float64.
        had_gaps: Whether it had gaps in training, bool.
    """

    names: tuple[str, ...] | None
    levels: tuple[tuple[str, ...] | None, ...]
    offset: np.ndarray
    scale: np.ndarray
    fill: np.ndarray
    had_gaps: np.ndarray

    @property
    def n_columns(self) -> int:
        """The number of columns of X, images flattened."""
        return len(self.levels)

    @property
    def n_inputs(self) -> int:
        """The number of inputs of the network."""
        return (
            len(self.offset)
            + int(self.had_gaps.sum())
            + sum(len(levels) for levels in self.levels if levels is not None)
        )

    @classmethod
    def fit(cls, table: Table, rows: np.ndarray) -> Preprocessing:
        """Return the preprocessing learnt from `rows` of a table."""
        is_number = [table.column(place).dtype.kind != "O" for place in range(table.n_columns)]
        levels = tuple(
            None if number else _most_frequent(table.column(place)[rows]) for place, number in enumerate(is_number)
        )
        numbers = table.numbers(np.flatnonzero(is_number).tolist())
        return cls(table.names, levels, *_statistics(numbers, rows, table.has_common_scale))

    def prepare(self, table: Table) -> Prepared:
        """Return the columns of training from a table; raise where one is missing or of another kind."""
        table = table.selected(self.names, self.n_columns)
        numbers = table.numbers([place for place, levels in enumerate(self.levels) if levels is None])
        categories = [place for place, levels in enumerate(self.levels) if levels is not None]
        inputs_on = np.full((table.rows, len(categories)), -1, dtype=np.int32)
        first = numbers.shape[1] + int(self.had_gaps.sum())
        for index, place in enumerate(categories):
            levels = self.levels[place] or ()
            inputs_on[:, index] = _inputs_on(table.column(place), levels, first)
            first += len(levels)
        return Prepared(numbers, inputs_on)

    def encode(self, prepared: Prepared, rows: np.ndarray) -> np.ndarray:
        """Return the rows at `rows` as inputs, float32, shape `(rows, n_inputs)`."""
        inputs = np.zeros((len(rows), self.n_inputs), dtype=np.float32)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            block = slice(start, start + ROWS_AT_ONCE)
            self._encode_block(prepared.numbers[rows[block]], prepared.inputs_on[rows[block]], inputs[block])
        return inputs

    def _encode_block(self, numbers: np.ndarray, inputs_on: np.ndarray, inputs: np.ndarray) -> None:
        numbers = numbers.astype(np.float64)
        gaps, n_numbers = np.isnan(numbers), numbers.shape[1]
        with np.errstate(over="ignore"):  # 1e308 - (-1e308): clipped in the next step
            standardised = (np.where(gaps, self.fill, numbers) - self.offset) * self.scale
        inputs[:, :n_numbers] = standardised.clip(-CLIP, CLIP)
        inputs[:, n_numbers : n_numbers + int(self.had_gaps.sum())] = gaps[:, self.had_gaps]
        rows, categories = np.nonzero(inputs_on >= 0)
        inputs[rows, inputs_on[rows, categories]] = 1.0

    def header(self) -> dict[str, Any]:
        """Return the part that belongs in the header of a model file."""
        columns = [
            {"kind": "number"} if levels is None else {"kind": "category", "levels": levels} for levels in self.levels
        ]
        return {"feature_names": self.names, "columns": columns}

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the part that belongs in the tensors of a model file."""
        return {f"numbers.{name}": getattr(self, name) for name in ("offset", "scale", "fill", "had_gaps")}

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
        return cls(None if names is None else tuple(names), levels, offset, scale, fill, had_gaps)


def _levels_from(file: ModelFile, column: Any) -> tuple[str, ...] | None:
    if column == {"kind": "number"}:
        return None
    levels = column.get("levels") if isinstance(column, dict) and column.get("kind") == "category" else None
    if not isinstance(levels, list) or not _are_names(levels, len(levels)):
        file.refuse("a column that is neither a number nor a category")
    return tuple(levels)


def _are_names(names: list[Any], count: int) -> bool:
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names) == count


def _most_frequent(values: np.ndarray) -> tuple[str, ...]:
    counts = Counter(value for value in values if value is not None)
    return tuple(sorted(counts, key=lambda level: (-counts[level], level))[:MAX_LEVELS])


def _inputs_on(column: np.ndarray, levels: tuple[str, ...], first: int) -> np.ndarray:
    if column.dtype.kind != "O":
        column = objects(None if value != value else _number_text(value) for value in column.tolist())
    inputs = {level: first + place for place, level in enumerate(levels)}
    return np.fromiter((inputs.get(value, -1) for value in column), dtype=np.int32, count=len(column))


def _number_text(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _statistics(numbers: np.ndarray, rows: np.ndarray, has_common_scale: bool) -> Statistics:
    """Return the offset, scale, fill and had_gaps of each column."""
    mean, variance, fill, peak = np.zeros((4, numbers.shape[1]))
    had_gaps = np.zeros(numbers.shape[1], dtype=bool)
    for first in range(0, numbers.shape[1], COLUMNS_AT_ONCE):
        block = numbers[rows, first : first + COLUMNS_AT_ONCE].astype(np.float64)
        here = slice(first, first + COLUMNS_AT_ONCE)
        gaps = np.isnan(block)
        had_gaps[here] = gaps.any(axis=0)
        fill[here] = _medians(block, gaps)
        block = np.where(gaps, fill[here], block)
        peak[here] = np.abs(block).max(axis=0)
        # Divided by the largest value, so that no square overflows; read back in the units of the column below.
        block /= np.where(peak[here] > 0, peak[here], 1.0)
        mean[here], variance[here] = block.mean(axis=0), block.var(axis=0)
    if has_common_scale:
        return _common_scale(mean, variance, fill, peak, had_gaps)
    return mean * peak, _inverse_deviation(np.sqrt(variance), peak), fill, had_gaps


def _medians(block: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    medians = np.zeros(block.shape[1])
    complete = ~gaps.any(axis=0)
    medians[complete] = np.median(block[:, complete], axis=0)
    for place in np.flatnonzero(~complete & ~gaps.all(axis=0)):
        medians[place] = np.median(block[~gaps[:, place], place])
    return medians


def _common_scale(
    mean: np.ndarray, variance: np.ndarray, fill: np.ndarray, peak: np.ndarray, had_gaps: np.ndarray
) -> Statistics:
    """Return one statistic for all columns, by the law of total variance; they have equally many rows."""
    largest = peak.max()
    share = peak / largest if largest > 0 else peak
    means = mean * share
    deviation = np.sqrt((variance * share**2).mean() + means.var())
    like = np.ones_like(mean)
    return like * (means.mean() * largest), _inverse_deviation(like * deviation, like * largest), fill, had_gaps


def _inverse_deviation(deviation: np.ndarray, peak: np.ndarray) -> np.ndarray:
    """Return 1 / (deviation * peak), and 0 for a column that is constant but for rounding."""
    is_constant = deviation <= 8 * np.finfo(np.float64).eps
    with np.errstate(over="ignore", divide="ignore"):
        inverse = 1.0 / np.where(is_constant, 1.0, deviation) / peak
    return np.where(is_constant | ~np.isfinite(inverse), 0.0, inverse)
