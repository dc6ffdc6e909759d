"""What a target must be: class indices, a distribution over the classes, or the labels of a binary problem."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise import _warnings
from logitwise._arrays import Layout, as_numpy, dtype_name, is_tensor, may_look, number_kind
from logitwise._errors import InvalidTypeError, InvalidValueError
from logitwise._requirements import BINARY_LOSS, NUMBERING, advice_on_dtype, check_same_framework
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._arguments.entries import not_negative
from logitwise.functional._memory.arrays import float64_of, memory_of, rows_of
from logitwise.kernels.cpu.cross_entropy import count_targets
from logitwise.kernels.cpu.suspicions import faults_of_distribution


def is_index_target(target: Any, layout: Layout, name: str = "logits") -> bool:
    """Return True for class indices, False for a distribution over classes; raise when `target` is neither.

    The one rule: an integer dtype means indices and has the shape of the logits without their class axis; a floating
    dtype means a distribution and has the shape of the logits.
    """
    kind, shape = number_kind(target), tuple(target.shape)
    if kind == "integer":
        if shape != layout.row_shape:
            _raise_index_shape(target, layout, name)
        return True
    if kind == "floating":
        if shape != layout.shape:
            _raise_distribution_shape(target, layout, name)
        return False
    requirement = "be integers (class indices) or floating (a distribution over classes)"
    advice = "Convert with .to." if is_tensor(target) else advice_on_dtype(target, NUMBERING)
    raise InvalidTypeError("target", requirement, f"dtype {dtype_name(target)}", advice=advice)


def _raise_index_shape(target: Any, layout: Layout, name: str) -> None:
    shape = tuple(target.shape)
    requirement = f"have the shape of {name} without axis {layout.axis}, {layout.row_shape}, if its dtype is integer"
    advice = ""
    if shape == layout.shape:
        advice = _advice_on_full_shape(target, layout, name)
    elif shape == layout.column_shape:
        advice = f"Drop the axis of length 1: {_squeezed(target, layout)}."
    elif (axis := layout.axis_without(shape)) is not None:
        moved = f"movedim({axis}, {layout.axis})" if is_tensor(target) else f"moveaxis({name}, {axis}, {layout.axis})"
        moved = f"{name}.{moved}" if is_tensor(target) else f"np.{moved}"
        advice = f"It fits classes on axis {axis} of {name}: pass axis={axis}, or {moved}."
    raise InvalidValueError("target", requirement, shape, "", advice, BINARY_LOSS)


def _advice_on_full_shape(target: Any, layout: Layout, name: str) -> str:
    """Return what to do with integers of the shape of the logits: one-hot rows, labels of two classes, or neither."""
    is_binary = may_look(target) and bool(((target == 0) | (target == 1)).all())
    if is_binary and not bool((target.sum(layout.axis) == 1).all()):
        if name == "probabilities":
            return "If they are probabilities of class 1, pass those of both classes: stack 1 - p and p on a last axis."
        return "For labels 0 and 1 of each entry, use {binary_cross_entropy_with_logits}."
    return f"If it is one-hot, pass target.argmax({layout.axis}), or convert it to a floating dtype."


def _squeezed(target: Any, layout: Layout) -> str:
    return f"target.squeeze({layout.axis})" if is_tensor(target) else f"np.squeeze(target, {layout.axis})"


def _raise_distribution_shape(target: Any, layout: Layout, name: str) -> None:
    shape = tuple(target.shape)
    requirement = f"have the shape of {name}, {layout.shape}, if its dtype is floating"
    advice = ""
    if shape == layout.row_shape:
        advice = "If it holds class indices, convert it to an integer dtype."
    elif shape == layout.column_shape:
        advice = f"If it holds class indices, pass {_squeezed(target, layout)}, converted to an integer dtype."
    elif shape[:-1] == layout.shape:
        advice = f"Are they the wrong way round? {name.capitalize()} come first, then the target."
    raise InvalidValueError("target", requirement, shape, advice=advice)


def check_indices(target: Any, layout: Layout, ignore_index: int, sample_weight: Any = None) -> None:
    """Raise unless every index is a class or `ignore_index`, or has weight 0."""
    bad = ((target < 0) | (target >= layout.classes)) & (target != ignore_index)
    if sample_weight is not None:
        bad = bad & (sample_weight != 0)
    if may_look(bad) and bool(bad.any()):
        positions, values = np.flatnonzero(as_numpy(bad)), as_numpy(target).ravel()
        first = int(positions[0])
        counted = values if sample_weight is None else values[as_numpy(sample_weight != 0).ravel()]
        from_one = are_from_one(counted, layout, ignore_index)
        raise_out_of_range(values[first], first, len(positions), layout, from_one)


def are_from_one(target: np.ndarray, layout: Layout, ignore_index: int) -> bool:
    """Return whether several class indices, the ignored ones aside, are all in [1, classes]."""
    target = target[target != ignore_index]
    return target.size > 1 and target.min() >= 1 and target.max() == layout.classes


def raise_out_of_range(value: Any, position: int, count: int, layout: Layout, are_from_one: bool = False) -> None:
    """Raise for a class index out of range; `are_from_one`: the targets are all in [1, classes]."""
    more = f" ({count} such rows)" if count > 1 else ""
    if are_from_one:
        advice = f"No target is 0 and the largest is {layout.classes}: classes are counted from 1, so subtract 1."
    elif value == layout.classes:
        advice = "If classes are counted from 1, subtract 1."
    elif value < 0:
        advice = "If it marks rows to leave out, pass it as ignore_index."
    else:
        advice = "Check the class axis and the number of outputs."
    where = f"{layout.position(position)}{more}"
    raise InvalidValueError("target", f"be in [0, {layout.classes - 1}]", int(value), where, advice)


def check_binary_target(target: Any, logits: Any, name: str = "logits") -> Any:
    """Return the target of a binary problem, of the shape of the logits and a dtype that may be one.

    Its entries (booleans, 0 and 1, or probabilities) are for `in_unit_interval` to check, once the weights are known.
    """
    target = check_same_framework(target, "target", logits, name)
    if number_kind(target) not in ("bool", "integer", "floating"):
        requirement = "be booleans, integers 0 and 1, or probabilities"
        advice = "" if is_tensor(target) else advice_on_dtype(target, NUMBERING)
        raise InvalidTypeError("target", requirement, f"dtype {dtype_name(target)}", advice=advice)
    if tuple(target.shape) != tuple(logits.shape):
        requirement = f"have the shape of {name}, {tuple(logits.shape)}"
        raise InvalidValueError("target", requirement, tuple(target.shape), advice="Reshape one of them.")
    return target


def count_indices(target: Any, layout: Layout, ignore_index: int, sample_weight: Any) -> int:
    """Raise unless every index is a class or `ignore_index`, or has weight 0.

    Returns:
        How many indices are classes, whatever their weight; -1 where they were not counted.
    """
    if not is_readable(target):
        check_indices(target.long(), layout, ignore_index, sample_weight)
        return -1
    flat = memory_of(target)[0].reshape(-1)
    bad, first, rows_counted = count_targets(flat, layout.classes, ignore_index)
    if bad and sample_weight is not None:
        check_indices(flat, layout, ignore_index, float64_of(sample_weight))
    elif bad:
        raise_out_of_range(flat[first], first, bad, layout, are_from_one(flat, layout, ignore_index))
    return rows_counted


def check_distribution(target: Any, layout: Layout, sample_weight: Any, name: str = "target") -> Any:
    """Return distributions whose entries are zero or more, and finite; warn where rows do not sum to 1.

    Rows of weight 0 are not read.
    """
    weight = sample_weight
    if sample_weight is not None:
        weight = sample_weight.unsqueeze(layout.axis) if is_tensor(target) else np.expand_dims(weight, layout.axis)
    if not is_readable(target):
        return not_negative(target, name, weight)
    is_bad, *sums = faults_of_distribution(*rows_of(target, layout))
    if is_bad:
        target = not_negative(target, name, weight)
    if sums[-1] and _warnings.checks_are_on():
        suspicions.warn_of_sums(target, layout, sample_weight, *sums, name=name)
    return target


def is_readable(array: Any) -> bool:
    """Return whether kernels may read an array: any of NumPy, and tensors in CPU memory whose values may be seen."""
    return not is_tensor(array) or (array.device.type == "cpu" and may_look(array))
