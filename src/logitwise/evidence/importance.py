"""What each column is worth to a model: how much worse it predicts when the column is shuffled."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise._notice import Progress
from logitwise.evidence.features import at, column_names, shuffled
from logitwise.model.model import Model

SHUFFLES = 3
ROWS_SHUFFLED = 2000  # enough to rank the columns, and quick


def permutation_importance(
    model: Model, features: Any, target: np.ndarray, progress: Progress | None = None
) -> dict[str, list[float]]:
    """Return by how much the log loss rises, in nats, when one column is shuffled: one number per shuffle.

    Of more rows, 2000 are used, chosen by a fixed seed. Columns that carry the same information share their importance.

    Args:
        model: The model.
        features: A DataFrame, or an array `(rows, columns)`, in the columns of training.
        target: The class indices of the rows, shape `(rows,)`.
        progress: Is told how many columns are done.

    Source:
        L. Breiman, Random forests, Machine Learning 45 (2001), section 10.
    """
    generator = np.random.default_rng(0)
    chosen = np.sort(generator.permutation(len(target))[:ROWS_SHUFFLED])
    features, target = at(features, chosen), target[chosen]
    orders = [generator.permutation(len(target)) for _ in range(SHUFFLES)]
    loss = _log_loss(model, features, target)
    names, worth = column_names(features), {}
    for place, name in enumerate(names):
        worth[name] = [_log_loss(model, shuffled(features, place, order), target) - loss for order in orders]
        if progress is not None:
            progress(place + 1, len(names))
    return worth


def _log_loss(model: Model, features: Any, target: np.ndarray) -> float:
    return -float(model.predict_log_proba(features)[np.arange(len(target)), target].mean())
