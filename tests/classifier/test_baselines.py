"""The baselines: against scikit-learn, on the same rows, and what is concluded."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from classifier.made_trainer import made_arrays
from logitwise.classifier import Classifier, baselines
from logitwise.classifier.baselines import STRENGTHS, Comparison, choose_logistic, compare, fit_logistic
from logitwise.classifier.folds import given_split, plan_for
from logitwise.columns.table import read_table
from logitwise.evidence import logistic
from logitwise.evidence.logistic import logistic_beside
from logitwise.functional import softmax
from logitwise.metrics import summary

EXACT: dict[str, Any] = {"solver": "newton-cholesky", "tol": 1e-7}
CLOSE = 2e-3  # of a probability: what the tolerance of the solver leaves open


@pytest.mark.parametrize("n_classes", [2, 3])
def test_logistic_regression_is_scikit_learns(n_classes):
    generator = np.random.default_rng(0)
    target = generator.integers(0, n_classes, 200)
    inputs = (generator.normal(size=(200, 4)) + target[:, None] * [1, 0, -1, 0.5]).astype(np.float32)
    network = fit_logistic(inputs, target, np.ones(200), n_classes)
    expected = LogisticRegression(**EXACT).fit(inputs.astype(float), target).predict_proba(inputs)
    np.testing.assert_allclose(softmax(network.logits(inputs)[0].astype(float)), expected, atol=CLOSE)


def test_a_class_that_does_not_occur_is_all_but_impossible():
    inputs = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    network = fit_logistic(inputs, np.arange(20) % 2 * 2, np.ones(20), 3)
    assert softmax(network.logits(inputs)[0])[:, 1].max() < 1e-8
    alone = fit_logistic(inputs, np.ones(20, int), np.ones(20), 3)
    assert softmax(alone.logits(inputs)[0])[:, 1].min() > 1 - 1e-6


def circle(rows=400):
    X = np.random.default_rng(0).normal(size=(rows, 2))
    return X, ((X**2).sum(axis=1) > 1.4).astype(int)


def test_a_network_that_is_worth_it():
    compared = Classifier().fit(*circle()).baselines_
    assert compared.rows == 400
    assert compared.verdict.startswith("The network beats logistic regression: log loss 0.")
    assert set(compared.measures) == {"model", "majority class", "logistic regression"}
    found = compared.differences["logistic regression"]
    gap = compared.measures["model"]["log_loss"] - compared.measures["logistic regression"]["log_loss"]
    assert found["mean"] == pytest.approx(gap, rel=1e-9)
    assert found["low"] < found["mean"] < found["high"] < 0


def test_nothing_to_learn():
    generator = np.random.default_rng(0)
    verdict = Classifier().fit(generator.normal(size=(300, 3)), generator.integers(0, 2, 300)).baselines_.verdict
    assert verdict.startswith("Neither the network nor logistic regression learns much from the columns: log loss 0.")


def test_too_few_rows_to_know():
    """Thirty rows of a column that says a little: neither "little" nor "a lot" would be true."""
    generator = np.random.default_rng(1)
    y = generator.integers(0, 2, 40)
    compared = Classifier((), members=4, steps=100).fit(y[:, None] * 0.7 + generator.normal(size=(40, 1)), y).baselines_
    assert compared.differences["majority class"]["low"] < -0.05 < 0 < compared.differences["majority class"]["high"]
    assert compared.verdict.startswith(
        "40 held-out rows are too few to tell whether the columns say anything of the target: log loss 0."
    )


def compared_by(low, mean, high, strength=None):
    measures = {name: {"log_loss": loss} for name, loss in (("model", 0.5), ("logistic regression", 0.52))}
    measures["majority class"] = {"log_loss": 0.69}
    differences = {"logistic regression": {"low": low, "mean": mean, "high": high}, "majority class": {"high": -0.1}}
    return Comparison(1000, measures, differences, strength)


def compared(low, mean, high):
    return compared_by(low, mean, high).verdict


def test_a_verdict_is_a_finding_and_where_the_linear_model_is_better_what_to_do():
    for low, high, is_linear_better in (
        (-0.03, 0.01, False),
        (-0.03, -0.01, False),
        (0.0, 0.03, False),
        (0.01, 0.03, True),
    ):
        found = compared_by(low, 0.0, high)
        assert found.is_linear_better == is_linear_better
        advice = " Use scikit-learn's LogisticRegression(), or hidden=()."
        assert found.verdict == found.finding + advice * is_linear_better
    chosen = compared_by(0.01, 0.02, 0.03, 0.1).verdict
    assert " log loss 0.500 against 0.520 (C=0.1, the best of 9) on 1,000 held-out rows (" in chosen
    assert chosen.endswith(" Use scikit-learn's LogisticRegression(C=0.1), or hidden=().")
    nothing = replace(found, differences=found.differences | {"majority class": {"high": 0.0}})
    assert (nothing.is_linear_better, nothing.verdict) == (False, nothing.finding)
    assert replace(nothing, linear_gain={"high": -1e-9}).is_linear_better
    assert not replace(nothing, linear_gain={"high": 0.0}).is_linear_better
    assert not Comparison(0, {}, {}).is_linear_better
    lost = compared_by(0.01, 0.02, 0.03)
    assert replace(lost, averaging=0.009).is_linear_better
    together = replace(lost, averaging=0.01)
    assert not together.is_linear_better
    assert together.verdict == (
        "The network is not clearly worth it beside logistic regression: log loss 0.500 against 0.520 on 1,000 "
        "held-out rows (difference +0.020, 95% interval +0.010 to +0.030). One member voted on each row, and the mean "
        "of all is better by about 0.010."
    )


def test_verdicts():
    against = "log loss 0.500 against 0.520 on 1,000 held-out rows"
    assert compared(-0.03, -0.02, 0.01) == (
        f"The network is not clearly worth it beside logistic regression: {against} (difference -0.020, 95% interval "
        f"-0.030 to +0.010)."
    )
    assert compared(0.01, 0.02, 0.03) == (
        f"Logistic regression beats the network: {against} (difference +0.020, 95% interval +0.010 to +0.030). Use "
        f"scikit-learn's LogisticRegression(), or hidden=()."
    )
    assert Comparison(0, {}, {}).verdict == "No rows were held out, so nothing is known of how good the model is."


def test_verdicts_at_the_borders():
    against = "log loss 0.500 against 0.520 on 1,000 held-out rows"
    assert compared(-0.03, -0.02, -0.01) == (
        f"The network beats logistic regression: {against} (difference -0.020, 95% interval -0.030 to -0.010)."
    )
    for low, high in ((-0.03, 0.0), (0.0, 0.03)):
        assert compared(low, 0.0, high).startswith("The network is not clearly worth it beside logistic regression")


@pytest.mark.parametrize(
    ("loss", "accuracy", "is_decided"), [(0.0019, 1.0, False), (0.002, 1.0, True), (0.0019, 0.999, True)]
)
def test_models_that_are_right_in_every_row_are_not_told_apart(loss, accuracy, is_decided):
    """A thousand rows cannot show that 0.0001 is better than 0.0019."""
    found = compared_by(0.001, 0.0012, 0.0014)
    measures = {
        "model": {"log_loss": loss, "accuracy": accuracy},
        "logistic regression": {"log_loss": 0.0001, "accuracy": 1.0},
        "majority class": {"log_loss": 0.69, "accuracy": 0.5},
    }
    found = replace(found, measures=measures)
    assert found.is_linear_better is is_decided
    alike = "The network and logistic regression are right in every row, which decides nothing: log loss 0.002 against "
    assert found.verdict.startswith("Logistic regression beats" if is_decided else alike)


@pytest.mark.parametrize("high", [0.0, 0.02])
def test_columns_that_say_little(high):
    measures = {name: {"log_loss": loss} for name, loss in (("model", 0.68), ("logistic regression", 0.6))}
    measures["majority class"] = {"log_loss": 0.69}
    differences = {"logistic regression": {"low": -2, "mean": -1, "high": -0.5}, "majority class": {"high": high}}
    assert Comparison(1000, measures, differences).verdict == (
        "Neither the network nor logistic regression learns much from the columns: log loss 0.680, and 0.690 by the "
        "class frequencies alone."
    )
    known = {"mean": -0.01, "low": -0.03, "high": high}
    assert Comparison(1000, measures, differences | {"majority class": known}).verdict == (
        f"Neither the network nor logistic regression learns much from the columns: log loss 0.680, and 0.690 by the "
        f"class frequencies alone (difference -0.010, 95% interval -0.030 to {high:+.3f})."
    )
    known["low"] = -0.05 * 0.69 - 1e-9
    assert Comparison(1000, measures, differences | {"majority class": known}).verdict.startswith(
        "1,000 held-out rows are too few to tell whether the columns say anything of the target: log loss 0.680, and "
    )
    differences["majority class"]["high"] = -1e-9
    assert Comparison(1000, measures, differences).verdict.startswith("The network beats logistic regression")


def voted(rows, target, n_classes=3, seed=7):
    """Return what a made model says of rows."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(len(rows), n_classes)) + 1.5 * np.eye(n_classes)[target[rows]]
    return SimpleNamespace(rows=rows, log_probabilities=log_softmax(logits, axis=1), averaging=0.25)


