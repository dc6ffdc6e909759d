"""Softmax, its logarithm, and the logarithm of its denominator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, SupportsFloat, overload

import numpy as np

from logitwise._arrays import is_tensor
from logitwise.functional._arguments.axes import is_one_axis
from logitwise.functional._arguments.options import refusal
from logitwise.functional._memory.results import deliver
from logitwise.functional._problems.softmax import SoftmaxCall
from logitwise.functional._problems.weighted_logsumexp import WeightedLogsumexpCall
from logitwise.functional._routes import result_of

if TYPE_CHECKING:
    from typing import Unpack

    from numpy.typing import ArrayLike, NDArray

    from logitwise.functional._types import AnyTensor, Arrays, Axes, F, T, TensorLike
    from logitwise.functional._types import SoftmaxOptions as Options


@overload
def softmax(logits: TensorLike[T], axis: Axes = -1, **options: Unpack[Options[AnyTensor, AnyTensor]]) -> T: ...
@overload
def softmax(logits: NDArray[F], axis: Axes = -1, **options: Unpack[Options[ArrayLike, NDArray[F]]]) -> NDArray[F]: ...
@overload
def softmax(logits: ArrayLike, axis: Axes = -1, **options: Unpack[Options[ArrayLike, Arrays]]) -> Arrays: ...
def softmax(
    logits: Any,
    axis: Axes = -1,
    *_positional: Any,
    temperature: SupportsFloat = 1.0,
    mask: Any = None,
    out: Any = None,
    **_others: Any,
) -> Any:
    """Return the probabilities of the classes.

        softmax(z)_j = exp(z_j / T) / sum_i exp(z_i / T)

    Args:
        logits: Scores of any shape, classes on `axis`; float16, bfloat16 (torch), float32 or float64. A list is
            the array that NumPy makes of it, and integers are read as float64. -inf is a class of probability 0. A
            single number is a row of one class.
        axis: The axis of the classes; several axes, as a tuple, or None for all: their entries are the classes of one
            row. An empty tuple makes every number a row of one class.
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
    call = SoftmaxCall("softmax", softmax, logits, axis, temperature, mask)
    return result_of(call, out) if type(axis) is int else _of_axes(call, out)


