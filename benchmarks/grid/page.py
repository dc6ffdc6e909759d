"""The page of the documentation, its pictures, and the figures that the README quotes, all made from the results."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from benchmarks.grid.picture import number, picture
from benchmarks.grid.results import Cell, Results, Table

ROOT = Path(__file__).parents[2]
PAGE, FIGURES, README = ROOT / "docs" / "speed.md", ROOT / "docs" / "figures" / "speed", ROOT / "README.md"
BOUNDS = "## What bounds the rest\n"  # from here on, the page is written by hand
WORST = 10
SHOWN = "float32"  # on the maps
FUNCTION = "cross_entropy_and_gradient, beside torch eager"
QUOTED = {  # task -> its words in the README
    FUNCTION: "`cross_entropy_and_gradient`, beside torch's loss and its backward pass",
    "nn.CrossEntropyLoss, forward and backward": "`nn.CrossEntropyLoss` with its backward pass",
    "training step, nn.CrossEntropyLoss": "a training step with it after a linear layer",
    "nn.BCEWithLogitsLoss, forward and backward": "`nn.BCEWithLogitsLoss` with its backward pass",
    "softmax, out=": "`softmax` with `out=`",
    "log_softmax, out=": "`log_softmax` with `out=`",
}
_MARKED = re.compile(r"(?<=<!-- from benchmarks/grid-results.json -->\n).*?(?=<!-- end -->\n)", re.DOTALL)


def write(results: Results) -> None:
    """Write the page and the pictures, and the figures in the README."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    for old in FIGURES.glob("*.svg"):
        old.unlink()
    for name, text in pictures(results).items():
        (FIGURES / name).write_text(text, encoding="utf-8")
    PAGE.write_text(page(results) + by_hand(), encoding="utf-8")
    README.write_text(with_figures(README.read_text(encoding="utf-8"), results), encoding="utf-8")


def by_hand() -> str:
    """Return the end of the page, which no results change."""
    _, heading, text = PAGE.read_text(encoding="utf-8").partition(BOUNDS) if PAGE.exists() else ("", BOUNDS, "")
    return heading + text


def with_figures(readme: str, results: Results) -> str:
    """Return the text of the README with the figures of these results."""
    return _MARKED.sub(lambda _: quoted(results), readme)


def quoted(results: Results) -> str:
    """Return what the README shows of the results: how they were measured, and a table."""
    measured = _folded(
        f"Torch's time divided by ours, in {SHOWN}, measured call by call in turns over "
        f"{_grid(results.table(FUNCTION))} on {_machine(results)}. Above 1, this library is faster."
    )
    lines = ["| | geometric mean | worst shape | shapes where torch is faster |", "| --- | --- | --- | --- |"]
    lines += [_line(words, *_figures(results.table(task))) for task, words in _quoted_tasks(results).items()]
    return "\n".join([measured, "", *lines, ""])


def _quoted_tasks(results: Results) -> dict[str, str]:
    measured = {table.task for table in results.tables if table.dtype == SHOWN}
    return {task: words for task, words in QUOTED.items() if task in measured}


def _figures(table: Table) -> tuple[str, str, str]:
    worst = f"{number(table.worst[0].ratio)}, at {_shape(table.worst[0])}"
    return number(table.mean), worst, f"{table.below} of {len(table.cells)}"


def _folded(text: str, width: int = 120) -> str:
    lines = [""]
    for word in text.split(" "):
        if len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def _grid(table: Table) -> str:
    rows, classes = [cell.rows for cell in table.cells], [cell.classes for cell in table.cells]
    most = max(cell.rows * cell.classes for cell in table.cells)
    sides = f"{min(rows):,} to {max(rows):,} rows, {min(classes):,} to {max(classes):,} classes"
    return f"{len(table.cells)} shapes ({sides}, up to {most:,} logits)"


def _machine(results: Results) -> str:
    threads = results.setting.threads
    return f"{results.setting.processor} with {threads} thread{'s' * (threads > 1)}"


def pictures(results: Results) -> dict[str, str]:
    """Return the file of each group of tasks."""
    return {_file(group): picture(group, tables) for group, tables in _groups(results, SHOWN).items()}


def _file(group: str) -> str:
    return re.sub(r"\W+", "-", group.lower()).replace("_", "-") + ".svg"


def _groups(results: Results, dtype: str | None = None) -> dict[str, list[Table]]:
    groups: dict[str, list[Table]] = {}
    for table in results.tables:
        if table.cells and dtype in (None, table.dtype):
            groups.setdefault(table.group, []).append(table)
    return groups


def page(results: Results) -> str:
    """Return the page, without its end."""
    parts = [*_opening(results), *_summary(results)]
    for group, tables in _groups(results).items():
        parts += [f"## {group}\n", *_worst(tables), *_shown(group, tables)]
    parts.append("## Every cell\n")
    for tables in _groups(results).values():
        for table in tables:
            parts += _every_cell(table)
    return "\n".join(parts) + "\n"


