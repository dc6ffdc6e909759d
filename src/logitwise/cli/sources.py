"""What the commands read: rows with labels to train and measure on, rows without to predict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from logitwise import data
from logitwise._display import counted
from logitwise._errors import InvalidValueError, naming
from logitwise._listing import did_you_mean, listed
from logitwise.classifier.rows import find_classes
from logitwise.cli.columns import COLUMNS_SHOWN, Columns
from logitwise.cli.door import say
from logitwise.cli.names import READING, naming_rows
from logitwise.cli.standard_input import STANDARD_INPUT
from logitwise.data.dataset import Note
from logitwise.data.files import called
from logitwise.evidence.features import is_table
from logitwise.evidence.labels import known_indices
from logitwise.evidence.predictions import ROWS_PER_BATCH
from logitwise.evidence.record import Record
from logitwise.evidence.rows import LabelledRows
from logitwise.model.labels import read_labels
from logitwise.model.model import Model

TRAINED_ON = (
    "logitwise: note: DATA has the name of the training data; on rows it was trained on, a model looks better than it "
    "is."
)


@dataclass(frozen=True)
class TextFormat:
    """How a text is said to be read; the fields are options of `logitwise.data.read`, None where nothing is said."""

    separator: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    na_values: tuple[str, ...] | None = None
    quotes: bool | None = None
    text: tuple[str, ...] | None = None

    @classmethod
    def typed(
        cls,
        separator: str | None,
        encoding: str | None,
        decimal: str | None,
        na_values: str | None,
        quotes: bool | None,
        text: Sequence[str] | None = None,
    ) -> TextFormat:
        """Return what was typed; the words that are missing values are separated by commas."""
        words = None if na_values is None else tuple(word.strip() for word in na_values.split(",") if word.strip())
        return cls(separator, encoding, decimal, words, quotes, tuple(dict.fromkeys(text)) if text else None)

    @property
    def said(self) -> dict[str, Any]:
        """What is said, as options of `logitwise.data.read`."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def recorded(self) -> dict[str, Any] | None:
        """What is said, as JSON keeps it; None where nothing is."""
        said = {name: list(value) if isinstance(value, tuple) else value for name, value in self.said.items()}
        return said or None

    def over(self, record: Record) -> TextFormat:
        """Return this where something is said, and what was said in training elsewhere."""
        return replace(TextFormat(**(record.reading or {})), **self.said)


