"""`python -m benchmarks.comparison`: the tables of docs/comparison.md, made from the committed measurements.

They come from `grid-results.json`, `classifier-results.md`, `results-prediction.md` and `docs/numerics.md`; nothing is
measured here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.grid import results
from benchmarks.grid.page import QUOTED, SHOWN
from benchmarks.grid.picture import number

FOLDER = Path(__file__).parent
DOCS = FOLDER.parent / "docs"
PAGE = DOCS / "comparison.md"
END = "<!-- end -->\n"
BESIDE_ALL = "cross_entropy_and_gradient, beside the fastest peer"
ACCURACY = (
    "softmax",
    "log_softmax",
    "logsumexp",
    "cross_entropy, a row",
    "gradient of cross_entropy, at the target",
    "entropy",
    "kl_divergence, a row",
)
LOSS = "Log loss"
Rows = list[list[str]]


def main() -> None:
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def with_tables(page: str) -> str:
    """Return the text of the page with the tables that follow from the committed measurements."""
    for name, lines in TABLES.items():
        before, mark, rest = page.partition(f"<!-- measured: {name} -->\n")
        _, end, after = rest.partition(END)
        page = "".join([before, mark, *(f"{line}\n" for line in lines()), end, after])
    return page


def speed() -> Iterator[str]:
    """The functions and modules beside torch."""
    yield from _head("torch's time / ours, float32", "mean", "worst shape", "best shape", "torch is faster at")
    for task, words in QUOTED.items():
        table = results.load().table(task, SHOWN)
        worst, best = table.worst[0], table.worst[-1]
        shapes = (f"{number(cell.ratio)} ({cell.rows:,} x {cell.classes:,})" for cell in (worst, best))
        yield _row(words, number(table.mean), *shapes, f"{table.below} of {len(table.cells)} shapes")


def all_peers() -> Iterator[str]:
    """The loss with its gradient beside the fastest of all peers."""
    table = results.load().table(BESIDE_ALL, SHOWN)
    fastest = Counter(cell.peer for cell in table.cells)
    yield from _head("fastest peer", "at how many shapes", "its time / ours: geometric mean", "worst")
    for peer in table.peers:
        cells = tuple(cell for cell in table.cells if cell.peer == peer)
        if cells:
            part = results.Table(table.group, table.variant, SHOWN, table.date, (peer,), cells)
            yield _row(peer, f"{fastest[peer]} of {len(table.cells)}", number(part.mean), number(part.worst[0].ratio))
        else:
            yield _row(peer, f"0 of {len(table.cells)}", "", "")
    yield _row("all", str(len(table.cells)), number(table.mean), number(table.worst[0].ratio))


def accuracy() -> Iterator[str]:
    """The largest errors, of docs/numerics.md."""
    found = {(row[0], row[1]): row for row in _table((DOCS / "numerics.md").read_text(encoding="utf-8"), "function")}
    yield from _head("largest error in ulp, float32", "logitwise", "torch", "SciPy")
    for name in ACCURACY:
        row = found[name, "float32"]
        yield _row(name, max(row[3:-2], key=float), *row[-2:])


def log_loss() -> Iterator[str]:
    """The classifier beside others: the log loss of each set."""
    header, *rows = _classifier(LOSS)
    left_out = header.index("folds")  # on paper, the page has no room for it
    yield from _head(*header[:left_out], *header[left_out + 1 :])
    for row in rows:
        yield _row(*row[:left_out], *row[left_out + 1 :])


def classifiers() -> Iterator[str]:
    """The classifier beside others, over all sets."""
    header, *rows = _classifier("Summary")
    names = header[1:]
    yield from _head("over all sets", *names)
    for row in rows:
        if not row[0].startswith("the same"):
            yield _row(*row)
    losses = _of_sets(LOSS, names)
    best = Counter(name for by_name in losses for name in names if by_name[name] == min(by_name.values()))
    yield _row("sets with the lowest log loss", *(f"{best[name]} of {len(losses)}" for name in names))


def one_row() -> Iterator[str]:
    """The prediction of a single row."""
    text = (FOLDER / "results-prediction.md").read_text(encoding="utf-8")
    last = text[text.rindex("### One row") :]
    yield from _head("one row, microseconds", "logitwise", "a scikit-learn pipeline", "its time / ours")
    for row in _table(last, "row"):
        yield _row(*row)


def _of_sets(title: str, names: list[str]) -> list[dict[str, float]]:
    header, *rows = _classifier(title)
    columns = {name: header.index(name) for name in names}
    return [{name: float(row[place].strip("*")) for name, place in columns.items()} for row in rows]


def _classifier(title: str) -> Rows:
    text = (FOLDER / "classifier-results.md").read_text(encoding="utf-8")
    section = text[text.index(f"## {title}") :]
    return [_cells(line) for line in section.split("\n\n")[1].splitlines() if not line.startswith("| ---")]


def _table(text: str, first: str) -> Rows:
    """Return the rows of all tables whose first column has this name."""
    found = re.findall(rf"^\| {first} \|.*\n\| ---.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [_cells(line) for block in found for line in block.splitlines()]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _head(*cells: str) -> Iterator[str]:
    yield _row(*cells)
    yield "|" + " --- |" * len(cells)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


TABLES = {
    "speed": speed,
    "all peers": all_peers,
    "accuracy": accuracy,
    "log loss": log_loss,
    "classifiers": classifiers,
    "one row": one_row,
}

if __name__ == "__main__":
    main()
