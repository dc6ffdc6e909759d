"""Torch modules: drop-in replacements for those of `torch.nn`, and the network of the tutorial.

The losses and activations subclass torch's own. So their arguments, defaults, buffers, `repr` and `isinstance` are
torch's, and only their results are computed by this library.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from itertools import pairwise
from operator import index
from typing import Any, Literal, SupportsIndex, cast

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy

from logitwise import functional
from logitwise._arrays import may_look
from logitwise._errors import InvalidArgumentError, InvalidTypeError, InvalidValueError
from logitwise.functional._problems.binary_cross_entropy import checked_probabilities, missing_labels
from logitwise.functional._suspicions import warn_of_no_rows
from logitwise.functional._torch.torch_operations.log_probabilities import (
    kl_divergence,
    mean_of_indices,
    negative_log_likelihood,
)
from logitwise.functional._types import Reduction


class InputError(InvalidValueError, IndexError, RuntimeError):
    """A value or shape that a module refuses: a ValueError, and whatever torch may raise for it."""


class InputTypeError(InvalidTypeError, NotImplementedError):
    """A type or dtype that a module refuses: a TypeError, and a NotImplementedError (a RuntimeError) as in torch."""


def _drop_in(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a function of tensors and options as the `forward` of a module calls it.

    Its errors are caught wherever torch's own would be caught. `torch.fx` records it as one call; `torch.jit.script`
    calls it as it is, by its types, and cannot compile it.
    """
    signature = inspect.signature(function, eval_str=True)  # TorchScript reads types, not their names
    is_loss = "target" in signature.parameters

    @torch.jit.ignore  # pyright: ignore[reportArgumentType]
    @wraps(function)
    def checked(input: Tensor, *others: Any) -> Tensor:
        if not isinstance(input, Tensor) or (is_loss and not isinstance(others[0], Tensor)):
            return _of_no_tensors(checked, input, *others)
        if input.is_nested:
            advice = "Convert with .to_padded_tensor(0); a loss leaves padding out by ignore_index or weight."
            raise InputTypeError("input", "be a dense tensor", "a nested tensor", advice=advice)
        try:
            return function(input, *others)
        except (ValueError, TypeError) as error:
            raise _as_in_torch(error) from None

    checked.__signature__ = signature  # pyright: ignore[reportAttributeAccessIssue]
    return checked


def _of_no_tensors(function: Callable[..., Tensor], input: Any, *others: Any) -> Tensor:
    """Return what stands for a result where an argument stands for a tensor, as in `torch.fx`; else raise."""
    tensors = (input, others[0]) if others else (input,)
    if torch.overrides.has_torch_function(tensors):
        return torch.overrides.handle_torch_function(function, tensors, input, *others)
    name, value = ("target", others[0]) if isinstance(input, Tensor) else ("input", input)
    raise InputTypeError(name, "be a torch tensor", type(value).__name__, advice="Use torch.as_tensor.")


def _as_in_torch(error: Exception) -> Exception:
    error_type = InputError if isinstance(error, ValueError) else InputTypeError
    if isinstance(error, InvalidArgumentError):
        return error.as_type(error_type)
    return error_type(str(error))  # torch's own: a sentence, without fields


class Softmax(torch.nn.Softmax):
    """`torch.nn.Softmax`, computed by `logitwise.softmax`: within 4 ulp; 0, not NaN, for a row of -inf alone."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the probabilities of the classes on `dim`."""
        return _softmax(input, self.dim)


@_drop_in
def _softmax(input: Tensor, dim: int | None) -> Tensor:
    return functional.softmax(input, _axis(dim, input))


class LogSoftmax(torch.nn.LogSoftmax):
    """`torch.nn.LogSoftmax`, computed by `logitwise.log_softmax`: exact near probability 1; -inf for a row of -inf."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the log-probabilities of the classes on `dim`."""
        return _log_softmax(input, self.dim)


@_drop_in
def _log_softmax(input: Tensor, dim: int | None) -> Tensor:
    return functional.log_softmax(input, _axis(dim, input))


def _axis(dim: int | None, logits: Tensor) -> int:
    """Return the class axis; without `dim`, the one that torch picks, with a warning as in torch."""
    if dim is not None:
        return dim
    _warn("dim must be named; got None, and its implicit choice is deprecated. Pass dim=.", stacklevel=8)
    return 0 if logits.ndim in (0, 1, 3) else 1


class Softmax2d(torch.nn.Softmax2d):
    """`torch.nn.Softmax2d`: the softmax over the channels of images, at each place."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the probabilities of the classes of images (N, C, H, W) or of a single image (C, H, W)."""
        return _softmax_of_images(input)