def chosen_by_hand(arrays, plan, parts):
    """The strength whose pooled held-out loss is lowest, and its logistic regression of each part."""
    inputs, target, weight = arrays
    losses = {}
    for strength in STRENGTHS:
        peers = [
            LogisticRegression(C=strength, **EXACT).fit(
                inputs[rows].astype(float), target[rows], sample_weight=weight[rows]
            )
            for rows in plan.trained[:parts]
        ]
        each = [
            -peer.predict_log_proba(inputs[rows])[np.arange(len(rows)), target[rows]]
            for peer, rows in zip(peers, plan.held_out, strict=False)
        ]
        losses[strength] = np.concatenate(each).mean(), peers
    strength = min(losses, key=lambda each: losses[each][0])
    return strength, losses[strength][1]


def compared_by_hand(arrays, plan, model, parts, seed):
    """The losses of each row: the model's, those of frequencies, and those of a logistic regression of other rows."""
    inputs, target, weight = arrays
    losses, probabilities, rows = [], {"majority class": [], "logistic regression": []}, []
    strength, peers = chosen_by_hand(arrays, plan, parts)
    for part in range(parts):
        trained, held_out = plan.trained[part], plan.held_out[part]
        counts = np.array([weight[trained][target[trained] == label].sum() + 0.5 for label in range(3)])
        for row in held_out:
            rows.append(row)
            probabilities["majority class"].append(counts / counts.sum())
            probabilities["logistic regression"].append(peers[part].predict_proba(inputs[[row]])[0])
            losses.append(-model.log_probabilities[model.rows.tolist().index(row), target[row]])

    def difference(ours, theirs):
        gaps = np.array(ours) - np.array(theirs)
        generator = np.random.default_rng(seed)
        means = [gaps[generator.integers(len(gaps), size=len(gaps))].mean() for _ in range(500)]
        low, high = np.percentile(means, [2.5, 97.5])
        return {"mean": gaps.mean(), "low": low, "high": high}

    found, at_target = {}, {}
    for name, predicted in probabilities.items():
        at_target[name] = [-np.log(each[target[row]]) for each, row in zip(predicted, rows, strict=True)]
        found[name] = summary(target[rows], np.array(predicted)), difference(losses, at_target[name])
    gain = difference(at_target["logistic regression"], at_target["majority class"])
    return found, rows, losses, strength, gain


