"""The verdict: one sentence for each kind of model."""

import re
from html import unescape
from typing import Any

import numpy as np
import pytest

from logitwise.metrics.intervals import Interval
from logitwise.report_page import Evidence, HeldOutComparison
from logitwise.report_page.findings import (
    Bin,
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
    return plain(found.sentence)


def plain(markup: str) -> str:
    return unescape(re.sub("<[^>]*>", "", markup))


def stated(target: np.ndarray, probability: np.ndarray, baseline: float) -> Evidence:
    """Return evidence of two classes, no and yes, from the probabilities of the second."""
    pairs = (np.stack([1 - each, each], axis=1) for each in (probability, np.full(len(target), baseline)))
    return Evidence("m", "rows", ["no", "yes"], target, next(pairs), {"a coin": next(pairs)})


def test_a_good_model():
    evidence = stated(np.arange(100) % 2, np.where(np.arange(100) % 2, 0.99, 0.01), 0.5)
    assert sentence(evidence) == (
        "Trust it: it is right in 100% of 100 rows, against 50.0% for a coin; its probabilities mean what they say, as "
        "far as these rows can show. It misses no row of any class."
    )


def test_no_better_than_the_baseline():
    target, _ = made_predictions(400, 2)
    probability = np.random.default_rng(5).uniform(0.2, 0.8, 400)
    found = sentence(stated(target, probability, target.mean()))
    assert found.startswith(
        "Do not trust it: it is right in 47.0% of 400 rows, against 53.2% by always answering “no”; its log loss is "
        "higher than that of a coin ("
    )


def test_right_but_too_sure():
    generator = np.random.default_rng(6)
    target = generator.integers(0, 2, 2000)
    said = np.where(generator.random(2000) < 0.8, target, 1 - target)
    found = sentence(stated(target, np.where(said, 0.99, 0.01), 0.5))
    assert re.match(
        r"Trust its answers, but not its probabilities: its probabilities are off by 19\.6 points on average, mostly "
        r"too sure; its log loss is higher than that of a coin \(0\.9\d\d against 0\.693\)\. It is right in 79\.4% of "
        r"2,000 rows, against 50\.0% for a coin; it is weakest on ",
        found,
    )


def test_probabilities_that_say_more_than_the_answers():
    generator = np.random.default_rng(7)
    probability = generator.choice([0.02, 0.3], 4000)
    target = (generator.random(4000) < probability).astype(int)
    found = sentence(stated(target, probability, 0.16))
    assert found.startswith(
        "Trust its probabilities, but not its answers: it is right in 83.7% of 4,000 rows, against 83.7% by always "
        "answering “no”; its log loss is lower than that of a coin ("
    )
    assert found.endswith("it finds none of the 652 rows of “yes”.")


def test_a_weak_class_calls_for_care():
    generator = np.random.default_rng(8)
    probability = generator.choice([0.02, 0.4, 0.8], 4000, p=[0.7, 0.2, 0.1])
    target = (generator.random(4000) < probability).astype(int)
    assert re.match(
        r"Trust it with care: it is weakest on “yes”, of which it finds \d\d\.\d% \(\d+ of \d+\)\. It is right in ",
        sentence(stated(target, probability, 0.174)),
    )


def of_three(*answered: int) -> str:
    """Return the verdict on a model that answers three classes of 40 rows each like this."""
    target = np.repeat([0, 1, 2], 40)
    probabilities = np.full((120, 3), 0.005)
    probabilities[np.arange(120), np.array(answered)[target]] = 0.99
    evidence = {"a coin": np.full((120, 3), 1 / 3)}
    return sentence(Evidence("m", "rows", ["a", "b", "c"], target, probabilities, evidence))


def test_classes_that_it_never_finds_come_first():
    assert of_three(0, 1, 1).startswith("Do not rely on it for one class: it finds none of the 40 rows of “c”. It is ")
    assert of_three(0, 0, 0).startswith("Do not trust it: it is right in 33.3% of 120 rows, ")
    assert of_three(0, 1, 2).startswith("Trust it: it is right in 100% of 120 rows, ")


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ((40, 12), "it finds none of the rows of 2 classes, “3” (40), “4” (12)."),
        ((10, 11, 12, 13), "it finds none of the rows of 4 classes, “6” (13), “5” (12), “4” (11) and 1 more."),
    ],
)
def test_several_classes_that_it_never_finds(sizes, said):
    target = np.repeat(np.arange(3 + len(sizes)), (200, 200, 200, *sizes))
    answers = np.minimum(target, 2)
    n_classes = 3 + len(sizes)
    probabilities = np.where(answers[:, None] == np.arange(n_classes), 0.9, 0.1 / (n_classes - 1))
    names = [str(place) for place in range(n_classes)]
    coin = {"a coin": np.full((len(target), n_classes), 1 / n_classes)}
    found = sentence(Evidence("m", "rows", names, target, probabilities, coin))
    assert found.startswith(f"Do not rely on it for {len(sizes)} classes: {said}")


