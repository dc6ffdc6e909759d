"""Calibration: the fits against scikit-learn's and SciPy's optimisers, and what they cannot do."""

import numpy as np
import pytest
from scipy.optimize import minimize

from logitwise.calibration import (
    HIGHEST,
    LOWEST,
    PRIOR,
    UNSEEN,
    Calibration,
    _objective,
    among_present,
    fit_calibration,
    sharpening,
    temperature_of,
)
from logitwise.functional import log_softmax


def made_logits(rows=600, n_classes=3, seed=0, temperature=2.0, shift=0.0):
    """Return logits and classes drawn from softmax(logits / temperature + shift)."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(rows, n_classes)) * 2
    probabilities = np.exp(log_softmax(logits / temperature + shift * np.arange(n_classes)))
    return logits, (probabilities.cumsum(axis=1) > generator.random((rows, 1))).argmax(axis=1)


def loss(logits, target, weight=None):
    return np.average(-log_softmax(logits)[np.arange(len(target)), target], weights=weight)


@pytest.mark.parametrize("start", [0.1, 1.0, 15.0])
def test_the_temperature_is_that_of_a_general_optimiser_wherever_it_starts(start):
    logits, target = made_logits()
    weight = np.random.default_rng(1).random(len(target))
    found, least = temperature_of(logits, target, weight, start)
    expected = minimize(lambda place: loss(logits / np.exp(place[0]), target, weight), [0.0], tol=1e-12)
    assert found == pytest.approx(np.exp(expected.x[0]), rel=1e-3)
    assert least == pytest.approx(expected.fun, rel=1e-9)


def test_a_temperature_stays_within_bounds():
    logits = np.array([[5.0, 0.0], [0.0, 5.0]])
    assert temperature_of(logits, np.array([0, 1]))[0] == pytest.approx(LOWEST)
    assert temperature_of(logits, np.array([1, 0]))[0] == pytest.approx(HIGHEST)


def test_gradient_and_hessian_are_those_of_finite_differences():
    logits, target = made_logits(rows=50)
    weight = np.full(50, 1 / 50)
    place = np.concatenate([[0.5, 0.7, 0.6], [0.1, -0.2, 0.0]])
    _, slope, curvature = _objective(place, logits, target, weight)
    for at, direction in enumerate(np.eye(6) * 1e-5):
        above, below = (_objective(place + sign * direction, logits, target, weight) for sign in (1, -1))
        assert slope[at] == pytest.approx((above[0] - below[0]) / 2e-5, abs=1e-8)
        np.testing.assert_allclose(curvature[at], (above[1] - below[1]) / 2e-5, atol=1e-8)


@pytest.mark.parametrize(("n_classes", "method"), [(2, "affine"), (3, "vector")])
def test_a_shift_is_found_where_the_rows_justify_it(n_classes, method):
    logits, target = made_logits(2000, n_classes, shift=0.8)
    fit = fit_calibration(logits, target)
    assert fit.calibration.method == method
    assert fit.losses[method] < fit.losses["temperature"]
    np.testing.assert_allclose(np.diff(fit.calibration.shift), 0.8, atol=0.2)
    np.testing.assert_allclose(fit.calibration.scale, 0.5, atol=0.1)
    assert loss(fit.log_probabilities, target) == pytest.approx(fit.losses[method], rel=1e-12)


def test_temperature_alone_where_it_is_enough():
    logits, target = made_logits(2000)
    fit = fit_calibration(logits, target)
    assert fit.calibration.method == "temperature"
    assert fit.calibration.shift.tolist() == [0, 0, 0]
    np.testing.assert_allclose(fit.calibration.scale, 1 / 2.0, rtol=0.1)
    assert fit.calibration.uniform == 1 / 2001


def test_rows_that_are_all_right_do_not_make_certain():
    logits = np.array([[4.0, 0.0]] * 30 + [[0.0, 4.0]] * 30)
    fit = fit_calibration(logits, np.repeat([0, 1], 30))
    assert np.exp(fit.calibration.log_probabilities(logits)).max() < 1 - 0.4 / 61


def test_the_mixture_is_with_the_uniform_distribution():
    calibration = Calibration(np.array([2.0, 1.0]), np.array([0.0, 0.5]), 0.1, "vector")
    logits = np.array([[1.0, -1.0], [900.0, -900.0]])
    exact = np.exp(logits * [2.0, 1.0] + [0.0, 0.5] - [[2.0], [1800.0]])
    expected = 0.9 * exact / exact.sum(axis=1, keepdims=True) + 0.05
    np.testing.assert_allclose(np.exp(calibration.log_probabilities(logits)), expected, rtol=1e-12)


def test_no_calibration_changes_nothing():
    logits = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_array_equal(Calibration.none(3).log_probabilities(logits), log_softmax(logits))


def test_few_rows_and_a_part_without_weight():
    logits, target = made_logits(rows=7)
    weight = np.zeros(7)
    weight[2] = 1.0
    fit = fit_calibration(logits, target, weight)
    assert fit.calibration.method == "temperature"
    assert np.isfinite(fit.log_probabilities).all()


def test_rows_say_nothing_of_a_class_that_none_has():
    """Its logits are as if they were not there: they would otherwise be pushed down without end."""
    logits, target = made_logits(rows=400)
    given = target != 1
    fitted = fit_calibration(logits[given], target[given]).calibration
    among, places = among_present(logits[given], target[given])
    np.testing.assert_array_equal(among, logits[given][:, [0, 2]])
    np.testing.assert_array_equal(places, target[given] // 2)
    temperature, _ = temperature_of(among, places, prior=PRIOR)
    assert (fitted.method, fitted.uniform) == ("temperature", 1 / (given.sum() + 1))
    np.testing.assert_allclose(fitted.scale, np.full(3, 1 / temperature), rtol=1e-6)
    np.testing.assert_array_equal(fitted.shift, np.zeros(3))
    assert temperature == pytest.approx(2.0, abs=0.4)


def test_a_single_class_is_all_there_is_to_fit_by():
    logits, target = np.zeros((3, 2)), np.zeros(3, dtype=np.int64)
    np.testing.assert_array_equal(among_present(logits, target)[0], logits)


def test_a_start_that_is_not_positive():
    with pytest.raises(ValueError, match=r"^start must be positive and finite; got 0\.0\.$"):
        temperature_of(np.zeros((2, 2)), np.array([0, 1]), start=0)


@pytest.mark.parametrize("rows", [3, 40, 5000])
def test_the_prior_is_worth_as_much_as_its_precision_says(rows):
    logits, target = made_logits(rows, temperature=0.3)

    def loss(place):
        return -log_softmax(logits * np.exp(place))[np.arange(rows), target].mean() + PRIOR * place**2 / (2 * rows)

    peer = minimize(lambda place: loss(place[0]), [0.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-14})
    temperature, found = temperature_of(logits, target, prior=PRIOR)
    assert -np.log(temperature) == pytest.approx(peer.x[0], abs=1e-3)
    assert found == pytest.approx(peer.fun - PRIOR * peer.x[0] ** 2 / (2 * rows), abs=1e-5)


def test_few_rows_that_are_all_right_do_not_make_a_model_ever_surer():
    logits = np.log([[0.9, 0.1]] * 20 + [[0.1, 0.9]] * 20)
    target = np.repeat([0, 1], 20)
    assert temperature_of(logits, target)[0] == pytest.approx(LOWEST)
    scale = fit_calibration(logits, target).calibration.scale
    assert (scale > 1).all()
    assert (scale < 3).all()


@pytest.mark.parametrize("noise", [0.0, 0.7, 1.4])
def test_sharpening_foresees_what_the_mean_of_members_needs(noise):
    generator = np.random.default_rng(0)
    logits, target = made_logits(6000, temperature=1.0)
    members = logits + noise * generator.normal(size=(8, *logits.shape))
    alone, _ = temperature_of(members[0], target)
    together, _ = temperature_of(np.log(np.exp(log_softmax(members)).mean(axis=0)), target)
    seen = logits + (members[1:] - logits) / UNSEEN  # those that were trained on a row agree more on it
    factor = sharpening(members[0], seen, target)
    assert factor == pytest.approx(alone / together, rel=0.15)
    assert (factor < 1.01) == (noise == 0.0)


def test_without_others_nothing_is_sharpened():
    logits, target = made_logits(30)
    assert sharpening(logits, logits[None] + 1.0, target) == 1.0
    assert sharpening(logits[:0], np.zeros((7, 0, 3)), target[:0]) == 1.0


def test_a_sharpened_calibration_has_its_logits_multiplied():
    calibration = Calibration(np.array([2.0, 1.0]), np.array([0.0, 0.5]), 0.0, "vector")
    logits = np.array([[1.0, -1.0]])
    expected = log_softmax(3.0 * (logits * [2.0, 1.0] + [0.0, 0.5]))
    np.testing.assert_allclose(calibration.sharpened(3.0).log_probabilities(logits), expected, rtol=1e-12)
