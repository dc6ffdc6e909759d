"""Decisions: costs and thresholds against the plain search, sets against the coverage they promise, refusals."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from logitwise.classifier import Classifier, load
from logitwise.classifier.decisions import (
    Decision,
    check_goal,
    conformal_scores,
    decide,
)
from logitwise.metrics import balanced_accuracy, f1
from logitwise.model.prediction_sets import prediction_sets


def made_rows(rows=4000, n_classes=2, seed=0):
    """Return probabilities, and classes drawn from them; later classes are rarer."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(rows, n_classes)) * 1.5 - 1.2 * np.arange(n_classes)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return probabilities, (probabilities.cumsum(axis=1) > generator.random((rows, 1))).argmax(axis=1)


def test_costs_give_the_threshold_of_the_lowest_expected_cost():
    probabilities, target = made_rows()
    decision = decide(np.array([[0.0, 1.0], [4.0, 0.0]]), probabilities, target)
    assert decision.threshold == pytest.approx(0.2)
    assert decision.after < decision.before
    every = [
        np.mean(np.where(target == 1, 4.0 * (p < t), 1.0 * (p >= t)))
        for p in [probabilities[:, 1]]
        for t in np.linspace(0, 1, 101)
    ]
    assert decision.after == pytest.approx(min(every), abs=0.02)


def test_balanced_accuracy_is_near_the_best_threshold_there_is():
    probabilities, target = made_rows()
    decision = decide("balanced_accuracy", probabilities, target)
    at = [balanced_accuracy(target, (probabilities[:, 1] > t).astype(int), 2) for t in np.linspace(0.01, 0.99, 99)]
    assert decision.after == pytest.approx(max(at), abs=0.01)
    assert decision.threshold == pytest.approx((target == 1).mean(), rel=1e-9)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_f1_is_higher_on_these_rows_and_on_others(n_classes):
    probabilities, target = made_rows(n_classes=n_classes)
    decision = decide("f1", probabilities, target)
    assert decision.after > decision.before
    others, truth = made_rows(n_classes=n_classes, seed=1)
    assert f1(truth, (others @ decision.costs).argmin(axis=1), n_classes) > f1(truth, others.argmax(axis=1), n_classes)


def test_measures_agree_with_scikit_learn():
    generator = np.random.default_rng(0)
    for n_classes, average in ((2, "binary"), (3, "macro")):
        target, predicted = generator.integers(0, n_classes, (2, 100))
        assert f1(target, predicted, n_classes) == pytest.approx(f1_score(target, predicted, average=average))
        expected = balanced_accuracy_score(target, predicted)
        assert balanced_accuracy(target, predicted, n_classes) == pytest.approx(expected)


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
def test_sets_hold_the_true_class_as_often_as_asked(coverage):
    probabilities, target = made_rows(n_classes=4)
    scores = conformal_scores(np.log(probabilities), target)
    others, truth = made_rows(n_classes=4, seed=1)
    sets = prediction_sets(np.log(others), scores, coverage)
    assert sets.any(axis=1).all()
    most_probable = (others.argmax(axis=1) == truth).mean()  # always in the set
    assert sets[np.arange(len(truth)), truth].mean() == pytest.approx(max(coverage, most_probable), abs=0.02)
    assert 1 <= sets.sum(axis=1).mean() < 4


def test_few_rows_promise_little():
    scores = np.sort(np.random.default_rng(0).random(19))
    log_probabilities = np.log(np.full((3, 2), 0.5))
    assert prediction_sets(log_probabilities, scores, 0.95).shape == (3, 2)
    with pytest.raises(ValueError) as raised:
        prediction_sets(log_probabilities, scores, 0.99)
    assert str(raised.value) == (
        "coverage must be at most 0.95 with 19 held-out rows; got 0.99. Ask for less, or train on more rows."
    )


