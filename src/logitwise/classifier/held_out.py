"""What the votes on held-out rows say, by members that were not trained on them: the calibration and its measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitwise._display import Displayed, counted
from logitwise._errors import InvalidValueError
from logitwise.classifier.calibration import averaging, fit_calibration
from logitwise.classifier.decisions import Decision, conformal_scores, decide
from logitwise.metrics import summary, summary_intervals
from logitwise.metrics.intervals import Interval
from logitwise.model.calibration import Calibration

if TYPE_CHECKING:
    from logitwise.classifier.training import Trainer


@dataclass(frozen=True, repr=False)
class HeldOut(Displayed):
    """Held-out rows: what was predicted for them, and what was learnt from that.

    Attributes:
        plan: Which rows those are, as a sentence.
        rows: Their positions among the rows of weight above 0 (with `X_val`: after those).
        target: Their class indices.
        log_probabilities: Calibrated, `(rows, classes)`; each row by a calibration fitted on other rows.
        calibration: The calibration fitted on all of them; where each was voted on by one member alone, sharpened by
            as much as the mean of all members is sharper than one of them.
        before: Measures of the votes as they were: `log_loss`, `calibration_error` and the others of
            `logitwise.metrics.summary`; empty without held-out rows.
        after: The same of `log_probabilities`.
        intervals: How far chance alone could have moved them, as `logitwise.metrics.summary_intervals` returns it.
        losses: The cross-validated log loss of each scaling that was tried.
        averaging: By how much the log loss of the mean of all members is lower than that of these votes, each of one
            member alone: an estimate, in nats; 0 where all members voted.
    """

    plan: str
    rows: np.ndarray
    target: np.ndarray
    log_probabilities: np.ndarray
    calibration: Calibration
    before: dict[str, float]
    after: dict[str, float]
    intervals: dict[str, Interval | None]
    losses: dict[str, float]
    averaging: float = 0.0

    def _title(self) -> str:
        return f"HeldOut: {counted(len(self.rows), 'row')}"

    def _facts(self) -> Mapping[str, Any]:
        labels = {"log_loss": "log loss", "accuracy": "accuracy", "calibration_error": "calibration error"}
        measured = {label: self._measured(name) for name, label in labels.items() if name in self.after}
        return {"plan": self.plan, "calibration": self.calibration.method, **measured}

    def _measured(self, name: str) -> str:
        ends = self.intervals.get(name)
        interval = "" if ends is None else f" (95% interval {ends.low:.4f} to {ends.high:.4f})"
        return f"{self.after[name]:.4f}{interval}; before calibration {self.before[name]:.4f}"

    @classmethod
    def of(cls, trainer: Trainer, seed: int) -> HeldOut:
        """Return what the members of a trainer predict for the rows that they were not trained on."""
        rows, votes = trainer.held_out_votes()
        target, weight = trainer.target_and_weight(rows)
        if len(rows) == 0:
            uniform = 1.0 / (len(trainer.rows) + 1)
            none = Calibration.none(votes.shape[1], uniform)
            return cls(trainer.plan.why, rows, target, votes, none, {}, {}, {}, {})
        factor, gain = averaging(*trainer.votes_by_folds()) if trainer.plan.is_folds else (1.0, 0.0)
        fit = fit_calibration(votes, target, weight, seed=seed, sharpening=factor)
        before, probabilities = summary(target, np.exp(votes)), np.exp(fit.log_probabilities)
        after, intervals = summary(target, probabilities), summary_intervals(target, probabilities)
        found = (fit.log_probabilities, fit.calibration, before, after, intervals, fit.losses)
        return cls(trainer.plan.why, rows, target, *found, gain)

    @property
    def conformal_scores(self) -> np.ndarray:
        """The loss of each held-out row, in order, from which sets of classes are made."""
        return conformal_scores(self.log_probabilities, self.target)

    def decide(self, goal: str | np.ndarray) -> Decision:
        """Return the decision that serves a goal.

        Raises:
            ValueError: There are no held-out rows, and the goal is not a matrix of costs.
        """
        if len(self.rows) == 0 and isinstance(goal, str):
            requirement = "be None or a matrix of costs where no rows are held out"
            advice = "Train on more rows, or pass X_val."
            raise InvalidValueError("threshold_for", requirement, repr(goal), advice=advice)
        return decide(goal, np.exp(self.log_probabilities), self.target)

    def as_json(self) -> dict[str, Any]:
        """Return this as the header of a model file holds it."""
        measures = {"before": self.before, "after": self.after, "intervals": self.intervals}
        return {"plan": self.plan, **measures, "losses": self.losses}
