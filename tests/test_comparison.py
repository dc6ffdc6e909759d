"""The rows of the README's comparison table, seen to be true of the versions that are installed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import special

import logitwise as lw

CONFIDENT = np.array([20.0, 0.0, 0.0], dtype=np.float32)
EXACT = 4.122307236380407e-09  # log(1 + 2 exp(-20))


def test_confident_cross_entropy():
    assert lw.cross_entropy(CONFIDENT, 0) == np.float32(EXACT)
    tensor = torch.from_numpy(CONFIDENT).requires_grad_()
    loss = torch.nn.functional.cross_entropy(tensor, torch.tensor(0))
    assert loss.item() == 0.0
    assert torch.autograd.grad(loss, tensor)[0][0].item() == 0.0


def test_confident_log_softmax():
    assert lw.log_softmax(CONFIDENT)[0] == -np.float32(EXACT)
    assert torch.log_softmax(torch.from_numpy(CONFIDENT), 0)[0].item() == 0.0
    assert special.log_softmax(CONFIDENT)[0] == 0.0


def test_all_masked_row():
    row = np.full(3, -np.inf)
    np.testing.assert_array_equal(lw.softmax(row), np.zeros(3))
    assert torch.softmax(torch.from_numpy(row), 0).isnan().all()
    with np.errstate(invalid="ignore"):
        assert np.isnan(special.softmax(row)).all()


def test_all_rows_ignored():
    logits, target = torch.zeros(2, 3), torch.tensor([-100, -100])
    with pytest.warns(lw.NoRowsWarning):
        assert lw.cross_entropy(logits, target).item() == 0.0
    assert torch.nn.functional.cross_entropy(logits, target).isnan()


def test_int32_class_indices():
    logits, target = torch.zeros(2, 3), torch.tensor([0, 1], dtype=torch.int32)
    assert lw.cross_entropy(logits, target) == torch.tensor(np.log(3.0), dtype=torch.float32)
    with pytest.raises(RuntimeError, match="target dtype to be Long or Byte"):
        torch.nn.functional.cross_entropy(logits, target)
