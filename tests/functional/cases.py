"""The table of named cases: hard logits, one matrix a name, classes last.

Every function is held against every case, in every dtype. Values are rounded to the dtype before the exact answer is
computed, so that a case asks how well the function is computed at the inputs it gets.
"""

from __future__ import annotations

import numpy as np

INF = np.inf


def _cases() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(20261124)
    normal = generator.standard_normal
    return {
        "tutorial": np.array([[2.0, 1.0, 0.1]]),
        "tutorial good": np.array([[0.1, 1.0, 2.1], [2.0, 1.0, 0.1], [0.1, 3.0, 0.1]]),
        "two classes": normal((5, 2)) * 3,
        "confident": np.array([[20.0, 0.0, 0.0], [0.0, 40.0, 0.0], [-90.0, -50.0, 10.0]]),
        "very confident": np.array([[100.0, 0.0, 1.0], [700.0, 0.0, -5.0], [-740.0, 5.0, 1.0]]),
        "equal": np.full((2, 7), 3.25),
        "all zero": np.zeros((2, 4)),
        "wide spread": normal((4, 33)) * 60,
        "common offset": normal((4, 10)) + 1000.0,
        "large common offset": np.round(normal((4, 10)) * 64) / 16 + 1.0e6,
        "large negative offset": np.round(normal((4, 10)) * 64) / 16 - 1.0e6,
        "cancelling logsumexp": np.array([[-np.log(2.0), -np.log(2.0)], [-np.log(3.0) + 1e-3, -1.0]]),
        "masked by -inf": np.array([[1.0, -INF, 2.0], [-INF, -INF, 5.0], [0.0, 0.0, -INF]]),
        "subnormal tail": np.array([[0.0, -100.0, -103.0], [0.0, -740.0, -1.0], [0.0, -16.0, -17.0]]),
        "tied largest": np.array([[5.0, 5.0, -5.0], [30.0, 30.0, 30.0]]),
        "many classes": normal((2, 3001)) * 4,
        "many equal classes": np.zeros((1, 100_000)),
        "one row of 1000": normal((1, 1000)) * 10,
        "five classes": normal((17, 5)) * 2,
        "sixteen classes": normal((9, 16)) * 8,
    }


CASES = _cases()

# Rows that have no ordinary answer, and the answer they are given: logits, softmax, log_softmax, logsumexp.
DEGENERATE = {
    "all -inf": ([-INF, -INF, -INF], [0.0, 0.0, 0.0], [-INF, -INF, -INF], -INF),
    "one +inf": ([INF, 0.0, 1.0], [np.nan] * 3, [np.nan] * 3, INF),
    "+inf and -inf": ([INF, -INF, 1.0], [np.nan] * 3, [np.nan] * 3, INF),
    "NaN": ([0.0, np.nan, 1.0], [np.nan] * 3, [np.nan] * 3, np.nan),
    "NaN beside +inf": ([INF, np.nan, 1.0], [np.nan] * 3, [np.nan] * 3, np.nan),
    "one -inf": ([-INF, 0.0, 0.0], [0.0, 0.5, 0.5], [-INF, -np.log(2.0), -np.log(2.0)], np.log(2.0)),
    "one class": ([7.0], [1.0], [0.0], 7.0),
}

# name -> options of cross_entropy; weights are made for the number of classes and rows of each case.
OPTIONS = {
    "plain": {},
    "class weights": {"class_weight": True},
    "sample weights": {"sample_weight": True},
    "smoothing": {"label_smoothing": 0.1},
    "z-loss": {"z_loss": 0.01},
    "ignored rows": {"ignore": True},
    "everything": {
        "class_weight": True,
        "sample_weight": True,
        "label_smoothing": 0.2,
        "z_loss": 0.001,
        "ignore": True,
    },
}


def weights_for(rows: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return class weights and sample weights; one of each is 0."""
    class_weight = 0.25 + np.arange(classes) % 5 * 0.5
    class_weight[-1] = 0.0
    sample_weight = 0.5 + np.arange(rows) % 3 * 0.75
    if rows > 2:
        sample_weight[1] = 0.0
    return class_weight, sample_weight


def targets_for(name: str, rows: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return class indices and soft targets for a case, the same every time."""
    generator = np.random.default_rng(len(name) * 1000 + rows)
    soft = generator.dirichlet(np.full(min(classes, 50), 0.5), rows)
    soft = np.pad(soft, ((0, 0), (0, classes - soft.shape[1])))
    return generator.integers(0, classes, rows), soft