def _opening(results: Results) -> Iterator[str]:
    setting = results.setting
    dates = sorted({table.date for table in results.tables})
    measured = f"{dates[0]} to {dates[-1]}" if len(dates) > 1 else dates[0]
    runs = f"{setting.runs} runs" if setting.runs > 1 else "one run"
    spread = statistics.median(cell.spread for table in results.tables for cell in table.cells)
    differ = f", whose ratios lie {spread:.0%} apart in the median" if setting.runs > 1 else ""
    yield "# Speed\n"
    yield _paragraph(
        "How long this library takes, beside torch, for every shape of a grid. A ratio is torch's time divided by"
        " ours: above 1, this library is faster. This page is made from `benchmarks/grid-results.json`."
    )
    yield _paragraph(
        f"**Measured** on {_machine(results)}, Python {setting.python}, torch {setting.torch}, {measured}. Both "
        "libraries take turns, call by call, as in a training loop: torch's threads wait as they do there, and "
        f"every result is new unless `out=` is named. A run measures each cell for {setting.seconds:g} s, with at "
        "least seven turns, or three where a turn takes more than 0.05 s, and takes the median of the ratios of "
        f"all turns. The ratio of a cell is the median over {runs} of the whole grid{differ}; times are medians too. "
        "All shapes are measured in float32, every third in float64 and bfloat16. The logits are random, with a "
        "standard deviation of 3."
    )
    yield _paragraph(
        "A **training step** is a linear layer of 256 inputs, the loss and the backward pass, without an "
        "optimizer. The **fastest peer** is the fastest of those named in its table, shape by shape; the time to "
        "compile it is not counted. Focal losses, `entropy` and `kl_divergence` are compared with the usual "
        "formulas in torch. The worst cells are given with rows x classes, and in brackets our time and the peer's."
    )
    yield _paragraph(
        "`python -m benchmarks.grid --save` repeats the measurement, in about an hour, and writes this page. "
        "`python -m benchmarks.threads` measures what a second thread gains, and the memory bandwidth of large "
        "arrays; `python -m benchmarks.calls` small calls and the first call of a process."
    )


def _paragraph(text: str) -> str:
    return _folded(text) + "\n"


def _summary(results: Results) -> Iterator[str]:
    yield "## Summary\n"
    yield _line("task", "dtype", "cells", "geometric mean", "worst", "at", "below 1")
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for table in results.tables:
        if table.cells:
            worst = table.worst[0]
            figures = (number(table.mean), number(worst.ratio), _shape(worst), str(table.below))
            yield _line(table.task, table.dtype, str(len(table.cells)), *figures)
    yield ""


def _worst(tables: list[Table]) -> Iterator[str]:
    """Yield a table of each task: the worst cells of every dtype, in a column each."""
    tasks: dict[str, list[Table]] = {}
    for table in tables:
        tasks.setdefault(table.variant, []).append(table)
    for variant, dtypes in tasks.items():
        others = f"The peers: {', '.join(dtypes[0].peers)}. " if len(dtypes[0].peers) > 1 else ""
        yield f"**{variant}**, the worst cells. {others}".strip() + "\n"
        yield _line(*(f"{table.dtype}, mean {number(table.mean)}" for table in dtypes))
        yield "|" + " --- |" * len(dtypes)
        for cells in zip_longest(*(table.worst[:WORST] for table in dtypes)):
            yield _line(*("" if cell is None else _told(cell, len(dtypes[0].peers) > 1) for cell in cells))
        yield ""


def _told(cell: Cell, with_peer: bool) -> str:
    peer = f" {cell.peer}" if with_peer else ""
    return f"{number(cell.ratio)} at {_shape(cell)} ({_time(cell.ours)}, {_time(cell.theirs)}{peer})"


def _shown(group: str, tables: list[Table]) -> Iterator[str]:
    shown = [table for table in tables if table.dtype == SHOWN]
    if shown:
        means = "; ".join(f"{table.variant} {number(table.mean)}" for table in shown)
        yield f"![Map of the ratios of {group} in {SHOWN}, geometric mean: {means}](figures/speed/{_file(group)})\n"


def _every_cell(table: Table) -> Iterator[str]:
    rows, classes = sorted({cell.rows for cell in table.cells}), sorted({cell.classes for cell in table.cells})
    ratios = {cell.shape: number(cell.ratio) for cell in table.cells}
    yield f"**{table.task}, {table.dtype}**\n"
    yield _line("classes \\ rows", *(f"{each:,}" for each in rows))
    yield "|" + " --- |" * (len(rows) + 1)
    for each in classes:
        yield _line(f"{each:,}", *(ratios.get((count, each), "") for count in rows))
    yield ""


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _shape(cell: Cell) -> str:
    return f"{cell.rows}x{cell.classes}"


def _time(microseconds: float) -> str:
    return f"{microseconds:.3g} µs" if microseconds < 1000 else f"{microseconds / 1000:.3g} ms"
