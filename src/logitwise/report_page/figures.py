"""The drawn sections: reliability, losses, confidence, threshold. Each picture has its numbers in a table beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from logitwise.metrics.bins import bin_of
from logitwise.report_page.evidence import Evidence, History
from logitwise.report_page.findings import (
    RELIABILITY_BINS,
    Bin,
    CalibrationFinding,
    Threshold,
    confidence_shares,
    reliability,
    thresholds,
)
from logitwise.report_page.markup import Html, counted, details, join, number, share, table, tag
from logitwise.report_page.plots import (
    Frame,
    Point,
    around,
    axes,
    band,
    bar,
    dot,
    drawing,
    line,
    note,
    telling,
    whisker,
)

TENTHS = [(0.0, "0"), (0.25, "25%"), (0.5, "50%"), (0.75, "75%"), (1.0, "100%")]
MOST_STEPS_LISTED, MOST_STEPS_TOLD = 200, 50


def reliability_figure(evidence: Evidence, calibration: CalibrationFinding) -> Html:
    """Return the reliability diagram, with the one before calibration behind it where there is one."""
    after = reliability(evidence.target, evidence.probabilities)
    before_calibration = evidence.before_calibration
    before = [] if before_calibration is None else reliability(evidence.target, before_calibration)
    frame = Frame((0, 1), (0, 1), 340)
    said = f"said: probability of “{evidence.classes[1]}”" if len(evidence.classes) == 2 else "said: confidence"
    picture = drawing(
        frame,
        _reliability_label(after, calibration),
        axes(frame, said[:60], "happened", TENTHS, TENTHS),
        line(frame, [(0, 0), (1, 1)], "ideal"),
        _counts(frame, after),
        *(dot(frame, (each.said, each.happened), "before", 3.5) for each in before),
        *(_reliability_point(frame, each) for each in after),
    )
    key = [("dot", "as often as said, within chance"), ("ideal", "ideal")]
    if any(each.is_off for each in after):
        key.insert(1, ("dot off", "off by more than chance explains"))
    if before:
        key.insert(-1, ("before", "before calibration"))
    numbers = [_reliability_table("Said and happened", after)]
    if before:
        numbers.append(_reliability_table("Said and happened before calibration", before))
    return figure(picture, key, *numbers)


def _reliability_point(frame: Frame, each: Bin) -> Html:
    point, off = (each.said, each.happened), " off" if each.is_off else ""
    tenth = int(bin_of(np.array([each.said]), RELIABILITY_BINS)[0]) * 100 // RELIABILITY_BINS
    span = f"{tenth} to {tenth + 100 // RELIABILITY_BINS}%"
    lines = (
        f"{span}: {counted(each.rows, 'row')}, on average {share(each.said)} said",
        f"{share(each.happened)} happened (interval {_range(each.interval)})",
    )
    marks = (whisker(frame, each.said, *each.interval, f"whisker{off}"), dot(frame, point, f"dot{off}"))
    return telling(frame, lines, around(frame, point), *marks, by_tab=True)


def _reliability_label(bins: Sequence[Bin], calibration: CalibrationFinding) -> str:
    off = sum(each.is_off for each in bins)
    return (
        f"Reliability diagram: {off} of {counted(len(bins), 'bin')} away from the diagonal beyond chance; calibration "
        f"error {number(calibration.error)}."
    )


def _counts(frame: Frame, bins: Sequence[Bin]) -> Html:
    """Return how many rows each point stands for, as bars along the base line."""
    most = max(each.rows for each in bins)
    return join(
        bar(frame, (each.said - 0.02, each.said + 0.02), (0, 0.14 * each.rows / most), "count") for each in bins
    )


def _reliability_table(caption: str, bins: Sequence[Bin]) -> Html:
    rows = [(share(each.said), share(each.happened), _range(each.interval), f"{each.rows:,}") for each in bins]
    return table(caption, ("said", "happened", "joint 95% interval", "rows"), rows)


def loss_figure(history: History) -> Html:
    """Return the losses of training and of validation by step, and the step that was kept."""
    series = [list(history.train_loss), list(history.validation_loss)]
    y_ticks = nice_ticks([value for losses in series for value in losses])
    frame = Frame((0, history.step[-1]), (y_ticks[0], y_ticks[-1]))
    kept = history.best_step
    picture = drawing(
        frame,
        _loss_label(history),
        axes(
            frame, "step", "log loss (nats)", _step_ticks(history.step[-1]), [(tick, f"{tick:g}") for tick in y_ticks]
        ),
        whisker(frame, kept, y_ticks[0], y_ticks[-1], "mark"),
        *(
            line(frame, zip(history.step, losses, strict=False), class_)
            for losses, class_ in zip(series, ("second", "first"), strict=True)
        ),
        dot(frame, (kept, (series[1] or series[0])[history.step.index(kept)]), "dot"),
        *_measurements(frame, history),
    )
    key = [("second", "training"), *([("first", "held out")] if series[1] else []), ("mark", f"kept: step {kept}")]
    validation = series[1] or [math.nan] * len(history.step)
    listed = list(zip(history.step, series[0], validation, strict=True))[:MOST_STEPS_LISTED]
    rows = [(str(step), number(training, 4), number(held_out, 4)) for step, training, held_out in listed]
    return figure(picture, key, table("Log loss by step", ("step", "training", "held out"), rows))


def _measurements(frame: Frame, history: History) -> Iterator[Html]:
    """Yield what tells the losses of each step measured; of many, of some."""
    every = -(-len(history.step) // MOST_STEPS_TOLD)
    places = range(len(history.step) - 1, -1, -every)[::-1]
    edges = [0.0, *(float(history.step[place]) for place in places)]
    for place, span in zip(places, pairwise(edges), strict=True):
        held_out = f", {number(history.validation_loss[place], 4)} held out" if len(history.validation_loss) else ""
        loss = f"log loss {number(history.train_loss[place], 4)} in training{held_out}"
        yield telling(frame, (f"step {history.step[place]:,}: {loss}",), band(frame, span))


def _loss_label(history: History) -> str:
    ends = f"training loss from {number(history.train_loss[0])} to {number(history.train_loss[-1])}"
    if not len(history.validation_loss):
        return f"Loss by step: {ends}."
    best = number(history.validation_loss[history.step.index(history.best_step)])
    return f"Loss by step: {ends}; the loss on held-out rows that was kept, {best}, at step {history.best_step}."


def _step_ticks(steps: int) -> list[tuple[float, str]]:
    distance = max(1, math.ceil(nice_ticks([0, steps])[1]))
    return [(float(step), str(step)) for step in range(0, steps + 1, distance)]


def confidence_figure(evidence: Evidence) -> Html:
    """Return how sure the model was of its right answers (above) and of its wrong ones (below)."""
    edges, right, wrong = confidence_shares(evidence)
    highest, lowest = (max(0.1, math.ceil(10 * shares.max() - 1e-9) / 10) for shares in (right, wrong))
    frame = Frame((edges[0], 1), (-lowest, highest), 300)
    every = 20 if edges[0] < 0.5 else 10  # percent
    x_ticks = [(float(edge), f"{100 * edge:.0f}%") for edge in edges if round(100 * edge) % every == 0]
    y_ticks = [(-lowest, share(lowest, 0)), (0.0, "0"), (highest, share(highest, 0))]
    hits = int(evidence.hits.sum())
    picture = drawing(
        frame,
        _confidence_label(evidence),
        axes(frame, "confidence", "share of the right and of the wrong answers", x_ticks, y_ticks),
        *(
            telling(
                frame,
                _confidence_lines(span, (of_right, hits), (of_wrong, evidence.rows - hits)),
                band(frame, span),
                bar(frame, span, (0, of_right), "right"),
                bar(frame, span, (-of_wrong, 0), "wrong"),
            )
            for span, of_right, of_wrong in zip(pairwise(edges), right, wrong, strict=True)
        ),
        whisker(frame, edges[0], -lowest, highest, "base"),
    )
    key = [("right", f"right: {counted(hits, 'row')}"), ("wrong", f"wrong: {counted(evidence.rows - hits, 'row')}")]
    rows = [
        (f"{100 * low:.0f} to {100 * high:.0f}%", share(of_right), share(of_wrong))
        for (low, high), of_right, of_wrong in zip(pairwise(edges), right, wrong, strict=True)
    ]
    return figure(picture, key, table("Share of the answers", ("confidence", "right", "wrong"), rows))


def _confidence_lines(span: Point, *groups: tuple[float, int]) -> list[str]:
    """Return what a bar tells: the share, and the number, of the right and of the wrong answers."""
    (of_right, right), (of_wrong, wrong) = groups
    return [
        f"{100 * span[0]:.0f} to {100 * span[1]:.0f}% sure: {share(of_right)} of the right answers "
        f"({counted(round(of_right * right), 'row')})",
        f"and {share(of_wrong)} of the wrong ones ({counted(round(of_wrong * wrong), 'row')})",
    ]


def _confidence_label(evidence: Evidence) -> str:
    groups = {"right": evidence.confidence[evidence.hits], "wrong": evidence.confidence[~evidence.hits]}
    said = [f"{share(float(np.median(group)))} when {name}" for name, group in groups.items() if len(group)]
    return f"Confidence: at the median {' and '.join(said)}."


def threshold_figure(evidence: Evidence) -> Html:
    """Return precision and recall of the second of two classes by threshold."""
    found = thresholds(evidence.target, evidence.probabilities[:, 1])
    frame = Frame((0, 1), (0, 1))
    defined = [each for each in found if not math.isnan(each.precision)]
    picture = drawing(
        frame,
        _threshold_label(found[round(100 * evidence.threshold)]),
        axes(frame, "threshold", "precision, recall", TENTHS, TENTHS),
        whisker(frame, evidence.threshold, 0, 1, "mark"),
        line(frame, ((each.threshold, each.precision) for each in defined), "first"),
        line(frame, ((each.threshold, each.recall) for each in found), "second"),
        note(frame, (evidence.threshold + 0.01, 0.03), share(evidence.threshold, 0)),
        *(telling(frame, _threshold_lines(each), band(frame, _around(each.threshold))) for each in found[::5]),
    )
    rows = [_threshold_row(each) for each in found[5:100:5]]
    header = ("threshold", "precision", "recall", "flagged", "false alarms", "missed")
    key = [("first", "precision"), ("second", "recall"), ("mark", "current threshold")]
    return figure(picture, key, table("What each threshold does", header, rows))


def _around(threshold: float) -> Point:
    return max(0.0, threshold - 0.025), min(1.0, threshold + 0.025)


def _threshold_lines(each: Threshold) -> list[str]:
    return [
        f"from {share(each.threshold, 0)}: precision {share(each.precision)}, recall {share(each.recall)}",
        f"{each.flagged:,} flagged, {counted(each.false_alarms, 'false alarm')}, {each.missed:,} missed",
    ]


def _threshold_label(now: Threshold) -> str:
    return (
        f"Precision and recall by threshold; at {share(now.threshold, 0)} precision is {share(now.precision)} and "
        f"recall {share(now.recall)}."
    )


def _threshold_row(each: Threshold) -> tuple[str, ...]:
    counts = (f"{count:,}" for count in (each.flagged, each.false_alarms, each.missed))
    return (share(each.threshold, 0), share(each.precision), share(each.recall), *counts)


def figure(picture: Html, key: Sequence[tuple[str, str]], *numbers: Html) -> Html:
    """Return a picture with its key, and its numbers to open."""
    items = (tag("li", tag("span", class_=f"sample {class_}"), label) for class_, label in key)
    return tag("figure", tag("ul", *items, class_="key"), picture, details("The numbers", *numbers))


def nice_ticks(values: Sequence[float]) -> list[float]:
    """Return round values, from below the least of `values` to above the largest, at most 7.

    Example:
        >>> nice_ticks([0.31, 0.78])
        [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    """
    low, high = min(values), max(values)
    spread = max(high - low, 1e-3 * max(abs(high), 1.0))
    unit = 10.0 ** math.floor(math.log10(spread / 5))
    step = next(unit * factor for factor in (1, 2, 5, 10) if spread / (unit * factor) <= 5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(place * step, 10) for place in range(first, max(last, first + 1) + 1)]


def _range(interval: tuple[float, float]) -> str:
    return f"{share(interval[0])} to {share(interval[1])}"
