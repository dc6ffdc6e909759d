"""The arguments of `sigmoid` and `log_sigmoid`, unchecked and checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from logitwise._requirements import ADVICE_ON_OTHERS, as_floating, check_out


class SigmoidCall(NamedTuple):
    """The unchecked arguments of one of the functions; both gradients are written in `sigmoid`, `used_by_gradient`."""

    operation: str
    used_by_gradient: Callable[..., Any]
    logits: Any

    def other_arrays(self) -> tuple[Any, ...]:
        """Return the arrays beside the logits through which a derivative may be asked for: none."""
        return ()

    def differentiable_option(self) -> Any:
        """Return None: there is no such option."""
        return None

    def detached(self) -> SigmoidCall:
        """Return the call itself: it has no gradient to return beside its result."""
        return self

    def checked(self, out: Any = None) -> SigmoidProblem:
        """Return the problem, or raise what is wrong with the call or with `out`."""
        logits = as_floating(self.logits, "logits", ADVICE_ON_OTHERS)
        check_out(out, logits)
        return SigmoidProblem(self.operation, self.used_by_gradient, logits)


class SigmoidProblem(NamedTuple):
    """A `SigmoidCall` that was checked: its logits have a dtype to compute in."""

    operation: str
    used_by_gradient: Callable[..., Any]
    logits: Any

    def checked(self, out: Any = None) -> SigmoidProblem:
        """Return the problem itself."""
        return self
