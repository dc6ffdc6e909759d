"""What there is to say of the data before training, and of training that went wrong: notes, a sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from logitwise._listing import listed
from logitwise.model.table import Table

FEWEST_ROWS = 50  # with fewer, chance alone makes columns look like this
DISTINCT = 0.9  # the share of distinct values from which a column may be an identifier
LONG = 10_000  # an integer from here on has the length of an identifier
PURE = 0.995  # of the rows: what one column alone gets right when it gives the target away
MANY_CLASSES = 25
REPEATED = 0.01  # of the rows: fewer copies change no digit
FEWEST_COPIES = 5
NUMERIC = 0.95  # the share of rows with numbers from which a column of text was meant to have nothing else
FEWEST_NUMBERS = 10  # distinct: fewer may well be names of categories
MOST_MARKS = 3  # other texts beside the numbers: marks of missing values are few
MOST_INPUTS = 20_000_000  # numbers compared to find copies
NUMBER = re.compile(  # as people write them: with a decimal comma, with marks between thousands, with a unit
    r"""([-+]?[$€£¥]\ ?)?[-+]?
    (\d+([.,]\d+)? | \d{1,3}(,\d{3})+(\.\d+)? | \d{1,3}([.\ '\u2019\u00a0\u202f]\d{3})+(,\d+)?)
    (\ ?[%$€£¥])?""",
    re.VERBOSE,
)
GIVES_AWAY = "columns that give the target away"


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


def notes_of_data(
    table: Table, rows: np.ndarray, target: np.ndarray, classes: np.ndarray, inputs: np.ndarray, members: int
) -> list[Note]:
    """Return what there is to say of a table before training.

    Args:
        table: All columns.
        rows: The rows in use.
        target: The class of each of them.
        classes: The labels.
        inputs: The rows as inputs of the network.
        members: How many members, and so how many folds.
    """
    found = [*_of_the_target(target, classes, members)]
    if not table.has_common_scale:
        found += _of_the_columns(table, rows, target, len(classes))
    return [Note(sentence) for sentence in (*found, *_of_copies(inputs))]


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
    few = np.flatnonzero((counts > 0) & (counts < members))
    if len(few) and len(target) >= FEWEST_ROWS:
        named = listed([f"{classes.tolist()[place]!r} ({counts[place]})" for place in few])
        yield f"y has classes with too few rows to learn or to judge: {named}. Join or drop them, or get more rows."


def _of_the_columns(table: Table, rows: np.ndarray, target: np.ndarray, n_classes: int) -> Iterator[str]:
    empty, constant, numbers, identifiers, telling = [], [], [], [], []
    for place in range(table.n_columns):
        values = table.column(place)[rows]
        present = _present(values)
        if not present.any():
            empty.append(table.column_label(place))
            continue
        distinct, codes = np.unique(
            values[present].astype(str if values.dtype.kind == "O" else values.dtype), return_inverse=True
        )
        if len(distinct) == 1 and present.all():
            constant.append(table.column_label(place))
        elif len(rows) >= FEWEST_ROWS:
            no_numbers = _numbers_but_for(distinct, codes) if values.dtype.kind == "O" else []
            if no_numbers:
                numbers.append(f"{table.column_label(place)} ({listed(no_numbers, quoted=True)})")
            elif _is_identifier(distinct, values[present], len(rows)):
                identifiers.append(table.column_label(place))
            if _gives_away(codes, len(distinct), values.dtype.kind == "O", target[present], len(target), n_classes):
                telling.append(table.column_label(place))
    if empty:
        yield f"X has empty columns, every value of which is missing: {listed(empty)}. Fill or drop them."
    if constant:
        yield f"X has columns with only one value, which carry no information: {listed(constant)}."
    if numbers:
        yield (
            f"X has columns of text that are nearly all numbers, and are taken as categories: {listed(numbers)}. Write "
            f"every number as 1234.5, and leave missing values empty."
        )
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
    return ~np.isnan(values) if values.dtype.kind == "f" else np.ones(len(values), dtype=bool)


def _numbers_but_for(distinct: np.ndarray, codes: np.ndarray) -> list[str]:
    """Return what keeps a column of text from being numbers; nothing where it is not meant to be, or nothing does.

    Args:
        distinct: The distinct texts.
        codes: The place of each row's text among them.
    """
    texts = distinct.tolist()
    is_plain = np.array([_is_plain_number(text) for text in texts])
    is_number = is_plain | np.array([NUMBER.fullmatch(text.strip()) is not None for text in texts])
    is_meant = is_number.sum() >= FEWEST_NUMBERS and (~is_number).sum() <= MOST_MARKS
    if not is_meant or is_number[codes].mean() < NUMERIC:
        return []
    other = distinct[~is_number] if not is_number.all() else distinct[~is_plain][:1]
    return other.tolist()


def _is_plain_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_identifier(distinct: np.ndarray, values: np.ndarray, rows: int) -> bool:
    """Return whether nearly every row has a value of its own: texts, long integers, or consecutive integers."""
    if len(distinct) < DISTINCT * rows:
        return False
    if distinct.dtype.kind in "USO":
        return True
    numbers = distinct.astype(np.float64)
    if not np.isfinite(numbers).all() or (numbers != np.floor(numbers)).any():
        return False
    # Where some rows were held out before, a running number has gaps, and still no value occurs twice.
    counts_up = len(distinct) == rows and numbers[-1] / 2 - numbers[0] / 2 < rows
    return bool(counts_up or (np.abs(values) >= LONG).mean() > DISTINCT)


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


def _of_copies(inputs: np.ndarray) -> Iterator[str]:
    rows = len(inputs)
    if rows < FEWEST_ROWS or inputs.size > MOST_INPUTS:
        return
    # One number per row: those of rows that differ are equal with a chance of 1 in 1e15.
    keys = inputs.astype(np.float64) @ np.random.default_rng(0).normal(size=inputs.shape[1])
    copies = rows - len(np.unique(keys))
    if copies >= max(FEWEST_COPIES, REPEATED * rows):
        yield (
            f"X has {copies:,} rows that are copies of others, of {rows:,}. Where one copy is trained on and another "
            f"measured, the figures are too good."
        )
