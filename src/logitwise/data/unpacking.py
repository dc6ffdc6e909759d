"""Packed files: gzip, bzip2, xz, Zstandard and ZIP, told by their first bytes, unpacked in memory of a bounded size.

Nothing is written to disk, so that the names in an archive can do no harm.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

from logitwise._extras import needed_for
from logitwise._listing import listed
from logitwise.data.dataset import DataError
from logitwise.data.files import empty, shown, unreadable

MOST_UNPACKED = 4 << 30  # bytes of a file that is read whole
MOST_TIMES, ANY_TIMES = 1000, 256 << 20  # beyond so many bytes, at most so many times the size of the packed file
LARGEST_WINDOW = 256 << 20  # bytes that an unpacker may keep to look back at
BYTES_AT_ONCE = 1 << 20
SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zip")

_FORMATS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"PK\3\4": "ZIP",
    b"PK\5\6": "ZIP",
}
_BROKEN = (
    zlib.error, EOFError, OSError, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip


def packed_format(data: bytes) -> str | None:
    """Return the name of the format whose files begin with these bytes, or None."""
    return next((name for magic, name in _FORMATS.items() if data.startswith(magic)), None)


def name_without_suffix(name: str) -> str:
    """Return a name of a file in lower case, without the suffix of a packed file."""
    name = name.lower()
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def stem(name: str) -> str:
    """Return a name of a file without its suffix, and without that of a packed file."""
    inner = name_without_suffix(name)
    return Path(name).stem if inner == name.lower() else Path(name[: len(inner)]).stem


class Unpacked:
    """The content of a file, unpacked where it is packed, to be read once.

    Attributes:
        name: The name of what is unpacked, in lower case and without the suffix of a packed file.
    """

    def __init__(self, path: Path, raw: BinaryIO, size: int) -> None:
        self.path, self._raw, self._size, self._count = path, raw, size, 0
        first = raw.read(6)
        raw.seek(0)
        self._format = packed_format(first)
        self.name = name_without_suffix(path.name)
        try:
            self._file: Any = self._opened()
        except _error_types() as error:
            if isinstance(error, DataError):
                raise
            raise unreadable(path, self._format or "regular", error) from error

    @property
    def is_packed(self) -> bool:
        """Whether the file is packed."""
        return self._format is not None

    def read(self, n_bytes: int) -> bytes:
        """Return at most so many of the next bytes; none at the end.

        Raises:
            DataError: A broken file; one that is packed twice; one that is too large for how small it is.
        """
        try:
            data = self._file.read(n_bytes)
        except _error_types() as error:
            raise unreadable(self.path, self._format or "regular", error) from error
        if self._format is not None:
            self._check(data)
        self._count += len(data)
        return data

    def read_all(self) -> bytes:
        """Return all bytes that are left, at most `MOST_UNPACKED` where they are packed."""
        if self._format is None:
            return self.read(-1)
        found = []
        while data := self.read(BYTES_AT_ONCE):
            found.append(data)
            if self._count > MOST_UNPACKED:
                raise self._too_large(f"more than {MOST_UNPACKED:,} bytes")
        return b"".join(found)

    def tell(self) -> int:
        """Return how many bytes of the file itself have been read."""
        return self._raw.tell()

    def _opened(self) -> IO[bytes] | Any:
        match self._format:
            case "gzip":
                return gzip.GzipFile(fileobj=self._raw)
            case "bzip2":
                return bz2.BZ2File(self._raw)
            case "xz":
                return _Xz(self._raw)
            case "Zstandard":
                with needed_for("Reading a file packed by Zstandard"):
                    import zstandard  # pyright: ignore[reportMissingImports]
                return zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW).stream_reader(
                    self._raw, read_across_frames=True
                )
            case "ZIP":
                return self._only_member(zipfile.ZipFile(self._raw))
            case _:
                return self._raw

    def _only_member(self, archive: zipfile.ZipFile) -> IO[bytes]:
        members = [each for each in archive.infolist() if not each.is_dir() and _is_content(each.filename)]
        if len(members) != 1:
            names = listed((each.filename for each in members), 5, quoted=True) or "nothing"
            is_excel = any(each.filename.startswith("xl/") for each in members)
            advice = "It is an Excel file: let its name end in .xlsx." if is_excel else "Unpack it, and name the file."
            got = f"{names} in {shown(self.path)}"
            raise DataError("source", "be a ZIP archive of one file", got, advice=advice if members else "")
        member = members[0]
        if member.flag_bits & 1:
            got = f"{shown(self.path)}, which is encrypted"
            raise DataError("source", "be readable", got, advice="Unpack it with its password.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
            got = f"method {member.compress_type} in {shown(self.path)}"
            raise DataError("source", "be a ZIP archive packed by a usual method", got, advice="Unpack it.")
        self.name = name_without_suffix(member.filename.replace("\\", "/").rpartition("/")[2])
        return archive.open(member)

    def _check(self, data: bytes) -> None:
        if not self._count and packed_format(data) is not None:
            got = f"{packed_format(data)} inside {self._format} in {shown(self.path)}"
            raise DataError("source", "be packed once", got, advice="Unpack it.")
        count = self._count + len(data)
        if count > ANY_TIMES and count > MOST_TIMES * self._size:
            raise self._too_large(f"more than {MOST_TIMES:,} times its {self._size:,} bytes")

    def _too_large(self, got: str) -> DataError:
        requirement = "be of a reasonable size when unpacked"
        return DataError(
            "source", requirement, f"{got} in {shown(self.path)}", advice="Unpack it, if it is what it says."
        )


@contextmanager
def opened(path: Path) -> Iterator[Unpacked]:
    """Open a file, to be read unpacked."""
    try:
        raw = path.open("rb")
    except OSError as error:
        raise unreadable(path, "regular", error) from error
    with raw:
        yield Unpacked(path, raw, path.stat().st_size)


def read_bytes(path: Path) -> bytes:
    """Return the content of a file, unpacked where it is packed; raise where it is empty."""
    with opened(path) as file:
        data = file.read_all()
    if not data:
        raise empty(path)
    return data


def _is_content(name: str) -> bool:
    """Return whether a member of an archive is more than a note of an operating system."""
    return not name.startswith("__MACOSX/") and not name.rpartition("/")[2].startswith(".")


def _error_types() -> tuple[type[BaseException], ...]:
    import sys

    zstandard = sys.modules.get("zstandard")
    return _BROKEN if zstandard is None else (*_BROKEN, zstandard.ZstdError)


class _Xz(io.RawIOBase):
    """An xz file unpacked in bounded memory: `lzma.LZMAFile` has no limit for the window that a file asks for."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw, self._unpacker = raw, self._new()

    @staticmethod
    def _new() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=LARGEST_WINDOW)

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes; none at the end."""
        while True:
            if self._unpacker.eof:
                rest = self._unpacker.unused_data or self._raw.read(BYTES_AT_ONCE)
                if not rest.strip(b"\0"):
                    return b""
                self._unpacker = self._new()
            else:
                rest = self._raw.read(BYTES_AT_ONCE) if self._unpacker.needs_input else b""
                if self._unpacker.needs_input and not rest:
                    raise EOFError("Compressed file ended before the end-of-stream marker was reached")
            data = self._unpacker.decompress(rest, size)
            if data:
                return data
