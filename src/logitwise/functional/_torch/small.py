"""The gate of tensors: small batches in ordinary memory are one compiled call, as for arrays in `_small.py`."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from logitwise import _warnings
from logitwise._arrays import Layout
from logitwise._requirements import holds_its_elements
from logitwise.functional import _small
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._memory.arrays import new_like
from logitwise.functional._problems.cross_entropy import CrossEntropyCall, CrossEntropyProblem
from logitwise.functional._torch.recorded_kernels import has_hooks, record
from logitwise.functional._torch.tensors import ORDINARY, STORED, is_recorded, is_transforming, is_wrapped
from logitwise.kernels.cpu import cross_entropy as kernels
from logitwise.kernels.cpu.rows import FEW_CLASSES

NAME = _small.NAME
REASON = _small.REASON
_BY_ARRAYS = ("softmax", "log_softmax", "sigmoid", "log_sigmoid")
_NATIVE = (torch.float32, torch.float64)


def result(call: Any, out: Any) -> Tensor | None:
    """Return probabilities or their logarithms by the gate of arrays, or None."""
    logits = call.logits
    if out is not None or call.operation not in _BY_ARRAYS or torch.compiler.is_compiling() or is_transforming():
        return None
    if is_recorded(logits) or not _is_plain(logits) or torch._C._len_torch_function_stack():
        return None
    filled = new_like(logits, logits.shape)
    found = _small.result(call._replace(logits=logits.detach().numpy()), filled.numpy())
    return None if found is None else filled


def _is_plain(logits: Tensor) -> bool:
    """Return whether these are few numbers of 32 or 64 bits in memory that a kernel can read."""
    return (
        type(logits) in ORDINARY
        and not is_wrapped(logits)
        and logits.dtype in _NATIVE
        and 0 < logits.numel() < kernels.SMALL
        and _is_plain_memory(logits)
    )


def _is_plain_memory(tensor: Tensor) -> bool:
    """Return whether an ordinary tensor is C-contiguous CPU memory that holds its elements as they are."""
    return (
        tensor.is_cpu
        and not tensor.is_nested
        and tensor.layout is torch.strided
        and tensor.is_contiguous()
        and not (tensor.is_neg() or tensor._is_zerotensor())
        and holds_its_elements(tensor)
    )


def loss(call: Any) -> Tensor | None:
    """Return the loss, recorded where autograd asks for it, or None."""
    if not _is_small(call):
        return None
    recorded = is_recorded(call.logits)
    gradient = new_like(call.logits) if recorded and not has_hooks() else None
    rows_counted, value = loss_of_small(call, gradient, with_checks=_warnings.checks_are_on())
    if rows_counted < 0:
        return None
    if not recorded:
        return value
    if call.mask is None:
        return record(call.logits, (call.target,), _SmallProblem(call.options, rows_counted), (value, gradient))
    options = call._replace(mask=None).options  # the node keeps tensors where hooks see them, and nowhere else
    return record(call.logits, (call.target, call.mask), _SmallProblem(options, rows_counted), (value, gradient))


def loss_and_gradient(call: Any, out: Tensor | None) -> tuple[Tensor, Tensor] | None:
    """Return the loss and its gradient, both detached, or None."""
    if not _is_small(call) or not (out is None or (call.mask is None and _can_be_filled(out, call))):
        return None
    gradient = new_like(call.logits) if out is None else out
    rows_counted, value = loss_of_small(call, gradient, with_checks=_warnings.checks_are_on())
    return None if rows_counted < 0 else (value, gradient)


class _SmallProblem(NamedTuple):
    """What makes the problem of a small call once its tensors are at hand again: the options, and the rows counted."""

    options: tuple[Any, ...]
    rows_counted: int

    def with_arrays(self, logits: Tensor, target: Tensor, mask: Tensor | None = None) -> CrossEntropyProblem:
        """Return the problem."""
        layout = Layout.of(tuple(logits.shape), 1)
        problem = CrossEntropyProblem("cross_entropy", logits, target, True, layout, *self.options)
        return problem._replace(mask=mask, rows_counted=self.rows_counted)


def _is_small(call: Any) -> bool:
    """Return whether the gate may try a call."""
    if type(call) is not CrossEntropyCall or torch.compiler.is_compiling() or is_transforming():
        return False
    if not is_small_matrix(call) or not call.has_plain_options():
        return False
    suspicious = suspicions.may_end_in_activation(call.logits) or suspicions.is_square(call.logits.shape)
    return not (suspicious and _warnings.checks_are_on())


def is_small_matrix(call: CrossEntropyCall) -> bool:
    """Return whether these are few rows of logits, a class index for each and maybe a mask, in C-contiguous memory."""
    logits, target, axis, mask = call.logits, call.target, call.axis, call.mask
    if type(logits) not in ORDINARY or type(target) is not Tensor or logits.is_nested or target.is_nested:
        return False
    shape = logits.shape
    return (
        not is_wrapped(logits)
        and len(shape) == 2
        and shape[1] > 1
        and type(axis) is int
        and (axis == 1 or axis == -1)
        and target.shape == shape[:1]
        and target.dtype is torch.int64
        and logits.dtype in STORED
        and 0 < logits.numel() < kernels.SMALL
        and _is_plain_memory(logits)
        and _is_plain_memory(target)
        and (mask is None or _is_small_mask(mask, shape))
    )


def _is_small_mask(mask: Any, shape: torch.Size) -> bool:
    """Return whether a mask of few classes is C-contiguous memory, for all rows together or for each."""
    return (
        type(mask) is Tensor
        and shape[1] <= FEW_CLASSES  # many take longer than the general checks: no second kernel is compiled for them
        and not is_wrapped(mask)
        and mask.dtype is torch.bool
        and _is_plain_memory(mask)
        and (mask.shape == shape or mask.shape == shape[1:] or mask.shape == (1, shape[1]))
    )


def loss_of_small(call: CrossEntropyCall, gradient: Tensor | None, *, with_checks: bool) -> tuple[int, Tensor]:
    """Return how many rows take part (-1 where a warning or an error is due) and the loss; fill `gradient`, if any."""
    logits, target, _, _, _, ignore_index, smoothing, z_loss, reduction, normalizer, mask = call
    (rows, classes), (example, encoding) = logits.shape, STORED[logits.dtype]
    value = new_like(logits, ())
    rows_counted = kernels.small_cross_entropy(
        example, encoding, logits.data_ptr(), target.data_ptr(),
        None if mask is None else mask.data_ptr(), 1 if mask is None else mask.numel() // classes,
        0 if gradient is None else gradient.data_ptr(), value.data_ptr(), rows, classes,
        ignore_index, smoothing, z_loss, with_checks, 1.0 if reduction == "sum" else float(normalizer or 0.0),
    )  # fmt: skip
    return rows_counted, value


def _can_be_filled(out: Any, call: CrossEntropyCall) -> bool:
    """Return whether `out` is ordinary memory apart from the inputs, which a second look may need."""
    logits = call.logits
    return (
        type(out) is Tensor
        and not is_wrapped(out)
        and out.dtype is logits.dtype
        and out.shape == logits.shape
        and not (out.requires_grad or logits.requires_grad)
        and _is_plain_memory(out)
        and _are_apart(out, logits)
        and _are_apart(out, call.target)
    )


def _are_apart(one: Tensor, other: Tensor) -> bool:
    """Return whether two contiguous tensors share no byte, whatever storages they say they lie in."""
    start, other_start = one.data_ptr(), other.data_ptr()
    end = start + one.numel() * one.element_size()
    return end <= other_start or other_start + other.numel() * other.element_size() <= start
