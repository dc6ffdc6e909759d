"""The findings against the metrics, against scikit-learn, and against values worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as peers

from logitwise.metrics import summary
from logitwise.metrics.intervals import Interval, wilson
from logitwise.report_page import Evidence, confidently_wrong
from logitwise.report_page.findings import (
    Bin,
    CalibrationFinding,
    calibration,
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
    baseline["accuracy"] = 1 / n_classes  # its classes tie, and none of them comes first
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


def test_of_a_calibrated_model_some_point_is_off_in_one_report_of_twenty_at_most():
    made = [made_predictions(300, n_classes, seed, sharpness=1.0) for n_classes in (2, 4) for seed in range(200)]
    off = [any(each.is_off for each in reliability(*predictions)) for predictions in made]
    assert sum(off) <= 20  # of 400


def test_a_point_is_off_where_so_many_bins_do_not_explain_it():
    """Of ten bins of 100 rows, one is beyond the interval of its own, but not beyond that of all ten."""
    said = np.repeat(np.arange(0.05, 1, 0.1), 100)
    target = np.concatenate([np.arange(100) < 100 * each for each in np.arange(0.05, 1, 0.1)]).astype(int)
    for hits, is_off in ((93, False), (97, True)):
        target[800:900] = np.arange(100) < hits
        found = reliability(target, np.stack([1 - said, said], axis=1))
        assert [each.is_off for each in found] == [False] * 8 + [is_off] + [False]
        assert wilson(93, 100).low > 0.85


def test_the_error_is_not_within_chance_where_a_point_is_off():
    said = np.where(np.arange(2000) < 40, 0.65, 0.02)
    target = np.where(np.arange(2000) < 40, np.arange(2000) % 10 == 0, np.arange(2000) % 50 == 0).astype(int)
    stated = np.stack([1 - said, said], axis=1)
    found = calibration(Evidence("m", "rows", ["a", "b"], target, stated, {"itself": stated}))
    assert found.points_off == 1
    assert not replace(found, error=0.0).is_within_chance
    assert replace(found, error=0.0, points_off=0).is_within_chance


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


def test_confusion_of_some_classes_is_in_the_order_asked_for():
    np.testing.assert_array_equal(confusion(by_hand(), [2, 0]), [[1, 1, 1], [0, 1, 0]])


def test_top_confusions_of_many_classes_do_not_overflow_small_indices():
    target = np.array([200, 200, 3, 4], dtype=np.uint8)
    evidence = made_evidence(4, 250, target=target, probabilities=np.eye(250)[[100, 100, 249, 4]], examples=[])
    assert top_confusions(evidence, 5) == [(200, 100, 2), (3, 249, 1)]


def test_top_confusions_are_the_most_frequent():
    evidence = by_hand(target=np.array([0, 2, 2, 0]))
    assert top_confusions(evidence, 5) == [(0, 2, 1), (2, 0, 1), (2, 1, 1)]
    assert top_confusions(evidence, 1) == [(0, 2, 1)]


def test_confidence_shares_add_up_to_one_each():
    evidence = made_evidence(n_classes=3)
    edges, right, wrong = confidence_shares(evidence)
    assert (edges[0], edges[-1], len(right)) == (pytest.approx(0.3), 1.0, 14)
    assert (right.sum(), wrong.sum()) == (pytest.approx(1.0), pytest.approx(1.0))


@pytest.mark.parametrize(
    ("n_classes", "lowest", "bins"), [(2, 0.5, 10), (3, 0.3, 14), (20, 0.05, 19), (21, 0, 20), (50, 0, 20)]
)
def test_confidence_starts_at_the_last_edge_that_no_answer_can_be_below(n_classes, lowest, bins):
    edges, right, wrong = confidence_shares(made_evidence(n_classes=n_classes))
    assert edges[0] == pytest.approx(lowest)
    np.testing.assert_allclose(np.diff(edges), 0.05)
    assert (len(right), len(wrong)) == (bins, bins)


def test_answers_by_cost_below_that_edge_are_in_the_first_bin():
    target, said = np.array([1, 1, 1, 0, 0]), np.array([0.3, 0.41, 0.94, 0.32, 0.11])
    pairs = np.stack([1 - said, said], axis=1)
    costs = np.array([[0.0, 1.0], [3.0, 0.0]])  # the second class from 0.25 on
    evidence = made_evidence(5, target=target, probabilities=pairs, costs=costs, examples=[])
    assert evidence.confidence.tolist() == [0.3, 0.41, 0.94, 0.32, 0.89]
    _, right, wrong = confidence_shares(evidence)
    assert right.tolist() == [0.5, 0, 0, 0, 0, 0, 0, 0.25, 0.25, 0]
    assert wrong.tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]


def test_where_nothing_is_wrong_no_share_is():
    evidence = made_evidence(3, target=np.array([0, 1, 1]), probabilities=np.eye(2)[[0, 1, 1]], examples=[])
    _, right, wrong = confidence_shares(evidence)
    assert (right.sum(), wrong.sum()) == (1.0, 0.0)


def test_bins_of_probability_hold_their_upper_edge():
    said = np.array([0.0, 0.1, 0.1001, 0.5, 0.9, 0.9001, 1.0])
    found = reliability(np.zeros(7, dtype=int), np.stack([1 - said, said], axis=1))
    assert [(bin_.said, bin_.rows) for bin_ in found] == [
        (pytest.approx(0.05), 2),
        (pytest.approx(0.1001), 1),
        (pytest.approx(0.5), 1),
        (pytest.approx(0.9), 1),
        (pytest.approx(0.95005), 2),
    ]


@pytest.mark.parametrize(("said", "is_off"), [(0.2, False), (0.1999, True), (0.6, False), (0.6001, True)])
def test_a_bin_is_off_beyond_either_end_of_its_interval(said, is_off):
    assert Bin(said, 0.4, Interval(0.2, 0.6), 9).is_off is is_off


@pytest.mark.parametrize(("error", "within"), [(0.29, True), (0.3, True), (0.31, False)])
def test_an_error_as_large_as_chance_makes_it_is_within_chance(error, within):
    assert CalibrationFinding(error, Interval(0.1, 0.3), 0.0).is_within_chance is within


def test_calibration_tells_too_sure_from_not_sure_enough():
    target = np.repeat([0, 1], [9, 1])
    sure, unsure = (np.tile([1 - p, p], (10, 1)) for p in (0.02, 0.3))
    found = [calibration(made_evidence(10, target=target, probabilities=each, examples=[])) for each in (sure, unsure)]
    assert [each.overconfidence for each in found] == [pytest.approx(0.98 - 0.9), pytest.approx(0.7 - 0.9)]
    assert [each.error for each in found] == [pytest.approx(0.08), pytest.approx(0.2)]


def test_a_threshold_flags_what_reaches_it():
    probability = np.array([0.1, 0.3, 0.3, 0.8])
    at = {round(100 * each.threshold): each for each in thresholds(np.array([0, 1, 0, 1]), probability)}
    assert len(at) == 101
    counts = {place: (at[place].flagged, at[place].false_alarms, at[place].missed) for place in (0, 10, 11, 30, 31, 80)}
    assert counts == {0: (4, 2, 0), 10: (4, 2, 0), 11: (3, 1, 0), 30: (3, 1, 0), 31: (1, 0, 1), 80: (1, 0, 1)}
    assert (at[81].flagged, at[81].missed, at[81].recall, at[81].f1) == (0, 2, 0.0, 0.0)
    assert np.isnan(at[81].precision)
    assert (at[31].precision, at[31].recall, at[31].f1) == (1.0, 0.5, pytest.approx(2 / 3))


def test_without_a_positive_row_recall_is_unknown():
    assert np.isnan(thresholds(np.array([0, 0]), np.array([0.2, 0.6]))[50].recall)


def test_the_threshold_of_costs_weighs_an_alarm_against_a_miss():
    costs = np.array([[0.5, 1.5], [4.25, 0.25]])  # an alarm costs 1 more than no alarm, a miss 4 more than a hit
    pairs = np.array([[0.81, 0.19], [0.79, 0.21]])
    evidence = made_evidence(2, target=np.array([0, 1]), probabilities=pairs, costs=costs, examples=[])
    assert evidence.threshold == 0.2
    assert evidence.predicted.tolist() == [0, 1]
    assert confidently_wrong(np.array([1, 0]), pairs, 5, costs).tolist() == [0, 1]
    assert confidently_wrong(np.array([1, 0]), pairs, 5).tolist() == [0]
    assert made_evidence(2, examples=[]).threshold == 0.5


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
    (
        {"baselines": {"coin": np.full((4, 3), 0.5)}},
        ValueError,
        "probabilities must sum to 1 in each row; got 1.5 at row 0.",
    ),
    (
        {"before_calibration": np.full((4, 3), 0.2)},
        ValueError,
        "probabilities must sum to 1 in each row; got 0.6 at row 0.",
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
