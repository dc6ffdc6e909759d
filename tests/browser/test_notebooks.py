"""The notebooks, run in Jupyter: each prints what is stored in it, but for the last digits of what was trained."""

from __future__ import annotations

import json
import re

import pytest
from docs.site.notebook_pages import texts_of
from docs.site.run_notebooks import FOLDER, executed

NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


@pytest.mark.browser
@pytest.mark.filterwarnings("default")  # those of Jupyter are not ours
@pytest.mark.parametrize("notebook", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_prints_what_is_stored_in_it(notebook):
    stored = outputs_of(json.loads(notebook.read_text(encoding="utf-8")))
    found = outputs_of(executed(notebook))
    assert NUMBER.sub("#", found) == NUMBER.sub("#", stored), "run: python docs/site/run_notebooks.py"
    # Another processor trains other digits.
    assert numbers_in(found) == pytest.approx(numbers_in(stored), rel=0.5, abs=0.02)


def outputs_of(notebook: dict) -> str:
    return re.sub(r" +", " ", "\n".join(text for cell in notebook["cells"] for text in texts_of(cell)))


def numbers_in(text: str) -> list[float]:
    return [float(number) for number in NUMBER.findall(text)]