def rivalled(rival: float) -> str:
    """Return the verdict on a model beside a rival that gives the truth a probability of 0.9 to the power of it."""
    target = np.arange(400) % 2
    noise = np.random.default_rng(9).normal(0, 0.05, 400)
    given = (0.9 ** np.exp(noise), 0.9 ** (rival * np.exp(noise[::-1])), np.full(400, 0.5))
    model, other, coin = (np.where(target[:, None] == [0, 1], p[:, None], 1 - p[:, None]) for p in given)
    baselines = {"a coin": coin, "logistic regression": other}
    return sentence(Evidence("m", "rows", ["no", "yes"], target, model, baselines))


def test_a_rival_that_is_as_good_or_better_is_named():
    assert "; its log loss is lower than that of logistic regression (0.106 against 0.211); it misses " in rivalled(2.0)
    assert "; logistic regression is simpler, and no worse beyond chance (log loss 0.106 against 0.106)" in rivalled(
        1.0
    )
    better = rivalled(0.5)
    assert better.startswith(
        "Prefer logistic regression: logistic regression is better (log loss 0.053 against 0.106). "
    )
    assert ". This model is right in 100% of 400 rows, " in better


@pytest.mark.parametrize(("given", "is_preferred"), [(0.9955, False), (0.9945, True)])
def test_models_that_are_right_in_every_row_are_not_told_apart(given, is_preferred):
    """Four hundred rows cannot show that a log loss of 0.0001 is better than one of 0.0045."""
    target = np.arange(400) % 2
    model, other, coin = (np.where(target[:, None] == [0, 1], p, 1 - p) for p in (given, 0.9999, 0.5))
    found = sentence(
        Evidence("m", "rows", ["no", "yes"], target, model, {"a coin": coin, "logistic regression": other})
    )
    assert found.startswith("Prefer logistic regression: ") == is_preferred
    assert ("logistic regression is simpler, and no worse beyond chance (log loss 0.000 " in found) != is_preferred


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
def test_is_two_sentences(n_classes):
    found = sentence(made_evidence(rows=600, n_classes=n_classes))
    assert found.count(". ") == 1
    assert found.endswith(".")


COIN = np.tile([0.5, 0.5], (40, 1))
BETTER, WORSE, ALIKE = Interval(0.1, 0.2), Interval(-0.2, -0.1), Interval(0.0, 0.2)


