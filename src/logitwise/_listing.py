"""Lists in sentences, and the name in a list that was meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


def listed(items: Iterable[Any], at_most: int = 5, *, quoted: bool = False) -> str:
    """Return the first items of a list as text, and how many more there are.

    Args:
        items: What to list.
        at_most: How many to name.
        quoted: Whether to write each as Python does, text in quotes.

    Example:
        >>> listed(["petal", "sepal", "stem"], at_most=2, quoted=True)
        "'petal', 'sepal' and 1 more"
    """
    texts = [repr(item) if quoted else str(item) for item in items]
    more = f" and {len(texts) - at_most} more" if len(texts) > at_most else ""
    return ", ".join(texts[:at_most]) + more


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` most like `name`, or None where none is close.

    Case is ignored; similarity is that of `difflib.get_close_matches` at its default cutoff, 0.6.

    Example:
        >>> nearest("clas", ["class", "age"])
        'class'
    """
    by_lower = {other.lower(): other for other in names}
    matches = get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[matches[0]] if matches else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return the sentence that offers the nearest of `names`, or nothing."""
    near = nearest(name, names)
    return f"Did you mean {near!r}?" if near is not None else ""
