"""Focal losses as modules, with the arguments of torch's cross-entropies; torch has none of its own."""

from __future__ import annotations

from functools import partial
from typing import Literal, cast

import torch
from torch import Tensor

from logitwise import functional
from logitwise._requirements import check_not_negative
from logitwise.functional._types import Reduction
from logitwise.nn.drop_in import checks_options, drop_in


@checks_options
class FocalLoss(torch.nn.CrossEntropyLoss):
    """The focal loss of several classes: `logitwise.focal_loss` as a module.

    The arguments are `gamma`, by which a class that is likely already counts less, and by name those of
    `torch.nn.CrossEntropyLoss`. The mean divides by the sum of the weights, as the function does, for soft targets too.

    Args:
        gamma: The exponent of `1 - p`, zero or more; 0 is a cross-entropy.
        weight: One weight per class, or None; the literature calls it alpha.
        ignore_index: Rows with this class index take no part.
        reduction: 'mean', 'sum', or 'none' for one loss per row.
        label_smoothing: The part of the target spread evenly over all classes.

    Example:
        >>> import torch, logitwise as lw
        >>> loss = lw.nn.FocalLoss(2.0)
        >>> loss(torch.tensor([[2.0, 1.0, 0.1]]), torch.tensor([0]))
        tensor(0.0485)
    """

    def __init__(
        self,
        gamma: float = 2.0,
        *,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing)
        self.gamma = check_not_negative(gamma, "gamma")

    def extra_repr(self) -> str:
        """Return the options, for `repr`."""
        return f"gamma={self.gamma}, reduction={self.reduction!r}"

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of logits (N, C, d1, ...), with classes on axis 1, or of a single row (C,)."""
        return _focal_loss(
            input, target, self.weight, self.gamma, self.ignore_index, self.label_smoothing, self.reduction
        )


@partial(drop_in, takes_classes_on_dim_1=True)
def _focal_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    gamma: float,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
) -> Tensor:
    return functional.focal_loss(
        input,
        target,
        gamma=gamma,
        axis=1 if input.ndim > 1 else 0,
        class_weight=weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=cast("Reduction", reduction),
    )


@checks_options
class BinaryFocalLossWithLogits(torch.nn.BCEWithLogitsLoss):
    """The focal loss of two classes: `logitwise.binary_focal_loss_with_logits` as a module.

    The mean divides by the sum of the weights, as the function does. How the alpha of
    `torchvision.ops.sigmoid_focal_loss` maps to `pos_weight` is said there.

    Args:
        gamma: The exponent of the probability of the other class, zero or more; 0 is a binary cross-entropy.
        weight: A weight for every element, or None.
        pos_weight: The weight of the positive class, or None.
        reduction: 'mean', 'sum', or 'none' for one loss per element.
        ignore_index: A target that stands for a missing label, or None.
        missing: What a target of NaN is: 'error', or 'ignore' for a missing label.

    Example:
        >>> import torch, logitwise as lw
        >>> lw.nn.BinaryFocalLossWithLogits()(torch.tensor([50.0, -1.0]), torch.tensor([1.0, 0.0]))
        tensor(0.0113)
    """

    def __init__(
        self,
        gamma: float = 2.0,
        *,
        weight: Tensor | None = None,
        pos_weight: Tensor | None = None,
        reduction: str = "mean",
        ignore_index: int | None = None,
        missing: Literal["error", "ignore"] = "error",
    ) -> None:
        super().__init__(weight, reduction=reduction, pos_weight=pos_weight)
        self.gamma = check_not_negative(gamma, "gamma")
        self.ignore_index, self.missing = ignore_index, missing

    def extra_repr(self) -> str:
        """Return the options, for `repr`."""
        return f"gamma={self.gamma}, reduction={self.reduction!r}"

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of logits of any shape and targets of the same shape."""
        return _binary_focal_loss_with_logits(
            input,
            target,
            self.weight,
            self.pos_weight,
            self.gamma,
            self.reduction,
            self.ignore_index,
            self.missing,
        )


@drop_in
def _binary_focal_loss_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    pos_weight: Tensor | None,
    gamma: float,
    reduction: str,
    ignore_index: int | None,
    missing: str,
) -> Tensor:
    return functional.binary_focal_loss_with_logits(
        input,
        target,
        gamma=gamma,
        sample_weight=weight,
        pos_weight=pos_weight,
        reduction=cast("Reduction", reduction),
        ignore_index=ignore_index,
        missing=cast("Literal['error', 'ignore']", missing),
    )
