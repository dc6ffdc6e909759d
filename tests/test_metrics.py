"""The metrics against scikit-learn, and against values worked out by hand."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics as peers

from logitwise import metrics


def predictions(classes: int, rows: int = 500):
    generator = np.random.default_rng(classes)
    logits = generator.normal(size=(rows, classes)) * 2
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return generator.integers(0, classes, rows), probabilities


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_agrees_with_scikit_learn(classes):
    target, probabilities = predictions(classes)
    predicted = probabilities.argmax(axis=1)
    summary = metrics.summary(target, probabilities)
    labels = np.arange(classes)
    assert summary["rows"] == 500
    assert summary["log_loss"] == pytest.approx(peers.log_loss(target, probabilities, labels=labels), rel=1e-12)
    assert summary["accuracy"] == peers.accuracy_score(target, predicted)
    brier = peers.brier_score_loss(target, probabilities, labels=labels, scale_by_half=False)
    assert summary["brier_score"] == pytest.approx(brier, rel=1e-12)
    matrix = metrics.confusion_matrix(target, predicted, classes)
    np.testing.assert_array_equal(matrix, peers.confusion_matrix(target, predicted, labels=labels))


def test_the_intervals_of_a_summary_hold_what_they_promise():
    hits = dict.fromkeys(("log_loss", "accuracy", "brier_score", "calibration_error_by_chance"), 0)
    repeats, rows = 60, 200
    for seed in range(repeats):
        generator = np.random.default_rng(seed)
        said = generator.beta(2, 1, rows)
        probabilities = np.stack([1 - said, said], axis=1)
        target = (generator.random(rows) < said).astype(int)
        found, measured = metrics.summary_intervals(target, probabilities), metrics.summary(target, probabilities)
        truth = {
            "log_loss": 0.5,  # E[-p ln p - (1-p) ln(1-p)], p of Beta(2, 1)
            "accuracy": 0.75,  # E[max(p, 1-p)]
            "brier_score": 1 / 3,  # E[2 p (1-p)]
            "calibration_error_by_chance": measured["calibration_error"],
        }
        for name, value in truth.items():
            hits[name] += found[name].low <= value <= found[name].high
    assert all(0.85 * repeats <= count for count in hits.values()), hits


def test_intervals_that_cannot_be_told_are_none():
    certain = metrics.summary_intervals([1, 0], [[1.0, 0.0], [1.0, 0.0]])
    assert certain["log_loss"] is None
    assert certain["brier_score"] == (0.0, 2.0)
    assert metrics.summary_intervals([0], [[0.7, 0.3]]) == {
        "log_loss": None,
        "accuracy": pytest.approx((0.2065, 1.0), abs=1e-4),
        "brier_score": None,
        "calibration_error_by_chance": None,
    }


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_roc_auc_agrees_with_scikit_learn_with_and_without_ties(decimals):
    target, probabilities = predictions(2)
    scores = probabilities[:, 1].round(decimals)
    assert metrics.roc_auc(target, scores) == pytest.approx(peers.roc_auc_score(target, scores), rel=1e-12)


def test_calibration_error_by_hand():
    probabilities = np.array([[0.95, 0.05]] * 4 + [[0.6, 0.4]] * 2)
    target = [0, 0, 0, 1, 1, 0]
    # Bin of 0.95: accuracy 3/4. Bin of 0.6: accuracy 1/2.
    expected = 4 / 6 * abs(0.95 - 0.75) + 2 / 6 * abs(0.6 - 0.5)
    assert metrics.calibration_error(target, probabilities) == pytest.approx(expected, rel=1e-12)
    # With one bin only the means are compared: 4/6 right, mean confidence 5/6.
    assert metrics.calibration_error(target, probabilities, bins=1) == pytest.approx(1 / 6, rel=1e-12)


def test_calibration_error_takes_certainty_and_perfection():
    assert metrics.calibration_error([0, 1], [[1.0, 0.0], [0.0, 1.0]]) == 0.0
    assert metrics.calibration_error([1, 0], [[1.0, 0.0], [0.0, 1.0]]) == 1.0


def test_certain_and_wrong_is_an_infinite_log_loss():
    assert metrics.summary([1], [[1.0, 0.0]])["log_loss"] == np.inf


def test_majority_baseline_has_the_entropy_of_the_labels():
    probabilities = metrics.majority_baseline([0, 1, 1, 1], 3, rows=4)
    np.testing.assert_array_equal(probabilities, np.tile([0.25, 0.75, 0.0], (4, 1)))
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert metrics.summary([0, 1, 1, 1], probabilities)["log_loss"] == pytest.approx(entropy, rel=1e-12)


GOOD = [[0.5, 0.5]]
BAD = [
    (
        lambda: metrics.accuracy([0.0], GOOD),
        TypeError,
        "target must be integers, class indices from 0; got dtype float64. Convert labels to indices first.",
    ),
    (lambda: metrics.accuracy([2], GOOD), ValueError, "target must be in [0, 1]; got 2 at row 0."),
    (lambda: metrics.accuracy([[0]], GOOD), ValueError, "target must be one-dimensional; got shape (1, 1)."),
    (
        lambda: metrics.accuracy([0, 1], GOOD),
        ValueError,
        "target must have one index a row of probabilities, 1; got 2.",
    ),
    (
        lambda: metrics.accuracy([], np.empty((0, 2))),
        ValueError,
        "probabilities must have shape (rows, classes), at least one of each; got (0, 2).",
    ),
    (
        lambda: metrics.brier_score([0], [[2.0, -1.0]]),
        ValueError,
        "probabilities must be in [0, 1]; got [2.0, -1.0] at row 0. For logits apply softmax first.",
    ),
    (
        lambda: metrics.brier_score([0], [[0.5, 0.25]]),
        ValueError,
        "probabilities must sum to 1 in each row; got 0.75 at row 0.",
    ),
    (lambda: metrics.calibration_error([0], GOOD, bins=0), ValueError, "bins must be 1 or more; got 0."),
    (
        lambda: metrics.confusion_matrix([0], [0, 1], 2),
        ValueError,
        "predicted must have one index a row of target, 1; got 2.",
    ),
    (lambda: metrics.confusion_matrix([0], [-1], 2), ValueError, "predicted must be in [0, 1]; got -1 at row 0."),
    (lambda: metrics.roc_auc([0, 1], [0.5]), ValueError, "scores must have the shape of target, (2,); got (1,)."),
    (lambda: metrics.roc_auc([0, 1], [0.5, np.nan]), ValueError, "scores must be numbers; got NaN at row 1."),
    (
        lambda: metrics.roc_auc([1, 1], [0.5, 0.6]),
        ValueError,
        "target must have both classes, 0 and 1; got 0 rows of class 0 and 2 of class 1.",
    ),
    (lambda: metrics.majority_baseline([], 2, 1), ValueError, "train_target must have at least one row; got none."),
]


@pytest.mark.parametrize(("call", "kind", "message"), BAD)
def test_refusals(call, kind, message):
    with pytest.raises(kind) as raised:
        call()
    assert str(raised.value) == message


def test_needs_numpy_alone():
    code = (
        "import sys, logitwise.metrics as m; m.summary([0], [[0.9, 0.1]]); "
        "print(sorted({'torch', 'sklearn'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"
