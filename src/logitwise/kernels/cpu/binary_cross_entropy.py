"""Binary cross-entropy of logits with its gradient, element by element.

    loss = s (w y' softplus(-z) + (1 - y') softplus(z))          0 x inf = 0
    gradient = scale s ((1 - y') sigmoid(z) - w y' sigmoid(-z))

with the smoothed target y' = (1 - e) y + e / 2, and 1 - y' = (1 - e) (1 - y) + e / 2, which a small e does not lose.

The length of an array of weights divides the number of elements, and the array repeats: it holds one weight, one per
column, or one per element.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import carray  # pyright: ignore[reportPrivateImportUsage]

from logitwise.kernels.cpu.compiled import (
    become_inline,
    compiled,
    new_row,
    on_stack,
    pointer_to,
    use_wide_vectors,
    view_of,
)
from logitwise.kernels.cpu.rows import (
    LANES,
    decode,
    decode_elements,
    encode,
    pair_like,
    real_like,
    scratch_like,
    sum_of,
    sum_of_block,
)
from logitwise.kernels.cpu.sigmoid import softplus_from_tail, tail_of
from logitwise.kernels.cpu.suspicions import PROBABILITIES, apparent_content
from logitwise.kernels.cpu.threads import address_of, no_memory, split, team_for
from logitwise.kernels.cpu.threads.handing_out import share
from logitwise.kernels.cpu.vector import scaled_log2_e

BLOCK = 1024
WORK_PER_ELEMENT = 4  # times that of a logit of a softmax


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
    split(_binary_cross_entropy, blocks, WORK_PER_ELEMENT * logits.size, *arguments)


def blocks_of(size: int) -> int:
    """Return the number of partial sums of the losses of `size` elements; it does not depend on the threads."""
    return -(-size // BLOCK)


@compiled
def _binary_cross_entropy(
    logits, encoding, target, target_encoding, sample_weight, pos_weight, smoothing, scale, summed, losses, gradient,
    first, last,
):  # fmt: skip
    weights, positive_weights = new_row(BLOCK, 0.0), new_row(BLOCK, 0.0)
    block_losses, sums = new_row(BLOCK, 0.0), on_stack(LANES, 0.0)
    # A loop must not write what it reads: see `sigmoid.py`.
    values, tails = scratch_like(logits, (1, BLOCK))[0], scratch_like(logits, (1, BLOCK))[0]
    for block in range(first, last):
        start = block * BLOCK
        count = min(BLOCK, logits.size - start)
        if block == first or sample_weight.size > 1:
            repeat(sample_weight, start, weights)
        if block == first or pos_weight.size > 1:
            repeat(pos_weight, start, positive_weights)
        elements, truth = view_of(values, 0, count), view_of(target, start, count)
        decode_elements(view_of(logits, start, count), encoding, elements)
        block_loss = view_of(block_losses, 0, count)
        _losses(elements, truth, target_encoding, weights, positive_weights, smoothing, tails, block_loss)
        if gradient.size:
            _gradients(
                elements, tails, truth, target_encoding, weights, positive_weights, smoothing, scale, encoding,
                view_of(gradient, start, count),
            )  # fmt: skip
        if summed:
            losses[block] = sum_of_block(block_loss, sums)
        else:
            losses[start : start + count] = block_loss


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
def _shares(stored, encoding, positive_weight, smoothing):
    """Return `w y'` and `1 - y'` of a target."""
    become_inline()
    truth, kept, spread = np.float64(decode(stored, encoding)), 1.0 - smoothing, smoothing / 2.0
    return positive_weight * (kept * truth + spread), kept * (1.0 - truth) + spread


@compiled
def _losses(values, target, target_encoding, weights, positive_weights, smoothing, tails, losses):
    """Fill the losses of a block, and the tails of its logits; a value of weight 0 becomes 0."""
    use_wide_vectors()
    high, low = pair_like(values, *scaled_log2_e(1.0))
    zero = real_like(values, 0.0)
    for i in range(values.size):
        value, weight = values[i], weights[i]
        value = zero if weight == 0.0 else value
        tail = tail_of(value, zero, high, low)
        positive, negative = _shares(target[i], target_encoding, positive_weights[i], smoothing)
        losses[i] = weight * (
            product(positive, softplus_from_tail(-value, tail)) + product(negative, softplus_from_tail(value, tail))
        )
        values[i], tails[i] = value, tail


@compiled
def _gradients(values, tails, target, target_encoding, weights, positive_weights, smoothing, scale, encoding, gradient):
    """Fill the gradients of a block: the sigmoids of z and -z are `1 / (1 + tail)` and `tail / (1 + tail)`."""
    use_wide_vectors()
    for i in range(values.size):
        tail, is_positive = np.float64(tails[i]), values[i] >= 0
        positive, negative = _shares(target[i], target_encoding, positive_weights[i], smoothing)
        slope = negative * (1.0 if is_positive else tail) - positive * (tail if is_positive else 1.0)
        gradient[i] = encode(scale * weights[i] * (slope / (1.0 + tail)), gradient, encoding)


def plain_binary_loss(
    example: np.floating, encoding: int, logits_at: int, target_at: int, gradient_at: int, loss_at: int,
    size: int, columns: int, smoothing: float, with_checks: bool, divisor: float,
) -> bool:  # fmt: skip
    """Check the target of a plain call on memory, and fill its gradient and its reduced loss.

    Args:
        example: A number of the dtype that holds the logits, the target and the loss; `encoding` says how to read it.
        encoding: As in `binary_cross_entropy`.
        logits_at: The address of the logits.
        target_at: The address of as many floats in [0, 1].
        gradient_at: The address of memory of the size of the logits, or 0 for no gradient.
        loss_at: The address of one number, for the loss.
        size: The number of elements, 1 or more.
        columns: The length of the last axis; it divides the size.
        smoothing: As in `binary_cross_entropy`.
        with_checks: Whether to refuse suspicious inputs too.
        divisor: What the sum of the losses is divided by.

    Returns:
        Whether all is in order. If not, what was filled has no meaning, and the caller has to compute it by
        `binary_cross_entropy`.
    """
    return run_plain(
        _binary_cross_entropy, WORK_PER_ELEMENT, example, encoding, logits_at, target_at, gradient_at, loss_at, size,
        columns, smoothing, with_checks, divisor,
    )  # fmt: skip


def run_plain(kernel: Any, work: int, example: np.floating, encoding: int, *others: Any) -> bool:
    """Return what `plain_binary_loss` returns, by a kernel that takes the arguments of `_binary_cross_entropy`.

    Args:
        kernel: The kernel.
        work: The work of an element, in that of a logit of a softmax.
        example: As in `plain_binary_loss`.
        encoding: As in `plain_binary_loss`.
        others: Its other arguments; for another kernel, another number in place of `smoothing`.
    """
    size = others[4]
    team = team_for(-(-size // BLOCK), work * size, 1)
    answer = _plain_binary_loss(team, _address(kernel, type(example)), example, encoding, *others)
    if answer == _NO_MEMORY:
        raise no_memory(kernel)
    return answer == _DONE


_REFUSED, _DONE, _NO_MEMORY = range(3)


@cache
def _address(kernel: Any, number: type) -> int:
    """Return the address of a kernel for the arguments that `_plain_binary_loss` makes."""
    row, numbers = np.empty(0, number), np.empty(0)
    return address_of(kernel, row, 0, row, 0, numbers, numbers, 0.0, 0.0, True, numbers, row)


@compiled
def _plain_binary_loss(
    team, kernel, example, encoding, logits_at, target_at, gradient_at, loss_at, size, columns, number, with_checks,
    divisor,
):  # fmt: skip
    logits, target = carray(pointer_to(logits_at, example), (size,)), carray(pointer_to(target_at, example), (size,))
    gradient = carray(pointer_to(gradient_at, example), (size if gradient_at else 0,))
    if not _are_labels(target, encoding):
        return _REFUSED
    if with_checks and columns > 1:
        rows = carray(pointer_to(logits_at, example), (size // columns, columns, 1))
        if apparent_content(rows, encoding) == PROBABILITIES:
            return _REFUSED
    even, losses = new_row(1, 0.0), new_row(-(-size // BLOCK), 0.0)
    even[0] = 1.0
    arguments = (logits, encoding, target, encoding, even, even, number, 1.0 / divisor, True, losses, gradient)
    if not share(team, kernel, losses.size, 1, arguments):
        return _NO_MEMORY
    total = sum_of(losses)
    if with_checks and not np.isfinite(total):
        return _REFUSED
    loss = carray(pointer_to(loss_at, example), (1,))
    loss[0] = encode(total / divisor, loss, encoding)
    return _DONE


@compiled
def _are_labels(target, encoding):
    """Return whether every entry is in [0, 1]."""
    use_wide_vectors()
    outside = 0
    for i in range(target.size):
        truth = decode(target[i], encoding)
        outside += not 0.0 <= truth <= 1.0
    return outside == 0
