"""What each column of a table is taken for: by what is said of it, else by its cells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from logitwise._errors import InvalidTypeError, InvalidValueError
from logitwise._listing import did_you_mean, listed
from logitwise.columns.dates import ISO, LONGEST_SPAN, format_of, span_of, telling_parts
from logitwise.columns.numbers import PLAIN, WITH_COMMAS, Spelling, is_gap, spelling_of
from logitwise.columns.reading import (
    CATEGORY,
    DATE,
    FEW_STRAYS,
    KINDS,
    NUMBER,
    UNUSED,
    Column,
    Reading,
    as_text,
    check_style,
    dates_in,
    spelled_numbers,
)
from logitwise.columns.table import Table, Text

SAY = {"columns": "columns={...: 'category'} or 'number'"}  # how an advice says it
EMPTY, AS_ASKED = "empty", "left out, as asked"
SAID = (NUMBER, CATEGORY, DATE, "drop")
MANY_STRAYS = 0.5  # so many, and it is no column of numbers
MOST_NUMBERED, FEW_WORDS, AGAIN = 12, 3, 5  # numbers and words that are levels, and how often a word is there
FEW_LEVELS = 20  # distinct numbers that a category may have, too
FEWEST_ROWS = 50  # with fewer, values that differ in every row may be chance
DISTINCT = 0.9  # the share of distinct texts from which none can be learnt by itself
FEWEST_GAPS = 5  # rows that miss a value, and rows that do not: fewer say nothing
# Shares of the rows that miss a value: of texts that are not used; of categories, whose inputs tell of gaps as well.
FEW_GAPS, MANY_GAPS = 0.01, 0.1
FEW_ONE_HOT = 12  # levels, which all have an input of their own: a gap is none of them
NEARLY_ALL = 0.8  # of the distinct texts: as many look like dates or numbers
LOOK_LIKE = {
    "dates": re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b.*|\d{1,2}([-/.])\d{1,2}\1\d{2,4}\b.*"),
    "numbers": re.compile(r"[<>=~]*\s?[$€£¥]?\s?[+-]?\d[\d,']*(?:[.,]\d+)?\s?(?:[a-zA-Z%°$€£¥]{1,3})?"),
}
WORDS = 3  # words of a text on average: with as many, it is free text
LOOKED_AT = 2000  # distinct texts, to find how numbers are written
SHOWN = 40  # characters of an example


@dataclass(frozen=True)
class Finding:
    """What a column was taken for, and why.

    Attributes:
        column: The name of the column, or its position where columns have no names.
        kind: "number", "category", "date" or "unused".
        detail: How it is written or what is made of it, or why it is not used; "" for numbers as they stand.
        missing: How many of its values are missing.
        strays: How many are neither missing nor what the column holds; they are taken as missing.
        first: The first of these, or None.
        row: Its row, counted from 0.
        example: One of its values.
        doubt: What it might be instead, in a sentence; "" where that is clear.
    """

    column: str | int
    kind: str
    detail: str = ""
    missing: int = 0
    strays: int = 0
    first: str | None = None
    row: int = 0
    example: str = ""
    doubt: str = ""

    @property
    def label(self) -> str:
        """What to call the column in a message."""
        return f"column {self.column!r}"

    @property
    def taken_for(self) -> str:
        """What the column was taken for, in words."""
        if self.kind == UNUSED:
            return f"not used: {self.detail}"
        if self.kind == CATEGORY:
            return f"category of {self.detail}"
        return f"{self.kind} ({self.detail})" if self.detail else self.kind

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values, those alone that say something."""
        told = {name: value for name, value in asdict(self).items() if value not in ("", 0, None)}
        return {"column": self.column, **told}

    @classmethod
    def from_json(cls, entry: Any) -> Finding:
        """Return the finding that JSON values describe; raise KeyError or TypeError where they describe none."""
        types = {"column": type(entry["column"]), "missing": int, "strays": int, "row": int}
        is_known = types["column"] in (str, int) and entry["kind"] in KINDS
        if not is_known or not all(type(value) is types.get(name, str) for name, value in entry.items()):
            raise TypeError("a finding")
        return cls(**entry)


