"""Looking at a torch model and its loss over one batch, and saying in plain sentences what is wrong between them."""

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

from logitwise._arrays import framework_of
from logitwise._warnings import checks
from logitwise.functional import binary_cross_entropy_with_logits, cross_entropy
from logitwise.functional._suspicions import ending_of

STEPS = 20
STEP_SIZES = (1e-2, 1e-3)  # of Adam; a loss that falls with either is one that can fall
FALL = 0.02  # the share of the first loss that has to go in those steps
LEARNT = 0.05  # nats: a first loss below this has no way to go
FAR = 2.0  # times the loss of guessing: further than an untrained network gets without a reason
WEAK, STRONG = 1e-4, 1e2  # norms of a row's gradient at the logits; a wrong row has about 1
SURE = 10.0  # nats: chances below exp(-10) are taken for a reason

CROSS_ENTROPY, BINARY, NEGATIVE_LOG, PROBABILITIES, OTHER = (
    "cross_entropy",
    "binary_cross_entropy_with_logits",
    "nll_loss",
    "binary_cross_entropy",
    "another loss",
)
_KINDS = {
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
    """One thing that is wrong.

    Attributes:
        kind: One word or two for it, such as "softmax at the end".
        sentence: What must be, what is, and what to do.
    """

    kind: str
    sentence: str


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` found.

    Attributes:
        findings: What is wrong; empty where nothing was found.
        loss_name: The loss, as it was recognised.
        output_shape: The shape of what the model returned.
        first_loss: The loss before any step, in nats; NaN where it could not be computed.
        guessing_loss: The loss of a model that gives every class the same probability; NaN where that has no meaning.
        gradient: The median norm of a row's gradient at the outputs, times the rows of a mean; NaN where there is none.
        last_loss: The lowest loss over 20 steps on the batch; NaN where none was made.
    """

    findings: tuple[Finding, ...]
    loss_name: str
    output_shape: tuple[int, ...]
    first_loss: float
    guessing_loss: float
    gradient: float
    last_loss: float

    def __str__(self) -> str:
        rows = [
            ("loss", self.loss_name),
            ("outputs", str(self.output_shape)),
            ("first loss", f"{_shown(self.first_loss)} (guessing: {_shown(self.guessing_loss)})"),
            ("gradient a row", _shown(self.gradient)),
            (f"after {STEPS} steps", _shown(self.last_loss)),
        ]
        table = [f"{name:<15} {value}" for name, value in rows]
        found = [f"- {finding.kind}: {finding.sentence}" for finding in self.findings]
        return "\n".join([*table, *(found or ["Nothing wrong was found."])])


def _shown(number: float) -> str:
    return "none" if math.isnan(number) else f"{number:.4g}"


def diagnose(
    model: torch.nn.Module, inputs: Any, target: Tensor, loss: Callable[[Tensor, Tensor], Tensor] | None = None
) -> Diagnosis:
    """Run one batch through a model and its loss, print a short table of what is wrong between them, and return it.

    Looked at are: the last operation (a softmax or sigmoid that the loss applies itself, a ReLU); the number of outputs
    beside the labels; the first loss beside the log of the number of classes; the gradient at the outputs; and
    whether the loss falls in 20 steps of Adam on this one batch, which any model that can learn gets down.

    Nothing is changed: the steps are made on copies of the parameters and buffers, and the training mode, the
    gradients and the states of the random generators (torch, NumPy, Python) are afterwards as they were.

    Args:
        model: A torch module that returns a tensor (or an object with `logits`).
        inputs: What the model takes: a tensor, a tuple of arguments, or a dict of named ones; of a few dozen rows.
        target: Class indices, or what else the loss takes.
        loss: What is called with outputs and target, such as `torch.nn.CrossEntropyLoss()` or a function; None: the
            binary loss for one output a row, else the cross-entropy with classes on axis 1.

    Returns:
        The diagnosis; its `findings` say what is wrong.

    Raises:
        TypeError: A model that is no torch module or returns no tensor, a target that is no tensor.

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
        raise TypeError(f"model must be a torch module; got {type(model).__name__}.")
    if not isinstance(target, Tensor):
        raise TypeError(f"target must be a torch tensor; got {framework_of(target)}. Use torch.as_tensor.")
    with _as_it_was(model), checks("off"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        diagnosis = _Examination(model, inputs, target, loss).run()
    sys.stdout.write(f"{diagnosis}\n")
    return diagnosis


@contextmanager
def _as_it_was(model: torch.nn.Module) -> Iterator[None]:
    """Put back training modes and the states of the random generators."""
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
    """One batch, and what is found on the way."""

    def __init__(self, model: torch.nn.Module, inputs: Any, target: Tensor, loss: Callable | None) -> None:
        self.model, self.inputs, self.target = model.train(), inputs, target
        self.findings: list[Finding] = []
        self.outputs = self._outputs(self._copies())
        self.kind, self.loss, self.name = self._loss_of(loss)

    def run(self) -> Diagnosis:
        first = gradient = last = math.nan
        if self._fits():
            self._look_at_ending()
            first, gradient = self._look_at_batch()
            if math.isfinite(first):
                last = self._look_at_steps(first)
        shape = tuple(self.outputs.shape)
        return Diagnosis(tuple(self.findings), self.name, shape, first, self._guessing(), gradient, last)

    def _say(self, kind: str, sentence: str) -> None:
        self.findings.append(Finding(kind, sentence))

    def _copies(self) -> dict[str, Tensor]:
        """Return copies of what the model holds, for it to be run with."""
        copies = {name: p.detach().clone().requires_grad_(p.requires_grad) for name, p in self.model.named_parameters()}
        return copies | {name: buffer.detach().clone() for name, buffer in self.model.named_buffers()}

    def _outputs(self, tensors: dict[str, Tensor]) -> Tensor:
        inputs = self.inputs
        named = dict(inputs) if isinstance(inputs, Mapping) else {}
        given = () if named else inputs if isinstance(inputs, tuple) else (inputs,)
        outputs = torch.func.functional_call(self.model, tensors, given, named)
        outputs = getattr(outputs, "logits", outputs)
        if not isinstance(outputs, Tensor):
            raise TypeError(f"model must return a tensor, or an object with logits; got {type(outputs).__name__}.")
        return outputs

    def _loss_of(self, loss: Callable | None) -> tuple[str, Callable[[Tensor, Tensor], Tensor], str]:
        if loss is not None:
            name = getattr(loss, "__name__", type(loss).__name__)
            families = [base.__name__ for base in type(loss).__mro__] if name == type(loss).__name__ else [name]
            kind = next((_KINDS[family] for family in families if family in _KINDS), OTHER)
            return kind, loss, name
        if self._is_single():
            shape = self.outputs.shape
            return BINARY, lambda z, y: binary_cross_entropy_with_logits(z, y.reshape(shape)), BINARY
        return CROSS_ENTROPY, lambda z, y: cross_entropy(z, y, axis=1), CROSS_ENTROPY

    def _is_single(self) -> bool:
        """Return whether there is one output a row, and one label for it."""
        return self.outputs.ndim < 2 or (self.outputs.shape[1] == 1 and self.target.numel() == self.outputs.numel())

    def _has_indices(self) -> bool:
        return self.kind in (CROSS_ENTROPY, NEGATIVE_LOG) and not self.target.dtype.is_floating_point

    def _guessing(self) -> float:
        if self.kind in (BINARY, PROBABILITIES):
            return math.log(2.0)
        known = self.kind in (CROSS_ENTROPY, NEGATIVE_LOG) and self.outputs.ndim > 1
        return math.log(self.outputs.shape[1]) if known else math.nan

    def _fits(self) -> bool:
        """Look at outputs and labels, and return whether the loss can be computed of them."""
        outputs = self.outputs
        if not bool(torch.isfinite(outputs).all()):
            bad = tuple(int(i) for i in torch.nonzero(~torch.isfinite(outputs))[0])
            self._say(
                "not finite",
                f"the outputs must be finite; got {float(outputs[bad])} at index {bad}. Look at the inputs and at the "
                "first layers for NaN, infinities, a division by 0.",
            )
            return False
        if not self._has_indices():
            return self._fits_by_shape()
        if outputs.ndim > 1 and outputs.shape[1] == 1:
            self._say(
                "one output",
                "the model must have an output for each class; got 1, with which the cross-entropy is always 0. "
                "Use binary_cross_entropy_with_logits, or two outputs.",
            )
            return False
        return outputs.ndim < 2 or self._fits_labels()

    def _fits_by_shape(self) -> bool:
        if self.kind in (BINARY, PROBABILITIES) and self.target.numel() != self.outputs.numel():
            self._say(
                "shapes",
                f"the outputs must have the shape of the target, {tuple(self.target.shape)}; got "
                f"{tuple(self.outputs.shape)}. For class indices use cross_entropy.",
            )
            return False
        return True

    def _fits_labels(self) -> bool:
        classes, labels = self.outputs.shape[1], self.target[self.target != getattr(self.loss, "ignore_index", -100)]
        if not labels.numel():
            self._say("no rows", "the target must have a row that is not ignored; got none. The loss says nothing.")
            return False
        lowest, highest = int(labels.min()), int(labels.max())
        if highest >= classes or lowest < 0:
            from_one = " Classes are counted from 1: subtract 1." if lowest == 1 and highest == classes else ""
            self._say(
                "too few outputs",
                f"the labels must be in [0, {classes - 1}] for {classes} outputs; got {lowest} to {highest}.{from_one}"
                + ("" if from_one else " Give the model an output for each class."),
            )
            return False
        unseen = -labels.numel() * math.log((highest + 1) / classes) if highest + 1 < classes else 0.0
        if unseen > SURE:
            self._say(
                "too many outputs",
                f"the model must have an output for each class; got {classes} for labels from {lowest} to {highest} in "
                f"{labels.numel()} rows. The outputs above {highest} learn only to be small.",
            )
        if lowest == highest and labels.numel() > 7:
            self._say(
                "one class",
                f"the batch must hold several classes; got class {lowest} in all {labels.numel()} rows. If the rows "
                "are sorted by class, shuffle them.",
            )
        return True

    def _look_at_ending(self) -> None:
        ending, loss = ending_of(self.outputs), self.name
        if self.kind in (CROSS_ENTROPY, BINARY):
            own = "softmax" if self.kind == CROSS_ENTROPY else "sigmoid"
            if ending in ("softmax", "sigmoid") or (ending is None and self._are_probabilities()):
                ending = ending or "softmax"
                self._say(
                    f"{ending} at the end",
                    f"the model must return scores, since {loss} applies the {own}; got what a {ending} returned. "
                    f"Remove the {ending}, and apply it where probabilities are wanted.",
                )
            elif ending in ("log_softmax", "log_sigmoid"):
                self._say(f"{ending} at the end", f"the model needs no {ending}: {loss} has its own. Remove it.")
        if self.kind == NEGATIVE_LOG and ending != "log_softmax" and bool((self.outputs > 0).any()):
            self._say(
                "no log_softmax",
                "the model must return log-probabilities for nll_loss, 0 or less; got numbers above 0. "
                "Use cross_entropy on the scores instead.",
            )
        if self.kind == PROBABILITIES and not bool(((self.outputs >= 0) & (self.outputs <= 1)).all()):
            self._say(
                "no sigmoid",
                f"the model must return probabilities for {loss}, in [0, 1]; got others. "
                "Use BCEWithLogitsLoss on the scores instead.",
            )
        if ending == "relu":
            self._say(
                "relu at the end",
                "the model must be able to return scores of either sign; got what a relu returned, whose zeros have "
                "no gradient. Remove the last ReLU.",
            )

    def _are_probabilities(self) -> bool:
        outputs = self.outputs.detach()
        if outputs.ndim < 2 or outputs.shape[1] < 2 or outputs.shape[0] < 4:
            return False
        return bool((outputs >= 0).all()) and bool(((outputs.sum(1) - 1).abs() < 1e-3).all())

    def _look_at_batch(self) -> tuple[float, float]:
        """Return the first loss and the median norm of a row's gradient, times the rows."""
        try:
            loss = self.loss(self.outputs, self.target)
        except Exception as error:  # a loss may refuse by any exception: that is the finding
            self._say("refused", f"the loss refuses outputs and target: {error}")
            return math.nan, math.nan
        first = float(loss.detach().double().mean())
        self._look_at_first(first)
        if not loss.requires_grad:
            self._say("no gradient", "the loss must depend on a parameter that is trained; got one without a graph.")
            return first, math.nan
        (gradient,) = torch.autograd.grad(loss.mean(), self.outputs, allow_unused=True)
        return first, math.nan if gradient is None else self._look_at_gradient(gradient, first)

    def _look_at_first(self, first: float) -> None:
        guessing = self._guessing()
        if not math.isfinite(first):
            self._say("not finite", f"the loss must be finite; got {first}. Look at the target and its weights.")
        elif first > FAR * guessing + 0.5:
            self._say(
                "first loss",
                f"the first loss must be about {guessing:.3g}, what guessing costs, or less; got {first:.3g}. "
                "The outputs are too large to start with: scale the inputs to about 1, or the last layer down.",
            )

    def _look_at_gradient(self, gradient: Tensor, first: float) -> float:
        rows = gradient.detach().double().reshape(len(gradient), -1).norm(dim=1) * len(gradient)
        norm = float(rows.median())
        if not bool(torch.isfinite(rows).all()):
            self._say("gradient", "the gradient at the outputs must be finite; got NaN or infinities.")
        elif first > LEARNT and float(rows.max()) < WEAK:
            self._say(
                "gradient vanishes",
                f"the gradient at the outputs must be about 1 for a wrong row; got {float(rows.max()):.2g} at most, "
                f"with a loss of {first:.3g}. Nothing reaches the model: is an activation before the loss saturated?",
            )
        elif norm > STRONG:
            self._say(
                "gradient explodes",
                f"the gradient at the outputs must be about 1 a row; got {norm:.2g}. Use the mean of the loss, and "
                "scale its weights to about 1.",
            )
        return norm

    def _look_at_steps(self, first: float) -> float:
        """Return the lowest loss in a few steps on the batch, by the first step size that lowers it."""
        lowest = first
        for step_size in STEP_SIZES:
            lowest = min(lowest, *self._losses_of_steps(step_size))
            if lowest < (1 - FALL) * first:
                return lowest
        if first > LEARNT and any(p.requires_grad for p in self.model.parameters()):
            self._say(
                "does not learn",
                f"the loss must fall in {STEPS} steps on one batch; got {first:.4g} at first and {lowest:.4g} at best. "
                "Does the gradient reach the parameters (detach, argmax, no_grad, dead units)?",
            )
        return lowest

    def _say_refused(self, steps: int, error: Exception) -> None:
        if all(finding.kind != "refused" for finding in self.findings):
            self._say("refused", f"the loss refuses what the model returns after {steps} steps: {error}")

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
            except Exception as error:  # scores that left [0, 1], for a loss of probabilities
                self._say_refused(len(losses), error)
                break
            losses.append(float(loss.detach()))
            if not loss.requires_grad or not math.isfinite(losses[-1]):
                break
            loss.backward()
            optimizer.step()
        return [loss for loss in losses[1:] if math.isfinite(loss)] or [math.inf]
