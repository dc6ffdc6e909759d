"""Binary cross-entropy by kernels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from logitwise import _warnings
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._cpu_kernels.reduction import divisor_of
from logitwise.functional._memory.arrays import NO_ROWS, destination, float64_of, memory_of
from logitwise.functional._memory.results import deliver, like
from logitwise.functional._problems.binary_cross_entropy import BinaryProblem
from logitwise.kernels.cpu import binary_cross_entropy as kernels
from logitwise.kernels.cpu.binary_focal_loss import binary_focal_loss
from logitwise.kernels.cpu.rows import sum_of

_EVEN = np.ones(1)


def loss(problem: BinaryProblem) -> Any:
    """Return the loss, reduced as the options say."""
    return _computed(problem, None)


def loss_and_gradient(problem: BinaryProblem, out: Any = None) -> tuple[Any, Any]:
    """Return the loss and its gradient with respect to the logits, in `out` if there is one."""
    gradient = destination(problem.logits, out, *problem.arrays()[1:])
    return _computed(problem, gradient), deliver(gradient, out)


def gradient(problem: BinaryProblem, outer: Any, out: Any = None) -> Any:
    """Return the gradient of the loss times `outer`, a number or one per element, in `out` if there is one."""
    filled = destination(problem.logits, out, *problem.arrays()[1:])
    sample_weight = _weights(problem.sample_weight)
    scale = 1.0 / _divisor(problem, sample_weight)
    if isinstance(outer, float):
        scale *= outer
    else:
        sample_weight = float64_of(outer) * sample_weight
    _losses(problem, sample_weight, scale, filled)
    return deliver(filled, out)


def _computed(problem: BinaryProblem, gradient: Any) -> Any:
    """Return the reduced loss, and fill `gradient` (if there is one) with its gradient."""
    sample_weight = _weights(problem.sample_weight)
    divisor = _divisor(problem, sample_weight)
    losses = _losses(problem, sample_weight, 1.0 / divisor, gradient)
    total = sum_of(losses)
    if not math.isfinite(total):
        suspicions.warn_of_binary_losses(problem, gradient)
    if problem.reduction == "none":
        return like(problem.logits, losses.reshape(problem.logits.shape))
    return like(problem.logits, total / divisor)


def _losses(problem: BinaryProblem, sample_weight: np.ndarray, scale: float, gradient: Any) -> np.ndarray:
    """Return the losses (summed by blocks if there is a reduction); fill `gradient` with that of their sum, scaled."""
    logits, encoding = memory_of(problem.logits)
    if _warnings.checks_are_on():
        suspicions.warn_of_binary_logits(problem, logits, encoding)
    losses = np.empty(logits.size if problem.reduction == "none" else kernels.blocks_of(logits.size))
    output = NO_ROWS[logits.dtype].reshape(0) if gradient is None else memory_of(gradient)[0].reshape(-1)
    target, target_encoding = memory_of(problem.target)
    inputs = (logits.reshape(-1), encoding, target.reshape(-1), target_encoding)
    weights = (sample_weight, _weights(problem.pos_weight))
    if problem.gamma:
        binary_focal_loss(*inputs, *weights, problem.gamma, scale, losses, output)
    else:
        kernels.binary_cross_entropy(*inputs, *weights, problem.label_smoothing, scale, losses, output)
    return losses


def _divisor(problem: BinaryProblem, sample_weight: np.ndarray) -> float:
    """Return what the losses are divided by after they are summed."""
    if problem.reduction != "mean":
        return 1.0
    size = math.prod(problem.logits.shape)
    weight = float(size) if problem.sample_weight is None else float(sum_of(sample_weight))
    return divisor_of(weight, problem.normalizer, problem.unit)


def _weights(weights: Any) -> np.ndarray:
    return _EVEN if weights is None else float64_of(weights)
