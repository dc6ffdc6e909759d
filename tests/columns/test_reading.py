"""How the columns of X become numbers and categories."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from logitwise import InvalidValueError
from logitwise.columns.numbers import Spelling
from logitwise.columns.reading import Column, Reading, label_of
from logitwise.columns.table import Text, read_table

MONEY = Column("number", Spelling(".", ",", "$"))
DAY = Column("date", style="%d/%m/%Y", parts=("time", "weekday"))
READING = Reading(
    ("price", "day", "id", "zip", "size"),
    (MONEY, DAY, Column("unused"), Column("category"), Column("number")),
)
ENTRIES = {
    "size": [1.5, None],
    "price": ["$1,200.50", "-"],
    "zip": [2139, 10001],
    "day": ["05/01/1970", None],
    "other": [1, 2],
}
FRAME = pl.DataFrame(ENTRIES)


@pytest.mark.parametrize(
    "frame",
    [FRAME, pd.DataFrame(ENTRIES), pd.DataFrame(ENTRIES, dtype=object)],
)
def test_columns_by_name(frame):
    table, strays = READING.read(read_table(frame))
    assert table.names == READING.made_names == ("price", "day: time", "day: weekday", "zip", "size")
    assert READING.are_numbers == (True, True, True, False, True)
    assert (READING.made_of, READING.used) == ((0, 1, 1, 3, 4), (0, 1, 3, 4))
    assert READING.used_names == ("price", "day", "zip", "size")
    assert READING.plain_numbers == ("size",)
    expected = [[1200.5, np.nan], [4.0, np.nan], [0.0, np.nan], ["2139", "10001"], [1.5, np.nan]]
    for place, values in enumerate(expected):
        np.testing.assert_array_equal(table.column(place), np.array(values, object if place == 3 else float))
    assert strays == {}


def test_that_a_category_is_missing_is_a_number():
    reading = Reading(("k", "t"), (Column("category", has_gaps=True), Column("unused", has_gaps=True)))
    assert (reading.made_names, reading.are_numbers) == (("k", "k: missing", "t: missing"), (False, True, True))
    table, _ = reading.read(read_table(pl.DataFrame({"t": [None, "x"], "k": ["a", None]})))
    assert [table.column(place).tolist() for place in range(3)] == [["a", None], [0.0, 1.0], [1.0, 0.0]]


def test_columns_by_position():
    reading = Reading(None, (Column("unused"), Column("number"), Column("category")))
    table, _ = reading.read(read_table([[9.0, 1.5, 3.0], [8.0, 2.5, np.nan]]))
    assert (table.names, table.n_columns) == (None, 2)
    np.testing.assert_array_equal(table.column(0), [1.5, 2.5])
    assert table.column(1).tolist() == ["3", None]
    with pytest.raises(InvalidValueError, match="X must have the columns of training, 3 in number; got 2"):
        reading.read(read_table([[1.5, 3.0]]))


def test_a_matrix_of_numbers_stays_as_it_is():
    table = read_table(np.arange(6.0).reshape(3, 2))
    reading = Reading.plain(None, [True, True])
    assert reading.read(table)[0] is table
    pixels = read_table(np.zeros((2, 4, 4), np.uint8))
    assert Reading.plain(None, [True] * 16).read(pixels)[0].has_common_scale


def test_plain_text_of_polars_stays_text():
    frame = pl.DataFrame({"size": ["1.5", None], "kind": ["x", "y"]})
    table, _ = Reading(("size", "kind"), (Column("number"), Column("category"))).read(read_table(frame))
    np.testing.assert_array_equal(table.column(0), [1.5, np.nan])
    assert isinstance(table.stored(1), Text)


def test_text_of_polars_is_read_in_the_spelling_of_training():
    table, _ = strays_of(["1.234", "5.678"], Column("number", Spelling(",", ".")))
    assert table.column(0).tolist() == [1234.0, 5678.0]


def strays_of(values, column, first_row=0):
    return Reading(("k",), (column,)).read(read_table(pl.DataFrame({"k": values}), first_row))


def test_few_values_that_are_no_numbers_are_missing_and_counted():
    values = ["w", *(f"{row}.5" for row in range(9))]
    for frame_values in (values, np.array(values, dtype=object)):
        table, strays = strays_of(frame_values, Column("number"))
        assert strays == {"column 'k', no numbers": 1}
        np.testing.assert_array_equal(table.column(0), [np.nan, *(row + 0.5 for row in range(9))])
    with pytest.raises(InvalidValueError) as raised:
        strays_of(values[:9], Column("number"), 100)
    assert str(raised.value) == (
        "X must have numbers in column 'k', as in training; got 'w' at row 100. Correct the column, or make it a "
        "category in training (columns={...: 'category'})."
    )
    assert strays_of(["w", "v"], Column("number", has_strays=True))[1] == {"column 'k', no numbers": 2}
    with pytest.raises(InvalidValueError, match="got 'w' at row 0"):
        strays_of([*values[:9], None], Column("number"))  # a tenth of the rows, and more of the values
    assert strays_of(["-", "NA", None], Column("number"))[1] == {}
    assert strays_of(["true", "False"], Column("number"))[0].column(0).tolist() == [1.0, 0.0]


def test_dates_in_other_containers():
    date = Column("date", parts=("time",))
    for values in (["1970-01-03"], [datetime.date(1970, 1, 3)], [datetime.datetime(1970, 1, 3)], ["1970-01-03T00:00"]):
        assert strays_of(values, date)[0].column(0).tolist() == [2.0]
    assert strays_of(["1970-01-03"], date)[0].names == ("k",)
    assert strays_of([" 1970-01-03\t"], date)[0].column(0).tolist() == [2.0]
    assert strays_of(["-", "1970-01-03", None], date)[1] == {}
    with pytest.raises(InvalidValueError, match=r"X must have dates in column 'k', as in training; got '3' at row 0"):
        strays_of([3.0, None], date)
    assert strays_of(["03/01/1970", "1970-01-03"], DAY)[0].column(0).tolist() == [2.0, 2.0]
    assert np.isnan(strays_of([None, None], date)[0].column(0)).all()
    with pytest.raises(InvalidValueError, match="X must have dates in column 'k', as in training; got '3' at row 0"):
        strays_of([3, 4], date)
    with pytest.raises(InvalidValueError, match="X must have dates in column 'k', as in training; got 'w' at row 0"):
        strays_of(["w", "1970-01-01"], date)
    with pytest.raises(InvalidValueError, match="X must have numbers in column 'k', as in training; got 1970-01-03T"):
        strays_of([datetime.date(1970, 1, 3)], Column("number"))


def test_categories_of_other_values():
    category = Column("category")
    assert strays_of([1.0, 2.5, None], category)[0].column(0).tolist() == ["1", "2.5", None]
    assert strays_of([True, False], category)[0].column(0).tolist() == ["1", "0"]
    assert strays_of([datetime.date(2020, 1, 1), None], category)[0].column(0).tolist()[1] is None
    assert [label_of(number) for number in (3.0, -0.5, 1e20, float("inf"))] == [
        "3",
        "-0.5",
        "100000000000000000000",
        "inf",
    ]


@pytest.mark.parametrize(
    "column",
    [*READING.columns, Column("date", parts=("time",), has_strays=True), Column("number", has_strays=True)],
)
def test_headers(column):
    assert Column.from_header(column.header()) == column


def test_a_part_of_a_date_is_made_once():
    entry = {**DAY.header(), "parts": ["weekday", "time", "weekday"]}
    assert Column.from_header(entry).parts == ("weekday", "time")


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {"kind": "text"},
        {"kind": "number"},
        {"kind": "number", "spelling": {}},
        {**MONEY.header(), "has_strays": 1},
        {"kind": "date", "format": "%Y"},
        {"kind": "date", "format": 3, "parts": ["time"]},
        {"kind": "date", "format": "%Y", "parts": []},
        {"kind": "date", "format": "%Y", "parts": ["century"]},
    ],
)
def test_what_describes_no_column(entry):
    with pytest.raises((TypeError, ValueError)):
        Column.from_header(entry)
