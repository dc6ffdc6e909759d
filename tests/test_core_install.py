"""What works without the extras, and what the rest says: every public name, every public module, every command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import logitwise as lw
from logitwise import _extras
from logitwise.classifier import Classifier
from logitwise.cli.commands import app

ROOT = Path(__file__).resolve().parents[1]
ABSENT = {*_extras.EXTRAS, "scipy", "pandas", "onnxruntime", "safetensors", "matplotlib", "IPython"}


def without_extras(code: str, tmp_path: Path, absent: set[str] = ABSENT) -> str:
    """Return what a fresh interpreter prints that has only the packages of the core."""
    script = f"import sys\nsys.modules.update(dict.fromkeys({sorted(absent)}))\n{code}"
    environment = os.environ | {"COLUMNS": "200"}
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def sentence(what: str, package: str, extra: str) -> str:
    return f"{what} needs {package}, which is not installed. Run: pip install 'logitwise[{extra}]'"


NEEDS = {  # what needs an extra; all other public names resolve
    "Classifier": sentence("logitwise.Classifier", "scikit-learn", "train"),
    "diagnose": sentence("logitwise.diagnose", "torch", "torch"),
    "nn": sentence("logitwise.nn", "torch", "torch"),
}


def test_every_public_name_resolves_or_says_which_extra_brings_it(tmp_path):
    code = f"""
import json
import logitwise as lw
said = {{}}
for name in {sorted(lw.__all__)}:
    try:
        value = getattr(lw, name)
        for inner in getattr(value, "__all__", ()):
            getattr(value, inner)
    except ImportError as error:
        said[name] = f"{{type(error).__name__}}: {{error}}"
print(json.dumps([said, dir(lw), lw.__all__]))
"""
    said, listed, public = json.loads(without_extras(code, tmp_path))
    assert said == {name: f"MissingPackageError: {expected}" for name, expected in NEEDS.items()}
    assert listed == sorted(public) == sorted(set(lw.__all__) - set(NEEDS))


def test_only_public_names_are_listed():
    assert dir(lw) == sorted(lw.__all__)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("from logitwise import Classifier", NEEDS["Classifier"]),
        ("from logitwise.classifier import Classifier", NEEDS["Classifier"]),
        ("from logitwise import nn", NEEDS["nn"]),
        ("import logitwise.nn", NEEDS["nn"]),
        ("from logitwise.nn import CrossEntropyLoss", NEEDS["nn"]),
        ("from logitwise import diagnose", NEEDS["diagnose"]),
        ("from logitwise.data.streaming import read_parts", sentence("Reading a table", "polars", "tables")),
        ("import logitwise; logitwise.data.read('a.csv')", sentence("Reading a table", "polars", "tables")),
        ("import logitwise; logitwise.data.read('iris')", sentence("The data set 'iris'", "scikit-learn", "train")),
    ],
)
def test_an_import_says_which_extra_is_missing(statement, expected, tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    code = f"try:\n    {statement}\nexcept ImportError as error:\n    print(error, error.name, sep='|')"
    said, package = without_extras(code, tmp_path).strip().split("|")
    assert said == expected
    assert package in _extras.EXTRAS


def test_help_completion_and_star_imports_pass_over_what_is_missing(tmp_path):
    code = """
import copy, doctest, inspect, pickle, pydoc, rlcompleter
import logitwise as lw
from logitwise import *
assert softmax is lw.softmax and "Classifier" not in globals()
text = pydoc.render_doc(lw, renderer=pydoc.plaintext)
assert "softmax(" in text and "class Classifier" not in text
for module in (lw.calibration, lw.data, lw.explain, lw.metrics, lw.reference):
    pydoc.render_doc(module)
members = dict(inspect.getmembers(lw))
assert members["softmax"] is lw.softmax and "nn" not in members
for name, value in members.items():
    if callable(value):
        assert pickle.loads(pickle.dumps(value)) is copy.copy(value) is value, name
