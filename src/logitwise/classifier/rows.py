"""What `fit` is given: rows, their labels and their weights, read, checked, and encoded as inputs of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from logitwise._errors import InvalidTypeError, InvalidValueError, naming
from logitwise._listing import listed
from logitwise._requirements import check_not_negative, check_number, described
from logitwise._warnings import warn_of_data
from logitwise.classifier.columns import fit_preprocessing
from logitwise.columns.deciding import Finding, Understood, understand
from logitwise.columns.table import Table, read_table
from logitwise.columns.values import objects
from logitwise.model.labels import class_indices, more, read_labels
from logitwise.model.preprocessing import Preprocessing

MANY_CLASSES = 25
FEWEST_PER_CLASS = 2  # rows of a class on average, where there are many
FEWEST_PER_NUMBER = 5  # where classes are numbers


@dataclass(frozen=True)
class FitArguments:
    """The arguments of a fit; `classes` only where more rows are to come, as in `partial_fit`."""

    X: Any
    y: Any
    sample_weight: Any
    X_val: Any = None
    y_val: Any = None
    classes: np.ndarray | None = None


@dataclass(frozen=True)
class EncodedRows:
    """Rows as inputs of a network, with their classes and weights."""

    inputs: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    codes: np.ndarray  # of the levels of categories, `(rows, categories)`

    @classmethod
    def of(
        cls, preprocessing: Preprocessing, table: Table, target: np.ndarray, weight: np.ndarray, used: np.ndarray
    ) -> EncodedRows:
        """Return the rows at `used`, with weights whose mean is 1."""
        prepared = preprocessing.prepare(table)
        inputs = preprocessing.encode(prepared, used)
        return cls(inputs, target[used], weight[used] / weight[used].mean(), prepared.codes[used])

    def followed_by(self, others: EncodedRows) -> EncodedRows:
        """Return these rows and then the others."""
        return EncodedRows(
            np.concatenate([self.inputs, others.inputs]),
            np.concatenate([self.target, others.target]),
            np.concatenate([self.weight, others.weight]),
            np.concatenate([self.codes, others.codes]),
        )


def read_rows(X: Any, y: Any, X_name: str = "X", y_name: str = "y") -> tuple[Table, np.ndarray]:
    """Return rows as columns, and their labels; the names are what messages call them."""
    if y is None:
        advice = "Classifier requires y to be passed, but the target y is None."
        raise InvalidValueError(y_name, "hold one label per row", None, advice=advice)
    with naming({"X": X_name}):
        table = read_table(X)
    labels = read_labels(_as_column(y), y_name)
    if table.rows != len(labels):
        found = f"{len(labels)} labels for {table.rows} rows"
        raise InvalidValueError(y_name, f"have one label per row of {X_name}", found)
    if table.rows == 0:
        raise InvalidValueError(X_name, "have at least one row", "none")
    return table, labels


def learn_columns(said: Any, table: Table, rows: np.ndarray, n_classes: int) -> tuple[Preprocessing, list[Finding]]:
    """Return how columns become inputs, learnt from the rows at `rows`, and what each was taken for.

    Args:
        said: What is said of columns, or what `understand` found in them.
        table: The columns of X.
        rows: The rows in use.
        n_classes: How many classes there are.
    """
    found = said if isinstance(said, Understood) else understand(table, rows, said)
    if found.reading.names != table.names or len(found.reading.columns) != table.n_columns:
        raise InvalidValueError("columns", "be what was found in the columns of X", "what was found in others")
    return fit_preprocessing(table, rows, n_classes, found.reading), list(found.findings)


def _as_column(y: Any) -> Any:
    """Return labels of shape `(rows, 1)` as `(rows,)`, with the warning that scikit-learn gives, of the user's line."""
    if getattr(y, "ndim", 1) != 2 or y.shape[1] != 1:
        return y
    from sklearn.exceptions import DataConversionWarning

    warn_of_data(
        DataConversionWarning,
        "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples, ), for "
        "example using ravel().",
    )
    return np.asarray(y).reshape(-1)


def read_validation(
    arguments: FitArguments, classes: np.ndarray, preprocessing: Preprocessing, by_class: np.ndarray
) -> EncodedRows:
    """Return the rows of `X_val`, each with the weight that its class has in training."""
    if arguments.X_val is None or arguments.y_val is None:
        alone = "y_val" if arguments.X_val is None else "X_val"
        raise InvalidValueError("X_val and y_val", "be given together", f"{alone} alone")
    table, labels = read_rows(arguments.X_val, arguments.y_val, "X_val", "y_val")
    target = class_indices(labels, classes, "y_val")
    used = np.flatnonzero(by_class[target])
    found = classes[np.unique(target[used])].tolist()
    if len(found) < 2:
        raise InvalidValueError(
            "y_val",
            "have rows of two classes or more, of a weight above 0",
            repr(found),
            advice="Add rows of others, or leave out X_val and y_val: rows of X are held out then.",
        )
    with naming({"X": "X_val"}):
        return EncodedRows.of(preprocessing, table, target, by_class[target], used)


