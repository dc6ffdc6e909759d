"""`python -m benchmarks.calls`: what a call costs beside its arithmetic, and the first call of a process.

A small call is timed on arrays of 1x2, which is hardly any arithmetic, and of 64x10, in turns. The first call of a
function is timed in a process of its own, imports included: with empty caches, as after an installation, and in the
second process, also against `import numba`. The first `fit` is that of a small table, less a later one. Times of the
processor, the least of several.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

import logitwise as lw

PREPARE = "import numpy as np, logitwise as lw; z = np.ones((64, 10), np.float32); t = np.zeros(64, np.int64); "
IMPORT = "import numba"
FIRST_CALLS = {
    IMPORT: IMPORT,
    "softmax": PREPARE + "lw.softmax(z)",
    "log_softmax": PREPARE + "lw.log_softmax(z)",
    "sigmoid": PREPARE + "lw.sigmoid(z)",
    "cross_entropy": PREPARE + "lw.cross_entropy(z, t)",
    "cross_entropy_and_gradient": PREPARE + "lw.cross_entropy_and_gradient(z, t)",
    "import torch": "import torch",
    "nn.CrossEntropyLoss, forward and backward": PREPARE
    + "import torch; z, t = torch.from_numpy(z).requires_grad_(), torch.from_numpy(t); "
    "lw.nn.CrossEntropyLoss()(z, t).backward()",
}
FIRST_FIT = """
import time, numpy as np, logitwise as lw
X = np.random.default_rng(0).normal(size=(200, 4))
def seconds_of_fit():
    before = time.process_time()
    lw.Classifier(epochs=20, random_state=0).fit(X, X[:, 0] + X[:, 1] > 0)
    return time.process_time() - before
first = seconds_of_fit()
print(first - min(seconds_of_fit() for _ in range(3)))
"""
SMALL_CALLS: dict[str, Callable[..., Callable[[], object]]] = {
    "softmax": lambda z, t, out: lambda: lw.softmax(z),
    "softmax, out=": lambda z, t, out: lambda: lw.softmax(z, out=out),
    "cross_entropy": lambda z, t, out: lambda: lw.cross_entropy(z, t),
    "cross_entropy_and_gradient": lambda z, t, out: lambda: lw.cross_entropy_and_gradient(z, t),
    "cross_entropy_and_gradient, out=": lambda z, t, out: lambda: lw.cross_entropy_and_gradient(z, t, out=out),
}
EMPTY_ROUNDS, SECOND_ROUNDS = 2, 3


def main() -> None:
    print("| call, arrays in float32 | microseconds at 1x2 | at 64x10 |\n| --- | --- | --- |")
    for name in SMALL_CALLS:
        tiny, small = (_small_call(name, *shape) for shape in ((1, 2), (64, 10)))
        seconds = [min(times) for times in zip(*(_times(tiny, small) for _ in range(30)), strict=True)]
        print(f"| {name} | {seconds[0] * 1e6:.1f} | {seconds[1] * 1e6:.1f} |", flush=True)
    print("\n| first call in a process | caches empty, s | second process, s | / import numba |")
    print("| --- | --- | --- | --- |")
    base = 0.0
    for name, code in FIRST_CALLS.items():
        empty, second = _first_and_second(lambda environment, code=code: _seconds_of(code, environment))
        base = base or second
        print(f"| {name} | {empty:.2f} | {second:.2f} | {second / base:.2f} |", flush=True)
    empty, second = _first_and_second(lambda environment: float(_output_of(FIRST_FIT, environment)))
    print(f"| first Classifier.fit, less a later one | {empty:.2f} | {second:.2f} | |")


def _small_call(name: str, rows: int, classes: int) -> Callable[[], object]:
    generator = np.random.default_rng(0)
    logits, target = generator.standard_normal((rows, classes), np.float32), generator.integers(0, classes, rows)
    return SMALL_CALLS[name](logits, target, np.empty_like(logits))


def _times(*calls: Callable, repeats: int = 1000) -> list[float]:
    times = []
    for call in calls:
        started = time.thread_time()
        for _ in range(repeats):
            call()
        times.append((time.thread_time() - started) / repeats)
    return times


def _first_and_second(seconds_of: Callable[[dict[str, str]], float]) -> tuple[float, float]:
    """Return the seconds in a process that has to compile everything, and in one that finds it in the cache."""
    first: list[float] = []
    for _ in range(EMPTY_ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            environment = os.environ | {"NUMBA_CACHE_DIR": folder}
            first.append(seconds_of(environment))
            second = [seconds_of(environment) for _ in range(SECOND_ROUNDS)]
    return min(first), min(second)


def _seconds_of(code: str, environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _output_of(code, environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _output_of(code: str, environment: dict[str, str]) -> str:
    command = [sys.executable, "-W", "ignore", "-c", code]
    return subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
