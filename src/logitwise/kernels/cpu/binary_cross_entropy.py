"""Binary cross-entropy of logits with its gradient, element by element.

    loss = s (w y' softplus(-z) + (1 - y') softplus(z))          0 x inf = 0
    gradient = scale s ((1 - y') sigmoid(z) - w y' sigmoid(-z))

with the smoothed target y' = (1 - e) y + e / 2, and 1 - y' = (1 - e) (1 - y) + e / 2, which a small e does not lose.

The length of an array of weights divides the number of elements, and the array repeats: it holds one weight, one per
column, or one per element.
"""

from __future__ import annotations

import numpy as np

from logitwise.kernels.cpu.compiled import compiled, use_wide_vectors, view_of
from logitwise.kernels.cpu.rows import (
    LANES,
    decode,
    decode_elements,
    encode,
    pair_like,
    real_like,
    scratch_like,
    sum_of_block,
)
from logitwise.kernels.cpu.sigmoid import sigmoid_from_tail, softplus_from_tail, tail_of
from logitwise.kernels.cpu.threads import split
from logitwise.kernels.cpu.vector import scaled_log2_e

BLOCK = 1024


def binary_cross_entropy(
    logits: np.ndarray,
    encoding: int,
    target: np.ndarray,
    target_encoding: int,
    sample_weight: np.ndarray,
    pos_weight: np.ndarray,
    smoothing: float,
    scale: float,
    losses: np.ndarray,
    gradient: np.ndarray,
) -> None:
    """Fill `losses` and, unless it has size 0, `gradient`.

    Args:
        logits: Flat and contiguous; float32, float64, or uint16 with `encoding`.
        encoding: The 16-bit format of uint16 logits, else NATIVE.
        target: Of the size of the logits; floats in [0, 1], uint16 with `target_encoding`, or integers or booleans.
        target_encoding: The 16-bit format of a uint16 target, else NATIVE.
        sample_weight: float64, of a length that divides the size; an element of weight 0 is not read.
        pos_weight: float64, of a length that divides the size.
        smoothing: e in [0, 1].
        scale: The factor of the gradient.
        losses: float64: one per element, or the sum of each block of 1024 elements (`blocks_of`).
        gradient: Of the size and dtype of the logits; may be the logits.
    """
    blocks = blocks_of(logits.size)
    summed = losses.size == blocks and losses.size != logits.size
    weights = (sample_weight, pos_weight, smoothing, scale)
    arguments = (logits, encoding, target, target_encoding, *weights, summed, losses, gradient)
    split(_binary_cross_entropy, blocks, 4 * logits.size, *arguments)


def blocks_of(size: int) -> int:
    """Return the number of partial sums of the losses of `size` elements; it does not depend on the threads."""
    return -(-size // BLOCK)


@compiled
def _binary_cross_entropy(
    logits, encoding, target, target_encoding, sample_weight, pos_weight, smoothing, scale, summed, losses, gradient,
    first, last,
):  # fmt: skip
    weights, positive_weights, block_losses = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    sums = np.empty(LANES)
    values = scratch_like(logits, (1, BLOCK))[0]  # a loop must not write what it reads: see `sigmoid.py`
    for block in range(first, last):
        start = block * BLOCK
        count = min(BLOCK, logits.size - start)
        repeat(sample_weight, start, weights)
        repeat(pos_weight, start, positive_weights)
        elements = view_of(values, 0, count)
        decode_elements(view_of(logits, start, count), encoding, elements)
        _block(
            elements, encoding, view_of(target, start, count), target_encoding, weights, positive_weights,
            smoothing, scale, block_losses, view_of(gradient, start, count if gradient.size else 0),
        )  # fmt: skip
        if summed:
            losses[block] = sum_of_block(view_of(block_losses, 0, count), sums)
        else:
            losses[start : start + count] = block_losses[:count]


@compiled
def repeat(source, start, block):
    """Fill `block` with the values of a repeating array, from position `start` on."""
    if source.size == 1:
        block[:] = source[0]
        return
    position = start % source.size
    for i in range(block.size):
        block[i] = source[position]
        position = position + 1 if position + 1 < source.size else 0


@compiled
def product(weight, loss):
    """Return `weight * loss` with 0 x inf = 0; a NaN stays."""
    return 0.0 if weight == 0.0 and loss == np.inf else weight * loss


@compiled
def _block(values, encoding, target, target_encoding, weights, positive_weights, smoothing, scale, losses, gradient):
    use_wide_vectors()
    high, low = pair_like(values, *scaled_log2_e(1.0))
    zero = real_like(values, 0.0)
    kept, spread = 1.0 - smoothing, smoothing / 2.0
    for i in range(values.size):
        value, weight = values[i], weights[i]
        value = zero if weight == 0.0 else value
        tail = tail_of(value, zero, high, low)
        truth = np.float64(decode(target[i], target_encoding))
        positive, negative = positive_weights[i] * (kept * truth + spread), kept * (1.0 - truth) + spread
        losses[i] = weight * (
            product(positive, softplus_from_tail(-value, tail)) + product(negative, softplus_from_tail(value, tail))
        )
        if gradient.size:
            slope = negative * sigmoid_from_tail(value, tail, 1.0) - positive * sigmoid_from_tail(-value, tail, 1.0)
            gradient[i] = encode(scale * weight * slope, gradient, encoding)
