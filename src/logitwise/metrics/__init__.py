"""Measures of probabilities against what happened, and how far chance alone could have moved them."""

from __future__ import annotations

from logitwise.metrics.intervals import Interval
from logitwise.metrics.measures import (
    accuracy,
    brier_score,
    calibration_error,
    confusion_matrix,
    majority_baseline,
    paired_bootstrap,
    roc_auc,
    summary,
    summary_intervals,
)

__all__ = [
    "Interval",
    "accuracy",
    "brier_score",
    "calibration_error",
    "confusion_matrix",
    "majority_baseline",
    "paired_bootstrap",
    "roc_auc",
    "summary",
    "summary_intervals",
]
