"""The results as data: a file of JSON with a line for every cell."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "grid-results.json"
COLUMNS = ("rows", "classes", "our microseconds", "the peer's", "ratio of each run", "peer")


@dataclass(frozen=True)
class Cell:
    """One shape of a task: times are medians over the runs."""

    rows: int
    classes: int
    ours: float  # microseconds
    theirs: float
    ratios: tuple[float, ...]  # their time over ours, of each run
    peer: str

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def spread(self) -> float:
        """How far apart the runs are, as a share of the ratio."""
        return (max(self.ratios) - min(self.ratios)) / self.ratio

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows, self.classes


@dataclass(frozen=True)
class Table:
    """A task in one dtype."""

    group: str
    variant: str
    dtype: str
    date: str
    peers: tuple[str, ...]
    cells: tuple[Cell, ...]

    @property
    def task(self) -> str:
        return f"{self.group}, {self.variant}"

    @property
    def mean(self) -> float:
        """The geometric mean of the ratios."""
        return math.exp(statistics.fmean(math.log(cell.ratio) for cell in self.cells))

    @property
    def worst(self) -> list[Cell]:
        """The cells, the least ratio first."""
        return sorted(self.cells, key=lambda cell: cell.ratio)

    @property
    def below(self) -> int:
        """How many ratios are below 1."""
        return sum(cell.ratio < 1.0 for cell in self.cells)


@dataclass(frozen=True)
class Setting:
    """What all tables of a file have in common."""

    processor: str
    threads: int
    python: str
    torch: str
    most: float  # logits of the largest shape
    seconds: float
    runs: int


@dataclass(frozen=True)
class Results:
    """Everything that a grid has shown."""

    setting: Setting
    tables: tuple[Table, ...]

    def updated(self, tables: Iterable[Table]) -> Results:
        """Return these results with some tables replaced, or appended where they are new."""
        newer = {(table.task, table.dtype): table for table in tables}
        kept = [newer.pop((table.task, table.dtype), table) for table in self.tables]
        return Results(self.setting, (*kept, *newer.values()))

    def table(self, task: str, dtype: str = "float32") -> Table:
        """Return the table of a task."""
        return next(table for table in self.tables if (table.task, table.dtype) == (task, dtype))


def save(results: Results, file: Path = FILE) -> None:
    head = json.dumps({"setting": asdict(results.setting), "columns": COLUMNS}, indent=1).removesuffix("\n}")
    tables = ",\n".join(_table_text(table) for table in results.tables)
    file.write_text(head + ',\n "tables": [\n' + tables + "\n]}\n", encoding="utf-8")


def _table_text(table: Table) -> str:
    named = json.dumps({key: value for key, value in vars(table).items() if key != "cells"})
    cells = ",\n".join(json.dumps([_rounded(value) for value in vars(cell).values()]) for cell in table.cells)
    return named.removesuffix("}") + ', "cells": [\n' + cells + "]}"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    return [_rounded(each) for each in value] if isinstance(value, tuple) else value


def load(file: Path = FILE) -> Results:
    data = json.loads(file.read_text(encoding="utf-8"))
    return Results(Setting(**data["setting"]), tuple(_table(entry) for entry in data["tables"]))


def _table(entry: dict[str, Any]) -> Table:
    cells = [
        Cell(rows, classes, ours, theirs, tuple(ratios), peer)
        for rows, classes, ours, theirs, ratios, peer in entry["cells"]
    ]
    return Table(**entry | {"peers": tuple(entry["peers"]), "cells": tuple(cells)})
