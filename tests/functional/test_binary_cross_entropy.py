"""binary_cross_entropy_with_logits and its gradient, in every framework and dtype against mpmath."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import logitwise as lw
from functional import oracle
from functional.budgets import GRADIENT_ULP, VALUE_ULP, check_ulp
from functional.inputs import KINDS, make, values_of

LOGITS = np.array([0.0, 1.0, -1.0, 8.0, -8.0, 17.5, -17.5, 60.0, -60.0, 0.03125, 100.0, -100.0])


@pytest.mark.parametrize("pos_weight", [None, 2.5])
@pytest.mark.parametrize("target", [0, 1, 0.25])
@pytest.mark.parametrize("kind", KINDS)
def test_elements_and_their_gradient(kind, target, pos_weight):
    framework, dtype = kind.split()
    logits, targets = make(LOGITS, kind), make(np.full(12, float(target)), kind)
    options = {} if pos_weight is None else {"pos_weight": make(np.array(pos_weight), kind)}
    losses, gradient = lw.binary_cross_entropy_with_logits_and_gradient(logits, targets, reduction="none", **options)
    exact, exact_gradient = oracle.binary_cross_entropy(
        values_of(logits), np.full(12, float(target)), pos_weight or 1.0
    )
    check_ulp(values_of(losses), exact, dtype, VALUE_ULP[dtype])
    scale = np.full(12, 1.0 if target == 0.25 else 0.0)
    check_ulp(values_of(gradient), exact_gradient, dtype, GRADIENT_ULP[dtype], scale=scale)
    same = lw.binary_cross_entropy_with_logits(logits, targets, reduction="none", **options)
    np.testing.assert_array_equal(values_of(same), values_of(losses))
    if target != 0.25:
        whole = torch.full((12,), bool(target)) if framework == "torch" else np.full(12, target, np.uint8)
        same = lw.binary_cross_entropy_with_logits(logits, whole, reduction="none", **options)
        np.testing.assert_array_equal(values_of(same), values_of(losses))


@pytest.mark.parametrize("kind", ["numpy float64", "torch float64"])
def test_reductions_and_weights(kind):
    values, y = LOGITS.reshape(4, 3), np.arange(12).reshape(4, 3) % 2
    weight = np.array([[1.0], [0.0], [2.0], [0.5]])
    logits, target, sample_weight = make(values, kind), make(y, kind), make(weight, kind)
    exact, exact_gradient = (part.reshape(4, 3) for part in oracle.binary_cross_entropy(LOGITS, y.ravel(), 1.0))
    for reduction, divisor, more in (
        ("sum", 1.0, {}),
        ("mean", weight.sum() * 3, {}),
        ("mean", 5.0, {"normalizer": 5}),
    ):
        loss, gradient = lw.binary_cross_entropy_with_logits_and_gradient(
            logits, target, sample_weight=sample_weight, reduction=reduction, **more
        )
        check_ulp(values_of(loss), np.array((exact * weight).sum() / divisor), "float64", VALUE_ULP["float64"])
        check_ulp(values_of(gradient), exact_gradient * weight / divisor, "float64", GRADIENT_ULP["float64"])


@pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_infinite_logits_and_elements_without_weight(kind):
    logits = make(np.array([np.inf, -np.inf, np.inf, np.nan, np.nan]), kind)
    target = make(np.array([1.0, 0.0, 0.0, 1.0, 1.0]), kind)
    weight = make(np.array([1.0, 1.0, 1.0, 1.0, 0.0]), kind)
    losses, gradient = lw.binary_cross_entropy_with_logits_and_gradient(
        logits, target, sample_weight=weight, reduction="none"
    )
    np.testing.assert_array_equal(values_of(losses), [0.0, 0.0, np.inf, np.nan, 0.0])
    np.testing.assert_array_equal(values_of(gradient), [0.0, 0.0, 1.0, np.nan, 0.0])


def test_out_and_pos_weight_a_column():
    logits, target = np.zeros((2, 3), np.float32), np.ones((2, 3), np.int64)
    loss, gradient = lw.binary_cross_entropy_with_logits_and_gradient(logits, target, pos_weight=[1, 2, 3], out=logits)
    assert gradient is logits
    check_ulp(gradient, np.array([[-1.0, -2.0, -3.0]] * 2) / 12, "float32", VALUE_ULP["float32"])
    check_ulp(loss, np.array(2 * np.log(2.0)), "float32", VALUE_ULP["float32"])


def test_no_elements():
    message = (
        "^the mean loss must be over one or more elements; got none: all ar"
        "e ignored or have weight 0, or there are none. The mean loss is 0.$"
    )
    for empty in (np.empty(0), torch.empty(0)):
        with pytest.warns(lw.NoRowsWarning, match=message):
            assert lw.binary_cross_entropy_with_logits(empty, empty) == 0.0


SMOOTHED = {  # name of a route of tensors -> loss and gradient of logits, with options
    "recorded": lambda z, y, **options: _with_gradient(lw.binary_cross_entropy_with_logits, z, y, **options),
    "transformed": lambda z, y, **options: torch.func.grad_and_value(
        lambda logits: lw.binary_cross_entropy_with_logits(logits, y, **options)
    )(z)[::-1],
    "compiled": lambda z, y, **options: _with_gradient(
        torch.compile(lw.binary_cross_entropy_with_logits, backend="aot_eager", fullgraph=True), z, y, **options
    ),
    "module": lambda z, y, pos_weight=None, **options: _with_gradient(
        lw.nn.BCEWithLogitsLoss(pos_weight=pos_weight, **options), z, y
    ),
}


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch.compiler.reset()


def _with_gradient(function, logits, target, **options):
    logits = logits.detach().requires_grad_()
    loss = function(logits, target, **options)
    return loss.detach(), torch.autograd.grad(loss, logits)[0]


@pytest.mark.parametrize("smoothing", [1e-20, 0.1, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_label_smoothing_spreads_a_share_of_the_target_over_both_classes(kind, smoothing):
    framework, dtype = kind.split()
    y = np.array([0.0, 1.0, 0.25] * 4)
    logits, target, pos_weight = make(LOGITS, kind), make(y, kind), make(np.array(2.5), kind)
    exact, exact_gradient = oracle.binary_cross_entropy(values_of(logits), y, 2.5, smoothing)
    options = {"pos_weight": pos_weight, "label_smoothing": smoothing}
    losses, gradient = lw.binary_cross_entropy_with_logits_and_gradient(logits, target, reduction="none", **options)
    check_ulp(values_of(losses), exact, dtype, VALUE_ULP[dtype])
    check_ulp(values_of(gradient), exact_gradient, dtype, GRADIENT_ULP[dtype], scale=np.full(12, 2.5))
    for name, compute in SMOOTHED.items() if framework == "torch" else ():
        if name == "compiled" and smoothing != 0.1:
            continue  # it takes long to compile
        loss, gradient = compute(logits, target, **options)
        check_ulp(values_of(loss), exact.mean(), dtype, VALUE_ULP[dtype])
        check_ulp(values_of(gradient), exact_gradient / 12, dtype, GRADIENT_ULP[dtype], scale=np.full(12, 2.5 / 12))


def test_what_label_smoothing_must_be():
    for smoothing, message in ((1.5, "be in [0, 1]; got 1.5."), ("much", "be a number; got 'much' of type str.")):
        for given in (LOGITS, torch.tensor(LOGITS)):
            with pytest.raises((ValueError, TypeError), match=f"^label_smoothing must {re.escape(message)}$"):
                lw.binary_cross_entropy_with_logits(given, given > 0, label_smoothing=smoothing)


@pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")
@pytest.mark.parametrize("kind", ["numpy float64", "torch float64"])
def test_with_label_smoothing_no_infinite_logit_is_possible(kind):
    logits, target = make(np.array([np.inf, -np.inf]), kind), make(np.array([1.0, 0.0]), kind)
    options = {"reduction": "none", "label_smoothing": 0.5}
    losses = lw.binary_cross_entropy_with_logits(logits, target, **options)
    np.testing.assert_array_equal(values_of(losses), [np.inf, np.inf])
    with lw.checks("raise"), pytest.raises(lw.ImpossibleTargetWarning):
        lw.binary_cross_entropy_with_logits(logits, target, **options)


def test_derivatives():
    logits = torch.tensor([0.0, 3.0, -20.0, 50.0], dtype=torch.float64, requires_grad=True)
    target = torch.tensor([1.0, 0.0, 0.5, 1.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda z: lw.binary_cross_entropy_with_logits(z, target), logits, check_forward_ad=True
    )
    assert torch.autograd.gradgradcheck(lambda z: lw.binary_cross_entropy_with_logits(z, target), logits)


def loss_of_images(kind, shape, weight, by_module):
    logits = make(np.arange(np.prod(shape)).reshape(shape) / 10.0, kind)
    target, pos_weight = make(np.ones(shape), kind), make(np.asarray(weight), kind)
    if by_module:
        return lw.nn.BCEWithLogitsLoss(pos_weight=pos_weight)(logits, target)
    return lw.binary_cross_entropy_with_logits(logits, target, pos_weight=pos_weight)


WAYS = [("numpy float32", False), ("torch float32", False), ("torch float32", True)]


@pytest.mark.parametrize(("kind", "by_module"), WAYS)
def test_a_pos_weight_that_fits_two_axes_is_warned_of(kind, by_module):
    weight, shape = np.array([1.0, 2.0, 4.0]), (2, 3, 5, 3)
    message = (
        "pos_weight must say which axis it belongs to; got 3 weights for logits of shape (2, 3, 5, 3), whose axes 1 and"
        " 3 both have that length. It lies along axis 3, as in torch: pass pos_weight.reshape(3, 1, 1) for axis 1, or "
        "pos_weight.reshape(1, 1, 3) for axis 3."
    )
    with pytest.warns(lw.AxisWarning, match=f"^{re.escape(message)}$"):
        found = loss_of_images(kind, shape, weight, by_module)
    along_last, along_first = (
        loss_of_images(kind, shape, weight.reshape(meant), by_module) for meant in ((1, 1, 3), (3, 1, 1))
    )
    assert found == along_last != along_first
    with lw.checks("off"):
        assert loss_of_images(kind, shape, weight, by_module) == along_last


@pytest.mark.parametrize(("kind", "by_module"), WAYS)
def test_a_pos_weight_that_fits_axis_1_alone_is_an_error_that_names_its_shape(kind, by_module):
    message = (
        "pos_weight must broadcast to the shape of logits, (2, 3, 5); got shape (3,). For one weight for each place on "
        "axis 1, pass pos_weight.reshape(3, 1)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        loss_of_images(kind, (2, 3, 5), [1.0, 2.0, 4.0], by_module)
    for shape in ((2, 4, 3), (3, 3), (2, 1, 1)):
        loss_of_images(kind, shape, np.ones(shape[-1]), by_module)
