"""Which way a call is computed: one table of calls, and the route that each takes."""

from __future__ import annotations

import re
import typing
import warnings

import numpy as np
import pytest
import torch
from torch.func import grad, vmap
from torch.fx.experimental.proxy_tensor import make_fx

import logitwise as lw

PLAIN, KERNELS, RECORDED = "plain call", "CPU kernels", "recorded kernels"
OPERATOR, OPERATIONS, DEFINITIONS = "compiled operator", "torch operations", "definitions"
ARRAY, INDEX = np.linspace(-2.0, 3.0, 12).reshape(4, 3), np.array([0, 2, 1, 0])
TENSOR, TARGET = torch.tensor(ARRAY), torch.tensor(INDEX)
LARGE = np.zeros((30_000, 3))
SHARES = torch.full((4, 3), 1 / 3, dtype=torch.float64)
BINARY, BINARY_GRADIENT = lw.binary_cross_entropy_with_logits, lw.binary_cross_entropy_with_logits_and_gradient


class Labelled(torch.Tensor):
    """A subclass with nothing of its own."""


def leaf() -> torch.Tensor:
    return TENSOR.clone().requires_grad_()


def under(context, call):
    with context:
        return call()


CASES = {
    # arrays
    "float64": (lambda: lw.route_of(ARRAY, INDEX), PLAIN),
    "float32": (lambda: lw.route_of(ARRAY.astype(np.float32), INDEX), PLAIN),
    "float16": (lambda: lw.route_of(ARRAY.astype(np.float16), INDEX), KERNELS),
    "lists": (lambda: lw.route_of(ARRAY.tolist(), INDEX.tolist()), KERNELS),
    "many rows": (lambda: lw.route_of(LARGE, np.arange(30_000) % 3), PLAIN),
    "one loss per row": (lambda: lw.route_of(ARRAY, INDEX, reduction="none"), KERNELS),
    "sample weights": (lambda: lw.route_of(ARRAY, INDEX, sample_weight=np.ones(4)), KERNELS),
    "a distribution": (lambda: lw.route_of(ARRAY, np.full((4, 3), 1 / 3)), KERNELS),
    "with the gradient": (lambda: lw.route_of(ARRAY, INDEX, function=lw.cross_entropy_and_gradient), PLAIN),
    "with the gradient, classes first": (
        lambda: lw.route_of(ARRAY, INDEX[:3], function=lw.cross_entropy_and_gradient, axis=0, ignore_index=2),
        KERNELS,
    ),
    "binary": (lambda: lw.route_of(ARRAY[0], [0, 1, 1], function=BINARY), KERNELS),
    "binary with the gradient": (lambda: lw.route_of(ARRAY[0], [0, 1, 1], function=BINARY_GRADIENT), KERNELS),
    "log_loss": (lambda: lw.route_of(np.full((4, 3), 1 / 3), INDEX, function=lw.log_loss), DEFINITIONS),
    "softmax": (lambda: lw.route_of(ARRAY), PLAIN),
    "softmax of one row": (lambda: lw.route_of(ARRAY[0]), KERNELS),
    "softmax with a mask": (lambda: lw.route_of(ARRAY, mask=ARRAY > 0), KERNELS),
    "log_softmax": (lambda: lw.route_of(ARRAY, function=lw.log_softmax, axis=1, temperature=2.0), PLAIN),
    "logsumexp": (lambda: lw.route_of(ARRAY, function=lw.logsumexp, keepdims=True), PLAIN),
    "logsumexp with its sign": (lambda: lw.route_of(ARRAY, function=lw.logsumexp, return_sign=True), PLAIN),
    "logsumexp with factors": (lambda: lw.route_of(ARRAY, function=lw.logsumexp, b=ARRAY, axis=None), DEFINITIONS),
    "softmax over all axes": (lambda: lw.route_of(ARRAY, axis=None), KERNELS),
    "log_softmax over two axes": (lambda: lw.route_of(ARRAY, function=lw.log_softmax, axis=(0, 1)), KERNELS),
    "sigmoid": (lambda: lw.route_of(ARRAY[0], function=lw.sigmoid), PLAIN),
    "log_sigmoid of many": (lambda: lw.route_of(LARGE, function=lw.log_sigmoid), PLAIN),
    "entropy": (lambda: lw.route_of(ARRAY, function=lw.entropy), PLAIN),
    "entropy of another axis": (lambda: lw.route_of(ARRAY, function=lw.entropy_and_gradient, axis=0), KERNELS),
    "divergence": (lambda: lw.route_of(ARRAY, target_logits=ARRAY, function=lw.kl_divergence), PLAIN),
    "divergence from probabilities": (
        lambda: lw.route_of(ARRAY, target_probabilities=SHARES.numpy(), function=lw.kl_divergence_and_gradient),
        PLAIN,
    ),
    # tensors
    "tensor": (lambda: lw.route_of(TENSOR, TARGET), PLAIN),
    "bfloat16": (lambda: lw.route_of(TENSOR.bfloat16(), TARGET), PLAIN),
    "recorded, small": (lambda: lw.route_of(leaf(), TARGET), PLAIN),
    "recorded": (lambda: lw.route_of(leaf(), TARGET, reduction="none"), RECORDED),
    "recorded, under no_grad": (
        lambda: under(torch.no_grad(), lambda: lw.route_of(leaf(), TARGET, reduction="none")),
        KERNELS,
    ),
    "recorded, detached with its gradient": (
        lambda: lw.route_of(leaf(), SHARES, function=lw.cross_entropy_and_gradient),
        KERNELS,
    ),
    "nothing recorded": (lambda: lw.route_of(TENSOR, SHARES), KERNELS),
    "a subclass": (lambda: lw.route_of(TENSOR.as_subclass(Labelled), TARGET), OPERATIONS),
    "a parameter": (lambda: lw.route_of(torch.nn.Parameter(TENSOR), SHARES), RECORDED),
    "weights that require gradients": (
        lambda: lw.route_of(TENSOR, TARGET, class_weight=torch.ones(3, requires_grad=True)),
        OPERATIONS,
    ),
    "such weights, with the gradient": (
        lambda: lw.route_of(
            TENSOR, TARGET, function=lw.cross_entropy_and_gradient, class_weight=torch.ones(3, requires_grad=True)
        ),
        KERNELS,
    ),
    "another device": (lambda: lw.route_of(TENSOR.to("meta"), TARGET.to("meta")), OPERATIONS),
    "log_loss of tensors": (lambda: lw.route_of(SHARES, TARGET, function=lw.log_loss), OPERATIONS),
    "binary tensors": (lambda: lw.route_of(TENSOR, SHARES, function=BINARY), PLAIN),
    "binary tensors, recorded": (lambda: lw.route_of(leaf(), SHARES, function=BINARY), PLAIN),
    "binary tensors with weights": (
        lambda: lw.route_of(TENSOR, SHARES, pos_weight=2.0, function=BINARY),
        KERNELS,
    ),
    "binary tensors with weights, recorded": (
        lambda: lw.route_of(leaf(), SHARES, pos_weight=2.0, function=BINARY),
        RECORDED,
    ),
    "softmax of tensors": (lambda: lw.route_of(TENSOR), PLAIN),
    "softmax of float16": (lambda: lw.route_of(TENSOR.half()), PLAIN),
    "softmax recorded": (lambda: lw.route_of(leaf()), RECORDED),
    "softmax with a temperature that is learned": (
        lambda: lw.route_of(TENSOR, temperature=torch.tensor(1.0, requires_grad=True)),
        OPERATIONS,
    ),
    "softmax over two axes, recorded": (lambda: lw.route_of(leaf(), axis=(0, 1)), RECORDED),
    "logsumexp of tensors with factors": (
        lambda: lw.route_of(TENSOR, function=lw.logsumexp, b=TENSOR, return_sign=True),
        OPERATIONS,
    ),
    "logsumexp of tensors": (lambda: lw.route_of(TENSOR, function=lw.logsumexp), KERNELS),
    "entropy, recorded": (lambda: lw.route_of(leaf(), function=lw.entropy), PLAIN),
    "entropy, recorded, with a mask": (lambda: lw.route_of(leaf(), function=lw.entropy, mask=TENSOR > 0), RECORDED),
    "divergence of tensors": (lambda: lw.route_of(TENSOR, target_logits=TENSOR, function=lw.kl_divergence), PLAIN),
    "divergence, recorded": (lambda: lw.route_of(leaf(), target_logits=TENSOR, function=lw.kl_divergence), PLAIN),
    "divergence of 16 bits": (
        lambda: lw.route_of(leaf().half(), target_logits=TENSOR, function=lw.kl_divergence),
        RECORDED,
    ),
    "divergence from a target that is learned": (
        lambda: lw.route_of(TENSOR, target_logits=leaf(), function=lw.kl_divergence),
        OPERATIONS,
    ),
    "autocast": (
        lambda: under(torch.autocast("cpu", torch.bfloat16), lambda: lw.route_of(TENSOR.bfloat16(), TARGET)),
        PLAIN,
    ),
}


