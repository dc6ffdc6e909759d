"""The door: where errors become sentences and exit codes, and where messages are let through or silenced."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from logitwise import _notice
from logitwise._errors import naming
from logitwise._extras import MissingPackageError, needed_for
from logitwise._listing import nearest

PROGRAM = "logitwise"
BAD_INPUT = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count
UsageError: Any = typer.BadParameter.__base__  # click's; typer gives it no public name

HelpFormatter: Any = typer.Context.formatter_class  # click's, as above

_is_quiet: ContextVar[bool] = ContextVar("is_quiet", default=False)


class PlainHelp(HelpFormatter):
    """Help that names arguments and options as they are typed, without braces and types."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the usage line."""
        super().write_usage(prog, re.sub(r"[{}]", "", args), prefix)

    def write_dl(self, rows: Sequence[tuple[str, str]], *args: Any, **options: Any) -> None:
        """Write a list of names and what they mean."""
        super().write_dl([(re.sub(r" <.*>$", "", name), meaning) for name, meaning in rows], *args, **options)


class PlainContext(typer.Context):
    """The context of every command: it makes the help."""

    formatter_class = PlainHelp


class Door(TyperGroup):
    """The group of all commands: bad input leaves it as one sentence on standard error, without a traceback."""

    context_class = PlainContext

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command of this program."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            command.context_class = PlainContext
        return command

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Read what was typed before the command; what was typed in all is kept as the context's `obj`."""
        typed = shlex.join([PROGRAM, *args])
        with _as_sentences():
            context = super().make_context(info_name, args, parent, **extra)
        context.obj = typed
        return context

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for; --quiet ends with it."""
        before = is_quiet()
        try:
            with _as_sentences(), needed_for("This command"):
                result = super().invoke(ctx)
                sys.stdout.flush()
        finally:
            hush(before)
        return result


@contextmanager
def _as_sentences() -> Iterator[None]:
    try:
        with naming({"model": "MODEL"}):
            yield
    except BrokenPipeError:  # the reader, such as `head`, has seen enough: typer ends quietly
        raise
    except KeyboardInterrupt:
        _leave(f"{PROGRAM}: interrupted by Ctrl-C before it was done.", INTERRUPTED)
    except UsageError as error:
        _leave(f"{PROGRAM}: error: {_usage_sentence(error)}", BAD_INPUT)
    except (ValueError, TypeError, OSError, MissingPackageError) as error:
        _leave(f"{PROGRAM}: error: {' '.join(str(error).splitlines())}", BAD_INPUT)


def _usage_sentence(error: Any) -> str:
    alike: Sequence[str] = getattr(error, "possibilities", None) or ()
    sentence = error.message if alike else error.format_message()
    if isinstance(error, typer.BadParameter) and error.param is not None and error.message.startswith("must "):
        return f"{error.param.opts[-1]} {error.message}"
    by_word = {option.lstrip("-"): option for option in alike}  # two dashes alone make no likeness
    near = nearest(getattr(error, "option_name", "").lstrip("-"), by_word)
    hint = "" if near is None else f" Did you mean {by_word[near]}?"
    end = "" if sentence.endswith((".", "?")) else "."
    return f"{sentence}{end}{hint} See: {error.ctx.command_path if error.ctx else PROGRAM} --help"


def _leave(sentence: str, code: int) -> NoReturn:
    tell(sentence)
    raise typer.Exit(code)


def hush(quiet: bool) -> bool:
    """Silence messages and progress bars from now on, or let them through: what --quiet does."""
    _is_quiet.set(quiet)
    _notice.hush(quiet)
    return quiet


def is_quiet() -> bool:
    """Return whether the user asked for no messages."""
    return _is_quiet.get()


def say(message: str) -> None:
    """Write a message to standard error, where no machine reads it; nothing under --quiet."""
    if not is_quiet():
        tell(message)


def tell(message: str) -> None:
    """Write a message to standard error, wrapped between words where that is a terminal."""
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        message = textwrap.fill(message, width, break_long_words=False, break_on_hyphens=False)
    with _notice.room():
        typer.echo(message, err=True)
