"""What `fit` is given, encoded: which rows, in which order, of which weight."""

import numpy as np
import polars as pl
import pytest
import torch

from logitwise.classifier.columns import fit_preprocessing
from logitwise.classifier.rows import (
    EncodedRows,
    FitArguments,
    find_classes,
    learn_columns,
    read_rows,
    read_validation,
    row_weights,
)
from logitwise.classifier.training import Rows
from logitwise.columns.deciding import understand
from logitwise.columns.table import read_table
from logitwise.model.labels import read_labels

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
        EncodedRows(
            np.full((rows, 2), rows, np.float32),
            np.full(rows, rows),
            np.full(rows, float(rows)),
            np.full((rows, 1), rows),
        )
        for rows in (2, 3)
    )
    both = first.followed_by(second)
    for each in (both.inputs[:, 0], both.inputs[:, 1], both.target, both.weight, both.codes[:, 0]):
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
            "X_val must hold values of one type in each column: numbers, text or dates",
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


NAN = float("nan")
CLASSES = np.array(["no", "yes"], dtype=object)


def test_two_classes_in_three_rows_are_enough():
    assert find_classes(read_labels(["b", "a", "b"])).tolist() == ["a", "b"]


@pytest.mark.parametrize(
    "labels",
    [
        np.r_[np.arange(25) * 3, 0],  # 25 are not many
        read_labels([f"c{place}" for place in range(26)] * 2),
        np.arange(130) % 26 * 3,  # five rows of each number
        np.arange(52) % 26,  # numbers that count up
        np.arange(52) % 26 + 5,
    ],
)
def test_what_may_be_classes(labels):
    np.testing.assert_array_equal(find_classes(labels), np.unique(labels))


def test_what_was_found_in_other_columns_is_refused():
    table = read_table(pl.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}))
    others = read_table(pl.DataFrame({"a": [1.0, 2.0], "c": [3.0, 4.0]})), TABLE, read_table(np.ones((2, 2)))
    for said, given in ((table, others[0]), (table, others[1]), (others[1], others[2])):
        with pytest.raises(ValueError, match=r"^columns must be what was found in the columns of X; got "):
            learn_columns(understand(said), given, np.arange(2), 2)
    preprocessing, findings = learn_columns(understand(table), table, np.arange(2), 2)
    assert (preprocessing.columns_of_x.names, len(findings)) == (("a", "b"), 2)


def test_what_is_said_of_columns_counts_and_only_rows_in_use():
    table = read_table(pl.DataFrame({"k": ["w", *"ab" * 20], "n": [*range(41)]}))
    preprocessing, findings = learn_columns({"n": "category"}, table, np.arange(1, 41), 2)
    assert [finding.detail for finding in findings] == ["2 levels", "40 levels"]
    assert preprocessing.categories[0].levels == ("a", "b")
    encoded = EncodedRows.of(preprocessing, table, np.zeros(41, int), np.ones(41), np.array([2, 1, 4]))
    assert encoded.codes[:, 0].tolist() == [1, 0, 1]


def test_balanced_weights_leave_out_a_class_without_rows():
    target, sample_weight = np.array([0, 0, 1, 2, 2]), np.array([1.0, 2.0, 3.0, 0.0, 0.0])
    weights, by_class = row_weights(target, np.arange(4), "balanced", sample_weight)
    np.testing.assert_allclose(by_class, [6 / (4 * 3), 6 / (4 * 3), 0, 0], rtol=1e-15)
    np.testing.assert_allclose(weights, [0.5, 1.0, 1.5, 0, 0], rtol=1e-15)


def test_without_weights_every_row_and_class_has_weight_1():
    weights, by_class = row_weights(np.array([0, 1, 1]), np.arange(3), None, None)
    assert (weights.tolist(), by_class.tolist()) == ([1, 1, 1], [1, 1, 1])
    weights, by_class = row_weights(np.array([0, 1, 1]), np.arange(3), None, [0, 2, 3])
    assert (weights.tolist(), by_class.tolist()) == ([0, 2, 3], [1, 1, 1])
    weights, by_class = row_weights(np.array([0, 1, 1]), np.arange(3), {1: 0, 2: 5}, [4, 2, 3])
    assert (weights.tolist(), by_class.tolist()) == ([4, 0, 0], [1, 0, 5])


def test_balanced_weights_agree_with_scikit_learn():
    from sklearn.utils.class_weight import compute_sample_weight

    target = np.array([0, 0, 0, 1, 2, 2])
    expected = compute_sample_weight("balanced", target)
    weights, _ = row_weights(target, np.arange(3), "balanced", None)
    np.testing.assert_allclose(weights, expected, rtol=1e-12)


def test_balanced_weights_count_rows_by_their_sample_weight():
    target, sample_weight = np.array([0, 0, 1, 2, 2]), np.array([1.0, 3.0, 2.0, 0.0, 0.0])
    weights, by_class = row_weights(target, np.arange(3), "balanced", sample_weight)
    np.testing.assert_allclose(by_class, [6 / (3 * 4), 6 / (3 * 2), 0.0], rtol=1e-12)
    np.testing.assert_allclose(weights, sample_weight * by_class[target], rtol=1e-12)


def test_without_weights_every_row_and_class_weighs_one():
    weights, by_class = row_weights(np.array([0, 1, 1]), np.arange(3), None, None)
    np.testing.assert_array_equal(weights, np.ones(3))
    np.testing.assert_array_equal(by_class, np.ones(3))
    assert weights.dtype == by_class.dtype == np.float64
    weights, by_class = row_weights(np.array([0, 1, 1]), np.arange(3), {}, [1, 2, 3])
    np.testing.assert_array_equal(weights, [1, 2, 3])


