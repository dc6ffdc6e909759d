"""Small calls take a short way: the same bits as the general one, and the same sentences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import logitwise as lw

OPTIONS = {
    "plain": {},
    "sum": {"reduction": "sum"},
    "normalizer": {"normalizer": 7},
    "smoothing": {"label_smoothing": 0.1},
    "z-loss": {"z_loss": 0.01},
    "ignored": {"ignore_index": 2},
}


def inputs(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    return generator.normal(size=(30, 7)).astype(dtype) * 3, generator.integers(0, 7, 30)


def general(logits: np.ndarray, target: np.ndarray, options: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return what strided memory gets, which is never a small call."""
    wide = np.empty((30, 14), logits.dtype)
    wide[:, ::2] = logits
    return lw.cross_entropy_and_gradient(wide[:, ::2], target, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_arrays_get_the_same_bits(options, dtype):
    logits, target = inputs(dtype)
    loss, gradient = general(logits, target, options)
    assert lw.cross_entropy(logits, target, **options) == loss
    short_loss, short_gradient = lw.cross_entropy_and_gradient(logits, target, **options)
    assert type(short_loss) is type(loss)
    assert short_loss == loss
    np.testing.assert_array_equal(short_gradient, gradient)
    out = np.empty_like(logits)
    assert lw.cross_entropy_and_gradient(logits, target, out=out, **options)[1] is out
    np.testing.assert_array_equal(out, gradient)
    assert lw.cross_entropy_and_gradient(logits, target, out=logits, **options)[1] is logits
    np.testing.assert_array_equal(logits, gradient)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_tensors_get_the_same_bits(options, dtype):
    array, indices = inputs("float32")
    logits, target = torch.from_numpy(array).to(dtype), torch.from_numpy(indices)
    wide = torch.empty(30, 14, dtype=dtype)
    wide[:, ::2] = logits
    loss, gradient = lw.cross_entropy_and_gradient(wide[:, ::2], target, **options)
    leaf = logits.clone().requires_grad_()
    short_loss, short_gradient = lw.cross_entropy_and_gradient(leaf, target, **options)
    assert not short_loss.requires_grad
    assert not short_gradient.requires_grad
    assert torch.equal(short_loss, loss)
    assert torch.equal(short_gradient, gradient)
    out = torch.empty_like(logits)
    assert lw.cross_entropy_and_gradient(logits, target, out=out, **options)[1] is out
    assert torch.equal(out, gradient)
    assert lw.cross_entropy_and_gradient(logits, target, out=logits, **options)[1] is logits
    assert torch.equal(logits, gradient)


def test_what_is_wrong_is_said():
    logits, target = inputs("float32")
    target[4] = 7
    with pytest.raises(ValueError, match=r"target must be in \[0, 6\]; got 7 at row 4"):
        lw.cross_entropy_and_gradient(logits, target)
    with pytest.raises((ValueError, IndexError), match=r"got 7 at row 4"):
        lw.cross_entropy_and_gradient(torch.from_numpy(logits), torch.from_numpy(target))
    logits[3, 1] = np.nan
    with pytest.warns(lw.LogitwiseWarning, match="row 3"):
        assert np.isnan(lw.cross_entropy(logits, np.zeros(30, np.int64)))


def test_an_out_that_does_not_fit_is_refused():
    logits, target = inputs("float32")
    with pytest.raises(ValueError, match="out must have the shape"):
        lw.cross_entropy_and_gradient(logits, target, out=np.empty((7, 30), np.float32))
    with pytest.raises(TypeError, match="out must have the dtype"):
        lw.cross_entropy_and_gradient(
            torch.from_numpy(logits), torch.from_numpy(target), out=torch.empty(30, 7).double()
        )
