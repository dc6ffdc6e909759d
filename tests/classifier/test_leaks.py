"""Leaks: what is fitted on some rows has the same bits whatever the others are; what is learnt from those changes."""

import numpy as np
import polars as pl
import pytest

from classifier.made_trainer import made_arrays, trained
from logitwise.classifier import Classifier, baselines, estimator
from logitwise.classifier.folds import given_split, plan_for

MEMBERS = 4


def made_rows(rows=90, seed=0):
    """Return a table with numbers, gaps and categories, and two classes that follow from it but for some noise."""
    generator = np.random.default_rng(seed)
    size, colour = generator.normal(size=rows), generator.choice(["red", "green", "blue"], rows)
    y = (size + (colour == "red") + generator.normal(size=rows) > 0.3).astype(int)
    gap = np.where(generator.random(rows) < 0.1, np.nan, generator.exponential(size=rows))
    return pl.DataFrame({"size": size, "colour": colour, "gap": gap}), y


def fit(X, y, *, hidden=(6,), steps=10, learning_rate=6e-3, threshold_for=None, **more):
    """Train; with ten steps there is one measurement, so that the last step is the best whatever it says."""
    options = {"steps": steps, "learning_rate": learning_rate, "threshold_for": threshold_for}
    return Classifier(hidden, members=MEMBERS, **options).fit(X, y, **more)


def arrays_of(preprocessing):
    knots = dict(enumerate(preprocessing.knots))
    own = {name: getattr(preprocessing, name) for name in ("offset", "scale", "fill", "had_gaps")}
    return {"levels": np.array(preprocessing.levels, dtype=object), **own, **knots}


def members_of(network):
    return [array for pair in network.hidden for array in pair] + [network.output, network.linear, network.prior]


def same(first, second):
    """Whether all arrays have the same bits."""
    return all(np.array_equal(one, two) for one, two in zip(first, second, strict=True))


def same_encoding(first, second):
    one, two = (arrays_of(each.model_.preprocessing) for each in (first, second))
    return one.keys() == two.keys() and same(one.values(), two.values())


@pytest.fixture(params=["inputs", "labels", "weights"])
def changed(request):
    """Return what changes the inputs, the labels or the weights of some rows, but not how frequent the classes are."""

    def change(arrays, rows):
        inputs, target, weight = (np.array(each) for each in arrays)
        if request.param == "inputs":
            inputs[rows] = -7.0 * inputs[rows][::-1]
        elif request.param == "labels":
            target[rows], weight[rows] = np.roll(target[rows], 1), np.roll(weight[rows], 1)
        else:
            for label in range(3):
                of_label = rows[target[rows] == label]
                weight[of_label] = np.roll(weight[of_label], 1)
        return inputs, target, weight

    return change


@pytest.mark.parametrize("member", range(MEMBERS))
def test_a_member_does_not_see_its_fold_and_each_other_does(member, changed):
    inputs, target, _ = made_arrays(64)
    weight = np.random.default_rng(1).integers(1, 8, 64).astype(np.float32) / 4  # whose sums are exact
    arrays, plan = (inputs, target, weight), plan_for(target, MEMBERS, np.random.default_rng(0))
    first, second = (trained(each, plan, steps=10) for each in (arrays, changed(arrays, plan.held_out[member])))
    one, two = (members_of(trainer.network()) for trainer in (first, second))
    assert same([array[member] for array in one], [array[member] for array in two])
    for other in set(range(MEMBERS)) - {member}:
        assert not any(same([a[other]], [b[other]]) for a, b in zip(one, two, strict=True))


def test_members_do_not_see_rows_held_out_from_all_of_them():
    """Not even how frequent the classes are among them, where members start."""
    inputs, target, weight = made_arrays(60)
    plan = given_split(40, 20, MEMBERS)
    others = inputs.copy(), target.copy(), weight.copy()
    for array, value in zip(others, (99.0, 1, 5.0), strict=True):
        array[40:] = value
    first, second = (trained(each, plan, steps=10) for each in ((inputs, target, weight), others))
    assert same(members_of(first.network()), members_of(second.network()))
    assert first.progress.train_loss == second.progress.train_loss
    assert first.progress.validation_loss != second.progress.validation_loss
    target = target.copy()
    target[0] = (target[0] + 1) % 3
    third = trained((inputs, target, weight), plan, steps=10)
    pairs = zip(members_of(first.network()), members_of(third.network()), strict=True)
    assert not any(same([one], [two]) for one, two in pairs)


