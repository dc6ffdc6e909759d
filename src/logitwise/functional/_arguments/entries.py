"""What each entry of an array must be, and the error that points at the first which is not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from logitwise._arrays import as_numpy, dtype_name, is_tensor, may_look, number_kind
from logitwise._errors import InvalidValueError

# How far sums of probabilities are off: 4 ulp of one in 16 bits; in 32 bits, a running sum over 30,000 classes. Numbers
# of 64 bits have often been rounded to 32 before.
_ROUNDING = {"float16": 2.0**-8, "bfloat16": 2.0**-5, "float32": 1e-5, "float64": 1e-5}


def check_all_finite(array: Any, name: str) -> None:
    """Raise when an entry is NaN or infinite."""
    _check_entries(array, name, ~(abs(array) < math.inf), "be finite")


def check_all_not_negative(array: Any, name: str, advice: str = "") -> None:
    """Raise when an entry is negative or not finite, with advice on finite ones."""
    requirement = "be zero or more, and finite"
    _check_entries(array, name, ~(array >= 0) | (array == math.inf), requirement, lambda at: _for_finite(at, advice))


def _for_finite(array: Any, advice: str) -> str:
    return advice if bool((abs(array) < math.inf).all()) else ""


def not_negative(array: Any, name: str, weight: Any = None) -> Any:
    """Return an array whose entries are zero or more and finite.

    Those below 0 by a rounding error become 0, and so does whatever has `weight` 0 (which broadcasts to the array).
    """
    if may_look(array) and bool(((array >= 0) & (array < math.inf)).all()):
        return array
    array = _without_weight_0(array, weight)
    bad = ~((array >= -margin_of(array)) & (array < math.inf))
    _check_entries(array, name, bad, "be zero or more, and finite")
    return clipped(array, math.inf)


def in_unit_interval(array: Any, name: str, advice: str | Callable[[Any], str], weight: Any = None) -> Any:
    """Return an array whose entries are in [0, 1].

    Those outside by a rounding error become 0 or 1, and whatever has `weight` 0 (of the shape of the array) 0. An error
    comes with advice, which may be a function of the array.
    """
    if may_look(array) and bool(((array >= 0) & (array <= 1)).all()):
        return array
    array, margin = _without_weight_0(array, weight), margin_of(array)
    bad = ~((array >= -margin) & (array <= 1 + margin))
    _check_entries(array, name, bad, "be in [0, 1]", advice)
    return clipped(array, 1.0)


def _without_weight_0(array: Any, weight: Any) -> Any:
    if weight is None:
        return array
    silent = weight == 0
    return array.masked_fill(silent, 0) if is_tensor(array) else np.where(silent, array.dtype.type(0), array)


def margin_of(array: Any) -> float:
    """Return how far outside of [0, 1] rounding may have moved the probabilities of an array."""
    return _ROUNDING.get(dtype_name(array), 0)


def clipped(array: Any, high: float) -> Any:
    """Return an array with its entries in [0, high]; derivatives pass where an entry is moved."""
    if number_kind(array) != "floating":
        return array
    if not is_tensor(array):
        return np.asarray(np.clip(array, 0.0, high))
    constant = array.detach()
    return array + (constant.clamp(0.0, high) - constant)


def advice_on_labels(target: Any) -> str:
    """Return what to do where the labels are two whole numbers other than 0 and 1."""
    low, high = float(target.min()), float(target.max())
    if (low, high) == (1.0, 2.0):
        return "If classes are counted from 1, subtract 1."
    return "If the labels are -1 and 1, pass target > 0." if (low, high) == (-1.0, 1.0) else ""


def advice_on_missing_labels(target: Any) -> str:
    """Return what to do where one number beside 0 and 1 seems to stand for a missing label, else advice on labels."""
    others = target[(target < 0) | (target > 1) | (target != target)]
    if bool((others != others).all()):
        return "If NaN marks missing labels, pass missing='ignore'."
    mark = float(others.min())
    is_mark = mark == float(others.max()) and mark.is_integer() and (mark < 0 or mark > 9)
    if is_mark and bool((target == 0).any()):
        return f"If it marks missing labels, pass ignore_index={int(mark)}."
    return advice_on_labels(target)


def _check_entries(array: Any, name: str, bad: Any, requirement: str, advice: str | Callable[[Any], str] = "") -> None:
    if may_look(bad) and bool(bad.any()):
        flags = as_numpy(bad)
        first = tuple(int(i) for i in np.argwhere(flags)[0])
        array = array.detach() if is_tensor(array) else array
        value = float(array[first] if first else array)
        more = f" ({int(flags.sum())} such entries)" if flags.sum() > 1 else ""
        where = f"index {first[0] if len(first) == 1 else first}{more}" if first else ""
        raise InvalidValueError(name, requirement, value, where, advice if isinstance(advice, str) else advice(array))
