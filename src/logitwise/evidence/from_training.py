"""What a model file tells of its training: losses, comparison, notes, options. What has another format is left out."""

from __future__ import annotations

import platform
from typing import Any

from logitwise.classifier.baselines import LOGISTIC
from logitwise.classifier.notes import Note
from logitwise.evidence.notes import Wording, comparison_in, entries_of, verdict_of
from logitwise.evidence.record import Record, is_number
from logitwise.model.model import Model
from logitwise.report_page import HeldOutComparison, History


def comparison_of(model: Model, wording: Wording) -> HeldOutComparison | None:
    """Return how the model compared with simpler ones in training."""
    known: Any = model.metadata.get("baselines")
    try:
        gains = {
            name: tuple(-float(found[end]) for end in ("high", "low")) for name, found in known["differences"].items()
        }
        compared = comparison_in(known)
        better = LOGISTIC if compared.is_linear_better else None
        found = HeldOutComparison(compared.rows, compared.measures, verdict_of(model, wording) or "", gains, better)
        return found if {name: dict(measures) for name, measures in found.measures.items()}.get("model") else None
    except (AttributeError, KeyError, TypeError, ValueError):  # a file may come from anywhere
        return None


def history_of(model: Model, wording: Wording) -> History | None:
    """Return the losses of training."""
    history, best_step = entries_of(model, "history"), model.metadata.get("best_step", 0)
    steps, train_loss, validation_loss = (history.get(name, []) for name in ("step", "train_loss", "validation_loss"))
    if not is_number(best_step) or not all(map(_are_numbers, (steps, train_loss, validation_loss))):
        return None
    if not steps or len(train_loss) != len(steps) or len(validation_loss) not in (0, len(steps)):
        return None
    said = (model.metadata.get("ended"), entries_of(model, "held_out").get("plan"))
    notes = [Note(sentence).renamed(wording.names) for sentence in said if isinstance(sentence, str)]
    return History(steps, train_loss, validation_loss, best_step, notes)


def calibrated_by(model: Model) -> str:
    """Return how the probabilities were calibrated, in words; nothing where they were not."""
    if model.calibration.method == "none":
        return ""
    if model.calibration.method == "temperature":
        return f"by a temperature of {1 / float(model.calibration.scale[0]):.2f}, fitted on rows held out in training"
    return f"by {model.calibration.method} scaling, fitted on rows held out in training"


def trained_at(model: Model) -> str | None:
    """Return when the model was trained, where that is known."""
    found = model.metadata.get("trained_at")
    return found if isinstance(found, str) else None


def facts_of(model: Model) -> dict[str, str]:
    """Return what it takes to train the model again: its rows, options and versions, in words."""
    record, options = Record.of(model), entries_of(model, "options")
    versions = {**entries_of(model, "versions"), "python": platform.python_version()}
    given = {name: value for name, value in options.items() if value not in (None, False) and name != "verbose"}
    facts = {
        "trained on": "" if record.rows is None else f"{record.rows:,} rows of {record.data}",
        "training options": ", ".join(f"{name} {value}" for name, value in given.items()),
        "versions": ", ".join(f"{name} {value}" for name, value in versions.items()),
    }
    return {name: value for name, value in facts.items() if value}


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(map(is_number, values))
