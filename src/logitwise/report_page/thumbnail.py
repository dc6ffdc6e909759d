"""Images inside the page: PNG files as data URLs."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

LARGEST_SIDE = 96  # pixels: thumbnails, so that the page stays small
COLOUR_TYPES = {1: 0, 3: 2, 4: 6}  # by channels: grey, RGB, RGBA


def data_address(image: np.ndarray) -> str:
    """Return an image as a data URL; a large one is made smaller by leaving out pixels.

    Args:
        image: uint8, shape `(height, width)`, or `(height, width, channels)` with 1, 3 or 4 channels.

    Source:
        W3C, Portable Network Graphics (PNG) Specification, third edition, chapters 5 and 11.
    """
    step = -(-max(image.shape[:2]) // LARGEST_SIDE)
    return f"data:image/png;base64,{base64.b64encode(_png(image[::step, ::step])).decode('ascii')}"


def _png(image: np.ndarray) -> bytes:
    height, width = image.shape[:2]
    pixels = np.ascontiguousarray(image, dtype=np.uint8).reshape(height, -1)
    colour_type = COLOUR_TYPES[pixels.shape[1] // width]
    unfiltered = np.pad(pixels, ((0, 0), (1, 0)))  # each line starts with the number of its filter, 0 for none
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(unfiltered.tobytes(), 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
