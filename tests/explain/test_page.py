"""An explanation as a page: its numbers before any script runs, and what it may hold."""

from __future__ import annotations

import json
import re

from logitwise.explain import explain, to_html


def cells(page: str, name: str) -> list[str]:
    return re.findall(rf'data-cell="{name}">([^<]*)<', page)


def test_the_page_starts_with_the_numbers_of_the_explanation():
    page = to_html(explain([2.0, 1.0, 0.1], target=1, names=["a", "b", "c"]))
    assert cells(page, "probability") == ["0.6590", "0.2424", "0.0986"]
    assert cells(page, "gradient") == ["0.6590", "-0.7576", "0.0986"]
    assert cells(page, "loss") == ["1.4170"]
    assert cells(page, "target-name") == ["b"]
    assert re.findall(r'name="target" value="(\d)" checked', page) == ["1"]


def test_without_a_target_the_first_class_is_the_right_one():
    assert to_html(explain([2.0, 1.0], temperature=2.0)) == to_html(explain([2.0, 1.0], 0, 2.0))


def test_every_place_of_the_page_is_filled_and_nothing_is_fetched():
    page = to_html(explain([2.0, 1.0, 0.1], target=0))
    assert "<!--" not in page
    assert not re.search(r"https?:|//[a-z]|@import|url\(", page.replace("// The", "").replace("http-equiv", ""))
    assert len(page) < 30_000


def test_names_are_escaped():
    names = ["</script><script>alert(1)</script>", '"><b>', "<!-- rows -->"]
    page = to_html(explain([2.0, 1.0, 0.1], target=0, names=names))
    assert page.count("</script>") == 2
    assert "<b>&" not in page
    assert '"><b>' not in page.replace("\\", "")
    start = re.search(r'id="start">(.*?)</script>', page, re.DOTALL)
    assert json.loads(start[1])["names"] == names


def test_sliders_reach_the_logits():
    page = to_html(explain([2.0, -300.5], target=0))
    assert page.count('min="-301" max="301" step="1"') == 1
    assert page.count('min="-10" max="10" step="0.1"') == 1
