"""Tables read a part at a time: files larger than memory."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from logitwise._display import Displayed
from logitwise._extras import needed_for

with needed_for("Reading a table"):
    import polars as pl
    import polars.selectors as cs

from logitwise.data.dataset import DataError, Note
from logitwise.data.files import check_exists, shown, unreadable
from logitwise.data.formats import format_of
from logitwise.data.tables import no_rows, read_typed
from logitwise.data.text.encoding import Utf8
from logitwise.data.text.fields import Origin, last_record_end, line_of, split_fields, split_numbers
from logitwise.data.text.header import only_a_header
from logitwise.data.text.options import TextOptions, Values
from logitwise.data.text.rows import Kept, without_headers, without_total
from logitwise.data.text.table import Opening, named, read_opening
from logitwise.data.unpacking import opened

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
        notes: What was understood of these rows: which of them are none.
    """

    table: pl.DataFrame
    first_row: int
    read: int
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, repr=False)
class Parts(Displayed):
    """A table that is read a part at a time, once.

    Attributes:
        names: The names of the columns.
        has_header: Whether they are names, in a header line or given for it, and not places.
        n_bytes: The size of the file.
        parts: The parts, in order; each is read when it is asked for.
        notes: What was understood of the beginning that is not plain.
    """

    names: tuple[str, ...]
    has_header: bool
    n_bytes: int
    parts: Iterator[Part]
    notes: tuple[Note, ...] = ()


