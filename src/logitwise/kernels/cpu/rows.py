"""Rows of classes: how they are copied to and from scratch memory, and the pass that every softmax shares.

Arrays of logits are `(outer, classes, inner)` and C-contiguous; row r is `array[r // inner, :, r % inner]`. Where inner
is 1, as it mostly is, they are matrices: see `as_matrix`. There are two layouts of scratch memory. The number of
classes alone decides which arithmetic a row gets, so that its bits depend on nothing else:

- up to `FEW_CLASSES` classes: `LANES` rows side by side, `(classes, LANES)`, so that one vector instruction serves many
  rows;
- above: rows one after another, `(ROWS, classes)`; contiguous rows of float32 and float64 are used in place.

16-bit floats are stored as uint16 and computed with as float32; `encoding` says which of the two formats they have, and
is NATIVE for all other dtypes.
"""

from __future__ import annotations

import numpy as np
from numba import types

from logitwise.kernels.cpu.compiled import (
    CACHE_LINE,
    TILE,
    bits_of,
    by_type,
    compiled,
    fill,
    from_bfloat16,
    from_float16,
    keep,
    matrix_of,
    new_matrix,
    new_row,
    number_of,
    on_stack,
    on_stack_like,
    prefetch,
    prefetch_to_write,
    stack_of,
    sums_apart_from_ones,
    to_bfloat16,
    to_float16,
    transpose_scaled_tile,
    transpose_tile,
    use_wide_vectors,
    view_of,
)
from logitwise.kernels.cpu.float64 import EXCESS, add, excess_exp
from logitwise.kernels.cpu.vector import difference, exp_of_difference

NATIVE, FLOAT16, BFLOAT16 = 0, 1, 2
FEW_CLASSES = 160  # with more, a row at a time is faster out of the cache, and up to 15% slower in it
LANES = 64
STRIDE = LANES + 16  # a power of two would crowd a column of classes into a few sets of the cache
ROWS = 16
FEW_TERMS = 8  # of a column: as many are added one by one
BLOCK = 1024  # terms of a row: sums of as many are added up with their rounding errors


def many_or_none(classes: int) -> bool | None:
    """Return True above FEW_CLASSES and None up to there, for kernels that branch on `many is None`.

    Numba drops a branch that the None (or its absence) rules out, so that a call compiles only the code for its own
    number of classes; either half takes seconds.
    """
    return True if classes > FEW_CLASSES else None


def tile_of(many: bool | None) -> int:
    """Return how many rows a kernel computes at a time, whether they are one or LANES: see `many_or_none`."""
    return LANES if many is None else 1


def as_matrix(array: np.ndarray) -> np.ndarray:
    """Return `(outer, classes, 1)` as a matrix, for which a call compiles no code for rows that lie side by side.

    So is an array without elements, which stands for the gradient where none is asked for.
    """
    if array.ndim == 3 and (array.shape[2] == 1 or not array.size):
        return array.reshape(array.shape[0] if array.size else 0, array.shape[1])
    return array


@by_type
def inner_of(array):
    """Return how many rows lie side by side in each block."""
    if array.ndim == 2:
        return lambda array: 1
    return lambda array: array.shape[2]


@by_type
def first_rows(array, rows):
    """Return the first rows of a matrix, or blocks of a stack; a slice would take a tenth of a second to compile."""
    if array.ndim == 2:
        return lambda array, rows: matrix_of(array, rows, array.shape[1])
    return lambda array, rows: stack_of(array, rows, array.shape[1], array.shape[2])


@by_type
def put(array, row, k, value):
    """Set the element of a row at class k."""
    if array.ndim == 2:
        return _put_in_matrix
    return _put_in_stack


def _put_in_matrix(array, row, k, value):
    array[row, k] = value


def _put_in_stack(array, row, k, value):
    block, column = divmod(row, array.shape[2])
    array[block, k, column] = value


@by_type
def decode(stored, encoding):
    """Return the value of a stored element."""
    if stored != types.uint16:
        return lambda stored, encoding: stored
    return lambda stored, encoding: from_float16(stored) if encoding == FLOAT16 else from_bfloat16(stored)


