"""The training loop: all members in one pass, and the weights of the step that is best on rows they never saw."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from logitwise._errors import InvalidTypeError, InvalidValueError
from logitwise.classifier.baselines import Comparison, compare
from logitwise.classifier.calibration import PRIOR, SMALLEST, among_present, temperature_of
from logitwise.classifier.folds import Plan
from logitwise.classifier.held_out import HeldOut
from logitwise.classifier.levels.uncut import uncut_inputs
from logitwise.classifier.members import AdamW, Members, Shape, State
from logitwise.classifier.notes import TrainingWarning as TrainingWarning  # once defined here: imports of it still work
from logitwise.classifier.rows import EncodedRows
from logitwise.functional import softmax
from logitwise.model.network import Network
from logitwise.model.preprocessing import Preprocessing

IMPORTED_BY = os.getpid()
WARM_UP = 0.03  # the share of the steps in which the learning rate rises
WORTH_THREADS = 10**9  # multiplications in a matrix product: some milliseconds on one core
ROUND_STEPS = 10  # the fewest steps between measurements
SOON = 50  # steps without a better loss that never end the training
BETTER = 1e-5  # nats
SOME_ROWS = 2000  # enough to see how far members disagree
TAME = 6e-3  # no table was seen to diverge at this learning rate
TORCH_VERSION = str(torch.__version__)


@dataclass(frozen=True)
class Recipe:
    """How to train; `Classifier` documents each."""

    hidden: tuple[int, ...]
    epochs: int
    steps: int
    seconds: float | None
    learning_rate: float
    batch_size: int
    weight_decay: float
    dropout: float
    image_shape: tuple[int, ...] | None  # of a row, where rows are images to be shifted
    max_shift: int
    patience: float
    seed: int
    device: str


@dataclass(frozen=True)
class Rows:
    """Rows of inputs with their class and weight, in memory."""

    inputs: torch.Tensor  # float32 (rows, inputs)
    target: torch.Tensor  # int64 (rows,)
    weight: torch.Tensor  # float32 (rows,), mean 1
    deep: int  # how many of the inputs hidden layers get

    @classmethod
    def of(cls, inputs: np.ndarray, target: np.ndarray, weight: np.ndarray, deep: int, device: str) -> Rows:
        """Return rows of NumPy arrays as tensors on a device."""
        arrays = (inputs, target, weight.astype(np.float32))
        on_device = [torch.from_numpy(array).to(device) for array in arrays]
        return cls(on_device[0], on_device[1], on_device[2], deep)

    def __len__(self) -> int:
        return len(self.target)


@dataclass
class Progress:
    """What happened so far, one entry per measurement; losses are means over rows, in nats."""

    steps: int = 0  # planned
    step: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    best_step: int = 0
    best_loss: float = math.inf
    best_state: State = field(default_factory=list)
    ended: str = ""  # why training ended, as a sentence
    diverged: bool = False
    interrupted: bool = False

    @property
    def history(self) -> dict[str, list[Any]]:
        """The measurements as JSON values."""
        return {"step": self.step, "train_loss": self.train_loss, "validation_loss": self.validation_loss}


class Trainer:
    """Trains members on rows by a plan.

    Args:
        rows: All rows: those that members are trained on, and those that they are measured on.
        plan: Which rows each member is trained on, and which are held out from it.
        log_class_weight: What class weights add to the logits; it is subtracted again when they are measured.
        recipe: How to train.
    """

    def __init__(self, rows: Rows, plan: Plan, log_class_weight: np.ndarray, recipe: Recipe) -> None:
        _take_one_thread_after_a_fork()
        self.rows, self.plan, self.recipe = rows, plan, recipe
        self.undone = log_class_weight.astype(np.float32)
        self.generator = torch.Generator(recipe.device).manual_seed(recipe.seed)
        shape = Shape(len(plan.trained), rows.inputs.shape[1], rows.deep, recipe.hidden, len(log_class_weight))
        prior = _log_frequencies(rows, plan, shape.classes)
        self.members = Members(shape, prior, recipe.dropout, self.generator, recipe.device)
        self.trained = [torch.from_numpy(indices).to(recipe.device) for indices in plan.trained]
        self.fewest = min(map(len, self.trained))
        self.batch_size = min(recipe.batch_size, self.fewest)
        self.epoch_steps = max(1, self.fewest // self.batch_size)
        self.progress = Progress(steps=max(1, min(recipe.steps, recipe.epochs * self.epoch_steps)))
        self.order = torch.empty(0)
        self.optimizer = AdamW(self.members.flat, (recipe.weight_decay, 0.0))
        self.held_out = _padded(plan.held_out, rows.inputs) if len(plan.held_out[0]) else None
        self.temperature = 1.0
        self.moved = None
        if recipe.image_shape is not None and recipe.max_shift > 0:
            self.moved = moved_images(rows.inputs, recipe.image_shape, recipe.max_shift)

    def train(self, report: Callable[[Progress], None]) -> Progress:
        """Train until the loss on held-out rows has turned, or the budget is used up; go back to the best step."""
        progress, started, every = self.progress, time.monotonic(), max(ROUND_STEPS, self.epoch_steps // 2)
        with _threads_for(self.members.shape, self.batch_size), _ended_by_ctrl_c(progress), torch.no_grad():
            while not progress.ended:
                first = progress.step[-1] if progress.step else 0
                last = min(first + every, progress.steps)
                losses = torch.stack([self._step(step) for step in range(first, last)])
                progress.ended = self._measure(last, losses) or self._ended(last, time.monotonic() - started)
                report(progress)
        self.members.restore(progress.best_state)
        return progress

    def held_out_votes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows held out from some member, and the logarithm of the mean of those members' probabilities."""
        totals = np.zeros((len(self.rows), self.members.shape.classes))
        counts = np.zeros(len(self.rows), dtype=np.int64)
        if self.held_out is not None:
            with torch.no_grad():
                logits = self.members.logits(self.held_out).numpy(force=True).astype(np.float64) - self.undone
            probabilities = np.asarray(softmax(logits))
            for own, fold in zip(probabilities, self.plan.held_out, strict=True):
                totals[fold] += own[: len(fold)]
                counts[fold] += 1
        rows = np.flatnonzero(counts)
        return rows, np.log(np.maximum(totals[rows] / counts[rows, None], SMALLEST))

    def votes_by_folds(self) -> tuple[np.ndarray, ...]:
        """Return what `sharpening` takes, for evenly spaced rows, each of which is held out from one member alone.

        These are the logits of that member, those of the others, the classes and the weights.
        """
        step = -(-len(self.rows) // SOME_ROWS)
        rows = np.arange(0, len(self.rows), step)
        owner = np.empty(len(self.rows), dtype=np.int64)
        for member, fold in enumerate(self.plan.held_out):
            owner[fold] = member
        members = self.members.shape.members
        with torch.no_grad():
            logits = self.members.logits(self.rows.inputs[::step].expand(members, -1, -1))
        logits = logits.numpy(force=True).astype(np.float64) - self.undone
        turned = (owner[rows] + np.arange(members)[:, None]) % members
        logits = logits[turned, np.arange(len(rows))]
        return logits[0], logits[1:], *self.target_and_weight(rows)

    def target_and_weight(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the classes of rows, and their weights without those of the classes."""
        target = self.rows.target.numpy(force=True)[rows]
        return target, self.rows.weight.numpy(force=True)[rows] / np.exp(self.undone)[target]

    def network(self) -> Network:
        """Return the members that predict, without the effect of class weights."""
        network = self.members.network()
        return replace(network, prior=network.prior - self.undone)

    def _step(self, step: int) -> torch.Tensor:
        """Move the weights once; return the loss before, a mean over members."""
        within = step % self.epoch_steps
        if within == 0:
            self.order = torch.stack([self._shuffled(rows)[: self.fewest] for rows in self.trained])
        batch = self.order[:, within * self.batch_size : (within + 1) * self.batch_size].reshape(-1)
        inputs = self._inputs(batch)
        loss = self.members.backward(
            inputs.view(len(self.trained), self.batch_size, -1),
            self.rows.target.index_select(0, batch),
            self.rows.weight.index_select(0, batch),
        )
        self.optimizer.step(self.recipe.learning_rate * schedule(step, self.progress.steps))
        return loss / len(self.trained)

    def _inputs(self, batch: torch.Tensor) -> torch.Tensor:
        """Return the inputs of rows; images are moved at random."""
        if self.moved is None:
            return self.rows.inputs.index_select(0, batch)
        down, right = torch.randint(
            self.moved.shape[1], (2, len(batch)), generator=self.generator, device=self.moved.device
        )
        return self.moved[batch, down, right].reshape(len(batch), -1)

    def _shuffled(self, rows: torch.Tensor) -> torch.Tensor:
        return rows[torch.randperm(len(rows), generator=self.generator, device=rows.device)]

    def _measure(self, step: int, losses: torch.Tensor) -> str:
        """Record the losses, and keep the weights if they are the best so far; return why to end, or ""."""
        lost = torch.nonzero(~torch.isfinite(losses))
        if len(lost):
            return self._diverged(step - len(losses) + int(lost[0]), float(losses[lost[0]]))
        progress, loss = self.progress, -float(step)  # without held-out rows the last step is the best
        rows, votes = self.held_out_votes()
        if not (np.isfinite(votes).all() if len(rows) else torch.isfinite(self._some_logits()).all()):
            return self._diverged(step, math.nan)
        if len(rows):
            target, weight = self.target_and_weight(rows)
            known = (*among_present(votes, target), weight, self.temperature)
            self.temperature, loss = temperature_of(*known, prior=PRIOR)
            progress.validation_loss.append(loss)
        progress.step.append(step)
        progress.train_loss.append(float(losses.mean(dtype=torch.float64)))
        if loss < progress.best_loss - BETTER:
            progress.best_loss, progress.best_step, progress.best_state = loss, step, self.members.state()
        return ""

    def _diverged(self, step: int, loss: float) -> str:
        """Go back to the weights of the best step, and return what to say; raise where there are none."""
        progress, rate = self.progress, self.recipe.learning_rate
        requirement, found = "be low enough for the loss to stay finite", f"{rate:g}, with which it became {loss}"
        advice = f"Try {min(rate / 10, TAME):g}."
        if not progress.best_state:
            where = f"step {step}, before there were weights to keep"
            raise InvalidValueError("learning_rate", requirement, found, where, advice)
        progress.diverged, best = True, progress.best_step
        self.members.restore(progress.best_state)
        largest = float(self._some_logits().abs().max())
        where = f"step {step} (the largest logit at step {best}: {largest:.3g})"
        advice = f"{advice} The weights of step {best} are kept."
        return str(InvalidValueError("learning_rate", requirement, found, where, advice))

    def _some_logits(self) -> torch.Tensor:
        """Return the logits of all members for some rows."""
        return self.members.logits(self.rows.inputs[: self.batch_size].expand(self.members.shape.members, -1, -1))

    def _ended(self, step: int, seconds: float) -> str:
        """Return why training ends after a step, or ""."""
        progress, recipe = self.progress, self.recipe
        allowed = max(recipe.patience * progress.best_step, SOON, self.epoch_steps)
        if recipe.patience and step - progress.best_step > allowed:
            return f"The loss on held-out rows has turned: it was lowest at step {progress.best_step}."
        if step >= progress.steps:
            return f"The budget of {progress.steps} steps is used up."
        if recipe.seconds is not None and seconds > recipe.seconds:
            return f"The budget of {recipe.seconds:g} seconds is used up."
        return ""


def _log_frequencies(rows: Rows, plan: Plan, n_classes: int) -> np.ndarray:
    """Return the logarithm of how frequent each class is where some member is trained, half a row added to each."""
    is_trained = np.zeros(len(rows), dtype=bool)
    for indices in plan.trained:
        is_trained[indices] = True
    target, weight = (each.numpy(force=True)[is_trained] for each in (rows.target, rows.weight))
    counts = np.bincount(target, weight, n_classes) + 0.5
    return np.log(counts / counts.sum())


def _padded(folds: tuple[np.ndarray, ...], inputs: torch.Tensor) -> torch.Tensor:
    """Return the inputs of the held-out rows of each member, short folds filled up; one copy if all have one fold."""
    if all(fold is folds[0] for fold in folds):
        return inputs[torch.from_numpy(folds[0]).to(inputs.device)].expand(len(folds), -1, -1)
    longest = max(map(len, folds))
    places = np.stack([np.resize(fold, longest) for fold in folds])
    return inputs[torch.from_numpy(places).to(inputs.device)]


def device_name(device: Any) -> str:
    """Return the name of a torch device; raise where this machine has no such device."""
    if isinstance(device, bool) or not isinstance(device, (str, int, torch.device)):
        raise InvalidTypeError("device", "be the name of a torch device", repr(device), advice="Try 'cpu'.")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, ValueError) as error:
        requirement = "be a torch device of this machine"
        raise InvalidValueError("device", requirement, repr(str(device)), advice="Try 'cpu'.") from error
    return str(device)


def schedule(step: int, steps: int) -> float:
    """Return the share of the highest learning rate at a step: a linear rise, then half a cosine down to 0."""
    warm_up = max(1, round(WARM_UP * steps))
    return min(1.0, (step + 1) / warm_up) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _take_one_thread_after_a_fork() -> None:
    """Let torch use one thread in a process that was forked: those of its parent are not there to be waited for."""
    if os.getpid() != IMPORTED_BY:
        torch.set_num_threads(1)


@contextmanager
def _threads_for(shape: Shape, batch_size: int) -> Iterator[None]:
    """Use one thread of torch where the matrix products are small, and restore the number of threads afterwards.

    Threads wait for each other after every operation. Where another program uses the cores, waiting takes longer than
    the arithmetic: it was seen to turn 4 seconds into 90.
    """
    threads = torch.get_num_threads()
    widths = (shape.deep, *shape.hidden)
    largest = max(width * following for width, following in zip(widths, (*shape.hidden, shape.classes), strict=True))
    if shape.members * largest * batch_size < WORTH_THREADS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _ended_by_ctrl_c(progress: Progress) -> Iterator[None]:
    """Let Ctrl-C end the training once there is a best step; before that, it is raised as usual."""
    try:
        yield
    except KeyboardInterrupt:
        if not progress.best_state:
            raise
        progress.interrupted = True
        progress.ended = f"Ctrl-C ended it; the best step until then was {progress.best_step}."


def moved_images(inputs: torch.Tensor, image_shape: tuple[int, ...], most: int) -> torch.Tensor:
    """Return every image moved by up to `most` pixels each way, the pixels at its edge repeated.

    A view of little more memory than the images, of shape `(images, 2 most + 1, 2 most + 1, *image_shape)`: the two
    axes after the first are where a window of their size begins in the framed image.
    """
    height, width = image_shape[:2]
    images = inputs.view(len(inputs), height, width, -1).permute(0, 3, 1, 2)
    framed = torch.nn.functional.pad(images, (most,) * 4, mode="replicate")
    windows = framed.unfold(2, height, 1).unfold(3, width, 1).permute(0, 2, 3, 4, 5, 1)
    return windows if len(image_shape) > 2 else windows[..., 0]


@dataclass(frozen=True)
class TrainingSet:
    """What a fit trains on.

    Attributes:
        classes: The labels.
        preprocessing: From columns to inputs.
        rows: The rows of weight above 0, encoded; with `X_val`, its rows after them.
        plan: Which rows each member is trained on, and which are held out from it.
        class_weight: The weight of each class.
        goal: What `predict` is to serve, as `check_goal` returns it.
        class_counts: How many rows of weight above 0 each class has, those of `X_val` aside.
        rows_sha256: The SHA-256 of the rows and labels as they were given.
    """

    classes: np.ndarray
    preprocessing: Preprocessing
    rows: EncodedRows
    plan: Plan
    class_weight: np.ndarray
    goal: str | np.ndarray | None
    class_counts: np.ndarray
    rows_sha256: str

    def trainer(self, recipe: Recipe) -> Trainer:
        """Return what trains on these rows."""
        log_weight = np.log(np.where(self.class_weight > 0, self.class_weight, 1.0))
        rows = self.rows
        on_device = Rows.of(rows.inputs, rows.target, rows.weight, self.preprocessing.n_deep, recipe.device)
        return Trainer(on_device, self.plan, log_weight, recipe)

    def compare(self, held_out: HeldOut, seed: int) -> Comparison:
        """Return how the model compares with its baselines on the rows that were held out."""
        rows = self.rows
        weight = rows.weight / np.where(self.class_weight > 0, self.class_weight, 1.0)[rows.target]
        weight = weight / weight.mean()
        inputs = uncut_inputs(self.preprocessing, rows.inputs, rows.codes)
        return compare(inputs, rows.target, weight, self.plan, held_out, seed)


@dataclass(frozen=True)
class WarmStart:
    """What a fit leaves behind, for the next one to go on from."""

    classes: np.ndarray
    preprocessing: Preprocessing
    state: State
    seed: int
    class_counts: np.ndarray
    rows_sha256: str  # of the rows that the preprocessing was learnt from
    columns: Any  # what was said of them

    def check_columns(self, said: Any) -> None:
        """Raise where something else is said of the columns than in the fit before."""
        if said != self.columns:
            advice = "Set warm_start=False, or fit a clone."
            raise InvalidValueError("columns", "be what they were in the fit before", repr(said), advice=advice)

    def put_into(self, trainer: Trainer, classes: np.ndarray) -> None:
        """Give the members of a trainer the weights of the fit before."""
        shapes = [tuple(tensor.shape for tensor in tensors) for tensors in (trainer.members.state(), self.state)]
        if shapes[0] != shapes[1] or not np.array_equal(classes, self.classes):
            raise InvalidValueError(
                "warm_start",
                "go on with the classes, hidden and members of the fit before",
                "others",
                advice="Set warm_start=False, or fit a clone.",
            )
        trainer.members.restore(self.state)
