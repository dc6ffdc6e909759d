"""What a network has to beat on the same rows: the class frequencies, and logistic regression on the same inputs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitwise._display import Displayed, counted
from logitwise.model.network import Network

if TYPE_CHECKING:
    from logitwise.classifier.folds import Plan
    from logitwise.classifier.held_out import HeldOut

LOGISTIC_ROWS = 20_000  # to fit a logistic regression by: more change its loss by less than chance does
MOST_FOLDS = 4
MOST_WORK = 4_000_000  # rows * inputs * classes * folds: some tenths of a second
RESAMPLES = 500
MAJORITY, LOGISTIC = "majority class", "logistic regression"


@dataclass(frozen=True, repr=False)
class Comparison(Displayed):
    """A model beside its baselines, on rows that none of them was trained on.

    Attributes:
        rows: How many rows were compared.
        measures: The measures of `logitwise.metrics.summary`, by name: "model" and each baseline.
        differences: For each baseline, the log loss of the model less that of the baseline: `mean`, and the ends `low`
            and `high` of its paired 95% bootstrap interval.
    """

    rows: int
    measures: dict[str, dict[str, float]]
    differences: dict[str, dict[str, float]]

    def _title(self) -> str:
        return f"Comparison on {counted(self.rows, 'held-out row')}"

    def _facts(self) -> Mapping[str, Any]:
        losses = {f"log loss of {name}": f"{measures['log_loss']:.4f}" for name, measures in self.measures.items()}
        return {**losses, "verdict": self.verdict.partition(":")[0]}

    @property
    def verdict(self) -> str:
        """Whether the network is worth it, and what to do where it is not."""
        return f"{self.finding} Use hidden=()." if self.is_linear_better else self.finding

    @property
    def is_linear_better(self) -> bool:
        """Whether logistic regression is better than the network beyond chance, and the class frequencies are not."""
        return self.rows > 0 and self.differences[MAJORITY]["high"] < 0 < self.differences[LOGISTIC]["low"]

    @property
    def finding(self) -> str:
        """Whether the network is worth it, as a sentence."""
        if not self.rows:
            return "No rows were held out, so nothing is known of how good the model is."
        losses = {name: measures["log_loss"] for name, measures in self.measures.items()}
        found = self.differences[LOGISTIC]
        against = f"log loss {losses['model']:.3f} against {losses[LOGISTIC]:.3f} on {self.rows:,} held-out rows"
        interval = f"difference {found['mean']:+.3f}, 95% interval {found['low']:+.3f} to {found['high']:+.3f}"
        if self.differences[MAJORITY]["high"] >= 0:
            frequencies = f"{losses[MAJORITY]:.3f} by the class frequencies alone"
            return f"The columns say little of the target: log loss {losses['model']:.3f}, and {frequencies}."
        if found["high"] < 0:
            return f"The network beats logistic regression: {against} ({interval})."
        if self.is_linear_better:
            return f"Logistic regression beats the network: {against} ({interval})."
        return f"The network is not clearly worth it beside logistic regression: {against} ({interval})."

    def as_json(self) -> dict[str, Any]:
        """Return this as the header of a model file holds it."""
        return {
            "rows": self.rows,
            "measures": self.measures,
            "differences": self.differences,
            "verdict": self.verdict,
        }


def compare(
    inputs: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    plan: Plan,
    model: HeldOut,
    seed: int,
) -> Comparison:
    """Return how a model compares with its baselines on held-out rows.

    Args:
        inputs: All rows as inputs of the network, without ramps.
        target: Their classes.
        weight: Their weights.
        plan: Which rows were held out from whom.
        model: What the model says of the held-out rows.
        seed: The seed of the resampling.
    """
    from logitwise.metrics import summary  # brings in numba, which reading a comparison does without

    n_classes = model.log_probabilities.shape[1]
    if len(model.rows) == 0:
        return Comparison(0, {}, {})
    place = np.full(len(inputs), -1)
    place[model.rows] = np.arange(len(model.rows))
    compared, theirs = [], {MAJORITY: [], LOGISTIC: []}
    folds = len({id(fold) for fold in plan.held_out})
    work = min(len(inputs), LOGISTIC_ROWS) * inputs.shape[1] * n_classes
    for fold in range(max(1, min(folds, MOST_FOLDS, MOST_WORK // work))):
        trained, held_out = plan.trained[fold], plan.held_out[fold]
        frequencies = np.bincount(target[trained], weight[trained], n_classes) + 0.5
        network = fit_logistic(inputs[trained], target[trained], weight[trained], n_classes)
        compared.append(held_out)
        theirs[MAJORITY].append(np.tile(frequencies / frequencies.sum(), (len(held_out), 1)))
        theirs[LOGISTIC].append(_probabilities(network, inputs[held_out]))
    held_out = np.concatenate(compared)
    predictions = {"model": np.exp(model.log_probabilities[place[held_out]])}
    predictions |= {name: np.concatenate(each) for name, each in theirs.items()}
    at_target = {name: -np.log(each[np.arange(len(held_out)), target[held_out]]) for name, each in predictions.items()}
    differences = {name: _difference(at_target["model"] - at_target[name], seed) for name in theirs}
    measures = {name: summary(target[held_out], each) for name, each in predictions.items()}
    return Comparison(len(held_out), measures, differences)


def _difference(values: np.ndarray, seed: int) -> dict[str, float]:
    from logitwise.metrics import paired_bootstrap

    mean, low, high = paired_bootstrap(values, resamples=RESAMPLES, seed=seed)
    return {"mean": mean, "low": low, "high": high}


def fit_logistic(inputs: np.ndarray, target: np.ndarray, weight: np.ndarray, n_classes: int) -> Network:
    """Return a logistic regression, by scikit-learn with its own defaults, as a network of one member."""
    from sklearn.linear_model import LogisticRegression

    if len(inputs) > LOGISTIC_ROWS:
        step = -(-len(inputs) // LOGISTIC_ROWS)
        inputs, target, weight = inputs[::step], target[::step], weight[::step]
    linear = np.zeros((1, inputs.shape[1], n_classes), dtype=np.float32)
    prior = np.full((1, 1, n_classes), np.float32(-30.0))  # a class that does not occur in these rows
    present = np.unique(target)
    if len(present) < 2:
        prior[0, 0, present] = 0.0
        return Network((), None, linear, prior)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = LogisticRegression(max_iter=200).fit(inputs, target, sample_weight=weight)
    if len(present) == 2:
        linear[0, :, present] = np.stack([-fitted.coef_[0] / 2, fitted.coef_[0] / 2])
        prior[0, 0, present] = np.array([-0.5, 0.5]) * fitted.intercept_[0]
    else:
        linear[0, :, present] = fitted.coef_
        prior[0, 0, present] = fitted.intercept_
    return Network((), None, linear, prior)


def _probabilities(network: Network, inputs: np.ndarray) -> np.ndarray:
    logits = network.logits(inputs)[0].astype(np.float64)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
