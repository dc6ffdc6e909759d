"""The classifier: an estimator that trains with torch, and a model that predicts with NumPy alone.

Importing this package imports neither torch nor scikit-learn; `Classifier` brings them in when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from logitwise.model.file import ModelFileError, refuse_irregular
from logitwise.model.model import Model, load

if TYPE_CHECKING:
    from logitwise.classifier.estimator import Classifier

__all__ = ["Classifier", "Model", "ModelFileError", "load", "refuse_irregular"]


def __getattr__(name: str) -> Any:
    if name == "Classifier":
        from logitwise.classifier.estimator import Classifier

        return Classifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
