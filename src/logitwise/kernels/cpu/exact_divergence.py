"""The divergence of rows of which nothing may be lost: of 64 bits, nearly equal to their target, or degenerate.

`kl_divergence.py` is the door. For one row, with target probabilities p, probabilities q = softmax(z / T), and
x_j = log q_j - log p_j:

    divergence = sum_j p_j (exp(x_j) - 1 - x_j)      gradient_j = scale s p_j (exp(x_j) - 1) / T

No term is negative, so nothing cancels where q is nearly p, as it does in the definition `-sum_j p_j x_j`. That both
distributions sum to 1 makes the two equal, and also keeps an error h of the common constant in all x_j harmless: it
changes the sum by h^2 / 2. For a target given as logits t,

    x_j = d_j - c,   d_j = ((z_j - t_j) - (z_k - t_k)) / T,   c = log1p(sum_j p_j (exp(d_j) - 1))

where k is the largest class of the target: a constant in the logits of either side drops out at once. Probabilities
given as they are have a sum V that is not quite 1, and x_j = (z_j - m) / T - log1p(rest) - log p_j; then V - 1 is added
to the divergence, and (V - 1) q_j to the gradient.

Where x_j is not near 0, `p_j (exp(x_j) - 1 - x_j)` is `q_j - p_j (1 + x_j)`, which needs no exponential of x_j, and
cannot overflow. All arithmetic is in float64; see `float64.py`.
"""

from __future__ import annotations

import numpy as np

