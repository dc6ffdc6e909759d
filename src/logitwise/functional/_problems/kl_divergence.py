"""The arguments of `kl_divergence`, unchecked and checked."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from logitwise._arrays import Layout, is_followed, is_tensor
from logitwise._errors import InvalidValueError
from logitwise._requirements import (
    as_floating,
    check_full_mask,
    check_layout,
    check_out,
    check_positive_tensor,
    check_reduction,
    check_same_framework,
)
from logitwise.functional._arguments.targets import check_distribution
from logitwise.functional._arguments.weights import check_sample_weight

_NAMES = ("target_logits", "target_probabilities")


class KLDivergenceCall(NamedTuple):
    """The unchecked arguments of `kl_divergence`, whose docstring explains them."""

    logits: Any
    target_logits: Any = None
    target_probabilities: Any = None
    axis: Any = -1
    temperature: Any = 1.0
    mask: Any = None
    sample_weight: Any = None
    reduction: Any = "mean"
    normalizer: Any = None
    operation = "kl_divergence"

    def other_arrays(self) -> tuple[Any, ...]:
        """Return the arrays beside the logits through which a derivative may be asked for."""
        return self.target_logits, self.target_probabilities, self.mask, self.sample_weight

    def differentiable_option(self) -> Any:
        """Return the temperature or else the normaliser: either may be a tensor with a derivative."""
        is_learned = is_tensor(self.temperature) and is_followed(self.temperature)
        return self.temperature if is_learned else self.normalizer

    def has_plain_options(self) -> bool:
        """Return whether there is one target, the options are in their range, and ask for one loss of all classes."""
        _, target_logits, probabilities, _, temperature, mask, sample_weight, reduction, normalizer = self
        return (
            mask is sample_weight is normalizer is None
            and (target_logits is None) != (probabilities is None)
            and type(temperature) is float
            and 0.0 < temperature < math.inf
            and (reduction == "mean" or reduction == "sum")
        )

    def has_probabilities(self) -> bool:
        """Return whether the target is one of probabilities."""
        return self.target_probabilities is not None

    def target(self) -> Any:
        """Return the target, whichever it is."""
        return self.target_logits if self.target_probabilities is None else self.target_probabilities

    def detached(self) -> KLDivergenceCall:
        """Return this call without what autograd has recorded of its tensors."""
        names = ("logits", *_NAMES, "sample_weight")
        arrays = {name: getattr(self, name) for name in names}
        return self._replace(**{name: array.detach() for name, array in arrays.items() if is_tensor(array)})

    def checked(self, out: Any = None) -> KLDivergenceProblem:
        """Return the problem, or raise what is wrong with the call or with `out`."""
        logits = as_floating(self.logits, "logits")
        layout = check_layout(logits, self.axis, at_least=2)
        name, target = self._target(logits, layout)
        reduction, normalizer = check_reduction(self.reduction, self.normalizer, logits)
        temperature = check_positive_tensor(self.temperature, "temperature", logits)
        mask = check_full_mask(self.mask, logits)
        signed = reduction != "mean" or normalizer is not None
        sample_weight = check_sample_weight(self.sample_weight, logits, layout, signed)
        are_probabilities = name == "target_probabilities"
        if are_probabilities:
            if mask is not None:
                target = (
                    target.masked_fill(~mask, 0.0)
                    if is_tensor(target)
                    else np.where(mask, target, target.dtype.type(0))
                )
            target = check_distribution(target, layout, sample_weight, name)
        check_out(out, logits)
        arrays = (logits, target, mask, sample_weight)
        return KLDivergenceProblem(
            self.operation, *arrays, are_probabilities, layout, temperature, reduction, normalizer
        )

    def _target(self, logits: Any, layout: Layout) -> tuple[str, Any]:
        """Return the name and the array of the one target that is given."""
        given = [name for name in _NAMES if getattr(self, name) is not None]
        if len(given) != 1:
            got = "both" if given else "neither"
            raise InvalidValueError("target_logits", "be given, or else target_probabilities", got)
        name = given[0]
        target = check_same_framework(as_floating(getattr(self, name), name), name, logits)
        if tuple(target.shape) != layout.shape:
            requirement = f"have the shape of logits, {layout.shape}"
            advice = ""
            if tuple(target.shape) == layout.row_shape:
                advice = "For class indices, use cross_entropy."
            raise InvalidValueError(name, requirement, tuple(target.shape), advice=advice)
        return name, target


class KLDivergenceProblem(NamedTuple):
    """A `KLDivergenceCall` that was checked.

    Attributes:
        target: Logits or probabilities, of the shape of the logits.
        are_probabilities: Which of the two.
        mask: Booleans of the shape of the logits, or None; probabilities outside are 0.
        layout: The shape of the logits as rows of classes.
        is_warned_of: Whether a warning already said that the logits are something else.
    """

    operation: str
    logits: Any
    target: Any
    mask: Any
    sample_weight: Any
    are_probabilities: bool
    layout: Layout
    temperature: Any
    reduction: str
    normalizer: Any
    is_warned_of: bool = False
    unit = "rows"

    def checked(self, out: Any = None) -> KLDivergenceProblem:
        """Return the problem itself."""
        return self

    def arrays(self) -> tuple[Any, ...]:
        """Return the arrays that the loss is computed from."""
        return self.logits, self.target, self.mask, self.sample_weight

    def with_arrays(self, logits: Any, target: Any, mask: Any, sample_weight: Any) -> KLDivergenceProblem:
        """Return this problem with other arrays, in the order of `arrays`."""
        return self._replace(logits=logits, target=target, mask=mask, sample_weight=sample_weight)

    def without_arrays(self) -> KLDivergenceProblem:
        """Return this problem without its arrays, which autograd keeps; `with_arrays` puts them back."""
        return self.with_arrays(None, None, None, None)

    def detached(self) -> KLDivergenceProblem:
        """Return this problem without what autograd has recorded of its tensors."""
        problem = self.with_arrays(*(array if array is None else array.detach() for array in self.arrays()))
        temperature = self.temperature.detach() if is_tensor(self.temperature) else self.temperature
        return problem._replace(temperature=temperature)

    def per_row(self, numbers: Any) -> Any:
        """Return a number, or a tensor of one number per row, so that it multiplies the gradient."""
        return numbers.unsqueeze(self.layout.axis) if numbers.ndim else numbers
