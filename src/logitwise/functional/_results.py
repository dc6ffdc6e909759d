"""From what was computed to what the caller gets: the dtype, the reduction, and the caller's own array."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from logitwise._arrays import is_tensor
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._memory import as_torch_itself

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


def denominator(weight: float, normalizer: float | None, what: str, class_weight: Any = None) -> float:
    """Return what a mean divides by: `normalizer`, else the sum of the weights that took part.

    Where no weight took part there is nothing to average: the mean is defined as 0, with a warning, by dividing 0 by 1.
    `class_weight` is given where there were rows, whose weight it took away.
    """
    if normalizer is not None:
        return normalizer
    if weight == 0.0:
        suspicions.warn_of_no_rows(what, class_weight)
        return 1.0
    return weight