@pytest.mark.parametrize(
    ("given", "members", "parts"), [("folds", 3, 3), ("folds", 4, 4), ("folds", 6, 6), ("X_val", 3, 1)]
)
@pytest.mark.parametrize("seed", [0, 5])
def test_a_comparison_is_that_of_a_loop_over_folds(given, members, parts, seed):
    arrays = made_arrays(100, seed=1)
    plan = given_split(70, 30, members) if given == "X_val" else plan_for(arrays[1], members, np.random.default_rng(2))
    rows = np.arange(70, 100) if given == "X_val" else np.arange(100)
    model = voted(rows, arrays[1])
    found = compare(*arrays, plan, model, seed)
    expected, rows, losses, strength, gain = compared_by_hand(arrays, plan, model, parts, seed)
    assert found.rows == len(rows)
    assert strength == found.C
    assert found.measures.keys() == {"model", *expected}
    assert found.measures["model"]["log_loss"] == pytest.approx(np.mean(losses), rel=1e-9)
    for name, (measures, difference) in expected.items():
        assert found.measures[name] == pytest.approx(measures, abs=CLOSE)
        assert found.differences[name] == pytest.approx(difference, abs=CLOSE)
    assert found.linear_gain == pytest.approx(gain, abs=CLOSE)
    as_json = found.as_json()
    assert as_json == {
        "rows": found.rows,
        "measures": found.measures,
        "differences": found.differences,
        "C": strength,
        "linear_gain": found.linear_gain,
        "averaging": 0.25,
        "verdict": found.verdict,
    }


