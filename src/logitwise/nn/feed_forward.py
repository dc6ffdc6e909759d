"""The network of the tutorial."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from operator import index
from typing import SupportsIndex

import torch
from torch import Tensor

from logitwise import functional
from logitwise._errors import InvalidTypeError, InvalidValueError


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
