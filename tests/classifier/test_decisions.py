"""Decisions: costs and thresholds against the plain search, sets against the coverage they promise, refusals."""

import numpy as np
import pytest

from logitwise.classifier import Classifier, load
from logitwise.classifier.decisions import balanced_accuracy, check_goal, conformal_scores, decide, f1, prediction_sets


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
    from sklearn.metrics import balanced_accuracy_score, f1_score

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
        "threshold_for must have a row and a column a class, shape (2, 2); got (1, 2). Entry [i, j] is what it costs "
        "to predict class j where i is true.",
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
