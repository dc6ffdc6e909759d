"""Standard input as a file: what `-` in place of DATA means."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from logitwise.data.files import calling

STANDARD_INPUT = "standard input"
HEAD_BYTES = 1 << 16
_MAGIC = {b"PAR1": ".parquet", b"ARROW1": ".arrow", b"\x93NUMPY": ".npy", b"\xd0\xcf\x11\xe0": ".xls"}


def received(source: str, context: typer.Context) -> str:
    """Return the name of a file that holds standard input until the command ends, where the source is `-`."""
    return context.with_resource(_kept()) if source == "-" else source


@contextmanager
def _kept() -> Iterator[str]:
    """Keep standard input in a file, since a table is looked at before it is read."""
    with tempfile.TemporaryDirectory(prefix="logitwise-") as folder:
        path = Path(folder) / "data"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        path = path.rename(path.with_suffix(_suffix(path)))
        with calling(path, STANDARD_INPUT):
            yield str(path)


def _suffix(path: Path) -> str:
    """Return the suffix of the format that a file has, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    for magic, suffix in _MAGIC.items():
        if head.startswith(magic):
            return suffix
    if head.startswith(b"PK\3\4"):
        return _suffix_of_archive(path)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if re.match(rb"\[\s*[{\[]|\{", text):
        return ".json"
    return ".arff" if re.search(rb"^\s*@relation\b", text, re.MULTILINE | re.IGNORECASE) else ".csv"


def _suffix_of_archive(path: Path) -> str:
    try:
        names = zipfile.ZipFile(path).namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return ".csv"
    if any(name.startswith("xl/") for name in names):
        return ".xlsx"
    return ".npz" if any(name.endswith(".npy") for name in names) else ".zip"
