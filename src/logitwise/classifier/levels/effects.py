"""The effects of levels: what each level of a category adds to the logits, shrunk by how little is known of it.

A mixed logistic model. The logits of a row are those of a logistic regression of the other inputs, plus the effect of
its level in each column:

    logits = base + b_1[level] + b_2[level] + ...,    b_j[level] ~ N(0, variance_j)  for each class

The effects maximise the penalised likelihood, by Newton's method with a diagonal bound of the Hessian. The variance of
a column is where the effects found agree with it (MacKay's fixed point): where a column says nothing of the target it
goes to zero, and so do its effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from logitwise.classifier.baselines import fit_logistic
from logitwise.model.network import Network

ROUNDS = 12  # of Newton's method, over all columns; more change log losses by less than 0.0005
ROUNDS_BEFORE = 2  # of them, before a variance is estimated
LEAST_VARIANCE, MOST_VARIANCE = 1e-4, 100.0
SAYS_NOTHING = 0.01  # variances below this: the effects are of a tenth of a logit and less
ROWS_OF_BASE = 5_000  # to fit the logistic regression of the other inputs
WORK_OF_BASE = 4_000_000  # its rows * inputs * classes
ROWS_PER_INPUT = 10  # with fewer the regression learns the rows by heart: the class frequencies are the base then


@dataclass(frozen=True)
class Levels:
    """The levels of some columns in some rows.

    Attributes:
        codes: Of each column, the level of each row, -1 where missing.
        counts: Of each column, how many levels it has.
    """

    codes: tuple[np.ndarray, ...]
    counts: tuple[int, ...]

    def at(self, columns: Sequence[int]) -> Levels:
        """Return some of the columns."""
        return Levels(tuple(self.codes[place] for place in columns), tuple(self.counts[place] for place in columns))


@dataclass(frozen=True)
class Rows:
    """What effects are fitted to: `base` are the other inputs, `fold` is -1 for rows that do not count."""

    base: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    fold: np.ndarray
    n_classes: int


@dataclass(frozen=True)
class Effects:
    """The effects of the levels of columns that say something of the target.

    Attributes:
        columns: Which of the columns these are.
        values: Of each, the effects of its levels, float32, `(levels, width)`: for two classes one number, the
            difference of the logits; else one for each class.
        of_rows: Of each, the effects of the levels of the rows, `(rows, width)`, found without the fold of the row.
    """

    columns: tuple[int, ...]
    values: tuple[np.ndarray, ...]
    of_rows: tuple[np.ndarray, ...]


def fit_effects(levels: Levels, rows: Rows, *, choose: bool = True) -> Effects:
    """Return the effects of levels; with `choose`, those of the columns alone that tell the target of unseen rows."""
    counted = np.flatnonzero(rows.fold >= 0)
    columns = tuple(range(len(levels.codes)))
    fitted = _Fit.to(rows, levels, counted)
    if choose:
        columns = tuple(place for place in columns if fitted.variances[place] > SAYS_NOTHING)
        levels, fitted = levels.at(columns), fitted.at(columns)
    if not columns:
        return Effects((), (), ())
    logits = fitted.logits(rows.base)
    of_rows = [_look_up(*each) for each in zip(fitted.effects, levels.codes, strict=True)]
    for fold in np.unique(rows.fold[counted]).tolist():
        own = np.flatnonzero(rows.fold == fold)
        without = _Fit.to(rows, levels, np.flatnonzero((rows.fold >= 0) & (rows.fold != fold)))
        logits[own] = without.logits(rows.base[own])
        for effects, values, codes in zip(of_rows, without.effects, levels.codes, strict=True):
            effects[own] = _look_up(values, codes[own])
    kept = _telling(logits + sum(of_rows), of_rows, rows, counted) if choose else range(len(columns))
    return Effects(
        tuple(columns[place] for place in kept),
        tuple(_narrow(fitted.effects[place][1:]) for place in kept),
        tuple(_narrow(of_rows[place]) for place in kept),
    )


def _look_up(effects: np.ndarray, codes: np.ndarray) -> np.ndarray:
    return effects[codes + 1]


def _telling(logits: np.ndarray, of_rows: Sequence[np.ndarray], rows: Rows, counted: np.ndarray) -> list[int]:
    """Return the columns without which the loss of rows, found without their fold, is higher beyond chance."""
    target, weight = rows.target[counted], rows.weight[counted]
    kept = []
    for place, effects in enumerate(of_rows):
        gain = weight * (_losses((logits - effects)[counted], target) - _losses(logits[counted], target))
        if gain.mean() > gain.std() / np.sqrt(len(gain)):
            kept.append(place)
    return kept


def _losses(logits: np.ndarray, target: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(target)), target]


def _narrow(effects: np.ndarray) -> np.ndarray:
    """Return effects as inputs: those of two classes are opposite to each other, and one number says them."""
    wide = effects if effects.shape[1] > 2 else effects[:, 1:] - effects[:, :1]
    return wide.astype(np.float32)


@dataclass(frozen=True)
class _Fit:
    """A base, and the effects of the levels of each column, `(1 + levels, classes)`, those of what is missing first."""

    regression: Network | None
    prior: np.ndarray
    effects: tuple[np.ndarray, ...]
    variances: tuple[float, ...]

    @classmethod
    def to(cls, rows: Rows, levels: Levels, chosen: np.ndarray) -> _Fit:
        """Fit effects and their variances to the chosen rows."""
        target, weight = rows.target[chosen], rows.weight[chosen]
        counts = np.bincount(target, weight, rows.n_classes) + 0.5
        base = cls(_regression(rows, chosen), np.log(counts / counts.sum()), (), ())
        columns = [
            _Column(codes[chosen] + 1, 1 + count) for codes, count in zip(levels.codes, levels.counts, strict=True)
        ]
        effects, variances = _solved(columns, base.logits(rows.base[chosen]), target, weight)
        return replace(base, effects=effects, variances=variances)

    def at(self, columns: Sequence[int]) -> _Fit:
        """Return the effects of some of the columns."""
        effects, variances = (tuple(each[place] for place in columns) for each in (self.effects, self.variances))
        return replace(self, effects=effects, variances=variances)

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """Return the base."""
        if self.regression is None:
            return np.tile(self.prior, (len(inputs), 1))
        return self.regression.logits(inputs)[0].astype(np.float64)


def _regression(rows: Rows, chosen: np.ndarray) -> Network | None:
    """Return a logistic regression of the other inputs; None where the chosen rows are too few for it."""
    n_inputs = rows.base.shape[1]
    most = min(ROWS_OF_BASE, WORK_OF_BASE // max(1, n_inputs * rows.n_classes))
    sample = chosen[:: -(-len(chosen) // max(1, most))]
    if n_inputs == 0 or len(sample) < ROWS_PER_INPUT * n_inputs * (rows.n_classes - 1):
        return None
    return fit_logistic(rows.base[sample], rows.target[sample], rows.weight[sample], rows.n_classes)


class _Column:
    """A column of levels: sums over the rows of each level."""

    def __init__(self, codes: np.ndarray, n_levels: int) -> None:
        from scipy.sparse import csr_array

        self.codes, self.n_levels = codes, n_levels
        self.rows_of_level = csr_array((np.ones(len(codes)), (codes, np.arange(len(codes)))), (n_levels, len(codes)))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of the values of the rows of each level, `(levels, classes)`; zeros for what is missing."""
        sums = self.rows_of_level @ values
        sums[0] = 0.0
        return sums


