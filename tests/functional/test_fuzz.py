"""Any array, by any route: shapes, strides, dtypes, targets and options together, against the reference.

Each function gets its own thousand cases or more, the same in every run; nothing may crash, write where it should
not, or differ from the reference by more than its budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import logitwise as lw
from functional.budgets import GRADIENT_ULP, REFERENCE_ULP, VALUE_ULP, check_ulp
from functional.inputs import values_of
from logitwise import reference

MANY = settings(max_examples=1000, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@dataclass(frozen=True)
class Case:
    """Logits in some layout, and where their classes are."""

    logits: Any
    axis: int
    dtype: str

    @property
    def values(self) -> np.ndarray:
        return values_of(self.logits)

    @property
    def is_tensor(self) -> bool:
        return isinstance(self.logits, torch.Tensor)

    def like(self, array: np.ndarray) -> Any:
        return torch.as_tensor(array) if self.is_tensor else array


def _laid_out(draw: Any, values: np.ndarray) -> np.ndarray:
    """Return the same values in another memory layout."""
    kind = draw(st.sampled_from(["plain", "fortran", "every second", "reversed", "big-endian", "read-only", "offset"]))
    if kind == "fortran":
        return np.asfortranarray(values)
    if kind == "every second":
        return np.repeat(values, 2, axis=-1)[..., ::2]
    if kind == "reversed":
        return values[::-1].copy()[::-1]
    if kind == "big-endian":
        return values.astype(values.dtype.newbyteorder(">"))
    if kind == "offset":
        return np.concatenate([values[:1], values])[1:]
    if kind == "read-only":
        values = values.copy()
        values.flags.writeable = False
    return values


@st.composite
def cases(draw: Any, least: int = 1) -> Case:
    classes = draw(st.one_of(st.integers(least, 12), st.sampled_from([16, 33, 64, 100, 257, 300])))
    others = draw(st.lists(st.sampled_from([0, 1, 1, 2, 3, 5, 9]), max_size=2))
    axis = draw(st.integers(0, len(others)))
    shape = (*others[:axis], classes, *others[axis:])
    seed = draw(st.integers(0, 2**16))
    scale = draw(st.sampled_from([0.0, 0.1, 1.0, 10.0, 100.0]))
    values = np.random.default_rng(seed).standard_normal(shape) * scale + draw(st.sampled_from([0.0, 0.0, 1000.0]))
    if draw(st.booleans()):
        values = np.where(np.random.default_rng(seed + 1).random(shape) < 0.2, -np.inf, values)
    framework = draw(st.sampled_from(["numpy", "numpy", "torch"]))
    names = ["float16", "float32", "float64"] + ["bfloat16"] * (framework == "torch")
    dtype = draw(st.sampled_from(names))
    axis = axis - len(shape) if draw(st.booleans()) else axis
    if framework == "torch":
        tensor = torch.tensor(values).to(getattr(torch, dtype))
        return Case(tensor.mT.contiguous().mT if tensor.ndim > 1 and draw(st.booleans()) else tensor, axis, dtype)
    return Case(_laid_out(draw, values.astype(dtype)), axis, dtype)


@MANY
@given(cases(), st.sampled_from(["softmax", "log_softmax"]), st.sampled_from([1.0, 0.5, 3.0]), st.data())
def test_probabilities(case, function, temperature, data):
    mask = None
    if data.draw(st.booleans()):
        mask = np.random.default_rng(len(case.dtype)).random(case.values.shape[-1:]) < 0.7
    options = {"temperature": temperature}
    expected = getattr(reference, function)(case.values, case.axis, mask=mask, **options)
    if mask is not None:
        options["mask"] = case.like(mask)
    before = case.values.copy()
    result = getattr(lw, function)(case.logits, case.axis, **options)
    check_ulp(values_of(result), _rounded(expected, case), case.dtype, REFERENCE_ULP[case.dtype])
    np.testing.assert_array_equal(case.values, before)
    out = (
        case.like(np.empty(case.values.shape, case.dtype))
        if case.dtype != "bfloat16"
        else torch.empty_like(case.logits)
    )
    np.testing.assert_array_equal(
        values_of(getattr(lw, function)(case.logits, case.axis, out=out, **options)), values_of(result)
    )


def _rounded(expected: np.ndarray, case: Case) -> np.ndarray:
    """Return exact values with those too large for the dtype as infinite."""
    largest = float(torch.finfo(getattr(torch, case.dtype)).max)
    return np.where(np.abs(expected) > largest, np.copysign(np.inf, expected), expected)


@pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")
@MANY
@given(cases(least=2), st.data())
def test_cross_entropy_and_its_gradient(case, data):
    shape, axis = case.values.shape, case.axis % case.values.ndim
    classes, rows = shape[axis], shape[:axis] + shape[axis + 1 :]
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    soft = data.draw(st.booleans())
    options: dict[str, Any] = {"reduction": data.draw(st.sampled_from(["none", "sum"]))}
    options |= {
        "label_smoothing": data.draw(st.sampled_from([0.0, 0.1])),
        "z_loss": data.draw(st.sampled_from([0.0, 0.01])),
    }
    class_weight = generator.random(classes) if data.draw(st.booleans()) else np.ones(classes)
    sample_weight = generator.integers(0, 3, rows) * 0.75 if data.draw(st.booleans()) else np.ones(rows)
    if soft:
        target = generator.random(shape)
        target = target / target.sum(axis, keepdims=True)
        distribution = target
    else:
        names = ["int64"] if case.is_tensor else INTEGERS
        target = generator.integers(0, min(classes, 127), rows).astype(data.draw(st.sampled_from(names)))
        distribution = reference.one_hot(target, classes, axis)
        if data.draw(st.booleans()):
            options["ignore_index"] = 0
    options |= {"class_weight": case.like(class_weight), "sample_weight": case.like(sample_weight)}
    mask = None
    if data.draw(st.booleans()):
        start = data.draw(st.integers(0, len(shape)))
        mask = generator.random([data.draw(st.sampled_from([1, size])) for size in shape[start:]]) < 0.8
        options["mask"] = case.like(mask)
    counted = np.where(target == options.get("ignore_index", -1), 0.0, sample_weight) if not soft else sample_weight
    losses, gradient = lw.cross_entropy_and_gradient(case.logits, case.like(np.asarray(target)), axis=axis, **options)
    expected = _expected(case, distribution, class_weight, counted, options, axis, mask)
    _check_losses(losses, expected[0], case, options)
    scale = np.maximum(
        np.abs(np.nan_to_num(expected[1], posinf=0.0, neginf=0.0)).max(axis, keepdims=True, initial=0.0), 1.0
    )
    check_ulp(
        values_of(gradient),
        _rounded(expected[1], case),
        case.dtype,
        max(GRADIENT_ULP[case.dtype], REFERENCE_ULP[case.dtype]),
        scale=scale,
    )


def _expected(
    case: Case,
    distribution: np.ndarray,
    class_weight: np.ndarray,
    counted: np.ndarray,
    options: dict[str, Any],
    axis: int,
    mask: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    along = class_weight.reshape([-1 if i == axis else 1 for i in range(case.values.ndim)])
    smoothing, weighted = options["label_smoothing"], distribution * along
    counted = np.expand_dims(counted, axis)
    mask = None if mask is None else mask | (counted == 0.0)
    coefficients = reference.smoothed(distribution, smoothing, axis, mask=mask) * along * counted
    z_coefficient = options["z_loss"] * weighted.sum(axis, keepdims=True) * counted
    logits = np.where(counted == 0.0, 0.0, case.values)
    return reference.cross_entropy(logits, coefficients, axis, z_coefficient=z_coefficient, mask=mask)


def _check_losses(losses: Any, expected: np.ndarray, case: Case, options: dict[str, Any]) -> None:
    if options["reduction"] == "sum":
        expected = np.asarray(expected.sum())
    check_ulp(values_of(losses), _rounded(expected, case), case.dtype, REFERENCE_ULP[case.dtype])


@settings(MANY, max_examples=400)
@given(
    st.sampled_from(INTEGERS),
    st.integers(2, 300),
    st.lists(st.integers(-(2**63), 2**64 - 1), min_size=1, max_size=5),
    st.integers(-(2**63), 2**63 - 1),
)
def test_an_index_out_of_range_is_refused_whatever_its_width(dtype, classes, indices, ignore_index):
    info = np.iinfo(dtype)
    target = np.array([min(max(i, info.min), info.max) for i in indices], dtype)
    logits = np.zeros((len(target), classes), np.float32)
    bad = [int(i) for i in target if not 0 <= int(i) < classes and int(i) != ignore_index]
    if bad:
        with pytest.raises(ValueError, match=rf"^target must be in \[0, {classes - 1}\]; got {bad[0]} at row "):
            lw.cross_entropy(logits, target, ignore_index=ignore_index)
    else:
        losses = lw.cross_entropy(logits, target, ignore_index=ignore_index, reduction="none")
        expected = np.where([int(i) == ignore_index for i in target], 0.0, np.log(classes))
        check_ulp(losses, expected, "float32", VALUE_ULP["float32"])
