"""Predictions for many rows: a batch at a time, so that they take little memory and progress can be shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from logitwise._notice import Progress
from logitwise.evidence.features import at
from logitwise.model.model import Model

ROWS_PER_BATCH = 65_536
Phases = Callable[[str], AbstractContextManager[Progress]]  # is told what is being done, and gives what to tell how far


@contextmanager
def unseen(what: str) -> Iterator[Progress]:
    """Show no phase to anybody."""
    yield lambda done, whole: None


def predict_in_batches(
    model: Model, features: Any, progress: Progress | None = None
) -> tuple[np.ndarray, Counter[str]]:
    """Return the probabilities of rows, and how many values of each column the model does not know.

    A model's prediction for a row does not depend on the rows beside it. No `DataWarning` is given of unknown values.
    """
    n_rows, probabilities, unknown = len(features), [], Counter()
    if progress is not None:
        progress(0, n_rows)
    for start in range(0, max(n_rows, 1), ROWS_PER_BATCH):
        batch = model.predict_batch(at(features, slice(start, start + ROWS_PER_BATCH)), start)
        probabilities.append(batch.probabilities)
        unknown.update(batch.unknown)
        if progress is not None:
            progress(min(start + ROWS_PER_BATCH, n_rows), n_rows)
    return np.concatenate(probabilities), unknown
