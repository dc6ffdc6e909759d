"""Searches for signs of wrong inputs, before the kernels of the losses; the first row without a sign ends a search."""

from __future__ import annotations

import numpy as np

from logitwise.kernels.cpu.compiled import compiled, reordered, use_wide_vectors
from logitwise.kernels.cpu.rows import decode, row_of

LOGITS, PROBABILITIES, LOG_PROBABILITIES, PROBABILITIES_OF_COLUMNS = 0, 1, 2, 3
SMALLEST_SQUARE = 8  # classes: in a smaller square, either axis may fit the target by chance
COLUMNS_SEARCHED = 64  # of a large square: reading a column takes as many cache lines as it has rows
FEWEST_ROWS = 4  # that must agree: a single row of logits may sum to 1 by chance
MOST_ROWS = 1024  # of a batch whose columns are summed: a column is read across all rows
LARGEST = np.finfo(np.float64).max
TOLERANCE, WIDE_TOLERANCE = 1e-3, 1e-2  # of a sum that should be 1; the wide one is for 16-bit entries


@compiled
def apparent_content(logits, encoding):
    """Return what `(outer, classes, inner)` appears to hold: LOGITS, unless all rows look like something else.

    Probabilities lie in [0, 1] and sum to 1; log-probabilities are 0 or less, and their exponentials sum to 1. Most
    logits are told from either by their first row, often by its first entry.
    """
    rows = logits.shape[0] * logits.shape[2]
    if rows < FEWEST_ROWS:
        return LOGITS
    first = decode(logits[0, 0, 0], encoding)
    if first <= 0.0 and decode(logits[0, 1, 0], encoding) <= 0.0 and _are_log_probabilities(logits, encoding):
        return LOG_PROBABILITIES
    if not 0.0 <= first <= 1.0:
        return LOGITS
    agreeing = _rows_of_probabilities(logits, encoding)
    if agreeing == rows:
        return PROBABILITIES
    is_batch = agreeing == 0 and first > 0.0 and rows <= MOST_ROWS and logits.shape[2] == 1
    if is_batch and _are_probabilities_of_columns(logits, encoding):
        return PROBABILITIES_OF_COLUMNS
    return LOGITS


@compiled
def may_be_no_logits(logits, encoding):
    """Return whether the first row or the first column of a matrix looks like something else than logits.

    Where neither does, `apparent_content` is LOGITS. This takes a quarter of the time to compile, for small calls.
    """
    rows, classes = logits.shape
    if rows < FEWEST_ROWS:
        return False
    tolerance = WIDE_TOLERANCE if logits.itemsize == 2 else TOLERANCE
    first = np.float64(decode(logits[0, 0], encoding))
    column = 0.0
    for row in range(rows if 0.0 < first <= 1.0 and rows <= MOST_ROWS else 0):
        value = np.float64(decode(logits[row, 0], encoding))
        column += value if 0.0 <= value <= 1.0 else np.inf
        if column > 1.0 + tolerance:
            break
    probability, from_logarithm = 0.0, 0.0
    for k in range(classes):
        value = np.float64(decode(logits[0, k], encoding))
        probability += value if 0.0 <= value <= 1.0 else np.inf
        from_logarithm += np.exp(value) if value <= 0.0 else np.inf
        if probability > 1.0 + tolerance and from_logarithm > 1.0 + tolerance:
            break
    return (
        abs(column - 1.0) <= tolerance or abs(probability - 1.0) <= tolerance or abs(from_logarithm - 1.0) <= tolerance
    )


@compiled
def _rows_of_probabilities(logits, encoding):
    """Return how many rows, counted from the first up to one that does not, lie in [0, 1] and sum to 1."""
    tolerance = WIDE_TOLERANCE if logits.itemsize == 2 else TOLERANCE
    rows = logits.shape[0] * logits.shape[2]
    for row in range(rows):
        block, place = row // logits.shape[2], row % logits.shape[2]
        total = 0.0
        for k in range(logits.shape[1]):
            value = np.float64(decode(logits[block, k, place], encoding))
            total += value
            if not (0.0 <= value <= 1.0 and total <= 1.0 + tolerance):
                return row
        if total < 1.0 - tolerance:
            return row
    return rows


