"""The gate of arrays: a matrix in ordinary memory with ordinary options goes to a kernel, past the general checks.

A gate returns None where a call needs the general code, a warning or an error; the call then takes a route. A small
call takes the time of its checks and objects, not of its arithmetic, so there are as few as can be. The gate of tensors
is `_torch/plain/`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise import _warnings
from logitwise.functional._cpu_kernels.softmax import HIGHEST_TEMPERATURE, LOWEST_TEMPERATURE
from logitwise.functional._memory.recycling import new_array
from logitwise.functional._memory.results import like
from logitwise.functional._problems.binary_cross_entropy import BinaryCall
from logitwise.functional._problems.cross_entropy import CrossEntropyCall
from logitwise.functional._problems.entropy import EntropyCall
from logitwise.functional._problems.focal_loss import BinaryFocalCall
from logitwise.functional._problems.kl_divergence import KLDivergenceCall
from logitwise.functional._problems.sigmoid import SigmoidCall
from logitwise.functional._problems.softmax import SoftmaxCall
from logitwise.kernels.cpu import cross_entropy as kernels
from logitwise.kernels.cpu import sigmoid, softmax
from logitwise.kernels.cpu.binary_cross_entropy import plain_binary_loss
from logitwise.kernels.cpu.binary_focal_loss import plain_binary_focal_loss
from logitwise.kernels.cpu.entropy import plain_entropy
from logitwise.kernels.cpu.kl_divergence import plain_divergence
from logitwise.kernels.cpu.rows import NATIVE

NAME = "plain call"
REASON = "numbers in C-contiguous memory and ordinary options go to the kernel at once, past the general checks"
_FLOAT32, _FLOAT64, _INT64 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)  # each is one object
_NO_SINGLES, _NO_DOUBLES = np.empty((0, 0), np.float32), np.empty((0, 0), np.float64)  # where no gradient is asked for
_SOFTMAXES = {"softmax": softmax.softmax, "log_softmax": softmax.log_softmax}
_BINARY: dict[type, Any] = {BinaryCall: plain_binary_loss, BinaryFocalCall: plain_binary_focal_loss}
_OF_ROWS = (EntropyCall, KLDivergenceCall)
_SIGMOIDS = {"sigmoid": sigmoid.sigmoid, "log_sigmoid": sigmoid.log_sigmoid}


def result(call: Any, out: Any) -> Any:
    """Return an array of the results, in `out` if there is one, or None."""
    if type(call) is SoftmaxCall:
        return _softmax(call, out)
    return _sigmoid(call, out) if type(call) is SigmoidCall else None


def _softmax(call: SoftmaxCall, out: Any) -> Any:
    operation, _, logits, axis, temperature, mask, keepdims, return_sign = call
    if not _is_plain_matrix(logits, axis):
        return None
    if (
        mask is not None
        or type(temperature) is not float
        or not LOWEST_TEMPERATURE <= temperature <= HIGHEST_TEMPERATURE
    ):
        return None
    if operation == "logsumexp":
        if not type(keepdims) is type(return_sign) is bool:
            return None
        rows = len(logits)
        numbers = np.empty((rows, 1) if keepdims else rows, logits.dtype)
        softmax.logsumexp(logits, None, NATIVE, numbers.reshape(rows, 1))
        return numbers
    if not _can_be_filled(out, logits):
        return None
    filled = new_array(logits.shape, logits.dtype) if out is None else out
    _SOFTMAXES[operation](logits, None, NATIVE, temperature, filled)
    return filled


def _sigmoid(call: SigmoidCall, out: Any) -> Any:
    operation, _, logits = call
    if not _is_plain(logits) or not logits.ndim or not _can_be_filled(out, logits):
        return None
    filled = new_array(logits.shape, logits.dtype) if out is None else out
    _SIGMOIDS[operation](logits.reshape(-1), NATIVE, filled.reshape(-1))
    return filled


def _is_plain_matrix(logits: Any, axis: Any) -> bool:
    """Return whether these are rows of logits in C-contiguous NumPy memory, with classes on the last axis."""
    return _is_plain(logits) and logits.ndim == 2 and type(axis) is int and (axis == -1 or axis == 1)


def _is_plain(logits: Any) -> bool:
    """Return whether these are numbers in C-contiguous NumPy memory."""
    return (
        type(logits) is np.ndarray
        and (logits.dtype is _FLOAT32 or logits.dtype is _FLOAT64)
        and logits.size > 0
        and logits.flags.carray
    )


def loss(call: Any) -> Any:
    """Return the loss, or None."""
    if type(call) is CrossEntropyCall and _is_plain_call(call):
        return _loss_of_plain(call, _NO_SINGLES if call.logits.dtype is _FLOAT32 else _NO_DOUBLES)
    if type(call) in _BINARY:
        return _binary_loss(call, None) if _is_plain_binary(call) else None
    return _loss_of_rows(call, None) if type(call) in _OF_ROWS else None


def loss_and_gradient(call: Any, out: Any) -> tuple[Any, Any] | None:
    """Return the loss and its gradient, in `out` if there is one, or None."""
    if type(call) in _OF_ROWS:
        return _loss_of_rows_and_gradient(call, out)
    if type(call) in _BINARY:
        return _binary_loss_and_gradient(call, out)
    if type(call) is not CrossEntropyCall or not _is_plain_call(call):
        return None
    logits = call.logits
    if out is None:
        gradient = new_array(logits.shape, logits.dtype)
    elif _can_be_filled(out, logits, call.target):
        gradient = out
    else:
        return None
    value = _loss_of_plain(call, gradient)
    return None if value is None else (value, gradient)


def _is_plain_binary(call: Any) -> bool:
    """Return whether these are logits and a target for each, in C-contiguous NumPy memory of one dtype."""
    logits, target = call.logits, call.target
    return (
        _is_plain(logits)
        and _is_plain(target)
        and target.dtype is logits.dtype
        and target.shape == logits.shape
        and call.has_plain_options()
    )


def _binary_loss(call: Any, gradient: np.ndarray | None) -> Any:
    """Return the loss and fill `gradient`, if any; None where a warning or an error is due."""
    logits, target = call.logits, call.target
    value = np.empty((), logits.dtype)
    compute, number = _BINARY[type(call)], call.label_smoothing if type(call) is BinaryCall else float(call.gamma)
    divisor = 1.0 if call.reduction == "sum" else float(call.normalizer or logits.size)
    is_filled = compute(
        logits.dtype.type(0), NATIVE, logits.ctypes.data, target.ctypes.data,
        0 if gradient is None else gradient.ctypes.data, value.ctypes.data, logits.size,
        logits.shape[-1] if logits.ndim > 1 else 1, number, _warnings.checks_are_on(), divisor,
    )  # fmt: skip
    return value[()] if is_filled else None


def _binary_loss_and_gradient(call: Any, out: Any) -> tuple[Any, Any] | None:
    if not _is_plain_binary(call) or not _can_be_filled(out, call.logits, call.target):
        return None
    gradient = new_array(call.logits.shape, call.logits.dtype) if out is None else out
    value = _binary_loss(call, gradient)
    return None if value is None else (value, gradient)


def _loss_of_rows_and_gradient(call: Any, out: Any) -> tuple[Any, Any] | None:
    target = None if type(call) is EntropyCall else call.target()
    if not _is_plain(call.logits) or not _can_be_filled(out, call.logits, target):
        return None
    gradient = new_array(call.logits.shape, call.logits.dtype) if out is None else out
    value = _loss_of_rows(call, gradient)
    return None if value is None else (value, gradient)


def _loss_of_rows(call: Any, gradient: np.ndarray | None) -> Any:
    """Return entropies or a divergence, and fill `gradient`, if any; None where the gate does not take them."""
    logits: np.ndarray = call.logits
    if not _is_plain_matrix(logits, call.axis) or not call.has_plain_options():
        return None
    (rows, classes), number = logits.shape, logits.dtype.type(0)
    at, gradient_at = logits.ctypes.data, 0 if gradient is None else gradient.ctypes.data
    if type(call) is EntropyCall:
        result = np.empty((rows, 1) if call.keepdims else rows, logits.dtype)
        plain_entropy(number, NATIVE, at, gradient_at, result.ctypes.data, rows, classes, call.temperature)
        return result
    target = call.target()
    if not (_is_plain(target) and target.dtype is logits.dtype and target.shape == logits.shape and classes > 1):
        return None
    value, divisor = np.empty((), logits.dtype), 1.0 if call.reduction == "sum" else float(rows)
    is_filled = plain_divergence(
        number, NATIVE, at, target.ctypes.data, call.has_probabilities(), gradient_at, value.ctypes.data, rows, classes,
        call.temperature, _warnings.checks_are_on(), divisor,
    )  # fmt: skip
    return value[()] if is_filled else None


def _is_plain_call(call: CrossEntropyCall) -> bool:
    """Return whether these are rows of logits and a class index for each, in C-contiguous NumPy memory."""
    logits, target, axis, _, _, _, _, _, _, _, mask = call
    if not (type(logits) is type(target) is np.ndarray and logits.ndim == 2 and type(axis) is int and mask is None):
        return False
    rows, classes = logits.shape
    return (
        classes > 1
        and rows > 0
        and (logits.dtype is _FLOAT32 or logits.dtype is _FLOAT64)
        and target.dtype is _INT64
        and target.shape == (rows,)
        and (axis == -1 or axis == 1)
        and logits.flags.carray
        and target.flags.carray
    )


def _can_be_filled(out: Any, logits: np.ndarray, target: np.ndarray | None = None) -> bool:
    """Return whether `out` is None or plain memory like the logits, and apart from the inputs."""
    return out is None or (
        type(out) is np.ndarray
        and out.shape == logits.shape
        and out.dtype is logits.dtype
        and out.flags.carray
        and not np.may_share_memory(out, logits)
        and (target is None or not np.may_share_memory(out, target))
    )


def _loss_of_plain(call: CrossEntropyCall, gradient: np.ndarray) -> np.floating | None:
    """Return the loss and fill `gradient`, unless it is empty."""
    if not call.has_plain_options():
        return None
    logits, target, _, _, _, ignore_index, smoothing, z_loss, *_ = call
    numbers = (ignore_index, smoothing, z_loss, _warnings.checks_are_on(), divisor_of(call))
    rows_counted, value = kernels.plain_cross_entropy_of_arrays(logits, target, *numbers, gradient)
    return None if rows_counted < 0 else like(logits, value)


def divisor_of(call: CrossEntropyCall) -> float:
    """Return what the sum of the losses is divided by; 0 for the number of rows that take part."""
    return 1.0 if call.reduction == "sum" else float(call.normalizer or 0.0)
