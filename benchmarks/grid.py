"""`python -m benchmarks.grid [TASK ...] [--most 4e6] [--dtype float32] [--save]`: every shape of a grid, beside torch.

Contenders take turns call by call, as in a training loop: torch's threads spin as they do there, and results are new
memory. A cell is the median of the paired ratios, torch's time over ours: above 1, ours is faster. The page shows the
geometric mean, the worst cells first, and all cells.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from benchmarks.measure import geometric_mean
from torch import Tensor
from torch.nn import functional

import logitwise as lw

RESULTS = Path(__file__).parent / "grid-results.md"
ROWS = (1, 8, 64, 512, 1024, 8192, 65536)
CLASSES = (2, 3, 10, 16, 32, 64, 100, 128, 200, 256, 300, 500, 1000, 4096, 32000)
LEAST_CALLS, MOST_CALLS = 7, 2000
WORST = 10
Calls = tuple[Callable[[], object], Callable[[], object]]
Loss = Callable[[Tensor, Tensor], Tensor]


def of_divergence(logits: Tensor, target: Tensor) -> Tensor:
    own, other = torch.log_softmax(logits, -1), torch.log_softmax(target, -1)
    return functional.kl_div(own, other, log_target=True, reduction="batchmean")


def of_probabilities(logits: Tensor, target: Tensor) -> Tensor:
    return functional.kl_div(torch.log_softmax(logits, -1), target, reduction="batchmean")


def of_entropy(logits: Tensor, _: Tensor) -> Tensor:
    return -(torch.log_softmax(logits, -1) * torch.softmax(logits, -1)).sum(-1).mean()


def of_focal_loss(logits: Tensor, target: Tensor) -> Tensor:
    return focal_losses(logits, target).mean()


def focal_losses(logits: Tensor, target: Tensor) -> Tensor:
    """Return the usual formula, which loses the tail: `1 - exp(-loss)` is 0 in float32 from a loss of 3e-8 down."""
    surprise = functional.cross_entropy(logits, target, reduction="none")
    return (1 - torch.exp(-surprise)) ** 2.0 * surprise


def of_binary_focal_loss(logits: Tensor, target: Tensor) -> Tensor:
    return binary_focal_losses(logits, target).mean()


def binary_focal_losses(logits: Tensor, target: Tensor) -> Tensor:
    """Return what `torchvision.ops.sigmoid_focal_loss` computes, alpha 0.25 and gamma 2."""
    p = torch.sigmoid(logits)
    surprise = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    p_t = p * target + (1 - p) * (1 - target)
    return (0.25 * target + 0.75 * (1 - target)) * (surprise * (1 - p_t) ** 2.0)


def _indices(logits: Tensor) -> Tensor:
    return torch.randint(logits.shape[1], logits.shape[:1])


def _logits(logits: Tensor) -> Tensor:
    return torch.randn(logits.shape).mul_(3).to(logits.dtype)


def _probabilities(logits: Tensor) -> Tensor:
    return _logits(logits).softmax(-1)


def _labels(logits: Tensor) -> Tensor:
    return (torch.rand(logits.shape) < 0.3).to(logits.dtype)


# name -> our loss, torch's, and what makes the target from the logits
LOSSES: dict[str, tuple[Loss, Loss, Callable[[Tensor], Tensor]]] = {
    "CrossEntropyLoss": (lw.nn.CrossEntropyLoss(), torch.nn.CrossEntropyLoss(), _indices),
    "BCEWithLogitsLoss": (lw.nn.BCEWithLogitsLoss(), torch.nn.BCEWithLogitsLoss(), _labels),
    "focal_loss": (lw.focal_loss, of_focal_loss, _indices),
    "binary_focal_loss_with_logits": (lw.binary_focal_loss_with_logits, of_binary_focal_loss, _labels),
    "entropy": (lambda z, _: lw.entropy(z).mean(), of_entropy, _logits),
    "kl_divergence, target_logits": (lambda z, t: lw.kl_divergence(z, t), of_divergence, _logits),
    "kl_divergence, target_probabilities": (
        lambda z, t: lw.kl_divergence(z, target_probabilities=t),
        of_probabilities,
        _probabilities,
    ),
}
NORMALIZERS = {"softmax": (lw.softmax, torch.softmax), "log_softmax": (lw.log_softmax, torch.log_softmax)}


def _forward(name: str) -> Callable[[Tensor], Calls]:
    ours, theirs, target_of = LOSSES[name]

    def calls(logits: Tensor) -> Calls:
        target = target_of(logits)
        return lambda: ours(logits, target), lambda: theirs(logits, target)

    return calls


def _and_backward(name: str) -> Callable[[Tensor], Calls]:
    ours, theirs, target_of = LOSSES[name]

    def calls(logits: Tensor) -> Calls:
        leaf, target = logits.clone().requires_grad_(), target_of(logits)

        def step(loss: Loss) -> None:
            leaf.grad = None
            loss(leaf, target).backward()

        return lambda: step(ours), lambda: step(theirs)

    return calls


def _without_autograd(logits: Tensor) -> Calls:
    leaf, target = logits.clone().requires_grad_(), _indices(logits)
    return (
        lambda: lw.cross_entropy_and_gradient(logits, target),
        lambda: torch.autograd.grad(functional.cross_entropy(leaf, target), leaf),
    )


def _normalizer(name: str, with_out: bool) -> Callable[[Tensor], Calls]:
    ours, theirs = NORMALIZERS[name]

    def calls(logits: Tensor) -> Calls:
        if not with_out:
            return lambda: ours(logits), lambda: theirs(logits, -1)
        out = torch.empty_like(logits)
        return lambda: ours(logits, out=out), lambda: theirs(logits, -1, out=out)  # pyright: ignore[reportCallIssue]

    return calls


TASKS: dict[str, Callable[[Tensor], Calls]] = {
    "cross_entropy_and_gradient": _without_autograd,
    **{f"{name}, forward and backward": _and_backward(name) for name in LOSSES},
    **{f"{name}, forward": _forward(name) for name in LOSSES},
    **{
        f"{name}{', out=' if with_out else ''}": _normalizer(name, with_out)
        for name in NORMALIZERS
        for with_out in (False, True)
    },
}


def main() -> None:
    options = _options()
    warnings.simplefilter("ignore")
    tasks = [name for name in TASKS if not options.tasks or any(name.startswith(each) for each in options.tasks)]
    head = f"## {datetime.date.today()}: {options.dtype}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    lines = [head, ""]
    for name in tasks:
        for line in _page(name, _cells(name, options)):
            print(line, flush=True)
            lines.append(line)
    if options.save:
        with RESULTS.open("a") as file:
            file.write("\n".join(lines) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grid")
    parser.add_argument("tasks", nargs="*", help=f"beginnings of: {', '.join(TASKS)}")
    parser.add_argument("--most", type=float, default=4e6, help="logits of the largest shape")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--seconds", type=float, default=0.15, help="measuring time of a cell")
    parser.add_argument("--save", action="store_true", help=f"append to {RESULTS.name}")
    return parser.parse_args()


def _cells(name: str, options: argparse.Namespace) -> dict[tuple[int, int], tuple[float, float, float]]:
    """Return our time, torch's time and the ratio of each shape."""
    cells = {}
    for rows in ROWS:
        for classes in CLASSES:
            if rows * classes <= options.most:
                torch.manual_seed(rows + classes)
                logits = torch.randn(rows, classes).mul_(3).to(getattr(torch, options.dtype))
                cells[rows, classes] = in_turns(*TASKS[name](logits), options.seconds)
    return cells


