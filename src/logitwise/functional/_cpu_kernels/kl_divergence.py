"""Kullback-Leibler divergence by kernels: the loss of every row in float64, then the reduction."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from logitwise import _warnings
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._cpu_kernels.cross_entropy import reduced
from logitwise.functional._cpu_kernels.reduction import divisor_of
from logitwise.functional._cpu_kernels.softmax import clear_masked, mask_rows
from logitwise.functional._memory.arrays import NO_ROWS, destination, float64_of, rows_of
from logitwise.functional._memory.results import deliver
from logitwise.functional._problems.kl_divergence import KLDivergenceProblem
from logitwise.kernels.cpu import kl_divergence as kernels
from logitwise.kernels.cpu.rows import sum_of


def loss(problem: KLDivergenceProblem) -> Any:
    """Return the loss, reduced as the options say."""
    return _reduced(problem, _losses(problem, None, 1.0), _divisor(problem), None)


def loss_and_gradient(problem: KLDivergenceProblem, out: Any = None) -> tuple[Any, Any]:
    """Return the loss and its gradient with respect to the logits, in `out` if there is one."""
    divided_by = _divisor(problem)
    gradient = destination(problem.logits, out, *problem.arrays()[1:])
    losses = _losses(problem, gradient, 1.0 / divided_by)
    return _reduced(problem, losses, divided_by, gradient), deliver(gradient, out)


def gradient(problem: KLDivergenceProblem, outer: Any, out: Any = None) -> Any:
    """Return the gradient of the loss times `outer`, a number or one per row, in `out` if there is one."""
    filled, scale = destination(problem.logits, out, *problem.arrays()[1:]), 1.0 / _divisor(problem)
    if isinstance(outer, float):
        scale *= outer
    else:
        weight = problem.sample_weight
        problem = problem._replace(sample_weight=float64_of(outer) * (1.0 if weight is None else float64_of(weight)))
    _losses(problem, filled, scale)
    return deliver(filled, out)


def _losses(problem: KLDivergenceProblem, gradient: Any, scale: float) -> np.ndarray:
    """Return the loss of every row, and fill `gradient` (if there is one) with that of their sum times `scale`."""
    layout = problem.layout
    logits, target = rows_of(problem.logits, layout), rows_of(problem.target, layout)
    if _warnings.checks_are_on():
        suspicions.warn_of_divergence(problem, logits, target)
    losses = np.empty(layout.rows)
    output = NO_ROWS[logits[0].dtype] if gradient is None else rows_of(gradient, layout)[0]
    mask, weight = mask_rows(problem.mask, layout), _weights(problem)
    numbers = (float(problem.temperature), scale)
    kernels.kl_divergence(*logits, *target, problem.are_probabilities, mask, weight, *numbers, losses, output)
    clear_masked(gradient, problem.mask, losses)
    return losses


def _reduced(problem: KLDivergenceProblem, losses: np.ndarray, divided_by: float, gradient: Any) -> Any:
    total = sum_of(losses)
    if not math.isfinite(total):
        suspicions.warn_of_divergences(problem, losses, gradient)
    return reduced(problem, losses, total / divided_by)


def _divisor(problem: KLDivergenceProblem) -> float:
    """Return what the losses are divided by after they are summed."""
    if problem.reduction != "mean":
        return 1.0
    weights = _weights(problem)
    weight = float(sum_of(weights)) if problem.sample_weight is not None else float(problem.layout.rows)
    return divisor_of(weight, problem.normalizer, problem.unit)


def _weights(problem: KLDivergenceProblem) -> np.ndarray:
    return kernels.NO_WEIGHTS if problem.sample_weight is None else float64_of(problem.sample_weight)
