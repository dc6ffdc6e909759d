"""Focal losses of tensors, forward and with backward, beside the usual formulas in torch eager.

Ours and theirs take turns; a row prints the median of the paired ratios, above 1 where ours is faster. The formula of
several classes loses the tail (`1 - exp(-loss)` is 0 in float32 from a loss of 3e-8 down), as the last column says: the
worst error of the loss of a row, in ulp.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import torch
from benchmarks.measure import paired
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

import logitwise as lw
from logitwise import reference

OPERATIONS = ("focal_loss",)
ROWS, CLASSES, MOST_LOGITS = (1, 64, 1024, 8192), (2, 10, 100, 1000, 32000), 1024 * 32000
ELEMENTS = (1, 1000, 100_000, 10_000_000)
HEADER = ("logits", "pass", "ours, us", "torch, us", "torch / ours", "quartiles", "error of ours", "error of torch")
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def tables(operation: str, shapes: list[str] | None, _: list[str] | None, seconds: float) -> Iterator[str]:
    """Yield the lines of the table, as they are measured; `--shape` does not apply: the grid is that of this file."""
    yield from (f"### {operation}", "", "| " + " | ".join(HEADER) + " |", "|" + " --- |" * len(HEADER))
    generator = torch.Generator().manual_seed(0)
    for rows in ROWS:
        for classes in CLASSES:
            if rows * classes <= MOST_LOGITS:
                logits = torch.randn(rows, classes, generator=generator) * 3
                target = torch.randint(classes, (rows,), generator=generator)
                yield from _lines(f"{rows}x{classes}", lw.focal_loss, of_classes, logits, target, seconds)
    for size in ELEMENTS:
        logits = torch.randn(size, generator=generator) * 3
        target = (torch.rand(size, generator=generator) < 0.3).float()
        yield from _lines(f"{size}", lw.binary_focal_loss_with_logits, of_elements, logits, target, seconds)


def of_classes(logits: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    """Return the usual formula."""
    surprise = cross_entropy(logits, target, reduction="none")
    losses = (1 - torch.exp(-surprise)) ** 2.0 * surprise
    return losses.mean() if reduction == "mean" else losses


def of_elements(logits: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    """Return what `torchvision.ops.sigmoid_focal_loss` computes, alpha 0.25 and gamma 2."""
    p = torch.sigmoid(logits)
    surprise = binary_cross_entropy_with_logits(logits, target, reduction="none")
    p_t = p * target + (1 - p) * (1 - target)
    losses = (0.25 * target + 0.75 * (1 - target)) * (surprise * (1 - p_t) ** 2.0)
    return losses.mean() if reduction == "mean" else losses


def _lines(
    name: str, ours: Loss, theirs: Loss, logits: torch.Tensor, target: torch.Tensor, seconds: float
) -> Iterator[str]:
    leaf = logits.clone().requires_grad_()
    errors = [_error(loss, logits, target) for loss in (ours, theirs)]

    def passes(loss: Loss) -> Callable[[], object]:
        return lambda: torch.autograd.grad(loss(leaf, target), leaf)

    for what, calls in (
        ("forward", {"ours": lambda: ours(logits, target), "torch": lambda: theirs(logits, target)}),
        ("and backward", {"ours": passes(ours), "torch": passes(theirs)}),
    ):
        timings = paired(calls, "ours", seconds)
        torchs = timings["torch"]
        cells = [name, what, f"{timings['ours'].seconds * 1e6:.4g}", f"{torchs.seconds * 1e6:.4g}"]
        cells += [f"{torchs.ratio:.2f}", f"{torchs.low:.2f}-{torchs.high:.2f}", *errors]
        yield "| " + " | ".join(cells) + " |"


def _error(loss: Loss, logits: torch.Tensor, target: torch.Tensor) -> str:
    """Return the worst error of a loss over the first rows, in ulp of float32."""
    count = max(1, 200_000 // max(1, logits[0].numel()))
    logits, target = logits[:count], target[:count]
    if logits.ndim == 2:
        truth = reference.one_hot(target.numpy(), logits.shape[1], 1)
        exact, factor = reference.focal_loss(logits.double().numpy(), truth, 2.0)[0], 1.0
    else:
        weight = 1.0 if loss is lw.binary_focal_loss_with_logits else 1 / 3
        exact = reference.binary_focal_loss_with_logits(logits.double().numpy(), target.numpy(), 2.0, weight)[0]
        factor = 1.0 if weight == 1.0 else 0.75
    values = loss(logits, target, reduction="none").double().numpy()  # pyright: ignore[reportCallIssue]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        size = np.maximum(np.exp2(np.floor(np.log2(np.abs(exact * factor)))) * 2.0**-23, 2.0**-149)
    return f"{np.max(np.abs(values - exact * factor) / size):.2g}"
