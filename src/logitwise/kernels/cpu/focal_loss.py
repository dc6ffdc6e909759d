"""Focal loss of rows of logits with its gradient: for class indices, and for distributions over classes.

For one row, in the symbols of `cross_entropy.py`, with p = e / S, u = (S - e) / S = 1 - p and l = m + L - z = -log p:

    loss = s sum_k v_k u_k^g l_k
    w_k = v_k u_k^g (1 + g p_k l_k / u_k)
    gradient_j = scale s ((W - w_j) e_j - w_j (S - e_j)) / S        W: the sum of w

so the gradient is that of a cross-entropy with the coefficients w, none of which is a difference of nearly equal
numbers. A power multiplies the relative error of its base by g. So exponentials, sums and powers are float64 whatever
the dtype of the logits.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import carray  # pyright: ignore[reportPrivateImportUsage]

from logitwise.kernels.cpu.compiled import (
    CACHE_LINE,
    become_inline,
    compiled,
    new_row,
    pointer_to,
    prefetch,
    prefetch_to_write,
    shares_memory,
    use_wide_vectors,
    view_of,
)
from logitwise.kernels.cpu.cross_entropy import (
    NO_WEIGHTS,
    Options,
    clear_unused,
    count_unusable,
    fill_coefficients,
    load_classes,
    weigh_rows,
)
from logitwise.kernels.cpu.rows import (
    BLOCK,
    FEW_TERMS,
    LANES,
    NATIVE,
    ROWS,
    STRIDE,
    add_to_sums,
    anchors_of_lanes,
    encode,
    is_staged,
    largest_of_row,
    load_lanes,
    load_rows,
    many_or_none,
    real_like,
    rest_and_total,
    row_in_place,
    row_of,
    scale_into,
    scale_row,
    scratch_like,
    store_lanes,
    store_rows,
    sum_of,
    sums_of_block,
    tile_of,
)
from logitwise.kernels.cpu.suspicions import LOGITS, apparent_content, may_be_transposed
from logitwise.kernels.cpu.threads import address_of, no_memory, split, team_for
from logitwise.kernels.cpu.threads.handing_out import share
from logitwise.kernels.cpu.vector import difference, log1p, power, wide_exp

HIGHEST_GAMMA = 1e300  # beyond it, the exponent of a power may overflow; every power below 1 is 0 long before
_NO_MASK = np.empty((0, 0, 0), np.bool_)
_NO_BYTES = np.empty(0, np.uint8)


def focal_loss(
    logits: np.ndarray,
    encoding: int,
    target: np.ndarray,
    options: Options,
    gamma: float,
    losses: np.ndarray,
    gradient: np.ndarray,
) -> None:
    """Fill `losses` and, unless it has size 0, `gradient`; for `gamma` > 0, the arguments as in `cross_entropy`."""
    code = -target.itemsize if target.dtype.kind == "i" else target.itemsize
    integers, gamma = target.view(np.uint8), min(gamma, HIGHEST_GAMMA)
    rows = logits.shape[0] * logits.shape[2]
    if options.smoothing:
        arguments = (None, NATIVE, integers, code)
        split(_soft_focal_loss, rows, logits.size, logits, encoding, *arguments, options, gamma, losses, gradient)
        return
    many = many_or_none(logits.shape[1])
    arguments = (many, logits, encoding, integers, code, options, gamma, losses, gradient)
    split(_focal_loss, rows, logits.size, *arguments, tile=tile_of(many))


def soft_focal_loss(
    logits: np.ndarray,
    encoding: int,
    target: np.ndarray,
    target_encoding: int,
    options: Options,
    gamma: float,
    losses: np.ndarray,
    gradient: np.ndarray,
) -> None:
    """Fill `losses` and `gradient` for targets that are distributions, of the shape of the logits."""
    rows, gamma = logits.shape[0] * logits.shape[2], min(gamma, HIGHEST_GAMMA)
    arguments = (logits, encoding, target, target_encoding, _NO_BYTES, 0, options, gamma, losses, gradient)
    split(_soft_focal_loss, rows, logits.size, *arguments)


@compiled
def _focal_loss(many, logits, encoding, integers, code, options, gamma, losses, gradient, first, last):
    # Unpacked once: see `_cross_entropy`.
    class_weight, sample_weight, ignore_index = options.class_weight, options.sample_weight, options.ignore_index
    if many is None:
        _focal_loss_few(
            logits, encoding, integers, code, ignore_index, class_weight, sample_weight, gamma, options.scale, losses,
            gradient, first, last,
        )  # fmt: skip
    else:
        _focal_loss_many(
            logits, encoding, integers, code, ignore_index, class_weight, sample_weight, gamma, options.scale, losses,
            gradient, first, last,
        )  # fmt: skip


@compiled
def _term(gamma, exponential, distance, log_total, rest, total):
    """Return `u^g l` of a class, `u^g (1 + g p l / u)`, and u; `exponential` is e, `distance` is m - z."""
    become_inline()
    complement = (rest if exponential == 1.0 else total - exponential) / total
    focus = power(complement, gamma)
    surprise = distance + log_total
    pull = exponential / total * surprise if exponential > 0.0 else 0.0
    slope = focus * (1.0 + gamma * (pull / complement)) if complement > 0.0 else focus
    return focus * surprise, slope, complement


@compiled
def _row(gamma, scale, class_weight, sample_weight, own, anchor, rest, total):
    """Return the loss of a row, the factor of its exponentials in its gradient, and the gradient at the target.

    `own` is the logit at the target.
    """
    become_inline()
    log_total, distance = log1p(rest), np.float64(anchor) - np.float64(own)
    term, slope, complement = _term(gamma, wide_exp(own, anchor), distance, log_total, rest, total)
    loss = np.inf if total == 0.0 else (class_weight * term if class_weight != 0.0 else 0.0 * log_total)
    strength = scale * class_weight * sample_weight * slope
    is_dead = total == 0.0
    return sample_weight * loss, 0.0 if is_dead else strength / total, 0.0 if is_dead else -strength * complement


@compiled
def _focal_loss_few(
    logits, encoding, integers, code, ignore_index, class_weight, sample_weight, gamma, scale, losses, gradient, first,
    last,
):  # fmt: skip
    use_wide_vectors()
    classes, inner = logits.shape[1], logits.shape[2]
    values = scratch_like(logits, (classes, STRIDE))
    exponentials = np.empty((classes if gradient.size else min(classes, FEW_TERMS), STRIDE))
    anchor, own, even = (
        scratch_like(logits, (1, LANES))[0],
        scratch_like(logits, (1, LANES))[0],
        scratch_like(logits, (1, LANES))[0],
    )
    rest, total = np.empty(LANES), np.empty(LANES)
    index, class_weights, sample_weights = np.zeros(LANES, np.int64), np.ones(LANES), np.ones(LANES)
    loss, factor, at_target = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    own[:], even[:] = 0.0, 1.0
    values[:] = 0.0
    for start in range(first, last, LANES):
        count = min(LANES, last - start)
        load_lanes(logits, _NO_MASK, encoding, start, count, values)
        load_classes(integers, code, start, count, index)
        if weigh_rows(
            index, start, count, classes, ignore_index, class_weight, sample_weight, class_weights, sample_weights
        ):
            clear_unused(values, sample_weights, count)
        _shift_lanes(values, anchor, exponentials, rest, total, logits, gradient, start)
        for b in range(count):
            own[b] = values[index[b], b]
        for b in range(LANES):
            loss[b], factor[b], at_target[b] = _row(
                gamma, scale, class_weights[b], sample_weights[b], own[b], anchor[b], rest[b], total[b]
            )
        for b in range(count):
            losses[start + b] = loss[b]
        if gradient.size:
            _scaled_lanes(exponentials, factor, values)
            store_lanes(values, even, encoding, start, count, gradient)
            for b in range(count):
                block, column = divmod(start + b, inner)
                gradient[block, index[b], column] = encode(at_target[b], gradient, encoding)


@compiled
def _shift_lanes(values, anchor, exponentials, rest, total, source, result, row):
    """Fill, for every column, what `_shift_row` returns for a row; prefetch what is read and written next.

    Where the exponentials are not needed, there may be as few as `FEW_TERMS` rows of them. For the order of the sums
    see `sums_of_lanes`, for the prefetching `shift_lanes`.
    """
    use_wide_vectors()
    classes, is_kept, is_strided = values.shape[0], exponentials.shape[0] == values.shape[0], source.shape[2] != 1
    partial, ones, lost = np.empty(LANES), np.zeros(LANES), np.zeros(LANES)
    anchors_of_lanes(values, anchor)
    rest[:] = 0.0
    for start in range(0, classes, FEW_TERMS):
        partial[:] = 0.0
        for k in range(start, min(start + FEW_TERMS, classes)):
            slot = k if is_kept else k - start
            for b in range(LANES):
                exponential = wide_exp(values[k, b], anchor[b])
                exponentials[slot, b] = exponential
                partial[b] += 0.0 if exponential == 1.0 else exponential
                ones[b] += 1.0 if exponential == 1.0 else 0.0
            if not is_strided:
                _prefetch_lane(source, result, row * classes + k * LANES)
        add_to_sums(partial, rest, lost)
    for b in range(LANES):
        rest[b], total[b] = rest_and_total(rest[b] + lost[b], ones[b])


@compiled
def _prefetch_lane(source, result, position):
    for ahead in range(0, LANES, CACHE_LINE // source.itemsize):
        prefetch(source, position + LANES * source.shape[1] + ahead)
    if result.size:
        for ahead in range(0, LANES, CACHE_LINE // result.itemsize):
            prefetch_to_write(result, position + ahead)


@compiled
def _scaled_lanes(exponentials, factor, values):
    """Fill every column with its exponentials times its factor."""
    use_wide_vectors()
    for k in range(values.shape[0]):
        for b in range(LANES):
            values[k, b] = exponentials[k, b] * factor[b]


@compiled
def _focal_loss_many(
    logits, encoding, integers, code, ignore_index, class_weight, sample_weight, gamma, scale, losses, gradient, first,
    last,
):  # fmt: skip
    classes = logits.shape[1]
    staged = is_staged(logits, _NO_MASK)
    stage = scratch_like(logits, (ROWS if staged else 1, classes if staged else 1))
    # Rows that are converted, or written where they are read, go through scratch memory: see `_cross_entropy_many`.
    direct = gradient.size != 0 and not staged and not shares_memory(logits, gradient)
    aside = scratch_like(logits, (1, classes if gradient.size != 0 and not direct else 0))[0]
    block = np.empty(BLOCK)
    index, class_weights, sample_weights = np.zeros(ROWS, np.int64), np.ones(ROWS), np.ones(ROWS)
    for start in range(first, last, ROWS):
        count = min(ROWS, last - start)
        if staged:
            load_rows(logits, _NO_MASK, encoding, start, count, stage)
        load_classes(integers, code, start, count, index)
        weigh_rows(
            index, start, count, classes, ignore_index, class_weight, sample_weight, class_weights, sample_weights
        )
        for b in range(count):
            row, own = start + b, index[b]
            values = stage[b] if staged else row_in_place(logits, stage, row)
            exponentials = row_in_place(gradient, stage, row) if direct else view_of(aside, 0, aside.size)
            losses[row], factor, at_target = 0.0, 0.0, 0.0
            if sample_weights[b] == 0.0:
                exponentials[:] = 0.0
            else:
                own_value = values[own]
                anchor, rest, total = _shift_row(values, exponentials, block)
                losses[row], factor, at_target = _row(
                    gamma, scale, class_weights[b], sample_weights[b], own_value, anchor, rest, total
                )
            if direct:
                scale_row(exponentials, factor)
                exponentials[own] = at_target
            elif gradient.size and gradient.shape[2] == 1:
                output = row_of(gradient, row)
                scale_into(exponentials, factor, encoding, output)
                output[own] = encode(at_target, gradient, encoding)
            elif gradient.size:
                scale_into(exponentials, factor, NATIVE, values)
                values[own] = at_target
        if gradient.size and gradient.shape[2] != 1:
            store_rows(stage, encoding, start, count, gradient)


@compiled
def _shift_row(values, exponentials, block):
    """Return the anchor of a row, the sum of its exponentials without one of the largest, and their sum.

    As `shift_row`, with sums of exponentials in float64. Unless it has size 0, `exponentials` is filled with them.
    `block` is scratch memory.
    """
    largest = largest_of_row(values)
    anchor = real_like(values, 0.0) if largest == -np.inf else largest
    below = below_lost = ones = 0.0
    for start in range(0, values.size, BLOCK):
        count = min(BLOCK, values.size - start)
        part = view_of(block, 0, count)
        _fill_exponentials(view_of(values, start, count), anchor, part)
        if exponentials.size:
            _copy(part, view_of(exponentials, start, count))
        block_below, block_ones = sums_of_block(part)
        below, lost = difference(below, -block_below)
        below_lost += lost
        ones += block_ones
    rest, total = rest_and_total(below + below_lost, ones)
    return anchor, rest, total


@compiled
def _fill_exponentials(values, anchor, exponentials):
    use_wide_vectors()
    for k in range(values.size):
        exponentials[k] = wide_exp(values[k], anchor)


@compiled
def _copy(source, destination):
    use_wide_vectors()
    for k in range(source.size):
        destination[k] = source[k]


@compiled
def _soft_focal_loss(
    logits, encoding, target, target_encoding, integers, code, options, gamma, losses, gradient, first, last
):
    """Fill losses and gradient of rows one after another; with class indices, `target` is None."""
    class_weight, sample_weight, ignore_index = options.class_weight, options.sample_weight, options.ignore_index
    smoothing, classes = options.smoothing, logits.shape[1]
    values, exponentials = scratch_like(logits, (ROWS, classes)), np.empty(classes)
    if target is not None:
        truths = scratch_like(target, (ROWS, classes))
    coefficients, terms, block = np.empty(classes), np.empty(classes), np.empty(BLOCK)
    index, class_weights, sample_weights = np.zeros(ROWS, np.int64), np.ones(ROWS), np.ones(ROWS)
    for start in range(first, last, ROWS):
        count = min(ROWS, last - start)
        load_rows(logits, _NO_MASK, encoding, start, count, values)
        if target is None:
            load_classes(integers, code, start, count, index)
            weigh_rows(
                index, start, count, classes, ignore_index, class_weight, sample_weight, class_weights, sample_weights
            )
        else:
            load_rows(target, _NO_MASK, target_encoding, start, count, truths)
            for b in range(count):
                sample_weights[b] = sample_weight[start + b] if sample_weight.size else 1.0
        for b in range(count):
            row = view_of(values, b * classes, classes)
            if sample_weights[b] == 0.0:
                losses[start + b] = 0.0
                row[:] = 0.0
                continue
            if target is None:
                _smoothed(index[b], class_weight, smoothing, coefficients)
            else:
                fill_coefficients(
                    view_of(truths, b * classes, classes), class_weight, smoothing, None, None, coefficients
                )
            anchor, rest, total = _shift_row(row, exponentials, block)
            _terms(gamma, row, anchor, exponentials, rest, total, coefficients, terms)
            losses[start + b] = sample_weights[b] * (np.inf if total == 0.0 else sum_of(terms))
            if gradient.size:
                strength = options.scale * sample_weights[b] / total
                _gradient_of_row(exponentials, coefficients, sum_of(coefficients), rest, total, strength, row)
        if gradient.size:
            store_rows(values, encoding, start, count, gradient)


@compiled
def _smoothed(own, class_weight, smoothing, coefficients):
    """Fill `v_k = w_k ((1 - e) y_k + e / K)` for a class index."""
    for k in range(coefficients.size):
        weight = class_weight[k] if class_weight.size else 1.0
        coefficients[k] = weight * (smoothing / coefficients.size + (1.0 - smoothing if k == own else 0.0))


@compiled
def _terms(gamma, values, anchor, exponentials, rest, total, coefficients, terms):
    """Fill the terms `v u^g l` of a row, and replace its coefficients v by w."""
    use_wide_vectors()
    log_total = log1p(rest)
    for k in range(terms.size):
        distance = np.float64(anchor) - np.float64(values[k])
        term, slope, _ = _term(gamma, exponentials[k], distance, log_total, rest, total)
        terms[k] = coefficients[k] * term if coefficients[k] != 0.0 else 0.0 * log_total
        coefficients[k] *= slope


@compiled
def _gradient_of_row(exponentials, coefficients, coefficient_sum, rest, total, strength, output):
    use_wide_vectors()
    for k in range(output.size):
        others = rest if exponentials[k] == 1.0 else total - exponentials[k]
        pull = (coefficient_sum - coefficients[k]) * exponentials[k]
        output[k] = 0.0 if total == 0.0 else strength * (pull - coefficients[k] * others)


_INT64 = -8  # the code of the dtype: see `load_classes`


def plain_focal_loss(
    example: np.floating, encoding: int, logits_at: int, target_at: int, gradient_at: int, loss_at: int,
    rows: int, classes: int, ignore_index: int, gamma: float, with_checks: bool, divisor: float,
) -> int:  # fmt: skip
    """Check the indices of a plain call on memory, and fill its gradient and its reduced loss.

    The arguments and the result are those of `plain_cross_entropy`; `gamma` is above 0.
    """
    many = many_or_none(classes)
    team = team_for(rows, rows * classes, tile_of(many))
    used = _plain_focal_loss(
        team, _kernel_for(many, type(example)), many, example, encoding, logits_at, target_at, gradient_at, loss_at,
        rows, classes, ignore_index, min(gamma, HIGHEST_GAMMA), with_checks, divisor,
    )  # fmt: skip
    if used == _NO_MEMORY:
        raise no_memory(_focal_loss)
    return used


_NO_MEMORY = -2


@cache
def _kernel_for(many: bool | None, number: type) -> int:
    """Return the address of the kernel for the arguments that `_plain_focal_loss` makes."""
    logits, integers = np.empty((0, 0, 0), number), np.empty(0, np.uint8)
    options = Options(0, NO_WEIGHTS, NO_WEIGHTS, 0.0, 0.0, 0.0)
    return address_of(_focal_loss, many, logits, 0, integers, _INT64, options, 1.0, NO_WEIGHTS, logits)


@compiled
def _plain_focal_loss(
    team, kernel, many, example, encoding, logits_at, target_at, gradient_at, loss_at, rows, classes, ignore_index,
    gamma, with_checks, divisor,
):  # fmt: skip
    logits = carray(pointer_to(logits_at, example), (rows, classes, 1))
    target = carray(pointer_to(target_at, np.int64(0)), (rows,))
    gradient = carray(pointer_to(gradient_at, example), (rows if gradient_at else 0, classes, 1))
    bad, ignored = count_unusable(target, classes, ignore_index)
    used = rows - bad - ignored
    if bad or used == 0 or (with_checks and apparent_content(logits, encoding) != LOGITS):
        return -1
    if with_checks and may_be_transposed(carray(pointer_to(logits_at, example), (rows, classes)), encoding, target):
        return -1
    losses, no_weights = new_row(rows, 0.0), new_row(0, 0.0)
    divisor = np.float64(used) if divisor == 0.0 else divisor
    options = Options(ignore_index, no_weights, no_weights, 0.0, 0.0, 1.0 / divisor, None)
    integers = carray(pointer_to(target_at, np.uint8(0)), (rows * 8,))
    arguments = (many, logits, encoding, integers, _INT64, options, gamma, losses, gradient)
    if not share(team, kernel, rows, LANES if many is None else 1, arguments):
        return _NO_MEMORY
    total = sum_of(losses)
    if with_checks and not np.isfinite(total):
        return -1
    loss = carray(pointer_to(loss_at, example), (1,))
    loss[0] = encode(total / divisor, loss, encoding)
    return used
