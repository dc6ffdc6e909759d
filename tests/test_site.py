"""The documentation site: its reference has every public name, and its examples are copied as code."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
from docs.site.code_blocks import code_of, on_page_content, on_page_markdown

import logitwise
from logitwise import explain

DOCS = Path(__file__).resolve().parents[1] / "docs"
REFERENCE = "\n".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "reference").glob("*.md")))


@pytest.mark.parametrize("name", sorted({*logitwise.__all__, *explain.__all__} - {"__version__", "data"}))
def test_a_public_name_is_in_the_reference(name):
    assert re.search(rf"^::: logitwise\.(\w+\.)*{name}$", REFERENCE, re.MULTILINE)


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.relative_to(DOCS).as_posix())
def test_a_page_is_on_the_site_under_its_name(page):
    contents = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    assert contents.count(f": {page.relative_to(DOCS).as_posix()}\n") == 1


def blocks_with_prompts() -> list[tuple[str, str]]:
    """Return every example with prompts of the pages and the README, with the name of its document."""
    fence = re.compile(r"^```(?:python|pycon)\n(>>> .*?)^```$", re.MULTILINE | re.DOTALL)
    documents = [DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md"))]
    return [(page.name, block) for page in documents for block in fence.findall(page.read_text(encoding="utf-8"))]


def test_what_is_copied_of_an_example_is_code():
    assert len(blocks_with_prompts()) >= 60
    for name, block in blocks_with_prompts():
        code = code_of(block)
        compile(code, name, "exec")
        assert "doctest:" not in code
        assert len(ast.parse(code).body) == len(re.findall(r"^>>> ", block, re.MULTILINE)), code


@pytest.mark.parametrize(
    ("code", "block", "copied"),
    [
        ("&gt;&gt;&gt; f(1)  # doctest: +ELLIPSIS\n&quot;2&quot;\n&gt;&gt;&gt; g()\n", "pycon", "f(1)\ng()\n"),
        ("&gt;&gt;&gt; if a &lt; b:\n...     c()\n3\n", "pycon", "if a &lt; b:\n    c()\n"),
        ("$ logitwise info \\\n    a\nclasses\n$ ls\n", "console", "logitwise info \\\n    a\nls\n"),
        ("x = 1\n\n\ny = 2\n", "python", "x = 1\n\n\ny = 2\n"),
    ],
)
def test_the_copy_button_gets_what_can_be_run(code, block, copied):
    lines = "".join(f'<span id="__span-0-1"><span class="x">{line}</span>\n</span>' for line in code.split("\n")[:-1])
    html = f'<div class="language-{block} highlight"><pre id="a"><span></span><code>{lines}</code></pre></div>'
    made = on_page_content(html)
    assert f'highlight" data-copy="{copied}">' in made
    assert re.sub(r' one-line| data-copy="[^"]*"|<span class="whole">([^<]*)</span>', r"\1", made) == html


def test_a_block_of_one_line_may_wrap():
    text = '<div class="language-text highlight"><pre><code>{}\n</code></pre></div>'
    assert [" one-line highlight" in on_page_content(text.format(each)) for each in ("a", "a\nb")] == [True, False]


def test_examples_with_prompts_are_coloured_as_such():
    page = "```python\nx = 1\n```\n\n```python\n>>> x\n1\n```\n\n    ```python\n    >>> x\n    ```\n"
    made = on_page_markdown(page)
    assert made == page.replace("```python\n>>>", "```pycon\n>>>").replace("```python\n    >>>", "```pycon\n    >>>")


def test_words_of_code_stay_whole():
    console = '<div class="language-console highlight"><pre><code>$ a --help &gt; -o\n</code></pre></div>'
    made = on_page_content(console)
    assert '<code>$ a <span class="whole">--help</span> &gt; <span class="whole">-o</span>' in made
    assert 'data-copy="a --help &gt; -o\n"' in made
    made = on_page_content("<p>Use <code>--help</code>, or <code>logitwise train flowers.csv --target x</code></p>")
    assert '<code class="whole">--help</code>' in made
    assert '<code>logitwise train flowers.csv <span class="whole">--target</span> x</code>' in made


def test_install_names_every_extra_and_its_packages():
    page = (DOCS / "install.md").read_text(encoding="utf-8")
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert [name for name in extras if f"`{name}`" not in page] == []
    shown = dict(re.findall(r"^\| `?\(?(\w+)\)?`? \| (.*?) \|", page, re.MULTILINE))
    for name in ("none", "torch", "tables", "train", "onnx"):
        needs = project["dependencies"] if name == "none" else extras[name]
        packages = {re.split("[><=]", each)[0] for each in needs if not each.startswith("logitwise[")}
        assert {each for each in shown[name].lower().split(", ") if not each.startswith("and ")} == packages


def test_the_figures_of_the_first_call_are_those_of_the_benchmarks():
    page = (DOCS / "first-call.md").read_text(encoding="utf-8")
    measured = " ".join((DOCS.parent / "benchmarks" / "README.md").read_text(encoding="utf-8").split())
    softmax, loss, fit, second = re.search(
        r"softmax (\S+) s \[[\d.]+\], cross-entropy with gradient (\S+) \[\d\], a first `fit` (\S+) above a.*?"
        r"a second process (\S+) s for either function",
        measured,
    ).groups()
    assert f"| `softmax` of an array | {softmax} s | {second} s |" in page
    assert f"| `cross_entropy_and_gradient` of an array | {loss} s | {second} s |" in page
    assert f"| a first `Classifier.fit` | {fit} s more than a later one | |" in page
    assert f"Most of the {second} s is the import" in page
