"""Focal losses of logits, for several classes and for two, as values and as values with their gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex, overload

from logitwise.functional._arguments.options import refusal, unknown_option
from logitwise.functional._problems.focal_loss import BinaryFocalCall, FocalCall
from logitwise.functional._routes import loss_and_gradient_of, loss_of
from logitwise.functional._types import Missing, Reduction

if TYPE_CHECKING:
    from typing import Literal, Unpack

    import numpy as np
    from numpy.typing import ArrayLike

    from logitwise.functional._types import AnyTensor, Arrays, BinaryFocalOptions, FocalOptions, T, TensorLike, ToNumber


@overload
def focal_loss(
    logits: TensorLike[T],
    target: AnyTensor,
    *,
    reduction: Reduction = "mean",
    **options: Unpack[FocalOptions[AnyTensor]],
) -> T: ...
@overload
def focal_loss(
    logits: ArrayLike, target: ArrayLike, *, reduction: ToNumber = "mean", **options: Unpack[FocalOptions[ArrayLike]]
) -> np.floating[Any]: ...
@overload
def focal_loss(
    logits: ArrayLike, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[FocalOptions[ArrayLike]]
) -> Arrays: ...
def focal_loss(
    logits: Any,
    target: Any,
    *_positional: Any,
    gamma: SupportsFloat = 2.0,
    axis: SupportsIndex = -1,
    class_weight: Any = None,
    sample_weight: Any = None,
    ignore_index: SupportsIndex = -100,
    label_smoothing: SupportsFloat = 0.0,
    reduction: Reduction = "mean",
    normalizer: SupportsFloat | None = None,
    **_others: Any,
) -> Any:
    """Return the focal loss between the softmax of logits and a target, in nats.

    A cross-entropy in which a class that is likely already counts less: for one row of K classes with logits z,
    p = softmax(z), and v_j, s and r as in `cross_entropy`,

        loss = s sum_j v_j (1 - p_j)^g (-log p_j)            0 x inf = 0

    and the mean is `sum of losses / sum of s r`, as there: the factors (1 - p_j)^g are no part of the normaliser.

    Args:
        logits: As in `cross_entropy`.
        target: As in `cross_entropy`.
        gamma: g, zero or more. 0 gives `cross_entropy`, to the last bit.
        axis: The axis of the classes.
        class_weight: As in `cross_entropy`; the literature calls it alpha.
        sample_weight: As in `cross_entropy`.
        ignore_index: As in `cross_entropy`.
        label_smoothing: As in `cross_entropy`: every v_j that is not 0 has a term, with a factor of its own.
        reduction: 'mean', 'sum', or 'none' for one loss per row.
        normalizer: What the mean divides by instead of the sum of weights.

    Returns:
        The loss in the dtype of `logits`: one number, or for 'none' one per row. No rows, a target of probability 0,
        and rows with NaN, +inf, or -inf alone, give what they give in `cross_entropy`.

    Raises:
        TypeError: As in `cross_entropy`.
        ValueError: As in `cross_entropy`; a negative gamma.

    Accuracy:
        Every row within 4 ulp of the output dtype; float64: within 8 ulp for a gamma of 2 or less, and
        8 (1 + gamma) / 3 above, since a power multiplies the relative error of 1 - p. That is the sum of the other
        probabilities, so that a confident row is exact: the float32 row [20, 0, 0] with target 0 gives 7.005209e-26.

    Cost:
        One pass over the logits. For the gradient in the same pass: `focal_loss_and_gradient`.

    Source:
        Lin, Goyal, Girshick, He and Dollar, "Focal loss for dense object detection", ICCV 2017.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> logits = np.array([[0.1, 1.0, 2.1], [2.0, 1.0, 0.1], [0.1, 3.0, 0.1]])
        >>> lw.focal_loss(logits, np.array([2, 0, 1])).round(4)
        np.float64(0.0295)
    """
    if _positional or _others:
        raise refusal(focal_loss, _positional, _others)
    options = (class_weight, sample_weight, ignore_index, label_smoothing, reduction, normalizer)
    return loss_of(FocalCall(logits, target, axis, gamma, *options))


@overload
def focal_loss_and_gradient(
    logits: TensorLike[T],
    target: AnyTensor,
    *,
    out: AnyTensor | None = None,
    reduction: Reduction = "mean",
    **options: Unpack[FocalOptions[AnyTensor]],
) -> tuple[T, T]: ...
@overload
def focal_loss_and_gradient(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    out: Arrays | None = None,
    reduction: ToNumber = "mean",
    **options: Unpack[FocalOptions[ArrayLike]],
) -> tuple[np.floating[Any], Arrays]: ...
@overload
def focal_loss_and_gradient(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    out: Arrays | None = None,
    reduction: Literal["none"],
    **options: Unpack[FocalOptions[ArrayLike]],
) -> tuple[Arrays, Arrays]: ...
def focal_loss_and_gradient(
    logits: Any, target: Any, *, axis: SupportsIndex = -1, out: Any = None, **options: Any
) -> tuple[Any, Any]:
    """Return the focal loss and its gradient with respect to the logits, without autograd.

    The gradient of a row, in the symbols of `focal_loss`, is that of a cross-entropy with other coefficients:

        w_j = v_j (1 - p_j)^g (1 - g p_j log(p_j) / (1 - p_j))
        s (W p_j - w_j)   divided by the normaliser where the loss is        W = sum_j w_j

    and at a class index it is minus the sum of the others: a row's gradient sums to zero within rounding.

    Args:
        logits: As in `focal_loss`.
        target: As in `focal_loss`.
        axis: The axis of the classes.
        out: Where to write the gradient, of the shape and dtype of `logits`; `out=logits` overwrites them.
        **options: The options of `focal_loss`.

    Returns:
        `(loss, gradient)`: the loss as `focal_loss` returns it, and the gradient of that loss (for reduction='none': of
        the sum of the losses), of the shape and dtype of `logits`. Tensors come back detached.

    Raises:
        TypeError: As in `focal_loss`; an option that does not exist.
        ValueError: As in `focal_loss`; an `out` of the wrong shape.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> logits = np.array([[20.0, 0.0, 0.0]], dtype=np.float32)
        >>> lw.focal_loss_and_gradient(logits, np.array([0]))
        (np.float32(7.005209e-26), array([[-2.1015627e-25,  1.0507813e-25,  1.0507813e-25]], dtype=float32))
    """
    try:
        call = FocalCall(logits, target, axis, **options)
    except TypeError:
        raise unknown_option("focal_loss_and_gradient", options, FocalCall._fields) from None
    return loss_and_gradient_of(call, out)


@overload
def binary_focal_loss_with_logits(
    logits: TensorLike[T],
    target: AnyTensor,
    *,
    reduction: Reduction = "mean",
    **options: Unpack[BinaryFocalOptions[AnyTensor]],
) -> T: ...
@overload
def binary_focal_loss_with_logits(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    reduction: ToNumber = "mean",
    **options: Unpack[BinaryFocalOptions[ArrayLike]],
) -> np.floating[Any]: ...
@overload
def binary_focal_loss_with_logits(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[BinaryFocalOptions[ArrayLike]],
) -> Arrays: ...
def binary_focal_loss_with_logits(
    logits: Any,
    target: Any,
    *_positional: Any,
    gamma: SupportsFloat = 2.0,
    sample_weight: Any = None,
    pos_weight: Any = None,
    reduction: Reduction = "mean",
    normalizer: SupportsFloat | None = None,
    ignore_index: SupportsIndex | None = None,
    missing: Missing = "error",
    **_others: Any,
) -> Any:
    """Return the binary focal loss between the sigmoid of logits and a target, in nats.

    For one element with logit z and target y, p = sigmoid(z), and softplus(z) = log(1 + exp(z)):

        loss = s (w y (1 - p)^g softplus(-z) + (1 - y) p^g softplus(z))        0 x inf = 0

    with the sample weight s and the weight w of the positive class; the mean is `sum of losses / sum of s`.

    `torchvision.ops.sigmoid_focal_loss` multiplies positives by alpha and negatives by 1 - alpha. That is
    `pos_weight = alpha / (1 - alpha)` here, and 1 - alpha times our loss: its defaults, alpha 0.25 and gamma 2, are
    three quarters of our loss with `pos_weight = 1 / 3`. Its mean divides by the number of elements, as ours does
    without sample weights. The loss of the paper, a sum over the number of positives, is
    `normalizer=target.sum()`. For soft targets torchvision takes one power, of `1 - p y - (1 - p) (1 - y)`.

    Args:
        logits: As in `binary_cross_entropy_with_logits`.
        target: As in `binary_cross_entropy_with_logits`.
        gamma: g, zero or more. 0 gives `binary_cross_entropy_with_logits`, to the last bit.
        sample_weight: As in `binary_cross_entropy_with_logits`.
        pos_weight: w, as in `binary_cross_entropy_with_logits`.
        reduction: 'mean', 'sum', or 'none' for one loss per element.
        normalizer: What the mean divides by instead of the sum of weights.
        ignore_index: As in `binary_cross_entropy_with_logits`.
        missing: As in `binary_cross_entropy_with_logits`.

    Returns:
        The loss in the dtype of `logits`: one number, or for 'none' one per element. Over no elements (or none of
        weight above 0) the mean is 0, with a `NoRowsWarning`.

    Raises:
        TypeError: As in `binary_cross_entropy_with_logits`.
        ValueError: As in `binary_cross_entropy_with_logits`; a negative gamma.

    Accuracy:
        Every element within 4 ulp of the output dtype, in both tails; float64: within 8 ulp for a gamma of 2 or less,
        and 8 (1 + gamma) / 3 above.

    Source:
        Lin, Goyal, Girshick, He and Dollar, "Focal loss for dense object detection", ICCV 2017.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> lw.binary_focal_loss_with_logits(np.array([50.0, -1.0]), np.array([1, 0]), reduction="none")
        array([7.17509597e-66, 2.26580575e-02])
    """
    if _positional or _others:
        raise refusal(binary_focal_loss_with_logits, _positional, _others)
    options = (sample_weight, pos_weight, reduction, normalizer, ignore_index, missing)
    return loss_of(BinaryFocalCall(logits, target, gamma, *options))


@overload
def binary_focal_loss_with_logits_and_gradient(
    logits: TensorLike[T],
    target: AnyTensor,
    *,
    out: AnyTensor | None = None,
    reduction: Reduction = "mean",
    **options: Unpack[BinaryFocalOptions[AnyTensor]],
) -> tuple[T, T]: ...
@overload
def binary_focal_loss_with_logits_and_gradient(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    out: Arrays | None = None,
    reduction: ToNumber = "mean",
    **options: Unpack[BinaryFocalOptions[ArrayLike]],
) -> tuple[np.floating[Any], Arrays]: ...
@overload
def binary_focal_loss_with_logits_and_gradient(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    out: Arrays | None = None,
    reduction: Literal["none"],
    **options: Unpack[BinaryFocalOptions[ArrayLike]],
) -> tuple[Arrays, Arrays]: ...
def binary_focal_loss_with_logits_and_gradient(
    logits: Any, target: Any, *, out: Any = None, **options: Any
) -> tuple[Any, Any]:
    """Return the binary focal loss and its gradient with respect to the logits, without autograd.

    The gradient of an element, in the symbols of `binary_focal_loss_with_logits` and with u = 1 - p, is

        s ((1 - y) p^g (p + g u softplus(z)) - w y u^g (u + g p softplus(-z)))   divided by the normaliser where the
                                                                                loss is

    Args:
        logits: As in `binary_focal_loss_with_logits`.
        target: As in `binary_focal_loss_with_logits`.
        out: Where to write the gradient, of the shape and dtype of `logits`; `out=logits` overwrites them.
        **options: The options of `binary_focal_loss_with_logits`.

    Returns:
        `(loss, gradient)`: the loss as `binary_focal_loss_with_logits` returns it, and the gradient of that loss (for
        reduction='none': of the sum of the losses). Tensors come back detached.

    Raises:
        TypeError: As in `binary_focal_loss_with_logits`; an option that does not exist.
        ValueError: As in `binary_focal_loss_with_logits`; an `out` of the wrong shape.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> loss, gradient = lw.binary_focal_loss_with_logits_and_gradient(np.array([50.0]), np.array([1]))
        >>> loss, gradient
        (np.float64(7.175095973164411e-66), array([-2.15252879e-65]))
    """
    try:
        call = BinaryFocalCall(logits, target, **options)
    except TypeError:
        raise unknown_option("binary_focal_loss_with_logits_and_gradient", options, BinaryFocalCall._fields) from None
    return loss_and_gradient_of(call, out)
