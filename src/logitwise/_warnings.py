"""Warnings about inputs that are allowed but hardly ever meant, and the setting that turns them on and off.

What has no meaning, or would corrupt memory, is an error (`_requirements.py`), whatever the setting. A warning is
worded as an error is: what the argument must be, what it is, where, and what to do.
"""

from __future__ import annotations

import sys
import warnings
from contextvars import ContextVar
from types import FrameType
from typing import Any

from logitwise._errors import InvalidValueError

MODES = ("off", "warn", "raise")
_PASSED_OVER = ("logitwise", "sklearn", "torch")  # packages whose lines are not the user's
_ONE_NAME_FOR_ALL = ("<stdin>", "<string>")  # file names of code whose line numbers do not tell call sites apart

_mode: ContextVar[str] = ContextVar("logitwise_checks", default="warn")
_given: dict[tuple[str, int, type[Warning]], dict[Any, Any]] = {}


class LogitwiseWarning(UserWarning):
    """The base class of the warnings that `checks` governs."""


class NoRowsWarning(LogitwiseWarning):
    """A mean over no rows, or over rows without weight: the loss and its gradient are 0."""


class ZeroClassWeightWarning(NoRowsWarning):
    """The class weights of all classes that are present are 0: the loss and its gradient are 0."""


class ProbabilitiesAsLogitsWarning(LogitwiseWarning):
    """Probabilities passed as logits: the softmax or sigmoid is applied twice, and training is slow and poor."""


class LogProbabilitiesAsLogitsWarning(LogitwiseWarning):
    """Log-probabilities passed as logits: the result is correct, but the log-softmax is wasted work."""


class UnnormalizedProbabilitiesWarning(LogitwiseWarning):
    """Probabilities that do not sum to 1 over the classes."""


class UnnormalizedTargetWarning(LogitwiseWarning):
    """Soft targets that do not sum to 1 over the classes."""


class OneHotTargetWarning(LogitwiseWarning):
    """One-hot rows of an integer dtype, which are taken for the class indices 0 and 1."""


class ImpossibleTargetWarning(LogitwiseWarning):
    """A target of probability 0: the loss is infinite."""


class MaskedRowWarning(LogitwiseWarning):
    """A row in which every logit is -inf: the loss is infinite and the gradient 0."""


class NotFiniteWarning(LogitwiseWarning):
    """NaN or +inf among the logits: the loss is NaN."""


class AxisWarning(LogitwiseWarning):
    """The classes seem to be on another axis."""


class Setting:
    """The setting made by `checks`; as a context manager, it restores the previous setting at the end of the block."""

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
    """Set what happens to inputs that are allowed but hardly ever meant: probabilities as logits, a wrong axis, NaN.

    With "warn", the default, the losses warn of them. Each problem has its own subclass of `LogitwiseWarning`, is
    reported once per line of your code, and obeys Python's warning filters. With "raise", the warning is raised as an
    exception. With "off", the inputs are not checked. What has no meaning (an index out of range, shapes that do not
    match) is an error in every mode.

    The setting is local to a thread or task, like `numpy.errstate`: a new thread starts with "warn", and a new asyncio
    task inherits the setting of its parent. Inputs are not checked in code compiled by torch or under its function
    transforms, nor are tensors outside CPU memory.

    Args:
        mode: "off", "warn" or "raise"; None keeps the current mode.

    Returns:
        The setting; its `mode` is the current mode. In a `with` statement, it holds until the end of the block.

    Raises:
        ValueError: `mode` is none of the three.

    Cost:
        About a microsecond per call: the first row that cannot hold probabilities ends the search, and a finite loss
        means that no logit is NaN. A fifth to a half more of a loss with learned weights, targets or temperatures.

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
        raise InvalidValueError("mode", f"be one of {', '.join(map(repr, MODES))}", repr(mode))
    _mode.set(mode)
    return Setting(mode, before)


def checks_are_on() -> bool:
    """Return whether inputs are checked."""
    return _mode.get() != "off"


def warn(category: type[LogitwiseWarning], message: str) -> None:
    """Warn about the user's line, once per line and category; or raise the warning, or drop it, as `checks` says."""
    mode = _mode.get()
    if mode == "off":
        return
    if mode == "raise":
        raise category(message)
    frame = _users_frame()
    _give(category, message, frame.f_code.co_filename, frame.f_lineno, frame.f_globals.get("__name__", "<unknown>"))


def warn_of_data(category: type[Warning], message: str) -> None:
    """Warn about the user's line by Python's own filters, whatever `checks` says."""
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
    """Issue a warning that filters count once per line and category, whatever its text.

    For a filter that lets a warning through once, Python enters its text in a registry, and clears the registry when
    the filters change. A line and category have a registry of their own: if it holds an entry, their warning has been
    given, so the new text is entered beside it.
    """
    registry = _given.setdefault((file, line, category), {})
    if len(registry) > 1 and file not in _ONE_NAME_FOR_ALL:
        registry[message, category, line] = 1
    warnings.warn_explicit(message, category, file, line, module=module, registry=registry)
