"""Cross-entropy when probabilities are all there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex, overload

from logitwise.functional._arguments.options import refusal
from logitwise.functional._problems.log_loss import LogLossCall
from logitwise.functional._routes import result_of
from logitwise.functional._types import Reduction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal, Unpack

    import numpy as np
    from numpy.typing import ArrayLike

    from logitwise.functional._types import AnyTensor, Arrays, T, TensorLike, ToNumber
    from logitwise.functional._types import LogLossOptions as Options


@overload
def log_loss(
    probabilities: TensorLike[T],
    target: AnyTensor | Sequence[str],
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
    reduction: Reduction = "mean",
    normalizer: SupportsFloat | None = None,
    labels: Any = None,
    **_others: Any,
) -> Any:
    """Return the cross-entropy of predicted probabilities, in nats.

        loss = -sum_j y_j log(p_j)                    0 x log 0 = 0
        loss = -y log(p) - (1 - y) log1p(-p)          of a single probability, that of class 1

    Where the logits are at hand use `cross_entropy`: a rounded probability has lost what its tail could say. Nothing
    is added to the probabilities to keep the logarithm finite, and they are not renormalised: probability 0 at the
    target is an infinite loss.

    Args:
        probabilities: Probabilities with classes on `axis`, in [0, 1]; dtypes as in `softmax`. In one dimension, with
            as many labels in `target`: those of class 1 of two.
        target: As in `cross_entropy`; labels 0 and 1, integers or booleans, shape `(n,)`, for `n` probabilities of
            class 1; with `labels`, the label of each row. A floating target is always a distribution over classes:
            in one dimension, over those of a single row.
        axis: The axis of the classes.
        class_weight: As in `cross_entropy`.
        sample_weight: As in `cross_entropy`.
        ignore_index: As in `cross_entropy`; with `labels`, what the target holds for the rows to leave out, which must
            be none of the labels.
        reduction: As in `cross_entropy`.
        normalizer: As in `cross_entropy`.
        labels: The label of each class, in the order of the columns: a sequence of texts, numbers or booleans, such as
            `classes_` of a classifier. The target then holds labels, which are compared as by `==`. Without it, texts
            in the target are an error: their sorted order may or may not be that of the columns.

    Returns:
        As `cross_entropy`.

    Raises:
        TypeError: As in `cross_entropy`; texts in the target without `labels`.
        ValueError: As in `cross_entropy`; a probability outside [0, 1] or NaN in a row that takes part; a label in such
            a row that is none of `labels`; labels that repeat, or are more or fewer than the classes.

    Accuracy:
        Within 4 ulp of the output dtype (float64: 8 ulp), per row and reduced. A probability outside [0, 1] by a
        rounding error (4 ulp of 1 in 16 bits, else 1e-5) counts as 0 or 1.

    Cost:
        One pass over the probabilities to check them, and the logarithms: of one number per row for class indices,
        of all for soft targets. Memory: a few numbers per row, and 2 MB blocks where rows are not contiguous or
        targets are soft; for soft targets of tensors whose derivative is asked for, several times the probabilities.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> one_hot = np.array([1.0, 0.0, 0.0])
        >>> lw.log_loss(np.array([0.7, 0.2, 0.1]), one_hot).round(4)
        np.float64(0.3567)
        >>> lw.log_loss([0.9, 0.1, 0.8], [1, 0, 1]).round(4)
        np.float64(0.1446)
        >>> animals = [[0.1, 0.7, 0.2], [0.2, 0.2, 0.6]]
        >>> lw.log_loss(animals, ["cat", "dog"], labels=["bird", "cat", "dog"]).round(4)
        np.float64(0.4338)
    """
    options = (class_weight, sample_weight, ignore_index, reduction, normalizer, labels)
    if _positional or _others:
        raise refusal(log_loss, _positional, _others)
    return result_of(LogLossCall(probabilities, target, axis, *options))
