"""Softmax, cross-entropy and the classifiers trained on them, for NumPy and PyTorch.

Importing this package imports NumPy only; numba, torch and scikit-learn come in when a name that needs them is first
used. Those whose packages are not installed are not listed; asked for, they say which extra brings them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from logitwise._extras import is_installed, needed_for

__version__ = "0.1.0"

_HOME_OF = {
    "AxisWarning": "logitwise._warnings",
    "ImpossibleTargetWarning": "logitwise._warnings",
    "LogProbabilitiesAsLogitsWarning": "logitwise._warnings",
    "LogitwiseWarning": "logitwise._warnings",
    "MaskedRowWarning": "logitwise._warnings",
    "NoRowsWarning": "logitwise._warnings",
    "NotFiniteWarning": "logitwise._warnings",
    "OneHotTargetWarning": "logitwise._warnings",
    "ProbabilitiesAsLogitsWarning": "logitwise._warnings",
    "UnnormalizedProbabilitiesWarning": "logitwise._warnings",
    "UnnormalizedTargetWarning": "logitwise._warnings",
    "ZeroClassWeightWarning": "logitwise._warnings",
    "InvalidArgumentError": "logitwise._errors",
    "InvalidTypeError": "logitwise._errors",
    "InvalidValueError": "logitwise._errors",
    "MissingPackageError": "logitwise._extras",
    "ModelFileError": "logitwise.model.file",
    "UnseenLabelsError": "logitwise.evidence.labels",
    "checks": "logitwise._warnings",
    "diagnose": "logitwise.diagnosis",
    "Classifier": "logitwise.classifier.estimator",
    "DataWarning": "logitwise.model.data_warnings",
    "TrainingWarning": "logitwise.classifier.notes",
    "binary_cross_entropy_with_logits": "logitwise.functional",
    "binary_cross_entropy_with_logits_and_gradient": "logitwise.functional",
    "binary_focal_loss_with_logits": "logitwise.functional",
    "binary_focal_loss_with_logits_and_gradient": "logitwise.functional",
    "cross_entropy": "logitwise.functional",
    "cross_entropy_and_gradient": "logitwise.functional",
    "entropy": "logitwise.functional",
    "entropy_and_gradient": "logitwise.functional",
    "kl_divergence": "logitwise.functional",
    "kl_divergence_and_gradient": "logitwise.functional",
    "focal_loss": "logitwise.functional",
    "focal_loss_and_gradient": "logitwise.functional",
    "load": "logitwise.model",
    "log_loss": "logitwise.functional",
    "log_sigmoid": "logitwise.functional",
    "log_softmax": "logitwise.functional",
    "logsumexp": "logitwise.functional",
    "report": "logitwise.evidence.reporting",
    "route_of": "logitwise.functional",
    "sigmoid": "logitwise.functional",
    "softmax": "logitwise.functional",
    "threads": "logitwise._threads",
}
_MODULES = ("calibration", "data", "explain", "metrics", "nn", "reference")
_NEEDS = {"Classifier": ("torch", "sklearn"), "diagnose": ("torch",), "nn": ("torch",)}  # packages beyond the core
_AVAILABLE = [
    name
    for name in (*_HOME_OF, *_MODULES, "__version__")
    if all(is_installed(package) for package in _NEEDS.get(name, ()))
]

if TYPE_CHECKING:  # `as` says that a name is public, which type checkers cannot see of `__all__`
    from logitwise import calibration as calibration
    from logitwise import data as data
    from logitwise import explain as explain
    from logitwise import metrics as metrics
    from logitwise import nn as nn
    from logitwise import reference as reference
    from logitwise._errors import InvalidArgumentError as InvalidArgumentError
    from logitwise._errors import InvalidTypeError as InvalidTypeError
    from logitwise._errors import InvalidValueError as InvalidValueError
    from logitwise._extras import MissingPackageError as MissingPackageError
    from logitwise._threads import threads as threads
    from logitwise._warnings import AxisWarning as AxisWarning
    from logitwise._warnings import ImpossibleTargetWarning as ImpossibleTargetWarning
    from logitwise._warnings import LogitwiseWarning as LogitwiseWarning
    from logitwise._warnings import LogProbabilitiesAsLogitsWarning as LogProbabilitiesAsLogitsWarning
    from logitwise._warnings import MaskedRowWarning as MaskedRowWarning
    from logitwise._warnings import NoRowsWarning as NoRowsWarning
    from logitwise._warnings import NotFiniteWarning as NotFiniteWarning
    from logitwise._warnings import OneHotTargetWarning as OneHotTargetWarning
    from logitwise._warnings import ProbabilitiesAsLogitsWarning as ProbabilitiesAsLogitsWarning
    from logitwise._warnings import UnnormalizedProbabilitiesWarning as UnnormalizedProbabilitiesWarning
    from logitwise._warnings import UnnormalizedTargetWarning as UnnormalizedTargetWarning
    from logitwise._warnings import ZeroClassWeightWarning as ZeroClassWeightWarning
    from logitwise._warnings import checks as checks
    from logitwise.classifier.estimator import Classifier as Classifier
    from logitwise.classifier.notes import TrainingWarning as TrainingWarning
    from logitwise.diagnosis import diagnose as diagnose
    from logitwise.evidence.labels import UnseenLabelsError as UnseenLabelsError
    from logitwise.evidence.reporting import report as report
    from logitwise.functional import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
    from logitwise.functional import (
        binary_cross_entropy_with_logits_and_gradient as binary_cross_entropy_with_logits_and_gradient,
    )
    from logitwise.functional import binary_focal_loss_with_logits as binary_focal_loss_with_logits
    from logitwise.functional import (
        binary_focal_loss_with_logits_and_gradient as binary_focal_loss_with_logits_and_gradient,
    )
    from logitwise.functional import cross_entropy as cross_entropy
    from logitwise.functional import cross_entropy_and_gradient as cross_entropy_and_gradient
    from logitwise.functional import entropy as entropy
    from logitwise.functional import entropy_and_gradient as entropy_and_gradient
    from logitwise.functional import focal_loss as focal_loss
    from logitwise.functional import focal_loss_and_gradient as focal_loss_and_gradient
    from logitwise.functional import kl_divergence as kl_divergence
    from logitwise.functional import kl_divergence_and_gradient as kl_divergence_and_gradient
    from logitwise.functional import log_loss as log_loss
    from logitwise.functional import log_sigmoid as log_sigmoid
    from logitwise.functional import log_softmax as log_softmax
    from logitwise.functional import logsumexp as logsumexp
    from logitwise.functional import route_of as route_of
    from logitwise.functional import sigmoid as sigmoid
    from logitwise.functional import softmax as softmax
    from logitwise.model.data_warnings import DataWarning as DataWarning
    from logitwise.model.file import ModelFileError as ModelFileError
    from logitwise.model.model import load as load
else:
    __all__ = _AVAILABLE


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF and name not in _MODULES:
        raise AttributeError(f"module 'logitwise' has no attribute {name!r}")
    with needed_for(f"logitwise.{name}"):
        home = import_module(_HOME_OF.get(name, f"logitwise.{name}"))
    value = home if name in _MODULES else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_AVAILABLE)
