"""What a model says of the rows that it predicts: columns that it ignores, and values that it does not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from logitwise._listing import listed


class DataWarning(UserWarning):
    """Something in the data that may spoil a model, or make its figures look better than they are."""

    __module__ = "logitwise"


def columns_ignored(names: Sequence[str]) -> str:
    """Return what to say of columns that were not seen in training."""
    count = f"{len(names)} column{'s' if len(names) > 1 else ''}"
    return f"{count} not seen in training, ignored: {listed(names, quoted=True)}"


def values_unknown(counts: Mapping[str, int]) -> str:
    """Return what to say of values that were not seen in training, given how many each column has; "" for none."""
    found = [f"{column} ({count:,})" for column, count in counts.items() if count]
    columns = f"{len(found)} column{'s' if len(found) > 1 else ''}"
    return f"values not seen in training in {columns}, treated as missing: {listed(found)}" if found else ""
