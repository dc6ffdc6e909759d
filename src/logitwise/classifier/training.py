"""The training loop: mini-batches by index from tensors in memory, and the weights of the best epoch at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch

from logitwise.functional import binary_cross_entropy_with_logits, cross_entropy
from logitwise.nn import FeedForward

ROWS_AT_ONCE = 8192  # when measuring, where no gradient has to be kept
WARM_UP = 0.1  # the share of the steps in which the learning rate rises
BATCHES_PER_EPOCH = 32  # aimed at where no batch size is given, within the next two bounds
SMALLEST_BATCH, LARGEST_BATCH = 32, 256
WORTH_THREADS = 10**8  # multiplications in a matrix product: some milliseconds on one core


@dataclass(frozen=True)
class Recipe:
    """How to train; `Classifier` documents each."""

    hidden: tuple[int, ...]
    epochs: int
    learning_rate: float
    batch_size: int | None
    weight_decay: float
    dropout: float
    image_shape: tuple[int, ...] | None  # of a row, where rows are images to be shifted
    max_shift: int
    patience: int
    seed: int
    device: str


@dataclass(frozen=True)
class Rows:
    """Rows of inputs with their class and weight, in memory."""

    inputs: torch.Tensor  # float32 (rows, inputs)
    target: torch.Tensor  # int64 (rows,)
    weight: torch.Tensor  # float32 (rows,), mean 1

    @classmethod
    def of(cls, inputs: np.ndarray, target: np.ndarray, weight: np.ndarray, device: str) -> Rows:
        """Return the rows as tensors on a device, the weights divided by their mean."""
        weight = (weight / (weight.mean() if len(weight) else 1.0)).astype(np.float32)
        return cls(*(torch.from_numpy(array).to(device) for array in (inputs, target, weight)))

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, index: torch.Tensor | slice) -> Rows:
        return Rows(self.inputs[index], self.target[index], self.weight[index])


@dataclass
class Progress:
    """What happened so far; losses are means over rows, in nats."""

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    best_epoch: int = 0  # counted from 1
    best_state: dict[str, torch.Tensor] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def epoch(self) -> int:
        """The number of epochs done."""
        return len(self.train_loss)


def train(
    rows: Rows, validation: Rows, n_classes: int, recipe: Recipe, report: Callable[[Progress], None]
) -> tuple[tuple[tuple[np.ndarray, np.ndarray], ...], Progress]:
    """Train a network; return its layers and the history.

    The layers are those of the best epoch on the validation rows; without any, of the last. The random numbers come
    from a generator of its own: the caller's are neither used nor moved.

    Args:
        rows: The rows to train on.
        validation: The rows that choose the epoch; there may be none.
        n_classes: The number of classes.
        recipe: How to train.
        report: Called after each epoch.

    Raises:
        ValueError: The loss became NaN or infinite.
    """
    generator = torch.Generator(recipe.device).manual_seed(recipe.seed)
    network = _build(rows.inputs.shape[1], 1 if n_classes == 2 else n_classes, recipe, generator)
    optimizer = _optimizer(network, recipe)
    batch_size = recipe.batch_size or min(max(len(rows) // BATCHES_PER_EPOCH, SMALLEST_BATCH), LARGEST_BATCH)
    schedule = _schedule(optimizer, recipe.epochs * math.ceil(len(rows) / batch_size))
    progress = Progress()
    with _threads_for(network, batch_size), _ended_by_ctrl_c(progress):
        while progress.epoch < recipe.epochs and not _has_stalled(progress, recipe.patience):
            order = torch.randperm(len(rows), generator=generator, device=recipe.device)
            losses = [
                _step(network, rows[index], optimizer, schedule, recipe, generator) * len(index)
                for index in order.split(batch_size)
            ]
            progress.train_loss.append(float(torch.stack(losses).sum(dtype=torch.float64)) / len(rows))
            _refuse_divergence(progress, recipe)
            _keep_best(progress, network, validation)
            report(progress)
    network.load_state_dict(progress.best_state)
    return _layers_of(network), progress


@contextmanager
def _threads_for(network: FeedForward, batch_size: int) -> Iterator[None]:
    """Use one thread of torch where the matrix products are small, and give the caller's number back.

    Threads wait for each other after every operation. Where another program uses the cores, waiting takes longer than
    the arithmetic: seen to turn 4 seconds into 90.
    """
    threads = torch.get_num_threads()
    largest = max(layer.weight.numel() for layer in _linear_layers(network))
    if largest * batch_size < WORTH_THREADS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _ended_by_ctrl_c(progress: Progress) -> Iterator[None]:
    """Let Ctrl-C end the training once there is a best epoch; before, it passes."""
    try:
        yield
    except KeyboardInterrupt:
        if not progress.best_state:
            raise
        progress.interrupted = True


def _build(n_inputs: int, n_outputs: int, recipe: Recipe, generator: torch.Generator) -> FeedForward:
    """Return a network initialised as torch does it, uniform in 1/sqrt(inputs), but by our generator."""
    with torch.device("meta"):  # no numbers are drawn here
        network = FeedForward(n_inputs, recipe.hidden, n_outputs)
    network = network.to_empty(device=recipe.device)
    with torch.no_grad():
        for layer in _linear_layers(network):
            bound = 1 / math.sqrt(layer.in_features)
            layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.uniform_(-bound, bound, generator=generator)
    return network


def _linear_layers(network: FeedForward) -> list[torch.nn.Linear]:
    return [layer for layer in network.layers if isinstance(layer, torch.nn.Linear)]


def _optimizer(network: FeedForward, recipe: Recipe) -> torch.optim.Optimizer:
    """Return AdamW; the biases do not decay, since they hold how frequent the classes are."""
    layers = _linear_layers(network)
    groups = [
        {"params": [layer.weight for layer in layers], "weight_decay": recipe.weight_decay},
        {"params": [layer.bias for layer in layers], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, recipe.learning_rate, fused=True)


def _schedule(optimizer: torch.optim.Optimizer, steps: int) -> torch.optim.lr_scheduler.LambdaLR:
    """Return a learning rate that rises in a line, then falls to 0 along half a cosine."""
    warm_up = max(1, round(WARM_UP * steps))

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def _step(
    network: FeedForward,
    batch: Rows,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LambdaLR,
    recipe: Recipe,
    generator: torch.Generator,
) -> torch.Tensor:
    """Move the weights once; return the loss before."""
    loss = _mean_loss(_forward(network, batch.inputs, recipe, generator), batch)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    return loss.detach()


def _forward(network: FeedForward, inputs: torch.Tensor, recipe: Recipe, generator: torch.Generator) -> torch.Tensor:
    """Return the logits in training: images shifted, units dropped, by our generator (torch's use the caller's)."""
    if recipe.image_shape is not None and recipe.max_shift > 0:
        inputs = _shifted(inputs, recipe.image_shape, recipe.max_shift, generator)
    activations = _dropped(inputs, recipe.dropout / 2, generator)
    for layer in network.layers:
        activations = layer(activations)
        if isinstance(layer, torch.nn.ReLU):
            activations = _dropped(activations, recipe.dropout, generator)
    return activations


def _dropped(activations: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    if share == 0:
        return activations
    kept = torch.empty_like(activations).bernoulli_(1 - share, generator=generator)
    return activations * kept.div_(1 - share)


def _shifted(inputs: torch.Tensor, image_shape: tuple[int, ...], most: int, generator: torch.Generator) -> torch.Tensor:
    """Return each image moved by up to `most` pixels each way, the pixels at its edge repeated."""
    height, width = image_shape[:2]
    down, right = torch.randint(-most, most + 1, (2, len(inputs), 1), generator=generator, device=inputs.device)
    from_row = (torch.arange(height, device=inputs.device) - down).clamp(0, height - 1)
    from_column = (torch.arange(width, device=inputs.device) - right).clamp(0, width - 1)
    images = inputs.view(len(inputs), height, width, -1)
    image = torch.arange(len(inputs), device=inputs.device)[:, None, None]
    return images[image, from_row[:, :, None], from_column[:, None, :]].reshape(len(inputs), -1)


def _mean_loss(logits: torch.Tensor, rows: Rows) -> torch.Tensor:
    """Return the mean loss in nats; weights have mean 1 over all rows, so a batch divides by its rows, not by them."""
    if logits.shape[1] == 1:
        target = rows.target.to(logits.dtype)
        return binary_cross_entropy_with_logits(logits[:, 0], target, sample_weight=rows.weight, normalizer=len(rows))
    return cross_entropy(logits, rows.target, sample_weight=rows.weight, normalizer=len(rows))


@torch.no_grad()
def _measure(network: FeedForward, rows: Rows) -> float:
    total = 0.0
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[slice(start, start + ROWS_AT_ONCE)]
        total += float(_mean_loss(network(part.inputs), part)) * len(part)
    return total / len(rows)


def _refuse_divergence(progress: Progress, recipe: Recipe) -> None:
    loss = progress.train_loss[-1]
    if not math.isfinite(loss):
        raise ValueError(
            f"learning_rate must be low enough for the loss to stay finite; got {recipe.learning_rate:g}, with which "
            f"it became {loss} in "
            f"epoch {progress.epoch}. Try learning_rate={recipe.learning_rate / 10:g}."
        )


def _keep_best(progress: Progress, network: FeedForward, validation: Rows) -> None:
    if len(validation):
        progress.validation_loss.append(_measure(network, validation))
        if progress.validation_loss[-1] > min(progress.validation_loss):
            return
    progress.best_epoch = progress.epoch
    progress.best_state = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _has_stalled(progress: Progress, patience: int) -> bool:
    return progress.epoch - progress.best_epoch >= patience > 0


def _layers_of(network: FeedForward) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    return tuple(
        (layer.weight.detach().cpu().numpy().copy(), layer.bias.detach().cpu().numpy().copy())
        for layer in _linear_layers(network)
    )
