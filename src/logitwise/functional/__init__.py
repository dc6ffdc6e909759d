"""The functions, one file per operation: NumPy arrays in give arrays out, torch tensors give tensors."""

from logitwise.functional._arguments.options import show_public_signature
from logitwise.functional.binary_cross_entropy import (
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_and_gradient,
)
from logitwise.functional.cross_entropy import cross_entropy, cross_entropy_and_gradient
from logitwise.functional.entropy import entropy, entropy_and_gradient
from logitwise.functional.focal_loss import (
    binary_focal_loss_with_logits,
    binary_focal_loss_with_logits_and_gradient,
    focal_loss,
    focal_loss_and_gradient,
)
from logitwise.functional.kl_divergence import kl_divergence, kl_divergence_and_gradient
from logitwise.functional.log_loss import log_loss
from logitwise.functional.route import route_of
from logitwise.functional.sigmoid import log_sigmoid, sigmoid
from logitwise.functional.softmax import log_softmax, logsumexp, softmax

__all__ = [
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_and_gradient",
    "binary_focal_loss_with_logits",
    "binary_focal_loss_with_logits_and_gradient",
    "cross_entropy",
    "cross_entropy_and_gradient",
    "entropy",
    "entropy_and_gradient",
    "focal_loss",
    "focal_loss_and_gradient",
    "kl_divergence",
    "kl_divergence_and_gradient",
    "log_loss",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "route_of",
    "sigmoid",
    "softmax",
]

for _function in (
    binary_cross_entropy_with_logits,
    cross_entropy,
    entropy,
    entropy_and_gradient,
    kl_divergence,
    binary_focal_loss_with_logits,
    cross_entropy,
    focal_loss,
    log_loss,
    log_sigmoid,
    log_softmax,
    logsumexp,
    sigmoid,
    softmax,
):
    show_public_signature(_function)
