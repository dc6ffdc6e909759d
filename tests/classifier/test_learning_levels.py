"""Which levels have inputs of their own, and what effects are learnt from."""

import numpy as np
import polars as pl
import pytest

from logitwise.classifier.columns import fit_preprocessing
from logitwise.classifier.folds import plan_for
from logitwise.classifier.levels import effects, learning
from logitwise.classifier.levels.effects import Levels, Rows
from logitwise.classifier.levels.learning import FEW_LEVELS, TrainingRows, find_levels, learn_effects
from logitwise.classifier.levels.uncut import numbers_alone, uncut, uncut_inputs
from logitwise.columns.table import read_table
from logitwise.model.categories import Category


def column(**counts):
    return np.array([name for name, count in counts.items() for _ in range(count)], object)


def test_levels_are_in_the_order_of_their_frequency_then_of_their_names():
    [category] = find_levels([np.array(["b", None, "a", "c", "c"], object)])
    assert category == Category(("c", "a", "b"), 3)
    assert find_levels([]) == ()


def test_each_of_12_levels_has_an_input_and_of_more_those_of_20_rows():
    names = [f"l{place:02}" for place in range(FEW_LEVELS + 1)]
    few, many = (column(**dict.fromkeys(names[:count], 1)) for count in (FEW_LEVELS, FEW_LEVELS + 1))
    assert [find_levels([each])[0].one_hot for each in (few, many)] == [12, 0]
    assert find_levels([column(**{**dict.fromkeys(names, 19), "often": 20, "more": 21})])[0].one_hot == 2


def test_inputs_of_levels_are_those_of_the_most_frequent_of_all_columns(monkeypatch):
    monkeypatch.setattr(learning, "MOST_ONE_HOT", 3)
    rare = {f"l{place:02}": 1 for place in range(FEW_LEVELS)}
    found = find_levels(
        [column(**rare, a=30, b=20), column(**rare, c=40, d=31, e=25), column(**dict.fromkeys(rare, 50))]
    )
    assert [each.one_hot for each in found] == [1, 2, 12]


@pytest.mark.parametrize(("numbers", "least", "expected"), [(4 * 282, 2, 4), (1000, 2, 3), (1, 2, 2), (10**9, 2, 9)])
def test_inputs_of_levels_are_fewer_where_there_are_many_rows(monkeypatch, numbers, least, expected):
    monkeypatch.setattr(learning, "MOST_ONE_HOT", 9)
    monkeypatch.setattr(learning, "LEAST_ONE_HOT", least)
    monkeypatch.setattr(learning, "MOST_NUMBERS", numbers)
    values = column(**{f"l{place}": 20 for place in range(14)}, other=2)
    assert find_levels([values])[0].one_hot == expected


def test_other_models_get_every_level_or_none():
    rows = np.arange(90)
    frame = {
        "n": rows**2.0,
        "k": [f"l{row % 30}" for row in rows],
        "three": ["a", "b", "c"] * 30,
        "two": ["x", "y"] * 45,
    }
    frame = {name: [None, *values[1:]] for name, values in frame.items()}
    table = read_table(pl.DataFrame(frame))
    preprocessing = fit_preprocessing(table, rows, 2)
    prepared = preprocessing.prepare(table)
    found = uncut_inputs(preprocessing, preprocessing.encode(prepared, slice(None)), prepared.codes)
    whole = uncut(preprocessing)
    expected = whole.encode(prepared, slice(None))[:, : whole.n_deep]
    assert expected.shape[1] > 30 + 3 + 1
    np.testing.assert_array_equal(found.toarray(), expected)
    np.testing.assert_array_equal(uncut_inputs(whole, whole.encode(prepared, slice(None)), prepared.codes), expected)
    numbers = numbers_alone(preprocessing).encode(prepared, slice(None))
    np.testing.assert_array_equal(numbers, expected[:, : preprocessing.n_numeric])


def test_levels_that_are_told_apart_are_limited(monkeypatch):
    monkeypatch.setattr(learning, "MOST_LEVELS", 15)
    names = {f"l{place:02}": 30 - place for place in range(20)}
    assert find_levels([column(**names)])[0].levels == tuple(names)[:15]


