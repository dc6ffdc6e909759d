"""Plans: which rows members are trained on and held out from, at every border between the kinds."""

import numpy as np
import pytest

from logitwise.classifier.folds import FEWEST_ROWS, ONE_SPLIT_ROWS, given_split, plan_for, split_rows


def made_plan(rows, members=3, n_classes=2, seed=0):
    return plan_for(np.arange(rows) % n_classes, members, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("rows", "kind", "is_folds"),
    [
        (2, "No rows", False),
        (9, "No rows", False),
        (10, "Folds", True),
        (99_999, "Folds", True),
        (100_000, "One split", False),
    ],
)
def test_few_rows_hold_none_out_very_many_a_tenth_and_others_are_folds(rows, kind, is_folds):
    plan = made_plan(rows)
    assert plan.why.startswith(kind)
    assert plan.is_folds is is_folds
    assert (len(plan.trained), len(plan.held_out)) == (3, 3)
    for trained, held_out in zip(plan.trained, plan.held_out, strict=True):
        assert not set(trained.tolist()) & set(held_out.tolist())
    sizes = {"No rows": [rows, 0], "Folds": [rows - rows // 3, rows // 3], "One split": [90_000, 10_000]}[kind]
    assert [len(plan.trained[2]), len(plan.held_out[2])] == sizes


@pytest.mark.parametrize(("rows", "members"), [(10, 2), (10, 10), (11, 4), (83, 8)])
def test_folds_share_no_row_and_leave_none_out(rows, members):
    plan = made_plan(rows, members)
    assert sorted(np.concatenate(plan.held_out).tolist()) == list(range(rows))
    for trained, held_out in zip(plan.trained, plan.held_out, strict=True):
        assert sorted([*trained.tolist(), *held_out.tolist()]) == list(range(rows))
        assert len(held_out) in (rows // members, -(-rows // members))
        assert (np.diff(trained) > 0).all()
        assert (np.diff(held_out) > 0).all()


@pytest.mark.parametrize("counts", [(40, 40), (70, 10, 3), (5, 5, 5, 5, 5, 8)])
def test_each_fold_has_its_share_of_each_class(counts):
    target = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    for held_out in plan_for(target, 4, np.random.default_rng(0)).held_out:
        found = np.bincount(target[held_out], minlength=len(counts))
        assert (np.abs(found - np.array(counts) / 4) < 1).all()


def test_a_split_has_its_share_of_each_class():
    target = np.repeat([0, 1], [99_000, 1_005])
    plan = plan_for(target, 2, np.random.default_rng(0))
    assert plan.trained[0] is plan.trained[1]
    assert np.abs(np.bincount(target[plan.held_out[0]]) - [9_900, 100.5]).max() < 1
    np.testing.assert_array_equal(np.sort(np.concatenate([plan.trained[0], plan.held_out[0]])), np.arange(100_005))


@pytest.mark.parametrize("rows", [50, 100_000])
def test_the_generator_decides_who_goes_where(rows):
    first, again, other = (made_plan(rows, seed=seed).held_out for seed in (0, 0, 1))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not any(np.array_equal(one, two) for one, two in zip(first, other, strict=True))
    assert not np.array_equal(first[0], np.arange(0, rows, 3)[: len(first[0])])  # not simply in turn


def test_a_given_split_has_the_last_rows_held_out():
    plan = given_split(50, 7, 3)
    assert [part.tolist() for part in plan.trained] == [list(range(50))] * 3
    assert [part.tolist() for part in plan.held_out] == [list(range(50, 57))] * 3
    assert not plan.is_folds


def test_plans_say_what_they_are():
    none, folds, split = made_plan(FEWEST_ROWS - 1), made_plan(83, 4), made_plan(ONE_SPLIT_ROWS)
    assert (
        none.why == "No rows are held out: 9 are too few to say anything, so nothing is chosen or calibrated by them."
    )
    assert folds.why == "Folds: each of 4 members is trained on all rows but its own fold, and measured on that."
    expected = "One split: 10,000 of 100,000 rows are held out from all members, and are enough to choose by."
    assert split.why == expected
    assert given_split(50, 20, 2).why == "One split: the 20 rows of X_val are held out from all members."
    assert (FEWEST_ROWS, ONE_SPLIT_ROWS) == (10, 100_000)


def test_rows_recorded_in_turn_are_not_dealt_in_turn():
    steps = {step for part in made_plan(90).held_out for step in np.diff(part).tolist()}
    assert len(steps) > 3


def test_the_split_is_stratified_and_complete():
    target = np.repeat([0, 1, 2, 3], [700, 250, 49, 1])
    rows, held_out = split_rows(target, 0.1, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(np.concatenate([rows, held_out])), np.arange(1000))
    np.testing.assert_allclose(np.bincount(target[held_out], minlength=4), [70, 25, 5, 0], atol=1)
    assert 999 in rows


@pytest.mark.parametrize(("fraction", "count"), [(0.1, 10), (0.104, 10), (0.107, 11), (0.5, 50), (1.0, 99)])
def test_a_split_takes_its_share_of_the_rows_of_classes_with_two_or_more(fraction, count):
    target = np.repeat([0, 1, 2], [60, 39, 1])
    rows, held_out = split_rows(target, fraction, np.random.default_rng(0))
    assert len(held_out) == count
    assert 99 in rows
    assert (np.diff(held_out) > 0).all()
    assert (np.diff(rows) > 0).all()


def test_a_seed_decides_which_rows_a_split_takes():
    target = np.repeat([0, 1], 50)
    taken = [split_rows(target, 0.2, np.random.default_rng(seed))[1].tolist() for seed in (0, 0, 1)]
    assert taken[0] == taken[1] != taken[2]
    assert len({tuple(np.diff(each)) for each in taken}) == 2
    assert len(set(np.diff(taken[0]).tolist())) > 3  # rows are not taken at even distances


@pytest.mark.parametrize("seed", range(5))
def test_every_class_gives_its_share_of_any_order_of_rows(seed):
    """Equal classes of 10 rows: one of each in every tenth."""
    generator = np.random.default_rng(seed)
    target = generator.permutation(np.repeat(np.arange(100), 10))
    rows, held_out = split_rows(target, 0.1, generator)
    assert np.bincount(target[held_out]).tolist() == [1] * 100
    assert np.bincount(target[rows]).tolist() == [9] * 100
    for part in (rows, held_out):
        assert (np.diff(part) > 0).all()


def test_any_row_may_be_held_out_and_a_seed_says_which():
    target = np.repeat([0, 1], [6, 4])
    splits = [split_rows(target, 0.3, np.random.default_rng(seed))[1].tolist() for seed in range(60)]
    assert splits == [split_rows(target, 0.3, np.random.default_rng(seed))[1].tolist() for seed in range(60)]
    counts = np.bincount(np.concatenate(splits), minlength=10)
    assert counts.sum() == 180
    assert counts.min() > 5  # of 18 each, more or less
    assert len(set(map(tuple, splits))) > 20  # any three, not those at even distances alone


@pytest.mark.parametrize(
    ("sizes", "fraction", "count"),
    [
        ([5, 5], 0.0, 0),
        ([1, 1, 1], 0.5, 0),
        ([5, 5], 0.34, 3),
        ([5, 5], 0.36, 4),
        ([2, 1, 1], 0.5, 1),
        ([4, 4], 1.0, 8),
    ],
)
def test_the_count_is_the_fraction_of_the_rows_whose_class_has_others(sizes, fraction, count):
    target = np.repeat(np.arange(len(sizes)), sizes)
    rows, held_out = split_rows(target, fraction, np.random.default_rng(0))
    assert len(held_out) == len(set(held_out.tolist())) == count
    assert len(rows) == len(target) - count


@pytest.mark.parametrize("seed", range(20))
def test_every_class_is_left_something_to_train_on(seed):
    target = np.repeat(np.arange(10), 2)
    rows, held_out = split_rows(target, 0.5, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.unique(target[rows]), np.arange(10))
    assert len(held_out) == 10
