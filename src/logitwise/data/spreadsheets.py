"""Excel files: the first sheet, by polars and fastexcel. Of formulas, the values that were stored with them."""

from __future__ import annotations

import copy
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import polars.selectors as cs

from logitwise._extras import needed_for
from logitwise._listing import listed
from logitwise.data.dataset import DataError, Note
from logitwise.data.files import shown, unreadable
from logitwise.data.text.header import column_names
from logitwise.data.unpacking import ANY_TIMES, BYTES_AT_ONCE, MOST_TIMES, MOST_UNPACKED

_NAMELESS = "__UNNAMED__"


def read_excel(path: Path) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """Return the table of the first sheet, whose first row names the columns, and what was understood."""
    with needed_for("Reading an Excel file"):
        import fastexcel  # pyright: ignore[reportMissingImports]
    with _as_sentence(path):
        _check_size(path)
        sheets = fastexcel.read_excel(str(path)).sheet_names
        table = pl.read_excel(path, sheet_name=sheets[0], engine="calamine", infer_schema_length=None)
    cells = [None if name.startswith(_NAMELESS) else name for name in table.columns]
    while len(cells) > 1 and cells[-1] is None and table[:, len(cells) - 1].null_count() == table.height:
        cells = cells[:-1]
    table = table[:, : len(cells)]
    table.columns = column_names(cells, path)
    others = listed(sheets[1:], 3, quoted=True)
    note = Note(f"The first sheet, {sheets[0]!r}, was read; not {others}.")
    return table.with_columns(cs.temporal().cast(pl.String)), (note,) if len(sheets) > 1 else ()


def _check_size(path: Path) -> None:
    """Raise where a file unpacks to more than is reasonable, whatever sizes it claims."""
    if not zipfile.is_zipfile(path):
        return
    most = min(MOST_UNPACKED, max(ANY_TIMES, MOST_TIMES * path.stat().st_size))
    count = 0
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            claimed = copy.copy(member)
            claimed.file_size = most + BYTES_AT_ONCE  # so that all there is gets unpacked
            with archive.open(claimed) as file:
                while data := file.read(BYTES_AT_ONCE):
                    count += len(data)
                    if count > most:
                        got = f"more than {most:,} bytes in {shown(path)}"
                        raise DataError("source", "be of a reasonable size when unpacked", got)


@contextmanager
def _as_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except (DataError, ModuleNotFoundError):
        raise
    except Exception as error:  # of zipfile, fastexcel, polars
        raise unreadable(path, "Excel", error) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise unreadable(path, "Excel", error) from error
