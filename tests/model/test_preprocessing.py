"""From X to the inputs of a network: values worked out by hand, and what is refused."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from logitwise.classifier.columns import _intervals, _knots, fit_preprocessing
from logitwise.classifier.levels import learning
from logitwise.classifier.levels.learning import FEW_LEVELS, FEWEST_OF_LEVEL, find_levels
from logitwise.columns.table import read_table
from logitwise.model.preprocessing import CLIP, Ramps
from logitwise.model.scratch import Scratch


def encoded(train, X=None):
    """Return the inputs but the ramps."""
    preprocessing, inputs = all_inputs(train, X)
    return inputs[:, : preprocessing.n_deep]


def all_inputs(train, X=None):
    table = read_table(train)
    preprocessing = fit_preprocessing(table, np.arange(table.rows), n_classes=2)
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
    below = [[-value] for (value,) in others]
    np.testing.assert_allclose(encoded([[0.0]] * 50 + below)[-1, 0], levelled(-5 / 3), rtol=1e-6)
    around = [[-6.0], [-4.0], [-4.0], [8.0], [8.0]]  # from -4 to 8
    np.testing.assert_allclose(encoded([[0.0]] * 50 + around)[-1, 0], levelled(8 / 12), rtol=1e-6)
    np.testing.assert_allclose(encoded([[5.0]] * 9 + [[1.0]])[[0, -1], 0], [0.0, levelled(-1.0)], rtol=1e-6)


def test_values_within_rounding_of_a_common_one_are_constant():
    ulps = np.array([-5, *[0] * 8, 5])
    np.testing.assert_array_equal(encoded((1.0 + ulps * 2.0**-52)[:, None]), np.zeros((10, 1)))


def test_a_constant_column_is_zero_and_stays_so():
    np.testing.assert_array_equal(encoded([[0.1], [0.1], [0.1]], [[0.1], [5.0]]), [[0.0], [0.0]])
    np.testing.assert_array_equal(encoded(np.zeros((5, 2, 2), np.uint8)), np.zeros((5, 4)))
    np.testing.assert_array_equal(encoded([[0.0], [1e-320], [2e-320]]), np.zeros((3, 1)))  # too narrow to be scaled


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


def test_of_many_levels_the_frequent_ones_have_an_input():
    few = [f"rare {place:02}" for place in range(FEW_LEVELS)]
    np.testing.assert_array_equal(encoded(pl.DataFrame({"level": few})), np.eye(FEW_LEVELS))
    levels = [*few, *["nearly"] * (FEWEST_OF_LEVEL - 1), *["often"] * FEWEST_OF_LEVEL, *["most"] * 30]
    inputs = encoded(pl.DataFrame({"level": levels}))
    assert inputs.shape == (len(levels), 2)
    np.testing.assert_array_equal(inputs.nonzero()[0], np.arange(len(levels) - 50, len(levels)))
    np.testing.assert_array_equal(inputs[-31:], [[0, 1], *[[1, 0]] * 30])


def test_inputs_of_levels_are_limited_in_all_columns_together(monkeypatch):
    monkeypatch.setattr(learning, "MOST_ONE_HOT", 3)
    columns = [
        [f"{level}" for level in range(FEW_LEVELS + 1) for _ in range(25 + level)],
        [f"{level}" for level in range(FEW_LEVELS + 1) for _ in range(24 + level)] + [None] * (FEW_LEVELS + 1),
        [f"{place % FEW_LEVELS}" for place in range(13 * 31)],
    ]
    found = find_levels([np.array(column, dtype=object) for column in columns])
    assert [each.one_hot for each in found] == [2, 1, FEW_LEVELS]
    assert [each.levels[:2] for each in found[:2]] == [("12", "11")] * 2
    monkeypatch.setattr(learning, "MOST_NUMBERS", 0)
    monkeypatch.setattr(learning, "LEAST_ONE_HOT", 2)
    assert [each.one_hot for each in find_levels([np.array(columns[0], dtype=object)])] == [2]
    assert find_levels([]) == ()


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
    as_matrix = pl.DataFrame({"code": [1.0, 2.0], "n": [1.0, 2.0]})
    np.testing.assert_array_equal(encoded(as_text, as_matrix), encoded(as_text))
    np.testing.assert_array_equal(encoded(as_text, as_matrix.head(1)), encoded(as_text)[:1])


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
        "X must be real; got dtype complex128. Complex data not supported: pass real and imaginary parts as columns.",
    ),
    (
        lambda: encoded(np.array([[1.0], [2.0]]), np.array([["2020-01-01"]], dtype="datetime64[D]")),
        ValueError,
        "X must have numbers in column 0, as in training; got 2020-01-01T00:00:00.000000 at row 0. Correct the column, "
        "or make it a category in training (columns={...: 'category'}).",
    ),
    (
        lambda: encoded(np.array([[1], [b"a"]], dtype=object)),
        TypeError,
        "X must hold values of one type in each column: numbers, text or dates; got bytes, int at column 0. Convert it "
        "to one of them, or leave it out.",
    ),
    (
        lambda: encoded(np.array([[{}], [{}]], dtype=object)),
        TypeError,
        "X must hold values of one type in each column: numbers, text or dates; got dict at column 0. Convert it to "
        "one of them, or leave it out.",
    ),
    (
        lambda: encoded(NAMED, NAMED.drop("sex")),
        ValueError,
        "X must have every column of training; got none named 'sex'. Add or rename columns.",
    ),
    (
        lambda: encoded(NAMED, pl.DataFrame({"age": ["1", "old"], "sex": ["f", "m"]})),
        ValueError,
        "X must have numbers in column 'age', as in training; got 'old' at row 1. Correct the column, or make "
        "it a category in training (columns={...: 'category'}).",
    ),
    (
        lambda: encoded([[1.0], [2.0]], [[1.0, 2.0]]),
        ValueError,
        "X must have the columns of training, 1 in number; got 2. X has 2 features, but Model is expecting 1 features "
        "as input. Pass the same columns.",
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


def wide(columns, rows=70, seed=0):
    """Return numbers of every scale; the first and last columns around each 64th have gaps, at rows of their own."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(rows, columns)) * 10.0 ** (np.arange(columns) % 7 - 3) + np.arange(columns)
    with_gaps = [place for place in (0, 1, 62, 63, 64, 65, 66, 126, 127, 128, 129) if place < columns]
    for place in with_gaps:
        X[place % rows, place] = X[5, place] = np.nan
    return X, with_gaps


