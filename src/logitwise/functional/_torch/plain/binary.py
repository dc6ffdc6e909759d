"""Plain calls of the binary losses: a target for each logit, of the same shape and dtype, and no weights."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from logitwise import _warnings
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._problems.binary_cross_entropy import BinaryCall, BinaryProblem
from logitwise.functional._problems.focal_loss import BinaryFocalCall
from logitwise.functional._torch.plain.memory import (
    are_apart,
    is_followed,
    is_memory_like,
    is_plain,
    is_target_like,
    memory_of_gradient,
    new_memory,
)
from logitwise.functional._torch.recorded_kernels import record
from logitwise.functional._torch.tensors import STORED, is_recorded
from logitwise.kernels.cpu.binary_cross_entropy import plain_binary_loss
from logitwise.kernels.cpu.binary_focal_loss import plain_binary_focal_loss


class _PlainBinary(NamedTuple):
    """What makes the problem of a plain call once its tensors are at hand again."""

    operation: str
    label_smoothing: float
    reduction: str
    normalizer: float | None
    gamma: float

    def with_arrays(self, logits: Tensor, target: Tensor) -> BinaryProblem:
        """Return the problem."""
        options = (None, None, self.label_smoothing, self.reduction, self.normalizer)
        return BinaryProblem(self.operation, logits, target, *options, gamma=self.gamma)


def loss(call: BinaryCall | BinaryFocalCall) -> Tensor | None:
    """Return the loss, recorded where autograd asks for it, or None."""
    options = _options_of(call)
    if options is None:
        return None
    logits, recorded = call.logits, is_recorded(call.logits)
    gradient = memory_of_gradient(logits, recorded)
    value = _loss_of_plain(logits, call.target, options, gradient)
    return record(logits, (call.target,), options, (value, gradient)) if recorded and value is not None else value


def loss_and_gradient(call: BinaryCall | BinaryFocalCall, out: Any) -> tuple[Tensor, Tensor] | None:
    """Return the loss and its gradient, both detached, or None."""
    options, logits = _options_of(call), call.logits
    if options is None or not (
        out is None or (not logits.requires_grad and is_memory_like(logits, out) and are_apart(out, call.target))
    ):
        return None
    gradient = new_memory(logits) if out is None else out
    value = _loss_of_plain(logits, call.target, options, gradient)
    return None if value is None else (value, gradient)


def _options_of(call: BinaryCall | BinaryFocalCall) -> _PlainBinary | None:
    """Return the options of a call that the gate may try, or None."""
    if not call.has_plain_options() or not _are_taken(call.logits, call.target):
        return None
    smoothing, gamma = (call.label_smoothing, 0.0) if isinstance(call, BinaryCall) else (0.0, float(call.gamma))
    return _PlainBinary(call.operation, smoothing, call.reduction, call.normalizer, gamma)


def _are_taken(logits: Any, target: Any) -> bool:
    """Return whether the gate takes the tensors: memory of one shape and dtype, of which the target has no gradient."""
    return (
        not is_followed()
        and is_plain(logits)
        and is_target_like(target, logits)
        and logits.dtype in STORED
        and logits.numel() > 0
        and not (suspicions.may_end_in_activation(logits) and _warnings.checks_are_on())
    )


def _loss_of_plain(logits: Tensor, target: Tensor, options: _PlainBinary, gradient: Tensor | None) -> Tensor | None:
    """Return the loss, or None where a warning or an error is due; fill `gradient`, if any."""
    (example, encoding), size, value = STORED[logits.dtype], logits.numel(), logits.new_empty(())
    divisor = 1.0 if options.reduction == "sum" else float(options.normalizer or size)
    compute, number = (
        (plain_binary_focal_loss, options.gamma) if options.gamma else (plain_binary_loss, options.label_smoothing)
    )
    is_filled = compute(
        example, encoding, logits.data_ptr(), target.data_ptr(), 0 if gradient is None else gradient.data_ptr(),
        value.data_ptr(), size, logits.shape[-1] if logits.ndim > 1 else 1, number, _warnings.checks_are_on(), divisor,
    )  # fmt: skip
    return value if is_filled else None
