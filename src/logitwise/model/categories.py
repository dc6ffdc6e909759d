"""What becomes of a category: inputs of their own for its frequent levels, and the effects of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from logitwise.model.file import ModelFile


@dataclass(frozen=True)
class Category:
    """A category column.

    Attributes:
        levels: Its levels as text, the most frequent first.
        one_hot: How many of them have an input of their own, from the first on.
        effects: What each level adds to the logits as far as training rows tell, float32, `(levels, width)`: for two
            classes one number, else one for each class; zeros for levels with an input of their own. None for a column
            whose other levels say nothing of the target.
    """

    levels: tuple[str, ...]
    one_hot: int
    effects: np.ndarray | None = None

    @classmethod
    def of(cls, levels: tuple[str, ...]) -> Category:
        """Return the category each level of which has an input of its own."""
        return cls(levels, len(levels))

    @property
    def is_whole(self) -> bool:
        """Whether each level has an input of its own."""
        return self.one_hot == len(self.levels)

    @property
    def n_one_hot(self) -> int:
        """The number of inputs of its levels; two levels share one, and a single one has it alone."""
        return self.one_hot if len(self.levels) > 2 else min(self.one_hot, 1)

    @property
    def n_effects(self) -> int:
        """The number of inputs that hold effects."""
        return 0 if self.effects is None else self.effects.shape[1]

    def encode(self, codes: np.ndarray, inputs: np.ndarray) -> None:
        """Write the one-hot inputs of rows, `(n_one_hot, rows)`, which hold zeros."""
        rows = np.flatnonzero((codes >= 0) & (codes < self.one_hot))
        kept = codes[rows]
        if len(self.levels) > 2:
            inputs[kept, rows] = 1.0
        elif self.one_hot:
            inputs[0, rows] = 1 - 2 * kept

    def encode_effects(self, codes: np.ndarray, inputs: np.ndarray) -> None:
        """Write the effects of the levels of rows, `(n_effects, rows)`; they are 0 for what is missing or unknown."""
        if self.effects is not None:
            rows = np.flatnonzero(codes >= 0)
            inputs[:, rows] = self.effects[codes[rows]].T

    def header(self) -> dict[str, Any]:
        """Return the entry of the header of a model file that describes this."""
        return {"kind": "category", "levels": self.levels, "one_hot": self.one_hot, "effects": self.n_effects}

    @classmethod
    def from_file(cls, file: ModelFile, entry: Any, place: int) -> Category:
        """Return the category that an entry of `columns` describes, the `place`-th of them, verified."""
        known = entry if isinstance(entry, dict) and entry.get("kind") == "category" else {}
        levels = known.get("levels")
        if not isinstance(levels, list) or not are_names(levels, len(levels)):
            file.refuse("a column that is neither a number nor a category")
        one_hot, width = known.get("one_hot", len(levels)), known.get("effects", 0)
        if type(one_hot) is not int or not 0 <= one_hot <= len(levels) or type(width) is not int or width < 0:
            file.refuse("a category with more inputs than levels, or without their number")
        effects = file.tensor(tensor_name(place), np.float32, (len(levels), width)) if width else None
        return cls(tuple(levels), one_hot, effects)


def tensor_name(place: int) -> str:
    """Return the name of the tensor that holds the effects of a category, the `place`-th of them."""
    return f"categories.{place}.effects"


def are_names(names: list[Any], count: int) -> bool:
    """Return whether names are texts, each of them once, and so many."""
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names) == count
