"""Compile the ordinary kernels before they are first used, which takes a minute or two, once per installation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np

import logitwise as lw
from logitwise import _notice

SHAPES = ((64, 3), (8, 300))  # few classes and many have kernels of their own

Step = tuple[str, list[Callable[[], Any]]]


def warm_up(tell: Callable[[str], object]) -> None:
    """Call every function in every ordinary way; `tell` gets a line for each, and one where nothing can be kept."""
    from logitwise.kernels.cpu.rows import sum_of  # here: with Numba, this is slow to import

    if not sum_of.is_kept:
        tell(f"Numba found no folder for compiled code: {_notice.HOW_TO_KEEP}.")
    steps = [*_steps_of_arrays("float32"), *_steps_of_arrays("float64")]
    if find_spec("torch") is not None:
        steps += [step for dtype in ("float32", "float64", "bfloat16") for step in _steps_of_tensors(dtype)]
    for place, (name, calls) in enumerate(steps, 1):
        tell(f"[{place}/{len(steps)}] {name}")
        for call in calls:
            call()


def _steps_of_arrays(dtype: str) -> Iterator[Step]:
    pairs = [_pair(shape, dtype) for shape in SHAPES]
    logits = [logits for logits, _ in pairs]
    labels = [(logits > 0).astype(dtype) for logits in logits]
    for function in (lw.softmax, lw.log_softmax, lw.logsumexp, lw.sigmoid, lw.log_sigmoid, lw.entropy):
        yield f"{function.__name__} ({dtype})", [_call(function, each) for each in logits]
    indices = lw.cross_entropy_and_gradient
    yield f"cross_entropy of class indices ({dtype})", [_call(indices, *pair) for pair in pairs]
    yield f"cross_entropy of distributions ({dtype})", [_call(indices, each, lw.softmax(each)) for each in logits]
    yield f"kl_divergence ({dtype})", [_call(lw.kl_divergence_and_gradient, each, 2 * each) for each in logits]
    binary = lw.binary_cross_entropy_with_logits_and_gradient
    yield f"binary_cross_entropy_with_logits ({dtype})", [_call(binary, logits[0], labels[0])]


def _steps_of_tensors(dtype: str) -> Iterator[Step]:
    import torch

    pairs = [tuple(map(torch.tensor, _pair(shape, "float32"))) for shape in SHAPES]
    pairs = [(logits.to(getattr(torch, dtype)), target) for logits, target in pairs]
    labels = [(logits > 0).to(logits.dtype) for logits, _ in pairs]
    for function in (lw.softmax, lw.log_softmax):
        yield f"{function.__name__} of tensors ({dtype})", [_call(function, logits) for logits, _ in pairs]
    losses = {"CrossEntropyLoss": lw.nn.CrossEntropyLoss(), "FocalLoss": lw.nn.FocalLoss()}
    if dtype == "float32":
        losses["CrossEntropyLoss with label smoothing"] = lw.nn.CrossEntropyLoss(label_smoothing=0.1)
    for name, loss in losses.items():
        yield f"{name} ({dtype})", [_call(_backward, loss, *pair) for pair in pairs]
    yield f"BCEWithLogitsLoss ({dtype})", [_call(_backward, lw.nn.BCEWithLogitsLoss(), pairs[0][0], labels[0])]


def _call(function: Callable, *arguments: Any) -> Callable[[], Any]:
    return lambda: function(*arguments)


def _pair(shape: tuple[int, int], dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Return logits, and a class index for each row."""
    return np.random.default_rng(0).normal(size=shape).astype(dtype), np.arange(shape[0]) % shape[1]


def _backward(loss: Callable, logits: Any, target: Any) -> None:
    loss(logits.clone().requires_grad_(), target).backward()
