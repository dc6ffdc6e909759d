"""The losses of torch as modules."""

from __future__ import annotations

import math
from functools import partial
from typing import Literal, cast

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy

from logitwise import functional
from logitwise._arrays import may_look
from logitwise._errors import InvalidValueError
from logitwise.functional._problems.binary_cross_entropy import checked_probabilities, missing_labels
from logitwise.functional._suspicions import warn_of_no_rows
from logitwise.functional._torch.torch_operations.log_probabilities import (
    kl_divergence,
    mean_of_indices,
    negative_log_likelihood,
)
from logitwise.functional._types import Reduction
from logitwise.nn.drop_in import checks_options, drop_in, warn


@checks_options
class CrossEntropyLoss(torch.nn.CrossEntropyLoss):
    """`torch.nn.CrossEntropyLoss`, computed by `logitwise.cross_entropy`: same arguments, shapes and results.

    The results differ where torch is wrong. A confident row has the loss `log1p(sum of the other exponentials)` and a
    gradient of that size, where torch gives exactly 0 in float32. Ignored rows may hold NaN or infinities. If every row
    is ignored, the mean is 0, with a warning, instead of NaN. Class indices may have any integer dtype.

    Class weights may be negative, as in torch, except for a mean in compiled code.

    As in torch, the mean over soft targets divides by the number of rows even if there are class weights
    (`logitwise.cross_entropy` divides by the sum of the weights).

    A call takes one more argument, `mask`, as the function: classes take part where it is True.

    Example:
        >>> import torch, logitwise as lw
        >>> loss = lw.nn.CrossEntropyLoss()
        >>> loss(torch.tensor([[20.0, 0.0, 0.0]]), torch.tensor([0]))
        tensor(4.1223e-09)
        >>> loss(torch.tensor([[20.0, 0.0, 0.0]]), torch.tensor([1]), mask=torch.tensor([False, True, True]))
        tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the loss of logits (N, C, d1, ...), with classes on axis 1, or of a single row (C,)."""
        return _cross_entropy(input, target, self.weight, self.ignore_index, self.label_smoothing, self.reduction, mask)


@partial(drop_in, takes_classes_on_dim_1=True)
def _cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
    mask: Tensor | None,
) -> Tensor:
    axis = 1 if input.ndim > 1 else 0
    if ignore_index >= 0 and target.dtype.is_floating_point and target.shape == input.shape:
        requirement = "be negative, or left out, where the target is a distribution over classes"
        raise InvalidValueError("ignore_index", requirement, ignore_index)
    rows = None
    if target.dtype.is_floating_point:
        if weight is not None and reduction == "mean":  # without weights, the function counts the rows
            rows = math.prod(input.shape[:axis] + input.shape[axis + 1 :]) or None
    elif weight is not None and reduction == "mean" and may_look(weight) and bool((weight < 0).any()):
        wide = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
        losses = _cross_entropy(wide, target, weight, ignore_index, label_smoothing, "none", mask)
        return mean_of_indices(losses, target, weight, ignore_index).to(input.dtype)
    return functional.cross_entropy(
        input,
        target,
        axis=axis,
        class_weight=weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=cast("Reduction", reduction),
        normalizer=rows,
        mask=mask,
    )