@_drop_in
def _softmax_of_images(input: Tensor) -> Tensor:
    if input.ndim not in (3, 4):
        raise InvalidValueError("input", "have the shape (N, C, H, W) or (C, H, W)", tuple(input.shape))
    return functional.softmax(input, -3)


class Sigmoid(torch.nn.Sigmoid):
    """`torch.nn.Sigmoid`, computed by `logitwise.sigmoid`: within 4 ulp in both tails, as its gradient is."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the probabilities of class 1; integers and booleans are read in torch's default dtype, as in torch."""
        return _sigmoid(input)


@_drop_in
def _sigmoid(input: Tensor) -> Tensor:
    is_whole = not (input.is_floating_point() or input.is_complex() or input.is_quantized)
    return functional.sigmoid(input.to(torch.get_default_dtype()) if is_whole else input)


class LogSigmoid(torch.nn.LogSigmoid):
    """`torch.nn.LogSigmoid`, computed by `logitwise.log_sigmoid`: exact near probability 1."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the log-probabilities of class 1."""
        return _log_sigmoid(input)


@_drop_in
def _log_sigmoid(input: Tensor) -> Tensor:
    return functional.log_sigmoid(input)


class CrossEntropyLoss(torch.nn.CrossEntropyLoss):
    """`torch.nn.CrossEntropyLoss`, computed by `logitwise.cross_entropy`: same arguments, shapes and results.

    The results differ where torch is wrong. A confident row has the loss `log1p(sum of the other exponentials)` and a
    gradient of that size, where torch gives exactly 0 in float32. Ignored rows may hold NaN or infinities. If every row
    is ignored, the mean is 0, with a warning, instead of NaN. Class indices may have any integer dtype.

    Class weights may be negative, as in torch, except for a mean in compiled code.

    As in torch, the mean over soft targets divides by the number of rows even if there are class weights
    (`logitwise.cross_entropy` divides by the sum of the weights).

    Example:
        >>> import torch, logitwise as lw
        >>> loss = lw.nn.CrossEntropyLoss()
        >>> loss(torch.tensor([[20.0, 0.0, 0.0]]), torch.tensor([0]))
        tensor(4.1223e-09)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of logits (N, C, d1, ...), with classes on axis 1, or of a single row (C,)."""
        return _cross_entropy(input, target, self.weight, self.ignore_index, self.label_smoothing, self.reduction)


@_drop_in
def _cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, label_smoothing: float, reduction: str
) -> Tensor:
    axis = 1 if input.ndim > 1 else 0
    rows = None
    if target.dtype.is_floating_point:
        if weight is not None and reduction == "mean":  # without weights, the function counts the rows
            rows = math.prod(input.shape[:axis] + input.shape[axis + 1 :]) or None
    elif weight is not None and reduction == "mean" and may_look(weight) and bool((weight < 0).any()):
        wide = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
        losses = _cross_entropy(wide, target, weight, ignore_index, label_smoothing, "none")
        return mean_of_indices(losses, target, weight, ignore_index).to(input.dtype)
    return functional.cross_entropy(
        input,
        target,
        axis=axis,
        class_weight=weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=cast("Reduction", reduction),
        normalizer=rows,
    )


