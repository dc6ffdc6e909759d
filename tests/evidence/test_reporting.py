"""`logitwise.report`: the page of the command line from Python, whatever holds the rows, shown and written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

import logitwise as lw
from cli.made_fruit import made_rows
from logitwise.model.onnx_file import export_onnx


def table(rows: int, seed: int) -> tuple[pl.DataFrame, list[str]]:
    found = made_rows(rows, seed)
    return pl.DataFrame([row[:2] for row in found], schema=["size", "colour"], orient="row"), [row[2] for row in found]


X, y = table(60, seed=2)


@pytest.fixture(scope="module")
def classifier():
    return lw.Classifier(hidden=(), epochs=5).fit(*table(120, seed=1))


def body_of(html: str) -> str:
    """Return the text of a page without its marks, and without what only one of two ways to make it can know."""
    page = html.partition("<body")[2]
    page = re.sub(r'<section aria-labelledby="origin">.*?</section>', "", page, flags=re.DOTALL)
    return re.sub(r"<h1>.*?</h1>|<p class=.dates.>.*?</p>", "", page).replace("the 60 rows of more.csv", "60 rows")


def test_it_is_the_page_that_the_command_writes_of_the_same_rows(fruit, folder, run):
    os.link(fruit / "more.csv", "more.csv")
    assert run("report", fruit / "fruit.safetensors", "more.csv", "-o", "command.html", "--quiet").exit_code == 0
    command = Path("command.html").read_text(encoding="utf-8")
    rows = lw.data.read("more.csv", target="label")
    found = lw.report(lw.load(fruit / "fruit.safetensors"), rows.features, rows.target, "python.html")
    assert body_of(found.html) == body_of(command).replace("Train with --hidden ''.", "Use hidden=().")
    assert "Does it mean what it says?" in body_of(command)
    assert Path("python.html").read_text(encoding="utf-8") == found.html == str(found)


HOLDERS = {
    "pandas": lambda frame: pd.DataFrame(frame.to_dict(as_series=False), index=np.arange(60)[::-1]),
    "pandas with categories": lambda frame: HOLDERS["pandas"](frame).astype({"colour": "category"}),
    "other order": lambda frame: frame.select("colour", "size"),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_it_does_not_matter_what_holds_the_rows(classifier, holder):
    expected = lw.report(classifier, X, y)
    assert body_of(lw.report(classifier.model_, HOLDERS[holder](X), np.array(y)).html) == body_of(expected.html)


@pytest.mark.parametrize("holder", [list, np.array, lambda rows: np.array(rows, dtype=object)])
def test_rows_without_names_are_called_by_their_places(classifier, holder):
    nameless = lw.Classifier(hidden=(), epochs=5).fit(table(120, seed=1)[0].rows(), table(120, seed=1)[1])
    rows = X.rows() if holder is list else holder(X.rows())
    found = body_of(lw.report(nameless, rows, y).html)
    assert "<bdi>column 0</bdi>" in found
    assert found == body_of(lw.report(nameless, [list(row) for row in X.rows()], pd.Series(y)).html)


def test_images_are_shown():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 80)
    images = generator.integers(0, 200, (80, 5, 5)).astype(np.uint8)
    images[labels == 1, 2] //= 2
    fitted = lw.Classifier(hidden=(), epochs=2).fit(images[:40], labels[:40])
    assert 'src="data:image/png;base64,' in lw.report(fitted, images[40:], labels[40:]).html


def test_a_notebook_shows_it_as_a_document_of_its_own_that_runs_nothing(classifier):
    found = lw.report(classifier, X, y, title='<b>"Fruit" & more</b>')
    shown = found._repr_html_()
    frame = re.fullmatch(r'<iframe srcdoc="([^"]*)" title="([^"<>]*)" sandbox="" style="[^"]*"></iframe>', shown)
    assert unescape(frame[1]) == found.html
    assert unescape(frame[2]) == '<b>"Fruit" & more</b>: report'
    assert re.fullmatch(r"""<Report of '<b>"Fruit" & more</b>', \d+\.\d kB of HTML>""", repr(found))
    assert "<script" not in found.html


@pytest.mark.parametrize("title", [3, b"Fruit", ["Fruit"], True, Path("fruit")])
def test_a_title_that_is_not_text_is_refused_before_any_work(title):
    sentence = f"title must be text; got {title!r} of type {type(title).__name__}."
    with pytest.raises(lw.InvalidTypeError, match=f"^{re.escape(sentence)}$"):
        lw.report(object(), None, None, title=title)


def test_what_no_encoding_has_is_cleaned_everywhere(folder):
    frame = pd.DataFrame({"si\udc80ze": [0.0, 1.0] * 20, "colour": ["r\ud800d", "green"] * 20})
    labels = ["no\udfff", "yes"] * 20
    fitted = lw.Classifier(hidden=(), epochs=1).fit(frame, labels)
    found = lw.report(fitted, frame, labels[::-1], "r.html", title="Fr\ud800uit")
    assert Path("r.html").read_text(encoding="utf-8") == found.html
    for text in (found.html, found._repr_html_(), repr(found)):
        text.encode()
    assert 'title="Fr\ufffduit: report"' in found._repr_html_()
    assert all(text in found.html for text in ("Fr\ufffduit", "si\ufffdze", "r\ufffdd", "no\ufffd"))


@pytest.mark.parametrize(
    ("options", "title"),
    [({}, "This model"), ({"path": "fruit.v2.html"}, "fruit.v2"), ({"path": "a.html", "title": "Fruit"}, "Fruit")],
)
def test_its_title_is_that_given_or_the_name_of_its_file(classifier, folder, options, title):
    found = lw.report(classifier, X, y, **options)
    assert (found.title, f"<h1><bdi>{title}</bdi></h1>" in found.html) == (title, True)
    assert os.listdir() == ([options["path"]] if "path" in options else [])


def verdict_of(found: lw.Report | str) -> str:
    return re.sub("<[^>]*>", "", re.search('<p class="verdict[^>]*>(.*?)</p>', str(found))[1])


@pytest.mark.parametrize("names", [("common", "rare"), ("z-common", "rare")])
@pytest.mark.parametrize(
    "counts",
    [(90, 30), (60, 60), None],
    ids=["class frequencies", "classes that are equally frequent", "an older file without counts"],
)
def test_the_baseline_of_a_fit_in_python_does_not_depend_on_the_names_of_classes(names, counts):
    generator = np.random.default_rng(0)
    of_training, of_test = np.repeat([0, 1], counts or (90, 30)), np.repeat([0, 1], [80, 20])
    inputs = [generator.normal(size=(len(target), 2)) + 3 * target[:, None] for target in (of_training, of_test)]
    fitted = lw.Classifier(hidden=(), epochs=20).fit(inputs[0], np.array(names)[of_training]).model_
    if counts is None:
        fitted = replace(fitted, metadata={**fitted.metadata, "class_counts": None})
    told = {
        (90, 30): f"against 80.0% by always answering “{names[0]}”;",
        (60, 60): "against 50.0% for the class frequencies alone;",
        None: "against 50.0% for uniform guessing;",
    }
    assert told[counts] in verdict_of(lw.report(fitted, inputs[1], np.array(names)[of_test]))


def test_rows_that_it_was_trained_on_are_told_as_such(classifier):
    sentence = "The model was trained on these rows, so all figures look better than they are."
    assert sentence in lw.report(classifier, *table(120, seed=1)).html
    assert sentence not in lw.report(classifier, X, y).html
    assert sentence not in lw.report(replace(classifier.model_, metadata={}), *table(120, seed=1)).html


SAME_ROWS = {
    "another order": lambda frame: frame.select("colour", "size"),
    "a column more": lambda frame: frame.with_columns(id=pl.Series(range(120))),
    "a column more, in front, in pandas": lambda frame: pd.DataFrame(
        {"id": range(120), **frame.select("colour", "size").to_dict(as_series=False)}
    ),
    "no names": lambda frame: frame.rows(),
}


@pytest.mark.parametrize("given", SAME_ROWS)
@pytest.mark.filterwarnings("ignore:X has 1 column not seen in training")
def test_rows_of_training_are_told_by_the_columns_of_training_alone(classifier, given):
    frame, labels = table(120, seed=1)
    digest = classifier.model_.metadata["rows_sha256"]
    found = lw.report(classifier, SAME_ROWS[given](frame), labels).html
    assert "The model was trained on these rows, so all figures" in found
    assert f"SHA-256 of the rows and labels</dt><dd>{digest}</dd>" in found
    assert classifier.model_.was_trained_on(SAME_ROWS[given](frame), labels)
    changed = frame.with_columns(size=frame["size"] + 1)
    assert "The model was trained on these rows" not in lw.report(classifier, SAME_ROWS[given](changed), labels).html
    assert not classifier.model_.was_trained_on(SAME_ROWS[given](changed), labels)


def test_names_of_columns_do_not_matter_to_a_model_that_has_none(fruit):
    X, y = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 2
    fitted = lw.Classifier(hidden=(), epochs=1).fit(X, y).model_
    assert fitted.was_trained_on(pl.DataFrame(X, schema=["a", "b"]), y)
    assert fitted.was_trained_on(X, y.astype(bool)) is False
    assert not fitted.was_trained_on(X[:, :1], y)
    assert "The model was trained on these rows" in lw.report(fitted, X, y.astype(float)).html


def test_the_page_says_which_rows_it_is_of_and_what_the_model_does_not_know(classifier):
    odd = X.with_columns(colour=pl.Series(["mauve"] * 7 + X["colour"].to_list()[7:]))
    found = lw.report(classifier, odd, y).html
    known = "values not seen in training in 1 column, treated as missing: column &#x27;colour&#x27; (7)"
    assert f"The rows measured have {known}." in found
    assert re.search(r"SHA-256 of the rows and labels</dt><dd>[0-9a-f]{64}</dd>", found)
    assert "Measured on one row;" in lw.report(classifier, X[:1], y[:1]).html


def test_a_column_too_many_is_ignored_with_a_warning(classifier):
    wide = X.with_columns(weight=pl.lit(1.0))
    with pytest.warns(lw.DataWarning, match=r"^X has 1 column .*ignored: 'weight'\.$") as caught:
        found = lw.report(classifier, wide, y)
    assert caught[0].filename == __file__
    assert body_of(found.html) == body_of(lw.report(classifier, X, y).html)


def test_it_is_written_whole_or_not_at_all(classifier, folder, monkeypatch):
    lw.report(classifier, X, y).save("r.html")
    old = Path("r.html").read_bytes()

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    sentence = r"^path must be writable; got '.*r\.html' \(No space left on device\)\.$"
    with pytest.raises(lw.ModelFileError, match=sentence):
        lw.report(classifier, X, y, "r.html", title="other")
    assert (Path("r.html").read_bytes(), os.listdir()) == (old, ["r.html"])


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (".", r"^path must be a regular file; got '\.', a folder\. Choose another name\.$"),
        ("no/r.html", r"^path must be in an existing folder; got 'no/r\.html'\. Make the folder first\.$"),
        (
            "r/",
            r"^path must name a file; got 'r/', which ends in a slash\. Name the file in it, or leave out .*\.$",
        ),
        ("", r"^path must name a file; got ''\. Choose another name\.$"),
        ("r\0.html", r"^path must name a file; got 'r\\x00\.html'\. Choose another name\.$"),
        ("\ud800.html", r"^path must be a name that the file system can hold; got '\\ud800\.html'\.$"),
        ("r" * 300, r"^path must be a file that can be written; got 'r{300}' \(File name too long\)\.$"),
        ("r" * 240, r"^path must be writable; got 'r{240}' \(File name too long\)\.$"),
    ],
)
def test_a_path_that_cannot_be_written_is_refused_before_any_work(classifier, folder, path, sentence):
    for write in (
        lambda path: lw.report(object(), None, None, path),
        lw.report(classifier, X, y).save,
        classifier.save,
        lambda path: export_onnx(classifier.model_, path),
    ):
        with pytest.raises(lw.ModelFileError, match=sentence) as raised:
            write(path)
        assert raised.value.argument == "path"
    assert os.listdir() == []


@pytest.mark.parametrize("path", [3, None, 1.5, b"r.html", [], True])
def test_what_is_no_path_is_refused(classifier, path):
    sentence = f"path must be text or a path, such as 'model.safetensors'; got {path!r} of type {type(path).__name__}."
    for use in (lw.load, classifier.save, lw.report(classifier, X, y).save):
        with pytest.raises(lw.InvalidTypeError, match=f"^{re.escape(sentence)}$"):
            use(path)
    if path is not None:
        with pytest.raises(lw.InvalidTypeError, match=f"^{re.escape(sentence)}$"):
            lw.report(object(), None, None, path)


def test_a_folder_that_takes_no_file_is_found_before_any_work(classifier, folder, monkeypatch):
    page, opened = lw.report(classifier, X, y), open

    def refuse(path, mode="r", *more, **options):
        if "x" in mode:
            raise PermissionError(13, "Permission denied")
        return opened(path, mode, *more, **options)

    monkeypatch.setattr("builtins.open", refuse)
    sentence = r"^path must be writable; got 'r\.html' \(Permission denied\)\.$"
    for write in (lambda path: lw.report(object(), None, None, path), page.save, classifier.save):
        with pytest.raises(lw.ModelFileError, match=sentence):
            write("r.html")
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        (
            {"model": "m"},
            TypeError,
            "model must be a Model or a fitted Classifier of logitwise; got a str. Load",
        ),
        (
            {"model": LogisticRegression()},
            TypeError,
            "model must be a Model or a fitted Classifier of logitwise; got a L",
        ),
        ({"model": lw.Classifier()}, ValueError, "model must be fitted; got a Classifier that is not. Call fit first."),
        (
            {"y": None},
            ValueError,
            "y must hold one label per row; got None. A report compares predictions with labels; for predictions "
            "alone, call predict_proba.",
        ),
        ({"y": y[:59]}, ValueError, "y must have one label per row of X; got 59 labels for 60 rows."),
        ({"X": X[:0], "y": []}, ValueError, "X must have at least one row; got none."),
        (
            {"y": ["ripe."] * 60},
            ValueError,
            "y must hold only labels that training saw; got 'ripe.' (in 60 rows).",
        ),
        ({"y": [1] * 60}, ValueError, "y must hold only labels that training saw; got '1' (in 60 rows). Training saw"),
        ({"y": [0.5] * 60}, ValueError, "y must be class labels, finite whole numbers if floating; got 0.5 at row 0"),
        ({"X": X.drop("size")}, ValueError, "X must have every column of training; got none named 'size'."),
        (
            {"X": np.zeros((60, 3))},
            ValueError,
            "X must have the columns of training, 2 in number; got 3.",
        ),
        ({"X": [1, 2], "y": y[:2]}, ValueError, "X must have two or more dimensions, rows first; got shape (2,)."),
        ({"X": X.with_columns(size=pl.lit("big"))}, ValueError, "X must have numbers in column 'size', as in training"),
    ],
)
def test_what_it_refuses(classifier, changes, error, sentence):
    with pytest.raises(error, match=f"^{re.escape(sentence)}"):
        lw.report(**{"model": classifier, "X": X, "y": y, **changes})


def test_it_imports_neither_torch_nor_scikit_learn(fruit):
    code = (
        "import sys, numpy as np, logitwise as lw\n"
        "rows = lw.data.read(sys.argv[2], target='label')\n"
        "page = lw.report(lw.load(sys.argv[1]), rows.features, rows.target)\n"
        "print('Classifier report' in page.html, {'torch', 'sklearn', 'rich', 'typer'} & set(sys.modules))"
    )
    files = [str(fruit / "fruit.safetensors"), str(fruit / "more.csv")]
    result = subprocess.run([sys.executable, "-c", code, *files], capture_output=True, text=True, timeout=120)
    assert (result.stdout, result.stderr) == ("True set()\n", "")
