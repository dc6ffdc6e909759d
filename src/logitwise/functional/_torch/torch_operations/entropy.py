"""Entropy of logits in torch operations."""

from __future__ import annotations

from torch import Tensor

from logitwise.functional._problems.entropy import EntropyProblem
from logitwise.functional._torch.torch_operations.rows import curve, shift, total_over


def entropy(problem: EntropyProblem) -> Tensor:
    """Return the entropy of each row.

    Of the definition, `log1p(rest) - sum_j p_j d_j`, the derivatives cancel where logits are nearly equal: `p_j` enters
    both terms. Therefore the n classes with `d_j >= -1` are compared with the mean of their exponentials, `exp(c)`:

        log(n) + log1p(far) - sum_near p_j (exp(c - d_j) - 1 - (c - d_j)) - sum_far p_j (d_j - c)

    with `far` the sum of the other exponentials, divided by that of the near. Without a second near class, that is the
    definition.
    """
    logits, mask, axis = problem.logits, problem.mask, problem.layout.axis
    if not problem.layout.classes:
        return logits.sum(axis, keepdim=problem.keepdims)
    if not problem.layout.shape:  # a single number is a row of one class
        logits, mask = logits.unsqueeze(0), None if mask is None else mask.unsqueeze(0)
    rows = shift(logits, axis, problem.temperature, mask)
    is_near = (rows.differences.detach() >= -1.0) | rows.is_largest
    is_far = ~is_near & (rows.others.detach() != 0.0)
    near = rows.differences.masked_fill(~is_near | rows.dead, 0.0)
    count = is_near.to(near.dtype).sum(axis, keepdim=True)
    excess = total_over(near.expm1(), axis) / count
    center = excess.log1p()
    bends = (rows.exponentials / rows.total).masked_fill(~is_near, 0.0) * curve(center - near)[1]
    distances = (center - rows.differences.masked_fill(~is_far, 0.0)).masked_fill(~is_far, 0.0)
    others = rows.others.masked_fill(~is_far, 0.0)
    far = total_over(others, axis) * rows.factor / (count * (1.0 + excess))
    mean = total_over(others * distances, axis) * rows.factor / rows.total
    entropies = count.log() + far.log1p() + (mean - total_over(bends, axis))
    entropies = entropies.masked_fill(rows.dead, 0.0).to(problem.logits.dtype)
    return entropies if problem.keepdims and problem.layout.shape else entropies.squeeze(axis)
