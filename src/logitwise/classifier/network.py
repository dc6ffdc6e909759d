"""The members that predict: from inputs to the logits of each member, with NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from logitwise.classifier.model_file import ModelFile
from logitwise.classifier.scratch import Scratch

BLOCK_ROWS = 512  # the activations of all members stay in the cache; threads wait for each other between products
SMALLER_BLOCKS = (16, 64)
LARGEST = np.finfo(np.float64).max


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
        """Return the logits of each member, float32, shape `(members, rows, classes)`; inputs `(rows, inputs)`."""
        across = np.concatenate([np.ones((1, len(inputs)), np.float32), inputs.T])
        return _Products.of(self).of_block(across, Scratch()).transpose(0, 2, 1)

    def block_of(self, rows: int) -> int:
        """Return how many rows `vote` is to be given at once, where this many are left: those, or zeros after them.

        Rows go through in blocks of one size, the last one filled up: the same matrix products, so the same bits,
        whatever the number of rows. Few rows go in a smaller block where that is seen to give the same bits.
        """
        return next((size for size in self._agreeing if rows <= size), BLOCK_ROWS)

    def vote(self, inputs: np.ndarray, scratch: Scratch) -> np.ndarray:
        """Return the mean of the members' probabilities, float64, `(classes, rows)`.

        Args:
            inputs: A block of rows, float32, `(1 + inputs, rows)`, the first of them 1: across, so that NumPy's loops
                run over rows.
            scratch: Memory for what is on the way.
        """
        logits = self._products.of_block(inputs, scratch).astype(np.float64)
        return (_two_classes(logits[:, 0]) if self._is_binary else _classes(logits)) / self.members

    @property
    def _is_binary(self) -> bool:
        return self.linear.shape[2] == 2

    @cached_property
    def _products(self) -> _Products:
        """The products of `vote`; those of two classes give the logit of the second against the first."""
        return _Products.of(replace(self, **self._differences()) if self._is_binary else self)

    def _differences(self) -> dict[str, Any]:
        names = ("linear", "prior") if self.output is None else ("output", "linear", "prior")
        return {name: getattr(self, name)[..., 1:] - getattr(self, name)[..., :1] for name in names}

    @cached_property
    def _agreeing(self) -> list[int]:
        """The smaller blocks in which rows get the same bits as in a large one: seen once, on made-up inputs.

        It depends on how the BLAS of this machine orders its sums, which does not depend on the values.
        """
        inputs = np.random.default_rng(0).normal(size=(1 + self.linear.shape[1], BLOCK_ROWS)).astype(np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            logits = self._products.of_block(inputs, Scratch())
            return [size for size in SMALLER_BLOCKS if self._is_same(inputs[:, :size], logits[..., :size])]

    def _is_same(self, inputs: np.ndarray, logits: np.ndarray) -> bool:
        found = self._products.of_block(np.ascontiguousarray(inputs), Scratch())
        return np.array_equal(found, logits)

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


@dataclass(frozen=True)
class _Products:
    """The weights as the matrix products take them: a row of inputs goes across, the bias is the weight of a 1.

    Those of hidden layers are halved, which is exact: `silu(x) = h + h tanh(h)` with `h = x / 2`.
    """

    hidden: tuple[np.ndarray, ...]  # (members, to, 1 + from)
    output: np.ndarray | None  # (members, classes, from)
    linear: np.ndarray  # (members * classes, 1 + inputs)
    members: int

    @classmethod
    def of(cls, network: Network) -> _Products:
        linear = _with_bias(network.linear, network.prior)
        return cls(
            tuple(_with_bias(weight, bias) / 2 for weight, bias in network.hidden),
            None if network.output is None else np.ascontiguousarray(network.output.transpose(0, 2, 1)),
            linear.reshape(-1, linear.shape[2]),
            network.members,
        )

    def of_block(self, inputs: np.ndarray, scratch: Scratch) -> np.ndarray:
        """Return the logits of a block, `(members, classes, rows)`; inputs as in `Network.vote`."""
        rows = inputs.shape[1]
        logits = (self.linear @ inputs).reshape(self.members, -1, rows)
        if self.output is None:
            return logits
        activations = inputs[: self.hidden[0].shape[2]]
        for layer, weight in enumerate(self.hidden):
            following = scratch.array(f"hidden {layer}", (self.members, 1 + weight.shape[1], rows))
            following[:, 0] = 1.0
            _activate(np.matmul(weight, activations, out=following[:, 1:]), scratch)
            activations = following
        logits += self.output @ activations[:, 1:]
        return logits


def _with_bias(weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return a bias `(members, 1, to)` and a weight `(members, from, to)` as `(members, to, 1 + from)`."""
    return np.ascontiguousarray(np.concatenate([bias, weight], axis=1).transpose(0, 2, 1))


def _activate(halves: np.ndarray, scratch: Scratch) -> None:
    """Put silu(2 halves) in the place of halves."""
    slopes = np.tanh(halves, out=scratch.array("slopes", halves.shape))
    slopes += 1.0
    halves *= slopes


def _two_classes(logits: np.ndarray) -> np.ndarray:
    """Return the sum over the members of both probabilities, `(2, rows)`; logits of the second, `(members, rows)`.

    Both come from the exponential, neither as one minus the other: the smaller keeps all its digits.
    """
    np.negative(logits, out=logits)
    np.exp(logits, out=logits)
    np.minimum(logits, LARGEST, out=logits)
    second = 1.0 / (logits + 1.0)
    logits *= second
    sums = np.empty((2, logits.shape[1]))
    np.add.reduce(logits, axis=0, out=sums[0])
    np.add.reduce(second, axis=0, out=sums[1])
    return sums


def _classes(logits: np.ndarray) -> np.ndarray:
    """Return the sum over the members of the probabilities, `(classes, rows)`; logits `(members, classes, rows)`."""
    logits -= np.maximum.reduce(logits, axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= np.add.reduce(logits, axis=1, keepdims=True)
    return np.add.reduce(logits, axis=0)
