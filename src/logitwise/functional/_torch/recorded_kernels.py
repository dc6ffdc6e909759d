"""The route of recorded CPU tensors: a kernel computes, and a node of autograd holds what the backward pass needs.

A loss computes its gradient in the same pass as its value and hands it over in the backward pass. What a kernel cannot
serve (another device, a function transform, forward mode, a derivative of the derivative) goes by the plain operations,
which are differentiable to every order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from logitwise._warnings import checks
from logitwise.functional import _cpu_kernels
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._problems.softmax import SoftmaxProblem
from logitwise.functional._torch import torch_operations
from logitwise.functional._torch.tensors import SIXTEEN_BITS, are_for_kernels, is_recorded

NAME = "recorded kernels"
REASON = "compiled kernels read the memory of the tensors, and a node of autograd keeps what the backward pass needs"


def takes(call: Any) -> bool:
    """Return whether the call is recorded, and a kernel computes it."""
    recorded = is_recorded(call.logits) and not torch.compiler.is_compiling()
    return recorded and _cpu_kernels.takes(call) and are_for_kernels(call)


def result(call: Any, out: Any = None) -> Tensor:
    """Return a tensor of the results, recorded; `out` must be None."""
    problem = call.checked(out)
    kept = (problem._replace(logits=None), _cpu_kernels.result(problem))
    return _NODES[problem.operation].apply(problem.logits, kept)


def loss(call: Any) -> Tensor:
    """Return the loss, recorded with its gradient."""
    problem = call.checked()
    if suspicions.warn_of_graph(problem.logits, problem.operation):
        problem = problem._replace(is_warned_of=True)
    logits, *others = problem.arrays()
    if has_hooks():
        found = _cpu_kernels.loss(problem.detached()), None
    else:
        found = _cpu_kernels.loss_and_gradient(problem.detached())
    return record(logits, others, problem.without_arrays(), found)


class _KeptResult(Function):
    """Keeps the result for the backward pass or, where it has sixteen bits only, the logits that it came from."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, kept: tuple[SoftmaxProblem, Tensor]) -> Tensor:
        ctx.problem, result = kept
        ctx.save_for_backward(logits if logits.dtype in SIXTEEN_BITS else result)
        return result


