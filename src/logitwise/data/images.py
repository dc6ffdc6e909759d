"""IDX files, the format of MNIST: http://yann.lecun.com/exdb/mnist (section "the IDX file format").

A magic number (two zero bytes, a type code, the number of dimensions), the dimensions as 32-bit integers, then the
values; everything is big-endian.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np

from logitwise._listing import listed
from logitwise.data.arrays import checked_features, checked_labels, with_test
from logitwise.data.dataset import DataError, Dataset
from logitwise.data.unpacking import read_bytes

_IDX_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_image_folder(folder: Path) -> Dataset:
    """Return the images and labels of a folder named as MNIST's is, with its t10k files as the test set."""
    images = _only_file(folder, "train-images")
    if images is None:
        raise DataError(
            "source",
            "be a file, or a folder of IDX files named train-images... and train-labels... (as in MNIST)",
            f"the folder {str(folder)!r}, which holds {_listing(folder)}",
        )
    train = _images_with_labels(images, str(folder), needs_labels=True)
    test_images = _only_file(folder, "t10k-images")
    if test_images is None:
        return train
    return with_test(train, _images_with_labels(test_images, str(folder), needs_labels=True))


def read_image_file(path: Path) -> Dataset:
    """Return the images of one IDX file, with the labels of the file beside it where there is one."""
    return _images_with_labels(path, str(path), needs_labels=False)


def read_idx(path: Path) -> np.ndarray:
    """Return the array of an IDX file, in native byte order."""
    data = read_bytes(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _IDX_DTYPES or data[3] == 0:
        raise DataError(
            "source",
            "begin with the magic number of an IDX file (two zero bytes, a type, a number of dimensions)",
            f"{data[:4].hex(' ')} in {str(path)!r}",
        )
    dtype, header = np.dtype(_IDX_DTYPES[data[2]]), 4 + 4 * data[3]
    if len(data) < header:
        raise DataError(
            "source",
            f"have {header} bytes of IDX header for its {data[3]} dimensions",
            f"{len(data)} bytes in {str(path)!r}",
            advice="The file is cut short: fetch it again.",
        )
    shape = struct.unpack(f">{data[3]}I", data[4:header])
    expected = math.prod(shape) * dtype.itemsize
    if len(data) - header != expected:
        raise DataError(
            "source",
            f"have {expected} bytes of values for its shape {shape}",
            f"{len(data) - header} in {str(path)!r}",
            advice="The file is cut short or altered: fetch it again.",
        )
    values = np.frombuffer(data, dtype, offset=header).reshape(shape)
    return values.astype(dtype.newbyteorder("="))


def _images_with_labels(path: Path, source: str, *, needs_labels: bool) -> Dataset:
    images = read_idx(path)
    if images.ndim not in (3, 4):
        raise DataError(
            "source",
            "be images, of 3 or 4 dimensions (rows, height, width[, channels])",
            f"{images.ndim} in {str(path)!r}",
            advice="Labels go in the file beside the images.",
        )
    images = checked_features(images, path.name, source)
    labels_path = _labels_beside(path)
    if labels_path is not None:
        return Dataset(images, _labels(labels_path, len(images), source), None, source, None)
    if needs_labels:
        raise DataError("source", "have labels beside its images", f"{str(path)!r} without {_labels_stem(path)}")
    return Dataset(images, None, None, source, None)


def _labels(path: Path, rows: int, source: str) -> np.ndarray:
    return checked_labels(read_idx(path), rows, path.name, source)


def _labels_stem(path: Path) -> str:
    return path.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")


def _labels_beside(path: Path) -> Path | None:
    stem = _labels_stem(path)
    candidates = [path.with_name(stem), path.with_name(stem + ".gz")]
    return next((file for file in candidates if "images" in path.name and file.is_file()), None)


def _only_file(folder: Path, words: str) -> Path | None:
    """Return the one file with `words` in its name; an unpacked file stands for its packed twin."""
    names = {file.name for file in folder.iterdir() if words in file.name and file.is_file()}
    names -= {f"{name}.gz" for name in names}
    if len(names) > 1:
        got = f"{', '.join(sorted(names))} in {str(folder)!r}"
        raise DataError("source", f"have one file of {words}", got, advice="Name the images file itself.")
    return folder / names.pop() if names else None


def _listing(folder: Path) -> str:
    names = sorted(file.name + "/" * file.is_dir() for file in folder.iterdir())
    return listed(names, 3) if names else "nothing"
