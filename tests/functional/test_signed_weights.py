"""Weights of either sign, as policy gradients have them: accepted unless a mean would divide by their sum."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

import logitwise as lw
from functional.budgets import VALUE_ULP, check_ulp
from functional.inputs import KINDS, make, values_of

GENERATOR = np.random.default_rng(16)
LOGITS = GENERATOR.normal(size=(6, 4)) * 3
INDICES = np.array([0, 3, 1, 2, -100, 3])
SOFT = GENERATOR.dirichlet(np.ones(4), 6)
OF_CLASSES = np.array([1.0, -0.5, 0.25, -2.0])
OF_ROWS = np.array([-1.0, 0.5, 2.0, -0.25, 1.0, -3.0])
OF_ELEMENTS = np.array([-1.0, 0.5, 2.0, -0.25])
REDUCTIONS = [{"reduction": "none"}, {"reduction": "sum"}, {"normalizer": 2.5}]
ADVICE = (
    "The mean divides by the sum of the weights, which may be near 0 if they have both signs: pass reduction='sum' or "
    "'none', or to the function what to divide by, as normalizer=."
)


def like(kind: str, *arrays: np.ndarray) -> list:
    """Return arrays of a kind, integers as they are; weights here are exact in any dtype."""
    framework = kind.split()[0]
    return [
        make(array, kind) if array.dtype.kind == "f" else (torch.tensor(array) if framework == "torch" else array)
        for array in arrays
    ]


def reduced(losses: torch.Tensor, reduction: str = "mean", normalizer: float = 1.0) -> torch.Tensor:
    return losses if reduction == "none" else losses.sum() / normalizer


def check(found: tuple, losses: torch.Tensor, logits: torch.Tensor, options: dict, dtype: str) -> None:
    """Compare a loss and its gradient with those of torch in float64, to the size of what was added up."""
    expected = reduced(losses, **options)
    (gradient,) = torch.autograd.grad(expected.sum(), logits, retain_graph=True)
    size = losses.detach().abs().sum().item()
    for ours, exact in zip(found, (expected.detach(), gradient), strict=True):
        check_ulp(values_of(ours), exact.numpy(), dtype, VALUE_ULP[dtype], scale=size)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", REDUCTIONS, ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
@pytest.mark.parametrize("target", [INDICES, SOFT], ids=["indices", "soft"])
@pytest.mark.parametrize("weights", ["class", "rows", "both"])
def test_cross_entropy_takes_weights_of_either_sign(weights, target, smoothing, options, kind):
    logits, target, of_classes, of_rows = like(kind, LOGITS, target, OF_CLASSES, OF_ROWS)
    given = {"class": {"class_weight": of_classes}, "rows": {"sample_weight": of_rows}}
    given["both"] = {**given["class"], **given["rows"]}
    arguments = {**given[weights], **options, "label_smoothing": smoothing}
    wide = torch.tensor(values_of(logits), requires_grad=True)
    exact_target = torch.tensor(values_of(target)) if target.ndim == 2 else torch.tensor(INDICES)
    class_weight = None if weights == "rows" else torch.tensor(OF_CLASSES)
    losses = cross_entropy(wide, exact_target, class_weight, label_smoothing=smoothing, reduction="none")
    losses = losses if weights == "class" else losses * torch.tensor(OF_ROWS)
    found = lw.cross_entropy_and_gradient(logits, target, **arguments)
    check(found, losses, wide, options, kind.split()[1])
    np.testing.assert_array_equal(values_of(lw.cross_entropy(logits, target, **arguments)), values_of(found[0]))
    if isinstance(logits, torch.Tensor):
        logits.requires_grad_()
        recorded = lw.cross_entropy(logits, target, **arguments)
        (gradient,) = torch.autograd.grad(recorded.sum(), logits, create_graph=True)
        check((recorded, gradient), losses, wide, options, kind.split()[1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", REDUCTIONS, ids=str)
@pytest.mark.parametrize("weights", ["sample_weight", "pos_weight", "both"])
def test_binary_cross_entropy_takes_weights_of_either_sign(weights, options, kind):
    logits, target, weight = like(kind, LOGITS, SOFT, OF_ELEMENTS)
    names = ("sample_weight", "pos_weight") if weights == "both" else (weights,)
    wide = torch.tensor(values_of(logits), requires_grad=True)
    exact = {"weight" if name == "sample_weight" else name: torch.tensor(OF_ELEMENTS) for name in names}
    losses = binary_cross_entropy_with_logits(wide, torch.tensor(values_of(target)), **exact, reduction="none")
    found = lw.binary_cross_entropy_with_logits_and_gradient(logits, target, **dict.fromkeys(names, weight), **options)
    check(found, losses, wide, options, kind.split()[1])


@pytest.mark.parametrize("options", REDUCTIONS, ids=str)
@pytest.mark.parametrize("kind", ["numpy float64", "torch float64"])
def test_log_loss_takes_weights_of_either_sign(kind, options):
    probabilities, target, weight = like(kind, lw.softmax(LOGITS), INDICES, OF_ROWS)
    losses = values_of(lw.log_loss(probabilities, target, reduction="none")) * OF_ROWS
    found = values_of(lw.log_loss(probabilities, target, sample_weight=weight, **options))
    check_ulp(found, reduced(torch.tensor(losses), **options).numpy(), "float64", VALUE_ULP["float64"], scale=20.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["class_weight", "sample_weight"])
def test_a_mean_refuses_negative_weights_and_says_why(name, kind):
    logits, target, weight = like(kind, LOGITS, INDICES, OF_CLASSES if name == "class_weight" else OF_ROWS)
    place = "-0.5 at index 1 (2 such entries)" if name == "class_weight" else "-1.0 at index 0 (3 such entries)"
    message = f"{name} must be zero or more, and finite; got {place}. {ADVICE}"
    for function in (lw.cross_entropy, lw.cross_entropy_and_gradient):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            function(logits, target, **{name: weight})
    for options in REDUCTIONS:
        weight[0] = np.inf
        with pytest.raises(ValueError, match=rf"^{name} must be finite; got inf at index 0\.$"):
            lw.cross_entropy(logits, target, **{name: weight}, **options)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
@pytest.mark.parametrize("target", [INDICES, SOFT], ids=["indices", "soft"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_modules_follow_torch(reduction, target, smoothing, dtype):
    weight, logits = torch.tensor(OF_CLASSES), torch.tensor(LOGITS).to(dtype)
    target = torch.tensor(target)
    target = target.to(dtype) if target.dtype.is_floating_point else target
    options = {"label_smoothing": smoothing, "reduction": reduction}
    pairs = [("CrossEntropyLoss", {"weight": weight, **options}, target)]
    if target.ndim == 1:
        pairs.append(("NLLLoss", {"weight": weight, "reduction": reduction}, target))
    else:
        pairs.append(("BCEWithLogitsLoss", {"weight": weight, "pos_weight": weight, "reduction": reduction}, target))
    for name, given, labels in pairs:
        ours, theirs = getattr(lw.nn, name)(**given).to(dtype), getattr(torch.nn, name)(**given).double()
        wide = labels.double() if labels.dtype.is_floating_point else labels
        found, expected = ours(logits, labels), theirs(logits.double(), wide)
        assert found.dtype == dtype
        check_ulp(values_of(found), expected.numpy(), str(dtype).removeprefix("torch."), 8, scale=20.0)


def test_in_compiled_code_a_module_refuses_a_mean_and_follows_torch_in_a_sum():
    logits, target, weight = torch.tensor(LOGITS), torch.tensor(INDICES), torch.tensor(OF_CLASSES)
    mean, total = (lw.nn.CrossEntropyLoss(weight, reduction=reduction) for reduction in ("mean", "sum"))
    with pytest.raises(ValueError, match=r"^class_weight must be zero or more"):
        torch.compile(mean, backend="eager", fullgraph=True)(logits, target)
    compiled = torch.compile(total, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(logits, target), total(logits, target))
