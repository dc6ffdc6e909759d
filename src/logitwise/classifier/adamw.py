"""AdamW for flat parameters. That of torch imports torch's compiler when it is first used, which takes 2.5 seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

MOMENTS = (0.9, 0.95)
SMALLEST_ROOT = 1e-8  # keeps a parameter whose gradient is always 0 where it is


class AdamW:
    """Adam with decoupled weight decay.

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
