"""The error budgets of the functions: the only place with tolerances.

Errors are measured in units in the last place (ulp) of the output dtype, against the exact value of the function at
the inputs as they are stored. Where a budget is `LARGEST_LOGIT`, a result that cancels to near 0 is allowed the
absolute error of so many ulp of the row's largest logit.
"""

from __future__ import annotations

import numpy as np

# name of the dtype -> ulp
VALUE_ULP = {"float16": 4.0, "bfloat16": 4.0, "float32": 4.0, "float64": 8.0}

# A gradient is a difference of near-equal terms near an optimum: its absolute error is bounded, in ulp of the weight
# of its row.
GRADIENT_ULP = {"float16": 4.0, "bfloat16": 4.0, "float32": 4.0, "float64": 16.0}

# What was computed in 32 bits or more and rounded to sixteen at the end, and no sooner.
ROUNDED_ONCE_ULP = 0.55

# Of a logsumexp whose terms cancel: in ulp of float64 of the sum of their absolute values, over that of the sum.
CANCELLED_ULP = 8.0

# Against `reference/` instead of mpmath: its own float64 error comes on top.
REFERENCE_ULP = {**VALUE_ULP, "float64": 16.0}

_EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
TINY = {"float16": 2.0**-24, "bfloat16": 2.0**-133, "float32": 2.0**-149, "float64": 2.0**-1074}


def with_power(budget: float, dtype: str, gamma: float) -> float:
    """Return the budget of a focal loss: in float64 a power multiplies the relative error of its base by gamma."""
    return budget * max(1.0, (1.0 + gamma) / 3.0) if dtype == "float64" else budget


def ulp(value: np.ndarray, dtype: str) -> np.ndarray:
    """Return the distance between neighbouring numbers of `dtype` at `value`."""
    magnitude = np.abs(np.asarray(value, dtype=np.float64))
    exponent = np.floor(np.log2(np.where((magnitude > 0) & np.isfinite(magnitude), magnitude, 1.0)))
    spacing = np.where(magnitude > 0, np.exp2(exponent) * _EPSILON[dtype], 0.0)
    return np.maximum(spacing, TINY[dtype])


def check_ulp(
    actual: np.ndarray, exact: np.ndarray, dtype: str, budget: float, *, scale: np.ndarray | None = None
) -> None:
    """Raise AssertionError unless `actual` is within `budget` ulp of `exact` (of `scale` where that is larger).

    Infinities and NaN must be equal. An exact value beyond the largest number of the dtype may be infinite.
    """
    actual, exact = np.asarray(actual, dtype=np.float64), np.asarray(exact, dtype=np.float64)
    assert actual.shape == exact.shape, f"shape {actual.shape}, expected {exact.shape}"
    special = ~np.isfinite(exact)
    np.testing.assert_array_equal(actual[special], exact[special])
    size = (
        ulp(exact, dtype)
        if scale is None
        else np.maximum(ulp(exact, dtype), ulp(np.broadcast_to(scale, exact.shape), dtype))
    )
    with np.errstate(invalid="ignore"):
        errors = np.where(special, 0.0, np.abs(actual - exact) / size)
    worst = int(np.argmax(errors)) if errors.size else 0
    assert errors.size == 0 or errors.flat[worst] <= budget, (
        f"{errors.flat[worst]:.3g} ulp of {dtype} at {np.unravel_index(worst, errors.shape)}: "
        f"got {actual.flat[worst]!r}, exact {exact.flat[worst]!r}; budget {budget}"
    )
