"""The named shapes: rows x classes, and the dtypes each is measured in. All others are in the grid."""

from __future__ import annotations

SHAPES = {
    "64x10": (64, 10),
    "65536x10": (65536, 10),
    "16384x1000": (16384, 1000),
    "4096x32000": (4096, 32000),
    "1024x128256": (1024, 128256),
}
OTHER_DTYPES = {"float64": ("64x10", "65536x10", "16384x1000"), "bfloat16": ("64x10", "65536x10", "16384x1000")}


def runs(names: list[str] | None = None, dtypes: list[str] | None = None) -> list[tuple[str, str]]:
    """Return the pairs of shape and dtype to measure, all or those named."""
    pairs = [(name, "float32") for name in SHAPES]
    pairs += [(name, dtype) for dtype, names_of in OTHER_DTYPES.items() for name in names_of]
    return [(name, dtype) for name, dtype in pairs if (not names or name in names) and (not dtypes or dtype in dtypes)]
