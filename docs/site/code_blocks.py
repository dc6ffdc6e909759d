"""A hook of mkdocs: what a reader copies from an example can be run, and its output looks like output.

The copy button takes the attribute `data-copy` of a block. Of an example with prompts that is its code, without
prompts and output; of a terminal session, its commands; of all else, the text.
"""

from __future__ import annotations

import re
from doctest import DocTestParser
from html import escape, unescape
from typing import Any

LONGEST_WORD = 24  # characters of code in a line of text that stay together, as `--help` must
_FENCE = re.compile(r"^(?P<indent> *)```python\n(?=(?P=indent)>>> )", re.MULTILINE)
_BLOCK = re.compile(
    r'<div class="language-(?P<language>\w+)(?P<kind>[ \w-]*) highlight">(?=<pre.*?><code>(?P<code>.*?)</code>)',
    re.DOTALL,
)
_OPTION = re.compile(r"(?<![\w-])--?[a-z][\w-]*")
_CONSOLE = re.compile(r'(?P<head><div class="language-console [^>]*><pre.*?><code>)(?P<code>.*?)(?=</code>)', re.DOTALL)
_INLINE = re.compile(r"(?<!<pre>)(?<!</span>)<code>(?P<code>[^<]+)</code>")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Mark examples with prompts as such, so that their output is not coloured as code."""
    return _FENCE.sub(lambda match: f"{match['indent']}```pycon\n", markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Tell the copy button what to copy, and the browser which words of code to keep whole."""
    html = _INLINE.sub(_kept_whole, _BLOCK.sub(_with_copy, html))
    return _CONSOLE.sub(lambda block: block["head"] + _options_kept_whole(block["code"]), html)


def _with_copy(block: re.Match) -> str:
    text = unescape(re.sub(r"<[^>]+>", "", block["code"]))
    copied = COPIED.get(block["language"], str)(text)
    width = "" if "\n" in text.strip() else " one-line"
    return f'<div class="language-{block["language"]}{block["kind"]}{width} highlight" data-copy="{escape(copied)}">'


def code_of(example: str) -> str:
    """Return the code of an example, without prompts, output and directives of doctest."""
    code = "".join(each.source for each in DocTestParser().get_examples(example))
    return re.sub(r" *# doctest:.*", "", code)


def commands_of(session: str) -> str:
    """Return the commands of a terminal session, without prompts and output."""
    lines = re.findall(r"^\$ ((?:.*\\\n)*.*)", session, re.MULTILINE)
    return "".join(f"{line}\n" for line in lines)


COPIED = {"pycon": code_of, "console": commands_of}


def _kept_whole(code: re.Match) -> str:
    if len(unescape(code["code"])) <= LONGEST_WORD:
        return f'<code class="whole">{code["code"]}</code>'
    return f"<code>{_options_kept_whole(code['code'])}</code>"


def _options_kept_whole(html: str) -> str:
    """A line may end after the hyphens of `--help` otherwise."""
    return _OPTION.sub(lambda option: f'<span class="whole">{option[0]}</span>', html)
