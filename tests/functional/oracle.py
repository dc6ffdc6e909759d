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


def binary_cross_entropy(logits: np.ndarray, target: np.ndarray, pos_weight: float) -> tuple[np.ndarray, np.ndarray]:
    losses, gradients = [], []
    for z, y in zip(logits.tolist(), target.tolist(), strict=True):
        z, y, w = _CONTEXT.mpf(z), _CONTEXT.mpf(y), _CONTEXT.mpf(pos_weight)
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
