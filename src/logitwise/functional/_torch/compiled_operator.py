"""The route of compiled code: the kernels of the losses as operators, which a compiler calls and does not look into.

An operator makes all checks when it runs, so it takes a call as it was given. Next to the loss it returns the gradient,
for its backward pass alone; that is empty unless `differentiated`. Operators are defined by their schemas: torch's
decorator `custom_op` costs every call 30 microseconds more.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from logitwise._warnings import checks
from logitwise.functional import _cpu_kernels
from logitwise.functional._memory.arrays import new_like
from logitwise.functional._problems.binary_cross_entropy import BinaryCall
from logitwise.functional._problems.cross_entropy import CrossEntropyCall
from logitwise.functional._torch.small import is_small_matrix, loss_of_small
from logitwise.functional._torch.tensors import SIXTEEN_BITS, STORED, are_for_kernels, is_recorded

NAME = "compiled operator"
REASON = "in compiled code the kernels of a loss are one operator, which the compiler keeps whole"

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


def takes(call: Any) -> bool:
    """Return whether compiled code calls an operator: not where it is exported, to run without this library."""
    if not torch.compiler.is_compiling() or torch.compiler.is_exporting() or call.operation not in _OPERATORS:
        return False
    fits = call.logits.dtype in STORED and isinstance(call.target, Tensor) and _fits_schema(call)
    return fits and are_for_kernels(call, compiling=True)


def _fits_schema(call: Any) -> bool:
    """Return whether the options are of the types of the schema, integers for floats aside."""
    if not isinstance(call.reduction, str) or not (call.normalizer is None or _is_number(call.normalizer)):
        return False
    if isinstance(call, BinaryCall):
        return not call.marks_missing()
    integers, floats = (call.axis, call.ignore_index), (call.label_smoothing, call.z_loss)
    if not all(isinstance(each, int) and _is_number(each) for each in integers) or not all(map(_is_number, floats)):
        return False
    return -call.logits.ndim <= call.axis < call.logits.ndim


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def loss(call: Any) -> Tensor:
    """Return the loss."""
    if not _waits_for_checks(call):
        call.checked()
    normalizer = None if call.normalizer is None else float(call.normalizer)
    return _OPERATORS[call.operation](call, is_recorded(call.logits), normalizer)


def _waits_for_checks(call: Any) -> bool:
    """Return whether all checks wait until the operator runs, as for the common cross-entropy: tracing is faster so."""
    if isinstance(call, BinaryCall) or call.logits.dtype in SIXTEEN_BITS:
        return False
    return isinstance(call.label_smoothing, float) and isinstance(call.z_loss, float)


def _cross_entropy(call: CrossEntropyCall, differentiated: bool, normalizer: float | None) -> Tensor:
    axis, numbers = call.axis % call.logits.ndim, (float(call.label_smoothing), float(call.z_loss))
    return torch.ops.logitwise.cross_entropy(
        call.logits, call.target, call.class_weight, call.sample_weight,
        differentiated, axis, call.ignore_index, *numbers, call.reduction, normalizer,
    )[0]  # fmt: skip


def _binary_cross_entropy(call: BinaryCall, differentiated: bool, normalizer: float | None) -> Tensor:
    return torch.ops.logitwise.binary_cross_entropy_with_logits(
        call.logits, call.target, call.sample_weight, call.pos_weight, differentiated, call.reduction, normalizer
    )[0]


_OPERATORS = {"cross_entropy": _cross_entropy, "binary_cross_entropy_with_logits": _binary_cross_entropy}


def _run_cross_entropy(
    logits: Tensor,
    target: Tensor,
    class_weight: Tensor | None,
    sample_weight: Tensor | None,
    differentiated: bool,
    axis: int,
    ignore_index: int,
    label_smoothing: float,
    z_loss: float,
    reduction: str,
    normalizer: float | None,
) -> tuple[Tensor, Tensor]:
    options = (ignore_index, label_smoothing, z_loss, reduction, normalizer)
    call = CrossEntropyCall(logits, target, axis, class_weight, sample_weight, *options)
    if is_small_matrix(call) and call.has_plain_options():
        gradient = new_like(logits) if differentiated else None
        rows_counted, value = loss_of_small(call, gradient, with_checks=False)
        if rows_counted >= 0:
            return value, logits.new_empty(0) if gradient is None else gradient
    return _run(call, differentiated)


def _run_binary(
    logits: Tensor,
    target: Tensor,
    sample_weight: Tensor | None,
    pos_weight: Tensor | None,
    differentiated: bool,
    reduction: str,
    normalizer: float | None,
) -> tuple[Tensor, Tensor]:
    return _run(BinaryCall(logits, target, sample_weight, pos_weight, reduction, normalizer), differentiated)


def _run(call: Any, differentiated: bool) -> tuple[Tensor, Tensor]:
    with checks("off"):  # in compiled code no line is the user's
        if differentiated:
            return _cpu_kernels.loss_and_gradient(call)
        return _cpu_kernels.loss(call), call.logits.new_empty(0)


def _shapes_of_cross_entropy(
    logits: Tensor,
    target: Tensor,
    class_weight: Tensor | None,
    sample_weight: Tensor | None,
    differentiated: bool,
    axis: int,
    ignore_index: int,
    label_smoothing: float,
    z_loss: float,
    reduction: str,
    normalizer: float | None,
) -> tuple[Tensor, Tensor]:
    return _shapes(logits, logits.shape[:axis] + logits.shape[axis + 1 :], differentiated, reduction)


def _shapes_of_binary(
    logits: Tensor,
    target: Tensor,
    sample_weight: Tensor | None,
    pos_weight: Tensor | None,
    differentiated: bool,
    reduction: str,
    normalizer: float | None,
) -> tuple[Tensor, Tensor]:
    return _shapes(logits, logits.shape, differentiated, reduction)


def _shapes(logits: Tensor, loss_shape: Any, differentiated: bool, reduction: str) -> tuple[Tensor, Tensor]:
    loss = logits.new_empty(loss_shape if reduction == "none" else ())
    return loss, logits.new_empty(logits.shape if differentiated else 0)


def _keep_gradient(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(output[1])
    ctx.inputs = len(inputs)


def _keep_gradient_and_axis(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    _keep_gradient(ctx, inputs, output)
    _, _, _, _, _, ctx.axis, *_ = inputs


def _scaled_gradient(ctx: Any, outer: Tensor, outer_of_gradient: Tensor) -> tuple[Tensor | None, ...]:
    (gradient,) = ctx.saved_tensors
    return (gradient * outer, *[None] * (ctx.inputs - 1))


def _scaled_gradient_of_rows(ctx: Any, outer: Tensor, outer_of_gradient: Tensor) -> tuple[Tensor | None, ...]:
    return _scaled_gradient(ctx, outer.unsqueeze(ctx.axis) if outer.ndim else outer, outer_of_gradient)


def _register(name: str, run: Any, shapes: Any, backward: Any, keep: Any) -> None:
    _LIBRARY.impl(name, run, "CPU")
    torch.library.register_fake(f"logitwise::{name}", shapes, lib=_LIBRARY)
    torch.library.register_autograd(f"logitwise::{name}", backward, setup_context=keep, lib=_LIBRARY)


_register(
    "cross_entropy",
    _run_cross_entropy,
    _shapes_of_cross_entropy,
    _scaled_gradient_of_rows,
    _keep_gradient_and_axis,
)
_register("binary_cross_entropy_with_logits", _run_binary, _shapes_of_binary, _scaled_gradient, _keep_gradient)