@pytest.mark.parametrize("columns", [1, 63, 64, 65, 66, 127, 128, 129, 130])
def test_statistics_are_those_of_each_column_however_many_there_are(columns):
    X, with_gaps = wide(columns)
    found = fit_preprocessing(read_table(X), np.arange(70), 2)
    medians = np.nanmedian(X, axis=0)
    filled = np.where(np.isnan(X), medians, X)
    lower, upper = np.quantile(filled, [0.25, 0.75], axis=0)
    np.testing.assert_array_equal(np.flatnonzero(found.had_gaps), with_gaps)
    np.testing.assert_array_equal(found.fill, medians)
    np.testing.assert_array_equal(found.offset, medians)
    np.testing.assert_allclose(found.scale, 1 / (upper - lower), rtol=1e-9)
    flags = found.encode(found.prepare(read_table(X)), slice(None))[:, columns : columns + len(with_gaps)]
    np.testing.assert_array_equal(flags, np.isnan(X[:, with_gaps]))


@pytest.mark.parametrize("columns", [63, 64, 65, 130])
def test_pixels_share_one_scale_however_many_there_are(columns):
    pixels = np.random.default_rng(0).integers(0, 256, (20, columns), dtype=np.uint8) // (1 + np.arange(columns) % 3)
    pixels[:, 3] = 0
    found = fit_preprocessing(read_table(pixels.astype(np.uint8)), np.arange(20), 2)
    np.testing.assert_allclose(found.offset, np.full(columns, pixels.mean()), rtol=1e-12)
    np.testing.assert_allclose(found.scale, np.full(columns, 1 / pixels.std()), rtol=1e-12)
    np.testing.assert_array_equal(found.fill, np.median(pixels, axis=0))


