"""The inputs of every test: cases in a dtype and framework, and exact values computed once."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch

from functional import oracle
from functional.cases import CASES, OPTIONS, targets_for, weights_for

KINDS = [
    "numpy float16",
    "numpy float32",
    "numpy float64",
    "torch float16",
    "torch bfloat16",
    "torch float32",
    "torch float64",
]


def make(values: np.ndarray, kind: str) -> Any:
    """Return float64 values as an array or tensor of a kind: 'numpy float32', 'torch bfloat16'."""
    framework, dtype = kind.split()
    if framework == "torch":
        return torch.tensor(np.asarray(values)).to(getattr(torch, dtype))
    with np.errstate(over="ignore"):
        return np.array(values).astype(dtype)


def values_of(array: Any) -> np.ndarray:
    """Return what an array or tensor holds, in float64."""
    return array.detach().double().numpy() if isinstance(array, torch.Tensor) else np.asarray(array, dtype=np.float64)


@cache
def stored(name: str, dtype: str) -> np.ndarray:
    """Return the logits of a case as a dtype stores them (1e6 is the largest number of float16 there), in float64."""
    largest = torch.finfo(getattr(torch, dtype)).max
    values = np.where(np.isneginf(CASES[name]), -np.inf, np.clip(CASES[name], -largest, largest))
    return values_of(make(values, f"torch {dtype}"))


@cache
def exact(function: str, name: str, dtype: str, temperature: float = 1.0) -> np.ndarray:
    """Return the exact softmax, log_softmax or logsumexp of a case as stored in a dtype."""
    arguments = () if temperature == 1.0 else (temperature,)
    return getattr(oracle, function)(stored(name, dtype), *arguments)


@cache
def loss_inputs(name: str, option: str, soft: bool) -> tuple[np.ndarray, dict[str, Any], oracle.Loss]:
    """Return the target and options of `cross_entropy` for a case, and the same question put to the oracle."""
    rows, classes = CASES[name].shape
    indices, target = targets_for(name, rows, classes)
    asked = dict(OPTIONS[option])
    class_weight, sample_weight = weights_for(rows, classes)
    class_weight = class_weight if asked.pop("class_weight", False) else np.ones(classes)
    sample_weight = sample_weight if asked.pop("sample_weight", False) else np.ones(rows)
    options = {**asked, "class_weight": class_weight, "sample_weight": sample_weight}
    options.pop("ignore", None)
    counted = sample_weight.copy()
    distribution = target if soft else np.eye(classes)[indices] if classes < 10_000 else _one_hot(indices, classes)
    if not soft:
        target = indices.copy()
        if asked.pop("ignore", False):
            target[0], counted[0] = -100, 0.0
    question = oracle.Loss(
        distribution, class_weight, counted, asked.get("label_smoothing", 0.0), asked.get("z_loss", 0.0)
    )
    return target, options, question


def _one_hot(indices: np.ndarray, classes: int) -> np.ndarray:
    result = np.zeros((len(indices), classes))
    result[np.arange(len(indices)), indices] = 1.0
    return result


@cache
def exact_loss(name: str, dtype: str, option: str, soft: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the exact loss of each row of a case as stored in a dtype, and the gradient of their sum."""
    return oracle.cross_entropy(stored(name, dtype), loss_inputs(name, option, soft)[2])
