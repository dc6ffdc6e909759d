"""Cross-entropy of rows of logits with its gradient: for class indices, and for distributions over classes.

For one row, with coefficients v, their sum V, the exponentials e of the shifted logits, their sum S (R without the
largest term), and L = log1p(R):

    loss = s (sum_k v_k (m - z_k) + V L + c r (m + L)^2)
    gradient_j = scale s ((V - v_j) e_j - v_j (S - e_j) + 2 c r (m + L) e_j) / S        S - e_j = R where e_j = 1

so that neither has a difference of nearly equal numbers: the loss of a confident row is log1p(R), and its gradient at
the target is minus the sum of the others.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import carray  # pyright: ignore[reportPrivateImportUsage]

from logitwise.kernels.cpu.compiled import (
    compiled,
    element_as,
    part_of,
    pointer_to,
    shares_memory,
    use_wide_vectors,
)
from logitwise.kernels.cpu.rows import (
    BLOCK,
    FEW_TERMS,
    LANES,
    NATIVE,
    ROWS,
    STRIDE,
    add_to_sums,
    encode,
    has_many,
    is_staged,
    largest_of_row,
    load_lanes,
    load_rows,
    pair_like,
    row_in_place,
    row_of,
    scale_into,
    scale_row,
    scratch_like,
    shift_lanes,
    shift_row,
    store_lanes,
    store_rows,
    sum_of,
    sum_of_block,
    with_lost,
)
from logitwise.kernels.cpu.suspicions import BATCH_OF_ONE_CLASS, NOTHING, sign_of_logits
from logitwise.kernels.cpu.threads import WORK_PER_PART, split
from logitwise.kernels.cpu.vector import difference, log1p, scaled_log2_e

NO_WEIGHTS = np.empty(0)
_NO_MASK = np.empty((0, 0, 0), np.bool_)


class Options(NamedTuple):
    """What changes the loss of a row."""

    ignore_index: int  # rows with this class index take no part
    class_weight: np.ndarray  # float64, one a class, or NO_WEIGHTS
    sample_weight: np.ndarray  # float64, one a row, or NO_WEIGHTS; rows of weight 0 take no part
    smoothing: float  # e in [0, 1]
    z_loss: float  # c, zero or more
    scale: float  # what the gradient is multiplied by


def count_targets(target: np.ndarray, classes: int, ignore_index: int) -> tuple[int, int, int]:
    """Return how many class indices are out of range, the first such position (or -1), and how many take part.

    Args:
        target: Class indices of any integer dtype, one-dimensional and contiguous.
        classes: Indices in [0, classes - 1] are in range.
        ignore_index: Rows with this index take no part, and are never out of range.
    """
    bad, ignored = _count_targets(target, classes, ignore_index)
    first = _first_out_of_range(target, classes, ignore_index) if bad else -1
    return bad, first, target.size - bad - ignored


def sum_of_target_weights(
    target: np.ndarray, ignore_index: int, class_weight: np.ndarray, sample_weight: np.ndarray
) -> float:
    """Return the sum of `s_i w_t` over the rows that take part, in row order; targets must be in range."""
    return _sum_of_target_weights(target, ignore_index, class_weight, sample_weight)


@compiled
def _count_targets(target, classes, ignore_index):
    use_wide_vectors()
    bad = ignored = 0
    for i in range(target.size):
        index = np.int64(target[i])
        is_ignored = index == ignore_index and (index >= 0 or target[i] < 1)
        ignored += is_ignored
        bad += (index < 0 or index >= classes) and not is_ignored
    return bad, ignored


@compiled
def _first_out_of_range(target, classes, ignore_index):
    for i in range(target.size):
        index = np.int64(target[i])
        is_ignored = index == ignore_index and (index >= 0 or target[i] < 1)
        if (index < 0 or index >= classes) and not is_ignored:
            return i
    return -1


@compiled
def _sum_of_target_weights(target, ignore_index, class_weight, sample_weight):
    weights, sums = np.empty(min(BLOCK, target.size)), np.empty(LANES)
    total = lost = 0.0
    for start in range(0, target.size, BLOCK):
        count = min(BLOCK, target.size - start)
        for i in range(count):
            index = np.int64(target[start + i])
            is_silent = index == ignore_index or index < 0
            weights[i] = 0.0 if is_silent else (sample_weight[start + i] if sample_weight.size else 1.0)
            if class_weight.size and not is_silent and index < class_weight.size:
                weights[i] *= class_weight[index]
        total, error = difference(total, -sum_of_block(part_of(weights, 0, count), sums))
        lost += error
    return with_lost(total, lost)


def cross_entropy(
    logits: np.ndarray, kind: int, target: np.ndarray, options: Options, losses: np.ndarray, gradient: np.ndarray
) -> None:
    """Fill `losses` and, unless it has size 0, `gradient`.

    Args:
        logits: `(outer, classes, inner)`.
        kind: NATIVE, or which 16-bit format the uint16 logits have.
        target: Class indices of any integer dtype, one a row, flat and contiguous. Rows out of range take no part.
        options: What changes the loss; rows that take no part have loss 0, gradient 0, and are not read.
        losses: float64, one a row, flat.
        gradient: Of the shape and dtype of the logits; may be the logits.
    """
    rows = logits.shape[0] * logits.shape[2]
    code = -target.itemsize if target.dtype.kind == "i" else target.itemsize
    arguments = (has_many(logits.shape[1]), logits, kind, target.view(np.uint8), code, options, losses, gradient)
    split(_cross_entropy, rows, logits.size, *arguments)


def soft_cross_entropy(
    logits: np.ndarray,
    kind: int,
    target: np.ndarray,
    target_kind: int,
    options: Options,
    losses: np.ndarray,
    gradient: np.ndarray,
) -> None:
    """Do what `cross_entropy` does for a target that is a distribution, of the shape of the logits."""
    rows = logits.shape[0] * logits.shape[2]
    arguments = (has_many(logits.shape[1]), logits, kind, target, target_kind, options, losses, gradient)
    split(_soft_cross_entropy, rows, logits.size, *arguments)


@compiled
def _cross_entropy(many, logits, kind, integers, code, options, losses, gradient, first, last):
    # Taken apart once: every look into a tuple of arrays costs a row two atomic operations.
    class_weight, sample_weight, ignore_index = options.class_weight, options.sample_weight, options.ignore_index
    numbers = (options.smoothing, options.z_loss, options.scale)
    classes = logits.shape[1]
    spread = np.empty(classes if options.smoothing != 0.0 else 0)
    for k in range(spread.size):
        spread[k] = options.smoothing / classes * (class_weight[k] if class_weight.size else 1.0)
    if many is None:
        _cross_entropy_few(
            logits, kind, integers, code, ignore_index, class_weight, sample_weight, numbers, spread, losses, gradient,
            first, last,
        )  # fmt: skip
    else:
        _cross_entropy_many(
            logits, kind, integers, code, ignore_index, class_weight, sample_weight, numbers, spread, losses, gradient,
            first, last,
        )  # fmt: skip


@compiled
def _load_classes(integers, code, start, count, index):
    """Fill `index` with the class indices of `count` rows from their bytes.

    One compiled kernel serves every integer dtype: `code` is the width in bytes, negative for signed ones. A uint64
    that int64 cannot hold comes out negative, so out of range.
    """
    for b in range(count):
        row = start + b
        if code == -8 or code == 8:
            index[b] = element_as(integers, row, np.int64(0))
        elif code == -4:
            index[b] = element_as(integers, row, np.int32(0))
        elif code == -2:
            index[b] = element_as(integers, row, np.int16(0))
        elif code == -1:
            index[b] = element_as(integers, row, np.int8(0))
        elif code == 4:
            index[b] = element_as(integers, row, np.uint32(0))
        elif code == 2:
            index[b] = element_as(integers, row, np.uint16(0))
        else:
            index[b] = integers[row]


@compiled
def _weigh_rows(index, start, count, classes, ignore_index, class_weight, sample_weight, class_weights, sample_weights):
    """Fill the weights of `count` rows; return how many take no part, which get weight 0 and, to be safe, class 0."""
    silent = 0
    for b in range(count):
        own = index[b]
        weight = sample_weight[start + b] if sample_weight.size else 1.0
        takes_part = 0 <= own < classes and own != ignore_index and weight != 0.0
        index[b] = own if takes_part else 0
        sample_weights[b] = weight if takes_part else 0.0
        silent += 0 if takes_part else 1
    if class_weight.size:
        for b in range(count):
            class_weights[b] = class_weight[index[b]]
    return silent


@compiled
def _loss(numbers, class_weight, distance, anchor, total, log_total, spread_sum, spread_distance):
    """Return the loss of a row before its sample weight; `distance` is m - z at the target. A row of -inf: +inf."""
    smoothing, z_loss, _ = numbers
    part = (1.0 - smoothing) * class_weight
    surprise = part * (distance + log_total) if part != 0.0 else 0.0 * log_total
    regulariser = z_loss * class_weight * (anchor + log_total) ** 2 if z_loss != 0.0 else 0.0
    loss = surprise + spread_distance + spread_sum * log_total + regulariser
    return np.inf if total == 0.0 else loss


@compiled
def _factors(numbers, class_weight, sample_weight, exponential, anchor, rest, total, log_total, spread_sum, own_spread):
    """Return what the exponentials of a row are multiplied by in its gradient, and the gradient at the target."""
    smoothing, z_loss, scale = numbers
    part = (1.0 - smoothing) * class_weight
    regulariser = 2.0 * z_loss * class_weight * (anchor + log_total) if z_loss != 0.0 else 0.0
    strength = 0.0 if total == 0.0 else scale * sample_weight / total
    at_target = _gradient(exponential, part + own_spread, part + spread_sum, rest, total, regulariser)
    return strength * (part + spread_sum + regulariser), strength * at_target


@compiled
def _gradient(exponential, coefficient, coefficients, rest, total, regulariser):
    """Return `(V - v_j) e_j - v_j (S - e_j) + 2 c r (m + L) e_j`."""
    others = rest if exponential == 1.0 else total - exponential
    return (coefficients - coefficient + regulariser) * exponential - coefficient * others


@compiled
def _cross_entropy_few(
    logits, kind, integers, code, ignore_index, class_weight, sample_weight, numbers, spread, losses, gradient, first,
    last,
):  # fmt: skip
    use_wide_vectors()
    classes, scale = logits.shape[1], numbers[2]
    values, exponentials = scratch_like(logits, (classes, STRIDE)), scratch_like(logits, (classes, STRIDE))
    anchor, factor = scratch_like(logits, (1, LANES))[0], scratch_like(logits, (1, LANES))[0]
    rest, total, log_total = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    index, class_weights, sample_weights = np.zeros(LANES, np.int64), np.ones(LANES), np.ones(LANES)
    own_value, own_exponential, own_spread = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    spread_distance, at_target, loss = np.zeros(LANES), np.empty(LANES), np.empty(LANES)
    spread_sum = sum_of(spread)
    high, low = pair_like(logits, *scaled_log2_e(1.0))
    values[:] = 0.0
    for start in range(first, last, LANES):
        count = min(LANES, last - start)
        load_lanes(logits, _NO_MASK, kind, start, count, values)
        _load_classes(integers, code, start, count, index)
        if _weigh_rows(
            index, start, count, classes, ignore_index, class_weight, sample_weight, class_weights, sample_weights
        ):
            _clear_silent(values, sample_weights, count)
        shift_lanes(values, high, low, exponentials, anchor, rest, total, logits, gradient, start)
        for b in range(count):
            own_value[b] = values[index[b], b]
            own_exponential[b] = exponentials[index[b], b]
        if spread.size:
            _spread_distances(values, spread, anchor, spread_distance)
            for b in range(count):
                own_spread[b] = spread[index[b]]
        for b in range(LANES):
            log_total[b] = log1p(rest[b])
        for b in range(LANES):
            loss[b] = sample_weights[b] * _loss(
                numbers, class_weights[b], np.float64(anchor[b]) - own_value[b], np.float64(anchor[b]), total[b],
                log_total[b], spread_sum, spread_distance[b],
            )  # fmt: skip
        for b in range(count):
            losses[start + b] = loss[b]
        if not gradient.size:
            continue
        for b in range(LANES):
            factor[b], at_target[b] = _factors(
                numbers, class_weights[b], sample_weights[b], own_exponential[b], np.float64(anchor[b]), rest[b],
                total[b], log_total[b], spread_sum, own_spread[b],
            )  # fmt: skip
        if spread.size:
            _smooth_lanes(exponentials, factor, spread, scale, sample_weights, total)
        store_lanes(exponentials, factor, kind, start, count, gradient)
        inner = logits.shape[2]
        for b in range(count):
            block, column = divmod(start + b, inner)
            gradient[block, index[b], column] = encode(at_target[b], gradient, kind)


@compiled
def _smooth_lanes(exponentials, factor, spread, scale, sample_weights, total):
    """Multiply every column by its factor, which becomes 1, and take away what label smoothing spreads."""
    use_wide_vectors()
    for k in range(spread.size):
        for b in range(LANES):
            strength = scale * sample_weights[b] if total[b] != 0.0 else 0.0
            exponentials[k, b] = exponentials[k, b] * factor[b] - strength * spread[k]
    factor[:] = 1.0


@compiled
def _clear_silent(values, sample_weights, count):
    """Put a row of zeros in the place of every row that takes no part; its weight of 0 makes its results 0."""
    for b in range(count):
        if sample_weights[b] == 0.0:
            values[:, b] = 0.0


@compiled
def _spread_distances(values, spread, anchor, distances):
    """Fill the `_spread_distance` of every column."""
    use_wide_vectors()
    parts, lost = np.empty(LANES), np.zeros(LANES)
    distances[:] = 0.0
    for start in range(0, spread.size, FEW_TERMS):
        parts[:] = 0.0
        for k in range(start, min(start + FEW_TERMS, spread.size)):
            for b in range(LANES):
                parts[b] += spread[k] * (np.float64(anchor[b]) - values[k, b]) if spread[k] != 0.0 else 0.0
        add_to_sums(parts, distances, lost)
    for b in range(LANES):
        distances[b] = with_lost(distances[b], lost[b])


@compiled
def _fill_distances(values, spread, anchor, distances):
    use_wide_vectors()
    for k in range(values.size):
        distances[k] = spread[k] * (anchor - values[k]) if spread[k] != 0.0 else 0.0


@compiled
def _spread_distance(values, spread, anchor, terms, sums):
    """Return `sum_k u_k (m - z_k)` over the coefficients u; 0 x inf = 0. `terms` and `sums` are scratch memory."""
    anchor = np.float64(anchor)
    total = lost = 0.0
    for start in range(0, spread.size, BLOCK):
        count = min(BLOCK, spread.size - start)
        _fill_distances(part_of(values, start, count), part_of(spread, start, count), anchor, terms)
        total, error = difference(total, -sum_of_block(part_of(terms, 0, count), sums))
        lost += error
    return with_lost(total, lost)


@compiled
def _cross_entropy_many(
    logits, kind, integers, code, ignore_index, class_weight, sample_weight, numbers, spread, losses, gradient, first,
    last,
):  # fmt: skip
    classes = logits.shape[1]
    staged = is_staged(logits, _NO_MASK)
    stage = scratch_like(logits, (ROWS if staged else 1, classes if staged else 1))
    # Written where they are read, or converted, rows go by way of scratch memory: else a loop would not be vectorised.
    direct = gradient.size != 0 and not staged and not shares_memory(logits, gradient)
    kept = gradient.size != 0 and not direct
    aside = scratch_like(logits, (1, classes if kept else min(classes, BLOCK)))[0]
    below, ones = np.empty(LANES), scratch_like(logits, (1, LANES))[0]
    index, class_weights, sample_weights = np.zeros(ROWS, np.int64), np.ones(ROWS), np.ones(ROWS)
    spread_sum, terms = sum_of(spread), np.empty(min(BLOCK, spread.size))
    high, low = pair_like(logits, *scaled_log2_e(1.0))
    for start in range(first, last, ROWS):
        count = min(ROWS, last - start)
        if staged:
            load_rows(logits, _NO_MASK, kind, start, count, stage)
        _load_classes(integers, code, start, count, index)
        _weigh_rows(
            index, start, count, classes, ignore_index, class_weight, sample_weight, class_weights, sample_weights
        )
        for b in range(count):
            row, own, weight = start + b, index[b], sample_weights[b]
            values = stage[b] if staged else row_in_place(logits, stage, row)
            exponentials = row_in_place(gradient, stage, row) if direct else part_of(aside, 0, aside.size)
            losses[row], factor, at_target = 0.0, 0.0, 0.0
            if weight == 0.0:
                exponentials[:] = 0.0
            else:
                own_value, spread_distance, own_spread = np.float64(values[own]), 0.0, 0.0
                if spread.size:
                    own_spread = spread[own]
                    spread_distance = _spread_distance(values, spread, largest_of_row(values), terms, below)
                anchor, rest, total = shift_row(values, high, low, exponentials, below, ones)
                log_total = log1p(rest)
                losses[row] = weight * _loss(
                    numbers, class_weights[b], anchor - own_value, anchor, total, log_total, spread_sum,
                    spread_distance,
                )  # fmt: skip
                if gradient.size == 0:
                    continue
                factor, at_target = _factors(
                    numbers, class_weights[b], weight, np.float64(exponentials[own]), anchor, rest, total, log_total,
                    spread_sum, own_spread,
                )  # fmt: skip
                if spread.size and total != 0.0:
                    _smooth_row(exponentials, factor, spread, numbers[2] * weight)
                    factor = 1.0
            if direct:
                scale_row(exponentials, factor)
                exponentials[own] = at_target
            elif gradient.size and gradient.shape[2] == 1:
                output = row_of(gradient, row)
                scale_into(exponentials, factor, kind, output)
                output[own] = encode(at_target, gradient, kind)
            elif gradient.size:
                scale_into(exponentials, factor, NATIVE, values)
                values[own] = at_target
        if gradient.size and gradient.shape[2] != 1:
            store_rows(stage, kind, start, count, gradient)


@compiled
def _smooth_row(row, factor, spread, strength):
    """Multiply a row by `factor` and take away what label smoothing spreads over the classes."""
    use_wide_vectors()
    for k in range(row.size):
        row[k] = row[k] * factor - strength * spread[k]


@compiled
def _soft_cross_entropy(many, logits, kind, target, target_kind, options, losses, gradient, first, last):
    # Taken apart once, see `_cross_entropy`.
    class_weight, sample_weight = options.class_weight, options.sample_weight
    numbers = (options.smoothing, options.z_loss, options.scale)
    if many is None:
        _soft_cross_entropy_few(
            logits, kind, target, target_kind, class_weight, sample_weight, numbers, losses, gradient, first, last
        )
    else:
        _soft_cross_entropy_many(
            logits, kind, target, target_kind, class_weight, sample_weight, numbers, losses, gradient, first, last
        )


@compiled
def _soft_cross_entropy_few(
    logits, kind, target, target_kind, class_weight, sample_weight, numbers, losses, gradient, first, last
):
    use_wide_vectors()
    classes = logits.shape[1]
    values, exponentials = scratch_like(logits, (classes, STRIDE)), scratch_like(logits, (classes, STRIDE))
    anchor, targets = scratch_like(logits, (1, LANES))[0], scratch_like(target, (classes, STRIDE))
    rest, total, log_total = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    sums, distances, row_weights = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    regulariser, strength, ones = np.empty(LANES), np.zeros(LANES), scratch_like(logits, (1, LANES))[0]
    ones[:] = 1.0
    weights = class_weight if class_weight.size else np.ones(classes)
    high, low = pair_like(logits, *scaled_log2_e(1.0))
    values[:] = 0.0
    targets[:] = 0.0
    for start in range(first, last, LANES):
        count = min(LANES, last - start)
        load_lanes(logits, _NO_MASK, kind, start, count, values)
        load_lanes(target, _NO_MASK, target_kind, start, count, targets)
        for b in range(count):
            strength[b] = sample_weight[start + b] if sample_weight.size else 1.0
            if strength[b] == 0.0:
                values[:, b] = 0.0
        shift_lanes(values, high, low, exponentials, anchor, rest, total, logits, gradient, start)
        _sums_of_coefficients(values, targets, weights, numbers[0], anchor, sums, distances, row_weights)
        if not class_weight.size:
            row_weights[:] = 1.0
        for b in range(LANES):
            log_total[b] = log1p(rest[b])
        for b in range(count):
            loss, regulariser[b] = _soft_loss(
                sums[b], distances[b], numbers[1] * row_weights[b], np.float64(anchor[b]), total[b], log_total[b]
            )
            losses[start + b] = strength[b] * loss if strength[b] != 0.0 else 0.0
            strength[b] = 0.0 if total[b] == 0.0 else numbers[2] * strength[b] / total[b]
        if gradient.size:
            _soft_gradients(exponentials, targets, weights, numbers[0], sums, rest, total, regulariser, strength)
            store_lanes(exponentials, ones, kind, start, count, gradient)


@compiled
def _sums_of_coefficients(values, targets, weights, smoothing, anchor, sums, distances, row_weights):
    """Fill, for each column, the sum of the coefficients v, that of `v (m - z)`, and r, its weight of class."""
    use_wide_vectors()
    spread = smoothing / weights.size
    parts, lost = np.empty((3, LANES)), np.zeros((3, LANES))
    sums[:] = 0.0
    distances[:] = 0.0
    row_weights[:] = 0.0
    for start in range(0, weights.size, FEW_TERMS):
        parts[:] = 0.0
        for k in range(start, min(start + FEW_TERMS, weights.size)):
            for b in range(LANES):
                truth = np.float64(targets[k, b])
                coefficient = weights[k] * ((1.0 - smoothing) * truth + spread)
                parts[0, b] += coefficient
                parts[1, b] += coefficient * (np.float64(anchor[b]) - values[k, b]) if coefficient != 0.0 else 0.0
                parts[2, b] += weights[k] * truth
        add_to_sums(parts[0], sums, lost[0])
        add_to_sums(parts[1], distances, lost[1])
        add_to_sums(parts[2], row_weights, lost[2])
    for b in range(LANES):
        sums[b] += lost[0, b]
        distances[b] = with_lost(distances[b], lost[1, b])
        row_weights[b] += lost[2, b]


@compiled
def _soft_gradients(exponentials, targets, weights, smoothing, sums, rest, total, regulariser, strength):
    """Turn every column of exponentials into its gradient."""
    use_wide_vectors()
    spread = smoothing / weights.size
    for k in range(weights.size):
        for b in range(LANES):
            coefficient = weights[k] * ((1.0 - smoothing) * targets[k, b] + spread)
            exponential = np.float64(exponentials[k, b])
            exponentials[k, b] = strength[b] * _gradient(
                exponential, coefficient, sums[b], rest[b], total[b], regulariser[b]
            )


@compiled
def _soft_cross_entropy_many(
    logits, kind, target, target_kind, class_weight, sample_weight, numbers, losses, gradient, first, last
):
    classes = logits.shape[1]
    values = scratch_like(logits, (ROWS, classes))
    targets = scratch_like(target, (ROWS, classes))
    exponentials = scratch_like(logits, (1, classes))[0]
    coefficients, terms = np.empty(classes), np.empty(min(BLOCK, classes))
    below, ones = np.empty(LANES), scratch_like(logits, (1, LANES))[0]
    high, low = pair_like(logits, *scaled_log2_e(1.0))
    for start in range(first, last, ROWS):
        count = min(ROWS, last - start)
        load_rows(logits, _NO_MASK, kind, start, count, values)
        load_rows(target, _NO_MASK, target_kind, start, count, targets)
        for b in range(count):
            row = part_of(values, b * classes, classes)
            weight = sample_weight[start + b] if sample_weight.size else 1.0
            if weight == 0.0:
                losses[start + b] = 0.0
                row[:] = 0.0
                continue
            truth = part_of(targets, b * classes, classes)
            _fill_coefficients(truth, class_weight, numbers[0], coefficients)
            row_weight = _row_weight(truth, class_weight, terms, below) if class_weight.size else 1.0
            anchor, rest, total = shift_row(row, high, low, exponentials, below, ones)
            coefficient_sum = sum_of(coefficients)
            loss, regulariser = _soft_loss(
                coefficient_sum, _spread_distance(row, coefficients, anchor, terms, below), numbers[1] * row_weight,
                anchor, total, log1p(rest),
            )  # fmt: skip
            losses[start + b] = weight * loss
            strength = 0.0 if total == 0.0 else numbers[2] * weight / total
            if gradient.size:
                _soft_gradient(exponentials, coefficients, coefficient_sum, rest, total, regulariser, strength, row)
        if gradient.size:
            store_rows(values, kind, start, count, gradient)


@compiled
def _fill_coefficients(truth, class_weight, smoothing, coefficients):
    """Fill `v_k = w_k ((1 - e) y_k + e / K)`."""
    use_wide_vectors()
    spread = smoothing / truth.size
    for k in range(truth.size):
        coefficients[k] = (1.0 - smoothing) * truth[k] + spread
    for k in range(class_weight.size):
        coefficients[k] *= class_weight[k]


@compiled
def _fill_products(truth, class_weight, products):
    use_wide_vectors()
    for k in range(truth.size):
        products[k] = class_weight[k] * truth[k]


@compiled
def _row_weight(truth, class_weight, terms, sums):
    """Return r, the row's weight of class. `terms` and `sums` are scratch memory."""
    weight = lost = 0.0
    for start in range(0, truth.size, BLOCK):
        count = min(BLOCK, truth.size - start)
        _fill_products(part_of(truth, start, count), part_of(class_weight, start, count), terms)
        weight, error = difference(weight, -sum_of_block(part_of(terms, 0, count), sums))
        lost += error
    return with_lost(weight, lost)


