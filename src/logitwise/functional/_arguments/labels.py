"""Targets given as labels: the class of a row by its name, where `labels` names the columns in order."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np

from logitwise._arrays import Layout, as_numpy, has_text, is_tensor, may_look
from logitwise._errors import InvalidTypeError, InvalidValueError
from logitwise._listing import did_you_mean, listed
from logitwise._requirements import check_same_framework, described, refuse_masked

IGNORED, _UNKNOWN = -1, -2


def as_target(target: Any, labels: Any, probabilities: Any) -> Any:
    """Return a target as an array or tensor: where there are labels of any kind, else like the probabilities."""
    if labels is None:
        if is_tensor(probabilities) and has_text(target):
            return _as_objects(target)
        return check_same_framework(target, "target", probabilities, "probabilities")
    if is_tensor(target):
        return target
    refuse_masked(target, "target", "Leave masked rows out, or give them a sample_weight of 0.")
    return _as_objects(target)


def _as_objects(target: Any) -> np.ndarray:
    """Return an array that holds the labels as they are: NumPy makes texts of a list of texts and numbers."""
    return target if isinstance(target, np.ndarray) else np.array(target, dtype=object)


def refuse_text(target: np.ndarray, layout: Layout) -> None:
    """Raise for a target of texts without `labels`: only the caller knows which column is whose."""
    if not has_text(target):
        return
    found = target.reshape(-1).tolist()
    first = next(label for label in found if has_text(label))
    distinct = sorted(map(repr, set(found)))
    advice = "Pass labels=, the label of each class in order."
    if len(distinct) == layout.classes <= 10:
        advice += f" If the columns are in sorted order, that is labels=[{', '.join(distinct)}]."
    raise InvalidTypeError("target", "be class indices, or labels that labels= names", repr(first), advice=advice)


def indices_of(target: Any, labels: Any, probabilities: Any, layout: Layout, ignore_index: int) -> Any:
    """Return the target as class indices like the probabilities.

    They are `IGNORED` where the target is `ignore_index`. What is no label is for `check_known` to refuse, once it is
    known which rows are read.
    """
    if is_tensor(target) and not may_look(target):
        requirement = "be None where torch compiles or transforms the call"
        raise InvalidTypeError("labels", requirement, described(labels), advice="Pass class indices as target.")
    if tuple(target.shape) != layout.row_shape:
        requirement = f"have one of labels for each row, shape {layout.row_shape}"
        raise InvalidValueError("target", requirement, f"shape {tuple(target.shape)}")
    table: dict[Any, int] = _table(labels, layout)
    if ignore_index in table:
        advice = "Pass another ignore_index=; to leave a class out, give its rows a sample_weight of 0."
        raise InvalidValueError("labels", "differ from ignore_index", ignore_index, advice=advice)
    table[ignore_index] = IGNORED
    found = [_place(label, table) for label in as_numpy(target).reshape(-1).tolist()]
    indices = np.array(found, dtype=np.int64).reshape(tuple(target.shape))
    if not is_tensor(probabilities):
        return indices
    return sys.modules["torch"].as_tensor(indices, device=probabilities.device)


def _place(label: Any, table: dict[Any, int]) -> int:
    try:
        return table.get(label, _UNKNOWN)
    except TypeError:  # it is not hashable
        return _UNKNOWN


def _table(labels: Any, layout: Layout) -> dict[Any, int]:
    """Return the place of each label."""
    table: dict[Any, int] = {}
    listed_labels = _as_list(labels)
    if len(listed_labels) != layout.classes:
        requirement = f"name each of the {layout.classes} classes of probabilities, in order"
        raise InvalidValueError("labels", requirement, f"{len(listed_labels)} labels")
    for place, label in enumerate(listed_labels):
        try:
            first = table.setdefault(label, place)
        except TypeError:
            requirement = "be texts, numbers or booleans"
            raise InvalidTypeError("labels", requirement, described(label), f"position {place}") from None
        if first != place:
            raise InvalidValueError("labels", "be distinct", repr(label), f"positions {first} and {place}")
    return table


def _as_list(labels: Any) -> list[Any]:
    if is_tensor(labels):
        return as_numpy(labels).tolist()
    refuse_masked(labels, "labels")
    if isinstance(labels, (str, bytes, Set, Mapping)) or not isinstance(labels, Iterable):
        raise InvalidTypeError("labels", "be a sequence, with the label of each class in order", described(labels))
    return labels.tolist() if isinstance(labels, np.ndarray) else list(labels)


def check_known(indices: Any, target: Any, labels: Any, layout: Layout, sample_weight: Any) -> None:
    """Raise for the first label of a row that is read which is none of `labels`."""
    bad = as_numpy(indices) == _UNKNOWN
    if sample_weight is not None:
        bad = bad & (as_numpy(sample_weight) != 0)
    rows = np.flatnonzero(bad)
    if not rows.size:
        return
    known = _as_list(labels)
    label = as_numpy(target).reshape(-1).tolist()[rows[0]]
    more = f" ({rows.size} such rows)" if rows.size > 1 else ""
    advice = did_you_mean(label, [each for each in known if isinstance(each, str)]) if isinstance(label, str) else ""
    requirement = f"be one of labels, {listed(known, quoted=True)}"
    raise InvalidValueError("target", requirement, repr(label), f"{layout.position(int(rows[0]))}{more}", advice)
