"""How good a model is on rows with labels, beside the class frequencies of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np

from logitwise._display import Displayed
from logitwise._notice import Progress
from logitwise.evidence.from_training import comparison_of
from logitwise.evidence.labels import known_indices
from logitwise.evidence.notes import IN_PYTHON, copies_of, leak_of
from logitwise.evidence.predictions import predict_in_batches
from logitwise.evidence.rows import LabelledRows
from logitwise.metrics import majority_baseline, summary, summary_intervals
from logitwise.metrics.predicted_classes import expected_hits
from logitwise.model.model import Model
from logitwise.report_page import Evidence, verdict_in_words


@dataclass(frozen=True, repr=False)
class Measured(Displayed):
    """How good a model is on rows, beside the class frequencies of training (None where they are unknown).

    Attributes:
        where: What the rows are, in words.
        model: What `logitwise.metrics.summary` returns.
        baseline: The same for the training frequencies as the probabilities of every row.
        intervals: What `logitwise.metrics.summary_intervals` returns for the model.
        unknown: For each category column, how many values the model does not know.
        verdict: Whether to trust the model, and because of what: the sentences at the top of a report.
    """

    where: str
    model: dict[str, float]
    baseline: dict[str, float] | None
    intervals: Mapping[str, Sequence[float] | None]
    unknown: Mapping[str, int] = field(default_factory=dict)
    verdict: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the measures as JSON values; a number that is not finite becomes null."""
        baseline = None if self.baseline is None else _finite(self.baseline)
        intervals = {name: None if ends is None else list(ends) for name, ends in self.intervals.items()}
        return {"where": self.where, "model": _finite(self.model), "baseline": baseline, "intervals": intervals}


def measure(
    model: Model,
    rows: LabelledRows,
    where: str,
    class_counts: list[int] | None,
    progress: Progress | None = None,
) -> Measured:
    """Return how good a model is on rows.

    Args:
        model: The model.
        rows: Rows that it was not trained on, in the columns of training.
        where: What they are, in words.
        class_counts: How many rows of training each class had, or None where that is unknown.
        progress: Is told how many rows are predicted.

    Raises:
        ValueError: A label that was not seen in training; columns that do not fit.
    """
    target = known_indices(rows.labels, model.classes)
    predicted, unknown = predict_in_batches(model, rows.features, progress)
    baseline = None
    if class_counts is not None:
        trained_on = np.repeat(np.arange(len(class_counts)), class_counts)
        frequencies = majority_baseline(trained_on, len(class_counts), len(target))
        is_right = float(expected_hits(target, frequencies).mean())  # classes may tie: their order decides nothing
        baseline = {**summary(target, frequencies), "accuracy": is_right}
    intervals = summary_intervals(target, predicted)
    evidence = Evidence(
        title="",
        where=where,
        classes=[str(label) for label in model.classes.tolist()],
        target=target,
        probabilities=predicted,
        baselines=frequencies_of(model, class_counts, len(target)),
        comparison=comparison_of(model, IN_PYTHON),
        costs=model.costs,
        leak=leak_of(model, IN_PYTHON),
        copies=copies_of(model, IN_PYTHON),
    )
    return Measured(where, summary(target, predicted), baseline, intervals, unknown, verdict_in_words(evidence))


def frequencies_of(model: Model, class_counts: list[int] | None, rows: int) -> dict[str, np.ndarray]:
    """Return what predicts without looking, by name: the class frequencies of training, or the uniform distribution."""
    n_classes = len(model.classes)
    if class_counts is None:
        return {"uniform guessing": majority_baseline(np.arange(n_classes), n_classes, rows)}
    trained_on = np.repeat(np.arange(n_classes), class_counts)
    return {"the class frequencies alone": majority_baseline(trained_on, n_classes, rows)}


def _finite(measures: dict[str, float]) -> dict[str, float | None]:
    return {name: value if isfinite(value) else None for name, value in measures.items()}
