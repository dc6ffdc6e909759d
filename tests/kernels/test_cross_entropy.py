"""The cross-entropy kernels: exact losses and gradients, every integer type, unused rows, the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from functional.budgets import GRADIENT_ULP, VALUE_ULP, check_ulp
from functional.cases import CASES, OPTIONS
from functional.inputs import exact_loss, loss_inputs, stored
from kernels.storage import DTYPES, rows, store, values
from logitwise.kernels.cpu.cross_entropy import (
    NO_WEIGHTS,
    Options,
    count_targets,
    cross_entropy,
    soft_cross_entropy,
    sum_of_target_weights,
)
from logitwise.kernels.cpu.rows import NATIVE

PLAIN = Options(-100, NO_WEIGHTS, NO_WEIGHTS, 0.0, 0.0, 1.0)
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def losses_and_gradient(logits, encoding, target, options=PLAIN):
    losses, gradient = np.empty(logits.shape[0] * logits.shape[2]), np.empty_like(logits)
    if target.dtype.kind in "iu":
        cross_entropy(logits, encoding, target, options, losses, gradient)
    else:
        soft_cross_entropy(logits, encoding, target, NATIVE, options, losses, gradient)
    return losses, gradient


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("case", [case for case in CASES if case != "many equal classes"])
@pytest.mark.parametrize("soft", [False, True], ids=["indices", "distributions"])
def test_every_case_is_within_the_budget(case, option, dtype, soft):
    target, asked, question = loss_inputs(case, option, soft)
    options = Options(
        -100, np.asarray(asked["class_weight"], np.float64), np.asarray(asked["sample_weight"], np.float64),
        asked.get("label_smoothing", 0.0), asked.get("z_loss", 0.0), 1.0,
    )  # fmt: skip
    logits, encoding = store(rows(stored(case, dtype)), dtype)
    losses, gradient = losses_and_gradient(logits, encoding, rows(target) if soft else target, options)
    exact_losses, exact_gradient = exact_loss(case, dtype, option, soft)
    check_ulp(losses, exact_losses, dtype, VALUE_ULP[dtype])
    weight = question.sample_weight * (question.distribution @ question.class_weight + question.smoothing)
    scale = np.abs(weight)[:, None] * np.ones(gradient.shape[1])
    if option in ("z-loss", "everything"):
        scale = scale * (1 + 2 * question.z_loss * np.abs(stored(case, dtype)[np.isfinite(stored(case, dtype))]).max())
    check_ulp(gradient[:, :, 0].astype(np.float64), exact_gradient, dtype, GRADIENT_ULP[dtype], scale=scale)


def test_a_confident_row_keeps_its_loss_and_its_gradient():
    losses, gradient = losses_and_gradient(np.array([[[20.0], [0.0], [0.0]]], np.float32), NATIVE, np.array([0]))
    np.testing.assert_allclose(losses, [4.122307e-9], rtol=1e-6)
    np.testing.assert_allclose(gradient[0, :, 0], [-4.122307e-9, 2.0611537e-9, 2.0611537e-9], rtol=1e-6)


@pytest.mark.parametrize("integer", INTEGERS)
@pytest.mark.parametrize("classes", [10, 130])
def test_every_integer_type_gives_the_same_bits(classes, integer):
    generator = np.random.default_rng(0)
    logits = generator.standard_normal((90, classes, 1)).astype(np.float32)
    target = generator.integers(0, min(classes, 127), 90)
    expected = losses_and_gradient(logits, NATIVE, target)
    actual = losses_and_gradient(logits, NATIVE, target.astype(integer))
    np.testing.assert_array_equal(actual[0], expected[0])
    np.testing.assert_array_equal(actual[1], expected[1])


@pytest.mark.parametrize("classes", [3, 200])
def test_rows_that_take_no_part_are_zero_whatever_they_hold(classes):
    logits = np.random.default_rng(0).standard_normal((6, classes, 1))
    logits[0], logits[2], logits[4] = np.nan, np.inf, -np.inf
    target = np.array([-100, 1, 0, classes, -(2**63), 2])
    weights = np.array([1.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    losses, gradient = losses_and_gradient(logits, NATIVE, target, PLAIN._replace(sample_weight=weights))
    assert (losses[[0, 2, 3, 4]] == 0).all()
    assert (gradient[[0, 2, 3, 4]] == 0).all()
    alone, _ = losses_and_gradient(logits[[1, 5]], NATIVE, target[[1, 5]])
    np.testing.assert_array_equal(losses[[1, 5]], alone)


@pytest.mark.parametrize("classes", [3, 200])
def test_rows_without_an_ordinary_answer(classes):
    logits = np.full((5, classes, 1), -np.inf)
    logits[1:, 1:3] = 0.0
    logits[2, 1], logits[3, 1] = np.nan, np.inf
    logits[4, 0] = -np.inf
    losses, gradient = losses_and_gradient(logits, NATIVE, np.array([0, 1, 0, 0, 0]))
    np.testing.assert_array_equal(losses, [np.inf, np.log(2.0), np.nan, np.nan, np.inf])
    assert (gradient[0] == 0).all()
    np.testing.assert_array_equal(gradient[1, :3, 0], [0.0, -0.5, 0.5])
    assert np.isnan(gradient[2:4]).all()
    np.testing.assert_array_equal(gradient[4, :3, 0], [-1.0, 0.5, 0.5])


def test_a_coefficient_of_zero_makes_its_term_zero():
    logits = np.array([[[-np.inf], [0.0], [0.0]]])
    losses, _ = losses_and_gradient(logits, NATIVE, np.array([[[0.0], [0.5], [0.5]]]))
    np.testing.assert_array_equal(losses, [np.log(2.0)])
    options = PLAIN._replace(class_weight=np.array([0.0, 1.0, 1.0]), smoothing=0.3)
    losses, gradient = losses_and_gradient(logits, NATIVE, np.array([0]), options)
    np.testing.assert_allclose(losses, [0.2 * np.log(2.0)], rtol=1e-15)
    np.testing.assert_allclose(gradient[0, :, 0], [0.0, 0.0, 0.0], atol=1e-16)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [3, 37, 160, 161, 700])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_bits_do_not_depend_on_batch_layout_or_place(classes, dtype, smoothing):
    generator = np.random.default_rng(classes)
    matrix, target = generator.standard_normal((150, classes)) * 5, generator.integers(0, classes, 150)
    options = PLAIN._replace(smoothing=smoothing)
    logits, encoding = store(rows(matrix), dtype)
    losses, gradient = losses_and_gradient(logits, encoding, target, options)
    one_loss, one_gradient = losses_and_gradient(logits[64:65], encoding, target[64:65], options)
    np.testing.assert_array_equal(one_loss[0], losses[64])
    np.testing.assert_array_equal(one_gradient[0], gradient[64])
    sideways, encoding = store(np.ascontiguousarray(matrix.reshape(6, 25, classes).transpose(0, 2, 1)), dtype)
    side_losses = np.empty(150)
    cross_entropy(sideways, encoding, target, options, side_losses, sideways)
    np.testing.assert_array_equal(side_losses, losses)
    np.testing.assert_array_equal(sideways.transpose(0, 2, 1).reshape(150, classes), gradient[:, :, 0])
    only_losses = np.empty(150)
    cross_entropy(logits, encoding, target, options, only_losses, np.empty((0, 0, 0), logits.dtype))
    np.testing.assert_array_equal(only_losses, losses)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_16_bit_gradients_are_rounded_once(dtype):
    matrix, target = np.random.default_rng(0).standard_normal((40, 12)) * 3, np.arange(40) % 12
    logits, encoding = store(rows(matrix), dtype)
    losses, gradient = losses_and_gradient(logits, encoding, target)
    wide = values(logits, dtype).astype(np.float32)
    wide_losses, wide_gradient = losses_and_gradient(wide, NATIVE, target)
    np.testing.assert_array_equal(losses, wide_losses)
    np.testing.assert_array_equal(gradient, store(wide_gradient, dtype)[0])


@pytest.mark.parametrize("integer", INTEGERS)
def test_targets_out_of_range_are_counted_and_found(integer):
    target = np.array([0, 2, 1, 3, 100, 0], dtype=integer)
    assert count_targets(target, 3, -100) == (2, 3, 4)
    assert count_targets(target, 3, 100) == (1, 3, 4)
    assert count_targets(target[:3], 3, -100) == (0, -1, 3)
    assert count_targets(target[:0], 3, -100) == (0, -1, 0)


def test_extreme_targets_are_out_of_range():
    assert count_targets(np.array([2**64 - 100, 0], np.uint64), 3, -100) == (1, 0, 1)
    assert count_targets(np.array([0, -(2**63), 2**63 - 1]), 3, -100) == (2, 1, 1)
    assert count_targets(np.array([-1, 0], np.int8), 3, -1) == (0, -1, 1)


def test_weights_are_summed_over_the_rows_that_take_part():
    target, class_weight = np.array([0, 1, -100, 2, 1]), np.array([1.0, 2.0, 4.0])
    sample_weight = np.array([1.0, 0.5, 9.0, 0.0, 3.0])
    assert sum_of_target_weights(target, -100, class_weight, sample_weight) == 8.0
    assert sum_of_target_weights(target, -100, class_weight, NO_WEIGHTS) == 9.0
    assert sum_of_target_weights(target, -100, NO_WEIGHTS, sample_weight) == 4.5
