"""What users pass as y: which classes there are, which row has which, and which rows are kept aside for validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from logitwise._requirements import check_not_negative, check_number
from logitwise.model.table import is_missing, objects

KINDS = {"bool": np.bool_, "int": np.int64, "float": np.float64, "str": np.object_}


def read_labels(labels: Any, name: str = "y") -> np.ndarray:
    """Return labels as a one-dimensional array of bool, int64, float64 (whole numbers), or object (strings).

    Raises:
        TypeError: Labels of mixed types, or of a type that cannot name a class.
        ValueError: Not one-dimensional; a missing or infinite label; numbers that are not whole.
    """
    array = _as_objects_or_numbers(labels)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, one label a row; got shape {array.shape}.")
    missing = np.array([is_missing(value) for value in array.tolist()], dtype=bool)
    if missing.any():
        raise ValueError(
            f"{name} must have a label in every row; got a missing one (NaN or None) at row {int(missing.argmax())}"
            f"{_more(missing)}. Drop rows without a label."
        )
    kind = _kind_of(array, name)
    if kind == "float":
        _refuse_measurements(array.astype(np.float64), name)
    try:
        return np.array(array.tolist() if kind == "str" else array, dtype=KINDS[kind])
    except OverflowError:
        raise ValueError(
            f"{name} must fit into 64-bit integers; got a larger one. Convert labels to strings."
        ) from None


def _as_objects_or_numbers(labels: Any) -> np.ndarray:
    if isinstance(labels, (list, tuple)):
        return objects(labels)
    return np.asarray(labels.to_numpy() if hasattr(labels, "to_numpy") else labels)


def _kind_of(array: np.ndarray, name: str) -> str:
    kinds = {type(value) for value in array.tolist()} if array.dtype.kind == "O" else {array.dtype.type}
    families = {_family(kind) for kind in kinds}
    if len(families) == 1 and None not in families:
        return str(families.pop())
    if not kinds:
        return "int"
    found = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise TypeError(f"{name} must hold labels of one type: bool, int, float or str; got {found}. Convert them to one.")


def _family(kind: type) -> str | None:
    families = {"bool": (bool, np.bool_), "int": (int, np.integer), "float": (float, np.floating), "str": str}
    return next((family for family, kinds in families.items() if issubclass(kind, kinds)), None)


def _refuse_measurements(values: np.ndarray, name: str) -> None:
    bad = ~np.isfinite(values) | (values != np.floor(values))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"{name} must be class labels, finite whole numbers if floating; got {float(values[row])} at row "
            f"{row}{_more(bad)}. "
            "Unknown label type: continuous. For a quantity to predict, use a regression model."
        )


def find_classes(labels: np.ndarray) -> np.ndarray:
    """Return the distinct labels in order.

    Raises:
        ValueError: Fewer than two, or as many as rows.
    """
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(
            f"y must have at least two classes; got one class, {classes.tolist()[0]!r}, in all {len(labels)} rows. "
            f"Add rows of another class, or choose another target."
        )
    if len(classes) == len(labels):
        raise ValueError(
            f"y must have fewer classes than rows; got {len(classes)} classes in {len(labels)} rows. It looks like "
            f"an identifier or a regression target: choose another target, or get more rows."
        )
    return classes


def class_indices(labels: Any, classes: np.ndarray, name: str = "y") -> np.ndarray:
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
        raise ValueError(
            f"{name} must hold only classes seen in training, {_listed(classes.tolist())}; got "
            f"{labels.tolist()[row]!r} at row "
            f"{row}{_more(unseen)}. Rename or strip labels, or drop those rows."
        )
    return indices


def row_weights(
    indices: np.ndarray, classes: np.ndarray, class_weight: Any, sample_weight: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of each row, its sample weight times the weight of its class, and that of each class; float64.

    `"balanced"` weighs class k by `rows / (classes * rows of k)`, as scikit-learn does, rows counted by their sample
    weight.

    Raises:
        TypeError: A class_weight that is not None, "balanced" or a dict; a weight that is no number.
        ValueError: Weights that are negative, not finite, of the wrong length, all zero, or of an unknown class.
    """
    weights = _sample_weights(sample_weight, len(indices))
    if class_weight is None:
        return weights, np.ones(len(classes))
    by_class = _class_weights(np.bincount(indices, weights, len(classes)), classes, class_weight)
    with np.errstate(over="ignore"):  # which is refused below
        weights = weights * by_class[indices]
    return _checked(weights, "class_weight"), by_class


