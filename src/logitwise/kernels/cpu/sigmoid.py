"""Sigmoid and its logarithm, element by element, and the terms they share with the binary cross-entropy.

Blocks are copied to scratch memory first, since a loop that may write what it reads does not vectorise.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import carray  # pyright: ignore[reportPrivateImportUsage]

from logitwise.kernels.cpu.compiled import compiled, pointer_to, use_wide_vectors, view_of
from logitwise.kernels.cpu.rows import BLOCK, decode_elements, encode, pair_like, real_like, scratch_like
from logitwise.kernels.cpu.threads import address_of, no_memory, split, team_for
from logitwise.kernels.cpu.threads.handing_out import share
from logitwise.kernels.cpu.vector import exp_of_difference, log1p_of_tail, scaled_log2_e


def sigmoid(logits: np.ndarray, encoding: int, result: np.ndarray) -> None:
    """Fill `result` with `1 / (1 + exp(-z))`; both are flat and contiguous, and may be the same array."""
    split(_sigmoid, logits.size, logits.size, logits, encoding, result)


def log_sigmoid(logits: np.ndarray, encoding: int, result: np.ndarray) -> None:
    """Fill `result` with `-log1p(exp(-z))`; both are flat and contiguous, and may be the same array."""
    split(_log_sigmoid, logits.size, logits.size, logits, encoding, result)


def plain_sigmoid(
    example: np.floating, encoding: int, logits_at: int, result_at: int, size: int, logarithm: bool
) -> None:
    """Fill memory with the sigmoid of logits, or its logarithm, both of them at addresses, which may be the same.

    Args:
        example: A number of the dtype that holds both in memory; `encoding` says how to read it.
        encoding: As in `sigmoid`.
        logits_at: The address of the logits.
        result_at: The address of as many numbers.
        size: Their number.
        logarithm: Whether the logarithm is asked for.
    """
    kernel = _log_sigmoid if logarithm else _sigmoid
    team = team_for(size, size, 1)
    if not _plain_sigmoid(team, _address(kernel, type(example)), example, encoding, logits_at, result_at, size):
        raise no_memory(kernel)


@cache
def _address(kernel: Any, number: type) -> int:
    """Return the address of a kernel for the arguments that `_plain_sigmoid` makes."""
    return address_of(kernel, np.empty(0, number), 0, np.empty(0, number))


@compiled
def _plain_sigmoid(team, kernel, example, encoding, logits_at, result_at, size):
    logits, result = carray(pointer_to(logits_at, example), (size,)), carray(pointer_to(result_at, example), (size,))
    return share(team, kernel, size, 1, (logits, encoding, result))


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
    return max(np.float64(value), 0.0) + log1p_of_tail(tail)


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
