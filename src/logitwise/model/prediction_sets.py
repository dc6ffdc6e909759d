"""Sets of classes that hold the true one as often as asked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from logitwise._errors import InvalidTypeError, InvalidValueError


def prediction_sets(log_probabilities: np.ndarray, scores: np.ndarray, coverage: Any) -> NDArray[np.bool_]:
    """Return which classes belong in the set of each row, bool, `(rows, classes)`.

    A class is in the set where its loss would be no higher than that of the true class was for a share `coverage` of
    the held-out rows; the most probable class always is.

    Raises:
        TypeError: A coverage that is not a number.
        ValueError: A coverage outside (0, 1), or more than the held-out rows can promise.
    """
    if isinstance(coverage, bool) or not isinstance(coverage, (int, float, np.integer, np.floating)):
        raise InvalidTypeError("coverage", "be a number", repr(coverage))
    if not 0 < coverage < 1:
        got = coverage if isinstance(coverage, int) else f"{coverage:g}"  # an integer may be too large for a float
        raise InvalidValueError("coverage", "be between 0 and 1", got)
    rank = int(np.ceil((len(scores) + 1) * coverage - 1e-9))
    if rank > len(scores):
        most = len(scores) / (len(scores) + 1)
        requirement = f"be at most {np.floor(most * 1000) / 1000:g} with {len(scores)} held-out rows"
        advice = "Ask for less, or train on more rows."
        raise InvalidValueError("coverage", requirement, f"{coverage:g}", advice=advice)
    sets = -log_probabilities <= scores[rank - 1]
    sets[np.arange(len(sets)), log_probabilities.argmax(axis=1)] = True
    return sets
