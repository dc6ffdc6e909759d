"""From X to the inputs of a network: values worked out by hand, and what is refused."""

import numpy as np
import polars as pl
import pytest

from logitwise.classifier.preprocessing import CLIP, MAX_LEVELS, Preprocessing, _intervals
from logitwise.classifier.table import read_table


def encoded(train, X=None):
    """Return the inputs but the ramps."""
    preprocessing, inputs = all_inputs(train, X)
    return inputs[:, : preprocessing.n_deep]


def all_inputs(train, X=None):
    table = read_table(train)
    preprocessing = Preprocessing.fit(table, np.arange(table.rows), n_classes=2)
    prepared = preprocessing.prepare(read_table(train if X is None else X))
    inputs = preprocessing.encode(prepared, np.arange(prepared.rows))
    assert inputs.shape[1] == preprocessing.n_inputs
    return preprocessing, inputs


def levelled(scaled):
    return scaled / np.sqrt(1 + (scaled / 3) ** 2)


def test_numbers_are_scaled_by_their_quartiles_and_levelled_off():
    X = np.random.default_rng(0).normal(1e6, 3.0, (100, 3))
    lower, upper = np.quantile(X, [0.25, 0.75], axis=0)
    expected = levelled((X - np.median(X, axis=0)) / (upper - lower))
    np.testing.assert_allclose(encoded(X), expected, rtol=1e-5, atol=1e-6)


def test_where_the_quartiles_are_equal_the_other_values_are_the_scale():
    np.testing.assert_allclose(encoded([[0.0]] * 9 + [[4.0]])[[0, -1], 0], [0.0, levelled(1.0)], rtol=1e-6)
    others = [[-1.0], [1.0], [2.0], [3.0], [5.0]]  # quartiles 1 and 3; the common value is 0
    np.testing.assert_allclose(encoded([[0.0]] * 50 + others)[-1, 0], levelled(5 / 3), rtol=1e-6)


def test_values_within_rounding_of_a_common_one_are_constant():
    ulps = np.array([-5, *[0] * 8, 5])
    np.testing.assert_array_equal(encoded((1.0 + ulps * 2.0**-52)[:, None]), np.zeros((10, 1)))


def test_a_constant_column_is_zero_and_stays_so():
    np.testing.assert_array_equal(encoded([[0.1], [0.1], [0.1]], [[0.1], [5.0]]), [[0.0], [0.0]])


def test_ramps_rise_between_the_quantiles():
    X = np.arange(81.0)[:, None]
    X[:20] = 7.0  # quantiles that are equal count once
    preprocessing, inputs = all_inputs(X, [[-5.0], [7.0], [25.0], [60.0], [99.0], [np.nan]])
    np.testing.assert_array_equal(preprocessing.knots[0], [7.0, 20.0, 40.0, 60.0, 80.0])
    expected = [[-1, -1, -1, -1], [-1, -1, -1, -1], [1, -0.5, -1, -1], [1, 1, 1, -1], [1, 1, 1, 1], [1, 1, -1, -1]]
    np.testing.assert_allclose(inputs[:, 1:], np.array(expected) / 4, rtol=1e-6)


def test_a_value_that_fills_an_interval_is_a_knot_and_the_others_share_the_rest():
    X = np.concatenate([np.zeros(60), np.arange(1.0, 42.0)])[:, None]
    preprocessing, _ = all_inputs(X, [[0.0]])
    np.testing.assert_array_equal(
        preprocessing.knots[0], [0.0, *np.quantile(np.arange(1.0, 42.0), np.linspace(0, 1, 5))]
    )


@pytest.mark.parametrize(
    ("rows", "numbers", "intervals"), [(39, 1, 0), (40, 1, 2), (1000, 1, 16), (1000, 50, 10), (100, 50, 0), (100, 0, 0)]
)
def test_there_are_no_more_ramps_than_the_rows_justify(rows, numbers, intervals):
    assert _intervals(rows, numbers, n_classes=2) == intervals


def test_pixels_and_constant_columns_have_no_ramps():
    images = np.random.default_rng(0).integers(0, 256, (200, 2, 2), dtype=np.uint8)
    assert [len(knots) for knots in all_inputs(images)[0].knots] == [0] * 4
    assert [len(knots) for knots in all_inputs(np.ones((200, 1)))[0].knots] == [0]


def test_gaps_take_the_median_and_an_indicator():
    inputs = encoded([[1.0, 0.0], [np.nan, 1.0], [2.0, 0.0], [6.0, 1.0]])
    lower, upper = np.quantile([1, 2, 2, 6], [0.25, 0.75])
    expected = levelled((np.array([1, 2, 2, 6]) - 2) / (upper - lower))
    np.testing.assert_allclose(inputs[:, 0], expected, rtol=1e-6)
    np.testing.assert_array_equal(inputs[:, 2], [0, 1, 0, 0])
    assert inputs.shape == (4, 3)


def test_a_gap_only_at_prediction_takes_the_median():
    np.testing.assert_allclose(encoded([[1.0], [2.0], [6.0]], [[np.nan], [2.0]]), [[0.0]] * 2, rtol=1e-6)


def test_a_column_of_gaps_only_is_zero():
    np.testing.assert_allclose(encoded([[None, 1], [None, 3]]), [[0, levelled(-1), 1], [0, levelled(1), 1]], rtol=1e-6)


def test_categories_are_one_hot_most_frequent_first_with_gaps_and_the_unseen_as_zeros():
    train = pl.DataFrame({"colour": ["red", "blue", "blue", None, "pink", "blue", "red"]})
    red, blue, pink, none = [0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]
    np.testing.assert_array_equal(encoded(train), [red, blue, blue, none, pink, blue, red])
    np.testing.assert_array_equal(encoded(train, pl.DataFrame({"colour": ["green", "red"]})), [none, red])