@compiled
def _are_log_probabilities(logits, encoding):
    tolerance = WIDE_TOLERANCE if logits.itemsize == 2 else TOLERANCE
    for row in range(logits.shape[0] * logits.shape[2]):
        block, place = row // logits.shape[2], row % logits.shape[2]
        total = 0.0
        for k in range(logits.shape[1]):
            value = np.float64(decode(logits[block, k, place], encoding))
            if not value <= 0.0:
                return False
            total += np.exp(value)
            if total > 1.0 + tolerance:
                return False
        if total < 1.0 - tolerance:
            return False
    return True


@compiled
def _are_probabilities_of_columns(logits, encoding):
    tolerance = WIDE_TOLERANCE if logits.itemsize == 2 else TOLERANCE
    for k in range(logits.shape[1]):
        total = 0.0
        for row in range(logits.shape[0]):
            value = np.float64(decode(logits[row, k, 0], encoding))
            total += value
            if not (0.0 <= value <= 1.0 and total <= 1.0 + tolerance):
                return False
        if total < 1.0 - tolerance:
            return False
    return True


@compiled
def may_be_transposed(logits, encoding, target):
    """Return whether a matrix is a square, whose axes may be confused, and its class indices may be those of columns.

    Where it is False, nothing suggests that the classes are on the other axis: too few indices are those of the largest
    in their columns, as the first few columns mostly tell.
    """
    if not logits.shape[0] == logits.shape[1] >= SMALLEST_SQUARE:
        return False
    rows = logits.shape[0]
    step = max(1, rows // COLUMNS_SEARCHED)
    used = 0
    for b in range(0, rows, step):
        used += 0 <= target[b] < rows
    most = 2 * used if step == 1 else 5 * used  # of ten: some columns tell less than all of them
    misses = 0
    for b in range(0, rows, step):
        if not 0 <= target[b] < rows:
            continue
        best, largest = 0, np.float64(decode(logits[0, b], encoding))
        for k in range(1, rows):
            value = np.float64(decode(logits[k, b], encoding))
            if value > largest:
                best, largest = k, value
        misses += best != target[b]
        if 10 * misses > most:
            return False
    return True


@compiled
def faults_of_distribution(target, encoding):
    """Return what is wrong with distributions `(outer, classes, inner)`.

    Returns:
        Whether an entry is negative or not finite; the first row that does not sum to 1, or -1; the sum of that row;
        and the number of such rows.
    """
    tolerance = WIDE_TOLERANCE if target.itemsize == 2 else TOLERANCE
    bad, first, first_sum, off = 0, -1, 0.0, 0
    for row in range(target.shape[0] * target.shape[2]):
        block, place = row // target.shape[2], row % target.shape[2]
        wrong, total = _wrong_entries_and_sum(target[block, :, place], encoding, 0.0, LARGEST)
        bad += wrong
        if not abs(total - 1.0) <= tolerance:
            if off == 0:
                first, first_sum = row, total
            off += 1
    return bad != 0, first, first_sum, off


@compiled
def sums_of_rows(rows, encoding, low, high, sums):
    """Fill the sums of rows `(rows, classes)`; NaN for a row with an entry outside of [low, high], or NaN itself."""
    for row in range(rows.shape[0]):
        wrong, total = _wrong_entries_and_sum(row_of(rows, row), encoding, low, high)
        sums[row] = np.nan if wrong else total


@reordered
def _wrong_entries_and_sum(row, encoding, low, high):
    use_wide_vectors()
    wrong, total = 0, 0.0
    for k in range(row.size):
        value = np.float64(decode(row[k], encoding))
        wrong += not low <= value <= high
        total += value
    return wrong, total
