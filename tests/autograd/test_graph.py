"""What autograd promises about a graph: passes repeated, inputs changed in place, nothing saved, hooks, subclasses."""

from __future__ import annotations

import re
import warnings
import weakref

import pytest
import torch
from torch import Tensor, tensor
from torch.testing import assert_close

import logitwise as lw

TARGET = tensor([0, 2, 1, 0])
FUNCTIONS = {
    "softmax": lw.softmax,
    "log_softmax": lw.log_softmax,
    "logsumexp": lw.logsumexp,
    "sigmoid": lw.sigmoid,
    "log_sigmoid": lw.log_sigmoid,
    "cross_entropy": lambda z: lw.cross_entropy(z, TARGET),
    "binary": lambda z: lw.binary_cross_entropy_with_logits(z, torch.full((4, 3), 0.25, dtype=z.dtype)),
}
LOSSES = {name: FUNCTIONS[name] for name in ("cross_entropy", "binary")}


def normal(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def gradient_of(function, logits: Tensor) -> Tensor:
    leaf = logits.detach().clone().requires_grad_()
    return torch.autograd.grad(function(leaf).sum(), leaf)[0]


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_graph_that_is_kept_gives_the_same_gradient_again(function):
    leaf = normal(4, 3).requires_grad_()
    output = function(leaf).sum() * 3.0
    gradients = [torch.autograd.grad(output, leaf, retain_graph=True)[0] for _ in range(3)]
    assert torch.equal(gradients[0], gradients[1])
    assert torch.equal(gradients[0], gradients[2])
    assert_close(gradients[0], 3.0 * gradient_of(function, leaf))


@pytest.mark.parametrize("function", LOSSES.values(), ids=LOSSES)
def test_gradients_of_two_passes_add_up_in_the_leaf(function):
    leaf = normal(4, 3).requires_grad_()
    loss = function(leaf)
    loss.backward(retain_graph=True)
    first = leaf.grad.clone()
    loss.backward()
    assert torch.equal(leaf.grad, 2.0 * first)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_graph_is_freed_after_a_pass(function):
    leaf = normal(4, 3).requires_grad_()
    output = function(leaf).sum()
    output.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        output.backward()


def test_a_loss_that_is_kept_does_not_keep_the_logits():
    leaf = normal(4, 3).requires_grad_()
    hidden = leaf * 1.0
    alive = weakref.ref(hidden)
    loss = lw.cross_entropy(hidden, TARGET)
    del hidden
    loss.backward()
    assert alive() is None
    assert loss.item() > 0.0


@pytest.mark.parametrize("name", ["sigmoid", "log_sigmoid", "logsumexp"])
def test_logits_changed_in_place_before_the_backward_pass_are_noticed(name):
    hidden = normal(4, 3).requires_grad_() * 1.0
    output = FUNCTIONS[name](hidden).sum()
    hidden.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.backward()


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_a_result_changed_in_place_before_the_backward_pass_is_noticed(name):
    output = FUNCTIONS[name](normal(4, 3).requires_grad_())
    output.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_nothing_is_saved_where_no_gradient_is_asked(function):
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        plain = function(normal(4, 3))
        with torch.no_grad():
            silent = function(normal(4, 3).requires_grad_())
        assert not saved
        recorded = function(normal(4, 3).requires_grad_())
    assert saved
    assert not plain.requires_grad
    assert not silent.requires_grad
    assert_close(plain, recorded.detach())
    assert_close(plain, silent)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_inference_mode_computes_the_same(function):
    with torch.inference_mode():
        inferred = function(normal(4, 3))
    assert_close(inferred.clone(), function(normal(4, 3)))


def test_hooks_see_the_gradient_and_may_change_it():
    hidden = normal(4, 3).requires_grad_() * 1.0
    seen = []
    hidden.register_hook(lambda g: seen.append(g.clone()) or g * 2.0)
    leaf_gradient = torch.autograd.grad(lw.cross_entropy(hidden, TARGET), hidden)[0]
    assert torch.equal(seen[0] * 2.0, leaf_gradient)
    assert_close(seen[0], gradient_of(LOSSES["cross_entropy"], normal(4, 3)))


def test_saved_tensors_may_be_moved_away_and_back():
    leaf = normal(4, 3).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.numpy(force=True).copy(), torch.from_numpy):
        loss = lw.cross_entropy(leaf, TARGET)
    loss.backward(retain_graph=True)
    first = leaf.grad.clone()
    loss.backward()
    assert torch.equal(leaf.grad, 2.0 * first)


LAYOUTS = {
    "transposed": lambda z: z.t().contiguous().t(),
    "every other": lambda z: z.repeat_interleave(2, 1)[:, ::2],
    "offset": lambda z: torch.cat([z[:1], z])[1:],
}


