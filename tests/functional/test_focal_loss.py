"""focal_loss, binary_focal_loss_with_logits and their gradients, on every route and in every dtype against mpmath."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import logitwise as lw
from functional import oracle
from functional.budgets import GRADIENT_ULP, VALUE_ULP, check_ulp, with_power
from functional.cases import CASES
from functional.inputs import KINDS, loss_inputs, make, stored, values_of
from logitwise import reference

SMALL = [name for name in CASES if name not in ("many classes", "many equal classes")]
GAMMAS = [0.5, 2.0, 5.0]
ASKED = {  # the option of `cases.OPTIONS` that a row of the table takes, and whether its targets are soft
    "indices": ("plain", False),
    "smoothed": ("smoothing", False),
    "soft": ("plain", True),
    "weighted indices": ("ignored rows", False),
    "everything": ("everything", False),
    "everything, soft": ("everything", True),
}
ELEMENTS = np.array([0.0, 1.0, -1.0, 8.0, -8.0, 17.5, -17.5, 60.0, -60.0, 0.03125, 100.0, -100.0])
BINARY, BINARY_GRADIENT = lw.binary_focal_loss_with_logits, lw.binary_focal_loss_with_logits_and_gradient


def arguments_of(name: str, asked: str, kind: str) -> tuple[Any, Any, dict[str, Any]]:
    """Return logits, target and options of a case in the framework of `kind`."""
    target, options, _ = loss_inputs(name, *ASKED[asked])
    options = {key: value for key, value in options.items() if key != "z_loss"}
    if kind.startswith("torch"):
        target = torch.as_tensor(target)
        options |= {key: torch.as_tensor(options[key]) for key in ("class_weight", "sample_weight")}
    return make(stored(name, kind.split()[1]), kind), target, options


@cache
def exact_of(name: str, asked: str, dtype: str, gamma: float) -> tuple[np.ndarray, np.ndarray]:
    return oracle.focal_loss(stored(name, dtype), loss_inputs(name, *ASKED[asked])[2], gamma)


def representable(exact: np.ndarray, dtype: str) -> np.ndarray:
    return np.where(exact > float(torch.finfo(getattr(torch, dtype)).max), np.inf, exact)


@pytest.mark.filterwarnings("ignore::logitwise.ImpossibleTargetWarning")
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("kind", KINDS)
def test_rows_and_their_gradient(kind, gamma, asked):
    """The gradient of a class index has no difference of nearly equal numbers: it is exact in every entry."""
    dtype = kind.split()[1]
    for name in SMALL:
        logits, target, options = arguments_of(name, asked, kind)
        losses, gradient = lw.focal_loss_and_gradient(logits, target, gamma=gamma, reduction="none", **options)
        exact, exact_gradient = exact_of(name, asked, dtype, gamma)
        check_ulp(values_of(losses), representable(exact, dtype), dtype, with_power(VALUE_ULP[dtype], dtype, gamma))
        weight = float(options["class_weight"].max()) * float(options["sample_weight"].max())
        scale = np.zeros(1) if asked == "indices" else np.maximum(np.abs(exact_gradient).max(1, keepdims=True), weight)
        check_ulp(
            values_of(gradient), exact_gradient, dtype, with_power(GRADIENT_ULP[dtype], dtype, gamma), scale=scale
        )
        same = lw.focal_loss(logits, target, gamma=gamma, reduction="none", **options)
        np.testing.assert_array_equal(values_of(same), values_of(losses))


@pytest.mark.parametrize("gamma", [0.3, 7.5])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("classes", [2, 3, 64, 160, 161, 1100])
def test_every_number_of_classes_both_of_the_confident_and_the_wrong(classes, dtype, gamma):
    generator = np.random.default_rng(classes)
    logits = make(generator.standard_normal((70, classes)) * 3, f"torch {dtype}")
    logits[::3] *= 4
    target = torch.as_tensor(generator.integers(0, classes, 70))
    target[::2] = logits[::2].argmax(1)
    rows = [0, 1, 2, 3, 64, 65, 66, 69]
    losses, gradient = lw.focal_loss_and_gradient(logits, target, gamma=gamma, reduction="none")
    truth = np.eye(classes)[target[rows].numpy()]
    question = oracle.Loss(truth, np.ones(classes), np.ones(len(rows)))
    exact, exact_gradient = oracle.focal_loss(values_of(logits)[rows], question, gamma)
    check_ulp(values_of(losses)[rows], exact, dtype, with_power(VALUE_ULP[dtype], dtype, gamma))
    check_ulp(values_of(gradient)[rows], exact_gradient, dtype, with_power(GRADIENT_ULP[dtype], dtype, gamma))


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("gamma", GAMMAS)
def test_torch_operations_and_the_reference_are_the_same_function(gamma, asked):
    for name in ("five classes", "confident", "wide spread", "tied largest"):
        logits, target, options = arguments_of(name, asked, "torch float64")
        exact, exact_gradient = exact_of(name, asked, "float64", gamma)

        def loss_of(z, target=target, options=options):
            return lw.focal_loss(z, target, gamma=gamma, reduction="sum", **options)

        gradient = torch.func.grad(loss_of)(logits)
        scale = np.maximum(np.abs(exact_gradient).max(1, keepdims=True), 1.0)
        budget = with_power(GRADIENT_ULP["float64"], "float64", gamma)
        check_ulp(values_of(gradient), exact_gradient, "float64", 2 * budget, scale=scale)
        (by_kernel,) = torch.autograd.grad(loss_of(leaf := logits.clone().requires_grad_()), leaf)
        check_ulp(values_of(by_kernel), exact_gradient, "float64", budget, scale=scale)
        question = loss_inputs(name, *ASKED[asked])[2]
        mixed = (1.0 - question.smoothing) * question.distribution + question.smoothing / logits.shape[1]
        coefficients = question.sample_weight[:, None] * question.class_weight * mixed
        losses, gradient = reference.focal_loss(stored(name, "float64"), coefficients, gamma)
        check_ulp(losses, exact, "float64", 2 * with_power(VALUE_ULP["float64"], "float64", gamma))
        check_ulp(gradient, exact_gradient, "float64", 2 * budget, scale=scale)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_tails_are_exact_on_every_route(dtype):
    """A confident row of a class index, and one that is wrong: each entry of the gradient, by three routes."""
    tail = {"float16": 3.0, "bfloat16": 20.0, "float32": 20.0, "float64": 200.0}[dtype]
    logits = make(np.array([[tail, 0.0, 0.0], [0.0, tail, 1.0]]), f"torch {dtype}")
    target = torch.tensor([0, 0])
    question = oracle.Loss(np.eye(3)[[0, 0]], np.ones(3), np.ones(2))
    for gamma in (0.5, 2.0):
        exact, exact_gradient = oracle.focal_loss(values_of(logits), question, gamma)

        def loss_of(z, gamma=gamma):
            return lw.focal_loss(z, target, gamma=gamma, reduction="sum")

        leaf = logits.clone().requires_grad_()
        (recorded,) = torch.autograd.grad(loss_of(leaf), leaf)
        (twice,) = torch.autograd.grad(loss_of(leaf), leaf, create_graph=True)
        for gradient in (recorded, twice, torch.func.grad(loss_of)(logits)):
            check_ulp(values_of(gradient), exact_gradient, dtype, VALUE_ULP[dtype])
        losses = torch.func.vmap(lambda z, gamma=gamma: lw.focal_loss(z, target[0], gamma=gamma))(logits)
        check_ulp(values_of(losses), exact, dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("kind", KINDS)
def test_gamma_zero_is_cross_entropy_to_the_last_bit(kind):
    for asked in ("everything", "everything, soft", "indices"):
        logits, target, options = arguments_of("five classes", asked, kind)
        focal = lw.focal_loss_and_gradient(logits, target, gamma=0, **options)
        for actual, expected in zip(focal, lw.cross_entropy_and_gradient(logits, target, **options), strict=True):
            np.testing.assert_array_equal(values_of(actual), values_of(expected))
    if kind.startswith("torch"):
        logits, target, _ = arguments_of("five classes", "indices", kind)
        for function in (torch.func.vmap, lambda call: call):  # torch operations, and the gate for small calls
            focal = function(lambda z, t: lw.focal_loss(z, t, gamma=0.0))(logits, target)
            assert torch.equal(focal, function(lw.cross_entropy)(logits, target))
    elements, labels = make(ELEMENTS, kind), make(np.arange(12) % 2, kind)
    np.testing.assert_array_equal(
        values_of(BINARY(elements, labels, gamma=0, reduction="none")),
        values_of(lw.binary_cross_entropy_with_logits(elements, labels, reduction="none")),
    )


@pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")
@pytest.mark.parametrize("gamma", [0.25, 2.0])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_without_an_ordinary_answer(kind, gamma):
    """As in cross_entropy; where the others have become 0, the loss and its gradient are 0 for every gamma."""
    inf, dtype = np.inf, kind.split()[1]
    rows = np.array([[0.0, -inf, 1.0], [-inf] * 3, [np.nan, 0.0, 1.0], [inf, 0.0, 1.0], [3e4, 0.0, -inf], [-3e4, 0, 0]])
    target = np.array([1, 0, 1, 0, 0, 0])
    target = torch.as_tensor(target) if kind.startswith("torch") else target
    logits, p = make(rows, kind), 1.0 / (1.0 + np.e)
    wrong = float(values_of(logits)[5, 1] - values_of(logits)[5, 0]) + np.log(2.0)
    losses = np.array([inf, inf, np.nan, np.nan, 0.0, wrong])
    gradient = np.array([[p, -1, 1 - p], [0] * 3, [np.nan] * 3, [np.nan] * 3, [0.0] * 3, [-1.0, 0.5, 0.5]])
    found = [lw.focal_loss_and_gradient(logits, target, gamma=gamma, reduction="none")]
    if kind.startswith("torch"):

        def sum_of(z):
            losses = lw.focal_loss(z, target, gamma=gamma, reduction="none")
            return losses.sum(), losses

        found += [torch.func.grad(sum_of, has_aux=True)(logits)[::-1]]
    one_hot = make(np.eye(3)[[1, 0, 1, 0, 0, 0]], kind)
    found += [lw.focal_loss_and_gradient(logits, one_hot, gamma=gamma, reduction="none")]
    for actual, actual_gradient in found:
        check_ulp(values_of(actual), losses, dtype, VALUE_ULP[dtype])
        check_ulp(values_of(actual_gradient), gradient, dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("kind", KINDS)
def test_what_takes_no_part_is_not_read(kind, smoothing):
    clean = make(np.array([[1.0, 2.0, 0.5], [0.0, 0.0, 0.0], [3.0, 0.0, 1.0]]), kind)
    spoiled = make(np.array([[1.0, 2.0, 0.5], [np.nan, np.inf, -np.inf], [3.0, 0.0, 1.0]]), kind)
    target, weight = np.array([1, -100, 0]), make(np.array([1.0, 0.0, 1.0]), kind)
    target = torch.as_tensor(target) if kind.startswith("torch") else target
    expected = lw.focal_loss_and_gradient(clean, target, label_smoothing=smoothing)
    soft = make(np.eye(3)[[1, 0, 0]], kind)
    soft[1] = float("nan")
    for call in (
        lambda: lw.focal_loss_and_gradient(spoiled, target, label_smoothing=smoothing),
        lambda: lw.focal_loss_and_gradient(spoiled, abs(target) % 99, sample_weight=weight, label_smoothing=smoothing),
        lambda: lw.focal_loss_and_gradient(spoiled, soft, sample_weight=weight, label_smoothing=smoothing),
    ):
        loss, gradient = call()
        assert values_of(gradient)[1].tolist() == [0.0] * 3
        check_ulp(values_of(loss), values_of(expected[0]), kind.split()[1], 1)
        check_ulp(values_of(gradient), values_of(expected[1]), kind.split()[1], 2)


@pytest.mark.parametrize("classes", [5, 300])
@pytest.mark.parametrize("asked", ["indices", "smoothed", "soft"])
@pytest.mark.parametrize("kind", ["numpy float32", "torch bfloat16", "torch float64"])
def test_a_row_has_the_same_bits_wherever_it_is(kind, asked, classes):
    """In another batch, on another axis, with one thread or several, in memory of its own or over the logits."""
    generator = np.random.default_rng(3)
    logits = make(generator.standard_normal((400, classes)) * 5, kind)
    target = make(generator.dirichlet(np.ones(classes), 400), kind) if asked == "soft" else None
    if target is None:
        indices = generator.integers(0, classes, 400)
        target = torch.as_tensor(indices) if kind.startswith("torch") else indices
    options = {"label_smoothing": 0.1 if asked == "smoothed" else 0.0, "reduction": "none"}
    before = lw.threads()
    try:
        lw.threads(3)
        losses, gradient = map(values_of, lw.focal_loss_and_gradient(logits, target, **options))
        lw.threads(1)
        one = lw.focal_loss_and_gradient(logits, target, **options)
    finally:
        lw.threads(before)
    part = lw.focal_loss_and_gradient(logits[65:70], target[65:70], **options)
    across = lw.focal_loss_and_gradient(logits.T, target.T if asked == "soft" else target, axis=0, **options)
    np.testing.assert_array_equal(values_of(one[0]), losses)
    np.testing.assert_array_equal(values_of(one[1]), gradient)
    np.testing.assert_array_equal(values_of(part[0]), losses[65:70])
    np.testing.assert_array_equal(values_of(part[1]), gradient[65:70])
    np.testing.assert_array_equal(values_of(across[0]), losses)
    np.testing.assert_array_equal(values_of(across[1]).T, gradient)
    lw.focal_loss_and_gradient(logits, target, out=logits, **options)
    np.testing.assert_array_equal(values_of(logits), gradient)


@pytest.mark.parametrize("asked", ["everything", "everything, soft"])
@pytest.mark.parametrize("kind", ["numpy float64", "torch float64"])
def test_the_mean_divides_as_that_of_cross_entropy(kind, asked):
    logits, target, options = arguments_of("five classes", asked, kind)
    question = loss_inputs("five classes", *ASKED[asked])[2]
    exact, exact_gradient = exact_of("five classes", asked, "float64", 2.0)
    weight = float((question.distribution * question.class_weight).sum(1) @ question.sample_weight)
    for reduction, divisor, more in (("sum", 1.0, {}), ("mean", weight, {}), ("mean", 7.0, {"normalizer": 7.0})):
        loss, gradient = lw.focal_loss_and_gradient(logits, target, reduction=reduction, **options, **more)
        check_ulp(values_of(loss), np.array(exact.sum() / divisor), "float64", VALUE_ULP["float64"])
        check_ulp(
            values_of(gradient), exact_gradient / divisor, "float64", GRADIENT_ULP["float64"], scale=np.array(1.0)
        )
        assert values_of(lw.focal_loss(logits, target, reduction=reduction, **options, **more)) == values_of(loss)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 2), (64, 10), (5, 300), (7000, 10)])
def test_small_calls_of_tensors_have_the_bits_of_large_ones(shape, dtype):
    generator = np.random.default_rng(shape[0])
    logits = make(generator.standard_normal(shape) * 4, f"torch {dtype}")
    target = torch.as_tensor(generator.integers(0, shape[1], shape[0]))
    labels = (logits > 1.0).to(logits.dtype)[:100]
    for function, gradient_of, truth in (
        (lw.focal_loss, lw.focal_loss_and_gradient, target),
        (BINARY, BINARY_GRADIENT, labels),
    ):
        logits = logits[: len(truth)]
        for more in ({}, {"reduction": "sum"}, {"normalizer": 3}):
            assert lw.route_of(logits, truth, function=function, gamma=2, **more).name == "plain call"
            assert lw.route_of(logits, truth, function=function, gamma=1.5, **more).name == "plain call"
            weight = torch.ones(shape[0] if function is lw.focal_loss else logits.shape)
            expected = gradient_of(logits, truth, gamma=1.5, sample_weight=weight, **more)
            leaf = logits.clone().requires_grad_()
            loss = function(leaf, truth, gamma=1.5, **more)
            (gradient,) = torch.autograd.grad(loss, leaf)
            assert loss.detach().equal(expected[0])
            assert gradient.equal(expected[1])


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 3.5])
def test_derivatives_of_every_order(gamma):
    logits, target, options = arguments_of("tutorial good", "everything", "torch float64")
    logits.requires_grad_()
    call = lambda z: lw.focal_loss(z, target, gamma=gamma, **options)  # noqa: E731
    assert torch.autograd.gradcheck(call, logits, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(call, logits)
    soft = torch.softmax(torch.ones(3, 3, dtype=torch.float64), 1).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda z, y: lw.focal_loss(z, y, gamma=gamma), (logits, soft))
    elements = torch.tensor([0.0, 3.0, -20.0, 30.0], dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([1.0, 0.0, 0.5, 1.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: BINARY(z, labels, gamma=gamma), elements, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda z: BINARY(z, labels, gamma=gamma), elements)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_compiled_code_has_the_same_loss_and_gradient(dtype):
    logits, target, options = arguments_of("five classes", "everything", f"torch {dtype}")
    elements, labels = make(ELEMENTS, f"torch {dtype}"), torch.arange(12) % 2

    def both(z, x):
        return lw.focal_loss(z, target, **options), BINARY(x, labels, pos_weight=torch.tensor(2.0))

    torch._dynamo.reset()
    results = []
    for function in (both, torch.compile(both, backend="aot_eager", fullgraph=True)):
        leaves = logits.clone().requires_grad_(), elements.clone().requires_grad_()
        losses = function(*leaves)
        results.append((*losses, *torch.autograd.grad(sum(losses), leaves)))
    torch._dynamo.reset()
    for actual, expected in zip(results[1], results[0], strict=True):
        check_ulp(values_of(actual), values_of(expected), dtype, VALUE_ULP[dtype])


def test_a_checkpoint_and_autocast():
    logits, target, _ = arguments_of("five classes", "indices", "torch bfloat16")
    leaf = logits.clone().requires_grad_()
    loss = torch.utils.checkpoint.checkpoint(
        lambda z: lw.focal_loss(z, target, reduction="none"), leaf, use_reentrant=False
    )
    (gradient,) = torch.autograd.grad(loss.sum() * 3, leaf)
    (expected,) = torch.autograd.grad(lw.focal_loss(leaf, target, reduction="none").sum() * 3, leaf)
    assert gradient.equal(expected)
    with torch.autocast("cpu", torch.bfloat16):
        assert lw.focal_loss(logits, target).equal(lw.focal_loss(logits.float(), target))
        elements = logits[0]
        labels = (elements > 0).bfloat16()
        assert BINARY(elements, labels).equal(BINARY(elements.float(), labels))


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("pos_weight", [None, 2.5])
@pytest.mark.parametrize("target", [0, 1, 0.25])
@pytest.mark.parametrize("kind", KINDS)
def test_elements_and_their_gradient(kind, target, pos_weight, gamma):
    framework, dtype = kind.split()
    logits, targets = make(ELEMENTS, kind), make(np.full(12, float(target)), kind)
    options = {} if pos_weight is None else {"pos_weight": make(np.array(pos_weight), kind)}
    losses, gradient = BINARY_GRADIENT(logits, targets, gamma=gamma, reduction="none", **options)
    exact, exact_gradient = oracle.binary_focal_loss(
        values_of(logits), np.full(12, float(target)), pos_weight or 1.0, gamma
    )
    scale = np.full(12, pos_weight or 1.0 if target == 0.25 else 0.0)
    check_ulp(values_of(losses), exact, dtype, with_power(VALUE_ULP[dtype], dtype, gamma))
    check_ulp(values_of(gradient), exact_gradient, dtype, with_power(GRADIENT_ULP[dtype], dtype, gamma), scale=scale)
    if framework == "torch":
        sum_of = lambda z: BINARY(z, targets, gamma=gamma, reduction="sum", **options)  # noqa: E731
        check_ulp(
            values_of(torch.func.grad(sum_of)(logits)), exact_gradient, dtype,
            with_power(GRADIENT_ULP[dtype], dtype, gamma), scale=scale,
        )  # fmt: skip
    elif dtype == "float64":
        check_ulp(
            reference.binary_focal_loss_with_logits(ELEMENTS, np.full(12, target), gamma, pos_weight or 1.0)[1],
            exact_gradient, dtype, with_power(GRADIENT_ULP[dtype], dtype, gamma), scale=scale,
        )  # fmt: skip
    if target != 0.25:
        whole = torch.full((12,), bool(target)) if framework == "torch" else np.full(12, target, np.uint8)
        same = BINARY(logits, whole, gamma=gamma, reduction="none", **options)
        np.testing.assert_array_equal(values_of(same), values_of(losses))


@pytest.mark.parametrize("kind", KINDS)
def test_an_element_has_the_same_bits_beside_hard_and_soft_targets(kind):
    """A block whose targets are all 0 or 1 takes half the arithmetic."""
    generator = np.random.default_rng(0)
    logits, hard = make(generator.standard_normal(2100) * 9, kind), make(generator.integers(0, 2, 2100), kind)
    mixed = make(generator.random(2100), kind)
    mixed[::2] = hard[::2]
    weight = make(0.5 + generator.random(2100), kind)
    expected = BINARY_GRADIENT(logits, hard, gamma=1.5, pos_weight=weight, sample_weight=weight, reduction="none")
    actual = BINARY_GRADIENT(logits, mixed, gamma=1.5, pos_weight=weight, sample_weight=weight, reduction="none")
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(values_of(one)[::2], values_of(other)[::2])


@pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")
@pytest.mark.parametrize("gamma", [0.25, 2.0, 1e6])
@pytest.mark.parametrize("kind", KINDS)
def test_infinite_logits_and_elements_without_weight(kind, gamma):
    logits = make(np.array([np.inf, -np.inf, np.inf, -np.inf, np.nan, np.nan, 3e4]), kind)
    target = make(np.array([1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]), kind)
    weight = make(np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0]), kind)
    expected = [0.0, 0.0, np.inf, np.inf, np.nan, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0, np.nan, 0.0, 0.0]
    found = [BINARY_GRADIENT(logits, target, gamma=gamma, sample_weight=weight, reduction="none")]
    if kind.startswith("torch"):

        def sum_of(z):
            losses = BINARY(z, target, gamma=gamma, sample_weight=weight, reduction="none")
            return losses.sum(), losses

        found += [torch.func.grad(sum_of, has_aux=True)(logits)[::-1]]
    for losses, gradient in found:
        np.testing.assert_array_equal(values_of(losses), expected[0])
        np.testing.assert_array_equal(values_of(gradient), expected[1])


def test_missing_labels_and_the_mean():
    logits, target = np.array([[2.0, -1.0, 0.5]]), np.array([[1.0, np.nan, -1.0]])
    alone = BINARY(logits[:, :1], target[:, :1])
    assert BINARY(logits, target, ignore_index=-1, missing="ignore") == alone
    assert BINARY(logits, target, ignore_index=-1, missing="ignore", normalizer=4) == alone / 4
    with pytest.warns(lw.NoRowsWarning):
        assert BINARY(np.empty(0), np.empty(0)) == 0.0


@pytest.mark.parametrize("alpha", [0.25, 0.6])
def test_how_torchvisions_alpha_maps(alpha):
    """As torchvision writes it, in float64 and where no tail is lost."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(40, generator=generator, dtype=torch.float64)
    target = (torch.rand(40, generator=generator, dtype=torch.float64) < 0.5).double()
    p = torch.sigmoid(logits)
    surprise = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    p_t = p * target + (1 - p) * (1 - target)
    expected = ((alpha * target + (1 - alpha) * (1 - target)) * surprise * (1 - p_t) ** 2).mean()
    loss = BINARY(logits, target, pos_weight=torch.tensor(alpha / (1 - alpha), dtype=torch.float64))
    torch.testing.assert_close((1 - alpha) * loss, expected, rtol=1e-13, atol=0.0)


