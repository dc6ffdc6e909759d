"""The arithmetic of one number, written so that a loop around it vectorises.

The polynomials and their error bounds come from `benchmarks/make_polynomials.py` (interpolation at Chebyshev nodes, in
50 digits). There are no branches: special cases are selected. Constants of float32 arithmetic are float32, since one
float64 literal would widen the whole expression.
"""

from __future__ import annotations

import numpy as np
from numba import types

from logitwise.kernels.cpu.compiled import (
    become_inline,
    bits_of,
    by_type,
    compiled,
    multiply_add,
    number_of,
    power_of_two,
)

LOG2_E = 1.4426950408889634
LOG2_E_LOW = 2.0355273740931033e-17  # log2(e) - LOG2_E
LN2_HIGH = 0.6931471803691238  # ln(2) in 32 bits: its product with an exponent is exact
LN2_LOW = 1.9082149292705877e-10

# 2^r = 1 + r q(r) for |r| <= 1/2; relative error below 9.2e-9, 0.08 ulp of float32.
_A = tuple(
    np.float32(c)
    for c in (
        *(0.6931471824645996, 0.24022650718688965, 0.055503569543361664),
        *(0.009618083015084267, 0.0013390863314270973, 0.00015453163359779865),
    )
)
_A0, _A1, _A2, _A3, _A4, _A5 = _A
_ONE_32 = np.float32(1.0)

# The same in float64; relative error below 2.0e-17, 0.09 ulp.
_B0, _B1, _B2, _B3 = 0.6931471805599453, 0.24022650695910097, 0.0555041086648216, 0.009618129107606888
_B4, _B5, _B6, _B7 = 0.0013333558146416936, 0.0001540353044173605, 1.525273382983612e-05, 1.321544258792169e-06
_B8, _B9, _B10 = 1.0178062445845774e-07, 7.072585949269223e-09, 4.4549605981865186e-10

# The same in float64, for numbers of 32 bits or less; relative error below 1.1e-10.
_D0, _D1, _D2, _D3 = 0.6931471805599453, 0.24022650922288757, 0.055504108839096185, 0.009618056678524637
_D4, _D5, _D6 = 0.001333350238616277, 0.0001546144469856913, 1.5297323760701075e-05

_ROUNDER_64, _LOWEST_64 = 1.5 * 2**52 + 1023, 1.5 * 2**52 + 23  # see `exp_of_difference`; the lowest is 2^-1000

# atanh(s) / s = 1 + w q(w), w = s^2, for 0 <= w <= 0.02944; relative error below 5.3e-19.
_C0, _C1, _C2, _C3 = 0.3333333333333333, 0.2000000000000044, 0.14285714285401807, 0.11111111195856958
_C4, _C5, _C6, _C7 = 0.09090897820066453, 0.07693119851407329, 0.06634386569328443, 0.06543313073920051

# The same for numbers of 32 bits or less, 0 <= w <= 1/9; relative error below 1.0e-11.
_E0, _E1, _E2 = 0.33333333325011805, 0.2000000538497483, 0.1428515286094183
_E3, _E4, _E5 = 0.11132355604500663, 0.08732351232720387, 0.10393808427873376

_SQRT_HALF_BITS = int(np.float64(0.5**0.5).view(np.int64))


@compiled
def difference(a, b):
    """Return `a - b` rounded, and the rounding error: their sum is exact (Knuth's two-sum)."""
    rounded = a - b
    virtual = rounded - a
    return rounded, (a - (rounded - virtual)) - (b + virtual)


