"""Which way tensors take, and the kernels behind autograd.

A loss computes its gradient in the same pass as its value and hands it over in the backward pass. What has no kernel
(another device, a function transform, forward mode, a derivative of the derivative) goes by the plain operations of
`_torch_definitions.py`, which are differentiable to every order. In compiled code the kernels of the losses are called
as operators, which a compiler keeps whole.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function, forward_ad

from logitwise._arrays import Layout, is_traced
from logitwise._requirements import check_layout, holds_its_elements
from logitwise._warnings import checks, checks_are_on
from logitwise.functional import _suspicions as suspicions
from logitwise.functional import _torch_definitions as definitions
from logitwise.functional._memory import new_like
from logitwise.functional.binary_cross_entropy import BinaryOptions, checked_binary_problem
from logitwise.functional.cross_entropy import CrossEntropyOptions, Problem, checked_problem
from logitwise.kernels.cpu import cross_entropy as kernels
from logitwise.kernels.cpu.rows import BFLOAT16, FLOAT16, NATIVE

_ORDINARY = (Tensor, torch.nn.Parameter)
_is_wrapped = torch._C._functorch.is_functorch_wrapped_tensor  # pyright: ignore[reportAttributeAccessIssue]
_SIXTEEN_BITS = (torch.float16, torch.bfloat16)
_IN_MEMORY = {  # a number as a kernel finds it, and how it is to be read
    torch.float32: (np.float32(0), NATIVE),
    torch.float64: (np.float64(0), NATIVE),
    torch.bfloat16: (np.uint16(0), BFLOAT16),
    torch.float16: (np.uint16(0), FLOAT16),
}


class Way(Enum):
    """How a function of tensors is computed."""

    MEMORY = auto()  # by kernels, with nothing recorded
    RECORDED = auto()  # by kernels, recorded for the gradient of the first tensor
    OPERATIONS = auto()  # by plain torch operations


def way_of(first: Tensor, *others: Tensor | None, number: float | Tensor | None = None) -> Way:
    """Return which way a function of these tensors takes; `number` is a tensor only where it is itself followed."""
    return Way.OPERATIONS if torch.compiler.is_compiling() else _way_of_values(first, *others, number=number)


def way_of_problem(problem: Any) -> Way:
    """Return which way a loss takes."""
    return way_of(*problem.arrays(), number=problem.options.normalizer)


def _way_of_values(first: Tensor, *others: Tensor | None, number: float | Tensor | None) -> Way:
    if (
        _is_transforming()
        or isinstance(number, Tensor)
        or type(first) not in _ORDINARY
        or not first.is_cpu
        or (not torch.compiler.is_compiling() and (_is_wrapped(first) or first._is_zerotensor()))
    ):
        return Way.OPERATIONS
    recording = torch.is_grad_enabled()
    for other in others:
        if other is not None and (type(other) not in _ORDINARY or (recording and other.requires_grad)):
            return Way.OPERATIONS
    return Way.RECORDED if recording and first.requires_grad else Way.MEMORY


def _is_transforming() -> bool:
    """Return whether operations are followed: by forward mode, a function transform (grad, vmap, ...) or a tracer."""
    compiling = torch.compiler.is_compiling()
    return (
        forward_ad._current_level >= 0 or torch._C._are_functorch_transforms_active() or (not compiling and is_traced())
    )


class _Softmax(Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, compute: Callable, again: Callable, dim: int, temperature: float) -> Tensor:
        return _kept_result(ctx, logits, compute, again, dim, temperature)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        result, gradient = _wide_result(ctx, gradients[0])
        pull = gradient - (gradient * result).sum(ctx.dim, keepdim=True)
        return (result * pull / ctx.temperature).to(gradients[0].dtype), None, None, None, None


class _LogSoftmax(Function):
    """The gradient is `g_j (1 - p_j) - p_j sum_i!=j g_i`, with `1 - p = -expm1(log p)` exact near probability one."""

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, compute: Callable, again: Callable, dim: int, temperature: float, mask: Tensor | None
    ) -> Tensor:
        ctx.mask = mask
        return _kept_result(ctx, logits, compute, again, dim, temperature)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        result, gradient = _wide_result(ctx, gradients[0])
        gradient = gradient if ctx.mask is None else gradient.masked_fill(~ctx.mask, 0.0)
        others = gradient.sum(ctx.dim, keepdim=True) - gradient
        pull = -(gradient * result.expm1() + result.exp() * others) / ctx.temperature
        return pull.to(gradients[0].dtype), None, None, None, None, None


def _kept_result(ctx: Any, logits: Tensor, compute: Callable, again: Callable, dim: int, temperature: float) -> Tensor:
    """Return the result, and keep for the backward pass it or, where it has sixteen bits only, what it came from."""
    result = compute(logits.detach())
    ctx.save_for_backward(logits if logits.dtype in _SIXTEEN_BITS else result)
    ctx.again, ctx.dim, ctx.temperature = again, dim, temperature
    return result


def _wide_result(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Return the result and the gradient of it, in 32 bits or more."""
    (kept,) = ctx.saved_tensors
    if kept.dtype not in _SIXTEEN_BITS:
        return kept, gradient
    return ctx.again(kept.float()), gradient.float()