@pytest.mark.parametrize(
    ("losses", "tried", "best"),
    [
        ([5, 4, 3, 2, 1, 0.9, 0.8, 0.7, 0.6], 9, 8),
        ([5, 4, 3, 4, 5, 0.1, 0.1, 0.1, 0.1], 5, 2),
        ([5, 4, 3, 4, 2, 3, 3, 0.1, 0.1], 7, 4),
        ([1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], 3, 0),
    ],
)
def test_weaker_regularisation_is_tried_until_two_in_a_row_are_worse(losses, tried, best, monkeypatch):
    asked = []

    def network(self, strength):
        asked.append(strength)
        return losses[STRENGTHS.index(strength)]

    monkeypatch.setattr(baselines._Logistic, "network", network)
    monkeypatch.setattr(baselines, "_probabilities", lambda loss, rows: np.exp(np.full((len(rows), 2), -loss)))
    arrays = np.zeros((8, 1), np.float32), np.zeros(8, int), np.ones(8)
    chosen, networks = choose_logistic(*arrays, [(np.arange(4), np.arange(4, 8))], 2)
    assert asked == list(STRENGTHS[:tried])
    assert (chosen, networks) == (STRENGTHS[best], [losses[best]])


def test_of_many_inputs_the_strength_is_chosen_by_fewer_rows_than_are_fitted(monkeypatch):
    inputs, target, weight = made_arrays(600)
    folds = [(np.arange(400), np.arange(400, 600))]
    monkeypatch.setattr(baselines, "FEWEST_TO_CHOOSE", 50)
    monkeypatch.setattr(baselines, "MOST_TO_CHOOSE", 100 * 5 * 3)
    strength, [network] = choose_logistic(inputs, target, weight, folds, 3)
    quarter = (inputs[:400:4], target[:400:4], weight[:400:4])
    losses = {}
    for each in STRENGTHS:
        peer = LogisticRegression(C=each, **EXACT).fit(quarter[0].astype(float), quarter[1], quarter[2])
        losses[each] = -peer.predict_log_proba(inputs[400:])[np.arange(200), target[400:]].mean()
    assert strength == min(losses, key=lambda each: losses[each])
    whole = fit_logistic(inputs[:400], target[:400], weight[:400], 3, strength)
    np.testing.assert_array_equal(network.linear, whole.linear)
    monkeypatch.setattr(baselines, "FEWEST_TO_CHOOSE", 400)
    asked = []
    monkeypatch.setattr(baselines, "fit_logistic", lambda *args: asked.append(args))
    choose_logistic(inputs, target, weight, folds, 3)
    assert not asked


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 5.0}])
def test_class_weights_change_no_baseline(class_weight):
    """They change what is learnt best; the probabilities of the network are freed of them, and so are the others."""
    generator = np.random.default_rng(0)
    y = (generator.random(300) < 0.15).astype(int)
    X = generator.normal(size=(300, 2)) + y[:, None]
    plain, weighted = (
        Classifier((), members=2, steps=10, class_weight=each).fit(X, y).baselines_ for each in (None, class_weight)
    )
    for name in ("majority class", "logistic regression"):
        assert weighted.measures[name] == pytest.approx(plain.measures[name], rel=1e-4)
    assert plain.measures["logistic regression"]["log_loss"] < plain.measures["majority class"]["log_loss"]


