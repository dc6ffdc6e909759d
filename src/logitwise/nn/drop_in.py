"""How a function takes the place of the `forward` of a module of torch: its errors, tracing and warnings."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

import torch
from torch import Tensor

from logitwise._arrays import Layout
from logitwise._errors import InvalidArgumentError, InvalidTypeError, InvalidValueError
from logitwise._requirements import (
    REDUCTIONS,
    advice_on_tensors,
    check_boolean,
    check_choice,
    check_fraction,
    check_int64,
    check_integer,
    check_not_negative,
)
from logitwise.functional._arguments.options import unknown_option

Module = TypeVar("Module", bound=torch.nn.Module)


class InputError(InvalidValueError, IndexError, RuntimeError):
    """A value or shape that a module refuses: a ValueError, and whatever torch may raise for it."""


class InputTypeError(InvalidTypeError, NotImplementedError):
    """A type or dtype that a module refuses: a TypeError, and a NotImplementedError (a RuntimeError) as in torch."""


def checks_options(module: type[Module]) -> type[Module]:
    """Return a class of modules that refuses an option as soon as a module is made, and not when it is called."""
    make = module.__init__
    parameters = inspect.signature(make).parameters

    @wraps(make)
    def make_and_check(self: Any, *args: Any, **options: Any) -> None:
        if not options.keys() <= parameters.keys():
            raise unknown_option(module.__name__, options, parameters)
        try:
            _check_given({**dict(zip(list(parameters)[1:], args, strict=False)), **options}, module.__name__)
            make(self, *args, **options)
            _check_options(self, parameters)
        except InvalidArgumentError as error:
            raise _as_in_torch(error) from None

    module.__init__ = make_and_check
    return module


def _check_given(options: Mapping[str, Any], module: str) -> None:
    """Raise for what torch refuses in words of its own when it makes a module."""
    for name in ("size_average", "reduce"):
        if isinstance(options.get(name), Tensor):
            advice = f"The module is made first, and called with the tensors: {module}()(input, target)."
            raise InvalidTypeError(name, "be True, False or None", "a tensor", advice=advice)
    for name in ("weight", "pos_weight"):
        value = options.get(name)
        if value is not None and not isinstance(value, Tensor):
            advice = advice_on_tensors(value, name)
            raise InvalidTypeError(name, "be a torch tensor or None", type(value).__name__, advice=advice)


def _check_options(module: Any, parameters: Mapping[str, inspect.Parameter]) -> None:
    options = vars(module)
    for name, check in _CHECKS.items():
        if name in options and (options[name] is not None or parameters[name].default is not None):
            check(options[name], name)
    if "reduction" in options:
        more = ("batchmean",) if isinstance(module, torch.nn.KLDivLoss) else ()
        check_choice(module.reduction, "reduction", (*REDUCTIONS, *more))


def _check_dim(value: Any, name: str) -> None:
    for each in value if isinstance(value, (tuple, list)) else [value]:
        if each is not None:
            check_integer(each, name)


_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "dim": _check_dim,
    "gamma": check_not_negative,
    "ignore_index": check_int64,
    "label_smoothing": check_fraction,
    "log_target": check_boolean,
    "missing": lambda value, name: check_choice(value, name, ("error", "ignore")),
}
_NAMES = {  # of functions, and of modules
    "class_weight": "weight",
    "sample_weight": "weight",
    "axis": "dim",
    "binary_cross_entropy_with_logits": "BCEWithLogitsLoss",
}


def drop_in(function: Callable[..., Tensor], *, takes_classes_on_dim_1: bool = False) -> Callable[..., Tensor]:
    """Return a function of tensors and options as the `forward` of a module calls it.

    Its errors are caught wherever torch's own would be caught. `torch.fx` records it as one call; `torch.jit.script`
    calls it as it is, by its types, and cannot compile it.
    """
    signature = inspect.signature(function, eval_str=True)  # TorchScript reads types, not their names
    is_loss = "target" in signature.parameters

    @torch.jit.ignore  # pyright: ignore[reportArgumentType]
    @wraps(function)
    def checked(input: Tensor, *others: Any) -> Tensor:
        if not isinstance(input, Tensor) or (is_loss and not isinstance(others[0], Tensor)):
            return _of_no_tensors(checked, input, *others)
        if input.is_nested:
            advice = "Convert with .to_padded_tensor(0); a loss leaves padding out by ignore_index or weight."
            raise InputTypeError("input", "be a dense tensor", "a nested tensor", advice=advice)
        try:
            return function(input, *others)
        except (ValueError, TypeError) as error:
            if takes_classes_on_dim_1 and isinstance(error, InvalidValueError):
                error = _advised_on_classes(error, input, others[0])
            raise _as_in_torch(error) from None

    checked.__signature__ = signature  # pyright: ignore[reportAttributeAccessIssue]
    return checked


def _of_no_tensors(function: Callable[..., Tensor], input: Any, *others: Any) -> Tensor:
    """Return what stands for a result where an argument stands for a tensor, as in `torch.fx`; else raise."""
    tensors = (input, others[0]) if others else (input,)
    if torch.overrides.has_torch_function(tensors):
        return torch.overrides.handle_torch_function(function, tensors, input, *others)
    name, value = ("target", others[0]) if isinstance(input, Tensor) else ("input", input)
    got = "None" if value is None else type(value).__name__
    raise InputTypeError(name, "be a torch tensor", got, advice=advice_on_tensors(value, name))


def _advised_on_classes(error: InvalidValueError, input: Tensor, target: Tensor) -> InvalidValueError:
    """Return the error for class indices that fit another dimension of the input, with what helps in a module."""
    shape = tuple(target.shape)
    if error.argument != "target" or error.got != str(shape) or target.is_floating_point() or input.ndim < 2:
        return error
    dim = Layout.of(tuple(input.shape), 1).axis_without(shape)
    if dim is None:
        return error
    advice = f"It fits classes on dimension {dim}; this module takes them on dimension 1: pass input.movedim({dim}, 1)."
    return InvalidValueError(error.argument, error.requirement, error.got, error.where, advice)


def _as_in_torch(error: Exception) -> Exception:
    error_type = InputError if isinstance(error, ValueError) else InputTypeError
    if isinstance(error, InvalidArgumentError):
        return error.renamed(_NAMES).as_type(error_type)
    return error_type(str(error))  # torch's own: a sentence, without fields


def warn(message: str, stacklevel: int) -> None:
    """Warn of an argument; in compiled code, which cannot warn, do nothing."""
    if not torch.compiler.is_compiling():
        warnings.warn(message, UserWarning, stacklevel)
