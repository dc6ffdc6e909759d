"""Sigmoid and its logarithm, element by element, and the terms they share with the binary cross-entropy.

Blocks are copied to scratch memory first, since a loop that may write what it reads does not vectorise.
"""

from __future__ import annotations

import numpy as np

from logitwise.kernels.cpu.compiled import compiled, use_wide_vectors, view_of
from logitwise.kernels.cpu.rows import BLOCK, decode_elements, encode, pair_like, real_like, scratch_like
from logitwise.kernels.cpu.threads import split
from logitwise.kernels.cpu.vector import exp_of_difference, log1p, scaled_log2_e


def sigmoid(logits: np.ndarray, encoding: int, result: np.ndarray) -> None:
    """Fill `result` with `1 / (1 + exp(-z))`; both are flat and contiguous, and may be the same array."""
    split(_sigmoid, logits.size, logits.size, logits, encoding, result)


def log_sigmoid(logits: np.ndarray, encoding: int, result: np.ndarray) -> None:
    """Fill `result` with `-log1p(exp(-z))`; both are flat and contiguous, and may be the same array."""
    split(_log_sigmoid, logits.size, logits.size, logits, encoding, result)


@compiled
def tail_of(value, zero, high, low):
    """Return `exp(-|z|)`, from which the results of z and -z follow without overflow."""
    return exp_of_difference(-abs(value), zero, high, low)


@compiled
def sigmoid_from_tail(value, tail, one):
    """Return `1 / (1 + exp(-z))`; for `-z`, the complement that `1 - sigmoid(z)` would lose to rounding."""
    return (one if value >= 0 else tail) / (one + tail)


@compiled
def softplus_from_tail(value, tail):
    """Return `log(1 + exp(z))` in float64."""
    return max(np.float64(value), 0.0) + log1p(np.float64(tail))


@compiled
def _sigmoid(logits, encoding, result, first, last):
    values = scratch_like(logits, (1, BLOCK))[0]
    for start in range(first, last, BLOCK):
        block = view_of(values, 0, min(BLOCK, last - start))
        decode_elements(view_of(logits, start, block.size), encoding, block)
        _sigmoid_of_block(block, encoding, view_of(result, start, block.size))


@compiled
def _sigmoid_of_block(values, encoding, result):
    use_wide_vectors()
    high, low = pair_like(values, *scaled_log2_e(1.0))
    zero, one = real_like(values, 0.0), real_like(values, 1.0)
    for i in range(values.size):
        value = values[i]
        result[i] = encode(sigmoid_from_tail(value, tail_of(value, zero, high, low), one), result, encoding)


@compiled
def _log_sigmoid(logits, encoding, result, first, last):
    values = scratch_like(logits, (1, BLOCK))[0]
    for start in range(first, last, BLOCK):
        block = view_of(values, 0, min(BLOCK, last - start))
        decode_elements(view_of(logits, start, block.size), encoding, block)
        _log_sigmoid_of_block(block, encoding, view_of(result, start, block.size))


@compiled
def _log_sigmoid_of_block(values, encoding, result):
    use_wide_vectors()
    high, low = pair_like(values, *scaled_log2_e(1.0))
    zero = real_like(values, 0.0)
    for i in range(values.size):
        value = values[i]
        result[i] = encode(-softplus_from_tail(-value, tail_of(value, zero, high, low)), result, encoding)
