"""Long work on many rows: some at a time, under a progress bar."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from logitwise.cli.door import is_quiet, naming, say
from logitwise.model.data_warnings import DataWarning, values_unknown

if TYPE_CHECKING:
    from logitwise.model.model import Model

ROWS_AT_ONCE = 65_536


def predictions(model: Model, features: Any, argument: str) -> tuple[np.ndarray, Counter[str]]:
    """Return the probabilities of rows, and how many values of each column the model does not know."""
    batches = by_parts(model.predict_batch, features, argument)
    unknown: Counter[str] = Counter()
    for batch in batches:
        unknown.update(batch.unknown)
    return np.concatenate([batch.probabilities for batch in batches]), unknown


def say_unknown(counts: Mapping[str, int], argument: str) -> None:
    """Say which columns of an argument hold values that the model does not know, given how many each has."""
    found = values_unknown(counts)
    if found:
        say(f"logitwise: note: {argument} has {found}.")


@contextmanager
def unsaid() -> Iterator[None]:
    """Let no model warn of data: what there is to say has been said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        yield


def by_parts(predict: Callable[[Any], Any], features: Any, argument: str) -> list[Any]:
    """Return what `predict` returns for each part of the rows, in order.

    Many rows are shown as a bar with the time left, on standard error where it is a terminal; a model's prediction for
    a row does not depend on the rows beside it. `argument` is what to call the rows in a message.
    """
    n_rows = len(features)
    console = Console(stderr=True)
    hidden = is_quiet() or not console.is_terminal or n_rows <= ROWS_AT_ONCE
    results = []
    with naming({"X": argument}), Progress(console=console, disable=hidden, transient=True) as bar:
        task = bar.add_task("Predicting", total=n_rows)
        for start in range(0, max(n_rows, 1), ROWS_AT_ONCE):
            results.append(_predict_part(predict, features, start))
            bar.update(task, completed=start + ROWS_AT_ONCE)
    return results


def _predict_part(predict: Callable[[Any], Any], features: Any, start: int) -> Any:
    try:
        return predict(features[start : start + ROWS_AT_ONCE])
    except ValueError:
        predict(features)  # refuses with the row's place among all rows, not in its part
        raise
