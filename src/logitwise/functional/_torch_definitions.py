"""The same definitions in torch operations, on any device and differentiable to every order.

Rows are written as differences from their largest logit, as in `reference.py`, with the largest taking part as a
number of its own:

    u_j = (z_j - z_k) / T,   rest = sum of exp(u_j) over j != k,   loss = V log1p(rest) - sum_j v_j u_j

`u_k` is the constant 0, so autograd reaches `z_k` through the others alone: its derivative there is minus the sum of
the other derivatives. That is the exact tail, kept by every order of derivative, forward mode and vmap, since nothing
here is but plain operations. Sixteen- and thirty-two-bit input is computed in float64 where the device has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from logitwise._arrays import may_look
from logitwise.functional._results import denominator

if TYPE_CHECKING:
    from logitwise.functional.binary_cross_entropy import BinaryProblem
    from logitwise.functional.cross_entropy import Problem


@dataclass(frozen=True)
class ShiftedRows:
    """Rows of logits as differences from their largest; `dim` stays, of length 1 where there is one number a row."""

    largest: Tensor
    differences: Tensor
    exponentials: Tensor
    log_total: Tensor  # log1p(rest)
    total: Tensor
    dead: Tensor  # rows of -inf alone


def _wide(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.device.type == "mps" else tensor.double()


def _shift(logits: Tensor, dim: int, temperature: float | Tensor = 1.0, mask: Tensor | None = None) -> ShiftedRows:
    exact = logits.dtype != torch.float64
    logits = _wide(logits)
    if mask is not None:
        logits = logits.masked_fill(~mask, -torch.inf)
    index = logits.detach().argmax(dim, keepdim=True)
    largest = logits.gather(dim, index)
    is_largest = torch.zeros_like(logits, dtype=torch.bool).scatter(
        dim, index, torch.ones_like(index, dtype=torch.bool)
    )
    dead = largest.detach() == -torch.inf
    differences = (logits - largest).masked_fill(is_largest, 0.0).masked_fill(dead, -torch.inf)
    differences = _divided(differences, temperature)
    exponentials = differences.exp()
    if not exact:
        exponentials = exponentials * (1.0 + _lost(logits.detach(), largest.detach(), _constant(temperature)))
    spoiled = torch.where(dead | largest.detach().isfinite(), 0.0, torch.nan)
    others = exponentials.masked_fill(is_largest, 0.0)
    rest = (others.sum(dim, keepdim=True) if exact else _total_over(others, dim)) + spoiled
    return ShiftedRows(largest / temperature, differences, exponentials, rest.log1p(), 1.0 + rest, dead)


def _divided(differences: Tensor, temperature: float | Tensor) -> Tensor:
    """Return `differences / temperature`; the temperature has no part, and no derivative, in an infinite one."""
    if not isinstance(temperature, Tensor):
        return differences / temperature
    infinite = differences.detach().isinf()
    return torch.where(infinite, differences, differences.masked_fill(infinite, 0.0) / _wide(temperature))


def _constant(temperature: float | Tensor) -> float | Tensor:
    return _wide(temperature.detach()) if isinstance(temperature, Tensor) else temperature


def _lost(a: Tensor, b: Tensor, divisor: float | Tensor) -> Tensor:
    """Return what rounding lost of `(a - b) / divisor`, as in `reference.py`: a two-sum, and an exact product."""
    difference = a - b
    virtual = a - difference
    lost = (a - (difference + virtual)) + (virtual - b)
    if isinstance(divisor, Tensor) or divisor != 1.0:
        quotient = difference / divisor
        (high, low), (divisor_high, divisor_low) = (
            _split(quotient),
            _split(torch.as_tensor(divisor, dtype=a.dtype, device=a.device)),
        )
        product = quotient * divisor
        error = ((high * divisor_high - product) + high * divisor_low + low * divisor_high) + low * divisor_low
        lost = ((difference - product) - error + lost) / divisor
    return lost.nan_to_num(0.0, 0.0, 0.0)


def _split(value: Tensor) -> tuple[Tensor, Tensor]:
    scaled = value * 134217729.0  # 2^27 + 1
    high = scaled - (scaled - value)
    return high, value - high


def softmax(logits: Tensor, dim: int, temperature: float | Tensor, mask: Tensor | None) -> Tensor:
    """Return the probabilities of the classes."""
    rows = _shift(logits, dim, temperature, mask)
    return (rows.exponentials / rows.total).to(logits.dtype)


def log_softmax(logits: Tensor, dim: int, temperature: float | Tensor, mask: Tensor | None) -> Tensor:
    """Return the log-probabilities of the classes."""
    rows = _shift(logits, dim, temperature, mask)
    return (rows.differences - rows.log_total).to(logits.dtype)


def logsumexp(logits: Tensor, dim: int, keepdim: bool, mask: Tensor | None) -> Tensor:
    """Return the logarithm of the sum of the exponentials."""
    rows = _shift(logits, dim, mask=mask)
    infinite = rows.largest.detach().isinf()
    result = torch.where(infinite, rows.largest, rows.largest.masked_fill(infinite, 0.0) + rows.log_total).to(
        logits.dtype
    )
    return result if keepdim else result.squeeze(dim)


def sigmoid(logits: Tensor) -> Tensor:
    """Return the probability of class 1."""
    wide = _wide(logits)
    tail = (-_magnitude(wide)).exp()
    return (torch.where(wide >= 0.0, 1.0, tail) / (1.0 + tail)).to(logits.dtype)


def log_sigmoid(logits: Tensor) -> Tensor:
    """Return the log-probability of class 1."""
    return -_softplus(-_wide(logits)).to(logits.dtype)


def _softplus(logits: Tensor) -> Tensor:
    return torch.where(logits >= 0.0, logits, 0.0) + (-_magnitude(logits)).exp().log1p()


def _magnitude(logits: Tensor) -> Tensor:
    """Return the absolute value with derivative 1 at 0, not 0 as in `abs`: the functions here are smooth at 0."""
    return torch.where(logits >= 0.0, logits, -logits)


def cross_entropy(problem: Problem) -> Tensor:
    """Return the loss, reduced as the options say."""
    return _reduced(_losses(problem), problem, _row_weights)


def cross_entropy_and_gradient(problem: Problem) -> tuple[Tensor, Tensor]:
    """Return the loss and its gradient with respect to the logits."""
    return _with_gradient(problem, cross_entropy)


def _losses(problem: Problem) -> Tensor:
    options, dim = problem.options, problem.layout.axis
    rows = _shift(problem.quiet_logits(), dim)
    losses = _surprise(problem, rows)
    if options.z_loss:
        normaliser = rows.largest.masked_fill(rows.dead, 0.0) + rows.log_total
        losses = losses + options.z_loss * _class_row_weights(problem) * normaliser.squeeze(dim) ** 2
    losses = losses.masked_fill(rows.dead.squeeze(dim), torch.inf)
    if options.sample_weight is not None:
        losses = losses * _wide(options.sample_weight)
    silent = problem.silent()
    return losses if silent is None else losses.masked_fill(silent, 0.0)


def _surprise(problem: Problem, rows: ShiftedRows) -> Tensor:
    """Return `sum_j v_j (lse - z_j)` for each row, without sample weights."""
    options, dim = problem.options, problem.layout.axis
    smoothing, classes = options.label_smoothing, problem.layout.classes
    weights = _class_weights(problem)
    if not problem.indices:
        coefficients = (1.0 - smoothing) * _wide(problem.target) + smoothing / classes
        return _weighted_surprise(coefficients if weights is None else coefficients * weights, rows, dim)
    index = _safe_index(problem).unsqueeze(dim)
    surprise = (rows.log_total - rows.differences.gather(dim, index)).squeeze(dim) * _class_row_weights(problem)
    if not smoothing:
        return surprise
    even = rows.differences.new_full((), smoothing / classes) if weights is None else weights * (smoothing / classes)
    return (1.0 - smoothing) * surprise + _weighted_surprise(even.expand_as(rows.differences), rows, dim)


def _weighted_surprise(coefficients: Tensor, rows: ShiftedRows, dim: int) -> Tensor:
    finite = rows.differences.masked_fill((coefficients == 0.0) & rows.differences.isinf(), 0.0)
    return (coefficients * (rows.log_total - finite)).sum(dim)


def _class_weights(problem: Problem) -> Tensor | None:
    weights = problem.options.class_weight
    return None if weights is None else _along_classes(problem, weights)


def _along_classes(problem: Problem, weights: Tensor) -> Tensor:
    return _wide(weights).reshape([-1 if i == problem.layout.axis else 1 for i in range(problem.logits.ndim)])


def _class_row_weights(problem: Problem) -> Tensor:
    """Return `r`, the class weight of every row."""
    weights, dim = problem.options.class_weight, problem.layout.axis
    if weights is None:
        return _wide(problem.logits.new_ones(()))
    if problem.indices:
        index = _safe_index(problem)  # flat: `vmap` cannot look up by a single number
        return _wide(weights).index_select(0, index.reshape(-1)).reshape(index.shape)
    return (_wide(problem.target) * _along_classes(problem, weights)).sum(dim)


def _row_weights(problem: Problem) -> Tensor:
    """Return `s r`, the weight of every row; 0 where it takes no part."""
    weights = _class_row_weights(problem).expand(problem.layout.row_shape)
    if problem.options.sample_weight is not None:
        weights = weights * _wide(problem.options.sample_weight)
    silent = problem.silent()
    return weights if silent is None else weights.masked_fill(silent, 0.0)


def _safe_index(problem: Problem) -> Tensor:
    """Return the class indices with class 0 for ignored rows, which are silenced elsewhere."""
    silent = problem.silent()
    target = problem.target.long()
    return target if silent is None else target.masked_fill(silent, 0)


def log_loss(problem: Problem) -> Tensor:
    """Return the cross-entropy of probabilities, reduced as the options say."""
    dim, weights = problem.layout.axis, _class_weights(problem)
    probabilities = _wide(problem.quiet_logits(fill=1.0))
    if problem.indices:
        index = _safe_index(problem).unsqueeze(dim)
        losses = -probabilities.gather(dim, index).log().squeeze(dim) * _class_row_weights(problem)
    else:
        coefficients = _wide(problem.target) if weights is None else _wide(problem.target) * weights
        losses = -(coefficients * probabilities.masked_fill(coefficients == 0.0, 1.0).log()).sum(dim)
    if problem.options.sample_weight is not None:
        losses = losses * _wide(problem.options.sample_weight)
    silent = problem.silent()
    losses = losses if silent is None else losses.masked_fill(silent, 0.0)
    return _reduced(losses, problem, _row_weights)


def binary_cross_entropy_with_logits(problem: BinaryProblem) -> Tensor:
    """Return the binary loss, reduced as the options say."""
    options = problem.options
    logits, target = _wide(problem.quiet_logits()), _wide(problem.target)
    positive = target if options.pos_weight is None else target * _wide(options.pos_weight)
    losses = _weighted_softplus(positive, -logits) + _weighted_softplus(1.0 - target, logits)
    if options.sample_weight is not None:
        losses = losses * _wide(options.sample_weight)
    return _reduced(losses, problem, _element_weights)


def binary_cross_entropy_with_logits_and_gradient(problem: BinaryProblem) -> tuple[Tensor, Tensor]:
    """Return the binary loss and its gradient with respect to the logits."""
    return _with_gradient(problem, binary_cross_entropy_with_logits)


def _weighted_softplus(weight: Tensor, logits: Tensor) -> Tensor:
    return weight * _softplus(logits.masked_fill((weight == 0.0) & logits.isinf(), 0.0))


def _element_weights(problem: BinaryProblem) -> Tensor:
    weight = problem.options.sample_weight
    return _wide(problem.logits.new_ones(())).expand(problem.logits.shape) if weight is None else _wide(weight)


def _reduced(losses: Tensor, problem: Problem | BinaryProblem, weights: Callable[[Any], Tensor]) -> Tensor:
    options, dtype = problem.options, problem.logits.dtype
    if options.reduction == "none":
        return losses.to(dtype)
    if options.reduction == "sum":
        return _total(losses).to(dtype)
    divisor = options.normalizer
    if divisor is None:
        weight = _total(weights(problem))
        if may_look(weight):
            denominator(float(weight.detach()), None, problem.unit)
        divisor = torch.where(weight == 0.0, 1.0, weight)
    return (_total(losses) / divisor).to(dtype)


def _total(values: Tensor) -> Tensor:
    """Return the sum, added as differences from the mean.

    Torch adds many numbers of one sign with errors that grow with their count, the more so where it compiles its own
    loops or a view repeats its elements; their differences from the mean have both signs, and a sum near 0.
    """
    return _total_over(values.reshape(-1), 0).squeeze(0)


def _total_over(values: Tensor, dim: int) -> Tensor:
    """Return the sums over `dim`, kept, added as in `_total`; derivatives are those of a sum."""
    mean = values.detach().mean(dim, keepdim=True)
    mean = mean.nan_to_num(0.0, 0.0, 0.0)
    return (values - mean).sum(dim, keepdim=True) + mean * values.shape[dim]


def _with_gradient(problem: Any, loss_of: Callable[[Any], Tensor]) -> tuple[Tensor, Tensor]:
    """Return the loss and its gradient, detached: one backward pass over the operations above."""
    with torch.enable_grad():
        logits = problem.logits.detach().requires_grad_()
        loss = loss_of(problem._replace(logits=logits))
        (gradient,) = torch.autograd.grad(loss.sum(), logits)
    return loss.detach(), gradient
