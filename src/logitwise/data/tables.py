"""Tables: their files, the types of their columns, and the column that is the target."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from logitwise._listing import did_you_mean, listed
from logitwise.data.arrays import as_labels
from logitwise.data.dataset import DataError, Dataset, Note, UnknownColumnError, refuse_names
from logitwise.data.files import shown, unreadable
from logitwise.data.text.header import is_position
from logitwise.data.text.options import TextOptions
from logitwise.data.text.table import TextTable, line_that_holds, read_text

_TEXT_TYPES = (pl.String, pl.Categorical, pl.Enum)
_BROKEN = (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException)
_DIGITS_OF_NAMES = r"^(?:0\d+|\d{16,})$"
NO_LABEL = {"na_values=()": "na_values=()", "drop_unlabelled": "drop_unlabelled"}  # what an advice mentions
FILL = "Fill them in, or drop those rows ({drop_unlabelled})."
SEPARATOR = {"separator": "separator"}
SAY = "separates them ({separator})."
NARROW = f"If it has other columns, say what {SAY}"
_SIGNS = {",": "commas", ";": "semicolons", "\t": "tabs", " ": "spaces"}
KEEP = "If that is a label, keep it ({na_values=()}); else fill them in, or drop those rows ({drop_unlabelled})."


@dataclass(frozen=True)
class TableOptions:
    """How to read a table: the options of `logitwise.data.read`."""

    target: str | int | None
    label_strip: str
    drop_unlabelled: bool
    text: tuple[str, ...]
    reading: TextOptions


def read_table_file(path: Path, file_format: str, options: TableOptions) -> Dataset:
    """Return the columns of a table, and the one named or counted by `target` as labels."""
    places, target, text = None, options.target, None
    if file_format == "text":
        text = read_text(path, options.reading, target)
        table, has_header, notes, places = text.table, text.is_named, text.notes, text.places
    else:
        if options.reading.choices:
            refuse_names(options.reading.choices[0], f"{_article(file_format)} file, which names its columns")
        (table, notes), has_header = read_typed(path, file_format), True
    name = None if target is None else _target_name(table.columns, target, path, options.reading, text)
    table = _as_text(table, options.text)
    if name is not None:
        table = table.with_columns(_stripped(table[name], options.label_strip))
    written = None if name is None else table[name]
    if file_format == "text":
        values = options.reading.values
        table = table.with_columns(
            values.present(column)
            if column.name in options.text or (column.name == name and _are_names(column))
            else values.typed(column)
            for column in table
        )
    positions = None if places is None else places.to_numpy()
    if name is None or written is None:
        return Dataset(table, None, None, str(path), has_header, positions=positions, notes=notes)
    labelled = _labelled_rows(table, written, path, options.drop_unlabelled)
    if labelled is not None:
        table = table[labelled]
        positions = labelled if positions is None else positions[labelled]
    labels = _labels(table[name])
    return Dataset(table.drop(name), labels, name, str(path), has_header, positions=positions, notes=notes)


def read_typed(path: Path, file_format: str) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """Return the table of a file whose columns have names and types, and what was understood."""
    table, notes = _read_typed(path, file_format)
    if not table.height or not table.width:
        raise no_rows(path, table.height, table.width)
    return table, notes


def _read_typed(path: Path, file_format: str) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    if file_format in ("JSON", "JSON lines"):
        from logitwise.data.json_files import read_json

        return read_json(path, lines=file_format == "JSON lines"), ()
    if file_format == "ARFF":
        from logitwise.data.arff import read_arff

        return read_arff(path), ()
    if file_format == "Excel":
        from logitwise.data.spreadsheets import read_excel

        return read_excel(path)
    try:
        if file_format == "Parquet":
            with path.open("rb") as file:
                return pl.read_parquet(file), ()
        with path.open("rb") as file:
            is_stream = file.read(6) != b"ARROW1"
        with path.open("rb") as file:  # anew: polars may read past Python's buffer
            return pl.read_ipc_stream(file) if is_stream else pl.read_ipc(file), ()
    except _BROKEN as error:
        raise unreadable(path, file_format, error) from error


def _article(file_format: str) -> str:
    return f"{'an' if file_format[0] in 'AE' else 'a'} {file_format}"


def _as_text(table: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return a table whose columns of these names are text."""
    unknown = [name for name in names if name not in table.columns]
    if unknown:
        requirement = f"be columns of the table, {_first_and_last(table.columns)}"
        advice = did_you_mean(unknown[0], table.columns)
        raise DataError("text", requirement, listed(unknown, quoted=True), advice=advice)
    return table.with_columns(table[name].cast(pl.String) for name in names)


