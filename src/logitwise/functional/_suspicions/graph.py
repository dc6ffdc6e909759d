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
_PARTS = (
    "IndexBackward0",
    "IndexSelectBackward0",
    "MaskedSelectBackward0",
    "SelectBackward0",
    "SliceBackward0",
    "SplitBackward0",
    "UnbindBackward0",
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
    """Return the activation that `tensor` is the result of, as autograd recorded it; None for no other.

    Views are looked through, and so are parts, but for a log_softmax: a loss of some of its classes needs it.
    """
    node, is_whole = tensor.grad_fn, True
    while node is not None and type(node).__name__ in (*_VIEWS, *_PARTS):
        is_whole = is_whole and type(node).__name__ in _VIEWS
        node = node.next_functions[0][0]
    ending = _ENDINGS.get(type(node).__name__)
    return ending if is_whole or ending != "log_softmax" else None


def may_end_in_activation(tensor: Any) -> bool:
    """Return whether `tensor` is a recorded view or part, or the recorded result of a known activation."""
    name = type(tensor.grad_fn).__name__
    return name in _VIEWS or name in _PARTS or name in _ENDINGS


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
