"""The gate of arrays: a matrix in ordinary memory with ordinary options goes to a kernel, past the general checks.

A gate returns None where a call needs the general code, a warning or an error; the call then takes a route. A small
call takes the time of its checks and objects, not of its arithmetic, so there are as few as can be; cross-entropies of
fewer than `SMALL` logits are one compiled function. The gate of tensors is `_torch/plain.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise import _warnings
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._cpu_kernels.softmax import HIGHEST_TEMPERATURE, LOWEST_TEMPERATURE
from logitwise.functional._memory.recycling import new_array
from logitwise.functional._memory.results import like
from logitwise.functional._problems.cross_entropy import CrossEntropyCall
from logitwise.functional._problems.entropy import EntropyCall
from logitwise.functional._problems.kl_divergence import KLDivergenceCall
from logitwise.functional._problems.sigmoid import SigmoidCall
from logitwise.functional._problems.softmax import SoftmaxCall
from logitwise.kernels.cpu import cross_entropy as kernels
from logitwise.kernels.cpu import entropy, focal_loss, kl_divergence, sigmoid, softmax
from logitwise.kernels.cpu.rows import NATIVE, sum_of
from logitwise.kernels.cpu.suspicions import (
    LOGITS,
    apparent_content,
    faults_of_distribution,
    may_be_no_logits,
    may_fit_columns,
)

NAME = "plain call"
REASON = "numbers in C-contiguous memory and ordinary options go to the kernel at once, past the general checks"
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
    value = loss_of_rows(call, None) if type(call) in OF_ROWS else None
    return None if value is None else like(call.logits, value)


def loss_and_gradient(call: Any, out: Any) -> tuple[Any, Any] | None:
    """Return the loss and its gradient, in `out` if there is one, or None."""
    if type(call) in OF_ROWS:
        return _loss_of_rows_and_gradient(call, out)
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


def _loss_of_rows_and_gradient(call: Any, out: Any) -> tuple[Any, Any] | None:
    target = getattr(call, target_of(call), None)
    if not _is_plain(call.logits) or not _can_be_filled(out, call.logits, target):
        return None
    gradient = new_array(call.logits.shape, call.logits.dtype) if out is None else out
    value = loss_of_rows(call, gradient)
    return None if value is None else (like(call.logits, value), gradient)


def target_of(call: Any) -> str:
    """Return the name of the argument that a divergence has as its target."""
    return "target_logits" if getattr(call, "target_probabilities", None) is None else "target_probabilities"


def loss_of_rows(call: Any, gradient: np.ndarray | None) -> Any:
    """Return the entropies or the divergence of a small call in float64, and fill `gradient`, or return None."""
    logits, axis, temperature = call.logits, call.axis, call.temperature
    if not _is_plain_matrix(logits, axis):
        return None
    if call.mask is not None or type(temperature) is not float or not 0.0 < temperature < np.inf:
        return None
    if type(call) is EntropyCall and type(call.keepdims) is not bool:
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
    _, target_logits, probabilities, _, temperature, _, sample_weight, reduction, normalizer = call
    count, classes, _ = logits.shape
    is_given = probabilities is not None
    target = probabilities if is_given else target_logits
    if not (
        _is_plain(target)
        and (target_logits is None) == is_given
        and target.shape == (count, classes)
        and sample_weight is normalizer is None
        and classes > 1
        and (reduction == "mean" or reduction == "sum")
    ):
        return None
    target = target.reshape(logits.shape)
    with_checks = _warnings.checks_are_on()
    if with_checks and apparent_content(logits, NATIVE) != LOGITS:
        return None
    if is_given:
        is_bad, _, _, rows_off = faults_of_distribution(target, NATIVE)
        if is_bad or rows_off:
            return None
    elif with_checks and apparent_content(target, NATIVE) != LOGITS:
        return None
    divisor, losses = 1.0 if reduction == "sum" else float(count), np.empty(count)
    kl_divergence.kl_divergence(
        logits, NATIVE, target, NATIVE, is_given, softmax.NO_MASK, kl_divergence.NO_WEIGHTS, temperature, 1.0 / divisor,
        losses, gradient,
    )  # fmt: skip
    total = sum_of(losses)
    return total / divisor if not with_checks or np.isfinite(total) else None


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
    with_checks, (rows, classes) = _warnings.checks_are_on(), logits.shape
    if with_checks and rows == classes >= suspicions.SMALLEST_SQUARE and may_fit_columns(logits, NATIVE, target):
        return None
    if rows * classes >= kernels.SMALL:
        rows_counted, value = loss_of_many_rows(call, logits, NATIVE, target, gradient, with_checks=with_checks)
    else:
        numbers = (ignore_index, smoothing, z_loss, with_checks, divisor_of(call))
        rows_counted, value = kernels.small_cross_entropy_of_arrays(logits, target, *numbers, gradient)
    return None if rows_counted < 0 else like(logits, value)


def divisor_of(call: CrossEntropyCall) -> float:
    """Return what the sum of the losses is divided by; 0 for the number of rows that take part."""
    return 1.0 if call.reduction == "sum" else float(call.normalizer or 0.0)


def loss_of_many_rows(
    call: CrossEntropyCall, logits: np.ndarray, encoding: int, target: np.ndarray, gradient: np.ndarray,
    mask: np.ndarray | None = None, gamma: float = 0.0, *, with_checks: bool,
) -> tuple[int, float]:  # fmt: skip
    """Return what `small_cross_entropy` returns and the loss in float64, of rows that threads share.

    Args:
        call: Its options, which are plain.
        logits: A C-contiguous matrix.
        encoding: How to read them.
        target: int64, one per row.
        gradient: Of the shape and dtype of the logits, to be filled, or of size 0.
        mask: `(1 or rows, classes, 1)`, or None.
        gamma: Above 0 for a focal loss.
        with_checks: Whether something suspicious is a reason to return -1.
    """
    bad, _, used = kernels.count_targets(target, logits.shape[1], call.ignore_index)
    if bad or not used or (with_checks and may_be_no_logits(logits, encoding)):
        return -1, 0.0
    divisor, losses = divisor_of(call) or float(used), np.empty(len(target))
    weights, numbers = (kernels.NO_WEIGHTS, kernels.NO_WEIGHTS), (call.label_smoothing, call.z_loss, 1.0 / divisor)
    options = kernels.Options(call.ignore_index, *weights, *numbers, mask)
    if gamma:
        output = gradient[:, :, None] if gradient.ndim == 2 else gradient
        focal_loss.focal_loss(logits[:, :, None], encoding, target, options, gamma, losses, output)
    else:
        kernels.cross_entropy(logits, encoding, target, options, losses, gradient)
    total = sum_of(losses)
    return (-1 if with_checks and not np.isfinite(total) else used), total / divisor
