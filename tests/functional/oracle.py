"""Exact values by mpmath at 60 digits, from the definitions and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

_CONTEXT = mpmath.mp.clone()
_CONTEXT.dps = 60


@dataclass(frozen=True)
class _Row:
    """A row of logits z / T: its largest m, exp(z_j / T - m), their sum without one m (`rest`) and with it (`total`).

    The sum without the largest stays apart so that 60 digits are enough for a tail of exp(-700).
    """

    scaled: list[Any]
    largest: Any
    exponentials: list[Any]
    rest: Any

    @property
    def total(self) -> Any:
        return 1 + self.rest

    @property
    def log_total(self) -> Any:
        return _CONTEXT.log1p(self.rest)

    def others(self, j: int) -> Any:
        """Return the sum of the exponentials without j."""
        return self.rest if self.scaled[j] == self.largest else self.total - self.exponentials[j]


def _row(row: np.ndarray, temperature: float = 1.0) -> _Row:
    divisor = _CONTEXT.mpf(temperature)
    scaled = [_CONTEXT.mpf(z) / divisor for z in row.tolist()]
    largest = max(scaled)
    known = {z: _CONTEXT.exp(z - largest) if z > -_CONTEXT.inf else _CONTEXT.mpf(0) for z in set(scaled)}
    exponentials = [known[z] for z in scaled]
    k = scaled.index(largest)
    return _Row(scaled, largest, exponentials, _CONTEXT.fsum(exponentials[:k] + exponentials[k + 1 :]))


def _rows(function: Any, logits: np.ndarray) -> np.ndarray:
    return np.array([function(row) for row in logits], dtype=np.float64)


def _log(number: Any) -> Any:
    return _CONTEXT.log(number) if number else -_CONTEXT.inf


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    def row_softmax(logits: np.ndarray) -> list[float]:
        row = _row(logits, temperature)
        return [float(e / row.total) for e in row.exponentials]

    return _rows(row_softmax, logits)


def log_softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    def row_log_softmax(logits: np.ndarray) -> list[float]:
        row = _row(logits, temperature)
        log_total = row.log_total
        return [float((z - row.largest) - log_total) for z in row.scaled]

    return _rows(row_log_softmax, logits)


def logsumexp(logits: np.ndarray) -> np.ndarray:
    def row_logsumexp(logits: np.ndarray) -> float:
        row = _row(logits)
        return float(row.largest + row.log_total)

    return _rows(row_logsumexp, logits)


def weighted_logsumexp(logits: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return log|s| and the sign of `s = sum_j b_j exp(z_j)`, `b_j exp(z_j) / s`, and `sum_j |b_j exp(z_j)| / |s|`."""
    answers = [_row_weighted(z[f != 0.0], f[f != 0.0], f != 0.0) for z, f in zip(logits, b, strict=True)]
    return tuple(np.array(parts) for parts in zip(*answers, strict=True))  # pyright: ignore[reportReturnType]


def _row_weighted(logits: np.ndarray, b: np.ndarray, counts: np.ndarray) -> tuple[float, float, np.ndarray, float]:
    row, shares = _row(logits), np.zeros(counts.shape)
    terms = [_CONTEXT.mpf(f) * e for f, e in zip(b.tolist(), row.exponentials, strict=True)]
    total = _CONTEXT.fsum(terms)
    if not total:
        return -np.inf, 0.0, shares, np.inf
    shares[counts] = [float(term / total) for term in terms]
    condition = _CONTEXT.fsum(abs(term) for term in terms) / abs(total)
    return float(row.largest + _CONTEXT.log(abs(total))), float(_CONTEXT.sign(total)), shares, float(condition)


@dataclass(frozen=True)
class Loss:
    """What `cross_entropy` is asked: distributions over classes, class and sample weights, smoothing, z-loss."""

    distribution: np.ndarray
    class_weight: np.ndarray
    sample_weight: np.ndarray
    smoothing: float = 0.0
    z_loss: float = 0.0


