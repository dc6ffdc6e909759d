"""Plain calls of `cross_entropy` and `focal_loss`: rows of logits and a class index for each."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from logitwise import _warnings
from logitwise._arrays import Layout
from logitwise.functional import _plain
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._problems.cross_entropy import CrossEntropyCall, CrossEntropyProblem
from logitwise.functional._problems.focal_loss import FocalCall
from logitwise.functional._torch.plain.memory import (
    are_apart,
    is_followed,
    is_memory_like,
    is_plain,
    memory_of_gradient,
    new_memory,
)
from logitwise.functional._torch.recorded_kernels import record
from logitwise.functional._torch.tensors import STORED, is_recorded
from logitwise.kernels.cpu.cross_entropy import plain_cross_entropy
from logitwise.kernels.cpu.focal_loss import plain_focal_loss
from logitwise.kernels.cpu.rows import FEW_CLASSES


def loss(call: CrossEntropyCall, gamma: float = 0.0) -> Tensor | None:
    """Return the loss, recorded where autograd asks for it, or None."""
    if is_followed() or not _is_taken(call):
        return None
    logits, recorded, with_checks = call.logits, is_recorded(call.logits), _warnings.checks_are_on()
    gradient = memory_of_gradient(logits, recorded)
    rows_counted, value = loss_of_plain(call, gradient, with_checks=with_checks, gamma=gamma)
    if rows_counted < 0:
        return None
    if not recorded:
        return value
    if call.mask is None:
        return record(logits, (call.target,), _PlainProblem(call.options, rows_counted, gamma), (value, gradient))
    options = call._replace(mask=None).options  # the node keeps tensors where hooks see them, and nowhere else
    others = (call.target, call.mask)
    return record(logits, others, _PlainProblem(options, rows_counted, gamma), (value, gradient))


def loss_and_gradient(call: CrossEntropyCall, out: Any, gamma: float = 0.0) -> tuple[Tensor, Tensor] | None:
    """Return the loss and its gradient, both detached, or None."""
    if is_followed() or not _is_taken(call):
        return None
    if not (out is None or (call.mask is None and _can_be_filled(out, call))):
        return None
    gradient = new_memory(call.logits) if out is None else out
    rows_counted, value = loss_of_plain(call, gradient, with_checks=_warnings.checks_are_on(), gamma=gamma)
    return None if rows_counted < 0 else (value, gradient)


def focal_loss(call: FocalCall) -> Tensor | None:
    """Return the focal loss, recorded where autograd asks for it, or None."""
    gamma = _plain_gamma(call)
    return None if gamma is None else loss(call.cross_entropy(), gamma)


def focal_loss_and_gradient(call: FocalCall, out: Any) -> tuple[Tensor, Tensor] | None:
    """Return the focal loss and its gradient, both detached, or None."""
    gamma = _plain_gamma(call)
    return None if gamma is None else loss_and_gradient(call.cross_entropy(), out, gamma)


def _plain_gamma(call: FocalCall) -> float | None:
    """Return gamma as a float, or None where the gate does not take it."""
    gamma = call.gamma
    if type(gamma) not in (int, float) or not 0.0 <= gamma < math.inf or gamma >= 2**63:
        return None
    return None if gamma and call.label_smoothing else float(gamma)


class _PlainProblem(NamedTuple):
    """What makes the problem of a plain call once its tensors are at hand again: the options, and the rows counted."""

    options: tuple[Any, ...]
    rows_counted: int
    gamma: float

    def with_arrays(self, logits: Tensor, target: Tensor, mask: Tensor | None = None) -> CrossEntropyProblem:
        """Return the problem."""
        layout = Layout.of(tuple(logits.shape), 1)
        operation = "focal_loss" if self.gamma else "cross_entropy"
        problem = CrossEntropyProblem(operation, logits, target, True, layout, *self.options)
        return problem._replace(mask=mask, rows_counted=self.rows_counted, gamma=self.gamma)


def _is_taken(call: CrossEntropyCall) -> bool:
    """Return whether the gate may try a call that nothing follows."""
    return (
        is_plain_matrix(call)
        and call.has_plain_options()
        and not (suspicions.may_end_in_activation(call.logits) and _warnings.checks_are_on())
    )


def is_plain_matrix(call: CrossEntropyCall) -> bool:
    """Return whether these are rows of logits, a class index for each and maybe a mask, in C-contiguous memory."""
    logits, target, axis, mask = call.logits, call.target, call.axis, call.mask
    if not (is_plain(logits) and type(target) is Tensor and is_plain(target)):
        return False
    shape = logits.shape
    if len(shape) != 2 or type(axis) is not int:
        return False
    rows, classes = shape
    return (
        classes > 1
        and rows > 0
        and (axis == 1 or axis == -1)
        and target.shape == (rows,)
        and target.dtype is torch.int64
        and logits.dtype in STORED
        and (mask is None or _is_plain_mask(mask, shape))
    )


def _is_plain_mask(mask: Any, shape: torch.Size) -> bool:
    """Return whether a mask of few classes is C-contiguous memory, for all rows together or for each."""
    return (
        type(mask) is Tensor
        and shape[1] <= FEW_CLASSES  # many take longer than the general checks: no second kernel is compiled for them
        and is_plain(mask)
        and mask.dtype is torch.bool
        and (mask.shape == shape or mask.shape == shape[1:] or mask.shape == (1, shape[1]))
    )


def loss_of_plain(
    call: CrossEntropyCall, gradient: Tensor | None, *, with_checks: bool, gamma: float = 0.0
) -> tuple[int, Tensor]:
    """Return how many rows take part (-1 where a warning or an error is due) and the loss; fill `gradient`, if any."""
    logits, target, _, _, _, ignore_index, smoothing, z_loss, _, _, mask = call
    (rows, classes), (example, encoding) = logits.shape, STORED[logits.dtype]
    value, divisor = logits.new_empty(()), _plain.divisor_of(call)
    filled = (0 if gradient is None else gradient.data_ptr(), value.data_ptr(), rows, classes, ignore_index)
    if gamma:
        at = (logits.data_ptr(), target.data_ptr())
        return plain_focal_loss(example, encoding, *at, *filled, gamma, with_checks, divisor), value
    masked, rows_of_mask = (None, 1) if mask is None else (mask.data_ptr(), mask.numel() // classes)
    used = plain_cross_entropy(
        example, encoding, logits.data_ptr(), target.data_ptr(), masked, rows_of_mask, *filled, smoothing, z_loss,
        with_checks, divisor,
    )  # fmt: skip
    return used, value


def _can_be_filled(out: Any, call: CrossEntropyCall) -> bool:
    """Return whether `out` is ordinary memory apart from the inputs, which a second look may need."""
    logits = call.logits
    return not logits.requires_grad and is_memory_like(logits, out) and are_apart(out, call.target)
