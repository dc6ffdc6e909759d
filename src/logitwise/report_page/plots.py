"""Small SVG drawings: a frame with axes, and lines, points, bars and whiskers in it. Colours come from the style."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from logitwise.report_page.markup import Html, join, tag

WIDTH = 400.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 14.0, 24.0, 40.0  # room for labels
LINE, READOUT = 14.0, 34.0  # of text, and of all that marks tell
HINT = "Point at a mark, or touch it, for its numbers."
Point = tuple[float, float]


@dataclass(frozen=True)
class Frame:
    """The range of values on each axis, and where it lies in the drawing."""

    x_range: Point
    y_range: Point
    height: float = 260.0

    @property
    def right(self) -> float:
        """The right edge of what is drawn in."""
        return WIDTH - RIGHT

    @property
    def bottom(self) -> float:
        """The lower edge of what is drawn in."""
        return self.height - BOTTOM

    def x(self, value: float) -> float:
        """Return where a value lies from left to right."""
        low, high = self.x_range
        return LEFT + (value - low) / (high - low) * (self.right - LEFT)

    def y(self, value: float) -> float:
        """Return where a value lies from top to bottom."""
        low, high = self.y_range
        return self.bottom - (value - low) / (high - low) * (self.bottom - TOP)


def drawing(frame: Frame, label: str, *shapes: Html) -> Html:
    """Return shapes as one picture, with room below for what marks tell; `label` is what a screen reader says of it."""
    box = f"0 0 {WIDTH:g} {frame.height + READOUT:g}"
    hint = _text((0, frame.height + LINE), HINT, "start", "hint")
    return tag("svg", *shapes, hint, viewBox=box, role="group", aria_label=label, class_="plot")


def telling(frame: Frame, lines: Sequence[str], *marks: Html, by_tab: bool = False) -> Html:
    """Return marks that tell their numbers below the picture, where they are pointed at, touched, or focused.

    Args:
        frame: Where they lie.
        lines: What they tell: two lines at most.
        marks: What is drawn, and what may be pointed at.
        by_tab: Whether the Tab key stops at them: where they are few.
    """
    texts = (_text((0, frame.height + place * LINE), line, "start") for place, line in enumerate(lines, 1))
    spot = tag("g", *marks, class_="spot", tabindex=0 if by_tab else -1, role="img", aria_label="; ".join(lines))
    return join([spot, tag("g", *texts, class_="tip", aria_hidden="true")])


def around(frame: Frame, point: Point) -> Html:
    """Return what may be pointed at around a point, unseen."""
    return dot(frame, point, "reach", 11.0)


def band(frame: Frame, along: Point) -> Html:
    """Return what may be pointed at over a range of x, seen while it is."""
    left, right = (frame.x(each) for each in along)
    return tag("rect", x=left, y=TOP, width=right - left, height=frame.bottom - TOP, class_="reach")


def axes(
    frame: Frame, x_label: str, y_label: str, x_ticks: Sequence[tuple[float, str]], y_ticks: Sequence[tuple[float, str]]
) -> Html:
    """Return grid lines at the ticks of y, the base line, and all labels."""
    rules = [_segment((LEFT, frame.y(value)), (frame.right, frame.y(value)), "grid") for value, _ in y_ticks]
    below, beside = frame.bottom + 15, LEFT - 7
    return join(
        [
            *rules,
            _segment((LEFT, frame.bottom), (frame.right, frame.bottom), "base"),
            *(_text((frame.x(value), below), label, "middle") for value, label in x_ticks),
            *(_text((beside, frame.y(value) + 3.5), label, "end") for value, label in y_ticks),
            _text((frame.right, frame.height - 8), x_label, "end", "axis"),
            _text((0, 10), y_label, "start", "axis"),
        ]
    )


def line(frame: Frame, points: Iterable[Point], class_: str) -> Html:
    """Return a line through points."""
    path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in points)
    return tag("polyline", points=path, class_=class_)


def dot(frame: Frame, point: Point, class_: str, radius: float = 4.0) -> Html:
    """Return one point."""
    return tag("circle", cx=frame.x(point[0]), cy=frame.y(point[1]), r=radius, class_=class_)


def whisker(frame: Frame, x: float, low: float, high: float, class_: str) -> Html:
    """Return an interval of y at one x."""
    return _segment((frame.x(x), frame.y(low)), (frame.x(x), frame.y(high)), class_)


def bar(frame: Frame, along: Point, upward: Point, class_: str) -> Html:
    """Return a bar over a range of x and of y, a little apart from its neighbours."""
    left, top = frame.x(along[0]) + 0.75, frame.y(upward[1])
    return tag(
        "rect",
        x=left,
        y=top,
        width=max(0.5, frame.x(along[1]) - 0.75 - left),
        height=max(0.0, frame.y(upward[0]) - top),
        class_=class_,
    )


def note(frame: Frame, point: Point, text: str, anchor: str = "start", class_: str | None = None) -> Html:
    """Return text beside a point."""
    return _text((frame.x(point[0]), frame.y(point[1])), text, anchor, class_)


def _segment(start: Point, end: Point, class_: str) -> Html:
    return tag("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=class_)


def _text(place: Point, text: str, anchor: str, class_: str | None = None) -> Html:
    return tag("text", text, x=place[0], y=place[1], text_anchor=anchor, class_=class_)
