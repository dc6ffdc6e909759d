"""log_loss: the tutorial's NumPy cross-entropy, for probabilities."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import metrics

import logitwise as lw
from functional import oracle
from functional.budgets import VALUE_ULP, check_ulp
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
