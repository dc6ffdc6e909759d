"""What the command line records of a model in its metadata, and reads back to measure, to predict and to describe."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from logitwise._display import Displayed
from logitwise._errors import InvalidValueError
from logitwise.model.model import Model

MEASURES = {
    "log_loss": "log loss (nats)",
    "accuracy": "accuracy",
    "brier_score": "Brier score",
    "calibration_error": "calibration error",
}
LARGEST, LONGEST = 2**63, 60


@dataclass(frozen=True, repr=False)
class Record(Displayed):
    """How a model was trained; the fields are entries of its metadata, absent where another program trained it.

    Attributes:
        data: The name of the file or folder, or the bundled name.
        rows: How many rows it was trained on.
        class_counts: How many of them each class had.
        target_name: The name of the labels' column.
        has_header: Whether the columns had names; None where that has no meaning.
        label_strip: The characters stripped from labels.
        metrics: What `Measured.as_json` returns.
        column_names: The names that were given for the columns of a file without a header, in their order.
        reading: How its text was said to be read, where that was said: options of `logitwise.data.read`.
        data_sha256: The SHA-256 of the data (`logitwise.data.digest`); None for a bundled name.
    """

    data: str | None = None
    rows: int | None = None
    class_counts: list[int] | None = None
    target_name: str | None = None
    has_header: bool | None = None
    label_strip: str = ""
    metrics: dict[str, Any] | None = None
    data_sha256: str | None = None
    column_names: list[str] | None = None
    reading: dict[str, Any] | None = None

    @classmethod
    def of(cls, model: Model) -> Record:
        """Return the record of a model, verified: a model file may come from anywhere.

        Raises:
            ValueError: An entry that is not what this program writes.
        """
        found = {field.name: model.metadata.get(field.name, field.default) for field in fields(cls)}
        for name, value in found.items():
            if not _IS_VALID[name](value):
                got = f"{_short(value)} as {name!r}"
                raise InvalidValueError("model", "have metadata that logitwise wrote", got, advice="Train it again.")
        counts = found["class_counts"]
        if counts is not None and len(counts) != len(model.classes):
            requirement = f"have one row count per class, {len(model.classes)}"
            raise InvalidValueError("model", requirement, len(counts), advice="Train it again.")
        return cls(**found)

    def kept_in(self, model: Model) -> Model:
        """Return the model with this record in its metadata."""
        return replace(model, metadata={**model.metadata, **asdict(self)})


def class_counts(model: Model, labels: np.ndarray) -> list[int]:
    """Return how many of the labels each class of a model has."""
    return np.bincount(model.class_indices(labels), minlength=len(model.classes)).tolist()


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_digest(value: Any) -> bool:
    return _is_text(value) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_counts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_count, value)) and sum(value) > 0


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_reading(value: Any) -> bool:
    """Return whether a value is options of `logitwise.data.read` that say how to read a text."""
    is_valid = {"separator": _is_text, "encoding": _is_text, "decimal": _is_text, "quotes": _is_flag}
    is_valid |= {"na_values": _is_texts, "text": _is_texts}
    return isinstance(value, dict) and all(name in is_valid and is_valid[name](value[name]) for name in value)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_measured(value: Any) -> bool:
    """Return whether a value is what `Measured.as_json` returns; older files have no intervals."""
    entries = {"where", "model", "baseline"}
    is_known = isinstance(value, dict) and entries <= set(value) <= {*entries, "intervals"} and _is_text(value["where"])
    return (
        is_known
        and _is_summary(value["model"])
        and (value["baseline"] is None or _is_summary(value["baseline"]))
        and _are_intervals(value.get("intervals", {}))
    )


def _are_intervals(value: Any) -> bool:
    return isinstance(value, dict) and all(ends is None or _is_interval(ends) for ends in value.values())


def _is_interval(ends: Any) -> bool:
    return isinstance(ends, list) and len(ends) == 2 and all(map(is_number, ends))


def is_number(value: Any) -> bool:
    """Return whether a JSON value is a number that fits a float."""
    return type(value) is float or (type(value) is int and abs(value) < LARGEST)


def _is_summary(value: Any) -> bool:
    return isinstance(value, dict) and all(
        value.get(name, "") is None or is_number(value.get(name)) for name in MEASURES
    )


def _or_none(is_valid: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or is_valid(value)


_IS_VALID: dict[str, Callable[[Any], bool]] = {
    "data": _or_none(_is_text),
    "rows": _or_none(_is_count),
    "class_counts": _or_none(_is_counts),
    "target_name": _or_none(_is_text),
    "has_header": _or_none(_is_flag),
    "label_strip": _is_text,
    "metrics": _or_none(_is_measured),
    "data_sha256": _or_none(_is_digest),
    "column_names": _or_none(_is_texts),
    "reading": _or_none(_is_reading),
}
