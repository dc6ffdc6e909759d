"""entropy and its gradient: every case, temperature, framework, dtype and route against mpmath."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import logitwise as lw
from functional import oracle
from functional.budgets import GRADIENT_ULP, REFERENCE_ULP, VALUE_ULP, check_ulp
from functional.cases import CASES
from functional.inputs import KINDS, make, stored, values_of
from logitwise import reference

NAMES = [name for name in CASES if name != "many equal classes"]
INF, NAN = np.inf, np.nan


def exact(name: str, dtype: str, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    return oracle.entropy(stored(name, dtype), temperature)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_and_their_gradient(kind, temperature):
    dtype = kind.split()[1]
    for name in NAMES:
        logits = make(stored(name, dtype), kind)
        values, gradient = exact(name, dtype, temperature)
        entropies, slopes = lw.entropy_and_gradient(logits, temperature=temperature)
        check_ulp(values_of(entropies), values, dtype, VALUE_ULP[dtype])
        scale = np.maximum(values[:, None], 1e-3) / temperature  # its differences from D are of this size
        check_ulp(values_of(slopes), gradient, dtype, GRADIENT_ULP[dtype], scale=np.minimum(scale, 1.0))
        assert type(entropies) is type(logits)
        np.testing.assert_array_equal(values_of(lw.entropy(logits, temperature=temperature)), values_of(entropies))


@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch_operations(dtype, temperature):
    learned = torch.tensor(temperature, dtype=torch.float64, requires_grad=True)
    for name in NAMES:
        logits = make(stored(name, dtype), f"torch {dtype}").requires_grad_()
        entropies = lw.entropy(logits, temperature=learned)
        values, gradient = exact(name, dtype, temperature)
        check_ulp(values_of(entropies), values, dtype, VALUE_ULP[dtype])
        (slopes,) = torch.autograd.grad(entropies.sum(), logits)
        check_ulp(values_of(slopes), gradient, dtype, GRADIENT_ULP[dtype], scale=np.array(1.0))


@pytest.mark.parametrize("spread", [1e-9, 1e-4, 1e-2, 0.3])
@pytest.mark.parametrize("far", [[], [-INF], [-1.5, -40.0]])
def test_derivatives_of_nearly_equal_logits_keep_their_digits(spread, far):
    near = np.array([[0.0, -0.7, -0.2, -1.0, -0.4], [0.0, -1.0, -1.0, 0.0, 0.0]]) * spread
    logits = np.concatenate([near, np.tile(far, (2, 1))], axis=1)
    values, gradient = oracle.entropy(logits)
    recorded = torch.tensor(logits, requires_grad=True)
    slopes = {
        "kernels": lw.entropy_and_gradient(logits)[1],
        "transform": torch.func.grad(lambda z: lw.entropy(z).sum())(torch.tensor(logits)),
        "recorded twice": torch.autograd.grad(lw.entropy(recorded).sum(), recorded, create_graph=True)[0],
    }
    for each in slopes.values():
        scale = np.abs(gradient).max(1, keepdims=True)
        check_ulp(values_of(each), gradient, "float64", GRADIENT_ULP["float64"], scale=scale)
    check_ulp(values_of(torch.vmap(lw.entropy)(torch.tensor(logits))), values, "float64", VALUE_ULP["float64"])


@pytest.mark.parametrize("tail", [30.0, 700.0, 744.0])
def test_a_confident_row_is_exact_in_its_tail(tail):
    logits = np.array([[tail, 0.0, 0.0]])
    values, gradient = oracle.entropy(logits)
    entropies, slopes = lw.entropy_and_gradient(logits)
    check_ulp(entropies, values, "float64", VALUE_ULP["float64"])
    check_ulp(slopes[:, :1], gradient[:, :1], "float64", GRADIENT_ULP["float64"])
    assert entropies[0] > 0.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_number_of_classes(dtype):
    generator = np.random.default_rng(3)
    for classes in (1, 2, 7, 31, 127, 128, 129, 300, 1025, 2500):
        logits = (generator.standard_normal((40, classes)) * 4).astype(dtype)
        values, gradient = reference.entropy(logits)
        entropies, slopes = lw.entropy_and_gradient(logits)
        check_ulp(entropies, values, dtype, REFERENCE_ULP[dtype])
        check_ulp(slopes, gradient, dtype, GRADIENT_ULP[dtype], scale=np.array(1.0))
        for row in (0, 39):
            np.testing.assert_array_equal(lw.entropy(logits[row]), entropies[row])


@pytest.mark.parametrize("kind", ["numpy float16", "numpy float64", "torch bfloat16", "torch float32"])
@pytest.mark.parametrize("classes", [4, 150])
def test_axis_mask_and_keepdims(classes, kind):
    generator = np.random.default_rng(8)
    values = make(generator.standard_normal((3, classes, 5)) * 3, kind)
    mask = generator.random((3, classes, 5)) > 0.3
    mask[1, :, 2] = False
    mask = torch.tensor(mask) if kind.startswith("torch") else mask
    entropies, slopes = lw.entropy_and_gradient(values, 1, mask=mask, keepdims=True, temperature=2.0)
    assert tuple(entropies.shape) == (3, 1, 5)
    moved = [each.movedim(1, -1) if kind.startswith("torch") else np.moveaxis(each, 1, -1) for each in (values, mask)]
    flat, flat_slopes = lw.entropy_and_gradient(moved[0], mask=moved[1], temperature=2.0)
    np.testing.assert_array_equal(values_of(entropies)[:, 0], values_of(flat))
    np.testing.assert_array_equal(values_of(slopes), np.moveaxis(values_of(flat_slopes), -1, 1))
    expected, expected_slopes = reference.entropy(values_of(values), 1, mask=np.asarray(mask), temperature=2.0)
    dtype = kind.split()[1]
    check_ulp(values_of(entropies)[:, 0], expected, dtype, REFERENCE_ULP[dtype])
    check_ulp(values_of(slopes), expected_slopes, dtype, GRADIENT_ULP[dtype], scale=np.array(1.0))
    assert values_of(entropies)[1, 0, 2] == 0.0
    assert not values_of(slopes)[1, :, 2].any()


ROWS = [[-INF, -INF, -INF], [INF, 0.0, 1.0], [0.0, NAN, 1.0], [-INF, 0.0, 0.0], [-INF, NAN, -INF], [7.0, -INF, -INF]]
ENTROPIES = [0.0, NAN, NAN, np.log(2.0), NAN, 0.0]


@pytest.mark.parametrize("repeats", [1, 60])
@pytest.mark.parametrize("kind", KINDS)
def test_degenerate_rows(kind, repeats):
    rows = np.pad(ROWS, ((0, 0), (0, 3 * (repeats - 1))), constant_values=-INF)
    logits, dtype = make(rows, kind), kind.split()[1]
    entropies, slopes = lw.entropy_and_gradient(logits)
    check_ulp(values_of(entropies), np.array(ENTROPIES), dtype, VALUE_ULP[dtype])
    finite = np.isfinite(ENTROPIES)
    assert not values_of(slopes)[finite].any()
    assert np.isnan(values_of(slopes)[~finite]).any(1).all()
    if kind.startswith("torch"):
        mapped = torch.func.vmap(lw.entropy)(logits)
        check_ulp(values_of(mapped), np.array(ENTROPIES), dtype, VALUE_ULP[dtype])
        derivative = torch.func.grad(lambda z: lw.entropy(z).sum())(logits)
        assert not values_of(derivative)[finite].any()


def test_single_numbers_and_no_classes():
    assert lw.entropy(3.0) == 0.0
    assert lw.entropy(torch.tensor(3.0)).shape == ()
    assert lw.entropy(np.zeros((2, 0))).tolist() == [0.0, 0.0]
    assert lw.entropy(torch.zeros(2, 0, requires_grad=True)).tolist() == [0.0, 0.0]
    assert lw.entropy(np.zeros((0, 3))).shape == (0,)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_an_outer_gradient_for_each_row(dtype, keepdims):
    logits = torch.randn(6, 9, generator=torch.Generator().manual_seed(1)).to(dtype).requires_grad_()
    outer = torch.arange(6.0).to(dtype) * 100.0
    outer = outer.unsqueeze(1) if keepdims else outer
    exact_slopes = oracle.entropy(values_of(logits))[1] * values_of(outer).reshape(6, 1)
    name = str(dtype)[6:]
    for mask in (None, torch.ones(9, dtype=torch.bool)):  # with a mask, a call is not small
        entropies = lw.entropy(logits, keepdims=keepdims, mask=mask)
        (slopes,) = torch.autograd.grad(entropies, logits, outer)
        check_ulp(values_of(slopes), exact_slopes, name, GRADIENT_ULP[name], scale=values_of(outer).reshape(6, 1))


def test_derivatives_of_every_kind():
    logits = torch.randn(4, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64).requires_grad_()
    temperature = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: lw.entropy(z, temperature=2.0), logits, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda z, t: lw.entropy(z, temperature=t), (logits, temperature))
    assert torch.autograd.gradgradcheck(lambda z: lw.entropy(z, 0, keepdims=True), logits)
    plain = lw.entropy(logits.detach())
    torch.testing.assert_close(torch.func.vmap(lw.entropy)(logits.detach()), plain, rtol=1e-14, atol=0.0)
    torch._dynamo.reset()
    compiled = torch.compile(lambda z: lw.entropy(z, temperature=2.0), backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(logits), lw.entropy(logits, temperature=2.0), rtol=1e-13, atol=0.0)
    torch._dynamo.reset()


def test_out():
    logits = np.random.default_rng(4).standard_normal((5, 300))
    expected = lw.entropy_and_gradient(logits)
    out = np.empty_like(logits)
    for into in (out, logits):
        entropies, slopes = lw.entropy_and_gradient(logits, out=into)
        assert slopes is into
        np.testing.assert_array_equal(entropies, expected[0])
        np.testing.assert_array_equal(slopes, expected[1])
