"""`logitwise explain`: the steps on standard output, as JSON, or as a page."""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest

import logitwise as lw


def test_it_shows_the_numbers_of_each_step(run):
    result = run("explain", "2.0", "1.0", "0.1", "--target", "0", "--names", "cat,[b]dog,bird")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["cat", "2.0000", "0.0000", "1.0000", "0.6590", "██████████▌"] in lines
    assert ["[b]dog", "1.0000", "-1.0000", "0.3679", "0.2424", "███▉"] in lines
    assert ["-log(0.6590)", "0.4170"] in lines
    assert max(map(len, result.stdout.splitlines())) <= 100


@pytest.mark.parametrize("words", [["2", "-1"], ["--", "2", "-1"], ["--json", "2", "-1e0"], ["2", "-1", "--quiet"]])
def test_negative_scores_are_numbers(run, words):
    printed = run("explain", "--json", *words).stdout
    expected = lw.softmax(np.array([2.0, -1.0])).tolist()
    assert json.loads(printed)["probabilities"] == expected


def test_target_and_temperature_are_those_of_the_library(run):
    told = json.loads(run("explain", "-1", "2", "0", "--target", "0", "--temperature", "2", "--json").stdout)
    loss, gradient = lw.cross_entropy_and_gradient(np.array([-0.5, 1.0, 0.0]), 0)
    assert told["lesson"]["loss"] == pytest.approx(float(loss), rel=1e-15)
    assert told["lesson"]["gradient"] == pytest.approx(gradient.tolist(), rel=1e-15)
    assert told["names"] == ["class 0", "class 1", "class 2"]


def test_json_holds_every_number_of_the_steps(run):
    words = ["0.3", "-1.2", "1.7", "--target", "cat", "--temperature", "3", "--names", "cat,dog,bird", "--json"]
    told = json.loads(run("explain", *words).stdout)
    steps = {"shifted", "exponentials", "total", "probabilities"}
    assert set(told) == {"names", "logits", "temperature", *steps, "lesson", "compared"}
    exponentials = [math.exp((z - 1.7) / 3) for z in (0.3, -1.2, 1.7)]
    total = sum(exponentials)
    p = [each / total for each in exponentials]
    assert (told["names"], told["logits"], told["temperature"]) == (["cat", "dog", "bird"], [0.3, -1.2, 1.7], 3.0)
    assert told["exponentials"] == pytest.approx(exponentials)
    assert (told["total"], told["probabilities"]) == (pytest.approx(total), pytest.approx(p))
    lesson = {"target": 0, "loss": -math.log(p[0]), "gap": 1.4 / 3, "rest": total - 1, "gradient": [p[0] - 1, *p[1:]]}
    assert {name: pytest.approx(value) for name, value in lesson.items()} == told["lesson"]
    assert [each["temperature"] for each in told["compared"]] == [0.5, 1.0, 2.0, 3.0]
    assert told["compared"][-1]["loss"] == pytest.approx(told["lesson"]["loss"])
    assert json.loads(run("explain", "1", "2", "--json").stdout)["lesson"] is None


def test_text_and_page_show_what_was_asked_for(run):
    words = ["explain", "0.3", "-1.2", "1.7", "--target", "2", "--temperature", "3", "--names", "cat,dog,bird"]
    shown = run(*words).stdout
    assert "Cross-entropy: the right class is bird" in shown
    assert "minus max, / T" in shown
    told = run(*words, "--html", "e.html", "--json", "--quiet")
    assert (json.loads(told.stdout)["lesson"]["target"], told.stderr) == (2, "")
    page = Path("e.html").read_text(encoding="utf-8")
    assert '"names": ["cat", "dog", "bird"], "logits": [0.3, -1.2, 1.7], "temperature": 3.0, "target": 2' in page


def test_the_right_class_may_be_named(run):
    words = ["explain", "2", "1", "0", "--names", "cat,0,bird", "--json", "--target"]
    found = [json.loads(run(*words, target).stdout)["lesson"]["target"] for target in ("bird", "0", "2")]
    assert found == [2, 1, 2]  # a name goes before a place


def test_a_page_takes_the_place_of_the_text(run):
    result = run("explain", "2", "1", "--html", "e.html")
    assert (result.exit_code, result.stdout) == (0, "")
    assert re.fullmatch(r"Wrote e\.html \(\d+\.\d kB\)\.\n", result.stderr)
    page = Path("e.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert '"logits": [2.0, 1.0]' in page
    assert os.listdir() == ["e.html"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["2", "x"], "LOGITS must be numbers; got 'x'."),
        (["2,1"], "LOGITS must be numbers; got '2,1'. Put spaces between them: 2 1"),
        (["2", "1", "--target", "cat"], "--target must be a class, counted from 0; got 'cat'."),
        (
            ["2", "1", "--target", "bat", "--names", "cat,dog"],
            "--target must be one of cat, dog, or its place counted from 0; got 'bat'. Did you mean 'cat'?",
        ),
        (["2"], "LOGITS must be from 2 to 30 scores, one per class, to be looked at one by one; got 1."),
        (["2", "-inf"], "LOGITS must be in [-1e6, 1e6]; got -inf at index 1."),
        (["2", "nan"], "LOGITS must be in [-1e6, 1e6]; got nan at index 1."),
        (["2", "1", "--target", "2"], "--target must be in [0, 1]; got 2. Classes are counted from 0."),
        (["2", "1", "--temperature", "-1"], "--temperature must be in [0.01, 100]; got -1."),
        (["2", "1", "--names", "a"], "--names must be one for each of the 2 logits; got 1."),
        (
            ["2", "1", "--html", "no/e.html"],
            "--html must be in an existing folder; got 'no/e.html'. Make the folder first.",
        ),
    ],
)
def test_what_cannot_be_explained_is_refused(run, words, sentence):
    result = run("explain", *words)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"logitwise: error: {sentence}\n")
    assert os.listdir() == []
