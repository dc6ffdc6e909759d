"""What the command line calls the arguments of the library, in errors and in notes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from logitwise._errors import InvalidValueError, naming
from logitwise.columns.deciding import SAY
from logitwise.evidence.labels import UnseenLabelsError
from logitwise.evidence.notes import Wording

CATEGORY = "columns={...: 'category'}"  # what an advice mentions
TRAINING = {
    "X": "DATA",
    "y": "--target",
    "hidden": "--hidden",
    "epochs": "--epochs",
    "learning_rate": "--learning-rate",
    "random_state": "--seed",
    "device": "--device",
    "columns": "--number, --category, --date or --drop",
    SAY["columns"]: "--number, --category, --date or --drop",
    CATEGORY: "--category",
    "pass them as text": "say --category and the target",
}
READING = {
    "target": "--target",
    "y": "--target",
    "label_strip": "--label-strip",
    "drop_unlabelled": "--drop-unlabelled",
    "header=False": "--no-header",
    "header=True": "--header",
    "separator": "--separator",
    "encoding": "--encoding",
    "encoding='cp1252'": "--encoding cp1252",
    "encoding='latin-1'": "--encoding latin-1",
    "decimal": "--decimal",
    "na_values": "--na-values",
    "na_values=()": "--na-values ''",
    "quotes": "--no-quotes",
    "quotes=False": "--no-quotes",
    "names": "--names",
    "text": "--category and --date",
}
WORDING = Wording({"X": "The data", "y": "The target", "learning_rate": "--learning-rate"}, "Train with --hidden ''.")


@contextmanager
def naming_rows(argument: str) -> Iterator[None]:
    """Let errors about rows and their labels name the argument that they came by; --label-strip mends some labels."""
    with naming({"X": argument, "y": argument, CATEGORY: "--category"}):
        try:
            yield
        except UnseenLabelsError as error:
            if not error.to_strip:
                raise
            advice = f"{error.likeness}: to make them match, give --label-strip {shlex.quote(error.to_strip)}"
            raise InvalidValueError(error.argument, error.requirement, error.got, advice=advice) from error
