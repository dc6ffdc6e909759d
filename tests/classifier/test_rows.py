"""What `fit` is given, encoded: which rows, in which order, of which weight."""

import numpy as np
import polars as pl
import pytest
import torch

from logitwise.classifier.columns import fit_preprocessing
from logitwise.classifier.rows import EncodedRows, FitArguments, read_rows, read_validation
from logitwise.classifier.training import Rows
from logitwise.model.table import read_table

TABLE = read_table(np.arange(24.0).reshape(8, 3) ** 2)
PREPROCESSING = fit_preprocessing(TABLE, np.arange(8), 2)
INPUTS = PREPROCESSING.encode(PREPROCESSING.prepare(TABLE), slice(None))


def test_rows_in_use_are_encoded_in_their_order_with_weights_of_mean_one():
    used, target = np.array([6, 1, 2]), np.arange(8) % 3
    weight = np.array([9.0, 1.0, 2.0, 9.0, 9.0, 9.0, 6.0, 0.0])
    encoded = EncodedRows.of(PREPROCESSING, TABLE, target, weight, used)
    np.testing.assert_array_equal(encoded.inputs, INPUTS[used])
    np.testing.assert_array_equal(encoded.target, [0, 1, 2])
    np.testing.assert_allclose(encoded.weight, [2.0, 1 / 3, 2 / 3], rtol=1e-12)


def test_others_follow():
    first, second = (
        EncodedRows(np.full((rows, 2), rows, np.float32), np.full(rows, rows), np.full(rows, float(rows)))
        for rows in (2, 3)
    )
    both = first.followed_by(second)
    for each in (both.inputs[:, 0], both.inputs[:, 1], both.target, both.weight):
        assert each.tolist() == [2, 2, 3, 3, 3]


def test_a_trainer_gets_tensors_of_the_same():
    rows = Rows.of(np.ones((2, 3), np.float32), np.array([4, 5]), np.array([0.5, 1.5]), 2, "cpu")
    assert (rows.inputs.dtype, rows.target.dtype, rows.weight.dtype) == (torch.float32, torch.int64, torch.float32)
    assert (rows.inputs.shape, rows.target.tolist(), rows.weight.tolist()) == ((2, 3), [4, 5], [0.5, 1.5])
    assert (rows.deep, len(rows)) == (2, 2)


def test_validation_rows_weigh_what_their_class_does():
    X_val, y_val = np.arange(15.0).reshape(5, 3), ["b", "c", "a", "b", "a"]
    arguments = FitArguments(None, None, None, X_val, y_val)
    encoded = read_validation(arguments, np.array(["a", "b", "c"], object), PREPROCESSING, np.array([1.0, 4.0, 0.0]))
    expected = PREPROCESSING.encode(PREPROCESSING.prepare(read_table(X_val)), slice(None))
    np.testing.assert_array_equal(encoded.inputs, expected[[0, 2, 3, 4]])
    np.testing.assert_array_equal(encoded.target, [1, 0, 1, 0])
    np.testing.assert_allclose(encoded.weight, [1.6, 0.4, 1.6, 0.4], rtol=1e-12)


@pytest.mark.parametrize(
    ("X_val", "y_val", "kind", "message"),
    [
        ([[1.0] * 3] * 2, ["a"], ValueError, "y_val must have one label per row of X_val; got 1 labels for 2 rows."),
        (np.zeros((0, 3)), [], ValueError, "X_val must have at least one row; got none."),
        (
            [[1.0] * 3] * 2,
            ["a", None],
            ValueError,
            "y_val must have a label in every row; got a missing one (NaN or None)",
        ),
        (
            [[1.0] * 3] * 2,
            ["a", 1],
            TypeError,
            "y_val must hold labels of one type: bool, int, float or str; got int, s",
        ),
        (
            [[{}] * 3] * 2,
            ["a", "b"],
            TypeError,
            "X_val must hold values of one type in each column, numbers or text",
        ),
    ],
)
def test_messages_name_the_rows_of_validation(X_val, y_val, kind, message):
    arguments = FitArguments(None, None, None, X_val, y_val)
    with pytest.raises(kind) as raised:
        read_validation(arguments, np.array(["a", "b"], object), PREPROCESSING, np.ones(2))
    assert str(raised.value).startswith(message)


def test_rows_are_read_with_their_labels():
    table, labels = read_rows(pl.DataFrame({"n": [1.0, 2.0]}), pl.Series([True, False]), "X", "y")
    assert (table.names, table.rows, labels.tolist()) == (("n",), 2, [True, False])
