"""`python -m benchmarks.numerics [--write]`: the largest error of every function, dtype and number of classes.

Beside it stand the largest errors of torch and SciPy over the same inputs. Inputs are hard rows as each dtype stores
them; the exact values come from mpmath at 60 digits. With `--write` the tables replace those in docs/numerics.md.

To add a function, add an entry to `OF_ROWS` or `OF_ELEMENTS`: its name, the questions put to it, and who answers them.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import warnings
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import special

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from benchmarks import usual_formulas  # noqa: E402

import logitwise as lw  # noqa: E402
from functional import oracle  # noqa: E402
from functional.budgets import VALUE_ULP, ulp  # noqa: E402
from functional.inputs import make, values_of  # noqa: E402
from functional.test_numbers_of_classes import hard_rows  # noqa: E402

F = torch.nn.functional
PAGE = ROOT / "docs" / "numerics.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
DTYPES = ("float32", "float64", "bfloat16", "float16")
CLASSES = (2, 10, 100, 256, 1000, 100_000)
MOST_FOR_ALL_ROWS = 1000  # classes: above, mpmath answers a few of the rows in the time that there is
ELEMENTS = np.concatenate([np.linspace(-100, 100, 401), np.geomspace(1e-6, 80, 60), -np.geomspace(1e-6, 80, 60)])


class Question(NamedTuple):
    """Arguments, and the exact answer.

    Attributes:
        arguments: Arrays: those of floats as a dtype stores them, in float64; integers are class indices.
        exact: The exact result.
        scale: The numbers of which the error is measured in ulp, where they are larger than the result.
    """

    arguments: tuple[np.ndarray, ...]
    exact: np.ndarray
    scale: np.ndarray | float = 0.0


class Function(NamedTuple):
    """A row of a table, for each dtype.

    Attributes:
        name: What is measured.
        ask: Returns the question for a dtype and, for a function of rows, a number of classes.
        ours: Answers it by this library, for tensors.
        torch: Answers it by torch, or None.
        scipy: Answers it by SciPy, for arrays, or None.
    """

    name: str
    ask: Callable[..., Question]
    ours: Callable[..., Any]
    torch: Callable[..., Any] | None = None
    scipy: Callable[..., Any] | None = None


# --- inputs -----------------------------------------------------------------------------------------------------------


@cache
def rows_of_logits(dtype: str, classes: int) -> np.ndarray:
    """Return hard rows of logits as a dtype stores them."""
    rows = hard_rows(classes, dtype)
    if classes > MOST_FOR_ALL_ROWS:
        return rows[[0, 5, 7]]
    largest = torch.finfo(getattr(torch, dtype)).max
    more = _more_rows(classes)
    more = np.where(np.isneginf(more), more, np.clip(more, -largest, largest))
    return np.concatenate([rows, values_of(make(more, f"torch {dtype}"))])


def _more_rows(classes: int) -> np.ndarray:
    """Return rows of wide spread, with common offsets, confident, with -inf, subnormal probabilities, and ties."""
    generator = np.random.default_rng(classes)
    sixteenths = np.round(generator.standard_normal((2, classes)) * 64) / 16
    confident = np.zeros((7, classes))
    confident[:, 0] = 16.0, 20.0, 40.0, 90.0, 103.0, 700.0, 740.0
    masked, tied = generator.standard_normal((2, classes))
    masked[1::3] = -np.inf
    tied[: classes // 2 + 1] = 5.0
    return np.vstack(
        [
            generator.standard_normal((2, classes)) * 60,
            generator.standard_normal(classes) + 1000.0,
            sixteenths + np.array([[1e6], [-1e6]]),
            np.full(classes, -np.log(classes)),  # logsumexp cancels
            confident,
            confident[:, ::-1] - 5.0,
            masked,
            tied,
        ]
    )


def of_rows(answer: Callable[[np.ndarray], np.ndarray]) -> Callable[[str, int], Question]:
    """Return what asks for a function of logits that `answer` computes exactly."""

    @cache
    def ask(dtype: str, classes: int) -> Question:
        logits = rows_of_logits(dtype, classes)
        return Question((logits,), answer(logits))

    return ask


def of_elements(answer: Callable[[np.ndarray], np.ndarray]) -> Callable[[str], Question]:
    """Return what asks for a function of single numbers that `answer` computes exactly."""

    def ask(dtype: str) -> Question:
        z = values_of(make(ELEMENTS, f"torch {dtype}"))
        return Question((z,), answer(z))

    return ask


def logsumexp(dtype: str, classes: int) -> Question:
    """A result that cancels to near 0 is measured in ulp of the largest logit."""
    logits = rows_of_logits(dtype, classes)
    return Question((logits,), oracle.logsumexp(logits), np.abs(logits).max(1, where=np.isfinite(logits), initial=0.0))


@cache
def rows_and_other_rows(dtype: str, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows beside other rows and beside rows that are nearly equal, and the divergence of each pair."""
    logits = rows_of_logits(dtype, classes)
    noise = 8.0 * torch.finfo(getattr(torch, dtype)).eps * np.random.default_rng(classes).standard_normal(logits.shape)
    near = values_of(make(np.where(np.isfinite(logits), logits * (1.0 + noise), logits), f"torch {dtype}"))
    rows, others = np.concatenate([logits, logits]), np.concatenate([logits[::-1], near])
    return rows, others, oracle.kl_divergence(rows, others)[0]


