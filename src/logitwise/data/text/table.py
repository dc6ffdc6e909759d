"""A whole text as a table of named columns of String, and the beginning of one that is read in parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from logitwise.data.dataset import Note
from logitwise.data.files import empty
from logitwise.data.text.encoding import Utf8
from logitwise.data.text.fields import Dialect, Origin, last_record_end, line_of, split_fields, with_line_ends
from logitwise.data.text.header import only_a_header
from logitwise.data.text.layout import (
    HEAD_BYTES,
    MOST_TITLES,
    SEPARATORS,
    Layout,
    begins_field,
    filled_end,
    find_layout,
)
from logitwise.data.text.names import Naming, name_columns
from logitwise.data.text.options import TextOptions
from logitwise.data.text.rows import Kept, without_headers, without_total
from logitwise.data.text.second_line import note_of
from logitwise.data.unpacking import opened


@dataclass(frozen=True)
class TextTable:
    """A text as a table.

    Attributes:
        table: Named columns of String, null where a field is empty.
        is_named: Whether the names are names, and not places.
        places: The places of the rows, where some were left out as none.
        notes: What was understood.
        separator: What separates fields; a space stands for any number of spaces and tabs.
    """

    table: pl.DataFrame
    is_named: bool
    places: pl.Series | None
    notes: tuple[Note, ...]
    separator: str


def read_text(path: Path, options: TextOptions, target: str | int | None) -> TextTable:
    """Return the rows of a text."""
    with opened(path) as file:
        text = Utf8(file, options.encoding)
        data = text.read()
        if not data:
            raise empty(path)
        data = with_line_ends(data)
        layout = _layout(data[: _head_end(data)], path, file.name, options, text.encoding)
    mark = text.mark + layout.skipped
    end = filled_end(data, layout.separator) or len(data)
    empty_lines = sum(bytes([layout.separator]) in line for line in data[end:].splitlines())
    data = layout.completed(data[layout.skipped : end] if layout.skipped or end < len(data) else data)
    origin, dialect = Origin(path, 1 + layout.lines, mark), Dialect(layout.separator, None, options.quotes)
    fields, dialect = split_fields(data, dialect, origin)
    naming = name_columns(fields, path, options, layout, target)
    begin = naming.first_row
    rows = named(fields[begin:], naming)
    if not rows.height:
        raise only_a_header(path, options.header)

    def line(row: int) -> int:
        return line_of(row + begin, data, dialect, origin)

    second = (note_of(fields.row(1), line(-1)),) if naming.has_second_line else ()
    found = without_headers(rows, fields.row(0)[: rows.width], line) if begin else Kept(rows)
    name = target_name(rows.columns, target)
    last = without_total(found.table, options.values, name, lambda row: line(_place(found, row)))
    places = last.places if found.places is None else found.places[: last.table.height]
    if not last.table.height:
        raise only_a_header(path, options.header)
    count = "1 last line" if empty_lines == 1 else f"{empty_lines:,} last lines"
    blank = (Note(f"{count} of separators alone left out."),) if empty_lines else ()
    notes = (*naming.notes, *second, *found.notes, *last.notes, *blank)
    return TextTable(last.table, naming.is_named, places, notes, chr(layout.separator))


def line_that_holds(path: Path, options: TextOptions, separator: str, name: str) -> int | None:
    """Return the one line among the first of a text that has a field of this name; None where none or many have."""
    with opened(path) as file:
        head = with_line_ends(Utf8(file, options.encoding).read(HEAD_BYTES)).decode("utf-8", "replace")
    sign = None if separator == " " else separator
    lines = (line.split(sign) for line in head.split("\n"))
    found = [place for place, cells in enumerate(lines, 1) if name in {cell.strip().strip("\"'") for cell in cells}]
    return found[0] if len(found) == 1 and found[0] <= MOST_TITLES else None


def _place(kept: Kept, row: int) -> int:
    return row if kept.places is None else int(kept.places[row])


def named(fields: pl.DataFrame, naming: Naming) -> pl.DataFrame:
    """Return fields under the names of their columns."""
    rows = fields if fields.width == len(naming.names) else fields[:, : len(naming.names)]
    return rows.rename(dict(zip(rows.columns, naming.names, strict=True)))


def target_name(names: list[str], target: str | int | None) -> str | None:
    """Return the name of the target's column where there is one."""
    if isinstance(target, str):
        if target in names:
            return target
        if not target.lstrip("+-").isdecimal():
            return None
    place = len(names) if target is None else int(target)
    return names[place] if -len(names) <= place < len(names) else None


def _head_end(data: bytes) -> int:
    """Return where the last whole line among the first of a text ends."""
    return data.rfind(b"\n", 0, HEAD_BYTES) + 1 or len(data)


def _layout(head: bytes, path: Path, name: str, options: TextOptions, encoding: str | None) -> Layout:
    layout = find_layout(head, path, name, options)
    if encoding is None or options.encoding is not None:
        return layout
    return replace(layout, notes=(Note(f"Read as {encoding.upper()[:6]}, by its byte order mark."), *layout.notes))


@dataclass(frozen=True)
class Opening:
    """What the beginning of a text tells of the whole.

    Attributes:
        layout: How it is laid out.
        naming: What the columns are called.
        dialect: What separates fields, and how many there are.
        header: The cells of the header; None where there is none.
        mark: How many bytes of byte order mark come before the text.
        lines_end_in_returns: Whether lines end in a carriage return alone.
    """

    layout: Layout
    naming: Naming
    dialect: Dialect
    header: tuple[str | None, ...] | None
    mark: int
    lines_end_in_returns: bool


def read_opening(path: Path, options: TextOptions, longest_record: int) -> Opening | None:
    """Return what the beginning of a text tells; None where its first record is longer than `longest_record`."""
    with opened(path) as file:
        text = Utf8(file, options.encoding)
        head = b""
        while True:
            data = text.read(max(HEAD_BYTES - len(head), len(head), 1))
            head, is_whole = head + data, not data
            if is_whole or (len(head) >= HEAD_BYTES and _cut(head, options)):
                break
            if len(head) > max(HEAD_BYTES, longest_record):
                return None
        if not head:
            raise empty(path)
        name, encoding = file.name, text.encoding
    lines_end_in_returns = b"\n" not in head and b"\r" in head[:-1]
    head = with_line_ends(head) if is_whole or lines_end_in_returns else head
    head = head if is_whole else head[: _cut(head, options)]
    layout = _layout(head, path, name, options, encoding)
    mark = text.mark + layout.skipped
    dialect, origin = Dialect(layout.separator, None, options.quotes), Origin(path, 1 + layout.lines, mark)
    end = filled_end(head, layout.separator) or len(head)
    head = layout.completed(head[layout.skipped : end])
    fields, dialect = split_fields(head, dialect, origin)
    naming = name_columns(fields, path, options, layout)
    if naming.has_second_line:
        note = note_of(fields.row(1), line_of(1, head, dialect, origin))
        naming = replace(naming, notes=(*naming.notes, note))
    header = fields.row(0)[: len(naming.names)] if naming.in_first_row else None
    return Opening(layout, naming, dialect, header, text.mark, lines_end_in_returns)


def _cut(head: bytes, options: TextOptions) -> int:
    """Return where the last whole record ends; 0 where there is none."""
    quotes = begins_field(head, SEPARATORS + b" ") if options.quotes is None else options.quotes
    end = last_record_end(head, Dialect(ord(","), None, quotes))
    return end if head[:end].strip() else 0
