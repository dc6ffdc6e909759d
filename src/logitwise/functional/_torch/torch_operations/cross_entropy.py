"""Cross-entropy of logits, and of probabilities, in torch operations."""

from __future__ import annotations

import torch
from torch import Tensor

from logitwise.functional._problems.cross_entropy import CrossEntropyProblem
from logitwise.functional._torch.torch_operations.focal_loss import focused
from logitwise.functional._torch.torch_operations.reduction import reduced
from logitwise.functional._torch.torch_operations.rows import ShiftedRows, shift, wide


def cross_entropy(problem: CrossEntropyProblem) -> Tensor:
    """Return the loss, reduced as the options say."""
    return reduced(_losses(problem), problem, _row_weights)


def _losses(problem: CrossEntropyProblem) -> Tensor:
    dim = problem.layout.axis
    rows = shift(problem.quiet_logits(), dim)
    losses = _surprise(problem, rows)
    if problem.z_loss:
        normaliser = rows.largest.masked_fill(rows.dead, 0.0) + rows.log_total
        losses = losses + problem.z_loss * _class_row_weights(problem) * normaliser.squeeze(dim) ** 2
    losses = losses.masked_fill(rows.dead.squeeze(dim), torch.inf)
    if problem.sample_weight is not None:
        losses = losses * wide(problem.sample_weight)
    silent = problem.silent()
    return losses if silent is None else losses.masked_fill(silent, 0.0)


def _surprise(problem: CrossEntropyProblem, rows: ShiftedRows) -> Tensor:
    """Return `sum_j v_j u_j^g (lse - z_j)` for each row, without sample weights; `g` is 0 for a cross-entropy."""
    dim, classes, smoothing = problem.layout.axis, problem.layout.classes, problem.label_smoothing
    weights = _class_weights(problem)
    if not problem.has_indices:
        coefficients = (1.0 - smoothing) * wide(problem.target) + smoothing / classes
        return _weighted_surprise(coefficients if weights is None else coefficients * weights, rows, problem)
    index = _safe_index(problem).unsqueeze(dim)
    surprise = focused(rows.log_total - rows.differences.gather(dim, index), problem.gamma).squeeze(dim)
    surprise = surprise * _class_row_weights(problem)
    if not smoothing:
        return surprise
    even = rows.differences.new_full((), smoothing / classes) if weights is None else weights * (smoothing / classes)
    return (1.0 - smoothing) * surprise + _weighted_surprise(even.expand_as(rows.differences), rows, problem)


def _weighted_surprise(coefficients: Tensor, rows: ShiftedRows, problem: CrossEntropyProblem) -> Tensor:
    finite = rows.differences.masked_fill((coefficients == 0.0) & rows.differences.isinf(), 0.0)
    return (coefficients * focused(rows.log_total - finite, problem.gamma)).sum(problem.layout.axis)


def _class_weights(problem: CrossEntropyProblem) -> Tensor | None:
    weights = problem.class_weight
    return None if weights is None else _along_classes(problem, weights)


def _along_classes(problem: CrossEntropyProblem, weights: Tensor) -> Tensor:
    return wide(weights).reshape([-1 if i == problem.layout.axis else 1 for i in range(problem.logits.ndim)])


def _class_row_weights(problem: CrossEntropyProblem) -> Tensor:
    """Return `r`, the class weight of every row."""
    weights, dim = problem.class_weight, problem.layout.axis
    if weights is None:
        return wide(problem.logits.new_ones(()))
    if problem.has_indices:
        index = _safe_index(problem)  # flat: `vmap` cannot look up by a single number
        return wide(weights).index_select(0, index.reshape(-1)).reshape(index.shape)
    return (wide(problem.target) * _along_classes(problem, weights)).sum(dim)


def _row_weights(problem: CrossEntropyProblem) -> Tensor:
    """Return `s r`, the weight of every row; 0 where it takes no part."""
    weights = _class_row_weights(problem).expand(problem.layout.row_shape)
    if problem.sample_weight is not None:
        weights = weights * wide(problem.sample_weight)
    silent = problem.silent()
    return weights if silent is None else weights.masked_fill(silent, 0.0)


def _safe_index(problem: CrossEntropyProblem) -> Tensor:
    """Return the class indices with class 0 for ignored rows, which are silenced elsewhere."""
    silent = problem.silent()
    target = problem.target.long()
    return target if silent is None else target.masked_fill(silent, 0)


def log_loss(problem: CrossEntropyProblem) -> Tensor:
    """Return the cross-entropy of probabilities, reduced as the options say."""
    dim, weights = problem.layout.axis, _class_weights(problem)
    probabilities = wide(problem.quiet_logits(fill=1.0))
    if problem.has_indices:
        index = _safe_index(problem).unsqueeze(dim)
        losses = -probabilities.gather(dim, index).log().squeeze(dim) * _class_row_weights(problem)
    else:
        coefficients = wide(problem.target) if weights is None else wide(problem.target) * weights
        losses = -(coefficients * probabilities.masked_fill(coefficients == 0.0, 1.0).log()).sum(dim)
    if problem.sample_weight is not None:
        losses = losses * wide(problem.sample_weight)
    silent = problem.silent()
    losses = losses if silent is None else losses.masked_fill(silent, 0.0)
    return reduced(losses, problem, _row_weights)
