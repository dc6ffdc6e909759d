"""What is said of the data before training, and what is not."""

import json
import pickle

import numpy as np
import polars as pl
import pytest
from scipy.stats import kruskal

from logitwise.classifier import Classifier
from logitwise.classifier import notes as module
from logitwise.classifier.notes import Note, _tells_something, notes_of_columns, notes_of_data, notes_of_validation
from logitwise.columns.deciding import understand
from logitwise.columns.table import Table, read_table
from logitwise.model.data_warnings import DataWarning, columns_ignored, values_unknown

GENERATOR = np.random.default_rng(0)
ROWS = 120
Y = GENERATOR.integers(0, 2, ROWS)
NOISE = GENERATOR.normal(size=ROWS)


def notes(table, y=Y):
    return Classifier((), steps=1).fit(table, y).notes_


def test_nothing_is_said_of_ordinary_columns():
    table = pl.DataFrame({"a": NOISE, "b": GENERATOR.integers(0, 90, ROWS), "c": GENERATOR.choice(["x", "y"], ROWS)})
    assert notes(table) == []


@pytest.mark.parametrize("constant", [["x"] * ROWS, [1.5] * ROWS])
def test_constant_columns(constant):
    table = pl.DataFrame({"a": NOISE, "same": constant})
    assert notes(table) == ["X has columns with only one value, which carry no information: column 'same'. Drop them."]


@pytest.mark.parametrize("dtype", [pl.Null, pl.String, pl.Float64, pl.Int64, pl.Boolean])
def test_empty_columns(dtype):
    table = pl.DataFrame({"a": NOISE, "nil": pl.Series([None] * ROWS, dtype=dtype)})
    assert notes(table) == ["X has columns that are not used: column 'nil' (empty)."]


