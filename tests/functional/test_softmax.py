"""softmax, log_softmax, logsumexp: the cases in every framework and dtype, then axes, masks, temperature, outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import logitwise as lw
from functional.budgets import VALUE_ULP, check_ulp
from functional.cases import CASES, DEGENERATE
from functional.inputs import KINDS, exact, make, stored, values_of
from logitwise import reference

FUNCTIONS = ["softmax", "log_softmax"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("name", CASES)
def test_value(name, function, kind):
    dtype = kind.split()[1]
    logits = make(stored(name, dtype), kind)
    result = getattr(lw, function)(logits)
    assert result.dtype == logits.dtype
    check_ulp(values_of(result), exact(function, name, dtype), dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_logsumexp(name, kind):
    dtype = kind.split()[1]
    logits = stored(name, dtype)
    largest = np.abs(logits).max(1, where=np.isfinite(logits), initial=0.0)
    result = lw.logsumexp(make(logits, kind))
    check_ulp(values_of(result), exact("logsumexp", name, dtype), dtype, VALUE_ULP[dtype], scale=largest)
    np.testing.assert_array_equal(values_of(lw.logsumexp(make(logits, kind), keepdims=True))[:, 0], values_of(result))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_rows(name, kind):
    dtype = kind.split()[1]
    logits, *answers = DEGENERATE[name]
    rows = make(np.array([logits, [0.0] * len(logits)]), kind)
    for function, answer in zip((*FUNCTIONS, "logsumexp"), answers, strict=True):
        check_ulp(values_of(getattr(lw, function)(rows))[0], np.array(answer), dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("kind", ["numpy float32", "torch float32", "numpy float64", "torch float64"])
@pytest.mark.parametrize("temperature", [0.05, 0.7, 12.0])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_temperature(function, temperature, kind):
    dtype = kind.split()[1]
    for name in ("wide spread", "confident", "five classes"):
        result = getattr(lw, function)(make(stored(name, dtype), kind), temperature=temperature)
        check_ulp(values_of(result), exact(function, name, dtype, temperature), dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("axis", [0, 1, 2, -3, -2, -1])
@pytest.mark.parametrize("function", [*FUNCTIONS, "logsumexp"])
def test_axis_gives_the_same_bits(function, axis, kind):
    values = np.random.default_rng(1).standard_normal((3, 4, 5)) * 20
    last = values_of(getattr(lw, function)(make(np.moveaxis(values, axis, -1).copy(), kind)))
    expected = last if function == "logsumexp" else np.moveaxis(last, -1, axis)
    np.testing.assert_array_equal(values_of(getattr(lw, function)(make(values, kind), axis)), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("function", [*FUNCTIONS, "logsumexp"])
def test_batch_gives_the_same_bits(function, kind):
    rows = make(np.random.default_rng(2).standard_normal((67, 31)) * 30, kind)
    together = values_of(getattr(lw, function)(rows))
    for i in (0, 1, 33, 66):
        np.testing.assert_array_equal(values_of(getattr(lw, function)(rows[i])), together[i])


@pytest.mark.parametrize("kind", KINDS)
def test_mask_leaves_classes_out(kind):
    values = np.array([[1.0, np.nan, 2.0], [np.inf, 0.5, -1.0], [np.nan, np.nan, np.nan]])
    mask = np.array([[True, False, True], [False, True, True], [False, False, False]])
    kept = np.where(mask, values, -np.inf)
    flags = torch.as_tensor(mask) if kind.startswith("torch") else mask
    for function in (*FUNCTIONS, "logsumexp"):
        call = getattr(lw, function)
        np.testing.assert_array_equal(
            values_of(call(make(values, kind), mask=flags)), values_of(call(make(kept, kind)))
        )


MASKED = {
    "softmax": lw.softmax,
    "log_softmax": lw.log_softmax,
    "logsumexp": lw.logsumexp,
    "logsumexp, b": lambda z, **options: lw.logsumexp(z, b=z, **options),
    "entropy": lw.entropy,
    "entropy_and_gradient": lw.entropy_and_gradient,
    "kl_divergence": lambda z, **options: lw.kl_divergence(z, 2 * z, reduction="none", **options),
    "kl_divergence_and_gradient": lambda z, **options: lw.kl_divergence_and_gradient(z, 2 * z, **options),
}


@pytest.mark.parametrize("shape", [(), (5,), (4, 1), (1, 5), (3, 1, 1), (3, 1, 5), (3, 4, 1)], ids=str)
@pytest.mark.parametrize("kind", ["numpy float32", "torch float64", "torch bfloat16"])
@pytest.mark.parametrize("name", MASKED)
def test_mask_broadcasts(name, kind, shape):
    generator = np.random.default_rng(len(shape))
    values, mask = generator.standard_normal((3, 4, 5)), generator.random(shape) < 0.6
    whole = np.ascontiguousarray(np.broadcast_to(mask, values.shape))
    for axis in (0, 1, -1):
        found, expected = (
            MASKED[name](make(values, kind), mask=torch.tensor(each) if kind.startswith("torch") else each, axis=axis)
            for each in (mask, whole)
        )
        pairs = zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]
        for result, other in pairs:
            np.testing.assert_array_equal(values_of(result), values_of(other))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_out(function, kind):
    logits = make(CASES["five classes"], kind)
    expected = values_of(getattr(lw, function)(logits))
    out = make(np.zeros((5, 17)), kind).T
    assert getattr(lw, function)(logits, out=out) is out
    np.testing.assert_array_equal(values_of(out), expected)
    assert getattr(lw, function)(logits, out=logits) is logits
    np.testing.assert_array_equal(values_of(logits), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", [*FUNCTIONS, "logsumexp"])
def test_shapes_without_rows_and_without_axes_left(function, dtype):
    empty = getattr(lw, function)(np.empty((0, 3), dtype))
    assert empty.shape == ((0,) if function == "logsumexp" else (0, 3))
    assert getattr(lw, function)(np.empty((3, 0), dtype), 0).shape == ((0,) if function == "logsumexp" else (3, 0))
    single = lw.logsumexp(np.zeros(4, dtype))
    assert isinstance(single, np.dtype(dtype).type)


def test_lists_and_integers_are_float64():
    np.testing.assert_array_equal(lw.softmax([2, 1, 0]), lw.softmax(np.array([2.0, 1.0, 0.0])))
    assert lw.softmax(np.array([[1, 2]], dtype=np.uint8)).dtype == np.float64


def test_memory_layout_does_not_matter():
    values = np.random.default_rng(3).standard_normal((8, 6)).astype(np.float32)
    expected = lw.softmax(values)
    big_endian, strided = values.astype(">f4"), np.repeat(values, 2, axis=1)[:, ::2]
    for same in (big_endian, strided, np.asfortranarray(values), np.flip(np.flip(values).copy())):
        np.testing.assert_array_equal(lw.softmax(same), expected)
    read_only = values.copy()
    read_only.flags.writeable = False
    np.testing.assert_array_equal(lw.softmax(read_only), expected)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    hnp.arrays(
        np.float32, hnp.array_shapes(min_dims=1, max_dims=4, max_side=6), elements=st.floats(-200, 200, width=32)
    )
)
def test_any_array_agrees_with_the_reference(logits):
    for axis in range(-logits.ndim, logits.ndim):
        for function in FUNCTIONS:
            expected = getattr(reference, function)(logits, axis)
            check_ulp(getattr(lw, function)(logits, axis), expected, "float32", VALUE_ULP["float32"])
            check_ulp(
                values_of(getattr(lw, function)(torch.from_numpy(logits), axis)),
                expected,
                "float32",
                VALUE_ULP["float32"],
            )


@pytest.mark.parametrize("function", [*FUNCTIONS, "logsumexp"])
def test_torch_derivatives(function):
    logits = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    call = getattr(lw, function)
    assert torch.autograd.gradcheck(call, logits, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(call, logits)
    assert torch.autograd.gradcheck(lambda z: call(z, 0), logits)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_masked_class_has_no_derivative(function):
    call, generator = getattr(lw, function), torch.Generator().manual_seed(1)
    logits, outer = torch.randn(2, 3, 4, dtype=torch.float64, generator=generator)
    mask = torch.tensor([[True, False, True, True], [True, True, False, True], [False, False, False, False]])
    derivatives = torch.func.vjp(lambda z: call(z, mask=mask), logits)[1](outer)[0]
    forward = torch.func.jvp(lambda z: call(z, mask=mask), (logits,), (outer,))[1]
    recorded = logits.clone().requires_grad_()
    call(recorded, mask=mask).backward(outer)
    check_ulp(values_of(recorded.grad), values_of(derivatives), "float64", VALUE_ULP["float64"])
    assert not derivatives[~mask].any()
    assert not forward[~mask].any()
    for row, taken in enumerate(mask[:2]):
        alone = torch.func.vjp(call, logits[row, taken])[1](outer[row, taken])[0]
        check_ulp(values_of(derivatives[row, taken]), values_of(alone), "float64", VALUE_ULP["float64"])


ALL = (*FUNCTIONS, "logsumexp")
NO_CLASS = [((3, 0), 1), ((0, 3), 0), ((0,), 0), ((0, 0), -1), ((2, 0, 3), 1)]
ONE_NUMBER = [3.0, -2.5, np.inf, -np.inf, np.nan]
WAYS = {
    "kernel": lambda function, logits: function(logits.detach()),
    "recorded": lambda function, logits: function(logits.clone().requires_grad_()),
    "vmap": lambda function, logits: torch.vmap(function)(logits.unsqueeze(0)).squeeze(0),
}


def function_of(name, axis, **options):
    return lambda logits: getattr(lw, name)(logits, axis, **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ALL)
def test_a_single_number_is_a_row_of_one_class(name, kind):
    for number in ONE_NUMBER:
        row, single = (make(np.array(value), kind) for value in ([number], number))
        for axis in (0, -1):
            result, expected = getattr(lw, name)(single, axis), getattr(lw, name)(row, 0).reshape(())
            assert (result.shape, result.dtype) == ((), row.dtype)
            np.testing.assert_array_equal(values_of(result), values_of(expected))
    if name == "logsumexp":
        assert lw.logsumexp(single, keepdims=True).shape == ()
    else:
        masked = getattr(lw, name)(single, temperature=2.0, mask=np.False_ if "numpy" in kind else torch.tensor(False))
        assert values_of(masked) == (0.0 if name == "softmax" else -np.inf)
        assert getattr(lw, name)(2.5) == getattr(lw, name)([2.5])[0]
    with pytest.raises(ValueError, match=r"^axis must be in \[-1, 0\] for logits of 1 axes; got 1\.$"):
        getattr(lw, name)(single, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("shape", "axis"), NO_CLASS)
def test_no_class_gives_no_probability_and_a_sum_of_nothing(shape, axis, kind):
    logits = make(np.empty(shape), kind)
    for name in FUNCTIONS:
        result = getattr(lw, name)(logits, axis, temperature=0.5)
        assert (result.shape, result.dtype) == (logits.shape, logits.dtype)
        out = make(np.empty(shape), kind)
        assert getattr(lw, name)(logits, axis, out=out) is out
    for keepdims in (False, True):
        result = values_of(lw.logsumexp(logits, axis, keepdims=keepdims))
        assert result.shape == np.empty(shape).sum(axis, keepdims=keepdims).shape
        assert np.isneginf(result).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ALL)
def test_single_numbers_and_no_class_are_the_same_on_every_route(name, way, dtype):
    inputs = [(torch.tensor(number, dtype=dtype), 0) for number in ONE_NUMBER]
    inputs += [(torch.empty(shape, dtype=dtype), axis) for shape, axis in NO_CLASS]
    for logits, axis in inputs:
        for keepdims in [{"keepdims": False}, {"keepdims": True}] if name == "logsumexp" else [{}]:
            function = function_of(name, axis, **keepdims)
            result, expected = WAYS[way](function, logits), function(logits)
            assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
            np.testing.assert_array_equal(values_of(result), values_of(expected))


@pytest.mark.parametrize("name", ALL)
def test_single_numbers_and_no_class_in_compiled_code(name):
    torch.compiler.reset()
    compiled = torch.compile(getattr(lw, name), backend="eager", fullgraph=True)
    for logits in (torch.tensor(3.0), torch.empty(3, 0)):
        assert torch.equal(compiled(logits), getattr(lw, name)(logits))


@pytest.mark.parametrize("name", ALL)
def test_single_numbers_and_no_class_have_derivatives(name):
    function, slope = function_of(name, 0), float(name == "logsumexp")
    number = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(function(number), number, create_graph=True)
    assert (gradient.shape, gradient.item()) == ((), slope)
    assert torch.autograd.grad(gradient + 0.0 * number, number)[0] == 0.0
    assert torch.func.grad(function)(number.detach()) == slope
    assert torch.func.jvp(function, (number.detach(),), (torch.ones_like(number),))[1] == slope
    for shape, axis in NO_CLASS:
        logits = torch.empty(shape, requires_grad=True)
        assert torch.autograd.grad(function_of(name, axis)(logits).sum(), logits)[0].shape == shape
