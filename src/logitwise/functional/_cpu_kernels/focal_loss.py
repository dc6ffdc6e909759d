"""Focal losses by kernels: what takes the place of the kernels of the cross-entropies where gamma is above 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise.functional._memory.arrays import memory_of, rows_of
from logitwise.functional._problems.cross_entropy import CrossEntropyProblem
from logitwise.kernels.cpu import focal_loss as kernels


def fill(
    problem: CrossEntropyProblem, logits: np.ndarray, encoding: int, options: Any, losses: np.ndarray, output: Any
) -> None:
    """Fill the losses of rows and, unless it has size 0, their gradient."""
    if problem.has_indices:
        target = memory_of(problem.target)[0].reshape(-1)
        kernels.focal_loss(logits, encoding, target, options, problem.gamma, losses, output)
    else:
        target, target_encoding = rows_of(problem.target, problem.layout)
        kernels.soft_focal_loss(logits, encoding, target, target_encoding, options, problem.gamma, losses, output)
