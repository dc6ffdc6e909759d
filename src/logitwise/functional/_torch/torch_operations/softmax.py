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
    rows = _rows(problem)
    probabilities = rows.exponentials / rows.total
    others = probabilities.masked_fill(rows.is_largest, 0.0).sum(problem.layout.axis, keepdim=True)
    largest = probabilities.detach() + (others.detach() - others)
    return torch.where(rows.is_largest, largest, probabilities).to(problem.logits.dtype)


def log_softmax(problem: SoftmaxProblem) -> Tensor:
    """Return the log-probabilities of the classes."""
    rows = _rows(problem)
    return (rows.differences - rows.log_total).to(problem.logits.dtype)


def logsumexp(problem: SoftmaxProblem) -> Tensor:
    """Return the logarithm of the sum of the exponentials."""
    rows = _rows(problem)
    largest = rows.largest.detach()
    finite = rows.largest.masked_fill(largest.isinf(), 0.0) + rows.log_total
    result = torch.where(largest.isinf(), largest, finite).to(problem.logits.dtype)
    return result if problem.keepdims else result.squeeze(problem.layout.axis)


def _rows(problem: SoftmaxProblem) -> ShiftedRows:
    return shift(problem.logits, problem.layout.axis, problem.temperature, problem.mask)
