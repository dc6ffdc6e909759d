"""Delimited text (CSV and the like) as a table of strings: separators, quotes, lines and the header.

Text without quotes is split by polars. Where there are quotes, they decide which separators and line ends are part of
a field. That is settled here, over all bytes at once; polars then splits at two control characters that text does not
hold, and never sees a quote.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import polars.selectors as cs

from logitwise.data.dataset import DataError

MISSING = ("?", "NA", "N/A", "NaN", "nan", "null", "NULL")
_BOM, _LINE, _QUOTE = b"\xef\xbb\xbf", ord("\n"), ord('"')
_FIELD_END, _RECORD_END = "\x1f", "\x1e"
_IN_CACHE = 1 << 16
_IS_SPACE = np.isin(np.arange(256), list(b" \t\r\n"))


@dataclass(frozen=True)
class Dialect:
    """What separates fields (a byte), and how many a line has; None: as many as the first."""

    separator: int
    width: int | None = None


@dataclass(frozen=True)
class Origin:
    """Where a text comes from: the file, and the number of the line and the place of the byte that it begins at."""

    path: Path
    first_line: int = 1
    first_byte: int = 0


@dataclass(frozen=True)
class Records:
    """The bytes of a text, and what each of them does.

    Attributes:
        text: The bytes, ending in a line end.
        quoted: Whether a byte is inside double quotes.
        dialect: The separator between fields, and the number of fields a line must have.
        origin: Where the text comes from, for messages.
    """

    text: np.ndarray
    quoted: np.ndarray
    dialect: Dialect
    origin: Origin

    @cached_property
    def ends(self) -> np.ndarray:
        """The position of the line end of each record."""
        return np.flatnonzero((self.text == _LINE) & ~self.quoted)

    @cached_property
    def starts(self) -> np.ndarray:
        """The position of the first byte of each record."""
        return np.concatenate([[0], self.ends[:-1] + 1])

    @cached_property
    def is_separator(self) -> np.ndarray:
        """Whether a byte ends a field."""
        return (self.text == self.dialect.separator) & ~self.quoted

    @cached_property
    def fields(self) -> np.ndarray:
        """The number of fields of each record, 0 for a blank line."""
        separators = np.add.reduceat(self.is_separator, self.starts, dtype=np.int64)
        blank = (separators == 0) & np.logical_and.reduceat(_IS_SPACE[self.text], self.starts)
        return np.where(blank, 0, separators + 1)

    def line(self, record: int) -> int:
        """Return the number of the line a record begins at, counted from 1."""
        return int(np.count_nonzero(self.text[: self.starts[record]] == _LINE)) + self.origin.first_line


def length_of_mark(data: bytes) -> int:
    """Return how many bytes of byte order mark a text begins with."""
    return len(_BOM) if data.startswith(_BOM) else 0


def with_line_ends(data: bytes) -> bytes:
    """Return a text whose lines end in a line feed, the last one too."""
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    return data if data.endswith(b"\n") else data + b"\n"


def find_dialect(data: bytes, path: Path) -> Dialect:
    """Return how the fields of a text are separated: in `.tsv` by tabs, else by what its first line has most of."""
    if path.name.lower().removesuffix(".gz").endswith(".tsv"):
        return Dialect(ord("\t"))
    filled = re.search(rb"\S", data)
    begin = filled.start() if filled else 0
    outside = b"".join(data[begin : record_end(data, begin)].split(b'"')[::2])
    return Dialect(max(b",;\t", key=outside.count))


def record_end(data: bytes, begin: int = 0) -> int:
    """Return where the record that starts at `begin` ends, behind its line end; the length where it does not."""
    end = data.find(b"\n", begin) + 1
    while end and data.count(b'"', begin, end) % 2:
        end = data.find(b"\n", end) + 1
    return end or len(data)


def last_record_end(data: bytes) -> int:
    """Return where the last whole record of a text that starts with one ends; 0 where there is none."""
    if b'"' not in data:
        return data.rfind(b"\n") + 1
    text = np.frombuffer(data, np.uint8)
    inside = np.cumsum(text == _QUOTE, dtype=np.uint8) % 2 == 1
    ends = np.flatnonzero((text == _LINE) & ~inside)
    return int(ends[-1]) + 1 if len(ends) else 0


def split_fields(data: bytes, dialect: Dialect, origin: Origin) -> tuple[pl.DataFrame, Dialect]:
    """Return the fields of whole records as columns of String, null where empty, and the dialect with its width.

    Spaces and quotes around a field are not part of it.

    Raises:
        DataError: Bytes that are not text, unpaired quotes, lines with different numbers of fields, blank lines
            alone.
    """
    fields = _split_plain(data, dialect)
    if fields is None:
        records = _records(data, dialect, origin)
        return _unwrapped(_split(records), records), Dialect(dialect.separator, int(records.fields.max()))
    return _stripped(fields, quoted=False, single=b"'" in data), Dialect(dialect.separator, fields.width)


def split_numbers(data: bytes, dialect: Dialect, places: frozenset[int]) -> pl.DataFrame | None:
    """Return the fields of whole records, those of the columns at `places` as Float64, null or NaN where missing.

    The others are as `split_fields` returns them. None where it is not as simple as that: a field there that is not a
    number as it stands, or a text that `split_fields` looks at closely.
    """
    fields = _split_plain(data, dialect, places)
    if fields is None:
        fields = _split_plain(data, dialect, places, MISSING)
    return None if fields is None else _stripped(fields, quoted=False, single=b"'" in data)


def _split_plain(
    data: bytes, dialect: Dialect, numbers: frozenset[int] = frozenset(), missing: tuple[str, ...] = ()
) -> pl.DataFrame | None:
    """Return the fields of a text without double quotes; None where it needs, or deserves, a closer look."""
    separator, lines = bytes([dialect.separator]), data.count(b"\n")
    width = dialect.width or data.count(separator, 0, data.index(b"\n")) + 1
    if width == 1 or any(byte in data for byte in b'"\0\x1e\x1f'):
        return None
    if _count(data, dialect.separator) != lines * (width - 1):
        return None
    schema = {f"column_{i}": pl.Float64 if i in numbers else pl.String for i in range(width)}
    try:
        fields = pl.read_csv(
            data,
            has_header=False,
            schema=schema,
            separator=separator.decode(),
            quote_char=None,
            null_values=list(missing) or None,
            raise_if_empty=False,
        )
    except pl.exceptions.PolarsError:  # a line too long, or bytes that are not text: the closer look says where
        return None
    return fields if fields.height == lines else None


def _count(data: bytes, byte: int) -> int:
    """Return how often a frequent byte is there; `bytes.count` goes from one to the next."""
    text = np.frombuffer(data, np.uint8)
    return sum(int(np.count_nonzero(text[i : i + _IN_CACHE] == byte)) for i in range(0, len(text), _IN_CACHE))


def _records(data: bytes, dialect: Dialect, origin: Origin) -> Records:
    _check_text(data, origin)
    text = np.frombuffer(data, np.uint8)
    # Inside from an opening quote up to its closing quote; a doubled quote closes and opens again.
    quoted = np.cumsum(text == _QUOTE, dtype=np.uint8) % 2 == 1 if b'"' in data else np.zeros(len(text), dtype=bool)
    if quoted[-1]:
        raise DataError(
            "source",
            "close every double quote",
            f"one left open in {str(origin.path)!r}, the first odd one",
            where=f"line {_line_of_odd_quotes(text) + origin.first_line}",
            advice="Double the quotes inside a quoted field.",
        )
    records = Records(text, quoted, dialect, origin)
    _check_fields(records)
    return records


def _check_text(data: bytes, origin: Origin) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        where = f"offset {origin.first_byte + error.start} of {str(origin.path)!r}"
        byte = f"byte 0x{data[error.start]:02x}"
        raise DataError("source", "be text in UTF-8", byte, where, "Save it as UTF-8.") from error
    control = next((byte for byte in b"\0\x1e\x1f" if byte in data), None)
    if control is not None:
        where = f"offset {origin.first_byte + data.index(control)} of {str(origin.path)!r}"
        raise DataError("source", "be text", f"the control character 0x{control:02x}", where)


def _line_of_odd_quotes(text: np.ndarray) -> int:
    starts = np.concatenate([[0], np.flatnonzero(text == _LINE)[:-1] + 1])
    quotes = np.add.reduceat(text == _QUOTE, starts, dtype=np.int64)
    return int(np.flatnonzero(quotes % 2)[0])


def _check_fields(records: Records) -> None:
    filled = np.flatnonzero(records.fields)
    if not len(filled):
        raise DataError("source", "have rows", f"only blank lines in {str(records.origin.path)!r}")
    expected = records.dialect.width or records.fields[filled[0]]
    bad = filled[records.fields[filled] != expected]
    if len(bad):
        more = f" ({len(bad)} such lines)" if len(bad) > 1 else ""
        raise DataError(
            "source",
            f"have as many fields in every line as in its first, {expected}",
            records.fields[bad[0]],
            where=f"line {records.line(bad[0])} of {str(records.origin.path)!r}{more}",
            advice="Check its separators and quotes.",
        )


def _split(records: Records) -> pl.DataFrame:
    """Return the fields as they stand, quotes and all."""
    marked = records.text.copy()
    marked[records.is_separator] = ord(_FIELD_END)
    marked[records.ends] = ord(_RECORD_END)
    lengths = records.ends - records.starts + 1
    filled = records.fields > 0
    if not filled.all():
        marked = marked[np.repeat(filled, lengths)]
    width = int(records.fields[filled][0])
    return pl.read_csv(
        io.BytesIO(marked.tobytes()),
        has_header=False,
        schema={f"column_{i}": pl.String for i in range(width)},
        separator=_FIELD_END,
        eol_char=_RECORD_END,
        quote_char=None,
    )


def _unwrapped(fields: pl.DataFrame, records: Records) -> pl.DataFrame:
    """Return the fields without the spaces and quotes around them, null where nothing is left."""
    quoted = bool(records.quoted.any())
    if quoted:
        _check_quotes(fields.with_columns(pl.all().str.strip_chars()), records)
    return _stripped(fields, quoted=quoted, single=bool((records.text == ord("'")).any()))


def _stripped(fields: pl.DataFrame, *, quoted: bool, single: bool) -> pl.DataFrame:
    field = cs.string().str.strip_chars()
    if quoted:
        field = field.str.strip_prefix('"').str.strip_suffix('"').str.replace_all('""', '"', literal=True)
    if single:
        field = field.str.replace(r"(?s)^'(.*)'$", "$1")
    if quoted or single:
        field = field.str.strip_chars()
    return fields.with_columns(pl.when(field != "").then(field))


def _check_quotes(fields: pl.DataFrame, records: Records) -> None:
    """Raise for a quote that is neither around its field nor doubled: such a quote may have swallowed a separator."""
    stray = pl.all().str.contains('"', literal=True) & ~pl.all().str.contains(r'^"(?:[^"]|"")*"$')
    found = fields.select(stray.fill_null(value=False))
    for name in found.columns:
        if found[name].any():
            row = int(found[name].arg_max() or 0)
            line = records.line(int(np.flatnonzero(records.fields)[row]))
            value = fields[name][row].split("\n")[0][:40]
            raise DataError(
                "source",
                "have double quotes around whole fields only, and doubled inside them",
                repr(value),
                where=f"line {line} of {str(records.origin.path)!r}",
                advice="Quote such fields, and double the quotes in them.",
            )
