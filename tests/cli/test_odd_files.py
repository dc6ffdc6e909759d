"""Small tables with one oddity each, as files have them, through `train` and `predict`; and what is right for each."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder

import logitwise as lw

ODD = Path(__file__).resolve().parents[3] / "shared" / "odd-files"
pytestmark = pytest.mark.skipif(not ODD.is_dir(), reason="needs the odd files beside the project")
QUICK = ["--hidden", "", "--epochs", "40"]

# A part of what is said of each file; "" where nothing but the table of columns is.
AS_PLAIN = {
    "missing-tokens.csv": "",
    "one-stray-word.csv": "column 'x' (1, the first 'unknown' in row 5, counted from 0)",
    "below-limit.csv": "column 'x' (6, the first '<0.010' in row 5, counted from 0)",
    "money.csv": "number (commas between thousands, the unit $)",
    "percent.csv": "number (the unit %)",
    "decimal-comma.csv": "number (decimal commas)",
    "pipe.csv": "Fields are separated by '|'",
    "spaces.txt": "Fields are separated by spaces",
    "header-of-a-year.csv": "",
    "header-of-positions.csv": "",
    "header-name-recurs.csv": "",
    "header-twice.csv": "Line 122 repeats the header",
    "trailing-comma.csv": "",
    "total-row.csv": "Line 242",
    "unnamed-index.csv": "identifiers, with a different value in nearly every row: column 'unnamed'",
    "utf-16.csv": "UTF-16",
    "sep-line.csv": "",
    "preamble.csv": "2 lines before the table are skipped",
    "dates.csv": "date (time, weekday)",
    "codes.csv": "",
    "quotes-as-text.tsv": "",
    "plain.csv.bz2": "",
    "plain.csv.xz": "",
    "plain.zip": "",
    "records.jsonl": "",
    "records.json": "",
    "attributes.arff": "",
    "latin-1.csv --encoding latin-1": "",
}


def trained(run, words, target="y", *more):
    file, *options = words.split()
    model = ["--model", "m.safetensors", "--seed", "0"]
    return run("train", ODD / file, "--target", target, "--json", *model, *QUICK, *options, *more)


@pytest.fixture(scope="module")
def plain():
    """The loss of the plain table, and its interval."""
    with (ODD / "plain.csv").open(encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == 240
    return {}


@pytest.mark.parametrize("words", AS_PLAIN)
def test_it_is_as_the_plain_table(run, plain, words):
    if not plain:
        plain.update(json.loads(trained(run, "plain.csv").stdout)["metrics"])
    result = trained(run, words)
    assert result.exit_code == 0, result.stderr
    low, high = plain["intervals"]["log_loss"]
    assert low <= json.loads(result.stdout)["metrics"]["model"]["log_loss"] <= high
    assert AS_PLAIN[words] in result.stderr


@pytest.mark.parametrize(
    ("words", "target", "said"),
    [
        ("latin-1.csv", "y", "--encoding cp1252 or --encoding latin-1"),
        ("label-na.csv", "y", "117 missing in column 'y'"),
        ("label-na.csv", "y", "keep it (--na-values '')"),
        ("timestamps-as-target.csv", "when", "got 240 classes in 240 rows"),
    ],
)
def test_it_is_refused_by_a_sentence_that_says_what_to_do(run, words, target, said):
    result = trained(run, words, target)
    assert (result.exit_code, result.stdout, Path("m.safetensors").exists()) == (2, "", False)
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_label_that_reads_as_missing_is_kept_on_request(run):
    assert trained(run, "label-na.csv", "y", "--na-values", "").exit_code == 0
    assert lw.load("m.safetensors").classes.tolist() == ["EU", "NA"]


def test_labels_in_two_cases_are_noted(run):
    assert "'No' and 'no', 'Yes' and 'yes'" in trained(run, "labels-in-two-cases.csv").stderr


def test_codes_that_have_letters_later(run):
    assert trained(run, "codes.csv").exit_code == 0
    result = run("predict", "m.safetensors", ODD / "codes-new.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "column 'code', as in training; got 'A12' at row 0" in result.stderr
    assert "(--category)" in result.stderr
    assert trained(run, "codes.csv --category code").exit_code == 0
    assert len(run("predict", "m.safetensors", ODD / "codes-new.csv").stdout.splitlines()) == 4


def test_a_table_without_the_target_and_the_index_has_the_same_names(run):
    assert trained(run, "unnamed-index.csv").exit_code == 0
    pl.read_csv(ODD / "unnamed-index.csv").drop("y").write_csv("x.csv")
    assert len(run("predict", "m.safetensors", "x.csv").stdout.splitlines()) == 241
    assert trained(run, "unnamed-index.csv --drop unnamed").exit_code == 0
    pl.read_csv(ODD / "unnamed-index.csv").select("c", "z", "x").write_csv("x.csv")
    assert len(run("predict", "m.safetensors", "x.csv").stdout.splitlines()) == 241


def test_free_text_is_said_not_to_be_read(run):
    told = trained(run, "free-text.csv")
    assert "column 'text' (free text, which is not read as words)" in told.stderr
    assert "copies" not in told.stderr


def test_many_levels_are_learnt_better_than_by_one_hot_logistic_regression():
    frame = pl.read_csv(ODD / "many-levels.csv")
    trained_on, held_out = train_test_split(np.arange(len(frame)), test_size=0.2, random_state=0, stratify=frame["y"])
    X, y = frame.drop("y"), frame["y"].to_numpy()
    classifier = lw.Classifier(steps=600).fit(X[trained_on], y[trained_on])
    encoder = OneHotEncoder(handle_unknown="ignore")
    one_hot = encoder.fit_transform(X["place"].to_numpy()[:, None])
    inputs = np.hstack([one_hot.toarray(), X["v"].to_numpy()[:, None]])
    losses = []
    for strength in (1.0, 3.0, 10.0, 30.0):
        regression = LogisticRegression(C=strength, max_iter=500).fit(inputs[trained_on], y[trained_on])
        losses.append(log_loss(y[held_out], regression.predict_proba(inputs[held_out])))
    loss = log_loss(y[held_out], classifier.predict_proba(X[held_out]))
    assert loss < losses[0] - 0.04  # that of scikit-learn's default
    assert loss < 1.01 * min(losses)  # that of the strength which is best on these rows, seen afterwards
