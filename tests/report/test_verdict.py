"""The verdict: one sentence for each kind of model."""

import re
from typing import Any

import numpy as np
import pytest

from logitwise.metrics.intervals import Interval
from logitwise.report_page import Evidence, HeldOutComparison
from logitwise.report_page.findings import (
    CalibrationFinding,
    ClassFinding,
    Measure,
    calibration,
    class_findings,
    measures,
)
from logitwise.report_page.verdict import Verdict, verdict
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


BETTER, WORSE, ALIKE = Interval(0.1, 0.2), Interval(-0.2, -0.1), Interval(0.0, 0.2)


def judged(
    rows: int = 40,
    accuracy: Interval | None = BETTER,
    losses: tuple[Interval | None, ...] = (BETTER,),
    calibrated: tuple[float, float, float] = (0.04, 0.04, 0.01),
    found: tuple[tuple[int, int], ...] = ((12, 12), (28, 28)),
    loss: float = 0.3,
    better: dict[str, tuple[float, float]] | None = None,
) -> Verdict:
    """Return the verdict on findings as given: gains, error and what chance makes it, rows and hits of the classes."""
    names = ["a coin", "logistic regression", "trees"][: len(losses)]
    pairs = np.tile([0.8, 0.2], (rows, 1))
    evidence = Evidence("m", "rows", ["no", "yes"], np.zeros(rows, int), pairs, dict.fromkeys(names, pairs[:, ::-1]))
    if better is not None:
        evidence = Evidence(**{**vars(evidence), "comparison": HeldOutComparison(9, {}, "", better)})
    values = (0.61, 0.25, 0.35)[: len(losses)]
    measured = (
        Measure("Accuracy", 0.71, None, (0.52, 0.63, 0.64)[: len(losses)], (accuracy,)),
        Measure("Log loss", loss, None, values, losses),
        Measure("Brier score", 0.2, None, values, losses),
    )
    error, high, overconfidence = calibrated
    classes = [ClassFinding(place, of, of, hits) for place, (of, hits) in enumerate(found)]
    return verdict(evidence, measured, CalibrationFinding(error, Interval(0.0, high), overconfidence), classes)


TRUSTED = ("Trust it", "yes")
WITH_CARE = ("Trust it with care", "partly")
NOT_ITS_PROBABILITIES = ("Trust its answers, but not its probabilities", "partly")
PREFERRED = ("Prefer logistic regression", "partly")
NOT_TRUSTED = ("Do not trust it", "no")
WEAK = ((12, 7), (28, 28))


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ({}, TRUSTED),
        ({"rows": 30}, TRUSTED),
        ({"rows": 29}, ("Too few rows to tell", "no")),
        ({"accuracy": ALIKE}, ("Trust its probabilities, but not its answers", "partly")),
        ({"accuracy": ALIKE, "losses": (ALIKE,)}, NOT_TRUSTED),
        ({"losses": (ALIKE,)}, NOT_ITS_PROBABILITIES),
        ({"losses": (ALIKE,), "found": WEAK}, WITH_CARE),
        ({"losses": (None,), "loss": 0.3}, TRUSTED),  # the loss of the baseline is infinite
        ({"losses": (None,), "loss": np.inf}, NOT_ITS_PROBABILITIES),
        ({"calibrated": (0.3, 0.3, 0.1)}, TRUSTED),
        ({"calibrated": (0.3, 0.29, 0.1)}, NOT_ITS_PROBABILITIES),
        ({"calibrated": (0.051, 0.01, 0.1)}, NOT_ITS_PROBABILITIES),
        ({"calibrated": (0.05, 0.01, 0.1)}, WITH_CARE),
        ({"calibrated": (0.021, 0.01, 0.1)}, WITH_CARE),
        ({"calibrated": (0.02, 0.01, 0.1)}, TRUSTED),
        ({"calibrated": (0.051, 0.01, 0.1), "found": WEAK}, WITH_CARE),
        ({"found": ((12, 8), (28, 28))}, TRUSTED),
        ({"found": WEAK}, WITH_CARE),
        ({"found": ((28, 28), (12, 7))}, WITH_CARE),
        ({"found": ((9, 0), (28, 28))}, TRUSTED),
        ({"found": ((10, 0), (28, 28))}, WITH_CARE),
        ({"losses": (BETTER, WORSE)}, PREFERRED),
        ({"losses": (BETTER, Interval(-0.1, 0.0))}, TRUSTED),
        ({"losses": (BETTER, None)}, TRUSTED),
        ({"losses": (ALIKE, WORSE), "accuracy": ALIKE}, NOT_TRUSTED),
        ({"losses": (BETTER, BETTER, WORSE)}, ("Prefer trees", "partly")),
        ({"better": {"logistic regression": (-0.2, -0.1)}}, PREFERRED),
        ({"better": {"trees": (-0.1, 0.0), "logistic regression": (-0.2, -0.1)}}, PREFERRED),
        ({"better": {"logistic regression": (-0.2, 0.0)}}, TRUSTED),
        ({"better": {"logistic regression": (-0.2, -0.1)}, "losses": (ALIKE,), "accuracy": ALIKE}, NOT_TRUSTED),
    ],
)
def test_the_judgement_turns_at_its_thresholds(findings, expected):
    found = judged(**findings)
    assert (found.judgement, found.trust) == expected