def test_scores_of_very_many_rows_become_quantiles():
    log_probabilities, target = np.log(np.random.default_rng(0).random((25_000, 2))), np.arange(25_000) % 2
    scores = conformal_scores(log_probabilities, target)
    assert len(scores) == 10_000
    exact = np.sort(-log_probabilities[np.arange(25_000), target])
    assert scores[8999] == exact[22_499]


def test_a_classifier_keeps_its_decision_in_its_file(tmp_path):
    generator = np.random.default_rng(0)
    y = (generator.random(400) < 0.2).astype(int)
    X = generator.normal(size=(400, 2)) + y[:, None]
    classifier = Classifier((8,), threshold_for="balanced_accuracy").fit(X, y)
    probabilities = classifier.predict_proba(X)
    np.testing.assert_array_equal(classifier.predict(X), probabilities[:, 1] > classifier.decision_.threshold)
    assert classifier.predict(X).mean() > 1.3 * probabilities.argmax(axis=1).mean()
    classifier.save(tmp_path / "m.safetensors")
    loaded = load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded.predict(X), classifier.predict(X))
    np.testing.assert_array_equal(loaded.predict_set(X, 0.9), classifier.predict_set(X, 0.9))
    assert loaded.metadata["decision"] == classifier.decision_.as_json()
    assert classifier.predict_set(X, 0.9)[np.arange(400), y].mean() > 0.88


def sets_of_two(losses, scores, coverage):
    """Return whether the first of two classes belongs to the set, given its loss; the second is the most probable."""
    log_probabilities = np.stack([-np.asarray(losses), np.full(len(losses), 1.0)], axis=1)
    sets = prediction_sets(log_probabilities, np.asarray(scores), coverage)
    assert sets[:, 1].all()
    return sets[:, 0]


@pytest.mark.parametrize("count", [1, 9, 19, 99])
def test_the_quantile_of_conformal_scores_is_exact(count):
    """For n scores: the smallest that has (n + 1) coverage of them at or below it."""
    scores = np.arange(1.0, count + 1)
    for rank in range(1, count + 1):
        for coverage, expected in (
            (rank / (count + 1), rank),
            ((rank - 1e-4) / (count + 1), rank),
            ((rank - 0.999) / (count + 1), rank),
            ((rank + 1e-4) / (count + 1), rank + 1),
        ):
            if expected > count:
                with pytest.raises(ValueError, match=rf"at most 0\.\d+ with {count} held-out rows"):
                    sets_of_two(scores, scores, coverage)
            else:
                inside = sets_of_two([expected - 1e-9, expected, expected + 1e-9], scores, coverage)
                assert inside.tolist() == [True, True, False], (rank, coverage)


@pytest.mark.parametrize("rank", range(1, 20))
def test_of_twenty_rows_alike_as_many_are_covered_as_asked(rank):
    """Each of 20 rows in turn is the new one, beside 19 others: exactly rank of them have their class in the set."""
    losses = np.random.default_rng(rank).exponential(size=20)
    covered = [sets_of_two([losses[new]], np.sort(np.delete(losses, new)), rank / 20)[0] for new in range(20)]
    assert sum(covered) == rank


def test_the_most_probable_class_always_belongs_and_others_by_their_loss():
    log_probabilities = np.log([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.6, 0.3, 0.1]])
    scores = -np.log([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.35, 0.25, 0.15])  # the sixth of nine: 0.4
    expected = [[False, True, False], [False, False, True], [True, False, False]]
    assert prediction_sets(log_probabilities, scores, 0.6).tolist() == expected
    assert prediction_sets(log_probabilities, scores, 0.8).tolist() == [
        [False, True, True],
        [False, False, True],
        [True, True, False],
    ]
    assert prediction_sets(log_probabilities, scores, np.float32(0.1)).tolist() == expected


