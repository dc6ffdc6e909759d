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
from logitwise._notice import Progress
from logitwise.cli.names import CATEGORY
from logitwise.cli.progress import progress_bar
from logitwise.cli.results import say_unknown
from logitwise.model.file import refuse_irregular, replacing

if TYPE_CHECKING:
    import polars

    from logitwise.cli.sources import ToPredict
    from logitwise.model.model import Batch, Model

SUFFIXES = (".csv", ".parquet")
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


def predict(model: Model, rows: ToPredict) -> Iterator[Batch]:
    """Yield the predictions for each part of the rows, in order; two parts are predicted at a time."""
    shown_from = 0 if rows.is_long and not sys.stdout.isatty() else math.inf
    names = {"X": "DATA", "source": "DATA", CATEGORY: "--category"}
    with naming(names), progress_bar(shown_from) as progress, ThreadPoolExecutor(WORKERS) as pool:
        progress(0, rows.whole)
        waiting: deque[tuple[Future[Batch], int]] = deque()
        for features, first_row, read in rows.parts:
            waiting.append((pool.submit(model.predict_batch, features, first_row), read))
            if len(waiting) > WORKERS:
                yield _next(waiting, progress, rows.whole)
        while waiting:
            yield _next(waiting, progress, rows.whole)


def _next(waiting: deque[tuple[Future[Batch], int]], progress: Progress, whole: int) -> Batch:
    future, read = waiting.popleft()
    batch = future.result()
    progress(read, whole)
    return batch


@dataclass
class Written:
    """What has been written so far: how many predictions, and how many unknown values each column had."""

    rows: int = 0
    unknown: Counter[str] = field(default_factory=Counter)

    def count(self, batch: Batch) -> Batch:
        """Count a batch, and return it."""
        self.rows += len(batch.indices)
        self.unknown.update(batch.unknown)
        return batch

    def note(self) -> None:
        """Print which columns hold values that the model does not know, and how many."""
        say_unknown(self.unknown, "DATA")


def table_of(model: Model, batch: Batch) -> polars.DataFrame:
    """Return one row per prediction: the class, and the probability of each class in full precision."""
    with needed_for("Writing predictions as a table"):
        import polars as pl

    labels = model.classes.tolist()
    columns = {f"probability_{label}": column for label, column in zip(labels, batch.probabilities.T, strict=True)}
    return pl.DataFrame({"prediction": pl.Series(labels).gather(batch.indices), **columns})


def as_json(model: Model, batches: Iterable[Batch]) -> dict[str, Any]:
    """Return predictions as JSON values."""
    labels: list[Any] = []
    probabilities: list[list[float]] = []
    for batch in batches:
        labels += model.classes[batch.indices].tolist()
        probabilities += batch.probabilities.tolist()
    return {
        "rows": len(labels),
        "classes": model.classes.tolist(),
        "predictions": labels,
        "probabilities": probabilities,
    }


def write(model: Model, batches: Iterable[Batch], path: Path) -> None:
    """Write predictions to a file: text as they come, Parquet at the end."""
    tables = (table_of(model, batch) for batch in batches)
    with replacing(path) as file:
        if path.suffix == ".parquet":
            import polars as pl

            pl.concat(list(tables)).write_parquet(file)
        else:
            for place, table in enumerate(tables):
                table.write_csv(file, include_header=place == 0)


def write_to_standard_output(model: Model, batches: Iterable[Batch]) -> None:
    """Write predictions as CSV for the next program, as they come."""
    for place, batch in enumerate(batches):
        sys.stdout.write(table_of(model, batch).write_csv(include_header=place == 0))
