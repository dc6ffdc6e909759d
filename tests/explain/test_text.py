"""An explanation in a terminal."""

from __future__ import annotations

import pytest
from rich.console import Console

from explain import worked
from logitwise.explain import explain, to_text
from logitwise.explain.text import advice, bar, number


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


def shown(*values: float) -> list[str]:
    return [f"{value:.4f}" for value in values]


def test_every_number_stands_where_it_belongs():
    seen = printed(worked.LOGITS, worked.TARGET, worked.TEMPERATURE, names=worked.NAMES, width=100)
    words = [line.split() for line in seen]
    bars = ["█████", "███", "████████"]  # 16 blocks are 1
    steps = zip(worked.LOGITS, worked.SHIFTED, worked.EXPONENTIALS, worked.PROBABILITIES, strict=True)
    rows = [[name, *shown(*step), bar] for name, step, bar in zip(worked.NAMES, steps, bars, strict=True)]
    first = words.index(rows[0])
    assert words[first : first + 5] == [*rows, [], ["sum", *shown(worked.TOTAL, 1.0)]]
    assert f"Each exponential divided by their sum, {worked.TOTAL:.4f}, is the probability." in " ".join(
        map(str.strip, seen)
    )
    assert "Cross-entropy: the right class is cat" in seen
    loss, gap, rest = shown(worked.LOSS, worked.GAP, worked.REST)
    first = words.index([f"-log({worked.PROBABILITIES[0]:.4f})", loss])
    assert words[first + 1] == [gap, "+", f"log1p({rest})", loss]
    slopes = zip(worked.PROBABILITIES, (1, 0, 0), worked.GRADIENT, strict=True)
    advised = zip(("raise", "lower", "lower"), ("███████████", "███", "████████"), strict=True)
    rows = [
        [name, f"{p:.4f}", str(y), f"{slope:.4f}", *words]
        for name, (p, y, slope), words in zip(worked.NAMES, slopes, advised, strict=True)
    ]
    first = words.index(rows[0])
    assert words[first : first + 3] == rows
    found = [worked.at_temperature(temperature) for temperature in (0.5, 1, 2, 3)]
    rows = [[name, *shown(*(p[place] for p, _ in found))] for place, name in enumerate(worked.NAMES)]
    first = words.index(["T", "=", "0.5", "T", "=", "1", "T", "=", "2", "T", "=", "3"])
    assert words[first + 2 : first + 7] == [*rows, [], ["loss", *shown(*(loss for _, loss in found))]]


@pytest.mark.parametrize(("target", "emphasized"), [(0, ["cat"]), (2, ["bird"]), (None, [])])
def test_the_right_class_is_emphasized_in_every_table(target, emphasized):
    console = Console(width=100, color_system="standard", force_terminal=True, no_color=False)
    with console.capture() as captured:
        console.print(to_text(explain(worked.LOGITS, target, names=worked.NAMES)))
    rows = [line for line in captured.get().splitlines() if any(name in line for name in worked.NAMES) and "0." in line]
    bold = [name for line in rows for name in worked.NAMES if name in line and "\x1b[1m" in line]
    assert bold == emphasized * 3
    assert len(rows) == (6 if target is None else 9)


@pytest.mark.parametrize(("slope", "said"), [(-0.1, "raise"), (0.1, "lower"), (0.0, "leave"), (-0.0, "leave")])
def test_a_step_goes_against_the_gradient(slope, said):
    assert advice(slope) == said


def test_a_class_that_is_right_beyond_doubt_is_left():
    assert "  class 0   1.0000   1   0.0000   leave" in printed([1e6, -1e6], 0)


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
        (5e-05, "0.0001"),
        (4.9e-05, "4.90e-05"),
        (999.9, "999.9000"),
        (1000.0, "1000.0"),
        (99999.0, "99999.0"),
        (1e5, "1.00e+05"),
        (-1e5, "-1.00e+05"),
    ],
)
def test_numbers(value, shown):
    assert number(value) == shown


@pytest.mark.parametrize(
    ("fraction", "shown"), [(0.0, ""), (1e-9, "▏"), (0.25, "█"), (0.5, "██"), (0.53, "██▏"), (1.0, "████")]
)
def test_bars(fraction, shown):
    assert bar(fraction, width=4) == shown
