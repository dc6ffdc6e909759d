"""Which way tensors take, and the kernels behind autograd.

A loss computes its gradient in the same pass as its value and hands it over in the backward pass. What has no kernel
(another device, a compiler or function transform that traces, forward mode, a derivative of the derivative) goes by
the plain operations of `_torch_definitions.py`, which are differentiable to every order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad

from logitwise.functional import _torch_definitions as definitions

_ORDINARY = (Tensor, torch.nn.Parameter)


class Way(Enum):
    """How a function of tensors is computed."""

    MEMORY = auto()  # by kernels, with nothing recorded
    RECORDED = auto()  # by kernels, recorded for the gradient of the first tensor
    OPERATIONS = auto()  # by plain torch operations


def way_of(first: Tensor, *others: Tensor | None) -> Way:
    """Return which way a function of these tensors takes."""
    if torch.compiler.is_compiling() or forward_ad._current_level >= 0 or torch._C._functorch.peek_interpreter_stack():  # pyright: ignore[reportAttributeAccessIssue]
        return Way.OPERATIONS
    recording = torch.is_grad_enabled()
    if type(first) not in _ORDINARY or first.device.type != "cpu":
        return Way.OPERATIONS
    for other in others:
        if other is not None and (type(other) not in _ORDINARY or (recording and other.requires_grad)):
            return Way.OPERATIONS
    return Way.RECORDED if recording and first.requires_grad else Way.MEMORY


class _Softmax(Function):
    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, compute: Callable, dim: int, temperature: float, mask: Tensor | None
    ) -> Tensor:
        result = compute(logits.detach())
        ctx.save_for_backward(result)
        ctx.dim, ctx.temperature = dim, temperature
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (result,) = ctx.saved_tensors
        pull = gradients[0] - (gradients[0] * result).sum(ctx.dim, keepdim=True)
        return result * pull / ctx.temperature, None, None, None, None


class _LogSoftmax(Function):
    """The gradient is `g_j (1 - p_j) - p_j sum_i!=j g_i`, with `1 - p = -expm1(log p)` exact near probability one."""

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, compute: Callable, dim: int, temperature: float, mask: Tensor | None
    ) -> Tensor:
        result = compute(logits.detach())
        ctx.save_for_backward(result, mask)
        ctx.dim, ctx.temperature = dim, temperature
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        result, mask = ctx.saved_tensors
        gradient = gradients[0] if mask is None else gradients[0].masked_fill(~mask, 0.0)
        others = gradient.sum(ctx.dim, keepdim=True) - gradient
        return -(gradient * result.expm1() + result.exp() * others) / ctx.temperature, None, None, None, None


PROBABILITIES = {"softmax": _Softmax.apply, "log_softmax": _LogSoftmax.apply}


class _Logsumexp(Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, compute: Callable, softmax: Callable, dim: int, keepdim: bool) -> Tensor:
        ctx.save_for_backward(logits)
        ctx.softmax, ctx.dim, ctx.keepdim = softmax, dim, keepdim
        return compute(logits.detach())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (logits,) = ctx.saved_tensors
        gradient = gradients[0] if ctx.keepdim else gradients[0].unsqueeze(ctx.dim)
        return gradient * ctx.softmax(logits), None, None, None, None


logsumexp = _Logsumexp.apply


class _Sigmoid(Function):
    """The gradient is `g sigmoid(z) sigmoid(-z)`: both factors exact, where `p (1 - p)` loses the tail."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, compute: Callable, sigmoid: Callable) -> Tensor:
        ctx.save_for_backward(logits)
        ctx.sigmoid = sigmoid
        return compute(logits.detach())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (logits,) = ctx.saved_tensors
        return gradients[0] * ctx.sigmoid(logits) * ctx.sigmoid(-logits), None, None


class _LogSigmoid(Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, compute: Callable, sigmoid: Callable) -> Tensor:
        ctx.save_for_backward(logits)
        ctx.sigmoid = sigmoid
        return compute(logits.detach())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (logits,) = ctx.saved_tensors
        return gradients[0] * ctx.sigmoid(-logits), None, None


ELEMENTWISE = {"sigmoid": _Sigmoid.apply, "log_sigmoid": _LogSigmoid.apply}


class _Loss(Function):
    """A loss whose gradient was computed with it.

    The gradient is handed over, not saved: the first backward pass owns it and scales it in place, so that no second
    array of its size exists. A second pass over the same graph computes it again from the logits, and a pass that is
    itself recorded (`create_graph`) goes by the plain operations.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, problem: Any, loss_of: Callable[[Any], Tensor]) -> Tensor:
        ctx.save_for_backward(logits)
        ctx.problem, ctx.loss_of = problem, loss_of
        loss, ctx.gradient = problem.detached().with_gradient(None)
        return loss

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (logits,), outer = ctx.saved_tensors, gradients[0]
        problem = replace(ctx.problem, logits=logits)
        if torch.is_grad_enabled():
            return _recorded_gradient(ctx.loss_of(problem), logits, outer), None, None
        gradient, ctx.gradient = ctx.gradient, None
        if gradient is None:
            gradient = problem.detached().with_gradient(None)[1]
        if outer.ndim or outer.item() != 1.0:
            gradient.mul_(problem.for_rows(outer))
        return gradient, None, None


def _recorded_gradient(loss: Tensor, logits: Tensor, outer: Tensor) -> Tensor:
    return torch.autograd.grad(loss, logits, outer, create_graph=True)[0]


def cross_entropy(problem: Any) -> Tensor:
    """Return the loss of a `Problem` of tensors."""
    return _loss(problem, definitions.cross_entropy)


def binary_cross_entropy_with_logits(problem: Any) -> Tensor:
    """Return the loss of a `BinaryProblem` of tensors."""
    return _loss(problem, definitions.binary_cross_entropy_with_logits)


def _loss(problem: Any, definition: Callable[[Any], Tensor]) -> Tensor:
    way = way_of(*problem.arrays())
    if way is Way.OPERATIONS:
        return definition(problem)
    if way is Way.RECORDED:
        return _Loss.apply(problem.logits, problem, definition)
    return problem.value()
