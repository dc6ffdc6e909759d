"""The softmax family of kernels: exact over hard inputs, every format, and the same bits in every layout."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from functional.budgets import VALUE_ULP, check_ulp, ulp
from functional.cases import CASES, DEGENERATE
from functional.inputs import exact, stored
from kernels.storage import DTYPES, rows, store, values
from logitwise.kernels.cpu.softmax import NO_MASK, log_softmax, logsumexp, softmax
from logitwise.kernels.cpu.threads import number_of_threads, set_number_of_threads

KERNELS = {"softmax": softmax, "log_softmax": log_softmax}


def normalize(name: str, matrix: np.ndarray, dtype: str, temperature: float = 1.0) -> np.ndarray:
    logits, encoding = store(rows(matrix), dtype)
    result = np.empty_like(logits)
    KERNELS[name](logits, NO_MASK, encoding, temperature, result)
    return values(result, dtype)[:, :, 0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", KERNELS)
def test_every_case_is_within_the_budget(name, case, dtype):
    check_ulp(normalize(name, stored(case, dtype), dtype), exact(name, case, dtype), dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES)
def test_logsumexp_is_within_the_budget(case, dtype):
    logits, encoding = store(rows(stored(case, dtype)), dtype)
    result = np.empty((len(logits), 1, 1), logits.dtype)
    logsumexp(logits, NO_MASK, encoding, result)
    largest = stored(case, dtype).max(axis=1)
    check_ulp(values(result, dtype)[:, 0, 0], exact("logsumexp", case, dtype), dtype, VALUE_ULP[dtype], scale=largest)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("temperature", [0.1, 0.7, 3.0])
@pytest.mark.parametrize("case", ["wide spread", "common offset", "one row of 1000", "confident"])
@pytest.mark.parametrize("name", KERNELS)
def test_temperature_is_within_the_budget(name, case, temperature, dtype):
    actual = normalize(name, stored(case, dtype), dtype, temperature)
    check_ulp(actual, exact(name, case, dtype, temperature), dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("padding", [0, 200])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_rows_have_their_answers(case, dtype, padding):
    row, probabilities, logarithms, total = DEGENERATE[case]
    matrix = np.array([row + [-np.inf] * padding])
    spoiled = np.isnan(probabilities[0])
    expected = np.array([probabilities + [np.nan if spoiled else 0.0] * padding])
    check_ulp(normalize("softmax", matrix, dtype), expected, dtype, 1.0)
    expected = np.array([logarithms + [np.nan if spoiled else -np.inf] * padding])
    check_ulp(normalize("log_softmax", matrix, dtype), expected, dtype, 1.0)
    logits, encoding = store(rows(matrix), dtype)
    result = np.empty((1, 1, 1), logits.dtype)
    logsumexp(logits, NO_MASK, encoding, result)
    check_ulp(values(result, dtype).ravel(), np.array([total]), dtype, 1.0)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("classes", [5, 300])
def test_a_mask_is_the_same_as_minus_infinity(classes, dtype):
    generator = np.random.default_rng(classes)
    matrix, mask = generator.standard_normal((70, classes)), generator.random((70, classes)) < 0.6
    mask[3] = False
    for name, kernel in KERNELS.items():
        logits, encoding = store(rows(np.where(mask, matrix, np.nan)), dtype)
        result = np.empty_like(logits)
        kernel(logits, mask[:, :, None], encoding, 1.0, result)
        expected = normalize(name, np.where(mask, matrix, -np.inf), dtype)
        np.testing.assert_array_equal(values(result, dtype)[:, :, 0], expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [1, 3, 8, 37, 160, 161, 257, 1000])
@pytest.mark.parametrize("name", KERNELS)
def test_bits_do_not_depend_on_batch_layout_or_threads(name, classes, dtype):
    matrix = np.random.default_rng(classes).standard_normal((150, classes)) * 5
    whole = normalize(name, matrix, dtype)
    for row in (0, 63, 64, 149):
        np.testing.assert_array_equal(normalize(name, matrix[row : row + 1], dtype)[0], whole[row])
    np.testing.assert_array_equal(normalize(name, matrix[::-1], dtype)[::-1], whole)
    sideways, encoding = store(np.ascontiguousarray(matrix.reshape(6, 25, classes).transpose(0, 2, 1)), dtype)
    KERNELS[name](sideways, NO_MASK, encoding, 1.0, sideways)
    actual = values(sideways, dtype).transpose(0, 2, 1).reshape(150, classes)
    np.testing.assert_array_equal(actual, whole)


@pytest.mark.parametrize("classes", [10, 1000])
def test_bits_do_not_depend_on_the_number_of_threads(classes):
    matrix = np.random.default_rng(0).standard_normal((400_000 // classes, classes))
    before = number_of_threads()
    results = []
    for count in (1, 2, 3, 8):
        set_number_of_threads(count)
        results.append(normalize("softmax", matrix, "float32"))
    set_number_of_threads(before)
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_a_common_offset_changes_nothing():
    matrix = np.round(np.random.default_rng(1).standard_normal((20, 50)) * 64) / 16
    np.testing.assert_array_equal(
        normalize("softmax", matrix + 2.0**20, "float64"), normalize("softmax", matrix, "float64")
    )
    assert ulp(np.array(1.0), "float64") == 2.0**-52


def test_a_call_compiles_the_code_for_as_many_classes_as_it_has(tmp_path):
    code = (
        "import numpy as np, logitwise as lw; from logitwise.kernels.cpu import softmax as kernels\n"
        "lw.softmax(np.zeros((2, 3)))\n"
        "both = kernels._normalize_few, kernels._normalize_many\n"
        "print([len(each.part.signatures) for each in both], [len(each.signatures) for each in both])"
    )
    afresh = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", code], env=afresh, capture_output=True, text=True, timeout=300)
    assert (result.stdout, result.stderr) == ("[1, 0] [0, 0]\n", "")
