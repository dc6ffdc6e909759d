"""What is wrong between a torch model and its loss, found by running one batch, in plain sentences."""

from __future__ import annotations

import math
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from logitwise._arrays import Layout, framework_of
from logitwise._display import Displayed
from logitwise._errors import InvalidTypeError
from logitwise._warnings import checks
from logitwise.functional import binary_cross_entropy_with_logits, cross_entropy
from logitwise.functional._suspicions import ending_of

STEPS = 20
STEP_SIZES = (1e-2, 1e-3)  # of Adam: a model can learn if its loss falls with either
FALL = 0.02  # the fraction by which the first loss must fall in those steps
LEARNT = 0.05  # nats: a first loss below this need not fall
FAR = 2.0  # times the loss of guessing: a first loss above that has a cause
WEAK, STRONG = 1e-4, 1e2  # norms of a row's gradient at the outputs; that of a wrong row is about 1
SURE = 10.0  # nats: what has a probability below exp(-10) is not taken for chance

CROSS_ENTROPY, BINARY, NEGATIVE_LOG, PROBABILITIES, OTHER = (
    "cross_entropy",
    "binary_cross_entropy_with_logits",
    "nll_loss",
    "binary_cross_entropy",
    "another loss",
)
_FAMILIES = {
    "cross_entropy": CROSS_ENTROPY,
    "CrossEntropyLoss": CROSS_ENTROPY,
    "binary_cross_entropy_with_logits": BINARY,
    "BCEWithLogitsLoss": BINARY,
    "nll_loss": NEGATIVE_LOG,
    "NLLLoss": NEGATIVE_LOG,
    "binary_cross_entropy": PROBABILITIES,
    "BCELoss": PROBABILITIES,
}


@dataclass(frozen=True)
class Finding:
    """One problem.

    Attributes:
        kind: What it is, in a few words, such as "softmax at the end".
        sentence: What should be, what is, and what to do.
    """

    kind: str
    sentence: str


@dataclass(frozen=True, repr=False)
class Diagnosis(Displayed):
    """What `diagnose` found.

    Attributes:
        findings: What is wrong; empty if nothing was found.
        loss_name: The name of the loss.
        output_shape: The shape of what the model returned.
        first_loss: The loss before any step, in nats; NaN if it could not be computed.
        guessing_loss: The loss of a model that gives every class the same probability; NaN if that has no meaning.
        gradient: The median norm of the gradient of a row at the outputs, times the number of rows; NaN without one.
        last_loss: The lowest loss over 20 steps on the batch; NaN if no step was made.
    """

    findings: tuple[Finding, ...]
    loss_name: str
    output_shape: tuple[int, ...]
    first_loss: float
    guessing_loss: float
    gradient: float
    last_loss: float

    def _facts(self) -> Mapping[str, Any]:
        kinds = ", ".join(finding.kind for finding in self.findings) or "none"
        losses = {"first loss": _shown(self.first_loss), "last loss": _shown(self.last_loss)}
        return {"problems": kinds, "loss": self.loss_name, **losses}

    def __str__(self) -> str:
        rows = [
            ("loss", self.loss_name),
            ("outputs", str(self.output_shape)),
            ("first loss", f"{_shown(self.first_loss)} (guessing: {_shown(self.guessing_loss)})"),
            ("row gradient", _shown(self.gradient)),
            (f"after {STEPS} steps", _shown(self.last_loss)),
        ]
        table = [f"{name:<15} {value}" for name, value in rows]
        found = [f"- {finding.kind}: {finding.sentence}" for finding in self.findings]
        return "\n".join([*table, *(found or ["No problem was found."])])


def _shown(number: float) -> str:
    return "none" if math.isnan(number) else f"{number:.4g}"


