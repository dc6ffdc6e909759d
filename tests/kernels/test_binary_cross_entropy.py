"""The elementwise kernels: sigmoid, its logarithm, and the binary cross-entropy."""

from __future__ import annotations

import numpy as np
import pytest

from functional import oracle
from functional.budgets import GRADIENT_ULP, VALUE_ULP, check_ulp
from kernels.storage import DTYPES, store, values
from logitwise.kernels.cpu.binary_cross_entropy import binary_cross_entropy, blocks_of
from logitwise.kernels.cpu.rows import NATIVE
from logitwise.kernels.cpu.sigmoid import log_sigmoid, sigmoid
from logitwise.kernels.cpu.threads import number_of_threads, set_number_of_threads

HARD = np.array(
    [0.0, 1e-30, -1e-7, 0.5, -0.5, 3.0, -3.0, 17.0, -17.0, 40.0, -40.0, 88.0, -88.0, -100.0, -103.0, -740.0]
)
LOGITS = np.concatenate([HARD, np.random.default_rng(0).standard_normal(200) * 12])
ONE = np.ones(1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", [sigmoid, log_sigmoid], ids=["sigmoid", "log_sigmoid"])
def test_sigmoids_are_within_the_budget(kernel, dtype):
    logits, encoding = store(LOGITS, dtype)
    result = np.empty_like(logits)
    kernel(logits, encoding, result)
    name = "sigmoid" if kernel is sigmoid else "log_sigmoid"
    check_ulp(values(result, dtype), getattr(oracle, name)(values(logits, dtype)), dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoids_of_infinities_and_nan(dtype):
    logits, encoding = store(np.array([np.inf, -np.inf, np.nan]), dtype)
    result = np.empty_like(logits)
    sigmoid(logits, encoding, result)
    np.testing.assert_array_equal(result, [1.0, 0.0, np.nan])
    log_sigmoid(logits, encoding, logits)
    np.testing.assert_array_equal(logits, [0.0, -np.inf, np.nan])


@pytest.mark.parametrize("pos_weight", [1.0, 2.5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_and_gradients_are_within_the_budget(dtype, pos_weight):
    logits, encoding = store(LOGITS, dtype)
    target, _ = store(np.random.default_rng(1).choice([0.0, 1.0, 0.25], LOGITS.size), dtype)
    losses, gradient = np.empty(logits.size), np.empty_like(logits)
    binary_cross_entropy(logits, encoding, target, NATIVE, ONE, np.array([pos_weight]), 0.0, 1.0, losses, gradient)
    exact_losses, exact_gradient = oracle.binary_cross_entropy(logits, target, pos_weight)
    check_ulp(losses, exact_losses, dtype, VALUE_ULP[dtype])
    scale = np.full(logits.size, pos_weight)
    check_ulp(gradient.astype(np.float64), exact_gradient, dtype, GRADIENT_ULP[dtype], scale=scale)


def test_weights_repeat_and_rows_of_weight_zero_are_not_read():
    logits = np.array([1.0, -2.0, np.nan, 3.0, 0.5, -1.0])
    target = np.array([True, False, True, True, False, True])
    sample_weight = np.array([1.0, 2.0, 0.0, 1.0, 0.5, 1.0])
    losses, gradient = np.empty(6), np.empty(6)
    binary_cross_entropy(
        logits, NATIVE, target, NATIVE, sample_weight, np.array([1.0, 3.0]), 0.0, 0.5, losses, gradient
    )
    weight = np.where(target, np.tile([1.0, 3.0], 3), 1.0) * sample_weight
    signed = np.where(target, -logits, logits)
    expected = np.where(sample_weight > 0, weight * np.log1p(np.exp(signed)), 0.0)
    np.testing.assert_allclose(losses, expected, rtol=1e-14)
    slope = np.where(target, -1.0, 1.0) / (1.0 + np.exp(-signed))
    np.testing.assert_allclose(gradient, np.where(sample_weight > 0, 0.5 * weight * slope, 0.0), rtol=1e-14)


def test_zero_times_infinity_is_zero_and_a_wrong_certainty_is_infinite():
    logits = np.array([np.inf, -np.inf, np.inf, np.nan])
    losses = np.empty(4)
    binary_cross_entropy(logits, NATIVE, np.array([1, 0, 0, 1]), NATIVE, ONE, ONE, 0.0, 1.0, losses, np.empty(0))
    np.testing.assert_array_equal(losses, [0.0, 0.0, np.inf, np.nan])


def test_sums_do_not_depend_on_the_number_of_threads():
    generator = np.random.default_rng(0)
    logits = generator.standard_normal(100_003).astype(np.float32)
    target = generator.integers(0, 2, logits.size).astype(np.uint8)
    before, sums = number_of_threads(), []
    for count in (1, 2, 5):
        set_number_of_threads(count)
        losses = np.empty(blocks_of(logits.size))
        binary_cross_entropy(logits, NATIVE, target, NATIVE, ONE, ONE, 0.0, 1.0, losses, np.empty(0, np.float32))
        sums.append(losses)
    set_number_of_threads(before)
    np.testing.assert_array_equal(sums[1], sums[0])
    np.testing.assert_array_equal(sums[2], sums[0])
    signed = np.where(target, -1.0, 1.0) * logits
    np.testing.assert_allclose(sums[0].sum(), np.log1p(np.exp(signed)).sum(), rtol=1e-9)
