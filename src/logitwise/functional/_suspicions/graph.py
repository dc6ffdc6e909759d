"""Logits that are the result of an activation, as autograd recorded it."""

from __future__ import annotations

from typing import Any

from logitwise import _warnings
from logitwise._warnings import warn

_VIEWS = (
    "AliasBackward0",
    "AsStridedBackward0",
    "CloneBackward0",
    "PermuteBackward0",
    "ReshapeAliasBackward0",
    "SqueezeBackward0",
    "SqueezeBackward1",
    "TBackward0",
    "ToCopyBackward0",
    "TransposeBackward0",
    "UnsafeViewBackward0",
    "UnsqueezeBackward0",
    "ViewBackward0",
)
_ENDINGS = {
    "SoftmaxBackward0": "softmax",
    "_SoftmaxBackward": "softmax",
    "LogSoftmaxBackward0": "log_softmax",
    "_LogSoftmaxBackward": "log_softmax",
    "SigmoidBackward0": "sigmoid",
    "_SigmoidBackward": "sigmoid",
    "LogSigmoidBackward0": "log_sigmoid",
    "_LogSigmoidBackward": "log_sigmoid",
    "ReluBackward0": "relu",
}


def ending_of(tensor: Any) -> str | None:
    """Return the activation that `tensor` is the result of, views aside, as autograd recorded it; None for no other."""
    node = tensor.grad_fn
    while node is not None and type(node).__name__ in _VIEWS:
        node = node.next_functions[0][0]
    return _ENDINGS.get(type(node).__name__)


def may_end_in_activation(tensor: Any) -> bool:
    """Return whether `tensor` is a recorded view, or the recorded result of an activation that `ending_of` knows."""
    node = tensor.grad_fn
    return node is not None and (type(node).__name__ in _VIEWS or type(node).__name__ in _ENDINGS)


def warn_of_graph(logits: Any, loss: str) -> bool:
    """Warn where recorded logits are the result of an activation that `loss` applies itself; return whether so."""
    if not _warnings.checks_are_on():
        return False
    ending = ending_of(logits)
    if loss == "entropy" or (loss == "kl_divergence" and ending == "log_softmax"):
        return False
    if ending in ("softmax", "sigmoid"):
        own = "sigmoid" if loss.startswith("binary") else "softmax"
        warn(
            _warnings.ProbabilitiesAsLogitsWarning,
            f"logits must be scores before any {own}; got the result of a {ending}. "
            f"Remove that {ending}: {loss} applies the {own} itself.",
        )
        return True
    if ending == "log_softmax" and not loss.startswith("binary"):
        warn_of_log_probabilities("the result of a log_softmax")
        return True
    return False


def warn_of_log_probabilities(what: str) -> None:
    warn(
        _warnings.LogProbabilitiesAsLogitsWarning,
        f"logits need no log_softmax; got {what}. The loss is correct, but the log_softmax is wasted work: remove it.",
    )
