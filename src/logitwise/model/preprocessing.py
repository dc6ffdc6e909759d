"""From columns to the inputs of a network: numbers scaled, gaps filled and flagged, categories by their levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from logitwise._display import Displayed
from logitwise.columns.reading import Column, Reading
from logitwise.columns.table import Table
from logitwise.model.categories import Category, are_names, tensor_name
from logitwise.model.file import ModelFile
from logitwise.model.scratch import Scratch

LARGEST = 1e150  # its square is finite
CLIP = 3.0  # where inputs level off: a value far out says no more than "very large", and cannot overflow
RAMP_END = 0.25  # a ramp rises from minus this to this
ROWS_AT_ONCE = 128  # encoded at once: their float64 values stay in the cache


@dataclass(frozen=True, repr=False)
class Prepared(Displayed):
    """A table in the columns of training, not yet expanded: inputs are made a block of rows at a time."""

    numbers: np.ndarray  # (rows, numbers), NaN where missing
    codes: np.ndarray  # (rows, categories) int32: the position of the level, -1 where missing or not kept
    unknown: dict[str, int]  # for each column in use, how many values are not what it holds, or not among its levels
    extra: tuple[str, ...]  # columns not seen in training
    strangers: tuple[int, int] = (0, 0)  # values of categories of few levels: how many are unknown, and all of them

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.numbers)

    def at(self, rows: np.ndarray) -> Prepared:
        """Return some of the rows."""
        return replace(self, numbers=self.numbers[rows], codes=self.codes[rows])


@dataclass(frozen=True, repr=False)
class Preprocessing(Displayed):
    """What was learnt about the columns of the training rows, and how it turns rows into inputs of a network.

    A reading makes numbers and categories of the columns of X; what follows is about these.

    The inputs are, in order: every number as `z / sqrt(1 + (z / 3)^2)`, where `z = (x - offset) * scale`; one
    indicator for each number column that had gaps; one input for each category of one or two levels (1 for the first
    level, -1 for the second), and one for each frequent level of every other category; the effects of the other levels,
    for each category that has them. A gap in a number takes the column's median; a gap in a category, or an unknown
    level, is all zeros. A constant column has scale 0.

    After these come the ramps, which only the linear path of a network gets: for each number column with knots
    k_0 < ... < k_m, one input for each interval, from -1/4 left of it to 1/4 right of it. A sum of ramps is any
    piecewise linear function of the column.

    Attributes:
        names: Their names, or None.
        levels: One entry per column: None for numbers, the levels (most frequent first) for categories.
        offset: The median of each number column, float64; for pixels, the mean of all.
        scale: One over its interquartile range (where that is 0, over how far the quartiles of the other values are
            from the common one), float64; for pixels, one over the standard deviation of all.
        fill: Its median, float64.
        had_gaps: Whether it had gaps in training, bool.
        knots: The knots of each number column, float64, in order: quantiles, none or three and more.
        reading: From the columns of X to numbers and categories; None where they are that as they stand.
        one_hot: How many levels of each category have an input of their own; None: all.
        effects: For each category, the effects of its levels (see `Category`), or None; None: for none of them.
    """

    names: tuple[str, ...] | None
    levels: tuple[tuple[str, ...] | None, ...]
    offset: np.ndarray
    scale: np.ndarray
    fill: np.ndarray
    had_gaps: np.ndarray
    knots: tuple[np.ndarray, ...]
    reading: Reading | None = None
    one_hot: tuple[int, ...] | None = None
    effects: tuple[np.ndarray | None, ...] | None = None

    def _facts(self) -> Mapping[str, Any]:
        columns = self.names if self.names is not None else f"{self.n_columns:,}, by position"
        counts = {"numbers": len(self.offset), "categories": self.n_columns - len(self.offset), "inputs": self.n_inputs}
        return {"columns": columns, **counts}

    @property
    def n_columns(self) -> int:
        """The number of numbers and categories."""
        return len(self.levels)

    @cached_property
    def columns_of_x(self) -> Reading:
        """How the columns of X are read."""
        return self.reading or Reading.plain(self.names, [levels is None for levels in self.levels])

    @property
    def number_names(self) -> tuple[str, ...]:
        """The names of the columns of X that hold numbers as they stand; none where columns have no names."""
        return self.columns_of_x.plain_numbers

    @cached_property
    def n_inputs(self) -> int:
        """The number of inputs of the network."""
        return self.n_deep + sum(max(0, len(knots) - 1) for knots in self.knots)

    @cached_property
    def n_deep(self) -> int:
        """The number of inputs that the hidden layers get; ramps come after them."""
        return self.n_numeric + sum(each.n_one_hot + each.n_effects for each in self.categories)

    @cached_property
    def n_numeric(self) -> int:
        """The number of inputs of numbers, which come first: one each, and their indicators of gaps."""
        return len(self.offset) + self._n_gaps

    @property
    def is_one_hot(self) -> bool:
        """Whether each level of each category has an input of its own."""
        return all(each.is_whole for each in self.categories)

    @cached_property
    def effect_inputs(self) -> slice:
        """Where among the inputs the effects of levels are."""
        return slice(self.n_deep - sum(each.n_effects for each in self.categories), self.n_deep)

    def prepare(self, table: Table) -> Prepared:
        """Return the columns of training from a table; raise where one is missing or of another type."""
        extra = self._extra(table)
        table, unknown = self.columns_of_x.read(table)
        number_places, category_places = self._places
        numbers = table.numbers(number_places)
        codes = np.empty((table.rows, len(category_places)), dtype=np.int32)
        strangers, n_values = 0, 0
        for index, place in enumerate(category_places):
            category = self.categories[index]
            codes[:, index], count = table.codes(place, category.levels)
            if category.n_one_hot + category.n_effects:
                unknown[table.column_label(place)] = count
            if category.is_whole:
                strangers += count
                n_values += count + int((codes[:, index] >= 0).sum())
        return Prepared(numbers, codes, unknown, extra, (strangers, n_values))

    def _extra(self, table: Table) -> tuple[str, ...]:
        names = self.columns_of_x.names
        if names is None or table.names is None or table.names == names:
            return ()
        known = frozenset(names) | {name.strip() for name in names}
        return tuple(name for name in table.names if name not in known and name.strip() not in known)

    def encode(self, prepared: Prepared, rows: np.ndarray | slice) -> np.ndarray:
        """Return the rows at `rows` as inputs, float32, shape `(rows, n_inputs)`."""
        places, scratch = np.arange(prepared.rows)[rows], Scratch()
        inputs = np.empty((len(places), self.n_inputs), dtype=np.float32)
        for start in range(0, len(places), ROWS_AT_ONCE):
            block = places[start : start + ROWS_AT_ONCE]
            inputs[start : start + ROWS_AT_ONCE] = self.encode_across(prepared, block, len(block), scratch)[1:].T
        return inputs

    def encode_across(self, prepared: Prepared, rows: np.ndarray | slice, width: int, scratch: Scratch) -> np.ndarray:
        """Return a block of rows as 1 and their inputs, float32, `(1 + n_inputs, width)`, zeros after the last row.

        Each row of the table is a column of it, so that every step is a loop over rows. The array belongs to `scratch`.
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
        first = self.n_numeric
        if self._n_gaps:
            inputs[n_numbers:first] = gaps[self.had_gaps]
        inputs[first : self.n_deep] = 0.0
        for category, levels in zip(self.categories, codes, strict=True):
            category.encode(levels, inputs[first : first + category.n_one_hot])
            first += category.n_one_hot
        for category, levels in zip(self.categories, codes, strict=True):
            category.encode_effects(levels, inputs[first : first + category.n_effects])
            first += category.n_effects
        self.ramps.encode(numbers, inputs[first:], scratch)

    @cached_property
    def _statistics(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Offset, scale and fill, each as a column vector."""
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
    def categories(self) -> tuple[Category, ...]:
        """The category columns."""
        levels = [each for each in self.levels if each is not None]
        one_hot = [*map(len, levels)] if self.one_hot is None else self.one_hot
        effects = [None] * len(levels) if self.effects is None else self.effects
        return tuple(Category(*each) for each in zip(levels, one_hot, effects, strict=True))

    def with_categories(self, categories: Sequence[Category]) -> Preprocessing:
        """Return the preprocessing with other levels, inputs and effects of its categories."""
        following = iter(categories)
        levels = tuple(None if each is None else next(following).levels for each in self.levels)
        one_hot, effects = tuple(each.one_hot for each in categories), tuple(each.effects for each in categories)
        return replace(self, levels=levels, one_hot=one_hot, effects=effects)

    @cached_property
    def ramps(self) -> Ramps:
        """The ramps of all columns."""
        return Ramps.of(self.knots)

    def header(self) -> dict[str, Any]:
        """Return the entries of the header of a model file that describe this."""
        categories = iter(self.categories)
        columns = [{"kind": "number"} if levels is None else next(categories).header() for levels in self.levels]
        read = self.columns_of_x
        return {
            "feature_names": read.names,
            "reading": [column.header() for column in read.columns],
            "columns": columns,
            "knots": [len(knots) for knots in self.knots],
        }

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the tensors of a model file that hold this."""
        tensors = {f"numbers.{name}": getattr(self, name) for name in ("offset", "scale", "fill", "had_gaps")}
        effects = {tensor_name(place): each.effects for place, each in enumerate(self.categories)}
        known = {name: values for name, values in effects.items() if values is not None}
        return tensors | known | {"numbers.knots": np.concatenate([np.zeros(0), *self.knots])}

    @classmethod
    def from_file(cls, file: ModelFile) -> Preprocessing:
        """Return the preprocessing that a model file holds, verified."""
        entries, categories = file.field("columns", list), []
        for entry in entries:
            if entry != {"kind": "number"}:
                categories.append(Category.from_file(file, entry, len(categories)))
        following = iter(categories)
        levels = tuple(None if entry == {"kind": "number"} else next(following).levels for entry in entries)
        reading = _reading_from(file, levels)
        shape = (sum(entry is None for entry in levels),)
        offset, scale, fill = (
            file.tensor(f"numbers.{name}", np.float64, shape) for name in ("offset", "scale", "fill")
        )
        had_gaps = file.tensor("numbers.had_gaps", np.bool_, shape)
        knots = _knots_from(file, shape[0])
        found = cls(reading.made_names, levels, offset, scale, fill, had_gaps, knots, reading)
        return found.with_categories(categories)


def _reading_from(file: ModelFile, levels: tuple[tuple[str, ...] | None, ...]) -> Reading:
    """Return how columns are read; files of versions that did not say it hold numbers and categories alone."""
    names, known = file.field("feature_names", (list, type(None))), file.header.get("reading")
    if known is not None and not isinstance(known, list):
        file.refuse("a column that is read in an unknown way")
    count = len(levels) if known is None else len(known)
    if not levels or (names is not None and not are_names(names, count)):
        file.refuse("columns and feature names that do not fit")
    kept = None if names is None else tuple(names)
    if known is None:
        return Reading.plain(kept, [entry is None for entry in levels])
    try:
        reading = Reading(kept, tuple(Column.from_header(entry) for entry in known))
    except (TypeError, ValueError):
        file.refuse("a column that is read in an unknown way")
    if reading.are_numbers != tuple(entry is None for entry in levels):
        file.refuse("columns that do not fit how they are read")
    return reading


def _levels_off(scaled: np.ndarray) -> np.ndarray:
    """Return sqrt(1 + (z / 3)^2), with z clipped so that their ratio is finite; `hypot` takes six times as long."""
    np.clip(scaled, -LARGEST, LARGEST, out=scaled)
    square = scaled * (1 / CLIP)
    square *= square
    square += 1.0
    return np.sqrt(square, out=square)


def _knots_from(file: ModelFile, n_numbers: int) -> tuple[np.ndarray, ...]:
    counts = file.field("knots", list)
    if len(counts) != n_numbers or not all(type(count) is int and (count == 0 or count >= 3) for count in counts):
        file.refuse("numbers of knots that do not fit the columns")
    together = file.tensor("numbers.knots", np.float64, (sum(counts),))
    knots = tuple(np.split(together, np.cumsum(counts)[:-1])) if counts else ()
    if any((np.diff(each) <= 0).any() for each in knots):
        file.refuse("knots that do not rise")
    return knots


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
        slope = 2 * RAMP_END / np.maximum(widths, 1e-300)
        return cls(column.astype(np.intp), (begins + widths / 2)[:, None], slope[:, None])

    def encode(self, numbers: np.ndarray, inputs: np.ndarray, scratch: Scratch) -> None:
        """Write the ramps of numbers `(columns, rows)` into inputs `(ramps, rows)`."""
        if len(self.column) == 0:
            return
        places = scratch.array("ramps", inputs.shape, np.float64)
        numbers.take(self.column, axis=0, out=places, mode="clip")  # a mode that needs no buffer
        places -= self.middle
        places *= self.slope
        np.copyto(inputs, places, casting="same_kind")
        np.clip(inputs, -RAMP_END, RAMP_END, out=inputs)
