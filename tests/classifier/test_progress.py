"""The progress bar: what it shows on a terminal, and that it is silent elsewhere."""

import io
import re
from functools import partial

import numpy as np
import pytest
import rich.console

from logitwise.classifier import Classifier, estimator, progress
from logitwise.classifier.progress import StepBar
from logitwise.classifier.training import Progress


@pytest.fixture
def terminal(monkeypatch):
    """Let what is written for standard error go to a terminal of 100 columns, and return what it got."""
    written = io.StringIO()
    made = partial(rich.console.Console, file=written, force_terminal=True, width=100, legacy_windows=False)

    def console(*, stderr):
        assert stderr
        return made()

    monkeypatch.setattr(rich.console, "Console", console)
    return written


@pytest.fixture
def clock(monkeypatch):
    """Let time stand still until a test moves it on: `clock[0]` is the seconds."""
    seconds = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: seconds[0])
    return seconds


def test_it_shows_the_steps_done_the_time_left_and_the_loss(terminal, clock):
    done = Progress(200, [10, 50], [0.7, 0.61234], [0.7, 0.71239], best_step=10, best_loss=0.7)
    with StepBar(200, shown=True) as bar:
        bar.update(Progress(steps=200))
        assert "ends sooner where it no longer helps" in terminal.getvalue()
        clock[0] = 30.0
        bar.update(done)
        assert bar._bar.finished is False
        (task,) = bar._bar.tasks
        assert (task.completed, task.total) == (50, 200)
        assert task.fields["told"] == "at most 1:30 more, held-out loss 0.7124 (best 0.7000)"
    shown = terminal.getvalue()
    for text in ("Training", "25%", "at most 1:30 more, held-out loss 0.7124 (best 0.7000)"):
        assert text in shown
    assert "\x1b[?25h" in shown  # the cursor is given back
    assert bar._bar.console.width == 97  # room for ^C and a space


def test_the_time_left_is_within_what_training_may_take(terminal, clock):
    done = Progress(200, [50], [0.6], [0.7], best_step=50, best_loss=0.7)
    with StepBar(200, 50.0, shown=True) as bar:
        clock[0] = 30.0
        bar.update(done)
        assert bar._bar.tasks[0].fields["told"].startswith("at most 0:20 more, ")


def test_without_held_out_rows_it_is_the_loss_of_training(terminal, clock):
    with StepBar(40, shown=True) as bar:
        clock[0] = 1.0
        bar.update(Progress(steps=40, step=[20], train_loss=[0.5], best_step=20))
    assert "at most 0:01 more, training loss 0.5000" in terminal.getvalue()


ENDINGS = {
    "turned": ({}, None, "Stopped at step 60 of at most 2,000 after 31 s: no better since step 40."),
    "out of time": ({}, 30.0, "Stopped at step 60 of at most 2,000 after 31 s: 30 s are over."),
    "all steps": ({"step": [2000]}, None, "Trained all 2,000 steps in 31 s; step 40 was the best."),
    "told as a warning": ({"diverged": True}, None, ""),
    "told as interrupted": ({"interrupted": True}, None, ""),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_it_says_in_the_end_how_far_training_went_and_why(terminal, clock, name):
    changes, seconds, sentence = ENDINGS[name]
    with StepBar(2000, seconds, shown=True) as bar:
        clock[0] = 31.0
        bar.update(Progress(**{"steps": 2000, "step": [60], "train_loss": [0.5], "best_step": 40} | changes))
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue()).splitlines()
    said = [line for line in lines if "Stopped" in line or "Trained" in line]
    assert said == ([sentence] if sentence else [])


def test_it_is_silent_unless_it_is_to_be_shown(terminal):
    with StepBar(20, shown=False) as bar:
        bar.update(Progress(steps=20, step=[20], train_loss=[0.5], best_step=20))
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("verbose", [False, True])
def test_a_training_shows_it_where_it_is_asked_to(verbose, monkeypatch):
    made = []

    class Bar(StepBar):
        def __init__(self, steps, seconds, *, shown):
            super().__init__(steps, seconds, shown=False)
            self.shown, self.steps, self.updates = shown, steps, []
            made.append(self)

        def update(self, progress):
            self.updates.append(progress.step[-1])

    monkeypatch.setattr(estimator, "StepBar", Bar)
    X, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    Classifier((2,), members=2, steps=15, batch_size=5, verbose=verbose).fit(X, y)
    (bar,) = made
    assert (bar.shown, bar.steps, bar.updates) == (verbose, 15, [10, 15])
