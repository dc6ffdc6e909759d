"""The route of compiled code: the kernels of the losses as operators, which a compiler calls and does not look into.

An operator makes all checks when it runs, so it takes a call as it was given. Next to the loss it returns the gradient,
for its backward pass alone; that is empty unless `differentiated`. A second operator computes the gradient times an
outer gradient. Operators are defined by their schemas: torch's
decorator `custom_op` costs every call 30 microseconds more.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor

from logitwise._warnings import checks
from logitwise.functional import _cpu_kernels
from logitwise.functional._arguments.weights import is_number, number_as_tensor
from logitwise.functional._memory.arrays import new_like
from logitwise.functional._problems.binary_cross_entropy import BinaryCall
from logitwise.functional._problems.cross_entropy import CrossEntropyCall
from logitwise.functional._torch import torch_operations
from logitwise.functional._torch.plain.cross_entropy import is_plain_matrix, loss_of_plain
from logitwise.functional._torch.tensors import SIXTEEN_BITS, STORED, are_for_kernels, is_recorded

NAME = "compiled operator"
REASON = "in compiled code the kernels of a loss are one operator, which the compiler keeps whole"

_LIBRARY = torch.library.Library("logitwise", "DEF")
_ARGUMENTS = {
    "cross_entropy": "Tensor logits, Tensor target, Tensor? class_weight, Tensor? sample_weight, Tensor? mask, "
    "Tensor? numbers, int axis, int ignore_index, float label_smoothing, float z_loss, str reduction, "
    "Scalar? normalizer",
    "binary_cross_entropy_with_logits": "Tensor logits, Tensor target, Tensor? sample_weight, Tensor? pos_weight, "
    "Tensor? numbers, float label_smoothing, str reduction, Scalar? normalizer",
}
for _name, _arguments in _ARGUMENTS.items():
    _LIBRARY.define(f"{_name}(bool differentiated, {_arguments}) -> (Tensor, Tensor)")
    _LIBRARY.define(f"{_name}_gradient(Tensor outer, {_arguments}) -> Tensor")


def takes(call: Any) -> bool:
    """Return whether compiled code calls an operator: not where it is exported, to run without this library."""
    if not torch.compiler.is_compiling() or torch.compiler.is_exporting() or call.operation not in _OPERATORS:
        return False
    fits = call.logits.dtype in STORED and isinstance(call.target, Tensor) and _fits_schema(call)
    return fits and are_for_kernels(call, compiling=True)


def _fits_schema(call: Any) -> bool:
    """Return whether the options are of the types of the schema, integers for floats aside."""
    number = call.normalizer
    if not isinstance(call.reduction, str) or not (number is None or (_is_number(number) and number < 2**63)):
        return False
    if isinstance(call, BinaryCall):
        return not call.marks_missing() and _is_number(call.label_smoothing)
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
    differentiated = is_recorded(call.logits) and call.logits.dtype not in SIXTEEN_BITS
    return _OPERATORS[call.operation](call, differentiated)


def _waits_for_checks(call: Any) -> bool:
    """Return whether all checks wait until the operator runs, as for the common cross-entropy: tracing is faster so."""
    if isinstance(call, BinaryCall) or call.logits.dtype in SIXTEEN_BITS:
        return False
    return isinstance(call.label_smoothing, float) and isinstance(call.z_loss, float)


def _cross_entropy(call: CrossEntropyCall, differentiated: bool) -> Tensor:
    numbers, call = _numbers_apart(call, ("label_smoothing", "z_loss"))
    return torch.ops.logitwise.cross_entropy(
        differentiated, call.logits, call.target, call.class_weight, call.sample_weight, call.mask, numbers,
        call.axis % call.logits.ndim, call.ignore_index, float(call.label_smoothing), float(call.z_loss),
        call.reduction, call.normalizer,
    )[0]  # fmt: skip


def _numbers_apart(call: Any, names: tuple[str, ...]) -> tuple[Tensor | None, Any]:
    """Return numbers that are not 0 as a tensor, and the call without them; NaN stands for a normaliser of its own.

    A compiler makes a constant of a number that an operator takes, and compiles again for each of its values; not of
    one that is multiplied.
    """
    given = [getattr(call, name) for name in names]
    is_divided = isinstance(call.normalizer, float)
    if not is_divided and all(number == 0.0 for number in given):
        return None, call
    one = torch.ones((), dtype=torch.float64)
    numbers = torch.stack([one * number for number in (*given, call.normalizer if is_divided else math.nan)])
    call = call._replace(**dict.fromkeys(names, 0.0))
    return numbers, call._replace(normalizer=None) if is_divided else call


def _together(call: Any, numbers: Tensor | None) -> Any:
    """Return the call with the numbers that were apart."""
    if numbers is None:
        return call
    *given, normalizer = numbers.tolist()
    names = ("label_smoothing",) if isinstance(call, BinaryCall) else ("label_smoothing", "z_loss")
    call = call._replace(**dict(zip(names, given, strict=True)))
    return call if math.isnan(normalizer) else call._replace(normalizer=normalizer)


def _binary_cross_entropy(call: BinaryCall, differentiated: bool) -> Tensor:
    numbers, call = _numbers_apart(call, ("label_smoothing",))
    weights = (call.sample_weight, call.pos_weight)
    sample_weight, pos_weight = (number_as_tensor(each, call.logits) if is_number(each) else each for each in weights)
    return torch.ops.logitwise.binary_cross_entropy_with_logits(
        differentiated, call.logits, call.target, sample_weight, pos_weight, numbers,
        float(call.label_smoothing), call.reduction, call.normalizer,
    )[0]  # fmt: skip


_OPERATORS = {"cross_entropy": _cross_entropy, "binary_cross_entropy_with_logits": _binary_cross_entropy}


def _call_of_cross_entropy(
    logits: Tensor, target: Tensor, class_weight: Tensor | None, sample_weight: Tensor | None, mask: Tensor | None,
    axis: int, *options: Any,
) -> CrossEntropyCall:  # fmt: skip
    return CrossEntropyCall(logits, target, axis, class_weight, sample_weight, *options)._replace(mask=mask)


_CALLS: dict[str, Any] = {  # how a call is made of the arguments of an operator, the numbers aside
    "cross_entropy": _call_of_cross_entropy,
    "binary_cross_entropy_with_logits": BinaryCall,
}


def _split(name: str, arguments: tuple[Any, ...]) -> tuple[Any, Tensor | None]:
    """Return the call of the arguments of an operator, and its numbers, which come last of the tensors."""
    place = _count_tensors(name) - 1
    return _CALLS[name](*arguments[:place], *arguments[place + 1 :]), arguments[place]


def _count_tensors(name: str) -> int:
    return _ARGUMENTS[name].count("Tensor")


def _run(call: Any, differentiated: bool) -> tuple[Tensor, Tensor]:
    if type(call) is CrossEntropyCall and is_plain_matrix(call) and call.has_plain_options():
        gradient = new_like(call.logits) if differentiated else None
        rows_counted, value = loss_of_plain(call, gradient, with_checks=False)
        if rows_counted >= 0:
            return value, call.logits.new_empty(0) if gradient is None else gradient
    with checks("off"):  # in compiled code no line is the user's
        if differentiated:
            return _cpu_kernels.loss_and_gradient(call)
        return _cpu_kernels.loss(call), call.logits.new_empty(0)


def _run_gradient(call: Any, outer: Tensor) -> Tensor:
    with checks("off"):
        return _cpu_kernels.gradient(call, outer if outer.ndim else outer.item())


def _shapes(call: Any, differentiated: bool) -> tuple[Tensor, Tensor]:
    logits, shape = call.logits, ()
    if call.reduction == "none":
        shape = logits.shape
        if isinstance(call, CrossEntropyCall):
            shape = shape[: call.axis] + shape[call.axis + 1 :]
    return logits.new_empty(shape), logits.new_empty(logits.shape if differentiated else 0)


def _keep(count: int, ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    """Keep the `count` tensors that come first, and the options, for the backward pass."""
    differentiated, *arguments = inputs
    arrays, ctx.options = arguments[:count], arguments[count:]
    ctx.save_for_backward(*arrays, output[1] if differentiated else None)
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)


def _derivative(name: str, gradient_operator: Any) -> Any:
    """Return the backward pass of an operator.

    A gradient of sixteen bits is computed in this pass: one that came with the loss was rounded without the outer
    gradient. A pass that is itself recorded goes by the plain operations.
    """

    def backward(ctx: Any, outer: Tensor, _: None) -> tuple[Tensor | None, ...]:
        *arrays, gradient = ctx.saved_tensors
        arguments = (*arrays, *ctx.options)
        call, numbers = _split(name, arguments)
        if torch.is_grad_enabled():
            with checks("off"):
                loss = torch_operations.loss(_together(call, numbers))
            (result,) = torch.autograd.grad(loss, call.logits, outer, create_graph=True)
        elif gradient is None:
            result = gradient_operator(outer, *arguments)
        elif outer.ndim and isinstance(call, CrossEntropyCall):
            result = gradient * outer.unsqueeze(call.axis)
        else:
            result = gradient * outer
        return None, result, *[None] * (len(arguments) - 1)

    return backward


def _register(name: str) -> None:
    gradient_operator = getattr(torch.ops.logitwise, f"{name}_gradient")

    def call_of(arguments: tuple[Any, ...]) -> Any:
        return _together(*_split(name, arguments))

    _LIBRARY.impl(name, lambda differentiated, *arguments: _run(call_of(arguments), differentiated), "CPU")
    _LIBRARY.impl(f"{name}_gradient", lambda outer, *arguments: _run_gradient(call_of(arguments), outer), "CPU")
    torch.library.register_fake(
        f"logitwise::{name}",
        lambda differentiated, *arguments: _shapes(_split(name, arguments)[0], differentiated),
        lib=_LIBRARY,
    )
    torch.library.register_fake(
        f"logitwise::{name}_gradient", lambda _, logits, *__: logits.new_empty(logits.shape), lib=_LIBRARY
    )
    keep = partial(_keep, _count_tensors(name))
    backward = _derivative(name, gradient_operator)
    torch.library.register_autograd(f"logitwise::{name}", backward, setup_context=keep, lib=_LIBRARY)


for _name in _CALLS:
    _register(_name)
