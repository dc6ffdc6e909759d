"""From what was computed to what the caller gets: the dtype, and the caller's own array."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from logitwise._arrays import is_tensor
from logitwise.functional._memory.arrays import as_torch_itself

LARGEST_FLOAT16 = 65504.0


def like(logits: Any, result: Any) -> Any:
    """Return float64 results in the framework and dtype of `logits`, rounded once; a NumPy number as a scalar."""
    if is_tensor(logits):
        torch = sys.modules["torch"]
        with as_torch_itself():
            if not isinstance(result, np.ndarray) and abs(result) < LARGEST_FLOAT16:
                return torch.full((), result, dtype=logits.dtype, device=logits.device)
            return torch.as_tensor(result, dtype=torch.float64, device=logits.device).to(logits.dtype)
    if not isinstance(result, np.ndarray) and abs(result) < LARGEST_FLOAT16:
        return logits.dtype.type(result)
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(result).astype(logits.dtype, copy=False)[()]


def deliver(result: Any, out: Any) -> Any:
    """Return `result`, in `out` where there is one; a NumPy result without axes as a scalar."""
    if out is None:
        return result if is_tensor(result) or result.ndim else result[()]
    if out is not result:
        out[...] = result
    return out
