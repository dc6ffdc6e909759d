"""The page on speed: made from the results of the grid, with maps of ratios that can be read by everybody."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest
from benchmarks.grid import measuring, page, picture, results
from benchmarks.grid import shapes as grid_shapes
from benchmarks.grid.results import Cell, Results, Setting, Table

SVG = "{http://www.w3.org/2000/svg}"
TELEPHONE = 375 - 2 * 12.8  # pixels that a page leaves on a telephone, between its margins
SETTING = Setting("A processor", 2, "3.11.0", "2.0.0", 1e3, 0.05, 3)


def cell(rows: int, classes: int, *ratios: float) -> Cell:
    return Cell(rows, classes, 10.0, 10.0 * ratios[0], ratios, "torch eager")


def table(task: str = page.FUNCTION, *cells: Cell, dtype: str = "float32", peers: tuple[str, ...] = ("torch eager",)):
    group, _, variant = task.rpartition(", ")
    return Table(group, variant, dtype, "2026-11-28", peers, cells or (cell(1, 2, 0.5), cell(8, 2, 2.0)))


MADE = Results(SETTING, tuple(table(task) for task in page.QUOTED))


def test_the_committed_page_follows_from_the_committed_results():
    kept = results.load()
    text = page.PAGE.read_text(encoding="utf-8")
    assert text.partition(page.BOUNDS)[0] == page.page(kept), "run: python -m benchmarks.grid --page"
    assert page.BOUNDS in text
    files = {file.name: file.read_text(encoding="utf-8") for file in page.FIGURES.glob("*.svg")}
    assert files == page.pictures(kept), "run: python -m benchmarks.grid --page"


def test_the_table_of_the_readme_is_that_of_the_committed_results():
    readme = page.README.read_text(encoding="utf-8")
    assert page.quoted(results.load()) in readme, "run: python -m benchmarks.grid --page"


def test_what_the_readme_says_of_every_shape_follows_from_the_committed_results():
    assert "`cross_entropy_and_gradient` is faster than torch [at every shape measured](#speed)." in " ".join(
        page.README.read_text(encoding="utf-8").split()
    )
    assert results.load().table(page.FUNCTION).below == 0


def test_new_results_change_the_readme():
    readme = page.README.read_text(encoding="utf-8")
    made = page.with_figures(readme, Results(SETTING, (table(page.FUNCTION, cell(8, 3, 70.7), cell(1, 2, 0.5)),)))
    assert f"| {page.QUOTED[page.FUNCTION]} | 5.95 | 0.50, at 1x2 | 1 of 2 |" in made
    assert "on A processor with 2 threads" in " ".join(made.split())
    assert len(made.splitlines()) < len(readme.splitlines())
    assert page.with_figures(made, results.load()) == readme


def test_figures_are_medians_over_runs_and_geometric_means_over_cells():
    made = table(page.FUNCTION, cell(1, 2, 9.0, 0.5, 0.1), cell(8, 2, 2.0, 2.0, 2.1), cell(64, 2, 1.0))
    assert [each.ratio for each in made.worst] == [0.5, 1.0, 2.0]
    assert made.mean == pytest.approx(1.0, rel=1e-12)
    assert made.below == 1


def test_results_are_read_as_they_were_written(tmp_path):
    made = Results(SETTING, (table("loss, forward", cell(1, 2, 1.25, 0.5)), table(dtype="bfloat16")))
    results.save(made, tmp_path / "results.json")
    assert results.load(tmp_path / "results.json") == made
    lines = (tmp_path / "results.json").read_text().splitlines()
    assert sum(line.startswith("[") for line in lines) == 3  # a line for every cell


def test_tables_measured_again_take_their_place_and_new_ones_come_last():
    again = table("softmax, out=", cell(1, 2, 7.0))
    old = Results(SETTING, (table("softmax, out="), table("loss, forward")))
    found = old.updated([table("softmax, out=", dtype="float64"), again]).tables
    assert [(each.task, each.dtype) for each in found] == [
        ("softmax, out=", "float32"),
        ("loss, forward", "float32"),
        ("softmax, out=", "float64"),
    ]
    assert found[0] == again


def test_the_worst_ten_cells_come_first():
    cells = [cell(rows, 2, rows / 8) for rows in range(12, 0, -1)]
    text = page.page(Results(SETTING, (table("softmax, out=", *cells),)))
    shown = re.findall(r"^\| (\d\.\d\d) at (\d+)x2 \(", text, re.MULTILINE)
    assert shown == [(f"{rows / 8:.2f}", str(rows)) for rows in range(1, 11)]
    assert text.index(" at 1x2 (") < text.index("(figures/speed/softmax.svg)") < text.index("## Every cell")


def test_the_worst_cells_of_every_dtype_stand_side_by_side():
    wide = table("softmax, out=", cell(8, 3, 0.7, 0.6, 0.8), dtype="float64")
    text = page.page(Results(SETTING, (table("softmax, out="), wide)))
    assert "| float32, mean 1.00 | float64, mean 0.70 |" in text
    assert "| 0.50 at 1x2 (10 µs, 5 µs) | 0.70 at 8x3 (10 µs, 7 µs) |\n| 2.00 at 8x2 (10 µs, 20 µs) |  |\n" in text


def test_the_spread_of_the_runs_is_told():
    text = page.page(Results(SETTING, (table("softmax, out=", cell(8, 3, 0.7, 0.6, 0.8), cell(8, 4, 1.0, 1.0, 1.0)),)))
    assert "whose ratios lie 14% apart in the median" in " ".join(text.split())


def test_a_table_of_several_peers_names_the_fastest():
    fast = replace(cell(1, 2, 0.5, 0.7, 0.6), peer="JAX jit")
    text = page.page(Results(SETTING, (table("f, beside all", fast, peers=("torch eager", "JAX jit")),)))
    assert "| 0.60 at 1x2 (10 µs, 5 µs JAX jit) |" in text
    assert "The peers: torch eager, JAX jit." in text


def test_a_map_has_the_ratio_of_every_cell_in_its_place():
    drawn = ElementTree.fromstring(
        picture.picture("softmax", [table("softmax, out=", cell(1, 2, 0.07), cell(64, 30, 12.3))])
    )
    at = {text.text: (float(text.attrib["x"]), float(text.attrib["y"])) for text in drawn.iter(f"{SVG}text")}
    assert at["0.07"] == (pytest.approx(at["1"][0], abs=0.1), at["2"][1])
    assert at["12.3"] == (pytest.approx(at["64"][0], abs=0.1), at["30"][1])
    level = {text.text: text.attrib["class"] for text in drawn.iter(f"{SVG}text")}
    assert level["0.07"] == "middle n0"
    assert level["12.3"] == f"middle n{len(picture.LEVELS) - 1}"


@pytest.mark.parametrize(("ratio", "place"), [(0.49, 0), (0.5, 1), (0.94, 2), (1.0, 3), (1.05, 4), (2.9, 5), (3.0, 6)])
def test_the_level_of_a_ratio(ratio, place):
    assert picture.level(ratio) == place


def test_every_picture_can_be_read_on_a_telephone_and_loads_nothing():
    for name, text in page.pictures(results.load()).items():
        drawn = ElementTree.fromstring(text)
        assert min(1.0, TELEPHONE / float(drawn.attrib["width"])) * 12 >= 11, name
        left, _, width, height = map(float, drawn.attrib["viewBox"].split())
        for each in drawn.iter(f"{SVG}text"):
            assert left <= float(each.attrib["x"]) <= left + width, (name, each.text)
            assert 0 < float(each.attrib["y"]) <= height, (name, each.text)
        assert not re.search(r"href|url\(|@import", text), name


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_numbers_stand_out_from_their_cells(mode):
    pairs = [pairs[mode] for pairs in picture.LEVELS.values()] + [(picture.PAPER[mode], picture.INK[mode])]
    assert min(contrast(*pair) for pair in pairs) >= 4.5  # WCAG 2, AA


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contenders(monkeypatch, lengths: dict[str, list[float]]) -> tuple[list[str], dict[str, measuring.Call]]:
    """Return who was called in which order, and calls that take as long as they are told, by a clock of their own."""
    clock, order = [0.0], []
    monkeypatch.setattr(measuring.time, "perf_counter", lambda: clock[0])

    def call(name: str) -> None:
        order.append(name)
        clock[0] += lengths[name][min(order.count(name), len(lengths[name])) - 1]

    return order, {name: partial(call, name) for name in lengths}


def test_contenders_take_turns_and_the_fastest_peer_counts(monkeypatch):
    order, calls = contenders(monkeypatch, {"ours": [9.0, 2.0, 2.0, 4.0], "slow": [8.0], "fast": [5.0, 3.0, 3.0, 2.0]})
    found = measuring.measured(calls.pop("ours"), calls, 0.05)
    assert order == ["ours", "slow", "fast"] * (1 + measuring.LEAST_SLOW_CALLS)  # the first turn compiles
    assert found == measuring.Measurement(2.0, 3.0, 1.5, "fast", ("slow", "fast"))


def test_short_calls_are_repeated_for_as_long_as_told(monkeypatch):
    order, calls = contenders(monkeypatch, {"ours": [0.25e-3], "theirs": [0.75e-3]})
    assert measuring.measured(calls.pop("ours"), calls, 0.0625).ratio == 3.0
    assert order == ["ours", "theirs"] * (2 + 63)


def test_large_shapes_are_left_out_where_memory_or_patience_ends():
    every = grid_shapes.shapes(64e6, "float32")
    assert len(every) == 101
    assert grid_shapes.shapes(64e6, "bfloat16") == every[::3]
    assert max(rows * classes for rows, classes in grid_shapes.shapes(1e12, "float64", copies=10)) <= 8e9 / 80
    few = grid_shapes.few(every)
    assert len(few) <= grid_shapes.FEW
    assert min(rows * classes for rows, classes in few) >= grid_shapes.FEW_FROM
    assert grid_shapes.few([(1, 2)]) == []


def test_nothing_of_the_machine_is_kept_but_its_processor():
    assert set(vars(results.load().setting)) == {"processor", "threads", "python", "torch", "most", "seconds", "runs"}
    assert not re.search(r"/(home|work|root|tmp|usr)/", results.FILE.read_text(encoding="utf-8"))
    assert results.FILE.parent == Path(__file__).resolve().parents[1] / "benchmarks"
