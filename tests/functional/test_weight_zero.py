"""What has weight 0 is not read, neither its logits nor its target, by any route; nor is a label that is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import logitwise as lw
from functional.budgets import GRADIENT_ULP, REFERENCE_ULP, check_ulp
from functional.inputs import KINDS, make, values_of

ROWS = 12
WEIGHT = np.arange(ROWS) % 3 * 0.5  # 0 for every third row
SILENT = WEIGHT == 0.0
REDUCTIONS = ["none", "sum", "mean"]
POISON = [np.nan, np.inf, -np.inf, -1.0, 7.0]


def poisoned(values: np.ndarray, poison: list[float]) -> np.ndarray:
    """Return values with something else in the rows without weight."""
    spoiled = values.copy()
    for number, row in enumerate(np.flatnonzero(SILENT)):
        spoiled[row] = poison[number % len(poison)]
    return spoiled


class Rows:
    """Logits and a target of `ROWS` rows, classes last, and the same with the rows without weight spoiled."""

    def __init__(self, target: str, classes: int) -> None:
        generator = np.random.default_rng(0)
        self.logits = generator.normal(size=(ROWS, classes)) * 3
        self.options: dict[str, Any] = {}
        if target == "indices":
            self.target = generator.integers(0, classes, ROWS)
            self.spoiled_target = poisoned(self.target, [-1, classes, 2**40, -100, -(2**40)])
        else:
            self.target = generator.dirichlet(np.ones(classes), ROWS)
            self.spoiled_target = poisoned(self.target, POISON)
        self.spoiled_logits = poisoned(self.logits, POISON)


def taken(array: np.ndarray, kind: str) -> Any:
    """Return an array as a kind of inputs has it; integers stay integers."""
    if array.dtype.kind == "f":
        return make(array, kind)
    return torch.tensor(array) if kind.startswith("torch") else array


def assert_same(found: Any, expected: Any) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(values_of(ours), values_of(theirs))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("classes", [2, 5, 300])
@pytest.mark.parametrize("target", ["indices", "soft"])
@pytest.mark.parametrize("kind", KINDS)
def test_rows(kind, target, classes, reduction):
    rows = Rows(target, classes)
    class_weight = taken(1.0 + np.arange(classes) % 4, kind)
    for options in ({}, {"class_weight": class_weight, "label_smoothing": 0.1, "z_loss": 0.01}):
        options = {**options, "sample_weight": taken(WEIGHT, kind), "reduction": reduction}
        found, expected = (
            lw.cross_entropy_and_gradient(taken(z, kind), taken(y, kind), **options)
            for z, y in ((rows.spoiled_logits, rows.spoiled_target), (rows.logits, rows.target))
        )
        assert_same(found, expected)
        assert not values_of(found[1])[SILENT].any()
        value = lw.cross_entropy(taken(rows.logits, kind), taken(rows.spoiled_target, kind), **options)
        assert_same([value], expected[:1])


@pytest.mark.parametrize("target", ["indices", "soft"])
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_rows_side_by_side(framework, target):
    rows, kind = Rows(target, 5), f"{framework} float64"

    def moved(array):
        array = array.reshape(3, 4, *array.shape[1:])
        return taken(np.moveaxis(array, -1, 1) if array.ndim == 3 else array, kind)

    options = {"axis": 1, "sample_weight": taken(WEIGHT.reshape(3, 4), kind)}
    found, expected = (
        lw.cross_entropy_and_gradient(moved(z), moved(y), **options)
        for z, y in ((rows.spoiled_logits, rows.spoiled_target), (rows.logits, rows.target))
    )
    assert_same(found, expected)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("target", ["indices", "soft"])
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_rows_of_log_loss(framework, target, reduction):
    rows, kind = Rows(target, 5), f"{framework} float64"
    probabilities = lw.softmax(rows.logits)
    options = {"sample_weight": taken(WEIGHT, kind), "class_weight": taken(1.0 + np.arange(5), kind)}
    found, expected = (
        lw.log_loss(taken(p, kind), taken(y, kind), reduction=reduction, **options)
        for p, y in ((poisoned(probabilities, POISON), rows.spoiled_target), (probabilities, rows.target))
    )
    assert_same([found], [expected])


class Elements:
    """Logits and a binary target, and the same with the elements without weight spoiled."""

    def __init__(self, target: str) -> None:
        generator = np.random.default_rng(0)
        self.logits = generator.normal(size=ROWS) * 3
        if target == "integers":
            self.target = generator.integers(0, 2, ROWS)
            self.spoiled_target = poisoned(self.target, [-1, 2, -100, 255])
        else:
            self.target = generator.random(ROWS)
            self.spoiled_target = poisoned(self.target, POISON)
        self.spoiled_logits = poisoned(self.logits, POISON)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("target", ["integers", "probabilities"])
@pytest.mark.parametrize("kind", KINDS)
def test_elements(kind, target, reduction):
    elements, weight = Elements(target), taken(WEIGHT, kind)
    found, expected = (
        lw.binary_cross_entropy_with_logits_and_gradient(
            taken(z, kind), taken(y, kind), sample_weight=weight, pos_weight=weight, reduction=reduction
        )
        for z, y in ((elements.spoiled_logits, elements.spoiled_target), (elements.logits, elements.target))
    )
    assert_same(found, expected)
    assert not values_of(found[1])[SILENT].any()


def routes(function: Any) -> dict[str, Any]:
    """Return, by name, functions from logits, a target and weights to results, by every route of tensors."""

    def recorded(z, y, w):
        z = z.clone().requires_grad_()
        loss = function(z, y, sample_weight=w)
        (gradient,) = torch.autograd.grad(loss, z, create_graph=True)
        return loss, gradient, torch.autograd.grad(gradient.square().sum(), z)[0]

    def of_recorded_weights(z, y, w):
        z, w = z.clone().requires_grad_(), w.clone().requires_grad_()
        loss = function(z, y, sample_weight=w)
        return loss, *torch.autograd.grad(loss, (z, w))

    def of_recorded_targets(z, y, w):
        if not y.is_floating_point():
            return ()
        y = y.clone().requires_grad_()
        loss = function(z, y, sample_weight=w)
        return loss, *torch.autograd.grad(loss, y)

    def transformed(z, y, w):
        def loss(z):
            return function(z, y, sample_weight=w)

        vmapped = torch.func.vmap(lambda z, y, w: function(z, y, sample_weight=w, reduction="sum"))
        return torch.func.grad(loss)(z), torch.func.jacfwd(loss)(z), vmapped(z, y, w)

    def compiled(z, y, w):
        z = z.clone().requires_grad_()
        torch._dynamo.reset()
        run = torch.compile(lambda z, y, w: function(z, y, sample_weight=w), backend="aot_eager", fullgraph=True)
        loss = run(z, y, w)
        return loss, *torch.autograd.grad(loss, z)

    found = (recorded, of_recorded_weights, of_recorded_targets, transformed, compiled)
    return {each.__name__: each for each in found}


ROUTES = routes(None)


@pytest.mark.filterwarnings("ignore::logitwise.NoRowsWarning")  # a row of its own in `vmap`
@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize("target", ["indices", "soft", "integers", "probabilities"])
def test_every_route_of_tensors(name, target):
    is_binary = target in ("integers", "probabilities")
    inputs = Elements(target) if is_binary else Rows(target, 5)
    function = lw.binary_cross_entropy_with_logits if is_binary else lw.cross_entropy
    route, weight = routes(function)[name], torch.tensor(WEIGHT)
    found = route(torch.tensor(inputs.spoiled_logits), torch.tensor(inputs.spoiled_target), weight)
    clean = torch.tensor(inputs.logits), torch.tensor(inputs.target)
    expected = route(*clean, weight)
    if name == "of_recorded_weights":  # the derivative by a weight of 0 is the loss that is not read
        expected = (*expected[:2], expected[2].masked_fill(torch.tensor(SILENT), 0.0))
        found = (*found[:2], found[2].masked_fill(torch.tensor(SILENT), 0.0))
    assert_same(found, expected)


@pytest.mark.parametrize("module", ["BCEWithLogitsLoss", "BCELoss"])
def test_modules(module):
    elements, weight = Elements("probabilities"), torch.tensor(WEIGHT)
    probabilities = elements.logits if module == "BCEWithLogitsLoss" else lw.sigmoid(elements.logits)
    inputs, spoiled = torch.tensor(probabilities), torch.tensor(poisoned(probabilities, POISON))
    results = []
    for z, y in ((spoiled, elements.spoiled_target), (inputs, elements.target)):
        z = z.clone().requires_grad_()
        loss = getattr(lw.nn, module)(weight=weight)(z, torch.tensor(y))
        results.append((loss, *torch.autograd.grad(loss, z)))
    assert_same(*results)


def test_what_has_weight_is_refused_as_ever():
    weight = [1.0, 0.0, 1.0]
    with pytest.raises(ValueError, match=r"^target must be in \[0, 1\]; got -1.0 at index 2\."):
        lw.binary_cross_entropy_with_logits([0.0, 0.0, 0.0], [1, -1, -1], sample_weight=weight)
    with pytest.raises(ValueError, match=r"^target must be in \[0, 1\]; got 2 at row 2\. If classes are counted"):
        lw.cross_entropy(np.zeros((3, 2)), [0, 7, 2], sample_weight=weight)
    with pytest.raises(ValueError, match=r"^target must be in \[0, 2\]; got 3 at row 2\. No target is 0 and the larg"):
        lw.cross_entropy(torch.zeros(3, 3), torch.tensor([1, 0, 3]), sample_weight=torch.tensor(weight))
    with pytest.raises(ValueError, match=r"^target must be zero or more, and finite; got nan at index \(2, 0\)"):
        lw.cross_entropy(np.zeros((3, 2)), np.array([[1, 0], [np.nan, 0], [np.nan, 1]]), sample_weight=weight)


# --- missing labels ---------------------------------------------------------------------------------------------------

FUNCTIONS = (lw.binary_cross_entropy_with_logits, lw.binary_cross_entropy_with_logits_and_gradient)
MISSING = {
    "-1 among integers": ("int64", -1, {"ignore_index": -1}),
    "-100 among bytes": ("int8", -100, {"ignore_index": -100}),
    "255 among unsigned bytes": ("uint8", 255, {"ignore_index": 255}),
    "-1 among floats": ("float32", -1, {"ignore_index": -1}),
    "NaN": ("float64", np.nan, {"missing": "ignore"}),
    "NaN of 32 bits": ("float32", np.nan, {"missing": "ignore"}),
}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", MISSING)
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_missing_labels_take_no_part(framework, name, weighted, reduction):
    dtype, mark, option = MISSING[name]
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(6, 4))
    whole = generator.integers(0, 2, (6, 4))
    is_missing = generator.random((6, 4)) < 0.4
    target = np.where(is_missing, mark, whole).astype(dtype)
    column = np.array([1.0, 2.0, 0.5, 3.0])
    weight = np.broadcast_to(column, (6, 4)) * ~is_missing
    tensors = framework == "torch"
    options = {"reduction": reduction, "pos_weight": taken(column, f"{framework} float64")}
    given = {"sample_weight": taken(column, f"{framework} float64")} if weighted else {}
    equal = {"sample_weight": taken(weight if weighted else 1.0 * ~is_missing, f"{framework} float64")}
    z = taken(logits, f"{framework} float64")
    y, clean = (torch.tensor(array) if tensors else array for array in (target, whole))
    value, both = FUNCTIONS
    expected = both(z, clean, **options, **equal)
    assert_same(both(z, y, **options, **given, **option), expected)
    assert_same([value(z, y, **options, **given, **option)], expected[:1])
    if tensors:
        z = z.clone().requires_grad_()
        loss = value(z, y, **options, **given, **option)
        assert_same([loss, torch.autograd.grad(loss.sum(), z)[0]], expected)


@pytest.mark.parametrize("name", MISSING)
def test_missing_labels_in_compiled_code_and_transforms(name):
    dtype, mark, option = MISSING[name]
    generator = np.random.default_rng(0)
    logits, whole = torch.tensor(generator.normal(size=8)), np.array([1, 0, 1, 1, 0, 0, 1, 0])
    target = torch.tensor(np.where(np.arange(8) % 3 == 1, mark, whole).astype(dtype))
    expected = lw.binary_cross_entropy_with_logits_and_gradient(logits, target, **option)

    def loss(z):
        return lw.binary_cross_entropy_with_logits(z, target, **option)

    torch._dynamo.reset()
    for function in (torch.func.grad_and_value(loss), torch.compile(torch.func.grad_and_value(loss), backend="eager")):
        gradient, value = function(logits)
        check_ulp(values_of(value), values_of(expected[0]), "float64", REFERENCE_ULP["float64"])
        check_ulp(values_of(gradient), values_of(expected[1]), "float64", GRADIENT_ULP["float64"], scale=np.ones(8))
    torch._dynamo.reset()


def test_missing_labels_are_left_out_only_where_asked_for():
    logits = np.zeros(3)
    with pytest.raises(ValueError, match=r"^target must be in \[0, 1\]; got nan at index 1\. If NaN marks missing "):
        lw.binary_cross_entropy_with_logits(logits, [1.0, np.nan, 0.0])
    with pytest.raises(ValueError, match=r"^target must be in \[0, 1\]; got -100.0 at index 1\. If it marks missing "):
        lw.binary_cross_entropy_with_logits(logits, [1, -100, 0])
    with pytest.raises(ValueError, match=r"^target must be in \[0, 1\]; got -2.0 at index 1\."):
        lw.binary_cross_entropy_with_logits(logits, [1, -2, -1], ignore_index=-1)
    with pytest.raises(ValueError, match=r"^target must be in \[0, 1\]; got nan at index 1\."):
        lw.binary_cross_entropy_with_logits(logits, [1, np.nan, -1], ignore_index=-1)
    with pytest.raises(ValueError, match=r"^missing must be one of 'error', 'ignore'; got 'skip'\.$"):
        lw.binary_cross_entropy_with_logits(logits, [1, 0, 1], missing="skip")
    with pytest.raises(TypeError, match=r"^ignore_index must be an integer; got nan\.$"):
        lw.binary_cross_entropy_with_logits(logits, [1, 0, 1], ignore_index=np.nan)


@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 2.0, 0.5, 3.0])])
@pytest.mark.parametrize("name", MISSING)
def test_missing_labels_in_the_module(name, weight):
    dtype, mark, option = MISSING[name]
    generator = np.random.default_rng(0)
    logits, whole = torch.tensor(generator.normal(size=(6, 4))), generator.integers(0, 2, (6, 4))
    is_missing = generator.random((6, 4)) < 0.4
    target = torch.tensor(np.where(is_missing, mark, whole).astype(dtype))
    losses = lw.nn.BCEWithLogitsLoss(weight, reduction="none")(logits, torch.tensor(whole)) * torch.tensor(~is_missing)
    for reduction, expected in {
        "none": losses,
        "sum": losses.sum(),
        "mean": losses.sum() / (~is_missing).sum(),
    }.items():
        loss = lw.nn.BCEWithLogitsLoss(weight, reduction=reduction, **option)(logits, target)
        check_ulp(values_of(loss), values_of(expected), "float64", REFERENCE_ULP["float64"])
    with pytest.raises(ValueError, match=r"^target must be in \[0, 1\]; got "):
        lw.nn.BCEWithLogitsLoss(weight)(logits, target)


def test_no_label_at_all():
    with pytest.warns(lw.NoRowsWarning, match=r"^the mean loss must be over one or more elements; got none"):
        assert lw.binary_cross_entropy_with_logits(np.zeros(3), [-1, -1, -1], ignore_index=-1) == 0.0
