"""Labels of rows to measure on, matched with the classes of training; where they do not match, what to do about it."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise._errors import InvalidValueError
from logitwise._listing import listed, nearest
from logitwise.model.labels import class_indices, read_labels

LABELS_SHOWN = 3


class UnseenLabelsError(InvalidValueError):
    """Labels that are none of the classes of a model.

    Attributes:
        likeness: What the first of them is most like, or which classes there are, as a sentence without its end.
        to_strip: The punctuation that makes them classes when it is stripped from their ends; empty where none does.
    """

    __module__ = "logitwise"

    likeness: str = ""
    to_strip: str = ""


def known_indices(labels: Any, classes: np.ndarray) -> np.ndarray:
    """Return the position of each label among `classes`.

    Labels that are all integers match classes that are text: a file of labels 1, 2 and x may hold no x.

    Raises:
        UnseenLabelsError: A label that was not seen in training.
    """
    labels = read_labels(labels)
    if classes.dtype == np.object_ and labels.dtype == np.int64:
        labels = labels.astype(str).astype(object)
    known = set(classes.tolist())
    unseen = [label for label in dict.fromkeys(labels.tolist()) if label not in known]
    if unseen:
        rows = int(np.isin(labels, np.array(unseen, dtype=labels.dtype)).sum())
        raise _unseen_error(unseen, classes.tolist(), rows)
    return class_indices(labels, classes)


def _unseen_error(unseen: list[Any], known: list[Any], rows: int) -> UnseenLabelsError:
    to_strip = _characters_to_strip(unseen, known)
    if isinstance(unseen[0], str) != isinstance(known[0], str):
        likeness, advice = _of_another_type(unseen, known)
    else:
        near = nearest(str(unseen[0]), [str(label) for label in known])
        likeness = f"Training saw {_shown(known)}" if near is None else f"The nearest to {unseen[0]!r} is {near!r}"
        advice = f"{likeness}. Rename the labels, or drop those rows."
    if to_strip:
        advice = f"{likeness}: to make them match, strip {to_strip!r} from their ends."
    got = f"{_shown(unseen)} (in {rows} row{'s' if rows > 1 else ''})"
    error = UnseenLabelsError("y", "hold only labels that training saw", got, advice=advice)
    error.likeness, error.to_strip = likeness, to_strip
    return error


def _of_another_type(unseen: list[Any], known: list[Any]) -> tuple[str, str]:
    """Return what to say of text where the classes are numbers or booleans, or the reverse, and what to do about it."""
    ours, theirs = type(known[0]).__name__, type(unseen[0]).__name__
    likeness = f"Training saw labels of type {ours}, {_shown(known)}, and these are of type {theirs}"
    spellings = {str(label) for label in known}
    others = [label for label in unseen if str(label) not in spellings]
    rest = f", and rename or drop {_shown(others)}" if others else ""
    return likeness, f"{likeness}. Convert them to {ours}{rest}."


def _shown(labels: list[Any]) -> str:
    return listed(labels, LABELS_SHOWN, quoted=True)


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
