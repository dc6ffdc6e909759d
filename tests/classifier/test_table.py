"""What users pass as X, read as columns: every container, every dtype, and what text and numbers match."""

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array

from logitwise.classifier.table import Table, Text, is_missing, objects, read_column, read_table


def columns_of(table):
    return [table.column(place).tolist() for place in range(table.n_columns)]


DTYPES = [np.float64, np.float32, np.float16, np.int64, np.int8, np.uint16, np.uint8, np.bool_]


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_of_numbers_are_matrices(dtype, rows):
    X = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 1], [0, 0, 1]])[:rows].astype(dtype)
    table = read_table(X)
    assert (table.rows, table.n_columns, table.names) == (rows, 3, None)
    assert table.has_common_scale == (dtype == np.uint8)
    assert table.image_shape is None
    np.testing.assert_array_equal(table.columns, X)
    np.testing.assert_array_equal(table.numbers([2, 0]), X[:, [2, 0]])
    assert columns_of(table) == X.T.tolist()


@pytest.mark.parametrize(
    ("shape", "dtype", "common", "image"),
    [
        ((5, 4), np.uint8, True, None),
        ((5, 4, 3), np.uint8, True, (4, 3)),
        ((5, 4, 3, 2), np.uint8, True, (4, 3, 2)),
        ((5, 4, 3, 2, 1), np.uint8, True, None),
        ((5, 4, 3), np.float32, True, None),
        ((5, 4, 3), np.bool_, True, None),
        ((5, 4), np.float32, False, None),
    ],
)
def test_more_dimensions_are_pixels_and_those_of_bytes_images(shape, dtype, common, image):
    X = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    table = read_table(X)
    assert (table.rows, table.n_columns) == (5, np.prod(shape[1:]))
    assert (table.has_common_scale, table.image_shape) == (common, image)
    np.testing.assert_array_equal(table.columns, X.reshape(5, -1))


NAN = float("nan")
SAME = {
    "a list": [[1, "a", True, None], [2, "b", False, 0.5], [3, None, True, 1.5]],
    "objects": np.array([[1, "a", True, NAN], [2, "b", False, 0.5], [3, None, True, 1.5]], object),
    "polars": pl.DataFrame({"n": [1, 2, 3], "t": ["a", "b", None], "b": [True, False, True], "g": [None, 0.5, 1.5]}),
    "polars categories": pl.DataFrame(
        {"n": [1, 2, 3], "t": pl.Series(["a", "b", None], dtype=pl.Categorical), "b": [1, 0, 1], "g": [NAN, 0.5, 1.5]}
    ),
    "pandas": pd.DataFrame({"n": [1, 2, 3], "t": ["a", "b", None], "b": [True, False, True], "g": [NAN, 0.5, 1.5]}),
    "pandas extensions": pd.DataFrame(
        {
            "n": pd.array([1, 2, 3], "Int64"),
            "t": pd.array(["a", "b", None], "string"),
            "b": pd.array([True, False, True], "boolean"),
            "g": pd.array([None, 0.5, 1.5], "Float64"),
        }
    ),
    "pandas categories": pd.DataFrame(
        {"n": [1, 2, 3], "t": pd.Categorical(["a", "b", None]), "b": [True, False, True], "g": [None, 0.5, 1.5]}
    ),
}


@pytest.mark.parametrize("X", SAME.values(), ids=SAME)
def test_the_same_rows_in_any_container_are_the_same_columns(X):
    table = read_table(X)
    numbers, text, truth, gaps = (table.column(place) for place in range(4))
    assert numbers.tolist() == [1, 2, 3]
    assert text.tolist() == ["a", "b", None]
    assert truth.tolist() == [1, 0, 1]
    np.testing.assert_array_equal(gaps, [np.nan, 0.5, 1.5])
    assert [column.dtype.kind == "O" for column in (numbers, text, truth, gaps)] == [False, True, False, False]
    assert table.names == (("n", "t", "b", "g") if hasattr(X, "columns") else None)
    assert table.rows == 3
    assert not table.has_common_scale
    np.testing.assert_array_equal(table.numbers([3, 0]), [[np.nan, 1], [0.5, 2], [1.5, 3]])


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("kind", ["float64", "float32", "int64"])
def test_frames_of_one_kind_of_numbers_are_matrices_with_names(frame, kind):
    data = {"a": np.array([1, 2], kind), "b": np.array([3, 4], kind)}
    table = read_table(frame(data))
    assert isinstance(table.columns, np.ndarray)
    assert table.names == ("a", "b")
    np.testing.assert_array_equal(table.columns, [[1, 3], [2, 4]])
    mixed = read_table(frame({**data, "c": np.array([5, 6], "int8")}))
    assert isinstance(mixed.columns, tuple)
    assert columns_of(mixed) == [[1, 2], [3, 4], [5, 6]]


