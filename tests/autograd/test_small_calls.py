"""Small batches in ordinary memory are one compiled call: bit for bit what the general way gives, or left to it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nan, tensor

import logitwise as lw
from logitwise.functional import _autograd

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
OPTIONS = {
    "mean": {},
    "sum": {"reduction": "sum"},
    "ignored rows": {"ignore_index": 2},
    "smoothing": {"label_smoothing": 0.1},
    "z-loss": {"z_loss": 0.01, "reduction": "sum"},
    "normalizer": {"normalizer": 64},
}


def batch(rows: int, classes: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(rows + classes)
    logits = torch.randn(rows, classes, generator=generator).mul_(4.0).to(dtype).requires_grad_()
    return logits, torch.randint(0, classes, (rows,), generator=generator)


def outcome(logits: Tensor, target: Tensor, **options) -> tuple[Tensor, Tensor]:
    loss = lw.cross_entropy(logits, target, **options)
    return loss.detach(), torch.autograd.grad(3.0 * loss, logits)[0]


def same_bits(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> bool:
    return all(torch.equal(x, y) and x.dtype == y.dtype for x, y in zip(a, b, strict=True))


@pytest.fixture
def ways(monkeypatch):
    """Count the calls that the short way answered."""
    answers = []
    short = _autograd.short_cross_entropy

    def counted(*arguments):
        answers.append(short(*arguments))
        return answers[-1]

    monkeypatch.setattr(_autograd, "short_cross_entropy", counted)
    return answers


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("shape", [(1, 2), (64, 10), (256, 3), (1500, 3), (7, 400)], ids=str)
def test_the_short_way_gives_the_same_bits(shape, options, dtype, ways, monkeypatch):
    logits, target = batch(*shape, dtype)
    options = {**options, "ignore_index": options.get("ignore_index", -100)}
    if (target == options["ignore_index"]).all():
        target = (target + 1) % shape[1]
    short = outcome(logits, target, **options)
    with torch.no_grad():
        value = lw.cross_entropy(logits, target, **options)
    assert [answer is None for answer in ways] == [False, False]
    monkeypatch.setattr(_autograd, "short_cross_entropy", lambda *_: None)
    assert same_bits(short, outcome(logits, target, **options))
    assert torch.equal(value, short[0])


def test_a_second_pass_and_a_recorded_one_give_the_same(ways):
    logits, target = batch(6, 4, torch.float64)
    loss = lw.cross_entropy(logits, target, ignore_index=int(target[0]))
    first, again = (torch.autograd.grad(loss, logits, retain_graph=True)[0] for _ in range(2))
    (recorded,) = torch.autograd.grad(loss, logits, create_graph=True)
    assert ways[0] is not None
    assert torch.equal(first, again)
    torch.testing.assert_close(recorded, first)
    assert recorded.requires_grad


LEFT_TO_THE_GENERAL_WAY = {
    "other integers": lambda z, y: (z, y.int(), {}),
    "a class axis elsewhere": lambda z, y: (z.t(), y, {"axis": 0}),
    "one loss a row": lambda z, y: (z, y, {"reduction": "none"}),
    "class weights": lambda z, y: (z, y, {"class_weight": torch.ones(4)}),
    "sample weights": lambda z, y: (z, y, {"sample_weight": torch.ones(6)}),
    "gaps": lambda z, y: (z.repeat_interleave(2, 1)[:, ::2], y, {}),
    "targets with gaps": lambda z, y: (z, y.repeat_interleave(2)[::2], {}),
    "an option of another type": lambda z, y: (z, y, {"label_smoothing": 0}),
    "a distribution": lambda z, y: (z, torch.eye(4)[y], {}),
    "many logits": lambda z, y: (z.repeat(5000, 1), y.repeat(5000), {}),
}


@pytest.mark.parametrize("change", LEFT_TO_THE_GENERAL_WAY.values(), ids=LEFT_TO_THE_GENERAL_WAY)
def test_what_the_short_way_does_not_serve_gives_the_same_loss(change, ways):
    logits, target = batch(6, 4, torch.float32)
    plain = lw.cross_entropy(logits, target)
    changed_logits, changed_target, options = change(logits, target)
    loss = lw.cross_entropy(changed_logits, changed_target, **options)
    assert [answer is None for answer in ways] == [False, True]
    torch.testing.assert_close(loss.mean(), plain)


def test_what_is_wrong_is_said_by_the_general_way(ways):
    logits, target = batch(3, 4, torch.float32)
    with pytest.raises(ValueError, match=r"^target must be in \[0, 3\]; got 4 at row 1\."):
        lw.cross_entropy(logits, tensor([0, 4, 1]))
    with pytest.warns(lw.NoRowsWarning):
        assert lw.cross_entropy(logits, tensor([-100, -100, -100])) == 0.0
    with pytest.raises(TypeError, match="axis must be an integer; got True"):
        lw.cross_entropy(logits, target, axis=True)
    for name, value in (("label_smoothing", 1.5), ("z_loss", -1.0), ("normalizer", 0)):
        with pytest.raises(ValueError, match=f"^{name} must be"):
            lw.cross_entropy(logits, target, **{name: value})
    assert ways == [None] * 2 + ways[2:]


def test_an_ignored_row_may_hold_nan():
    logits = tensor([[0.0, 1.0], [nan, nan]], requires_grad=True)
    loss, gradient = outcome(logits, tensor([0, -100]))
    assert loss == lw.cross_entropy(logits[:1], tensor([0]))
    assert torch.equal(gradient[1], torch.zeros(2))


def test_an_empty_tensor_of_zeros_without_memory_is_not_read():
    zeros = torch._efficientzerotensor(2, 3)
    torch.testing.assert_close(lw.cross_entropy(zeros, tensor([0, 1])), torch.log(tensor(3.0)))


@pytest.mark.parametrize("shift", [-8, 0, 8, 300 * 7 * 4 - 8])
def test_a_gradient_is_not_written_over_what_is_still_read(shift):
    """Tensors made from one NumPy memory have storages of their own, which overlap all the same."""
    rows, size = 300, 300 * 7 * 4  # several blocks of rows: the first is written before the last is read
    logits, target = batch(rows, 7, torch.float32)
    logits = logits.detach()
    expected = lw.cross_entropy_and_gradient(logits, target)
    memory = np.zeros(3 * size, np.uint8)
    shared, out = (
        torch.from_numpy(memory[start : start + size].view(np.float32).reshape(rows, 7))
        for start in (size, size + shift)
    )
    shared.copy_(logits)
    assert same_bits(lw.cross_entropy_and_gradient(shared, target, out=out), expected)
    indices = torch.from_numpy(memory[: 8 * rows].view(np.int64))
    indices.copy_(target)
    out = torch.from_numpy(memory[8 : 8 + size].view(np.float32).reshape(rows, 7))
    assert same_bits(lw.cross_entropy_and_gradient(logits, indices, out=out), expected)