def test_two_levels_share_one_input():
    train = pl.DataFrame({"colour": ["red", "blue", "blue", None], "size": ["s", "s", None, "s"]})
    np.testing.assert_array_equal(encoded(train), [[-1, 1], [1, 1], [1, 0], [0, 1]])


def test_levels_are_capped_to_the_most_frequent():
    levels = [f"rare {i}" for i in range(300)] + ["often", "often"]
    inputs = encoded(pl.DataFrame({"level": levels}))
    assert inputs.shape == (302, MAX_LEVELS)
    assert inputs.sum() == MAX_LEVELS + 1
    np.testing.assert_array_equal(inputs[-2:, 0], [1, 1])


def test_pixels_share_one_scale():
    images = np.random.default_rng(0).integers(0, 256, (20, 4, 5), dtype=np.uint8)
    images[:, 0, 0] = 7
    expected = levelled((images - images.mean()) / images.std())
    np.testing.assert_allclose(encoded(images), expected.reshape(20, 20), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(encoded(images), encoded(images.reshape(20, 20)))


def test_far_values_level_off_and_never_overflow():
    X = np.array([[1e308], [-1e308], [0.0], [1.0]])
    assert np.isfinite(encoded(X)).all()
    np.testing.assert_array_equal(encoded([[0.0], [1.0]], [[1e300], [-1e300]]), [[CLIP], [-CLIP]])


def test_every_way_to_pass_the_same_table_gives_the_same_inputs():
    rows = [[1, "a", True], [2, "b", False], [None, "a", None], [3, None, True]]
    frame = pl.DataFrame(rows, schema=["n", "t", "b"], orient="row")
    categorical = frame.with_columns(pl.col("t").cast(pl.Categorical))
    expected = encoded(frame)
    assert expected.shape == (4, 5)
    for X in (rows, np.array(rows, dtype=object), categorical):
        np.testing.assert_array_equal(encoded(X), expected)


def test_columns_are_found_by_name():
    train = pl.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    other = pl.DataFrame({"extra": [0, 0], "b": ["x", "y"], "a": [1.0, 2.0]})
    np.testing.assert_array_equal(encoded(train, other), encoded(train))


def test_types_of_training_win_at_prediction():
    as_text = pl.DataFrame({"code": ["1", "2"], "n": [1.0, 2.0]})
    as_numbers = pl.DataFrame({"code": [1.0, 2.0], "n": ["1", "2"]})
    np.testing.assert_array_equal(encoded(as_text, as_numbers), encoded(as_text))


NAMED = pl.DataFrame({"age": [1.0, 2.0], "sex": ["f", "m"]})
BAD = [
    (
        lambda: encoded([1.0, 2.0]),
        ValueError,
        "X must have two or more dimensions, rows first; got shape (2,). Reshape your data: X.reshape(-1, 1) for one "
        "column, X.reshape(1, -1) for one row.",
    ),
    (
        lambda: encoded([[1, 2], [3]]),
        ValueError,
        "X must have rows of equal length; got rows that differ. Pass a rectangular array or a DataFrame.",
    ),
    (
        lambda: encoded(np.empty((3, 0))),
        ValueError,
        "X must have at least one column; got 0 feature(s) (shape=(3, 0)) while a minimum of 1 is required.",
    ),
    (
        lambda: encoded([[1.0], [np.inf]]),
        ValueError,
        "X must be finite (NaN marks a missing value); got inf at row 1, column 0. Replace infinity by NaN or by a "
        "number.",
    ),
    (
        lambda: encoded([[1j], [2j]]),
        ValueError,
        "X must be real; got dtype complex128. Complex data not supported: pass parts as columns.",
    ),
    (
        lambda: encoded(np.array([["2020-01-01"]], dtype="datetime64[D]")),
        TypeError,
        "column 0 of X must be numbers, booleans or text; got dtype datetime64[D]. Convert it first.",
    ),
    (
        lambda: encoded(np.array([[1], ["a"]], dtype=object)),
        TypeError,
        "column 0 of X must hold one kind of value, each argument a string or a number; got int, str. Convert it to "
        "one of them.",
    ),
    (
        lambda: encoded(np.array([[{}], [{}]], dtype=object)),
        TypeError,
        "column 0 of X must hold one kind of value, each argument a string or a number; got dict. Convert it to one "
        "of them.",
    ),
    (
        lambda: encoded(NAMED, NAMED.drop("sex")),
        ValueError,
        "X must have every column of training; got none named 'sex'. Add or rename columns.",
    ),
    (
        lambda: encoded(NAMED, pl.DataFrame({"age": ["1", "old"], "sex": ["f", "m"]})),
        ValueError,
        "X must have numbers in column 'age', as in training; got 'old' at row 1. Correct the column.",
    ),
    (
        lambda: encoded([[1.0], [2.0]], [[1.0, 2.0]]),
        ValueError,
        "X must have the columns of training; got another number: X has 2 features, but Model is expecting 1 "
        "features as input. Pass the same columns.",
    ),
]


@pytest.mark.parametrize(("call", "kind", "message"), BAD)
def test_refusals(call, kind, message):
    with pytest.raises(kind) as raised:
        call()
    assert str(raised.value) == message


def test_a_sparse_matrix_is_made_dense():
    from scipy.sparse import csr_array

    np.testing.assert_array_equal(read_table(csr_array([[1.0, 0.0]])).columns, [[1.0, 0.0]])


def test_repeated_names_are_refused():
    class Frame:
        columns = ("a", "a")

        def __getitem__(self, name):
            return [1]

    with pytest.raises(ValueError) as raised:
        read_table(Frame())
    assert str(raised.value) == "X must have each column name once; got 'a' more than once. Rename columns."
