"""The arguments of `entropy`, unchecked and checked."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from logitwise._arrays import Layout, is_tensor
from logitwise._requirements import (
    as_floating,
    check_boolean,
    check_full_mask,
    check_layout,
    check_out,
    check_positive_tensor,
)


class EntropyCall(NamedTuple):
    """The unchecked arguments of `entropy`, whose docstring explains them; to the routes it is a loss of rows."""

    logits: Any
    axis: Any = -1
    temperature: Any = 1.0
    mask: Any = None
    keepdims: Any = False
    operation = "entropy"

    def other_arrays(self) -> tuple[Any, ...]:
        """Return the arrays beside the logits that kernels would read."""
        return (self.mask,)

    def differentiable_option(self) -> Any:
        """Return the temperature, which may be a tensor with a derivative."""
        return self.temperature

    def has_plain_options(self) -> bool:
        """Return whether the temperature is a number in its range, and nothing is masked."""
        _, _, temperature, mask, keepdims = self
        return mask is None and type(temperature) is float and 0.0 < temperature < math.inf and type(keepdims) is bool

    def detached(self) -> EntropyCall:
        """Return this call without what autograd has recorded of its tensors."""
        return self._replace(logits=self.logits.detach()) if is_tensor(self.logits) else self

    def checked(self, out: Any = None) -> EntropyProblem:
        """Return the problem, or raise what is wrong with the call or with `out`."""
        logits = as_floating(self.logits, "logits")
        layout = check_layout(logits, self.axis, at_least=0)
        temperature = check_positive_tensor(self.temperature, "temperature", logits)
        mask = check_full_mask(self.mask, logits)
        keepdims = check_boolean(self.keepdims, "keepdims")
        check_out(out, logits)
        return EntropyProblem(self.operation, logits, mask, layout, temperature, keepdims)


class EntropyProblem(NamedTuple):
    """An `EntropyCall` that was checked: `mask` is boolean and has the shape of the logits, or is None."""

    operation: str
    logits: Any
    mask: Any
    layout: Layout
    temperature: Any
    keepdims: bool
    is_warned_of: bool = False

    def checked(self, out: Any = None) -> EntropyProblem:
        """Return the problem itself."""
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        shape, axis = self.layout.shape, self.layout.axis
        return shape[:axis] + (1,) * (self.keepdims and bool(shape)) + shape[axis + 1 :]

    def arrays(self) -> tuple[Any, ...]:
        """Return the arrays that the entropy is computed from."""
        return self.logits, self.mask

    def with_arrays(self, logits: Any, mask: Any) -> EntropyProblem:
        """Return this problem with other arrays, in the order of `arrays`."""
        return self._replace(logits=logits, mask=mask)

    def without_arrays(self) -> EntropyProblem:
        """Return this problem without its arrays, which autograd keeps; `with_arrays` puts them back."""
        return self.with_arrays(None, None)

    def detached(self) -> EntropyProblem:
        """Return this problem without what autograd has recorded of its tensors."""
        temperature = self.temperature.detach() if is_tensor(self.temperature) else self.temperature
        return self._replace(logits=self.logits.detach(), temperature=temperature)

    def per_row(self, numbers: Any) -> Any:
        """Return a tensor of one number per row so that it multiplies the gradient."""
        return numbers if self.keepdims or not numbers.ndim else numbers.unsqueeze(self.layout.axis)