@pytest.mark.parametrize(("call", "name"), CASES.values(), ids=CASES)
def test_a_call_takes_its_route(call, name):
    assert call().name == name


def names_under(transform, *inputs) -> list[str]:
    """Return the routes that calls inside a transform take."""
    seen = []

    def asked(logits: torch.Tensor) -> torch.Tensor:
        seen.append(lw.route_of(logits, SHARES[0] if logits.ndim == 1 else SHARES).name)
        return logits.sum()

    transform(asked)(*inputs)
    return seen


def test_transforms_and_tracers_take_operations():
    assert names_under(grad, TENSOR) == [OPERATIONS]
    assert names_under(vmap, TENSOR) == [OPERATIONS]
    assert set(names_under(make_fx, TENSOR)) == {OPERATIONS}
    with torch.autograd.forward_ad.dual_level():
        assert lw.route_of(TENSOR, TARGET).name == OPERATIONS


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda z: lw.route_of(z, TARGET), OPERATOR),
        (lambda z: lw.route_of(z, SHARES, function=BINARY), OPERATOR),
        (lambda z: lw.route_of(z), OPERATIONS),
        (lambda z: lw.route_of(z, SHARES, normalizer=torch.tensor(2.0)), OPERATIONS),
    ],
    ids=["cross_entropy", "binary", "softmax", "a normalizer that is a tensor"],
)
def test_compiled_code_calls_operators_for_losses(call, name):
    seen = []

    def asked(logits: torch.Tensor) -> torch.Tensor:
        seen.append(call(logits).name)
        return logits * 2.0

    torch._dynamo.reset()
    torch.compile(asked, backend="aot_eager", fullgraph=True)(TENSOR)
    torch._dynamo.reset()
    assert seen == [name]


