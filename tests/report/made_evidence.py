"""Evidence made up for the tests of the report."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise.report_page import ColumnImportance, Evidence, Example, History, confidently_wrong

HOSTILE = "<img src=x onerror=alert(1)>\"'&"
SCRIPTS = ["日本語のクラス", "فئة", "Ωmega", "हिन्दी", "🍎"]


def made_predictions(rows: int, n_classes: int, seed: int = 0, sharpness: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Return targets, and the probabilities of a model that is calibrated but for its sharpness (1 is perfect)."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(rows, n_classes)) * 2
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    true = exponentials / exponentials.sum(axis=1, keepdims=True)
    target = (generator.random((rows, 1)) > true.cumsum(axis=1)).sum(axis=1).clip(0, n_classes - 1)
    stated = true**sharpness
    return target, stated / stated.sum(axis=1, keepdims=True)


def made_evidence(rows: int = 400, n_classes: int = 2, sharpness: float = 1.0, **changes: Any) -> Evidence:
    """Return evidence with a chapter of every kind."""
    target, probabilities = made_predictions(rows, n_classes, sharpness=sharpness)
    positions = confidently_wrong(target, probabilities, 4)
    parts: dict[str, Any] = {
        "title": "fruit.safetensors",
        "where": f"{rows} rows of fruit.csv",
        "classes": [f"class {place}" for place in range(n_classes)],
        "target": target,
        "probabilities": probabilities,
        "baselines": {"the class frequencies alone": np.full((rows, n_classes), 1 / n_classes)},
        "history": History([10, 20, 30], [0.9, 0.5, 0.4], [0.8, 0.6, 0.7], 20),
        "examples": [Example(int(place), int(place) + 1, (("size", "1.5"), ("colour", "red"))) for place in positions],
        "importance": [ColumnImportance("size", [0.1, 0.2]), ColumnImportance("colour", [0.3, 0.4])],
        "command": "logitwise report fruit.safetensors fruit.csv",
        "facts": {"SHA-256 of fruit.csv": "00ff"},
    }
    return Evidence(**(parts | changes))


def hostile_evidence(n_classes: int = 1000, rows: int = 2000) -> Evidence:
    """Return evidence whose every text is hostile, long, or of another script."""
    names = [f"{SCRIPTS[place % 5]} {place} {HOSTILE}" for place in range(n_classes)]
    cells = tuple((f"{HOSTILE}{place}", "x" * 300 + "\x00\ud800\u202e") for place in range(20))
    importance = [ColumnImportance(f"{name}", [1 / (place + 1)]) for place, name in enumerate(names[:300])]
    target, probabilities = made_predictions(rows, n_classes)
    return made_evidence(
        rows,
        n_classes,
        title=HOSTILE,
        where=HOSTILE,
        classes=names,
        baselines={HOSTILE: np.full((rows, n_classes), 1 / n_classes)},
        before_calibration=made_predictions(rows, n_classes, sharpness=9.0)[1],
        examples=[Example(int(place), int(place) + 1, cells) for place in confidently_wrong(target, probabilities, 8)],
        importance=importance,
        command=HOSTILE,
        facts={HOSTILE: HOSTILE},
        notes=[HOSTILE],
    )
