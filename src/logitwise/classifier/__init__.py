"""What trains: the estimator, and all that leads from rows with labels to a model.

Importing this package imports neither torch nor scikit-learn; `Classifier` brings them in when it is first asked for.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from logitwise._extras import needed_for
from logitwise.classifier.notes import TrainingWarning
from logitwise.model import model
from logitwise.model.data_warnings import DataWarning
from logitwise.model.file import ModelFileError, refuse_irregular
from logitwise.model.model import Model, load

if TYPE_CHECKING:
    from logitwise.classifier.estimator import Classifier

__all__ = [
    "Classifier",
    "DataWarning",
    "Model",
    "ModelFileError",
    "TrainingWarning",
    "load",
    "refuse_irregular",
]


# Modules of other days: `from logitwise.classifier.model import Model` and `from logitwise.classifier.findings import
# DataWarning` still work.
sys.modules[f"{__name__}.model"] = model
sys.modules[f"{__name__}.findings"] = findings = sys.modules[__name__]


def __getattr__(name: str) -> Any:
    if name == "Classifier":
        with needed_for("logitwise.Classifier"):
            from logitwise.classifier.estimator import Classifier

        return Classifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
