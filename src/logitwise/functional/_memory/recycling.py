"""Large results in recycled memory: what the caller has let go of serves the next result of the same size.

New memory of hundreds of megabytes costs more than what is computed into it: the system clears every page before it
hands it out. A training loop drops each gradient before it asks for the next, so the same memory can serve again.
What waits to be used again is at most `SLOTS` blocks of at most `LARGEST` bytes, and on Linux the system may take its
pages whenever memory is short.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np

SMALLEST = 1 << 25  # bytes; smaller blocks the allocator of the C library recycles by itself
LARGEST = 1 << 30
SLOTS = 2

_waiting: list[np.ndarray] = []  # single appends and pops only: these are atomic, and locks are not safe in __del__
_LAZY_FREE = getattr(mmap, "MADV_FREE", None) if sys.platform == "linux" else None


class _Lease:
    """Owns the memory of one result: the base of the array that the caller gets, and of every view of it."""

    def __init__(self, block: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.block = block
        place = block.__array_interface__["data"]
        self.__array_interface__ = {"version": 3, "data": place, "shape": shape, "typestr": dtype.str}

    def __del__(self) -> None:
        if not sys.is_finalizing():
            _keep(self.block)


def new_array(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return an uninitialised C-contiguous array, in recycled memory where it is large."""
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if not SMALLEST <= size <= LARGEST:
        return np.empty(shape, dtype)
    block = _take(size)
    return np.asarray(_Lease(np.empty(size, np.uint8) if block is None else block, shape, dtype))


def _take(size: int) -> np.ndarray | None:
    for _ in range(SLOTS):
        try:
            block = _waiting.pop(0)
        except IndexError:
            return None
        if block.size == size:
            return block
        _waiting.append(block)
    return None


def _keep(block: np.ndarray) -> None:
    _tell_unused(block)
    _waiting.append(block)
    if len(_waiting) > SLOTS:
        with suppress(IndexError):  # another thread was first
            _waiting.pop(0)


def _tell_unused(block: np.ndarray) -> None:
    """Let the system take the pages of a block if it needs memory; those it leaves stay as they are, for free."""
    if _LAZY_FREE is None:
        return
    start = block.__array_interface__["data"][0]
    first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
    length = (start + block.size - first) // mmap.PAGESIZE * mmap.PAGESIZE
    _system().madvise(ctypes.c_void_p(first), ctypes.c_size_t(length), _LAZY_FREE)


@cache
def _system() -> Any:
    return ctypes.CDLL(None)