def softmax(logits: Tensor, compute: Callable, again: Callable, dim: int, temperature: float, mask: Any) -> Tensor:
    """Return the probabilities, recorded; `again` computes them with public means, where they are followed too."""
    return _Softmax.apply(logits, compute, again, dim, temperature)


def log_softmax(logits: Tensor, compute: Callable, again: Callable, dim: int, temperature: float, mask: Any) -> Tensor:
    """Return the log-probabilities, recorded, as `softmax` does."""
    return _LogSoftmax.apply(logits, compute, again, dim, temperature, mask)


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
    def forward(ctx: Any, logits: Tensor, kept: tuple[Any, ...]) -> Tensor:
        others, ctx.problem_of, ctx.definition, (loss, ctx.gradient) = kept
        ctx.save_for_backward(logits, *others)
        return loss

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        arrays, outer = ctx.saved_tensors, gradients[0]
        if torch.is_grad_enabled():
            loss = ctx.definition(ctx.problem_of(*arrays))
            return torch.autograd.grad(loss, arrays[0], outer, create_graph=True)[0], None
        gradient, ctx.gradient = ctx.gradient, None
        if gradient is None:
            gradient = ctx.problem_of(*arrays).detached().with_gradient(None)[1]
        if not outer.ndim and not _is_batched(outer) and outer.item() == 1.0:
            return gradient, None
        factor = ctx.problem_of(*arrays).for_rows(outer)
        return (gradient * factor if _is_batched(outer) else gradient.mul_(factor)), None


# Without the looks of `Function.apply` at function transforms, under which nothing is recorded here.
_record_loss = super(Function, _Loss).apply  # pyright: ignore[reportAttributeAccessIssue]


def _recorded(problem: Any, definition: Callable[[Any], Tensor]) -> Tensor:
    logits, *others = problem.arrays()
    problem_of = problem.with_arrays(None, None, None, None).with_arrays
    return _record_loss(logits, (others, problem_of, definition, problem.detached().with_gradient(None)))


def _is_batched(tensor: Tensor) -> bool:
    """Return whether a tensor stands for a batch of them, of which each is to be multiplied (`is_grads_batched`)."""
    functorch = torch._C._functorch  # pyright: ignore[reportAttributeAccessIssue]
    return functorch.is_batchedtensor(tensor) or functorch.is_legacy_batchedtensor(tensor)


def cross_entropy(problem: Any) -> Tensor:
    """Return the loss of a `Problem` of tensors."""
    return _loss(problem, definitions.cross_entropy, _compiled_cross_entropy)


def binary_cross_entropy_with_logits(problem: Any) -> Tensor:
    """Return the loss of a `BinaryProblem` of tensors."""
    return _loss(problem, definitions.binary_cross_entropy_with_logits, _compiled_binary_cross_entropy)


