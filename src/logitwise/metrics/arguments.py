"""What measures take: class indices and probabilities, read and checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from logitwise._errors import InvalidTypeError, InvalidValueError
from logitwise._requirements import refuse_masked
from logitwise.functional._arguments.entries import in_unit_interval

DROP_MASKED = "Leave masked rows out first."


def read_predictions(target: Any, probabilities: Any) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return class indices and their probabilities as arrays of int64 and float64; raise where they are not such.

    A probability outside of [0, 1] by a rounding error counts as 0 or 1, as in `log_loss`.
    """
    refuse_masked(probabilities, "probabilities", DROP_MASKED)
    probabilities = np.asarray(probabilities)
    if probabilities.dtype.kind != "f":
        probabilities = probabilities.astype(np.float64)
    if probabilities.ndim != 2 or 0 in probabilities.shape:
        requirement = "have shape (rows, classes), at least one of each"
        raise InvalidValueError("probabilities", requirement, probabilities.shape)
    target = read_indices(target, "target", probabilities.shape[1])
    if len(target) != len(probabilities):
        requirement = f"have one index per row of probabilities, {len(probabilities)}"
        raise InvalidValueError("target", requirement, len(target))
    probabilities = in_unit_interval(probabilities, "probabilities", "For logits apply softmax first.")
    probabilities = probabilities.astype(np.float64, copy=False)
    off = np.abs(probabilities.sum(axis=1) - 1) > 1e-3  # room for float16
    if off.any():
        row = int(off.argmax())
        found = f"{float(probabilities[row].sum()):g}"
        raise InvalidValueError("probabilities", "sum to 1 in each row", found, f"row {row}")
    return target, probabilities


def read_indices(values: Any, name: str, n_classes: int) -> NDArray[np.int64]:
    """Return class indices as int64; raise where they are not integers in range, one per row."""
    refuse_masked(values, name, DROP_MASKED)
    indices = np.asarray(values)
    if indices.dtype.kind not in "iu" and indices.size:
        advice = "Convert labels to indices first."
        raise InvalidTypeError(name, "be integers, class indices from 0", f"dtype {indices.dtype}", advice=advice)
    if indices.ndim != 1:
        raise InvalidValueError(name, "be one-dimensional", f"shape {indices.shape}")
    bad = (indices < 0) | (indices >= n_classes)
    if bad.any():
        row = int(bad.argmax())
        raise InvalidValueError(name, f"be in [0, {n_classes - 1}]", int(indices[row]), f"row {row}")
    return indices.astype(np.int64)
