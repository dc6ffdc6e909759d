"""X read as columns: what becomes of every kind of array, list and DataFrame, and of values not seen in training."""

import datetime
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array

from logitwise.classifier import Classifier
from logitwise.columns.table import Table, Text, read_table
from logitwise.columns.values import is_missing, objects, read_column
from logitwise.data.dataset import Dataset

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


# --- arrays -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int8, np.uint16, np.float16])
def test_a_matrix_of_numbers_stays_as_it_is(dtype):
    table = read_table(X.astype(dtype))
    assert table.columns.dtype == dtype
    np.testing.assert_array_equal(table.columns, X)
    assert (table.rows, table.n_columns, table.names, table.first_row) == (2, 3, None, 0)
    assert (table.has_common_scale, table.image_shape) == (False, None)
    np.testing.assert_array_equal(table.column(1), [2, 5])


FRAME = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
RECORDS = "X must be an array or a DataFrame; got {}. Make one: polars.DataFrame(X), or pandas.DataFrame(X)."
FILE = (
    "X must be an array or a DataFrame; got 'people.csv'. Read the file with logitwise.data.read, and pass the "
    "features of the result."
)
FLAT = "X must have two or more dimensions, rows first; got shape (2,). Select by a list, which keeps a DataFrame: "
DATASET = "X must be an array or a DataFrame; got Dataset. Pass its features."
NO_ARRAYS = [
    ("people.csv", TypeError, FILE),
    (Path("people.csv"), TypeError, FILE),
    ({"a": [1.0, 2.0]}, TypeError, RECORDS.format("a dict")),
    ([{"a": 1.0}, {"a": 2.0}], TypeError, RECORDS.format("a list of dicts")),
    (({"a": 1.0},), TypeError, RECORDS.format("a tuple of dicts")),
    (
        Dataset(X, None, None, "x.npy", None),
        TypeError,
        DATASET,
    ),
    (FRAME.iloc[0], ValueError, FLAT + "frame[['name']] is one column, and frame.iloc[[0]] one row."),
    (FRAME["a"], ValueError, FLAT + "frame[['name']] is one column, and frame.iloc[[0]] one row."),
    (pl.Series("a", [1.0, 2.0]), ValueError, FLAT + "frame[['name']] is one column."),
]


