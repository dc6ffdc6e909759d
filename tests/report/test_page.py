"""The page: whole, well formed, alone, small, and made of the evidence."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from logitwise.report import Evidence, Example, render
from report.made_evidence import HOSTILE, hostile_evidence, made_evidence

VOID = {"meta", "img", "br"}


class Outline(HTMLParser):
    """Reads a page, and keeps its tags, headings, anchors and text; refuses one that does not nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.tags, self.links, self.ids, self.text = [], [], [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[name] for name in ("href", "src") if name in values]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


CHAPTERS = [
    "reliability",
    "confusion",
    "classes",
    "training",
    "confidence",
    "threshold",
    "mistakes",
    "columns",
    "origin",
]


def outline(evidence: Evidence) -> Outline:
    return Outline(render(evidence))


def test_has_every_chapter_in_order_and_links_to_each():
    found = outline(made_evidence())
    assert found.ids == ["report", *CHAPTERS]
    assert found.links == ["#report", *(f"#{chapter}" for chapter in CHAPTERS)]
    assert [found.tags.count(tag) for tag in ("main", "nav", "header", "footer", "h1")] == [1] * 5


def test_has_no_script_and_asks_for_nothing():
    page = render(made_evidence(examples=[Example(0, image=np.zeros((2, 2), np.uint8))]))
    found = Outline(page)
    assert "script" not in found.tags
    assert {"link", "iframe", "object", "base"}.isdisjoint(found.tags)
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in found.links)
    assert re.findall(r"url\(|@import|https?:", page) == []
    assert "default-src &#x27;none&#x27;" in page


def test_every_picture_has_words_and_its_numbers():
    page = render(made_evidence())
    assert page.count("<svg ") == page.count('role="img" aria-label="') == 4
    assert page.count("<summary>The numbers</summary>") == 4


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({"n_classes": 3}, "threshold"),
        ({"history": None}, "training"),
        ({"examples": []}, "mistakes"),
        ({"importance": []}, "columns"),
        ({"command": None, "facts": {}}, "origin"),
        ({"target": np.zeros(400, dtype=int)}, "threshold"),
    ],
)
def test_a_chapter_without_evidence_is_left_out(changes, absent):
    assert outline(made_evidence(**changes)).ids == ["report", *(each for each in CHAPTERS if each != absent)]


def test_hostile_text_stays_text_and_a_thousand_classes_stay_small():
    page = render(hostile_evidence())
    found = Outline(page)
    assert "".join(found.text).count(HOSTILE[:20]) > 50
    assert [found.tags.count(tag) for tag in ("img", "script")] == [0, 0]
    assert len(page.encode("utf-8")) < 1_000_000
    assert "The other 980 classes" in found.text


def test_a_class_that_never_occurs_or_is_never_said_is_named():
    target = np.arange(40) % 2
    probabilities = np.tile([0.6, 0.3, 0.1], (40, 1))
    baselines = {"a third each": np.full((40, 3), 1 / 3)}
    text = "".join(outline(Evidence("m", "40 rows", ["a", "b", "c"], target, probabilities, baselines)).text)
    assert "1 class not among these rows, so their recall is unknown: “c”." in text
    assert "1 class never predicted: “b”." in text


def test_before_and_after_calibration_appear_where_both_are_there():
    before = made_evidence(sharpness=3.0).probabilities
    page = render(made_evidence(before_calibration=before))
    assert "before calibration" in page
    assert page.count('class="before"') > 3
    assert "before calibration" not in render(made_evidence())


def test_says_what_was_measured():
    text = "".join(outline(made_evidence(notes=["DATA has the name of the training data."])).text)
    for part in (
        "fruit.safetensors",
        "Measured on 400 rows of fruit.csv",
        "DATA has the name of the training data.",
        "The weights of step 20 of 30 were kept, the one with the lowest loss on held-out rows.",
        "logitwise report fruit.safetensors fruit.csv",
        "00ff",
    ):
        assert part in text


def test_columns_come_most_important_first():
    text = [each.strip() for each in outline(made_evidence()).text]
    assert text.index("0.3500") < text.index("0.1500")


def test_the_same_evidence_gives_the_same_page():
    assert render(made_evidence()) == render(made_evidence())


def test_can_be_written_as_utf8():
    assert len(render(hostile_evidence(n_classes=5)).encode("utf-8")) > 10_000


def test_needs_neither_torch_nor_scikit_learn_nor_matplotlib():
    code = (
        "import sys, logitwise.report; print(sorted({'torch', 'sklearn', 'matplotlib', 'polars'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"