@compiled
def _soft_loss(coefficient_sum, distance, z_coefficient, anchor, total, log_total):
    """Return the loss of a row before its sample weight, and the factor of its probabilities from the z-loss."""
    if total == 0.0:
        return np.inf, 0.0
    normaliser = anchor + log_total if z_coefficient != 0.0 else 0.0
    loss = coefficient_sum * log_total + distance + z_coefficient * normaliser**2
    return loss, 2.0 * z_coefficient * normaliser


@compiled
def _soft_gradient(exponentials, coefficients, coefficient_sum, rest, total, regulariser, strength, output):
    use_wide_vectors()
    for k in range(output.size):
        exponential = np.float64(exponentials[k])
        gradient = _gradient(exponential, coefficients[k], coefficient_sum, rest, total, regulariser)
        output[k] = strength * gradient


SMALL = 2 * WORK_PER_PART  # logits; a call with fewer is not split over threads
_INT64 = -8  # the code of the dtype, see `_load_classes`


@compiled
def _are_equal(target):
    other = 0
    while other < target.size and target[other] == target[0]:
        other += 1
    return other == target.size


@compiled
def small_cross_entropy(
    many, example, kind, logits_at, target_at, gradient_at, loss_at, rows, classes, ignore_index, smoothing, z_loss,
    looking, divisor,
):  # fmt: skip
    """Do the whole of a small call: check the indices, fill the gradient, reduce the losses.

    A call from the interpreter costs by the object, and takes an array apart in half a microsecond: memory comes by its
    address, and the caller answers for its size.

    Args:
        many: What `has_many` says of the classes.
        example: A number of the type of the logits in memory; `kind` says how to read it.
        kind: As in `cross_entropy`.
        logits_at: The address of rows x classes logits, C-contiguous.
        target_at: The address of as many int64 as there are rows.
        gradient_at: The address of as much memory as the logits have, or 0 for no gradient.
        loss_at: The address of one number of the type of the logits, for the loss.
        rows: How many rows.
        classes: How many classes, 2 or more.
        ignore_index: As in `cross_entropy`.
        smoothing: As in `cross_entropy`.
        z_loss: As in `cross_entropy`.
        looking: Whether inputs that are hardly ever meant are a reason to come back: see `suspicions.py`.
        divisor: What the sum of the losses is divided by; 0 for the number of rows that take part.

    Returns:
        How many rows take part; -1 where an index is out of range, no row takes part, or, if `looking`, something is
        suspicious, with nothing of use filled: the caller has to look.
    """
    taking_part, value = _small_loss(
        many, carray(pointer_to(logits_at, example), (rows, classes, 1)), kind,
        carray(pointer_to(target_at, np.int64(0)), (rows,)), carray(pointer_to(target_at, np.uint8(0)), (rows * 8,)),
        ignore_index, smoothing, z_loss, looking, divisor,
        carray(pointer_to(gradient_at, example), (rows if gradient_at else 0, classes, 1)),
    )  # fmt: skip
    if taking_part >= 0:
        loss = carray(pointer_to(loss_at, example), (1,))
        loss[0] = encode(value, loss, kind)
    return taking_part