from logitwise.kernels.cpu.compiled import become_inline, compiled, use_wide_vectors, view_of
from logitwise.kernels.cpu.float64 import (
    EXCESS,
    EXCESS_BITS,
    STRIDE,
    WIDTH,
    add,
    curve,
    excess_exp,
    gap,
    inverse_of,
    is_near,
    less,
    quotient,
)
from logitwise.kernels.cpu.rows import (
    BLOCK,
    LANES,
    ROWS,
    add_block,
    is_staged,
    larger_of,
    largest_of_row,
    load_lanes,
    load_rows,
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
from logitwise.kernels.cpu.vector import LOG2_E, LOG2_E_LOW, difference, log1p, log_of_pair

_FARTHEST = 600.0  # the largest A of which the exponential is used
_SMALLEST_NORMAL = 2.0**-1022
_UNUSED, _USED, _IMPOSSIBLE = 0, 1, 2  # a row that is not read, or whose loss is 0; any other; all of whose q are 0


@compiled
def exact_divergence(
    many, given, logits, encoding, target, target_encoding, mask, sample_weight, temperature, scale, losses,
    gradient, first, last,
):  # fmt: skip
    """Fill the losses and gradients of some rows: see `kl_divergence.kl_divergence`."""
    if many is None:
        _of_few_classes(
            given, logits, encoding, target, target_encoding, mask, sample_weight, temperature, scale, losses,
            gradient, first, last,
        )  # fmt: skip
    else:
        _of_many_classes(
            given, logits, encoding, target, target_encoding, mask, sample_weight, temperature, scale, losses,
            gradient, first, last,
        )  # fmt: skip


@compiled
def _clear_lanes(values, targets, weights, count, highest, highest_target, facing, state):
    """Say of every column what it is, and set to zeros those that are not used."""
    for b in range(count):
        state[b] = _state(weights[b], targets[:, b], values[:, b], highest_target[b], highest[b])
        if state[b] != _USED:
            values[:, b] = 0.0
            highest[b] = facing[b] = 0.0
        if state[b] == _UNUSED:
            targets[:, b] = 0.0
            highest_target[b] = 0.0


@compiled
def _state(weight, target, values, highest_target, highest):
    """Return what a row is, from its weight, its target and its logits, and the largest of each (NaN aside)."""
    if weight == 0.0 or (highest_target == -np.inf and not _has_nan(target)):
        return _UNUSED
    return _IMPOSSIBLE if highest == -np.inf and not _has_nan(values) else _USED


@compiled
def _has_nan(values):
    found = False
    for value in values:
        found |= np.isnan(value)
    return found


@compiled
def _constants(farthest, farthest_low, drift, target_total, total):
    """Return c, the factor of the student's exponentials, and that of the target's, for a target of logits.

    Args:
        farthest: A, the largest logit less that of class k, divided by T; `farthest_low` is its rounding error.
        farthest_low: See there.
        drift: The sum of the target's exponentials times `exp(d) - 1`.
        target_total: The sum of the target's exponentials.
        total: The sum of the exponentials of the logits. All three have an excess factor.

    The factor of the student's exponentials is `exp(A - c) / total of the target`. But for rounding it is 1 / total;
    like this, an error of c enters all terms in the same way.
    """
    is_far = farthest > _FARTHEST
    power_of_c, lost = difference(drift / target_total, -1.0)
    power_of_c, lost = (total / target_total, 0.0) if is_far else (power_of_c, lost)
    offset = (farthest if is_far else 0.0) + log_of_pair(power_of_c, lost, 0)
    power = excess_exp(True, less(farthest, farthest_low, offset), 0.0, LOG2_E, LOG2_E_LOW)
    return offset, power / (EXCESS * target_total), 1.0 / target_total


@compiled
def _term(x, own, other, factor, own_factor):
    """Return `p (exp(x) - 1 - x)` where `own * own_factor` is p and `other * factor` is q."""
    far = other * factor - own * ((1.0 + x) * own_factor)
    far = other * factor if own == 0.0 else far
    return (own * curve(x)) * own_factor if is_near(x) else far


@compiled
def _slope(x, own, other, factor, own_factor, is_moderate):
    """Return `p (exp(x) - 1)`; `is_moderate`: whether c is too small for its rounding to show in an exponential."""
    near = (own * (x + curve(x))) * own_factor
    return near if is_near(x) and is_moderate else other * factor - own * own_factor


@compiled
def _of_few_classes(
    given, logits, encoding, target, target_encoding, mask, sample_weight, temperature, scale, losses, gradient,
    first, last,
):  # fmt: skip
    use_wide_vectors()
    classes = logits.shape[1]
    values, targets = scratch_like(logits, (classes, STRIDE)), scratch_like(target, (classes, STRIDE))
    own, other = np.empty((classes, STRIDE)), np.empty((classes, STRIDE))
    values[:] = 0.0
    targets[:] = 0.0
    highest_target, highest = scratch_like(target, (1, WIDTH))[0], scratch_like(logits, (1, WIDTH))[0]
    facing, ones = scratch_like(logits, (1, WIDTH))[0], scratch_like(logits, (1, WIDTH))[0]
    ones[:] = 1.0
    state, weights = np.zeros(WIDTH, np.int64), np.zeros(WIDTH)
    sums, lost = np.empty((3, WIDTH)), np.empty((3, WIDTH))
    offset, factor, own_factor = np.empty(WIDTH), np.empty(WIDTH), np.empty(WIDTH)
    excess, loss, loss_lost = np.zeros(WIDTH), np.empty(WIDTH), np.empty(WIDTH)
    base, base_low, growth, magnitude = np.empty(WIDTH), np.empty(WIDTH), np.empty(WIDTH), np.empty(WIDTH)
    scales = inverse_of(temperature)
    slope_factor = scale * scales[0]
    for start in range(first, last, WIDTH):
        count = min(WIDTH, last - start)
        load_lanes(logits, mask, encoding, start, count, values)
        load_lanes(target, mask, target_encoding, start, count, targets)
        _largest_of_lanes(given, values, targets, highest, highest_target, facing)
        unusual = 0
        for b in range(count):
            weights[b] = sample_weight[start + b] if sample_weight.size else 1.0
            unusual += weights[b] == 0.0 or highest_target[b] == -np.inf or highest[b] == -np.inf
        state[:] = _USED
        if unusual:
            _clear_lanes(values, targets, weights, count, highest, highest_target, facing, state)
        sums[:] = 0.0
        lost[:] = 0.0
        loss[:] = 0.0
        loss_lost[:] = 0.0
        _compute_tile(
            given, values, targets, highest, highest_target, facing, scales, own, other, sums, lost, base,
            base_low, growth, magnitude, offset, factor, own_factor, excess, loss, loss_lost,
        )  # fmt: skip
        for b in range(count):
            losses[start + b] = _loss(
                given, state[b], weights[b], loss[b] + (loss_lost[b] if np.isfinite(loss[b]) else 0.0),
                np.float64(facing[b]), sums[0, b], sums[1, b],
            )  # fmt: skip
        if gradient.size:
            for b in range(WIDTH):
                factor[b] = 1.0 / (sums[1, b] + lost[1, b])
                weights[b] = slope_factor * weights[b] if state[b] == _USED else 0.0
            _slopes_of_lanes(
                given, values, targets, highest, highest_target, facing, scales, own, other, offset,
                factor, own_factor, excess, weights, gradient,
            )  # fmt: skip
            store_lanes(values, ones, encoding, start, count, gradient)


@compiled
def _compute_tile(
    given, values, targets, highest, highest_target, facing, scales, own, other, sums, lost, base,
    base_low, growth, magnitude, offset, factor, own_factor, excess, loss, loss_lost,
):  # fmt: skip
    """Fill the exponentials, constants and sums of terms of a tile of columns."""
    use_wide_vectors()
    if given is None:
        for b in range(WIDTH):
            distance, error = gap(True, highest[b], facing[b])
            base[b], base_low[b] = quotient(distance, error, scales[0], scales[1])
            power = min(base[b], _FARTHEST)
            growth[b] = excess_exp(True, power, base_low[b], LOG2_E, LOG2_E_LOW) / EXCESS
        _sums_of_lanes(values, targets, highest, highest_target, facing, growth, scales, own, other, sums, lost)
        for b in range(WIDTH):
            offset[b], factor[b], own_factor[b] = _constants(
                base[b], base_low[b], sums[2, b] + lost[2, b], sums[0, b] + lost[0, b],
                sums[1, b] + lost[1, b],
            )  # fmt: skip
    else:
        _sums_of_given_lanes(values, targets, highest, scales, own, other, sums, lost)
        for b in range(WIDTH):
            rest = (sums[1, b] + lost[1, b]) / EXCESS + (sums[2, b] - 1.0)
            offset[b] = log1p(rest)
            factor[b] = excess_exp(True, -offset[b], 0.0, LOG2_E, LOG2_E_LOW) / (EXCESS * EXCESS)
            own_factor[b] = 1.0 / EXCESS
            excess[b] = sums[0, b] + lost[0, b]
            sums[1, b] = (1.0 + rest) * EXCESS
            lost[1, b] = 0.0
    magnitude[:] = 1.0
    while True:
        for b in range(WIDTH):
            loss[b], loss_lost[b] = excess[b] * magnitude[b], 0.0
        _terms_of_lanes(
            given, values, targets, highest, highest_target, facing, scales, own, other, offset, factor,
            own_factor, loss, loss_lost,
        )  # fmt: skip
        if not _magnify(values.shape[0], loss, sums, lost, magnitude, factor, own_factor):
            break
    for b in range(WIDTH):
        loss[b], loss_lost[b] = with_lost(loss[b], loss_lost[b]) / magnitude[b], 0.0
        factor[b], own_factor[b] = factor[b] / magnitude[b], own_factor[b] / magnitude[b]


@compiled
def _magnify(classes, loss, sums, lost, magnitude, factor, own_factor):
    """Multiply the factors of columns whose terms are subnormal, unless it was done; return whether there are any."""
    found = 0
    for b in range(WIDTH):
        found += _is_subnormal(loss[b], sums[1, b] + lost[1, b], classes) and magnitude[b] == 1.0
    for b in range(WIDTH if found else 0):
        if _is_subnormal(loss[b], sums[1, b] + lost[1, b], classes):
            magnitude[b] = EXCESS
            factor[b] *= EXCESS
            own_factor[b] *= EXCESS
    return found != 0


@compiled
def _is_subnormal(loss, total, classes):
    """Return whether the terms of a loss may be subnormal, and rounded to multiples of the smallest number.

    Then all logits but one are far below the largest; if `total` says that they are not, a small loss is one of 0.
    """
    return loss < classes * _SMALLEST_NORMAL and total == EXCESS


@compiled
def _loss(given, state, weight, loss, facing, target_total, total):
    """Return the loss of a row from the sum of its terms."""
    if state == _UNUSED:
        return 0.0
    if state == _IMPOSSIBLE or (given is None and facing == -np.inf):
        return weight * np.inf if np.isfinite(target_total) and np.isfinite(total) else np.nan
    return weight * loss


@compiled
def _largest_of_lanes(given, values, targets, highest, highest_target, facing):
    """Fill, for each column, its largest logit, its largest target entry, and the logit of that class.

    Of probabilities, none above 0 counts as none above -inf.
    """
    use_wide_vectors()
    for b in range(WIDTH):
        highest[b], highest_target[b], facing[b] = values[0, b], targets[0, b], values[0, b]
    for k in range(1, values.shape[0]):
        for b in range(WIDTH):
            highest[b] = larger_of(values[k, b], highest[b])
            facing[b] = values[k, b] if targets[k, b] > highest_target[b] else facing[b]
            highest_target[b] = larger_of(targets[k, b], highest_target[b])
    if given is not None:
        for b in range(WIDTH):
            highest_target[b] = highest_target[b] if highest_target[b] > 0.0 else -np.inf


@compiled
def _sums_of_lanes(values, targets, highest, highest_target, facing, growth, scales, own, other, sums, lost):
    """Fill the exponentials of both sides; add up, for each column, both, and those of the target times exp(d) - 1."""
    use_wide_vectors()
    inverse, inverse_low, high, low = scales
    for k in range(values.shape[0]):
        for b in range(WIDTH):
            z, t = np.float64(values[k, b]), np.float64(targets[k, b])
            distance, error = gap(True, t, highest_target[b])
            own[k, b] = excess_exp(True, distance, error, high, low)
            distance, error = gap(True, z, highest[b])
            other[k, b] = excess_exp(True, distance, error, high, low)
            d, error = _drift(z, t, facing[b], highest_target[b], inverse, inverse_low)
            d = d + error
            near = own[k, b] * (d + curve(d))
            far = other[k, b] * growth[b] - own[k, b]
            sums[0, b], lost[0, b] = add(True, sums[0, b], lost[0, b], own[k, b])
            sums[1, b], lost[1, b] = add(True, sums[1, b], lost[1, b], other[k, b])
            sums[2, b], lost[2, b] = add(True, sums[2, b], lost[2, b], near if is_near(d) else far)


@compiled
def _drift(z, t, facing, highest_target, inverse, inverse_low):
    """Return d, `((z - t) - (z_k - t_k)) / T`, and its rounding error."""
    distance, error = gap(True, z, t)
    own, own_error = gap(True, facing, highest_target)
    distance, lost = gap(True, distance, own)
    return quotient(distance, lost + (error - own_error), inverse, inverse_low)


@compiled
def _drift_from(z, highest, own, inverse, inverse_low):
    """Return `(z - m) / T - log p`, and its rounding error, for a probability with its excess factor."""
    distance, error = gap(True, z, highest)
    distance, error = quotient(distance, error, inverse, inverse_low)
    logarithm = log_of_pair(own, 0.0, EXCESS_BITS) if own > 0.0 else -np.inf
    distance, lost = gap(True, distance, logarithm)
    return distance, lost + error


@compiled
def _log_ratio(given, z, target, highest, highest_target, facing, scales, own, offset):
    """Return x, `log q - log p`, of a class."""
    become_inline()
    inverse, inverse_low, _, _ = scales
    if given is None:
        d, error = _drift(np.float64(z), target, facing, highest_target, inverse, inverse_low)
    else:
        d, error = _drift_from(np.float64(z), highest, own, inverse, inverse_low)
    return less(d, error, offset)


@compiled
def _sums_of_given_lanes(values, targets, highest, scales, own, other, sums, lost):
    """Fill probabilities and exponentials; add up, for each column, `V - 1` and exponentials below 1; count others."""
    use_wide_vectors()
    _, _, high, low = scales
    for b in range(WIDTH):
        sums[0, b] = -1.0
    for k in range(values.shape[0]):
        for b in range(WIDTH):
            probability = np.float64(targets[k, b])
            probability = probability if probability > 0.0 else 0.0
            own[k, b] = probability * EXCESS
            distance, error = gap(True, values[k, b], highest[b])
            other[k, b] = excess_exp(True, distance, error, high, low)
            is_largest = other[k, b] == EXCESS
            sums[0, b], lost[0, b] = add(True, sums[0, b], lost[0, b], probability)
            sums[1, b], lost[1, b] = add(True, sums[1, b], lost[1, b], 0.0 if is_largest else other[k, b])
            sums[2, b] += 1.0 if is_largest else 0.0


@compiled
def _terms_of_lanes(
    given, values, targets, highest, highest_target, facing, scales, own, other, offset, factor,
    own_factor, loss, loss_lost,
):  # fmt: skip
    """Add up the terms of each column."""
    use_wide_vectors()
    for k in range(values.shape[0]):
        for b in range(WIDTH):
            x = _log_ratio(
                given,
                values[k, b],
                targets[k, b],
                highest[b],
                highest_target[b],
                facing[b],
                scales,
                own[k, b],
                offset[b],
            )
            term = _term(x, own[k, b], other[k, b], factor[b], own_factor[b])
            loss[b], loss_lost[b] = add(True, loss[b], loss_lost[b], term)


@compiled
def _slopes_of_lanes(
    given, values, targets, highest, highest_target, facing, scales, own, other, offset, factor,
    own_factor, excess, strength, gradient,
):  # fmt: skip
    """Replace the logits of each column by its gradient."""
    use_wide_vectors()
    for k in range(values.shape[0]):
        for b in range(WIDTH):
            x = _log_ratio(
                given,
                values[k, b],
                targets[k, b],
                highest[b],
                highest_target[b],
                facing[b],
                scales,
                own[k, b],
                offset[b],
            )
            slope = _slope(x, own[k, b], other[k, b], factor[b], own_factor[b], abs(offset[b]) <= 1.0)
            slope += excess[b] * (other[k, b] * factor[b])
            values[k, b] = staged(strength[b] * slope, gradient)


@compiled
def _of_many_classes(
    given, logits, encoding, target, target_encoding, mask, sample_weight, temperature, scale, losses, gradient,
    first, last,
):  # fmt: skip
    classes = logits.shape[1]
    staged, target_staged = is_staged(logits, mask), is_staged(target, mask)
    stage = scratch_like(logits, (ROWS if staged else 1, classes if staged else 1))
    target_stage = scratch_like(target, (ROWS if target_staged else 1, classes if target_staged else 1))
    own, other, terms, lanes = np.empty(classes), np.empty(classes), np.empty(BLOCK), np.empty(LANES)
    scales = inverse_of(temperature)
    for start in range(first, last, ROWS):
        count = min(ROWS, last - start)
        if staged:
            load_rows(logits, mask, encoding, start, count, stage)
        if target_staged:
            load_rows(target, mask, target_encoding, start, count, target_stage)
        for b in range(count):
            row = start + b
            weight = sample_weight[row] if sample_weight.size else 1.0
            values = stage[b] if staged else row_in_place(logits, stage, row)
            targets = target_stage[b] if target_staged else row_in_place(target, target_stage, row)
            losses[row] = loss_of_row(
                given, values, targets, weight, scales, scale, own, other, terms, lanes, gradient.size > 0
            )
            if gradient.size:
                store_slopes(own, encoding, values, gradient, row)
        if gradient.size and gradient.shape[2] != 1:
            store_rows(stage, encoding, start, count, gradient)


@compiled
def store_slopes(slopes, encoding, values, gradient, row):
    """Copy the gradient of a row to where it belongs: to the stage that `values` is part of, unless contiguous."""
    if gradient.shape[2] == 1:
        scale_into(slopes, 1.0, encoding, row_of(gradient, row))
    else:
        stage_row(slopes, gradient, values)


@compiled
def loss_of_row(given, values, targets, weight, scales, scale, own, other, terms, lanes, with_gradient):
    """Return the loss of a row, whatever it holds, and leave its gradient in `own`, if it is asked for."""
    highest, highest_target, facing = 0.0, 0.0, 0.0
    if weight != 0.0:
        highest, highest_target, facing = _largest_of_row(given, values, targets)
    state = _state(weight, targets, values, highest_target, highest)
    if state != _USED:
        impossible = np.nan if _has_nan(targets) else weight * np.inf
        own[:] = 0.0
        return impossible if state == _IMPOSSIBLE else 0.0
    offset, factor, own_factor, excess, total = _constants_of_row(
        given, values, targets, highest, highest_target, facing, scales, own, other, terms, lanes
    )
    magnitude = 1.0
    while True:
        loss = excess * magnitude + _terms_of_row(
            given, values, targets, highest, highest_target, facing, scales, own, other, offset,
            factor * magnitude, own_factor * magnitude, terms, lanes,
        )  # fmt: skip
        if magnitude != 1.0 or not _is_subnormal(loss, total, values.size):
            break
        magnitude = EXCESS
    if with_gradient:
        _replace_by_slopes(
            given, values, targets, highest, highest_target, facing, scales, own, other, offset, 1.0 / total,
            own_factor, excess, scale * scales[0] * weight,
        )  # fmt: skip
    return _loss(given, state, weight, loss / magnitude, facing, 1.0 / own_factor, total)


@compiled
def _largest_of_row(given, values, targets):
    """Return the largest logit of a row, its largest target entry, and the logit of that class, as in lanes."""
    highest, highest_target = np.float64(largest_of_row(values)), np.float64(largest_of_row(targets))
    if given is not None:
        return highest, highest_target if highest_target > 0.0 else -np.inf, 0.0
    place = 0
    while place + LANES < targets.size and not _holds(view_of(targets, place, LANES), highest_target):
        place += LANES
    for k in range(place, targets.size):
        if targets[k] == highest_target:
            return highest, highest_target, np.float64(values[k])
    return highest, np.nan, np.nan


@compiled
def _holds(values, number):
    """Return whether a number is among the values."""
    use_wide_vectors()
    found = 0
    for k in range(values.size):
        found += values[k] == number
    return found != 0


@compiled
def _constants_of_row(
    given, values, targets, highest, highest_target, facing, scales, own, other, terms, lanes
):  # fmt: skip
    """Fill the exponentials of a row; return c, the factors of both sides, V - 1, and the total of the logits."""
    total = total_lost = own_total = own_lost = drift = drift_lost = ones = 0.0
    base = base_low = growth = 0.0
    if given is None:
        distance, error = gap(True, highest, facing)
        base, base_low = quotient(distance, error, scales[0], scales[1])
        growth = excess_exp(True, min(base, _FARTHEST), base_low, LOG2_E, LOG2_E_LOW) / EXCESS
    else:
        own_total = -1.0
    for start in range(0, values.size, BLOCK):
        count = min(BLOCK, values.size - start)
        block, target_block = view_of(values, start, count), view_of(targets, start, count)
        own_block, other_block = view_of(own, start, count), view_of(other, start, count)
        summands = view_of(terms, 0, count)
        if given is None:
            _fill_block(
                block, target_block, highest, highest_target, facing, growth, scales, own_block, other_block,
                summands,
            )  # fmt: skip
            own_total, own_lost = add_block(own_total, own_lost, own_block, lanes)
            total, total_lost = add_block(total, total_lost, other_block, lanes)
            drift, drift_lost = add_block(drift, drift_lost, summands, lanes)
        else:
            ones += _fill_given_block(block, target_block, highest, scales, own_block, other_block, summands)
            total, total_lost = add_block(total, total_lost, summands, lanes)
            own_total, own_lost = _add_exactly(own_total, own_lost, target_block)
    total, own_total = with_lost(total, total_lost), with_lost(own_total, own_lost)
    if given is None:
        drift = with_lost(drift, drift_lost)
        offset, factor, own_factor = _constants(base, base_low, drift, own_total, total)
        return offset, factor, own_factor, 0.0, total
    rest = total / EXCESS + (ones - 1.0)
    offset = log1p(rest)
    factor = excess_exp(True, -offset, 0.0, LOG2_E, LOG2_E_LOW) / (EXCESS * EXCESS)
    return offset, factor, 1.0 / EXCESS, own_total, (1.0 + rest) * EXCESS


@compiled
def _fill_block(values, targets, highest, highest_target, facing, growth, scales, own, other, drifts):
    """Fill the exponentials of both sides, and those of the target times exp(d) - 1."""
    use_wide_vectors()
    inverse, inverse_low, high, low = scales
    for k in range(values.size):
        z, t = np.float64(values[k]), np.float64(targets[k])
        distance, error = gap(True, t, highest_target)
        weight = excess_exp(True, distance, error, high, low)
        distance, error = gap(True, z, highest)
        exponential = excess_exp(True, distance, error, high, low)
        d, error = _drift(z, t, facing, highest_target, inverse, inverse_low)
        d = d + error
        near = weight * (d + curve(d))
        drifts[k] = near if is_near(d) else exponential * growth - weight
        own[k], other[k] = weight, exponential


@compiled
def _fill_given_block(values, targets, highest, scales, own, other, below):
    """Fill probabilities and exponentials, and those of the latter that are below 1; return how many are 1."""
    use_wide_vectors()
    _, _, high, low = scales
    ones = 0.0
    for k in range(values.size):
        probability = np.float64(targets[k])
        own[k] = probability * EXCESS if probability > 0.0 else 0.0
        distance, error = gap(True, values[k], highest)
        other[k] = excess_exp(True, distance, error, high, low)
    for k in range(values.size):
        is_largest = other[k] == EXCESS
        below[k] = 0.0 if is_largest else other[k]
        ones += 1.0 if is_largest else 0.0
    return ones


@compiled
def _add_exactly(total, lost, values):
    """Return a total plus those values that are above 0, one after another, and `lost` plus the rounding errors."""
    for k in range(values.size):
        value = np.float64(values[k])
        total, lost = add(True, total, lost, value if value > 0.0 else 0.0)
    return total, lost


@compiled
def _terms_of_row(
    given, values, targets, highest, highest_target, facing, scales, own, other, offset, factor, own_factor,
    terms, lanes,
):  # fmt: skip
    """Return the sum of the terms of a row."""
    total = lost = 0.0
    for start in range(0, values.size, BLOCK):
        count = min(BLOCK, values.size - start)
        summands = view_of(terms, 0, count)
        _terms_of_block(
            given, view_of(values, start, count), view_of(targets, start, count), highest, highest_target,
            facing, scales, view_of(own, start, count), view_of(other, start, count), offset, factor, own_factor,
            summands,
        )  # fmt: skip
        total, lost = add_block(total, lost, summands, lanes)
    return with_lost(total, lost)


@compiled
def _terms_of_block(
    given, values, targets, highest, highest_target, facing, scales, own, other, offset, factor, own_factor,
    terms,
):  # fmt: skip
    use_wide_vectors()
    for k in range(terms.size):
        x = _log_ratio(given, values[k], targets[k], highest, highest_target, facing, scales, own[k], offset)
        terms[k] = _term(x, own[k], other[k], factor, own_factor)


@compiled
def _replace_by_slopes(
    given, values, targets, highest, highest_target, facing, scales, own, other, offset, factor, own_factor,
    excess, strength,
):  # fmt: skip
    """Replace the exponentials of the target by the gradient."""
    use_wide_vectors()
    is_moderate = abs(offset) <= 1.0
    for k in range(own.size):
        x = _log_ratio(given, values[k], targets[k], highest, highest_target, facing, scales, own[k], offset)
        slope = _slope(x, own[k], other[k], factor, own_factor, is_moderate)
        own[k] = strength * (slope + excess * (other[k] * factor))
