"""Softmax, log-softmax and logsumexp by kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise._arrays import Layout
from logitwise.functional._memory.arrays import destination, memory_of, new_like, rows_of
from logitwise.functional._memory.results import deliver
from logitwise.functional._problems.softmax import SoftmaxProblem
from logitwise.kernels.cpu import softmax as kernels

_KERNELS = {"softmax": kernels.softmax, "log_softmax": kernels.log_softmax}


def result(problem: SoftmaxProblem, out: Any = None) -> Any:
    """Return the probabilities or their logarithms, in `out` if there is one."""
    filled, layout = destination(problem.logits, out, problem.mask), problem.layout
    if not layout.classes:
        return deliver(filled, out)
    rows, encoding = rows_of(problem.logits, layout)
    mask = _mask_rows(problem.mask, layout)
    _KERNELS[problem.operation](rows, mask, encoding, problem.temperature, rows_of(filled, layout)[0])
    return deliver(filled, out)


def logsumexp(problem: SoftmaxProblem, out: Any = None) -> Any:
    """Return one number per row."""
    layout, filled = problem.layout, new_like(problem.logits, problem.shape)
    if not layout.classes:
        filled[...] = -np.inf  # the logarithm of an empty sum
        return deliver(filled, out)
    rows, encoding = rows_of(problem.logits, layout)
    into = memory_of(filled)[0].reshape(layout.outer, 1, layout.inner)
    kernels.logsumexp(rows, _mask_rows(problem.mask, layout), encoding, into)
    return deliver(filled, out)


def _mask_rows(mask: Any, layout: Layout) -> np.ndarray:
    return kernels.NO_MASK if mask is None else rows_of(mask, layout)[0]
