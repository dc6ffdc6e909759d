"""Small made files for the tests of the command line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

SMALL = ["--hidden", "8", "--epochs", "30", "--learning-rate", "0.03", "--seed", "3"]


def made_rows(n_rows: int, seed: int) -> list[tuple[float, str, str]]:
    """Return rows of size, colour and label; the label follows from both but for some noise."""
    generator = np.random.default_rng(seed)
    sizes = generator.normal(size=n_rows).round(3)
    colours = generator.choice(["red", "green", "blue"], n_rows)
    labels = np.where(sizes + (colours == "red") + generator.normal(0, 0.3, n_rows) > 0.5, "ripe", "raw")
    return list(zip(sizes.tolist(), colours.tolist(), labels.tolist(), strict=True))


def write_csv(path: str | Path, rows: Iterable[tuple], header: str | None = "size,colour,label") -> Path:
    """Write rows as CSV, and return where."""
    lines = [] if header is None else [header]
    text = "\n".join([*lines, *(",".join(map(str, row)) for row in rows)]) + "\n"
    Path(path).write_text(text, encoding="utf-8")
    return Path(path)
