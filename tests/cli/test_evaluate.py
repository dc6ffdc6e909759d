"""`logitwise evaluate` and `logitwise info`."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import logitwise as lw
from cli.made_fruit import SMALL, made_rows, write_csv
from logitwise import data
from logitwise.calibration import Calibration
from logitwise.cli import results
from logitwise.data.digest import source_sha256
from logitwise.evidence.measured import measure
from logitwise.evidence.rows import LabelledRows
from logitwise.metrics import majority_baseline, summary, summary_intervals


def test_it_measures_beside_the_training_frequencies(run, fruit):
    model = lw.load(fruit / "fruit.safetensors")
    read = data.read(fruit / "more.csv", target="label")
    target = model.class_indices(read.target)
    told = json.loads(run("evaluate", fruit / "fruit.safetensors", fruit / "more.csv", "--json").stdout)
    trained_on, predicted = np.repeat([0, 1], model.metadata["class_counts"]), model.predict_proba(read.features)
    assert told["metrics"] == {
        "where": "the 60 rows of more.csv",
        "model": summary(target, predicted),
        "baseline": summary(target, majority_baseline(trained_on, 2, 60)),
        "intervals": {name: list(interval) for name, interval in summary_intervals(target, predicted).items()},
    }
    result = run("evaluate", fruit / "fruit.safetensors", fruit / "more.csv")
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "Measured on the 60 rows of more.csv:"
    assert re.split(r"\s{2,}", lines[4].strip()) == [
        "accuracy",
        f"{told['metrics']['model']['accuracy']:.4f}",
        "{:.4f} to {:.4f}".format(*told["metrics"]["intervals"]["accuracy"]),
        f"{told['metrics']['baseline']['accuracy']:.4f}",
    ]


@pytest.mark.parametrize("target", [[0, 0, 0, 1], [1, 1, 1, 0]])
def test_the_accuracy_of_frequencies_that_tie_does_not_depend_on_the_order_of_classes(fruit, target):
    model = lw.load(fruit / "fruit.safetensors")
    labels = model.classes[target]
    rows = LabelledRows(np.array([[5.0, "red"]] * 4, dtype=object), labels, "r", None, None, np.arange(4))
    assert measure(model, rows, "w", [7, 7]).baseline["accuracy"] == 0.5
    assert measure(model, rows, "w", [7, 6]).baseline["accuracy"] == 1 - np.mean(target)


def test_values_that_the_model_does_not_know_are_told(run, fruit):
    rows = (fruit / "more.csv").read_text().replace("red", "pink")
    Path("pink.csv").write_text(rows)
    result = run("evaluate", fruit / "fruit.safetensors", "pink.csv")
    count = rows.count("pink")
    column = f"1 column, treated as missing: column 'colour' ({count})"
    assert result.stderr == f"logitwise: note: DATA has values not seen in training in {column}.\n"
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        report = run("report", fruit / "fruit.safetensors", "pink.csv", "-o", "pink.html")
    assert (report.exit_code, warned) == (0, [])
    assert f"The rows measured have values not seen in training in {escape(column)}." in Path("pink.html").read_text(
        encoding="utf-8"
    )


def test_the_rows_trained_on_are_told_to_be_so(run, fruit):
    result = run("evaluate", fruit / "fruit.safetensors", fruit / "fruit.csv")
    note = "logitwise: note: DATA has the name of the training data; on rows it was trained on, a model looks better "
    note += "than it is.\n"
    assert (result.exit_code, result.stderr) == (0, note)


def test_the_target_may_have_another_name(run, fruit):
    expected = json.loads(run("evaluate", fruit / "fruit.safetensors", fruit / "more.csv", "--json").stdout)
    write_csv("other.csv", made_rows(60, seed=2), "size,colour,state")
    told = json.loads(run("evaluate", fruit / "fruit.safetensors", "other.csv", "--target", "state", "--json").stdout)
    assert told["metrics"]["model"] == expected["metrics"]["model"]


def test_labels_are_stripped_as_in_training_unless_something_else_is_given(run):
    rows = [(size, colour, f"{label}.") for size, colour, label in made_rows(60, seed=4)]
    write_csv("train.csv", rows)
    assert run("train", "train.csv", "--target", "label", "--label-strip", ".", "--quiet", *SMALL).exit_code == 0
    write_csv("dots.csv", rows[:30])
    write_csv("bangs.csv", [(*row[:2], row[2].replace(".", "!")) for row in rows[:30]])
    write_csv("none.csv", [(*row[:2], row[2].rstrip(".")) for row in rows[:30]])
    features = data.read("none.csv", target="label")
    model = lw.load("train.safetensors")
    assert model.classes.tolist() == ["raw", "ripe"]
    expected = summary(model.class_indices(features.target), model.predict_proba(features.features))
    for words in (["dots.csv"], ["none.csv"], ["bangs.csv", "--label-strip", "!"], ["none.csv", "--label-strip", ""]):
        told = run("evaluate", "train.safetensors", *words, "--json")
        assert json.loads(told.stdout)["metrics"]["model"] == expected
        assert run("report", "train.safetensors", *words, "-o", "r.html", "--quiet").exit_code == 0
    for words in (["dots.csv", "--label-strip", ""], ["bangs.csv"], ["dots.csv", "--label-strip", "!"]):
        for command in ("evaluate", "report"):
            refused = run(command, "train.safetensors", *words)
            assert (refused.exit_code, refused.stdout) == (2, "")
            assert "DATA must hold only labels that training saw" in refused.stderr


def test_rows_without_a_label_are_left_out_on_request(run, fruit):
    write_csv("gaps.csv", [*made_rows(60, seed=2), (1.0, "red", "")])
    refused = run("evaluate", fruit / "fruit.safetensors", "gaps.csv")
    assert (refused.exit_code, refused.stdout) == (2, "")
    told = [
        json.loads(run("evaluate", fruit / "fruit.safetensors", *words, "--json").stdout)["metrics"]["model"]
        for words in (["gaps.csv", "--drop-unlabelled"], [fruit / "more.csv"])
    ]
    assert told[0] == told[1]


def test_an_infinite_loss_is_null_in_json_and_inf_in_the_table(run, fruit):
    model = lw.load(fruit / "fruit.safetensors")
    certain = replace(model, calibration=Calibration.none(2).sharpened(1e5))
    certain.save("m.safetensors")
    result = run("evaluate", "m.safetensors", fruit / "more.csv", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout, parse_constant=pytest.fail)["metrics"]
    read = data.read(fruit / "more.csv", target="label")
    target, predicted = certain.class_indices(read.target), certain.predict_proba(read.features)
    measured = summary(target, predicted)
    assert np.isinf(measured["log_loss"])
    assert told["model"] == {**measured, "log_loss": None}
    assert (told["intervals"]["log_loss"], np.isfinite(told["baseline"]["log_loss"])) == (None, True)
    shown = run("evaluate", "m.safetensors", fruit / "more.csv").stdout.splitlines()
    assert re.split(r"\s{2,}", shown[3].strip()) == ["log loss (nats)", "inf", f"{told['baseline']['log_loss']:.4f}"]
    metrics = {**model.metadata["metrics"], "model": told["model"]}
    replace(model, metadata={**model.metadata, "metrics": metrics}).save("n.safetensors")
    assert re.search(r"^  log loss \(nats\) +inf ", run("info", "n.safetensors").stdout, re.MULTILINE)
    report = run("report", "m.safetensors", fruit / "more.csv", "-o", "r.html")
    assert report.exit_code == 0
    wrong = int((predicted[np.arange(60), target] == 0).sum())
    assert f"in {wrong} rows it gave probability 0 to what happened" in Path("r.html").read_text(encoding="utf-8")


def test_each_measure_stands_in_its_line_with_its_interval_and_its_baseline(run, fruit):
    args = ("evaluate", fruit / "fruit.safetensors", fruit / "more.csv")
    told = json.loads(run(*args, "--json").stdout)["metrics"]
    names = {
        "log_loss": "log loss (nats)",
        "accuracy": "accuracy",
        "brier_score": "Brier score",
        "calibration_error": "calibration error",
    }
    ends = {name: "{:.4f} to {:.4f}".format(*told["intervals"][name]) for name in list(names)[:3]}
    ends["calibration_error"] = "{:.4f} to {:.4f} by chance".format(*told["intervals"]["calibration_error_by_chance"])
    lines = [re.split(r"\s{2,}", line.strip()) for line in run(*args).stdout.splitlines()[1:7]]
    assert lines == [
        ["model", "95% interval", "class frequencies"],
        ["─" * len(lines[1][0])],
        *(
            [label, f"{told['model'][name]:.4f}", ends[name], f"{told['baseline'][name]:.4f}"]
            for name, label in names.items()
        ),
    ]


def test_an_older_file_without_intervals_is_shown_without_them(run, fruit):
    model = lw.load(fruit / "fruit.safetensors")
    metrics = {name: value for name, value in model.metadata["metrics"].items() if name != "intervals"}
    replace(model, metadata={**model.metadata, "metrics": {**metrics, "baseline": None}}).save("m.safetensors")
    lines = run("info", "m.safetensors").stdout.splitlines()
    first = lines.index(f"Measured on {metrics['where']}:") + 1
    assert lines[first].split() == ["model"]
    assert lines[first + 2].split() == ["log", "loss", "(nats)", f"{metrics['model']['log_loss']:.4f}"]


@pytest.mark.parametrize(("count", "shown"), [(10, ""), (11, " and 1 more"), (13, " and 3 more")])
def test_ten_names_are_listed_and_the_others_counted(run, count, shown):
    columns = [f"c{place}" for place in range(count)]
    X = pl.DataFrame({name: np.arange(26.0) + place for place, name in enumerate(columns)})
    y = [f"k{place % count:02}" for place in range(26)]
    lw.Classifier(hidden=(), epochs=1).fit(X, y).save("m.safetensors")
    lines = dict(
        re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in run("info", "m.safetensors").stdout.splitlines()[:4]
    )
    assert lines["features"] == f"{count}: {', '.join(columns[:10])}{shown}"
    counts = np.bincount(np.arange(26) % count)
    assert lines["classes"] == ", ".join(f"k{place:02} ({counts[place]})" for place in range(10)) + shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0.0 kB"), (1_249, "1.2 kB"), (999_999, "1000.0 kB"), (1_000_000, "1.0 MB"), (2_650_000, "2.6 MB")],
)
def test_a_size_is_told_in_the_unit_that_suits_it(tmp_path, size, shown):
    with open(tmp_path / "file", "wb") as file:
        file.truncate(size)
    assert results.file_size(tmp_path / "file") == shown


def test_info_of_a_model_of_arrays_trained_in_python(run):
    lw.Classifier(hidden=(), epochs=1).fit(np.arange(40.0).reshape(20, 2), np.arange(20) % 2).save("m.safetensors")
    lines = run("info", "m.safetensors").stdout.splitlines()
    facts = dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in lines[:8])
    assert list(facts) == ["model", "trained at", "features", "classes", "layers", "best step", "options", "versions"]
    assert (facts["features"], facts["classes"]) == ("2, by position", "0 (10), 1 (10)")
    inputs, deep, *units = lw.load("m.safetensors").network.widths
    assert (inputs != deep, units) == (True, [2])
    assert facts["layers"] == f"8 members of {inputs} inputs, then 2 units"
    told = json.loads(run("info", "m.safetensors", "--json").stdout)
    assert (told["feature_names"], told["n_features"], told["classes"]) == (None, 2, [0, 1])


def test_labels_that_read_as_numbers_are_matched_with_classes_of_text(run):
    write_csv("train.csv", [(place % 7, ["1", "2", "x"][place % 3]) for place in range(60)], "size,label")
    run("train", "train.csv", "--target", "label", "--hidden", "", "--epochs", "1", "--quiet")
    write_csv("test.csv", [(1, 1), (2, 2), (3, 1)], "size,label")
    told = json.loads(run("evaluate", "train.safetensors", "test.csv", "--json").stdout)
    model = lw.load("train.safetensors")
    features = data.read("test.csv", target="label").features
    assert told["metrics"]["model"] == summary([0, 1, 0], model.predict_proba(features))


def test_a_model_trained_in_python_is_measured_beside_its_class_frequencies(run):
    X = np.arange(40, dtype=float).reshape(20, 2)
    y = np.arange(20) % 5 // 3
    lw.Classifier(hidden=(), epochs=2).fit(X, y).save("m.safetensors")
    np.savez("arrays.npz", X=X, y=y)
    told = json.loads(run("evaluate", "m.safetensors", "arrays.npz", "--json").stdout)["metrics"]
    assert told["baseline"] == summary(y, majority_baseline(y, 2, 20))


def test_an_older_model_without_class_counts_has_no_baseline(run):
    X = np.arange(40, dtype=float).reshape(20, 2)
    y = np.arange(20) % 2
    model = lw.Classifier(hidden=(), epochs=2).fit(X, y).model_
    known = {name: value for name, value in model.metadata.items() if name != "class_counts"}
    replace(model, metadata=known).save("m.safetensors")
    np.savez("arrays.npz", X=X, y=y)
    told = json.loads(run("evaluate", "m.safetensors", "arrays.npz", "--json").stdout)["metrics"]
    assert told["baseline"] is None
    assert told["model"] == summary(y, lw.load("m.safetensors").predict_proba(X))
    assert "class frequencies\n" not in run("evaluate", "m.safetensors", "arrays.npz").stdout


def test_info_says_what_the_file_holds(run, fruit):
    path = fruit / "fruit.safetensors"
    model = lw.load(path)
    told = json.loads(run("info", path, "--json").stdout)
    assert told == {
        "model": str(path),
        "bytes": path.stat().st_size,
        "n_features": 2,
        "feature_names": ["size", "colour"],
        "classes": ["raw", "ripe"],
        "metadata": model.metadata,
    }
    text = run("info", path).stdout
    facts = dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in text.splitlines()[:11])
    assert facts["model"] == f"{path} ({path.stat().st_size / 1000:.1f} kB)"
    assert facts["trained on"] == "96 rows of fruit.csv"
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d UTC", facts["trained at"])
    assert facts["SHA-256 of the data"] == hashlib.sha256((fruit / "fruit.csv").read_bytes()).hexdigest()
    assert facts["target"] == "label"
    assert facts["features"] == "2: size, colour"
    assert facts["classes"] == "raw (58), ripe (38)"
    assert facts["layers"] == "8 members of 8 inputs, then 8, 2 units"
    assert "epochs 30" in facts["options"]
    assert facts["versions"].startswith(f"logitwise {lw.__version__}, numpy {np.__version__}")
    assert text.splitlines()[13].split() == ["column", "taken", "for", "missing", "for", "instance"]
    assert text.splitlines()[18] == f"Measured on {model.metadata['metrics']['where']}:"
    assert text.splitlines()[-1] == f"In training: {model.metadata['baselines']['verdict']}"


def test_a_bundled_name_has_no_fingerprint_whatever_lies_beside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "iris").mkdir()
    assert source_sha256("iris") is None
    assert source_sha256("./iris") == hashlib.sha256(b"").hexdigest()


def test_one_row_and_none(run, fruit):
    write_csv("one.csv", made_rows(1, seed=2))
    assert run("evaluate", fruit / "fruit.safetensors", "one.csv").stdout.startswith(
        "Measured on the one row of one.csv:"
    )
    write_csv("none.csv", [])
    for command in ("evaluate", "report", "predict"):
        result = run(command, fruit / "fruit.safetensors", "none.csv")
        sentence = "logitwise: error: DATA must have rows; got only a header in 'none.csv'.\n"
        assert (result.exit_code, result.stdout, result.stderr) == (2, "", sentence)


def test_the_verdict_names_the_option_as_it_is_typed(run, fruit):
    model = lw.load(fruit / "fruit.safetensors")
    found = model.metadata["baselines"]
    lost = {"logistic regression": {"mean": 0.1, "low": 0.05, "high": 0.15}}
    baselines = {**found, "differences": {**found["differences"], **lost}}
    replace(model, metadata={**model.metadata, "baselines": baselines}).save("m.safetensors")
    told = run("info", "m.safetensors").stdout.splitlines()[-1]
    assert told.startswith("In training: Logistic regression beats the network: log loss ")
    assert told.endswith(" Train with --hidden ''.")
    words = ["--target", "label", "--hidden", "", "--model", "n.safetensors"]
    assert run("train", fruit / "fruit.csv", *words).exit_code == 0


def test_what_training_found_is_told_again(run, fruit):
    model = lw.load(fruit / "fruit.safetensors")
    known = {
        "notes": ["X has 9 rows that are copies.", "y has 2 classes.", 7, "All else."],
        "baselines": {"verdict": 3},
    }
    replace(model, metadata={**model.metadata, **known}).save("m.safetensors")
    seen = ["The data has 9 rows that are copies.", "The target has 2 classes.", "All else."]
    for command in (("info",), ("evaluate", fruit / "more.csv")):
        lines = run(command[0], "m.safetensors", *command[1:]).stdout.splitlines()
        assert lines[-6:] == [part for note in seen for part in ("", f"Seen in training: {note}")]
    assert "In training" not in run("info", "m.safetensors").stdout


@pytest.mark.parametrize("columns", [40, 400])
def test_nothing_wraps_where_there_is_no_terminal(run, fruit, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = run("info", fruit / "fruit.safetensors").stdout.splitlines()
    assert len(lines) == 27
    assert not any("\x1b" in line or line != line.rstrip() for line in lines)


def test_a_category_that_is_not_there_is_a_missing_column(run):
    rows = [(f"{place % 7:03}", place % 5, "ab"[place % 2]) for place in range(60)]
    write_csv("train.csv", rows, "code,size,label")
    assert run("train", "train.csv", "--target", "label", "--category", "code", *SMALL).exit_code == 0
    assert run("evaluate", "train.safetensors", "train.csv").exit_code == 0
    write_csv("less.csv", [row[1:] for row in rows], "size,label")
    result = run("evaluate", "train.safetensors", "less.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == (
        "logitwise: error: DATA must have every column of training; got none named 'code'. Add or rename columns."
    )


def test_columns_that_were_text_in_training_are_read_as_text(run):
    """Though in another file all of their values look like plain numbers."""
    amounts = [place * 37 % 9000 + 100 for place in range(200)]
    rows = [(f"{amount:,}".replace(",", "."), "yes" if amount > 4000 else "no") for amount in amounts]
    write_csv("train.csv", [*rows, *((f"{text} €", label) for text, label in rows)], "price,label")
    rows = [row for row in rows if "." in row[0]]
    write_csv("plain.csv", rows, "price,label")
    words = ["--target", "label", "--hidden", "", "--epochs", "60", "--quiet"]
    assert run("train", "train.csv", *words, "--test", "plain.csv", "--json").exit_code == 0
    told = json.loads(run("evaluate", "train.safetensors", "plain.csv", "--json").stdout)["metrics"]["model"]
    predicted = run("predict", "train.safetensors", "plain.csv").stdout.splitlines()[1:]
    assert np.mean([line.split(",")[0] == label for line, (_, label) in zip(predicted, rows, strict=True)]) > 0.9
    assert told["accuracy"] > 0.9
    assert lw.load("train.safetensors").metadata["metrics"]["model"] == pytest.approx(told)


def test_the_mark_before_decimals_is_kept_for_every_container(run):
    amounts = [place * 37 % 4000 + 1000 for place in range(200)]
    rows = [(f"{amount:,}".replace(",", "."), "yes" if amount > 3000 else "no") for amount in amounts]
    Path("d.csv").write_text("a;b;y\n" + "".join(f"{a};{a},25;{y}\n" for a, y in rows), encoding="utf-8")
    frame = pl.DataFrame({"a": [a for a, _ in rows], "b": [f"{a},25" for a, _ in rows], "y": [y for _, y in rows]})
    frame.write_parquet("d.parquet")
    frame.write_ndjson("d.jsonl")
    words = ["--target", "y", "--decimal", ",", "--hidden", "", "--epochs", "40", "--model", "m.safetensors"]
    assert run("train", "d.csv", *words).exit_code == 0
    files = ["d.csv", "d.parquet", "d.jsonl"]
    known = [json.loads(run("evaluate", "m.safetensors", file, "--json").stdout) for file in files]
    assert known[0]["metrics"]["model"]["accuracy"] > 0.9
    assert all(each["metrics"]["model"] == pytest.approx(known[0]["metrics"]["model"]) for each in known[1:])
    told = {run("predict", "m.safetensors", file).stdout for file in files}
    assert len(told) == 1
    model = lw.load("m.safetensors")
    for features in (frame, frame.select("b", "a")):
        assert model.predict(features).tolist() == [line.split(",")[0] for line in min(told).splitlines()[1:]]
