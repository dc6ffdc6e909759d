"""A hook of mkdocs: the pages of the library that the site shows, made when it is built.

`explain.html` is the page of `logitwise explain`, `report.html` that of `logitwise train breast_cancer --report`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

COMMANDS = {
    "pages/explain.html": ["explain", "2.0", "1.0", "0.1", "--target", "0", "--html", "explain.html"],
    "pages/report.html": ["train", "breast_cancer", "--report", "report.html"],
}


def on_files(files: Any, config: Any) -> Any:
    """Add the pages to the files of the site."""
    from mkdocs.structure.files import File

    with tempfile.TemporaryDirectory() as folder:
        for place, words in COMMANDS.items():
            subprocess.run(
                [sys.executable, "-m", "logitwise", *words, "--quiet"],
                cwd=folder,
                check=True,
                stdout=subprocess.DEVNULL,
            )
            page = Path(folder, Path(place).name).read_text(encoding="utf-8")
            files.append(File.generated(config, place, content=page))
    return files
