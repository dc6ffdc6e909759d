"""The words beside each figure: how to read it, and what it says here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from logitwise.metrics import calibration_error, roc_auc
from logitwise.report_page.evidence import ColumnImportance, Evidence, History
from logitwise.report_page.findings import CalibrationFinding, ClassFinding, top_confusions
from logitwise.report_page.findings import thresholds as find_thresholds
from logitwise.report_page.markup import Html, counted, join, number, quoted, share, tag

MOST_CONFUSIONS = 5
MOST_NAMES = 5


def reliability(evidence: Evidence, calibration: CalibrationFinding) -> Html:
    """Explain how to read the reliability diagram, and whether chance explains what is off."""
    stated = join(["probability of ", quoted(evidence.classes[1])]) if len(evidence.classes) == 2 else "confidence"
    reading = (
        " the model states; each point compares it with how often it came true. On the diagonal both agree. Lines are "
        "joint 95% intervals: if the model is calibrated, all of them meet the diagonal in 19 of 20 reports. Bars at "
        "the foot show how many rows a point stands for."
    )
    low, high = (number(bound) for bound in calibration.by_chance)
    found = (
        f"The calibration error is {number(calibration.error)}; chance alone makes it {low} to {high} in a perfectly "
        "calibrated model."
    )
    before = (
        [_before(evidence, evidence.before_calibration, calibration)] if evidence.before_calibration is not None else []
    )
    return join(
        [tag("p", "Rows are grouped by the ", stated, reading), tag("p", found), *before, *_farthest(calibration)]
    )


def _before(evidence: Evidence, probabilities: np.ndarray, calibration: CalibrationFinding) -> Html:
    """Tell what calibration did on these rows."""
    error = calibration_error(evidence.target, probabilities)
    how = f" ({evidence.calibrated_by})" if evidence.calibrated_by else ""
    took = f"Calibration{how} took it from {number(error)} to {number(calibration.error)} on these rows"
    return tag("p", f"{took}{_effect(error, calibration)}.")


def _effect(before: float, calibration: CalibrationFinding) -> str:
    """Tell what a change of the calibration error is worth."""
    if calibration.is_within_chance and before <= calibration.by_chance.high:
        return "; chance explains both"
    return "; here it did harm" if calibration.error > before else ""


def _farthest(calibration: CalibrationFinding) -> list[Html]:
    """Tell where the model is farthest off, among the points that chance does not explain."""
    worst = calibration.farthest
    if worst is None:
        return []
    where = f"Farthest off: where it said {share(worst.said, 0)}, {share(worst.happened, 0)} happened"
    return [tag("p", f"{where} ({counted(worst.rows, 'row')}).")]


def confusion(evidence: Evidence) -> Html:
    """Name the most frequent mistakes."""
    found = top_confusions(evidence, MOST_CONFUSIONS)
    if not found:
        return tag("p", "No row is predicted wrong.")
    items = (
        tag(
            "li",
            quoted(evidence.classes[true]),
            " taken for ",
            quoted(evidence.classes[taken]),
            f": {counted(rows, 'row')}",
        )
        for true, taken, rows in found
    )
    reading = "Rows are true classes, columns predicted ones; the stronger the shade, the larger the share of the row."
    return join([tag("p", reading), tag("p", "The most frequent mistakes:"), tag("ul", *items)])


def classes(evidence: Evidence, found: Sequence[ClassFinding]) -> Html:
    """Explain recall and precision, and name the classes for which they are unknown."""
    reading = (
        "Recall is the share of a class that is found; precision is how often the model is right when it names the "
        "class. Small print: 95% intervals."
    )
    absent = [each for each in found if each.rows == 0]
    unpredicted = [each for each in found if each.rows and not each.predicted]
    return join(
        [
            tag("p", reading),
            _about_classes(evidence, absent, "not among these rows, so their recall is unknown"),
            _about_classes(evidence, unpredicted, "never predicted"),
        ]
    )


def _about_classes(evidence: Evidence, found: Sequence[ClassFinding], what: str) -> Html:
    if not found:
        return Html()
    names = join([quoted(evidence.classes[each.place]) for each in found[:MOST_NAMES]], ", ")
    more = f" and {len(found) - MOST_NAMES:,} more" if len(found) > MOST_NAMES else ""
    return tag("p", f"{counted(len(found), 'class', 'classes')} {what}: ", names, more, ".", class_="note")


def history(losses: History) -> Html:
    """Explain how to read the losses."""
    reading = (
        "Lower is better. The training loss is measured with dropout on, so it may lie above the loss on held-out rows."
    )
    kept = f"The weights of step {losses.best_step} of {losses.step[-1]} were kept"
    why = (
        ", the one with the lowest loss on held-out rows."
        if losses.validation_loss
        else ", the last one: no rows were held out."
    )
    return join([tag("p", reading), tag("p", kept + why), *(tag("p", note) for note in losses.notes)])


def confidence(evidence: Evidence) -> Html:
    """Explain how to read the two histograms."""
    reading = (
        "Right answers point up and wrong ones down, each group in shares of its own total. A good model is sure "
        "above and unsure below."
    )
    sure = int(((evidence.confidence >= 0.9) & ~evidence.hits).sum())
    return join([tag("p", reading), tag("p", f"{counted(sure, 'wrong answer')} with a confidence of 90% or more.")])


def thresholds(evidence: Evidence) -> Html:
    """Describe what a threshold trades."""
    best = max(find_thresholds(evidence.target, evidence.probabilities[:, 1]), key=lambda each: each.f1)
    price = ", more of that class is found, at the price of more false alarms."
    trade = join(["With a lower threshold for ", quoted(evidence.classes[1]), price])
    found = (
        f"Precision and recall balance best (F1 {number(best.f1)}) from {share(best.threshold, 0)} on; choose a "
        "threshold on rows other than those you report."
    )
    area = number(roc_auc(evidence.target, evidence.probabilities[:, 1]))
    return join([tag("p", trade), tag("p", found), tag("p", f"Over all thresholds: area under the ROC curve {area}.")])


def examples(evidence: Evidence) -> Html:
    """Explain which rows are shown."""
    wrong = int((~evidence.hits).sum())
    shown = f"The {len(evidence.examples):,} with the highest confidence, of {counted(wrong, 'wrong answer')}."
    why = "Wrong labels, odd inputs and blind spots show here first."
    numbers = "Rows are numbered from 1, not counting a header line."
    return join([tag("p", shown), tag("p", f"{why} {numbers}")])


def importance(columns: Sequence[ColumnImportance]) -> Html:
    """Explain what permutation importance is, and what it is not."""
    reading = (
        "How much worse the log loss becomes when one column is shuffled among the rows (small print: the least and "
        "the most of the shuffles). Columns that carry the same information share their importance, and none of it "
        "proves a cause."
    )
    harmful = [each.column for each in columns if max(each.rises) < 0]
    if not harmful:
        return tag("p", reading)
    names = join([quoted(column) for column in harmful[:MOST_NAMES]], ", ")
    more = f" and {len(harmful) - MOST_NAMES:,} more" if len(harmful) > MOST_NAMES else ""
    harm = tag(
        "p", "Below 0, the model predicts these rows better without it: ", names, more, ". Train without it to see."
    )
    return join([tag("p", reading), harm])


def repeat(evidence: Evidence) -> Html:
    """Describe what it takes to repeat the page."""
    what = "rows" if evidence.command is None else "command on the same data"
    ending = "give" if evidence.command is None else "gives"
    return tag("p", f"The same {what} with the same versions {ending} the same numbers.")
