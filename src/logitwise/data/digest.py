"""The SHA-256 of a source: the same bytes, the same digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from logitwise.data.bundled import BUNDLED


def source_sha256(source: str) -> str | None:
    """Return the SHA-256 of a file as `sha256sum` prints it; of a folder, that of the list of its files.

    None for what is neither, such as a bundled name.
    """
    if source in BUNDLED:
        return None
    path = Path(source)
    if path.is_file():
        return _digest(path)
    if not path.is_dir():
        return None
    files = sorted(file for file in path.rglob("*") if file.is_file())
    listed = "".join(f"{_digest(file)}  {file.relative_to(path).as_posix()}\n" for file in files)
    return hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
