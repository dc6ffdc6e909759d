"""Plain calls of `entropy` and `kl_divergence`: rows of logits, and for a divergence a target like them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from logitwise import _warnings
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._problems.entropy import EntropyCall
from logitwise.functional._problems.kl_divergence import KLDivergenceCall
from logitwise.functional._torch.plain.memory import (
    is_followed,
    is_plain,
    is_target_like,
    memory_of_gradient,
    new_memory,
)
from logitwise.functional._torch.recorded_kernels import record
from logitwise.functional._torch.tensors import STORED, is_recorded
from logitwise.kernels.cpu.entropy import plain_entropy
from logitwise.kernels.cpu.kl_divergence import plain_divergence


def loss(call: Any) -> Tensor | None:
    """Return entropies or a divergence, recorded where autograd asks for it, or None."""
    if not _is_taken(call):
        return None
    logits, recorded = call.logits, is_recorded(call.logits)
    if recorded and suspicions.may_end_in_activation(logits) and _warnings.checks_are_on():
        return None
    gradient = memory_of_gradient(logits, recorded)
    value = _value(call, gradient)
    if value is None or not recorded:
        return value
    others = (call.target(),) if type(call) is KLDivergenceCall else ()
    return record(logits, others, _PlainRows(call), (value, gradient))


def loss_and_gradient(call: Any, out: Any) -> tuple[Tensor, Tensor] | None:
    """Return entropies or a divergence and their gradient, both detached, or None."""
    if out is not None or not _is_taken(call):
        return None
    gradient = new_memory(call.logits)
    value = _value(call, gradient)
    return None if value is None else (value, gradient)


class _PlainRows:
    """What makes the problem of plain rows once its tensors are at hand again; nothing of it was checked yet."""

    def __init__(self, call: Any) -> None:
        self.target = None
        if type(call) is KLDivergenceCall:
            self.target = "target_probabilities" if call.has_probabilities() else "target_logits"
            call = call._replace(target_logits=None, target_probabilities=None)
        self.call = call._replace(logits=None)  # the node keeps tensors where hooks see them, and nowhere else

    def with_arrays(self, logits: Tensor, *targets: Tensor) -> Any:
        """Return the problem."""
        target = {} if self.target is None else {self.target: targets[0]}
        with _warnings.checks("off"):  # they had their say when the loss was computed
            return self.call._replace(logits=logits, **target).checked()

    def per_row(self, numbers: Tensor) -> Tensor:
        """Return a number, or a tensor of one number per row, so that it multiplies the gradient."""
        return numbers if not numbers.ndim or getattr(self.call, "keepdims", False) else numbers.unsqueeze(1)


def _is_taken(call: Any) -> bool:
    """Return whether the gate may try a call: plain rows, and a plain target like them that has no gradient."""
    logits, axis = call.logits, call.axis
    if is_followed() or not is_plain(logits) or not call.has_plain_options():
        return False
    if logits.ndim != 2 or type(axis) is not int or not (axis == 1 or axis == -1):
        return False
    if logits.dtype not in STORED or not logits.numel():
        return False
    return type(call) is EntropyCall or (logits.shape[1] > 1 and is_target_like(call.target(), logits))


def _value(call: Any, gradient: Tensor | None) -> Tensor | None:
    """Return the entropies or the divergence, or None where a warning or an error is due; fill `gradient`, if any."""
    logits, gradient_at = call.logits, 0 if gradient is None else gradient.data_ptr()
    (rows, classes), (example, encoding) = logits.shape, STORED[logits.dtype]
    if type(call) is EntropyCall:
        value = logits.new_empty((rows, 1) if call.keepdims else rows)
        addresses = (logits.data_ptr(), gradient_at, value.data_ptr())
        plain_entropy(example, encoding, *addresses, rows, classes, call.temperature)
        return value
    value, divisor = logits.new_empty(()), 1.0 if call.reduction == "sum" else float(rows)
    is_filled = plain_divergence(
        example, encoding, logits.data_ptr(), call.target().data_ptr(), call.has_probabilities(), gradient_at,
        value.data_ptr(), rows, classes, call.temperature, _warnings.checks_are_on(), divisor,
    )  # fmt: skip
    return value if is_filled else None
