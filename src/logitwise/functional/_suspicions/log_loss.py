"""Suspicious probabilities of a log loss."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from logitwise import _warnings
from logitwise._arrays import Layout, as_float64, as_numpy, is_tensor
from logitwise._warnings import warn
from logitwise.functional._suspicions.places import along, index_of, more, place_of, row_of
from logitwise.kernels.cpu import suspicions as kernels

_INFINITE = "The loss is infinite: compute it from the logits with {}, for which no probability is rounded to 0."


def warn_of_sums_of_probabilities(problem: Any, sums: np.ndarray) -> None:
    """Warn where the sums of the rows of a log loss are not 1."""
    layout: Layout = problem.layout
    tolerance = _tolerance(problem.logits)
    off = np.flatnonzero(~(np.abs(sums - 1.0) <= tolerance))
    if not off.size:
        return
    first, counted = int(off[0]), more(len(off), "rows")
    for other in range(len(layout.shape)):
        if other != layout.axis and layout.rows >= kernels.FEWEST_ROWS and _sum_to_1(problem.logits, other, tolerance):
            warn(
                _warnings.AxisWarning,
                f"axis must be the one along which probabilities sum to 1; got axis {layout.axis} of shape "
                f"{layout.shape}, with a sum of {sums[first]:.4g} at {layout.position(first)}{counted}, while "
                f"all sums along axis {other} are 1. Pass axis={other}, or take the softmax along the classes.",
            )
            return
    advice = "Divide by the sum; from logits, use cross_entropy."
    if len(layout.shape) == 1:
        advice = "If they are probabilities of class 1, pass a target of integers or booleans, one for each."
    warn(
        _warnings.UnnormalizedProbabilitiesWarning,
        f"probabilities must sum to 1 over the classes; got {sums[first]:.4g} at {layout.position(first)}{counted}. "
        f"{advice}",
    )


def _tolerance(probabilities: Any) -> float:
    return kernels.WIDE_TOLERANCE if probabilities.dtype.itemsize == 2 else kernels.TOLERANCE


def _sum_to_1(probabilities: Any, axis: int, tolerance: float) -> bool:
    if is_tensor(probabilities):
        sums = as_numpy(probabilities.detach().sum(axis, dtype=sys.modules["torch"].float64))
    else:
        sums = probabilities.sum(axis, dtype=np.float64)
    return bool((np.abs(sums - 1.0) <= tolerance).all())


def warn_of_single_row(problem: Any) -> None:
    """Warn where probabilities of class 1 and their labels look like those of the classes of a single row.

    Of two entries, the mean loss is the same either way.
    """
    probabilities, target = as_float64(problem.logits), as_float64(problem.target)
    if len(probabilities) < 3 or abs(probabilities.sum() - 1.0) > _tolerance(problem.logits):
        return
    if int((target == 1).sum()) == 1 and int((target == 0).sum()) == len(target) - 1:
        warn(
            _warnings.OneHotTargetWarning,
            f"target of an integer dtype must hold the label of each probability of class 1; got a single 1 beside "
            f"{len(target)} probabilities that sum to 1. If they are the classes of one row, pass "
            f"target={int(target.argmax())}, or the same target in a floating dtype.",
        )


def warn_of_impossible_targets(problem: Any, losses: np.ndarray) -> None:
    """Warn where the loss of a row is infinite, since the probability of its target is 0."""
    found = np.flatnonzero(np.isinf(losses))
    if not _warnings.checks_are_on() or not found.size:
        return
    row = int(found[0])
    counted, place = more(len(found), "rows"), place_of(problem, row)
    if problem.operation == "binary_log_loss":
        label = int(problem.target[row])
        warn(
            _warnings.ImpossibleTargetWarning,
            f"probabilities must be above 0 for class 1, and below 1 for class 0; got {1 - label} for class {label} at "
            f"{place}{counted}. {_INFINITE.format('binary_cross_entropy_with_logits')}",
        )
        return
    if problem.has_indices:
        label = int(problem.target[index_of(problem, row)])
    else:
        impossible = (row_of(problem, row) <= 0) & (as_float64(problem.target[along(problem, row)]) > 0)
        label = int(np.argmax(impossible))
    warn(
        _warnings.ImpossibleTargetWarning,
        f"probabilities must be above 0 at the target; got 0 for class {label} at {place}{counted}. "
        f"{_INFINITE.format('cross_entropy')}",
    )
