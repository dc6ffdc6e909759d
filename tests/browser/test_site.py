"""The documentation site, as `make docs` builds it, opened from disk: pages at every width, search, what is copied."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs.site.code_blocks import code_of

SITE = Path(__file__).resolve().parents[2] / "build" / "site"
MADE = ("pages", "assets")  # what is not a page of the theme
WIDTHS = (1280, 768, 375)
PAPER = 718  # pixels: A4 with margins of a centimetre
CUT = """() => {
    const edge = document.documentElement.clientWidth + 1
    const scrolls = ".md-typeset__scrollwrap, .language-text code, p:has(img)"
    const hides = e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth && getComputedStyle(e).overflowX !== "visible"
    const cut = [...document.querySelectorAll(".md-content :not(code *, td *)")].filter(
        e => e.checkVisibility() && !e.closest(scrolls) && (e.getBoundingClientRect().right > edge || hides(e)))
    const wide = document.documentElement.scrollWidth > edge ? ["the page scrolls sideways"] : []
    const missing = [...document.images].filter(e => e.complete && !e.naturalWidth)
    return [...wide, ...[...cut, ...missing].map(e => e.outerHTML.slice(0, 100))]
}"""
ON_PAPER = """() => {
    const edge = document.documentElement.clientWidth + 1
    return [...document.querySelectorAll(".md-content :not(code *, td *)")]
        .filter(e => e.checkVisibility() && e.getBoundingClientRect().right > edge).map(e => e.outerHTML.slice(0, 100))
}"""
BROKEN_OPTION = """() => [...document.querySelectorAll(".md-typeset .whole")].filter(e => e.getClientRects().length > 1)
    .map(e => e.textContent)"""
pytestmark = pytest.mark.browser


def page_paths() -> list[Path]:
    pages = [page for page in sorted(SITE.rglob("*.html")) if page.relative_to(SITE).parts[0] not in MADE]
    return [page for page in pages if page.name != "404.html"]


@pytest.fixture(scope="module", autouse=True)
def _site_is_built() -> None:
    if not page_paths():
        pytest.fail("the site is not built. Run: make docs", pytrace=False)


def test_no_page_is_cut_at_any_width_or_on_paper(opened):
    found: dict[str, list[str]] = {}
    page = opened(SITE / "index.html").page
    for path in page_paths():
        page.emulate_media(media="screen")
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        page.goto(path.as_uri())
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            found[f"{path.stem} at {width}"] = page.evaluate(CUT) + page.evaluate(BROKEN_OPTION)
        page.emulate_media(media="print")
        page.set_viewport_size({"width": PAPER, "height": 1000})
        found[f"{path.stem} on paper"] = page.evaluate(ON_PAPER)
    assert len(found) >= 4 * 25
    assert {place: elements for place, elements in found.items() if elements} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", ["mistakes", "comparison"])
def test_a_page_can_be_read_in_every_scheme_and_loads_nothing(opened, page, scheme):
    found = opened(SITE / f"{page}.html", scheme=scheme)
    assert found.errors == []
    assert [each for each in found.violations() if each.startswith("color-contrast")] == []


def test_search_works_from_disk(opened):
    page = opened(SITE / "how-to" / "tables.html").page
    page.keyboard.press("f")
    page.keyboard.type("threshold")
    first = page.locator(".md-search-result__link").first
    first.wait_for()
    assert "threshold" in first.inner_text().lower()
    assert page.locator(".md-search-result__item").count() >= 3


@pytest.mark.parametrize(
    ("page", "copied"),
    [
        (
            "index",
            "logitwise explain 2.0 1.0 0.1 --target 0\nlogitwise explain 2.0 1.0 0.1 --target 0 --html explain.html",
        ),
        ("reference/functions", "import numpy as np, logitwise as lw"),
        ("how-to/pytorch", "import torch\n\nimport logitwise as lw"),
    ],
)
def test_what_is_copied_can_be_run(opened, page, copied):
    found = opened(SITE / f"{page}.html").page
    found.context.grant_permissions(["clipboard-read", "clipboard-write"])
    found.locator(".highlight", has_text=copied.partition("\n")[0]).first.hover()
    found.locator(".highlight", has_text=copied.partition("\n")[0]).first.locator(
        ".md-clipboard, .md-code__button"
    ).first.click()
    text = found.evaluate("navigator.clipboard.readText()")
    assert text.startswith(copied)
    assert ">>>" not in text
    assert code_of(text) == ""  # nothing of it has a prompt
