"""A mask of any shape that broadcasts gives the bits of the same mask written out, in every function that has one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

import logitwise as lw

SHAPE, AXIS = (2, 3, 4), 1
NUMBERS = np.random.default_rng(0)
LOGITS, OTHERS = NUMBERS.normal(size=SHAPE), NUMBERS.normal(size=SHAPE)
TARGET, PROBABILITIES = NUMBERS.integers(0, 3, (2, 4)), lw.softmax(OTHERS, AXIS)
SHAPES = sorted({each[start:] for each in product((1, 2), (1, 3), (1, 4)) for start in range(4)})
KINDS = ["array", "tensor", "recorded", "function transform"]

# name -> a call with logits, a mask, and what makes an array of their kind
CALLS: dict[str, Callable[[Any, Any, Callable[[Any], Any]], Any]] = {
    "softmax": lambda z, mask, like: lw.softmax(z, AXIS, mask=mask),
    "softmax, all axes": lambda z, mask, like: lw.softmax(z, None, mask=mask),
    "log_softmax": lambda z, mask, like: lw.log_softmax(z, AXIS, mask=mask),
    "logsumexp": lambda z, mask, like: lw.logsumexp(z, AXIS, mask=mask),
    "logsumexp, factors": lambda z, mask, like: lw.logsumexp(z, AXIS, mask=mask, b=like(OTHERS)),
    "cross_entropy": lambda z, mask, like: lw.cross_entropy(z, like(TARGET), axis=AXIS, mask=mask),
    "cross_entropy, soft": lambda z, mask, like: lw.cross_entropy(z, like(PROBABILITIES), axis=AXIS, mask=mask),
    "cross_entropy_and_gradient": lambda z, mask, like: lw.cross_entropy_and_gradient(
        z, like(TARGET), axis=AXIS, mask=mask, label_smoothing=0.1
    ),
    "entropy": lambda z, mask, like: lw.entropy(z, AXIS, mask=mask),
    "entropy_and_gradient": lambda z, mask, like: lw.entropy_and_gradient(z, AXIS, mask=mask),
    "kl_divergence": lambda z, mask, like: lw.kl_divergence(z, like(OTHERS), axis=AXIS, mask=mask),
    "kl_divergence_and_gradient": lambda z, mask, like: lw.kl_divergence_and_gradient(
        z, target_probabilities=like(PROBABILITIES), axis=AXIS, mask=mask
    ),
}

pytestmark = pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")


def results(name: str, kind: str, mask: np.ndarray) -> list[np.ndarray]:
    """Return what a call gives, and the gradient of its sum where one is recorded."""
    if kind == "array":
        found = CALLS[name](LOGITS, mask, np.asarray)
        return [np.asarray(each) for each in (found if isinstance(found, tuple) else (found,))]
    logits = torch.tensor(LOGITS, requires_grad=kind == "recorded")

    def call(logits: torch.Tensor) -> Any:
        return CALLS[name](logits, torch.tensor(mask), torch.tensor)

    if kind == "function transform":
        found = torch.func.vmap(call)(logits[None])
        return [each.numpy() for each in (found if isinstance(found, tuple) else (found,))]
    found = call(logits)
    if isinstance(found, tuple):
        return [each.numpy() for each in found]
    gradients = torch.autograd.grad(found.sum(), logits) if kind == "recorded" else ()
    return [each.detach().numpy() for each in (found, *gradients)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CALLS)
def test_a_mask_of_any_shape_that_broadcasts_is_the_same_mask_written_out(name: str, kind: str) -> None:
    for shape in SHAPES:
        mask = np.random.default_rng(len(shape)).random(shape) < 0.6
        written_out = np.broadcast_to(mask, SHAPE).copy()
        for found, expected in zip(results(name, kind, mask), results(name, kind, written_out), strict=True):
            np.testing.assert_array_equal(found, expected, err_msg=f"mask of shape {shape}")


def test_every_function_with_a_mask_is_tried() -> None:
    functions = {name for name in lw.functional.__all__ if " mask: " in (getattr(lw, name).__doc__ or "")}
    assert functions <= {name.split(",")[0] for name in CALLS}
