"""From what was computed to what the caller gets: the dtype, the reduction, and the caller's own array."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise._arrays import is_tensor
from logitwise._checks import NoRowsWarning, warn


def rounded(result: Any, dtype: Any) -> Any:
    """Return float64 results in the dtype of the input; a result without axes as a scalar."""
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(result).astype(dtype, copy=False)[()]


def deliver(result: Any, out: Any) -> Any:
    """Return `result`, written into `out` where there is one."""
    if out is None:
        return result
    if is_tensor(out):
        return out.copy_(result)
    out[...] = result
    return out


def denominator(weight: float, normalizer: float | None, what: str) -> float:
    """Return what a mean divides by: `normalizer`, else the sum of the weights that took part.

    Where no weight took part there is nothing to average: the mean is defined as 0, with a warning, by dividing 0 by 1.
    """
    if normalizer is not None:
        return normalizer
    if weight == 0.0:
        warn(
            NoRowsWarning,
            f"the mean loss was asked over no {what}: all are ignored, have weight 0, or there are none; it is 0.",
        )
        return 1.0
    return weight