def test_folds_of_a_classifier_are_not_seen_by_their_members(monkeypatch):
    X, y = made_rows()
    plan = plan_for(y, MEMBERS, np.random.default_rng(0))
    monkeypatch.setattr(estimator, "plan_for", lambda *args: plan)
    first = fit(X, y)
    for member, rows in enumerate(plan.held_out):
        scrambled = y.copy()
        scrambled[rows] = np.random.default_rng(1).permutation(y[rows])
        assert (scrambled != y).sum() >= 4
        second = fit(X, scrambled)
        one, two = (members_of(each.model_.network) for each in (first, second))
        is_same = [same([array[k] for array in one], [array[k] for array in two]) for k in range(MEMBERS)]
        assert is_same == [k == member for k in range(MEMBERS)]
        assert same_encoding(first, second)
        assert not np.array_equal(first.model_.conformal_scores, second.model_.conformal_scores)
        assert (first.model_.calibration.scale != second.model_.calibration.scale).all()


@pytest.fixture
def logistic_networks(monkeypatch):
    """Return the logistic regressions of each fit from now on, by strength."""
    fitted, choose, network = [], baselines.choose_logistic, baselines._Logistic.network

    def choose_spied(*args):
        fitted.append({})
        return choose(*args)

    def network_spied(self, strength):
        fitted[-1][strength] = network(self, strength)
        return fitted[-1][strength]

    monkeypatch.setattr(baselines, "choose_logistic", choose_spied)
    monkeypatch.setattr(baselines._Logistic, "network", network_spied)
    return fitted


def same_networks(one, two):
    """Return whether logistic regressions are the same wherever both fits tried a strength."""
    common = one.keys() & two.keys()
    return len(common) >= 3 and all(
        same((one[strength].linear, one[strength].prior), (two[strength].linear, two[strength].prior))
        for strength in common
    )


@pytest.mark.parametrize("goal", ["f1", "balanced_accuracy"])
def test_labels_of_validation_rows_change_what_is_learnt_from_them_and_nothing_else(goal, logistic_networks):
    X, y = made_rows()
    X_val, y_val = made_rows(60, seed=1)
    other = np.where(np.arange(60) % 3, y_val, 1)
    first, second = (fit(X, y, threshold_for=goal, X_val=X_val, y_val=each) for each in (y_val, other))
    assert same_encoding(first, second)
    assert same(members_of(first.model_.network), members_of(second.model_.network))
    assert first.history_["train_loss"] == second.history_["train_loss"]
    assert same_networks(*logistic_networks)
    for value in ("scale", "uniform"):
        pair = [getattr(each.model_.calibration, value) for each in (first, second)]
        assert np.array_equal(*pair) is (value == "uniform")
    assert not np.array_equal(first.model_.conformal_scores, second.model_.conformal_scores)
    assert first.history_["validation_loss"] != second.history_["validation_loss"]
    assert first.decision_.threshold != second.decision_.threshold
    assert first.baselines_.measures != second.baselines_.measures


def test_columns_of_validation_rows_change_neither_encoding_nor_members(logistic_networks):
    X, y = made_rows()
    X_val, y_val = made_rows(60, seed=1)
    wild = X_val.with_columns(
        size=pl.col("size") * 1e6, colour=pl.lit("pink"), gap=pl.when(pl.col("size") > 0).then(None).otherwise(9e9)
    )
    first, second = (fit(X, y, X_val=each, y_val=y_val) for each in (X_val, wild))
    without = fit(X, y)
    assert same_encoding(first, second)
    assert same_encoding(first, without)
    assert same(members_of(first.model_.network), members_of(second.model_.network))
    assert same_networks(*logistic_networks[:2])
    assert not np.array_equal(first.model_.conformal_scores, second.model_.conformal_scores)


def test_rows_of_training_change_everything():
    X, y = made_rows()
    X_val, y_val = made_rows(60, seed=1)
    other = y.copy()
    other[:20] = 1 - y[:20]
    moved = X.with_columns(size=pl.col("size") + pl.col("gap").fill_nan(0))
    first, labels, columns = (fit(*rows, X_val=X_val, y_val=y_val) for rows in ((X, y), (X, other), (moved, y)))
    for changed in (labels, columns):
        pairs = zip(members_of(first.model_.network), members_of(changed.model_.network), strict=True)
        assert not any(same([one], [two]) for one, two in pairs)
        assert first.baselines_.measures["logistic regression"] != changed.baselines_.measures["logistic regression"]
    assert same_encoding(first, labels)
    assert not same_encoding(first, columns)


