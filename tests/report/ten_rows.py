"""Ten rows made by hand, with numbers of which no two that could be swapped are alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from logitwise.report_page import ColumnImportance, Evidence, Example, HeldOutComparison, History

TARGET = [0, 1, 0, 0, 1, 0, 0, 1, 0, 0]
STATED = [0.32, 0.72, 0.04, 0.93, 0.34, 0.08, 0.11, 0.97, 0.76, 0.36]  # probability of class 1; rows 3, 4, 8 are wrong
BEFORE = [0.21, 0.83, 0.02, 0.98, 0.26, 0.03, 0.06, 0.99, 0.87, 0.27]
RIVAL = [0.44, 0.61, 0.17, 0.69, 0.54, 0.14, 0.23, 0.78, 0.66, 0.41]
FREQUENCY = 0.62

HISTORY = History([5, 10, 15, 20], [0.91, 0.52, 0.43, 0.37], [1.13, 0.61, 0.56, 0.64], 15, ["Patience has run out."])
MEASURES = {
    "model": {"accuracy": 0.81, "log_loss": 0.42, "brier_score": 0.27, "calibration_error": 0.034},
    "logistic regression": {"accuracy": 0.74, "log_loss": 0.55, "brier_score": 0.36, "calibration_error": 0.051},
    "trees": {"accuracy": 0.85, "log_loss": 0.31, "brier_score": 0.22, "calibration_error": 0.026},
}
GAINS = {"logistic regression": (0.06, 0.19), "trees": (-0.17, -0.05)}
EXAMPLES = [
    Example(3, 41, (("size", "1.5"), ("colour", "red"))),
    Example(8, 97, (("size", "7.25"), ("colour", "blue"))),
    Example(4, 53, (("size", "0.5"), ("colour", "green"))),
]
IMPORTANCE = [
    ColumnImportance("colour", [0.04, 0.01, 0.1]),
    ColumnImportance("size", [0.2, 0.3, 0.16]),
    ColumnImportance("noise", [-0.03, -0.01, -0.05]),
]


def pairs(stated: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the probabilities of both classes from those of the second."""
    return np.stack([1 - np.asarray(stated), stated], axis=1)


def ten_rows(**changes: Any) -> Evidence:
    """Return the evidence of the ten rows, with a chapter of every kind."""
    parts: dict[str, Any] = {
        "title": "fruit",
        "where": "10 rows of fruit.csv",
        "classes": ["raw", "ripe"],
        "target": np.array(TARGET),
        "probabilities": pairs(STATED),
        "baselines": {"the class frequencies alone": pairs([FREQUENCY] * 10), "logistic regression": pairs(RIVAL)},
        "comparison": HeldOutComparison(321, MEASURES, "Trees are better.", GAINS),
        "before_calibration": pairs(BEFORE),
        "calibrated_by": "by luck",
        "history": HISTORY,
        "examples": EXAMPLES,
        "importance": IMPORTANCE,
        "command": "logitwise report fruit.safetensors fruit.csv",
        "facts": {"SHA-256 of fruit.csv": "00ff", "versions": "logitwise 9"},
        "notes": ["Mind the gap."],
    }
    return Evidence(**(parts | changes))
