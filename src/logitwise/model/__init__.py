"""What predicts: a trained model, its file, and all that lies between columns and probabilities; with NumPy alone."""

from __future__ import annotations

from logitwise.model.file import ModelFileError
from logitwise.model.model import Model, load

__all__ = ["Model", "ModelFileError", "load"]
