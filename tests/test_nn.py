"""The modules of `logitwise.nn`: equal to `torch.nn` where torch is right, and as their docstrings say where not."""

from __future__ import annotations

import inspect
import math
import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nan, tensor
from torch.testing import assert_close

import logitwise as lw
from logitwise import nn

REDUCTIONS = ("mean", "sum", "none")
SHAPES = {"(N, C)": (7, 4), "(C,)": (4,), "(N, C, d1)": (5, 4, 3), "(N, C, d1, d2)": (2, 4, 3, 2)}
CLASS_WEIGHT = tensor([0.5, 1.0, 2.0, 0.25], dtype=torch.float64)
OPTIONS = {
    "plain": {},
    "weight": {"weight": CLASS_WEIGHT},
    "smoothing": {"label_smoothing": 0.1},
    "weight and smoothing": {"weight": CLASS_WEIGHT, "label_smoothing": 0.3},
}
IGNORE = {"ignore_index": {"ignore_index": 1}, "all": {**OPTIONS["weight and smoothing"], "ignore_index": 1}}
ACTIVATIONS = ["Softmax", "LogSoftmax", "Softmax2d", "Sigmoid", "LogSigmoid"]
MODULES = [*ACTIVATIONS, "CrossEntropyLoss", "BCELoss", "BCEWithLogitsLoss", "NLLLoss", "KLDivLoss"]
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def class_indices(shape: tuple[int, ...], classes: int = 4) -> torch.Tensor:
    """Return class indices for logits of `shape`, every class in turn, from class 2 on."""
    rows = shape[:1] + shape[2:] if len(shape) > 1 else ()
    return ((torch.arange(math.prod(rows)) + 2) % classes).reshape(rows)


def value_and_gradient(module: torch.nn.Module, inputs: torch.Tensor, *target: torch.Tensor) -> tuple:
    """Return what a module gives, and the gradient of its sum with uneven weights."""
    inputs = inputs.detach().clone().requires_grad_()
    output = module(inputs, *target)
    (output * torch.arange(1, output.numel() + 1).reshape(output.shape)).sum().backward()
    return output.detach(), inputs.grad


def assert_equal_to_torch(name: str, options: dict, inputs: torch.Tensor, *target: torch.Tensor) -> None:
    ours = value_and_gradient(getattr(nn, name)(**options), inputs, *target)
    assert_close(ours, value_and_gradient(getattr(torch.nn, name)(**options), inputs, *target))
    assert bool(ours[1].any()), "the case must have a gradient to compare"


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("options", [*OPTIONS.values(), *IGNORE.values()], ids=[*OPTIONS, *IGNORE])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_of_class_indices_is_torchs(shape, options, reduction):
    assert_equal_to_torch("CrossEntropyLoss", {**options, "reduction": reduction}, normal(*shape), class_indices(shape))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_of_soft_targets_is_torchs(shape, options, reduction):
    target = normal(*shape, seed=1).softmax(min(1, len(shape) - 1))
    assert_equal_to_torch("CrossEntropyLoss", {**options, "reduction": reduction}, normal(*shape) * 5, target)


@pytest.mark.parametrize("shape", [(6,), (4, 3), (2, 4, 3)])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", ["weight", "pos_weight", None])
def test_binary_cross_entropy_with_logits_is_torchs(shape, reduction, name):
    options = {name: normal(shape[-1], seed=2).exp()} if name else {}
    target = normal(*shape, seed=1).sigmoid()
    assert_equal_to_torch("BCEWithLogitsLoss", {**options, "reduction": reduction}, normal(*shape) * 5, target)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, tensor([0.5, 1.0, 2.0], dtype=torch.float64)], ids=["plain", "weight"])
def test_binary_cross_entropy_of_probabilities_is_torchs(reduction, weight):
    inputs, target = normal(4, 3).sigmoid(), normal(4, 3, seed=1).sigmoid()
    assert_equal_to_torch("BCELoss", {"weight": weight, "reduction": reduction}, inputs, target)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("weight", [None, CLASS_WEIGHT, CLASS_WEIGHT * tensor([1.0, 0.0, 1.0, 1.0])])
@pytest.mark.parametrize("ignore_index", [-100, 1])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_negative_log_likelihood_is_torchs(shape, weight, ignore_index, reduction):
    options = {"weight": weight, "ignore_index": ignore_index, "reduction": reduction}
    inputs = normal(*shape).log_softmax(min(1, len(shape) - 1))
    assert_equal_to_torch("NLLLoss", options, inputs, class_indices(shape))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("weight", [None, CLASS_WEIGHT])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_negative_log_likelihood_of_many_rows_is_accurate(reduction, weight, dtype):
    inputs, target = normal(3000, 4).log_softmax(1).to(dtype), class_indices((3000, 4))
    weight = None if weight is None else weight.to(dtype)
    exact = torch.nn.NLLLoss(None if weight is None else weight.double(), reduction=reduction)(inputs.double(), target)
    found = nn.NLLLoss(weight, reduction=reduction)(inputs, target)
    assert found.dtype == dtype
    assert abs(found.double() / exact - 1.0) <= torch.finfo(dtype).eps


