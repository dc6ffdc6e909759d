"""The types at the door: what the functions take besides logits, for editors, type checkers, and `route_of`.

An overload for tensors comes before those for arrays. A tensor is known by what it offers, so that the types hold where
torch is not installed; what a function returns for it is what `detach` returns, a `torch.Tensor`. An array of which no
axis is left (the losses of a single row) is typed as an array; it is a NumPy number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    Protocol,
    SupportsFloat,
    SupportsIndex,
    TypeAlias,
    TypedDict,
    TypeVar,
)

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T", covariant=True)
F = TypeVar("F", bound=np.floating[Any])
W = TypeVar("W")
Out = TypeVar("Out")


class TensorLike(Protocol[T]):
    """A torch tensor, or a subclass such as `torch.nn.Parameter`."""

    @property
    def requires_grad(self) -> bool:
        """Whether autograd records what is computed from it."""
        ...

    def detach(self) -> T:
        """Return the tensor that results have the type of."""
        ...


AnyTensor: TypeAlias = TensorLike[Any]
Arrays: TypeAlias = "NDArray[np.floating[Any]]"
Reduction: TypeAlias = Literal["mean", "sum", "none"]
Missing: TypeAlias = Literal["error", "ignore"]
ToNumber: TypeAlias = Literal["mean", "sum"]
Axes: TypeAlias = SupportsIndex | Sequence[SupportsIndex] | None


class SoftmaxOptions(TypedDict, Generic[W, Out], total=False):
    """The options of `softmax` and `log_softmax`."""

    temperature: SupportsFloat
    mask: W | None
    out: Out | None


class EntropyOptions(TypedDict, Generic[W], total=False):
    """The options of `entropy`."""

    temperature: SupportsFloat
    mask: W | None
    keepdims: bool


class KLDivergenceOptions(TypedDict, Generic[W], total=False):
    """The options of `kl_divergence`, `reduction` aside."""

    target_probabilities: W | None
    axis: SupportsIndex
    temperature: SupportsFloat
    mask: W | None
    sample_weight: W | None
    normalizer: SupportsFloat | None


class LossOptions(TypedDict, Generic[W], total=False):
    """The options of all losses of classes, `reduction` aside, which decides what comes back."""

    axis: SupportsIndex
    class_weight: W | None
    sample_weight: W | None
    ignore_index: SupportsIndex
    normalizer: SupportsFloat | None


class LogLossOptions(LossOptions[W], Generic[W], total=False):
    """The options of `log_loss`, `reduction` aside."""

    labels: Iterable[Any] | None


class CrossEntropyOptions(LossOptions[W], Generic[W], total=False):
    """The options of `cross_entropy`, `reduction` aside."""

    label_smoothing: SupportsFloat
    z_loss: SupportsFloat
    mask: W | None


class FocalOptions(LogLossOptions[W], Generic[W], total=False):
    """The options of `focal_loss`, `reduction` aside."""

    gamma: SupportsFloat
    label_smoothing: SupportsFloat


class BinaryOptions(TypedDict, Generic[W], total=False):
    """The options of `binary_cross_entropy_with_logits`, `reduction` aside."""

    sample_weight: W | float | None
    pos_weight: W | float | None
    label_smoothing: SupportsFloat
    normalizer: SupportsFloat | None
    ignore_index: SupportsIndex | None
    missing: Missing


class BinaryFocalOptions(BinaryOptions[W], Generic[W], total=False):
    """The options of `binary_focal_loss_with_logits`, `reduction` aside."""

    gamma: SupportsFloat
