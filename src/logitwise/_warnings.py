"""Mistakes that raise nothing and train badly: their warnings, and the setting that says whether they are looked for.

What would corrupt memory or has no meaning is an error (`_requirements.py`), whatever the setting. What has a meaning
that is hardly ever meant is here. Every sentence has the form of an error's: what must be, what came, where, and what
to do.
"""

from __future__ import annotations

import sys
import warnings
from contextvars import ContextVar
from types import FrameType
from typing import Any

MODES = ("off", "warn", "raise")
_PASSED_OVER = ("logitwise", "sklearn", "torch")  # whose lines are not the user's
_ONE_NAME_FOR_ALL = ("<stdin>", "<string>")  # of code whose lines do not tell call sites apart

_mode: ContextVar[str] = ContextVar("logitwise_checks", default="warn")
_given: dict[tuple[str, int, type[Warning]], dict[Any, Any]] = {}


class LogitwiseWarning(UserWarning):
    """The parent of every warning this library gives."""


class NoRowsWarning(LogitwiseWarning):
    """A mean was asked over no rows (or rows of no weight): the loss is 0 and so is its gradient."""


class ZeroClassWeightWarning(NoRowsWarning):
    """The class weights are 0 for every class that is present: the loss is 0 and so is its gradient."""


class ProbabilitiesAsLogitsWarning(LogitwiseWarning):
    """Probabilities where logits belong: the softmax or sigmoid is applied twice, and training is slow and bad."""


class LogProbabilitiesAsLogitsWarning(LogitwiseWarning):
    """Log-probabilities where logits belong: the result is right, and the log-softmax before it is wasted work."""


class UnnormalizedProbabilitiesWarning(LogitwiseWarning):
    """Probabilities that do not sum to 1 over the classes."""


class UnnormalizedTargetWarning(LogitwiseWarning):
    """Soft targets that do not sum to 1 over the classes."""


class OneHotTargetWarning(LogitwiseWarning):
    """One-hot rows of an integer dtype, which are read as class indices 0 and 1."""


class OneClassWarning(LogitwiseWarning):
    """Every one of many targets is the same class."""


class ImpossibleTargetWarning(LogitwiseWarning):
    """A target of probability 0: the loss is infinite."""


class MaskedRowWarning(LogitwiseWarning):
    """A row in which every logit is -inf: the loss is infinite and the gradient 0."""


class NotFiniteWarning(LogitwiseWarning):
    """NaN or +inf among the logits: the loss is NaN."""


class AxisWarning(LogitwiseWarning):
    """The classes seem to be on another axis of a square input."""


class Setting:
    """What `checks` set; as a context manager it puts back at the end what was in force before."""

    def __init__(self, mode: str, before: str) -> None:
        self.mode = mode
        self._before = before

    def __enter__(self) -> Setting:
        return self

    def __exit__(self, *_: object) -> None:
        _mode.set(self._before)

    def __repr__(self) -> str:
        return f"<logitwise.checks {self.mode!r}>"


def checks(mode: str | None = None) -> Setting:
    """Say what happens where inputs are allowed but hardly ever meant: probabilities as logits, a wrong axis, NaN.

    "warn", at first, gives a warning: each kind has its own class under `LogitwiseWarning`, is given once a call site,
    and goes by Python's filters. "raise" raises it as an exception. "off" looks at nothing. What has no meaning (an
    index out of range, shapes that do not fit) is an error under all three.

    The setting belongs to the thread or task that makes it, as `numpy.errstate` does: another thread keeps its own, a
    new thread starts with "warn", and a new asyncio task takes over that of its parent. Nothing is looked at in code
    compiled by torch or under its function transforms, nor tensors that are not in CPU memory.

    Args:
        mode: "off", "warn" or "raise"; None leaves what is in force.

    Returns:
        The setting, whose `mode` says what is in force. In a `with` statement it ends with the block.

    Raises:
        ValueError: Another mode.

    Cost:
        About a microsecond a call: the first row that cannot be probabilities ends the look at the logits, and a loss
        that is finite says that no logit was NaN.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> probabilities = lw.softmax(np.random.default_rng(0).normal(size=(8, 3)))
        >>> with lw.checks("off"):
        ...     loss = lw.cross_entropy(probabilities, np.arange(8) % 3)
        >>> lw.checks().mode
        'warn'
    """
    before = _mode.get()
    if mode is None:
        return Setting(before, before)
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(map(repr, MODES))}; got {mode!r}.")
    _mode.set(mode)
    return Setting(mode, before)


def are_looked_for() -> bool:
    """Return whether mistakes are looked for."""
    return _mode.get() != "off"


def warn(category: type[LogitwiseWarning], message: str) -> None:
    """Say `message` about the user's line: as a warning, once for each line and category; or raised; or not at all."""
    mode = _mode.get()
    if mode == "off":
        return
    if mode == "raise":
        raise category(message)
    frame = _users_frame()
    _give(category, message, frame.f_code.co_filename, frame.f_lineno, frame.f_globals.get("__name__", "<unknown>"))


def warn_of_data(category: type[Warning], message: str) -> None:
    """Say `message` about the user's line, by Python's own filters, whatever `checks` says."""
    frame = _users_frame()
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    module = frame.f_globals.get("__name__", "<unknown>")
    warnings.warn_explicit(message, category, frame.f_code.co_filename, frame.f_lineno, module, registry)


def _users_frame() -> FrameType:
    frame = sys._getframe(1)
    while frame.f_back is not None and _package_of(frame.f_globals) in _PASSED_OVER:
        frame = frame.f_back
    return frame


def _package_of(names: dict[str, Any]) -> str:
    return (names.get("__name__") or "").partition(".")[0]


def _give(category: type[LogitwiseWarning], message: str, file: str, line: int, module: str) -> None:
    """Give a warning with a registry of its own: where a filter said once, another text is not another warning.

    Python writes a text into the registry when a filter lets it be given once, and clears the registry when filters
    change. A registry with an entry is one that has had its warning, so the new text is entered beside it.
    """
    registry = _given.setdefault((file, line, category), {})
    if len(registry) > 1 and file not in _ONE_NAME_FOR_ALL:
        registry[message, category, line] = 1
    warnings.warn_explicit(message, category, file, line, module=module, registry=registry)
