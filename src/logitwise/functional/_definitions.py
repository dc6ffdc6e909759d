"""The route of arrays for operations without a kernel: the definitions of `reference.py`, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise import reference
from logitwise.functional._cpu_kernels.cross_entropy import divisor, reduced
from logitwise.functional._memory.results import like
from logitwise.functional._problems.cross_entropy import CrossEntropyProblem
from logitwise.functional._problems.weighted_logsumexp import WeightedLogsumexpProblem
from logitwise.kernels.cpu.rows import sum_of

NAME = "definitions"
REASON = "no kernel computes this function of arrays, so NumPy does, in float64, as it is defined"


def takes(call: Any) -> bool:
    """Return True: this is the last route of arrays."""
    return True


def result(call: Any, out: Any = None) -> Any:
    """Return the cross-entropy of probabilities, or a logsumexp with factors."""
    problem = call.checked()
    return _RESULTS[problem.operation](problem)


def _log_loss(problem: CrossEntropyProblem) -> Any:
    losses = reference.log_loss(problem.quiet_logits(fill=1.0), _coefficients(problem), problem.layout.axis)
    losses = losses.reshape(-1)
    return reduced(problem, losses, sum_of(losses) / divisor(problem))


def _coefficients(problem: CrossEntropyProblem) -> np.ndarray:
    """Return `s v_j`, what multiplies each `-log(p_j)`; 0 in rows that take no part."""
    axis, target = problem.layout.axis, problem.target
    if problem.has_indices:
        target = reference.one_hot(target, problem.layout.classes, axis)
    coefficients = np.asarray(target, np.float64)
    if problem.class_weight is not None:
        along_classes = [-1 if i == axis else 1 for i in range(coefficients.ndim)]
        coefficients = coefficients * problem.class_weight.reshape(along_classes)
    if problem.sample_weight is not None:
        coefficients = coefficients * np.expand_dims(problem.sample_weight, axis)
    silent = problem.silent()
    return coefficients if silent is None else np.where(np.expand_dims(silent, axis), 0.0, coefficients)


def _weighted_logsumexp(problem: WeightedLogsumexpProblem) -> Any:
    found = reference.weighted_logsumexp(problem.logits, problem.b, problem.axes.place)
    value, sign = (like(problem.logits, each.reshape(problem.shape)) for each in found)
    return (value, sign) if problem.return_sign else np.where(sign < 0, problem.logits.dtype.type(np.nan), value)[()]


_RESULTS = {"log_loss": _log_loss, "weighted_logsumexp": _weighted_logsumexp}
