"""The findings against the metrics, against scikit-learn, and against values worked out by hand."""

import numpy as np
import pytest
from sklearn import metrics as peers

from logitwise.metrics import summary
from logitwise.report import Evidence, confidently_wrong
from logitwise.report.findings import (
    class_findings,
    confidence_shares,
    confusion,
    measures,
    reliability,
    thresholds,
    top_confusions,
)
from report.made_evidence import made_evidence, made_predictions


def by_hand(**changes):
    """Return four rows of three classes: one 2 is taken for 0; class 1 never occurs and is once predicted."""
    probabilities = np.array([[0.9, 0.05, 0.05], [0.2, 0.5, 0.3], [0.7, 0.1, 0.2], [0.1, 0.1, 0.8]])
    parts = {
        "title": "m",
        "where": "4 rows",
        "classes": ["a", "b", "c"],
        "target": np.array([0, 2, 2, 2]),
        "probabilities": probabilities,
        "baselines": {"a third each": np.full((4, 3), 1 / 3)},
    }
    return Evidence(**(parts | changes))


@pytest.mark.parametrize("n_classes", [2, 5])
def test_measures_are_those_of_the_metrics(n_classes):
    evidence = made_evidence(n_classes=n_classes)
    own = summary(evidence.target, evidence.probabilities)
    baseline = summary(evidence.target, evidence.baselines["the class frequencies alone"])
    for measure, name in zip(measures(evidence), ("accuracy", "log_loss", "brier_score"), strict=True):
        assert measure.value == pytest.approx(own[name], rel=1e-12)
        assert measure.baselines == pytest.approx((baseline[name],), rel=1e-12)
        gain = abs(own[name] - baseline[name])
        assert measure.interval.low < own[name] < measure.interval.high
        assert 0 < measure.gains[0].low < gain < measure.gains[0].high


def test_one_row_has_values_but_no_intervals():
    evidence = made_evidence(rows=1, examples=[])
    assert [measure.interval for measure in measures(evidence)] == [None] * 3
    assert [measure.gains for measure in measures(evidence)] == [(None,)] * 3


def test_a_probability_of_zero_makes_the_loss_infinite_and_its_interval_unknown():
    evidence = by_hand(probabilities=np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1.0]]))
    accuracy, loss, brier = measures(evidence)
    assert (loss.value, loss.interval, loss.gains) == (np.inf, None, (None,))
    assert (accuracy.value, brier.value) == (0.75, 0.5)
    assert accuracy.interval == pytest.approx((0.300642, 0.954413), abs=1e-6)


def test_reliability_of_two_classes_is_that_of_the_second():
    probability = np.array([0.12, 0.18, 0.85, 0.85, 0.85])
    first, last = reliability(np.array([0, 1, 1, 1, 0]), np.stack([1 - probability, probability], axis=1))
    assert (first.said, first.happened, first.rows, first.is_off) == (pytest.approx(0.15), 0.5, 2, False)
    assert (last.said, last.happened, last.rows) == (pytest.approx(0.85), pytest.approx(2 / 3), 3)


def test_reliability_of_more_classes_is_that_of_the_confidence():
    evidence = by_hand()
    found = {bin_.said: (bin_.happened, bin_.rows) for bin_ in reliability(evidence.target, evidence.probabilities)}
    assert found == {0.5: (0.0, 1), 0.7: (0.0, 1), 0.8: (1.0, 1), 0.9: (1.0, 1)}


def test_a_bin_is_off_where_chance_does_not_explain_it():
    always = np.tile([0.05, 0.95], (200, 1))
    assert [bin_.is_off for bin_ in reliability(np.arange(200) % 2, always)] == [True]


def test_recall_and_precision_agree_with_scikit_learn():
    evidence = made_evidence(n_classes=5)
    found = sorted(class_findings(evidence), key=lambda each: each.place)
    recall = peers.recall_score(evidence.target, evidence.predicted, average=None)
    precision = peers.precision_score(evidence.target, evidence.predicted, average=None)
    assert [each.recall for each in found] == pytest.approx(recall.tolist())
    assert [each.precision for each in found] == pytest.approx(precision.tolist())


