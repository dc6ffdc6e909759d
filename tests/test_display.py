"""How public objects show themselves: in a few lines, whatever they hold and whatever its names are."""

from __future__ import annotations

import importlib
import inspect
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

import logitwise as lw
from logitwise import _display
from logitwise.classifier.baselines import Comparison
from logitwise.classifier.decisions import Decision
from logitwise.classifier.held_out import HeldOut
from logitwise.data import Dataset
from logitwise.data.streaming import Part, Parts
from logitwise.diagnosis import Diagnosis, Finding
from logitwise.evidence.measured import Measured
from logitwise.evidence.record import Record
from logitwise.evidence.reporting import Report
from logitwise.evidence.rows import LabelledRows
from logitwise.explain.explanation import Explanation, Lesson, Tempered, explain
from logitwise.functional.route import Route
from logitwise.metrics import Interval
from logitwise.model.model import Batch, Model
from logitwise.model.network import Network
from logitwise.model.preprocessing import Preprocessing
from logitwise.reference import ShiftedRows, shift
from logitwise.report_page import evidence

DOCS = Path(__file__).resolve().parents[1] / "docs"
MOST_LINES, MOST_CHARACTERS = 40, 4000
COLUMNS, CLASSES, ROWS = 1000, 500, 300
HOSTILE = "<script>alert(1)</script>\n\x1b[31m\u202e\"'&" + "x" * 200
COLUMN_NAMES = tuple(f"{HOSTILE}{place}" for place in range(COLUMNS))
CLASS_NAMES = np.array([f"{HOSTILE}{place}" for place in range(CLASSES)], dtype=object)
PROBABILITIES = np.full((ROWS, CLASSES), 1 / CLASSES)
MEASURES = {"log_loss": 0.25, "accuracy": 0.9, "brier_score": 0.1, "calibration_error": 0.01}
INTERVALS = {"log_loss": Interval(0.2, 0.3), "accuracy": Interval(0.8, 0.95)}
METADATA: dict[str, Any] = {
    "class_counts": [3] * CLASSES,
    "data": HOSTILE,
    "trained_at": "2030-01-02 03:04 UTC",
    "held_out": {"after": MEASURES, "intervals": {name: list(ends) for name, ends in INTERVALS.items()}},
    "history": {"step": list(range(10_000))},
}


def preprocessing() -> Preprocessing:
    numbers = np.zeros(COLUMNS)
    none = (np.zeros(0),) * COLUMNS
    return Preprocessing(COLUMN_NAMES, (None,) * COLUMNS, numbers, numbers, numbers, numbers > 0, none)


def network() -> Network:
    hidden = ((np.zeros((2, COLUMNS, 7), np.float32), np.zeros((2, 1, 7), np.float32)),)
    linear, prior = np.zeros((2, COLUMNS, CLASSES), np.float32), np.zeros((2, 1, CLASSES), np.float32)
    return Network(hidden, np.zeros((2, 7, CLASSES), np.float32), linear, prior)


def model(**metadata: Any) -> Model:
    none = lw.calibration.Calibration.none(CLASSES)
    costs = 1 - np.eye(CLASSES)
    return Model(CLASS_NAMES, preprocessing(), network(), none, costs, np.zeros(ROWS), METADATA | metadata)


def table() -> pl.DataFrame:
    return pl.DataFrame(np.zeros((ROWS, COLUMNS)), schema=list(COLUMN_NAMES), orient="row")


def dataset() -> Dataset:
    return Dataset(table(), CLASS_NAMES[np.arange(ROWS)], HOSTILE, HOSTILE, True, positions=np.arange(ROWS))


def held_out() -> HeldOut:
    losses = dict.fromkeys(("none", "temperature"), 0.5)
    calibration = lw.calibration.Calibration.none(CLASSES)
    indices = np.arange(ROWS)
    return HeldOut(
        "Folds.", indices, indices, np.log(PROBABILITIES), calibration, MEASURES, MEASURES, INTERVALS, losses
    )


def labelled() -> LabelledRows:
    return LabelledRows(table(), CLASS_NAMES[np.arange(ROWS)], HOSTILE, HOSTILE, True, np.arange(ROWS))


def everything() -> evidence.Evidence:
    target, frequencies = np.arange(ROWS), {HOSTILE: PROBABILITIES}
    return evidence.Evidence(HOSTILE, HOSTILE, CLASS_NAMES, target, PROBABILITIES, frequencies)


def classifier() -> lw.Classifier:
    weights = dict.fromkeys(CLASS_NAMES, 2.0)
    return lw.Classifier(tuple(range(1, 300)), class_weight=weights, threshold_for=1 - np.eye(CLASSES), device=HOSTILE)


def explanation() -> Explanation:
    return explain(np.linspace(-3, 3, 30).tolist(), 1, names=[f"{HOSTILE}{place}" for place in range(30)])


