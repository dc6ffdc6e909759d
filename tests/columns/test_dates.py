"""Dates and times as numbers."""

import datetime

import numpy as np
import pandas as pd
import pytest

from logitwise.columns.dates import FORMATS, ISO, PARTS, as_moments, format_of, part_of, telling_parts

START = datetime.datetime(2021, 11, 5, 14, 35, 20)
DAYS = [START + datetime.timedelta(days=17 * k, hours=5 * k, minutes=7 * k, seconds=11 * k) for k in range(40)]


@pytest.mark.parametrize("style", [style for style in FORMATS if style != ISO and "%z" not in style])
def test_every_format_is_found(style):
    texts = [day.strftime(style) for day in DAYS]
    found, count, _ = format_of(texts)
    assert count == len(texts)
    expected = [np.datetime64(datetime.datetime.strptime(text, style), "us") for text in texts]
    moments, strays = as_moments(texts, found)
    np.testing.assert_array_equal(moments, expected)
    assert not strays.any()


@pytest.mark.parametrize(
    "text",
    ["2021-11-05", "2021-11-05T14:35", "2021-11-05 14:35:20.5", "2021-11-05T14:35:20Z", "2021-11-05T14:35+09:00"],
)
def test_iso(text):
    assert format_of([text, "2020-02-03"]) == (ISO, 2, "")
    moments, _ = as_moments([text, None, "then"], ISO)
    assert str(moments[0]).startswith(text.replace(" ", "T").removesuffix("Z").removesuffix("+09:00"))
    assert np.isnat(moments[1:]).all()
    assert as_moments([text, None, "then"], ISO)[1].tolist() == [False, False, True]


def test_days_and_months_that_could_be_either():
    assert format_of(["03/04/2024", "13/04/2024"]) == ("%d/%m/%Y", 2, "")
    assert format_of(["03/04/2024", "04/13/2024"]) == ("%m/%d/%Y", 2, "")
    assert format_of(["02/05/2024", "03/04/2024"])[0] == "%m/%d/%Y"
    assert format_of(["30/01/2024", "01/02/2024"])[0] == "%d/%m/%Y"
    assert format_of(["01/02/2024", "02/02/2024", "01/03/2024"]) == ("%d/%m/%Y", 3, "%m/%d/%Y")  # in order of time
    assert format_of(["04/03/2024", "02/01/2024"]) == ("%m/%d/%Y", 2, "%d/%m/%Y")  # in neither
    assert format_of(["01/02/2024", "01/02/2024", "02/02/2024", "01/03/2024"])[0] == "%d/%m/%Y"  # one twice
    assert format_of(["04-03-2024", "02-01-2024"]) == ("%m-%d-%Y", 2, "%d-%m-%Y")
    assert format_of(["04.03.2024", "02.01.2024"]) == ("%d.%m.%Y", 2, "%m.%d.%Y")


@pytest.mark.parametrize("style", [style for style in FORMATS if "%z" in style])
def test_formats_with_a_zone(style):
    texts = [day.strftime(style.replace("%z", zone)) for day, zone in zip(DAYS, ("+0200", "-0530") * 20, strict=True)]
    assert format_of(texts) == (style, len(texts), "")
    np.testing.assert_array_equal(as_moments(texts, style)[0], np.array(DAYS, "datetime64[us]"))


def test_the_format_is_that_of_most():
    assert format_of(["soon", "2020-02-03"]) == (ISO, 1, "")
    assert format_of(["01/02/2024", "2024/03/04", "2024/03/05", "2024/03/06"]) == ("%Y/%m/%d", 3, "")


def test_the_format_of_a_long_column_is_that_of_a_sample_of_all_its_rows():
    either = ["01/02/2024"] * 1000
    assert format_of(either)[1] == 1000
    assert format_of([*either[:501], "13/02/2024", *either[502:]]) == ("%d/%m/%Y", 1000, "")
    assert format_of(["13/02/2024", *["2024-02-01"] * 499, *["14/02/2024"] * 1000]) == ("%d/%m/%Y", 1001, "")


@pytest.mark.parametrize("texts", [[], ["red"], ["x1", "y2"], ["10.0.0.1"], ["1-2-3-4"], ["555-1234"], ["12/2"]])
def test_what_is_no_date(texts):
    assert format_of(texts) is None


def test_words_before_the_dates_do_not_hide_them():
    words = ["tbd", "later", "soon", "asked", "unclear", "never"]
    assert format_of([*words, *(day.strftime("%d.%m.%Y") for day in DAYS)])[:2] == ("%d.%m.%Y", len(DAYS))


def test_parts():
    moments = np.array([*DAYS, None], "datetime64[us]")
    known = pd.Series(DAYS)
    expected = {
        "time": (known - pd.Timestamp(0)) / pd.Timedelta(days=1),
        "month": known.dt.month + (known.dt.day - 1) / 31,
        "weekday": known.dt.day_of_week,
        "hour": known.dt.hour + known.dt.minute / 60 + known.dt.second / 3600,
    }
    for part in PARTS:
        np.testing.assert_allclose(part_of(moments, part), [*expected[part], np.nan], rtol=1e-12)


def moments_of(first, last, count):
    return np.linspace(0, (np.datetime64(last) - np.datetime64(first)) / np.timedelta64(1, "s"), count).astype(
        "timedelta64[s]"
    ) + np.datetime64(first)


@pytest.mark.parametrize(
    ("moments", "parts"),
    [
        (moments_of("2020-01-01", "2023-01-01", 1097), ("time", "month", "weekday")),
        (moments_of("2020-01-01", "2020-12-30", 365), ("time", "weekday")),
        (moments_of("2020-01-01", "2021-01-01", 367), ("time", "weekday")),
        (moments_of("2020-01-01", "2020-01-08", 8), ("time",)),
        (moments_of("2020-01-01", "2020-01-02", 25), ("time", "hour")),
        (moments_of("1900-01-01", "1900-01-01T23", 24), ("hour",)),
        (moments_of("2020-01-01", "2020-01-01", 3), ("time",)),
        (np.array(["NaT"]), ("time",)),
    ],
)
def test_parts_that_repeat(moments, parts):
    assert telling_parts(moments.astype("datetime64[us]")) == parts
