"""Whether the first line of a text names its columns, and what they are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from logitwise._listing import listed
from logitwise.data.dataset import DataError, Note
from logitwise.data.files import shown
from logitwise.data.text.options import Values

NO_HEADER = {"header=False": "header=False"}  # what an advice mentions; the command line calls it --no-header
EITHER = {**NO_HEADER, "header=True": "header=True"}
SHOWN = 4
MOST_HEADERS = 0.25  # the share of lines that may repeat a header
FEWEST = 10  # rows that can leave a doubt
HARDLY_EVER = 0.05  # the share of rows in which a name of a column may be a value of it
_YEARS = range(1900, 2101)
_LETTER, _WRITTEN = r"\p{L}", r"^[^\p{L}]*\d[^\p{L}]*$"
STAND_INS = {"unknown", "missing", "none", "nil", "n.a.", "undefined", "not available", "tbd"}  # words for no value


@dataclass(frozen=True)
class Decision:
    """Whether the first row names the columns, and why that is not certain; None where it is."""

    has_header: bool
    doubt: str | None = None

    def note(self, first: Sequence[str | None]) -> Note | None:
        """Return the note on a decision that is not certain."""
        if self.doubt is None:
            return None
        cells = listed((cell or "" for cell in first), SHOWN, quoted=True).replace("{", "{{").replace("}", "}}")
        read_as, otherwise = (
            ("the names of the columns", "it is data, say {header=False}")
            if self.has_header
            else ("data", "it names the columns, say {header=True}")
        )
        return Note(f"The first line ({cells}) was read as {read_as}, though {self.doubt}: if {otherwise}.", EITHER)


def only_a_header(path: Path, header: bool | None) -> DataError:
    """Return the error for a file that has no rows; `header` is what the caller said of its first line."""
    advice, mentions = ("If its first line is data, say {header=False}.", NO_HEADER) if header is None else ("", {})
    return DataError("source", "have rows", f"only a header in {shown(path)}", advice=advice, mentions=mentions)


def is_position(target: str, width: int) -> bool:
    """Return whether a target is written as a position that there is."""
    return re.fullmatch(r"[+-]?[0-9]+", target) is not None and -width <= int(target) < width


def decide(fields: pl.DataFrame, values: Values, target: object = None) -> Decision:
    """Return whether the first row names the columns; the rules are those of `logitwise.data.read`."""
    first, rest = _First(fields.row(0), values), _differing(fields[1:], fields.row(0))
    if isinstance(target, str) and not is_position(target, fields.width) and first.names(target, rest):
        return Decision(True)
    if first.counts_up(rest):
        return Decision(True)
    if first.has_gap_or_number(rest):
        return first.with_numbers(rest)
    if has_column_of_numbers(rest, values) or first.words_above_numbers(rest):
        return Decision(True)
    recurring = first.recurring(rest)
    if first.has_cell_twice and not recurring:
        return Decision(False, "none of it is a number")
    doubt = "it hardly recurs below" if recurring and len(recurring) * 2 < fields.width else None
    return Decision(not recurring and not first.has_cell_twice, doubt)


class _First:
    """The cells of the first row."""

    def __init__(self, cells: Sequence[str | None], values: Values) -> None:
        self.cells, self._values = cells, values
        row = pl.Series(cells, dtype=pl.String)
        present = values.present(row)
        numbers = values.numbers(present).is_not_null()
        self._is_gap_or_number = (present.is_null() | numbers).to_list()
        self._is_integer = present.str.contains(r"^\d{1,9}$").fill_null(value=False).to_list()
        has_letter = present.str.contains(_LETTER).fill_null(value=False) & ~numbers
        self._words = [place for place in has_letter.arg_true() if cells[place].casefold() not in STAND_INS]
        self._written = list(present.str.contains(_WRITTEN).fill_null(value=False).arg_true())
        self.has_cell_twice = row.n_unique() < len(row)

    def has_gap_or_number(self, rest: pl.DataFrame) -> bool:
        """Return whether a cell is a number or missing; an empty first one, as pandas writes it, is no sign."""
        begins_empty = self.cells[0] is None
        if any(self._is_gap_or_number[1:]) or (self._is_gap_or_number[0] and not begins_empty):
            return True
        return any(
            _is_written(rest[:, place], self._values) and not _is_all_numbers(rest[:, place], self._values)
            for place in self._written
        )

    def names(self, target: str, rest: pl.DataFrame) -> bool:
        """Return whether a cell is the name of the target: hardly ever a value of its column, or beside other names."""
        most = max(1, HARDLY_EVER * rest.height)
        places = [place for place, cell in enumerate(self.cells) if cell == target]
        if any((rest[:, place] == target).sum() <= most for place in places):
            return True
        others = {place for place in self._words if place not in places}
        return bool(places and others) and len(others & set(self.recurring(rest))) * 2 <= len(others)

    def recurring(self, rest: pl.DataFrame) -> list[int]:
        """Return the places of cells that are values of their columns again."""
        filled = [(place, cell) for place, cell in enumerate(self.cells) if cell is not None]
        return [place for place, cell in filled if (rest[:, place] == cell).any()]

    def counts_up(self, rest: pl.DataFrame) -> bool:
        """Return whether the cells are positions or years, one after another, above values that are none."""
        places = [place for place, is_integer in enumerate(self._is_integer) if is_integer]
        others = [place for place, is_integer in enumerate(self._is_integer) if not is_integer]
        if len(places) < 2 or any(self._is_gap_or_number[place] for place in others if self.cells[place] is not None):
            return False
        numbers = [int(self.cells[place] or 0) for place in places]
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            return False
        are_places, are_years = numbers[0] in (0, 1), len(numbers) > 2 and numbers[0] in _YEARS
        if not (are_places or are_years) or not rest.height:
            return False
        beside_names = are_years and bool(others) and not set(others) & set(self.recurring(rest))
        is_long = are_places and len(numbers) > 4
        return beside_names or is_long or any(self._is_no_count(rest[:, place]) for place in places)

    def _is_no_count(self, column: pl.Series) -> bool:
        values = self._values.present(column).drop_nulls()
        return values.len() > 0 and bool((~values.str.contains(r"^\d+$")).any())

    def with_numbers(self, rest: pl.DataFrame) -> Decision:
        """Return what a first row with numbers or gaps is: data, but where it has words above columns of numbers."""
        above = rest.height > 1 and self.words_above_numbers(rest)
        recurring = set(self._words) & set(self.recurring(rest)) if self._words else set()
        if above and len(recurring) * 2 <= len(self._words):
            return Decision(True, "it holds a number or an empty field")
        if above:
            return Decision(False, "it has a word above numbers")
        is_doubtful = bool(self._words) and not recurring and rest.height >= FEWEST
        return Decision(False, "its words do not recur below" if is_doubtful else None)

    def words_above_numbers(self, rest: pl.DataFrame) -> bool:
        """Return whether a word stands above a column of numbers, be they written with signs as money or dates are."""
        return any(_is_written(rest[:, place], self._values) for place in self._words)


def _differing(rest: pl.DataFrame, cells: Sequence[str | None]) -> pl.DataFrame:
    """Return the rows that are not the first one again, but where many are, as no header is."""
    again = repeats(rest, cells)
    if not again.any():
        return rest
    others = rest.filter(~again)
    return rest if rest.height - others.height > max(2, MOST_HEADERS * rest.height) else others


def repeats(rows: pl.DataFrame, cells: Sequence[str | None]) -> pl.Series:
    """Return for each row whether it holds just these cells; in columns that were read as numbers, the same numbers."""
    again = pl.repeat(True, rows.height, eager=True)
    for column, cell in zip(rows, cells, strict=True):
        again &= column.eq_missing(pl.Series([cell], dtype=pl.String).cast(column.dtype, strict=False))
        if not again.any():
            break
    return again


def _is_written(column: pl.Series, values: Values) -> bool:
    """Return whether all values of a column have digits and no letters, or are numbers."""
    found = values.present(column).drop_nulls()
    return len(found) > 0 and (bool(found.str.contains(_WRITTEN).all()) or _is_all_numbers(column, values))


def has_column_of_numbers(fields: pl.DataFrame, values: Values) -> bool:
    """Return whether all values of some column are numbers, gaps aside."""
    return any(_is_all_numbers(column, values) for column in fields)


def _is_all_numbers(column: pl.Series, values: Values) -> bool:
    found = values.present(column).drop_nulls()
    return len(found) > 0 and values.numbers(found).null_count() == 0


def column_names(cells: Sequence[str | None], path: Path) -> list[str]:
    """Return the names of the columns from the cells of a header; those without one are counted among themselves."""
    taken, names, count = set(cells), [], 0
    for cell in cells:
        name = cell or ""
        while not name or (not cell and name in taken):
            count += 1
            name = "unnamed" if count == 1 else f"unnamed_{count}"
        names.append(name)
    repeated = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if repeated is not None:
        raise DataError(
            "source",
            "have columns of different names",
            f"{repeated!r} {names.count(repeated)} times in the header of {shown(path)}",
            advice="Rename them, or say {header=False} if the first line is data.",
            mentions=NO_HEADER,
        )
    return names
