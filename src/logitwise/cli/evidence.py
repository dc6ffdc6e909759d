"""What a report shows of a model and of rows with labels, gathered."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from logitwise.classifier.importance import column_names, permutation_importance
from logitwise.classifier.logistic import logistic_beside
from logitwise.cli.labels import known_indices
from logitwise.cli.parts import by_parts, predictions
from logitwise.cli.record import Record, is_number, notes_of, plain_note, verdict_of
from logitwise.cli.sources import Labelled
from logitwise.metrics import majority_baseline
from logitwise.model.data_warnings import values_unknown
from logitwise.model.model import Model
from logitwise.report_page import ColumnImportance, Comparison, Evidence, Example, History, confidently_wrong

MOST_ROWS, MOST_IMAGES = 8, 24
MOST_COLUMNS = 200  # shuffling more, one by one, takes minutes


def gather(
    model: Model,
    rows: Labelled,
    *,
    argument: str,
    where: str,
    title: str,
    command: str,
    facts: Mapping[str, str],
    trained_on: Labelled | None = None,
) -> Evidence:
    """Return what a report shows.

    Args:
        model: The model.
        rows: Rows that it was not trained on, in the columns of training.
        argument: What to call the rows in a message.
        where: What the rows are, in words.
        title: What the page is about.
        command: The command that makes the page again.
        facts: What else it takes to repeat it, such as the fingerprints of the sources.
        trained_on: The rows that the model was trained on, where they are at hand: a logistic regression of them is
            measured beside it.

    Raises:
        ValueError: A label that training never saw; columns that do not fit; no rows.
    """
    target = known_indices(rows.labels, model.classes, argument)
    probabilities, unknown = predictions(model, rows.features, argument)
    wrong = confidently_wrong(target, probabilities, MOST_IMAGES, model.costs)
    importance = _importance(model, rows.features, target)
    logistic = None if trained_on is None else logistic_beside(model, trained_on.features, trained_on.labels)
    baselines = _frequencies(model, len(target))
    if logistic is not None:
        baselines["logistic regression"] = np.concatenate(by_parts(logistic.predict_proba, rows.features, argument))
    return Evidence(
        title=title,
        where=where,
        classes=[str(label) for label in model.classes.tolist()],
        target=target,
        probabilities=probabilities,
        baselines=baselines,
        comparison=_comparison(model) if logistic is None else None,
        before_calibration=_before_calibration(model, rows.features, argument),
        calibrated_by=_calibrated_by(model),
        costs=model.costs,
        history=_history(model),
        examples=_examples(rows, wrong, importance),
        importance=importance,
        command=command,
        facts={**facts, **_facts(model)},
        notes=_notes(model, rows, unknown),
    )


def _frequencies(model: Model, rows: int) -> dict[str, np.ndarray]:
    n_classes, counts = len(model.classes), Record.of(model).class_counts
    if counts is None:
        return {"guessing every class alike": majority_baseline(np.arange(n_classes), n_classes, rows)}
    trained_on = np.repeat(np.arange(n_classes), counts)
    return {"the class frequencies alone": majority_baseline(trained_on, n_classes, rows)}


def _comparison(model: Model) -> Comparison | None:
    """Return how the model compared with simpler ones in training, where its file says so in a form that we write."""
    known: Any = model.metadata.get("baselines")
    try:
        gains = {
            name: tuple(-float(found[end]) for end in ("high", "low")) for name, found in known["differences"].items()
        }
        found = Comparison(int(known["rows"]), known["measures"], verdict_of(model) or "", gains)
        return found if {name: dict(measures) for name, measures in found.measures.items()}.get("model") else None
    except (AttributeError, KeyError, TypeError, ValueError):  # a file may come from anywhere
        return None


def _notes(model: Model, rows: Labelled, unknown: Mapping[str, int]) -> list[str]:
    """Return what the reader must know of the data: what is odd in it, and how columns are called."""
    found = notes_of(model)
    if values := values_unknown(unknown):
        found.append(f"The rows measured have {values}.")
    if rows.has_header is False:
        target = "" if rows.target_name is None else f"; the target is {rows.target_name}"
        found.append(f"The file has no header line: columns are called by their place, from column_0 on{target}.")
    return found


def _before_calibration(model: Model, features: Any, argument: str) -> np.ndarray | None:
    if model.calibration.method == "none":
        return None
    return np.concatenate(by_parts(model.uncalibrated().predict_proba, features, argument))


def _calibrated_by(model: Model) -> str:
    if model.calibration.method == "none":
        return ""
    if model.calibration.method == "temperature":
        return f"by a temperature of {1 / float(model.calibration.scale[0]):.2f}, fitted on rows held out in training"
    return f"by {model.calibration.method} scaling, fitted on rows held out in training"


def _importance(model: Model, features: Any, target: np.ndarray) -> list[ColumnImportance]:
    if len(features.shape) > 2 or features.shape[1] > MOST_COLUMNS:
        return []
    return [ColumnImportance(name, rises) for name, rises in permutation_importance(model, features, target).items()]


def _history(model: Model) -> History | None:
    """Return the losses of training, where the file tells them in a form that we write."""
    history, best_step = _entries(model, "history"), model.metadata.get("best_step", 0)
    steps, train_loss, validation_loss = (history.get(name, []) for name in ("step", "train_loss", "validation_loss"))
    if not is_number(best_step) or not all(map(_are_numbers, (steps, train_loss, validation_loss))):
        return None
    if not steps or len(train_loss) != len(steps) or len(validation_loss) not in (0, len(steps)):
        return None
    said = (model.metadata.get("ended"), _entries(model, "held_out").get("plan"))
    notes = [plain_note(sentence) for sentence in said if isinstance(sentence, str)]
    return History(steps, train_loss, validation_loss, best_step, notes)


def _entries(model: Model, name: str) -> dict[str, Any]:
    """Return an entry of the metadata that is an object; an empty one where it is something else."""
    found = model.metadata.get(name)
    return found if isinstance(found, dict) else {}


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(map(is_number, values))


def _examples(rows: Labelled, positions: np.ndarray, importance: Sequence[ColumnImportance]) -> list[Example]:
    features, numbers = rows.features, (rows.positions + 1).tolist()
    if _is_images(features.shape):
        scale = 255 / max(1e-12, float(features.max())) if features.dtype != np.uint8 else 1
        pixels = (features[positions].clip(0) * scale).astype(np.uint8)
        return [Example(int(row), numbers[row], image=image) for row, image in zip(positions, pixels, strict=True)]
    names = column_names(features)
    rises = {each.column: float(np.mean(each.rises)) for each in importance}
    order = sorted(range(len(names)), key=lambda place: -rises.get(names[place], 0.0))
    return [Example(int(row), numbers[row], _cells(features, int(row), names, order)) for row in positions[:MOST_ROWS]]


def _cells(features: Any, row: int, names: Sequence[str], order: Sequence[int]) -> tuple[tuple[str, str], ...]:
    values = features.row(row) if hasattr(features, "row") else features[row].tolist()
    return tuple((names[place], _cell(values[place])) for place in order)


def _cell(value: Any) -> str:
    if value is None or value != value:
        return "missing"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _is_images(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3, 4))


def _facts(model: Model) -> dict[str, str]:
    record, options = Record.of(model), _entries(model, "options")
    versions = {**_entries(model, "versions"), "python": platform.python_version()}
    given = {name: value for name, value in options.items() if value not in (None, False) and name != "verbose"}
    facts = {
        "trained on": "" if record.rows is None else f"{record.rows:,} rows of {record.data}",
        "training options": ", ".join(f"{name} {value}" for name, value in given.items()),
        "versions": ", ".join(f"{name} {value}" for name, value in versions.items()),
    }
    return {name: value for name, value in facts.items() if value}
