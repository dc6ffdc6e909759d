"""What inputs must be, and the sentences that say so.

Every message has one form: `<argument> must <requirement>; got <what> [at <where>]. [<what to do>]`. `ValueError` is
for values and shapes, `TypeError` for kinds and dtypes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from operator import index
from typing import Any

import numpy as np

from logitwise._arrays import Layout, as_numpy, dtype_name, framework_of, is_followed, is_tensor, may_look, number_kind
from logitwise._errors import InvalidTypeError, InvalidValueError

FLOAT_DTYPES = ("float16", "bfloat16", "float32", "float64")
_NATIVE_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
REDUCTIONS = ("mean", "sum", "none")


def as_floating(value: Any, name: str) -> Any:
    """Return `value` as an array or tensor of a dtype this library computes in; lists and integers become float64."""
    if is_tensor(value):
        return _check_tensor(value, name)
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must be a plain array; got a masked array. Pass its data, and its mask (inverted) as mask=."
        )
    array = np.asarray(value)
    if array.dtype in _NATIVE_FLOATS:
        return array
    if array.dtype.kind in "iu":
        array = array.astype(np.float64)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise TypeError(
            f"{name} must be numbers of dtype float16, float32 or float64 (or integers); got dtype {array.dtype}. "
            "Convert with astype."
        )
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _check_tensor(tensor: Any, name: str) -> Any:
    _check_dense(tensor, name)
    if tensor.is_quantized or dtype_name(tensor) not in FLOAT_DTYPES:
        raise TypeError(
            f"{name} must be a tensor of dtype float16, bfloat16, float32 or float64; got {tensor.dtype}. "
            "Convert with .float()."
        )
    _check_allocated(tensor, name)
    return tensor


def _check_dense(tensor: Any, name: str) -> None:
    if tensor.layout != sys.modules["torch"].strided:
        raise TypeError(f"{name} must be a dense tensor; got layout {tensor.layout}. Convert with .to_dense().")


def _check_allocated(tensor: Any, name: str) -> None:
    """Raise where a tensor's memory was freed or cut, as FSDP frees that of parameters between their uses."""
    torch = sys.modules["torch"]
    keeps_elements = type(tensor).__torch_dispatch__ is torch.Tensor.__torch_dispatch__  # it does not wrap others
    if not (keeps_elements and tensor.is_cpu and may_look(tensor)) or tensor.is_nested or tensor._is_zerotensor():
        return
    if not holds_its_elements(tensor):
        raise ValueError(
            f"{name} must be allocated; got a tensor of shape {tuple(tensor.shape)} "
            f"in a storage of {tensor.untyped_storage().nbytes()} bytes. Its storage was resized after it was made."
        )


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
    """Return the layout of `logits` with classes on `axis`, of which there must be `at_least` so many."""
    axis = check_axis(axis, logits.ndim, name)
    classes = logits.shape[axis]
    if classes >= at_least:
        return Layout.of(tuple(logits.shape), axis)
    if classes == 1:
        hint = "for a binary problem with one logit a row, use binary_cross_entropy_with_logits."
        if name == "probabilities":
            hint = "give the probability of every class."
        raise ValueError(
            f"{name} must have at least 2 classes on axis {axis}; got shape {tuple(logits.shape)}. "
            f"With one class the loss is always 0: {hint}"
        )
    raise ValueError(f"{name} must have at least 1 class on axis {axis}; got shape {tuple(logits.shape)}.")


def check_axis(axis: Any, ndim: int, name: str) -> int:
    """Return `axis` counted from 0."""
    if ndim == 0:
        raise ValueError(f"{name} must have at least one axis, the one of the classes; got a single number.")
    if not _is_integer(axis):
        raise TypeError(f"axis must be an integer; got {axis!r}.")
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis must be in [{-ndim}, {ndim - 1}] for {name} of {ndim} axes; got {axis}.")
    return int(axis) % ndim


def check_positive(value: Any, name: str) -> float:
    """Return `value` as a float that is positive and finite."""
    number = check_number(value, name)
    if not 0.0 < number < math.inf:
        raise InvalidValueError(name, "be positive and finite", number)
    return number


