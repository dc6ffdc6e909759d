"""Numbers as people write them in text: money, percent, thousands and decimal marks, units, and marks of gaps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

# What stands for a gap where numbers or dates are expected, in lower case; in a category it may be a level.
GAPS = frozenset({
    "-", "--", "---", "\u2013", "\u2014", ".", "..", "...", "*", "?", "na", "n.a.", "n/a", "n/a.", "#n/a", "#na",
    "<na>", "nan", "none", "null", "(null)", "nil", "missing", "\\n", "#value!", "#div/0!", "#ref!", "#num!",
    "#name?", "#null!",
})  # fmt: skip
MULTIPLES = {"k": 1e3, "K": 1e3, "m": 1e6, "M": 1e6, "mn": 1e6, "b": 1e9, "B": 1e9, "bn": 1e9}
LONG = 9  # digits of a telephone number, which may be grouped like thousands
TRUTH = {"true": 1.0, "false": 0.0}
_SPACES, _APOSTROPHES, _MINUS = " \u00a0\u202f\u2009", "'\u2019", "\\-\u2212"
# ISO 4217, the more traded ones: letters before digits are else a code, as in A12.
_ISO_4217 = (
    "USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|CNY|RMB|INR|SEK|NOK|DKK|PLN|CZK|HUF|RON|BGN|TRY|RUB|UAH|ILS|ZAR|BRL|MXN|ARS|CLP|"
    "COP|PEN|SGD|HKD|TWD|KRW|THB|MYR|IDR|PHP|VND|PKR|BDT|LKR|EGP|NGN|KES|GHS|MAD|AED|SAR|QAR|KWD"
)
_MONEY = rf"(?:[A-Z]{{1,3}}\$|[$€£¥₹₩₽₺₪₫₴₦฿¢]|Rs\.?|{_ISO_4217})"
_BEFORE = rf"{_MONEY}|[%‰°]"
_BEHIND = rf"{_MONEY}|[%‰°][CFK]?|[^\W\d_]+[²³]?(?:/[^\W\d_]+[²³]?)?"
_DIGITS = rf"\d(?:[\d.,{_APOSTROPHES}{_SPACES}]*\d)?[.,]?|[.,]\d+"
_WRITTEN = re.compile(
    rf"(?P<open>\()?(?P<sign>[+{_MINUS}])?[{_SPACES}]?(?P<before>{_BEFORE})?[{_SPACES}]?(?P<second>[+{_MINUS}])?"
    rf"(?P<digits>{_DIGITS})(?P<exponent>[eE][+-]?\d+)?[{_SPACES}]?(?P<behind>{_BEHIND})?(?P<last>-)?(?P<close>\))?"
)
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_CODE = re.compile(r"0\d")  # what begins so is a code, where it is not a number as it stands
_CURRENCY = re.compile(_MONEY)
_GROUPED = r"[1-9]\d{{0,2}}(?:{0}\d{{2,3}})*{0}\d{{3}}"
# The marks of decimals and of thousands, the likelier first.
MARKS = ((".", ""), (".", ","), (",", ""), (",", "."), (",", " "), (".", " "), (".", "'"), (",", "'"))


@dataclass(frozen=True)
class Spelling:
    """How the numbers of a column are written.

    Attributes:
        decimal: The mark before decimals, "." or ",".
        thousands: The mark between groups of three digits, or "": ",", ".", "'" or " " (any space).
        unit: What stands before or behind the digits, such as "$" or "%"; "" for nothing.
        multiples: Whether k, M and B behind the digits mean thousands, millions and billions.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    multiples: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as Python writes them."""
        return self == Spelling()

    @cached_property
    def _digits(self) -> re.Pattern[str]:
        mark = {"": "", " ": f"[{_SPACES}]", "'": f"[{_APOSTROPHES}]"}.get(self.thousands, re.escape(self.thousands))
        whole = rf"(?:{_GROUPED.format(mark)}|\d+)" if mark else r"\d+"
        decimal = re.escape(self.decimal)
        return re.compile(rf"(?:{whole}(?:{decimal}\d*)?|{decimal}\d+)")

    def number(self, text: str) -> float | None:
        """Return the number that a text is in this spelling; None where it is none.

        Example:
            >>> Spelling(",", ".", "€").number("1.234,50 €"), Spelling(unit="%").number("-5%"), Spelling().number("<5")
            (1234.5, -5.0, None)
        """
        text = text.strip()
        if self.is_plain and (number := _plain_number(text)) is not None:
            return number
        found = _WRITTEN.fullmatch(text)
        if found is None or not self._digits.fullmatch(found["digits"]) or _CODE.match(found["digits"]):
            return None
        factor = self._factor(found["before"] or "", found["behind"] or "")
        signs = [each for each in (found["sign"], found["second"], found["last"]) if each]
        if factor is None or (found["open"] is None) != (found["close"] is None) or len(signs) > 1:
            return None
        digits = re.sub(f"[{_APOSTROPHES}{_SPACES}]", "", found["digits"])
        if self.thousands in (",", "."):
            digits = digits.replace(self.thousands, "")
        value = float(digits.replace(self.decimal, ".") + (found["exponent"] or "")) * factor
        return -value if found["open"] or "".join(signs) in [*_MINUS] else value

    def _factor(self, before: str, behind: str) -> float | None:
        """Return what a number with these units is multiplied by; None where they are not those of the column."""
        factor = 1.0
        if self.multiples and behind in MULTIPLES:
            factor, behind = MULTIPLES[behind], ""
        unit = before or behind
        is_own = unit == self.unit or (not unit and _CURRENCY.fullmatch(self.unit) is not None)
        return factor if is_own and not (before and behind) else None

    def header(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "decimal": self.decimal,
            "thousands": self.thousands,
            "unit": self.unit,
            "multiples": self.multiples,
        }

    @classmethod
    def from_header(cls, entry: Any) -> Spelling:
        """Return the spelling that JSON values describe; raise ValueError where they describe none."""
        if not isinstance(entry, Mapping) or set(entry) != {"decimal", "thousands", "unit", "multiples"}:
            raise ValueError("entries of a spelling")
        spelling = cls(**entry)
        is_known = (spelling.decimal, spelling.thousands) in MARKS and isinstance(spelling.multiples, bool)
        if not is_known or not isinstance(spelling.unit, str):
            raise ValueError("a spelling of numbers")
        return spelling

    def __str__(self) -> str:
        marks = [
            f"{_NAMES[self.thousands]} between thousands" if self.thousands else "",
            "decimal commas" if self.decimal == "," else "",
            f"the unit {self.unit}" if self.unit else "",
            "k, M and B for multiples" if self.multiples else "",
        ]
        return ", ".join(filter(None, marks))


_BY_POINTS = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+")
PLAIN, WITH_COMMAS = Spelling(), Spelling(",", ".")
_NAMES = {",": "commas", ".": "dots", " ": "spaces", "'": "apostrophes"}


def is_gap(text: str) -> bool:
    """Return whether a text stands for a gap among numbers or dates, as a blank one does."""
    return not text.strip() or text.strip().lower() in GAPS


def spelling_of(texts: Sequence[str], decimal: str | None = None) -> Spelling:
    """Return the spelling in which most of some texts are numbers; the plain one where none of them are.

    Args:
        texts: The texts.
        decimal: What stands before decimals, "." or ",", where that is known.

    Example:
        >>> spelling_of(["$936.00", "$1,138.50", "unknown"])
        Spelling(decimal='.', thousands=',', unit='$', multiples=False)
    """
    found = [match for match in map(_WRITTEN.fullmatch, (text.strip() for text in texts)) if match]
    unit, multiples = _unit_of(found)
    candidates = [Spelling(mark, thousands, unit, multiples) for mark, thousands in MARKS if decimal in (None, mark)]
    if (unit or multiples) and decimal != ",":
        candidates.insert(0, Spelling())
    if (unit or multiples) and _are_thousands([match["digits"] for match in found]):
        candidates.insert(0, Spelling(",", ".", unit, multiples))
    best = max(candidates, key=lambda spelling: sum(spelling.number(text) is not None for text in texts))
    return Spelling(decimal or ".") if best.thousands == " " and _are_telephones(texts) else best


def _are_thousands(digits: Sequence[str]) -> bool:
    """Return whether points stand between groups of three digits: with one, numbers are from 1.000 on, else below."""
    grouped = [each for each in digits if "." in each]
    others = [each for each in digits if "." not in each]
    are_small = all(each.isdigit() and len(each) <= 3 for each in others)
    return bool(others) and are_small and bool(grouped) and all(_BY_POINTS.fullmatch(each) for each in grouped)


def _are_telephones(texts: Sequence[str]) -> bool:
    """Return whether all texts have the same many digits, and no decimals."""
    digits = [re.sub(r"\D", "", text) for text in texts]
    return len(set(map(len, digits))) == 1 and len(digits[0]) >= LONG and not any("," in text for text in texts)


def _unit_of(found: Sequence[re.Match[str]]) -> tuple[str, bool]:
    """Return the unit of most numbers, and whether multiples stand behind them.

    Letters such as M are multiples where they differ, and where a currency or decimals show that these are amounts.
    """
    before = [match["before"] or "" for match in found]
    behind = [match["behind"] or "" for match in found]
    suffixes = {each for each in behind if each in MULTIPLES}
    are_amounts = any(map(_CURRENCY.fullmatch, (*before, *behind))) or any("." in match["digits"] for match in found)
    multiples = are_amounts and bool(suffixes) and (len({*behind}) > 1 or any(before))
    units = Counter(
        front or ("" if multiples and back in MULTIPLES else back) for front, back in zip(before, behind, strict=True)
    )
    plain = units.pop("", 0)
    unit = max(units, key=lambda each: units[each], default="")
    # A currency may be left out of some cells; another unit is that of the column only where most cells have it.
    is_own = bool(unit) and (units[unit] > plain or (_CURRENCY.fullmatch(unit) is not None and units[unit] * 4 > plain))
    return (unit if is_own else ""), multiples


def _plain_number(text: str) -> float | None:
    if _PLAIN.fullmatch(text):
        return float(text)
    return TRUTH.get(text.lower())
