"""What shuffling a column costs, recomputed a column and a shuffle at a time."""

import numpy as np
import polars as pl
import pytest

from logitwise.calibration import Calibration
from logitwise.evidence.features import column_names
from logitwise.evidence.importance import permutation_importance
from logitwise.model.model import Model
from logitwise.model.network import Network
from logitwise.model.preprocessing import Preprocessing


def made_model(names=None):
    """Return a model of two numbers, the second of which tells less, and a category that tells nothing."""
    numbers = np.zeros(2)
    levels = (None, None, ("a", "b"))
    preprocessing = Preprocessing(names, levels, numbers, numbers + 1, numbers, numbers > 0, (np.zeros(0),) * 2)
    linear = np.float32([[[0, 2], [0, 0.5], [0, 0]]])
    network = Network((), None, linear, np.zeros((1, 1, 2), np.float32))
    return Model(np.arange(2), preprocessing, network, Calibration.none(2))


def made_rows(rows, seed=0):
    generator = np.random.default_rng(seed)
    X = np.empty((rows, 3), object)
    X[:, 0], X[:, 1] = generator.normal(size=(2, rows))
    X[:, 2] = np.array(["a", "b"])[generator.integers(0, 2, rows)]
    return X, (X[:, 0] + 0.3 * X[:, 1] + generator.normal(size=rows) > 0).astype(int)


def log_loss(model, X, target):
    return -np.mean(np.log(model.predict_proba(X)[np.arange(len(X)), target]))


@pytest.mark.parametrize("rows", [50, 1999, 2000, 2001, 2600])
def test_it_is_how_much_the_loss_rises_for_each_column_and_shuffle(rows):
    model, (X, target) = made_model(), made_rows(rows)
    before = X.copy()
    found = permutation_importance(model, X, target)
    generator = np.random.default_rng(0)
    chosen = np.sort(generator.permutation(rows)[:2000])
    orders = [generator.permutation(len(chosen)) for _ in range(3)]
    own, own_target = X[chosen], target[chosen]
    assert list(found) == ["column 0", "column 1", "column 2"]
    for place, rises in enumerate(found.values()):
        shuffled = [own.copy() for _ in orders]
        for each, order in zip(shuffled, orders, strict=True):
            each[:, place] = own[order, place]
        expected = [log_loss(model, each, own_target) - log_loss(model, own, own_target) for each in shuffled]
        np.testing.assert_allclose(rises, expected, rtol=1e-9, atol=1e-12)
    assert min(found["column 0"]) > max(found["column 1"]) > 0.001
    assert found["column 2"] == [0.0] * 3
    np.testing.assert_array_equal(X, before)


def test_frames_give_the_same_by_name():
    X, target = made_rows(60)
    names = ("first", "second", "third")
    columns = {name: X[:, place].tolist() for place, name in enumerate(names)}
    found = permutation_importance(made_model(names), pl.DataFrame(columns), target)
    expected = permutation_importance(made_model(), X, target)
    assert found == dict(zip(names, expected.values(), strict=True))


def test_columns_without_names_are_called_by_their_place():
    assert column_names(np.zeros((1, 2))) == ["column 0", "column 1"]
    assert column_names(pl.DataFrame({"b": [1], "a": [2]})) == ["b", "a"]
