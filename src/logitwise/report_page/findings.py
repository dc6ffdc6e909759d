"""What the evidence says in numbers: measures beside baselines, reliability, classes, thresholds, confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from logitwise._decision import answers
from logitwise.metrics import accuracy, calibration_error, confusion_matrix
from logitwise.metrics.bins import bin_of
from logitwise.metrics.intervals import (
    Interval,
    bootstrap_means,
    chance_calibration_error,
    exact_interval,
    losses_by_row,
    middle,
    wilson,
)
from logitwise.metrics.predicted_classes import expected_hits
from logitwise.report_page.evidence import Evidence

RELIABILITY_BINS = 10
CONFIDENCE_BINS = 20
MEASURES = (("Accuracy", 1.0), ("Log loss", -1.0), ("Brier score", -1.0))  # 1: more is better, -1: less is
THRESHOLDS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Measure:
    """One measure of the model and of each baseline.

    Attributes:
        value: That of the model.
        interval: None where it is unknown: one row, or an infinite loss.
        baselines: One value per baseline.
        gains: By how much the model is better than each baseline, paired row by row; None as for `interval`.
    """

    name: str
    value: float
    interval: Interval | None
    baselines: tuple[float, ...]
    gains: tuple[Interval | None, ...]


@dataclass(frozen=True)
class CalibrationFinding:
    """The calibration error, and what chance alone would make of it were the model perfectly calibrated."""

    error: float
    by_chance: Interval
    overconfidence: float  # mean confidence minus accuracy
    points_off: int = 0  # of the reliability diagram
    farthest: Bin | None = None  # of these points

    @property
    def is_within_chance(self) -> bool:
        """Whether chance explains the error, and every point of the reliability diagram."""
        return self.error <= self.by_chance.high and not self.points_off


@dataclass(frozen=True)
class Bin:
    """Rows of like probability: what was said, and how often it happened.

    The intervals of all bins together hold with a probability of 95%: of a calibrated model, some point is off in one
    report of twenty, and not in one of three, as it would be were each interval one of 95%.
    """

    said: float
    happened: float
    interval: Interval
    rows: int

    @property
    def is_off(self) -> bool:
        """Whether chance does not explain the difference."""
        return not self.interval.low <= self.said <= self.interval.high


@dataclass(frozen=True)
class ClassFinding:
    """How well one class is predicted; NaN where there is nothing to divide by."""

    place: int
    rows: int
    predicted: int
    hits: int

    @property
    def recall(self) -> float:
        """The share of its rows that are found."""
        return self.hits / self.rows if self.rows else np.nan

    @property
    def precision(self) -> float:
        """The share of its predictions that are right."""
        return self.hits / self.predicted if self.predicted else np.nan

    @property
    def mistakes(self) -> int:
        """The rows missed, and the rows claimed wrongly."""
        return self.rows + self.predicted - 2 * self.hits


@dataclass(frozen=True)
class Threshold:
    """What follows from answering the second class where its probability reaches a threshold."""

    threshold: float
    flagged: int
    precision: float
    recall: float
    false_alarms: int
    missed: int

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; 0 where nothing is found."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total > 0 else 0.0


def measures(evidence: Evidence) -> tuple[Measure, ...]:
    """Return accuracy, log loss and Brier score, of the model and of each baseline."""
    predictions = (evidence.probabilities, *evidence.baselines.values())
    by_row = np.concatenate([_by_row(evidence.target, probabilities) for probabilities in predictions], axis=1)
    by_row[:, 0] = evidence.hits
    is_known = np.isfinite(by_row).all(axis=0) & (evidence.rows > 1)
    draws = np.where(is_known, bootstrap_means(np.where(is_known, by_row, 0.0)), np.nan)
    values = by_row.mean(axis=0).reshape(-1, len(MEASURES))
    draws = draws.reshape(len(draws), -1, len(MEASURES))
    hits, *losses = (
        _measure(name, sign, values[:, place], draws[:, :, place]) for place, (name, sign) in enumerate(MEASURES)
    )
    if evidence.rows > 1:  # rows that are all right stay all right when drawn again: that says nothing
        hits = replace(hits, interval=wilson(float(evidence.hits.sum()), evidence.rows))
    return (hits, *losses)


def cost(evidence: Evidence) -> Measure | None:
    """Return what the answers cost a row, of the model and of each baseline; None where all errors cost the same."""
    if evidence.costs is None:
        return None
    predictions = (evidence.probabilities, *evidence.baselines.values())
    by_row = np.stack([evidence.costs[evidence.target, answers(each, evidence.costs)] for each in predictions], axis=1)
    return _measure("Cost", -1.0, by_row.mean(axis=0), bootstrap_means(by_row))


def calibration(evidence: Evidence) -> CalibrationFinding:
    """Return how far confidence is from accuracy, and how far chance would have it."""
    off = [each for each in reliability(evidence.target, evidence.probabilities) if each.is_off]
    return CalibrationFinding(
        calibration_error(evidence.target, evidence.probabilities),
        chance_calibration_error(evidence.probabilities.max(axis=1)),
        float(evidence.probabilities.max(axis=1).mean() - accuracy(evidence.target, evidence.probabilities)),
        len(off),
        max(off, key=lambda each: abs(each.said - each.happened), default=None),
    )


def reliability(target: np.ndarray, probabilities: np.ndarray) -> list[Bin]:
    """Return bins of equal width: of the second of two classes' probability, or of the confidence in more classes."""
    if probabilities.shape[1] == 2:
        said, happened = probabilities[:, 1], np.equal(target, 1)
    else:
        said, happened = probabilities.max(axis=1), np.equal(probabilities.argmax(axis=1), target)
    place = bin_of(said, RELIABILITY_BINS)
    filled = np.unique(place)
    confidence = 1 - 0.05 / len(filled)  # Bonferroni's
    members = ((said[place == bin_], happened[place == bin_]) for bin_ in filled)
    return [
        Bin(float(each.mean()), float(came.mean()), exact_interval(int(came.sum()), len(came), confidence), len(came))
        for each, came in members
    ]


