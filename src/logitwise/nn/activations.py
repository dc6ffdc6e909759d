"""Softmax, sigmoid and their logarithms as modules."""

from __future__ import annotations

import torch
from torch import Tensor

from logitwise import functional
from logitwise._errors import InvalidValueError
from logitwise.nn.drop_in import checks_options, drop_in, warn


@checks_options
class Softmax(torch.nn.Softmax):
    """`torch.nn.Softmax`, computed by `logitwise.softmax`: within 4 ulp; 0, not NaN, for a row of -inf alone."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the probabilities of the classes on `dim`."""
        return _softmax(input, self.dim)


@drop_in
def _softmax(input: Tensor, dim: int | None) -> Tensor:
    return functional.softmax(input, _axis(dim, input))


@checks_options
class LogSoftmax(torch.nn.LogSoftmax):
    """`torch.nn.LogSoftmax`, computed by `logitwise.log_softmax`: exact near probability 1; -inf for a row of -inf."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the log-probabilities of the classes on `dim`."""
        return _log_softmax(input, self.dim)


@drop_in
def _log_softmax(input: Tensor, dim: int | None) -> Tensor:
    return functional.log_softmax(input, _axis(dim, input))


def _axis(dim: int | None, logits: Tensor) -> int:
    """Return the class axis; without `dim`, the one that torch picks, with a warning as in torch."""
    if dim is not None:
        return dim
    warn("dim must be named; got None, and its implicit choice is deprecated. Pass dim=.", stacklevel=8)
    return 0 if logits.ndim in (0, 1, 3) else 1


class Softmax2d(torch.nn.Softmax2d):
    """`torch.nn.Softmax2d`: the softmax over the channels of images, at each place."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the probabilities of the classes of images (N, C, H, W) or of a single image (C, H, W)."""
        return _softmax_of_images(input)


@drop_in
def _softmax_of_images(input: Tensor) -> Tensor:
    if input.ndim not in (3, 4):
        raise InvalidValueError("input", "have the shape (N, C, H, W) or (C, H, W)", tuple(input.shape))
    return functional.softmax(input, -3)


class Sigmoid(torch.nn.Sigmoid):
    """`torch.nn.Sigmoid`, computed by `logitwise.sigmoid`: within 4 ulp in both tails, as its gradient is."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the probabilities of class 1; integers and booleans are read in torch's default dtype, as in torch."""
        return _sigmoid(input)


@drop_in
def _sigmoid(input: Tensor) -> Tensor:
    is_whole = not (input.is_floating_point() or input.is_complex() or input.is_quantized)
    return functional.sigmoid(input.to(torch.get_default_dtype()) if is_whole else input)


class LogSigmoid(torch.nn.LogSigmoid):
    """`torch.nn.LogSigmoid`, computed by `logitwise.log_sigmoid`: exact near probability 1."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the log-probabilities of class 1."""
        return _log_sigmoid(input)


@drop_in
def _log_sigmoid(input: Tensor) -> Tensor:
    return functional.log_sigmoid(input)
