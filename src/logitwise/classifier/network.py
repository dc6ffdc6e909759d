"""The members that predict: from inputs to the logits of each member, with NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from logitwise.classifier.model_file import ModelFile

BLOCK_ROWS = 64  # the activations of all members stay in the cache
FEW_ROWS = 4


@dataclass(frozen=True)
class Network:
    """Trained members of one shape, float32; the first axis of every array is the member.

        z = a_L output + inputs linear + prior,    a_i = silu(a_{i-1} weight_i + bias_i),    a_0 = the first inputs

    Attributes:
        hidden: A pair a hidden layer: weight `(members, from, to)` and bias `(members, 1, to)`.
        output: From the last hidden layer to the logits, `(members, from, classes)`; None without hidden layers.
        linear: From the inputs straight to the logits, `(members, inputs, classes)`.
        prior: The bias of the logits, `(members, 1, classes)`.
    """

    hidden: tuple[tuple[np.ndarray, np.ndarray], ...]
    output: np.ndarray | None
    linear: np.ndarray
    prior: np.ndarray

    @property
    def members(self) -> int:
        """The number of members."""
        return len(self.linear)

    @property
    def widths(self) -> tuple[int, ...]:
        """The number of inputs, of inputs of the hidden layers, of units of each of those, and of logits."""
        deep = self.hidden[0][0].shape[1] if self.hidden else 0
        return (self.linear.shape[1], deep, *(bias.shape[2] for _, bias in self.hidden), self.linear.shape[2])

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """Return the logits of each member, float32, shape `(members, rows, classes)`; inputs `(rows, inputs)`.

        Rows go through in blocks of one size, the last one filled up: the same matrix products, so the same bits,
        whatever the number of rows. Few rows go in a smaller block where that is seen to give the same bits.
        """
        rows = len(inputs)
        if rows == BLOCK_ROWS:
            return self._block(inputs)
        if rows <= FEW_ROWS and self._few_rows_agree:
            return self._block(_filled(inputs, FEW_ROWS))[:, :rows]
        blocks = [inputs[start : start + BLOCK_ROWS] for start in range(0, rows, BLOCK_ROWS)]
        logits = [self._block(_filled(block, BLOCK_ROWS))[:, : len(block)] for block in blocks]
        return np.concatenate(logits, axis=1) if logits else self._block(inputs)

    def _block(self, inputs: np.ndarray) -> np.ndarray:
        """Return the logits of a block; the products of all members with the inputs are one product."""
        rows = len(inputs)
        linear, prior, weight, bias = self._together
        logits = (inputs @ linear + prior).reshape(rows, self.members, -1).transpose(1, 0, 2)
        if self.output is None:
            return logits
        activations = inputs[:, : len(weight)] @ weight
        activations += bias
        activations = _silu(activations).reshape(rows, self.members, -1).transpose(1, 0, 2)
        for weight, bias in self.hidden[1:]:
            activations = activations @ weight
            activations += bias
            _silu(activations)
        return logits + activations @ self.output

    @cached_property
    def _together(self) -> tuple[np.ndarray, ...]:
        """The linear path and the first hidden layer of all members side by side: weight and bias of each."""
        first = self.hidden[0] if self.hidden else (self.linear[:, :0], self.prior)
        pairs = ((self.linear, self.prior), first)
        return tuple(np.concatenate(list(array), axis=1) for pair in pairs for array in pair)

    @cached_property
    def _few_rows_agree(self) -> bool:
        """Whether rows get the same bits in a small block as in a large one: seen once, on made-up inputs.

        It depends on how the BLAS of this machine orders its sums, which does not depend on the values.
        """
        inputs = np.random.default_rng(0).normal(size=(BLOCK_ROWS, self.linear.shape[1])).astype(np.float32)
        with np.errstate(over="ignore"):
            return np.array_equal(self._block(inputs)[:, :FEW_ROWS], self._block(inputs[:FEW_ROWS]))

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the part that belongs in the tensors of a model file."""
        tensors = {"network.linear": self.linear, "network.prior": self.prior}
        for place, (weight, bias) in enumerate(self.hidden):
            tensors |= {f"network.hidden.{place}.weight": weight, f"network.hidden.{place}.bias": bias}
        return tensors if self.output is None else tensors | {"network.output": self.output}

    def header(self) -> dict[str, object]:
        """Return the part that belongs in the header of a model file."""
        return {"network": {"members": self.members, "widths": list(self.widths)}}

    @classmethod
    def from_file(cls, file: ModelFile, n_inputs: int, n_deep: int, n_classes: int) -> Network:
        """Return the network that a model file holds, verified."""
        described = file.field("network", dict)
        members, widths = described.get("members"), described.get("widths")
        if type(members) is not int or not isinstance(widths, list) or not all(type(width) is int for width in widths):
            file.refuse("a network without its number of members and its widths")
        deep = n_deep if len(widths) > 3 else 0
        if members < 1 or len(widths) < 3 or (*widths[:2], widths[-1]) != (n_inputs, deep, n_classes):
            described = f"{members} members and widths {widths}"
            file.refuse(f"a network of {described} where {n_inputs} inputs and {n_classes} classes belong")
        hidden = tuple(
            (
                file.tensor(f"network.hidden.{place}.weight", np.float32, (members, width, following)),
                file.tensor(f"network.hidden.{place}.bias", np.float32, (members, 1, following)),
            )
            for place, (width, following) in enumerate(pairwise(widths[1:-1]))
        )
        output = file.tensor("network.output", np.float32, (members, widths[-2], n_classes)) if hidden else None
        linear = file.tensor("network.linear", np.float32, (members, n_inputs, n_classes))
        return cls(hidden, output, linear, file.tensor("network.prior", np.float32, (members, 1, n_classes)))


def _filled(inputs: np.ndarray, rows: int) -> np.ndarray:
    """Return inputs followed by zeros up to a number of rows."""
    if len(inputs) == rows:
        return inputs
    block = np.zeros((rows, inputs.shape[1]), dtype=np.float32)
    block[: len(inputs)] = inputs
    return block


def _silu(values: np.ndarray) -> np.ndarray:
    """Return values / (1 + exp(-values)), in their place; an exponential that overflows gives 0, as it should."""
    exponentials = np.negative(values)
    np.exp(exponentials, out=exponentials)
    exponentials += 1.0
    values /= exponentials
    return values