@pytest.mark.parametrize("spoiled", [nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("weight", [None, tensor([1.0, 1.0, 0.0, 1.0], dtype=torch.float64)], ids=["plain", "weight"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_what_has_no_weight_is_not_read_by_negative_log_likelihood(reduction, weight, spoiled):
    inputs, target = normal(4, 4).log_softmax(1), tensor([0, -100, 3, 2 if weight is not None else -100])
    expected = value_and_gradient(nn.NLLLoss(weight, reduction=reduction), inputs, target)
    inputs[1] = spoiled
    inputs[3, 2] = spoiled
    assert_close(value_and_gradient(nn.NLLLoss(weight, reduction=reduction), inputs, target), expected)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("weight", [None, torch.zeros(3)], ids=["all ignored", "no weight"])
def test_negative_log_likelihood_of_no_row_is_zero_with_a_warning(weight, dtype):
    inputs = torch.zeros(2, 3, dtype=dtype)
    target = tensor([-100, -100] if weight is None else [0, 1])
    module = nn.NLLLoss(weight if weight is None else weight.to(dtype))
    for logits, indices in ((inputs, target), (inputs[:0], target[:0])):
        with pytest.warns(lw.NoRowsWarning, match="over one or more rows"):
            loss, gradient = value_and_gradient(module, logits, indices)
        assert loss == 0.0
        assert torch.equal(gradient, torch.zeros_like(logits))
    assert torch.equal(nn.NLLLoss(reduction="none")(inputs[:0], target[:0]), inputs[:0, 0])


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32, torch.uint8])
def test_indices_of_negative_log_likelihood_have_any_integer_dtype(dtype):
    inputs, target = normal(3, 4).log_softmax(1), tensor([2, 0, 3])
    assert nn.NLLLoss()(inputs, target.to(dtype)) == torch.nn.NLLLoss()(inputs, target)


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(6, 4), (2, 4, 3), (4,), (1, 4)])
def test_kl_divergence_is_torchs(shape, dtype, reduction, log_target):
    inputs = normal(6, 4).log_softmax(1).to(dtype) if shape == (1, 4) else normal(*shape).log_softmax(-1).to(dtype)
    target = (normal(*shape, seed=1) * 4).log_softmax(-1)  # (1, 4): one for all rows
    target = (target if log_target else target.exp()).to(dtype)
    ours, theirs = (m.KLDivLoss(reduction=reduction, log_target=log_target) for m in (nn, torch.nn))
    found, expected = (
        value_and_gradient(ours, inputs, target),
        value_and_gradient(theirs, inputs.double(), target.double()),
    )
    assert found[0].dtype == dtype
    assert_close(found, tuple(value.to(dtype) for value in expected), rtol=2 * torch.finfo(dtype).eps, atol=1e-6)


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("absent", [-torch.inf, -3.0, nan])
def test_a_class_without_probability_adds_nothing_to_a_divergence(absent, dtype, reduction, log_target):
    inputs = tensor([[-1.0, -2.0, absent]], dtype=dtype)
    target = tensor([[0.25, 0.75, 0.0]], dtype=dtype)
    module = nn.KLDivLoss(reduction=reduction, log_target=log_target)
    loss, gradient = value_and_gradient(module, inputs, target.log() if log_target else target)
    expected = 0.25 * (math.log(0.25) + 1.0) + 0.75 * (math.log(0.75) + 2.0)
    assert_close(
        loss.sum().double() * (3 if reduction == "mean" else 1), tensor(expected).double(), rtol=1e-2, atol=0.0
    )
    assert gradient[0, 2] == 0.0
    assert gradient.isfinite().all()


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("reduction", ["mean", "batchmean"])
def test_a_divergence_over_nothing_is_zero_with_a_warning(reduction, dtype):
    empty = torch.empty(0, 3, dtype=dtype)
    with pytest.warns(lw.NoRowsWarning, match="over one or more "):
        assert nn.KLDivLoss(reduction=reduction)(empty, empty) == 0.0
    assert nn.KLDivLoss(reduction="sum")(empty, empty) == 0.0


