"""Softmax, cross-entropy and the classifiers trained on them, for NumPy and PyTorch.

Importing this package imports NumPy only; numba, torch and scikit-learn come in when a name that needs them is first
used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME_OF = {
    "AxisWarning": "logitwise._mistakes",
    "ImpossibleTargetWarning": "logitwise._mistakes",
    "LogProbabilitiesAsLogitsWarning": "logitwise._mistakes",
    "LogitwiseWarning": "logitwise._mistakes",
    "MaskedRowWarning": "logitwise._mistakes",
    "NoRowsWarning": "logitwise._mistakes",
    "NotFiniteWarning": "logitwise._mistakes",
    "OneClassWarning": "logitwise._mistakes",
    "OneHotTargetWarning": "logitwise._mistakes",
    "ProbabilitiesAsLogitsWarning": "logitwise._mistakes",
    "UnnormalizedProbabilitiesWarning": "logitwise._mistakes",
    "UnnormalizedTargetWarning": "logitwise._mistakes",
    "ZeroClassWeightWarning": "logitwise._mistakes",
    "checks": "logitwise._mistakes",
    "diagnose": "logitwise.diagnosis",
    "Classifier": "logitwise.classifier.estimator",
    "binary_cross_entropy_with_logits": "logitwise.functional",
    "binary_cross_entropy_with_logits_and_gradient": "logitwise.functional",
    "cross_entropy": "logitwise.functional",
    "cross_entropy_and_gradient": "logitwise.functional",
    "load": "logitwise.classifier.model",
    "log_loss": "logitwise.functional",
    "log_sigmoid": "logitwise.functional",
    "log_softmax": "logitwise.functional",
    "logsumexp": "logitwise.functional",
    "sigmoid": "logitwise.functional",
    "softmax": "logitwise.functional",
    "threads": "logitwise.functional",
}
_MODULES = ("data", "metrics", "nn", "reference")

__all__ = [*_HOME_OF, *_MODULES, "__version__"]

if TYPE_CHECKING:
    from logitwise import data, metrics, nn, reference
    from logitwise._mistakes import (
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
    from logitwise.classifier.model import load
    from logitwise.diagnosis import diagnose
    from logitwise.functional import (
        binary_cross_entropy_with_logits,
        binary_cross_entropy_with_logits_and_gradient,
        cross_entropy,
        cross_entropy_and_gradient,
        log_loss,
        log_sigmoid,
        log_softmax,
        logsumexp,
        sigmoid,
        softmax,
        threads,
    )


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
