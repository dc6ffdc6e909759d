"""Torch modules: drop-in replacements for those of `torch.nn`, and the network of the tutorial.

The losses and activations subclass torch's own. So their arguments, defaults, buffers, `repr` and `isinstance` are
torch's, and only their results are computed by this library.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from itertools import pairwise
from operator import index
from typing import Literal, SupportsIndex

import torch
from torch import Tensor

from logitwise import functional
from logitwise._errors import InvalidArgumentError, InvalidTypeError, InvalidValueError
from logitwise.functional._problems.binary_cross_entropy import checked_probabilities
from logitwise.functional._types import Reduction


class InputError(InvalidValueError, IndexError, RuntimeError):
    """A value or shape that a module refuses: a ValueError, and whatever torch may raise for it."""


class InputTypeError(InvalidTypeError, NotImplementedError):
    """A type or dtype that a module refuses: a TypeError, and a NotImplementedError (a RuntimeError) as in torch."""


def _drop_in(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return `forward` of one tensor with errors that are caught wherever torch's own would be caught."""

    @wraps(forward)
    def checked(self: torch.nn.Module, input: Tensor) -> Tensor:
        if not isinstance(input, Tensor):
            raise _not_a_tensor("input", input)
        try:
            return forward(self, input)
        except (ValueError, TypeError) as error:
            raise _as_in_torch(error) from None

    return checked


