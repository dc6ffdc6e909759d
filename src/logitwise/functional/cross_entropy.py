"""Cross-entropy of logits, as a value and as a value with its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex, overload

from logitwise.functional._arguments.options import refusal, unknown_option
from logitwise.functional._problems.cross_entropy import CrossEntropyCall
from logitwise.functional._routes import loss_and_gradient_of, loss_of
from logitwise.functional._types import Reduction

if TYPE_CHECKING:
    from typing import Literal, Unpack

    import numpy as np
    from numpy.typing import ArrayLike

    from logitwise.functional._types import AnyTensor, Arrays, T, TensorLike, ToNumber
    from logitwise.functional._types import CrossEntropyOptions as Options


@overload
def cross_entropy(
    logits: TensorLike[T], target: AnyTensor, *, reduction: Reduction = "mean", **options: Unpack[Options[AnyTensor]]
) -> T: ...
@overload
def cross_entropy(
    logits: ArrayLike, target: ArrayLike, *, reduction: ToNumber = "mean", **options: Unpack[Options[ArrayLike]]
) -> np.floating[Any]: ...
@overload
def cross_entropy(
    logits: ArrayLike, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[Options[ArrayLike]]
) -> Arrays: ...
def cross_entropy(
    logits: Any,
    target: Any,
    *_positional: Any,
    axis: SupportsIndex = -1,
    class_weight: Any = None,
    sample_weight: Any = None,
    ignore_index: SupportsIndex = -100,
    label_smoothing: SupportsFloat = 0.0,
    z_loss: SupportsFloat = 0.0,
    reduction: Reduction = "mean",
    normalizer: SupportsFloat | None = None,
    mask: Any = None,
    **_others: Any,
) -> Any:
    """Return the cross-entropy between the softmax of logits and a target, in nats.

    For one row of K classes with logits z, and lse = logsumexp(z):

        y_j   the target distribution (1 at the class index, 0 elsewhere)
        v_j = w_j ((1 - e) y_j + e / K)                     class weights w, label smoothing e
        loss = s (sum_j v_j (lse - z_j) + c r lse^2)        sample weight s, z-loss c, 0 x inf = 0
        r   = sum_j w_j y_j                                 (1 without class weights)

    and the mean is `sum of losses / sum of s r`: one normaliser, the same for index, one-hot and soft targets. With a
    mask, lse is over the classes of the row that take part, and e / K is spread over these K.

    Args:
        logits: Scores, classes on `axis` (at least 2); dtypes as in `softmax`. Never probabilities: there is no
            softmax before this.
        target: Of an integer dtype: class indices in [0, K - 1], shape of `logits` without `axis`. Of a floating
            dtype: a distribution over classes, shape of `logits`.
        axis: The axis of the classes.
        class_weight: One weight per class: zero or more, or of either sign unless a mean divides by their sum.
        sample_weight: One weight per row, with signs as in `class_weight`; a row of weight 0 is not read: neither its
            logits nor its target.
        ignore_index: Rows with this class index take no part: their loss and gradient are 0, whatever their logits
            hold.
        label_smoothing: e in [0, 1], the part of the target spread evenly over all classes that take part.
        z_loss: c, zero or more: the weight of the squared logsumexp, which keeps logits from drifting.
        reduction: 'mean', 'sum', or 'none' for one loss per row.
        normalizer: What the mean divides by instead of the sum of weights: the count over all micro-batches or workers.
        mask: Booleans that broadcast to the shape of `logits`; a class takes part where True. Logits under False are
            not read, whatever they hold, and their gradient is 0.

    Returns:
        The loss in the dtype of `logits`: one number, or for 'none' one per row. Over no rows (or none that takes part)
        the mean is 0, with a `NoRowsWarning`. A target of probability 0, or masked, is an infinite loss, and so is a
        row without a class that takes part; a row with NaN or +inf is NaN.

    Raises:
        TypeError: Dtypes, or a mixture of frameworks, that have no meaning here.
        ValueError: An index out of range, shapes that do not fit, options out of range, a single class, a mask that
            does not broadcast to the shape of `logits`.

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
        >>> mask = np.array([[True, True, True], [True, True, False], [False, True, True]])
        >>> lw.cross_entropy(logits, np.array([2, 0, 1]), mask=mask).round(4)
        np.float64(0.2503)
    """
    if _positional or _others:
        raise refusal(cross_entropy, _positional, _others)
    return loss_of(
        CrossEntropyCall(
            logits,
            target,
            axis,
            class_weight,
            sample_weight,
            ignore_index,
            label_smoothing,
            z_loss,
            reduction,
            normalizer,
            mask,
        )
    )


@overload
def cross_entropy_and_gradient(
    logits: TensorLike[T],
    target: AnyTensor,
    *,
    out: AnyTensor | None = None,
    reduction: Reduction = "mean",
    **options: Unpack[Options[AnyTensor]],
) -> tuple[T, T]: ...
@overload
def cross_entropy_and_gradient(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    out: Arrays | None = None,
    reduction: ToNumber = "mean",
    **options: Unpack[Options[ArrayLike]],
) -> tuple[np.floating[Any], Arrays]: ...
@overload
def cross_entropy_and_gradient(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    out: Arrays | None = None,
    reduction: Literal["none"],
    **options: Unpack[Options[ArrayLike]],
) -> tuple[Arrays, Arrays]: ...
def cross_entropy_and_gradient(
    logits: Any, target: Any, *, axis: SupportsIndex = -1, out: Any = None, **options: Any
) -> tuple[Any, Any]:
    """Return the cross-entropy and its gradient with respect to the logits, without autograd.

    The gradient of a row, in the symbols of `cross_entropy` with p = softmax(z) and V = sum_j v_j, is

        s (V p_j - v_j + 2 c r lse p_j)   divided by the normaliser where the loss is

    and at the target it is minus the sum of the others, never `p - 1`: a row's gradient sums to zero within rounding.
    At masked classes it is 0, even where the target is one of them.

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
    try:
        call = CrossEntropyCall(logits, target, axis, **options)
    except TypeError:
        raise unknown_option("cross_entropy_and_gradient", options, CrossEntropyCall._fields) from None
    return loss_and_gradient_of(call, out)
