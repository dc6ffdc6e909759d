"""The numbers of an explanation: those of the library, those of the tutorial, and what is refused."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

import logitwise as lw
from explain import worked
from logitwise.explain import explain

LOGITS = [
    [2.0, 1.0, 0.1],
    [20.0, 0.0, 0.0],
    [0.0, 0.0],
    [-3.0, 5.0, 5.0, 1.0],
    [1e6, -1e6],
    np.random.default_rng(0).normal(0, 5, 30).tolist(),
]


@pytest.mark.parametrize("temperature", [0.01, 0.5, 1.0, 3.0, 100.0])
@pytest.mark.parametrize("logits", LOGITS, ids=len)
def test_the_numbers_are_those_of_the_functions(logits, temperature):
    seen = explain(logits, target=1, temperature=temperature)
    loss, gradient = lw.cross_entropy_and_gradient(np.array(logits) / temperature, np.array(1))
    np.testing.assert_array_equal(seen.probabilities, lw.softmax(np.array(logits), temperature=temperature))
    np.testing.assert_allclose(seen.lesson.loss, loss, rtol=1e-14)
    np.testing.assert_allclose(seen.lesson.gradient, gradient, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("logits", LOGITS, ids=len)
def test_the_steps_lead_to_the_results(logits, target):
    seen = explain(logits, target, temperature=2.0)
    lesson = seen.lesson
    np.testing.assert_allclose(np.array(seen.exponentials) / seen.total, seen.probabilities, rtol=1e-14)
    np.testing.assert_allclose(lesson.gap + math.log1p(lesson.rest), lesson.loss, rtol=1e-14)
    assert max(seen.shifted) == 0.0
    assert math.fsum(lesson.gradient) == pytest.approx(0.0, abs=1e-15)


def test_every_field_holds_what_it_is_named_for():
    seen = explain(worked.LOGITS, worked.TARGET, worked.TEMPERATURE, names=worked.NAMES)
    assert (seen.names, seen.logits, seen.temperature) == (worked.NAMES, worked.LOGITS, worked.TEMPERATURE)
    np.testing.assert_allclose(seen.shifted, worked.SHIFTED, rtol=1e-14)
    np.testing.assert_allclose(seen.exponentials, worked.EXPONENTIALS, rtol=1e-14)
    np.testing.assert_allclose(seen.probabilities, worked.PROBABILITIES, rtol=1e-14)
    assert seen.total == pytest.approx(worked.TOTAL, rel=1e-14)
    lesson = seen.lesson
    assert lesson.target == worked.TARGET
    found = (lesson.loss, lesson.gap, lesson.rest)
    np.testing.assert_allclose(found, (worked.LOSS, worked.GAP, worked.REST), rtol=1e-14)
    np.testing.assert_allclose(lesson.gradient, worked.GRADIENT, rtol=1e-13)
    assert [each.temperature for each in seen.compared] == [0.5, 1.0, 2.0, 3.0]
    for each in seen.compared:
        probabilities, loss = worked.at_temperature(each.temperature)
        np.testing.assert_allclose(each.probabilities, probabilities, rtol=1e-13)
        assert each.loss == pytest.approx(loss, rel=1e-13)


def test_of_two_that_are_largest_one_stays_in_the_rest():
    lesson = explain([1.0, 4.0, 4.0], 1).lesson
    assert (lesson.gap, lesson.rest) == (0.0, pytest.approx(1 + math.exp(-3), rel=1e-15))
    assert explain([4.0, 1.0, 4.0], 1).lesson.gap == 3.0


def test_the_ends_of_every_range_are_allowed():
    assert explain([1e6, -1e6], 1).lesson.gap == 2e6
    assert [explain([1.0, 2.0], temperature=each).temperature for each in (0.01, 100)] == [0.01, 100.0]
    assert len(explain([0.5] * 30, 29).probabilities) == 30


def test_the_numbers_of_the_tutorial():
    seen = explain([2.0, 1.0, 0.1], target=0)
    np.testing.assert_array_equal(np.round(seen.probabilities, 8), [0.65900114, 0.24243297, 0.09856589])
    rows = [([0.1, 1.0, 2.1], 2), ([2.0, 1.0, 0.1], 0), ([0.1, 3.0, 0.1], 1)]
    losses = [explain(row, target).lesson.loss for row, target in rows]
    assert round(math.fsum(losses) / 3, 4) == 0.3018
    assert f"{explain([20, 0, 0], target=0).lesson.loss:.4e}" == "4.1223e-09"


def test_temperatures_are_compared_in_order_and_once():
    assert [each.temperature for each in explain([1, 2]).compared] == [0.5, 1.0, 2.0]
    compared = explain([1.0, 2.0], 0, temperature=1.5).compared
    assert [each.temperature for each in compared] == [0.5, 1.0, 1.5, 2.0]
    losses = [lw.cross_entropy(np.array([1.0, 2.0]) / each.temperature, np.array(0)) for each in compared]
    np.testing.assert_allclose([each.loss for each in compared], losses, rtol=1e-14)


def test_without_a_target_there_is_no_loss():
    seen = explain([1.0, 2.0])
    assert seen.lesson is None
    assert {each.loss for each in seen.compared} == {None}


def test_names_are_the_indices_where_none_are_given():
    assert explain([1.0, 2.0]).names == ("class 0", "class 1")
    assert explain([1.0, 2.0], names=["no", "yes"]).names == ("no", "yes")


def test_all_numbers_as_plain_data():
    seen = explain([2.0, 1.0, 0.1], target=0)
    again = json.loads(json.dumps(seen.as_dict(), allow_nan=False))
    assert again["probabilities"] == list(seen.probabilities)
    assert again["lesson"]["gradient"] == list(seen.lesson.gradient)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"logits": [1.0]},
            ValueError,
            "logits must be from 2 to 30 scores, one per class, to be looked at one by one; got 1.",
        ),
        (
            {"logits": [0.0] * 31},
            ValueError,
            "logits must be from 2 to 30 scores, one per class, to be looked at one by one; got 31.",
        ),
        ({"logits": [1.0, math.nan]}, ValueError, "logits must be in [-1e6, 1e6]; got nan at index 1."),
        ({"logits": [-math.inf, 0.0]}, ValueError, "logits must be in [-1e6, 1e6]; got -inf at index 0."),
        ({"logits": [1.0, "2"]}, TypeError, "logits must be a number; got '2' of type str."),
        ({"logits": [1.0, 1000001.0]}, ValueError, "logits must be in [-1e6, 1e6]; got 1000001.0 at index 1."),
        ({"temperature": 0.0}, ValueError, "temperature must be in [0.01, 100]; got 0."),
        ({"temperature": 0.0099}, ValueError, "temperature must be in [0.01, 100]; got 0.0099."),
        ({"temperature": 100.1}, ValueError, "temperature must be in [0.01, 100]; got 100.1."),
        ({"target": 3}, ValueError, "target must be in [0, 1]; got 3."),
        ({"temperature": math.nan}, ValueError, "temperature must be in [0.01, 100]; got nan."),
        ({"target": 2}, ValueError, "target must be in [0, 1]; got 2. Classes are counted from 0."),
        ({"target": -1}, ValueError, "target must be in [0, 1]; got -1."),
        ({"target": 0.5}, TypeError, "target must be an integer; got 0.5."),
        ({"names": ["a"]}, ValueError, "names must be one for each of the 2 logits; got 1."),
    ],
)
def test_what_is_refused(arguments, kind, message):
    with pytest.raises(kind, match=f"^{re.escape(message)}$"):
        explain(**{"logits": [1.0, 2.0], **arguments})
