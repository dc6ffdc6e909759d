"""The numbers of every step from logits to probabilities, and on to the loss and its gradient."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from logitwise._display import Displayed
from logitwise._errors import InvalidValueError
from logitwise._requirements import check_integer, check_number
from logitwise.functional import cross_entropy_and_gradient, softmax

MOST_CLASSES = 30
LARGEST_LOGIT = 1e6
TEMPERATURES = (0.01, 100.0)
COMPARED_TEMPERATURES = (0.5, 1.0, 2.0)


@dataclass(frozen=True, repr=False)
class Lesson(Displayed):
    """What cross-entropy says of the probabilities when the right class is known.

    Attributes:
        target: The index of the right class.
        loss: `-log p_target`, in nats, which is also `gap + log1p(rest)`.
        gap: How far the right class is below the largest, in shifted logits; 0 where it is the largest.
        rest: The sum of the exponentials without the largest, which is 1.
        gradient: `p - y`, the derivative of the loss with respect to each logit over the temperature.
    """

    target: int
    loss: float
    gap: float
    rest: float
    gradient: tuple[float, ...]


@dataclass(frozen=True)
class Tempered:
    """The probabilities, and the loss where a target is known, at one temperature."""

    temperature: float
    probabilities: tuple[float, ...]
    loss: float | None


@dataclass(frozen=True, repr=False)
class Explanation(Displayed):
    """Every number between the logits of one sample and its probabilities, loss and gradient.

    Attributes:
        names: One name per class.
        logits: The scores, as given.
        temperature: What the shifted logits are divided by.
        shifted: `(logits - largest logit) / temperature`: 0 for the largest, negative for the others.
        exponentials: `exp(shifted)`: 1 for the largest.
        total: The sum of the exponentials.
        probabilities: `exponentials / total`.
        lesson: The loss and its gradient, or None where no target was given.
        compared: The probabilities at temperatures 0.5, 1, 2 and the one given, in order.
    """

    names: tuple[str, ...]
    logits: tuple[float, ...]
    temperature: float
    shifted: tuple[float, ...]
    exponentials: tuple[float, ...]
    total: float
    probabilities: tuple[float, ...]
    lesson: Lesson | None
    compared: tuple[Tempered, ...]

    def _title(self) -> str:
        return f"Explanation of {len(self.names)} logits"

    def _facts(self) -> Mapping[str, Any]:
        pairs = [f"{name} {share:.4g}" for name, share in zip(self.names, self.probabilities, strict=True)]
        facts = {"logits": self.logits, "probabilities": pairs}
        if self.lesson is None:
            return facts
        return {**facts, "loss": f"{self.lesson.loss:.4g} nats if {self.names[self.lesson.target]} is right"}

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers as plain dictionaries, tuples and floats."""
        return asdict(self)


def explain(
    logits: Sequence[float],
    target: int | None = None,
    temperature: float = 1.0,
    *,
    names: Sequence[str] | None = None,
) -> Explanation:
    """Return every number between the logits of one sample and its probabilities, loss and gradient.

    Args:
        logits: One score per class, from 2 to 30 of them, each in [-1e6, 1e6].
        target: The index of the right class; without it there is no loss.
        temperature: What the logits are divided by, in [0.01, 100].
        names: One name per class; else their indices.

    Returns:
        The steps in float64; probabilities, loss and gradient are those of `logitwise.softmax` and
        `logitwise.cross_entropy_and_gradient`.

    Raises:
        TypeError: A logit, a temperature or a target that is not a number.
        ValueError: A number out of its range, or names that are not one per class.

    Example:
        >>> from logitwise.explain import explain
        >>> seen = explain([2.0, 1.0, 0.1], target=0)
        >>> [round(p, 4) for p in seen.probabilities]
        [0.659, 0.2424, 0.0986]
        >>> round(seen.lesson.loss, 4)
        0.417
    """
    scores = _checked_logits(logits)
    temperature = _checked_temperature(temperature)
    target = None if target is None else _checked_target(target, len(scores))
    largest = max(scores)
    shifted = tuple((score - largest) / temperature for score in scores)
    exponentials = tuple(math.exp(value) for value in shifted)
    temperatures = sorted({*COMPARED_TEMPERATURES, temperature})
    return Explanation(
        names=_checked_names(names, len(scores)),
        logits=scores,
        temperature=temperature,
        shifted=shifted,
        exponentials=exponentials,
        total=math.fsum(exponentials),
        probabilities=_probabilities(scores, temperature),
        lesson=None if target is None else _lesson(shifted, exponentials, target),
        compared=tuple(_tempered(scores, target, each) for each in temperatures),
    )


def _probabilities(logits: tuple[float, ...], temperature: float) -> tuple[float, ...]:
    return tuple(softmax(list(logits), temperature=temperature).tolist())


def _lesson(shifted: tuple[float, ...], exponentials: tuple[float, ...], target: int) -> Lesson:
    loss, gradient = cross_entropy_and_gradient(list(shifted), target)
    others = list(exponentials)
    del others[shifted.index(0.0)]
    return Lesson(target, float(loss), 0.0 - shifted[target], math.fsum(others), tuple(gradient.tolist()))


def _tempered(logits: tuple[float, ...], target: int | None, temperature: float) -> Tempered:
    loss = None
    if target is not None:
        scaled = [(logit - max(logits)) / temperature for logit in logits]
        loss = float(cross_entropy_and_gradient(scaled, target)[0])
    return Tempered(temperature, _probabilities(logits, temperature), loss)


def _checked_logits(logits: Sequence[float]) -> tuple[float, ...]:
    scores = tuple(check_number(logit, "logits") for logit in logits)
    if not 2 <= len(scores) <= MOST_CLASSES:
        requirement = f"be from 2 to {MOST_CLASSES} scores, one per class, to be looked at one by one"
        raise InvalidValueError("logits", requirement, len(scores))
    for place, score in enumerate(scores):
        if not abs(score) <= LARGEST_LOGIT:
            raise InvalidValueError("logits", "be in [-1e6, 1e6]", score, f"index {place}")
    return scores


def _checked_temperature(temperature: float) -> float:
    number, (lowest, highest) = check_number(temperature, "temperature"), TEMPERATURES
    if not lowest <= number <= highest:
        raise InvalidValueError("temperature", f"be in [{lowest:g}, {highest:g}]", f"{number:g}")
    return number


def _checked_target(target: int, classes: int) -> int:
    index = check_integer(target, "target")
    if not 0 <= index < classes:
        advice = "Classes are counted from 0." if index == classes else ""
        raise InvalidValueError("target", f"be in [0, {classes - 1}]", index, advice=advice)
    return index


def _checked_names(names: Sequence[str] | None, classes: int) -> tuple[str, ...]:
    if names is None:
        return tuple(f"class {index}" for index in range(classes))
    if len(names) != classes:
        raise InvalidValueError("names", f"be one for each of the {classes} logits", len(names))
    return tuple(names)
