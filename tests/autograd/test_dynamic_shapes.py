"""One compilation serves every batch size: with dynamic, marked and automatic shapes, and of exported models."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo.backends.debugging import aot_eager, eager
from torch.testing import assert_close

import logitwise as lw

CLASSES, PLACES = 5, 4  # no batch below has such a size: torch takes sizes that are equal for one size
BATCHES = [2, 3, 7, 1000, 20_000]
WEIGHT = torch.tensor([0.5, 1.0, 2.0, 0.25, 1.5])
Z, CHOSEN, SOFT, UNIT, IMAGES, LABELS, ROWS = range(7)

FUNCTIONS = {
    "softmax": lambda a: lw.softmax(a[Z], temperature=2.0),
    "softmax, mask": lambda a: lw.softmax(a[Z], mask=a[Z] > -1.0),
    "log_softmax": lambda a: lw.log_softmax(a[Z]),
    "logsumexp": lambda a: lw.logsumexp(a[Z], keepdims=True),
    "sigmoid": lambda a: lw.sigmoid(a[Z]),
    "log_sigmoid": lambda a: lw.log_sigmoid(a[Z]),
    "network": lambda a: lw.softmax(NETWORK(a[Z])),
}
LOSSES = {
    "indices": lambda a: lw.cross_entropy(a[Z], a[CHOSEN]),
    "none": lambda a: lw.cross_entropy(a[Z], a[CHOSEN], reduction="none", label_smoothing=0.1, z_loss=0.1),
    "class weights": lambda a: lw.cross_entropy(a[Z], a[CHOSEN], class_weight=WEIGHT),
    "sample weights": lambda a: lw.cross_entropy(a[Z], a[CHOSEN], sample_weight=a[ROWS]),
    "normalizer": lambda a: lw.cross_entropy(a[Z], a[CHOSEN], normalizer=2 * a[Z].shape[0]),
    "sixteen bits": lambda a: lw.cross_entropy(a[Z].bfloat16(), a[CHOSEN], normalizer=a[Z].shape[0]),
    "soft": lambda a: lw.cross_entropy(a[Z], a[SOFT], class_weight=WEIGHT, sample_weight=a[ROWS]),
    "images": lambda a: lw.cross_entropy(a[IMAGES], a[LABELS], axis=1),
    "binary": lambda a: lw.binary_cross_entropy_with_logits(a[Z], a[UNIT], pos_weight=WEIGHT),
    "binary, normalizer": lambda a: lw.binary_cross_entropy_with_logits(a[Z], a[UNIT], normalizer=a[Z].numel()),
    "binary, missing": lambda a: lw.binary_cross_entropy_with_logits(a[Z], a[UNIT], missing="ignore"),
    "log_loss": lambda a: lw.log_loss(a[SOFT], a[CHOSEN]),
}
MODULES = {
    "CrossEntropyLoss": lambda a: lw.nn.CrossEntropyLoss(WEIGHT, label_smoothing=0.1)(a[Z], a[CHOSEN]),
    "CrossEntropyLoss, images": lambda a: lw.nn.CrossEntropyLoss()(a[IMAGES], a[LABELS]),
    "CrossEntropyLoss, soft": lambda a: lw.nn.CrossEntropyLoss()(a[Z], a[SOFT]),
    "CrossEntropyLoss, soft and weights": lambda a: lw.nn.CrossEntropyLoss(WEIGHT)(a[Z], a[SOFT]),
    "BCEWithLogitsLoss": lambda a: lw.nn.BCEWithLogitsLoss()(a[Z], a[UNIT]),
    "BCEWithLogitsLoss, weights": lambda a: lw.nn.BCEWithLogitsLoss(WEIGHT, pos_weight=WEIGHT)(a[Z], a[UNIT]),
    "BCELoss": lambda a: lw.nn.BCELoss(WEIGHT)(a[UNIT], a[SOFT]),
    "NLLLoss": lambda a: lw.nn.NLLLoss(WEIGHT)(a[Z], a[CHOSEN]),
    "KLDivLoss": lambda a: lw.nn.KLDivLoss(reduction="batchmean")(a[Z], a[SOFT]),
    "KLDivLoss, logarithms": lambda a: lw.nn.KLDivLoss(reduction="sum", log_target=True)(a[Z], -a[UNIT]),
    "Softmax": lambda a: lw.nn.Softmax(1)(a[IMAGES]),
}
GROUPS = {"functions": FUNCTIONS, "losses": LOSSES, "modules": MODULES}
torch.manual_seed(0)
NETWORK = lw.nn.FeedForward(CLASSES, (6,), 3)


def arguments(batch: int) -> list[Tensor]:
    """Return logits, indices, distributions, labels in [0, 1], images and their labels, and weights of rows."""
    generator = torch.Generator().manual_seed(batch)
    logits = torch.randn(batch, CLASSES, generator=generator)
    chosen = torch.randint(0, CLASSES, (batch,), generator=generator)
    soft = torch.randn(batch, CLASSES, generator=generator).softmax(1)
    unit = torch.rand(batch, CLASSES, generator=generator)
    images = torch.randn(batch, CLASSES, PLACES, generator=generator)
    labels = torch.randint(0, CLASSES, (batch, PLACES), generator=generator)
    return [logits, chosen, soft, unit, images, labels, torch.rand(batch, generator=generator) + 0.5]


class Group(torch.nn.Module):
    """All functions of a group, as one module."""

    def __init__(self, functions: dict[str, Callable[..., Any]]) -> None:
        super().__init__()
        self.functions = tuple(functions.values())

    def forward(self, *arrays: Tensor) -> list[Tensor]:
        return [function(arrays) for function in self.functions]


def outcome(group: Callable[..., Any], batch: int, mark: bool = False) -> list[Tensor]:
    """Return the results of a group and the gradients of the logits; with `mark`, of tensors with a dynamic batch."""
    arrays = arguments(batch)
    arrays[Z].requires_grad_()
    arrays[IMAGES].requires_grad_()
    for array in arrays if mark else ():
        torch._dynamo.mark_dynamic(array, 0)
    results = group(*arrays)
    loss = sum((result * result.detach().cos()).mean() for result in results)  # of outer gradients that differ
    gradients = torch.autograd.grad(loss, [arrays[Z], arrays[IMAGES]], allow_unused=True)
    return [result.detach() for result in results] + [each for each in gradients if each is not None]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, while its compiler is imported
@pytest.mark.parametrize(
    ("name", "mode", "backend", "compiled_at"),
    [
        ("functions", "marked", eager, {2}),
        ("losses", "automatic", eager, {2, 3}),
        ("modules", "dynamic", aot_eager, {2}),
    ],
    ids=["functions", "losses", "modules"],
)
def test_compiled_once_for_all_batch_sizes(name, mode, backend, compiled_at):
    """Torch may call its backend several times in one compilation, so batches at which it does are counted."""
    torch.compiler.reset()
    batches = set()

    def noted(graph: Any, inputs: Any) -> Any:
        batches.add(batch)
        return backend(graph, inputs)

    group = Group(GROUPS[name])
    compiled = torch.compile(group, backend=noted, fullgraph=True, dynamic=True if mode == "dynamic" else None)
    for batch in BATCHES:
        for found, expected in zip(outcome(compiled, batch, mode == "marked"), outcome(group, batch), strict=True):
            assert_close(found, expected)
    assert batches == compiled_at


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_exported_with_a_batch_of_any_size():
    functions = {name: function for name, function in LOSSES.items() if "normalizer" in name or name == "images"}
    functions |= {name: function for name, function in MODULES.items() if name.startswith(("BCEW", "KL", "CrossE"))}
    group, axes = Group(functions), tuple({0: torch.export.Dim("batch")} for _ in arguments(2))
    exported = torch.export.export(group, tuple(arguments(7)), dynamic_shapes={"arrays": axes}).module()
    for size in (1, 3, 1000):
        for found, expected in zip(exported(*arguments(size)), group(*arguments(size)), strict=True):
            assert_close(found, expected)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_first_compilation_of_a_process_is_not_repeated():
    """Routes of tensors are imported with the first tensor; a compiler must not guard what that import sets."""
    program = (
        "import torch, logitwise as lw\n"
        "count = 0\n"
        "def counted(graph, inputs):\n    global count\n    count += 1\n    return graph.forward\n"
        "compiled = torch.compile(lw.softmax, backend=counted, fullgraph=True, dynamic=True)\n"
        "for rows in (2, 3, 4):\n    compiled(torch.zeros(rows, 7))\n    lw.softmax(torch.zeros(rows, 7))\n"
        "print(count)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert run.stdout == "1\n"
