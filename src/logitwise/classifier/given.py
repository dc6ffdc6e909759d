"""What `fit` is given: rows and their labels, read, checked, and encoded as inputs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import column_or_1d

from logitwise.classifier.target import class_indices, read_labels
from logitwise.classifier.training import Rows
from logitwise.model.preprocessing import Preprocessing
from logitwise.model.table import Table, read_table


@dataclass(frozen=True)
class Given:
    """What a fit is given; `classes` only where the rows are a part of all there will be."""

    X: Any
    y: Any
    sample_weight: Any
    X_val: Any = None
    y_val: Any = None
    classes: np.ndarray | None = None


def read_rows(X: Any, y: Any, X_name: str, y_name: str) -> tuple[Table, np.ndarray]:
    """Return rows as columns, and their labels; the names are what to call them in a message."""
    if y is None:
        raise ValueError(
            f"{y_name} must hold one label a row; got None. Classifier requires y to be passed, but the target y is "
            f"None."
        )
    table = read_table(X)
    labels = read_labels(column_or_1d(y, warn=True) if getattr(y, "ndim", 1) == 2 else y, y_name)
    if table.rows != len(labels):
        raise ValueError(
            f"{y_name} must have one label a row of {X_name}; got {len(labels)} labels for {table.rows} rows."
        )
    if table.rows == 0:
        raise ValueError(f"{X_name} must have at least one row; got none.")
    return table, labels


@dataclass(frozen=True)
class Encoded:
    """Rows as inputs, with their classes and weights."""

    inputs: np.ndarray
    target: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(
        cls, preprocessing: Preprocessing, table: Table, target: np.ndarray, weight: np.ndarray, used: np.ndarray
    ) -> Encoded:
        """Return the rows at `used`, of weight 1 in the mean."""
        inputs = preprocessing.encode(preprocessing.prepare(table), used)
        return cls(inputs, target[used], weight[used] / weight[used].mean())

    def followed_by(self, others: Encoded) -> Encoded:
        """Return these rows and then the others."""
        return Encoded(
            np.concatenate([self.inputs, others.inputs]),
            np.concatenate([self.target, others.target]),
            np.concatenate([self.weight, others.weight]),
        )

    def as_tensors(self, deep: int, device: str) -> Rows:
        """Return what a trainer takes; hidden layers get the first `deep` inputs."""
        weight = self.weight.astype(np.float32)
        inputs, target, weights = (torch.from_numpy(each).to(device) for each in (self.inputs, self.target, weight))
        return Rows(inputs, target, weights, deep)


def read_validation(given: Given, classes: np.ndarray, preprocessing: Preprocessing, by_class: np.ndarray) -> Encoded:
    """Return the rows of `X_val`, each of the weight that its class has in training."""
    if given.X_val is None or given.y_val is None:
        alone = "y_val" if given.X_val is None else "X_val"
        raise ValueError(f"X_val and y_val must be given together; got {alone} alone.")
    with _speaking_of("X_val"):
        table, labels = read_rows(given.X_val, given.y_val, "X_val", "y_val")
        target = class_indices(labels, classes, "y_val")
        used = np.flatnonzero(by_class[target])
        found = classes[np.unique(target[used])].tolist()
        if len(found) < 2:
            raise ValueError(
                f"y_val must have rows of two classes or more, of a weight above 0; got {found!r}. Add rows of others, "
                f"or leave out X_val and y_val: rows of X are held out then."
            )
        return Encoded.of(preprocessing, table, target, by_class[target], used)


@contextmanager
def _speaking_of(name: str) -> Iterator[None]:
    """Let errors that speak of X speak of another argument."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(re.sub(r"\bX(?= must)|(?<=: )X(?= has)", name, str(error))) from error