def test_rows_to_learn_effects_from():
    rows = 90
    names = np.array([f"l{place % 30:02}" for place in range(rows)], object)
    names[:30] = "often"
    frame = pl.DataFrame({"n": np.arange(90.0) ** 2, "k": names, "few": ["a", "b", "c"] * 30})
    preprocessing = fit_preprocessing(read_table(frame), np.arange(rows), 2)
    assert any(len(knots) for knots in preprocessing.knots)
    assert preprocessing.categories[0].one_hot == 1
    y, weight = np.arange(rows) % 2, np.arange(1.0, rows + 1)
    prepared = preprocessing.prepare(read_table(frame))
    known = TrainingRows.of(prepared, y, weight, None, 2, 5)
    np.testing.assert_allclose(known.weight, weight / 45.5, rtol=1e-12)
    expected = learning.folds_to_learn_by(None, y, np.random.default_rng([5, 1]))
    np.testing.assert_array_equal(known.fold, expected)
    beside = known.beside(preprocessing)
    assert beside.base.shape == (rows, 1 + 3)  # the number without ramps, and the few levels
    plan = plan_for(y, 2, np.random.default_rng(0))
    assert set(TrainingRows.of(prepared, y, weight, plan, 2, 5).fold) == {0, 1}
    fold = np.where(np.arange(rows) < 30, -1, 0)
    some = TrainingRows(prepared, y, weight, fold, 2)
    levels = preprocessing.categories[0].levels
    assert dict(zip(levels, some.counts(preprocessing.categories[0], 0), strict=True))["often"] == 0


def test_a_category_of_few_levels_that_occur_once_is_as_good_as_any():
    category = Category(("a", "b", "c"), 0)
    assert learning._of_few(category).one_hot == 3


@pytest.mark.parametrize(("classes", "most", "kept"), [(2, 1, 1), (2, 2, 2), (3, 3, 1), (3, 5, 1), (3, 6, 2)])
def test_inputs_that_hold_effects_are_one_for_two_classes_else_one_for_each(monkeypatch, classes, most, kept):
    monkeypatch.setattr(learning, "MOST_EFFECTS", most)
    generator = np.random.default_rng(0)
    y = generator.integers(0, classes, 1200)
    noise = generator.random((2, 1200)) < 0.6
    codes = [
        np.where(each, y, generator.integers(0, classes, 1200)) * 30 + generator.integers(0, 30, 1200) for each in noise
    ]
    frame = pl.DataFrame({f"k{place}": [f"l{code}" for code in each] for place, each in enumerate(codes)})
    monkeypatch.setattr(learning, "FEWEST_OF_LEVEL", 10_000)
    table = read_table(frame)
    preprocessing = fit_preprocessing(table, np.arange(1200), classes)
    rows = TrainingRows.of(preprocessing.prepare(table), y, np.ones(1200), None, classes, 0)
    found, of_rows = learn_effects(preprocessing, rows)
    width = 1 if classes == 2 else classes
    assert sum(each.n_effects for each in found.categories) == of_rows.shape[1] == kept * width


def test_a_column_tells_of_the_target_where_its_gain_is_beyond_chance():
    rows = Rows(np.zeros((4, 0)), np.zeros(4, int), np.ones(4), np.zeros(4, int), 2)
    for gains, kept in (([1.0, 1.0, 1.0, 0.9], [0]), ([1.0, -0.5, 1.0, -0.5], []), ([-1.0] * 4, [])):
        logits = np.column_stack([gains, np.zeros(4)])
        assert effects._telling(logits, [logits], rows, np.arange(4)) == kept


def test_effects_of_two_classes_are_the_difference_of_their_logits():
    assert effects._narrow(np.array([[1.0, -2.0]])).tolist() == [[-3.0]]
    assert effects._narrow(np.array([[1.0, -2.0, 3.0]])).tolist() == [[1.0, -2.0, 3.0]]


def test_the_variance_of_effects_follows_from_them_and_is_limited():
    information = np.array([[3.0], [1.0]])
    assert effects._variance(np.array([[1.0], [2.0]]), information, 1.0) == pytest.approx(5 / (3 / 4 + 1 / 2))
    assert effects._variance(np.zeros((2, 1)), information, 1.0) == effects.LEAST_VARIANCE
    assert effects._variance(np.full((2, 1), 1e3), information, 1.0) == effects.MOST_VARIANCE


def test_variances_are_those_of_columns_beside_a_regression_of_the_other_inputs():
    generator = np.random.default_rng(0)
    number, level, useless = (
        generator.normal(size=2000),
        generator.integers(0, 40, 2000),
        generator.integers(0, 40, 2000),
    )
    logits = 2 * number + generator.normal(size=40)[level]
    y = (generator.random(2000) < 1 / (1 + np.exp(-logits))).astype(int)
    rows = Rows(np.float32(number[:, None]), y, np.ones(2000), np.zeros(2000, int), 2)
    fitted = effects._Fit.to(rows, Levels((level, useless), (40, 40)), np.arange(2000))
    assert 0.1 < fitted.variances[0] < 1
    assert fitted.variances[1] < effects.SAYS_NOTHING
    base = fitted.logits(rows.base)
    assert np.corrcoef(base[:, 1] - base[:, 0], number)[0, 1] > 0.999
    few = effects._Fit.to(rows, Levels((level,), (40,)), np.arange(9))
    assert np.ptp(few.logits(rows.base), axis=0).max() == 0