@pytest.mark.parametrize(("value", "error", "message"), NO_ARRAYS, ids=[repr(v)[:20] for v, _, _ in NO_ARRAYS])
def test_what_holds_rows_and_is_no_array_is_refused_with_how_to_make_one(value, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        read_table(value)


def test_a_plain_matrix_is_not_copied():
    assert read_table(X).columns is X
    assert read_table(X, first_row=7).first_row == 7
    assert read_table(X.tolist(), first_row=7).first_row == 7
    assert read_table(pl.DataFrame(X), first_row=7).first_row == 7


PIXELS = {
    "a matrix of bytes": ((2, 6), np.uint8, True, None),
    "images": ((2, 2, 3), np.uint8, True, (2, 3)),
    "images with channels": ((2, 2, 1, 3), np.uint8, True, (2, 1, 3)),
    "volumes with channels": ((2, 1, 2, 1, 3), np.uint8, True, None),
    "images of floats": ((2, 2, 3), np.float32, True, None),
    "images of booleans": ((2, 2, 3), np.bool_, True, None),
    "a matrix of booleans": ((2, 6), np.bool_, False, None),
}


@pytest.mark.parametrize("case", PIXELS)
def test_what_is_measured_on_one_scale(case):
    shape, dtype, has_common_scale, image_shape = PIXELS[case]
    values = np.arange(12).reshape(shape).astype(dtype)
    table = read_table(values)
    assert (table.has_common_scale, table.image_shape) == (has_common_scale, image_shape)
    assert table.columns.dtype == (np.int8 if dtype is np.bool_ else dtype)
    np.testing.assert_array_equal(table.columns, values.reshape(2, 6))


def test_objects_and_text_are_read_a_column_at_a_time():
    for values in ([[1, "a"], [None, "b"]], np.array([[1, "a"], [None, "b"]], dtype=object)):
        table = read_table(values)
        np.testing.assert_array_equal(table.column(0), [1.0, np.nan])
        assert table.column(1).tolist() == ["a", "b"]
        assert (table.rows, table.n_columns) == (2, 2)
    assert read_table([["1", "a"], ["2", "b"]]).column(0).tolist() == ["1", "2"]
    assert read_table(np.array([["1", "a"], ["2", "b"]])).column(0).tolist() == ["1", "2"]
    mixed = read_table([[1, "a"], [2, "b"]])  # of which NumPy alone would make text
    assert mixed.column(0).tolist() == [1.0, 2.0]


# --- columns ----------------------------------------------------------------------------------------------------------

NAN = float("nan")
COLUMNS = {
    "numbers and None": ([1, None, 2.5], [1.0, NAN, 2.5]),
    "booleans": ([True, False], [1.0, 0.0]),
    "decimals": ([Decimal("1.5"), None], [1.5, NAN]),
    "NumPy numbers": ([np.int8(1), np.float32(2.5), np.bool_(True)], [1.0, 2.5, 1.0]),
    "a tuple": ((1, 2), [1.0, 2.0]),
    "nothing but gaps": ([None, NAN, pd.NA], [NAN, NAN, NAN]),
    "text and gaps": (["a", None, NAN, pd.NA, pd.NaT], ["a", None, None, None, None]),
    "an array of booleans": (np.array([True, False]), [1, 0]),
    "an array of text": (np.array(["a", "b"]), ["a", "b"]),
    "pandas Int64": (pd.Series([1, None, 3], dtype="Int64"), [1.0, NAN, 3.0]),
    "pandas boolean": (pd.Series([True, None, False], dtype="boolean"), [1.0, NAN, 0.0]),
    "pandas string": (pd.Series(["a", None], dtype="string"), ["a", None]),
    "pandas objects": (pd.Series(["a", NAN, "b"], dtype=object), ["a", None, "b"]),
    "pandas categories of text": (pd.Series(["a", None, "b"], dtype="category"), ["a", None, "b"]),
    "pandas categories of numbers": (pd.Series([1, 2, 1], dtype="category"), ["1", "2", "1"]),
    "polars with gaps": (pl.Series([1, None]), [1.0, NAN]),
    "polars booleans": (pl.Series([True, None]), [1.0, NAN]),
    "polars categories": (pl.Series(["a", None], dtype=pl.Categorical), ["a", None]),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_a_column_is_numbers_or_categories(case):
    values, expected = COLUMNS[case]
    column = read_column(values, "column 0")
    is_text = any(isinstance(value, str) for value in expected)
    assert column.dtype.kind in ("O" if is_text else "fiu")
    if is_text:
        assert column.tolist() == expected
    else:
        np.testing.assert_array_equal(column, expected)


def test_what_is_no_column_is_refused():
    for values, what in (
        ([b"a"], "bytes"),
        ([1, [2]], "int, list"),
        ([1j, 2], "complex, int"),
    ):
        with pytest.raises(TypeError) as raised:
            read_column(values, "column 'k'")
        assert str(raised.value) == (
            f"X must hold values of one type in each column: numbers, text or dates; got {what} at column 'k'. Convert "
            "it to one of them, or leave it out."
        )
    with pytest.raises(TypeError, match=r"^X must hold one value per row in each column; got Struct.* at column 'k'"):
        read_table(pl.DataFrame({"k": [{"a": 1}]}))


DAY = datetime.date(2020, 1, 1)
MOMENTS = {
    "pandas": pd.DataFrame({"k": pd.to_datetime(["2020-01-01", None])}),
    "pandas, in seconds": pd.DataFrame({"k": pd.Series(["2020-01-01", None], dtype="datetime64[s]")}),
    "pandas, with a time zone": pd.DataFrame({"k": pd.to_datetime(["2020-01-01", None]).tz_localize("Asia/Tokyo")}),
    "pandas, periods": pd.DataFrame({"k": pd.PeriodIndex(["2020-01", None], freq="M")}),
    "pandas, objects": pd.DataFrame({"k": [DAY, None]}),
    "polars, days": pl.DataFrame({"k": [DAY, None]}),
    "polars, times": pl.DataFrame({"k": [datetime.datetime(2020, 1, 1), None]}),
    "polars, lazy": pl.LazyFrame({"k": [DAY, None]}),
    "NumPy": np.array([["2020-01-01"], ["NaT"]], "datetime64[D]"),
    "a list": [[DAY], [None]],
}


@pytest.mark.parametrize("case", MOMENTS)
def test_dates(case):
    (column,) = (read_table(MOMENTS[case]).column(0),)
    assert column.dtype == "datetime64[us]"
    np.testing.assert_array_equal(column, np.array(["2020-01-01", "NaT"], "datetime64[us]"))


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(pd.to_timedelta(["90s", None])),
        [datetime.timedelta(seconds=90), None],
        pl.Series([datetime.timedelta(seconds=90), None]),
    ],
)
def test_durations_are_numbers_of_seconds(values):
    np.testing.assert_array_equal(read_column(values, "k"), [90.0, np.nan])


