"""From the losses of rows or elements to what the options ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from logitwise._arrays import may_look
from logitwise.functional import _suspicions as suspicions
from logitwise.functional._torch.torch_operations.rows import total


def reduced(losses: Tensor, problem: Any, weights: Callable[[Any], Tensor]) -> Tensor:
    """Return the losses in the dtype of the logits, reduced; `weights` gives what each counts in the mean."""
    dtype = problem.logits.dtype
    if problem.reduction == "none":
        return losses.to(dtype)
    if problem.reduction == "sum":
        return total(losses).to(dtype)
    divisor = problem.normalizer
    if divisor is None:
        weight = total(weights(problem))
        if may_look(weight) and float(weight.detach()) == 0.0:
            suspicions.warn_of_no_rows(problem.unit)
        divisor = torch.where(weight == 0.0, 1.0, weight)
    return (total(losses) / divisor).to(dtype)
