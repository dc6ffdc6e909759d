"""The verdict: whether to trust the model, and where it fails, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from logitwise.metrics.intervals import Interval
from logitwise.report_page.evidence import Evidence
from logitwise.report_page.findings import CalibrationFinding, ClassFinding, Measure
from logitwise.report_page.markup import Html, counted, escape, join, number, quoted, share, tag

FEWEST_ROWS = 30  # fewer leave an interval of more than 30 points around the accuracy
FEWEST_OF_CLASS = 10  # fewer say nothing of the class
LOW_RECALL = 2 / 3  # a class of which more than one in three is missed
LARGE_ERROR = 0.05  # five points between what is said and what happens change decisions
SMALL_ERROR = 0.02


@dataclass(frozen=True)
class Verdict:
    """A judgement ("Trust it"), how good it is ("yes", "partly", "no"), and its reasons."""

    judgement: str
    trust: str
    reasons: Sequence[Html]

    @property
    def sentence(self) -> Html:
        """The verdict as one sentence."""
        return join([tag("b", self.judgement), ": ", join(self.reasons, "; "), "."])


def verdict(
    evidence: Evidence, measures: Sequence[Measure], calibration: CalibrationFinding, classes: Sequence[ClassFinding]
) -> Verdict:
    """Return the verdict on what was found."""
    weakest = _weakest(classes)
    judgement, trust = _judgement(evidence, measures, calibration, weakest)
    if evidence.rows < FEWEST_ROWS:
        few = escape(f"{counted(evidence.rows, 'row')} cannot show how good it is; measure it on {FEWEST_ROWS} or more")
        return Verdict(judgement, trust, [few])
    reasons = [_accuracy_reason(evidence, measures[0])]
    rivals = _rivals(evidence, measures[1])
    if rivals:
        rival, value, gain = rivals[0]
        reasons.append(_rival_reason(rival, value, measures[1].value, gain))
        if gain.high < 0 and trust != "no":
            judgement, trust = f"Prefer {rival}", "partly"
    elif evidence.comparison is not None and evidence.comparison.better and trust != "no":
        judgement, trust = f"Prefer {evidence.comparison.better[0]}", "partly"
    reasons.append(_calibration_reason(calibration))
    if np.isinf(measures[1].value):
        reasons.append(_impossible_reason(evidence))
    if weakest is not None:
        reasons.append(_weakest_reason(evidence, weakest))
    return Verdict(judgement, trust, reasons)


def _judgement(
    evidence: Evidence, measures: Sequence[Measure], calibration: CalibrationFinding, weakest: ClassFinding | None
) -> tuple[str, str]:
    if evidence.rows < FEWEST_ROWS:
        return "Too few rows to tell", "no"
    accuracy, loss, _ = measures
    is_more_often_right, is_closer = _is_better(accuracy), _is_better(loss)
    if not is_more_often_right and not is_closer:
        return "Do not trust it", "no"
    if not is_more_often_right:
        return "Trust its probabilities, but not its answers", "partly"
    is_weak = weakest is not None and weakest.recall < LOW_RECALL
    is_off = not calibration.is_within_chance and calibration.error > SMALL_ERROR
    is_far_off = not is_closer or (is_off and calibration.error > LARGE_ERROR)
    if is_far_off and not is_weak:
        return "Trust its answers, but not its probabilities", "partly"
    return ("Trust it with care", "partly") if is_far_off or is_off or is_weak else ("Trust it", "yes")


def _rivals(evidence: Evidence, loss: Measure) -> list[tuple[str, float, Interval]]:
    """Return the baselines after the first that are as good or better: name, log loss, and what the model gains."""
    found = zip(evidence.baselines, loss.baselines, loss.gains, strict=True)
    return [(name, value, gain) for name, value, gain in list(found)[1:] if gain is not None and gain.low <= 0]


def _rival_reason(rival: str, value: float, own: float, gain: Interval) -> Html:
    compared = "is better" if gain.high < 0 else "is simpler, and no worse beyond chance"
    return escape(f"{rival} {compared} (log loss {number(value)} against {number(own)})")


def _is_better(measure: Measure) -> bool:
    """Return whether chance does not explain what the model gains on the first baseline."""
    gain = measure.gains[0]
    if gain is None:  # a loss is infinite: of the model, or of the baseline alone
        return np.isfinite(measure.value)
    return gain.low > 0


def _weakest(classes: Sequence[ClassFinding]) -> ClassFinding | None:
    """Return the class of which the smallest share is found, of those with enough rows to say so."""
    enough = [finding for finding in classes if finding.rows >= FEWEST_OF_CLASS]
    return min(enough, key=lambda finding: finding.recall, default=None)


def _accuracy_reason(evidence: Evidence, accuracy: Measure) -> Html:
    right = f"it is right in {share(accuracy.value)} of {counted(evidence.rows, 'row')}, against "
    return join([right, share(accuracy.baselines[0]), " ", _first_baseline(evidence)])


def _first_baseline(evidence: Evidence) -> Html:
    """Name the first baseline; one that gives the same answer to every row, by what it answers."""
    baseline, probabilities = next(iter(evidence.baselines.items()))
    is_said = probabilities == probabilities.max(axis=1, keepdims=True)
    said = np.flatnonzero(is_said.any(axis=0))
    if len(said) == 1:
        return join(["by always answering ", quoted(evidence.classes[said[0]])])
    return escape(f"for {baseline}")


def _calibration_reason(calibration: CalibrationFinding) -> Html:
    if calibration.is_within_chance:
        return escape("its probabilities mean what they say, as far as these rows can show")
    if calibration.error <= SMALL_ERROR:
        return escape(f"its probabilities are off by only {100 * calibration.error:.1f} points on average")
    direction = "too sure" if calibration.overconfidence > 0 else "not sure enough"
    points = f"{100 * calibration.error:.1f}"
    return escape(f"its probabilities are off by {points} points on average, mostly {direction}")


def _impossible_reason(evidence: Evidence) -> Html:
    impossible = int((evidence.probabilities[np.arange(evidence.rows), evidence.target] == 0).sum())
    return escape(f"in {counted(impossible, 'row')} it gave probability 0 to what happened")


def _weakest_reason(evidence: Evidence, weakest: ClassFinding) -> Html:
    if weakest.recall == 1:
        return escape("it misses no row of any class")
    found = f", of which it finds {share(weakest.recall)} ({weakest.hits:,} of {weakest.rows:,})"
    return join(["it is weakest on ", quoted(evidence.classes[weakest.place]), found])
