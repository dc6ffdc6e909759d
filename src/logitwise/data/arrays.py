"""NPZ and NPY files. Pickled arrays are never loaded."""

from __future__ import annotations

import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from logitwise.data.dataset import DataError, Dataset
from logitwise.data.files import check_exists, unreadable

# What NumPy and zipfile raise for files cut short, altered, or in another format (MemoryError: a false shape).
_BROKEN = (
    ValueError,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_arrays(path: Path) -> Dataset:
    """Return the features and labels of an NPZ file, or the features of an NPY file."""
    loaded, source = _load(path), str(path)
    if isinstance(loaded, np.ndarray):
        return Dataset(checked_features(loaded, "the array", source), None, None, source, None)
    arrays = {name.lower(): array for name, array in loaded.items()}
    if "x" in arrays:
        return _rows_and_labels(arrays, "", source)
    if "x_train" not in arrays or "y_train" not in arrays:
        raise DataError(
            "source",
            "hold arrays named X and y, or x_train, y_train, x_test and y_test",
            f"{', '.join(loaded) or 'no arrays'} in {source!r}",
            advice="Save them under these names.",
        )
    train = _rows_and_labels(arrays, "_train", source)
    if "x_test" not in arrays:
        return train
    return with_test(train, _rows_and_labels(arrays, "_test", source))


@dataclass(frozen=True)
class ArrayParts:
    """An array of an NPY file that is read some rows at a time, once.

    Attributes:
        shape: The shape of the whole.
        parts: Rows of it, in order; each is read when it is asked for.
    """

    shape: tuple[int, ...]
    parts: Iterator[np.ndarray]


def read_array_parts(source: str | os.PathLike[str], rows_at_once: int) -> ArrayParts | None:
    """Return the features of an NPY file as parts; None where it is in Fortran order, to be read whole.

    The file is read, not mapped: a process that maps a file which another cuts short is killed.

    Raises:
        DataError: A file that cannot be read, holds no features, or is cut short; parts raise it too.

    Example:
        >>> np.save("five.npy", np.arange(10.0).reshape(5, 2))
        >>> found = read_array_parts("five.npy", rows_at_once=2)
        >>> found.shape, [part.tolist() for part in found.parts][-1]
        ((5, 2), [[8.0, 9.0]])
    """
    path = Path(source)
    check_exists(path)
    try:
        with path.open("rb") as file:
            shape, is_fortran, dtype = _npy_header(file)
            begin = file.tell()
    except _BROKEN as error:
        raise unreadable(path, "NPY", error) from error
    if is_fortran or dtype.hasobject:
        return None
    checked_features(np.broadcast_to(np.zeros((), dtype), shape), "the array", str(path))
    return ArrayParts(shape, _rows_of(path, begin, shape, dtype, rows_at_once))


def _npy_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"it has version {version[0]}.{version[1]}")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read(file)
    if min(shape, default=0) < 0:
        raise ValueError(f"it has the shape {shape}")
    return shape, is_fortran, dtype


def _rows_of(
    path: Path, begin: int, shape: tuple[int, ...], dtype: np.dtype, rows_at_once: int
) -> Iterator[np.ndarray]:
    row_bytes = math.prod(shape[1:]) * dtype.itemsize
    try:
        with path.open("rb") as file:
            file.seek(begin)
            for first in range(0, shape[0], rows_at_once):
                rows = min(rows_at_once, shape[0] - first)
                content = file.read(rows * row_bytes)
                if len(content) < rows * row_bytes:
                    raise EOFError(f"it ends in row {first + len(content) // row_bytes} of {shape[0]}")
                yield np.frombuffer(content, dtype).reshape(rows, *shape[1:])
    except _BROKEN as error:
        raise unreadable(path, "NPY", error) from error


def with_test(train: Dataset, test: Dataset) -> Dataset:
    """Return `train` with `test` as its test set; their rows must have the same shape."""
    shape, test_shape = np.shape(train.features)[1:], np.shape(test.features)[1:]
    if shape != test_shape:
        got = f"{shape} and {test_shape} in {train.source!r}"
        raise DataError("source", "have rows of one shape in its training and test sets", got)
    return Dataset(train.features, train.target, None, train.source, None, test)


def checked_features(features: np.ndarray, name: str, source: str) -> np.ndarray:
    """Return `features` when they are numbers or booleans, with rows and at least one value per row."""
    if features.dtype.kind not in "biuf":
        raise DataError("source", "hold numbers", f"dtype {features.dtype} in {name} of {source!r}")
    if features.ndim < 2:
        raise DataError(
            "source",
            "hold features of 2 or more dimensions, rows first",
            f"shape {features.shape} in {name} of {source!r}",
            advice="Reshape one feature to (rows, 1).",
        )
    if 0 in features.shape:
        raise DataError("source", "have rows, and values in them", f"shape {features.shape} in {name} of {source!r}")
    return features


def checked_labels(labels: np.ndarray, rows: int, name: str, source: str) -> np.ndarray:
    """Return one label per row: int64, float64, bool or object holding str. A column `(rows, 1)` is flattened."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (rows,):
        hint = "If the labels are one-hot, save their argmax(axis=1)." if labels.ndim == 2 else ""
        got = f"shape {labels.shape} in {name} of {source!r}"
        raise DataError("source", f"have one label for each of its {rows} rows", got, advice=hint)
    if labels.dtype.kind not in "biufU":
        got = f"dtype {labels.dtype} in {name} of {source!r}"
        raise DataError("source", "have labels that are integers, booleans, text or floats", got)
    return as_labels(labels)


def as_labels(labels: np.ndarray) -> np.ndarray:
    """Return labels in one dtype for each type: int64 (uint64 stays), float64, bool, or object for text."""
    if labels.dtype.kind == "U":
        return labels.astype(object)
    if labels.dtype.kind == "f":
        return labels.astype(np.float64)
    if labels.dtype.kind in "iu" and labels.dtype != np.uint64:
        return labels.astype(np.int64)
    return labels


def _rows_and_labels(arrays: Mapping[str, np.ndarray], suffix: str, source: str) -> Dataset:
    features = checked_features(arrays[f"x{suffix}"], f"X{suffix}", source)
    labels = arrays.get(f"y{suffix}")
    if labels is not None:
        labels = checked_labels(labels, len(features), f"y{suffix}", source)
    return Dataset(features, labels, None, source, None)


def _load(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            return loaded if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except _BROKEN as error:
        raise unreadable(path, "NPZ or NPY", error) from error
