"""kl_divergence and its gradient: hard pairs of rows, options, frameworks, dtypes and routes against mpmath."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import logitwise as lw
from functional import oracle
from functional.budgets import GRADIENT_ULP, REFERENCE_ULP, ROUNDED_ONCE_ULP, VALUE_ULP, check_ulp
from functional.inputs import KINDS, make, values_of
from logitwise import reference

INF, NAN = np.inf, np.nan


def _pairs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return logits and target logits."""
    generator = np.random.default_rng(20261128)
    normal = generator.standard_normal
    target = {classes: normal((5, classes)) * 3 for classes in (2, 3, 10, 33, 300)}
    pairs = {f"{classes} classes": (normal((5, classes)) * 3, t) for classes, t in target.items()}
    pairs |= {
        f"nearly equal, {classes} classes": (t + 10.0 ** -np.arange(2, 7)[:, None] * normal(t.shape), t)
        for classes, t in target.items()
    }
    pairs |= {
        "nearly equal but for an offset": (target[10] + 100.0 + 1e-2 * normal((5, 10)), target[10]),
        "equal": (target[10], target[10]),
        "far apart": (normal((5, 10)) * 60, normal((5, 10)) * 60),
        "very far apart": (normal((5, 10)) * 1e4, normal((5, 10))),
        "confident of the same class": (np.eye(4)[[1] * 5] * 30, np.eye(4)[[1] * 5] * np.arange(4, 24, 4)[:, None]),
        "confident of different classes": (np.eye(4)[[0] * 5] * 40, np.eye(4)[[1] * 5] * 30),
        "a class that is nearly excluded": (np.array([[0.0, 0.0, -1e5], [-1e5, 0.0, 0.0]]), np.zeros((2, 3))),
        "without probability": (np.array([[1.0, -INF, 2.0], [1.0, 5.0, 2.0]]), np.array([[0.0, -INF, 1.0]] * 2)),
        "all but the largest agree": (np.concatenate([[[-200.0]], normal((1, 400)) + 40.0], 1), np.zeros((1, 401))),
    }  # fmt: skip
    return pairs


PAIRS = _pairs()


