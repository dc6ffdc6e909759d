"""What the commands read: rows with labels to train and measure on, rows without to predict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from logitwise import data
from logitwise.classifier.folds import split_rows
from logitwise.classifier.rows import find_classes
from logitwise.cli.door import naming, say
from logitwise.cli.labels import known_indices, listed
from logitwise.cli.record import Record
from logitwise.model.data_warnings import columns_ignored
from logitwise.model.labels import class_indices, read_labels
from logitwise.model.model import Model

HELD_OUT_SHARE = 0.2
ROWS_AT_ONCE = 65_536  # of arrays, to predict
COLUMNS_SHOWN = 20
OPTIONS = {
    "target": "--target",
    "y": "--target",
    "label_strip": "--label-strip",
    "drop_unlabelled": "--drop-unlabelled",
    "header=False": "--no-header",
    "header=True": "--header",
}


@dataclass(frozen=True)
class Form:
    """How to read a source; the fields are options of `logitwise.data.read`."""

    header: bool | None = None
    label_strip: str = ""
    drop_unlabelled: bool = False


@dataclass(frozen=True)
class Labelled:
    """Rows with their labels: a `Dataset` whose labels are there and of one type.

    Attributes:
        features: A polars DataFrame, or an array `(rows, ...)`.
        labels: One a row, as `logitwise.model.labels.read_labels` returns them.
        name: The name of the file or folder, or the bundled name.
        target_name: The name of the labels' column, or None.
        has_header: Whether the file names the columns; None where that has no meaning.
        positions: The place of each row in what was read, counted from 0.
    """

    features: Any
    labels: np.ndarray
    name: str
    target_name: str | None
    has_header: bool | None
    positions: np.ndarray

    @property
    def where(self) -> str:
        """What the rows are, in words."""
        count = "one row" if len(self.labels) == 1 else f"{len(self.labels):,} rows"
        return f"the {count} of {self.name}"

    @property
    def n_features(self) -> int:
        """The number of features a row, images flattened."""
        return _feature_count(self.features)

    def rows(self, positions: np.ndarray) -> Labelled:
        """Return the rows at `positions`."""
        chosen = {"labels": self.labels[positions], "positions": self.positions[positions]}
        return replace(self, features=self.features[positions], **chosen)


@dataclass(frozen=True)
class Parts:
    """Rows to train on and rows to measure on.

    Attributes:
        measured_as: What to call the rows to measure on in a message: the argument they came by.
        where: What they are, in words.
    """

    trained_on: Labelled
    measured_on: Labelled
    measured_as: str
    where: str


@dataclass(frozen=True)
class Columns:
    """The columns of training: names (None where there were none), their number, and the target's name."""

    names: Sequence[str] | None
    n_features: int
    target_name: str | None

    @classmethod
    def of_model(cls, model: Model) -> Columns:
        """Return the columns that a model was trained on."""
        return cls(model.feature_names, model.n_features, Record.of(model).target_name)

    def of(self, features: Any, has_header: bool | None, argument: str) -> Any:
        """Return these columns of a table, in their order; `argument` is what to call it in a message.

        Arrays are left as they are.
        """
        if _is_table(features):
            return self.choice(features.columns, has_header, argument)(features)
        self.refuse_other_count(_feature_count(features), argument)
        return features

    def choice(self, given: Sequence[str], has_header: bool | None, argument: str) -> Callable[[Any], Any]:
        """Return what takes these columns, in their order, from tables whose columns are `given`.

        By name; but a file without a header that has just as many columns as training had features leaves the target
        out, so that its columns are taken in order. Columns that training had not are ignored, and counted in a note.
        """
        names = self.names
        if names is None:
            self.refuse_other_count(len(given), argument)
            return lambda table: table
        if has_header is False and len(given) == len(names):
            return lambda table: table.rename(dict(zip(given, names, strict=True)))
        missing = [name for name in names if name not in given]
        if missing:
            raise ValueError(self._missing(missing, len(given), has_header, argument))
        extra = [name for name in given if name not in {*names, self.target_name}]
        if extra:
            say(f"logitwise: note: {argument} has {columns_ignored(extra)}.")
        return lambda table: table.select(names)

    def refuse_other_count(self, count: int, argument: str) -> None:
        """Raise unless rows have as many features as in training."""
        if count != self.n_features:
            raise ValueError(f"{argument} must have {self.n_features} features a row, as in training; got {count}.")

    def _missing(self, missing: list[str], n_given: int, has_header: bool | None, argument: str) -> str:
        if has_header is False:
            return (
                f"{argument} must have the {self.n_features} feature columns of training, in order, with the target or "
                f"without; got {n_given} columns. Add the others."
            )
        return (
            f"{argument} must have every column of training; got none named {_listed_columns(missing)}. "
            "Add or rename columns."
        )