def short_cross_entropy(logits: Tensor, target: Any, axis: Any, options: CrossEntropyOptions) -> Tensor | None:
    """Return the loss without the general checks where there is a short way to it; else None.

    There are two: a small batch in ordinary memory is one compiled call, which checks what it reads; and in compiled
    code the loss is one operator, which makes all checks when it runs.
    """
    if torch.compiler.is_compiling():
        return _operator_of_cross_entropy(logits, target, axis, options)
    if _is_transforming() or not (_is_matrix_in_memory(logits, target, axis) and options.are_plain()):
        return None
    if logits.dtype in _SIXTEEN_BITS and torch.is_autocast_enabled("cpu"):
        return None
    looking = checks_are_on()
    if looking and (suspicions.has_known_ending(logits) or suspicions.is_square(logits.shape)):
        return None
    gradient = new_like(logits) if logits.requires_grad and torch.is_grad_enabled() else None
    taking_part, loss = _small_cross_entropy(logits, target, options, gradient, looking)
    if taking_part < 0:
        return None
    if gradient is None:
        return loss
    problem_of = partial(_small_problem, options, taking_part)
    return _record_loss(logits, ((target,), problem_of, definitions.cross_entropy, (loss, gradient)))


def short_cross_entropy_and_gradient(
    logits: Tensor, target: Any, axis: Any, options: CrossEntropyOptions, out: Tensor | None
) -> tuple[Tensor, Tensor] | None:
    """Return the loss of a small batch in ordinary memory and its gradient, both detached; else None."""
    if torch.compiler.is_compiling() or _is_transforming() or not _is_matrix_in_memory(logits, target, axis):
        return None
    looking = checks_are_on()
    if looking and (suspicions.has_known_ending(logits) or suspicions.is_square(logits.shape)):
        return None
    if not options.are_plain() or not (out is None or _can_be_filled(out, logits, target)):
        return None
    gradient = new_like(logits) if out is None else out
    taking_part, loss = _small_cross_entropy(logits, target, options, gradient, looking)
    return None if taking_part < 0 else (loss, gradient)


def _can_be_filled(out: Any, logits: Tensor, target: Tensor) -> bool:
    """Return whether `out` is ordinary memory apart from the inputs, which a second look may need."""
    return (
        type(out) is Tensor
        and out.dtype is logits.dtype
        and out.shape == logits.shape
        and out.is_cpu
        and out.layout is torch.strided
        and out.is_contiguous()
        and not (out.requires_grad or logits.requires_grad or _is_wrapped(out) or out.is_neg())
        and not out._is_zerotensor()
        and holds_its_elements(out)
        and _are_apart(out, logits)
        and _are_apart(out, target)
    )


def _are_apart(one: Tensor, other: Tensor) -> bool:
    """Return whether two contiguous tensors share no byte, whatever storages they say they lie in."""
    start, other_start = one.data_ptr(), other.data_ptr()
    end = start + one.numel() * one.element_size()
    return end <= other_start or other_start + other.numel() * other.element_size() <= start


def _small_cross_entropy(
    logits: Tensor, target: Tensor, options: CrossEntropyOptions, gradient: Tensor | None, looking: bool
) -> tuple[int, Tensor]:
    """Return how many rows take part (-1 where the caller has to look) and the loss; fill its gradient, if any.

    Such a call takes the time of its looks and objects, not of its arithmetic: there are as few as can be.
    """
    _, _, ignore_index, smoothing, z_loss, reduction, normalizer = options
    (rows, classes), (example, kind) = logits.shape, _IN_MEMORY[logits.dtype]
    loss = new_like(logits, ())
    taking_part = kernels.small_cross_entropy(
        example, kind, logits.data_ptr(), target.data_ptr(),
        0 if gradient is None else gradient.data_ptr(), loss.data_ptr(), rows, classes,
        ignore_index, smoothing, z_loss, looking, 1.0 if reduction == "sum" else float(normalizer or 0.0),
    )  # fmt: skip
    return taking_part, loss


def _small_problem(options: CrossEntropyOptions, taking_part: int, logits: Tensor, target: Tensor) -> Problem:
    return Problem(logits, target, True, Layout.of(tuple(logits.shape), 1), options, taking_part)


