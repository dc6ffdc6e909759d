"""Entropy by kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise.functional._cpu_kernels.softmax import clear_masked, mask_rows
from logitwise.functional._memory.arrays import NO_ROWS, destination, float64_of, rows_of
from logitwise.functional._memory.results import deliver, like
from logitwise.functional._problems.entropy import EntropyProblem
from logitwise.kernels.cpu import entropy as kernels

_EVEN = np.ones(1)


def loss(problem: EntropyProblem) -> Any:
    """Return the entropy of each row."""
    return _entropies(problem, None, _EVEN)


def loss_and_gradient(problem: EntropyProblem, out: Any = None) -> tuple[Any, Any]:
    """Return the entropies and the gradient of their sum, in `out` if there is one."""
    filled = destination(problem.logits, out, problem.mask)
    return _entropies(problem, filled, _EVEN), deliver(filled, out)


def gradient(problem: EntropyProblem, outer: Any, out: Any = None) -> Any:
    """Return the gradient of the entropies times `outer`, a number or one per row, in `out` if there is one."""
    filled = destination(problem.logits, out, problem.mask)
    _entropies(problem, filled, np.full(1, outer) if isinstance(outer, float) else float64_of(outer))
    return deliver(filled, out)


def _entropies(problem: EntropyProblem, gradient: Any, weight: np.ndarray) -> Any:
    """Return the entropies, and fill `gradient` (if there is one) with that of their weighted sum."""
    layout = problem.layout
    entropies = np.zeros(layout.rows)
    if layout.classes:
        logits, encoding = rows_of(problem.logits, layout)
        output = NO_ROWS[logits.dtype] if gradient is None else rows_of(gradient, layout)[0]
        mask = mask_rows(problem.mask, layout)
        kernels.entropy(logits, encoding, mask, weight, float(problem.temperature), entropies, output)
        clear_masked(gradient, problem.mask, entropies)
    return like(problem.logits, entropies.reshape(problem.shape))
