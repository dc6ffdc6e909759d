"""Means with tiny or huge weights: weights, and what the mean divides by, times a power of two that brings both near 1.

That rounds nothing and cancels out, and sums of such weights and reciprocals of their sums are normal numbers: a weight
of 1e-310 has no finite reciprocal, and ten of 1e308 no finite sum. Ordinary weights stay as they are.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from logitwise._arrays import as_float64, is_tensor, may_look

_LARGEST = float(np.finfo(np.float64).max)
_NEAR, _FAR = 2.0**200, 2.0**600  # powers between 1 / _NEAR and _NEAR are not changed


def with_even_weights(problem: Any) -> Any:
    """Return the problem of the mean of a cross-entropy, with weights near 1."""
    class_weight, sample_weight, divisor = problem.class_weight, problem.sample_weight, problem.normalizer
    if class_weight is not None and not _are_near_one(class_weight):
        power = _power_for(_of_classes_used(problem))
        class_weight, divisor = _times(class_weight, power), _times(divisor, power)
    sample_weight, divisor = _even(sample_weight, divisor, problem.layout.row_shape, problem.logits)
    if _is_lost(divisor):
        return problem
    return problem._replace(class_weight=class_weight, sample_weight=sample_weight, normalizer=divisor)


def with_even_element_weights(problem: Any) -> Any:
    """Return the problem of the mean of a binary cross-entropy, with sample weights that its sum has room for."""
    shape, pos_weight = tuple(problem.logits.shape), problem.pos_weight
    sample_weight, divisor = _even(problem.sample_weight, problem.normalizer, shape, problem.logits)
    power: Any = 1.0 if pos_weight is None else _power_for(pos_weight)
    if is_tensor(power):
        power = power.clamp(max=1.0)
    if is_tensor(power) or power < 1.0:  # they are no factor of the divisor: if they are huge, the others become tiny
        sample_weight = _ones(shape, problem.logits) if sample_weight is None else sample_weight
        sample_weight, divisor = _times(sample_weight, power), _times(divisor, power)
    return problem if _is_lost(divisor) else problem._replace(sample_weight=sample_weight, normalizer=divisor)


def even_class_weights(class_weight: Any, used: Any) -> Any:
    """Return class weights near 1; those that are `used` decide."""
    return class_weight if _are_near_one(class_weight) else _times(class_weight, _power_for(used))


def _even(sample_weight: Any, divisor: Any, shape: tuple[int, ...], logits: Any) -> tuple[Any, Any]:
    if sample_weight is not None:
        power = _power_for(sample_weight)
        sample_weight, divisor = _times(sample_weight, power), _times(divisor, power)
    if isinstance(divisor, float) and (power := _power(divisor)) != 1.0:
        sample_weight = _ones(shape, logits) if sample_weight is None else sample_weight
        sample_weight, divisor = _times(sample_weight, power), divisor * power
    return sample_weight, divisor


def _is_lost(divisor: Any) -> bool:
    """Return whether no float holds what the mean divides by: it is of another size than the weights altogether."""
    return isinstance(divisor, float) and not 0.0 < divisor < np.inf


def _are_near_one(weights: Any) -> bool:
    if not may_look(weights):
        return False
    sizes = np.abs(as_float64(weights))
    return bool(((sizes == 0.0) | ((sizes >= 1.0 / _NEAR) & (sizes <= _NEAR))).all())


def _of_classes_used(problem: Any) -> Any:
    """Return the weights of the classes of the target; 0 for classes, or in rows, that take no part."""
    weights, axis, target = problem.class_weight, problem.layout.axis, problem.target
    if not problem.has_indices:
        shares = target.movedim(axis, -1) if is_tensor(target) else np.moveaxis(target, axis, -1)
        return weights * (shares != 0).reshape(-1, problem.layout.classes).any(0)
    silent = problem.silent()
    if is_tensor(target):
        index = target.long() if silent is None else target.long().masked_fill(silent, 0)
        return weights.index_select(0, index.reshape(-1)) * (1 if silent is None else ~silent.reshape(-1))
    return np.where(silent, 0.0, weights[np.where(silent, 0, target)])


def _power_for(weights: Any) -> Any:
    """Return the power of two for weights of which the largest decides; a tensor where values may not be looked at."""
    if is_tensor(weights) and weights.device.type == "mps":  # it has 32 bits only, for which no power is needed
        return 1.0
    if may_look(weights):
        return _power(float(np.abs(as_float64(_distinct(weights))).max(initial=0.0)))
    torch = sys.modules["torch"]
    sizes = weights.detach().double().abs().reshape(-1)
    largest = torch.cat([sizes, sizes.new_zeros(1)]).amax()
    power = torch.ones_like(largest)
    for bound in (_NEAR, _FAR):
        power = power.masked_fill(largest > bound, _power(2.0 * bound))
        power = power.masked_fill((largest < 1.0 / bound) & (largest > 0.0), _power(0.5 / bound))
    return power


def _distinct(weights: Any) -> Any:
    """Return a view of weights without the repetitions that broadcasting made."""
    steps = weights.stride() if is_tensor(weights) else weights.strides
    return weights[tuple(slice(0, 1) if step == 0 else slice(None) for step in steps)]


def _power(largest: float) -> float:
    if largest == 0.0 or 1.0 / _NEAR <= largest <= _NEAR:
        return 1.0
    if largest > 1.0:
        return 2.0**-400 if largest <= _FAR else 2.0**-800
    return 2.0**400 if largest >= 1.0 / _FAR else 2.0**800


def _times(number: Any, power: Any) -> Any:
    """Return weights, or what a mean divides by, times a power of two; as they are if it is 1.

    Weights of classes that are not present may be too large: they stay numbers, whose product with 0 is 0.
    """
    if number is None or (isinstance(power, float) and power == 1.0):
        return number
    if is_tensor(number):
        return (number.double() * power).clamp(-_LARGEST, _LARGEST)
    if not isinstance(number, (np.ndarray, np.generic)):  # a float, or a size, which torch may have left open
        return number * power
    with np.errstate(over="ignore"):
        return np.clip(np.asarray(number, np.float64) * power, -_LARGEST, _LARGEST)


def _ones(shape: tuple[int, ...], logits: Any) -> Any:
    return logits.new_ones(()).expand(shape) if is_tensor(logits) else np.broadcast_to(np.ones(()), shape)
