"""Fitting a calibration, so that probabilities mean what they say, on rows that the model never saw.

Source:
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural networks, ICML 2017.
    E. Berta, D. Holzmueller, M. I. Jordan and F. Bach, Rethinking early stopping: refine, then calibrate, 2025 (the
    mixture with the uniform distribution).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logitwise._display import Displayed
from logitwise._errors import InvalidValueError
from logitwise._requirements import as_floating, check_positive
from logitwise.model.calibration import Calibration
from logitwise.reference import log_softmax, softmax

LOWEST, HIGHEST = 0.05, 20.0  # of a temperature: beyond, no number of rows in memory says anything
FOLDS = 5  # of the cross-validation that chooses the scaling
MOST_CLASSES = 30  # for vector scaling: its cost grows with their square, its use with the rows per class
ROWS_TO_FIT = 20_000  # more change no digit that matters
SHARPEST = 2.0  # the largest factor by which averaging is taken to sharpen logits
UNSEEN = 1.25  # how much more members differ on rows that none of them was trained on
PRIOR = 4.0  # the precision of log(temperature) before a row is seen: one standard deviation is a factor of 1.65
UNSURE = 0.5  # the standard error of log(sharpening), as a share of it: what it was off by on made tables
SMALLEST = 1e-300  # in place of a mean of probabilities that underflowed
STEPS = 30
SMALL = 1e-4  # relative: four digits of a temperature are enough
ENOUGH = 1e-7  # nats: a step that gains less is the last


@dataclass(frozen=True, repr=False)
class Fit(Displayed):
    """A calibration, and what it does for rows it was not fitted on.

    Attributes:
        calibration: The calibration, fitted on all rows.
        log_probabilities: Of every row, by a calibration fitted on other rows; `(rows, classes)`.
        losses: The cross-validated mean log loss of each scaling that was tried, in nats.
    """

    calibration: Calibration
    log_probabilities: NDArray[np.float64]
    losses: dict[str, float] = field(default_factory=dict)


def temperature_of(
    logits: Any,
    target: np.ndarray,
    sample_weight: np.ndarray | None = None,
    start: float = 1.0,
    *,
    prior: float = 0.0,
    around: float = 1.0,
) -> tuple[float, float]:
    """Return the temperature with the lowest mean log loss, and that loss.

    The loss is convex in 1/temperature. Newton's method on the logarithm of that, with halved steps where a step does
    not lower the loss, is kept within [0.05, 20]: on rows that are all classified right the loss has no minimum, and
    falls as the temperature does. A prior keeps few rows from such extremes: `prior log(temperature / around)^2 / (2
    rows)` is added to the mean loss.

    Args:
        logits: Shape `(rows, classes)`.
        target: Class indices, shape `(rows,)`.
        sample_weight: One weight per row.
        start: Where to start.
        prior: The precision, 0 or more, of a normal prior of log(temperature).
        around: The temperature of its mean, positive.

    Returns:
        The temperature, and the mean loss in nats, without what the prior adds.

    Raises:
        TypeError: Logits that are not numbers; a target that is not of integers.
        ValueError: A start that is not positive; shapes that do not fit; an index out of range.

    Example:
        >>> logits = np.array([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [2.0, 0.0]])
        >>> temperature, loss = temperature_of(logits, np.array([0, 0, 0, 1]))    # right three times of four
        >>> round(temperature, 3), round(loss, 4)
        (1.82, 0.5623)
    """
    place = -np.log(np.clip(check_positive(start, "start"), LOWEST, HIGHEST))
    logits, target = _read(logits, target, sample_weight)
    logits = logits - logits.max(axis=1, keepdims=True)
    at_target = logits[np.arange(len(target)), target]
    weight, pull = _shares(sample_weight, len(target)), prior / len(target)
    middle = -np.log(check_positive(around, "around"))
    loss, slope, curvature = _along(place, logits, at_target, weight, pull, middle)
    for _ in range(STEPS):
        step = -slope / curvature if curvature > 1e-12 else -np.sign(slope)
        step = float(np.clip(step, -1.0, 1.0))
        new, found = place, None
        for _ in range(8):
            new = float(np.clip(place + step, -np.log(HIGHEST), -np.log(LOWEST)))
            found = _along(new, logits, at_target, weight, pull, middle)
            if found[0] <= loss:
                break
            step /= 2
        if found is None or found[0] > loss:
            break
        moved, place = abs(new - place), new
        loss, slope, curvature = found
        if moved < SMALL:
            break
    return float(np.exp(-place)), float(loss - pull / 2 * (place - middle) ** 2)


def _read(logits: Any, target: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return logits as float64, and class indices; raise where these and the weights do not fit together."""
    from logitwise.metrics.arguments import read_indices  # brings in numba, which importing this file does without

    logits = np.asarray(as_floating(logits, "logits"), dtype=np.float64)
    if logits.ndim != 2 or len(logits) == 0 or logits.shape[1] < 2:
        requirement = "have shape (rows, classes), with a row or more and two classes or more"
        raise InvalidValueError("logits", requirement, f"shape {logits.shape}")
    indices = read_indices(target, "target", logits.shape[1])
    for name, values in (("target", indices), ("sample_weight", sample_weight)):
        if values is not None and np.shape(values) != (len(logits),):
            requirement = f"have one value per row of logits, shape ({len(logits)},)"
            raise InvalidValueError(name, requirement, f"shape {np.shape(values)}")
    return logits, indices