def check_positive_tensor(value: Any, name: str, logits: Any) -> Any:
    """Return `value` as `check_positive` does; but a tensor that is differentiated or traced stays a tensor, 0-d."""
    if type(value) is float or not (is_tensor(value) and is_tensor(logits)) or not is_followed(value):
        return check_positive(value, name)
    if math.prod(value.shape) != 1 or number_kind(value) not in ("floating", "integer"):
        raise InvalidTypeError(name, "be a number", _described(value))
    if value.device != logits.device and value.device.type != "cpu":
        raise ValueError(f"{name} must be on the device of logits, {logits.device}; got {value.device}.")
    if may_look(value):
        check_positive(value, name)
    return value.reshape(())


def check_not_negative(value: Any, name: str) -> float:
    """Return `value` as a float that is zero or more, and finite."""
    number = check_number(value, name)
    if not 0.0 <= number < math.inf:
        raise InvalidValueError(name, "be zero or more, and finite", number)
    return number


def check_fraction(value: Any, name: str) -> float:
    """Return `value` as a float in [0, 1]."""
    number = check_number(value, name)
    if not 0.0 <= number <= 1.0:
        raise InvalidValueError(name, "be in [0, 1]", number)
    return number


def check_number(value: Any, name: str) -> float:
    """Return a real number (a Python or NumPy scalar, or an array or tensor of one element) as a float."""
    if type(value) is float:
        return value
    is_array = is_tensor(value) or isinstance(value, np.ndarray)
    if isinstance(value, (str, bytes, bool, complex)) or (is_array and math.prod(value.shape) != 1):
        raise InvalidTypeError(name, "be a number", _described(value))
    if is_tensor(value):
        value = value.detach()  # pyright: ignore[reportAttributeAccessIssue]
    try:
        return float(value.reshape(()) if is_array else value)  # with axes, NumPy makes no number of an array
    except (TypeError, ValueError):
        raise InvalidTypeError(name, "be a number", _described(value)) from None


def check_integer(value: Any, name: str) -> int:
    """Return `value` as an int."""
    if not _is_integer(value):
        raise InvalidTypeError(name, "be an integer", repr(value))
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


