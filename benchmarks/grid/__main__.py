"""`python -m benchmarks.grid [TASK ...] [--most 64e6] [--seconds 0.05] [--runs 3] [--save]`, or `--page`.

Every shape of a grid, beside torch, in the geometric mean and in the worst cell. The whole grid is measured as often as
there are runs. `--save` keeps the results, and writes the page from them; `--page` does that without measuring.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import statistics
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict

import torch
from benchmarks.grid import page, results
from benchmarks.grid.measuring import Measurement, measured
from benchmarks.grid.results import Cell, Results, Setting, Table
from benchmarks.grid.shapes import EVERY, Shape, few, shapes
from benchmarks.grid.tasks import TASKS, Task, logits_of
from benchmarks.machine import processor

Runs = dict[tuple[Task, str], dict[Shape, list[Measurement]]]


def main() -> None:
    parser = _parser()
    options = parser.parse_args()
    if options.page:
        page.write(results.load())
        return
    tasks = [task for task in TASKS if not options.tasks or task.name.startswith(tuple(options.tasks))]
    if not tasks:
        parser.error(f"tasks must begin like one of: {'; '.join(task.name for task in TASKS)}; got {options.tasks}")
    before = Results(_setting(options), ())
    if options.save and len(tasks) < len(TASKS):
        before = _kept(before.setting, parser)
    warnings.simplefilter("ignore")
    print(f"Load average {os.getloadavg()[0]:.2f}: ratios mean little while other programs run.", flush=True)
    runs: Runs = {}
    for run in range(1, options.runs + 1):
        for line in _run(tasks, options, runs):
            print(f"[run {run} of {options.runs}] {line}", flush=True)
    if options.save:
        after = before.updated(_tables(runs))
        results.save(after)
        page.write(results.load())  # what is read has fewer digits


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grid")
    parser.add_argument("tasks", nargs="*", help=f"beginnings of: {'; '.join(task.name for task in TASKS)}")
    parser.add_argument("--most", type=float, default=64e6, help="logits of the largest shape")
    parser.add_argument("--seconds", type=float, default=0.05, help="measuring time of a cell in a run")
    parser.add_argument("--runs", type=int, default=3, help="how often the whole grid is measured")
    parser.add_argument("--save", action="store_true", help=f"write {results.FILE.name}, and the page from it")
    parser.add_argument("--page", action="store_true", help=f"write the page from {results.FILE.name}, measure nothing")
    return parser


def _setting(options: argparse.Namespace) -> Setting:
    machine = (processor(), torch.get_num_threads(), platform.python_version(), torch.__version__)
    return Setting(*machine, options.most, options.seconds, options.runs)


def _kept(setting: Setting, parser: argparse.ArgumentParser) -> Results:
    """Return the results of the file, to which some tasks are added: they must come from the same setting."""
    kept = results.load()
    now = asdict(setting)
    differences = [f"{key} was {was}, is {now[key]}" for key, was in asdict(kept.setting).items() if was != now[key]]
    if differences:
        parser.error(f"--save with some tasks needs the setting of the others: {'; '.join(differences)}")
    return kept


def _run(tasks: list[Task], options: argparse.Namespace, runs: Runs) -> Iterator[str]:
    """Measure the grid once, into `runs`; yield a line for every task and dtype."""
    for task in tasks:
        for dtype in EVERY if not task.is_compiled else ("float32",):
            started = time.perf_counter()
            of_all = runs.setdefault((task, dtype), {})
            found = dict(_measurements(task, dtype, options))
            for shape, measurement in found.items():
                of_all.setdefault(shape, []).append(measurement)
            ratios = [measurement.ratio for measurement in found.values()]
            said = f"geometric mean {statistics.geometric_mean(ratios):.2f}, worst {min(ratios):.2f}" if ratios else ""
            seconds = time.perf_counter() - started
            yield f"{task.name}, {dtype}: {len(found)} cells in {seconds:.0f} s, {said}"


def _measurements(task: Task, dtype: str, options: argparse.Namespace) -> Iterator[tuple[Shape, Measurement]]:
    chosen = shapes(options.most, dtype, task.copies)
    for rows, classes in few(chosen) if task.is_compiled else chosen:
        ours, peers = task.calls(logits_of(rows, classes, dtype))
        yield (rows, classes), measured(ours, peers, options.seconds)


def _tables(runs: Runs) -> Iterator[Table]:
    today = datetime.date.today().isoformat()
    for (task, dtype), cells in runs.items():
        if not cells:
            continue
        peers = tuple(dict.fromkeys(name for runs_of in cells.values() for each in runs_of for name in each.peers))
        yield Table(task.group, task.variant, dtype, today, peers, tuple(_cell(*each) for each in cells.items()))


def _cell(shape: Shape, runs: list[Measurement]) -> Cell:
    ours, theirs = (
        statistics.median(times) * 1e6 for times in zip(*((each.ours, each.theirs) for each in runs), strict=True)
    )
    return Cell(*shape, ours, theirs, tuple(each.ratio for each in runs), statistics.mode(each.peer for each in runs))


if __name__ == "__main__":
    main()
