"""`logitwise train`: what it prints, what it saves, and which rows it measures on."""

from __future__ import annotations

import gzip
import json
import re
import warnings
from html import unescape
from pathlib import Path

import numpy as np
import pytest

import logitwise as lw
from cli.made_fruit import SMALL, made_rows, write_csv
from logitwise import DataWarning, TrainingWarning, data
from logitwise.classifier.folds import split_rows
from logitwise.cli.train_command import hidden_sizes
from logitwise.metrics import majority_baseline, summary, summary_intervals

LABELS = {
    "log_loss": "log loss (nats)",
    "accuracy": "accuracy",
    "brier_score": "Brier score",
    "calibration_error": "calibration error",
}


def test_it_tells_what_it_trains_on_and_prints_one_table(run, fruit):
    result = run("train", fruit / "fruit.csv", "--target", "label", *SMALL)
    assert result.exit_code == 0
    told = result.stderr.splitlines()
    assert told[0] == "Training on 96 rows of fruit.csv: 2 features, 2 classes: raw (58), ripe (38)."
    assert told.pop(1) == "Its columns, by all 120 rows:"
    assert [line.split() for line in told[1:5:2]] == [
        ["column", "taken", "for", "missing", "for", "instance"],
        ["size", "number", "0", told[3].split()[-1]],
    ]
    assert told[4].split()[:6] == ["colour", "category", "of", "3", "levels", "0"]
    assert re.fullmatch(r"Saved fruit\.safetensors \(\d\.\d kB\) after \d+\.\d s\.", told[5])
    assert told[6:] == [f"In training: {lw.load('fruit.safetensors').metadata['baselines']['verdict']}"]
    model = lw.load("fruit.safetensors")
    metrics = model.metadata["metrics"]
    lines = result.stdout.splitlines()
    assert lines[0] == "Measured on 24 rows of fruit.csv, held out from training (a fifth of each class, seed 3):"
    assert lines[1].split() == ["model", "95%", "interval", "class", "frequencies"]
    shown = [[cell.strip() for cell in re.split(r"\s{2,}", line.strip())] for line in lines[3:-1]]
    assert lines[-1] == "Too few rows to tell: 24 rows cannot show how good it is; measure it on 30 or more."
    ranges = [
        "{:.4f} to {:.4f}{}".format(*metrics["intervals"][name.removesuffix(more) + more.replace(" ", "_")], more)
        for name, more in zip(LABELS, ("", "", "", " by chance"), strict=True)
    ]
    values = [[f"{metrics[one][name]:.4f}" for name in LABELS] for one in ("model", "baseline")]
    assert shown == [list(row) for row in zip(LABELS.values(), values[0], ranges, values[1], strict=True)]


def test_the_model_saved_is_the_one_measured_on_rows_it_never_saw(run, fruit):
    result = run("train", fruit / "fruit.csv", "--target", "label", "--json", *SMALL)
    read = data.read(fruit / "fruit.csv", target="label")
    classes, target = np.unique(read.target, return_inverse=True)
    trained, held_out = split_rows(target, 0.2, np.random.default_rng(3))
    model = lw.load("fruit.safetensors")
    predicted = model.predict_proba(read.features[held_out])
    measured, intervals = (measure(target[held_out], predicted) for measure in (summary, summary_intervals))
    baseline = summary(target[held_out], majority_baseline(target[trained], 2, len(held_out)))
    where = "24 rows of fruit.csv, held out from training (a fifth of each class, seed 3)"
    ends = {name: list(interval) for name, interval in intervals.items()}
    metrics = {"where": where, "model": measured, "baseline": baseline, "intervals": ends}
    told = {
        "model": "fruit.safetensors",
        "rows": 96,
        "classes": ["raw", "ripe"],
        "interrupted": False,
        "metrics": metrics,
        "verdict": "Too few rows to tell: 24 rows cannot show how good it is; measure it on 30 or more.",
        "in_training": model.metadata["baselines"]["verdict"],
        "notes": [],
    }
    assert json.loads(result.stdout) == told
    again = lw.Classifier(hidden=(8,), epochs=30, learning_rate=0.03, random_state=3)
    again.fit(read.features[trained], read.target[trained])
    assert np.array_equal(again.predict_proba(read.features), model.predict_proba(read.features))
    assert measured["accuracy"] > baseline["accuracy"]
    assert classes.tolist() == model.classes.tolist()