def diagnose(
    model: torch.nn.Module, inputs: Any, target: Tensor, loss: Callable[[Tensor, Tensor], Tensor] | None = None
) -> Diagnosis:
    """Run one batch through a model and its loss; print, and return, what is wrong between them.

    Examined are: the last operation (a softmax or sigmoid that the loss applies itself, a ReLU); the number of outputs
    against the labels; the first loss against the log of the number of classes; the gradient at the outputs; and
    whether the loss falls in 20 steps of Adam on this one batch, as it does for any model that can learn.

    Nothing is changed: the steps are made on copies of the parameters and buffers, and the training mode, the
    gradients and the states of the random number generators (torch, NumPy, Python) are restored.

    Args:
        model: A torch module that returns a tensor, or an object with an attribute `logits`.
        inputs: What the model takes: a tensor, a tuple of arguments, or a dict of keyword arguments; a few dozen rows.
        target: Class indices, or whatever target the loss takes.
        loss: A function of outputs and target, such as `torch.nn.CrossEntropyLoss()`. None: the binary cross-entropy
            for one output per row, else the cross-entropy with classes on axis 1, or on the axis that fits the target.

    Returns:
        The diagnosis; its `findings` say what is wrong.

    Raises:
        TypeError: `model` is not a torch module or does not return a tensor, or `target` is not a tensor.

    Cost:
        About 40 training steps on the batch, and a copy of the parameters.

    Example:
        >>> import torch, logitwise as lw
        >>> torch.manual_seed(0)            # doctest: +ELLIPSIS
        <torch...>
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softmax(dim=1))
        >>> found = lw.diagnose(model, torch.randn(32, 4), torch.arange(32) % 3)    # doctest: +ELLIPSIS
        loss            cross_entropy
        ...
        - softmax at the end: the model must return scores, since cross_entropy applies the softmax; ...
        >>> [finding.kind for finding in found.findings]
        ['softmax at the end']
    """
    if not isinstance(model, torch.nn.Module):
        raise InvalidTypeError("model", "be a torch module", type(model).__name__)
    if not isinstance(target, Tensor):
        raise InvalidTypeError("target", "be a torch tensor", framework_of(target), advice="Use torch.as_tensor.")
    with _restored(model), checks("off"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        diagnosis = _Examination(model, inputs, target, loss).run()
    sys.stdout.write(f"{diagnosis}\n")
    return diagnosis


@contextmanager
def _restored(model: torch.nn.Module) -> Iterator[None]:
    """Restore the training modes and the states of the random number generators at the end."""
    modes = [(module, module.training) for module in model.modules()]
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    devices = {p.device for p in model.parameters() if p.device.type == "cuda"}
    try:
        with torch.random.fork_rng(devices=[device.index or 0 for device in devices]), torch.enable_grad():
            torch.manual_seed(0)
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        for module, mode in modes:
            module.training = mode


class _Examination:
    """One batch of a model and a loss, and the problems found so far."""

    def __init__(self, model: torch.nn.Module, inputs: Any, target: Tensor, loss: Callable | None) -> None:
        self.model, self.inputs, self.target = model.train(), inputs, target
        self.findings: list[Finding] = []
        self.outputs = self._outputs(self._copies())
        self.axis = self._axis_of(loss)
        self.family, self.loss, self.name = self._loss_of(loss)

    def run(self) -> Diagnosis:
        first = gradient = last = math.nan
        if self._fits():
            self._examine_ending()
            first, gradient = self._examine_batch()
            if math.isfinite(first):
                last = self._examine_steps(first)
        shape = tuple(self.outputs.shape)
        return Diagnosis(tuple(self.findings), self.name, shape, first, self._guessing(), gradient, last)

    def _report(self, kind: str, sentence: str) -> None:
        self.findings.append(Finding(kind, sentence))

    def _copies(self) -> dict[str, Tensor]:
        """Return copies of the parameters and buffers of the model, to run it with."""
        copies = {name: p.detach().clone().requires_grad_(p.requires_grad) for name, p in self.model.named_parameters()}
        return copies | {name: buffer.detach().clone() for name, buffer in self.model.named_buffers()}

    def _outputs(self, tensors: dict[str, Tensor]) -> Tensor:
        inputs = self.inputs
        named = dict(inputs) if isinstance(inputs, Mapping) else {}
        given = () if named else inputs if isinstance(inputs, tuple) else (inputs,)
        outputs = torch.func.functional_call(self.model, tensors, given, named)
        outputs = getattr(outputs, "logits", outputs)
        if not isinstance(outputs, Tensor):
            raise InvalidTypeError("model", "return a tensor, or an object with logits", type(outputs).__name__)
        return outputs

    def _loss_of(self, loss: Callable | None) -> tuple[str, Callable[[Tensor, Tensor], Tensor], str]:
        if loss is not None:
            name = getattr(loss, "__name__", type(loss).__name__)
            names = [base.__name__ for base in type(loss).__mro__] if name == type(loss).__name__ else [name]
            family = next((_FAMILIES[known] for known in names if known in _FAMILIES), OTHER)
            return family, loss, name
        if self._is_single():
            shape = self.outputs.shape
            return BINARY, lambda z, y: binary_cross_entropy_with_logits(z, y.reshape(shape)), BINARY
        return CROSS_ENTROPY, lambda z, y: cross_entropy(z, y, axis=self.axis), CROSS_ENTROPY

    def _axis_of(self, loss: Callable | None) -> int:
        """Return the class axis that the loss takes; without a loss, axis 1 or else the one that fits the target."""
        if loss is cross_entropy:
            return max(self.outputs.ndim - 1, 0)
        fitting = self._fitting_axis(1)
        return 1 if loss is not None or fitting is None else fitting

    def _fitting_axis(self, axis: int) -> int | None:
        """Return another class axis that fits a target of class indices where `axis` does not, or None."""
        shape = tuple(self.outputs.shape)
        if len(shape) < 2 or self.target.dtype.is_floating_point:
            return None
        layout = Layout.of(shape, axis)
        return None if tuple(self.target.shape) == layout.row_shape else layout.axis_without(tuple(self.target.shape))

    def _is_single(self) -> bool:
        """Return whether each row has one output and one label."""
        return self.outputs.ndim < 2 or (self.outputs.shape[1] == 1 and self.target.numel() == self.outputs.numel())

    def _has_indices(self) -> bool:
        return self.family in (CROSS_ENTROPY, NEGATIVE_LOG) and not self.target.dtype.is_floating_point

    def _guessing(self) -> float:
        if self.family in (BINARY, PROBABILITIES):
            return math.log(2.0)
        known = self.family in (CROSS_ENTROPY, NEGATIVE_LOG) and self.outputs.ndim > 1
        return math.log(self.outputs.shape[self.axis]) if known else math.nan

    def _fits(self) -> bool:
        """Examine outputs and labels, and return whether the loss can be computed from them."""
        outputs = self.outputs
        if not bool(torch.isfinite(outputs).all()):
            bad = tuple(int(i) for i in torch.nonzero(~torch.isfinite(outputs))[0])
            advice = "Look at the inputs and the first layers for NaN, infinities or a division by 0."
            if self.family == CROSS_ENTROPY and bool((outputs[~torch.isfinite(outputs)] == -math.inf).all()):
                advice = "To leave classes out, use a loss with mask=, such as logitwise.nn.CrossEntropyLoss."
            self._report(
                "not finite", f"the outputs must be finite; got {float(outputs[bad])} at index {bad}. {advice}"
            )
            return False
        if not self._has_indices():
            return self._fits_by_shape()
        fitting = self._fitting_axis(self.axis)
        if fitting is not None:
            shape = tuple(outputs.shape)
            self._report(
                "class axis",
                f"the outputs must have their classes on axis {self.axis} for {self.name}; got shape {shape} for a "
                f"target of shape {tuple(self.target.shape)}, which fits classes on axis {fitting}. Pass the loss "
                f"outputs.movedim({fitting}, {self.axis}).",
            )
            return False
        if outputs.ndim > 1 and outputs.shape[self.axis] == 1:
            self._report(
                "one output",
                "the model must have an output for each class; got one, for which the cross-entropy is always 0. "
                "Use binary_cross_entropy_with_logits, or two outputs.",
            )
            return False
        return outputs.ndim < 2 or self._fits_labels()

    def _fits_by_shape(self) -> bool:
        if self.family in (BINARY, PROBABILITIES) and self.target.numel() != self.outputs.numel():
            self._report(
                "shapes",
                f"the outputs must have the shape of the target, {tuple(self.target.shape)}; got "
                f"{tuple(self.outputs.shape)}. For class indices use cross_entropy.",
            )
            return False
        return True

    def _fits_labels(self) -> bool:
        classes, labels = (
            self.outputs.shape[self.axis],
            self.target[self.target != getattr(self.loss, "ignore_index", -100)],
        )
        if not labels.numel():
            self._report("no rows", "the target must have a row that is not ignored; got none. Nothing is learnt.")
            return False
        lowest, highest = int(labels.min()), int(labels.max())
        if highest >= classes or lowest < 0:
            from_one = " Classes are counted from 1: subtract 1." if lowest == 1 and highest == classes else ""
            self._report(
                "too few outputs",
                f"the labels must be in [0, {classes - 1}] for {classes} outputs; got {lowest} to {highest}.{from_one}"
                + ("" if from_one else " Give the model an output for each class."),
            )
            return False
        several = lowest < highest  # a single class is the form of contrastive losses: the first logit is the pair's
        unseen = -labels.numel() * math.log((highest + 1) / classes) if highest + 1 < classes else 0.0
        if several and unseen > SURE:
            self._report(
                "too many outputs",
                f"the model must have an output for each class; got {classes} outputs for labels from {lowest} to "
                f"{highest} in {labels.numel()} rows. The outputs above {highest} learn only to be small.",
            )
        return True

    def _examine_ending(self) -> None:
        ending, loss = ending_of(self.outputs), self.name
        if self.family in (CROSS_ENTROPY, BINARY):
            own = "softmax" if self.family == CROSS_ENTROPY else "sigmoid"
            if ending in ("softmax", "sigmoid") or (ending is None and self._are_probabilities()):
                ending = ending or "softmax"
                self._report(
                    f"{ending} at the end",
                    f"the model must return scores, since {loss} applies the {own}; got the result of a {ending}. "
                    f"Remove the {ending}, and apply it only where you need probabilities.",
                )
            elif ending in ("log_softmax", "log_sigmoid"):
                self._report(f"{ending} at the end", f"the model needs no {ending}: {loss} has its own. Remove it.")
        if self.family == NEGATIVE_LOG and ending != "log_softmax" and bool((self.outputs > 0).any()):
            self._report(
                "no log_softmax",
                "the model must return log-probabilities for nll_loss, 0 or less; got numbers above 0. "
                "Use cross_entropy on the scores instead.",
            )
        if self.family == PROBABILITIES and not bool(((self.outputs >= 0) & (self.outputs <= 1)).all()):
            self._report(
                "no sigmoid",
                f"the model must return probabilities for {loss}, in [0, 1]; got other numbers. "
                "Use BCEWithLogitsLoss on the scores instead.",
            )
        if ending == "relu":
            self._report(
                "relu at the end",
                "the model must be able to return scores of either sign; got the result of a relu, whose zeros have "
                "no gradient. Remove the last ReLU.",
            )

    def _are_probabilities(self) -> bool:
        outputs = self.outputs.detach()
        if outputs.ndim < 2 or outputs.shape[self.axis] < 2 or outputs.shape[0] < 4:
            return False
        return bool((outputs >= 0).all()) and bool(((outputs.sum(self.axis) - 1).abs() < 1e-3).all())

    def _examine_batch(self) -> tuple[float, float]:
        """Return the first loss, and the median norm of the gradient of a row times the number of rows."""
        try:
            loss = self.loss(self.outputs, self.target)
        except Exception as error:  # a loss may refuse its input by any exception; that is reported
            self._report("refused", f"the loss refuses the outputs and the target: {error}")
            return math.nan, math.nan
        first = float(loss.detach().double().mean())
        self._examine_first_loss(first)
        if not loss.requires_grad:
            self._report("no gradient", "the loss must depend on a trainable parameter; got a loss without a graph.")
            return first, math.nan
        (gradient,) = torch.autograd.grad(loss.mean(), self.outputs, allow_unused=True)
        return first, math.nan if gradient is None else self._examine_gradient(gradient, first)

    def _examine_first_loss(self, first: float) -> None:
        guessing = self._guessing()
        if not math.isfinite(first):
            self._report("not finite", f"the loss must be finite; got {first}. Look at the target and its weights.")
        elif first > FAR * guessing + 0.5:
            self._report(
                "first loss",
                f"the first loss must be at most about {guessing:.3g}, the loss of guessing; got {first:.3g}. The "
                "initial outputs are too large: scale the inputs to about 1, or scale down the last layer.",
            )

    def _examine_gradient(self, gradient: Tensor, first: float) -> float:
        rows = gradient.detach().double().reshape(len(gradient), -1).norm(dim=1) * len(gradient)
        norm = float(rows.median())
        if not bool(torch.isfinite(rows).all()):
            self._report("gradient", "the gradient at the outputs must be finite; got NaN or infinities.")
        elif first > LEARNT and float(rows.max()) < WEAK:
            self._report(
                "gradient vanishes",
                f"the gradient at the outputs must be about 1 for a wrong row; got {float(rows.max()):.2g} at most, "
                f"with a loss of {first:.3g}. The model learns nothing: is an activation before the loss saturated?",
            )
        elif norm > STRONG:
            self._report(
                "gradient explodes",
                f"the gradient at the outputs must be about 1 per row; got {norm:.2g}. Use the mean of the loss, and "
                "scale its weights to about 1.",
            )
        return norm

    def _examine_steps(self, first: float) -> float:
        """Return the lowest loss over a few steps on the batch, with the first step size that lowers it."""
        lowest = first
        for step_size in STEP_SIZES:
            lowest = min(lowest, *self._losses_of_steps(step_size))
            if lowest < (1 - FALL) * first:
                return lowest
        if first > LEARNT and any(p.requires_grad for p in self.model.parameters()):
            self._report(
                "does not learn",
                f"the loss must fall in {STEPS} steps on one batch; got {first:.4g} at first and {lowest:.4g} at best. "
                "Does the gradient reach the parameters (detach, argmax, no_grad, dead units)?",
            )
        return lowest

    def _report_refusal(self, steps: int, error: Exception) -> None:
        if all(finding.kind != "refused" for finding in self.findings):
            self._report("refused", f"the loss refuses what the model returns after {steps} steps: {error}")

    def _losses_of_steps(self, step_size: float) -> list[float]:
        tensors, losses = self._copies(), []
        trained = [tensor for tensor in tensors.values() if tensor.requires_grad]
        if not trained:
            return [math.inf]
        optimizer = torch.optim.Adam(trained, lr=step_size)
        for _ in range(STEPS + 1):
            optimizer.zero_grad()
            try:
                loss = self.loss(self._outputs(tensors), self.target).mean()
            except Exception as error:  # for example outputs that left [0, 1], for a loss of probabilities
                self._report_refusal(len(losses), error)
                break
            losses.append(float(loss.detach()))
            if not loss.requires_grad or not math.isfinite(losses[-1]):
                break
            loss.backward()
            optimizer.step()
        return [loss for loss in losses[1:] if math.isfinite(loss)] or [math.inf]
