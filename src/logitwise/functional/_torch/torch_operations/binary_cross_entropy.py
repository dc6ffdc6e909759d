"""Binary cross-entropy of logits in torch operations."""

from __future__ import annotations

from torch import Tensor

from logitwise.functional._problems.binary_cross_entropy import BinaryProblem
from logitwise.functional._torch.torch_operations.focal_loss import focused
from logitwise.functional._torch.torch_operations.reduction import reduced
from logitwise.functional._torch.torch_operations.rows import wide
from logitwise.functional._torch.torch_operations.sigmoid import softplus


def binary_cross_entropy_with_logits(problem: BinaryProblem) -> Tensor:
    """Return the binary loss, reduced as the options say."""
    logits, target = wide(problem.quiet_logits()), wide(problem.target)
    kept, spread = 1.0 - problem.label_smoothing, problem.label_smoothing / 2.0
    positive, negative = kept * target + spread, kept * (1.0 - target) + spread
    if problem.pos_weight is not None:
        positive = positive * wide(problem.pos_weight)
    losses = _weighted_surprise(positive, -logits, problem.gamma)
    losses = losses + _weighted_surprise(negative, logits, problem.gamma)
    if problem.sample_weight is not None:
        losses = losses * wide(problem.sample_weight)
    return reduced(losses, problem, _element_weights)


def _weighted_surprise(weight: Tensor, logits: Tensor, gamma: float) -> Tensor:
    return weight * focused(softplus(logits.masked_fill((weight == 0.0) & logits.isinf(), 0.0)), gamma)


def _element_weights(problem: BinaryProblem) -> Tensor:
    weight = problem.sample_weight
    return wide(problem.logits.new_ones(())).expand(problem.logits.shape) if weight is None else wide(weight)