def _is_matrix_in_memory(logits: Tensor, target: Any, axis: Any) -> bool:
    """Return whether these are few rows of logits, and a class index for each, in C-contiguous memory."""
    if type(logits) not in _ORDINARY or type(target) is not Tensor or logits.is_nested or target.is_nested:
        return False
    shape = logits.shape
    return (
        not _is_wrapped(logits)
        and len(shape) == 2
        and shape[1] > 1
        and type(axis) is int
        and (axis == 1 or axis == -1)
        and target.shape == shape[:1]
        and target.dtype is torch.int64
        and logits.dtype in _IN_MEMORY
        and 0 < logits.numel() < kernels.SMALL
        and logits.is_cpu
        and target.is_cpu
        and logits.layout is target.layout is torch.strided
        and logits.is_contiguous()
        and target.is_contiguous()
        and not (logits.is_neg() or logits._is_zerotensor() or target.is_neg() or target._is_zerotensor())
        and holds_its_elements(logits)
        and holds_its_elements(target)
    )


def _loss(problem: Any, definition: Callable[[Any], Tensor], compiled: Callable[[Any, bool], Tensor]) -> Tensor:
    logits = problem.logits
    if logits.dtype in _SIXTEEN_BITS and torch.is_autocast_enabled(logits.device.type):
        problem = problem._replace(logits=logits.float())  # as torch does for its losses
    way = _way_of_values(*problem.arrays(), number=problem.options.normalizer)
    if way is Way.OPERATIONS or torch.compiler.is_exporting():
        return definition(problem)
    if torch.compiler.is_compiling():
        return compiled(problem, way is Way.RECORDED)
    if way is Way.RECORDED:
        said = suspicions.warn_of_graph(logits, definition.__name__)
        return _recorded(problem._replace(said=True) if said else problem, definition)
    return problem.value()


# The kernels of the losses as operators, which a compiler calls and does not look into. Next to the loss they return
# its gradient, for their backward pass alone; it is empty unless `differentiated`. They are defined by their schemas:
# the decorator `custom_op` of torch costs every call 30 microseconds more.

_LIBRARY = torch.library.Library("logitwise", "DEF")
_LIBRARY.define(
    "cross_entropy(Tensor logits, Tensor target, Tensor? class_weight, Tensor? sample_weight, bool differentiated, "
    "int axis, int ignore_index, float label_smoothing, float z_loss, str reduction, float? normalizer) "
    "-> (Tensor, Tensor)"
)
_LIBRARY.define(
    "binary_cross_entropy_with_logits(Tensor logits, Tensor target, Tensor? sample_weight, Tensor? pos_weight, "
    "bool differentiated, str reduction, float? normalizer) -> (Tensor, Tensor)"
)


def _operator_of_cross_entropy(logits: Tensor, target: Any, axis: Any, options: CrossEntropyOptions) -> Tensor | None:
    """Return the loss as an operator; None where it is not one (a transform, an export, another device, ...)."""
    class_weight, sample_weight, ignore_index, smoothing, z_loss, reduction, normalizer = options
    numbers_fit = (
        isinstance(axis, int)
        and isinstance(ignore_index, int)
        and isinstance(smoothing, float)
        and isinstance(z_loss, float)
        and isinstance(normalizer, (int, float, type(None)))
        and isinstance(reduction, str)
    )
    if (
        not numbers_fit
        or not isinstance(target, Tensor)
        or not -logits.ndim <= axis < logits.ndim
        or torch.compiler.is_exporting()
        or logits.dtype in _SIXTEEN_BITS
        or logits.dtype not in _IN_MEMORY
    ):
        return None
    way = _way_of_values(logits, target, class_weight, sample_weight, number=None)
    if way is Way.OPERATIONS:
        return None
    return torch.ops.logitwise.cross_entropy(
        logits, target, class_weight, sample_weight, way is Way.RECORDED, axis % logits.ndim, ignore_index, smoothing,
        z_loss, reduction, None if normalizer is None else float(normalizer),
    )[0]  # fmt: skip


