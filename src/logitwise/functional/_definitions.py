"""The route of arrays for operations without a kernel: the definitions of `reference/`, in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from logitwise import reference
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._arguments.entries import clipped
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
    losses = np.ascontiguousarray(_losses(problem)).reshape(-1)
    total = sum_of(losses)
    if not math.isfinite(total):
        suspicions.warn_of_impossible_targets(problem, losses)
    return reduced(problem, losses, total / divisor(problem))


def _losses(problem: CrossEntropyProblem) -> np.ndarray:
    """Return the loss of every row, in float64."""
    if not problem.has_indices:
        return _of_distributions(problem)
    index, weights = _safe_index(problem), _row_weights(problem)
    if problem.operation == "binary_log_loss":
        probabilities = clipped(np.asarray(problem.logits, np.float64), 1.0)
        losses = reference.binary_log_loss(probabilities, index)
        with np.errstate(invalid="ignore"):
            return np.where(weights == 0.0, 0.0, weights * losses)
    axis = problem.layout.axis
    at_target = np.take_along_axis(problem.logits, np.expand_dims(index, axis), axis).astype(np.float64)
    return reference.log_loss(clipped(at_target, 1.0), np.expand_dims(weights, axis), axis)


def _safe_index(problem: CrossEntropyProblem) -> np.ndarray:
    """Return the class indices, with class 0 in the rows that take no part."""
    silent = problem.silent()
    return (problem.target if silent is None else np.where(silent, 0, problem.target)).astype(np.intp)


def _row_weights(problem: CrossEntropyProblem) -> np.ndarray:
    """Return what multiplies the logarithm at the class index of each row; 0 in rows that take no part."""
    weights = np.ones(problem.layout.row_shape)
    if problem.class_weight is not None:
        weights *= problem.class_weight[_safe_index(problem)]
    if problem.sample_weight is not None:
        weights *= problem.sample_weight
    silent = problem.silent()
    return weights if silent is None else np.where(silent, 0.0, weights)


def _of_distributions(problem: CrossEntropyProblem) -> np.ndarray:
    """Return the loss of every row with a soft target, block by block."""
    axis, losses = problem.layout.axis, np.empty(problem.layout.row_shape)
    for piece, rows in problem.layout.blocks():
        coefficients = _coefficients(problem, piece, rows)
        losses[rows] = reference.log_loss(clipped(problem.logits[piece], 1.0), coefficients, axis)
    return losses


def _coefficients(problem: CrossEntropyProblem, piece: Any, rows: Any) -> np.ndarray:
    """Return `s v_j` of a block, what multiplies each `-log(p_j)`."""
    axis, coefficients = problem.layout.axis, np.asarray(problem.target[piece], np.float64)
    if problem.class_weight is not None:
        along_classes = [-1 if i == axis else 1 for i in range(coefficients.ndim)]
        coefficients = coefficients * problem.class_weight.reshape(along_classes)
    if problem.sample_weight is not None:
        coefficients = coefficients * np.expand_dims(problem.sample_weight[rows], axis)
    return coefficients


def _weighted_logsumexp(problem: WeightedLogsumexpProblem) -> Any:
    found = reference.weighted_logsumexp(problem.logits, problem.b, problem.axes.place)
    value, sign = (like(problem.logits, each.reshape(problem.shape)) for each in found)
    return (value, sign) if problem.return_sign else np.where(sign < 0, problem.logits.dtype.type(np.nan), value)[()]


_RESULTS = {"log_loss": _log_loss, "binary_log_loss": _log_loss, "weighted_logsumexp": _weighted_logsumexp}
