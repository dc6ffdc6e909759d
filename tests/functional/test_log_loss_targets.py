"""Targets of log_loss beside class indices: labels 0 and 1 of probabilities of class 1, and labels of any kind."""

from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest
import torch
from sklearn import metrics

import logitwise as lw
from functional import oracle
from functional.budgets import VALUE_ULP, check_ulp
from functional.inputs import KINDS, make, values_of

GENERATOR = np.random.default_rng(12)
HARD = np.array([0.5, 0.9, 1e-3, 1e-7, 0.999, 1.0, 0.0, 0.25, 0.75, 1.0 - 2.0**-7])
HARD_TARGET = np.array([1, 0, 0, 0, 1, 1, 0, 0, 1, 0])
P, LABEL = GENERATOR.random(40), GENERATOR.integers(0, 2, 40)
ROW_WEIGHT = np.arange(40) % 4 / 2.0
OPTIONS = {
    "plain": {},
    "class weights": {"class_weight": np.array([0.5, 3.0])},
    "row weights": {"sample_weight": ROW_WEIGHT},
    "ignored": {"ignore_index": 1},
    "all": {"class_weight": np.array([0.5, 3.0]), "sample_weight": ROW_WEIGHT, "normalizer": 7},
    "signed": {"sample_weight": ROW_WEIGHT - 1.0, "reduction": "none"},
    "sum": {"reduction": "sum"},
}


def like(kind: str, array: np.ndarray):
    return torch.tensor(array) if kind.startswith("torch") else array


def converted(kind: str, options: dict) -> dict:
    return {name: like(kind, value) if isinstance(value, np.ndarray) else value for name, value in options.items()}


def of_both_classes(probabilities: np.ndarray) -> np.ndarray:
    return np.stack([1.0 - probabilities, probabilities], -1)


# --- probabilities of class 1 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_values_of_class_1(kind):
    """Of a small probability where class 0 came, `1 - p` would keep nothing."""
    dtype = kind.split()[1]
    probabilities = make(HARD, kind)
    exact = oracle.binary_log_loss(values_of(probabilities), HARD_TARGET)
    losses = lw.log_loss(probabilities, like(kind, HARD_TARGET), reduction="none")
    assert losses.dtype == probabilities.dtype
    check_ulp(values_of(losses), exact, dtype, VALUE_ULP[dtype])
    check_ulp(
        values_of(lw.log_loss(probabilities, like(kind, HARD_TARGET == 1))), exact.mean(), dtype, VALUE_ULP[dtype]
    )


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_options_of_class_1(framework, option):
    options = converted(framework, OPTIONS[option])
    found = lw.log_loss(like(framework, P), like(framework, LABEL), **options)
    expected = lw.log_loss(like(framework, of_both_classes(P)), like(framework, LABEL), **options)
    np.testing.assert_allclose(values_of(found), values_of(expected), rtol=1e-12, atol=1e-15)
    assert found.shape == expected.shape


@pytest.mark.parametrize("target_dtype", ["bool", "int8", "uint8", "int32", "uint64"])
def test_every_dtype_of_labels_of_class_1(target_dtype):
    expected = lw.log_loss(P, LABEL)
    assert lw.log_loss(P, LABEL.astype(target_dtype)) == expected == lw.log_loss(P.tolist(), LABEL.tolist())
    if target_dtype != "uint64":
        assert lw.log_loss(torch.tensor(P), torch.tensor(LABEL.astype(target_dtype))).item() == pytest.approx(expected)


