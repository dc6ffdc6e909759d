"""From what was computed to what the caller gets: the dtype, and the caller's own array."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from logitwise._arrays import is_tensor
from logitwise.functional._memory.arrays import as_torch_itself

LARGEST_FLOAT16 = 65504.0
_SIXTEEN_BITS = 2  # bytes


def like(logits: Any, result: Any) -> Any:
    """Return float64 results in the framework and dtype of `logits`, rounded once; a NumPy number as a scalar."""
    if is_tensor(logits):
        torch = sys.modules["torch"]
        with as_torch_itself():
            if logits.dtype.itemsize == _SIXTEEN_BITS:  # torch rounds to 32 bits on the way
                return torch.as_tensor(_to_odd(np.asarray(result)), device=logits.device).to(logits.dtype)
            if not isinstance(result, np.ndarray) and abs(result) < LARGEST_FLOAT16:
                return torch.full((), result, dtype=logits.dtype, device=logits.device)
            return torch.as_tensor(result, dtype=torch.float64, device=logits.device).to(logits.dtype)
    if not isinstance(result, np.ndarray) and abs(result) < LARGEST_FLOAT16:
        return logits.dtype.type(result)
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(result).astype(logits.dtype, copy=False)[()]


def _to_odd(values: np.ndarray) -> np.ndarray:
    """Return float64 as float32 that can be rounded on to 16 bits: see `to_odd` in `kernels/cpu/rows.py`."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        nearest = np.asarray(values, np.float32)
        lost, bits = values - nearest, nearest.view(np.int32)
        is_even_and_off = ((lost > 0.0) | (lost < 0.0)) & (bits & 1 == 0)
    steps = np.where((lost > 0.0) == (values > 0.0), 1, -1)
    return np.asarray(bits + np.where(is_even_and_off, steps, 0), np.int32).view(np.float32)


def deliver(result: Any, out: Any) -> Any:
    """Return `result`, in `out` where there is one; a NumPy result without axes as a scalar."""
    if out is None:
        return result if is_tensor(result) or result.ndim else result[()]
    if out is not result:
        out[...] = result
    elif is_tensor(out):  # a kernel wrote past torch, which is to know: a backward pass may need what was there
        sys.modules["torch"].autograd.graph.increment_version(out)
    return out
