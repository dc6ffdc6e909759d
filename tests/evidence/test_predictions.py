"""Predictions in batches: the bits of the whole, counts of the whole, and the row that is wrong by its place in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import logitwise as lw
from cli.made_fruit import made_rows
from logitwise.evidence import predictions
from logitwise.evidence.predictions import predict_in_batches

FEATURES = pl.DataFrame([row[:2] for row in made_rows(60, seed=2)], schema=["size", "colour"], orient="row")


@pytest.fixture(scope="module")
def model():
    rows = made_rows(80, seed=1)
    features = pl.DataFrame([row[:2] for row in rows], schema=["size", "colour"], orient="row")
    return lw.Classifier(hidden=(), epochs=3).fit(features, [row[2] for row in rows]).model_


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(predictions, "ROWS_PER_BATCH", 7)


@pytest.mark.parametrize("held_by", ["polars", "pandas"])
def test_they_are_those_of_the_whole_whatever_holds_the_rows(model, held_by):
    features = (
        FEATURES
        if held_by == "polars"
        else pd.DataFrame(FEATURES.to_dict(as_series=False), index=np.arange(60)[::-1] / 2)
    )
    found, unknown = predict_in_batches(model, features)
    assert np.array_equal(found, model.predict_proba(FEATURES))
    assert not any(unknown.values())


def test_how_much_is_done_is_told(model):
    told = []
    predict_in_batches(model, FEATURES, lambda done, whole: told.append((done, whole)))
    assert told == [(done, 60) for done in (0, 7, 14, 21, 28, 35, 42, 49, 56, 60)]


def test_a_bad_row_is_named_by_its_place_among_all_rows_and_nothing_is_predicted_twice(model, monkeypatch):
    bad = FEATURES.with_columns(size=np.where(np.arange(60) == 53, np.inf, FEATURES["size"]))
    seen, predict = [], type(model).predict_batch
    monkeypatch.setattr(type(model), "predict_batch", lambda *args: seen.append(args[2]) or predict(*args))
    with pytest.raises(ValueError, match=r"^X must .* got inf at row 53, column 'size'"):
        predict_in_batches(model, bad)
    assert seen == [0, 7, 14, 21, 28, 35, 42, 49]


def test_unknown_values_of_all_batches_are_counted_together(model):
    odd = FEATURES.with_columns(colour=np.where(np.arange(60) % 5 == 0, "mauve", FEATURES["colour"]))
    probabilities, unknown = predict_in_batches(model, odd)
    assert unknown == {"column 'colour'": 12}
    assert np.array_equal(probabilities, model.predict_batch(odd).probabilities)


def test_no_rows_have_no_predictions(model):
    found, _ = predict_in_batches(model, FEATURES[:0])
    assert found.shape == (0, 2)
