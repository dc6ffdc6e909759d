"""What the columns of a text file are called: by its first line, by a file of names beside it, or by their places."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from logitwise._errors import naming
from logitwise._listing import listed
from logitwise.data.dataset import DataError, NamesError, Note
from logitwise.data.files import shown
from logitwise.data.text.fields import Dialect, Origin, split_fields, with_line_ends
from logitwise.data.text.header import NO_HEADER, column_names, decide, has_column_of_numbers
from logitwise.data.text.layout import Layout, record_end, separator_of
from logitwise.data.text.options import TextOptions
from logitwise.data.text.row_names import NOTE, check_row_names
from logitwise.data.text.second_line import is_second_line
from logitwise.data.unpacking import read_bytes

SHOWN = 3
_MARK = b"\xef\xbb\xbf"


def read_names(path: str | os.PathLike[str]) -> tuple[str, ...]:
    r"""Return the names of columns that a text file holds: in its first line, if that is delimited, else one a line.

    So a list of names will do, and so will another table that has a header.

    Raises:
        DataError: No such file; no text; a name that is empty or there twice.

    Example:
        >>> _ = Path("names.txt").write_text("size\ncolour\n")
        >>> read_names("names.txt")
        ('size', 'colour')
    """
    file = Path(path)
    if not file.is_file():
        raise DataError("names", "be an existing file", repr(str(path)))
    with naming({"source": "names"}):
        return checked_names(_names_in(read_bytes(file), file), f" in {file.name!r}")


def _names_in(data: bytes, path: Path) -> Sequence[str | None]:
    data = with_line_ends(data.removeprefix(_MARK).lstrip())
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError("names", "be a text file in UTF-8", repr(str(path)), advice="Save it as UTF-8.") from error
    first = data[: record_end(data)]
    dialect = Dialect(separator_of(first.strip(), path))
    is_delimited = bytes([dialect.separator]) in first
    fields, _ = split_fields(first if is_delimited else data, dialect, Origin(path))
    return fields.row(0) if is_delimited else fields.to_series().drop_nulls().to_list()


def checked_names(names: Sequence[str | None], where: str = "") -> tuple[str, ...]:
    """Return names of columns; raise where one is empty, or there twice."""
    missing = [place for place, name in enumerate(names) if not name]
    if missing:
        raise DataError("names", "have a name for every column", f"an empty one{where}", f"place {missing[0]}")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError("names", "differ from one another", f"{listed(repeated, quoted=True)} more than once{where}")
    return tuple(str(name) for name in names)


@dataclass(frozen=True)
class Naming:
    """What the columns of a text are called.

    Attributes:
        names: One name per column; further columns are left out, as they have neither names nor values.
        in_first_row: Whether the first row holds the names.
        is_named: Whether they are names, and not places.
        notes: What was understood.
        has_second_line: Whether the second row belongs to the header, too.
    """

    names: list[str]
    in_first_row: bool
    is_named: bool
    notes: tuple[Note, ...] = ()
    has_second_line: bool = False

    @property
    def first_row(self) -> int:
        """The place of the first row of the table."""
        return int(self.in_first_row) + self.has_second_line


def name_columns(
    fields: pl.DataFrame, path: Path, options: TextOptions, layout: Layout, target: object = None
) -> Naming:
    """Return what the columns are called.

    Args:
        fields: All fields of the file, or of its beginning.
        path: The file, for messages.
        options: Whether the first row holds the names (None detects it), and what the columns may be called where it
            does not: the first choice of as many names. A first row that holds all of them is a header.
        layout: How the text begins: a comment may hold the names.
        target: The column of the labels, whose name tells a header.

    Raises:
        NamesError: A first row that holds other names; no choice of as many names as there are columns.
        DataError: A name that is there twice; a header with a name less than columns, the first of which names no rows.
    """
    if layout.before:
        check_row_names(fields, path, layout.first_line, chr(layout.separator), is_split=layout.is_split)
        layout = replace(layout, notes=(*layout.notes, NOTE))
        options = options if options.choices else replace(options, header=True)
    is_second = options.header is not False and is_second_line(fields, options.values)
    naming = _naming(pl.concat([fields[:1], fields[2:]]) if is_second else fields, path, options, layout, target)
    return replace(naming, has_second_line=is_second and naming.in_first_row)


def _naming(fields: pl.DataFrame, path: Path, options: TextOptions, layout: Layout, target: object) -> Naming:
    if not options.choices:
        return _own_names(_without_empty_ends(fields), path, options, layout, target)
    if options.header is None and _holds(fields.row(0), options.choices):
        return Naming(column_names(_without_empty_ends(fields).row(0), path), True, True, layout.all_notes)
    is_header = options.header is None and decide(fields, options.values).has_header
    if layout.before or (is_header and has_column_of_numbers(fields[1:], options.values)):
        raise NamesError(
            "names",
            "be left out for a file that names its columns",
            f"{listed(fields.row(0), SHOWN, quoted=True)} in the first line of {shown(path)}",
            advice="Leave them out, or say {header=False} if that line is data.",
            mentions=NO_HEADER,
        )
    for width in dict.fromkeys([fields.width, _without_empty_ends(fields).width]):
        fitting = [names for names in options.choices if len(names) == width]
        if fitting:
            return Naming(list(fitting[0]), False, True, layout.all_notes)
    few = "The target needs a name, too." if len(options.choices[0]) == fields.width - 1 else ""
    requirement = f"be as many as {shown(path)} has columns, {fields.width}"
    raise NamesError("names", requirement, len(options.choices[0]), advice=few)


def _own_names(fields: pl.DataFrame, path: Path, options: TextOptions, layout: Layout, target: object) -> Naming:
    commented = _names_in_comment(fields, options, layout, target)
    if commented is not None:
        note = Note(f"The comment before the table names the columns: {listed(commented, SHOWN, quoted=True)}.")
        return Naming(column_names(commented, path), False, True, (*layout.notes, note))
    found = None if options.header is not None else decide(fields, options.values, target)
    has_header = bool(options.header) if found is None else found.has_header
    doubt = None if found is None else found.note(fields.row(0))
    notes = layout.all_notes if doubt is None else (*layout.all_notes, doubt)
    names = column_names(fields.row(0), path) if has_header else list(fields.columns)
    return Naming(names, has_header, has_header, notes)


def _names_in_comment(
    fields: pl.DataFrame, options: TextOptions, layout: Layout, target: object
) -> list[str | None] | None:
    """Return the names that the last comment before the table holds, where that table has no header of its own."""
    sign = None if chr(layout.separator) == " " else chr(layout.separator)
    cells = [cell.strip().strip("\"'") or None for cell in layout.comment.decode("utf-8", "replace").split(sign)]
    if options.header is False or fields.width < 2 or len(cells) != fields.width or None in cells[1:]:
        return None
    if decide(fields, options.values, target).has_header:
        return None
    above = pl.DataFrame([cells], schema=fields.schema, orient="row")
    return cells if decide(pl.concat([above, fields]), options.values, target).has_header else None


def _without_empty_ends(fields: pl.DataFrame) -> pl.DataFrame:
    """Return the fields without the last columns that hold nothing at all, as a separator behind each line makes."""
    width = fields.width
    while width > 1 and fields.height > 1 and fields[:, width - 1].null_count() == fields.height:
        width -= 1
    return fields if width == fields.width else fields[:, :width]


def _holds(row: Sequence[str | None], choices: Sequence[Sequence[str]]) -> bool:
    return any(set(names) <= set(row) for names in choices)
