"""Rows as users hold them, whatever holds them: a DataFrame of polars or of pandas, or an array."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise.columns.table import as_table, read_table
from logitwise.model.model import Model


def readable(X: Any, model: Model) -> Any:
    """Return rows as a DataFrame or an array, in the columns of training that are used; raise what a model would raise.

    Args:
        X: Rows, as `Model.predict` takes them.
        model: The model.
    """
    reading = model.preprocessing.columns_of_x
    table = read_table(X)
    reading.selected(table)
    X = as_table(X)
    if table.names is not None:
        if reading.used_names is None:
            return X
        places = {name: place for place, name in enumerate(table.names)}
        used = [places[name] for name in reading.used_names]
        return X.iloc[:, used] if hasattr(X, "iloc") else X[list(reading.used_names)]
    array = np.asarray(X)
    # NumPy turns the numbers of a list that also holds text into text: each value stays as it is.
    is_mixed = array.dtype.kind in "US" and not isinstance(X, np.ndarray)
    return np.array(X, dtype=object) if is_mixed else array


def is_table(features: Any) -> bool:
    """Return whether rows are a DataFrame, whose columns have names."""
    return hasattr(features, "columns")


def is_images(features: Any) -> bool:
    """Return whether rows are images: `(rows, height, width)`, or with 1, 3 or 4 channels behind."""
    shape = features.shape
    return len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3, 4))


def column_names(features: Any) -> list[str]:
    """Return the names of the columns of a DataFrame, or their positions, counted from 0."""
    if is_table(features):
        return [str(name) for name in features.columns]
    return [f"column {place}" for place in range(features.shape[1])]


def at(features: Any, rows: np.ndarray | slice) -> Any:
    """Return some rows."""
    return features.iloc[rows] if hasattr(features, "iloc") else features[rows]


def values_at(features: Any, row: int) -> list[Any]:
    """Return the values of one row."""
    if hasattr(features, "iloc"):  # cell by cell: pandas would give all values of a row one type
        return [features.iloc[row, place] for place in range(features.shape[1])]
    return list(features.row(row)) if is_table(features) else features[row].tolist()


def shuffled(features: Any, place: int, order: np.ndarray) -> Any:
    """Return rows whose column at `place` is in another order."""
    if hasattr(features, "iloc"):
        changed = features.copy()
        changed.isetitem(place, features.iloc[order, place].array)
        return changed
    if is_table(features):
        return features.with_columns(features[features.columns[place]][order])
    changed = features.copy()
    changed[:, place] = features[order, place]
    return changed
