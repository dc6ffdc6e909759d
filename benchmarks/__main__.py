"""`python -m benchmarks [OPERATION ...] [--shape 64x10 ...] [--save]`, by default with all operations.

What the grid does not show, at a few shapes: each contender's time and how many times longer than ours it took (median
and quartiles of the ratios within rounds), the bandwidth beside a copy of the same size in the same rounds, how far the
call raises peak memory, and the worst error. `checks` has a table of its own: see `checks.py`.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from benchmarks import checks, cross_entropy, nn, softmax
from benchmarks.cross_entropy import OURS, OURS_OUT
from benchmarks.machine import processor
from benchmarks.measure import Timing, copy_call, geometric_mean, paired, peak_bytes
from benchmarks.shapes import SHAPES, runs

RESULTS = Path(__file__).parent / "results.md"
FUNCTIONS = ("cross_entropy", "softmax", "log_softmax")
COPY = "copy"
_TABLES = dict.fromkeys(nn.OPERATIONS, nn.tables)
_TABLES["checks"] = checks.tables
MANY_ROWS = 4096
HEADER = "| shape | dtype | contender | ms | / ours | quartiles | / ours out= | GB/s | of copy | peak MB | error, ulp |"


def main() -> None:
    options = _options()
    lines = [f"## {datetime.date.today()}: {_machine()}", ""]
    for operation in options.operations:
        for line in _TABLES.get(operation, _tables)(operation, options.shape, options.dtype, options.seconds):
            print(line, flush=True)
            lines.append(line)
    if options.save:
        with RESULTS.open("a") as file:
            file.write("\n".join(lines) + "\n")


def _tables(operation: str, shapes: list[str] | None, dtypes: list[str] | None, seconds: float) -> Iterator[str]:
    """Yield the lines of the table of a function, as they are measured."""
    yield from (f"### {operation}", "", HEADER, "|" + " --- |" * 11)
    ratios: dict[str, list[float]] = {}
    for name, dtype in runs(shapes, dtypes):
        yield from _measure(operation, name, dtype, seconds, ratios)
    yield from ("", _summary(ratios), "")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("operations", nargs="*", default=(*FUNCTIONS, *_TABLES))
    parser.add_argument("--shape", action="append", choices=list(SHAPES))
    parser.add_argument("--dtype", action="append")
    parser.add_argument("--seconds", type=float, default=1.0, help="measuring time for each contender")
    parser.add_argument("--save", action="store_true", help=f"append to {RESULTS.name}")
    return parser.parse_args()


def _machine() -> str:
    names = ("logitwise", "numpy", "numba", "torch", "jax", "scikit-learn", "scipy")
    return f"{processor()}, {torch.get_num_threads()} threads, Python {platform.python_version()}, " + ", ".join(
        f"{name} {version(name)}" for name in names
    )


def _measure(operation: str, name: str, dtype: str, seconds: float, ratios: dict[str, list[float]]) -> list[str]:
    shape = SHAPES[name]
    logits, target = cross_entropy.inputs(*shape, dtype)
    calls, error_of = _calls(operation, logits, target)
    timings = paired({**calls, COPY: copy_call(*shape, dtype)}, OURS, seconds)
    out_ratio = {key: timing.ratio / timings[OURS_OUT].ratio for key, timing in timings.items()}
    moved = cross_entropy.bytes_moved(logits)
    for key, timing in timings.items():
        ratios.setdefault(key, []).append(timing.ratio)
        ratios.setdefault(f"{key} (ours out=)", []).append(out_ratio[key])
    if shape[0] >= MANY_ROWS:
        peers = [key for key in timings if key != COPY and not key.startswith(OURS)]
        for suffix, ratio in (("", {key: timings[key].ratio for key in peers}), (" (ours out=)", out_ratio)):
            best = min(ratio[key] for key in peers)
            ratios.setdefault(f"the best peer of each shape of {MANY_ROWS} rows or more{suffix}", []).append(best)
    rows = []
    for key, timing in timings.items():
        memory, error = ("", "") if key == COPY else (_megabytes(calls[key]), f"{error_of(calls[key]):.3g}")
        rows.append(_row(name, dtype, key, timing, out_ratio[key], moved, timings[COPY].seconds, memory, error))
    return rows


def _calls(
    operation: str, logits: torch.Tensor, target: torch.Tensor
) -> tuple[dict[str, Callable[[], Any]], Callable[..., float]]:
    if operation == "cross_entropy":
        return cross_entropy.contenders(logits, target), lambda call: cross_entropy.error(call, logits, target)
    return softmax.contenders(operation, logits), lambda call: softmax.error(operation, call, logits)


def _megabytes(call: Callable[[], Any]) -> str:
    peak = peak_bytes(call)
    return "" if peak is None else f"{peak / 1e6:.0f}"


def _row(
    name: str, dtype: str, key: str, timing: Timing, out_ratio: float, moved: int, copy: float, memory: str, error: str
) -> str:
    cells = [name, dtype, key, f"{timing.seconds * 1e3:.3g}", f"{timing.ratio:.2f}"]
    cells += [f"{timing.low:.2f}-{timing.high:.2f}", f"{out_ratio:.2f}", f"{moved / timing.seconds / 1e9:.1f}"]
    cells += [f"{copy / timing.seconds:.0%}", memory, error]
    return "| " + " | ".join(cells) + " |"


def _summary(ratios: dict[str, list[float]]) -> str:
    means = [f"{key} {geometric_mean(values):.2f} (least {min(values):.2f})" for key, values in ratios.items()]
    return "Geometric mean of time / ours: " + "; ".join(means) + "."


if __name__ == "__main__":
    sys.exit(main())
