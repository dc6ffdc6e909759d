"""`logitwise predict`: the bits of the training process, whichever way the rows come and the predictions go."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import logitwise as lw
from cli.made_fruit import SMALL, made_rows, write_csv
from logitwise import data
from logitwise.cli import sources, train_command
from logitwise.cli.predictions import refuse_same
from logitwise.data import streaming


def read_predictions(text: str) -> tuple[list[str], list[str], np.ndarray]:
    """Return the header, the classes and the probabilities of a CSV of predictions, by Python's own reader."""
    header, *rows = csv.reader(text.splitlines())
    return header, [row[0] for row in rows], np.array([[float(cell) for cell in row[1:]] for row in rows])


def logitwise(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "logitwise", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_another_process_writes_the_bits_that_the_training_process_had(run, fruit, monkeypatch):
    kept = []
    train = train_command.train
    monkeypatch.setattr(train_command, "train", lambda *args: kept.append(train(*args)) or kept[-1])
    run("train", fruit / "fruit.csv", "--target", "label", *SMALL)
    model = kept[0].model
    features = data.read(fruit / "more.csv", target="label").features
    result = logitwise("predict", "fruit.safetensors", fruit / "more.csv")
    assert (result.returncode, result.stderr) == (0, "")
    header, predicted, probabilities = read_predictions(result.stdout)
    assert header == ["prediction", "probability_raw", "probability_ripe"]
    assert predicted == model.predict(features).tolist()
    assert np.array_equal(probabilities, model.predict_proba(features))


def test_one_row_is_not_called_rows(run, fruit):
    first = "\n".join((fruit / "more.csv").read_text().splitlines()[:2])
    Path("one.csv").write_text(first, encoding="utf-8")
    assert run("predict", fruit / "fruit.safetensors", "one.csv", "-o", "p.csv").stderr == "Wrote p.csv (1 row).\n"


def test_the_output_file_holds_what_standard_output_would(run, fruit):
    args = ("predict", fruit / "fruit.safetensors", fruit / "more.csv")
    printed = run(*args).stdout
    for name in ("p.csv", "p.parquet"):
        result = run(*args, "-o", name)
        assert (result.stdout, result.stderr) == ("", f"Wrote {name} (60 rows).\n")
    assert Path("p.csv").read_text(encoding="utf-8") == printed
    model = lw.load(fruit / "fruit.safetensors")
    features = data.read(fruit / "more.csv").features
    for table in (pl.read_parquet("p.parquet"), pl.read_csv("p.csv")):
        assert np.array_equal(table.drop("prediction").to_numpy(), model.predict_proba(features))
        assert table["prediction"].to_list() == model.predict(features).tolist()
    assert sorted(os.listdir()) == ["p.csv", "p.parquet"]


def test_json_holds_the_same(run, fruit):
    args = ("predict", fruit / "fruit.safetensors", fruit / "more.csv", "--json")
    model = lw.load(fruit / "fruit.safetensors")
    features = data.read(fruit / "more.csv").features
    assert json.loads(run(*args).stdout) == {
        "rows": 60,
        "classes": ["raw", "ripe"],
        "predictions": model.predict(features).tolist(),
        "probabilities": model.predict_proba(features).tolist(),
    }
    told = json.loads(run(*args, "-o", "p.csv").stdout)
    assert told == {"rows": 60, "classes": ["raw", "ripe"], "output": "p.csv"}


def test_columns_are_matched_by_name_whatever_their_order_and_the_target_is_not_read(run, fruit):
    expected = run("predict", fruit / "fruit.safetensors", fruit / "more.csv").stdout
    rows = made_rows(60, seed=2)
    write_csv("unlabelled.csv", [(colour, size) for size, colour, _ in rows], "colour,size")
    write_csv("wrong.csv", [("?", colour, size) for size, colour, _ in rows], "label,colour,size")
    write_csv("extra.csv", [(1, size, colour, "x") for size, colour, _ in rows], "id,size,colour,note")
    for name in ("unlabelled.csv", "wrong.csv"):
        result = run("predict", fruit / "fruit.safetensors", name)
        assert (result.stdout, result.stderr) == (expected, "")
    result = run("predict", fruit / "fruit.safetensors", "extra.csv")
    assert result.stdout == expected
    assert result.stderr == "logitwise: note: DATA has 2 columns not seen in training, ignored: 'id', 'note'.\n"


def test_a_file_without_header_may_leave_the_target_out(run):
    rows = made_rows(60, seed=6)
    write_csv("train.csv", [(size, label, colour) for size, colour, label in rows], None)
    assert run("train", "train.csv", "--target", "1", "--quiet", *SMALL).exit_code == 0
    model = lw.load("train.safetensors")
    assert model.feature_names == ("column_0", "column_2")
    expected = run("predict", "train.safetensors", "train.csv").stdout
    assert read_predictions(expected)[1] == model.predict([[size, colour] for size, colour, _ in rows]).tolist()
    write_csv("features.csv", [(size, colour) for size, colour, _ in rows], None)
    write_csv("wide.csv", [(size, label, colour, 9) for size, colour, label in rows], None)
    assert run("predict", "train.safetensors", "features.csv").stdout == expected
    wide = run("predict", "train.safetensors", "wide.csv")
    assert wide.stdout == expected
    assert wide.stderr == "logitwise: note: DATA has 1 column not seen in training, ignored: 'column_3'.\n"


def test_a_first_row_that_looks_like_a_header_is_data_where_training_had_none(run):
    rows = [("a", "b", "x"), ("c", "d", "y")] * 20
    write_csv("train.csv", rows, None)
    args = ("train", "train.csv", "--no-header", "--target", "-1", "--hidden", "", "--epochs", "1", "--quiet")
    assert run(*args).exit_code == 0
    write_csv("two.csv", [("e", "f"), ("c", "d")], None)
    assert len(run("predict", "train.safetensors", "two.csv").stdout.splitlines()) == 3


@pytest.mark.parametrize("classes", [[0, 1, 2], ["a,b", 'say "c"', "[bold]é"], [False, True], [-1.0, 2.0]])
def test_any_classes_come_back(run, classes):
    X = np.arange(60, dtype=float).reshape(30, 2)
    model = lw.Classifier(hidden=(4,), epochs=2).fit(X, [classes[row % len(classes)] for row in range(30)]).model_
    model.save("m.safetensors")
    np.save("X.npy", X)
    header, predicted, probabilities = read_predictions(run("predict", "m.safetensors", "X.npy").stdout)
    assert header == ["prediction", *(f"probability_{label}" for label in model.classes.tolist())]
    spelled = {"True": "true", "False": "false"}
    assert predicted == [spelled.get(str(label), str(label)) for label in model.predict(X).tolist()]
    assert np.array_equal(probabilities, model.predict_proba(X))
    assert run("info", "m.safetensors").exit_code == 0


def test_prediction_and_evaluation_import_neither_torch_nor_scikit_learn(fruit):
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom logitwise.cli.commands import app\n"
        "codes = [CliRunner().invoke(app, [command, sys.argv[1], sys.argv[2]]).exit_code for command in "
        "('predict', 'evaluate')]\nprint(codes, {'torch', 'sklearn'} & set(sys.modules))"
    )
    args = [sys.executable, "-c", code, str(fruit / "fruit.safetensors"), str(fruit / "more.csv")]
    result = subprocess.run(args, capture_output=True, text=True, timeout=120)
    assert (result.stdout, result.stderr) == ("[0, 0] set()\n", "")


