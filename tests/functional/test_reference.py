"""The float64 definitions against mpmath: every other test may then lean on them."""

from __future__ import annotations

import numpy as np
import pytest

from functional import oracle
from functional.budgets import GRADIENT_ULP, VALUE_ULP, check_ulp
from functional.cases import CASES, DEGENERATE, OPTIONS
from functional.inputs import exact, exact_loss, loss_inputs, stored
from logitwise import reference

BUDGET = VALUE_ULP["float64"]


@pytest.mark.parametrize("temperature", [1.0, 0.1, 3.0])
@pytest.mark.parametrize("function", ["softmax", "log_softmax"])
@pytest.mark.parametrize("name", CASES)
def test_probabilities(name, function, temperature):
    actual = getattr(reference, function)(CASES[name], temperature=temperature)
    check_ulp(actual, exact(function, name, "float64", temperature), "float64", BUDGET)


@pytest.mark.parametrize("name", CASES)
def test_logsumexp(name):
    largest = np.abs(CASES[name]).max(1, where=np.isfinite(CASES[name]), initial=0.0)
    check_ulp(reference.logsumexp(CASES[name]), exact("logsumexp", name, "float64"), "float64", BUDGET, scale=largest)


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_rows(name):
    logits, softmax, log_softmax, logsumexp = DEGENERATE[name]
    check_ulp(reference.softmax(np.array([logits])), np.array([softmax]), "float64", BUDGET)
    check_ulp(reference.log_softmax(np.array([logits])), np.array([log_softmax]), "float64", BUDGET)
    check_ulp(reference.logsumexp(np.array([logits])), np.array([logsumexp]), "float64", BUDGET)


@pytest.mark.parametrize("soft", [False, True], ids=["indices", "soft"])
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", [name for name in CASES if name != "many equal classes"])
def test_cross_entropy(name, option, soft):
    asked = loss_inputs(name, option, soft)[2]
    weighted = asked.distribution * asked.class_weight
    even = asked.smoothing / asked.class_weight.size * asked.class_weight
    coefficients = ((1.0 - asked.smoothing) * weighted + even) * asked.sample_weight[:, None]
    z_coefficient = (asked.z_loss * weighted.sum(1) * asked.sample_weight)[:, None]
    losses, gradient = reference.cross_entropy(stored(name, "float64"), coefficients, z_coefficient=z_coefficient)
    exact_losses, exact_gradient = exact_loss(name, "float64", option, soft)
    check_ulp(losses, exact_losses, "float64", BUDGET)
    scale = np.maximum(np.abs(exact_gradient).max(1, keepdims=True), coefficients.sum(1, keepdims=True))
    check_ulp(gradient, exact_gradient, "float64", GRADIENT_ULP["float64"], scale=scale)


@pytest.mark.parametrize("largest", [3.0, 20.0, 50.0, 300.0, 700.0])
@pytest.mark.parametrize("soft", [False, True], ids=["index", "soft"])
def test_the_gradient_at_a_sure_class_is_exact_in_the_tail(soft, largest):
    """Relative to the gradient itself, not to the weight of the row: minus the sum of the others, not `p - 1`."""
    logits, truth = np.array([[largest, 0.0, -1.0]]), np.array([[1.0, 0.0, 0.0]])
    coefficients = 0.5 * truth if soft else truth
    question = oracle.Loss(coefficients, np.ones(3), np.ones(1))
    exact_loss, exact_gradient = oracle.cross_entropy(logits, question)
    loss, gradient = reference.cross_entropy(logits, coefficients)
    check_ulp(loss, exact_loss, "float64", BUDGET)
    check_ulp(gradient, exact_gradient, "float64", BUDGET)


ELEMENTS = np.array(
    [0.0, -0.0, 1.0, -1.0, 17.5, -17.5, 40.0, -40.0, 700.0, -700.0, 745.0, -745.0, 1e-9, -1e-300, 36.7, -36.8]
)


def test_sigmoid():
    check_ulp(reference.sigmoid(ELEMENTS), oracle.sigmoid(ELEMENTS), "float64", BUDGET)
    check_ulp(reference.log_sigmoid(ELEMENTS), oracle.log_sigmoid(ELEMENTS), "float64", BUDGET)
    np.testing.assert_array_equal(reference.sigmoid(np.array([np.inf, -np.inf, np.nan])), [1.0, 0.0, np.nan])
    np.testing.assert_array_equal(reference.log_sigmoid(np.array([np.inf, -np.inf, np.nan])), [0.0, -np.inf, np.nan])


@pytest.mark.parametrize("pos_weight", [1.0, 2.5])
@pytest.mark.parametrize("target", [0.0, 1.0, 0.3])
@pytest.mark.parametrize("smoothing", [0.0, 1e-20, 0.1, 1.0])
def test_binary_cross_entropy(smoothing, target, pos_weight):
    targets = np.full(ELEMENTS.shape, target)
    given = (ELEMENTS, targets, pos_weight)
    losses, gradient = reference.binary_cross_entropy_with_logits(*given, label_smoothing=smoothing)
    exact_losses, exact_gradient = oracle.binary_cross_entropy(*given, smoothing)
    check_ulp(losses, exact_losses, "float64", BUDGET)
    scale = 0.0 if target in (0.0, 1.0) and smoothing == 0.0 else pos_weight
    check_ulp(gradient, exact_gradient, "float64", GRADIENT_ULP["float64"], scale=np.full(ELEMENTS.shape, scale))


def test_log_loss():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    distribution = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    check_ulp(
        reference.log_loss(probabilities, distribution), oracle.log_loss(probabilities, distribution), "float64", BUDGET
    )
    assert reference.log_loss(probabilities, distribution)[3] == np.inf
