"""A drawing of the report read back: where its shapes are, in the units that its own axes show."""

from __future__ import annotations

import re
from xml.etree import ElementTree

Point = tuple[float, float]
GAP = 0.75  # pixels that a bar leaves free on each side


class Drawn:
    """Shapes by their class, as data; the scale of each axis is taken from its labels."""

    def __init__(self, svg: str) -> None:
        self.root = ElementTree.fromstring(svg)
        self.label = self.root.get("aria-label")
        _, _, width, height = map(float, self.root.get("viewBox").split())
        assert all(0 <= x <= width and 0 <= y <= height for x, y in self._corners())
        texts = [each for each in self.root.iter("text") if each.get("class") != "axis"]
        self.x_ticks = {each.text: float(each.get("x")) for each in texts if each.get("text-anchor") == "middle"}
        ends = [each for each in texts if each.get("text-anchor") == "end"]
        self.y_ticks = {each.text: float(each.get("y")) - 3.5 for each in ends}
        rules = self._of("line", "grid")
        assert all(each.get("y1") == each.get("y2") for each in rules)
        self.grid = [float(each.get("y1")) for each in rules]
        self.x_label, self.y_label = (each.text for each in self.root.iter("text") if each.get("class") == "axis")

    def scaled(self, x_values: dict[str, float], y_values: dict[str, float]) -> Drawn:
        """Take the scales from what the labels mean; every label must lie on its line."""
        assert list(self.x_ticks) == list(x_values)
        assert list(self.y_ticks) == list(y_values)
        assert max(abs(a - b) for a, b in zip(self.grid, self.y_ticks.values(), strict=True)) <= 0.01
        self._x, self._y = (
            _scale(list(ticks.values()), list(values.values()))
            for ticks, values in ((self.x_ticks, x_values), (self.y_ticks, y_values))
        )
        return self

    def dots(self, class_: str) -> list[Point]:
        return [(self._x(each.get("cx")), self._y(each.get("cy"))) for each in self._of("circle", class_)]

    def lines(self, class_: str) -> list[list[Point]]:
        return [
            [(self._x(x), self._y(y)) for x, y in (pair.split(",") for pair in each.get("points").split())]
            for each in self._of("polyline", class_)
        ]

    def whiskers(self, class_: str) -> list[tuple[float, float, float]]:
        """Return x, low and high of the upright segments."""
        found = [each for each in self._of("line", class_) if each.get("x1") == each.get("x2")]
        return [(self._x(each.get("x1")), self._y(each.get("y1")), self._y(each.get("y2"))) for each in found]

    def bars(self, class_: str) -> list[tuple[float, float, float, float]]:
        """Return left, right, low and high."""
        found = []
        for each in self._of("rect", class_):
            x, y, width, height = (float(each.get(name)) for name in ("x", "y", "width", "height"))
            found.append((self._x(x - GAP), self._x(x + width + GAP), self._y(y + height), self._y(y)))
        return found

    def told(self) -> list[str]:
        """Return what each mark tells where it is pointed at, below the picture and to a screen reader alike."""
        lines = [[each.text for each in tip.iter("text")] for tip in self._of("g", "tip")]
        assert [each.get("aria-label") for each in self._of("g", "spot")] == ["; ".join(each) for each in lines]
        return ["; ".join(each) for each in lines]

    def notes(self) -> list[tuple[str, float, float]]:
        below = {each for tip in self._of("g", "tip") for each in tip.iter("text")}
        starts = [each for each in self.root.iter("text") if each.get("text-anchor") == "start"]
        found = [each for each in starts if each not in below and each.get("class") != "hint"]
        return [(each.text, self._x(each.get("x")), self._y(each.get("y"))) for each in found[1:]]

    def _corners(self) -> list[Point]:
        """Return the places of all shapes and words, in pixels."""
        names = (("x", "y"), ("x1", "y1"), ("x2", "y2"), ("cx", "cy"))
        found = [(each.get(x), each.get(y)) for each in self.root.iter() for x, y in names if each.get(x) is not None]
        found += [pair.split(",") for each in self.root.iter("polyline") for pair in each.get("points").split()]
        return [(float(x), float(y)) for x, y in found]

    def _of(self, element: str, class_: str) -> list[ElementTree.Element]:
        return [each for each in self.root.iter(element) if each.get("class") == class_]


def drawings(page: str) -> list[Drawn]:
    """Return the drawings of a page, in order."""
    return [Drawn(svg) for svg in re.findall(r"<svg .*?</svg>", page, re.DOTALL)]


def _scale(places: list[float], values: list[float]):
    slope = (values[-1] - values[0]) / (places[-1] - places[0])
    for place, value in zip(places, values, strict=True):
        assert abs(values[0] + slope * (place - places[0]) - value) <= abs(slope) * 0.02
    return lambda place: values[0] + slope * (float(place) - places[0])
