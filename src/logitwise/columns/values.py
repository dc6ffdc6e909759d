"""The values of one column, as arrays of numbers, of text or of dates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time, timedelta
from typing import Any

import numpy as np

from logitwise._errors import InvalidTypeError
from logitwise.columns.dates import from_objects, is_moment, time_of_day


def read_column(values: Any, where: str) -> np.ndarray:
    """Return a column (an array, a list or a Series) as numbers, or as categories: objects, None where missing."""
    array = _series_to_array(values)
    if array.ndim != 1:
        found = f"{getattr(values, 'dtype', type(values).__name__)}"
        raise InvalidTypeError("X", "hold one value per row in each column", found, where, "Make columns of its parts.")
    if array.dtype.kind in "fiu":
        return array
    if array.dtype.kind == "b":
        return array.astype(np.int8)
    if array.dtype.kind == "U":
        array = array.astype(object)
    if array.dtype.kind == "M":
        return array.astype("datetime64[us]")
    if array.dtype.kind == "m":
        return np.where(np.isnat(array), np.nan, array / np.timedelta64(1, "s"))
    if array.dtype.kind != "O":
        found = f"dtype {array.dtype}"
        raise InvalidTypeError("X", "hold numbers, booleans, text or dates", found, where, "Convert it first.")
    return _read_objects(array, where)


def _series_to_array(values: Any) -> np.ndarray:
    values = _plain_series(values) if hasattr(values, "replace_strict") else values
    if isinstance(values, (np.ndarray, list, tuple)):
        return values if isinstance(values, np.ndarray) else objects(values)
    if hasattr(values, "notna") and not isinstance(values.dtype, np.dtype):  # the extension types of pandas
        array = np.asarray(values.astype(object).where(values.notna(), None), dtype=object)
        return _as_text(array) if str(values.dtype) == "category" else array
    return np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)


def _plain_series(values: Any) -> Any:
    """Return a Series of polars whose values NumPy knows: times without their zone, and no integers of 128 bits."""
    if getattr(values.dtype, "time_zone", None) is not None:
        return values.dt.replace_time_zone(None)
    return values.cast(float) if str(values.dtype) == "Int128" else values


def objects(values: Iterable[Any]) -> np.ndarray:
    """Return a one-dimensional object array of `values`, each as it is."""
    items = list(values)
    array = np.empty(len(items), dtype=object)
    for place, item in enumerate(items):
        array[place] = item
    return array


def _as_text(values: np.ndarray) -> np.ndarray:
    return objects(None if value is None else str(value) for value in values)


def _read_objects(array: np.ndarray, where: str) -> np.ndarray:
    cleaned = objects(None if is_missing(value) or _is_blank(value) else value for value in array)
    types = set(map(type, cleaned)) - {type(None)}
    families = {_family(each) for each in types}
    if families <= {"number"}:
        return cleaned.astype(np.float64)
    if families == {"text"}:
        return cleaned
    if families == {"date"}:
        return from_objects(cleaned.tolist())
    if families == {"time"}:
        return from_objects([None if value is None else time_of_day(value) for value in cleaned.tolist()])
    if families == {"duration"}:
        return np.array([np.nan if value is None else value.total_seconds() for value in cleaned.tolist()])
    if families == {"number", "text"}:
        return _as_text(cleaned)
    found = ", ".join(sorted({each.__name__ for each in types}))
    requirement = "hold values of one type in each column: numbers, text or dates"
    raise InvalidTypeError("X", requirement, found, where, "Convert it to one of them, or leave it out.")


def is_missing(value: Any) -> bool:
    """Return True for None, NaN, and the missing marks of pandas."""
    return (
        value is None
        or (isinstance(value, (float, np.floating)) and value != value)
        or type(value).__name__ in ("NAType", "NaTType")
    )


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def _family(value_type: type) -> str:
    if issubclass(value_type, str):
        return "text"
    if is_moment(value_type):
        return "date"
    if issubclass(value_type, time):
        return "time"
    if issubclass(value_type, timedelta):
        return "duration"
    numbers = (int, float, np.integer, np.floating, np.bool_)
    is_real = issubclass(value_type, numbers) or value_type.__name__ == "Decimal"
    return "number" if is_real else "other"
