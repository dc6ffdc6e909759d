"""Softmax, log-softmax and logsumexp of rows of classes."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import carray  # pyright: ignore[reportPrivateImportUsage]

from logitwise.kernels.cpu.compiled import (
    compiled,
    fill,
    multiply_add,
    on_stack,
    on_stack_like,
    pointer_to,
    shares_memory,
    use_wide_vectors,
    view_of,
)
from logitwise.kernels.cpu.rows import (
    BLOCK,
    LANES,
    NATIVE,
    ROWS,
    STRIDE,
    as_matrix,
    encode,
    first_rows,
    inner_of,
    is_staged,
    load_lanes,
    load_rows,
    many_or_none,
    pair_like,
    put,
    real_like,
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
    tile_of,
)
from logitwise.kernels.cpu.threads import address_of, no_memory, split, team_for
from logitwise.kernels.cpu.threads.handing_out import share
from logitwise.kernels.cpu.vector import log1p, scaled_log2_e

SOFTMAX, LOG_SOFTMAX, LOGSUMEXP = 0, 1, 2
NO_MASK = np.empty((0, 0, 0), np.bool_)


def softmax(logits: np.ndarray, mask: np.ndarray | None, encoding: int, temperature: float, result: np.ndarray) -> None:
    """Fill `result` with the probabilities of `logits`.

    Args:
        logits: `(outer, classes, inner)`, or `(outer, classes)`.
        mask: `(outer, classes, inner)`, or NO_MASK or None.
        encoding: The 16-bit format of uint16 logits, else NATIVE.
        temperature: What logits are divided by.
        result: Of the shape and dtype of the logits.
    """
    _split(logits, mask, encoding, temperature, SOFTMAX, result)


def log_softmax(
    logits: np.ndarray, mask: np.ndarray | None, encoding: int, temperature: float, result: np.ndarray
) -> None:
    """Fill `result` with the log-probabilities of `logits`; arguments as of `softmax`."""
    _split(logits, mask, encoding, temperature, LOG_SOFTMAX, result)


def logsumexp(logits: np.ndarray, mask: np.ndarray | None, encoding: int, result: np.ndarray) -> None:
    """Fill `result`, of the shape of the logits with one class, with the logsumexp of each row."""
    _split(logits, mask, encoding, 1.0, LOGSUMEXP, result)


def _split(
    logits: np.ndarray, mask: np.ndarray | None, encoding: int, temperature: float, operation: int, result: np.ndarray
) -> None:
    logits, result = as_matrix(logits), as_matrix(result)
    many, rows = many_or_none(logits.shape[1]), logits.size // max(logits.shape[1], 1)
    # Numba drops a branch on None: softmax compiles no code for logarithms, and nothing compiles code for no mask.
    logs, mask = None if operation == SOFTMAX else operation, None if mask is None or not mask.size else mask
    arguments = (many, logits, mask, encoding, temperature, logs, result)
    split(_normalize, rows, logits.size, *arguments, tile=tile_of(many))


def plain_softmax(
    example: np.floating, encoding: int, logits_at: int, result_at: int, rows: int, classes: int, temperature: float,
    operation: int,
) -> None:  # fmt: skip
    """Fill memory with the probabilities of logits, or their logarithms, both of them at addresses.

    Args:
        example: A number of the dtype that holds both in memory; `encoding` says how to read it.
        encoding: As in `softmax`.
        logits_at: The address of rows x classes logits, C-contiguous.
        result_at: The address of as many numbers, which may be those of the logits.
        rows: The number of rows.
        classes: The number of classes.
        temperature: As in `softmax`.
        operation: SOFTMAX or LOG_SOFTMAX.
    """
    many, logs = many_or_none(classes), None if operation == SOFTMAX else operation
    team = team_for(rows, rows * classes, tile_of(many))
    kernel = _kernel_for(many, logs, type(example))
    numbers = (encoding, logits_at, result_at, rows, classes, temperature)
    if not _plain_softmax(team, kernel, many, logs, example, *numbers):
        raise no_memory(_normalize)


@cache
def _kernel_for(many: bool | None, logs: int | None, number: type) -> int:
    """Return the address of the kernel for the arguments that `_plain_softmax` makes."""
    rows = np.empty((0, 0), number)
    return address_of(_normalize, many, rows, None, 0, 1.0, logs, rows)


@compiled
def _plain_softmax(team, kernel, many, logs, example, encoding, logits_at, result_at, rows, classes, temperature):
    logits = carray(pointer_to(logits_at, example), (rows, classes))
    result = carray(pointer_to(result_at, example), (rows, classes))
    arguments = (many, logits, None, encoding, temperature, logs, result)
    return share(team, kernel, rows, LANES if many is None else 1, arguments)


@compiled
def _normalize(many, logits, mask, encoding, temperature, logs, result, first, last):
    high, low = scaled_log2_e(temperature)
    high, low = pair_like(logits, high, low)
    inverse = real_like(logits, 1.0 / temperature)
    if many is None:
        _normalize_few(logits, mask, encoding, high, low, inverse, logs, result, first, last)
    else:
        _normalize_many(logits, mask, encoding, high, low, inverse, logs, result, first, last)


@compiled
def _normalize_few(logits, mask, encoding, high, low, inverse, logs, result, first, last):
    use_wide_vectors()
    classes = logits.shape[1]
    values, exponentials = scratch_like(logits, (classes, STRIDE)), scratch_like(logits, (classes, STRIDE))
    fill(values, 0.0)
    anchor, factor = on_stack_like(LANES, logits), on_stack_like(LANES, logits)
    fill(factor, 1.0)
    rest, total, log_total = on_stack(LANES, 0.0), on_stack(LANES, 0.0), on_stack(LANES, 0.0)
    written = first_rows(result, 0 if logs == LOGSUMEXP else len(result))
    for start in range(first, last, LANES):
        count = min(LANES, last - start)
        load_lanes(logits, mask, encoding, start, count, values)
        shift_lanes(values, high, low, exponentials, anchor, rest, total, logits, written, start)
        if logs is None:
            for b in range(LANES):
                factor[b] = 0.0 if total[b] == 0.0 else 1.0 / total[b]
            store_lanes(exponentials, factor, encoding, start, count, result)
        else:
            _logarithms(rest, log_total)
            if logs == LOG_SOFTMAX:
                _log_lanes(values, anchor, inverse, log_total)
                store_lanes(values, factor, encoding, start, count, result)
            else:
                for b in range(count):
                    value = _logsumexp(values[:, b], np.float64(anchor[b]), total[b], log_total[b])
                    put(result, start + b, 0, encode(value, result, encoding))


@compiled
def _logarithms(rest, log_total):
    """Fill `log_total` with the logarithm of every total."""
    use_wide_vectors()
    for b in range(LANES):
        log_total[b] = log1p(rest[b])


@compiled
def _log_lanes(values, anchor, inverse, log_total):
    """Turn every column into log-probabilities."""
    use_wide_vectors()
    for k in range(values.shape[0]):
        for b in range(LANES):
            values[k, b] = multiply_add(values[k, b] - anchor[b], inverse, -real_like(values, log_total[b]))


@compiled
def _logsumexp(values, anchor, total, log_total):
    """Return the logsumexp of a row: -inf for a row of -inf alone, NaN if there is a NaN, else +inf if there is one."""
    if total == 0.0:
        return -np.inf
    if anchor != np.inf:
        return anchor + log_total
    for k in range(values.size):
        if np.isnan(values[k]):
            return np.nan
    return np.inf


@compiled
def _normalize_many(logits, mask, encoding, high, low, inverse, logs, result, first, last):
    classes = logits.shape[1]
    staged = is_staged(logits, mask)
    stage = scratch_like(logits, (ROWS if staged else 1, classes if staged else 1))
    # Rows that are converted, or written where they are read, go through scratch memory: else no loop would vectorise.
    direct = not staged and not shares_memory(logits, result)
    kept = not direct or logs is None
    aside = row_like(logits, classes if kept else min(classes, BLOCK))
    for start in range(first, last, ROWS):
        count = min(ROWS, last - start)
        if staged:
            load_rows(logits, mask, encoding, start, count, stage)
        for b in range(count):
            row = start + b
            values = view_of(stage, b * classes, classes) if staged else row_in_place(logits, stage, row)
            output = row_in_place(result, stage, row) if direct else view_of(aside, 0, classes)
            exponentials = output if logs is None else aside
            anchor, rest, total = shift_row(values, high, low, exponentials)
            factor = 1.0
            if logs is None:
                factor = 0.0 if total == 0.0 else 1.0 / total
            elif logs == LOG_SOFTMAX:
                _log_row(values, anchor, inverse, log1p(rest), output)
            else:
                put(result, row, 0, encode(_logsumexp(values, anchor, total, log1p(rest)), result, encoding))
                continue
            if not direct:
                _deliver(output, factor, encoding, result, row, values)
            elif logs is None:
                scale_row(output, factor)
        if logs != LOGSUMEXP and inner_of(result) != 1:
            store_rows(stage, encoding, start, count, result)


@compiled
def _deliver(output, factor, encoding, result, row, stage):
    """Write a row, times a factor, to the result; to the stage where rows of the result are not contiguous."""
    if inner_of(result) == 1:
        scale_into(output, factor, encoding, row_of(result, row))
    else:
        scale_into(output, factor, NATIVE, stage)


@compiled
def _log_row(values, anchor, inverse, log_total, logarithms):
    """Fill `logarithms` with the log-probabilities of a row."""
    use_wide_vectors()
    anchor, log_total = real_like(values, anchor), real_like(values, log_total)
    for k in range(values.size):
        logarithms[k] = multiply_add(values[k] - anchor, inverse, -log_total)