def cross_entropy(logits: np.ndarray, asked: Loss) -> tuple[np.ndarray, np.ndarray]:
    """Return the loss of each row and the gradient of their sum."""
    answers = [
        _row_cross_entropy(_row(row), y, s, asked)
        for row, y, s in zip(logits, asked.distribution, asked.sample_weight.tolist(), strict=True)
    ]
    return np.array([loss for loss, _ in answers]), np.array([gradient for _, gradient in answers])


def _row_cross_entropy(row: _Row, y: np.ndarray, s: float, asked: Loss) -> tuple[float, list[float]]:
    if s == 0.0:
        return 0.0, [0.0] * len(y)
    e, c = _CONTEXT.mpf(asked.smoothing), _CONTEXT.mpf(asked.z_loss)
    w, y = [_CONTEXT.mpf(x) for x in asked.class_weight.tolist()], [_CONTEXT.mpf(x) for x in y.tolist()]
    v = [a * ((1 - e) * p + e / len(y)) for a, p in zip(w, y, strict=True)]
    r, total_v = _CONTEXT.fsum(a * p for a, p in zip(w, y, strict=True)), _CONTEXT.fsum(v)
    log_total, total = row.log_total, row.total
    surprise = _CONTEXT.fsum(a * ((row.largest - z) + log_total) for a, z in zip(v, row.scaled, strict=True) if a)
    lse = row.largest + log_total
    gradient = [
        (total_v - a + 2 * c * r * lse) * x / total - a * row.others(j) / total
        for j, (a, x) in enumerate(zip(v, row.exponentials, strict=True))
    ]
    return float(s * (surprise + c * r * lse**2)), [float(s * g) for g in gradient]


