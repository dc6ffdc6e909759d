"""The few shapes that the page and the figures are drawn from, as SVG text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from importlib.resources import files

HIGHEST_LOSS = 5.0


def resource(name: str) -> str:
    """Return the text of a file that lies beside this one."""
    return files("logitwise.explain").joinpath(name).read_text(encoding="utf-8")


def short(value: float) -> str:
    """Return a coordinate to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def text(x: float, y: float, words: str, style: str = "") -> str:
    """Return words at a place; `style` names classes of the style sheet."""
    return f'<text x="{short(x)}" y="{short(y)}"{_class(style)}>{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, style: str = "axis") -> str:
    """Return a straight line."""
    return f'<path d="M{short(x1)} {short(y1)}L{short(x2)} {short(y2)}"{_class(style)}/>'


def arrow(x1: float, y: float, x2: float) -> str:
    """Return a level arrow that points right."""
    return f'<path d="M{short(x1)} {short(y)}H{short(x2)}m-6 -4l6 4l-6 4" class="arrow"/>'


def rectangle(x: float, y: float, width: float, height: float, style: str) -> str:
    """Return a rectangle."""
    return f'<rect x="{short(x)}" y="{short(y)}" width="{short(width)}" height="{short(height)}"{_class(style)}/>'


def circle(x: float, y: float, radius: float, style: str) -> str:
    """Return a disc."""
    return f'<circle cx="{short(x)}" cy="{short(y)}" r="{short(radius)}"{_class(style)}/>'


def _class(style: str) -> str:
    return f' class="{style}"' if style else ""


def document(width: int, height: int, title: str, description: str, shapes: list[str]) -> str:
    """Return a whole SVG file, with what a screen reader says of it."""
    style = resource("palette.css") + resource("figures.css")
    background = rectangle(0, 0, width, height, "paper")
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            ' role="img" aria-labelledby="title description">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="description">{escape(description)}</desc>',
            f"<style>\n{style}</style>",
            background,
            *shapes,
            "</svg>\n",
        ]
    )


@dataclass(frozen=True)
class LossFrame:
    """Where a plot of the loss against the probability of the right class stands: p from 0 to 1, loss from 0 to 5."""

    left: float
    top: float
    width: float
    height: float

    def x(self, probability: float) -> float:
        """Return where a probability is."""
        return self.left + probability * self.width

    def y(self, loss: float) -> float:
        """Return where a loss is; one beyond the top is at the top."""
        return self.top + (1.0 - min(loss, HIGHEST_LOSS) / HIGHEST_LOSS) * self.height

    def shapes(self) -> list[str]:
        """Return the axes with their numbers, and the curve `-log p`."""
        bottom, right = self.top + self.height, self.left + self.width
        grid = [line(self.left, self.y(loss), right, self.y(loss)) for loss in range(6)]
        losses = [text(self.left - 8, self.y(loss) + 4, f"{loss}", "note end") for loss in range(6)]
        ticks = [text(self.x(p), bottom + 18, f"{p:g}", "note middle") for p in (0.0, 0.25, 0.5, 0.75, 1.0)]
        names = [
            text(self.left - 8, self.top - 14, "loss = -log p, in nats", "note"),
            text(right, bottom + 36, "p, the probability of the right class", "note end"),
        ]
        return [*grid, *losses, *ticks, *names, self._curve()]

    def _curve(self) -> str:
        first = math.exp(-HIGHEST_LOSS)
        probabilities = [first ** (1.0 - step / 60.0) for step in range(61)]
        points = (f"{short(self.x(p))} {short(self.y(-math.log(p)))}" for p in probabilities)
        return f'<path d="M{"L".join(points)}" class="curve"/>'
