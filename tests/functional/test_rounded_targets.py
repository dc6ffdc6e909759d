"""Numbers that rounding moved a little outside [0, 1] are inside, and count as 0 or 1; what is further out is refused.

They come from sums: class probabilities added up, the remainder `1 - sum`, resized masks, averages of annotators.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import logitwise as lw
from functional.inputs import KINDS, make, values_of

ULP = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-23}  # 64 bits: of rounded sums
LOGITS = np.array([100.0, 100.0, -100.0, -100.0, 0.5, np.inf, -np.inf, 0.0])
WHOLE = np.array([1.0, 1.0, 0.0, 0.0, 0.25, 1.0, 0.0, 1.0])


def off(target: np.ndarray, dtype: str, ulp: int) -> np.ndarray:
    """Return a target with its zeros and ones moved outside [0, 1]."""
    return target + ulp * ULP[dtype] * ((target == 1.0) * 1.0 - (target == 0.0))


def assert_same(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(values_of(ours), values_of(theirs))


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("ulp", [1, 2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_binary_targets(kind, ulp, reduction):
    dtype = kind.split()[1]
    logits, rounded = make(LOGITS, kind), make(off(WHOLE, dtype, ulp), kind)
    assert values_of(rounded).max() > 1.0
    assert values_of(rounded).min() < 0.0
    found, expected = (
        lw.binary_cross_entropy_with_logits_and_gradient(logits, target, reduction=reduction)
        for target in (rounded, make(WHOLE, kind))
    )
    assert_same(found, expected)
    assert_same([lw.binary_cross_entropy_with_logits(logits, rounded, reduction=reduction)], expected[:1])


@pytest.mark.parametrize("logits_dtype", ["float32", "float64"])
def test_a_target_of_sixteen_bits_beside_wider_logits(logits_dtype):
    for dtype in ("float16", "bfloat16"):
        logits = make(LOGITS, f"torch {logits_dtype}")
        found, expected = (
            lw.binary_cross_entropy_with_logits(logits, make(target, f"torch {dtype}"))
            for target in (off(WHOLE, dtype, 3), WHOLE)
        )
        assert_same([found], [expected])


def test_the_cumulative_sum_of_a_softmax():
    probabilities = lw.softmax(np.random.default_rng(0).normal(size=(64, 1000)).astype(np.float32))
    target = np.cumsum(probabilities, 1)
    assert target.max() > 1.0
    for rounded in (target, torch.tensor(target), target.tolist()):
        logits = np.full((64, 1000), 50.0) if not isinstance(rounded, torch.Tensor) else torch.full((64, 1000), 50.0)
        losses = lw.binary_cross_entropy_with_logits(logits, rounded, reduction="none")
        assert values_of(losses).min() >= 0.0


def routes():
    """Return, by name, functions from a target to losses and gradients by every route of tensors."""
    logits = torch.tensor(LOGITS)

    def recorded(target):
        z = logits.clone().requires_grad_()
        loss = lw.binary_cross_entropy_with_logits(z, target)
        return loss, torch.autograd.grad(loss, z)[0]

    def of_recorded_targets(target):
        z, y = logits.clone().requires_grad_(), target.clone().requires_grad_()
        loss = lw.binary_cross_entropy_with_logits(z, y)
        return loss, *torch.autograd.grad(loss, (z, y))

    def transformed(target):
        def loss(z, y):
            return lw.binary_cross_entropy_with_logits(z, y)

        return torch.func.vmap(loss)(logits, target), torch.func.grad(loss)(logits[:5], target[:5])

    def compiled(target):
        z = logits.clone().requires_grad_()
        loss = torch.compile(lw.nn.BCEWithLogitsLoss(), backend="aot_eager", fullgraph=True)(z, target)
        return loss, torch.autograd.grad(loss, z)[0]

    return {function.__name__: function for function in (recorded, of_recorded_targets, transformed, compiled)}


@pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")
@pytest.mark.parametrize("name", routes())
def test_binary_targets_by_every_route_of_tensors(name):
    route = routes()[name]
    found, expected = (route(torch.tensor(target)) for target in (off(WHOLE, "float64", 2), WHOLE))
    assert_same(found, expected)


@pytest.mark.parametrize("dtype", ULP)
def test_modules(dtype):
    logits, whole = make(LOGITS[:5], f"torch {dtype}"), make(WHOLE[:5], f"torch {dtype}")
    rounded = make(off(WHOLE[:5], dtype, 2), f"torch {dtype}")
    assert_same([lw.nn.BCEWithLogitsLoss()(logits, rounded)], [lw.nn.BCEWithLogitsLoss()(logits, whole)])
    wide, inputs = (torch.float32 if dtype == "bfloat16" else rounded.dtype), torch.tensor([0.5, 0.9, 0.1, 0.3, 0.4])
    inputs = inputs.to(wide)
    assert_same([lw.nn.BCELoss()(inputs, rounded)], [lw.nn.BCELoss()(inputs, whole)])
    assert_same([lw.nn.BCELoss()(rounded, whole)], [lw.nn.BCELoss()(whole, whole)])


def test_a_derivative_passes_where_a_probability_is_moved():
    for value in (1.0, 1.0 + 2.0**-23):
        p = torch.tensor([value], requires_grad=True)
        with lw.checks("off"):
            assert torch.autograd.grad(lw.nn.BCELoss()(p, torch.zeros(1)), p)[0] == 1e12  # as torch at 1
        row = torch.tensor([[value, 0.0]], requires_grad=True)
        assert torch.autograd.grad(lw.log_loss(row, torch.tensor([0])), row)[0].tolist() == [[-1.0, 0.0]]


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_of_the_log_loss(kind, soft):
    dtype = kind.split()[1]
    whole = np.array([[1.0, 0.0], [0.0, 1.0], [0.75, 0.25]])
    target = make(np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]), kind) if soft else None
    if target is None:
        target = torch.tensor([0, 1, 0]) if kind.startswith("torch") else np.array([0, 1, 0])
    found, expected = (
        lw.log_loss(make(values, kind), target, reduction="none") for values in (off(whole, dtype, 3), whole)
    )
    assert_same([found], [expected])
    assert values_of(found)[0] == 0.0


@pytest.mark.filterwarnings("ignore::logitwise.UnnormalizedTargetWarning")  # of 16 bits: the rows are moved, too
@pytest.mark.parametrize("classes", [2, 5, 300])
@pytest.mark.parametrize("kind", KINDS)
def test_a_class_that_is_left_with_less_than_nothing(kind, classes):
    """Such as `1 - p.sum()`: an entry of a soft target below 0 counts as 0."""
    dtype = kind.split()[1]
    logits = make(np.random.default_rng(0).normal(size=(3, classes)) * 3, kind)
    whole = np.zeros((3, classes))
    whole[:, 0] = 1.0
    rounded = whole.copy()
    rounded[:, 1] = -3 * ULP[dtype]
    found, expected = (lw.cross_entropy_and_gradient(logits, make(y, kind)) for y in (rounded, whole))
    assert_same(found, expected)
    by_vmap = lambda y: torch.func.vmap(lw.cross_entropy)(logits, make(y, kind))  # noqa: E731
    if kind.startswith("torch"):
        assert_same([by_vmap(rounded)], [by_vmap(whole)])


@pytest.mark.parametrize("side", [1.0, 0.0])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_further_out_is_refused(kind, side):
    dtype = kind.split()[1]
    steps = 8 if dtype in ("float16", "bfloat16") else 100
    rounded = make(off(np.array([0.5, side]), dtype, steps), kind)
    logits = make(np.zeros(2), kind)
    with pytest.raises(lw.InvalidValueError, match=r"^target must be in \[0, 1\]; got .* at index 1\."):
        lw.binary_cross_entropy_with_logits(logits, rounded)
    row = make(off(np.array([[0.5, 0.5], [side, 1.0 - side]]), dtype, steps), kind)
    target = torch.tensor([0, 1]) if kind.startswith("torch") else [0, 1]
    with pytest.raises(lw.InvalidValueError, match=r"^probabilities must be in \[0, 1\]; got "):
        lw.log_loss(row, target)
    if side == 0.0:
        with pytest.raises(lw.InvalidValueError, match=r"^target must be zero or more, and finite; got "):
            lw.cross_entropy(make(np.zeros((2, 2)), kind), row)