def test_names_are_text_whatever_they_were():
    assert read_table(pd.DataFrame({0: [1.0], 7: [2.0]})).names == ("0", "7")
    with pytest.raises(ValueError, match="got '0' more than once"):
        read_table(pd.DataFrame([[1.0, 2.0]], columns=[0, "0"]))


def test_sparse_matrices_and_lists_of_numbers():
    np.testing.assert_array_equal(read_table(csr_array([[0.0, 2.0]])).columns, [[0.0, 2.0]])
    np.testing.assert_array_equal(read_table([[1, 2.5], [None, 4]]).numbers([0, 1]), [[1, 2.5], [np.nan, 4]])
    assert columns_of(read_table([["1", "a"], ["2", "b"]])) == [["1", "2"], ["a", "b"]]
    assert columns_of(read_table(np.array([["1", "a"], ["2", "b"]]))) == [["1", "2"], ["a", "b"]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, None, 2.5], [1.0, NAN, 2.5]),
        ([True, None, False], [1.0, NAN, 0.0]),
        ([Decimal("0.5"), 2], [0.5, 2.0]),
        (["a", None, "b", NAN], ["a", None, "b", None]),
        ([np.float32(0.5), np.int8(3), np.bool_(True)], [0.5, 3.0, 1.0]),
        (np.array(["x", "yy"]), ["x", "yy"]),
        (np.array([True, False]), [1, 0]),
        ([None, None], [NAN, NAN]),
        (pd.Series(pd.array([1, None], "Int64")), [1.0, NAN]),
        (pd.Series(pd.Categorical([3, 5, None])), ["3", "5", None]),
    ],
)
def test_a_column_is_numbers_or_text(values, expected):
    column = read_column(values, "column")
    found = column.tolist()
    assert len(found) == len(expected)
    assert all(a == b or (a != a and b != b) for a, b in zip(found, expected, strict=True))
    assert (column.dtype.kind == "O") == any(isinstance(value, str) for value in expected)


@pytest.mark.parametrize(
    ("value", "missing"),
    [(None, True), (NAN, True), (np.float32("nan"), True), (pd.NA, True), (pd.NaT, True), (0, False), ("", False)],
)
def test_what_is_missing(value, missing):
    assert bool(is_missing(value)) is missing


def test_objects_keep_each_value_as_it_is():
    found = objects([[1, 2], [3, 4], "a"])
    assert found.shape == (3,)
    assert found.tolist() == [[1, 2], [3, 4], "a"]


MATCHED = [
    (["b", "a", None, "c", ""], ["a", "b"], [1, 0, -1, -1, -1], 2),
    (["1", "1.0", "01", " 1", "2", "x", None], ["2", "1"], [1, 1, 1, 1, 0, -1, -1], 1),
    ([1.0, 2.0, np.nan, 3.0], ["2", "1"], [1, 0, -1, -1], 1),
    (["True", "true", "TRUE", "false", "1", "0", "2"], ["true", "false"], [0, 0, 0, 1, 0, 1, -1], 1),
    ([" true ", "False\n", "yes"], ["true", "false"], [0, 1, -1], 1),
    ([1, 0, 2], ["False", "True"], [1, 0, -1], 1),
    (["1", "1.0", "01"], ["1", "1.0"], [0, 1, -1], 1),  # which of the two 01 is, nobody can say
    ([1.0, 2.0], ["1", "1.0", "2"], [-1, 2], 1),
    (["true", "yes"], ["true", "yes", "1"], [0, 1], 0),
    (["True", "1.0"], ["yes", "1"], [1, 1], 0),
    (["True", "no"], ["true", "yes"], [-1, -1], 2),
    ([True, False], ["1", "0"], [0, 1], 0),
    (["a"], [], [-1], 1),
]


