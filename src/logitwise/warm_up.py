"""Compile the ordinary kernels before they are first used, which takes a minute or two, once per installation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import product
from typing import Any

import numpy as np

import logitwise as lw
from logitwise import _notice

CLASSES = (3, 300)  # few and many have kernels of their own
SMALL, LARGE = 1_000, 100_000  # logits: small calls have kernels of their own

Step = tuple[str, list[Callable[[], Any]]]


def warm_up(tell: Callable[[str], object]) -> None:
    """Call every function in every ordinary way; `tell` gets a line for each, and one where nothing can be kept."""
    from logitwise.kernels.cpu.rows import sum_of  # here: with Numba, this is slow to import

    if not sum_of.is_kept:
        tell(f"Numba found no folder for compiled code: {_notice.HOW_TO_KEEP}.")
    steps = [*_steps("float32"), *_steps("float64")]
    for place, (name, calls) in enumerate(steps, 1):
        tell(f"[{place}/{len(steps)}] {name}")
        for call in calls:
            call()


def _steps(dtype: str) -> Iterator[Step]:
    few, many = _logits(SMALL, CLASSES[0], dtype), _logits(SMALL, CLASSES[1], dtype)
    of_rows = product((lw.softmax, lw.log_softmax, lw.logsumexp, lw.entropy), (few, many))
    yield f"softmax, log_softmax, logsumexp, entropy ({dtype})", [_call(*each) for each in of_rows]
    yield f"sigmoid, log_sigmoid ({dtype})", [_call(lw.sigmoid, few), _call(lw.log_sigmoid, few)]
    sizes = [_logits(size, classes, dtype) for size, classes in product((SMALL, LARGE), CLASSES)]
    of_indices = [_call(lw.cross_entropy_and_gradient, logits, _indices(logits)) for logits in sizes]
    yield f"cross_entropy of class indices ({dtype})", of_indices
    of_distributions = [_call(lw.cross_entropy_and_gradient, logits, lw.softmax(logits)) for logits in (few, many)]
    yield f"cross_entropy of distributions ({dtype})", of_distributions
    yield f"kl_divergence ({dtype})", [_call(lw.kl_divergence_and_gradient, x, 2 * x) for x in (few, many)]
    binary = lw.binary_cross_entropy_with_logits_and_gradient
    yield f"binary_cross_entropy_with_logits ({dtype})", [_call(binary, few, (few > 0).astype(dtype))]
    if find_spec("torch") is not None:
        yield f"CrossEntropyLoss of tensors ({dtype})", [_call(_loss_of_tensor, logits) for logits in (few, many)]


def _call(function: Callable, *arguments: Any) -> Callable[[], Any]:
    return lambda: function(*arguments)


def _logits(size: int, classes: int, dtype: str) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(size // classes, classes)).astype(dtype)


def _indices(logits: np.ndarray) -> np.ndarray:
    return np.arange(len(logits)) % logits.shape[1]


def _loss_of_tensor(logits: np.ndarray) -> None:
    import torch

    lw.nn.CrossEntropyLoss()(torch.tensor(logits, requires_grad=True), torch.tensor(_indices(logits))).backward()
