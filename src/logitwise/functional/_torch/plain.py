"""The gate of tensors: matrices in ordinary memory go past the general checks, as for arrays in `_plain.py`."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from logitwise import _warnings
from logitwise._arrays import Layout
from logitwise._requirements import holds_its_elements
from logitwise.functional import _plain
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._memory.arrays import NO_ROWS, destination, new_like
from logitwise.functional._memory.results import like
from logitwise.functional._problems.binary_cross_entropy import BinaryProblem
from logitwise.functional._problems.cross_entropy import CrossEntropyCall, CrossEntropyProblem
from logitwise.functional._problems.focal_loss import BinaryFocalCall, FocalCall
from logitwise.functional._problems.kl_divergence import KLDivergenceCall
from logitwise.functional._torch.recorded_kernels import has_hooks, record
from logitwise.functional._torch.tensors import ORDINARY, STORED, is_recorded, is_transforming, is_wrapped
from logitwise.kernels.cpu import binary_focal_loss
from logitwise.kernels.cpu import cross_entropy as kernels
from logitwise.kernels.cpu.focal_loss import small_focal_loss
from logitwise.kernels.cpu.rows import FEW_CLASSES
from logitwise.kernels.cpu.suspicions import may_fit_columns

NAME = _plain.NAME
REASON = _plain.REASON
_BY_ARRAYS = ("softmax", "log_softmax", "sigmoid", "log_sigmoid")
_NATIVE = (torch.float32, torch.float64)


def result(call: Any, out: Any) -> Tensor | None:
    """Return probabilities or their logarithms by the gate of arrays, or None."""
    logits = call.logits
    if call.operation not in _BY_ARRAYS or torch.compiler.is_compiling() or is_transforming():
        return None
    if is_recorded(logits) or not _is_plain(logits) or torch._C._len_torch_function_stack():
        return None
    if not (out is None or _is_memory_like(logits, out)):
        return None
    filled = destination(logits, None) if out is None else out
    found = _plain.result(call._replace(logits=logits.detach().numpy()), filled.numpy())
    return None if found is None else filled


def _is_plain(logits: Tensor) -> bool:
    """Return whether these are numbers of 32 or 64 bits in memory that a kernel can read."""
    return (
        type(logits) in ORDINARY
        and not is_wrapped(logits)
        and logits.dtype in _NATIVE
        and logits.numel() > 0
        and _is_plain_memory(logits)
    )


def _is_plain_memory(tensor: Tensor) -> bool:
    """Return whether an ordinary tensor is C-contiguous CPU memory that holds its elements as they are."""
    return (
        tensor.is_cpu
        and not tensor.is_nested
        and tensor.layout is torch.strided
        and tensor.is_contiguous()
        and not (tensor.is_neg() or tensor._is_zerotensor())
        and holds_its_elements(tensor)
    )


def loss(call: Any) -> Tensor | None:
    """Return the loss, recorded where autograd asks for it, or None."""
    if type(call) in _plain.OF_ROWS:
        return _loss_of_rows(call)
    if type(call) is BinaryFocalCall:
        return _binary_loss(call._replace(gamma=_as_float(call.gamma)))
    call, gamma = _without_gamma(call)
    if not _is_plain_call(call, gamma):
        return None
    recorded = is_recorded(call.logits)
    gradient = _memory_of_gradient(call.logits)
    rows_counted, value = loss_of_plain(call, gradient, with_checks=_warnings.checks_are_on(), gamma=gamma)
    if rows_counted < 0:
        return None
    if not recorded:
        return value
    if call.mask is None:
        return record(call.logits, (call.target,), _PlainProblem(call.options, rows_counted, gamma), (value, gradient))
    options = call._replace(mask=None).options  # the node keeps tensors where hooks see them, and nowhere else
    others = (call.target, call.mask)
    return record(call.logits, others, _PlainProblem(options, rows_counted, gamma), (value, gradient))


def _memory_of_gradient(logits: Tensor) -> Tensor | None:
    """Return memory for the gradient that is computed with a recorded loss, or None where there is none."""
    return destination(logits, None) if is_recorded(logits) and not has_hooks() else None


def loss_and_gradient(call: Any, out: Tensor | None) -> tuple[Tensor, Tensor] | None:
    """Return the loss and its gradient, both detached, or None."""
    if type(call) in _plain.OF_ROWS:
        return _loss_of_rows_and_gradient(call, out)
    call, gamma = _without_gamma(call)
    if not _is_plain_call(call, gamma) or not (out is None or (call.mask is None and _can_be_filled(out, call))):
        return None
    gradient = destination(call.logits, None) if out is None else out
    rows_counted, value = loss_of_plain(call, gradient, with_checks=_warnings.checks_are_on(), gamma=gamma)
    return None if rows_counted < 0 else (value, gradient)


def _loss_of_rows(call: Any) -> Tensor | None:
    """Return entropies or a divergence by the gate of arrays, recorded where autograd asks for it, or None."""
    arrays, recorded = _arrays_of_rows(call), is_recorded(call.logits)
    if arrays is None or (recorded and suspicions.may_end_in_activation(call.logits) and _warnings.checks_are_on()):
        return None
    gradient = _memory_of_gradient(call.logits)
    value = _plain.loss_of_rows(arrays, None if gradient is None else gradient.numpy())
    if value is None:
        return None
    value = _tensor_of(value, call.logits)
    if not recorded:
        return value
    others = (getattr(call, _plain.target_of(call)),) if type(call) is KLDivergenceCall else ()
    return record(call.logits, others, _PlainRows(call._replace(logits=None), len(others)), (value, gradient))


def _tensor_of(value: Any, logits: Tensor) -> Tensor:
    """Return a float64 number, or array of them, as a tensor like the logits."""
    if type(value) is not np.ndarray:
        return like(logits, value)
    result = new_like(logits, value.shape)
    result.numpy()[...] = value
    return result


class _PlainRows:
    """What makes the problem of small rows once its tensors are at hand again; nothing of it was checked yet."""

    def __init__(self, call: Any, targets: int) -> None:
        self.target = _plain.target_of(call)
        self.call = call._replace(**{self.target: None}) if targets else call

    def with_arrays(self, logits: Tensor, *targets: Tensor) -> Any:
        """Return the problem."""
        target = {self.target: targets[0]} if targets else {}
        with _warnings.checks("off"):  # they had their say when the loss was computed
            return self.call._replace(logits=logits, **target).checked()

    def per_row(self, numbers: Tensor) -> Tensor:
        """Return a number, or a tensor of one number per row, so that it multiplies the gradient."""
        return numbers if not numbers.ndim or getattr(self.call, "keepdims", False) else numbers.unsqueeze(1)


def _loss_of_rows_and_gradient(call: Any, out: Tensor | None) -> tuple[Tensor, Tensor] | None:
    arrays = _arrays_of_rows(call) if out is None else None
    if arrays is None:
        return None
    gradient = destination(call.logits, None)
    value = _plain.loss_of_rows(arrays, gradient.numpy())
    return None if value is None else (_tensor_of(value, call.logits), gradient)


def _arrays_of_rows(call: Any) -> Any:
    """Return the call of entropies or a divergence with arrays for its tensors; None unless these are small and plain.

    The target must not require a gradient.
    """
    if torch.compiler.is_compiling() or is_transforming() or torch._C._len_torch_function_stack():
        return None
    if not _is_plain(call.logits):
        return None
    arrays = {"logits": call.logits.detach().numpy()}
    if type(call) is KLDivergenceCall:
        name = _plain.target_of(call)
        target = getattr(call, name)
        if type(target) is not Tensor or target.requires_grad or not _is_plain(target):
            return None
        arrays[name] = target.numpy()
    return call._replace(**arrays)


class _PlainProblem(NamedTuple):
    """What makes the problem of a small call once its tensors are at hand again: the options, and the rows counted."""

    options: tuple[Any, ...]
    rows_counted: int
    gamma: float

    def with_arrays(self, logits: Tensor, target: Tensor, mask: Tensor | None = None) -> CrossEntropyProblem:
        """Return the problem."""
        layout = Layout.of(tuple(logits.shape), 1)
        operation = "focal_loss" if self.gamma else "cross_entropy"
        problem = CrossEntropyProblem(operation, logits, target, True, layout, *self.options)
        return problem._replace(mask=mask, rows_counted=self.rows_counted, gamma=self.gamma)


def _binary_loss(call: BinaryFocalCall) -> Tensor | None:
    """Return the loss of a small binary focal loss, recorded where autograd asks for it, or None."""
    if not _is_plain_binary(call):
        return None
    logits, recorded = call.logits, is_recorded(call.logits)
    gradient = _memory_of_gradient(logits)
    value = _loss_of_plain_binary(call, gradient)
    if value is None or not recorded:
        return value
    problem = _PlainBinaryProblem(call.reduction, call.normalizer, call.gamma)
    return record(logits, (call.target,), problem, (value, gradient))


class _PlainBinaryProblem(NamedTuple):
    """What makes the problem of a small binary focal loss once its tensors are at hand again."""

    reduction: str
    normalizer: float | None
    gamma: float

    def with_arrays(self, logits: Tensor, target: Tensor) -> BinaryProblem:
        """Return the problem."""
        options = (None, None, 0.0, self.reduction, self.normalizer)
        return BinaryProblem(BinaryFocalCall.operation, logits, target, *options, gamma=self.gamma)


def _is_plain_binary(call: BinaryFocalCall) -> bool:
    """Return whether the gate may try a call: few elements and a target of their dtype, no weights, one loss."""
    logits, target, gamma, *weights, reduction, normalizer, ignore_index, missing = call
    if torch.compiler.is_compiling() or is_transforming() or any(weight is not None for weight in weights):
        return False
    if type(logits) not in ORDINARY or type(target) is not Tensor or logits.is_nested or target.is_nested:
        return False
    return (
        not (is_wrapped(logits) or target.requires_grad)
        and target.shape == logits.shape
        and target.dtype is logits.dtype
        and logits.dtype in STORED
        and 0 < logits.numel() < binary_focal_loss.SMALL
        and _is_plain_memory(target)
        and _is_plain_memory(logits)
        and type(gamma) is float
        and 0.0 < gamma < math.inf
        and ignore_index is None
        and missing == "error"
        and (reduction == "mean" or (reduction == "sum" and normalizer is None))
        and (normalizer is None or (type(normalizer) in (int, float) and 2.0**-200 < normalizer < 2**63))
        and not (suspicions.may_end_in_activation(logits) and _warnings.checks_are_on())
    )


def _loss_of_plain_binary(call: BinaryFocalCall, gradient: Tensor | None) -> Tensor | None:
    """Return the loss, or None where a warning or an error is due; fill `gradient`, if any."""
    logits, (example, encoding) = call.logits, STORED[call.logits.dtype]
    size, value = logits.numel(), new_like(logits, ())
    divisor = 1.0 if call.reduction == "sum" else float(call.normalizer or size)
    is_filled = binary_focal_loss.small_binary_focal_loss(
        example, encoding, logits.data_ptr(), call.target.data_ptr(), 0 if gradient is None else gradient.data_ptr(),
        value.data_ptr(), size, logits.shape[-1] if logits.ndim > 1 else 1, call.gamma, _warnings.checks_are_on(),
        divisor,
    )  # fmt: skip
    return value if is_filled else None


def _without_gamma(call: Any) -> tuple[Any, Any]:
    """Return a cross-entropy, and gamma if the call is a focal loss, else 0."""
    return (call.cross_entropy(), _as_float(call.gamma)) if type(call) is FocalCall else (call, 0.0)


def _as_float(gamma: Any) -> Any:
    return float(gamma) if type(gamma) is int and 0 <= gamma < 2**63 else gamma


def _is_plain_call(call: Any, gamma: Any) -> bool:
    """Return whether the gate may try a call."""
    if type(call) is not CrossEntropyCall or torch.compiler.is_compiling() or is_transforming():
        return False
    if not is_plain_matrix(call) or not call.has_plain_options():
        return False
    if type(gamma) is not float or not 0.0 <= gamma < math.inf or (gamma and call.label_smoothing):
        return False
    suspicious = suspicions.may_end_in_activation(call.logits) or (
        suspicions.is_square(call.logits.shape)
        and may_fit_columns(_memory(call.logits), STORED[call.logits.dtype][1], call.target.numpy())
    )
    return not (suspicious and _warnings.checks_are_on())


def is_plain_matrix(call: CrossEntropyCall) -> bool:
    """Return whether these are rows of logits, a class index for each and maybe a mask, in C-contiguous memory."""
    logits, target, axis, mask = call.logits, call.target, call.axis, call.mask
    if type(logits) not in ORDINARY or type(target) is not Tensor or logits.is_nested or target.is_nested:
        return False
    shape = logits.shape
    return (
        not is_wrapped(logits)
        and len(shape) == 2
        and shape[1] > 1
        and type(axis) is int
        and (axis == 1 or axis == -1)
        and target.shape == shape[:1]
        and target.dtype is torch.int64
        and logits.dtype in STORED
        and logits.numel() > 0
        and _is_plain_memory(logits)
        and _is_plain_memory(target)
        and (mask is None or _is_plain_mask(mask, shape))
    )


def _is_plain_mask(mask: Any, shape: torch.Size) -> bool:
    """Return whether a mask of few classes is C-contiguous memory, for all rows together or for each."""
    return (
        type(mask) is Tensor
        and shape[1] <= FEW_CLASSES  # many take longer than the general checks: no second kernel is compiled for them
        and not is_wrapped(mask)
        and mask.dtype is torch.bool
        and _is_plain_memory(mask)
        and (mask.shape == shape or mask.shape == shape[1:] or mask.shape == (1, shape[1]))
    )


def loss_of_plain(
    call: CrossEntropyCall, gradient: Tensor | None, *, with_checks: bool, gamma: float = 0.0
) -> tuple[int, Tensor]:
    """Return how many rows take part (-1 where a warning or an error is due) and the loss; fill `gradient`, if any."""
    logits, target, _, _, _, ignore_index, smoothing, z_loss, _, _, mask = call
    (rows, classes), (example, encoding) = logits.shape, STORED[logits.dtype]
    if rows * classes >= kernels.SMALL:
        return _loss_of_many_rows(call, gradient, gamma, with_checks=with_checks)
    value = new_like(logits, ())
    at, divisor = (logits.data_ptr(), target.data_ptr()), _plain.divisor_of(call)
    filled = (0 if gradient is None else gradient.data_ptr(), value.data_ptr(), rows, classes, ignore_index)
    if gamma:
        return small_focal_loss(example, encoding, *at, *filled, gamma, with_checks, divisor), value
    masked = (None, 1) if mask is None else (mask.data_ptr(), mask.numel() // classes)
    numbers = (smoothing, z_loss, with_checks, divisor)
    return kernels.small_cross_entropy(example, encoding, *at, *masked, *filled, *numbers), value


def _loss_of_many_rows(
    call: CrossEntropyCall, gradient: Tensor | None, gamma: float, *, with_checks: bool
) -> tuple[int, Tensor]:
    """Return what `loss_of_plain` returns, of rows that threads share."""
    logits, encoding = _memory(call.logits), STORED[call.logits.dtype][1]
    output = NO_ROWS[logits.dtype] if gradient is None else _memory(gradient)
    mask = None if call.mask is None else call.mask.numpy().reshape(-1, logits.shape[1], 1)
    inputs = (call, logits, encoding, call.target.numpy(), output, mask, gamma)
    used, value = _plain.loss_of_many_rows(*inputs, with_checks=with_checks)
    return used, like(call.logits, value)


def _memory(tensor: Tensor) -> np.ndarray:
    """Return the memory of a plain tensor; 16-bit floats as uint16."""
    tensor = tensor.detach()
    if tensor.dtype is torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(np.uint16)
    return tensor.numpy().view(np.uint16) if tensor.dtype is torch.float16 else tensor.numpy()


def _can_be_filled(out: Any, call: CrossEntropyCall) -> bool:
    """Return whether `out` is ordinary memory apart from the inputs, which a second look may need."""
    logits = call.logits
    return not logits.requires_grad and _is_memory_like(logits, out) and _are_apart(out, call.target)


def _is_memory_like(logits: Tensor, out: Any) -> bool:
    """Return whether `out` is ordinary memory of the shape and dtype of the logits, and apart from them."""
    return (
        type(out) is Tensor
        and not (out.is_nested or is_wrapped(out))
        and out.dtype is logits.dtype
        and out.shape == logits.shape
        and not out.requires_grad
        and _is_plain_memory(out)
        and _are_apart(out, logits)
    )


def _are_apart(one: Tensor, other: Tensor) -> bool:
    """Return whether two contiguous tensors share no byte, whatever storages they say they lie in."""
    start, other_start = one.data_ptr(), other.data_ptr()
    end = start + one.numel() * one.element_size()
    return end <= other_start or other_start + other.numel() * other.element_size() <= start
