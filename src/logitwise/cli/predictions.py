"""Predictions as a table of text or Parquet, written whole or not at all."""

from __future__ import annotations

import os
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logitwise.cli.door import is_quiet, naming
from logitwise.cli.parts import say_unknown
from logitwise.model.file import refuse_irregular, replacing

if TYPE_CHECKING:
    import polars

    from logitwise.cli.sources import ToPredict
    from logitwise.model.model import Batch, Model

SUFFIXES = (".csv", ".parquet")
WORKERS = 2  # beside the one that reads


def writable(path: str, argument: str, inputs: Sequence[str]) -> Path:
    """Return the file to write; raise, before any work, where it is no regular file, has no folder, or is an input."""
    with naming({"path": argument}):
        file = refuse_irregular(path)
    if file.exists() and any(os.path.exists(name) and os.path.samefile(file, name) for name in inputs):
        raise ValueError(f"{argument} must not be a file that is read; got {path!r}. Choose another name.")
    return file


def refuse_same(path: Path, argument: str, other: Path, other_argument: str) -> None:
    """Raise where two outputs are one file."""
    if path.resolve() == other.resolve():
        raise ValueError(
            f"{argument} must not be the file of {other_argument}; got {str(path)!r}. Choose another name."
        )


def prediction_path(path: str, inputs: Sequence[str]) -> Path:
    """Return the file to write predictions to; its suffix says how."""
    if not path.endswith(SUFFIXES):
        raise ValueError(f"--output must end in .csv or .parquet; got {path!r}.")
    return writable(path, "--output", inputs)


def predict(model: Model, rows: ToPredict) -> Iterator[Batch]:
    """Yield the predictions for each part of the rows, in order; two parts are worked on at a time.

    Long work is shown as a bar with the time left, on standard error where that is a terminal.
    """
    with naming({"X": "DATA", "source": "DATA"}), _bar(rows) as done, ThreadPoolExecutor(WORKERS) as pool:
        waiting: deque[tuple[Future[Batch], int]] = deque()
        for features, first_row, read in rows.parts:
            waiting.append((pool.submit(model.predict_batch, features, first_row), read))
            if len(waiting) > WORKERS:
                yield _next(waiting, done)
        while waiting:
            yield _next(waiting, done)


def _next(waiting: deque[tuple[Future[Batch], int]], done: Callable[[int], None]) -> Batch:
    future, read = waiting.popleft()
    batch = future.result()
    done(read)
    return batch


@contextmanager
def _bar(rows: ToPredict) -> Iterator[Callable[[int], None]]:
    """Give what moves the progress bar; nothing, where there is none to see."""
    from rich.console import Console

    console = Console(stderr=True)
    if is_quiet() or not console.is_terminal or not rows.is_long or sys.stdout.isatty():
        yield lambda read: None
        return
    from rich.progress import Progress

    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("Predicting", total=rows.whole)
        yield lambda read: bar.update(task, completed=read)


@dataclass
class Written:
    """Predictions on their way out: how many so far, and the values that the model does not know, by column."""

    rows: int = 0
    unknown: Counter[str] = field(default_factory=Counter)

    def count(self, batch: Batch) -> Batch:
        """Count a batch, and return it."""
        self.rows += len(batch.indices)
        self.unknown.update(batch.unknown)
        return batch

    def note(self) -> None:
        """Say which columns hold values that the model does not know, and how many."""
        say_unknown(self.unknown, "DATA")


def table_of(model: Model, batch: Batch) -> polars.DataFrame:
    """Return one row a prediction: the class, and the probability of each class in full precision."""
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
