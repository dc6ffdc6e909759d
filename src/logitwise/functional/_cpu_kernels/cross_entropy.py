"""Cross-entropy by kernels: the loss of every row in float64, then the reduction."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from logitwise import _warnings
from logitwise._arrays import as_float64
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._cpu_kernels import focal_loss
from logitwise.functional._cpu_kernels.reduction import divisor_of
from logitwise.functional._memory.arrays import NO_ROWS, destination, float64_of, mask_of, memory_of, rows_of
from logitwise.functional._memory.results import deliver, like
from logitwise.functional._problems.cross_entropy import CrossEntropyProblem
from logitwise.kernels.cpu import cross_entropy as kernels
from logitwise.kernels.cpu.rows import sum_of


def loss(problem: CrossEntropyProblem) -> Any:
    """Return the loss, reduced as the options say."""
    return _reduced(problem, _losses(problem, None, 1.0), divisor(problem), None)


def loss_and_gradient(problem: CrossEntropyProblem, out: Any = None) -> tuple[Any, Any]:
    """Return the loss and its gradient with respect to the logits, in `out` if there is one."""
    divided_by = divisor(problem)
    gradient = destination(problem.logits, out, *problem.arrays()[1:])
    losses = _losses(problem, gradient, 1.0 / divided_by)
    return _reduced(problem, losses, divided_by, gradient), deliver(gradient, out)


def gradient(problem: CrossEntropyProblem, outer: Any, out: Any = None) -> Any:
    """Return the gradient of the loss times `outer`, a number or one per row, in `out` if there is one."""
    filled, scale = destination(problem.logits, out, *problem.arrays()[1:]), 1.0 / divisor(problem)
    if isinstance(outer, float):
        scale *= outer
    else:
        weight = problem.sample_weight
        problem = problem._replace(sample_weight=float64_of(outer) * (1.0 if weight is None else float64_of(weight)))
    _losses(problem, filled, scale)
    return deliver(filled, out)


def _reduced(problem: CrossEntropyProblem, losses: np.ndarray, divided_by: float, gradient: Any) -> Any:
    total = sum_of(losses)
    if not math.isfinite(total):
        suspicions.warn_of_losses(problem, losses, gradient)
    return reduced(problem, losses, total / divided_by)


def reduced(problem: Any, losses: np.ndarray, mean: float) -> Any:
    """Return the losses of the rows or their reduction, as the options say, in the dtype of the logits."""
    if problem.reduction == "none":
        return like(problem.logits, losses.reshape(problem.layout.row_shape))
    return like(problem.logits, mean)


def _losses(problem: CrossEntropyProblem, gradient: Any, scale: float) -> np.ndarray:
    """Return the loss of every row, and fill `gradient` (if there is one) with that of their sum times `scale`."""
    logits, encoding = rows_of(problem.logits, problem.layout)
    if _warnings.checks_are_on():
        suspicions.warn_of_logits(problem, logits, encoding)
    losses = np.empty(problem.layout.rows)
    output = NO_ROWS[logits.dtype] if gradient is None else rows_of(gradient, problem.layout)[0]
    numbers = (problem.label_smoothing, problem.z_loss, scale)
    mask = mask_of(problem.mask, problem.layout)
    options = kernels.Options(problem.ignore_index, *_weights(problem), *numbers, mask)
    if problem.gamma:
        focal_loss.fill(problem, logits, encoding, options, losses, output)
    elif problem.has_indices:
        kernels.cross_entropy(logits, encoding, memory_of(problem.target)[0].reshape(-1), options, losses, output)
    else:
        target, target_encoding = rows_of(problem.target, problem.layout)
        kernels.soft_cross_entropy(logits, encoding, target, target_encoding, options, losses, output)
    return losses


def divisor(problem: CrossEntropyProblem) -> float:
    """Return what the losses are divided by after they are summed."""
    if problem.reduction != "mean":
        return 1.0
    weight = _weight(problem)
    return divisor_of(weight, problem.normalizer, problem.unit, _weights_of_classes_present(problem))


def _weights_of_classes_present(problem: CrossEntropyProblem) -> Any:
    """Return the class weights, unless it is for another reason that no row has any weight."""
    class_weight, sample_weight = problem.class_weight, problem.sample_weight
    if class_weight is None or problem.rows_counted == 0 or not problem.layout.rows:
        return None
    return class_weight if sample_weight is None or bool((sample_weight != 0).any()) else None


def _weight(problem: CrossEntropyProblem) -> float:
    """Return the sum of `s r` over the rows that take part, in row order."""
    class_weight, sample_weight = _weights(problem)
    if problem.has_indices:
        if not class_weight.size and not sample_weight.size:
            return float(problem.rows_counted)
        target = memory_of(problem.target)[0].reshape(-1)
        return float(kernels.sum_of_target_weights(target, problem.ignore_index, class_weight, sample_weight))
    rows = _soft_row_weights(problem, class_weight) if class_weight.size else np.ones(problem.layout.rows)
    return float(sum_of(rows * sample_weight if sample_weight.size else rows))


def _soft_row_weights(problem: CrossEntropyProblem, class_weight: np.ndarray) -> np.ndarray:
    layout, weights = problem.layout, np.empty(problem.layout.row_shape)
    for piece, rows in layout.blocks():
        target = np.moveaxis(as_float64(problem.target[piece]), layout.axis, -1)
        weights[rows] = np.ascontiguousarray(target * class_weight).sum(-1)  # in pairs in contiguous memory only
    return weights.reshape(-1)


def _weights(problem: CrossEntropyProblem) -> tuple[np.ndarray, np.ndarray]:
    return _as_weights(problem.class_weight), _as_weights(problem.sample_weight)


def _as_weights(weights: Any) -> np.ndarray:
    return kernels.NO_WEIGHTS if weights is None else float64_of(weights)
