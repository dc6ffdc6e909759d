"""HTML and SVG, escaped by construction: what is not `Html` already is text, and leaves as text."""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

LONGEST_TEXT = 60  # characters of a name or a cell; the page shows data, it does not store it
UNKNOWN, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}  # of direction, beyond the text they are in
VOID = {"img", "meta", "br", "col"}


class Html(str):
    """A piece of markup, safe to put into a page as it is."""

    __slots__ = ()


def escape(value: Any) -> Html:
    """Return a value as text of a page; markup stays markup."""
    if isinstance(value, Html):
        return value
    return Html(html.escape(_printable(str(value))))


def tag(element: str, /, *children: Any, **attributes: Any) -> Html:
    """Return an element; an attribute that is None or False is left out, `class_` means class, `a_b` means a-b.

    Example:
        >>> tag("p", "1 < 2", class_="note")
        '<p class="note">1 &lt; 2</p>'
    """
    opening = f"<{element}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    if element in VOID:
        return Html(opening)
    return Html(f"{opening}{''.join(map(escape, children))}</{element}>")


def join(parts: Iterable[Any], between: str = "") -> Html:
    """Return pieces of a page, one after the other."""
    return Html(escape(between).join(map(escape, parts)))


def plain(markup: Html) -> str:
    """Return the text of a piece of markup, for a terminal.

    Example:
        >>> plain(tag("p", "1 < ", tag("b", "2")))
        '1 < 2'
    """
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def name(value: Any, at_most: int = LONGEST_TEXT) -> Html:
    """Return a class, a column or a cell: cut where it is long, and its writing direction kept to itself."""
    full = _printable(str(value))
    if full.strip() == "":
        return tag("i", "(empty)" if full == "" else "(blank)")
    if len(full) <= at_most:
        return tag("bdi", full)
    return tag("bdi", cut(full, at_most), title=full[:500])


def cut(value: Any, at_most: int) -> str:
    """Return a name as text, cut where it is long."""
    full = _printable(str(value))
    return full if len(full) <= at_most else f"{full[: at_most - 1]}…"


def quoted(value: Any) -> Html:
    """Return a name in quotation marks, for a sentence."""
    return Html(f"“{name(value)}”")


def table(caption: str, header: Sequence[Any], rows: Iterable[Sequence[Any]], class_: str | None = None) -> Html:
    """Return a table whose first column names its rows; everything else is set as numbers."""
    head = tag("tr", *(tag("th", cell, scope="col") for cell in header))
    body = (tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:])) for row in rows)
    return scrolling(
        tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body), class_=class_), caption
    )


def scrolling(content: Html, label: str) -> Html:
    """Return content that scrolls by itself, also by keyboard, where it is wider than the page."""
    return tag("div", content, class_="scroll", tabindex="0", role="region", aria_label=label)


def details(summary: Any, *content: Any) -> Html:
    """Return content that opens on demand."""
    return tag("details", tag("summary", summary), *content)


def share(value: float, digits: int = 1) -> str:
    """Return a share as a percentage; never rounded up to all or down to nothing."""
    if math.isnan(value):
        return UNKNOWN
    rounded = round(100 * value, digits)
    if rounded >= 100 > 100 * value:
        return f"> {100 - 10**-digits:.{digits}f}%"
    if rounded <= 0 < value:
        return f"< {10**-digits:.{digits}f}%"
    return f"{rounded:.{0 if rounded in (0, 100) else digits}f}%"


def number(value: float, digits: int = 3) -> str:
    """Return a number to a fixed number of digits, with a true minus."""
    if math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text.replace("-", MINUS)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _attribute(key: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    key = key.rstrip("_").replace("_", "-") if key != "viewBox" else key
    if isinstance(value, float):
        value = f"{value:.2f}".rstrip("0").rstrip(".")
    return f' {key}="{html.escape(_printable(str(value)))}"'


def _printable(value: str) -> str:
    """Return text without what would harm a page: control characters, half surrogate pairs, turns of direction."""
    return value if value.isprintable() else "".join("\ufffd" if _is_harmful(letter) else letter for letter in value)


def _is_harmful(letter: str) -> bool:
    is_control = unicodedata.category(letter) in ("Cc", "Cs") and letter not in "\t\n"
    return is_control or unicodedata.bidirectional(letter) in TURNS
