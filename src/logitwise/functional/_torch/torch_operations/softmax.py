"""Softmax, log-softmax and logsumexp in torch operations."""

from __future__ import annotations

import torch
from torch import Tensor

from logitwise.functional._problems.softmax import SoftmaxProblem
from logitwise.functional._torch.torch_operations.rows import ShiftedRows, shift


def softmax(problem: SoftmaxProblem) -> Tensor:
    """Return the probabilities of the classes."""
    rows = _rows(problem)
    return (rows.exponentials / rows.total).to(problem.logits.dtype)


def log_softmax(problem: SoftmaxProblem) -> Tensor:
    """Return the log-probabilities of the classes."""
    rows = _rows(problem)
    return (rows.differences - rows.log_total).to(problem.logits.dtype)


def logsumexp(problem: SoftmaxProblem) -> Tensor:
    """Return the logarithm of the sum of the exponentials."""
    rows = _rows(problem)
    infinite = rows.largest.detach().isinf()
    result = torch.where(infinite, rows.largest, rows.largest.masked_fill(infinite, 0.0) + rows.log_total).to(
        problem.logits.dtype
    )
    return result if problem.keepdims else result.squeeze(problem.layout.axis)


def _rows(problem: SoftmaxProblem) -> ShiftedRows:
    return shift(problem.logits, problem.layout.axis, problem.temperature, problem.mask)
