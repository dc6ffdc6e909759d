"""The losses that torch has no function for, as they are usually written."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def divergence_of_logits(logits: Tensor, target: Tensor) -> Tensor:
    own, other = torch.log_softmax(logits, -1), torch.log_softmax(target, -1)
    return functional.kl_div(own, other, log_target=True, reduction="batchmean")


def divergence_of_probabilities(logits: Tensor, target: Tensor) -> Tensor:
    return functional.kl_div(torch.log_softmax(logits, -1), target, reduction="batchmean")


def entropy(logits: Tensor) -> Tensor:
    return -(torch.log_softmax(logits, -1) * torch.softmax(logits, -1)).sum(-1).mean()


def focal_losses(logits: Tensor, target: Tensor) -> Tensor:
    """Return the usual formula, which loses the tail: `1 - exp(-loss)` is 0 in float32 from a loss of 3e-8 down."""
    surprise = functional.cross_entropy(logits, target, reduction="none")
    return (1 - torch.exp(-surprise)) ** 2.0 * surprise


def binary_focal_losses(logits: Tensor, target: Tensor) -> Tensor:
    """Return what `torchvision.ops.sigmoid_focal_loss` computes, alpha 0.25 and gamma 2."""
    p = torch.sigmoid(logits)
    surprise = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    p_t = p * target + (1 - p) * (1 - target)
    return (0.25 * target + 0.75 * (1 - target)) * (surprise * (1 - p_t) ** 2.0)
