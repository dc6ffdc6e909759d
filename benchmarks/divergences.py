"""kl_divergence and entropy, forward and with a backward pass: ours beside the composition of torch's operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from benchmarks.measure import geometric_mean, paired

import logitwise as lw

OPERATIONS = ("kl_divergence", "entropy")
OURS, EAGER = "logitwise", "torch eager"
SHAPES = [(r, c) for r in (1, 64, 1024, 8192) for c in (2, 10, 100, 1000, 32000) if r * c <= 1024 * 32000]
TEMPERATURE = 2.0
HEADER = "| shape | dtype | pass | logitwise, ms | torch / ours | quartiles |"


def tables(operation: str, shapes: list[str] | None, dtypes: list[str] | None, seconds: float) -> Iterator[str]:
    """Yield the lines of the table of an operation, as they are measured."""
    yield from (f"### {operation}", "", HEADER, "|" + " --- |" * 6)
    ratios: dict[str, list[float]] = {}
    for rows, classes in SHAPES:
        name = f"{rows}x{classes}"
        for dtype in ("float32", "float64"):
            if (shapes and name not in shapes) or (dtypes and dtype not in dtypes):
                continue
            for what, calls in passes(operation, rows, classes, dtype).items():
                timing, ours = (paired(calls, OURS, seconds)[key] for key in (EAGER, OURS))
                ratios.setdefault(what, []).append(timing.ratio)
                cells = (name, dtype, what, f"{ours.seconds * 1e3:.3g}", f"{timing.ratio:.2f}")
                yield "| " + " | ".join((*cells, f"{timing.low:.2f}-{timing.high:.2f}")) + " |"
    means = [f"{what} {geometric_mean(values):.2f} (least {min(values):.2f})" for what, values in ratios.items()]
    yield from ("", "Geometric mean of torch / ours: " + "; ".join(means) + ".", "")


def passes(operation: str, rows: int, classes: int, dtype: str) -> dict[str, dict[str, Callable[[], object]]]:
    """Return what to time: the forward pass alone, and with the backward pass."""
    generator = torch.Generator().manual_seed(rows + classes)
    logits, target = torch.randn(2, rows, classes, generator=generator).to(getattr(torch, dtype))
    leaf = logits.clone().requires_grad_()
    losses = {
        "kl_divergence": {OURS: lambda z: lw.kl_divergence(z, target, temperature=TEMPERATURE),
                          EAGER: lambda z: _torch_divergence(z, target)},
        "entropy": {OURS: lw.entropy, EAGER: _torch_entropy},
    }[operation]  # fmt: skip
    return {
        "forward": {name: lambda loss=loss: loss(logits) for name, loss in losses.items()},
        "and backward": {
            name: lambda loss=loss: torch.autograd.grad(loss(leaf).sum(), leaf) for name, loss in losses.items()
        },
    }


def _torch_divergence(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    own, other = torch.log_softmax(logits / TEMPERATURE, -1), torch.log_softmax(target / TEMPERATURE, -1)
    return torch.nn.functional.kl_div(own, other, log_target=True, reduction="batchmean")


def _torch_entropy(logits: torch.Tensor) -> torch.Tensor:
    return -(torch.log_softmax(logits, -1) * torch.softmax(logits, -1)).sum(-1)
