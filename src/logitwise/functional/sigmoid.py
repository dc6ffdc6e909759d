"""The probability of class 1 in a binary problem, and its logarithm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from logitwise.functional._arguments.options import refusal
from logitwise.functional._problems.sigmoid import SigmoidCall
from logitwise.functional._routes import result_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from logitwise.functional._types import AnyTensor, Arrays, F, T, TensorLike


@overload
def sigmoid(logits: TensorLike[T], *, out: AnyTensor | None = None) -> T: ...
@overload
def sigmoid(logits: NDArray[F], *, out: NDArray[F] | None = None) -> NDArray[F]: ...
@overload
def sigmoid(logits: ArrayLike, *, out: Arrays | None = None) -> Arrays: ...
def sigmoid(logits: Any, *_positional: Any, out: Any = None, **_others: Any) -> Any:
    """Return the probability of class 1.

        sigmoid(z) = 1 / (1 + exp(-z))

    Args:
        logits: Scores of any shape; float16, bfloat16 (torch), float32 or float64. Numbers and lists
            are the arrays that NumPy makes of them, and integers are read as float64.
        out: Where to write the result, of its shape and dtype; `out=logits` overwrites them.

    Returns:
        Probabilities, of the shape and dtype of `logits`; the probability of class 0 is `sigmoid(-logits)`, exact
        where `1 - p` is not.

    Raises:
        TypeError: A dtype or a kind of array that has no meaning here.
        ValueError: An `out` of the wrong shape.

    Accuracy:
        Within 4 ulp of the output dtype (float64: 8 ulp), subnormal results included.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> lw.sigmoid(np.array([-100.0, 0.0, 2.0]))
        array([3.72007598e-44, 5.00000000e-01, 8.80797078e-01])
    """
    if _positional or _others:
        raise refusal(sigmoid, _positional, _others)
    return result_of(SigmoidCall("sigmoid", sigmoid, logits), out)


@overload
def log_sigmoid(logits: TensorLike[T], *, out: AnyTensor | None = None) -> T: ...
@overload
def log_sigmoid(logits: NDArray[F], *, out: NDArray[F] | None = None) -> NDArray[F]: ...
@overload
def log_sigmoid(logits: ArrayLike, *, out: Arrays | None = None) -> Arrays: ...
def log_sigmoid(logits: Any, *_positional: Any, out: Any = None, **_others: Any) -> Any:
    """Return the logarithm of the probability of class 1, in nats.

        log_sigmoid(z) = -log1p(exp(-z))

    Args:
        logits: As in `sigmoid`.
        out: As in `sigmoid`.

    Returns:
        Log-probabilities, of the shape and dtype of `logits`.

    Raises:
        TypeError: As in `sigmoid`.
        ValueError: As in `sigmoid`.

    Accuracy:
        As in `sigmoid`.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> lw.log_sigmoid(np.array([-1000.0, 0.0, 50.0]))
        array([-1.00000000e+03, -6.93147181e-01, -1.92874985e-22])
    """
    if _positional or _others:
        raise refusal(log_sigmoid, _positional, _others)
    return result_of(SigmoidCall("log_sigmoid", sigmoid, logits), out)
