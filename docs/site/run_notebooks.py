"""`python docs/site/run_notebooks.py`: run the notebooks, and store in them what their cells print."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "notebooks"
SECONDS = 120  # that a cell may take


def main() -> None:
    """Run every notebook in a folder of its own."""
    import nbformat

    for path in sorted(FOLDER.glob("*.ipynb")):
        nbformat.write(executed(path), path)


def executed(path: Path) -> Any:
    """Return a notebook with the outputs that its cells have now; raise where a cell does."""
    import nbformat
    from nbclient import NotebookClient

    notebook: Any = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook, timeout=SECONDS, record_timing=False, resources={"metadata": {"path": folder}}
        ).execute()
    return notebook


if __name__ == "__main__":
    main()
