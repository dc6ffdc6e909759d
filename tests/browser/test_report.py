"""The report in a real browser: nothing loads, nothing sticks out, nothing is too pale."""

from pathlib import Path

import numpy as np
import pytest

from logitwise.report_page import Evidence, Example, render
from report.made_evidence import hostile_evidence, made_evidence

pytestmark = pytest.mark.browser


def images() -> Evidence:
    generator = np.random.default_rng(0)
    pictures = [Example(place, place + 1, image=generator.integers(0, 256, (28, 28), np.uint8)) for place in range(5)]
    return made_evidence(n_classes=10, examples=pictures, importance=[])


CASES = {
    "binary": made_evidence,
    "images": images,
    "hostile": hostile_evidence,
    "one row": lambda: made_evidence(rows=1, examples=[]),
    "before calibration": lambda: made_evidence(before_calibration=made_evidence(sharpness=3.0).probabilities),
}


@pytest.fixture(scope="module", params=CASES)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(CASES[request.param]()), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_whole_and_readable(opened, report, width, scheme):
    shown = opened(report, width=width, scheme=scheme)
    assert shown.overflow() == []
    shown.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert shown.overflow() == []
    assert shown.violations() == []
    assert shown.errors == []


def test_the_numbers_fit_beside_two_baselines_on_a_phone(opened, tmp_path):
    evidence = made_evidence(n_classes=3)
    for other in (0.5 * evidence.probabilities + 0.5 / 3, evidence.probabilities):
        page = tmp_path / "report.html"
        beside = {**evidence.baselines, "logistic regression": other}
        page.write_text(render(made_evidence(n_classes=3, baselines=beside)), encoding="utf-8")
        measure = "each => [each.parentElement.scrollWidth, each.parentElement.clientWidth]"
        needed, there = opened(page, width=375).page.locator("table.numbers").evaluate(measure)
        assert needed <= there


def test_links_and_numbers_work_by_keyboard(opened, report):
    page = opened(report).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "report"
    summary = page.locator("summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("details").first.get_attribute("open") is not None
    assert page.locator("details table").first.is_visible()


SHOWN = "each => getComputedStyle(each).visibility"
TOLD = "each => getComputedStyle(each, '::after').content"


def test_marks_tell_their_numbers_pointed_at_focused_or_touched(opened, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(render(made_evidence()), encoding="utf-8")
    page = opened(path).page
    figure = page.locator("figure").first
    spots, tips, hint = figure.locator(".spot"), figure.locator(".tip"), figure.locator(".hint")
    seen = lambda: [place for place in range(tips.count()) if tips.nth(place).evaluate(SHOWN) == "visible"]  # noqa: E731
    assert (seen(), hint.evaluate(SHOWN)) == ([], "visible")
    spots.nth(2).focus()
    assert (seen(), hint.evaluate(SHOWN)) == ([2], "hidden")
    page.keyboard.press("Tab")
    assert seen() == [3]
    spots.nth(5).hover()
    assert seen() == [5]  # and not the focused one
    cell = page.locator("table.confusion td").nth(1)
    assert cell.evaluate(TOLD) == "none"
    cell.click()
    page.mouse.move(0, 0)
    assert cell.get_attribute("data-told") in cell.evaluate(TOLD)


def test_wide_letters_do_not_cut_a_table_on_a_phone(opened, tmp_path):
    names = ["logistic regression", "the class frequencies alone"]
    beside = {name: np.full((100_000, 3), 1 / 3) for name in names}
    path = tmp_path / "report.html"
    path.write_text(render(made_evidence(100_000, 3, baselines=beside, examples=[])), encoding="utf-8")
    page = opened(path, width=375).page
    page.add_style_tag(content="table { letter-spacing: 0.12em }")
    measure = "each => [each.parentElement.scrollWidth, each.parentElement.clientWidth]"
    needed, there = page.locator("table.numbers").evaluate(measure)
    assert needed <= there


def test_no_table_of_a_report_of_two_classes_is_cut_on_a_phone(opened, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(render(made_evidence(20_000)), encoding="utf-8")
    page = opened(path, width=375).page
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    cut = "each => each.filter(e => e.scrollWidth > e.clientWidth).map(e => e.getAttribute('aria-label'))"
    assert page.locator(".scroll").evaluate_all(cut) == []


def test_dark_is_dark_and_paper_is_light(opened, report):
    page = opened(report, scheme="dark").page
    brightness = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).reduce((a, b) => +a + +b, 0)"
    assert page.evaluate(brightness) < 100
    page.emulate_media(media="print")
    assert page.evaluate(brightness) > 700


def test_the_matrix_of_many_classes_fits_beside_its_words(opened, tmp_path):
    page = tmp_path / "report.html"
    page.write_text(render(made_evidence(1000, n_classes=100, examples=[])), encoding="utf-8")
    measure = "each => [each.parentElement.scrollWidth, each.parentElement.clientWidth]"
    needed, there = opened(page).page.locator("table.confusion").evaluate(measure)
    assert needed <= there
