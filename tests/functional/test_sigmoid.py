"""sigmoid and log_sigmoid: exact in both tails, in every framework and dtype."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import logitwise as lw
from functional import oracle
from functional.budgets import VALUE_ULP, check_ulp
from functional.inputs import KINDS, make, values_of

POINTS = np.concatenate(
    [np.linspace(-110, 110, 221), np.geomspace(1e-8, 10, 40), -np.geomspace(1e-8, 800, 40), [0.0, -0.0]]
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("function", ["sigmoid", "log_sigmoid"])
def test_value(function, kind):
    dtype = kind.split()[1]
    logits = make(POINTS, kind)
    result = getattr(lw, function)(logits)
    assert result.dtype == logits.dtype
    check_ulp(values_of(result), getattr(oracle, function)(values_of(logits)), dtype, VALUE_ULP[dtype])
    special = values_of(getattr(lw, function)(make(np.array([np.inf, -np.inf, np.nan]), kind)))
    np.testing.assert_array_equal(special, [1.0, 0.0, np.nan] if function == "sigmoid" else [0.0, -np.inf, np.nan])


@pytest.mark.parametrize("kind", KINDS)
def test_out(kind):
    logits = make(POINTS, kind)
    expected = values_of(lw.sigmoid(logits))
    assert lw.sigmoid(logits, out=logits) is logits
    np.testing.assert_array_equal(values_of(logits), expected)


def test_numbers_and_shapes():
    assert lw.sigmoid(0.0) == 0.5
    assert isinstance(lw.sigmoid(0), np.float64)
    assert lw.log_sigmoid(np.empty((0, 2))).shape == (0, 2)
    assert lw.sigmoid(np.zeros((2, 3, 4), np.float32)).shape == (2, 3, 4)


@pytest.mark.parametrize("function", ["sigmoid", "log_sigmoid"])
def test_torch_derivatives(function):
    logits = torch.tensor([0.0, -3.0, 2.0, 30.0, -30.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(getattr(lw, function), logits, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(getattr(lw, function), logits)


def test_torch_derivative_in_the_tail():
    logits = torch.tensor([40.0, 0.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(lw.sigmoid(logits).sum(), logits)
    check_ulp(values_of(gradient), np.array([np.exp(-40.0), 0.25]), "float32", VALUE_ULP["float32"])