@by_type
def encode(value, array, encoding):
    """Return `value` as the elements of `array` are stored, rounded once, to nearest even."""
    if array.dtype == types.uint16:
        return lambda value, array, encoding: (
            to_float16(to_odd(value)) if encoding == FLOAT16 else to_bfloat16(to_odd(value))
        )
    real = np.float32 if array.dtype == types.float32 else np.float64
    return lambda value, array, encoding: real(value)


@by_type
def to_odd(value):
    """Return a float as a float32 from which it can be rounded on to 16 bits as if it had never been one.

    Where float32 has not the number itself, the result is the one of its two neighbours whose last bit is 1: no tie of
    16 bits, and on the right side of each.
    """
    if value == types.float64:
        return _to_odd
    return lambda value: np.float32(value)


def _to_odd(value):
    nearest = np.float32(value)
    lost, bits = value - np.float64(nearest), bits_of(nearest)
    outwards = (lost > 0.0) == (value > 0.0)
    is_even_and_off = (lost > 0.0 or lost < 0.0) and bits & 1 == 0
    return number_of(np.int32(bits + (1 if outwards else -1))) if is_even_and_off else nearest


@by_type
def staged(value, array):
    """Return a float64 as the dtype that `array` is computed in, so that it can be rounded on to that of `array`."""
    if array.dtype == types.uint16:
        return lambda value, array: to_odd(value)
    return lambda value, array: real_like(array, value)


@by_type
def real_like(array, value):
    """Return `value` as a float of the dtype that `array` is computed in."""
    real = np.float64 if array.dtype == types.float64 else np.float32
    return lambda array, value: real(value)


@by_type
def scratch_like(array, shape):
    """Return an uninitialised matrix of the dtype that `array` is computed in."""
    real = np.float64 if array.dtype == types.float64 else np.float32
    return lambda array, shape: new_matrix(shape[0], shape[1], real(0.0))


@by_type
def row_like(array, count):
    """Return an uninitialised row of the dtype that `array` is computed in."""
    real = np.float64 if array.dtype == types.float64 else np.float32
    return lambda array, count: new_row(count, real(0.0))


@by_type
def row_in_place(array, scratch, row):
    """Return a view of a contiguous row of floats; a row of 16-bit floats must be decoded: a view of `scratch`."""
    if array.dtype == types.uint16:
        return lambda array, scratch, row: view_of(scratch, 0, scratch.shape[1])
    return lambda array, scratch, row: row_of(array, row)


@compiled
def row_of(array, row):
    """Return a row of an array whose rows are contiguous, as it is stored."""
    return view_of(array, row * array.shape[1], array.shape[1])


@compiled
def pair_like(array, high, low):
    """Return a float64 and its error as a pair of floats of the dtype that `array` is computed in."""
    rounded = real_like(array, high)
    return rounded, real_like(array, (high - np.float64(rounded)) + low)


@compiled
def scale_row(row, factor):
    """Multiply a row by a number, in place."""
    use_wide_vectors()
    factor = real_like(row, factor)
    for k in range(row.size):
        row[k] *= factor


@compiled
def scale_into(exponentials, factor, encoding, result):
    """Fill a row of the result with `factor` times another row."""
    use_wide_vectors()
    factor = real_like(exponentials, factor)
    for k in range(exponentials.size):
        result[k] = encode(exponentials[k] * factor, result, encoding)


@compiled
def stage_row(row, destination, stage):
    """Copy a row of float64 to its stage, from where `store_rows` or `store_lanes` copies it to `destination`."""
    use_wide_vectors()
    for k in range(row.size):
        stage[k] = staged(row[k], destination)


@compiled
def is_staged(array, mask):
    """Return whether rows must be copied to scratch memory before they can be computed."""
    return inner_of(array) != 1 or array.itemsize == 2 or _has_rows(mask)


@by_type
def _has_rows(mask):
    """Return whether there is a mask: neither None nor one of no rows."""
    if mask is types.none:
        return lambda mask: False
    return lambda mask: mask.size != 0


@by_type
def read_tile(source, encoding, first, count, lanes):
    """Copy `count` contiguous rows into the columns of `lanes`."""
    if source.dtype == types.uint16:
        return _read_tile_of_16_bits
    return lambda source, encoding, first, count, lanes: transpose_rectangle(
        matrix_of(source, source.shape[0], source.shape[1]), (first, 0), (count, source.shape[1]), lanes, (0, 0)
    )


