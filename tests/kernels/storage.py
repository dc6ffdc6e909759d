"""Logits as kernels take them: `(outer, classes, inner)`, 16-bit numbers as uint16 with the code of their format."""

from __future__ import annotations

import numpy as np
import torch

from logitwise.kernels.cpu.rows import BFLOAT16, FLOAT16, NATIVE

DTYPES = ["float16", "bfloat16", "float32", "float64"]


def store(values: np.ndarray, dtype: str) -> tuple[np.ndarray, int]:
    """Return values in the form a kernel takes, and their encoding."""
    tensor = torch.tensor(np.asarray(values)).to(getattr(torch, dtype)).contiguous()
    if dtype in ("float32", "float64"):
        return tensor.numpy(), NATIVE
    return tensor.view(torch.uint16).numpy(), FLOAT16 if dtype == "float16" else BFLOAT16


def values(stored: np.ndarray, dtype: str) -> np.ndarray:
    """Return what a stored array holds, in float64."""
    if dtype in ("float32", "float64"):
        return stored.astype(np.float64)
    return torch.from_numpy(stored).view(getattr(torch, dtype)).double().numpy()


def rows(matrix: np.ndarray) -> np.ndarray:
    """Return a matrix as contiguous rows."""
    return np.ascontiguousarray(matrix)[:, :, None]