RIGHT = "it is right in 71.0% of 40 rows, against 52.0% by always answering “yes”"
CALIBRATED = "its probabilities mean what they say, as far as these rows can show"
NONE_MISSED = "it misses no row of any class"
SIMPLER = "is simpler, and no worse beyond chance (log loss"
OFF = "its probabilities are off by"


@pytest.mark.parametrize(
    ("findings", "reasons"),
    [
        ({}, [CALIBRATED, NONE_MISSED]),
        ({"calibrated": (0.02, 0.01, 0.1)}, [f"{OFF} only 2.0 points on average", NONE_MISSED]),
        ({"calibrated": (0.031, 0.01, 0.1)}, [f"{OFF} 3.1 points on average, mostly too sure", NONE_MISSED]),
        ({"calibrated": (0.031, 0.01, -0.1)}, [f"{OFF} 3.1 points on average, mostly not sure enough", NONE_MISSED]),
        ({"losses": (BETTER, BETTER)}, [CALIBRATED, NONE_MISSED]),
        ({"losses": (BETTER, ALIKE)}, [f"logistic regression {SIMPLER} 0.250 against 0.300)", CALIBRATED, NONE_MISSED]),
        (
            {"losses": (BETTER, WORSE, ALIKE)},
            ["logistic regression is better (log loss 0.250 against 0.300)", CALIBRATED, NONE_MISSED],
        ),
        ({"losses": (BETTER, BETTER, ALIKE)}, [f"trees {SIMPLER} 0.350 against 0.300)", CALIBRATED, NONE_MISSED]),
        (
            {"losses": (None,), "loss": np.inf},
            [CALIBRATED, "in 0 rows it gave probability 0 to what happened", NONE_MISSED],
        ),
        ({"found": ((12, 12), (28, 27))}, [CALIBRATED, "it is weakest on “yes”, of which it finds 96.4% (27 of 28)"]),
        ({"found": ((12, 9), (28, 27))}, [CALIBRATED, "it is weakest on “no”, of which it finds 75.0% (9 of 12)"]),
        ({"found": ((9, 1), (28, 28))}, [CALIBRATED, NONE_MISSED]),
        ({"found": ((9, 1), (9, 9))}, [CALIBRATED]),
    ],
)
def test_each_reason_says_how_much_and_in_which_direction(findings, reasons):
    assert [re.sub("<[^>]*>", "", each) for each in judged(**findings).reasons] == [RIGHT, *reasons]


def test_a_baseline_whose_answers_differ_is_named():
    pairs = np.array([[0.9, 0.1], [0.2, 0.8]] * 20)
    named: Any = {"the neighbour": pairs}
    found = sentence(Evidence("m", "rows", ["no", "yes"], np.zeros(40, int), pairs, named))
    assert "it is right in 50.0% of 40 rows, against 50.0% for the neighbour; " in found
