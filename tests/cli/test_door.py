"""The door: which errors become sentences, in whose words, and with which exit code."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import typer

from logitwise import InvalidTypeError, InvalidValueError
from logitwise._errors import naming
from logitwise.cli import door, main
from logitwise.cli.commands import app
from logitwise.cli.names import naming_rows
from logitwise.data import UnknownColumnError
from logitwise.evidence.labels import known_indices

NAMES = {"path": "--model", "y": "--target", "header=False": "--no-header"}


@pytest.mark.parametrize("kind", [InvalidValueError, InvalidTypeError, UnknownColumnError])
@pytest.mark.parametrize(
    ("argument", "advice", "said"),
    [
        ("path", "", "--model must be a file; got 'path'."),
        ("paths", "", "paths must be a file; got 'path'."),
        (
            "X",
            "Is it the path of y? Say {header=False}.",
            "X must be a file; got 'path'. Is it the path of y? Say --no-h",
        ),
    ],
)
def test_arguments_are_called_what_was_typed(kind, argument, advice, said):
    error = kind(argument, "be a file", "'path'", advice=advice, mentions={"header=False": "header=False"})
    with pytest.raises(kind) as caught, naming(NAMES):
        raise error
    assert str(caught.value).startswith(said)
    assert error in (caught.value, caught.value.__cause__)


def test_other_errors_keep_their_words():
    for error in (OSError("path must be there."), InvalidValueError("paths", "be there", "none")):
        with pytest.raises(type(error), match=r"^paths? must be there"), naming(NAMES):
            raise error


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (
            ["ripe."],
            "DATA must hold only labels that training saw; got 'ripe.' (in 1 row). The nearest to 'ripe.' is 'ripe",
        ),
        (["ripe."], "is 'ripe': to make them match, give --label-strip ."),
        (["x"] * 3, "(in 3 rows). Training saw 'raw', 'ripe'. Rename the labels, or drop those rows."),
        ([3.5], "DATA must be class labels, finite whole numbers if floating; got 3.5 at row 0. Unknown label type"),
    ],
)
def test_errors_about_rows_and_their_labels_name_where_they_came_from(labels, said):
    with pytest.raises(ValueError) as caught, naming_rows("DATA"):
        known_indices(labels, np.array(["raw", "ripe"], dtype=object))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (ValueError("one\ntwo  three"), 2, "logitwise: error: one two  three\n"),
        (TypeError("a kind"), 2, "logitwise: error: a kind\n"),
        (OSError(28, "No space left on device"), 2, "logitwise: error: [Errno 28] No space left on device\n"),
        (KeyboardInterrupt(), 130, "logitwise: interrupted by Ctrl-C before it was done.\n"),
    ],
)
def test_bad_input_ends_in_one_sentence(run, monkeypatch, error, code, told):
    def fail(*args, **options):
        raise error

    monkeypatch.setattr("logitwise.explain.explain", fail)
    result = run("explain", "1", "2")
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", told)


def test_a_defect_of_this_program_is_not_made_a_sentence_of(run, monkeypatch):
    def fail(*args, **options):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("logitwise.explain.explain", fail)
    with pytest.raises(ZeroDivisionError):
        run("explain", "1", "2")


def test_quiet_lets_no_message_through_and_tell_does_not_ask(capsys):
    try:
        assert door.hush(True)
        door.say("hidden")
        door.tell("told")
        assert (door.is_quiet(), capsys.readouterr().err) == (True, "told\n")
    finally:
        door.hush(False)
    door.say("said")
    assert capsys.readouterr().err == "said\n"


def test_what_was_typed_is_kept_as_it_would_be_typed(monkeypatch):
    seen = []
    monkeypatch.setattr(door.Door, "invoke", lambda self, context: seen.append(context.obj))
    typer.main.get_command(app).main(["explain", "my file", "1"], prog_name="lw", standalone_mode=False)
    assert seen == ["logitwise explain 'my file' 1"]


@pytest.mark.parametrize(("word", "threads"), [("predict", "1"), ("info", None)])
def test_prediction_has_the_processor_to_itself(monkeypatch, word, threads):
    monkeypatch.setattr(sys, "argv", ["logitwise", word, "--help"])
    monkeypatch.setattr("logitwise.cli.commands.app", lambda **options: None)
    environment = {"OPENBLAS_NUM_THREADS": "7"}
    monkeypatch.setattr("logitwise.cli.os", SimpleNamespace(environ=environment))
    main()
    assert environment == {"OPENBLAS_NUM_THREADS": "7"}
    del environment["OPENBLAS_NUM_THREADS"]
    main()
    assert environment.get("OPENBLAS_NUM_THREADS") == threads
