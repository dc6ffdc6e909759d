"""`python -m benchmarks.numerics [--write]`: the worst error of every function and dtype, beside torch's and SciPy's.

The inputs are the named cases of the tests, stored in each dtype; the exact values come from mpmath at 60 digits.
With `--write` the table replaces the one in docs/numerics.md.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import special

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import logitwise as lw  # noqa: E402
from functional import oracle  # noqa: E402
from functional.budgets import VALUE_ULP, ulp  # noqa: E402
from functional.cases import CASES  # noqa: E402
from functional.inputs import exact, exact_loss, loss_inputs, make, stored, values_of  # noqa: E402

PAGE = ROOT / "docs" / "numerics.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
DTYPES = ("float32", "float64", "bfloat16", "float16")
LOSS_CASES = [name for name in CASES if name != "many equal classes"]
ELEMENTS = np.concatenate([np.linspace(-100, 100, 401), np.geomspace(1e-6, 80, 60), -np.geomspace(1e-6, 80, 60)])

Answer = tuple[np.ndarray, np.ndarray | None]  # exact values, and the scale of the error where that is not their own
Inputs = Callable[[str], list[tuple[Any, Answer]]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.numerics")
    parser.add_argument("--write", action="store_true", help="replace the table in docs/numerics.md")
    table = _table()
    print(table)
    if parser.parse_args().write:
        text = PAGE.read_text(encoding="utf-8")
        head, tail = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
        PAGE.write_text(f"{head}\n{table}\n{tail}", encoding="utf-8")


def _table() -> str:
    names = ("logitwise", "torch", "scipy", "numpy", "mpmath")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    lines = [f"Measured on {datetime.date.today()} with {versions}.", ""]
    lines += ["| function | dtype | budget, ulp | logitwise | torch | SciPy |", "| --- | --- | --- | --- | --- | --- |"]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name, inputs, contenders in _functions():
            for dtype in DTYPES:
                cells = [_worst(inputs(dtype), contender, dtype) for contender in contenders]
                lines.append(f"| {name} | {dtype} | {VALUE_ULP[dtype]:g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _functions() -> list[tuple[str, Inputs, list[Callable[..., Any] | None]]]:
    """Return name, inputs with exact answers, and what to measure: ours, torch's, SciPy's."""
    functional = torch.nn.functional
    return [
        ("softmax", _rows("softmax"), [lw.softmax, lambda z: torch.softmax(z, -1), lambda z: special.softmax(z, -1)]),
        (
            "log_softmax",
            _rows("log_softmax"),
            [lw.log_softmax, lambda z: torch.log_softmax(z, -1), lambda z: special.log_softmax(z, -1)],
        ),
        (
            "logsumexp",
            _logsumexp_rows,
            [lw.logsumexp, lambda z: torch.logsumexp(z, -1), lambda z: special.logsumexp(z, -1)],
        ),
        ("sigmoid", _elements("sigmoid"), [lw.sigmoid, torch.sigmoid, special.expit]),
        ("log_sigmoid", _elements("log_sigmoid"), [lw.log_sigmoid, functional.logsigmoid, special.log_expit]),
        ("entropy", _entropies, [lw.entropy, _torch_entropy, None]),
        ("kl_divergence of nearly equal rows", _divergences, [_our_divergence, _torch_divergence, None]),
        ("cross_entropy, a row", _losses, [_our_loss, _torch_loss, None]),
        ("gradient of cross_entropy, at the target", _target_gradients, [_our_gradient, _torch_gradient, None]),
        (
            "binary_cross_entropy_with_logits, an element",
            _binary_losses,
            [
                lambda z: lw.binary_cross_entropy_with_logits(z, z > 1e300, reduction="none"),
                lambda z: functional.binary_cross_entropy_with_logits(z, torch.zeros_like(z), reduction="none"),
                None,
            ],
        ),
    ]


def _rows(function: str) -> Inputs:
    return lambda dtype: [(stored(name, dtype), (exact(function, name, dtype), None)) for name in CASES]


def _logsumexp_rows(dtype: str) -> list[tuple[Any, Answer]]:
    """A result that cancels to near 0 is measured in ulp of the largest logit."""
    rows = [(stored(name, dtype), exact("logsumexp", name, dtype)) for name in CASES]
    return [(z, (answer, np.abs(z).max(1, where=np.isfinite(z), initial=0.0))) for z, answer in rows]


def _entropies(dtype: str) -> list[tuple[Any, Answer]]:
    return [(stored(name, dtype), (oracle.entropy(stored(name, dtype))[0], None)) for name in LOSS_CASES]


def _divergences(dtype: str) -> list[tuple[Any, Answer]]:
    """Return rows, and the same with a relative noise of eight rounding errors as the target."""
    generator, pairs = np.random.default_rng(20261128), []
    for name in LOSS_CASES:
        z = stored(name, dtype)
        noise = 1.0 + 8.0 * float(torch.finfo(getattr(torch, dtype)).eps) * generator.standard_normal(z.shape)
        with np.errstate(invalid="ignore"):
            target = values_of(make(z * noise, f"torch {dtype}"))
        target = np.where(np.isfinite(target), target, z)
        pairs.append(((z, target), (oracle.kl_divergence(z, target)[0], None)))
    return pairs


def _torch_entropy(z: torch.Tensor) -> torch.Tensor:
    return -(torch.log_softmax(z, -1) * torch.softmax(z, -1)).sum(-1)


def _our_divergence(z: Any, target: np.ndarray) -> Any:
    return lw.kl_divergence(z, make(target, f"torch {str(z.dtype)[6:]}"), reduction="none")


def _torch_divergence(z: torch.Tensor, target: np.ndarray) -> torch.Tensor:
    own, other = (torch.log_softmax(each, -1) for each in (z, make(target, f"torch {str(z.dtype)[6:]}")))
    return torch.nn.functional.kl_div(own, other, log_target=True, reduction="none").sum(-1)


def _elements(function: str) -> Inputs:
    def inputs(dtype: str) -> list[tuple[Any, Answer]]:
        z = values_of(make(ELEMENTS, f"torch {dtype}"))
        return [(z, (getattr(oracle, function)(z), None))]

    return inputs


def _binary_losses(dtype: str) -> list[tuple[Any, Answer]]:
    z = values_of(make(ELEMENTS, f"torch {dtype}"))
    return [(z, (oracle.binary_cross_entropy(z, np.zeros_like(z), 1.0)[0], None))]


def _losses(dtype: str) -> list[tuple[Any, Answer]]:
    return [
        (
            (stored(name, dtype), loss_inputs(name, "plain", False)[0]),
            (exact_loss(name, dtype, "plain", False)[0], None),
        )
        for name in LOSS_CASES
    ]


def _target_gradients(dtype: str) -> list[tuple[Any, Answer]]:
    rows = []
    for name in LOSS_CASES:
        target = loss_inputs(name, "plain", False)[0]
        gradient = exact_loss(name, dtype, "plain", False)[1]
        rows.append(((stored(name, dtype), target), (gradient[np.arange(len(target)), target], None)))
    return rows


def _our_loss(z: Any, target: np.ndarray) -> Any:
    target = torch.as_tensor(target) if isinstance(z, torch.Tensor) else target
    return lw.cross_entropy(z, target, reduction="none")


def _torch_loss(z: torch.Tensor, target: np.ndarray) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(z, torch.as_tensor(target), reduction="none")


def _our_gradient(z: Any, target: np.ndarray) -> Any:
    where = torch.as_tensor(target) if isinstance(z, torch.Tensor) else target
    gradient = values_of(lw.cross_entropy_and_gradient(z, where, reduction="none")[1])
    return gradient[np.arange(len(target)), target]


def _torch_gradient(z: torch.Tensor, target: np.ndarray) -> torch.Tensor:
    leaf = z.detach().requires_grad_()
    loss = torch.nn.functional.cross_entropy(leaf, torch.as_tensor(target), reduction="sum")
    return torch.autograd.grad(loss, leaf)[0][np.arange(len(target)), target]


def _worst(inputs: list[tuple[Any, Answer]], contender: Callable[..., Any] | None, dtype: str) -> str:
    """Return the worst error over the inputs; 'none' where there is no such function for the dtype."""
    is_scipy = contender is not None and "special" in (getattr(contender, "__code__", None) or _NoCode).co_names
    is_scipy = is_scipy or isinstance(contender, np.ufunc)
    if contender is None or (is_scipy and dtype in ("bfloat16", "float16")):
        return "none"
    errors = [_error(contender, z, answer, dtype, is_scipy) for z, answer in inputs]
    worst = max(errors)
    return f"{worst:.2g}" if np.isfinite(worst) else "not finite"


class _NoCode:
    co_names: tuple[str, ...] = ()


def _error(contender: Callable[..., Any], z: Any, answer: Answer, dtype: str, is_scipy: bool) -> float:
    kind = f"numpy {dtype}" if is_scipy else f"torch {dtype}"
    arguments = (make(z[0], kind), *z[1:]) if isinstance(z, tuple) else (make(z, kind),)
    exact_values, scale = answer
    values = values_of(contender(*arguments))
    size = ulp(exact_values, dtype) if scale is None else np.maximum(ulp(exact_values, dtype), ulp(scale, dtype))
    same = (values == exact_values) | (np.isnan(values) & np.isnan(exact_values))
    largest = float(torch.finfo(getattr(torch, dtype)).max)
    same |= np.isinf(values) & (np.abs(exact_values) > largest)
    errors = np.where(same, 0.0, np.abs(values - exact_values) / size)
    return float(np.max(np.where(np.isnan(errors), np.inf, errors), initial=0.0))


if __name__ == "__main__":
    main()
