"""Sigmoid and its logarithm, element by element, and the softplus they share with the binary cross-entropy.

Blocks are read into scratch memory first: a loop that may write what it reads is not vectorised.
"""

from __future__ import annotations

import numpy as np

from logitwise.kernels.cpu.compiled import compiled, part_of, use_wide_vectors
from logitwise.kernels.cpu.rows import BLOCK, decode_elements, encode, pair_like, real_like, scratch_like
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
    values = scratch_like(logits, (1, BLOCK))[0]
    for start in range(first, last, BLOCK):
        block = part_of(values, 0, min(BLOCK, last - start))
        decode_elements(part_of(logits, start, block.size), kind, block)
        _sigmoid_of_block(block, kind, part_of(result, start, block.size))


@compiled
def _sigmoid_of_block(values, kind, result):
    use_wide_vectors()
    high, low = pair_like(values, *scaled_log2_e(1.0))
    zero, one = real_like(values, 0.0), real_like(values, 1.0)
    for i in range(values.size):
        value = values[i]
        result[i] = encode(sigmoid_from_tail(value, tail_of(value, zero, high, low), one), result, kind)


@compiled
def _log_sigmoid(logits, kind, result, first, last):
    values = scratch_like(logits, (1, BLOCK))[0]
    for start in range(first, last, BLOCK):
        block = part_of(values, 0, min(BLOCK, last - start))
        decode_elements(part_of(logits, start, block.size), kind, block)
        _log_sigmoid_of_block(block, kind, part_of(result, start, block.size))


@compiled
def _log_sigmoid_of_block(values, kind, result):
    use_wide_vectors()
    high, low = pair_like(values, *scaled_log2_e(1.0))
    zero = real_like(values, 0.0)
    for i in range(values.size):
        value = values[i]
        result[i] = encode(-softplus_from_tail(-value, tail_of(value, zero, high, low)), result, kind)