CELLS = tuple(zip(COLUMN_NAMES, COLUMN_NAMES, strict=True))
MADE = {
    Model: model,
    Batch: lambda: Batch(np.arange(ROWS), PROBABILITIES, dict.fromkeys(COLUMN_NAMES, 3)),
    Network: network,
    Preprocessing: preprocessing,
    lw.Classifier: classifier,
    HeldOut: held_out,
    Comparison: lambda: Comparison(
        ROWS,
        {"model": MEASURES, "majority class": MEASURES, "logistic regression": MEASURES},
        {name: {"mean": -0.1, "low": -0.2, "high": -0.05} for name in ("majority class", "logistic regression")},
    ),
    Decision: lambda: Decision("costs", 1 - np.eye(CLASSES), 0.5, 0.25),
    lw.calibration.Calibration: lambda: lw.calibration.Calibration.none(CLASSES),
    lw.calibration.Fit: lambda: lw.calibration.Fit(lw.calibration.Calibration.none(CLASSES), PROBABILITIES, {"a": 1.0}),
    Dataset: dataset,
    Parts: lambda: Parts(COLUMN_NAMES, True, 10**9, iter(())),
    Part: lambda: Part(table(), 0, 10),
    Diagnosis: lambda: Diagnosis((Finding("softmax at the end", "S" * 300),) * 4, "a_loss", (8, 9), 1.0, 1.0, 1.0, 1.0),
    Finding: lambda: Finding("softmax at the end", "S" * 300),
    Explanation: explanation,
    Lesson: lambda: explanation().lesson,
    Tempered: lambda: explanation().compared[0],
    Interval: lambda: INTERVALS["log_loss"],
    Route: lambda: lw.route_of(PROBABILITIES),
    Report: lambda: Report("A model", "<p>" * 100_000),
    ShiftedRows: lambda: shift(np.log(PROBABILITIES), 1),
    Record: lambda: Record(HOSTILE, ROWS, [3] * CLASSES, HOSTILE, True, "", {"where": HOSTILE, "model": MEASURES}),
    Measured: lambda: Measured(HOSTILE, MEASURES, MEASURES, INTERVALS, dict.fromkeys(COLUMN_NAMES, 3)),
    LabelledRows: labelled,
    evidence.Evidence: everything,
    evidence.History: lambda: evidence.History(*[list(range(10_000))] * 3, best_step=3, notes=[HOSTILE] * 100),
    evidence.Example: lambda: evidence.Example(1, 2, CELLS, np.zeros((28, 28), np.uint8)),
    evidence.ColumnImportance: lambda: evidence.ColumnImportance(HOSTILE, [0.1] * 1000),
    evidence.HeldOutComparison: lambda: evidence.HeldOutComparison(ROWS, {HOSTILE: MEASURES}, HOSTILE),
}  # fmt: skip
WEIGHT = torch.ones(CLASSES)
MODULES: dict[str, Any] = {
    "CrossEntropyLoss": lambda: lw.nn.CrossEntropyLoss(weight=WEIGHT, label_smoothing=0.1),
    "NLLLoss": lambda: lw.nn.NLLLoss(weight=WEIGHT),
    "FocalLoss": lambda: lw.nn.FocalLoss(weight=WEIGHT),
    "BCEWithLogitsLoss": lambda: lw.nn.BCEWithLogitsLoss(pos_weight=WEIGHT),
    "BinaryFocalLossWithLogits": lambda: lw.nn.BinaryFocalLossWithLogits(pos_weight=WEIGHT),
    "BCELoss": lambda: lw.nn.BCELoss(weight=WEIGHT),
    "FeedForward": lambda: lw.nn.FeedForward(COLUMNS, [64, 64], CLASSES),
}


def documented_classes() -> set[type]:
    """Return the classes of objects that users hold: those of the public modules, and those of the reference."""
    names = {name for path in DOCS.rglob("*.md") for name in re.findall(r"^::: (\S+)", path.read_text("utf-8"), re.M)}
    names |= {f"logitwise.{name}" for name in lw.__all__}
    found: set[Any] = set()
    for value in map(looked_up, names):
        found |= {getattr(value, name) for name in getattr(value, "__all__", ())} | {value}
    return {each for each in found if inspect.isclass(each) and not issubclass(each, BaseException)}