@pytest.mark.parametrize("values", [[datetime.time(0, 1, 30), None], pl.Series([datetime.time(0, 1, 30), None])])
def test_times_of_day_are_moments_of_a_day(values):
    expected = np.array(["1900-01-01T00:01:30", "NaT"], "datetime64[us]")
    np.testing.assert_array_equal(read_column(values, "k"), expected)


def test_times_keep_their_hour_in_every_zone():
    moments = (
        pl.Series([datetime.datetime(2024, 7, 1, 12)]).dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo")
    )
    for values in (
        moments,
        pd.to_datetime(["2024-07-01 12:00"]).tz_localize("UTC").tz_convert("Asia/Tokyo").to_series(),
    ):
        assert read_column(values, "k").tolist() == [datetime.datetime(2024, 7, 1, 21)]


def test_values_that_are_masked_are_missing():
    mask = [[True, False], [False, False]]
    for values in (np.array([[-9.0, 1.0], [2.0, 3.0]]), np.array([[-9, 1], [2, 3]])):
        np.testing.assert_array_equal(read_table(np.ma.MaskedArray(values, mask)).columns, [[np.nan, 1.0], [2.0, 3.0]])
    assert read_table(np.ma.MaskedArray(np.array([["x", "y"], ["z", "w"]]), mask)).column(0).tolist() == [None, "z"]


def test_integers_of_128_bits_are_numbers():
    assert read_column(pl.Series([1, None, 3], dtype=pl.Int128), "k").tolist()[::2] == [1.0, 3.0]


def test_durations_may_be_longer_than_a_day():
    assert read_column([datetime.timedelta(days=2, seconds=1)], "k").tolist() == [172801.0]


def test_numbers_among_text_are_text():
    assert read_column([1, "a", None, 2.5, True], "k").tolist() == ["1", "a", None, "2.5", "True"]


def test_a_value_is_missing():
    assert all(map(is_missing, [None, NAN, np.float32("nan"), pd.NA, pd.NaT]))
    assert not any(map(is_missing, [0, 0.0, "", "nan", False, np.inf, np.float64(0)]))


# --- DataFrames -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", [pd, pl])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int8"])
def test_a_dataframe_of_numbers_is_the_matrix(library, dtype):
    frame = library.DataFrame({"a": X[:, 0].astype(dtype), "b": X[:, 1].astype(dtype)})
    table = read_table(frame)
    assert isinstance(table.columns, np.ndarray) is (dtype != "int8")
    assert (table.names, table.rows, table.n_columns) == (("a", "b"), 2, 2)
    np.testing.assert_array_equal(table.numbers([0, 1]), X[:, :2])
    np.testing.assert_array_equal(table.column(1), [2, 5])


def test_a_dataframe_of_numbers_with_gaps_has_nan():
    for frame in (pl.DataFrame({"a": [1, None], "b": [3, 4]}), pd.DataFrame({"a": [1, None], "b": [3.0, 4]})):
        np.testing.assert_array_equal(read_table(frame).numbers([0, 1]), [[1, 3], [NAN, 4]])


@pytest.mark.parametrize("dtype", ["Float64", "Float32", "Int64", "boolean"])
def test_a_dataframe_of_the_types_of_pandas_with_gaps_has_nan(dtype):
    table = read_table(pd.DataFrame({"a": [1, None], "b": [0, 1]}, dtype=dtype))
    np.testing.assert_array_equal(table.numbers([0, 1]), [[1, 0], [NAN, 1]])