@by_type
def exp_of_difference(x, largest, high, low):
    """Return `exp((x - largest) / T)` for `x <= largest`, where `high + low = log2(e) / T`.

    The rounding error of the difference is carried along, so that the result is within 1 ulp however far apart the two
    are. The result is `2^n 2^r` with n whole and |r| <= 1/2: adding a large number rounds to n and leaves n, biased, in
    the low bits. The bias is 64 (float64: 512) too large, so that 2^n stays normal where the result is subnormal; the
    last product removes the excess. Below the smallest subnormal the result is 0; NaN stays NaN; equal arguments give
    exactly 1.
    """
    if x == types.float32:
        real, rounder, lowest, unbias, power = np.float32, 1.5 * 2**23 + 127 + 64, -151, 2.0**-64, _power_32
    else:
        real, rounder, lowest, unbias, power = np.float64, 1.5 * 2**52 + 1023 + 512, -1076, 2.0**-512, power_64
    rounder, lowest, unbias, zero = real(rounder), real(rounder + lowest), real(unbias), real(0.0)

    def implementation(x, largest, high, low):
        rounded, lost = difference(x, largest)
        biased = multiply_add(rounded, high, rounder)
        whole = biased - rounder
        fraction = multiply_add(rounded, high, -whole)
        fraction = multiply_add(rounded, low, fraction)
        fraction = multiply_add(lost, high, fraction)
        value = (power(fraction) * power_of_two(biased)) * unbias
        return zero if biased < lowest else value

    return implementation


@compiled
def _power_32(r):
    """Return 2^r for |r| <= 1/2 in float32."""
    q = multiply_add(r, _A5, _A4)
    q = multiply_add(r, q, _A3)
    q = multiply_add(r, q, _A2)
    q = multiply_add(r, q, _A1)
    q = multiply_add(r, q, _A0)
    return multiply_add(r, q, _ONE_32)


@compiled
def power_64(r):
    """Return 2^r for |r| <= 1/2 in float64."""
    q = multiply_add(r, _B10, _B9)
    q = multiply_add(r, q, _B8)
    q = multiply_add(r, q, _B7)
    q = multiply_add(r, q, _B6)
    q = multiply_add(r, q, _B5)
    q = multiply_add(r, q, _B4)
    q = multiply_add(r, q, _B3)
    q = multiply_add(r, q, _B2)
    q = multiply_add(r, q, _B1)
    q = multiply_add(r, q, _B0)
    return multiply_add(r, q, 1.0)


@compiled
def short_exp(x):
    """Return `exp(x)` for float64 `x <= 0` with a relative error of 1.1e-10, by two thirds of the arithmetic.

    That is 0.001 ulp of float32. Below 2^-1000 the result is 0; NaN stays NaN; exp(0) is exactly 1.
    """
    become_inline()
    biased = multiply_add(x, LOG2_E, _ROUNDER_64)
    r = multiply_add(x, LOG2_E, -(biased - _ROUNDER_64))
    q = multiply_add(r, _D6, _D5)
    q = multiply_add(r, q, _D4)
    q = multiply_add(r, q, _D3)
    q = multiply_add(r, q, _D2)
    q = multiply_add(r, q, _D1)
    q = multiply_add(r, q, _D0)
    value = multiply_add(r, q, 1.0) * power_of_two(biased)
    return 0.0 if biased < _LOWEST_64 else value


@by_type
def wide_exp(x, largest):
    """Return `exp(x - largest)` in float64, for `x <= largest`, as accurately as powers of it ask for by its dtype."""
    if x == types.float32:
        return lambda x, largest: short_exp(np.float64(x) - np.float64(largest))
    return lambda x, largest: exp_of_difference(x, largest, LOG2_E, LOG2_E_LOW)


