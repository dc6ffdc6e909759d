"""Cross-entropy of logits, as a value and as a value with its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from logitwise import reference
from logitwise._arrays import Layout, is_tensor
from logitwise._checks import (
    REDUCTIONS,
    as_floating,
    check_choice,
    check_class_weight,
    check_distribution,
    check_fraction,
    check_indices,
    check_integer,
    check_layout,
    check_not_negative,
    check_out,
    check_positive,
    check_same_framework,
    check_sample_weight,
    is_index_target,
)
from logitwise.functional._results import deliver, denominator, rounded


@dataclass(frozen=True)
class CrossEntropyOptions:
    """The options of `cross_entropy`, which documents them."""

    class_weight: Any = None
    sample_weight: Any = None
    ignore_index: int = -100
    label_smoothing: float = 0.0
    z_loss: float = 0.0
    reduction: str = "mean"
    normalizer: Any = None

    def checked(self, logits: Any, layout: Layout) -> CrossEntropyOptions:
        """Return these options with every value checked, weights as arrays of the framework of `logits`."""
        reduction = check_choice(self.reduction, "reduction", REDUCTIONS)
        if self.normalizer is not None and reduction != "mean":
            raise ValueError(
                f"normalizer must be None unless reduction='mean'; got {self.normalizer!r} and reduction={reduction!r}."
            )
        return CrossEntropyOptions(
            class_weight=check_class_weight(self.class_weight, logits, layout),
            sample_weight=check_sample_weight(self.sample_weight, logits, layout),
            ignore_index=check_integer(self.ignore_index, "ignore_index"),
            label_smoothing=check_fraction(self.label_smoothing, "label_smoothing"),
            z_loss=check_not_negative(self.z_loss, "z_loss"),
            reduction=reduction,
            normalizer=None if self.normalizer is None else check_positive(self.normalizer, "normalizer"),
        )


def cross_entropy(
    logits: Any,
    target: Any,
    *,
    axis: int = -1,
    class_weight: Any = None,
    sample_weight: Any = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    reduction: str = "mean",
    normalizer: Any = None,
) -> Any:
    """Return the cross-entropy between the softmax of logits and a target, in nats.

    For one row of K classes with logits z, and lse = logsumexp(z):

        y_j   the target distribution (1 at the class index, 0 elsewhere)
        v_j = w_j ((1 - e) y_j + e / K)                     class weights w, label smoothing e
        loss = s (sum_j v_j (lse - z_j) + c r lse^2)        sample weight s, z-loss c, 0 x inf = 0
        r   = sum_j w_j y_j                                 (1 without class weights)

    and the mean is `sum of losses / sum of s r`: one normaliser, the same for index, one-hot and soft targets.

    Args:
        logits: Scores, classes on `axis` (at least 2); dtypes as in `softmax`. Never probabilities: there is no
            softmax before this.
        target: Of an integer dtype: class indices in [0, K - 1], shape of `logits` without `axis`. Of a floating
            dtype: a distribution over classes, shape of `logits`.
        axis: The axis of the classes.
        class_weight: One weight a class, zero or more.
        sample_weight: One weight a row, zero or more; a row of weight 0 is not read.
        ignore_index: Rows with this class index take no part: their loss and gradient are 0, whatever their logits
            hold.
        label_smoothing: e in [0, 1], the part of the target spread evenly over all classes.
        z_loss: c, zero or more: the weight of the squared logsumexp, which keeps logits from drifting.
        reduction: 'mean', 'sum', or 'none' for one loss a row.
        normalizer: What the mean divides by instead of the sum of weights: the count over all micro-batches or workers.

    Returns:
        The loss in the dtype of `logits`: one number, or for 'none' one a row. Over no rows (or none that takes part)
        the mean is 0, with a `NoRowsWarning`. A target of probability 0 is an infinite loss; a row with NaN or +inf
        is NaN.

    Raises:
        TypeError: Dtypes, or a mixture of frameworks, that have no meaning here.
        ValueError: An index out of range, shapes that do not fit, options out of range, a single class.

    Accuracy:
        Every row within 4 ulp of the output dtype (float64: 8 ulp). A confident row is `log1p(sum of the other
        exponentials)`: the float32 row [20, 0, 0] with target 0 gives 4.1223074e-09.

    Cost:
        One pass over the logits. For the gradient in the same pass: `cross_entropy_and_gradient`.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> logits = np.array([[0.1, 1.0, 2.1], [2.0, 1.0, 0.1], [0.1, 3.0, 0.1]])
        >>> lw.cross_entropy(logits, np.array([2, 0, 1])).round(4)
        np.float64(0.3018)
    """
    options = CrossEntropyOptions(
        class_weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction, normalizer
    )
    logits = as_floating(logits, "logits")
    layout = check_layout(logits, axis, at_least=2)
    problem = checked_problem(logits, target, layout, options)
    if is_tensor(logits):
        from logitwise.functional import _autograd

        return _autograd.cross_entropy(problem)
    losses, _ = problem.losses_and_gradient()
    return problem.reduce(losses)


def cross_entropy_and_gradient(
    logits: Any, target: Any, *, axis: int = -1, out: Any = None, **options: Any
) -> tuple[Any, Any]:
    """Return the cross-entropy and its gradient with respect to the logits, without autograd.

    The gradient of a row, in the symbols of `cross_entropy` with p = softmax(z) and V = sum_j v_j, is

        s (V p_j - v_j + 2 c r lse p_j)   divided by the normaliser where the loss is

    and at the target it is minus the sum of the others, never `p - 1`: a row's gradient sums to zero within rounding.

    Args:
        logits: As in `cross_entropy`.
        target: As in `cross_entropy`.
        axis: The axis of the classes.
        out: Where to write the gradient, of the shape and dtype of `logits`; `out=logits` overwrites them.
        **options: The options of `cross_entropy`.

    Returns:
        `(loss, gradient)`: the loss as `cross_entropy` returns it, and the gradient of that loss (for
        reduction='none': of the sum of the losses), of the shape and dtype of `logits`. Tensors come back detached.

    Raises:
        TypeError: As in `cross_entropy`; an option that does not exist.
        ValueError: As in `cross_entropy`; an `out` of the wrong shape.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> logits = np.array([[20.0, 0.0, 0.0]], dtype=np.float32)
        >>> lw.cross_entropy_and_gradient(logits, np.array([0]))
        (np.float32(4.1223074e-09), array([[-4.1223074e-09,  2.0611537e-09,  2.0611537e-09]], dtype=float32))
    """
    logits = as_floating(logits, "logits")
    layout = check_layout(logits, axis, at_least=2)
    problem = checked_problem(logits, target, layout, CrossEntropyOptions(**options))
    check_out(out, logits)
    if is_tensor(logits):
        from logitwise.functional import _autograd

        loss, gradient = _autograd.cross_entropy_and_gradient(problem)
        return loss, deliver(gradient, out)
    losses, gradient = problem.losses_and_gradient()
    return problem.reduce(losses), deliver(rounded(problem.scaled(gradient), logits.dtype), out)


@dataclass(frozen=True)
class Problem:
    """Checked logits, target and options: what every path of the computation starts from."""

    logits: Any
    target: Any
    indices: bool
    layout: Layout
    options: CrossEntropyOptions
    unit: ClassVar[str] = "rows"

    def silent(self) -> Any:
        """Return which rows take no part (ignored, or of sample weight 0), or None where every row does."""
        silent, options = None, self.options
        if self.indices and -(2**63) <= options.ignore_index < 2**63:
            silent = self.target == options.ignore_index
        if options.sample_weight is not None:
            unweighted = options.sample_weight == 0
            silent = unweighted if silent is None else silent | unweighted
        return silent

    def quiet_logits(self, fill: float = 0.0) -> Any:
        """Return the logits with `fill` in the rows that take no part: what those hold must not reach the result."""
        silent = self.silent()
        if silent is None:
            return self.logits
        if is_tensor(self.logits):
            return self.logits.masked_fill(silent.unsqueeze(self.layout.axis), fill)
        return np.where(np.expand_dims(silent, self.layout.axis), self.logits.dtype.type(fill), self.logits)

    def distribution(self) -> np.ndarray:
        """Return the target as distributions over classes."""
        axis = self.layout.axis
        return (
            reference.one_hot(self.target, self.layout.classes, axis)
            if self.indices
            else np.asarray(self.target, np.float64)
        )

    def row_weights(self) -> np.ndarray:
        """Return `s r`, the weight of every row; 0 where it takes no part."""
        weights, options, axis = np.ones(self.layout.row_shape), self.options, self.layout.axis
        if options.class_weight is not None:
            weights = (self.distribution() * along(options.class_weight, axis, self.logits.ndim)).sum(axis)
        if options.sample_weight is not None:
            weights = weights * options.sample_weight
        silent = self.silent()
        return weights if silent is None else np.where(silent, 0.0, weights)

    def coefficients(self) -> np.ndarray:
        """Return `s v_j`, what multiplies each surprise `lse - z_j`; 0 in rows that take no part."""
        options, axis = self.options, self.layout.axis
        coefficients = self.distribution()
        if options.label_smoothing:
            coefficients = (
                1.0 - options.label_smoothing
            ) * coefficients + options.label_smoothing / self.layout.classes
        if options.class_weight is not None:
            coefficients = coefficients * along(options.class_weight, axis, self.logits.ndim)
        if options.sample_weight is not None:
            coefficients = coefficients * np.expand_dims(options.sample_weight, axis)
        silent = self.silent()
        return coefficients if silent is None else np.where(np.expand_dims(silent, axis), 0.0, coefficients)

    def losses_and_gradient(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the loss of every row, and the gradient of their sum."""
        axis = self.layout.axis
        z_coefficient = self.options.z_loss * np.expand_dims(self.row_weights(), axis)
        return reference.cross_entropy(self.quiet_logits(), self.coefficients(), axis, z_coefficient=z_coefficient)

    def denominator(self) -> float:
        """Return what the mean divides by."""
        return denominator(float(self.row_weights().sum()), self.options.normalizer, self.unit)

    def reduce(self, losses: np.ndarray) -> Any:
        """Return the losses of the rows as the caller asked for them."""
        if self.options.reduction == "none":
            return rounded(losses, self.logits.dtype)
        total = losses.sum()
        return rounded(total / self.denominator() if self.options.reduction == "mean" else total, self.logits.dtype)

    def scaled(self, gradient: np.ndarray) -> np.ndarray:
        """Return the gradient of the sum of the losses as the gradient of what `reduce` returns."""
        return gradient / self.denominator() if self.options.reduction == "mean" else gradient


def checked_problem(
    logits: Any, target: Any, layout: Layout, options: CrossEntropyOptions, name: str = "logits"
) -> Problem:
    """Return the problem these inputs state, or raise what is wrong with them."""
    target = check_same_framework(target, "target", logits, name)
    indices = is_index_target(target, layout, name)
    options = options.checked(logits, layout)
    if not indices:
        check_distribution(target)
        return Problem(logits, target, False, layout, options)
    target = target.long() if is_tensor(target) else target
    check_indices(target, layout, options.ignore_index)
    return Problem(logits, target, True, layout, options)


def along(weights: np.ndarray, axis: int, ndim: int) -> np.ndarray:
    """Return one weight a class, shaped to multiply an array with classes on `axis`."""
    return weights.reshape([-1 if i == axis else 1 for i in range(ndim)])
