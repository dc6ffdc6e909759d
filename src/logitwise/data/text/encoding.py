"""Texts in whatever encoding, as UTF-8: by their byte order mark, or as they are said to be."""

from __future__ import annotations

import codecs
from pathlib import Path

from logitwise.data.dataset import DataError
from logitwise.data.files import shown
from logitwise.data.unpacking import Unpacked

# The mark of UTF-32 begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
ENCODINGS = {"cp1252": "encoding='cp1252'", "latin": "encoding='latin-1'"}
_ADVICE = "Say in which encoding it is, such as {cp1252} or {latin}, or save it as UTF-8."


class Utf8:
    """The bytes of a text in UTF-8, without a byte order mark, to be read once.

    Attributes:
        mark: How many bytes of mark the file begins with, where it is in UTF-8 itself; else 0.
        encoding: The encoding of the file where it is not UTF-8; else None.
    """

    def __init__(self, source: Unpacked, encoding: str | None) -> None:
        self._source, self._lines = source, 1
        self._begin = source.read(6)
        mark, marked = next(
            ((mark, name) for mark, name in _MARKS.items() if self._begin.startswith(mark)), (b"", None)
        )
        if marked is not None and (encoding is None or encoding.startswith("utf")):
            encoding, self._begin = marked, self._begin[len(mark) :]
        is_utf8 = encoding in (None, "utf-8", "utf-8-sig")
        self.mark = len(mark) if is_utf8 else 0
        self.encoding = None if is_utf8 else encoding
        self._decoder = None if self.encoding is None else codecs.getincrementaldecoder(self.encoding)("strict")

    def read(self, n_bytes: int = -1) -> bytes:
        """Return about so many of the next bytes, all that are left for -1; none at the end.

        Raises:
            DataError: Bytes that are none of the encoding; what `Unpacked.read` raises.
        """
        if self._decoder is None:
            return self._take(n_bytes)
        while True:
            data = self._take(n_bytes)
            text = self._decoded(data, is_last=n_bytes < 0 or not data)
            self._lines += text.count(b"\n")
            if text or not data:
                return text

    def _take(self, n_bytes: int) -> bytes:
        if n_bytes < 0:
            begin, self._begin = self._begin, b""
            return begin + self._source.read_all()
        begin, self._begin = self._begin[:n_bytes], self._begin[n_bytes:]
        return begin + self._source.read(n_bytes - len(begin)) if len(begin) < n_bytes else begin

    def _decoded(self, data: bytes, *, is_last: bool) -> bytes:
        decoder = self._decoder
        if decoder is None:
            return data
        try:
            return decoder.decode(data, is_last).encode()
        except UnicodeError as error:
            start = error.start if isinstance(error, UnicodeDecodeError) else 0
            content = error.object if isinstance(error, UnicodeDecodeError) else data
            line = self._lines + content[:start].count(b"\n")
            raise not_text(self._source.path, content[start : start + 1], line, str(self.encoding)) from error

    def tell(self) -> int:
        """Return how many bytes of the file itself have been read."""
        return self._source.tell()


def not_text(path: Path, byte: bytes, line: int, encoding: str = "UTF-8") -> DataError:
    """Return the error for a byte that has no meaning in an encoding."""
    got, where = f"byte 0x{byte.hex()}" if byte else "half a character", f"line {line} of {shown(path)}"
    return DataError("source", f"be text in {encoding}", got, where, _ADVICE, ENCODINGS)
