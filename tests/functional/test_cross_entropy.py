"""cross_entropy and cross_entropy_and_gradient: every case, option, reduction, framework and dtype against mpmath."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

import logitwise as lw
from functional.budgets import GRADIENT_ULP, VALUE_ULP, check_ulp
from functional.cases import CASES, OPTIONS
from functional.inputs import KINDS, exact_loss, loss_inputs, make, stored, values_of

SMALL = [name for name in CASES if name != "many equal classes"]


def _arguments(name: str, option: str, soft: bool, kind: str) -> tuple[Any, Any, dict[str, Any]]:
    """Return logits, target and options of a case in the framework of `kind`."""
    target, options, _ = loss_inputs(name, option, soft)
    options = dict(options)
    if kind.startswith("torch"):
        target = torch.as_tensor(target)
        options |= {key: torch.as_tensor(options[key]) for key in ("class_weight", "sample_weight")}
    return make(stored(name, kind.split()[1]), kind), target, options


@pytest.mark.filterwarnings("ignore::logitwise.ImpossibleTargetWarning")
@pytest.mark.parametrize("soft", [False, True], ids=["indices", "soft"])
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_rows_and_their_gradient(kind, option, soft):
    dtype = kind.split()[1]
    for name in SMALL:
        logits, target, options = _arguments(name, option, soft, kind)
        losses, gradient = lw.cross_entropy_and_gradient(logits, target, reduction="none", **options)
        exact, exact_gradient = exact_loss(name, dtype, option, soft)
        check_ulp(values_of(losses), _representable(exact, dtype), dtype, VALUE_ULP[dtype])
        np.testing.assert_array_equal(
            values_of(lw.cross_entropy(logits, target, reduction="none", **options)), values_of(losses)
        )
        scale = np.maximum(np.abs(exact_gradient).max(1, keepdims=True), float(options["class_weight"].max()))
        check_ulp(
            values_of(gradient),
            exact_gradient,
            dtype,
            GRADIENT_ULP[dtype],
            scale=scale * float(options["sample_weight"].max()),
        )


def _representable(exact: np.ndarray, dtype: str) -> np.ndarray:
    """Return exact values with those beyond the largest number of the dtype as infinities."""
    largest = {"float16": 65504.0, "bfloat16": 3.3895e38, "float32": 3.4028235e38, "float64": np.inf}[dtype]
    return np.where(exact > largest, np.inf, exact)


@pytest.mark.parametrize("kind", KINDS)
def test_many_equal_classes(kind):
    logits = make(CASES["many equal classes"], kind)
    target = torch.tensor([99_999]) if kind.startswith("torch") else np.array([99_999])
    loss = lw.cross_entropy(logits, target)
    dtype = kind.split()[1]
    check_ulp(values_of(loss), np.array(np.log(100_000.0)), dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("soft", [False, True], ids=["indices", "soft"])
@pytest.mark.parametrize("kind", ["numpy float64", "torch float64"])
def test_reductions(kind, soft):
    logits, target, options = _arguments("five classes", "everything", soft, kind)
    question = loss_inputs("five classes", "everything", soft)[2]
    exact, exact_gradient = exact_loss("five classes", "float64", "everything", soft)
    weight = float((question.distribution * question.class_weight).sum(1) @ question.sample_weight)
    for reduction, divisor, more in (("sum", 1.0, {}), ("mean", weight, {}), ("mean", 7.0, {"normalizer": 7.0})):
        loss, gradient = lw.cross_entropy_and_gradient(logits, target, reduction=reduction, **options, **more)
        check_ulp(values_of(loss), np.array(exact.sum() / divisor), "float64", VALUE_ULP["float64"])
        check_ulp(
            values_of(gradient), exact_gradient / divisor, "float64", GRADIENT_ULP["float64"], scale=np.array(1.0)
        )
        assert values_of(lw.cross_entropy(logits, target, reduction=reduction, **options, **more)) == values_of(loss)


@pytest.mark.parametrize("kind", KINDS)
def test_a_confident_row_is_exact_in_its_tail(kind):
    dtype = kind.split()[1]
    tail = 30.0 if dtype.endswith("64") else 20.0 if dtype.endswith("32") else 12.0
    logits = make(np.array([[tail, 0.0, 0.0]]), kind)
    target = torch.tensor([0]) if kind.startswith("torch") else np.array([0])
    loss, gradient = lw.cross_entropy_and_gradient(logits, target)
    other = 1.0 / (np.exp(tail) + 2.0)
    check_ulp(values_of(loss), np.array(np.log1p(2.0 * np.exp(-tail))), dtype, VALUE_ULP[dtype])
    check_ulp(values_of(gradient), np.array([[-2.0 * other, other, other]]), dtype, VALUE_ULP[dtype])
    soft = make(np.array([[1.0, 0.0, 0.0]]), kind)
    same_loss, same_gradient = lw.cross_entropy_and_gradient(logits, soft)
    np.testing.assert_array_equal(values_of(same_gradient), values_of(gradient))
    np.testing.assert_array_equal(values_of(same_loss), values_of(loss))


def test_one_hot_and_indices_give_the_same_mean():
    logits = CASES["five classes"]
    target, options, _ = loss_inputs("five classes", "class weights", False)
    index_loss, index_gradient = lw.cross_entropy_and_gradient(logits, target, **options)
    soft_loss, soft_gradient = lw.cross_entropy_and_gradient(logits, np.eye(5)[target], **options)
    assert index_loss == soft_loss
    check_ulp(index_gradient, soft_gradient, "float64", GRADIENT_ULP["float64"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_axis_gives_the_same_bits(axis, kind):
    values = np.random.default_rng(5).standard_normal((4, 4, 4)) * 9
    target = np.random.default_rng(6).integers(0, 4, (4, 4))
    target = torch.as_tensor(target) if kind.startswith("torch") else target
    last, last_gradient = lw.cross_entropy_and_gradient(
        make(np.moveaxis(values, axis, -1).copy(), kind), target, reduction="none"
    )
    loss, gradient = lw.cross_entropy_and_gradient(make(values, kind), target, axis=axis, reduction="none")
    np.testing.assert_array_equal(values_of(loss), values_of(last))
    np.testing.assert_array_equal(values_of(gradient), np.moveaxis(values_of(last_gradient), -1, axis))


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", ">i4"])
def test_any_integer_dtype_is_an_index(dtype):
    logits, target = CASES["tutorial good"], np.array([2, 0, 1])
    assert lw.cross_entropy(logits, target.astype(dtype)) == lw.cross_entropy(logits, target)
    if dtype in ("int8", "int16", "int32", "uint8", "uint16"):
        tensor = torch.as_tensor(target).to(getattr(torch, dtype))
        assert lw.cross_entropy(torch.as_tensor(logits), tensor) == lw.cross_entropy(logits, target)


@pytest.mark.parametrize("kind", KINDS)
def test_an_ignored_row_is_never_read(kind):
    clean = make(np.array([[1.0, 2.0, 0.5], [0.0, 0.0, 0.0], [3.0, 0.0, 1.0]]), kind)
    spoiled = make(np.array([[1.0, 2.0, 0.5], [np.nan, np.inf, -np.inf], [3.0, 0.0, 1.0]]), kind)
    target = np.array([1, -100, 0])
    target = torch.as_tensor(target) if kind.startswith("torch") else target
    expected = lw.cross_entropy_and_gradient(clean, target)
    actual = lw.cross_entropy_and_gradient(spoiled, target)
    weighted = lw.cross_entropy_and_gradient(
        spoiled, abs(target) % 99, sample_weight=(target >= 0) * make(np.ones(3), kind)
    )
    for loss, gradient in (actual, weighted):
        np.testing.assert_array_equal(values_of(loss), values_of(expected[0]))
        np.testing.assert_array_equal(values_of(gradient), values_of(expected[1]))
    assert values_of(actual[1])[1].tolist() == [0.0, 0.0, 0.0]


def test_ignore_index_may_be_a_class():
    logits, target = CASES["tutorial good"], np.array([2, 0, 1])
    assert lw.cross_entropy(logits, target, ignore_index=1) == lw.cross_entropy(logits[:2], target[:2])
    unsigned = torch.tensor([2, 0, 1], dtype=torch.uint8)
    assert lw.cross_entropy(torch.as_tensor(logits), unsigned, ignore_index=-254) == lw.cross_entropy(logits, target)


@pytest.mark.parametrize("kind", ["numpy float32", "torch float32"])
def test_a_mean_over_no_rows_is_zero_with_a_warning(kind):
    logits = make(np.ones((2, 3)), kind)
    target = torch.tensor([-100, -100]) if kind.startswith("torch") else np.array([-100, -100])
    message = (
        "^the mean loss must be over one or more rows; got none: all are "
        "ignored or have weight 0, or there are none. The mean loss is 0.$"
    )
    with pytest.warns(lw.NoRowsWarning, match=message) as caught:
        loss = lw.cross_entropy(logits, target)
    assert caught[0].filename == __file__
    assert values_of(loss) == 0.0
    with pytest.warns(lw.NoRowsWarning, match=message):
        loss, gradient = lw.cross_entropy_and_gradient(logits, target)
    assert (values_of(loss), np.abs(values_of(gradient)).max()) == (0.0, 0.0)
    with pytest.warns(lw.NoRowsWarning, match=message):
        assert values_of(lw.cross_entropy(logits[:0], target[:0])) == 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert values_of(lw.cross_entropy(logits, target, reduction="sum")) == 0.0
        assert values_of(lw.cross_entropy(logits, target, normalizer=5)) == 0.0


@pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_degenerate_rows(kind):
    inf = np.inf
    rows = np.array([[0.0, -inf, 1.0], [-inf, -inf, -inf], [np.nan, 0.0, 1.0], [inf, 0.0, 1.0], [0.0, -inf, 0.0]])
    target = np.array([1, 0, 1, 0, 0])
    target = torch.as_tensor(target) if kind.startswith("torch") else target
    losses, gradient = lw.cross_entropy_and_gradient(make(rows, kind), target, reduction="none")
    p = 1.0 / (1.0 + np.e)
    dtype = kind.split()[1]
    check_ulp(values_of(losses), np.array([inf, inf, np.nan, np.nan, np.log(2.0)]), dtype, VALUE_ULP[dtype])
    expected = np.array([[p, -1.0, 1 - p], [0.0] * 3, [np.nan] * 3, [np.nan] * 3, [-0.5, 0.0, 0.5]])
    check_ulp(values_of(gradient), expected, dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_rows_sum_to_zero(kind):
    dtype = kind.split()[1]
    for name in ("five classes", "wide spread", "confident"):
        logits, target, _ = _arguments(name, "plain", False, kind)
        _, gradient = lw.cross_entropy_and_gradient(logits, target, reduction="none")
        gradient = values_of(gradient)
        largest = np.abs(gradient).max(1)
        check_ulp(gradient.sum(1), np.zeros(len(gradient)), dtype, gradient.shape[1], scale=largest)


@pytest.mark.parametrize("kind", KINDS)
def test_out(kind):
    logits, target, _ = _arguments("five classes", "plain", False, kind)
    loss, expected = lw.cross_entropy_and_gradient(logits, target)
    out = make(np.ones((17, 5)), kind)
    same_loss, result = lw.cross_entropy_and_gradient(logits, target, out=out)
    assert result is out
    np.testing.assert_array_equal(values_of(out), values_of(expected))
    same_loss, result = lw.cross_entropy_and_gradient(logits, target, out=logits)
    assert result is logits
    np.testing.assert_array_equal(values_of(logits), values_of(expected))
    assert same_loss == loss


def test_a_single_row():
    assert lw.cross_entropy([2.0, 1.0, 0.1], 0).round(4) == 0.417
    assert lw.cross_entropy(torch.tensor([2.0, 1.0, 0.1]), torch.tensor(0)).shape == ()


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_autograd_is_the_gradient(option, reduction):
    for soft in (False, True):
        logits, target, options = _arguments("five classes", option, soft, "torch float64")
        logits.requires_grad_()
        loss = lw.cross_entropy(logits, target, reduction=reduction, **options)
        (gradient,) = torch.autograd.grad(loss.sum(), logits)
        plain = {key: value.numpy() if isinstance(value, torch.Tensor) else value for key, value in options.items()}
        expected = lw.cross_entropy_and_gradient(logits.detach().numpy(), target.numpy(), reduction=reduction, **plain)[
            1
        ]
        check_ulp(values_of(gradient), expected, "float64", GRADIENT_ULP["float64"], scale=np.array(1.0))


def test_second_derivatives():
    logits, target, options = _arguments("tutorial good", "everything", False, "torch float64")
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: lw.cross_entropy(z, target, **options), logits, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda z: lw.cross_entropy(z, target, **options), logits)
    soft = torch.softmax(torch.ones(3, 3, dtype=torch.float64), 1).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda z, y: lw.cross_entropy(z, y), (logits, soft))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("ignore_index", [-100, -1, 259, 2**32 + 3, -(2**62)])
def test_only_indices_that_equal_ignore_index_are_ignored(dtype, ignore_index):
    """The dtype of the indices need not hold `ignore_index`: 156 is not -100 in eight bits."""
    bits = np.dtype(dtype).itemsize * 8
    candidates = {ignore_index % 2**bits, 3, 156} - {ignore_index}
    wrapped = sorted(index for index in candidates if index <= np.iinfo(dtype).max and index < 300)
    logits = np.random.default_rng(0).standard_normal((len(wrapped), 300))
    expected = -lw.log_softmax(logits)[np.arange(len(wrapped)), wrapped]
    target = np.array(wrapped, dtype)
    tensor, indices = torch.from_numpy(logits), torch.from_numpy(target)
    options = {"ignore_index": ignore_index, "reduction": "none"}
    weight = torch.ones(len(wrapped), requires_grad=True)
    for loss in (
        lw.cross_entropy(logits, target, **options),
        lw.log_loss(lw.softmax(logits), target, **options),
        lw.cross_entropy(tensor, indices, **options),
        lw.cross_entropy(tensor, indices, sample_weight=weight, **options),
        lw.log_loss(lw.softmax(tensor), indices, **options),
        torch.func.vmap(lambda z, t: lw.cross_entropy(z, t, **options))(tensor, indices),
    ):
        np.testing.assert_allclose(values_of(loss), expected, rtol=1e-14)
    leaf = tensor.clone().requires_grad_()
    total = lw.cross_entropy(leaf, indices, ignore_index=ignore_index, reduction="sum")
    (gradient,) = torch.autograd.grad(total, leaf, create_graph=True)
    np.testing.assert_allclose(values_of(gradient)[np.arange(len(wrapped)), wrapped], np.expm1(-expected), rtol=1e-14)