def test_a_reader_that_stops_early_hears_no_complaint(fruit):
    write = [sys.executable, "-m", "logitwise", "predict", str(fruit / "fruit.safetensors"), str(fruit / "fruit.csv")]
    with subprocess.Popen(write, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 1)


@pytest.fixture
def small_reads(monkeypatch):
    """Read DATA a few rows at a time."""
    monkeypatch.setattr(streaming, "BYTES_AT_ONCE", 100)
    monkeypatch.setattr(streaming, "ROWS_AT_ONCE", 7)


def test_a_file_read_in_parts_is_predicted_as_a_whole(run, fruit, monkeypatch):
    expected = run("predict", fruit / "fruit.safetensors", fruit / "more.csv").stdout
    data.read(fruit / "more.csv").features.write_parquet("more.parquet")
    Path("more.csv.gz").write_bytes(gzip.compress((fruit / "more.csv").read_bytes()))
    monkeypatch.setattr(streaming, "BYTES_AT_ONCE", 100)
    monkeypatch.setattr(streaming, "ROWS_AT_ONCE", 7)
    for name in (fruit / "more.csv", "more.parquet", "more.csv.gz"):
        assert run("predict", fruit / "fruit.safetensors", name).stdout == expected
        assert run("predict", fruit / "fruit.safetensors", name, "-o", "p.csv").stderr == "Wrote p.csv (60 rows).\n"
        assert Path("p.csv").read_text(encoding="utf-8") == expected
        assert run("predict", fruit / "fruit.safetensors", name, "-o", "p.parquet").exit_code == 0
        assert pl.read_parquet("p.parquet").write_csv() == expected
    told = json.loads(run("predict", fruit / "fruit.safetensors", fruit / "more.csv", "--json").stdout)
    assert told["predictions"] == [line.partition(",")[0] for line in expected.splitlines()[1:]]