def read_parts(
    source: str | os.PathLike[str],
    *,
    header: bool | None = None,
    numbers: Collection[str] = (),
    names: Sequence[Sequence[str]] = (),
    separator: str | None = None,
    encoding: str | None = None,
    decimal: str = ".",
    na_values: Sequence[str] | None = None,
    quotes: bool | None = None,
    text: Sequence[str] = (),
) -> Parts:
    r"""Return a table as parts, by the rules of `logitwise.data.read` with two exceptions.

    Values of text files stay text, since only all rows would tell which columns are numbers; and where `header` is
    None, the first rows decide whether there is one. Text, packed or not, and Parquet are read a part at a time; other
    formats are read whole.

    Args:
        source: The path of a table.
        header: Whether the first line of a text file names the columns; None detects it.
        numbers: The columns of a text file that are read as Float64 at once, which is faster, in parts where all of
            their values are numbers as they stand; null and NaN are then missing values.
        names: What the columns of a text file without a header may be called: the first choice of as many names.
        separator: As in `logitwise.data.read`.
        encoding: As there.
        decimal: As there; with a comma, the numbers in the columns of `numbers` get points.
        na_values: As there.
        quotes: As there.
        text: Columns that are text, whatever their values look like.

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
    options = TextOptions.checked(header, separator, encoding, decimal, na_values, quotes, names)
    file_format = format_of(path)
    if file_format == "text":
        return _text_parts(path, options, frozenset(numbers) - frozenset(text))
    if file_format == "Parquet":
        return _parquet_parts(path, text)
    table, notes = read_typed(path, file_format)
    return _table_parts(_as_text(table, text), path.stat().st_size, notes)


def _table_parts(table: pl.DataFrame, n_bytes: int, notes: tuple[Note, ...]) -> Parts:
    starts = range(0, table.height, ROWS_AT_ONCE)
    ends = ((start, min(start + ROWS_AT_ONCE, table.height)) for start in starts)
    parts = (Part(table[start:end], start, n_bytes * end // table.height) for start, end in ends)
    return Parts(tuple(table.columns), True, n_bytes, parts, notes)


def _as_text(table: pl.DataFrame, text: Sequence[str]) -> pl.DataFrame:
    return table.with_columns(table[name].cast(pl.String) for name in text if name in table.columns)


def _parquet_parts(path: Path, text: Sequence[str]) -> Parts:
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
                yield Part(_as_text(table, text), start, n_bytes * (start + table.height) // n_rows)
        except broken as error:
            raise unreadable(path, "Parquet", error) from error

    return Parts(names, True, n_bytes, parts())


def _text_parts(path: Path, options: TextOptions, numbers: frozenset[str]) -> Parts:
    opening = read_opening(path, options, LONGEST_RECORD)
    if opening is None:
        raise _too_long(path)
    naming = opening.naming
    tables = _Tables(path, options, opening, numbers)
    return Parts(tuple(naming.names), naming.is_named, path.stat().st_size, _without_total(tables), naming.notes)


class _Tables:
    """The rows of a text, a part at a time."""

    def __init__(self, path: Path, options: TextOptions, opening: Opening, numbers: frozenset[str]) -> None:
        self.path, self.options, self.values, self._opening = path, options, options.values, opening
        self._notes: tuple[Note, ...] = ()  # on rows that are none, behind which no others have come yet
        self._numbers = numbers & frozenset(opening.naming.names)
        self._places = frozenset(place for place, name in enumerate(opening.naming.names) if name in numbers)

    def __iter__(self) -> Iterator[tuple[Part, bytes, Origin]]:
        """Yield each part, the text that it is of, and where that comes from."""
        opening, rows = self._opening, 0
        lines, n_bytes = opening.layout.lines, opening.mark + opening.layout.skipped
        are_plain, begin = bool(self._places) and self.options.decimal == ".", opening.naming.first_row
        for text, read in _texts(self.path, self.options, opening):
            if not text.isspace():
                origin = Origin(self.path, lines + 1, n_bytes)
                found = self._split_numbers(text) if are_plain and not begin else None
                are_plain = are_plain and (found is not None or bool(begin))  # if a part is not, the next hardly is
                if found is None:
                    found, _ = split_fields(text, opening.dialect, origin)
                kept = self._named(found, text, origin, begin)
                self._notes += kept.notes
                if kept.table.height:
                    notes, self._notes = self._notes, ()
                    yield Part(kept.table, rows, read, notes), text, origin
                rows, begin = rows + kept.table.height, max(0, begin - found.height)
            lines, n_bytes = lines + text.count(b"\n"), n_bytes + len(text)
        if not rows:
            raise only_a_header(self.path, self.options.header)

    def _split_numbers(self, text: bytes) -> pl.DataFrame | None:
        return split_numbers(text, self._opening.dialect, self._places, self.values.missing)

    def _named(self, fields: pl.DataFrame, text: bytes, origin: Origin, begin: int) -> Kept:
        """Return fields under the names of their columns, null where a value is missing, without headers."""
        rows, header = named(fields[begin:], self._opening.naming), self._opening.header
        kept = Kept(rows)
        if header is not None and rows.height:
            kept = without_headers(rows, header, lambda row: line_of(row + begin, text, self._opening.dialect, origin))
        return Kept(_present(kept.table, self.values, self._numbers), kept.places, kept.notes)

    def last(self, part: Part, text: bytes, origin: Origin) -> Part:
        """Return the last part without a row of totals."""
        kept = without_total(part.table, self.values, None, lambda _: line_of(-1, text, self._opening.dialect, origin))
        return replace(part, table=kept.table, notes=(*part.notes, *self._notes, *kept.notes))


def _present(table: pl.DataFrame, values: Values, numbers: Collection[str] = ()) -> pl.DataFrame:
    """Return a table of text, null where a value is missing; numbers with decimal commas get points."""
    cells = cs.string()
    table = table.with_columns(pl.when(~cells.is_in(values.missing)).then(cells))
    if values.decimal == ".":
        return table
    pointed = {name: values.with_points(table[name]) for name in numbers}
    return table.with_columns(pl.coalesce(found, table[name]).alias(name) for name, found in pointed.items())


def _without_total(tables: _Tables) -> Iterator[Part]:
    """Yield the parts; the last one without a row of totals."""
    last: tuple[Part, bytes, Origin] | None = None
    for found in tables:
        if last is not None:
            yield last[0]
        last = found
    if last is not None:
        yield tables.last(*last)


def _texts(path: Path, options: TextOptions, opening: Opening) -> Iterator[tuple[bytes, int]]:
    """Yield the text of a file as whole records, and how many bytes of the file have been read by then."""
    with opened(path) as raw:
        file, dialect = Utf8(raw, options.encoding), opening.dialect
        rest, has_begun = _behind(file, opening.layout.skipped), False
        while data := file.read(BYTES_AT_ONCE):
            rest += data.replace(b"\r", b"\n") if opening.lines_end_in_returns else data
            end = last_record_end(rest, dialect)
            if end and (has_begun or rest[:end].strip()):
                yield rest[:end] if has_begun else opening.layout.completed(rest[:end]), file.tell()
                rest, has_begun = rest[end:], True
            elif not end and len(rest) > LONGEST_RECORD:
                raise _too_long(path)
        if rest:
            rest = rest if rest.endswith(b"\n") else rest + b"\n"
            yield rest if has_begun else opening.layout.completed(rest), file.tell()


def _behind(file: Utf8, n_bytes: int) -> bytes:
    """Skip so many bytes of text, and return those that were read beyond them."""
    rest = b""
    while n_bytes > 0 and (data := file.read(n_bytes)):
        n_bytes, rest = n_bytes - len(data), data[n_bytes:]
    return rest


def _too_long(path: Path) -> DataError:
    requirement = f"have lines of at most {LONGEST_RECORD:,} bytes"
    return DataError("source", requirement, f"a longer one in {shown(path)}", advice="Is a double quote left open?")
