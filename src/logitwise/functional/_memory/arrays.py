"""The memory of arrays and tensors as kernels take it: C-contiguous NumPy arrays, and their encoding."""

from __future__ import annotations

import math
import sys
from contextlib import nullcontext
from typing import Any

import numpy as np

from logitwise._arrays import Layout, in_own_memory, is_tensor
from logitwise._errors import InvalidValueError
from logitwise._requirements import holds_its_elements
from logitwise.functional._memory.recycling import SMALLEST, new_array
from logitwise.kernels.cpu.rows import BFLOAT16, FLOAT16, NATIVE

NO_ROWS = {np.dtype(name): np.empty((0, 0, 0), name) for name in ("float32", "float64", "uint16")}


def memory_of(array: Any) -> tuple[np.ndarray, int]:
    """Return the contiguous memory of a NumPy array or CPU tensor (a view where there can be one), and its encoding.

    16-bit floats come as uint16, with FLOAT16 or BFLOAT16 to say which they are.
    """
    if is_tensor(array):
        return _memory_of_tensor(array)
    flags = array.flags
    if not flags.c_contiguous:
        array = np.ascontiguousarray(array)
    elif not flags.writeable:
        array = np.asarray(_Writeable(array))
    return (array.view(np.uint16), FLOAT16) if array.dtype == np.float16 else (array, NATIVE)


class _Writeable:
    """Lends read-only memory as writeable, without a copy: Numba compiles for one kind of array; kernels only read."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.__array_interface__ = {**array.__array_interface__, "data": (array.ctypes.data, False)}


def _memory_of_tensor(tensor: Any) -> tuple[np.ndarray, int]:
    torch = sys.modules["torch"]
    with as_torch_itself():
        tensor = in_own_memory(tensor)
        if tensor._is_zerotensor():
            tensor = tensor.clone()
        tensor = tensor.resolve_neg().contiguous()
        if not holds_its_elements(tensor):
            got = f"one of shape {tuple(tensor.shape)} whose storage was resized"
            raise InvalidValueError("tensor", "be allocated", got)
        if tensor.dtype == torch.bfloat16:
            return tensor.view(torch.int16).numpy().view(np.uint16), BFLOAT16
        if tensor.dtype == torch.float16:
            return tensor.numpy().view(np.uint16), FLOAT16
        return tensor.numpy(), NATIVE


def as_torch_itself() -> Any:
    """Return a context in which no mode of torch (a default device, say) changes what is allocated or read."""
    torch = sys.modules["torch"]
    return torch._C.DisableTorchFunction() if torch._C._len_torch_function_stack() else nullcontext()


def rows_of(array: Any, layout: Layout) -> tuple[np.ndarray, int]:
    """Return the memory of an array of the shape of the logits as `(outer, classes, inner)`, and its encoding."""
    memory, encoding = memory_of(array)
    return memory.reshape(layout.outer, layout.classes, layout.inner), encoding


def mask_of(mask: Any, layout: Layout) -> np.ndarray | None:
    """Return the memory of a mask, if there is one, as `(1 or outer, classes, 1 or inner)`: without repetitions."""
    if mask is None:
        return None
    axis = layout.axis
    shape = (1,) * (len(layout.shape) - mask.ndim) + tuple(mask.shape)
    before = layout.shape[:axis] if any(size != 1 for size in shape[:axis]) else shape[:axis]
    after = layout.shape[axis + 1 :] if any(size != 1 for size in shape[axis + 1 :]) else shape[axis + 1 :]
    shape = (*before, layout.classes, *after)
    mask = mask.broadcast_to(shape) if is_tensor(mask) else np.broadcast_to(mask, shape)
    return memory_of(mask)[0].reshape(math.prod(before), layout.classes, math.prod(after))


def destination(like: Any, out: Any, *read: Any) -> Any:
    """Return `out` if a kernel can write into it while it reads `like` and `read`, else new memory like `like`."""
    if out is not None and is_contiguous(out) and not any(_overlaps(out, array) for array in (like, *read)):
        return out
    if is_tensor(like):
        return _new_tensor(like)
    return new_array(like.shape, like.dtype)


def new_like(array: Any, shape: tuple[int, ...] | None = None) -> Any:
    """Return new memory of the dtype of an array or tensor, of its shape or another, where that lives."""
    if not is_tensor(array):
        return np.empty(array.shape if shape is None else shape, array.dtype)
    torch = sys.modules["torch"]
    if torch._C._len_torch_function_stack():
        with torch._C.DisableTorchFunction():
            return array.new_empty(array.shape if shape is None else shape)
    return torch.empty_like(array, requires_grad=False) if shape is None else array.new_empty(shape)


def _new_tensor(like: Any) -> Any:
    torch = sys.modules["torch"]
    if like.numel() * like.element_size() < SMALLEST:
        return new_like(like, like.shape)
    with as_torch_itself():
        storage = np.dtype(f"int{8 * like.element_size()}")
        return torch.from_numpy(new_array(tuple(like.shape), storage)).view(like.dtype)


def _overlaps(out: Any, array: Any) -> bool:
    """Return whether two arrays share memory otherwise than element by element."""
    if array is None or array is out:
        return False
    if is_tensor(out):
        out, array = memory_of(out)[0], memory_of(array)[0]
    if not np.may_share_memory(out, array):
        return False
    same_place = out.__array_interface__["data"] == array.__array_interface__["data"]
    return not (same_place and out.dtype == array.dtype and out.shape == array.shape and is_contiguous(array))


def is_contiguous(array: Any) -> bool:
    """Return whether an array lies in memory in C order, without gaps, aligned."""
    if is_tensor(array):
        is_functional = sys.modules["torch"]._is_functional_tensor(array)
        return array.is_contiguous() and not (array.is_neg() or is_functional)
    return array.flags.c_contiguous and array.flags.aligned


def float64_of(array: Any) -> np.ndarray:
    """Return weights as flat, contiguous float64."""
    values = in_own_memory(array).double().cpu().numpy() if is_tensor(array) else array
    return np.ascontiguousarray(values, dtype=np.float64).reshape(-1)
