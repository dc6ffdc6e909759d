"""Nested tensors, of either layout, are refused in one sentence that says what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

import logitwise as lw

ADVICE = "Convert with .to_padded_tensor(0), and leave the padding out: by mask=, ignore_index= or sample_weight=."
ADVICE_OF_MODULES = "Convert with .to_padded_tensor(0); a loss leaves padding out by ignore_index or weight."
DENSE, CHOSEN, WEIGHT = torch.zeros(6, 3), torch.zeros(6, dtype=torch.int64), torch.ones(3)
BINARY = lw.binary_cross_entropy_with_logits
# the argument that is nested: name -> a call, given floats and integers that are
CALLS: dict[str, dict[str, Callable[[Any, Any], Any]]] = {
    "logits": {
        "softmax": lambda z, y: lw.softmax(z),
        "softmax, axis": lambda z, y: lw.softmax(z, 1, temperature=2.0, mask=z),
        "log_softmax": lambda z, y: lw.log_softmax(z),
        "logsumexp": lambda z, y: lw.logsumexp(z),
        "sigmoid": lambda z, y: lw.sigmoid(z),
        "log_sigmoid": lambda z, y: lw.log_sigmoid(z),
        "cross_entropy": lambda z, y: lw.cross_entropy(z, y),
        "soft": lambda z, y: lw.cross_entropy(z, z),
        "with the gradient": lambda z, y: lw.cross_entropy_and_gradient(z, y),
        "binary": lambda z, y: BINARY(z, z, pos_weight=WEIGHT),
        "binary with the gradient": lambda z, y: lw.binary_cross_entropy_with_logits_and_gradient(z, z),
        "route_of": lambda z, y: lw.route_of(z, y),
    },
    "probabilities": {"log_loss": lambda z, y: lw.log_loss(z, y)},
    "target": {
        "cross_entropy": lambda z, y: lw.cross_entropy(DENSE, y),
        "binary": lambda z, y: BINARY(DENSE, z),
        "log_loss": lambda z, y: lw.log_loss(DENSE, y),
    },
    "sample_weight": {
        "cross_entropy": lambda z, y: lw.cross_entropy(DENSE, CHOSEN, sample_weight=z),
        "binary": lambda z, y: BINARY(DENSE, DENSE, sample_weight=z),
    },
    "class_weight": {"cross_entropy": lambda z, y: lw.cross_entropy(DENSE, CHOSEN, class_weight=z)},
    "pos_weight": {"binary": lambda z, y: BINARY(DENSE, DENSE, pos_weight=z)},
    "mask": {"softmax": lambda z, y: lw.softmax(DENSE, mask=z)},
    "out": {"softmax": lambda z, y: lw.softmax(DENSE, out=z.detach())},
    "input": {
        "Softmax": lambda z, y: lw.nn.Softmax(-1)(z),
        "LogSoftmax": lambda z, y: lw.nn.LogSoftmax(-1)(z),
        "Softmax2d": lambda z, y: lw.nn.Softmax2d()(z),
        "Sigmoid": lambda z, y: lw.nn.Sigmoid()(z),
        "LogSigmoid": lambda z, y: lw.nn.LogSigmoid()(z),
        "CrossEntropyLoss": lambda z, y: lw.nn.CrossEntropyLoss(WEIGHT)(z, z),
        "BCEWithLogitsLoss": lambda z, y: lw.nn.BCEWithLogitsLoss(WEIGHT)(z, z),
        "BCELoss": lambda z, y: lw.nn.BCELoss()(z, z),
        "NLLLoss": lambda z, y: lw.nn.NLLLoss()(z, y),
        "KLDivLoss": lambda z, y: lw.nn.KLDivLoss(reduction="batchmean")(z, z),
    },
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # nested tensors are a prototype, torch says
@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged], ids=str)
@pytest.mark.parametrize(("argument", "name"), [(argument, name) for argument in CALLS for name in CALLS[argument]])
def test_every_function_and_module_refuses_them(argument, name, layout, requires_grad):
    floats = torch.nested.nested_tensor(
        [torch.zeros(2, 3), torch.zeros(4, 3)], layout=layout, requires_grad=requires_grad
    )
    integers = torch.nested.nested_tensor([CHOSEN[:2], CHOSEN[2:]], layout=layout)
    advice = ADVICE_OF_MODULES if argument == "input" else ADVICE
    message = f"{argument} must be a dense tensor; got a nested tensor. {advice}"
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        CALLS[argument][name](floats, integers)
