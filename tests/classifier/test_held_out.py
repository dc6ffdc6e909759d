"""Held-out votes: whose they are, a row at a time, and what is learnt from them."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logsumexp, softmax

from classifier.made_trainer import made_arrays, made_trainer, member_logits, trained
from logitwise.calibration import Calibration, fit_calibration, sharpening
from logitwise.classifier import Classifier, training
from logitwise.classifier.baselines import compare
from logitwise.classifier.calibration import averaging
from logitwise.classifier.decisions import decide
from logitwise.classifier.folds import Plan, given_split, plan_for
from logitwise.classifier.held_out import HeldOut
from logitwise.columns.table import read_table
from logitwise.metrics import summary, summary_intervals

CLASS_WEIGHT = (1.0, 3.0, 0.5)


@pytest.fixture(scope="module")
def folds():
    """Return a trainer of five folds of unequal size, of 83 rows, with class weights."""
    arrays = made_arrays(83)
    return trained(arrays, plan_for(arrays[1], 5, np.random.default_rng(1)), CLASS_WEIGHT)


def owner_of(plan, rows):
    return np.array([next(k for k, part in enumerate(plan.held_out) if row in part.tolist()) for row in range(rows)])


def test_each_row_is_voted_on_by_the_one_member_that_never_saw_it(folds):
    rows, votes = folds.held_out_votes()
    assert rows.tolist() == list(range(83))
    logits, owner = member_logits(folds), owner_of(folds.plan, 83)
    assert sorted(set(np.bincount(owner))) == [16, 17]
    expected = [log_softmax(logits[owner[row], row]) for row in range(83)]
    np.testing.assert_allclose(votes, expected, atol=1e-5)
    for other in range(1, 5):
        others = log_softmax(logits[(owner + other) % 5, np.arange(83)], axis=1)
        assert np.abs(votes - others).mean() > 0.01


def test_rows_held_out_from_all_members_are_voted_on_by_all():
    arrays = made_arrays(60)
    trainer = trained(arrays, given_split(45, 15, 4), CLASS_WEIGHT)
    rows, votes = trainer.held_out_votes()
    assert rows.tolist() == list(range(45, 60))
    expected = np.log(softmax(member_logits(trainer)[:, 45:], axis=2).mean(axis=0))
    np.testing.assert_allclose(votes, expected, atol=1e-5)


def test_a_row_is_voted_on_by_those_members_alone_that_it_is_held_out_from():
    every = np.arange(30)
    held_out = (np.array([3, 4, 20]), np.array([4, 7]), np.array([1, 3, 4, 20, 29]))
    plan = Plan(tuple(np.setdiff1d(every, part) for part in held_out), held_out, "")
    trainer = trained(made_arrays(30), plan)
    rows, votes = trainer.held_out_votes()
    assert rows.tolist() == [1, 3, 4, 7, 20, 29]
    voters = [[2], [0, 2], [0, 1, 2], [1], [0, 2], [2]]
    probabilities = softmax(member_logits(trainer), axis=2)
    expected = [np.log(probabilities[who, row].mean(axis=0)) for who, row in zip(voters, rows, strict=True)]
    np.testing.assert_allclose(votes, expected, atol=1e-5)


def test_without_held_out_rows_there_are_no_votes():
    trainer = trained(made_arrays(9), plan_for(made_arrays(9)[1], 3, np.random.default_rng(0)))
    rows, votes = trainer.held_out_votes()
    assert (rows.shape, votes.shape) == ((0,), (0, 3))
    assert trainer.progress.validation_loss == []
    assert trainer.progress.best_step == 20


def test_votes_are_finite_where_every_member_is_certain(folds):
    trainer = made_trainer(made_arrays(30), plan_for(made_arrays(30)[1], 3, np.random.default_rng(1)))
    trainer.members.parameters["prior"][..., 0] = 5000.0
    _, votes = trainer.held_out_votes()
    assert votes[:, 1].tolist() == [np.log(1e-300)] * 30


@pytest.mark.parametrize(("some", "step"), [(2000, 1), (83, 1), (82, 2), (41, 3), (20, 5)])
def test_the_votes_of_folds_are_first_those_of_the_member_that_never_saw_the_row(folds, some, step, monkeypatch):
    monkeypatch.setattr(training, "SOME_ROWS", some)
    single, others, target, weight = folds.votes_by_folds()
    rows = range(0, 83, step)
    logits, owner = member_logits(folds), owner_of(folds.plan, 83)
    assert (single.shape, others.shape) == ((len(rows), 3), (4, len(rows), 3))
    for at, row in enumerate(rows):
        np.testing.assert_allclose(single[at], logits[owner[row], row], atol=1e-4)
        rest = np.delete(logits[:, row], owner[row], axis=0)
        np.testing.assert_allclose(np.sort(others[:, at], axis=0), np.sort(rest, axis=0), atol=1e-4)
    np.testing.assert_array_equal(target, folds.rows.target.numpy()[::step])
    np.testing.assert_allclose(weight, (folds.rows.weight.numpy() / np.array(CLASS_WEIGHT)[folds.rows.target])[::step])
    if step == 1:  # each member's logits stay together
        np.testing.assert_allclose(others[0], logits[(owner + 1) % 5, np.arange(83)], atol=1e-4)


def test_the_weights_of_classes_are_taken_out_of_those_of_rows(folds):
    rows = np.array([7, 3, 80, 0, 1, 2])
    target, weight = folds.target_and_weight(rows)
    given = made_arrays(83)
    np.testing.assert_array_equal(target, given[1][rows])
    np.testing.assert_allclose(weight, given[2][rows] / np.array(CLASS_WEIGHT)[given[1][rows]], rtol=1e-6)


def test_what_class_weights_add_to_the_logits_is_taken_away_again(folds):
    own = folds.members.logits(folds.rows.inputs.expand(5, -1, -1)).numpy()
    np.testing.assert_allclose(member_logits(folds), own - np.log(CLASS_WEIGHT), atol=1e-5)


def loss_at_the_best_temperature(votes, target, weight):
    """Return the mean loss at the temperature with the lowest, a prior of precision 4 added."""
    at_target = votes[np.arange(len(target)), target]

    def loss(place):
        t = np.exp(place)
        return np.average(logsumexp(votes / t, axis=1) - at_target / t, weights=weight)

    bounds = (np.log(0.05), np.log(20))
    found = minimize_scalar(lambda place: loss(place) + 4.0 * place**2 / (2 * len(target)), bounds=bounds)
    return loss(found.x)


@pytest.mark.parametrize("absent", [False, True])
def test_training_is_measured_on_held_out_votes_and_goes_back_to_their_best_step(absent):
    """Among the classes that the held-out rows have, at their best temperature; the labels here turn against it."""
    inputs, target, weight = made_arrays(60)
    changed = (target[40:] + (np.arange(20) < 14)) % 3
    target[40:] = np.arange(20) % 2 if absent else changed
    arrays, plan = (inputs, target, weight), given_split(40, 20, 3)
    trainer = made_trainer(arrays, plan, CLASS_WEIGHT, steps=60, learning_rate=0.1)
    expected, states = [], []

    def measure(progress):
        logits = member_logits(trainer)[:, 40:]
        votes = np.log(softmax(logits, axis=2).mean(axis=0))
        known = votes[:, :2] if absent else votes
        of_rows = weight[40:] / np.array(CLASS_WEIGHT)[target[40:]]
        expected.append(loss_at_the_best_temperature(known, target[40:], of_rows))
        states.append([state.clone() for state in trainer.members.flat])

    progress = trainer.train(measure)
    assert progress.step == [10, 20, 30, 40, 50, 60]
    np.testing.assert_allclose(progress.validation_loss, expected, atol=5e-5)
    best = int(np.argmin(expected))
    assert progress.best_step == progress.step[best] < 60
    assert progress.best_loss == progress.validation_loss[best]
    for state, kept in zip(states[best], trainer.members.flat, strict=True):
        np.testing.assert_array_equal(state, kept)


def stub(is_folds=True, rows=80, n_classes=3):
    """Return what `HeldOut.of` asks of a trainer, with made votes on every second row."""
    generator = np.random.default_rng(0)
    truth = generator.normal(size=(rows, n_classes)) * 2
    target = (truth + generator.gumbel(size=(rows, n_classes))).argmax(axis=1)
    members = truth + generator.normal(size=(5, rows, n_classes))
    weight = generator.random(rows) + 0.5
    held_out = np.arange(0, rows, 2)
    return SimpleNamespace(
        plan=SimpleNamespace(why="Because.", is_folds=is_folds),
        rows=range(rows),
        held_out_votes=lambda: (held_out, log_softmax(members[0, held_out], axis=1)),
        target_and_weight=lambda asked: (target[asked], weight[asked]),
        votes_by_folds=lambda: (members[0, 1::2], members[1:, 1::2], target[1::2], weight[1::2]),
    )


@pytest.mark.parametrize("is_folds", [True, False])
@pytest.mark.parametrize("seed", [0, 4])
def test_what_is_learnt_from_the_votes(is_folds, seed):
    trainer = stub(is_folds)
    rows, votes = trainer.held_out_votes()
    target, weight = trainer.target_and_weight(rows)
    factor = sharpening(*trainer.votes_by_folds()) if is_folds else 1.0
    assert (factor > 1.05) is is_folds
    known = averaging(*trainer.votes_by_folds()) if is_folds else (1.0, 0.0)
    found, fit = HeldOut.of(trainer, seed), fit_calibration(votes, target, weight, seed=seed, sharpening=factor)
    np.testing.assert_array_equal(found.calibration.scale, fit.calibration.scale)
    np.testing.assert_array_equal(found.calibration.shift, fit.calibration.shift)
    assert (found.calibration.uniform, found.calibration.method) == (1 / 41, fit.calibration.method)
    np.testing.assert_array_equal(found.log_probabilities, fit.log_probabilities)  # not sharpened: of one member
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_array_equal(found.target, target)
    assert found.plan == "Because."
    assert found.before == summary(target, np.exp(votes))
    assert found.after == summary(target, np.exp(fit.log_probabilities))
    assert found.intervals == summary_intervals(target, np.exp(fit.log_probabilities))
    assert found.losses == fit.losses
    assert (factor, found.averaging) == known
    assert (found.averaging > 0) is is_folds
    at_target = fit.log_probabilities[np.arange(40), target]
    np.testing.assert_array_equal(found.conformal_scores, np.sort(-at_target))
    assert found.as_json() == {
        "plan": "Because.",
        "before": found.before,
        "after": found.after,
        "intervals": found.intervals,
        "losses": fit.losses,
    }
    assert found.before != found.after
    if seed:
        np.testing.assert_raises(
            AssertionError,
            np.testing.assert_array_equal,
            HeldOut.of(trainer, 0).log_probabilities,
            fit.log_probabilities,
        )


@pytest.mark.parametrize("goal", ["balanced_accuracy", "f1", np.array([[0.0, 1, 2], [3, 0, 1], [1, 1, 0]])])
def test_decisions_are_made_by_calibrated_votes(goal):
    found = HeldOut.of(stub(), 0)
    expected = decide(goal, np.exp(found.log_probabilities), found.target)
    decision = found.decide(goal)
    np.testing.assert_array_equal(decision.costs, expected.costs)
    assert (decision.before, decision.after) == (expected.before, expected.after)


def test_without_votes_nothing_is_calibrated_but_certainty():
    trainer = stub(rows=8)
    trainer.held_out_votes = lambda: (np.zeros(0, dtype=np.int64), np.zeros((0, 3)))
    found = HeldOut.of(trainer, 0)
    none = Calibration.none(3, 1 / 9)
    assert (found.calibration.scale.tolist(), found.calibration.shift.tolist()) == ([1.0] * 3, [0.0] * 3)
    assert (found.calibration.uniform, found.calibration.method) == (none.uniform, "none")
    assert (found.before, found.after, found.intervals, found.losses) == ({}, {}, {}, {})
    assert found.conformal_scores.shape == (0,)
    costs = np.array([[0.0, 1, 2], [3, 0, 1], [1, 1, 0]])
    assert found.decide(costs).before is None
    with pytest.raises(ValueError, match="where no rows are held out; got 'f1'"):
        found.decide("f1")


@pytest.mark.parametrize("given", ["folds", "X_val"])
def test_a_fitted_classifier_agrees_with_its_members(given):
    """Votes, calibration, sharpening, scores and threshold again from the members of the model, with NumPy."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(150, 4))
    y = (X[:, 0] + generator.normal(size=150) > 0.7).astype(int)
    more = {} if given == "folds" else {"X_val": X[100:], "y_val": y[100:]}
    fitted = Classifier((8,), members=4, steps=60, threshold_for="balanced_accuracy", random_state=6)
    rows = slice(None) if given == "folds" else slice(100)
    weight = np.random.default_rng(1).integers(1, 4, 150)[rows]
    fitted.fit(X[rows], y[rows], sample_weight=weight, **more)
    model, held_out = fitted.model_, fitted.held_out_
    preprocessing = model.preprocessing
    inputs = preprocessing.encode(preprocessing.prepare(read_table(X)), slice(None))
    logits = model.network.logits(inputs).astype(np.float64)
    plan = plan_for(y, 4, np.random.default_rng(6)) if given == "folds" else given_split(100, 50, 4)
    of_rows = np.concatenate([weight / weight.mean(), np.ones(150 - len(weight))])
    compared = compare(inputs[:, : preprocessing.n_deep], y, of_rows, plan, held_out, 6)
    assert fitted.baselines_ == compared
    if given == "folds":
        owner = owner_of(plan, 150)
        votes, target = log_softmax(logits[owner, np.arange(150)], axis=1), y
        others = np.stack([logits[(owner + shift) % 4, np.arange(150)] for shift in (1, 2, 3)])
        factor = sharpening(logits[owner, np.arange(150)], others, y, weight)
        assert factor > 1.0
    else:
        votes, target, factor = np.log(softmax(logits[:, 100:], axis=2).mean(axis=0)), y[100:], 1.0
        weight = np.ones(50)
    fit = fit_calibration(votes, target, weight, seed=6, sharpening=factor)
    assert held_out.before == pytest.approx(summary(target, np.exp(votes)), rel=1e-4)
    np.testing.assert_allclose(held_out.log_probabilities, fit.log_probabilities, atol=1e-3)
    np.testing.assert_allclose(model.calibration.scale, fit.calibration.scale, rtol=1e-3)
    np.testing.assert_array_equal(model.conformal_scores, held_out.conformal_scores)
    assert len(model.conformal_scores) == len(target)
    frequency = (target == 1).mean()
    assert fitted.decision_.threshold == pytest.approx(frequency, rel=1e-9)
    np.testing.assert_array_equal(model.costs, fitted.decision_.costs)
    probabilities = softmax(logits, axis=2).mean(axis=0)
    expected = model.calibration.probabilities(np.log(probabilities))
    np.testing.assert_allclose(fitted.predict_proba(X), expected, atol=1e-5)
    np.testing.assert_array_equal(fitted.predict(X), fitted.predict_proba(X)[:, 1] > frequency)


