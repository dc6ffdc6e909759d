"""Which tensors the gate takes: ordinary CPU memory, whose addresses kernels may read; and new memory like theirs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from logitwise.functional._memory.arrays import destination
from logitwise.functional._memory.recycling import SMALLEST
from logitwise.functional._torch.recorded_kernels import has_hooks
from logitwise.functional._torch.tensors import ORDINARY, is_transforming, is_wrapped

NATIVE = (torch.float32, torch.float64)
_STRIDED, _IN_ORDER = torch.strided, torch.contiguous_format
_functions_of_modes = torch._C._len_torch_function_stack


def is_followed() -> bool:
    """Return whether something watches or changes operations on tensors: a compiler, a transform, a mode of torch."""
    return torch.compiler.is_compiling() or is_transforming() or _functions_of_modes() > 0


def is_plain(tensor: Any) -> bool:
    """Return whether this is an ordinary, C-contiguous CPU tensor that holds its elements as they are."""
    return (
        type(tensor) in ORDINARY
        and tensor.is_cpu
        and not (tensor.is_nested or is_wrapped(tensor))
        and tensor.layout is _STRIDED
        and tensor.is_contiguous()
        and not (tensor.is_neg() or tensor._is_zerotensor())
        and tensor.untyped_storage().nbytes() >= (tensor.storage_offset() + tensor.numel()) * tensor.element_size()
    )


def new_memory(like: Tensor) -> Tensor:
    """Return new memory like a plain tensor, which autograd does not follow."""
    return torch.empty_like(like, memory_format=_IN_ORDER) if like.nbytes < SMALLEST else destination(like, None)


def memory_of_gradient(logits: Tensor, recorded: bool) -> Tensor | None:
    """Return memory for the gradient that is computed with a recorded loss, or None where there is none."""
    return new_memory(logits) if recorded and not has_hooks() else None


def is_like(other: Any, logits: Tensor) -> bool:
    """Return whether another tensor is plain too, and has the shape and dtype of plain logits."""
    return type(other) is Tensor and is_plain(other) and other.dtype is logits.dtype and other.shape == logits.shape


def is_target_like(target: Any, logits: Tensor) -> bool:
    """Return whether a target is plain, has the shape and dtype of the logits, and is not differentiated by."""
    return is_like(target, logits) and not (target.requires_grad and torch.is_grad_enabled())


def is_memory_like(logits: Tensor, out: Any) -> bool:
    """Return whether `out` is ordinary memory of the shape and dtype of the logits, and apart from them."""
    return is_like(out, logits) and not out.requires_grad and are_apart(out, logits)


def are_apart(one: Tensor, other: Tensor) -> bool:
    """Return whether two contiguous tensors share no byte, whatever storages they say they lie in."""
    start, other_start = one.data_ptr(), other.data_ptr()
    end = start + one.numel() * one.element_size()
    return end <= other_start or other_start + other.numel() * other.element_size() <= start