@checks_options
class BCEWithLogitsLoss(torch.nn.BCEWithLogitsLoss):
    """`torch.nn.BCEWithLogitsLoss`, computed by `binary_cross_entropy_with_logits`: same arguments and results.

    Both tails are exact, targets may be integers or booleans, and a target outside [0, 1] is an error. As in torch,
    the mean divides by the number of elements even if there are weights.

    Three more arguments are those of the function: `label_smoothing`; and `ignore_index` and `missing`, which say how
    missing labels are marked. The mean then divides by the number of labels that are not missing.

    Example:
        >>> import torch, logitwise as lw
        >>> lw.nn.BCEWithLogitsLoss()(torch.tensor([50.0]), torch.tensor([1.0]))
        tensor(1.9287e-22)
    """

    ignore_index = None  # of modules pickled before it was there; no annotation, which torch.jit.script would read
    missing = "error"
    label_smoothing = 0.0

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
        *,
        ignore_index: int | None = None,
        missing: Literal["error", "ignore"] = "error",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction, pos_weight)
        self.ignore_index, self.missing, self.label_smoothing = ignore_index, missing, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of logits of any shape and targets of the same shape."""
        return _binary_cross_entropy_with_logits(
            input, target, self.weight, self.pos_weight, self.reduction, self.ignore_index, self.missing,
            self.label_smoothing,
        )  # fmt: skip


@drop_in
def _binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    pos_weight: Tensor | None,
    reduction: str,
    ignore_index: int | None,
    missing: str,
    label_smoothing: float,
) -> Tensor:
    is_mean = reduction == "mean" and input.numel() > 0
    return functional.binary_cross_entropy_with_logits(
        input,
        target,
        sample_weight=weight,
        pos_weight=pos_weight,
        label_smoothing=label_smoothing,
        reduction=cast("Reduction", reduction),
        normalizer=_count_labels(input, target, weight, ignore_index, missing) if is_mean else None,
        ignore_index=ignore_index,
        missing=cast("Literal['error', 'ignore']", missing),
    )


def _count_labels(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None, missing: str
) -> int | Tensor | None:
    """Return the number of labels; None where a mean over those that are not missing has none to divide by."""
    if weight is None:  # the function counts them
        return None
    silent = missing_labels(target, ignore_index, missing)
    return math.prod(input.shape) if silent is None else (~silent).sum().clamp(min=1)


@checks_options
class BCELoss(torch.nn.BCELoss):
    """`torch.nn.BCELoss`, for probabilities: torch's arithmetic, but inputs and targets outside [0, 1] are errors.

    Where you have logits, use `BCEWithLogitsLoss`: a probability near 0 or 1 is rounded, and has lost the tail of its
    logit. As in torch, the logarithm is bounded below by -100. The mean over no elements is 0, with a warning.

    Example:
        >>> import torch, logitwise as lw
        >>> lw.nn.BCELoss()(torch.tensor([0.5]), torch.tensor([1.0]))
        tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of probabilities of any shape and targets of the same shape."""
        return _binary_cross_entropy(input, target, self.weight, self.reduction)


@drop_in
def _binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    input, target = checked_probabilities(input, target, weight)
    if reduction == "mean" and not input.numel():
        if may_look(input):
            warn_of_no_rows("elements")
        reduction = "sum"  # 0, as the mean of nothing is defined; torch divides by 0
    return binary_cross_entropy(input, target.to(input.dtype), weight, reduction=reduction)


@checks_options
class NLLLoss(torch.nn.NLLLoss):
    """`torch.nn.NLLLoss`, for log-probabilities: same arguments and results.

    What a target of `ignore_index`, or of weight 0, is paired with is not read. If every row is ignored, the mean is 0,
    with a warning, instead of NaN. Class indices may have any integer dtype. Where you have logits, use
    `CrossEntropyLoss`, in one pass.

    Example:
        >>> import torch, logitwise as lw
        >>> log_probabilities = lw.nn.LogSoftmax(dim=1)(torch.tensor([[20.0, 0.0, 0.0]]))
        >>> lw.nn.NLLLoss()(log_probabilities, torch.tensor([0]))
        tensor(4.1223e-09)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of log-probabilities (N, C, d1, ...), with classes on axis 1, or of a single row (C,)."""
        return _negative_log_likelihood(input, target, self.weight, self.ignore_index, self.reduction)


@partial(drop_in, takes_classes_on_dim_1=True)
def _negative_log_likelihood(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str
) -> Tensor:
    return negative_log_likelihood(input, target, weight, ignore_index, reduction)


@checks_options
class KLDivLoss(torch.nn.KLDivLoss):
    """`torch.nn.KLDivLoss`, of log-probabilities from a target distribution: same arguments and results.

    A class whose probability is 0 in the target adds 0, and no gradient, whatever the log-probability: torch gives NaN
    for a log-probability of -inf, and for a log-target of -inf. A negative target, and one with more elements than the
    input, is an error. A mean over nothing is 0, with a warning, instead of NaN.

    Example:
        >>> import torch, logitwise as lw
        >>> log_probabilities = lw.nn.LogSoftmax(dim=1)(torch.tensor([[2.0, 1.0, 0.1]]))
        >>> lw.nn.KLDivLoss(reduction="batchmean")(log_probabilities, torch.tensor([[0.5, 0.5, 0.0]]))
        tensor(0.2239)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the divergence of log-probabilities of any shape, and targets that broadcast to it."""
        return _kl_divergence(input, target, self.log_target, self.reduction)


@drop_in
def _kl_divergence(input: Tensor, target: Tensor, log_target: bool, reduction: str) -> Tensor:
    if reduction == "mean":
        warn(
            "reduction must be 'batchmean' for the divergence per row; got 'mean', which divides by the number of "
            "classes too, as in torch. Pass reduction='batchmean'.",
            stacklevel=7,
        )
    return kl_divergence(input, target, log_target, reduction)
