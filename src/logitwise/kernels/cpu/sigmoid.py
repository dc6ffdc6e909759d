"""Sigmoid and its logarithm, element by element, and the softplus they share with the binary cross-entropy."""

from __future__ import annotations

import numpy as np

from logitwise.kernels.cpu.compiled import compiled, use_wide_vectors
from logitwise.kernels.cpu.rows import decode, encode, pair_like, real_like
from logitwise.kernels.cpu.threads import split
from logitwise.kernels.cpu.vector import exp_of_difference, log1p, scaled_log2_e


def sigmoid(logits: np.ndarray, kind: int, result: np.ndarray) -> None:
    """Fill `result` with `1 / (1 + exp(-z))`; both are flat and contiguous, and may be one."""
    split(_sigmoid, logits.size, logits.size, logits, kind, result)


def log_sigmoid(logits: np.ndarray, kind: int, result: np.ndarray) -> None:
    """Fill `result` with `-log1p(exp(-z))`; both are flat and contiguous, and may be one."""
    split(_log_sigmoid, logits.size, logits.size, logits, kind, result)


@compiled
def tail_of(value, zero, high, low):
    """Return `exp(-|z|)`: what both signs share, without overflow."""
    return exp_of_difference(-abs(value), zero, high, low)


@compiled
def sigmoid_from_tail(value, tail, one):
    """Return `1 / (1 + exp(-z))`; for `-z` it is what 1 minus the result rounds away."""
    return (one if value >= 0 else tail) / (one + tail)


@compiled
def softplus_from_tail(value, tail):
    """Return `log(1 + exp(z))` in float64."""
    return max(np.float64(value), 0.0) + log1p(np.float64(tail))


@compiled
def _sigmoid(logits, kind, result, first, last):
    use_wide_vectors()
    high, low = pair_like(logits, *scaled_log2_e(1.0))
    zero, one = real_like(logits, 0.0), real_like(logits, 1.0)
    for i in range(first, last):
        value = decode(logits[i], kind)
        result[i] = encode(sigmoid_from_tail(value, tail_of(value, zero, high, low), one), result, kind)


@compiled
def _log_sigmoid(logits, kind, result, first, last):
    use_wide_vectors()
    high, low = pair_like(logits, *scaled_log2_e(1.0))
    zero = real_like(logits, 0.0)
    for i in range(first, last):
        value = decode(logits[i], kind)
        result[i] = encode(-softplus_from_tail(-value, tail_of(value, zero, high, low)), result, kind)
