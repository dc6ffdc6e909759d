"""mask= of the cross-entropies: the loss of a row is that of the classes which take part, alone, by every route."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

import logitwise as lw
from functional import oracle
from functional.budgets import GRADIENT_ULP, REFERENCE_ULP, VALUE_ULP, check_ulp
from functional.inputs import KINDS, loss_inputs, make, stored, values_of
from logitwise import reference
from logitwise._arrays import Layout
from logitwise.functional._memory.arrays import mask_of

INF, NAN = np.inf, np.nan
CASES = ["five classes", "sixteen classes", "wide spread", "confident", "masked by -inf", "one row of 1000"]
OPTIONS = ["plain", "smoothing", "z-loss", "everything"]
POISON = [NAN, INF, -INF, 1e4]

pytestmark = pytest.mark.filterwarnings("ignore::logitwise.ImpossibleTargetWarning")


def mask_for(target: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return a mask that leaves the classes of the target, and about half of the others."""
    mask = np.random.default_rng(shape[1]).random(shape) < 0.5
    if target.ndim == 2:
        return mask | (target > 0)
    mask[np.arange(len(target)), np.maximum(target, 0)] = True
    return mask


def poisoned(logits: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the logits with numbers that must not be read at masked classes."""
    return np.where(mask, logits, np.resize(POISON, logits.shape))


def like(array: np.ndarray, kind: str) -> Any:
    return torch.tensor(array) if kind.startswith("torch") else array


@cache
def question(name: str, option: str, soft: bool) -> tuple[np.ndarray, dict[str, Any], oracle.Loss, np.ndarray]:
    """Return the target, the options and the question of a case, and its mask, under which there is no target."""
    target, options, asked = loss_inputs(name, option, soft)
    if soft:
        target = np.where(np.random.default_rng(5).random(target.shape) < 0.5, 0.0, target)
        target[:, 0] += 1.0 - target.sum(1)
        asked = oracle.Loss(target, asked.class_weight, asked.sample_weight, asked.smoothing, asked.z_loss)
    return target, options, asked, mask_for(target, asked.distribution.shape)


@cache
def exact(name: str, dtype: str, option: str, soft: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the exact losses and gradients of a case: each row is computed without its masked classes."""
    logits, (_, _, asked, mask) = stored(name, dtype), question(name, option, soft)
    losses, gradient = np.zeros(len(logits)), np.zeros(logits.shape)
    for i, taken in enumerate(mask):
        row = oracle.Loss(
            asked.distribution[i : i + 1, taken], asked.class_weight[taken], asked.sample_weight[i : i + 1],
            asked.smoothing, asked.z_loss,
        )  # fmt: skip
        losses[i : i + 1], gradient[i, taken] = oracle.cross_entropy(logits[i : i + 1, taken], row)
    return losses, gradient


@pytest.mark.parametrize("soft", [False, True], ids=["indices", "soft"])
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_rows_and_their_gradient(kind, option, soft):
    dtype = kind.split()[1]
    for name in CASES:
        target, options, _, mask = question(name, option, soft)
        logits = make(poisoned(stored(name, dtype), mask), kind)
        given = {key: like(value, kind) if isinstance(value, np.ndarray) else value for key, value in options.items()}
        given |= {"reduction": "none", "mask": like(mask, kind)}
        losses, gradient = lw.cross_entropy_and_gradient(logits, like(target, kind), **given)
        exact_losses, exact_gradient = exact(name, dtype, option, soft)
        exact_losses = np.where(exact_losses > float(torch.finfo(getattr(torch, dtype)).max), INF, exact_losses)
        check_ulp(values_of(losses), exact_losses, dtype, VALUE_ULP[dtype])
        scale = np.maximum(np.abs(exact_gradient).max(1, keepdims=True), options["class_weight"].max())
        scale = scale * options["sample_weight"].max()
        check_ulp(values_of(gradient), exact_gradient, dtype, GRADIENT_ULP[dtype], scale=scale)
        assert not values_of(gradient)[~mask].any()
        alone = lw.cross_entropy(logits, like(target, kind), **given)
        np.testing.assert_array_equal(values_of(alone), values_of(losses))


@pytest.mark.parametrize("soft", [False, True], ids=["indices", "soft"])
@pytest.mark.parametrize("option", OPTIONS)
def test_the_reference(option, soft):
    for name in CASES:
        _, _, asked, mask = question(name, option, soft)
        coefficients = reference.smoothed(asked.distribution, asked.smoothing, mask=mask) * asked.class_weight
        counted = asked.sample_weight[:, None]
        z_coefficient = asked.z_loss * (asked.distribution * asked.class_weight).sum(1, keepdims=True) * counted
        logits = poisoned(stored(name, "float64"), mask)
        found = reference.cross_entropy(logits, coefficients * counted, z_coefficient=z_coefficient, mask=mask)
        losses, gradient = exact(name, "float64", option, soft)
        check_ulp(found[0], losses, "float64", VALUE_ULP["float64"])
        scale = np.maximum(np.abs(gradient).max(1, keepdims=True), (coefficients * counted).sum(1, keepdims=True))
        check_ulp(found[1], gradient, "float64", GRADIENT_ULP["float64"], scale=scale)


P = 1.0 / (1.0 + np.e)
DEGENERATE = {  # logits, mask, class of the target, the loss and its gradient
    "the target is masked": ([0.0, NAN, 1.0], [1, 0, 1], 1, INF, [P, 0.0, 1.0 - P]),
    "no class takes part": ([NAN, 1.0, INF], [0, 0, 0], 0, INF, [0.0, 0.0, 0.0]),
    "those that take part are -inf": ([-INF, 1.0, -INF], [1, 0, 1], 0, INF, [0.0, 0.0, 0.0]),
    "one class takes part": ([NAN, 700.0, -INF], [0, 1, 0], 1, 0.0, [0.0, 0.0, 0.0]),
    "one class, which is not that of the target": ([3.0, 7.0, 1.0], [0, 1, 0], 0, INF, [0.0, 1.0, 0.0]),
    "NaN takes part": ([NAN, 1.0, 2.0], [1, 0, 1], 2, NAN, [NAN, 0.0, NAN]),
    "+inf takes part": ([INF, 1.0, 2.0], [1, 0, 1], 2, NAN, [NAN, 0.0, NAN]),
    "the target is -inf": ([0.0, -INF, 1.0], [1, 1, 0], 1, INF, [1.0, -1.0, 0.0]),
}


WAYS = [(kind, way) for kind in KINDS for way in ("kernel", "kernel, soft")]
WAYS += [(kind, way) for kind in KINDS[3:] for way in ("recorded", "operations", "operations, soft")]


@pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")
@pytest.mark.parametrize("classes", [3, 300])
@pytest.mark.parametrize(("kind", "way"), WAYS)
def test_degenerate_rows(kind, way, classes):
    dtype = kind.split()[1]
    shape = (len(DEGENERATE), classes)
    logits, mask, gradient = np.full(shape, NAN), np.zeros(shape, bool), np.zeros(shape)
    rows = list(DEGENERATE.values())
    for i, (values, taken, _, _, pull) in enumerate(rows):
        logits[i, :3], mask[i, :3], gradient[i, :3] = values, taken, pull
    target, losses = np.array([row[2] for row in rows]), np.array([row[3] for row in rows])
    z, taken, t = make(logits, kind), like(mask, kind), like(target, kind)
    if way.endswith("soft"):
        t = make(np.eye(classes)[target], kind)
    if way.startswith("kernel"):
        found = lw.cross_entropy_and_gradient(z, t, mask=taken, reduction="none")
    elif way == "recorded":
        z.requires_grad_()
        loss = lw.cross_entropy(z, t, mask=taken, reduction="none")
        found = loss, torch.autograd.grad(loss, z, torch.ones_like(loss))[0]
    else:
        found = by_operations(z, t, mask=taken, reduction="none")
    check_ulp(values_of(found[0]), losses, dtype, VALUE_ULP[dtype])
    check_ulp(values_of(found[1]), gradient, dtype, VALUE_ULP[dtype])


def by_operations(z: torch.Tensor, t: torch.Tensor, **options: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return losses and gradients by the plain operations of torch, which run under function transforms."""
    losses = torch.func.vmap(lambda z: lw.cross_entropy(z, t, **options))(z[None])[0]
    return losses, torch.func.grad(lambda z: lw.cross_entropy(z, t, **options).sum())(z)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_take_no_part_need_no_class(kind, smoothing):
    logits, mask = np.random.default_rng(0).standard_normal((4, 5)), np.ones((4, 5), bool)
    logits[1:3], mask[1:3], mask[0, 3] = NAN, False, False
    target, weight = like(np.array([0, -100, 1, 2]), kind), like(np.array([1.0, 1.0, 0.0, 1.0]), kind)
    options = {"sample_weight": weight, "mask": like(mask, kind), "label_smoothing": smoothing}
    loss, gradient = lw.cross_entropy_and_gradient(make(logits, kind), target, **options)
    kept = make(logits[[0, 3]], kind)
    options = {"mask": like(mask[[0, 3]], kind), "label_smoothing": smoothing}
    expected = lw.cross_entropy_and_gradient(kept, target[[0, 3]], **options)
    assert values_of(loss) == values_of(expected[0])
    np.testing.assert_array_equal(values_of(gradient)[[0, 3]], values_of(expected[1]))
    assert not values_of(gradient)[1:3].any()


def test_rows_that_take_no_part_need_no_class_under_a_transform():
    """Their loss is 0, and so is the derivative by their weight, which is infinite where the row counts."""
    z, y, mask = inputs(False)
    mask[2] = False
    weight = torch.ones(len(z), dtype=z.dtype)
    weight[2] = 0.0
    losses, pull = torch.func.vmap(torch.func.grad_and_value(loss_of_weight), (0, 0, 0, 0))(weight, z, y, mask)[::-1]
    assert losses[2] == pull[2] == 0.0
    expected = lw.cross_entropy(z, y, mask=mask, sample_weight=weight, reduction="none")
    check_ulp(values_of(losses), values_of(expected), "float64", REFERENCE_ULP["float64"])


def loss_of_weight(weight: torch.Tensor, z: torch.Tensor, y: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return lw.cross_entropy(z, y, mask=mask, sample_weight=weight, reduction="sum")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("classes", [10, 300])
def test_a_mask_that_leaves_everything_changes_no_bit(classes, dtype):
    logits = (np.random.default_rng(0).standard_normal((70, classes)) * 9).astype(dtype)
    soft = np.random.default_rng(1).dirichlet(np.ones(classes), 70).astype(dtype)
    for target in (np.arange(70) % classes, soft):
        expected = lw.cross_entropy_and_gradient(logits, target, reduction="none")
        found = lw.cross_entropy_and_gradient(logits, target, reduction="none", mask=np.ones(classes, bool))
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


SHAPES = {  # of a mask for logits (4, 6, 5) with classes on each axis, and what a kernel reads of it
    (6, 5): {0: (1, 4, 30), 1: (1, 6, 5), 2: (24, 5, 1)},
    (5,): {0: (1, 4, 30), 1: (1, 6, 5), 2: (1, 5, 1)},
    (4, 1, 5): {0: (1, 4, 30), 1: (4, 6, 5), 2: (24, 5, 1)},
    (6, 1): {0: (1, 4, 30), 1: (1, 6, 1), 2: (24, 5, 1)},
    (4, 1, 1): {0: (1, 4, 1), 1: (4, 6, 1), 2: (24, 5, 1)},
    (4, 6, 1): {0: (1, 4, 30), 1: (4, 6, 1), 2: (24, 5, 1)},
    (): {0: (1, 4, 1), 1: (1, 6, 1), 2: (1, 5, 1)},
}


@pytest.mark.filterwarnings("ignore::logitwise.LogitwiseWarning")
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["numpy float32", "torch float64", "torch bfloat16"])
def test_a_mask_is_broadcast(kind, shape, axis):
    generator = np.random.default_rng(3)
    logits, mask = generator.standard_normal((4, 6, 5)), generator.random(shape) < 0.6
    layout = Layout.of((4, 6, 5), axis)
    target, soft = generator.integers(0, 4, layout.row_shape), generator.random((4, 6, 5))
    assert mask_of(like(mask, kind), layout).shape == SHAPES[shape][axis]
    whole = np.ascontiguousarray(np.broadcast_to(mask, (4, 6, 5)))
    for y in (like(target, kind), make(soft, kind)):
        options: dict[str, Any] = {"axis": axis, "reduction": "none", "label_smoothing": 0.1}
        z = make(logits, kind)
        found = lw.cross_entropy_and_gradient(z, y, mask=like(mask, kind), **options)
        expected = lw.cross_entropy_and_gradient(z, y, mask=like(whole, kind), **options)
        turned = [np.moveaxis(values_of(array), axis, -1) for array in (logits, soft, whole)]
        options["axis"] = -1
        last = lw.cross_entropy_and_gradient(
            make(turned[0].copy(), kind), y if y.ndim == 2 else make(turned[1].copy(), kind),
            mask=like(turned[2].astype(bool), kind), **options,
        )  # fmt: skip
        for i in (0, 1):
            np.testing.assert_array_equal(values_of(found[i]), values_of(expected[i]))
        np.testing.assert_array_equal(values_of(found[0]), values_of(last[0]))
        np.testing.assert_array_equal(values_of(found[1]), np.moveaxis(values_of(last[1]), -1, axis))


# --- tensors ----------------------------------------------------------------------------------------------------------


def inputs(soft: bool, shape: tuple[int, int] = (6, 7)) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return logits with NaN where they are masked, a target and the mask."""
    generator = np.random.default_rng(1)
    target = generator.integers(0, shape[1], shape[0])
    mask = mask_for(target, shape)
    logits = torch.tensor(poisoned(generator.standard_normal(shape) * 4, mask))
    truth = generator.random(shape) * mask
    return logits, torch.tensor(truth / truth.sum(1, keepdims=True) if soft else target), torch.tensor(mask)


def routes() -> dict[str, Any]:
    """Return, by name, functions from logits, target, mask and options to the loss and its gradient."""

    def recorded(z, y, mask, **options):
        z = z.clone().requires_grad_()
        loss = lw.cross_entropy(z, y, mask=mask, **options)
        first, again = torch.autograd.grad(loss, z, retain_graph=True)[0], torch.autograd.grad(loss, z)[0]
        assert torch.equal(first, again)
        return loss, again

    def again_recorded(z, y, mask, **options):
        z = z.clone().requires_grad_()
        loss = lw.cross_entropy(z, y, mask=mask, **options)
        return loss, torch.autograd.grad(loss, z, create_graph=True)[0]

    def hooked(z, y, mask, **options):
        z, seen = z.clone().requires_grad_(), []
        with saved_tensors_hooks(lambda t: seen.append(t) or t.clone(), lambda t: t):
            loss = lw.cross_entropy(z, y, mask=mask, **options)
        assert any(t.dtype == torch.bool and t.shape == mask.shape for t in seen)
        return loss, torch.autograd.grad(loss, z)[0]

    def checkpointed(z, y, mask, **options):
        z = z.clone().requires_grad_()
        loss = checkpoint(lambda z: lw.cross_entropy(z, y, mask=mask, **options), z, use_reentrant=False)
        return loss, torch.autograd.grad(loss, z)[0]

    def of_recorded_weights(z, y, mask, **options):
        z, weight = z.clone().requires_grad_(), torch.ones(len(z), dtype=z.dtype, requires_grad=True)
        loss = lw.cross_entropy(z, y, mask=mask, sample_weight=weight, **options)
        return loss, torch.autograd.grad(loss, z)[0]

    def transformed(z, y, mask, **options):
        gradient, loss = torch.func.grad_and_value(lambda z: lw.cross_entropy(z, y, mask=mask, **options))(z)
        return loss, gradient

    def forwards(z, y, mask, **options):
        def loss(z):
            return lw.cross_entropy(z, y, mask=mask, **options)

        return loss(z), torch.func.jacfwd(loss)(z)

    def compiled(z, y, mask, **options):
        z = z.clone().requires_grad_()
        torch._dynamo.reset()
        loss = torch.compile(
            lambda z, y, mask: lw.cross_entropy(z, y, mask=mask, **options), backend="aot_eager", fullgraph=True
        )(z, y, mask)
        return loss, torch.autograd.grad(loss, z)[0]

    found = (recorded, again_recorded, hooked, checkpointed, of_recorded_weights, transformed, forwards, compiled)
    return {each.__name__: each for each in found}


ROUTES = routes()


@pytest.mark.parametrize("soft", [False, True], ids=["indices", "soft"])
@pytest.mark.parametrize("name", ROUTES)
def test_every_route_of_tensors(name, soft):
    for shape in ((6, 7), (5, 300)):
        z, y, mask = inputs(soft, shape)
        options = {"label_smoothing": 0.2, "z_loss": 0.01}
        expected = lw.cross_entropy_and_gradient(z, y, mask=mask, **options)
        loss, gradient = ROUTES[name](z, y, mask, **options)
        check_ulp(values_of(loss), values_of(expected[0]), "float64", REFERENCE_ULP["float64"])
        check_ulp(values_of(gradient), values_of(expected[1]), "float64", GRADIENT_ULP["float64"], scale=np.array(1.0))
        assert not gradient[~mask].any()


def test_second_derivatives():
    for soft in (False, True):
        z, y, mask = inputs(soft, (3, 4))
        z = z.nan_to_num(1.0, 1.0, 1.0).requires_grad_()

        def loss(z, y=y, mask=mask):
            return lw.cross_entropy(z, y, mask=mask, label_smoothing=0.1, z_loss=0.01)

        assert torch.autograd.gradcheck(loss, z, check_forward_ad=True)
        assert torch.autograd.gradgradcheck(loss, z)
        spoiled = inputs(soft, (3, 4))[0].requires_grad_()
        for leaf in (z, spoiled):
            (first,) = torch.autograd.grad(loss(leaf), leaf, create_graph=True)
            (second,) = torch.autograd.grad(first.square().sum(), leaf)
            assert not second[~mask].any()
            assert second.isfinite().all()


def test_a_mask_may_be_mapped():
    z, y, _ = inputs(False)
    masks = torch.rand(3, *z.shape, generator=torch.Generator().manual_seed(0)) < 0.5
    masks[:, torch.arange(len(z)), y] = True
    z = z.nan_to_num(2.0, 2.0, 2.0)
    losses = torch.func.vmap(lambda mask: lw.cross_entropy(z, y, mask=mask))(masks)
    rows = torch.func.vmap(lambda z, y, mask: lw.cross_entropy(z, y, mask=mask))(z, y, masks[0])
    for mask, loss in zip(masks, losses, strict=True):
        expected = lw.cross_entropy(z, y, mask=mask)
        check_ulp(values_of(loss), values_of(expected), "float64", REFERENCE_ULP["float64"])
    check_ulp(values_of(rows.mean()), values_of(losses[0]), "float64", REFERENCE_ULP["float64"])


def test_exported_on_another_device_and_under_autocast():
    z, y, mask = inputs(False)

    class Module(torch.nn.Module):
        def forward(self, z: torch.Tensor, y: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return lw.cross_entropy(z, y, mask=mask, label_smoothing=0.1)

    exported = torch.export.export(Module(), (z, y, mask)).module()
    expected = lw.cross_entropy(z, y, mask=mask, label_smoothing=0.1)
    check_ulp(values_of(exported(z, y, mask)), values_of(expected), "float64", REFERENCE_ULP["float64"])
    assert lw.cross_entropy(z.to("meta"), y.to("meta"), mask=mask.to("meta")).device.type == "meta"
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = lw.cross_entropy(z.bfloat16(), y, mask=mask)
    assert loss.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bits_are_rounded_once_under_a_scale(dtype):
    z, y, mask = inputs(False)
    leaf = z.to(dtype).requires_grad_()
    (lw.cross_entropy(leaf, y, mask=mask, label_smoothing=0.1) * 1024.0).backward()
    expected = lw.cross_entropy_and_gradient(leaf.detach().double(), y, mask=mask, label_smoothing=0.1)[1] * 1024.0
    name = str(dtype).removeprefix("torch.")
    check_ulp(values_of(leaf.grad), values_of(expected), name, GRADIENT_ULP[name], scale=values_of(expected))
    assert not leaf.grad[~mask].any()


def test_the_module():
    z, y, mask = inputs(False)
    expected = lw.cross_entropy(z, y, mask=mask, label_smoothing=0.1)
    module = lw.nn.CrossEntropyLoss(label_smoothing=0.1)
    assert module(z, y, mask=mask) == expected
    assert torch.jit.script(module)(z, y, mask=mask) == expected
    weight = torch.tensor([1.0, -0.5, 2.0, 1.0, 1.0, 1.0, 1.0], dtype=torch.float64)
    losses = lw.cross_entropy(z, y, mask=mask, class_weight=weight, reduction="none")
    weighted = lw.nn.CrossEntropyLoss(weight)(z, y, mask=mask)
    check_ulp(values_of(weighted), values_of(losses.sum() / weight[y].sum()), "float64", REFERENCE_ULP["float64"])
    with pytest.raises(lw.nn.InputTypeError, match=r"^mask must be boolean \(True: the class takes part\); got dtype "):
        module(z, y, mask=mask.double())


def test_a_smoothed_target_of_weight_0_needs_no_class():
    """With e = 1 the own class of the target has the coefficient 0, and 0 x inf = 0."""
    z, y, mask = inputs(False)
    mask[torch.arange(len(z)), y] = False
    mask[:, 0] |= ~mask.any(1)
    expected = lw.cross_entropy(z, y, mask=mask, label_smoothing=1.0)
    assert expected.isfinite()
    loss, gradient = by_operations(z, y, mask=mask, label_smoothing=1.0)
    check_ulp(values_of(loss), values_of(expected), "float64", REFERENCE_ULP["float64"])
    assert gradient.isfinite().all()


def test_which_way_a_mask_takes():
    logits, target, mask = np.zeros((4, 3)), np.zeros(4, int), np.ones(3, bool)
    tensor, index, taken = torch.tensor(logits), torch.tensor(target), torch.tensor(mask)
    assert lw.route_of(logits, target, mask=mask).name == "CPU kernels"
    assert lw.route_of(tensor, index, mask=taken).name == "plain call"
    assert lw.route_of(tensor, index, mask=taken.expand(4, 3)).name == "CPU kernels"
    assert lw.route_of(tensor.requires_grad_(), index, mask=taken[:1].expand(3)).name == "recorded kernels"
    with pytest.raises(TypeError, match=r"^log_loss\(\) got an unexpected keyword argument 'mask'"):
        lw.log_loss(logits + 1 / 3, target, mask=mask)  # pyright: ignore[reportCallIssue]


ERRORS = {
    "shape": (
        np.ones(4, bool),
        r"^mask must broadcast to the shape of logits, \(4, 3\); got shape \(4,\)\. To repeat it .*\[:, None\]\.$",
    ),
    "dtype": (np.ones(3), r"^mask must be boolean \(True: the class takes part\); got dtype float64\.$"),
    "framework": (torch.ones(3, dtype=torch.bool), r"^mask must be a NumPy array like logits; got a torch tensor "),
    "masked array": (
        np.ma.array([True, False, True]),
        r"^mask must be a plain array; got a masked array\. Pass mask\.",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("function", [lw.cross_entropy, lw.cross_entropy_and_gradient, lw.route_of])
def test_errors(function, name):
    mask, message = ERRORS[name]
    with pytest.raises((ValueError, TypeError), match=message):
        function(np.zeros((4, 3)), np.zeros(4, int), mask=mask)


def test_errors_of_tensors():
    logits, target = torch.zeros(4, 3), torch.zeros(4, dtype=torch.long)
    with pytest.raises(TypeError, match=r"^mask must be a torch tensor like logits; got a NumPy array of dtype bool"):
        lw.cross_entropy(logits, target, mask=np.ones(3, bool))
    with pytest.raises(ValueError, match=r"^mask must be on the device of logits, cpu; got meta\. Move it with \.to"):
        lw.cross_entropy(logits, target, mask=torch.ones(3, dtype=torch.bool, device="meta"))
