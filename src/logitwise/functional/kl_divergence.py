"""Kullback-Leibler divergence of logits from a target, as a value and as a value with its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex, overload

from logitwise.functional._arguments.options import refusal, unknown_option
from logitwise.functional._problems.kl_divergence import KLDivergenceCall
from logitwise.functional._routes import loss_and_gradient_of, loss_of
from logitwise.functional._types import Reduction

if TYPE_CHECKING:
    from typing import Literal, Unpack

    import numpy as np
    from numpy.typing import ArrayLike

    from logitwise.functional._types import AnyTensor, Arrays, T, TensorLike, ToNumber
    from logitwise.functional._types import KLDivergenceOptions as Options


@overload
def kl_divergence(
    logits: TensorLike[T],
    target_logits: AnyTensor | None = None,
    *,
    reduction: Reduction = "mean",
    **options: Unpack[Options[AnyTensor]],
) -> T: ...
@overload
def kl_divergence(
    logits: ArrayLike,
    target_logits: ArrayLike | None = None,
    *,
    reduction: ToNumber = "mean",
    **options: Unpack[Options[ArrayLike]],
) -> np.floating[Any]: ...
@overload
def kl_divergence(
    logits: ArrayLike,
    target_logits: ArrayLike | None = None,
    *,
    reduction: Literal["none"],
    **options: Unpack[Options[ArrayLike]],
) -> Arrays: ...
def kl_divergence(
    logits: Any,
    target_logits: Any = None,
    *_positional: Any,
    target_probabilities: Any = None,
    axis: SupportsIndex = -1,
    temperature: SupportsFloat = 1.0,
    mask: Any = None,
    sample_weight: Any = None,
    reduction: Reduction = "mean",
    normalizer: SupportsFloat | None = None,
    **_others: Any,
) -> Any:
    """Return the Kullback-Leibler divergence of the softmax of logits from a target distribution, in nats.

    With q = softmax(z / T), and p the target, softmax(t / T) of target logits t or the probabilities as they are given:

        loss = s sum_j p_j (log p_j - log q_j)                     sample weight s, 0 log 0 = 0
             = s sum_j p_j (exp(x_j) - 1 - x_j)                    x = log q - log p

    The second form has no negative terms, so the loss is exact where the distributions are nearly equal, and the first
    loses all digits. The mean is `sum of losses / sum of s`: over rows, not over entries as the default of
    `torch.nn.KLDivLoss`.

    For distillation the loss is often multiplied by T^2, so that its gradient does not shrink with T; that factor is
    not included.

    Args:
        logits: Scores of the model that learns, classes on `axis` (at least 2); dtypes as in `softmax`.
        target_logits: Scores of the other model, of the shape of `logits`; any floating dtype.
        target_probabilities: Instead of `target_logits`: a distribution over classes, of the shape of `logits`. The
            temperature does not apply to it.
        axis: The axis of the classes.
        temperature: T, positive: divides the logits of both sides.
        mask: Booleans that broadcast to the shape of `logits`: a class outside has probability 0 on both sides, and
            neither side is read there.
        sample_weight: One weight per row, with signs as in `cross_entropy`; a row of weight 0 is not read.
        reduction: 'mean', 'sum', or 'none' for one loss per row.
        normalizer: What the mean divides by instead of the sum of weights, as in `cross_entropy`.

    Returns:
        The loss in the dtype of `logits`: one number, or for 'none' one per row. Over no rows (or none with a weight)
        the mean is 0, with a `NoRowsWarning`. A class of logit -inf to which the target gives a probability is an
        infinite loss; a row to whose classes the target gives no probability at all (all masked, or all -inf) is not
        read, and its loss is 0; any other row with NaN or +inf is NaN. With tensors, `target_logits` or
        `target_probabilities` have derivatives too where they require gradients.

    Raises:
        TypeError: Dtypes, or a mixture of frameworks, that have no meaning here.
        ValueError: Both targets or neither, shapes that do not fit, probabilities below 0, options out of range, a
            single class.

    Accuracy:
        Every row within 4 ulp of the output dtype (float64: 8 ulp). For `target_probabilities` of 64 bits the sum of
        the terms is exact only to about 1e-16 times its square root, and probabilities that do not quite sum to 1 are
        taken as they are: V, their sum, adds V - 1.

    Cost:
        One pass over logits and target, in float64. For the gradient in the same pass: `kl_divergence_and_gradient`.
        Where the target requires gradients, plain torch operations.

    Source:
        Kullback and Leibler, On information and sufficiency, Ann. Math. Statist. 22 (1951); for distillation, Hinton,
        Vinyals and Dean, Distilling the knowledge in a neural network (2015).

    Example:
        >>> import numpy as np, logitwise as lw
        >>> logits, teacher = np.array([[2.0, 1.0, 0.1]]), np.array([[3.0, 1.0, 0.2]])
        >>> temperature = 4.0
        >>> (lw.kl_divergence(logits, teacher, temperature=temperature) * temperature**2).round(4)
        np.float64(0.1137)
        >>> lw.kl_divergence(logits, target_probabilities=np.array([[0.7, 0.2, 0.1]])).round(4)
        np.float64(0.0052)
    """
    if _positional or _others:
        raise refusal(kl_divergence, _positional, _others)
    options = (axis, temperature, mask, sample_weight, reduction, normalizer)
    return loss_of(KLDivergenceCall(logits, target_logits, target_probabilities, *options))


@overload
def kl_divergence_and_gradient(
    logits: TensorLike[T],
    target_logits: AnyTensor | None = None,
    *,
    out: AnyTensor | None = None,
    reduction: Reduction = "mean",
    **options: Unpack[Options[AnyTensor]],
) -> tuple[T, T]: ...
@overload
def kl_divergence_and_gradient(
    logits: ArrayLike,
    target_logits: ArrayLike | None = None,
    *,
    out: Arrays | None = None,
    reduction: ToNumber = "mean",
    **options: Unpack[Options[ArrayLike]],
) -> tuple[np.floating[Any], Arrays]: ...
@overload
def kl_divergence_and_gradient(
    logits: ArrayLike,
    target_logits: ArrayLike | None = None,
    *,
    out: Arrays | None = None,
    reduction: Literal["none"],
    **options: Unpack[Options[ArrayLike]],
) -> tuple[Arrays, Arrays]: ...
def kl_divergence_and_gradient(
    logits: Any, target_logits: Any = None, *, out: Any = None, **options: Any
) -> tuple[Any, Any]:
    """Return the Kullback-Leibler divergence and its gradient with respect to the logits, without autograd.

    The gradient of a row, in the symbols of `kl_divergence`, is

        s (q_j - p_j) / T = s p_j (exp(x_j) - 1) / T   divided by the normaliser where the loss is

    (with V, the sum of `target_probabilities`, `V q_j` for `q_j`), and its second form keeps the digits that the first
    loses where q is nearly p.

    Args:
        logits: As in `kl_divergence`.
        target_logits: As in `kl_divergence`.
        out: Where to write the gradient, of the shape and dtype of `logits`; `out=logits` overwrites them.
        **options: The options of `kl_divergence`.

    Returns:
        `(loss, gradient)`: the loss as `kl_divergence` returns it, and the gradient of that loss (for
        reduction='none': of the sum of the losses), of the shape and dtype of `logits`; 0 in a row that is not read,
        and in one whose logits are all -inf. Tensors come back detached.

    Raises:
        TypeError: As in `kl_divergence`; an option that does not exist.
        ValueError: As in `kl_divergence`; an `out` of the wrong shape.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> loss, gradient = lw.kl_divergence_and_gradient(np.array([[2.0, 0.0]]), np.array([[0.0, 0.0]]))
        >>> loss.round(4), gradient.round(4)
        (np.float64(0.4338), array([[ 0.3808, -0.3808]]))
    """
    try:
        call = KLDivergenceCall(logits, target_logits, **options)
    except TypeError:
        raise unknown_option("kl_divergence_and_gradient", options, KLDivergenceCall._fields) from None
    return loss_and_gradient_of(call, out)
