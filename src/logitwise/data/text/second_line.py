"""A second line of a header, which holds units, types or the like: no number, where all rows have numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from logitwise._listing import listed
from logitwise.data.dataset import Note
from logitwise.data.text.header import SHOWN, STAND_INS, repeats
from logitwise.data.text.options import Values

FEWEST = 3  # rows below that have to differ from it
_BOUND = re.compile(r"[<>~=≤≥±$€£]?\s*[-+]?[.,]?\d")  # a number that is written in some way, at the beginning
_WORD = re.compile(r"[^\W\d_]|[%°‰$€£]")


def is_second_line(fields: pl.DataFrame, values: Values) -> bool:
    """Return whether the second row of fields is for certain no row of the table that the first one names.

    It alone has words in two or more columns of numbers; no cell of it is a number, or is in its column again.
    """
    if fields.height < 2 + FEWEST:
        return False
    cells = fields.row(1)
    places = [place for place, cell in enumerate(cells) if cell is not None]
    if len(places) < 2 or not all(_is_word(cells[place], values) for place in places):
        return False
    rest = fields[2:].filter(~repeats(fields[2:], fields.row(0)))
    numbers = [place for place in places if _are_numbers(rest[:, place], values)]
    return len(numbers) > 1 and not any((rest[:, place] == cells[place]).any() for place in set(places) - set(numbers))


def note_of(cells: Sequence[str | None], line: int) -> Note:
    """Return the note on a second line of a header."""
    shown = listed((cell or "" for cell in cells), SHOWN, quoted=True)
    return Note(f"Line {line:,}, below the header ({shown}), has words where all rows have numbers and is left out.")


def _is_word(cell: str, values: Values) -> bool:
    is_word = _WORD.search(cell) is not None and not _BOUND.match(cell) and not cell.startswith("#")
    is_gap = cell in values.missing or cell.casefold() in STAND_INS
    return is_word and not is_gap and values.numbers(pl.Series([cell])).null_count() == 1


def _are_numbers(column: pl.Series, values: Values) -> bool:
    """Return whether all of a column are numbers, gaps aside; a few rows tell of most columns that they are none."""
    return all(
        len(found) >= min(FEWEST, len(part)) - 1 and values.numbers(found).null_count() == 0
        for part in (column.head(50), column)
        for found in [values.present(part).drop_nulls()]
    )