def _read_tile_of_16_bits(source, encoding, first, count, lanes):
    rows = new_matrix(count, source.shape[1], np.float32(0.0))
    decode_elements(view_of(source, first * source.shape[1], rows.size), encoding, view_of(rows, 0, rows.size))
    transpose_rectangle(rows, (0, 0), rows.shape, lanes, (0, 0))


@compiled
def decode_elements(stored, encoding, values):
    """Fill `values` with the values of stored elements."""
    use_wide_vectors()
    for i in range(stored.size):
        values[i] = decode(stored[i], encoding)


@by_type
def write_tile(lanes, factor, encoding, first, count, destination):
    """Copy `count` columns of `lanes`, each times its factor, into contiguous rows."""
    if destination.dtype == types.uint16:
        return _write_tile_of_16_bits
    return lambda lanes, factor, encoding, first, count, destination: transpose_from_lanes(
        lanes, factor, count, matrix_of(destination, destination.shape[0], destination.shape[1]), first
    )


def _write_tile_of_16_bits(lanes, factor, encoding, first, count, destination):
    rows = new_matrix(count, destination.shape[1], np.float32(0.0))
    transpose_from_lanes(lanes, factor, count, rows, 0)
    stored = view_of(destination, first * destination.shape[1], rows.size)
    scale_into(view_of(rows, 0, rows.size), 1.0, encoding, stored)
    keep(rows)


@compiled
def transpose_from_lanes(lanes, factor, count, rows, first):
    """Copy `count` columns of `lanes`, each times its factor, into rows of a matrix, tile by tile along the rows."""
    classes = lanes.shape[0]
    if count < TILE or classes < TILE:
        for i in range(count):
            for k in range(classes):
                rows[first + i, k] = lanes[k, i] * factor[i]
        return
    for row in range(0, count, TILE):
        for column in range(0, classes, TILE):
            i, k = min(row, count - TILE), min(column, classes - TILE)
            transpose_scaled_tile(lanes, k, i, rows, first + i, k, factor)


@by_type
def load_lanes(source, mask, encoding, first, count, lanes):
    """Copy `count` rows into the columns of `lanes`; a class masked by `mask`, if it is not None, becomes -inf."""
    load = read_tile if source.ndim == 2 else _load_lanes
    if mask is types.none:
        return lambda source, mask, encoding, first, count, lanes: load(source, encoding, first, count, lanes)

    def implementation(source, mask, encoding, first, count, lanes):
        load(source, encoding, first, count, lanes)
        _hide_lanes(mask, inner_of(source), first, count, lanes)

    return implementation


@compiled
def _load_lanes(source, encoding, first, count, lanes):
    use_wide_vectors()
    classes, inner = source.shape[1], source.shape[2]
    if inner == 1:
        read_tile(source, encoding, first, count, lanes)
        return
    filled = 0
    while filled < count:
        block, column = divmod(first + filled, inner)
        length = min(count - filled, inner - column)
        for k in range(classes):
            segment = view_of(source, (block * classes + k) * inner + column, length)
            decode_elements(segment, encoding, view_of(lanes, k * lanes.shape[1] + filled, length))
        filled += length


@compiled
def _hide_lanes(mask, inner, first, count, lanes):
    if mask.size != 0:
        for b in range(count):
            block, column = divmod(first + b, inner)
            for k in range(lanes.shape[0]):
                if not mask[block, k, column]:
                    lanes[k, b] = -np.inf


@by_type
def store_lanes(lanes, factor, encoding, first, count, destination):
    """Copy `count` columns of `lanes`, each times its factor, into rows."""
    store = write_tile if destination.ndim == 2 else _store_lanes
    return lambda lanes, factor, encoding, first, count, destination: store(
        lanes, factor, encoding, first, count, destination
    )


@compiled
def _store_lanes(lanes, factor, encoding, first, count, destination):
    use_wide_vectors()
    classes, inner = destination.shape[1], destination.shape[2]
    if inner == 1:
        write_tile(lanes, factor, encoding, first, count, destination)
        return
    filled = 0
    while filled < count:
        block, column = divmod(first + filled, inner)
        length = min(count - filled, inner - column)
        for k in range(classes):
            segment = view_of(destination, (block * classes + k) * inner + column, length)
            lane = view_of(lanes, k * lanes.shape[1] + filled, length)
            _encode_products(lane, view_of(factor, filled, length), encoding, segment)
        filled += length


