"""Softmax, cross-entropy and the classifiers trained on them, for NumPy and PyTorch.

Importing this package imports NumPy only; numba, torch and scikit-learn come in when a name that needs them is first
used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME_OF = {
    "AxisWarning": "logitwise._warnings",
    "ImpossibleTargetWarning": "logitwise._warnings",
    "LogProbabilitiesAsLogitsWarning": "logitwise._warnings",
    "LogitwiseWarning": "logitwise._warnings",
    "MaskedRowWarning": "logitwise._warnings",
    "NoRowsWarning": "logitwise._warnings",
    "NotFiniteWarning": "logitwise._warnings",
    "OneClassWarning": "logitwise._warnings",
    "OneHotTargetWarning": "logitwise._warnings",
    "ProbabilitiesAsLogitsWarning": "logitwise._warnings",
    "UnnormalizedProbabilitiesWarning": "logitwise._warnings",
    "UnnormalizedTargetWarning": "logitwise._warnings",
    "ZeroClassWeightWarning": "logitwise._warnings",
    "InvalidArgumentError": "logitwise._errors",
    "InvalidTypeError": "logitwise._errors",
    "InvalidValueError": "logitwise._errors",
    "checks": "logitwise._warnings",
    "diagnose": "logitwise.diagnosis",
    "Classifier": "logitwise.classifier.estimator",
    "DataWarning": "logitwise.model.data_warnings",
    "TrainingWarning": "logitwise.classifier.notes",
    "binary_cross_entropy_with_logits": "logitwise.functional",
    "binary_cross_entropy_with_logits_and_gradient": "logitwise.functional",
    "cross_entropy": "logitwise.functional",
    "cross_entropy_and_gradient": "logitwise.functional",
    "load": "logitwise.model",
    "log_loss": "logitwise.functional",
    "log_sigmoid": "logitwise.functional",
    "log_softmax": "logitwise.functional",
    "logsumexp": "logitwise.functional",
    "report": "logitwise.evidence.reporting",
    "route_of": "logitwise.functional",
    "sigmoid": "logitwise.functional",
    "softmax": "logitwise.functional",
    "threads": "logitwise.functional",
}
_MODULES = ("calibration", "data", "metrics", "nn", "reference")

__all__ = [*_HOME_OF, *_MODULES, "__version__"]

if TYPE_CHECKING:
    from logitwise import calibration, data, metrics, nn, reference
    from logitwise._errors import InvalidArgumentError, InvalidTypeError, InvalidValueError
    from logitwise._warnings import (
        AxisWarning,
        ImpossibleTargetWarning,
        LogitwiseWarning,
        LogProbabilitiesAsLogitsWarning,
        MaskedRowWarning,
        NoRowsWarning,
        NotFiniteWarning,
        OneClassWarning,
        OneHotTargetWarning,
        ProbabilitiesAsLogitsWarning,
        UnnormalizedProbabilitiesWarning,
        UnnormalizedTargetWarning,
        ZeroClassWeightWarning,
        checks,
    )
    from logitwise.classifier.estimator import Classifier
    from logitwise.classifier.notes import TrainingWarning
    from logitwise.diagnosis import diagnose
    from logitwise.evidence.reporting import report
    from logitwise.functional import (
        binary_cross_entropy_with_logits,
        binary_cross_entropy_with_logits_and_gradient,
        cross_entropy,
        cross_entropy_and_gradient,
        log_loss,
        log_sigmoid,
        log_softmax,
        logsumexp,
        route_of,
        sigmoid,
        softmax,
        threads,
    )
    from logitwise.model.data_warnings import DataWarning
    from logitwise.model.model import load


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(import_module(_HOME_OF[name]), name)
    elif name in _MODULES:
        value = import_module(f"logitwise.{name}")
    else:
        raise AttributeError(f"module 'logitwise' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
