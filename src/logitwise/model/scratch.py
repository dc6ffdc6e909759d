"""Memory that a loop over blocks uses again and again."""

from __future__ import annotations

import numpy as np


class Scratch:
    """Arrays by name, of one thread. The system clears each new page: that took longer than what is written there."""

    def __init__(self) -> None:
        self._arrays: dict[str, np.ndarray] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
        """Return the array of a name, with whatever it holds."""
        found = self._arrays.get(name)
        if found is None or found.shape != shape:
            found = self._arrays[name] = np.empty(shape, dtype)
        return found
