"""Labels, weights and the validation split."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from logitwise.classifier.target import class_indices, find_classes, read_labels, row_weights, split_rows

NAN = float("nan")


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        (np.array([2, 0, 2], dtype=np.uint8), np.int64),
        ([True, False, True], np.bool_),
        (["b", "a", "b"], np.object_),
        (np.array(["b", "a", "b"]), np.object_),
        (np.array(["b", "a", "b"], dtype=object), np.object_),
        ([1.0, -1.0, 1.0], np.float64),
    ],
)
def test_labels_of_every_type_give_their_classes_in_order(labels, dtype):
    classes = find_classes(read_labels(labels))
    assert classes.dtype == dtype
    assert classes.tolist() == sorted(set(np.asarray(labels).tolist()))
    np.testing.assert_array_equal(class_indices(labels, classes), [1, 0, 1])


LABELS = {
    "numbers": (np.array([1, 2, 1], np.int8), [1, 2, 1]),
    "whole floats": ([1.0, 2.0, -0.0], [1.0, 2.0, 0.0]),
    "float32": (np.array([1, 2, 1], np.float32), [1.0, 2.0, 1.0]),
    "NumPy scalars": ([np.int64(1), 2, np.uint8(1)], [1, 2, 1]),
    "NumPy booleans": ([np.bool_(True), False], [True, False]),
    "the largest integers": ([2**63 - 1, -(2**63)], [2**63 - 1, -(2**63)]),
    "pandas": (pd.Series(["a", "b", "a"], dtype="category"), ["a", "b", "a"]),
    "pandas Int64": (pd.Series([1, 2, 1], dtype="Int64"), [1, 2, 1]),
    "polars": (pl.Series([True, False, True]), [True, False, True]),
    "no rows": ([], []),
}


@pytest.mark.parametrize("case", LABELS)
def test_labels_are_read_as_one_type(case):
    labels, expected = LABELS[case]
    found = read_labels(labels)
    assert found.tolist() == expected
    assert {type(label) for label in found.tolist()} == {type(label) for label in expected}
    assert found.ndim == 1


@pytest.mark.parametrize(
    "labels", [[1, None, 2], [1.0, NAN], ["a", NAN], pd.Series([1, None, 2], dtype="Int64"), pl.Series(["a", None])]
)
def test_a_missing_label_is_refused_with_its_row(labels):
    with pytest.raises(ValueError, match=r"^y must have a label in every row; got a missing one .* at row 1\. Drop"):
        read_labels(labels)


def test_two_classes_in_three_rows_are_enough():
    assert find_classes(read_labels(["b", "a", "b"])).tolist() == ["a", "b"]


def test_classes_are_listed_up_to_ten():
    for count, more in ((10, ""), (12, ", ... 2 more")):
        with pytest.raises(ValueError) as raised:
            class_indices([3, 99, 98], np.arange(count), "y_val")
        assert str(raised.value).startswith(
            f"y_val must hold only classes seen in training, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9{more}]; got 99 at row 1 (2 "
        )


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


def test_the_split_is_stratified_and_complete():
    target = np.repeat([0, 1, 2, 3], [700, 250, 49, 1])
    rows, held_out = split_rows(target, 0.1, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(np.concatenate([rows, held_out])), np.arange(1000))
    np.testing.assert_allclose(np.bincount(target[held_out], minlength=4), [70, 25, 5, 0], atol=1)
    assert 999 in rows


@pytest.mark.parametrize(("fraction", "count"), [(0.1, 10), (0.104, 10), (0.107, 11), (0.5, 50), (1.0, 99)])
def test_a_split_takes_its_share_of_the_rows_of_classes_with_two_or_more(fraction, count):
    target = np.repeat([0, 1, 2], [60, 39, 1])
    rows, held_out = split_rows(target, fraction, np.random.default_rng(0))
    assert len(held_out) == count
    assert 99 in rows
    assert (np.diff(held_out) > 0).all()
    assert (np.diff(rows) > 0).all()


def test_a_seed_decides_which_rows_a_split_takes():
    target = np.repeat([0, 1], 50)
    taken = [split_rows(target, 0.2, np.random.default_rng(seed))[1].tolist() for seed in (0, 0, 1)]
    assert taken[0] == taken[1] != taken[2]
    assert len({tuple(np.diff(each)) for each in taken}) == 2
    assert len(set(np.diff(taken[0]).tolist())) > 3  # rows are not taken at even distances


@pytest.mark.parametrize("seed", range(5))
def test_every_class_gives_its_share_of_any_order_of_rows(seed):
    """Equal classes of 10 rows: one of each in every tenth."""
    generator = np.random.default_rng(seed)
    target = generator.permutation(np.repeat(np.arange(100), 10))
    rows, held_out = split_rows(target, 0.1, generator)
    assert np.bincount(target[held_out]).tolist() == [1] * 100
    assert np.bincount(target[rows]).tolist() == [9] * 100
    for part in (rows, held_out):
        assert (np.diff(part) > 0).all()


def test_any_row_may_be_held_out_and_a_seed_says_which():
    target = np.repeat([0, 1], [6, 4])
    splits = [split_rows(target, 0.3, np.random.default_rng(seed))[1].tolist() for seed in range(60)]
    assert splits == [split_rows(target, 0.3, np.random.default_rng(seed))[1].tolist() for seed in range(60)]
    counts = np.bincount(np.concatenate(splits), minlength=10)
    assert counts.sum() == 180
    assert counts.min() > 5  # of 18 each, more or less
    assert len(set(map(tuple, splits))) > 20  # any three, not those at even distances alone


@pytest.mark.parametrize(
    ("sizes", "fraction", "count"),
    [
        ([5, 5], 0.0, 0),
        ([1, 1, 1], 0.5, 0),
        ([5, 5], 0.34, 3),
        ([5, 5], 0.36, 4),
        ([2, 1, 1], 0.5, 1),
        ([4, 4], 1.0, 8),
    ],
)
def test_the_count_is_the_fraction_of_the_rows_whose_class_has_others(sizes, fraction, count):
    target = np.repeat(np.arange(len(sizes)), sizes)
    rows, held_out = split_rows(target, fraction, np.random.default_rng(0))
    assert len(held_out) == len(set(held_out.tolist())) == count
    assert len(rows) == len(target) - count


@pytest.mark.parametrize("seed", range(20))
def test_every_class_is_left_something_to_train_on(seed):
    target = np.repeat(np.arange(10), 2)
    rows, held_out = split_rows(target, 0.5, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.unique(target[rows]), np.arange(10))
    assert len(held_out) == 10


def test_labels_of_series_and_of_mixed_widths():
    import polars as pl

    assert read_labels(pl.Series(["b", "a"])).tolist() == ["b", "a"]
    assert read_labels((np.int8(3), 4)).dtype == np.int64
    assert read_labels([np.float32(2.0), 3.0]).dtype == np.float64
    assert read_labels([np.bool_(True), False]).dtype == np.bool_
    assert read_labels([]).dtype == np.int64
    assert find_classes(np.array([3, 1, 3, 2])).tolist() == [1, 2, 3]


def test_indices_are_places_among_the_classes_given():
    classes = np.array([5, 1, 9])
    found = class_indices([1, 9, 9, 5], classes)
    assert (found.tolist(), found.dtype) == ([1, 2, 2, 0], np.int64)
    assert class_indices([1.0, 5.0], classes).tolist() == [1, 0]


@pytest.mark.parametrize(("count", "told"), [(10, ", 9]"), (11, ", 9, ... 1 more]"), (13, ", 9, ... 3 more]")])
def test_ten_classes_are_named(count, told):
    with pytest.raises(ValueError) as raised:
        class_indices([-1], np.arange(count), "labels")
    listed = ", ".join(map(str, range(9)))
    assert str(raised.value) == (
        f"labels must hold only classes seen in training, [{listed}{told}; got -1 at row 0. Rename or strip labels, or "
        f"drop those rows."
    )


CLASSES = np.array(["no", "yes"], dtype=object)
BAD = [
    (
        lambda: read_labels([1, "a"]),
        TypeError,
        "y must hold labels of one type: bool, int, float or str; got int, str. Convert them to one.",
    ),
    (
        lambda: read_labels(np.array([1, True, 0.5, "a"], dtype=object)),
        TypeError,
        "y must hold labels of one type: bool, int, float or str; got bool, float, int, str. Convert them to one.",
    ),
    (
        lambda: read_labels([[1], [2]]),
        TypeError,
        "y must hold labels of one type: bool, int, float or str; got list. Convert them to one.",
    ),
    (
        lambda: read_labels(np.zeros((2, 2))),
        ValueError,
        "y must be one-dimensional, one label a row; got shape (2, 2).",
    ),
    (
        lambda: read_labels(["a", None, None]),
        ValueError,
        "y must have a label in every row; got a missing one (NaN or None) at row 1 (2 such rows). Drop rows without "
        "a label.",
    ),
    (
        lambda: read_labels(np.array([0.0, np.nan])),
        ValueError,
        "y must have a label in every row; got a missing one (NaN or None) at row 1. Drop rows without a label.",
    ),
    (
        lambda: read_labels([0.0, np.inf]),
        ValueError,
        "y must be class labels, finite whole numbers if floating; got inf at row 1. Unknown label type: continuous. "
        "For a quantity to predict, use a regression model.",
    ),
    (
        lambda: read_labels([0.5, 1.5]),
        ValueError,
        "y must be class labels, finite whole numbers if floating; got 0.5 at row 0 (2 such rows). Unknown label "
        "type: continuous. For a quantity to predict, use a regression model.",
    ),
    (
        lambda: read_labels([1, 2**63]),
        ValueError,
        "y must fit into 64-bit integers; got a larger one. Convert labels to strings.",
    ),
    (
        lambda: find_classes(read_labels(["a", "a"])),
        ValueError,
        "y must have at least two classes; got one class, 'a', in all 2 rows. Add rows of another class, or choose "
        "another target.",
    ),
    (
        lambda: find_classes(read_labels([1, 2, 3])),
        ValueError,
        "y must have fewer classes than rows; got 3 classes in 3 rows. It looks like an identifier or a regression "
        "target: choose another target, or get more rows.",
    ),
    (
        lambda: class_indices(["yes", "yes.", "no."], CLASSES),
        ValueError,
        "y must hold only classes seen in training, ['no', 'yes']; got 'yes.' at row 1 (2 such rows). Rename or "
        "strip labels, or drop those rows.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, [1.0]),
        ValueError,
        "sample_weight must have one weight a row, shape (2,); got shape (1,).",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, [1.0, -1.0]),
        ValueError,
        "sample_weight must be zero or more, and finite; got -1.0 at row 1. Rows of weight 0 take no part.",
    ),
    (
        lambda: row_weights(np.array([0, 1, 1]), CLASSES, None, [1.0, np.nan, np.inf]),
        ValueError,
        "sample_weight must be zero or more, and finite; got nan at row 1 (2 such rows). Rows of weight 0 take "
        "no part.",
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
        "class_weight must be zero or more, and finite; got inf at row 1. Rows of weight 0 take no part.",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, None, [[1.0], [1.0]]),
        ValueError,
        "sample_weight must have one weight a row, shape (2,); got shape (2, 1).",
    ),
    (
        lambda: row_weights(np.array([0, 1]), CLASSES, "even", None),
        TypeError,
        "class_weight must be None, 'balanced' or a dict from class to weight; got 'even'.",
    ),
    (
        lambda: read_labels([1.0, -np.inf, 2.5], "y_val"),
        ValueError,
        "y_val must be class labels, finite whole numbers if floating; got -inf at row 1 (2 such rows). Unknown label "
        "type: continuous. For a quantity to predict, use a regression model.",
    ),
    (
        lambda: read_labels(np.array([1, 2], dtype="datetime64[D]")),
        TypeError,
        "y must hold labels of one type: bool, int, float or str; got datetime64. Convert them to one.",
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
