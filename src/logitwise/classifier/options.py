"""The options of the classifier, checked, as the recipe that a trainer follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from logitwise._errors import InvalidTypeError, InvalidValueError
from logitwise._requirements import check_integer, check_not_negative, check_positive
from logitwise.classifier.training import Recipe, device_name
from logitwise.columns.deciding import Understood

if TYPE_CHECKING:
    from logitwise.classifier.estimator import Classifier

BATCH_SIZE = 64
MOST_UNITS = 2**31 - 1  # and members: more are a mistake, and overflow before memory is full
LARGEST_SEED = 2**64 - 1  # of torch


def recipe_of(options: Classifier, image_shape: tuple[int, ...] | None = None) -> Recipe:
    """Return how to train, by the options of a classifier; `image_shape` is the shape of a row, where rows are images.

    Raises:
        TypeError: An option of another type.
        ValueError: An option out of range.
    """
    return Recipe(
        hidden=_hidden_from(options.hidden),
        epochs=_at_least(1, options.epochs, "epochs"),
        steps=_at_least(1, options.steps, "steps"),
        seconds=None if options.seconds is None else check_positive(options.seconds, "seconds"),
        learning_rate=_learning_rate(options.learning_rate),
        batch_size=_batch_size(options.batch_size),
        weight_decay=check_not_negative(options.weight_decay, "weight_decay"),
        dropout=_in_range(options.dropout, "dropout", 0.9),
        image_shape=image_shape,
        max_shift=_max_shift(options.max_shift, image_shape),
        patience=check_not_negative(options.patience, "patience"),
        seed=_seed_from(options.random_state),
        device=device_name(options.device),
    )


def check_switches(options: Classifier) -> None:
    """Raise where an option that is on or off is something else: text such as "False" would be on."""
    for name in ("warm_start", "verbose"):
        value = getattr(options, name)
        if value is not None and not isinstance(value, (bool, int, np.bool_, np.integer)):
            raise InvalidTypeError(name, "be True or False", repr(value))


def members_of(options: Classifier) -> int:
    """Return the number of members."""
    return _at_least(2, options.members, "members", MOST_UNITS)


def as_json(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as the header of a model file holds them: what is no JSON value as text."""
    return {
        name: value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)
        for name, value in options.items()
    } | {"columns": _said_of_columns(options.get("columns"))}


def _said_of_columns(columns: Any) -> dict[str, str] | None:
    columns = columns.said or None if isinstance(columns, Understood) else columns
    return {str(column): kind for column, kind in columns.items()} if isinstance(columns, Mapping) else None


def _seed_from(random_state: Any) -> int:
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    return _at_least(0, random_state, "random_state", LARGEST_SEED)


def _hidden_from(hidden: Any) -> tuple[int, ...]:
    if isinstance(hidden, (int, np.integer)):
        hidden = (hidden,)
    if isinstance(hidden, np.ndarray):
        hidden = hidden.tolist()
    if not isinstance(hidden, Sequence) or isinstance(hidden, (str, bytes)):
        raise InvalidTypeError("hidden", "be a tuple of integers, one per hidden layer", repr(hidden))
    return tuple(_at_least(1, units, "hidden", MOST_UNITS) for units in hidden)


def _learning_rate(learning_rate: Any) -> float:
    if isinstance(learning_rate, str):
        advice = "Its schedule is fixed: a short rise, then half a cosine down to 0."
        raise InvalidTypeError("learning_rate", "be a number", repr(learning_rate), advice=advice)
    return check_positive(learning_rate, "learning_rate")


def _batch_size(batch_size: Any) -> int:
    if isinstance(batch_size, str):
        advice = f"None chooses it: {BATCH_SIZE}, or fewer for few rows."
        raise InvalidTypeError("batch_size", "be an integer or None", repr(batch_size), advice=advice)
    return BATCH_SIZE if batch_size is None else _at_least(1, batch_size, "batch_size")


def _max_shift(max_shift: Any, image_shape: tuple[int, ...] | None) -> int:
    if max_shift is not None:
        return _at_least(0, max_shift, "max_shift")
    return min(image_shape[:2]) // 14 if image_shape else 0


def _at_least(least: int, value: Any, name: str, most: int | None = None) -> int:
    number = check_integer(value, name)
    if number < least:
        raise InvalidValueError(name, f"be {least} or more", number)
    if most is not None and number > most:
        raise InvalidValueError(name, f"be {most} or less", "a larger number")
    return number


def _in_range(value: Any, name: str, most: float) -> float:
    number = check_not_negative(value, name)
    if number > most:
        raise InvalidValueError(name, f"be in [0, {most}]", f"{number:g}")
    return number