@compiled
def power(x, exponent):
    """Return `x ** exponent` in float64 for x in [0, 1] and an exponent in (0, 1e300], within 1.5 ulp; NaN stays NaN.

    The logarithm, `k ln(2) + 2 atanh(s)` as in `log1p`, is a pair of float64 and its rounding error: an error of half
    an ulp in an exponent of 700 would be one of 350 ulp in the power.
    """
    become_inline()
    scaled = x * 18446744073709551616.0 if x < 1e-290 else x  # 2^64: a subnormal number has no exponent to read
    shift = (bits_of(scaled) - _SQRT_HALF_BITS) >> 52
    f = number_of(bits_of(scaled) - (shift << 52)) - 1.0
    divisor = 2.0 + f
    s = f / divisor
    lost = (multiply_add(-s, divisor, f) - s * (f - (divisor - 2.0))) / divisor
    w = s * s
    k = np.float64(shift) - (64.0 if x < 1e-290 else 0.0)
    high, low = difference(k * LN2_HIGH, -2.0 * s)
    low += k * LN2_LOW + 2.0 * (lost + s * w * _quotient_of_atanh(w))
    product = exponent * high
    error = multiply_add(exponent, high, -product) + exponent * low
    value = exp_of_difference(product, -error, LOG2_E, LOG2_E_LOW)
    return value if x > 0.0 else x


@compiled
def _quotient_of_atanh(w):
    """Return q of `atanh(s) / s = 1 + w q(w)`."""
    q = multiply_add(w, _C7, _C6)
    q = multiply_add(w, q, _C5)
    q = multiply_add(w, q, _C4)
    q = multiply_add(w, q, _C3)
    q = multiply_add(w, q, _C2)
    q = multiply_add(w, q, _C1)
    return multiply_add(w, q, _C0)


@compiled
def log1p(x):
    """Return `log(1 + x)` for float64 `x > -1`, within 2 ulp (below 0, of `x / (1 + x)`); NaN stays NaN."""
    rounded, lost = difference(x, -1.0)
    return x if x == np.inf else log_of_pair(rounded, lost, 0)


@by_type
def log1p_of_tail(tail):
    """Return `log(1 + tail)` in float64 for 0 <= tail <= 1, as accurately as the dtype of `tail` asks for."""
    return _short_log1p if tail == types.float32 else lambda tail: log1p(tail)


def _short_log1p(tail):
    """Return `2 atanh(s)` with `s = x / (2 + x)`, with a relative error of 1e-11: 1e-4 ulp of float32."""
    x = np.float64(tail)
    s = x / (2.0 + x)
    w = s * s
    q = multiply_add(w, _E5, _E4)
    q = multiply_add(w, q, _E3)
    q = multiply_add(w, q, _E2)
    q = multiply_add(w, q, _E1)
    q = multiply_add(w, q, _E0)
    return 2.0 * multiply_add(s, w * q, s)


@compiled
def log_of_pair(rounded, lost, excess):
    """Return `log((rounded + lost) / 2^excess)` for a normal positive number and its rounding error.

    The number is `2^k (1 + f)` with 1 + f in [sqrt(1/2), sqrt(2)); then `log(1 + f) = 2 atanh(s)` with
    `s = f / (2 + f)`, written as f minus a correction so that f enters exactly.
    """
    exponent = (bits_of(rounded) - _SQRT_HALF_BITS) >> 52
    f = (number_of(bits_of(rounded) - (exponent << 52)) - 1.0) + lost * number_of((1023 - exponent) << 52)
    s = f / (2.0 + f)
    w = s * s
    q = multiply_add(w, _C7, _C6)
    q = multiply_add(w, q, _C5)
    q = multiply_add(w, q, _C4)
    q = multiply_add(w, q, _C3)
    q = multiply_add(w, q, _C2)
    q = multiply_add(w, q, _C1)
    q = multiply_add(w, q, _C0)
    log_of_mantissa = f - s * (f - 2.0 * w * q)
    k = np.float64(exponent - excess)
    return k * LN2_HIGH + (k * LN2_LOW + log_of_mantissa)


@compiled
def scaled_log2_e(temperature):
    """Return `log2(e) / temperature` as a float64 and its rounding error."""
    high = LOG2_E / temperature
    return high, (multiply_add(-high, temperature, LOG2_E) + LOG2_E_LOW) / temperature
