"""What gives a mistaken input away, found with the fewest looks: a row that is as it should be ends the search.

These are read before the kernels of the losses, which stay as they are.
"""

from __future__ import annotations

import numpy as np

from logitwise.kernels.cpu.compiled import compiled, reordered, use_wide_vectors
from logitwise.kernels.cpu.rows import decode

NOTHING, PROBABILITIES, LOG_PROBABILITIES, PROBABILITIES_OF_COLUMNS = 0, 1, 2, 3
BATCH_OF_ONE_CLASS = 256  # rows: fewer are often of one class where another is rare
FEWEST_ROWS = 4  # that must agree: one row of logits may sum to 1 by chance
MOST_ROWS = 1024  # of which columns are looked at: a column is read across all rows
TOLERANCE, WIDE_TOLERANCE = 1e-3, 1e-2  # of a sum of 1, and where entries have sixteen bits


@compiled
def sign_of_logits(logits, kind):
    """Return what logits `(outer, classes, inner)` are instead, where all rows agree, or NOTHING.

    Probabilities lie in [0, 1] and sum to 1; log-probabilities are 0 or less and their exponentials sum to 1. Either
    is seen in one row, at the first entry in almost any logits.
    """
    rows = logits.shape[0] * logits.shape[2]
    if rows < FEWEST_ROWS:
        return NOTHING
    first = decode(logits[0, 0, 0], kind)
    if first <= 0.0 and decode(logits[0, 1, 0], kind) <= 0.0 and _are_log_probabilities(logits, kind):
        return LOG_PROBABILITIES
    if not 0.0 <= first <= 1.0:
        return NOTHING
    agreeing = _rows_of_probabilities(logits, kind)
    if agreeing == rows:
        return PROBABILITIES
    is_batch = agreeing == 0 and first > 0.0 and rows <= MOST_ROWS and logits.shape[2] == 1
    if is_batch and _are_probabilities_of_columns(logits, kind):
        return PROBABILITIES_OF_COLUMNS
    return NOTHING


@compiled
def _rows_of_probabilities(logits, kind):
    """Return how many rows, from the first on, lie in [0, 1] and sum to 1."""
    tolerance = WIDE_TOLERANCE if logits.itemsize == 2 else TOLERANCE
    rows = logits.shape[0] * logits.shape[2]
    for row in range(rows):
        block, place = row // logits.shape[2], row % logits.shape[2]
        total = 0.0
        for k in range(logits.shape[1]):
            value = np.float64(decode(logits[block, k, place], kind))
            total += value
            if not (0.0 <= value <= 1.0 and total <= 1.0 + tolerance):
                return row
        if total < 1.0 - tolerance:
            return row
    return rows


@compiled
def _are_log_probabilities(logits, kind):
    tolerance = WIDE_TOLERANCE if logits.itemsize == 2 else TOLERANCE
    for row in range(logits.shape[0] * logits.shape[2]):
        block, place = row // logits.shape[2], row % logits.shape[2]
        total = 0.0
        for k in range(logits.shape[1]):
            value = np.float64(decode(logits[block, k, place], kind))
            if not value <= 0.0:
                return False
            total += np.exp(value)
            if total > 1.0 + tolerance:
                return False
        if total < 1.0 - tolerance:
            return False
    return True


@compiled
def _are_probabilities_of_columns(logits, kind):
    tolerance = WIDE_TOLERANCE if logits.itemsize == 2 else TOLERANCE
    for k in range(logits.shape[1]):
        total = 0.0
        for row in range(logits.shape[0]):
            value = np.float64(decode(logits[row, k, 0], kind))
            total += value
            if not (0.0 <= value <= 1.0 and total <= 1.0 + tolerance):
                return False
        if total < 1.0 - tolerance:
            return False
    return True


@compiled
def faults_of_distribution(target, kind):
    """Return whether an entry of `(outer, classes, inner)` is negative or not finite, and the first row off 1.

    Returns:
        Whether there is such an entry; the first row that does not sum to 1, or -1; its sum; and how many there are.
    """
    tolerance = WIDE_TOLERANCE if target.itemsize == 2 else TOLERANCE
    bad, first, first_sum, off = 0, -1, 0.0, 0
    for row in range(target.shape[0] * target.shape[2]):
        block, place = row // target.shape[2], row % target.shape[2]
        wrong, total = _wrong_entries_and_sum(target[block, :, place], kind)
        bad += wrong
        if not abs(total - 1.0) <= tolerance:
            if off == 0:
                first, first_sum = row, total
            off += 1
    return bad != 0, first, first_sum, off


@reordered
def _wrong_entries_and_sum(row, kind):
    use_wide_vectors()
    wrong, total = 0, 0.0
    for k in range(row.size):
        value = np.float64(decode(row[k], kind))
        wrong += not 0.0 <= value < np.inf
        total += value
    return wrong, total
