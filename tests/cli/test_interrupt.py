"""Ctrl-C: a usable model of the best epoch so far, where there is one, and a sentence that says so."""

from __future__ import annotations

import json
import os
import signal

import pytest

import logitwise as lw
from cli.made_fruit import SMALL
from logitwise.classifier.progress import EpochBar

ARGS = ("--target", "label", "--model", "new.safetensors", *SMALL)


@pytest.fixture
def ctrl_c(monkeypatch):
    """Press Ctrl-C when two epochs are done."""

    def press(bar, progress):
        if progress.epoch == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(EpochBar, "update", press)


def test_the_best_epoch_so_far_is_measured_and_saved(run, fruit, ctrl_c):
    result = run("train", fruit / "fruit.csv", *ARGS, "--json", "--quiet", "--report", "r.html")
    model = lw.load("new.safetensors")
    known = model.metadata
    assert (result.exit_code, len(known["history"]["train_loss"])) == (130, 2)
    assert result.stderr == (
        "logitwise: interrupted by Ctrl-C after epoch 2; the model is that of epoch "
        f"{known['best_epoch']}, the best so far.\n"
    )
    told = json.loads(result.stdout)
    assert (told["interrupted"], told["metrics"]) == (True, known["metrics"])
    assert model.predict_proba([[0.5, "red"]]).sum() == pytest.approx(1.0)
    assert sorted(os.listdir()) == ["new.safetensors", "r.html"]


def test_it_is_the_model_of_as_many_epochs(run, fruit, ctrl_c):
    table = lw.data.read(fruit / "fruit.csv", target="label")
    stopped = lw.Classifier(hidden=(8,), validation_fraction=0.2)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(table.features, table.target)
    assert stopped.best_epoch_ == 1 + (stopped.history_["validation_loss"][1] < stopped.history_["validation_loss"][0])
    assert stopped.predict(table.features).shape == (120,)


def test_before_the_first_epoch_nothing_is_left(run, fruit, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("logitwise.classifier.training._step", interrupt)
    result = run("train", fruit / "fruit.csv", *ARGS, "--quiet")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "logitwise: interrupted by Ctrl-C before it was done.\n"
    assert os.listdir() == []
