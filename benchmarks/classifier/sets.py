"""The data sets: those of a folder of public data, where there is one, and those scikit-learn brings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold, train_test_split

import logitwise as lw
from logitwise.data.reader import Dataset

FOLDS = 5
FEW_ROWS, SPLITS = 600, 4
ADULT_ROWS = 10_000  # of 32,561, a stratified sample: five folds of all rows would take hours with some peers


@dataclass(frozen=True)
class Source:
    """Where a set is read from; `rows` limits it to a stratified sample."""

    file: str
    target: int | None = None
    rows: int | None = None


SOURCES = {
    "iris": Source("iris"),
    "wine": Source("wine"),
    "sonar": Source("sonar.csv", -1),
    "wheat-seeds": Source("wheat-seeds.csv", -1),
    "breast-cancer": Source("breast-cancer.csv", -1),
    "horse-colic": Source("horse-colic.csv", 22),
    "wisconsin": Source("breast_cancer"),
    "mnist-sample": Source("mnist-sample"),
    "banknote": Source("banknote_authentication.csv", -1),
    "digits": Source("digits"),
    "winequality": Source("winequality-white.csv", -1),
    "adult": Source("adult-train.csv", -1, ADULT_ROWS),
}


@dataclass(frozen=True)
class Fold:
    """One split of a set: features as `logitwise.data.read` gives them, targets as class indices."""

    number: int
    train_features: Any
    train_target: np.ndarray
    test_features: Any
    test_target: np.ndarray


def read(name: str, folder: Path) -> tuple[Any, np.ndarray]:
    """Return the features and the class indices of a set."""
    source = SOURCES[name]
    is_bundled = "." not in source.file and source.file != "mnist-sample"
    path = source.file if is_bundled else folder / source.file
    data: Dataset = lw.data.read(path, target=source.target, drop_unlabelled=source.target is not None)
    _, target = np.unique(data.target, return_inverse=True)
    features = data.features
    if source.rows is not None:
        chosen, _ = train_test_split(np.arange(len(target)), train_size=source.rows, random_state=0, stratify=target)
        features, target = features[np.sort(chosen)], target[np.sort(chosen)]
    return features, target.astype(np.int64)


def splits(name: str, folder: Path) -> int:
    """Return how many times a set is cut into folds, each time by another seed: more than once where rows are few."""
    return SPLITS if len(read(name, folder)[1]) < FEW_ROWS else 1


def folds(name: str, folder: Path, seed: int = 0) -> list[Fold]:
    """Return the stratified folds of a set, decided by the seed."""
    features, target = read(name, folder)
    parts = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(np.zeros(len(target)), target)
    return [
        Fold(number, features[train], target[train], features[test], target[test])
        for number, (train, test) in enumerate(parts)
    ]
