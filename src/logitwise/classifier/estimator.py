"""The estimator: a classifier that trains itself, with the interface of scikit-learn."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import sklearn
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import Tags
from sklearn.utils.validation import column_or_1d

from logitwise import __version__
from logitwise._checks import check_integer, check_not_negative, check_positive
from logitwise.classifier.model import Model
from logitwise.classifier.preprocessing import Preprocessing
from logitwise.classifier.progress import EpochBar
from logitwise.classifier.table import Table, read_table
from logitwise.classifier.target import class_indices, find_classes, read_labels, row_weights, split_rows
from logitwise.classifier.training import Progress, Recipe, Rows, train

MIN_VALIDATION_ROWS = 10  # fewer say too little to choose an epoch by


class Classifier(ClassifierMixin, BaseEstimator):
    """A feed-forward network that classifies rows of tables, arrays or small images.

    Two classes: one output, the sigmoid, and the binary cross-entropy. More: one output a class, the softmax, and the
    cross-entropy. `hidden=()` is logistic (softmax) regression by the same path. Numbers are standardised (pixels,
    that is arrays of uint8 or of three and more dimensions, on one common scale), gaps filled by the median and
    flagged, categories one-hot. The optimiser is AdamW under a warm-up and a cosine schedule; the weights kept are
    those of the epoch with the lowest log loss on the validation rows.

    Args:
        hidden: The number of units of each hidden layer.
        epochs: At most so many passes over the rows; the schedule ends there.
        learning_rate: The highest learning rate, positive.
        batch_size: Rows a step; None: a 32nd of the rows, between 32 and 256.
        weight_decay: The decay of AdamW, zero or more.
        dropout: The share of hidden units dropped in training, in [0, 0.9]; half that share of the inputs.
        max_shift: Images (uint8 arrays of three or four dimensions) are moved at random in training by up to so many
            pixels each way; None: a 14th of the shorter side, so 2 for 28 x 28; 0: not at all.
        validation_fraction: The share of the rows kept aside, in [0, 0.5]; stratified. With fewer than 10 such rows,
            or with 0, there is no validation: all rows are trained on for all epochs.
        patience: Stop after so many epochs without a better validation loss; 0: never.
        class_weight: None, "balanced" (each class weighs as much as any other), or a dict from class to weight (1
            where not named).
        random_state: A seed, None (another result each time), or a `numpy.random.RandomState`. One seed gives one
            result, to the bit, on one machine with one number of threads.
        device: A torch device to train on, such as "cpu" or "cuda".
        verbose: Show a progress bar, where standard error is a terminal.

    Attributes:
        classes_: The labels, in the order of the columns of `predict_proba`.
        n_features_in_: The number of columns, images flattened.
        feature_names_in_: The names of the columns; only where X had names.
        history_: Lists `train_loss` and `validation_loss`, one mean a row, in nats, for each epoch.
        best_epoch_: The epoch (counted from 1) whose weights were kept.
        model_: The `Model` that predicts, with NumPy alone.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> classifier = Classifier(hidden=(16,), learning_rate=0.01).fit(X, y)
        >>> bool(classifier.score(X, y) > 0.9)
        True
    """

    def __init__(
        self,
        hidden: tuple[int, ...] = (256, 256, 256),
        *,
        epochs: int = 40,
        learning_rate: float = 1e-3,
        batch_size: int | None = None,
        weight_decay: float = 0.1,
        dropout: float = 0.2,
        max_shift: int | None = None,
        validation_fraction: float = 0.1,
        patience: int = 10,
        class_weight: Any = None,
        random_state: Any = 0,
        device: str = "cpu",
        verbose: bool = False,
    ) -> None:
        self.hidden = hidden
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.max_shift = max_shift
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.class_weight = class_weight
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def fit(self, X: Any, y: Any, *, sample_weight: Any = None, X_val: Any = None, y_val: Any = None) -> Classifier:
        """Train on rows and their labels, and return the estimator.

        Args:
            X: A DataFrame, an array `(rows, ...)`, or a list of rows; numbers, booleans, text, and gaps (NaN, None).
            y: One label a row: bool, int, str, or whole floats.
            sample_weight: One weight a row, zero or more, finite; a row of weight 0 takes no part.
            X_val: Rows to validate on, instead of a share of X.
            y_val: Their labels.

        Raises:
            TypeError: Labels, or values of a column, of mixed or unusable types; a sparse X.
            KeyboardInterrupt: Ctrl-C. After an epoch or more, the model is that of the best epoch so far.
            ValueError: No rows; lengths that differ; one class, or as many as rows; missing labels; infinity; options
                out of range; a loss that became NaN.
        """
        table, labels = _read_rows(X, y, "X", "y")
        recipe = self._recipe(table.image_shape)
        classes = find_classes(labels)
        target = class_indices(labels, classes)
        weight = row_weights(target, classes, self.class_weight, sample_weight)
        if X_val is None and y_val is None:
            rows, held_out = _split(target, weight, self.validation_fraction, recipe.seed)
            table_val, target_val, weight_val = table, target, weight
        else:
            table_val, target_val = _read_validation(X_val, y_val, classes)
            weight_val = row_weights(target_val, classes, self.class_weight, None)
            rows, held_out = np.flatnonzero(weight), np.flatnonzero(weight_val)
        preprocessing = Preprocessing.fit(table, rows)
        training = _inputs(preprocessing, table, target, weight, rows, recipe.device)
        validation = _inputs(preprocessing, table_val, target_val, weight_val, held_out, recipe.device)
        with EpochBar(recipe.epochs, shown=self.verbose) as bar:
            layers, progress = train(training, validation, len(classes), recipe, bar.update)
        self._keep(Model(classes, preprocessing, layers, _metadata(self, progress)), progress)
        if progress.interrupted:
            raise KeyboardInterrupt
        return self

    def _recipe(self, image_shape: tuple[int, ...] | None) -> Recipe:
        return Recipe(
            hidden=_hidden_from(self.hidden),
            epochs=_at_least(1, self.epochs, "epochs"),
            learning_rate=check_positive(self.learning_rate, "learning_rate"),
            batch_size=None if self.batch_size is None else _at_least(1, self.batch_size, "batch_size"),
            weight_decay=check_not_negative(self.weight_decay, "weight_decay"),
            dropout=_in_range(self.dropout, "dropout", 0.9),
            image_shape=image_shape,
            max_shift=_max_shift(self.max_shift, image_shape),
            patience=_at_least(0, self.patience, "patience"),
            seed=_seed_from(self.random_state),
            device=_device_from(self.device),
        )

    def _keep(self, model: Model, progress: Progress) -> None:
        self.model_ = model
        self.classes_ = model.classes
        self.n_features_in_ = model.n_features
        self.history_ = {"train_loss": progress.train_loss, "validation_loss": progress.validation_loss}
        self.best_epoch_ = progress.best_epoch
        if model.feature_names is not None:
            self.feature_names_in_ = np.array(model.feature_names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _fitted(self) -> Model:
        if not hasattr(self, "model_"):
            raise NotFittedError(
                "Classifier must be fitted before it can predict or be saved; got one that is not. Call fit first."
            )
        return self.model_

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row; X as in `Model.decision_function`."""
        return self._fitted().predict(X)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, float64, shape `(rows, classes)`; X as in `Model.decision_function`."""
        return self._fitted().predict_proba(X)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithm of each probability, exact in the tails; X as in `Model.decision_function`."""
        return self._fitted().predict_log_proba(X)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logits, float64: one a row (two classes) or one a class; see `Model.decision_function`."""
        return self._fitted().decision_function(X)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one safetensors file, for `logitwise.load`; see `Model.save`."""
        self._fitted().save(path)


