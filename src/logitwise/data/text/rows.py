"""Rows of a text that are none: the header again, and totals at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from logitwise._listing import listed
from logitwise.data.dataset import Note
from logitwise.data.text.header import repeats
from logitwise.data.text.options import Values

_TOTALS = {
    "total", "totals", "sum", "sums", "grand total", "overall total", "sum total", "totale", "totales", "total general",
    "total général", "gesamt", "gesamtsumme", "summe", "somme", "suma", "totaal", "totalt", "итого", "всего",
}  # fmt: skip
FEWEST = 3  # rows that a table has, for the last one to be told from the others
LINES_SHOWN = 3


@dataclass(frozen=True)
class Kept:
    """The rows that are rows; their places among all (None: all are), and what was left out."""

    table: pl.DataFrame
    places: pl.Series | None = None
    notes: tuple[Note, ...] = ()


def without_headers(table: pl.DataFrame, header: Sequence[str | None], line: Callable[[int], int]) -> Kept:
    """Return a table without the rows that repeat its header; `line` tells the line of a row."""
    if not any(header):
        return Kept(table)
    again = repeats(table, header)
    places = again.arg_true()
    if not len(places):
        return Kept(table)
    lines = listed([f"{line(int(place)):,}" for place in places[:LINES_SHOWN]], LINES_SHOWN)
    more = f" and {len(places) - LINES_SHOWN} more" if len(places) > LINES_SHOWN else ""
    what = "Line" if len(places) == 1 else "Lines"
    does = "repeats the header and is" if len(places) == 1 else "repeat the header and are"
    kept = (~again).arg_true()
    return Kept(table[kept], kept, (Note(f"{what} {lines}{more} {does} left out."),))


def without_total(table: pl.DataFrame, values: Values, target: str | None, line: Callable[[int], int]) -> Kept:
    """Return a table without a last row that holds totals: a word says so, and the rest of the row is odd, too."""
    place = table.height - 1
    if table.height < FEWEST or not any(_is_total(cell) for cell in table.row(place) if isinstance(cell, str)):
        return Kept(table)
    columns = [values.present(column) if column.dtype == pl.String else column for column in table]
    words = [column for column in columns if _is_total(column[place]) and not (column[:place] == column[place]).any()]
    gaps = [column for column in columns if column[place] is None and not column[:place].null_count()]
    has_no_label = target is not None and any(column.name == target and column[place] is None for column in columns)
    if not words or not (gaps or has_no_label or any(_is_above_numbers(word, values) for word in words)):
        return Kept(table)
    shown = listed((cell or "" for cell in table.row(place)), 4, quoted=True)
    note = Note(f"Line {line(place):,}, the last ({shown}), holds totals and is left out.")
    return Kept(table[:place], pl.int_range(place, eager=True), (note,))


def _is_total(cell: object) -> bool:
    return isinstance(cell, str) and cell.strip(" :*").casefold() in _TOTALS


def _is_above_numbers(column: pl.Series, values: Values) -> bool:
    """Return whether a column whose last value is a word is all numbers else."""
    others = column[:-1].drop_nulls()
    return len(others) > 1 and values.numbers(others).null_count() == 0
