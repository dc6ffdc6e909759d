"""Labels of rows to measure on, matched with the classes of training; where they do not match, what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np

from logitwise.data import nearest
from logitwise.model.labels import class_indices, read_labels


def known_indices(labels: Any, classes: np.ndarray, argument: str) -> np.ndarray:
    """Return the position of each label among `classes`.

    Raises:
        ValueError: A label that training never saw; named with the nearest known one, or with what to strip.
    """
    labels = read_labels(labels)
    if classes.dtype == np.object_ and labels.dtype == np.int64:
        labels = labels.astype(str).astype(object)  # of labels 1, 2, x a file may hold no x: then it reads as numbers
    known = set(classes.tolist())
    unseen = [label for label in dict.fromkeys(labels.tolist()) if label not in known]
    if unseen:
        rows = int(np.isin(labels, np.array(unseen, dtype=labels.dtype)).sum())
        raise ValueError(_unseen_sentence(unseen, classes.tolist(), rows, argument))
    return class_indices(labels, classes)


def _unseen_sentence(unseen: list[Any], known: list[Any], rows: int, argument: str) -> str:
    sentence = f"{argument} must hold only labels that training saw; got {listed(unseen)} (in {rows} rows)."
    near = nearest(str(unseen[0]), [str(label) for label in known])
    hint = f"Training saw {listed(known)}" if near is None else f"The nearest to {unseen[0]!r} is {near!r}"
    characters = _characters_to_strip(unseen, known)
    if characters:
        return f"{sentence} {hint}: to make them match, give --label-strip {shlex.quote(characters)}"
    return f"{sentence} {hint}. Rename the labels, or drop those rows."


def _characters_to_strip(unseen: list[Any], known: list[Any]) -> str:
    """Return the punctuation that makes the unseen labels known when stripped from all ends; empty for none."""
    if not all(isinstance(label, str) for label in (*unseen, *known)):
        return ""
    characters = "".join(sorted(set().union(*(_around(label, other) for label in unseen for other in known))))
    stripped = {label.strip(characters) for label in known}
    fits = all(label.strip(characters) in stripped for label in unseen) and len(stripped) == len(known)
    return characters if fits else ""


def _around(label: str, other: str) -> str:
    """Return what stands around the shorter of two labels inside the longer, if it is punctuation or space alone."""
    short, long = sorted((label, other), key=len)
    before, _, after = long.partition(short)
    around = before + after if short in long else ""
    return "" if any(character.isalnum() for character in around) else around


def listed(items: Sequence[Any], at_most: int = 3) -> str:
    """Return items as they would be typed, the first few of many."""
    text = ", ".join(map(repr, items[:at_most]))
    return text if len(items) <= at_most else f"{text} and {len(items) - at_most} more"
