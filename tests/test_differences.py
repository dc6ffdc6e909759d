"""The page of differences shows the list that the tests hold."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from differences import PYTORCH, SCIPY

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "differences.md"


def table_of(library: str, entries: Iterable[Any]) -> str:
    """Return the table of the differences from a library, as the page has it."""
    head = [f"| input | here | {library} | why |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *(f"| {each.what} | {each.here} | {each.there} | {each.reason} |" for each in entries)])


@pytest.mark.parametrize(("library", "entries"), [("PyTorch", PYTORCH), ("SciPy", SCIPY)])
def test_the_page_shows_the_list(library, entries):
    text = PAGE.read_text(encoding="utf-8")
    shown = re.search(rf"<!-- tests/differences.py: {library} -->\n\n((?:\|.*\n)*)", text)
    assert shown is not None
    assert shown[1].strip() == table_of(library, entries)