@pytest.mark.parametrize(
    ("class_weight", "costs"),
    [(None, None), ({0: 2.0}, [[0, 2], [1, 0]]), ("balanced", [[0, 120 / 160], [120 / 80, 0]])],
)
def test_class_weights_are_what_mistakes_cost_unless_a_goal_says_otherwise(class_weight, costs):
    X, y = np.random.default_rng(0).normal(size=(120, 2)), np.arange(120) % 3 // 2
    model = Classifier((), members=2, steps=10, class_weight=class_weight).fit(X, y).model_
    assert (model.costs is None) is (costs is None)
    if costs is not None:
        np.testing.assert_allclose(model.costs, costs, rtol=1e-12)
    goal = [[0, 7], [1, 0]]
    decided = Classifier((), members=2, steps=10, class_weight=class_weight, threshold_for=goal).fit(X, y)
    assert decided.model_.costs.tolist() == goal
    assert decided.decision_.goal == "costs"


TURNED = "The loss on held-out rows has turned: it was lowest at step {}."


@pytest.mark.parametrize(
    ("best", "step", "patience", "ended"),
    [
        (200, 300, 0.5, ""),
        (200, 301, 0.5, TURNED),  # half of the steps to the best
        (200, 500, 2.0, ""),
        (10, 60, 0.5, ""),
        (10, 61, 0.5, TURNED),  # 50 steps
        (10, 999, 0.0, ""),
        (10, 1000, 0.0, "The budget of 1000 steps is used up."),
        (999, 1000, 0.5, "The budget of 1000 steps is used up."),
    ],
)
def test_training_ends_a_while_after_the_best_step(best, step, patience, ended):
    trainer = made_trainer(made_arrays(20), given_split(15, 5, 2), steps=1000, patience=patience)
    trainer.progress.best_step = best
    assert trainer._ended(step, 0.0) == ended.format(best)


def test_training_goes_on_for_an_epoch_at_least_and_ends_with_its_seconds():
    trainer = made_trainer(made_arrays(1000), given_split(960, 40, 2), steps=1000, patience=0.5, seconds=3.0)
    trainer.progress.best_step = 10
    assert trainer.epoch_steps == 60
    assert [trainer._ended(step, 0.0) for step in (70, 71)] == ["", TURNED.format(10)]
    assert [trainer._ended(20, seconds) for seconds in (3.0, 3.1)] == ["", "The budget of 3 seconds is used up."]
