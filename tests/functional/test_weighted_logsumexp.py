"""`logsumexp` with factors of the exponentials and the sign of the sum, by every route."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

import logitwise as lw
from functional import oracle
from functional.budgets import CANCELLED_ULP, GRADIENT_ULP, VALUE_ULP, check_ulp
from functional.inputs import KINDS, make, values_of

FLOATS = ["float64", "float32", "bfloat16", "float16"]


def rows_of(seed: int, classes: int, spread: float, scale: float, signed: bool) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    b = np.exp(np.clip(generator.normal(size=(3, classes)) * scale, -700, 700))
    return generator.normal(size=(3, classes)) * spread, b * generator.choice([-1.0, 1.0], b.shape) if signed else b


CASES = {
    "one class": rows_of(0, 1, 10.0, 3.0, True),
    "positive": rows_of(1, 5, 3.0, 2.0, False),
    "signed": rows_of(2, 7, 1.0, 2.0, True),
    "wide spread": rows_of(3, 40, 300.0, 20.0, True),
    "factors far apart": rows_of(4, 9, 200.0, 400.0, True),
    "many classes": rows_of(5, 300, 2.0, 1.0, False),
    "many signed classes": rows_of(6, 300, 2.0, 1.0, True),
    "zeros among the factors": (np.arange(12.0).reshape(3, 4), (np.arange(12.0) % 3 - 1.0).reshape(3, 4)),
    "sums near one": (np.log([[0.25, 0.5, 0.125]]), np.array([[2.0, 0.75, 1.0]])),
    "equal logits that cancel": (np.full((3, 4), 0.7), np.array([[1.0, 1, 1, -3], [5, -2, -2, -1], [1, -1, 3, -3]])),
}
# Nearly equal terms of both signs: what is left is the difference of their logits.
DIFFERENCES = {
    "two": ([[1.0, 1.0 + 2.0**-20], [-300.0, -300.0 - 2.0**-30]], [[1.0, -1.0], [2.5, -2.5]]),
    "four": ([[2.0, 2.0 + 2.0**-25, 2.0, 2.0 - 2.0**-24]], [[1.0, -3.0, 5.0, -3.0]]),
}
DEGENERATE = {  # logits, factors, the logarithm, the sign
    "no factor": ([1.0, np.nan], [0.0, 0.0], -np.inf, 0.0),
    "-inf alone": ([-np.inf, -np.inf], [1.0, -2.0], -np.inf, 0.0),
    "-inf beside a number": ([-np.inf, 3.0], [5.0, -1.0], 3.0, -1.0),
    "NaN": ([np.nan, 1.0], [1.0, 1.0], np.nan, np.nan),
    "NaN beside +inf": ([np.nan, np.inf], [1.0, -1.0], np.nan, np.nan),
    "NaN, factor 0": ([np.nan, 1.0], [0.0, 1.0], 1.0, 1.0),
    "+inf, factor 0": ([np.inf, 1.0], [0.0, -1.0], 1.0, -1.0),
    "+inf": ([np.inf, 1.0], [2.0, -1.0], np.inf, 1.0),
    "-inf of the sum": ([np.inf, np.inf], [-2.0, -1.0], np.inf, -1.0),
    "inf of both signs": ([np.inf, np.inf], [-2.0, 1.0], np.nan, np.nan),
    "a sum of 0": ([0.5, 0.5], [-2.0, 2.0], -np.inf, 0.0),
    "the largest numbers": ([1.5e308, 1.5e308], [1.0, 1.0], 1.5e308, 1.0),
    "numbers far apart": ([1.5e308, -1.5e308], [-1.0, 1.0], 1.5e308, -1.0),
    "factors that make up for logits": ([0.0, 2000 * np.log(2.0)], [2.0**1000, 2.0**-1000], 1001 * np.log(2.0), 1.0),
    "the smallest factors": ([700.0, 700.0], [2.0**-1074, 0.0], 700.0 - 1074 * np.log(2.0), 1.0),
}
WAYS = {
    "arrays": lambda function, *arrays: function(*arrays),
    "tensors": lambda function, *arrays: function(*map(torch.tensor, arrays)),
    "recorded": lambda function, *arrays: function(*(torch.tensor(each, requires_grad=True) for each in arrays)),
    "vmap": lambda function, *arrays: torch.vmap(function)(*map(torch.tensor, arrays)),
}


def with_sign(logits, b, axis=-1, **options):
    return lw.logsumexp(logits, axis, b=b, return_sign=True, **options)


def like(values, logits) -> np.ndarray | torch.Tensor:
    """Return float64 values in the framework of the logits."""
    return torch.tensor(values) if isinstance(logits, torch.Tensor) else np.array(values)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_value(name, kind):
    values, b = CASES[name]
    logits, dtype = make(values, kind), kind.split()[1]
    stored = values_of(logits)
    exact, exact_sign, _, condition = oracle.weighted_logsumexp(stored, b)
    value, sign = with_sign(logits, like(b, logits))
    assert value.dtype == sign.dtype == logits.dtype
    np.testing.assert_array_equal(values_of(sign), exact_sign)
    logarithms = np.abs(np.log(np.abs(np.where(b == 0.0, 1.0, b))))
    scale = np.maximum(np.abs(stored), logarithms).max(1)
    cancelled = CANCELLED_ULP * 2.0**-52 * np.where(np.isfinite(condition), condition, 0.0)
    unit = np.finfo(np.float64).eps if dtype == "float64" else float(torch.finfo(getattr(torch, dtype)).eps)
    check_ulp(values_of(value), exact, dtype, VALUE_ULP[dtype], scale=np.maximum(scale, cancelled / unit))
    for keepdims in (False, True):
        result = values_of(lw.logsumexp(logits, b=like(b, logits), keepdims=keepdims))
        expected = np.where(exact_sign < 0.0, np.nan, values_of(value))
        np.testing.assert_array_equal(result, expected[:, None] if keepdims else expected)


@pytest.mark.parametrize("kind", ["numpy float64", "torch float64", "torch float32"])
@pytest.mark.parametrize("name", DIFFERENCES)
def test_what_is_left_of_nearly_equal_terms_keeps_its_digits(name, kind):
    values, b = map(np.array, DIFFERENCES[name])
    logits, dtype = make(values, kind), kind.split()[1]
    exact, exact_sign, *_ = oracle.weighted_logsumexp(values_of(logits), b)
    value, sign = with_sign(logits, like(b, logits))
    np.testing.assert_array_equal(values_of(sign), exact_sign)
    check_ulp(values_of(value), exact, dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_rows(name, way):
    logits, b, *expected = DEGENERATE[name]
    arrays = (np.array([logits, [0.0, 1.0]]), np.array([b, [1.0, 1.0]]))
    found = WAYS[way](with_sign, *arrays)
    np.testing.assert_allclose([values_of(each)[0] for each in found], expected, rtol=1e-15)
    assert np.isfinite(values_of(found[0])[1])


@pytest.mark.parametrize("way", WAYS)
def test_shapes_without_classes_rows_and_axes(way):
    for shape, result in [((2, 0), (2,)), ((2, 0, 3), (2, 0)), ((2, 1), (2,))]:
        value, sign = WAYS[way](with_sign, np.zeros(shape), np.ones(shape))
        assert value.shape == sign.shape == result
        assert (values_of(value) == (-np.inf if shape == (2, 0) else 0.0)).all()
    assert isinstance(lw.logsumexp(3.0, b=2.0), np.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_factor_0_or_is_masked_is_not_read(kind):
    clean = make(np.array([[1.0, 0.0, 2.0, 0.0]] * 3), kind)
    spoiled = make(np.array([[1.0, np.nan, 2.0, np.inf]] * 3), kind)
    mask = np.array([True, False, True, True])
    b = np.array([1.0, np.nan, -2.0, 0.0])
    for way, logits in (("clean", clean), ("spoiled", spoiled)):
        options = {"mask": torch.tensor(mask)} if "torch" in kind else {"mask": mask}
        value, sign = with_sign(logits, like(b, logits), **options)
        if way == "clean":
            expected = values_of(value)
        assert (values_of(sign) == -1.0).all()
    np.testing.assert_array_equal(values_of(value), expected)
    exact = oracle.weighted_logsumexp(values_of(clean), np.array([[1.0, 0.0, -2.0, 0.0]] * 3))[0]
    check_ulp(expected, exact, kind.split()[1], VALUE_ULP[kind.split()[1]])


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_logits_and_factors_broadcast_together(framework):
    generator = np.random.default_rng(0)
    values, factors = generator.normal(size=(4, 1, 2, 1)), generator.normal(size=(3, 1, 5))
    together = [make(each, f"{framework} float64") for each in np.broadcast_arrays(values, factors)]
    logits, b = (make(each, f"{framework} float64") for each in (values, factors))
    for axis in (1, (0, 3), None):
        found, expected = with_sign(logits, b, axis), with_sign(*together, axis)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(values_of(one), values_of(other))


@pytest.mark.parametrize("kind", ["numpy float32", "torch float32", "torch float64"])
def test_factors_of_other_dtypes(kind):
    logits = make(np.array([[1.0, 2.0, 3.0]]), kind)
    expected = values_of(lw.logsumexp(logits, b=like([1.0, 2.0, 3.0], logits)))
    for dtype in ("int64", "int8", "float32", "float16"):
        b = like(np.array([1, 2, 3]).astype(dtype), logits)
        np.testing.assert_array_equal(values_of(lw.logsumexp(logits, b=b)), expected)
    if kind.startswith("numpy"):
        np.testing.assert_array_equal(lw.logsumexp(logits, b=[1, 2, 3]), expected)


@pytest.mark.parametrize("kind", ["numpy float64", "torch float64", "torch float16"])
@pytest.mark.parametrize("classes", [5, 300])
def test_batch_axis_and_layout_give_the_same_bits(kind, classes):
    generator = np.random.default_rng(classes)
    logits, b = (generator.normal(size=(11, 3, classes)) for _ in range(2))
    together = [values_of(each) for each in with_sign(make(logits, kind), make(b, kind))]
    for axis in (0, 1):
        moved = [make(np.moveaxis(each, -1, axis), kind) for each in (logits, b)]
        for one, other in zip(with_sign(*moved, axis), together, strict=True):
            np.testing.assert_array_equal(values_of(one), other)
    for one, other in zip(with_sign(make(logits[4, 1], kind), make(b[4, 1], kind)), together, strict=True):
        np.testing.assert_array_equal(values_of(one), other[4, 1])


@pytest.mark.parametrize("kind", KINDS)
def test_the_sign_without_factors(kind):
    rows = np.array([[1.0, 2.0], [-np.inf, -np.inf], [np.nan, 1.0], [np.inf, 1.0]])
    logits = make(rows, kind)
    for options in ({}, {"axis": (1,), "keepdims": True}):
        value, sign = lw.logsumexp(logits, return_sign=True, **options)
        np.testing.assert_array_equal(values_of(value), values_of(lw.logsumexp(logits, **options)))
        assert (sign.shape, sign.dtype) == (value.shape, value.dtype)
        np.testing.assert_array_equal(values_of(sign).reshape(-1), [1.0, 0.0, np.nan, 1.0])
    assert lw.logsumexp([1.0, 2.0], return_sign=True)[1] == 1.0


LOGITS = np.zeros((2, 3))
ERRORS = {
    "NaN": (LOGITS, [1.0, np.nan, 1.0], "b must be finite; got nan at index (0, 1) (2 such entries)."),
    "infinity": (torch.zeros(3), torch.tensor([1.0, 1.0, -np.inf]), "b must be finite; got -inf at index 2."),
    "shape": (LOGITS, np.ones(2), "b must broadcast with the shape of logits, (2, 3); got shape (2,)."),
    "framework": (
        torch.zeros(3), [1.0, 1.0, 1.0],
        "b must be a torch tensor like logits; got [1.0, 1.0, 1.0] of type list. Convert with torch.as_tensor.",
    ),
    "dtype": (LOGITS, np.ones(3, bool), "b must be numbers; got dtype bool."),
    "complex": (LOGITS, np.ones(3, complex), "b must be numbers; got dtype complex128."),
}  # fmt: skip


@pytest.mark.parametrize(("logits", "b", "message"), ERRORS.values(), ids=ERRORS)
def test_errors(logits, b, message):
    with pytest.raises((lw.InvalidValueError, lw.InvalidTypeError), match=f"^{re.escape(message)}$"):
        lw.logsumexp(logits, b=b)


def gradients_of(value: torch.Tensor, *tensors: torch.Tensor) -> list[np.ndarray]:
    return [values_of(each) for each in torch.autograd.grad(value.sum(), tensors)]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", [name for name in CASES if name != "equal logits that cancel"])
def test_gradients(name, dtype):
    """Each is `b_j exp(z_j) / sum` and `exp(z_j) / sum`; a class without a factor has none."""
    logits = make(CASES[name][0], f"torch {dtype}").requires_grad_()
    b = torch.tensor(CASES[name][1], requires_grad=True)
    _, _, shares, condition = oracle.weighted_logsumexp(values_of(logits), values_of(b))
    by_logits, by_b = gradients_of(with_sign(logits, b)[0], logits, b)
    scale = condition[:, None] * np.maximum(np.abs(shares), 1.0)
    check_ulp(by_logits, shares, dtype, GRADIENT_ULP[dtype], scale=scale)
    factors = values_of(b)
    exact = np.divide(shares, factors, out=np.zeros_like(shares), where=factors != 0.0)
    check_ulp(by_b * np.abs(factors), exact * np.abs(factors), "float64", GRADIENT_ULP["float64"], scale=scale)
    assert not by_b[factors == 0.0].any()


@pytest.mark.parametrize("largest", [20.0, 50.0, 300.0])
def test_derivatives_are_exact_in_the_tails(largest):
    """Relative to themselves: `1 - p` of a sure class is the sum of the others."""
    logits = torch.tensor([largest, 0.0, -1.0], dtype=torch.float64)
    b = torch.tensor([3.0, -2.0, 0.5], dtype=torch.float64)
    _, _, (shares,), _ = oracle.weighted_logsumexp(logits[None].numpy(), b[None].numpy())
    gradient = torch.func.grad(lambda z: with_sign(z, b)[0])(logits)
    check_ulp(gradient.numpy(), shares, "float64", VALUE_ULP["float64"])
    hessian = torch.func.hessian(lambda z: with_sign(z, b)[0])(logits).numpy()
    exact = np.diag(shares) - np.outer(shares, shares)
    exact[0, 0] = shares[0] * (shares[1] + shares[2])
    check_ulp(hessian, exact, "float64", VALUE_ULP["float64"])


def inputs(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(3, 4, dtype=torch.float64, generator=generator).requires_grad_() for _ in range(2))


@pytest.mark.parametrize("axis", [-1, 0, None])
def test_derivatives_of_every_order_and_mode(axis):
    mask = torch.tensor([[True, True, False, True], [False, True, True, True], [True, True, True, False]])
    for options in ({}, {"mask": mask}):

        def logarithm(logits, b, options=options):
            return with_sign(logits, b, axis, **options)[0]

        assert gradcheck(logarithm, inputs(), check_forward_ad=True, check_batched_grad=True)
        assert gradgradcheck(logarithm, inputs())
    *_, sign = with_sign(*inputs())
    assert not sign.requires_grad


def test_derivatives_of_a_sum_of_0_are_0_and_of_infinite_rows_nan():
    logits = torch.tensor([[0.5, 0.5], [-np.inf, -np.inf], [np.inf, 1.0], [np.nan, 1.0]], requires_grad=True)
    b = torch.tensor([[1.0, -1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]], requires_grad=True)
    gradients = gradients_of(with_sign(logits, b)[0], logits, b)
    for gradient in gradients:
        np.testing.assert_array_equal(gradient, [[0.0, 0.0], [0.0, 0.0], [np.nan, np.nan], [np.nan, np.nan]])


def test_transforms_give_the_values_and_gradients_of_eager_calls():
    logits, b = (each.detach() for each in inputs())
    expected = with_sign(logits, b)
    one_by_one = torch.vmap(with_sign, in_dims=(0, 0))(logits, b)
    shared = torch.vmap(with_sign, in_dims=(0, None))(logits, b[0])
    for found, wanted in ((one_by_one, expected), (shared, with_sign(logits, b[0].expand(3, 4)))):
        torch.testing.assert_close(found, wanted, rtol=0.0, atol=0.0)
    leaves = inputs()
    wanted = torch.autograd.grad(with_sign(*leaves)[0].sum(), leaves)
    found = torch.func.grad(lambda z, f: with_sign(z, f)[0].sum(), argnums=(0, 1))(logits, b)
    torch.testing.assert_close(found, wanted, rtol=0.0, atol=0.0)
    checkpointed = torch.utils.checkpoint.checkpoint(lambda z, f: with_sign(z, f)[0], *leaves, use_reentrant=False)
    torch.testing.assert_close(torch.autograd.grad(checkpointed.sum(), leaves), wanted, rtol=0.0, atol=0.0)


@pytest.mark.parametrize("axis", [-1, (0, 1)])
def test_compiled_code(axis):
    torch.compiler.reset()
    compiled = torch.compile(lambda z, b: with_sign(z, b, axis), backend="eager", fullgraph=True)
    leaves = inputs()
    found, expected = compiled(*leaves), with_sign(*leaves, axis)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(each[0].sum(), leaves) for each in (found, expected)]
    torch.testing.assert_close(*gradients)
