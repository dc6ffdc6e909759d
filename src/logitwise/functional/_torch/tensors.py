"""What torch says of tensors: whether kernels may read their memory, whether operations on them are followed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from logitwise._arrays import is_followed, is_traced
from logitwise.functional._arguments.weights import is_number
from logitwise.kernels.cpu.rows import BFLOAT16, FLOAT16, NATIVE

ORDINARY = (Tensor, torch.nn.Parameter)
SIXTEEN_BITS = (torch.float16, torch.bfloat16)
STORED = {  # a number as a kernel finds it in memory, and how it is to be read
    torch.float32: (np.float32(0), NATIVE),
    torch.float64: (np.float64(0), NATIVE),
    torch.bfloat16: (np.uint16(0), BFLOAT16),
    torch.float16: (np.uint16(0), FLOAT16),
}
_is_of_a_transform = torch._C._functorch.is_functorch_wrapped_tensor  # pyright: ignore[reportAttributeAccessIssue]
_is_functional = torch._is_functional_tensor  # pyright: ignore[reportPrivateImportUsage]


def is_wrapped(tensor: Tensor) -> bool:
    """Return whether this stands for another tensor, and so has no memory of its own: its address may be 0."""
    return _is_of_a_transform(tensor) or _is_functional(tensor)


def is_transforming(compiling: bool = False) -> bool:
    """Return whether operations are followed: by forward mode, a function transform (grad, vmap, ...) or a tracer."""
    return (
        forward_ad._current_level >= 0 or torch._C._are_functorch_transforms_active() or (not compiling and is_traced())
    )


def are_for_kernels(call: Any, compiling: bool = False) -> bool:
    """Return whether kernels may compute a call: ordinary CPU tensors, only the logits of which may require gradients.

    Args:
        call: The call.
        compiling: Whether torch compiles the code.
    """
    logits, number = call.logits, call.differentiable_option()
    if (
        type(logits) not in ORDINARY
        or not logits.is_cpu
        or is_transforming(compiling)
        or (isinstance(number, Tensor) and is_followed(number))
        or (not compiling and (is_wrapped(logits) or logits._is_zerotensor()))
    ):
        return False
    recording = torch.is_grad_enabled()
    for other in call.other_arrays():
        if other is None or is_number(other):
            continue
        if type(other) not in ORDINARY or (recording and other.requires_grad):
            return False
    return True


def is_recorded(logits: Tensor) -> bool:
    """Return whether autograd records what is computed from a tensor."""
    return logits.requires_grad and torch.is_grad_enabled()