def _compiled_cross_entropy(problem: Any, differentiated: bool) -> Tensor:
    options, axis = problem.options, problem.layout.axis
    numbers = (options.ignore_index, options.label_smoothing, options.z_loss, options.reduction, options.normalizer)
    return torch.ops.logitwise.cross_entropy(*problem.arrays(), differentiated, axis, *numbers)[0]


def _compiled_binary_cross_entropy(problem: Any, differentiated: bool) -> Tensor:
    options = problem.options
    return torch.ops.logitwise.binary_cross_entropy_with_logits(
        *problem.arrays(), differentiated, options.reduction, options.normalizer
    )[0]


def _run_cross_entropy(
    logits: Tensor, target: Tensor, class_weight: Any, sample_weight: Any, differentiated: bool, axis: int, *rest: Any
) -> tuple[Tensor, Tensor]:
    options = CrossEntropyOptions(class_weight, sample_weight, *rest)
    if _is_matrix_in_memory(logits, target, axis) and options.are_plain():
        gradient = new_like(logits) if differentiated else None
        taking_part, loss = _small_cross_entropy(logits, target, options, gradient, False)
        if taking_part >= 0:
            return loss, logits.new_empty(0) if gradient is None else gradient
    with checks("off"):  # in compiled code no line is the user's
        problem = checked_problem(logits, target, check_layout(logits, axis, at_least=2), options)
        return _with_gradient_if(differentiated, problem)


def _run_binary(
    logits: Tensor, target: Tensor, sample_weight: Any, pos_weight: Any, differentiated: bool, *rest: Any
) -> tuple[Tensor, Tensor]:
    options = BinaryOptions(sample_weight, pos_weight, *rest)
    return _with_gradient_if(differentiated, checked_binary_problem(logits, target, options))


def _with_gradient_if(differentiated: bool, problem: Any) -> tuple[Tensor, Tensor]:
    with checks("off"):  # in compiled code no line is the user's
        return problem.with_gradient(None) if differentiated else (problem.value(), problem.logits.new_empty(0))


def _shapes_of_cross_entropy(
    logits: Tensor, target: Tensor, _class: Any, _sample: Any, differentiated: bool, axis: int, *rest: Any
) -> tuple[Tensor, Tensor]:
    return _shapes(logits, logits.shape[:axis] + logits.shape[axis + 1 :], differentiated, reduction=rest[3])


def _shapes_of_binary(
    logits: Tensor, target: Tensor, _sample: Any, _pos: Any, differentiated: bool, reduction: str, _by: Any
) -> tuple[Tensor, Tensor]:
    return _shapes(logits, logits.shape, differentiated, reduction)


def _shapes(logits: Tensor, loss_shape: Any, differentiated: bool, reduction: str) -> tuple[Tensor, Tensor]:
    loss = logits.new_empty(loss_shape if reduction == "none" else ())
    return loss, logits.new_empty(logits.shape if differentiated else 0)


def _keep_gradient(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(output[1])
    ctx.axis, ctx.inputs = inputs[5], len(inputs)  # the axis of cross-entropy: the binary loss has a loss an element


def _scaled_gradient(ctx: Any, outer: Tensor, _: Any) -> tuple[Tensor | None, ...]:
    (gradient,) = ctx.saved_tensors
    if outer.ndim and outer.ndim < gradient.ndim:
        outer = outer.unsqueeze(ctx.axis)
    return gradient * outer, *[None] * (ctx.inputs - 1)


for _name, _run, _shapes_of in (
    ("cross_entropy", _run_cross_entropy, _shapes_of_cross_entropy),
    ("binary_cross_entropy_with_logits", _run_binary, _shapes_of_binary),
):
    _LIBRARY.impl(_name, _run, "CPU")
    torch.library.register_fake(f"logitwise::{_name}", _shapes_of, lib=_LIBRARY)
    torch.library.register_autograd(f"logitwise::{_name}", _scaled_gradient, setup_context=_keep_gradient, lib=_LIBRARY)