def _wide_result(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Return the result and the gradient of it, in 32 bits or more."""
    (kept,) = ctx.saved_tensors
    if kept.dtype not in SIXTEEN_BITS:
        return kept, gradient
    return ctx.problem.values_for_gradient(kept.float()), gradient.float()


def _without_masked(gradient: Tensor, problem: SoftmaxProblem) -> Tensor:
    """Return a gradient with 0 at masked classes, whose results are NaN in a row that has NaN elsewhere."""
    return gradient if problem.mask is None else gradient.masked_fill(~problem.mask, 0.0)


class _Softmax(_KeptResult):
    """The gradient is `p_j (h_j - sum_i h_i p_i) / T` with `h = g - g_k`, where k is the most probable class.

    That is `p_j (g_j - sum_i g_i p_i) / T`, without the difference of nearly equal numbers: where `p_k` is nearly one,
    so is what the sum holds of `g_k`.
    """

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (result, gradient), problem = _wide_result(ctx, gradients[0]), ctx.problem
        axis = problem.layout.axis
        if not result.numel():
            return gradients[0], None
        pull = gradient - gradient.gather(axis, result.detach().argmax(axis, keepdim=True))
        mean = (pull * result).sum(axis, keepdim=True)
        if torch.is_grad_enabled():
            pull = (pull - mean) * result / problem.temperature
        else:
            pull = pull.sub_(mean).mul_(result)
            pull = pull if problem.temperature == 1.0 else pull.div_(problem.temperature)
        return _without_masked(pull, problem).to(gradients[0].dtype), None


class _LogSoftmax(_KeptResult):
    """The gradient is `g_j (1 - p_j) - p_j sum_i!=j g_i`, with `1 - p = -expm1(log p)` exact near probability one."""

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (result, gradient), problem = _wide_result(ctx, gradients[0]), ctx.problem
        axis, unused = problem.layout.axis, _dead_rows(result, problem.layout.axis)
        if problem.mask is not None:
            unused = ~problem.mask if unused is None else unused | ~problem.mask
        gradient = gradient if unused is None else gradient.masked_fill(unused, 0.0)
        others = gradient.sum(axis, keepdim=True) - gradient
        pull = -(gradient * result.expm1() + result.exp() * others) / problem.temperature
        return _without_masked(pull, problem).to(gradients[0].dtype), None


def _dead_rows(logarithms: Tensor, axis: int) -> Tensor | None:
    """Return which rows are -inf alone, whose gradient is 0; None if the first class is -inf in no row."""
    if not logarithms.ndim:
        return logarithms.isneginf()
    if not logarithms.numel() or not logarithms.select(axis, 0).isneginf().any():
        return None
    return logarithms.detach().amax(axis, keepdim=True).isneginf()


class _KeptLogits(Function):
    """Keeps the logits for the backward pass."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, kept: tuple[Any, Tensor]) -> Tensor:
        ctx.save_for_backward(logits)
        ctx.problem, result = kept
        return result


def _wide_logits(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits and the gradient of the result, in 32 bits or more: a product of them is rounded once."""
    (logits,) = ctx.saved_tensors
    return (logits.float(), gradient.float()) if logits.dtype in SIXTEEN_BITS else (logits, gradient)


class _Logsumexp(_KeptLogits):
    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        logits, gradient = _wide_logits(ctx, gradients[0])
        gradient = gradient if ctx.problem.keepdims else gradient.unsqueeze(ctx.problem.layout.axis)
        pull = gradient * ctx.problem.values_for_gradient(logits)
        return _without_masked(pull, ctx.problem).to(gradients[0].dtype), None


class _Sigmoid(_KeptLogits):
    """The gradient is `g sigmoid(z) sigmoid(-z)`: both factors exact, where `p (1 - p)` loses the tail."""

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (logits, gradient), sigmoid = _wide_logits(ctx, gradients[0]), ctx.problem.used_by_gradient
        return (gradient * sigmoid(logits) * sigmoid(-logits)).to(gradients[0].dtype), None


class _LogSigmoid(_KeptLogits):
    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        logits, gradient = _wide_logits(ctx, gradients[0])
        return (gradient * ctx.problem.used_by_gradient(-logits)).to(gradients[0].dtype), None


_NODES: dict[str, Any] = {
    "softmax": _Softmax,
    "log_softmax": _LogSoftmax,
    "logsumexp": _Logsumexp,
    "sigmoid": _Sigmoid,
    "log_sigmoid": _LogSigmoid,
}


class _Loss(Function):
    """A loss whose gradient was computed with it.

    The gradient is handed over, not saved: the first backward pass owns it and scales it in place, so that no second
    array of its size exists. It is computed again from the logits by a second pass over the same graph, and where the
    node was made under hooks on saved tensors (of a checkpoint, or to move tensors elsewhere), which see all that a
    node keeps. A gradient of sixteen bits is computed again in its own memory if an outer gradient multiplies it: it
    was rounded without that. A pass that is itself recorded (`create_graph`) goes by the plain operations.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, kept: tuple[Any, ...]) -> Tensor:
        others, ctx.problem, (loss, ctx.gradient) = kept
        ctx.save_for_backward(logits, *others)
        return loss

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        outer = gradients[0]
        if torch.is_grad_enabled():
            arrays = ctx.saved_tensors
            with checks("off"):  # they had their say when the loss was computed
                loss = torch_operations.loss(ctx.problem.with_arrays(*arrays))
            return torch.autograd.grad(loss, arrays[0], outer, create_graph=True)[0], None
        if _is_batched(outer):
            return _gradients(ctx, outer), None
        gradient, ctx.gradient = ctx.gradient, None
        factor = _number_of(outer)
        if factor != 1.0 and outer.dtype in SIXTEEN_BITS:
            return _gradient_again(ctx, outer if factor is None else factor, gradient), None
        if gradient is None:
            gradient = _gradient_again(ctx, 1.0)
        if factor == 1.0:
            return gradient, None
        return gradient.mul_(ctx.problem.per_row(outer) if factor is None else factor), None


def _number_of(outer: Tensor) -> float | None:
    """Return the outer gradient of one loss, or of all losses if it is one number, as after their sum; else None."""
    if not outer.ndim:
        return outer.item()
    return None if any(outer.stride()) or not outer.numel() else outer[(0,) * outer.ndim].item()


def _gradient_again(ctx: Any, outer: float | Tensor, memory: Tensor | None = None) -> Tensor:
    """Return the gradient of the loss times `outer`, rounded once; in `memory`, if there is some."""
    problem = ctx.problem.with_arrays(*ctx.saved_tensors).detached()
    with checks("off"):
        return _cpu_kernels.gradient(problem, outer, memory)


def _gradients(ctx: Any, outer: Tensor) -> Tensor:
    """Return a batch of gradients: of the loss times each outer gradient of a batch."""
    problem = ctx.problem.with_arrays(*ctx.saved_tensors).detached()
    if problem.logits.dtype in SIXTEEN_BITS:
        problem = problem._replace(logits=problem.logits.float())
    with checks("off"):
        gradient = _cpu_kernels.gradient(problem, 1.0)
    return (gradient * problem.per_row(outer)).to(outer.dtype)


_hooks = torch._C._autograd._top_saved_tensors_default_hooks  # pyright: ignore[reportAttributeAccessIssue]

# `apply` of the base class in C, past `Function.apply`, which looks for function transforms first: some microseconds of
# a small call. Under function transforms no call comes here.
_apply_without_functorch = super(Function, _Loss).apply  # pyright: ignore[reportAttributeAccessIssue]


def record(logits: Tensor, others: Sequence[Any], problem: Any, found: tuple[Tensor, Tensor | None]) -> Tensor:
    """Return a loss as a node of autograd.

    Args:
        logits: What the loss is differentiated by.
        others: The other arrays of its problem.
        problem: The rest of its problem, which `problem.with_arrays(logits, *others)` makes whole again.
        found: The loss and its gradient; None for a gradient that the backward pass is to compute (`has_hooks`).
    """
    return _apply_without_functorch(logits, (others, problem, found))


def has_hooks() -> bool:
    """Return whether hooks see the tensors that are saved for the backward pass."""
    return _hooks(True) is not None


def _is_batched(tensor: Tensor) -> bool:
    """Return whether a tensor stands for a batch of them, of which each is to be multiplied (`is_grads_batched`)."""
    functorch = torch._C._functorch  # pyright: ignore[reportAttributeAccessIssue]
    return functorch.is_batchedtensor(tensor) or functorch.is_legacy_batchedtensor(tensor)