def divergence(dtype: str, classes: int) -> Question:
    rows, others, exact = rows_and_other_rows(dtype, classes)
    return Question((rows, others), exact)


@cache
def rows_and_targets(dtype: str, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return each row with the most probable class and with another one as its target, the loss and the gradient."""
    logits = rows_of_logits(dtype, classes)
    probable, other = logits.argmax(1), np.arange(len(logits)) * 3 % classes
    target = np.concatenate([probable, other])
    logits = np.concatenate([logits, logits])
    asked = oracle.Loss(_one_hot(target, classes), np.ones(classes), np.ones(len(logits)))
    return logits, target, *oracle.cross_entropy(logits, asked)


def _one_hot(target: np.ndarray, classes: int) -> np.ndarray:
    return (target[:, None] == np.arange(classes)).astype(np.float64)


def loss(dtype: str, classes: int) -> Question:
    logits, target, losses, _ = rows_and_targets(dtype, classes)
    return Question((logits, target), losses)


def focal(dtype: str, classes: int) -> Question:
    logits, target, _, _ = rows_and_targets(dtype, classes)
    asked = oracle.Loss(_one_hot(target, classes), np.ones(classes), np.ones(len(logits)))
    return Question((logits, target), oracle.focal_loss(logits, asked, 2.0)[0])


def gradient_at_target(dtype: str, classes: int) -> Question:
    logits, target, _, gradient = rows_and_targets(dtype, classes)
    return Question((logits, target), gradient[np.arange(len(target)), target])


def loss_of_probabilities(dtype: str, classes: int) -> Question:
    """Soft targets; the probabilities are rounded, so those of 16 bits need not sum to 1."""
    logits = hard_rows(classes, dtype)[:3] / 4
    truth = np.random.default_rng(classes).dirichlet(np.full(classes, 0.7), 3)
    truth[0] = 1.0 / classes
    probabilities, truth = (values_of(make(each, f"torch {dtype}")) for each in (lw.softmax(logits), truth))
    return Question((probabilities, truth), oracle.log_loss(probabilities, truth))


def our_gradient(z: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return lw.cross_entropy_and_gradient(z, target, reduction="none")[1][range(len(target)), target]


def torch_gradient(z: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    leaf = z.detach().requires_grad_()
    return torch.autograd.grad(F.cross_entropy(leaf, target, reduction="sum"), leaf)[0][range(len(target)), target]


# --- functions --------------------------------------------------------------------------------------------------------

OF_ROWS = (
    Function(
        "softmax",
        of_rows(oracle.softmax),
        lw.softmax,
        lambda z: torch.softmax(z, -1),
        lambda z: special.softmax(z, -1),
    ),
    Function(
        "log_softmax",
        of_rows(oracle.log_softmax),
        lw.log_softmax,
        lambda z: torch.log_softmax(z, -1),
        lambda z: special.log_softmax(z, -1),
    ),
    Function(
        "logsumexp", logsumexp, lw.logsumexp, lambda z: torch.logsumexp(z, -1), lambda z: special.logsumexp(z, -1)
    ),
    Function(
        "cross_entropy, a row",
        loss,
        lambda z, y: lw.cross_entropy(z, y, reduction="none"),
        lambda z, y: F.cross_entropy(z, y, reduction="none"),
    ),
    Function("gradient of cross_entropy, at the target", gradient_at_target, our_gradient, torch_gradient),
    Function(
        "entropy",
        of_rows(lambda z: oracle.entropy(z)[0]),
        lw.entropy,
        lambda z: -(F.softmax(z, -1) * F.log_softmax(z, -1)).sum(-1),
        lambda z: special.entr(special.softmax(z, -1)).sum(-1),
    ),
    Function(
        "kl_divergence, a row",
        divergence,
        lambda z, t: lw.kl_divergence(z, t, reduction="none"),
        lambda z, t: F.kl_div(z.log_softmax(-1), t.log_softmax(-1), reduction="none", log_target=True).sum(-1),
        lambda z, t: special.rel_entr(special.softmax(t, -1), special.softmax(z, -1)).sum(-1),
    ),
    Function(
        "focal_loss, gamma 2, a row",
        focal,
        lambda z, y: lw.focal_loss(z, y, reduction="none"),
        lambda z, y: usual_formulas.focal_losses(z, y),
    ),
    Function("log_loss, a row, soft target", loss_of_probabilities, lambda p, y: lw.log_loss(p, y, reduction="none")),
)
OF_ELEMENTS = (
    Function("sigmoid", of_elements(oracle.sigmoid), lw.sigmoid, torch.sigmoid, special.expit),
    Function("log_sigmoid", of_elements(oracle.log_sigmoid), lw.log_sigmoid, F.logsigmoid, special.log_expit),
    Function(
        "binary_cross_entropy_with_logits, an element",
        of_elements(lambda z: oracle.binary_cross_entropy(z, np.zeros_like(z), 1.0)[0]),
        lambda z: lw.binary_cross_entropy_with_logits(z, torch.zeros_like(z), reduction="none"),
        lambda z: F.binary_cross_entropy_with_logits(z, torch.zeros_like(z), reduction="none"),
    ),
    Function(
        "binary_focal_loss_with_logits, gamma 2, an element",
        of_elements(lambda z: oracle.binary_focal_loss(z, np.zeros_like(z), 1.0, 2.0)[0]),
        lambda z: lw.binary_focal_loss_with_logits(z, torch.zeros_like(z), reduction="none"),
        lambda z: usual_formulas.binary_focal_losses(z, torch.zeros_like(z)) / 0.75,
    ),
)


# --- tables -----------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.numerics")
    parser.add_argument("--write", action="store_true", help="replace the tables in docs/numerics.md")
    is_to_write = parser.parse_args().write
    measured = _measured()
    print(measured)
    if is_to_write:
        text = PAGE.read_text(encoding="utf-8")
        head, tail = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
        PAGE.write_text(f"{head}\n{measured}\n{tail}", encoding="utf-8")


def _measured() -> str:
    names = ("logitwise", "torch", "scipy", "numpy", "mpmath")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    numbers = [f"{classes:,}" for classes in CLASSES]
    numbers[0] = f"{CLASSES[0]} classes"
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return "\n".join(
            [
                f"Measured on {datetime.date.today()} with {versions}.",
                "",
                *_table(OF_ROWS, numbers, CLASSES),
                "",
                *_table(OF_ELEMENTS, ["logitwise"], (None,)),
            ]
        )


def _table(functions: Iterable[Function], ours: list[str], sizes: tuple[int | None, ...]) -> list[str]:
    """Return the lines of a table with a column of our errors for each of the sizes."""
    columns = ["function", "dtype", "budget, ulp", *ours, "torch", "SciPy"]
    lines = [_line(columns), _line(["---"] * len(columns))]
    for function in functions:
        for dtype in DTYPES:
            questions = [function.ask(dtype) if size is None else function.ask(dtype, size) for size in sizes]
            cells = [_largest([question], function.ours, dtype, "torch") for question in questions]
            peers = (_largest(questions, getattr(function, peer), dtype, peer) for peer in ("torch", "scipy"))
            lines.append(_line([function.name, dtype, f"{VALUE_ULP[dtype]:g}", *cells, *peers]))
    return lines


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _largest(questions: list[Question], function: Callable[..., Any] | None, dtype: str, whose: str) -> str:
    """Return the largest error over the questions; 'none' where there is no such function for the dtype."""
    if function is None or (whose == "scipy" and dtype in ("bfloat16", "float16")):
        return "none"
    kind = f"numpy {dtype}" if whose == "scipy" else f"torch {dtype}"
    largest = max(_error(function, question, kind) for question in questions)
    return f"{largest:.2g}" if np.isfinite(largest) else "not finite"


def _error(function: Callable[..., Any], question: Question, kind: str) -> float:
    framework, dtype = kind.split()
    arguments = (make(each, kind if each.dtype.kind == "f" else f"{framework} int64") for each in question.arguments)
    values, exact = values_of(function(*arguments)), question.exact
    same = (values == exact) | (np.isnan(values) & np.isnan(exact))
    same |= np.isinf(values) & (np.abs(exact) > torch.finfo(getattr(torch, dtype)).max)
    size = np.maximum(ulp(exact, dtype), ulp(np.broadcast_to(question.scale, exact.shape), dtype))
    errors = np.where(same, 0.0, np.abs(values - exact) / size)
    return float(np.max(np.where(np.isnan(errors), np.inf, errors), initial=0.0))


if __name__ == "__main__":
    main()
