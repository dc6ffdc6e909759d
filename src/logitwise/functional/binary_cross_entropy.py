"""Binary cross-entropy of logits, as a value and as a value with its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex, overload

from logitwise.functional._arguments.options import refusal, unknown_option
from logitwise.functional._problems.binary_cross_entropy import BinaryCall
from logitwise.functional._routes import loss_and_gradient_of, loss_of
from logitwise.functional._types import Missing, Reduction

if TYPE_CHECKING:
    from typing import Literal, Unpack

    import numpy as np
    from numpy.typing import ArrayLike

    from logitwise.functional._types import AnyTensor, Arrays, T, TensorLike, ToNumber
    from logitwise.functional._types import BinaryOptions as Options


@overload
def binary_cross_entropy_with_logits(
    logits: TensorLike[T], target: AnyTensor, *, reduction: Reduction = "mean", **options: Unpack[Options[AnyTensor]]
) -> T: ...
@overload
def binary_cross_entropy_with_logits(
    logits: ArrayLike, target: ArrayLike, *, reduction: ToNumber = "mean", **options: Unpack[Options[ArrayLike]]
) -> np.floating[Any]: ...
@overload
def binary_cross_entropy_with_logits(
    logits: ArrayLike, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[Options[ArrayLike]]
) -> Arrays: ...
def binary_cross_entropy_with_logits(
    logits: Any,
    target: Any,
    *_positional: Any,
    sample_weight: Any = None,
    pos_weight: Any = None,
    label_smoothing: SupportsFloat = 0.0,
    reduction: Reduction = "mean",
    normalizer: SupportsFloat | None = None,
    ignore_index: SupportsIndex | None = None,
    missing: Missing = "error",
    **_others: Any,
) -> Any:
    """Return the binary cross-entropy between the sigmoid of logits and a target, in nats.

    For one element with logit z and target y, and softplus(z) = log(1 + exp(z)):

        loss = s (w y' softplus(-z) + (1 - y') softplus(z))        0 x inf = 0

    with the sample weight s, the weight w of the positive class, and the target y' = (1 - e) y + e / 2 that label
    smoothing by e makes of y; the mean is `sum of losses / sum of s`.

    Args:
        logits: Scores of any shape; dtypes as in `sigmoid`. Never probabilities: there is no sigmoid before this.
        target: The shape of `logits`: booleans, integers 0 and 1, or floating probabilities of class 1 in [0, 1]. What
            rounding has moved outside, as in sums of probabilities, counts as 0 or 1.
        sample_weight: Weights that broadcast to the shape of `logits`: zero or more, or of either sign unless a mean
            divides by their sum. An element of weight 0 is not read: neither its logit nor its target.
        pos_weight: w, weights that broadcast to the shape of `logits` (one number, or one per column), with signs as in
            `sample_weight`.
        label_smoothing: e in [0, 1], the share of the target that is spread evenly over both classes.
        reduction: 'mean', 'sum', or 'none' for one loss per element.
        normalizer: What the mean divides by instead of the sum of weights.
        ignore_index: A target that stands for a missing label, such as -1: such elements take no part, as if their
            sample weight were 0. None: there is none.
        missing: What a target of NaN is: 'error', or 'ignore' for a missing label, as with `ignore_index`.

    Returns:
        The loss in the dtype of `logits`: one number, or for 'none' one per element. Over no elements (or none of
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
    if _positional or _others:
        raise refusal(binary_cross_entropy_with_logits, _positional, _others)
    options = (sample_weight, pos_weight, label_smoothing, reduction, normalizer, ignore_index, missing)
    return loss_of(BinaryCall(logits, target, *options))


@overload
def binary_cross_entropy_with_logits_and_gradient(
    logits: TensorLike[T],
    target: AnyTensor,
    *,
    out: AnyTensor | None = None,
    reduction: Reduction = "mean",
    **options: Unpack[Options[AnyTensor]],
) -> tuple[T, T]: ...
@overload
def binary_cross_entropy_with_logits_and_gradient(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    out: Arrays | None = None,
    reduction: ToNumber = "mean",
    **options: Unpack[Options[ArrayLike]],
) -> tuple[np.floating[Any], Arrays]: ...
@overload
def binary_cross_entropy_with_logits_and_gradient(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    out: Arrays | None = None,
    reduction: Literal["none"],
    **options: Unpack[Options[ArrayLike]],
) -> tuple[Arrays, Arrays]: ...
def binary_cross_entropy_with_logits_and_gradient(
    logits: Any, target: Any, *, out: Any = None, **options: Any
) -> tuple[Any, Any]:
    """Return the binary cross-entropy and its gradient with respect to the logits, without autograd.

    The gradient of an element, in the symbols of `binary_cross_entropy_with_logits`, is

        s ((1 - y') sigmoid(z) - w y' sigmoid(-z))   divided by the normaliser where the loss is

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
    try:
        call = BinaryCall(logits, target, **options)
    except TypeError:
        raise unknown_option("binary_cross_entropy_with_logits_and_gradient", options, BinaryCall._fields) from None
    return loss_and_gradient_of(call, out)
