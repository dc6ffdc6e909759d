"""A logistic regression beside a model: the same inputs and classes, to be measured on the same rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from logitwise.classifier.baselines import LOGISTIC_ROWS, SPARSE_ROWS, fit_logistic
from logitwise.classifier.levels.uncut import numbers_alone, uncut, uncut_inputs
from logitwise.columns.table import read_table
from logitwise.evidence.record import is_number
from logitwise.model.calibration import Calibration
from logitwise.model.model import Model


def logistic_beside(model: Model, X: Any, y: Any) -> Model:
    """Return a logistic regression of the columns of a model, as a model, of the strength that training chose.

    Each level of a category has a weight of its own. Of many rows, a regular sample is fitted.

    Args:
        model: What it stands beside.
        X: The rows that the model was trained on, as `Classifier.fit` takes them.
        y: Their labels, all among the model's classes.
    """
    preprocessing, n_classes = model.preprocessing, len(model.classes)
    prepared, target = preprocessing.prepare(read_table(X)), model.class_indices(y)
    most = LOGISTIC_ROWS if preprocessing.is_one_hot else SPARSE_ROWS
    rows = slice(None, None, -(-len(target) // most))
    encoder = preprocessing if preprocessing.is_one_hot else numbers_alone(preprocessing)
    known = uncut_inputs(preprocessing, encoder.encode(prepared, rows), prepared.codes[rows])
    fitted = fit_logistic(known, target[rows], np.ones(len(target[rows])), n_classes, _strength(model))
    preprocessing = uncut(preprocessing)
    ramps = np.zeros((1, preprocessing.n_inputs - preprocessing.n_deep, n_classes), dtype=np.float32)
    network = replace(fitted, linear=np.concatenate([fitted.linear, ramps], axis=1))
    return Model(model.classes, preprocessing, network, Calibration.none(n_classes))


def _strength(model: Model) -> float:
    """Return C as training chose it; scikit-learn's default where it chose none."""
    known = model.metadata.get("baselines")
    strength: Any = known.get("C") if isinstance(known, dict) else None
    return float(strength) if is_number(strength) and strength > 0 else 1.0
