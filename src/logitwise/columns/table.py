"""What users pass as X, read as columns: arrays of any shape, lists, and tables of any library."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np

from logitwise._errors import InvalidTypeError, InvalidValueError
from logitwise._listing import listed
from logitwise.columns.values import is_missing, read_column

_PLAIN = (np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.int64))
_PLAIN_OF_PANDAS, _PLAIN_OF_POLARS = {"float64", "float32", "int64"}, {"Float64", "Float32", "Int64"}
_TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True)
class Text:
    """A column of text of a polars DataFrame, read without making a Python object of each value."""

    series: Any

    @cached_property
    def values(self) -> np.ndarray:
        """The values as objects, None where missing."""
        return np.asarray(self.series.to_numpy(), dtype=object)

    def numbers(self) -> np.ndarray | None:
        """Return the values as numbers, NaN where missing; None where one is no number."""
        numbers = self.series.cast(float, strict=False)
        if numbers.null_count() > self.series.null_count():
            return None
        return numbers.to_numpy()

    def codes(self, levels: Sequence[str]) -> np.ndarray:
        """Return the place of each value among `levels`, int32; -1 where missing or not among them."""
        places = range(len(levels))
        return self.series.replace_strict(levels, places, default=-1, return_dtype=float).to_numpy().astype(np.int32)


@dataclass(frozen=True)
class Table:
    """Columns of equal length: arrays of numbers (NaN where missing), of text (objects, None where missing), of dates.

    Attributes:
        columns: One array or `Text` per column, or one matrix `(rows, columns)` where all are numbers.
        names: One name per column, or None where X had none.
        has_common_scale: Whether the columns are pixels: all measured on one scale.
        image_shape: The shape of a row, where rows are images of uint8 pixels; else None.
        first_row: The position of the first row among all rows, where this is a batch of them; for messages.
        categorical: The positions of columns whose type says that they are categories.
    """

    columns: np.ndarray | tuple[np.ndarray | Text, ...]
    rows: int
    names: tuple[str, ...] | None = None
    has_common_scale: bool = False
    image_shape: tuple[int, ...] | None = None
    first_row: int = 0
    categorical: frozenset[int] = frozenset()

    @property
    def n_columns(self) -> int:
        """The number of columns."""
        return self.columns.shape[1] if isinstance(self.columns, np.ndarray) else len(self.columns)

    def column(self, position: int) -> np.ndarray:
        """Return one column as an array."""
        column = self.stored(position)
        return column.values if isinstance(column, Text) else column

    def stored(self, position: int) -> np.ndarray | Text:
        """Return one column as it is kept."""
        return self.columns[:, position] if isinstance(self.columns, np.ndarray) else self.columns[position]

    def codes(self, position: int, levels: Sequence[str]) -> tuple[np.ndarray, int]:
        """Return the position of each value of a column among `levels`, and how many values are not among them.

        Text is compared as it is. Where it is not found, or the column holds numbers, values are compared as numbers:
        1.0, 1 and 01 are the level "1". Where the levels are true and false in some spelling, true, false, 1 and 0 are
        among them.

        Returns:
            int32, `(rows,)`, -1 where missing or none of the levels; and the number of the latter.
        """
        column = self.stored(position)
        codes = column.codes(levels) if isinstance(column, Text) else _codes(column, levels)
        if (codes >= 0).all():
            return codes, 0
        values = self.column(position)
        unmatched = np.flatnonzero(codes < 0)
        unmatched = unmatched[[not is_missing(value) for value in values[unmatched].tolist()]]
        if len(unmatched):
            places = _spellings(levels)
            codes[unmatched] = [places.get(_spelling(value), -1) for value in values[unmatched].tolist()]
        return codes, int((codes[unmatched] < 0).sum())

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
                numbers[:, place] = self._numbers(position)
        self._refuse_infinity(numbers, positions)
        return numbers

    def _numbers(self, position: int) -> np.ndarray:
        column = self.stored(position)
        numbers = column.numbers() if isinstance(column, Text) else None
        return self._as_numbers(position) if numbers is None else numbers

    def _as_numbers(self, position: int) -> np.ndarray:
        column = self.column(position)
        if column.dtype.kind != "O":
            return column
        numbers = np.full(self.rows, np.nan)
        for row, value in enumerate(column.tolist()):
            if value is not None:
                number = _number(value)
                if number is None:
                    requirement = f"have numbers in {self.column_label(position)}, as in training"
                    where = f"row {row + self.first_row}"
                    raise InvalidValueError("X", requirement, repr(value), where, "Correct the column.")
                numbers[row] = number
        return numbers

    def _refuse_infinity(self, numbers: np.ndarray, positions: Sequence[int]) -> None:
        if numbers.dtype.kind != "f" or not np.isinf(numbers).any():
            return
        row, place = (int(index) for index in np.argwhere(np.isinf(numbers))[0])
        raise InvalidValueError(
            "X",
            "be finite (NaN marks a missing value)",
            float(numbers[row, place]),
            f"row {row + self.first_row}, {self.column_label(positions[place])}",
            "Replace infinity by NaN or by a number.",
        )

    def selected(self, names: Sequence[str] | None, n_columns: int) -> Table:
        """Return the columns of training, in their order: by name where both have names, else by position."""
        if names is None or self.names is None:
            self.check_width(n_columns)
            return self
        return self.named(names)

    def check_width(self, n_columns: int) -> None:
        """Raise unless there are as many columns as in training."""
        if self.n_columns != n_columns:
            # In the words of scikit-learn, which its checks of estimators look for.
            said = f"{{X}} has {self.n_columns} features, but Model is expecting {n_columns} features as input."
            raise InvalidValueError(
                "X",
                f"have the columns of training, {n_columns} in number",
                self.n_columns,
                advice=f"{said} Pass the same columns.",
                mentions={"X": "X"},
            )

    def named(self, names: Sequence[str]) -> Table:
        """Return the columns of these names, in their order; raise where one is missing."""
        places = {name: place for place, name in enumerate(self.names or ())}
        stripped = {name.strip(): place for name, place in places.items()}  # as files have them
        places = {name: places.get(name, stripped.get(name.strip(), -1)) for name in names}
        missing = [name for name in names if places[name] < 0]
        if missing:
            found = f"none named {listed(missing, quoted=True)}"
            raise InvalidValueError("X", "have every column of training", found, advice="Add or rename columns.")
        return replace(self.at([places[name] for name in names]), names=tuple(names), image_shape=None)

    def at(self, positions: Sequence[int]) -> Table:
        """Return the columns at some positions."""
        columns, names = self.columns, self.names
        if isinstance(columns, np.ndarray):
            chosen = columns[:, list(positions)]
        else:
            chosen = tuple(columns[place] for place in positions)
        return replace(self, columns=chosen, names=names and tuple(names[place] for place in positions))


def read_table(X: Any, first_row: int = 0) -> Table:
    """Return X as columns.

    Args:
        X: An array of two or more dimensions (the first is the row; the rest is flattened), a list of rows, a DataFrame
            (pandas, polars, or one like them), a LazyFrame of polars, which is collected, a Table of pyarrow, or a
            sparse matrix of SciPy, which is made dense.
        first_row: The position of its first row, for messages.

    Returns:
        The table. Booleans become the numbers 0 and 1, durations numbers of seconds, times of day moments of one day,
        and numbers among text text; masked values, None, NaN and the missing marks of pandas become NaN, NaT or None.

    Raises:
        TypeError: A column of complex numbers, or of values that are no numbers, text or dates, such as lists.
        ValueError: Fewer than two dimensions, rows of unequal length, no columns, a column name twice.
    """
    if type(X) is np.ndarray and X.ndim == 2 and X.dtype in _PLAIN and X.shape[1] and not first_row:
        return Table(X, len(X))  # a shortcut to what follows
    X = as_table(X)
    if hasattr(X, "columns") and hasattr(X, "__getitem__"):
        return replace(_read_dataframe(X), first_row=first_row)
    return replace(_read_array(X), first_row=first_row) if first_row else _read_array(X)


def as_table(X: Any) -> Any:
    """Return rows of other libraries as a DataFrame or an array; all else as it is."""
    if hasattr(X, "tocsr"):
        return X.toarray()
    if isinstance(X, np.ma.MaskedArray):
        values, mask = np.asarray(X), np.ma.getmaskarray(X)
        if values.dtype.kind in "fiub":
            return np.where(mask, np.nan, values)
        return np.where(mask, np.array(None), values.astype(object))
    if hasattr(X, "collect_schema") and hasattr(X, "collect"):  # a LazyFrame of polars
        return X.collect()
    if hasattr(X, "column_names") and hasattr(X, "to_pandas"):  # a Table of pyarrow
        return _from_arrow(X)
    return X


def _from_arrow(X: Any) -> Any:
    try:
        import polars
    except ImportError:
        return X.to_pandas()
    return polars.from_arrow(X)


def _read_dataframe(X: Any) -> Table:
    names = tuple(str(name) for name in X.columns)
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        found = f"{listed(repeated, quoted=True)} more than once"
        raise InvalidValueError("X", "have each column name once", found, advice="Rename columns.")
    if not names:
        raise _no_columns(X.shape)
    matrix = _read_matrix(X)
    if matrix is not None:
        return Table(matrix, len(X), names)
    columns = tuple(_read_series(X[key], f"column {name!r}") for key, name in zip(X.columns, names, strict=True))
    categorical = frozenset(place for place, dtype in enumerate(X.dtypes) if _is_categorical(dtype))
    return Table(columns, len(X), names, categorical=categorical)


def _is_categorical(dtype: Any) -> bool:
    """Return whether a type of pandas or of polars is that of categories."""
    return str(dtype) == "category" or type(dtype).__name__ in ("Categorical", "Enum")


def _read_matrix(X: Any) -> np.ndarray | None:
    """Return a DataFrame whose columns all have one plain dtype of numbers as a matrix; None for others."""
    dtypes = {*X.dtypes}
    dtype = str(*dtypes) if len(dtypes) == 1 else None
    if dtype in _PLAIN_OF_PANDAS:
        return X.to_numpy()
    if dtype in _PLAIN_OF_POLARS and hasattr(X, "get_columns"):
        return X.to_numpy(order="fortran")  # the order of its columns in memory; gaps become NaN
    return None


def _read_series(values: Any, where: str) -> np.ndarray | Text:
    if str(values.dtype) != "String" or not hasattr(values, "replace_strict"):
        return read_column(values, where)
    is_blank = values.str.strip_chars() == ""
    return Text(values.set(is_blank, None) if is_blank.any() else values)


def _read_array(X: Any) -> Table:
    _refuse_no_array(X)
    array = _as_array(X)
    if array.ndim < 2:
        advice = "Reshape your data: {X}.reshape(-1, 1) for one column, {X}.reshape(1, -1) for one row."
        if hasattr(X, "to_frame"):
            row = ", and frame.iloc[[0]] one row" if hasattr(X, "iloc") else ""
            advice = f"Select by a list, which keeps a DataFrame: frame[['name']] is one column{row}."
        requirement, found = "have two or more dimensions, rows first", f"shape {array.shape}"
        raise InvalidValueError("X", requirement, found, advice=advice, mentions={"X": "X"})
    if array.dtype.kind == "c":
        advice = "Complex data not supported: pass real and imaginary parts as columns."
        raise InvalidValueError("X", "be real", f"dtype {array.dtype}", advice=advice)
    has_common_scale = array.ndim > 2 or array.dtype == np.uint8
    matrix = array.reshape(len(array), int(np.prod(array.shape[1:])))
    if matrix.shape[1] == 0:
        raise _no_columns(array.shape)
    if matrix.dtype.kind in "fiu":
        image_shape = array.shape[1:] if array.ndim in (3, 4) and array.dtype == np.uint8 else None
        return Table(matrix, len(matrix), None, has_common_scale, image_shape)
    if matrix.dtype.kind == "b":
        return Table(matrix.astype(np.int8), len(matrix), None, has_common_scale)
    columns = tuple(read_column(column, f"column {place}") for place, column in enumerate(matrix.T))
    return Table(columns, len(matrix), None, has_common_scale)


def _refuse_no_array(X: Any) -> None:
    """Raise for what holds rows, and is no array of them: the name of a file, records, a data set."""
    first = X[0] if isinstance(X, (list, tuple)) and X else X
    if isinstance(X, (str, PathLike)):
        found, advice = repr(str(X)), "Read the file with logitwise.data.read, and pass the features of the result."
    elif isinstance(first, Mapping):
        found = "a dict" if first is X else f"a {type(X).__name__} of dicts"
        advice = "Make one: polars.DataFrame({X}), or pandas.DataFrame({X})."
    elif hasattr(X, "features"):
        found, advice = type(X).__name__, "Pass its features."
    else:
        return
    raise InvalidTypeError("X", "be an array or a DataFrame", found, advice=advice, mentions={"X": "X"})


def _no_columns(shape: tuple[int, ...]) -> InvalidValueError:
    # In the words of scikit-learn, which its checks of estimators look for.
    found = f"0 feature(s) (shape={tuple(shape)}) while a minimum of 1 is required"
    return InvalidValueError("X", "have at least one column", found)


def _as_array(X: Any) -> np.ndarray:
    try:
        array = np.asarray(X)
        is_mixed = array.dtype.kind in "US" and not isinstance(X, np.ndarray)
        # NumPy turns the numbers of a list that also holds text into text: read it again, each value as it is.
        return np.array(X, dtype=object) if is_mixed else array
    except ValueError as error:
        advice = "Pass a rectangular array or a DataFrame."
        raise InvalidValueError("X", "have rows of equal length", "rows that differ", advice=advice) from error


def _number(value: Any) -> float | None:
    """Return a value as a number: true and false are 1 and 0, in upper or lower case; None for other text."""
    try:
        return float(value)
    except ValueError:
        return _TRUTH.get(value.strip().lower())


def _codes(column: np.ndarray, levels: Sequence[str]) -> np.ndarray:
    """Return the place of each value among the levels, those of numbers as text; -1 for others."""
    if column.dtype.kind != "O":
        return np.full(len(column), -1, dtype=np.int32)
    places = {level: place for place, level in enumerate(levels)}
    return np.fromiter((places.get(value, -1) for value in column), dtype=np.int32, count=len(column))


def _spellings(levels: Sequence[str]) -> dict[Any, int]:
    """Return the position of each level by its number or truth value, where no other level has the same."""
    places: dict[Any, int] = {}
    is_truth = {level.lower() for level in levels} <= set(_TRUTH)
    for place, level in enumerate(levels):
        number = _TRUTH[level.lower()] if is_truth else _number_or_none(level)
        if number is not None:
            places[number] = -1 if number in places else place
    return places


def _spelling(value: Any) -> float | None:
    return _number(value)


def _number_or_none(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
