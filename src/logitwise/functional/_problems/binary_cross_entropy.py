"""The arguments of `binary_cross_entropy_with_logits`, unchecked and checked."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from logitwise import _warnings
from logitwise._arrays import is_tensor, may_look
from logitwise._requirements import (
    as_floating,
    check_choice,
    check_fraction,
    check_int64,
    check_out,
    check_reduction,
)
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._arguments.entries import advice_on_labels, advice_on_missing_labels, in_unit_interval
from logitwise.functional._arguments.even_weights import with_even_element_weights
from logitwise.functional._arguments.options import asks_for_one_loss
from logitwise.functional._arguments.targets import check_binary_target
from logitwise.functional._arguments.weights import check_element_weight

_ADVICE_ON_MASKED_LOGITS = "To leave masked entries out, pass logits.filled(0), and a sample_weight of 0 for them."


class BinaryCall(NamedTuple):
    """The unchecked arguments of `binary_cross_entropy_with_logits`, whose docstring explains them."""

    logits: Any
    target: Any
    sample_weight: Any = None
    pos_weight: Any = None
    label_smoothing: Any = 0.0
    reduction: Any = "mean"
    normalizer: Any = None
    ignore_index: Any = None
    missing: Any = "error"
    operation = "binary_cross_entropy_with_logits"

    def other_arrays(self) -> tuple[Any, ...]:
        """Return the arrays beside the logits through which a derivative may be asked for."""
        return self.target, self.sample_weight, self.pos_weight

    def differentiable_option(self) -> Any:
        """Return the normaliser, which may be a tensor with a derivative."""
        return self.normalizer

    def detached(self) -> BinaryCall:
        """Return this call without what autograd has recorded of its tensors."""
        names = ("logits", "target", "sample_weight", "pos_weight")
        arrays = {name: getattr(self, name) for name in names}
        return self._replace(**{name: array.detach() for name, array in arrays.items() if is_tensor(array)})

    def checked(self, out: Any = None) -> BinaryProblem:
        """Return the problem, or raise what is wrong with the call or with `out`."""
        logits = as_floating(self.logits, "logits", _ADVICE_ON_MASKED_LOGITS)
        target = check_binary_target(self.target, logits)
        reduction, normalizer = check_reduction(self.reduction, self.normalizer, logits)
        signed = reduction != "mean" or normalizer is not None
        sample_weight = check_element_weight(self.sample_weight, "sample_weight", logits, signed)
        pos_weight = check_element_weight(self.pos_weight, "pos_weight", logits, signed)
        if pos_weight is not None and may_look(logits):
            suspicions.warn_of_axis_of_pos_weight(self.pos_weight, tuple(logits.shape))
        smoothing = check_fraction(self.label_smoothing, "label_smoothing")
        sample_weight = self._without_missing(target, sample_weight, logits)
        target = in_unit_interval(target, "target", advice_on_missing_labels, sample_weight)
        check_out(out, logits)
        options = (sample_weight, pos_weight, smoothing, reduction, normalizer)
        problem = BinaryProblem(self.operation, logits, target, *options)
        return with_even_element_weights(problem) if reduction == "mean" else problem

    def has_plain_options(self) -> bool:
        """Return whether the options are numbers in their range, without weights, and ask for one loss."""
        _, _, sample_weight, pos_weight, smoothing, reduction, normalizer, ignore_index, missing = self
        return (
            sample_weight is pos_weight is ignore_index is None
            and missing == "error"
            and type(smoothing) is float
            and 0.0 <= smoothing <= 1.0
            and asks_for_one_loss(reduction, normalizer)
        )

    def marks_missing(self) -> bool:
        """Return whether an option says which labels are missing."""
        return self.ignore_index is not None or self.missing != "error"

    def _without_missing(self, target: Any, sample_weight: Any, logits: Any) -> Any:
        """Return the sample weights with 0 where the options say that the label is missing."""
        silent = missing_labels(target, self.ignore_index, self.missing)
        if silent is None:
            return sample_weight
        if is_tensor(target):
            return (logits.new_ones(()) if sample_weight is None else sample_weight).masked_fill(silent, 0.0)
        return np.where(silent, 0.0, 1.0 if sample_weight is None else sample_weight)


def missing_labels(target: Any, ignore_index: Any, missing: Any) -> Any:
    """Return which labels the options say are missing, or None where they say of none."""
    check_choice(missing, "missing", ("error", "ignore"))
    silent = None
    if ignore_index is not None:
        ignored = check_int64(ignore_index, "ignore_index")
        silent = (target.long() if is_tensor(target) and not target.is_floating_point() else target) == ignored
    if missing == "ignore":
        silent = target != target if silent is None else silent | (target != target)
    return silent


class BinaryProblem(NamedTuple):
    """A `BinaryCall` that was checked: weights are views of the shape of the logits, or None.

    Attributes:
        is_warned_of: Whether a warning already said that the logits are something else.
        gamma: The exponent of `binary_focal_loss_with_logits`; 0 for a cross-entropy.
    """

    operation: str
    logits: Any
    target: Any
    sample_weight: Any
    pos_weight: Any
    label_smoothing: float
    reduction: str
    normalizer: Any
    is_warned_of: bool = False
    gamma: float = 0.0
    unit = "elements"

    def checked(self, out: Any = None) -> BinaryProblem:
        """Return the problem itself."""
        return self

    def arrays(self) -> tuple[Any, ...]:
        """Return the arrays that the loss is computed from."""
        return self.logits, self.target, self.sample_weight, self.pos_weight

    def with_arrays(self, logits: Any, target: Any, sample_weight: Any, pos_weight: Any) -> BinaryProblem:
        """Return this problem with other arrays, in the order of `arrays`."""
        return self._replace(logits=logits, target=target, sample_weight=sample_weight, pos_weight=pos_weight)

    def without_arrays(self) -> BinaryProblem:
        """Return this problem without its arrays, which autograd keeps; `with_arrays` puts them back."""
        return self.with_arrays(None, None, None, None)

    def detached(self) -> BinaryProblem:
        """Return this problem without what autograd has recorded of its tensors."""
        return self.with_arrays(*(array if array is None else array.detach() for array in self.arrays()))

    def quiet_logits(self) -> Any:
        """Return the logits with 0 where the sample weight is 0: what those hold must not reach the result."""
        if self.sample_weight is None:
            return self.logits
        silent = self.sample_weight == 0
        return self.logits.masked_fill(silent, 0.0) if is_tensor(self.logits) else np.where(silent, 0.0, self.logits)

    def per_row(self, numbers: Any) -> Any:
        """Return a number, or one number per element, so that it multiplies the gradient."""
        return numbers


def checked_probabilities(probabilities: Any, target: Any, weight: Any) -> tuple[Any, Any]:
    """Return probabilities and target of one shape and in [0, 1], the inputs of `nn.BCELoss`, or raise.

    Both are 0 where they were outside, and have weight 0.
    """
    target = check_binary_target(target, as_floating(probabilities, "input"), "input")
    weight = check_element_weight(weight, "weight", probabilities, signed=True)
    target = in_unit_interval(target, "target", advice_on_labels, weight)
    probabilities = in_unit_interval(probabilities, "input", "If they are logits, use BCEWithLogitsLoss.", weight)
    if may_look(probabilities) and probabilities.is_cpu and _warnings.checks_are_on():
        suspicions.warn_of_binary_probabilities(probabilities, target)
    return probabilities, target.to(probabilities.dtype)
