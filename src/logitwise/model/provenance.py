"""Where a model comes from: the SHA-256 of the rows and labels that it was trained on, and when that was."""

from __future__ import annotations

import hashlib
import json
import os
import time
from datetime import UTC, datetime
from typing import Any

import numpy as np

from logitwise._errors import InvalidValueError
from logitwise.columns.table import Table

COLUMNS_AT_ONCE = 64


def rows_sha256(table: Table, labels: np.ndarray) -> str:
    """Return the SHA-256 of a table and its labels, in hexadecimal.

    It is that of these bytes: a line of JSON with the names of the columns (or null) and the number of rows; each
    column, numbers as little-endian float64 (one NaN for missing, no negative zero), dates as the like number of
    microseconds since 1970, text as a JSON list (null for missing); and the labels as a JSON list.

    Example:
        >>> from logitwise.columns.table import read_table
        >>> print(rows_sha256(read_table([[1.0], [2.0]]), np.array([0, 1]))[:16])
        5fa1d3657db5d85d
    """
    digest = hashlib.sha256(_as_json({"names": table.names, "rows": table.rows}) + b"\n")
    if isinstance(table.columns, np.ndarray):
        for first in range(0, table.n_columns, COLUMNS_AT_ONCE):
            digest.update(_as_bytes(table.columns[:, first : first + COLUMNS_AT_ONCE].T))
    else:
        for place in range(table.n_columns):
            column = table.column(place)
            digest.update(_as_json(column.tolist()) if column.dtype.kind == "O" else _as_bytes(column))
    digest.update(_as_json(labels.tolist()))
    return digest.hexdigest()


def _as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _as_bytes(numbers: np.ndarray) -> memoryview:
    if numbers.dtype.kind == "M":
        numbers = np.where(np.isnat(numbers), np.nan, numbers.astype("datetime64[us]").astype(np.int64))
    plain = numbers.astype("<f8", order="C") + 0.0
    plain[np.isnan(plain)] = np.nan
    return plain.data


def time_now() -> str:
    """Return the date and time in UTC; SOURCE_DATE_EPOCH sets it, where bytes are to be repeated.

    Raises:
        ValueError: SOURCE_DATE_EPOCH is set, and is not a whole number of seconds.
    """
    seconds = os.environ.get("SOURCE_DATE_EPOCH", "")
    if seconds and not seconds.isdecimal():
        raise InvalidValueError("SOURCE_DATE_EPOCH", "be whole seconds since 1970", repr(seconds))
    return datetime.fromtimestamp(int(seconds or time.time()), UTC).strftime("%Y-%m-%d %H:%M UTC")
