"""Micro-batches and workers that divide by the count of all: the gradient of the whole batch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import logitwise as lw

PARTS = (slice(0, 3), slice(3, 4), slice(4, 40), slice(40, 64))
CLASS_WEIGHT = torch.tensor([0.5, 1.0, 2.0, 0.25])


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(0, 4, (64,), generator=generator)
    target[::5] = -100
    target[3] = -100  # a micro-batch without a row that takes part
    return torch.randn(64, 6, generator=generator), target


def weight_that_takes_part(target: Tensor, class_weight: Tensor | None) -> Tensor:
    kept = target[target != -100]
    return torch.tensor(len(kept)) if class_weight is None else class_weight[kept].sum()


@pytest.mark.parametrize("class_weight", [None, CLASS_WEIGHT], ids=["plain", "class weights"])
@pytest.mark.parametrize("kind", [float, torch.as_tensor], ids=["number", "tensor"])
def test_micro_batches_have_the_gradient_of_the_whole(kind, class_weight):
    inputs, target = batch()
    count = kind(weight_that_takes_part(target, class_weight))
    torch.manual_seed(0)
    network = lw.nn.FeedForward(6, 16, 4)

    def loss_of(rows: slice, **options) -> Tensor:
        return lw.cross_entropy(network(inputs[rows]), target[rows], class_weight=class_weight, **options)

    loss_of(slice(None)).backward()
    whole = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    for part in PARTS:
        loss_of(part, normalizer=count).backward()
    for parameter, expected in zip(network.parameters(), whole, strict=True):
        assert_close(
            parameter.grad, expected, rtol=0.0, atol=float(4 * torch.finfo(torch.float32).eps * expected.abs().max())
        )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_the_gradient_of_a_row_of_logits_has_the_same_bits(dtype):
    target = batch()[1]
    logits = torch.randn(64, 4, generator=torch.Generator().manual_seed(1)).to(dtype)
    count = weight_that_takes_part(target, None)
    whole, parts = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    lw.cross_entropy(whole, target).backward()
    for part in PARTS:
        lw.cross_entropy(parts[part], target[part], normalizer=count).backward()
    assert torch.equal(parts.grad, whole.grad)
    assert whole.grad.abs().sum() > 0.1


def test_workers_whose_gradients_are_averaged_divide_by_their_share():
    target = batch()[1]
    logits = torch.randn(64, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    share = weight_that_takes_part(target, None) / len(PARTS)
    losses = [lw.cross_entropy(logits[part], target[part], normalizer=share) for part in PARTS]
    assert_close(sum(losses) / len(PARTS), lw.cross_entropy(logits, target))