def looked_up(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return getattr(importlib.import_module(module), attribute)


def test_every_public_class_is_in_a_table_of_this_file():
    modules = {each for each in documented_classes() if issubclass(each, torch.nn.Module)}
    assert documented_classes() - modules <= set(MADE)
    assert {name for name in lw.nn.__all__ if name.endswith("Loss") and "weight" in inspect.signature(
        getattr(lw.nn, name)).parameters} <= set(MODULES)  # fmt: skip


def is_short(text: str) -> bool:
    return text.count("\n") < MOST_LINES and len(text) < MOST_CHARACTERS


@pytest.mark.parametrize("shown", [repr, str])
@pytest.mark.parametrize("made", MADE, ids=lambda each: each.__name__)
def test_large_objects_show_themselves_in_a_few_lines(made, shown):
    if made is Report and shown is str:
        pytest.skip("str of a report is its page, as documented")
    text = shown(MADE[made]())
    assert is_short(text)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.startswith((made.__name__, f"<{made.__name__}", "softmax takes", "loss  "))


@pytest.mark.parametrize("name", lw.nn.__all__)
def test_modules_show_themselves_in_a_few_lines(name):
    made = getattr(lw.nn, name)
    if issubclass(made, torch.nn.Module):
        assert repr(MODULES.get(name, made)()).startswith(f"{name}(")
        assert is_short(repr(MODULES.get(name, made)()))


class Tags(HTMLParser):
    """The elements of a piece of HTML, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.names.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


DISPLAYED = [each for each in MADE if issubclass(each, _display.Displayed)]


@pytest.mark.parametrize("made", DISPLAYED, ids=lambda each: each.__name__)
def test_a_notebook_shows_the_same_as_a_table(made):
    value = MADE[made]()
    found = Tags(value._repr_html_())
    assert found.open == []
    assert set(found.names) == {"table", "caption", "tbody", "tr", "th", "td"}
    title, *lines = repr(value).splitlines()
    assert found.text.startswith(title)
    assert found.names.count("tr") == len(lines)
    for line in lines:
        assert "".join(re.split(r"  +", line.strip(), maxsplit=1)) in found.text


def test_a_model_tells_what_it_is():
    told = repr(model(data="flowers.csv"))
    assert told.splitlines()[0] == "Model of 500 classes and 1,000 columns"
    facts = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in told.splitlines()[1:])
    assert facts["classes"].startswith("500: <script>alert(1)")
    assert facts["classes"].endswith(" and 498 more")
    assert facts["members"] == "2 networks: 1,000 inputs, then 7, 500 units"
    assert facts["trained on"] == "1,500 rows of flowers.csv, 2030-01-02 03:04 UTC"
    assert facts["log loss"] == "0.2500 (95% interval 0.2000 to 0.3000)"
    assert facts["measured on"] == "held-out rows of training"
    metrics = {"where": "30 rows of it", "model": MEASURES | {"log_loss": 0.5}, "baseline": None}
    told = repr(model(metrics=metrics))
    assert "measured on        30 rows of it" in told
    assert "log loss           0.5000\n" in told


JUNK = [None, 3, "text", [], [1, "a"], {}, {"after": 3}, {"after": {"log_loss": "low"}, "intervals": [1]}]


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_metadata_from_anywhere_do_no_harm(junk):
    names = ("class_counts", "data", "trained_at", "held_out", "metrics")
    assert is_short(repr(model(**dict.fromkeys(names, junk))))
    nested = {"where": junk, "model": {"log_loss": junk, "accuracy": 0.5}, "intervals": {"accuracy": junk}}
    assert "accuracy     0.5" in repr(model(metrics=nested))


def test_an_explanation_tells_each_class_also_where_names_are_the_same():
    told = repr(explain([2.0, 1.0, 0.0], 0, names=["loss", "a", "a"]))
    assert told.splitlines() == [
        "Explanation of 3 logits",
        "  logits         2, 1, 0",
        "  probabilities  loss 0.6652, a 0.2447, a 0.09003",
        "  loss           0.4076 nats if loss is right",
    ]


def test_a_fitted_classifier_keeps_the_repr_of_scikit_learn():
    X = np.random.default_rng(0).normal(size=(60, 2))
    fitted = lw.Classifier((4,), members=2, steps=20).fit(X, X[:, 0] > 0)
    assert repr(fitted) == "Classifier(hidden=(4,), members=2, steps=20)"
    assert repr(fitted.model_).startswith("Model of 2 classes and 2 columns\n  classes ")
    assert repr(fitted.held_out_).startswith("HeldOut: 60 rows\n")
    assert "Comparison on 60 held-out rows\n  log loss of model " in repr(fitted.baselines_)


def test_the_time_now_can_be_set(monkeypatch):
    X = np.random.default_rng(0).normal(size=(60, 2))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    fitted = lw.Classifier((4,), members=2, steps=20).fit(X, X[:, 0] > 0)
    assert fitted.model_.metadata["trained_at"] == "1970-01-02 00:00 UTC"
    assert "60 rows, 1970-01-02 00:00 UTC" in repr(fitted.model_)


def test_small_values_are_shown_and_large_ones_are_described():
    shown = {
        "abc": "abc",
        0.125: "0.125",
        3: "3",
        None: "None",
        (1, 2.5): "1, 2.5",
        (): "none",
    }
    assert {value: _display.brief(value) for value in shown} == shown
    assert _display.brief(np.array([1.0, 0.5])) == "1, 0.5"
    assert _display.brief(np.zeros((2, 2), np.float32)) == "float32, shape (2, 2)"
    assert _display.brief({"a": 1, "b": 0.25}) == "a 1, b 0.25"
    assert _display.brief(pl.DataFrame({"a": [1], "b": [2]})) == "1 row, 2 columns: a, b"
