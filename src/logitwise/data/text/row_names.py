"""A header with one name less than the rows have fields: as R writes it, or fields that hold the separator."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from logitwise.data.dataset import DataError, Note
from logitwise.data.files import shown

NOTE = Note("The header has one name less than the rows have fields: the first column is called unnamed.")
_THOUSANDS, _HUNDREDS = re.compile(rb"[+-]?[1-9]\d{0,2}"), re.compile(rb"\d{3}")


def check_row_names(fields: pl.DataFrame, path: Path, line: int, separator: str, *, is_split: bool) -> None:
    """Raise unless the first column names the rows: each differs from all others.

    Args:
        fields: All fields of the file, or of its beginning; the header comes first.
        path: The file, for messages.
        line: The line of the header.
        separator: What separates fields.
        is_split: Whether it seems to stand inside fields, too.
    """
    names = fields[1:, 0]
    if not is_split and not names.null_count() and names.n_unique() == len(names):
        return
    sign = "a run of spaces" if separator == " " else repr(separator)
    raise DataError(
        "source",
        "have as many names in its header as fields in its rows",
        f"{fields.width - 1} names in line {line} and {fields.width} fields in each row of {shown(path)}",
        advice=f"If a field holds the separator ({sign}), put it in double quotes; if the first column is the names of "
        "the rows, name it in the header.",
    )


def are_split(header: bytes, rows: Sequence[Sequence[bytes]], spaced: Sequence[Sequence[bytes]]) -> bool:
    """Return whether commas seem to stand inside fields: of all numbers of a column, or before spaces in one place.

    Args:
        header: The line of the header.
        rows: The fields of the rows.
        spaced: The same with the spaces around them.
    """
    columns = list(zip(*rows, strict=True))
    if any(_are_thousands(columns, place) for place in range(len(columns) - 1)):
        return True
    begins = [{cell.startswith(b" ") for cell in column} for column in zip(*spaced, strict=True)][1:]
    return b", " not in header and {True} in begins and {False} in begins


def _are_thousands(columns: Sequence[Sequence[bytes]], place: int) -> bool:
    """Return whether two columns side by side are the parts of numbers: further on, a zero must begin a second part."""
    firsts, seconds = columns[place], columns[place + 1]
    if not all(_THOUSANDS.fullmatch(cell) for cell in firsts) or not all(_HUNDREDS.fullmatch(cell) for cell in seconds):
        return False
    counts_up = all(int(cell) == row for row, cell in enumerate(firsts, 1)) and len(firsts) > 1
    return any(cell.startswith(b"0") for cell in seconds) if place or counts_up else True