def test_an_array_is_read_in_parts_and_predicted_as_a_whole(run, monkeypatch):
    generator = np.random.default_rng(0)
    X = generator.normal(size=(90, 3))
    classifier = lw.Classifier(hidden=(4,), epochs=2).fit(X, np.arange(90) % 2)
    classifier.save("m.safetensors")
    np.save("x.npy", X)
    np.save("f.npy", np.asfortranarray(X))
    monkeypatch.setattr(sources, "ROWS_PER_BATCH", 7)
    for name in ("x.npy", "f.npy"):
        result = run("predict", "m.safetensors", name)
        assert result.exit_code == 0, result.stderr
        read = pl.read_csv(result.stdout.encode())
        np.testing.assert_array_equal(
            read.select("probability_0", "probability_1").to_numpy(), classifier.predict_proba(X)
        )
    np.save("x.npy", X[:, :2])
    result = run("predict", "m.safetensors", "x.npy")
    assert result.exit_code == 2
    assert result.stderr == "logitwise: error: DATA must have 3 features per row, as in training; got 2.\n"
    X[80, 1] = np.inf
    np.save("x.npy", X)
    result = run("predict", "m.safetensors", "x.npy", "-o", "p.csv")
    assert result.exit_code == 2
    assert "at row 80" in result.stderr
    assert not Path("p.csv").exists()


def test_a_whole_array_is_predicted_in_parts_and_a_bad_row_named_by_its_place(run, monkeypatch):
    X = np.random.default_rng(0).normal(size=(90, 3))
    model = lw.Classifier(hidden=(4,), epochs=2).fit(X, np.arange(90) % 2).model_
    model.save("m.safetensors")
    monkeypatch.setattr(sources, "ROWS_PER_BATCH", 7)
    np.savez("x.npz", X=X)
    told = json.loads(run("predict", "m.safetensors", "x.npz", "--json").stdout)
    assert (told["rows"], told["probabilities"]) == (90, model.predict_proba(X).tolist())
    np.savez("x.npz", X=np.where(np.arange(90)[:, None] == 80, np.inf, X))
    assert "at row 80" in run("predict", "m.safetensors", "x.npz").stderr


def test_how_much_is_done_is_told_for_every_kind_of_source(run, fruit, monkeypatch):
    X = np.random.default_rng(0).normal(size=(20, 2))
    arrays = lw.Classifier(hidden=(), epochs=1).fit(X, np.arange(20) % 2).model_
    np.save("x.npy", X)
    np.savez("x.npz", X=X)
    monkeypatch.setattr(sources, "ROWS_PER_BATCH", 7)
    for name in ("x.npy", "x.npz"):
        found = sources.read_to_predict(name, arrays)
        assert (found.whole, found.is_long) == (20, True)
        parts = [(len(part.features), part.first_row, part.read) for part in found.parts]
        assert [part[:2] for part in parts] == [(7, 0), (7, 7), (6, 14)]
        assert [part[2] for part in parts] == [7, 14, 20]
    monkeypatch.setattr(sources, "ROWS_PER_BATCH", 20)
    assert not sources.read_to_predict("x.npz", arrays).is_long
    assert not sources.read_to_predict("x.npy", arrays).is_long
    found = sources.read_to_predict(str(fruit / "more.csv"), lw.load(fruit / "fruit.safetensors"))
    assert (found.whole, found.is_long) == ((fruit / "more.csv").stat().st_size, False)
    monkeypatch.setattr(streaming, "BYTES_AT_ONCE", 100)
    assert sources.read_to_predict(str(fruit / "more.csv"), lw.load(fruit / "fruit.safetensors")).is_long


