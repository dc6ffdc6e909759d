"""The functions: every one, in every dtype, layout and option."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from harness import case

import logitwise as lw
from logitwise import reference

KINDS = [
    "numpy float16", "numpy float32", "numpy float64", "torch float16", "torch bfloat16", "torch float32",
    "torch float64",
]  # fmt: skip
INDICES = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def numbers(*shape: int, scale: float = 3.0, seed: int = 0) -> np.ndarray:
    """Return normal numbers, the same for one shape and seed."""
    return np.random.default_rng([seed, *shape]).normal(size=shape) * scale


def hard() -> np.ndarray:
    """Return rows that are confident, spread, masked, tied, subnormal in the tail, and far from 0."""
    rows = [
        [20, 0, 0], [0, 40, 0], [-90, -50, 10], [100, 0, 1], [700, 0, -5], [1, -np.inf, 2], [-np.inf, -np.inf, 5],
        [0, -100, -103], [0, -16, -17], [5, 5, -5], [3.25, 3.25, 3.25], [-np.log(2), -np.log(2), -40], [1000, 999, 998],
        [0, 0, 0], [-np.inf, -np.inf, -np.inf], [np.inf, 0, 1], [np.nan, 0, 1], [np.inf, np.nan, 1], [-0.0, 0.0, -0.0],
        [1e-30, 1e-38, 0],
    ]  # fmt: skip
    return np.array(rows, dtype=np.float64)


# name -> numbers in float64, class axis, layout
SHAPES: dict[str, tuple[Callable[[], np.ndarray], int, str]] = {
    "3x4": (lambda: numbers(3, 4), -1, "C"),
    "64x10": (lambda: numbers(64, 10), -1, "C"),
    "200x300": (lambda: numbers(200, 300), -1, "C"),
    "6x7x5, axis 1": (lambda: numbers(6, 7, 5), 1, "C"),
    "9x33, axis 0": (lambda: numbers(9, 33), 0, "C"),
    "40x9, Fortran": (lambda: numbers(40, 9), -1, "F"),
    "40x9, strided": (lambda: numbers(40, 9), -1, "strided"),
    "40x9, backwards": (lambda: numbers(40, 9), -1, "backwards"),
    "3000x50": (lambda: numbers(3000, 50), -1, "C"),
    "2x6001": (lambda: numbers(2, 6001), -1, "C"),
    "500x2": (lambda: numbers(500, 2), -1, "C"),
    "one row": (lambda: numbers(17), 0, "C"),
    "no rows": (lambda: numbers(0, 4), -1, "C"),
    "20x40x30, axis 1": (lambda: numbers(20, 40, 30), 1, "C"),
    "hard": (hard, -1, "C"),
    "wide": (lambda: numbers(30, 12, scale=60.0), -1, "C"),
}
FEW = ("64x10", "6x7x5, axis 1", "40x9, Fortran", "3000x50", "hard")


def make(values: Any, kind: str, layout: str = "C") -> Any:
    """Return numbers as an array or tensor of a kind and layout."""
    framework, dtype = kind.split()
    values = np.asarray(values)
    if framework == "torch":
        made = torch.tensor(values).to(getattr(torch, dtype))
        if layout == "F":
            return made.T.contiguous().T
        if layout in ("strided", "backwards"):
            return made.repeat_interleave(2, -1)[..., ::2]
        return made
    with np.errstate(over="ignore"):
        made = values.astype(dtype)
    if layout == "F":
        return np.asfortranarray(made)
    if layout == "strided":
        return np.repeat(made, 2, -1)[..., ::2]
    if layout == "backwards":
        return np.ascontiguousarray(made[::-1])[::-1]
    return made


@cache
def _values(shape: str) -> np.ndarray:
    return SHAPES[shape][0]()


def logits_of(shape: str, kind: str) -> tuple[Any, int]:
    """Return fresh logits of a named shape, and their class axis."""
    _, axis, layout = SHAPES[shape]
    return make(_values(shape), kind, layout), axis


def rows_shape(values: np.ndarray, axis: int) -> tuple[int, ...]:
    """Return the shape without the class axis."""
    axis %= values.ndim
    return values.shape[:axis] + values.shape[axis + 1 :]


def like(kind: str, values: Any, dtype: str | None = None) -> Any:
    """Return values in the framework of a kind, in a dtype or, if floating and unnamed, in that of the kind."""
    framework, own = kind.split()
    return make(values, f"{framework} {dtype or own}")


def target_of(shape: str, kind: str, dtype: str = "int64", ignored: int | None = None) -> Any:
    """Return class indices for a named shape."""
    values, axis = _values(shape), SHAPES[shape][1]
    rows = rows_shape(values, axis)
    classes = min(values.shape[axis], 100)
    found = np.random.default_rng([7, *values.shape]).integers(0, classes, rows)
    if ignored is not None and found.size > 1:
        found.reshape(-1)[::3] = ignored
    return like(kind, found, dtype)


def soft_of(shape: str, kind: str) -> Any:
    """Return a distribution a row for a named shape."""
    values, axis = _values(shape), SHAPES[shape][1]
    rows = rows_shape(values, axis)
    found = np.random.default_rng([8, *values.shape]).dirichlet(np.full(values.shape[axis], 0.5), rows)
    return like(kind, np.moveaxis(found, -1, axis))


def class_weights(shape: str, kind: str, dtype: str | None = None) -> Any:
    """Return a weight a class, one of them 0."""
    classes = _values(shape).shape[SHAPES[shape][1]]
    weight = 0.25 + np.arange(classes) % 5 * 0.5
    weight[-1] = 0.0
    return like(kind, weight, dtype)


def row_weights(shape: str, kind: str, dtype: str | None = None) -> Any:
    """Return a weight a row, one of them 0."""
    rows = rows_shape(_values(shape), SHAPES[shape][1])
    weight = 0.5 + (np.arange(int(np.prod(rows))) % 3 * 0.75)
    if weight.size > 2:
        weight[1] = 0.0
    return like(kind, weight.reshape(rows), dtype)


def mask_of(shape: str, kind: str) -> Any:
    """Return a mask that leaves most classes, and one row none."""
    values, axis = _values(shape), SHAPES[shape][1]
    mask = np.random.default_rng([9, *values.shape]).random(values.shape) > 0.3
    moved = np.moveaxis(mask, axis, -1)
    if moved.size:
        moved[(0,) * (moved.ndim - 1)] = False
    return like(kind, mask, "bool")


def row_mask(shape: str, kind: str) -> Any:
    """Return a mask of classes alone, which broadcasts."""
    values, axis = _values(shape), SHAPES[shape][1] % _values(shape).ndim
    mask = np.arange(values.shape[axis]) % 3 != 1
    return like(kind, mask.reshape([-1 if i == axis else 1 for i in range(values.ndim)]), "bool")


def empty_like(array: Any, layout: str = "C") -> Any:
    """Return an array of the shape, dtype and framework for `out`."""
    if isinstance(array, torch.Tensor):
        made = torch.full(array.shape, 7.0, dtype=array.dtype)
        return made.T.contiguous().T if layout == "F" and made.ndim == 2 else made
    return np.full(array.shape, 7.0, array.dtype, order="F" if layout == "F" else "C")


SOFTMAX_OPTIONS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "temperature 0.7": lambda s, k: {"temperature": 0.7},
    "temperature 2": lambda s, k: {"temperature": 2},
    "temperature tensor": lambda s, k: {"temperature": like(k, 1.3)},
    "mask": lambda s, k: {"mask": mask_of(s, k)},
    "mask of classes": lambda s, k: {"mask": row_mask(s, k)},
    "mask, temperature": lambda s, k: {"mask": mask_of(s, k), "temperature": 0.5},
}

LOSS_OPTIONS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "sum": lambda s, k: {"reduction": "sum"},
    "none": lambda s, k: {"reduction": "none"},
    "normalizer 7": lambda s, k: {"normalizer": 7},
    "normalizer tensor": lambda s, k: {"normalizer": like(k, 12.5)},
    "class_weight": lambda s, k: {"class_weight": class_weights(s, k)},
    "class_weight float64": lambda s, k: {"class_weight": class_weights(s, k, "float64")},
    "sample_weight": lambda s, k: {"sample_weight": row_weights(s, k)},
    "sample_weight uint8": lambda s, k: {"sample_weight": row_weights(s, k, "uint8")},
    "both weights": lambda s, k: {"class_weight": class_weights(s, k), "sample_weight": row_weights(s, k)},
    "both weights, none": lambda s, k: {
        "class_weight": class_weights(s, k),
        "sample_weight": row_weights(s, k),
        "reduction": "none",
    },
}
SMOOTH_OPTIONS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "label_smoothing": lambda s, k: {"label_smoothing": 0.1},
    "label_smoothing 1": lambda s, k: {"label_smoothing": 1},
    "z_loss": lambda s, k: {"z_loss": 0.01},
    "smoothing, z_loss": lambda s, k: {"label_smoothing": 0.2, "z_loss": 0.001},
    "everything": lambda s, k: {
        "class_weight": class_weights(s, k),
        "sample_weight": row_weights(s, k),
        "label_smoothing": 0.2,
        "z_loss": 0.001,
        "normalizer": 5.5,
    },
    "everything, none": lambda s, k: {
        "class_weight": class_weights(s, k),
        "sample_weight": row_weights(s, k),
        "label_smoothing": 0.2,
        "z_loss": 0.001,
        "reduction": "none",
    },
}
LOSSES = {"cross_entropy": lw.cross_entropy, "cross_entropy_and_gradient": lw.cross_entropy_and_gradient}


def _over_shapes(call: Callable[[str], Any], shapes: tuple[str, ...] = FEW) -> Callable[[], Any]:
    """Return what calls a function for several shapes, and gives the exception of those that it refuses."""

    def each() -> list[Any]:
        found = []
        for shape in shapes:
            try:
                found.append(call(shape))
            except (TypeError, ValueError) as error:
                found.append([type(error).__name__, str(error)])
        return found

    return each


def _softmaxes(kind: str) -> None:
    for name, function in (("softmax", lw.softmax), ("log_softmax", lw.log_softmax), ("logsumexp", lw.logsumexp)):
        for shape in SHAPES:
            case(f"{name} / {kind} / {shape}", lambda f=function, s=shape: f(*logits_of(s, kind)))
        options = {key: value for key, value in SOFTMAX_OPTIONS.items() if name != "logsumexp" or "temp" not in key}
        for option, of in options.items():
            case(
                f"{name} / {kind} / option {option}",
                _over_shapes(lambda s, f=function, of=of: f(*logits_of(s, kind), **of(s, kind))),
            )
    keep = {"keepdims": True}
    case(
        f"logsumexp / {kind} / option keepdims",
        _over_shapes(lambda s: [lw.logsumexp(*logits_of(s, kind), **keep, mask=m) for m in (None, mask_of(s, kind))]),
    )
    for name, function in (("softmax", lw.softmax), ("log_softmax", lw.log_softmax)):
        case(f"{name} / {kind} / out", _over_shapes(lambda s, f=function: _into(f, s, kind)))
        case(
            f"{name} / {kind} / out, mask, temperature",
            _over_shapes(lambda s, f=function: _into(f, s, kind, mask=mask_of(s, kind), temperature=3.0)),
        )


def _into(function: Callable[..., Any], shape: str, kind: str, *more: Any, **options: Any) -> list[Any]:
    """Return the results with a new out, one in Fortran order, and the input itself as out."""
    found = []
    for which in ("C", "F", "same"):
        logits, axis = logits_of(shape, kind)
        out = logits if which == "same" else empty_like(logits, which)
        arguments = {"axis": axis} if "sigmoid" not in function.__name__ and "binary" not in function.__name__ else {}
        result = function(logits, *more, **arguments, out=out, **options)
        found.append([result, out, result is out, logits])
    return found


def _sigmoids(kind: str) -> None:
    for name, function in (("sigmoid", lw.sigmoid), ("log_sigmoid", lw.log_sigmoid)):
        for shape in ("3x4", "64x10", "6x7x5, axis 1", "40x9, Fortran", "40x9, strided", "3000x50", "hard", "wide"):
            case(f"{name} / {kind} / {shape}", lambda f=function, s=shape: f(logits_of(s, kind)[0]))
        case(f"{name} / {kind} / out", _over_shapes(lambda s, f=function: _into(f, s, kind)))
        case(f"{name} / {kind} / a number", lambda f=function: f(make(1.25, kind)))
        tails = np.concatenate([np.linspace(-120, 120, 997), np.linspace(-800, 800, 101)])
        case(f"{name} / {kind} / tails", lambda f=function, x=tails: f(make(x, kind)))


def _cross_entropies(kind: str) -> None:
    for name, function in LOSSES.items():
        for shape in SHAPES:
            case(
                f"{name} / {kind} / {shape}",
                lambda f=function, s=shape: _loss(f, s, kind, target_of(s, kind)),
            )
        soft = [s for s in SHAPES if s not in ("40x9, strided", "40x9, backwards", "one row", "20x40x30, axis 1")]
        for shape in soft:
            case(
                f"{name} / {kind} / {shape} / soft",
                lambda f=function, s=shape: _loss(f, s, kind, soft_of(s, kind)),
            )
        for option, of in {**LOSS_OPTIONS, **SMOOTH_OPTIONS}.items():
            case(
                f"{name} / {kind} / option {option}",
                _over_shapes(lambda s, f=function, of=of: _loss(f, s, kind, target_of(s, kind), **of(s, kind))),
            )
            case(
                f"{name} / {kind} / soft, option {option}",
                _over_shapes(lambda s, f=function, of=of: _loss(f, s, kind, soft_of(s, kind), **of(s, kind))),
            )
        case(
            f"{name} / {kind} / ignored",
            _over_shapes(
                lambda s, f=function: [
                    _loss(f, s, kind, target_of(s, kind, ignored=-100)),
                    _loss(f, s, kind, target_of(s, kind, ignored=-7), ignore_index=-7, reduction="none"),
                    _loss(f, s, kind, target_of(s, kind), ignore_index=1, label_smoothing=0.1),
                    _loss(f, s, kind, target_of(s, kind, ignored=-100), **SMOOTH_OPTIONS["everything"](s, kind)),
                ]
            ),
        )
        for sign in ("int", "uint"):
            dtypes = [dtype for dtype in INDICES if dtype.startswith(sign)]
            case(
                f"{name} / {kind} / target {sign}",
                _over_shapes(
                    lambda s, f=function, ds=dtypes: [_refusable(f, s, kind, target_of(s, kind, d)) for d in ds]
                ),
            )
    case(
        f"cross_entropy_and_gradient / {kind} / out",
        _over_shapes(lambda s: _into(lw.cross_entropy_and_gradient, s, kind, target_of(s, kind))),
    )
    case(
        f"cross_entropy_and_gradient / {kind} / soft, out",
        _over_shapes(
            lambda s: _into(
                lw.cross_entropy_and_gradient, s, kind, soft_of(s, kind), **SMOOTH_OPTIONS["everything"](s, kind)
            )
        ),
    )
    case(f"cross_entropy_and_gradient / {kind} / out is the target", _over_shapes(lambda s: _into_target(s, kind)))


def _loss(function: Callable[..., Any], shape: str, kind: str, target: Any, **options: Any) -> Any:
    logits, axis = logits_of(shape, kind)
    return function(logits, target, axis=axis, **options)


def _refusable(function: Callable[..., Any], shape: str, kind: str, target: Any) -> Any:
    try:
        return _loss(function, shape, kind, target)
    except (TypeError, ValueError) as error:
        return [type(error).__name__, str(error)]


def _into_target(shape: str, kind: str) -> list[Any]:
    logits, axis = logits_of(shape, kind)
    target = soft_of(shape, kind)
    result = lw.cross_entropy_and_gradient(logits, target, axis=axis, out=target)
    return [result, target, result[1] is target, logits]


BINARY_OPTIONS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "sum": lambda s, k: {"reduction": "sum"},
    "none": lambda s, k: {"reduction": "none"},
    "normalizer 7": lambda s, k: {"normalizer": 7},
    "normalizer tensor": lambda s, k: {"normalizer": like(k, 12.5)},
    "sample_weight": lambda s, k: {"sample_weight": _element_weights(s, k)},
    "sample_weight of a number": lambda s, k: {"sample_weight": like(k, 2.5)},
    "pos_weight": lambda s, k: {"pos_weight": like(k, 3.0)},
    "pos_weight of columns": lambda s, k: {"pos_weight": like(k, 0.5 + np.arange(_values(s).shape[-1]) % 4)},
    "everything": lambda s, k: {
        "sample_weight": _element_weights(s, k),
        "pos_weight": like(k, 0.5 + np.arange(_values(s).shape[-1]) % 4),
        "normalizer": 3.5,
    },
    "everything, none": lambda s, k: {
        "sample_weight": _element_weights(s, k),
        "pos_weight": like(k, 2.0),
        "reduction": "none",
    },
}


def _element_weights(shape: str, kind: str) -> Any:
    values = _values(shape)
    return like(kind, (np.arange(values.size) % 4 * 0.5).reshape(values.shape))


def _labels(shape: str, kind: str, dtype: str | None) -> Any:
    found = np.random.default_rng([5, *_values(shape).shape]).random(_values(shape).shape)
    return like(kind, found if dtype is None else found > 0.6, dtype)


def _binaries(kind: str) -> None:
    functions = {
        "binary_cross_entropy_with_logits": lw.binary_cross_entropy_with_logits,
        "binary_cross_entropy_with_logits_and_gradient": lw.binary_cross_entropy_with_logits_and_gradient,
    }
    for name, function in functions.items():
        for shape in ("3x4", "64x10", "6x7x5, axis 1", "40x9, Fortran", "40x9, strided", "3000x50", "hard", "one row"):
            case(
                f"{name} / {kind} / {shape}",
                lambda f=function, s=shape: [f(logits_of(s, kind)[0], _labels(s, kind, d)) for d in (None, "bool")],
            )
        dtypes = ("int8", "int64", "uint8", "bool", "float64", "float32")
        case(
            f"{name} / {kind} / targets",
            _over_shapes(lambda s, f=function, ds=dtypes: [f(logits_of(s, kind)[0], _labels(s, kind, d)) for d in ds]),
        )
        for option, of in BINARY_OPTIONS.items():
            case(
                f"{name} / {kind} / option {option}",
                _over_shapes(
                    lambda s, f=function, of=of: f(logits_of(s, kind)[0], _labels(s, kind, None), **of(s, kind))
                ),
            )
    case(
        f"binary_cross_entropy_with_logits_and_gradient / {kind} / out",
        _over_shapes(
            lambda s: _into(
                lw.binary_cross_entropy_with_logits_and_gradient, s, kind, _labels(s, kind, "int64"), reduction="sum"
            )
        ),
    )


def _probabilities(shape: str, kind: str) -> tuple[Any, int]:
    values, axis = np.nan_to_num(_values(shape)), SHAPES[shape][1]
    return make(reference.softmax(values, axis), kind, SHAPES[shape][2]), axis


def _log_losses(kind: str) -> None:
    def loss(shape: str, target: Any, **options: Any) -> Any:
        probabilities, axis = _probabilities(shape, kind)
        return lw.log_loss(probabilities, target, axis=axis, **options)

    for shape in SHAPES:
        case(f"log_loss / {kind} / {shape}", lambda s=shape: loss(s, target_of(s, kind)))
    case(f"log_loss / {kind} / soft", _over_shapes(lambda s: loss(s, soft_of(s, kind))))
    case(
        f"log_loss / {kind} / ignored",
        _over_shapes(lambda s: loss(s, target_of(s, kind, "int32", ignored=-5), ignore_index=-5)),
    )
    for option, of in LOSS_OPTIONS.items():
        case(
            f"log_loss / {kind} / option {option}",
            _over_shapes(lambda s, of=of: [loss(s, t(s, kind), **of(s, kind)) for t in (target_of, soft_of)]),
        )


def _others() -> None:
    integers = np.arange(12).reshape(3, 4) % 5
    case("softmax / integers and lists", lambda: [lw.softmax(integers), lw.softmax(integers.tolist()), lw.softmax([1])])
    case("cross_entropy / lists", lambda: [lw.cross_entropy([[1, 2.0], [3, 0]], [0, 1]), lw.cross_entropy([1, 2.0], 1)])
    case("log_loss / lists", lambda: lw.log_loss([[0.25, 0.75], [0.5, 0.5]], [0, 1], reduction="none"))
    case("binary_cross_entropy_with_logits / a number", lambda: lw.binary_cross_entropy_with_logits(0.5, 1))
    case("sigmoid / lists", lambda: [lw.sigmoid([1, 2]), lw.log_sigmoid(3), lw.sigmoid(np.float32(2))])
    swapped = numbers(9, 5).astype(">f4")
    target = (np.arange(9) % 5).astype(">i2")
    case(
        "cross_entropy / other byte order",
        lambda: [
            lw.softmax(swapped),
            lw.cross_entropy(swapped, target),
            lw.cross_entropy_and_gradient(swapped, target),
        ],
    )
    shared = np.broadcast_to(numbers(1, 6), (8, 6))
    case("softmax / rows that share memory", lambda: [lw.softmax(shared), lw.cross_entropy(shared, np.arange(8) % 6)])
    case("checks / off says nothing", lambda: _with_checks("off"))
    case("checks / raise raises", lambda: _with_checks("raise"))
    for name in ("softmax", "log_softmax", "logsumexp"):
        function = getattr(reference, name)
        case(
            f"reference {name}",
            lambda f=function: [f(_values(s), SHAPES[s][1]) for s in SHAPES if s != "no rows"],
        )
    tails = np.concatenate([np.linspace(-120, 120, 997), [-np.inf, np.inf, np.nan, -0.0]])
    for name in ("sigmoid", "log_sigmoid", "softplus"):
        case(f"reference {name}", lambda name=name: getattr(reference, name)(tails))
    case("reference softmax, temperature and mask", _reference_masked)
    case("reference cross_entropy", _reference_losses)


def _with_checks(mode: str) -> Any:
    with lw.checks(mode):
        try:
            return lw.cross_entropy(lw.softmax(numbers(32, 5)), np.arange(32) % 5)
        except Exception as error:
            return [type(error).__name__, str(error)]


def _reference_masked() -> list[Any]:
    values, mask = numbers(40, 9), np.random.default_rng(0).random((40, 9)) > 0.3
    functions = (reference.softmax, reference.log_softmax)
    return [f(values, 1, temperature=0.7, mask=mask) for f in functions] + [reference.logsumexp(values, 1, mask=mask)]


def _reference_losses() -> list[Any]:
    values, target = numbers(40, 9), np.arange(40) % 9
    one_hot = reference.one_hot(target, 9, 1)
    binary = reference.binary_cross_entropy_with_logits(values, one_hot)
    return [one_hot, binary, reference.log_loss(reference.softmax(values, 1), one_hot, 1)]


def add() -> None:
    """Add the cases of this file."""
    for kind in KINDS:
        _softmaxes(kind)
        _sigmoids(kind)
        _cross_entropies(kind)
        _binaries(kind)
        _log_losses(kind)
    _others()