@compiled
def _encode_products(values, factors, encoding, stored):
    use_wide_vectors()
    for i in range(stored.size):
        stored[i] = encode(values[i] * factors[i], stored, encoding)


@by_type
def read_across(source, encoding, block, column, length, rows, filled):
    """Copy `length` rows that lie side by side, from `column` of a block on, to the rows from `filled` on."""
    if source.dtype == types.uint16:
        return _read_across_16_bits
    return lambda source, encoding, block, column, length, rows, filled: transpose_rectangle(
        matrix_of(source, source.shape[0] * source.shape[1], source.shape[2]),
        (block * source.shape[1], column), (source.shape[1], length), rows, (filled, 0),
    )  # fmt: skip


def _read_across_16_bits(source, encoding, block, column, length, rows, filled):
    for k in range(source.shape[1]):
        for b in range(length):
            rows[filled + b, k] = decode(source[block, k, column + b], encoding)


@by_type
def write_across(rows, filled, encoding, block, column, length, destination):
    """Copy the `length` rows from `filled` on to rows that lie side by side, from `column` of a block on."""
    if destination.dtype == types.uint16:
        return _write_across_16_bits
    return lambda rows, filled, encoding, block, column, length, destination: transpose_rectangle(
        rows, (filled, 0), (length, destination.shape[1]),
        matrix_of(destination, destination.shape[0] * destination.shape[1], destination.shape[2]),
        (block * destination.shape[1], column),
    )  # fmt: skip


def _write_across_16_bits(rows, filled, encoding, block, column, length, destination):
    for k in range(destination.shape[1]):
        for b in range(length):
            destination[block, k, column + b] = encode(rows[filled + b, k], destination, encoding)


@compiled
def transpose_rectangle(source, corner, shape, target, to_corner):
    """Write the transpose of the rectangle of a matrix that begins at a corner into another matrix, tile by tile."""
    (top, left), (height, width), (to_top, to_left) = corner, shape, to_corner
    if height < TILE or width < TILE:
        for i in range(height):
            for j in range(width):
                target[to_top + j, to_left + i] = source[top + i, left + j]
        return
    # The last tile of a row or column overlaps its neighbour where it would not be whole otherwise.
    for row in range(0, height, TILE):
        for column in range(0, width, TILE):
            i, j = min(row, height - TILE), min(column, width - TILE)
            transpose_tile(source, top + i, left + j, target, to_top + j, to_left + i)


@by_type
def load_rows(source, mask, encoding, first, count, rows):
    """Copy `count` rows of the source, from `first` on, into `rows`; `mask` as in `load_lanes`."""
    load = _load_rows_of_matrix if source.ndim == 2 else _load_rows
    if mask is types.none:
        return lambda source, mask, encoding, first, count, rows: load(source, encoding, first, count, rows)

    def implementation(source, mask, encoding, first, count, rows):
        load(source, encoding, first, count, rows)
        _hide_in_rows(mask, inner_of(source), first, count, rows)

    return implementation


@compiled
def _load_rows_of_matrix(source, encoding, first, count, rows):
    classes = source.shape[1]
    for b in range(count):
        decode_elements(row_of(source, first + b), encoding, view_of(rows, b * classes, classes))


@compiled
def _load_rows(source, encoding, first, count, rows):
    use_wide_vectors()
    inner = source.shape[2]
    if inner == 1:
        _load_rows_of_matrix(source, encoding, first, count, rows)
        return
    filled = 0
    while filled < count:
        block, column = divmod(first + filled, inner)
        length = min(count - filled, inner - column)
        read_across(source, encoding, block, column, length, rows, filled)
        filled += length


@compiled
def _hide_in_rows(mask, inner, first, count, rows):
    if mask.size != 0:
        for b in range(count):
            block, column = divmod(first + b, inner)
            for k in range(rows.shape[1]):
                if not mask[block, k, column]:
                    rows[b, k] = -np.inf