def test_the_step_is_chosen_by_validation_rows_alone():
    X, y = made_rows()
    X_val, y_val = made_rows(60, seed=1)
    right, wrong = (fit(X, y, steps=60, hidden=(32,), X_val=X_val, y_val=each) for each in (y_val, 1 - y_val))
    assert right.best_step_ > wrong.best_step_ == 10
    steps = min(len(each.history_["step"]) for each in (right, wrong))
    assert right.history_["train_loss"][:steps] == wrong.history_["train_loss"][:steps]
    for each in (right, wrong):
        losses = each.history_["validation_loss"]
        assert each.best_step_ == each.history_["step"][int(np.argmin(losses))]
        assert np.argmin(each.history_["train_loss"]) == len(losses) - 1  # which would choose the last


def test_rows_of_weight_0_are_not_read():
    X, y = made_rows()
    weight = np.where(np.arange(90) % 5, 1.0, 0.0)
    wild = pl.DataFrame({"size": [1e9] * 90, "colour": ["pink"] * 90, "gap": [None] * 90}, schema=X.schema)
    at = pl.Series(weight == 0)
    other = X.with_columns(pl.when(at).then(wild[name]).otherwise(X[name]).alias(name) for name in X.columns)
    labels = np.where(weight == 0, 1 - y, y)
    first, second = (
        fit(*rows, steps=30, threshold_for="f1", sample_weight=weight) for rows in ((X, y), (other, labels))
    )
    assert same_encoding(first, second)
    assert same(members_of(first.model_.network), members_of(second.model_.network))
    one, two = (
        [each.model_.calibration.scale, each.model_.calibration.shift, each.model_.conformal_scores, each.model_.costs]
        for each in (first, second)
    )
    assert same(one, two)
    assert first.held_out_.after == second.held_out_.after
    assert first.baselines_ == second.baselines_
    assert first.history_ == second.history_
    without = fit(X.filter(~at), y[weight > 0], steps=30, threshold_for="f1")
    assert same_encoding(first, without)
    assert same(members_of(first.model_.network), members_of(without.model_.network))
    assert first.held_out_.after == without.held_out_.after
    assert first.baselines_ == without.baselines_


@pytest.mark.parametrize("given", ["folds", "X_val"])
def test_labels_without_a_rule_are_learnt_by_heart_and_not_known_of_held_out_rows(given):
    """Anything that measures, calibrates or compares on rows it was fitted on would be right here."""
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(120, 80)), np.arange(120) % 2
    more = {} if given == "folds" else {"X_val": X[80:], "y_val": y[80:]}
    rows = slice(None) if given == "folds" else slice(80)
    fitted = fit(X[rows], y[rows], steps=100, learning_rate=0.05, **more)
    assert (fitted.model_.uncalibrated().predict(X[rows]) == y[rows]).mean() > 0.95
    held_out = fitted.held_out_
    assert 0.3 < held_out.before["accuracy"] < 0.7
    assert held_out.after["log_loss"] > 0.6
    assert fitted.model_.calibration.scale.max() < 0.5
    assert np.median(held_out.conformal_scores) > 0.5
    assert 0.3 < fitted.baselines_.measures["logistic regression"]["accuracy"] < 0.7
    assert fitted.baselines_.differences["majority class"]["high"] > 0
    assert fitted.baselines_.linear_gain["high"] > 0


def test_later_rows_do_not_move_the_encoding():
    X, y = made_rows()
    later, labels = made_rows(90, seed=2)
    first = Classifier((6,), members=MEMBERS).partial_fit(X, y, classes=[0, 1])
    before = arrays_of(first.model_.preprocessing)
    fitted_alone = arrays_of(fit(X, y).model_.preprocessing)
    first.partial_fit(later.with_columns(size=pl.col("size") * 50), labels)
    after = arrays_of(first.model_.preprocessing)
    assert same(before.values(), after.values())
    assert same(before.values(), fitted_alone.values())


def test_predicting_leaves_a_model_as_it_was():
    X, y = made_rows()
    fitted = fit(X, y)
    before = [array.copy() for array in members_of(fitted.model_.network)]
    expected = fitted.predict_proba(X)
    fitted.predict_proba(X.with_columns(size=pl.col("size") * 1e6))
    assert same(before, members_of(fitted.model_.network))
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)