def no_rows(path: Path, n_rows: int, n_columns: int) -> DataError:
    """Return the error for a table without rows or without columns."""
    return DataError("source", "have rows", f"{n_rows} rows of {n_columns} columns in {shown(path)}")


def _target_name(names: list[str], target: str | int, path: Path, reading: TextOptions, text: TextTable | None) -> str:
    if isinstance(target, str):
        if target in names:
            return target
        if not is_position(target, len(names)) and not target.lstrip("+-").isdecimal():
            requirement = f"be a column of the table, {_first_and_last(names)}"
            advice = " ".join(
                filter(None, [did_you_mean(target, names), *_other_readings(target, path, reading, text)])
            )
            raise UnknownColumnError("target", requirement, repr(target), advice=advice, mentions=SEPARATOR)
        target = int(target)
    position = operator.index(target)
    if not -len(names) <= position < len(names):
        requirement = f"be in [{-len(names)}, {len(names) - 1}] for {len(names)} columns"
        advice = "" if text is None else _separated(text)
        raise DataError("target", requirement, position, advice=advice, mentions=SEPARATOR)
    return names[position]


def _other_readings(target: str, path: Path, reading: TextOptions, text: TextTable | None) -> Iterator[str]:
    """Yield what to do where a text should perhaps be read otherwise, so that it has the column."""
    if text is None:
        return
    line = line_that_holds(path, reading, text.separator, target)
    if line is not None and line > 1 and reading.header is not False:
        yield f"{target!r} stands in line {line}: if that line names the columns, leave out the lines above it."
    elif line == 1 and reading.header is None:
        yield f"{target!r} stands in line 1, which was not read as the header: has it as many fields as those below?"
    elif not text.is_named:
        yield "The file has no header: name a position, such as -1."
    if text.table.width == 1:
        yield NARROW


def _separated(text: TextTable) -> str:
    if text.table.width == 1:
        return NARROW
    sign = _SIGNS.get(text.separator, repr(text.separator))
    return f"It was read as {text.table.width} columns separated by {sign}: if that is wrong, say what {SAY}"


def _first_and_last(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:6])}, ..., {', '.join(names[-3:])}"


def _stripped(labels: pl.Series, characters: str) -> pl.Series:
    if not characters or labels.dtype not in _TEXT_TYPES:
        return labels
    return labels.cast(pl.String).str.strip_chars(characters).str.strip_chars()


def _are_names(labels: pl.Series) -> bool:
    """Return whether some labels of digits would be others as numbers: they lose leading zeros, or the last digits."""
    return bool(labels.str.contains(_DIGITS_OF_NAMES).any())


def _labelled_rows(table: pl.DataFrame, written: pl.Series, path: Path, drop_unlabelled: bool) -> np.ndarray | None:
    """Return the places of the rows that have a label, or None where all have one; `written` is what the file has."""
    name = written.name
    if table.width == 1:
        got = f"{name!r}, the only one of {shown(path)}"
        raise DataError("target", "leave at least one column of features", got)
    labels = table[name]
    missing = labels.is_null() | labels.is_nan() if labels.dtype.is_float() else labels.is_null()
    if not missing.any():
        return None
    if missing.all() or not drop_unlabelled:
        words = _words(written.filter(missing))
        raise DataError(
            "target",
            "have a value in every row",
            f"{missing.sum()} missing in column {name!r} of {shown(path)}{words and f', written {words}'}, the first",
            where=f"row {missing.arg_max()}, counted from 0",
            advice=KEEP if words else FILL,
            mentions=NO_LABEL,
        )
    return np.flatnonzero(~missing.to_numpy())


def _words(missing: pl.Series) -> str:
    """Return the texts that stand for missing labels, and how many rows have each; empty where there is no text."""
    if missing.dtype != pl.String:
        return ""
    counts = missing.drop_nulls().value_counts(sort=True, name="rows").rows()
    return listed([f"{word!r} ({count} {'row' if count == 1 else 'rows'})" for word, count in counts if word], 3)


def _labels(column: pl.Series) -> np.ndarray:
    if column.dtype in _TEXT_TYPES:
        return column.cast(pl.String).to_numpy().astype(object)
    if column.dtype.is_integer() or column.dtype.is_float() or column.dtype == pl.Boolean:
        return as_labels(column.to_numpy())
    got = f"dtype {column.dtype} in column {column.name!r}"
    raise DataError("target", "be integers, booleans, text or floats", got)
