"""What the command line calls the arguments of the library, in errors and in notes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from logitwise import _errors
from logitwise._errors import InvalidValueError
from logitwise.evidence.labels import UnseenLabelsError
from logitwise.evidence.notes import Wording

TRAINING = {
    "X": "DATA",
    "y": "--target",
    "hidden": "--hidden",
    "epochs": "--epochs",
    "learning_rate": "--learning-rate",
    "random_state": "--seed",
    "device": "--device",
}
READING = {
    "target": "--target",
    "y": "--target",
    "label_strip": "--label-strip",
    "drop_unlabelled": "--drop-unlabelled",
    "header=False": "--no-header",
}
WORDING = Wording({"X": "The data", "y": "The target", "learning_rate": "--learning-rate"}, "Train with --hidden ''.")


@contextmanager
def naming(names: Mapping[str, str]) -> Iterator[None]:
    """Give the arguments that an error is about, or mentions, their names on the command line."""
    try:
        with _errors.naming(names):
            yield
    except _errors.InvalidArgumentError:
        raise
    except (ValueError, TypeError) as error:  # OLD
        spoken_of = "|".join(names)
        pattern = rf"^({spoken_of})(?= )|(?<=\()({spoken_of})(?=\))|(?<=\bsay )({spoken_of})\b"
        raise ValueError(re.sub(pattern, lambda found: names[found[0]], str(error))) from error


@contextmanager
def naming_rows(argument: str) -> Iterator[None]:
    """Let errors about rows and their labels name the argument that they came by; --label-strip mends some labels."""
    with naming({"X": argument, "y": argument}):
        try:
            yield
        except UnseenLabelsError as error:
            if not error.to_strip:
                raise
            advice = f"{error.likeness}: to make them match, give --label-strip {shlex.quote(error.to_strip)}"
            raise InvalidValueError(error.argument, error.requirement, error.got, advice=advice) from error