@compiled
def load_mask_lanes(mask, inner, first, count, taken):
    """Copy the mask of `count` rows, `(1 or outer, classes, 1 or inner)`, into the columns of `taken`."""
    for b in range(count):
        block, column = _place_in_mask(mask, inner, first + b)
        for k in range(taken.shape[0]):
            taken[k, b] = mask[block, k, column]


@compiled
def load_mask_row(mask, inner, row, taken):
    """Copy the mask of a row into `taken`; `mask` as in `load_mask_lanes`."""
    use_wide_vectors()
    block, column = _place_in_mask(mask, inner, row)
    for k in range(taken.size):
        taken[k] = mask[block, k, column]


@compiled
def _place_in_mask(mask, inner, row):
    """Return the block and the column of a row; a mask of length 1 is the same for all of them."""
    block, column = divmod(row, inner)
    return (block if mask.shape[0] > 1 else 0), (column if mask.shape[2] > 1 else 0)


@compiled
def fill_masked(values, taken, number):
    """Set the elements that are not taken to a number, in a row or in lanes."""
    use_wide_vectors()
    number = real_like(values, number)
    flat, flat_taken = view_of(values, 0, values.size), view_of(taken, 0, taken.size)
    for i in range(flat.size):
        flat[i] = flat[i] if flat_taken[i] else number


@compiled
def count_taken(taken):
    """Return how many elements of a row are taken; 1 where none is, to divide by."""
    count = 0
    for k in range(taken.size):
        count += taken[k]
    return max(count, 1)


@by_type
def store_rows(rows, encoding, first, count, destination):
    """Copy `count` rows of `rows` into the destination, from its row `first` on."""
    store = _store_rows_of_matrix if destination.ndim == 2 else _store_rows
    return lambda rows, encoding, first, count, destination: store(rows, encoding, first, count, destination)


@compiled
def _store_rows_of_matrix(rows, encoding, first, count, destination):
    classes = destination.shape[1]
    for b in range(count):
        scale_into(view_of(rows, b * classes, classes), 1.0, encoding, row_of(destination, first + b))


@compiled
def _store_rows(rows, encoding, first, count, destination):
    use_wide_vectors()
    inner = destination.shape[2]
    if inner == 1:
        _store_rows_of_matrix(rows, encoding, first, count, destination)
        return
    filled = 0
    while filled < count:
        block, column = divmod(first + filled, inner)
        length = min(count - filled, inner - column)
        write_across(rows, filled, encoding, block, column, length, destination)
        filled += length


