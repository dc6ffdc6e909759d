"""Cross-entropy of logits, as a value and as a value with its gradient."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from logitwise import _warnings
from logitwise._arrays import Layout, as_numpy, is_tensor, may_look
from logitwise._requirements import (
    REDUCTIONS,
    are_from_one,
    as_floating,
    check_choice,
    check_class_weight,
    check_distribution,
    check_fraction,
    check_indices,
    check_int64,
    check_layout,
    check_not_negative,
    check_out,
    check_positive_tensor,
    check_same_framework,
    check_sample_weight,
    is_index_target,
    raise_out_of_range,
)
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._memory import NO_ROWS, destination, float64_of, memory_of, rows_of
from logitwise.functional._results import deliver, denominator, like
from logitwise.kernels.cpu import cross_entropy as kernels
from logitwise.kernels.cpu.rows import sum_of
from logitwise.kernels.cpu.suspicions import faults_of_distribution


class CrossEntropyOptions(NamedTuple):
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
            ignore_index=check_int64(self.ignore_index, "ignore_index"),
            label_smoothing=check_fraction(self.label_smoothing, "label_smoothing"),
            z_loss=check_not_negative(self.z_loss, "z_loss"),
            reduction=reduction,
            normalizer=None
            if self.normalizer is None
            else check_positive_tensor(self.normalizer, "normalizer", logits),
        )

    def are_plain(self) -> bool:
        """Return whether these are numbers in their range, and one loss is asked for."""
        class_weight, sample_weight, ignore_index, smoothing, z_loss, reduction, normalizer = self
        return (
            class_weight is None
            and sample_weight is None
            and (reduction == "mean" or (reduction == "sum" and normalizer is None))
            and (normalizer is None or (type(normalizer) in (int, float) and 0 < normalizer < 2**63))
            and type(ignore_index) is int
            and -(2**63) <= ignore_index < 2**63
            and type(smoothing) is type(z_loss) is float
            and 0.0 <= smoothing <= 1.0
            and 0.0 <= z_loss < math.inf
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
    if is_tensor(logits):
        from logitwise.functional import _autograd

        loss = _autograd.short_cross_entropy(logits, target, axis, options)
        return _autograd.cross_entropy(_problem(logits, target, axis, options)) if loss is None else loss
    few = _are_few(logits, target, axis)
    loss = _small_loss(logits, target, options, _NO_GRADIENT[logits.dtype]) if few else None
    return _problem(logits, target, axis, options).value() if loss is None else loss


def _can_be_filled(out: Any, logits: np.ndarray, target: np.ndarray) -> bool:
    """Return whether `out` is None or plain memory apart from the inputs, which a second look may need."""
    return out is None or (
        type(out) is np.ndarray
        and out.shape == logits.shape
        and out.dtype is logits.dtype
        and out.flags.carray
        and not np.may_share_memory(out, logits)
        and not np.may_share_memory(out, target)
    )


_NO_GRADIENT = {dtype: np.empty((0, 0), dtype) for dtype in (np.dtype(np.float32), np.dtype(np.float64))}
_INT64 = np.dtype(np.int64)


def _are_few(logits: Any, target: Any, axis: Any) -> bool:
    """Return whether these are few rows of logits and a class index for each, in C-contiguous NumPy memory."""
    return (
        type(logits) is type(target) is np.ndarray
        and logits.ndim == 2
        and logits.dtype in _NO_GRADIENT
        and target.dtype is _INT64
        and 0 < logits.size < kernels.SMALL
        and target.shape == (logits.shape[0],)
        and logits.shape[1] > 1
        and type(axis) is int
        and (axis == -1 or axis == 1)
        and logits.flags.carray
        and target.flags.carray
    )


def _small_loss(
    logits: np.ndarray, target: np.ndarray, options: CrossEntropyOptions, gradient: np.ndarray
) -> np.floating | None:
    """Return the loss of few rows, and fill `gradient`, by one compiled call; None where there is more to do or say.

    Such a call takes the time of its looks and objects, not of its arithmetic: there are as few as can be.
    """
    if not options.are_plain():
        return None
    looking = _warnings.checks_are_on()
    if looking and logits.shape[0] == logits.shape[1] >= suspicions.SMALLEST_SQUARE:
        return None
    _, _, ignore_index, smoothing, z_loss, reduction, normalizer = options
    divisor = 1.0 if reduction == "sum" else float(normalizer or 0.0)
    taking_part, loss = kernels.small_cross_entropy_of_arrays(
        logits, target, ignore_index, smoothing, z_loss, looking, divisor, gradient
    )
    return None if taking_part < 0 else logits.dtype.type(loss)


def _problem(logits: Any, target: Any, axis: int, options: CrossEntropyOptions) -> Problem:
    logits = as_floating(logits, "logits")
    return checked_problem(logits, target, check_layout(logits, axis, at_least=2), options)


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
    chosen = CrossEntropyOptions(**options)
    if _are_few(logits, target, axis) and _can_be_filled(out, logits, target):
        gradient = np.empty(logits.shape, logits.dtype) if out is None else out
        loss = _small_loss(logits, target, chosen, gradient)
        if loss is not None:
            return loss, gradient
    if is_tensor(logits):
        from logitwise.functional import _autograd

        short = _autograd.short_cross_entropy_and_gradient(logits, target, axis, chosen, out)
        if short is not None:
            return short
    problem = _problem(logits, target, axis, chosen)
    check_out(out, problem.logits)
    if is_tensor(problem.logits):
        problem = problem.detached()
        if _autograd.way_of_problem(problem) is _autograd.Way.OPERATIONS:
            loss, gradient = _autograd.definitions.cross_entropy_and_gradient(problem)
            return loss, deliver(gradient, out)
    return problem.with_gradient(out)


class Problem(NamedTuple):
    """Checked logits, target and options: what every path of the computation starts from."""

    logits: Any
    target: Any
    indices: bool
    layout: Layout
    options: CrossEntropyOptions
    taking_part: int = -1  # rows not ignored, where they were counted
    said: bool = False  # that the logits are something else
    unit = "rows"

    def arrays(self) -> tuple[Any, ...]:
        """Return the arrays that the loss is computed from."""
        return self.logits, self.target, self.options.class_weight, self.options.sample_weight

    def with_arrays(self, logits: Any, target: Any, class_weight: Any, sample_weight: Any) -> Problem:
        """Return this problem with other arrays, in the order of `arrays`."""
        options = self.options._replace(class_weight=class_weight, sample_weight=sample_weight)
        return self._replace(logits=logits, target=target, options=options)

    def detached(self) -> Problem:
        """Return this problem without what autograd has recorded of its tensors."""
        return self.with_arrays(*(array if array is None else array.detach() for array in self.arrays()))

    def silent(self) -> Any:
        """Return which rows take no part (ignored, or of sample weight 0), or None where every row does."""
        silent = self._is_ignored() if self.indices else None
        if self.options.sample_weight is not None:
            unweighted = self.options.sample_weight == 0
            silent = unweighted if silent is None else silent | unweighted
        return silent

    def _is_ignored(self) -> Any:
        """Return which indices are `ignore_index`, which the dtype of the indices need not hold."""
        target = self.target.long() if is_tensor(self.target) else self.target
        return target == self.options.ignore_index

    def quiet_logits(self, fill: float = 0.0) -> Any:
        """Return the logits with `fill` in the rows that take no part: what those hold must not reach the result."""
        silent = self.silent()
        if silent is None:
            return self.logits
        if is_tensor(self.logits):
            return self.logits.masked_fill(silent.unsqueeze(self.layout.axis), fill)
        return np.where(np.expand_dims(silent, self.layout.axis), self.logits.dtype.type(fill), self.logits)

    def value(self) -> Any:
        """Return the loss as the caller asked for it."""
        return self._reduced(self._losses(None, 1.0), self._divisor())

    def with_gradient(self, out: Any) -> tuple[Any, Any]:
        """Return the loss and its gradient, in `out` if there is one."""
        divisor = self._divisor()
        gradient = destination(self.logits, out, *self.arrays()[1:])
        losses = self._losses(gradient, 1.0 / divisor)
        return self._reduced(losses, divisor, gradient), deliver(gradient, out)

    def for_rows(self, numbers: Any) -> Any:
        """Return a number, or a tensor of one number a row, so that it multiplies the gradient."""
        return numbers.unsqueeze(self.layout.axis) if numbers.ndim else numbers

    def reduce(self, losses: np.ndarray) -> Any:
        """Return float64 losses of the rows as the caller asked for them, in the dtype of the logits."""
        return self._reduced(losses, self._divisor(), are_logits=False)

    def _reduced(self, losses: np.ndarray, divisor: float, gradient: Any = None, *, are_logits: bool = True) -> Any:
        total = sum_of(losses)
        if are_logits and not math.isfinite(total):
            suspicions.warn_of_losses(self, losses, gradient)
        if self.options.reduction == "none":
            return like(self.logits, losses.reshape(self.layout.row_shape))
        return like(self.logits, total / divisor)

    def _losses(self, gradient: Any, scale: float) -> np.ndarray:
        """Return the loss of every row, and fill `gradient` (if there is one) with that of their sum times `scale`."""
        logits, kind = rows_of(self.logits, self.layout)
        if _warnings.checks_are_on():
            suspicions.warn_of_logits(self, logits, kind)
        losses = np.empty(self.layout.rows)
        output = NO_ROWS[logits.dtype] if gradient is None else rows_of(gradient, self.layout)[0]
        numbers = (self.options.label_smoothing, self.options.z_loss, scale)
        options = kernels.Options(self.options.ignore_index, *self._weights(), *numbers)
        if self.indices:
            kernels.cross_entropy(logits, kind, memory_of(self.target)[0].reshape(-1), options, losses, output)
        else:
            target, target_kind = rows_of(self.target, self.layout)
            kernels.soft_cross_entropy(logits, kind, target, target_kind, options, losses, output)
        return losses

    def _divisor(self) -> float:
        """Return what the losses are divided by after they are summed."""
        if self.options.reduction != "mean":
            return 1.0
        return denominator(self._weight(), self.options.normalizer, self.unit, self._weights_of_classes_present())

    def _weights_of_classes_present(self) -> Any:
        """Return the class weights, unless it is for another reason that no row has any weight."""
        class_weight, sample_weight = self.options.class_weight, self.options.sample_weight
        if class_weight is None or self.taking_part == 0 or not self.layout.rows:
            return None
        return class_weight if sample_weight is None or bool((sample_weight != 0).any()) else None

    def _weight(self) -> float:
        """Return the sum of `s r` over the rows that take part, in row order."""
        class_weight, sample_weight = self._weights()
        if self.indices:
            if not class_weight.size and not sample_weight.size:
                return float(self.taking_part)
            target = memory_of(self.target)[0].reshape(-1)
            return float(kernels.sum_of_target_weights(target, self.options.ignore_index, class_weight, sample_weight))
        rows = self._soft_row_weights(class_weight) if class_weight.size else np.ones(self.layout.rows)
        return float(sum_of(rows * sample_weight if sample_weight.size else rows))

    def _soft_row_weights(self, class_weight: np.ndarray) -> np.ndarray:
        target = as_numpy(self.target.double() if is_tensor(self.target) else self.target).astype(np.float64)
        rows = np.moveaxis(target, self.layout.axis, -1).reshape(self.layout.rows, self.layout.classes)
        return np.ascontiguousarray(rows * class_weight).sum(1)  # NumPy adds in pairs in contiguous memory only

    def _weights(self) -> tuple[np.ndarray, np.ndarray]:
        return _as_weights(self.options.class_weight), _as_weights(self.options.sample_weight)


def _as_weights(weights: Any) -> np.ndarray:
    return kernels.NO_WEIGHTS if weights is None else float64_of(weights)


def checked_problem(
    logits: Any, target: Any, layout: Layout, options: CrossEntropyOptions, name: str = "logits"
) -> Problem:
    """Return the problem these inputs state, or raise what is wrong with them."""
    target = check_same_framework(target, "target", logits, name)
    options = options.checked(logits, layout)
    if not is_index_target(target, layout, name):
        _check_soft_target(target, layout, options)
        return Problem(logits, target, False, layout, options)
    if is_tensor(target) and not (target.device.type == "cpu" and may_look(target)):
        check_indices(target.long(), layout, options.ignore_index)
        return Problem(logits, target, True, layout, options)
    flat = memory_of(target)[0].reshape(-1)
    bad, first, taking_part = kernels.count_targets(flat, layout.classes, options.ignore_index)
    if bad:
        from_one = are_from_one(flat, layout, options.ignore_index)
        raise_out_of_range(flat[first], first, bad, layout, from_one)
    return Problem(logits, target, True, layout, options, taking_part)


def _check_soft_target(target: Any, layout: Layout, options: CrossEntropyOptions) -> None:
    if is_tensor(target) and not (target.device.type == "cpu" and may_look(target)):
        check_distribution(target)
        return
    is_bad, *sums = faults_of_distribution(*rows_of(target, layout))
    if is_bad:
        check_distribution(target)
    if sums[-1] and _warnings.checks_are_on():
        suspicions.warn_of_sums(target, layout, options.sample_weight, *sums)
