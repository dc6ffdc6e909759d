"""Several networks of one shape trained as one, and their optimiser: parameters have a leading axis for the members.

Member k maps its rows x to the logits

    z = W_out a_L + b + V (x * s),    a_i = silu(W_i a_{i-1} + c_i),    a_0 = the first inputs of x * s

with a scale s for each input, and a linear path V from all inputs straight to the logits; the hidden layers get the
first `deep` inputs. V and W_out start at zero and b at the log frequency of the classes: a member starts as the class
prior, is a logistic regression early on, and becomes more where the rows support it.

The gradients are written out rather than left to autograd: the cost of a step of small networks is mostly bookkeeping,
and this halves it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from logitwise._warnings import checks
from logitwise.functional import cross_entropy_and_gradient
from logitwise.model.network import Network

MASK_NUMBERS = 1 << 19  # random numbers drawn once; each step reads them from another place
MOMENTS = (0.9, 0.95)  # of AdamW
SMALLEST_ROOT = 1e-8  # keeps a parameter whose gradient is always 0 where it is
State = list[torch.Tensor]  # the parameters of all members, as `Members.state` returns them


@dataclass(frozen=True)
class Shape:
    """The shape of the members: how many, their inputs (hidden layers get the first `deep`), hidden layers, logits."""

    members: int
    inputs: int
    deep: int
    hidden: tuple[int, ...]
    classes: int

    @property
    def decaying(self) -> dict[str, tuple[int, ...]]:
        """The parameters that weight decay acts on: weights."""
        widths = (self.deep, *self.hidden)
        shapes = {
            f"weight.{place}": (self.members, width, following)
            for place, (width, following) in enumerate(zip(widths, self.hidden, strict=False))
        }
        if self.hidden:
            shapes["output"] = (self.members, widths[-1], self.classes)
        return shapes | {"linear": (self.members, self.inputs, self.classes)}

    @property
    def free(self) -> dict[str, tuple[int, ...]]:
        """The parameters without weight decay: biases, which hold how frequent the classes are, and input scales."""
        shapes = {f"bias.{place}": (self.members, 1, width) for place, width in enumerate(self.hidden)}
        return shapes | {"prior": (self.members, 1, self.classes), "scale": (self.members, 1, self.inputs)}


def views(flat: torch.Tensor, shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Return consecutive slices of a flat tensor as tensors of the given shapes."""
    slices = flat.split([math.prod(shape) for shape in shapes.values()])
    return {name: each.view(shape) for each, (name, shape) in zip(slices, shapes.items(), strict=True)}


