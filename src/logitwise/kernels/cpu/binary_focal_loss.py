"""Binary focal loss of logits with its gradient, element by element.

With p = sigmoid(z), u = 1 - p = sigmoid(-z), a = softplus(z) = -log u and b = softplus(-z) = -log p:

    loss = s (w y u^g b + (1 - y) p^g a)                                    0 x inf = 0
    gradient = scale s ((1 - y) p^g (p + g u a) - w y u^g (u + g p b))

Everything is float64 whatever the dtype of the logits: see `focal_loss.py`. Weights repeat as in the binary
cross-entropy.
"""

from __future__ import annotations

import numpy as np
from numba import types

from logitwise.kernels.cpu.binary_cross_entropy import BLOCK, blocks_of, product, repeat, run_plain
from logitwise.kernels.cpu.compiled import become_inline, by_type, compiled, use_wide_vectors, view_of
from logitwise.kernels.cpu.focal_loss import HIGHEST_GAMMA
from logitwise.kernels.cpu.rows import (
    LANES,
    decode,
    decode_elements,
    encode,
    real_like,
    scratch_like,
    sum_of_block,
)
from logitwise.kernels.cpu.threads import split
from logitwise.kernels.cpu.vector import (
    LOG2_E,
    LOG2_E_LOW,
    difference,
    exp_of_difference,
    log1p,
    multiply_add,
    short_exp,
    wide_exp,
)

WORK_PER_ELEMENT = 8  # times that of a logit of a softmax
_FARTHEST = 1e6  # exp(-1e6) is 0


def binary_focal_loss(
    logits: np.ndarray,
    encoding: int,
    target: np.ndarray,
    target_encoding: int,
    sample_weight: np.ndarray,
    pos_weight: np.ndarray,
    gamma: float,
    scale: float,
    losses: np.ndarray,
    gradient: np.ndarray,
) -> None:
    """Fill `losses` and, unless it has size 0, `gradient`; for `gamma` > 0, as `binary_cross_entropy` otherwise."""
    blocks, gamma = blocks_of(logits.size), min(gamma, HIGHEST_GAMMA)
    summed = losses.size == blocks and losses.size != logits.size
    inputs = (logits, encoding, target, target_encoding, sample_weight, pos_weight)
    split(_binary_focal_loss, blocks, WORK_PER_ELEMENT * logits.size, *inputs, gamma, scale, summed, losses, gradient)


@compiled
def _binary_focal_loss(
    logits, encoding, target, target_encoding, sample_weight, pos_weight, gamma, scale, summed, losses, gradient, first,
    last,
):  # fmt: skip
    weights, positive_weights = np.empty(BLOCK), np.empty(BLOCK)
    truths, block_losses, slopes, sums = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.empty(LANES)
    values = scratch_like(logits, (1, BLOCK))[0]
    for block in range(first, last):
        start = block * BLOCK
        count = min(BLOCK, logits.size - start)
        repeat(sample_weight, start, weights)
        repeat(pos_weight, start, positive_weights)
        elements, truth = view_of(values, 0, count), view_of(truths, 0, count)
        decode_elements(view_of(logits, start, count), encoding, elements)
        is_hard = _read_target(view_of(target, start, count), target_encoding, truth)
        loss, slope = view_of(block_losses, 0, count), view_of(slopes, 0, count)
        if is_hard:
            _hard_block(elements, truth, weights, positive_weights, gamma, loss, slope)
        else:
            _soft_block(elements, truth, weights, positive_weights, gamma, loss, slope)
        if summed:
            losses[block] = sum_of_block(loss, sums)
        else:
            losses[start : start + count] = loss
        if gradient.size:
            _scale(slope, scale, encoding, view_of(gradient, start, count))


@compiled
def _read_target(target, encoding, truths):
    """Fill `truths` with the target; return whether all of it is 0 or 1."""
    use_wide_vectors()
    soft = 0
    for i in range(truths.size):
        truth = np.float64(decode(target[i], encoding))
        truths[i] = truth
        soft += truth != 0.0 and truth != 1.0
    return soft == 0


