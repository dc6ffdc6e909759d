"""Files as bytes: found, regular, unpacked, not empty."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

from logitwise.data.dataset import DataError, did_you_mean

_GZIP_MAGIC = b"\x1f\x8b"


def check_exists(path: Path, other_names: tuple[str, ...] = ()) -> None:
    """Raise unless `path` is a regular file or a folder; the nearest name there, or of `other_names`, is offered."""
    try:
        if path.is_file() or path.is_dir():
            return
        exists = path.exists()
        beside = os.listdir(path.parent) if path.parent.is_dir() else []
    except OSError as error:
        raise DataError(f"source must be a file or folder that can be read; got {str(path)!r} ({error}).") from error
    if exists:
        raise DataError(f"source must be a regular file or a folder; got {str(path)!r}, which is neither.")
    hint = did_you_mean(path.name, [*other_names, *beside])
    raise DataError(
        f"source must be a file, a folder or a bundled name; got {str(path)!r}, which does not exist.{hint}"
    )


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
        raise DataError(f"source must have content; got the empty file {str(path)!r}.")
    return data


def is_gzip(data: bytes) -> bool:
    """Return whether these are the first bytes of a gzip file."""
    return data.startswith(_GZIP_MAGIC)


def unreadable(path: Path, kind: str, error: BaseException) -> DataError:
    """Return the error for a file that is broken, or not of the kind its name says."""
    reason = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
    return DataError(f"source must be a readable {kind} file; got {str(path)!r}, which is not ({reason}).")