@pytest.mark.parametrize("library", [pd, pl])
def test_a_dataframe_of_several_kinds(library):
    table = read_table(library.DataFrame({"n": [1.5, 2.5], "t": ["x", None], "b": [True, False]}))
    assert table.names == ("n", "t", "b")
    assert table.column(0).tolist() == [1.5, 2.5]
    assert table.column(1).tolist() == ["x", None]
    assert table.column(2).tolist() == [1, 0]
    assert (table.column_label(1), read_table(X).column_label(1)) == ("column 't'", "column 1")


def test_names_that_are_numbers_are_read_as_text():
    table = read_table(pd.DataFrame({0: [1.5, 2.5], 1: ["x", None]}))
    assert table.names == ("0", "1")
    assert (table.column(0).tolist(), table.column(1).tolist()) == ([1.5, 2.5], ["x", None])


def test_columns_of_no_name_and_names_given_twice_are_refused():
    with pytest.raises(ValueError, match=r"^X must have at least one column; got 0 feature\(s\) \(shape=\(0, 0\)\)"):
        read_table(pd.DataFrame())
    frame = pd.DataFrame(np.zeros((1, 5)), columns=["a", "b", "a", "b", "c"])
    with pytest.raises(ValueError, match=r"^X must have each column name once; got 'a', 'b' more than once\. Rename"):
        read_table(frame)
    with pytest.raises(ValueError, match="once; got '1' more than once"):
        read_table(pd.DataFrame(np.zeros((1, 2)), columns=[1, "1"]))


# --- the columns of training ------------------------------------------------------------------------------------------

TABLES = {
    "a matrix": Table(X, 2, ("a", "b", "c"), first_row=40),
    "columns": Table(tuple(X.T), 2, ("a", "b", "c"), first_row=40),
    "text": Table(tuple(Text(pl.Series(map(str, column))) for column in X.T), 2, ("a", "b", "c"), first_row=40),
}


@pytest.mark.parametrize("case", TABLES)
def test_columns_are_chosen_by_name_in_the_order_of_training(case):
    table = TABLES[case].selected(["c", "a"], 2)
    assert (table.names, table.rows, table.first_row, table.n_columns) == (("c", "a"), 2, 40, 2)
    np.testing.assert_array_equal(table.numbers([0, 1]), X[:, [2, 0]])
    assert TABLES[case].selected(None, 3) is TABLES[case]
    with pytest.raises(ValueError, match=r"X has 3 features, but Model is expecting 2 features as input\."):
        TABLES[case].selected(None, 2)
    names = [*"xyzuvwa"]
    with pytest.raises(ValueError, match=r"got none named 'x', 'y', 'z', 'u', 'v' and 1 more\. Add or rename columns"):
        TABLES[case].selected(names, 7)


def test_a_table_without_names_is_taken_by_position():
    table = read_table(X)
    assert table.selected(["c", "a", "b"], 3) is table
    assert table.selected(None, 3) is table


@pytest.mark.parametrize("case", TABLES)
@pytest.mark.parametrize("positions", [[0], [2], [1, 2], [0, 1, 2]])
def test_numbers_are_those_of_the_columns_asked_for(case, positions):
    """Also where there are fewer rows than columns."""
    np.testing.assert_array_equal(TABLES[case].numbers(positions), X[:, positions])


def test_a_row_of_numbers_is_predicted_where_training_had_a_category():
    """A DataFrame of numbers alone is a matrix, with a row for three columns."""
    train = pl.DataFrame({"k": ["1", "2"] * 30, "n": np.arange(60) / 60, "m": np.arange(60) / 30})
    classifier = Classifier((), steps=1).fit(train, np.arange(60) % 2)
    row = pl.DataFrame({"k": [2.0], "n": [0.25], "m": [0.5]})
    expected = classifier.predict_proba(row.with_columns(k=pl.lit("2")))
    np.testing.assert_array_equal(classifier.predict_proba(row), expected)


