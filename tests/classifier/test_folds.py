"""Which rows each member is trained on and measured on."""

import numpy as np
import pytest

from logitwise.classifier.folds import FEWEST_ROWS, MOST_ROWS, given_split, plan_for


def made_plan(rows, members=3, seed=0):
    return plan_for(np.arange(rows) % 2, members, np.random.default_rng(seed))


def test_every_row_is_unseen_by_one_member_and_classes_are_dealt_evenly():
    target = np.repeat([0, 1, 2], [50, 30, 3])
    plan = plan_for(target, 4, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(np.concatenate(plan.held_out)), np.arange(83))
    for trained, held_out in zip(plan.trained, plan.held_out, strict=True):
        np.testing.assert_array_equal(np.sort(np.concatenate([trained, held_out])), np.arange(83))
        counts = np.bincount(target[held_out], minlength=3)
        assert (np.abs(counts - np.array([50, 30, 3]) / 4) < 1).all()
    assert plan.why == "Folds: each of 4 members is trained on all rows but its own fold, and measured on that."


def test_few_rows_hold_none_out_and_very_many_a_split():
    few = plan_for(np.arange(FEWEST_ROWS - 1) % 2, 3, np.random.default_rng(0))
    assert [len(part) for part in (*few.trained, *few.held_out)] == [9, 9, 9, 0, 0, 0]
    assert few.why == "No rows are held out: 9 are too few to say anything, so nothing is chosen or calibrated by them."
    many = plan_for(np.arange(MOST_ROWS) % 2, 3, np.random.default_rng(0))
    assert [len(part) for part in (*many.trained, *many.held_out)] == [90_000] * 3 + [10_000] * 3
    expected = "One split: 10,000 of 100,000 rows are held out from all members, and are enough to choose by."
    assert many.why == expected
    given = given_split(50, 20, 2)
    assert [part.tolist() for part in given.held_out] == [list(range(50, 70))] * 2
    assert given.why == "One split: the 20 rows of X_val are held out from all members."


@pytest.mark.parametrize(
    ("rows", "plan", "held_out"),
    [(9, "No rows", 0), (10, "Folds", 4), (99_999, "Folds", 33_333), (100_000, "One split", 10_000)],
)
def test_the_number_of_rows_decides_to_the_row(rows, plan, held_out):
    found = made_plan(rows)
    assert found.why.startswith(plan)
    assert max(map(len, found.held_out)) == held_out
    assert found.is_folds == (plan == "Folds")
    for trained, unseen in zip(found.trained, found.held_out, strict=True):
        assert not np.intersect1d(trained, unseen).size
        assert len(trained) + len(unseen) == rows
        assert (np.diff(trained) > 0).all()


def test_rows_of_validation_are_held_out_from_all_and_trained_on_by_none():
    given = given_split(50, 20, 3)
    assert [part.tolist() for part in given.trained] == [list(range(50))] * 3
    assert not given.is_folds


@pytest.mark.parametrize("rows", [40, 100_000])
def test_a_seed_decides_which_rows_are_held_out(rows):
    first, again, other = (made_plan(rows, seed=seed) for seed in (0, 0, 1))
    assert [part.tolist() for part in first.held_out] == [part.tolist() for part in again.held_out]
    assert first.held_out[0].tolist() != other.held_out[0].tolist()


def test_rows_recorded_in_turn_are_not_dealt_in_turn():
    steps = {step for part in made_plan(90).held_out for step in np.diff(part).tolist()}
    assert len(steps) > 3
