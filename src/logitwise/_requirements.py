"""What arguments must be, whichever function they are passed to; targets and weights are in `functional/_problems/`.

A value or shape that has no meaning is an `InvalidValueError`, a type or dtype an `InvalidTypeError`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from logitwise._arrays import (
    Layout,
    dtype_name,
    framework_of,
    has_derivative,
    has_text,
    is_followed,
    is_sparse,
    is_tensor,
    may_look,
    number_kind,
)
from logitwise._errors import InvalidTypeError, InvalidValueError

FLOAT_DTYPES = ("float16", "bfloat16", "float32", "float64")
_NATIVE_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
REDUCTIONS = ("mean", "sum", "none")
_ADVICE_ON_MASKS = {  # by argument: what to do with a masked array
    "logits": "Pass its data, and its mask (inverted) as mask=.",
    "target": "To leave masked entries out, pass target.filled(0), and a sample_weight of 0 for them.",
    "sample_weight": "To leave masked entries out, pass sample_weight.filled(0).",
    "class_weight": "To leave masked classes out, pass class_weight.filled(0).",
    "mask": "Pass mask.filled(False), or another value for masked entries.",
}
_LONGEST = 60  # characters of a value in a sentence
BINARY_LOSS = {"binary_cross_entropy_with_logits": "binary_cross_entropy_with_logits"}  # as advice mentions it
_NUMBERS = "np.unique(target, return_inverse=True)[1]"
NUMBERING = f"Number the labels: {_NUMBERS} does so in sorted order."
ADVICE_ON_OTHERS = "Pass its data, or fill the masked entries with .filled()."


def as_floating(value: Any, name: str, advice: str = "") -> Any:
    """Return `value` as an array or tensor of a dtype this library computes in; integers become float64.

    `advice` is what to do with a masked array, instead of the usual.
    """
    if is_tensor(value):
        return _check_tensor(value, name)
    refuse_proxy(value, name)
    refuse_masked(value, name, advice)
    array = _as_array(value, name)
    if array.dtype in _NATIVE_FLOATS:
        return array
    if array.dtype.kind in "iu":
        array = array.astype(np.float64)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        requirement = "be numbers of dtype float16, float32 or float64 (or integers)"
        as_numbers = f"If the texts are numbers, convert with np.array({name}, dtype=float)."
        raise InvalidTypeError(name, requirement, f"dtype {array.dtype}", advice=advice_on_dtype(array, as_numbers))
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def advice_on_dtype(array: Any, for_text: str) -> str:
    """Return what to do with an array of another dtype than numbers; `for_text` where it holds texts."""
    if has_text(array):
        return for_text
    is_missing = array.dtype == object and any(each is None for each in array.reshape(-1).tolist())
    return "Fill in what is None, then convert with astype." if is_missing else "Convert with astype."


def _as_array(value: Any, name: str) -> np.ndarray:
    if value is None or is_sparse(value):
        advice = "" if value is None else "Convert with .toarray()."
        raise InvalidTypeError(name, "be an array", described(value), advice=advice)
    try:
        return np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:  # of lists: NumPy's own, or that of what they hold
        got = f"a {type(value).__name__} of which NumPy makes none: {str(error).partition('.')[0]}"
        advice = "Rows must have the same length; tensors are joined by torch.stack."
        raise InvalidTypeError(name, "be an array", got, advice=advice) from None


def refuse_masked(value: Any, name: str, advice: str = "") -> None:
    """Raise for a masked array, or a list of them, whose mask NumPy would drop."""
    if type(value) is np.ndarray:
        return
    inside = set(map(type, value)) if isinstance(value, (list, tuple)) else {type(value)}
    if any(issubclass(each, np.ma.MaskedArray) for each in inside):
        got = "masked arrays" if isinstance(value, (list, tuple)) else "a masked array"
        advice = advice or _ADVICE_ON_MASKS.get(name, ADVICE_ON_OTHERS)
        raise InvalidTypeError(name, "be a plain array", got, advice=advice)


def refuse_proxy(value: Any, name: str) -> None:
    """Raise for what stands for a tensor while `torch.fx` records a model."""
    fx = sys.modules.get("torch.fx")
    if type(value) is not np.ndarray and fx is not None and isinstance(value, fx.Proxy):
        advice = "To trace a model, use the modules of logitwise.nn, which torch.fx records as one call."
        raise InvalidTypeError(name, "be an array or a tensor", "a proxy of torch.fx", advice=advice)


def _check_tensor(tensor: Any, name: str) -> Any:
    _check_dense(tensor, name)
    if tensor.is_quantized or dtype_name(tensor) not in FLOAT_DTYPES:
        requirement = "be a tensor of dtype float16, bfloat16, float32 or float64"
        raise InvalidTypeError(name, requirement, tensor.dtype, advice="Convert with .float().")
    _check_allocated(tensor, name)
    return tensor


def _check_dense(tensor: Any, name: str) -> None:
    if type(tensor).__name__ == "MaskedTensor":
        advice = "Pass .get_data(), or fill the masked entries with .to_tensor()."
        raise InvalidTypeError(name, "be a plain tensor", "a masked tensor", advice=advice)
    if tensor.is_nested:
        advice = (
            "Convert with .to_padded_tensor(0), and leave the padding out: by mask=, ignore_index= or sample_weight=."
        )
        raise InvalidTypeError(name, "be a dense tensor", "a nested tensor", advice=advice)
    if tensor.layout != sys.modules["torch"].strided:
        raise InvalidTypeError(name, "be a dense tensor", f"layout {tensor.layout}", advice="Convert with .to_dense().")


def _check_allocated(tensor: Any, name: str) -> None:
    """Raise where a tensor's memory was freed or cut, as FSDP frees that of parameters between their uses."""
    torch = sys.modules["torch"]
    keeps_elements = type(tensor).__torch_dispatch__ is torch.Tensor.__torch_dispatch__  # it does not wrap others
    if not (keeps_elements and tensor.is_cpu and may_look(tensor)) or tensor.is_nested or tensor._is_zerotensor():
        return
    if not holds_its_elements(tensor):
        got = f"a tensor of shape {tuple(tensor.shape)} in a storage of {tensor.untyped_storage().nbytes()} bytes"
        raise InvalidValueError(name, "be allocated", got, advice="Its storage was resized after it was made.")


