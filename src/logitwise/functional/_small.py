"""The gate of arrays: few numbers in ordinary memory go to a kernel at once, past the general checks.

A gate returns None where a call needs the general code, a warning or an error; the call then takes a route. A small
call takes the time of its checks and objects, not of its arithmetic, so there are as few as can be. The gate of tensors
is `_torch/small.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise import _warnings
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._cpu_kernels.softmax import HIGHEST_TEMPERATURE, LOWEST_TEMPERATURE
from logitwise.functional._problems.cross_entropy import CrossEntropyCall
from logitwise.functional._problems.entropy import EntropyCall
from logitwise.functional._problems.kl_divergence import KLDivergenceCall
from logitwise.functional._problems.sigmoid import SigmoidCall
from logitwise.functional._problems.softmax import SoftmaxCall
from logitwise.kernels.cpu import cross_entropy as kernels
from logitwise.kernels.cpu import entropy, kl_divergence, sigmoid, softmax
from logitwise.kernels.cpu.rows import NATIVE, sum_of
from logitwise.kernels.cpu.suspicions import LOGITS, apparent_content

NAME = "small call"
REASON = "few numbers in C-contiguous memory go to one compiled call, past the general checks"
_FLOAT32, _FLOAT64, _INT64 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)  # each is one object
_NO_SINGLES, _NO_DOUBLES = np.empty((0, 0), np.float32), np.empty((0, 0), np.float64)  # where no gradient is asked for
_SOFTMAXES = {"softmax": softmax.softmax, "log_softmax": softmax.log_softmax}
OF_ROWS = (EntropyCall, KLDivergenceCall)
_EVEN = np.ones(1)
_NO_GRADIENTS = {dtype: np.empty((0, 0, 0), dtype) for dtype in (_FLOAT32, _FLOAT64)}
_SIGMOIDS = {"sigmoid": sigmoid.sigmoid, "log_sigmoid": sigmoid.log_sigmoid}


def result(call: Any, out: Any) -> Any:
    """Return an array of the results, in `out` if there is one, or None."""
    if type(call) is SoftmaxCall:
        return _softmax(call, out)
    return _sigmoid(call, out) if type(call) is SigmoidCall else None


def _softmax(call: SoftmaxCall, out: Any) -> Any:
    operation, _, logits, axis, temperature, mask, keepdims = call
    if not _is_plain_matrix(logits, axis):
        return None
    if (
        mask is not None
        or type(temperature) is not float
        or not LOWEST_TEMPERATURE <= temperature <= HIGHEST_TEMPERATURE
    ):
        return None
    if operation == "logsumexp":
        rows = len(logits)
        numbers = np.empty((rows, 1) if keepdims else rows, logits.dtype)
        softmax.logsumexp(logits, None, NATIVE, numbers.reshape(rows, 1))
        return numbers
    if not _can_be_filled(out, logits):
        return None
    filled = np.empty(logits.shape, logits.dtype) if out is None else out
    _SOFTMAXES[operation](logits, None, NATIVE, temperature, filled)
    return filled


def _sigmoid(call: SigmoidCall, out: Any) -> Any:
    operation, _, logits = call
    if not _is_plain(logits) or not logits.ndim or not _can_be_filled(out, logits):
        return None
    filled = np.empty(logits.shape, logits.dtype) if out is None else out
    _SIGMOIDS[operation](logits.reshape(-1), NATIVE, filled.reshape(-1))
    return filled


def _is_plain_matrix(logits: Any, axis: Any) -> bool:
    """Return whether these are few rows of logits in C-contiguous NumPy memory, with classes on the last axis."""
    return _is_plain(logits) and logits.ndim == 2 and type(axis) is int and (axis == -1 or axis == 1)


def _is_plain(logits: Any) -> bool:
    """Return whether these are few numbers in C-contiguous NumPy memory."""
    return (
        type(logits) is np.ndarray
        and (logits.dtype is _FLOAT32 or logits.dtype is _FLOAT64)
        and 0 < logits.size < kernels.SMALL
        and logits.flags.carray
    )


def loss(call: Any) -> Any:
    """Return the loss, or None."""
    if type(call) is CrossEntropyCall and _is_small(call):
        return _loss_of_small(call, _NO_SINGLES if call.logits.dtype is _FLOAT32 else _NO_DOUBLES)
    value = loss_of_rows(call, None) if type(call) in OF_ROWS else None
    return None if value is None else _in_dtype(value, call.logits)


def loss_and_gradient(call: Any, out: Any) -> tuple[Any, Any] | None:
    """Return the loss and its gradient, in `out` if there is one, or None."""
    if type(call) in OF_ROWS:
        return _loss_of_rows_and_gradient(call, out)
    if type(call) is not CrossEntropyCall or not _is_small(call):
        return None
    logits = call.logits
    if out is None:
        gradient = np.empty(logits.shape, logits.dtype)
    elif _can_be_filled(out, logits, call.target):
        gradient = out
    else:
        return None
    value = _loss_of_small(call, gradient)
    return None if value is None else (value, gradient)


def _loss_of_rows_and_gradient(call: Any, out: Any) -> tuple[Any, Any] | None:
    if not _is_plain(call.logits) or not _can_be_filled(out, call.logits, getattr(call, "target_logits", None)):
        return None
    gradient = np.empty(call.logits.shape, call.logits.dtype) if out is None else out
    value = loss_of_rows(call, gradient)
    return None if value is None else (_in_dtype(value, call.logits), gradient)


def _in_dtype(value: Any, logits: np.ndarray) -> Any:
    return value.astype(logits.dtype, copy=False) if type(value) is np.ndarray else logits.dtype.type(value)


def loss_of_rows(call: Any, gradient: np.ndarray | None) -> Any:
    """Return the entropies or the divergence of a small call in float64, and fill `gradient`, or return None."""
    logits, axis, temperature = call.logits, call.axis, call.temperature
    if not _is_plain_matrix(logits, axis):
        return None
    if call.mask is not None or type(temperature) is not float or not 0.0 < temperature < np.inf:
        return None
    shape = (*logits.shape, 1)
    rows = logits.reshape(shape)
    output = _NO_GRADIENTS[logits.dtype] if gradient is None else gradient.reshape(shape)
    if type(call) is KLDivergenceCall:
        return _divergence(call, rows, output)
    entropies = np.empty(len(logits))
    entropy.entropy(rows, NATIVE, softmax.NO_MASK, _EVEN, temperature, entropies, output)
    return entropies.reshape(-1, 1) if call.keepdims else entropies


def _divergence(call: KLDivergenceCall, logits: np.ndarray, gradient: np.ndarray) -> float | None:
    """Return the reduced divergence, and fill `gradient`; None where a row, a target or an option is unusual."""
    _, target, probabilities, _, temperature, _, sample_weight, reduction, normalizer = call
    count, classes, _ = logits.shape
    if not (
        _is_plain(target)
        and target.shape == (count, classes)
        and probabilities is sample_weight is normalizer is None
        and classes > 1
        and (reduction == "mean" or reduction == "sum")
    ):
        return None
    target = target.reshape(logits.shape)
    with_checks = _warnings.checks_are_on()
    if with_checks and (apparent_content(logits, NATIVE) != LOGITS or apparent_content(target, NATIVE) != LOGITS):
        return None
    divisor, losses = 1.0 if reduction == "sum" else float(count), np.empty(count)
    kl_divergence.kl_divergence(
        logits, NATIVE, target, NATIVE, False, softmax.NO_MASK, kl_divergence.NO_WEIGHTS, temperature, 1.0 / divisor,
        losses, gradient,
    )  # fmt: skip
    total = sum_of(losses)
    return total / divisor if not with_checks or np.isfinite(total) else None


def _is_small(call: CrossEntropyCall) -> bool:
    """Return whether these are few rows of logits and a class index for each, in C-contiguous NumPy memory."""
    logits, target, axis, _, _, _, _, _, _, _, mask = call
    if not (type(logits) is type(target) is np.ndarray and logits.ndim == 2 and type(axis) is int and mask is None):
        return False
    rows, classes = logits.shape
    return (
        classes > 1
        and 0 < rows * classes < kernels.SMALL
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


def _loss_of_small(call: CrossEntropyCall, gradient: np.ndarray) -> np.floating | None:
    """Return the loss and fill `gradient`, unless it is empty."""
    if not call.has_plain_options():
        return None
    logits, target, _, _, _, ignore_index, smoothing, z_loss, reduction, normalizer, _ = call
    with_checks, (rows, classes) = _warnings.checks_are_on(), logits.shape
    if with_checks and rows == classes >= suspicions.SMALLEST_SQUARE:
        return None
    divisor = 1.0
    if reduction != "sum":
        divisor = 0.0 if normalizer is None else float(normalizer)
    rows_counted, value = kernels.small_cross_entropy_of_arrays(
        logits, target, ignore_index, smoothing, z_loss, with_checks, divisor, gradient
    )
    return None if rows_counted < 0 else logits.dtype.type(value)
