"""Suspicious inputs of a Kullback-Leibler divergence: its logits, its target, and losses that are not finite."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise import _warnings
from logitwise._arrays import as_float64
from logitwise._warnings import warn
from logitwise.functional._suspicions.places import along, more, place_of, row_of, shares_memory
from logitwise.kernels.cpu import suspicions as kernels

MOST_ROWS_SEARCHED = 10_000  # of those whose loss is not finite
_ADVICE = {
    "logits": "Remove the softmax: kl_divergence applies it itself.",
    "target_logits": "Pass them as target_probabilities=.",
}


def warn_of_divergence(problem: Any, logits: tuple[np.ndarray, int], target: tuple[np.ndarray, int]) -> None:
    """Warn where the logits or the target logits, as rows and their encoding, are probabilities."""
    if problem.mask is not None:
        return
    if not problem.is_warned_of and kernels.apparent_content(*logits) == kernels.PROBABILITIES:
        _warn_of_probabilities("logits", problem, row_of(problem, 0))
    if not problem.are_probabilities and kernels.apparent_content(*target) == kernels.PROBABILITIES:
        _warn_of_probabilities("target_logits", problem, as_float64(problem.target[along(problem, 0)]))


def _warn_of_probabilities(name: str, problem: Any, row: np.ndarray) -> None:
    best = int(row.argmax())
    warn(
        _warnings.ProbabilitiesAsLogitsWarning,
        f"{name} must be scores before any softmax; got probabilities: all {problem.layout.rows} rows lie in [0, 1] "
        f"and sum to 1, e.g. {row[best]:.3g} for class {best} at {place_of(problem, 0)}. {_ADVICE[name]}",
    )


def warn_of_divergences(problem: Any, losses: np.ndarray, gradient: Any) -> None:
    """Warn of what makes divergences not finite, unless the gradient has overwritten it."""
    if not _warnings.checks_are_on():
        return
    if shares_memory(gradient, problem.logits) or shares_memory(gradient, problem.target):
        return
    found = np.flatnonzero(~np.isfinite(losses))[:MOST_ROWS_SEARCHED]
    spoiled = [int(row) for row in found if np.isnan(losses[row])]
    impossible = [int(row) for row in found if not np.isnan(losses[row])]
    if spoiled:
        _warn_of_not_finite(problem, spoiled[0], len(spoiled))
    if impossible:
        _warn_of_impossible(problem, impossible[0], len(impossible))


def _masked(problem: Any, row: int, values: np.ndarray, fill: float) -> np.ndarray:
    """Return values of a row with `fill` outside of the mask."""
    if problem.mask is None:
        return values
    return np.where(as_float64(problem.mask[along(problem, row)]) != 0, values, fill)


def _warn_of_not_finite(problem: Any, row: int, count: int) -> None:
    values, name = _masked(problem, row, row_of(problem, row), 0.0), "logits"
    if (values < np.inf).all():
        values, name = _masked(problem, row, as_float64(problem.target[along(problem, row)]), 0.0), "target_logits"
    worst = np.flatnonzero(~(values < np.inf))
    if not worst.size:
        return
    warn(
        _warnings.NotFiniteWarning,
        f"{name} must be numbers or -inf; got {values[worst[0]]} for class {worst[0]} at {place_of(problem, row)}"
        f"{more(count, 'rows')}. The divergence is NaN.",
    )


def _warn_of_impossible(problem: Any, row: int, count: int) -> None:
    values = row_of(problem, row)
    target = _masked(problem, row, as_float64(problem.target[along(problem, row)]), -np.inf)
    possible = target > (0.0 if problem.are_probabilities else -np.inf)
    found = np.flatnonzero(possible & (values == -np.inf))
    if not found.size:
        return
    warn(
        _warnings.ImpossibleTargetWarning,
        f"logits must give each class that the target gives a probability one too; got -inf for class {found[0]} at "
        f"{place_of(problem, row)}{more(count, 'rows')}. The divergence is infinite: mask such classes on both sides, "
        "with mask=.",
    )
