"""The arguments of `cross_entropy`, unchecked and checked; `log_loss` has the same problem."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from logitwise._arrays import Layout, is_tensor
from logitwise._requirements import (
    as_floating,
    check_fraction,
    check_int64,
    check_layout,
    check_mask,
    check_not_negative,
    check_out,
    check_reduction,
    check_same_framework,
)
from logitwise.functional._arguments.even_weights import with_even_weights
from logitwise.functional._arguments.options import asks_for_one_loss
from logitwise.functional._arguments.targets import check_distribution, count_indices, is_index_target
from logitwise.functional._arguments.weights import check_class_weight, check_sample_weight


class CrossEntropyCall(NamedTuple):
    """The unchecked arguments of `cross_entropy`, whose docstring explains them."""

    logits: Any
    target: Any
    axis: Any = -1
    class_weight: Any = None
    sample_weight: Any = None
    ignore_index: Any = -100
    label_smoothing: Any = 0.0
    z_loss: Any = 0.0
    reduction: Any = "mean"
    normalizer: Any = None
    mask: Any = None
    operation = "cross_entropy"

    def other_arrays(self) -> tuple[Any, ...]:
        """Return the arrays beside the logits through which a derivative may be asked for."""
        return self.target, self.class_weight, self.sample_weight, self.mask

    def differentiable_option(self) -> Any:
        """Return the normaliser, which may be a tensor with a derivative."""
        return self.normalizer

    def detached(self) -> CrossEntropyCall:
        """Return this call without what autograd has recorded of its tensors."""
        names = ("logits", "target", "class_weight", "sample_weight", "mask")
        arrays = {name: getattr(self, name) for name in names}
        return self._replace(**{name: array.detach() for name, array in arrays.items() if is_tensor(array)})

    @property
    def options(self) -> tuple[Any, ...]:
        """The arguments behind the axis, in their order."""
        return self[3:]

    def has_plain_options(self) -> bool:
        """Return whether the options are numbers in their range, without weights, and ask for one loss."""
        _, _, _, class_weight, sample_weight, ignore_index, smoothing, z_loss, reduction, normalizer, _ = self
        return (
            class_weight is None
            and sample_weight is None
            and asks_for_one_loss(reduction, normalizer)
            and type(ignore_index) is int
            and -(2**63) <= ignore_index < 2**63
            and type(smoothing) is type(z_loss) is float
            and 0.0 <= smoothing <= 1.0
            and 0.0 <= z_loss < math.inf
        )

    def checked(self, out: Any = None) -> CrossEntropyProblem:
        """Return the problem, or raise what is wrong with the call or with `out`."""
        logits = as_floating(self.logits, "logits")
        layout = check_layout(logits, self.axis, at_least=2)
        target = check_same_framework(self.target, "target", logits)
        has_indices = is_index_target(target, layout)  # before weights, whose shapes depend on the axis, too
        reduction, normalizer = check_reduction(self.reduction, self.normalizer, logits)
        signed = reduction != "mean" or normalizer is not None
        class_weight = check_class_weight(self.class_weight, logits, layout, signed)
        sample_weight = check_sample_weight(self.sample_weight, logits, layout, signed)
        ignore_index = check_int64(self.ignore_index, "ignore_index")
        smoothing = check_fraction(self.label_smoothing, "label_smoothing")
        z_loss = check_not_negative(self.z_loss, "z_loss")
        mask = check_mask(self.mask, logits)
        rows_counted = count_indices(target, layout, ignore_index, sample_weight) if has_indices else -1
        if not has_indices:
            target = check_distribution(target, layout, sample_weight)
        check_out(out, logits)
        options = (class_weight, sample_weight, ignore_index, smoothing, z_loss, reduction, normalizer, mask)
        problem = CrossEntropyProblem(self.operation, logits, target, has_indices, layout, *options, rows_counted)
        return with_even_weights(problem) if reduction == "mean" else problem


class CrossEntropyProblem(NamedTuple):
    """A `CrossEntropyCall` that was checked.

    Attributes:
        operation: "cross_entropy", "log_loss" or, for probabilities of class 1 alone, "binary_log_loss".
        logits: Scores; for `log_loss` probabilities.
        target: Class indices, or a distribution over the classes.
        has_indices: Which of the two.
        layout: The shape of the logits as rows of classes; of probabilities of class 1, as if both classes were there.
        mask: Booleans that broadcast to the shape of the logits, or None.
        rows_counted: How many rows are not ignored, where they were counted; else -1.
        is_warned_of: Whether a warning already said that the logits are something else.
        gamma: The exponent of `focal_loss`; 0 for a cross-entropy.
    """

    operation: str
    logits: Any
    target: Any
    has_indices: bool
    layout: Layout
    class_weight: Any
    sample_weight: Any
    ignore_index: int
    label_smoothing: float
    z_loss: float
    reduction: str
    normalizer: Any
    mask: Any
    rows_counted: int = -1
    is_warned_of: bool = False
    gamma: float = 0.0
    unit = "rows"

    def checked(self, out: Any = None) -> CrossEntropyProblem:
        """Return the problem itself."""
        return self

    def arrays(self) -> tuple[Any, ...]:
        """Return the arrays that the loss is computed from."""
        return self.logits, self.target, self.class_weight, self.sample_weight, self.mask

    def with_arrays(
        self, logits: Any, target: Any, class_weight: Any, sample_weight: Any, mask: Any
    ) -> CrossEntropyProblem:
        """Return this problem with other arrays, in the order of `arrays`."""
        arrays = {"logits": logits, "target": target, "class_weight": class_weight, "sample_weight": sample_weight}
        return self._replace(**arrays, mask=mask)

    def without_arrays(self) -> CrossEntropyProblem:
        """Return this problem without its arrays, which autograd keeps; `with_arrays` puts them back."""
        return self.with_arrays(None, None, None, None, None)

    def detached(self) -> CrossEntropyProblem:
        """Return this problem without what autograd has recorded of its tensors."""
        return self.with_arrays(*(array if array is None else array.detach() for array in self.arrays()))

    def silent(self) -> Any:
        """Return which rows take no part (ignored, or of sample weight 0), or None where every row does."""
        silent = self._is_ignored() if self.has_indices else None
        if self.sample_weight is not None:
            unweighted = self.sample_weight == 0
            silent = unweighted if silent is None else silent | unweighted
        return silent

    def _is_ignored(self) -> Any:
        """Return which indices are `ignore_index`, which the dtype of the indices need not hold."""
        target = self.target.long() if is_tensor(self.target) else self.target
        return target == self.ignore_index

    def quiet_logits(self, fill: float = 0.0) -> Any:
        """Return the logits with `fill` in the rows that take no part: what those hold must not reach the result."""
        silent = self.silent()
        if silent is None:
            return self.logits
        if is_tensor(self.logits):
            return self.logits.masked_fill(silent.unsqueeze(self.layout.axis), fill)
        return np.where(np.expand_dims(silent, self.layout.axis), self.logits.dtype.type(fill), self.logits)

    def per_row(self, numbers: Any) -> Any:
        """Return a number, or a tensor of one number per row, so that it multiplies the gradient."""
        return numbers.unsqueeze(self.layout.axis) if numbers.ndim else numbers
