"""The page of an explanation in a browser: what moves when a control does, and whether it fits and can be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from logitwise.explain import explain, to_html
from logitwise.explain.text import advice, number

pytestmark = pytest.mark.browser

PAGES = {
    "the tutorial's": {"logits": [2.0, 1.0, 0.1], "target": 0},
    "a wide one": {
        "logits": [-3.217, 14.0, 2.0, 1000.0, *[0.5] * 26],
        "target": 1,
        "temperature": 0.05,
        "names": ["<b>&x</b>", "a long name of a class that goes on", "日本語", *(f"c{i}" for i in range(27))],
    },
}


@pytest.fixture
def page_file(tmp_path: Path):
    """Return what writes the page of an explanation."""

    def write(**arguments: Any) -> Path:
        file = tmp_path / "explain.html"
        file.write_text(to_html(explain(**arguments)), encoding="utf-8")
        return file

    return write


def expect(page: Any, **arguments: Any) -> None:
    """Compare every number on the page with the library's."""
    seen = explain(**arguments)
    shown = {name: page.locator(f'[data-cell="{name}"]').all_inner_texts() for name in ("probability", "exponential")}
    assert shown["probability"] == [number(p) for p in seen.probabilities]
    assert shown["exponential"] == [number(value) for value in seen.exponentials]
    assert page.locator('[data-cell="gradient"]').all_inner_texts() == [number(g) for g in seen.lesson.gradient]
    assert page.locator('[data-cell="advice"]').all_inner_texts() == [advice(g) for g in seen.lesson.gradient]
    for cell, value in {"loss": seen.lesson.loss, "gap": seen.lesson.gap, "rest": seen.lesson.rest}.items():
        assert page.locator(f'[data-cell="{cell}"]').inner_text() == number(value)
    losses = {each.temperature: each.loss for each in seen.compared}
    columns = [number(losses[temperature]) for temperature in (0.5, 1.0, 2.0)]
    assert page.locator("#compared tfoot td").all_inner_texts() == columns


def drag(page: Any, label: str, value: float) -> None:
    page.get_by_label(label, exact=True).fill(str(value))


def test_numbers_follow_the_sliders(opened, page_file):
    seen = opened(page_file(logits=[2.0, 1.0, 0.1], target=0))
    expect(seen.page, logits=[2.0, 1.0, 0.1], target=0)
    drag(seen.page, "Logit of class 1", 4.5)
    expect(seen.page, logits=[2.0, 4.5, 0.1], target=0)
    drag(seen.page, "Logit of class 0, as a number", 20)
    drag(seen.page, "Logit of class 1, as a number", 0)
    drag(seen.page, "Logit of class 2, as a number", 0)
    expect(seen.page, logits=[20.0, 0.0, 0.0], target=0)
    seen.page.get_by_role("radio").nth(2).check()
    expect(seen.page, logits=[20.0, 0.0, 0.0], target=2)
    drag(seen.page, "Temperature, as a number", 3)
    expect(seen.page, logits=[20.0, 0.0, 0.0], target=2, temperature=3.0)
    drag(seen.page, "Temperature", -0.3)
    expect(seen.page, logits=[20.0, 0.0, 0.0], target=2, temperature=0.501)
    seen.page.get_by_role("button", name="Reset").click()
    expect(seen.page, logits=[2.0, 1.0, 0.1], target=0)
    assert seen.errors == []


def test_bars_and_the_point_on_the_curve_move(opened, page_file):
    page = opened(page_file(logits=[2.0, 1.0], target=0)).page
    measure = """() => [document.querySelector(".probability .fill").offsetWidth,
        document.querySelector("#point").cy.baseVal.value]"""
    width, height = page.evaluate(measure)
    drag(page, "Logit of class 0", -2)
    narrower, higher = page.evaluate(measure)
    assert narrower < width / 2
    assert higher < height


def test_the_keyboard_moves_a_slider_and_a_reader_is_told(opened, page_file):
    page = opened(page_file(logits=[2.0, 1.0, 0.1], target=0)).page
    page.get_by_label("Logit of class 0", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page, logits=[2.1, 1.0, 0.1], target=0)
    expected = explain([2.1, 1.0, 0.1], 0)
    p = [number(value) for value in expected.probabilities]
    words = f"Probabilities: class 0 {p[0]}, class 1 {p[1]}, class 2 {p[2]}. Loss {number(expected.lesson.loss)}."
    assert page.locator("#status").text_content() == words


def test_what_is_no_number_changes_nothing(opened, page_file):
    page = opened(page_file(logits=[2.0, 1.0, 0.1], target=0)).page
    for value in ("", "1e9"):
        drag(page, "Logit of class 0, as a number", value)
        drag(page, "Temperature, as a number", value)
        expect(page, logits=[2.0, 1.0, 0.1], target=0)


def test_a_slider_does_not_round_a_number_it_cannot_show(opened, page_file):
    page = opened(page_file(logits=[2.03125, 1.0], target=0, temperature=0.7)).page
    expect(page, logits=[2.03125, 1.0], target=0, temperature=0.7)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_the_page_fits_and_can_be_used(opened, page_file, name, width, scheme):
    seen = opened(page_file(**PAGES[name]), width=width, scheme=scheme)
    assert seen.overflow() == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") == width
    assert seen.violations() == []
    assert seen.errors == []
