"""Entropy of the softmax of rows of logits, with its gradient.

For one row, with m the largest logit, d_j = z_j - m, the exponentials e of d / T, their sum S (R without one of the
largest), and p = e / S:

    entropy = log1p(R) + D,   D = sum_j p_j (-d_j / T)      gradient_j = -scale s p_j (d_j / T + D) / T

No term of the entropy is negative, and at the largest the gradient is `-p D / T`: nothing is lost where the row is
confident. All arithmetic is in float64; see `float64.py`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import carray  # pyright: ignore[reportPrivateImportUsage]

from logitwise.kernels.cpu.compiled import compiled, new_row, pointer_to, use_wide_vectors, view_of
from logitwise.kernels.cpu.float64 import EXCESS, FEW_CLASSES, STRIDE, WIDTH, add, excess_exp, gap, inverse_of
from logitwise.kernels.cpu.rows import (
    BLOCK,
    LANES,
    ROWS,
    add_block,
    encode,
    is_staged,
    larger_of,
    largest_of_row,
    load_lanes,
    load_rows,
    real_like,
    row_in_place,
    row_of,
    scale_into,
    scratch_like,
    stage_row,
    staged,
    store_lanes,
    store_rows,
    with_lost,
)
from logitwise.kernels.cpu.threads import address_of, no_memory, split, team_for
from logitwise.kernels.cpu.threads.handing_out import share
from logitwise.kernels.cpu.vector import log1p


def entropy(
    logits: np.ndarray,
    encoding: int,
    mask: np.ndarray,
    weight: np.ndarray,
    temperature: float,
    entropies: np.ndarray,
    gradient: np.ndarray,
) -> None:
    """Fill `entropies` and, unless it has size 0, `gradient`.

    Args:
        logits: `(outer, classes, inner)`.
        encoding: The 16-bit format of uint16 logits, else NATIVE.
        mask: Of the shape of the logits, or NO_MASK; classes outside have probability 0.
        weight: float64, flat: what the gradient of each row is multiplied by, one per row or one for all.
        temperature: What logits are divided by.
        entropies: float64, one per row, flat.
        gradient: Of the shape and dtype of the logits; may be the logits.
    """
    rows, many = logits.shape[0] * logits.shape[2], True if logits.shape[1] > FEW_CLASSES else None
    exact = True if logits.dtype == np.float64 else None
    arguments = (many, exact, logits, encoding, mask, weight, temperature, entropies, gradient)
    split(_entropy, rows, 2 * logits.size, *arguments, tile=WIDTH if many is None else 1)


def plain_entropy(
    example: np.floating, encoding: int, logits_at: int, gradient_at: int, result_at: int, rows: int, classes: int,
    temperature: float,
) -> None:  # fmt: skip
    """Fill memory with the entropies of rows and the gradient of their sum, by addresses.

    Args:
        example: A number of the dtype that holds the logits and the results; `encoding` says how to read it.
        encoding: As in `entropy`.
        logits_at: The address of rows x classes logits, C-contiguous.
        gradient_at: The address of memory of the size of the logits, or 0 for no gradient.
        result_at: The address of one number per row.
        rows: The number of rows.
        classes: The number of classes.
        temperature: As in `entropy`.
    """
    many, exact = True if classes > FEW_CLASSES else None, True if type(example) is np.float64 else None
    team = team_for(rows, 2 * rows * classes, WIDTH if many is None else 1)
    numbers = (example, encoding, logits_at, gradient_at, result_at, rows, classes, temperature)
    if not _plain_entropy(team, _kernel_for(many, exact, type(example)), many, exact, *numbers):
        raise no_memory(_entropy)


@cache
def _kernel_for(many: bool | None, exact: bool | None, number: type) -> int:
    """Return the address of the kernel for the arguments that `_plain_entropy` makes."""
    rows, mask = np.empty((0, 0, 0), number), np.empty((0, 0, 0), np.bool_)
    return address_of(_entropy, many, exact, rows, 0, mask, np.empty(1), 1.0, np.empty(0), rows)


@compiled
def _plain_entropy(
    team, kernel, many, exact, example, encoding, logits_at, gradient_at, result_at, rows, classes, temperature
):
    logits = carray(pointer_to(logits_at, example), (rows, classes, 1))
    gradient = carray(pointer_to(gradient_at, example), (rows if gradient_at else 0, classes, 1))
    no_mask = carray(pointer_to(result_at, np.bool_(False)), (0, 0, 0))
    even, entropies = new_row(1, 0.0), new_row(rows, 0.0)
    even[0] = 1.0
    arguments = (many, exact, logits, encoding, no_mask, even, temperature, entropies, gradient)
    if not share(team, kernel, rows, WIDTH if many is None else 1, arguments):
        return False
    result = carray(pointer_to(result_at, example), (rows,))
    for row in range(rows):
        result[row] = encode(entropies[row], result, encoding)
    return True


@compiled
def _entropy(many, exact, logits, encoding, mask, weight, temperature, entropies, gradient, first, last):
    if many is None:
        _of_few_classes(exact, logits, encoding, mask, weight, temperature, entropies, gradient, first, last)
    else:
        _of_many_classes(exact, logits, encoding, mask, weight, temperature, entropies, gradient, first, last)


@compiled
def _result(below, ones, distance):
    """Return the entropy of a row, D, and 1 / S; a row of -inf alone has no exponentials, and entropy 0.

    Args:
        below: The sum of the exponentials below 1, with the excess factor: without it, each could be subnormal.
        ones: How many are 1.
        distance: The sum of `e (m - z) / T`, with the excess factor.
    """
    below /= EXCESS
    total = below + ones
    factor = 0.0 if total == 0.0 else 1.0 / total
    rest = below + (ones - 1.0 if ones > 0.0 else 0.0)
    mean = (distance * factor) / EXCESS
    return log1p(rest) + mean, mean, factor


@compiled
def _of_few_classes(exact, logits, encoding, mask, weight, temperature, entropies, gradient, first, last):
    use_wide_vectors()
    classes = logits.shape[1]
    values, exponentials = scratch_like(logits, (classes, STRIDE)), np.empty((classes, STRIDE))
    values[:] = 0.0
    highest, ones = scratch_like(logits, (1, WIDTH))[0], scratch_like(logits, (1, WIDTH))[0]
    ones[:] = 1.0
    sums, lost = np.empty((3, WIDTH)), np.empty((3, WIDTH))
    mean, factor = np.empty(WIDTH), np.empty(WIDTH)
    scales = inverse_of(temperature)
    for start in range(first, last, WIDTH):
        count = min(WIDTH, last - start)
        load_lanes(logits, mask, encoding, start, count, values)
        _largest_of_lanes(values, highest)
        sums[:] = 0.0
        lost[:] = 0.0
        _sums_of_lanes(exact, values, highest, scales, exponentials, sums, lost)
        for b in range(WIDTH):
            sums[0, b], mean[b], factor[b] = _result(sums[0, b] + lost[0, b], sums[1, b], sums[2, b] + lost[2, b])
        for b in range(count):
            entropies[start + b] = sums[0, b]
        if gradient.size:
            for b in range(count):
                factor[b] *= -scales[0] * weight[start + b if weight.size > 1 else 0]
            _slopes_of_lanes(values, highest, scales, exponentials, mean, factor, gradient)
            store_lanes(values, ones, encoding, start, count, gradient)


@compiled
def _largest_of_lanes(values, highest):
    """Fill `highest` with the largest value of each column; 0 for a column of -inf alone."""
    use_wide_vectors()
    for b in range(WIDTH):
        highest[b] = values[0, b]
    for k in range(1, values.shape[0]):
        for b in range(WIDTH):
            highest[b] = larger_of(values[k, b], highest[b])
    zero = real_like(values, 0.0)
    for b in range(WIDTH):
        highest[b] = zero if highest[b] == -np.inf else highest[b]


@compiled
def _exponential(exact, value, highest, scales):
    """Return `exp((z - m) / T)` with its excess factor, and `(m - z) / T`, or 0 where the exponential is 0."""
    inverse, _, high, low = scales
    distance, error = gap(exact, value, highest)
    exponential = excess_exp(exact, distance, error, high, low)
    return exponential, 0.0 if exponential == 0.0 else -distance * inverse


@compiled
def _sums_of_lanes(exact, values, highest, scales, exponentials, sums, lost):
    """Fill the exponentials; add up those below 1, count those that are 1, add up their products with (m - z) / T."""
    use_wide_vectors()
    for k in range(values.shape[0]):
        for b in range(WIDTH):
            exponential, distance = _exponential(exact, values[k, b], highest[b], scales)
            is_largest = exponential == EXCESS
            below = 0.0 if is_largest else exponential
            exponentials[k, b] = exponential
            sums[0, b], lost[0, b] = add(exact, sums[0, b], lost[0, b], below)
            sums[1, b] += 1.0 if is_largest else 0.0
            sums[2, b], lost[2, b] = add(exact, sums[2, b], lost[2, b], exponential * distance)


@compiled
def _slope(value, highest, inverse, exponential, mean, factor):
    """Return `factor e ((z - m) / T + D)`; 0 where the exponential is, but in a row of NaN, where D is NaN too.

    `exponential` has the excess factor.
    """
    slope = exponential * ((np.float64(value) - np.float64(highest)) * inverse + mean)
    return 0.0 * mean if exponential == 0.0 else (slope / EXCESS) * factor


@compiled
def _slopes_of_lanes(values, highest, scales, exponentials, mean, factor, gradient):
    """Replace the logits of each column by its gradient."""
    use_wide_vectors()
    for k in range(values.shape[0]):
        for b in range(WIDTH):
            slope = _slope(values[k, b], highest[b], scales[0], exponentials[k, b], mean[b], factor[b])
            values[k, b] = staged(slope, gradient)


@compiled
def _of_many_classes(exact, logits, encoding, mask, weight, temperature, entropies, gradient, first, last):
    classes = logits.shape[1]
    staged = is_staged(logits, mask)
    stage = scratch_like(logits, (ROWS if staged else 1, classes if staged else 1))
    kept = np.empty(classes if gradient.size else min(classes, BLOCK))
    terms, products, lanes = np.empty(BLOCK), np.empty(BLOCK), np.empty(LANES)
    scales = inverse_of(temperature)
    for start in range(first, last, ROWS):
        count = min(ROWS, last - start)
        if staged:
            load_rows(logits, mask, encoding, start, count, stage)
        for b in range(count):
            row = start + b
            values = stage[b] if staged else row_in_place(logits, stage, row)
            highest = np.float64(largest_of_row(values))
            highest = 0.0 if highest == -np.inf else highest
            below, ones, distance = _sums_of_row(exact, values, highest, scales, kept, terms, products, lanes)
            entropies[row], mean, factor = _result(below, ones, distance)
            if not gradient.size:
                continue
            factor *= -scales[0] * weight[row if weight.size > 1 else 0]
            for position in range(0, classes, BLOCK):
                size = min(BLOCK, classes - position)
                slopes, block = view_of(terms, 0, size), view_of(values, position, size)
                _slopes_of_block(block, highest, scales, view_of(kept, position, size), mean, factor, slopes)
                if gradient.shape[2] == 1:
                    scale_into(slopes, 1.0, encoding, view_of(row_of(gradient, row), position, size))
                else:
                    stage_row(slopes, gradient, block)
        if gradient.size and gradient.shape[2] != 1:
            store_rows(stage, encoding, start, count, gradient)


@compiled
def _sums_of_row(exact, values, highest, scales, kept, terms, products, lanes):
    """Return the sum of the exponentials below 1, how many are 1, and the sum of their products: see `_result`."""
    below = below_lost = ones = distance = distance_lost = 0.0
    for start in range(0, values.size, BLOCK):
        count = min(BLOCK, values.size - start)
        exponentials = view_of(kept, start if kept.size == values.size else 0, count)
        summands, distances = view_of(terms, 0, count), view_of(products, 0, count)
        _fill_block(exact, view_of(values, start, count), highest, scales, exponentials, summands, distances)
        ones += _count_ones(exponentials)
        below, below_lost = add_block(below, below_lost, summands, lanes)
        distance, distance_lost = add_block(distance, distance_lost, distances, lanes)
    return with_lost(below, below_lost), ones, with_lost(distance, distance_lost)


@compiled
def _fill_block(exact, values, highest, scales, exponentials, below, distances):
    use_wide_vectors()
    for k in range(values.size):
        exponential, distance = _exponential(exact, values[k], highest, scales)
        exponentials[k] = exponential
        below[k] = 0.0 if exponential == EXCESS else exponential
        distances[k] = exponential * distance


@compiled
def _count_ones(values):
    use_wide_vectors()
    ones = 0
    for k in range(values.size):
        ones += values[k] == EXCESS
    return np.float64(ones)


@compiled
def _slopes_of_block(values, highest, scales, exponentials, mean, factor, slopes):
    use_wide_vectors()
    for k in range(values.size):
        slopes[k] = _slope(values[k], highest, scales[0], exponentials[k], mean, factor)