@cache
def stored(name: str, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a pair as a dtype stores it, in float64."""
    largest = torch.finfo(getattr(torch, dtype)).max
    return tuple(
        values_of(make(np.where(np.isneginf(each), -INF, np.clip(each, -largest, largest)), f"torch {dtype}"))
        for each in PAIRS[name]
    )


@cache
def probabilities(name: str, dtype: str) -> np.ndarray:
    """Return what the target logits of a pair give, as a dtype stores it."""
    return values_of(make(reference.softmax(stored(name, dtype)[1]), f"torch {dtype}"))


@cache
def exact(name: str, dtype: str, given: bool, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    target = probabilities(name, dtype) if given else stored(name, dtype)[1]
    return oracle.kl_divergence(stored(name, dtype)[0], target, given, temperature)


def arguments(name: str, kind: str, given: bool) -> tuple[Any, dict[str, Any]]:
    dtype = kind.split()[1]
    if given:
        return make(stored(name, dtype)[0], kind), {"target_probabilities": make(probabilities(name, dtype), kind)}
    return make(stored(name, dtype)[0], kind), {"target_logits": make(stored(name, dtype)[1], kind)}


def check(losses: Any, slopes: Any, name: str, dtype: str, given: bool, temperature: float) -> None:
    values, gradient = exact(name, dtype, given, temperature)
    largest = float(torch.finfo(getattr(torch, dtype)).max)
    values = np.where(values > largest, INF, values)
    # The sum of probabilities that are given is 1 but for rounding, which a divergence near 0 is made of.
    scale = np.array(1.0) if given and dtype == "float64" else None
    check_ulp(values_of(losses), values, dtype, VALUE_ULP[dtype], scale=scale)
    check_ulp(values_of(slopes), gradient, dtype, GRADIENT_ULP[dtype], scale=np.array(1.0 / temperature))


@pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")
@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("given", [False, True], ids=["logits", "probabilities"])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_and_their_gradient(kind, given, temperature):
    dtype = kind.split()[1]
    for name in PAIRS:
        logits, target = arguments(name, kind, given)
        options = {**target, "temperature": temperature, "reduction": "none"}
        losses, slopes = lw.kl_divergence_and_gradient(logits, **options)
        check(losses, slopes, name, dtype, given, temperature)
        assert type(losses) is type(logits)
        np.testing.assert_array_equal(values_of(lw.kl_divergence(logits, **options)), values_of(losses))


@pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")
@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("given", [False, True], ids=["logits", "probabilities"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_torch_operations(dtype, given, temperature):
    learned = torch.tensor(temperature, dtype=torch.float64, requires_grad=True)
    for name in PAIRS:
        logits, target = arguments(name, f"torch {dtype}", given)
        logits.requires_grad_()
        losses = lw.kl_divergence(logits, **target, temperature=learned, reduction="none")
        (slopes,) = torch.autograd.grad(losses.sum(), logits)
        check(losses, slopes, name, dtype, given, temperature)


@pytest.mark.parametrize("kind", ["numpy float64", "torch float64"])
def test_a_gradient_near_the_target_keeps_its_digits(kind):
    """With `q - p` it would be rounding errors alone; so would the divergence with `p (log p - log q)`."""
    target = np.array([[1.0, 2.0, -1.0, 0.5]])
    logits = target + np.array([[0.0, 2.0**-30, 0.0, -(2.0**-31)]])
    values, gradient = oracle.kl_divergence(logits, target)
    loss, slopes = lw.kl_divergence_and_gradient(make(logits, kind), make(target, kind))
    check_ulp(values_of(loss), values[0], "float64", VALUE_ULP["float64"])
    check_ulp(values_of(slopes), gradient, "float64", GRADIENT_ULP["float64"])
    assert values[0] < 1e-18


@pytest.mark.parametrize("kind", ["numpy float64", "torch float64"])
@pytest.mark.parametrize("given", [False, True], ids=["logits", "probabilities"])
def test_reductions(kind, given):
    logits, target = arguments("10 classes", kind, given)
    weight = np.array([0.5, 2.0, 0.0, 1.0, 3.0])
    sample_weight = torch.tensor(weight) if kind.startswith("torch") else weight
    values, gradient = exact("10 classes", "float64", given, 1.0)
    for reduction, divisor, more in (("sum", 1.0, {}), ("mean", 6.5, {}), ("mean", 7.0, {"normalizer": 7.0})):
        options = {**target, "sample_weight": sample_weight, "reduction": reduction, **more}
        loss, slopes = lw.kl_divergence_and_gradient(logits, **options)
        check_ulp(values_of(loss), np.array(values @ weight / divisor), "float64", VALUE_ULP["float64"])
        expected = gradient * weight[:, None] / divisor
        check_ulp(values_of(slopes), expected, "float64", GRADIENT_ULP["float64"], scale=np.array(1.0))
        assert values_of(lw.kl_divergence(logits, **options)) == values_of(loss)
    loss = lw.kl_divergence(logits, **target)
    check_ulp(values_of(loss), values.mean(), "float64", VALUE_ULP["float64"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("given", [False, True], ids=["logits", "probabilities"])
def test_every_number_of_classes(given, dtype):
    generator = np.random.default_rng(3)
    for classes in (2, 7, 31, 128, 129, 300, 1025, 2500):
        logits = (generator.standard_normal((33, classes)) * 3).astype(dtype)
        target = (generator.standard_normal((33, classes)) * 3).astype(dtype)
        target = lw.softmax(target) if given else target
        name = "target_probabilities" if given else "target_logits"
        values, gradient = reference.kl_divergence(logits, target, are_probabilities=given)
        losses, slopes = lw.kl_divergence_and_gradient(logits, **{name: target}, reduction="none")
        check_ulp(losses, values, dtype, REFERENCE_ULP[dtype], scale=np.array(1.0))  # that cancels
        check_ulp(slopes, gradient, dtype, GRADIENT_ULP[dtype], scale=np.array(1.0))
        alone = lw.kl_divergence(logits[32:], **{name: target[32:]}, reduction="none")
        np.testing.assert_array_equal(alone, losses[32:])


@pytest.mark.parametrize("kind", ["numpy float16", "numpy float64", "torch bfloat16", "torch float32"])
@pytest.mark.parametrize("given", [False, True], ids=["logits", "probabilities"])
@pytest.mark.parametrize("classes", [4, 150])
def test_axis_and_mask(classes, given, kind):
    generator = np.random.default_rng(8)
    dtype = kind.split()[1]
    mask = generator.random((3, classes, 5)) > 0.3
    mask[1, :, 2] = False
    mask[:, 0] |= ~mask.any(1)
    mask[1, :, 2] = False
    logits = values_of(make(generator.standard_normal((3, classes, 5)) * 3, kind))
    target = values_of(make(generator.standard_normal((3, classes, 5)) * 3, kind))
    if given:
        target = values_of(make(reference.softmax(target, 1, mask=mask), kind))
    values, gradient = reference.kl_divergence(logits, target, 1, are_probabilities=given, mask=mask, temperature=2.0)
    logits, target = np.where(mask, logits, NAN), np.where(mask, target, 7.0)  # what is masked is not read
    name = "target_probabilities" if given else "target_logits"
    masks = torch.tensor(mask) if kind.startswith("torch") else mask
    options = {"mask": masks, "temperature": 2.0, "reduction": "none"}
    with lw.checks("off"):
        losses, slopes = lw.kl_divergence_and_gradient(
            make(logits, kind), **{name: make(target, kind)}, axis=1, **options
        )
    check_ulp(values_of(losses), values, dtype, REFERENCE_ULP[dtype], scale=np.array(0.1))
    check_ulp(values_of(slopes), gradient, dtype, GRADIENT_ULP[dtype], scale=np.array(0.5))
    assert values_of(losses)[1, 2] == 0.0
    assert not values_of(slopes)[1, :, 2].any()
    if kind.startswith("torch"):
        leaf = make(logits, kind).requires_grad_()
        wanted = make(target, kind).requires_grad_()
        with lw.checks("off"):
            same = lw.kl_divergence(leaf, **{name: wanted}, axis=1, **options)
        own, other = torch.autograd.grad(same.sum(), (leaf, wanted))
        check_ulp(values_of(same), values, dtype, REFERENCE_ULP[dtype], scale=np.array(0.1))
        check_ulp(values_of(own), gradient, dtype, GRADIENT_ULP[dtype], scale=np.array(0.5))
        assert not values_of(other)[~mask].any()


# logits, target logits, loss
DEGENERATE = {
    "no probability": ([0.0, 1.0, 2.0], [-INF, -INF, -INF], 0.0),
    "nothing on either side": ([-INF, -INF, -INF], [-INF, -INF, -INF], 0.0),
    "not read": ([NAN, 1.0, 2.0], [-INF, -INF, -INF], 0.0),
    "logits of -inf alone": ([-INF, -INF, -INF], [0.0, 1.0, 2.0], INF),
    "excluded": ([0.0, -INF, 0.0], [0.0, -5.0, 0.0], INF),
    "the largest excluded": ([-INF, 0.0, 1.0], [9.0, 0.0, 0.0], INF),
    "excluded on both sides": ([0.0, -INF, 0.0], [0.0, -INF, 0.0], 0.0),
    "NaN": ([0.0, NAN, 0.0], [0.0, 0.0, 0.0], NAN),
    "NaN in the target": ([0.0, 1.0, 0.0], [0.0, NAN, 0.0], NAN),
    "NaN beside -inf in the target": ([0.0, 1.0, 0.0], [-INF, NAN, -INF], NAN),
    "NaN beside -inf": ([-INF, NAN, -INF], [0.0, 1.0, 0.0], NAN),
    "+inf": ([INF, 0.0, 0.0], [0.0, 1.0, 0.0], NAN),
    "+inf in the target": ([0.0, 1.0, 0.0], [0.0, INF, 0.0], NAN),
}


def degenerate_rows(repeats: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    logits, target, losses = zip(*DEGENERATE.values(), strict=True)
    more = ((0, 0), (0, 3 * (repeats - 1)))
    return np.pad(logits, more, constant_values=-INF), np.pad(target, more, constant_values=-INF), np.array(losses)


@pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")
@pytest.mark.parametrize("repeats", [1, 60])
@pytest.mark.parametrize("kind", KINDS)
def test_degenerate_rows(kind, repeats):
    rows, others, expected = degenerate_rows(repeats)
    with np.errstate(all="ignore"):
        defined, gradient = reference.kl_divergence(rows, others)
    np.testing.assert_array_equal(np.where(np.abs(defined) < 1e-12, 0.0, defined), expected)
    logits, target = make(rows, kind), make(others, kind)
    losses, slopes = lw.kl_divergence_and_gradient(logits, target, reduction="none")
    found = [(losses, slopes)]
    if kind.startswith("torch"):
        leaf = logits.clone().requires_grad_()
        by_operations = lw.kl_divergence(leaf, target.clone().requires_grad_(), reduction="none")
        found.append((by_operations, torch.autograd.grad(by_operations.sum(), leaf)[0]))
        found.append((torch.func.vmap(lw.kl_divergence)(logits, target), slopes))
    for values, derivative in found:
        np.testing.assert_array_equal(values_of(values), expected)
        for row in np.flatnonzero(~np.isnan(expected)):
            scale = np.array(1.0)
            check_ulp(values_of(derivative)[row], gradient[row], kind.split()[1], 4.0, scale=scale)


@pytest.mark.parametrize("kind", ["numpy float32", "torch float64"])
def test_probabilities_of_zero_and_of_weight_0(kind):
    logits = make(np.array([[1.0, 2.0, 0.5], [NAN, INF, 0.0], [0.0, 1.0, 2.0]]), kind)
    target = make(np.array([[0.0, 1.0, 0.0], [NAN, 7.0, 0.0], [0.5, 0.5, 0.0]]), kind)
    weight = make(np.array([1.0, 0.0, 2.0]), kind)
    loss, slopes = lw.kl_divergence_and_gradient(logits, target_probabilities=target, sample_weight=weight)
    rows = values_of(logits)[[0, 2]]
    values, gradient = reference.kl_divergence(rows, values_of(target)[[0, 2]], are_probabilities=True)
    dtype = kind.split()[1]
    check_ulp(values_of(loss), values @ [1.0, 2.0] / 3.0, dtype, REFERENCE_ULP[dtype])
    expected = gradient * [[1.0], [2.0]] / 3.0
    check_ulp(values_of(slopes)[[0, 2]], expected, dtype, GRADIENT_ULP[dtype], scale=np.array(1.0))
    assert not values_of(slopes)[1].any()


def test_derivatives_of_every_kind():
    generator = torch.Generator().manual_seed(2)
    logits, target = (torch.randn(2, 3, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2))
    shares = torch.softmax(target.detach(), -1).requires_grad_()
    options = {"temperature": 2.0, "reduction": "sum"}
    for call, inputs in (
        (lambda z: lw.kl_divergence(z, target.detach(), **options), (logits,)),
        (lambda z, t: lw.kl_divergence(z, t, **options), (logits, target)),
        (lambda z, y: lw.kl_divergence(z, target_probabilities=y, **options), (logits, shares)),
    ):
        assert torch.autograd.gradcheck(call, inputs, check_forward_ad=True, fast_mode=True)
        assert torch.autograd.gradgradcheck(call, inputs, fast_mode=True)
    losses = lw.kl_divergence(logits, target, reduction="none")
    (slopes,) = torch.autograd.grad(losses.sum(), target)
    p, q = torch.softmax(target, -1), torch.softmax(logits, -1)
    expected = p * ((p / q).log() - losses.unsqueeze(1))
    torch.testing.assert_close(slopes, expected, rtol=1e-13, atol=1e-15)
    torch._dynamo.reset()
    compiled = torch.compile(lambda z, t: lw.kl_divergence(z, t, **options), backend="aot_eager", fullgraph=True)
    plain = lw.kl_divergence(logits, target.detach(), **options)
    torch.testing.assert_close(compiled(logits, target.detach()), plain, rtol=1e-13, atol=0.0)
    torch._dynamo.reset()


def test_a_second_backward_pass_and_an_outer_gradient():
    generator = torch.Generator().manual_seed(5)
    for dtype in (torch.bfloat16, torch.float32):
        logits, target = (torch.randn(6, 9, generator=generator).to(dtype) for _ in range(2))
        logits.requires_grad_()
        exact_slopes = oracle.kl_divergence(values_of(logits), values_of(target))[1]
        name = str(dtype)[6:]
        for options, weight in (({}, 1000.0 / 6), ({"reduction": "none"}, 1000.0)):
            loss = lw.kl_divergence(logits, target, **options)
            outer = torch.full_like(loss, 1000.0)
            for _ in range(2):
                (slopes,) = torch.autograd.grad(loss, logits, outer, retain_graph=True)
                expected = exact_slopes * weight
                check_ulp(values_of(slopes), expected, name, GRADIENT_ULP[name], scale=np.array(weight))


@pytest.mark.parametrize("classes", [5, 300])
def test_out(classes):
    generator = np.random.default_rng(4)
    for name in ("out", "logits", "target"):
        logits, target = generator.standard_normal((2, 5, classes))
        expected = lw.kl_divergence_and_gradient(logits, target)
        into = {"out": np.empty_like(logits), "logits": logits, "target": target}[name]
        loss, slopes = lw.kl_divergence_and_gradient(logits, target, out=into)
        assert slopes is into
        assert loss == expected[0]
        np.testing.assert_array_equal(slopes, expected[1])


def test_the_dtypes_of_the_two_sides_may_differ():
    generator = torch.Generator().manual_seed(6)
    logits, target = torch.randn(2, 4, 7, generator=generator)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        teacher = target.to(dtype)
        loss, _ = lw.kl_divergence_and_gradient(logits, teacher)
        assert loss.dtype == torch.float32
        values = oracle.kl_divergence(values_of(logits), values_of(teacher))[0]
        check_ulp(values_of(loss), values.mean(), "float32", VALUE_ULP["float32"])


Z = np.array([[1.0, 2.0, 0.5]])
WRONG = {
    "neither": (lambda: lw.kl_divergence(Z), "target_logits must be given, or else target_probabilities; got neither."),
    "both": (
        lambda: lw.kl_divergence(Z, Z, target_probabilities=Z),
        "target_logits must be given, or else target_probabilities; got both.",
    ),
    "shape": (lambda: lw.kl_divergence(Z, Z[0]), "target_logits must have the shape of logits, (1, 3); got (3,)."),
    "class indices": (
        lambda: lw.kl_divergence(Z, target_probabilities=np.array([1])),
        "target_probabilities must have the shape of logits, (1, 3); got (1,). For class indices, use cross_entropy.",
    ),
    "negative": (
        lambda: lw.kl_divergence(Z, target_probabilities=np.array([[-1.0, 1.0, 1.0]])),
        "target_probabilities must be zero or more, and finite; got -1.0 at index (0, 0).",
    ),
    "temperature": (
        lambda: lw.kl_divergence(Z, Z, temperature=0.0),
        "temperature must be positive and finite; got 0.0.",
    ),
    "framework": (
        lambda: lw.kl_divergence(torch.tensor(Z), Z),
        "target_logits must be a torch tensor like logits; got a NumPy array of dtype float64 and shape (1, 3). "
        "Convert with torch.as_tensor.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said(name):
    call, message = WRONG[name]
    with pytest.raises((ValueError, TypeError), match=f"^{re.escape(message)}$"):
        call()


SHARES = np.array([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125], [0.5, 0.0, 0.5], [1.0, 0.0, 0.0]])
SCORES = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0], [-2.0, 1.0, 1.0], [0.5, 0.5, 4.0]])


@pytest.mark.parametrize("kind", ["numpy float64", "torch float32"])
def test_warnings(kind):
    scores, shares = make(SCORES, kind), make(SHARES, kind)
    message = "^target_logits must be scores before any softmax; .*Pass them as target_probabilities=.$"
    with pytest.warns(lw.ProbabilitiesAsLogitsWarning, match=message):
        lw.kl_divergence(scores, shares)
    message = "^logits must be scores before any softmax; .*Remove the softmax: kl_divergence applies it itself.$"
    with pytest.warns(lw.ProbabilitiesAsLogitsWarning, match=message):
        lw.kl_divergence(shares, scores)
    lw.kl_divergence(lw.log_softmax(scores), lw.log_softmax(scores))  # log-probabilities are logits
    with pytest.warns(lw.UnnormalizedTargetWarning, match="^target_probabilities must sum to 1"):
        lw.kl_divergence(scores, target_probabilities=shares * 2)
    spoiled, impossible = SCORES.copy(), SCORES.copy()
    spoiled[1, 2], impossible[2, 0] = NAN, -INF
    with pytest.warns(lw.NotFiniteWarning, match="^logits must be numbers or -inf; got nan for class 2 at row 1"):
        lw.kl_divergence(make(spoiled, kind), scores)
    with pytest.warns(
        lw.NotFiniteWarning, match="^target_logits must be numbers or -inf; got nan for class 2 at row 1"
    ):
        lw.kl_divergence(scores, make(spoiled, kind))
    with pytest.warns(lw.ImpossibleTargetWarning, match="got -inf for class 0 at row 2"):
        lw.kl_divergence(make(impossible, kind), scores)
    with pytest.warns(lw.NoRowsWarning):
        assert lw.kl_divergence(scores[:0], scores[:0]) == 0.0


@pytest.mark.parametrize("given", [False, True], ids=["logits", "probabilities"])
@pytest.mark.parametrize("classes", [3, 200])
@pytest.mark.parametrize("kind", ["numpy float32", "torch float32"])
def test_the_slope_of_the_largest_class_keeps_its_digits(kind, classes, given):
    """`q - p` of two numbers near 1 has none left in the tail."""
    first = np.eye(1, classes)
    logits = values_of(make(first * np.arange(12, 60, 4)[:, None], kind))
    target = values_of(make(first * np.arange(14, 62, 4)[:, None] / 2, kind))
    if given:
        target = values_of(make(reference.softmax(target), kind))
    values, gradient = oracle.kl_divergence(logits, target, given)
    name = "target_probabilities" if given else "target_logits"
    options: dict[str, Any] = {name: make(target, kind), "reduction": "none"}
    losses, slopes = lw.kl_divergence_and_gradient(make(logits, kind), **options)
    check_ulp(values_of(losses), values, "float32", VALUE_ULP["float32"])
    check_ulp(values_of(slopes)[:, 0], gradient[:, 0], "float32", GRADIENT_ULP["float32"])


@pytest.mark.parametrize("classes", [2, 5, 17, 128, 129, 700])
@pytest.mark.parametrize("temperature", [1.0, 7.3])
def test_probabilities_that_the_logits_nearly_give(classes, temperature):
    """The exponentials of both formulas need all digits of float64 where the two sides agree to 32 bits."""
    generator = np.random.default_rng(classes)
    logits = (generator.standard_normal((30, classes)) * 3).astype(np.float32)
    target = reference.softmax(logits.astype(np.float64) / temperature)
    target[15:] *= 1.0 + 10.0 ** generator.uniform(-7, -2, (15, classes))
    target = (target / target.sum(1, keepdims=True)).astype(np.float32)
    values, gradient = oracle.kl_divergence(logits.astype(np.float64), target.astype(np.float64), True, temperature)
    options: dict[str, Any] = {"target_probabilities": target, "temperature": temperature, "reduction": "none"}
    losses, slopes = lw.kl_divergence_and_gradient(logits, **options)
    check_ulp(losses, values, "float32", VALUE_ULP["float32"])
    largest = np.abs(gradient).max(1, keepdims=True)
    check_ulp(slopes, gradient, "float32", GRADIENT_ULP["float32"], scale=largest)


TIES = {
    "two of three": ([[0, 30, 30]], [[40, 40, 0]], -2.3392995e-14),
    "two of four": ([[0, 30, 30, -9]], [[0, 30, 30, -9.5]], None),
}


@pytest.mark.parametrize("case", TIES)
@pytest.mark.parametrize("classes", [0, 200], ids=["few classes", "many classes"])
def test_slopes_of_tied_classes_keep_their_digits(case, classes):
    logits, target, expected = TIES[case]
    z, t = (np.pad(np.float32(each), ((0, 0), (0, classes)), constant_values=-np.inf) for each in (logits, target))
    gradient = oracle.kl_divergence(z.astype(np.float64), t.astype(np.float64))[1]
    slopes = lw.kl_divergence_and_gradient(z, t)[1]
    check_ulp(slopes[0, 1], gradient[0, 1], "float32", GRADIENT_ULP["float32"])
    assert expected is None or np.isclose(float(gradient[0, 1]), expected, rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("classes", [100, 1000])
@pytest.mark.parametrize("function", ["entropy", "kl_divergence"])
def test_gradients_of_sixteen_bits_are_rounded_once_whatever_the_axis(function, classes, dtype):
    generator = torch.Generator().manual_seed(classes)
    logits, target = torch.randn(2, 60, classes, generator=generator).to(getattr(torch, dtype))
    others = {} if function == "entropy" else {"target_logits": target}
    call = getattr(lw, f"{function}_and_gradient")
    slopes = call(logits, **others)[1]
    turned = {name: each.T.contiguous() for name, each in others.items()}
    assert torch.equal(call(logits.T.contiguous(), axis=0, **turned)[1].T, slopes)
    exact_slopes = call(logits.double(), **{name: each.double() for name, each in others.items()})[1]
    check_ulp(values_of(slopes), values_of(exact_slopes), dtype, ROUNDED_ONCE_ULP)


@pytest.mark.parametrize("classes", [2, 7, 128, 129, 500])
def test_rows_from_equal_to_far_apart_in_one_batch(classes):
    """Each row has the bits that it has alone, whichever formula it takes."""
    generator = np.random.default_rng(classes)
    target = generator.standard_normal((40, classes)).astype(np.float32) * 3
    steps = np.concatenate([[0.0], 10.0 ** np.linspace(-8, 1, 39)])[:, None]
    logits = (target + steps * generator.standard_normal(target.shape)).astype(np.float32)
    values, gradient = oracle.kl_divergence(logits.astype(np.float64), target.astype(np.float64))
    losses, slopes = lw.kl_divergence_and_gradient(logits, target, reduction="none")
    check_ulp(losses, values, "float32", VALUE_ULP["float32"])
    check_ulp(slopes, gradient, "float32", GRADIENT_ULP["float32"], scale=np.abs(gradient).max(1, keepdims=True))
    for row in range(0, 40, 3):
        alone = lw.kl_divergence_and_gradient(logits[[row]], target[[row]], reduction="none")
        assert (alone[0][0], alone[1].tobytes()) == (losses[row], slopes[row].tobytes())
