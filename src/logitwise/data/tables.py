"""Tables: their files, the types of their columns, and the column that is the target."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from logitwise._listing import did_you_mean
from logitwise.data.arrays import as_labels
from logitwise.data.dataset import DataError, Dataset, UnknownColumnError, refuse_names
from logitwise.data.files import read_bytes, unreadable
from logitwise.data.text.fields import MISSING, Origin, find_dialect, length_of_mark, split_fields, with_line_ends
from logitwise.data.text.header import only_a_header
from logitwise.data.text.names import name_columns

_TEXT_TYPES = (pl.String, pl.Categorical, pl.Enum)


@dataclass(frozen=True)
class TableOptions:
    """How to read a table: the options of `logitwise.data.read`."""

    target: str | int | None
    header: bool | None
    label_strip: str
    drop_unlabelled: bool
    names: tuple[str, ...] | None


def read_table_file(path: Path, options: TableOptions) -> Dataset:
    """Return the columns of a text or Parquet file, and the one named or counted by `target` as labels."""
    target, label_strip = options.target, options.label_strip
    is_text = path.suffix.lower() != ".parquet"
    if is_text:
        choices = () if options.names is None else (options.names,)
        table, has_header = read_delimited(read_bytes(path), path, options.header, choices)
    else:
        refuse_names(options.names, "a Parquet file, which names its columns")
        table, has_header = _read_parquet(path), True
    name = None if target is None else _target_name(table.columns, target, has_header)
    if name is not None:
        table = table.with_columns(_stripped(table[name], label_strip))
    if is_text:
        table = table.with_columns(_typed(column) for column in table)
    if name is None:
        return Dataset(table, None, None, str(path), has_header)
    positions = _labelled_rows(table, name, path, options.drop_unlabelled)
    if positions is not None:
        table = table[positions]
    return Dataset(table.drop(name), _labels(table[name]), name, str(path), has_header, positions=positions)


def read_delimited(
    data: bytes, path: Path, header: bool | None, choices: Sequence[Sequence[str]] = ()
) -> tuple[pl.DataFrame, bool]:
    """Return the rows of a text as named columns of String, null where empty; and whether the names are its own.

    They are those of a header line or of one of the choices; else they tell the places of the columns.
    """
    mark = length_of_mark(data)
    text = with_line_ends(data[mark:])
    fields, _ = split_fields(text, find_dialect(text, path), Origin(path, first_byte=mark))
    names, has_header = name_columns(fields, path, header, choices)
    rows = fields[1:] if has_header else fields
    if not rows.height:
        raise only_a_header(path, header)
    rows.columns = names
    return rows, has_header or bool(choices)


def _read_parquet(path: Path) -> pl.DataFrame:
    try:
        with path.open("rb") as file:
            table = pl.read_parquet(file)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise unreadable(path, "Parquet", error) from error
    if not table.height or not table.width:
        raise no_rows(path, table.height, table.width)
    return table


def no_rows(path: Path, n_rows: int, n_columns: int) -> DataError:
    """Return the error for a table without rows or without columns."""
    return DataError("source", "have rows", f"{n_rows} rows of {n_columns} columns in {str(path)!r}")


def _target_name(names: list[str], target: str | int, has_header: bool) -> str:
    if isinstance(target, str):
        if target in names:
            return target
        if not re.fullmatch(r"[+-]?[0-9]+", target):
            header = "" if has_header else "The file has no header: name a position, such as -1."
            advice = " ".join(filter(None, [did_you_mean(target, names), header]))
            requirement = f"be a column of the table, {_first_and_last(names)}"
            raise UnknownColumnError("target", requirement, repr(target), advice=advice)
        target = int(target)
    position = operator.index(target)
    if not -len(names) <= position < len(names):
        requirement = f"be in [{-len(names)}, {len(names) - 1}] for {len(names)} columns"
        raise DataError("target", requirement, position)
    return names[position]


def _first_and_last(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:6])}, ..., {', '.join(names[-3:])}"


def _stripped(labels: pl.Series, characters: str) -> pl.Series:
    if not characters or labels.dtype not in _TEXT_TYPES:
        return labels
    return labels.cast(pl.String).str.strip_chars(characters).str.strip_chars()


def _typed(column: pl.Series) -> pl.Series:
    """Return a column of text as Int64 or Float64 when all of its values are numbers; null where one is missing."""
    column = column.set(column.is_in([*MISSING, ""]), None)
    for dtype in (pl.Int64, pl.Float64):
        numbers = column.cast(dtype, strict=False)
        if numbers.null_count() == column.null_count():
            return numbers
    return column


def _labelled_rows(table: pl.DataFrame, name: str, path: Path, drop_unlabelled: bool) -> np.ndarray | None:
    """Return the places of the rows that have a label, or None where all have one."""
    if table.width == 1:
        got = f"{name!r}, the only one of {str(path)!r}"
        raise DataError("target", "leave at least one column of features", got)
    labels = table[name]
    missing = labels.is_null() | labels.is_nan() if labels.dtype.is_float() else labels.is_null()
    if not missing.any():
        return None
    if missing.all() or not drop_unlabelled:
        raise DataError(
            "target",
            "have a value in every row",
            f"{missing.sum()} missing in column {name!r} of {str(path)!r}, the first",
            where=f"row {missing.arg_max()}, counted from 0",
            advice="Fill them in, or drop those rows ({drop_unlabelled}).",
            mentions={"drop_unlabelled": "drop_unlabelled"},
        )
    return np.flatnonzero(~missing.to_numpy())


def _labels(column: pl.Series) -> np.ndarray:
    if column.dtype in _TEXT_TYPES:
        return column.cast(pl.String).to_numpy().astype(object)
    if column.dtype.is_integer() or column.dtype.is_float() or column.dtype == pl.Boolean:
        return as_labels(column.to_numpy())
    got = f"dtype {column.dtype} in column {column.name!r}"
    raise DataError("target", "be integers, booleans, text or floats", got)
