"""What `softmax`, `log_softmax` and `logsumexp` are asked, and what is checked of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from logitwise._arrays import Layout
from logitwise._requirements import as_floating, check_layout, check_mask, check_out, check_positive_tensor


class SoftmaxCall(NamedTuple):
    """What one of the functions is asked, as it was given; their docstrings say what the arguments are.

    Attributes:
        operation: The name of the function.
        derivative: The public function that its derivative is written in, called where that is computed again.
    """

    operation: str
    derivative: Callable[..., Any]
    logits: Any
    axis: Any
    temperature: Any = 1.0
    mask: Any = None
    keepdims: bool = False

    def others(self) -> tuple[Any, ...]:
        """Return the arrays beside the logits that decide the route: none, since no derivative reaches a mask."""
        return ()

    def number(self) -> Any:
        """Return the option that may be a tensor with a derivative of its own."""
        return self.temperature

    def checked(self, out: Any = None) -> SoftmaxProblem:
        """Return the problem, or raise what is wrong with the call or with `out`."""
        logits = as_floating(self.logits, "logits")
        layout = check_layout(logits, self.axis)
        temperature = check_positive_tensor(self.temperature, "temperature", logits)
        mask = check_mask(self.mask, logits)
        check_out(out, logits)
        return SoftmaxProblem(self.operation, self.derivative, logits, layout, temperature, mask, self.keepdims)


class SoftmaxProblem(NamedTuple):
    """A `SoftmaxCall` that was checked: `mask` is boolean and has the shape of the logits, or is None."""

    operation: str
    derivative: Callable[..., Any]
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
        return shape[:axis] + (1,) * self.keepdims + shape[axis + 1 :]

    def derivative_at(self, logits: Any) -> Any:
        """Return what the derivative is written in, at other logits of the same shape."""
        return self.derivative(logits, axis=self.layout.axis, temperature=self.temperature, mask=self.mask)
