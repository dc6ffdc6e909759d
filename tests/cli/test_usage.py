"""How the commands are asked for: mistyped words, help, shell completion, --quiet, --json, and the bar of long work."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import typer

import logitwise as lw
from cli.made_fruit import SMALL
from logitwise.cli import door, typed
from logitwise.cli.progress import progress_bar

COMMANDS = ("train", "evaluate", "predict", "report", "info", "explain")


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("trian fruit.csv", "No such command 'trian'. Did you mean 'train'? See: logitwise --help"),
        ("--versoin", "No such option: --versoin. Did you mean --version? See: logitwise --help"),
        ("train fruit.csv --epoch 3", "No such option: --epoch. Did you mean --epochs? See: logitwise train --help"),
        ("train fruit.csv --xyz", "No such option: --xyz. See: logitwise train --help"),
        ("train fruit.csv --out m", "No such option: --out. See: logitwise train --help"),
        ("predict m fruit.csv --out p", "No such option: --out. Did you mean --output? See: logitwise predict --help"),
        ("explain 2 -1 --targe 0", "No such option: --targe. Did you mean --target? See: logitwise explain --help"),
        ("explain 2 --?", "No such option: --? See: logitwise explain --help"),
        ("predict fruit.safetensors", "Missing argument 'DATA'. See: logitwise predict --help"),
        ("info a b", "Got unexpected extra argument(s) (b). See: logitwise info --help"),
    ],
)
def test_a_mistyped_command_is_refused_by_one_sentence(run, command, sentence):
    result = run(*shlex.split(command))
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"logitwise: error: {sentence}\n")


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("train fruit.csv --seed -1", "--seed must be in [0, 4294967295]; got -1."),
        ("train fruit.csv --epochs many", "--epochs must be an integer; got 'many'."),
        ("train fruit.csv --learning-rate fast", "--learning-rate must be a number; got 'fast'."),
        ("explain 1 2 --temperature hot", "--temperature must be a number; got 'hot'."),
    ],
)
def test_what_is_no_number_is_refused_with_what_was_typed(run, command, sentence):
    result = run(*shlex.split(command))
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"logitwise: error: {sentence}\n")


@pytest.mark.parametrize(("word", "is_seed"), [("0", True), ("4294967295", True), ("4294967296", False), ("-1", False)])
def test_a_seed_has_32_bits(word, is_seed):
    if is_seed:
        assert typed.seed_number(word) == int(word)
        return
    with pytest.raises(typer.BadParameter, match=rf"^must be in \[0, 4294967295\]; got {word}\.$"):
        typed.seed_number(word)


@pytest.mark.parametrize(
    ("word", "names", "place"), [("b", ["a", "b"], 1), ("0", ["1", "0"], 1), ("1", ["a", "b"], 1), ("-3", [], -3)]
)
def test_a_class_is_named_or_counted_and_a_name_goes_first(word, names, place):
    assert typed.class_place(word, names) == place


def test_messages_wrap_between_words_in_a_terminal(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "20")
    door.tell("a sentence of more than-twenty letters and /a/name/that/is/longer/than/the/line")
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    door.tell("a sentence of more than-twenty letters and /a/name/that/is/longer/than/the/line")
    lines = ["a sentence of more", "than-twenty letters", "and", "/a/name/that/is/longer/than/the/line"]
    assert capsys.readouterr().err.splitlines() == lines


def test_help_shows_an_example_of_each_command_and_the_exit_codes(run):
    shown = run("--help").stdout
    assert [code for code in ("0  ", "1  ", "2  ", "130") if f"\n    {code}  " in shown] == ["0  ", "1  ", "2  ", "130"]
    for command in COMMANDS:
        assert f"\n  {command} " in shown
        told = run(command, "--help").stdout
        assert re.search(rf"\n  Examples?:\n    logitwise {command} ", told)
        assert not re.search(r"[{}]|<\w+>", told)
        assert run(command, "-h").stdout == told
        assert "  --json " in told
        assert "  --quiet " in told


def test_nothing_asked_for_is_bad_usage(run):
    result = run()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == run("--help").stdout


def test_every_help_names_the_options_there_are(run):
    text = {"--header", "--no-header", "--names", "--separator", "--encoding", "--decimal", "--na-values"}
    text |= {"--quotes", "--no-quotes"}
    common, rows = {"--json", "--quiet", "--help"}, {"--target", "--label-strip", "--drop-unlabelled", *text}
    training = {"--test", "--hidden", "--epochs", "--learning-rate", "--model", "--seed"}
    training |= {"--number", "--category", "--date", "--drop"}
    options = {
        "train": common | rows | training | {"--device", "--report", "--config", "--show-config"},
        "evaluate": common | rows,
        "predict": common | text | {"--output"},
        "report": common | rows | {"--output"},
        "info": common,
        "explain": common | {"--target", "--temperature", "--names", "--html"},
        "export": {"--quiet", "--help"},
        "warm-up": {"--quiet", "--help"},
    }
    for command, known in options.items():
        heads = re.findall(r"^  (-\S.*?)(?:  |$)", run(command, "--help").stdout, re.MULTILINE)
        assert set(re.findall(r"--[a-z-]+", " ".join(heads))) == known


def test_the_version_is_shown(run):
    assert run("--version").stdout == f"logitwise {lw.__version__}\n"


@pytest.mark.parametrize(("typed", "offered"), [("logitwise ev", ["evaluate"]), ("logitwise train --ep", ["--epochs"])])
def test_the_shell_completes(typed, offered):
    asked = {"_LOGITWISE_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    command = [sys.executable, "-c", "from logitwise.cli import main; main()"]
    result = subprocess.run(command, env=os.environ | asked, capture_output=True, text=True, timeout=120)
    assert (result.stdout.split(), result.stderr) == (offered, "")


def test_quiet_silences_the_notes_of_every_command(run, fruit):
    shutil.copy(fruit / "fruit.csv", "fruit.csv")
    with open("fruit.csv", encoding="utf-8") as file:
        wide = "".join(f"{line.strip()},x\n" for line in file)
    with open("fruit.csv", "w", encoding="utf-8") as file:
        file.write(wide)
    model = fruit / "fruit.safetensors"
    for command in (["evaluate"], ["predict", "-o", "p.csv"], ["report"]):
        assert "ignored: 'x" in run(*command[:1], model, "fruit.csv", *command[1:]).stderr
        assert run(*command[:1], model, "fruit.csv", *command[1:], "--quiet").stderr == ""
    assert run("info", model, "--quiet").stdout == run("info", model).stdout


@pytest.mark.parametrize("end", [[], ["absent.csv"]])
def test_quiet_ends_with_its_command_whichever_way_that_ends(run, fruit, end):
    assert run("info", fruit / "fruit.safetensors", *end, "--quiet").exit_code == (2 if end else 0)
    assert not door.is_quiet()


@pytest.fixture
def terminal(monkeypatch):
    """Make every output say that it is a terminal, for as long as a test runs."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    yield
    door.hush(False)


@pytest.mark.parametrize(("longer_than", "shown"), [(0, True), (2, True), (3, False), (math.inf, False)])
def test_a_bar_is_shown_for_work_that_is_longer_than_asked(terminal, capsys, longer_than, shown):
    with progress_bar(longer_than) as progress:
        progress(1, 3)
    found = capsys.readouterr().err
    assert ("Predicting" in found, "33%" in found) == (shown, shown)
    door.hush(True)
    with progress_bar(longer_than) as progress:
        progress(1, 3)
    assert capsys.readouterr().err == ""


def test_json_says_what_was_done(run, fruit):
    result = run("report", fruit / "fruit.safetensors", fruit / "more.csv", "-o", "r.html", "--json", "--quiet")
    files = {"model": str(fruit / "fruit.safetensors"), "data": str(fruit / "more.csv"), "report": "r.html"}
    assert (json.loads(result.stdout), result.stderr) == ({**files, "rows": 60}, "")
    told = json.loads(run("train", fruit / "fruit.csv", "--target", "label", "--json", "--quiet", *SMALL).stdout)
    assert list(told)[:5] == ["model", "rows", "classes", "interrupted", "metrics"]