@pytest.mark.parametrize("arrange", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_strides_change_nothing(function, arrange):
    logits = normal(4, 3)
    arranged = arrange(logits).requires_grad_()
    (gradient,) = torch.autograd.grad(function(arranged).sum(), arranged)
    assert torch.equal(arranged.detach(), logits)
    assert_close(gradient, gradient_of(function, logits))


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_rows_that_share_memory_add_up(function):
    row = normal(1, 3).requires_grad_()
    (shared,) = torch.autograd.grad(function(row.expand(4, 3)).sum(), row)
    assert_close(shared, gradient_of(function, row.detach().repeat(4, 1)).sum(0, keepdim=True))


@pytest.mark.parametrize("outer", ["a number", "one a row"])
def test_what_comes_after_the_loss_scales_its_gradient(outer):
    leaf, scale = normal(4, 3).requires_grad_(), tensor([1.0, -2.0, 0.0, 3.5], dtype=torch.float64)
    losses = lw.cross_entropy(leaf, TARGET, reduction="none")
    (gradient,) = torch.autograd.grad((losses * scale).sum() if outer == "one a row" else losses.sum() * -2.0, leaf)
    rows = scale[:, None] if outer == "one a row" else -2.0
    assert_close(gradient, gradient_of(lambda z: lw.cross_entropy(z, TARGET, reduction="sum"), leaf) * rows)


class Labelled(Tensor):
    """A subclass with nothing of its own."""


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_subclass_stays_one_and_computes_the_same(function):
    output = function(normal(4, 3).as_subclass(Labelled))
    assert type(output) is Labelled
    assert_close(output.as_subclass(Tensor), function(normal(4, 3)))


def test_parameters_are_ordinary_tensors():
    parameter = torch.nn.Parameter(normal(4, 3))
    lw.cross_entropy(parameter, TARGET).backward()
    assert_close(parameter.grad, gradient_of(LOSSES["cross_entropy"], parameter))


def test_meta_tensors_have_shapes():
    for function in (lw.softmax, lw.logsumexp):
        assert function(normal(4, 3).to("meta")).shape == function(normal(4, 3)).shape
    logits, target = normal(4, 3).to("meta"), TARGET.to("meta")
    assert lw.cross_entropy(logits, target, reduction="none").shape == (4,)


REFUSED = {
    "sparse": (
        lambda: normal(4, 3).to_sparse(),
        "logits must be a dense tensor; got layout torch.sparse_coo. Convert with .to_dense().",
    ),
    "integers": (
        lambda: torch.ones(4, 3, dtype=torch.int64),
        "logits must be a tensor of dtype float16, bfloat16, float32 or float64; got torch.int64. "
        "Convert with .float().",
    ),
    "complex": (
        lambda: torch.ones(4, 3, dtype=torch.complex64),
        "logits must be a tensor of dtype float16, bfloat16, float32 or float64; got torch.complex64. "
        "Convert with .float().",
    ),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_what_has_no_meaning_is_refused(function, make, message):
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        function(make())


def test_quantized_logits_are_refused():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own deprecation of quantized tensors
        quantized = torch.quantize_per_tensor(torch.ones(4, 3), 0.1, 0, torch.quint8)
        with pytest.raises(TypeError, match=r"got torch\.quint8"):
            lw.cross_entropy(quantized, TARGET)


def test_a_small_model_learns_as_with_torchs_loss():
    curves = []
    for loss_of in (lw.nn.CrossEntropyLoss(label_smoothing=0.05), torch.nn.CrossEntropyLoss(label_smoothing=0.05)):
        torch.manual_seed(0)
        model = lw.nn.FeedForward(6, (16,), 4)
        inputs = normal(64, 6, dtype=torch.float32)
        target = inputs[:, :4].argmax(1)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        losses = []
        for _ in range(60):
            loss = loss_of(model(inputs), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        curves.append(losses)
    assert_close(tensor(curves[0]), tensor(curves[1]), rtol=1e-4, atol=1e-6)
    assert curves[0][-1] < 0.5 * curves[0][0]


ROW_SUMS_OF_ONE = torch.full((4, 3), 1 / 3, dtype=torch.float64)
FILLING = {
    "softmax": lambda z, out: lw.softmax(z, out=out),
    "softmax over both axes": lambda z, out: lw.softmax(z, axis=(0, 1), out=out),
    "softmax at a temperature near 0": lambda z, out: lw.softmax(z, temperature=1e-300, out=out),
    "log_softmax": lambda z, out: lw.log_softmax(z, out=out),
    "sigmoid": lambda z, out: lw.sigmoid(z, out=out),
    "log_sigmoid": lambda z, out: lw.log_sigmoid(z, out=out),
    "cross_entropy": lambda z, out: lw.cross_entropy_and_gradient(z, TARGET, out=out),
    "focal_loss": lambda z, out: lw.focal_loss_and_gradient(z, TARGET, gamma=2.0, out=out),
    "binary": lambda z, out: lw.binary_cross_entropy_with_logits_and_gradient(z, ROW_SUMS_OF_ONE, out=out),
    "binary focal": lambda z, out: lw.binary_focal_loss_with_logits_and_gradient(
        z, ROW_SUMS_OF_ONE, gamma=2.0, out=out
    ),
    "entropy": lambda z, out: lw.entropy_and_gradient(z, out=out),
    "kl_divergence": lambda z, out: lw.kl_divergence_and_gradient(z, target_probabilities=ROW_SUMS_OF_ONE, out=out),
}


@pytest.mark.parametrize("is_wide", [False, True], ids=["gate", "general"])
@pytest.mark.parametrize("fill", FILLING.values(), ids=FILLING)
def test_an_out_that_a_backward_pass_needs_is_noticed(fill, is_wide):
    """Kernels write into `out` by its address, where torch does not see it."""
    logits = normal(4, 6)[:, ::2] if is_wide else normal(4, 3)
    leaf, out = normal(4, 3).requires_grad_(), torch.ones(4, 3, dtype=torch.float64)
    product = (leaf * out).sum()
    fill(logits, out)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()
