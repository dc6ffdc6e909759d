"""The route over the compiled kernels, on the memory of arrays and CPU tensors; one file per operation."""

from __future__ import annotations

from typing import Any

from logitwise.functional._cpu_kernels import (
    binary_cross_entropy,
    cross_entropy,
    entropy,
    kl_divergence,
    sigmoid,
    softmax,
)

NAME = "CPU kernels"
REASON = "compiled kernels read the memory of the arrays"
_RESULTS = {
    "softmax": softmax.result,
    "log_softmax": softmax.result,
    "logsumexp": softmax.logsumexp,
    "sigmoid": sigmoid.result,
    "log_sigmoid": sigmoid.result,
}
_LOSSES = {
    "cross_entropy": cross_entropy.loss,
    "focal_loss": cross_entropy.loss,
    "binary_cross_entropy_with_logits": binary_cross_entropy.loss,
    "entropy": entropy.loss,
    "kl_divergence": kl_divergence.loss,
    "binary_focal_loss_with_logits": binary_cross_entropy.loss,
}
_LOSSES_AND_GRADIENTS = {
    "cross_entropy": cross_entropy.loss_and_gradient,
    "focal_loss": cross_entropy.loss_and_gradient,
    "binary_cross_entropy_with_logits": binary_cross_entropy.loss_and_gradient,
    "entropy": entropy.loss_and_gradient,
    "kl_divergence": kl_divergence.loss_and_gradient,
    "binary_focal_loss_with_logits": binary_cross_entropy.loss_and_gradient,
}
_GRADIENTS = {
    "cross_entropy": cross_entropy.gradient,
    "focal_loss": cross_entropy.gradient,
    "binary_cross_entropy_with_logits": binary_cross_entropy.gradient,
    "entropy": entropy.gradient,
    "kl_divergence": kl_divergence.gradient,
    "binary_focal_loss_with_logits": binary_cross_entropy.gradient,
}


def takes(call: Any) -> bool:
    """Return whether kernels compute a call of arrays: every operation that has one."""
    return call.operation in _RESULTS or call.operation in _LOSSES


def result(call: Any, out: Any = None) -> Any:
    """Return an array of the results, in `out` if there is one."""
    return _RESULTS[call.operation](call.checked(out), out)


def loss(call: Any) -> Any:
    """Return the loss."""
    return _LOSSES[call.operation](call.checked())


def loss_and_gradient(call: Any, out: Any = None) -> tuple[Any, Any]:
    """Return the loss and its gradient, in `out` if there is one."""
    return _LOSSES_AND_GRADIENTS[call.operation](call.checked(out), out)


def gradient(call: Any, outer: Any, out: Any = None) -> Any:
    """Return the gradient of a loss times `outer`, rounded once, in `out` if there is one.

    Args:
        call: The call.
        outer: A number or, of losses that are not reduced, an array or tensor of one number for each.
        out: An array or tensor of the shape and dtype of the logits.
    """
    return _GRADIENTS[call.operation](call.checked(out), outer, out)
