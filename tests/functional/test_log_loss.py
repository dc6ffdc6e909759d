"""log_loss: the tutorial's NumPy cross-entropy, for probabilities."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import metrics

import logitwise as lw
from functional import oracle
from functional.budgets import REFERENCE_ULP, VALUE_ULP, check_ulp
from functional.inputs import KINDS, make, values_of

PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.25, 0.75, 0.0], [1.0, 0.0, 0.0]])
TARGET = np.array([0, 2, 1, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_value(kind):
    dtype = kind.split()[1]
    probabilities = make(PROBABILITIES, kind)
    indices = torch.as_tensor(TARGET) if kind.startswith("torch") else TARGET
    exact = oracle.log_loss(values_of(probabilities), np.eye(3)[TARGET])
    for target in (indices, make(np.eye(3)[TARGET], kind)):
        check_ulp(values_of(lw.log_loss(probabilities, target, reduction="none")), exact, dtype, VALUE_ULP[dtype])
        check_ulp(values_of(lw.log_loss(probabilities, target)), np.array(exact.mean()), dtype, VALUE_ULP[dtype])


def test_agrees_with_scikit_learn():
    weight = np.array([1.0, 2.0, 0.5, 3.0])
    expected = metrics.log_loss(TARGET, PROBABILITIES, sample_weight=weight)
    np.testing.assert_allclose(lw.log_loss(PROBABILITIES, TARGET, sample_weight=weight), expected, rtol=1e-14)


@pytest.mark.filterwarnings("ignore::logitwise.ImpossibleTargetWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_probability_zero_is_an_infinite_loss_and_zero_times_log_zero_is_zero(kind):
    target = torch.tensor([1, 2]) if kind.startswith("torch") else np.array([1, 2])
    losses = lw.log_loss(make(np.array([[0.0, 1.0, 0.0]] * 2), kind), target, reduction="none")
    np.testing.assert_array_equal(values_of(losses), [0.0, np.inf])


@pytest.mark.parametrize("kind", ["numpy float64", "torch float64"])
def test_options(kind):
    convert = torch.as_tensor if kind.startswith("torch") else np.asarray
    class_weight, target = convert(np.array([1.0, 2.0, 3.0])), convert(np.array([0, -100, 1, 2]))
    probabilities = make(np.array([[0.5, 0.25, 0.25], [np.nan, 5.0, -1.0], [0.25, 0.5, 0.25], [0.5, 0.25, 0.25]]), kind)
    exact = (1.0 * np.log(2.0) + 2.0 * np.log(2.0) + 3.0 * np.log(4.0)) / 6.0
    check_ulp(
        values_of(lw.log_loss(probabilities, target, class_weight=class_weight)),
        np.array(exact),
        "float64",
        VALUE_ULP["float64"],
    )
    moved = probabilities.T if kind.startswith("numpy") else probabilities.t()
    assert values_of(lw.log_loss(moved, target, axis=0, class_weight=class_weight, reduction="sum")).round(6) == (
        exact * 6
    ).round(6)


def test_derivative():
    probabilities = torch.tensor([[0.2, 0.3, 0.5]], dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[0.5, 0.5, 0.0]], dtype=torch.float64)
    (gradient,) = torch.autograd.grad(lw.log_loss(probabilities, target), probabilities)
    check_ulp(values_of(gradient), np.array([[-2.5, -0.5 / 0.3, 0.0]]), "float64", VALUE_ULP["float64"])


# --- every option and axis, by hand -----------------------------------------------------------------------------------

GENERATOR = np.random.default_rng(8)
ROWS = GENERATOR.dirichlet(np.ones(4), 15)  # rows of probabilities
INDEX, SOFT = GENERATOR.integers(0, 4, 15), GENERATOR.dirichlet(np.ones(4), 15)
CLASS_WEIGHT, ROW_WEIGHT = np.array([0.5, 1.0, 3.0, 2.0]), np.arange(15) % 4 / 2.0
OPTIONS = {
    "plain": {},
    "class weights": {"class_weight": CLASS_WEIGHT},
    "row weights": {"sample_weight": ROW_WEIGHT},
    "both": {"class_weight": CLASS_WEIGHT, "sample_weight": ROW_WEIGHT},
    "ignored": {"ignore_index": 2},
    "all": {"class_weight": CLASS_WEIGHT, "sample_weight": ROW_WEIGHT, "ignore_index": 0},
}


def by_hand(soft: bool, options: dict) -> tuple[np.ndarray, float]:
    """Return the loss of each row, and what a mean divides by."""
    distribution = SOFT if soft else np.eye(4)[INDEX]
    rows = options.get("sample_weight", np.ones(15)).copy()
    if not soft and "ignore_index" in options:
        rows[options["ignore_index"] == INDEX] = 0.0
    coefficients = distribution * options.get("class_weight", np.ones(4)) * rows[:, None]
    return -(coefficients * np.log(ROWS)).sum(1), coefficients.sum()


@pytest.mark.parametrize("framework", ["numpy", "torch"])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_and_axis(option, soft, framework):
    convert = torch.tensor if framework == "torch" else np.array
    options = OPTIONS[option]
    losses, weight = by_hand(soft, options)
    for axis in (0, 1, 2, -1):
        shape = np.insert([3, 5], axis % 3, 4)
        probabilities = np.moveaxis(ROWS.reshape(3, 5, 4), -1, axis)
        assert probabilities.shape == tuple(shape)
        target = np.moveaxis(SOFT.reshape(3, 5, 4), -1, axis) if soft else INDEX.reshape(3, 5)
        given = {name: convert(value) if name == "class_weight" else value for name, value in options.items()}
        if "sample_weight" in given:
            given["sample_weight"] = convert(ROW_WEIGHT.reshape(3, 5))
        for reduction, expected in (
            ("none", losses.reshape(3, 5)),
            ("sum", losses.sum()),
            ("mean", losses.sum() / weight),
        ):
            found = lw.log_loss(convert(probabilities), convert(target), axis=axis, reduction=reduction, **given)
            assert tuple(found.shape) == np.shape(expected)
            check_ulp(values_of(found), expected, "float64", REFERENCE_ULP["float64"], scale=losses.max())
        found = lw.log_loss(convert(probabilities), convert(target), axis=axis, normalizer=7, **given)
        check_ulp(values_of(found), losses.sum() / 7, "float64", REFERENCE_ULP["float64"])


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_rows_that_take_no_part_may_hold_anything(framework):
    convert = torch.tensor if framework == "torch" else np.array
    spoiled = ROWS.copy()
    spoiled[3], spoiled[7] = np.nan, -5.0
    for options, target in (
        ({}, np.where(np.isin(np.arange(15), [3, 7]), -100, INDEX)),
        ({"sample_weight": convert(np.isin(np.arange(15), [3, 7], invert=True).astype(float))}, INDEX),
        ({"sample_weight": convert(np.isin(np.arange(15), [3, 7], invert=True).astype(float))}, SOFT),
    ):
        losses = values_of(lw.log_loss(convert(spoiled), convert(target), reduction="none", **options))
        expected = values_of(lw.log_loss(convert(ROWS), convert(target), reduction="none", **options))
        np.testing.assert_array_equal(losses, expected)
        assert losses[3] == losses[7] == 0.0
    with pytest.raises(ValueError, match=r"^probabilities must be in \[0, 1\]; got nan at index \(3, 0\) \(8 such"):
        lw.log_loss(convert(spoiled), convert(INDEX))


def test_no_rows_and_weights_of_0_are_a_loss_of_0_with_a_warning():
    for call in (
        lambda: lw.log_loss(PROBABILITIES, TARGET * 0 - 100),
        lambda: lw.log_loss(PROBABILITIES, TARGET, sample_weight=np.zeros(4)),
        lambda: lw.log_loss(np.empty((0, 3)), TARGET[:0]),
    ):
        with pytest.warns(lw.NoRowsWarning, match="over one or more rows; got none"):
            assert call() == 0.0
    with pytest.warns(lw.ZeroClassWeightWarning, match=r"classes of weight 0: 0, 1\)"):
        assert lw.log_loss(PROBABILITIES[:3], TARGET[[0, 2, 2]], class_weight=[0.0, 0.0, 1.0]) == 0.0


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_a_sum_beyond_the_dtype_is_infinite_and_nothing_else_is(dtype, framework):
    """Of float16, numbers up to 65,519 are rounded to the largest, 65,504."""
    kind, convert = f"{framework} {dtype}", torch.tensor if framework == "torch" else np.array
    for total, rounded in ((65_503.0, 65_504.0), (65_519.0, 65_504.0), (65_520.0, np.inf), (1e30, np.inf)):
        exact = np.array([rounded if dtype == "float16" else total])
        options = {"sample_weight": convert(np.array([total / np.log(2.0)]))}
        for reduction, shape in (("none", (1,)), ("sum", ())):
            half = make(np.array([[0.5, 0.5]]), kind)
            found = lw.log_loss(half, convert(np.array([1])), reduction=reduction, **options)
            assert found.dtype == half.dtype
            check_ulp(values_of(found), exact.reshape(shape), dtype, VALUE_ULP[dtype])
