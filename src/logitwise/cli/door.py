"""The door: the one place where errors become sentences and exit codes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

BAD_INPUT = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count


class Door(TyperGroup):
    """The group of all commands: bad input leaves it as one sentence on standard error, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader, such as `head`, has seen enough: typer ends quietly
            raise
        except KeyboardInterrupt:
            _leave("logitwise: interrupted by Ctrl-C before it was done.", INTERRUPTED)
        except (ValueError, TypeError, OSError) as error:
            _leave(f"logitwise: error: {' '.join(str(error).splitlines())}", BAD_INPUT)
        return result


def _leave(sentence: str, code: int) -> None:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)


@contextmanager
def naming(names: Mapping[str, str]) -> Iterator[None]:
    """Give the arguments that an error speaks of the names they have on the command line.

    Errors of this library start with the name of an argument, and may advise another, "(name)" or "say name". Inside
    `naming({"path": "--model"})`, "path must be ..." leaves as "--model must be ...".
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        spoken_of = "|".join(names)
        pattern = rf"^({spoken_of})(?= )|(?<=\()({spoken_of})(?=\))|(?<=\bsay )({spoken_of})\b"
        raise ValueError(re.sub(pattern, lambda found: names[found[0]], str(error))) from error


def say(message: str, *, quiet: bool = False) -> None:
    """Tell the user something on standard error, where it is in no machine's way."""
    if not quiet:
        typer.echo(message, err=True)
