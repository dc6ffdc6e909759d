"""Binary losses of a target for each logit take the gate: the same bits as the general routes, the same sentences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import logitwise as lw

LOSSES = {
    "cross-entropy": (lw.binary_cross_entropy_with_logits, lw.binary_cross_entropy_with_logits_and_gradient, {}),
    "smoothing": (
        lw.binary_cross_entropy_with_logits,
        lw.binary_cross_entropy_with_logits_and_gradient,
        {"label_smoothing": 0.1},
    ),
    "sum": (
        lw.binary_cross_entropy_with_logits,
        lw.binary_cross_entropy_with_logits_and_gradient,
        {"reduction": "sum"},
    ),
    "normalizer": (
        lw.binary_cross_entropy_with_logits,
        lw.binary_cross_entropy_with_logits_and_gradient,
        {"normalizer": 7},
    ),
    "focal": (lw.binary_focal_loss_with_logits, lw.binary_focal_loss_with_logits_and_gradient, {}),
    "focal, gamma": (
        lw.binary_focal_loss_with_logits,
        lw.binary_focal_loss_with_logits_and_gradient,
        {"gamma": 3, "reduction": "sum"},
    ),
}
SHAPES = [(2,), (6, 4), (3, 5, 7), (1025,), (700, 30), (300, 200)]
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]


def inputs(shape: tuple[int, ...], dtype: torch.dtype, soft: bool) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(sum(shape))
    logits = torch.randn(shape, generator=generator, dtype=torch.float64).mul_(4.0).to(dtype)
    target = torch.rand(shape, generator=generator, dtype=torch.float64)
    return logits, (target if soft else (target < 0.3)).to(dtype)


def with_gaps(tensor: Tensor) -> Tensor:
    return tensor.repeat_interleave(2, -1)[..., ::2]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("function", "with_gradient", "options"), LOSSES.values(), ids=LOSSES)
def test_tensors_get_the_bits_of_the_general_routes(function, with_gradient, options, shape, dtype):
    for soft in (False, True):
        logits, target = inputs(shape, dtype, soft)
        leaf, general = logits.clone().requires_grad_(), with_gaps(logits).requires_grad_()
        assert lw.route_of(leaf, target, function=function, **options).name == "plain call"
        assert lw.route_of(general, target, function=function, **options).name == "recorded kernels"
        loss, expected = function(leaf, target, **options), function(general, target, **options)
        assert loss.dtype == dtype
        assert torch.equal(loss, expected)
        (2.5 * loss).backward()
        (2.5 * expected).backward()
        assert torch.equal(leaf.grad, general.grad)
        without, gradient = with_gradient(logits, target, **options)
        assert torch.equal(without, loss.detach())
        assert torch.equal(gradient, with_gradient(with_gaps(logits), target, **options)[1])
        out = torch.empty_like(logits)
        assert with_gradient(logits, target, out=out, **options)[1] is out
        assert torch.equal(out, gradient)
        assert torch.equal(with_gradient(logits, target, out=logits, **options)[1], gradient)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("function", "with_gradient", "options"), LOSSES.values(), ids=LOSSES)
def test_arrays_get_the_bits_of_tensors(function, with_gradient, options, shape, dtype):
    tensors = inputs(shape, getattr(torch, dtype), soft=True)
    logits, target = (tensor.numpy() for tensor in tensors)
    assert lw.route_of(logits, target, function=function, **options).name == "plain call"
    loss, gradient = with_gradient(logits, target, **options)
    assert type(loss) is np.dtype(dtype).type
    assert loss == function(logits, target, **options) == function(*tensors, **options).item()
    np.testing.assert_array_equal(gradient, with_gradient(*tensors, **options)[1].numpy())
    assert with_gradient(logits, target, out=logits, **options)[1] is logits
    np.testing.assert_array_equal(logits, gradient)


NOT_PLAIN = {
    "sample weights": lambda z, y: (z, y, {"sample_weight": torch.ones(6, 4)}),
    "positive weights": lambda z, y: (z, y, {"pos_weight": torch.ones(4)}),
    "one loss an element": lambda z, y: (z, y, {"reduction": "none"}),
    "missing labels": lambda z, y: (z, y, {"missing": "ignore"}),
    "a label that is ignored": lambda z, y: (z, y, {"ignore_index": -1}),
    "integers": lambda z, y: (z, y.long(), {}),
    "another dtype": lambda z, y: (z, y.double(), {}),
    "targets with gaps": lambda z, y: (z, with_gaps(y), {}),
    "logits with gaps": lambda z, y: (with_gaps(z), y, {}),
    "a target that is broadcast": lambda z, y: (z, y[:1].expand(6, 4), {}),
}


@pytest.mark.parametrize("change", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_what_is_not_plain_gives_the_same_loss(change):
    logits, target = inputs((6, 4), torch.float32, soft=False)
    target = target[:1].expand(6, 4).contiguous()
    plain = lw.binary_cross_entropy_with_logits(logits, target)
    changed_logits, changed_target, options = change(logits, target)
    function = lw.binary_cross_entropy_with_logits
    assert lw.route_of(changed_logits, changed_target, function=function, **options).name == "CPU kernels"
    loss = function(changed_logits, changed_target, **options).mean()
    torch.testing.assert_close(loss, plain)


def test_a_target_with_a_gradient_is_differentiated():
    logits, target = inputs((6, 4), torch.float64, soft=True)
    target.requires_grad_()
    assert lw.route_of(logits, target, function=lw.binary_cross_entropy_with_logits).name == "torch operations"
    lw.binary_cross_entropy_with_logits(logits, target).backward()
    torch.testing.assert_close(target.grad, -logits / logits.numel())


@pytest.mark.parametrize("shape", [(6, 4), (3000, 20)], ids=str)
def test_what_is_wrong_is_said(shape):
    logits, target = inputs(shape, torch.float32, soft=False)
    for arguments in ((logits, target), (logits.numpy(), target.numpy())):
        wrong = arguments[1] * 1.0
        wrong[2, 3] = 2.0
        with pytest.raises(ValueError, match=r"^target must be in \[0, 1\]; got 2\.0 at index \(2, 3\)|row 2"):
            lw.binary_cross_entropy_with_logits(arguments[0], wrong)
    with pytest.warns(lw.ProbabilitiesAsLogitsWarning, match="Remove the softmax"):
        lw.binary_cross_entropy_with_logits(logits.softmax(-1), target)
    leaf = logits.clone().requires_grad_()
    with pytest.warns(lw.ProbabilitiesAsLogitsWarning, match="Remove that sigmoid"):
        lw.binary_cross_entropy_with_logits(leaf.sigmoid(), target)
    spoiled = logits.clone()
    spoiled[2, 3] = torch.nan
    with pytest.warns(lw.NotFiniteWarning, match="row 2|index"):
        assert lw.binary_cross_entropy_with_logits(spoiled, target).isnan()


def test_a_second_pass_and_a_recorded_one_give_the_same():
    logits, target = inputs((6, 4), torch.float64, soft=True)
    logits.requires_grad_()
    loss = lw.binary_cross_entropy_with_logits(logits, target, label_smoothing=0.2)
    first, again = (torch.autograd.grad(loss, logits, retain_graph=True)[0] for _ in range(2))
    (recorded,) = torch.autograd.grad(loss, logits, create_graph=True)
    assert torch.equal(first, again)
    torch.testing.assert_close(recorded, first)
    assert recorded.requires_grad