def test_many_rows_are_compared_by_fewer_folds(monkeypatch):
    arrays = made_arrays(100)
    plan = plan_for(arrays[1], 5, np.random.default_rng(0))
    model = voted(np.arange(100), arrays[1])
    for work, folds in ((100 * 5 * 3 * 4, 4), (100 * 5 * 3 * 3 - 1, 2), (100 * 5 * 3, 1), (1, 1)):
        monkeypatch.setattr(baselines, "MOST_WORK", work)
        assert compare(*arrays, plan, model, 0).rows == folds * 20
    monkeypatch.setattr(baselines, "LOGISTIC_ROWS", 50)  # the work is that of the rows fitted by
    for work, folds in ((50 * 5 * 3 * 2, 2), (50 * 5 * 3 * 2 - 1, 1)):
        monkeypatch.setattr(baselines, "MOST_WORK", work)
        assert compare(*arrays, plan, model, 0).rows == folds * 20
    assert compare(*arrays, plan, voted(np.arange(0), arrays[1]), 0) == Comparison(0, {}, {})


@pytest.mark.parametrize(("columns", "folds"), [(1600, 5), (1601, 4), (8000, 1), (9000, 1)])
def test_twenty_million_products_are_enough(columns, folds, monkeypatch):
    target = np.arange(1250) % 2
    plan = plan_for(target, 5, np.random.default_rng(0))
    network = fit_logistic(np.zeros((4, columns), np.float32), np.zeros(4, int), np.ones(4), 2)
    monkeypatch.setattr(baselines, "choose_logistic", lambda *args: (1.0, [network] * len(args[3])))
    model = SimpleNamespace(rows=np.arange(1250), log_probabilities=np.log(np.full((1250, 2), 0.5)), averaging=0.0)
    assert compare(np.zeros((1250, columns), np.float32), target, np.ones(1250), plan, model, 0).rows == folds * 250


def test_a_comparison_shows_rows_a_logistic_regression_never_saw_and_weights_it_did():
    """All of class 0 where held out, though by the inputs alone they are of class 1, as those trained on."""

    def loss_of_unseen(strength, weight=None):
        peer = LogisticRegression(C=strength, **EXACT).fit(inputs[:60].astype(float), target[:60], weight)
        return -peer.predict_log_proba(inputs[60:])[:, 0].mean()

    inputs = np.repeat([[-2.0], [2.0]], 40, axis=0).astype(np.float32)
    target = np.repeat([0, 1], 40)
    target[60:] = 0
    model = SimpleNamespace(rows=np.arange(60, 80), log_probabilities=np.log(np.full((20, 2), 0.5)), averaging=0.0)
    found = compare(inputs, target, np.ones(80), given_split(60, 20, 2), model, 0)
    assert found.measures["logistic regression"]["log_loss"] == pytest.approx(loss_of_unseen(found.C), rel=0.01)
    assert found.measures["majority class"]["accuracy"] == 1.0
    assert found.measures["majority class"]["log_loss"] == pytest.approx(-np.log(40.5 / 61), rel=1e-12)
    weight = np.where(target == 1, 9.0, 1.0)
    found = compare(inputs, target, weight, given_split(60, 20, 2), model, 0)
    assert found.measures["majority class"]["log_loss"] == pytest.approx(-np.log(40.5 / 221), rel=1e-12)
    expected = loss_of_unseen(found.C, weight[:60])
    assert found.measures["logistic regression"]["log_loss"] == pytest.approx(expected, rel=0.01)
    assert expected > 1.1 * loss_of_unseen(found.C)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("absent", [None, 0])
