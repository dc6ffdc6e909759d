"""The command lines of the documents, typed in order in a folder that holds the files they speak of."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cli.made_fruit import made_rows, write_csv

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", "docs/index.md", "docs/command-line.md", "docs/how-to/tables.md", "docs/how-to/report.md"]
MADE = {"answer": ("people", "more-people", "new-people"), "species": ("data", "more", "new")}
NOT_TYPED = ("--install-completion",)  # writes to the home folder


def command_lines(page: str) -> list[str]:
    """Return the lines after a prompt that ask for our program."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.findall(r"^\$ logitwise (.+)$", text, re.MULTILINE)
    return [line for line in found if not any(word in line for word in NOT_TYPED)]


@pytest.fixture
def files(folder: Path) -> Path:
    """Write the files that the documents speak of; all of one kind, some with another name for the target."""
    write_csv("flowers.csv", made_rows(60, seed=1), "size,colour,species")
    write_csv("more-flowers.csv", made_rows(40, seed=2), "size,colour,species")
    write_csv("new-flowers.csv", [row[:2] for row in made_rows(20, seed=3)], "size,colour")
    write_csv("rows.csv", made_rows(60, seed=6), None)
    lines = [f"{size}\t{colour}\t{label}" for size, colour, label in made_rows(60, seed=7)]
    (folder / "export.csv").write_text(
        "\n".join(["size\tcolour\tspecies", *lines]).replace(".", ","), encoding="cp1252"
    )
    (folder / "names.txt").write_text("size\ncolour\nspecies\n", encoding="utf-8")
    write_csv("adult-train.csv", made_rows(60, seed=4), None)
    write_csv("adult-test.csv", [(*row[:2], f"{row[2]}.") for row in made_rows(40, seed=5)], None)
    for target, names in MADE.items():
        for seed, name in enumerate(names):
            write_csv(f"{name}.csv", made_rows(40, seed=seed), f"size,colour,{target}")
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_does_what_it_says(run, files, page):
    lines = command_lines(page)
    assert lines
    for line in lines:
        typed, _, output = line.partition(" > ")
        result = run(*shlex.split(typed, comments=True))
        assert result.exit_code == 0, f"{line}: {result.stderr}"
        if output:
            Path(output).write_text(result.stdout, encoding="utf-8")
