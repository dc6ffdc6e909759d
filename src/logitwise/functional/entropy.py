"""Entropy of the softmax of logits, as a value and as a value with its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex, overload

from logitwise.functional._arguments.options import refusal
from logitwise.functional._problems.entropy import EntropyCall
from logitwise.functional._routes import loss_and_gradient_of, loss_of

if TYPE_CHECKING:
    from typing import Unpack

    from numpy.typing import ArrayLike, NDArray

    from logitwise.functional._types import AnyTensor, Arrays, F, T, TensorLike
    from logitwise.functional._types import EntropyOptions as Options


@overload
def entropy(logits: TensorLike[T], axis: SupportsIndex = -1, **options: Unpack[Options[AnyTensor]]) -> T: ...
@overload
def entropy(logits: NDArray[F], axis: SupportsIndex = -1, **options: Unpack[Options[ArrayLike]]) -> NDArray[F]: ...
@overload
def entropy(logits: ArrayLike, axis: SupportsIndex = -1, **options: Unpack[Options[ArrayLike]]) -> Arrays: ...
def entropy(
    logits: Any,
    axis: SupportsIndex = -1,
    *_positional: Any,
    temperature: SupportsFloat = 1.0,
    mask: Any = None,
    keepdims: bool = False,
    **_others: Any,
) -> Any:
    """Return the entropy of the softmax of logits, in nats.

    With p = softmax(z / T), m the largest logit, and rest the sum of the exponentials of `(z - m) / T` without one of
    the largest:

        entropy(z) = -sum_j p_j log p_j = log1p(rest) + sum_j p_j (m - z_j) / T          0 log 0 = 0

    No term is negative, so the entropy of a confident row is exact, however small.

    Args:
        logits: As in `softmax`.
        axis: The axis of the classes.
        temperature: T, as in `softmax`.
        mask: As in `softmax`: a class outside has probability 0.
        keepdims: Keep the class axis, with length 1.

    Returns:
        One number per row, of the dtype of `logits`, between 0 and the logarithm of the number of classes. It is 0 for
        a row whose classes are all masked (or all -inf) and for a row without classes, as all their probabilities are
        0; NaN for a row with NaN or +inf.

    Raises:
        TypeError: As in `softmax`.
        ValueError: As in `softmax`.

    Accuracy:
        Within 4 ulp of the output dtype (float64: 8 ulp).

    Cost:
        One pass over the logits. For the gradient in the same pass: `entropy_and_gradient`.

    Source:
        Cover and Thomas, Elements of Information Theory (2006), chapter 2.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> lw.entropy(np.array([[0.0, 0.0], [40.0, 0.0]]))
        array([6.93147181e-01, 1.74182524e-16])
    """
    if _positional or _others:
        raise refusal(entropy, _positional, _others)
    return loss_of(EntropyCall(logits, axis, temperature, mask, keepdims))


@overload
def entropy_and_gradient(
    logits: TensorLike[T],
    axis: SupportsIndex = -1,
    *,
    out: AnyTensor | None = None,
    **options: Unpack[Options[AnyTensor]],
) -> tuple[T, T]: ...
@overload
def entropy_and_gradient(
    logits: NDArray[F],
    axis: SupportsIndex = -1,
    *,
    out: NDArray[F] | None = None,
    **options: Unpack[Options[ArrayLike]],
) -> tuple[NDArray[F], NDArray[F]]: ...
@overload
def entropy_and_gradient(
    logits: ArrayLike, axis: SupportsIndex = -1, *, out: Arrays | None = None, **options: Unpack[Options[ArrayLike]]
) -> tuple[Arrays, Arrays]: ...
def entropy_and_gradient(
    logits: Any,
    axis: SupportsIndex = -1,
    *_positional: Any,
    temperature: SupportsFloat = 1.0,
    mask: Any = None,
    keepdims: bool = False,
    out: Any = None,
    **_others: Any,
) -> tuple[Any, Any]:
    """Return the entropy of each row, and the gradient of their sum with respect to the logits, without autograd.

    In the symbols of `entropy`, with D = sum_j p_j (m - z_j) / T:

        gradient_j = p_j ((m - z_j) / T - D) / T

    and at the largest logit it is `-p D / T`: a row's gradient sums to zero within rounding.

    Args:
        logits: As in `entropy`.
        axis: As in `entropy`.
        temperature: As in `entropy`.
        mask: As in `entropy`; the gradient of a masked class is 0.
        keepdims: As in `entropy`.
        out: Where to write the gradient, of the shape and dtype of `logits`; `out=logits` overwrites them.

    Returns:
        `(entropy, gradient)`: the entropies as `entropy` returns them, and the gradient of their sum, of the shape and
        dtype of `logits`; 0 in a row whose classes are all masked. Tensors come back detached.

    Raises:
        TypeError: As in `entropy`.
        ValueError: As in `entropy`; an `out` of the wrong shape.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> _, gradient = lw.entropy_and_gradient(np.array([2.0, 0.0]))
        >>> gradient.round(4)
        array([-0.21,  0.21])
    """
    if _positional or _others:
        raise refusal(entropy_and_gradient, _positional, _others)
    return loss_and_gradient_of(EntropyCall(logits, axis, temperature, mask, keepdims), out)
