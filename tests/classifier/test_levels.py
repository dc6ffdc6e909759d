"""Categories of many levels: their effects, what becomes of them, and what a logistic regression gets."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import OneHotEncoder

import logitwise as lw
from logitwise.classifier import baselines, training
from logitwise.classifier.columns import fit_preprocessing
from logitwise.classifier.folds import FOLDS_TO_LEARN_BY, folds_to_learn_by, given_split, plan_for
from logitwise.classifier.levels import effects, learning
from logitwise.classifier.levels.effects import Levels, Rows, fit_effects
from logitwise.classifier.levels.learning import FEWEST_OF_LEVEL, TrainingRows, effects_of_rows, learn_effects
from logitwise.classifier.levels.uncut import uncut, uncut_inputs
from logitwise.columns.table import read_table
from logitwise.evidence import logistic
from logitwise.evidence.logistic import logistic_beside
from logitwise.model.onnx_file import export_onnx
from model.test_onnx_file import feed_of, run_graph


def drawn(probabilities, generator):
    return (generator.random((len(probabilities), 1)) > probabilities.cumsum(axis=1)).sum(axis=1)


def softmax(logits):
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def made(rows=1500, n_levels=150, classes=2, seed=0, spread=1.2, columns=1):
    """Return a frame of a number and of columns of levels, the classes that follow, and the effects of the levels."""
    generator = np.random.default_rng(seed)
    number = generator.normal(size=rows)
    logits = number[:, None] * np.linspace(-1, 1, classes)
    frame, codes, truth = {"number": number}, [], []
    for place in range(columns):
        codes.append(generator.integers(0, n_levels, rows))
        truth.append(generator.normal(scale=spread, size=(n_levels, classes)))
        logits = logits + truth[-1][codes[-1]]
        frame[f"place {place}"] = [f"p{code}" for code in codes[-1]]
    return pl.DataFrame(frame), drawn(softmax(logits), generator), codes, truth


def rows_of(frame, y, fold, classes):
    return Rows(np.float32(frame["number"].to_numpy()[:, None]), y, np.ones(len(y)), fold, classes)


def folds(rows, count=8, seed=3):
    return np.random.default_rng(seed).integers(0, count, rows)


@pytest.mark.parametrize("classes", [2, 3])
def test_effects_maximise_the_penalised_likelihood(classes, monkeypatch):
    monkeypatch.setattr(effects, "ROUNDS", 300)
    generator = np.random.default_rng(1)
    codes = [generator.integers(0, count, 400) for count in (9, 5)]
    target, weight = generator.integers(0, classes, 400), generator.uniform(0.5, 2, 400)
    target[codes[0] < 3] = 0
    base = generator.normal(size=(400, classes))
    columns = [effects._Column(each + 1, count + 1) for each, count in zip(codes, (9, 5), strict=True)]
    found, variances = effects._solved(columns, base, target, weight)

    def loss(flat):
        first, second = np.split(flat, [9 * classes])
        first, second = first.reshape(9, classes), second.reshape(5, classes)
        logits = base + first[codes[0]] + second[codes[1]]
        penalty = (first**2).sum() / 2 / variances[0] + (second**2).sum() / 2 / variances[1]
        return -(weight * np.log(softmax(logits))[np.arange(400), target]).sum() + penalty

    best = minimize(loss, np.zeros(14 * classes))
    assert loss(np.concatenate([each[1:].ravel() for each in found])) < best.fun + 0.01
    assert not any(each[0].any() for each in found)


@pytest.mark.parametrize("classes", [2, 4])
def test_effects_are_those_of_the_levels_and_few_rows_shrink_them(classes):
    frame, y, codes, truth = made(6000, 200, classes)
    found = fit_effects(Levels((codes[0],), (200,)), rows_of(frame, y, folds(6000), classes))
    assert found.columns == (0,)
    [values], [of_rows], width = found.values, found.of_rows, 1 if classes == 2 else 4
    assert (values.dtype, values.shape, of_rows.shape) == (np.float32, (200, width), (6000, width))
    wanted = truth[0] - truth[0].mean(axis=1, keepdims=True) if classes > 2 else truth[0][:, 1:] - truth[0][:, :1]
    assert np.corrcoef(values.ravel(), wanted.ravel())[0, 1] > 0.85
    few = fit_effects(Levels((codes[0][:600],), (200,)), rows_of(frame[:600], y[:600], folds(600), classes))
    assert few.values[0].std() < 0.8 * values.std()


def test_levels_that_say_nothing_have_no_effects():
    generator = np.random.default_rng(0)
    for seed in range(5):
        frame, y, codes, _ = made(1500, 150, seed=seed)
        useless, singles = generator.integers(0, 300, 1500), np.arange(1500)
        found = fit_effects(Levels((useless, codes[0], singles), (300, 150, 1500)), rows_of(frame, y, folds(1500), 2))
        assert found.columns == (1,)


def test_the_fold_of_a_row_never_counts():
    """Whatever the classes of a fold are, the effects of its rows are the same; those of other rows are not."""
    frame, y, codes, _ = made(600, 40, columns=2)
    levels, fold = Levels(tuple(codes), (40, 40)), folds(600, 4)
    fold[:50] = -1
    first = fit_effects(levels, rows_of(frame, y, fold, 2), choose=False)
    for own in range(4):
        others = np.where(fold == own, 1 - y, y)
        second = fit_effects(levels, rows_of(frame, others, fold, 2), choose=False)
        for one, two in zip(first.of_rows, second.of_rows, strict=True):
            np.testing.assert_array_equal(one[fold == own], two[fold == own])
            assert not np.array_equal(one[fold == (own + 1) % 4], two[fold == (own + 1) % 4])
    held_out = fit_effects(levels, rows_of(frame, np.where(fold == -1, 1 - y, y), fold, 2), choose=False)
    for one, two in zip((*first.of_rows, *first.values), (*held_out.of_rows, *held_out.values), strict=True):
        np.testing.assert_array_equal(one, two)
    for values, of_rows, each in zip(first.values, first.of_rows, codes, strict=True):
        np.testing.assert_array_equal(of_rows[:50], values[each[:50]])


def test_what_is_missing_has_no_effect():
    frame, y, codes, _ = made(800, 40)
    missing = np.where(np.arange(800) % 5 == 0, -1, codes[0])
    found = fit_effects(Levels((missing,), (40,)), rows_of(frame, y, folds(800), 2))
    assert not found.of_rows[0][::5].any()
    assert found.of_rows[0][1::5].all()


def test_effects_stay_finite_where_the_other_columns_tell_everything():
    frame, _, codes, _ = made(600, 40)
    y = (frame["number"].to_numpy() > 0).astype(int)
    found = fit_effects(Levels((codes[0],), (40,)), rows_of(frame, y, folds(600), 2), choose=False)
    assert np.isfinite(found.values[0]).all()
    only = fit_effects(Levels((y,), (40,)), rows_of(frame, y, folds(600), 2))
    assert np.isfinite(only.values[0]).all()
    assert np.abs(only.values[0][:2]).min() > 2


def test_folds_to_learn_by_are_those_of_the_plan_or_dealt_among_rows_trained_on():
    y = np.arange(90) % 3
    plan = plan_for(y, 4, np.random.default_rng(0))
    fold = folds_to_learn_by(plan, y, np.random.default_rng(1))
    for place, held_out in enumerate(plan.held_out):
        assert set(fold[held_out]) == {place}
    split = folds_to_learn_by(given_split(60, 30, 4), y, np.random.default_rng(1))
    assert set(split[60:]) == {-1}
    assert set(split[:60]) == set(range(FOLDS_TO_LEARN_BY))
    assert np.bincount(folds_to_learn_by(None, y, np.random.default_rng(1))).tolist() == [18] * FOLDS_TO_LEARN_BY


def learnt(frame, y, classes=2, fold=None):
    table = read_table(frame)
    preprocessing = fit_preprocessing(table, np.arange(len(y)), classes)
    fold = folds(len(y)) if fold is None else fold
    rows = TrainingRows(preprocessing.prepare(table), y, np.ones(len(y)), fold, classes)
    return (*learn_effects(preprocessing, rows), rows)


def test_frequent_levels_have_an_input_others_their_effect_and_useless_ones_nothing():
    frame, y, codes, _ = made(1500, 150, columns=2)
    generator = np.random.default_rng(0)
    often = np.where(np.arange(1500) % 2 == 0, [f"p{code}" for code in codes[1]], "often")
    user, single = generator.integers(0, 700, 1500), np.arange(1500)
    others = {"often": often, "user": [*map(str, user)], "single": [*map(str, single)], "few": ["a", "b", "c"] * 500}
    frame = frame.drop("place 1").with_columns(**{name: pl.Series(values) for name, values in others.items()})
    preprocessing, of_rows, rows = learnt(frame, y)
    place, half, user, single, few = preprocessing.categories
    assert place.one_hot == (np.bincount(codes[0]) >= FEWEST_OF_LEVEL).sum()
    assert (place.n_effects, len(place.levels)) == (1, 150)
    assert (half.one_hot, half.n_effects, half.levels[0]) == (1, 1, "often")
    assert (user.one_hot, user.n_effects, single.levels) == (0, 0, ())
    assert 300 < len(user.levels) < 500  # those that occur once are forgotten
    assert few.is_whole
    assert preprocessing.n_deep == 1 + place.one_hot + 1 + 3 + 2
    assert of_rows.shape == (1500, 2)
    assert half.effects[0] == 0
    assert half.effects[1:].all()
    assert not of_rows[often == "often", 1].any()
    np.testing.assert_array_equal(effects_of_rows(preprocessing, rows), of_rows)


def test_where_no_level_says_anything_a_network_has_inputs_nevertheless():
    levels = [f"l{place % 40}" for place in range(400)]
    y = np.random.default_rng(0).integers(0, 2, 400)
    preprocessing, of_rows, _ = learnt(pl.DataFrame({"only": levels}), y)
    assert of_rows is None
    assert preprocessing.n_deep == learning.FEW_LEVELS
    model = lw.Classifier((4,), members=2, steps=20).fit(pl.DataFrame({"only": levels}), y).model_
    assert np.isfinite(model.predict_proba(pl.DataFrame({"only": ["l1", "new", None]}))).all()


def test_inputs_that_hold_effects_are_limited(monkeypatch):
    monkeypatch.setattr(learning, "MOST_EFFECTS", 7)
    frame, y, _, _ = made(2500, 100, classes=3, columns=3)
    preprocessing, of_rows, _ = learnt(frame, y, 3)
    assert [each.n_effects for each in preprocessing.categories] == [3, 3, 0]
    assert of_rows.shape == (2500, 6)


@pytest.mark.parametrize("classes", [2, 3])
def test_many_levels_are_learnt_as_well_as_by_one_hot_logistic_regression(classes, tmp_path):
    frame, y, _, _ = made(3000, 200, classes, spread=1.5)
    train, rest = frame[:1800], frame[1800:]
    classifier = lw.Classifier((16,), members=4, steps=400).fit(train, y[:1800])
    hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(train.select("place 0").to_numpy())
    known, unseen = (
        np.hstack([part.select("number").to_numpy(), hot.transform(part.select("place 0").to_numpy())])
        for part in (train, rest)
    )
    fitted = [LogisticRegression(C=strength, max_iter=1000).fit(known, y[:1800]) for strength in (0.1, 0.3, 1.0, 3.0)]
    peers = [log_loss(y[1800:], each.predict_proba(unseen)) for each in fitted]
    assert log_loss(y[1800:], classifier.predict_proba(rest)) < 1.01 * min(peers)
    held_out = classifier.baselines_.measures["model"]["log_loss"]
    assert abs(held_out - log_loss(y[1800:], classifier.predict_proba(rest))) < 0.05
    classifier.save(tmp_path / "m.safetensors")
    loaded = lw.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(rest), classifier.predict_proba(rest))
    assert loaded.preprocessing.tensors()["categories.0.effects"].shape == (200, 1 if classes == 2 else 3)


def test_the_same_seed_gives_the_same_bits_and_levels_of_x_val_and_of_one_split_are_unseen(monkeypatch):
    frame, y, _, _ = made(900, 60)
    options = {"members": 2, "steps": 40}
    first, second = (lw.Classifier((4,), **options).fit(frame, y).predict_proba(frame) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    alone = lw.Classifier((4,), **options).fit(frame[:600], y[:600], X_val=frame[600:], y_val=y[600:]).model_
    other = lw.Classifier((4,), **options).fit(frame[:600], y[:600], X_val=frame[600:], y_val=1 - y[600:]).model_
    for one, two in zip(alone.preprocessing.categories, other.preprocessing.categories, strict=True):
        np.testing.assert_array_equal(one.effects, two.effects)
        assert one.n_effects == 1


def inputs_given(monkeypatch):
    """Return the list that the inputs of each fit from now on are put into."""
    given, before = [], training.Trainer

    def trainer(rows, *rest):
        given.append(rows.inputs.numpy().copy())
        return before(rows, *rest)

    monkeypatch.setattr(training, "Trainer", trainer)
    return given


def test_rows_fitted_again_have_effects_without_their_fold_and_others_those_of_the_model(monkeypatch):
    given = inputs_given(monkeypatch)
    frame, y, _, _ = made(900, 60)
    first, others = slice(0, 600), slice(600, 900)
    classifier = lw.Classifier((4,), members=2, steps=20)
    for rows in (first, others, first):
        classifier.partial_fit(frame[rows], y[rows], classes=[0, 1])
    preprocessing = classifier.model_.preprocessing
    [category] = preprocessing.categories
    place = preprocessing.effect_inputs
    np.testing.assert_array_equal(given[0], given[2])
    codes = preprocessing.prepare(read_table(frame)).codes[:, 0]
    np.testing.assert_array_equal(given[1][:, place], category.effects[codes[others]])
    assert not np.array_equal(given[0][:, place], category.effects[codes[first]])
    again = lw.Classifier((4,), members=2, steps=20, warm_start=True)
    for _ in range(2):
        again.fit(frame[first], y[first])
    np.testing.assert_array_equal(given[3], given[4])


def test_a_logistic_regression_gets_every_level():
    frame, y, _, _ = made(1500, 150)
    few = ["a", "b"] * 750
    preprocessing, _, rows = learnt(frame.with_columns(few=pl.Series(few)), y)
    inputs = preprocessing.encode(rows.prepared, slice(None))
    found = uncut_inputs(preprocessing, inputs, rows.prepared.codes)
    whole = uncut(preprocessing)
    np.testing.assert_array_equal(found.toarray(), whole.encode(rows.prepared, slice(None))[:, : whole.n_deep])
    assert found.shape == (1500, 1 + 150 + 1)
    plain = fit_preprocessing(read_table(frame.drop("place 0")), np.arange(1500), 2)
    assert isinstance(uncut_inputs(plain, inputs[:, :1], rows.prepared.codes[:, :0]), np.ndarray)


def test_the_verdict_and_the_report_compare_with_every_level():
    frame, y, _, _ = made(1500, 150, spread=1.5)
    classifier = lw.Classifier((4,), members=4, steps=200).fit(frame, y)
    compared = classifier.baselines_.measures
    assert compared["logistic regression"]["log_loss"] < compared["majority class"]["log_loss"] - 0.1
    beside = logistic_beside(classifier.model_, frame, y)
    assert beside.preprocessing.n_deep == 1 + 150
    assert log_loss(y, beside.predict_proba(frame)) < compared["logistic regression"]["log_loss"]


def test_an_onnx_graph_has_the_effects(tmp_path):
    frame, y, codes, _ = made(1500, 60, classes=3, columns=2)
    often = pl.Series(np.where(np.arange(1500) % 2 == 0, [f"p{code}" for code in codes[1]], "often"))
    frame = frame.drop("place 1").with_columns(often=often, user=pl.Series([f"u{place}" for place in range(1500)]))
    said = {"user": "category"}
    model = lw.Classifier((8,), members=2, steps=60, columns=said).fit(frame, y).model_
    assert [each.n_effects for each in model.preprocessing.categories] == [3, 3, 0]
    rows = pl.concat([frame.head(200), frame.head(3).with_columns(pl.lit("never seen").alias("place 0"))])
    _, probabilities = run_graph(export_onnx(model, tmp_path / "m.onnx"), feed_of(rows))
    np.testing.assert_allclose(probabilities, model.predict_proba(rows), rtol=0, atol=1e-6)


def test_unknown_levels_have_no_effect_and_are_counted_where_levels_count():
    frame, y, _, _ = made(1500, 150)
    preprocessing, _, _ = learnt(frame.with_columns(single=pl.Series([*map(str, range(1500))])), y)
    new = pl.DataFrame({"number": [0.0, 0.0], "place 0": ["new", None], "single": ["new", None]})
    prepared = preprocessing.prepare(read_table(new))
    assert prepared.unknown == {"column 'place 0'": 1}
    assert not preprocessing.encode(prepared, slice(None))[:, preprocessing.effect_inputs].any()
    blank = replace(preprocessing, one_hot=None, effects=None)
    assert blank.is_one_hot
    assert blank.n_deep == 1 + 150


def test_of_many_levels_more_rows_are_worth_fitting(monkeypatch):
    """A sample of the rows is one of the rows of each level, too."""
    frame, y, _, _ = made(1500, 150, spread=1.5)
    given, before = [], baselines.fit_logistic

    def fit_logistic(inputs, *rest):
        given.append(inputs.shape)
        return before(inputs, *rest)

    monkeypatch.setattr(baselines, "LOGISTIC_ROWS", 300)
    monkeypatch.setattr(logistic, "LOGISTIC_ROWS", 300)
    monkeypatch.setattr(baselines, "FEWEST_TO_CHOOSE", 10)
    monkeypatch.setattr(logistic, "fit_logistic", fit_logistic)
    monkeypatch.setattr(baselines, "fit_logistic", fit_logistic)
    classifier = lw.Classifier((4,), members=3, steps=20).fit(frame, y)
    assert given == [(1000, 151)] * 3
    classifier.fit(frame.drop("place 0"), y)
    assert given[3:] == []  # as many rows are fitted as the strength was chosen by
    logistic_beside(lw.Classifier((4,), members=3, steps=20).fit(frame, y).model_, frame, y)
    assert given[-1] == (1500, 151)


def test_it_is_said_what_became_of_levels():
    frame, y, codes, _ = made(1500, 150)
    often = np.where(
        np.arange(1500) % 2 == 0, [f"s{place % 60}" for place in np.random.default_rng(0).permutation(1500)], "often"
    )
    single = pl.Series([f"u{place}" for place in range(1500)])
    frame = frame.with_columns(often=pl.Series(often), single=single, few=pl.Series(["a", "b"] * 750))
    classifier = lw.Classifier((4,), members=2, steps=20, columns={"single": "category"}).fit(frame, y)
    own = (np.bincount(codes[0]) >= FEWEST_OF_LEVEL).sum()
    assert [each.detail for each in classifier.columns_] == [
        "",
        f"150 levels: {own} with an input of their own, the others described by their effects",
        "61 levels: 1 with an input of their own, the others not used, since they add nothing",
        "1,500 levels: all not used, since they add nothing",
        "2 levels",
    ]
