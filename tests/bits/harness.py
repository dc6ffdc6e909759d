"""The cases, and how a result becomes a hash."""

from __future__ import annotations

import hashlib
import os
import struct
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
CASES: dict[str, Callable[[], Any]] = {}
MESSAGES: dict[str, Callable[[], Any]] = {}


def case(name: str, call: Callable[[], Any]) -> None:
    """Add a case whose result is hashed."""
    assert name not in CASES, name
    CASES[name] = call


def message(name: str, call: Callable[[], Any]) -> None:
    """Add a case of which only what is said counts: the exception and the warnings."""
    if name in MESSAGES:
        return
    MESSAGES[name] = call


@cache
def folder() -> Path:
    """Return an empty folder of this run, removed at its end."""
    made = tempfile.TemporaryDirectory(prefix="bits-")
    KEPT.append(made)
    return Path(made.name).resolve()


KEPT: list[Any] = []
REMARKS: dict[str, list[str]] = {}  # texts that belong beside the messages, by the name of a case


def plain(text: str) -> str:
    """Return a text without the folder of this run."""
    return text.replace(str(folder()), "FOLDER")


def is_ours(warning: warnings.WarningMessage) -> bool:
    """Return whether a warning is of the library, not of what it is built on."""
    where = str(warning.filename)
    if str(warning.message).startswith("dim must be named"):
        return True
    return warning.category.__module__.startswith(("logitwise", "sklearn")) or not (
        "site-packages" in where or "torch" in where or "<" in where[:1]
    )


def said_in(call: Callable[[], Any]) -> tuple[Any, list[str]]:
    """Return the result of a call, or the exception it raised, and all that it said."""
    lines = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call()
        except Exception as error:
            result = error
            lines.append(f"{type(error).__name__}: {plain(str(error))}")
    for warning in caught:
        if is_ours(warning):
            at = "" if "<case>" in warning.filename or str(HERE) in warning.filename else " (elsewhere)"
            lines.append(f"{warning.category.__name__}{at}: {plain(str(warning.message))}")
    return result, lines


def digest(value: Any) -> str:
    """Return the hash of a result: types, dtypes, shapes, strides and bits."""
    sha = hashlib.sha256()
    for part in _parts(value):
        sha.update(len(part).to_bytes(8, "little") + part)
    return sha.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    if isinstance(value, Exception):
        yield type(value).__name__.encode()
    elif isinstance(value, torch.Tensor):
        yield from _tensor_parts(value)
    elif isinstance(value, np.ndarray) and value.dtype == object:
        yield f"objects {value.shape}".encode()
        yield from _parts(value.tolist())
    elif isinstance(value, (np.ndarray, np.generic)):
        yield f"{type(value).__name__} {value.dtype.str} {value.shape} {_strides(value)}".encode()
        array = np.asarray(value)
        if array.dtype.kind == "f":
            array = np.where(np.isnan(array), array.dtype.type(np.nan), array)
        yield np.ascontiguousarray(array).tobytes()
    elif isinstance(value, float):
        yield b"float" + struct.pack("<d", float("nan") if value != value else value)
    elif isinstance(value, dict):
        yield f"{type(value).__name__} {len(value)}".encode()
        for key, each in value.items():
            yield from _parts(key)
            yield from _parts(each)
    elif isinstance(value, (list, tuple)):
        yield f"{type(value).__name__} {len(value)}".encode()
        for each in value:
            yield from _parts(each)
    elif isinstance(value, bytes):
        yield value
    elif value is None or isinstance(value, (str, bool, int)):
        yield plain(f"{type(value).__name__} {value}").encode()
    else:
        raise TypeError(f"no hash of {type(value)}")


def _strides(array: Any) -> str:
    return "" if isinstance(array, np.generic) or array.flags.c_contiguous else f"strides {array.strides}"


def _tensor_parts(value: torch.Tensor) -> Iterator[bytes]:
    strides = "" if value.is_contiguous() else f"strides {value.stride()}"
    what = f"{type(value).__name__} {value.dtype} {tuple(value.shape)} {value.device} {value.requires_grad} {strides}"
    yield what.encode()
    if value.device.type == "meta":
        return
    value = value.detach().as_subclass(torch.Tensor).resolve_neg().contiguous()
    if value.dtype.is_floating_point:
        value = torch.where(value.isnan(), torch.full_like(value, torch.nan), value)
    yield value.reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b""


def wanted(name: str, words: list[str]) -> bool:
    """Return whether a case was asked for."""
    return not words or any(word in name for word in words)


def run(words: list[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Compute the cases that were asked for: their hashes, and what they said."""
    hashes, texts = {}, {}
    before = os.getcwd()
    for name, call in CASES.items():
        if wanted(name, words):
            result, lines = said_in(call)
            hashes[name] = digest(result)
            lines += REMARKS.pop(name, [])
            if lines:
                texts[name] = lines
            os.chdir(before)
    for name, call in MESSAGES.items():
        if wanted(name, words):
            texts[name] = said_in(call)[1] + REMARKS.pop(name, [])
            os.chdir(before)
    return hashes, texts


def tell(line: str) -> None:
    """Print a line."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
