"""Several axes of classes, by every route: the bits of the same classes on one axis."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

import logitwise as lw
from functional.budgets import GRADIENT_ULP, check_ulp
from functional.inputs import KINDS, make, values_of

SHAPE = (2, 3, 4, 5)
PLACES = {  # axes as they are named, and in the order of the array
    "neighbours": ((1, 2), (1, 2)),
    "first and last": ((-1, 0), (0, 3)),
    "last but one and first": ([2, 0], (0, 2)),
    "one": ((-2,), (2,)),
    "all named": ((3, 1, 0, 2), (0, 1, 2, 3)),
    "all": (None, (0, 1, 2, 3)),
    "none": ((), ()),
}
FUNCTIONS = ["softmax", "log_softmax", "logsumexp"]
VALUES = np.random.default_rng(0).standard_normal(SHAPE) * 20
MASK = np.random.default_rng(1).random(SHAPE) > 0.3


def on_one_axis(array: np.ndarray, together: tuple[int, ...]) -> np.ndarray:
    """Return the array with these axes as its last one."""
    others = [axis for axis in range(array.ndim) if axis not in together]
    rows = [array.shape[axis] for axis in others]
    return array.transpose(*others, *together).reshape(*rows, -1 if together else 1)


def as_before(rows: np.ndarray, together: tuple[int, ...]) -> np.ndarray:
    """Return what `on_one_axis` made, with all axes in their places again."""
    order = [*(axis for axis in range(len(SHAPE)) if axis not in together), *together]
    return rows.reshape([SHAPE[axis] for axis in order]).transpose(np.argsort(order))


def expected(function: str, kind: str, together: tuple[int, ...], **options: Any) -> np.ndarray:
    """Return what the call gives for classes on one axis."""
    if "mask" in options:
        options["mask"] = taken(on_one_axis(np.broadcast_to(options["mask"], SHAPE), together), kind)
    rows = values_of(getattr(lw, function)(make(on_one_axis(VALUES, together), kind), **options))
    return rows if function == "logsumexp" else as_before(rows, together)


def taken(mask: np.ndarray, kind: str) -> Any:
    return torch.tensor(mask) if kind.startswith("torch") else mask


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_several_axes_give_the_bits_of_one(function, place, kind):
    (axis, together), call, logits = PLACES[place], getattr(lw, function), make(VALUES, kind)
    for options in ({}, {"mask": MASK}, {"mask": MASK[0, 0, 0]}):
        kept = {name: taken(mask, kind) for name, mask in options.items()}
        result = call(logits, axis, **kept)
        assert result.dtype == logits.dtype
        np.testing.assert_array_equal(values_of(result), expected(function, kind, together, **options))
    if function == "logsumexp":
        kept = lw.logsumexp(logits, axis, keepdims=True)
        assert tuple(kept.shape) == tuple(1 if at in together else length for at, length in enumerate(SHAPE))
        np.testing.assert_array_equal(values_of(kept).reshape(-1), values_of(call(logits, axis)).reshape(-1))
        return
    warm = expected(function, kind, together, temperature=2.5)
    np.testing.assert_array_equal(values_of(call(logits, axis, temperature=2.5)), warm)
    for out in (make(np.zeros(SHAPE), kind), make(np.zeros((3, 2, 4, 5)), kind).swapaxes(0, 1), logits):
        assert call(logits, axis, out=out) is out
        np.testing.assert_array_equal(values_of(out), expected(function, kind, together))
        logits = make(VALUES, kind)


@pytest.mark.parametrize("kind", ["numpy float32", "torch float32"])
@pytest.mark.parametrize("axis", [None, (), (0,), (-1,)])
def test_a_single_number_is_a_row_of_one_class(axis, kind):
    for number in (3.0, -np.inf, np.nan):
        single = make(np.array(number), kind)
        for function in FUNCTIONS:
            result, one_axis = getattr(lw, function)(single, axis), getattr(lw, function)(single)
            assert (type(result), result.shape, result.dtype) == (type(one_axis), (), one_axis.dtype)
            np.testing.assert_array_equal(values_of(result), values_of(one_axis))
        assert lw.logsumexp(single, axis, keepdims=True).shape == ()
    assert lw.softmax(2.5, axis) == 1.0


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_no_classes_and_no_rows(framework):
    for shape, axis, rows in [
        ((2, 0, 3), (1, 2), (2,)),
        ((2, 0, 3), (0, 2), (0,)),
        ((0, 3), None, ()),
        ((2, 0), (), (2, 0)),
    ]:
        logits = make(np.zeros(shape), f"{framework} float32")
        assert lw.softmax(logits, axis).shape == lw.log_softmax(logits, axis).shape == shape
        result = lw.logsumexp(logits, axis)
        assert result.shape == rows
        assert (values_of(result) == -np.inf).all()


ERRORS = {
    "out of range": ((0, 2), "axis must be in [-2, 1] for logits of 2 axes; got 2."),
    "twice": ((0, -2), "axis must name each axis once; got (0, -2)."),
    "no integer": ((0, 1.0), "axis must be an integer; got 1.0."),
    "a boolean": ((True, 0), "axis must be an integer; got True."),
}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("axis", "message"), ERRORS.values(), ids=ERRORS)
def test_errors(axis, message, function):
    for logits in (np.zeros((2, 3)), torch.zeros(2, 3)):
        with pytest.raises((lw.InvalidValueError, lw.InvalidTypeError), match=f"^{re.escape(message)}$"):
            getattr(lw, function)(logits, axis)
        with pytest.raises((lw.InvalidValueError, lw.InvalidTypeError), match=f"^{re.escape(message)}$"):
            lw.logsumexp(logits, axis, b=logits)


def test_errors_name_shapes_as_the_caller_knows_them():
    logits = np.zeros((2, 3, 4))
    with pytest.raises(ValueError, match=r"^out must have the shape of the result, \(2, 3, 4\); got \(2, 12\)\.$"):
        lw.softmax(logits, (1, 2), out=np.zeros((2, 12)))
    with pytest.raises(
        ValueError, match=r"^mask must broadcast to the shape of logits, \(2, 3, 4\); got shape \(2,\)\.$"
    ):
        lw.softmax(logits, (1, 2), mask=np.ones(2, bool))


@pytest.mark.parametrize("place", ["neighbours", "first and last", "all", "none"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_derivatives(function, place):
    (axis, together), call = PLACES[place], getattr(lw, function)
    logits = torch.tensor(VALUES / 20, requires_grad=True)
    weight = torch.linspace(-1, 1, call(logits, axis).numel(), dtype=torch.float64)
    (gradient,) = torch.autograd.grad((call(logits, axis).reshape(-1) * weight).sum(), logits)
    rows = torch.tensor(on_one_axis(VALUES / 20, together), requires_grad=True)
    order = np.arange(rows.numel() if function != "logsumexp" else weight.numel())
    if function != "logsumexp":
        order = on_one_axis(order.reshape(SHAPE), together).reshape(-1)
    (by_rows,) = torch.autograd.grad((call(rows).reshape(-1) * weight[order]).sum(), rows)
    check_ulp(gradient, as_before(by_rows.numpy(), together), "float64", GRADIENT_ULP["float64"], scale=np.ones(SHAPE))


@pytest.mark.parametrize("axis", [(0, 2), None])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_derivatives_of_every_order_and_mode(function, axis):
    call, small = getattr(lw, function), torch.tensor(VALUES[:, :2, :2, 0] / 20, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: call(z, axis), small, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(lambda z: call(z, axis), small)


@pytest.mark.parametrize("axis", [(0, 3), None])
def test_transforms_and_compiled_code(axis):
    logits = torch.tensor(VALUES)
    torch.compiler.reset()
    for function in FUNCTIONS:
        call = getattr(lw, function)
        mapped = torch.vmap(lambda z, call=call: call(z, axis))(torch.stack([logits, -logits]))
        torch.testing.assert_close(mapped, torch.stack([call(logits, axis), call(-logits, axis)]), rtol=1e-14, atol=0.0)
        compiled = torch.compile(lambda z, call=call: call(z, axis), backend="eager", fullgraph=True)
        torch.testing.assert_close(compiled(logits), call(logits, axis), rtol=1e-14, atol=0.0)
