"""Which class to predict when some errors cost more than others: a rule chosen by held-out rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from logitwise._decision import answers, threshold_of
from logitwise._display import Displayed
from logitwise._errors import InvalidTypeError, InvalidValueError
from logitwise.metrics import balanced_accuracy, f1

MOST_SCORES = 10_000  # conformal scores kept; of more rows, as many of their quantiles
SWEEPS = 3  # over the classes, when their weights are chosen for f1
GOALS = ("balanced_accuracy", "f1")
REQUIREMENT = f"be None, one of {GOALS} or a matrix of costs"


@dataclass(frozen=True, repr=False)
class Decision(Displayed):
    """What to predict: the class with the lowest expected cost.

    Attributes:
        goal: "balanced_accuracy", "f1" or "costs".
        costs: What it costs to predict class j where i is true, float64, `(classes, classes)`.
        before: The goal on held-out rows when the most probable class is predicted (for "costs": the mean cost).
        after: The same with these costs; optimistic for "f1", whose costs were chosen on the same rows. Both are None
            where no rows were held out.
    """

    goal: str
    costs: np.ndarray
    before: float | None
    after: float | None

    def _facts(self) -> Mapping[str, Any]:
        return {"threshold": self.threshold, **super()._facts()}

    @property
    def threshold(self) -> float | None:
        """For two classes: the probability of the second from which on it is predicted; None for more."""
        return threshold_of(self.costs) if len(self.costs) == 2 else None

    def as_json(self) -> dict[str, Any]:
        """Return this as the header of a model file holds it."""
        return {"for": self.goal, "value": self.threshold, "before": self.before, "after": self.after}


def check_goal(goal: Any, n_classes: int) -> str | np.ndarray | None:
    """Return `threshold_for` as None, a name, or costs as a float64 matrix.

    Raises:
        TypeError: It is none of these.
        ValueError: An unknown name; costs of another shape, not finite, or no higher for an error than for being right.
    """
    if goal is None:
        return None
    if isinstance(goal, str):
        if goal not in GOALS:
            raise InvalidValueError("threshold_for", REQUIREMENT, repr(goal))
        return goal
    try:
        costs = np.array(goal, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidTypeError("threshold_for", REQUIREMENT, repr(goal)) from None
    if costs.shape != (n_classes, n_classes):
        requirement = f"have a row and a column for each class, shape {(n_classes, n_classes)}"
        advice = "Entry [i, j] is what it costs to predict class j where i is true."
        raise InvalidValueError("threshold_for", requirement, costs.shape, advice=advice)
    bad = ~np.isfinite(costs) | ((costs <= np.diag(costs)[:, None]) & ~np.eye(n_classes, dtype=bool))
    if bad.any():
        row, column = (int(place) for place in np.argwhere(bad)[0])
        requirement = "have finite costs, each higher than that of being right"
        where = f"[{row}, {column}], where being right costs {costs[row, row]:g}"
        raise InvalidValueError("threshold_for", requirement, f"{costs[row, column]:g}", where)
    return costs


def decide(goal: str | np.ndarray, probabilities: np.ndarray, target: np.ndarray) -> Decision:
    """Return the decision that serves a goal, by held-out rows.

    With calibrated probabilities, costs need no tuning: the lowest expected cost is best. Balanced accuracy amounts to
    such costs: an error costs one over the frequency of the true class. For f1 (of the second of two classes; the mean
    over more) the weights of the classes are found by search.
    """
    n_classes = probabilities.shape[1]
    plain = 1.0 - np.eye(n_classes)
    if not isinstance(goal, str):
        if len(target) == 0:
            return Decision("costs", goal, None, None)
        expected = _mean_cost(goal, plain, probabilities, target), _mean_cost(goal, goal, probabilities, target)
        return Decision("costs", goal, *expected)
    measure = {"balanced_accuracy": balanced_accuracy, "f1": f1}[goal]
    if goal == "balanced_accuracy":
        frequencies = np.maximum(np.bincount(target, minlength=n_classes), 1) / len(target)
        weights = 1 / frequencies
    else:
        weights = _searched(probabilities, target)
    costs = weights[:, None] * plain
    before, after = (measure(target, answers(probabilities, each), n_classes) for each in (plain, costs))
    return Decision(goal, costs, before, after)


def _mean_cost(costs: np.ndarray, rule: np.ndarray, probabilities: np.ndarray, target: np.ndarray) -> float:
    return float(costs[target, answers(probabilities, rule)].mean())


def _searched(probabilities: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return weights of the classes with a high f1, found one class after the other among the values that matter."""
    n_classes = probabilities.shape[1]
    weights = np.ones(n_classes)
    for _ in range(SWEEPS if n_classes > 2 else 1):
        for place in range(1 if n_classes == 2 else 0, n_classes):
            weights[place] = _best_weight(place, weights, probabilities, target)
    return weights


def _best_weight(place: int, weights: np.ndarray, probabilities: np.ndarray, target: np.ndarray) -> float:
    weighted = probabilities * weights
    rivals = np.delete(weighted, place, axis=1).max(axis=1)
    turns = np.log(np.maximum(rivals, 1e-300)) - np.log(np.maximum(probabilities[:, place], 1e-300))
    candidates = np.exp(np.unique(np.quantile(turns, np.linspace(0.01, 0.99, 99))).clip(-20, 20))
    scores = []
    for candidate in candidates:
        weighted[:, place] = probabilities[:, place] * candidate
        scores.append(f1(target, weighted.argmax(axis=1), probabilities.shape[1]))
    best = np.flatnonzero(np.array(scores) >= max(scores) - 1e-12)
    return float(candidates[best[len(best) // 2]])


def conformal_scores(log_probabilities: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the loss of each held-out row, in order: how improbable the model held what happened."""
    scores = np.sort(-log_probabilities[np.arange(len(target)), target])
    if len(scores) <= MOST_SCORES:
        return scores
    ranks = -(-np.arange(1, MOST_SCORES + 1) * len(scores) // MOST_SCORES)  # rounded up, without a float on the way
    return scores[ranks - 1]
