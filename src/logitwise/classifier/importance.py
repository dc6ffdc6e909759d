"""What each column is worth to a model: how much worse it predicts when the column is shuffled."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise.model.model import Model

SHUFFLES = 3
ROWS_SHUFFLED = 2000  # enough to rank the columns, and quick


def permutation_importance(model: Model, features: Any, target: np.ndarray) -> dict[str, list[float]]:
    """Return by how much the log loss rises, in nats, when one column is shuffled: one number a shuffle.

    Of many rows 2000 are used, chosen by a fixed seed. Columns that say the same share their importance.

    Args:
        model: The model.
        features: A polars DataFrame, or an array `(rows, columns)`, in the columns of training.
        target: The class indices of the rows, shape `(rows,)`.

    Source:
        L. Breiman, Random forests, Machine Learning 45 (2001), section 10.
    """
    generator = np.random.default_rng(0)
    chosen = np.sort(generator.permutation(len(target))[:ROWS_SHUFFLED])
    features, target = features[chosen], target[chosen]
    orders = [generator.permutation(len(target)) for _ in range(SHUFFLES)]
    loss = _log_loss(model, features, target)
    return {
        name: [_log_loss(model, _shuffled(features, place, order), target) - loss for order in orders]
        for place, name in enumerate(column_names(features))
    }


def column_names(features: Any) -> list[str]:
    """Return the names of the columns of a DataFrame, or their positions, counted from 0."""
    return list(getattr(features, "columns", None) or [f"column {place}" for place in range(features.shape[1])])


def _shuffled(features: Any, place: int, order: np.ndarray) -> Any:
    if hasattr(features, "columns"):
        column = features[features.columns[place]]
        return features.with_columns(column[order])
    shuffled = features.copy()
    shuffled[:, place] = features[order, place]
    return shuffled


def _log_loss(model: Model, features: Any, target: np.ndarray) -> float:
    return -float(model.predict_log_proba(features)[np.arange(len(target)), target].mean())
