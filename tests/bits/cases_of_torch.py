"""What torch does with the functions: derivatives, transforms, tracers, other devices; and the modules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import cases_of_functions as given
import torch
from harness import case
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

import logitwise as lw

DTYPES = ("float32", "bfloat16", "float64")
SHAPES = ("3x4", "64x10", "6x7x5, axis 1", "3000x50")


class Labelled(Tensor):
    """A subclass with nothing of its own."""


def _leaf(shape: str, dtype: str) -> Tensor:
    return given.logits_of(shape, f"torch {dtype}")[0].detach().clone().requires_grad_()


def _functions(shape: str, dtype: str) -> dict[str, Callable[[Tensor], Tensor]]:
    """Return every function of logits alone."""
    kind, axis = f"torch {dtype}", given.SHAPES[shape][1]
    index, soft = given.target_of(shape, kind, ignored=-100), given.soft_of(shape, kind)
    both = {"class_weight": given.class_weights(shape, kind), "sample_weight": given.row_weights(shape, kind)}
    smooth = {"label_smoothing": 0.1, "z_loss": 0.01}
    labels = given._labels(shape, kind, None)
    loss = partial(lw.cross_entropy, axis=axis)
    binary = lw.binary_cross_entropy_with_logits
    mask, row_mask = given.mask_of(shape, kind), given.row_mask(shape, kind)
    elements, two = given._element_weights(shape, kind), 2.0 * torch.ones(())
    return {
        "softmax": lambda z: lw.softmax(z, axis),
        "softmax, mask": lambda z: lw.softmax(z, axis, temperature=0.7, mask=mask),
        "log_softmax": lambda z: lw.log_softmax(z, axis, temperature=2.0),
        "log_softmax, mask": lambda z: lw.log_softmax(z, axis, mask=row_mask),
        "logsumexp": lambda z: lw.logsumexp(z, axis),
        "logsumexp, mask": lambda z: lw.logsumexp(z, axis, keepdims=True, mask=mask),
        "sigmoid": lw.sigmoid,
        "log_sigmoid": lw.log_sigmoid,
        "cross_entropy": lambda z: loss(z, index),
        "cross_entropy, sum": lambda z: loss(z, index, reduction="sum"),
        "cross_entropy, none": lambda z: loss(z, index, reduction="none", **smooth),
        "cross_entropy, weights": lambda z: loss(z, index, normalizer=3.0, **both, **smooth),
        "cross_entropy, soft": lambda z: loss(z, soft),
        "cross_entropy, soft, weights": lambda z: loss(z, soft, **both, **smooth),
        "cross_entropy, soft, none": lambda z: loss(z, soft, reduction="none"),
        "binary": lambda z: binary(z, labels),
        "binary, all": lambda z: binary(z, labels, sample_weight=elements, pos_weight=two, normalizer=9),
        "binary, none": lambda z: binary(z, labels > 0.5, reduction="none"),
        "log_loss": lambda z: lw.log_loss(z.softmax(axis), index, axis=axis),
    }


def _outer(result: Tensor) -> Tensor:
    """Return a gradient that comes from behind, of either sign and some zeros."""
    return (torch.arange(result.numel()).reshape(result.shape) % 5 - 1.5).to(result.dtype)


def _backward(function: Callable[[Tensor], Tensor], leaf: Tensor) -> list[Any]:
    result = function(leaf)
    result.sum().backward(retain_graph=True)
    first = leaf.grad.clone()
    result.sum().backward()
    (scaled,) = torch.autograd.grad(function(leaf), leaf, _outer(result))
    (times,) = torch.autograd.grad(function(leaf).sum() * -2.5, leaf)
    hidden = leaf * 1.0
    (through,) = torch.autograd.grad(function(hidden).sum(), leaf)
    return [result, type(result.grad_fn).__name__ != "NoneType", first, leaf.grad, scaled, times, through]


def _double(function: Callable[[Tensor], Tensor], leaf: Tensor) -> list[Any]:
    result = function(leaf)
    (gradient,) = torch.autograd.grad(result, leaf, _outer(result), create_graph=True)
    (second,) = torch.autograd.grad((gradient * leaf.detach().cos()).sum(), leaf)
    return [gradient, second]


def _silent(function: Callable[[Tensor], Tensor], leaf: Tensor) -> list[Any]:
    with torch.no_grad():
        without = function(leaf)
    with torch.inference_mode():
        inferred = function(leaf.detach().clone()).clone()
    plain = function(leaf.detach())
    subclass = function(leaf.detach().as_subclass(Labelled))
    parameter = function(torch.nn.Parameter(leaf.detach().clone()))
    return [without, inferred, plain, subclass, parameter]


def _total(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda z: (lambda r: (r * _outer(r)).sum())(function(z))


def _transforms(function: Callable[[Tensor], Tensor], leaf: Tensor) -> dict[str, Any]:
    logits, func = leaf.detach(), torch.func
    found = {
        "grad": func.grad(_total(function))(logits),
        "jvp": func.jvp(function, (logits,), (logits.cos(),)),
        "vjp": func.vjp(function, logits)[1](_outer(function(logits))),
        "vmap": func.vmap(function)(torch.stack([logits, logits * 2.0, logits - 1.0])),
        "vmap, last": func.vmap(function, in_dims=-1)(torch.stack([logits, logits * 2.0], -1)),
        "grad and vmap": func.vmap(func.grad(_total(function)))(torch.stack([logits, logits * 0.5])),
        "product": func.jvp(func.grad(_total(function)), (logits,), (logits.cos(),)),
    }
    with torch.autograd.forward_ad.dual_level():
        dual = function(torch.autograd.forward_ad.make_dual(logits, logits.cos()))
        found["forward"] = list(torch.autograd.forward_ad.unpack_dual(dual))
    return found


def _traced(function: Callable[[Tensor], Tensor], leaf: Tensor) -> list[Any]:
    logits = leaf.detach()
    return [make_fx(lambda z: function(z))(logits)(logits * 0.5)]


def _traced_by_shape() -> list[Any]:
    """Return what traces of the loss say that know no numbers of rows, and no target."""
    logits, target = torch.tensor(given.numbers(8, 5)), torch.arange(8) % 5
    found = []
    for mode in ("real", "fake", "symbolic"):
        for other in (target, lw.softmax(logits)):
            traced = make_fx(lambda z, y: lw.cross_entropy(z, y), tracing_mode=mode)(logits, other)
            found.append(traced(logits * 0.5, other.flip(0)))
        found.append(make_fx(lambda z: lw.softmax(z), tracing_mode=mode)(logits)(logits * 0.5))
        found.append(make_fx(lambda z: lw.log_sigmoid(z), tracing_mode=mode)(logits)(logits * 0.5))
    return found


def _compiled(function: Callable[[Tensor], Tensor], leaf: Tensor) -> list[Any]:
    torch._dynamo.reset()
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    result = compiled(leaf)
    (gradient,) = torch.autograd.grad(result.sum(), leaf)
    torch._dynamo.reset()
    return [result, gradient]


def _autocast(shape: str, dtype: torch.dtype) -> list[Any]:
    leaf, found = _leaf(shape, "float32"), []
    classes = leaf.shape[-1]
    weight = torch.tensor(given.numbers(classes, classes, scale=0.5)).float().requires_grad_()
    for function in _functions(shape, "float32").values():
        with torch.autocast("cpu", dtype):
            result = function(leaf @ weight)
        found += [result, *torch.autograd.grad(result.sum(), (leaf, weight))]
    return found


def _meta() -> list[Any]:
    logits, target = torch.empty(6, 4, device="meta"), torch.zeros(6, dtype=torch.long, device="meta")
    soft = torch.empty(6, 4, device="meta")
    return [
        lw.softmax(logits), lw.log_softmax(logits, 0), lw.logsumexp(logits), lw.sigmoid(logits), lw.log_sigmoid(logits),
        lw.cross_entropy(logits, target), lw.cross_entropy(logits, target, reduction="none"),
        lw.cross_entropy(logits, soft, reduction="none"), lw.cross_entropy_and_gradient(logits, target),
        lw.binary_cross_entropy_with_logits(logits, soft),
        lw.binary_cross_entropy_with_logits_and_gradient(logits, soft),
    ]  # fmt: skip


def _derivatives_of_options(dtype: str) -> dict[str, Any]:
    """Return the gradients of all that may be followed: weights, soft targets, temperature, normalizer."""
    kind, shape = f"torch {dtype}", "64x10"

    def follow(value: Any) -> Tensor:
        return value.detach().clone().requires_grad_()

    logits = given.logits_of(shape, kind)[0]
    index, found = given.target_of(shape, kind), {}
    for recorded in (True, False):
        z = follow(logits) if recorded else logits
        y, c, s = (follow(f(shape, kind)) for f in (given.soft_of, given.class_weights, given.row_weights))
        t, n, p = (follow(given.like(kind, value)) for value in (1.3, 12.0, 2.0))
        b = follow(given._labels(shape, kind, None))
        w = follow(given._element_weights(shape, kind))
        own = [z] if recorded else []
        calls = {
            "temperature": (lw.softmax(z, temperature=t), [*own, t]),
            "log temperature": (lw.log_softmax(z, temperature=t), [*own, t]),
            "weights": (lw.cross_entropy(z, index, class_weight=c, sample_weight=s, z_loss=0.01), [*own, c, s]),
            "soft": (lw.cross_entropy(z, y, class_weight=c, label_smoothing=0.1), [*own, y, c]),
            "normalizer": (lw.cross_entropy(z, index, normalizer=n), [*own, n]),
            "binary": (
                lw.binary_cross_entropy_with_logits(z, b, sample_weight=w, pos_weight=p, normalizer=n),
                [*own, b, w, p, n],
            ),
            "log_loss": (lw.log_loss(logits.softmax(1), index, class_weight=c), [c]),
        }
        for name, (result, inputs) in calls.items():
            found[f"{name}, {recorded}"] = [result, torch.autograd.grad(result, inputs, _outer(result))]
    return found


def _layouts(dtype: str) -> list[Any]:
    found = []
    for arrange in (
        lambda z: z.t().contiguous().t(),
        lambda z: z.repeat_interleave(2, 1)[:, ::2],
        lambda z: z[:1].expand(64, 10),
        lambda z: torch.cat([z[:1], z])[1:],
    ):
        for function in _functions("64x10", dtype).values():
            leaf = arrange(given.logits_of("64x10", f"torch {dtype}")[0]).requires_grad_()
            result = function(leaf)
            found += [result, *torch.autograd.grad(result, leaf, _outer(result))]
    view = torch.complex(torch.tensor(given.numbers(64, 10)), torch.tensor(given.numbers(64, 10, seed=1))).conj().imag
    if dtype == "float64":
        found += [function(view) for function in _functions("64x10", dtype).values()]
    return found


def _modules(dtype: str) -> None:
    kind = f"torch {dtype}"

    def losses() -> dict[str, Callable[[], Any]]:
        nn, weight = lw.nn, given.class_weights("64x10", kind)
        return {
            "CrossEntropyLoss": nn.CrossEntropyLoss,
            "CrossEntropyLoss, sum": lambda: nn.CrossEntropyLoss(reduction="sum"),
            "CrossEntropyLoss, none": lambda: nn.CrossEntropyLoss(reduction="none"),
            "CrossEntropyLoss, weight": lambda: nn.CrossEntropyLoss(weight=weight, label_smoothing=0.1),
            "CrossEntropyLoss, ignored": lambda: nn.CrossEntropyLoss(ignore_index=3),
        }

    for name, make in losses().items():
        for what, of in (("index", given.target_of), ("soft", given.soft_of)):
            case(
                f"nn / {dtype} / {name} / {what}",
                lambda make=make, of=of: [
                    repr(make()),
                    *_backward(lambda z: make()(z, of("64x10", kind)), _leaf("64x10", dtype)),
                ],
            )
    case(
        f"nn / {dtype} / CrossEntropyLoss, images",
        lambda: _backward(
            lambda z: lw.nn.CrossEntropyLoss()(z, given.target_of("6x7x5, axis 1", kind)), _leaf("6x7x5, axis 1", dtype)
        ),
    )
    labels = given._labels("64x10", kind, None)
    for name, options in {
        "plain": {}, "sum": {"reduction": "sum"}, "none": {"reduction": "none"},
        "weights": {"weight": given.like(kind, [0.5] * 10), "pos_weight": given.like(kind, [2.0] * 10)},
    }.items():  # fmt: skip
        case(
            f"nn / {dtype} / BCEWithLogitsLoss, {name}",
            lambda o=options: [
                repr(lw.nn.BCEWithLogitsLoss(**o)),
                *_backward(lambda z: lw.nn.BCEWithLogitsLoss(**o)(z, labels), _leaf("64x10", dtype)),
            ],
        )
    case(
        f"nn / {dtype} / BCELoss",
        lambda: _backward(lambda z: lw.nn.BCELoss()(z.sigmoid(), labels), _leaf("64x10", dtype)),
    )
    for name in ("Softmax", "LogSoftmax"):
        case(
            f"nn / {dtype} / {name}",
            lambda name=name: [
                repr(getattr(lw.nn, name)(1)),
                *_backward(getattr(lw.nn, name)(1), _leaf("64x10", dtype)),
                getattr(lw.nn, name)(1)(_leaf("6x7x5, axis 1", dtype)),
                getattr(lw.nn, name)(0)(_leaf("64x10", dtype)[0, 0]),
            ],
        )


def _network() -> list[Any]:
    found = []
    for hidden, outputs in (((8, 6), 3), (5, 1), ((), 4)):
        torch.manual_seed(3)
        network = lw.nn.FeedForward(12, hidden, outputs)
        inputs = torch.tensor(given.numbers(20, 3, 4)).float()
        found += [repr(network), network(inputs), network.probabilities(inputs), dict(network.state_dict())]
    return found


def _trained() -> list[float]:
    torch.manual_seed(0)
    model, inputs = lw.nn.FeedForward(6, (16,), 4), torch.tensor(given.numbers(64, 6, scale=1.0)).float()
    target, losses = inputs[:, :4].argmax(1), []
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(40):
        loss = lw.nn.CrossEntropyLoss(label_smoothing=0.05)(model(inputs), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def _exported() -> list[Any]:
    class Whole(torch.nn.Module):
        def forward(self, logits: Tensor, target: Tensor) -> Tensor:
            return lw.nn.CrossEntropyLoss()(logits, target)

    logits, target = torch.tensor(given.numbers(6, 4)), torch.arange(6) % 4
    program = torch.export.export(Whole(), (logits, target), strict=False)
    return [program.module()(logits * 2.0, target)]


def add() -> None:
    """Add the cases of this file."""
    for dtype in DTYPES:
        for shape in SHAPES:
            for name in _functions("3x4", "float32"):
                label = f"{dtype} / {shape} / {name}"

                def of(route: Callable[..., Any], s: str = shape, d: str = dtype, n: str = name) -> Callable[[], Any]:
                    return lambda: route(_functions(s, d)[n], _leaf(s, d))

                case(f"torch backward / {label}", of(_backward))
                if shape != "3000x50":
                    case(f"torch double / {label}", of(_double))
                    case(f"torch silent / {label}", of(_silent))
                if shape in ("3x4", "6x7x5, axis 1"):
                    case(f"torch transforms / {label}", of(_transforms))
                if shape == "3x4" and dtype != "float64":
                    case(f"torch traced / {label}", of(_traced))
        case(f"torch options followed / {dtype}", lambda d=dtype: _derivatives_of_options(d))
        case(f"torch layouts / {dtype}", lambda d=dtype: _layouts(d))
        _modules(dtype)
    for name in ("softmax, mask", "cross_entropy, weights", "cross_entropy, soft", "binary, all"):
        for dtype in ("float32", "bfloat16"):
            case(
                f"torch compiled / {dtype} / {name}",
                lambda n=name, d=dtype: _compiled(_functions("3x4", d)[n], _leaf("3x4", d)),
            )
    for dtype in (torch.bfloat16, torch.float16):
        case(f"torch autocast / {dtype}", lambda d=dtype: _autocast("64x10", d))
    case("torch meta", _meta)
    case("torch exported", _exported)
    case("torch traced / by shape", _traced_by_shape)
    case("nn / FeedForward", _network)
    case("nn / a training", _trained)
