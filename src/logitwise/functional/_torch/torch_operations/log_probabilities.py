"""Losses of log-probabilities, for the modules of `logitwise.nn`, in torch operations.

Log-probabilities in 32 or 64 bits, without weights and where the result is a finite number, are left to torch's own
operations. All others are computed here, in 64 bits.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import kl_div, nll_loss

from logitwise._arrays import in_32_bits_under_autocast, may_look, number_kind
from logitwise._errors import InvalidTypeError
from logitwise._requirements import as_floating, broadcast, check_choice, check_layout, check_same_framework
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._arguments.entries import check_all_not_negative
from logitwise.functional._arguments.even_weights import even_class_weights
from logitwise.functional._arguments.targets import count_indices, is_index_target
from logitwise.functional._arguments.weights import check_class_weight
from logitwise.functional._torch.tensors import SIXTEEN_BITS
from logitwise.functional._torch.torch_operations.rows import total, wide

REDUCTIONS = ("mean", "sum", "none")


def negative_log_likelihood(
    log_probabilities: Tensor, target: Tensor, class_weight: Tensor | None, ignore_index: int, reduction: str
) -> Tensor:
    """Return `-w_t log p_t`, reduced; the mean divides by the sum of the weights. Weights of 0 are not multiplied."""
    axis = 1 if log_probabilities.ndim > 1 else 0
    log_probabilities = in_32_bits_under_autocast(as_floating(log_probabilities, "input"))
    layout = check_layout(log_probabilities, axis, "input")
    target = check_same_framework(target, "target", log_probabilities, "input")
    if number_kind(target) != "integer":
        advice = "For a distribution over classes, use KLDivLoss, or CrossEntropyLoss on the logits."
        raise InvalidTypeError(
            "target", "be class indices, of an integer dtype", f"dtype {target.dtype}", advice=advice
        )
    is_index_target(target, layout, "input")
    rows_counted = count_indices(target, layout, ignore_index, None)
    class_weight = check_class_weight(class_weight, log_probabilities, layout, signed=True)
    check_choice(reduction, "reduction", REDUCTIONS)
    indices = target.long()
    if class_weight is None and rows_counted > 0 and log_probabilities.dtype not in SIXTEEN_BITS:
        return nll_loss(log_probabilities, indices, ignore_index=ignore_index, reduction=reduction)
    ignored = indices == ignore_index
    weights = _weights_of(indices, class_weight, ignored)
    if class_weight is not None and reduction == "mean":
        weights = even_class_weights(weights, weights)
    indices = indices.masked_fill(ignored, 0)
    chosen = log_probabilities.gather(axis, indices.unsqueeze(axis)).squeeze(axis)
    losses = -weights * wide(chosen.masked_fill(weights == 0.0, 0.0))
    if reduction == "mean":
        losses = mean(losses, weights)
    return (total(losses) if reduction == "sum" else losses).to(log_probabilities.dtype)


def _weights_of(indices: Tensor, class_weight: Tensor | None, ignored: Tensor) -> Tensor:
    if class_weight is None:
        return wide(~ignored)
    return wide(class_weight)[indices.masked_fill(ignored, 0)].masked_fill(ignored, 0.0)


def mean_of_indices(losses: Tensor, target: Tensor, class_weight: Tensor, ignore_index: int) -> Tensor:
    """Return the sum of weighted losses over that of the weights of their targets, of either sign, as torch does."""
    indices = target.long()
    return mean(wide(losses), _weights_of(indices, class_weight, indices == ignore_index))


def mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Return the sum of weighted losses over that of the weights, of either sign; 0 where no row has a weight."""
    counts = (weights != 0.0).any()
    if may_look(counts) and not bool(counts):
        suspicions.warn_of_no_rows("rows")
    return total(losses) / torch.where(counts, total(weights), 1.0)


def kl_divergence(log_probabilities: Tensor, target: Tensor, log_target: bool, reduction: str) -> Tensor:
    """Return `p (log p - log q)` for log-probabilities `log q`, reduced; 0 where `p` is 0, whatever the other is."""
    log_probabilities = in_32_bits_under_autocast(as_floating(log_probabilities, "input"))
    target = check_same_framework(as_floating(target, "target"), "target", log_probabilities, "input")
    check_choice(reduction, "reduction", (*REDUCTIONS, "batchmean"))
    broadcast(target, "target", log_probabilities, "input")
    if reduction != "none" and may_look(target):
        found = _of_finite(log_probabilities, target, log_target, reduction)
        if found is not None:
            return found
    dtype = torch.promote_types(log_probabilities.dtype, target.dtype)
    target = wide(target)  # once: what sixteen bits lack must not be lost between the parts of the gradient
    if not log_target:
        check_all_not_negative(target.detach().nan_to_num(0.0), "target")
    p = target.exp() if log_target else target
    absent = p == 0.0
    log_p = target if log_target else p.masked_fill(absent, 1.0).log()
    differences = log_p - wide(log_probabilities)
    losses = p * differences.masked_fill(absent, 0.0)
    if reduction == "none":
        return losses.to(dtype)
    size = math.prod(losses.shape) if reduction == "mean" else math.prod(log_probabilities.shape[:1])
    if reduction == "sum":
        size = 1
    elif not size and may_look(losses):
        suspicions.warn_of_no_rows("elements" if reduction == "mean" else "rows")
    return (total(losses) / (size or 1)).to(dtype)


def _of_finite(log_probabilities: Tensor, target: Tensor, log_target: bool, reduction: str) -> Tensor | None:
    """Return torch's own divergence of 32 or 64 bits, or None if it is not finite: for a negative target it is NaN."""
    if target.dtype != log_probabilities.dtype or target.dtype in SIXTEEN_BITS or not log_probabilities.numel():
        return None
    found = kl_div(log_probabilities, target, reduction="sum", log_target=log_target)
    if not found.isfinite():
        return None
    size = {"sum": 1, "mean": log_probabilities.numel(), "batchmean": math.prod(log_probabilities.shape[:1])}
    return found / size[reduction] if reduction != "sum" else found
