"""Leaks on the command line: what `train` learns is of the rows trained on, whatever those measured are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import logitwise as lw
from cli.made_fruit import SMALL, made_rows, write_csv
from logitwise import data
from logitwise.classifier.folds import split_rows
from logitwise.cli import pages
from logitwise.columns.table import read_table


@pytest.fixture
def seen(monkeypatch):
    """Return the list of what reports are made from, from now on."""
    evidence, render = [], pages.render

    def spy(found):
        evidence.append(found)
        return render(found)

    monkeypatch.setattr(pages, "render", spy)
    return evidence


def inputs_of(model, features):
    preprocessing = model.preprocessing
    return preprocessing.encode(preprocessing.prepare(read_table(features)), slice(None))[:, : preprocessing.n_deep]


@pytest.mark.parametrize("test", [None, "more.csv"])
def test_the_logistic_regression_of_a_report_never_saw_the_rows_it_is_measured_on(run, fruit, seen, test):
    args = ["train", fruit / "fruit.csv", "--target", "label", "--report", "r.html", "--model", "m.safetensors", *SMALL]
    result = run(*args, *([] if test is None else ["--test", fruit / test]))
    assert result.exit_code == 0, result.stderr
    (evidence,) = seen
    model = lw.load("m.safetensors")
    rows = data.read(fruit / "fruit.csv", target="label")
    rows, target = rows.features, rows.target
    if test is None:
        trained, held_out = split_rows(model.class_indices(target), 0.2, np.random.default_rng(3))
        measured, rows, target = rows[held_out], rows[trained], target[trained]
    else:
        measured = data.read(fruit / test, target="label").features
    assert model.was_trained_on(rows, target)
    np.testing.assert_array_equal(evidence.probabilities, model.predict_proba(measured))
    strength = model.metadata["baselines"]["C"]
    peer = LogisticRegression(C=strength, max_iter=200, tol=1e-6).fit(inputs_of(model, rows).astype(float), target)
    expected = peer.predict_proba(inputs_of(model, measured))
    np.testing.assert_allclose(evidence.baselines["logistic regression"], expected, atol=2e-3)
    frequencies = np.bincount(model.class_indices(target)) / len(target)
    expected = np.tile(frequencies, (len(measured), 1))
    np.testing.assert_allclose(evidence.baselines["the class frequencies alone"], expected, rtol=1e-12)


def test_a_test_file_decides_nothing_but_the_measures(run, fruit, seen):
    write_csv("other.csv", [(-size, "pink", label) for size, _, label in made_rows(60, seed=2)])
    models = []
    for test in (fruit / "more.csv", "other.csv"):
        args = ["train", fruit / "fruit.csv", "--target", "label", "--test", test, "--report", "r.html", *SMALL]
        assert run(*args).exit_code == 0
        models.append(lw.load("fruit.safetensors"))
    first, second = models
    X = data.read(fruit / "fruit.csv", target="label").features
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    np.testing.assert_array_equal(first.conformal_scores, second.conformal_scores)
    for name in ("held_out", "baselines", "history", "best_step", "class_counts", "rows_sha256"):
        assert first.metadata[name] == second.metadata[name]
    assert first.metadata["metrics"]["model"] != second.metadata["metrics"]["model"]
    one, two = (evidence.baselines["the class frequencies alone"][0] for evidence in seen)
    np.testing.assert_array_equal(one, two)


def test_an_interrupted_training_has_no_logistic_regression_beside_it(run, fruit, seen, monkeypatch):
    from logitwise.classifier.training import Trainer

    measure = Trainer._measure

    def interrupt(self, step, losses):
        found = measure(self, step, losses)
        if step >= 20:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(Trainer, "_measure", interrupt)
    result = run("train", fruit / "fruit.csv", "--target", "label", "--report", "r.html", *SMALL)
    assert result.exit_code == 130
    assert list(seen[0].baselines) == ["the class frequencies alone"]
    assert Path("r.html").is_file()