def test_each_option_is_what_the_classifier_gets(run, fruit):
    base = ("train", fruit / "fruit.csv", "--target", "label", "--model", "m.safetensors", "--hidden", "4", "--quiet")
    cases = {
        ("--epochs", "3"): ("epochs", 3),
        ("--learning-rate", "0.02"): ("learning_rate", 0.02),
        ("--seed", "5"): ("random_state", 5),
        ("--device", "cpu"): ("device", "cpu"),
        ("--hidden", "6,5"): ("hidden", "(6, 5)"),
    }
    own = lw.Classifier(hidden=(4,), epochs=2).get_params()
    for words, (name, value) in cases.items():
        assert run(*base, "--epochs", "2", *words).exit_code == 0
        options = lw.load("m.safetensors").metadata["options"]
        expected = {**own, "hidden": "(4,)", name: value}
        assert {each: options[each] for each in expected if each != "verbose"} == {
            each: expected[each] for each in expected if each != "verbose"
        }


@pytest.mark.parametrize("seed", [0, 9])
def test_the_seed_chooses_the_rows_held_out(run, fruit, seed):
    args = ("train", fruit / "fruit.csv", "--target", "label", "--hidden", "", "--epochs", "1", "--quiet", "--json")
    told = json.loads(run(*args, "--seed", seed).stdout)["metrics"]
    assert told["where"] == f"24 rows of fruit.csv, held out from training (a fifth of each class, seed {seed})"
    read = data.read(fruit / "fruit.csv", target="label")
    target = np.unique(read.target, return_inverse=True)[1]
    _, held_out = split_rows(target, 0.2, np.random.default_rng(seed))
    predicted = lw.load("fruit.safetensors").predict_proba(read.features[held_out])
    assert told["model"] == summary(target[held_out], predicted)


def test_a_header_is_what_is_said_of_it(run):
    write_csv("words.csv", [("a", "b", "x"), ("c", "d", "y")] * 20, "size,colour,label")
    for words, rows, names in ((["--header"], 32, ("size", "colour")), (["--no-header"], 33, ("column_0", "column_1"))):
        target = "label" if words == ["--header"] else "-1"
        args = ("train", "words.csv", *words, "--target", target, "--hidden", "", "--epochs", "1", "--json", "--quiet")
        result = run(*args)
        if words == ["--no-header"]:  # its first line is a row of a class of its own
            assert json.loads(result.stdout)["classes"] == ["label", "x", "y"]
            write_csv("two.csv", [("e", "f", "x"), ("c", "d", "y")], None)  # alone, its first line would be a header
            assert data.read("two.csv").has_header
            evaluated = run("evaluate", "words.safetensors", "two.csv")
            assert evaluated.stdout.startswith("Measured on the 2 rows of two.csv:")
        assert (json.loads(result.stdout)["rows"], lw.load("words.safetensors").feature_names) == (rows, names)


@pytest.mark.parametrize(("text", "sizes"), [("", ()), (" ", ()), ("1", (1,)), ("8,16", (8, 16)), (" 8 , 6 ", (8, 6))])
def test_hidden_sizes_are_what_the_text_says(text, sizes):
    assert hidden_sizes(text) == sizes


@pytest.mark.parametrize("text", ["8,", "8;16", "-1", "0", "8,0", "x", "8.5"])
def test_hidden_sizes_are_whole_and_positive(text):
    with pytest.raises(ValueError, match=f"^--hidden must be layer sizes separated by commas.*; got '{text}'"):
        hidden_sizes(text)