def holds_its_elements(tensor: Any) -> bool:
    """Return whether the storage of a strided tensor reaches to its last element, if it has a storage of its own."""
    try:
        size = tensor.untyped_storage().nbytes()
    except NotImplementedError:  # it stands for another, as in a function transform
        return True
    if tensor.is_contiguous():
        last = tensor.numel()
    else:
        last = 1 + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    return size >= (tensor.storage_offset() + last) * tensor.element_size() or not tensor.numel()


def check_layout(logits: Any, axis: int, name: str = "logits", *, at_least: int = 1) -> Layout:
    """Return the layout of `logits` with classes on `axis`, of which there must be `at_least` 0, 1 or 2.

    Where 0 are enough, a single number is a row of one class.
    """
    if at_least == 0 and not logits.ndim:
        return Layout((), check_axis(axis, 1, name), 1, 1, 1)
    axis = check_axis(axis, logits.ndim, name)
    classes = logits.shape[axis]
    if classes >= at_least:
        return Layout.of(tuple(logits.shape), axis)
    got = f"shape {tuple(logits.shape)}"
    if classes == 0:
        raise InvalidValueError(name, f"have at least 1 class on axis {axis}", got)
    advice = "for a binary problem with one logit per row, use {binary_cross_entropy_with_logits}."
    if name == "probabilities":
        advice = "give the probability of every class, or those of class 1 in one dimension."
    advice = f"With one class the loss is always 0: {advice}"
    raise InvalidValueError(name, f"have at least 2 classes on axis {axis}", got, "", advice, BINARY_LOSS)


