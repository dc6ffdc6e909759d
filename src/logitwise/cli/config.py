"""The options of a command as a TOML file: every default printed, ready to edit, and read back."""

from __future__ import annotations

import inspect
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from logitwise._errors import InvalidValueError
from logitwise._listing import nearest

LEFT_OUT = {"config", "show_config", "help"}
CLASSIFIER_NAMES = {"seed": "random_state"}  # where an option has another name than the classifier's
TYPES = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "text",
    tuple: "a list of integers",
    list: "a list of texts",
}


@dataclass(frozen=True)
class Setting:
    """One option: its name in the file, its parameter's name, its type, default (None: there is none) and help."""

    name: str
    parameter: str
    value_type: type
    default: Any
    example: str
    help: str

    def as_toml(self) -> str:
        """Return the lines of this option in the file; one without a default is a comment."""
        value = f"# {self.name} = {self.example}" if self.default is None else f"{self.name} = {_toml(self.default)}"
        return f"# {self.help}\n{value}\n"

    def value_from(self, value: Any, path: str) -> Any:
        """Return a value of the file as it would stand on the command line.

        Raises:
            ValueError: It has another type.
        """
        if self.value_type is tuple and isinstance(value, list) and all(type(size) is int for size in value):
            return ",".join(map(str, value))
        if self.value_type is list and isinstance(value, list) and all(type(word) is str for word in value):
            return value
        types = {list: (), float: (int, float), str: (str, int), tuple: (str,)}.get(self.value_type, (self.value_type,))
        if type(value) not in types:
            got = f"{value!r} in {path!r}"
            requirement = f"give {self.name!r} as {TYPES[self.value_type]}"
            raise InvalidValueError("--config", requirement, got, advice="Correct it there.")
        return str(value) if self.value_type is str else value


def show_config(context: typer.Context, asked: bool) -> None:
    """Print every option of the command with its default, and leave: what --show-config does."""
    if asked:
        command, options = context.command_path, [setting.as_toml() for setting in _settings(context)]
        typer.echo(f"# The options of `{command}`. Edit them, then run: {command} DATA --config FILE\n")
        typer.echo("\n".join(options), nl=False)
        raise typer.Exit


def use_config(context: typer.Context, path: str | None) -> str | None:
    """Take from a file the options that the command line does not give: what --config does.

    Raises:
        ValueError: No such file; not TOML; an option that does not exist, or whose value has another type.
    """
    if path is not None:
        settings = {setting.name: setting for setting in _settings(context)}
        values = _read(path)
        unknown = [name for name in values if name not in settings]
        if unknown:
            raise _unknown_option(unknown[0], list(settings), path, context.command_path)
        known = [(settings[name], value) for name, value in values.items()]
        context.default_map = {setting.parameter: setting.value_from(value, path) for setting, value in known}
    return path


def _settings(context: typer.Context) -> list[Setting]:
    from logitwise.classifier.estimator import Classifier

    defaults = {name: option.default for name, option in inspect.signature(Classifier).parameters.items()}
    options: list[Any] = [each for each in context.command.params if each.param_type_name == "option"]
    return [_setting(option, defaults) for option in options if option.name not in LEFT_OUT]


def _setting(option: Any, defaults: dict[str, Any]) -> Setting:
    name: str = option.name
    default = defaults.get(CLASSIFIER_NAMES.get(name, name), option.default)
    own_type = bool if option.is_flag else list if option.multiple else str if default is None else type(default)
    example = "true" if option.is_flag else json.dumps([option.metavar] if option.multiple else option.metavar)
    return Setting(option.opts[-1].lstrip("-"), option.name, own_type, default, example, option.help)


def _toml(value: Any) -> str:
    return json.dumps(value)  # of texts, numbers, flags and lists, JSON is TOML


def _read(path: str) -> dict[str, Any]:
    if not Path(path).is_file():
        advice = "Make one: logitwise train --show-config"
        raise InvalidValueError("--config", "be an existing file", repr(path), advice=advice)
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidValueError("--config", "be a TOML file", f"{path!r} ({error})") from error


def _unknown_option(name: str, known: Sequence[str], path: str, command: str) -> InvalidValueError:
    near = nearest(name, known)
    advice = f"See: {command} --show-config" if near is None else f"Did you mean {near!r}?"
    return InvalidValueError("--config", f"hold options of {command}", f"{name!r} in {path!r}", advice=advice)
