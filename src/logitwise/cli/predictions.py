"""Predictions as a table of text or Parquet, written whole or not at all."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from logitwise.classifier.model_file import refuse_irregular
from logitwise.cli.door import naming

if TYPE_CHECKING:
    import polars

SUFFIXES = (".csv", ".parquet")
ROWS_AT_ONCE = 65_536  # of text, on the way to standard output


def writable(path: str, argument: str, inputs: Sequence[str]) -> Path:
    """Return the file to write; raise, before any work, where it is no regular file, has no folder, or is an input."""
    with naming({"path": argument}):
        file = refuse_irregular(path)
    if file.exists() and any(os.path.exists(name) and os.path.samefile(file, name) for name in inputs):
        raise ValueError(f"{argument} must not be a file that is read; got {path!r}. Choose another name.")
    return file


def prediction_path(path: str, inputs: Sequence[str]) -> Path:
    """Return the file to write predictions to; its suffix says how."""
    if not path.endswith(SUFFIXES):
        raise ValueError(f"--output must end in .csv or .parquet; got {path!r}.")
    return writable(path, "--output", inputs)


def prediction_table(predicted: np.ndarray, probabilities: np.ndarray, classes: np.ndarray) -> polars.DataFrame:
    """Return one row a prediction: the class, and the probability of each class in full precision."""
    import polars as pl

    columns = {f"probability_{label}": column for label, column in zip(classes.tolist(), probabilities.T, strict=True)}
    return pl.DataFrame({"prediction": predicted.tolist(), **columns})


def as_json(table: polars.DataFrame, classes: np.ndarray, output: str | None) -> dict[str, Any]:
    """Return predictions as JSON values; those that went to a file are only counted."""
    if output is not None:
        return {"rows": table.height, "classes": classes.tolist(), "output": output}
    probabilities = table.drop("prediction").to_numpy().tolist()
    return {
        "rows": table.height,
        "classes": classes.tolist(),
        "predictions": table["prediction"].to_list(),
        "probabilities": probabilities,
    }


def write(table: polars.DataFrame, path: Path) -> None:
    """Write predictions to a file."""
    with _replacing(path) as file:
        if path.suffix == ".parquet":
            table.write_parquet(file)
        else:
            table.write_csv(file)


def write_to_standard_output(table: polars.DataFrame) -> None:
    """Write predictions as CSV for the next program."""
    sys.stdout.write(table.head(0).write_csv())
    for part in table.iter_slices(ROWS_AT_ONCE):
        sys.stdout.write(part.write_csv(include_header=False))


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a temporary file beside `path` that takes its name in one step, once its bytes have reached the disk."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
