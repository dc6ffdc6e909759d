"""Measuring on a noisy machine: contenders take turns, ratios are taken within a round, and medians are reported."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MIN_SAMPLE_SECONDS = 4e-3  # short calls are repeated until a sample is this long
WARM_SECONDS = 15e-3  # a sample follows so much of the same, not timed: threads of the last contender spin for a while
MIN_ROUNDS, MAX_ROUNDS = 7, 60


@dataclass(frozen=True)
class Timing:
    """The time of a contender, and how it compares with ours in the same rounds."""

    seconds: float  # median
    ratio: float  # median of its time over ours: above 1 means ours is faster
    low: float  # quartiles of that ratio
    high: float


def paired(contenders: dict[str, Callable[[], object]], ours: str, seconds: float = 2.0) -> dict[str, Timing]:
    """Time every contender in turn, round after round, for about `seconds` each."""
    repeats = {name: _repeats(call) for name, call in contenders.items()}
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    names, started = list(contenders), time.perf_counter()
    gc.collect()
    gc.disable()
    try:
        for turn in range(MAX_ROUNDS):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                _warm(contenders[name])
                samples[name].append(_sample(contenders[name], repeats[name]))
            if turn + 1 >= MIN_ROUNDS and time.perf_counter() - started > seconds * len(names):
                break
    finally:
        gc.enable()
    return {name: _timing(samples[name], samples[ours]) for name in names}


def _repeats(call: Callable[[], object]) -> int:
    call()
    return max(1, int(MIN_SAMPLE_SECONDS / max(_sample(call, 1), 1e-7)))


def _warm(call: Callable[[], object]) -> None:
    started = time.perf_counter()
    while time.perf_counter() - started < WARM_SECONDS:
        call()


def _sample(call: Callable[[], object], repeats: int) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - started) / repeats


def _timing(times: list[float], ours: list[float]) -> Timing:
    ratios = [a / b for a, b in zip(times, ours, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return Timing(statistics.median(times), middle, low, high)


def peak_bytes(call: Callable[[], object]) -> int | None:
    """Return how far one call raises the peak of resident memory; None where the system does not tell (not Linux)."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():
        return None
    gc.collect()
    reset.write_text("5")
    before = _kilobytes(status, "VmHWM")
    result = call()
    after = _kilobytes(status, "VmHWM")
    del result
    return (after - before) * 1024


def _kilobytes(status: Path, field: str) -> int:
    line = next(line for line in status.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1])


def copy_call(rows: int, classes: int, dtype: str) -> Callable[[], object]:
    """Return a copy of an array of this size onto memory already there, on every core: the physical limit."""
    import torch

    source = torch.ones(rows, classes, dtype=getattr(torch, dtype))
    target = torch.empty_like(source).copy_(source)
    return lambda: target.copy_(source)


def geometric_mean(values: list[float]) -> float:
    return float(np.exp(np.mean(np.log(values)))) if values else float("nan")