def read_to_train(source: str, target: str | None, test: str | None, form: Form) -> tuple[Labelled, Labelled | None]:
    """Return the rows of a source, and the rows to measure on: those of `test`, else those the source brings along."""
    if test is not None:
        with naming({"source": "--test"}):
            data.check_source(test)
    labelled, test_part = _read_labelled(source, "DATA", target, form)
    with naming(OPTIONS):
        classes = find_classes(labelled.labels)
    if test is None:
        return labelled, test_part
    form = replace(form, header=labelled.has_header)
    measured_on, _ = _read_labelled(test, "--test", labelled.target_name, form)
    known_indices(measured_on.labels, classes, "--test")
    names = labelled.features.columns if _is_table(labelled.features) else None
    columns = Columns(names, labelled.n_features, labelled.target_name)
    features = columns.of(measured_on.features, measured_on.has_header, "--test")
    return labelled, replace(measured_on, features=features)


def part(labelled: Labelled, measured_on: Labelled | None, test: str | None, seed: int) -> Parts:
    """Return what to train on and what to measure on, which is held out from the rows where nothing else is there."""
    if measured_on is None:
        trained_on, held_out = _hold_out(labelled, seed)
        share = f"held out from training (a fifth of each class, seed {seed})"
        return Parts(trained_on, held_out, "DATA", f"{len(held_out.labels):,} rows of {labelled.name}, {share}")
    return Parts(labelled, measured_on, "DATA" if test is None else "--test", measured_on.where)


def read_to_measure(
    source: str, model: Model, target: str | None, label_strip: str | None, *, drop_unlabelled: bool
) -> Labelled:
    """Return rows to evaluate a model on: those of the test part, where the source brings one.

    The target column, and what to strip from labels, are those of training where they are None.
    """
    record = Record.of(model)
    form = Form(record.has_header, record.label_strip if label_strip is None else label_strip, drop_unlabelled)
    labelled, test_part = (
        _read_as_trained(source, record.target_name, form)
        if target is None
        else _read_labelled(source, "DATA", target, form)
    )
    if test_part is None and record.data == labelled.name:
        say("logitwise: note: DATA has the name of the training data; on rows it was trained on, a model looks better.")
    rows = labelled if test_part is None else test_part
    return replace(rows, features=Columns.of_model(model).of(rows.features, rows.has_header, "DATA"))


def _read_as_trained(source: str, target: str | None, form: Form) -> tuple[Labelled, Labelled | None]:
    """Return labelled rows of a source whose target is that of training, or whose labels it brings along."""
    try:
        return _read_labelled(source, "DATA", target, form)
    except data.NeedlessTargetError:
        return _read_labelled(source, "DATA", None, form)
    except data.UnknownColumnError as error:
        raise ValueError(
            f"DATA must have the target column of training, {target!r}, to be measured on; got no column of that name. "
            "Is it the right file? If the column has another name there, give --target."
        ) from error


@dataclass(frozen=True)
class ToPredict:
    """Rows to predict, read a part at a time.

    Attributes:
        parts: The columns of training of some rows, the position of the first of them, and how much is done with them.
        whole: How much is done at the end, in the same unit.
        is_long: Whether it is worth a progress bar.
    """

    parts: Iterator[tuple[Any, int, int]]
    whole: int
    is_long: bool