@dataclass(frozen=True)
class Understood:
    """How the columns of a table are read, what was found in them, and what was said of them before."""

    reading: Reading
    findings: tuple[Finding, ...]
    said: Mapping[Any, str]


def understand(
    table: Table,
    rows: np.ndarray | None = None,
    said: Mapping[Any, str] | None = None,
    decimal: str | None = None,
) -> Understood:
    """Return what the columns of a table are taken for.

    Args:
        table: The columns.
        rows: The rows that count; None for all.
        said: What is said of columns by their names, or by their positions where they have none: "number", "category",
            "date" ("date:" and a format of `datetime.strptime`, where that is not found), or "drop".
        decimal: What stands before decimals in text, "." or ",", where that is known.

    Raises:
        ValueError: A column that does not exist, or a kind; a column said to be numbers or dates that holds none; one
            that is neither numbers nor categories for certain; no column that is left to learn from.
    """
    by_position = _by_position(table, said or {})
    rows = np.arange(table.rows) if rows is None else rows
    told = {**dict.fromkeys(table.categorical, CATEGORY), **by_position}
    found = [_column(table, place, rows, told.get(place), decimal) for place in range(table.n_columns)]
    reading = Reading(table.names, tuple(column for column, _ in found))
    if not reading.used:
        found = _empty_alone(found)
        reading = Reading(table.names, tuple(column for column, _ in found))
    return Understood(reading, tuple(finding for _, finding in found), dict(said or {}))


def _empty_alone(found: Sequence[tuple[Column, Finding]]) -> list[tuple[Column, Finding]]:
    """Return columns of which none is used, so that those that are empty are: numbers, all of them missing."""
    if not any(finding.detail == EMPTY for _, finding in found):
        are_left_out = all(finding.detail == AS_ASKED for _, finding in found)
        raise InvalidValueError(
            "X",
            "have a column to learn from",
            listed([f"{finding.label} ({finding.detail})" for _, finding in found]),
            advice="Leave one in." if are_left_out else "Say what such a column is ({columns}).",
            mentions={} if are_left_out else SAY,
        )
    return [
        (Column(NUMBER), replace(finding, kind=NUMBER)) if finding.detail == EMPTY else (column, finding)
        for column, finding in found
    ]


def _by_position(table: Table, said: Mapping[Any, str]) -> dict[int, str]:
    if not isinstance(said, Mapping):
        requirement = f"be a dict from columns to one of {listed(SAID, quoted=True)}"
        raise InvalidTypeError("columns", requirement, repr(said))
    names = table.names
    places: dict[Any, int] = {} if names is None else {name: place for place, name in enumerate(names)}
    by_position: dict[int, str] = {}
    for given, kind in said.items():
        is_integer = isinstance(given, (int, np.integer)) and not isinstance(given, bool)
        key = str(given) if names is not None and is_integer else given  # columns of pandas may be called by numbers
        is_position = names is None and is_integer and -table.n_columns <= int(given) < table.n_columns
        if not is_position and key not in places:
            known = f"positions below {table.n_columns}" if names is None else "columns of the table"
            advice = "" if names is None else did_you_mean(str(key), names)
            raise InvalidValueError("columns", f"name {known}", repr(given), advice=advice)
        if not isinstance(kind, str) or (kind not in SAID and not kind.startswith("date:")):
            raise InvalidValueError(
                "columns", f"say one of {listed(SAID, quoted=True)}", repr(kind), f"column {given!r}"
            )
        place = int(given) % table.n_columns if is_position else places[key]
        if place in by_position:
            raise InvalidValueError("columns", "name each column once", f"{given!r} again")
        by_position[place] = kind
    return by_position


