"""Making probabilities mean what they say: scalings of logits, fitted on rows that the model never saw.

`fit_calibration` chooses and fits a scaling; `temperature_of` fits one temperature. What they give is a `Calibration`,
which any logits of the same classes can be put through, with NumPy alone.
"""

from __future__ import annotations

from logitwise.classifier.calibration import Fit, fit_calibration, sharpening, temperature_of
from logitwise.model.calibration import Calibration

__all__ = ["Calibration", "Fit", "fit_calibration", "sharpening", "temperature_of"]
