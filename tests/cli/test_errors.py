"""Bad input: one sentence on standard error, exit code 2, nothing half-written."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import logitwise as lw
from logitwise.cli.names import naming_rows
from logitwise.evidence.labels import known_indices

FILES = {
    "fruit.csv": "size,colour,label\n" + "1,red,ripe\n2,green,raw\n" * 20,
    "bare.csv": "1,red,ripe\n2,green,raw\n" * 20,
    "narrow.csv": "1\n2\n3\n",
    "nothing.csv": "",
    "header.csv": "size,colour,label\n",
    "ragged.csv": "size,label\n1,a\n2\n",
    "one.csv": "size,label\n1,a\n2,a\n",
    "each.csv": "size,label\n1,a\n2,b\n3,c\n",
    "measured.csv": "size,label\n1,0.5\n2,1.5\n3,0.5\n",
    "few.csv": "size,label\n1,a\n2,a\n3,b\n",
    "stops.csv": "size,colour,label\n1,red,ripe.\n2,green,raw.\n",
    "rotten.csv": "size,colour,label\n1,red,rip\n2,green,raw\n",
    "far.csv": "size,colour,label\n1,red,blue sky\n2,green,raw\n3,red,7\n4,red,8\n5,red,9\n",
    "colourless.csv": "size,label\n1,ripe\n2,raw\n",
    "other.csv": "length,width\n1,2\n",
    "text.csv": "size,colour,label\nbig,red,ripe\n2,green,raw\n",
    "text.safetensors": "hello",
    "c.toml": "epochs = 1\n",
}

TRAINING = [
    (
        "train absent.parquet --target y",
        "DATA must be a file, a folder or a bundled name; got 'absent.parquet', which does not exist.",
    ),
    (
        "train empty",
        "DATA must be a file, or a folder of IDX files named train-images... and train-labels... (as in MNIST); "
        "got the folder 'empty', which holds nothing.",
    ),
    (
        "train nothing.csv --target y",
        "DATA must have content; got the empty file 'nothing.csv'.",
    ),
    (
        "train header.csv --target label",
        "DATA must have rows; got only a header in 'header.csv'. If its first line is data, say --no-header.",
    ),
    (
        "train ragged.csv --target label",
        "DATA must have as many fields in every line as in its first, 2; got 1 at line 3 of 'ragged.csv'. Check "
        "its separators and quotes, or give its --separator.",
    ),
    (
        "train fruit.csv",
        "--target must name the column of DATA to predict; got none. The columns are 'size', 'colour', 'label'.",
    ),
    (
        "train bare.csv",
        "--target must name the column of DATA to predict; got none. The columns are 'column_0', 'column_1', "
        "'column_2'. The file has no header: a position will do, such as -1 for the last.",
    ),
    (
        "train X.npy",
        "DATA must bring labels; got 'X.npy', features alone. Save them as X and y of one .npz file.",
    ),
    (
        "train digits --target y",
        "--target must be left out for the bundled 'digits', which brings its own labels; got 'y'.",
    ),
    (
        "train fruit.csv --target labels",
        "--target must be a column of the table, size, colour, label; got 'labels'. Did you mean 'label'?",
    ),
    (
        "train fruit.csv --target 3",
        "--target must be in [-3, 2] for 3 columns; got 3. It was read as 3 columns separated by commas: if that is "
        "wrong, say what separates them (--separator).",
    ),
    (
        "train one.csv --target label",
        "--target must have at least two classes; got one class, 'a', in all 2 rows. Add rows of another class, or "
        "choose another target.",
    ),
    (
        "train each.csv --target label",
        "--target must have fewer classes than rows; got 3 classes in 3 rows, such as 'a', 'b', 'c'. It "
        "looks like an identifier or a quantity: choose another target, join classes, or get more rows.",
    ),
    (
        "train measured.csv --target label",
        "--target must be class labels, finite whole numbers if floating; got 0.5 at row 0 (3 such rows). Unknown "
        "label type: continuous. For a quantity to predict, use a regression model.",
    ),
    (
        "train few.csv --target label",
        "DATA must have enough rows to hold some out; got 3. Give --test FILE, or more rows.",
    ),
    (
        "train fruit.csv --target label --hidden 8,x",
        "--hidden must be layer sizes separated by commas, such as 256,256, or '' for none; got '8,x'.",
    ),
    (
        "train fruit.csv --target label --hidden 8,0",
        "--hidden must be layer sizes separated by commas, such as 256,256, or '' for none; got '8,0'.",
    ),
    (
        "train fruit.csv --target label --epochs 0",
        "--epochs must be 1 or more; got 0.",
    ),
    (
        "train fruit.csv --target label --learning-rate -1",
        "--learning-rate must be positive and finite; got -1.0.",
    ),
    (
        "train fruit.csv --target label --device abacus",
        "--device must be a torch device of this machine; got 'abacus'. Try 'cpu'.",
    ),
    (
        "train fruit.csv --target label --model empty",
        "--model must be a regular file; got 'empty', a folder. Choose another name.",
    ),
    (
        "train fruit.csv --target label --test bare.csv --model bare.csv",
        "--model must not be a file that is read; got 'bare.csv'. Choose another name.",
    ),
    (
        "train fruit.csv --target label --config c.toml --report c.toml",
        "--report must not be a file that is read; got 'c.toml'. Choose another name.",
    ),
    (
        "train fruit.csv --target label --report empty",
        "--report must be a regular file; got 'empty', a folder. Choose another name.",
    ),
    (
        "train fruit.csv --target label --report fruit.csv",
        "--report must not be a file that is read; got 'fruit.csv'. Choose another name.",
    ),
    (
        "train fruit.csv --target label --model m.html --report ./m.html",
        "--report must not be the file of --model; got 'm.html'. Choose another name.",
    ),
    (
        "train fruit.csv --target label --model pipe",
        "--model must be a regular file; got 'pipe', a device, a pipe or a socket. Choose another name.",
    ),
    (
        "train fruit.csv --target label --model no/m.safetensors",
        "--model must be in an existing folder; got 'no/m.safetensors'. Make the folder first.",
    ),
    (
        "train fruit.csv --target label --test absent.parquet",
        "--test must be a file, a folder or a bundled name; got 'absent.parquet', which does not exist.",
    ),
    (
        "train fruit.csv --target label --test stops.csv",
        "--test must hold only labels that training saw; got 'ripe.', 'raw.' (in 2 rows). The nearest to 'ripe.' "
        "is 'ripe': to make them match, give --label-strip .",
    ),
    (
        "train fruit.csv --target label --test colourless.csv",
        "--test must have every column of training; got none named 'colour'. Add or rename columns.",
    ),
    (
        "train arrays.npz --test other.npz",
        "--test must have 2 features per row, as in training; got 3.",
    ),
]

USING = [
    (
        "evaluate nowhere.safetensors fruit.csv",
        "MODEL must be an existing model file; got 'nowhere.safetensors'. Check the name.",
    ),
    (
        "evaluate empty fruit.csv",
        "MODEL must be a model file; got the folder 'empty'. Name the file in it.",
    ),
    (
        "predict text.safetensors fruit.csv",
        "MODEL must be a model file (safetensors); got 'text.safetensors', which is not one or is cut short (its "
        "header would be longer than the file).",
    ),
    (
        "info cut.safetensors",
        "MODEL must be a model file (safetensors); got 'cut.safetensors', which is not one or is cut short (its "
        "header would be longer than the file).",
    ),
    (
        "info foreign.safetensors",
        "MODEL must be a model saved by logitwise; got 'foreign.safetensors', a safetensors file without its header.",
    ),
    (
        "info odd.safetensors",
        "MODEL must have metadata that logitwise wrote; got 'many' as 'rows'. Train it again.",
    ),
    (
        "info short.safetensors",
        "MODEL must have one row count per class, 2; got 1. Train it again.",
    ),
    (
        "evaluate fruit.safetensors absent.parquet",
        "DATA must be a file, a folder or a bundled name; got 'absent.parquet', which does not exist.",
    ),
    (
        "evaluate fruit.safetensors stops.csv",
        "DATA must hold only labels that training saw; got 'ripe.', 'raw.' (in 2 rows). The nearest to 'ripe.' is "
        "'ripe': to make them match, give --label-strip .",
    ),
    (
        "evaluate fruit.safetensors rotten.csv",
        "DATA must hold only labels that training saw; got 'rip' (in 1 row). The nearest to 'rip' is 'ripe'. "
        "Rename the labels, or drop those rows.",
    ),
    (
        "evaluate fruit.safetensors far.csv",
        "DATA must hold only labels that training saw; got 'blue sky', '7', '8' and 1 more (in 4 rows). Training "
        "saw 'raw', 'ripe'. Rename the labels, or drop those rows.",
    ),
    (
        "evaluate fruit.safetensors fruit.csv --target lable",
        "--target must be a column of the table, size, colour, label; got 'lable'. Did you mean 'label'?",
    ),
    (
        "evaluate fruit.safetensors other.csv",
        "DATA must have the target column of training, 'label', to be measured on; got no column of that name. Is it "
        "the right file? If the column has another name there, give --target.",
    ),
    (
        "report fruit.safetensors digits",
        "DATA must have 2 features per row, as in training; got 64.",
    ),
    (
        "evaluate nameless.safetensors fruit.csv",
        "--target must name the column of DATA to predict; got none. The columns are 'size', 'colour', 'label'.",
    ),
    (
        "predict fruit.safetensors colourless.csv",
        "DATA must have every column of training; got none named 'colour'. Add or rename columns.",
    ),
    (
        "predict fruit.safetensors text.csv",
        "DATA must have numbers in column 'size', as in training; got 'big' at row 0. Correct the column, "
        "or make it a category in training (--category).",
    ),
    (
        "predict bare.safetensors narrow.csv",
        "DATA must have the 2 feature columns of training, in order, with or without the target; got 1 columns. Is "
        "it the right file?",
    ),
    (
        "predict fruit.safetensors cube.npy",
        "DATA must have 2 features per row, as in training; got 6.",
    ),
    (
        "predict fruit.safetensors fruit.csv -o ./fruit.csv",
        "--output must not be a file that is read; got './fruit.csv'. Choose another name.",
    ),
    (
        "report fruit.safetensors fruit.csv -o fruit.safetensors",
        "--output must not be a file that is read; got 'fruit.safetensors'. Choose another name.",
    ),
    (
        "report fruit.safetensors stops.csv",
        "DATA must hold only labels that training saw; got 'ripe.', 'raw.' (in 2 rows). The nearest to 'ripe.' is "
        "'ripe': to make them match, give --label-strip .",
    ),
    (
        "predict fruit.safetensors fruit.csv -o p.txt",
        "--output must end in .csv or .parquet; got 'p.txt'.",
    ),
    (
        "predict fruit.safetensors fruit.csv -o folder.csv",
        "--output must be a regular file; got 'folder.csv', a folder. Choose another name.",
    ),
    (
        "predict fruit.safetensors fruit.csv -o no/p.csv",
        "--output must be in an existing folder; got 'no/p.csv'. Make the folder first.",
    ),
]


@pytest.fixture
def bad_files(folder, fruit):
    """Fill the working directory with all that can go wrong."""
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "empty").mkdir()
    (folder / "folder.csv").mkdir()
    os.mkfifo("pipe")
    y = np.arange(20) % 2
    np.save("X.npy", np.zeros((3, 2)))
    np.save("cube.npy", np.zeros((3, 2, 3)))
    np.savez("arrays.npz", X=np.random.default_rng(0).normal(size=(20, 2)), y=y)
    np.savez("other.npz", X=np.zeros((20, 3)), y=y)
    shutil.copy(fruit / "fruit.safetensors", "fruit.safetensors")
    return folder


@pytest.mark.parametrize(
    "option", ["--epochs 0", "--learning-rate -1", "--device abacus", "--hidden x", "--test no.csv"]
)
def test_a_wrong_option_is_refused_before_data_is_read(run, bad_files, option):
    name = option.split()[0]
    assert refused(run, f"train no-such.csv --target label {option}").startswith(f"logitwise: error: {name} must be ")


@pytest.fixture
def bad_models(bad_files, fruit):
    """Add models that are not whole, not ours, or not trained by the command line."""
    whole = (fruit / "fruit.safetensors").read_bytes()
    (bad_files / "cut.safetensors").write_bytes(whole[:200])
    save_file(load_file(fruit / "fruit.safetensors"), "foreign.safetensors")
    model = lw.load(fruit / "fruit.safetensors")
    entries = {"odd": {"rows": "many"}, "short": {"class_counts": [3]}, "nameless": {"target_name": None}}
    for name, entry in entries.items():
        replace(model, metadata={**model.metadata, **entry}).save(f"{name}.safetensors")
    rows = lw.data.read("bare.csv", target=-1)
    bare = lw.Classifier(hidden=(), epochs=1).fit(rows.features, rows.target).model_
    replace(bare, metadata={"has_header": False, "target_name": "column_2"}).save("bare.safetensors")


def refused(run, command: str) -> str:
    """Return the sentence a command is refused with, having seen that it left nothing else behind."""
    before = {name: os.stat(name).st_mtime_ns for name in os.listdir()}
    result = run(*shlex.split(command))
    assert (result.exit_code, result.stdout) == (2, "")
    assert {name: os.stat(name).st_mtime_ns for name in os.listdir()} == before
    told = [line for line in result.stderr.splitlines() if not line.startswith("Training on ")]
    assert len(told) == 1
    return told[0]


@pytest.mark.parametrize(("command", "sentence"), TRAINING, ids=[command for command, _ in TRAINING])
def test_training_refuses_by_one_sentence(run, bad_files, command, sentence):
    assert refused(run, command) == f"logitwise: error: {sentence}"


@pytest.mark.parametrize(("command", "sentence"), USING, ids=[command for command, _ in USING])
def test_using_a_model_refuses_by_one_sentence(run, bad_models, command, sentence):
    assert refused(run, command) == f"logitwise: error: {sentence}"


def test_an_output_path_is_refused_before_the_data_is_read(run, bad_files):
    assert "got 'empty', a folder" in refused(run, "train absent.parquet --model empty")
    assert "got 'folder.csv', a folder" in refused(run, "predict nowhere.safetensors absent.parquet -o folder.csv")


@pytest.mark.parametrize(
    ("known", "given", "advice"),
    [
        (["<=50K", ">50K"], ["<=50K.", ">50K."], "give --label-strip ."),
        (["yes.", "no."], ["yes", "no"], "give --label-strip ."),
        (["yes", "no"], ["'yes'", "no "], "give --label-strip ' '\"'\"''"),
        (["a", "a."], ["a.."], "The nearest to 'a..' is 'a.'. Rename the labels, or drop those rows."),
        ([1, 2], [3], "Training saw 1, 2. Rename the labels, or drop those rows."),
        ([1, 2], ["1"], "Training saw labels of type int, 1, 2, and these are of type str. Convert them to int."),
    ],
)
def test_stripping_is_advised_where_it_makes_labels_match(known, given, advice):
    classes = np.array(known, dtype=object if isinstance(known[0], str) else None)
    with pytest.raises(ValueError) as caught, naming_rows("DATA"):
        known_indices(given, classes)
    assert str(caught.value).endswith(advice)


def test_an_interrupted_command_says_so_and_leaves_nothing(run, bad_files, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(lw.Classifier, "fit", interrupt)
    result = run("train", "fruit.csv", "--target", "label", "--quiet", "--model", "new.safetensors")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "logitwise: interrupted by Ctrl-C before it was done.\n"
    assert not os.path.exists("new.safetensors")


def test_predictions_that_cannot_be_written_leave_the_old_file(run, fruit, monkeypatch):
    run("predict", fruit / "fruit.safetensors", fruit / "more.csv", "-o", "p.csv")
    with open("p.csv", encoding="utf-8") as file:
        old = file.read()

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    result = run("predict", fruit / "fruit.safetensors", fruit / "fruit.csv", "-o", "p.csv")
    assert (result.exit_code, result.stderr) == (2, "logitwise: error: [Errno 28] No space left on device\n")
    with open("p.csv", encoding="utf-8") as file:
        assert file.read() == old
    assert os.listdir() == ["p.csv"]


def test_the_program_itself_refuses_without_a_traceback(folder):
    command = [sys.executable, "-m", "logitwise", "train", "absent.parquet"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    sentence = "DATA must be a file, a folder or a bundled name; got 'absent.parquet', which does not exist."
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"logitwise: error: {sentence}\n")
