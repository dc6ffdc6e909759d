"""Softmax, log-softmax and logsumexp in torch operations."""

from __future__ import annotations

import torch
from torch import Tensor

from logitwise.functional._problems.softmax import SoftmaxProblem
from logitwise.functional._torch.torch_operations.rows import ShiftedRows, shift


def softmax(problem: SoftmaxProblem) -> Tensor:
    """Return the probabilities of the classes.

    The derivatives of the largest are minus the sums of those of the others, as `1 - p` demands: no derivative of a
    class is a difference of nearly equal numbers.
    """
    if not problem.layout.classes:
        return problem.logits.clone()
    rows = _rows(problem)
    probabilities = rows.exponentials / rows.total
    others = probabilities.masked_fill(rows.is_largest, 0.0).sum(problem.layout.axis, keepdim=True)
    largest = probabilities.detach() + (others.detach() - others)
    return _of_shape(torch.where(rows.is_largest, largest, probabilities), problem)


def log_softmax(problem: SoftmaxProblem) -> Tensor:
    """Return the log-probabilities of the classes; that of a masked class is a constant, and has no derivative.

    It is -inf, and NaN in a row that has NaN.
    """
    if not problem.layout.classes:
        return problem.logits.clone()
    rows = _rows(problem)
    results = rows.differences - rows.log_total
    if problem.mask is not None:
        outside = torch.where(rows.log_total.detach().isnan(), torch.nan, -torch.inf)
        results = torch.where(problem.mask, results, outside)
    return _of_shape(results, problem)


def logsumexp(problem: SoftmaxProblem) -> Tensor:
    """Return the logarithm of the sum of the exponentials."""
    axis = problem.layout.axis
    if not problem.layout.classes:
        return problem.logits.sum(axis, keepdim=problem.keepdims) - torch.inf
    rows = _rows(problem)
    largest = rows.largest.detach()
    finite = rows.largest.masked_fill(largest.isinf(), 0.0) + rows.log_total
    result = _of_shape(torch.where(largest.isinf(), largest, finite), problem)
    return result if problem.keepdims or not problem.layout.shape else result.squeeze(axis)


def _rows(problem: SoftmaxProblem) -> ShiftedRows:
    logits, mask = problem.logits, problem.mask
    if not problem.layout.shape:  # a single number is a row of one class
        logits, mask = logits.unsqueeze(0), None if mask is None else mask.unsqueeze(0)
    return shift(logits, problem.layout.axis, problem.temperature, mask, by_constants=True)


def _of_shape(values: Tensor, problem: SoftmaxProblem) -> Tensor:
    """Return values of rows in the dtype of the logits; those of a single number without an axis."""
    values = values.to(problem.logits.dtype)
    return values if problem.layout.shape else values.squeeze(0)
