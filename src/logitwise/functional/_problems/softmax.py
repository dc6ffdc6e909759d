"""The arguments of `softmax`, `log_softmax` and `logsumexp`, unchecked and checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from logitwise._arrays import Layout
from logitwise._requirements import (
    as_floating,
    check_boolean,
    check_full_mask,
    check_layout,
    check_out,
    check_positive_tensor,
)
from logitwise.functional._arguments.axes import Axes


class SoftmaxCall(NamedTuple):
    """The unchecked arguments of one of the functions, whose docstrings explain them.

    Attributes:
        operation: The name of the function.
        used_by_gradient: The public function whose values the gradient is written in; the backward pass calls it.
        return_sign: Whether the sign of the sum is asked for too, which the function itself adds.
    """

    operation: str
    used_by_gradient: Callable[..., Any]
    logits: Any
    axis: Any
    temperature: Any = 1.0
    mask: Any = None
    keepdims: Any = False
    return_sign: Any = False

    def other_arrays(self) -> tuple[Any, ...]:
        """Return the arrays beside the logits through which a derivative may be asked for: none."""
        return ()

    def differentiable_option(self) -> Any:
        """Return the temperature, which may be a tensor with a derivative."""
        return self.temperature

    def detached(self) -> SoftmaxCall:
        """Return the call itself: it has no gradient to return beside its result."""
        return self

    def joined(self, out: Any = None) -> tuple[SoftmaxCall, Axes]:
        """Return the call with its several axes as one, and these; or raise what is wrong with arrays or axes."""
        logits = as_floating(self.logits, "logits")
        axes, mask = Axes.of(self.axis, tuple(logits.shape)), check_full_mask(self.mask, logits)
        self._keepdims()
        check_out(out, logits)
        mask = None if mask is None else axes.joined(mask)
        return self._replace(logits=axes.joined(logits), axis=axes.place, mask=mask, keepdims=False), axes

    def checked(self, out: Any = None) -> SoftmaxProblem:
        """Return the problem, or raise what is wrong with the call or with `out`."""
        logits = as_floating(self.logits, "logits")
        layout = check_layout(logits, self.axis, at_least=0)
        temperature = check_positive_tensor(self.temperature, "temperature", logits)
        mask = check_full_mask(self.mask, logits)
        keepdims = self._keepdims()
        check_out(out, logits)
        return SoftmaxProblem(self.operation, self.used_by_gradient, logits, layout, temperature, mask, keepdims)

    def _keepdims(self) -> bool:
        """Return whether the class axis is kept, or raise where an option is no boolean."""
        check_boolean(self.return_sign, "return_sign")
        return check_boolean(self.keepdims, "keepdims")


class SoftmaxProblem(NamedTuple):
    """A `SoftmaxCall` that was checked: `mask` is boolean and has the shape of the logits, or is None."""

    operation: str
    used_by_gradient: Callable[..., Any]
    logits: Any
    layout: Layout
    temperature: Any
    mask: Any
    keepdims: bool

    def checked(self, out: Any = None) -> SoftmaxProblem:
        """Return the problem itself."""
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a logsumexp."""
        shape, axis = self.layout.shape, self.layout.axis
        return shape[:axis] + (1,) * (self.keepdims and bool(shape)) + shape[axis + 1 :]

    def values_for_gradient(self, logits: Any) -> Any:
        """Return the values that the gradient is written in, at these logits."""
        return self.used_by_gradient(logits, axis=self.layout.axis, temperature=self.temperature, mask=self.mask)
