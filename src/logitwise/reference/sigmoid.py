"""Sigmoid, its logarithm, and their gradients."""

from __future__ import annotations

import numpy as np


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Return `1 / (1 + exp(-z))`, written for either sign so that no exponential overflows and no tail is lost."""
    logits = np.asarray(logits, dtype=np.float64)
    with np.errstate(under="ignore"):
        tail = np.exp(-np.abs(logits))
        return np.where(logits >= 0.0, 1.0, tail) / (1.0 + tail)


def softplus(logits: np.ndarray) -> np.ndarray:
    """Return `log(1 + exp(z))` as `max(z, 0) + log1p(exp(-|z|))`."""
    logits = np.asarray(logits, dtype=np.float64)
    with np.errstate(under="ignore"):
        return np.maximum(logits, 0.0) + np.log1p(np.exp(-np.abs(logits)))


def log_sigmoid(logits: np.ndarray) -> np.ndarray:
    """Return `log(sigmoid(z)) = -softplus(-z)`."""
    return -softplus(-np.asarray(logits, dtype=np.float64))


def sigmoid_gradient(logits: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """Return the gradient of `sum(outer * sigmoid(logits))`, which is `g sigmoid(z) sigmoid(-z)`."""
    return outer * sigmoid(logits) * sigmoid(-np.asarray(logits, dtype=np.float64))


def log_sigmoid_gradient(logits: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """Return the gradient of `sum(outer * log_sigmoid(logits))`, which is `g sigmoid(-z)`."""
    return outer * sigmoid(-np.asarray(logits, dtype=np.float64))
