"""Packages that come with an extra of this one, and the sentence where one of them is missing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

EXTRAS = {  # by the name that is imported
    "torch": "torch",
    "polars": "tables",
    "sklearn": "train",
    "onnx": "onnx",
    "fastexcel": "excel",
    "zstandard": "zstd",
}
ALWAYS = ("numba",)  # left out where this library is installed for predicting, with NumPy alone
NAMES = {"sklearn": "scikit-learn"}  # where a package is installed by another name


class MissingPackageError(ModuleNotFoundError):
    """A package that is not installed, such as an extra of this one brings; `name` is the name it is imported by."""

    __module__ = "logitwise"


def is_installed(package: str) -> bool:
    """Return whether a package can be imported."""
    return sys.modules.get(package) is not None or find_spec(package) is not None


@contextmanager
def needed_for(what: str) -> Iterator[None]:
    """Say what an extra is needed for, and how to install it, where one of its packages is missing.

    Example:
        >>> with needed_for("lw.nn"):
        ...     raise ModuleNotFoundError("No module named 'torch'", name="torch")
        Traceback (most recent call last):
        logitwise.MissingPackageError: lw.nn needs torch, which is not installed. Run: pip install 'logitwise[torch]'
    """
    try:
        yield
    except MissingPackageError:
        raise
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS and package not in ALWAYS:
            raise
        raise _missing(what, package) from None


def check_installed(what: str, *packages: str) -> None:
    """Raise, before any work, where one of the packages that something needs is missing."""
    for package in packages:
        if not is_installed(package):
            raise _missing(what, package)


def _missing(what: str, package: str) -> MissingPackageError:
    wanted = f"'logitwise[{EXTRAS[package]}]'" if package in EXTRAS else package
    sentence = f"{what} needs {NAMES.get(package, package)}, which is not installed. Run: pip install {wanted}"
    return MissingPackageError(sentence, name=package)
