"""Means with tiny and huge weights: those that are a power of two away from ordinary ones give the same bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import logitwise as lw
from functional.inputs import make, values_of

GENERATOR = np.random.default_rng(5)
LOGITS = GENERATOR.normal(size=(6, 4)) * 3
INDICES = np.array([0, 3, 1, 2, -100, 3])
SOFT = GENERATOR.dirichlet(np.ones(4), 6)
LABELS = (SOFT > 0.25).astype(float)
OF_CLASSES = np.array([1.0, 0.5, 1.25, 0.0])  # of few bits, which subnormal numbers hold too
OF_ROWS = np.array([1.5, 0.0, 1.0, 0.25, 1.0, 0.75])
POWERS = [2.0**-1070, 2.0**-500, 2.0**1022]
BINARY = lw.binary_cross_entropy_with_logits


def weights(**arrays: np.ndarray) -> dict[str, np.ndarray]:
    return arrays


# name -> function, target, weights that are multiplied by a power of two, options
MEANS: dict[str, tuple[Callable[..., Any], np.ndarray, dict[str, Any], dict[str, Any]]] = {
    "class weights": (lw.cross_entropy, INDICES, weights(class_weight=OF_CLASSES), {"label_smoothing": 0.1}),
    "sample weights": (lw.cross_entropy, INDICES, weights(sample_weight=OF_ROWS), {"z_loss": 0.1}),
    "both": (lw.cross_entropy, INDICES, weights(class_weight=OF_CLASSES, sample_weight=OF_ROWS), {}),
    "soft": (lw.cross_entropy, SOFT, weights(class_weight=OF_CLASSES, sample_weight=OF_ROWS), {}),
    "normalizer": (lw.cross_entropy, INDICES, weights(sample_weight=OF_ROWS, normalizer=1.5), {}),
    "class weights, normalizer": (lw.cross_entropy, INDICES, weights(class_weight=OF_CLASSES, normalizer=1.5), {}),
    "binary": (BINARY, LABELS, weights(sample_weight=OF_ROWS[:, None]), {"pos_weight": OF_CLASSES}),
    "binary, normalizer": (BINARY, LABELS, weights(sample_weight=OF_ROWS[:, None], normalizer=1.5), {}),
    "log_loss": (lw.log_loss, INDICES, weights(class_weight=OF_CLASSES, sample_weight=OF_ROWS), {}),
}


def scaled(name: str, kind: str, power: float) -> tuple[Callable[..., Any], Any, dict[str, Any]]:
    """Return a function, its target and options of a kind, with the weights of a mean times a power of two."""
    function, target, given, options = MEANS[name]
    given = {key: value * power for key, value in given.items()} | options
    whole = torch.tensor(target) if kind.startswith("torch") else target
    target = make(target, kind) if target.dtype.kind == "f" else whole
    of_kind = f"{kind.split()[0]} float64"
    return function, target, {k: make(v, of_kind) if isinstance(v, np.ndarray) else v for k, v in given.items()}


def logits_of(function: Callable[..., Any], kind: str) -> Any:
    return make(lw.softmax(LOGITS) if function is lw.log_loss else LOGITS, kind)


def by_autograd(function: Callable[..., Any], logits: Any, target: Any, options: dict[str, Any]) -> list[np.ndarray]:
    """Return the loss, its gradient, and a derivative of that."""
    logits = logits.detach().requires_grad_()
    loss = function(logits, target, **options)
    (gradient,) = torch.autograd.grad(loss, logits, create_graph=True)
    (second,) = torch.autograd.grad((gradient * gradient.detach()).sum(), logits)
    (again,) = torch.autograd.grad(function(logits, target, **options), logits)
    return [values_of(each) for each in (loss, gradient, second, again)]


def by_transform(function: Callable[..., Any], logits: Any, target: Any, options: dict[str, Any]) -> list[np.ndarray]:
    return list(map(values_of, torch.func.grad_and_value(lambda z: function(z, target, **options))(logits)))


def by_arrays(function: Callable[..., Any], logits: Any, target: Any, options: dict[str, Any]) -> list[np.ndarray]:
    found = [function(logits, target, **options)]
    if function is not lw.log_loss:
        found += getattr(lw, f"{function.__name__}_and_gradient")(logits, target, **options)
    return list(map(values_of, found))


def by_compiled_code(function: Callable[..., Any], logits: Any, target: Any, options: Any) -> list[np.ndarray]:
    torch.compiler.reset()
    compiled = torch.compile(lambda z, y: function(z, y, **options), backend="aot_eager", fullgraph=True)
    logits = logits.detach().requires_grad_()
    loss = compiled(logits, target)
    return list(map(values_of, (loss, *torch.autograd.grad(loss, logits))))


@pytest.mark.parametrize(
    ("kind", "compute"),
    [
        ("numpy float64", by_arrays),
        ("numpy float32", by_arrays),
        ("torch float64", by_autograd),
        ("torch bfloat16", by_autograd),
        ("torch float32", by_transform),
        ("torch float64", by_arrays),
    ],
)
@pytest.mark.parametrize("name", MEANS)
def test_a_power_of_two_in_all_weights_changes_no_bit_of_a_mean(name, kind, compute):
    function, target, options = scaled(name, kind, 1.0)
    logits = logits_of(function, kind)
    expected = compute(function, logits, target, options)
    assert all(np.isfinite(each).all() for each in expected)
    for power in POWERS:
        for ours, ordinary in zip(compute(function, logits, *scaled(name, kind, power)[1:]), expected, strict=True):
            np.testing.assert_array_equal(ours, ordinary)


@pytest.mark.parametrize("name", ["both", "binary"])
def test_tiny_weights_in_compiled_code(name):
    function, target, options = scaled(name, "torch float64", 1.0)
    logits = logits_of(function, "torch float64")
    expected = by_compiled_code(function, logits, target, options)
    found = by_compiled_code(function, logits, *scaled(name, "torch float64", POWERS[0])[1:])
    for ours, ordinary in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, ordinary)


@pytest.mark.parametrize("kind", ["numpy float64", "torch float64"])
def test_only_classes_that_are_present_decide(kind):
    """The weights of the others may be ordinary, or so large that they have no number beside a tiny one."""
    logits, ones = make(LOGITS, kind), make(np.ones(6, int), kind.replace("float", "int"))
    expected = values_of(lw.cross_entropy(logits, ones))
    for other in (1.0, 1e300):
        weight = make(np.array([other, 1e-310, 0.0, other]), kind)
        found, gradient = lw.cross_entropy_and_gradient(logits, ones, class_weight=weight)
        np.testing.assert_allclose(values_of(found), expected, rtol=1e-15)
        assert np.isfinite(values_of(gradient)).all()
        one_hot = make(np.eye(4)[np.ones(6, int)], kind)
        np.testing.assert_allclose(
            values_of(lw.cross_entropy(logits, one_hot, class_weight=weight)), expected, rtol=1e-15
        )


@pytest.mark.parametrize("kind", ["numpy float64", "torch float64"])
def test_huge_weights_of_the_positive_class(kind):
    """Their losses have a mean, and no sum."""
    logits, target = make(LOGITS * 0.1, kind), make(np.ones((6, 4)), kind)
    expected = lw.binary_cross_entropy_with_logits_and_gradient(logits, target)
    huge = make(np.array(2.0**1023), kind)
    found = lw.binary_cross_entropy_with_logits_and_gradient(logits, target, pos_weight=huge)
    for ours, ordinary in zip(found, expected, strict=True):
        np.testing.assert_array_equal(values_of(ours), values_of(ordinary) * 2.0**1023)


def test_tiny_weights_of_log_probabilities():
    loss = lw.nn.NLLLoss(torch.tensor(OF_CLASSES[:3] * 2.0**-1070, dtype=torch.float64))
    rows, target = torch.tensor(LOGITS[:, :3]), torch.tensor([0, 1, 2, 1, 0, 0])
    expected = lw.nn.NLLLoss(torch.tensor(OF_CLASSES[:3]))(rows, target)
    assert torch.equal(loss(rows, target), expected)


def test_a_tiny_normalizer_of_losses_without_weights():
    logits, target = np.float64([[0.0, 700.0], [710.0, 0.0]]), np.array([1, 0])
    for given, labels in ((logits, target), (torch.tensor(logits), torch.tensor(target))):
        found, gradient = lw.cross_entropy_and_gradient(given, labels, normalizer=2.0**-1000)
        expected, slopes = lw.cross_entropy_and_gradient(given, labels, normalizer=1.0)
        np.testing.assert_array_equal(values_of(found), np.ldexp(values_of(expected), 1000))
        np.testing.assert_array_equal(values_of(gradient), np.ldexp(values_of(slopes), 1000))
