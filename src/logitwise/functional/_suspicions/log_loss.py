"""Suspicious probabilities of a log loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise import _warnings
from logitwise._arrays import Layout, as_float64
from logitwise._warnings import warn
from logitwise.functional._suspicions.places import more
from logitwise.kernels.cpu import suspicions as kernels


def warn_of_probabilities(problem: Any) -> None:
    """Warn where the probabilities of a log loss do not sum to 1, or are 0 for the target."""
    layout: Layout = problem.layout
    values = np.moveaxis(as_float64(problem.logits), layout.axis, -1).reshape(layout.rows, layout.classes)
    silent = problem.silent()
    counts = np.ones(layout.rows, bool) if silent is None else as_float64(silent).reshape(-1) == 0
    _warn_of_sums_of_probabilities(values, counts, problem)
    if problem.has_indices:
        label = np.where(counts, as_float64(problem.target).reshape(-1), 0).astype(np.int64)
    else:
        target = np.moveaxis(as_float64(problem.target), layout.axis, -1).reshape(values.shape)
        label = ((values == 0) & (target > 0)).argmax(1)
        counts = counts & ((values == 0) & (target > 0)).any(1)
    zero = np.flatnonzero(counts & (values[np.arange(layout.rows), label] == 0))
    if zero.size:
        warn(
            _warnings.ImpossibleTargetWarning,
            f"probabilities must be above 0 at the target; got 0 for class {label[zero[0]]} at "
            f"{layout.position(int(zero[0]))}{more(len(zero), 'rows')}. The loss is infinite: compute it from the "
            "logits with cross_entropy, for which no probability is rounded to 0.",
        )


def _warn_of_sums_of_probabilities(values: np.ndarray, counts: np.ndarray, problem: Any) -> None:
    layout: Layout = problem.layout
    tolerance = kernels.WIDE_TOLERANCE if problem.logits.dtype.itemsize == 2 else kernels.TOLERANCE
    off = np.flatnonzero(counts & ~(np.abs(values.sum(1) - 1.0) <= tolerance))
    if not off.size:
        return
    first, counted = int(off[0]), more(len(off), "rows")
    for other in range(len(layout.shape)):
        sums = as_float64(problem.logits).sum(other)
        if other != layout.axis and layout.rows >= kernels.FEWEST_ROWS and (np.abs(sums - 1.0) <= tolerance).all():
            warn(
                _warnings.AxisWarning,
                f"axis must be the one along which probabilities sum to 1; got axis {layout.axis} of shape "
                f"{layout.shape}, with a sum of {values[first].sum():.4g} at {layout.position(first)}{counted}, while "
                f"all sums along axis {other} are 1. Pass axis={other}, or take the softmax along the classes.",
            )
            return
    warn(
        _warnings.UnnormalizedProbabilitiesWarning,
        f"probabilities must sum to 1 over the classes; got {values[first].sum():.4g} at "
        f"{layout.position(first)}{counted}. Divide by the sum; from logits, use cross_entropy.",
    )
