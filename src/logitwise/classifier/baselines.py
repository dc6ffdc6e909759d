"""What a network has to beat on the same rows: the class frequencies, and a logistic regression of the same columns.

The logistic regression is one that a good engineer would have used: each level of a category has a weight of its own,
and the strength of regularisation is chosen on the held-out rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from logitwise._display import Displayed, counted
from logitwise.model.network import Network

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from logitwise.classifier.folds import Plan
    from logitwise.classifier.held_out import HeldOut

STRENGTHS = tuple(10.0**power for power in range(-4, 5))  # C, from strong regularisation to weak
WORSE = 2  # strengths one after the other that are worse than the best: weaker ones are not tried
ITERATIONS = 200
MOST_FOR_NEWTON = 300  # (inputs + 1) * classes: with more, a Hessian takes longer than the steps it saves
LOGISTIC_ROWS = 20_000  # to fit a logistic regression by: more change its loss by less than chance does
SPARSE_ROWS = 200_000  # where inputs are sparse: of many levels, each is learnt from its own rows
FEWEST_TO_CHOOSE = 2_000  # rows by which the strength is chosen, where the inputs are many
MOST_TO_CHOOSE = 20_000_000  # rows * inputs * classes by which it is chosen: a second or two for all strengths
MOST_WORK = 20_000_000  # rows * inputs * classes * folds
RESAMPLES = 500
MAJORITY, LOGISTIC = "majority class", "logistic regression"
CERTAIN = 2.0  # a log loss below this over the rows is of a model that is right in all of them, and sure of it
SHARE_WORTH_KNOWING = 0.05  # of the loss of the class frequencies: what too few rows leave open

Inputs: TypeAlias = "np.ndarray | csr_array"


@dataclass(frozen=True, repr=False)
class Comparison(Displayed):
    """A model beside its baselines, on rows that none of them was trained on.

    Attributes:
        rows: How many rows were compared.
        measures: The measures of `logitwise.metrics.summary`, by name: "model" and each baseline.
        differences: For each baseline, the log loss of the model less that of the baseline: `mean`, and the ends `low`
            and `high` of its paired 95% bootstrap interval.
        C: The strength of the logistic regression, as in scikit-learn: that of the lowest log loss on these rows among
            the powers of ten from 1e-4 to 1e4. None in model files that were written before it was chosen.
        linear_gain: As an entry of `differences`: the log loss of the logistic regression less that of the class
            frequencies.
        averaging: By how much the mean of all members is better than the votes compared, each of one member alone: an
            estimate, in nats.
    """

    rows: int
    measures: dict[str, dict[str, float]]
    differences: dict[str, dict[str, float]]
    C: float | None = None
    linear_gain: dict[str, float] | None = None
    averaging: float = 0.0

    def _title(self) -> str:
        return f"Comparison on {counted(self.rows, 'held-out row')}"

    def _facts(self) -> Mapping[str, Any]:
        named = {MAJORITY: "class frequencies"}
        losses = {
            f"log loss of {named.get(name, name)}": f"{measures['log_loss']:.4f}"
            for name, measures in self.measures.items()
        }
        return {**losses, "verdict": self.verdict.partition(":")[0]}

    @property
    def verdict(self) -> str:
        """Whether the network is worth it, and what to do where it is not."""
        return f"{self.finding} {self.advice}" if self.is_linear_better else self.finding

    @property
    def advice(self) -> str:
        """What to use in place of the network."""
        strength = "" if self.C is None else f"C={self.C:g}"
        return f"Use scikit-learn's LogisticRegression({strength}), or hidden=()."

    @property
    def is_linear_better(self) -> bool:
        """Whether logistic regression is better than all members together beyond chance, and than the frequencies."""
        if not self.rows or not self._says_something or self.are_both_certain:
            return False
        return self.differences[LOGISTIC]["low"] > self.averaging

    @property
    def are_both_certain(self) -> bool:
        """Whether both models are right in all rows, with losses that so few rows cannot tell apart.

        After n right answers and no wrong one, the next is wrong with a probability of about 1 / n (Laplace): that is
        the log loss that n rows can show, and a lower one says how sure a model is, not how good.
        """
        both = [self.measures[name] for name in ("model", LOGISTIC)]
        return all(each.get("accuracy") == 1 and each["log_loss"] < CERTAIN / self.rows for each in both)

    @property
    def _says_something(self) -> bool:
        """Whether one of both models is better than the class frequencies beyond chance."""
        gains = [self.differences[MAJORITY], *([] if self.linear_gain is None else [self.linear_gain])]
        return any(gain["high"] < 0 for gain in gains)

    @property
    def finding(self) -> str:
        """Whether the network is worth it, as a sentence."""
        if not self.rows:
            return "No rows were held out, so nothing is known of how good the model is."
        if not self._says_something:
            return self._finding_beside_frequencies()
        losses = {name: measures["log_loss"] for name, measures in self.measures.items()}
        found = self.differences[LOGISTIC]
        chosen = "" if self.C is None else f" (C={self.C:g}, the best of {len(STRENGTHS)})"
        against = f"log loss {losses['model']:.3f} against {losses[LOGISTIC]:.3f}{chosen}"
        where = f"{against} on {self.rows:,} held-out rows ({_interval(found)})"
        if self.are_both_certain:
            return f"The network and logistic regression are right in every row, which decides nothing: {where}."
        if found["high"] < 0:
            return f"The network beats logistic regression: {where}."
        if self.is_linear_better:
            return f"Logistic regression beats the network: {where}."
        if found["low"] > 0:
            where += f". One member voted on each row, and the mean of all is better by about {self.averaging:.3f}"
        return f"The network is not clearly worth it beside logistic regression: {where}."

    def _finding_beside_frequencies(self) -> str:
        """Say whether the columns say little, or the rows are too few to know."""
        own, theirs = (self.measures[name]["log_loss"] for name in ("model", MAJORITY))
        found = self.differences[MAJORITY]
        interval = f" ({_interval(found)})" if {"mean", "low"} <= found.keys() else ""
        against = f"log loss {own:.3f}, and {theirs:.3f} by the class frequencies alone{interval}"
        if found.get("low", 0.0) < -SHARE_WORTH_KNOWING * theirs:
            what = "whether the columns say anything of the target"
            return f"{self.rows:,} held-out rows are too few to tell {what}: {against}."
        return f"Neither the network nor logistic regression learns much from the columns: {against}."

    def as_json(self) -> dict[str, Any]:
        """Return this as the header of a model file holds it."""
        return {
            "rows": self.rows,
            "measures": self.measures,
            "differences": self.differences,
            "C": self.C,
            "linear_gain": self.linear_gain,
            "averaging": self.averaging,
            "verdict": self.verdict,
        }


def _interval(difference: dict[str, float]) -> str:
    mean, low, high = (difference[name] for name in ("mean", "low", "high"))
    return f"difference {mean:+.3f}, 95% interval {low:+.3f} to {high:+.3f}"


def compare(
    inputs: Inputs,
    target: np.ndarray,
    weight: np.ndarray,
    plan: Plan,
    model: HeldOut,
    seed: int,
) -> Comparison:
    """Return how a model compares with its baselines on held-out rows.

    Args:
        inputs: All rows as the inputs of a logistic regression, dense or sparse.
        target: Their classes.
        weight: Their weights, without those of the classes: a class weight must not change probabilities.
        plan: Which rows were held out from whom.
        model: What the model says of the held-out rows.
        seed: The seed of the resampling.
    """
    from logitwise.metrics import summary  # brings in numba, which reading a comparison does without

    n_classes = model.log_probabilities.shape[1]
    if len(model.rows) == 0:
        return Comparison(0, {}, {})
    place = np.full(len(target), -1)
    place[model.rows] = np.arange(len(model.rows))
    folds = _folds_to_compare(plan, inputs, n_classes)
    strength, networks = choose_logistic(inputs, target, weight, folds, n_classes)
    frequencies = [np.bincount(target[rows], weight[rows], n_classes) + 0.5 for rows, _ in folds]
    held_out = np.concatenate([rows for _, rows in folds])
    predictions = {
        "model": np.exp(model.log_probabilities[place[held_out]]),
        MAJORITY: np.concatenate(
            [
                np.tile(counts / counts.sum(), (len(rows), 1))
                for counts, (_, rows) in zip(frequencies, folds, strict=True)
            ]
        ),
        LOGISTIC: np.concatenate(
            [_probabilities(network, inputs[rows]) for network, (_, rows) in zip(networks, folds, strict=True)]
        ),
    }
    at_target = {name: -np.log(each[np.arange(len(held_out)), target[held_out]]) for name, each in predictions.items()}
    differences = {name: _difference(at_target["model"] - at_target[name], seed) for name in (MAJORITY, LOGISTIC)}
    linear_gain = _difference(at_target[LOGISTIC] - at_target[MAJORITY], seed)
    measures = {name: summary(target[held_out], each) for name, each in predictions.items()}
    return Comparison(len(held_out), measures, differences, strength, linear_gain, model.averaging)


def _folds_to_compare(plan: Plan, inputs: Inputs, n_classes: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the rows trained on and those held out, of as many folds as the work allows."""
    distinct = len({id(fold) for fold in plan.held_out})
    work = int(min(_shape(inputs)[0], rows_to_fit(inputs)) * _numbers_per_row(inputs)) * n_classes
    count = max(1, min(distinct, MOST_WORK // max(work, 1)))
    return [(plan.trained[fold], plan.held_out[fold]) for fold in range(count)]


def _difference(values: np.ndarray, seed: int) -> dict[str, float]:
    from logitwise.metrics import paired_bootstrap

    mean, low, high = paired_bootstrap(values, resamples=RESAMPLES, seed=seed)
    return {"mean": mean, "low": low, "high": high}


def choose_logistic(
    inputs: Inputs,
    target: np.ndarray,
    weight: np.ndarray,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    n_classes: int,
) -> tuple[float, list[Network]]:
    """Return the strength of lowest log loss on the held-out rows of all folds, and a network of each fold with it.

    Each strength begins with the solution of the one before it; once two in a row are worse than the best, weaker ones
    are not tried. Where the inputs are many, the strength is chosen by fewer rows than the networks are fitted on.

    Args:
        inputs: All rows as inputs, dense or sparse.
        target: Their classes.
        weight: Their weights.
        folds: The rows to fit on and the rows to measure on, of each fold.
        n_classes: How many classes there are.
    """
    most = max(FEWEST_TO_CHOOSE, int(MOST_TO_CHOOSE / max(1, _numbers_per_row(inputs) * n_classes)))
    most = min(most, LOGISTIC_ROWS)
    fits = [_Logistic(inputs, target, weight, trained, n_classes, most) for trained, _ in folds]
    best, chosen, worse = np.inf, STRENGTHS[0], 0
    networks: list[Network] = []
    for strength in STRENGTHS:
        fitted = [fit.network(strength) for fit in fits]
        losses = [
            -np.log(np.maximum(_probabilities(network, inputs[rows])[np.arange(len(rows)), target[rows]], 1e-300))
            for network, (_, rows) in zip(fitted, folds, strict=True)
        ]
        loss = float(np.concatenate(losses).mean())
        worse = 0 if loss < best else worse + 1
        if loss < best:
            best, chosen, networks = loss, strength, fitted
        if worse == WORSE:
            break
    if any(fit.is_sample for fit in fits):
        networks = [fit_logistic(inputs[rows], target[rows], weight[rows], n_classes, chosen) for rows, _ in folds]
    return chosen, networks


def fit_logistic(
    inputs: Inputs, target: np.ndarray, weight: np.ndarray, n_classes: int, strength: float = 1.0
) -> Network:
    """Return a logistic regression by scikit-learn as a network of one member.

    Args:
        inputs: Rows as inputs, dense or sparse; of more than `rows_to_fit`, a regular sample is fitted.
        target: Their classes.
        weight: Their weights.
        n_classes: How many classes there are.
        strength: C of scikit-learn.
    """
    return _Logistic(inputs, target, weight, np.arange(len(target)), n_classes, rows_to_fit(inputs)).network(strength)


class _Logistic:
    """Logistic regressions of the same rows, each beginning with the solution of the one before it.

    Of more rows than `most`, a regular sample is fitted: `is_sample` tells whether more of them would be worth it.
    """

    def __init__(
        self, inputs: Inputs, target: np.ndarray, weight: np.ndarray, rows: np.ndarray, n_classes: int, most: int
    ) -> None:
        from sklearn.linear_model import LogisticRegression

        self.is_sample = most < min(len(rows), rows_to_fit(inputs))
        rows = rows[:: -(-len(rows) // most)]
        self.inputs, self.target, self.weight = inputs[rows], target[rows], weight[rows]
        self.n_classes = n_classes
        self.present = np.unique(self.target)
        solver = "newton-cholesky" if (_shape(inputs)[1] + 1) * n_classes <= MOST_FOR_NEWTON else "lbfgs"
        self.regression = LogisticRegression(solver=solver, max_iter=ITERATIONS, warm_start=True)

    def network(self, strength: float) -> Network:
        """Return the logistic regression of a strength, C of scikit-learn, as a network of one member."""
        from sklearn import config_context

        linear = np.zeros((1, _shape(self.inputs)[1], self.n_classes), dtype=np.float32)
        prior = np.full((1, 1, self.n_classes), np.float32(-30.0))  # a class that does not occur in these rows
        present = self.present
        if len(present) < 2:
            prior[0, 0, present] = 0.0
            return Network((), None, linear, prior)
        with warnings.catch_warnings(), config_context(assume_finite=True, skip_parameter_validation=True):
            warnings.simplefilter("ignore")
            fitted = self.regression.set_params(C=strength).fit(self.inputs, self.target, sample_weight=self.weight)
        if len(present) == 2:
            linear[0, :, present] = np.stack([-fitted.coef_[0] / 2, fitted.coef_[0] / 2])
            prior[0, 0, present] = np.array([-0.5, 0.5]) * fitted.intercept_[0]
        else:
            linear[0, :, present] = fitted.coef_
            prior[0, 0, present] = fitted.intercept_
        return Network((), None, linear, prior)


def rows_to_fit(inputs: Inputs) -> int:
    """Return how many rows are worth fitting."""
    return LOGISTIC_ROWS if isinstance(inputs, np.ndarray) else SPARSE_ROWS


def _shape(inputs: Inputs) -> tuple[int, ...]:
    return inputs.shape or (0, 0)  # which SciPy's types leave open


def _numbers_per_row(inputs: Inputs) -> float:
    """Return how many numbers of a row there are to compute with."""
    return inputs.shape[1] if isinstance(inputs, np.ndarray) else inputs.nnz / _shape(inputs)[0]


def _probabilities(network: Network, inputs: Inputs) -> np.ndarray:
    is_dense = isinstance(inputs, np.ndarray)
    logits = network.logits(inputs)[0] if is_dense else inputs @ network.linear[0] + network.prior[0]
    logits = logits.astype(np.float64)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
