"""The sample inputs of PyTorch's own tests for what we replace, as calls of ours and of torch's on the same tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

import logitwise as lw

SIXTEEN_BITS = (torch.bfloat16, torch.float16)
DTYPES = (torch.float64, torch.float32, *SIXTEEN_BITS)
LOSSES = {
    "nn.functional.cross_entropy": "CrossEntropyLoss",
    "nn.functional.binary_cross_entropy": "BCELoss",
    "nn.functional.binary_cross_entropy_with_logits": "BCEWithLogitsLoss",
    "nn.functional.nll_loss": "NLLLoss",
    "nn.functional.kl_div": "KLDivLoss",
}
FUNCTIONS = {
    "softmax": (lw.softmax, torch.softmax),
    "log_softmax": (lw.log_softmax, torch.log_softmax),
    "logsumexp": (lw.logsumexp, torch.logsumexp),
    "sigmoid": (lw.sigmoid, torch.sigmoid),
    "nn.functional.logsigmoid": (lw.log_sigmoid, torch.nn.functional.logsigmoid),
    "masked.softmax": (lw.softmax, torch.masked.softmax),
    "masked.log_softmax": (lw.log_softmax, torch.masked.log_softmax),
    "masked.logsumexp": (lw.logsumexp, torch.masked.logsumexp),
}
OPERATIONS = (*FUNCTIONS, *LOSSES)
MODULES = (
    "CrossEntropyLoss", "BCELoss", "BCEWithLogitsLoss", "NLLLoss", "KLDivLoss",
    "Softmax", "LogSoftmax", "Softmax2d", "Sigmoid", "LogSigmoid",
)  # fmt: skip


class Sample(NamedTuple):
    """One sample: two calls, and the tensors that both are called with.

    Attributes:
        name: The operation of torch, as its tests name it, or the class of the module.
        ours: Our function or module, with its options.
        theirs: Torch's.
        tensors: What is differentiated by, those that require gradients.
        options: The options of the sample.
        dtype: What torch computes in: the dtype of the tensors, or one that the sample names.
    """

    name: str
    ours: Callable[..., torch.Tensor]
    theirs: Callable[..., torch.Tensor]
    tensors: tuple[torch.Tensor, ...]
    options: dict[str, Any]
    dtype: torch.dtype


def samples_of(name: str, dtype: torch.dtype) -> Iterator[Sample]:
    """Yield the samples of every variant of an operation (in float64, also those of its reference), or of a module."""
    if name in MODULES:
        yield from _of_module(name, dtype)
        return
    for operation in op_db:
        if operation.name == name and dtype in operation.supported_dtypes("cpu"):
            torch.manual_seed(0)
            with_more = operation.reference_inputs_func and dtype == torch.float64
            many = operation.reference_inputs if with_more else operation.sample_inputs
            differentiable = dtype in operation.supported_backward_dtypes("cpu")
            for sample in many("cpu", dtype, requires_grad=differentiable):
                yield _of_loss(name, sample) if name in LOSSES else _of_function(name, sample)


def other_dtypes_of(name: str) -> list[torch.dtype]:
    """Return one dtype of each other kind that torch's operation takes."""
    found = {dtype for operation in op_db if operation.name == name for dtype in operation.supported_dtypes("cpu")}
    return [dtype for dtype in (torch.bool, torch.int64, torch.complex64) if dtype in found]


def errors_of(name: str) -> Iterator[tuple[Sample, type[Exception]]]:
    """Yield what torch's module refuses, and the error that it raises."""
    entry = _entry_of(name)
    if entry.module_error_inputs_func is None:
        return
    torch.manual_seed(0)
    options = {"device": "cpu", "dtype": torch.float64, "requires_grad": True, "training": True}
    for wrong in entry.module_error_inputs_func(entry, **options):
        make, tensors = wrong.module_error_input.constructor_input, wrong.module_error_input.forward_input.args
        ours, theirs = (_made_when_called(getattr(module, name), make) for module in (lw.nn, torch.nn))
        yield Sample(name, ours, theirs, tensors, make.kwargs, tensors[0].dtype), wrong.error_type


def _made_when_called(module: Any, make: Any) -> Callable[..., Any]:
    """Return a call of a module that is made for it: ours refuse options when they are made, torch's when called."""
    return lambda *tensors: module(*make.args, **make.kwargs)(*tensors)


def _entry_of(name: str) -> Any:
    return next(entry for entry in module_db if entry.module_cls is getattr(torch.nn, name))


def _of_module(name: str, dtype: torch.dtype) -> Iterator[Sample]:
    entry = _entry_of(name)
    torch.manual_seed(0)
    for sample in entry.module_inputs_func(entry, device="cpu", dtype=dtype, requires_grad=True, training=True):
        yield _of_module_input(name, sample)


def _of_module_input(name: str, sample: Any) -> Sample:
    make, tensors = sample.constructor_input, sample.forward_input.args
    calls = _modules(name, make.kwargs, *make.args)
    return Sample(name, *calls, tensors, make.kwargs, tensors[0].dtype)


def _of_loss(name: str, sample: Any) -> Sample:
    tensors = (sample.input, *sample.args)
    return Sample(name, *_modules(LOSSES[name], sample.kwargs), tensors, sample.kwargs, tensors[0].dtype)


def _modules(name: str, options: dict[str, Any], *arguments: Any) -> list[torch.nn.Module]:
    """Return one module of each library; torch's, where it is called in float64, has its weights in float64."""
    weights = {key: value.detach() for key, value in options.items() if isinstance(value, torch.Tensor)}
    widens = any(weight.dtype in SIXTEEN_BITS for weight in weights.values())
    classes = (getattr(lw.nn, name), getattr(torch.nn, name))
    ours, theirs = (make(*arguments, **{**options, **weights}) for make in classes)
    return [ours, theirs.double() if widens and name != "BCELoss" else theirs]


def _of_function(name: str, sample: Any) -> Sample:
    options = {**dict(zip(("dim", "keepdim"), sample.args, strict=False)), **sample.kwargs}
    dtype, words = options.pop("dtype", None), {"dim": "axis", "keepdim": "keepdims"}
    renamed = {words.get(key, key): value for key, value in options.items()}
    if name == "masked.logsumexp":
        renamed.setdefault("axis", None)
    ours, theirs = FUNCTIONS[name]
    calls = (partial(_in_dtype, ours, dtype, renamed), partial(_in_dtype, theirs, dtype, options))
    return Sample(name, *calls, (sample.input,), options, dtype or sample.input.dtype)


def _in_dtype(
    function: Callable, dtype: torch.dtype | None, options: dict[str, Any], logits: torch.Tensor
) -> torch.Tensor:
    """Return the function of the logits as `dtype`, where a sample names one; 0 where it is undefined under a mask."""
    result, mask = function(logits if dtype is None else logits.to(dtype), **options), options.get("mask")
    return result if mask is None or result.shape != logits.shape else result.masked_fill(~mask, 0.0)