def test_answers_follow_the_costs_of_the_model(run, fruit):
    model = lw.load(fruit / "fruit.safetensors")
    costs = np.array([[0.0, 1.0], [9.0, 0.0]])  # a ripe one missed costs nine raw ones taken for ripe
    replace(model, costs=costs).save("m.safetensors")
    features = data.read(fruit / "more.csv").features
    ripe = model.predict_proba(features)[:, 1]
    told = json.loads(run("predict", "m.safetensors", fruit / "more.csv", "--json").stdout)
    assert told["predictions"] == np.where(ripe > 0.1, "ripe", "raw").tolist()
    assert ((ripe > 0.1) & (ripe < 0.5)).any()


def test_two_outputs_must_not_be_one_file_under_two_names(folder):
    (folder / "a").mkdir()
    (folder / "b").symlink_to("a")
    refuse_same(Path("a/m.html"), "--report", Path("m.html"), "--model")
    with pytest.raises(ValueError, match=r"^--report must not be the file of --model; got 'b/m.html'\. Choose another"):
        refuse_same(Path("b/m.html"), "--report", Path("a/m.html"), "--model")


def test_an_output_must_not_be_an_input_under_another_name(run, fruit):
    os.link(fruit / "fruit.safetensors", "m.csv")
    os.symlink(fruit / "more.csv", "d.csv")
    for name in ("m.csv", "d.csv"):
        result = run("predict", fruit / "fruit.safetensors", fruit / "more.csv", "-o", name)
        sentence = f"--output must not be a file that is read; got '{name}'. Choose another name."
        assert (result.exit_code, result.stderr) == (2, f"logitwise: error: {sentence}\n")


def test_a_bad_row_is_named_by_its_place_in_the_file_and_nothing_is_written(run, fruit, small_reads):
    rows = made_rows(60, seed=2)
    write_csv("bad.csv", [*rows[:50], ("big", "red", "ripe"), *rows[50:]])
    result = run("predict", fruit / "fruit.safetensors", "bad.csv", "-o", "p.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "logitwise: error: DATA must have numbers in column 'size', as in training; got 'big' at row 50. "
        "Correct the column, or make it a category in training (--category).\n"
    )
    write_csv("infinite.csv", [*rows[:50], ("inf", "red", "ripe"), *rows[50:]])
    result = run("predict", fruit / "fruit.safetensors", "infinite.csv", "-o", "p.csv")
    assert "got inf at row 50, column 'size'" in result.stderr
    write_csv("ragged.csv", [*rows[:50], ("1", "red"), *rows[50:]])
    result = run("predict", fruit / "fruit.safetensors", "ragged.csv", "-o", "p.csv")
    assert "DATA must have as many fields in every line as in its first, 3; got 2 at line 52 of" in result.stderr
    assert sorted(os.listdir()) == ["bad.csv", "infinite.csv", "ragged.csv"]


def test_values_that_the_model_does_not_know_are_counted_and_taken_as_missing(run, fruit, small_reads):
    rows = made_rows(60, seed=2)
    odd = [(size, "mauve" if place % 20 == 7 else colour, label) for place, (size, colour, label) in enumerate(rows)]
    gaps = [(size, "" if colour == "mauve" else colour, label) for size, colour, label in odd]
    write_csv("odd.csv", odd)
    write_csv("gaps.csv", gaps)
    result = run("predict", fruit / "fruit.safetensors", "odd.csv")
    assert result.stderr == (
        "logitwise: note: DATA has values not seen in training in 1 column, treated as missing: column 'colour' (3).\n"
    )
    expected = run("predict", fruit / "fruit.safetensors", "gaps.csv")
    assert (result.stdout, expected.stderr) == (expected.stdout, "")
    assert run("predict", fruit / "fruit.safetensors", "odd.csv", "--quiet").stderr == ""


def test_a_column_of_booleans_is_the_same_from_a_frame_and_from_text(run):
    values = [row % 3 == 0 for row in range(60)]
    frame = pl.DataFrame({"flag": values, "n": [float(row % 5) for row in range(60)]})
    model = lw.Classifier(hidden=(4,), epochs=3).fit(frame, [int(value) for value in values]).model_
    model.save("m.safetensors")
    expected = model.predict_proba(frame)
    for spelling in (("true", "false"), ("True", "False"), ("1", "0"), ("1.0", "0.0")):
        text = [(spelling[0] if value else spelling[1], n) for value, n in frame.rows()]
        write_csv("flags.csv", text, "flag,n")
        _, _, probabilities = read_predictions(run("predict", "m.safetensors", "flags.csv").stdout)
        assert np.array_equal(probabilities, expected)
    write_csv("train.csv", [("True" if value else "False", n, int(value)) for value, n in frame.rows()], "flag,n,y")
    assert run("train", "train.csv", "--target", "y", "--model", "t.safetensors", "--quiet", *SMALL).exit_code == 0
    trained = lw.load("t.safetensors")
    assert np.array_equal(
        trained.predict_proba(frame),
        read_predictions(run("predict", "t.safetensors", "train.csv").stdout)[2],
    )


