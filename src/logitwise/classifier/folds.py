"""Which rows each member is trained on, and which are held out from it: folds, or one split for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FEWEST_ROWS = 10  # with fewer, held-out rows say too little: all members are trained on all rows
ONE_SPLIT_ROWS = 100_000  # from here on one split is enough to choose by
SPLIT_FRACTION = 0.1
FOLDS_TO_LEARN_BY = 5


@dataclass(frozen=True)
class Plan:
    """The rows of each member: positions among the rows in use.

    Attributes:
        trained: The rows each member is trained on.
        held_out: The rows each member is measured on.
        why: What was chosen, and why, as a sentence.
    """

    trained: tuple[np.ndarray, ...]
    held_out: tuple[np.ndarray, ...]
    why: str

    @property
    def is_folds(self) -> bool:
        """Whether each row is held out from one member alone."""
        return len(self.held_out[0]) > 0 and self.held_out[0] is not self.held_out[1]


def plan_for(target: np.ndarray, members: int, generator: np.random.Generator) -> Plan:
    """Return folds, so that each row is held out from one member; one split of many rows; of few rows, none.

    Args:
        target: The class of each row.
        members: How many members.
        generator: Decides which rows go where.
    """
    rows = len(target)
    everything = np.arange(rows)
    if rows < FEWEST_ROWS:
        why = f"No rows are held out: {rows} are too few to say anything, so nothing is chosen or calibrated by them."
        return Plan((everything,) * members, (everything[:0],) * members, why)
    if rows >= ONE_SPLIT_ROWS:
        trained, held_out = split_rows(target, SPLIT_FRACTION, generator)
        why = (
            f"One split: {len(held_out):,} of {rows:,} rows are held out from all members, and are enough to choose by."
        )
        return Plan((trained,) * members, (held_out,) * members, why)
    fold = _deal(target, members, generator)
    why = f"Folds: each of {members} members is trained on all rows but its own fold, and measured on that."
    trained = tuple(np.flatnonzero(fold != own) for own in range(members))
    return Plan(trained, tuple(np.flatnonzero(fold == own) for own in range(members)), why)


def folds_to_learn_by(plan: Plan | None, target: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return the fold of each row, for what is learnt of a row by the others alone; -1 where the row is held out.

    Args:
        plan: Which rows are held out; None where none of these are. Its folds are taken where there are any.
        target: The class of each row.
        generator: Decides which rows go where.
    """
    fold = np.full(len(target), -1)
    if plan is not None and plan.is_folds:
        for place, held_out in enumerate(plan.held_out):
            fold[held_out] = place
        return fold
    trained = np.arange(len(target)) if plan is None else plan.trained[0]
    fold[trained] = _deal(target[trained], FOLDS_TO_LEARN_BY, generator)
    return fold


def given_split(rows: int, held_out: int, members: int) -> Plan:
    """Return the plan where the last `held_out` rows are those of X_val."""
    trained, held = np.arange(rows), np.arange(rows, rows + held_out)
    why = f"One split: the {held_out:,} rows of X_val are held out from all members."
    return Plan((trained,) * members, (held,) * members, why)


def split_rows(indices: np.ndarray, fraction: float, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to train on and the rows to validate on, each in order.

    Stratified: the shuffled rows are sorted by class, and taken at even distances. So each class gives its share to
    within one row; a class with a single row gives none.
    """
    shuffled = generator.permutation(len(indices))
    by_class = shuffled[np.argsort(indices[shuffled], kind="stable")]
    counts = np.bincount(indices)
    eligible = by_class[counts[indices[by_class]] > 1]
    count = round(len(eligible) * fraction)
    places = ((np.arange(count) + generator.random()) * (len(eligible) / max(count, 1))).astype(np.int64)
    validation = np.sort(eligible[places])
    return np.setdiff1d(np.arange(len(indices)), validation), validation


def _deal(target: np.ndarray, folds: int, generator: np.random.Generator) -> np.ndarray:
    """Return the fold of each row; the rows of each class are dealt out in turn."""
    shuffled = generator.permutation(len(target))
    by_class = shuffled[np.argsort(target[shuffled], kind="stable")]
    fold = np.empty(len(target), dtype=np.int64)
    fold[by_class] = np.arange(len(target)) % folds
    return fold