def check_axis(axis: Any, ndim: int, name: str) -> int:
    """Return `axis` counted from 0."""
    if ndim == 0:
        raise InvalidValueError(name, "have at least one axis, the one of the classes", "a single number")
    if not _is_integer(axis):
        is_array = is_tensor(axis) or isinstance(axis, np.ndarray)
        raise InvalidTypeError("axis", "be an integer", described(axis) if is_array else shown(axis))
    if not -ndim <= axis < ndim:
        raise InvalidValueError("axis", f"be in [{-ndim}, {ndim - 1}] for {name} of {ndim} axes", axis)
    return int(axis) % ndim


def check_positive(value: Any, name: str) -> float:
    """Return `value` as a float that is positive and finite."""
    number = check_number(value, name)
    if not 0.0 < number < math.inf:
        raise InvalidValueError(name, "be positive and finite", number)
    return number


def check_positive_tensor(value: Any, name: str, logits: Any) -> Any:
    """Return `value` as `check_positive` does; but a tensor that is differentiated or traced stays a tensor, 0-d.

    An integer that a compiler or tracer may know as the size of an axis alone stays an integer: as a float, it would
    be one number in what they compile.
    """
    if is_tensor(logits) and _may_be_size(value):
        if value > 0:
            return value
        raise InvalidValueError(name, "be positive and finite", float(value))
    if type(value) is float or not (is_tensor(value) and is_tensor(logits)) or not is_followed(value):
        return check_positive(value, name)
    if math.prod(value.shape) != 1 or number_kind(value) not in ("floating", "integer"):
        raise InvalidTypeError(name, "be a number", described(value))
    if value.device != logits.device and value.device.type != "cpu":
        raise InvalidValueError(name, f"be on the device of logits, {logits.device}", value.device)
    if may_look(value):
        check_positive(value, name)
    return value.reshape(())


def _may_be_size(value: Any) -> bool:
    """Return whether a number of a call of tensors may stand for the size of an axis, in a compiler or tracer."""
    torch = sys.modules["torch"]
    return isinstance(value, torch.SymInt) or (
        torch.compiler.is_compiling() and isinstance(value, int) and not isinstance(value, bool) and value < 2**63
    )


def check_not_negative(value: Any, name: str) -> float:
    """Return `value` as a float that is zero or more, and finite."""
    _check_constant(value, name)
    number = check_number(value, name)
    if not 0.0 <= number < math.inf:
        raise InvalidValueError(name, "be zero or more, and finite", number)
    return number


def check_fraction(value: Any, name: str) -> float:
    """Return `value` as a float in [0, 1]."""
    _check_constant(value, name)
    number = check_number(value, name)
    if not 0.0 <= number <= 1.0:
        raise InvalidValueError(name, "be in [0, 1]", number)
    return number


def _check_constant(value: Any, name: str) -> None:
    """Raise if a derivative with respect to a number is asked for that has none here: it would be 0 in silence."""
    if type(value) is not float and is_tensor(value) and has_derivative(value):
        got, advice = "a tensor with a derivative", "Pass a number, with .item() or .detach(): it cannot be learned."
        raise InvalidTypeError(name, "be constant", got, advice=advice)


def check_number(value: Any, name: str) -> float:
    """Return a real number (a Python or NumPy scalar, or an array or tensor of one element) as a float."""
    if type(value) is float:
        return value
    is_array = is_tensor(value) or isinstance(value, np.ndarray)
    if isinstance(value, np.ma.MaskedArray):
        raise InvalidTypeError(name, "be a number", "a masked array")
    if isinstance(value, (str, bytes, bool, complex)) or (is_array and math.prod(value.shape) != 1):
        raise InvalidTypeError(name, "be a number", described(value))
    if is_tensor(value):
        value = value.detach()  # pyright: ignore[reportAttributeAccessIssue]
    try:
        return float(value.reshape(()) if is_array else value)  # with axes, NumPy makes no number of an array
    except OverflowError:
        raise InvalidValueError(name, "be a number that a float holds", "a larger integer") from None
    except (TypeError, ValueError):
        raise InvalidTypeError(name, "be a number", described(value)) from None


