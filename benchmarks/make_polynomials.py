"""Make the polynomials of `kernels/cpu/vector.py` and `float64.py`, and print them with their worst relative error.

Each is `c + x q(x)`, so that its value c at 0 is exact; q interpolates at Chebyshev nodes, in 50 digits, and the error
is measured with the coefficients as they are stored. Run: `python benchmarks/make_polynomials.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import numpy as np

mpmath.mp.dps = 50


def quotient_of_power(r: mpmath.mpf) -> mpmath.mpf:
    """Return `(2^r - 1) / r`."""
    return mpmath.expm1(r * mpmath.log(2)) / r if r else mpmath.log(2)


def quotient_of_atanh(w: mpmath.mpf) -> mpmath.mpf:
    """Return `(atanh(s) / s - 1) / w` for `w = s^2`, by its series."""
    return mpmath.nsum(lambda n: w**n / (2 * n + 3), [0, mpmath.inf]) if w else mpmath.mpf(1) / 3


def quotient_of_curve(x: mpmath.mpf) -> mpmath.mpf:
    """Return `((exp(x) - 1 - x) / x^2 - 1/2) / x`, by its series."""
    return mpmath.nsum(lambda n: x**n / mpmath.factorial(n + 3), [0, mpmath.inf]) if x else mpmath.mpf(1) / 6


def interpolate(function: Callable, low: mpmath.mpf, high: mpmath.mpf, terms: int, dtype: type) -> list[float]:
    """Return the coefficients, lowest power first, of the polynomial through the Chebyshev nodes of an interval."""
    middle, half = (low + high) / 2, (high - low) / 2
    nodes = [middle + half * mpmath.cos(mpmath.pi * (2 * i + 1) / (2 * terms)) for i in range(terms)]
    powers = mpmath.matrix(terms, terms)
    for i, node in enumerate(nodes):
        for j in range(terms):
            powers[i, j] = node**j
    return [float(dtype(float(c))) for c in mpmath.lu_solve(powers, mpmath.matrix([function(x) for x in nodes]))]


def worst_error(
    function: Callable, coefficients: list[float], low: mpmath.mpf, high: mpmath.mpf, at_0: float
) -> mpmath.mpf:
    """Return the largest relative error of `c + x q(x)` on a grid."""
    grid = [low + (high - low) * mpmath.mpf(i) / 2000 for i in range(2001)]
    errors = [abs(x * (mpmath.polyval(coefficients[::-1], x) - function(x)) / (at_0 + x * function(x))) for x in grid]
    return max(errors)


def main() -> None:
    one, half = mpmath.mpf(1), mpmath.mpf(1) / 2
    top = ((mpmath.sqrt(2) - 1) / (mpmath.sqrt(2) + 1)) ** 2
    table = [
        ("2^r, float32", quotient_of_power, -half, half, 6, np.float32, 1.0),
        ("2^r, float64 for float32", quotient_of_power, -half, half, 7, np.float64, 1.0),
        ("2^r, float64", quotient_of_power, -half, half, 11, np.float64, 1.0),
        ("2^r, of 32 bits in float64", quotient_of_power, -half, half, 6, np.float64, 1.0),
        ("atanh(s) / s", quotient_of_atanh, mpmath.mpf(0), top, 8, np.float64, 1.0),
        ("atanh(s) / s, of 32 bits in float64", quotient_of_atanh, mpmath.mpf(0), one / 9, 6, np.float64, 1.0),
        ("(exp(x) - 1 - x) / x^2", quotient_of_curve, -1 * one, 2 * one, 15, np.float64, 0.5),
    ]
    for name, function, low, high, terms, dtype, at_0 in table:
        coefficients = interpolate(function, low, high, terms, dtype)
        print(name, "relative error", mpmath.nstr(worst_error(function, coefficients, low, high, at_0), 3))
        print("   ", coefficients)


if __name__ == "__main__":
    main()
