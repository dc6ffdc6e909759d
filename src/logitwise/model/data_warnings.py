"""What a model has to say of the rows that it predicts: columns it ignores, and values it does not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from logitwise._listing import listed


class DataWarning(UserWarning):
    """Something in the data that may spoil a model, or the belief in its figures."""

    __module__ = "logitwise"


def columns_ignored(names: Sequence[str]) -> str:
    """Return what to say of the columns of a table that training had not."""
    count = f"{len(names)} column{'s' if len(names) > 1 else ''}"
    return f"{count} that training had not, ignored: {listed(names, quoted=True)}"


def values_unknown(counts: Mapping[str, int]) -> str:
    """Return what to say of values that a model does not know, given how many each column has; nothing for none."""
    found = [f"{column} ({count:,})" for column, count in counts.items() if count]
    columns = f"{len(found)} column{'s' if len(found) > 1 else ''}"
    return f"values that the model does not know in {columns}, taken as missing: {listed(found)}" if found else ""
