"""What is measured: ours and its peers, for logits of any shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from benchmarks import usual_formulas as usual
from benchmarks.grid import peers
from benchmarks.grid.measuring import Call
from torch import Tensor
from torch.nn import functional

import logitwise as lw

EAGER = "torch eager"
FEATURES = 256  # of the linear layer of a training step
RANDOM = 1 << 20  # logits that differ; larger shapes repeat them
Calls = tuple[Call, dict[str, Call]]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Task:
    """Something to measure at every shape."""

    group: str
    variant: str
    calls: Callable[[Tensor], Calls]
    copies: int  # arrays as large as the logits in memory at once, at most
    is_compiled: bool = False  # for every shape anew, so only few shapes are measured

    @property
    def name(self) -> str:
        return f"{self.group}, {self.variant}"


def logits_of(rows: int, classes: int, dtype: str) -> Tensor:
    """Return random logits; after a million they repeat, because making new ones takes longer than a call."""
    generator = torch.Generator().manual_seed(rows + classes)
    values = torch.randn(min(rows * classes, RANDOM), generator=generator).mul_(3).to(getattr(torch, dtype))
    return values.repeat(-(-rows * classes // len(values)))[: rows * classes].view(rows, classes).contiguous()


def _indices(logits: Tensor) -> Tensor:
    return torch.randint(logits.shape[1], logits.shape[:1], generator=torch.Generator().manual_seed(1))


def _other_logits(logits: Tensor) -> Tensor:
    return logits.flip(0, 1).contiguous() if len(logits) > 1 else logits.flip(1).contiguous()


def _probabilities(logits: Tensor) -> Tensor:
    return _other_logits(logits).softmax(-1)


def _labels(logits: Tensor) -> Tensor:
    return (_other_logits(logits) > 1.5).to(logits.dtype)


# name -> our loss, torch's, and what makes the target from the logits
LOSSES: dict[str, tuple[Loss, Loss, Callable[[Tensor], Tensor]]] = {
    "nn.CrossEntropyLoss": (lw.nn.CrossEntropyLoss(), torch.nn.CrossEntropyLoss(), _indices),
    "nn.BCEWithLogitsLoss": (lw.nn.BCEWithLogitsLoss(), torch.nn.BCEWithLogitsLoss(), _labels),
    "focal_loss": (lw.focal_loss, lambda z, t: usual.focal_losses(z, t).mean(), _indices),
    "binary_focal_loss_with_logits": (
        lw.binary_focal_loss_with_logits,
        lambda z, t: usual.binary_focal_losses(z, t).mean(),
        _labels,
    ),
    "entropy": (lambda z, _: lw.entropy(z).mean(), lambda z, _: usual.entropy(z), _other_logits),
    "kl_divergence, target_logits": (lambda z, t: lw.kl_divergence(z, t), usual.divergence_of_logits, _other_logits),
    "kl_divergence, target_probabilities": (
        lambda z, t: lw.kl_divergence(z, target_probabilities=t),
        usual.divergence_of_probabilities,
        _probabilities,
    ),
}
STEP_LOSSES: dict[str, tuple[Loss, Loss]] = {
    "nn.CrossEntropyLoss": LOSSES["nn.CrossEntropyLoss"][:2],
    "cross_entropy": (lw.cross_entropy, functional.cross_entropy),
}
NORMALIZERS = {"softmax": (lw.softmax, torch.softmax), "log_softmax": (lw.log_softmax, torch.log_softmax)}


def _forward(name: str, logits: Tensor) -> Calls:
    ours, theirs, target_of = LOSSES[name]
    target = target_of(logits)
    return lambda: ours(logits, target), {EAGER: lambda: theirs(logits, target)}


def _and_backward(name: str, logits: Tensor) -> Calls:
    ours, theirs, target_of = LOSSES[name]
    leaf, target = logits.requires_grad_(), target_of(logits.detach())

    def step(loss: Loss) -> None:
        leaf.grad = None
        loss(leaf, target).backward()

    return lambda: step(ours), {EAGER: lambda: step(theirs)}


def _training_step(name: str, logits: Tensor) -> Calls:
    """Return a linear layer, the loss and backward, without an optimizer; only the shape of the logits counts."""
    ours, theirs = STEP_LOSSES[name]
    target, (rows, classes) = _indices(logits), logits.shape
    inputs = logits_of(rows, FEATURES, str(logits.dtype).removeprefix("torch."))
    layer = torch.nn.Linear(FEATURES, classes, dtype=logits.dtype)

    def step(loss: Loss) -> None:
        layer.zero_grad(set_to_none=True)
        loss(layer(inputs), target).backward()

    return lambda: step(ours), {EAGER: lambda: step(theirs)}


def _without_autograd(logits: Tensor) -> Calls:
    leaf, target = logits.clone().requires_grad_(), _indices(logits)
    return (
        lambda: lw.cross_entropy_and_gradient(logits, target),
        {EAGER: lambda: torch.autograd.grad(functional.cross_entropy(leaf, target), leaf)},
    )


def _beside_all(logits: Tensor) -> Calls:
    ours, eager = _without_autograd(logits)
    return ours, eager | {name: call(logits, _indices(logits)) for name, call in peers.available().items()}


def _normalizer(name: str, with_out: bool, logits: Tensor) -> Calls:
    ours, theirs = NORMALIZERS[name]
    if not with_out:
        return lambda: ours(logits), {EAGER: lambda: theirs(logits, -1)}
    out = torch.empty_like(logits)
    return lambda: ours(logits, out=out), {EAGER: lambda: theirs(logits, -1, out=out)}  # pyright: ignore[reportCallIssue]


def _tasks() -> list[Task]:
    function = "cross_entropy_and_gradient"
    listed = [Task(function, "beside torch eager", _without_autograd, 5)]
    listed.append(Task(function, "beside the fastest peer", _beside_all, 8, is_compiled=True))
    for name in LOSSES:
        listed.append(Task(name, "forward and backward", partial(_and_backward, name), 10))
        listed.append(Task(name, "forward", partial(_forward, name), 8))
    listed += [Task("training step", name, partial(_training_step, name), 6) for name in STEP_LOSSES]
    for name in NORMALIZERS:
        listed.append(Task(name, "new result", partial(_normalizer, name, False), 3))
        listed.append(Task(name, "out=", partial(_normalizer, name, True), 2))
    return listed


TASKS = _tasks()