def test_class_and_sample_weights_multiply():
    weights, by_class = row_weights(np.array([0, 1, 1]), np.array(["a", "b"], dtype=object), {"b": 3}, [1.0, 2.0, 0.0])
    np.testing.assert_array_equal(weights, [1, 6, 0])
    np.testing.assert_array_equal(by_class, [1, 3])


BAD = [
    (
        lambda: find_classes(read_labels(["a", "a"])),
        ValueError,
        "y must have at least two classes; got one class, 'a', in all 2 rows. Add rows of another class, or choose "
        "another target.",
    ),
    (
        lambda: find_classes(np.r_[np.arange(40), np.arange(9)]),
        ValueError,
        "y must have two rows or more of most classes; got 40 classes in 49 rows, such as 0, 1, 2. It looks like "
        "an identifier or a quantity: choose another target, join classes, or get more rows.",
    ),
    (
        lambda: find_classes(np.arange(104) % 26 * 3),
        ValueError,
        "y must name classes; got 26 numbers in 104 rows, such as 0, 3, 6. They look like a quantity, which a "
        "regression model predicts. If they are names, pass them as text.",
    ),
    (
        lambda: find_classes(np.arange(104) % 26 / 2),
        ValueError,
        "y must name classes; got 26 numbers in 104 rows, such as 0.0, 0.5, 1.0. They look like a quantity, which a "
        "regression model predicts. If they are names, pass them as text.",
    ),
    (
        lambda: find_classes(read_labels([1, 2, 3])),
        ValueError,
        "y must have fewer classes than rows; got 3 classes in 3 rows, such as 1, 2, 3. It looks like an identifier "
        "or a quantity: choose another target, join classes, or get more rows.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, [1.0]),
        ValueError,
        "sample_weight must have one weight per row, shape (2,); got shape (1,).",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, [1.0, -1.0]),
        ValueError,
        "sample_weight must be zero or more, and finite; got -1.0 at row 1. Rows of weight 0 are not used.",
    ),
    (
        lambda: row_weights(np.array([0, 1, 1]), CLASSES, None, [1.0, np.nan, np.inf]),
        ValueError,
        "sample_weight must be zero or more, and finite; got nan at row 1 (2 such rows). Rows of weight 0 are "
        "not used.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, [1e308, 1e308]),
        ValueError,
        "sample_weight must have a finite sum; got inf over 2 rows. Scale the weights down.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, [1.0, "much"]),
        TypeError,
        "sample_weight at row 1 must be a number; got 'much' of type str.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, {}),
        TypeError,
        "sample_weight must be an array of numbers, one per row; got {} of type dict.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, "12"),
        TypeError,
        "sample_weight must be an array of numbers, one per row; got '12' of type str.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, ["1", "2"]),
        TypeError,
        "sample_weight at row 0 must be a number; got '1' of type str.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, np.array(["1", "2"])),
        TypeError,
        "sample_weight at row 0 must be a number; got np.str_('1') of type str_.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, np.array([1, "2"], dtype=object)),
        TypeError,
        "sample_weight at row 1 must be a number; got '2' of type str.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, [1, None]),
        TypeError,
        "sample_weight at row 1 must be a number; got None.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, [[1], [1, 2]]),
        TypeError,
        "sample_weight at row 0 must be a number; got [1] of type list.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, [1j, 1]),
        TypeError,
        "sample_weight must be an array of numbers, one per row; got dtype complex128.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, np.zeros(2, "M8[D]")),
        TypeError,
        "sample_weight must be an array of numbers, one per row; got dtype datetime64[D].",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, abs),
        TypeError,
        "sample_weight must be an array of numbers, one per row; got dtype object.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, [0.0, 0.0]),
        ValueError,
        "sample_weight must be positive for some row; got zero for all 2 rows.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, {"no": 0, "yes": 0}, None),
        ValueError,
        "class_weight must be positive for some row; got zero for all 2 rows.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, {"yes": 1e308}, [1.0, 1e308]),
        ValueError,
        "class_weight must be zero or more, and finite; got inf at row 1. Rows of weight 0 are not used.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, [[1.0], [1.0]]),
        ValueError,
        "sample_weight must have one weight per row, shape (2,); got shape (2, 1).",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, "even", None),
        TypeError,
        "class_weight must be None, 'balanced' or a dict from class to weight; got 'even'.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, [1, 2], None),
        TypeError,
        "class_weight must be None, 'balanced' or a dict from class to weight; got [1, 2].",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, {"maybe": 2}, None),
        ValueError,
        "class_weight must name classes of y, ['no', 'yes']; got 'maybe'.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, {"yes": np.nan}, None),
        ValueError,
        "class_weight of 'yes' must be zero or more, and finite; got nan.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, {"no": -2}, None),
        ValueError,
        "class_weight of 'no' must be zero or more, and finite; got -2.0.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, {"no": "much"}, None),
        TypeError,
        "class_weight of 'no' must be a number; got 'much' of type str.",
    ),
]


@pytest.mark.parametrize(("call", "kind", "message"), BAD)
def test_refusals(call, kind, message):
    with pytest.raises(kind) as raised:
        call()
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "labels",
    [
        np.arange(25),  # few classes
        np.arange(104) % 26,  # counts up, as the places of classes do
        np.arange(130) % 26 * 3,
        (np.arange(104) % 26 * 3).astype(str).astype(object),
    ],
)
def test_classes_of_few_rows(labels):
    labels = np.concatenate([labels, labels])
    np.testing.assert_array_equal(find_classes(labels), np.unique(labels))