def read_to_predict(source: str, model: Model) -> ToPredict:
    """Return the features to predict from; of the test part, where the source brings one.

    Files of tables and of one array are read a part at a time, whatever their size.
    """
    columns, header = Columns.of_model(model), Record.of(model).has_header
    with naming({"source": "DATA"}):
        if data.is_table_file(source):
            return _table_to_predict(source, columns, header, model.preprocessing.number_names)
        if source.lower().endswith(".npy"):
            found = _array_to_predict(source, columns)
            if found is not None:
                return found
        dataset = data.read(source, header=header)
    if dataset.test is not None:
        dataset = dataset.test
        say(f"logitwise: note: DATA brings a test part; its {len(dataset.features):,} rows are predicted.")
    features = columns.of(dataset.features, dataset.has_header, "DATA")
    n_rows = len(features)
    starts = range(0, n_rows, ROWS_AT_ONCE)
    parts = ((features[start : start + ROWS_AT_ONCE], start, min(start + ROWS_AT_ONCE, n_rows)) for start in starts)
    return ToPredict(parts, n_rows, n_rows > ROWS_AT_ONCE)


def _table_to_predict(source: str, columns: Columns, header: bool | None, numbers: Sequence[str]) -> ToPredict:
    from logitwise.data.streaming import BYTES_AT_ONCE, read_parts

    found = read_parts(source, header=header, numbers=numbers)
    chosen = columns.choice(found.names, found.has_header, "DATA")
    parts = ((chosen(part.table), part.first_row, part.read) for part in found.parts)
    return ToPredict(parts, found.n_bytes, found.n_bytes > BYTES_AT_ONCE)


def _array_to_predict(source: str, columns: Columns) -> ToPredict | None:
    from logitwise.data.arrays import read_array_parts

    found = read_array_parts(source, ROWS_AT_ONCE)
    if found is None:
        return None
    n_rows = found.shape[0]
    columns.refuse_other_count(math.prod(found.shape[1:]), "DATA")
    starts = range(0, n_rows, ROWS_AT_ONCE)
    parts = ((part, start, start + len(part)) for start, part in zip(starts, found.parts, strict=True))
    return ToPredict(parts, n_rows, n_rows > ROWS_AT_ONCE)


def data_name(source: str) -> str:
    """Return what to call a source: the name of the file or folder."""
    return Path(source).name or Path(source).resolve().name


def _read_labelled(source: str, argument: str, target: str | None, form: Form) -> tuple[Labelled, Labelled | None]:
    with naming({**OPTIONS, "source": argument}):
        dataset = data.read(source, target=target, **asdict(form))
        name = data_name(source)
        test = None if dataset.test is None else _labelled(dataset.test, f"the test part of {name}", argument)
        return _labelled(dataset, name, argument), test


def _labelled(dataset: data.Dataset, name: str, argument: str) -> Labelled:
    if dataset.target is None:
        raise ValueError(_no_labels(dataset, name, argument))
    labels = read_labels(dataset.target)
    positions = np.arange(len(labels)) if dataset.positions is None else dataset.positions
    return Labelled(dataset.features, labels, name, dataset.target_name, dataset.has_header, positions)


def _no_labels(dataset: data.Dataset, name: str, argument: str) -> str:
    features: Any = dataset.features
    if not _is_table(features):
        return f"{argument} must bring labels; got {name!r}, features alone. Save them as X and y of one .npz file."
    hint = (
        " The file has no header: a position will do, such as -1 for the last." if dataset.has_header is False else ""
    )
    columns = _listed_columns(features.columns)
    return f"--target must name the column of {argument} to predict; got none. The columns are {columns}.{hint}"


def _hold_out(labelled: Labelled, seed: int) -> tuple[Labelled, Labelled]:
    """Return the rows to train on and, chosen by the seed, a stratified share of the rows to measure on."""
    indices = class_indices(labelled.labels, find_classes(labelled.labels))
    trained, held_out = split_rows(indices, HELD_OUT_SHARE, np.random.default_rng(seed))
    if len(held_out) == 0:
        raise ValueError(
            f"DATA must have enough rows to hold some out; got {len(indices)}. Give --test FILE, or more rows."
        )
    return labelled.rows(trained), labelled.rows(held_out)


def _is_table(features: Any) -> bool:
    return hasattr(features, "columns")


def _feature_count(features: Any) -> int:
    return int(np.prod(features.shape[1:]))


def _listed_columns(names: Sequence[str]) -> str:
    return listed(names, COLUMNS_SHOWN)
