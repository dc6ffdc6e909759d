"""Softmax, log-softmax and logsumexp by kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise._arrays import Layout, as_float64, as_numpy
from logitwise.functional._memory.arrays import destination, memory_of, new_like, rows_of
from logitwise.functional._memory.results import deliver, like
from logitwise.functional._problems.softmax import SoftmaxProblem
from logitwise.kernels.cpu import softmax as kernels

# Beyond these, the temperature of 32-bit logits, or its inverse, is not a normal number of 32 bits; float64 is used.
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 2.0**-100, 2.0**100
_KERNELS = {"softmax": kernels.softmax, "log_softmax": kernels.log_softmax}


def result(problem: SoftmaxProblem, out: Any = None) -> Any:
    """Return the probabilities or their logarithms, in `out` if there is one."""
    if not LOWEST_TEMPERATURE <= problem.temperature <= HIGHEST_TEMPERATURE:
        return deliver(like(problem.logits, _at_extreme_temperature(problem)), out)
    return _by_kernel(problem, out)


def _by_kernel(problem: SoftmaxProblem, out: Any = None) -> Any:
    filled, layout = destination(problem.logits, out, problem.mask), problem.layout
    if not layout.classes:
        return deliver(filled, out)
    rows, encoding = rows_of(problem.logits, layout)
    mask = mask_rows(problem.mask, layout)
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
    kernels.logsumexp(rows, mask_rows(problem.mask, layout), encoding, into)
    return deliver(filled, out)


def _at_extreme_temperature(problem: SoftmaxProblem) -> np.ndarray:
    """Return the results in float64, by logits and a temperature that a power of two brought within reach of kernels.

    At a low temperature, logits that would overflow are left alone: where any two of their row differ, they differ by
    so much that the smaller has probability 0 at either temperature. At a high one their differences cannot overflow.
    """
    logits = np.asarray(as_float64(problem.logits))
    mask = None if problem.mask is None else as_numpy(problem.mask)
    temperature = float(problem.temperature)
    if temperature < 2.0**-900:
        is_read = np.isfinite(logits) if mask is None else np.isfinite(logits) & mask
        largest = np.where(is_read, np.abs(logits), 0.0).max(problem.layout.axis, keepdims=True)
        logits = np.ldexp(logits, np.where(largest < 2.0**700, 200, 0))
        temperature *= 2.0**200
    elif temperature > 1.0:
        logits = np.ldexp(logits, -100)
        temperature *= 2.0**-100
    return _by_kernel(problem._replace(logits=logits, mask=mask, temperature=temperature))


def mask_rows(mask: Any, layout: Layout) -> np.ndarray:
    """Return a mask as rows, or a mask of no rows for None."""
    return kernels.NO_MASK if mask is None else rows_of(mask, layout)[0]


def clear_masked(gradient: Any, mask: Any, losses: np.ndarray) -> None:
    """Write 0 to the masked classes of a gradient if a loss is NaN: a kernel fills all classes of its row with NaN."""
    if gradient is not None and mask is not None and np.isnan(losses).any():
        gradient[~mask] = 0.0
