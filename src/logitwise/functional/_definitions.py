"""The route of arrays for operations without a kernel: the definitions of `reference.py`, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise import reference
from logitwise.functional._cpu_kernels.cross_entropy import divisor, reduced
from logitwise.functional._problems.cross_entropy import CrossEntropyProblem
from logitwise.kernels.cpu.rows import sum_of

NAME = "definitions"
REASON = "no kernel computes this function of arrays, so NumPy does, in float64, as it is defined"


def takes(call: Any) -> bool:
    """Return True: this is the last route of arrays."""
    return True


def result(call: Any, out: Any = None) -> Any:
    """Return the cross-entropy of probabilities, the one such operation."""
    problem = call.checked()
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
