"""Derivatives of every order and kind, by numerical differences: logits, soft targets, weights, temperature, count."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

import logitwise as lw

TARGET = tensor([0, 2, 1, -100])


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def positive(*shape: int, seed: int = 0) -> Tensor:
    return normal(*shape, seed=seed).detach().exp().requires_grad_()


def distribution(*shape: int, seed: int = 0) -> Tensor:
    return normal(*shape, seed=seed).detach().softmax(1).requires_grad_()


SMOOTH = {"label_smoothing": 0.1, "z_loss": 0.01}
MASK = tensor([[True, True, False], [False, True, True], [True, True, True], [True, False, True]])
CASES = {
    "softmax": (lw.softmax, normal(4, 3)),
    "softmax, axis 0, mask": (lambda z: lw.softmax(z, 0, temperature=0.7, mask=MASK), normal(4, 3)),
    "softmax, temperature": (lambda z, t: lw.softmax(z, temperature=t), normal(4, 3), positive()),
    "log_softmax": (lw.log_softmax, normal(4, 3)),
    "log_softmax, axis 0": (lambda z: lw.log_softmax(z, 0, temperature=2.0), normal(4, 3)),
    "log_softmax, temperature": (lambda z, t: lw.log_softmax(z, temperature=t), normal(4, 3), positive()),
    "logsumexp": (lw.logsumexp, normal(4, 3)),
    "logsumexp, mask": (lambda z: lw.logsumexp(z, keepdims=True, mask=MASK), normal(4, 3)),
    "sigmoid": (lw.sigmoid, normal(4, 3)),
    "log_sigmoid": (lw.log_sigmoid, normal(4, 3)),
    "cross_entropy": (lambda z: lw.cross_entropy(z, TARGET), normal(4, 3)),
    "cross_entropy, none": (lambda z: lw.cross_entropy(z, TARGET, reduction="none", **SMOOTH), normal(4, 3)),
    "cross_entropy, axis 0, sum": (lambda z: lw.cross_entropy(z, TARGET, axis=0, reduction="sum"), normal(3, 4)),
    "cross_entropy, weights": (
        lambda z, c, s: lw.cross_entropy(z, TARGET, class_weight=c, sample_weight=s, **SMOOTH),
        normal(4, 3),
        positive(3),
        positive(4, seed=1),
    ),
    "cross_entropy, soft target": (
        lambda z, y, c: lw.cross_entropy(z, y, class_weight=c, **SMOOTH),
        normal(4, 3),
        distribution(4, 3, seed=1),
        positive(3),
    ),
    "cross_entropy, normalizer": (lambda z, n: lw.cross_entropy(z, TARGET, normalizer=n), normal(4, 3), positive()),
    "binary": (lambda z: lw.binary_cross_entropy_with_logits(z, tensor([0, 1, 1])), normal(3)),
    "binary, all": (
        lambda z, y, s, p: lw.binary_cross_entropy_with_logits(z, y, sample_weight=s, pos_weight=p, reduction="none"),
        normal(4, 3),
        distribution(4, 3, seed=1),
        positive(4, 3),
        positive(3),
    ),
    "log_loss": (lambda p, c: lw.log_loss(p, TARGET, class_weight=c), distribution(4, 3), positive(3)),
}


@pytest.mark.parametrize(("function", "inputs"), [(case[0], case[1:]) for case in CASES.values()], ids=list(CASES))
def test_derivatives_are_the_limits_of_differences(function, inputs):
    assert gradcheck(function, inputs, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(function, inputs, check_fwd_over_rev=True, check_batched_grad=True)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("function", [lw.softmax, lw.log_softmax])
def test_what_comes_back_to_masked_classes_goes_nowhere(function, dtype):
    """A masked class is a constant: neither its logit nor the gradient of its result reaches the other classes."""
    outer = normal(4, 3, seed=1).detach().to(dtype)
    gradients = []
    for logits, back in (
        (normal(4, 3).detach().to(dtype), outer),
        (normal(4, 3).detach().to(dtype).masked_fill(~MASK, 7.0), outer.masked_fill(~MASK, 3.0)),
        (normal(4, 3).detach().to(dtype).masked_fill(~MASK, torch.nan), outer.masked_fill(~MASK, 0.0)),
    ):
        logits.requires_grad_()
        result = function(logits, temperature=0.7, mask=MASK)
        gradients.append(torch.autograd.grad(result, logits, back)[0])
        assert_close(gradients[-1], gradients[0], atol=0.0, rtol=0.0)
    kept = normal(4, 3).detach().to(dtype)
    for row in range(4):
        classes = MASK[row].nonzero()[:, 0]
        alone = kept[row, classes].double().requires_grad_()
        result = function(alone, temperature=0.7)
        (expected,) = torch.autograd.grad(result, alone, outer[row, classes].double())
        tolerance = 4 * torch.finfo(dtype).eps
        assert_close(gradients[0][row, classes].double(), expected, atol=tolerance, rtol=tolerance)
        assert gradients[0][row, ~MASK[row]].abs().sum() == 0.0


@pytest.mark.parametrize("loss_of", [lw.nn.CrossEntropyLoss(), lw.nn.CrossEntropyLoss(label_smoothing=0.1)])
def test_a_hessian_times_a_vector_is_torchs(loss_of):
    logits, vector = normal(4, 3), normal(4, 3, seed=1).detach()
    theirs = torch.nn.CrossEntropyLoss(label_smoothing=loss_of.label_smoothing)
    products = []
    for loss in (loss_of, theirs):
        (gradient,) = torch.autograd.grad(loss(logits, TARGET), logits, create_graph=True)
        products.append(torch.autograd.grad((gradient * vector).sum(), logits)[0])
    assert_close(*products)
    assert products[0].abs().max() > 0.01


def test_third_derivatives_are_torchs():
    logits = normal(4, 3)
    thirds = []
    for loss in (lw.nn.CrossEntropyLoss(), torch.nn.CrossEntropyLoss()):
        value = loss(logits, TARGET)
        for _ in range(3):
            (gradient,) = torch.autograd.grad(value, logits, create_graph=True)
            value = (gradient * torch.arange(12.0).reshape(4, 3)).sum()
        thirds.append(gradient.detach())
    assert_close(*thirds)


def test_the_second_derivative_of_a_confident_row_is_exact():
    logits = tensor([[20.0, 0.0, 0.0]], requires_grad=True)
    loss = lw.cross_entropy(logits, tensor([0]))
    (gradient,) = torch.autograd.grad(loss, logits, create_graph=True)
    (second,) = torch.autograd.grad(gradient[0, 0], logits)
    other = torch.exp(tensor(-20.0, dtype=torch.float64))
    curvature = (2 * other / (1 + 2 * other) ** 2).float()
    assert_close(second, tensor([[1.0, -0.5, -0.5]]) * curvature, atol=0.0, rtol=1.3e-6)


def test_a_temperature_has_no_derivative_where_a_class_is_excluded():
    logits, temperature = tensor([[1.0, 0.0, -torch.inf]]), tensor(2.0, requires_grad=True)
    lw.softmax(logits, temperature=temperature)[0, 0].backward()
    without = tensor(2.0, requires_grad=True)
    lw.softmax(logits[:, :2], temperature=without)[0, 0].backward()
    assert_close(temperature.grad, without.grad)
    assert temperature.grad.abs() > 0.01


def test_a_temperature_learned_by_descent_is_the_best_one():
    logits, target = 3.0 * normal(200, 3).detach(), torch.arange(200) % 3
    temperature = tensor(1.0, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([temperature], line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = -lw.log_softmax(logits, temperature=temperature)[torch.arange(200), target].mean()
        loss.backward()
        return loss

    before = closure().item()
    optimizer.step(closure)
    assert closure().item() < before - 0.5
    assert abs(temperature.grad.item()) < 1e-4


CONSTANT = {
    "cross_entropy, label_smoothing": lambda z, x: lw.cross_entropy(z, TARGET, label_smoothing=x),
    "cross_entropy, z_loss": lambda z, x: lw.cross_entropy(z, TARGET, z_loss=x),
    "binary_cross_entropy, label_smoothing": lambda z, x: lw.binary_cross_entropy_with_logits(
        z, z.detach().sigmoid(), label_smoothing=x
    ),
    "focal_loss, gamma": lambda z, x: lw.focal_loss(z, TARGET, gamma=x),
    "focal_loss, label_smoothing": lambda z, x: lw.focal_loss(z, TARGET, label_smoothing=x),
    "binary_focal_loss, gamma": lambda z, x: lw.binary_focal_loss_with_logits(z, z.detach().sigmoid(), gamma=x),
    "FocalLoss, gamma": lambda z, x: lw.nn.FocalLoss(gamma=x)(z, TARGET),
    "CrossEntropyLoss, label_smoothing": lambda z, x: lw.nn.CrossEntropyLoss(label_smoothing=x)(z, TARGET),
}


@pytest.mark.parametrize("name", CONSTANT)
def test_a_number_without_a_derivative_cannot_be_learned(name):
    function, logits = CONSTANT[name], normal(4, 3)
    message = rf"^{name.split(', ')[1]} must be constant; got a tensor with a derivative\. Pass a number, with .item()"
    learned, fixed = tensor(0.25, requires_grad=True), tensor(0.25)
    for ask in (
        lambda: function(logits, learned),
        lambda: torch.func.grad(lambda x: function(logits, x))(fixed),
        lambda: torch.func.jvp(lambda x: function(logits, x), (fixed,), (torch.ones(()),)),
    ):
        with pytest.raises(TypeError, match=message.replace("()", r"\(\)")):
            ask()
    with torch.no_grad():
        expected = function(logits, learned)
    for number in (0.25, fixed, learned.detach(), learned.item()):
        assert_close(function(logits, number), expected, rtol=0.0, atol=0.0)
    _, tangent = torch.func.jvp(lambda z: function(z, fixed), (logits.detach(),), (torch.ones_like(logits),))
    assert tangent.isfinite()
