"""What `sigmoid` and `log_sigmoid` are asked, and what is checked of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from logitwise._requirements import as_floating, check_out


class SigmoidCall(NamedTuple):
    """What one of the functions is asked; `derivative` is `sigmoid`, which both derivatives are written in."""

    operation: str
    derivative: Callable[..., Any]
    logits: Any

    def others(self) -> tuple[Any, ...]:
        """Return the arrays beside the logits that decide the route: none."""
        return ()

    def number(self) -> Any:
        """Return the option that may be a tensor with a derivative of its own: none."""
        return None

    def checked(self, out: Any = None) -> SigmoidProblem:
        """Return the problem, or raise what is wrong with the call or with `out`."""
        logits = as_floating(self.logits, "logits")
        check_out(out, logits)
        return SigmoidProblem(self.operation, self.derivative, logits)


class SigmoidProblem(NamedTuple):
    """A `SigmoidCall` that was checked: its logits have a dtype to compute in."""

    operation: str
    derivative: Callable[..., Any]
    logits: Any

    def checked(self, out: Any = None) -> SigmoidProblem:
        """Return the problem itself."""
        return self
