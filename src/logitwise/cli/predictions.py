"""Predictions as a table of text or Parquet, written whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from logitwise.classifier.model_file import refuse_irregular, replacing
from logitwise.cli.door import naming
from logitwise.cli.parts import by_parts

if TYPE_CHECKING:
    import polars

    from logitwise.classifier.model import Model

SUFFIXES = (".csv", ".parquet")
ROWS_AT_ONCE = 65_536  # of text, on the way to standard output


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


def prediction_table(model: Model, features: Any) -> polars.DataFrame:
    """Return one row a prediction: the class, and the probability of each class in full precision."""
    import polars as pl

    parts = by_parts(lambda rows: (model.predict(rows), model.predict_proba(rows)), features, "DATA")
    predicted, probabilities = map(np.concatenate, zip(*parts, strict=True))
    labels = model.classes.tolist()
    columns = {f"probability_{label}": column for label, column in zip(labels, probabilities.T, strict=True)}
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
    with replacing(path) as file:
        if path.suffix == ".parquet":
            table.write_parquet(file)
        else:
            table.write_csv(file)


def write_to_standard_output(table: polars.DataFrame) -> None:
    """Write predictions as CSV for the next program."""
    sys.stdout.write(table.head(0).write_csv())
    for part in table.iter_slices(ROWS_AT_ONCE):
        sys.stdout.write(part.write_csv(include_header=False))