doctest.DocTestFinder().find(lw)
completer = rlcompleter.Completer({"lw": lw})
assert completer.complete("lw.log_so", 0).startswith("lw.log_softmax")
print("done")
"""
    assert without_extras(code, tmp_path) == "done\n"


COMMANDS = {  # by its words: the exit code, and how the output or the error begins
    "train": ("train rows.npz", 2, sentence("This command", "scikit-learn", "train")),
    "evaluate": ("evaluate model.safetensors rows.npz", 0, "Measured on the 60 rows of rows.npz:"),
    "predict": ("predict model.safetensors rows.npz --json", 0, '{"rows": 60, '),
    "report": ("report model.safetensors rows.npz", 0, "Wrote model.html"),
    "export": ("export model.safetensors m.onnx", 2, sentence("Writing an ONNX graph", "onnx", "onnx")),
    "info": ("info model.safetensors", 0, "model   "),
    "explain": ("explain 2 1 0.1 --target 0", 0, "Softmax: from scores to probabilities"),
    "warm-up": ("warm-up", 0, "[1/"),
}
OTHER_WORDS = {
    "version": ("--version", 0, f"logitwise {lw.__version__}"),
    "help": ("--help", 0, "Usage: logitwise"),
    "nothing": ("", 2, "Usage: logitwise"),
    "a table to train on": ("train rows.csv", 2, sentence("This command", "scikit-learn", "train")),
    "the options of training": ("train --show-config", 2, sentence("This command", "scikit-learn", "train")),
    "a table to predict": (
        "predict model.safetensors rows.csv", 2, sentence("Reading a table", "polars", "tables")
    ),
    "a table of predictions": (
        "predict model.safetensors rows.npz", 2, sentence("Writing predictions as a table", "polars", "tables")
    ),
    "a bundled set": (
        "evaluate model.safetensors iris", 2, sentence("The data set 'iris'", "scikit-learn", "train")
    ),
}  # fmt: skip


def test_every_command_works_or_says_which_extra_it_needs(tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 2))
    labels = np.array(["no", "yes"], dtype=object)[(rows[:, 0] > 0).astype(int)]
    Classifier((4,), members=2, steps=20).fit(rows, labels).save(tmp_path / "model.safetensors")
    np.savez(tmp_path / "rows.npz", X=rows, y=labels.astype(str))
    (tmp_path / "rows.csv").write_text("a,b,y\n1,2,no\n")
    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert names == set(COMMANDS), "a command without a line in this table"
    cases = COMMANDS | OTHER_WORDS
    code = f"""
import contextlib, io, json
from logitwise import warm_up
from logitwise.cli import main
warm_up._steps_of_arrays = lambda dtype: [("functions", [])]  # compiling takes a minute
said = {{}}
for name, words in { ({name: words for name, (words, _, _) in cases.items()})!r}.items():
    sys.argv = ["logitwise", *words.split()]
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            main()
        except SystemExit as left:
            said[name] = [left.code, (out.getvalue() or err.getvalue()).strip()]
print(json.dumps(said))
"""
    found = json.loads(without_extras(code, tmp_path))
    for name, (_, code_expected, start) in cases.items():
        exit_code, text = found[name]
        expected = start if code_expected == 0 or start.startswith("Usage") else f"logitwise: error: {start}"
        assert (exit_code, text[: len(expected)]) == (code_expected, expected), (name, text)


def test_one_extra_alone_brings_what_needs_no_other(tmp_path):
    code = (
        "import logitwise as lw\nprint(lw.nn.CrossEntropyLoss())\ntry: lw.Classifier\nexcept ImportError as e: print(e)"
    )
    said = without_extras(code, tmp_path, ABSENT - {"torch"}).splitlines()
    assert said == ["CrossEntropyLoss()", NEEDS["Classifier"]]
    code = "import logitwise as lw\nprint(lw.data.read('a.csv').features.shape)"
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    assert without_extras(code, tmp_path, ABSENT - {"polars"}) == "(1, 2)\n"


def test_every_package_of_the_table_is_brought_by_its_extra():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for package, extra in _extras.EXTRAS.items():
        brought = [line.partition(">")[0] for line in declared["optional-dependencies"][extra]]
        assert _extras.NAMES.get(package, package) in brought


def test_the_command_says_what_it_needs_where_only_what_predicts_is_installed(tmp_path):
    code = """
import sys
sys.stderr = sys.stdout
from logitwise.cli import main
try:
    main()
except SystemExit as left:
    print(left.code)
"""
    said = without_extras(code, tmp_path, ABSENT | {"typer"})
    assert said == ("logitwise: error: The command needs typer, which is not installed. Run: pip install typer\n2\n")


def test_a_function_says_what_it_needs_where_only_what_predicts_is_installed(tmp_path):
    code = """
import logitwise as lw
for name in ("softmax", "cross_entropy", "log_loss"):
    try:
        getattr(lw, name)
    except lw.MissingPackageError as error:
        print(error)
"""
    said = without_extras(code, tmp_path, ABSENT | {"numba"}).splitlines()
    names = ("softmax", "cross_entropy", "log_loss")
    assert said == [f"logitwise.{n} needs numba, which is not installed. Run: pip install numba" for n in names]


def test_other_missing_modules_are_not_taken_for_extras():
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'logitwise\.absent'$"), _extras.needed_for("x"):
        import logitwise.absent  # noqa: F401 # pyright: ignore[reportMissingImports]
