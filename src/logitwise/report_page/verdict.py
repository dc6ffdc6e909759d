"""The verdict: whether to trust the model and because of what, and what else there is to know of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from logitwise._decision import answers
from logitwise.metrics.intervals import Interval
from logitwise.report_page.evidence import Evidence
from logitwise.report_page.findings import CalibrationFinding, ClassFinding, Measure, cost
from logitwise.report_page.markup import Html, counted, escape, join, number, quoted, share, tag

FEWEST_ROWS = 30  # fewer leave an interval of more than 30 points around the accuracy
FEWEST_OF_CLASS = 10  # fewer say nothing of the class
LOW_RECALL = 2 / 3  # a class of which more than one in three is missed
LARGE_ERROR = 0.05  # five points between what is said and what happens change decisions
SMALL_ERROR = 0.02
LEAST_GAIN = 0.001  # of the log loss of the first baseline: a smaller gain changes no digit, however many rows show it
CERTAIN = 2.0  # log loss times rows: with less, a model that is right in all rows is as sure as they can show
MOST_NAMED = 3


@dataclass(frozen=True)
class Verdict:
    """A judgement ("Trust it"), how good it is ("yes", "partly", "no"), and its reasons.

    Attributes:
        judgement: What to do, in a few words.
        trust: "yes", "partly" or "no".
        because: The facts that decide.
        besides: What else there is to know.
    """

    judgement: str
    trust: str
    because: Sequence[Html]
    besides: Sequence[Html] = ()

    @property
    def sentence(self) -> Html:
        """The verdict: one sentence that says what decides, and one that says the rest."""
        first = join([tag("b", self.judgement), ": ", join(self.because, "; "), "."])
        rest = join(self.besides, "; ")
        if self.judgement.startswith("Prefer "):  # what came before was about another model
            rest = Html(rest.replace("it is", "this model is", 1))
        return join([first, " ", tag("span", Html(rest[0].upper() + rest[1:]), ".", class_="rest")]) if rest else first


@dataclass(frozen=True)
class _Findings:
    """What a verdict is made of, and what follows from each."""

    evidence: Evidence
    accuracy: Measure
    loss: Measure
    calibration: CalibrationFinding
    classes: Sequence[ClassFinding]
    cost: Measure | None = None

    @property
    def has_better_answers(self) -> bool:
        """Whether it is right more often, or where mistakes do not all cost the same, whether its answers cost less."""
        return _is_better(self.accuracy if self.cost is None else self.cost)

    @property
    def is_closer(self) -> bool:
        baseline = self.loss.baselines[0]
        is_seen = not np.isfinite(baseline) or baseline - self.loss.value >= LEAST_GAIN * baseline
        return _is_better(self.loss) and bool(is_seen)

    @property
    def is_off(self) -> bool:
        """Whether what it says differs from what happens by more than chance and by what matters."""
        return not self.calibration.is_within_chance and self.calibration.error > SMALL_ERROR

    @property
    def is_much_off(self) -> bool:
        return self.is_off and self.calibration.error > LARGE_ERROR

    @property
    def is_far_off(self) -> bool:
        return not self.is_closer or self.is_much_off

    @property
    def judged(self) -> list[ClassFinding]:
        """The classes with enough rows to say how many of them are found."""
        return [finding for finding in self.classes if finding.rows >= FEWEST_OF_CLASS]

    @property
    def never_found(self) -> list[ClassFinding]:
        """The classes of which no row is found, those of most rows first."""
        return sorted((each for each in self.judged if each.hits == 0), key=lambda finding: -finding.rows)

    @property
    def weakest(self) -> ClassFinding | None:
        """The class of which the smallest share is found."""
        return min(self.judged, key=lambda finding: finding.recall, default=None)

    @property
    def is_weak(self) -> bool:
        return self.weakest is not None and self.weakest.recall < LOW_RECALL

    @property
    def rivals(self) -> list[tuple[str, float, Interval]]:
        """The baselines after the first: name, log loss, and what the model gains.

        Where both are right in every row, and sure of it, these rows cannot tell which of them is better.
        """
        found = zip(self.evidence.baselines, self.loss.baselines, self.loss.gains, strict=True)
        known = [(name, value, gain) for name, value, gain in list(found)[1:] if gain is not None]
        right = dict(zip(self.evidence.baselines, self.accuracy.baselines, strict=True))
        certain = CERTAIN / self.evidence.rows
        is_sure = self.accuracy.value == 1 and self.loss.value < certain
        alike = [name for name, value, _ in known if is_sure and right[name] == 1 and value < certain]
        return [(name, value, Interval(0.0, 0.0) if name in alike else gain) for name, value, gain in known]

    @property
    def better_rival(self) -> str | None:
        """The first simpler model that is better beyond chance, on the rows held out in training.

        Those are more rows, and `train` has no others to say the same by; without them, on these rows.
        """
        if self.evidence.comparison is None:
            return next((name for name, _, gain in self.rivals if gain.high < 0), None)
        return self.evidence.comparison.better


def verdict(
    evidence: Evidence, measures: Sequence[Measure], calibration: CalibrationFinding, classes: Sequence[ClassFinding]
) -> Verdict:
    """Return the verdict on what was found."""
    found = _Findings(evidence, measures[0], measures[1], calibration, classes, cost(evidence))
    if evidence.rows < FEWEST_ROWS:
        few = escape(f"{counted(evidence.rows, 'row')} cannot show how good it is; measure it on {FEWEST_ROWS} or more")
        return Verdict("Too few rows to tell", "no", [few])
    judgement, trust, because = _judgement(found)
    return Verdict(judgement, trust, because, [each for each in _all_reasons(found) if each not in because])


def _judgement(found: _Findings) -> tuple[str, str, list[Html]]:
    """Return what to do, how good the model is, and the facts that decide it."""
    calibration, evidence = _calibration_reason(found), found.evidence
    replies = _accuracy_reason(found) if found.cost is None else _cost_reason(found, found.cost)
    weakest = [_weakest_reason(evidence, found.weakest)] if found.weakest is not None else []
    if not found.has_better_answers and (found.is_much_off or not found.is_closer):
        return "Do not trust it", "no", [replies, calibration if found.is_closer else _loss_reason(found)]
    if not found.has_better_answers:
        care, off = (" with care", [calibration]) if found.is_off else ("", [])
        judgement = f"Trust its probabilities{care}, but not its answers"
        return judgement, "partly", [replies, _loss_reason(found), *off]
    never = [_never_reason(evidence, found.never_found)] if found.never_found else []
    if evidence.leak:
        return "Look at its columns first", "partly", [_as_reason(evidence.leak)]
    if evidence.copies:
        return "Look at its copies first", "partly", [_as_reason(evidence.copies)]
    if found.better_rival is not None:
        return f"Prefer {found.better_rival}", "partly", [_rival_reason(found), *never]
    if never:
        return f"Do not rely on it for {_some_classes(found.never_found)}", "partly", never
    probabilities = [*([calibration] if found.is_off else []), *([] if found.is_closer else [_loss_reason(found)])]
    if found.is_far_off and found.is_weak:
        return "Trust only some of its answers", "partly", [*weakest, *probabilities]
    if found.is_far_off:
        return "Trust its answers, but not its probabilities", "partly", probabilities
    if found.is_off or found.is_weak:
        return "Trust it with care", "partly", [*(weakest if found.is_weak else []), *probabilities]
    return "Trust it", "yes", [replies, calibration, *([_rival_reason(found)] if found.rivals else [])]


def _all_reasons(found: _Findings) -> list[Html]:
    """Return everything there is to say, in the order in which it is said."""
    evidence = found.evidence
    reasons = [] if found.cost is None else [_cost_reason(found, found.cost)]
    reasons.append(_accuracy_reason(found))
    if found.rivals or found.better_rival is not None:
        reasons.append(_rival_reason(found))
    reasons.append(_calibration_reason(found))
    if np.isinf(found.loss.value):
        reasons.append(_impossible_reason(evidence))
    if found.never_found:
        reasons.append(_never_reason(evidence, found.never_found))
    elif found.weakest is not None:
        reasons.append(_weakest_reason(evidence, found.weakest))
    return reasons


def _as_reason(sentence: str) -> Html:
    return escape(sentence[0].lower() + sentence[1:])


def _is_better(measure: Measure) -> bool:
    """Return whether chance does not explain what the model gains on the first baseline."""
    gain = measure.gains[0]
    if gain is None:  # a loss is infinite: of the model, or of the baseline alone
        return np.isfinite(measure.value)
    return gain.low > 0


def _accuracy_reason(found: _Findings) -> Html:
    evidence, accuracy = found.evidence, found.accuracy
    right = f"it is right in {share(accuracy.value)} of {counted(evidence.rows, 'row')}, against "
    return join([right, share(accuracy.baselines[0]), " ", _first_baseline(evidence)])


def _cost_reason(found: _Findings, cost: Measure) -> Html:
    """Compare what the answers cost with what those of the first baseline do."""
    paid, baseline = cost.value, cost.baselines[0]
    compared = "do not clearly cost less than"
    if _is_better(cost):
        compared = f"cost {share(1 - paid / baseline)} less than" if 0 <= paid < baseline else "cost less than"
    return join([f"its answers {compared} ", _first_answers(found.evidence)])


def _first_answers(evidence: Evidence) -> Html:
    """Name the answers of the first baseline, where mistakes do not all cost the same."""
    baseline, probabilities = next(iter(evidence.baselines.items()))
    said = np.unique(answers(probabilities, evidence.costs))
    if len(said) == 1:
        return join(["always answering ", quoted(evidence.classes[said[0]])])
    return escape(f"those of {baseline}")


def _first_baseline(evidence: Evidence) -> Html:
    """Name the first baseline; one that gives the same answer to every row, by what it answers."""
    baseline, probabilities = next(iter(evidence.baselines.items()))
    is_said = probabilities == probabilities.max(axis=1, keepdims=True)
    said = np.flatnonzero(is_said.any(axis=0))
    if len(said) == 1:
        return join(["by always answering ", quoted(evidence.classes[said[0]])])
    return escape(f"for {baseline}")


def _loss_reason(found: _Findings) -> Html:
    """Compare the log loss with that of the first baseline."""
    if np.isinf(found.loss.value):
        return _impossible_reason(found.evidence)
    gain = found.loss.gains[0]
    is_worse = gain is not None and gain.high < 0
    compared = "is lower than" if found.is_closer else "is higher than" if is_worse else "is not clearly lower than"
    values = f"{number(found.loss.value)} against {number(found.loss.baselines[0])}"
    return escape(f"its log loss {compared} that of {next(iter(found.evidence.baselines))} ({values})")


def _rival_reason(found: _Findings) -> Html:
    """Say by how much the model beats a simpler one, or which is as good or better."""
    worst = next((each for each in found.rivals if each[2].high < 0), None)
    if worst is None and found.better_rival is not None:
        return escape(f"{found.better_rival} did better on the rows held out in training")
    worst = worst or next((each for each in found.rivals if each[2].low <= 0), found.rivals[0])
    rival, value, gain = worst
    losses = f"{number(found.loss.value)} against {number(value)}"
    if gain.low > 0:
        return escape(f"its log loss is lower than that of {rival} ({losses})")
    is_split = gain.high < 0 and found.better_rival is None
    is_better = "is better on these rows, and was not on those held out in training" if is_split else "is better"
    compared = is_better if gain.high < 0 else "is simpler, and no worse beyond chance"
    return escape(f"{rival} {compared} (log loss {number(value)} against {number(found.loss.value)})")


def _calibration_reason(found: _Findings) -> Html:
    calibration = found.calibration
    if calibration.is_within_chance:
        return escape("its probabilities mean what they say, as far as these rows can show")
    if calibration.error <= SMALL_ERROR:
        return escape(f"its probabilities are off by only {100 * calibration.error:.1f} points on average")
    worst = calibration.farthest
    if calibration.error <= calibration.by_chance.high and worst is not None:
        where = f"where it said {share(worst.said, 0)}, {share(worst.happened, 0)} happened"
        return escape(f"its probabilities are off in places: {where}")
    direction = "too sure" if calibration.overconfidence > 0 else "not sure enough"
    points, chance = f"{100 * calibration.error:.1f}", calibration.by_chance.high
    beside = f" (chance alone makes up to {100 * chance:.1f})" if chance >= calibration.error / 2 else ""
    return escape(f"its probabilities are off by {points} points on average{beside}, mostly {direction}")


def _impossible_reason(evidence: Evidence) -> Html:
    impossible = int((evidence.probabilities[np.arange(evidence.rows), evidence.target] == 0).sum())
    return escape(f"in {counted(impossible, 'row')} it gave probability 0 to what happened")


def _some_classes(found: Sequence[ClassFinding]) -> str:
    return "one class" if len(found) == 1 else f"{len(found):,} classes"


def _never_reason(evidence: Evidence, found: Sequence[ClassFinding]) -> Html:
    """Name the classes of which no row is found."""
    named = [join([quoted(evidence.classes[each.place]), f" ({each.rows:,})"]) for each in found[:MOST_NAMED]]
    if len(found) == 1:
        return join([f"it finds none of the {found[0].rows:,} rows of ", quoted(evidence.classes[found[0].place])])
    more = f" and {len(found) - MOST_NAMED:,} more" if len(found) > MOST_NAMED else ""
    return join([f"it finds none of the rows of {len(found):,} classes, ", join(named, ", "), more])


def _weakest_reason(evidence: Evidence, weakest: ClassFinding) -> Html:
    if weakest.recall == 1:
        return escape("it misses no row of any class")
    found = f", of which it finds {share(weakest.recall)} ({weakest.hits:,} of {weakest.rows:,})"
    return join(["it is weakest on ", quoted(evidence.classes[weakest.place]), found])
