"""Entropy of logits in torch operations."""

from __future__ import annotations

from torch import Tensor

from logitwise.functional._problems.entropy import EntropyProblem
from logitwise.functional._torch.torch_operations.rows import shift, total_over


def entropy(problem: EntropyProblem) -> Tensor:
    """Return the entropy of each row: `log1p(rest) + sum_j p_j (-d_j)`, of which no term is negative.

    The probability of the largest logit is left out of the sum, since its `d` is 0, and so is a row of -inf alone.
    """
    logits, mask, axis = problem.logits, problem.mask, problem.layout.axis
    if not problem.layout.classes:
        return logits.sum(axis, keepdim=problem.keepdims)
    if not problem.layout.shape:  # a single number is a row of one class
        logits, mask = logits.unsqueeze(0), None if mask is None else mask.unsqueeze(0)
    rows = shift(logits, axis, problem.temperature, mask)
    distances = rows.differences.masked_fill(rows.others.detach() == 0.0, 0.0)
    mean = total_over(rows.others * -distances, axis) * rows.factor / rows.total
    entropies = (rows.log_total + mean).masked_fill(rows.dead, 0.0).to(problem.logits.dtype)
    return entropies if problem.keepdims and problem.layout.shape else entropies.squeeze(axis)
