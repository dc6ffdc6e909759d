"""What logits appear to hold, on either side of every limit; and the faults of soft targets, entry by entry."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.storage import DTYPES, rows, store
from logitwise.kernels.cpu.suspicions import (
    FEWEST_ROWS,
    LOG_PROBABILITIES,
    LOGITS,
    MOST_ROWS,
    PROBABILITIES,
    PROBABILITIES_OF_COLUMNS,
    apparent_content,
    faults_of_distribution,
    may_be_no_logits,
)


def content(values: np.ndarray, dtype: str = "float64") -> int:
    """Return what a matrix of rows, or `(outer, classes, inner)`, appears to hold; the short search misses nothing."""
    stored, encoding = store(rows(values) if values.ndim == 2 else values, dtype)
    found = apparent_content(stored, encoding)
    if values.ndim == 2:
        assert found == LOGITS or may_be_no_logits(stored[:, :, 0], encoding)
    return found


@pytest.mark.parametrize("dtype", DTYPES)
def test_ordinary_logits_pass_the_short_search(dtype):
    for seed in range(20):
        logits = np.random.default_rng(seed).normal(size=(8, 5)) * 3.0
        assert not may_be_no_logits(*store(logits, dtype))
    for value in (0.0, 1.0, -5.0, np.nan, np.inf, -np.inf):
        assert not may_be_no_logits(*store(np.full((8, 5), value), dtype))


def probabilities(n_rows: int, classes: int = 4, seed: int = 0) -> np.ndarray:
    values = np.exp(np.random.default_rng(seed).normal(size=(n_rows, classes)))
    return values / values.sum(1, keepdims=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_probabilities_of_few_rows_say_nothing(dtype):
    for values, found in (
        (probabilities(FEWEST_ROWS), PROBABILITIES),
        (np.log(probabilities(FEWEST_ROWS)), LOG_PROBABILITIES),
        (probabilities(FEWEST_ROWS).T.copy(), PROBABILITIES_OF_COLUMNS),
    ):
        assert content(values, dtype) == found
        assert content(values[: FEWEST_ROWS - 1], dtype) == LOGITS
    assert FEWEST_ROWS == 4


@pytest.mark.parametrize("row", [0, 1, 5])
@pytest.mark.parametrize("entry", [0, 3])
def test_one_row_that_is_none_says_that_the_others_are_none(row, entry):
    for values in (probabilities(6), np.log(probabilities(6)), probabilities(4).T):
        for off in (0.5, 3.0, -3.0, np.nan, np.inf):
            changed = values.copy()
            changed[row % len(values), entry] += off
            assert content(changed) == LOGITS


LIMITS = {"float32": 1e-3, "float64": 1e-3, "float16": 1e-2, "bfloat16": 1e-2}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("side", [-1, 1])
def test_a_sum_may_be_off_by_a_thousandth_and_of_sixteen_bits_by_a_hundredth(dtype, side):
    """The last entry alone is changed, from 2^-3 on, where bfloat16 has steps of 2^-10."""
    start = np.tile([0.5, 0.25, 0.125, 0.125], (6, 1))
    for share, is_one in ((0.7, True), (1.5, False)):
        changed = start.copy()
        changed[3, 3] += side * share * LIMITS[dtype]
        assert content(changed, dtype) == (PROBABILITIES if is_one else LOGITS)
        assert content(np.log(changed), dtype) == (LOG_PROBABILITIES if is_one else LOGITS)
        columns = changed.T.copy()
        assert content(columns, dtype) == (PROBABILITIES_OF_COLUMNS if is_one else LOGITS)
        bad, first, total, off = faults_of_distribution(*store(rows(changed), dtype))
        assert (bad, first, off) == ((False, -1, 0) if is_one else (False, 3, 1))
        assert abs(total - (0.0 if is_one else 1.0 + side * share * LIMITS[dtype])) < LIMITS[dtype] / 4


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_rows_side_by_side_are_looked_at_like_others(dtype):
    values = np.moveaxis(probabilities(12).reshape(2, 6, 4), 1, 2).copy()
    assert content(values, dtype) == PROBABILITIES
    assert content(np.log(values), dtype) == LOG_PROBABILITIES
    for place in ((1, 0, 5), (0, 3, 1), (1, 2, 0)):
        changed = values.copy()
        changed[place] += 0.5
        assert content(changed, dtype) == LOGITS
        assert faults_of_distribution(*store(changed, dtype))[1::2] == (place[0] * 6 + place[2], 1)
    assert content(np.moveaxis(probabilities(4, 6), 0, 1)[None].copy()) == PROBABILITIES
    assert content(values[:, :, :1].copy()) == LOGITS  # two rows
    over_columns = values / values.sum(0, keepdims=True)
    assert content(over_columns) == LOGITS


def test_columns_are_looked_at_in_a_batch_of_1024_rows_and_in_no_larger():
    for n_rows, found in ((MOST_ROWS, PROBABILITIES_OF_COLUMNS), (MOST_ROWS + 1, LOGITS)):
        values = probabilities(3, n_rows).T.copy()
        assert content(values) == found
    assert MOST_ROWS == 1024


def test_columns_are_looked_at_where_the_first_row_is_no_distribution():
    columns = probabilities(3, 8).T.copy()
    columns[0] = probabilities(1, 3)[0]  # a row that sums to 1
    columns[1:] *= (1 - columns[0]) / columns[1:].sum(0)
    assert content(columns) == LOGITS
    columns = probabilities(3, 8).T.copy()
    columns[0, 0] = 0.0
    columns[1, 0] += 1.0 - columns[:, 0].sum()
    assert content(columns) == LOGITS  # a first entry of 0 is common among logits
    last = probabilities(3, 8).T.copy()
    last[7, 2] += 0.5
    assert content(last) == LOGITS


def test_entries_of_0_and_1_are_probabilities_and_log_probabilities():
    eye = np.eye(4)
    assert content(eye) == content(eye[::-1].copy()) == PROBABILITIES
    with np.errstate(divide="ignore"):
        assert content(np.log(eye)) == LOG_PROBABILITIES
        assert content(np.log(eye[::-1])) == LOG_PROBABILITIES
    assert content(np.zeros((6, 3))) == LOGITS
    assert content(np.full((6, 3), -np.inf)) == LOGITS
    assert content(np.array([[2.0, -1.0]] * 4)) == LOGITS  # sums to 1
    assert content(np.array([[0.5, 1.0, -0.5]] * 4)) == LOGITS


# --- soft targets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [2, 5, 16, 67])
def test_an_entry_that_is_no_weight_is_bad_wherever_it_is(dtype, classes):
    target = np.full((5, classes), 1 / classes)
    assert not faults_of_distribution(*store(rows(target), dtype))[0]
    for place in ((0, 0), (0, classes - 1), (4, 0), (2, classes // 2), (4, classes - 1)):
        for value in (np.inf, -np.inf, np.nan, -0.25, -1e-7):
            changed = target.copy()
            changed[place] = value
            assert faults_of_distribution(*store(rows(changed), dtype))[0], (place, value)
        for value in (0.0, -0.0, 1.0, 3.0, 60_000.0):
            changed = target.copy()
            changed[place] = value
            assert not faults_of_distribution(*store(rows(changed), dtype))[0], (place, value)


def test_rows_that_do_not_sum_to_1_are_counted_and_the_first_is_told():
    target = np.tile([0.5, 0.25, 0.25], (9, 1))
    assert faults_of_distribution(*store(rows(target), "float64")) == (False, -1, 0.0, 0)
    target[4, 2], target[6], target[8, 0] = 2.0, 0.0, 0.0
    assert faults_of_distribution(*store(rows(target), "float64")) == (False, 4, 2.75, 3)
    target[2, 1] = np.nan
    bad, first, total, off = faults_of_distribution(*store(rows(target), "float64"))
    assert (bad, first, np.isnan(total), off) == (True, 2, True, 4)
