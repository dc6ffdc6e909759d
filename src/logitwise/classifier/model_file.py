"""The container of a model: one safetensors file, arrays as tensors, all else as one JSON text in its header.

A safetensors file is a length, a JSON header and raw numbers: reading one runs nothing, so a model from a stranger is
data.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

FORMAT = "logitwise"
VERSION = 1


class ModelFileError(ValueError):
    """A path that cannot be read, or written, as a model file."""


@dataclass(frozen=True)
class ModelFile:
    """What a model file holds, with readers that verify what they return."""

    path: Path
    header: dict[str, Any]
    tensors: dict[str, np.ndarray]

    def field(self, name: str, kind: type | tuple[type, ...]) -> Any:
        """Return a field of the header, of the given type."""
        value = self.header.get(name)
        if name not in self.header or not isinstance(value, kind):
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
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            self.refuse(f"tensor {name!r} with a number that is not finite")
        return array

    def refuse(self, what: str) -> NoReturn:
        """Raise, saying what is wrong with the file."""
        raise ModelFileError(
            f"path must be a whole {FORMAT} model; got {what} in {str(self.path)!r}. Save or download it again."
        )


def read_model_file(path: str | os.PathLike[str]) -> ModelFile:
    """Return what a model file holds.

    Raises:
        ModelFileError: No file, not a regular file, not a safetensors file, cut short, not written here, or by a newer
            version.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    _check_readable(path)
    try:
        with safe_open(path, framework="numpy") as container:
            metadata = container.metadata() or {}
            names = container.keys()
            tensors = {name: container.get_tensor(name) for name in names}
    except (SafetensorError, OSError, TypeError, AttributeError) as error:
        raise ModelFileError(
            f"path must be a model file (safetensors); got {str(path)!r}, which is not one or is cut short ({error})."
        ) from error
    return ModelFile(path, _read_header(metadata, path), tensors)


def _check_readable(path: Path) -> None:
    if path.is_dir():
        raise ModelFileError(f"path must be a model file; got the folder {str(path)!r}. Name the file in it.")
    if not path.exists():
        raise ModelFileError(f"path must be an existing model file; got {str(path)!r}. Check the name.")
    if not path.is_file():
        raise ModelFileError(f"path must be a regular file; got {str(path)!r}.")


def _read_header(metadata: dict[str, str], path: Path) -> dict[str, Any]:
    try:
        header = json.loads(metadata[FORMAT], parse_constant=_refuse_constant)
        version = header["version"]
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ModelFileError(
            f"path must be a model saved by {FORMAT}; got {str(path)!r}, a safetensors file without its header."
        ) from None
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= VERSION:
        raise ModelFileError(
            f"path must be a model of format version {VERSION} or older; got version {version!r} in {str(path)!r}. "
            f"Upgrade {FORMAT}."
        )
    return header


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def write_model_file(path: str | os.PathLike[str], header: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    """Write a model file, whole or not at all.

    The bytes go to a temporary file beside the target, reach the disk, and take the target's name in one step.

    Raises:
        ModelFileError: As `refuse_irregular`; or the file cannot be written.
    """
    from safetensors.numpy import save

    path = refuse_irregular(path)
    text = _as_json({"version": VERSION, **header})
    # One metadata entry, since their order in the file is not fixed: the same model gives the same bytes.
    content = save({name: np.ascontiguousarray(array) for name, array in tensors.items()}, metadata={FORMAT: text})
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise ModelFileError(f"path must be writable; got {str(path)!r} ({error.strerror}).") from error


def _as_json(header: dict[str, Any]) -> str:
    try:
        return json.dumps(header, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"metadata must be JSON values: text, finite numbers, lists, dicts; got {error}.") from error


def refuse_irregular(path: str | os.PathLike[str]) -> Path:
    """Return the file that `path` names, links followed; raise where no model can be written to it.

    Ask before the work, not after.

    Raises:
        ModelFileError: The path exists and is not a regular file (a folder, a device, a broken link), or its folder
            does not exist.
    """
    given = Path(path)
    try:
        mode = os.stat(given).st_mode
    except FileNotFoundError:
        if given.is_symlink():
            raise ModelFileError(
                f"path must be a regular file; got {str(given)!r}, a link to nothing. Choose another name."
            ) from None
        if not given.parent.is_dir():
            raise ModelFileError(
                f"path must be in an existing folder; got {str(given)!r}. Make the folder first."
            ) from None
        return given
    except OSError as error:
        raise ModelFileError(
            f"path must be a file that can be written; got {str(given)!r} ({error.strerror})."
        ) from None
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device, a pipe or a socket"
        raise ModelFileError(f"path must be a regular file; got {str(given)!r}, {what}. Choose another name.")
    return given.resolve()


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a temporary file beside `path` that takes its name in one step, once its bytes have reached the disk."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