@compiled
def _scale(slopes, scale, encoding, gradient):
    use_wide_vectors()
    for i in range(slopes.size):
        gradient[i] = encode(scale * slopes[i], gradient, encoding)


@compiled
def _term(value, zero, gamma, farthest):
    """Return `u^g b` of a logit as in the head of the file, and `u^g (u + g p b)`; at `farthest`, u^g is 0."""
    become_inline()
    tail = wide_exp(-abs(value), zero)
    wide, log_total, larger = np.float64(value), log1p(tail), 1.0 / (1.0 + tail)
    smaller = tail * larger
    p = larger if value >= 0 else smaller
    u = smaller if value >= 0 else larger
    surprise = max(-wide, 0.0) + log_total
    focus = _power_of_other(value, min(max(wide, 0.0), farthest), log_total, gamma)
    pull = p * surprise if p > 0.0 else 0.0
    return focus * surprise, focus * (u + gamma * pull)


@by_type
def _power_of_other(value, distance, log_total, gamma):
    """Return `u^g = exp(-g a)` for a = distance + log_total, as accurately as the dtype of `value` asks for.

    In float64, an error of half an ulp of g a = 700 would be one of 350 ulp, so rounding errors are carried along.
    """
    if value == types.float32:
        return lambda value, distance, log_total, gamma: short_exp(-gamma * (distance + log_total))

    def implementation(value, distance, log_total, gamma):
        high, low = difference(distance, -log_total)
        exponent = -gamma * high
        error = multiply_add(-gamma, high, -exponent) - gamma * low
        return exp_of_difference(exponent, -error, LOG2_E, LOG2_E_LOW)

    return implementation


@compiled
def _hard_block(values, truths, weights, positive_weights, gamma, losses, slopes):
    """Fill the losses of a block of targets that are 0 or 1, and their slopes; an element is one term, of z or -z."""
    use_wide_vectors()
    zero, farthest = real_like(values, 0.0), _FARTHEST / gamma
    for i in range(values.size):
        value = zero if weights[i] == 0.0 else values[i]
        is_positive = truths[i] == 1.0
        coefficient = positive_weights[i] if is_positive else 1.0
        term, slope = _term(value if is_positive else -value, zero, gamma, farthest)
        losses[i] = weights[i] * product(coefficient, term)
        slopes[i] = weights[i] * (coefficient * (-slope if is_positive else slope))


@compiled
def _soft_block(values, truths, weights, positive_weights, gamma, losses, slopes):
    """Fill the losses and slopes of a block of any targets; the same bits as `_hard_block` where both serve."""
    use_wide_vectors()
    zero, farthest = real_like(values, 0.0), _FARTHEST / gamma
    for i in range(values.size):
        value = zero if weights[i] == 0.0 else values[i]
        positive, negative = positive_weights[i] * truths[i], 1.0 - truths[i]
        own, own_slope = _term(value, zero, gamma, farthest)
        other, other_slope = _term(-value, zero, gamma, farthest)
        losses[i] = weights[i] * (product(positive, own) + product(negative, other))
        slopes[i] = weights[i] * (negative * other_slope - positive * own_slope)


def plain_binary_focal_loss(
    example: np.floating, encoding: int, logits_at: int, target_at: int, gradient_at: int, loss_at: int,
    size: int, columns: int, gamma: float, with_checks: bool, divisor: float,
) -> bool:  # fmt: skip
    """Check the target of a plain call on memory, and fill its gradient and its reduced loss.

    The arguments and the result are those of `plain_binary_loss`, with `gamma` in place of the label smoothing.
    """
    return run_plain(
        _binary_focal_loss, WORK_PER_ELEMENT, example, encoding, logits_at, target_at, gradient_at, loss_at, size,
        columns, min(gamma, HIGHEST_GAMMA), with_checks, divisor,
    )  # fmt: skip