def test_a_logistic_regression_is_weighted_and_knows_the_classes_by_place(n_classes, absent):
    generator = np.random.default_rng(0)
    target = generator.integers(0, n_classes, 150) + (absent == 0)
    places = n_classes + (absent == 0)
    inputs = (generator.normal(size=(150, 2)) + target[:, None]).astype(np.float32)
    weight = generator.random(150) * 4
    network = fit_logistic(inputs, target, weight, places)
    assert (network.hidden, network.output, network.members) == ((), None, 1)
    found = softmax(network.logits(inputs)[0].astype(float))
    expected = LogisticRegression(**EXACT).fit(inputs.astype(float), target, sample_weight=weight).predict_proba(inputs)
    np.testing.assert_allclose(found[:, -n_classes:], expected, atol=CLOSE)
    assert found[:, :-n_classes].max(initial=0) < 1e-8


@pytest.mark.parametrize(("rows", "step"), [(20_000, 1), (20_001, 2)])
def test_of_many_rows_every_so_manieth_is_fitted(rows, step):
    inputs, target, weight = made_arrays(rows)
    found = fit_logistic(inputs, target, weight, 3)
    peer = LogisticRegression(**EXACT).fit(inputs[::step].astype(float), target[::step], sample_weight=weight[::step])
    np.testing.assert_allclose(found.linear[0].T, peer.coef_, atol=1e-3)
    np.testing.assert_allclose(found.prior[0, 0], peer.intercept_, atol=1e-3)
    other = LogisticRegression(**EXACT).fit(inputs[::3].astype(float), target[::3], sample_weight=weight[::3])
    assert np.abs(found.linear[0].T - other.coef_).max() > 5e-3


@pytest.mark.parametrize(("most", "step"), [(20_000, 1), (400, 1), (399, 2), (150, 3)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_logistic_regression_beside_a_model_has_its_inputs_but_no_ramps(most, step, n_classes, monkeypatch):
    monkeypatch.setattr(logistic, "LOGISTIC_ROWS", most)
    generator = np.random.default_rng(0)
    X = generator.normal(size=(400, 2))
    labels = np.array(["c", "a", "b"])[(X[:, 0] + generator.normal(size=400) > 0).astype(int) + (X[:, 1] > 1)]
    labels = np.where(labels == "b", "a", labels) if n_classes == 2 else labels
    model = Classifier((4,), steps=10).fit(X, labels).model_
    assert model.preprocessing.n_inputs > model.preprocessing.n_deep == 2
    strength = model.metadata["baselines"]["C"]
    beside = logistic_beside(model, X, labels)
    inputs = model.preprocessing.encode(model.preprocessing.prepare(read_table(X)), slice(None))[:, :2]
    peer = LogisticRegression(C=strength, **EXACT).fit(inputs[::step].astype(float), labels[::step])
    np.testing.assert_allclose(beside.predict_proba(X), peer.predict_proba(inputs), atol=CLOSE)
    default = LogisticRegression(**EXACT).fit(inputs[::step].astype(float), labels[::step]).predict_proba(inputs)
    for metadata in ({}, {"baselines": None}, {"baselines": {"C": "weak"}}, {"baselines": {"C": -1.0}}):
        alone = logistic_beside(replace(model, metadata=metadata), X, labels)
        np.testing.assert_allclose(alone.predict_proba(X), default, atol=CLOSE)
    assert beside.classes.tolist() == sorted(set(labels.tolist()))
    assert (beside.calibration.method, beside.calibration.uniform) == ("none", 0.0)
    assert beside.costs is None
