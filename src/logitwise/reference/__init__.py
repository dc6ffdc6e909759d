"""The definitions of the functions, in float64 NumPy, written to be read.

This is their specification: the fused kernels compute the same faster, and the tests compare every route with it (and
this package with mpmath). Logits are arrays with classes on `axis`; targets are distributions over classes.

Every row is written as differences from its largest logit `m`, at position `k`:

    d_j = z_j - m,   e_j = exp(d_j),   rest = sum of e_j over j != k,   logsumexp = m + log1p(rest)

The largest term is exactly 1 and stays out of the sum, so nothing is lost where the others are tiny: `log1p(rest)` is
the loss of a confident row to the last digit. `z_j - m` is rounded, and half an ulp in a difference of 700 becomes 700
half-ulps in its exponential. So the rounding error of the difference is computed too (Knuth's two-sum) and carried over
to the exponential. Where `rest` is next to nothing, the other exponentials are added with a factor of exp(512): each of
them, subnormal, would be rounded to a multiple of the smallest number. For shifted formulas and their bounds see
Blanchard, Higham and Higham, IMA J. Numer. Anal. 41 (2021).
"""

from logitwise.reference.binary_cross_entropy import binary_cross_entropy_with_logits
from logitwise.reference.cross_entropy import cross_entropy, one_hot, smoothed
from logitwise.reference.entropy import entropy
from logitwise.reference.focal_loss import binary_focal_loss_with_logits, focal_loss
from logitwise.reference.kl_divergence import kl_divergence
from logitwise.reference.log_loss import binary_log_loss, log_loss
from logitwise.reference.rows import ShiftedRows, shift
from logitwise.reference.sigmoid import log_sigmoid, log_sigmoid_gradient, sigmoid, sigmoid_gradient, softplus
from logitwise.reference.softmax import (
    log_softmax,
    log_softmax_gradient,
    logsumexp,
    logsumexp_gradient,
    softmax,
    softmax_gradient,
)
from logitwise.reference.weighted_logsumexp import LOG_2, weighted_logsumexp

__all__ = [
    "LOG_2",
    "ShiftedRows",
    "binary_cross_entropy_with_logits",
    "binary_focal_loss_with_logits",
    "binary_log_loss",
    "cross_entropy",
    "entropy",
    "focal_loss",
    "kl_divergence",
    "log_loss",
    "log_sigmoid",
    "log_sigmoid_gradient",
    "log_softmax",
    "log_softmax_gradient",
    "logsumexp",
    "logsumexp_gradient",
    "one_hot",
    "shift",
    "sigmoid",
    "sigmoid_gradient",
    "smoothed",
    "softmax",
    "softmax_gradient",
    "softplus",
    "weighted_logsumexp",
]
