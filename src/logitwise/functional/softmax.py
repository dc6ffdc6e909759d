"""Softmax, its logarithm, and the logarithm of its denominator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex, overload

from logitwise.functional._problems.options import refusal
from logitwise.functional._problems.softmax import SoftmaxCall
from logitwise.functional._routes import result_of

if TYPE_CHECKING:
    from typing import Unpack

    from numpy.typing import ArrayLike, NDArray

    from logitwise.functional._types import AnyTensor, Arrays, F, T, TensorLike
    from logitwise.functional._types import SoftmaxOptions as Options


@overload
def softmax(logits: TensorLike[T], axis: SupportsIndex = -1, **options: Unpack[Options[AnyTensor, AnyTensor]]) -> T: ...
@overload
def softmax(
    logits: NDArray[F], axis: SupportsIndex = -1, **options: Unpack[Options[ArrayLike, NDArray[F]]]
) -> NDArray[F]: ...
@overload
def softmax(logits: ArrayLike, axis: SupportsIndex = -1, **options: Unpack[Options[ArrayLike, Arrays]]) -> Arrays: ...
def softmax(
    logits: Any,
    axis: SupportsIndex = -1,
    *_positional: Any,
    temperature: SupportsFloat = 1.0,
    mask: Any = None,
    out: Any = None,
    **_others: Any,
) -> Any:
    """Return the probabilities of the classes.

        softmax(z)_j = exp(z_j / T) / sum_i exp(z_i / T)

    Args:
        logits: Scores of any shape, classes on `axis`; float16, bfloat16 (torch), float32 or float64. Lists and
            integer arrays are read as float64. -inf is a class of probability 0. A single number is a row of one class.
        axis: The axis of the classes.
        temperature: T, positive: above 1 flattens the probabilities, below 1 sharpens them.
        mask: Booleans that broadcast to the shape of `logits`; a class takes part where True. Logits under False are
            not read into the result, whatever they hold.
        out: Where to write the result, of its shape and dtype; `out=logits` overwrites them.

    Returns:
        Probabilities, of the shape and dtype of `logits`. A row whose classes are all masked (or all -inf) is all
        zeros; a row with NaN or +inf is all NaN. Without classes, the result is empty too.

    Raises:
        TypeError: A dtype or a kind of array that has no meaning here.
        ValueError: An axis out of range, a temperature that is not positive, a mask or `out` of the wrong
            shape.

    Accuracy:
        Within 4 ulp of the output dtype for 16-bit and 32-bit input, 8 ulp for float64, whatever the spread of the
        logits; a common offset of all logits of a row changes nothing beyond the rounding of the input.

    Source:
        Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions, IMA J. Numer. Anal.
        41 (2021).

    Example:
        >>> import numpy as np, logitwise as lw
        >>> lw.softmax(np.array([2.0, 1.0, 0.1])).round(4)
        array([0.659 , 0.2424, 0.0986])
        >>> lw.softmax([2.0, 1.0, 0.1], mask=[True, True, False]).round(4)
        array([0.7311, 0.2689, 0.    ])
    """
    if _positional or _others:
        raise refusal(softmax, _positional, _others)
    return result_of(SoftmaxCall("softmax", softmax, logits, axis, temperature, mask), out)


@overload
def log_softmax(
    logits: TensorLike[T], axis: SupportsIndex = -1, **options: Unpack[Options[AnyTensor, AnyTensor]]
) -> T: ...
@overload
def log_softmax(
    logits: NDArray[F], axis: SupportsIndex = -1, **options: Unpack[Options[ArrayLike, NDArray[F]]]
) -> NDArray[F]: ...
@overload
def log_softmax(
    logits: ArrayLike, axis: SupportsIndex = -1, **options: Unpack[Options[ArrayLike, Arrays]]
) -> Arrays: ...
def log_softmax(
    logits: Any,
    axis: SupportsIndex = -1,
    *_positional: Any,
    temperature: SupportsFloat = 1.0,
    mask: Any = None,
    out: Any = None,
    **_others: Any,
) -> Any:
    """Return the logarithms of the probabilities of the classes, in nats.

        log_softmax(z)_j = z_j / T - log(sum_i exp(z_i / T))

    Near probability one the result is `-log1p(sum of the other exponentials)`, exact to the last digits, where taking
    the logarithm of a rounded probability would give 0.

    Args:
        logits: As in `softmax`.
        axis: As in `softmax`.
        temperature: As in `softmax`.
        mask: As in `softmax`; the log-probability of a masked class is -inf.
        out: As in `softmax`.

    Returns:
        Log-probabilities, of the shape and dtype of `logits`. A row whose classes are all masked (or all -inf) is all
        -inf; a row with NaN or +inf is all NaN. Without classes, the result is empty too.

    Raises:
        TypeError: As in `softmax`.
        ValueError: As in `softmax`.

    Accuracy:
        As in `softmax`.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> lw.log_softmax(np.array([20.0, 0.0, 0.0], dtype=np.float32))[0]
        np.float32(-4.1223074e-09)
    """
    if _positional or _others:
        raise refusal(log_softmax, _positional, _others)
    return result_of(SoftmaxCall("log_softmax", log_softmax, logits, axis, temperature, mask), out)


@overload
def logsumexp(
    logits: TensorLike[T], axis: SupportsIndex = -1, *, keepdims: bool = False, mask: AnyTensor | None = None
) -> T: ...
@overload
def logsumexp(
    logits: NDArray[F], axis: SupportsIndex = -1, *, keepdims: bool = False, mask: ArrayLike | None = None
) -> NDArray[F]: ...
@overload
def logsumexp(
    logits: ArrayLike, axis: SupportsIndex = -1, *, keepdims: bool = False, mask: ArrayLike | None = None
) -> Arrays: ...
def logsumexp(
    logits: Any, axis: SupportsIndex = -1, *_positional: Any, keepdims: bool = False, mask: Any = None, **_others: Any
) -> Any:
    """Return the logarithm of the sum of the exponentials of the logits, in nats.

        logsumexp(z) = log(sum_j exp(z_j))

    Args:
        logits: As in `softmax`.
        axis: As in `softmax`.
        keepdims: Keep the class axis, with length 1.
        mask: As in `softmax`.

    Returns:
        One number per row, of the dtype of `logits`: -inf for a row whose classes are all masked (or all -inf) and for
        a row without classes, +inf for a row with +inf, NaN for a row with NaN.

    Raises:
        TypeError: As in `softmax`.
        ValueError: As in `softmax`.

    Accuracy:
        As in `softmax`; where the result cancels to near 0, within 4 ulp of the largest logit.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> lw.logsumexp(np.array([[1000.0, 1000.0], [-1000.0, -1000.0]]))
        array([1000.69314718, -999.30685282])
    """
    if _positional or _others:
        raise refusal(logsumexp, _positional, _others)
    return result_of(SoftmaxCall("logsumexp", softmax, logits, axis, 1.0, mask, bool(keepdims)))
