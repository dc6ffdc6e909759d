"""ARFF, the format of Weka and OpenML: attributes with their types, then rows of comma-separated values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from logitwise.data.dataset import DataError
from logitwise.data.files import empty, shown
from logitwise.data.text.encoding import Utf8, not_text
from logitwise.data.unpacking import opened

_ATTRIBUTE = re.compile(r"@attribute\s+('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s{]+)\s*(.*)", re.IGNORECASE)
_VALUE = re.compile(r"\s*(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|([^,'\"]*))\s*(,|\t|$)")
_NUMBERS = ("numeric", "real", "integer")
_OTHERS = ("string", "date")


def read_arff(path: Path) -> pl.DataFrame:
    """Return the table of an ARFF file: numbers as Int64 or Float64, all else as String; `?` is missing."""
    with opened(path) as file:
        data = Utf8(file, None).read()
    if not data.strip():
        raise empty(path)
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise not_text(path, data[error.start : error.start + 1], line) from error
    attributes, begin = _attributes(lines, path)
    rows = list(_rows(lines, begin, len(attributes), path))
    columns = zip(*rows, strict=True) if rows else [()] * len(attributes)
    return pl.DataFrame(
        [_column(name, kind, column, path) for (name, kind), column in zip(attributes, columns, strict=True)]
    )


def _attributes(lines: list[str], path: Path) -> tuple[list[tuple[str, str]], int]:
    """Return the names and types of the columns, and the place of the first line of data."""
    found: list[tuple[str, str]] = []
    for place, line in enumerate(lines):
        words = line.strip()
        if words.lower().startswith("@data"):
            repeated = next((name for name, _ in found if sum(name == other for other, _ in found) > 1), None)
            if not found or repeated is not None:
                got = "none" if repeated is None else f"two called {repeated!r}"
                raise DataError("source", "have attributes of different names", f"{got} in {shown(path)}")
            return found, place + 1
        attribute = _ATTRIBUTE.match(words)
        if attribute is not None:
            kind = attribute[2].strip().lower()
            if not kind.startswith(("{", *_NUMBERS, *_OTHERS)):
                requirement = "have attributes that are numeric, nominal, strings or dates"
                raise DataError("source", requirement, repr(attribute[2]), _line(place, path))
            found.append((_unquoted(attribute[1]), kind))
        elif words and not words.startswith("%") and not words.lower().startswith("@relation"):
            raise DataError("source", "be a readable ARFF file", repr(words[:40]), _line(place, path))
    raise DataError("source", "be a readable ARFF file", f"no line @data in {shown(path)}")


def _rows(lines: list[str], begin: int, width: int, path: Path) -> Iterator[list[str | None]]:
    for place in range(begin, len(lines)):
        line = lines[place].strip()
        if not line or line.startswith("%"):
            continue
        if line.startswith("{"):
            raise DataError("source", "have rows of all values", "a sparse row", _line(place, path), "Save it as CSV.")
        row = _values(line)
        if row is None:
            raise DataError("source", "close every quote", repr(line[:40]), _line(place, path))
        if len(row) != width:
            requirement = f"have a value for each of its {width} attributes in every row"
            raise DataError("source", requirement, len(row), _line(place, path))
        yield row


def _values(line: str) -> list[str | None] | None:
    """Return the values of a row, None where missing; None where a quote is left open or stands inside a value."""
    if "'" not in line and '"' not in line:
        cells = (cell.strip() for cell in line.split("," if "," in line else "\t"))
        return [None if cell in ("?", "") else cell for cell in cells]
    found: list[str | None] = []
    at = 0
    while True:
        value = _VALUE.match(line, at)
        if value is None:
            return None
        bare = (value[3] or "").strip()
        quoted = value[1] if value[1] is not None else value[2]
        found.append(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else None if bare in ("?", "") else bare)
        if not value[4]:
            return found
        at = value.end()


def _column(name: str, kind: str, values: tuple[str | None, ...], path: Path) -> pl.Series:
    column = pl.Series(name, values, pl.String)
    if not kind.startswith(_NUMBERS):
        return column
    for dtype in (pl.Int64, pl.Float64):
        numbers = column.cast(dtype, strict=False)
        if numbers.null_count() == column.null_count():
            return numbers
    bad = column.filter(numbers.is_null() & column.is_not_null())[0]
    raise DataError("source", f"have numbers in the attribute {name!r}", repr(bad), shown(path))


def _unquoted(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if name[:1] in ("'", '"') else name


def _line(place: int, path: Path) -> str:
    return f"line {place + 1} of {shown(path)}"
