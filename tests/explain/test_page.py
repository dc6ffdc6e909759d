"""An explanation as a page: its numbers before any script runs, and what it may hold."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

from explain import worked
from logitwise.explain import explain, to_html


def cells(page: str, name: str) -> list[str]:
    return re.findall(rf'<\w+ [^>]*data-cell="{name}"[^>]*>([^<]*)<', page)


def test_the_page_starts_with_the_numbers_of_the_explanation():
    page = to_html(explain([2.0, 1.0, 0.1], target=1, names=["a", "b", "c"]))
    assert cells(page, "probability") == ["0.6590", "0.2424", "0.0986"]
    assert cells(page, "gradient") == ["0.6590", "-0.7576", "0.0986"]
    assert cells(page, "loss") == ["1.4170"]
    assert cells(page, "target-name") == ["b"]
    assert re.findall(r'name="target" value="(\d)" checked', page) == ["1"]
    assert '"target": 1' in page


@pytest.fixture(scope="module")
def page() -> str:
    return to_html(explain(worked.LOGITS, worked.TARGET, worked.TEMPERATURE, names=worked.NAMES))


def test_every_cell_holds_its_number(page):
    several = {"exponential": worked.EXPONENTIALS, "probability": worked.PROBABILITIES, "gradient": worked.GRADIENT}
    for name, values in several.items():
        assert cells(page, name) == [f"{value:.4f}" for value in values]
    single = {
        "total": worked.TOTAL,
        "loss": worked.LOSS,
        "loss-again": worked.LOSS,
        "gap": worked.GAP,
        "rest": worked.REST,
        "target-probability": worked.PROBABILITIES[0],
    }
    for name, value in single.items():
        assert cells(page, name) == [f"{value:.4f}"]
    assert cells(page, "advice") == ["raise", "lower", "lower"]
    assert cells(page, "target-name") == ["cat"]


def test_every_control_starts_at_its_number(page):
    for kind in ("range", "number"):
        values = re.findall(rf'type="{kind}" (?:min|step)=[^>]*?value="(.*?)" aria-label="(.*?)"', page, re.DOTALL)
        words = ", as a number" if kind == "number" else ""
        expected = [(repr(z), f"Logit of {name}{words}") for z, name in zip(worked.LOGITS, worked.NAMES, strict=True)]
        assert values == expected
    assert re.findall(r'id="temperature" min="(.*?)" max="(.*?)" step="0.01" value="(.*?)"', page) == [
        ("-1", "1", f"{math.log10(3):.6g}")
    ]
    exact = re.findall(r'id="exact-temperature" min="(.*?)"\nmax="(.*?)" step="any" value="(.*?)"', page)
    assert exact == [("0.01", "100", "3.0")]
    places = re.findall(r'data-index="(.)">\n<label class="name"><input type="radio" name="target" value="(.)"', page)
    assert places == [("0", "0"), ("1", "1"), ("2", "2")]


def test_the_script_starts_with_the_same_numbers(page):
    assert json.loads(re.search(r'id="start">(.*?)</script>', page, re.DOTALL)[1]) == {
        "names": list(worked.NAMES),
        "logits": list(worked.LOGITS),
        "temperature": 3.0,
        "target": 0,
        "compared": [0.5, 1.0, 2.0],
        "frame": [40, 32, 400, 190],
    }


def test_the_table_of_temperatures_has_a_column_for_each(page):
    table = page.partition('<table id="compared">')[2].partition("</table>")[0]
    assert re.findall(r'scope="col">(.*?)<', table) == ["class", "T = 0.5", "T = 1", "T = 2"]
    assert re.findall(r'scope="row">(.*?)<', table) == [*worked.NAMES, "loss"]
    assert table.count("<td></td>") == 3 * 4


@pytest.mark.parametrize(
    ("logits", "target", "probability", "loss"),
    [
        (worked.LOGITS, 0, worked.at_temperature(1.0)[0][0], worked.at_temperature(1.0)[1]),
        ((0.0, math.log(3)), 1, 0.75, math.log(4 / 3)),
        ((9.0, 0.0), 1, 1 / (1 + math.exp(9)), 5.0),  # a loss beyond the top is drawn at the top
    ],
)
def test_the_point_lies_on_the_curve(logits, target, probability, loss):
    shown = to_html(explain(logits, target))
    places = {text: float(x) for x, text in re.findall(r'<text x="([\d.]+)" y="240" class="note middle">(.*?)<', shown)}
    heights = {text: float(y) - 4 for y, text in re.findall(r'<text x="32" y="([\d.]+)" class="note end">(\d)<', shown)}
    assert (list(places), list(heights)) == (["0", "0.25", "0.5", "0.75", "1"], list("012345"))
    x = places["0"] + probability * (places["1"] - places["0"])
    y = heights["0"] + loss / 5 * (heights["5"] - heights["0"])
    point = re.search(r'<circle id="point" cx="([\d.]+)" cy="([\d.]+)" r="6"', shown)
    np.testing.assert_allclose([float(each) for each in point.groups()], (x, y), atol=0.06)
    guide = re.search(r'<path id="guide" d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)" class="guide"', shown)
    np.testing.assert_allclose([float(each) for each in guide.groups()], (x, heights["0"], x, y), atol=0.06)
    curve = re.search(r'<path d="M([^"]*)" class="curve"', shown)[1]
    points = np.array([[float(each) for each in pair.split()] for pair in curve.split("L")])
    of_curve = (points[:, 0] - places["0"]) / (places["1"] - places["0"])
    of_loss = (points[:, 1] - heights["0"]) / (heights["5"] - heights["0"]) * 5
    np.testing.assert_allclose(of_loss, -np.log(of_curve), atol=0.03)
    assert (len(points), of_curve[-1]) == (61, 1.0)


def test_without_a_target_the_first_class_is_the_right_one():
    assert to_html(explain([2.0, 1.0], temperature=2.0)) == to_html(explain([2.0, 1.0], 0, 2.0))
    named = {"names": worked.NAMES, "temperature": 3.0}
    assert to_html(explain(worked.LOGITS, **named)) == to_html(explain(worked.LOGITS, 0, **named))


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


@pytest.mark.parametrize(
    ("logit", "reach", "step"),
    [(10.0, "10", "0.1"), (10.1, "11", "0.1"), (-99.5, "100", "1"), (99.0, "99", "0.1"), (1000.5, "1001", "10")],
)
def test_a_slider_reaches_as_far_to_both_sides_as_its_logit_needs(logit, reach, step):
    shown = to_html(explain([logit, 0.0], 0))
    ranges = re.findall(r'type="range" min="(.*?)" max="(.*?)" step="(.*?)"\nvalue', shown)
    assert ranges == [(f"-{reach}", reach, step), ("-10", "10", "0.1")]


@pytest.mark.parametrize(
    ("temperature", "reach"), [(0.1, "1"), (0.099, "2"), (10.0, "1"), (10.1, "2"), (0.01, "2"), (100.0, "2")]
)
def test_the_temperature_slider_reaches_the_temperature(temperature, reach):
    shown = to_html(explain([1.0, 0.0], 0, temperature))
    assert re.findall(r'id="temperature" min="-(.*?)" max="(.*?)"', shown) == [(reach, reach)]


def test_sliders_reach_the_logits():
    page = to_html(explain([2.0, -300.5], target=0))
    assert page.count('min="-301" max="301" step="1"') == 1
    assert page.count('min="-10" max="10" step="0.1"') == 1