def test_scores_are_the_losses_of_the_true_classes_in_order():
    log_probabilities = np.log([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])
    found = conformal_scores(log_probabilities, np.array([0, 1, 0]))
    np.testing.assert_allclose(found, -np.log([0.9, 0.5, 0.2]), rtol=1e-12)
    assert conformal_scores(np.zeros((0, 2)), np.zeros(0, dtype=np.int64)).shape == (0,)


@pytest.mark.parametrize("rows", [10_000, 10_001, 19_999, 30_000, 70_000])
def test_each_of_ten_thousand_scores_is_the_quantile_of_its_place(rows):
    """The k-th is the smallest that has a share of k / 10,000 at or below it, in whole numbers."""
    losses = np.random.default_rng(0).permutation(np.arange(rows, dtype=np.float64))
    found = conformal_scores(np.stack([-losses, losses], axis=1), np.zeros(rows, dtype=np.int64))
    assert found.tolist() == [-(-rank * rows // 10_000) - 1 for rank in range(1, 10_001)]


@pytest.mark.parametrize(
    ("costs", "threshold"),
    [
        ([[0, 1], [1, 0]], 1 / 2),
        ([[0, 3], [1, 0]], 3 / 4),
        ([[0, 1], [3, 0]], 1 / 4),
        ([[1, 3], [8, 2]], 2 / 8),
        ([[-1, 3], [0, -4]], 4 / 8),
    ],
)
def test_the_threshold_is_where_both_classes_cost_the_same(costs, threshold):
    decision = Decision("costs", np.array(costs, dtype=np.float64), None, None)
    assert decision.threshold == pytest.approx(threshold, rel=1e-12)
    assert decision.as_json() == {"for": "costs", "value": decision.threshold, "before": None, "after": None}
    for probability, predicted in ((threshold - 1e-9, 0), (threshold + 1e-9, 1)):
        assert (np.array([1 - probability, probability]) @ decision.costs).argmin() == predicted


def test_more_than_two_classes_have_no_threshold():
    decision = Decision("f1", 1.0 - np.eye(3), 0.25, 0.5)
    assert decision.threshold is None
    assert decision.as_json() == {"for": "f1", "value": None, "before": 0.25, "after": 0.5}


def test_mean_costs_before_and_after_are_counted():
    costs = np.array([[0.0, 1.0, 5.0], [2.0, 0.5, 4.0], [9.0, 3.0, 0.0]])
    probabilities, target = made_rows(300, 3)
    decision = decide(costs, probabilities, target)
    paid = {"before": 0.0, "after": 0.0}
    for row, true in zip(probabilities, target, strict=True):
        expected = [sum(row[other] * costs[other, said] for other in range(3)) for said in range(3)]
        paid["before"] += costs[true, row.argmax()] / 300
        paid["after"] += costs[true, expected.index(min(expected))] / 300
    assert (decision.before, decision.after) == pytest.approx((paid["before"], paid["after"]), rel=1e-12)
    assert (decision.goal, decision.costs is costs) == ("costs", True)
    assert decide(costs, np.zeros((0, 3)), np.zeros(0, dtype=np.int64)) == Decision("costs", costs, None, None)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_balanced_accuracy_weighs_a_class_by_one_over_its_frequency(n_classes):
    probabilities, target = made_rows(400, n_classes)
    counts = np.bincount(target)
    decision = decide("balanced_accuracy", probabilities, target)
    expected = np.array(
        [[0.0 if true == said else 400 / counts[true] for said in range(n_classes)] for true in range(n_classes)]
    )
    np.testing.assert_allclose(decision.costs, expected, rtol=1e-12)
    weighted = (probabilities / counts).argmax(axis=1)
    assert decision.before == pytest.approx(balanced_accuracy_score(target, probabilities.argmax(axis=1)), rel=1e-12)
    assert decision.after == pytest.approx(balanced_accuracy_score(target, weighted), rel=1e-12)
    assert decision.after != decision.before


def test_a_class_that_no_held_out_row_has_counts_as_one_row():
    decision = decide("balanced_accuracy", np.full((8, 3), 1 / 3), np.array([0] * 6 + [2] * 2))
    np.testing.assert_allclose(decision.costs.max(axis=1), [8 / 6, 8.0, 4.0], rtol=1e-12)


def f1_by_hand(target, predicted, labels):
    counts = [((target == label) & (predicted == label)).sum() for label in labels]
    both = [(target == label).sum() + (predicted == label).sum() for label in labels]
    return np.mean([2 * hits / max(1, rows) for hits, rows in zip(counts, both, strict=True)])


def searched_by_hand(probabilities, target):
    """The search for f1: each class in turn over the odds at which it begins to win."""
    n_classes = probabilities.shape[1]
    weights, present = np.ones(n_classes), np.unique(target)
    for _ in range(1 if n_classes == 2 else 3):
        for place in [1] if n_classes == 2 else range(n_classes):
            others = [other for other in range(n_classes) if other != place]
            odds = np.log((probabilities * weights)[:, others].max(axis=1) / probabilities[:, place])
            candidates = np.exp(np.unique(np.percentile(odds, range(1, 100))))
            scores = []
            for candidate in candidates:
                weights[place] = candidate
                predicted = (probabilities * weights).argmax(axis=1)
                scores.append(f1_by_hand(target, predicted, [1] if n_classes == 2 else present))
            best = [at for at, score in enumerate(scores) if score >= max(scores) - 1e-12]
            weights[place] = candidates[best[len(best) // 2]]
    return weights


@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize("rows", [15, 150])  # few have wide plateaus
def test_the_weights_for_f1_are_those_of_a_plain_search(rows, n_classes):
    probabilities, target = made_rows(rows, n_classes, seed=3)
    decision = decide("f1", probabilities, target)
    weights = searched_by_hand(probabilities, target)
    np.testing.assert_allclose(decision.costs, weights[:, None] * (1 - np.eye(n_classes)), rtol=1e-9)
    labels = [1] if n_classes == 2 else np.unique(target)
    assert decision.before == pytest.approx(f1_by_hand(target, probabilities.argmax(axis=1), labels), rel=1e-12)
    assert decision.after == pytest.approx(f1_by_hand(target, (probabilities * weights).argmax(axis=1), labels))
    assert decision.after > decision.before


def test_a_probability_of_zero_is_no_obstacle_to_the_search():
    probabilities = np.array([[1.0, 0.0]] * 5 + [[0.0, 1.0]] * 4 + [[0.6, 0.4]] * 3)
    target = np.array([0] * 5 + [1] * 7)
    decision = decide("f1", probabilities, target)
    assert np.isfinite(decision.costs).all()
    assert (decision.before, decision.after) == (pytest.approx(8 / 11), 1.0)
    assert np.exp(-20) <= decision.costs[1, 0] <= np.exp(20)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_measures_of_classes_that_are_absent_or_never_predicted(n_classes):
    target, predicted = np.array([0, 0, 1, 1, 1]), np.array([1, 0, 1, 1, 0])
    only = np.zeros(5, dtype=np.int64)
    scores = [2 * 1 / (2 + 2), 2 * 2 / (3 + 3)]
    assert f1(target, predicted, n_classes) == pytest.approx(scores[1] if n_classes == 2 else np.mean(scores))
    assert f1(only, predicted, n_classes) == (0.0 if n_classes == 2 else pytest.approx(2 * 2 / (5 + 2)))
    assert f1(target, only, n_classes) == (0.0 if n_classes == 2 else pytest.approx((2 * 2 / (2 + 5)) / 2))
    assert balanced_accuracy(target, predicted, n_classes) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert balanced_accuracy(only, predicted, n_classes) == pytest.approx(2 / 5)


def test_a_goal_is_checked_and_copied():
    assert check_goal(None, 2) is None
    assert check_goal("f1", 2) == "f1"
    assert check_goal("balanced_accuracy", 5) == "balanced_accuracy"
    given = np.array([[1, 2], [3, 2]])
    costs = check_goal(given, 2)
    given[0, 1] = 9
    assert (costs.dtype, costs.tolist()) == (np.float64, [[1.0, 2.0], [3.0, 2.0]])


@pytest.mark.parametrize(
    ("costs", "where"),
    [
        ([[0, 0], [1, 0]], "got 0 at [0, 1], where being right costs 0"),
        ([[2, 1], [3, 0]], "got 1 at [0, 1], where being right costs 2"),
        ([[0, 1], [2, 2]], "got 2 at [1, 0], where being right costs 2"),
        ([[0, np.inf], [1, 0]], "got inf at [0, 1], where being right costs 0"),
        ([[0, 1], [1, np.nan]], "got nan at [1, 1], where being right costs nan"),
    ],
)
def test_a_mistake_must_cost_more_than_being_right(costs, where):
    with pytest.raises(ValueError) as raised:
        check_goal(costs, 2)
    expected = "threshold_for must have finite costs, each higher than that of being right; "
    assert str(raised.value) == f"{expected}{where}."


@pytest.mark.parametrize("coverage", [True, None, "0.9", [0.9]])
def test_a_coverage_is_a_number(coverage):
    with pytest.raises(TypeError) as raised:
        prediction_sets(np.zeros((1, 2)), np.zeros(9), coverage)
    assert str(raised.value) == f"coverage must be a number; got {coverage!r}."


@pytest.mark.parametrize("coverage", [0, 1, -0.5, 1.5, float("nan")])
def test_a_coverage_is_between_0_and_1(coverage):
    with pytest.raises(ValueError) as raised:
        prediction_sets(np.zeros((1, 2)), np.zeros(9), coverage)
    assert str(raised.value) == f"coverage must be between 0 and 1; got {coverage:g}."


def test_without_held_out_rows_no_coverage_can_be_promised():
    with pytest.raises(ValueError, match=r"coverage must be at most 0 with 0 held-out rows; got 0\.5\."):
        prediction_sets(np.zeros((1, 2)), np.zeros(0), 0.5)


WITHOUT_ROWS = (np.arange(8.0)[:, None], np.arange(8) % 2)
BAD = [
    (
        lambda: check_goal("f2", 2),
        ValueError,
        "threshold_for must be None, one of ('balanced_accuracy', 'f1') or a matrix of costs; got 'f2'.",
    ),
    (
        lambda: check_goal(object, 2),
        TypeError,
        "threshold_for must be None, one of ('balanced_accuracy', 'f1') or a matrix of costs; got <class 'object'>.",
    ),
    (
        lambda: check_goal([[0, 1]], 2),
        ValueError,
        "threshold_for must have a row and a column for each class, shape (2, 2); got (1, 2). Entry [i, j] is what it "
        "costs to predict class j where i is true.",
    ),
    (
        lambda: check_goal([[0, 1], [0, 0]], 2),
        ValueError,
        "threshold_for must have finite costs, each higher than that of being right; got 0 at [1, 0], where being "
        "right costs 0.",
    ),
    (
        lambda: Classifier((), threshold_for="f1").fit(*WITHOUT_ROWS),
        ValueError,
        "threshold_for must be None or a matrix of costs where no rows are held out; got 'f1'. Train on more rows, or "
        "pass X_val.",
    ),
    (
        lambda: prediction_sets(np.zeros((1, 2)), np.zeros(9), "all"),
        TypeError,
        "coverage must be a number; got 'all'.",
    ),
    (
        lambda: prediction_sets(np.zeros((1, 2)), np.zeros(9), 1.0),
        ValueError,
        "coverage must be between 0 and 1; got 1.",
    ),
]


@pytest.mark.parametrize(("call", "kind", "message"), BAD)
def test_refusals(call, kind, message):
    with pytest.raises(kind) as raised:
        call()
    assert str(raised.value) == message