@compiled
def largest_of_row(values):
    """Return the largest value of a row that is not empty; where there are NaNs, the result may or may not be one.

    A maximum of floats does not vectorise; that of their bits, read as signed integers, does (8 times faster). The
    largest integer is the largest float, unless all floats are negative: then the smallest integer is.
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
    """Fill `exponentials`, another row than `values`, with `exp((values - anchor) / T)`."""
    use_wide_vectors()
    for k in range(values.size):
        exponentials[k] = exp_of_difference(values[k], anchor, high, low)


@compiled
def sums_of_block(exponentials):
    """Return the sum of those of up to `BLOCK` exponentials that are not 1, in float64, and how many are 1.

    The order of the additions is written out, so that it does not depend on the processor, and few terms are added one
    after another: in a row of equal terms all rounding errors have the same sign, and n terms added one by one may be
    n / 4 ulp off.
    """
    use_wide_vectors()
    return sums_apart_from_ones(exponentials)


@compiled
def _sum_of_lanes(sums):
    """Return the sum of `LANES` numbers, added in pairs; the array is overwritten."""
    use_wide_vectors()
    lanes = matrix_of(sums, 8, 8)
    for i in range(8):
        low = (lanes[0, i] + lanes[1, i]) + (lanes[2, i] + lanes[3, i])
        sums[i] = low + ((lanes[4, i] + lanes[5, i]) + (lanes[6, i] + lanes[7, i]))
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))


@compiled
def sum_of_block(values, sums):
    """Return the sum of up to `BLOCK` float64 values, added as a matrix of LANES columns; `sums` is scratch memory."""
    use_wide_vectors()
    fill(sums, 0.0)
    rows = values.size // LANES
    lanes = matrix_of(values, rows, LANES)
    for k in range(3, rows, 4):
        for i in range(LANES):
            sums[i] += (lanes[k - 3, i] + lanes[k - 2, i]) + (lanes[k - 1, i] + lanes[k, i])
    for start in range(rows // 4 * 4 * LANES, values.size, LANES):
        rest = view_of(values, start, min(LANES, values.size - start))
        for i in range(rest.size):
            sums[i] += rest[i]
    return _sum_of_lanes(sums)


@compiled
def sum_of(values):
    """Return the sum of float64 values, in a fixed order, within 4 ulp of the sum of their magnitudes.

    The rounding errors of adding up the blocks are added at the end. An infinite sum stays infinite.
    """
    sums = on_stack(LANES, 0.0)
    total = lost = 0.0
    for start in range(0, values.size, BLOCK):
        block = view_of(values, start, min(BLOCK, values.size - start))
        total, lost = add_block(total, lost, block, sums)
    return with_lost(total, lost)


@compiled
def add_block(total, lost, values, sums):
    """Return `total` plus the sum of a block, and `lost` plus the rounding error of that addition: see `with_lost`."""
    total, error = difference(total, -sum_of_block(values, sums))
    return total, lost + error


@compiled
def with_lost(total, lost):
    """Return a sum plus the rounding errors that it lost; those are NaN where the sum is infinite, and left out."""
    return total + lost if np.isfinite(total) else total


@compiled
def shift_row(values, high, low, exponentials):
    """Fill the exponentials of a row; return its anchor, their sum without one of the largest, and their sum.

    The anchor is the largest value. Its term is exactly 1 and stays out of the first sum, so nothing is lost where the
    others are tiny. In a row of -inf alone, the anchor and both sums are 0; NaN or +inf make the sums NaN. Blocks are
    summed while they are in the cache, which keeps the rounding error within 2 ulp. Where the exponentials are not
    needed, `exponentials` may be as short as a block.
    """
    largest = largest_of_row(values)
    anchor = real_like(values, 0.0) if largest == -np.inf else largest
    below = below_lost = ones = 0.0
    for start in range(0, values.size, BLOCK):
        count = min(BLOCK, values.size - start)
        block = view_of(exponentials, start if exponentials.size == values.size else 0, count)
        exponentials_of_row(view_of(values, start, count), anchor, high, low, block)
        block_below, block_ones = sums_of_block(block)
        below, lost = difference(below, -block_below)
        below_lost += lost
        ones += block_ones
    rest, total = rest_and_total(below + below_lost, ones)
    if rest < values.size * _smallest_normal(values):
        rest = _rest_of_subnormals(values, anchor, high, low)
    return np.float64(anchor), rest, total


@compiled
def rest_and_total(below, ones):
    """Return the sum without one of the `ones` largest terms, each of which is 1, and the sum of all terms."""
    return below + (ones - 1.0 if ones > 0.0 else 0.0), below + ones


@by_type
def _smallest_normal(array):
    """Return the smallest normal number of the dtype that `array` is computed in."""
    smallest = 2.0**-1022 if array.dtype == types.float64 else 2.0**-126
    return lambda array: smallest


@by_type
def _lowest_exponent(array):
    """Return the exponent of the powers of two that are too small to change a sum of them: 2^40 of them are."""
    lowest = -1122.0 if array.dtype == types.float64 else -226.0
    return lambda array: lowest


@compiled
def _rest_of_subnormals(values, anchor, high, low):
    """Return the sum of the exponentials of a row without its largest, for a row in which they are next to nothing.

    In their own dtype each would be rounded to a multiple of the smallest number. In float64 with an excess factor they
    keep their digits. Such rows are rare, so this loop is short rather than fast; a class that is too far away to count
    costs two comparisons.
    """
    anchor, high, low = np.float64(anchor), np.float64(high), np.float64(low)
    factor, lost = difference(high, -low)
    lowest = _lowest_exponent(values) / factor
    total = total_lost = 0.0
    for k in range(values.size):
        distance, error = difference(np.float64(values[k]), anchor)
        if lowest < distance < 0.0:
            term = excess_exp(True, distance, error, factor, lost)
            total, total_lost = add(True, total, total_lost, term)
    return (total + total_lost) / EXCESS


@compiled
def shift_lanes(values, high, low, exponentials, anchor, rest, total, source, result, row):
    """Fill, for every column of `values`, what `shift_row` fills and returns for a row.

    Tiles are read and written in a pattern that the processor does not predict. So while a tile is computed, the rows
    of `source` after it are prefetched, and the rows of `result`, from `row` on, that it will be written to.
    """
    use_wide_vectors()
    anchors_of_lanes(values, anchor)
    if inner_of(source) == 1 and result.size:
        _exponentials_of_lanes(values, anchor, high, low, exponentials, source, result, row)
    else:
        for k in range(values.shape[0]):
            for b in range(LANES):
                exponentials[k, b] = exp_of_difference(values[k, b], anchor[b], high, low)
    ones = on_stack_like(LANES, values)
    _sums_of_lanes(exponentials, rest, ones)
    smallest, subnormal = values.shape[0] * _smallest_normal(values), 0
    for b in range(LANES):
        rest[b], total[b] = rest_and_total(rest[b], np.float64(ones[b]))
    for b in range(LANES):
        subnormal += rest[b] < smallest
    if subnormal:
        for b in range(LANES):
            if rest[b] < smallest:
                rest[b] = _rest_of_subnormals(values[:, b], anchor[b], high, low)


@compiled
def _exponentials_of_lanes(values, anchor, high, low, exponentials, source, result, row):
    use_wide_vectors()
    classes = values.shape[0]
    for k in range(classes):
        for b in range(LANES):
            exponentials[k, b] = exp_of_difference(values[k, b], anchor[b], high, low)
        position = row * classes + k * LANES
        for ahead in range(0, LANES, CACHE_LINE // source.itemsize):
            prefetch(source, position + LANES * classes + ahead)
        for ahead in range(0, LANES, CACHE_LINE // result.itemsize):
            prefetch_to_write(result, position + ahead)


@compiled
def anchors_of_lanes(values, largest):
    """Fill `largest` with the largest value of each column; 0 for a column of -inf alone."""
    use_wide_vectors()
    classes = values.shape[0]
    for b in range(LANES):
        largest[b] = values[0, b]
    for k in range(4, classes, 4):
        for b in range(LANES):
            low = larger_of(values[k - 3, b], values[k - 2, b])
            high = larger_of(values[k - 1, b], values[k, b])
            largest[b] = larger_of(larger_of(low, high), largest[b])
    for k in range(classes - (classes - 1) % 4, classes):
        for b in range(LANES):
            largest[b] = larger_of(values[k, b], largest[b])
    zero = real_like(values, 0.0)
    for b in range(LANES):
        largest[b] = zero if largest[b] == -np.inf else largest[b]


@compiled
def larger_of(a, b):
    """Return the larger of two numbers, by one instruction; `b` where either is NaN."""
    return a if a > b else b


@compiled
def _sums_of_lanes(exponentials, below, ones):
    """Fill, for each column, the sum of the exponentials that are not 1, and how many are 1.

    Pairs are added in their own dtype first, as in `sums_of_block`; then the sums of `FEW_TERMS` terms are added up,
    and the rounding errors of that are added at the end.
    """
    use_wide_vectors()
    zero, one = real_like(exponentials, 0.0), real_like(exponentials, 1.0)
    classes = exponentials.shape[0]
    partial, lost = on_stack(LANES, 0.0), on_stack(LANES, 0.0)
    fill(lost, 0.0)
    fill(below, 0.0)
    fill(ones, 0.0)
    for start in range(0, classes, FEW_TERMS):
        fill(partial, 0.0)
        for k in range(start + 1, min(start + FEW_TERMS, classes), 2):
            for i in range(LANES):
                first, second = exponentials[k - 1, i], exponentials[k, i]
                partial[i] += np.float64((zero if first == one else first) + (zero if second == one else second))
                ones[i] += (one if first == one else zero) + (one if second == one else zero)
        add_to_sums(partial, below, lost)
    if classes % 2 == 1:
        for i in range(LANES):
            last = exponentials[classes - 1, i]
            below[i] += np.float64(zero if last == one else last)
            ones[i] += one if last == one else zero
    for i in range(LANES):
        below[i] += lost[i]


@compiled
def add_to_sums(partial, totals, lost):
    """Add a partial sum to the total of every column; the rounding error is added to `lost`, see `with_lost`."""
    use_wide_vectors()
    for i in range(LANES):
        totals[i], error = difference(totals[i], -partial[i])
        lost[i] += error
