"""How objects show themselves: a title and a few facts, as lines of text and as a table in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from html import escape
from itertools import accumulate
from typing import Any

import numpy as np

from logitwise._listing import listed

LONGEST_NAME, LONGEST_LABEL, LONGEST_FACT = 30, 40, 100  # characters
MOST_ITEMS, ROOM = 5, 76  # of a list, and the characters that they may take


class Displayed:
    """A dataclass that shows itself in a few lines, however much it holds; make it with `repr=False`."""

    def _title(self) -> str:
        return type(self).__name__

    def _facts(self) -> Mapping[str, Any]:
        """Return what is worth showing, by name; None is left out."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def _shown(self) -> dict[str, str]:
        found = {name: brief(value) for name, value in self._facts().items() if value is not None}
        return {printable(name, LONGEST_LABEL): printable(text, LONGEST_FACT) for name, text in found.items()}

    def __repr__(self) -> str:
        shown = self._shown()
        width = max(map(len, shown), default=0)
        return "\n".join([self._title(), *(f"  {name:<{width}}  {text}" for name, text in shown.items())])

    def _repr_html_(self) -> str:
        left = 'style="text-align: left; vertical-align: top; padding-right: 1em"'
        rows = (
            f'<tr><th scope="row" {left}>{escape(name)}</th><td {left}>{escape(text)}</td></tr>'
            for name, text in self._shown().items()
        )
        title = f"<caption {left}>{escape(self._title())}</caption>"
        return f"<table>{title}<tbody>{''.join(rows)}</tbody></table>"


def printable(value: object, at_most: int) -> str:
    """Return a value as text of one line, cut where it is long, without characters that a terminal would act upon."""
    text = str(value)
    text = text if len(text) <= at_most else f"{text[: at_most - 1]}…"
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def names(values: Iterable[Any]) -> str:
    """Return the first of some names, as many as fit a line, and how many more there are."""
    texts = [printable(value, LONGEST_NAME) for value in values]
    ends = accumulate(len(text) + 2 for text in texts[:MOST_ITEMS])
    return listed(texts, max(1, sum(end < ROOM for end in ends)))


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def brief(value: Any) -> str:
    """Return a value in a few words: the shape of an array or a table, the first items of a list."""
    if isinstance(value, str):
        return value
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    if isinstance(value, Displayed):
        return value._title()
    shape = getattr(value, "shape", None)
    if shape is not None and hasattr(value, "columns"):
        return f"{counted(shape[0], 'row')}, {counted(shape[1], 'column')}: {names(value.columns)}"
    if shape and (len(shape) > 1 or shape[0] > MOST_ITEMS):
        return f"{value.dtype}, shape {tuple(shape)}"
    if isinstance(value, (Mapping, tuple, list)) and not value:
        return "none"
    if isinstance(value, Mapping):
        return names(f"{key} {brief(item)}" for key, item in value.items())
    if isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and shape):
        return names(map(brief, value))
    return repr(value)
