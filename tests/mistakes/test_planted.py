"""Every planted mistake is found, in a sentence that names what it must; inputs as they should be say nothing."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
import torch

import logitwise as lw
from mistakes.planted import INDEX, LOGITS, MISTAKES, TARGET, TENSOR


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_found(name):
    planted = MISTAKES[name]
    if not issubclass(planted.category, Warning):
        with pytest.raises(planted.category, match=planted.names):
            planted.call()
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        planted.call()
    assert [warning.category for warning in caught] == [planted.category]
    assert re.search(planted.names, str(caught[0].message)), str(caught[0].message)
    assert caught[0].filename.endswith("planted.py")


def test_there_are_forty_and_more():
    assert len(MISTAKES) >= 40
    given = {planted.category for planted in MISTAKES.values() if issubclass(planted.category, Warning)}
    warnings_of_data = {lw.DataWarning, lw.TrainingWarning}  # which `checks` does not govern
    all_warnings = {getattr(lw, name) for name in lw.__all__ if name.endswith("Warning")}
    assert all_warnings - warnings_of_data - {lw.LogitwiseWarning} == given


@pytest.mark.parametrize("name", [name for name in MISTAKES if issubclass(MISTAKES[name].category, Warning)])
def test_a_planted_mistake_can_be_raised_and_left_alone(name):
    planted = MISTAKES[name]
    with lw.checks("raise"), pytest.raises(planted.category, match=planted.names):
        planted.call()
    with lw.checks("off"), warnings.catch_warnings():
        warnings.simplefilter("error")
        planted.call()


def test_the_result_is_the_same_under_every_setting():
    for inputs in ((LOGITS, TARGET), (lw.softmax(LOGITS), TARGET), (TENSOR.softmax(1), INDEX)):
        results = []
        for mode in ("off", "warn"):
            with lw.checks(mode), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                results.append([np.asarray(part) for part in lw.cross_entropy_and_gradient(*inputs)])
        for ours, theirs in zip(*results, strict=True):
            np.testing.assert_array_equal(ours, theirs)


INNOCENT = {
    "three rows of probabilities are too few to tell": lambda: lw.cross_entropy(lw.softmax(LOGITS[:3]), TARGET[:3]),
    "uniform numbers": lambda: lw.cross_entropy(np.random.default_rng(0).random((ROWS := 64, 2)), np.arange(ROWS) % 2),
    "one row that is a probability": lambda: lw.cross_entropy(
        np.concatenate([lw.softmax(LOGITS[:31]), LOGITS[31:]]), TARGET
    ),
    "all zero": lambda: lw.cross_entropy(LOGITS * 0, TARGET),
    "an ignored row of NaN": lambda: lw.cross_entropy(
        np.where(np.arange(32)[:, None] == 3, np.nan, LOGITS), np.where(np.arange(32) == 3, -100, TARGET)
    ),
    "a padded soft target": lambda: lw.cross_entropy(
        LOGITS, np.eye(5)[TARGET] * (np.arange(32) != 3)[:, None], sample_weight=(np.arange(32) != 3).astype(float)
    ),
    "a contrastive loss, small": lambda: lw.cross_entropy(np.tile(LOGITS, (16, 1)), np.zeros(512, int)),
    "a contrastive loss, large": lambda: lw.cross_entropy(np.tile(LOGITS, (600, 1)), np.zeros(19_200, int)),
    "a contrastive loss of tensors": lambda: lw.nn.CrossEntropyLoss()(
        TENSOR.repeat(16, 1).requires_grad_(), torch.zeros(512, dtype=torch.long)
    ),
    "a contrastive loss of 16 bits": lambda: lw.cross_entropy(
        TENSOR.repeat(600, 1).bfloat16(), torch.zeros(19_200, dtype=torch.int32)
    ),
    "one domain at a time": lambda: [
        lw.cross_entropy(np.tile(LOGITS[:, :2], (16, 1)), np.full(512, k)) for k in (0, 1)
    ],
    "a batch without its rare class": lambda: lw.cross_entropy(
        np.tile(LOGITS[:, :2], (16, 1)), np.zeros(512, int), class_weight=[0.001, 1.0]
    ),
    "masked classes": lambda: lw.cross_entropy(np.where(np.arange(5) == 4, -np.inf, LOGITS), TARGET % 4),
    "softmax, then more layers": lambda: lw.cross_entropy(
        torch.nn.Linear(5, 5)(TENSOR.clone().requires_grad_().softmax(1)), INDEX
    ),
    "relu, then the loss": lambda: lw.cross_entropy(TENSOR.clone().requires_grad_().relu(), INDEX),
    "float32 probabilities of many classes": lambda: lw.log_loss(
        lw.softmax(np.random.default_rng(0).normal(size=(4, 100_000)).astype(np.float32)), np.arange(4)
    ),
    "an ignored row of no distribution": lambda: lw.log_loss(
        np.where(np.arange(32)[:, None] == 3, 0.0, lw.softmax(LOGITS)), np.where(np.arange(32) == 3, -100, TARGET)
    ),
    "a square whose classes are where they should be": lambda: lw.cross_entropy(
        np.eye(16)[np.arange(16)[::-1]] * 9, np.arange(16)[::-1]
    ),
    "sum over no rows": lambda: lw.cross_entropy(LOGITS, np.full(32, -100), reduction="sum"),
}


@pytest.mark.parametrize("name", INNOCENT)
def test_an_innocent_input_says_nothing(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        INNOCENT[name]()


RANDOM = {
    "normal": lambda generator, shape: generator.normal(size=shape) * 10.0 ** generator.integers(-2, 3),
    "uniform": lambda generator, shape: generator.random(shape),
    "sparse": lambda generator, shape: generator.normal(size=shape) * (generator.random(shape) < 0.1),
    "one-hot plus noise": lambda generator, shape: (
        np.eye(shape[1])[generator.integers(0, shape[1], shape[0])] + generator.normal(size=shape) * 0.01
    ),
}


@pytest.mark.parametrize("name", RANDOM)
def test_random_logits_of_eight_rows_say_nothing(name):
    """A sample of what the benchmark counts over 100,000 matrices."""
    generator = np.random.default_rng(5)
    with lw.checks("raise"):
        for number in range(500):
            shape = (8 + number % 9, int(generator.choice([2, 3, 8, 10, 16])))
            lw.cross_entropy(RANDOM[name](generator, shape), generator.integers(0, shape[1], shape[0]))
