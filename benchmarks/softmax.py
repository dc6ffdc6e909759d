"""Softmax and log_softmax: ours and every peer, on the same logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from benchmarks.cross_entropy import OURS, OURS_OUT, bytes_moved, inputs

import logitwise as lw
from logitwise import reference

__all__ = ["bytes_moved", "contenders", "error", "inputs"]


def contenders(name: str, logits: torch.Tensor) -> dict[str, Callable[[], Any]]:
    """Return what to time for `softmax` or `log_softmax`, by name."""
    ours, theirs = getattr(lw, name), getattr(torch, name)
    is_bfloat16 = logits.dtype == torch.bfloat16
    z = logits if is_bfloat16 else logits.numpy()
    out, torch_out = torch.empty_like(logits) if is_bfloat16 else np.empty_like(z), torch.empty_like(logits)
    calls: dict[str, Callable[[], Any]] = {
        OURS: lambda: ours(z),
        OURS_OUT: lambda: ours(z, out=out),
        "torch": lambda: theirs(logits, 1),
        "torch out=": lambda: theirs(logits, 1, out=torch_out),
    }
    if not is_bfloat16:
        from scipy import special

        scipy_function = getattr(special, name)
        calls["SciPy"] = lambda: scipy_function(z, axis=1)
    return calls


def error(name: str, call: Callable[[], Any], logits: torch.Tensor) -> float:
    """Return the worst error over the first rows, in ulp of the dtype of the logits."""
    rows = min(len(logits), max(1, 200_000 // logits.shape[1]))
    exact = getattr(reference, name)(logits[:rows].double().numpy())
    result = call()
    values = result.double().numpy() if isinstance(result, torch.Tensor) else np.asarray(result, dtype=np.float64)
    info = torch.finfo(logits.dtype)
    size = np.maximum(np.exp2(np.floor(np.log2(np.abs(exact)))) * info.eps, info.tiny * info.eps)
    return float(np.max(np.abs(values[:rows] - exact) / size))
