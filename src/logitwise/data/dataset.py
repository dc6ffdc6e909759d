"""What a reader returns, and the error it raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitwise._display import LONGEST_NAME, Displayed, brief, counted, names, printable
from logitwise._errors import InvalidValueError

if TYPE_CHECKING:
    import polars


MOST_COUNTED = 100_000  # labels that are looked at to show a data set


class DataError(InvalidValueError):
    """A source that cannot be read, or a target that is not in it: one sentence, and what to do."""

    __module__ = "logitwise.data"


class UnknownColumnError(DataError):
    """A target that is not a column of the table."""

    __module__ = "logitwise.data"


class NeedlessTargetError(DataError):
    """A target column was given for a source that brings its own labels."""

    __module__ = "logitwise.data"


class NamesError(DataError):
    """Names that were given for the columns of a text file, and do not fit them."""

    __module__ = "logitwise.data"


@dataclass(frozen=True)
class Note:
    """What a reader understood of a source that could be understood otherwise: one sentence.

    Attributes:
        text: The sentence; it may name arguments as `{name}`.
        mentions: What the arguments that the sentence names are called here.
    """

    text: str
    mentions: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text.format_map(self.mentions) if self.mentions else self.text

    def renamed(self, names: Mapping[str, str]) -> Note:
        """Return this note with other names for the arguments it mentions."""
        return replace(self, mentions={key: names.get(name, name) for key, name in self.mentions.items()})


@dataclass(frozen=True, repr=False)
class Dataset(Displayed):
    """Features and labels as a source holds them: nothing scaled, encoded or shuffled.

    Attributes:
        features: A polars DataFrame without the target (tables), or a numeric array `(rows, ...)`; images stay
            `(rows, height, width[, channels])` in the dtype of their file, uint8 as a rule.
        target: One label per row, `(rows,)`: int64, float64, bool, or object holding str. None where the source has no
            labels, or none were asked for.
        target_name: The name of the target's column; None for sources whose labels have no name.
        source: What was read.
        has_header: Whether the columns have names, in a header line or given for it; None where that has no meaning
            (arrays, images).
        test: The test set of a source that has one, such as the t10k files of an MNIST folder.
        positions: The place of each row in the source, counted from 0, where rows were left out; else None.
        notes: What the reader understood that is not plain: lines skipped, a header in doubt, rows that are none.
    """

    features: np.ndarray | polars.DataFrame
    target: np.ndarray | None
    target_name: str | None
    source: str
    has_header: bool | None
    test: Dataset | None = None
    positions: np.ndarray | None = None
    notes: tuple[Note, ...] = ()

    def _title(self) -> str:
        return f"Dataset of {counted(len(self.features), 'row')}"

    def _facts(self) -> Mapping[str, Any]:
        return {
            "source": self.source,
            "features": self.features,
            "target": None if self.target is None else self._labels(self.target),
            "test": self.test,
            "notes": " ".join(map(str, self.notes)) or None,
        }

    def _labels(self, target: np.ndarray) -> str:
        name = "" if self.target_name is None else f"{printable(self.target_name, LONGEST_NAME)}: "
        if len(target) > MOST_COUNTED:
            return f"{name}{brief(target)}"
        labels = np.unique(target)
        return f"{name}{counted(len(labels), 'label')}: {names(labels.tolist())}"


def refuse_names(names: Any, what: str) -> None:
    """Raise if names are given for the columns of a source that is no text file."""
    if names is not None:
        raise DataError("names", f"be left out for {what}", f"{len(names)} names")


def refuse_target(target: Any, what: str) -> None:
    """Raise if a target column is given for a source that has no columns to choose from."""
    if target is not None:
        raise NeedlessTargetError("target", f"be left out for {what}", repr(target))