def test_a_prediction_depends_on_its_row_alone_not_on_how_the_column_reads(run):
    rows = [(code, place % 2) for place, code in enumerate(["01", "2", "x", "01", "2", "x"] * 10)]
    write_csv("train.csv", rows, "code,y")
    assert run("train", "train.csv", "--target", "y", "--model", "m.safetensors", "--quiet", *SMALL).exit_code == 0
    write_csv("numbers.csv", [("01",), ("2",)], "code")  # read as a whole, this would be a column of numbers
    write_csv("mixed.csv", [("01",), ("2",), ("x",)], "code")
    alone = run("predict", "m.safetensors", "numbers.csv", "--quiet").stdout.splitlines()
    assert run("predict", "m.safetensors", "mixed.csv", "--quiet").stdout.splitlines()[:3] == alone


def test_a_long_file_shows_a_bar_on_a_terminal(run, fruit, small_reads, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    args = ("predict", fruit / "fruit.safetensors", fruit / "more.csv", "-o", "p.csv")
    assert "Predicting" in run(*args).stderr
    assert run(*args, "--quiet").stderr == ""
    monkeypatch.setattr(streaming, "BYTES_AT_ONCE", 10_000)
    assert "Predicting" not in run(*args).stderr


NEEDED = ["numpy", "numpy.libs", "polars", "_polars_runtime_32", "typer", "rich", "click", "shellingham", "pygments"]
NEEDED += [
    "markdown_it",
    "mdurl",
    "typing_extensions.py",
    "annotated_doc",
    "annotated_types",
    "pydantic",
    "pydantic_core",
]
NEEDED += ["typing_inspection"]


def test_it_runs_in_an_environment_without_torch_scikit_learn_and_numba(fruit, tmp_path):
    place, home = tmp_path / "packages", Path(pl.__file__).parents[1]
    place.mkdir()
    (place / "logitwise").symlink_to(Path(lw.__file__).parent)
    for name in NEEDED:
        if (home / name).exists():
            (place / name).symlink_to(home / name)
    python = [sys.executable, "-S", "-m"]  # -S: no other packages are found
    environment = {**os.environ, "PYTHONPATH": str(place)}
    args = ["logitwise", "predict", str(fruit / "fruit.safetensors"), str(fruit / "more.csv")]
    result = subprocess.run([*python, *args], capture_output=True, text=True, timeout=120, env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == logitwise("predict", fruit / "fruit.safetensors", fruit / "more.csv").stdout
    code = "import importlib.util as u; print([u.find_spec(n) for n in ('torch', 'sklearn', 'numba', 'safetensors')])"
    seen = subprocess.run([*python[:2], "-c", code], capture_output=True, text=True, timeout=60, env=environment)
    assert seen.stdout.strip() == "[None, None, None, None]"


def test_a_model_is_exported_for_other_runtimes(run, fruit):
    onnxruntime = pytest.importorskip("onnxruntime")
    result = run("export", fruit / "fruit.safetensors", "m.onnx")
    assert (result.exit_code, result.stdout) == (0, "")
    assert re.fullmatch(r"Wrote m\.onnx \([0-9.]+ [kM]B\)\.\n", result.stderr)
    features = data.read(fruit / "more.csv").features
    feed = {
        "size": features["size"].to_numpy()[:, None].astype(float),
        "colour": features["colour"].to_numpy()[:, None].astype(object),
    }
    labels, probabilities = onnxruntime.InferenceSession("m.onnx").run(["label", "probabilities"], feed)
    model = lw.load(fruit / "fruit.safetensors")
    np.testing.assert_allclose(probabilities, model.predict_proba(features), rtol=0, atol=1e-6)
    assert labels.tolist() == model.predict(features).tolist()
    refused = run("export", fruit / "fruit.safetensors", "m.pb")
    assert (refused.exit_code, refused.stderr) == (2, "logitwise: error: FILE must end in .onnx; got 'm.pb'.\n")


def test_export_says_which_package_is_missing(run, fruit, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    refused = run("export", fruit / "fruit.safetensors", "m.onnx")
    assert refused.exit_code == 2
    assert refused.stderr == (
        "logitwise: error: Writing an ONNX graph needs onnx, which is not installed. "
        "Run: pip install 'logitwise[onnx]'\n"
    )
    assert os.listdir() == []


def test_columns_that_are_kept_stand_before_the_predictions_as_they_are(run, fruit, small_reads):
    rows = made_rows(60, seed=2)
    lines = [f"{place:04},{size:.4f},{colour}" for place, (size, colour, _) in enumerate(rows)]
    Path("rows.csv").write_text("\n".join(["id,size,colour", *lines]), encoding="utf-8")
    plain = run("predict", fruit / "fruit.safetensors", "rows.csv").stdout.splitlines()
    told = run("predict", fruit / "fruit.safetensors", "rows.csv", "--keep", "size", "--keep", "id").stdout.splitlines()
    expected = [f"{line.split(',')[1]},{line.split(',')[0]},{old}" for line, old in zip(lines, plain[1:], strict=True)]
    assert told == [f"size,id,{plain[0]}", *expected]
    known = json.loads(run("predict", fruit / "fruit.safetensors", "rows.csv", "--keep", "id", "--json").stdout)
    assert known["kept"] == {"id": [f"{place:04}" for place in range(60)]}
    assert run("predict", fruit / "fruit.safetensors", "rows.csv", "--keep", "id", "-o", "p.parquet").exit_code == 0
    assert pl.read_parquet("p.parquet").columns[:2] == ["id", "prediction"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--keep", "sise"], "--keep must name a column of DATA; got 'sise'. Did you mean 'size'?"),
        (
            ["--keep", "prediction"],
            "--keep must name columns whose names no other column of predictions has; got 'prediction'.",
        ),
        (
            ["--keep", "probability_ripe"],
            "--keep must name columns whose names no other column of predictions has; got 'probability_ripe'.",
        ),
        (
            ["--keep", "size", "--keep", "size"],
            "--keep must name each column once; got 'size' twice.",
        ),
    ],
)
def test_columns_that_cannot_be_kept_are_refused(run, fruit, words, sentence):
    rows = [(*row, "x", "y") for row in made_rows(5, seed=2)]
    write_csv("rows.csv", rows, "size,colour,label,prediction,probability_ripe")
    result = run("predict", fruit / "fruit.safetensors", "rows.csv", *words)
    assert (result.exit_code, result.stderr) == (2, f"logitwise: error: {sentence}\n")
    np.save("rows.npy", np.ones((2, 2)))
    result = run("predict", fruit / "fruit.safetensors", "rows.npy", *words[:2])
    assert (result.exit_code, result.stderr) == (
        2,
        f"logitwise: error: --keep must be left out where DATA is no table; got {words[1]!r}.\n",
    )


def test_a_table_of_strangers_is_refused(run, fruit):
    rows = made_rows(60, seed=2)
    write_csv(
        "others.csv",
        [(size, "mauve" if place < 31 else colour) for place, (size, colour, _) in enumerate(rows)],
        "size,colour",
    )
    result = run("predict", fruit / "fruit.safetensors", "others.csv", "-o", "p.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "logitwise: error: DATA must hold categories that training saw; got 31 of 60 values that it did not, in "
        "column 'colour'. Is it the right file?\n"
    )
    assert not Path("p.csv").exists()
    write_csv("few.csv", [(1.0, "mauve")] * 19, "size,colour")
    assert run("predict", fruit / "fruit.safetensors", "few.csv").exit_code == 0


@pytest.mark.parametrize("columns", ["size,colour", "size,label,colour"])
def test_a_file_with_a_header_fits_a_model_without_names_by_its_places(run, columns):
    rows = made_rows(60, seed=6)
    write_csv("train.csv", [(size, label, colour) for size, colour, label in rows], None)
    assert run("train", "train.csv", "--target", "1", "--quiet", *SMALL).exit_code == 0
    expected = run("predict", "train.safetensors", "train.csv").stdout
    places = [("size", "colour", "label").index(name) for name in columns.split(",")]
    write_csv("named.csv", [[row[place] for place in places] for row in rows], columns)
    assert run("predict", "train.safetensors", "named.csv", "--header").stdout == expected


def test_rows_of_gaps_alone_are_predicted_too(run, fruit):
    write_csv("gaps.csv", [(1.5, "red"), ("", ""), (0.5, "blue"), ("", "")], "size,colour")
    assert len(run("predict", fruit / "fruit.safetensors", "gaps.csv").stdout.splitlines()) == 5
