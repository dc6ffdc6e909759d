"""The shapes of the grid, and the dtypes that each is measured in."""

from __future__ import annotations

ROWS = (1, 8, 64, 512, 1024, 8192, 65536)
CLASSES = (2, 3, 10, 16, 32, 64, 100, 128, 200, 256, 300, 500, 1000, 4096, 32000)
ITEM_BYTES = {"float32": 4, "float64": 8, "bfloat16": 2}
EVERY = {"float32": 1, "float64": 3, "bfloat16": 3}  # each such shape of the list is measured
MOST_BYTES = 8e9
FEW, FEW_FROM = 20, 4096  # how many shapes are compiled one by one, and from how many logits

Shape = tuple[int, int]


def shapes(most: float, dtype: str, copies: int = 1) -> list[Shape]:
    """Return rows x classes up to `most` logits, where `copies` arrays of that size fit into memory."""
    fitting = [(rows, classes) for rows in ROWS for classes in CLASSES if rows * classes <= most]
    bytes_of = copies * ITEM_BYTES[dtype]
    return [shape for shape in fitting[:: EVERY[dtype]] if shape[0] * shape[1] * bytes_of <= MOST_BYTES]


def few(all_shapes: list[Shape]) -> list[Shape]:
    """Return shapes spread evenly over those of many logits."""
    large = [shape for shape in all_shapes if shape[0] * shape[1] >= FEW_FROM]
    return large[:: -(-len(large) // FEW)] if large else []
