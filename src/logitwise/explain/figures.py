"""The figures of the tutorial, drawn from the same numbers: `python -m logitwise.explain.figures docs/figures`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from logitwise.explain.explanation import explain
from logitwise.explain.shapes import LossFrame, arrow, circle, document, line, rectangle, text
from logitwise.explain.text import number
from logitwise.functional import log_loss

SCORES = (2.0, 1.0, 0.1)
PREDICTIONS = {"good": (0.7, 0.2, 0.1), "bad": (0.1, 0.3, 0.6)}
RIGHT_CLASS = 0
ROW_HEIGHT = 36
PIXELS, HIDDEN_UNITS = 784, 5


def softmax_figure() -> str:
    """Return the softmax layer: scores, their exponentials, probabilities."""
    seen = explain(SCORES)
    rows = [f"class {index}" for index in range(len(SCORES))]
    panels = [
        ("scores", "any numbers", seen.logits, 2.0),
        ("exp(score - largest)", f"positive, sum {number(seen.total)}", seen.exponentials, 1.0),
        ("probabilities", "divided by the sum, so their sum is 1", seen.probabilities, 1.0),
    ]
    shapes = [text(72, 98 + ROW_HEIGHT * row, name, "end") for row, name in enumerate(rows)]
    for place, (title, subtitle, values, longest) in enumerate(panels):
        left = 90 + 250 * place
        shapes += [text(left, 34, title, "title"), text(left, 54, subtitle, "note")]
        shapes += _bars(left, 78, values, longest, 120)
    shapes += [arrow(left, 129, left + 32) for left in (290, 540)]
    return document(840, 196, "Softmax", "Scores 2, 1 and 0.1 become probabilities 0.6590, 0.2424 and 0.0986.", shapes)


def _bars(left: float, top: float, values: Sequence[float], longest: float, width: float, right: int = -1) -> list[str]:
    """Return a bar and its number for each value, from a common ground line; `right` is the one in the accent."""
    shapes = [line(left, top - 6, left, top + ROW_HEIGHT * len(values) - 2, "ground")]
    for row, value in enumerate(values):
        y, length = top + ROW_HEIGHT * row, value / longest * width
        shapes.append(rectangle(left, y, length, 28, "accent" if row == right else "bar"))
        shapes.append(text(left + length + 8, y + 19, number(value), "right" if row == right else ""))
    return shapes


def losses_figure() -> str:
    """Return a good and a bad prediction of the same class, and where they are on the curve of the loss."""
    shapes: list[str] = []
    frame = LossFrame(480, 56, 330, 220)
    shapes += frame.shapes()
    losses = {name: float(log_loss(list(p), RIGHT_CLASS)) for name, p in PREDICTIONS.items()}
    for place, (name, probabilities) in enumerate(PREDICTIONS.items()):
        top, right = 40 + 150 * place, probabilities[RIGHT_CLASS]
        shapes.append(text(90, top, f"{name}: -log({right:g}) = {losses[name]:.4f}", "title"))
        shapes += [text(72, top + 36 + ROW_HEIGHT * row, f"class {row}", "end") for row in range(3)]
        shapes += _bars(90, top + 16, probabilities, 1.0, 220, RIGHT_CLASS)
        x, y = frame.x(right), frame.y(losses[name])
        shapes += [line(x, frame.y(0.0), x, y, "guide"), circle(x, y, 6, "point")]
        shapes.append(text(x + 12, y - 8, f"{name} {losses[name]:.4f}", "right"))
    description = "Given the right class 0 a probability of 0.7, the loss is 0.3567; given 0.1, it is 2.3026."
    return document(840, 326, "A good and a bad prediction, and their losses", description, shapes)


def binary_network_figure() -> str:
    """Return the network for two classes."""
    return _network(1, "sigmoid", "probability of class 1", "A network for two classes")


def multiclass_network_figure() -> str:
    """Return the network for three classes."""
    return _network(3, "softmax", "one probability per class", "A network for three classes")


def _network(outputs: int, function: str, meaning: str, title: str) -> str:
    inputs = [(90.0, y) for y in (66.0, 102.0, 138.0, 210.0, 246.0)]
    hidden = [(330.0, 66.0 + 45.0 * unit) for unit in range(HIDDEN_UNITS)]
    logits = [(560.0, 156.0 + 64.0 * (unit - (outputs - 1) / 2)) for unit in range(outputs)]
    shapes = [line(*a, *b, "wire") for a in inputs for b in hidden]
    shapes += [line(*a, *b, "wire") for a in hidden for b in logits]
    shapes += [circle(x, y, 11, "unit") for x, y in (*inputs, *hidden, *logits)]
    shapes += [circle(90, y, 2, "dot") for y in (164, 174, 184)]
    for _, y in logits:
        shapes.append(arrow(584, y, 640))
    shapes += [text(656, y + 5, _output_name(unit, outputs), "right") for unit, (_, y) in enumerate(logits)]
    captions = {90: (f"{PIXELS} pixels", ""), 330: (f"{HIDDEN_UNITS} hidden units", "ReLU")}
    captions[560] = (f"{outputs} logit{'s' * (outputs > 1)}", "any number")
    captions[700] = (function, meaning)
    for x, (name, note) in captions.items():
        shapes += [text(x, 292, name, "title middle"), text(x, 312, note, "note middle")]
    loss = "binary cross-entropy" if outputs == 1 else "cross-entropy"
    description = (
        f"{PIXELS} inputs, {HIDDEN_UNITS} hidden units with ReLU, {outputs} output{'s' * (outputs > 1)}; "
        f"{function} gives {meaning}. The loss is {loss} of the logits."
    )
    return document(840, 336, title, description, shapes)


def _output_name(unit: int, outputs: int) -> str:
    return "p of class 1" if outputs == 1 else f"p of class {unit}"


FIGURES: dict[str, Callable[[], str]] = {
    "softmax.svg": softmax_figure,
    "losses.svg": losses_figure,
    "binary-network.svg": binary_network_figure,
    "multiclass-network.svg": multiclass_network_figure,
}


def write_figures(folder: Path) -> None:
    """Write every figure into a folder, made where it does not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in FIGURES.items():
        (folder / name).write_text(draw(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write_figures(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/figures"))