@overload
def log_softmax(logits: TensorLike[T], axis: Axes = -1, **options: Unpack[Options[AnyTensor, AnyTensor]]) -> T: ...
@overload
def log_softmax(
    logits: NDArray[F], axis: Axes = -1, **options: Unpack[Options[ArrayLike, NDArray[F]]]
) -> NDArray[F]: ...
@overload
def log_softmax(logits: ArrayLike, axis: Axes = -1, **options: Unpack[Options[ArrayLike, Arrays]]) -> Arrays: ...
def log_softmax(
    logits: Any,
    axis: Axes = -1,
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
    call = SoftmaxCall("log_softmax", log_softmax, logits, axis, temperature, mask)
    return result_of(call, out) if type(axis) is int else _of_axes(call, out)


@overload
def logsumexp(
    logits: TensorLike[T],
    axis: Axes = -1,
    *,
    b: AnyTensor | float | None = None,
    keepdims: bool = False,
    mask: AnyTensor | None = None,
    return_sign: Literal[False] = False,
) -> T: ...
@overload
def logsumexp(
    logits: TensorLike[T],
    axis: Axes = -1,
    *,
    b: AnyTensor | float | None = None,
    keepdims: bool = False,
    mask: AnyTensor | None = None,
    return_sign: Literal[True],
) -> tuple[T, T]: ...
@overload
def logsumexp(
    logits: NDArray[F],
    axis: Axes = -1,
    *,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    mask: ArrayLike | None = None,
    return_sign: Literal[False] = False,
) -> NDArray[F]: ...
@overload
def logsumexp(
    logits: NDArray[F],
    axis: Axes = -1,
    *,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    mask: ArrayLike | None = None,
    return_sign: Literal[True],
) -> tuple[NDArray[F], NDArray[F]]: ...
@overload
def logsumexp(
    logits: ArrayLike,
    axis: Axes = -1,
    *,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    mask: ArrayLike | None = None,
    return_sign: Literal[False] = False,
) -> Arrays: ...
@overload
def logsumexp(
    logits: ArrayLike,
    axis: Axes = -1,
    *,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    mask: ArrayLike | None = None,
    return_sign: Literal[True],
) -> tuple[Arrays, Arrays]: ...
def logsumexp(
    logits: Any,
    axis: Axes = -1,
    *_positional: Any,
    b: Any = None,
    keepdims: bool = False,
    mask: Any = None,
    return_sign: bool = False,
    **_others: Any,
) -> Any:
    """Return the logarithm of the sum of the exponentials of the logits, in nats.

        logsumexp(z) = log(sum_j b_j exp(z_j))          b_j = 1 where there is no b

    Args:
        logits: As in `softmax`.
        axis: As in `softmax`.
        b: Factors of the exponentials, finite and of either sign, of any float or integer dtype; `b` and `logits`
            broadcast together. A class with the factor 0 is left out, whatever its logit.
        keepdims: Keep the class axes, with length 1.
        mask: As in `softmax`; factors under False are not read either.
        return_sign: Return the logarithm of the absolute value of the sum, and its sign.

    Returns:
        One number per row, of the dtype of `logits`: -inf for a sum of 0, of which a row whose classes are all left out
        (or all -inf) and a row without classes are the common ones; +inf for a row with +inf; NaN for a row with NaN
        or with +inf of both signs, and for a negative sum unless `return_sign`. With `return_sign`, a tuple of two such
        arrays: the logarithms, and 1, -1, 0 (for -inf) or NaN. Derivatives of a sum of 0 are 0, and so is the
        derivative by a factor of 0.

    Raises:
        TypeError: As in `softmax`.
        ValueError: As in `softmax`; factors that are not finite, or do not broadcast.

    Accuracy:
        As in `softmax`; where the result cancels to near 0, within 4 ulp of the largest logit, and with `b` of the
        largest of the logits and the logarithms of the factors. If terms of both signs cancel, the absolute error of
        `sum / max_j |b_j exp(z_j)|` is a few ulp (of float64, in every dtype) of the sum of those terms in the same
        unit, and only of their differences where their logits differ by less than 1/2: `exp(a) - exp(b)` of nearly
        equal a and b loses no digit, and sums that cancel exactly at equal logits are 0.

    Cost:
        With `b`, some 20 passes of float64 arithmetic over the logits, in NumPy or torch; else one pass.

    Source:
        As in `softmax`; with `b`, Rump, Ogita and Oishi, Accurate floating-point summation, SIAM J. Sci. Comput. 31
        (2008).

    Example:
        >>> import numpy as np, logitwise as lw
        >>> lw.logsumexp(np.array([[1000.0, 1000.0], [-1000.0, -1000.0]]))
        array([1000.69314718, -999.30685282])
        >>> log_difference, sign = lw.logsumexp([1.0, 1.0 + 1e-12], b=[1, -1], return_sign=True)
        >>> log_difference.round(6), sign
        (np.float64(-26.630932), np.float64(-1.0))
    """
    if _positional or _others:
        raise refusal(logsumexp, _positional, _others)
    if b is not None:
        return result_of(WeightedLogsumexpCall(logits, axis, b, mask, keepdims, return_sign))
    call = SoftmaxCall("logsumexp", softmax, logits, axis, 1.0, mask, keepdims, return_sign)
    found = result_of(call) if type(axis) is int else _of_axes(call)
    return (found, _sign_of_sum(found)) if return_sign else found


def _of_axes(call: SoftmaxCall, out: Any = None) -> Any:
    """Return what a call of one axis, or of several as one, gives."""
    if is_one_axis(call.axis):
        return result_of(call, out)
    joined, axes = call.joined(out)
    found = result_of(joined)
    if call.operation != "logsumexp":
        return deliver(axes.parted(found), out)
    return deliver(found.reshape(axes.rows_kept), None) if call.keepdims else found


def _sign_of_sum(logarithm: Any) -> Any:
    """Return the sign of a sum of exponentials: 1, 0 for the logarithm -inf, NaN for NaN."""
    if is_tensor(logarithm):
        constant = logarithm.detach()
        return (constant > -np.inf).to(constant.dtype).masked_fill(constant.isnan(), np.nan)
    sign = np.where(np.isnan(logarithm), np.nan, np.greater(logarithm, -np.inf))
    return deliver(sign.astype(logarithm.dtype), None)
