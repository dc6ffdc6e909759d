"""What columns are taken for, and what is said of them."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from logitwise import InvalidValueError
from logitwise.columns.deciding import Finding, notes_of_columns, understand
from logitwise.columns.reading import Column, Reading
from logitwise.columns.table import read_table

ROWS = 120
PLACES = range(ROWS)


def found_in(values, said=None):
    """Return how a column of some values is read, and what was found."""
    table = read_table(pl.DataFrame({"k": pl.Series(values, strict=False), "v": np.arange(ROWS) % 7 / 3}))
    understood = understand(table, None, None if said is None else {"k": said})
    return understood.reading.columns[0], understood.findings[0]


NUMBERS = {
    "plain, a word among them": (["unknown", *(f"{row}.5" for row in PLACES[1:])], "", (0, 1)),
    "as many words as may be": ([f"word {row}" if row % 10 == 3 else f"{row}.5" for row in PLACES], "", (0, 12)),
    "limits": (["<0.01", ">9", *(f"{row}.5" for row in PLACES[2:])], "", (0, 2)),
    "marks of gaps": (["-", ".", "#N/A", "None", None, "?", *(f"{row}.5" for row in PLACES[6:])], "", (6, 0)),
    "integers and a mark of gaps": (["-", *map(str, PLACES[:-1])], "", (1, 0)),
    "integers and a word": (["unknown", *map(str, PLACES[:-1])], "", (0, 1)),
    "a word as often as may be": (["unknown" if row % 10 == 3 else f"{row}.5" for row in PLACES], "", (0, 12)),
    "dollars": ([f"${row * 100:,}.00" for row in PLACES], "commas between thousands, the unit $", (0, 0)),
    "percent": ([f"{row / 2}%" for row in PLACES], "the unit %", (0, 0)),
    "a unit": ([f"{row}.5 kg" for row in PLACES], "the unit kg", (0, 0)),
    "a unit, few values": ([f"{row % 5}.5 kg" for row in PLACES], "the unit kg", (0, 0)),
    "decimal commas": ([f"-{row},5" for row in PLACES], "decimal commas", (0, 0)),
    "decimal commas and a word": (["n.b.", *(f"{row},25" for row in PLACES[1:])], "decimal commas", (0, 1)),
    "thousands": ([f"1'{100 + row}" for row in PLACES], "apostrophes between thousands", (0, 0)),
    "fractions as text": ([f"{row}.25" for row in PLACES], "", (0, 0)),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers(case):
    values, detail, (missing, strays) = NUMBERS[case]
    column, finding = found_in(values)
    assert (finding.kind, finding.detail, finding.missing, finding.strays) == ("number", detail, missing, strays)
    assert column.has_strays == (strays > 0)


def test_numbers_are_looked_for_behind_many_words():
    table = read_table(pl.DataFrame({"k": [f"w{row}" if row < 150 else f"${row}.5" for row in range(1550)]}))
    assert understand(table).reading.columns[0].spelling.unit == "$"


def test_the_first_stray_is_named():
    _, finding = found_in([f"{row}.5" if row not in (7, 40) else f"word {row}" for row in PLACES])
    assert (finding.first, finding.row, finding.example) == ("word 7", 7, "0.5")
    table = read_table(pl.DataFrame({"k": [f"{row}.5" if row != 7 else "w" for row in PLACES]}))
    assert understand(table, np.arange(3, ROWS)).findings[0].row == 7
    assert understand(table, np.arange(8, ROWS)).findings[0].strays == 0
    assert found_in(["w", *(f"{row}.5" for row in PLACES[1:])])[1].example == "1.5"


CATEGORIES = {
    "words": [f"word {row % 9}" for row in PLACES],
    "digits as text, on purpose": [f"{row % 30}" for row in PLACES],
    "postcodes with letters among them": [f"0{row % 40:03}" if row % 20 else "A12" for row in PLACES],
    "codes": [f"{'ABC'[row % 3]}{row % 20}" for row in PLACES],
    "numbers and as many words": [f"{row % 40}" if row % 2 else f"A{row % 40}" for row in PLACES],
    "grades": [("1", "2", "3", "A", "B")[row % 5] for row in PLACES],
    "signs": ["+-"[row % 2] for row in PLACES],
    "two marks of gaps": ["-?"[row % 2] for row in PLACES],
    "numbers, and words in half of the rows": [f"word {row % 5}" if row % 2 else f"{row}.5" for row in PLACES],
    "20 numbers, and words": [f"word {row % 5}" if row % 3 == 0 else f"{row % 20}.5" for row in PLACES],
    "numbers, and 21 words": [f"word {row % 21}" if row % 4 == 0 else f"{row % 60}.5" for row in PLACES],
    "dates, and words": [f"2020-01-{1 + row % 28:02}" if row % 3 else f"word {row % 7}" for row in PLACES],
    "true and false": [("true", "false")[row % 2] for row in PLACES],
    "ranges": [("0-9", "10-19", "20+")[row % 3] for row in PLACES],
    "versions": [f"1.{row % 8}.0" for row in PLACES],
    "addresses": [f"10.0.0.{row % 9}" for row in PLACES],
}


@pytest.mark.parametrize("case", CATEGORIES)
def test_categories(case):
    column, finding = found_in(CATEGORIES[case])
    assert (column.kind, finding.detail) == ("category", f"{len(set(CATEGORIES[case]))} levels")


def test_examples():
    assert found_in(["a"] * ROWS)[1].detail == "1 level"
    assert found_in(["b", *["a"] * (ROWS - 1)])[1].example == "a"
    for text, shown in (("a" * 40, "a" * 40), ("a" * 41, "a" * 37 + "..."), ("one\ntwo", "one"), ("", "")):
        assert found_in([text] * ROWS, "category")[1].example == shown


DATES = {
    "days": ([f"2020-{1 + row % 12:02}-{1 + row % 28:02}" for row in PLACES], "time, weekday"),
    "times of a day": ([f"{row // 60}:{row % 60:02}" for row in PLACES], "%H:%M: hour"),
    "German": ([f"{1 + row % 28}.1.{2000 + row}" for row in PLACES], "%d.%m.%Y: time, month, weekday"),
    "with a word": (["soon", *(f"2020-01-{1 + row % 28:02}" for row in PLACES[1:])], "time, weekday"),
    "with spaces around": ([f" 2020-01-{1 + row % 28:02} " for row in PLACES], "time, weekday"),
    "dates": ([datetime.date(2020, 1, 1 + row % 28) for row in PLACES], "time, weekday"),
    "one day": ([datetime.date(2020, 1, 1)] * ROWS, "time"),
}


@pytest.mark.parametrize("case", DATES)
def test_dates(case):
    column, finding = found_in(DATES[case][0])
    assert (column.kind, finding.detail, finding.strays) == ("date", DATES[case][1], int(case == "with a word"))
    assert column.has_strays == (case == "with a word")


UNUSED = {
    "empty": ([None] * ROWS, "empty"),
    "nothing but marks of gaps": (["-"] * ROWS, "empty"),
    "gaps as numbers": ([float("nan")] * ROWS, "empty"),
    "identifiers": ([f"id {row}" for row in PLACES], "another value in nearly every row"),
    "nine in ten distinct": ([f"id {row % 108}" for row in PLACES], "another value in nearly every row"),
    "distinct where they are": (
        [f"id{row}" if row > 12 else None for row in PLACES],
        "another value in nearly every row, but whether it is missing counts",
    ),
    "postcodes": ([f"{row:05}" for row in PLACES], "another value in nearly every row"),
    "telephones": ([f"030-12345{row:03}" for row in PLACES], "another value in nearly every row"),
    "texts of three words": ([f"some street {row}" for row in PLACES], "free text, which is not read as words"),
    "sentences": ([f"it was the {row}th day" for row in PLACES], "free text, which is not read as words"),
}


@pytest.mark.parametrize("case", UNUSED)
def test_what_is_not_used(case):
    values, why = UNUSED[case]
    column, finding = found_in(values)
    assert (column.kind, finding.detail) == ("unused", why)


def test_few_rows_and_fewer_texts_are_categories():
    table = read_table(pl.DataFrame({"k": [f"id {row}" for row in range(49)]}))
    assert understand(table).findings[0].kind == "category"
    table = read_table(pl.DataFrame({"k": [f"id {row}" for row in range(50)], "v": [0.5] * 50}))
    assert understand(table).findings[0].kind == "unused"
    assert found_in([f"id {row % 107}" for row in PLACES])[0].kind == "category"


def test_what_is_neither_is_refused():
    values = [f"word {row % 5}" if row % 4 == 0 else f"{row}.5" for row in PLACES]
    with pytest.raises(InvalidValueError) as raised:
        found_in(values)
    assert str(raised.value) == (
        "X must have numbers or categories in column 'k'; got 90 numbers and 30 other values, the first 'word 0' at "
        "row 0. Say which it is (columns={...: 'category'} or 'number')."
    )
    with pytest.raises(InvalidValueError, match="the first 'word 3' at row 8"):
        understand(read_table(pl.DataFrame({"k": values})), np.arange(5, ROWS))
    assert found_in(values, "number")[1].strays == 30
    assert found_in(values, "category")[1].detail == "95 levels"


@pytest.mark.parametrize(
    "values",
    [
        [f"word {row % 5}" if row % 2 and row > 1 else f"{row}.5" for row in PLACES],  # 59 words
        [f"word {row % 5}" if row % 4 == 0 else f"{row % 21}.5" for row in PLACES],
        [f"word {row % 20}" if row % 3 == 0 else f"{row}.5" for row in PLACES],
    ],
)
def test_what_may_be_either_is_refused_up_to_half_of_words_and_from_21_numbers_to_20_words(values):
    with pytest.raises(InvalidValueError, match="X must have numbers or categories in column 'k'"):
        found_in(values)


# --- what is said -----------------------------------------------------------------------------------------------------


def test_what_is_said_counts():
    digits = [row % 9 for row in PLACES]
    assert found_in(digits)[0].kind == "number"
    assert found_in(digits, "category")[1].detail == "9 levels"
    assert found_in([f"{row:05}" for row in PLACES], "category")[1].detail == "120 levels"
    assert found_in([f"{row:05}" for row in PLACES], "number")[0].kind == "number"
    assert found_in(digits, "drop")[0].kind == "unused"
    days = [f"{1 + row % 12:02}/{1 + row % 9:02}/2024" for row in PLACES]
    assert found_in(days)[0].style == "%m/%d/%Y"
    assert found_in(days)[1].doubt == "column 'k' is read as %m/%d/%Y, and could be %d/%m/%Y"
    tildes = [f"2020~01~{1 + row % 28:02}" for row in PLACES]
    assert found_in(tildes, "date:%Y~%m~%d")[1].detail == "%Y~%m~%d: time, weekday"
    assert found_in(["soon" if row % 3 else f"2020-01-{1 + row % 28:02}" for row in PLACES], "date")[1].strays == 80
    assert found_in([*["2020-01-01", "2020-02-01"] * 15, *[f"word {row}" for row in range(90)]], "date")[1].strays == 90
    column, finding = found_in(days, "date:%d/%m/%Y")
    assert (column.style, finding.doubt, finding.strays) == ("%d/%m/%Y", "", 0)
    assert found_in(days, "category")[0].kind == "category"
    dates = [datetime.date(2020, 1, 1 + row % 28) for row in PLACES]
    assert found_in(dates, "number")[0].parts == ("time",)
    assert found_in(dates, "category")[1].detail == "28 levels"
    assert found_in([*dates[:-1], None], "category")[1].detail == "28 levels"


@pytest.mark.parametrize(
    ("values", "said", "message"),
    [
        (
            list(PLACES),
            "date",
            "X must hold dates in column 'k', as said; got '0' at row 0. Say what else it is (columns=",
        ),
        (
            ["a", "b"] * 60,
            "number",
            "X must hold numbers in column 'k', as said; got 'a' at row 0. Say what else it is ",
        ),
        ([None, "b"] * 60, "date", "X must hold dates in column 'k', as said; got 'b' at row 1. Say what else it is "),
        (
            ["a"] * 120,
            "words",
            "columns must say one of 'number', 'category', 'date', 'drop'; got 'words' at column 'k'.",
        ),
        (["a"] * 120, 3, "columns must say one of 'number', 'category', 'date', 'drop'; got 3 at column 'k'."),
        (["red"] * 120, "date:%d/%m/%Y", "X must hold dates in column 'k', as said; got 'red' at row 0."),
        (["2020-01-01"] * 120, "date:soon", "columns must name a format of dates, such as date:%d/%m/%Y; got soon."),
    ],
)
def test_what_cannot_be_as_said_is_refused(values, said, message):
    with pytest.raises(InvalidValueError) as raised:
        found_in(values, said)
    assert str(raised.value).startswith(message)


def test_columns_that_are_not_there_are_refused():
    table = read_table(pl.DataFrame({"size": [1.0, 2.0], "colour": ["a", "b"]}))
    with pytest.raises(
        InvalidValueError, match=r"^columns must name columns of the table; got 'sise'\. Did you mean 'size'\?$"
    ):
        understand(table, None, {"sise": "drop"})
    with pytest.raises(InvalidValueError, match=r"^columns must name columns of the table; got 0\."):
        understand(table, None, {0: "drop"})
    matrix = read_table(np.ones((3, 2)))
    assert [column.kind for column in understand(matrix, None, {-1: "category"}).reading.columns] == [
        "number",
        "category",
    ]
    with pytest.raises(InvalidValueError, match=r"^columns must name positions below 2; got 2\.$"):
        understand(matrix, None, {2: "drop"})
    with pytest.raises(
        TypeError, match=r"^columns must be a dict from columns to one of 'number', .*; got \['size'\]\.$"
    ):
        understand(table, None, ["size"])


def test_a_column_is_left_to_learn_from():
    table = read_table(pl.DataFrame({"a": [f"id {row}" for row in PLACES], "b": [1.0] * ROWS}))
    with pytest.raises(InvalidValueError) as raised:
        understand(table, None, {"b": "drop"})
    assert str(raised.value) == (
        "X must have a column to learn from; got column 'a' (another value in nearly every row), column 'b' (left out, "
        "as asked). Say what such a column is (columns={...: 'category'} or 'number')."
    )
    empty = understand(read_table(np.full((3, 2), np.nan)))
    assert empty.reading == Reading.plain(None, [True, True])
    some = understand(read_table(pl.DataFrame({"a": [None] * 3, "b": [1, 2, 3]})), None, {"b": "drop"})
    assert [column.kind for column in some.reading.columns] == ["number", "unused"]


def test_sentences():
    findings = [
        Finding("a", "number", strays=2, first="w", row=3),
        Finding("b", "date", strays=1, first="x", row=4, doubt="column 'b' could be either"),
        Finding("c", "unused", "empty"),
        Finding("d", "unused", "left out, as asked"),
    ]
    assert [*notes_of_columns(findings)] == [
        "X has values that are not numbers or dates in columns of numbers or dates; they count as missing: column 'a' "
        "(2, the first 'w' in row 3, counted from 0), column 'b' (1, the first 'x' in row 4, counted from 0). If they "
        "mean something, make the column a category.",
        "X has columns in doubt: column 'b' could be either. Say what they are, or write them in one way.",
        "X has columns that are not used: column 'c' (empty).",
    ]
    assert [*notes_of_columns([Finding("a", "number")])] == []


def test_what_a_column_was_taken_for_in_words():
    findings = [
        Finding("a", "unused", "empty"),
        Finding("a", "category", "3 levels"),
        Finding("a", "date", "time, hour"),
        Finding("a", "number"),
    ]
    told = ["not used: empty", "category of 3 levels", "date (time, hour)", "number"]
    assert [finding.taken_for for finding in findings] == told


def test_findings_as_json():
    finding = Finding("a", "number", strays=2, first="w", row=3)
    assert finding.as_json() == {"column": "a", "kind": "number", "strays": 2, "first": "w", "row": 3}
    assert Finding.from_json(finding.as_json()) == finding
    assert Finding(0, "number").as_json() == {"column": 0, "kind": "number"}
    for entry in (
        {"column": 1.5, "kind": "number"},
        {"column": "a", "kind": "number", "strays": "2"},
        {"column": "a", "kind": "x"},
    ):
        with pytest.raises(TypeError):
            Finding.from_json(entry)


# --- what the files of strangers have ---------------------------------------------------------------------------------


def test_whether_a_text_is_missing_is_used_though_the_text_is_not():
    values = [None if row % 3 else f"id {row}" for row in range(300)]
    table = read_table(pl.DataFrame({"k": values, "v": np.arange(300) % 7 / 3}))
    reading = understand(table).reading
    assert reading.columns[0] == Column("unused", has_gaps=True)
    assert (reading.made_names, reading.are_numbers, reading.used_names) == (
        ("k: missing", "v"),
        (True, True),
        ("k", "v"),
    )
    made, _ = reading.read(table)
    assert made.column(0).tolist() == [float(row % 3 > 0) for row in range(300)]
    many = [None if row % 3 else f"id {row % 60}" for row in range(300)]
    reading = understand(read_table(pl.DataFrame({"k": many}))).reading
    assert (reading.columns[0], reading.made_names) == (Column("category", has_gaps=True), ("k", "k: missing"))
    assert reading.are_numbers == (False, True)
    made, _ = reading.read(read_table(pl.DataFrame({"k": ["id 3", None]})))
    assert (made.column(0).tolist(), made.column(1).tolist()) == (["id 3", None], [0.0, 1.0])
    few = [None if row % 3 else f"id {row % 5}" for row in range(300)]  # each has an input, and a gap is none of them
    assert not understand(read_table(pl.DataFrame({"k": few}))).reading.columns[0].has_gaps
    for gaps, has_gaps in ((29, False), (30, True)):
        some = [None if row < gaps else f"id {row % 60}" for row in range(300)]
        assert understand(read_table(pl.DataFrame({"k": some}))).reading.columns[0].has_gaps == has_gaps
    seldom = [None if row < 4 else f"id {row % 60}" for row in range(300)]
    assert not understand(read_table(pl.DataFrame({"k": seldom}))).reading.columns[0].has_gaps


def test_few_numbers_and_a_word_again_and_again_are_levels():
    dependents = [("0", "1", "2", "3+")[row % 4 if row % 12 else 3] for row in PLACES]
    assert found_in(dependents)[1].detail == "4 levels"
    once = ["3+" if row == 5 else str(row % 3) for row in PLACES]
    assert found_in(once)[1].strays == 1


def test_the_mark_before_decimals_is_known():
    values = ["1.5", *(f"{row % 9 + 1}.{row:03}" for row in PLACES[1:])]
    table = read_table(pl.DataFrame({"k": values}))
    assert understand(table, None, None, ",").reading.columns[0].spelling.thousands == "."
    assert understand(table).reading.columns[0].spelling.is_plain


def test_a_type_of_categories_says_so():
    sizes = [0.5, 1.5, 2.5] * 40
    for frame in (
        pd.DataFrame({"k": pd.Categorical(sizes)}),
        pl.DataFrame({"k": pl.Series([*map(str, sizes)], dtype=pl.Categorical)}),
        pl.DataFrame({"k": pl.Series([*map(str, sizes)], dtype=pl.Enum(["0.5", "1.5", "2.5"]))}),
    ):
        found = understand(read_table(frame))
        assert (found.findings[0].kind, found.findings[0].detail) == ("category", "3 levels")
    said = understand(read_table(pd.DataFrame({"k": pd.Categorical(sizes)})), None, {"k": "number"})
    assert said.findings[0].kind == "number"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (
            [
                f"{1 + row % 28:02}/{1 + row % 12:02}/2024" if row % 2 else f"2024-01-{1 + row % 28:02}"
                for row in PLACES
            ],
            "dates",
        ),
        ([f"{row} kg" if row % 2 else f"{row}00 g" for row in PLACES], "numbers"),
    ],
)
def test_dates_and_numbers_of_several_kinds_are_in_doubt(values, kind):
    _, finding = found_in(values)
    assert finding.doubt.startswith(f"column 'k' looks like {kind} written in several ways (")


def test_years_of_two_digits():
    column, finding = found_in([f"{1 + row % 28:02}/{1 + row % 12:02}/{40 + row % 60}" for row in PLACES])
    assert (column.style, finding.doubt) == ("%d/%m/%y", "")
    _, finding = found_in([f"{1 + row % 28:02}/{1 + row % 12:02}/{row % 100:02}" for row in PLACES])
    assert finding.doubt == "column 'k' has years of two digits, which are read as 1940 to 2039"


def test_columns_that_are_called_by_numbers():
    frame = pd.DataFrame({0: [1, 2, 3], 1: [1, 2, 4]})
    assert understand(read_table(frame), None, {1: "category"}).reading.columns[1].kind == "category"
    for said, got in (({2: "category", -1: "drop"}, "-1 again"), ({0: "drop", -3: "drop"}, "-3 again")):
        with pytest.raises(InvalidValueError, match=f"columns must name each column once; got {got}"):
            understand(read_table(np.ones((4, 3))), None, said)
    with pytest.raises(InvalidValueError, match="columns must name positions below 3; got True"):
        understand(read_table(np.ones((4, 3))), None, {True: "drop"})


def test_formats_that_are_none():
    for style in ("%Q", "%", "soon"):
        with pytest.raises(InvalidValueError, match="columns must name a format of dates"):
            found_in(["2020-01-01"] * ROWS, f"date:{style}")
    assert found_in([20230100 + 1 + row % 28 for row in PLACES], "date")[1].detail == "time, weekday"
    assert found_in([20230100 + 1 + row % 28 for row in PLACES], "date:%Y%m%d")[1].strays == 0


@pytest.mark.parametrize("write", [str, "1.{}.0".format, "10.0.0.{}".format, "202401{:02}".format, "call {}".format])
def test_codes_are_not_in_doubt(write):
    values = [write(row % 60) for row in PLACES]
    assert found_in(values)[1].doubt == ""
