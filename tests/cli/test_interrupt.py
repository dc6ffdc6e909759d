"""Ctrl-C: a usable model of the best epoch so far, where there is one, and a sentence that says so."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

import logitwise as lw
from cli.made_fruit import SMALL
from logitwise.classifier.progress import StepBar
from logitwise.classifier.training import Progress
from logitwise.cli.results import interrupted_sentence

ARGS = ("--target", "label", "--model", "new.safetensors", *SMALL)


@pytest.fixture
def ctrl_c(monkeypatch):
    """Press Ctrl-C at the second measurement."""

    def press(bar, progress):
        if len(progress.step) == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(StepBar, "update", press)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in a background job Ctrl-C is ignored
    yield
    signal.signal(signal.SIGINT, before)


def test_the_best_step_so_far_is_measured_and_saved(run, fruit, ctrl_c):
    result = run("train", fruit / "fruit.csv", *ARGS, "--json", "--quiet", "--report", "r.html")
    model = lw.load("new.safetensors")
    known = model.metadata
    assert (result.exit_code, len(known["history"]["train_loss"])) == (130, 2)
    assert result.stderr == (
        "logitwise: interrupted by Ctrl-C after step 20; the model is that of step "
        f"{known['best_step']}, the best so far.\n"
    )
    told = json.loads(result.stdout)
    assert (told["interrupted"], told["metrics"]) == (True, known["metrics"])
    assert model.predict_proba([[0.5, "red"]]).sum() == pytest.approx(1.0)
    assert sorted(os.listdir()) == ["new.safetensors", "r.html"]
    assert "Beside simpler models" in Path("r.html").read_text(encoding="utf-8")  # no other is fitted after Ctrl-C


def test_the_sentence_tells_the_last_step_from_the_best():
    model = SimpleNamespace(metadata={"best_step": 30, "history": {"step": [10, 20, 30, 40]}})
    sentence = "logitwise: interrupted by Ctrl-C after step 40; the model is that of step 30, the best so far."
    assert interrupted_sentence(model) == sentence


def test_it_is_the_model_of_as_many_steps(run, fruit, ctrl_c):
    table = lw.data.read(fruit / "fruit.csv", target="label")
    stopped = lw.Classifier(hidden=(8,))
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(table.features, table.target)
    losses = stopped.history_["validation_loss"]
    assert stopped.best_step_ == (20 if losses[1] < losses[0] - 1e-5 else 10)
    assert stopped.predict(table.features).shape == (120,)


def test_before_the_first_measurement_nothing_is_left(run, fruit, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("logitwise.classifier.training.Trainer._step", interrupt)
    result = run("train", fruit / "fruit.csv", *ARGS, "--quiet")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "logitwise: interrupted by Ctrl-C before it was done.\n"
    assert os.listdir() == []


def test_the_bar_leaves_room_for_the_echo_of_ctrl_c(monkeypatch, capsys):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "80")
    progress = Progress(100, [50], [0.3747], [0.3237], 50, 0.3237)
    with StepBar(100, shown=True) as bar:
        bar.update(progress)
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err))
    assert {len(line) for line in lines if "held-out loss 0.3237" in line} == {77}
