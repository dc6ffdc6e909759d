"""Which way a call is computed, for the reader who wants to know."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from inspect import signature
from typing import Any, NamedTuple

from numpy.typing import ArrayLike

from logitwise._errors import InvalidValueError
from logitwise.functional._arguments.axes import is_one_axis
from logitwise.functional._arguments.options import unknown_option
from logitwise.functional._problems.binary_cross_entropy import BinaryCall
from logitwise.functional._problems.cross_entropy import CrossEntropyCall
from logitwise.functional._problems.entropy import EntropyCall
from logitwise.functional._problems.focal_loss import BinaryFocalCall, FocalCall
from logitwise.functional._problems.kl_divergence import KLDivergenceCall
from logitwise.functional._problems.log_loss import LogLossCall
from logitwise.functional._problems.sigmoid import SigmoidCall
from logitwise.functional._problems.softmax import SoftmaxCall
from logitwise.functional._problems.weighted_logsumexp import WeightedLogsumexpCall
from logitwise.functional._routes import way_of
from logitwise.functional._types import AnyTensor
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
from logitwise.functional.sigmoid import log_sigmoid, sigmoid
from logitwise.functional.softmax import log_softmax, logsumexp, softmax


def _call_of_logsumexp(
    logits: Any, axis: Any, *, b: Any = None, keepdims: Any = False, mask: Any = None, return_sign: Any = False
) -> SoftmaxCall | WeightedLogsumexpCall:
    if b is not None:
        return WeightedLogsumexpCall(logits, axis, b, mask, keepdims, return_sign)
    return SoftmaxCall("logsumexp", softmax, logits, axis, 1.0, mask, keepdims, return_sign)


_ASKED: dict[Callable[..., Any], tuple[Any, str, tuple[Any, ...]]] = {
    softmax: (SoftmaxCall, "result", ("softmax", softmax)),
    log_softmax: (SoftmaxCall, "result", ("log_softmax", log_softmax)),
    logsumexp: (_call_of_logsumexp, "result", ()),
    sigmoid: (SigmoidCall, "result", ("sigmoid", sigmoid)),
    log_sigmoid: (SigmoidCall, "result", ("log_sigmoid", sigmoid)),
    log_loss: (LogLossCall, "result", ()),
    cross_entropy: (CrossEntropyCall, "loss", ()),
    cross_entropy_and_gradient: (CrossEntropyCall, "loss_and_gradient", ()),
    binary_cross_entropy_with_logits: (BinaryCall, "loss", ()),
    binary_cross_entropy_with_logits_and_gradient: (BinaryCall, "loss_and_gradient", ()),
    entropy: (EntropyCall, "loss", ()),
    entropy_and_gradient: (EntropyCall, "loss_and_gradient", ()),
    kl_divergence: (KLDivergenceCall, "loss", ()),
    kl_divergence_and_gradient: (KLDivergenceCall, "loss_and_gradient", ()),
    focal_loss: (FocalCall, "loss", ()),
    focal_loss_and_gradient: (FocalCall, "loss_and_gradient", ()),
    binary_focal_loss_with_logits: (BinaryFocalCall, "loss", ()),
    binary_focal_loss_with_logits_and_gradient: (BinaryFocalCall, "loss_and_gradient", ()),
}
_ARGUMENTS = {  # the options of a loss with its gradient are those of the loss, the fields of its call
    function: frozenset(call._fields if verb == "loss_and_gradient" else signature(function).parameters)
    - {"out", "_positional", "_others"}
    for function, (call, verb, _) in _ASKED.items()
}


class Route(NamedTuple):
    """The way a call is computed.

    Attributes:
        function: The name of the function.
        name: The name of the route: 'plain call', 'CPU kernels', 'recorded kernels', 'compiled operator',
            'torch operations' or 'definitions'.
        reason: What the route is, and so why it serves.
    """

    function: str
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.function} takes the route '{self.name}': {self.reason}."


def route_of(
    logits: ArrayLike | AnyTensor,
    target: ArrayLike | AnyTensor | None = None,
    *,
    function: Callable[..., Any] | None = None,
    **options: Any,
) -> Route:
    """Return which way a function would compute a call.

    Each route keeps the contract of accuracy; they differ in speed and in what may be done with the result. Plain
    calls (a matrix in C-contiguous memory, its classes on the last axis, one class index per row, no weights) take a
    short way past the general checks; else the first of these routes that serves is taken:

        'compiled operator'   a loss in code compiled by `torch.compile`
        'recorded kernels'    CPU tensors that require gradients
        'CPU kernels'         arrays, and CPU tensors of which nothing is recorded
        'torch operations'    any other tensor: another device, a function transform, weights that require gradients
        'definitions'         what no kernel computes of arrays: `log_loss`, `logsumexp` with `b`

    Args:
        logits: As the function takes them.
        target: As the function takes it; None for a function without a target.
        function: A function of this library that takes logits; None: `cross_entropy` if there is a target, else
            `softmax`.
        **options: Options of the function, `out` aside.

    Returns:
        The `Route`; it prints as one sentence.

    Raises:
        TypeError: As the function; an option that it does not have, a target that it does not take or that is missing.
        ValueError: As the function; a function that has no route.

    Cost:
        The checks of the call, and the call itself where it is plain.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> logits, target = np.zeros((64, 10), dtype=np.float32), np.arange(64) % 10
        >>> lw.route_of(logits, target).name
        'plain call'
        >>> print(lw.route_of(logits, target, reduction="none"))
        cross_entropy takes the route 'CPU kernels': compiled kernels read the memory of the arrays.
    """
    if function is None:
        function = softmax if target is None else cross_entropy
    if not isinstance(function, Hashable) or function not in _ASKED:
        names = ", ".join(each.__name__ for each in _ASKED)
        raise InvalidValueError("function", f"be one of {names}", repr(function))
    call, verb, first = _ASKED[function]
    if target is not None:
        options = {"target": target, **options}
    for name in options:
        if name not in _ARGUMENTS[function]:
            raise unknown_option(function.__name__, options, _ARGUMENTS[function])
    if target is None and "target" in _ARGUMENTS[function]:
        raise TypeError(f"{function.__name__}() missing 1 required positional argument: 'target'")
    if "axis" in _ARGUMENTS[function]:
        options = {"axis": -1, **options}
    asked = call(*first, logits, **options)
    if isinstance(asked, SoftmaxCall) and not is_one_axis(asked.axis):
        asked, _ = asked.joined()
    way = way_of(asked, verb)
    return Route(function.__name__, way.NAME, way.REASON)