def _class_weights(counts: np.ndarray, classes: np.ndarray, class_weight: Any) -> np.ndarray:
    if isinstance(class_weight, str) and class_weight == "balanced":
        return np.divide(counts.sum() / len(classes), counts, out=np.zeros(len(classes)), where=counts > 0)
    if not isinstance(class_weight, dict):
        raise TypeError(f"class_weight must be None, 'balanced' or a dict from class to weight; got {class_weight!r}.")
    return _weights_by_class(class_weight, classes)


def _sample_weights(sample_weight: Any, rows: int) -> np.ndarray:
    if sample_weight is None:
        return np.ones(rows)
    weights = _as_numbers(sample_weight)
    if weights.shape != (rows,):
        raise ValueError(f"sample_weight must have one weight a row, shape ({rows},); got shape {weights.shape}.")
    return _checked(weights, "sample_weight")


def _as_numbers(sample_weight: Any) -> np.ndarray:
    try:
        return np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError):
        for row, weight in enumerate(sample_weight):
            check_number(weight, f"sample_weight at row {row}")
        raise


def _weights_by_class(class_weight: dict[Any, float], classes: np.ndarray) -> np.ndarray:
    places = {label: place for place, label in enumerate(classes.tolist())}
    unknown = [label for label in class_weight if label not in places]
    if unknown:
        raise ValueError(f"class_weight must name classes of y, {_listed(classes.tolist())}; got {unknown[0]!r}.")
    weights = np.ones(len(classes))
    for label, weight in class_weight.items():
        weights[places[label]] = check_not_negative(weight, f"class_weight of {label!r}")
    return weights


def _checked(weights: np.ndarray, name: str) -> np.ndarray:
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"{name} must be zero or more, and finite; got {float(weights[row])} at row {row}{_more(bad)}. "
            f"Rows of weight 0 take no part."
        )
    if not weights.any():
        raise ValueError(f"{name} must be positive for some row; got zero for all {len(weights)} rows.")
    with np.errstate(over="ignore"):
        total = float(weights.sum())
    if not np.isfinite(total):
        raise ValueError(
            f"{name} must have a finite sum; got {total} over {len(weights)} rows. Scale the weights down."
        )
    return weights


def split_rows(indices: np.ndarray, fraction: float, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to train on and the rows to validate on, each in order.

    Stratified: the rows, shuffled, are sorted by class, and one is taken at even distances. So each class gives its
    share to within one row; a class with a single row gives none.
    """
    shuffled = generator.permutation(len(indices))
    by_class = shuffled[np.argsort(indices[shuffled], kind="stable")]
    counts = np.bincount(indices)
    eligible = by_class[counts[indices[by_class]] > 1]
    count = round(len(eligible) * fraction)
    places = ((np.arange(count) + generator.random()) * (len(eligible) / max(count, 1))).astype(np.int64)
    validation = np.sort(eligible[places])
    return np.setdiff1d(np.arange(len(indices)), validation), validation


def _more(bad: np.ndarray) -> str:
    return f" ({int(bad.sum())} such rows)" if bad.sum() > 1 else ""


def _listed(labels: Sequence[Any], at_most: int = 10) -> str:
    text = ", ".join(map(repr, labels[:at_most]))
    return f"[{text}]" if len(labels) <= at_most else f"[{text}, ... {len(labels) - at_most} more]"
