"""A trained model: columns in, probabilities out, with NumPy alone."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from logitwise.classifier.model_file import ModelFile, ModelFileError, read_model_file, write_model_file
from logitwise.classifier.preprocessing import Preprocessing
from logitwise.classifier.table import read_table
from logitwise.classifier.target import KINDS, class_indices
from logitwise.functional import log_sigmoid, log_softmax, sigmoid, softmax

# Rows go through the network in blocks of this one size, the last one filled up with zeros: the same matrix products,
# so the same bits, whatever the number of rows. 256 rows keep a hidden layer of 256 in the cache.
BLOCK_ROWS = 256


@dataclass(frozen=True)
class Model:
    """A trained network and all it needs to predict; made by `Classifier.fit` or `load`.

    Args:
        classes: The labels, in the order of the columns of `predict_proba`; shape `(classes,)`.
        preprocessing: From columns to inputs.
        layers: One pair a layer: weight, float32, `(outputs, inputs)`, and bias, float32, `(outputs,)`; ReLU between
            layers. One output for two classes, one output a class for more.
        metadata: What else is known of the model, as JSON values: options, versions, metrics, history, the name of the
            target.

    Example:
        >>> import numpy as np
        >>> preprocessing = Preprocessing(None, (None,), *np.array([[0.0], [1.0], [0.0]]), np.array([False]))
        >>> layers = ((np.float32([[2.0]]), np.float32([-1.0])),)
        >>> model = Model(np.array(["no", "yes"], dtype=object), preprocessing, layers)
        >>> model.predict([[0.0], [1.0]]).tolist()
        ['no', 'yes']
        >>> model.predict_proba([[0.0], [1.0]]).round(3).tolist()
        [[0.731, 0.269], [0.269, 0.731]]
    """

    classes: np.ndarray
    preprocessing: Preprocessing
    layers: tuple[tuple[np.ndarray, np.ndarray], ...]
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the columns in training, or None."""
        return self.preprocessing.names

    @property
    def n_features(self) -> int:
        """The number of columns of X, images flattened."""
        return self.preprocessing.n_columns

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logits, float64.

        Shape `(rows,)` for two classes (positive: the second), `(rows, classes)` for more.

        Args:
            X: As in training: by name where both have names (extra columns are ignored, order is free), else by
                position.

        Raises:
            TypeError: As `fit` of the classifier.
            ValueError: Columns missing, the wrong number of columns, text where training had numbers, infinity.
        """
        prepared = self.preprocessing.prepare(read_table(X))
        logits = np.empty((prepared.rows, len(self.layers[-1][1])))
        for start in range(0, prepared.rows, BLOCK_ROWS):
            rows = np.arange(start, min(start + BLOCK_ROWS, prepared.rows))
            logits[rows] = self._forward(self.preprocessing.encode(prepared, rows))
        return logits[:, 0] if len(self.classes) == 2 else logits

    def _forward(self, inputs: np.ndarray) -> np.ndarray:
        activations = np.zeros((BLOCK_ROWS, inputs.shape[1]), dtype=np.float32)
        activations[: len(inputs)] = inputs
        for weight, bias in self.layers[:-1]:
            activations = activations @ weight.T
            activations += bias
            np.maximum(activations, 0, out=activations)
        weight, bias = self.layers[-1]
        return (activations @ weight.T + bias)[: len(inputs)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, float64, shape `(rows, classes)`; X as in `decision_function`."""
        logits = self.decision_function(X)
        if logits.ndim == 1:
            return np.stack([sigmoid(-logits), sigmoid(logits)], axis=1)
        return softmax(logits)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithm of each probability, exact where the probability has rounded; as `predict_proba`."""
        logits = self.decision_function(X)
        if logits.ndim == 1:
            return np.stack([log_sigmoid(-logits), log_sigmoid(logits)], axis=1)
        return log_softmax(logits)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row, shape `(rows,)`; X as in `decision_function`."""
        logits = self.decision_function(X)
        return self.classes[(logits > 0).astype(np.intp) if logits.ndim == 1 else logits.argmax(axis=1)]

    def class_indices(self, y: Any) -> np.ndarray:
        """Return the position of each label among `classes`, int64, shape `(rows,)`.

        Raises:
            TypeError: Labels of mixed types.
            ValueError: A label that training never saw, or a missing one.
        """
        return class_indices(y, self.classes)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one safetensors file, whole or not at all; an existing regular file is replaced.

        Raises:
            ModelFileError: The path is not a regular file, its folder does not exist, or it cannot be written.
            TypeError: Metadata that is not JSON.
        """
        kind = next(kind for kind, dtype in KINDS.items() if self.classes.dtype == dtype)
        header = {
            "classes": {"type": kind, "labels": self.classes.tolist()},
            **self.preprocessing.header(),
            "n_layers": len(self.layers),
            "metadata": self.metadata,
        }
        tensors = self.preprocessing.tensors()
        for place, (weight, bias) in enumerate(self.layers):
            tensors |= {f"layers.{place}.weight": weight, f"layers.{place}.bias": bias}
        write_model_file(path, header, tensors)


def load(path: str | os.PathLike[str]) -> Model:
    """Return the model that `Model.save` or `Classifier.save` wrote.

    Everything in the file is verified, and nothing in it is run.

    Args:
        path: A model file.

    Returns:
        A model that predicts with NumPy alone, to the bit what the saved one predicted on the same machine.

    Raises:
        ModelFileError: No such file, a folder, not a safetensors file or cut short, not a model of this library, of a
            newer version, or with contents that do not fit together.
    """
    file = read_model_file(path)
    preprocessing = Preprocessing.from_file(file)
    classes = _classes_from(file)
    layers = _layers_from(file, preprocessing.n_inputs, 1 if len(classes) == 2 else len(classes))
    _refuse_strangers(file, len(layers))
    return Model(classes, preprocessing, layers, file.field("metadata", dict))


def _classes_from(file: ModelFile) -> np.ndarray:
    entry = file.field("classes", dict)
    kind, labels = entry.get("type"), entry.get("labels")
    types = {"bool": bool, "int": int, "float": float, "str": str}
    if kind not in types or not isinstance(labels, list) or not all(type(label) is types[kind] for label in labels):
        file.refuse("classes of an unknown type")
    if len(labels) < 2 or len(set(labels)) < len(labels):
        file.refuse("fewer than two classes, or one twice")
    return np.array(labels, dtype=KINDS[kind])


def _layers_from(file: ModelFile, n_inputs: int, n_outputs: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    layers = []
    n_layers = file.field("n_layers", int)
    for place in range(n_layers):
        width = n_outputs if place == n_layers - 1 else None
        weight = file.tensor(f"layers.{place}.weight", np.float32, (width, n_inputs))
        layers.append((weight, file.tensor(f"layers.{place}.bias", np.float32, (len(weight),))))
        n_inputs = len(weight)
    if not layers:
        file.refuse("no layers")
    return tuple(layers)


def _refuse_strangers(file: ModelFile, n_layers: int) -> None:
    ours = {f"numbers.{name}" for name in ("offset", "scale", "fill", "had_gaps")}
    ours |= {f"layers.{place}.{part}" for place in range(n_layers) for part in ("weight", "bias")}
    strangers = sorted(set(file.tensors) - ours)
    if strangers:
        file.refuse(f"an unknown tensor {strangers[0]!r}")


__all__ = ["Model", "ModelFileError", "load"]
