"""The arguments of `focal_loss` and `binary_focal_loss_with_logits`: those of the cross-entropies, and gamma."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from logitwise._arrays import is_tensor
from logitwise._requirements import check_not_negative
from logitwise.functional._problems.binary_cross_entropy import BinaryCall, BinaryProblem
from logitwise.functional._problems.cross_entropy import CrossEntropyCall, CrossEntropyProblem


class FocalCall(NamedTuple):
    """The unchecked arguments of `focal_loss`, whose docstring explains them."""

    logits: Any
    target: Any
    axis: Any = -1
    gamma: Any = 2.0
    class_weight: Any = None
    sample_weight: Any = None
    ignore_index: Any = -100
    label_smoothing: Any = 0.0
    reduction: Any = "mean"
    normalizer: Any = None
    operation = "focal_loss"

    def cross_entropy(self) -> CrossEntropyCall:
        """Return the call of `cross_entropy` with the same arguments, gamma aside."""
        logits, target, axis, _, class_weight, sample_weight, ignore_index, smoothing, reduction, normalizer = self
        options = (class_weight, sample_weight, ignore_index, smoothing, 0.0, reduction, normalizer)
        return CrossEntropyCall(logits, target, axis, *options)

    def other_arrays(self) -> tuple[Any, ...]:
        """Return the arrays beside the logits through which a derivative may be asked for."""
        return self.target, self.class_weight, self.sample_weight

    def differentiable_option(self) -> Any:
        """Return the normaliser, which may be a tensor with a derivative."""
        return self.normalizer

    def detached(self) -> FocalCall:
        """Return this call without what autograd has recorded of its tensors."""
        return _detached(self, ("logits", "target", "class_weight", "sample_weight"))

    def checked(self, out: Any = None) -> CrossEntropyProblem:
        """Return the problem, or raise what is wrong with the call or with `out`."""
        problem = self.cross_entropy().checked(out)
        return problem._replace(operation=self.operation, gamma=check_not_negative(self.gamma, "gamma"))


class BinaryFocalCall(NamedTuple):
    """The unchecked arguments of `binary_focal_loss_with_logits`, whose docstring explains them."""

    logits: Any
    target: Any
    gamma: Any = 2.0
    sample_weight: Any = None
    pos_weight: Any = None
    reduction: Any = "mean"
    normalizer: Any = None
    ignore_index: Any = None
    missing: Any = "error"
    operation = "binary_focal_loss_with_logits"

    def other_arrays(self) -> tuple[Any, ...]:
        """Return the arrays beside the logits through which a derivative may be asked for."""
        return self.target, self.sample_weight, self.pos_weight

    def differentiable_option(self) -> Any:
        """Return the normaliser, which may be a tensor with a derivative."""
        return self.normalizer

    def has_plain_options(self) -> bool:
        """Return whether gamma is a number above 0, and the other options are as in the cross-entropy."""
        _, _, gamma, *others = self
        if type(gamma) not in (int, float) or not 0 < gamma < math.inf or gamma >= 2**63:
            return False
        sample_weight, pos_weight, *rest = others
        return BinaryCall(None, None, sample_weight, pos_weight, 0.0, *rest).has_plain_options()

    def detached(self) -> BinaryFocalCall:
        """Return this call without what autograd has recorded of its tensors."""
        return _detached(self, ("logits", "target", "sample_weight", "pos_weight"))

    def checked(self, out: Any = None) -> BinaryProblem:
        """Return the problem, or raise what is wrong with the call or with `out`."""
        options = self._asdict()
        gamma = check_not_negative(options.pop("gamma"), "gamma")
        return BinaryCall(**options).checked(out)._replace(operation=self.operation, gamma=gamma)


def _detached(call: Any, names: tuple[str, ...]) -> Any:
    arrays = {name: getattr(call, name) for name in names}
    return call._replace(**{name: array.detach() for name, array in arrays.items() if is_tensor(array)})
