"""Delimited text (CSV and the like) as a table of strings: separators, quotes, lines and the header.

Text without quotes is split by polars. Where there are quotes, they decide which separators and line ends are part of
a field. That is settled here, over all bytes at once; polars then splits at two control characters that text does not
hold, and never sees a quote.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import polars.selectors as cs

from logitwise.data.dataset import DataError
from logitwise.data.files import shown
from logitwise.data.text.encoding import not_text
from logitwise.data.text.layout import begins_field
from logitwise.data.text.options import MISSING

_LINE, _QUOTE = ord("\n"), ord('"')
_FIELD_END, _RECORD_END = "\x1f", "\x1e"
_IN_CACHE = 1 << 16
_SPACE = ord(" ")
_LIKE_ZLIB = (b"x\x01", b"x^", b"x\x9c", b"x\xda")
NO_QUOTES = {"quotes=False": "quotes=False"}  # what an advice mentions; the command line calls it --no-quotes
_IS_SPACE = np.isin(np.arange(256), list(b" \t\r\n"))


@dataclass(frozen=True)
class Dialect:
    """How the fields of a text are told apart.

    Attributes:
        separator: The byte between them; a space stands for any number of spaces and tabs.
        width: How many a line has; None: as many as the first.
        quotes: Whether double quotes go around fields; None: where one begins a field somewhere.
        wrapped: The columns whose fields may be in single quotes; None is told from the text.
    """

    separator: int
    width: int | None = None
    quotes: bool | None = None
    wrapped: frozenset[int] | None = None

    def has_quotes(self, data: bytes) -> bool:
        """Return whether there are quotes in a text that go around fields."""
        if b'"' not in data or self.quotes is False:
            return False
        return bool(self.quotes) or begins_field(data, b" \t" if self.separator == _SPACE else bytes([self.separator]))


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


def with_line_ends(data: bytes) -> bytes:
    """Return a text whose lines end in a line feed, the last one too."""
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    return data if data.endswith(b"\n") else data + b"\n"


def last_record_end(data: bytes, dialect: Dialect) -> int:
    """Return where the last whole record of a text that starts with one ends; 0 where there is none."""
    if not dialect.has_quotes(data):
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
    quoted, (data, plain) = dialect.has_quotes(data), _squeezed(data, dialect)
    fields = None if quoted else _split_plain(data, plain)
    if fields is None:
        records = _records(data, plain, origin, quoted=quoted)
        fields = _unquoted(_split(records), records)
    else:
        fields = _stripped(fields, quoted=False)
    wrapped = _wrapped(fields, data, dialect)
    return _unwrapped(fields, wrapped), replace(dialect, width=fields.width, wrapped=wrapped)


def line_of(row: int, data: bytes, dialect: Dialect, origin: Origin) -> int:
    """Return the number of the line at which a row of `split_fields` begins."""
    quoted, (data, plain) = dialect.has_quotes(data), _squeezed(data, dialect)
    records = _records(data, plain, origin, quoted=quoted)
    return records.line(int(np.flatnonzero(records.fields)[row]))


def _squeezed(data: bytes, dialect: Dialect) -> tuple[bytes, Dialect]:
    """Return a text with one tab for each run of spaces outside quotes, where these separate fields."""
    if dialect.separator != _SPACE:
        return data, dialect
    if dialect.has_quotes(data):
        data = re.sub(rb'("(?:[^"]|"")*")|[ \t]+', lambda found: found[1] or b"\t", data)
    else:
        data = re.sub(rb"[ \t]+", b"\t", data)
    data = data.replace(b"\t\r\n", b"\n").replace(b"\t\n", b"\n").replace(b"\n\t", b"\n").removeprefix(b"\t")
    return data, replace(dialect, separator=ord("\t"))


def split_numbers(
    data: bytes, dialect: Dialect, places: frozenset[int], missing: tuple[str, ...] = MISSING
) -> pl.DataFrame | None:
    """Return the fields of whole records, those of the columns at `places` as Float64, null or NaN where missing.

    The others are as `split_fields` returns them. None where it is not as simple as that: a field there that is not a
    number as it stands, or a text that `split_fields` looks at closely.
    """
    if dialect.has_quotes(data):
        return None
    data, plain = _squeezed(data, dialect)
    fields = _split_plain(data, plain, places) if missing is MISSING else None  # other words may be numbers
    if fields is None:
        fields = _split_plain(data, plain, places, missing)
    if fields is None:
        return None
    fields = _stripped(fields, quoted=False)
    return _unwrapped(fields, _wrapped(fields, data, dialect))


def _split_plain(
    data: bytes, dialect: Dialect, numbers: frozenset[int] = frozenset(), missing: tuple[str, ...] = ()
) -> pl.DataFrame | None:
    """Return the fields of a text without quotes around them; None where it needs, or deserves, a closer look."""
    separator, lines = bytes([dialect.separator]), data.count(b"\n")
    width = dialect.width or data.count(separator, 0, data.index(b"\n")) + 1
    if width == 1 or any(byte in data for byte in b"\0\x1e\x1f"):
        return None
    if _count(data, dialect.separator) != lines * (width - 1):
        return None
    data, first_lines = _unlike_packed(data, b"\n")
    schema = {f"column_{i}": pl.Float64 if i in numbers else pl.String for i in range(width)}
    try:
        fields = pl.read_csv(
            data,
            skip_lines=first_lines,
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


def _unlike_packed(data: bytes, line_end: bytes) -> tuple[bytes, int]:
    """Return a text to be split by polars, and how many lines of it to skip.

    Polars takes for zlib what begins with one of its marks, as the name `x^2` does.
    """
    return (b"-" + line_end + data, 1) if data.startswith(_LIKE_ZLIB) else (data, 0)


def _count(data: bytes, byte: int) -> int:
    """Return how often a frequent byte is there; `bytes.count` goes from one to the next."""
    text = np.frombuffer(data, np.uint8)
    return sum(int(np.count_nonzero(text[i : i + _IN_CACHE] == byte)) for i in range(0, len(text), _IN_CACHE))


def _records(data: bytes, dialect: Dialect, origin: Origin, *, quoted: bool) -> Records:
    _check_text(data, origin)
    text = np.frombuffer(data, np.uint8)
    # Inside from an opening quote up to its closing quote; a doubled quote closes and opens again.
    inside = np.cumsum(text == _QUOTE, dtype=np.uint8) % 2 == 1 if quoted else np.zeros(len(text), dtype=bool)
    if inside[-1]:
        raise DataError(
            "source",
            "close every double quote",
            f"one left open in {shown(origin.path)}, the first odd one",
            where=f"line {_line_of_odd_quotes(text) + origin.first_line}",
            advice="Double the quotes inside a quoted field, or say {quotes=False} if quotes are text.",
            mentions=NO_QUOTES,
        )
    records = Records(text, inside, dialect, origin)
    _check_fields(records)
    return records


def _check_text(data: bytes, origin: Origin) -> None:
    utf16 = _utf16_advice(data, origin)
    try:
        if not utf16:
            data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + origin.first_line
        raise not_text(origin.path, data[error.start : error.start + 1], line) from error
    control = next((byte for byte in b"\0\x1e\x1f" if byte in data), None)
    if control is not None:
        where = f"offset {origin.first_byte + data.index(control)} of {shown(origin.path)}"
        got = f"the control character 0x{control:02x}"
        raise DataError("source", "be text", got, where, utf16, {"encoding": "encoding"} if utf16 else None)


def _utf16_advice(data: bytes, origin: Origin) -> str:
    """Return what to say where every second byte of a text is a NUL, as in UTF-16; empty where that is not so."""
    head = data[:2000]
    at_odd = head[(origin.first_byte + 1) % 2 :: 2].count(0)
    most, few = max(at_odd, head.count(0) - at_odd), min(at_odd, head.count(0) - at_odd)
    if most <= len(head) / 4 or few > most / 10:
        return ""
    order = "le" if at_odd == most else "be"
    return f"It seems to be UTF-16 without a byte order mark: say {{encoding}} utf-16-{order}."


def _line_of_odd_quotes(text: np.ndarray) -> int:
    starts = np.concatenate([[0], np.flatnonzero(text == _LINE)[:-1] + 1])
    quotes = np.add.reduceat(text == _QUOTE, starts, dtype=np.int64)
    return int(np.flatnonzero(quotes % 2)[0])


def _check_fields(records: Records) -> None:
    filled = np.flatnonzero(records.fields)
    if not len(filled):
        raise DataError("source", "have rows", f"only blank lines in {shown(records.origin.path)}")
    expected = records.dialect.width or records.fields[filled[0]]
    bad = filled[records.fields[filled] != expected]
    if len(bad):
        more = f" ({len(bad)} such lines)" if len(bad) > 1 else ""
        raise DataError(
            "source",
            f"have as many fields in every line as in its first, {expected}",
            records.fields[bad[0]],
            where=f"line {records.line(bad[0])} of {shown(records.origin.path)}{more}",
            advice="Check its separators and quotes, or give its {separator}.",
            mentions={"separator": "separator"},
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
    text, first_lines = _unlike_packed(marked.tobytes(), _RECORD_END.encode())
    return pl.read_csv(
        io.BytesIO(text),
        skip_lines=first_lines,
        has_header=False,
        schema={f"column_{i}": pl.String for i in range(width)},
        separator=_FIELD_END,
        eol_char=_RECORD_END,
        quote_char=None,
    )


def _unquoted(fields: pl.DataFrame, records: Records) -> pl.DataFrame:
    """Return the fields without the spaces and double quotes around them, null where nothing is left."""
    quoted = bool(records.quoted.any())
    if quoted:
        _check_quotes(fields.with_columns(pl.all().str.strip_chars()), records)
    return _stripped(fields, quoted=quoted)


def _stripped(fields: pl.DataFrame, *, quoted: bool) -> pl.DataFrame:
    field = cs.string().str.strip_chars()
    if quoted:
        field = field.str.strip_prefix('"').str.strip_suffix('"').str.replace_all('""', '"', literal=True)
        field = field.str.strip_chars()
    return fields.with_columns(pl.when(field != "").then(field))


def _wrapped(fields: pl.DataFrame, data: bytes, dialect: Dialect) -> frozenset[int]:
    """Return the places of columns in which every field that begins with a single quote is in a pair of them."""
    if dialect.wrapped is not None or dialect.quotes is False or b"'" not in data:
        return dialect.wrapped or frozenset()
    columns = [(place, column) for place, column in enumerate(fields) if column.dtype == pl.String]
    begun = [(place, column.filter(column.str.starts_with("'"))) for place, column in columns]
    return frozenset(place for place, cells in begun if len(cells) and cells.str.contains("^'[^']*'$").all())


def _unwrapped(fields: pl.DataFrame, places: frozenset[int]) -> pl.DataFrame:
    """Return the fields without the single quotes around those of the columns at these places."""
    names = [fields.columns[place] for place in places if fields.dtypes[place] == pl.String]
    field = pl.col(names).str.replace("(?s)^'(.*)'$", "$1").str.strip_chars()
    return fields.with_columns(pl.when(field != "").then(field)) if names else fields


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
                where=f"line {line} of {shown(records.origin.path)}",
                advice="Quote such fields, and double the quotes in them; or say {quotes=False} if quotes are text.",
                mentions=NO_QUOTES,
            )
