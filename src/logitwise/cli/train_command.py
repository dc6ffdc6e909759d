"""What `logitwise train` does: read, train, save, measure, and report."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logitwise._errors import InvalidValueError, naming
from logitwise._extras import check_installed
from logitwise._notice import phase
from logitwise.cli import pages, results
from logitwise.cli.door import is_quiet, say, tell
from logitwise.cli.names import TRAINING, WORDING, naming_rows
from logitwise.cli.predictions import refuse_same, writable
from logitwise.cli.sources import ReadOptions, Split, data_name, read_to_train, split
from logitwise.cli.standard_input import STANDARD_INPUT
from logitwise.columns.deciding import Understood, understand
from logitwise.columns.reading import CATEGORY, DATE, NUMBER
from logitwise.columns.table import read_table
from logitwise.data.digest import source_sha256
from logitwise.data.unpacking import stem
from logitwise.evidence.features import is_table
from logitwise.evidence.measured import Measured, measure
from logitwise.evidence.notes import verdict_of
from logitwise.evidence.record import Record, class_counts
from logitwise.evidence.rows import LabelledRows
from logitwise.model.model import Model

if TYPE_CHECKING:
    from logitwise.classifier.estimator import Classifier


@dataclass(frozen=True)
class Files:
    """The files that `logitwise train` reads and writes, by their names."""

    data: str
    test: str | None
    model: str | None
    report: str | None
    config: str | None
    names: str | None

    @property
    def read(self) -> list[str]:
        """The files that are read."""
        return [name for name in (self.data, self.test, self.config, self.names) if name is not None]

    @property
    def model_name(self) -> str:
        """The file that the model is written to."""
        return self.model or f"{stem(data_name(self.data)).replace(STANDARD_INPUT, 'standard-input')}.safetensors"


@dataclass(frozen=True)
class Request:
    """What was typed behind `logitwise train`: files, how to read and to train, and what is said of columns."""

    files: Files
    target: str | None
    reading: ReadOptions
    training: dict[str, Any]
    said: Mapping[str, str]
    command: str


@dataclass(frozen=True)
class Trained:
    """A model, how good it is, and whether Ctrl-C ended the training before its time."""

    model: Model
    measured: Measured
    interrupted: bool


def run(request: Request, *, as_json: bool) -> bool:
    """Do what was asked for, and return whether Ctrl-C ended the training before its time."""
    started = time.perf_counter()
    check_installed("This command", "sklearn", "torch")
    path = writable(request.files.model_name, "--model", request.files.read)
    page = None if request.files.report is None else writable(request.files.report, "--report", request.files.read)
    if page is not None:
        refuse_same(page, "--report", path, "--model")
    refuse_wrong(request.training)
    with phase(f"Reading {data_name(request.files.data)}"):
        rows, test_rows = read_to_train(request.files.data, request.target, request.files.test, request.reading)
        digest = source_sha256(request.files.data)
    said = _said_of_features(request.said, rows.target_name)
    found = understood(rows.features, said, request.reading.text_format.decimal)
    with phase("Loading the libraries that train"):
        classifier = make_classifier({**request.training, "columns": found}, verbose=not is_quiet())
    divided = split(rows, test_rows, request.files.test, classifier.random_state)
    say(results.training_sentence(divided.trained_on))
    if found is not None:
        say(f"Its columns, by all {len(rows.labels):,} rows:\n{results.columns_table(found.findings)}")
    trained = train(classifier, divided, request.reading, digest)
    with naming({"path": "--model"}):
        trained.model.save(path)
    if trained.interrupted:
        tell(results.interrupted_sentence(trained.model))
    say(f"Saved {request.files.model_name} ({results.file_size(path)}) after {time.perf_counter() - started:.1f} s.")
    _show(trained, request, len(divided.trained_on.labels), as_json=as_json)
    if page is not None:
        _report(trained, divided, request, path.stem, page)
    return trained.interrupted


def _show(trained: Trained, request: Request, n_rows: int, *, as_json: bool) -> None:
    known: dict[str, Any] = {
        "model": request.files.model_name,
        "rows": n_rows,
        "classes": trained.model.classes.tolist(),
    }
    known["interrupted"] = trained.interrupted
    results.show_measured(trained.model, trained.measured, known, as_json=as_json)
    verdict = verdict_of(trained.model, WORDING)
    if verdict is not None:
        say(f"In training: {verdict}")


def _report(trained: Trained, divided: Split, request: Request, title: str, page: Path) -> None:
    beside = None if trained.interrupted else divided.trained_on
    source = pages.Source(divided.measured_on, divided.measured_as, divided.where, request.files.read, beside)
    pages.write_page(pages.report(trained.model, source, title, request.command), page, "--report")
    say(f"Wrote {request.files.report} ({results.file_size(page)}).")


def said_of_columns(
    numbers: Sequence[str] | None,
    categories: Sequence[str] | None,
    dates: Sequence[str] | None,
    dropped: Sequence[str] | None,
) -> dict[str, str]:
    """Return what --number, --category, --date and --drop say of columns.

    Raises:
        ValueError: A column that two of them name.
    """
    said: dict[str, str] = {}
    for kind, columns in {NUMBER: numbers, CATEGORY: categories, DATE: dates, "drop": dropped}.items():
        for column in columns or ():
            name, has_format, style = column.partition(":") if kind == DATE else (column, "", "")
            if said.get(name, kind) != kind:
                raise InvalidValueError(f"--{kind}", f"not name what --{said[name]} names", repr(name))
            said[name] = f"{kind}:{style}" if has_format else kind
    return said


def _said_of_features(said: Mapping[str, str], target_name: str | None) -> dict[str, str]:
    """Return what is said of the other columns than the target, which can only be called a category."""
    kind = said.get(target_name or "", CATEGORY)
    if kind != CATEGORY:
        raise InvalidValueError(
            f"--{kind.partition(':')[0]}", "name a column of features", f"the target, {target_name!r}"
        )
    return {column: each for column, each in said.items() if column != target_name}


def understood(features: Any, said: Mapping[str, str], decimal: str | None) -> Understood | None:
    """Return what the columns of a table are taken for, by all of its rows; None for arrays and images.

    Raises:
        ValueError: A column that does not exist, or is not what is said of it; one that is neither numbers nor
            categories for certain.
    """
    if not is_table(features):
        if said:
            raise InvalidValueError("--number, --category and --drop", "be left out for arrays", repr(next(iter(said))))
        return None
    with naming(TRAINING):
        return understand(read_table(features), None, said, decimal)


def hidden_sizes(text: str) -> tuple[int, ...]:
    """Return the layer sizes that a text such as "256,256" means; the empty text means no hidden layer."""
    try:
        sizes = tuple(int(size) for size in text.split(",")) if text.strip() else ()
    except ValueError:
        sizes = (0,)
    if any(size < 1 for size in sizes):
        requirement = "be layer sizes separated by commas, such as 256,256, or '' for none"
        raise InvalidValueError("--hidden", requirement, repr(text))
    return sizes


def make_classifier(options: dict[str, Any], *, verbose: bool) -> Classifier:
    """Return a classifier with the options that were given; all others are its own defaults."""
    from logitwise.classifier.estimator import Classifier

    return Classifier(**{name: value for name, value in options.items() if value is not None}, verbose=verbose)


def refuse_wrong(options: dict[str, Any]) -> None:
    """Raise where an option that was given is out of range: before any data is read."""
    if any(value is not None for value in options.values()):
        with naming(TRAINING):
            make_classifier(options, verbose=False).check_options()


def train(classifier: Classifier, divided: Split, reading: ReadOptions, data_sha256: str | None) -> Trained:
    """Return the model that the classifier learns from the rows to train on, and how good it is on the others.

    The model keeps both: how it was trained, and how good it is.

    Raises:
        KeyboardInterrupt: Ctrl-C before the first measurement; later, there is a model of the best step so far.
    """
    rows = divided.trained_on
    interrupted = _fit(classifier, rows)
    model = classifier.model_
    counts = class_counts(model, rows.labels)
    rows_measured = len(divided.measured_on.labels)
    with naming_rows(divided.measured_as), phase(f"Measuring on {rows_measured:,} other rows") as progress:
        measured = measure(model, divided.measured_on, divided.where, counts, progress)
    results.say_unknown(measured.unknown, divided.measured_as)
    record = Record(
        data=rows.name,
        data_sha256=data_sha256,
        rows=len(rows.labels),
        class_counts=counts,
        target_name=rows.target_name,
        has_header=rows.has_header,
        column_names=None if reading.names is None else list(reading.names),
        label_strip=reading.label_strip,
        reading=reading.text_format.recorded,
        metrics=measured.as_json(),
    )
    return Trained(record.kept_in(model), measured, interrupted)


def _fit(classifier: Classifier, rows: LabelledRows) -> bool:
    """Train, and return whether Ctrl-C ended it."""
    with naming(TRAINING), _notes_said():
        try:
            classifier.fit(rows.features, rows.labels)
        except KeyboardInterrupt:
            if not hasattr(classifier, "model_"):
                raise
            return True
    return False


@contextmanager
def _notes_said() -> Iterator[None]:
    """Print warnings about the data and about training as notes, when they are given."""
    from logitwise import DataWarning, TrainingWarning
    from logitwise.classifier.notes import Note

    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        warnings.simplefilter("always", TrainingWarning)
        elsewhere = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, (DataWarning, TrainingWarning)):
                say(f"Note: {Note(message).renamed(WORDING.names)}")
            else:
                elsewhere(message, category, *where, **more)

        warnings.showwarning = show
        yield