class Members:
    """The parameters of all members, and the gradients of their losses.

    Args:
        shape: The shape.
        log_prior: The logarithm of the frequency of each class, float32, `(classes,)`.
        dropout: The share of hidden units dropped in training.
        generator: Draws every random number.
        device: Where the tensors are.
    """

    def __init__(
        self, shape: Shape, log_prior: np.ndarray, dropout: float, generator: torch.Generator, device: str
    ) -> None:
        self.shape = shape
        self.dropout = dropout
        self.generator = generator
        self.flat: list[torch.Tensor] = []  # two parameters for the optimiser: with and without weight decay
        self.parameters: dict[str, torch.Tensor] = {}
        self.gradients: dict[str, torch.Tensor] = {}
        for shapes in (shape.decaying, shape.free):
            size = sum(math.prod(each) for each in shapes.values())
            parameter = torch.zeros(size, device=device)
            parameter.grad = torch.zeros(size, device=device)
            self.flat.append(parameter)
            self.parameters |= views(parameter, shapes)
            self.gradients |= views(parameter.grad, shapes)
        self._initialize(torch.from_numpy(log_prior.astype(np.float32)).to(device))
        kept = (
            torch.rand(MASK_NUMBERS, generator=generator, device=device) >= dropout
            if dropout
            else torch.ones(1, device=device)
        )
        self._kept = kept.float() / (1 - dropout)

    def _initialize(self, log_prior: torch.Tensor) -> None:
        for place in range(len(self.shape.hidden)):
            weight = self.parameters[f"weight.{place}"]
            bound = 1 / math.sqrt(weight.shape[1])
            weight.uniform_(-bound, bound, generator=self.generator)
            self.parameters[f"bias.{place}"].uniform_(-bound, bound, generator=self.generator)
        self.parameters["prior"].copy_(log_prior.expand(self.shape.members, 1, -1))
        self.parameters["scale"].fill_(1.0)

    def state(self) -> State:
        """Return a copy of the parameters."""
        return [flat.clone() for flat in self.flat]

    def restore(self, state: State) -> None:
        """Take the parameters of `state`."""
        for flat, kept in zip(self.flat, state, strict=True):
            flat.copy_(kept)

    def logits(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the logits of rows `(members, rows, inputs)`; shape `(members, rows, classes)`."""
        logits, _, _ = self._forward(inputs, masks=None)
        return logits

    def backward(self, inputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Fill the gradients of the sum over members of their mean losses; return that sum.

        Args:
            inputs: Shape `(members, rows, inputs)`.
            target: Class indices, int64, shape `(members * rows,)`.
            weight: Row weights, shape `(members * rows,)`.
        """
        masks = [self._mask(inputs.shape[1], width) for width in self.shape.hidden] if self.dropout else None
        logits, activations, sums = self._forward(inputs, masks)
        with checks("off"):  # these logits are our own
            loss, slope = cross_entropy_and_gradient(
                logits.reshape(-1, self.shape.classes), target, sample_weight=weight, normalizer=inputs.shape[1]
            )
        self._fill(inputs, slope.view_as(logits), activations, sums, masks)
        return loss

    def _mask(self, rows: int, width: int) -> torch.Tensor:
        size = self.shape.members * rows * width
        if size >= len(self._kept):
            self._kept = self._kept.repeat(2 * size // len(self._kept) + 1)
        first = int(torch.randint(len(self._kept) - size, (), generator=self.generator, device=self._kept.device))
        return self._kept[first : first + size].view(self.shape.members, rows, width)

    def _forward(
        self, inputs: torch.Tensor, masks: list[torch.Tensor] | None
    ) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
        """Return the logits, the input of each layer, and the sum that enters each activation.

        The scales of the inputs are multiplied into the weights, of which there are fewer.
        """
        own = self.parameters
        activations, sums = [inputs[..., : self.shape.deep]], []
        for place in range(len(self.shape.hidden)):
            weight = own[f"weight.{place}"]
            scaled = weight if place else weight * self._scales[:, : self.shape.deep]
            sums.append(torch.baddbmm(own[f"bias.{place}"], activations[-1], scaled))
            after = torch.nn.functional.silu(sums[-1])
            activations.append(after if masks is None else after.mul_(masks[place]))
        logits = torch.baddbmm(own["prior"], inputs, own["linear"] * self._scales)
        if sums:
            logits.baddbmm_(activations[-1], own["output"])
        return logits, activations, sums

    @property
    def _scales(self) -> torch.Tensor:
        """The scales of the inputs as factors of the rows of a weight."""
        return self.parameters["scale"].mT

    def _fill(
        self,
        inputs: torch.Tensor,
        slope: torch.Tensor,
        activations: list[torch.Tensor],
        sums: list[torch.Tensor],
        masks: list[torch.Tensor] | None,
    ) -> None:
        own, into = self.parameters, self.gradients
        torch.sum(slope, 1, keepdim=True, out=into["prior"])
        at_scale = self._fill_scaled("linear", torch.bmm(inputs.mT, slope))
        if sums:
            torch.bmm(activations[-1].mT, slope, out=into["output"])
            flow = torch.bmm(slope, own["output"].mT)
        for place in reversed(range(len(sums))):
            if masks is not None:
                flow.mul_(masks[place])
            flow = torch.ops.aten.silu_backward(flow, sums[place])
            torch.sum(flow, 1, keepdim=True, out=into[f"bias.{place}"])
            if place:
                torch.bmm(activations[place].mT, flow, out=into[f"weight.{place}"])
                flow = torch.bmm(flow, own[f"weight.{place}"].mT)
            else:
                at_scale[:, : self.shape.deep] += self._fill_scaled("weight.0", torch.bmm(activations[0].mT, flow))
        into["scale"].copy_(at_scale.mT)

    def _fill_scaled(self, name: str, product: torch.Tensor) -> torch.Tensor:
        """Fill the gradient of a weight whose rows the scales multiply; return its contribution to that of the scales.

        Args:
            name: The weight.
            product: The gradient of weight times scale.
        """
        at_scale = torch.sum(self.parameters[name] * product, 2, keepdim=True)
        torch.mul(product, self._scales[:, : product.shape[1]], out=self.gradients[name])
        return at_scale

    def network(self) -> Network:
        """Return the members as NumPy arrays that predict; the scales of the inputs are multiplied into the weights."""
        own = {name: tensor.detach().cpu().numpy() for name, tensor in self.parameters.items()}
        scale = own["scale"].transpose(0, 2, 1)
        hidden = tuple(
            (
                own[f"weight.{place}"] * scale[:, : self.shape.deep] if place == 0 else own[f"weight.{place}"].copy(),
                own[f"bias.{place}"].copy(),
            )
            for place in range(len(self.shape.hidden))
        )
        output = own["output"].copy() if self.shape.hidden else None
        return Network(hidden, output, own["linear"] * scale, own["prior"].copy())


class AdamW:
    """Adam with decoupled weight decay. That of torch imports torch's compiler on first use, which takes 2.5 seconds.

    A step moves a parameter p with gradient g at learning rate r by

        m = 0.9 m + 0.1 g,    v = 0.95 v + 0.05 g^2,    p = (1 - r decay) p - r m' / (sqrt(v') + 1e-8)

    where m' and v' are m and v over one minus their factor to the power of the step.

    Args:
        parameters: Tensors whose `grad` is filled before each step; one without stays as it is.
        decays: The weight decay of each.

    Source:
        I. Loshchilov and F. Hutter, Decoupled weight decay regularization, ICLR 2019.
    """

    def __init__(self, parameters: Sequence[torch.Tensor], decays: Sequence[float]) -> None:
        self._all = [
            (parameter, decay, *(torch.zeros_like(parameter) for _ in range(3)))
            for parameter, decay in zip(parameters, decays, strict=True)
        ]
        self._steps = 0

    def step(self, learning_rate: float) -> None:
        """Move the parameters once."""
        self._steps += 1
        first, second = (1 - moment**self._steps for moment in MOMENTS)
        for parameter, decay, mean, square, root in self._all:
            gradient = parameter.grad
            if gradient is None:
                continue
            mean.lerp_(gradient, 1 - MOMENTS[0])
            square.mul_(MOMENTS[1]).addcmul_(gradient, gradient, value=1 - MOMENTS[1])
            torch.sqrt(square, out=root).mul_(1 / math.sqrt(second)).add_(SMALLEST_ROOT)
            parameter.mul_(1 - learning_rate * decay).addcdiv_(mean, root, value=-learning_rate / first)