def test_gaps_in_images_take_the_median_of_their_place_and_an_indicator():
    images = np.random.default_rng(0).normal(size=(20, 3, 3))
    images[4, 1, 2] = np.nan
    found, inputs = all_inputs(images)
    filled = images.reshape(20, 9).copy()
    filled[4, 5] = np.nanmedian(images[:, 1, 2])
    np.testing.assert_allclose(inputs[:, :9], levelled((filled - filled.mean()) / filled.std()), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(inputs[:, 9], np.arange(20) == 4)
    assert found.n_deep == found.n_inputs == 10


def every_kind(rows, seed=0):
    """Return numbers with and without gaps, and categories of one, two, three and many levels, with gaps."""
    generator = np.random.default_rng(seed)

    def drawn(levels):
        return [
            None if place == len(levels) else levels[place] for place in generator.integers(0, len(levels) + 1, rows)
        ]

    gappy = generator.normal(size=rows)
    gappy[generator.random(rows) < 0.2] = np.nan
    return pl.DataFrame(
        {
            "one": drawn(["x"]),
            "whole": generator.integers(0, 9, rows),
            "two": drawn(["f", "m"]),
            "gappy": pl.Series(gappy, nan_to_null=True),
            "three": drawn(["r", "g", "b"]),
            "skewed": np.exp(generator.normal(size=rows)),
            "many": drawn([f"l{place}" for place in range(30)]),
        }
    )


def row_by_row(preprocessing, frame):
    """Return the inputs of a frame as the documents define them, a value at a time."""
    rows = []
    for values in frame.select(preprocessing.names).iter_rows():
        numbers = [value for value, levels in zip(values, preprocessing.levels, strict=True) if levels is None]
        texts = [value for value, levels in zip(values, preprocessing.levels, strict=True) if levels is not None]
        filled = [fill if x is None else x for x, fill in zip(numbers, preprocessing.fill, strict=True)]
        z = (np.array(filled) - preprocessing.offset) * preprocessing.scale
        row = [*(z / np.sqrt(1 + (z / 3) ** 2))]
        row += [float(x is None) for x, had in zip(numbers, preprocessing.had_gaps, strict=True) if had]
        known = [*zip(texts, preprocessing.categories, strict=True)]
        for value, category in known:
            hot = [float(value == level) for level in category.levels[: category.one_hot]]
            row += hot if len(category.levels) > 2 else [hot[0] - sum(hot[1:])]
        for value, category in known:
            if category.effects is not None:
                is_known = value in category.levels
                row += [*(category.effects[category.levels.index(value)] if is_known else np.zeros(category.n_effects))]
        for x, knots in zip(filled, preprocessing.knots, strict=True):
            row += [(np.clip(x, a, b) - a) / (b - a) / 2 - 0.25 for a, b in pairwise(knots)]
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("rows", [1, 2, 127, 128, 129, 255, 256, 257, 385])
def test_rows_are_encoded_as_the_documents_say_however_many_there_are(rows):
    train, frame = every_kind(300), every_kind(rows, seed=1)
    preprocessing = fit_preprocessing(read_table(train), np.arange(300), 2)
    assert [len(levels or ()) for levels in preprocessing.levels] == [1, 0, 2, 0, 3, 0, 30]
    assert [each.one_hot for each in preprocessing.categories] == [1, 2, 3, 0]
    effects = [np.random.default_rng(place).normal(size=(count, 2)) for place, count in ((0, 3), (1, 30))]
    *others, three, many = preprocessing.categories
    three, many = (
        replace(three, effects=np.float32(effects[0])),
        replace(many, one_hot=4, effects=np.float32(effects[1])),
    )
    preprocessing = preprocessing.with_categories([*others, three, many])
    assert preprocessing.had_gaps.tolist() == [False, True, False]
    assert min(map(len, preprocessing.knots)) >= 3
    inputs = preprocessing.encode(preprocessing.prepare(read_table(frame)), slice(None))
    assert preprocessing.n_deep == 3 + 1 + 1 + 1 + 3 + 4 + 2 + 2
    assert preprocessing.effect_inputs == slice(13, 17)
    np.testing.assert_allclose(inputs, row_by_row(preprocessing, frame), rtol=1e-5, atol=1e-6)


def test_rows_are_encoded_in_the_order_asked_for():
    frame = every_kind(300)
    preprocessing = fit_preprocessing(read_table(frame), np.arange(300), 2)
    prepared, chosen = preprocessing.prepare(read_table(frame)), np.random.default_rng(0).permutation(300)[:200]
    np.testing.assert_array_equal(
        preprocessing.encode(prepared, chosen), preprocessing.encode(prepared, slice(None))[chosen]
    )


def test_a_block_begins_with_ones_and_ends_with_zeros_whatever_was_in_its_memory():
    frame = every_kind(300)
    preprocessing, scratch = fit_preprocessing(read_table(frame), np.arange(300), 2), Scratch()
    prepared = preprocessing.prepare(read_table(frame))
    expected = preprocessing.encode(prepared, slice(None))
    for rows in (slice(0, 32), slice(32, 64), slice(290, 300), slice(64, 65)):
        block, count = preprocessing.encode_across(prepared, rows, 32, scratch), rows.stop - rows.start
        assert block.shape == (1 + preprocessing.n_inputs, 32)
        np.testing.assert_array_equal(block[0], np.ones(32))
        np.testing.assert_array_equal(block[1:, :count], expected[rows].T)
        assert not block[1:, count:].any()
        block[1:] = 9.0


def test_only_the_given_rows_are_learnt_from():
    frame, chosen = every_kind(300), np.arange(7, 300, 3)
    strange = every_kind(300, seed=1).with_columns(
        pl.col("whole") * 100 - 7,
        pl.lit(None, pl.Float64).alias("skewed"),
        *(("new " + pl.col(name)).alias(name) for name in ("one", "two", "three", "many")),
    )
    used = pl.Series(np.isin(np.arange(300), chosen))
    mixed = pl.DataFrame(
        {name: pl.select(pl.when(used).then(frame[name]).otherwise(strange[name]))[:, 0] for name in frame.columns}
    )
    alone = fit_preprocessing(read_table(frame.filter(used)), np.arange(len(chosen)), 3)
    among = fit_preprocessing(read_table(mixed), chosen, 3)
    assert among.header() == alone.header()
    for name, tensor in alone.tensors().items():
        np.testing.assert_array_equal(among.tensors()[name], tensor)


def test_equally_frequent_levels_are_in_alphabetical_order():
    levels = ["b", "c", "a", "c", "b", "a", "d", "d", "d", None, None, None, None]
    found = fit_preprocessing(read_table(pl.DataFrame({"t": levels})), np.arange(13), 2)
    assert found.levels == (("d", "a", "b", "c"),)


@pytest.mark.parametrize(
    ("rows", "numbers", "classes", "intervals"),
    [
        (59, 1, 2, 2),
        (60, 1, 2, 3),
        (319, 1, 2, 15),
        (320, 1, 2, 16),
        (340, 1, 2, 16),
        (239, 10, 3, 5),
        (240, 10, 3, 6),
        (79, 10, 3, 0),
        (80, 10, 3, 2),
        (119, 10, 3, 2),
        (120, 10, 3, 3),
    ],
)
def test_ramps_are_as_many_as_rows_and_weights_allow(rows, numbers, classes, intervals):
    """Twenty rows an interval, and no more weights, of all classes but one, than half the rows."""
    assert _intervals(rows, numbers, classes) == intervals


def test_the_number_of_classes_decides_how_many_ramps_there_are():
    X = np.random.default_rng(0).normal(size=(240, 10))
    found = [fit_preprocessing(read_table(X), np.arange(240), classes).knots[0] for classes in (2, 3, 7)]
    assert [len(knots) for knots in found] == [12 + 1, 6 + 1, 2 + 1]


@pytest.mark.parametrize(
    ("column", "intervals", "knots"),
    [
        ([1, 2], 4, []),
        ([1, 2, 3], 4, [1, 2, 3]),
        ([1, 2, 3, 4, 5], 4, [1, 2, 3, 4, 5]),
        ([1, 2, 3, 4, 5, 6], 4, [1, 2.25, 3.5, 4.75, 6]),
        ([5, np.nan, 1, 9, np.nan], 4, [1, 5, 9]),
        ([np.nan, np.nan], 4, []),
        ([1, 2, 3], 0, []),
        ([0, 0, 1, 2, 3, 4, 5, 6], 4, [0, 0.75, 2.5, 4.25, 6]),  # 0 fills an interval, but no more than one
        ([0, 0, 0, 1, 2, 3, 4, 5], 4, [0, 1, 1 + 4 / 3, 1 + 8 / 3, 5]),
        ([-1e308, 0, 1e308, 1.0], 4, []),
        ([-8e307, 0, 8e307], 4, [-8e307, 0, 8e307]),
    ],
)
def test_knots_cut_a_column_into_intervals_of_equally_many_rows(column, intervals, knots):
    np.testing.assert_allclose(_knots(np.array(column, dtype=float), intervals), knots, rtol=1e-12)


def test_ramps_of_several_columns_stand_beside_each_other():
    knots = (np.array([0.0, 1.0, 3.0]), np.zeros(0), np.array([-1.0, 0.0, 4.0, 5.0]))
    ramps = Ramps.of(knots)
    np.testing.assert_array_equal(ramps.column, [0, 0, 2, 2, 2])
    inputs = np.empty((5, 4), np.float32)
    ramps.encode(np.array([[0.5, 2.0, -9.0, 9.0], [7.0] * 4, [2.0, -0.5, 4.5, 9.0]]), inputs, Scratch())
    expected = [[0, 1, -1, 1], [-1, 0, -1, 1], [1, 0, 1, 1], [0, -1, 1, 1], [-1, -1, 0, 1]]
    np.testing.assert_allclose(inputs, np.array(expected) / 4, atol=1e-7)


def test_the_names_of_numbers_are_those_of_no_category():
    frame = every_kind(60)
    assert fit_preprocessing(read_table(frame), np.arange(60), 2).number_names == ("whole", "gappy", "skewed")
    assert fit_preprocessing(read_table([[1.0], [2.0]]), np.arange(2), 2).number_names == ()


def test_extra_columns_and_unknown_values_are_counted():
    train = pl.DataFrame({"n": [1.0, 2.0, 3.0], "t": ["a", "b", "a"], "u": ["x", "y", "z"]})
    preprocessing = fit_preprocessing(read_table(train), np.arange(3), 2)
    odd = pl.DataFrame(
        {"v": [1, 1, 1], "u": ["new", None, "newer"], "n": [0.0] * 3, "t": ["a", None, "b"], "w": [0] * 3}
    )
    prepared = preprocessing.prepare(read_table(odd))
    assert prepared.extra == ("v", "w")
    assert prepared.unknown == {"column 't'": 0, "column 'u'": 2}
    np.testing.assert_array_equal(prepared.codes, [[0, -1], [-1, -1], [1, -1]])
    assert prepared.rows == 3
    assert preprocessing.prepare(read_table(train)).extra == ()