def _solved(
    columns: Sequence[_Column], base: np.ndarray, target: np.ndarray, weight: np.ndarray
) -> tuple[tuple[np.ndarray, ...], tuple[float, ...]]:
    """Return the effects of the levels of all columns, and their variances."""
    logits, weights = base, weight[:, None]
    observed = np.zeros_like(base)
    observed[np.arange(len(target)), target] = weight
    effects = [np.zeros((column.n_levels, base.shape[1])) for column in columns]
    variances = [1.0] * len(columns)
    for turn in range(ROUNDS):
        for place, column in enumerate(columns):
            expected = weights * _softmax(logits)
            gradient = column.sums(observed - expected) - effects[place] / variances[place]
            # The Hessian is at most diag(expected) and the penalty: such a step never goes too far.
            step = gradient / (column.sums(expected) + 1 / variances[place])
            effects[place] += step
            logits = logits + step[column.codes]
            if turn >= ROUNDS_BEFORE:
                variances[place] = _variance(
                    effects[place], column.sums(expected * (1 - expected / weights)), variances[place]
                )
    return tuple(effects), tuple(variances)


def _variance(effects: np.ndarray, information: np.ndarray, variance: float) -> float:
    """Return the variance of effects, given what the rows tell of each of them and the variance assumed so far."""
    known = (information / (information + 1 / variance)).sum()
    return float(np.clip((effects**2).sum() / max(known, 1e-9), LEAST_VARIANCE, MOST_VARIANCE))


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    exponentials /= exponentials.sum(axis=1, keepdims=True)
    return exponentials
