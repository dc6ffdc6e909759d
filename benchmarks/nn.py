"""The losses through autograd: a module's forward and backward pass, and a step of training, ours beside torch's.

Peak memory is that of the pass above the logits, divided by the size of the logits: 1 is one gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from benchmarks.cross_entropy import error, inputs
from benchmarks.measure import Timing, geometric_mean, paired, peak_bytes
from benchmarks.shapes import SHAPES, runs

import logitwise as lw

OPERATIONS = ("nn", "training_step")
OURS, OURS_COMPILED = "logitwise.nn", "logitwise.nn, torch.compile"
EAGER, COMPILED = "torch.nn", "torch.nn, torch.compile"
HEADERS = {
    "nn": ("shape", "dtype", "module", "ms", "/ ours", "quartiles", "peak, gradients", "error, ulp"),
    "training_step": ("network", "batch", "loss", "ms", "/ ours", "quartiles", "peak MB"),
}
NETWORKS = {"784-5-3": (784, 5, 3), "784-100-10": (784, 100, 10)}
BATCHES = (64, 256)
Ratios = dict[str, list[float]]


def tables(operation: str, shapes: list[str] | None, dtypes: list[str] | None, seconds: float) -> Iterator[str]:
    """Yield the lines of the table of an operation, as they are measured."""
    yield from (f"### {operation}", "", _line(HEADERS[operation]), "|" + " --- |" * len(HEADERS[operation]))
    ratios: Ratios = {}
    measured = _modules(shapes, dtypes, seconds, ratios) if operation == "nn" else _steps(seconds, ratios)
    yield from measured
    yield from ("", _summary(ratios), "")


def _modules(shapes: list[str] | None, dtypes: list[str] | None, seconds: float, ratios: Ratios) -> Iterator[str]:
    for name, dtype in runs(shapes, dtypes):
        logits, target = inputs(*SHAPES[name], dtype)
        calls = module_calls(logits, target)
        size = logits.numel() * logits.element_size()
        for contender, timing in _timed(calls, seconds, ratios).items():
            peak = peak_bytes(calls[contender])
            gradients = "" if peak is None or size < 1e6 else f"{peak / size:.1f}"
            wrong = f"{error(calls[contender], logits, target):.3g}"
            yield _line((name, dtype, contender, *_cells(timing), gradients, wrong))


def _steps(seconds: float, ratios: Ratios) -> Iterator[str]:
    for name, widths in NETWORKS.items():
        for batch in BATCHES:
            calls = step_calls(*widths, batch)
            for contender, timing in _timed(calls, seconds, ratios).items():
                peak = peak_bytes(calls[contender])
                yield _line((name, str(batch), contender, *_cells(timing), "" if peak is None else f"{peak / 1e6:.1f}"))


def module_calls(logits: torch.Tensor, target: torch.Tensor) -> dict[str, Callable[[], object]]:
    """Return one forward and backward pass of every module."""
    leaf = logits.detach().requires_grad_()
    torch._dynamo.reset()
    ours, theirs = lw.nn.CrossEntropyLoss(), torch.nn.CrossEntropyLoss()
    modules = {
        OURS: ours,
        OURS_COMPILED: torch.compile(ours, fullgraph=True),
        EAGER: theirs,
        COMPILED: torch.compile(theirs),
    }
    return {name: _pass(module, leaf, target) for name, module in modules.items()}


def _pass(module: Callable[..., torch.Tensor], leaf: torch.Tensor, target: torch.Tensor) -> Callable[[], object]:
    def call() -> tuple[torch.Tensor, torch.Tensor]:
        loss = module(leaf, target)
        return loss.detach(), torch.autograd.grad(loss, leaf)[0]

    return call


def step_calls(n_features: int, hidden: int, classes: int, batch: int) -> dict[str, Callable[[], object]]:
    """Return one step of training of the same network with either loss."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(batch, n_features, generator=generator)
    target = torch.randint(0, classes, (batch,), generator=generator)
    modules = {OURS: lw.nn.CrossEntropyLoss(), EAGER: torch.nn.CrossEntropyLoss()}
    return {name: _step(module, rows, target, (n_features, hidden, classes)) for name, module in modules.items()}


def _step(
    module: Callable[..., torch.Tensor], rows: torch.Tensor, target: torch.Tensor, widths: tuple[int, int, int]
) -> Callable[[], object]:
    torch.manual_seed(0)
    network = lw.nn.FeedForward(*widths)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)

    def step() -> None:
        optimizer.zero_grad()
        module(network(rows), target).backward()
        optimizer.step()

    return step


def _timed(calls: dict[str, Callable[[], object]], seconds: float, ratios: Ratios) -> dict[str, Timing]:
    timings = paired(calls, OURS, seconds)
    for contender, timing in timings.items():
        ratios.setdefault(contender, []).append(timing.ratio)
    return timings


def _cells(timing: Timing) -> tuple[str, str, str]:
    return f"{timing.seconds * 1e3:.3g}", f"{timing.ratio:.2f}", f"{timing.low:.2f}-{timing.high:.2f}"


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _summary(ratios: Ratios) -> str:
    means = [f"{key} {geometric_mean(values):.2f} (least {min(values):.2f})" for key, values in ratios.items()]
    return "Geometric mean of time / ours: " + "; ".join(means) + "."