def test_other_warnings_than_of_the_data_go_where_they_went_before(run, fruit, monkeypatch):
    def fit(self, *args):
        warnings.warn("X has odd columns.", DataWarning, stacklevel=1)
        warnings.warn("learning_rate must be low.", TrainingWarning, stacklevel=1)
        warnings.warn("something else", RuntimeWarning, stacklevel=1)
        return kept(self, *args)

    kept = lw.Classifier.fit
    monkeypatch.setattr(lw.Classifier, "fit", fit)
    with pytest.warns(RuntimeWarning, match="^something else$") as seen:
        result = run("train", fruit / "fruit.csv", "--target", "label", "--hidden", "", "--epochs", "1")
    assert len(seen) == 1
    notes = [line for line in result.stderr.splitlines() if line.startswith("Note: ")]
    assert notes == ["Note: The data has odd columns.", "Note: --learning-rate must be low."]


def test_the_file_keeps_how_it_was_trained(run, fruit):
    run("train", fruit / "fruit.csv", "--target", "-1", "--label-strip", ".", "--model", "m.safetensors", *SMALL)
    known = lw.load("m.safetensors").metadata
    record = ("data", "rows", "class_counts", "target_name", "has_header", "label_strip")
    assert [known[name] for name in record] == ["fruit.csv", 96, [58, 38], "label", True, "."]
    options = {"epochs": 30, "learning_rate": 0.03, "random_state": 3, "hidden": "(8,)"}
    assert {name: known["options"][name] for name in options} == options
    assert known["versions"]["logitwise"] == lw.__version__
    assert str(fruit) not in json.dumps(known)


