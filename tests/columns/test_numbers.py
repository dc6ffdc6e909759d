"""Numbers as people write them."""

import numpy as np
import pytest

from logitwise.columns.numbers import GAPS, PLAIN, Spelling, is_gap, spelling_of

WRITTEN = {
    "dollars": (["$936.00", "$1,138.50", "-$2", "$ 7"], [936.0, 1138.5, -2.0, 7.0]),
    "dollars, some without a sign": (["$936.00", "1,138.50"], [936.0, 1138.5]),
    "euros behind": (["1.234,50 €", "3,00 €", "-5,25 €"], [1234.5, 3.0, -5.25]),
    "a code of a currency": (["USD 1,200", "USD 3"], [1200.0, 3.0]),
    "reals": (["R$ 1.000,50", "R$ 2,00"], [1000.5, 2.0]),
    "rupees": (["₹1,23,456", "₹2,000"], [123456.0, 2000.0]),
    "kroner": (["1 250,50 kr", "12,00 kr"], [1250.5, 12.0]),
    "accounts": (["(1,200)", "300", "1,000-"], [-1200.0, 300.0, -1000.0]),
    "percent": (["45.1%", "3 %", "-0.5%"], [45.1, 3.0, -0.5]),
    "decimal commas": (["0,511", "1,098", "-0,256", "3"], [0.511, 1.098, -0.256, 3.0]),
    "thousands": (["1,234", "12,345,678", "5"], [1234.0, 12345678.0, 5.0]),
    "thousands by dots": (["1.234.567", "12.345"], [1234567.0, 12345.0]),
    "thousands by spaces": (["1 234,5", "12\u00a0345,25"], [1234.5, 12345.25]),
    "thousands by apostrophes": (["1'234.50", "12\u2019345", "3"], [1234.5, 12345.0, 3.0]),
    "units": (["12 kg", "13.5kg"], [12.0, 13.5]),
    "ratios": (["12 mg/dl", "13.25 mg/dl"], [12.0, 13.25]),
    "degrees": (["25°C", "-3.5 °C"], [25.0, -3.5]),
    "multiples": (["€110.5M", "€600K", "€0", "€2.5bn"], [110.5e6, 6e5, 0.0, 2.5e9]),
    "multiples alone": (["3.5k", "4M", "250"], [3.5e3, 4e6, 250.0]),
    "multiples of money, in small letters": (["$1.7m", "$285k", "$9"], [1.7e6, 2.85e5, 9.0]),
    "thousands by dots, and a unit": (["7.045 €", "950 €"], [7045.0, 950.0]),
    "kelvin": (["338 K", "290 K"], [338.0, 290.0]),
    "powers of ten": (["5e-3", "1E5", "+2.", ".5"], [5e-3, 1e5, 2.0, 0.5]),
    "true and false": (["true", "False"], [1.0, 0.0]),
    "a minus of typography": (["\u22123.5", "2"], [-3.5, 2.0]),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_numbers(case):
    texts, numbers = WRITTEN[case]
    spelling = spelling_of(texts)
    assert [spelling.number(text) for text in texts] == numbers
    assert [spelling.number(f" {text}\t") for text in texts] == numbers
    assert Spelling.from_header(spelling.header()) == spelling


NONE = {
    "codes of amounts": ["1K", "2M", "3B"],
    "codes of currencies": ["CAD037", "MAD001"],
    "telephones": ["612 345 678", "698 765 432"],
    "codes": ["A12", "zip365", "ABC123", "1-A", "030 12345-678"],
    "addresses": ["10.0.0.1", "192.168.1.1"],
    "versions": ["1.2.3", "1.10.0"],
    "ranges": ["10-20", "0-9", "65+"],
    "limits": ["<0.1", ">= 5", "~3"],
    "fractions": ["1/2", "3/4"],
    "words": ["", " ", "unknown", "e5", "inf", "nan", "1_000", "--5", "(5", "5)", "$", "%", "1,2,3.4.5"],
    "heights": ["5'11", "6'2\""],
}


@pytest.mark.parametrize("case", NONE)
def test_what_is_no_number(case):
    texts = NONE[case]
    spelling = spelling_of(texts)
    if case != "codes of amounts":  # one of them may be the unit
        assert [spelling.number(text) for text in texts] == [None] * len(texts)
    assert sum(spelling.number(text) is not None for text in texts) < 2
    assert [PLAIN.number(text) for text in texts] == [None] * len(texts)


def test_the_spelling_is_that_of_most():
    assert spelling_of(["0,5", "1,25", "2.5"]) == Spelling(",")
    assert spelling_of(["1,234", "2.5", "7.25"]) == Spelling(".", ",")
    assert spelling_of(["$5", "$6", "£7"]).unit == "$"
    assert spelling_of(["5 kg", "6", "7"]) == PLAIN  # most have none: a unit that one has is a stray
    assert spelling_of(["5 kg", "6 kg", "1,5", "2,5"]) == Spelling(",")
    assert spelling_of(["$1", "2", "3", "4"]).unit == "$"
    assert spelling_of(["$1", "2", "3", "4", "5"]) == PLAIN
    assert spelling_of(["3k", "4k", "5k"]) == Spelling(unit="k")
    assert spelling_of(["3.5k", "4.5k"]) == Spelling(unit="k")
    assert spelling_of(["3.5k", "4"]) == spelling_of(["3.5k", "4M"]) == Spelling(multiples=True)
    assert spelling_of([" 5 kg\t"]).unit == "kg"
    assert spelling_of(["1.2.3 kg", "4.5.6 kg", "7"]) == spelling_of(["1.2.3 kg"]) == spelling_of([]) == PLAIN


def test_the_mark_before_decimals_may_be_known():
    assert spelling_of(["1.234", "5.678", "1.5"], ",") == Spelling(",", ".")
    assert spelling_of(["1.5", "2.5"], ",").decimal == ","
    assert spelling_of(["1,234", "5,678"], ",") == Spelling(",")
    assert spelling_of(["1,5", "2,5"], ".").decimal == "."


def test_other_units_are_no_numbers():
    assert [Spelling(unit="%").number(text) for text in ("5%", "5", "5 kg")] == [5.0, None, None]
    assert [Spelling(unit="$").number(text) for text in ("$5", "5", "€5", "$5 kg")] == [5.0, 5.0, None, None]
    assert [Spelling().number("3k"), Spelling(multiples=True).number("3k")] == [None, 3000.0]


def test_powers_of_ten_in_any_spelling():
    assert [Spelling(",").number("1,5e3"), Spelling(unit="kg").number("5E-1 kg")] == [1500.0, 0.5]


def test_a_spelling_is_told():
    assert str(Spelling(",", " ", "$", multiples=True)) == (
        "spaces between thousands, decimal commas, the unit $, k, M and B for multiples"
    )
    assert str(PLAIN) == ""


def test_gaps():
    assert all(is_gap(gap) and is_gap(f" {gap.upper()} ") for gap in GAPS)
    assert not any(map(is_gap, ("unknown", "0", "x")))
    assert is_gap("")
    assert is_gap("  ")
    assert all(map(is_gap, ("-", "--", "---", "\u2013", ".", "..", "...", "*", "?", "N/A", "#REF!", "None", "NULL")))


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {"decimal": ".", "thousands": "", "unit": ""},
        {"decimal": ";", "thousands": "", "unit": "", "multiples": False},
        {"decimal": ".", "thousands": ".", "unit": "", "multiples": False},
        {"decimal": ".", "thousands": "", "unit": 1, "multiples": False},
        {"decimal": ".", "thousands": "", "unit": "", "multiples": 1},
    ],
)
def test_what_describes_no_spelling(entry):
    with pytest.raises(ValueError, match="spelling"):
        Spelling.from_header(entry)


@pytest.mark.parametrize("seed", range(3))
def test_numbers_come_back_from_every_spelling(seed):
    numbers = np.random.default_rng(seed).uniform(-1e6, 1e6, 200).round(2)
    for decimal, thousands in ((".", ","), (",", "."), (",", " "), (".", "'")):
        marks = str.maketrans({",": thousands, ".": decimal})
        texts = [f"{number:,.2f}".translate(marks) for number in numbers.tolist()]
        spelling = spelling_of(texts)
        assert (spelling.decimal, spelling.thousands) == (decimal, thousands)
        assert [spelling.number(text) for text in texts] == numbers.tolist()
