"""What is said of the data before training, and what is not."""

import numpy as np
import polars as pl
import pytest

from logitwise.classifier import Classifier
from logitwise.classifier.findings import DataWarning

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
    assert notes(table) == ["X has columns with one value only, which say nothing: column 'same'."]


@pytest.mark.parametrize("dtype", [pl.Null, pl.String, pl.Float64, pl.Int64, pl.Boolean])
def test_empty_columns(dtype):
    table = pl.DataFrame({"a": NOISE, "nil": pl.Series([None] * ROWS, dtype=dtype)})
    expected = "X has empty columns, every value of which is missing: column 'nil'. Fill or drop them."
    assert notes(table) == [expected]


def test_a_value_and_gaps_say_something():
    table = pl.DataFrame({"a": NOISE, "seldom": ["x", None, None, None] * (ROWS // 4)})
    assert notes(table) == []


@pytest.mark.parametrize(
    "identifier",
    [
        list(range(ROWS)),
        [row + row // 4 for row in range(ROWS)],
        [f"id {row}" for row in range(ROWS)],
        (GENERATOR.permutation(ROWS) * 7919 + 53_000).tolist(),
    ],
)
def test_identifiers(identifier):
    expected = (
        "X has columns that look like identifiers, with another value in nearly every row: column 'key'. Drop them "
        "unless they mean something."
    )
    assert notes(pl.DataFrame({"a": NOISE, "key": identifier})) == [expected]


@pytest.mark.parametrize(
    "telling", [np.where(Y == 1, "sick", "well").tolist(), (Y * 5.0 + GENERATOR.random(ROWS)).tolist()]
)
def test_columns_that_give_the_target_away(telling):
    expected = (
        "X has columns that give the target away, each alone: column 'after'. Drop what will not be known when "
        "predicting."
    )
    assert notes(pl.DataFrame({"a": NOISE, "after": telling})) == [expected]


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
    with pytest.warns(DataWarning, match=r"^X has columns with one value only, which say nothing: column 1\.$"):
        Classifier((), steps=1).fit(np.stack([NOISE, np.ones(ROWS)], axis=1), Y)
