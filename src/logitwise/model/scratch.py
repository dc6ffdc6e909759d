"""Memory that a loop over blocks uses again."""

from __future__ import annotations

import numpy as np


class Scratch:
    """Arrays by name, for one thread. The system clears new pages, which took longer than the writing to them."""

    def __init__(self) -> None:
        self._arrays: dict[str, np.ndarray] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
        """Return the array of a name; its contents are whatever was left there."""
        found = self._arrays.get(name)
        if found is None or found.shape != shape:
            found = self._arrays[name] = np.empty(shape, dtype)
        return found
