"""The notebooks, run in Jupyter: each prints what is stored in it."""

from __future__ import annotations

import json

import pytest
from docs.site.notebook_pages import texts_of
from docs.site.run_notebooks import FOLDER, executed


@pytest.mark.browser
@pytest.mark.filterwarnings("default")  # those of Jupyter are not ours
@pytest.mark.parametrize("notebook", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_prints_what_is_stored_in_it(notebook):
    found = [texts_of(cell) for cell in executed(notebook)["cells"]]
    assert found == [texts_of(cell) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]], (
        "run: python docs/site/run_notebooks.py"
    )
