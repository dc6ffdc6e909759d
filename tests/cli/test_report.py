"""`logitwise report` and `train --report`: the page of the numbers that the command line prints, made repeatable."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import logitwise as lw
from cli.made_fruit import SMALL, made_rows, write_csv
from logitwise import data
from logitwise.classifier.folds import split_rows
from logitwise.cli import pages
from logitwise.evidence.logistic import logistic_beside
from logitwise.model.model import Model


def text_of(path: str | Path) -> str:
    """Return what a page says, without its marks and in one line."""
    body = Path(path).read_text(encoding="utf-8").partition("<body")[2]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def test_it_writes_the_page_of_the_rows_measured(run, fruit):
    os.link(fruit / "fruit.safetensors", "m.safetensors")
    os.link(fruit / "more.csv", "more.csv")
    result = run("report", "m.safetensors", "more.csv")
    assert (result.exit_code, result.stdout) == (0, "")
    assert re.fullmatch(r"Wrote m\.html \(\d+\.\d kB\)\.\n", result.stderr)
    shown = text_of("m.html")
    measured = json.loads(run("evaluate", "m.safetensors", "more.csv", "--json").stdout)["metrics"]["model"]
    assert f"{measured['log_loss']:.3f}" in shown
    assert "the 60 rows of more.csv" in shown
    assert "logitwise report m.safetensors more.csv" in shown
    for name in ("m.safetensors", "more.csv"):
        assert f"SHA-256 of {name}" in shown
        assert hashlib.sha256(Path(name).read_bytes()).hexdigest() in shown
    assert sorted(os.listdir()) == ["m.html", "m.safetensors", "more.csv"]


def test_training_writes_it_too_with_the_command_as_typed(run, fruit):
    os.link(fruit / "fruit.csv", "my fruit.csv")
    result = run("train", "my fruit.csv", "--target", "label", "--report", "r.html", *SMALL)
    assert re.fullmatch(r"Wrote r\.html \(\d+\.\d kB\)\.", result.stderr.splitlines()[-1])
    shown = text_of("r.html")
    command = "logitwise train 'my fruit.csv' --target label --report r.html " + " ".join(SMALL)
    assert command in shown
    assert hashlib.sha256(Path("my fruit.csv").read_bytes()).hexdigest() in shown
    loss = lw.load("my fruit.safetensors").metadata["metrics"]["model"]["log_loss"]
    assert f"{loss:.3f}" in shown
    assert str(Path.cwd()) not in Path("r.html").read_text(encoding="utf-8")


def rivals_of(path: str) -> list[str]:
    """Return the names of the baselines, and the first number of the log loss of each; the model goes first."""
    table = re.search(r'<table class="numbers">(.*?)</table>', Path(path).read_text(encoding="utf-8"), re.DOTALL)[1]
    rows = [re.findall(r"<t[hd]\b.*?>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", table)]
    return [*rows[0][1:], *(cell.split()[0] for cell in rows[2][1:])]


def log_loss(model: Model, features: Any, labels: Any) -> str:
    probabilities = model.predict_proba(features)
    return f"{-np.log(probabilities[np.arange(len(labels)), model.class_indices(labels)]).mean():.3f}"


@pytest.mark.parametrize("test", [[], ["--test", "more.csv"]])
def test_the_logistic_regression_beside_it_is_fitted_on_the_rows_of_training_alone(run, fruit, test):
    os.link(fruit / "more.csv", "more.csv")
    words = ["--target", "label", "--report", "r.html", "--quiet", "--seed", "3", "--hidden", "8", "--epochs", "3"]
    assert run("train", fruit / "fruit.csv", *words, *test).exit_code == 0
    model, whole = lw.load("fruit.safetensors"), data.read(fruit / "fruit.csv", target="label")
    if test:
        rows = data.read("more.csv", target="label")
        trained_on, measured_on = (whole.features, whole.target), (rows.features, rows.target)
    else:
        parts = split_rows(np.unique(whole.target, return_inverse=True)[1], 0.2, np.random.default_rng(3))
        trained_on, measured_on = ((whole.features[part], whole.target[part]) for part in parts)
    peers = [logistic_beside(model, *rows) for rows in (trained_on, measured_on)]
    losses = [log_loss(each, *measured_on) for each in (model, *peers)]
    assert len(set(losses)) == 3
    names = ["this model", "the class frequencies alone", "logistic regression"]
    found = rivals_of("r.html")
    assert (found[:3], found[3], found[5]) == (names, losses[0], losses[1])
    run("report", "fruit.safetensors", "more.csv", "-o", "s.html", "--quiet")
    assert rivals_of("s.html")[:2] == names[:2]
    for page in ("r.html", "s.html"):
        assert "Beside simpler models" in Path(page).read_text(encoding="utf-8")


def test_files_that_were_read_are_told_by_their_fingerprints(run, fruit):
    os.link(fruit / "fruit.csv", "fruit.csv")
    os.link(fruit / "more.csv", "more.csv")
    Path("c.toml").write_text("hidden = []\nepochs = 1\n", encoding="utf-8")
    words = ["--target", "label", "--test", "more.csv", "--config", "c.toml", "--report", "r.html", "--quiet"]
    assert run("train", "fruit.csv", *words).exit_code == 0
    shown = text_of("r.html")
    for name in ("fruit.csv", "more.csv", "c.toml"):
        assert f"SHA-256 of {name} {hashlib.sha256(Path(name).read_bytes()).hexdigest()}" in shown
    assert shown.count("SHA-256 of") == 3


def test_the_page_is_named_for_the_model_and_titled_so(run, fruit):
    os.link(fruit / "fruit.safetensors", "m.v2.safetensors")
    assert run("report", "m.v2.safetensors", fruit / "more.csv", "--quiet").exit_code == 0
    assert "<h1><bdi>m.v2</bdi></h1>" in Path("m.v2.html").read_text(encoding="utf-8")


def test_options_of_a_report_are_those_of_evaluate(run, fruit):
    rows = [*made_rows(60, seed=2), (9.0, "red", "")]
    write_csv("other.csv", [(*row[:2], row[2] and f"{row[2]}!") for row in rows], "size,colour,state")
    words = ["--target", "state", "--label-strip", "!"]
    refused = run("report", fruit / "fruit.safetensors", "other.csv", *words, "--quiet")
    assert (refused.exit_code, "--drop-unlabelled" in refused.stderr) == (2, True)
    args = [fruit / "fruit.safetensors", "other.csv", *words, "--drop-unlabelled", "--json"]
    told = json.loads(run("report", *args, "-o", "r.html").stdout)
    assert told["rows"] == 60
    measured = json.loads(run("evaluate", *args).stdout)["metrics"]["model"]
    expected = json.loads(run("evaluate", fruit / "fruit.safetensors", fruit / "more.csv", "--json").stdout)
    assert measured == expected["metrics"]["model"]
    assert rivals_of("r.html")[2] == f"{measured['log_loss']:.3f}"


def test_a_row_is_named_by_its_place_in_the_file_held_out_or_without_those_that_have_no_label(run, fruit):
    lines = Path(fruit / "fruit.csv").read_text(encoding="utf-8").splitlines()
    lines[1:1] = ["9,red,"] * 5
    Path("gaps.csv").write_text("\n".join(lines), encoding="utf-8")
    words = ["--drop-unlabelled", "--target", "label", "--report", "r.html", "--quiet"]
    assert run("train", "gaps.csv", *words, "--hidden", "", "--epochs", "1").exit_code == 0
    page = Path("r.html").read_text(encoding="utf-8")
    shown = re.findall(r"row (\d+)</small></p><dl><div><dt><bdi>(\w+)</bdi></dt><dd><bdi>(.*?)</bdi>", page)
    assert len(shown) >= 3
    for number, column, value in shown:
        cell = lines[int(number)].split(",")[["size", "colour"].index(column)]
        assert (float(cell) if column == "size" else cell) == (float(value) if column == "size" else value)


def test_a_report_of_bundled_data_and_of_a_test_part_that_is_brought_along(run):
    assert run("train", "iris", "--hidden", "", "--epochs", "2", "--report", "r.html", "--quiet").exit_code == 0
    shown = text_of("r.html")
    assert "30 rows of iris, held out from training" in shown
    assert "SHA-256" not in shown


def test_a_page_that_cannot_be_written_leaves_the_old_one(run, fruit, monkeypatch):
    args = ("report", fruit / "fruit.safetensors", fruit / "more.csv", "-o", "r.html")
    run(*args)
    old = Path("r.html").read_bytes()

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    result = run(*args, "--label-strip", "x")
    sentence = (
        f"logitwise: error: --output must be writable; got '{Path('r.html').resolve()}' (No space left on device).\n"
    )
    assert (result.exit_code, result.stderr) == (2, sentence)
    assert Path("r.html").read_bytes() == old
    assert os.listdir() == ["r.html"]


def test_irregular_pages_are_refused_before_training(run, fruit, monkeypatch):
    monkeypatch.delattr(lw.Classifier, "fit")
    result = run("train", fruit / "fruit.csv", "--target", "label", "--report", "no/r.html")
    sentence = "--report must be in an existing folder; got 'no/r.html'. Make the folder first."
    assert (result.exit_code, result.stderr) == (2, f"logitwise: error: {sentence}\n")


def test_it_imports_neither_torch_nor_scikit_learn(fruit, tmp_path):
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom logitwise.cli.commands import app\n"
        "runs = [['report', *sys.argv[1:3], '-o', sys.argv[3]], ['explain', '2', '-1']]\n"
        "print([CliRunner().invoke(app, args).exit_code for args in runs], {'torch', 'sklearn'} & set(sys.modules))"
    )
    files = [str(fruit / "fruit.safetensors"), str(fruit / "more.csv"), str(tmp_path / "r.html")]
    result = subprocess.run([sys.executable, "-c", code, *files], capture_output=True, text=True, timeout=120)
    assert (result.stdout, result.stderr) == ("[0, 0] set()\n", "")


@pytest.mark.parametrize(("text", "kept"), [("é 語", "é 語"), ("", "")])
def test_a_page_is_utf8(tmp_path, text, kept):
    pages.write_page(text, tmp_path / "p.html", "--output")
    assert (tmp_path / "p.html").read_bytes().decode("utf-8") == kept


@pytest.mark.parametrize(
    "entries",
    [
        {"held_out": 5},
        {"history": {"step": ["a"], "train_loss": [1.0], "validation_loss": []}},
        {"history": {"step": [1, 2], "train_loss": [None, 1.0], "validation_loss": [1.0]}, "best_step": "x"},
        {"options": [1], "versions": "x", "ended": {"a": 1}, "notes": [1, None, "X has "]},
        {"baselines": {"verdict": 4}},
        {"rows_sha256": 5},
    ],
)
def test_metadata_of_another_form_is_left_out(run, fruit, entries):
    model = lw.load(fruit / "fruit.safetensors")
    replace(model, metadata={**model.metadata, **entries}).save("m.safetensors")
    report = run("report", "m.safetensors", fruit / "more.csv", "-o", "m.html")
    assert (report.exit_code, report.stderr.count("\n")) == (0, 1)
    assert "Accuracy" in Path("m.html").read_text(encoding="utf-8")
    assert run("info", "m.safetensors").exit_code == 0


@pytest.mark.parametrize("ends", [["a", 1.0], [True, False], [0.5], 7, [0.0, 10**80]])
def test_intervals_of_another_form_are_refused(run, fruit, ends):
    model = lw.load(fruit / "fruit.safetensors")
    metrics = {**model.metadata["metrics"], "intervals": {"accuracy": ends}}
    replace(model, metadata={**model.metadata, "metrics": metrics}).save("m.safetensors")
    result = run("info", "m.safetensors")
    assert result.exit_code == 2
    assert re.fullmatch(r"logitwise: error: MODEL must have metadata that .{,150} as 'metrics'\. .*\n", result.stderr)


def test_the_page_of_the_training_file_says_so(run, fruit):
    said = "The model was trained on rows of this file"
    Path("copy.csv").write_bytes((fruit / "fruit.csv").read_bytes())
    for name, is_said in (("copy.csv", True), (fruit / "more.csv", False)):
        assert run("report", fruit / "fruit.safetensors", name, "-o", "r.html").exit_code == 0
        assert (said in Path("r.html").read_text(encoding="utf-8")) == is_said
