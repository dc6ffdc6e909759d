"""The arguments of a function, unchecked (a call) and checked (a problem). No result is computed here.

Which route computes a call depends on its arrays alone, so it is chosen before anything is checked. A problem is what
`call.checked()` returns; it returns itself, so that a route can be given either.
"""

from __future__ import annotations

from typing import Any, Protocol


class Call(Protocol):
    """What the table of routes knows of a call."""

    @property
    def operation(self) -> str:
        """The name of the function."""
        ...

    @property
    def logits(self) -> Any:
        """The logits; for `log_loss`, probabilities."""
        ...

    def other_arrays(self) -> tuple[Any, ...]:
        """Return the arrays beside the logits through which a derivative may be asked for."""
        ...

    def differentiable_option(self) -> Any:
        """Return the number among the options that may be a tensor with a derivative, or None."""
        ...

    def detached(self) -> Any:
        """Return the call without what autograd has recorded of its tensors."""
        ...

    def checked(self, out: Any = None) -> Any:
        """Return the problem, or raise what is wrong with the call or with `out`."""
        ...
