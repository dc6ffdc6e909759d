"""Lists in sentences."""

from __future__ import annotations

from collections.abc import Iterable
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
