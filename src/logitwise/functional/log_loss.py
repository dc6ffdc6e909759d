"""Cross-entropy when probabilities are all there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex, overload

from logitwise.functional._problems.cross_entropy import LogLossCall
from logitwise.functional._problems.options import refusal
from logitwise.functional._routes import result_of
from logitwise.functional._types import Reduction

if TYPE_CHECKING:
    from typing import Literal, Unpack

    import numpy as np
    from numpy.typing import ArrayLike

    from logitwise.functional._types import AnyTensor, Arrays, T, TensorLike, ToNumber
    from logitwise.functional._types import LogLossOptions as Options


@overload
def log_loss(
    probabilities: TensorLike[T],
    target: AnyTensor,
    *,
    reduction: Reduction = "mean",
    **options: Unpack[Options[AnyTensor]],
) -> T: ...
@overload
def log_loss(
    probabilities: ArrayLike, target: ArrayLike, *, reduction: ToNumber = "mean", **options: Unpack[Options[ArrayLike]]
) -> np.floating[Any]: ...
@overload
def log_loss(
    probabilities: ArrayLike, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[Options[ArrayLike]]
) -> Arrays: ...
def log_loss(
    probabilities: Any,
    target: Any,
    *_positional: Any,
    axis: SupportsIndex = -1,
    class_weight: Any = None,
    sample_weight: Any = None,
    ignore_index: SupportsIndex = -100,
    reduction: str = "mean",
    normalizer: SupportsFloat | None = None,
    **_others: Any,
) -> Any:
    """Return the cross-entropy of predicted probabilities, in nats.

        loss = -sum_j y_j log(p_j)          0 x log 0 = 0

    Where the logits are at hand use `cross_entropy`: a rounded probability has lost what its tail could say. Nothing
    is added to the probabilities to keep the logarithm finite, and they are not renormalised: probability 0 at the
    target is an infinite loss.

    Args:
        probabilities: Probabilities with classes on `axis`, in [0, 1]; dtypes as in `softmax`.
        target: As in `cross_entropy`.
        axis: The axis of the classes.
        class_weight: As in `cross_entropy`.
        sample_weight: As in `cross_entropy`.
        ignore_index: As in `cross_entropy`.
        reduction: As in `cross_entropy`.
        normalizer: As in `cross_entropy`.

    Returns:
        As `cross_entropy`.

    Raises:
        TypeError: As in `cross_entropy`.
        ValueError: As in `cross_entropy`; a probability outside [0, 1] or NaN in a row that takes part.

    Accuracy:
        Within 4 ulp of the output dtype (float64: 8 ulp) per row.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> one_hot = np.array([1.0, 0.0, 0.0])
        >>> lw.log_loss(np.array([0.7, 0.2, 0.1]), one_hot).round(4)
        np.float64(0.3567)
    """
    options = (class_weight, sample_weight, ignore_index, 0.0, 0.0, reduction, normalizer)
    if _positional or _others:
        raise refusal(log_loss, _positional, _others)
    return result_of(LogLossCall(probabilities, target, axis, *options))
