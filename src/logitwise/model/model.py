"""A trained model: columns in, probabilities out, with NumPy alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logitwise._decision import answers
from logitwise._display import Displayed, counted
from logitwise._errors import InvalidValueError
from logitwise._warnings import warn_of_data
from logitwise.columns.table import read_table
from logitwise.model.calibration import METHODS, Calibration
from logitwise.model.data_warnings import DataWarning, columns_ignored, values_unknown
from logitwise.model.description import facts_of
from logitwise.model.file import ModelFile, ModelFileError, read_model_file, write_model_file
from logitwise.model.labels import LABEL_DTYPES, class_indices, read_labels
from logitwise.model.network import Network, block_of
from logitwise.model.prediction_sets import prediction_sets
from logitwise.model.preprocessing import Prepared, Preprocessing
from logitwise.model.provenance import rows_sha256
from logitwise.model.scratch import Scratch

SMALLEST = 5e-324  # the logarithm of a vote stays finite
OTHERS = ("calibration.scale", "calibration.shift", "costs", "conformal.scores")  # neither columns nor network


@dataclass(frozen=True, repr=False)
class Batch(Displayed):
    """What a model predicts for some rows.

    Attributes:
        indices: The position of the predicted class among the model's, `(rows,)`.
        probabilities: As `Model.predict_proba` returns them.
        unknown: For each column, how many values were not seen in training, or are no numbers where those are; they
            were treated as missing.
        strangers: Of the values of categories of few levels, how many were not seen in training, and of how many.
    """

    indices: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    unknown: dict[str, int]
    strangers: tuple[int, int] = (0, 0)


@dataclass(frozen=True, repr=False)
class Model(Displayed):
    """A trained network and all it needs to predict; made by `Classifier.fit` or `load`.

    Members vote: the probabilities of a row are the mean of theirs, calibrated.

    Args:
        classes: The labels, in the order of the columns of `predict_proba`; shape `(classes,)`.
        preprocessing: From columns to inputs.
        network: From inputs to the logits of each member.
        calibration: From their mean probabilities to those that are returned.
        costs: What it costs to predict class j where i is true, float64, `(classes, classes)`; None: all errors cost
            alike.
        conformal_scores: The losses of held-out rows in order, float64, `(rows,)`, which `predict_set` uses.
        metadata: What else is known of the model, as JSON values: options, versions, metrics, history, the name of the
            target.

    Example:
        >>> import numpy as np
        >>> none, numbers = np.zeros(0), np.array([[0.0], [1.0], [0.0]])
        >>> preprocessing = Preprocessing(None, (None,), *numbers, np.array([False]), (none,))
        >>> network = Network((), None, np.float32([[[-1.0, 1.0]]]), np.float32([[[0.5, -0.5]]]))
        >>> model = Model(np.array(["no", "yes"], dtype=object), preprocessing, network, Calibration.none(2))
        >>> model.predict([[0.0], [1.0]]).tolist()
        ['no', 'yes']
        >>> model.predict_proba([[0.0], [1.0]]).round(3).tolist()
        [[0.731, 0.269], [0.29, 0.71]]
    """

    classes: np.ndarray
    preprocessing: Preprocessing
    network: Network
    calibration: Calibration
    costs: np.ndarray | None = None
    conformal_scores: np.ndarray | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def _title(self) -> str:
        return f"Model of {counted(len(self.classes), 'class', 'classes')} and {counted(self.n_features, 'column')}"

    def _facts(self) -> Mapping[str, Any]:
        return facts_of(self)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the columns in training, or None."""
        return self.preprocessing.columns_of_x.names

    @property
    def used_names(self) -> tuple[str, ...] | None:
        """The names of the columns that are needed to predict, or None; others were empty, or left out."""
        return self.preprocessing.columns_of_x.used_names

    @property
    def n_features(self) -> int:
        """The number of columns of X, images flattened."""
        return len(self.preprocessing.columns_of_x.columns)

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the logarithm of the probability of each class, float64, shape `(rows, classes)`.

        Args:
            X: As in training: by name where both have names (extra columns are ignored, order is free), else by
                position. Extra columns, and categories not seen in training (treated as missing), give a
                `DataWarning`.

        Raises:
            TypeError: As `fit` of the classifier.
            ValueError: Columns missing, the wrong number of columns, text where training had numbers, infinity.
        """
        return self.calibration.log_probabilities(self._votes(self._prepared(X)))

    def _prepared(self, X: Any) -> Prepared:
        """Return X in the columns of training; warn of columns and values that are ignored."""
        prepared = self.preprocessing.prepare(read_table(X))
        if prepared.extra:
            warn_of_data(DataWarning, f"X has {columns_ignored(prepared.extra)}.")
        unknown = values_unknown(prepared.unknown)
        if unknown:
            warn_of_data(DataWarning, f"X has {unknown}.")
        return prepared

    def _votes(self, prepared: Prepared) -> NDArray[np.float64]:
        """Return the logarithm of the mean of the members' probabilities."""
        votes = np.empty((prepared.rows, len(self.classes)))
        scratch, start = Scratch(), 0
        with np.errstate(over="ignore", under="ignore"):
            while start < prepared.rows:
                places = block_of(prepared.rows - start)
                rows = slice(start, min(start + places, prepared.rows))
                inputs = self.preprocessing.encode_across(prepared, rows, places, scratch)
                votes[rows] = self.network.vote(inputs, rows.stop - start, scratch).T
                start += places
        np.maximum(votes, SMALLEST, out=votes)
        return np.log(votes, out=votes)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class, float64, shape `(rows, classes)`; X as in `predict_log_proba`."""
        return self.calibration.probabilities(self._votes(self._prepared(X)))

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return logits whose sigmoid or softmax is `predict_proba`; X as in `predict_log_proba`.

        Shape `(rows,)` for two classes: the log odds of the second. Shape `(rows, classes)` for more: the
        log-probabilities.
        """
        logits = self.predict_log_proba(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes) == 2 else logits

    def predict(self, X: Any) -> np.ndarray:
        """Return the class with the lowest expected cost, shape `(rows,)`; X as in `predict_log_proba`.

        Where all errors cost alike, that is the most probable class.
        """
        return self.classes[answers(self.predict_proba(X), self.costs)]

    def predict_batch(self, X: Any, first_row: int = 0) -> Batch:
        """Return classes, probabilities and counts of unknown values, without a warning; X as in `predict_log_proba`.

        Args:
            X: Some rows.
            first_row: The position of the first of them among all rows, for messages.
        """
        prepared = self.preprocessing.prepare(read_table(X, first_row))
        probabilities = self.calibration.probabilities(self._votes(prepared))
        return Batch(answers(probabilities, self.costs), probabilities, prepared.unknown, prepared.strangers)

    def uncalibrated(self) -> Model:
        """Return the model without its calibration: its probabilities are the mean of the members'."""
        return replace(self, calibration=Calibration.none(len(self.classes)))

    def predict_set(self, X: Any, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Return a set of classes for each row, which holds the true one for a share `coverage` of rows.

        These are split-conformal sets by held-out rows: a class is in the set where its loss would be no higher than
        that of the true class was on that share of them. The most probable class always is. Where fewer members voted
        on each held-out row than vote now, as with folds, sets hold the true class somewhat more often than asked. The
        share is that among rows like those of training.

        Args:
            X: As in `predict_log_proba`.
            coverage: The share of rows whose set is to hold the true class, between 0 and 1.

        Returns:
            bool, shape `(rows, classes)`.

        Raises:
            TypeError: A coverage that is not a number.
            ValueError: A coverage outside (0, 1), or more than the held-out rows can promise: n of them at most
                n / (n + 1).

        Source:
            V. Vovk, A. Gammerman and G. Shafer, Algorithmic learning in a random world, 2005.
        """
        scores = np.zeros(0) if self.conformal_scores is None else self.conformal_scores
        return prediction_sets(self.predict_log_proba(X), scores, coverage)

    def class_indices(self, y: Any) -> NDArray[np.int64]:
        """Return the position of each label among `classes`, int64, shape `(rows,)`.

        Raises:
            TypeError: Labels of mixed types.
            ValueError: A label that training never saw, or a missing one.
        """
        return class_indices(y, self.classes)

    def was_trained_on(self, X: Any, y: Any) -> bool:
        """Return whether the model was trained on these rows and labels: the same values in the same order.

        The container (an array, a DataFrame of pandas or of polars) does not matter, nor do columns that were not seen
        in training, and the order of those with names. On rows that it was trained on, a model looks better than it is.

        Args:
            X: Rows, as `fit` takes them.
            y: Their labels.

        Raises:
            ValueError: The model does not know what it was trained on.
        """
        known = self.metadata.get("rows_sha256")
        if known is None:
            found = "one without rows_sha256 in its metadata"
            raise InvalidValueError("Model", "know what it was trained on", found, advice="Train it again.")
        try:
            return self.rows_sha256(X, y) == known
        except InvalidValueError as error:
            if error.argument != "X":
                raise
            return False

    def rows_sha256(self, X: Any, y: Any) -> str:
        """Return the SHA-256 of rows, in the columns of training, and of their labels; `docs/model-file.md` defines it.

        Args:
            X: Rows, as in `predict_log_proba`; columns that were not seen in training do not count.
            y: Their labels, as `fit` takes them.

        Raises:
            TypeError: As `fit` of the classifier.
            ValueError: Columns missing, or the wrong number of columns.
        """
        table = self.preprocessing.columns_of_x.selected(read_table(X))
        return rows_sha256(replace(table, names=self.used_names), read_labels(y))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one safetensors file, whole or not at all; an existing regular file is replaced.

        Raises:
            ModelFileError: The path is not a regular file, its folder does not exist, or it cannot be written.
            TypeError: Metadata that is not JSON.
        """
        label_type = next(name for name, dtype in LABEL_DTYPES.items() if self.classes.dtype == dtype)
        header = {
            "classes": {"type": label_type, "labels": self.classes.tolist()},
            **self.preprocessing.header(),
            **self.network.header(),
            "calibration": {"method": self.calibration.method, "uniform": self.calibration.uniform},
            "metadata": self.metadata,
        }
        calibration = {"calibration.scale": self.calibration.scale, "calibration.shift": self.calibration.shift}
        tensors = self.preprocessing.tensors() | self.network.tensors() | calibration
        if self.costs is not None:
            tensors["costs"] = self.costs
        if self.conformal_scores is not None:
            tensors["conformal.scores"] = self.conformal_scores
        write_model_file(path, header, tensors)


def load(path: str | os.PathLike[str]) -> Model:
    """Return the model that `Model.save` or `Classifier.save` wrote.

    Everything in the file is verified, and nothing in it is run.

    Args:
        path: A model file.

    Returns:
        A model that predicts with NumPy alone; on the same machine, the same bits as the saved one.

    Raises:
        ModelFileError: No such file, a folder, not a safetensors file or cut short, not a model of this library, of a
            newer version, or with contents that do not fit together.
    """
    file = read_model_file(path)
    preprocessing = Preprocessing.from_file(file)
    classes = _classes_from(file)
    network = Network.from_file(file, preprocessing.n_inputs, preprocessing.n_deep, len(classes))
    calibration, metadata = _calibration_from(file, len(classes)), file.field("metadata", dict)
    costs = file.tensor("costs", np.float64, (len(classes),) * 2) if "costs" in file.tensors else None
    scores = file.tensor("conformal.scores", np.float64, (None,)) if "conformal.scores" in file.tensors else None
    model = Model(classes, preprocessing, network, calibration, costs, scores, metadata)
    _refuse_strangers(file, model)
    return model


def _calibration_from(file: ModelFile, n_classes: int) -> Calibration:
    described = file.field("calibration", dict)
    uniform, method = described.get("uniform"), described.get("method")
    if not isinstance(uniform, (int, float)) or not 0 <= uniform < 1 or method not in METHODS:
        file.refuse("a calibration without a valid method and share of the uniform distribution")
    scale, shift = (file.tensor(f"calibration.{name}", np.float64, (n_classes,)) for name in ("scale", "shift"))
    return Calibration(scale, shift, float(uniform), method)


def _classes_from(file: ModelFile) -> np.ndarray:
    entry = file.field("classes", dict)
    label_type, labels = entry.get("type"), entry.get("labels")
    types = {"bool": bool, "int": int, "float": float, "str": str}
    if label_type not in types or not isinstance(labels, list):
        file.refuse("classes of an unknown type")
    if not all(type(label) is types[label_type] for label in labels):
        file.refuse("classes of an unknown type")
    if len(labels) < 2 or len(set(labels)) < len(labels):
        file.refuse("fewer than two classes, or one twice")
    return np.array(labels, dtype=LABEL_DTYPES[label_type])


def _refuse_strangers(file: ModelFile, model: Model) -> None:
    ours = {*model.preprocessing.tensors(), *model.network.tensors(), *OTHERS}
    strangers = sorted(set(file.tensors) - ours)
    if strangers:
        file.refuse(f"an unknown tensor {strangers[0]!r}")


__all__ = ["Model", "ModelFileError", "load"]
