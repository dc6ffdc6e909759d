"""The file of a model: a safetensors file, with arrays as tensors and all else as one JSON text in its header.

A safetensors file is a length, a JSON header and raw numbers: reading one runs nothing, so a model from a stranger is
data. The last 32 bytes are the SHA-256 of all bytes before them, which reading verifies. `docs/model-file.md` says what
each field means.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

from logitwise._errors import InvalidTypeError, InvalidValueError

FORMAT = "logitwise"
VERSION = 3
READ_VERSIONS = (2, 3)  # version 2 does not say how columns are read: all are numbers and categories as they stand
DIGEST = "sha256"  # the name of the last tensor
DIGEST_BYTES = 32
LONGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors format
DTYPES = {"F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "BOOL": np.dtype("?"), "U8": np.dtype("u1")}
BYTES_AT_ONCE = 1 << 20


class ModelFileError(InvalidValueError):
    """A path that cannot be read, or written, as a model file."""

    __module__ = "logitwise"


@dataclass(frozen=True)
class ModelFile:
    """What a model file holds, with readers that verify what they return."""

    path: Path
    header: dict[str, Any]
    tensors: dict[str, np.ndarray]

    def field(self, name: str, expected: type | tuple[type, ...]) -> Any:
        """Return a field of the header, of the given type."""
        value = self.header.get(name)
        if name not in self.header or not isinstance(value, expected):
            self.refuse(f"a header without a valid {name!r}")
        return value

    def tensor(self, name: str, dtype: type, shape: tuple[int | None, ...]) -> np.ndarray:
        """Return a tensor of the given dtype and shape (None: any length), all finite."""
        array = self.tensors.get(name)
        if array is None:
            self.refuse(f"no tensor {name!r}")
        fits = len(array.shape) == len(shape) and all(
            want in (None, got) for want, got in zip(shape, array.shape, strict=True)
        )
        if not fits or array.dtype != np.dtype(dtype):
            wanted = tuple("any" if want is None else want for want in shape)
            self.refuse(f"tensor {name!r} of {array.dtype} {array.shape} where {np.dtype(dtype)} {wanted} belongs")
        if not _is_valid(array):
            self.refuse(
                f"tensor {name!r} with a number that is not {'finite' if array.dtype.kind == 'f' else '0 or 1'}"
            )
        return array

    def refuse(self, what: str) -> NoReturn:
        """Raise, saying what is wrong with the file."""
        requirement, advice = f"be a whole {FORMAT} model", "Save or download it again."
        raise ModelFileError("path", requirement, f"{what} in {str(self.path)!r}", advice=advice)


def _is_valid(array: np.ndarray) -> bool:
    """Return whether floats are finite, and booleans 0 or 1; a block at a time, which needs no second copy."""
    flat = array.reshape(-1)
    blocks = (flat[start : start + BYTES_AT_ONCE] for start in range(0, len(flat), BYTES_AT_ONCE))
    if array.dtype.kind == "b":
        return all(bool((block.view(np.uint8) <= 1).all()) for block in blocks)
    return array.dtype.kind != "f" or all(bool(np.isfinite(block).all()) for block in blocks)


def read_model_file(path: str | os.PathLike[str]) -> ModelFile:
    """Return what a model file holds. The arrays are read-only views of one buffer, the bytes of the file.

    Raises:
        ModelFileError: No file, not a regular file, not a safetensors file, cut short or altered, not written here, or
            by another version.
    """
    path = _named(path)
    try:
        with open(_open_regular(path), "rb", buffering=0) as file:
            beginning, size = _read_beginning(file, path)
            entries = _entries(beginning[8:], path)
            header = _our_header(entries.pop("__metadata__", None), path)
            numbers = _read_numbers(file, size - len(beginning), path)
    except (OSError, MemoryError) as error:
        why = getattr(error, "strerror", None) or "it does not fit in memory"
        raise ModelFileError("path", "be readable", f"{str(path)!r} ({why})") from error
    if DIGEST in entries:  # files of every version from 2 on end in it, those of a newer version too
        _check_digest(beginning, numbers, path)
    _check_version(header, path)
    return ModelFile(path, header, _tensors(numbers, entries, path))


def _named(path: Any) -> Path:
    """Return the path of a file; raise where it is none, or where no file can have such a name."""
    try:
        given = Path(path)
        os.fsencode(given)
    except TypeError:
        found = f"{path!r} of type {type(path).__name__}"
        raise InvalidTypeError("path", "be text or a path, such as 'model.safetensors'", found) from None
    except UnicodeEncodeError:
        raise ModelFileError("path", "be a name that the file system can hold", repr(path)) from None
    if not os.fspath(path) or "\0" in str(given):
        found, advice = repr(os.fspath(path)), "Choose another name."
        raise ModelFileError("path", "name a file", found, advice=advice)
    return given


def _read_beginning(file: io.RawIOBase, path: Path) -> tuple[bytes, int]:
    """Return the length and the header as they stand, and the size of the file."""
    size = os.fstat(file.fileno()).st_size
    first = file.read(8) or b""
    length = int.from_bytes(first, "little")
    if not 2 <= length <= min(size - 8, LONGEST_HEADER):
        rest = "the file" if length > size - 8 else f"{LONGEST_HEADER:,} bytes"
        raise _not_a_container(path, "its header would be " + ("empty" if length < 2 else f"longer than {rest}"))
    return first + _read_numbers(file, length, path).tobytes(), size


def _read_numbers(file: io.RawIOBase, size: int, path: Path) -> np.ndarray:
    """Return the next bytes of a file, read-only."""
    content = np.empty(size, dtype=np.uint8)
    filled = 0
    while filled < size and (count := file.readinto(content[filled:].data)):
        filled += count
    if filled < size:
        raise _not_a_container(path, "it shrank while it was read")
    content.flags.writeable = False
    return content


def _open_regular(path: Path) -> int:
    """Return a descriptor of a regular file; links are followed, and a pipe is not waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        what = ", a link to nothing" if path.is_symlink() else ""
        found = f"{str(path)!r}{what}"
        raise ModelFileError("path", "be an existing model file", found, advice="Check the name.") from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise ModelFileError("path", "be a model file", f"the folder {str(path)!r}", advice="Name the file in it.")
    raise ModelFileError("path", "be a regular file", f"{str(path)!r}, a device, a pipe or a socket")


