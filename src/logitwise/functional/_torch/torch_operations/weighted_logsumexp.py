"""Logsumexp with factors in torch operations: the definition of `reference/`, with derivatives of every order."""

from __future__ import annotations

import torch
from torch import Tensor

from logitwise.functional._problems.weighted_logsumexp import WeightedLogsumexpProblem
from logitwise.functional._torch.torch_operations.rows import wide
from logitwise.reference import LOG_2


def weighted_logsumexp(problem: WeightedLogsumexpProblem) -> Tensor | tuple[Tensor, Tensor]:
    """Return the logarithm of the sum, and its sign where that is asked for."""
    dtype, axis = problem.logits.dtype, problem.axes.place
    logits, b = (wide(each).movedim(axis, -1).contiguous() for each in (problem.logits, problem.b))
    if logits.shape[-1]:
        value, sign = _of_rows(logits.masked_fill(b == 0.0, -torch.inf), b.masked_fill(b == 0.0, 1.0))
    else:
        sign = logits.sum(-1)
        value = sign - torch.inf
    value, sign = (each.to(dtype).reshape(problem.shape) for each in (value, sign.detach()))
    return (value, sign) if problem.return_sign else torch.where(sign < 0.0, torch.nan, value)


def _of_rows(logits: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return one number and one sign per row, of classes on the last axis.

    The value is computed without derivatives. These are those of

        z_k + log b_k + log1p(sum of q_j (exp((z_j - z_k) - c_j) b_j / b_k / c'_j - 1) over j != k)

    with the shares `q_j = b_j exp(z_j) / sum` and `c_j`, `c'_j` as constants: each of these terms is 0 here, whatever
    the derivative. Where the sum is 0, so are the derivatives.
    """
    constant, factors = logits.detach(), b.detach()
    index, shares, value, sign = _without_derivatives(constant, factors)
    absent = constant == -torch.inf
    moved = logits.masked_fill(absent, 0.0) - constant.masked_fill(absent, 0.0)  # NaN where a logit is not finite
    ratios = b / factors
    moved_k, ratio_k = moved.gather(-1, index), ratios.gather(-1, index)
    growth = (moved - moved_k).exp() * ratios / ratio_k - 1.0
    slope = (shares.scatter(-1, index, 0.0) * growth).sum(-1).log1p() + (moved_k + ratio_k.log()).squeeze(-1)
    is_constant = value.isinf() | value.isnan()
    return torch.where(is_constant, value, value + slope), sign


def _without_derivatives(logits: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return k, the shares of the classes in the sum, the logarithm of the sum, and its sign."""
    index, factor, terms, (high, low) = _others(logits, b)
    rest, total = (high + low) / factor, (factor + high) + low
    cancels = rest < -0.5
    log_total = torch.where(cancels, (total / factor).abs().log(), rest.masked_fill(cancels, 0.0).log1p())
    mantissa, exponent = _around_one(b.gather(-1, index))
    anchor, lost = _times_power_of_two(logits.gather(-1, index), exponent)
    value = anchor + (lost + mantissa.abs().log() + log_total)
    value, sign = _of_infinite_rows(logits, b, value, total.sign() + 0.0)
    shares = torch.where(sign == 0.0, 0.0, terms / total + torch.where(value == torch.inf, torch.nan, 0.0))
    return index, shares, value.squeeze(-1), sign.squeeze(-1)


def _others(logits: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Return k, `b_k`, the terms `b_j exp(z_j - z_k)`, and the sum of the others, with what it lacks."""
    mantissa, exponent = _around_one(b)
    is_extreme = exponent.abs() > 256.0
    factors = torch.where(is_extreme, mantissa, b)
    scaled, lost = _times_power_of_two(logits, torch.where(is_extreme, exponent, 0.0))
    magnitudes = (scaled - scaled.amax(-1, keepdim=True)) + (lost + factors.abs().log())
    index = magnitudes.argmax(-1, keepdim=True)
    scaled_k, lost_k, factor_k = (each.gather(-1, index) for each in (scaled, lost, factors))
    differences, error = _sum(scaled, -scaled_k)
    differences, error = _sum(differences, error + (lost - lost_k))
    is_near, exponentials = differences.abs() < 0.5, differences.exp()
    error = exponentials * error
    terms = factors * (torch.where(is_near, differences.expm1(), exponentials) + error)
    others = [each.scatter(-1, index, 0.0) for each in (terms, factors.masked_fill(~is_near, 0.0))]
    return index, factor_k, factors * (exponentials + error), _exact_total(torch.cat(others, -1))


def _sum(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return `a + b` rounded, and the rounding error."""
    total = a + b
    virtual = total - a
    return total, ((a - (total - virtual)) + (b - virtual)).nan_to_num(0.0, 0.0, 0.0)


def _around_one(b: Tensor) -> tuple[Tensor, Tensor]:
    """Return mantissas of magnitude from about `sqrt(1/2)` to `sqrt(2)`, and exponents, both in the dtype of `b`.

    `torch.frexp` has integer exponents, and torch's compiler for CPUs cannot compile it.
    """
    exponent = b.abs().log2().round()
    half = (0.5 * exponent).floor()  # neither power of two over- or underflows
    return b * (-half).exp2() * (half - exponent).exp2(), exponent


def _times_power_of_two(logits: Tensor, exponent: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logarithm of `exp(logits) * 2**exponent`, rounded, and its rounding error."""
    rounded, error = _sum(logits, exponent * LOG_2[0])
    return rounded, error + exponent * LOG_2[1]


def _exact_total(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sums over the last axis, kept, and what they lack, as in `reference/`."""
    edge = 2.0 * (values.shape[-1] * values.abs().amax(-1, keepdim=True)).log2().ceil().exp2()
    upper = (values + edge) - edge
    return upper.sum(-1, keepdim=True), (values - upper).sum(-1, keepdim=True)


def _of_infinite_rows(logits: Tensor, b: Tensor, value: Tensor, sign: Tensor) -> tuple[Tensor, Tensor]:
    """Return the values and signs with those of rows that hold +inf or NaN, or -inf alone."""
    infinite = logits == torch.inf
    positive, negative = ((infinite & (side * b > 0.0)).any(-1, keepdim=True) for side in (1.0, -1.0))
    spoiled = logits.isnan().any(-1, keepdim=True) | (positive & negative)
    empty = (logits == -torch.inf).all(-1, keepdim=True)
    for rows, infinity, side in ((empty, -torch.inf, 0.0), (negative, torch.inf, -1.0), (positive, torch.inf, 1.0)):
        value, sign = torch.where(rows, infinity, value), torch.where(rows, side, sign)
    return torch.where(spoiled, torch.nan, value), torch.where(spoiled, torch.nan, sign)
