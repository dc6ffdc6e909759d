"""The members that predict: from inputs to the logits of each member, with NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from logitwise.classifier.model_file import ModelFile


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
        logits = inputs @ self.linear
        logits += self.prior
        if self.output is None:
            return logits
        activations = inputs[:, : self.hidden[0][0].shape[1]]
        for weight, bias in self.hidden:
            activations = activations @ weight
            activations += bias
            activations *= _logistic(activations)
        logits += activations @ self.output
        return logits

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


def _logistic(values: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-values)), without overflow: values below -80 change nothing in float32."""
    exponentials = np.clip(values, -80.0, None)
    np.negative(exponentials, out=exponentials)
    np.exp(exponentials, out=exponentials)
    exponentials += 1.0
    return np.reciprocal(exponentials, out=exponentials)
