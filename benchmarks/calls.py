"""`python -m benchmarks.calls`: what a call costs beside its arithmetic, and the first call of a process.

A small call is timed against its compiled kernel alone, given the same arrays, in turns; the first call of a function
in a new process, its kernels in the cache, against `import numba` in another. Times of the processor, least of many.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

import logitwise as lw
from logitwise.kernels.cpu import cross_entropy, softmax

PREPARE = "import numpy as np, logitwise as lw; z = np.ones((64, 10), np.float32); t = np.zeros(64, np.int64); "
FIRST_CALLS = {
    "softmax": "lw.softmax(z)",
    "log_softmax": "lw.log_softmax(z)",
    "sigmoid": "lw.sigmoid(z)",
    "cross_entropy": "lw.cross_entropy(z, t)",
    "cross_entropy_and_gradient": "lw.cross_entropy_and_gradient(z, t)",
}


def main() -> None:
    print("| call, 64x10 float32 | microseconds | its kernel alone | above it |\n| --- | --- | --- | --- |")
    for name, (call, kernel) in _small_calls().items():
        whole, alone = (min(times) for times in zip(*(_times(call, kernel) for _ in range(30)), strict=True))
        print(f"| {name} | {whole * 1e6:.1f} | {alone * 1e6:.1f} | {(whole - alone) * 1e6:.1f} |", flush=True)
    print("\n| first call in a process | seconds | / import numba |\n| --- | --- | --- |")
    base = _seconds_of("import numba")
    for name, call in FIRST_CALLS.items():
        _seconds_of(PREPARE + call, 1)  # fills the cache
        seconds = _seconds_of(PREPARE + call)
        print(f"| {name} | {seconds:.2f} | {seconds / base:.2f} |", flush=True)


def _small_calls() -> dict[str, tuple[Callable, Callable]]:
    generator = np.random.default_rng(0)
    logits, out = generator.standard_normal((64, 10), dtype=np.float32), np.empty((64, 10), np.float32)
    target, losses = generator.integers(0, 10, 64), np.empty(64)
    rows, result = logits[:, :, None], out[:, :, None]
    empty = cross_entropy.NO_WEIGHTS
    options = cross_entropy.Options(-100, empty, empty, 0.0, 0.0, 1.0)
    bytes_of, code = target.view(np.uint8), -8
    return {
        "softmax out=": (
            lambda: lw.softmax(logits, out=out),
            lambda: softmax._normalize(None, rows, softmax.NO_MASK, 0, 1.0, softmax.SOFTMAX, result, 0, 64),
        ),
        "cross_entropy_and_gradient out=": (
            lambda: lw.cross_entropy_and_gradient(logits, target, out=out),
            lambda: cross_entropy._cross_entropy(None, rows, 0, bytes_of, code, options, losses, result, 0, 64),
        ),
    }


def _times(*calls: Callable, repeats: int = 1000) -> list[float]:
    times = []
    for call in calls:
        started = time.thread_time()
        for _ in range(repeats):
            call()
        times.append((time.thread_time() - started) / repeats)
    return times


def _seconds_of(code: str, rounds: int = 9) -> float:
    times = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


if __name__ == "__main__":
    main()