@pytest.mark.parametrize("gamma", [-1.0, np.nan, np.inf])
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_gamma_must_be_zero_or_more(framework, gamma):
    logits, target = np.zeros((3, 4)), np.zeros(3, np.int64)
    logits, target = (logits, target) if framework == "numpy" else (torch.tensor(logits), torch.tensor(target))
    message = f"^gamma must be zero or more, and finite; got {gamma}\\.$"
    for call in (
        lambda: lw.focal_loss(logits, target, gamma=gamma),
        lambda: lw.focal_loss_and_gradient(logits, target, gamma=gamma),
        lambda: BINARY(logits, logits, gamma=gamma),
        lambda: BINARY_GRADIENT(logits, logits, gamma=gamma),
        lambda: lw.nn.FocalLoss(gamma=gamma),
        lambda: lw.nn.BinaryFocalLossWithLogits(gamma=gamma),
    ):
        with pytest.raises(lw.InvalidValueError, match=message):
            call()
    with pytest.raises(lw.InvalidTypeError, match=r"^gamma must be a number; got 'two' of type str"):
        lw.focal_loss(logits, target, gamma="two")


def test_an_option_of_another_function_is_refused():
    logits, target = np.zeros((3, 4)), np.zeros(3, np.int64)
    for function, option, hint in (
        (lw.focal_loss, "z_loss", ""),
        (lw.focal_loss, "alpha", ". Here it is class_weight=."),
        (lw.focal_loss_and_gradient, "dim", ". Here it is axis=."),
        (BINARY, "alpha", ". Here it is pos_weight=."),
        (BINARY_GRADIENT, "weight", ". Here it is sample_weight=."),
        (lw.cross_entropy_and_gradient, "gamma", ""),
    ):
        with pytest.raises(TypeError) as caught:
            function(logits, target, **{option: 1})
        assert str(caught.value) == f"{function.__name__}() got an unexpected keyword argument '{option}'{hint}"


