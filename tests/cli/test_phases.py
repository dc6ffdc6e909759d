"""The line on a terminal that says what a command is doing: which phases there are, and that it gives way."""

from __future__ import annotations

import re
import sys

import pytest

from cli.made_fruit import SMALL
from logitwise import _notice
from logitwise.cli import door


class Still:
    """A thread that never runs: lines are drawn when a test says so."""

    def __init__(self, **arguments):
        pass

    def start(self):
        pass


@pytest.fixture
def terminal(monkeypatch):
    """Let standard error be a terminal of 40 columns, and return the phases that were begun."""
    begun = []

    class Line(_notice._Line):
        def __init__(self, what):
            super().__init__(what)
            begun.append(what)

    monkeypatch.setattr(_notice, "Thread", Still)
    monkeypatch.setattr(_notice, "_Line", Line)
    monkeypatch.setattr(_notice, "_can_erase", lambda: True)
    monkeypatch.setattr(_notice, "monotonic", lambda: 0.0)
    monkeypatch.setenv("COLUMNS", "40")
    yield begun
    door.hush(False)


@pytest.fixture
def clock(monkeypatch):
    seconds = [0.0]
    monkeypatch.setattr(_notice, "monotonic", lambda: seconds[0])
    return seconds


def drawn() -> None:
    _notice._lines[-1].draw()


def test_a_line_says_what_is_done_how_far_and_for_how_long(terminal, clock, capsys):
    with _notice.phase("Reading a.csv") as progress:
        drawn()
        assert capsys.readouterr().err == "\r\x1b[KReading a.csv ..."
        clock[0] = 2.5
        progress(1, 4)
        drawn()
        assert capsys.readouterr().err == "\r\x1b[KReading a.csv, 25%, 2 s ..."
        drawn()
        assert capsys.readouterr().err == ""  # nothing is new
    assert capsys.readouterr().err == "\r\x1b[K"


def test_a_phase_that_was_never_drawn_leaves_no_trace(terminal, capsys):
    with _notice.phase("Reading a.csv"):
        pass
    assert capsys.readouterr().err == ""


def test_the_innermost_phase_is_shown_and_then_the_outer_again(terminal, capsys):
    with _notice.phase("outer"):
        drawn()
        with _notice.phase("inner"):
            _notice._lines[0].draw()
            drawn()
        drawn()
    assert capsys.readouterr().err == "\r\x1b[Kouter ...\r\x1b[K\r\x1b[Kinner ...\r\x1b[K\r\x1b[Kouter ...\r\x1b[K"


def test_a_message_takes_the_place_of_the_line(terminal, capsys):
    with _notice.phase("Reading a.csv"):
        drawn()
        door.say("logitwise: note: odd.")
        drawn()
    assert (
        capsys.readouterr().err
        == "\r\x1b[KReading a.csv ...\r\x1b[Klogitwise: note: odd.\n\r\x1b[KReading a.csv ...\r\x1b[K"
    )


def test_a_line_leaves_room_for_the_echo_of_ctrl_c(terminal, capsys):
    with _notice.phase("Reading " + "x" * 50):
        drawn()
    assert capsys.readouterr().err.split("\x1b[K")[1] == ("Reading " + "x" * 50)[:37] + "\r"


def test_the_line_goes_when_an_error_leaves_the_phase(terminal, capsys):
    phase = _notice.phase("Reading a.csv")
    phase.__enter__()
    drawn()
    phase.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert (capsys.readouterr().err[-4:], _notice._lines) == ("\r\x1b[K", [])


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_erase_is_left_alone(monkeypatch, term):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert _notice._can_erase()
    monkeypatch.setenv("TERM", term)
    assert not _notice._can_erase()


TRAIN = [
    "Starting",
    "Reading fruit.csv",
    "Loading the libraries that train",
    "Looking at the columns",
    "Calibrating the probabilities",
    "Comparing with logistic regression",
    "Measuring on 24 other rows",
]
REPORT = [
    "Making the report",
    "Predicting {} rows",
    "Shuffling the columns, to see what each is worth",
    "Predicting without calibration",
]
BESIDE = "Fitting a logistic regression to compare with"


def phases_of_report(rows: int, beside: bool) -> list[str]:
    shown = [each.format(rows) for each in REPORT]
    return [*shown[:3], BESIDE, shown[3]] if beside else shown


def test_every_phase_of_a_command_is_told(run, fruit, terminal):
    model, more = fruit / "fruit.safetensors", fruit / "more.csv"
    commands = {
        ("train", fruit / "fruit.csv", "--target", "label", "--report", "r.html", *SMALL): [
            *TRAIN,
            *phases_of_report(24, beside=True),
        ],
        ("evaluate", model, more): ["Starting", "Reading more.csv", "Measuring on 60 rows"],
        ("report", model, more, "-o", "s.html"): [
            "Starting",
            "Reading more.csv",
            *phases_of_report(60, beside=False),
        ],
        ("predict", model, more, "-o", "p.csv"): ["Starting", "Reading more.csv"],
    }
    for words, phases in commands.items():
        terminal.clear()
        assert run(*words).exit_code == 0
        assert terminal == phases
        terminal.clear()
        assert run(*words, "--quiet").exit_code == 0
        assert terminal == []


def test_a_pipe_gets_none_of_them(run, fruit):
    result = run("train", fruit / "fruit.csv", "--target", "label", "--report", "r.html", *SMALL)
    assert not re.search(r"\x1b|\r|\.\.\.", result.stderr)