def _drop_in_loss(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return `forward` of a loss, of two tensors, with errors that are caught wherever torch's own would be caught."""

    @wraps(forward)
    def checked(self: torch.nn.Module, input: Tensor, target: Tensor) -> Tensor:
        if not isinstance(input, Tensor):
            raise _not_a_tensor("input", input)
        if not isinstance(target, Tensor):
            raise _not_a_tensor("target", target)
        try:
            return forward(self, input, target)
        except (ValueError, TypeError) as error:
            raise _as_in_torch(error) from None

    return checked


def _not_a_tensor(name: str, value: object) -> InputTypeError:
    return InputTypeError(name, "be a torch tensor", type(value).__name__, advice="Use torch.as_tensor.")


def _as_in_torch(error: Exception) -> Exception:
    error_type = InputError if isinstance(error, ValueError) else InputTypeError
    if isinstance(error, InvalidArgumentError):
        return error.as_type(error_type)
    return error_type(str(error))  # torch's own: a sentence, without fields


class Softmax(torch.nn.Softmax):
    """`torch.nn.Softmax`, computed by `logitwise.softmax`: within 4 ulp; 0, not NaN, for a row of -inf alone."""

    @_drop_in
    def forward(self, input: Tensor) -> Tensor:
        """Return the probabilities of the classes on `dim`."""
        return _on_classes(functional.softmax, input, self.dim)


class LogSoftmax(torch.nn.LogSoftmax):
    """`torch.nn.LogSoftmax`, computed by `logitwise.log_softmax`: exact near probability 1; -inf for a row of -inf."""

    @_drop_in
    def forward(self, input: Tensor) -> Tensor:
        """Return the log-probabilities of the classes on `dim`."""
        return _on_classes(functional.log_softmax, input, self.dim)


def _on_classes(function: Callable[..., Tensor], logits: Tensor, dim: int | None) -> Tensor:
    """Return `function` along `dim`; a single number is a row of one class, as in torch."""
    axis = _axis(dim, logits)
    return function(logits, axis) if logits.ndim else function(logits.unsqueeze(0), axis).squeeze(0)


def _axis(dim: int | None, logits: Tensor) -> int:
    """Return the class axis; without `dim`, the one that torch picks, with a warning as in torch."""
    if dim is not None:
        return dim
    warnings.warn(
        "dim must be named; got None, and its implicit choice is deprecated. Pass dim=.", UserWarning, stacklevel=7
    )
    return 0 if logits.ndim in (0, 1, 3) else 1


class CrossEntropyLoss(torch.nn.CrossEntropyLoss):
    """`torch.nn.CrossEntropyLoss`, computed by `logitwise.cross_entropy`: same arguments, shapes and results.

    The results differ where torch is wrong. A confident row has the loss `log1p(sum of the other exponentials)` and a
    gradient of that size, where torch gives exactly 0 in float32. Ignored rows may hold NaN or infinities. If every row
    is ignored, the mean is 0, with a warning, instead of NaN. Class indices may have any integer dtype.

    As in torch, the mean over soft targets divides by the number of rows even if there are class weights
    (`logitwise.cross_entropy` divides by the sum of the weights).

    Example:
        >>> import torch, logitwise as lw
        >>> loss = lw.nn.CrossEntropyLoss()
        >>> loss(torch.tensor([[20.0, 0.0, 0.0]]), torch.tensor([0]))
        tensor(4.1223e-09)
    """

    reduction: Reduction

    @_drop_in_loss
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of logits (N, C, d1, ...), with classes on axis 1, or of a single row (C,)."""
        axis = 1 if input.ndim > 1 else 0
        rows = None
        if target.dtype.is_floating_point and self.reduction == "mean" and input.ndim:
            rows = input.numel() // max(input.shape[axis], 1) or None
        return functional.cross_entropy(
            input,
            target,
            axis=axis,
            class_weight=self.weight,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            reduction=self.reduction,
            normalizer=rows,
        )


class BCEWithLogitsLoss(torch.nn.BCEWithLogitsLoss):
    """`torch.nn.BCEWithLogitsLoss`, computed by `binary_cross_entropy_with_logits`: same arguments and results.

    Both tails are exact, targets may be integers or booleans, and a target outside [0, 1] is an error. As in torch,
    the mean divides by the number of elements even if there are weights.

    Two more arguments, `ignore_index` and `missing`, say how missing labels are marked, as in the function; the mean
    then divides by the number of labels that are not missing.

    Example:
        >>> import torch, logitwise as lw
        >>> lw.nn.BCEWithLogitsLoss()(torch.tensor([50.0]), torch.tensor([1.0]))
        tensor(1.9287e-22)
    """

    reduction: Reduction
    ignore_index: int | None = None
    missing: Literal["error", "ignore"] = "error"

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
        *,
        ignore_index: int | None = None,
        missing: Literal["error", "ignore"] = "error",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction, pos_weight)
        self.ignore_index, self.missing = ignore_index, missing

    @_drop_in_loss
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of logits of any shape and targets of the same shape."""
        return functional.binary_cross_entropy_with_logits(
            input,
            target,
            sample_weight=self.weight,
            pos_weight=self.pos_weight,
            reduction=self.reduction,
            normalizer=self._labels(input, target) if self.reduction == "mean" and input.numel() else None,
            ignore_index=self.ignore_index,
            missing=self.missing,
        )

    def _labels(self, input: Tensor, target: Tensor) -> int | Tensor | None:
        """Return the number of labels; None where a mean over those that are not missing has none to divide by."""
        if self.ignore_index is None and self.missing == "error":
            return input.numel()
        if self.weight is None:
            return None  # the function counts them
        is_missing = torch.zeros_like(target, dtype=torch.bool)
        if self.ignore_index is not None:
            is_missing = (target if target.is_floating_point() else target.long()) == self.ignore_index
        if self.missing == "ignore":
            is_missing = is_missing | target.isnan()
        return (~is_missing).sum().clamp(min=1)


class BCELoss(torch.nn.BCELoss):
    """`torch.nn.BCELoss`, for probabilities: torch's arithmetic, but inputs and targets outside [0, 1] are errors.

    Where you have logits, use `BCEWithLogitsLoss`: a probability near 0 or 1 is rounded, and has lost the tail of its
    logit. As in torch, the logarithm is bounded below by -100.

    Example:
        >>> import torch, logitwise as lw
        >>> lw.nn.BCELoss()(torch.tensor([0.5]), torch.tensor([1.0]))
        tensor(0.6931)
    """

    @_drop_in_loss
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of probabilities of any shape and targets of the same shape."""
        return super().forward(*checked_probabilities(input, target, self.weight))


class FeedForward(torch.nn.Module):
    """A fully connected network with ReLU between its layers, which returns logits: no sigmoid or softmax at the end.

    For a binary problem, use one output and `BCEWithLogitsLoss`; for a multiclass problem, one output per class and
    `CrossEntropyLoss`. `probabilities` applies the sigmoid or softmax that the losses include.

    Args:
        n_features: The number of inputs of a row; rows with several axes, such as images, are flattened.
        hidden: The sizes of the hidden layers, first layer first; an int for one layer, `()` for none (a linear model).
        n_outputs: 1 for a binary problem, else the number of classes.

    Example:
        >>> import torch, logitwise as lw
        >>> network = lw.nn.FeedForward(28 * 28, (5,), 3)
        >>> network(torch.zeros(2, 28, 28)).shape
        torch.Size([2, 3])
    """

    def __init__(self, n_features: int, hidden: int | Sequence[int], n_outputs: int) -> None:
        super().__init__()
        layer_sizes = hidden if isinstance(hidden, Sequence) else [hidden]
        widths = [_width(n_features, "n_features"), *(_width(size, "hidden") for size in layer_sizes)]
        widths.append(_width(n_outputs, "n_outputs"))
        layers: list[torch.nn.Module] = []
        for n_in, n_out in pairwise(widths):
            layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
        self.layers = torch.nn.Sequential(*layers[:-1])

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits of shape (rows, n_outputs)."""
        return self.layers(inputs.flatten(1))

    @torch.no_grad()
    def probabilities(self, inputs: Tensor) -> Tensor:
        """Return the probability of class 1, (rows, 1), for one output; else that of each class, (rows, n_outputs)."""
        logits = self(inputs)
        return functional.sigmoid(logits) if logits.shape[1] == 1 else functional.softmax(logits, 1)


def _width(value: SupportsIndex, name: str) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise InvalidTypeError(name, "be a whole number of units", repr(value))
    width = index(value)
    if width < 1:
        raise InvalidValueError(name, "be 1 or more", width)
    return width
