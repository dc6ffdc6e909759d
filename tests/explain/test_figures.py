"""The figures of the tutorial: up to date, well-formed, and holding its numbers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from logitwise.explain.figures import FIGURES

DOCS = Path(__file__).resolve().parents[2] / "docs"
NUMBERS = {
    "softmax.svg": {"2.0000", "1.0000", "0.1000", "0.3679", "0.1496", "0.6590", "0.2424", "0.0986"},
    "losses.svg": {"good 0.3567", "bad 2.3026", "0.7000", "0.6000"},
    "binary-network.svg": {"784 pixels", "5 hidden units", "1 logit", "sigmoid"},
    "multiclass-network.svg": {"784 pixels", "5 hidden units", "3 logits", "softmax"},
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_up_to_date(name):
    kept = (DOCS / "figures" / name).read_text(encoding="utf-8")
    assert kept == FIGURES[name](), "run: python -m logitwise.explain.figures docs/figures"


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_holds_its_numbers_and_says_what_it_shows(name):
    root = ElementTree.fromstring(FIGURES[name]())
    space = "{http://www.w3.org/2000/svg}"
    assert {element.text for element in root.iter(f"{space}text")} >= NUMBERS[name]
    assert len(root.findtext(f"{space}desc")) > 30


@pytest.mark.parametrize("name", FIGURES)
def test_the_tutorial_shows_the_figure_and_says_what_it_shows(name):
    shown = re.findall(r"!\[([^\]]{30,})\]\(figures/([\w.-]+)\)", (DOCS / "tutorial.md").read_text(encoding="utf-8"))
    assert [figure for _, figure in shown].count(name) == 1


def test_the_command_writes_them_all(tmp_path):
    subprocess.run([sys.executable, "-m", "logitwise.explain.figures", str(tmp_path / "new")], check=True, timeout=60)
    written = {file.name: file.read_text(encoding="utf-8") for file in (tmp_path / "new").iterdir()}
    assert written == {name: draw() for name, draw in FIGURES.items()}
