"""What a reader returns, and the error it raises."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from logitwise._errors import InvalidValueError

if TYPE_CHECKING:
    import polars


class DataError(InvalidValueError):
    """A source that cannot be read, or a target that is not in it: one sentence, and what to do."""

    __module__ = "logitwise.data"


class UnknownColumnError(DataError):
    """A target that is not a column of the table."""

    __module__ = "logitwise.data"


class NeedlessTargetError(DataError):
    """A target column was given for a source that brings its own labels."""

    __module__ = "logitwise.data"


@dataclass(frozen=True)
class Dataset:
    """Features and labels as a source holds them: nothing scaled, encoded or shuffled.

    Attributes:
        features: A polars DataFrame without the target (tables), or a numeric array `(rows, ...)`; images stay
            `(rows, height, width[, channels])` in the dtype of their file, uint8 as a rule.
        target: One label per row, `(rows,)`: int64, float64, bool, or object holding str. None where the source has no
            labels, or none were asked for.
        target_name: The name of the target's column; None for sources whose labels have no name.
        source: What was read.
        has_header: Whether the file names the columns; None where that has no meaning (arrays, images).
        test: The test set of a source that has one, such as the t10k files of an MNIST folder.
        positions: The place of each row in the source, counted from 0, where rows were left out; else None.
    """

    features: np.ndarray | polars.DataFrame
    target: np.ndarray | None
    target_name: str | None
    source: str
    has_header: bool | None
    test: Dataset | None = None
    positions: np.ndarray | None = None


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` most like `name`, or None where none is close.

    Case is ignored; similarity is that of `difflib.get_close_matches` at its default cutoff, 0.6.

    Example:
        >>> nearest("clas", ["class", "age"])
        'class'
    """
    by_lower = {other.lower(): other for other in names}
    matches = get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[matches[0]] if matches else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return the sentence that offers the nearest of `names`, or nothing."""
    near = nearest(name, names)
    return f"Did you mean {near!r}?" if near is not None else ""


def refuse_target(target: Any, what: str) -> None:
    """Raise if a target column is given for a source that has no columns to choose from."""
    if target is not None:
        raise NeedlessTargetError("target", f"be left out for {what}", repr(target))
