"""Training with the options of the command line, and measuring on rows the model never saw."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitwise.cli.door import naming, say
from logitwise.cli.labels import known_indices
from logitwise.cli.parts import predictions, say_unknown
from logitwise.cli.record import Measured, Record, plain_note
from logitwise.cli.sources import Form, Labelled, Parts
from logitwise.metrics import majority_baseline, summary, summary_intervals
from logitwise.model.labels import class_indices
from logitwise.model.model import Model

if TYPE_CHECKING:
    from logitwise.classifier.estimator import Classifier

OPTIONS = {
    "X": "DATA",
    "y": "--target",
    "hidden": "--hidden",
    "epochs": "--epochs",
    "learning_rate": "--learning-rate",
    "random_state": "--seed",
    "device": "--device",
}


@dataclass(frozen=True)
class Trained:
    """A model, how good it is, and whether Ctrl-C ended the training before its time."""

    model: Model
    measured: Measured
    interrupted: bool


def hidden_sizes(text: str) -> tuple[int, ...]:
    """Return the layer sizes that a text such as "256,256" means; the empty text means no hidden layer."""
    try:
        sizes = tuple(int(size) for size in text.split(",")) if text.strip() else ()
    except ValueError:
        sizes = (0,)
    if any(size < 1 for size in sizes):
        raise ValueError(
            f"--hidden must be layer sizes separated by commas, such as 256,256, or '' for none; got {text!r}."
        )
    return sizes


def make_classifier(options: dict[str, Any], *, verbose: bool) -> Classifier:
    """Return a classifier with the options that were given; all others are its own defaults."""
    from logitwise.classifier.estimator import Classifier

    return Classifier(**{name: value for name, value in options.items() if value is not None}, verbose=verbose)


def refuse_wrong(options: dict[str, Any]) -> None:
    """Raise where an option that was given cannot be: before any data is read."""
    if any(value is not None for value in options.values()):
        with naming(OPTIONS):
            make_classifier(options, verbose=False).check_options()


def train(classifier: Classifier, parts: Parts, form: Form, data_sha256: str | None) -> Trained:
    """Return the model that the classifier learns from one part, and how good it is on the other; it keeps both.

    Raises:
        KeyboardInterrupt: Ctrl-C before the first measurement; later, there is a model of the best step so far.
    """
    rows = parts.trained_on
    interrupted = _fit(classifier, rows)
    model = classifier.model_
    counts = np.bincount(class_indices(rows.labels, model.classes), minlength=len(model.classes)).tolist()
    measured = measure(model, parts.measured_on, parts.measured_as, parts.where, counts)
    record = Record(
        data=rows.name,
        data_sha256=data_sha256,
        rows=len(rows.labels),
        class_counts=counts,
        target_name=rows.target_name,
        has_header=rows.has_header,
        label_strip=form.label_strip,
        metrics=measured.as_json(),
    )
    return Trained(record.kept_in(model), measured, interrupted)


def _fit(classifier: Classifier, rows: Labelled) -> bool:
    """Train, and return whether Ctrl-C ended it."""
    with naming(OPTIONS), _notes_said():
        try:
            classifier.fit(rows.features, rows.labels)
        except KeyboardInterrupt:
            if not hasattr(classifier, "model_"):
                raise
            return True
    return False


@contextmanager
def _notes_said() -> Iterator[None]:
    """Say what there is to say of the data and of training when it is seen, not as a warning of Python."""
    from logitwise.classifier.notes import TrainingWarning
    from logitwise.model.data_warnings import DataWarning

    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        warnings.simplefilter("always", TrainingWarning)
        elsewhere = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, (DataWarning, TrainingWarning)):
                say(f"Note: {plain_note(str(message))}")
            else:
                elsewhere(message, category, *where, **more)

        warnings.showwarning = show
        yield


def measure(model: Model, rows: Labelled, argument: str, where: str, class_counts: list[int] | None) -> Measured:
    """Return how good a model is on rows; `argument` is what to call them in a message."""
    target = known_indices(rows.labels, model.classes, argument)
    predicted, unknown = predictions(model, rows.features, argument)
    say_unknown(unknown, argument)
    baseline = None
    if class_counts is not None:
        trained_on = np.repeat(np.arange(len(class_counts)), class_counts)
        baseline = summary(target, majority_baseline(trained_on, len(class_counts), len(target)))
    return Measured(where, summary(target, predicted), baseline, summary_intervals(target, predicted))
