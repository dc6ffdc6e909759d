"""Predictions as a table of text or Parquet, written whole or not at all."""

from __future__ import annotations

import math
import os
import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logitwise._errors import InvalidValueError, naming
from logitwise._extras import needed_for
from logitwise._listing import listed
from logitwise._notice import Progress
from logitwise.cli.names import CATEGORY
from logitwise.cli.progress import progress_bar
from logitwise.cli.results import say_unknown
from logitwise.model.file import refuse_irregular, replacing

if TYPE_CHECKING:
    import polars

    from logitwise.cli.sources import PartToPredict, ToPredict
    from logitwise.model.model import Batch, Model

SUFFIXES = (".csv", ".parquet")
MOST_STRANGERS = 0.5  # of the values of categories of few levels, in the first rows
FEWEST_VALUES = 20  # of them: fewer say nothing
WORKERS = 2  # beside the one that reads
ANOTHER_NAME = "Choose another name."


def writable(path: str, argument: str, inputs: Sequence[str]) -> Path:
    """Return the file to write; raise, before any work, where it is no regular file, has no folder, or is an input."""
    with naming({"path": argument}):
        file = refuse_irregular(path)
    if file.exists() and any(os.path.exists(name) and os.path.samefile(file, name) for name in inputs):
        raise InvalidValueError(argument, "not be a file that is read", repr(path), advice=ANOTHER_NAME)
    return file


def refuse_same(path: Path, argument: str, other: Path, other_argument: str) -> None:
    """Raise where two outputs are one file."""
    if path.resolve() == other.resolve():
        requirement = f"not be the file of {other_argument}"
        raise InvalidValueError(argument, requirement, repr(str(path)), advice=ANOTHER_NAME)


def prediction_path(path: str, inputs: Sequence[str]) -> Path:
    """Return the file to write predictions to; its suffix says how."""
    if not path.endswith(SUFFIXES):
        raise InvalidValueError("--output", "end in .csv or .parquet", repr(path))
    return writable(path, "--output", inputs)


@dataclass(frozen=True)
class Predicted:
    """The predictions of some rows, and the columns that are written beside them, as a table; None for none."""

    batch: Batch
    kept: polars.DataFrame | None


def predict(model: Model, rows: ToPredict) -> Iterator[Predicted]:
    """Yield the predictions for each part of the rows, in order; two parts are predicted at a time."""
    shown_from = 0 if rows.is_long and not sys.stdout.isatty() else math.inf
    names = {"X": "DATA", "source": "DATA", CATEGORY: "--category"}
    with naming(names), progress_bar(shown_from) as progress, ThreadPoolExecutor(WORKERS) as pool:
        progress(0, rows.whole)
        waiting: deque[tuple[Future[Batch], PartToPredict]] = deque()
        for part in rows.parts:
            waiting.append((pool.submit(model.predict_batch, part.features, part.first_row), part))
            if len(waiting) > WORKERS:
                yield _next(waiting, progress, rows.whole)
        while waiting:
            yield _next(waiting, progress, rows.whole)


def _next(waiting: deque[tuple[Future[Batch], PartToPredict]], progress: Progress, whole: int) -> Predicted:
    future, part = waiting.popleft()
    batch = future.result()
    progress(part.read, whole)
    return Predicted(batch, part.kept)


@dataclass
class Written:
    """What has been written so far: how many predictions, and how many unknown values each column had."""

    rows: int = 0
    unknown: Counter[str] = field(default_factory=Counter)

    def count(self, predicted: Predicted) -> Predicted:
        """Count some predictions, and return them; raise where their rows are of another table than in training."""
        batch = predicted.batch
        if not self.rows:
            _refuse_strangers(batch)
        self.rows += len(batch.indices)
        self.unknown.update(batch.unknown)
        return predicted

    def note(self) -> None:
        """Print which columns hold values that the model does not know, and how many."""
        say_unknown(self.unknown, "DATA")


def _refuse_strangers(batch: Batch) -> None:
    """Raise where most values of the categories of few levels are none of them."""
    strangers, count = batch.strangers
    if count >= FEWEST_VALUES and strangers > MOST_STRANGERS * count:
        columns = listed([column for column, unknown in batch.unknown.items() if unknown])
        raise InvalidValueError(
            "DATA",
            "hold categories that training saw",
            f"{strangers:,} of {count:,} values that it did not, in {columns}",
            advice="Is it the right file?",
        )


def table_of(model: Model, predicted: Predicted) -> polars.DataFrame:
    """Return one row per prediction: what is kept, the class, and the probability of each class in full precision."""
    with needed_for("Writing predictions as a table"):
        import polars as pl

    labels, batch = model.classes.tolist(), predicted.batch
    columns = {f"probability_{label}": column for label, column in zip(labels, batch.probabilities.T, strict=True)}
    table = pl.DataFrame({"prediction": pl.Series(labels).gather(batch.indices), **columns})
    return table if predicted.kept is None else pl.concat([predicted.kept, table], how="horizontal")


def as_json(model: Model, found: Iterable[Predicted]) -> dict[str, Any]:
    """Return predictions as JSON values; what is kept is text."""
    labels: list[Any] = []
    probabilities: list[list[float]] = []
    kept: dict[str, list[str | None]] = {}
    for predicted in found:
        labels += model.classes[predicted.batch.indices].tolist()
        probabilities += predicted.batch.probabilities.tolist()
        for column in () if predicted.kept is None else predicted.kept:
            kept.setdefault(column.name, []).extend(column.cast(str).to_list())
    return {
        "rows": len(labels),
        "classes": model.classes.tolist(),
        "predictions": labels,
        "probabilities": probabilities,
        **({"kept": kept} if kept else {}),
    }


def write(model: Model, batches: Iterable[Predicted], path: Path) -> None:
    """Write predictions to a file: text as they come, Parquet at the end."""
    tables = (table_of(model, batch) for batch in batches)
    with replacing(path) as file:
        if path.suffix == ".parquet":
            import polars as pl

            pl.concat(list(tables)).write_parquet(file)
        else:
            for place, table in enumerate(tables):
                table.write_csv(file, include_header=place == 0)


def write_to_standard_output(model: Model, batches: Iterable[Predicted]) -> None:
    """Write predictions as CSV for the next program, as they come."""
    for place, batch in enumerate(batches):
        sys.stdout.write(table_of(model, batch).write_csv(include_header=place == 0))
