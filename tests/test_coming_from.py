"""The tables of docs/how-to/coming-from.md: every name in them exists, there and here."""

from __future__ import annotations

import re
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.neural_network import MLPClassifier

import logitwise as lw
from logitwise.classifier import Classifier, other_names

PAGE = Path(__file__).resolve().parents[1] / "docs" / "how-to" / "coming-from.md"
MODULES = ("torch.nn.functional", "scipy.special", "sklearn.metrics")
OWN = {*Classifier().get_params(), "X_val", "y_val"}


def rows_of(title: str) -> list[list[str]]:
    """Return the cells of the table below a heading."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    return [[cell.strip() for cell in line[1:].removesuffix("|").split("|")] for line in lines[1:]]


def words_of(cell: str) -> list[str]:
    """Return what is written as code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("module", MODULES)
def test_functions_of_both_libraries_exist(module):
    rows = rows_of(module)
    assert len(rows) >= 7
    for theirs, ours, _ in rows:
        (call,), (own_call,) = words_of(theirs), words_of(ours)
        assert callable(getattr(import_module(module), call.partition("(")[0]))
        assert callable(attrgetter(own_call.partition("(")[0].removeprefix("lw."))(lw))


TWO = torch.tensor([[2.0, 1.0, 0.1], [0.5, 2.5, 0.0]])
VALUES = {
    "torch.nn.functional": {
        "z": TWO, "y": torch.tensor([0, 2]), "w": torch.tensor([1.0, 2.0, 3.0]), "p": TWO.flip(0).softmax(1),
        "log_p": TWO.flip(0).log_softmax(1), "log_q": TWO.log_softmax(1),
    },
    "scipy.special": {
        "z": TWO.double().numpy(), "p": TWO.flip(0).double().softmax(1).numpy(), "q": TWO.double().softmax(1).numpy(),
        "b": np.array([1.0, 2.0, 3.0]),
    },
    "sklearn.metrics": {
        "y": np.array([0, 2, 1]), "p": np.eye(3) * 0.7 + 0.1, "predicted": np.array([0, 2, 2]), "names": [0, 1, 2],
    },
}  # fmt: skip
BINARY = {  # what the arguments of calls of a binary problem are
    "torch.nn.functional": {"y": (TWO > 1).float(), "p": TWO.sigmoid(), "w": TWO.softmax(1)},
    "sklearn.metrics": {"y": np.array([0, 1]), "scores": np.array([0.2, 0.9]), "p": np.array([0.2, 0.9])},
}


@pytest.mark.parametrize(
    ("module", "theirs", "ours"),
    [(module, words_of(row[0])[0], words_of(row[1])[0]) for module in MODULES for row in rows_of(module)],
)
def test_both_calls_of_a_row_give_the_same(module, theirs, ours):
    is_binary = theirs.startswith(("binary", "roc", "brier"))
    values: dict[str, Any] = VALUES[module] | (BINARY[module] if is_binary else {})
    expected = eval(theirs, {**vars(import_module(module)), **values})
    if theirs.startswith("brier"):  # the page says so
        values, expected = values | {"p": np.stack([1 - values["p"], values["p"]], -1)}, 2 * expected
    found = eval(ours, {"lw": lw, **values})
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-5, atol=1e-7)


def test_every_option_of_mlp_classifier_is_in_its_table_and_ours_exist():
    rows = rows_of("sklearn.neural_network.MLPClassifier")
    theirs = {word.partition("=")[0] for row in rows for word in words_of(row[0])}
    assert set(MLPClassifier().get_params()) <= theirs
    fitted = Classifier((4,), members=2, steps=5).fit(np.eye(20), np.arange(20) % 2)
    for row in rows:
        for word in words_of(row[1]):
            name = word.partition("=")[0]
            assert name in OWN or attrgetter(name)(fitted) is not None


def test_words_of_boosting_libraries_are_answered_by_what_the_table_says():
    methods = {"get_feature_importance", "feature_importances_", "save_model", "load_model"}
    answered = {*other_names.HINTS, *other_names.OF_FIT, *other_names.ATTRIBUTES, *methods, "fit"}
    for theirs, ours, _ in rows_of("CatBoost, LightGBM, XGBoost"):
        for word in words_of(theirs):
            assert word.partition("=")[0] in answered, word
        for word in words_of(ours):
            name = word.partition("=")[0]
            known = name in OWN or hasattr(Classifier, name) or hasattr(lw, name.removeprefix("lw."))
            assert known or name == "torch.set_num_threads", word
