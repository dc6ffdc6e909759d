"""What a model file says of its training in words: the notes, and the verdict beside simpler models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from logitwise.model.model import Model

USE_LOGISTIC = "Use hidden=()."


@dataclass(frozen=True)
class Wording:
    """What the arguments and the advice of training are called where they are read.

    Attributes:
        names: What to call the arguments that a note is about.
        use_logistic: How to train a logistic regression instead.
    """

    names: Mapping[str, str]
    use_logistic: str = USE_LOGISTIC

    def note(self, note: str) -> str:
        """Return a note of training, whose first word is the argument that it is about."""
        subject, space, predicate = note.partition(" ")
        return f"{self.names.get(subject, subject)}{space}{predicate}"


IN_PYTHON = Wording({"X": "The data", "y": "The target"})


def notes_of(model: Model, wording: Wording) -> list[str]:
    """Return what training found in the data that may spoil a model, and how it went wrong: one sentence each."""
    known = model.metadata.get("notes")
    return [wording.note(note) for note in known if isinstance(note, str)] if isinstance(known, list) else []


def verdict_of(model: Model, wording: Wording) -> str | None:
    """Return how the model compared with simpler ones in training, where that was measured."""
    verdict = entries_of(model, "baselines").get("verdict")
    if not isinstance(verdict, str):
        return None
    finding = verdict.removesuffix(USE_LOGISTIC)
    return verdict if finding == verdict else finding + wording.use_logistic


def entries_of(model: Model, name: str) -> dict[str, Any]:
    """Return an entry of the metadata that is an object; an empty one where it is something else."""
    found = model.metadata.get(name)
    return found if isinstance(found, dict) else {}
