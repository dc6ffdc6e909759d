"""The documentation site: its reference has every public name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import logitwise
from logitwise import explain

DOCS = Path(__file__).resolve().parents[1] / "docs"
REFERENCE = "\n".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "reference").glob("*.md")))


@pytest.mark.parametrize("name", sorted({*logitwise.__all__, *explain.__all__} - {"__version__", "data"}))
def test_a_public_name_is_in_the_reference(name):
    assert re.search(rf"^::: logitwise\.(\w+\.)*{name}$", REFERENCE, re.MULTILINE)


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.relative_to(DOCS).as_posix())
def test_a_page_is_on_the_site_under_its_name(page):
    contents = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    assert contents.count(f": {page.relative_to(DOCS).as_posix()}\n") == 1
