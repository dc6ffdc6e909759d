"""Focal losses of logits with their gradients."""

from __future__ import annotations

import numpy as np

from logitwise.reference.binary_cross_entropy import product_of
from logitwise.reference.rows import shift, sum_of
from logitwise.reference.sigmoid import sigmoid, softplus


def focal_loss(
    logits: np.ndarray, coefficients: np.ndarray, gamma: float, axis: int = -1
) -> tuple[np.ndarray, np.ndarray]:
    """Return the loss of each row, and its gradient with respect to the logits; `gamma` is above 0.

    With `u_j = 1 - p_j`, the sum of the other probabilities, and `l_j = logsumexp(z) - z_j`:

        loss = sum_j v_j u_j^g l_j                               0 x inf counts as 0
        w_j = v_j u_j^g (1 + g p_j l_j / u_j)                    l_j / u_j is 1 where both are 0
        gradient_j = (W - w_j) p_j - w_j u_j                     W: the sum of w

    so the gradient is that of a cross-entropy with the coefficients w. A row of -inf alone has an infinite loss and a
    gradient of 0.
    """
    rows = shift(logits, axis)
    coefficients = np.asarray(coefficients, dtype=np.float64)
    log_total, total = np.log1p(rows.rest), 1.0 + rows.rest
    with np.errstate(invalid="ignore", under="ignore", divide="ignore"):
        probabilities = rows.exponentials / total
        others = np.where(rows.is_largest, rows.rest / total, (total - rows.exponentials) / total)
        surprise, focus = log_total - rows.differences, others**gamma
        loss = sum_of(np.where(coefficients == 0.0, 0.0 * log_total, coefficients * focus * surprise), axis)
        loss = np.where(np.isneginf(rows.largest), np.inf, loss)
        pull = np.where(probabilities == 0.0, 0.0, probabilities * np.where(others == 0.0, 1.0, surprise / others))
        weights = coefficients * focus * (1.0 + gamma * pull)
        gradient = (sum_of(weights, axis) - weights) * probabilities - weights * others
        gradient = np.where(np.isneginf(rows.largest), 0.0, gradient)
    return np.squeeze(loss, axis), gradient


def binary_focal_loss_with_logits(
    logits: np.ndarray, target: np.ndarray, gamma: float, pos_weight: np.ndarray | float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the loss of each element, and its gradient with respect to the logits; `gamma` is above 0.

    With p = sigmoid(z) and u = 1 - p = sigmoid(-z):

        loss = w y u^g softplus(-z) + (1 - y) p^g softplus(z)          0 x inf counts as 0
        gradient = (1 - y) p^g (p + g u softplus(z)) - w y u^g (u + g p softplus(-z))
    """
    logits, target = np.asarray(logits, dtype=np.float64), np.asarray(target, dtype=np.float64)
    positive, negative = pos_weight * target, 1.0 - target
    p, u = sigmoid(logits), sigmoid(-logits)
    up, down = softplus(logits), softplus(-logits)
    with np.errstate(invalid="ignore", under="ignore"):
        loss = product_of(positive, product_of(u**gamma, down)) + product_of(negative, product_of(p**gamma, up))
        gradient = negative * p**gamma * (p + gamma * product_of(u, up))
        return loss, gradient - positive * u**gamma * (u + gamma * product_of(p, down))
