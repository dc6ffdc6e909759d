"""`train --show-config` and `train --config`: every default printed, and read back; the command line wins."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import logitwise as lw
from cli.made_fruit import SMALL, made_rows, write_csv


def test_every_default_is_printed_and_read_back(run, fruit):
    result = run("train", "--show-config")
    assert (result.exit_code, result.stderr) == (0, "")
    own = lw.Classifier().get_params()
    shown = tomllib.loads(result.stdout)
    assert shown == {
        "hidden": list(own["hidden"]),
        "epochs": own["epochs"],
        "learning-rate": own["learning_rate"],
        "seed": own["random_state"],
        "device": own["device"],
        "drop-unlabelled": False,
        "json": False,
        "quiet": False,
    }
    helps = dict(re.findall(r"^# (.+)\n(?:# )?([a-z-]+) = ", result.stdout, re.MULTILINE))
    assert helps["The largest number of passes over the rows."] == "epochs"
    assert helps["The seed of all random choices: the same seed gives the same result."] == "seed"
    assert '\n# target = "COLUMN"\n' in result.stdout
    assert "\n# header = true\n" in result.stdout
    assert result.stdout.startswith(
        "# The options of `logitwise train`. Edit them, then run: logitwise train DATA --con"
    )
    without_default = re.findall(r"^# ([a-z-]+) = ", result.stdout, re.MULTILINE)
    options = set(re.findall(r"^  (?:-\w, )?--([a-z-]+)", run("train", "--help").stdout, re.MULTILINE))
    assert {*shown, *without_default} == options - {"config", "show-config", "help"}
    text = re.sub(r"^epochs = \d+", "epochs = 1", result.stdout, flags=re.MULTILINE)
    text = re.sub(r"^hidden = .*", "hidden = []", text, flags=re.MULTILINE)
    Path("c.toml").write_text(re.sub(r"^# ((?:target|report) = )", r"\1", text, flags=re.MULTILINE), encoding="utf-8")
    told = run("train", fruit / "fruit.csv", "--config", "c.toml", "--target", "label", "--report", "r.html")
    assert told.exit_code == 0
    assert "SHA-256 of c.toml" in Path("r.html").read_text(encoding="utf-8")
    known = lw.load("fruit.safetensors").metadata["options"]
    assert (known["epochs"], known["hidden"], known["learning_rate"]) == (1, "()", own["learning_rate"])


def test_the_same_options_give_the_same_model_and_the_command_line_wins(run, fruit):
    run("train", fruit / "fruit.csv", "--target", "label", "--model", "a.safetensors", "--quiet", *SMALL)
    config = (
        'target = -1\nhidden = [8]\nepochs = 99\nlearning-rate = 0.03\nmodel = "b.safetensors"\nquiet = true\nseed = 3'
    )
    Path("c.toml").write_text(config, encoding="utf-8")
    result = run("train", fruit / "fruit.csv", "--config", "c.toml", "--epochs", "30")
    assert (result.exit_code, result.stderr) == (0, "")
    known = [lw.load(name) for name in ("a.safetensors", "b.safetensors")]
    assert known[0].metadata["options"] == known[1].metadata["options"]
    rows = [[0.5, "red"], [-1.0, "blue"]]
    assert known[0].predict_proba(rows).tolist() == known[1].predict_proba(rows).tolist()


def test_every_option_of_a_file_is_what_it_is_on_the_command_line(run):
    rows = [(*row[:2], f"{row[2]}.") for row in made_rows(60, seed=4)]
    write_csv("train.csv", [*rows, (1.0, "red", "")], None)
    write_csv("test.csv", rows[:20], None)
    Path("names.txt").write_text("size,colour,label", encoding="utf-8")
    values = {
        "target": "-1",
        "test": '"test.csv"',
        "hidden": "[6, 5]",
        "epochs": "2",
        "learning-rate": "1",
        "model": '"{}.safetensors"',
        "seed": "7",
        "label-strip": '"."',
        "drop-unlabelled": "true",
        "header": "false",
        "names": '"names.txt"',
        "separator": '","',
        "encoding": '"utf-8"',
        "decimal": '"."',
        "na-values": '"?,NA"',
        "quotes": "true",
        "number": '["size"]',
        "category": '["colour"]',
        "date": "[]",
        "drop": "[]",
        "device": '"cpu"',
        "report": '"{}.html"',
        "json": "true",
        "quiet": "true",
    }
    assert set(values) == set(re.findall(r"^(?:# )?([a-z-]+) = ", run("train", "--show-config").stdout, re.MULTILINE))
    text = "\n".join(f"{name} = {value}" for name, value in values.items()).replace("{}", "a")
    Path("c.toml").write_text(text, encoding="utf-8")
    words = ["--target", "-1", "--test", "test.csv", "--hidden", "6,5", "--epochs", "2", "--learning-rate", "1.0"]
    words += ["--model", "b.safetensors", "--seed", "7", "--label-strip", ".", "--drop-unlabelled", "--no-header"]
    words += ["--device", "cpu", "--report", "b.html", "--json", "--quiet", "--names", "names.txt"]
    words += ["--number", "size", "--category", "colour"]
    words += ["--separator", ",", "--encoding", "utf-8", "--decimal", ".", "--na-values", "?,NA", "--quotes"]
    found = [run("train", "train.csv", *each) for each in (["--config", "c.toml"], words)]
    assert [(each.exit_code, each.stderr) for each in found] == [(0, "")] * 2
    assert found[0].stdout.replace("a.safetensors", "b.safetensors") == found[1].stdout
    known = [lw.load(f"{name}.safetensors").metadata for name in "ab"]
    assert known[0] == known[1]
    options = {"hidden": "(6, 5)", "epochs": 2, "learning_rate": 1.0, "random_state": 7, "device": "cpu"}
    assert {name: known[0]["options"][name] for name in options} == options
    assert known[0]["options"]["columns"] == {"size": "number", "colour": "category"}
    assert (known[0]["has_header"], known[0]["label_strip"], known[0]["target_name"]) == (True, ".", "label")
    assert known[0]["metrics"]["where"] == "the 20 rows of test.csv"
    assert sum(known[0]["class_counts"]) == 60
    assert Path("a.html").exists()


@pytest.mark.parametrize("hidden", ["[]", "''", "[4]", "'4'", "'4,3'"])
def test_layer_sizes_are_a_list_or_a_text(run, fruit, hidden):
    Path("c.toml").write_text(f"hidden = {hidden}\nepochs = 1\n", encoding="utf-8")
    args = ("train", fruit / "fruit.csv", "--target", "label", "--config", "c.toml", "--model", "m.safetensors")
    assert run(*args).exit_code == 0
    sizes = tuple(map(int, re.findall(r"\d+", hidden)))
    assert lw.load("m.safetensors").metadata["options"]["hidden"] == repr(sizes)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("epoch = 3", "must hold options of logitwise train; got 'epoch' in 'c.toml'. Did you mean 'epochs'?"),
        (
            "[trees]",
            "must hold options of logitwise train; got 'trees' in 'c.toml'. Did you mean 'test'?",
        ),
        ("epochs = 'many'", "must give 'epochs' as an integer; got 'many' in 'c.toml'. Correct it there."),
        ("epochs = true", "must give 'epochs' as an integer; got True in 'c.toml'. Correct it there."),
        ("learning-rate = '1'", "must give 'learning-rate' as a number; got '1' in 'c.toml'. Correct it there."),
        ("hidden = [8, 0.5]", "must give 'hidden' as a list of integers; got [8, 0.5] in 'c.toml'. Correct it there."),
        ("drop = 'size'", "must give 'drop' as a list of texts; got 'size' in 'c.toml'. Correct it there."),
        ("drop = [1]", "must give 'drop' as a list of texts; got [1] in 'c.toml'. Correct it there."),
        ("quiet = 1", "must give 'quiet' as true or false; got 1 in 'c.toml'. Correct it there."),
        ("test = []", "must give 'test' as text; got [] in 'c.toml'. Correct it there."),
        (
            "epochs",
            "must be a TOML file; got 'c.toml' (Expected '=' after a key in a key/value pair (at end of document)).",
        ),
    ],
)
def test_a_bad_file_is_refused(run, fruit, text, sentence):
    Path("c.toml").write_text(text, encoding="utf-8")
    result = run("train", fruit / "fruit.csv", "--target", "label", "--config", "c.toml")
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"logitwise: error: --config {sentence}\n")


def test_a_missing_file_is_refused(run):
    result = run("train", "iris", "--config", "c.toml")
    sentence = "--config must be an existing file; got 'c.toml'. Make one: logitwise train --show-config"
    assert (result.exit_code, result.stderr) == (2, f"logitwise: error: {sentence}\n")
