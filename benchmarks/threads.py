"""`python -m benchmarks.threads [--seconds 0.3]`: what a second thread gains, and the memory bandwidth.

The first table has jobs of more than 0.2 ms on one thread: the time on one thread over the time on all of them, with
nothing else going on, and right after a torch operation, whose threads then wait. The second has arrays larger than
the caches: bytes read and written in a second, as a share of those of a copy by torch with the same threads.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import torch
from benchmarks.grid.measuring import Call, in_turns
from benchmarks.grid.tasks import logits_of
from torch import Tensor

import logitwise as lw

LEAST_SECONDS = 2e-4
SHAPES = (
    (1024, 100),
    (8192, 16),
    (8192, 32),
    (512, 1000),
    (2048, 256),
    (64, 32000),
    (8192, 300),
    (65536, 10),
    (65536, 64),
)
LARGE_SHAPES = ((524288, 32), (262144, 100), (32768, 1000), (8192, 8192), (2048, 32000))  # 67 to 268 MB in float32
LEAST_TURNS = 7


def _of_indices(logits: Tensor) -> Tensor:
    return torch.arange(len(logits)) % logits.shape[1]


def _cross_entropy(logits: Tensor) -> Call:
    target, out = _of_indices(logits), torch.empty_like(logits)
    return lambda: lw.cross_entropy_and_gradient(logits, target, out=out)


def _normalizer(function: Callable[..., Tensor]) -> Callable[[Tensor], Call]:
    def job(logits: Tensor) -> Call:
        out = torch.empty_like(logits)
        return lambda: function(logits, out=out)

    return job


def _module(loss: Callable[..., Tensor], target_of: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Call]:
    def job(logits: Tensor) -> Call:
        leaf, target = logits.clone().requires_grad_(), target_of(logits)
        return lambda: torch.autograd.grad(loss(leaf, target), leaf)

    return job


WITH_OUT: dict[str, Callable[[Tensor], Call]] = {
    "softmax, out=": _normalizer(lw.softmax),
    "log_softmax, out=": _normalizer(lw.log_softmax),
    "cross_entropy_and_gradient, out=": _cross_entropy,
}
JOBS = WITH_OUT | {
    "nn.CrossEntropyLoss, forward and backward": _module(lw.nn.CrossEntropyLoss(), _of_indices),
    "nn.BCEWithLogitsLoss, forward and backward": _module(lw.nn.BCEWithLogitsLoss(), torch.sigmoid),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.threads")
    parser.add_argument("--seconds", type=float, default=0.3, help="measuring time of a job")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    _print_gains(options.seconds)
    _print_bandwidths(options.seconds)


def _print_gains(seconds: float) -> None:
    columns = (
        "job, float32",
        "shape",
        "ms on one thread",
        f"over {lw.threads()} threads",
        "right after torch",
        "of a copy",
    )
    print(f"| {' | '.join(columns)} |")
    print("| --- | --- | --- | --- | --- | --- |")
    matrix = torch.ones(256, 256)
    for name, job in JOBS.items():
        for rows, classes in SHAPES:
            logits = logits_of(rows, classes, "float32")
            call = job(logits)
            one, alone = gain(call, call, seconds)
            if one > LEAST_SECONDS:
                after = gain(call, lambda: matrix @ matrix, seconds)[1]
                cells = (name, f"{rows}x{classes}", f"{one * 1e3:.3g}", f"{alone:.2f}", f"{after:.2f}")
                print(f"| {' | '.join(cells)} | {bandwidth(call, logits, seconds)[1]:.0%} |", flush=True)


def gain(call: Call, before: Call, seconds: float) -> tuple[float, float]:
    """Return the seconds on one thread, and how many times those on all threads they are; `before` is not timed."""
    every = lw.threads()
    turns: list[tuple[float, float]] = []
    started = time.perf_counter()
    try:
        while len(turns) < LEAST_TURNS or time.perf_counter() - started < seconds:
            turns.append((_seconds(call, before, 1), _seconds(call, before, every)))
    finally:
        lw.threads(every)
    return statistics.median(one for one, _ in turns), statistics.median(one / more for one, more in turns)


def _seconds(call: Call, before: Call, threads: int) -> float:
    lw.threads(threads)
    before()
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _print_bandwidths(seconds: float) -> None:
    print("\n| larger than the caches, float32 | shape | GB/s | of a copy |\n| --- | --- | --- | --- |")
    for name, job in WITH_OUT.items():
        for rows, classes in LARGE_SHAPES:
            logits = logits_of(rows, classes, "float32")
            speed, share = bandwidth(job(logits), logits, seconds)
            print(f"| {name} | {rows}x{classes} | {speed / 1e9:.1f} | {share:.0%} |", flush=True)


def bandwidth(call: Call, logits: Tensor, seconds: float) -> tuple[float, float]:
    """Return the bytes in a second of a call that reads and writes such an array once, and as a share of a copy's."""
    result = torch.empty_like(logits)
    turns = in_turns([call, lambda: result.copy_(logits)], seconds)
    moved = 2 * logits.numel() * logits.element_size()
    return moved / statistics.median(ours for ours, _ in turns), statistics.median(copy / ours for ours, copy in turns)


if __name__ == "__main__":
    main()
