"""What each entry of an array must be, and the error that points at the first which is not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from logitwise._arrays import as_numpy, may_look
from logitwise._errors import InvalidValueError


def check_all_finite(array: Any, name: str) -> None:
    """Raise when an entry is NaN or infinite."""
    _check_entries(array, name, ~(abs(array) < math.inf), "be finite")


def check_all_not_negative(array: Any, name: str, advice: str = "") -> None:
    """Raise when an entry is negative or not finite, with advice on finite ones."""
    requirement = "be zero or more, and finite"
    _check_entries(array, name, ~(array >= 0) | (array == math.inf), requirement, lambda at: _for_finite(at, advice))


def _for_finite(array: Any, advice: str) -> str:
    return advice if bool((abs(array) < math.inf).all()) else ""


def check_unit_interval(target: Any, name: str = "target", advice: str = "") -> None:
    """Raise when an entry is outside [0, 1], with advice on what to do."""
    _check_entries(target, name, ~((target >= 0) & (target <= 1)), "be in [0, 1]", advice or _advice_for_labels)


def _advice_for_labels(target: Any) -> str:
    """Return what to do where the labels are two whole numbers other than 0 and 1."""
    low, high = float(target.min()), float(target.max())
    if (low, high) == (1.0, 2.0):
        return "If classes are counted from 1, subtract 1."
    return "If the labels are -1 and 1, pass target > 0." if (low, high) == (-1.0, 1.0) else ""


def _check_entries(array: Any, name: str, bad: Any, requirement: str, advice: str | Callable[[Any], str] = "") -> None:
    if may_look(bad) and bool(bad.any()):
        flags = as_numpy(bad)
        first = tuple(int(i) for i in np.argwhere(flags)[0])
        value = float(array[first]) if first else float(array)
        more = f" ({int(flags.sum())} such entries)" if flags.sum() > 1 else ""
        where = f"index {first[0] if len(first) == 1 else first}{more}" if first else ""
        raise InvalidValueError(name, requirement, value, where, advice if isinstance(advice, str) else advice(array))
