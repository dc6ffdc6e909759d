"""Suspicious inputs of a cross-entropy: its logits, its target, and losses that are not finite."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from logitwise import _warnings
from logitwise._arrays import Layout, as_float64, as_numpy
from logitwise._warnings import warn
from logitwise.functional._memory.arrays import memory_of
from logitwise.functional._suspicions.graph import warn_of_log_probabilities
from logitwise.functional._suspicions.places import (
    along,
    first_numbers,
    index_of,
    more,
    place_of,
    row_of,
    shares_memory,
    taken_of,
)
from logitwise.kernels.cpu import suspicions as kernels
from logitwise.kernels.cpu.suspicions import SMALLEST_SQUARE

MOST_ROWS_SEARCHED = 10_000  # of those whose loss is not finite
CAUSES_OF_NAN = (
    "The loss is NaN: look for a learning rate that is too high, an earlier division by 0 or logarithm of 0, or NaN "
    "among the inputs."
)


def warn_of_logits(problem: Any, logits: np.ndarray, encoding: int) -> None:
    """Warn where the logits of a cross-entropy, as rows `(outer, classes, inner)`, or its indices are suspicious."""
    if not problem.is_warned_of:
        content = kernels.apparent_content(logits, encoding)
        if content != kernels.LOGITS:
            _warn_of_content(content, problem)
    if problem.has_indices and problem.layout.rows:
        _warn_of_indices(problem)


def _warn_of_content(content: int, problem: Any) -> None:
    rows, row = problem.layout.rows, row_of(problem, 0)
    if content == kernels.LOG_PROBABILITIES:
        example = f"{first_numbers(row)} at {place_of(problem, 0)}"
        warn_of_log_probabilities(f"log-probabilities in all {rows} rows, e.g. {example}")
    elif content == kernels.PROBABILITIES_OF_COLUMNS:
        warn(
            _warnings.ProbabilitiesAsLogitsWarning,
            f"logits must be scores before any softmax; got probabilities that sum to 1 along axis 0, for each of the "
            f"{problem.layout.classes} classes, e.g. {float(row[0]):.3g} for class 0 at row 0. "
            f"Remove the softmax (which also ran along the wrong axis): {problem.operation} applies its own.",
        )
    else:
        best = int(row.argmax())
        warn(
            _warnings.ProbabilitiesAsLogitsWarning,
            f"logits must be scores before any softmax; got probabilities: all {rows} rows lie in [0, 1] and sum to 1, "
            f"e.g. {row[best]:.3g} for class {best} at {place_of(problem, 0)}. "
            f"Remove the softmax: {problem.operation} applies it itself. If you have nothing but probabilities, use "
            "log_loss.",
        )


def _warn_of_indices(problem: Any) -> None:
    layout: Layout = problem.layout
    shape, axis = layout.shape, layout.axis
    if len(shape) > 1 and layout.classes >= SMALLEST_SQUARE and shape.count(layout.classes) > 1:
        for other in range(len(shape)):
            if other != axis and shape[other] == layout.classes:
                _warn_of_other_axis(other, problem)
    if len(shape) > 2 and layout.classes > 2 and layout.classes == problem.target.shape[-1]:
        _warn_of_one_hot(problem)


def _warn_of_other_axis(other: int, problem: Any) -> None:
    """Warn where the target fits the largest logits along another axis of the same length, but not along its own."""
    target, axis = as_float64(problem.target).astype(np.int64), problem.layout.axis
    logits = as_float64(problem.logits)
    if problem.mask is not None:
        logits = np.where(as_numpy(problem.mask), logits, -np.inf)
    is_used = (target >= 0) & (target < problem.layout.classes) & (target != problem.ignore_index)
    count = int(is_used.sum())
    if count < SMALLEST_SQUARE or len(np.unique(target[is_used])) < SMALLEST_SQUARE // 2:
        return
    here = int((logits.argmax(axis) == target)[is_used].sum())
    there = int((np.swapaxes(logits, axis, other).argmax(axis) == target)[is_used].sum())
    if there >= 0.9 * count and here <= 0.5 * count:
        warn(
            _warnings.AxisWarning,
            f"axis must be the one of the classes; got axis {axis} of shape {problem.layout.shape}, along which the "
            f"target is the class of the largest logit in {here} of {count} rows, but along axis {other} in {there}. "
            f"Pass axis={other}, or swap the axes of the logits.",
        )


def _warn_of_one_hot(problem: Any) -> None:
    target = memory_of(problem.target)[0]
    if int(target.max()) == 1 and int(target.min()) == 0 and bool((target.sum(-1) == 1).all()):
        warn(
            _warnings.OneHotTargetWarning,
            f"target of an integer dtype must hold class indices; got one-hot rows: a single 1 among zeros in each of "
            f"{math.prod(target.shape[:-1])} rows, read as classes 0 and 1. Pass "
            "target.argmax(-1), or a floating dtype and the shape of logits.",
        )


def warn_of_losses(problem: Any, losses: np.ndarray, gradient: Any) -> None:
    """Warn of what makes the losses of rows not finite, as far as the gradient has not overwritten it."""
    if not _warnings.checks_are_on():
        return
    found = np.flatnonzero(~np.isfinite(losses))
    if shares_memory(gradient, problem.logits) or shares_memory(gradient, problem.target):
        _warn_of_overwritten(problem, losses, found)
        return
    spoiled, masked, impossible = _rows_by_cause(problem, losses, found[:MOST_ROWS_SEARCHED])
    for rows, warn_of in (
        (spoiled, _warn_of_not_finite), (masked, _warn_of_masked), (impossible, _warn_of_impossible),
    ):  # fmt: skip
        if rows:
            warn_of(problem, rows[0], len(rows))


def _rows_by_cause(problem: Any, losses: np.ndarray, found: np.ndarray) -> tuple[list[int], list[int], list[int]]:
    """Return the rows with NaN or +inf, those of -inf alone, and those with -inf for a class of the target."""
    spoiled, masked, impossible = [], [], []
    for row in map(int, found):
        values = _values_of(problem, row)
        if not (values < np.inf).all():
            spoiled.append(row)
        elif (values == -np.inf).all():
            masked.append(row)
        elif np.isposinf(losses[row]) and _impossible_classes(problem, row).size:
            impossible.append(row)
    return spoiled, masked, impossible


def _values_of(problem: Any, row: int) -> np.ndarray:
    """Return the logits of a row, with -inf at masked classes."""
    return np.where(taken_of(problem, row), row_of(problem, row), -np.inf)


def _impossible_classes(problem: Any, row: int) -> np.ndarray:
    """Return the classes of logit -inf that have a part in the target of a row: its own first."""
    if problem.has_indices:
        own = np.arange(problem.layout.classes) == int(problem.target[index_of(problem, row)])
    else:
        own = as_float64(problem.target[along(problem, row)]) > 0
    own, taken = own & (problem.label_smoothing < 1), taken_of(problem, row)
    impossible = _values_of(problem, row) == -np.inf
    smoothed = impossible & taken & ~own if problem.label_smoothing else np.zeros_like(own)
    return np.concatenate([np.flatnonzero(impossible & own), np.flatnonzero(smoothed)])


def _warn_of_not_finite(problem: Any, row: int, count: int) -> None:
    values = _values_of(problem, row)
    worst = int(np.flatnonzero(~(values < np.inf))[0])
    warn(
        _warnings.NotFiniteWarning,
        f"logits must be numbers or -inf; got {values[worst]} for class {worst} at {place_of(problem, row)}"
        f"{more(count, 'rows')}. {CAUSES_OF_NAN}",
    )


def _warn_of_masked(problem: Any, row: int, count: int) -> None:
    taken = int(taken_of(problem, row).sum())
    if taken == 0:
        what = f"mask must leave one or more classes in each row; got none of {problem.layout.classes}"
    else:
        part = " that take part" if taken < problem.layout.classes else ""
        what = f"logits must leave one or more classes in each row; got -inf for all {taken} classes{part}"
    warn(
        _warnings.MaskedRowWarning,
        f"{what} at {place_of(problem, row)}{more(count, 'rows')}. The loss is infinite: leave such rows out, by "
        "ignore_index or a sample_weight of 0.",
    )


def _warn_of_impossible(problem: Any, row: int, count: int) -> None:
    label = int(_impossible_classes(problem, row)[0])
    what, where = "a class whose logit is not -inf", f"{place_of(problem, row)}{more(count, 'rows')}"
    got = f"class {label} with logit -inf at {where}"
    advice = "neither give the target a logit of -inf nor smooth labels over such logits: leave them out by mask=."
    if not taken_of(problem, row)[label]:
        what, got = "a class that takes part", f"class {label}, which the mask leaves out, at {where}"
        advice = "let the mask keep the class, or leave such rows out, by ignore_index or a sample_weight of 0."
    warn(_warnings.ImpossibleTargetWarning, f"target must be {what}; got {got}. The loss is infinite: {advice}")


def _warn_of_overwritten(problem: Any, losses: np.ndarray, found: np.ndarray) -> None:
    row = int(found[0])
    is_nan = bool(np.isnan(losses[row]))
    what = "-inf for the class of the target" if problem.mask is None else "-inf or a mask for the class of the target"
    what = "NaN or +inf" if is_nan else what
    warn(
        _warnings.NotFiniteWarning if is_nan else _warnings.ImpossibleTargetWarning,
        f"logits must give a finite loss; got {what} at {place_of(problem, row)}{more(len(found), 'rows')}. "
        "For details, call with an out= that does not overwrite an input.",
    )


def warn_of_sums(
    target: Any, layout: Layout, sample_weight: Any, first: int, first_sum: float, off: int, name: str = "target"
) -> None:
    """Warn of rows of a soft target that do not sum to 1, except for rows of weight 0."""
    if sample_weight is not None:
        tolerance = kernels.WIDE_TOLERANCE if target.dtype.itemsize == 2 else kernels.TOLERANCE
        sums = np.moveaxis(as_float64(target), layout.axis, -1).reshape(layout.rows, layout.classes).sum(-1)
        rows = np.flatnonzero((np.abs(sums - 1.0) > tolerance) & (as_float64(sample_weight).reshape(-1) != 0))
        if not rows.size:
            return
        first, first_sum, off = int(rows[0]), float(sums[rows[0]]), len(rows)
    warn(
        _warnings.UnnormalizedTargetWarning,
        f"{name} must sum to 1 over the classes; got {first_sum:.4g} at {layout.position(first)}{more(off, 'rows')}. "
        "Divide by the sum. If a row may have several classes, use binary_cross_entropy_with_logits; to weight rows, "
        "use sample_weight.",
    )
