"""What users pass as X, read as columns: arrays of any shape, lists, and DataFrames of any library."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Table:
    """Columns of equal length: arrays of numbers (NaN where missing), and of categories (objects, None where missing).

    Attributes:
        columns: One array a column, or one matrix `(rows, columns)` where all are numbers.
        names: One name a column, or None where X had none.
        has_common_scale: Whether the columns are pixels: values of one kind, measured on one scale.
        image_shape: The shape of a row, where rows are images of uint8 pixels; else None.
    """

    columns: np.ndarray | tuple[np.ndarray, ...]
    rows: int
    names: tuple[str, ...] | None = None
    has_common_scale: bool = False
    image_shape: tuple[int, ...] | None = None

    @property
    def n_columns(self) -> int:
        """The number of columns."""
        return self.columns.shape[1] if isinstance(self.columns, np.ndarray) else len(self.columns)

    def column(self, position: int) -> np.ndarray:
        """Return one column."""
        return self.columns[:, position] if isinstance(self.columns, np.ndarray) else self.columns[position]

    def column_label(self, position: int) -> str:
        """Return what to call a column in a message."""
        return f"column {position}" if self.names is None else f"column {self.names[position]!r}"

    def numbers(self, positions: Sequence[int]) -> np.ndarray:
        """Return the columns at `positions` as one matrix of numbers, NaN for missing; raise for text and infinity."""
        if isinstance(self.columns, np.ndarray) and len(positions) == self.n_columns:
            numbers = self.columns
        else:
            numbers = np.empty((self.rows, len(positions)))
            for place, position in enumerate(positions):
                numbers[:, place] = _as_numbers(self.column(position), self.column_label(position))
        self._refuse_infinity(numbers, positions)
        return numbers

    def _refuse_infinity(self, numbers: np.ndarray, positions: Sequence[int]) -> None:
        if numbers.dtype.kind != "f" or not np.isinf(numbers).any():
            return
        row, place = (int(index) for index in np.argwhere(np.isinf(numbers))[0])
        raise ValueError(
            f"X must be finite (NaN marks a missing value); got {float(numbers[row, place])} at row {row}, "
            f"{self.column_label(positions[place])}. Replace infinity by NaN or by a number."
        )

    def selected(self, names: Sequence[str] | None, n_columns: int) -> Table:
        """Return the columns that were trained on, in that order: by name where both have names, else by position."""
        if names is None or self.names is None:
            if self.n_columns != n_columns:
                # In the words of scikit-learn, which its checks of estimators look for.
                raise ValueError(
                    f"X must have the columns of training; got another number: X has {self.n_columns} features, but "
                    f"Model is "
                    f"expecting {n_columns} features as input. Pass the same columns."
                )
            return self
        places = {name: place for place, name in enumerate(self.names)}
        missing = [name for name in names if name not in places]
        if missing:
            raise ValueError(
                f"X must have every column of training; got none named {_listed(missing)}. Add or rename columns."
            )
        return Table(tuple(self.column(places[name]) for name in names), self.rows, tuple(names), self.has_common_scale)


def read_table(X: Any) -> Table:
    """Return X as columns.

    Args:
        X: An array of two or more dimensions (the first is the row; the rest is flattened), a list of rows, or a
            DataFrame (pandas, polars, or one like them).

    Returns:
        The table. Booleans become the numbers 0 and 1; None, NaN and the missing marks of pandas become NaN or None.

    Raises:
        TypeError: A sparse matrix; a column of dates, of complex numbers, or of mixed numbers and text.
        ValueError: Fewer than two dimensions, rows of unequal length, no columns, a column name twice.
    """
    if hasattr(X, "tocsr"):
        raise TypeError("X must be dense; got a sparse matrix. Convert with X.toarray().")
    if hasattr(X, "columns") and hasattr(X, "__getitem__"):
        return _read_dataframe(X)
    return _read_array(X)


def _read_dataframe(X: Any) -> Table:
    names = tuple(str(name) for name in X.columns)
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"X must have each column name once; got {_listed(repeated)} more than once. Rename columns.")
    if not names:
        raise ValueError(
            f"X must have at least one column; got 0 feature(s) (shape={tuple(X.shape)}) while a minimum of 1 is "
            f"required."
        )
    columns = tuple(read_column(X[key], f"column {name!r} of X") for key, name in zip(X.columns, names, strict=True))
    return Table(columns, len(X), names)


def _read_array(X: Any) -> Table:
    array = _as_array(X)
    if array.ndim < 2:
        raise ValueError(
            f"X must have two or more dimensions, rows first; got shape {array.shape}. Reshape your data: "
            f"X.reshape(-1, 1) for one "
            "column, X.reshape(1, -1) for one row."
        )
    if array.dtype.kind == "c":
        raise ValueError(f"X must be real; got dtype {array.dtype}. Complex data not supported: pass parts as columns.")
    has_common_scale = array.ndim > 2 or array.dtype == np.uint8
    matrix = array.reshape(len(array), int(np.prod(array.shape[1:])))
    if matrix.shape[1] == 0:
        raise ValueError(
            f"X must have at least one column; got 0 feature(s) (shape={array.shape}) while a minimum of 1 is required."
        )
    if matrix.dtype.kind in "fiu":
        image_shape = array.shape[1:] if array.ndim in (3, 4) and array.dtype == np.uint8 else None
        return Table(matrix, len(matrix), None, has_common_scale, image_shape)
    if matrix.dtype.kind == "b":
        return Table(matrix.astype(np.int8), len(matrix), None, has_common_scale)
    columns = tuple(read_column(column, f"column {place} of X") for place, column in enumerate(matrix.T))
    return Table(columns, len(matrix), None, has_common_scale)


def _as_array(X: Any) -> np.ndarray:
    try:
        array = np.asarray(X)
        is_mixed = array.dtype.kind in "US" and not isinstance(X, np.ndarray)
        # NumPy turns the numbers of a list that also holds text into text: read it again, each value as it is.
        return np.array(X, dtype=object) if is_mixed else array
    except ValueError as error:
        raise ValueError(
            "X must have rows of equal length; got rows that differ. Pass a rectangular array or a DataFrame."
        ) from error


def read_column(values: Any, name: str) -> np.ndarray:
    """Return a column (an array, a list or a Series) as numbers, or as categories: objects, None where missing."""
    array = _series_to_array(values)
    if array.dtype.kind in "fiu":
        return array
    if array.dtype.kind == "b":
        return array.astype(np.int8)
    if array.dtype.kind == "U":
        return array.astype(object)
    if array.dtype.kind != "O":
        raise TypeError(f"{name} must be numbers, booleans or text; got dtype {array.dtype}. Convert it first.")
    return _read_objects(array, name)


def _series_to_array(values: Any) -> np.ndarray:
    if isinstance(values, (np.ndarray, list, tuple)):
        return values if isinstance(values, np.ndarray) else objects(values)
    if hasattr(values, "notna") and not isinstance(values.dtype, np.dtype):  # the extension types of pandas
        array = np.asarray(values.astype(object).where(values.notna(), None), dtype=object)
        return _as_text(array) if str(values.dtype) == "category" else array
    return np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)


def objects(values: Iterable[Any]) -> np.ndarray:
    """Return a one-dimensional object array of `values`, each as it is."""
    items = list(values)
    array = np.empty(len(items), dtype=object)
    for place, item in enumerate(items):
        array[place] = item
    return array


def _as_text(values: np.ndarray) -> np.ndarray:
    return objects(None if value is None else str(value) for value in values)


def _read_objects(array: np.ndarray, name: str) -> np.ndarray:
    cleaned = objects(None if is_missing(value) else value for value in array)
    families = {_family(kind) for kind in set(map(type, cleaned)) - {type(None)}}
    if families <= {"number"}:
        return cleaned.astype(np.float64)
    if families == {"text"}:
        return cleaned
    found = ", ".join(sorted({kind.__name__ for kind in set(map(type, cleaned)) - {type(None)}}))
    raise TypeError(
        f"{name} must hold one kind of value, each argument a string or a number; got {found}. Convert it to one of "
        f"them."
    )


def is_missing(value: Any) -> bool:
    """Return True for None, NaN, and the missing marks of pandas."""
    return (
        value is None
        or (isinstance(value, (float, np.floating)) and value != value)
        or type(value).__name__ in ("NAType", "NaTType")
    )


def _family(kind: type) -> str:
    if issubclass(kind, str):
        return "text"
    is_real = issubclass(kind, (int, float, np.integer, np.floating, np.bool_)) or kind.__name__ == "Decimal"
    return "number" if is_real else "other"


def _as_numbers(column: np.ndarray, label: str) -> np.ndarray:
    if column.dtype.kind != "O":
        return column
    try:
        return column.astype(np.float64)
    except ValueError:
        row = next(row for row, value in enumerate(column) if value is not None and not _is_number_text(value))
        raise ValueError(
            f"X must have numbers in {label}, as in training; got {column[row]!r} at row {row}. Correct the column."
        ) from None


def _is_number_text(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _listed(names: Sequence[str], at_most: int = 5) -> str:
    text = ", ".join(map(repr, names[:at_most]))
    return text if len(names) <= at_most else f"{text} and {len(names) - at_most} more"
