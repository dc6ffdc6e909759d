"""The arguments of `log_loss`, unchecked and checked."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from logitwise import _warnings
from logitwise._arrays import Layout, is_tensor, may_look, number_kind
from logitwise._errors import InvalidValueError
from logitwise._requirements import (
    as_floating,
    check_axis,
    check_int64,
    check_layout,
    check_reduction,
)
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._arguments import labels as names
from logitwise.functional._arguments.entries import in_unit_interval, margin_of
from logitwise.functional._arguments.even_weights import with_even_weights
from logitwise.functional._arguments.targets import check_distribution, count_indices, is_index_target, is_readable
from logitwise.functional._arguments.weights import check_class_weight, check_sample_weight
from logitwise.functional._memory.arrays import memory_of
from logitwise.functional._problems.cross_entropy import CrossEntropyProblem
from logitwise.kernels.cpu.suspicions import sums_of_rows

_ADVICE = "If they are logits, use cross_entropy; if log-probabilities, cross_entropy too."
_ADVICE_ON_BINARY = "If they are logits, use binary_cross_entropy_with_logits."


class LogLossCall(NamedTuple):
    """The unchecked arguments of `log_loss`, whose docstring explains them."""

    logits: Any
    target: Any
    axis: Any = -1
    class_weight: Any = None
    sample_weight: Any = None
    ignore_index: Any = -100
    reduction: Any = "mean"
    normalizer: Any = None
    labels: Any = None
    operation = "log_loss"

    def other_arrays(self) -> tuple[Any, ...]:
        """Return the arrays beside the probabilities through which a derivative may be asked for."""
        return self.target, self.class_weight, self.sample_weight

    def differentiable_option(self) -> Any:
        """Return the normaliser, which may be a tensor with a derivative."""
        return self.normalizer

    def detached(self) -> LogLossCall:
        """Return the call itself: it has no gradient to return beside its result."""
        return self

    def checked(self, out: Any = None) -> CrossEntropyProblem:
        """Return the problem, or raise what is wrong with the call."""
        probabilities = as_floating(self.logits, "probabilities")
        ignore_index = check_int64(self.ignore_index, "ignore_index")
        given = names.as_target(self.target, self.labels, probabilities)
        is_binary = _is_binary(probabilities, given, self.labels)
        if is_binary:
            layout = _layout_of_binary(probabilities, self.axis)
        else:
            layout = check_layout(probabilities, self.axis, "probabilities", at_least=2)
        target = given
        if self.labels is not None:
            target, ignore_index = names.indices_of(given, self.labels, probabilities, layout, ignore_index), -1
        elif not is_tensor(given):
            names.refuse_text(given, layout)
        if is_binary:
            target = _check_binary_target(target, probabilities)
        has_indices = is_binary or is_index_target(target, layout, "probabilities")
        reduction, normalizer = check_reduction(self.reduction, self.normalizer, probabilities)
        signed = reduction != "mean" or normalizer is not None
        class_weight = check_class_weight(self.class_weight, probabilities, layout, signed)
        sample_weight = check_sample_weight(self.sample_weight, probabilities, layout, signed)
        if self.labels is not None:
            names.check_known(target, given, self.labels, layout, sample_weight)
        rows_counted = count_indices(target, layout, ignore_index, sample_weight) if has_indices else -1
        if not has_indices:
            target = check_distribution(target, layout, sample_weight)
        options = (class_weight, sample_weight, ignore_index, 0.0, 0.0, reduction, normalizer, None)
        operation = "binary_log_loss" if is_binary else self.operation
        problem = CrossEntropyProblem(operation, probabilities, target, has_indices, layout, *options, rows_counted)
        if is_binary:
            _check_binary(problem)
        else:
            _check_rows(problem)
        return with_even_weights(problem) if reduction == "mean" else problem


def _is_binary(probabilities: Any, target: Any, labels: Any) -> bool:
    """Return whether these are probabilities of class 1 and a label for each, both one-dimensional.

    A floating target of this shape is a distribution over the classes of a single row.
    """
    if len(probabilities.shape) != 1 or len(target.shape) != 1:
        return False
    return labels is not None or number_kind(target) in ("integer", "bool")


def _layout_of_binary(probabilities: Any, axis: Any) -> Layout:
    """Return the layout of rows of two classes, of which only the second is stored."""
    check_axis(axis, 1, "probabilities")
    rows = probabilities.shape[0]
    return Layout((rows, 2), 1, rows, 2, 1)


def _check_binary_target(target: Any, probabilities: Any) -> Any:
    """Return the labels 0 and 1 of probabilities of class 1, as integers."""
    if tuple(target.shape) != tuple(probabilities.shape):
        requirement = f"have a label for each of the {len(probabilities)} probabilities of class 1, or be one index"
        advice = "The index is the class of a single row, of which the probabilities of all classes are given."
        raise InvalidValueError("target", requirement, f"shape {tuple(target.shape)}", advice=advice)
    if number_kind(target) != "bool":
        return target
    return target.byte() if is_tensor(target) else target.astype(np.uint8)


def _check_binary(problem: CrossEntropyProblem) -> None:
    """Raise for an entry outside of [0, 1] that is read; warn where they look like one row of classes."""
    probabilities, silent = problem.logits, problem.silent()
    if not may_look(probabilities):
        return
    counts = None if silent is None else ~silent
    in_unit_interval(probabilities, "probabilities", _ADVICE_ON_BINARY, counts)
    if is_readable(probabilities) and _warnings.checks_are_on():
        suspicions.warn_of_single_row(problem)


def _check_rows(problem: CrossEntropyProblem) -> None:
    """Raise for an entry outside of [0, 1] in a row that takes part; warn where rows do not sum to 1."""
    if is_readable(problem.logits):
        sums, silent = _sums(problem), problem.silent()
        if silent is not None:
            sums[_as_flags(silent)] = 1.0
        if np.isnan(sums).any():
            _raise_entries(problem)
        if _warnings.checks_are_on():
            suspicions.warn_of_sums_of_probabilities(problem, sums.reshape(-1))
    elif may_look(problem.logits):
        _raise_entries(problem)


def _as_flags(silent: Any) -> np.ndarray:
    """Return which rows are silent as a NumPy array."""
    return silent.numpy() if is_tensor(silent) else silent


def _raise_entries(problem: CrossEntropyProblem) -> None:
    """Raise for the first entry outside of [0, 1], if there is one."""
    in_unit_interval(problem.quiet_logits(fill=0.5), "probabilities", _ADVICE)


def _sums(problem: CrossEntropyProblem) -> np.ndarray:
    """Return the sum of every row; NaN where an entry is outside of [0, 1] by more than rounding."""
    probabilities, layout = problem.logits, problem.layout
    margin, sums = margin_of(probabilities), np.empty(layout.row_shape)
    for piece, rows in layout.blocks():
        block = probabilities[piece]
        block = block.movedim(layout.axis, -1) if is_tensor(block) else np.moveaxis(block, layout.axis, -1)
        memory, encoding = memory_of(block)
        found = np.empty(memory.size // layout.classes)
        sums_of_rows(memory.reshape(-1, layout.classes), encoding, -margin, 1.0 + margin, found)
        sums[rows] = found.reshape(block.shape[:-1])
    return sums
