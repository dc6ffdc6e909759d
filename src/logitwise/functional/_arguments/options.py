"""Options that a function does not have, among them the words of other libraries; and those of a plain call."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from inspect import signature
from typing import Any

# What other libraries call our arguments: those of the first that the function has are named in the error.
_WORDS = {
    "dim": ("axis",),
    "keepdim": ("keepdims",),
    "weight": ("class_weight", "sample_weight"),
    "weights": ("sample_weight", "class_weight", "weight"),
    "class_weight": ("weight",),
    "sample_weight": ("weight",),
    "axis": ("dim",),
    "input": ("logits", "probabilities"),
    "x": ("logits", "probabilities"),
    "y_pred": ("logits", "probabilities"),
    "labels": ("target",),
    "y_true": ("target",),
    "where": ("mask",),
    "size_average": ("reduction",),
    "reduce": ("reduction",),
    "normalize": ("reduction",),
    "smoothing": ("label_smoothing",),
    "ignore_label": ("ignore_index",),
    "tau": ("temperature",),
    "alpha": ("class_weight", "pos_weight", "weight"),
}
_NOT_HERE = {
    "dtype": "Results have the dtype of the logits: convert those with .astype (NumPy) or .to (torch).",
    "log_target": "The target is logits, which log-probabilities are too; target_probabilities= takes probabilities.",
}


def unknown_option(function: str, options: Iterable[str], known: Collection[str]) -> TypeError:
    """Return Python's own error for the first of the options that the function does not have, and our word for it."""
    unknown = next(name for name in options if name not in known)
    return TypeError(f"{function}() got an unexpected keyword argument {unknown!r}{_hint(unknown, known)}")


def _hint(unknown: str, known: Collection[str]) -> str:
    ours = [f"{name}=" for name in _WORDS.get(unknown, ()) if name in known]
    if unknown in _NOT_HERE:
        return f". {_NOT_HERE[unknown]}"
    return f". Here it is {' or '.join(ours)}." if ours else ""


def refusal(function: Any, positional: tuple[Any, ...], options: Iterable[str]) -> TypeError:
    """Return the error for positional arguments too many, or else for an option that the function does not have."""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if not positional:
        return unknown_option(function.__name__, options, names)
    taken = code.co_argcount
    keywords = ", ".join(f"{name}=" for name in names[taken:])
    return TypeError(
        f"{function.__name__}() takes {taken} positional argument{'s' * (taken != 1)} but "
        f"{taken + len(positional)} were given. "
        f"Name the others: {keywords}."
    )


def show_public_signature(function: Any) -> None:
    """Show a function without the parameters that take words of other libraries only to name ours."""
    shown = signature(function)
    parameters = [each for each in shown.parameters.values() if not each.name.startswith("_")]
    function.__signature__ = shown.replace(parameters=parameters)


def asks_for_one_loss(reduction: Any, normalizer: Any) -> bool:
    """Return whether a reduction gives one number, with a normaliser, if any, that a plain call may divide by."""
    return (reduction == "mean" or (reduction == "sum" and normalizer is None)) and (
        normalizer is None or (type(normalizer) in (int, float) and 2.0**-200 < normalizer < 2**63)
    )
