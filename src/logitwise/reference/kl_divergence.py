"""Kullback-Leibler divergence of logits with its gradient."""

from __future__ import annotations

import numpy as np

from logitwise.reference.rows import shift, sum_of
from logitwise.reference.softmax import log_softmax, softmax


def kl_divergence(
    logits: np.ndarray,
    target: np.ndarray,
    axis: int = -1,
    *,
    are_probabilities: bool = False,
    temperature: float = 1.0,
    mask: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the divergence of each row from its target, and its gradient with respect to the logits.

    With q the probabilities, p those of the target (`are_probabilities`: the target itself), and V the sum of p:

        loss = sum_j p_j (log p_j - log q_j)          0 log 0 = 0
        gradient_j = (V q_j - p_j) / T

    A row to which the target gives no probability at all has loss and gradient 0, whatever its logits are; else one of
    -inf alone has an infinite loss and a gradient of 0. These definitions lose their digits where q is nearly p.
    """
    rows, target = shift(logits, axis, temperature, mask), np.asarray(target, dtype=np.float64)
    q = softmax(logits, axis, temperature=temperature, mask=mask)
    with np.errstate(invalid="ignore", divide="ignore", under="ignore"):
        if are_probabilities:
            p = target if mask is None else np.where(mask, target, 0.0)
            log_p = np.log(p)
        else:
            p = softmax(target, axis, temperature=temperature, mask=mask)
            log_p = log_softmax(target, axis, temperature=temperature, mask=mask)
        log_q = rows.differences - np.log1p(rows.rest)
        loss = sum_of(np.where(p == 0.0, 0.0 * q, p * (log_p - log_q)), axis)
        gradient = (sum_of(p, axis) * q - p) / temperature
    unused, impossible = (p == 0.0).all(axis, keepdims=True), np.isneginf(rows.largest)
    loss = np.where(unused, 0.0, np.where(impossible, np.inf, loss))
    return np.squeeze(loss, axis), np.where(unused | impossible, 0.0, gradient)
