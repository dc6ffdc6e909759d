"""What the command line notes in a model file: read back only in the form in which it is written."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import logitwise as lw
from logitwise.classifier.baselines import Comparison
from logitwise.classifier.notes import Note
from logitwise.cli.names import WORDING
from logitwise.evidence.measured import Measured
from logitwise.evidence.notes import IN_PYTHON, notes_of, verdict_of
from logitwise.evidence.record import Record

SUMMARY = {"rows": 7, "log_loss": 0.31, "accuracy": 0.82, "brier_score": 0.23, "calibration_error": 0.05}
METRICS = {"where": "here", "model": SUMMARY, "baseline": None, "intervals": {"accuracy": [0.7, 0.9], "log_loss": None}}
WHOLE = {
    "data": "fruit.csv",
    "rows": 7,
    "class_counts": [4, 3],
    "target_name": "label",
    "has_header": False,
    "label_strip": ".",
    "metrics": METRICS,
    "data_sha256": "0" * 63 + "f",
    "column_names": ["size", "colour", "label"],
    "reading": {
        "separator": ";",
        "decimal": ",",
        "na_values": ["-9"],
        "quotes": False,
        "encoding": "cp1252",
        "text": ["zip"],
    },
}


@pytest.fixture(scope="module")
def model():
    return lw.Classifier(hidden=(), epochs=1).fit(np.arange(8.0).reshape(4, 2), [0, 1, 0, 1]).model_


def test_a_record_comes_back_as_it_was_kept(model):
    record = Record(**WHOLE)
    kept = record.kept_in(replace(model, metadata={"other": 1, "rows": 99}))
    assert kept.metadata == {"other": 1, **WHOLE}
    assert Record.of(kept) == record
    assert Record.of(replace(model, metadata={})) == Record()
    assert Record() == Record(None, None, None, None, None, "", None, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data", 3),
        ("rows", -1),
        ("rows", 7.0),
        ("rows", True),
        ("class_counts", [4, -1]),
        ("class_counts", [0, 0]),
        ("class_counts", (4, 3)),
        ("class_counts", "43"),
        ("target_name", 3),
        ("has_header", 1),
        ("label_strip", None),
        ("label_strip", 3),
        ("data_sha256", "0" * 63),
        ("data_sha256", "0" * 65),
        ("data_sha256", "0" * 63 + "F"),
        ("metrics", []),
        ("metrics", {**METRICS, "where": 3}),
        ("metrics", {**METRICS, "more": 3}),
        ("metrics", {name: value for name, value in METRICS.items() if name != "baseline"}),
        ("metrics", {**METRICS, "model": {**SUMMARY, "accuracy": "0.8"}}),
        ("metrics", {**METRICS, "model": {name: value for name, value in SUMMARY.items() if name != "accuracy"}}),
        ("metrics", {**METRICS, "model": None}),
        ("metrics", {**METRICS, "baseline": {**SUMMARY, "log_loss": True}}),
        ("metrics", {**METRICS, "intervals": [0.1]}),
        ("metrics", {**METRICS, "intervals": {"accuracy": [0.1, 0.2, 0.3]}}),
        ("metrics", {**METRICS, "intervals": {"accuracy": [0.1, 2**63]}}),
    ],
)
def test_an_entry_of_another_form_is_refused(model, name, value):
    with pytest.raises(ValueError, match=rf"^model must have metadata that .*; got .* as '{name}'\. Train "):
        Record.of(replace(model, metadata={**WHOLE, name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rows", 0),
        ("class_counts", [0, 3]),
        ("metrics", {name: value for name, value in METRICS.items() if name != "intervals"}),
        ("metrics", {**METRICS, "model": {**SUMMARY, "log_loss": None}}),
        ("metrics", {**METRICS, "model": {**SUMMARY, "accuracy": 1}}),
        ("metrics", {**METRICS, "baseline": SUMMARY}),
        ("metrics", {**METRICS, "intervals": {"accuracy": [0, 2**63 - 1]}}),
        *((name, None) for name in WHOLE if name != "label_strip"),
    ],
)
def test_an_entry_at_the_edge_of_its_form_is_taken(model, name, value):
    assert getattr(Record.of(replace(model, metadata={**WHOLE, name: value})), name) == value


@pytest.mark.parametrize(("length", "got"), [(58, f"'{'x' * 58}'"), (59, f"'{'x' * 59}...")])
def test_the_entry_is_quoted_and_cut_where_it_is_long(model, length, got):
    with pytest.raises(ValueError) as caught:
        Record.of(replace(model, metadata={"rows": "x" * length}))
    assert f"got {got} as 'rows'" in str(caught.value)


@pytest.mark.parametrize(("counts", "got"), [([7], 1), ([3, 2, 2], 3)])
def test_there_is_one_count_a_class(model, counts, got):
    with pytest.raises(
        ValueError, match=rf"^model must have one row count per class, 2; got {got}\. Train it again\.$"
    ):
        Record.of(replace(model, metadata={"class_counts": counts}))


def test_a_measure_that_is_not_finite_becomes_null():
    odd = {**SUMMARY, "log_loss": math.inf, "brier_score": math.nan}
    intervals = {"accuracy": (0.7, 0.9), "log_loss": None}
    told = Measured("here", odd, {**SUMMARY, "log_loss": -math.inf}, intervals).as_json()
    assert told == {
        "where": "here",
        "model": {**SUMMARY, "log_loss": None, "brier_score": None},
        "baseline": {**SUMMARY, "log_loss": None},
        "intervals": {"accuracy": [0.7, 0.9], "log_loss": None},
    }
    assert Measured("here", SUMMARY, None, intervals).as_json()["baseline"] is None


@pytest.mark.parametrize(
    ("note", "plain"),
    [
        ("X has 3 columns; X is odd.", "The data has 3 columns; X is odd."),
        ("y has one class.", "The target has one class."),
        ("learning_rate must be low.", "--learning-rate must be low."),
        ("yes is a class.", "yes is a class."),
        ("X_val has rows.", "X_val has rows."),
    ],
)
def test_notes_are_in_words_of_the_command_line(model, note, plain):
    assert Note(note).renamed(WORDING.names) == plain
    assert notes_of(replace(model, metadata={"notes": [note, 3]}), WORDING) == [plain]
    assert notes_of(replace(model, metadata={"notes": note}), WORDING) == []


LOST = {"majority class": {"mean": -0.4, "low": -0.5, "high": -0.3}}
LOST["logistic regression"] = {"mean": 0.1, "low": 0.05, "high": 0.15}
COMPARED = {name: {"log_loss": loss} for name, loss in {"model": 0.4, "majority class": 0.8}.items()}
COMPARED["logistic regression"] = {"log_loss": 0.3}


def test_the_verdict_advises_in_words_of_the_reader(model):
    compared = Comparison(90, COMPARED, LOST)
    linear = replace(model, metadata={"baselines": compared.as_json()})
    assert verdict_of(linear, WORDING) == verdict_of(linear, IN_PYTHON) == compared.finding  # it is one already
    deep = lw.Classifier(hidden=(4,), epochs=1).fit(np.arange(8.0).reshape(4, 2), [0, 1, 0, 1]).model_
    known = replace(deep, metadata={"baselines": compared.as_json()})
    assert verdict_of(known, WORDING) == f"{compared.finding} Train with --hidden ''."
    assert verdict_of(known, IN_PYTHON) == compared.verdict == f"{compared.finding} {compared.advice}"
    for other in ({}, {"baselines": 3}, {"baselines": {}}):
        assert verdict_of(replace(model, metadata=other), WORDING) is None


@pytest.mark.parametrize("entries", [{}, {"rows": "9"}, {"measures": 3}, {"differences": {}}, {"differences": None}])
def test_a_verdict_whose_numbers_are_in_another_format_stays_as_it_is(model, entries):
    whole = Comparison(90, COMPARED, LOST).as_json() if entries else {}
    known = {"baselines": {**whole, "verdict": "It loses. Use hidden=().", **entries}}
    assert verdict_of(replace(model, metadata=known), WORDING) == "It loses. Use hidden=()."
