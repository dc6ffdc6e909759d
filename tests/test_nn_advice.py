"""Advice in errors of the modules of `logitwise.nn`: it names what modules have, and following it helps."""

from __future__ import annotations

import re

import pytest
import torch

from logitwise import nn

LOSSES = ["CrossEntropyLoss", "FocalLoss", "NLLLoss"]
ELSEWHERE = {  # the shapes of logits and class indices, and the dimension of the classes
    "last of three": ((2, 5, 7), (2, 5), 2),
    "last of images": ((2, 4, 6, 3), (2, 4, 6), 3),
    "third of images": ((2, 4, 3, 6), (2, 4, 6), 2),
    "first": ((3, 7), (7,), 0),
    "first of three": ((3, 2, 5), (2, 5), 0),
}


def reasonable(name: str, shape: tuple[int, ...], dim: int) -> torch.Tensor:
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return logits.log_softmax(dim) if name == "NLLLoss" else logits


@pytest.mark.parametrize("recorded", [False, True], ids=["plain", "recorded"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("case", ELSEWHERE)
@pytest.mark.parametrize("name", LOSSES)
def test_classes_on_another_dimension_are_moved_and_no_axis_is_advised(name, case, reduction, recorded):
    shape, rows, dim = ELSEWHERE[case]
    logits, target = reasonable(name, shape, dim), torch.arange(torch.Size(rows).numel()).reshape(rows) % shape[dim]
    module = getattr(nn, name)(reduction=reduction)
    advice = f"It fits classes on dimension {dim}; this module takes them on dimension 1: pass input.movedim({dim}, 1)."
    with pytest.raises(nn.InputError, match=rf"^target must have the shape .*\. {re.escape(advice)}$"):
        module(logits.requires_grad_(recorded), target)
    expected = torch.nn.CrossEntropyLoss(reduction=reduction)(logits.movedim(dim, 1), target)
    if name != "FocalLoss":
        torch.testing.assert_close(module(logits.movedim(dim, 1), target), expected)


@pytest.mark.parametrize("name", LOSSES[:2])
def test_a_floating_target_of_class_indices_gets_the_advice_on_its_dtype(name):
    with pytest.raises(nn.InputError, match=r"If it holds class indices, convert it to an integer dtype\.$"):
        getattr(nn, name)()(torch.zeros(2, 5, 7), torch.zeros(2, 7))


@pytest.mark.parametrize("name", LOSSES[:2])
def test_binary_labels_are_for_the_binary_module(name):
    labels = torch.tensor([[1, 1, 0], [0, 0, 0]])
    with pytest.raises(nn.InputError, match=r"For labels 0 and 1 of each entry, use BCEWithLogitsLoss\.$"):
        getattr(nn, name)()(torch.zeros(2, 3), labels)
    with pytest.raises(nn.InputError, match=r"with one logit per row, use BCEWithLogitsLoss\.$"):
        getattr(nn, name)()(torch.zeros(2, 1), torch.zeros(2, dtype=torch.int64))


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_a_dimension_is_called_dim(name):
    with pytest.raises(IndexError, match=r"^dim must be in \[-2, 1\] for logits of 2 axes; got 2\.$"):
        getattr(nn, name)(2)(torch.zeros(2, 3))
