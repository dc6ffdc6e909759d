"""Kullback-Leibler divergence of logits in torch operations; `kernels/cpu/kl_divergence.py` explains the formulas."""

from __future__ import annotations

import torch
from torch import Tensor

from logitwise.functional._problems.kl_divergence import KLDivergenceProblem
from logitwise.functional._torch.torch_operations.reduction import reduced
from logitwise.functional._torch.torch_operations.rows import (
    ShiftedRows,
    curve,
    divided,
    lost_of,
    shift,
    total_over,
    wide,
)

_FARTHEST = 100.0  # the largest A of which the exponential is used
_MAGNITUDE = 2.0**64  # of terms that would be subnormal
_LEADING = 2.0**26  # as many multiples of its inverse, of which each is at most 1, have an exact sum


def kl_divergence(problem: KLDivergenceProblem) -> Tensor:
    """Return the divergence, reduced as the options say."""
    dim = problem.layout.axis
    logits, target, unused = _quiet(problem)
    student = shift(logits, dim, problem.temperature)
    of_target = _of_probabilities if problem.are_probabilities else _of_logits
    losses = of_target(logits, target, student, problem)
    losses = losses.masked_fill(student.dead, torch.inf).masked_fill(unused, 0.0).squeeze(dim)
    if problem.sample_weight is not None:
        weight = wide(problem.sample_weight)
        losses = torch.where(weight == 0.0, 0.0, losses.masked_fill(weight == 0.0, 0.0) * weight)
    return reduced(losses, problem, _row_weights)


def _quiet(problem: KLDivergenceProblem) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits and target with zeros in rows that are not used, -inf outside of the mask, and which rows are not.

    A row is used if it has a weight, and the target gives a class a probability.
    """
    logits, target, dim = wide(problem.logits), wide(problem.target), problem.layout.axis
    outside = 0.0 if problem.are_probabilities else -torch.inf
    if problem.mask is not None:
        logits, target = logits.masked_fill(~problem.mask, -torch.inf), target.masked_fill(~problem.mask, outside)
    unused = (target.detach() == outside).all(dim, keepdim=True)
    if problem.sample_weight is not None:
        unused = unused | (problem.sample_weight.detach() == 0).unsqueeze(dim)
    return logits.masked_fill(unused, 0.0), target.masked_fill(unused, 0.0), unused


def _of_logits(logits: Tensor, target: Tensor, student: ShiftedRows, problem: KLDivergenceProblem) -> Tensor:
    """Return the divergences for a target of logits.

    Where the student's logit of the target's largest class is far below its largest, or is -inf, the definition serves:
    nothing cancels there.
    """
    dim, temperature = problem.layout.axis, problem.temperature
    teacher = shift(target, dim, temperature)
    place = target.detach().argmax(dim, keepdim=True)
    distance = -student.differences.gather(dim, place)  # A
    is_far = (distance.detach() > _FARTHEST) | student.dead
    magnitude = _magnitude(teacher.is_tiny() & student.is_tiny() & ~is_far)
    exponentials = teacher.magnified(magnitude)
    p = exponentials / teacher.total
    definition = _definition(p, teacher.differences - teacher.log_total, student, dim)
    near = logits.masked_fill(is_far, 0.0), target.masked_fill(is_far, 0.0)
    absent = exponentials.detach() == 0.0
    gaps = (near[0] - near[1]).masked_fill(absent, 0.0)
    lost = lost_of(near[0].detach(), near[1].detach(), 1.0).masked_fill(absent, 0.0)
    drift = (gaps - gaps.gather(dim, place)) + (lost - lost.gather(dim, place))
    drift = divided(drift, temperature)  # d; anything where the target has no probability
    growth = distance.masked_fill(is_far, 0.0).exp()
    others = student.magnified(magnitude).masked_fill(is_far, 1.0)
    is_near, curved = curve(drift)
    is_near = is_near & ~absent
    change = exponentials * (drift.masked_fill(~is_near, 0.0) + curved)
    change = torch.where(is_near, change, others * growth - exponentials)
    offset = (total_over(change.masked_fill(is_far, 0.0), dim) / magnitude / teacher.total).log1p()  # c
    q = others * ((distance.masked_fill(is_far, 0.0) - offset).exp() / teacher.total)
    terms = _terms(p, q, drift - offset, absent)
    return torch.where(is_far, definition, total_over(terms, dim) / magnitude)


def _magnitude(is_tiny: Tensor) -> Tensor:
    """Return the factor of the terms of every row: above 1 where they would be subnormal."""
    return torch.where(is_tiny, _MAGNITUDE, 1.0)


def _definition(p: Tensor, log_p: Tensor, student: ShiftedRows, dim: int) -> Tensor:
    """Return `sum_j p_j (log p_j - log q_j)`."""
    absent = p.detach() == 0.0
    differences = log_p.masked_fill(absent, 0.0) - (student.differences - student.log_total).masked_fill(absent, 0.0)
    return total_over(p * differences, dim)


def _of_probabilities(logits: Tensor, target: Tensor, student: ShiftedRows, problem: KLDivergenceProblem) -> Tensor:
    """Return the divergences for a target of probabilities, whose sum need not be quite 1."""
    dim = problem.layout.axis
    absent = target.detach() <= 0.0
    logarithms = target.masked_fill(absent, 1.0).log()
    x = (student.differences.masked_fill(absent, 0.0) - logarithms) - student.log_total
    is_certain = (target.detach() * student.is_largest).sum(dim, keepdim=True) == 1.0
    magnitude = _magnitude(student.is_tiny() & is_certain)
    q = student.magnified(magnitude) / student.total
    return total_over(_terms(target * magnitude, q, x, absent), dim) / magnitude + _excess(target, dim)


def _excess(target: Tensor, dim: int) -> Tensor:
    """Return the sum of the probabilities less 1: that of their leading digits, which is exact, and of the others."""
    leading = (target.detach() * _LEADING).round() / _LEADING
    return (leading.sum(dim, keepdim=True) - 1.0) + (target - leading).sum(dim, keepdim=True)


def _terms(p: Tensor, q: Tensor, x: Tensor, absent: Tensor) -> Tensor:
    """Return `p (exp(x) - 1 - x)`, which is `q - p (1 + x)`; q where p is 0."""
    is_near, curved = curve(x)
    far = q - p * (1.0 + x.masked_fill(absent, 0.0))
    return torch.where(absent, q, torch.where(is_near, p * curved, far))


def _row_weights(problem: KLDivergenceProblem) -> Tensor:
    """Return the weight of every row."""
    if problem.sample_weight is not None:
        return wide(problem.sample_weight)
    return wide(problem.logits.new_ones(())).expand(problem.layout.row_shape)