def class_findings(evidence: Evidence) -> list[ClassFinding]:
    """Return every class, the one with the most mistakes first."""
    n_classes = len(evidence.classes)
    rows = np.bincount(evidence.target, minlength=n_classes)
    predicted = np.bincount(evidence.predicted, minlength=n_classes)
    hits = np.bincount(evidence.target[evidence.hits], minlength=n_classes)
    found = [
        ClassFinding(place, int(rows[place]), int(predicted[place]), int(hits[place])) for place in range(n_classes)
    ]
    return sorted(found, key=lambda finding: -finding.mistakes)


def confusion(evidence: Evidence, places: Sequence[int]) -> np.ndarray:
    """Return the rows of some classes by predicted class, shape `(places, places + 1)`; the last is all others."""
    size = len(places)
    position = np.full(len(evidence.classes), size)
    position[list(places)] = np.arange(size)
    return confusion_matrix(position[evidence.target], position[evidence.predicted], size + 1)[:size]


def top_confusions(evidence: Evidence, at_most: int) -> list[tuple[int, int, int]]:
    """Return the most frequent mistakes: true class, predicted class, rows."""
    wrong = ~evidence.hits
    pairs = evidence.target[wrong].astype(np.int64) * len(evidence.classes) + evidence.predicted[wrong]
    distinct, counts = np.unique(pairs, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:at_most]
    return [(*divmod(int(distinct[place]), len(evidence.classes)), int(counts[place])) for place in order]


def confidence_shares(evidence: Evidence) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the edges of bins of confidence, and the share of the right and of the wrong answers in each.

    Where errors have costs, an answer may have a probability below one over the number of classes: it goes in the first
    bin.
    """
    lowest = np.floor(CONFIDENCE_BINS / len(evidence.classes)) / CONFIDENCE_BINS
    edges = np.linspace(lowest, 1, round((1 - lowest) * CONFIDENCE_BINS) + 1)
    groups = (evidence.confidence[evidence.hits].clip(lowest), evidence.confidence[~evidence.hits].clip(lowest))
    right, wrong = (np.histogram(group, edges)[0] / max(1, len(group)) for group in groups)
    return edges, right, wrong


def thresholds(target: np.ndarray, probability: np.ndarray) -> list[Threshold]:
    """Return what each threshold on the probability of the second of two classes would do."""
    positives = np.sort(probability[np.equal(target, 1)])
    everything = np.sort(probability)
    return [_threshold(float(threshold), positives, everything) for threshold in THRESHOLDS]


def _threshold(threshold: float, positives: np.ndarray, everything: np.ndarray) -> Threshold:
    flagged = len(everything) - int(np.searchsorted(everything, threshold))
    hits = len(positives) - int(np.searchsorted(positives, threshold))
    precision = hits / flagged if flagged else np.nan
    recall = hits / len(positives) if len(positives) else np.nan
    return Threshold(threshold, flagged, precision, recall, flagged - hits, len(positives) - hits)


def _by_row(target: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return right or not (1/k where k classes tie), log loss, Brier score: shape `(rows, 3)`."""
    hits = expected_hits(target, probabilities)
    return np.concatenate([hits[:, None], losses_by_row(target, probabilities)], axis=1)


def _measure(name: str, sign: float, values: np.ndarray, draws: np.ndarray) -> Measure:
    """Return one measure from its values, one per prediction, and from their bootstrap draws."""
    gains = (_interval(sign * (draws[:, 0] - draws[:, place])) for place in range(1, len(values)))
    own, *baselines = values.tolist()
    return Measure(name, own, _interval(draws[:, 0]), tuple(baselines), tuple(gains))


def _interval(draws: np.ndarray) -> Interval | None:
    return None if np.isnan(draws).any() else middle(draws)