TEXTS = {
    "polars": lambda values: Text(pl.Series(values, dtype=pl.String)),
    "objects": lambda values: np.array(values, dtype=object),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_text_that_is_numbers_is_read_as_numbers(kind):
    values = ["1", None, "2.5", "true", "FALSE", " 7 "]
    table = Table((TEXTS[kind](["x"] * 6), TEXTS[kind](values)), 6, ("k", "n"), first_row=40)
    np.testing.assert_array_equal(table.numbers([1]), [[1], [NAN], [2.5], [1], [0], [7]])
    bad = Table((TEXTS[kind]([*values[:4], "much", "more"]),), 6, ("n",), first_row=40)
    with pytest.raises(ValueError) as raised:
        bad.numbers([0])
    assert str(raised.value) == (
        "X must have numbers in column 'n', as in training; got 'much' at row 44. Correct the column."
    )


@pytest.mark.parametrize("names", [("k", "n"), None])
def test_infinity_is_refused_with_its_row_and_column(names):
    column = "column 'n'" if names else "column 1"
    for columns in (
        (np.zeros(3), np.array([1.0, NAN, -np.inf])),
        (np.zeros(3), np.array(["1", None, "-inf"], dtype=object)),
        (np.zeros(3), Text(pl.Series(["1", None, "-inf"]))),
    ):
        with pytest.raises(ValueError) as raised:
            Table(columns, 3, names, first_row=40).numbers([1])
        assert str(raised.value) == (
            f"X must be finite (NaN marks a missing value); got -inf at row 42, {column}. Replace infinity by NaN or "
            "by a number."
        )


LEVELS = {
    "as it is": (["a", "b", None, "c", "a"], ("b", "a"), [1, 0, -1, -1, 1], 1),
    "spellings of a number": (["1", "1.0", "01", " 1", "1e0", "2", None], ("0", "1"), [1, 1, 1, 1, 1, -1, -1], 1),
    "levels of one number": (["1", "1.0", "01", "x"], ("1", "1.0", "x"), [0, 1, -1, 2], 1),
    "truth for truth": (["true", "False", "TRUE", "1", "0", "2"], ("false", "true"), [1, 0, 1, 1, 0, -1], 1),
    "one truth alone": (["true", "1", "False"], ("True",), [0, 0, -1], 1),
    "truth for numbers": (["true", "FALSE", "1"], ("0", "1", "x"), [1, 0, 1], 0),
    "all there": (["b", "a"], ("a", "b"), [1, 0], 0),
    "nothing but gaps": ([None, None], ("a",), [-1, -1], 0),
}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("case", LEVELS)
def test_text_has_the_place_of_its_level(kind, case):
    values, levels, expected, unknown = LEVELS[case]
    table = Table((np.zeros(len(values)), TEXTS[kind](values)), len(values))
    codes, count = table.codes(1, levels)
    assert (codes.tolist(), count) == (expected, unknown)
    assert codes.dtype == np.int32


@pytest.mark.parametrize("case", ["a matrix", "columns"])
def test_numbers_have_the_place_of_the_level_they_are(case):
    values = np.array([[0, 1.0], [0, 2.5], [0, NAN], [0, 3.0]])
    table = Table(values if case == "a matrix" else tuple(values.T), 4)
    assert table.codes(1, ("2.5", "01", "x"))[0].tolist() == [1, 0, -1, -1]
    assert table.codes(1, ("2.5", "01", "x"))[1] == 1
    assert table.codes(1, ("false", "true"))[0].tolist() == [1, -1, -1, -1]


# --- one question, every container ------------------------------------------------------------------------------------

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


@pytest.mark.parametrize("as_frame", [False, True])
def test_infinity_in_a_matrix_is_refused_where_it_is_in_the_whole(as_frame):
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


MATCHED = [
    (["b", "a", None, "c", ""], ["a", "b"], [1, 0, -1, -1, -1], 1),
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


def test_objects_keep_each_value_as_it_is():
    found = objects([[1, 2], [3, 4], "a"])
    assert found.shape == (3,)
    assert found.tolist() == [[1, 2], [3, 4], "a"]


def test_sparse_matrices_are_read_as_dense():
    np.testing.assert_array_equal(read_table(csr_array([[0.0, 2.0]])).columns, [[0.0, 2.0]])


def test_images_keep_their_scale_when_they_are_selected():
    table = Table(np.zeros((2, 2)), 2, ("a", "b"), True)
    assert table.selected(("b", "a"), 2).has_common_scale
