"""The members that predict: from inputs to the logits of each member, with NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from logitwise._display import Displayed
from logitwise.model.description import members_of
from logitwise.model.file import ModelFile
from logitwise.model.scratch import Scratch

TILE = 16  # rows of every matrix product: BLAS sums rows of larger ones in an order that depends on their place
BLOCK_ROWS = 256  # rows at a time: their activations stay in the cache
LARGEST = np.finfo(np.float64).max


@dataclass(frozen=True, repr=False)
class Network(Displayed):
    """Trained members of one shape, float32; the first axis of every array is the member.

        z = a_L output + inputs linear + prior,    a_i = silu(a_{i-1} weight_i + bias_i),    a_0 = the first inputs

    Attributes:
        hidden: A pair for each hidden layer: weight `(members, from, to)` and bias `(members, 1, to)`.
        output: From the last hidden layer to the logits, `(members, from, classes)`; None without hidden layers.
        linear: From the inputs straight to the logits, `(members, inputs, classes)`.
        prior: The bias of the logits, `(members, 1, classes)`.
    """

    hidden: tuple[tuple[np.ndarray, np.ndarray], ...]
    output: np.ndarray | None
    linear: np.ndarray
    prior: np.ndarray

    def _facts(self) -> Mapping[str, Any]:
        return {"members": members_of(self.members, self.widths)}

    @property
    def members(self) -> int:
        """The number of members."""
        return len(self.linear)

    @property
    def widths(self) -> tuple[int, ...]:
        """The numbers of inputs, of inputs of the hidden layers, of units of each hidden layer, and of logits."""
        deep = self.hidden[0][0].shape[1] if self.hidden else 0
        return (self.linear.shape[1], deep, *(bias.shape[2] for _, bias in self.hidden), self.linear.shape[2])

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """Return the logits of each member, float32, shape `(members, rows, classes)`; inputs `(rows, inputs)`."""
        rows = len(inputs)
        across = np.ones((1 + inputs.shape[1], _in_tiles(rows)), np.float32)
        across[1:, :rows], across[1:, rows:] = inputs.T, 0.0
        return _Products.of(self).of_block(across, rows, Scratch()).transpose(0, 2, 1)[:, :rows]

    def vote(self, inputs: np.ndarray, rows: int, scratch: Scratch) -> np.ndarray:
        """Return the mean of the members' probabilities, float64, `(classes, rows)`.

        Args:
            inputs: As many places as `block_of` says, float32, `(1 + inputs, places)`, the first input 1. A row of the
                table is a column of it, so that NumPy's loops run over rows.
            rows: How many of the places hold rows.
            scratch: Memory for intermediate results.
        """
        logits = self._products.of_block(inputs, rows, scratch).astype(np.float64)
        sums = _two_classes(logits[:, 0]) if self._is_binary else _classes(logits)  # in the order of whole tiles
        return sums[:, :rows] / self.members

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

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the tensors of a model file that hold this."""
        tensors = {"network.linear": self.linear, "network.prior": self.prior}
        for place, (weight, bias) in enumerate(self.hidden):
            tensors |= {f"network.hidden.{place}.weight": weight, f"network.hidden.{place}.bias": bias}
        return tensors if self.output is None else tensors | {"network.output": self.output}

    def header(self) -> dict[str, object]:
        """Return the entries of the header of a model file that describe this."""
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


def block_of(rows: int) -> int:
    """Return how many places to predict at once where this many rows are left: whole tiles, zeros after the last row.

    A row gets the same bits in every place of every tile, so its prediction does not depend on the rows beside it.
    """
    return min(_in_tiles(rows), BLOCK_ROWS)


def _in_tiles(rows: int) -> int:
    return -(-rows // TILE) * TILE


@dataclass(frozen=True)
class _Products:
    """The weights as the matrix products take them: a row of inputs goes across, the bias is the weight of a 1.

    Hidden layers compute `-x` and pass on `-silu(x) = -x / (1 + exp(-x))`, which saves a step and changes no bit.
    """

    hidden: tuple[np.ndarray, ...]  # (members, 1, to, 1 + from)
    output: np.ndarray | None  # (members, 1, classes, from)
    linear: np.ndarray  # (members * classes, 1 + inputs)
    members: int

    @classmethod
    def of(cls, network: Network) -> _Products:
        linear = _with_bias(network.linear, network.prior)
        hidden = [_with_bias(weight, bias)[:, None] for weight, bias in network.hidden]
        if hidden:
            hidden[0] = -hidden[0]
        for weight in hidden[1:]:
            weight[..., 0] *= -1.0
        return cls(
            tuple(hidden),
            None if network.output is None else -np.ascontiguousarray(network.output.transpose(0, 2, 1))[:, None],
            linear.reshape(-1, linear.shape[2]),
            network.members,
        )

    def of_block(self, inputs: np.ndarray, rows: int, scratch: Scratch) -> np.ndarray:
        """Return the logits of a block, `(members, classes, places)`; arguments as in `Network.vote`."""
        tiles = scratch.array("tiles", (inputs.shape[1] // TILE, len(inputs), TILE))
        np.copyto(tiles, inputs.reshape(len(inputs), -1, TILE).transpose(1, 0, 2))
        logits = np.matmul(self.linear, tiles).reshape(len(tiles), self.members, -1, TILE).transpose(1, 0, 2, 3)
        if self.output is not None:
            logits = logits + np.matmul(self.output, self._activations(tiles, min(rows, TILE), scratch))
        return logits.transpose(0, 2, 1, 3).reshape(self.members, -1, inputs.shape[1])

    def _activations(self, tiles: np.ndarray, used: int, scratch: Scratch) -> np.ndarray:
        """Return what the last hidden layer passes on, negative, `(members, tiles, units, TILE)`.

        Only the first `used` places of a tile need be right.
        """
        activations = tiles[:, : self.hidden[0].shape[3]]
        for layer, weight in enumerate(self.hidden):
            shape = (self.members, len(tiles), 1 + weight.shape[2], TILE)
            following = scratch.array(f"hidden {layer}", shape)
            following[:, :, 0] = 1.0
            negatives = np.matmul(weight, activations, out=following[:, :, 1:])
            if used < TILE:
                following[:, :, 1:, :used] = _activate(np.ascontiguousarray(negatives[..., :used]), scratch)
            else:
                _activate(negatives, scratch)
            activations = following
        return activations[:, :, 1:]


def _with_bias(weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return a bias `(members, 1, to)` and a weight `(members, from, to)` as `(members, to, 1 + from)`."""
    return np.ascontiguousarray(np.concatenate([bias, weight], axis=1).transpose(0, 2, 1))


def _activate(negatives: np.ndarray, scratch: Scratch) -> np.ndarray:
    """Replace -x by -silu(x) in place."""
    divisors = np.exp(negatives, out=scratch.array("divisors", negatives.shape))
    divisors += 1.0
    negatives /= divisors
    return negatives


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