def judged(
    rows: int = 40,
    accuracy: Interval | None = BETTER,
    losses: tuple[Interval | None, ...] = (BETTER,),
    calibrated: tuple[float, float, float] = (0.04, 0.04, 0.01),
    found: tuple[tuple[int, int], ...] = ((12, 12), (28, 28)),
    loss: float = 0.3,
    better: str | None = None,
    is_compared: bool = False,
    leak: str = "",
    copies: str = "",
) -> Verdict:
    """Return the verdict on findings as given: gains, error and what chance makes it, rows and hits of the classes."""
    names = ["a coin", "logistic regression", "trees"][: len(losses)]
    pairs = np.tile([0.8, 0.2], (rows, 1))
    evidence = Evidence("m", "rows", ["no", "yes"], np.zeros(rows, int), pairs, dict.fromkeys(names, pairs[:, ::-1]))
    evidence = Evidence(**{**vars(evidence), "leak": leak, "copies": copies})
    if better is not None or is_compared:
        evidence = Evidence(**{**vars(evidence), "comparison": HeldOutComparison(9, {}, "", {}, better)})
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
ONLY_SOME = ("Trust only some of its answers", "partly")
NOT_ITS_PROBABILITIES = ("Trust its answers, but not its probabilities", "partly")
PREFERRED = ("Prefer logistic regression", "partly")
NOT_TRUSTED = ("Do not trust it", "no")
LEAK = "The data has columns that give the target away, each by itself: column 'after'"
LEAKING = ("Look at its columns first", "partly")
COPIED = "The data has 60 rows that are copies of others, of 300"
COPIES = ("Look at its copies first", "partly")
NOT_FOR_ONE_CLASS = ("Do not rely on it for one class", "partly")
WITH_CARE_ITS_PROBABILITIES = ("Trust its probabilities with care, but not its answers", "partly")
NOT_ITS_ANSWERS = ("Trust its probabilities, but not its answers", "partly")
WEAK = ((12, 7), (28, 28))


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ({}, TRUSTED),
        ({"rows": 30}, TRUSTED),
        ({"rows": 29}, ("Too few rows to tell", "no")),
        ({"accuracy": ALIKE}, NOT_ITS_ANSWERS),
        ({"accuracy": ALIKE, "losses": (ALIKE,)}, NOT_TRUSTED),
        ({"losses": (ALIKE,)}, NOT_ITS_PROBABILITIES),
        ({"losses": (ALIKE,), "found": WEAK}, ONLY_SOME),
        ({"losses": (None,), "loss": 0.3}, TRUSTED),  # the loss of the baseline is infinite
        ({"losses": (None,), "loss": np.inf}, NOT_ITS_PROBABILITIES),
        ({"calibrated": (0.3, 0.3, 0.1)}, TRUSTED),
        ({"calibrated": (0.3, 0.29, 0.1)}, NOT_ITS_PROBABILITIES),
        ({"calibrated": (0.051, 0.01, 0.1)}, NOT_ITS_PROBABILITIES),
        ({"calibrated": (0.05, 0.01, 0.1)}, WITH_CARE),
        ({"calibrated": (0.021, 0.01, 0.1)}, WITH_CARE),
        ({"calibrated": (0.02, 0.01, 0.1)}, TRUSTED),
        ({"calibrated": (0.051, 0.01, 0.1), "found": WEAK}, ONLY_SOME),
        ({"calibrated": (0.05, 0.01, 0.1), "found": WEAK}, WITH_CARE),
        ({"accuracy": ALIKE, "calibrated": (0.051, 0.01, 0.1)}, NOT_TRUSTED),
        ({"accuracy": ALIKE, "calibrated": (0.05, 0.01, 0.1)}, WITH_CARE_ITS_PROBABILITIES),
        ({"accuracy": ALIKE, "calibrated": (0.02, 0.01, 0.1)}, NOT_ITS_ANSWERS),
        ({"accuracy": ALIKE, "loss": 0.6092}, NOT_ITS_ANSWERS),  # a thousandth below that of a coin, 0.61
        ({"accuracy": ALIKE, "loss": 0.6095}, NOT_TRUSTED),
        ({"loss": 0.6095}, NOT_ITS_PROBABILITIES),
        ({"found": ((12, 8), (28, 28))}, TRUSTED),
        ({"found": WEAK}, WITH_CARE),
        ({"found": ((28, 28), (12, 7))}, WITH_CARE),
        ({"found": ((9, 0), (28, 28))}, TRUSTED),
        ({"found": ((10, 0), (28, 28))}, NOT_FOR_ONE_CLASS),
        ({"found": ((10, 0), (28, 28)), "calibrated": (0.051, 0.01, 0.1)}, NOT_FOR_ONE_CLASS),
        ({"found": ((10, 0), (28, 28)), "losses": (BETTER, WORSE)}, PREFERRED),
        ({"found": ((10, 0), (28, 28)), "accuracy": ALIKE}, NOT_ITS_ANSWERS),
        ({"losses": (BETTER, WORSE)}, PREFERRED),
        ({"losses": (BETTER, Interval(-0.1, 0.0))}, TRUSTED),
        ({"losses": (BETTER, None)}, TRUSTED),
        ({"losses": (ALIKE, WORSE), "accuracy": ALIKE}, NOT_TRUSTED),
        ({"losses": (BETTER, BETTER, WORSE)}, ("Prefer trees", "partly")),
        ({"better": "logistic regression"}, PREFERRED),
        ({"is_compared": True}, TRUSTED),
        ({"is_compared": True, "losses": (BETTER, WORSE)}, TRUSTED),
        ({"better": "logistic regression", "losses": (BETTER, ALIKE)}, PREFERRED),
        ({"leak": LEAK}, LEAKING),
        ({"leak": LEAK, "losses": (BETTER, WORSE), "found": ((10, 0), (28, 28))}, LEAKING),
        ({"leak": LEAK, "copies": COPIED}, LEAKING),
        ({"copies": COPIED}, COPIES),
        ({"copies": COPIED, "losses": (BETTER, WORSE), "found": ((10, 0), (28, 28))}, COPIES),
        ({"copies": COPIED, "losses": (ALIKE,), "accuracy": ALIKE}, NOT_TRUSTED),
        ({"leak": LEAK, "losses": (ALIKE,), "accuracy": ALIKE}, NOT_TRUSTED),
        ({"better": "logistic regression", "losses": (ALIKE,), "accuracy": ALIKE}, NOT_TRUSTED),
    ],
)
def test_the_judgement_turns_at_its_thresholds(findings, expected):
    found = judged(**findings)
    assert (found.judgement, found.trust) == expected