def in_turns(ours: Callable[[], object], theirs: Callable[[], object], seconds: float) -> tuple[float, float, float]:
    """Return the medians of our time, of theirs, and of theirs over ours; one call each, in turns."""
    times: list[tuple[float, float]] = []
    for _ in range(3):
        ours(), theirs()
    started = time.perf_counter()
    while len(times) < LEAST_CALLS or (time.perf_counter() - started < seconds and len(times) < MOST_CALLS):
        before = time.perf_counter()
        ours()
        between = time.perf_counter()
        theirs()
        times.append((between - before, time.perf_counter() - between))
    mine, other = (statistics.median(column) for column in zip(*times, strict=True))
    return mine, other, statistics.median(b / a for a, b in times)


def _page(name: str, cells: dict[tuple[int, int], tuple[float, float, float]]) -> Iterator[str]:
    ratios = {shape: ratio for shape, (_, _, ratio) in cells.items()}
    worst = sorted(ratios, key=lambda shape: ratios[shape])
    below = sum(ratio < 1.0 for ratio in ratios.values())
    yield from (
        f"### {name}",
        "",
        f"torch's time over ours: geometric mean {geometric_mean(list(ratios.values())):.2f}, worst cell "
        f"{ratios[worst[0]]:.2f}, {below} of {len(ratios)} cells below 1.",
        "",
        "Worst cells: "
        + "; ".join(
            f"{rows}x{classes} {ratios[rows, classes]:.2f} ({cells[rows, classes][0] * 1e6:.0f} us, torch "
            f"{cells[rows, classes][1] * 1e6:.0f})"
            for rows, classes in worst[:WORST]
        )
        + ".",
        "",
        "| rows \\ classes | " + " | ".join(map(str, CLASSES)) + " |",
        "|" + " --- |" * (len(CLASSES) + 1),
    )
    for rows in ROWS:
        numbers = [f"{ratios[rows, c]:.2f}" if (rows, c) in ratios else "" for c in CLASSES]
        yield f"| {rows} | " + " | ".join(numbers) + " |"
    yield ""


if __name__ == "__main__":
    main()
