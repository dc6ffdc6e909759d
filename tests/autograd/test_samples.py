"""PyTorch's own sample inputs for the functions and modules we replace: values and gradients, ours against torch's.

All pass but these, which differ on purpose:

- the mean over rows that are all ignored: 0 with a warning; torch's is NaN.
- a negative target of KLDivLoss: an error; torch's result is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch.testing import assert_close
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

import logitwise as lw

SIXTEEN_BITS = (torch.bfloat16, torch.float16)
DTYPES = (torch.float64, torch.float32, *SIXTEEN_BITS)
LOSSES = {
    "nn.functional.cross_entropy": (lw.nn.CrossEntropyLoss, torch.nn.CrossEntropyLoss),
    "nn.functional.binary_cross_entropy": (lw.nn.BCELoss, torch.nn.BCELoss),
    "nn.functional.binary_cross_entropy_with_logits": (lw.nn.BCEWithLogitsLoss, torch.nn.BCEWithLogitsLoss),
    "nn.functional.nll_loss": (lw.nn.NLLLoss, torch.nn.NLLLoss),
    "nn.functional.kl_div": (lw.nn.KLDivLoss, torch.nn.KLDivLoss),
}
ELEMENTWISE = {
    "sigmoid": (lw.sigmoid, torch.sigmoid),
    "nn.functional.logsigmoid": (lw.log_sigmoid, torch.nn.functional.logsigmoid),
}
MODULES = (
    "CrossEntropyLoss", "BCELoss", "BCEWithLogitsLoss", "NLLLoss", "KLDivLoss",
    "Softmax", "LogSoftmax", "Softmax2d", "Sigmoid", "LogSigmoid",
)  # fmt: skip
AT_LEAST = {"nn.functional.cross_entropy": 21, "nn.functional.binary_cross_entropy_with_logits": 20, "logsumexp": 3}


def of_dtype(function: Callable, axis: int, dtype: torch.dtype | None, logits: torch.Tensor) -> torch.Tensor:
    """Return the function of the logits as `dtype`, where a sample names one."""
    return function(logits if dtype is None else logits.to(dtype), axis)


def samples_of(name: str, dtype: torch.dtype) -> Iterator[Any]:
    """Yield the samples of every variant of the operation, always the same ones."""
    for operation in op_db:
        if operation.name == name:
            torch.manual_seed(0)
            yield from operation.sample_inputs("cpu", dtype, requires_grad=True)


def outcome(function: Callable[..., torch.Tensor], tensors: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
    """Return the value, and the gradient of its weighted sum with respect to every tensor that asks for one."""
    copies = tuple(tensor.detach().clone().requires_grad_(tensor.requires_grad) for tensor in tensors)
    value = function(*copies)
    weights = (1.0 + torch.arange(value.numel()) % 8 / 8.0).reshape(value.shape).to(value.dtype)  # exact in any dtype
    asked = [tensor for tensor in copies if tensor.requires_grad]
    gradients = torch.autograd.grad((value * weights).sum(), asked, materialize_grads=True)
    return [value.detach(), *gradients]


def assert_same(ours: Callable, theirs: Callable, *tensors: torch.Tensor) -> None:
    """Compare with torch in the same dtype, or in float64 where torch's sixteen bits lose what its tolerance asks."""
    actual = outcome(ours, tensors)
    widened = not isinstance(ours, torch.nn.BCELoss)  # which is torch's own arithmetic, its sixteen bits too
    wide = tuple(tensor.double() if widened and tensor.dtype in SIXTEEN_BITS else tensor for tensor in tensors)
    expected = [tensor.to(like.dtype) for tensor, like in zip(outcome(theirs, wide), actual, strict=True)]
    assert_close(actual, expected, equal_nan=True)


def is_mean_of_nothing(options: dict, tensors: tuple[torch.Tensor, ...]) -> bool:
    """Return whether every row is ignored: torch's mean is NaN then, and ours 0, with a warning."""
    return options.get("reduction") == "mean" and bool((tensors[-1] == options.get("ignore_index", -100)).all())


def modules(classes: tuple, options: dict, *arguments: Any) -> list[torch.nn.Module]:
    """Return one module of each class; torch's, where it is called in float64, has its weights in float64."""
    weights = {key: value.detach() for key, value in options.items() if isinstance(value, torch.Tensor)}
    widens = any(weight.dtype in SIXTEEN_BITS for weight in weights.values())
    ours, theirs = (make(*arguments, **{**options, **weights}) for make in classes)
    return [ours, theirs.double() if widens and not isinstance(ours, torch.nn.BCELoss) else theirs]


# KLDivLoss warns of reduction="mean", ours and torch's.
@pytest.mark.filterwarnings("ignore::logitwise.UnnormalizedTargetWarning", "ignore:reduction")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", LOSSES)
def test_losses_on_the_samples_of_the_function(name, dtype):
    count = 0
    for sample in samples_of(name, dtype):
        assert_same(*modules(LOSSES[name], sample.kwargs), sample.input, *sample.args)
        count += 1
    assert count >= AT_LEAST.get(name, 10)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_on_the_samples_of_the_function(name, dtype):
    count = 0
    for sample in samples_of(name, dtype):
        places = (getattr(lw, name), getattr(torch, name))
        calls = [partial(of_dtype, place, sample.args[0], sample.kwargs.get("dtype")) for place in places]
        assert_same(*calls, sample.input)
        count += 1
    assert count >= 6


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_logsumexp_on_the_samples_with_one_axis(dtype):
    count = 0
    for sample in samples_of("logsumexp", dtype):
        axes, keep = (*sample.args, False)[:2]
        axes = axes if isinstance(axes, tuple) else (axes,)
        if len(axes) == 1:
            ours = partial(lw.logsumexp, axis=axes[0], keepdims=keep)
            assert_same(ours, partial(torch.logsumexp, dim=axes[0], keepdim=keep), sample.input)
            count += 1
    assert count >= AT_LEAST["logsumexp"]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_sigmoids_on_the_samples_of_the_function(name, dtype):
    samples = [sample.input for sample in samples_of(name, dtype)]
    assert len(samples) >= 3
    for logits in samples:
        assert_same(*ELEMENTWISE[name], logits)


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", MODULES)
def test_modules_on_the_samples_of_the_module(name, dtype):
    entry = next(entry for entry in module_db if entry.module_cls is getattr(torch.nn, name))
    torch.manual_seed(0)
    inputs = entry.module_inputs_func(entry, device="cpu", dtype=dtype, requires_grad=True, training=True)
    assert len(inputs) >= 2
    for sample in inputs:
        make, tensors = sample.constructor_input, sample.forward_input.args
        ours, theirs = modules((getattr(lw.nn, name), getattr(torch.nn, name)), make.kwargs, *make.args)
        if is_mean_of_nothing(make.kwargs, tensors):
            with pytest.warns(lw.NoRowsWarning):
                assert_close(ours(*tensors), torch.zeros((), dtype=dtype))
            assert theirs(*tensors).isnan()
        elif name == "KLDivLoss" and not ours.log_target and bool((tensors[1] < 0.0).any()):
            with pytest.raises(lw.nn.InputError, match=r"^target must be zero or more, and finite; got -"):
                ours(*tensors)
            assert theirs(*tensors).isnan().any()
        else:
            assert_same(ours, theirs, *tensors)
