"""Files: found, regular; and what to call them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from logitwise._listing import did_you_mean
from logitwise.data.dataset import DataError

_called: ContextVar[tuple[Path, str] | None] = ContextVar("called", default=None)


@contextmanager
def calling(path: Path, name: str) -> Iterator[None]:
    """Let messages call a file by another name: one that stands for standard input."""
    token = _called.set((path, name))
    try:
        yield
    finally:
        _called.reset(token)


def shown(path: Path) -> str:
    """Return what messages call a file."""
    return called(path) or repr(str(path))


def called(path: Path) -> str | None:
    """Return the other name of a file, where it has one."""
    other = _called.get()
    return other[1] if other is not None and other[0] == path else None


def check_exists(path: Path, other_names: tuple[str, ...] = ()) -> None:
    """Raise unless `path` is a regular file or a folder; the nearest name there, or of `other_names`, is offered."""
    try:
        if path.is_file() or path.is_dir():
            return
        exists = path.exists()
        beside = os.listdir(path.parent) if path.parent.is_dir() else []
    except OSError as error:
        raise DataError("source", "be a file or folder that can be read", f"{str(path)!r} ({error})") from error
    if exists:
        raise DataError("source", "be a regular file or a folder", f"{str(path)!r}, which is neither")
    got = f"{str(path)!r}, which does not exist"
    hint = did_you_mean(path.name, [*other_names, *beside])
    raise DataError("source", "be a file, a folder or a bundled name", got, advice=hint)


def empty(path: Path) -> DataError:
    """Return the error for a file without a byte."""
    return DataError("source", "have content", f"the empty file {shown(path)}")


def unreadable(path: Path, file_format: str, error: BaseException) -> DataError:
    """Return the error for a file that is broken, or not in the format that its name promises."""
    reason = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
    return DataError("source", f"be a readable {file_format} file", f"{shown(path)}, which is not ({reason})")
