"""The notebooks: what is stored in them, and their pages on the site. Those that run are in tests/browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from docs.site.notebook_pages import page_of, texts_of
from docs.site.run_notebooks import FOLDER

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def cells_of(notebook: Path) -> list[dict]:
    return json.loads(notebook.read_text(encoding="utf-8"))["cells"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_small_and_has_run_in_order(notebook):
    code = [cell for cell in cells_of(notebook) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == [*range(1, len(code) + 1)]
    assert sum(len(texts_of(cell)) for cell in code) >= len(code) // 2
    assert notebook.stat().st_size < 50_000


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_a_page_with_its_code_and_outputs(notebook):
    page = page_of(notebook)
    for cell in cells_of(notebook):
        if cell["cell_type"] == "code":
            assert f"```python\n{''.join(cell['source'])}\n```" in page
        for text in texts_of(cell):
            assert f"```output\n{text.rstrip()}\n```" in page
    assert page.startswith("# ")
    assert f"({notebook.name})" in page
    contents = (FOLDER.parents[1] / "mkdocs.yml").read_text(encoding="utf-8")
    assert contents.count(f": notebooks/{notebook.stem}.md\n") == 1


def test_what_is_printed_in_pieces_is_one_text():
    pieces = [{"text": ["a\n", "b\n"]}, {"text": "c\n"}, {"data": {"text/plain": ["1"]}}]
    assert texts_of({"outputs": pieces}) == ["a\nb\nc\n", "1"]
    assert texts_of({"outputs": []}) == texts_of({}) == []
