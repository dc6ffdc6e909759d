"""Whether the first line of a text names its columns, and what they are called."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from logitwise.data.dataset import DataError
from logitwise.data.text.fields import MISSING

NO_HEADER = {"header=False": "header=False"}  # what an advice mentions; the command line calls it --no-header


def only_a_header(path: Path, header: bool | None) -> DataError:
    """Return the error for a file that has no rows; `header` is what the caller said of its first line."""
    advice, mentions = ("If its first line is data, say {header=False}.", NO_HEADER) if header is None else ("", {})
    return DataError("source", "have rows", f"only a header in {str(path)!r}", advice=advice, mentions=mentions)


def first_row_is_header(fields: pl.DataFrame) -> bool:
    """Return whether the first row names the columns; the rules are those of `logitwise.data.read`."""
    first, rest = pl.Series(fields.row(0), dtype=pl.String), fields[1:]
    if _is_number_or_missing(first[1:]).any() or _is_number_or_missing(first[:1].drop_nulls()).any():
        return False
    if has_column_of_numbers(rest):
        return True
    recurs = any((column == name).any() for column, name in zip(rest, first, strict=True))
    return not recurs and first.n_unique() == len(first)


def has_column_of_numbers(fields: pl.DataFrame) -> bool:
    """Return whether all values of some column are numbers, gaps aside."""
    return any(_is_all_numbers(column) for column in fields)


def _is_number_or_missing(cells: pl.Series) -> pl.Series:
    return cells.is_null() | cells.is_in(MISSING) | cells.cast(pl.Float64, strict=False).is_not_null()


def _is_all_numbers(column: pl.Series) -> bool:
    values = column.filter(~column.is_in(MISSING)).drop_nulls()
    return len(values) > 0 and values.cast(pl.Float64, strict=False).null_count() == 0


def column_names(fields: pl.DataFrame, path: Path, *, has_header: bool) -> list[str]:
    """Return the names of the columns: those in the first row, or those of their positions."""
    if not has_header:
        return list(fields.columns)
    names = [name or f"column_{i}" for i, name in enumerate(fields.row(0))]
    repeated = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if repeated is not None:
        raise DataError(
            "source",
            "have columns of different names",
            f"{repeated!r} {names.count(repeated)} times in the header of {str(path)!r}",
            advice="Rename them, or say {header=False} if the first line is data.",
            mentions=NO_HEADER,
        )
    return names
