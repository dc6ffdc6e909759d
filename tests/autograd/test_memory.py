"""Results live where the logits live, whatever the default device; memory that is gone is not read or written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

import logitwise as lw

SHAPES = [(40, 7), (700, 100), (5, 300)]  # a small call, one on several threads, one of many classes
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]


@contextmanager
def default_device() -> Iterator[None]:
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


class Altered(TorchFunctionMode):
    """Puts something else in the place of what some functions of torch return."""

    def __init__(self, changes: dict[str, Callable[[Tensor], Tensor]]) -> None:
        super().__init__()
        self.changes = changes

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        change = self.changes.get(getattr(function, "__name__", ""))
        return change(result) if change is not None and isinstance(result, Tensor) else result


def turned(tensor: Tensor) -> Tensor:
    return torch.empty(tensor.shape[::-1], dtype=tensor.dtype).T if tensor.ndim == 2 else tensor


MADE = ("empty_like", "new_empty", "empty", "full", "as_tensor", "from_numpy")
MODES = {
    "another device": dict.fromkeys(MADE, lambda tensor: tensor.to("meta")),
    "another dtype": dict.fromkeys(MADE, lambda tensor: tensor.double()),
    "another layout": dict.fromkeys(MADE, turned),
    "no memory": dict.fromkeys(MADE, lambda tensor: freed(tensor, 0)),
    "copies": dict.fromkeys(("detach", "contiguous", "numpy", "view"), lambda tensor: tensor.clone()),
}
SETTINGS: dict[str, Callable[[], Any]] = {
    "device as a context": lambda: torch.device("meta"),
    "default device": default_device,
    "float64 by default": lambda: default_dtype(torch.float64),
    "float16 by default": lambda: default_dtype(torch.float16),
}


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def made(shape: tuple[int, int], dtype: torch.dtype) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    rows, classes = shape
    return {
        "logits": torch.randn(shape, generator=generator).mul_(3.0).to(dtype),
        "target": torch.randint(0, classes, (rows,), generator=generator),
        "truth": torch.rand(shape, generator=generator).softmax(-1).to(dtype),
        "labels": torch.randint(0, 2, shape, generator=generator),
        "class_weight": torch.rand(classes, generator=generator) + 0.5,
        "sample_weight": torch.rand(rows, generator=generator) + 0.5,
        "mask": torch.rand(shape, generator=generator) < 0.9,
        "outer": torch.randn(rows, generator=generator).to(dtype),
    }


def calls(given: dict[str, Tensor]) -> dict[str, Callable[[Tensor], Any]]:
    """Return every function, as a call of the logits alone."""
    target, truth, labels, mask = (given[name] for name in ("target", "truth", "labels", "mask"))
    weights = {"class_weight": given["class_weight"], "sample_weight": given["sample_weight"]}
    losses = {
        f"cross_entropy {reduction} {kind}": lambda z, t=t, reduction=reduction: lw.cross_entropy(
            z, t, reduction=reduction
        )
        for reduction in ("mean", "sum", "none")
        for kind, t in (("indices", target), ("distributions", truth))
    }
    return {
        **losses,
        "weighted": lambda z: lw.cross_entropy(z, target, label_smoothing=0.1, z_loss=0.01, **weights),
        "huge loss": lambda z: lw.cross_entropy(z.clamp(-1, 1) * 1e4, target, reduction="sum"),
        "and gradient": lambda z: lw.cross_entropy_and_gradient(z.detach(), target),
        "soft and gradient": lambda z: lw.cross_entropy_and_gradient(z.detach(), truth, **weights),
        "binary": lambda z: lw.binary_cross_entropy_with_logits(z, labels),
        "binary none": lambda z: lw.binary_cross_entropy_with_logits(z, labels, reduction="none"),
        "binary and gradient": lambda z: lw.binary_cross_entropy_with_logits_and_gradient(z.detach(), labels),
        "softmax": lambda z: lw.softmax(z, mask=mask, temperature=0.5),
        "log_softmax": lambda z: lw.log_softmax(z),
        "logsumexp": lambda z: lw.logsumexp(z, 0),
        "sigmoid": lambda z: lw.sigmoid(z),
        "log_sigmoid": lambda z: lw.log_sigmoid(z),
        "log_loss": lambda z: lw.log_loss(lw.softmax(z.detach()), target),
        "module": lambda z: lw.nn.CrossEntropyLoss()(z, target),
        "vmap": lambda z: torch.func.vmap(lw.cross_entropy)(z, target),
    }


def outcomes(call: Callable[[Tensor], Any], logits: Tensor) -> list[Tensor]:
    """Return what a call gives, and the gradient of it, where it has one."""
    logits = logits.clone().requires_grad_()
    results = call(logits)
    results = list(results) if isinstance(results, tuple) else [results]
    if results[0].requires_grad:
        results.append(torch.autograd.grad(results[0].double().square().sum(), logits)[0])
    return [result.detach() for result in results]


@pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_results_do_not_depend_on_defaults(shape, dtype, setting):
    given = made(shape, dtype)
    for name, call in calls(given).items():
        expected = outcomes(call, given["logits"])
        with SETTINGS[setting]():
            actual = outcomes(call, given["logits"])
        for result, wanted in zip(actual, expected, strict=True):
            assert result.device.type == "cpu", name
            assert result.dtype == wanted.dtype, name
            torch.testing.assert_close(result, wanted, rtol=0, atol=0, equal_nan=True, msg=name)


@pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_no_mode_of_torch_changes_what_kernels_read_and_write(dtype, mode):
    given = made((40, 7), dtype)
    for name, call in calls(given).items():
        if name in ("vmap", "module", "huge loss"):  # made of torch operations, which a mode may change
            continue
        logits = given["logits"].clone()
        expected = call(logits)
        with Altered(mode):
            actual = call(logits)
        for result, wanted in zip(
            *(each if isinstance(each, tuple) else (each,) for each in (actual, expected)), strict=True
        ):
            assert result.device.type == "cpu", name
            torch.testing.assert_close(result, wanted, rtol=0, atol=0, equal_nan=True, msg=name)


@pytest.mark.parametrize("setting", ["with torch.device('meta'):", "torch.set_default_device('meta')\nif True:"])
@pytest.mark.parametrize("shape", ["40, 7", "4000, 70"])
def test_the_first_call_of_a_process(shape, setting):
    script = f"""
