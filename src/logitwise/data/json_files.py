"""JSON as tables: a list of records, an object of columns, or one record a line. Values keep their types."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from logitwise._listing import listed
from logitwise.data.dataset import DataError
from logitwise.data.files import empty, shown, unreadable
from logitwise.data.text.encoding import Utf8
from logitwise.data.unpacking import opened

_FORMS = "be a list of records, an object of columns, or one record a line"


def read_json(path: Path, *, lines: bool) -> pl.DataFrame:
    """Return the table of a JSON file.

    Args:
        path: The file.
        lines: Whether its name promises a record a line; a file that is none will do as well.
    """
    with opened(path) as file:
        text = Utf8(file, None).read().strip()
    if not text:
        raise empty(path)
    if lines:
        return _of_records(_parsed_lines(text, path), path)
    try:
        return _table(json.loads(text), path)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise unreadable(path, "JSON", error) from error
        return _of_records(_parsed_lines(text, path), path)
    except RecursionError as error:
        raise _too_deep(path) from error
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise unreadable(path, "JSON", error) from error


def _parsed_lines(text: bytes, path: Path) -> list[Any]:
    found = []
    for number, line in enumerate(text.split(b"\n"), 1):
        try:
            if line.strip():
                found.append(json.loads(line))
        except RecursionError as error:
            raise _too_deep(path) from error
        except ValueError as error:
            raise unreadable(path, "JSON lines", ValueError(f"line {number}: {error}")) from error
    return found[0] if len(found) == 1 and isinstance(found[0], list) else found


def _too_deep(path: Path) -> DataError:
    return DataError("source", "hold one value per field", f"lists or objects a thousand levels deep in {shown(path)}")


def _table(content: Any, path: Path) -> pl.DataFrame:
    if isinstance(content, list):
        return _of_records(content, path)
    if isinstance(content, dict):
        columns = content
        if _is_split(content):
            return _of_records([dict(zip(content["columns"], row, strict=False)) for row in content["data"]], path)
        values = list(columns.values())
        if values and all(isinstance(value, dict) for value in values):  # pandas, where nothing else is asked for
            rows = list(dict.fromkeys(key for value in values for key in value))
            return _of_columns({name: [value.get(row) for row in rows] for name, value in columns.items()}, path)
        if values and all(isinstance(value, list) for value in values):
            return _of_columns(columns, path)
        if values and not any(isinstance(value, (dict, list)) for value in values):
            return _of_records([columns], path)
    raise DataError("source", _FORMS, f"{_kind(content)} in {shown(path)}")


def _is_split(content: dict[str, Any]) -> bool:
    """Return whether this is what pandas writes for `orient="split"`."""
    names, rows = content.get("columns"), content.get("data")
    return (
        set(content) <= {"columns", "index", "data"}
        and isinstance(names, list)
        and isinstance(rows, list)
        and all(isinstance(name, str) for name in names)
        and all(isinstance(row, list) for row in rows)
    )


def _of_records(records: Sequence[Any], path: Path) -> pl.DataFrame:
    place = next((place for place, record in enumerate(records) if not isinstance(record, dict)), None)
    if place is not None:
        raise DataError("source", _FORMS, f"{_kind(records[place])} in {shown(path)}", f"record {place}")
    names = list(dict.fromkeys(name for record in records for name in record))
    return _of_columns({name: [record.get(name) for record in records] for name in names}, path)


def _of_columns(columns: Mapping[str, Sequence[Any]], path: Path) -> pl.DataFrame:
    lengths = sorted({len(values) for values in columns.values()})
    if len(lengths) > 1:
        raise DataError("source", "have columns of one length", f"{listed(lengths)} values in {shown(path)}")
    try:
        return pl.DataFrame([_column(str(name), values, path) for name, values in columns.items()])
    except UnicodeEncodeError as error:
        got = f"half a surrogate pair, {error.object[error.start : error.end]!r}, in {shown(path)}"
        raise DataError("source", "be text in Unicode", got) from error


def _column(name: str, values: Sequence[Any], path: Path) -> pl.Series:
    values = [None if isinstance(value, str) and not value.strip() else value for value in values]
    kinds = {type(value) for value in values} - {type(None)}
    if kinds & {list, dict}:
        place = next(place for place, value in enumerate(values) if isinstance(value, (list, dict)))
        got, where = f"{_kind(values[place])} in {name!r}", f"record {place} of {shown(path)}"
        raise DataError("source", "hold one value per field", got, where, "Give each value a field of its own.")
    if kinds <= {int} and _fit(values):
        return pl.Series(name, values, pl.Int64 if kinds else pl.String)
    if kinds <= {int, float}:
        return pl.Series(name, [None if value is None else _as_float(value) for value in values], pl.Float64)
    if kinds == {bool}:
        return pl.Series(name, values, pl.Boolean)
    return pl.Series(
        name, [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    )


def _fit(values: Iterable[Any]) -> bool:
    return all(value is None or abs(value) < 2**63 for value in values)


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", type(None): "null", bool: "true or false"}
    return names.get(type(value), "a number")