def test_every_route_is_reached():
    names = {name for _, name in CASES.values()} | {OPERATOR}
    assert names == {PLAIN, KERNELS, RECORDED, OPERATOR, OPERATIONS, DEFINITIONS}
    documented = re.search(r"Attributes:.*", lw.route_of(ARRAY).__doc__, re.DOTALL)[0]
    assert all(f"'{name}'" in documented for name in names)


def test_a_route_prints_as_one_sentence():
    route = lw.route_of(ARRAY, INDEX, reduction="none")
    assert route.function == "cross_entropy"
    assert str(route) == "cross_entropy takes the route 'CPU kernels': compiled kernels read the memory of the arrays."


@pytest.mark.parametrize("function", ["softmax", "cross_entropy", "binary_cross_entropy_with_logits", "log_loss"])
def test_it_raises_as_the_call_would(function):
    called = getattr(lw, function)
    rest = () if function == "softmax" else (np.array([[0.0, np.nan]]),)
    for logits in (["a"], np.zeros((1, 3)), np.zeros((1, 0))):
        if function == "softmax" and isinstance(logits, np.ndarray):
            continue
        with pytest.raises((ValueError, TypeError)) as expected:
            called(logits, *rest)
        with pytest.raises(type(expected.value), match=f"^{re.escape(str(expected.value))}$"):
            lw.route_of(logits, *rest, function=called)


