"""Binary cross-entropy of logits, as a value and as a value with its gradient."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from logitwise import _warnings
from logitwise._arrays import dtype_name, is_tensor, may_look, number_kind
from logitwise._requirements import (
    REDUCTIONS,
    as_floating,
    check_choice,
    check_element_weight,
    check_out,
    check_positive_tensor,
    check_same_framework,
    check_unit_interval,
)
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._memory import NO_ROWS, destination, float64_of, memory_of
from logitwise.functional._results import deliver, denominator, like
from logitwise.kernels.cpu import binary_cross_entropy as kernels
from logitwise.kernels.cpu.rows import sum_of

_EVEN = np.ones(1)


class BinaryOptions(NamedTuple):
    """The options of `binary_cross_entropy_with_logits`, which documents them."""

    sample_weight: Any = None
    pos_weight: Any = None
    reduction: str = "mean"
    normalizer: Any = None

    def checked(self, logits: Any) -> BinaryOptions:
        """Return these options with every value checked, weights as views of the shape of `logits`."""
        reduction = check_choice(self.reduction, "reduction", REDUCTIONS)
        if self.normalizer is not None and reduction != "mean":
            raise ValueError(
                f"normalizer must be None unless reduction='mean'; got {self.normalizer!r} and reduction={reduction!r}."
            )
        return BinaryOptions(
            sample_weight=check_element_weight(self.sample_weight, "sample_weight", logits),
            pos_weight=check_element_weight(self.pos_weight, "pos_weight", logits),
            reduction=reduction,
            normalizer=None
            if self.normalizer is None
            else check_positive_tensor(self.normalizer, "normalizer", logits),
        )


def binary_cross_entropy_with_logits(
    logits: Any,
    target: Any,
    *,
    sample_weight: Any = None,
    pos_weight: Any = None,
    reduction: str = "mean",
    normalizer: Any = None,
) -> Any:
    """Return the binary cross-entropy between the sigmoid of logits and a target, in nats.

    For one element with logit z and target y, and softplus(z) = log(1 + exp(z)):

        loss = s (w y softplus(-z) + (1 - y) softplus(z))        sample weight s, weight of the positive class w, 0 x
        inf = 0

    and the mean is `sum of losses / sum of s`.

    Args:
        logits: Scores of any shape; dtypes as in `sigmoid`. Never probabilities: there is no sigmoid before this.
        target: The shape of `logits`: booleans, integers 0 and 1, or floating probabilities of class 1 in [0, 1].
        sample_weight: Weights that broadcast to the shape of `logits`, zero or more; an element of weight 0 is not
            read.
        pos_weight: w, weights that broadcast to the shape of `logits` (one number, or one a column), zero or more.
        reduction: 'mean', 'sum', or 'none' for one loss an element.
        normalizer: What the mean divides by instead of the sum of weights.

    Returns:
        The loss in the dtype of `logits`: one number, or for 'none' one an element. Over no elements (or none of
        weight above 0) the mean is 0, with a `NoRowsWarning`.

    Raises:
        TypeError: Dtypes, or a mixture of frameworks, that have no meaning here.
        ValueError: A target outside [0, 1], shapes that do not fit, options out of range.

    Accuracy:
        Every element within 4 ulp of the output dtype (float64: 8 ulp), in both tails.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> lw.binary_cross_entropy_with_logits(np.array([50.0, -1.0]), np.array([1, 0]), reduction="none")
        array([1.92874985e-22, 3.13261688e-01])
    """
    problem = checked_binary_problem(logits, target, BinaryOptions(sample_weight, pos_weight, reduction, normalizer))
    if is_tensor(problem.logits):
        from logitwise.functional import _autograd

        return _autograd.binary_cross_entropy_with_logits(problem)
    return problem.value()


def binary_cross_entropy_with_logits_and_gradient(
    logits: Any, target: Any, *, out: Any = None, **options: Any
) -> tuple[Any, Any]:
    """Return the binary cross-entropy and its gradient with respect to the logits, without autograd.

    The gradient of an element, in the symbols of `binary_cross_entropy_with_logits`, is

        s ((1 - y) sigmoid(z) - w y sigmoid(-z))   divided by the normaliser where the loss is

    Args:
        logits: As in `binary_cross_entropy_with_logits`.
        target: As in `binary_cross_entropy_with_logits`.
        out: Where to write the gradient, of the shape and dtype of `logits`; `out=logits` overwrites them.
        **options: The options of `binary_cross_entropy_with_logits`.

    Returns:
        `(loss, gradient)`: the loss as `binary_cross_entropy_with_logits` returns it, and the gradient of that loss
        (for reduction='none': of the sum of the losses). Tensors come back detached.

    Raises:
        TypeError: As in `binary_cross_entropy_with_logits`; an option that does not exist.
        ValueError: As in `binary_cross_entropy_with_logits`; an `out` of the wrong shape.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> loss, gradient = lw.binary_cross_entropy_with_logits_and_gradient(np.array([50.0]), np.array([1]))
        >>> loss, gradient
        (np.float64(1.9287498479639178e-22), array([-1.92874985e-22]))
    """
    problem = checked_binary_problem(logits, target, BinaryOptions(**options))
    check_out(out, problem.logits)
    if is_tensor(problem.logits):
        from logitwise.functional import _autograd

        problem = problem.detached()
        if _autograd.way_of_problem(problem) is _autograd.Way.OPERATIONS:
            loss, gradient = _autograd.definitions.binary_cross_entropy_with_logits_and_gradient(problem)
            return loss, deliver(gradient, out)
    return problem.with_gradient(out)


class BinaryProblem(NamedTuple):
    """Checked logits, target and options: what every path of the computation starts from."""

    logits: Any
    target: Any
    options: BinaryOptions
    said: bool = False  # that the logits are something else
    unit = "elements"

    def quiet_logits(self) -> Any:
        """Return the logits with 0 where the sample weight is 0: what those hold must not reach the result."""
        if self.options.sample_weight is None:
            return self.logits
        silent = self.options.sample_weight == 0
        return self.logits.masked_fill(silent, 0.0) if is_tensor(self.logits) else np.where(silent, 0.0, self.logits)

    def arrays(self) -> tuple[Any, ...]:
        """Return the arrays that the loss is computed from."""
        return self.logits, self.target, self.options.sample_weight, self.options.pos_weight

    def with_arrays(self, logits: Any, target: Any, sample_weight: Any, pos_weight: Any) -> BinaryProblem:
        """Return this problem with other arrays, in the order of `arrays`."""
        options = self.options._replace(sample_weight=sample_weight, pos_weight=pos_weight)
        return self._replace(logits=logits, target=target, options=options)

    def detached(self) -> BinaryProblem:
        """Return this problem without what autograd has recorded of its tensors."""
        return self.with_arrays(*(array if array is None else array.detach() for array in self.arrays()))

    def value(self) -> Any:
        """Return the loss as the caller asked for it."""
        return self._computed(None)

    def with_gradient(self, out: Any) -> tuple[Any, Any]:
        """Return the loss and its gradient, in `out` if there is one."""
        gradient = destination(self.logits, out, *self.arrays()[1:])
        return self._computed(gradient), deliver(gradient, out)

    def for_rows(self, numbers: Any) -> Any:
        """Return a number, or one an element, so that it multiplies the gradient."""
        return numbers

    def _computed(self, gradient: Any) -> Any:
        """Return the reduced loss, and fill `gradient` (if there is one) with its gradient."""
        logits, kind = memory_of(self.logits)
        if _warnings.checks_are_on():
            suspicions.warn_of_binary_logits(self, logits, kind)
        reduction = self.options.reduction
        sample_weight = _weights(self.options.sample_weight)
        divisor = self._divisor(sample_weight) if reduction == "mean" else 1.0
        losses = np.empty(logits.size if reduction == "none" else kernels.blocks_of(logits.size))
        output = NO_ROWS[logits.dtype].reshape(0) if gradient is None else memory_of(gradient)[0].reshape(-1)
        weights = (sample_weight, _weights(self.options.pos_weight))
        target, target_kind = memory_of(self.target)
        kernels.binary_cross_entropy(
            logits.reshape(-1), kind, target.reshape(-1), target_kind, *weights, 1.0 / divisor, losses, output
        )
        total = sum_of(losses)
        if not math.isfinite(total):
            suspicions.warn_of_binary_losses(self, gradient)
        if reduction == "none":
            return like(self.logits, losses.reshape(self.logits.shape))
        return like(self.logits, total / divisor)

    def _divisor(self, sample_weight: np.ndarray) -> float:
        """Return what the mean divides by."""
        size = math.prod(self.logits.shape)
        weight = float(size) if self.options.sample_weight is None else float(sum_of(sample_weight))
        return denominator(weight, self.options.normalizer, self.unit)


def _weights(weights: Any) -> np.ndarray:
    return _EVEN if weights is None else float64_of(weights)


def check_probabilities(probabilities: Any, target: Any) -> None:
    """Raise unless probabilities and target have one shape and lie in [0, 1]."""
    _check_binary_target(as_floating(probabilities, "input"), target, "input")
    check_unit_interval(probabilities, "input", "If they are logits, use BCEWithLogitsLoss.")
    if may_look(probabilities) and probabilities.is_cpu and _warnings.checks_are_on():
        suspicions.warn_of_binary_probabilities(probabilities, target)


def checked_binary_problem(logits: Any, target: Any, options: BinaryOptions) -> BinaryProblem:
    """Return the problem these inputs state, or raise what is wrong with them."""
    logits = as_floating(logits, "logits")
    target = _check_binary_target(logits, target, "logits")
    return BinaryProblem(logits, target, options.checked(logits))


def _check_binary_target(logits: Any, target: Any, name: str) -> Any:
    target = check_same_framework(target, "target", logits, name)
    if number_kind(target) not in ("bool", "integer", "floating"):
        raise TypeError(f"target must be booleans, integers 0 and 1, or probabilities; got dtype {dtype_name(target)}.")
    if tuple(target.shape) != tuple(logits.shape):
        raise ValueError(
            f"target must have the shape of {name}, {tuple(logits.shape)}; got {tuple(target.shape)}. "
            "Reshape one of them."
        )
    check_unit_interval(target)
    return target
