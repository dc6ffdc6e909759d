"""What weights must be: of classes, of rows, of elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise._arrays import Layout, dtype_name, is_tensor, number_kind
from logitwise._errors import InvalidTypeError, InvalidValueError
from logitwise._requirements import (
    advice_on_axis,
    advice_on_tensors,
    broadcast,
    check_same_framework,
    described,
    refuse_proxy,
)
from logitwise.functional._arguments.entries import check_all_finite, check_all_not_negative

_ADVICE = (
    "The mean divides by the sum of the weights, which may be near 0 if they have both signs: pass reduction='sum' or "
    "'none', or to the function what to divide by, as normalizer=."
)


def check_class_weight(class_weight: Any, logits: Any, layout: Layout, signed: bool = False) -> Any:
    """Return one weight per class, floating, or None; only `signed` ones may be negative."""
    requirement = f"have one weight for each of the {layout.classes} classes"
    return _of_shape((layout.classes,), class_weight, "class_weight", logits, signed, requirement)


def check_sample_weight(sample_weight: Any, logits: Any, layout: Layout, signed: bool = False) -> Any:
    """Return one weight per row, floating, or None; only `signed` ones may be negative."""
    requirement = f"have one weight per row, shape {layout.row_shape}"
    return _of_shape(layout.row_shape, sample_weight, "sample_weight", logits, signed, requirement)


def _of_shape(shape: tuple[int, ...], weights: Any, name: str, logits: Any, signed: bool, requirement: str) -> Any:
    if weights is None:
        return None
    weights = as_weights(weights, name, logits)
    given = tuple(weights.shape)
    if given != shape:
        fits = len(given) > len(shape) and tuple(each for each in given if each != 1) == shape
        advice = f"Pass {{{name}}}.reshape{str(shape).replace(',)', ')')}." if fits else ""
        raise InvalidValueError(name, requirement, f"shape {given}", "", advice, {name: name})
    _check_sign(weights, name, signed)
    return weights


def check_element_weight(weight: Any, name: str, logits: Any, signed: bool = False) -> Any:
    """Return weights that broadcast to the shape of `logits`, floating, or None; only `signed` ones may be negative."""
    if weight is None:
        return None
    weights = as_weights(weight, name, logits)
    _check_sign(weights, name, signed)
    return broadcast(weights, name, logits, "logits", _advice_on_element_weight(weights, name, logits))


def _advice_on_element_weight(weights: Any, name: str, logits: Any) -> str:
    """Return how to write weights of rows, or of axis 1, such as the channels of images, which do not broadcast."""
    shape, count = tuple(logits.shape), weights.shape[0] if weights.ndim == 1 else None
    for axis in (0, 1) if name == "sample_weight" else (1, 0):
        if len(shape) > 2 and count == shape[axis]:
            further = (count, *[1] * (len(shape) - 1 - axis))
            return f"For one weight for each place on axis {axis}, pass {{{name}}}.reshape{further}."
    return advice_on_axis(weights, logits, name)


def _check_sign(weights: Any, name: str, signed: bool) -> None:
    if signed:
        check_all_finite(weights, name)
    else:
        check_all_not_negative(weights, name, "" if name == "pos_weight" else _ADVICE)


def is_number(value: Any) -> bool:
    """Return whether `value` is a real number of Python or NumPy, and not an array or a boolean."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def number_as_tensor(number: Any, logits: Any) -> Any:
    """Return a number as a tensor of 64 bits where the device has them.

    A product, since a compiler of torch makes a constant of what is given to `as_tensor` or `full`.
    """
    ones = logits.new_ones(())
    return (ones.float() if logits.device.type == "mps" else ones.double()) * number


def as_weights(weights: Any, name: str, logits: Any) -> Any:
    """Return weights of any shape as floats, in the framework of `logits`."""
    refuse_proxy(weights, name)
    if is_tensor(logits) and not is_tensor(weights):
        if is_number(weights):
            return number_as_tensor(weights, logits)
        advice = advice_on_tensors(weights, name)
        raise InvalidTypeError(name, "be a torch tensor like logits", described(weights), advice=advice)
    weights = check_same_framework(weights, name, logits)
    kind = number_kind(weights)
    if kind not in ("floating", "integer"):
        raise InvalidTypeError(name, "be numbers", f"dtype {dtype_name(weights)}")
    if kind == "floating":
        return weights
    return weights.double() if is_tensor(weights) else weights.astype(np.float64)
