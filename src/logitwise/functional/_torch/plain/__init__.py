"""The gate of tensors: plain calls in ordinary memory go past the general checks, as for arrays in `_plain.py`.

Each file has the calls of one kind. A kernel gets the addresses of the memory, and does in one compiled function what
takes a row of Python calls elsewhere: checks, rows shared among threads, the sum of the losses.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.autograd.graph import increment_version

from logitwise.functional import _plain
from logitwise.functional._problems.binary_cross_entropy import BinaryCall
from logitwise.functional._problems.cross_entropy import CrossEntropyCall
from logitwise.functional._problems.entropy import EntropyCall
from logitwise.functional._problems.focal_loss import BinaryFocalCall, FocalCall
from logitwise.functional._problems.kl_divergence import KLDivergenceCall
from logitwise.functional._problems.sigmoid import SigmoidCall
from logitwise.functional._problems.softmax import SoftmaxCall
from logitwise.functional._torch.plain import binary, cross_entropy, normalizers, rows

NAME = _plain.NAME
REASON = _plain.REASON
_LOSSES: dict[type, Any] = {
    CrossEntropyCall: cross_entropy.loss,
    FocalCall: cross_entropy.focal_loss,
    BinaryCall: binary.loss,
    BinaryFocalCall: binary.loss,
    EntropyCall: rows.loss,
    KLDivergenceCall: rows.loss,
}
_LOSSES_AND_GRADIENTS: dict[type, Any] = {
    CrossEntropyCall: cross_entropy.loss_and_gradient,
    FocalCall: cross_entropy.focal_loss_and_gradient,
    BinaryCall: binary.loss_and_gradient,
    BinaryFocalCall: binary.loss_and_gradient,
    EntropyCall: rows.loss_and_gradient,
    KLDivergenceCall: rows.loss_and_gradient,
}
_RESULTS: dict[type, Any] = {SoftmaxCall: normalizers.softmax, SigmoidCall: normalizers.sigmoid}


def result(call: Any, out: Any) -> Tensor | None:
    """Return what a function of logits gives, in `out` if there is one, or None."""
    take = _RESULTS.get(type(call))
    return None if take is None else _written(take(call, out), out)


def loss(call: Any) -> Tensor | None:
    """Return the loss, recorded where autograd asks for it, or None."""
    take = _LOSSES.get(type(call))
    return None if take is None else take(call)


def loss_and_gradient(call: Any, out: Tensor | None) -> tuple[Tensor, Tensor] | None:
    """Return the loss and its gradient, both detached, or None."""
    take = _LOSSES_AND_GRADIENTS.get(type(call))
    return None if take is None else _written(take(call, out), out)


def _written(found: Any, out: Any) -> Any:
    """Return what was found; where it was written into `out`, by its address, autograd is told of it."""
    if out is not None and found is not None:
        increment_version(out)
    return found
