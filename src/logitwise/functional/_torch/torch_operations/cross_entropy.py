"""Cross-entropy of logits, and of probabilities, in torch operations."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from logitwise._arrays import as_float64, is_followed
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._arguments.entries import clipped
from logitwise.functional._arguments.targets import is_readable
from logitwise.functional._problems.cross_entropy import CrossEntropyProblem
from logitwise.functional._torch.torch_operations.focal_loss import focused
from logitwise.functional._torch.torch_operations.reduction import reduced
from logitwise.functional._torch.torch_operations.rows import ShiftedRows, shift, wide


def cross_entropy(problem: CrossEntropyProblem) -> Tensor:
    """Return the loss, reduced as the options say."""
    return reduced(_losses(problem), problem, _row_weights)


def _losses(problem: CrossEntropyProblem) -> Tensor:
    dim = problem.layout.axis
    problem = problem._replace(mask=_mask_of_used_rows(problem))
    rows = shift(problem.quiet_logits(), dim, mask=problem.mask, by_constants=True)
    losses = _surprise(problem, rows)
    if problem.z_loss:
        normaliser = rows.largest.masked_fill(rows.dead, 0.0) + rows.log_total
        losses = losses + problem.z_loss * _class_row_weights(problem) * normaliser.squeeze(dim) ** 2
    losses = losses.masked_fill(rows.dead.squeeze(dim), torch.inf)
    if problem.sample_weight is not None:
        losses = losses * wide(problem.sample_weight)
    silent = problem.silent()
    return losses if silent is None else losses.masked_fill(silent, 0.0)


def _mask_of_used_rows(problem: CrossEntropyProblem) -> Tensor | None:
    """Return the mask with every class in the rows that take no part, for which it is not read."""
    mask, silent = problem.mask, problem.silent()
    return mask if mask is None or silent is None else mask | silent.unsqueeze(problem.layout.axis)


def _surprise(problem: CrossEntropyProblem, rows: ShiftedRows) -> Tensor:
    """Return `sum_j v_j u_j^g (lse - z_j)` for each row, without sample weights; `g` is 0 for a cross-entropy."""
    dim, smoothing = problem.layout.axis, problem.label_smoothing
    weights = _class_weights(problem)
    if not problem.has_indices:
        coefficients = (1.0 - smoothing) * wide(problem.target) + _even(problem)
        return _weighted_surprise(coefficients if weights is None else coefficients * weights, rows, problem)
    index = _safe_index(problem).unsqueeze(dim)
    coefficient = (1.0 - smoothing) * _class_row_weights(problem)
    difference = rows.differences.gather(dim, index).squeeze(dim)
    difference = difference.masked_fill((coefficient == 0.0) & difference.isinf(), 0.0)
    surprise = coefficient * focused(rows.log_total.squeeze(dim) - difference, problem.gamma)
    if not smoothing:
        return surprise
    even = _even(problem) if weights is None else weights * _even(problem)
    return surprise + _weighted_surprise(even.expand_as(rows.differences), rows, problem)


def _even(problem: CrossEntropyProblem) -> Tensor:
    """Return `e / K` for the K classes of every row that take part; 0 for the others."""
    if problem.mask is None:
        return wide(problem.logits.new_ones(())) * (problem.label_smoothing / problem.layout.classes)
    taken = problem.mask.broadcast_to(problem.layout.shape)
    return taken * (problem.label_smoothing / wide(taken.sum(problem.layout.axis, keepdim=True).clamp(min=1)))


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
    losses = _losses_at_targets(problem) if problem.has_indices else _losses_of_distributions(problem)
    if is_readable(losses) and not bool(losses.isfinite().all()):
        suspicions.warn_of_impossible_targets(problem, as_float64(losses).reshape(-1))
    return reduced(losses, problem, _row_weights)


def _losses_at_targets(problem: CrossEntropyProblem) -> Tensor:
    index, weights, silent = _safe_index(problem), _row_weights(problem), problem.silent()
    chosen = problem.logits
    if problem.operation == "log_loss":
        axis = problem.layout.axis
        chosen, is_class_1 = chosen.gather(axis, index.unsqueeze(axis)).squeeze(axis), torch.ones_like(index).bool()
    else:
        is_class_1 = index == 1
    chosen = clipped(wide(chosen), 1.0)
    unread = (weights == 0.0) & torch.where(is_class_1, ~(chosen > 0.0), ~(chosen < 1.0))
    unread = unread if silent is None else unread | silent
    came = chosen.masked_fill(~is_class_1 | unread, 1.0)  # each logarithm sees only what it is for: no NaN derivatives
    losses = 0.0 - came.log()
    if problem.operation == "binary_log_loss":
        losses = losses - (-chosen.masked_fill(is_class_1 | unread, 0.0)).log1p()
    return losses * weights


def _losses_of_distributions(problem: CrossEntropyProblem) -> Tensor:
    """Return the losses of soft targets; block by block where no derivative needs what is computed on the way."""
    layout, arrays = problem.layout, problem.arrays()
    if any(array is not None and is_followed(array) for array in arrays):
        return _losses_of_block(problem, ..., ...)
    losses = wide(problem.logits.new_empty(layout.row_shape))
    for piece, rows in layout.blocks():
        losses[rows] = _losses_of_block(problem, piece, rows)
    return losses


def _losses_of_block(problem: CrossEntropyProblem, piece: Any, rows: Any) -> Tensor:
    axis, weights, silent = problem.layout.axis, _class_weights(problem), problem.silent()
    coefficients = wide(problem.target[piece])
    coefficients = coefficients if weights is None else coefficients * weights
    if problem.sample_weight is not None:
        coefficients = coefficients * wide(problem.sample_weight[rows]).unsqueeze(axis)
    probabilities = clipped(wide(problem.logits[piece]), 1.0)
    unread = (coefficients == 0.0) & ~(probabilities > 0.0)
    if silent is not None:
        silent = silent[rows].unsqueeze(axis)
        unread, coefficients = unread | silent, coefficients.masked_fill(silent, 0.0)
    return (coefficients * (0.0 - probabilities.masked_fill(unread, 1.0).log())).sum(axis)
