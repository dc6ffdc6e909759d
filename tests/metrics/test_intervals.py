"""Intervals against values from the literature, against SciPy, and against what they promise."""

from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import binomtest

from logitwise.metrics import calibration_error
from logitwise.metrics.intervals import (
    _rounds,
    bootstrap_means,
    chance_calibration_error,
    exact_interval,
    losses_by_row,
    middle,
    wilson,
)
from report.made_evidence import made_predictions


@pytest.mark.parametrize(("hits", "rows"), [(0, 10), (1, 1), (9, 10), (500, 1000)])
def test_wilson_agrees_with_scipy(hits, rows):
    peer = binomtest(hits, rows).proportion_ci(method="wilson")
    assert wilson(hits, rows) == pytest.approx((peer.low, peer.high), abs=1e-6)


def test_of_no_rows_anything_may_be_true():
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.995])
@pytest.mark.parametrize(
    ("hits", "rows"), [(0, 1), (1, 1), (1, 2), (0, 30), (3, 30), (29, 30), (700, 1000), (5, 10**5), (4 * 10**5, 10**6)]
)
def test_the_exact_interval_agrees_with_scipy(hits, rows, confidence):
    peer = binomtest(hits, rows).proportion_ci(confidence, method="exact")
    assert exact_interval(hits, rows, confidence) == pytest.approx((peer.low, peer.high), rel=1e-8, abs=1e-12)


def test_the_bootstrap_has_the_standard_error_of_the_mean():
    values = np.random.default_rng(1).normal(size=(2000, 1))
    low, high = middle(bootstrap_means(values)[:, 0])
    assert high - low == pytest.approx(2 * 1.96 / np.sqrt(2000), rel=0.08)
    assert low < values.mean() < high


def test_the_bootstrap_is_paired():
    values = np.random.default_rng(2).normal(size=(300, 1))
    draws = bootstrap_means(np.hstack([values, values + 0.25]))
    np.testing.assert_allclose(draws[:, 1] - draws[:, 0], 0.25, rtol=1e-12)


def test_a_calibrated_model_lies_within_chance_and_a_sharper_one_does_not():
    for sharpness, is_within in ((1.0, True), (3.0, False)):
        target, probabilities = made_predictions(3000, 4, sharpness=sharpness)
        by_chance = chance_calibration_error(probabilities.max(axis=1))
        error = calibration_error(target, probabilities)
        assert (error <= by_chance.high) is is_within
        assert 0 < by_chance.low < by_chance.high < 0.05


def test_a_certain_model_leaves_no_room_for_chance():
    assert chance_calibration_error(np.ones(50)) == (0.0, 0.0)


@pytest.mark.parametrize("rows", [1, 2, 17, 100_000])
def test_wilson_is_its_closed_form_and_stays_within_0_and_1(rows):
    for hits in {0, 1, rows // 2, rows - 1, rows}:
        z, share = NormalDist().inv_cdf(0.975), hits / rows
        half = z / (rows + z * z) * np.sqrt(rows * share * (1 - share) + z * z / 4)
        centre = (hits + z * z / 2) / (rows + z * z)
        low, high = wilson(hits, rows)
        assert low == pytest.approx(max(0.0, centre - half), rel=1e-5, abs=1e-12)
        assert high == pytest.approx(min(1.0, centre + half), rel=1e-6)
        assert 0 <= low < high <= 1


def test_losses_of_a_row_are_the_log_loss_and_the_brier_score():
    found = losses_by_row(np.array([0, 2, 1]), np.array([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75], [1.0, 0.0, 0.0]]))
    squares = [0.25 + 2 / 16, 2 / 64 + 1 / 16, 2.0]
    np.testing.assert_allclose(found, np.transpose([[np.log(2), -np.log(0.75), np.inf], squares]), rtol=1e-12)


@pytest.mark.parametrize("rows", [1, 2, 50])
def test_the_bootstrap_is_that_of_a_plain_loop(rows):
    values = np.random.default_rng(rows).exponential(size=(rows, 2))
    generator, expected = np.random.default_rng(0), []
    for _ in range(1000):
        drawn = [values[place] for place in generator.integers(0, rows, rows)]
        expected.append(sum(drawn) / rows)
    np.testing.assert_allclose(bootstrap_means(values), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("rows", "rounds"), [(1, 1000), (20_000, 1000), (20_020, 999), (40_000, 500), (100_000, 200), (10**7, 200)]
)
def test_more_rows_are_drawn_in_fewer_rounds(rows, rounds):
    assert _rounds(rows) == rounds


def test_the_middle_is_95_of_100():
    draws = np.random.default_rng(0).permutation(np.arange(401.0))
    assert middle(draws) == (10.0, 390.0)
    assert (middle(draws).low, middle(draws).high) == (10.0, 390.0)


@pytest.mark.parametrize("bins", [4, 15])
def test_the_calibration_error_by_chance_is_that_of_drawn_answers(bins):
    """In the bins of `calibration_error`; confidences on their edges too."""
    generator = np.random.default_rng(1)
    confidence = np.concatenate([generator.uniform(0.5, 1, 60), [0.5, 0.75, 1.0] * 10])
    generator, errors = np.random.default_rng(0), []
    probabilities = np.stack([1 - confidence, confidence], axis=1)
    probabilities[probabilities[:, 1] == 0.5] = [0.5 - 1e-12, 0.5]
    for _ in range(250):
        right = generator.random(len(confidence)) < confidence
        errors.append(calibration_error(right.astype(int), probabilities, bins=bins))
    found = chance_calibration_error(confidence, bins)
    assert found == pytest.approx(tuple(np.percentile(errors, [2.5, 97.5])), rel=1e-9)
    assert (chance_calibration_error(confidence) == found) is (bins == 15)
