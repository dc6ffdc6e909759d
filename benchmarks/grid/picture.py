"""The map of ratios as SVG: rows and classes of the grid, the colour and the number of a cell are its ratio.

It is as wide as a telephone, its colours follow the setting of the reader, and nothing is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from benchmarks.grid.results import Table

WIDTH, LABELS = 360, 52
CELL_HEIGHT, LINE = 22, 20
# a ratio below this -> colours of the cell and of its number, on white paper and in dark mode
LEVELS: dict[float, tuple[tuple[str, str], tuple[str, str]]] = {
    0.5: (("#b23a0a", "#ffffff"), ("#ff9a66", "#141517")),
    0.8: (("#ea9a72", "#1b1c1e"), ("#a24c22", "#ffffff")),
    0.95: (("#f7d8c8", "#1b1c1e"), ("#55301f", "#ecebe7")),
    1.05: (("#eceae3", "#1b1c1e"), ("#2b2d31", "#ecebe7")),
    1.5: (("#cfe3ee", "#1b1c1e"), ("#1d3b4d", "#ecebe7")),
    3.0: (("#86b9d6", "#1b1c1e"), ("#2a678b", "#ffffff")),
    float("inf"): (("#1f6590", "#ffffff"), ("#8fcbee", "#141517")),
}
PAPER, INK = ("#fcfbf8", "#141517"), ("#1b1c1e", "#ecebe7")


def picture(group: str, tables: Sequence[Table]) -> str:
    """Return the maps of the tasks of a group, one below the other, as an SVG file."""
    rows = sorted({cell.rows for table in tables for cell in table.cells})
    classes = sorted({cell.classes for table in tables for cell in table.cells})
    shapes = [_text(0, 16, group, "title"), _text(0, 36, f"torch's time / ours, {tables[0].dtype}", "start")]
    y, legend = _legend(36)
    shapes += legend
    for table in tables:
        y, drawn = _map(table, rows, classes, y + 14)
        shapes += drawn
    said = " ".join(
        f"{table.variant}: geometric mean {table.mean:.2f}, worst {table.worst[0].ratio:.2f}." for table in tables
    )
    return "\n".join((*_head(y + 6, f"{group}: torch's time over ours", said), *shapes, "</svg>\n"))


def level(ratio: float) -> int:
    """Return the place of a ratio among the levels."""
    return next(place for place, bound in enumerate(LEVELS) if ratio < bound)


def number(ratio: float) -> str:
    """Return a ratio as it stands in a cell."""
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0f}"


def _legend(y: float) -> tuple[float, list[str]]:
    bounds = [f"{bound:g}" for bound in LEVELS][:-1]
    names = [f"&lt; {bounds[0]}", *(f"&lt; {bound}" for bound in bounds[1:]), f"≥ {bounds[-1]}"]
    width = WIDTH / len(names)
    drawn = [_cell(place * width, y + 10, width, name, place) for place, name in enumerate(names)]
    return y + 10 + CELL_HEIGHT, drawn


def _map(table: Table, rows: list[int], classes: list[int], y: float) -> tuple[float, list[str]]:
    width = (WIDTH - LABELS) / len(rows)
    ratios = {cell.shape: cell.ratio for cell in table.cells}
    drawn = [_text(0, y + LINE - 6, table.variant, "title")]
    top = y + 2 * LINE + 4
    drawn.append(_text(LABELS - 6, top - 6, "classes", "end"))
    drawn += [_text(LABELS + (at + 0.5) * width, top - 6, _count(each), "middle") for at, each in enumerate(rows)]
    drawn.append(_text(WIDTH, y + LINE - 6, "rows →", "end"))
    for line, each in enumerate(classes):
        level_of_line = top + line * CELL_HEIGHT
        drawn.append(_text(LABELS - 6, level_of_line + 15, _count(each), "end"))
        for at, count in enumerate(rows):
            if (count, each) in ratios:
                ratio = ratios[count, each]
                drawn.append(_cell(LABELS + at * width, level_of_line, width, number(ratio), level(ratio)))
    return top + len(classes) * CELL_HEIGHT, drawn


def _cell(x: float, y: float, width: float, words: str, place: int) -> str:
    """Return a rectangle and its number; `words` are escaped."""
    left, top, inner = x + 0.5, y + 0.5, width - 1
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{inner:.1f}" height="{CELL_HEIGHT - 1}" class="c{place}"/>'
        f'<text x="{x + width / 2:.1f}" y="{y + 15:.1f}" class="middle n{place}">{words}</text>'
    )


def _text(x: float, y: float, words: str, style: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}">{escape(words)}</text>'


def _count(number_of: int) -> str:
    return f"{number_of:,}"


def _head(height: float, title: str, description: str) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-6 0 {WIDTH + 12} {height:.0f}" width="{WIDTH + 12}" '
        f'height="{height:.0f}" role="img" aria-labelledby="title description">'
    )
    yield f'<title id="title">{escape(title)}</title>'
    yield f'<desc id="description">{escape(description)}</desc>'
    yield "<style>\ntext { font: 12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', Arial, sans-serif; }"
    yield ".title { font-weight: 600; font-size: 14px; }\n.end { text-anchor: end; }\n.middle { text-anchor: middle; }"
    yield from _colours(0)
    yield "@media screen and (prefers-color-scheme: dark) {"
    yield from _colours(1)
    yield f'}}\n</style>\n<rect x="-6" width="{WIDTH + 12}" height="{height:.0f}" class="paper"/>'


def _colours(mode: int) -> Iterator[str]:
    yield f"text {{ fill: {INK[mode]}; }}\n.paper {{ fill: {PAPER[mode]}; }}"
    for place, pairs in enumerate(LEVELS.values()):
        yield f".c{place} {{ fill: {pairs[mode][0]}; }}\n.n{place} {{ fill: {pairs[mode][1]}; }}"