def _not_a_container(path: Path, why: object) -> ModelFileError:
    found = f"{str(path)!r}, which is not one or is cut short ({why})"
    return ModelFileError("path", "be a model file (safetensors)", found)


def _entries(header: bytes, path: Path) -> dict[str, Any]:
    """Return what the JSON header of a safetensors file holds."""
    try:
        entries = _parsed(header.decode())
    except (ValueError, RecursionError) as error:
        raise _not_a_container(path, f"its header is not JSON: {error}") from None
    if not isinstance(entries, dict):
        raise _not_a_container(path, "its header is not a JSON object")
    return entries


def _parsed(text: str) -> Any:
    """Return the value of a JSON text; repeated keys, lone surrogates and numbers that are not finite are errors."""
    value = json.loads(text, object_pairs_hook=_unrepeated, parse_constant=_refuse_constant, parse_float=_finite_number)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return entries


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _finite_number(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_constant(text)


def _our_header(metadata: Any, path: Path) -> dict[str, Any]:
    try:
        header = _parsed(metadata[FORMAT])
        header["version"]
    except (KeyError, TypeError, ValueError, RecursionError):
        found = f"{str(path)!r}, a safetensors file without its header"
        raise ModelFileError("path", f"be a model saved by {FORMAT}", found) from None
    return header


def _check_digest(beginning: bytes, numbers: np.ndarray, path: Path) -> None:
    digest = hashlib.sha256(beginning)
    digest.update(numbers[:-DIGEST_BYTES].data)
    if digest.digest() != numbers[-DIGEST_BYTES:].tobytes():
        found = f"{str(path)!r}, whose bytes do not have the SHA-256 at its end: it is cut short or was altered"
        raise ModelFileError("path", "be a model as it was saved", found, advice="Save or download it again.")


def _check_version(header: dict[str, Any], path: Path) -> None:
    version = header["version"]
    if type(version) is not int or version not in READ_VERSIONS:
        is_newer = type(version) is int and version > VERSION
        raise ModelFileError(
            "path",
            f"be a model of format version {' or '.join(map(str, READ_VERSIONS))}",
            f"version {version!r} in {str(path)!r}",
            advice=f"Upgrade {FORMAT}." if is_newer else f"Train it again with this version of {FORMAT}.",
        )


def _tensors(numbers: np.ndarray, entries: dict[str, Any], path: Path) -> dict[str, np.ndarray]:
    """Return views of the numbers; together they must fill the file, without a gap or an overlap."""
    tensors = {name: _view(name, entry, numbers, path) for name, entry in entries.items()}
    places = sorted(tuple(entry["data_offsets"]) for entry in entries.values())
    if any(end != begin for (_, end), (begin, _) in pairwise([(0, 0), *places, (len(numbers), 0)])):
        raise _not_a_container(path, "its tensors overlap or leave a gap")
    digest = tensors.pop(DIGEST, None)
    if digest is None or places[-1] != tuple(entries[DIGEST]["data_offsets"]) or digest.shape != (DIGEST_BYTES,):
        raise _not_a_container(path, f"its last {DIGEST_BYTES} bytes are not a tensor named {DIGEST!r}")
    return tensors


def _view(name: str, entry: Any, numbers: np.ndarray, path: Path) -> np.ndarray:
    is_whole = isinstance(entry, dict) and set(entry) == {"dtype", "shape", "data_offsets"}
    if not is_whole or entry["dtype"] not in [*DTYPES] or not _are_counts(entry["shape"], None):
        raise _not_a_container(path, f"tensor {name!r} has no dtype and shape of this format")
    if not _are_counts(entry["data_offsets"], 2):
        raise _not_a_container(path, f"tensor {name!r} has no place")
    dtype, (begin, end) = DTYPES[entry["dtype"]], entry["data_offsets"]
    if end > len(numbers) or end - begin != math.prod(entry["shape"]) * dtype.itemsize:
        raise _not_a_container(path, f"tensor {name!r} does not have the bytes of its shape")
    return numbers[begin:end].view(dtype).reshape(entry["shape"])


def _are_counts(values: Any, length: int | None) -> bool:
    return (
        isinstance(values, list)
        and length in (None, len(values))
        and all(type(value) is int and value >= 0 for value in values)
    )


def write_model_file(path: str | os.PathLike[str], header: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    """Write a model file, whole or not at all; the same contents give the same bytes.

    The bytes go to a temporary file beside the target, reach the disk, and take the target's name in one step. Arrays
    are written from where they are: there is no second copy of them.

    Raises:
        ModelFileError: As `refuse_irregular`; or the file cannot be written.
        TypeError: A header that is not JSON.
    """
    path = refuse_irregular(path)
    arrays = {name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors, key=lambda n: _order(n, tensors))}
    beginning = _beginning(header, arrays)
    try:
        with replacing(path) as file:
            digest = hashlib.sha256(beginning)
            file.write(beginning)
            for array in arrays.values():
                for block in _blocks(array):
                    digest.update(block)
                    file.write(block)
            file.write(digest.digest())
    except OSError as error:
        raise _not_writable(path, error) from error


def _order(name: str, tensors: dict[str, np.ndarray]) -> tuple[int, str]:
    """Return the sort key of a tensor: wide numbers first, so that each begins at a multiple of its width."""
    return -tensors[name].dtype.itemsize, name


def _beginning(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    """Return the length and the header, filled up with spaces so that the numbers begin at a multiple of 8 bytes."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    entries: dict[str, Any] = {"__metadata__": {FORMAT: _as_json({"version": VERSION, **header})}}
    place = 0
    for name, array in arrays.items():
        entries[name] = _entry(names[array.dtype], array.shape, place, array.nbytes)
        place += array.nbytes
    entries[DIGEST] = _entry("U8", (DIGEST_BYTES,), place, DIGEST_BYTES)
    text = _as_json(entries).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > LONGEST_HEADER:
        requirement = f"be described in {LONGEST_HEADER} bytes or fewer"
        raise InvalidValueError("model", requirement, len(text), advice="Drop columns or metadata.")
    return len(text).to_bytes(8, "little") + text


def _entry(dtype: str, shape: tuple[int, ...], place: int, n_bytes: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [place, place + n_bytes]}


def _blocks(array: np.ndarray) -> Iterator[memoryview]:
    content = array.reshape(-1).view(np.uint8).data
    for start in range(0, len(content), BYTES_AT_ONCE):
        yield content[start : start + BYTES_AT_ONCE]


def _as_json(header: dict[str, Any]) -> str:
    try:
        text = json.dumps(header, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        text.encode()
    except (TypeError, ValueError) as error:
        requirement = "be JSON values: text, finite numbers, lists, dicts"
        raise InvalidTypeError("metadata", requirement, error) from error
    return text


def refuse_irregular(path: str | os.PathLike[str]) -> Path:
    """Return the file that `path` names, links followed; raise where nothing can be written to it.

    Call it before the work rather than after it. Whether a file can be written is tried: a temporary one is made beside
    it and removed.

    Raises:
        TypeError: It is no path.
        ModelFileError: The path exists and is not a regular file (a folder, a device, a broken link), or ends in a
            slash; its folder does not exist, or no file can be made in it.
    """
    file = _regular_or_new(_named(path))
    if os.fspath(path).endswith((os.sep, os.altsep or os.sep)):
        advice = "Name the file in it, or leave out the slash."
        raise ModelFileError("path", "name a file", f"{os.fspath(path)!r}, which ends in a slash", advice=advice)
    try:
        temporary = _temporary(file)
        with open(temporary, "xb"):
            temporary.unlink()
    except OSError as error:
        raise _not_writable(file, error) from error
    return file


def _not_writable(path: Path, error: OSError) -> ModelFileError:
    return ModelFileError("path", "be writable", f"{str(path)!r} ({error.strerror})")


def _regular_or_new(given: Path) -> Path:
    """Return a path, links followed; raise where it exists and is no regular file, or has no folder."""
    try:
        mode = os.stat(given).st_mode
    except FileNotFoundError:
        if given.is_symlink():
            found = f"{str(given)!r}, a link to nothing"
            raise ModelFileError("path", "be a regular file", found, advice="Choose another name.") from None
        if not given.parent.is_dir():
            found, advice = repr(str(given)), "Make the folder first."
            raise ModelFileError("path", "be in an existing folder", found, advice=advice) from None
        return given
    except OSError as error:
        found = f"{str(given)!r} ({error.strerror})"
        raise ModelFileError("path", "be a file that can be written", found) from None
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device, a pipe or a socket"
        raise ModelFileError("path", "be a regular file", f"{str(given)!r}, {what}", advice="Choose another name.")
    return given.resolve()


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        ModelFileError: As `refuse_irregular`; or the file cannot be written.
    """
    path = refuse_irregular(path)
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise _not_writable(path, error) from error


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a temporary file beside `path` that takes its name in one step, once its bytes have reached the disk.

    Whatever ends the process, `path` is the old file or the new one; who may read an old file may read the new one.
    """
    temporary = _temporary(path)
    try:
        with open(temporary, "xb") as file:
            if path.exists():
                temporary.chmod(stat.S_IMODE(path.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
