"""The factor that makes a focal loss of a cross-entropy, in torch operations."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def focused(surprise: Tensor, gamma: float) -> Tensor:
    """Return `u^g l` for `l = -log(p)`, where `u = 1 - p = 1 - exp(-l)` is exact however near p is to 0 or 1.

    Nor is a derivative a difference of nearly equal numbers: that of u is `exp(-l)`, written as such where p is small.
    Where p has become 1, or is less than the smallest number, u is a constant: the derivatives of the product there are
    0 and `u^g`.
    """
    if not gamma:
        return surprise
    constant = surprise.detach()
    is_certain, is_impossible = constant == 0.0, torch.exp(-constant) == 0.0
    safe = surprise.masked_fill(is_certain | is_impossible, 1.0)
    is_likely = safe.detach() < math.log(2.0)
    likely, unlikely = safe.masked_fill(~is_likely, 0.5), safe.masked_fill(is_likely, 1.0)
    others = torch.where(is_likely, -torch.expm1(-likely), 1.0 - torch.exp(-unlikely))
    others = others.masked_fill(is_impossible, 1.0)
    power = torch.ones_like(others) * gamma if torch.compiler.is_compiling() else gamma  # a number is a constant there
    return (others**power).masked_fill(is_certain, 0.0) * surprise
