"""The door: which errors become sentences, in whose words, and with which exit code."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import typer

from logitwise.cli import door, main
from logitwise.cli.commands import app
from logitwise.data import DataError, UnknownColumnError

NAMES = {"path": "--model", "y": "--target", "header=False": "--no-header"}


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("path must be a file; got 'path'.", "--model must be a file; got 'path'."),
        ("the path must be short.", "the path must be short."),
        ("paths must be short.", "paths must be short."),
        ("y must have rows; got none (y).", "--target must have rows; got none (--target)."),
        ("X must have rows. If so, say header=False.", "X must have rows. If so, say --no-header."),
        ("X must have rows; essay y.", "X must have rows; essay y."),
        ("X must be (y or path).", "X must be (y or path)."),
    ],
)
def test_arguments_are_called_what_was_typed(message, said):
    for kind in (ValueError, TypeError):
        with pytest.raises(ValueError) as caught, door.naming(NAMES):
            raise kind(message)
        assert (str(caught.value), type(caught.value)) == (said, ValueError)
        assert str(caught.value.__cause__) == message


def test_an_error_of_data_stays_one_and_others_pass():
    with pytest.raises(UnknownColumnError, match=r"^--target must be there\.$"), door.naming(NAMES):
        raise UnknownColumnError("y must be there.")
    assert issubclass(UnknownColumnError, DataError)
    with pytest.raises(OSError, match="path must"), door.naming(NAMES):
        raise OSError("path must be there.")


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
