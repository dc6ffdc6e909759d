"""What a model file says of its training in words: the notes, and the verdict beside simpler models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from logitwise.classifier.baselines import Comparison
from logitwise.classifier.notes import GIVES_AWAY, Note, share_of_copies
from logitwise.columns.deciding import Finding
from logitwise.model.model import Model

MANY_COPIES = 0.1  # of the rows: figures of which as many may be learnt by heart say little


@dataclass(frozen=True)
class Wording:
    """What the arguments and the advice of training are called where they are read.

    Attributes:
        names: What to call the arguments that notes are about.
        use_logistic: The advice to train a logistic regression instead; None: that of `Comparison`.
    """

    names: Mapping[str, str]
    use_logistic: str | None


IN_PYTHON = Wording({"X": "The data", "y": "The target"}, None)


def notes_of(model: Model, wording: Wording) -> list[str]:
    """Return what training found in the data that may spoil a model, and how it went wrong: one sentence each."""
    known = model.metadata.get("notes")
    if not isinstance(known, list):
        return []
    return [Note(note).renamed(wording.names) for note in known if isinstance(note, str)]


def columns_of(model: Model) -> list[Finding]:
    """Return what training took the columns for; none where the model does not say it."""
    known = model.metadata.get("columns")
    try:
        return [Finding.from_json(entry) for entry in known] if isinstance(known, list) else []
    except (AttributeError, KeyError, TypeError):  # a file may come from anywhere
        return []


def leak_of(model: Model, wording: Wording) -> str:
    """Return what training noted of columns that give the target away, without the advice; "" where it noted none."""
    found = [note for note in notes_of(model, wording) if GIVES_AWAY in note]
    return found[0].rpartition(". ")[0] if found else ""


def copies_of(model: Model, wording: Wording) -> str:
    """Return what training noted of rows that are copies, without the advice; "" where they are too few to matter."""
    found = [note for note in notes_of(model, wording) if share_of_copies(note) >= MANY_COPIES]
    return found[0].partition(". ")[0] if found else ""


def verdict_of(model: Model, wording: Wording) -> str | None:
    """Return how the model compared with simpler ones in training, where that was measured."""
    known = entries_of(model, "baselines")
    verdict = known.get("verdict")
    if not isinstance(verdict, str):
        return None
    try:
        compared = comparison_in(known)
        if not compared.is_linear_better:
            return verdict
        is_linear = len(model.network.widths) == 3  # it has been trained so
        return compared.finding if is_linear else f"{compared.finding} {wording.use_logistic or compared.advice}"
    except (AttributeError, KeyError, TypeError, ValueError):  # a file may come from anywhere
        return verdict


def comparison_in(known: Mapping[str, Any]) -> Comparison:
    """Return the comparison that the header of a model file holds.

    Raises:
        KeyError: An entry is missing; other errors may come of it later, where an entry is not what it should be.
    """
    optional = known.get("C"), known.get("linear_gain"), known.get("averaging", 0.0)
    return Comparison(known["rows"], known["measures"], known["differences"], *optional)


def entries_of(model: Model, name: str) -> dict[str, Any]:
    """Return an entry of the metadata that is an object; an empty one where it is something else."""
    found = model.metadata.get(name)
    return found if isinstance(found, dict) else {}
