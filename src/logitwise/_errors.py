"""Errors as objects: which argument, what it must be, what came, where, and what to do; a sentence last.

The sentence is `<argument> must <requirement>; got <got> at <where>. <advice>`, with what is known of it. A caller that
knows an argument by another name (`X_val` for `X`, `--model` for `path`) raises `error.renamed({"path": "--model"})`:
the field changes, and no text is searched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from typing import Any, Self, TypeVar

AnyError = TypeVar("AnyError", bound="InvalidArgumentError")


class InvalidArgumentError(Exception):
    """An argument that has no meaning here; the parent of `InvalidValueError` and `InvalidTypeError`.

    Made of a sentence alone, as torch and others make an error again in another process, its fields are empty.

    Attributes:
        argument: The name of the argument.
        requirement: What it must be, as in "be positive".
        got: What it is.
        where: Where in it, as in "row 17"; empty where that has no meaning.
        advice: What to do: whole sentences, which may name other arguments as `{name}`; may be empty.
        mentions: What the arguments that the advice names are called here.
    """

    __module__ = "logitwise"

    def __init__(
        self,
        argument: str,
        requirement: str = "",
        got: object = "",
        where: str = "",
        advice: str = "",
        mentions: Mapping[str, str] | None = None,
    ) -> None:
        self.argument = argument if requirement else ""
        self.requirement = requirement
        self.got = str(got)
        self.where = where
        self.advice = advice
        self.mentions = dict(mentions or {})
        self.args = (self._sentence() if requirement else argument,)  # super() stops the compiler of torch

    def _sentence(self) -> str:
        place = f" at {self.where}" if self.where else ""
        advice = self.advice.format_map(self.mentions) if self.mentions else self.advice
        return f"{self.argument} must {self.requirement}; got {self.got}{place}. {advice}".rstrip()

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Return this error with other names for the arguments it speaks of; those that are not named keep theirs."""
        error = copy(self)
        if self.requirement:
            error.argument = names.get(self.argument, self.argument)
            error.mentions = {key: names.get(name, name) for key, name in self.mentions.items()}
            error.args = (error._sentence(),)
        return error

    def as_type(self, error_type: type[AnyError]) -> AnyError:
        """Return this error as one of another class."""
        return error_type(*self._fields())

    def _fields(self) -> tuple[Any, ...]:
        if not self.requirement:
            return self.args
        return self.argument, self.requirement, self.got, self.where, self.advice, self.mentions

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._fields(), self.__dict__


class InvalidValueError(InvalidArgumentError, ValueError):
    """A value or a shape that has no meaning here."""

    __module__ = "logitwise"


class InvalidTypeError(InvalidArgumentError, TypeError):
    """A type or a dtype that has no meaning here."""

    __module__ = "logitwise"


@contextmanager
def naming(names: Mapping[str, str]) -> Iterator[None]:
    """Give the arguments that an error speaks of the names that the caller knows them by.

    Example:
        >>> with naming({"path": "--model"}):
        ...     raise InvalidValueError("path", "name a file", "a folder")
        Traceback (most recent call last):
        logitwise.InvalidValueError: --model must name a file; got a folder.
    """
    try:
        yield
    except InvalidArgumentError as error:
        renamed = error.renamed(names)
        if str(renamed) == str(error):
            raise
        raise renamed from error