def test_options_not_given_are_the_classifier_s_own(run, fruit):
    run("train", fruit / "fruit.csv", "--target", "label", "--epochs", "1", "--quiet")
    options = lw.load("fruit.safetensors").metadata["options"]
    defaults = {
        name: value for name, value in lw.Classifier().get_params().items() if name not in ("epochs", "verbose")
    }
    assert {name: options[name] for name in defaults} == {**defaults, "hidden": repr(defaults["hidden"])}


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_the_classifier_shows_a_bar_unless_quiet(run, fruit, monkeypatch, quiet):
    seen = []
    monkeypatch.setattr(lw.Classifier, "fit", lambda self, *args: seen.append(self.verbose) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("train", fruit / "fruit.csv", "--target", "label", *quiet)
    assert seen == [not quiet]


def test_quiet_leaves_the_table_alone(run, fruit):
    loud = run("train", fruit / "fruit.csv", "--target", "label", *SMALL)
    quiet = run("train", fruit / "fruit.csv", "--target", "label", "--quiet", *SMALL)
    assert (quiet.stderr, quiet.stdout) == ("", loud.stdout)


def test_a_test_file_is_what_it_measures_on(run, fruit):
    args = ("train", fruit / "fruit.csv", "--target", "label", "--test", fruit / "more.csv", "--json", *SMALL)
    metrics = json.loads(run(*args).stdout)["metrics"]
    assert metrics["where"] == "the 60 rows of more.csv"
    read = data.read(fruit / "more.csv", target="label")
    model = lw.load("fruit.safetensors")
    assert metrics["model"] == summary(model.class_indices(read.target), model.predict_proba(read.features))
    assert sum(model.metadata["class_counts"]) == 120


def test_a_test_set_that_the_source_brings_is_what_it_measures_on(run):
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = (generator.normal(size=(60, 4, 4)) + labels[:, None, None]).astype(np.float32)
    np.savez("arrays.npz", x_train=images[:40], y_train=labels[:40], x_test=images[40:], y_test=labels[40:])
    result = run("train", "arrays.npz", "--json", *SMALL)
    assert "Training on 40 rows of arrays.npz: 16 features, 3 classes: 0 (14), 1 (13), 2 (13).\n" in result.stderr
    told = json.loads(result.stdout)["metrics"]
    assert told["where"] == "the 20 rows of the test set of arrays.npz"
    model = lw.load("arrays.safetensors")
    assert told["model"] == summary(labels[40:], model.predict_proba(images[40:]))
    evaluated = run("evaluate", "arrays.safetensors", "arrays.npz", "--json")
    assert (json.loads(evaluated.stdout)["metrics"], evaluated.stderr) == (told, "")
    predicted = run("predict", "arrays.safetensors", "arrays.npz", "--json")
    assert predicted.stderr == "logitwise: note: DATA brings a test set; its 20 rows are predicted.\n"
    assert json.loads(predicted.stdout)["probabilities"] == model.predict_proba(images[40:]).tolist()


@pytest.mark.parametrize("name", ["fruit.v2.csv", "fruit.v2.csv.gz"])
def test_the_model_is_named_for_its_data(run, fruit, name):
    content = (fruit / "fruit.csv").read_bytes()
    Path(name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert run("train", name, "--target", "label", "--quiet", *SMALL).exit_code == 0
    assert lw.load("fruit.v2.safetensors").metadata["data"] == name


def test_no_hidden_layer_is_softmax_regression(run):
    assert run("train", "iris", "--hidden", "", "--epochs", "2").exit_code == 0
    model = lw.load("iris.safetensors")
    assert model.network.widths[1:] == (0, 3)
    assert model.classes.tolist() == ["setosa", "versicolor", "virginica"]


def test_a_class_of_two_rows_is_never_held_out_whole(run):
    rows = [(place % 5, "ab"[place % 2]) for place in range(30)] + [(7, "rare"), (8, "rare")]
    write_csv("rare.csv", rows, "size,label")
    for seed in range(12):
        args = ("train", "rare.csv", "--target", "label", "--hidden", "", "--epochs", "1", "--seed", seed, "--quiet")
        assert run(*args).exit_code == 0
        assert lw.load("rare.safetensors").metadata["class_counts"][2] >= 1


def test_a_test_file_that_does_not_fit_is_refused_before_training(run, fruit, monkeypatch):
    monkeypatch.delattr(lw.Classifier, "fit")
    write_csv("stops.csv", [(1, "red", "ripe."), (2, "red", "raw.")])
    write_csv("colourless.csv", [(1, "ripe"), (2, "raw")], "size,label")
    for name, reason in (("stops.csv", "labels that training saw"), ("colourless.csv", "every column of training")):
        result = run("train", fruit / "fruit.csv", "--target", "label", "--test", name)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("logitwise: error: --test must ")
        assert reason in result.stderr


@pytest.mark.parametrize("end", ["", "."])
def test_label_strip_is_for_both_files(run, end):
    write_csv("train.csv", [(size, colour, label + end) for size, colour, label in made_rows(40, seed=4)])
    write_csv("test.csv", [(size, colour, label + ".") for size, colour, label in made_rows(20, seed=5)])
    args = ("train", "train.csv", "--target", "label", "--test", "test.csv", "--label-strip", ".", "--quiet", *SMALL)
    assert run(*args).exit_code == 0
    assert lw.load("train.safetensors").classes.tolist() == ["raw", "ripe"]


def test_rows_without_a_label_are_left_out_on_request(run):
    rows = made_rows(40, seed=4)
    write_csv("gaps.csv", [*rows, (1.0, "red", "?")])
    args = ("train", "gaps.csv", "--target", "label", *SMALL)
    assert run(*args, "--drop-unlabelled").exit_code == 0
    assert sum(lw.load("gaps.safetensors").metadata["class_counts"]) == 32
    refused = run(*args)
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert refused.stderr.endswith(
        "keep it (--na-values ''); else fill them in, or drop those rows (--drop-unlabelled).\n"
    )


def test_adult_reaches_085_on_its_test_file(run, shared_data):
    args = ("train", shared_data / "adult-train.csv", "--target", "-1", "--test", shared_data / "adult-test.csv")
    options = ("--label-strip", ".", "--hidden", "128", "--epochs", "6", "--learning-rate", "0.003")
    result = run(*args, *options, "--model", "m.safetensors", "--json")
    told = json.loads(result.stdout)
    assert (told["rows"], told["classes"]) == (32_561, ["<=50K", ">50K"])
    assert told["metrics"]["where"] == "the 16,281 rows of adult-test.csv"
    assert told["metrics"]["model"]["accuracy"] > 0.85
    assert told["metrics"]["baseline"]["accuracy"] == pytest.approx(12_435 / 16_281)


def test_mnist_reaches_085_on_its_test_set(run, shared_data):
    told = json.loads(
        run("train", shared_data / "mnist-sample", "--model", "m.safetensors", "--epochs", "60", "--json").stdout
    )
    assert told["metrics"]["where"] == "the 1,825 rows of the test set of mnist-sample"
    assert told["metrics"]["model"]["accuracy"] > 0.85
    assert told["classes"] == list(range(10))


def test_the_model_file_may_be_named_by_o_like_any_output(run, fruit):
    args = ("train", fruit / "fruit.csv", "--target", "label", "--hidden", "", "--epochs", "1", "--quiet")
    assert run(*args, "-o", "m.safetensors").exit_code == 0
    assert lw.load("m.safetensors").feature_names == ("size", "colour")


def test_a_loss_that_explodes_is_told_and_stays_in_the_file(run, fruit):
    options = ["--hidden", "8,8", "--epochs", "200", "--learning-rate", "500", "--report", "r.html"]
    result = run("train", fruit / "fruit.csv", "--target", "label", *options)
    assert result.exit_code == 0
    sentence = lw.load("fruit.safetensors").metadata["ended"]
    assert re.match(
        r"learning_rate must be low enough for the loss to stay finite; got 500, with .* are kept\.$", sentence
    )
    told = sentence.replace("learning_rate", "--learning-rate")
    assert f"Note: {told}" in result.stderr.splitlines()
    assert f"Seen in training: {told}" in run("info", "fruit.safetensors").stdout.splitlines()
    assert told in unescape(Path("r.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", ["number", "date", "drop"])
def test_the_target_is_said_to_be_a_category_or_nothing(run, fruit, kind):
    result = run("train", fruit / "fruit.csv", "--target", "-1", f"--{kind}", "label", *SMALL)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"logitwise: error: --{kind} must name a column of features; got the target, 'label'.\n"


def test_what_is_said_of_columns(run, fruit):
    words = ("train", fruit / "fruit.csv", "--target", "label", *SMALL)
    assert run(*words, "--category", "size", "--drop", "colour").exit_code == 0
    model = lw.load("fruit.safetensors")
    assert model.used_names == ("size",)
    assert model.metadata["options"]["columns"] == {"size": "category", "colour": "drop"}
    for more, sentence in {
        (
            "--drop",
            "sise",
        ): "--number, --category, --date or --drop must name columns of the table; got 'sise'. Did you mean 'size'?",
        ("--drop", "size", "--number", "size"): "--drop must not name what --number names; got 'size'.",
        ("--date", "size"): "DATA must hold dates in column 'size', as said; got",
        ("--number", "colour"): "DATA must hold numbers in column 'colour', as said; got",
    }.items():
        result = run(*words, *more)
        assert result.exit_code == 2
        assert sentence in result.stderr, result.stderr
    assert run("train", "digits", "--drop", "size").stderr.startswith(
        "logitwise: error: --number, --category and --drop must be left out for arrays; got 'size'."
    )


def test_digits_of_the_target_stay_as_they_are_on_request(run):
    rows = [(place * 0.5 % 3, f"{place % 2:02}") for place in range(60)]
    write_csv("codes.csv", rows, "size,code")
    assert run("train", "codes.csv", "--target", "code", "--category", "code", *SMALL).exit_code == 0
    assert lw.load("codes.safetensors").classes.tolist() == ["00", "01"]
