"""Options that a function does not have."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def unknown_option(function: str, options: Iterable[str], known: Collection[str]) -> TypeError:
    """Return Python's own error for the first of the options that the function does not have."""
    unknown = next(name for name in options if name not in known)
    return TypeError(f"{function}() got an unexpected keyword argument {unknown!r}")
