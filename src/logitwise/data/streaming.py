"""Tables read a part at a time: files larger than memory."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from logitwise._display import Displayed
from logitwise._extras import needed_for

with needed_for("Reading a table"):
    import polars as pl
    import polars.selectors as cs

from logitwise.data.dataset import DataError
from logitwise.data.files import check_exists, empty, is_gzip, unreadable
from logitwise.data.tables import no_rows
from logitwise.data.text.fields import (
    MISSING,
    Origin,
    find_dialect,
    last_record_end,
    length_of_mark,
    split_fields,
    split_numbers,
    with_line_ends,
)
from logitwise.data.text.header import only_a_header
from logitwise.data.text.names import name_columns

BYTES_AT_ONCE = 8 << 20  # of text
ROWS_AT_ONCE = 65_536  # of Parquet
LONGEST_RECORD = 256 << 20  # bytes; a quote that is never closed would else read the whole file


@dataclass(frozen=True, repr=False)
class Part(Displayed):
    """Some rows of a table.

    Attributes:
        table: The rows. Text files give columns of String, null where a value is missing; Parquet keeps its types.
        first_row: The position of its first row in the whole table.
        read: How many bytes of the file have been read once these rows are.
    """

    table: pl.DataFrame
    first_row: int
    read: int


@dataclass(frozen=True, repr=False)
class Parts(Displayed):
    """A table that is read a part at a time, once.

    Attributes:
        names: The names of the columns.
        has_header: Whether they are names, in a header line or given for it, and not places.
        n_bytes: The size of the file.
        parts: The parts, in order; each is read when it is asked for.
    """

    names: tuple[str, ...]
    has_header: bool
    n_bytes: int
    parts: Iterator[Part]


def read_parts(
    source: str | os.PathLike[str],
    *,
    header: bool | None = None,
    numbers: Collection[str] = (),
    names: Sequence[Sequence[str]] = (),
) -> Parts:
    r"""Return a text or Parquet file as parts, by the rules of `logitwise.data.read` with two exceptions.

    Values of text files stay text, since only all rows would tell which columns are numbers; and where `header` is
    None, the rows of the first part decide whether there is one.

    Args:
        source: The path of a text or Parquet file.
        header: Whether the first line of a text file names the columns; None detects it.
        numbers: The columns of a text file that are read as Float64 at once, which is faster, in parts where all of
            their values are numbers as they stand; null and NaN are then missing values.
        names: What the columns of a text file without a header may be called: the first choice of as many names.

    Raises:
        DataError: No such file, or one that cannot be read; parts raise it too, when they are asked for.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("two.csv").write_text("size,colour\n1.5,red\n?,blue\n")
        >>> parts = read_parts("two.csv")
        >>> parts.names, [part.table.rows() for part in parts.parts]
        (('size', 'colour'), [[('1.5', 'red'), (None, 'blue')]])
    """
    path = Path(source)
    check_exists(path)
    return _parquet_parts(path) if path.suffix.lower() == ".parquet" else _text_parts(path, header, numbers, names)


def _parquet_parts(path: Path) -> Parts:
    broken = (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException)
    try:
        rows = pl.scan_parquet(path)
        names = tuple(rows.collect_schema().names())
        n_rows = int(rows.select(pl.len()).collect().item())
    except broken as error:
        raise unreadable(path, "Parquet", error) from error
    if not n_rows or not names:
        raise no_rows(path, n_rows, len(names))
    n_bytes = path.stat().st_size

    def parts() -> Iterator[Part]:
        try:
            for start in range(0, n_rows, ROWS_AT_ONCE):
                table = rows.slice(start, ROWS_AT_ONCE).collect()
                yield Part(table, start, n_bytes * (start + table.height) // n_rows)
        except broken as error:
            raise unreadable(path, "Parquet", error) from error

    return Parts(names, True, n_bytes, parts())


def _text_parts(path: Path, header: bool | None, numbers: Collection[str], choices: Sequence[Sequence[str]]) -> Parts:
    texts = _texts(path)
    first, read = next(texts, (b"", 0))
    if not first:
        raise empty(path)
    mark = length_of_mark(first)
    first = first[mark:]
    fields, dialect = split_fields(first, find_dialect(first, path), Origin(path, first_byte=mark))
    names, has_header = name_columns(fields, path, header, choices)
    places = frozenset(place for place, name in enumerate(names) if name in numbers)

    def parts() -> Iterator[Part]:
        table = _named(fields[1:] if has_header else fields, names)
        rows, lines, n_bytes, behind = table.height, first.count(b"\n"), mark + len(first), read
        if table.height:
            yield Part(table, 0, behind)
        are_plain = bool(places)
        for text, behind in texts:
            if not text.isspace():
                found = split_numbers(text, dialect, places) if are_plain else None
                are_plain = found is not None  # where one part is not, the next will hardly be
                if found is None:
                    found, _ = split_fields(text, dialect, Origin(path, lines + 1, n_bytes))
                table = _named(found, names)
                yield Part(table, rows, behind)
                rows += table.height
            lines, n_bytes = lines + text.count(b"\n"), n_bytes + len(text)
        if not rows:
            raise only_a_header(path, header)

    return Parts(tuple(names), has_header or bool(choices), path.stat().st_size, parts())


def _named(fields: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Return fields under the names of their columns, null where a value is missing."""
    value = cs.string()
    return fields.with_columns(pl.when(~value.is_in(MISSING)).then(value)).rename(
        dict(zip(fields.columns, names, strict=True))
    )


def _texts(path: Path) -> Iterator[tuple[bytes, int]]:
    """Yield the text of a file as whole records, and how many bytes of the file have been read by then."""
    try:
        with path.open("rb") as raw, _unpacked(raw) as file:
            rest, has_begun = b"", False
            while data := file.read(BYTES_AT_ONCE):
                rest += data
                if not has_begun and b"\n" not in rest and b"\r" in rest[:-1]:
                    rest = with_line_ends(rest + file.read())  # lines end in a carriage return alone: read at once
                end = last_record_end(rest)
                if end and (has_begun or rest[length_of_mark(rest) : end].strip()):
                    yield (rest[:end] if has_begun else with_line_ends(rest[:end])), raw.tell()
                    rest, has_begun = rest[end:], True
                elif len(rest) > LONGEST_RECORD:
                    raise _too_long(path)
            if rest:
                yield with_line_ends(rest), raw.tell()
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise unreadable(path, "gzip", error) from error
    except OSError as error:
        raise unreadable(path, "regular", error) from error


def _too_long(path: Path) -> DataError:
    requirement = f"have lines of at most {LONGEST_RECORD:,} bytes"
    return DataError("source", requirement, f"a longer one in {str(path)!r}", advice="Is a double quote left open?")


def _unpacked(raw: BinaryIO) -> BinaryIO | gzip.GzipFile:
    first = raw.read(2)
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw) if is_gzip(first) else raw
