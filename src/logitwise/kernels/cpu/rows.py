"""Rows of classes: how they are brought into scratch memory, and the pass that every softmax shares.

Arrays of logits are `(outer, classes, inner)`, C-contiguous; row r is `array[r // inner, :, r % inner]`. Two forms of
scratch exist, and the number of classes alone decides which arithmetic a row gets, so that its bits depend on nothing
else:

- up to `FEW_CLASSES` classes, `LANES` rows side by side, `(classes, LANES)`: one vector instruction serves many rows;
- above, rows one after another, `(ROWS, classes)`; contiguous rows of float32 and float64 are used where they are.

16-bit numbers are stored as uint16 and become float32 on the way in; `kind` says which of the two formats they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from logitwise.kernels.cpu.compiled import (
    EXACT,
    TILE,
    bits_of,
    compiled,
    from_bfloat16,
    from_float16,
    number_of,
    reordered,
    to_bfloat16,
    to_float16,
    transpose_tile,
    use_wide_vectors,
)
from logitwise.kernels.cpu.vector import difference, exp_of_difference

NATIVE, FLOAT16, BFLOAT16 = 0, 1, 2
FEW_CLASSES = 256
LANES = 64
STRIDE = LANES + 16  # a power of two would crowd a column of classes into a few sets of the cache
ROWS = 16
BLOCK = 1024  # terms that are added without looking at what is lost


def decode(stored: Any, kind: int) -> Any:
    """Return the value of a stored number; for kernels only."""
    raise NotImplementedError("decode runs in compiled code only")


@overload(decode, jit_options={"fastmath": EXACT})
def _decode(stored, kind):
    if stored != types.uint16:
        return lambda stored, kind: stored
    return lambda stored, kind: from_float16(stored) if kind == FLOAT16 else from_bfloat16(stored)


def encode(value: Any, array: Any, kind: int) -> Any:
    """Return `value` as the elements of `array` store it, rounded to nearest even; for kernels only."""
    raise NotImplementedError("encode runs in compiled code only")


@overload(encode, jit_options={"fastmath": EXACT})
def _encode(value, array, kind):
    if array.dtype == types.uint16:
        return lambda value, array, kind: (
            to_float16(np.float32(value)) if kind == FLOAT16 else to_bfloat16(np.float32(value))
        )
    real = np.float32 if array.dtype == types.float32 else np.float64
    return lambda value, array, kind: real(value)


def real_like(array: Any, value: Any) -> Any:
    """Return `value` as a float of the width that computes with `array`; for kernels only."""
    raise NotImplementedError("real_like runs in compiled code only")


@overload(real_like, jit_options={"fastmath": EXACT})
def _real_like(array, value):
    real = np.float64 if array.dtype == types.float64 else np.float32
    return lambda array, value: real(value)


def scratch_like(array: Any, shape: tuple[int, int]) -> Any:
    """Return an uninitialised matrix of the floats that compute with `array`; for kernels only."""
    raise NotImplementedError("scratch_like runs in compiled code only")


@overload(scratch_like, jit_options={"fastmath": EXACT})
def _scratch_like(array, shape):
    real = np.float64 if array.dtype == types.float64 else np.float32
    return lambda array, shape: np.empty(shape, real)


def row_in_place(array: Any, scratch: Any, row: int) -> Any:
    """Return a row of contiguous floats where it is; for 16-bit arrays, which never are, a row of `scratch`."""
    raise NotImplementedError("row_in_place runs in compiled code only")


@overload(row_in_place, jit_options={"fastmath": EXACT})
def _row_in_place(array, scratch, row):
    if array.dtype == types.uint16:
        return lambda array, scratch, row: scratch[0]
    return lambda array, scratch, row: array.reshape((array.shape[0], array.shape[1]))[row]


@compiled
def pair_like(array, high, low):
    """Return a float64 and its error as a pair of the floats that compute with `array`."""
    rounded = real_like(array, min(high, 1e38))
    return rounded, real_like(array, (high - np.float64(rounded)) + low)


@compiled
def scale_row(row, factor):
    """Multiply a row by a number."""
    use_wide_vectors()
    factor = real_like(row, factor)
    for k in range(row.size):
        row[k] *= factor


@compiled
def is_staged(array, mask):
    """Return whether rows must be copied to scratch memory before they can be computed with."""
    return array.shape[2] != 1 or array.itemsize == 2 or mask.size != 0


def transpose(
    source: Any, kind: int, row: int, height: int, width: int, target: Any, to_row: int, by_columns: bool
) -> Any:
    """Write rows `row...` of a matrix, transposed, to rows `to_row...` of another; for kernels only."""
    raise NotImplementedError("transpose runs in compiled code only")


@overload(transpose, jit_options={"fastmath": EXACT})
def _transpose(source, kind, row, height, width, target, to_row, by_columns):
    if source.dtype == types.uint16 or target.dtype == types.uint16:
        return _transpose_elements
    return _transpose_tiles


def _transpose_elements(source, kind, row, height, width, target, to_row, by_columns):
    for i in range(height):
        for j in range(width):
            value = decode(source[row + i, j], kind)
            target[to_row + j, i] = encode(value, target, kind)


def _transpose_tiles(source, kind, row, height, width, target, to_row, by_columns):
    if height < TILE or width < TILE:
        for i in range(height):
            for j in range(width):
                target[to_row + j, i] = source[row + i, j]
        return
    # The last tile of a row or column is moved back over its neighbour, so that it is whole.
    # Tiles go along the rows of the side in main memory, which is read or written in order then.
    for outer in range(0, width if by_columns else height, TILE):
        for inner in range(0, height if by_columns else width, TILE):
            i, j = (inner, outer) if by_columns else (outer, inner)
            i, j = min(i, height - TILE), min(j, width - TILE)
            transpose_tile(source, row + i, j, target, to_row + j, i)


@compiled
def load_lanes(source, mask, kind, first, count, lanes):
    """Copy `count` rows into the columns of `lanes`; a masked class becomes -inf."""
    use_wide_vectors()
    classes, inner = source.shape[1], source.shape[2]
    if inner == 1:
        transpose(source.reshape((source.shape[0], classes)), kind, first, count, classes, lanes, 0, False)
    else:
        filled = 0
        while filled < count:
            block, column = divmod(first + filled, inner)
            length = min(count - filled, inner - column)
            for k in range(classes):
                for b in range(length):
                    lanes[k, filled + b] = decode(source[block, k, column + b], kind)
            filled += length
    if mask.size != 0:
        for b in range(count):
            block, column = divmod(first + b, inner)
            for k in range(classes):
                if not mask[block, k, column]:
                    lanes[k, b] = -np.inf


@compiled
def store_lanes(lanes, kind, first, count, destination):
    """Copy `count` columns of `lanes` into rows."""
    use_wide_vectors()
    classes, inner = destination.shape[1], destination.shape[2]
    if inner == 1:
        transpose(lanes, kind, 0, classes, count, destination.reshape((destination.shape[0], classes)), first, True)
        return
    filled = 0
    while filled < count:
        block, column = divmod(first + filled, inner)
        length = min(count - filled, inner - column)
        for k in range(classes):
            for b in range(length):
                destination[block, k, column + b] = encode(lanes[k, filled + b], destination, kind)
        filled += length


@compiled
def load_rows(source, mask, kind, first, count, rows):
    """Copy `count` rows into the rows of `rows`; a masked class becomes -inf."""
    use_wide_vectors()
    classes, inner = source.shape[1], source.shape[2]
    if inner == 1:
        for b in range(count):
            for k in range(classes):
                rows[b, k] = decode(source[first + b, k, 0], kind)
    else:
        filled = 0
        while filled < count:
            block, column = divmod(first + filled, inner)
            length = min(count - filled, inner - column)
            for k in range(classes):
                for b in range(length):
                    rows[filled + b, k] = decode(source[block, k, column + b], kind)
            filled += length
    if mask.size != 0:
        for b in range(count):
            block, column = divmod(first + b, inner)
            for k in range(classes):
                if not mask[block, k, column]:
                    rows[b, k] = -np.inf


@compiled
def store_rows(rows, kind, first, count, destination):
    """Copy `count` rows of `rows` into rows of the destination."""
    use_wide_vectors()
    classes, inner = destination.shape[1], destination.shape[2]
    if inner == 1:
        for b in range(count):
            for k in range(classes):
                destination[first + b, k, 0] = encode(rows[b, k], destination, kind)
        return
    filled = 0
    while filled < count:
        block, column = divmod(first + filled, inner)
        length = min(count - filled, inner - column)
        for k in range(classes):
            for b in range(length):
                destination[block, k, column + b] = encode(rows[filled + b, k], destination, kind)
        filled += length


@compiled
def largest_of_row(values):
    """Return the largest value of a row with at least one; a NaN somewhere may or may not come out.

    A maximum of floats does not vectorise, one of their bits as signed integers does (8 times faster): it is the
    largest value unless all are negative, and then the smallest integer is.
    """
    use_wide_vectors()
    most = least = bits_of(values[0])
    for k in range(values.size):
        bits = bits_of(values[k])
        most = bits if bits > most else most
        least = bits if bits < least else least
    return number_of(most) if most >= 0 else number_of(least)


@compiled
def exponentials_of_row(values, anchor, high, low, exponentials):
    """Fill `exponentials` with `exp((values - anchor) / T)`; the two may be the same row."""
    use_wide_vectors()
    for k in range(values.size):
        exponentials[k] = exp_of_difference(values[k], anchor, high, low)


@reordered
def _sums_of_block(exponentials):
    """Return, in float64, the sum of exponentials and their sum without the largest terms, which are 1."""
    use_wide_vectors()
    total = below = 0.0
    for k in range(exponentials.size):
        exponential = np.float64(exponentials[k])
        total += exponential
        below += exponential if exponential < 1.0 else 0.0
    return total, below


@compiled
def _sums_of_row(exponentials):
    """Do what `_sums_of_block` does for a row of any length: blocks keep the rounding error within 2 ulp."""
    total = below = 0.0
    total_lost = below_lost = 0.0
    for start in range(0, exponentials.size, BLOCK):
        block_total, block_below = _sums_of_block(exponentials[start : start + BLOCK])
        total, lost = difference(total, -block_total)
        total_lost += lost
        below, lost = difference(below, -block_below)
        below_lost += lost
    return total + total_lost, below + below_lost


@reordered
def _sum_of_block(values):
    use_wide_vectors()
    total = 0.0
    for k in range(values.size):
        total += values[k]
    return total


@compiled
def sum_of(values):
    """Return the sum of finite float64 values within 2 ulp of the sum of their magnitudes."""
    total = total_lost = 0.0
    for start in range(0, values.size, BLOCK):
        total, lost = difference(total, -_sum_of_block(values[start : start + BLOCK]))
        total_lost += lost
    return total + total_lost


@compiled
def shift_row(values, high, low, exponentials):
    """Fill the exponentials of a row; return its anchor, the sum of all but one of its largest terms, and of all.

    The largest term is exactly 1 and stays out of the sum, so nothing is lost where the others are tiny; from a total
    of 2 or more it can be subtracted without loss. The anchor is the largest value. In a row of -inf alone it is 0,
    and so are the sums; NaN or +inf make the sums NaN.
    """
    largest = largest_of_row(values)
    anchor = real_like(values, 0.0) if largest == -np.inf else largest
    exponentials_of_row(values, anchor, high, low, exponentials)
    total, below = _sums_of_row(exponentials)
    total, rest = _checked_sums(np.float64(anchor), total, below)
    return np.float64(anchor), rest, total


@compiled
def _checked_sums(anchor, total, below):
    total = np.nan if anchor == np.inf else total
    return total, below if total < 2.0 else total - 1.0


@compiled
def shift_lanes(values, high, low, exponentials, anchor, rest, total):
    """Do for every column of `values` what `shift_row` does for a row."""
    use_wide_vectors()
    _anchors_of_lanes(values, anchor)
    for k in range(values.shape[0]):
        for b in range(LANES):
            exponentials[k, b] = exp_of_difference(values[k, b], anchor[b], high, low)
    _sums_of_lanes(exponentials, rest, total)
    for b in range(LANES):
        total[b], rest[b] = _checked_sums(np.float64(anchor[b]), total[b], rest[b])


@compiled
def _anchors_of_lanes(values, largest):
    """Fill `largest` with the largest value of each column, and 0 for a column of -inf alone."""
    use_wide_vectors()
    classes = values.shape[0]
    for b in range(LANES):
        largest[b] = values[0, b]
    for k in range(2, classes, 2):
        for b in range(LANES):
            one, other = values[k - 1, b], values[k, b]
            larger = one if one > other else other
            largest[b] = larger if larger > largest[b] else largest[b]
    if classes % 2 == 0:
        for b in range(LANES):
            largest[b] = values[classes - 1, b] if values[classes - 1, b] > largest[b] else largest[b]
    zero = real_like(values, 0.0)
    for b in range(LANES):
        largest[b] = zero if largest[b] == -np.inf else largest[b]


@compiled
def _sums_of_lanes(exponentials, rest, total):
    """Fill the sums, in float64 and class by class, of each column without and with its largest terms."""
    use_wide_vectors()
    classes = exponentials.shape[0]
    for b in range(LANES):
        rest[b] = total[b] = 0.0
    for k in range(1, classes, 2):
        for b in range(LANES):
            one, other = np.float64(exponentials[k - 1, b]), np.float64(exponentials[k, b])
            total[b] += one + other
            rest[b] += (one if one < 1.0 else 0.0) + (other if other < 1.0 else 0.0)
    if classes % 2 == 1:
        for b in range(LANES):
            one = np.float64(exponentials[classes - 1, b])
            total[b] += one
            rest[b] += one if one < 1.0 else 0.0