@compiled
def small_cross_entropy_of_arrays(many, logits, target, ignore_index, smoothing, z_loss, looking, divisor, gradient):
    """Do the same for C-contiguous matrices, float32 or float64, and an int64 target.

    Returns:
        How many rows take part, or -1, and the loss in float64. A `gradient` of size 0 is not filled.
    """
    rows, classes = logits.shape
    return _small_loss(
        many, logits.reshape((rows, classes, 1)), NATIVE, target, target.view(np.uint8), ignore_index, smoothing,
        z_loss, looking, divisor, gradient.reshape((gradient.shape[0], classes, 1)),
    )  # fmt: skip


@compiled
def _small_loss(many, logits, kind, target, integers, ignore_index, smoothing, z_loss, looking, divisor, gradient):
    """Return how many rows take part and the reduced loss; -1 where the caller has to look."""
    bad, ignored = _count_targets(target, logits.shape[1], ignore_index)
    taking_part = target.size - bad - ignored
    if bad or taking_part == 0:
        return -1, 0.0
    is_batch = target.size >= BATCH_OF_ONE_CLASS
    if looking and (sign_of_logits(logits, kind) != NOTHING or (is_batch and _are_equal(target))):
        return -1, 0.0
    losses, no_weights = np.empty(target.size), np.empty(0)
    divisor = np.float64(taking_part) if divisor == 0.0 else divisor
    options = Options(ignore_index, no_weights, no_weights, smoothing, z_loss, 1.0 / divisor)
    _cross_entropy(many, logits, kind, integers, _INT64, options, losses, gradient, 0, target.size)
    total = sum_of(losses)
    if looking and not np.isfinite(total):
        return -1, 0.0
    return taking_part, total / divisor