def sharpening(
    single: np.ndarray, others: np.ndarray, target: np.ndarray, sample_weight: np.ndarray | None = None
) -> float:
    """Return by how much sharper the mean of members is than one of them, for a calibration fitted on single votes.

    A single vote holds the noise of its member, of which the mean of M members keeps 1/M. What removing noise does to
    the best temperature is seen by adding more of it: the differences among the other members are added to the vote of
    each row, and one temperature is fitted to these noisier votes, another to their mean. The ratio of the two is what
    the mean would gain; it is taken to the power of 1 - 1/M, since 1/M of the noise stays. The other members have seen
    the row, and agree more than they would otherwise: their differences are taken 1.25 times as large.

    Args:
        single: Of each row, the logits by a member that never saw it, `(rows, classes)`.
        others: Logits of the other members, `(members - 1, rows, classes)`.
        target: The class of each row.
        sample_weight: One weight per row.

    Returns:
        The factor for logits, between 1 and 2.

    Source:
        J. R. Cook and L. A. Stefanski, Simulation-extrapolation estimation in parametric measurement error models, 1994
        (seeing what noise does by adding more of it).
    """
    return averaging(single, others, target, sample_weight)[0]


def averaging(
    single: np.ndarray, others: np.ndarray, target: np.ndarray, sample_weight: np.ndarray | None = None
) -> tuple[float, float]:
    """Return what the mean of members gains on one of them: `sharpening`, and by how much its log loss is lower."""
    count = len(others)
    if count < 2 or len(target) == 0:
        return 1.0, 0.0
    noisy = single + (others - others.mean(axis=0)) * (UNSEEN * np.sqrt(count / (count - 1)))
    weight = np.ones(len(target)) if sample_weight is None else sample_weight
    alone, loss_alone = temperature_of(
        noisy.reshape(-1, single.shape[1]), np.tile(target, count), np.tile(weight, count)
    )
    votes = np.log(np.maximum(softmax(noisy).mean(axis=0), SMALLEST))
    together, loss_together = temperature_of(votes, target, weight)
    factor = float(np.clip((alone / together) ** (count / (count + 1)), 1.0, SHARPEST))
    return factor, max(0.0, loss_alone - loss_together)


