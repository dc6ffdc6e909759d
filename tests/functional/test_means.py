"""Sums and means over rows are under the contract too: any number of rows, weights of any dtype, every route."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import logitwise as lw
from functional import extended
from functional.budgets import VALUE_ULP, check_ulp
from functional.extended import needs_extended
from functional.inputs import make, values_of

ROWS = [1, 2, 7, 8, 9, 31, 32, 33, 1000, 1023, 1024, 1025, 4097, 100_003, 1_000_000]
MANY = 300_007
KINDS = ["numpy float16", "numpy float32", "numpy float64", "torch bfloat16", "torch float32", "torch float64"]
WEIGHTS = ["none", "class", "sample", "both"]

pytestmark = needs_extended


def problem(rows: int, kind: str, *, equal: bool = False) -> tuple[Any, np.ndarray]:
    """Return logits of two classes and class indices; `equal`: all rows alike, so that roundings have one sign."""
    generator = np.random.default_rng(rows)
    logits = np.tile([[0.3, -0.8]], (rows, 1)) if equal else generator.standard_normal((rows, 2))
    return make(logits, kind), generator.integers(0, 2, rows)


def weights_of(rows: int, which: str) -> tuple[np.ndarray, np.ndarray]:
    class_weight = np.array([0.1, 1.0]) if which in ("class", "both") else np.ones(2)
    sample_weight = np.resize([0.1, 0.7, 0.1, 0.0], rows) if which in ("sample", "both") else np.ones(rows)
    return class_weight, sample_weight


def options_of(rows: int, which: str, kind: str) -> dict[str, Any]:
    framework = kind.split()[0]
    class_weight, sample_weight = weights_of(rows, which)
    options = {}
    if which in ("class", "both"):
        options["class_weight"] = make(class_weight, f"{framework} float64")
    if which in ("sample", "both"):
        options["sample_weight"] = make(sample_weight, f"{framework} float64")
    return options


def exact_sum_and_mean(logits: Any, truth: np.ndarray, class_weight: np.ndarray, sample_weight: np.ndarray) -> tuple:
    losses, _ = extended.cross_entropy(values_of(logits), truth, class_weight)
    sample_weight = np.asarray(sample_weight, np.longdouble)
    total = (losses * sample_weight).sum()
    row_weight = (truth * np.asarray(class_weight, np.longdouble)).sum(-1)
    return float(total), float(total / (row_weight * sample_weight).sum())


def check(actual: Any, exact: float, kind: str) -> None:
    dtype = kind.split()[1]
    check_ulp(values_of(actual), np.float64(exact), dtype, VALUE_ULP[dtype])


@pytest.mark.parametrize("which", WEIGHTS)
@pytest.mark.parametrize("soft", [False, True], ids=["indices", "distributions"])
@pytest.mark.parametrize("kind", KINDS)
def test_means_of_any_number_of_rows(kind, soft, which):
    for rows in [*ROWS[:-1], MANY]:
        logits, indices = problem(rows, kind)
        truth = np.eye(2)[indices]
        _, mean = exact_sum_and_mean(logits, truth, *weights_of(rows, which))
        target = make(truth, kind) if soft else make(indices, f"{kind.split()[0]} int64")
        options = options_of(rows, which, kind)
        check(lw.cross_entropy(logits, target, **options), mean, kind)
        check(lw.cross_entropy_and_gradient(logits, target, **options)[0], mean, kind)


@pytest.mark.parametrize("which", WEIGHTS)
@pytest.mark.parametrize("kind", ["numpy float64", "torch float64"])
def test_a_million_equal_rows(kind, which):
    rows = ROWS[-1]
    logits, _ = problem(rows, kind, equal=True)
    indices = np.zeros(rows, np.int64)
    total, mean = exact_sum_and_mean(logits, np.eye(2)[indices], *weights_of(rows, which))
    target, options = make(indices, f"{kind.split()[0]} int64"), options_of(rows, which, kind)
    check(lw.cross_entropy(logits, target, **options), mean, kind)
    check(lw.cross_entropy(logits, target, reduction="sum", **options), total, kind)
    if kind == "torch float64":
        by_operations = torch.func.vmap(lambda z, t: lw.cross_entropy(z, t, **options))
        check(by_operations(logits[None], target[None])[0], mean, kind)


@pytest.mark.parametrize("which", WEIGHTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("route", ["recorded", "plain operations", "module", "log_loss"])
def test_means_of_tensors_by_every_route(route, dtype, which):
    logits, indices = problem(MANY, f"torch {dtype}")
    options, target = options_of(MANY, which, "torch float64"), torch.from_numpy(indices)
    _, mean = exact_sum_and_mean(logits, np.eye(2)[indices], *weights_of(MANY, which))
    if route == "module":
        if which in ("sample", "both"):
            pytest.skip("torch's module has no sample weights")
        weight = options.get("class_weight")
        loss = lw.nn.CrossEntropyLoss(weight=None if weight is None else weight.to(logits.dtype))(logits, target)
    elif route == "log_loss":
        probabilities = lw.softmax(logits)
        exact = -np.log(values_of(probabilities).astype(np.longdouble)[np.arange(MANY), indices])
        class_weight, sample_weight = weights_of(MANY, which)
        weight = class_weight[indices].astype(np.longdouble) * sample_weight
        mean = float((exact * weight).sum() / weight.sum())
        loss = lw.log_loss(probabilities, target, **options)
        as_array = {name: value.numpy() for name, value in options.items()}
        check(lw.log_loss(probabilities.numpy(), indices, **as_array), mean, f"torch {dtype}")
    elif route == "recorded":
        loss = lw.cross_entropy(logits.requires_grad_(), target, **options)
    else:
        loss = torch.func.vmap(lambda z, t: lw.cross_entropy(z, t, **options))(logits[None], target[None])[0]
    check(loss, mean, f"torch {dtype}")


@pytest.mark.parametrize("classes", [3, 300, 5000])
def test_means_with_class_weights_of_many_classes_in_any_layout(classes):
    """Equal terms in rows, of the losses and of the weights: all their rounding errors have one sign."""
    logits = np.random.default_rng(classes).standard_normal((3, classes))
    truth, weight = np.full((3, classes), 1 / classes), np.full(classes, 0.1)
    _, mean = exact_sum_and_mean(logits, truth, weight, np.ones(3))
    for z, y in ((logits, truth), (logits, np.asfortranarray(truth)), (np.asfortranarray(logits), truth)):
        check(lw.cross_entropy(z, y, class_weight=weight), mean, "numpy float64")
    turned = [np.ascontiguousarray(each.T) for each in (logits, truth)]
    check(lw.cross_entropy(*turned, axis=0, class_weight=weight), mean, "numpy float64")
    as_tensors = [torch.from_numpy(each) for each in (*turned, weight)]
    check(lw.cross_entropy(*as_tensors[:2], axis=0, class_weight=as_tensors[2]), mean, "torch float64")


@pytest.mark.parametrize("rows", [1000, 60_210])
def test_equal_rows_by_plain_operations(rows):
    logits = torch.zeros(rows, 2, dtype=torch.float64)
    weight = torch.full((rows,), 1.9211246536324695, dtype=torch.float64)
    logits[:, 1] = -0.4761734252900016
    target = torch.ones(rows, dtype=torch.int64)
    exact = float(np.log1p(np.exp(np.longdouble(0.4761734252900016))))
    followed = weight.clone().requires_grad_()
    check(lw.cross_entropy(logits, target, sample_weight=followed), exact, "torch float64")
    weighted = torch.func.vmap(lambda z: lw.cross_entropy(z, target, sample_weight=weight))
    check(weighted(logits[None])[0], exact, "torch float64")
    binary = torch.func.vmap(lambda z: lw.binary_cross_entropy_with_logits(z, target, sample_weight=weight))
    check(binary(logits[None, :, 1])[0], exact, "torch float64")
    with torch.autograd.forward_ad.dual_level():
        check(lw.cross_entropy(logits, target, sample_weight=weight), exact, "torch float64")


@pytest.mark.parametrize("weight_dtype", ["float16", "bfloat16", "float32", "float64", "int64"])
@pytest.mark.parametrize("kind", ["numpy float32", "numpy float64", "torch float32", "torch float64"])
def test_binary_means_with_weights_of_every_dtype(kind, weight_dtype):
    framework = kind.split()[0]
    if (framework, weight_dtype) == ("numpy", "bfloat16"):
        pytest.skip("NumPy has no bfloat16")
    for rows in (5, 1025, MANY):
        logits, target = problem(rows, kind)
        weight = make(np.resize([0.1, 3.0, 0.7], (rows, 2)), f"{framework} {weight_dtype}")
        if framework == "numpy":
            weight = np.asfortranarray(weight)
        truth = np.stack([target, 1 - target], -1)
        z, w = values_of(logits).astype(np.longdouble), values_of(weight).astype(np.longdouble)
        losses = np.log1p(np.exp(np.where(truth == 1, -z, z)))
        exact = float((losses * w).sum() / w.sum())
        target = make(truth, f"{framework} int64")
        check(lw.binary_cross_entropy_with_logits(logits, target, sample_weight=weight), exact, kind)
        column = weight[:, :1]  # broadcast along the rows
        exact = float((losses * w[:, :1]).sum() / (2 * w[:, :1].sum()))
        check(lw.binary_cross_entropy_with_logits(logits, target, sample_weight=column), exact, kind)
        if framework == "torch":
            recorded = logits.requires_grad_()
            check(lw.binary_cross_entropy_with_logits(recorded, target, sample_weight=column), exact, kind)
            double = torch.func.vmap(lambda z, y, w: lw.binary_cross_entropy_with_logits(z, y, sample_weight=w))
            check(double(recorded.detach()[None], target[None], column[None])[0], exact, kind)


def test_an_infinite_loss_makes_the_mean_infinite_and_not_nan():
    for rows in (3, 1025, 100_003):
        logits = np.zeros((rows, 2))
        logits[rows // 2, 0] = -np.inf
        for array in (logits, torch.from_numpy(logits)):
            target = np.zeros(rows, np.int64)
            target = torch.from_numpy(target) if isinstance(array, torch.Tensor) else target
            with pytest.warns(lw.LogitwiseWarning):
                assert lw.cross_entropy(array, target) == np.inf
        tensor, target = torch.from_numpy(logits), torch.zeros(rows, dtype=torch.int64)
        by_operations = torch.func.vmap(lambda z, t: lw.cross_entropy(z, t))
        assert by_operations(tensor[None], target[None]).item() == np.inf
