"""What is looked for around the losses, and the sentences that name the row, the class, the value and the fix.

Nothing here is in the kernels. A look at one row tells almost any logits from probabilities; a loss that is not finite
is what has the logits searched; and what needs a second computation waits for a shape that is rare (a square).
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from logitwise import _warnings as mistakes
from logitwise._arrays import Layout, is_tensor
from logitwise._warnings import warn
from logitwise.functional._memory import memory_of
from logitwise.kernels.cpu import suspicions as kernels

SMALLEST_SQUARE = 8  # classes: in a smaller square both axes may fit by chance
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
    """Return the activation that autograd saw make `tensor`, views aside: 'softmax', 'sigmoid', ..., or None."""
    node = tensor.grad_fn
    while node is not None and type(node).__name__ in _VIEWS:
        node = node.next_functions[0][0]
    return _ENDINGS.get(type(node).__name__)


def has_known_ending(tensor: Any) -> bool:
    """Return whether there is something to say about what made `tensor`."""
    node = tensor.grad_fn
    return node is not None and (type(node).__name__ in _VIEWS or type(node).__name__ in _ENDINGS)


def is_square(shape: Any) -> bool:
    """Return whether the axes of a matrix may be mistaken for each other, and be told apart by its target."""
    return shape[0] == shape[1] >= SMALLEST_SQUARE


def said_by_graph(logits: Any, loss: str) -> bool:
    """Look at what made recorded logits, and return whether there was something to say."""
    if not mistakes.are_looked_for():
        return False
    ending = ending_of(logits)
    if ending in ("softmax", "sigmoid"):
        own = "sigmoid" if loss.startswith("binary") else "softmax"
        warn(
            mistakes.ProbabilitiesAsLogitsWarning,
            f"logits must be scores before any {own}; got what a {ending} returned. "
            f"Remove that {ending}: {loss} applies the {own} itself.",
        )
        return True
    if ending == "log_softmax" and not loss.startswith("binary"):
        _warn_of_log_probabilities("what a log_softmax returned")
        return True
    return False


def look_at_logits(problem: Any, logits: np.ndarray, kind: int) -> None:
    """Say it where the logits `(outer, classes, inner)` of a cross-entropy are something else."""
    if not problem.said:
        sign = kernels.apparent_content(logits, kind)
        if sign != kernels.LOGITS:
            _warn_of_sign(sign, problem)
    if problem.indices and problem.layout.rows:
        _look_at_indices(problem)


def _warn_of_sign(sign: int, problem: Any) -> None:
    rows, row = problem.layout.rows, _row(problem, 0)
    if sign == kernels.LOG_PROBABILITIES:
        example = f"{_numbers(row)} at {_place(problem, 0)}"
        _warn_of_log_probabilities(f"log-probabilities in all {rows} rows, e.g. {example}")
    elif sign == kernels.PROBABILITIES_OF_COLUMNS:
        warn(
            mistakes.ProbabilitiesAsLogitsWarning,
            f"logits must be scores before any softmax; got probabilities that sum to 1 along axis 0, for each of the "
            f"{problem.layout.classes} classes, e.g. {float(row[0]):.3g} for class 0 at row 0. "
            "Remove the softmax (it ran along the wrong axis too): cross_entropy applies its own.",
        )
    else:
        best = int(row.argmax())
        warn(
            mistakes.ProbabilitiesAsLogitsWarning,
            f"logits must be scores before any softmax; got probabilities: all {rows} rows lie in [0, 1] and sum to 1, "
            f"e.g. {row[best]:.3g} for class {best} at {_place(problem, 0)}. "
            "Remove the softmax: cross_entropy applies it itself. If probabilities are all there is, use log_loss.",
        )


def _warn_of_log_probabilities(what: str) -> None:
    warn(
        mistakes.LogProbabilitiesAsLogitsWarning,
        f"logits need no log_softmax; got {what}. The loss is right, and that pass is wasted: remove it.",
    )


def _look_at_indices(problem: Any) -> None:
    layout: Layout = problem.layout
    shape, axis = layout.shape, layout.axis
    if layout.inner == 1 and layout.outer >= kernels.BATCH_OF_ONE_CLASS and len(shape) == 2:
        target = memory_of(problem.target)[0]
        if target[0] == target[-1] and bool((target == target[0]).all()):
            _warn_of_one_class(int(target[0]), problem)
    if len(shape) > 1 and layout.classes >= SMALLEST_SQUARE and shape.count(layout.classes) > 1:
        for other in range(len(shape)):
            if other != axis and shape[other] == layout.classes:
                _look_along(other, problem)
    if len(shape) > 2 and layout.classes > 2 and layout.classes == problem.target.shape[-1]:
        _look_for_one_hot(problem)


def _warn_of_one_class(label: int, problem: Any) -> None:
    if label != problem.options.ignore_index:
        warn(
            mistakes.OneClassWarning,
            f"target must hold more than one class for a loss to teach anything; got class {label} in all "
            f"{problem.layout.rows} rows. If the rows are sorted by class, shuffle them.",
        )


def _look_along(other: int, problem: Any) -> None:
    """Say it where the target names the largest logit along another axis of the same length, and not along its own."""
    target, axis = as_float64(problem.target).astype(np.int64), problem.layout.axis
    logits = as_float64(problem.logits)
    takes_part = (target >= 0) & (target < problem.layout.classes) & (target != problem.options.ignore_index)
    count = int(takes_part.sum())
    if count < SMALLEST_SQUARE or len(np.unique(target[takes_part])) < SMALLEST_SQUARE // 2:
        return
    here = int((logits.argmax(axis) == target)[takes_part].sum())
    there = int((np.swapaxes(logits, axis, other).argmax(axis) == target)[takes_part].sum())
    if there >= 0.9 * count and here <= 0.5 * count:
        warn(
            mistakes.AxisWarning,
            f"axis must be the one of the classes; got axis {axis} of shape {problem.layout.shape}, along which the "
            f"target is the class of the largest logit in {here} of {count} rows, and in {there} along axis {other}. "
            f"Pass axis={other}, or swap the axes of the logits.",
        )


def _look_for_one_hot(problem: Any) -> None:
    target = memory_of(problem.target)[0]
    if int(target.max()) == 1 and int(target.min()) == 0 and bool((target.sum(-1) == 1).all()):
        warn(
            mistakes.OneHotTargetWarning,
            f"target of an integer dtype must hold class indices; got one-hot rows: a single 1 among zeros in each of "
            f"{math.prod(target.shape[:-1])} rows, read as classes 0 and 1. Pass "
            "target.argmax(-1), or a floating dtype and the shape of logits.",
        )


def look_at_losses(problem: Any, losses: np.ndarray, gradient: Any) -> None:
    """Search the rows whose loss is not finite, and say what is in them, unless the gradient has overwritten that."""
    if not mistakes.are_looked_for():
        return
    found = np.flatnonzero(~np.isfinite(losses))
    if _shares_memory(gradient, problem.logits) or _shares_memory(gradient, problem.target):
        _warn_of_overwritten(problem, losses, found)
        return
    kinds: dict[str, list[int]] = {"not finite": [], "masked": [], "impossible": []}
    for row in found[:10_000]:
        values = _row(problem, int(row))
        if not (values < np.inf).all():
            kinds["not finite"].append(int(row))
        elif (values == -np.inf).all():
            kinds["masked"].append(int(row))
        elif np.isposinf(losses[row]) and (values == -np.inf).any():
            kinds["impossible"].append(int(row))
    for name, say in (("not finite", _warn_of_row), ("masked", _warn_of_masked), ("impossible", _warn_of_impossible)):
        if kinds[name]:
            say(problem, kinds[name][0], len(kinds[name]))


def _warn_of_row(problem: Any, row: int, count: int) -> None:
    values = _row(problem, row)
    worst = int(np.flatnonzero(~(values < np.inf))[0])
    warn(
        mistakes.NotFiniteWarning,
        f"logits must be numbers or -inf; got {values[worst]} for class {worst} at {_place(problem, row)}"
        f"{_more(count, 'rows')}. The loss is NaN: look for a learning rate that is too high, a division by 0 or a "
        "logarithm of 0 before it, or NaN among the inputs.",
    )


def _warn_of_masked(problem: Any, row: int, count: int) -> None:
    warn(
        mistakes.MaskedRowWarning,
        f"logits must leave each row a class; got -inf for all {problem.layout.classes} classes at "
        f"{_place(problem, row)}{_more(count, 'rows')}. The loss is infinite: leave such rows out, by ignore_index or "
        "sample_weight 0.",
    )


def _warn_of_impossible(problem: Any, row: int, count: int) -> None:
    values = _row(problem, row)
    if problem.indices:
        label = int(problem.target[_where(problem, row)])
        label = label if values[label] == -np.inf else int(np.flatnonzero(values == -np.inf)[0])
    else:
        weights = as_float64(problem.target[_along(problem, row)])
        label = int(np.argmax((values == -np.inf) & (weights > 0)))
    warn(
        mistakes.ImpossibleTargetWarning,
        f"target must be a class whose logit is not -inf; got class {label} with logit -inf at {_place(problem, row)}"
        f"{_more(count, 'rows')}. The loss is infinite: do not mask the class of the target, nor smooth labels over "
        "masked classes.",
    )


def _warn_of_overwritten(problem: Any, losses: np.ndarray, found: np.ndarray) -> None:
    row = int(found[0])
    is_nan = bool(np.isnan(losses[row]))
    what = "NaN or +inf" if is_nan else "-inf for the class of the target"
    warn(
        mistakes.NotFiniteWarning if is_nan else mistakes.ImpossibleTargetWarning,
        f"logits must give a finite loss; got {what} at {_place(problem, row)}{_more(len(found), 'rows')}. "
        "Call with an out= that overwrites no input, to be told more.",
    )


def look_at_class_weights(class_weight: Any, what: str) -> bool:
    """Say it where a mean over rows has no weight because of the class weights; return whether there are any."""
    if class_weight is None:
        return False
    zero = [int(k) for k in np.flatnonzero(as_float64(class_weight) == 0)]
    listed = ", ".join(map(str, zero[:5])) + (", ..." if len(zero) > 5 else "")
    warn(
        mistakes.ZeroClassWeightWarning,
        f"class_weight must be above 0 for a class that is present; got weight 0 for every class of the {what} that "
        f"take part (classes of weight 0: {listed}). The mean loss is 0: check the weights, and how classes are "
        "numbered.",
    )
    return True


def look_at_sums(target: Any, layout: Layout, sample_weight: Any, first: int, first_sum: float, off: int) -> None:
    """Say it where rows of a soft target do not sum to 1, rows of weight 0 aside."""
    if sample_weight is not None:
        sums = np.moveaxis(as_float64(target), layout.axis, -1).reshape(layout.rows, layout.classes).sum(-1)
        rows = np.flatnonzero((np.abs(sums - 1.0) > kernels.TOLERANCE) & (as_float64(sample_weight).reshape(-1) != 0))
        if not rows.size:
            return
        first, first_sum, off = int(rows[0]), float(sums[rows[0]]), len(rows)
    warn(
        mistakes.UnnormalizedTargetWarning,
        f"target must sum to 1 over the classes; got {first_sum:.4g} at {layout.position(first)}{_more(off, 'rows')}. "
        "Divide by the sum; where a row may have several classes, use binary_cross_entropy_with_logits; a weight a row "
        "is sample_weight.",
    )


def look_at_probabilities(problem: Any) -> None:
    """Say it where the probabilities of a log loss do not sum to 1, or are 0 at the target."""
    layout: Layout = problem.layout
    values = np.moveaxis(as_float64(problem.logits), layout.axis, -1).reshape(layout.rows, layout.classes)
    silent = problem.silent()
    counts = np.ones(layout.rows, bool) if silent is None else as_float64(silent).reshape(-1) == 0
    _look_at_sums_of_probabilities(values, counts, problem)
    if problem.indices:
        label = np.where(counts, as_float64(problem.target).reshape(-1), 0).astype(np.int64)
    else:
        target = np.moveaxis(as_float64(problem.target), layout.axis, -1).reshape(values.shape)
        label = ((values == 0) & (target > 0)).argmax(1)
        counts = counts & ((values == 0) & (target > 0)).any(1)
    zero = np.flatnonzero(counts & (values[np.arange(layout.rows), label] == 0))
    if zero.size:
        warn(
            mistakes.ImpossibleTargetWarning,
            f"probabilities must be above 0 at the target; got 0 for class {label[zero[0]]} at "
            f"{layout.position(int(zero[0]))}{_more(len(zero), 'rows')}. The loss is infinite: compute it from the "
            "logits with cross_entropy, which keeps what a probability rounds to 0.",
        )


def _look_at_sums_of_probabilities(values: np.ndarray, counts: np.ndarray, problem: Any) -> None:
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
                mistakes.AxisWarning,
                f"axis must be the one along which probabilities sum to 1; got axis {layout.axis} of shape "
                f"{layout.shape}, with a sum of {values[first].sum():.4g} at {layout.position(first)}{more}, while all "
                f"sums along axis {other} are 1. Pass axis={other}, or take the softmax along the classes.",
            )
            return
    warn(
        mistakes.UnnormalizedProbabilitiesWarning,
        f"probabilities must sum to 1 over the classes; got {values[first].sum():.4g} at "
        f"{layout.position(first)}{more}. Divide by the sum; from logits, use cross_entropy.",
    )


def look_at_binary_logits(problem: Any, logits: np.ndarray, kind: int) -> None:
    """Say it where rows of the logits of a binary cross-entropy are probabilities over several columns."""
    shape = tuple(problem.logits.shape)
    if problem.said or len(shape) < 2 or shape[-1] < 2:
        return
    rows = logits.reshape(-1, shape[-1], 1)
    if kernels.apparent_content(rows, kind) == kernels.PROBABILITIES:
        warn(
            mistakes.ProbabilitiesAsLogitsWarning,
            f"logits must be scores before any sigmoid; got probabilities: all {len(rows)} rows lie in [0, 1] and sum "
            f"to 1, e.g. {float(as_float64(problem.logits).reshape(-1)[0]):.3g} at row 0. Remove the softmax; for one "
            "class a row, use cross_entropy.",
        )


def look_at_binary_losses(problem: Any, gradient: Any) -> None:
    """Search the elements of a binary cross-entropy that is not finite."""
    if not mistakes.are_looked_for() or _shares_memory(gradient, problem.logits):
        return
    values, labels = as_float64(problem.quiet_logits()), as_float64(problem.target)
    spoiled = np.argwhere(np.isnan(values))
    if len(spoiled):
        first, where = _first_of(spoiled)
        warn(
            mistakes.NotFiniteWarning,
            f"logits must be numbers; got nan{where}{_more(len(spoiled), 'entries')}. The loss is NaN: look for a "
            "learning rate that is too high, a division by 0 or a logarithm of 0 before it, or NaN among the inputs.",
        )
    if _shares_memory(gradient, problem.target):
        return
    impossible = np.argwhere(((values == -np.inf) & (labels > 0)) | ((values == np.inf) & (labels < 1)))
    if len(impossible):
        first, where = _first_of(impossible)
        warn(
            mistakes.ImpossibleTargetWarning,
            f"target must be possible; got {labels[first]:g} with logit {values[first]}{where}"
            f"{_more(len(impossible), 'entries')}. The loss is infinite: a logit of -inf says that class 1 is "
            "impossible, and inf that class 0 is.",
        )


def look_at_binary_probabilities(probabilities: Any, target: Any) -> None:
    """Say it where the probabilities of a binary loss give the target no probability at all."""
    values, labels = as_float64(probabilities), as_float64(target)
    bad = np.argwhere(((values == 0) & (labels > 0)) | ((values == 1) & (labels < 1)))
    if not len(bad):
        return
    first, where = _first_of(bad)
    warn(
        mistakes.ImpossibleTargetWarning,
        f"input must give the target a probability above 0; got {values[first]:g} for a target of {labels[first]:g}"
        f"{where}{_more(len(bad), 'entries')}. Its loss is cut off at 100 and its gradient is useless: use "
        "BCEWithLogitsLoss on the logits.",
    )


def _shares_memory(gradient: Any, array: Any) -> bool:
    return gradient is not None and np.may_share_memory(memory_of(gradient)[0], memory_of(array)[0])


def as_float64(array: Any) -> np.ndarray:
    """Return the values of an array or tensor as float64."""
    if is_tensor(array):
        return array.detach().to(sys.modules["torch"].float64).cpu().numpy()
    return np.asarray(array, dtype=np.float64)


def _first_of(found: np.ndarray) -> tuple[tuple[int, ...], str]:
    """Return the first of the indices found, and where that is in words."""
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
