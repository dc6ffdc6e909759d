"""Executes the documentation: every Python block of README.md and docs/, and every example in a docstring.

A file is one namespace, its blocks run in order, as if it were imported: blocks with `>>>` must print exactly what they
show, the others must run. The comment `<!-- needs MNIST -->` above a block says that it reads the folder the reader
calls `folder`.
"""

from __future__ import annotations

import doctest
import inspect
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from logitwise import functional

ROOT = Path(__file__).resolve().parents[1]
MNIST = ROOT / "../shared/data/mnist-sample"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"^(?P<mark><!-- needs MNIST -->\n+)?```(?:python|pycon)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A block of Python in a document."""

    code: str
    line: int
    needs_mnist: bool


def blocks_of(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    return [
        Block(match["code"], text.count("\n", 0, match.start("code")), match["mark"] is not None)
        for match in BLOCK.finditer(text)
    ]


def check_examples(test: doctest.DocTest) -> None:
    """Fail with doctest's own account where an example prints something else than it shows."""
    report: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(test, out=report.append, clear_globs=False)
    assert result.failed == 0, "".join(report)


@pytest.mark.parametrize("document", sorted(ROOT.glob("*.md")) + DOCUMENTS[1:], ids=lambda path: path.name)
def test_holds_no_marks_of_a_merge(document: Path) -> None:
    assert not re.search(r"^(<{7}|={7}|>{7})( |$)", document.read_text(encoding="utf-8"), re.MULTILINE)


def execute(block: Block, document: Path, namespace: dict[str, object]) -> None:
    """Run a block in the namespace of its document."""
    if ">>>" not in block.code:
        exec(compile("\n" * block.line + block.code, str(document), "exec"), namespace)
        return
    test = doctest.DocTestParser().get_doctest(block.code, namespace, document.name, str(document), block.line)
    check_examples(test)
    namespace.update(test.globs)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.relative_to(ROOT).as_posix())
def test_every_block_of_a_document_runs_and_prints_what_it_shows(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = blocks_of(document)
    fences = re.findall("```py", document.read_text(encoding="utf-8"))
    assert len(blocks) == len(fences), "a block must start and end a line"
    namespace: dict[str, object] = {"__name__": "document", "folder": MNIST}
    runnable = [block for block in blocks if MNIST.is_dir() or not block.needs_mnist]
    for block in runnable:
        execute(block, document, namespace)
    if len(runnable) < len(blocks):
        left_out = len(blocks) - len(runnable)
        pytest.skip(f"{left_out} blocks need shared/data/mnist-sample beside the project; the others passed")


def test_the_tutorial_has_blocks_of_each_kind():
    blocks = blocks_of(ROOT / "docs" / "tutorial.md")
    assert sum(block.needs_mnist for block in blocks) >= 4
    assert sum(not block.needs_mnist for block in blocks) >= 8


@pytest.mark.parametrize(
    ("code", "error"),
    [("1 / 0\n", ZeroDivisionError), (">>> 1 + 1\n3\n", AssertionError), (">>> 1 / 0\n", AssertionError)],
)
def test_a_wrong_block_fails(code, error):
    with pytest.raises(error, match=r"division by zero|Got:\s+2"):
        execute(Block(code, 0, False), Path("wrong.md"), {})


def commands_shown() -> list[str]:
    """Return the `logitwise` command lines of all documents, without the prompt."""
    text = "\n".join(document.read_text(encoding="utf-8") for document in DOCUMENTS).replace("\\\n", " ")
    return sorted(set(re.findall(r"^\$ (?:\S*/)?logitwise (.+)$", text, re.MULTILINE)))


@pytest.mark.parametrize("command", commands_shown())
def test_every_option_of_a_command_shown_exists(command):
    words = shlex.split(command, comments=True)
    name = [] if words[0].startswith("-") else words[:1]
    help_text = subprocess.run(
        [sys.executable, "-m", "logitwise", *name, "--help"],
        env=os.environ | {"COLUMNS": "200", "TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    shown = {word.partition("=")[0] for word in words if re.match("--?[a-zA-Z]", word)}
    assert shown <= set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", help_text))


def modules_with_examples() -> list[str]:
    """Return the names of our modules whose source holds an example."""
    files = sorted((ROOT / "src").rglob("*.py"))
    found = [file for file in files if ">>>" in file.read_text(encoding="utf-8") and file.stem != "__main__"]
    return [".".join(f.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__") for f in found]


@pytest.mark.parametrize("name", modules_with_examples())
def test_every_example_in_a_docstring_prints_what_it_shows(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = import_module(name)
    tests = [test for test in doctest.DocTestFinder().find(module, name) if test.examples]
    assert sum(len(test.examples) for test in tests) == inspect.getsource(module).count(">>> ")
    for test in tests:
        check_examples(test)


@pytest.mark.parametrize("name", functional.__all__)
def test_every_function_has_an_example(name):
    assert "\nExample:\n    >>> import" in inspect.getdoc(getattr(functional, name))
