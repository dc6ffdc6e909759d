"""What a mean divides by."""

from __future__ import annotations

from typing import Any

from logitwise.functional import _suspicions as suspicions


def divisor_of(weight: float, normalizer: float | None, unit: str, class_weight: Any = None) -> float:
    """Return what a mean divides by: `normalizer`, else the sum of the weights that took part.

    Where no weight took part there is nothing to average: the mean is defined as 0, with a warning, by dividing 0 by 1.
    `class_weight` is given where there were rows, whose weight it took away.
    """
    if normalizer is not None:
        return normalizer
    if weight == 0.0:
        suspicions.warn_of_no_rows(unit, class_weight)
        return 1.0
    return weight
