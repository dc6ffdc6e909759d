"""What there is to say of the data before training, and of training that went wrong: notes, a sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from logitwise._listing import listed
from logitwise.columns.deciding import Finding
from logitwise.columns.deciding import notes_of_columns as sentences_of
from logitwise.columns.reading import DATE, Reading
from logitwise.columns.table import Table
from logitwise.model.data_warnings import values_unknown

FEWEST_ROWS = 50  # with fewer, chance alone makes columns look like this
DISTINCT = 0.9  # the share of distinct values from which a column may be an identifier
LONG = 10_000  # an integer from here on has the length of an identifier
PURE = 0.995  # of the rows: what one column alone gets right when it gives the target away
MANY_CLASSES = 25
REPEATED = 0.01  # of the rows: fewer copies change no digit
FEWEST_COPIES = 5
CHANCE = 0.01  # that a column which says nothing is taken for one that does
MOST_INPUTS = 20_000_000  # numbers compared to find copies
GIVES_AWAY = "columns that give the target away"
COPIES = "rows that are copies of others"


class TrainingWarning(UserWarning):
    """Training that went wrong, although it gave a model."""

    __module__ = "logitwise"


class Note(str):
    """A sentence about an argument of `fit`, whose first word is the name of that argument.

    Model files hold notes as plain text: `Note(text)` reads them again.

    Example:
        >>> Note("X has empty columns: column 3.").renamed({"X": "The data"})
        'The data has empty columns: column 3.'
    """

    __slots__ = ()

    @property
    def argument(self) -> str:
        """The name of the argument."""
        return self.partition(" ")[0]

    def renamed(self, names: Mapping[str, str]) -> Note:
        """Return the note with another name for the argument, where `names` has one."""
        _, space, rest = self.partition(" ")
        return Note(names.get(self.argument, self.argument) + space + rest)


def notes_of_columns(findings: Sequence[Finding]) -> list[Note]:
    """Return what there is to say of what columns were taken for."""
    return [Note(sentence) for sentence in sentences_of(findings)]


def notes_of_strays(counts: Mapping[str, int]) -> list[Note]:
    """Return what there is to say of values that are not what the columns of an earlier fit hold, by their counts."""
    unknown = values_unknown(counts)
    return [Note(f"X has {unknown}.")] if unknown else []


def notes_of_data(
    table: Table,
    reading: Reading,
    rows: np.ndarray,
    target: np.ndarray,
    classes: np.ndarray,
    inputs: np.ndarray,
    members: int,
) -> list[Note]:
    """Return what there is to say of a table before training.

    Args:
        table: The columns of X.
        reading: How they are read.
        rows: The rows in use.
        target: The class of each of them.
        classes: The labels.
        inputs: The rows as inputs of the network.
        members: How many members, and so how many folds.
    """
    found = [*_of_the_target(target, classes, members)]
    if not table.has_common_scale:
        found += _of_the_columns(table, reading, rows, target, len(classes))
    return [Note(sentence) for sentence in (*found, *_of_copies(table, rows, inputs))]


def notes_of_validation(target: np.ndarray, classes: np.ndarray) -> list[Note]:
    """Return what there is to say of the rows of `X_val`, whose classes are `target`."""
    absent = classes[np.bincount(target, minlength=len(classes)) == 0].tolist()
    if not absent:
        return []
    sentence = (
        f"y_val has no rows of some classes: {listed(absent, quoted=True)}. Training is stopped and calibrated by the "
        f"others alone: add rows of every class."
    )
    return [Note(sentence)]


def _of_the_target(target: np.ndarray, classes: np.ndarray, members: int) -> Iterator[str]:
    counts = np.bincount(target, minlength=len(classes))
    if classes.dtype.kind in "if" and len(classes) >= MANY_CLASSES and len(target) < 50 * len(classes):
        yield (
            f"y has {len(classes)} classes, all numbers, in {len(target):,} rows. If they are quantities, not names, a "
            f"regression model will do better."
        )
    alike = _alike(classes)
    if alike:
        yield (
            f"y has labels that differ only in upper and lower case or in spaces: {listed(alike)}. If they mean the "
            f"same, make them one."
        )
    few = np.flatnonzero((counts > 0) & (counts < members))
    if len(few) and len(target) >= FEWEST_ROWS:
        named = listed([f"{classes.tolist()[place]!r} ({counts[place]})" for place in few])
        yield f"y has classes with too few rows to learn or to judge: {named}. Join or drop them, or get more rows."


def _alike(classes: np.ndarray) -> list[str]:
    """Return labels that are the same but for case and spaces, in groups."""
    groups: dict[str, list[str]] = {}
    for label in classes.tolist() if classes.dtype.kind == "O" else ():
        groups.setdefault("".join(label.split()).casefold(), []).append(label)
    return [" and ".join(map(repr, group)) for group in groups.values() if len(group) > 1]


def _of_the_columns(
    table: Table, reading: Reading, rows: np.ndarray, target: np.ndarray, n_classes: int
) -> Iterator[str]:
    constant, identifiers, telling = [], [], []
    table, _ = reading.read(table)
    for place, origin in enumerate(reading.made_of):
        is_date = reading.columns[origin].kind == DATE
        values, label = table.column(place)[rows], table.column_label(place)
        present = _present(values)
        if not present.any():
            continue
        distinct, codes = np.unique(
            values[present].astype(str if values.dtype.kind == "O" else values.dtype), return_inverse=True
        )
        if len(distinct) == 1 and present.all():
            constant.append(label)
        elif len(rows) >= FEWEST_ROWS:
            label, is_text = table.column_label(place), values.dtype.kind == "O"
            is_amount = is_date or bool(reading.columns[origin].spelling.unit)
            looks_like_one = not is_text and not is_amount and _is_identifier(distinct, values[present], len(rows))
            if looks_like_one and not _is_amount(distinct, codes, target[present], len(rows), n_classes):
                identifiers.append(label)
            if _gives_away(codes, len(distinct), is_text, target[present], len(target), n_classes):
                telling.append(label)
            elif not present.all() and _gives_away(present.astype(int), 2, True, target, len(target), n_classes):
                telling.append(f"{label} (whether it is missing)")
    if constant:
        yield f"X has columns with only one value, which carry no information: {listed(constant)}. Drop them."
    if identifiers:
        yield (
            f"X has columns that look like identifiers, with a different value in nearly every row: "
            f"{listed(identifiers)}. Drop them unless they mean something."
        )
    if telling:
        yield (
            f"X has {GIVES_AWAY}, each by itself: {listed(telling)}. Drop those that will not be known when predicting."
        )


def _present(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "O":
        return np.array([value is not None for value in values], dtype=bool)
    if values.dtype.kind == "M":
        return ~np.isnat(values)
    return ~np.isnan(values) if values.dtype.kind == "f" else np.ones(len(values), dtype=bool)


def _is_identifier(distinct: np.ndarray, values: np.ndarray, rows: int) -> bool:
    """Return whether nearly every row has a number of its own: long integers, or consecutive ones."""
    if len(distinct) < DISTINCT * rows:
        return False
    numbers = distinct.astype(np.float64)
    if not np.isfinite(numbers).all() or (numbers != np.floor(numbers)).any():
        return False
    return _counts_up(numbers, rows) or bool((np.abs(values) >= LONG).mean() > DISTINCT)


def _counts_up(numbers: np.ndarray, rows: int) -> bool:
    """Return whether distinct numbers are a count of the rows: where some were held out before, it has gaps."""
    return bool(len(numbers) == rows and numbers[-1] / 2 - numbers[0] / 2 < rows)


def _is_amount(distinct: np.ndarray, codes: np.ndarray, target: np.ndarray, rows: int, n_classes: int) -> bool:
    """Return whether long numbers, which look like identifiers, say something of the target, as amounts do."""
    if _counts_up(distinct.astype(np.float64), rows):
        return False
    return _tells_something(codes, target, n_classes)


def _tells_something(ranks: np.ndarray, target: np.ndarray, n_classes: int) -> bool:
    """Return whether ranks differ among the classes beyond chance, by the test of Kruskal and Wallis."""
    from scipy.stats import chi2

    rows, counts = len(ranks), np.bincount(target, minlength=n_classes)
    sums, counts = np.bincount(target, ranks + 1.0, n_classes)[counts > 0], counts[counts > 0]
    statistic = 12 / (rows * (rows + 1)) * (sums**2 / counts).sum() - 3 * (rows + 1)
    return len(counts) > 1 and bool(chi2.sf(statistic, len(counts) - 1) < CHANCE)


def _gives_away(
    codes: np.ndarray, n_distinct: int, is_category: bool, target: np.ndarray, rows: int, n_classes: int
) -> bool:
    """Return whether a column alone gets nearly every row right: one class per level, or one per interval."""
    if len(target) < PURE * rows or np.bincount(target).max() > 0.95 * len(target):
        return False
    if is_category or n_distinct <= 2 * n_classes:
        table = np.bincount(codes * n_classes + target, minlength=n_distinct * n_classes).reshape(-1, n_classes)
        return n_distinct <= len(target) / 5 and table.max(axis=1).sum() >= PURE * len(target)
    order = np.lexsort((target, codes))
    return int((np.diff(target[order]) != 0).sum()) <= n_classes - 1


def _of_copies(table: Table, rows: np.ndarray, inputs: np.ndarray) -> Iterator[str]:
    n_rows = len(inputs)
    if n_rows < FEWEST_ROWS or inputs.size > MOST_INPUTS:
        return
    # One number per row: those of rows that differ are equal with a chance of 1 in 1e15.
    keys = inputs.astype(np.float64) @ np.random.default_rng(0).normal(size=inputs.shape[1])
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    alike = np.flatnonzero(counts[inverse] > 1)
    copies = len(alike) - _distinct(table, rows[alike]) if len(alike) else 0
    if copies >= max(FEWEST_COPIES, REPEATED * n_rows) and not _come_about(copies, table, rows):
        yield (
            f"X has {copies:,} {COPIES}, of {n_rows:,}. Where one copy is trained on and another measured, the figures "
            f"are too good."
        )


def _distinct(table: Table, rows: np.ndarray) -> int:
    """Return how many of some rows differ, by their values: inputs are the same for levels that are not kept."""
    codes = []
    for place in range(table.n_columns):
        values = table.column(place)[rows]
        known = values.astype(str) if values.dtype.kind == "O" else values
        codes.append(np.where(_present(values), np.unique(known, return_inverse=True)[1], -1))
    return len(np.unique(np.stack(codes, axis=1), axis=0))


def _come_about(copies: int, table: Table, rows: np.ndarray) -> bool:
    """Return whether half as many rows are alike where each column is shuffled by itself.

    Where columns have few values, rows of different origin are alike; shuffled copies of one row are not.
    """
    if table.has_common_scale:
        return False
    generator, keys = np.random.default_rng(0), np.zeros(len(rows))
    for place in range(table.n_columns):
        column = table.column(place)[rows]
        levels, codes = np.unique(column.astype(str) if column.dtype.kind == "O" else column, return_inverse=True)
        keys += generator.normal(size=len(levels))[generator.permutation(codes)]
    return len(rows) - len(np.unique(keys)) >= copies / 2


def share_of_copies(note: str) -> float:
    """Return the share of copies that a note tells of; 0 where it tells of something else."""
    told = re.search(rf"([\d,]+) {COPIES}, of ([\d,]+)\.", note)
    if told is None:
        return 0.0
    copies, count = (int(number.replace(",", "")) for number in told.groups())
    return copies / max(1, count)
