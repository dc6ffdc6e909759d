"""The format of a file, as its name tells."""

from __future__ import annotations

import re
from pathlib import Path

from logitwise.data.dataset import DataError
from logitwise.data.files import shown
from logitwise.data.unpacking import name_without_suffix, opened

TABLES = {
    "text": (".csv", ".tsv", ".txt", ".data"),
    "JSON": (".json",),
    "JSON lines": (".jsonl", ".ndjson"),
    "ARFF": (".arff",),
    "Parquet": (".parquet",),
    "Arrow": (".feather", ".arrow", ".ipc"),
    "Excel": (".xlsx", ".xlsm", ".xlsb", ".xls"),
}
PACKABLE = ("text", "JSON", "JSON lines", "ARFF")
READABLE = (
    ".csv, .tsv, .txt, .data, .json, .jsonl, .ndjson and .arff (or these with .gz, .bz2, .xz, .zst or .zip), .parquet, "
    ".feather, .arrow, .ipc, .xlsx, .npz, .npy, and IDX as in MNIST (or IDX with .gz)"
)

_RENAME = "Rename it, or give the command - and feed it this file by standard input."


def format_of(path: Path) -> str:
    """Return the format of a file: a key of `TABLES`, "arrays" or "IDX".

    Raises:
        DataError: Its name tells none of them.
    """
    name = path.name.lower()
    if name.endswith(".zip") and path.is_file():
        with opened(path) as file:
            name = f"{file.name}.zip" if file.is_packed else name
    if name.endswith((".npz", ".npy")):
        return "arrays"
    inner = name_without_suffix(name)
    for file_format, suffixes in TABLES.items():
        if (inner if file_format in PACKABLE else name).endswith(suffixes):
            return file_format
    if re.search(r"idx\d?(-ubyte)?$", inner):
        return "IDX"
    advice = f"Readable are {READABLE}. {_RENAME}"
    raise DataError("source", "be a file in a readable format", shown(path), advice=advice)
