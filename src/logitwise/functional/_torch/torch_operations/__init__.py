"""The route of plain torch operations: on any device, differentiable to every order, and under every transform.

The definitions are those of `reference/`; one file per operation.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from logitwise import _warnings
from logitwise.functional import _cpu_kernels
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._memory.results import deliver
from logitwise.functional._torch.tensors import are_for_kernels
from logitwise.functional._torch.torch_operations.binary_cross_entropy import binary_cross_entropy_with_logits
from logitwise.functional._torch.torch_operations.cross_entropy import cross_entropy, log_loss
from logitwise.functional._torch.torch_operations.entropy import entropy
from logitwise.functional._torch.torch_operations.kl_divergence import kl_divergence
from logitwise.functional._torch.torch_operations.sigmoid import log_sigmoid, sigmoid
from logitwise.functional._torch.torch_operations.softmax import log_softmax, logsumexp, softmax
from logitwise.functional._torch.torch_operations.weighted_logsumexp import weighted_logsumexp

NAME = "torch operations"
REASON = "plain torch operations, which compute on any device and which torch can differentiate, transform and trace"
_RESULTS = {
    "softmax": softmax,
    "log_softmax": log_softmax,
    "logsumexp": logsumexp,
    "sigmoid": sigmoid,
    "log_sigmoid": log_sigmoid,
    "log_loss": log_loss,
    "binary_log_loss": log_loss,
    "weighted_logsumexp": weighted_logsumexp,
}
_LOSSES = {
    "cross_entropy": cross_entropy,
    "focal_loss": cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "entropy": entropy,
    "kl_divergence": kl_divergence,
    "binary_focal_loss_with_logits": binary_cross_entropy_with_logits,
}


def takes(call: Any) -> bool:
    """Return True: this is the last route of tensors."""
    return True


def result(call: Any, out: Any = None) -> Any:
    """Return a tensor of the results, in `out` if there is one; of a logsumexp with its sign, two."""
    problem = call.checked(out)
    found = _RESULTS[problem.operation](problem)
    return found if out is None else deliver(found, out)


def loss(call: Any) -> Tensor:
    """Return the loss."""
    problem = call.checked()
    if _is_checked(call):
        is_warned_of = suspicions.warn_of_graph(problem.logits, problem.operation)
        _warn(problem._replace(is_warned_of=True) if is_warned_of else problem)
        with _warnings.checks("off"):  # the kernels had their say
            return _LOSSES[problem.operation](problem)
    return _LOSSES[problem.operation](problem)


def _is_checked(call: Any) -> bool:
    """Return whether a call is checked for what is hardly ever meant: one that is here for its derivatives alone.

    The kernels then compute the loss too, for their warnings, at a small part of the cost of the operations.
    """
    if torch.compiler.is_compiling() or not _warnings.checks_are_on():
        return False
    with torch.no_grad():
        return _cpu_kernels.takes(call) and are_for_kernels(call)


def _warn(problem: Any) -> None:
    """Warn of what the kernels find in a problem."""
    for name in ("normalizer", "temperature"):
        number = getattr(problem, name, None)
        if isinstance(number, Tensor):
            problem = problem._replace(**{name: float(number.detach())})
    _cpu_kernels.loss(problem.detached())


def loss_and_gradient(call: Any, out: Any = None) -> tuple[Tensor, Tensor]:
    """Return the loss and its gradient, detached: one backward pass over the operations."""
    problem = call.checked(out).detached()
    is_checked = _is_checked(call)
    if is_checked:
        _warn(problem)

    def sum_of(logits: Tensor) -> tuple[Tensor, Tensor]:
        loss = _LOSSES[problem.operation](problem._replace(logits=logits))
        return loss.sum(), loss

    # a compiler and a transform refuse a plain backward pass
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        gradient, loss = torch.func.grad(sum_of, has_aux=True)(problem.logits)
        return loss.detach(), deliver(gradient, out)
    with torch.enable_grad(), _warnings.checks("off" if is_checked else None):
        total, loss = sum_of(problem.logits.requires_grad_())
        (gradient,) = torch.autograd.grad(total, problem.logits)
    return loss.detach(), deliver(gradient, out)