RIGHT = "it is right in 71.0% of 40 rows, against 52.0% by always answering “yes”"
CALIBRATED = "its probabilities mean what they say, as far as these rows can show"
NONE_MISSED = "it misses no row of any class"
LOWER = "its log loss is lower than that of"
SIMPLER = "is simpler, and no worse beyond chance (log loss"
OFF = "its probabilities are off by"


@pytest.mark.parametrize(
    ("findings", "reasons"),
    [
        ({}, [CALIBRATED, NONE_MISSED]),
        ({"calibrated": (0.02, 0.01, 0.1)}, [f"{OFF} only 2.0 points on average", NONE_MISSED]),
        ({"calibrated": (0.031, 0.01, 0.1)}, [f"{OFF} 3.1 points on average, mostly too sure", NONE_MISSED]),
        ({"calibrated": (0.031, 0.01, -0.1)}, [f"{OFF} 3.1 points on average, mostly not sure enough", NONE_MISSED]),
        ({"losses": (BETTER, BETTER)}, [CALIBRATED, f"{LOWER} logistic regression (0.300 against 0.250)", NONE_MISSED]),
        ({"losses": (BETTER, ALIKE)}, [CALIBRATED, f"logistic regression {SIMPLER} 0.250 against 0.300)", NONE_MISSED]),
        (
            {"losses": (BETTER, WORSE, ALIKE)},
            ["logistic regression is better (log loss 0.250 against 0.300)", CALIBRATED, NONE_MISSED],
        ),
        ({"losses": (BETTER, BETTER, ALIKE)}, [CALIBRATED, f"trees {SIMPLER} 0.350 against 0.300)", NONE_MISSED]),
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
    found = judged(**findings)
    assert sorted(map(plain, (*found.because, *found.besides))) == sorted([RIGHT, *reasons])


@pytest.mark.parametrize(
    ("findings", "because"),
    [
        ({}, [RIGHT, CALIBRATED]),
        ({"losses": (BETTER, BETTER)}, [RIGHT, CALIBRATED, f"{LOWER} logistic regression (0.300 against 0.250)"]),
        ({"losses": (BETTER, WORSE)}, ["logistic regression is better (log loss 0.250 against 0.300)"]),
        ({"copies": COPIED}, ["the data has 60 rows that are copies of others, of 300"]),
        ({"leak": LEAK}, ["the data has columns that give the target away, each by itself: column 'after'"]),
        (
            {"losses": (BETTER, WORSE), "found": ((10, 0), (28, 28))},
            ["logistic regression is better (log loss 0.250 against 0.300)", "it finds none of the 10 rows of “no”"],
        ),
        (
            {"better": "logistic regression"},
            ["logistic regression did better on the rows held out in training"],
        ),
        ({"accuracy": ALIKE}, [RIGHT, f"{LOWER} a coin (0.300 against 0.610)"]),
        (
            {"accuracy": ALIKE, "losses": (ALIKE,)},
            [RIGHT, "its log loss is not clearly lower than that of a coin (0.300 against 0.610)"],
        ),
        (
            {"accuracy": ALIKE, "losses": (WORSE,)},
            [RIGHT, "its log loss is higher than that of a coin (0.300 against 0.610)"],
        ),
        (
            {"accuracy": ALIKE, "calibrated": (0.051, 0.01, 0.1)},
            [RIGHT, f"{OFF} 5.1 points on average, mostly too sure"],
        ),
        (
            {"accuracy": ALIKE, "calibrated": (0.05, 0.01, 0.1)},
            [RIGHT, f"{LOWER} a coin (0.300 against 0.610)", f"{OFF} 5.0 points on average, mostly too sure"],
        ),
        (
            {"calibrated": (0.031, 0.016, 0.1)},
            [f"{OFF} 3.1 points on average (chance alone makes up to 1.6), mostly too sure"],
        ),
        ({"losses": (ALIKE,)}, ["its log loss is not clearly lower than that of a coin (0.300 against 0.610)"]),
        (
            {"losses": (WORSE,), "calibrated": (0.2, 0.01, 0.1), "found": WEAK},
            [
                "it is weakest on “no”, of which it finds 58.3% (7 of 12)",
                f"{OFF} 20.0 points on average, mostly too sure",
                "its log loss is higher than that of a coin (0.300 against 0.610)",
            ],
        ),
        ({"losses": (None,), "loss": np.inf}, ["in 0 rows it gave probability 0 to what happened"]),
        ({"found": ((10, 0), (28, 28))}, ["it finds none of the 10 rows of “no”"]),
        ({"found": ((12, 7), (28, 28))}, ["it is weakest on “no”, of which it finds 58.3% (7 of 12)"]),
        ({"calibrated": (0.031, 0.01, 0.1)}, [f"{OFF} 3.1 points on average, mostly too sure"]),
        ({"calibrated": (0.051, 0.01, 0.1)}, [f"{OFF} 5.1 points on average, mostly too sure"]),
        (
            {"calibrated": (0.051, 0.01, 0.1), "found": WEAK},
            [
                "it is weakest on “no”, of which it finds 58.3% (7 of 12)",
                f"{OFF} 5.1 points on average, mostly too sure",
            ],
        ),
    ],
)
def test_what_decides_comes_first_and_nothing_is_said_twice(findings, because):
    found = judged(**findings)
    assert [*map(plain, found.because)] == because
    assert not set(found.because) & set(found.besides)
    assert plain(found.sentence).startswith(f"{found.judgement}: {'; '.join(because)}. ")


def test_probabilities_that_are_off_in_one_place_are_not_told_to_be_off_on_average():
    """The page says of the same error that chance makes as much."""
    off = Bin(0.96, 1.0, Interval(0.98, 1.0), 160)
    evidence = Evidence("m", "rows", ["no", "yes"], np.zeros(40, int), np.tile([0.8, 0.2], (40, 1)), {"a": COIN})
    measured = [Measure(name, 0.3, None, (0.6,), (BETTER,)) for name in ("Accuracy", "Log loss", "Brier score")]
    calibrated = CalibrationFinding(0.04, Interval(0.03, 0.07), -0.01, 1, off)
    assert plain(verdict(evidence, measured, calibrated, []).sentence).startswith(
        "Trust it with care: its probabilities are off in places: where it said 96%, 100% happened. It is right in "
    )


def test_a_baseline_whose_answers_differ_is_named():
    pairs = np.array([[0.9, 0.1], [0.2, 0.8]] * 20)
    named: Any = {"the neighbour": pairs}
    found = sentence(Evidence("m", "rows", ["no", "yes"], np.zeros(40, int), pairs, named))
    assert "it is right in 50.0% of 40 rows, against 50.0% for the neighbour; " in found


def weighed(costs: list[list[float]], cautious: float) -> str:
    """Return the verdict on a model of a rare class, "yes", whose probabilities are 0.02 and `cautious`."""
    generator = np.random.default_rng(11)
    probability = generator.choice([0.02, cautious], 4000, p=[0.9, 0.1])
    target = (generator.random(4000) < probability).astype(int)
    evidence = stated(target, probability, float(target.mean()))
    return sentence(Evidence(**{**vars(evidence), "costs": np.array(costs)}))


def test_where_mistakes_do_not_cost_the_same_answers_are_judged_by_what_they_cost():
    """Not by how often they are right: answering the rare class more often is what was asked for."""
    found = weighed([[0, 1], [9, 0]], 0.4)
    assert found.startswith(
        "Trust it: its answers cost 64.0% less than always answering “no”; its probabilities are off "
    )
    assert re.search(r"\. It is right in 9[0-3]\.\d% of 4,000 rows, against 94\.0% by always answering “no”; ", found)
    useless = weighed([[0, 1], [3, 0]], 0.2)
    assert useless.startswith(
        "Trust its probabilities, but not its answers: its answers do not clearly cost less than always answering "
        "“no”; its log loss is lower than that of a coin ("
    )


@pytest.mark.parametrize(("right", "said"), [(0.0, "cost 100% less than"), (-1.0, "cost less than")])
def test_costs_of_a_baseline_whose_answers_differ(right, said):
    target = np.arange(40) % 2
    coin = np.where(np.arange(40)[:, None] % 3 == 0, [0.2, 0.8], [0.99, 0.01])
    sure = np.where(target[:, None] == [0, 1], 0.98, 0.02)
    costs = np.array([[right, 1.0], [3.0, right]])
    found = sentence(Evidence("m", "rows", ["no", "yes"], target, sure, {"the neighbour": coin}, costs=costs))
    assert found.startswith(f"Trust it: its answers {said} those of the neighbour; ")
