"""The arithmetic of one number in float64, for kernels whose results need more digits than their inputs have.

`exact` is True where an input has 64 bits: rounding errors are then carried along. It is None where all have 32 or
fewer: their differences are exact in float64, or nearly so, and shorter polynomials do. Exponentials come with an
excess factor of `EXCESS`: the smallest are normal numbers then, and keep their digits in a product.

The polynomials come from `benchmarks/make_polynomials.py`.
"""

from __future__ import annotations

import numpy as np
from numba import types

from logitwise.kernels.cpu.compiled import by_type, compiled, multiply_add, power_of_two
from logitwise.kernels.cpu.vector import LOG2_E, LOG2_E_LOW, difference, power_64

FEW_CLASSES = 128  # up to here, rows side by side are faster than one after another
WIDTH = 32  # rows side by side: a single row costs as much, and fewer do not fill the vectors
STRIDE = WIDTH + 16

EXCESS_BITS = 128
EXCESS = 2.0**EXCESS_BITS
_ROUNDER = 1.5 * 2**52 + 1023 + EXCESS_BITS
_LOWEST = _ROUNDER - 1150  # below, 2^60 exponentials are together less than the smallest subnormal

# 2^r = 1 + r q(r) for |r| <= 1/2; relative error below 5.1e-9.
_A0, _A1, _A2 = 0.6931471880262288, 0.24022650760568126, 0.05550357114219078
_A3, _A4, _A5 = 0.009618082557277852, 0.0013390863364671234, 0.0001545316294512069

_PLAIN_ROUNDER = 1.5 * 2**52 + 1023
_PLAIN_LOWEST = _PLAIN_ROUNDER - 1000

# exp(x) - 1 - x = x^2 (1/2 + x q(x)) for -1 <= x <= 2: relative error below 5e-17.
_LOW, _HIGH = -1.0, 2.0
_E0, _E1, _E2 = 0.16666666666666669, 0.04166666666666669, 0.008333333333333
_E3, _E4, _E5 = 0.0013888888888884835, 0.00019841269841587228, 2.4801587302729586e-05
_E6, _E7, _E8 = 2.755731910961711e-06, 2.755731938362912e-07, 2.505212697953612e-08
_E9, _E10, _E11 = 2.0876662722721554e-09, 1.6057780716629606e-10, 1.1482136702103518e-11
_E12, _E13, _E14 = 7.65786641944042e-13, 4.362182510227242e-14, 4.376019257789732e-15


@by_type
def excess_exp(exact, value, lost, high, low):
    """Return `EXCESS exp((value + lost) / T)` for a value up to 600 T, where `high + low = log2(e) / T`.

    As in `exp_of_difference` of `vector.py`; NaN stays NaN.
    """
    if exact is types.none:

        def implementation(exact, value, lost, high, low):
            biased = multiply_add(value, high, _ROUNDER)
            fraction = multiply_add(value, high, -(biased - _ROUNDER))
            q = multiply_add(fraction, _A5, _A4)
            q = multiply_add(fraction, q, _A3)
            q = multiply_add(fraction, q, _A2)
            q = multiply_add(fraction, q, _A1)
            q = multiply_add(fraction, q, _A0)
            return 0.0 if biased < _LOWEST else multiply_add(fraction, q, 1.0) * power_of_two(biased)

    else:

        def implementation(exact, value, lost, high, low):
            biased = multiply_add(value, high, _ROUNDER)
            fraction = multiply_add(value, high, -(biased - _ROUNDER))
            fraction = multiply_add(value, low, fraction)
            fraction = multiply_add(lost, high, fraction)
            return 0.0 if biased < _LOWEST else power_64(fraction) * power_of_two(biased)

    return implementation


@compiled
def exp_of_minus(distance, high, low):
    """Return `exp(-distance / T)` for a distance from 0 up, where `high + low = log2(e) / T`.

    Below 2^-1000 the result is 0; NaN stays NaN; exp(0) is exactly 1.
    """
    biased = multiply_add(-distance, high, _PLAIN_ROUNDER)
    r = multiply_add(-distance, high, -(biased - _PLAIN_ROUNDER))
    r = multiply_add(-distance, low, r)
    return 0.0 if biased < _PLAIN_LOWEST else power_64(r) * power_of_two(biased)


@by_type
def gap(exact, a, b):
    """Return `a - b` and its rounding error."""
    if exact is types.none:
        return lambda exact, a, b: (np.float64(a) - np.float64(b), 0.0)
    return lambda exact, a, b: difference(np.float64(a), np.float64(b))


@compiled
def quotient(value, lost, inverse, inverse_low):
    """Return `(value + lost) / T` and its rounding error, 0 where that is not finite; see `inverse_of`."""
    rounded = value * inverse
    error = multiply_add(value, inverse, -rounded) + (value * inverse_low + lost * inverse)
    return rounded, error if abs(rounded) < np.inf else 0.0


@compiled
def less(value, lost, other):
    """Return `value + lost - other`, rounded."""
    rounded, error = difference(value, other)
    return rounded + (error + lost) if abs(rounded) < np.inf else rounded


@by_type
def add(exact, total, lost, term):
    """Return `total + term`, and `lost` plus the rounding error of the addition."""
    if exact is types.none:
        return lambda exact, total, lost, term: (total + term, lost)

    def implementation(exact, total, lost, term):
        total, error = difference(total, -term)
        return total, lost + error

    return implementation


@compiled
def is_near(x):
    """Return whether `curve` serves for a number."""
    return _LOW <= x <= _HIGH


@compiled
def curve(x):
    """Return `exp(x) - 1 - x` for a number that `is_near`: without the difference, which loses all digits near 0."""
    q = multiply_add(x, _E14, _E13)
    q = multiply_add(x, q, _E12)
    q = multiply_add(x, q, _E11)
    q = multiply_add(x, q, _E10)
    q = multiply_add(x, q, _E9)
    q = multiply_add(x, q, _E8)
    q = multiply_add(x, q, _E7)
    q = multiply_add(x, q, _E6)
    q = multiply_add(x, q, _E5)
    q = multiply_add(x, q, _E4)
    q = multiply_add(x, q, _E3)
    q = multiply_add(x, q, _E2)
    q = multiply_add(x, q, _E1)
    q = multiply_add(x, q, _E0)
    return multiply_add(x, q, 0.5) * x * x


@compiled
def inverse_of(temperature):
    """Return `1 / T` and its rounding error, of at most 2^1022; and `log2(e) / T` likewise."""
    temperature = max(temperature, 2.0**-1022)
    inverse = 1.0 / temperature
    high = LOG2_E / temperature
    low = (multiply_add(-high, temperature, LOG2_E) + LOG2_E_LOW) / temperature
    return inverse, multiply_add(-inverse, temperature, 1.0) / temperature, high, low
