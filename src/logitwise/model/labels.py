"""Labels as users pass them: read as one array, and as positions among the classes of a model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from logitwise._errors import InvalidTypeError, InvalidValueError
from logitwise._listing import listed
from logitwise.columns.values import is_missing, objects

LABEL_DTYPES = {"bool": np.bool_, "int": np.int64, "float": np.float64, "str": np.object_}


def read_labels(labels: Any, name: str = "y") -> np.ndarray:
    """Return labels as a one-dimensional array of bool, int64, float64 (whole numbers), or object (strings).

    Raises:
        TypeError: Labels of mixed types, or of a type that cannot name a class.
        ValueError: Not one-dimensional; a missing or infinite label; numbers that are not whole.
    """
    array = _as_objects_or_numbers(labels)
    if array.ndim != 1:
        raise InvalidValueError(name, "be one-dimensional, one label per row", f"shape {array.shape}")
    missing = np.array([is_missing(value) for value in array.tolist()], dtype=bool)
    if missing.any():
        where = f"row {int(missing.argmax())}{more(missing)}"
        advice = "Drop rows without a label."
        raise InvalidValueError(name, "have a label in every row", "a missing one (NaN or None)", where, advice)
    label_type = _type_of(array, name)
    if label_type == "float":
        _refuse_measurements(array.astype(np.float64), name)
    try:
        return np.array(array.tolist() if label_type == "str" else array, dtype=LABEL_DTYPES[label_type])
    except OverflowError:
        advice = "Convert labels to strings."
        raise InvalidValueError(name, "fit into 64-bit integers", "a larger one", advice=advice) from None


def _as_objects_or_numbers(labels: Any) -> np.ndarray:
    if isinstance(labels, (list, tuple)):
        return objects(labels)
    return np.asarray(labels.to_numpy() if hasattr(labels, "to_numpy") else labels)


def _type_of(array: np.ndarray, name: str) -> str:
    """Return which of `LABEL_DTYPES` labels have; raise where they are of several types, or of another."""
    types = {type(value) for value in array.tolist()} if array.dtype.kind == "O" else {array.dtype.type}
    families = {_family(each) for each in types}
    if len(families) == 1 and None not in families:
        return str(families.pop())
    if not types:
        return "int"
    found = ", ".join(sorted(each.__name__ for each in types))
    requirement = "hold labels of one type: bool, int, float or str"
    raise InvalidTypeError(name, requirement, found, advice="Convert them to one.")


def _family(label_type: type) -> str | None:
    families = {"bool": (bool, np.bool_), "int": (int, np.integer), "float": (float, np.floating), "str": str}
    return next((family for family, types in families.items() if issubclass(label_type, types)), None)


def _refuse_measurements(values: np.ndarray, name: str) -> None:
    bad = ~np.isfinite(values) | (values != np.floor(values))
    if bad.any():
        row = int(bad.argmax())
        raise InvalidValueError(
            name,
            "be class labels, finite whole numbers if floating",
            float(values[row]),
            f"row {row}{more(bad)}",
            "Unknown label type: continuous. For a quantity to predict, use a regression model.",
        )


def class_indices(labels: Any, classes: np.ndarray, name: str = "y") -> NDArray[np.int64]:
    """Return the position of each label among `classes`, int64, shape `(rows,)`.

    Raises:
        ValueError: A label that is not among the classes; and as `read_labels`.
    """
    labels = read_labels(labels, name)
    places = {label: place for place, label in enumerate(classes.tolist())}
    indices = np.array([places.get(label, -1) for label in labels.tolist()], dtype=np.int64)
    unseen = indices < 0
    if unseen.any():
        row = int(unseen.argmax())
        ours = type(classes.tolist()[0])
        is_other = (ours is str) != isinstance(labels.tolist()[row], str)
        raise InvalidValueError(
            name,
            f"hold only classes seen in training, [{listed(classes.tolist(), 10, quoted=True)}]",
            repr(labels.tolist()[row]),
            f"row {row}{more(unseen)}",
            f"Convert labels to {ours.__name__}." if is_other else "Rename or strip labels, or drop those rows.",
        )
    return indices


def more(bad: np.ndarray) -> str:
    """Return how many rows are true, in brackets, where it is not just the one that a message names."""
    return f" ({int(bad.sum())} such rows)" if bad.sum() > 1 else ""
