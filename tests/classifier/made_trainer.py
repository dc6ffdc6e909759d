"""Small trainers, and what their members say worked out with NumPy, for the tests of held-out rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from logitwise.classifier.folds import Plan
from logitwise.classifier.training import Recipe, Rows, Trainer


def made_arrays(rows: int, n_classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs, classes that follow from them but for some noise, and weights of mean 1."""
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(rows, 5)).astype(np.float32)
    target = (inputs[:, :n_classes] + generator.gumbel(size=(rows, n_classes)) * 0.5).argmax(axis=1)
    target[:n_classes] = np.arange(n_classes)
    weight = (generator.random(rows) + 0.5).astype(np.float32)
    return inputs, target, weight / weight.mean()


def made_trainer(
    arrays: tuple[np.ndarray, np.ndarray, np.ndarray], plan: Plan, class_weight: Any = None, **changes: Any
) -> Trainer:
    """Return a trainer of members with one small hidden layer."""
    recipe: dict[str, Any] = {
        "hidden": (4,),
        "epochs": 1000,
        "steps": 20,
        "seconds": None,
        "learning_rate": 0.03,
        "batch_size": 16,
        "weight_decay": 0.02,
        "dropout": 0.1,
        "image_shape": None,
        "max_shift": 0,
        "patience": 0.0,
        "seed": 3,
        "device": "cpu",
    }
    inputs, target, weight = (torch.from_numpy(np.array(each)) for each in arrays)
    log_weight = np.log(np.ones(int(target.max()) + 1) if class_weight is None else np.array(class_weight))
    return Trainer(Rows(inputs, target, weight, deep=4), plan, log_weight, Recipe(**(recipe | changes)))


def trained(*args: Any, **changes: Any) -> Trainer:
    """Return a trainer that has trained."""
    trainer = made_trainer(*args, **changes)
    trainer.train(lambda progress: None)
    return trainer


def member_logits(trainer: Trainer) -> np.ndarray:
    """Return what each member says of each row without class weights, by the network that predicts, in float64."""
    return trainer.network().logits(trainer.rows.inputs.numpy()).astype(np.float64)
