"""Labels of every type are read, and found among the classes of a model."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from logitwise.classifier.rows import find_classes
from logitwise.model.labels import class_indices, read_labels

NAN = float("nan")

NAN = float("nan")
CLASSES = np.array(["no", "yes"], dtype=object)


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


def test_classes_are_listed_up_to_ten():
    for count, more in ((10, ""), (12, " and 2 more")):
        with pytest.raises(ValueError) as raised:
            class_indices([3, 99, 98], np.arange(count), "y_val")
        assert str(raised.value).startswith(
            f"y_val must hold only classes seen in training, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9{more}]; got 99 at row 1 (2 "
        )


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


@pytest.mark.parametrize(("count", "told"), [(10, ", 9]"), (11, ", 9 and 1 more]"), (13, ", 9 and 3 more]")])
def test_ten_classes_are_named(count, told):
    with pytest.raises(ValueError) as raised:
        class_indices([-1], np.arange(count), "labels")
    listed = ", ".join(map(str, range(9)))
    assert str(raised.value) == (
        f"labels must hold only classes seen in training, [{listed}{told}; got -1 at row 0. Rename or strip labels, or "
        f"drop those rows."
    )


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
        "y must be one-dimensional, one label per row; got shape (2, 2).",
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
        lambda: class_indices(["yes", "yes.", "no."], CLASSES),
        ValueError,
        "y must hold only classes seen in training, ['no', 'yes']; got 'yes.' at row 1 (2 such rows). Rename or "
        "strip labels, or drop those rows.",
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
]


@pytest.mark.parametrize(("call", "kind", "message"), BAD)
def test_refusals(call, kind, message):
    with pytest.raises(kind) as raised:
        call()
    assert str(raised.value) == message