@pytest.mark.parametrize(("values", "levels", "codes", "unknown"), MATCHED)
def test_values_are_matched_with_levels_as_text_then_as_numbers(values, levels, codes, unknown):
    tables = [Table((read_column(values, "column"),), len(values))]
    if isinstance(values[0], str):
        tables.append(read_table(pl.DataFrame({"t": values})))
        assert isinstance(tables[1].columns[0], Text)
    else:
        tables.append(Table(np.array(values, float)[:, None], len(values)))
    for table in tables:
        found, count = table.codes(0, levels)
        assert (found.tolist(), found.dtype, count) == (codes, np.int32, unknown)


def test_text_that_is_numbers_is_read_as_numbers():
    data = {"n": ["1", "2.5", None, "-3e2"], "t": ["True", "false", None, "7"], "x": ["1", "b", None, "2"]}
    frame = pl.DataFrame(data)
    table = read_table(frame)
    np.testing.assert_array_equal(table.numbers([0, 1]), [[1, 1], [2.5, 0], [np.nan, np.nan], [-300, 7]])
    with pytest.raises(ValueError) as raised:
        read_table(frame, first_row=100).numbers([0, 2])
    expected = "X must have numbers in column 'x', as in training; got 'b' at row 101. Correct the column."
    assert str(raised.value) == expected
    as_objects = read_table(pd.DataFrame(data))
    np.testing.assert_array_equal(as_objects.numbers([0, 1]), table.numbers([0, 1]))


@pytest.mark.parametrize("as_frame", [False, True])
def test_infinity_is_refused_where_it_is_in_the_whole(as_frame):
    X = np.zeros((4, 3))
    X[2, 1] = X[3, 0] = -np.inf
    given = pl.DataFrame(X, schema=["a", "b", "c"]) if as_frame else X
    where = "column 'b'" if as_frame else "column 1"
    for first_row in (0, 50):
        for positions in ([0, 1, 2], [2, 1], [1, 2]):
            with pytest.raises(ValueError) as raised:
                read_table(given, first_row).numbers(positions)
            assert str(raised.value) == (
                f"X must be finite (NaN marks a missing value); got -inf at row {2 + first_row}, {where}. Replace "
                f"infinity by NaN or by a number."
            )
    np.testing.assert_array_equal(read_table(given).numbers([2]), np.zeros((4, 1)))


def test_columns_are_selected_by_name_where_both_have_names_else_by_position():
    matrix, mixed = pl.DataFrame({"a": [1.0], "b": [2.0], "c": [3.0]}), pl.DataFrame({"a": [1], "b": ["x"], "c": [3.0]})
    for frame, expected in ((matrix, [[3.0], [1.0]]), (mixed, [[3.0], [1]])):
        table = read_table(frame, first_row=9).selected(("c", "a"), 2)
        assert columns_of(table) == expected
        assert (table.names, table.rows, table.first_row) == (("c", "a"), 1, 9)
    table = read_table(matrix)
    assert table.selected(None, 3) is table
    unnamed = read_table(matrix.to_numpy())
    assert unnamed.selected(("x", "y", "z"), 3) is unnamed
    for wrong in (2, 4):
        with pytest.raises(ValueError, match=f"X has 3 features, but Model is expecting {wrong} features"):
            unnamed.selected(("x", "y"), wrong)
    with pytest.raises(ValueError) as raised:
        table.selected(("c", "q", *"mnopr"), 7)
    expected = "X must have every column of training; got none named 'q', 'm', 'n', 'o', 'p' and 1 more. Add or rename"
    assert str(raised.value) == f"{expected} columns."


def test_images_keep_their_scale_when_they_are_selected():
    table = Table(np.zeros((2, 2)), 2, ("a", "b"), True)
    assert table.selected(("b", "a"), 2).has_common_scale
