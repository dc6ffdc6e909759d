"""Rows of logits as differences from their largest, and sums that keep their digits, in torch operations.

    u_j = (z_j - z_k) / T,   rest = sum of exp(u_j) over j != k,   loss = V log1p(rest) - sum_j v_j u_j

`u_k` is the constant 0, so autograd reaches `z_k` through the others alone: its derivative there is minus the sum of
the other derivatives. That is the exact tail, kept by every order of derivative, forward mode and vmap, since nothing
here is but plain operations. Sixteen- and thirty-two-bit input is computed in float64 where the device has it.

In float64 a row whose `u_j` are all below FAR has exponentials so small that they would be rounded to multiples of the
smallest number, and so would each of their derivatives. There they are computed as

    exp(u_j) = exp((z_j - a) / T + EXCESS) exp((a - z_k) / T - EXCESS)          a: the constant z_k

and the second factor, one number per row, multiplies their sum: also the derivative at `z_k` is rounded once.

Minus the sum of the others is wrong by half an ulp of 1 where the derivative itself is small, as `p_k` of 1,000 equal
classes. In float64, and where the caller asks for it, rows with `p_k <= 1/2` are therefore differences from the
constant a, and `z_k` has a derivative like all others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_SERIES = [1.0 / math.factorial(n) for n in range(20, 1, -1)]  # of exp(x) - 1 - x, the highest power first
_HIGH = 1024.0  # at lower temperatures, logits whose difference overflows have probability 0
FAR, EXCESS = -650.0, 512.0


@dataclass(frozen=True)
class ShiftedRows:
    """Rows of logits as differences from their largest; `dim` stays, of length 1 where there is one number per row."""

    largest: Tensor
    is_largest: Tensor  # one class of every row
    differences: Tensor
    exponentials: Tensor
    others: Tensor  # the exponentials by their first factor, and 0 for the largest
    factor: Tensor | float  # the second factor
    log_total: Tensor  # log1p(rest)
    total: Tensor
    dead: Tensor  # rows of -inf alone

    def magnified(self, magnitude: Tensor) -> Tensor:
        """Return the exponentials times a number for every row, of which they keep their digits."""
        return torch.where(self.is_largest & ~self.dead, magnitude, self.others * (self.factor * magnitude))

    def is_tiny(self) -> Tensor:
        """Return of which rows all exponentials but that of the largest are tiny."""
        return torch.as_tensor(self.factor, device=self.total.device).detach() < 1.0


def wide(tensor: Tensor) -> Tensor:
    """Return a tensor in float64, or in float32 on a device that has no float64."""
    return tensor.float() if tensor.device.type == "mps" else tensor.double()


def shift(
    logits: Tensor,
    dim: int,
    temperature: float | Tensor = 1.0,
    mask: Tensor | None = None,
    *,
    by_constants: bool = False,
) -> ShiftedRows:
    """Return the rows along `dim`; classes outside of a mask count as -inf.

    With `by_constants`, rows of float64 whose largest has a probability of 1/2 or less are differences from a constant.
    """
    exact = logits.dtype != torch.float64
    logits = wide(logits)
    if not exact:
        logits, temperature = _within_reach(logits, temperature)
    if mask is not None:
        logits = logits.masked_fill(~mask.broadcast_to(logits.shape), -torch.inf)
    index = logits.detach().argmax(dim, keepdim=True)
    largest = logits.gather(dim, index)
    is_largest = torch.zeros_like(logits, dtype=torch.bool).scatter(
        dim, index, torch.ones_like(index, dtype=torch.bool)
    )
    dead = largest.detach() == -torch.inf
    is_spread = torch.zeros_like(dead)
    if by_constants and not exact:
        is_spread = _are_spread(logits, largest, dim, temperature)
        largest = torch.where(is_spread, largest.detach(), largest)
    differences = (logits - largest).masked_fill(is_largest & ~is_spread, 0.0).masked_fill(dead, -torch.inf)
    differences = divided(differences, temperature)
    spoiled = torch.where(dead | largest.detach().isfinite(), 0.0, torch.nan)
    if exact:
        exponentials, factor = differences.exp(), 1.0
        others = exponentials.masked_fill(is_largest, 0.0)
        rest = others.sum(dim, keepdim=True) + spoiled
    else:
        others, factor = _others(logits, largest, is_largest, dead, dim, temperature)
        exponentials = (others * factor).masked_fill(is_largest & ~dead, 1.0)
        rest = total_over(others, dim) * factor + spoiled
        if by_constants:  # the exponential of the largest is 1, with a derivative
            excess = differences.masked_fill(~(is_largest & is_spread), 0.0).expm1()
            exponentials, rest = exponentials + excess, rest + excess.sum(dim, keepdim=True)
    return ShiftedRows(
        largest / temperature, is_largest, differences, exponentials, others, factor, rest.log1p(), 1.0 + rest, dead
    )


def _are_spread(logits: Tensor, largest: Tensor, dim: int, temperature: float | Tensor) -> Tensor:
    """Return which rows have a largest class of probability 1/2 or less."""
    differences = (logits.detach() - largest.detach()) / _constant(temperature)
    return differences.exp().sum(dim, keepdim=True) >= 2.0


def _others(
    logits: Tensor, largest: Tensor, is_largest: Tensor, dead: Tensor, dim: int, temperature: float | Tensor
) -> tuple[Tensor, Tensor]:
    """Return the first factors of the exponentials, 0 for the largest, and the second of every row."""
    constant, divisor = largest.detach(), _constant(temperature)
    second = logits.detach().masked_fill(is_largest, -torch.inf).amax(dim, keepdim=True)
    is_far = (second - constant) / divisor < FAR
    distances = (logits - torch.where(is_far, constant, largest)).masked_fill(is_largest, 0.0)
    distances = divided(distances.masked_fill(dead, -torch.inf), temperature)
    exponentials = (distances + torch.where(is_far, EXCESS, 0.0)).exp()
    exponentials = exponentials * (1.0 + lost_of(logits.detach(), constant, divisor))
    step = divided(torch.where(is_far, constant - largest, 0.0), temperature)
    return exponentials.masked_fill(is_largest, 0.0), torch.where(is_far, (step - EXCESS).exp(), 1.0)


def _within_reach(logits: Tensor, temperature: float | Tensor) -> tuple[Tensor, float | Tensor]:
    """Return a quarter of logits and of a high temperature: the difference of two logits then overflows no more."""
    if isinstance(temperature, Tensor):
        share = torch.ones_like(wide(temperature.detach())).masked_fill(temperature.detach() > _HIGH, 0.25)
        return logits * share, wide(temperature) * share
    return (0.25 * logits, 0.25 * temperature) if temperature > _HIGH else (logits, temperature)


def divided(differences: Tensor, temperature: float | Tensor) -> Tensor:
    """Return `differences / temperature`; the temperature has no part, and no derivative, in an infinite one."""
    if not isinstance(temperature, Tensor):
        return differences / temperature
    infinite = differences.detach().isinf()
    return torch.where(infinite, differences, differences.masked_fill(infinite, 0.0) / wide(temperature))


def _constant(temperature: float | Tensor) -> float | Tensor:
    return wide(temperature.detach()) if isinstance(temperature, Tensor) else temperature


def lost_of(a: Tensor, b: Tensor, divisor: float | Tensor) -> Tensor:
    """Return what rounding lost of `(a - b) / divisor`, as in `reference/`: a two-sum, and an exact product."""
    difference = a - b
    virtual = a - difference
    lost = (a - (difference + virtual)) + (virtual - b)
    if isinstance(divisor, Tensor) or divisor != 1.0:
        quotient = difference / divisor
        ones = torch.ones((), dtype=a.dtype, device=a.device)
        (high, low), (divisor_high, divisor_low) = (
            _split(quotient),
            _split(ones * divisor),  # a product: `as_tensor` and `full` would be compiled again for every number
        )
        product = quotient * divisor
        error = ((high * divisor_high - product) + high * divisor_low + low * divisor_high) + low * divisor_low
        lost = ((difference - product) - error + lost) / divisor
    return lost.nan_to_num(0.0, 0.0, 0.0)


def _split(value: Tensor) -> tuple[Tensor, Tensor]:
    scaled = value * 134217729.0  # 2^27 + 1
    high = scaled - (scaled - value)
    return high, value - high


def total(values: Tensor) -> Tensor:
    """Return the sum, added as differences from the mean.

    Torch adds many numbers of one sign with errors that grow with their count, the more so where it compiles its own
    loops or a view repeats its elements; their differences from the mean have both signs, and a sum near 0.
    """
    return total_over(values.reshape(-1), 0).squeeze(0)


def total_over(values: Tensor, dim: int) -> Tensor:
    """Return the sums over `dim`, kept, added as in `total`; derivatives are those of a sum."""
    mean = values.detach().mean(dim, keepdim=True)
    mean = mean.nan_to_num(0.0, 0.0, 0.0)
    return (values - mean).sum(dim, keepdim=True) + mean * values.shape[dim]


def curve(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return which numbers are between -1 and 1, and `exp(x) - 1 - x` for them, by its series."""
    is_near = x.detach().abs() <= 1.0
    x = x.masked_fill(~is_near, 0.0)
    series = torch.full_like(x, _SERIES[0])
    for coefficient in _SERIES[1:]:
        series = series * x + coefficient
    return is_near, series * x * x