def _read_rows(X: Any, y: Any, X_name: str, y_name: str) -> tuple[Table, np.ndarray]:
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


def _read_validation(X_val: Any, y_val: Any, classes: np.ndarray) -> tuple[Table, np.ndarray]:
    if X_val is None or y_val is None:
        raise ValueError(f"X_val and y_val must be given together; got {'y_val' if X_val is None else 'X_val'} alone.")
    table, labels = _read_rows(X_val, y_val, "X_val", "y_val")
    return table, class_indices(labels, classes, "y_val")


def _split(target: np.ndarray, weight: np.ndarray, fraction: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to train on and to validate on; rows of weight 0 are in neither."""
    fraction = _in_range(fraction, "validation_fraction", 0.5)
    used = np.flatnonzero(weight)
    rows, held_out = split_rows(target[used], fraction, np.random.default_rng(seed))
    return (used, used[:0]) if len(held_out) < MIN_VALIDATION_ROWS else (used[rows], used[held_out])


def _inputs(
    preprocessing: Preprocessing, table: Table, target: np.ndarray, weight: np.ndarray, rows: np.ndarray, device: str
) -> Rows:
    inputs = preprocessing.encode(preprocessing.prepare(table), rows)
    return Rows.of(inputs, target[rows], weight[rows], device)


def _metadata(classifier: Classifier, progress: Progress) -> dict[str, Any]:
    options = {name: value if _is_plain(value) else repr(value) for name, value in classifier.get_params().items()}
    history = {"train_loss": progress.train_loss, "validation_loss": progress.validation_loss}
    versions = {
        "logitwise": __version__,
        "numpy": np.__version__,
        "torch": str(torch.__version__),
        "scikit-learn": sklearn.__version__,
    }
    return {"options": options, "versions": versions, "history": history, "best_epoch": progress.best_epoch}


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))


def _seed_from(random_state: Any) -> int:
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    return _at_least(0, random_state, "random_state")


def _hidden_from(hidden: Any) -> tuple[int, ...]:
    if isinstance(hidden, (int, np.integer)):
        hidden = (hidden,)
    if not isinstance(hidden, Iterable):
        raise TypeError(f"hidden must be a tuple of integers, one a hidden layer; got {hidden!r}.")
    return tuple(_at_least(1, units, "hidden") for units in hidden)


def _device_from(device: Any) -> str:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device must be a torch device of this machine; got {str(device)!r}. Try 'cpu'.") from error
    return str(device)


def _max_shift(max_shift: Any, image_shape: tuple[int, ...] | None) -> int:
    if max_shift is not None:
        return _at_least(0, max_shift, "max_shift")
    return min(image_shape[:2]) // 14 if image_shape else 0


def _at_least(least: int, value: Any, name: str) -> int:
    number = check_integer(value, name)
    if number < least:
        raise ValueError(f"{name} must be {least} or more; got {number}.")
    return number


def _in_range(value: Any, name: str, most: float) -> float:
    number = check_not_negative(value, name)
    if number > most:
        raise ValueError(f"{name} must be in [0, {most}]; got {number:g}.")
    return number