class BCEWithLogitsLoss(torch.nn.BCEWithLogitsLoss):
    """`torch.nn.BCEWithLogitsLoss`, computed by `binary_cross_entropy_with_logits`: same arguments and results.

    Both tails are exact, targets may be integers or booleans, and a target outside [0, 1] is an error. As in torch,
    the mean divides by the number of elements even if there are weights.

    Three more arguments are those of the function: `label_smoothing`; and `ignore_index` and `missing`, which say how
    missing labels are marked. The mean then divides by the number of labels that are not missing.

    Example:
        >>> import torch, logitwise as lw
        >>> lw.nn.BCEWithLogitsLoss()(torch.tensor([50.0]), torch.tensor([1.0]))
        tensor(1.9287e-22)
    """

    ignore_index = None  # of modules pickled before it was there; no annotation, which torch.jit.script would read
    missing = "error"
    label_smoothing = 0.0

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
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction, pos_weight)
        self.ignore_index, self.missing, self.label_smoothing = ignore_index, missing, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of logits of any shape and targets of the same shape."""
        return _binary_cross_entropy_with_logits(
            input, target, self.weight, self.pos_weight, self.reduction, self.ignore_index, self.missing,
            self.label_smoothing,
        )  # fmt: skip


@_drop_in
def _binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    pos_weight: Tensor | None,
    reduction: str,
    ignore_index: int | None,
    missing: str,
    label_smoothing: float,
) -> Tensor:
    is_mean = reduction == "mean" and input.numel() > 0
    return functional.binary_cross_entropy_with_logits(
        input,
        target,
        sample_weight=weight,
        pos_weight=pos_weight,
        label_smoothing=label_smoothing,
        reduction=cast("Reduction", reduction),
        normalizer=_count_labels(input, target, weight, ignore_index, missing) if is_mean else None,
        ignore_index=ignore_index,
        missing=cast("Literal['error', 'ignore']", missing),
    )


def _count_labels(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None, missing: str
) -> int | Tensor | None:
    """Return the number of labels; None where a mean over those that are not missing has none to divide by."""
    if weight is None:  # the function counts them
        return None
    silent = missing_labels(target, ignore_index, missing)
    return math.prod(input.shape) if silent is None else (~silent).sum().clamp(min=1)


class BCELoss(torch.nn.BCELoss):
    """`torch.nn.BCELoss`, for probabilities: torch's arithmetic, but inputs and targets outside [0, 1] are errors.

    Where you have logits, use `BCEWithLogitsLoss`: a probability near 0 or 1 is rounded, and has lost the tail of its
    logit. As in torch, the logarithm is bounded below by -100. The mean over no elements is 0, with a warning.

    Example:
        >>> import torch, logitwise as lw
        >>> lw.nn.BCELoss()(torch.tensor([0.5]), torch.tensor([1.0]))
        tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of probabilities of any shape and targets of the same shape."""
        return _binary_cross_entropy(input, target, self.weight, self.reduction)


@_drop_in
def _binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    input, target = checked_probabilities(input, target, weight)
    if reduction == "mean" and not input.numel():
        if may_look(input):
            warn_of_no_rows("elements")
        reduction = "sum"  # 0, as the mean of nothing is defined; torch divides by 0
    return binary_cross_entropy(input, target.to(input.dtype), weight, reduction=reduction)


class NLLLoss(torch.nn.NLLLoss):
    """`torch.nn.NLLLoss`, for log-probabilities: same arguments and results.

    What a target of `ignore_index`, or of weight 0, is paired with is not read. If every row is ignored, the mean is 0,
    with a warning, instead of NaN. Class indices may have any integer dtype. Where you have logits, use
    `CrossEntropyLoss`, in one pass.

    Example:
        >>> import torch, logitwise as lw
        >>> log_probabilities = lw.nn.LogSoftmax(dim=1)(torch.tensor([[20.0, 0.0, 0.0]]))
        >>> lw.nn.NLLLoss()(log_probabilities, torch.tensor([0]))
        tensor(4.1223e-09)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of log-probabilities (N, C, d1, ...), with classes on axis 1, or of a single row (C,)."""
        return _negative_log_likelihood(input, target, self.weight, self.ignore_index, self.reduction)


@_drop_in
def _negative_log_likelihood(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str
) -> Tensor:
    return negative_log_likelihood(input, target, weight, ignore_index, reduction)


class KLDivLoss(torch.nn.KLDivLoss):
    """`torch.nn.KLDivLoss`, of log-probabilities from a target distribution: same arguments and results.

    A class whose probability is 0 in the target adds 0, and no gradient, whatever the log-probability: torch gives NaN
    for a log-probability of -inf, and for a log-target of -inf. A negative target, and one with more elements than the
    input, is an error. A mean over nothing is 0, with a warning, instead of NaN.

    Example:
        >>> import torch, logitwise as lw
        >>> log_probabilities = lw.nn.LogSoftmax(dim=1)(torch.tensor([[2.0, 1.0, 0.1]]))
        >>> lw.nn.KLDivLoss(reduction="batchmean")(log_probabilities, torch.tensor([[0.5, 0.5, 0.0]]))
        tensor(0.2239)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the divergence of log-probabilities of any shape, and targets that broadcast to it."""
        return _kl_divergence(input, target, self.log_target, self.reduction)


@_drop_in
def _kl_divergence(input: Tensor, target: Tensor, log_target: bool, reduction: str) -> Tensor:
    if reduction == "mean":
        _warn(
            "reduction must be 'batchmean' for the divergence per row; got 'mean', which divides by the number of "
            "classes too, as in torch. Pass reduction='batchmean'.",
            stacklevel=7,
        )
    return kl_divergence(input, target, log_target, reduction)


def _warn(message: str, stacklevel: int) -> None:
    """Warn of an argument; in compiled code, which cannot warn, do nothing."""
    if not torch.compiler.is_compiling():
        warnings.warn(message, UserWarning, stacklevel)


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
