"""What a report shows of a model and of rows with labels, gathered."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from logitwise._display import counted
from logitwise._notice import Progress
from logitwise.columns.values import is_missing
from logitwise.evidence.features import column_names, is_images, values_at
from logitwise.evidence.from_training import calibrated_by, comparison_of, facts_of, history_of, trained_at
from logitwise.evidence.importance import permutation_importance
from logitwise.evidence.labels import known_indices
from logitwise.evidence.logistic import logistic_beside
from logitwise.evidence.measured import frequencies_of
from logitwise.evidence.notes import IN_PYTHON, Wording, columns_of, copies_of, leak_of, notes_of
from logitwise.evidence.predictions import Phases, predict_in_batches, unseen
from logitwise.evidence.record import Record
from logitwise.evidence.rows import LabelledRows
from logitwise.model.data_warnings import DataWarning, values_unknown
from logitwise.model.model import Model
from logitwise.model.provenance import time_now
from logitwise.report_page import ColumnImportance, Evidence, Example, confidently_wrong

MOST_EXAMPLES, MOST_IMAGES = 8, 24
MOST_COLUMNS = 200  # shuffling more, one by one, takes minutes


def gather(
    model: Model,
    rows: LabelledRows,
    *,
    where: str,
    title: str,
    command: str | None = None,
    facts: Mapping[str, str] | None = None,
    trained_on: LabelledRows | None = None,
    wording: Wording = IN_PYTHON,
    phase: Phases = unseen,
) -> Evidence:
    """Return what a report shows.

    Args:
        model: The model.
        rows: Rows that it was not trained on, in the columns of training.
        where: What the rows are, in words.
        title: What the page is about.
        command: The command that makes the page again.
        facts: What else it takes to repeat it, such as the SHA-256 of each source.
        trained_on: The rows that the model was trained on, where they are at hand: a logistic regression of them is
            measured beside it.
        wording: What the arguments that the notes of training are about are called.
        phase: Is told what is being done.

    Raises:
        ValueError: A label that was not seen in training; columns that do not fit; no rows.
    """
    target = known_indices(rows.labels, model.classes)
    with phase(f"Predicting {counted(len(target), 'row')}") as progress:
        probabilities, unknown = predict_in_batches(model, rows.features, progress)
    wrong = confidently_wrong(target, probabilities, MOST_IMAGES, model.costs)
    with phase("Shuffling the columns, to see what each is worth") as progress:
        importance = _importance(model, rows.features, target, progress)
    baselines = frequencies_of(model, Record.of(model).class_counts, len(target))
    if trained_on is not None:
        with phase("Fitting a logistic regression to compare with") as progress:
            logistic = logistic_beside(model, trained_on.features, trained_on.labels)
            baselines["logistic regression"], _ = predict_in_batches(logistic, rows.features, progress)
    with phase("Predicting without calibration") as progress:
        before_calibration = _before_calibration(model, rows.features, progress)
    return Evidence(
        title=title,
        where=where,
        classes=[str(label) for label in model.classes.tolist()],
        target=target,
        probabilities=probabilities,
        baselines=baselines,
        comparison=comparison_of(model, wording),
        before_calibration=before_calibration,
        calibrated_by=calibrated_by(model),
        costs=model.costs,
        history=history_of(model, wording),
        examples=_examples(rows, wrong, importance),
        importance=importance,
        columns=_columns(model),
        command=command,
        facts={**(facts or {}), **facts_of(model)},
        notes=[*notes_of(model, wording), *_notes_on(rows, unknown)],
        leak=leak_of(model, wording),
        copies=copies_of(model, wording),
        made_at=time_now(),
        trained_at=trained_at(model),
    )


def _columns(model: Model) -> list[tuple[str, str, str, str]]:
    findings = columns_of(model)
    return [(str(each.column), each.taken_for, f"{each.missing + each.strays:,}", each.example) for each in findings]


def _notes_on(rows: LabelledRows, unknown: Mapping[str, int]) -> list[str]:
    """Return what the reader must know of the rows measured: what is odd in them, and what columns are called."""
    found = []
    if values := values_unknown(unknown):
        found.append(f"The rows measured have {values}.")
    if rows.has_header is False:
        target = "" if rows.target_name is None else f"; the target is {rows.target_name}"
        found.append(f"The file has no header line: columns are called by their place, from column_0 on{target}.")
    return found


def _before_calibration(model: Model, features: Any, progress: Progress) -> np.ndarray | None:
    if model.calibration.method == "none":
        return None
    return predict_in_batches(model.uncalibrated(), features, progress)[0]


def _importance(model: Model, features: Any, target: np.ndarray, progress: Progress) -> list[ColumnImportance]:
    if len(features.shape) > 2 or features.shape[1] > MOST_COLUMNS:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # the page itself says which values are unknown
        worth = permutation_importance(model, features, target, progress)
    return [ColumnImportance(name, rises) for name, rises in worth.items()]


def _examples(rows: LabelledRows, positions: np.ndarray, importance: Sequence[ColumnImportance]) -> list[Example]:
    features, numbers = rows.features, (rows.positions + 1).tolist()
    if is_images(features):
        scale = 255 / max(1e-12, float(features.max())) if features.dtype != np.uint8 else 1
        pixels = (features[positions].clip(0) * scale).astype(np.uint8)
        return [Example(int(row), numbers[row], image=image) for row, image in zip(positions, pixels, strict=True)]
    names = column_names(features)
    rises = {each.column: float(np.mean(each.rises)) for each in importance}
    order = sorted(range(len(names)), key=lambda place: -rises.get(names[place], 0.0))
    shown = positions[:MOST_EXAMPLES].tolist()
    return [Example(row, numbers[row], _cells(features, row, names, order)) for row in shown]


def _cells(features: Any, row: int, names: Sequence[str], order: Sequence[int]) -> tuple[tuple[str, str], ...]:
    values = values_at(features, row)
    return tuple((names[place], _cell(values[place])) for place in order)


def _cell(value: Any) -> str:
    if is_missing(value):
        return "missing"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
