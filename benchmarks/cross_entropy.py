"""Cross-entropy with its gradient: ours and every peer, on the same logits and class indices."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import logitwise as lw
from logitwise import reference
from logitwise.functional._memory import recycling as _recycling
from logitwise.functional._memory.recycling import SMALLEST

OURS, OURS_OUT = "logitwise", "logitwise out="


def inputs(rows: int, classes: int, dtype: str) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(rows + classes)
    logits = torch.randn(rows, classes, generator=generator).mul_(4.0).to(getattr(torch, dtype))
    return logits, torch.randint(0, classes, (rows,), generator=generator)


def contenders(logits: torch.Tensor, target: torch.Tensor) -> dict[str, Callable[[], Any]]:
    """Return what to time, by name; each call returns (loss, gradient)."""
    calls = {**_ours(logits, target), "torch eager": _torch(logits, target), "torch.compile": compiled(logits, target)}
    if logits.dtype == torch.bfloat16:
        return calls
    calls |= {"JAX jit": jax_jit(logits, target), "NumPy": _numpy(logits, target)}
    if logits.shape[1] > 2:
        calls["scikit-learn out="] = _scikit_learn(logits, target)
    return calls


def _ours(logits: torch.Tensor, target: torch.Tensor) -> dict[str, Callable[[], Any]]:
    arrays = (logits, target) if logits.dtype == torch.bfloat16 else (logits.numpy(), target.numpy())
    out = torch.empty_like(logits) if logits.dtype == torch.bfloat16 else np.empty_like(arrays[0])
    calls = {
        OURS: lambda: lw.cross_entropy_and_gradient(*arrays),
        OURS_OUT: lambda: lw.cross_entropy_and_gradient(*arrays, out=out),
    }
    if logits.numel() * logits.element_size() >= SMALLEST:
        calls[f"{OURS}, new memory"] = lambda: _in_new_memory(lambda: lw.cross_entropy_and_gradient(*arrays))
    return calls


def _in_new_memory(call: Callable[[], Any]) -> Any:
    """Call where no earlier result waits to be recycled, as in a program that keeps every gradient."""
    _recycling._waiting.clear()
    return call()


def _torch(logits: torch.Tensor, target: torch.Tensor) -> Callable[[], Any]:
    leaf = logits.detach().requires_grad_()

    def call() -> Any:
        loss = torch.nn.functional.cross_entropy(leaf, target)
        return loss.detach(), torch.autograd.grad(loss, leaf)[0]

    return call


def compiled(logits: torch.Tensor, target: torch.Tensor) -> Callable[[], Any]:
    """Return torch's loss and gradient in one compiled function, which takes less time than a compiled loss alone."""
    torch._dynamo.reset()
    gradient_and_loss = torch.compile(torch.func.grad_and_value(torch.nn.functional.cross_entropy))

    def call() -> Any:
        gradient, loss = gradient_and_loss(logits, target)
        return loss, gradient

    return call


def jax_jit(logits: torch.Tensor, target: torch.Tensor) -> Callable[[], Any]:
    import jax

    jax.config.update("jax_enable_x64", True)

    def loss_of(z: Any, t: Any) -> Any:
        log_probabilities = jax.nn.log_softmax(z)
        return -jax.numpy.take_along_axis(log_probabilities, t[:, None], axis=1).mean()

    compiled = jax.jit(jax.value_and_grad(loss_of))
    z, t = jax.numpy.asarray(logits.numpy()), jax.numpy.asarray(target.numpy())
    return lambda: jax.block_until_ready(compiled(z, t))


def _scikit_learn(logits: torch.Tensor, target: torch.Tensor) -> Callable[[], Any]:
    from sklearn._loss.loss import HalfMultinomialLoss

    z = logits.numpy()
    loss = HalfMultinomialLoss(n_classes=z.shape[1])
    y = target.numpy().astype(z.dtype)
    even = np.full(len(z), 1.0 / len(z), z.dtype)
    losses, gradient = np.empty(len(z), z.dtype), np.empty_like(z)

    def call() -> Any:
        loss.loss_gradient(y, z, even, loss_out=losses, gradient_out=gradient, n_threads=torch.get_num_threads())
        return losses.sum(), gradient

    return call


def _numpy(logits: torch.Tensor, target: torch.Tensor) -> Callable[[], Any]:
    z, t = logits.numpy(), target.numpy()
    rows = np.arange(len(z))

    def call() -> Any:
        shifted = z - z.max(1, keepdims=True)
        gradient = np.exp(shifted)
        total = gradient.sum(1, keepdims=True)
        loss = (np.log(total[:, 0]) - shifted[rows, t]).mean()
        gradient /= total
        gradient[rows, t] -= 1.0
        gradient /= len(z)
        return loss, gradient

    return call


def error(call: Callable[[], Any], logits: torch.Tensor, target: torch.Tensor) -> float:
    """Return the worst error of the gradient over the first rows, in ulp of the exact value."""
    rows = min(len(logits), max(1, 200_000 // logits.shape[1]))
    z = logits[:rows].double().numpy()
    exact = reference.cross_entropy(z, reference.one_hot(target[:rows].numpy(), z.shape[1], 1))[1] / len(logits)
    gradient = call()[1]
    if isinstance(gradient, torch.Tensor):
        gradient = gradient.double().numpy()
    actual = np.asarray(gradient)[:rows].astype(np.float64)
    info = torch.finfo(logits.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        size = np.maximum(np.exp2(np.floor(np.log2(np.abs(exact)))) * info.eps, info.tiny * info.eps)
    return float(np.max(np.abs(actual - exact) / size))


def bytes_moved(logits: torch.Tensor) -> int:
    """Return the least that must move: the logits read once, the gradient written once."""
    return 2 * logits.numel() * logits.element_size()
