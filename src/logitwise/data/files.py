"""Files as bytes: found, regular, unpacked, not empty."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

from logitwise._listing import did_you_mean
from logitwise.data.dataset import DataError

_GZIP_MAGIC = b"\x1f\x8b"


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


def read_bytes(path: Path) -> bytes:
    """Return the content of a file, unpacked when it is gzip (told by its first bytes, not by its name)."""
    try:
        data = path.read_bytes()
        if is_gzip(data):
            data = gzip.decompress(data)
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise unreadable(path, "gzip", error) from error
    except OSError as error:
        raise unreadable(path, "regular", error) from error
    if not data:
        raise empty(path)
    return data


def empty(path: Path) -> DataError:
    """Return the error for a file without a byte."""
    return DataError("source", "have content", f"the empty file {str(path)!r}")


def is_gzip(data: bytes) -> bool:
    """Return whether these are the first bytes of a gzip file."""
    return data.startswith(_GZIP_MAGIC)


def unreadable(path: Path, file_format: str, error: BaseException) -> DataError:
    """Return the error for a file that is broken, or not in the format that its name promises."""
    reason = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
    return DataError("source", f"be a readable {file_format} file", f"{str(path)!r}, which is not ({reason})")