def test_a_value_and_gaps_say_something():
    table = pl.DataFrame({"a": NOISE, "seldom": ["x", None, None, None] * (ROWS // 4)})
    assert notes(table) == []


@pytest.mark.parametrize(
    "identifier",
    [
        list(range(ROWS)),
        [row + row // 4 for row in range(ROWS)],
        (GENERATOR.permutation(ROWS) * 7919 + 53_000).tolist(),
    ],
)
def test_identifiers(identifier):
    expected = (
        "X has columns that look like identifiers, with a different value in nearly every row: column 'key'. Drop them "
        "unless they mean something."
    )
    assert notes(pl.DataFrame({"a": NOISE, "key": identifier})) == [expected]


def test_texts_that_differ_in_every_row():
    table = pl.DataFrame({"a": NOISE, "key": distinct_texts(ROWS), "said": [f"it was {row}" for row in range(ROWS)]})
    expected = (
        "X has columns that are not used: column 'key' (another value in nearly every row), column 'said' (free text, "
        "which is not read as words)."
    )
    assert notes(table) == [expected]


def test_values_that_are_no_numbers():
    prices = ["unknown" if row == 7 else f"{row * 1.5}" for row in range(ROWS)]
    expected = (
        "X has values that are not numbers in columns of numbers; they count as missing: column 'price' (1, the first "
        "'unknown' in row 7, counted from 0). If they mean something, make the column a category."
    )
    assert notes(pl.DataFrame({"a": NOISE, "price": prices})) == [expected]


def test_dates_that_could_be_others():
    days = [f"{1 + row % 12:02}/{1 + row % 9:02}/2024" for row in range(ROWS)]
    expected = (
        "X has columns in doubt: column 'day' is read as %m/%d/%Y, and could be %d/%m/%Y. Say what they are, or write "
        "them in one way."
    )
    assert notes(pl.DataFrame({"a": NOISE, "day": days})) == [expected]


def test_labels_that_are_alike():
    labels = np.array(["no", "yes", "No", "yes ", "other"], dtype=object)[np.arange(ROWS) % 5]
    expected = (
        "y has labels that differ only in upper and lower case or in spaces: 'No' and 'no', 'yes' and 'yes '. If they "
        "mean the same, make them one."
    )
    assert notes(NOISE[:, None], labels) == [expected]


@pytest.mark.parametrize(
    "telling", [np.where(Y == 1, "sick", "well").tolist(), (Y * 5.0 + GENERATOR.random(ROWS)).tolist()]
)
def test_columns_that_give_the_target_away(telling):
    expected = (
        "X has columns that give the target away, each by itself: column 'after'. Drop those that will not be known "
        "when predicting."
    )
    assert notes(pl.DataFrame({"a": NOISE, "after": telling})) == [expected]


@pytest.mark.parametrize("gaps", [Y == 1, Y == 0])
def test_gaps_that_give_the_target_away(gaps):
    closed = np.where(gaps, np.nan, 1 + GENERATOR.random(ROWS))
    expected = (
        "X has columns that give the target away, each by itself: column 'closed' (whether it is missing). Drop those "
        "that will not be known when predicting."
    )
    assert notes(pl.DataFrame({"a": NOISE, "closed": closed}, nan_to_null=True)) == [expected]


def test_copies():
    table = np.stack([NOISE, np.roll(NOISE, 1)], axis=1)
    table[:10] = table[10:20]
    expected = (
        "X has 10 rows that are copies of others, of 120. Where one copy is trained on and another measured, the "
        "figures are too good."
    )
    assert notes(table) == [expected]


def test_few_rows_of_a_class_and_many_classes():
    y = np.where(np.arange(ROWS) < 3, 7, Y)
    expected = "y has classes with too few rows to learn or to judge: 7 (3). Join or drop them, or get more rows."
    assert notes(NOISE[:, None], y) == [expected]
    quantity = np.arange(ROWS) // 4
    assert notes(NOISE[:, None], quantity)[0] == (
        "y has 30 classes, all numbers, in 120 rows. If they are quantities, not names, a regression model will do "
        "better."
    )


def test_each_is_a_warning():
    with pytest.warns(DataWarning, match=r"^X has columns with only one value, .*: column 1\. Drop them\.$"):
        Classifier((), steps=1).fit(np.stack([NOISE, np.ones(ROWS)], axis=1), Y)


# --- the look alone, without a training -------------------------------------------------------------------------------


def kinds(columns, target=Y, rows=None, n_classes=2, members=5, inputs=None):
    """Return the first words that tell apart what is said of named columns."""
    table = read_table(pl.DataFrame(columns, strict=False)) if isinstance(columns, dict) else columns
    rows = np.arange(table.rows) if rows is None else rows
    inputs = np.random.default_rng(1).normal(size=(len(rows), 3)) if inputs is None else inputs
    found = understand(table, rows)
    said = notes_of_columns(found.findings)
    said += notes_of_data(table, found.reading, rows, np.asarray(target)[rows], np.arange(n_classes), inputs, members)
    words = {
        "X has columns that are not": "unused",
        "X has columns with only one": "constant",
        "X has columns that look": "identifier",
        "X has columns that give": "telling",
        "y has classes": "few",
        "y has": "many",
    }
    return [next((word for start, word in words.items() if sentence.startswith(start)), "copies") for sentence in said]


def said_of(table, rows, target, classes, inputs, members):
    return notes_of_data(table, understand(table).reading, rows, target, classes, inputs, members)


def distinct_texts(count):
    """Return a text a row, `count` of them distinct."""
    return [f"id {row % count}" for row in range(ROWS)]


def spaced(last):
    """Return the numbers 0, 1, 2, ... and `last`, shuffled: as many as rows."""
    return np.random.default_rng(2).permutation([*range(ROWS - 1), last])


def long_ones(count):
    """Return distinct numbers, `count` of them 10,000 or more, the least of these 10,000 itself."""
    values = np.concatenate([10_000 + 997 * np.arange(count), 83 * np.arange(ROWS - count)])
    return np.random.default_rng(3).permutation(values)


IDENTIFIERS = {
    "counts, within twice the rows": (spaced(2 * ROWS - 1), True),
    "counts, beyond twice the rows": (spaced(2 * ROWS), False),
    "counts from elsewhere": (spaced(2 * ROWS - 1) - 60, True),
    "counts as floats": (spaced(ROWS) * 1.0, True),
    "counts, one of them twice": (spaced(0), False),
    "counts, one of them missing": ([None, *range(ROWS - 1)], False),
    "halves": (spaced(ROWS) / 2, False),
    "long numbers in nine of ten rows": (long_ones(108), False),
    "long numbers in more than nine of ten rows": (long_ones(109), True),
    "long numbers below 0": (-long_ones(109), True),
    "long numbers, nine in ten distinct": (10_000 + 997 * np.arange(ROWS) % (108 * 997), True),
    "long numbers, fewer distinct": (10_000 + 997 * np.arange(ROWS) % (107 * 997), False),
    "long numbers with fractions": (long_ones(120) + 0.5, False),
}


@pytest.mark.parametrize("case", IDENTIFIERS)
def test_what_makes_an_identifier(case):
    column, is_one = IDENTIFIERS[case]
    assert kinds({"key": column}) == ["identifier"] * is_one


def test_infinite_numbers_are_no_identifiers():
    values = np.append(long_ones(119)[:-1], np.inf).astype(float)
    assert not module._is_identifier(np.unique(values), values, len(values))


HALF = np.arange(400) % 2  # the target of 400 rows


def wrong(count):
    """Return the target as text, wrong in `count` rows."""
    return [str(label ^ (row < count)) for row, label in enumerate(HALF)]


def levels(count):
    """Return `count` levels of text, each of one class."""
    return [f"{label}-{row // 2 % (count // 2)}" for row, label in enumerate(HALF)]


def missing(values, count):
    return [None] * count + list(values)[count:]


THREE = np.arange(400) % 3
TELLING = {
    "a level a class, right in 995 of 1,000": (wrong(2), HALF, True),
    "a level a class, wrong more often": (wrong(3), HALF, False),
    "a level a class, few missing": (missing(wrong(0), 2), HALF, True),
    "a level a class, more missing": (missing(wrong(0), 3), HALF, False),
    "five rows a level": (levels(80), HALF, True),
    "fewer rows a level": (levels(82), HALF, False),
    "19 of 20 rows of one class": (np.where(np.arange(400) < 380, "a", "b"), np.arange(400) >= 380, True),
    "more of one class": (np.where(np.arange(400) < 381, "a", "b"), np.arange(400) >= 381, False),
    "as many numbers as twice the classes": (HALF + 2 * (np.arange(400) // 2 % 2), HALF, True),
    "one number more, of either class in turn": (HALF + 2 * (np.arange(400) // 2 % 3), HALF, False),
    "an interval a class": (HALF * 500 + np.arange(400), HALF, True),
    "an interval a class, in the other order": (-HALF * 500 + np.arange(400), HALF, True),
    "gaps of one class": (missing(np.arange(400) * 1.5, 200), np.arange(400) < 200, True),
    "gaps, wrong in 2 of 400 rows": (missing(np.arange(400) * 1.5, 202), np.arange(400) < 200, True),
    "gaps, wrong more often": (missing(np.arange(400) * 1.5, 203), np.arange(400) < 200, False),
    "two intervals a class": (HALF * 500 + np.arange(400) - 600 * (np.arange(400) < 10), HALF, False),
    "three intervals of three classes": (THREE * 500 + np.arange(400), THREE, True),
    "four intervals of three classes": (THREE * 500 + np.arange(400) - 2_000 * (np.arange(400) == 2), THREE, False),
}


@pytest.mark.parametrize("case", TELLING)
def test_what_gives_the_target_away(case):
    column, target, is_telling = TELLING[case]
    classes = int(np.max(target)) + 1
    assert kinds({"after": column}, np.asarray(target, int), n_classes=classes) == ["telling"] * is_telling


def test_columns_are_judged_by_the_rows_in_use():
    same_where_even = np.where(np.arange(ROWS) % 2, NOISE, 1.5)
    table = {"a": same_where_even, "b": [None if row % 2 == 0 else "x" for row in range(ROWS)]}
    assert kinds(table) == []
    assert kinds(table, rows=np.arange(0, ROWS, 2)) == ["unused", "constant"]
    # The target is that of the rows in use, in their order.
    text = np.where(Y == 1, "sick", "well")
    assert kinds({"after": text}, rows=np.arange(ROWS)[::-2]) == ["telling"]


@pytest.mark.parametrize("rows", [49, 50])
def test_few_rows_say_nothing_of_identifiers_leaks_copies_or_small_classes(rows):
    target = np.arange(rows) % 2
    target[0] = 2
    table = {"key": [f"id {row}" for row in range(rows)], "after": target.astype(str), "same": [1] * rows}
    found = kinds(table, target, n_classes=3, inputs=np.ones((rows, 2)))
    assert found == (["constant"] if rows < 50 else ["unused", "few", "constant", "telling"])
    alike = {"size": np.arange(rows) // 2 * 1.5, "age": np.arange(rows) // 2 * 0.7 - 1, "after": target.astype(str)}
    alike["after"][1::2] = alike["after"][: rows - 1 : 2]
    found = kinds(alike, target, n_classes=3, inputs=np.ones((rows, 2)))
    assert found == ([] if rows < 50 else ["few", "copies"])


def test_a_value_with_gaps_is_neither_empty_nor_constant():
    assert kinds({"a": [1.0, None] * 60, "b": ["x", None] * 60, "c": [None] * 119 + [1.5]}) == []


def test_pixels_are_not_looked_at_by_columns():
    pixels = np.zeros((ROWS, 2, 2), np.uint8)
    assert kinds(read_table(pixels)) == []
    assert kinds(read_table(pixels.reshape(ROWS, 4).astype(int))) == ["constant"]


def copied(rows, count):
    """Return inputs of which the last `count` rows are copies of the first."""
    inputs = np.random.default_rng(4).normal(size=(rows, 3))
    inputs[rows - count :] = inputs[:count]
    return inputs


@pytest.mark.parametrize(("rows", "count"), [(120, 5), (500, 5), (600, 6)])
def test_copies_are_said_from_five_and_a_hundredth_of_the_rows(rows, count, monkeypatch):
    target = np.arange(rows) % 2
    inputs, fewer = copied(rows, count), copied(rows, count - 1)
    (sentence,) = said_of(Table(inputs, rows), np.arange(rows), target, np.arange(2), inputs, 5)
    assert sentence.startswith(f"X has {count} rows that are copies of others, of {rows}.")
    assert kinds(Table(fewer, rows), target, inputs=fewer) == []
    monkeypatch.setattr(module, "MOST_INPUTS", rows * 3)
    assert kinds(Table(inputs, rows), target, inputs=inputs) == ["copies"]
    monkeypatch.setattr(module, "MOST_INPUTS", rows * 3 - 1)
    assert kinds(Table(inputs, rows), target, inputs=inputs) == []


def test_rows_whose_inputs_are_alike_and_whose_values_are_not_are_no_copies():
    """Levels that are not kept are all zeros, and numbers far out level off."""
    inputs = np.ones((ROWS, 2), np.float32)
    town = [f"town {row % 60}" for row in range(ROWS)]
    far = 1e6 + np.arange(ROWS) // 2 * 0.5
    assert kinds({"town": town, "far": far}, inputs=inputs) == []
    pairs = {"town": [f"town {row // 2}" for row in range(ROWS)], "far": far}
    assert kinds(pairs, inputs=inputs) == ["copies"]
    gaps = {"town": [None if row % 2 else "x" for row in range(ROWS)], "far": far}
    assert kinds(gaps, inputs=inputs) == []
    missing = {"a": [None, None, *(np.arange(2, ROWS) // 2)], "far": far}
    assert kinds(missing, inputs=inputs) == ["copies"]


def test_many_rare_levels_make_no_copies():
    rows = 1200
    cities = [f"city {row % 600}" for row in range(rows)]
    table = pl.DataFrame({"city": cities, "size": np.repeat([0, 1], 600)})
    assert notes(table, np.arange(rows) % 3 % 2) == []


def test_amounts_that_say_something_of_the_target_are_no_identifiers():
    """Prices are as long as identifiers, and seldom the same."""
    generator = np.random.default_rng(10)
    price = generator.permutation(ROWS) * 731 + 20_000
    assert kinds({"price": price}) == ["identifier"]
    ordered = np.sort(price)[np.argsort(np.argsort(Y + generator.normal(size=ROWS)))]
    assert kinds({"price": ordered}) == []
    statistic = kruskal(*(ordered[label == Y] for label in (0, 1)))
    ranks = np.unique(ordered, return_inverse=True)[1]
    for chance, says in ((statistic.pvalue * 1.01, True), (statistic.pvalue * 0.99, False)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "CHANCE", chance)
            assert _tells_something(ranks, Y, 3) is says


def test_rows_of_the_same_values_in_another_order_are_no_copies():
    inputs = np.random.default_rng(5).normal(size=(ROWS, 2)).astype(np.float32)
    inputs[60:] = inputs[:60, ::-1]
    assert kinds(Table(inputs, ROWS), inputs=inputs) == []
    inputs[60:, 0] = inputs[:60, 0]  # alike in one column
    assert kinds(Table(inputs, ROWS), inputs=inputs) == []


def test_rows_that_are_alike_by_chance_are_no_copies():
    """Of three columns of two or three values, most rows are alike, and none was copied."""
    generator = np.random.default_rng(6)
    sex, cabin, age = (generator.choice(values, ROWS) for values in (["f", "m"], ["1", "2", "3"], [10, 30]))
    table = {"sex": sex, "cabin": cabin, "age": age, "nil": [1.5, None] * 60}
    assert notes(pl.DataFrame(table)) == []
    size = np.random.default_rng(7).normal(size=ROWS)
    for each in (sex, cabin, age, size):
        each[:] = np.tile(each[:20], 6)
    (said,) = notes(pl.DataFrame({"sex": sex, "cabin": cabin, "age": age, "size": size}))
    assert said.startswith("X has 100 rows that are copies of others, of 120. ")


def test_the_share_of_copies_that_a_note_tells_of():
    assert module.share_of_copies("The data has 1,200 rows that are copies of others, of 4,800. Where ...") == 0.25
    assert module.share_of_copies("The data has empty columns: column 3.") == 0.0
    assert module.share_of_copies("The data has 0 rows that are copies of others, of 0. ") == 0.0


@pytest.mark.parametrize(("classes", "rows", "said"), [(25, 1249, True), (25, 1250, False), (24, 1000, False)])
def test_many_classes_that_are_numbers(classes, rows, said):
    table = Table(np.random.default_rng(0).normal(size=(rows, 1)), rows)
    target = np.arange(rows) % classes
    assert kinds(table, target, n_classes=classes) == ["many"] * said
    for labels, is_number in ((np.arange(classes) * 1.5, True), (np.array(list(map(str, range(classes)))), False)):
        found = said_of(table, np.arange(rows), target, labels, table.columns, 5)
        assert len(found) == (said and is_number)


@pytest.mark.parametrize("members", [3, 5])
def test_classes_of_fewer_rows_than_parts_are_named_with_their_rows(members):
    classes = np.array(["none", "one", "less", "enough", "most"], dtype=object)
    target = np.repeat([1, 2, 3, 4], [1, members - 1, members, 100])
    table = Table(np.random.default_rng(0).normal(size=(len(target), 1)), len(target))
    (sentence,) = said_of(table, np.arange(len(target)), target, classes, table.columns, members)
    assert sentence == (
        f"y has classes with too few rows to learn or to judge: 'one' (1), 'less' ({members - 1}). Join or drop them, "
        "or get more rows."
    )


@pytest.mark.parametrize(
    ("count", "listed"),
    [(1, "'c0'"), (5, "'c0', 'c1', 'c2', 'c3', 'c4'"), (7, "'c0', 'c1', 'c2', 'c3', 'c4' and 2 more")],
)
def test_no_more_than_five_names_are_listed(count, listed):
    names = [f"c{place}" for place in range(count)]
    columns = "1 column" if count == 1 else f"{count} columns"
    assert columns_ignored(names) == f"{columns} not seen in training, ignored: {listed}"


def test_unknown_values_are_counted_by_column():
    assert values_unknown({}) == values_unknown({"column 'a'": 0}) == ""
    start = "values not seen in training in"
    assert values_unknown({"column 'a'": 0, "b": 1234}) == f"{start} 1 column, treated as missing: b (1,234)"
    assert values_unknown({"a": 2, "b": 1}) == f"{start} 2 columns, treated as missing: a (2), b (1)"


def test_classes_absent_from_the_validation_rows_are_named():
    classes = np.array(["a", "b", "c"], dtype=object)
    assert notes_of_validation(np.array([2, 0, 1]), classes) == []
    assert notes_of_validation(np.array([1, 1]), classes) == [
        "y_val has no rows of some classes: 'a', 'c'. Training is stopped and calibrated by the others alone: add rows "
        "of every class."
    ]


def test_a_note_is_text_that_can_call_its_argument_otherwise():
    note = Note("X has empty columns: column 3.")
    assert (note, note.argument, json.dumps([note])) == (str(note), "X", '["X has empty columns: column 3."]')
    assert note.renamed({"X": "The data", "y": "The target"}) == "The data has empty columns: column 3."
    assert note.renamed({"y": "The target"}) == note
    assert (Note("").argument, Note("").renamed({"X": "it"})) == ("", "")
    assert pickle.loads(pickle.dumps(note)).argument == "X"


def test_notes_of_a_fit_name_arguments():
    table = pl.DataFrame({"a": NOISE, "same": ["x"] * ROWS})
    assert [note.argument for note in Classifier((), steps=1).fit(table, Y).notes_] == ["X"]


def test_a_fit_that_goes_on_tells_of_its_own_rows():
    numbers = [f"{row * 1.5}" for row in range(ROWS)]
    odd = ["unknown", *numbers[1:]]
    classifier = Classifier((), steps=1, warm_start=True)
    assert "not numbers" in classifier.fit(pl.DataFrame({"a": NOISE, "b": odd}), Y).notes_[0]
    assert classifier.fit(pl.DataFrame({"a": NOISE, "b": numbers}), Y).notes_ == []
    assert classifier.fit(pl.DataFrame({"a": NOISE, "b": odd}), Y).notes_ == [
        "X has values not seen in training in 1 column, treated as missing: column 'b', no numbers (1)."
    ]
    first = Classifier((), steps=1).partial_fit(pl.DataFrame({"a": NOISE, "b": odd}), Y, classes=[0, 1])
    assert "not numbers" in first.notes_[0]