def _some_of(classes: np.ndarray) -> str:
    first, *others = classes[:3].tolist()
    return f"such as {', '.join(map(repr, [first, *others]))}"


def _look_like_a_quantity(classes: np.ndarray) -> bool:
    """Return whether many labels are numbers that do not count up, as the places of classes in a list would."""
    if classes.dtype.kind not in "iuf" or len(classes) <= MANY_CLASSES:
        return False
    return bool(classes[-1] - classes[0] != len(classes) - 1)


def find_classes(labels: np.ndarray) -> np.ndarray:
    """Return the distinct labels in order.

    Raises:
        ValueError: Fewer than two; nearly as many as rows; many numbers, with few rows of each.
    """
    classes = np.unique(labels)
    if len(classes) < 2:
        raise InvalidValueError(
            "y",
            "have at least two classes",
            f"one class, {classes.tolist()[0]!r}, in all {len(labels)} rows",
            advice="Add rows of another class, or choose another target.",
        )
    if len(classes) == len(labels) or (len(classes) > MANY_CLASSES and len(classes) > len(labels) / FEWEST_PER_CLASS):
        raise InvalidValueError(
            "y",
            "have fewer classes than rows" if len(classes) == len(labels) else "have two rows or more of most classes",
            f"{len(classes):,} classes in {len(labels):,} rows, {_some_of(classes)}",
            advice="It looks like an identifier or a quantity: choose another target, join classes, or get more rows.",
        )
    if _look_like_a_quantity(classes) and len(labels) < FEWEST_PER_NUMBER * len(classes):
        raise InvalidValueError(
            "y",
            "name classes",
            f"{len(classes):,} numbers in {len(labels):,} rows, {_some_of(classes)}",
            advice="They look like a quantity, which a regression model predicts. If they are names, {as_text}.",
            mentions={"as_text": "pass them as text"},
        )
    return classes


def row_weights(
    indices: np.ndarray, classes: np.ndarray, class_weight: Any, sample_weight: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of each row, its sample weight times the weight of its class, and that of each class; float64.

    `"balanced"` weighs class k by `rows / (classes * rows of k)`, as scikit-learn does, rows counted by their sample
    weight.

    Raises:
        TypeError: A class_weight that is not None, "balanced" or a dict; a weight that is not a number.
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
        requirement = "be None, 'balanced' or a dict from class to weight"
        raise InvalidTypeError("class_weight", requirement, repr(class_weight))
    return _weights_by_class(class_weight, classes)


def _sample_weights(sample_weight: Any, rows: int) -> np.ndarray:
    if sample_weight is None:
        return np.ones(rows)
    weights = _as_numbers(sample_weight)
    if weights.shape != (rows,):
        requirement = f"have one weight per row, shape ({rows},)"
        raise InvalidValueError("sample_weight", requirement, f"shape {weights.shape}")
    return _checked(weights, "sample_weight")


def _as_numbers(sample_weight: Any) -> np.ndarray:
    """Return weights as an array of float64; text is no number, even where it reads as one."""
    requirement = "be an array of numbers, one per row"
    if isinstance(sample_weight, (str, bytes, dict, set)):
        raise InvalidTypeError("sample_weight", requirement, described(sample_weight))
    try:
        weights = np.asarray(sample_weight)
    except ValueError:  # rows of different lengths
        weights = objects(sample_weight)
    if weights.dtype.kind in "OSU" and weights.ndim == 1:
        rows = enumerate(sample_weight)
        weights = np.array([check_number(weight, f"sample_weight at row {row}") for row, weight in rows])
    if weights.dtype.kind not in "biuf":
        raise InvalidTypeError("sample_weight", requirement, f"dtype {weights.dtype}")
    return weights.astype(np.float64)


def _weights_by_class(class_weight: dict[Any, float], classes: np.ndarray) -> np.ndarray:
    places = {label: place for place, label in enumerate(classes.tolist())}
    unknown = [label for label in class_weight if label not in places]
    if unknown:
        known = listed(classes.tolist(), 10, quoted=True)
        raise InvalidValueError("class_weight", f"name classes of y, [{known}]", repr(unknown[0]))
    weights = np.ones(len(classes))
    for label, weight in class_weight.items():
        weights[places[label]] = check_not_negative(weight, f"class_weight of {label!r}")
    return weights


def _checked(weights: np.ndarray, name: str) -> np.ndarray:
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        row = int(bad.argmax())
        found, where = float(weights[row]), f"row {row}{more(bad)}"
        raise InvalidValueError(name, "be zero or more, and finite", found, where, "Rows of weight 0 are not used.")
    if not weights.any():
        raise InvalidValueError(name, "be positive for some row", f"zero for all {len(weights)} rows")
    with np.errstate(over="ignore"):
        total = float(weights.sum())
    if not np.isfinite(total):
        found = f"{total} over {len(weights)} rows"
        raise InvalidValueError(name, "have a finite sum", found, advice="Scale the weights down.")
    return weights
