"""A hook of mkdocs: every notebook as a page of the site, with the outputs that are stored in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def on_files(files: Any, config: Any) -> Any:
    """Add a page for each notebook to the files of the site."""
    from mkdocs.structure.files import File

    for notebook in sorted(Path(config["docs_dir"], "notebooks").glob("*.ipynb")):
        files.append(File.generated(config, f"notebooks/{notebook.stem}.md", content=page_of(notebook)))
    return files


def page_of(notebook: Path) -> str:
    """Return a notebook as Markdown."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    parts = [part for cell in cells for part in _parts(cell)]
    parts.insert(1, f"This page is [a notebook]({notebook.name}): download it, and run it in Jupyter.")
    return "\n\n".join(parts) + "\n"


def _parts(cell: dict[str, Any]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        source = re.sub(r"\((\w+)\.ipynb\)", r"(\1.md)", source)  # as pages they link to each other
        title, _, text = source.partition("\n")
        yield title if title.startswith("#") else source
        if title.startswith("#") and text.strip():
            yield text.strip()
        return
    yield f"```python\n{source}\n```"
    for text in texts_of(cell):
        yield f"```output\n{text.rstrip()}\n```"


def texts_of(cell: dict[str, Any]) -> list[str]:
    """Return what a cell prints and returns, as text; what it prints may be stored in any number of pieces."""
    outputs = cell.get("outputs", [])
    printed = "".join("".join(output["text"]) for output in outputs if "text" in output)
    returned = ["".join(output["data"]["text/plain"]) for output in outputs if "data" in output]
    return [text for text in [printed, *returned] if text]
