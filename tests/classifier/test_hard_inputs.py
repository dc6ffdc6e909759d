"""Inputs that are very wide, very long, very few, or empty in part: what comes out is still right."""

import subprocess
import sys
import tracemalloc

import numpy as np
import polars as pl
import pytest

from logitwise.classifier import Classifier, load
from logitwise.classifier.columns import fit_preprocessing
from logitwise.columns.table import read_table

GENERATOR = np.random.default_rng(0)


def saved_and_loaded(classifier, folder):
    classifier.save(folder / "m.safetensors")
    return load(folder / "m.safetensors")


def test_ten_thousand_columns(tmp_path):
    y = np.arange(40) % 2
    X = GENERATOR.normal(size=(40, 10_000))
    X[:, 7_000:] += y[:, None]  # the last 3,000 tell
    classifier = Classifier((4,), members=2, steps=20).fit(X[:30], y[:30])
    loaded = saved_and_loaded(classifier, tmp_path)
    probabilities = loaded.predict_proba(X[30:])
    np.testing.assert_array_equal(probabilities, classifier.predict_proba(X[30:]))
    np.testing.assert_array_equal(probabilities.argmax(axis=1), y[30:])
    assert loaded.n_features == loaded.preprocessing.n_inputs == 10_000


def with_levels(common):
    """Return columns of a number and of a category: so many rows "common", and 100,000 with a level of their own."""
    levels = ["common"] * common + [f"level {place}" for place in range(100_000)]
    return pl.DataFrame({"n": np.random.default_rng(0).normal(size=len(levels)), "k": levels})


def test_a_hundred_thousand_levels_take_the_memory_of_a_few():
    """The frequent ones alone become inputs: one-hot, all of them would take 40 GB."""
    table, rows = read_table(with_levels(common=20)), np.arange(100_020)
    tracemalloc.start()
    preprocessing = fit_preprocessing(table, rows, 2)
    inputs = preprocessing.encode(preprocessing.prepare(table), rows[17:22])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
    assert preprocessing.levels[1] == ("common", *sorted(table.column(1)[20:]))
    assert preprocessing.n_deep == 2
    np.testing.assert_array_equal(inputs[:, 1], [1, 1, 1, 0, 0])


def test_a_category_with_a_level_a_row_is_learnt_and_an_unseen_one_predicts(tmp_path):
    table = with_levels(common=20_000)
    y = table["n"].to_numpy() + 2 * (table["k"] != "common").to_numpy() > 1
    classifier = Classifier((), members=2, steps=60, learning_rate=0.05).fit(table, y)
    loaded = saved_and_loaded(classifier, tmp_path)
    assert (tmp_path / "m.safetensors").stat().st_size < 120_000
    new = loaded.predict_batch(pl.DataFrame({"n": [0.0, 0.0, 0.0], "k": ["common", "never seen", None]}))
    common, unseen, missing = new.probabilities
    assert common[1] < 0.2
    assert unseen[1] > 0.8  # rows with a level of their own are mostly of class 1
    np.testing.assert_array_equal(unseen, missing)
    assert new.unknown == {"column 'k'": 1}


def test_two_rows_are_too_few_and_three_are_enough():
    X = np.array([[0.0], [0.1], [1.0]])
    with pytest.raises(ValueError, match=r"got 2 classes in 2 rows, such as 0, 1\. .* or get more rows\.$"):
        Classifier().fit(X[::2], [0, 1])
    classifier = Classifier((4,), steps=200).fit(X, ["low", "low", "high"])
    np.testing.assert_array_equal(classifier.predict(X), ["low", "low", "high"])
    assert classifier.held_out_.plan.startswith("No rows are held out: 3 are too few")


def test_an_empty_column_changes_nothing_but_its_note(tmp_path):
    X, y = GENERATOR.normal(size=(60, 2)), np.arange(60) % 2
    X[:, 0] += 2 * y
    wide = np.column_stack([X, np.full(60, np.nan)])
    classifier = Classifier((), steps=100).fit(wide, y)
    assert classifier.notes_ == ["X has columns that are not used: column 2 (empty)."]
    loaded = saved_and_loaded(classifier, tmp_path)
    filled = np.column_stack([X, np.full(60, 1e6)])
    probabilities = loaded.predict_proba(wide)
    assert np.isfinite(probabilities).all()
    np.testing.assert_array_equal(loaded.predict_proba(filled), probabilities)
    assert (probabilities.argmax(axis=1) == y).mean() > 0.75


def test_only_empty_columns_leave_the_class_frequencies():
    y = (np.arange(80) % 4 == 0).astype(int)
    classifier = Classifier((8,), steps=100).fit(np.full((80, 2), np.nan), y)
    probabilities = classifier.predict_proba(np.array([[np.nan, np.nan], [3.0, -4.0]]))
    np.testing.assert_allclose(probabilities[0], [0.75, 0.25], atol=0.05)


FARTHEST = {
    "two values": [1.7e308, -1.7e308],
    "a value a row": np.linspace(-1.0, 1.0, 120) * 1.7e308,
    "both ends once": [1.7e308, -1.7e308, *GENERATOR.normal(size=118)],
    "all far out": 1.7e308 - np.linspace(0, 1e307, 120),
    "all far out, with gaps": [*(1.7e308 - np.linspace(0, 1e307, 118)), np.nan, np.nan],
    "far below": -1.7e308 + np.linspace(0, 1e307, 120),
}


@pytest.mark.parametrize("values", FARTHEST.values(), ids=FARTHEST)
def test_numbers_as_large_as_floats_neither_overflow_nor_warn(values, tmp_path):
    X = np.resize(values, 120)[:, None]
    y = (np.arange(120) % 3 == 0).astype(int)
    classifier = Classifier((4,), members=2, steps=10).fit(X, y)
    middle = np.nanmedian(X / 2) * 2
    np.testing.assert_allclose(classifier.model_.preprocessing.offset, [middle], rtol=1e-12, atol=1e290)
    probabilities = saved_and_loaded(classifier, tmp_path).predict_proba(X)
    assert np.isfinite(probabilities).all()
    np.testing.assert_array_equal(probabilities, classifier.predict_proba(X))


FORKED = """
import multiprocessing, warnings
import numpy as np
import torch
from logitwise import Classifier
torch.set_num_threads(2)
X = np.random.default_rng(0).normal(size=(300, 5))
y = (X[:, 0] + X[:, 1] > 0).astype(int)
def fit(seed):
    return Classifier((64, 64), steps=60, random_state=seed).fit(X, y).predict_proba(X)[:3].tolist()
expected = fit(0)
torch.ones(300, 300) @ torch.ones(300, 300)
with multiprocessing.get_context("fork").Pool(2) as pool:
    found = pool.map_async(fit, [0, 0]).get(100)
np.testing.assert_allclose(found, [expected] * 2, rtol=1e-4)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux")
def test_a_fit_in_a_forked_process_after_a_fit_ends():
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stderr[-2000:]