NOT_ASKED = {
    "an option of another function": (
        lambda: lw.route_of(ARRAY, INDEX, pos_weight=1.0),
        "cross_entropy() got an unexpected keyword argument 'pos_weight'",
    ),
    "an option of a function with a gradient": (
        lambda: lw.route_of(ARRAY, INDEX, function=BINARY_GRADIENT, axis=0),
        "binary_cross_entropy_with_logits_and_gradient() got an unexpected keyword argument 'axis'",
    ),
    "a target too many": (
        lambda: lw.route_of(ARRAY, INDEX, function=lw.softmax),
        "softmax() got an unexpected keyword argument 'target'",
    ),
    "a target that is missing": (
        lambda: lw.route_of(ARRAY, function=lw.cross_entropy_and_gradient),
        "cross_entropy_and_gradient() missing 1 required positional argument: 'target'",
    ),
    "an option of logsumexp's call alone": (
        lambda: lw.route_of(ARRAY, keepdims=True),
        "softmax() got an unexpected keyword argument 'keepdims'",
    ),
}


@pytest.mark.parametrize(("call", "message"), NOT_ASKED.values(), ids=NOT_ASKED)
def test_an_option_that_the_function_does_not_have(call, message):
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        call()


def test_a_function_without_a_route():
    with pytest.raises(lw.InvalidValueError, match=r"^function must be one of softmax, .*; got ") as caught:
        lw.route_of(ARRAY, function=np.exp)
    assert caught.value.argument == "function"


def test_to_ask_warns_of_nothing_and_raises_no_warning():
    unnormalized = np.full((2, 3), 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert lw.route_of(np.zeros((2, 3)), unnormalized).name == "CPU kernels"
        with lw.checks("raise"):
            assert lw.route_of(unnormalized, np.array([0, 1]), function=lw.log_loss).name == "definitions"


def test_a_function_that_cannot_be_looked_up_is_refused():
    with pytest.raises(ValueError, match=r"^function must be one of softmax, .*; got \[<function softmax"):
        lw.route_of(np.zeros(3), function=[lw.softmax])


@pytest.mark.parametrize("option", ["axis", "ignore_index", "label_smoothing", "z_loss", "normalizer"])
def test_compiled_code_refuses_booleans_for_numbers(option):
    logits, target = torch.zeros(4, 5), torch.arange(4)
    with pytest.raises(TypeError, match=f"^{option} must be "):
        lw.cross_entropy(logits, target, **{option: True})
    compiled = torch.compile(lambda z: lw.cross_entropy(z, target, **{option: True}), backend="eager")
    with pytest.raises(TypeError, match=f"^{option} must be "):
        compiled(logits)


WRONG = {
    "the shape of a binary target": lambda z: lw.binary_cross_entropy_with_logits(z, z[:2]),
    "the reduction of a binary loss": lambda z: lw.binary_cross_entropy_with_logits(z, z, reduction="x"),
    "an integer for a fraction": lambda z: lw.cross_entropy(z, torch.arange(4), label_smoothing=2),
    "the shape of a target of 16-bit logits": lambda z: lw.cross_entropy(z.bfloat16(), torch.arange(3)),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_can_be_caught_in_compiled_code(name):
    def caught(logits):
        try:
            return WRONG[name](logits)
        except ValueError:
            return logits.sum()

    assert torch.compile(caught, backend="eager", fullgraph=True)(torch.ones(4, 5)) == 20.0


@pytest.mark.parametrize("function", [lw.softmax, lw.log_softmax, lw.sigmoid, lw.log_sigmoid])
def test_small_results_have_the_strides_of_new_memory(function):
    for logits in (torch.randn(1, 5).as_strided((1, 5), (1000, 1)), torch.randn(5, 1).as_strided((5, 1), (1, 77))):
        assert function(logits).stride() == torch.empty(logits.shape).stride()


def test_autocast_is_asked_of_devices_that_have_it():
    logits = torch.zeros(2, 3, device="meta", dtype=torch.bfloat16)
    assert lw.cross_entropy(logits, torch.tensor([0, 1], device="meta")).shape == ()
    with pytest.raises(ValueError, match=r"^target must be on the device of logits, meta; got cpu\."):
        lw.cross_entropy(logits, torch.tensor([0, 1]))


@pytest.mark.parametrize("name", ["cross_entropy", "binary_cross_entropy_with_logits", "log_loss", "route_of"])
def test_the_types_of_a_function_can_be_read_when_it_runs(name):
    assert "return" in typing.get_type_hints(getattr(lw, name))
