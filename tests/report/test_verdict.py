"""The verdict: one sentence for each kind of model."""

import re

import numpy as np
import pytest

from logitwise.report import Evidence
from logitwise.report.findings import calibration, class_findings, measures
from logitwise.report.verdict import verdict
from report.made_evidence import made_evidence, made_predictions


def sentence(evidence: Evidence) -> str:
    found = verdict(evidence, measures(evidence), calibration(evidence), class_findings(evidence))
    return re.sub("<[^>]*>", "", found.sentence)


def stated(target: np.ndarray, probability: np.ndarray, baseline: float) -> Evidence:
    """Return evidence of two classes, no and yes, from the probabilities of the second."""
    pairs = (np.stack([1 - each, each], axis=1) for each in (probability, np.full(len(target), baseline)))
    return Evidence("m", "rows", ["no", "yes"], target, next(pairs), {"a coin": next(pairs)})


def test_a_good_model():
    evidence = stated(np.arange(100) % 2, np.where(np.arange(100) % 2, 0.99, 0.01), 0.5)
    assert sentence(evidence) == (
        "Trust it: it is right in 100% of 100 rows, against 50.0% for a coin; its probabilities mean what they say, as "
        "far as these rows can show; it misses no row of any class."
    )


def test_no_better_than_the_baseline():
    target, _ = made_predictions(400, 2)
    probability = np.random.default_rng(5).uniform(0.2, 0.8, 400)
    found = sentence(stated(target, probability, target.mean()))
    assert found.startswith(
        "Do not trust it: it is right in 47.0% of 400 rows, against 53.2% by always answering “no”; its "
    )


def test_right_but_too_sure():
    generator = np.random.default_rng(6)
    target = generator.integers(0, 2, 2000)
    said = np.where(generator.random(2000) < 0.8, target, 1 - target)
    found = sentence(stated(target, np.where(said, 0.99, 0.01), 0.5))
    assert found.startswith("Trust its answers, but not its probabilities: it is right in 79.4%")
    assert "its probabilities are off by 19.6 points on average, mostly too sure; it is weakest on " in found


def test_probabilities_that_say_more_than_the_answers():
    generator = np.random.default_rng(7)
    probability = generator.choice([0.02, 0.3], 4000)
    target = (generator.random(4000) < probability).astype(int)
    found = sentence(stated(target, probability, 0.16))
    assert found.startswith("Trust its probabilities, but not its answers: it is right in 83.7%")
    assert found.endswith("it is weakest on “yes”, of which it finds 0% (0 of 652).")


def test_a_weak_class_calls_for_care():
    generator = np.random.default_rng(8)
    probability = generator.choice([0.02, 0.4, 0.8], 4000, p=[0.7, 0.2, 0.1])
    target = (generator.random(4000) < probability).astype(int)
    assert sentence(stated(target, probability, 0.174)).startswith("Trust it with care: it is right in ")


def rivalled(rival: float) -> str:
    """Return the verdict on a model beside a rival that gives the truth a probability of 0.9 to the power of it."""
    target = np.arange(400) % 2
    noise = np.random.default_rng(9).normal(0, 0.05, 400)
    given = (0.9 ** np.exp(noise), 0.9 ** (rival * np.exp(noise[::-1])), np.full(400, 0.5))
    model, other, coin = (np.where(target[:, None] == [0, 1], p[:, None], 1 - p[:, None]) for p in given)
    baselines = {"a coin": coin, "logistic regression": other}
    return sentence(Evidence("m", "rows", ["no", "yes"], target, model, baselines))


def test_a_rival_that_is_as_good_or_better_is_named():
    assert "logistic" not in rivalled(2.0)
    assert "; logistic regression is simpler, and no worse beyond chance (log loss 0.106 against 0.106)" in rivalled(
        1.0
    )
    better = rivalled(0.5)
    assert better.startswith("Prefer logistic regression: it is right in 100%")
    assert "; logistic regression is better (log loss 0.053 against 0.106); " in better


def test_few_rows_say_nothing():
    assert sentence(made_evidence(rows=1, examples=[])) == (
        "Too few rows to tell: 1 row cannot show how good it is; measure it on 30 or more."
    )


def test_certain_and_wrong_is_named():
    target = np.arange(60) % 2
    probability = target.astype(float)
    probability[:3] = 1 - probability[:3]
    assert "in 3 rows it gave probability 0 to what happened" in sentence(stated(target, probability, 0.5))


@pytest.mark.parametrize("n_classes", [2, 3, 50])
def test_is_one_sentence(n_classes):
    found = sentence(made_evidence(rows=600, n_classes=n_classes))
    assert found.count(". ") == 0
    assert found.endswith(".")
