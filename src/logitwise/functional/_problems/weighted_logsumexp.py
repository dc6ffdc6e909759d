"""The arguments of `logsumexp` with factors of the exponentials, unchecked and checked."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np

from logitwise._arrays import is_tensor
from logitwise._errors import InvalidValueError
from logitwise._requirements import as_floating, check_boolean, check_full_mask
from logitwise.functional._arguments.axes import Axes
from logitwise.functional._arguments.entries import check_all_finite
from logitwise.functional._arguments.weights import as_weights


class WeightedLogsumexpCall(NamedTuple):
    """The unchecked arguments of `logsumexp` with `b`, whose docstring explains them."""

    logits: Any
    axis: Any
    b: Any
    mask: Any = None
    keepdims: Any = False
    return_sign: Any = False
    operation = "weighted_logsumexp"

    def other_arrays(self) -> tuple[Any, ...]:
        """Return the arrays beside the logits through which a derivative may be asked for."""
        return (self.b,)

    def differentiable_option(self) -> Any:
        """Return None: there is no such option."""
        return None

    def detached(self) -> WeightedLogsumexpCall:
        """Return the call itself: it has no gradient to return beside its result."""
        return self

    def checked(self, out: Any = None) -> WeightedLogsumexpProblem:
        """Return the problem, or raise what is wrong with the call."""
        logits, b = _broadcast(as_floating(self.logits, "logits"), self.b)
        axes, mask = Axes.of(self.axis, tuple(logits.shape)), check_full_mask(self.mask, logits)
        if mask is not None:
            b = b.masked_fill(~mask, 0.0) if is_tensor(b) else np.where(mask, b, 0.0)
        check_all_finite(b, "b")
        booleans = check_boolean(self.keepdims, "keepdims"), check_boolean(self.return_sign, "return_sign")
        arrays = (axes.joined(logits), axes.joined(b))
        return WeightedLogsumexpProblem(self.operation, *arrays, axes, *booleans)


def _broadcast(logits: Any, b: Any) -> tuple[Any, Any]:
    """Return logits and factors of one shape."""
    b = as_weights(b, "b", logits)
    try:
        if is_tensor(logits):
            logits, b = sys.modules["torch"].broadcast_tensors(logits, b)
        else:
            logits, b = np.broadcast_arrays(logits, b)
    except (ValueError, RuntimeError):
        requirement = f"broadcast with the shape of logits, {tuple(logits.shape)}"
        raise InvalidValueError("b", requirement, f"shape {tuple(b.shape)}") from None
    return logits, b


class WeightedLogsumexpProblem(NamedTuple):
    """A `WeightedLogsumexpCall` that was checked: logits and factors have one axis of classes, `axes.place`."""

    operation: str
    logits: Any
    b: Any  # 0 outside of a mask
    axes: Axes
    keepdims: bool
    return_sign: bool

    def checked(self, out: Any = None) -> WeightedLogsumexpProblem:
        """Return the problem itself."""
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return self.axes.rows_kept if self.keepdims else self.axes.rows