def check_integer(value: Any, name: str) -> int:
    """Return `value` as an int."""
    if not _is_integer(value):
        raise InvalidTypeError(name, "be an integer", shown(value))
    return int(value)


def _is_integer(value: Any) -> bool:
    """Return whether `value` is an integer; a compiler of torch traces the first tests, and not the last."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return True
    try:
        index(value)
    except TypeError:  # arrays and tensors have the method, whatever they hold
        return False
    return True


def check_int64(value: Any, name: str) -> int:
    """Return `value` as an int that 64 bits hold."""
    number = check_integer(value, name)
    if not -(2**63) <= number < 2**63:
        raise InvalidValueError(name, "be in [-2^63, 2^63 - 1]", number)
    return number


def check_boolean(value: Any, name: str) -> bool:
    """Return `value`, a boolean of Python or NumPy, as one of Python: a text such as "no" would count as True."""
    if value is True or value is False:
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    raise InvalidTypeError(name, "be True or False", described(value))


def check_choice(value: Any, name: str, choices: Sequence[str]) -> str:
    """Return `value` when it is one of `choices`."""
    if value not in choices:
        raise InvalidValueError(name, f"be one of {', '.join(map(repr, choices))}", shown(value))
    return value


def check_reduction(reduction: Any, normalizer: Any, logits: Any) -> tuple[str, Any]:
    """Return how losses are reduced, and what a mean divides by instead of the sum of weights, or None."""
    reduction = check_choice(reduction, "reduction", REDUCTIONS)
    if normalizer is None:
        return reduction, None
    if reduction != "mean":
        got = f"{shown(normalizer)} and reduction={reduction!r}"
        raise InvalidValueError("normalizer", "be None unless reduction='mean'", got)
    return reduction, check_positive_tensor(normalizer, "normalizer", logits)


def advice_on_tensors(value: Any, name: str) -> str:
    """Return how a tensor is made of what is none."""
    if value is None:
        return ""
    if is_sparse(value):
        return f"Convert with torch.as_tensor({name}.toarray())."
    if not has_text(value):
        return "Convert with torch.as_tensor."
    return f"Number the labels: torch.as_tensor({_NUMBERS}) does so in sorted order." if name == "target" else ""


def check_same_framework(value: Any, name: str, logits: Any, logits_name: str = "logits") -> Any:
    """Return `value` as an array of the framework (and on the device) of `logits`."""
    refuse_proxy(value, name)
    if is_tensor(value) != is_tensor(logits):
        advice = advice_on_tensors(value, name) if is_tensor(logits) else "Convert with .numpy()."
        raise InvalidTypeError(name, f"be {framework_of(logits)} like {logits_name}", described(value), advice=advice)
    if is_tensor(logits):
        if value.device != logits.device:
            requirement = f"be on the device of {logits_name}, {logits.device}"
            raise InvalidValueError(name, requirement, value.device, advice="Move it with .to().")
        _check_dense(value, name)
        _check_allocated(value, name)
        return value
    refuse_masked(value, name)
    array = _as_array(value, name)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        requirement = "be numbers of dtype float16, float32 or float64"
        raise InvalidTypeError(name, requirement, f"dtype {array.dtype}", advice="Convert with astype.")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def check_mask(mask: Any, logits: Any) -> Any:
    """Return `mask` as booleans that broadcast to the shape of `logits` (True: the class takes part), or None."""
    if mask is None:
        return None
    mask = check_same_framework(mask, "mask", logits)
    if number_kind(mask) != "bool":
        requirement = "be boolean (True: the class takes part)"
        raise InvalidTypeError("mask", requirement, f"dtype {dtype_name(mask)}")
    _broadcast_mask(mask, logits)
    return mask


def check_full_mask(mask: Any, logits: Any) -> Any:
    """Return `mask` as booleans of the shape of `logits`, or None."""
    mask = check_mask(mask, logits)
    return mask if mask is None else _broadcast_mask(mask, logits)


def _broadcast_mask(mask: Any, logits: Any) -> Any:
    return broadcast(mask, "mask", logits, "logits", advice_on_axis(mask, logits, "mask"))


def advice_on_axis(array: Any, logits: Any, name: str) -> str:
    """Return how an array is repeated along the one axis of the logits that it lacks; its name is to be mentioned."""
    axis = Layout.of(tuple(logits.shape), 0).axis_without(tuple(array.shape)) if logits.ndim else None
    if axis is None:
        return ""
    return f"To repeat it along axis {axis}, pass {{{name}}}[{', '.join([':'] * axis)}, None]."


def broadcast(array: Any, name: str, logits: Any, logits_name: str, advice: str = "") -> Any:
    """Return `array` as a view of the shape of `logits`."""
    try:
        if is_tensor(array):
            return array.broadcast_to(logits.shape)
        return np.broadcast_to(array, logits.shape)
    except (ValueError, RuntimeError):
        requirement = f"broadcast to the shape of {logits_name}, {tuple(logits.shape)}"
        raise InvalidValueError(name, requirement, f"shape {tuple(array.shape)}", "", advice, {name: name}) from None


def check_out(out: Any, logits: Any) -> None:
    """Raise unless `out` can take a result of the shape and dtype of `logits`."""
    if out is None:
        return
    if is_tensor(out) != is_tensor(logits) or not (is_tensor(out) or isinstance(out, np.ndarray)):
        got, advice = described(out), ""
        if isinstance(out, tuple):
            got, advice = "a tuple", "Pass what is in it, without the tuple."
        raise InvalidTypeError("out", f"be {framework_of(logits)} like logits", got, advice=advice)
    refuse_masked(out, "out")
    if is_tensor(out):
        _check_dense(out, "out")
    if tuple(out.shape) != tuple(logits.shape):
        requirement = f"have the shape of the result, {tuple(logits.shape)}"
        raise InvalidValueError("out", requirement, tuple(out.shape))
    if out.dtype != logits.dtype:
        requirement = f"have the dtype of the result, {dtype_name(logits)}"
        raise InvalidTypeError("out", requirement, dtype_name(out))
    if is_tensor(out):
        _check_out_tensor(out, logits)
    elif not out.flags.writeable:
        raise InvalidValueError("out", "be writeable", "a read-only array")


def _check_out_tensor(out: Any, logits: Any) -> None:
    torch = sys.modules["torch"]
    if torch.is_grad_enabled() and (logits.requires_grad or out.requires_grad):
        advice = "Call under torch.no_grad(), or leave out= away."
        raise InvalidValueError("out", "be None where a gradient is recorded", "a tensor", advice=advice)
    if out.device != logits.device:
        raise InvalidValueError("out", f"be on the device of logits, {logits.device}", out.device)
    _check_allocated(out, "out")


def described(value: Any) -> str:
    """Return what a value is, for a sentence."""
    if is_tensor(value) or isinstance(value, np.ndarray):
        return f"{framework_of(value)} of dtype {dtype_name(value)} and shape {tuple(value.shape)}"
    if value is None:
        return "None"
    if is_sparse(value):
        return f"a sparse {type(value).__name__} of shape {value.shape}"
    return f"{shown(value)} of type {type(value).__name__}"


def shown(value: Any) -> str:
    """Return a value as it is written, or where that is long the beginning of it, on one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