def _column(
    table: Table, place: int, rows: np.ndarray, said: str | None, decimal: str | None
) -> tuple[Column, Finding]:
    name = place if table.names is None else table.names[place]
    stored = table.stored(place)
    values = _at(stored, rows)
    if said == "drop":
        return Column(UNUSED), Finding(name, UNUSED, AS_ASKED)
    if values.dtype.kind == "M":
        return _date(name, values, said)
    if values.dtype.kind == "O":
        return _TextColumn(name, values, rows, said, decimal).decided()
    missing = int(np.isnan(values).sum()) if values.dtype.kind == "f" else 0
    if missing == len(values):
        return Column(UNUSED), Finding(name, UNUSED, EMPTY, missing)
    example = _example(values[~np.isnan(values)][0] if values.dtype.kind == "f" else values[0])
    if said == CATEGORY:
        return Column(CATEGORY), Finding(name, CATEGORY, _levels(len(np.unique(values))), missing, example=example)
    if said is not None and said != NUMBER:
        return _TextColumn(name, np.asarray(as_text(values), dtype=object), rows, said, decimal).decided()
    spelling = WITH_COMMAS if decimal == "," else PLAIN  # text of it, which may come later, is written so
    return Column(NUMBER, spelling), Finding(name, NUMBER, "", missing, example=example)


def _at(stored: np.ndarray | Text, rows: np.ndarray) -> np.ndarray:
    values = stored.values if isinstance(stored, Text) else stored
    return values if len(rows) == len(values) else values[rows]


def _example(value: Any) -> str:
    text = str(value).splitlines()[0] if str(value) else ""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def _levels(count: int) -> str:
    return f"{count:,} level{'s' if count != 1 else ''}"


def _date(name: str | int, values: np.ndarray, said: str | None) -> tuple[Column, Finding]:
    missing = np.isnat(values)
    if missing.all():
        return Column(UNUSED), Finding(name, UNUSED, EMPTY, len(values))
    example = _example(values[~missing][0])
    if said in (NUMBER, CATEGORY):
        if said == CATEGORY:
            detail = _levels(len(np.unique(values[~missing])))
            return Column(CATEGORY), Finding(name, CATEGORY, detail, int(missing.sum()), example=example)
        return Column(DATE, parts=("time",)), Finding(name, DATE, "time", int(missing.sum()), example=example)
    parts = telling_parts(values)
    return Column(DATE, parts=parts), Finding(name, DATE, ", ".join(parts), int(missing.sum()), example=example)


def _is_not(name: str | int, what: str, got: str, row: int) -> InvalidValueError:
    return InvalidValueError(
        "X",
        f"hold {what} in column {name!r}, as said",
        repr(got),
        f"row {row}",
        "Say what else it is ({columns}).",
        SAY,
    )


