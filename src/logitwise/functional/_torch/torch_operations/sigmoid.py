"""Sigmoid, its logarithm and the softplus in torch operations."""

from __future__ import annotations

import torch
from torch import Tensor

from logitwise.functional._problems.sigmoid import SigmoidProblem
from logitwise.functional._torch.torch_operations.rows import wide


def sigmoid(problem: SigmoidProblem) -> Tensor:
    """Return the probability of class 1."""
    logits = wide(problem.logits)
    tail = (-_magnitude(logits)).exp()
    return (torch.where(logits >= 0.0, 1.0, tail) / (1.0 + tail)).to(problem.logits.dtype)


def log_sigmoid(problem: SigmoidProblem) -> Tensor:
    """Return the log-probability of class 1."""
    return -softplus(-wide(problem.logits)).to(problem.logits.dtype)


def softplus(logits: Tensor) -> Tensor:
    """Return `log(1 + exp(z))`."""
    return torch.where(logits >= 0.0, logits, 0.0) + (-_magnitude(logits)).exp().log1p()


def _magnitude(logits: Tensor) -> Tensor:
    """Return the absolute value with derivative 1 at 0, not 0 as in `abs`: the functions here are smooth at 0."""
    return torch.where(logits >= 0.0, logits, -logits)
