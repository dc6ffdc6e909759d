"""Rows with labels, to train on and to measure on, and how rows to measure on are held out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from logitwise._display import Displayed
from logitwise._errors import InvalidValueError
from logitwise.classifier.folds import split_rows
from logitwise.classifier.rows import find_classes
from logitwise.evidence.features import at
from logitwise.model.labels import class_indices

HELD_OUT_SHARE = 0.2


@dataclass(frozen=True, repr=False)
class LabelledRows(Displayed):
    """Rows with their labels.

    Attributes:
        features: A DataFrame of polars or of pandas, or an array `(rows, ...)`.
        labels: One per row, as `read_labels` returns them.
        name: The name of the file or folder they come from, or the bundled name.
        target_name: The name of the labels' column, or None.
        has_header: Whether the file names the columns; None where that has no meaning.
        positions: The place of each row in what was read, counted from 0.
    """

    features: Any
    labels: np.ndarray
    name: str
    target_name: str | None
    has_header: bool | None
    positions: np.ndarray

    @property
    def where(self) -> str:
        """What the rows are, in words."""
        count = "one row" if len(self.labels) == 1 else f"{len(self.labels):,} rows"
        return f"the {count} of {self.name}"

    @property
    def n_features(self) -> int:
        """The number of features per row, images flattened."""
        return int(np.prod(self.features.shape[1:]))

    @property
    def label_counts(self) -> dict[Any, int]:
        """How many rows each label has, in the order of the labels."""
        labels, counts = np.unique(self.labels, return_counts=True)
        return dict(zip(labels.tolist(), counts.tolist(), strict=True))

    def rows(self, positions: np.ndarray) -> LabelledRows:
        """Return the rows at `positions`."""
        chosen = {"labels": self.labels[positions], "positions": self.positions[positions]}
        return replace(self, features=at(self.features, positions), **chosen)

    def split(self, seed: int) -> tuple[LabelledRows, LabelledRows]:
        """Return the rows to train on and those to measure on: a fifth of each class, chosen by the seed.

        Raises:
            ValueError: Fewer than two classes, as many classes as rows, or too few rows to hold any out.
        """
        indices = class_indices(self.labels, find_classes(self.labels))
        trained, held_out = split_rows(indices, HELD_OUT_SHARE, np.random.default_rng(seed))
        if len(held_out) == 0:
            raise InvalidValueError(
                "X",
                "have enough rows to hold some out",
                len(indices),
                advice="Give {others}, or more rows.",
                mentions={"others": "rows to measure on"},
            )
        return self.rows(trained), self.rows(held_out)
