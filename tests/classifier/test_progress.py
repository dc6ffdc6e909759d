"""The progress bar: what it shows on a terminal, and that it is silent elsewhere."""

import io
from functools import partial

import numpy as np
import pytest
import rich.console

from logitwise.classifier import Classifier, estimator
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


def test_it_shows_the_steps_done_and_the_losses(terminal):
    progress = Progress(
        steps=200, step=[10, 50], train_loss=[0.7, 0.61234], validation_loss=[0.8, 0.71239], best_step=10
    )
    with StepBar(200, shown=True) as bar:
        bar.update(Progress(steps=200))
        assert "loss" not in terminal.getvalue()
        bar.update(progress)
        assert bar._bar.finished is False
        (task,) = bar._bar.tasks
        assert (task.completed, task.total) == (50, 200)
        assert task.fields["losses"] == "loss 0.6123, held out 0.7124 (best step 10)"
    shown = terminal.getvalue()
    assert "Training" in shown
    assert "25%" in shown
    assert "loss 0.6123, held out 0.7124 (best step 10)" in shown
    assert "\x1b[?25h" in shown  # the cursor is given back
    assert bar._bar.console.width == 97  # room for ^C and a space


def test_without_held_out_rows_there_is_one_loss(terminal):
    with StepBar(20, shown=True) as bar:
        bar.update(Progress(steps=20, step=[20], train_loss=[0.5], best_step=20))
    assert "loss 0.5000 (best step 20)" in terminal.getvalue()


def test_it_is_silent_unless_it_is_to_be_shown(terminal):
    with StepBar(20, shown=False) as bar:
        bar.update(Progress(steps=20, step=[20], train_loss=[0.5], best_step=20))
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("verbose", [False, True])
def test_a_training_shows_it_where_it_is_asked_to(verbose, monkeypatch):
    made = []

    class Bar(StepBar):
        def __init__(self, steps, *, shown):
            super().__init__(steps, shown=False)
            self.shown, self.steps, self.updates = shown, steps, []
            made.append(self)

        def update(self, progress):
            self.updates.append(progress.step[-1])

    monkeypatch.setattr(estimator, "StepBar", Bar)
    X, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    Classifier((2,), members=2, steps=15, batch_size=5, verbose=verbose).fit(X, y)
    (bar,) = made
    assert (bar.shown, bar.steps, bar.updates) == (verbose, 15, [10, 15])