def test_classes_come_with_the_most_mistakes_first_and_nan_where_nothing_is_known():
    evidence = by_hand()
    found = class_findings(evidence)
    assert [(each.place, each.mistakes) for each in found] == [(2, 2), (0, 1), (1, 1)]
    assert np.isnan(found[2].recall)
    assert (found[2].precision, found[0].recall) == (0.0, pytest.approx(1 / 3))


def test_confusion_of_some_classes_gathers_the_others():
    np.testing.assert_array_equal(confusion(by_hand(), [0, 1, 2])[:, :3], [[1, 0, 0], [0, 0, 0], [1, 1, 1]])
    np.testing.assert_array_equal(confusion(by_hand(), [2]), [[1, 2]])


def test_top_confusions_are_the_most_frequent():
    evidence = by_hand(target=np.array([0, 2, 2, 0]))
    assert top_confusions(evidence, 5) == [(0, 2, 1), (2, 0, 1), (2, 1, 1)]
    assert top_confusions(evidence, 1) == [(0, 2, 1)]


def test_confidence_shares_add_up_to_one_each():
    evidence = made_evidence(n_classes=3)
    edges, right, wrong = confidence_shares(evidence)
    assert (edges[0], edges[-1], len(right)) == (pytest.approx(0.3), 1.0, 14)
    assert (right.sum(), wrong.sum()) == (pytest.approx(1.0), pytest.approx(1.0))


def test_thresholds_agree_with_scikit_learn():
    target, probabilities = made_predictions(500, 2)
    found = thresholds(target, probabilities[:, 1])[30]
    answered = probabilities[:, 1] >= found.threshold
    assert found.threshold == pytest.approx(0.3)
    assert found.precision == pytest.approx(peers.precision_score(target, answered))
    assert found.recall == pytest.approx(peers.recall_score(target, answered))
    assert found.f1 == pytest.approx(peers.f1_score(target, answered))
    assert found.flagged == answered.sum()
    assert found.false_alarms == (answered & (target == 0)).sum()
    assert found.missed == (~answered & (target == 1)).sum()


def test_confidently_wrong_rows_come_most_confident_first_and_ties_by_row():
    probabilities = np.array([[0.4, 0.6], [0.1, 0.9], [0.8, 0.2], [0.4, 0.6]])
    assert confidently_wrong(np.zeros(4, dtype=int), probabilities, 10).tolist() == [1, 0, 3]
    assert confidently_wrong(np.zeros(4, dtype=int), probabilities, 1).tolist() == [1]


BAD = [
    ({"baselines": {}}, ValueError, "baselines must hold at least one prediction to compare with; got none."),
    (
        {"classes": ["a", "b"]},
        ValueError,
        "probabilities must have shape (rows, classes), (4, 2); got (4, 3). Measure the model on rows of its own "
        "classes.",
    ),
    (
        {"baselines": {"coin": np.full((3, 3), 1 / 3)}},
        ValueError,
        "baselines['coin'] must have shape (rows, classes), (4, 3); got (3, 3). Measure the model on rows of its own "
        "classes.",
    ),
    (
        {"before_calibration": np.zeros((4, 2))},
        ValueError,
        "before_calibration must have shape (rows, classes), (4, 3); got (4, 2). Measure the model on rows of its own "
        "classes.",
    ),
    ({"target": np.array([0, 1, 2, 3])}, ValueError, "target must be in [0, 2]; got 3 at row 3."),
    (
        {"target": np.array([0.0, 1, 2, 0])},
        TypeError,
        "target must be integers, class indices from 0; got dtype float64. Convert labels to indices first.",
    ),
]


@pytest.mark.parametrize(("changes", "kind", "message"), BAD)
def test_refusals(changes, kind, message):
    with pytest.raises(kind) as raised:
        by_hand(**changes)
    assert str(raised.value) == message
