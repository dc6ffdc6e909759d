"""Suspicious inputs of a binary cross-entropy, of logits or of probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise import _warnings
from logitwise._arrays import as_float64
from logitwise._warnings import warn
from logitwise.functional._suspicions.cross_entropy import CAUSES_OF_NAN
from logitwise.functional._suspicions.places import first_of, more, shares_memory
from logitwise.kernels.cpu import suspicions as kernels


def warn_of_binary_logits(problem: Any, logits: np.ndarray, encoding: int) -> None:
    """Warn where rows of the logits of a binary cross-entropy are probabilities over several columns."""
    shape = tuple(problem.logits.shape)
    if problem.is_warned_of or len(shape) < 2 or shape[-1] < 2:
        return
    rows = logits.reshape(-1, shape[-1], 1)
    if kernels.apparent_content(rows, encoding) == kernels.PROBABILITIES:
        warn(
            _warnings.ProbabilitiesAsLogitsWarning,
            f"logits must be scores before any sigmoid; got probabilities: all {len(rows)} rows lie in [0, 1] and sum "
            f"to 1, e.g. {float(as_float64(problem.logits).reshape(-1)[0]):.3g} at row 0. Remove the softmax; for one "
            "class per row, use cross_entropy.",
        )


def warn_of_axis_of_pos_weight(pos_weight: Any, shape: tuple[int, ...]) -> None:
    """Warn where a list of weights fits axis 1, of channels, and the last axis, along which it lies."""
    given = tuple(np.shape(pos_weight))
    if len(given) != 1 or len(shape) < 3 or not 1 < given[0] == shape[1] == shape[-1] or not _warnings.checks_are_on():
        return
    count, last = given[0], len(shape) - 1
    along_first, along_last = (count, *[1] * (last - 1)), (*[1] * (last - 1), count)
    warn(
        _warnings.AxisWarning,
        f"pos_weight must say which axis it belongs to; got {count} weights for logits of shape {shape}, whose axes 1 "
        f"and {last} both have that length. It lies along axis {last}, as in torch: pass pos_weight.reshape"
        f"{along_first} for axis 1, or pos_weight.reshape{along_last} for axis {last}.",
    )


def warn_of_binary_losses(problem: Any, gradient: Any) -> None:
    """Warn of the elements that make a binary cross-entropy not finite."""
    if not _warnings.checks_are_on() or shares_memory(gradient, problem.logits):
        return
    values, labels = as_float64(problem.quiet_logits()), as_float64(problem.target)
    spoiled = np.argwhere(np.isnan(values))
    if len(spoiled):
        first, where = first_of(spoiled)
        warn(
            _warnings.NotFiniteWarning,
            f"logits must be numbers; got nan{where}{more(len(spoiled), 'entries')}. {CAUSES_OF_NAN}",
        )
    if shares_memory(gradient, problem.target):
        return
    spread = problem.label_smoothing > 0
    impossible = np.argwhere(
        ((values == -np.inf) & ((labels > 0) | spread)) | ((values == np.inf) & ((labels < 1) | spread))
    )
    if len(impossible):
        first, where = first_of(impossible)
        warn(
            _warnings.ImpossibleTargetWarning,
            f"target must be possible given the logits; got {labels[first]:g} with logit {values[first]}{where}"
            f"{more(len(impossible), 'entries')}. The loss is infinite: a logit of -inf means that class 1 is "
            "impossible, and one of inf that class 0 is.",
        )


def warn_of_binary_probabilities(probabilities: Any, target: Any) -> None:
    """Warn where the probabilities of a binary loss are 0 for the target."""
    values, labels = as_float64(probabilities), as_float64(target)
    bad = np.argwhere(((values == 0) & (labels > 0)) | ((values == 1) & (labels < 1)))
    if not len(bad):
        return
    first, where = first_of(bad)
    warn(
        _warnings.ImpossibleTargetWarning,
        f"input must give the target a probability above 0; got {values[first]:g} for a target of {labels[first]:g}"
        f"{where}{more(len(bad), 'entries')}. Its loss is capped at 100 and its gradient is useless: use "
        "BCEWithLogitsLoss on the logits.",
    )
