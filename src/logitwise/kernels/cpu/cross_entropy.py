"""Cross-entropy of rows of logits with its gradient: for class indices, and for distributions over classes.

For one row, with coefficients v, their sum V, the exponentials e of the shifted logits, their sum S (R without the
largest term), and L = log1p(R):

    loss = s (sum_k v_k (m - z_k) + V L + c r (m + L)^2)
    gradient_j = scale s ((V - v_j) e_j - v_j (S - e_j) + 2 c r (m + L) e_j) / S        S - e_j = R where e_j = 1

so that neither takes the difference of nearly equal numbers: the loss of a confident row is log1p(R), and its gradient
at the target is minus the sum of the others. Masked classes count as -inf, and their gradient is 0. Kernels branch on
`mask is None`, which Numba decides when it compiles: calls without a mask compile nothing for it.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import carray, types  # pyright: ignore[reportPrivateImportUsage]

from logitwise.kernels.cpu.compiled import (
    by_type,
    compiled,
    element_as,
    fill,
    new_matrix,
    new_row,
    on_stack,
    on_stack_like,
    pointer_to,
    shares_memory,
    use_wide_vectors,
    view_of,
)
from logitwise.kernels.cpu.rows import (
    BLOCK,
    FEW_TERMS,
    LANES,
    NATIVE,
    ROWS,
    STRIDE,
    add_block,
    add_to_sums,
    as_matrix,
    count_taken,
    encode,
    fill_masked,
    inner_of,
    is_staged,
    largest_of_row,
    load_lanes,
    load_mask_lanes,
    load_mask_row,
    load_rows,
    many_or_none,
    pair_like,
    put,
    row_in_place,
    row_like,
    row_of,
    scale_into,
    scale_row,
    scratch_like,
    shift_lanes,
    shift_row,
    store_lanes,
    store_rows,
    sum_of,
    tile_of,
    with_lost,
)
from logitwise.kernels.cpu.suspicions import may_be_no_logits, may_be_transposed
from logitwise.kernels.cpu.threads import address_of, no_memory, split, team_for
from logitwise.kernels.cpu.threads.handing_out import share
from logitwise.kernels.cpu.vector import log1p, scaled_log2_e

NO_WEIGHTS = np.empty(0)
_INT64 = -8  # the code of the dtype: see `load_classes`


class Options(NamedTuple):
    """What changes the loss of a row."""

    ignore_index: int  # rows with this class index are not used
    class_weight: np.ndarray  # float64, one per class, or NO_WEIGHTS
    sample_weight: np.ndarray  # float64, one per row, or NO_WEIGHTS; rows of weight 0 are not used
    smoothing: float  # e in [0, 1]
    z_loss: float  # c, zero or more
    scale: float  # the factor of the gradient
    mask: np.ndarray | None = None  # (1 or outer, classes, 1 or inner): True where a class takes part


def count_targets(target: np.ndarray, classes: int, ignore_index: int) -> tuple[int, int, int]:
    """Return how many class indices are out of range, the position of the first (or -1), and how many are used.

    Args:
        target: Class indices of any integer dtype, one-dimensional and contiguous.
        classes: Indices in [0, classes - 1] are in range.
        ignore_index: Rows with this index are not used, and never out of range.
    """
    bad, ignored = count_unusable(target, classes, ignore_index)
    first = _first_out_of_range(target, classes, ignore_index) if bad else -1
    return bad, first, target.size - bad - ignored


def sum_of_target_weights(
    target: np.ndarray, ignore_index: int, class_weight: np.ndarray, sample_weight: np.ndarray
) -> float:
    """Return the sum of `s_i w_t` over the rows that are used, in row order; targets must be in range."""
    return _sum_of_target_weights(target, ignore_index, class_weight, sample_weight)


@compiled
def count_unusable(target, classes, ignore_index):
    """Return how many class indices are out of range, and how many are `ignore_index`."""
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
    weights, sums = on_stack(BLOCK, 0.0), on_stack(LANES, 0.0)
    total = lost = 0.0
    for start in range(0, target.size, BLOCK):
        count = min(BLOCK, target.size - start)
        for i in range(count):
            index = np.int64(target[start + i])
            is_unused = index == ignore_index or index < 0
            weights[i] = 0.0 if is_unused else (sample_weight[start + i] if sample_weight.size else 1.0)
            if class_weight.size and not is_unused and index < class_weight.size:
                weights[i] *= class_weight[index]
        total, lost = add_block(total, lost, view_of(weights, 0, count), sums)
    return with_lost(total, lost)


def cross_entropy(
    logits: np.ndarray, encoding: int, target: np.ndarray, options: Options, losses: np.ndarray, gradient: np.ndarray
) -> None:
    """Fill `losses` and, unless it has size 0, `gradient`.

    Args:
        logits: `(outer, classes, inner)`.
        encoding: The 16-bit format of uint16 logits, else NATIVE.
        target: Class indices of any integer dtype, one per row, flat and contiguous. Rows out of range are not used.
        options: What changes the loss; rows that are not used have loss 0 and gradient 0, and are not read.
        losses: float64, one per row, flat.
        gradient: Of the shape and dtype of the logits; may be the logits.
    """
    code = -target.itemsize if target.dtype.kind == "i" else target.itemsize
    many, smooth = many_or_none(logits.shape[1]), True if options.smoothing else None
    integers = target if code == _INT64 else target.view(np.uint8)
    arguments = (many, smooth, as_matrix(logits), encoding, integers, code, options, losses, as_matrix(gradient))
    split(_cross_entropy, losses.size, logits.size, *arguments, tile=tile_of(many))


def soft_cross_entropy(
    logits: np.ndarray,
    encoding: int,
    target: np.ndarray,
    target_encoding: int,
    options: Options,
    losses: np.ndarray,
    gradient: np.ndarray,
) -> None:
    """Fill `losses` and `gradient` for targets that are distributions, of the shape of the logits."""
    logits, target, gradient = as_matrix(logits), as_matrix(target), as_matrix(gradient)
    many = many_or_none(logits.shape[1])
    arguments = (many, logits, encoding, target, target_encoding, options, losses, gradient)
    split(_soft_cross_entropy, losses.size, logits.size, *arguments, tile=tile_of(many))


@compiled
def _weights_or_ones(class_weight, classes):
    ones = new_row(0 if class_weight.size else classes, 1.0)
    fill(ones, 1.0)
    return class_weight if class_weight.size else ones


@by_type
def _spread_of(smooth, smoothing, class_weight, classes):
    """Return what label smoothing spreads over the classes, or None."""
    return _spread if smooth is types.boolean else lambda smooth, smoothing, class_weight, classes: None


def _spread(smooth, smoothing, class_weight, classes):
    spread = new_row(classes, 0.0)
    for k in range(classes):
        spread[k] = smoothing / classes * (class_weight[k] if class_weight.size else 1.0)
    return spread


@compiled
def _cross_entropy(many, smooth, logits, encoding, integers, code, options, losses, gradient, first, last):
    # Unpacked once: each access to a tuple of arrays would cost every row two atomic operations.
    class_weight, sample_weight, ignore_index = options.class_weight, options.sample_weight, options.ignore_index
    numbers, mask = (options.smoothing, options.z_loss, options.scale), options.mask
    spread = _spread_of(smooth, options.smoothing, class_weight, logits.shape[1])
    if many is None:
        _cross_entropy_few(
            logits, mask, encoding, integers, code, ignore_index, class_weight, sample_weight, numbers, spread, losses,
            gradient, first, last,
        )  # fmt: skip
    else:
        _cross_entropy_many(
            logits, mask, encoding, integers, code, ignore_index, class_weight, sample_weight, numbers, spread, losses,
            gradient, first, last,
        )  # fmt: skip


@by_type
def load_classes(integers, code, start, count, index):
    """Fill `index` with the class indices of `count` rows, read from int64, or from the bytes of another integer dtype.

    One compiled kernel serves all others: `code` is the width in bytes, negative for signed dtypes. A uint64 that int64
    cannot hold becomes negative, and so out of range.
    """
    return _copy_classes if integers.dtype == types.int64 else _load_classes


def _copy_classes(integers, code, start, count, index):
    for b in range(count):
        index[b] = integers[start + b]


def _load_classes(integers, code, start, count, index):
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
def weigh_rows(index, start, count, classes, ignore_index, class_weight, sample_weight, class_weights, sample_weights):
    """Fill the weights of `count` rows; return how many are not used: those get weight 0 and, to be safe, class 0."""
    unused = 0
    for b in range(count):
        own = index[b]
        weight = sample_weight[start + b] if sample_weight.size else 1.0
        is_used = 0 <= own < classes and own != ignore_index and weight != 0.0
        index[b] = own if is_used else 0
        sample_weights[b] = weight if is_used else 0.0
        unused += 0 if is_used else 1
    if class_weight.size:
        for b in range(count):
            class_weights[b] = class_weight[index[b]]
    return unused


@compiled
def _loss(numbers, class_weight, distance, anchor, total, log_total, spread_sum, spread_distance):
    """Return the loss of a row before its sample weight, +inf for a row of -inf; `distance` is m - z at the target."""
    smoothing, z_loss, _ = numbers
    coefficient = (1.0 - smoothing) * class_weight
    surprise = coefficient * (distance + log_total) if coefficient != 0.0 else 0.0 * log_total
    normaliser = anchor + log_total
    regulariser = z_loss * class_weight * (normaliser * normaliser) if z_loss != 0.0 else 0.0
    loss = surprise + spread_distance + spread_sum * log_total + regulariser
    return np.inf if total == 0.0 else loss


@compiled
def _factors(numbers, class_weight, sample_weight, exponential, anchor, rest, total, log_total, spread_sum, own_spread):
    """Return the factor of the exponentials of a row in its gradient, and the gradient at the target."""
    smoothing, z_loss, scale = numbers
    coefficient = (1.0 - smoothing) * class_weight
    regulariser = 2.0 * z_loss * class_weight * (anchor + log_total) if z_loss != 0.0 else 0.0
    strength = 0.0 if total == 0.0 else scale * sample_weight / total
    at_target = _gradient(exponential, coefficient + own_spread, coefficient + spread_sum, rest, total, regulariser)
    return strength * (coefficient + spread_sum + regulariser), strength * at_target


@compiled
def _gradient(exponential, coefficient, coefficients, rest, total, regulariser):
    """Return `(V - v_j) e_j - v_j (S - e_j) + 2 c r (m + L) e_j`."""
    others = rest if exponential == 1.0 else total - exponential
    return (coefficients - coefficient + regulariser) * exponential - coefficient * others


@compiled
def _cross_entropy_few(
    logits, mask, encoding, integers, code, ignore_index, class_weight, sample_weight, numbers, spread, losses,
    gradient, first, last,
):  # fmt: skip
    use_wide_vectors()
    classes, scale = logits.shape[1], numbers[2]
    values, exponentials = scratch_like(logits, (classes, STRIDE)), scratch_like(logits, (classes, STRIDE))
    anchor, factor = on_stack_like(LANES, logits), on_stack_like(LANES, logits)
    rest, total, log_total = on_stack(LANES, 0.0), on_stack(LANES, 0.0), on_stack(LANES, 0.0)
    index, class_weights, sample_weights = on_stack(LANES, 0), on_stack(LANES, 0.0), on_stack(LANES, 0.0)
    own_value, own_exponential, own_spread = on_stack(LANES, 0.0), on_stack(LANES, 0.0), on_stack(LANES, 0.0)
    spread_distance, at_target, loss = on_stack(LANES, 0.0), on_stack(LANES, 0.0), on_stack(LANES, 0.0)
    spread_sum = on_stack(LANES, 0.0)
    fill(index, 0)
    fill(own_value, 0.0)
    fill(own_exponential, 0.0)
    fill(own_spread, 0.0)
    fill(spread_distance, 0.0)
    fill(class_weights, 1.0)
    fill(sample_weights, 1.0)
    if spread is None:
        fill(spread_sum, 0.0)
    else:
        fill(spread_sum, sum_of(spread))
    if mask is not None:
        taken, shares = new_matrix(classes, STRIDE, True), new_matrix(classes, STRIDE, 0.0)
        fill(taken, True)
        weights, row_weights = _weights_or_ones(class_weight, classes), on_stack(LANES, 0.0)
    high, low = pair_like(logits, *scaled_log2_e(1.0))
    fill(values, 0.0)
    for start in range(first, last, LANES):
        count = min(LANES, last - start)
        load_lanes(logits, None, encoding, start, count, values)
        if mask is not None:
            load_mask_lanes(mask, inner_of(logits), start, count, taken)
            fill_masked(values, taken, -np.inf)
        load_classes(integers, code, start, count, index)
        if weigh_rows(
            index, start, count, classes, ignore_index, class_weight, sample_weight, class_weights, sample_weights
        ):
            clear_unused(values, sample_weights, count)
        shift_lanes(values, high, low, exponentials, anchor, rest, total, logits, gradient, start)
        for b in range(count):
            own_value[b] = values[index[b], b]
            own_exponential[b] = exponentials[index[b], b]
        if spread is not None:
            if mask is not None:
                _fill_shares(taken, numbers[0], shares)
                _sums_of_coefficients(
                    values, shares, weights, 0.0, None, shares, anchor, spread_sum, spread_distance, row_weights
                )
                for b in range(count):
                    own_spread[b] = weights[index[b]] * shares[index[b], b]
            else:
                _spread_distances(values, spread, anchor, spread_distance)
                for b in range(count):
                    own_spread[b] = spread[index[b]]
        for b in range(LANES):
            log_total[b] = log1p(rest[b])
        for b in range(LANES):
            loss[b] = sample_weights[b] * _loss(
                numbers, class_weights[b], np.float64(anchor[b]) - own_value[b], np.float64(anchor[b]), total[b],
                log_total[b], spread_sum[b], spread_distance[b],
            )  # fmt: skip
        for b in range(count):
            losses[start + b] = loss[b]
        if not gradient.size:
            continue
        for b in range(LANES):
            factor[b], at_target[b] = _factors(
                numbers, class_weights[b], sample_weights[b], own_exponential[b], np.float64(anchor[b]), rest[b],
                total[b], log_total[b], spread_sum[b], own_spread[b],
            )  # fmt: skip
        if spread is not None:
            if mask is not None:
                _smooth_masked_lanes(exponentials, factor, weights, shares, scale, sample_weights, total)
            else:
                _smooth_lanes(exponentials, factor, spread, scale, sample_weights, total)
        if mask is not None:
            _scale_lanes(exponentials, factor)
            fill_masked(exponentials, taken, 0.0)
            for b in range(count):
                at_target[b] = at_target[b] if taken[index[b], b] else 0.0
        store_lanes(exponentials, factor, encoding, start, count, gradient)
        for b in range(count):
            put(gradient, start + b, index[b], encode(at_target[b], gradient, encoding))


@compiled
def _smooth_lanes(exponentials, factor, spread, scale, sample_weights, total):
    """Multiply every column by its factor, which becomes 1, and subtract what label smoothing spreads over classes."""
    use_wide_vectors()
    for k in range(spread.size):
        for b in range(LANES):
            strength = scale * sample_weights[b] if total[b] != 0.0 else 0.0
            exponentials[k, b] = exponentials[k, b] * factor[b] - strength * spread[k]
    fill(factor, 1.0)


@compiled
def _smooth_masked_lanes(exponentials, factor, weights, shares, scale, sample_weights, total):
    """Do as `_smooth_lanes`, with the shares of the classes that take part."""
    use_wide_vectors()
    for k in range(weights.size):
        for b in range(LANES):
            strength = scale * sample_weights[b] if total[b] != 0.0 else 0.0
            exponentials[k, b] = exponentials[k, b] * factor[b] - strength * (weights[k] * shares[k, b])
    fill(factor, 1.0)


@compiled
def _scale_lanes(exponentials, factor):
    """Multiply every column by its factor, which becomes 1."""
    use_wide_vectors()
    for k in range(exponentials.shape[0]):
        for b in range(LANES):
            exponentials[k, b] *= factor[b]
    fill(factor, 1.0)


@compiled
def _fill_shares(taken, smoothing, shares):
    """Fill, for each column, `e / K` at the K classes that take part and 0 at the others."""
    use_wide_vectors()
    counts = on_stack(LANES, 0.0)
    fill(counts, 0.0)
    for k in range(shares.shape[0]):
        for b in range(LANES):
            counts[b] += 1.0 if taken[k, b] else 0.0
    for b in range(LANES):
        counts[b] = smoothing / max(counts[b], 1.0)
    for k in range(shares.shape[0]):
        for b in range(LANES):
            shares[k, b] = counts[b] if taken[k, b] else 0.0


@compiled
def clear_unused(values, sample_weights, count):
    """Set every row that is not used to zeros; its weight of 0 makes its results 0."""
    for b in range(count):
        if sample_weights[b] == 0.0:
            values[:, b] = 0.0


@compiled
def _spread_distances(values, spread, anchor, distances):
    """Fill `_spread_distance` of every column."""
    use_wide_vectors()
    partial, lost = on_stack(LANES, 0.0), on_stack(LANES, 0.0)
    fill(lost, 0.0)
    fill(distances, 0.0)
    for start in range(0, spread.size, FEW_TERMS):
        fill(partial, 0.0)
        for k in range(start, min(start + FEW_TERMS, spread.size)):
            for b in range(LANES):
                partial[b] += spread[k] * (np.float64(anchor[b]) - values[k, b]) if spread[k] != 0.0 else 0.0
        add_to_sums(partial, distances, lost)
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
        _fill_distances(view_of(values, start, count), view_of(spread, start, count), anchor, terms)
        total, lost = add_block(total, lost, view_of(terms, 0, count), sums)
    return with_lost(total, lost)


@compiled
def _cross_entropy_many(
    logits, mask, encoding, integers, code, ignore_index, class_weight, sample_weight, numbers, spread, losses,
    gradient, first, last,
):  # fmt: skip
    classes = logits.shape[1]
    staged = mask is not None or is_staged(logits, None)
    stage = scratch_like(logits, (ROWS if staged else 1, classes if staged else 1))
    # Rows that are converted, or written where they are read, go through scratch memory: else no loop would vectorise.
    direct = gradient.size != 0 and not staged and not shares_memory(logits, gradient)
    kept = gradient.size != 0 and not direct
    aside = row_like(logits, classes if kept else min(classes, BLOCK))
    index, class_weights, sample_weights = on_stack(ROWS, 0), on_stack(ROWS, 0.0), on_stack(ROWS, 0.0)
    sums = on_stack(LANES, 0.0)
    fill(index, 0)
    fill(class_weights, 1.0)
    fill(sample_weights, 1.0)
    spread_sum = 0.0
    if spread is not None:
        spread_sum, terms = sum_of(spread), on_stack(BLOCK, 0.0)
    if mask is not None:
        taken = new_row(classes, True)
    high, low = pair_like(logits, *scaled_log2_e(1.0))
    for start in range(first, last, ROWS):
        count = min(ROWS, last - start)
        if staged:
            load_rows(logits, None, encoding, start, count, stage)
        load_classes(integers, code, start, count, index)
        weigh_rows(
            index, start, count, classes, ignore_index, class_weight, sample_weight, class_weights, sample_weights
        )
        for b in range(count):
            row, own, weight = start + b, index[b], sample_weights[b]
            values = view_of(stage, b * classes, classes) if staged else row_in_place(logits, stage, row)
            exponentials = row_in_place(gradient, stage, row) if direct else view_of(aside, 0, aside.size)
            losses[row], factor, at_target = 0.0, 0.0, 0.0
            if weight == 0.0:
                fill(exponentials, 0.0)
            else:
                if mask is not None:
                    load_mask_row(mask, inner_of(logits), row, taken)
                    fill_masked(values, taken, -np.inf)
                    if spread is not None:
                        _fill_spread(taken, class_weight, numbers[0], spread)
                        spread_sum = sum_of(spread)
                own_value, spread_distance, own_spread = np.float64(values[own]), 0.0, 0.0
                if spread is not None:
                    own_spread = spread[own]
                    spread_distance = _spread_distance(values, spread, largest_of_row(values), terms, sums)
                anchor, rest, total = shift_row(values, high, low, exponentials)
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
                if spread is not None:  # noqa: SIM102 - Numba drops a branch on None alone
                    if total != 0.0:
                        _smooth_row(exponentials, factor, spread, numbers[2] * weight)
                        factor = 1.0
                if mask is not None:
                    scale_row(exponentials, factor)
                    fill_masked(exponentials, taken, 0.0)
                    factor, at_target = 1.0, at_target if taken[own] else 0.0
            if direct:
                scale_row(exponentials, factor)
                exponentials[own] = at_target
            elif gradient.size and inner_of(gradient) == 1:
                output = row_of(gradient, row)
                scale_into(exponentials, factor, encoding, output)
                output[own] = encode(at_target, gradient, encoding)
            elif gradient.size:
                scale_into(exponentials, factor, NATIVE, values)
                values[own] = at_target
        if gradient.size and inner_of(gradient) != 1:
            store_rows(stage, encoding, start, count, gradient)


@compiled
def _fill_spread(taken, class_weight, smoothing, spread):
    """Fill what label smoothing spreads over the classes that take part: `w_k e / K`, and 0 at the others."""
    use_wide_vectors()
    share = smoothing / count_taken(taken)
    for k in range(spread.size):
        spread[k] = (share if taken[k] else 0.0) * (class_weight[k] if class_weight.size else 1.0)


@compiled
def _smooth_row(row, factor, spread, strength):
    """Multiply a row by `factor` and subtract what label smoothing spreads over the classes."""
    use_wide_vectors()
    for k in range(row.size):
        row[k] = row[k] * factor - strength * spread[k]


@compiled
def _soft_cross_entropy(many, logits, encoding, target, target_encoding, options, losses, gradient, first, last):
    # Unpacked once: see `_cross_entropy`.
    class_weight, sample_weight, mask = options.class_weight, options.sample_weight, options.mask
    numbers = (options.smoothing, options.z_loss, options.scale)
    if many is None:
        _soft_cross_entropy_few(
            logits, mask, encoding, target, target_encoding, class_weight, sample_weight, numbers, losses, gradient,
            first, last,
        )  # fmt: skip
    else:
        _soft_cross_entropy_many(
            logits, mask, encoding, target, target_encoding, class_weight, sample_weight, numbers, losses, gradient,
            first, last,
        )  # fmt: skip


@compiled
def _soft_cross_entropy_few(
    logits, mask, encoding, target, target_encoding, class_weight, sample_weight, numbers, losses, gradient, first, last
):
    use_wide_vectors()
    classes = logits.shape[1]
    values, exponentials = scratch_like(logits, (classes, STRIDE)), scratch_like(logits, (classes, STRIDE))
    anchor, targets = on_stack_like(LANES, logits), scratch_like(target, (classes, STRIDE))
    rest, total, log_total = on_stack(LANES, 0.0), on_stack(LANES, 0.0), on_stack(LANES, 0.0)
    sums, distances, row_weights = on_stack(LANES, 0.0), on_stack(LANES, 0.0), on_stack(LANES, 0.0)
    regulariser, strength, ones = on_stack(LANES, 0.0), on_stack(LANES, 0.0), on_stack_like(LANES, logits)
    fill(regulariser, 0.0)
    fill(strength, 0.0)
    fill(ones, 1.0)
    weights = _weights_or_ones(class_weight, classes)
    masked = 0 if mask is None else classes
    taken, shares = new_matrix(masked, STRIDE, True), new_matrix(masked, STRIDE, 0.0)
    fill(taken, True)
    high, low = pair_like(logits, *scaled_log2_e(1.0))
    fill(values, 0.0)
    fill(targets, 0.0)
    for start in range(first, last, LANES):
        count = min(LANES, last - start)
        load_lanes(logits, None, encoding, start, count, values)
        load_lanes(target, None, target_encoding, start, count, targets)
        if mask is not None:
            load_mask_lanes(mask, inner_of(logits), start, count, taken)
            fill_masked(values, taken, -np.inf)
            _fill_shares(taken, numbers[0], shares)
        for b in range(count):
            strength[b] = sample_weight[start + b] if sample_weight.size else 1.0
            if strength[b] == 0.0:
                values[:, b] = 0.0
        shift_lanes(values, high, low, exponentials, anchor, rest, total, logits, gradient, start)
        _sums_of_coefficients(values, targets, weights, numbers[0], mask, shares, anchor, sums, distances, row_weights)
        if not class_weight.size:
            fill(row_weights, 1.0)
        for b in range(LANES):
            log_total[b] = log1p(rest[b])
        for b in range(count):
            loss, regulariser[b] = _soft_loss(
                sums[b], distances[b], numbers[1] * row_weights[b], np.float64(anchor[b]), total[b], log_total[b]
            )
            losses[start + b] = strength[b] * loss if strength[b] != 0.0 else 0.0
            strength[b] = 0.0 if total[b] == 0.0 else numbers[2] * strength[b] / total[b]
        if gradient.size:
            _soft_gradients(
                exponentials, targets, weights, numbers[0], mask, shares, sums, rest, total, regulariser, strength
            )
            if mask is not None:
                fill_masked(exponentials, taken, 0.0)
            store_lanes(exponentials, ones, encoding, start, count, gradient)


@compiled
def _sums_of_coefficients(values, targets, weights, smoothing, mask, shares, anchor, sums, distances, row_weights):
    """Fill, for each column, the sum of the coefficients v, that of `v (m - z)`, and r, that of its class weights.

    Without a mask, every class has the share `e / K`; else `shares` holds that of every class and column.
    """
    use_wide_vectors()
    spread = smoothing / weights.size
    partial, lost = on_stack(LANES, 0.0), on_stack(LANES, 0.0)
    partial_distance, lost_distance = on_stack(LANES, 0.0), on_stack(LANES, 0.0)
    partial_weight, lost_weight = on_stack(LANES, 0.0), on_stack(LANES, 0.0)
    fill(lost, 0.0)
    fill(lost_distance, 0.0)
    fill(lost_weight, 0.0)
    fill(sums, 0.0)
    fill(distances, 0.0)
    fill(row_weights, 0.0)
    for start in range(0, weights.size, FEW_TERMS):
        fill(partial, 0.0)
        fill(partial_distance, 0.0)
        fill(partial_weight, 0.0)
        for k in range(start, min(start + FEW_TERMS, weights.size)):
            for b in range(LANES):
                truth, share = np.float64(targets[k, b]), spread if mask is None else shares[k, b]
                coefficient = weights[k] * ((1.0 - smoothing) * truth + share)
                partial[b] += coefficient
                distance = np.float64(anchor[b]) - values[k, b]
                partial_distance[b] += coefficient * distance if coefficient != 0.0 else 0.0
                partial_weight[b] += weights[k] * truth
        add_to_sums(partial, sums, lost)
        add_to_sums(partial_distance, distances, lost_distance)
        add_to_sums(partial_weight, row_weights, lost_weight)
    for b in range(LANES):
        sums[b] += lost[b]
        distances[b] = with_lost(distances[b], lost_distance[b])
        row_weights[b] += lost_weight[b]


@compiled
def _soft_gradients(
    exponentials, targets, weights, smoothing, mask, shares, sums, rest, total, regulariser, strength
):  # fmt: skip
    """Replace every column of exponentials by its gradient; `shares` as in `_sums_of_coefficients`."""
    use_wide_vectors()
    spread = smoothing / weights.size
    for k in range(weights.size):
        for b in range(LANES):
            share = spread if mask is None else shares[k, b]
            coefficient = weights[k] * ((1.0 - smoothing) * targets[k, b] + share)
            exponential = np.float64(exponentials[k, b])
            exponentials[k, b] = strength[b] * _gradient(
                exponential, coefficient, sums[b], rest[b], total[b], regulariser[b]
            )


@compiled
def _soft_cross_entropy_many(
    logits, mask, encoding, target, target_encoding, class_weight, sample_weight, numbers, losses, gradient, first, last
):
    classes = logits.shape[1]
    values = scratch_like(logits, (ROWS, classes))
    targets = scratch_like(target, (ROWS, classes))
    exponentials = row_like(logits, classes)
    coefficients, terms, sums = new_row(classes, 0.0), on_stack(BLOCK, 0.0), on_stack(LANES, 0.0)
    taken = new_row(0 if mask is None else classes, True)
    high, low = pair_like(logits, *scaled_log2_e(1.0))
    for start in range(first, last, ROWS):
        count = min(ROWS, last - start)
        load_rows(logits, None, encoding, start, count, values)
        load_rows(target, None, target_encoding, start, count, targets)
        for b in range(count):
            row = view_of(values, b * classes, classes)
            weight = sample_weight[start + b] if sample_weight.size else 1.0
            if weight == 0.0:
                losses[start + b] = 0.0
                fill(row, 0.0)
                continue
            truth = view_of(targets, b * classes, classes)
            if mask is not None:
                load_mask_row(mask, inner_of(logits), start + b, taken)
                fill_masked(row, taken, -np.inf)
            fill_coefficients(truth, class_weight, numbers[0], mask, taken, coefficients)
            row_weight = _row_weight(truth, class_weight, terms, sums) if class_weight.size else 1.0
            anchor, rest, total = shift_row(row, high, low, exponentials)
            coefficient_sum = sum_of(coefficients)
            loss, regulariser = _soft_loss(
                coefficient_sum, _spread_distance(row, coefficients, anchor, terms, sums), numbers[1] * row_weight,
                anchor, total, log1p(rest),
            )  # fmt: skip
            losses[start + b] = weight * loss
            strength = 0.0 if total == 0.0 else numbers[2] * weight / total
            if gradient.size:
                _soft_gradient(exponentials, coefficients, coefficient_sum, rest, total, regulariser, strength, row)
                if mask is not None:
                    fill_masked(row, taken, 0.0)
        if gradient.size:
            store_rows(values, encoding, start, count, gradient)


@compiled
def fill_coefficients(truth, class_weight, smoothing, mask, taken, coefficients):
    """Fill `v_k = w_k ((1 - e) y_k + e / K)`; with a mask, without the second term where a class is not taken."""
    use_wide_vectors()
    spread = smoothing / (truth.size if mask is None else count_taken(taken))
    for k in range(truth.size):
        coefficients[k] = (1.0 - smoothing) * truth[k] + (spread if mask is None or taken[k] else 0.0)
    for k in range(class_weight.size):
        coefficients[k] *= class_weight[k]


@compiled
def _fill_products(truth, class_weight, products):
    use_wide_vectors()
    for k in range(truth.size):
        products[k] = class_weight[k] * truth[k]


@compiled
def _row_weight(truth, class_weight, terms, sums):
    """Return r, the class weight of a row: `sum_k w_k y_k`. `terms` and `sums` are scratch memory."""
    weight = lost = 0.0
    for start in range(0, truth.size, BLOCK):
        count = min(BLOCK, truth.size - start)
        _fill_products(view_of(truth, start, count), view_of(class_weight, start, count), terms)
        weight, lost = add_block(weight, lost, view_of(terms, 0, count), sums)
    return with_lost(weight, lost)


@compiled
def _soft_loss(coefficient_sum, distance, z_coefficient, anchor, total, log_total):
    """Return the loss of a row before its sample weight, and the coefficient of its probabilities due to the z-loss."""
    if total == 0.0:
        return np.inf, 0.0
    normaliser = anchor + log_total if z_coefficient != 0.0 else 0.0
    loss = coefficient_sum * log_total + distance + z_coefficient * (normaliser * normaliser)
    return loss, 2.0 * z_coefficient * normaliser


@compiled
def _soft_gradient(exponentials, coefficients, coefficient_sum, rest, total, regulariser, strength, output):
    use_wide_vectors()
    for k in range(output.size):
        exponential = np.float64(exponentials[k])
        gradient = _gradient(exponential, coefficients[k], coefficient_sum, rest, total, regulariser)
        output[k] = strength * gradient


def plain_cross_entropy(
    example: np.floating, encoding: int, logits_at: int, target_at: int, mask_at: int | None, rows_of_mask: int,
    gradient_at: int, loss_at: int, rows: int, classes: int, ignore_index: int, smoothing: float, z_loss: float,
    with_checks: bool, divisor: float,
) -> int:  # fmt: skip
    """Check the indices of a plain call on memory, and fill its gradient and its reduced loss.

    Unpacking an array costs a call from the interpreter half a microsecond. So arrays are passed as addresses, and the
    caller is responsible for their sizes.

    Args:
        example: A number of the dtype that holds the logits in memory; `encoding` says how to read it.
        encoding: As in `cross_entropy`.
        logits_at: The address of rows x classes logits, C-contiguous.
        target_at: The address of one int64 per row.
        mask_at: The address of a mask, C-contiguous, or None.
        rows_of_mask: Its rows: as many as the logits have, or 1 for all of them.
        gradient_at: The address of memory of the size of the logits, or 0 for no gradient.
        loss_at: The address of one number of the dtype of the logits, for the loss.
        rows: The number of rows.
        classes: The number of classes, 2 or more.
        ignore_index: As in `cross_entropy`.
        smoothing: As in `cross_entropy`.
        z_loss: As in `cross_entropy`.
        with_checks: Whether to return -1 for suspicious inputs too: see `suspicions.py`.
        divisor: What the sum of the losses is divided by; 0 for the number of rows used.

    Returns:
        The number of rows used; or -1 where an index is out of range, no row is used, or, with checks, something is
        suspicious. What was filled then has no meaning, and the caller has to compute it by `cross_entropy`.
    """
    many, smooth = many_or_none(classes), True if smoothing else None
    team = team_for(rows, rows * classes, tile_of(many))
    kernel = _kernel_for(many, smooth, type(example), mask_at is not None)
    used = _plain_cross_entropy(
        team, kernel, many, smooth, example, encoding, logits_at, target_at, mask_at, rows_of_mask, gradient_at,
        loss_at, rows, classes, ignore_index, smoothing, z_loss, with_checks, divisor,
    )  # fmt: skip
    return _checked(used)


def plain_cross_entropy_of_arrays(
    logits: np.ndarray, target: np.ndarray, ignore_index: int, smoothing: float, z_loss: float, with_checks: bool,
    divisor: float, gradient: np.ndarray,
) -> tuple[int, float]:  # fmt: skip
    """Check the indices of a plain call on arrays, fill its gradient, and return its reduced loss.

    Args:
        logits: A C-contiguous matrix of float32 or float64.
        target: int64, one per row.
        ignore_index: As in `cross_entropy`.
        smoothing: As in `cross_entropy`.
        z_loss: As in `cross_entropy`.
        with_checks: As in `plain_cross_entropy`.
        divisor: As in `plain_cross_entropy`.
        gradient: Of the shape and dtype of the logits; not filled if it has size 0.

    Returns:
        The number of rows used, or -1 as in `plain_cross_entropy`; and the loss in float64.
    """
    many, smooth = many_or_none(logits.shape[1]), True if smoothing else None
    team = team_for(target.size, logits.size, tile_of(many))
    used, value = _plain_loss(
        team, _kernel_for(many, smooth, logits.dtype.type, False), many, smooth, logits, NATIVE, target, None,
        ignore_index, smoothing, z_loss, with_checks, divisor, gradient,
    )  # fmt: skip
    return _checked(used), value


_NO_MEMORY = -2


@cache
def _kernel_for(many: bool | None, smooth: bool | None, number: type, has_mask: bool) -> int:
    """Return the address of the kernel for the arguments that `_plain_loss` makes."""
    logits, integers = np.empty((0, 0), number), np.empty(0, np.int64)
    mask = np.empty((0, 0, 0), np.bool_) if has_mask else None
    options = Options(0, NO_WEIGHTS, NO_WEIGHTS, 0.0, 0.0, 0.0, mask)
    return address_of(_cross_entropy, many, smooth, logits, 0, integers, _INT64, options, NO_WEIGHTS, logits)


def _checked(used: int) -> int:
    if used == _NO_MEMORY:
        raise no_memory(_cross_entropy)
    return used


@compiled
def _plain_cross_entropy(
    team, kernel, many, smooth, example, encoding, logits_at, target_at, mask_at, rows_of_mask, gradient_at, loss_at,
    rows, classes, ignore_index, smoothing, z_loss, with_checks, divisor,
):  # fmt: skip
    logits = carray(pointer_to(logits_at, example), (rows, classes))
    target = carray(pointer_to(target_at, np.int64(0)), (rows,))
    gradient = carray(pointer_to(gradient_at, example), (rows if gradient_at else 0, classes))
    if mask_at is None:
        used, value = _plain_loss(
            team, kernel, many, smooth, logits, encoding, target, None, ignore_index, smoothing, z_loss, with_checks,
            divisor, gradient,
        )  # fmt: skip
    else:
        used, value = _plain_loss(
            team, kernel, many, smooth, logits, encoding, target,
            carray(pointer_to(mask_at, np.bool_(False)), (rows_of_mask, classes, 1)), ignore_index, smoothing, z_loss,
            with_checks, divisor, gradient,
        )  # fmt: skip
    if used >= 0:
        loss = carray(pointer_to(loss_at, example), (1,))
        loss[0] = encode(value, loss, encoding)
    return used


@compiled
def _plain_loss(
    team, kernel, many, smooth, logits, encoding, target, mask, ignore_index, smoothing, z_loss, with_checks, divisor,
    gradient,
):  # fmt: skip
    """Return the number of rows used and the reduced loss; -1 where the caller has to look closer."""
    bad, ignored = count_unusable(target, logits.shape[1], ignore_index)
    used = target.size - bad - ignored
    if bad or used == 0:
        return -1, 0.0
    if with_checks and (may_be_no_logits(logits, encoding) or may_be_transposed(logits, encoding, target)):
        return -1, 0.0
    losses, no_weights = new_row(target.size, 0.0), new_row(0, 0.0)
    divisor = np.float64(used) if divisor == 0.0 else divisor
    options = Options(ignore_index, no_weights, no_weights, smoothing, z_loss, 1.0 / divisor, mask)
    arguments = (many, smooth, logits, encoding, target, _INT64, options, losses, gradient)
    if not share(team, kernel, target.size, LANES if many is None else 1, arguments):
        return _NO_MEMORY, 0.0
    total = sum_of(losses)
    if with_checks and not np.isfinite(total):
        return -1, 0.0
    return used, total / divisor