def among_present(logits: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits of the classes that some row has, and the place of each target among them.

    What is fitted on these assumes that every row is of one of them: the rows say nothing about other classes, least of
    all that they do not occur. Where all rows are of one class, all logits are returned.

    Args:
        logits: Shape `(rows, classes)`.
        target: Class indices, `(rows,)`.
    """
    present = np.bincount(target, minlength=logits.shape[1]) > 0
    if present.all() or present.sum() < 2:
        return logits, target
    return logits[:, present], (np.cumsum(present) - 1)[target]


def _shares(sample_weight: np.ndarray | None, rows: int) -> np.ndarray:
    weight = np.ones(rows) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    return weight / weight.sum()


def _along(
    place: float, logits: np.ndarray, at_target: np.ndarray, weight: np.ndarray, pull: float, middle: float = 0.0
) -> tuple[float, float, float]:
    """Return the loss plus `pull/2 (place - middle)^2` at `log(1/temperature) = place`, its slope and its curvature."""
    inverse = np.exp(place)
    exponentials = np.exp(inverse * logits)
    sums = exponentials.sum(axis=1)
    mean = np.einsum("rc,rc->r", exponentials, logits) / sums
    square = np.einsum("rc,rc,rc->r", exponentials, logits, logits) / sums
    loss = weight @ (np.log(sums) - inverse * at_target)
    slope = inverse * (weight @ (mean - at_target))
    curvature = inverse**2 * (weight @ (square - mean**2)) + slope
    away = place - middle
    return loss + pull / 2 * away**2, slope + pull * away, curvature + pull


def fit_calibration(
    logits: np.ndarray,
    target: np.ndarray,
    sample_weight: np.ndarray | None = None,
    *,
    seed: int = 0,
    sharpening: float = 1.0,
) -> Fit:
    """Return the calibration that held-out rows justify.

    That is temperature scaling, with a prior that few rows do not overcome; or affine or vector scaling, where its
    cross-validated log loss is lower by more than the standard error of the difference and every class occurs: for a
    class without rows, a shift would say that it never occurs. Then the uniform distribution is mixed in, with weight
    1 / (rows + 1).

    A temperature is used as far as the rows show that it is not 1: with x its logarithm and s the standard error of x,
    what is used has the logarithm `x * x^2 / (x^2 + s^2)`. So a temperature that is known well stays as it is, and one
    that chance explains changes little.

    Args:
        logits: Of rows that the model never saw, `(rows, classes)`; log-probabilities will do.
        target: Class indices, `(rows,)`.
        sample_weight: One weight per row.
        seed: The seed of the folds of the cross-validation.
        sharpening: By how much sharper what is to be calibrated is than these logits, as `sharpening` estimates it
            where each row has the vote of one member and the mean of all is to be calibrated.

    Returns:
        The calibration of what is sharper by that factor, what calibration gives for every row of `logits` when fitted
        on other rows, and the losses of the scalings tried.

    Raises:
        TypeError: Logits that are not numbers; a target that is not of integers.
        ValueError: Shapes that do not fit; an index out of range; a `sharpening` that is not positive.

    Example:
        >>> target = np.arange(200) % 2
        >>> logits = np.where(target == 1, 3.0, -3.0)[:, None] * [-0.5, 0.5]
        >>> target[:40] = 1 - target[:40]                                         # right four times of five
        >>> fit = fit_calibration(logits, target)
        >>> float(np.exp(fit.log_probabilities).max().round(1))
        0.8
    """
    logits, target = _read(logits, target, sample_weight)
    rows, n_classes = logits.shape
    logits = np.asarray(log_softmax(logits))
    weight = np.ones(rows) if sample_weight is None else np.asarray(sample_weight)
    folds = np.random.default_rng(seed).permutation(rows) % FOLDS
    methods = ["temperature"]
    if rows >= 2 * FOLDS * n_classes and n_classes <= MOST_CLASSES and len(np.unique(target)) == n_classes:
        methods.append("affine" if n_classes == 2 else "vector")
    factor = check_positive(sharpening, "sharpening")
    crossed = {method: _crossed(method, logits, target, weight, folds, factor) for method in methods}
    at_target = {method: -values[np.arange(rows), target] for method, values in crossed.items()}
    losses = {method: float(np.average(values, weights=weight)) for method, values in at_target.items()}
    chosen = methods[0]
    if len(methods) == 2:
        chosen = methods[int(_is_clear(at_target[methods[0]] - at_target[methods[1]], weight))]
    fitted = _scaling(chosen, logits, target, weight, factor)
    sharper = fitted.sharpened(factor)
    if chosen == "temperature":
        sharper = sharper.sharpened(_caution(logits, target, weight, fitted, factor))
    return Fit(sharper, crossed[chosen], losses)


def _caution(logits: np.ndarray, target: np.ndarray, weight: np.ndarray, fitted: Calibration, factor: float) -> float:
    """Return what a fitted temperature is multiplied by, so that it counts as far as the rows show that it is not 1."""
    logits, target = among_present(logits, target)
    place, share = float(np.log(fitted.scale[0])), _shares(weight, len(target))
    logits = logits - logits.max(axis=1, keepdims=True)
    curvature = _along(place, logits, logits[np.arange(len(target)), target], share, 0.0)[2]
    rows = 1 / (share @ share)
    change = place + np.log(factor)
    variance = 1 / (max(curvature, 0.0) * rows + PRIOR) + (UNSURE * np.log(factor)) ** 2
    return float(np.exp(-change * variance / (change**2 + variance)))


def _is_clear(gain: np.ndarray, sample_weight: np.ndarray) -> bool:
    """Return whether the weighted mean of a gain in each row is above its own standard error."""
    share = _shares(sample_weight, len(gain))
    mean = share @ gain
    return bool(mean > np.sqrt(share**2 @ (gain - mean) ** 2))


def _crossed(
    method: str, logits: np.ndarray, target: np.ndarray, weight: np.ndarray, folds: np.ndarray, factor: float
) -> np.ndarray:
    """Return calibrated log-probabilities of every row by a scaling fitted on the other folds."""
    calibrated = np.empty_like(logits)
    for fold in range(FOLDS):
        inside, outside = folds == fold, folds != fold
        if not weight[outside].any():
            outside = ~np.zeros_like(inside)
        scaling = _scaling(method, logits[outside], target[outside], weight[outside], factor)
        calibrated[inside] = scaling.log_probabilities(logits[inside])
    return calibrated


def _scaling(
    method: str, logits: np.ndarray, target: np.ndarray, weight: np.ndarray, factor: float = 1.0
) -> Calibration:
    """Return a scaling of the logits; the prior expects that what is sharper by a factor needs none."""
    rows, n_classes = logits.shape
    if rows > ROWS_TO_FIT:
        kept = slice(None, None, -(-rows // ROWS_TO_FIT))
        logits, target, weight = logits[kept], target[kept], weight[kept]
    uniform = 1.0 / (rows + 1)
    inverse = 1.0 / temperature_of(*among_present(logits, target), weight, prior=PRIOR, around=factor)[0]
    plain = Calibration(np.full(n_classes, inverse), np.zeros(n_classes), uniform, "temperature")
    if method == "temperature":
        return plain
    free = _free_parameters(method, n_classes)
    start = np.concatenate([plain.scale, plain.shift])
    scaled = _newton(free, logits, target, _shares(weight, len(target)), start)
    return Calibration(scaled[:n_classes], scaled[n_classes:], uniform, method)


def _free_parameters(method: str, n_classes: int) -> np.ndarray:
    """Return which scales and shifts move together: one row per parameter, its entries the scales, then the shifts."""
    if method == "vector":
        return np.eye(2 * n_classes)
    return np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])


def _newton(
    free: np.ndarray, logits: np.ndarray, target: np.ndarray, weight: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Return the scales and shifts of the lowest mean loss plus `|change|^2 / (2 rows)`, the change from the start."""
    moved = np.zeros(len(free))
    ridge = 1.0 / len(target)
    loss, slope, curvature = _objective(start, logits, target, weight)
    for _ in range(STEPS):
        step = -np.linalg.solve(free @ curvature @ free.T + ridge * np.eye(len(free)), free @ slope + ridge * moved)
        for _ in range(10):
            tried = moved + step
            found = _objective(start + tried @ free, logits, target, weight)
            gained = loss - found[0] + ridge / 2 * (moved @ moved - tried @ tried)
            if gained >= 0:
                break
            step /= 2
        else:
            break
        moved, (loss, slope, curvature) = tried, found
        if gained < ENOUGH:
            break
    return start + moved @ free


def _objective(
    parameters: np.ndarray, logits: np.ndarray, target: np.ndarray, weight: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the mean loss, its gradient and its Hessian in the scales and shifts."""
    n_classes = logits.shape[1]
    log_probabilities = np.asarray(log_softmax(logits * parameters[:n_classes] + parameters[n_classes:]))
    weighted = np.exp(log_probabilities) * weight[:, None]
    rows = np.arange(len(target))
    loss = -(weight @ log_probabilities[rows, target])
    both = np.hstack([weighted * logits, weighted])
    curvature = -(both / np.maximum(weight, 1e-300)[:, None]).T @ both
    place = np.arange(n_classes)
    curvature[place, place] += (both[:, :n_classes] * logits).sum(axis=0)
    curvature[place, place + n_classes] += both[:, :n_classes].sum(axis=0)
    curvature[place + n_classes, place] += both[:, :n_classes].sum(axis=0)
    curvature[place + n_classes, place + n_classes] += weighted.sum(axis=0)
    weighted[rows, target] -= weight
    slope = np.concatenate([(weighted * logits).sum(axis=0), weighted.sum(axis=0)])
    return float(loss), slope, curvature
