"""What multiplies a gradient in the backward pass (a loss scale, say) multiplies it before it is rounded to 16 bits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import grad

import logitwise as lw
from functional.budgets import ROUNDED_ONCE_ULP, check_ulp

SIXTEEN_BITS = [torch.float16, torch.bfloat16]
SCALE = 2.0**13
ROWS = 12


def made(classes: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(classes)
    return {
        "logits": 3.0 * torch.randn(ROWS, classes, generator=generator),
        "target": torch.randint(0, classes, (ROWS,), generator=generator),
        "truth": torch.rand(ROWS, classes, generator=generator).softmax(-1),
        "labels": torch.rand(ROWS, classes, generator=generator),
        "class_weight": torch.rand(classes, generator=generator) + 0.5,
        "sample_weight": torch.rand(ROWS, generator=generator),
        "mask": (torch.rand(ROWS, classes, generator=generator) < 0.9).index_fill(1, torch.tensor([0]), True),
    }


def losses(given: dict[str, Tensor]) -> dict[str, Callable[..., Tensor]]:
    """Return every kind of loss, as a function of the logits and of the options of the reduction."""
    target, truth, labels = (given[name] for name in ("target", "truth", "labels"))
    weights = {"class_weight": given["class_weight"], "sample_weight": given["sample_weight"]}
    element_weights = {"sample_weight": given["sample_weight"][:, None], "pos_weight": given["class_weight"]}
    binary = lw.binary_cross_entropy_with_logits
    return {
        "indices": lambda z, **options: lw.cross_entropy(z, target, **options),
        "indices, all options": lambda z, **options: lw.cross_entropy(
            z, target, label_smoothing=0.1, z_loss=0.01, **weights, **options
        ),
        "indices, transposed": lambda z, **options: lw.cross_entropy(z.t().contiguous(), target, axis=0, **options),
        "distributions": lambda z, **options: lw.cross_entropy(z, truth, **weights, **options),
        "binary": lambda z, **options: binary(z, labels, **options),
        "binary, weights": lambda z, **options: binary(z, labels, **element_weights, **options),
    }


REDUCTIONS: dict[str, dict] = {
    "mean": {},
    "sum": {"reduction": "sum"},
    "normalizer": {"normalizer": 100.0},
    "none": {"reduction": "none"},
    "none, then a sum": {"reduction": "none"},
}


def scaled(values: Tensor, reduction: str = "mean") -> Tensor:
    """Return one number, of which the outer gradients of the values are around the scale, and exact in sixteen bits."""
    if reduction == "none":
        values = values * (2.0 ** (torch.arange(values.numel()) % 3).reshape(values.shape)).to(values.dtype)
    return values.float().sum() * SCALE


def gradient_of(function: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
    leaf = logits.detach().requires_grad_()
    return torch.autograd.grad(function(leaf), leaf)[0]


def gradient_under_hooks(function: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
    leaf = logits.detach().requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        value = function(leaf)
    return torch.autograd.grad(value, leaf)[0]


def second_gradient(function: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
    leaf = logits.detach().requires_grad_()
    value = function(leaf)
    torch.autograd.grad(value, leaf, retain_graph=True)
    return torch.autograd.grad(value, leaf)[0]


def compiled_gradient(function: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
    torch._dynamo.reset()
    return gradient_of(torch.compile(function, fullgraph=True, backend="aot_eager"), logits)


def batch_of_gradients(function: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
    """Return the gradient by an outer gradient that is one of a batch."""
    leaf = logits.detach().requires_grad_()
    outer = torch.tensor([0.0, 1.0])
    return torch.autograd.grad(function(leaf), leaf, outer, is_grads_batched=True)[0][1]


WAYS = {
    "eager": gradient_of,
    "hooks": gradient_under_hooks,
    "second pass": second_gradient,
    "batched": batch_of_gradients,
    "grad": lambda function, logits: grad(function)(logits),
    "compiled": compiled_gradient,
}


def check(actual: Tensor, exact: Tensor, dtype: torch.dtype) -> None:
    """Raise unless a gradient was rounded once: arithmetic in 32 bits may be seen in the smallest entries of a row."""
    name, actual, exact = str(dtype).removeprefix("torch."), actual.double(), exact.double()
    scale = exact.abs().amax(-1, keepdim=True) * 2.0**-10
    check_ulp(actual.numpy(), exact.numpy(), name, ROUNDED_ONCE_ULP, scale=scale.numpy())


@pytest.mark.parametrize("dtype", SIXTEEN_BITS, ids=str)
@pytest.mark.parametrize("way", [name for name in WAYS if name != "compiled"])
@pytest.mark.parametrize("classes", [2, 3, 17, 300, 2048, 6000])
def test_the_gradient_of_a_scaled_loss_is_rounded_once(classes, way, dtype):
    given = made(classes)
    logits = given["logits"].to(dtype)
    for kind, loss in losses(given).items():
        for reduction, options in REDUCTIONS.items():

            def function(z: Tensor, loss=loss, options=options, reduction=reduction) -> Tensor:
                return scaled(loss(z, **options), reduction)

            exact = gradient_of(function, logits.double())
            assert exact.abs().max() > 0.0, (kind, reduction)
            actual = WAYS[way](function, logits)
            assert actual.dtype == dtype
            check(actual, exact, dtype)


@pytest.mark.parametrize("dtype", SIXTEEN_BITS, ids=str)
@pytest.mark.parametrize("kind", losses(made(3)))
def test_the_gradient_of_a_scaled_loss_is_rounded_once_in_compiled_code(kind, dtype):
    given = made(17)
    loss, logits = losses(given)[kind], given["logits"].to(dtype)
    for reduction in ("mean", "none"):

        def function(z: Tensor, reduction: str = reduction) -> Tensor:
            return scaled(loss(z, reduction=reduction), reduction)

        check(compiled_gradient(function, logits), gradient_of(function, logits.double()), dtype)
    torch._dynamo.reset()


FUNCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "softmax": lambda z, mask: lw.softmax(z, temperature=0.7),
    "softmax, mask": lambda z, mask: lw.softmax(z, mask=mask),
    "log_softmax": lambda z, mask: lw.log_softmax(z, temperature=0.7),
    "log_softmax, mask": lambda z, mask: lw.log_softmax(z, mask=mask).masked_fill(~mask, 0.0),
    "logsumexp": lambda z, mask: lw.logsumexp(z),
    "logsumexp, mask": lambda z, mask: lw.logsumexp(z, mask=mask, keepdims=True),
    "sigmoid": lambda z, mask: lw.sigmoid(z),
    "log_sigmoid": lambda z, mask: lw.log_sigmoid(z),
}


@pytest.mark.parametrize("dtype", SIXTEEN_BITS, ids=str)
@pytest.mark.parametrize("way", ["eager", "hooks", "second pass", "batched", "grad"])
@pytest.mark.parametrize("classes", [2, 3, 17, 300, 2048])
def test_the_gradient_of_a_scaled_function_is_rounded_once(classes, way, dtype):
    given = made(classes)
    logits = given["logits"].to(dtype)
    for name, call in FUNCTIONS.items():

        def function(z: Tensor, call=call) -> Tensor:
            values = call(z, given["mask"])
            outer = (torch.arange(values.numel()) % 3 - 1.0).reshape(values.shape)
            return (values * outer.to(values.dtype)).float().sum() * SCALE

        exact = gradient_of(function, logits.double())
        actual = WAYS[way](function, logits)
        assert actual.dtype == dtype, name
        check(actual, exact, dtype)


def test_a_thousand_even_classes_under_a_loss_scale():
    logits = torch.zeros(2048, 2048, dtype=torch.float16, requires_grad=True)
    target = torch.arange(2048)
    (lw.cross_entropy(logits, target) * 2048).backward()
    expected = torch.full((2048, 2048), 2.0**-11, dtype=torch.float16)
    expected[target, target] = -1 + 2.0**-11
    assert torch.equal(logits.grad, expected)


@pytest.mark.parametrize("dtype", [*SIXTEEN_BITS, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("factor", [1.0, 64.0])
@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("rows", [12, 3000], ids=["small", "large"])
def test_the_first_pass_returns_the_memory_that_was_made_with_the_loss(rows, reduction, factor, dtype):
    logits = torch.randn(rows, 40, generator=torch.Generator().manual_seed(0)).to(dtype).requires_grad_()
    loss = lw.cross_entropy(logits, torch.arange(rows) % 40, reduction=reduction)
    memory = loss.grad_fn.gradient.data_ptr()
    (gradient,) = torch.autograd.grad((loss * factor).sum(), logits)
    assert gradient.data_ptr() == memory
