"""Dates and times as numbers: the position in time, and the parts of the calendar that repeat."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from itertools import pairwise
from typing import Any

import numpy as np

ISO = "ISO 8601"
_DAYS = (
    "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d.%m.%Y", "%m.%d.%Y", "%Y.%m.%d", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y",
    "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y", "%m.%d.%y", "%y-%m-%d", "%y/%m/%d", "%y.%m.%d", "%d %b %Y",
    "%d-%b-%Y", "%d-%b-%y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%a %d %b %Y", "%a, %d %b %Y",
    "%A, %B %d, %Y", "%a %b %d %Y", "%Y-%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%y",
)  # fmt: skip
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S",
          ", %I:%M %p", ", %I:%M:%S %p", "T%H:%M:%SZ", " %H:%M:%S UTC")  # fmt: skip
_ALONE = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")
_MIDNIGHT = datetime(1900, 1, 1)  # the day of a time alone, as strptime has it
FIRST_OF_BEFORE = 2040  # the first year that is taken for one of the century before
LONGEST_SPAN = 60  # years, between dates whose years have two digits: some may be of the century before
_OTHERS = ("%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %z %Y", "%d/%b/%Y:%H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %z")
FORMATS = (ISO, *(day + hour for day in _DAYS for hour in _TIMES), *_ALONE, *_OTHERS)
# What stands between the numbers and names of a format, which is quicker to compare; None where that varies.
_MARKS = {style: None if style == ISO or "%z" in style else re.sub(r"%\w|\w", "", style) for style in FORMATS}
TRIED = 20  # texts, to find the formats worth trying
LOOKED_AT = 500  # texts, to choose a format
PARTS = ("time", "month", "weekday", "hour")  # of a date, as numbers
DAY = 86_400_000_000  # microseconds
_NEVER = np.datetime64("NaT", "us")


def moment(text: str, style: str) -> datetime | None:
    """Return the date and time that a text is in a format: that of `datetime.strptime`, or ISO; None for others.

    Years of two digits are 1940 to 2039: there are more dates of birth than of the next decades.
    """
    try:
        found = datetime.fromisoformat(text) if style == ISO else datetime.strptime(text, style)
    except ValueError:
        return None
    return found.replace(year=found.year - 100) if "%y" in style and found.year >= FIRST_OF_BEFORE else found


def format_of(texts: Sequence[str]) -> tuple[str, int, str] | None:
    """Return the format in which most of some texts are dates, how many are, and another that fits as well or "".

    Where day and month could be either, the format is chosen in which the dates, as they stand, are in order; else
    the month comes first, and before dots the day.
    """
    sample = texts[:: max(1, len(texts) // LOOKED_AT)][:LOOKED_AT]
    if not any(character.isdigit() for text in sample for character in text):
        return None
    hits = {style: sum(moment(text, style) is not None for text in sample) for style in _worth_trying(sample)}
    most = max(hits.values(), default=0)
    if not most:
        return None
    best = [style for style, count in hits.items() if count == most]
    found = {style: [moment(text, style) for text in texts] for style in best}
    counts = {style: sum(each is not None for each in moments) for style, moments in found.items()}
    order = sorted(counts, key=lambda style: (-counts[style], _descents(found[style]), _is_unlikely(style)))
    other = order[1] if len(order) > 1 and counts[order[1]] == counts[order[0]] else ""
    return order[0], counts[order[0]], other


def _worth_trying(sample: Sequence[str]) -> list[str]:
    """Return the formats that one of the first texts is in."""
    first = {text: re.sub(r"\w", "", text) for text in sample[:: max(1, len(sample) // TRIED)]}
    return [
        style
        for style, marks in _MARKS.items()
        if any((marks is None or own == marks) and moment(text, style) is not None for text, own in first.items())
    ]


def _descents(moments: Sequence[datetime | None]) -> bool:
    known = [each.replace(tzinfo=None) for each in moments if each is not None]
    return any(after < before for before, after in pairwise(known))


def _is_unlikely(style: str) -> bool:
    """Return whether another format is more common: 4/3 is April 3, 4.3. is March 4, and few years stand first."""
    return style.startswith(("%d/", "%d-", "%m.", "%y"))


def as_moments(values: Sequence[Any], style: str) -> tuple[np.ndarray, np.ndarray]:
    """Return texts as moments, datetime64[us], NaT where missing or no date; and which are no dates.

    A text that is not in the format, but in that of ISO, is a date too. Time zones are left out: 9 o'clock stays 9.
    """
    known: dict[Any, np.datetime64 | None] = {None: _NEVER}
    moments = np.empty(len(values), "datetime64[us]")
    strays = np.zeros(len(values), bool)
    for place, value in enumerate(values):
        if value not in known:
            found = _as_datetime(value, style)
            known[value] = None if found is None else np.datetime64(found.replace(tzinfo=None), "us")
        found = known[value]
        strays[place] = found is None
        moments[place] = _NEVER if found is None else found
    return moments, strays


def _as_datetime(value: Any, style: str) -> datetime | None:
    if not isinstance(value, str):
        return None
    text = value.strip()
    return moment(text, style) or moment(text, ISO) or moment(text, "%H:%M:%S")


def is_moment(value_type: type) -> bool:
    """Return whether values of a type are dates, perhaps with a time: those of Python, NumPy and pandas."""
    return issubclass(value_type, (date, np.datetime64)) or value_type.__name__ == "Period"


def time_of_day(value: time) -> datetime:
    """Return a time of day as a moment of the day that texts of times alone have, too."""
    return datetime.combine(_MIDNIGHT, value.replace(tzinfo=None))


def span_of(moments: np.ndarray) -> float:
    """Return how many years are between the first and the last of some moments."""
    known = moments[~np.isnat(moments)].astype(np.int64)
    return float((known.max() - known.min()) / (365.25 * DAY)) if len(known) else 0.0


def from_objects(values: Sequence[Any]) -> np.ndarray:
    """Return dates (None where missing) as datetime64[us]; time zones are left out."""
    return np.array([_NEVER if value is None else _as_moment(value) for value in values], "datetime64[us]")


def _as_moment(value: Any) -> np.datetime64:
    value = value.start_time if type(value).__name__ == "Period" else value
    if isinstance(value, datetime):
        value = value.replace(tzinfo=None)
    return value.to_datetime64() if hasattr(value, "to_datetime64") else np.datetime64(value, "us")


def part_of(moments: np.ndarray, part: str) -> np.ndarray:
    """Return a part of moments as numbers, NaN where missing.

    Args:
        moments: datetime64[us].
        part: "time", days since 1970; "month", 1 to 12, with its days as decimals; "weekday", 0 (Monday) to 6; "hour",
            0 to 24, with its minutes as decimals.
    """
    missing = np.isnat(moments)
    moments = np.where(missing, np.datetime64(0, "us"), moments)
    microseconds = moments.astype(np.int64)
    days, within = np.divmod(microseconds, DAY)
    if part == "time":
        numbers = microseconds / DAY
    elif part == "weekday":
        numbers = ((days + 3) % 7).astype(np.float64)
    elif part == "hour":
        numbers = within / (DAY / 24)
    else:
        months = moments.astype("datetime64[M]")
        day = (moments.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
        numbers = months.astype(np.int64) % 12 + 1 + day / 31
    return np.where(missing, np.nan, numbers)


def telling_parts(moments: np.ndarray) -> tuple[str, ...]:
    """Return which parts of moments can tell rows apart: what repeats, and does not stand still."""
    known = moments[~np.isnat(moments)]
    if not len(known):
        return ("time",)
    span = int(known.max().astype(np.int64) - known.min().astype(np.int64)) / DAY
    hours, weekdays = part_of(known, "hour"), part_of(known, "weekday")
    parts = {
        "time": span > 0 and len(np.unique(known.astype("datetime64[D]"))) > 1,
        "month": span > 366,
        "weekday": span > 14 and len(np.unique(weekdays)) > 1,
        "hour": len(np.unique(hours)) > 1,
    }
    return tuple(part for part in PARTS if parts[part]) or ("time",)
