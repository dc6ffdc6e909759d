"""Small batches of tensors in ordinary memory are one compiled call, bit for bit what the general routes give."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nan, tensor

import logitwise as lw

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


def with_gaps(tensor: Tensor) -> Tensor:
    """Return the same numbers in memory that is never a small call."""
    return tensor.detach().repeat_interleave(2, -1)[..., ::2].requires_grad_(tensor.requires_grad)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("shape", [(1, 2), (64, 10), (256, 3), (1500, 3), (7, 400), (6000, 12), (200, 400)], ids=str)
def test_a_small_call_gives_the_bits_of_the_general_routes(shape, options, dtype):
    logits, target = batch(*shape, dtype)
    options = {**options, "ignore_index": options.get("ignore_index", -100)}
    if (target == options["ignore_index"]).all():
        target = (target + 1) % shape[1]
    general = with_gaps(logits)
    assert lw.route_of(logits, target, **options).name == "plain call"
    assert lw.route_of(general, target, **options).name == "recorded kernels"
    small = outcome(logits, target, **options)
    assert same_bits(small, outcome(general, target, **options))
    with torch.no_grad():
        assert lw.route_of(logits, target, **options).name == "plain call"
        assert torch.equal(lw.cross_entropy(logits, target, **options), small[0])


def test_a_second_pass_and_a_recorded_one_give_the_same():
    logits, target = batch(6, 4, torch.float64)
    loss = lw.cross_entropy(logits, target, ignore_index=int(target[0]))
    first, again = (torch.autograd.grad(loss, logits, retain_graph=True)[0] for _ in range(2))
    (recorded,) = torch.autograd.grad(loss, logits, create_graph=True)
    assert lw.route_of(logits, target, ignore_index=int(target[0])).name == "plain call"
    assert torch.equal(first, again)
    torch.testing.assert_close(recorded, first)
    assert recorded.requires_grad


LEFT_TO_THE_GENERAL_ROUTE = {
    "other integers": lambda z, y: (z, y.int(), {}),
    "a class axis elsewhere": lambda z, y: (z.t(), y, {"axis": 0}),
    "one loss a row": lambda z, y: (z, y, {"reduction": "none"}),
    "class weights": lambda z, y: (z, y, {"class_weight": torch.ones(4)}),
    "sample weights": lambda z, y: (z, y, {"sample_weight": torch.ones(6)}),
    "gaps": lambda z, y: (z.repeat_interleave(2, 1)[:, ::2], y, {}),
    "targets with gaps": lambda z, y: (z, y.repeat_interleave(2)[::2], {}),
    "an option of another type": lambda z, y: (z, y, {"label_smoothing": 0}),
    "a distribution": lambda z, y: (z, torch.eye(4)[y], {}),
}


@pytest.mark.parametrize("change", LEFT_TO_THE_GENERAL_ROUTE.values(), ids=LEFT_TO_THE_GENERAL_ROUTE)
def test_what_is_no_small_call_gives_the_same_loss(change):
    logits, target = batch(6, 4, torch.float32)
    plain = lw.cross_entropy(logits, target)
    changed_logits, changed_target, options = change(logits, target)
    assert lw.route_of(changed_logits, changed_target, **options).name == "recorded kernels"
    loss = lw.cross_entropy(changed_logits, changed_target, **options)
    torch.testing.assert_close(loss.mean(), plain)


def test_the_first_axis_of_a_square_is_not_taken_for_the_last():
    logits, target = batch(4, 4, torch.float32)
    assert lw.route_of(logits, target, axis=0).name == "recorded kernels"
    first, last = lw.cross_entropy(logits, target, axis=0), lw.cross_entropy(logits.t(), target)
    assert torch.equal(first, last)
    assert first != lw.cross_entropy(logits, target)


def test_what_is_wrong_is_said_by_the_general_route():
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


# --- functions of logits ----------------------------------------------------------------------------------------------

FUNCTIONS = {
    "softmax": lw.softmax,
    "log_softmax": lw.log_softmax,
    "sigmoid": lw.sigmoid,
    "log_sigmoid": lw.log_sigmoid,
}


def route(function, logits: Tensor, **options) -> str:
    return lw.route_of(logits, function=function, **options).name


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(3, 1), (1, 2), (64, 10), (300, 200), (5000, 30), (4, 6, 5), (7,)], ids=str)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_small_function_of_logits_gives_the_bits_of_the_general_route(function, shape, dtype):
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape))).mul_(4.0).to(dtype)
    general = with_gaps(logits)
    assert (route(function, logits), route(function, general)) == ("plain call", "CPU kernels")
    small = function(logits)
    assert torch.equal(small, function(general))
    assert (small.dtype, small.requires_grad) == (dtype, False)
    with torch.no_grad():
        assert torch.equal(function(logits.clone().requires_grad_()), small)
    with torch.inference_mode():
        assert torch.equal(function(logits), small)


NOT_SMALL = {
    "recorded": (lambda z: z.clone().requires_grad_(), "recorded kernels"),
    "gaps": (with_gaps, "CPU kernels"),
    "transposed": (lambda z: z.t().contiguous().t(), "CPU kernels"),
    "none": (lambda z: z[:0], "CPU kernels"),
    "zeros without memory": (lambda z: torch._efficientzerotensor(6, 4), "torch operations"),
    "negated": (lambda z: torch.complex(z, -z).conj().imag, "CPU kernels"),
    "a subclass": (lambda z: z.as_subclass(Labelled), "torch operations"),
    "another device": (lambda z: z.to("meta"), "torch operations"),
}


class Labelled(Tensor):
    """A subclass with nothing of its own."""


@pytest.mark.parametrize(("change", "name"), NOT_SMALL.values(), ids=NOT_SMALL)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_other_tensors_take_other_routes(function, change, name):
    logits = batch(6, 4, torch.float32)[0].detach()
    changed = change(logits)
    assert route(function, changed) == name
    result = function(changed)
    assert type(result) is type(changed)
    if not changed.is_meta:
        expected = function(changed.detach().as_subclass(Tensor).double().contiguous())
        torch.testing.assert_close(result.detach().double().as_subclass(Tensor), expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_result_in_out_or_under_a_default_device_is_that_of_the_small_call(function):
    logits = batch(6, 4, torch.float32)[0].detach()
    small, out = function(logits), torch.empty(6, 4)
    assert function(logits, out=out) is out
    assert torch.equal(out, small)
    with torch.device("meta"):
        assert route(function, logits) == "CPU kernels"
        result = function(logits)
    assert result.is_cpu
    assert torch.equal(result, small)


def test_freed_memory_is_not_read_by_a_small_call():
    logits = torch.ones(6, 4)
    logits.untyped_storage().resize_(0)
    for function in FUNCTIONS.values():
        with pytest.raises(ValueError, match="logits must be allocated"):
            function(logits)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_transforms_are_no_small_calls(function):
    logits = batch(6, 4, torch.float64)[0].detach()
    with torch.autograd.forward_ad.dual_level():
        assert route(function, logits) == "torch operations"
    kept = []
    torch.func.grad(lambda z: kept.append(z * 1.0) or z.sum())(logits)
    assert route(function, kept[0]) == "torch operations"
    torch.testing.assert_close(function(kept[0]), function(logits))


@pytest.mark.parametrize("rows", [64, 7000])
def test_a_loss_of_any_size_says_what_is_wrong(rows):
    logits, target = batch(rows, 10, torch.float32)
    wrong = target.clone()
    wrong[7] = 10
    with pytest.raises(ValueError, match=r"^target must be in \[0, 9\]; got 10 at row 7\."):
        lw.cross_entropy(logits, wrong)
    with pytest.warns(lw.ProbabilitiesAsLogitsWarning, match=f"all {rows} rows lie in"):
        lw.cross_entropy(logits.softmax(1).detach(), target)
    spoiled = logits.detach().clone()
    spoiled[9, 3] = nan
    with pytest.warns(lw.NotFiniteWarning, match="row 9"):
        assert lw.cross_entropy(spoiled, target).isnan()


@pytest.mark.parametrize("rows", [64, 7000])
def test_a_mask_and_ignored_rows_of_any_size(rows):
    logits, target = batch(rows, 10, torch.float64)
    mask = torch.arange(10) != 3
    target[target == 3] = -100
    loss = lw.cross_entropy(logits, target, mask=mask)
    used = target >= 0
    expected = torch.nn.functional.cross_entropy(logits.masked_fill(~mask, -torch.inf)[used], target[used])
    torch.testing.assert_close(loss, expected, rtol=1e-14, atol=0.0)


@pytest.mark.parametrize("shape", [(6, 4), (3000, 20)], ids=str)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_an_out_is_filled_with_the_bits_of_a_new_tensor(function, shape):
    logits = batch(*shape, torch.float32)[0].detach()
    expected = function(logits)
    out = torch.empty_like(logits)
    assert function(logits, out=out) is out
    assert torch.equal(out, expected)
    memory = torch.zeros(logits.numel() + shape[1])  # `out` lies one row behind the logits, or is the logits
    logits_ahead, behind = memory[shape[1] :].view(shape), memory[: -shape[1]].view(shape)
    logits_ahead.copy_(logits)
    assert torch.equal(function(logits_ahead, out=behind), expected)
    own = logits.clone()
    assert torch.equal(function(own, out=own), expected)
    with pytest.raises(TypeError, match="out must have the dtype of the result"):
        function(logits, out=out.double())
    with pytest.raises(ValueError, match="out must have the shape of the result"):
        function(logits, out=out[:1])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("classes", [8, 64, 300])
def test_squares_are_plain_unless_the_target_fits_their_columns(classes, dtype):
    logits, target = batch(classes, classes, dtype)
    assert lw.route_of(logits, target).name == "plain call"
    assert same_bits(outcome(logits, target), outcome(with_gaps(logits), target))
    columns = logits.detach().argmax(0)
    columns[9:10] = -100  # not a class of its column, and not counted
    with pytest.warns(lw.AxisWarning, match="along which the target is the class of the largest logit in"):
        lw.cross_entropy(logits, columns)
    if dtype in (torch.float32, torch.float64):
        with pytest.warns(lw.AxisWarning):
            lw.cross_entropy(logits.detach().numpy(), columns.numpy())
        assert lw.route_of(logits.detach().numpy(), target.numpy()).name == "plain call"


@pytest.mark.parametrize("loss", [lw.cross_entropy, lw.focal_loss], ids=["cross_entropy", "focal_loss"])
@pytest.mark.parametrize("classes", [8, 64, 200, 1000])
def test_a_transposed_square_of_any_size_is_noticed(classes, loss):
    logits = torch.randn(classes, classes, generator=torch.Generator().manual_seed(classes))
    columns = logits.argmax(0)
    columns[10::20] = (columns[10::20] + 1) % classes  # some are not the largest of their columns
    with pytest.warns(lw.AxisWarning, match="along which the target is the class of the largest logit in"):
        loss(logits, columns)
    target = torch.arange(classes)
    assert lw.route_of(logits, target, function=loss).name == "plain call"
