"""Files made for the tests of the readers."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

IMAGES = np.arange(24).reshape(2, 3, 4)
LABELS = np.array([7, 3])


def idx(array: np.ndarray, code: int = 0x08, dtype: str = ">u1") -> bytes:
    """Return an array as the bytes of an IDX file."""
    return (
        bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(dtype).tobytes()
    )


def written(folder: Path, text: str | bytes, name: str = "table.csv") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path