def test_suspicious_inputs_are_warned_of_by_the_name_of_the_function():
    probabilities = np.full((8, 4), 0.25)
    target = np.arange(8) % 4
    for logits, indices in ((probabilities, target), (torch.tensor(probabilities), torch.tensor(target))):
        with pytest.warns(lw.ProbabilitiesAsLogitsWarning, match="Remove the softmax: focal_loss applies it itself"):
            lw.focal_loss(logits, indices)
    labels = torch.zeros(8, 4, dtype=torch.float64)
    with pytest.warns(lw.ProbabilitiesAsLogitsWarning, match="^logits must be scores before any sigmoid; got prob"):
        BINARY(torch.tensor(probabilities), labels)
    with pytest.warns(lw.ProbabilitiesAsLogitsWarning, match="binary_focal_loss_with_logits applies the sigmoid"):
        BINARY(torch.sigmoid(labels.clone().requires_grad_()), labels)
    with pytest.raises(lw.InvalidValueError, match=r"^target must be in \[0, 1\]; got 2\.0"):
        BINARY(torch.zeros(3), torch.tensor([0.0, 2.0, 1.0]))
    with pytest.raises(lw.InvalidValueError, match=r"^target must be in \[0, 2\]; got 3"):
        lw.focal_loss(torch.zeros(2, 3), torch.tensor([0, 3]))