def focal_loss(logits: np.ndarray, asked: Loss, gamma: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the loss of each row and the gradient of their sum."""
    answers = [
        _row_focal_loss(_row(row), y, s, asked, gamma)
        for row, y, s in zip(logits, asked.distribution, asked.sample_weight.tolist(), strict=True)
    ]
    return np.array([loss for loss, _ in answers]), np.array([gradient for _, gradient in answers])


def _row_focal_loss(row: _Row, y: np.ndarray, s: float, asked: Loss, gamma: float) -> tuple[float, list[float]]:
    """Return the loss of a row, and its gradient by the chain rule over `d p_j / d z_i = p_j (1[i = j] - p_i)`."""
    if s == 0.0:
        return 0.0, [0.0] * len(y)
    e, g, total = _CONTEXT.mpf(asked.smoothing), _CONTEXT.mpf(gamma), row.total
    loss, slopes = _CONTEXT.mpf(0), {}
    for j, (w, truth) in enumerate(zip(asked.class_weight.tolist(), y.tolist(), strict=True)):
        v = _CONTEXT.mpf(w) * ((1 - e) * _CONTEXT.mpf(truth) + e / len(y))
        if not v:
            continue
        u, p, surprise = row.others(j) / total, row.exponentials[j] / total, row.largest - row.scaled[j] + row.log_total
        loss += v * u**g * surprise
        pull = g * u ** (g - 1) * p * surprise if p and u else 0  # p l is 0 where p is 0
        slopes[j] = v * (u**g + pull)  # how the loss falls along log p_j
    gradient = []
    for i, x in enumerate(row.exponentials):
        others = _CONTEXT.fsum(slope for j, slope in slopes.items() if j != i)
        gradient.append(float(s * (others * x / total - slopes.get(i, 0) * row.others(i) / total)))
    return float(s * loss), gradient


def binary_focal_loss(
    logits: np.ndarray, target: np.ndarray, pos_weight: float, gamma: float
) -> tuple[np.ndarray, np.ndarray]:
    losses, gradients = [], []
    for z, y in zip(logits.tolist(), target.tolist(), strict=True):
        z, y, w, g = (_CONTEXT.mpf(x) for x in (z, y, pos_weight, gamma))
        p, u = 1 / (1 + _CONTEXT.exp(-z)), 1 / (1 + _CONTEXT.exp(z))
        up, down = _CONTEXT.log1p(_CONTEXT.exp(z)), _CONTEXT.log1p(_CONTEXT.exp(-z))
        losses.append(float(w * y * u**g * down + (1 - y) * p**g * up))
        gradients.append(float((1 - y) * p**g * (p + g * u * up) - w * y * u**g * (u + g * p * down)))
    return np.array(losses), np.array(gradients)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return _rows(lambda z: float(1 / (1 + _CONTEXT.exp(-_CONTEXT.mpf(float(z))))), logits)


def log_sigmoid(logits: np.ndarray) -> np.ndarray:
    return _rows(lambda z: float(-_CONTEXT.log1p(_CONTEXT.exp(-_CONTEXT.mpf(float(z))))), logits)


def binary_cross_entropy(
    logits: np.ndarray, target: np.ndarray, pos_weight: float, smoothing: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    losses, gradients, e = [], [], _CONTEXT.mpf(smoothing)
    for z, y in zip(logits.tolist(), target.tolist(), strict=True):
        z, y, w = _CONTEXT.mpf(z), (1 - e) * _CONTEXT.mpf(y) + e / 2, _CONTEXT.mpf(pos_weight)
        up, down = _CONTEXT.log1p(_CONTEXT.exp(z)), _CONTEXT.log1p(_CONTEXT.exp(-z))
        losses.append(float(w * y * down + (1 - y) * up))
        gradients.append(float((1 - y) / (1 + _CONTEXT.exp(-z)) - w * y / (1 + _CONTEXT.exp(z))))
    return np.array(losses), np.array(gradients)


def log_loss(probabilities: np.ndarray, distribution: np.ndarray) -> np.ndarray:
    rows = zip(probabilities, distribution, strict=True)
    return np.array(
        [
            float(-_CONTEXT.fsum(y * _log(_CONTEXT.mpf(p)) for p, y in zip(r.tolist(), t.tolist(), strict=True) if y))
            for r, t in rows
        ]
    )


def binary_log_loss(probabilities: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the loss of each probability of class 1."""
    p = [_CONTEXT.mpf(each) for each in probabilities.tolist()]
    return np.array([float(-_log(a) if y else -_log(1 - a)) for a, y in zip(p, target.tolist(), strict=True)])


def entropy(logits: np.ndarray, temperature: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the entropy of each row and the gradient of their sum."""
    answers = [_row_entropy(_row(row, temperature), _CONTEXT.mpf(temperature)) for row in logits]
    return np.array([value for value, _ in answers]), np.array([gradient for _, gradient in answers])


def _row_entropy(row: _Row, temperature: Any) -> tuple[float, list[float]]:
    p = [e / row.total for e in row.exponentials]
    distances = [row.largest - z if e else 0 for z, e in zip(row.scaled, row.exponentials, strict=True)]
    mean = _CONTEXT.fsum(a * d for a, d in zip(p, distances, strict=True))
    gradient = [float(a * (d - mean) / temperature) for a, d in zip(p, distances, strict=True)]
    return float(row.log_total + mean), gradient


def kl_divergence(
    logits: np.ndarray, target: np.ndarray, are_probabilities: bool = False, temperature: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the divergence of each row from its target and the gradient of their sum with respect to the logits."""
    answers = [
        _row_divergence(_row(row, temperature), other, are_probabilities, _CONTEXT.mpf(temperature))
        for row, other in zip(logits, target, strict=True)
    ]
    return np.array([value for value, _ in answers]), np.array([gradient for _, gradient in answers])


def _row_divergence(row: _Row, target: np.ndarray, are_probabilities: bool, T: Any) -> tuple[float, list[float]]:
    log_q = [(z - row.largest) - row.log_total for z in row.scaled]
    if are_probabilities:
        p = [_CONTEXT.mpf(y) for y in target.tolist()]
        log_p = [_log(y) for y in p]
    else:
        other = _row(target, float(T))
        p = [e / other.total for e in other.exponentials]
        log_p = [(t - other.largest) - other.log_total for t in other.scaled]
    value = _CONTEXT.fsum(a * (b - c) for a, b, c in zip(p, log_p, log_q, strict=True) if a)
    total = _CONTEXT.fsum(p)
    return float(value), [float((total * e / row.total - a) / T) for a, e in zip(p, row.exponentials, strict=True)]
