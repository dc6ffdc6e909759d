"""Calibration of a model's probabilities: scalings of logits that were fitted on rows the model never saw.

With logits z (log-probabilities will do), a calibration gives the probabilities

    p = (1 - u) softmax(scale * z + shift) + u / classes

Temperature scaling has one `scale` for all classes and no `shift`; affine scaling (two classes) adds a shift of the
logit; vector scaling (more) has one scale and one shift per class. u mixes in the uniform distribution: n rows cannot
rule out what happens to fewer than one row in n + 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from logitwise._display import Displayed
from logitwise.reference import log_softmax  # NumPy alone

METHODS = ("none", "temperature", "affine", "vector")


@dataclass(frozen=True, repr=False)
class Calibration(Displayed):
    """A scaling of logits and a mixture with the uniform distribution.

    Attributes:
        scale: Factors of the logits, float64, `(classes,)`.
        shift: What is added to them, float64, `(classes,)`.
        uniform: The weight of the uniform distribution, in [0, 1).
        method: "none", "temperature", "affine" or "vector".
    """

    scale: np.ndarray
    shift: np.ndarray
    uniform: float = 0.0
    method: str = "none"

    @classmethod
    def none(cls, n_classes: int, uniform: float = 0.0) -> Calibration:
        """Return the calibration that only mixes in the uniform distribution, with weight `uniform`."""
        return cls(np.ones(n_classes), np.zeros(n_classes), uniform)

    def sharpened(self, factor: float) -> Calibration:
        """Return the calibration whose scaled logits are multiplied by a factor."""
        return replace(self, scale=self.scale * factor, shift=self.shift * factor)

    def log_probabilities(self, logits: np.ndarray) -> NDArray[np.float64]:
        """Return calibrated log-probabilities, float64, for logits of shape `(rows, classes)`."""
        scaled = np.asarray(log_softmax(np.asarray(logits, dtype=np.float64) * self.scale + self.shift))
        if self.uniform == 0:
            return scaled
        return np.logaddexp(scaled + np.log1p(-self.uniform), np.log(self.uniform / len(self.scale)))

    def probabilities(self, logits: np.ndarray) -> NDArray[np.float64]:
        """Return calibrated probabilities, float64, for logits of shape `(rows, classes)`."""
        scaled = logits * self.scale
        scaled += self.shift
        scaled -= np.maximum.reduce(scaled, axis=1, keepdims=True)
        np.exp(scaled, out=scaled)
        scaled *= (1 - self.uniform) / np.add.reduce(scaled, axis=1, keepdims=True)
        scaled += self.uniform / len(self.scale)
        return scaled
