"""Learning what the levels of categories become: which have inputs of their own, and the effects of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from logitwise.classifier.folds import Plan, folds_to_learn_by
from logitwise.classifier.levels.effects import Levels, Rows, fit_effects
from logitwise.columns.deciding import Finding
from logitwise.model.categories import Category
from logitwise.model.preprocessing import Prepared, Preprocessing

FEW_LEVELS = 12  # each level of a column with so many has an input of its own
FEWEST_OF_LEVEL = 20  # rows of a level that has an input of its own, in columns of more levels
MOST_ONE_HOT = 2048  # inputs of levels, in all columns of more levels together
LEAST_ONE_HOT = 255  # of them, however many rows there are
MOST_NUMBERS = 1 << 27  # of these inputs in all rows: half a gigabyte
MOST_LEVELS = 200_000  # of a column that are told apart
MOST_EFFECTS = 1024  # inputs that hold effects


def find_levels(columns: Sequence[np.ndarray]) -> tuple[Category, ...]:
    """Return the levels of category columns, each an array of texts (None where missing), most frequent first."""
    found = [_most_frequent(column) for column in columns]
    frequent = [
        [count for count in counts if count >= FEWEST_OF_LEVEL] if len(levels) > FEW_LEVELS else []
        for levels, counts in found
    ]
    rows = len(columns[0]) if len(columns) else 0
    most = min(MOST_ONE_HOT, max(LEAST_ONE_HOT, MOST_NUMBERS // max(1, rows)))
    counts = np.concatenate([np.zeros(0, np.int64), *(np.array(each, np.int64) for each in frequent)])
    column_of = np.repeat(np.arange(len(columns)), [len(each) for each in frequent])
    chosen = np.argsort(-counts, kind="stable")[:most]
    one_hot = np.bincount(column_of[chosen], minlength=len(columns)).tolist()
    return tuple(
        Category(levels, own) if len(levels) > FEW_LEVELS else Category.of(levels)
        for (levels, _), own in zip(found, one_hot, strict=True)
    )


def _most_frequent(values: np.ndarray) -> tuple[tuple[str, ...], list[int]]:
    counts = Counter(value for value in values.tolist() if value is not None)
    levels = tuple(sorted(counts, key=lambda level: (-counts[level], level))[:MOST_LEVELS])
    return levels, [counts[level] for level in levels]


@dataclass(frozen=True)
class TrainingRows:
    """What effects are learnt from: rows in use, their classes, their weights without those of the classes.

    `fold` is the fold of each row; -1 for rows that effects are not learnt from.
    """

    prepared: Prepared
    target: np.ndarray
    weight: np.ndarray
    fold: np.ndarray
    n_classes: int

    @classmethod
    def of(
        cls, prepared: Prepared, target: np.ndarray, weight: np.ndarray, plan: Plan | None, n_classes: int, seed: int
    ) -> TrainingRows:
        """Return rows with weights whose mean is 1, and the folds of a plan (None: no row is held out), or others."""
        fold = folds_to_learn_by(plan, target, np.random.default_rng([seed, 1]))
        return cls(prepared, target, weight / weight.mean(), fold, n_classes)

    def levels(self, categories: Sequence[Category], places: Sequence[int]) -> Levels:
        """Return the levels of the categories at some places."""
        codes = tuple(self.prepared.codes[:, place] for place in places)
        return Levels(codes, tuple(len(categories[place].levels) for place in places))

    def counts(self, category: Category, place: int) -> np.ndarray:
        """Return how many rows that effects are learnt from each level of a category has."""
        codes = self.prepared.codes[self.fold >= 0, place]
        return np.bincount(codes[codes >= 0], minlength=len(category.levels))

    def beside(self, preprocessing: Preprocessing) -> Rows:
        """Return the rows with the inputs of numbers, and of the categories all levels of which have their own."""
        categories = [each if each.is_whole else Category(each.levels, 0) for each in preprocessing.categories]
        smooth = replace(preprocessing, knots=tuple(knots[:0] for knots in preprocessing.knots))
        base = smooth.with_categories(categories).encode(self.prepared, slice(None))
        return Rows(base, self.target, self.weight, self.fold, self.n_classes)


def learn_effects(preprocessing: Preprocessing, rows: TrainingRows) -> tuple[Preprocessing, np.ndarray | None]:
    """Return the preprocessing with the effects of levels that have no input of their own, and those of the rows.

    Of columns where these levels say nothing of the target, the levels that occur once are forgotten.

    Returns:
        The preprocessing; and the effects of the levels of the rows, float32, `(rows, inputs)`, found without the fold
        of each row, or None where there are none.
    """
    categories = [*preprocessing.categories]
    cut = [place for place, each in enumerate(categories) if not each.is_whole]
    # Of a level that occurs once, nothing is known in other folds.
    places = [p for p in cut if (rows.counts(categories[p], p)[categories[p].one_hot :] > 1).any()]
    kept: list[int] = []
    of_rows = []
    if places:
        found = fit_effects(rows.levels(categories, places), rows.beside(preprocessing))
        most = MOST_EFFECTS // (rows.n_classes if rows.n_classes > 2 else 1)
        for column, values, each in [*zip(found.columns, found.values, found.of_rows, strict=True)][:most]:
            place = places[column]
            kept.append(place)
            of_rows.append(_of_others(each, rows.prepared.codes[:, place], categories[place]))
            effects = _of_others(values, np.arange(len(values)), categories[place])
            categories[place] = replace(categories[place], effects=effects)
    for place in {*cut} - {*kept}:
        twice = int((rows.counts(categories[place], place) > 1).sum())
        levels = categories[place].levels[: max(twice, categories[place].one_hot)]
        categories[place] = replace(categories[place], levels=levels)
    learnt = preprocessing.with_categories(categories)
    if learnt.n_deep == 0:  # nothing says anything: a network needs an input nevertheless
        return preprocessing.with_categories([_of_few(each) for each in preprocessing.categories]), None
    return learnt, np.concatenate(of_rows, axis=1) if of_rows else None


def _of_few(category: Category) -> Category:
    return replace(category, one_hot=min(len(category.levels), FEW_LEVELS))


def effects_of_rows(preprocessing: Preprocessing, rows: TrainingRows) -> np.ndarray | None:
    """Return the effects of the levels of rows as `learn_effects` does, where the preprocessing has effects already."""
    categories, codes = preprocessing.categories, rows.prepared.codes
    places = [place for place, each in enumerate(categories) if each.effects is not None]
    if not places:
        return None
    found = fit_effects(rows.levels(categories, places), rows.beside(preprocessing), choose=False).of_rows
    return np.concatenate(
        [_of_others(each, codes[:, p], categories[p]) for p, each in zip(places, found, strict=True)], axis=1
    )


def with_levels(findings: Sequence[Finding], preprocessing: Preprocessing) -> list[Finding]:
    """Return what columns were taken for, with what became of the levels of categories."""
    found, reading = [*findings], preprocessing.columns_of_x
    of_categories = [place for place, number in zip(reading.made_of, reading.are_numbers, strict=True) if not number]
    for place, category in zip(of_categories, preprocessing.categories, strict=True):
        if category.is_whole and category.levels:
            continue
        own = f"{category.one_hot:,} with an input of their own, the others" if category.one_hot else "all"
        what = "described by their effects" if category.n_effects else "not used, since they add nothing"
        found[place] = replace(found[place], detail=f"{found[place].detail}: {own} {what}")
    return found


def _of_others(effects: np.ndarray, codes: np.ndarray, category: Category) -> np.ndarray:
    """Return effects with zeros for levels that have an input of their own."""
    return np.where(((codes >= 0) & (codes < category.one_hot))[:, None], np.float32(0.0), effects)
