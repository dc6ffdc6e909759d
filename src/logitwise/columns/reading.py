"""How the columns of X are read: which are numbers, categories or dates, and which are not used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np

from logitwise._errors import InvalidValueError
from logitwise.columns.dates import FORMATS, ISO, PARTS, as_moments, part_of
from logitwise.columns.numbers import PLAIN, Spelling, is_gap
from logitwise.columns.table import Table, Text

NUMBER, CATEGORY, DATE, UNUSED = "number", "category", "date", "unused"
KINDS = (NUMBER, CATEGORY, DATE, UNUSED)
_SOME_DAY = datetime(2001, 2, 3, 14, 5, 6)
FEW_STRAYS = 0.1  # of the values of a column: so many may be no numbers in a column of numbers


@dataclass(frozen=True)
class Column:
    """How one column is read.

    Attributes:
        kind: "number", "category", "date" or "unused".
        spelling: How numbers are written, where they are text.
        style: The format of dates, where they are text: that of `datetime.strptime`, or "ISO 8601".
        parts: What becomes of a date: "time", "month", "weekday", "hour", each a number.
        has_strays: Whether a value that is no number, or no date, is taken as missing, as some were in training.
        has_gaps: Whether a number says if the value is missing, beside a category or in place of what is not used.
    """

    kind: str
    spelling: Spelling = PLAIN
    style: str = ISO
    parts: tuple[str, ...] = ()
    has_strays: bool = False
    has_gaps: bool = False

    @property
    def is_used(self) -> bool:
        """Whether anything is made of the column."""
        return self.kind != UNUSED or self.has_gaps

    def made(self, name: str) -> tuple[str, ...]:
        """Return the names of what is made of a column of a name."""
        if len(self.parts) > 1:
            return tuple(f"{name}: {part}" for part in self.parts)
        gaps = (f"{name}: missing",) if self.has_gaps else ()
        return gaps if self.kind == UNUSED else (name, *gaps)

    def header(self) -> dict[str, Any]:
        """Return it as JSON values."""
        entry: dict[str, Any] = {"kind": self.kind} | ({"has_gaps": True} if self.has_gaps else {})
        if self.kind == NUMBER:
            entry |= {"spelling": self.spelling.header(), "has_strays": self.has_strays}
        if self.kind == DATE:
            entry |= {"format": self.style, "parts": list(self.parts), "has_strays": self.has_strays}
        return entry

    @classmethod
    def from_header(cls, entry: Any) -> Column:
        """Return the column that JSON values describe; raise ValueError where they describe none."""
        if not isinstance(entry, Mapping) or entry.get("kind") not in KINDS:
            raise ValueError("a kind of column")
        kind, has_strays = entry["kind"], entry.get("has_strays", False)
        if not isinstance(has_strays, bool):
            raise ValueError("whether there were strays")
        if kind == NUMBER:
            return cls(NUMBER, Spelling.from_header(entry.get("spelling")), has_strays=has_strays)
        if kind != DATE:
            has_gaps = entry.get("has_gaps", False)
            if not isinstance(has_gaps, bool):
                raise ValueError("whether there were gaps")
            return cls(kind, has_gaps=has_gaps)
        style, parts = entry.get("format"), entry.get("parts")
        if not isinstance(style, str) or not isinstance(parts, list) or not parts or not {*parts} <= {*PARTS}:
            raise ValueError("a date")
        return cls(DATE, style=style, parts=tuple(dict.fromkeys(parts)), has_strays=has_strays)


@dataclass(frozen=True)
class Reading:
    """From the columns of X to numbers and categories.

    Attributes:
        names: The names of the columns of X, or None.
        columns: How each of them is read.
    """

    names: tuple[str, ...] | None
    columns: tuple[Column, ...]

    @classmethod
    def plain(cls, names: tuple[str, ...] | None, is_number: Sequence[bool]) -> Reading:
        """Return the reading of a table of numbers and categories, as they stand."""
        return cls(names, tuple(Column(NUMBER if number else CATEGORY) for number in is_number))

    @cached_property
    def used(self) -> tuple[int, ...]:
        """The positions of the columns that are used."""
        return tuple(place for place, column in enumerate(self.columns) if column.is_used)

    @cached_property
    def used_names(self) -> tuple[str, ...] | None:
        """The names of the columns that are used, or None."""
        return None if self.names is None else tuple(self.names[place] for place in self.used)

    @cached_property
    def made_names(self) -> tuple[str, ...] | None:
        """The names of what is made of them: a number for each part of a date."""
        if self.names is None:
            return None
        return tuple(name for place in self.used for name in self.columns[place].made(self.names[place]))

    @cached_property
    def are_numbers(self) -> tuple[bool, ...]:
        """Whether each of them is a number, and not a category."""
        return tuple(
            self.columns[place].kind != CATEGORY or number > 0
            for place in self.used
            for number in range(len(self.columns[place].made("")))
        )

    @cached_property
    def plain_numbers(self) -> tuple[str, ...]:
        """The names of the columns of X that hold numbers as they stand; none where columns have no names."""
        plain = Column(NUMBER)
        return tuple(name for name, column in zip(self.names or (), self.columns, strict=False) if column == plain)

    @cached_property
    def made_of(self) -> tuple[int, ...]:
        """The position in X of the column that each of them is made of."""
        return tuple(place for place in self.used for _ in self.columns[place].made(""))

    @cached_property
    def _is_plain(self) -> bool:
        """Whether all columns are numbers as they stand."""
        plain = Column(NUMBER)
        return all(column == plain for column in self.columns)

    def selected(self, table: Table) -> Table:
        """Return the columns that are used, in their order: by name where both have names, else by position.

        Raises:
            ValueError: A column is missing; without names, there are more or fewer columns.
        """
        if self.names is None or table.names is None:
            table.check_width(len(self.columns))
            return table if len(self.used) == len(self.columns) else table.at(self.used)
        return table.named(self.used_names or ())

    def read(self, table: Table) -> tuple[Table, dict[str, int]]:
        """Return a table of numbers and categories, and how many values of each column are neither.

        Raises:
            ValueError: A column is missing, or has values that are no numbers or no dates where training had none.
        """
        table = self.selected(table)
        if self._is_plain and isinstance(table.columns, np.ndarray):
            return table, {}
        strays: dict[str, int] = {}
        made: list[np.ndarray | Text] = []
        for position, place in enumerate(self.used):
            column = self.columns[place]
            if column.kind == NUMBER:
                numbers, count = _numbers(table, position, column)
                made.append(numbers)
            elif column.kind == DATE:
                moments, count = _moments(table, position, column)
                made += [part_of(moments, part) for part in column.parts]
            else:
                made += _category_and_gaps(table.stored(position), column)
                continue
            if count:
                strays[f"{table.column_label(position)}, no {column.kind}s"] = count
        return replace(table, columns=tuple(made), names=self.made_names), strays


def _category_and_gaps(stored: np.ndarray | Text, column: Column) -> list[np.ndarray | Text]:
    texts = as_text(stored)
    made = [texts] if column.kind == CATEGORY else []
    if column.has_gaps:
        values = texts.values if isinstance(texts, Text) else texts
        made.append(np.array([value is None for value in values.tolist()], dtype=np.float64))
    return made


def _numbers(table: Table, position: int, column: Column) -> tuple[np.ndarray | Text, int]:
    stored = table.stored(position)
    if isinstance(stored, Text):
        numbers = stored.numbers() if column.spelling.is_plain else None
        if numbers is not None:
            return numbers, 0
    elif stored.dtype.kind == "M":
        raise _not_as_in_training(table, position, "numbers", str(stored[0]), 0)
    elif stored.dtype.kind != "O":
        return stored, 0
    values = table.column(position)
    numbers, strays = spelled_numbers(values, column.spelling)
    _check_strays(table, position, values, strays, column, "numbers")
    return numbers, int(strays.sum())


def spelled_numbers(values: np.ndarray, spelling: Spelling) -> tuple[np.ndarray, np.ndarray]:
    """Return texts as numbers, NaN where missing or no number; and which are no numbers."""
    known: dict[Any, float | None] = {None: np.nan}
    numbers = np.empty(len(values))
    strays = np.zeros(len(values), bool)
    for place, value in enumerate(values.tolist()):
        number = known.get(value, _UNKNOWN)
        if number is _UNKNOWN:
            number = known[value] = _number(value, spelling)
        strays[place] = number is None
        numbers[place] = np.nan if number is None else number
    return numbers, strays


_UNKNOWN: Any = object()


def _number(value: Any, spelling: Spelling) -> float | None:
    if not isinstance(value, str):
        return float(value)
    number = spelling.number(value)
    return np.nan if number is None and is_gap(value) else number


def _moments(table: Table, position: int, column: Column) -> tuple[np.ndarray, int]:
    stored = table.stored(position)
    if not isinstance(stored, Text) and stored.dtype.kind == "M":
        return stored.astype("datetime64[us]"), 0
    values = np.asarray(as_text(table.column(position)), dtype=object)
    moments, strays = dates_in(values, column.style)
    _check_strays(table, position, values, strays, column, "dates")
    return moments, int(strays.sum())


def dates_in(values: np.ndarray, style: str) -> tuple[np.ndarray, np.ndarray]:
    """Return texts as moments, NaT where missing or no date; and which are no dates."""
    moments, strays = as_moments(values.tolist(), style)
    for place in np.flatnonzero(strays).tolist():
        strays[place] = not is_gap(str(values[place]))
    return moments, strays


def as_text(stored: np.ndarray | Text) -> np.ndarray | Text:
    """Return values as text; numbers as `label_of` writes them."""
    if isinstance(stored, Text) or stored.dtype.kind == "O":
        return stored
    if stored.dtype.kind == "M":
        missing = np.isnat(stored)
        values, inverse = np.unique(stored, return_inverse=True)
        texts = np.array([*map(str, values)], dtype=object)[inverse]
    else:
        missing = np.isnan(stored) if stored.dtype.kind == "f" else np.zeros(len(stored), bool)
        values, inverse = np.unique(stored, return_inverse=True)
        texts = np.array([label_of(value) for value in values.tolist()], dtype=object)[inverse]
    texts[missing] = None
    return texts


def label_of(number: float) -> str:
    """Return a number as the name of a category: 3.0 is "3"."""
    return str(int(number)) if np.isfinite(number) and number == int(number) else repr(number)


def _check_strays(
    table: Table, position: int, values: np.ndarray, strays: np.ndarray, column: Column, what: str
) -> None:
    if not strays.any() or column.has_strays:
        return
    present = sum(value is not None for value in values.tolist())
    if strays.sum() > FEW_STRAYS * present:
        row = int(strays.argmax())
        raise _not_as_in_training(table, position, what, repr(values[row]), row)


def _not_as_in_training(table: Table, position: int, what: str, got: str, row: int) -> InvalidValueError:
    label = table.column_label(position)
    return InvalidValueError(
        "X",
        f"have {what} in {label}, as in training",
        got,
        f"row {row + table.first_row}",
        "Correct the column, or make it a category in training ({category}).",
        {"category": "columns={...: 'category'}"},
    )


def check_style(style: str) -> None:
    """Raise ValueError unless it is a format of dates."""
    if style not in FORMATS and ("%" not in style or datetime.strptime(_SOME_DAY.strftime(style), style) is None):
        raise ValueError(style)
