"""Where we differ from PyTorch and SciPy on purpose: every input of their own tests that does, and why.

The tests hold this list: what is here differs, and nothing else does. `docs/reference/differences.md` shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

import logitwise as lw

FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


class OfPyTorch(NamedTuple):
    """Samples of PyTorch's tests for which we differ.

    Attributes:
        names: The operations or modules, as PyTorch's tests name them.
        what: The input, as the documentation names it.
        here: What we do.
        there: What PyTorch does.
        reason: Why.
        applies: Which samples of those names differ.
        raises: The error or warning that a call of ours with such a sample raises; None if only derivatives in forward
            mode differ, which are NaN in PyTorch.
    """

    names: tuple[str, ...]
    what: str
    here: str
    there: str
    reason: str
    applies: Callable[[Any], bool]
    raises: type[Exception] | None


class OfSciPy(NamedTuple):
    """Tests of SciPy that we do not pass: patterns of their names and cases."""

    tests: tuple[str, ...]
    what: str
    here: str
    there: str
    reason: str


def _is_mean_of_nothing(sample: Any) -> bool:
    target, ignored = sample.tensors[-1], sample.options.get("ignore_index", -100)
    return sample.options.get("reduction", "mean") == "mean" and bool((target == ignored).all())


def _has_negative_target(sample: Any) -> bool:
    return not sample.options.get("log_target", False) and bool((sample.tensors[-1] < 0.0).any())


def _has_dead_row(sample: Any) -> bool:
    return sample.dtype in FLOATS and bool(sample.theirs(*sample.tensors).isneginf().any())


def _has_no_float(sample: Any) -> bool:
    return sample.dtype not in FLOATS


PYTORCH = (
    OfPyTorch(
        ("CrossEntropyLoss",),
        "a mean over rows that are all ignored",
        "0, with a `NoRowsWarning`",
        "NaN",
        "one such batch does not spoil the weights of a network",
        _is_mean_of_nothing,
        lw.NoRowsWarning,
    ),
    OfPyTorch(
        ("KLDivLoss",),
        "a negative target of `KLDivLoss`",
        "an error",
        "NaN",
        "no distribution has one",
        _has_negative_target,
        lw.nn.InputError,
    ),
    OfPyTorch(
        ("logsumexp", "masked.logsumexp"),
        "forward-mode derivatives of the `logsumexp` of a row of -inf, or of which every class is masked",
        "0, as in the backward pass",
        "NaN; 0 in the backward pass",
        "a row without classes contributes nothing",
        _has_dead_row,
        None,
    ),
    OfPyTorch(
        ("logsumexp", "sigmoid", "masked.logsumexp"),
        "tensors of integers, booleans or complex numbers",
        "an error",
        "computed by `logsumexp` and `sigmoid`; integers as float32",
        "the dtype of the result is that of the logits; classes have no complex scores",
        _has_no_float,
        lw.InvalidTypeError,
    ),
)
SCIPY = (
    OfSciPy(
        (
            "TestLogSumExp.test_logsumexp_complex_sign",
            "TestLogSumExp.test_dtypes_a[complex*]",
            "TestLogSumExp.test_dtypes_ab[*complex*]",
            "TestLogSumExp.test_gh21610[*]",
            "TestLogSumExp.test_gh21709_small_imaginary",
            "TestLogSumExp.test_gh22601_infinite_elements[*j*]",
            "TestLogSumExp.test_device[1j]",
        ),
        "complex numbers in `logsumexp`",
        "an error",
        "computed",
        "classes have no complex scores",
    ),
    OfSciPy(
        (
            "TestLogSumExp.test_dtypes_ab[float32-float64]",
            "TestLogSumExp.test_dtypes_ab[float32-int*]",
        ),
        "`logsumexp` of float32 logits and factors `b` of float64 or integers",
        "float32",
        "float64",
        "results have the dtype of the logits, in every function, whatever that of weights",
    ),
)
