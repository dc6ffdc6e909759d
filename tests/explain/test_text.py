"""An explanation in a terminal."""

from __future__ import annotations

import pytest
from rich.console import Console

from logitwise.explain import explain, to_text
from logitwise.explain.text import bar, number


def printed(*args, width=80, **kwargs) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(to_text(explain(*args, **kwargs)))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_the_steps_of_the_tutorial():
    lines = printed([2.0, 1.0, 0.1], 0)
    assert lines[:9] == [
        "Softmax: from scores to probabilities",
        "",
        "             logit   minus max      exp   probability",
        " " + 72 * "─",
        "  class 0   2.0000      0.0000   1.0000        0.6590   ██████████▌",
        "  class 1   1.0000     -1.0000   0.3679        0.2424   ███▉",
        "  class 2   0.1000     -1.9000   0.1496        0.0986   █▋",
        "",
        "  sum                            1.5174        1.0000",
    ]
    assert "  -log(0.6590)             0.4170" in lines
    assert "  0.0000 + log1p(0.5174)   0.4170" in lines
    assert "  class 0   0.6590   1   -0.3410   raise   █████▌" in lines
    assert "  loss       0.1464   0.4170   0.6898" in lines


def test_a_confident_row_keeps_its_digits():
    lines = printed([20.0, 0.0, 0.0], 0)
    assert "  0.0000 + log1p(4.12e-09)   4.12e-09" in lines
    assert "  class 0     1.0000   1   -4.12e-09   raise   ▏" in lines


def test_without_a_target_nothing_is_said_of_losses():
    text = "\n".join(printed([2.0, 1.0]))
    assert "Temperature" in text
    assert "loss" not in text.lower()
    assert "Gradient" not in text


def test_the_temperature_stands_in_the_heading_of_its_column():
    assert "minus max, / T" in printed([2.0, 1.0], 0, 3.0)[2]
    assert any("T = 3" in line for line in printed([2.0, 1.0], 0, 3.0))


@pytest.mark.parametrize("width", [80, 120])
def test_every_line_fits_the_terminal_and_names_are_names(width):
    names = ["[bold]not markup[/bold]", "a name much longer than there is room for", "日本語"]
    lines = printed([2.0, 1.0, 0.1], 0, 3.0, names=names, width=width)
    assert max(map(len, lines)) <= width
    assert "[bold]" in "".join(lines)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.0000"),
        (0.65900114, "0.6590"),
        (-0.00005, "-0.0001"),
        (4.1223e-09, "4.12e-09"),
        (-12.5, "-12.5000"),
        (19720.0, "19720.0"),
        (1e6, "1.00e+06"),
    ],
)
def test_numbers(value, shown):
    assert number(value) == shown


@pytest.mark.parametrize(
    ("fraction", "shown"), [(0.0, ""), (1e-9, "▏"), (0.25, "█"), (0.5, "██"), (0.53, "██▏"), (1.0, "████")]
)
def test_bars(fraction, shown):
    assert bar(fraction, width=4) == shown