@dataclass(frozen=True)
class ReadOptions:
    """How to read a source; the fields are options of `logitwise.data.read`."""

    header: bool | None = None
    label_strip: str = ""
    drop_unlabelled: bool = False
    names: tuple[str, ...] | None = None
    text_format: TextFormat = field(default_factory=TextFormat)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `logitwise.data.read`."""
        own = {"header": self.header, "label_strip": self.label_strip, "drop_unlabelled": self.drop_unlabelled}
        return {**own, "names": self.names, **self.text_format.said}


@dataclass(frozen=True)
class Split:
    """Rows to train on and rows to measure on.

    Attributes:
        measured_as: What to call the rows to measure on in a message: the argument they came by.
        where: What they are, in words.
    """

    trained_on: LabelledRows
    measured_on: LabelledRows
    measured_as: str
    where: str


def read_to_train(
    source: str, target: str | None, test: str | None, options: ReadOptions
) -> tuple[LabelledRows, LabelledRows | None]:
    """Return the rows of a source, and the rows to measure on: those of `test`, else those the source brings along."""
    if test is not None:
        with naming({"source": "--test"}):
            data.check_source(test)
    labelled, test_rows = _read_labelled(source, "DATA", target, options)
    with naming(READING):
        classes = find_classes(labelled.labels)
    if test is None:
        return labelled, test_rows
    options = replace(options, header=labelled.has_header if options.names is None else None)
    if is_table(labelled.features) and data.is_text_file(test):
        options = replace(options, text_format=_with_text(options.text_format, labelled.features))
    with _missing_columns("--test"):
        measured_on, _ = _read_labelled(test, "--test", labelled.target_name, options)
    with naming_rows("--test"):
        known_indices(measured_on.labels, classes)
    names = labelled.features.columns if is_table(labelled.features) else None
    columns = Columns(names, labelled.n_features, labelled.target_name)
    features = columns.of(measured_on.features, measured_on.has_header, "--test")
    return labelled, replace(measured_on, features=features)


def _with_text(text_format: TextFormat, features: Any) -> TextFormat:
    """Return how a text is read, so that the columns which are text in other features are."""
    columns = tuple(name for name, dtype in features.schema.items() if str(dtype) == "String")
    return replace(text_format, text=tuple(dict.fromkeys((*(text_format.text or ()), *columns))))


def split(labelled: LabelledRows, measured_on: LabelledRows | None, test: str | None, seed: int) -> Split:
    """Return what to train on and what to measure on, which is held out from the rows where nothing else is there."""
    if measured_on is None:
        with naming({"X": "DATA", "y": "--target", "rows to measure on": "--test FILE"}):
            trained_on, held_out = labelled.split(seed)
        rows = counted(len(held_out.labels), "row")
        share = f"held out from training (a fifth of each class, seed {seed})"
        return Split(trained_on, held_out, "DATA", f"{rows} of {labelled.name}, {share}")
    return Split(labelled, measured_on, "DATA" if test is None else "--test", measured_on.where)


@dataclass(frozen=True)
class MeasuringOptions:
    """How to read rows to evaluate a model on; what is None is as in training."""

    target: str | None = None
    label_strip: str | None = None
    drop_unlabelled: bool = False
    header: bool | None = None
    names: tuple[str, ...] | None = None
    text_format: TextFormat = field(default_factory=TextFormat)


def read_to_measure(source: str, model: Model, asked: MeasuringOptions) -> LabelledRows:
    """Return rows to evaluate a model on: those of the test set, where the source brings one."""
    record = Record.of(model)
    strip = record.label_strip if asked.label_strip is None else asked.label_strip
    known = _names_to_try(source, record) if asked.names is None and not asked.header else asked.names
    header = record.has_header if known is None and asked.header is None else asked.header
    text_format = asked.text_format.over(record)
    with naming({"source": "DATA"}):
        text_format = _as_trained(text_format, model) if data.is_text_file(source) else text_format
    options = ReadOptions(header, strip, asked.drop_unlabelled, known, text_format)
    try:
        labelled, test_rows = _read_to_measure(source, record, asked.target, options)
    except data.NamesError:
        if asked.names is not None:
            raise
        options = replace(options, header=None, names=None)  # they were those of training: the file has its own
        labelled, test_rows = _read_to_measure(source, record, asked.target, options)
    if test_rows is None and record.data == labelled.name != STANDARD_INPUT:
        say(TRAINED_ON)
    rows = labelled if test_rows is None else test_rows
    return replace(rows, features=Columns.of_model(model).of(rows.features, rows.has_header, "DATA"))


def _as_trained(text_format: TextFormat, model: Model) -> TextFormat:
    """Return how a text is read, so that columns which were text in training are, whatever their values look like."""
    reading = model.preprocessing.columns_of_x
    plain = {*reading.plain_numbers}
    columns = tuple(name for name in reading.used_names or () if name not in plain)
    return replace(text_format, text=tuple(dict.fromkeys((*(text_format.text or ()), *columns))))


def _names_to_try(source: str, record: Record) -> tuple[str, ...] | None:
    """Return the names that were given in training, for a source that may need them."""
    if record.column_names is None:
        return None
    with naming({"source": "DATA"}):
        return tuple(record.column_names) if data.is_text_file(source) else None


def _read_to_measure(
    source: str, record: Record, target: str | None, options: ReadOptions
) -> tuple[LabelledRows, LabelledRows | None]:
    with _missing_columns("DATA"):
        if target is None:
            return _read_as_trained(source, record.target_name, options)
        return _read_labelled(source, "DATA", target, options)


@contextmanager
def _missing_columns(argument: str) -> Iterator[None]:
    """Let the error for columns that are to be read as text, and are not there, be that for missing columns."""
    try:
        yield
    except data.DataError as error:
        if error.argument != READING["text"]:
            raise
        requirement, got = "have every column of training", f"none named {error.got}"
        raise InvalidValueError(argument, requirement, got, advice="Add or rename columns.") from error


def _read_as_trained(source: str, target: str | None, options: ReadOptions) -> tuple[LabelledRows, LabelledRows | None]:
    """Return labelled rows of a source whose target is that of training, or whose labels it brings along."""
    try:
        return _read_labelled(source, "DATA", target, options)
    except data.NeedlessTargetError:
        return _read_labelled(source, "DATA", None, options)
    except data.UnknownColumnError as error:
        raise InvalidValueError(
            "DATA",
            f"have the target column of training, {target!r}, to be measured on",
            "no column of that name",
            advice="Is it the right file? If the column has another name there, give --target.",
        ) from error


@dataclass(frozen=True)
class PartToPredict:
    """Some rows to predict.

    Attributes:
        features: The columns of training.
        first_row: The position of the first row among all.
        read: How much is done with them.
        kept: The columns to write beside the predictions, as a table; None for none.
    """

    features: Any
    first_row: int
    read: int
    kept: Any = None


@dataclass(frozen=True)
class ToPredict:
    """Rows to predict, read a part at a time.

    Attributes:
        parts: The rows, in order.
        whole: How much is done at the end, in the same unit.
        is_long: Whether it is worth a progress bar.
    """

    parts: Iterator[PartToPredict]
    whole: int
    is_long: bool


@dataclass(frozen=True)
class PredictingOptions:
    """How to read rows to predict; what is None is as in training."""

    header: bool | None = None
    names: tuple[str, ...] | None = None
    text_format: TextFormat = field(default_factory=TextFormat)
    keep: tuple[str, ...] = ()


def read_to_predict(source: str, model: Model, asked: PredictingOptions = PredictingOptions()) -> ToPredict:
    """Return the features to predict from; of the test set, where the source brings one.

    Files of tables and of one array are read a part at a time, whatever their size.
    """
    columns, header = Columns.of_model(model), Record.of(model).has_header
    with naming({**READING, "source": "DATA"}):
        if asked.names is not None and not data.is_text_file(source):
            data.read(source, names=asked.names)  # which refuses them
        if data.is_table_file(source):
            return _table_to_predict(source, model, asked)
        if asked.keep:
            raise InvalidValueError("--keep", "be left out where DATA is no table", repr(asked.keep[0]))
        if source.lower().endswith(".npy"):
            found = _array_to_predict(source, columns)
            if found is not None:
                return found
        dataset = data.read(source, header=header)
    if dataset.test is not None:
        dataset = dataset.test
        say(f"logitwise: note: DATA brings a test set; its {len(dataset.features):,} rows are predicted.")
    features = columns.of(dataset.features, dataset.has_header, "DATA")
    n_rows = len(features)
    starts = range(0, n_rows, ROWS_PER_BATCH)
    parts = (
        PartToPredict(features[start : start + ROWS_PER_BATCH], start, min(start + ROWS_PER_BATCH, n_rows))
        for start in starts
    )
    return ToPredict(parts, n_rows, n_rows > ROWS_PER_BATCH)


def _table_to_predict(source: str, model: Model, asked: PredictingOptions) -> ToPredict:
    from logitwise.data.streaming import BYTES_AT_ONCE, Parts, read_parts

    record, columns = Record.of(model), Columns.of_model(model)
    numbers = [name for name in model.preprocessing.number_names if name not in asked.keep]  # they are written as read
    known = [each for each in (record.column_names, columns.names) if record.column_names and each]
    choices = [asked.names] if asked.names is not None else [] if asked.header else known
    header = record.has_header if asked.header is None and not choices else asked.header
    how = asked.text_format.over(record).said
    try:
        found = read_parts(source, header=header, numbers=numbers, names=choices, **how)
    except data.NamesError:
        if asked.names is not None:
            raise
        found = read_parts(source, numbers=numbers, **how)  # they were those of training: the file has its own
    _say_notes(found.notes, "DATA")
    _check_kept(asked.keep, found.names, model)
    chosen = columns.choice(found.names, found.has_header, "DATA")

    def parts(found: Parts) -> Iterator[PartToPredict]:
        for part in found.parts:
            _say_notes(part.notes, "DATA")
            kept = part.table.select(asked.keep) if asked.keep else None
            yield PartToPredict(chosen(part.table), part.first_row, part.read, kept)

    return ToPredict(parts(found), found.n_bytes, found.n_bytes > BYTES_AT_ONCE)


def _check_kept(keep: Sequence[str], given: Sequence[str], model: Model) -> None:
    """Raise for a column to keep that is not there, or has the name of a column of predictions."""
    made = {"prediction", *(f"probability_{label}" for label in model.classes.tolist())}
    for name in keep:
        if name not in given:
            got, advice = repr(name), did_you_mean(name, given)
            raise InvalidValueError("--keep", "name a column of DATA", got, advice=advice)
        if keep.count(name) > 1:
            raise InvalidValueError("--keep", "name each column once", f"{name!r} twice")
        if name in made:
            raise InvalidValueError("--keep", "name columns whose names no other column of predictions has", repr(name))


def _say_notes(notes: Iterable[Note], argument: str) -> None:
    """Print what was understood of an argument."""
    for note in notes:
        say(f"logitwise: note: {argument}: {note.renamed(READING)}")


def _array_to_predict(source: str, columns: Columns) -> ToPredict | None:
    from logitwise.data.arrays import read_array_parts

    found = read_array_parts(source, ROWS_PER_BATCH)
    if found is None:
        return None
    n_rows = found.shape[0]
    columns.refuse_other_count(math.prod(found.shape[1:]), "DATA")
    starts = range(0, n_rows, ROWS_PER_BATCH)
    parts = (PartToPredict(part, start, start + len(part)) for start, part in zip(starts, found.parts, strict=True))
    return ToPredict(parts, n_rows, n_rows > ROWS_PER_BATCH)


def read_names(path: str | None) -> tuple[str, ...] | None:
    """Return the names in a file, where one is given."""
    if path is None:
        return None
    from logitwise.data.text import names

    with naming(READING):
        return names.read_names(path)


def data_name(source: str) -> str:
    """Return what to call a source: the name of the file or folder."""
    return called(Path(source)) or Path(source).name or Path(source).resolve().name


def _read_labelled(
    source: str, argument: str, target: str | None, options: ReadOptions
) -> tuple[LabelledRows, LabelledRows | None]:
    with naming({**READING, "source": argument}):
        dataset = data.read(source, target=target, **options.arguments)
        _say_notes(dataset.notes, argument)
        name = data_name(source)
        test = None if dataset.test is None else _labelled(dataset.test, f"the test set of {name}", argument)
        return _labelled(dataset, name, argument), test


def _labelled(dataset: data.Dataset, name: str, argument: str) -> LabelledRows:
    if dataset.target is None:
        raise _no_labels(dataset, name, argument)
    labels = read_labels(dataset.target)
    positions = np.arange(len(labels)) if dataset.positions is None else dataset.positions
    return LabelledRows(dataset.features, labels, name, dataset.target_name, dataset.has_header, positions)


def _no_labels(dataset: data.Dataset, name: str, argument: str) -> InvalidValueError:
    features: Any = dataset.features
    if not is_table(features):
        got, advice = f"{name!r}, features alone", "Save them as X and y of one .npz file."
        return InvalidValueError(argument, "bring labels", got, advice=advice)
    position = "The file has no header: a position will do, such as -1 for the last."
    advice = f"The columns are {listed(features.columns, COLUMNS_SHOWN, quoted=True)}." + (
        f" {position}" if dataset.has_header is False else ""
    )
    return InvalidValueError("--target", f"name the column of {argument} to predict", "none", advice=advice)
