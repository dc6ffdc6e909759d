"""Warnings about suspicious inputs of the losses: each names the row, the class, the value and the fix.

Good inputs cost next to nothing: one row tells almost any logits from probabilities, logits are searched only after a
loss that is not finite, and what takes a second computation is tried for a rare shape only (a square).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from logitwise import _warnings
from logitwise._arrays import Layout, as_float64
from logitwise._warnings import warn
from logitwise.functional._memory.arrays import memory_of
from logitwise.kernels.cpu import suspicions as kernels

SMALLEST_SQUARE = 8  # classes: in a smaller square, either axis may fit the target by chance
MOST_ROWS_SEARCHED = 10_000  # of those whose loss is not finite
_CAUSES_OF_NAN = (
    "The loss is NaN: look for a learning rate that is too high, an earlier division by 0 or logarithm of 0, or NaN "
    "among the inputs."
)
_VIEWS = (
    "AliasBackward0",
    "AsStridedBackward0",
    "CloneBackward0",
    "PermuteBackward0",
    "ReshapeAliasBackward0",
    "SqueezeBackward0",
    "SqueezeBackward1",
    "TBackward0",
    "ToCopyBackward0",
    "TransposeBackward0",
    "UnsafeViewBackward0",
    "UnsqueezeBackward0",
    "ViewBackward0",
)
_ENDINGS = {
    "SoftmaxBackward0": "softmax",
    "_SoftmaxBackward": "softmax",
    "LogSoftmaxBackward0": "log_softmax",
    "_LogSoftmaxBackward": "log_softmax",
    "SigmoidBackward0": "sigmoid",
    "_SigmoidBackward": "sigmoid",
    "LogSigmoidBackward0": "log_sigmoid",
    "_LogSigmoidBackward": "log_sigmoid",
    "ReluBackward0": "relu",
}


def ending_of(tensor: Any) -> str | None:
    """Return the activation that `tensor` is the result of, views aside, as autograd recorded it; None for no other."""
    node = tensor.grad_fn
    while node is not None and type(node).__name__ in _VIEWS:
        node = node.next_functions[0][0]
    return _ENDINGS.get(type(node).__name__)


def may_end_in_activation(tensor: Any) -> bool:
    """Return whether `tensor` is a recorded view, or the recorded result of an activation that `ending_of` knows."""
    node = tensor.grad_fn
    return node is not None and (type(node).__name__ in _VIEWS or type(node).__name__ in _ENDINGS)


def is_square(shape: Any) -> bool:
    """Return whether a matrix is a square, whose axes may be confused, and large enough for its target to tell."""
    return shape[0] == shape[1] >= SMALLEST_SQUARE


def warn_of_graph(logits: Any, loss: str) -> bool:
    """Warn where recorded logits are the result of an activation that `loss` applies itself; return whether so."""
    if not _warnings.checks_are_on():
        return False
    ending = ending_of(logits)
    if ending in ("softmax", "sigmoid"):
        own = "sigmoid" if loss.startswith("binary") else "softmax"
        warn(
            _warnings.ProbabilitiesAsLogitsWarning,
            f"logits must be scores before any {own}; got the result of a {ending}. "
            f"Remove that {ending}: {loss} applies the {own} itself.",
        )
        return True
    if ending == "log_softmax" and not loss.startswith("binary"):
        _warn_of_log_probabilities("the result of a log_softmax")
        return True
    return False


def warn_of_logits(problem: Any, logits: np.ndarray, encoding: int) -> None:
    """Warn where the logits of a cross-entropy, as rows `(outer, classes, inner)`, or its indices are suspicious."""
    if not problem.is_warned_of:
        content = kernels.apparent_content(logits, encoding)
        if content != kernels.LOGITS:
            _warn_of_content(content, problem)
    if problem.has_indices and problem.layout.rows:
        _warn_of_indices(problem)


def _warn_of_content(content: int, problem: Any) -> None:
    rows, row = problem.layout.rows, _row(problem, 0)
    if content == kernels.LOG_PROBABILITIES:
        example = f"{_numbers(row)} at {_place(problem, 0)}"
        _warn_of_log_probabilities(f"log-probabilities in all {rows} rows, e.g. {example}")
    elif content == kernels.PROBABILITIES_OF_COLUMNS:
        warn(
            _warnings.ProbabilitiesAsLogitsWarning,
            f"logits must be scores before any softmax; got probabilities that sum to 1 along axis 0, for each of the "
            f"{problem.layout.classes} classes, e.g. {float(row[0]):.3g} for class 0 at row 0. "
            "Remove the softmax (which also ran along the wrong axis): cross_entropy applies its own.",
        )
    else:
        best = int(row.argmax())
        warn(
            _warnings.ProbabilitiesAsLogitsWarning,
            f"logits must be scores before any softmax; got probabilities: all {rows} rows lie in [0, 1] and sum to 1, "
            f"e.g. {row[best]:.3g} for class {best} at {_place(problem, 0)}. "
            "Remove the softmax: cross_entropy applies it itself. If you have nothing but probabilities, use log_loss.",
        )


def _warn_of_log_probabilities(what: str) -> None:
    warn(
        _warnings.LogProbabilitiesAsLogitsWarning,
        f"logits need no log_softmax; got {what}. The loss is correct, but the log_softmax is wasted work: remove it.",
    )


def _warn_of_indices(problem: Any) -> None:
    layout: Layout = problem.layout
    shape, axis = layout.shape, layout.axis
    if layout.inner == 1 and layout.outer >= kernels.BATCH_OF_ONE_CLASS and len(shape) == 2:
        target = memory_of(problem.target)[0]
        if target[0] == target[-1] and bool((target == target[0]).all()):
            _warn_of_one_class(int(target[0]), problem)
    if len(shape) > 1 and layout.classes >= SMALLEST_SQUARE and shape.count(layout.classes) > 1:
        for other in range(len(shape)):
            if other != axis and shape[other] == layout.classes:
                _warn_of_other_axis(other, problem)
    if len(shape) > 2 and layout.classes > 2 and layout.classes == problem.target.shape[-1]:
        _warn_of_one_hot(problem)


def _warn_of_one_class(label: int, problem: Any) -> None:
    if label != problem.ignore_index:
        warn(
            _warnings.OneClassWarning,
            f"target must hold more than one class for a model to learn anything; got class {label} in all "
            f"{problem.layout.rows} rows. If the rows are sorted by class, shuffle them.",
        )


def _warn_of_other_axis(other: int, problem: Any) -> None:
    """Warn where the target fits the largest logits along another axis of the same length, but not along its own."""
    target, axis = as_float64(problem.target).astype(np.int64), problem.layout.axis
    logits = as_float64(problem.logits)
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
    if _shares_memory(gradient, problem.logits) or _shares_memory(gradient, problem.target):
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
        values = _row(problem, row)
        if not (values < np.inf).all():
            spoiled.append(row)
        elif (values == -np.inf).all():
            masked.append(row)
        elif np.isposinf(losses[row]) and (values == -np.inf).any():
            impossible.append(row)
    return spoiled, masked, impossible


def _warn_of_not_finite(problem: Any, row: int, count: int) -> None:
    values = _row(problem, row)
    worst = int(np.flatnonzero(~(values < np.inf))[0])
    warn(
        _warnings.NotFiniteWarning,
        f"logits must be numbers or -inf; got {values[worst]} for class {worst} at {_place(problem, row)}"
        f"{_more(count, 'rows')}. {_CAUSES_OF_NAN}",
    )


def _warn_of_masked(problem: Any, row: int, count: int) -> None:
    warn(
        _warnings.MaskedRowWarning,
        f"logits must leave one or more classes in each row; got -inf for all {problem.layout.classes} classes at "
        f"{_place(problem, row)}{_more(count, 'rows')}. The loss is infinite: leave such rows out, by ignore_index or "
        "a sample_weight of 0.",
    )


def _warn_of_impossible(problem: Any, row: int, count: int) -> None:
    values = _row(problem, row)
    if problem.has_indices:
        label = int(problem.target[_where(problem, row)])
        label = label if values[label] == -np.inf else int(np.flatnonzero(values == -np.inf)[0])
    else:
        weights = as_float64(problem.target[_along(problem, row)])
        label = int(np.argmax((values == -np.inf) & (weights > 0)))
    warn(
        _warnings.ImpossibleTargetWarning,
        f"target must be a class whose logit is not -inf; got class {label} with logit -inf at {_place(problem, row)}"
        f"{_more(count, 'rows')}. The loss is infinite: neither mask the class of the target nor smooth labels over "
        "masked classes.",
    )


def _warn_of_overwritten(problem: Any, losses: np.ndarray, found: np.ndarray) -> None:
    row = int(found[0])
    is_nan = bool(np.isnan(losses[row]))
    what = "NaN or +inf" if is_nan else "-inf for the class of the target"
    warn(
        _warnings.NotFiniteWarning if is_nan else _warnings.ImpossibleTargetWarning,
        f"logits must give a finite loss; got {what} at {_place(problem, row)}{_more(len(found), 'rows')}. "
        "For details, call with an out= that does not overwrite an input.",
    )


def warn_of_no_rows(unit: str, class_weight: Any = None) -> None:
    """Warn of a mean over no rows or elements, or of none with a weight.

    Args:
        unit: What the mean is over: "rows" or "elements".
        class_weight: The class weights, if they alone leave every row without weight; else None.
    """
    if class_weight is None:
        warn(
            _warnings.NoRowsWarning,
            f"the mean loss must be over one or more {unit}; got none: all are ignored or have weight 0, or there are "
            "none. The mean loss is 0.",
        )
        return
    zero = [int(k) for k in np.flatnonzero(as_float64(class_weight) == 0)]
    listed = ", ".join(map(str, zero[:5])) + (", ..." if len(zero) > 5 else "")
    warn(
        _warnings.ZeroClassWeightWarning,
        f"class_weight must be above 0 for a class that is present; got weight 0 for every class of the {unit} used "
        f"(classes of weight 0: {listed}). The mean loss is 0: check the weights and how the classes "
        "are numbered.",
    )


def warn_of_sums(target: Any, layout: Layout, sample_weight: Any, first: int, first_sum: float, off: int) -> None:
    """Warn of rows of a soft target that do not sum to 1, except for rows of weight 0."""
    if sample_weight is not None:
        sums = np.moveaxis(as_float64(target), layout.axis, -1).reshape(layout.rows, layout.classes).sum(-1)
        rows = np.flatnonzero((np.abs(sums - 1.0) > kernels.TOLERANCE) & (as_float64(sample_weight).reshape(-1) != 0))
        if not rows.size:
            return
        first, first_sum, off = int(rows[0]), float(sums[rows[0]]), len(rows)
    warn(
        _warnings.UnnormalizedTargetWarning,
        f"target must sum to 1 over the classes; got {first_sum:.4g} at {layout.position(first)}{_more(off, 'rows')}. "
        "Divide by the sum. If a row may have several classes, use binary_cross_entropy_with_logits; to weight rows, "
        "use sample_weight.",
    )


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
            f"{layout.position(int(zero[0]))}{_more(len(zero), 'rows')}. The loss is infinite: compute it from the "
            "logits with cross_entropy, for which no probability is rounded to 0.",
        )


def _warn_of_sums_of_probabilities(values: np.ndarray, counts: np.ndarray, problem: Any) -> None:
    layout: Layout = problem.layout
    tolerance = kernels.WIDE_TOLERANCE if problem.logits.dtype.itemsize == 2 else kernels.TOLERANCE
    off = np.flatnonzero(counts & ~(np.abs(values.sum(1) - 1.0) <= tolerance))
    if not off.size:
        return
    first, more = int(off[0]), _more(len(off), "rows")
    for other in range(len(layout.shape)):
        sums = as_float64(problem.logits).sum(other)
        if other != layout.axis and layout.rows >= kernels.FEWEST_ROWS and (np.abs(sums - 1.0) <= tolerance).all():
            warn(
                _warnings.AxisWarning,
                f"axis must be the one along which probabilities sum to 1; got axis {layout.axis} of shape "
                f"{layout.shape}, with a sum of {values[first].sum():.4g} at {layout.position(first)}{more}, while all "
                f"sums along axis {other} are 1. Pass axis={other}, or take the softmax along the classes.",
            )
            return
    warn(
        _warnings.UnnormalizedProbabilitiesWarning,
        f"probabilities must sum to 1 over the classes; got {values[first].sum():.4g} at "
        f"{layout.position(first)}{more}. Divide by the sum; from logits, use cross_entropy.",
    )


def warn_of_binary_logits(problem: Any, logits: np.ndarray, encoding: int) -> None:
    """Warn where rows of the logits of a binary cross-entropy are probabilities over several columns."""
    shape = tuple(problem.logits.shape)
    if problem.is_warned_of or len(shape) < 2 or shape[-1] < 2:
        return
    rows = logits.reshape(-1, shape[-1], 1)
    if kernels.apparent_content(rows, encoding) == kernels.PROBABILITIES:
        warn(
            _warnings.ProbabilitiesAsLogitsWarning,
            f"logits must be scores before any sigmoid; got probabilities: all {len(rows)} rows lie in [0, 1] and sum "
            f"to 1, e.g. {float(as_float64(problem.logits).reshape(-1)[0]):.3g} at row 0. Remove the softmax; for one "
            "class per row, use cross_entropy.",
        )


def warn_of_binary_losses(problem: Any, gradient: Any) -> None:
    """Warn of the elements that make a binary cross-entropy not finite."""
    if not _warnings.checks_are_on() or _shares_memory(gradient, problem.logits):
        return
    values, labels = as_float64(problem.quiet_logits()), as_float64(problem.target)
    spoiled = np.argwhere(np.isnan(values))
    if len(spoiled):
        first, where = _first_of(spoiled)
        warn(
            _warnings.NotFiniteWarning,
            f"logits must be numbers; got nan{where}{_more(len(spoiled), 'entries')}. {_CAUSES_OF_NAN}",
        )
    if _shares_memory(gradient, problem.target):
        return
    impossible = np.argwhere(((values == -np.inf) & (labels > 0)) | ((values == np.inf) & (labels < 1)))
    if len(impossible):
        first, where = _first_of(impossible)
        warn(
            _warnings.ImpossibleTargetWarning,
            f"target must be possible given the logits; got {labels[first]:g} with logit {values[first]}{where}"
            f"{_more(len(impossible), 'entries')}. The loss is infinite: a logit of -inf means that class 1 is "
            "impossible, and one of inf that class 0 is.",
        )


def warn_of_binary_probabilities(probabilities: Any, target: Any) -> None:
    """Warn where the probabilities of a binary loss are 0 for the target."""
    values, labels = as_float64(probabilities), as_float64(target)
    bad = np.argwhere(((values == 0) & (labels > 0)) | ((values == 1) & (labels < 1)))
    if not len(bad):
        return
    first, where = _first_of(bad)
    warn(
        _warnings.ImpossibleTargetWarning,
        f"input must give the target a probability above 0; got {values[first]:g} for a target of {labels[first]:g}"
        f"{where}{_more(len(bad), 'entries')}. Its loss is capped at 100 and its gradient is useless: use "
        "BCEWithLogitsLoss on the logits.",
    )


def _shares_memory(gradient: Any, array: Any) -> bool:
    return gradient is not None and np.may_share_memory(memory_of(gradient)[0], memory_of(array)[0])


def _first_of(found: np.ndarray) -> tuple[tuple[int, ...], str]:
    """Return the first of the indices found, and that place in words."""
    first = tuple(int(i) for i in found[0])
    return first, f" at index {first[0] if len(first) == 1 else first}" if first else ""


def _where(problem: Any, row: int) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(row, problem.layout.row_shape)) if problem.layout.row_shape else ()


def _row(problem: Any, row: int) -> np.ndarray:
    return as_float64(problem.logits[_along(problem, row)])


def _along(problem: Any, row: int) -> tuple[Any, ...]:
    """Return the index of all classes of a row."""
    where, axis = _where(problem, row), problem.layout.axis
    return *where[:axis], slice(None), *where[axis:]


def _place(problem: Any, row: int) -> str:
    return problem.layout.position(row)


def _numbers(row: np.ndarray) -> str:
    shown = ", ".join(f"{value:.3g}" for value in row[:3])
    return f"[{shown}{', ...' if len(row) > 3 else ''}]"


def _more(count: int, what: str) -> str:
    return f" ({count} such {what})" if count > 1 else ""
