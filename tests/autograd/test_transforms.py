"""Function transforms, compilers and tracers of torch: the same values and derivatives, ours against torch's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.functional import hessian as second
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

import logitwise as lw
from logitwise import reference

TARGET = tensor([0, 2, 1, -100])
SOFT = tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.1, 0.1, 0.8]], dtype=torch.float64)
WEIGHT = tensor([0.5, 1.0, 2.0], dtype=torch.float64)


def pair(name: str, target: Tensor, **options) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """Return the loss of logits by our module and by torch's."""
    ours, theirs = (getattr(module, name)(**options) for module in (lw.nn, torch.nn))
    return (lambda logits: ours(logits, target)), (lambda logits: theirs(logits, target))


PAIRS = {
    "softmax": (lw.softmax, lambda z: torch.softmax(z, -1)),
    "log_softmax": (lw.log_softmax, lambda z: torch.log_softmax(z, -1)),
    "logsumexp": (lw.logsumexp, lambda z: torch.logsumexp(z, -1)),
    "sigmoid": (lw.sigmoid, torch.sigmoid),
    "log_sigmoid": (lw.log_sigmoid, logsigmoid),
    "CrossEntropyLoss": pair("CrossEntropyLoss", TARGET),
    "CrossEntropyLoss, sum": pair("CrossEntropyLoss", TARGET, reduction="sum"),
    "CrossEntropyLoss, none": pair("CrossEntropyLoss", TARGET, reduction="none"),
    "CrossEntropyLoss, weight": pair("CrossEntropyLoss", TARGET, weight=WEIGHT, label_smoothing=0.1),
    "CrossEntropyLoss, soft target": pair("CrossEntropyLoss", SOFT),
    "BCEWithLogitsLoss": pair("BCEWithLogitsLoss", SOFT),
    "BCEWithLogitsLoss, pos_weight": pair("BCEWithLogitsLoss", SOFT, pos_weight=WEIGHT, reduction="none"),
    "BCELoss": tuple((lambda z, loss=loss: loss(z.sigmoid())) for loss in pair("BCELoss", SOFT)),
}
each_pair = pytest.mark.parametrize(("ours", "theirs"), PAIRS.values(), ids=PAIRS)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def total(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return the function's weighted sum, so that there is one number to differentiate."""

    def of(logits: Tensor) -> Tensor:
        output = function(logits)
        return (output * torch.arange(1, output.numel() + 1).reshape(output.shape)).sum()

    return of


TRANSFORMS = {
    "grad": lambda f: grad(total(f)),
    "hessian": lambda f: hessian(total(f)),
    "grad of grad": lambda f: grad(lambda z: grad(total(f))(z).square().sum()),
    "jacrev": jacrev,
    "jacfwd": jacfwd,
    "jacfwd of jacrev": lambda f: jacfwd(jacrev(f)),
    "jvp": lambda f: lambda z: jvp(f, (z,), (z.cos(),)),
    "vjp": lambda f: lambda z: vjp(f, z)[1](torch.ones_like(f(z))),
    "Hessian-vector product": lambda f: lambda z: jvp(grad(total(f)), (z,), (z.cos(),)),
}


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
@each_pair
def test_a_transform_of_ours_is_that_of_torchs(ours, theirs, transform):
    logits = normal(4, 3)
    assert_close(transform(ours)(logits), transform(theirs)(logits))


@pytest.mark.parametrize("axis", [0, 1, 2])
@each_pair
def test_vmap_over_any_axis_is_a_loop(ours, theirs, axis):
    logits = normal(4, 3, 5).movedim(2, axis)
    loop = torch.stack([theirs(logits.select(axis, i)) for i in range(5)])
    assert_close(vmap(ours, in_dims=axis)(logits), loop)


def test_vmap_over_logits_targets_and_both_axes():
    logits, target, loss_of = normal(2, 5, 4, 3), torch.arange(40).reshape(2, 5, 4) % 3, lw.nn.CrossEntropyLoss()
    loop = torch.stack(
        [torch.stack([loss_of(a, b) for a, b in zip(*rows, strict=True)]) for rows in zip(logits, target, strict=True)]
    )
    assert_close(vmap(vmap(loss_of))(logits, target), loop)
    assert_close(vmap(vmap(loss_of, in_dims=1), in_dims=2)(logits.permute(2, 1, 0, 3), target.permute(2, 1, 0)), loop)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weight"])
def test_a_gradient_for_every_sample(weight):
    logits, target = normal(5, 3), torch.arange(5) % 3
    ours, theirs = (module.CrossEntropyLoss(weight=weight) for module in (lw.nn, torch.nn))
    loop = torch.stack([grad(theirs)(row, own) for row, own in zip(logits, target, strict=True)])
    assert_close(vmap(grad(ours))(logits, target), loop)
    seconds = [second(lambda z, own=own: theirs(z, own), row) for row, own in zip(logits, target, strict=True)]
    assert_close(vmap(hessian(ours))(logits, target), torch.stack(seconds))


def test_the_hessian_of_the_parameters_of_a_network():
    torch.manual_seed(0)
    network, inputs = torch.nn.Linear(6, 3).double(), normal(4, 6)
    parameters = dict(network.named_parameters())

    def of(loss: Callable[[Tensor], Tensor]) -> Callable[[dict], Tensor]:
        return lambda values: loss(functional_call(network, values, (inputs,)))

    ours, theirs = PAIRS["CrossEntropyLoss"]
    assert_close(hessian(of(ours))(parameters), hessian(of(theirs))(parameters))


def gradient_and_value(function: Callable[[Tensor], Tensor], logits: Tensor) -> tuple[Tensor, Tensor]:
    leaf = logits.detach().clone().requires_grad_()
    value = function(leaf)
    (gradient,) = torch.autograd.grad(total(lambda _: value)(leaf), leaf)
    return gradient, value.detach()


@pytest.fixture
def fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@each_pair
@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_whole_without_a_break(ours, theirs):
    compiled = torch.compile(ours, fullgraph=True, backend="aot_eager")
    logits = normal(4, 3)
    assert_close(gradient_and_value(compiled, logits), gradient_and_value(theirs, logits))
    assert_close(compiled(logits), theirs(logits))
    with torch.no_grad():
        assert_close(compiled(logits.requires_grad_()), theirs(logits))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, while its compiler is imported
@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_to_machine_code(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    for name in ("CrossEntropyLoss", "BCEWithLogitsLoss"):
        ours, theirs = PAIRS[name]
        compiled = torch.compile(lambda z, f=ours: f(z * 2.0), fullgraph=True)
        expected = gradient_and_value(lambda z, f=theirs: f(z * 2.0), normal(4, 3))
        assert_close(gradient_and_value(compiled, normal(4, 3)), expected)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.usefixtures("fresh_compiler")
def test_many_equal_classes_in_machine_code_keep_the_contract(tmp_path, monkeypatch):
    """A compiler of torch adds one by one: 500 ulp for 100,000 equal terms."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    logits = torch.full((2, 40_003), -0.7853, dtype=torch.float64)
    logits[:, 7] = 0.0
    expected = torch.from_numpy(reference.softmax(logits.numpy()))
    assert_close(torch.compile(lambda z: lw.softmax(z, 1))(logits), expected, atol=0.0, rtol=8 * 2.0**-53)


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "BCEWithLogitsLoss"])
@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_once_for_any_number_of_rows(name):
    compiled = torch.compile(getattr(lw.nn, name)(), fullgraph=True, dynamic=True, backend="aot_eager")
    theirs = getattr(torch.nn, name)()
    for rows in (4, 7, 50):
        logits = normal(rows, 3)
        target = torch.arange(rows) % 3 if name == "CrossEntropyLoss" else normal(rows, 3, seed=1).sigmoid()
        results = [gradient_and_value(lambda z, f=f, t=target: f(z, t), logits) for f in (compiled, theirs)]
        assert_close(*results)
        with torch.compiler.set_stance("fail_on_recompile"):
            assert_close(compiled(logits.requires_grad_(), target), theirs(logits, target))


TEMPERED = {
    "softmax": lambda z, t: lw.softmax(z, temperature=t),
    "log_softmax, mask": lambda z, t: lw.log_softmax(z, temperature=t, mask=z > -9.0),
    "entropy": lambda z, t: lw.entropy(z, temperature=t),
    "kl_divergence": lambda z, t: lw.kl_divergence(z, -z, temperature=t),
    "kl_divergence, probabilities": lambda z, t: lw.kl_divergence(
        z, target_probabilities=torch.softmax(z, -1), temperature=t
    ),
}


@pytest.mark.parametrize("name", TEMPERED)
@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_once_for_all_temperatures(name):
    logits, function = normal(4, 3).requires_grad_(), TEMPERED[name]
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    for temperature in (4.0, 3.0):  # the second shows that the number changes
        compiled(logits, temperature)
    for temperature in (2.5, 0.3, 5000.0):
        if temperature == 5000.0:  # above 1024 the logits are scaled: other code
            compiled(logits, 6000.0)
        with torch.compiler.set_stance("fail_on_recompile"):
            results = [each(logits, temperature) for each in (function, compiled)]
        assert_close(*results)
        assert_close(*(torch.autograd.grad(result.sum(), logits)[0] for result in results))


_BINARY = torch.tensor([[0.0, 1.0, 0.25], [1.0, 0.0, 0.5], [1.0, 1.0, 0.0], [0.0, 0.75, 1.0]], dtype=torch.float64)
_CLASS = torch.tensor([0, 2, 1, 1])
NUMBERED = {
    "cross_entropy, normalizer": lambda z, x: lw.cross_entropy(z, _CLASS, normalizer=x),
    "cross_entropy, z_loss": lambda z, x: lw.cross_entropy(z, _CLASS, z_loss=x, reduction="none"),
    "cross_entropy, label_smoothing": lambda z, x: lw.cross_entropy(z, _CLASS, label_smoothing=x, reduction="sum"),
    "cross_entropy, all": lambda z, x: lw.cross_entropy(z, _CLASS, label_smoothing=x, z_loss=x / 2.0, normalizer=x),
    "cross_entropy, size": lambda z, x: lw.cross_entropy(z, _CLASS, label_smoothing=x, normalizer=len(z)),
    "binary, normalizer": lambda z, x: lw.binary_cross_entropy_with_logits(z, _BINARY, normalizer=x),
    "binary, label_smoothing": lambda z, x: lw.binary_cross_entropy_with_logits(z, _BINARY, label_smoothing=x),
    "focal_loss, gamma": lambda z, x: lw.focal_loss(z, _CLASS, gamma=x),
    "focal_loss, normalizer": lambda z, x: lw.focal_loss(z, _CLASS, normalizer=x),
    "focal_loss, label_smoothing": lambda z, x: lw.focal_loss(z, _CLASS, label_smoothing=x),
    "binary focal, gamma": lambda z, x: lw.binary_focal_loss_with_logits(z, _BINARY, gamma=x),
    "binary focal, normalizer": lambda z, x: lw.binary_focal_loss_with_logits(z, _BINARY, normalizer=x),
    "kl_divergence, normalizer": lambda z, x: lw.kl_divergence(z, -z.detach(), normalizer=x),
    "log_loss, normalizer": lambda z, x: lw.log_loss(z.softmax(1), _CLASS, normalizer=x),
}


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "plain"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", NUMBERED)
@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_once_for_all_values_of_a_number(name, dtype, recorded):
    logits, function = normal(4, 3).to(dtype).requires_grad_(recorded), NUMBERED[name]
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    for number in (0.25, 0.5):  # the second shows that the number changes
        compiled(logits, number)
    tolerance = {"rtol": 4 * torch.finfo(dtype).eps, "atol": 4 * torch.finfo(dtype).eps}
    for number in (0.75, 0.125, 0.3):
        with torch.compiler.set_stance("fail_on_recompile"):
            results = [each(logits, number) for each in (function, compiled)]
        assert_close(*results, **tolerance)
        if recorded:
            assert_close(*(torch.autograd.grad(result.sum(), logits)[0] for result in results), **tolerance)


@pytest.mark.usefixtures("fresh_compiler")
def test_a_transform_inside_compiled_code():
    ours, theirs = PAIRS["CrossEntropyLoss"]
    logits = normal(4, 3)
    assert_close(torch.compile(grad(ours), fullgraph=True, backend="aot_eager")(logits), grad(theirs)(logits))


class Whole(torch.nn.Module):
    """A network and its loss, as `torch.export` takes them."""

    def __init__(self, loss: torch.nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return self.loss(logits, target)


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "not strict"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weight"])
def test_exported_for_any_number_of_rows(weight, strict):
    rows, logits, target = torch.export.Dim("rows", min=2), normal(4, 3), torch.arange(4) % 3
    shapes = ({0: rows}, {0: rows})
    whole = Whole(lw.nn.CrossEntropyLoss(weight=weight))
    program = torch.export.export(whole, (logits, target), strict=strict, dynamic_shapes=shapes)
    more, target = normal(9, 3, seed=1), torch.arange(9) % 3
    expected = torch.nn.CrossEntropyLoss(weight=weight)(more, target)
    assert_close(program.module()(more, target), expected)
    called = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert called
    assert all(name.startswith("aten") for name in called)


@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
def test_traced_operations_are_not_constants(mode):
    target, other = torch.arange(4) % 3, normal(4, 3, seed=1)
    traced = make_fx(lambda z, y: lw.cross_entropy(z, y), tracing_mode=mode)(normal(4, 3), target)
    assert_close(traced(other, target), torch.nn.functional.cross_entropy(other, target))


def test_a_traced_backward_pass_is_not_a_constant():
    ours, theirs = PAIRS["CrossEntropyLoss"]
    other = normal(4, 3, seed=1)
    traced = make_fx(lambda z: gradient_and_value(ours, z)[0])(normal(4, 3))
    assert_close(traced(other), grad(theirs)(other))


@pytest.mark.filterwarnings("ignore")  # torch's own of the deprecation of torch.jit, and of values that it looks at
def test_a_scripted_trace_is_not_a_constant():
    target, other = torch.arange(4) % 3, normal(4, 3, seed=1)
    traced = torch.jit.trace(lw.nn.CrossEntropyLoss(), (normal(4, 3), target))
    assert_close(traced(other, target), torch.nn.functional.cross_entropy(other, target))


def test_fake_tensors_have_shapes():
    with FakeTensorMode():
        logits, target = torch.empty(4, 3, requires_grad=True), torch.zeros(4, dtype=torch.long)
        losses = lw.cross_entropy(logits, target, reduction="none")
        losses.sum().backward()
        assert losses.shape == (4,)
        assert logits.grad.shape == (4, 3)


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_checkpoint_computes_the_loss_again(reentrant):
    ours, theirs = PAIRS["CrossEntropyLoss"]
    gradients = []
    for loss in (ours, theirs):
        leaf = normal(4, 3).requires_grad_()
        checkpoint(lambda z, f=loss: f(z * 2.0), leaf, use_reentrant=reentrant).backward()
        gradients.append(leaf.grad)
    assert_close(*gradients)


def test_a_mode_of_the_dispatcher_sees_operations():
    leaf = normal(4, 3).requires_grad_()
    with FlopCounterMode(display=False):
        lw.cross_entropy(leaf, TARGET).backward()
    assert_close(leaf.grad, grad(PAIRS["CrossEntropyLoss"][1])(normal(4, 3)))


def test_a_tensor_that_outlived_its_transform_is_a_tensor():
    kept = []
    grad(lambda z: kept.append(z * 2.0) or z.sum())(normal(4, 3))
    ours, theirs = PAIRS["CrossEntropyLoss"]
    assert_close(ours(kept[0]), theirs(normal(4, 3) * 2.0))


OUTLIVING = {
    "cross_entropy": lambda z, t, soft, mask: lw.cross_entropy(z, t),
    "cross_entropy, mask": lambda z, t, soft, mask: lw.cross_entropy(z, t, mask=mask),
    "cross_entropy, weights": lambda z, t, soft, mask: lw.cross_entropy(z, t, class_weight=soft[0]),
    "focal_loss": lambda z, t, soft, mask: lw.focal_loss(z, t, gamma=2.0),
    "binary": lambda z, t, soft, mask: lw.binary_cross_entropy_with_logits(z, soft),
    "kl_divergence": lambda z, t, soft, mask: lw.kl_divergence(z, soft),
    "entropy": lambda z, t, soft, mask: lw.entropy(z),
    "softmax": lambda z, t, soft, mask: lw.softmax(z, mask=mask),
    "sigmoid": lambda z, t, soft, mask: lw.sigmoid(z),
}


@pytest.mark.parametrize("function", OUTLIVING.values(), ids=OUTLIVING)
@pytest.mark.parametrize("is_private", [False, True], ids=["functionalize", "wrapper"])
def test_tensors_that_outlived_functionalize_are_not_read_by_their_addresses(is_private, function):
    """Such a tensor has an address, of nothing or of memory that is not its own."""
    tensors = normal(4, 3), TARGET, normal(4, 3, seed=1).sigmoid(), torch.ones(4, 3, dtype=torch.bool)
    if is_private:
        kept = list(map(torch._to_functional_tensor, tensors))
    else:
        kept = []
        torch.func.functionalize(lambda *given: kept.extend(given) or given[0].sum())(
            *(each.clone() for each in tensors)
        )
    expected = function(*tensors)
    for arguments in (kept, [tensors[0], *kept[1:]], [kept[0], *tensors[1:]]):
        found = function(*arguments)
        if torch._is_functional_tensor(found):
            torch._sync(found)
            found = torch._from_functional_tensor(found)
        assert_close(found, expected)


def test_an_out_that_outlived_functionalize_is_filled():
    out = torch._to_functional_tensor(torch.zeros(4, 3, dtype=torch.float64))
    lw.softmax(normal(4, 3), out=out)
    torch._sync(out)
    assert torch.equal(torch._from_functional_tensor(out), lw.softmax(normal(4, 3)))


@each_pair
def test_a_negative_view_is_read_as_its_value(ours, theirs):
    view = torch.complex(normal(4, 3), normal(4, 3, seed=1)).conj().imag
    assert view.is_neg()
    assert_close(gradient_and_value(ours, view), gradient_and_value(theirs, view))
    leaf = view.detach().requires_grad_()
    assert_close(torch.autograd.grad(total(ours)(leaf), leaf), torch.autograd.grad(total(theirs)(leaf), leaf))


AUTOCAST = {
    "softmax": lambda z: lw.softmax(z),
    "CrossEntropyLoss": lambda z: lw.nn.CrossEntropyLoss()(z, TARGET),
    "BCEWithLogitsLoss": lambda z: lw.nn.BCEWithLogitsLoss()(z, SOFT),
    "BCELoss": lambda z: lw.nn.BCELoss()(z.sigmoid(), SOFT.to(z.dtype)),
    "NLLLoss": lambda z: lw.nn.NLLLoss()(z.log_softmax(-1), TARGET),
    "NLLLoss, weights, none": lambda z: lw.nn.NLLLoss(WEIGHT.to(z.dtype), reduction="none")(z.log_softmax(-1), TARGET),
    "KLDivLoss": lambda z: lw.nn.KLDivLoss(reduction="sum")(z.log_softmax(-1), SOFT.to(z.dtype)),
    "KLDivLoss, none": lambda z: lw.nn.KLDivLoss(reduction="none")(z.log_softmax(-1), SOFT.to(z.dtype)),
}
AUTOCAST_OF_TORCH = {
    "softmax": lambda z: torch.softmax(z, -1),
    "CrossEntropyLoss": lambda z: torch.nn.CrossEntropyLoss()(z, TARGET),
    "BCEWithLogitsLoss": lambda z: binary_cross_entropy_with_logits(z, SOFT.to(z.dtype)),
    "BCELoss": lambda z: torch.nn.BCELoss()(z.sigmoid(), SOFT.to(z.dtype)),
    "NLLLoss": lambda z: torch.nn.NLLLoss()(z.log_softmax(-1), TARGET),
    "NLLLoss, weights, none": lambda z: torch.nn.NLLLoss(WEIGHT.float(), reduction="none")(z.log_softmax(-1), TARGET),
    "KLDivLoss": lambda z: torch.nn.KLDivLoss(reduction="sum")(z.log_softmax(-1), SOFT.to(z.dtype)),
    "KLDivLoss, none": lambda z: torch.nn.KLDivLoss(reduction="none")(z.log_softmax(-1), SOFT.to(z.dtype)),
}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", AUTOCAST)
def test_autocast_gives_the_dtype_that_torch_gives(name, dtype):
    torch.manual_seed(0)
    layer, inputs = torch.nn.Linear(3, 3), normal(4, 3).float()
    with torch.autocast("cpu", dtype):
        logits = layer(inputs)
        ours, theirs = AUTOCAST[name](logits), AUTOCAST_OF_TORCH[name](logits)
    assert logits.dtype == dtype
    assert ours.dtype == theirs.dtype
    assert_close(ours, theirs, rtol=0.02, atol=0.01)
    (gradient,) = torch.autograd.grad(ours.sum(), layer.bias)
    assert gradient.dtype == torch.float32


@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_code_says_what_is_wrong_when_it_runs():
    compiled = torch.compile(lambda z, y: lw.cross_entropy(z, y), fullgraph=True, backend="aot_eager")
    with pytest.raises(ValueError, match=r"^target must be in \[0, 2\]; got 3 at row 1\."):
        compiled(normal(2, 3), tensor([0, 3]))
    with pytest.raises(ValueError, match=r"^target must have the shape of logits without axis 1"):
        compiled(normal(2, 3), tensor([0, 1, 2]))
    assert_close(
        compiled(normal(2, 3), tensor([0, 1])), torch.nn.functional.cross_entropy(normal(2, 3), tensor([0, 1]))
    )


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.usefixtures("fresh_compiler")
def test_an_error_found_while_code_is_compiled_says_what_is_wrong(whole):
    compiled = torch.compile(lambda z: lw.softmax(z, 2), fullgraph=whole, backend="aot_eager")
    error = torch._dynamo.exc.Unsupported if whole else lw.InvalidValueError
    with pytest.raises(
        error, match=r"be in \[-2, 1\] for logits of 2 axes"
    ):  # torch prints the fields, not the sentence
        compiled(normal(4, 3))


COMPILED_OPTIONS = {
    "axis 0": ({"axis": 0}, (3, 4)),
    "middle axis": ({"axis": -2, "reduction": "none"}, (2, 3, 5)),
    "normalizer": ({"normalizer": 7}, (4, 3)),
    "smoothing, z-loss": ({"label_smoothing": 0.1, "z_loss": 0.01}, (4, 3)),
    "class weights": ({"class_weight": WEIGHT}, (4, 3)),
    "sample weights": ({"sample_weight": tensor([1.0, 0.0, 2.0, 0.5])}, (4, 3)),
    "integer options": ({"label_smoothing": 0, "z_loss": 0}, (4, 3)),
}


@pytest.mark.parametrize(("options", "shape"), COMPILED_OPTIONS.values(), ids=COMPILED_OPTIONS)
@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_with_every_option_gives_what_it_gives_without(options, shape):
    axis = options.get("axis", -1) % len(shape)
    rows = shape[:axis] + shape[axis + 1 :]
    target = (torch.arange(torch.Size(rows).numel()) % 3).reshape(rows)

    def loss_of(logits: Tensor) -> Tensor:
        return lw.cross_entropy(logits, target, **options)

    compiled = torch.compile(loss_of, fullgraph=True, backend="aot_eager")
    assert_close(gradient_and_value(compiled, normal(*shape)), gradient_and_value(loss_of, normal(*shape)))


@pytest.mark.parametrize("name", ["soft target", "class_weight", "sample_weight"])
@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_gradients_of_what_is_not_logits(name):
    logits = normal(4, 3)
    values = {"soft target": SOFT, "class_weight": WEIGHT, "sample_weight": torch.arange(1.0, 5.0, dtype=torch.float64)}

    def loss_of(value: Tensor) -> Tensor:
        if name == "soft target":
            return lw.cross_entropy(logits, value)
        return lw.cross_entropy(logits, TARGET, **{name: value})

    compiled = torch.compile(loss_of, fullgraph=True, backend="aot_eager")
    assert_close(gradient_and_value(compiled, values[name]), gradient_and_value(loss_of, values[name]))
    assert gradient_and_value(compiled, values[name])[0].abs().max() > 0.01


LOSSES_OF_REDUCTION = {
    "CrossEntropyLoss": lambda z, reduction: lw.cross_entropy(z, TARGET, reduction=reduction, label_smoothing=0.1),
    "axis 0": lambda z, reduction: lw.cross_entropy(z, TARGET[:3].clamp(min=0), axis=0, reduction=reduction),
    "soft target": lambda z, reduction: lw.cross_entropy(z, SOFT, reduction=reduction, class_weight=WEIGHT),
    "BCEWithLogitsLoss": lambda z, reduction: lw.binary_cross_entropy_with_logits(z, SOFT, reduction=reduction),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", LOSSES_OF_REDUCTION)
@pytest.mark.usefixtures("fresh_compiler")
def test_the_derivative_of_a_derivative_of_compiled_code_is_no_constant(name, reduction, dtype):
    """It was 0, since the derivative was taken of a gradient that had come with the loss."""

    def loss_of(logits: Tensor) -> Tensor:
        return LOSSES_OF_REDUCTION[name](logits, reduction)

    compiled = torch.compile(loss_of, fullgraph=True, backend="eager")
    results = []
    for function in (compiled, loss_of):
        logits = normal(4, 3).to(dtype).requires_grad_()
        (gradient,) = torch.autograd.grad(total(function)(logits), logits, create_graph=True)
        (second_gradient,) = torch.autograd.grad(gradient.square().sum(), logits)
        results.append((gradient.detach(), second_gradient))
    assert_close(*results)
    assert results[0][1].abs().max() > 0.001
