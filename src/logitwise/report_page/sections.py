"""The sections of text and tables: the numbers, the classes, the mistakes, the columns, and how to repeat it all."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from logitwise.metrics import calibration_error
from logitwise.metrics.intervals import Interval, wilson
from logitwise.report_page.evidence import ColumnImportance, Evidence, Example, HeldOutComparison
from logitwise.report_page.findings import CalibrationFinding, ClassFinding, Measure, confusion, top_confusions
from logitwise.report_page.markup import (
    MINUS,
    UNKNOWN,
    Html,
    counted,
    cut,
    details,
    escape,
    join,
    name,
    number,
    scrolling,
    share,
    table,
    tag,
)
from logitwise.report_page.plots import HINT
from logitwise.report_page.thumbnail import data_address

MOST_CLASSES = 20  # in one table; more are listed on demand, or not drawn
FEW_CLASSES = 5  # so many fit in full beside each other, also on a phone
MOST_ROOMY = 12  # so many columns fit with room around each count
MOST_ON_A_PHONE = 40  # so many digits fit beside each other; where there are more, the shades alone are shown there
MOST_LISTED = 1000
MOST_CELLS = 12
MOST_COLUMNS = 20
MEANINGS = {
    "Accuracy": "share of right answers",
    "Log loss": "minus the log of the probability given to the truth; lower is better",
    "Brier score": "squared error of the probabilities, 0 to 2; lower is better",
    "Calibration error": "confidence against the share that is right; lower is better (always near 0 for frequencies)",
}
COMPARED = (
    ("Accuracy", "accuracy", share),
    ("Log loss", "log_loss", number),
    ("Brier score", "brier_score", number),
    ("Calibration error", "calibration_error", number),
)
LONGEST_LABEL = 18  # characters of a class name in the head of the confusion matrix


def numbers_table(evidence: Evidence, measures: Sequence[Measure], calibration: CalibrationFinding) -> Html:
    """Return the measures beside those of the baselines, with intervals."""
    chance = f"{number(calibration.by_chance.low)} to {number(calibration.by_chance.high)} by chance"
    errors = (number(calibration_error(evidence.target, each)) for each in evidence.baselines.values())
    last = [_measure_name("Calibration error"), _with_small(number(calibration.error), chance), *errors]
    rows = [_measure_row(measure) for measure in measures]
    header = ["measure", "this model", *evidence.baselines]
    caption = f"Measured on {evidence.where}; small print: 95% intervals"
    return table(caption, header, [*rows, last], "numbers")


NAMED = {"majority class": "the class frequencies alone"}  # of a comparison in training: as in the first table


def comparison_table(comparison: HeldOutComparison) -> Html:
    """Return the model beside simpler ones on rows held out in training, and what that says."""
    names = [name for name in comparison.measures if name != "model"]
    rows = [[escape(label), *_compared_cells(comparison, names, key, shown)] for label, key, shown in COMPARED]
    caption = (
        f"Beside simpler models, on {counted(comparison.rows, 'row')} held out in training; small print: 95% intervals"
    )
    return join(
        [
            table(caption, ("measure", "this model", *(NAMED.get(name, name) for name in names)), rows, "numbers"),
            tag("p", comparison.verdict, class_="after"),
        ]
    )


def _compared_cells(
    comparison: HeldOutComparison, names: Sequence[str], key: str, shown: Callable[[float], str]
) -> Iterator[Html]:
    own = comparison.measures["model"].get(key, math.nan)
    yield escape(shown(own))
    for other in names:
        value, gain = comparison.measures[other].get(key, math.nan), comparison.gains.get(other)
        small = "" if key != "log_loss" or gain is None else _compared(value - own, Interval(*gain), shown)
        yield _with_small(shown(value), small)


def _measure_row(measure: Measure) -> list[Html | str]:
    shown = share if measure.name == "Accuracy" else number
    cells: list[Html | str] = [
        _measure_name(measure.name),
        _with_interval(shown(measure.value), measure.interval, shown),
    ]
    for value, gain in zip(measure.baselines, measure.gains, strict=True):
        difference = value - measure.value if measure.name != "Accuracy" else measure.value - value
        compared = "" if math.isnan(difference) else _compared(difference, gain, shown)
        cells.append(_with_small(shown(value), compared))
    return cells


def _measure_name(measure: str) -> Html:
    return join([measure, tag("small", MEANINGS[measure])])


def _compared(difference: float, gain: Interval | None, shown: Callable[[float], str]) -> Html | str:
    """Return how much better this model is, and the interval of that; chance may explain what its interval says."""
    unit = " points" if shown is share else ""
    if gain is None:
        return f"better by {shown(difference).removesuffix('%')}{unit}" if difference > 0 else "no better"
    if gain.low <= 0 <= gain.high:
        low, high = (_signed(bound, shown) for bound in gain)
        return f"no clear difference: {low} to {high}{unit}"
    low, high = (shown(abs(bound)).removesuffix("%") for bound in sorted(gain, key=abs))
    return join([f"{'better' if difference > 0 else 'worse'} by ", _range(f"{low} to {high}"), unit])


def _range(text: str) -> Html:
    """Return an interval, not broken where it fits in a line."""
    return tag("span", text, class_="range")


def _signed(value: float, shown: Callable[[float], str]) -> str:
    text = shown(abs(value)).removesuffix("%")
    return text if value == 0 else f"{'+' if value > 0 else MINUS}{text}"


def _with_interval(text: str, interval: Interval | None, shown: Callable[[float], str]) -> Html:
    if interval is None:
        return escape(text)
    return _with_small(text, _range(f"{shown(interval.low)} to {shown(interval.high)}"))


def _with_small(text: str, small: Html | str) -> Html:
    return join([text, " ", tag("small", small)])


def confusion_table(evidence: Evidence, classes: Sequence[ClassFinding]) -> Html:
    """Return the confusion matrix, of the classes with the most mistakes where there are many."""
    places = _places_to_show(evidence, classes)
    has_others = len(places) < len(evidence.classes)
    counts = confusion(evidence, places)
    heads = [name(evidence.classes[place], LONGEST_LABEL) for place in places] + (["all others"] if has_others else [])
    labels = [cut(evidence.classes[place], LONGEST_LABEL) for place in places] + ["all others"] * has_others
    width = "few" if len(heads) <= FEW_CLASSES else "upright" if max(map(len, labels)) > 3 else "many"
    head = tag("tr", tag("td"), *(tag("th", tag("span", each), scope="col") for each in heads))
    rows = [
        tag("tr", tag("th", heads[row], scope="row"), *_confusion_cells(counts[row], row, labels))
        for row in range(len(places))
    ]
    which = f"The {len(places)} classes of the most frequent mistakes: true" if has_others else "True"
    caption = f"{which} class down, predicted class across"
    body = join([tag("caption", caption), tag("thead", head), tag("tbody", *rows)])
    crowded = " crowded" if len(heads) > MOST_ROOMY else ""
    tight = " tight" if len(heads) * len(f"{counts.max():,}") > MOST_ON_A_PHONE and width != "few" else ""
    matrix = scrolling(tag("table", body, class_=f"confusion {width}{crowded}{tight}"), caption)
    return tag("div", matrix, tag("p", HINT, class_="hint", aria_hidden="true"), class_="telling")


def _places_to_show(evidence: Evidence, classes: Sequence[ClassFinding]) -> list[int]:
    """Return all classes; of many, those that are most often taken for each other, then those with most mistakes."""
    if len(classes) <= MOST_CLASSES:
        return sorted(finding.place for finding in classes)
    pairs = [pair[:2] for pair in top_confusions(evidence, MOST_CLASSES)]
    chosen = dict.fromkeys([*(place for pair in pairs for place in pair), *(finding.place for finding in classes)])
    return sorted(list(chosen)[:MOST_CLASSES])


def _confusion_cells(counts: np.ndarray, diagonal: int, labels: Sequence[str]) -> list[Html]:
    total = max(1, int(counts.sum()))
    return [
        tag(
            "td",
            f"{count:,}" if count else "·",
            class_="right" if column == diagonal else "wrong",
            style=f"--share:{count / total:.3f}",
            tabindex=-1 if count else None,
            data_told=_told(labels[diagonal], labels[column], count, total) if count else None,
        )
        for column, count in enumerate(counts[: len(labels)].tolist())
    ]


def _told(true: str, said: str, count: int, total: int) -> str:
    """Return what a cell of the confusion matrix tells where it is pointed at."""
    return f"“{true}” called “{said}”: {count:,} of {counted(total, 'row')} ({share(count / total)})"


def class_table(evidence: Evidence, classes: Sequence[ClassFinding]) -> Html:
    """Return precision and recall of each class, the one with the most mistakes first."""
    rows = [_class_row(evidence, finding) for finding in classes[:MOST_LISTED]]
    header = ("class", "rows", "recall: found", "precision: right when said")
    first = table("Classes, the most mistakes first", header, rows[:MOST_CLASSES], "shares")
    if len(rows) <= MOST_CLASSES:
        return first
    rest = table("The other classes", header, rows[MOST_CLASSES:], "shares")
    return join([first, details(f"The other {len(rows) - MOST_CLASSES:,} classes", rest)])


def _class_row(evidence: Evidence, finding: ClassFinding) -> list[Html | str]:
    recall = _share_cell(finding.recall, finding.hits, finding.rows)
    precision = _share_cell(finding.precision, finding.hits, finding.predicted)
    return [name(evidence.classes[finding.place]), f"{finding.rows:,}", recall, precision]


def _share_cell(value: float, hits: int, rows: int) -> Html:
    if math.isnan(value):
        return escape(UNKNOWN)
    low, high = wilson(hits, rows)
    return _gauge(value, share(value), f"{share(low, 0)} to {share(high, 0)}")


def _gauge(level: float, value: str, small: str) -> Html:
    """Return a bar, the number it stands for, and its interval."""
    bar = tag("span", class_="level", style=f"--share:{level:.3f}", aria_hidden="true")
    return tag("div", bar, tag("span", value), " ", tag("small", small), class_="gauge")


def examples_list(evidence: Evidence) -> Html:
    """Return the rows to look at, as images or as cells."""
    has_images = evidence.examples[0].image is not None
    shown = _image_item if has_images else _cells_item
    return tag(
        "ol", *(shown(evidence, example) for example in evidence.examples), class_="images" if has_images else "rows"
    )


def _image_item(evidence: Evidence, example: Example) -> Html:
    said, sure, true = _answer(evidence, example)
    image = np.zeros((1, 1)) if example.image is None else example.image
    picture = tag("img", src=data_address(image), alt=f"row {example.number}", class_="thumbnail")
    truth = tag("p", "is ", tag("b", true), " ", tag("small", f"row {example.number:,}"))
    return tag("li", picture, tag("p", "said ", tag("b", said), f" {sure}"), truth)


def _cells_item(evidence: Evidence, example: Example) -> Html:
    said, sure, true = _answer(evidence, example)
    head = tag(
        "p", "said ", tag("b", said), f" ({sure}), is ", tag("b", true), tag("small", f" row {example.number:,}")
    )
    cells = (
        tag("div", tag("dt", name(column, 24)), tag("dd", name(cell, 40)))
        for column, cell in example.cells[:MOST_CELLS]
    )
    left = len(example.cells) - MOST_CELLS
    rest = tag("small", f"and {counted(left, 'more column')}") if left > 0 else Html()
    return tag("li", head, tag("dl", *cells), rest)


def _answer(evidence: Evidence, example: Example) -> tuple[Html, str, Html]:
    said, true = int(evidence.predicted[example.position]), int(evidence.target[example.position])
    sure = share(float(evidence.confidence[example.position]))
    return name(evidence.classes[said]), sure, name(evidence.classes[true])


def importance_table(importance: Sequence[ColumnImportance]) -> Html:
    """Return the columns by how much the loss rises when they are shuffled."""
    ranked = sorted(importance, key=lambda each: -float(np.mean(each.rises)))
    most = max(float(np.mean(ranked[0].rises)), 1e-12)
    rows = [_importance_row(each, most) for each in ranked[:MOST_LISTED]]
    header = ("column", "rise of the log loss (nats)")
    first = table("Columns, the most important first", header, rows[:MOST_COLUMNS], "shares")
    if len(rows) <= MOST_COLUMNS:
        return first
    rest = table("The other columns", header, rows[MOST_COLUMNS:], "shares")
    return join([first, details(f"The other {len(rows) - MOST_COLUMNS:,} columns", rest)])


def _importance_row(each: ColumnImportance, most: float) -> list[Html]:
    mean = float(np.mean(each.rises))
    spread = _range(f"{number(min(each.rises), 4)} to {number(max(each.rises), 4)}")
    return [name(each.column, 40), _gauge(max(0.0, mean / most), number(mean, 4), spread)]


def _words(command: str) -> Iterator[Html | str]:
    """Yield the words of a command; an option stays in one line with what it is given, where that fits."""
    for word in re.split(r"((?<!\S)-\S+(?: [^-\s]\S*)?)", command):
        yield tag("span", word) if word.startswith("-") else word


def repeat_list(evidence: Evidence) -> Html:
    """Return the command, whatever else it takes to repeat it, and what the columns were taken for."""
    parts = []
    if evidence.command is not None:
        parts.append(scrolling(tag("pre", tag("code", *_words(evidence.command))), "The command"))
    if evidence.facts:
        facts = (tag("div", tag("dt", fact), tag("dd", value)) for fact, value in evidence.facts.items())
        parts.append(tag("dl", *facts, class_="facts"))
    if evidence.columns:
        header = ("column", "taken for", "missing", "for instance")
        rows = [[name(column, 40), kind, gaps, name(example, 40)] for column, kind, gaps, example in evidence.columns]
        shown = table("What each column was taken for", header, rows[:MOST_LISTED])
        parts.append(details("What each column was taken for", shown))
    return join(parts)
