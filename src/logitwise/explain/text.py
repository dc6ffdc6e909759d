"""An explanation as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from logitwise.explain.explanation import Explanation, Lesson

BAR_WIDTH = 16
EIGHTHS = " ▏▎▍▌▋▊▉"
RIGHT_CLASS = "bold"
CAPTION = "dim"


def to_text(explanation: Explanation) -> RenderableType:
    """Return an explanation as something rich can print: tables with bars, and a sentence for each.

    Example:
        >>> from rich.console import Console
        >>> from logitwise.explain import explain, to_text
        >>> console = Console(width=80, color_system=None)
        >>> with console.capture() as captured:
        ...     console.print(to_text(explain([2.0, 1.0, 0.1], target=0)))
        >>> print(captured.get().splitlines()[4].rstrip())
          class 0   2.0000      0.0000   1.0000        0.6590   ██████████▌
    """
    sections = [*_softmax_section(explanation)]
    if explanation.lesson is not None:
        sections += _loss_section(explanation, explanation.lesson)
        sections += _gradient_section(explanation, explanation.lesson)
    return Group(*sections, *_temperature_section(explanation))


def number(value: float) -> str:
    """Return a number with four decimals (a large one with one), or with an exponent where those would hide it."""
    if value == 0.0 or 5e-5 <= abs(value) < 1e5:
        return f"{value:.4f}" if abs(value) < 1e3 else f"{value:.1f}"
    return f"{value:.2e}"


def bar(fraction: float, width: int = BAR_WIDTH) -> str:
    """Return a bar of blocks, exact to an eighth of a column; the least that is not nothing is one eighth."""
    eighths = round(fraction * width * 8)
    if fraction > 0.0:
        eighths = max(eighths, 1)
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def _section(title: str, table: Table, *sentences: str) -> list[RenderableType]:
    """Return a title, a table and its sentences, with a blank line below."""
    below = Padding(Text(" ".join(sentences), style=CAPTION), (0, 0, 1, 2))
    return [Text(title, style="bold"), table, below]


def _table(*columns: str) -> Table:
    """Return a table whose first column names the classes and whose others hold numbers."""
    numeric = [Column(name, justify="right", no_wrap=True) for name in columns]
    return Table(Column("", overflow="fold"), *numeric, box=SIMPLE_HEAD, pad_edge=True)


def _add_rows(table: Table, explanation: Explanation, columns: Sequence[Sequence[str]]) -> None:
    target = None if explanation.lesson is None else explanation.lesson.target
    for index, cells in enumerate(zip(*columns, strict=True)):
        style = RIGHT_CLASS if index == target else None
        table.add_row(*(Text(cell) for cell in (explanation.names[index], *cells)), style=style)


def _softmax_section(explanation: Explanation) -> list[RenderableType]:
    shifted = "minus max" if explanation.temperature == 1.0 else "minus max, / T"
    table = _table("logit", shifted, "exp", "probability")
    table.add_column("", min_width=BAR_WIDTH, no_wrap=True)
    steps = (explanation.logits, explanation.shifted, explanation.exponentials, explanation.probabilities)
    columns = [[number(value) for value in step] for step in steps]
    _add_rows(table, explanation, [*columns, [bar(p) for p in explanation.probabilities]])
    table.add_section()
    table.add_row("sum", "", "", number(explanation.total), number(sum(explanation.probabilities)))
    return _section(
        "Softmax: from scores to probabilities",
        table,
        "Subtracting the largest logit changes no probability, and keeps exp from overflowing.",
        f"Each exponential divided by their sum, {number(explanation.total)}, is the probability.",
    )


def _loss_section(explanation: Explanation, lesson: Lesson) -> list[RenderableType]:
    probability = explanation.probabilities[lesson.target]
    table = Table(Column(""), Column("nats", justify="right"), box=SIMPLE_HEAD)
    table.add_row(f"-log({number(probability)})", number(lesson.loss))
    table.add_row(f"{number(lesson.gap)} + log1p({number(lesson.rest)})", number(lesson.loss))
    return _section(
        f"Cross-entropy: the right class is {explanation.names[lesson.target]}",
        table,
        "The loss is minus the logarithm of the probability of the right class.",
        "The second line is the same: how far the right class is below the largest logit, plus log1p of",
        "the sum of the exponentials without the largest. It keeps its digits however small the loss.",
    )


def _gradient_section(explanation: Explanation, lesson: Lesson) -> list[RenderableType]:
    table = _table("p", "y", "p - y")
    table.add_column("")
    table.add_column("", min_width=BAR_WIDTH, no_wrap=True)
    truth = [1.0 if index == lesson.target else 0.0 for index in range(len(explanation.names))]
    columns = [[number(p) for p in explanation.probabilities], [f"{y:.0f}" for y in truth]]
    columns.append([number(slope) for slope in lesson.gradient])
    columns.append([advice(slope) for slope in lesson.gradient])
    _add_rows(table, explanation, [*columns, [bar(abs(slope)) for slope in lesson.gradient]])
    return _section(
        "Gradient: what to change",
        table,
        "A step against the gradient raises the right class by what it lacks,",
        "and lowers each other class by what it has. The gradient sums to 0.",
    )


def advice(slope: float) -> str:
    """Return what a step against the gradient does to a logit."""
    if slope == 0.0:
        return "leave"
    return "raise" if slope < 0.0 else "lower"


def _temperature_section(explanation: Explanation) -> list[RenderableType]:
    table = _table(*(f"T = {each.temperature:g}" for each in explanation.compared))
    columns = [[number(p) for p in each.probabilities] for each in explanation.compared]
    _add_rows(table, explanation, columns)
    losses = [each.loss for each in explanation.compared if each.loss is not None]
    if losses:
        table.add_section()
        table.add_row("loss", *(number(loss) for loss in losses))
    return _section(
        "Temperature: logits divided by T before the softmax",
        table,
        "Below 1 sharpens the probabilities, above 1 flattens them; the order of the classes stays the same.",
    )
