"""What was typed, as numbers: refused by a sentence that repeats it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from logitwise._errors import InvalidValueError
from logitwise._listing import nearest

LARGEST_SEED = 2**32 - 1


def integer(word: Any) -> int:
    """Return the integer that a word is."""
    try:
        return int(word)
    except ValueError:
        raise typer.BadParameter(f"must be an integer; got {word!r}.") from None


def seed_number(word: Any) -> int:
    """Return the seed that a word is."""
    seed = integer(word)
    if not 0 <= seed <= LARGEST_SEED:
        raise typer.BadParameter(f"must be in [0, {LARGEST_SEED}]; got {seed}.")
    return seed


def number(word: Any) -> float:
    """Return the number that a word is."""
    if not is_number(word):
        raise typer.BadParameter(f"must be a number; got {word!r}.")
    return float(word)


def is_number(word: Any) -> bool:
    """Return whether a word is a number."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def class_place(word: str, names: Sequence[str]) -> int:
    """Return the place of a class given by its name, or as a number counted from 0; a name goes first.

    Raises:
        ValueError: It is neither.
    """
    if word in names:
        return names.index(word)
    try:
        return int(word)
    except ValueError:
        pass
    near = nearest(word, names)
    classes = "a class, counted from 0" if not names else f"one of {', '.join(names)}, or its place counted from 0"
    advice = "" if near is None else f"Did you mean {near!r}?"
    raise InvalidValueError("--target", f"be {classes}", repr(word), advice=advice)
