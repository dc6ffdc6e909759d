"""Cross-entropy when probabilities are all there is."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise import _warnings, reference
from logitwise._arrays import is_tensor, may_look
from logitwise._requirements import as_floating, check_layout, check_unit_interval
from logitwise.functional import _suspicions as suspicions
from logitwise.functional.cross_entropy import CrossEntropyOptions, Problem, checked_problem


def log_loss(
    probabilities: Any,
    target: Any,
    *,
    axis: int = -1,
    class_weight: Any = None,
    sample_weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    normalizer: Any = None,
) -> Any:
    """Return the cross-entropy of predicted probabilities, in nats.

        loss = -sum_j y_j log(p_j)          0 x log 0 = 0

    Where the logits are at hand use `cross_entropy`: a rounded probability has lost what its tail could say. Nothing
    is added to the probabilities to keep the logarithm finite, and they are not renormalised: probability 0 at the
    target is an infinite loss.

    Args:
        probabilities: Probabilities with classes on `axis`, in [0, 1]; dtypes as in `softmax`.
        target: As in `cross_entropy`.
        axis: The axis of the classes.
        class_weight: As in `cross_entropy`.
        sample_weight: As in `cross_entropy`.
        ignore_index: As in `cross_entropy`.
        reduction: As in `cross_entropy`.
        normalizer: As in `cross_entropy`.

    Returns:
        As `cross_entropy`.

    Raises:
        TypeError: As in `cross_entropy`.
        ValueError: As in `cross_entropy`; a probability outside [0, 1] or NaN in a row that takes part.

    Accuracy:
        Within 4 ulp of the output dtype (float64: 8 ulp) a row.

    Example:
        >>> import numpy as np, logitwise as lw
        >>> one_hot = np.array([1.0, 0.0, 0.0])
        >>> lw.log_loss(np.array([0.7, 0.2, 0.1]), one_hot).round(4)
        np.float64(0.3567)
    """
    options = CrossEntropyOptions(class_weight, sample_weight, ignore_index, 0.0, 0.0, reduction, normalizer)
    probabilities = as_floating(probabilities, "probabilities")
    layout = check_layout(probabilities, axis, "probabilities", at_least=2)
    problem = checked_problem(probabilities, target, layout, options, name="probabilities")
    check_unit_interval(
        problem.quiet_logits(fill=0.5),
        "probabilities",
        "If they are logits, use cross_entropy; if log-probabilities, cross_entropy too.",
    )
    if may_look(probabilities) and _is_in_memory(probabilities) and _warnings.checks_are_on():
        suspicions.warn_of_probabilities(problem)
    if is_tensor(probabilities):
        from logitwise.functional import _torch_definitions

        return _torch_definitions.log_loss(problem)
    losses = reference.log_loss(problem.quiet_logits(fill=1.0), _coefficients(problem), layout.axis)
    return problem.reduce(losses.reshape(-1))


def _is_in_memory(array: Any) -> bool:
    return not is_tensor(array) or array.is_cpu


def _coefficients(problem: Problem) -> np.ndarray:
    """Return `s v_j`, what multiplies each `-log(p_j)`; 0 in rows that take no part."""
    options, axis, target = problem.options, problem.layout.axis, problem.target
    if problem.indices:
        target = reference.one_hot(target, problem.layout.classes, axis)
    coefficients = np.asarray(target, np.float64)
    if options.class_weight is not None:
        along_classes = [-1 if i == axis else 1 for i in range(coefficients.ndim)]
        coefficients = coefficients * options.class_weight.reshape(along_classes)
    if options.sample_weight is not None:
        coefficients = coefficients * np.expand_dims(options.sample_weight, axis)
    silent = problem.silent()
    return coefficients if silent is None else np.where(np.expand_dims(silent, axis), 0.0, coefficients)
