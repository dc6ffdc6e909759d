"""The estimator: a classifier that trains itself, with the interface of scikit-learn."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Never, Self

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import Tags

from logitwise import __version__, _notice
from logitwise._errors import InvalidValueError
from logitwise._warnings import warn_of_data
from logitwise.classifier import other_names
from logitwise.classifier.decisions import check_goal
from logitwise.classifier.folds import given_split, plan_for
from logitwise.classifier.held_out import HeldOut
from logitwise.classifier.levels.learning import TrainingRows, effects_of_rows, learn_effects, with_levels
from logitwise.classifier.notes import (
    Note,
    TrainingWarning,
    notes_of_columns,
    notes_of_data,
    notes_of_strays,
    notes_of_validation,
)
from logitwise.classifier.options import as_json, check_switches, members_of, recipe_of
from logitwise.classifier.progress import StepBar
from logitwise.classifier.rows import (
    EncodedRows,
    FitArguments,
    find_classes,
    learn_columns,
    read_rows,
    read_validation,
    row_weights,
)
from logitwise.classifier.training import TORCH_VERSION, Progress, Trainer, TrainingSet, WarmStart
from logitwise.columns.table import Table
from logitwise.functional._arguments.options import show_public_signature
from logitwise.model.data_warnings import DataWarning
from logitwise.model.labels import class_indices, read_labels
from logitwise.model.model import Model
from logitwise.model.provenance import rows_sha256, time_now


class Classifier(ClassifierMixin, BaseEstimator):
    """A classifier of rows of tables, arrays or small images, with probabilities that mean what they say.

    It is an ensemble of small networks, its members. They are trained together, each on all rows but those of its own
    fold, so that every row is unseen by one of them. The votes on unseen rows decide when to stop and how to calibrate;
    no row is lost for training. Each network has a linear path beside its hidden layers, and begins as a logistic
    regression. With `X_val`, or from 100,000 rows on, one split of the rows takes the place of folds.

    Numbers are scaled by their quartiles and level off far out; pixels (arrays of uint8, or of three dimensions and
    more) have one common scale. Gaps are filled by the median and flagged. Frequent levels of categories are one-hot;
    the others are described by what they add to the logits, as other rows with the same level tell. Of dates, the time
    and the parts of the calendar that repeat are numbers. Text is read as numbers or dates where nearly all values of a
    column are, as in "$1,200"; the others are taken as missing, with a note.

    Args:
        hidden: The number of units of each hidden layer of a member; `()` leaves only the linear path: softmax
            (logistic) regression.
        members: The number of members, 2 or more.
        epochs: The largest number of passes over the rows.
        steps: The largest number of steps; the schedule of the learning rate ends with whichever limit comes first.
        seconds: Training stops after this many seconds; None: no limit. A limit makes the result depend on the machine.
        learning_rate: The highest learning rate, positive.
        batch_size: The number of rows per member and step; None: 64.
        weight_decay: The decay of AdamW, zero or more.
        dropout: The share of hidden units dropped in training, in [0, 0.9].
        max_shift: Images (uint8 arrays of three or four dimensions) are shifted at random in training, by up to this
            many pixels in each direction; None: a 14th of the shorter side, so 2 for 28 x 28; 0: not at all.
        patience: Stop once the loss on held-out rows has not improved for this share of the steps that led to the
            best, and for 50 steps and an epoch at least; 0: never.
        class_weight: None, "balanced" (each class weighs as much as any other in training), or a dict from class to
            weight (1 where not named). It decides what is learnt best and what `predict` prefers; probabilities are
            still those of the classes as they occur: what the weights add to the logits is subtracted again.
        threshold_for: What `predict` aims for: None (the most probable class), "balanced_accuracy", "f1" (of the
            second of two classes; the mean over more), or a matrix of costs, `(classes, classes)`, whose entry [i, j]
            is what it costs to predict class j where i is true. It does not change probabilities.
        random_state: A seed, None (another result each time), or a `numpy.random.RandomState`. The same seed gives the
            same bits on the same machine with the same number of threads.
        columns: What columns are where that is not plain, a dict from their names (or positions) to "number",
            "category", "date" or "drop"; {"zip": "category"} makes a category of numbers.
        device: A torch device to train on, such as "cpu" or "cuda".
        warm_start: Let `fit` go on from the weights of the previous fit, with its scaling and its folds; the classes,
            the columns and the sizes of the network must be the same.
        verbose: Show what is being done, and how far it is, where standard error is a terminal.

    Attributes:
        classes_: The labels, in the order of the columns of `predict_proba`.
        n_features_in_: The number of columns, images flattened.
        feature_names_in_: The names of the columns; only where X had names.
        history_: Lists `step`, `train_loss` and `validation_loss` (of held-out votes at their best temperature, among
            the classes that held-out rows have), one entry per measurement, in nats.
        best_step_: The step whose weights were kept.
        n_iter_: The number of passes over the rows that were made, at most `epochs`.
        loss_curve_: The training losses of `history_`.
        held_out_: What the votes on held-out rows say, before and after calibration: a `HeldOut`.
        baselines_: The model beside logistic regression and the class frequencies on held-out rows: a `Comparison`;
            None after `partial_fit`.
        decision_: What `threshold_for` led to, with a `threshold` for two classes: a `Decision`, or None.
        columns_: What each column was taken for, a list of `Finding`.
        notes_: What was found in the data before training, and what went wrong in training, one sentence each; each is
            also given as a `DataWarning` or a `TrainingWarning`.
        model_: The `Model` that predicts, with NumPy alone.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> classifier = Classifier().fit(X, y)
        >>> bool(classifier.score(X, y) > 0.9)
        True
    """

    def __init__(
        self,
        hidden: tuple[int, ...] = (64, 64),
        *,
        members: int = 8,
        epochs: int = 200,
        steps: int = 5000,
        seconds: float | None = None,
        learning_rate: float = 6e-3,
        batch_size: int | None = None,
        weight_decay: float = 0.02,
        dropout: float = 0.15,
        max_shift: int | None = None,
        patience: float = 0.5,
        class_weight: Any = None,
        threshold_for: Any = None,
        random_state: Any = 0,
        columns: Any = None,
        device: str = "cpu",
        warm_start: bool = False,
        verbose: bool = False,
        **_others: Never,
    ) -> None:
        if _others:
            raise other_names.unknown_option(_others, self._get_param_names())
        self.hidden = hidden
        self.members = members
        self.epochs = epochs
        self.steps = steps
        self.seconds = seconds
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.max_shift = max_shift
        self.patience = patience
        self.class_weight = class_weight
        self.threshold_for = threshold_for
        self.random_state = random_state
        self.columns = columns
        self.device = device
        self.warm_start = warm_start
        self.verbose = verbose

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def set_params(self, **params: Any) -> Self:
        """Set options by name, as scikit-learn does, and return the estimator."""
        foreign = other_names.invalid_parameter(params, self._get_param_names())
        if foreign is not None:
            raise foreign
        return super().set_params(**params)

    def fit(
        self, X: Any, y: Any, *, sample_weight: Any = None, X_val: Any = None, y_val: Any = None, **_others: Never
    ) -> Self:
        """Train on rows and their labels, and return the estimator.

        Args:
            X: A DataFrame, an array `(rows, ...)`, or a list of rows; numbers, booleans, text, and gaps (NaN, None).
            y: One label per row: bool, int, str, or whole floats.
            sample_weight: One weight per row, zero or more, finite; rows of weight 0 are not used.
            X_val: Rows to stop and to calibrate by, instead of folds of X; of every class if possible, and of two at
                least.
            y_val: Their labels.

        Raises:
            TypeError: Labels, or values of a column, of mixed or unusable types.
            KeyboardInterrupt: Ctrl-C. After the first measurement, there is a model, that of the best step so far.
            ValueError: No rows; lengths that differ; one class, or as many as rows; missing labels; infinity; options
                out of range; a loss that became NaN before there were weights to keep.
        """
        self._refuse(_others, "fit", ("sample_weight", "X_val", "y_val"))
        check_switches(self)
        before = getattr(self, "_before", None) if self.warm_start else None
        return self._fit(FitArguments(X, y, sample_weight, X_val, y_val), before)

    def _refuse(self, others: Collection[str], method: str, known: Collection[str]) -> None:
        if others:
            raise other_names.unknown_argument(method, others, known, self._get_param_names())

    def partial_fit(self, X: Any, y: Any, classes: Any = None, *, sample_weight: Any = None, **_others: Never) -> Self:
        """Go on training with one pass over more rows, and return the estimator.

        The first call fixes the columns, their scaling and the classes, which later rows must have. Calibration, and
        all else that needs held-out rows, comes from the rows of the last call: give a few hundred at a time. Rows that
        are given again, equally many in the same order, are held out from the same members.

        Args:
            X: Rows, as in `fit`.
            y: Their labels.
            classes: All labels that will occur; needed in the first call only.
            sample_weight: One weight per row, zero or more, finite.

        Raises:
            TypeError: As `fit`.
            ValueError: As `fit`; no `classes` in the first call, different ones later, or labels not among them.
        """
        self._refuse(_others, "partial_fit", ("classes", "sample_weight"))
        check_switches(self)
        before = getattr(self, "_before", None)
        if before is None and classes is None:
            requirement = "be given in the first call of partial_fit"
            raise InvalidValueError("classes", requirement, None, advice="Name every label.")
        known = np.unique(read_labels(before.classes if classes is None and before is not None else classes, "classes"))
        if len(known) < 2:
            raise InvalidValueError("classes", "name two labels or more", repr(known.tolist()))
        return self._fit(FitArguments(X, y, sample_weight, classes=known), before)

    def _fit(self, arguments: FitArguments, before: WarmStart | None) -> Self:
        with self._phase("Looking at the columns"):
            table, labels = read_rows(arguments.X, arguments.y)
            recipe = recipe_of(self, table.image_shape)
            recipe = replace(recipe, epochs=1) if arguments.classes is not None else recipe
            recipe = recipe if before is None else replace(recipe, seed=before.seed)
            training_set = self._training_set(arguments, table, labels, before, recipe.seed)
        for note in self.notes_:
            warn_of_data(DataWarning, note)
        trainer = training_set.trainer(recipe)
        if before is not None:
            before.put_into(trainer, training_set.classes)
        self._train(trainer)
        with self._phase("Calibrating the probabilities"):
            held_out = HeldOut.of(trainer, recipe.seed)
            self.decision_ = None if training_set.goal is None else held_out.decide(training_set.goal)
        is_partial = arguments.classes is not None
        with self._phase("Comparing with logistic regression"):
            self.baselines_ = None if is_partial else training_set.compare(held_out, recipe.seed)
        state = trainer.members.state()
        counts = training_set.class_counts
        learnt_from = training_set.rows_sha256 if before is None else before.rows_sha256
        self._before = WarmStart(
            training_set.classes, training_set.preprocessing, state, recipe.seed, counts, learnt_from, self.columns
        )
        self._keep(training_set, trainer, held_out)
        if trainer.progress.interrupted:
            raise KeyboardInterrupt
        return self

    def _training_set(
        self, arguments: FitArguments, table: Table, labels: np.ndarray, before: WarmStart | None, seed: int
    ) -> TrainingSet:
        """Return the rows to train on, encoded, and which are held out from whom; take down notes on the data."""
        members = members_of(self)
        classes = find_classes(labels) if arguments.classes is None else arguments.classes
        target = class_indices(labels, classes)
        weight, by_class = row_weights(target, classes, self.class_weight, arguments.sample_weight)
        goal = check_goal(self.threshold_for, len(classes))
        used = np.flatnonzero(weight)
        if before is None:
            preprocessing, self.columns_ = learn_columns(self.columns, table, used, len(classes))
        else:
            before.check_columns(self.columns)
            preprocessing = before.preprocessing
        digest = rows_sha256(preprocessing.columns_of_x.selected(table), labels)
        is_partial, is_split = arguments.classes is not None, arguments.X_val is not None or arguments.y_val is not None
        plan = None if is_split else plan_for(target[used], members, np.random.default_rng(seed))
        by_others = None
        if not preprocessing.is_one_hot:
            of_rows, prepared = weight[used] / by_class[target[used]], preprocessing.prepare(table).at(used)
            known = TrainingRows.of(prepared, target[used], of_rows, plan, len(classes), seed)
            if before is None:
                preprocessing, by_others = learn_effects(preprocessing, known)
                self.columns_ = with_levels(self.columns_, preprocessing)
            elif not is_partial or digest == before.rows_sha256:
                by_others = effects_of_rows(preprocessing, known)
        rows = EncodedRows.of(preprocessing, table, target, weight, used)
        reading = preprocessing.columns_of_x
        self.notes_ = notes_of_columns(self.columns_) if before is None else notes_of_strays(reading.read(table)[1])
        if not is_partial:
            self.notes_ += notes_of_data(table, reading, used, target[used], classes, rows.inputs, members)
        if by_others is not None:
            rows.inputs[:, preprocessing.effect_inputs] = by_others
        if plan is None:
            held_out = read_validation(arguments, classes, preprocessing, by_class)
            self.notes_ += notes_of_validation(held_out.target, classes)
            plan = given_split(len(rows.target), len(held_out.target), members)
            rows = rows.followed_by(held_out)
        counts = np.bincount(target[used], minlength=len(classes))
        if is_partial and before is not None and np.array_equal(classes, before.classes):
            counts += before.class_counts
        return TrainingSet(classes, preprocessing, rows, plan, by_class, goal, counts, digest)

    def _train(self, trainer: Trainer) -> None:
        """Train, with a progress bar if asked for; take down a note where the loss diverged."""
        with StepBar(trainer.progress.steps, trainer.recipe.seconds, shown=self.verbose) as bar:
            progress = trainer.train(bar.update)
        if progress.diverged:
            self.notes_.append(Note(progress.ended))
            warn_of_data(TrainingWarning, progress.ended)

    def _phase(self, what: str) -> AbstractContextManager[object]:
        return _notice.phase(what, is_shown=self.verbose)

    def check_options(self) -> None:
        """Raise what `fit` would raise because of the options alone, without any rows."""
        check_switches(self)
        recipe_of(self)
        members_of(self)

    def _costs(self, by_class: np.ndarray) -> np.ndarray | None:
        """Return what errors cost: as decided for `threshold_for`, or as class weights say."""
        if self.decision_ is not None:
            return self.decision_.costs
        return None if self.class_weight is None else by_class[:, None] * (1 - np.eye(len(by_class)))

    def _keep(self, training_set: TrainingSet, trainer: Trainer, held_out: HeldOut) -> None:
        """Set the attributes of a fitted classifier."""
        progress = trainer.progress
        self.history_ = progress.history
        self.best_step_ = progress.best_step
        self.n_iter_ = -(-progress.step[-1] // trainer.epoch_steps)
        self.loss_curve_ = progress.train_loss
        self.held_out_ = held_out
        metadata = {
            **_metadata(self, progress, held_out),
            "rows_sha256": training_set.rows_sha256,
            "class_counts": training_set.class_counts.tolist(),
        }
        network, scores = trainer.network(), held_out.conformal_scores
        classes, preprocessing = training_set.classes, training_set.preprocessing
        costs = self._costs(training_set.class_weight)
        model = Model(classes, preprocessing, network, held_out.calibration, costs, scores, metadata)
        self.model_ = model
        self.classes_ = model.classes
        self.n_features_in_ = model.n_features
        if model.feature_names is not None:
            self.feature_names_in_ = np.array(model.feature_names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    if not TYPE_CHECKING:  # with it, type checkers would take every attribute to exist

        def __getattr__(self, name: str) -> Any:
            raise other_names.unknown_attribute(name)

    def _fitted(self) -> Model:
        if not hasattr(self, "model_"):
            raise NotFittedError(
                "Classifier must be fitted before it can predict or be saved; got one that is not. Call fit first."
            )
        return self.model_

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of lowest expected cost for each row; X as in `Model.predict_log_proba`.

        That is the most probable class, unless `class_weight` or `threshold_for` is set.
        """
        return self._fitted().predict(X)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class, float64, shape `(rows, classes)`; X as in `Model.predict_log_proba`."""
        return self._fitted().predict_proba(X)

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the logarithm of each probability, exact in the tails; X as in `Model.predict_log_proba`."""
        return self._fitted().predict_log_proba(X)

    def predict_set(self, X: Any, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Return which classes belong in the set of each row, bool, `(rows, classes)`; see `Model.predict_set`."""
        return self._fitted().predict_set(X, coverage)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the logits, float64: one per row (two classes) or per class; see `Model.decision_function`."""
        return self._fitted().decision_function(X)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one safetensors file, for `logitwise.load`; see `Model.save`."""
        self._fitted().save(path)


for _function in (Classifier.__init__, Classifier.fit, Classifier.partial_fit):
    show_public_signature(_function)


def _metadata(classifier: Classifier, progress: Progress, held_out: HeldOut) -> dict[str, Any]:
    versions = {
        "logitwise": __version__,
        "numpy": np.__version__,
        "torch": TORCH_VERSION,
        "scikit-learn": sklearn.__version__,
    }
    return {
        "options": as_json(classifier.get_params()),
        "versions": versions,
        "trained_at": time_now(),
        "history": progress.history,
        "best_step": progress.best_step,
        "ended": progress.ended,
        "held_out": held_out.as_json(),
        "baselines": None if classifier.baselines_ is None else classifier.baselines_.as_json(),
        "decision": None if classifier.decision_ is None else classifier.decision_.as_json(),
        "columns": [finding.as_json() for finding in classifier.columns_],
        "notes": classifier.notes_,
    }