class _TextColumn:
    """A column of text, and what it may be taken for."""

    def __init__(
        self, column: str | int, values: np.ndarray, rows: np.ndarray, said: str | None, decimal: str | None
    ) -> None:
        self.column, self.values, self.rows, self.said, self.decimal = column, values, rows, said, decimal
        self.counts = Counter(value for value in values.tolist() if value is not None)
        self.n_missing = len(values) - sum(self.counts.values())
        self.gaps = {text for text in self.counts if is_gap(text)}
        self.texts = [text for text in self.counts if text not in self.gaps]
        self.n_present = sum(self.counts[text] for text in self.texts)

    def decided(self) -> tuple[Column, Finding]:
        """Return what the column is taken for."""
        said = self.said
        if not self.counts:
            return Column(UNUSED), Finding(self.column, UNUSED, EMPTY, self.n_missing)
        if said == CATEGORY:
            return self._category()
        if said is not None and said.startswith(DATE):
            return self._said_to_be_dates(said.partition(":")[2])
        if said == NUMBER:
            found = self._numbers()
            if found is None:
                raise _is_not(self.column, "numbers", *self._first(self.texts or [*self.counts]))
            return found
        if not self.texts:
            return self._category() if len(self.counts) > 1 else self._gaps_alone()
        return self._numbers_or_dates() or self._category_or_text()

    def _gaps_alone(self) -> tuple[Column, Finding]:
        return Column(UNUSED), Finding(self.column, UNUSED, EMPTY, len(self.values))

    def _first(self, texts: Sequence[str]) -> tuple[str, int]:
        """Return the first value that is one of some texts, and its row."""
        wanted = frozenset(texts)
        place = next(place for place, value in enumerate(self.values.tolist()) if value in wanted)
        return self.values[place], int(self.rows[place])

    def _numbers_or_dates(self) -> tuple[Column, Finding] | None:
        if not any(character.isdigit() for text in self.texts[:LOOKED_AT] for character in text):
            return None
        spelling = spelling_of(self.texts[:LOOKED_AT], self.decimal)
        numbers = [text for text in self.texts if spelling.number(text) is not None]
        strays = [text for text in self.texts if spelling.number(text) is None]
        share = sum(self.counts[text] for text in strays) / self.n_present
        if share > FEW_STRAYS:
            dates = self._dates()
            if dates is not None:
                return dates
        if share >= MANY_STRAYS or self._are_codes(spelling, numbers, strays) or self._are_levels(numbers, strays):
            return None
        if share <= FEW_STRAYS:
            return self._numbers(spelling)
        if len(numbers) <= FEW_LEVELS or len(strays) > FEW_LEVELS:
            return None
        raise self._mixed(numbers, strays)

    def _are_codes(self, spelling: Spelling, numbers: Sequence[str], strays: Sequence[str]) -> bool:
        """Return whether numbers name something: they are whole, and text on purpose, or begin with zeros."""
        if not spelling.is_plain or not all(text.isdigit() for text in numbers):
            return False
        has_zeros = any(text.startswith("0") and len(text) > 1 for text in numbers)
        return has_zeros if strays or self.gaps else True

    def _are_levels(self, numbers: Sequence[str], strays: Sequence[str]) -> bool:
        """Return whether few numbers and fewer words, each there again and again, are levels: 0, 1, 2 and 3+."""
        if not strays or len(numbers) > MOST_NUMBERED or len(strays) > FEW_WORDS:
            return False
        return all(self.counts[text] >= AGAIN for text in strays)

    def _mixed(self, numbers: Sequence[str], strays: Sequence[str]) -> InvalidValueError:
        first, row = self._first(strays)
        counts = [sum(self.counts[text] for text in texts) for texts in (numbers, strays)]
        return InvalidValueError(
            "X",
            f"have numbers or categories in column {self.column!r}",
            f"{counts[0]:,} numbers and {counts[1]:,} other values, the first {_example(first)!r}",
            f"row {row}",
            "Say which it is ({columns}).",
            SAY,
        )

    def _numbers(self, spelling: Spelling | None = None) -> tuple[Column, Finding] | None:
        spelling = spelling_of(self.texts[:LOOKED_AT], self.decimal) if spelling is None else spelling
        numbers, strays = spelled_numbers(self.values, spelling)
        missing = int(np.isnan(numbers).sum())
        if missing == len(numbers) and self.texts:
            return None
        column = Column(NUMBER, spelling, has_strays=bool(strays.any()))
        return column, self._finding(NUMBER, str(spelling), strays, missing)

    def _finding(self, kind: str, detail: str, strays: np.ndarray, missing: int, doubt: str = "") -> Finding:
        place, count = int(strays.argmax()), int(strays.sum())
        first = _example(self.values[place]) if count else None
        good = [text for text in self.texts if first is None or text != self.values[place]]
        example = _example(good[0]) if good else ""
        row = int(self.rows[place]) if count else 0
        return Finding(self.column, kind, detail, missing - count, count, first, row, example, doubt)

    def _said_to_be_dates(self, style: str) -> tuple[Column, Finding]:
        if style:
            try:
                check_style(style)
            except ValueError:
                raise InvalidValueError("columns", "name a format of dates, such as date:%d/%m/%Y", style) from None
            dates = self._as_dates(style, "", 1.0)
        else:
            dates = self._dates(0.0)
        if dates is None:
            raise _is_not(self.column, "dates", *self._first(self.texts or [*self.counts]))
        return dates

    def _dates(self, share: float = 1 - FEW_STRAYS) -> tuple[Column, Finding] | None:
        found = format_of([text.strip() for text in self.texts])
        if found is None or found[1] < share * len(self.texts):
            return None
        style, _, other = found
        return self._as_dates(style, other, 1 - share)

    def _as_dates(self, style: str, other: str, most_strays: float) -> tuple[Column, Finding] | None:
        moments, strays = dates_in(self.values, style)
        if strays.sum() > most_strays * self.n_present:
            return None
        if np.isnat(moments).all():
            raise _is_not(self.column, "dates", *self._first(self.texts))
        parts = telling_parts(moments)
        doubt = f"column {self.column!r} is read as {style}, and could be {other}" if other else ""
        if not doubt and "%y" in style and span_of(moments) > LONGEST_SPAN:
            doubt = f"column {self.column!r} has years of two digits, which are read as 1940 to 2039"
        written = "" if style == ISO else f"{style}: "
        detail = f"{written}{', '.join(parts)}"
        column = Column(DATE, style=style, parts=parts, has_strays=bool(strays.any()))
        return column, self._finding(DATE, detail, strays, int(np.isnat(moments).sum()), doubt)

    def _category_or_text(self) -> tuple[Column, Finding]:
        present, doubt = sum(self.counts.values()), self._doubt_of_text()
        if present < FEWEST_ROWS or len(self.counts) < DISTINCT * present:
            return self._category(doubt)
        words = sum(len(text.split()) for text in self.counts) / len(self.counts)
        why = "free text, which is not read as words" if words >= WORDS else "another value in nearly every row"
        example = _example(self.texts[0])
        column = Column(UNUSED, has_gaps=self._have_gaps(FEW_GAPS))
        why += ", but whether it is missing counts" if column.has_gaps else ""
        return column, Finding(self.column, UNUSED, why, self.n_missing, example=example, doubt=doubt)

    def _have_gaps(self, share: float) -> bool:
        """Return whether a number is to say if a value is missing: where at least this share of them is."""
        n_rows = len(self.values)
        return FEWEST_GAPS <= self.n_missing <= n_rows - FEWEST_GAPS and self.n_missing >= share * n_rows

    def _doubt_of_text(self) -> str:
        """Return what to say of texts that look like dates or numbers, though not written in one way."""
        if len(self.texts) <= FEW_LEVELS or sum(text.isdigit() for text in self.texts) > len(self.texts) / 2:
            return ""
        for kind, pattern in LOOK_LIKE.items():
            if sum(pattern.fullmatch(text.strip()) is not None for text in self.texts) > NEARLY_ALL * len(self.texts):
                return f"column {self.column!r} looks like {kind} written in several ways ({_example(self.texts[0])!r})"
        return ""

    def _category(self, doubt: str = "") -> tuple[Column, Finding]:
        example = _example(self.counts.most_common(1)[0][0])
        has_gaps = len(self.counts) > FEW_ONE_HOT and self._have_gaps(MANY_GAPS)
        return Column(CATEGORY, has_gaps=has_gaps), Finding(
            self.column, CATEGORY, _levels(len(self.counts)), self.n_missing, example=example, doubt=doubt
        )


def notes_of_columns(findings: Sequence[Finding]) -> Iterator[str]:
    """Return what there is to say of columns beyond what they were taken for: sentences about X."""
    strays = [each for each in findings if each.strays]
    if strays:
        kinds = " or ".join(dict.fromkeys(f"{each.kind}s" for each in strays))
        yield (
            f"X has values that are not {kinds} in columns of {kinds}; they count as missing: "
            f"{listed([_strays_in(each) for each in strays])}. If they mean something, make the column a category."
        )
    doubts = [each.doubt for each in findings if each.doubt]
    if doubts:
        yield f"X has columns in doubt: {listed(doubts)}. Say what they are, or write them in one way."
    unused = [each for each in findings if each.kind == UNUSED and each.detail != AS_ASKED]
    if unused:
        yield f"X has columns that are not used: {listed([f'{each.label} ({each.detail})' for each in unused])}."


def _strays_in(finding: Finding) -> str:
    return f"{finding.label} ({finding.strays:,}, the first {finding.first!r} in row {finding.row}, counted from 0)"
