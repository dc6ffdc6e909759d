"""How a text is to be read, where that is said and not told from the text; and which cells are missing, or numbers."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from logitwise._errors import InvalidTypeError, InvalidValueError

MISSING = (
    "?", "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "null", "NULL", "None", "<NA>", "#N/A", "#N/A N/A", "#NA",
    "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN",
)  # fmt: skip
WORDS = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
_DECIMAL_COMMA = r"^[+-]?(?:(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d*)?|,\d+)(?:[eE][+-]?\d+)?$"


@dataclass(frozen=True)
class Values:
    """Which cells of a text are missing besides the empty ones, and which are numbers.

    Attributes:
        missing: The cells that are missing.
        decimal: What stands before the decimals of a number: a point, or a comma; then points group its thousands.
    """

    missing: tuple[str, ...] = MISSING
    decimal: str = "."

    def present(self, column: pl.Series) -> pl.Series:
        """Return a column of text, null where a value is missing."""
        return column.set(column.is_in([*self.missing, ""]), None)

    def with_points(self, column: pl.Series) -> pl.Series:
        """Return a column of text whose numbers have decimal points, null where it is no number."""
        if self.decimal == ".":
            return column
        plain = column.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        return plain.set(~column.str.contains(_DECIMAL_COMMA), None)

    def numbers(self, column: pl.Series, dtype: type[pl.DataType] = pl.Float64) -> pl.Series:
        """Return the numbers in a column of text, null where there is none."""
        return self.with_points(column).cast(dtype, strict=False)

    def typed(self, column: pl.Series) -> pl.Series:
        """Return a column of text as Int64 or Float64 where all its values are numbers; null where one is missing."""
        column = self.present(column)
        plain = self.with_points(column)
        if plain.null_count() != column.null_count():
            return column
        for dtype in (pl.Int64, pl.Float64):
            numbers = plain.cast(dtype, strict=False)
            if numbers.null_count() == column.null_count():
                return numbers
        return column


@dataclass(frozen=True)
class TextOptions:
    """How to read a text, as `logitwise.data.read` is asked; None is told from the text.

    Attributes:
        header: Whether the first line names the columns.
        separator: The character between fields; a space means any number of spaces and tabs.
        encoding: The encoding, by its name in Python.
        decimal: The decimal sign: a point or a comma.
        na_values: The cells that are missing besides the empty ones, in place of `MISSING`.
        quotes: Whether double quotes go around fields; False: they are text.
        choices: What the columns of a text without a header may be called: the first choice of as many names.
    """

    header: bool | None = None
    separator: str | None = None
    encoding: str | None = None
    decimal: str = "."
    na_values: tuple[str, ...] | None = None
    quotes: bool | None = None
    choices: tuple[tuple[str, ...], ...] = ()

    @property
    def values(self) -> Values:
        """Which cells are missing, and which are numbers."""
        return Values(MISSING if self.na_values is None else self.na_values, self.decimal)

    @classmethod
    def checked(
        cls,
        header: bool | None = None,
        separator: str | None = None,
        encoding: str | None = None,
        decimal: str = ".",
        na_values: Sequence[str] | None = None,
        quotes: bool | None = None,
        choices: Sequence[Sequence[str]] = (),
    ) -> TextOptions:
        """Return the options; raise where one has no meaning."""
        tokens = None if na_values is None else checked_texts(na_values, "na_values")
        if quotes not in (None, True, False):
            raise InvalidTypeError("quotes", "be True, False or None", repr(quotes))
        sign = _separator(separator)
        if decimal not in (".", ","):
            raise InvalidValueError("decimal", "be '.' or ','", repr(decimal))
        if sign == decimal:
            raise InvalidValueError("decimal", "differ from the separator", repr(decimal))
        names = tuple(tuple(each) for each in choices)
        return cls(header, sign, _encoding(encoding), decimal, tokens, quotes, names)


def checked_texts(values: Sequence[str], argument: str) -> tuple[str, ...]:
    """Return an argument that is a list of strings as a tuple; raise where it is none."""
    if isinstance(values, str) or not all(isinstance(value, str) for value in values):
        raise InvalidTypeError(argument, "be a list of strings", repr(values))
    return tuple(values)


def _separator(separator: str | None) -> str | None:
    if separator is None:
        return None
    if not isinstance(separator, str):
        raise InvalidTypeError("separator", "be a string", repr(separator))
    sign = WORDS.get(separator.lower(), separator)
    if len(sign) != 1 or not sign.isascii() or sign in "\"'\r\n\0\x1e\x1f" or sign.isalnum():
        requirement = "be one character that is neither a letter, a digit nor a quote, or one of 'tab', 'space'"
        raise InvalidValueError("separator", requirement, repr(separator))
    return sign


def _encoding(encoding: str | None) -> str | None:
    if encoding is None:
        return None
    if not isinstance(encoding, str):
        raise InvalidTypeError("encoding", "be a string", repr(encoding))
    try:
        "a\n".encode(encoding).decode(encoding)
        codecs.getincrementaldecoder(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        pass
    requirement = "name an encoding of text, such as 'utf-8', 'cp1252' or 'latin-1'"
    raise InvalidValueError("encoding", requirement, repr(encoding))
