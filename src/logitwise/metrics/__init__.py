"""Measures of probabilities against what happened, and how far chance alone could have moved them."""

from __future__ import annotations

from logitwise.metrics.intervals import Interval
from logitwise.metrics.measures import (
    accuracy,
    brier_score,
    calibration_error,
    majority_baseline,
    paired_bootstrap,
    roc_auc,
    summary,
    summary_intervals,
)
from logitwise.metrics.predicted_classes import balanced_accuracy, confusion_matrix, f1

__all__ = [
    "Interval",
    "accuracy",
    "balanced_accuracy",
    "brier_score",
    "calibration_error",
    "confusion_matrix",
    "f1",
    "majority_baseline",
    "paired_bootstrap",
    "roc_auc",
    "summary",
    "summary_intervals",
]
