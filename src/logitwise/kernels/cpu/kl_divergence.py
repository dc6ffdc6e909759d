"""Divergence of the softmax of rows of logits from target distributions, with its gradient.

For one row, with target probabilities p, probabilities q = softmax(z / T), m and n the largest of the logits and of the
target logits t, R and S the sums of the exponentials without and with one of the largest, V = sum p:

    divergence = sum_j p_j ((m - z_j) - (n - t_j)) / T + log1p(R of z) - log1p(R of t)        of target logits
    divergence = sum_j p_j (log p_j + (m - z_j) / T) + V log1p(R of z)                        of probabilities
    gradient_j = scale s (V q_j - p_j) / T

This is the definition, in float64, for inputs of 32 bits or fewer. Where the sum is less than 2^-16 of its terms, too
many digits cancel: such rows, rows that are not finite and rows of weight 0 are left to `exact_divergence.py`, one by
one, as are all inputs of 64 bits.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import carray  # pyright: ignore[reportPrivateImportUsage]

from logitwise.kernels.cpu.compiled import (
    become_inline,
    compiled,
    matrix_of,
    new_row,
    pointer_to,
    use_wide_vectors,
    view_of,
)
from logitwise.kernels.cpu.exact_divergence import exact_divergence, loss_of_row, store_slopes
from logitwise.kernels.cpu.float64 import FEW_CLASSES, STRIDE, WIDTH, exp_of_minus, inverse_of
from logitwise.kernels.cpu.rows import (
    BLOCK,
    LANES,
    ROWS,
    encode,
    is_staged,
    larger_of,
    largest_of_row,
    load_lanes,
    load_rows,
    row_in_place,
    scratch_like,
    staged,
    store_lanes,
    store_rows,
    sum_of,
)
from logitwise.kernels.cpu.suspicions import LOGITS, apparent_content, faults_of_distribution
from logitwise.kernels.cpu.threads import address_of, no_memory, split, team_for
from logitwise.kernels.cpu.threads.handing_out import share
from logitwise.kernels.cpu.vector import log1p, log_of_pair

NO_WEIGHTS = np.empty(0)
_CANCELLED = 2.0**-16
_SUMS = 6  # of a column: see `_entry`
# The numbers of a row: see `_finish`.
_LOSS, _IS_EXACT, _STRENGTH, _FACTOR, _OWN_FACTOR, _TOP, _BELOW, _TIED, _ONES, _INVERSE, _NUMBERS = range(11)


def kl_divergence(
    logits: np.ndarray,
    encoding: int,
    target: np.ndarray,
    target_encoding: int,
    are_probabilities: bool,
    mask: np.ndarray,
    sample_weight: np.ndarray,
    temperature: float,
    scale: float,
    losses: np.ndarray,
    gradient: np.ndarray,
) -> None:
    """Fill `losses` and, unless it has size 0, `gradient`.

    Args:
        logits: `(outer, classes, inner)`.
        encoding: The 16-bit format of uint16 logits, else NATIVE.
        target: Of the shape of the logits: logits too, or probabilities.
        target_encoding: The 16-bit format of a uint16 target, else NATIVE.
        are_probabilities: What the target holds.
        mask: Of the shape of the logits, or NO_MASK; classes outside have probability 0 on both sides.
        sample_weight: float64, one per row, or NO_WEIGHTS; rows of weight 0 are not read.
        temperature: What logits are divided by.
        scale: The factor of the gradient.
        losses: float64, one per row, flat.
        gradient: Of the shape and dtype of the logits; may be the logits or the target.
    """
    has_64_bits = logits.dtype == np.float64 or target.dtype == np.float64
    rows, many = logits.shape[0] * logits.shape[2], True if logits.shape[1] > FEW_CLASSES else None
    given, keeping = True if are_probabilities else None, True if gradient.size else None
    inputs = (logits, encoding, target, target_encoding, mask, sample_weight, temperature, scale, losses, gradient)
    tile = WIDTH if many is None else 1
    if has_64_bits:
        split(exact_divergence, rows, 8 * logits.size, many, given, *inputs, tile=tile)
    else:
        split(_divergence, rows, 4 * logits.size, many, given, keeping, *inputs, tile=tile)


def plain_divergence(
    example: np.floating, encoding: int, logits_at: int, target_at: int, are_probabilities: bool, gradient_at: int,
    loss_at: int, rows: int, classes: int, temperature: float, with_checks: bool, divisor: float,
) -> bool:  # fmt: skip
    """Check the target of a plain call on memory, and fill its gradient and its reduced divergence.

    Args:
        example: A number of the dtype that holds logits, target and loss; `encoding` says how to read it.
        encoding: As in `kl_divergence`.
        logits_at: The address of rows x classes logits, C-contiguous.
        target_at: The address of as many numbers.
        are_probabilities: As in `kl_divergence`.
        gradient_at: The address of memory of the size of the logits, or 0 for no gradient.
        loss_at: The address of one number, for the loss.
        rows: The number of rows.
        classes: The number of classes.
        temperature: As in `kl_divergence`.
        with_checks: Whether to refuse suspicious inputs too.
        divisor: What the sum of the divergences is divided by.

    Returns:
        Whether all is in order. If not, what was filled has no meaning, and the caller has to compute it by
        `kl_divergence`.
    """
    many, exact = True if classes > FEW_CLASSES else None, True if type(example) is np.float64 else None
    given, keeping = True if are_probabilities else None, True if gradient_at else None
    kernel = _kernel_for(many, exact, given, keeping, type(example))
    team = team_for(rows, (8 if exact else 4) * rows * classes, WIDTH if many is None else 1)
    answer = _plain_divergence(
        team, kernel, many, exact, given, keeping, example, encoding, logits_at, target_at, gradient_at, loss_at, rows,
        classes, temperature, with_checks, divisor,
    )  # fmt: skip
    if answer == _NO_MEMORY:
        raise no_memory(_divergence)
    return answer == _DONE


_REFUSED, _DONE, _NO_MEMORY = range(3)


@cache
def _kernel_for(many: bool | None, exact: bool | None, given: bool | None, keeping: bool | None, number: type) -> int:
    """Return the address of the kernel for the arguments that `_plain_divergence` makes."""
    rows, mask = np.empty((0, 0, 0), number), np.empty((0, 0, 0), np.bool_)
    inputs = (rows, 0, rows, 0, mask, NO_WEIGHTS, 1.0, 1.0, NO_WEIGHTS, rows)
    if exact:
        return address_of(exact_divergence, many, given, *inputs)
    return address_of(_divergence, many, given, keeping, *inputs)


@compiled
def _plain_divergence(
    team, kernel, many, exact, given, keeping, example, encoding, logits_at, target_at, gradient_at, loss_at, rows,
    classes, temperature, with_checks, divisor,
):  # fmt: skip
    shape = (rows, classes, 1)
    logits, target = carray(pointer_to(logits_at, example), shape), carray(pointer_to(target_at, example), shape)
    gradient = carray(pointer_to(gradient_at, example), (rows if gradient_at else 0, classes, 1))
    if with_checks and apparent_content(logits, encoding) != LOGITS:
        return _REFUSED
    if given is None:
        if with_checks and apparent_content(target, encoding) != LOGITS:
            return _REFUSED
    else:
        is_bad, _, _, rows_off = faults_of_distribution(target, encoding)
        if is_bad or rows_off:
            return _REFUSED
    no_mask = carray(pointer_to(loss_at, np.bool_(False)), (0, 0, 0))
    no_weights, losses, tile = new_row(0, 0.0), new_row(rows, 0.0), WIDTH if many is None else 1
    scale = 1.0 / divisor
    if exact is None:
        arguments = (
            many, given, keeping, logits, encoding, target, encoding, no_mask, no_weights, temperature, scale, losses,
            gradient,
        )  # fmt: skip
        had_memory = share(team, kernel, rows, tile, arguments)
    else:
        exact_arguments = (
            many, given, logits, encoding, target, encoding, no_mask, no_weights, temperature, scale, losses, gradient
        )  # fmt: skip
        had_memory = share(team, kernel, rows, tile, exact_arguments)
    if not had_memory:
        return _NO_MEMORY
    total = sum_of(losses)
    if with_checks and not np.isfinite(total):
        return _REFUSED
    loss = carray(pointer_to(loss_at, example), (1,))
    loss[0] = encode(total / divisor, loss, encoding)
    return _DONE


@compiled
def _divergence(
    many, given, keeping, logits, encoding, target, target_encoding, mask, sample_weight, temperature, scale,
    losses, gradient, first, last,
):  # fmt: skip
    if many is None:
        _of_few_classes(
            given, keeping, logits, encoding, target, target_encoding, mask, sample_weight, temperature, scale,
            losses, gradient, first, last,
        )  # fmt: skip
    else:
        _of_many_classes(
            given, keeping, logits, encoding, target, target_encoding, mask, sample_weight, temperature, scale,
            losses, gradient, first, last,
        )  # fmt: skip


@compiled
def _of_few_classes(
    given, keeping, logits, encoding, target, target_encoding, mask, sample_weight, temperature, scale, losses,
    gradient, first, last,
):  # fmt: skip
    classes = logits.shape[1]
    values, targets = scratch_like(logits, (classes, STRIDE)), scratch_like(target, (classes, STRIDE))
    kept = classes if keeping is not None else 0
    own, other = np.empty((kept, STRIDE)), np.empty((kept, STRIDE))
    values[:] = 0.0
    targets[:] = 0.0
    highest, highest_target = scratch_like(logits, (1, WIDTH))[0], scratch_like(target, (1, WIDTH))[0]
    ones = scratch_like(logits, (1, WIDTH))[0]
    ones[:] = 1.0
    sums, row = np.empty((_SUMS, WIDTH)), np.empty((_NUMBERS, WIDTH))
    row_values, row_targets = scratch_like(logits, (1, classes))[0], scratch_like(target, (1, classes))[0]
    row_own, row_other, terms, lanes = np.empty(classes), np.empty(classes), np.empty(BLOCK), np.empty(LANES)
    scales = inverse_of(temperature)
    for start in range(first, last, WIDTH):
        count = min(WIDTH, last - start)
        load_lanes(logits, mask, encoding, start, count, values)
        load_lanes(target, mask, target_encoding, start, count, targets)
        _largest_of_lanes(values, highest)
        _largest_of_lanes(targets, highest_target)
        sums[:] = 0.0
        _add_entries(given, keeping, values, targets, highest, highest_target, scales, own, other, sums)
        _finish(given, WIDTH, scales[0], sums, row)
        for b in range(count):
            weight = sample_weight[start + b] if sample_weight.size else 1.0
            losses[start + b] = weight * row[_LOSS, b]
            row[_STRENGTH, b] = scale * scales[0] * weight
            if weight == 0.0 or row[_IS_EXACT, b] == 0.0:
                row_values[:] = values[:, b]
                row_targets[:] = targets[:, b]
                losses[start + b] = loss_of_row(
                    given, row_values, row_targets, weight, scales, scale, row_own, row_other, terms, lanes,
                    keeping is not None,
                )  # fmt: skip
                if keeping is not None:
                    own[:, b] = row_own
                    other[:, b] = 0.0
                row[_FACTOR, b], row[_OWN_FACTOR, b], row[_STRENGTH, b] = 0.0, -1.0, 1.0
        if keeping is not None:
            _slopes_of_lanes(given, own, other, row, values, gradient)
            store_lanes(values, ones, encoding, start, count, gradient)


@compiled
def _largest_of_lanes(values, highest):
    use_wide_vectors()
    for b in range(WIDTH):
        highest[b] = values[0, b]
    for k in range(1, values.shape[0]):
        for b in range(WIDTH):
            highest[b] = larger_of(values[k, b], highest[b])


@compiled
def _entry(given, z, t, highest, highest_target, high, low):
    """Return the target's number and the exponential of a logit, and what they add to the six sums of a column.

    These are the sums of the numbers below the largest, of the largest, of the exponentials below 1, how many are 1,
    and the sums of the target's numbers times their logarithms (without T) and times m - z. What has probability 0 adds
    nothing to them, whatever its logit.
    """
    become_inline()
    distance = np.float64(highest) - np.float64(z)
    other = exp_of_minus(distance, high, low)
    is_largest = other == 1.0
    below, one = 0.0 if is_largest else other, 1.0 if is_largest else 0.0
    if given is None:
        own_distance = np.float64(highest_target) - np.float64(t)
        own = exp_of_minus(own_distance, high, low)
        logarithm, is_largest = -own_distance, own == 1.0
    else:
        own = 0.0 if t <= 0.0 else np.float64(t)
        logarithm = log_of_pair(own, 0.0, 0)
    own_below, own_one = 0.0 if is_largest else own, own if is_largest else 0.0
    is_there = own != 0.0
    own_sum, other_sum = own * logarithm if is_there else 0.0, own * distance if is_there else 0.0
    return own, other, own_below, own_one, below, one, own_sum, other_sum


@compiled
def _add_entries(given, keeping, values, targets, highest, highest_target, scales, own, other, sums):
    """Add the six sums of each column, two entries at a time; fill the numbers of both sides, if they are kept."""
    use_wide_vectors()
    _, _, high, low = scales
    for k in range(1, values.shape[0], 2):
        for b in range(WIDTH):
            z, t, y, s = values[k - 1, b], targets[k - 1, b], values[k, b], targets[k, b]
            p, q, s0, s1, s2, s3, s4, s5 = _entry(given, z, t, highest[b], highest_target[b], high, low)
            if keeping is not None:
                own[k - 1, b], other[k - 1, b] = p, q
            p, q, t0, t1, t2, t3, t4, t5 = _entry(given, y, s, highest[b], highest_target[b], high, low)
            if keeping is not None:
                own[k, b], other[k, b] = p, q
            sums[0, b] += s0 + t0
            sums[1, b] += s1 + t1
            sums[2, b] += s2 + t2
            sums[3, b] += s3 + t3
            sums[4, b] += s4 + t4
            sums[5, b] += s5 + t5
    if values.shape[0] % 2:
        k = values.shape[0] - 1
        for b in range(WIDTH):
            z, t = values[k, b], targets[k, b]
            p, q, s0, s1, s2, s3, s4, s5 = _entry(given, z, t, highest[b], highest_target[b], high, low)
            if keeping is not None:
                own[k, b], other[k, b] = p, q
            sums[0, b] += s0
            sums[1, b] += s1
            sums[2, b] += s2
            sums[3, b] += s3
            sums[4, b] += s4
            sums[5, b] += s5


@compiled
def _finish(given, count, inverse, sums, row):
    """Fill, from the sums of `count` columns, the numbers of their rows.

    The slope of an entry is `other * FACTOR - own * OWN_FACTOR`. Of a largest class, it is written without the
    difference of numbers near 1: from the sums of what is below the largest on either side, and of the classes tied.
    """
    use_wide_vectors()
    for b in range(count):
        rest, total = sums[2, b] + (sums[3, b] - 1.0), sums[2, b] + sums[3, b]
        factor, surprise = 1.0 / total, log1p(rest)
        ones = sums[3, b]
        if given is None:
            own_rest, own_factor = sums[0, b] + (sums[1, b] - 1.0), 1.0 / (sums[0, b] + sums[1, b])
            own_surprise = log1p(own_rest)
            gain, loss = sums[4, b] * inverse * own_factor, sums[5, b] * inverse * own_factor
            row[_LOSS, b] = (loss + gain) + (surprise - own_surprise)
            size = (loss - gain) + (surprise + own_surprise)
            row[_FACTOR, b], row[_OWN_FACTOR, b] = factor, own_factor
            excess = (sums[0, b] - sums[2, b]) + (sums[1, b] - ones)
            row[_TOP, b], row[_BELOW, b], row[_TIED, b] = excess * factor * own_factor, 0.0, 0.0
        else:
            volume = sums[0, b] + sums[1, b]
            gain, loss = sums[4, b], sums[5, b] * inverse
            row[_LOSS, b] = (loss + gain) + volume * surprise
            size = (loss + abs(gain)) + volume * surprise
            row[_FACTOR, b], row[_OWN_FACTOR, b] = volume * factor, 1.0
            row[_TOP, b], row[_BELOW, b], row[_TIED, b] = sums[0, b], sums[2, b], sums[1, b]
        is_exact = row[_LOSS, b] >= _CANCELLED * size and row[_LOSS, b] < np.inf
        row[_IS_EXACT, b] = 1.0 if is_exact else 0.0
        row[_ONES, b], row[_INVERSE, b] = ones, factor


@compiled
def _slope(given, own, other, factor, own_factor, top, below, tied, ones, inverse):
    become_inline()
    slope = other * factor - own * own_factor
    if given is None:
        return top if other == 1.0 and own == 1.0 else slope
    return ((top - own * below) + (tied - ones * own)) * inverse if other == 1.0 else slope


@compiled
def _slopes_of_lanes(given, own, other, row, slopes, gradient):
    use_wide_vectors()
    for k in range(slopes.shape[0]):
        for b in range(WIDTH):
            slope = _slope(
                given, own[k, b], other[k, b], row[_FACTOR, b], row[_OWN_FACTOR, b], row[_TOP, b], row[_BELOW, b],
                row[_TIED, b], row[_ONES, b], row[_INVERSE, b],
            )  # fmt: skip
            slopes[k, b] = staged(row[_STRENGTH, b] * slope, gradient)


@compiled
def _of_many_classes(
    given, keeping, logits, encoding, target, target_encoding, mask, sample_weight, temperature, scale, losses,
    gradient, first, last,
):  # fmt: skip
    classes = logits.shape[1]
    width = -(-classes // WIDTH) * WIDTH
    staged, target_staged = is_staged(logits, mask), is_staged(target, mask)
    stage = scratch_like(logits, (ROWS if staged else 1, classes if staged else 1))
    target_stage = scratch_like(target, (ROWS if target_staged else 1, classes if target_staged else 1))
    all_own, all_other, terms, lanes = np.empty(width), np.empty(width), np.empty(BLOCK), np.empty(LANES)
    own, other = view_of(all_own, 0, classes), view_of(all_other, 0, classes)
    tails = scratch_like(logits, (1, WIDTH)), scratch_like(target, (1, WIDTH))
    highest, highest_target = scratch_like(logits, (1, WIDTH))[0], scratch_like(target, (1, WIDTH))[0]
    sums, row = np.empty((_SUMS, WIDTH)), np.empty((_NUMBERS, WIDTH))
    scales = inverse_of(temperature)
    for start in range(first, last, ROWS):
        count = min(ROWS, last - start)
        if staged:
            load_rows(logits, mask, encoding, start, count, stage)
        if target_staged:
            load_rows(target, mask, target_encoding, start, count, target_stage)
        for b in range(count):
            place = start + b
            weight = sample_weight[place] if sample_weight.size else 1.0
            values = stage[b] if staged else row_in_place(logits, stage, place)
            targets = target_stage[b] if target_staged else row_in_place(target, target_stage, place)
            highest[:] = largest_of_row(values)
            highest_target[:] = largest_of_row(targets)
            _add_row(given, keeping, values, targets, highest, highest_target, scales, all_own, all_other, tails, sums)
            _finish(given, 1, scales[0], sums, row)
            losses[place] = weight * row[_LOSS, 0]
            if weight == 0.0 or row[_IS_EXACT, 0] == 0.0:
                losses[place] = loss_of_row(
                    given, values, targets, weight, scales, scale, own, other, terms, lanes, keeping is not None
                )
            elif keeping is not None:
                _slopes_of_row(given, own, other, row, scale * scales[0] * weight)
            if keeping is not None:
                store_slopes(own, encoding, values, gradient, place)
        if keeping is not None and gradient.shape[2] != 1:
            store_rows(stage, encoding, start, count, gradient)


@compiled
def _add_row(given, keeping, values, targets, highest, highest_target, scales, own, other, tails, sums):
    """Fill the target's numbers and the exponentials of a row, and its six sums: of WIDTH columns, then of those."""
    sums[:] = 0.0
    whole = values.size // WIDTH
    size = whole * WIDTH
    matrices = matrix_of(values, whole, WIDTH), matrix_of(targets, whole, WIDTH)
    own_matrix, other_matrix = matrix_of(own, whole, WIDTH), matrix_of(other, whole, WIDTH)
    _add_entries(given, keeping, *matrices, highest, highest_target, scales, own_matrix, other_matrix, sums)
    if size < values.size:
        tail, target_tail = tails
        tail[:] = -np.inf
        target_tail[:] = -np.inf
        for k in range(size, values.size):
            tail[0, k - size], target_tail[0, k - size] = values[k], targets[k]
        rest_of_own, rest_of_other = view_of(own, size, WIDTH), view_of(other, size, WIDTH)
        _add_entries(
            given, keeping, tail, target_tail, highest, highest_target, scales, matrix_of(rest_of_own, 1, WIDTH),
            matrix_of(rest_of_other, 1, WIDTH), sums,
        )  # fmt: skip
    for s in range(_SUMS):
        for b in range(WIDTH // 2):
            sums[s, b] += sums[s, b + WIDTH // 2]
        for b in range(WIDTH // 4):
            sums[s, b] += sums[s, b + WIDTH // 4]
        for b in range(1, WIDTH // 4):
            sums[s, 0] += sums[s, b]


@compiled
def _slopes_of_row(given, own, other, row, strength):
    """Replace the target's numbers by the slopes."""
    use_wide_vectors()
    factor, own_factor, inverse = row[_FACTOR, 0], row[_OWN_FACTOR, 0], row[_INVERSE, 0]
    top, below, tied, ones = row[_TOP, 0], row[_BELOW, 0], row[_TIED, 0], row[_ONES, 0]
    for k in range(own.size):
        slope = _slope(given, own[k], other[k], factor, own_factor, top, below, tied, ones, inverse)
        own[k] = strength * slope