import torch
z, t = torch.zeros({shape}, requires_grad=True), torch.zeros({shape.split(",")[0]}, dtype=torch.int64)
t[0] = 1
{setting}
    import logitwise as lw
    loss = lw.cross_entropy(z, t)
    loss.backward()
    value, gradient = lw.cross_entropy_and_gradient(z.detach(), t)
    loss, value, gradient = loss.detach().numpy(), value.numpy(), gradient.numpy()
    print(loss == value, (z.grad.numpy() == gradient).all(), round(float(loss), 4))
"""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=240, env=os.environ
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.split() == ["True", "True", str(round(float(np.log(int(shape.split(", ")[1]))), 4))]


@pytest.mark.parametrize("setting", ["device as a context", "default device"])
def test_the_classifier_and_diagnose(setting):
    X = np.random.default_rng(0).standard_normal((60, 3))
    y = np.where(X[:, 0] > 0, "b", "a")
    options = {"hidden": (4,), "epochs": 3, "random_state": 1}
    expected = lw.Classifier(**options).fit(X, y).predict_proba(X)
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    inputs, target = torch.as_tensor(X, dtype=torch.float32), torch.as_tensor((y == "b").astype(int))
    found = str(lw.diagnose(model, inputs, target))
    with SETTINGS[setting]():
        np.testing.assert_array_equal(lw.Classifier(**options).fit(X, y).predict_proba(X), expected)
        assert str(lw.diagnose(model, inputs, target)) == found


def freed(tensor: Tensor, left: int) -> Tensor:
    """Return a copy of a tensor whose storage was cut down to some bytes, as FSDP frees that of parameters."""
    tensor = tensor.clone()
    tensor.untyped_storage().resize_(left)
    return tensor


@pytest.mark.parametrize("left", [0, 4])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_tensor_without_its_memory_is_refused(shape, left):
    given = made(shape, torch.float32)
    z, t, truth = given["logits"], given["target"], given["truth"]
    bad_z, bad_t = freed(z, left), freed(t, left)
    refused = {
        "logits": [
            lambda: lw.cross_entropy(bad_z, t),
            lambda: lw.cross_entropy(bad_z.requires_grad_(), t),
            lambda: lw.cross_entropy_and_gradient(bad_z.detach(), t),
            lambda: lw.softmax(bad_z),
            lambda: lw.logsumexp(bad_z, 0),
            lambda: lw.sigmoid(bad_z),
            lambda: lw.binary_cross_entropy_with_logits(bad_z, truth),
        ],
        "target": [
            lambda: lw.cross_entropy(z, bad_t),
            lambda: lw.cross_entropy_and_gradient(z, bad_t),
            lambda: lw.cross_entropy(z, freed(truth, left)),
            lambda: lw.binary_cross_entropy_with_logits(z, freed(truth, left)),
        ],
        "class_weight": [lambda: lw.cross_entropy(z, t, class_weight=freed(given["class_weight"], left))],
        "sample_weight": [lambda: lw.cross_entropy(z, t, sample_weight=freed(given["sample_weight"], left))],
        "mask": [lambda: lw.softmax(z, mask=freed(given["mask"], left))],
        "out": [
            lambda: lw.softmax(z, out=freed(z, left)),
            lambda: lw.cross_entropy_and_gradient(z, t, out=freed(z, left)),
        ],
    }
    for name, attempts in refused.items():
        for attempt in attempts:
            with pytest.raises(
                ValueError, match=rf"^{name} must be allocated; got a tensor of shape .* {left} bytes\."
            ):
                attempt()


class Plain(Tensor):
    """A subclass that only has another name."""


def test_subclasses_without_their_memory_are_refused():
    given = made((40, 7), torch.float32)
    z, t = given["logits"], given["target"]
    for refused, name in (
        (lambda: lw.softmax(freed(z, 0).as_subclass(Plain)), "logits"),
        (lambda: lw.cross_entropy(freed(z, 0).as_subclass(Plain), t), "logits"),
        (lambda: lw.cross_entropy(z, freed(t, 0).as_subclass(Plain)), "target"),
        (lambda: lw.softmax(z, out=freed(z, 0).as_subclass(Plain)), "out"),
        (lambda: lw.softmax(torch.nn.Parameter(freed(z, 0))), "logits"),
    ):
        with pytest.raises(ValueError, match=f"^{name} must be allocated"):
            refused()


def test_logits_that_are_gone_at_the_second_backward_pass_are_refused():
    given = made((40, 7), torch.float32)
    logits = given["logits"].clone().requires_grad_()
    loss = lw.cross_entropy(logits, given["target"])
    torch.autograd.grad(loss, logits, retain_graph=True)
    logits.untyped_storage().resize_(0)
    with pytest.raises(ValueError, match=r"tensor must be allocated; got one of shape .* whose storage was resized"):
        torch.autograd.grad(loss, logits)


@pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_zero_tensors_and_negative_views_are_read_as_their_values(shape):
    """Tensors that say in a flag what their memory does not hold."""
    given = made(shape, torch.float32)
    z, t, truth = given["logits"], given["target"], given["truth"]
    zeros = torch._efficientzerotensor(t.shape, dtype=torch.int64)
    none, negative = torch._efficientzerotensor(z.shape), torch._neg_view(z)
    pairs = [
        (lw.cross_entropy(z, zeros), lw.cross_entropy(z, torch.zeros_like(t))),
        (lw.cross_entropy_and_gradient(z, zeros)[1], lw.cross_entropy_and_gradient(z, torch.zeros_like(t))[1]),
        (lw.cross_entropy(z, torch._neg_view(-t)), lw.cross_entropy(z, t)),
        (lw.cross_entropy(z, torch._neg_view(-truth)), lw.cross_entropy(z, truth)),
        (lw.binary_cross_entropy_with_logits(z, none), lw.binary_cross_entropy_with_logits(z, torch.zeros_like(z))),
        (lw.cross_entropy(negative, t), lw.cross_entropy(-z, t)),
        (lw.softmax(negative), lw.softmax(-z)),
        (lw.logsumexp(negative, 0), lw.logsumexp(-z, 0)),
        (lw.sigmoid(negative), lw.sigmoid(-z)),
        (lw.softmax(z, out=torch._neg_view(torch.zeros_like(z))), lw.softmax(z)),
    ]
    for actual, expected in pairs:
        torch.testing.assert_close(actual.resolve_neg(), expected, rtol=0, atol=0)


def test_what_is_on_another_device_or_not_dense_is_refused_by_name():
    given = made((40, 7), torch.float32)
    z, t, truth = given["logits"], given["target"], given["truth"]
    count = torch.ones((), device="meta")
    with pytest.raises(ValueError, match=r"^normalizer must be on the device of logits, cpu; got meta\.$"):
        lw.cross_entropy(z, t, normalizer=count)
    with pytest.raises(ValueError, match=r"^temperature must be on the device of logits, cpu; got meta\.$"):
        lw.softmax(z, temperature=count)
    with pytest.raises(TypeError, match=r"^target must be a dense tensor; got layout torch\.sparse_coo\."):
        lw.cross_entropy(z, truth.to_sparse())
    with pytest.raises(TypeError, match=r"^out must be a dense tensor; got layout torch\.sparse_coo\."):
        lw.softmax(z, out=z.to_sparse())
    with pytest.raises(
        TypeError, match=r"^target must be numbers of dtype float16, float32 or float64; got dtype float"
    ):
        lw.cross_entropy(z.numpy(), truth.numpy().astype(np.longdouble))


def test_views_of_a_larger_storage_hold_their_elements():
    storage = torch.arange(24.0)
    for view in (storage[10:].view(2, 7), storage[:6].view(2, 3), storage.view(4, 6)[:, 1::2], storage[:0].view(0, 5)):
        assert lw.softmax(view).shape == view.shape
    assert lw.softmax(torch.zeros(1).expand(3, 4)).tolist() == [[0.25] * 4] * 3