def test_class_1_agrees_with_scikit_learn():
    for options in ({}, {"sample_weight": ROW_WEIGHT}):
        expected = metrics.log_loss(LABEL, P, **options)
        np.testing.assert_allclose(lw.log_loss(P, LABEL, **options), expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_derivatives_of_class_1(dtype):
    p = make(P, f"torch {dtype}").requires_grad_()
    exact = np.where(LABEL == 1, -1.0 / values_of(p), 1.0 / (1.0 - values_of(p)))
    (gradient,) = torch.autograd.grad(lw.log_loss(p, torch.tensor(LABEL), reduction="sum"), p)
    check_ulp(values_of(gradient), exact, dtype, VALUE_ULP[dtype])


def test_every_way_of_differentiating_class_1():
    p, y = torch.tensor(P).requires_grad_(), torch.tensor(LABEL)
    weight = torch.tensor(OPTIONS["class weights"]["class_weight"]).requires_grad_()

    def loss(p, weight):
        return lw.log_loss(p, y, class_weight=weight, reduction="none")

    assert torch.autograd.gradcheck(loss, (p, weight), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(loss, (p, weight))
    (expected,) = torch.autograd.grad(lw.log_loss(p, y), p)
    torch.testing.assert_close(torch.func.grad(lw.log_loss)(p, y), expected, rtol=1e-14, atol=0.0)
    compiled = torch.compile(lambda p, y: lw.log_loss(p, y), backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(torch.autograd.grad(compiled(p, y), p)[0], expected, rtol=1e-14, atol=0.0)
    rows = torch.func.vmap(lw.log_loss)(p.detach().reshape(4, 10), y.reshape(4, 10))
    for row, found in enumerate(rows):
        assert found.item() == pytest.approx(lw.log_loss(P.reshape(4, 10)[row], LABEL.reshape(4, 10)[row]), rel=1e-14)


@pytest.mark.parametrize("framework", ["numpy", "torch"])
@pytest.mark.parametrize("poison", [np.nan, -1.0, 2.0, np.inf])
def test_what_takes_no_part_is_not_read(framework, poison):
    spoiled = np.array([0.5, poison, 0.25, poison])
    target, weight = np.array([1, -100, 0, 7]), np.array([1.0, 1.0, 1.0, 0.0])
    p = like(framework, spoiled)
    if framework == "torch":
        p.requires_grad_()
    found = lw.log_loss(p, like(framework, target), sample_weight=like(framework, weight))
    np.testing.assert_allclose(values_of(found), (np.log(2.0) - np.log(0.75)) / 2, rtol=1e-15)
    if framework == "torch":
        assert torch.autograd.grad(found, p)[0].tolist() == [-1.0, 0.0, pytest.approx(2.0 / 3.0), 0.0]


@pytest.mark.parametrize("kind", KINDS)
def test_rounding_errors_of_class_1(kind):
    step = {"float16": 2.0**-10, "bfloat16": 2.0**-7}.get(kind.split()[1], 2.0**-23)
    rounded = make(np.array([1.0 + step, -step, 0.5]), kind)
    losses = values_of(lw.log_loss(rounded, like(kind, np.array([1, 0, 1])), reduction="none"))
    assert losses[:2].tolist() == [0.0, 0.0]


def test_one_dimension_with_another_target_is_a_single_row():
    row = np.array([0.7, 0.2, 0.1])
    assert lw.log_loss(row, np.array(0)) == lw.log_loss(row, np.array([1.0, 0.0, 0.0])) == lw.log_loss(row[None], [0])
    assert lw.log_loss(row, "b", labels=["a", "b", "c"]) == lw.log_loss(row[None], [1])
    assert lw.log_loss([0.25], [1]) == np.log(4.0)
    with pytest.warns(lw.NoRowsWarning):
        assert lw.log_loss([], np.array([], int)) == 0.0


@pytest.mark.filterwarnings("ignore::logitwise.ImpossibleTargetWarning")
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_certain_and_wrong_is_infinite_unless_its_weight_is_0(framework):
    for rows, (p, y) in {True: ([[0.0, 1.0], [1.0, 0.0]], [0, 0]), False: ([1.0, 0.0], [0, 0])}.items():
        p = like(framework, np.array(p))
        if framework == "torch":
            p.requires_grad_()
        y, none = like(framework, np.array(y)), like(framework, np.array([0.0, 1.0]))
        assert values_of(lw.log_loss(p, y)) == np.inf
        with pytest.warns(lw.NoRowsWarning):
            loss = lw.log_loss(p, y, class_weight=none)
        assert values_of(loss) == 0.0
        if framework == "torch":
            assert torch.autograd.grad(loss, p)[0].isfinite().all(), rows


# --- labels -----------------------------------------------------------------------------------------------------------

NAMES = {
    "texts": ["cat", "bird", "dog"],
    "a text and numbers": ["1", 1, 2.5],
    "integers": [30, -7, 2],
    "floats": [0.5, 2.0, -1.0],
    "texts of NumPy": np.array(["cat", "bird", "dog"]),
}
SHARES, INDEX = GENERATOR.dirichlet(np.ones(3), 30), GENERATOR.integers(0, 3, 30)


@pytest.mark.parametrize("kind", ["numpy float32", "torch float64"])
@pytest.mark.parametrize("names", NAMES)
def test_labels_are_indices_by_name(names, kind):
    labels, options = NAMES[names], converted(kind, {"sample_weight": np.arange(30) % 3 / 2.0})
    target = [labels[i] for i in INDEX]
    expected = lw.log_loss(make(SHARES, kind), like(kind, INDEX), **options)
    for given in (target, np.array(target, object), tuple(target)):
        assert lw.log_loss(make(SHARES, kind), given, labels=labels, **options) == expected
    if not isinstance(labels, list):
        assert lw.log_loss(make(SHARES, kind), labels[INDEX], labels=tuple(labels), **options) == expected
    shaped = np.array(target, object).reshape(5, 6)
    probabilities = make(np.moveaxis(SHARES.reshape(5, 6, 3), -1, 1), kind)
    found = lw.log_loss(probabilities, shaped, labels=labels, axis=1, reduction="none")
    assert tuple(found.shape) == (5, 6)


def test_labels_agree_with_scikit_learn():
    for labels in (["a", "b", "c"], [-2, 5, 9]):
        target = [labels[i] for i in INDEX]
        np.testing.assert_allclose(
            lw.log_loss(SHARES, target, labels=labels), metrics.log_loss(target, SHARES, labels=labels), rtol=1e-13
        )
    said = LABEL == 1
    for target, labels in ((said, [False, True]), (np.where(said, "yes", "no"), ["no", "yes"])):
        expected = metrics.log_loss(target, P, labels=labels)
        np.testing.assert_allclose(lw.log_loss(P, target, labels=labels), expected, rtol=1e-13)
        np.testing.assert_allclose(lw.log_loss(of_both_classes(P), target, labels=labels), expected, rtol=1e-12)


def test_labels_of_tensors():
    p, y = torch.tensor(SHARES), torch.tensor(INDEX)
    expected = lw.log_loss(p, y)
    assert lw.log_loss(p, y * 10 + 3, labels=[3, 13, 23]) == expected
    assert lw.log_loss(p, y * 10 + 3, labels=torch.tensor([3, 13, 23])) == expected
    with pytest.raises(lw.InvalidTypeError, match=r"^labels must be None where torch compiles or"):
        torch.func.vmap(lambda p, y: lw.log_loss(p, y, labels=[0, 1, 2]))(p, y)


@pytest.mark.parametrize("kind", ["numpy float64", "torch float64"])
def test_rows_of_other_labels_are_left_out_by_weight_or_ignore_index(kind):
    p, weight = make(SHARES[:4], kind), like(kind, np.array([1.0, 0.0, 1.0, 1.0]))
    target, labels = ["dog", "unknown", -1, "cat"], ["bird", "cat", "dog"]
    found = lw.log_loss(p, target, labels=labels, sample_weight=weight, ignore_index=-1, reduction="none")
    np.testing.assert_allclose(values_of(found), [-np.log(SHARES[0, 2]), 0, 0, -np.log(SHARES[3, 1])], rtol=1e-15)
    # An index is no label: that of "cat" is not ignored.
    assert lw.log_loss(p[:1], ["cat"], labels=labels, ignore_index=1) == lw.log_loss(p[:1], like(kind, np.array([1])))


ANIMALS = ["bird", "cat", "dog"]
MISTAKES = {
    "an unknown label": (
        {"target": ["cat", "dgo", "dgo"], "labels": ANIMALS},
        "target must be one of labels, 'bird', 'cat', 'dog'; got 'dgo' at row 1 (2 such rows). Did you mean 'dog'?",
    ),
    "no label at all": (
        {"target": ["cat", None, "dog"], "labels": ANIMALS},
        "target must be one of labels, 'bird', 'cat', 'dog'; got None at row 1.",
    ),
    "a list for a label": (
        {"target": ["cat", ["dog"], "dog"], "labels": ANIMALS},
        "target must be one of labels, 'bird', 'cat', 'dog'; got ['dog'] at row 1.",
    ),
    "too few labels": (
        {"target": ["cat", "dog", "dog"], "labels": ANIMALS[1:]},
        "labels must name each of the 3 classes of probabilities, in order; got 2 labels.",
    ),
    "a label twice": (
        {"target": ["cat", "dog", "dog"], "labels": ["dog", "cat", "dog"]},
        "labels must be distinct; got 'dog' at positions 0 and 2.",
    ),
    "labels that are equal": (
        {"target": [1, 2, 2], "labels": [1, True, 2]},
        "labels must be distinct; got True at positions 0 and 1.",
    ),
    "a label to ignore": (
        {"target": [1, 2, 2], "labels": [1, 2, -100]},
        "labels must differ from ignore_index; got -100. Pass another ignore_index=; to leave a class out, give its "
        "rows a sample_weight of 0.",
    ),
    "labels without an order": (
        {"target": ["cat", "dog", "dog"], "labels": dict.fromkeys(ANIMALS)},
        "labels must be a sequence, with the label of each class in order; got {'bird': None, 'cat': None, 'dog': "
        "None} of type dict.",
    ),
    "one text for labels": (
        {"target": ["c", "d", "d"], "labels": "bcd"},
        "labels must be a sequence, with the label of each class in order; got 'bcd' of type str.",
    ),
    "a list among labels": (
        {"target": ["cat", "dog", "dog"], "labels": ["cat", ["bird"], "dog"]},
        "labels must be texts, numbers or booleans; got ['bird'] of type list at position 1.",
    ),
    "texts without labels": (
        {"target": ["cat", "dog", "dog"]},
        "target must be class indices, or labels that labels= names; got 'cat'. Pass labels=, the label of each class "
        "in order.",
    ),
    "a text for each column": (
        {"target": ["dog", "cat", "bird"]},
        "target must be class indices, or labels that labels= names; got 'dog'. Pass labels=, the label of each class "
        "in order. If the columns are in sorted order, that is labels=['bird', 'cat', 'dog'].",
    ),
    "a label too many": (
        {"target": ["dog", "cat"], "labels": ANIMALS},
        "target must have one of labels for each row, shape (3,); got shape (2,).",
    ),
}


@pytest.mark.parametrize("framework", ["numpy", "torch"])
@pytest.mark.parametrize(("call", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(call, message, framework):
    with pytest.raises(lw.InvalidArgumentError, match=f"^{re.escape(message)}$"):
        lw.log_loss(like(framework, SHARES[:3]), **call)


def test_mistakes_of_class_1():
    advice = "The index is the class of a single row, of which the probabilities of all classes are given."
    requirement = "have a label for each of the 3 probabilities of class 1, or be one index"
    message = re.escape(f"target must {requirement}; got shape (2,). {advice}")
    with pytest.raises(lw.InvalidValueError, match=f"^{message}$"):
        lw.log_loss([0.9, 0.1, 0.8], [1, 0])
    for wrong, where in ((np.nan, "nan"), (1.5, "1.5"), (-0.5, "-0.5")):
        advice = "If they are logits, use binary_cross_entropy_with_logits."
        message = re.escape(f"probabilities must be in [0, 1]; got {where} at index 1. {advice}")
        for framework in ("numpy", "torch"):
            with pytest.raises(lw.InvalidValueError, match=f"^{message}$"):
                lw.log_loss(like(framework, np.array([0.9, wrong])), like(framework, np.array([1, 0])))


WARNED = {
    "classes of one row": (
        lambda: lw.log_loss([0.7, 0.2, 0.1], [1, 0, 0]),
        lw.OneHotTargetWarning,
        "target of an integer dtype must hold the label of each probability of class 1; got a single 1 beside 3 "
        "probabilities that sum to 1. If they are the classes of one row, pass target=0, or the same target in a "
        "floating dtype.",
    ),
    "probabilities of class 1 for classes": (
        lambda: lw.log_loss([0.9, 0.1, 0.8], [1.0, 0.0, 0.0]),
        lw.UnnormalizedProbabilitiesWarning,
        "probabilities must sum to 1 over the classes; got 1.8 at row 0. If they are probabilities of class 1, pass a "
        "target of integers or booleans, one for each.",
    ),
    "class 0 that cannot be": (
        lambda: lw.log_loss(torch.tensor([0.7, 1.0, 0.0]), torch.tensor([0, 0, 1])),
        lw.ImpossibleTargetWarning,
        "probabilities must be above 0 for class 1, and below 1 for class 0; got 1 for class 0 at row 1 (2 such rows). "
        "The loss is infinite: compute it from the logits with binary_cross_entropy_with_logits, for which no "
        "probability is rounded to 0.",
    ),
}


@pytest.mark.parametrize(("call", "category", "message"), WARNED.values(), ids=WARNED)
def test_warnings(call, category, message):
    with pytest.warns(category, match=f"^{re.escape(message)}$"):
        call()
    with lw.checks("off"):
        call()


# --- blocks -----------------------------------------------------------------------------------------------------------

MANY = lw.softmax(GENERATOR.standard_normal((3000, 700)).astype(np.float32))


def test_large_arrays_in_any_layout_have_the_same_bits():
    index, weight = GENERATOR.integers(0, 700, 3000), GENERATOR.random(700)
    soft = MANY[::-1].copy()
    deep = np.moveaxis(MANY.reshape(3, 1000, 700), -1, 1)
    for target, shaped in ((index, index.reshape(3, 1000)), (soft, np.moveaxis(soft.reshape(3, 1000, 700), -1, 1))):
        expected = lw.log_loss(MANY, target, class_weight=weight, reduction="none")
        for row in (0, 1499, 2999):
            assert lw.log_loss(MANY[row], target[row], class_weight=weight, reduction="none") == expected[row]
        exact = -np.log(MANY[[0, 1499, 2999]].astype(np.longdouble)) * (
            soft[[0, 1499, 2999]] if target is soft else np.eye(700)[index[[0, 1499, 2999]]]
        )
        check_ulp(expected[[0, 1499, 2999]], (exact * weight).sum(-1).astype(float), "float32", VALUE_ULP["float32"])
        turned = target.T if target is soft else target
        for found in (
            lw.log_loss(np.asfortranarray(MANY), target, class_weight=weight, reduction="none"),
            lw.log_loss(MANY.T, turned, axis=0, class_weight=weight, reduction="none"),
            lw.log_loss(deep, shaped, axis=1, class_weight=weight, reduction="none").reshape(-1),
        ):
            np.testing.assert_array_equal(found, expected)
        mean = lw.log_loss(MANY, target, class_weight=weight)
        assert lw.log_loss(MANY.T, turned, axis=0, class_weight=weight) == mean
        tensors = [torch.from_numpy(each) for each in (MANY, target, weight)]
        of_tensors = lw.log_loss(*tensors[:2], class_weight=tensors[2], reduction="none")
        check_ulp(values_of(of_tensors), values_of(expected), "float32", 1.0)


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_an_entry_out_of_range_in_any_block_is_found(framework):
    for row in (0, 1500, 2999):
        wrong = MANY.copy()
        wrong[row, 3] = 1.01
        for p, axis, index in ((wrong, 1, (row, 3)), (wrong.T, 0, (3, row))):
            message = rf"^probabilities must be in \[0, 1\]; got 1\.00999.* at index {re.escape(str(index))}"
            with pytest.raises(lw.InvalidValueError, match=message):
                lw.log_loss(like(framework, p), like(framework, np.zeros(3000, int)), axis=axis)


def test_memory():
    index, soft = GENERATOR.integers(0, 700, 3000), MANY[::-1].copy()
    weights = {"class_weight": np.ones(700), "sample_weight": np.ones(3000)}
    for p, target, options, most in (
        (MANY, index, {}, 0.05),
        (MANY, index, weights, 0.05),
        (np.asfortranarray(MANY), index, weights, 0.3),  # two blocks
        (torch.from_numpy(MANY), torch.from_numpy(index), {}, 0.05),
        (MANY, soft, weights, 1.5),
    ):
        lw.log_loss(p[:5], target[:5])
        tracemalloc.start()
        lw.log_loss(p, target, **options)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < most * MANY.nbytes


# --- derivatives where a coefficient is 0 -----------------------------------------------------------------------------


def test_a_soft_target_of_0_and_a_weight_of_0_have_derivatives():
    p = torch.tensor([[0.2, 0.3, 0.5]], dtype=torch.float64)
    y = torch.tensor([[0.5, 0.5, 0.0]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(lw.log_loss(p, y, reduction="sum"), y)
    check_ulp(values_of(gradient), -np.log(values_of(p)), "float64", VALUE_ULP["float64"])
    weight = torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(lw.log_loss(p, torch.tensor([0]), class_weight=weight, reduction="sum"), weight)
    check_ulp(values_of(gradient), np.array([-np.log(0.2), 0.0, 0.0]), "float64", VALUE_ULP["float64"])