def test_the_mean_of_a_divergence_warns_as_in_torch():
    inputs, target = normal(2, 3).log_softmax(1), normal(2, 3).softmax(1)
    message = (
        "reduction must be 'batchmean' for the divergence per row; got 'mean', which divides by the number of classes "
        "too, as in torch. Pass reduction='batchmean'."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        nn.KLDivLoss()(inputs, target)
    assert [warning.filename for warning in caught] == [__file__]
    compiled = torch.compile(nn.KLDivLoss(), backend="eager", fullgraph=True)
    assert_close(compiled(inputs, target), nn.KLDivLoss(reduction="sum")(inputs, target) / 6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", ["Sigmoid", "LogSigmoid", "Softmax2d"])
def test_the_other_activations_are_torchs(name, dtype):
    for shape in ((2, 4, 3), (2, 3, 4, 2)):
        assert_equal_to_torch(name, {}, (normal(*shape) * 5).to(dtype))


def test_a_sigmoid_keeps_its_tails():
    value, gradient = value_and_gradient(nn.Sigmoid(), tensor([-50.0, 30.0]))
    assert_close(value[0], tensor(math.exp(-50.0)), atol=0.0, rtol=1e-6)
    assert_close(gradient, tensor([math.exp(-50.0), 2 * math.exp(-30.0)]), atol=0.0, rtol=1e-6)
    value, gradient = value_and_gradient(nn.LogSigmoid(), tensor([30.0, -50.0]))
    assert_close(
        (value, gradient), (tensor([-math.exp(-30.0), -50.0]), tensor([math.exp(-30.0), 2.0])), atol=0.0, rtol=1e-6
    )


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_a_sigmoid_of_whole_numbers_is_torchs(dtype):
    assert_close(nn.Sigmoid()(tensor([0, 1, 1]).to(dtype)), torch.nn.Sigmoid()(tensor([0, 1, 1]).to(dtype)))


# Arguments that torch still takes in place of a reduction.
@pytest.mark.filterwarnings("ignore:size_average and reduce args will be deprecated")
@pytest.mark.parametrize("name", ["CrossEntropyLoss", "BCEWithLogitsLoss", "BCELoss", "NLLLoss", "KLDivLoss"])
@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize(
    "options", [{"size_average": False}, {"reduce": False}, {"size_average": True, "reduce": True}]
)
def test_the_arguments_before_reduction_are_torchs(name, options):
    inputs = normal(5, 4).sigmoid()
    target = class_indices((5, 4)) if name in ("CrossEntropyLoss", "NLLLoss") else normal(5, 4, seed=1).sigmoid()
    assert_equal_to_torch(name, options, inputs, target)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_both_weights_of_a_binary_loss_are_torchs(reduction):
    options = {"weight": normal(3, seed=2).exp(), "pos_weight": normal(3, seed=3).exp(), "reduction": reduction}
    assert_equal_to_torch("BCEWithLogitsLoss", options, normal(4, 3) * 5, normal(4, 3, seed=1).sigmoid())
    options["weight"] = normal(4, 1, seed=2).exp()
    assert_equal_to_torch("BCEWithLogitsLoss", options, normal(4, 3) * 5, normal(4, 3, seed=1).sigmoid())


def of_nothing(name: str, dtype: torch.dtype) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Return logits, target and weight of a loss over no rows or elements, in every form of target."""
    shapes = [(0, 3), (0, 3, 2), (2, 3, 0)]
    if name != "CrossEntropyLoss":
        shapes += [(0,), (2, 0)]
    found = []
    for shape in shapes:
        logits, classes = torch.empty(shape, dtype=dtype), shape[1] if name == "CrossEntropyLoss" else shape[-1]
        found.append((logits, torch.empty_like(logits), torch.ones(classes, dtype=dtype)))
        if name == "CrossEntropyLoss":
            found.append((logits, torch.empty(shape[:1] + shape[2:], dtype=torch.int64), found[-1][2]))
    return found


@pytest.mark.parametrize("recorded", [True, False], ids=["gradient", "no gradient"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", ["CrossEntropyLoss", "BCEWithLogitsLoss", "BCELoss"])
def test_a_loss_over_nothing_is_zero_and_a_mean_of_nothing_warns(name, dtype, recorded):
    for logits, target, weight in of_nothing(name, dtype):
        logits.requires_grad_(recorded)
        for options in ({}, {"weight": weight}):
            none = getattr(nn, name)(reduction="none", **options)(logits, target)
            assert not none.numel()
            assert none.shape == getattr(torch.nn, name)(reduction="none", **options)(logits, target).shape
            assert getattr(nn, name)(reduction="sum", **options)(logits, target) == 0.0
            with pytest.warns(lw.NoRowsWarning, match="over one or more .* The mean loss is 0"):
                mean = getattr(nn, name)(**options)(logits, target)
            assert mean == 0.0
            assert mean.dtype == dtype
            if recorded:
                assert torch.autograd.grad(mean, logits)[0].shape == logits.shape


def test_a_mean_of_no_probabilities_is_zero_in_transforms_and_compiled_code():
    empty = torch.empty(2, 0, 3)
    assert torch.compile(nn.BCELoss(), backend="eager", fullgraph=True)(empty, empty) == 0.0
    assert torch.equal(torch.func.vmap(nn.BCELoss())(empty, empty), torch.zeros(2))
    assert torch.func.grad(nn.BCELoss())(empty[0], empty[0]).shape == (0, 3)


def test_the_mean_of_soft_targets_divides_by_rows_where_the_function_divides_by_weights():
    logits, target = normal(6, 4), normal(6, 4, seed=1).softmax(1)
    losses = -(target * CLASS_WEIGHT * logits.log_softmax(1)).sum(1)
    of_weights = losses.sum() / (target * CLASS_WEIGHT).sum()
    assert abs(of_weights - losses.mean()) > 0.01
    assert_close(nn.CrossEntropyLoss(CLASS_WEIGHT)(logits, target), losses.mean())
    assert_close(lw.cross_entropy(logits, target, class_weight=CLASS_WEIGHT), of_weights)
    assert nn.CrossEntropyLoss(CLASS_WEIGHT * 0)(logits, target) == 0.0


@pytest.mark.parametrize("name", MODULES)
def test_whatever_is_no_tensor_is_refused_with_its_type(name):
    module = getattr(nn, name)(dim=1) if name.endswith("Softmax") else getattr(nn, name)()
    others = () if name in ACTIVATIONS else (torch.ones(2, 2),)
    with pytest.raises(TypeError, match=r"^input must be a torch tensor; got list\. Convert with torch\.as_tensor\.$"):
        module([[0.5, 0.5]], *others)
    if others:
        with pytest.raises(
            TypeError, match=r"^target must be a torch tensor; got ndarray\. Convert with torch\.as_tensor\.$"
        ):
            module(torch.ones(2, 2) / 2, torch.ones(2, 2).numpy())


def test_errors_are_those_of_the_functions_in_the_families_of_torchs():
    with pytest.raises(nn.InputError) as raised:
        nn.CrossEntropyLoss()(normal(2, 3), tensor([0, 3]))
    assert isinstance(raised.value, ValueError)
    assert isinstance(raised.value, IndexError)
    assert isinstance(raised.value, RuntimeError)
    with pytest.raises(nn.InputTypeError) as raised:
        nn.Softmax(1)(torch.ones(2, 3, dtype=torch.int64))
    assert isinstance(raised.value, TypeError)
    assert isinstance(raised.value, NotImplementedError)
    assert not isinstance(raised.value, ValueError)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("dim", [0, -1])
def test_a_single_number_is_a_row_of_one_class(name, dim):
    assert torch.equal(getattr(nn, name)(dim)(tensor(3.0)), getattr(torch.nn, name)(dim)(tensor(3.0)))
    with pytest.raises(IndexError, match=r"^dim must be in \[-1, 0\] for logits of 1 axes; got 1\.$"):
        getattr(nn, name)(1)(tensor(3.0))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_targets_of_bceloss_take_the_dtype_of_the_probabilities(dtype):
    inputs = normal(6).sigmoid().to(dtype)
    for target in (tensor([True, False] * 3), tensor([1, 0] * 3), tensor([1.0, 0.0] * 3, dtype=torch.float64)):
        found = nn.BCELoss()(inputs, target)
        assert found.dtype == dtype
        assert torch.equal(found, torch.nn.BCELoss()(inputs, target.to(dtype)))


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("dim", [0, 1, 2, -1, -3])
def test_softmax_is_torchs_on_every_axis(name, dim):
    assert_equal_to_torch(name, {"dim": dim}, normal(3, 4, 2) * 5)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("ndim", [0, 1, 2, 3, 4])
def test_softmax_without_a_dim_takes_torchs_axis_and_warns(name, ndim):
    inputs = normal(2, 3, 4, 2)[(0,) * (4 - ndim)]
    message = "dim must be named; got None, and its implicit choice is deprecated. Pass dim=."
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        ours = getattr(nn, name)()(inputs)
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.warns(UserWarning, match="Implicit dimension choice"):
        assert_close(ours, getattr(torch.nn, name)()(inputs))


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_softmax_without_a_dim_compiles_without_a_warning(name):
    inputs = normal(2, 3, 4)
    compiled = torch.compile(getattr(nn, name)(), backend="eager", fullgraph=True)
    assert_close(compiled(inputs), getattr(nn, name)(0)(inputs))


def test_a_row_without_classes_is_defined_where_torch_gives_nan():
    dead = torch.full((1, 3), -torch.inf)
    assert torch.nn.Softmax(1)(dead).isnan().all()
    assert torch.equal(nn.Softmax(1)(dead), torch.zeros(1, 3))
    assert torch.nn.LogSoftmax(1)(dead).isnan().all()
    assert torch.equal(nn.LogSoftmax(1)(dead), dead)


def test_a_confident_row_keeps_its_loss_and_gradient_where_torch_gives_zero():
    logits, target = tensor([[20.0, 0.0, 0.0]]), tensor([0])
    torch_loss, torch_gradient = value_and_gradient(torch.nn.CrossEntropyLoss(), logits, target)
    assert (torch_loss.item(), torch_gradient[0, 0].item()) == (0.0, 0.0)
    loss, gradient = value_and_gradient(nn.CrossEntropyLoss(), logits, target)
    other = math.exp(-20.0) / (1.0 + 2.0 * math.exp(-20.0))
    assert_close(loss, tensor(math.log1p(2.0 * math.exp(-20.0))), atol=0.0, rtol=1.3e-6)
    assert_close(gradient, tensor([[-2.0 * other, other, other]]), atol=0.0, rtol=1.3e-6)


def test_a_confident_binary_logit_keeps_its_loss_and_gradient():
    loss, gradient = value_and_gradient(nn.BCEWithLogitsLoss(), tensor([-50.0, 50.0]), tensor([0.0, 1.0]))
    assert_close(loss, tensor(math.exp(-50.0)), atol=0.0, rtol=1.3e-6)
    assert_close(gradient, tensor([0.5, -0.5]) * math.exp(-50.0), atol=0.0, rtol=1.3e-6)


@pytest.mark.parametrize("spoiled", [nan, torch.inf, -torch.inf])
def test_an_ignored_row_may_hold_anything(spoiled):
    logits, target = normal(3, 4), tensor([0, -100, 3])
    expected_loss, expected = value_and_gradient(nn.CrossEntropyLoss(), logits[[0, 2]], target[[0, 2]])
    logits[1, 2] = spoiled
    loss, gradient = value_and_gradient(nn.CrossEntropyLoss(), logits, target)
    assert_close((loss, gradient[[0, 2]]), (expected_loss, expected))
    assert torch.equal(gradient[1], torch.zeros(4, dtype=torch.float64))


def test_torch_lets_an_ignored_nan_reach_the_gradient():
    logits = tensor([[0.0, 1.0], [nan, 0.0]])
    _, gradient = value_and_gradient(torch.nn.CrossEntropyLoss(), logits, tensor([0, -100]))
    assert gradient[1].isnan().any()


def test_every_row_ignored_is_zero_with_a_warning_where_torch_gives_nan():
    logits, target = normal(2, 3), tensor([-100, -100])
    assert torch.nn.CrossEntropyLoss()(logits, target).isnan()
    message = (
        "the mean loss must be over one or more rows; got none: all are "
        "ignored or have weight 0, or there are none. The mean loss is 0."
    )
    with pytest.warns(lw.NoRowsWarning, match=f"^{re.escape(message)}$"):
        loss, gradient = value_and_gradient(nn.CrossEntropyLoss(), logits, target)
    assert loss.item() == 0.0
    assert torch.equal(gradient, torch.zeros_like(logits))


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32, torch.uint8])
def test_class_indices_of_any_integer_dtype(dtype):
    logits, target = normal(3, 4), tensor([2, 0, 3])
    assert nn.CrossEntropyLoss()(logits, target.to(dtype)) == nn.CrossEntropyLoss()(logits, target)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.uint8, torch.float32])
def test_binary_targets_of_any_dtype(dtype):
    logits, target = normal(3), tensor([1.0, 0.0, 1.0], dtype=torch.float64)
    assert nn.BCEWithLogitsLoss()(logits, target.to(dtype)) == nn.BCEWithLogitsLoss()(logits, target)


MORE_OPTIONS = {"BCEWithLogitsLoss": ["ignore_index", "missing", "label_smoothing"]}
MORE_OF_A_CALL = {"CrossEntropyLoss": ["mask"]}


@pytest.mark.parametrize("name", MODULES)
def test_arguments_are_torchs(name):
    ours, theirs = getattr(nn, name), getattr(torch.nn, name)
    assert issubclass(ours, theirs)
    arguments, torchs = inspect.signature(ours).parameters, inspect.signature(theirs).parameters
    more = [*arguments.values()][len(torchs) :]
    assert [(a.name, a.default) for a in arguments.values()][: len(torchs)] == [
        (a.name, a.default) for a in torchs.values()
    ]
    assert [argument.name for argument in more] == MORE_OPTIONS.get(name, [])
    assert all(argument.kind is argument.KEYWORD_ONLY for argument in more)
    torchs_call = [*inspect.signature(theirs.forward).parameters]
    assert [*inspect.signature(ours.forward).parameters] == [*torchs_call, *MORE_OF_A_CALL.get(name, [])]
    assert repr(ours()) == repr(theirs())


@pytest.mark.parametrize(
    ("name", "buffers"),
    [
        ("CrossEntropyLoss", ["weight"]),
        ("BCELoss", ["weight"]),
        ("BCEWithLogitsLoss", ["weight", "pos_weight"]),
        ("NLLLoss", ["weight"]),
    ],
)
def test_weights_are_buffers_as_in_torch(name, buffers):
    ours, theirs = (getattr(module, name)(**{buffer: torch.ones(4) for buffer in buffers}) for module in (nn, torch.nn))
    assert list(ours.state_dict()) == list(theirs.state_dict()) == buffers
    saved = {buffer: torch.arange(4.0) for buffer in buffers}
    ours.load_state_dict(saved)
    assert_close(dict(ours.state_dict()), saved)


ERRORS = {
    "class out of range": (
        lambda: nn.CrossEntropyLoss()(normal(2, 3), tensor([0, 3])),
        "target must be in [0, 2]; got 3 at row 1. If classes are counted from 1, subtract 1.",
    ),
    "one class": (
        lambda: nn.CrossEntropyLoss()(normal(2, 1), tensor([0, 0])),
        "logits must have at least 2 classes on axis 1; got shape (2, 1). With one class the loss is always 0: "
        "for a binary problem with one logit per row, use BCEWithLogitsLoss.",
    ),
    "a single number": (
        lambda: nn.CrossEntropyLoss()(tensor(1.0), tensor(0)),
        "logits must have at least one axis, the one of the classes; got a single number.",
    ),
    "negative soft target": (
        lambda: nn.CrossEntropyLoss()(normal(1, 2), tensor([[1.5, -0.5]])),
        "target must be zero or more, and finite; got -0.5 at index (0, 1).",
    ),
    "binary target above 1": (
        lambda: nn.BCEWithLogitsLoss()(normal(2), tensor([0.0, 2.0])),
        "target must be in [0, 1]; got 2.0 at index 1.",
    ),
    "logits where probabilities belong": (
        lambda: nn.BCELoss()(tensor([0.5, -3.0, 7.0]), torch.ones(3)),
        "input must be in [0, 1]; got -3.0 at index 1 (2 such entries). If they are logits, use BCEWithLogitsLoss.",
    ),
    "NaN where a probability belongs": (
        lambda: nn.BCELoss()(tensor([nan]), torch.ones(1)),
        "input must be in [0, 1]; got nan at index 0. If they are logits, use BCEWithLogitsLoss.",
    ),
    "target of BCELoss above 1": (
        lambda: nn.BCELoss()(tensor([0.5]), tensor([2.0])),
        "target must be in [0, 1]; got 2.0 at index 0.",
    ),
    "negative target of a divergence": (
        lambda: nn.KLDivLoss(reduction="sum")(torch.zeros(2), tensor([0.5, -0.5])),
        "target must be zero or more, and finite; got -0.5 at index 1.",
    ),
    "a reduction of NLLLoss that does not exist": (
        lambda: nn.NLLLoss(reduction="batchmean")(normal(2, 3), tensor([0, 1])),
        "reduction must be one of 'mean', 'sum', 'none'; got 'batchmean'.",
    ),
    "shapes that differ": (
        lambda: nn.BCELoss()(tensor([0.5]), torch.ones(1, 1)),
        "target must have the shape of input, (1,); got (1, 1). Reshape one of them.",
    ),
    "no features": (lambda: nn.FeedForward(0, 5, 3), "n_features must be 1 or more; got 0."),
    "empty hidden layer": (lambda: nn.FeedForward(4, (5, 0), 3), "hidden must be 1 or more; got 0."),
    "no outputs": (lambda: nn.FeedForward(4, (), -1), "n_outputs must be 1 or more; got -1."),
}


@pytest.mark.parametrize(("call", "message"), ERRORS.values(), ids=ERRORS)
def test_a_bad_value_is_a_sentence(call, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()


@pytest.mark.parametrize("module", [nn.BCELoss(), nn.BCEWithLogitsLoss()], ids=["BCELoss", "BCEWithLogitsLoss"])
def test_a_complex_binary_target_is_a_sentence(module):
    message = "target must be booleans, integers 0 and 1, or probabilities; got dtype complex64."
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        module(tensor([0.5]), tensor([1j]))


@pytest.mark.parametrize(
    ("hidden", "widths"), [((), [784, 3]), (5, [784, 5, 3]), ((5,), [784, 5, 3]), ([6, 4], [784, 6, 4, 3])]
)
def test_a_network_has_linear_layers_with_relu_between(hidden, widths):
    network = nn.FeedForward(784, hidden, 3)
    linear = [layer for layer in network.layers if isinstance(layer, torch.nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == list(pairwise(widths))
    assert [type(layer).__name__ for layer in network.layers] == (["Linear", "ReLU"] * len(linear))[:-1]
    count = sum((n_in + 1) * n_out for n_in, n_out in pairwise(widths))
    assert sum(parameter.numel() for parameter in network.parameters()) == count


def test_a_network_flattens_images_and_returns_logits():
    torch.manual_seed(0)
    network, images = nn.FeedForward(28 * 28, 5, 3), normal(2, 28, 28).float()
    first, _, last = network.layers
    hidden = (images.reshape(2, 784) @ first.weight.T + first.bias).clamp(min=0.0)
    assert_close(network(images), hidden @ last.weight.T + last.bias)
    assert_close(network(images), network(images.reshape(2, 784)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((True, 5, 3), "n_features must be a whole number of units; got True."),
        ((4.0, 5, 3), "n_features must be a whole number of units; got 4.0."),
        ((4, (5, "6"), 3), "hidden must be a whole number of units; got '6'."),
        ((4, 5.0, 3), "hidden must be a whole number of units; got 5.0."),
        ((4, 5, None), "n_outputs must be a whole number of units; got None."),
    ],
)
def test_sizes_of_a_network_are_whole_numbers(arguments, message):
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        nn.FeedForward(*arguments)


def test_sizes_of_a_network_may_be_numbers_of_numpy():
    network = nn.FeedForward(np.int64(4), (np.int32(1),), np.uint8(1))
    assert [tuple(parameter.shape) for parameter in network.parameters()] == [(1, 4), (1,), (1, 1), (1,)]


@pytest.mark.parametrize("n_outputs", [1, 2, 3])
def test_probabilities_of_a_network_are_the_sigmoid_or_the_softmax(n_outputs):
    torch.manual_seed(0)
    network, inputs = nn.FeedForward(4, 5, n_outputs), normal(6, 4).float()
    logits = network(inputs)
    expected = logits.sigmoid() if n_outputs == 1 else logits.softmax(1)
    probabilities = network.probabilities(inputs)
    assert not probabilities.requires_grad
    assert_close(probabilities, expected.detach())


@pytest.mark.parametrize(("n_outputs", "module"), [(1, nn.BCEWithLogitsLoss()), (3, nn.CrossEntropyLoss())])
def test_a_network_learns_by_plain_descent(n_outputs, module):
    torch.manual_seed(0)
    network, inputs = nn.FeedForward(4, 8, n_outputs), normal(60, 4).float()
    target = inputs[:, :3].argmax(1) if n_outputs == 3 else (inputs[:, :1] > 0).float()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    losses = []
    for _ in range(100):
        loss = module(network(inputs), target)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.3 * losses[0]


BAD = {
    "integer logits": (
        "CrossEntropyLoss",
        lambda: (torch.ones(2, 3, dtype=torch.int64), tensor([0, 1])),
        "logits must be a tensor of dtype",
    ),
    "boolean target": ("CrossEntropyLoss", lambda: (normal(2, 3), tensor([True, False])), "target must be integers"),
    "target out of range": ("CrossEntropyLoss", lambda: (normal(2, 3), tensor([0, 3])), "target must be in"),
    "negative target": ("CrossEntropyLoss", lambda: (normal(2, 3), tensor([0, -1])), "target must be in"),
    "too many targets": (
        "CrossEntropyLoss",
        lambda: (normal(2, 3), tensor([0, 1, 2])),
        "target must have the shape of logits without axis 1",
    ),
    "one-hot integers": (
        "CrossEntropyLoss",
        lambda: (normal(2, 3), torch.eye(3, dtype=torch.int64)[:2]),
        "target must have the shape of logits without axis 1",
    ),
    "soft target of another shape": (
        "CrossEntropyLoss",
        lambda: (normal(2, 3), torch.ones(2, 4)),
        "target must have the shape of logits",
    ),
    "sparse logits": (
        "CrossEntropyLoss",
        lambda: (normal(2, 3).to_sparse(), tensor([0, 1])),
        "logits must be a dense tensor",
    ),
    "complex logits": (
        "CrossEntropyLoss",
        lambda: (normal(2, 3) * 1j, tensor([0, 1])),
        "logits must be a tensor of dtype",
    ),
    "another device": (
        "CrossEntropyLoss",
        lambda: (normal(2, 3), tensor([0, 1], device="meta")),
        "target must be on the device",
    ),
    "an array": ("CrossEntropyLoss", lambda: (normal(2, 3).numpy(), tensor([0, 1])), "input must be a torch tensor"),
    "a target that is a list": ("CrossEntropyLoss", lambda: (normal(2, 3), [0, 1]), "target must be a torch tensor"),
    "logits of BCELoss": ("BCELoss", lambda: (tensor([2.0]), tensor([1.0])), "input must be in"),
    "shapes of BCELoss": (
        "BCELoss",
        lambda: (tensor([0.5]), tensor([1.0, 1.0])),
        "target must have the shape of input",
    ),
    "shapes of BCEWithLogitsLoss": (
        "BCEWithLogitsLoss",
        lambda: (normal(2), torch.ones(3)),
        "target must have the shape of logits",
    ),
    "log-probabilities with a soft target": (
        "NLLLoss",
        lambda: (normal(2, 3), torch.ones(2, 3)),
        "target must be class indices, of an integer dtype; got dtype torch.float32. For a distribution",
    ),
    "index of NLLLoss out of range": ("NLLLoss", lambda: (normal(2, 3), tensor([0, 3])), "target must be in"),
    "shapes of NLLLoss": (
        "NLLLoss",
        lambda: (normal(2, 3), tensor([0, 1, 2])),
        "target must have the shape of input without axis 1",
    ),
    "shapes of KLDivLoss": (
        "KLDivLoss",
        lambda: (normal(2, 3), torch.ones(2, 4)),
        "target must broadcast to the shape of input",
    ),
    "images of two axes": ("Softmax2d", lambda: (normal(2, 3),), "input must have the shape"),
    "integers of LogSigmoid": ("LogSigmoid", lambda: (tensor([1, 2]),), "logits must be a tensor of dtype"),
    "an axis too far": ("Softmax", lambda: (normal(3),), "dim must be in"),
    "integers of Softmax": (
        "Softmax",
        lambda: (torch.ones(2, 3, dtype=torch.int64),),
        "logits must be a tensor of dtype",
    ),
}


@pytest.mark.parametrize(("name", "make", "sentence"), BAD.values(), ids=BAD)
def test_what_catches_torchs_error_catches_ours(name, make, sentence):
    options = {"Softmax": {"dim": 1}, "KLDivLoss": {"reduction": "sum"}}.get(name, {})
    with pytest.raises((RuntimeError, ValueError, IndexError, TypeError, NotImplementedError)) as theirs:
        getattr(torch.nn, name)(**options)(*make())
    with pytest.raises(theirs.type, match=f"^{sentence}"):
        getattr(nn, name)(**options)(*make())


@pytest.mark.parametrize("name", ["weight", "target"])
def test_class_weights_and_targets_on_another_device_are_a_sentence(name):
    weight = torch.ones(3, device="meta") if name == "weight" else None
    target = tensor([0, 1], device="meta" if name == "target" else "cpu")
    with pytest.raises(ValueError, match=f"^{name} must be on the device of logits, cpu; got meta\\. Move it"):
        nn.CrossEntropyLoss(weight=weight)(normal(2, 3), target)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("gamma", [0, 2, 1.5])
def test_a_focal_loss_is_the_formula(gamma, reduction, shape):
    """As it is written with torch's operations, in float64 and where no tail is lost."""
    inputs, target = normal(*shape), class_indices(shape)
    ours = value_and_gradient(nn.FocalLoss(gamma=gamma, reduction=reduction), inputs, target)

    def textbook(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        surprise = torch.nn.functional.cross_entropy(z, t, reduction="none")
        losses = (1 - torch.exp(-surprise)) ** gamma * surprise
        return losses if reduction == "none" else getattr(losses, reduction)()

    assert_close(ours, value_and_gradient(textbook, inputs, target))
    labels = (inputs > 0).double()
    ours = value_and_gradient(nn.BinaryFocalLossWithLogits(gamma, reduction=reduction), inputs, labels)

    def binary_textbook(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        surprise = torch.nn.functional.binary_cross_entropy_with_logits(z, t, reduction="none")
        losses = (1 - torch.exp(-surprise)) ** gamma * surprise
        return losses if reduction == "none" else getattr(losses, reduction)()

    assert_close(ours, value_and_gradient(binary_textbook, inputs, labels))


def test_the_options_of_focal_losses_are_those_of_the_functions():
    inputs, target = normal(5, 4), tensor([0, 1, 2, 3, -1])
    module = nn.FocalLoss(1.5, weight=CLASS_WEIGHT, ignore_index=-1, label_smoothing=0.2)
    expected = lw.focal_loss(inputs, target, gamma=1.5, class_weight=CLASS_WEIGHT, ignore_index=-1, label_smoothing=0.2)
    assert torch.equal(module(inputs, target), expected)
    assert repr(module) == "FocalLoss(gamma=1.5, reduction='mean')"
    assert [*module.state_dict()] == ["weight"]
    labels = torch.where(inputs > 1, -1.0, (inputs > 0).double())
    labels[0, 0] = nan
    module = nn.BinaryFocalLossWithLogits(
        0.5, weight=CLASS_WEIGHT, pos_weight=CLASS_WEIGHT, ignore_index=-1, missing="ignore"
    )
    expected = lw.binary_focal_loss_with_logits(
        inputs, labels, gamma=0.5, sample_weight=CLASS_WEIGHT, pos_weight=CLASS_WEIGHT, ignore_index=-1,
        missing="ignore",
    )  # fmt: skip
    assert torch.equal(module(inputs, labels), expected)
    assert repr(module) == "BinaryFocalLossWithLogits(gamma=0.5, reduction='mean')"
    assert [*module.state_dict()] == ["weight", "pos_weight"]


@pytest.mark.parametrize(("name", "target"), [("FocalLoss", tensor([0, 1])), ("BinaryFocalLossWithLogits", None)])
def test_focal_losses_are_traced_and_scripted(name, target):
    module, inputs = getattr(nn, name)(gamma=2), normal(2, 3)
    target = torch.ones(2, 3, dtype=torch.float64) if target is None else target
    expected = module(inputs, target)
    assert torch.equal(torch.fx.symbolic_trace(module)(inputs, target), expected)
    assert torch.equal(torch.jit.script(module)(inputs, target), expected)
    with pytest.raises(nn.InputTypeError, match="target must be a torch tensor"):
        module(inputs, [0, 1])
