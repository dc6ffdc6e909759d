"""What is worth saying of a model in a few lines; its metadata may come from anywhere, and are read with care."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from logitwise._display import LONGEST_NAME, counted, names, printable

MEASURES = {"log_loss": "log loss", "accuracy": "accuracy", "calibration_error": "calibration error"}


def facts_of(model: Any) -> dict[str, str | None]:
    """Return what a model is, what it was trained on and when, and how good it was found to be."""
    metadata, network = model.metadata, model.network
    where, measured = _measured(metadata)
    return {
        "classes": f"{len(model.classes):,}: {names(_classes(model.classes.tolist(), metadata))}",
        "columns": _columns(model.feature_names, model.n_features),
        "members": members_of(network.members, network.widths),
        "calibration": model.calibration.method,
        "trained on": _trained_on(metadata),
        "measured on": where,
        **measured,
    }


def _columns(feature_names: tuple[str, ...] | None, count: int) -> str:
    return f"{count:,}, by position" if feature_names is None else f"{count:,}: {names(feature_names)}"


def members_of(members: int, widths: Sequence[int]) -> str:
    """Return the members of a network, given its widths as `Network.widths` has them."""
    layers = ", ".join(f"{units:,}" for units in widths[2:])
    return f"{counted(members, 'network')}: {widths[0]:,} inputs, then {layers} units"


def _classes(classes: list[Any], metadata: Mapping[str, Any]) -> list[str]:
    counts = _counts(metadata)
    if counts is None or len(counts) != len(classes):
        return [str(label) for label in classes]
    pairs = zip(classes, counts, strict=True)
    return [f"{printable(label, LONGEST_NAME - 10)} ({count:,})" for label, count in pairs]


def _counts(metadata: Mapping[str, Any]) -> list[int] | None:
    """Return how many rows of training each class had."""
    counts = metadata.get("class_counts")
    return counts if isinstance(counts, list) and all(type(count) is int for count in counts) else None


def _trained_on(metadata: Mapping[str, Any]) -> str | None:
    counts, data = _counts(metadata), _text(metadata.get("data"))
    rows = counted(sum(counts), "row") if counts else None
    day = _text(metadata.get("trained_at"))
    return ", ".join(filter(None, [" of ".join(filter(None, [rows, data])), day])) or None


def _text(value: Any) -> str | None:
    return printable(value, 60) if isinstance(value, str) else None


def _measured(metadata: Mapping[str, Any]) -> tuple[str | None, dict[str, str]]:
    """Return on which rows a model was measured, and the measures with their intervals."""
    metrics, held_out = metadata.get("metrics"), metadata.get("held_out")
    if isinstance(metrics, dict):
        return _text(metrics.get("where")), dict(_measures(metrics.get("model"), metrics.get("intervals")))
    if isinstance(held_out, dict):
        found = dict(_measures(held_out.get("after"), held_out.get("intervals")))
        return ("held-out rows of training" if found else None), found
    return None, {}


def _measures(values: Any, intervals: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(values, dict):
        return
    intervals = intervals if isinstance(intervals, dict) else {}
    for name, label in MEASURES.items():
        value = values.get(name)
        if type(value) in (int, float):
            yield label, f"{value:.4f}{_interval(intervals.get(name))}"


def _interval(ends: Any) -> str:
    if isinstance(ends, (list, tuple)) and len(ends) == 2 and all(isinstance(end, (int, float)) for end in ends):
        return f" (95% interval {ends[0]:.4f} to {ends[1]:.4f})"
    return ""
