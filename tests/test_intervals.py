"""Intervals against values from the literature, against SciPy, and against what they promise."""

import numpy as np
import pytest
from scipy.stats import binomtest

from logitwise._intervals import bootstrap_means, chance_calibration_error, middle, wilson
from logitwise.metrics import calibration_error
from report.made_evidence import made_predictions


@pytest.mark.parametrize(("hits", "rows"), [(0, 10), (1, 1), (9, 10), (500, 1000)])
def test_wilson_agrees_with_scipy(hits, rows):
    peer = binomtest(hits, rows).proportion_ci(method="wilson")
    assert wilson(hits, rows) == pytest.approx((peer.low, peer.high), abs=1e-6)


def test_of_no_rows_anything_may_be_true():
    assert wilson(0, 0) == (0.0, 1.0)


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
