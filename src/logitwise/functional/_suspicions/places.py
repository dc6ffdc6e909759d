"""Rows, entries and counts, in the words of a warning."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise._arrays import as_float64, as_numpy
from logitwise.functional._memory.arrays import memory_of


def shares_memory(gradient: Any, array: Any) -> bool:
    """Return whether a gradient, if there is one, may overwrite an array."""
    return gradient is not None and np.may_share_memory(memory_of(gradient)[0], memory_of(array)[0])


def first_of(found: np.ndarray) -> tuple[tuple[int, ...], str]:
    """Return the first of the indices found, and that place in words."""
    first = tuple(int(i) for i in found[0])
    return first, f" at index {first[0] if len(first) == 1 else first}" if first else ""


def index_of(problem: Any, row: int) -> tuple[int, ...]:
    """Return the index of a row in an array of one number per row."""
    return tuple(int(i) for i in np.unravel_index(row, problem.layout.row_shape)) if problem.layout.row_shape else ()


def row_of(problem: Any, row: int) -> np.ndarray:
    """Return the logits of a row."""
    return as_float64(problem.logits[along(problem, row)])


def taken_of(problem: Any, row: int) -> np.ndarray:
    """Return which classes of a row take part."""
    if problem.mask is None:
        return np.ones(problem.layout.classes, bool)
    return np.broadcast_to(as_numpy(problem.mask), problem.layout.shape)[along(problem, row)]


def along(problem: Any, row: int) -> tuple[Any, ...]:
    """Return the index of all classes of a row."""
    where, axis = index_of(problem, row), problem.layout.axis
    return *where[:axis], slice(None), *where[axis:]


def place_of(problem: Any, row: int) -> str:
    """Return where a row is, in words."""
    return problem.layout.position(row)


def first_numbers(row: np.ndarray) -> str:
    """Return the first numbers of a row, in words."""
    shown = ", ".join(f"{value:.3g}" for value in row[:3])
    return f"[{shown}{', ...' if len(row) > 3 else ''}]"


def more(count: int, what: str) -> str:
    """Return how many there are of what a warning names, in words; nothing if there is one."""
    return f" ({count} such {what})" if count > 1 else ""
