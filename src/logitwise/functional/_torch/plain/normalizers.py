"""Plain calls of `softmax`, `log_softmax`, `sigmoid` and `log_sigmoid` that autograd does not record."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from logitwise.functional._cpu_kernels.softmax import HIGHEST_TEMPERATURE, LOWEST_TEMPERATURE
from logitwise.functional._problems.sigmoid import SigmoidCall
from logitwise.functional._problems.softmax import SoftmaxCall
from logitwise.functional._torch.plain.memory import is_followed, is_memory_like, is_plain, new_memory
from logitwise.functional._torch.tensors import STORED, is_recorded
from logitwise.kernels.cpu.sigmoid import plain_sigmoid
from logitwise.kernels.cpu.softmax import LOG_SOFTMAX, SOFTMAX, plain_softmax

_OPERATIONS = {"softmax": SOFTMAX, "log_softmax": LOG_SOFTMAX}


def softmax(call: SoftmaxCall, out: Any) -> Tensor | None:
    """Return probabilities or their logarithms over the last axis, in `out` if there is one, or None."""
    name, _, logits, axis, temperature, mask, _, _ = call
    operation = _OPERATIONS.get(name)
    if (
        operation is None
        or mask is not None
        or type(axis) is not int
        or type(temperature) is not float
        or not LOWEST_TEMPERATURE <= temperature <= HIGHEST_TEMPERATURE
        or not _are_taken(logits, out)
    ):
        return None
    shape, size = logits.shape, logits.numel()
    if not shape or not (axis == -1 or axis == len(shape) - 1) or not size:
        return None
    filled, classes = new_memory(logits) if out is None else out, shape[-1]
    (example, encoding), at, result_at = STORED[logits.dtype], logits.data_ptr(), filled.data_ptr()
    plain_softmax(example, encoding, at, result_at, size // classes, classes, temperature, operation)
    return filled


def sigmoid(call: SigmoidCall, out: Any) -> Tensor | None:
    """Return probabilities or their logarithms, in `out` if there is one, or None."""
    logits = call.logits
    if not _are_taken(logits, out) or not logits.numel():
        return None
    filled = new_memory(logits) if out is None else out
    (example, encoding), at, result_at = STORED[logits.dtype], logits.data_ptr(), filled.data_ptr()
    plain_sigmoid(example, encoding, at, result_at, logits.numel(), call.operation == "log_sigmoid")
    return filled


def _are_taken(logits: Any, out: Any) -> bool:
    """Return whether logits, and `out` if there is one, are memory that a kernel may read and write."""
    return (
        not is_followed()
        and is_plain(logits)
        and not is_recorded(logits)
        and logits.dtype in STORED
        and (out is None or is_memory_like(logits, out))
    )
