"""`--names`: a file without a header has names in training, and in all that follows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import logitwise as lw
from cli.made_fruit import SMALL, made_rows, write_csv
from logitwise.data.formats import READABLE

NAMES = "size,colour,label"


@pytest.fixture
def named(run) -> Path:
    """Train on a file without a header whose columns are named, and return the model file."""
    write_csv("rows.csv", made_rows(120, seed=1), None)
    write_csv("more.csv", made_rows(60, seed=2), None)
    Path("names.txt").write_text(NAMES.replace(",", "\n"), encoding="utf-8")
    words = ["--names", "names.txt", "--target", "label", "--report", "r.html", *SMALL]
    assert run("train", "rows.csv", *words).exit_code == 0
    return Path("rows.safetensors")


def metrics(run, *words):
    result = run("evaluate", "rows.safetensors", *words, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)["metrics"]["model"]


def test_the_model_and_its_report_have_the_names(run, named):
    model = lw.load(named)
    assert (model.feature_names, model.metadata["column_names"]) == (("size", "colour"), NAMES.split(","))
    assert model.metadata["target_name"] == "label"
    page = Path("r.html").read_text(encoding="utf-8")
    assert "column_0" not in page
    assert "SHA-256 of names.txt" in page
    assert "has no header line" not in page
    write_csv("headed.csv", made_rows(120, seed=1))
    assert run("train", "headed.csv", "--target", "label", *SMALL).exit_code == 0
    again = lw.load("headed.safetensors")
    rows = {"size": [0.1, 2.0], "colour": ["red", "green"]}
    import polars as pl

    assert model.predict_proba(pl.DataFrame(rows)).tolist() == again.predict_proba(pl.DataFrame(rows)).tolist()


def test_rows_are_measured_by_place_by_their_header_or_by_names_of_their_own(run, named):
    expected = metrics(run, "more.csv")
    rows = made_rows(60, seed=2)
    turned = [row[::-1] for row in rows]
    write_csv("headed.csv", rows)
    write_csv("turned.csv", turned, "label,colour,size")
    write_csv("bare.csv", turned, None)
    Path("turned.txt").write_text("label\ncolour\nsize\n", encoding="utf-8")
    assert metrics(run, "headed.csv") == expected
    assert metrics(run, "turned.csv") == expected
    assert metrics(run, "bare.csv", "--names", "turned.txt") == expected
    assert metrics(run, "bare.csv", "--names", "turned.csv") == expected
    write_csv("other.csv", rows, "size,colour,state")
    assert metrics(run, "other.csv", "--target", "state") == expected
    for words in (["more.csv"], ["bare.csv", "--names", "turned.txt"]):
        assert run("report", named, *words, "-o", "s.html").exit_code == 0
        assert "column_0" not in Path("s.html").read_text(encoding="utf-8")


def test_rows_are_predicted_with_or_without_the_target(run, named):
    rows = made_rows(20, seed=3)
    files = {
        "all.csv": (rows, None),
        "features.csv": ([row[:2] for row in rows], None),
        "headed.csv": ([row[1::-1] for row in rows], "colour,size"),
        "turned.csv": ([row[::-1] for row in rows], None),
    }
    Path("turned.txt").write_text("label\ncolour\nsize\n", encoding="utf-8")
    found = []
    for name, (content, header) in files.items():
        write_csv(name, content, header)
        extra = ["--names", "turned.txt"] if name == "turned.csv" else []
        result = run("predict", named, name, *extra)
        assert result.exit_code == 0, result.stderr
        found.append(result.stdout)
    assert len(set(found)) == 1


def test_a_test_file_has_the_names_of_data_or_a_header_of_them(run, named):
    write_csv("headed.csv", made_rows(60, seed=2))
    words = ["--names", "names.txt", "--target", "label", "--model", "m.safetensors", "--json", *SMALL]
    found = [json.loads(run("train", "rows.csv", *words, "--test", test).stdout) for test in ("more.csv", "headed.csv")]
    assert found[0]["metrics"]["model"] == found[1]["metrics"]["model"]


def test_errors_name_the_option_only_where_it_was_given(run, named):
    Path("four.txt").write_text("a\nb\nc\nd\n", encoding="utf-8")
    Path("four.odd").write_text("a\nb\nc\nd\n", encoding="utf-8")
    write_csv("size.csv", [(1.0,), (2.0,)], "size")
    cases = {
        ("train", "rows.csv", "--names", "four.txt", "--target", "d"): (
            "--names must be as many as 'rows.csv' has columns, 3; got 4."
        ),
        ("train", "rows.csv", "--names", "absent.txt"): "--names must be an existing file; got 'absent.txt'.",
        ("train", "iris", "--names", "names.txt"): "--names must be left out for the bundled 'iris'; got 3 names.",
        ("predict", named, "iris", "--names", "names.txt"): (
            "--names must be left out for the bundled 'iris'; got 3 names."
        ),
        ("predict", named, "size.csv"): (
            "DATA must have every column of training; got none named 'colour'. Add or rename columns."
        ),
        ("evaluate", named, "four.odd"): (
            f"DATA must be a file in a readable format; got 'four.odd'. Readable are {READABLE}. "
            "Rename it, or give the command - and feed it this file by standard input."
        ),
        ("evaluate", named, "more.csv", "--names", "four.txt"): (
            "--names must be as many as 'more.csv' has columns, 3; got 4."
        ),
        ("train", "size.csv", "--names", "four.txt", "--target", "a"): (
            "--names must be left out for a file that names its columns; got 'size' in the first line of 'size.csv'. "
            "Leave them out, or say --no-header if that line is data."
        ),
        ("train", "rows.csv", "--names", "names.txt", "--report", "names.txt", "--target", "label"): (
            "--report must not be a file that is read; got 'names.txt'. Choose another name."
        ),
    }
    for words, sentence in cases.items():
        result = run(*words)
        assert (result.exit_code, result.stderr) == (2, f"logitwise: error: {sentence}\n")


def test_a_model_file_whose_names_are_none_is_refused(run, named):
    from dataclasses import replace

    model = lw.load(named)
    for odd in ("size", [1, 2, 3]):
        replace(model, metadata={**model.metadata, "column_names": odd}).save("odd.safetensors")
        result = run("evaluate", "odd.safetensors", "more.csv")
        assert result.exit_code == 2
        assert "as 'column_names'. Train it again." in result.stderr