def check_choice(value: Any, name: str, choices: Sequence[str]) -> str:
    """Return `value` when it is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}.")
    return value


def check_reduction(reduction: Any, normalizer: Any, logits: Any) -> tuple[str, Any]:
    """Return how losses are reduced, and what a mean divides by instead of the sum of weights, or None."""
    reduction = check_choice(reduction, "reduction", REDUCTIONS)
    if normalizer is None:
        return reduction, None
    if reduction != "mean":
        raise ValueError(
            f"normalizer must be None unless reduction='mean'; got {normalizer!r} and reduction={reduction!r}."
        )
    return reduction, check_positive_tensor(normalizer, "normalizer", logits)


def check_same_framework(value: Any, name: str, logits: Any, logits_name: str = "logits") -> Any:
    """Return `value` as an array of the framework (and on the device) of `logits`."""
    if is_tensor(value) != is_tensor(logits):
        raise TypeError(
            f"{name} must be {framework_of(logits)} like {logits_name}; got {_described(value)}. "
            + ("Convert with torch.as_tensor." if is_tensor(logits) else "Convert with .numpy().")
        )
    if is_tensor(logits):
        if value.device != logits.device:
            raise ValueError(
                f"{name} must be on the device of {logits_name}, {logits.device}; got {value.device}. "
                "Move it with .to()."
            )
        _check_dense(value, name)
        _check_allocated(value, name)
        return value
    array = np.asarray(value)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        raise TypeError(
            f"{name} must be numbers of dtype float16, float32 or float64; got dtype {array.dtype}. "
            "Convert with astype."
        )
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def check_mask(mask: Any, logits: Any) -> Any:
    """Return `mask` as booleans of the shape of `logits` (True: the class takes part), or None."""
    if mask is None:
        return None
    mask = check_same_framework(mask, "mask", logits)
    if number_kind(mask) != "bool":
        raise TypeError(f"mask must be boolean (True: the class takes part); got dtype {dtype_name(mask)}.")
    return broadcast(mask, "mask", logits, "logits")


def broadcast(array: Any, name: str, logits: Any, logits_name: str) -> Any:
    """Return `array` as a view of the shape of `logits`."""
    try:
        if is_tensor(array):
            return array.broadcast_to(logits.shape)
        return np.broadcast_to(array, logits.shape)
    except (ValueError, RuntimeError):
        raise ValueError(
            f"{name} must broadcast to the shape of {logits_name}, {tuple(logits.shape)}; "
            f"got shape {tuple(array.shape)}."
        ) from None


def check_out(out: Any, logits: Any) -> None:
    """Raise unless `out` can take a result of the shape and dtype of `logits`."""
    if out is None:
        return
    if is_tensor(out) != is_tensor(logits) or not (is_tensor(out) or isinstance(out, np.ndarray)):
        raise TypeError(f"out must be {framework_of(logits)} like logits; got {_described(out)}.")
    if tuple(out.shape) != tuple(logits.shape):
        raise ValueError(f"out must have the shape of the result, {tuple(logits.shape)}; got {tuple(out.shape)}.")
    if out.dtype != logits.dtype:
        raise TypeError(f"out must have the dtype of the result, {dtype_name(logits)}; got {dtype_name(out)}.")
    if is_tensor(out):
        _check_out_tensor(out, logits)
    elif not out.flags.writeable:
        raise ValueError("out must be writeable; got a read-only array.")


def _check_out_tensor(out: Any, logits: Any) -> None:
    torch = sys.modules["torch"]
    if torch.is_grad_enabled() and (logits.requires_grad or out.requires_grad):
        raise ValueError(
            "out must be None where a gradient is recorded; got a tensor. "
            "Call under torch.no_grad(), or leave out= away."
        )
    if out.device != logits.device:
        raise ValueError(f"out must be on the device of logits, {logits.device}; got {out.device}.")
    _check_dense(out, "out")
    _check_allocated(out, "out")


def is_index_target(target: Any, layout: Layout, name: str = "logits") -> bool:
    """Return True for class indices, False for a distribution over classes; raise when `target` is neither.

    The one rule: an integer dtype means indices and has the shape of the logits without their class axis; a floating
    dtype means a distribution and has the shape of the logits.
    """
    kind, shape = number_kind(target), tuple(target.shape)
    if kind == "integer":
        if shape != layout.row_shape:
            _raise_index_shape(shape, layout, name)
        return True
    if kind == "floating":
        if shape != layout.shape:
            _raise_distribution_shape(target, layout, name)
        return False
    raise TypeError(
        "target must be integers (class indices) or floating (a distribution over classes); "
        f"got dtype {dtype_name(target)}. Convert with astype (NumPy) or .to (torch)."
    )


def _raise_index_shape(shape: tuple[int, ...], layout: Layout, name: str) -> None:
    hint = ""
    if shape == layout.shape:
        hint = f" If it is one-hot, pass target.argmax({layout.axis}), or convert it to a floating dtype."
    raise ValueError(
        f"target of an integer dtype must have the shape of {name} without axis {layout.axis}, {layout.row_shape}; "
        f"got {shape}.{hint}"
    )


def _raise_distribution_shape(target: Any, layout: Layout, name: str) -> None:
    shape, hint = tuple(target.shape), ""
    if shape == layout.row_shape:
        hint = " If it holds class indices, convert it to an integer dtype."
    raise ValueError(f"target of a floating dtype must have the shape of {name}, {layout.shape}; got {shape}.{hint}")


def check_indices(target: Any, layout: Layout, ignore_index: int) -> None:
    """Raise unless every index is a class or `ignore_index`."""
    bad = ((target < 0) | (target >= layout.classes)) & (target != ignore_index)
    if may_look(bad) and bool(bad.any()):
        positions, values = np.flatnonzero(as_numpy(bad)), as_numpy(target).ravel()
        first = int(positions[0])
        raise_out_of_range(values[first], first, len(positions), layout, are_from_one(values, layout, ignore_index))


def are_from_one(target: np.ndarray, layout: Layout, ignore_index: int) -> bool:
    """Return whether several class indices, the ignored ones aside, are all in [1, classes]."""
    target = target[target != ignore_index]
    return target.size > 1 and target.min() >= 1 and target.max() == layout.classes


def raise_out_of_range(value: Any, position: int, count: int, layout: Layout, are_from_one: bool = False) -> None:
    """Raise for a class index out of range; `are_from_one`: the targets are all in [1, classes]."""
    more = f" ({count} such rows)" if count > 1 else ""
    if are_from_one:
        hint = f" No target is 0 and the largest is {layout.classes}: classes are counted from 1, so subtract 1."
    elif value == layout.classes:
        hint = " If classes are counted from 1, subtract 1."
    elif value < 0:
        hint = " If it marks rows to leave out, pass it as ignore_index."
    else:
        hint = " Check the class axis and the number of outputs."
    raise ValueError(
        f"target must be in [0, {layout.classes - 1}]; got {int(value)} at {layout.position(position)}{more}.{hint}"
    )


def check_distribution(target: Any, name: str = "target") -> None:
    """Raise when a distribution has a negative or non-finite entry."""
    _check_entries(target, name, ~(target >= 0) | (target == math.inf), "be zero or more, and finite")


def check_unit_interval(target: Any, name: str = "target", hint: str = "") -> None:
    """Raise when an entry is outside [0, 1], with a hint at what to do."""
    _check_entries(target, name, ~((target >= 0) & (target <= 1)), "be in [0, 1]", hint or _hint_at_labels)


def _hint_at_labels(target: Any) -> str:
    """Return what to do where the labels are two whole numbers other than 0 and 1."""
    low, high = float(target.min()), float(target.max())
    if (low, high) == (1.0, 2.0):
        return "If classes are counted from 1, subtract 1."
    return "If the labels are -1 and 1, pass target > 0." if (low, high) == (-1.0, 1.0) else ""


def check_binary_target(target: Any, logits: Any, name: str = "logits") -> Any:
    """Return the target of a binary problem: booleans, 0 and 1, or probabilities, in the shape of the logits."""
    target = check_same_framework(target, "target", logits, name)
    if number_kind(target) not in ("bool", "integer", "floating"):
        raise TypeError(f"target must be booleans, integers 0 and 1, or probabilities; got dtype {dtype_name(target)}.")
    if tuple(target.shape) != tuple(logits.shape):
        raise ValueError(
            f"target must have the shape of {name}, {tuple(logits.shape)}; got {tuple(target.shape)}. "
            "Reshape one of them."
        )
    check_unit_interval(target)
    return target


def check_weights(weights: Any, name: str) -> None:
    """Raise when a weight is negative or not finite."""
    _check_entries(weights, name, ~(weights >= 0) | (weights == math.inf), "be zero or more, and finite")


def _check_entries(array: Any, name: str, bad: Any, requirement: str, hint: str | Callable[[Any], str] = "") -> None:
    if may_look(bad) and bool(bad.any()):
        flags = as_numpy(bad)
        first = tuple(int(i) for i in np.argwhere(flags)[0])
        value = float(array[first]) if first else float(array)
        fix = hint if isinstance(hint, str) else hint(array)
        where = f" at index {first[0] if len(first) == 1 else first}" if first else ""
        more = f" ({int(flags.sum())} such entries)" if flags.sum() > 1 else ""
        raise ValueError(f"{name} must {requirement}; got {value}{where}{more}. {fix}".rstrip())


def check_class_weight(class_weight: Any, logits: Any, layout: Layout) -> Any:
    """Return one weight a class, floating, or None."""
    if class_weight is None:
        return None
    weights = _as_weights(class_weight, "class_weight", logits)
    if tuple(weights.shape) != (layout.classes,):
        raise ValueError(
            f"class_weight must have one weight for each of the {layout.classes} classes; "
            f"got shape {tuple(weights.shape)}."
        )
    check_weights(weights, "class_weight")
    return weights


def check_sample_weight(sample_weight: Any, logits: Any, layout: Layout) -> Any:
    """Return one weight a row, floating, or None."""
    if sample_weight is None:
        return None
    weights = _as_weights(sample_weight, "sample_weight", logits)
    if tuple(weights.shape) != layout.row_shape:
        raise ValueError(
            f"sample_weight must have one weight a row, shape {layout.row_shape}; got shape {tuple(weights.shape)}."
        )
    check_weights(weights, "sample_weight")
    return weights


def check_element_weight(weight: Any, name: str, logits: Any) -> Any:
    """Return weights that broadcast to the shape of `logits`, floating, or None."""
    if weight is None:
        return None
    weights = _as_weights(weight, name, logits)
    check_weights(weights, name)
    return broadcast(weights, name, logits, "logits")


def _as_weights(weights: Any, name: str, logits: Any) -> Any:
    if is_tensor(logits) and not is_tensor(weights):
        raise TypeError(
            f"{name} must be a torch tensor like logits; got {_described(weights)}. Convert with torch.as_tensor."
        )
    weights = check_same_framework(weights, name, logits)
    kind = number_kind(weights)
    if kind not in ("floating", "integer"):
        raise TypeError(f"{name} must be numbers; got dtype {dtype_name(weights)}.")
    if kind == "floating":
        return weights
    return weights.double() if is_tensor(weights) else weights.astype(np.float64)


def _described(value: Any) -> str:
    if is_tensor(value) or isinstance(value, np.ndarray):
        return f"{framework_of(value)} of dtype {dtype_name(value)} and shape {tuple(value.shape)}"
    return f"{value!r} of type {type(value).__name__}"
