"""What the columns of a text file are called: by its first line, by a file of names beside it, or by their places."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from logitwise._errors import naming
from logitwise._listing import listed
from logitwise.data.dataset import DataError, NamesError
from logitwise.data.files import read_bytes
from logitwise.data.text.fields import Origin, find_dialect, length_of_mark, record_end, split_fields, with_line_ends
from logitwise.data.text.header import NO_HEADER, column_names, first_row_is_header, has_column_of_numbers

SHOWN = 3


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
    data = with_line_ends(data[length_of_mark(data) :].lstrip())
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError("names", "be a text file in UTF-8", repr(str(path)), advice="Save it as UTF-8.") from error
    first = data[: record_end(data)]
    dialect = find_dialect(first, path)
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


def name_columns(
    fields: pl.DataFrame, path: Path, header: bool | None, choices: Sequence[Sequence[str]] = ()
) -> tuple[list[str], bool]:
    """Return the names of columns, and whether the first row holds them.

    Args:
        fields: All fields of the file, or of its first part.
        path: The file, for messages.
        header: Whether the first row holds the names; None detects it.
        choices: What the columns may be called where it does not: the first choice of as many names. A first row that
            holds all of them is a header.

    Raises:
        NamesError: A first row that holds other names; no choice of as many names as there are columns.
        DataError: A name that is there twice.
    """
    if not choices:
        has_header = first_row_is_header(fields) if header is None else header
        return column_names(fields, path, has_header=has_header), has_header
    if header is None and _holds(fields.row(0), choices):
        return column_names(fields, path, has_header=True), True
    if header is None and first_row_is_header(fields) and has_column_of_numbers(fields[1:]):
        raise NamesError(
            "names",
            "be left out for a file that names its columns",
            f"{listed(fields.row(0), SHOWN, quoted=True)} in the first line of {str(path)!r}",
            advice="Leave them out, or say {header=False} if that line is data.",
            mentions=NO_HEADER,
        )
    fitting = [names for names in choices if len(names) == fields.width]
    if not fitting:
        few = "The target needs a name, too." if len(choices[0]) == fields.width - 1 else ""
        requirement = f"be as many as {str(path)!r} has columns, {fields.width}"
        raise NamesError("names", requirement, len(choices[0]), advice=few)
    return list(fitting[0]), False


def _holds(row: Sequence[str | None], choices: Sequence[Sequence[str]]) -> bool:
    return any(set(names) <= set(row) for names in choices)
