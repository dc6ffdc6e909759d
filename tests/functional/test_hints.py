"""Advice that fits: the axis that would fit, the loss that would, and our words for those of other libraries."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import logitwise as lw

IMAGE, IMAGE_TARGET = np.zeros((2, 3, 4, 5)), np.zeros((2, 4, 5), int)
TEXT, TEXT_TARGET = np.zeros((2, 7, 11)), np.zeros((2, 7), int)
WEIGHTS = {"sample_weight": np.ones((2, 4, 5)), "class_weight": np.ones(3)}

SHAPES = {
    "an image, classes last": (
        lambda: lw.cross_entropy(IMAGE, IMAGE_TARGET),
        "target must have the shape of logits without axis 3, (2, 3, 4), if its dtype is integer; got (2, 4, 5). "
        "It fits classes on axis 1 of logits: pass axis=1, or np.moveaxis(logits, 1, 3).",
    ),
    "an image with weights, whose shapes are wrong for the same reason": (
        lambda: lw.cross_entropy(IMAGE, IMAGE_TARGET, **WEIGHTS),
        "target must have the shape of logits without axis 3, (2, 3, 4), if its dtype is integer; got (2, 4, 5). "
        "It fits classes on axis 1 of logits: pass axis=1, or np.moveaxis(logits, 1, 3).",
    ),
    "an image of tensors": (
        lambda: lw.cross_entropy_and_gradient(torch.tensor(IMAGE), torch.tensor(IMAGE_TARGET)),
        "target must have the shape of logits without axis 3, (2, 3, 4), if its dtype is integer; got (2, 4, 5). "
        "It fits classes on axis 1 of logits: pass axis=1, or logits.movedim(1, 3).",
    ),
    "text in the module": (
        lambda: lw.nn.CrossEntropyLoss()(torch.tensor(TEXT), torch.tensor(TEXT_TARGET)),
        "target must have the shape of logits without axis 1, (2, 11), if its dtype is integer; got (2, 7). "
        "It fits classes on dimension 2; this module takes them on dimension 1: pass input.movedim(2, 1).",
    ),
    "an image of probabilities": (
        lambda: lw.log_loss(IMAGE, IMAGE_TARGET),
        "target must have the shape of probabilities without axis 3, (2, 3, 4), if its dtype is integer; got "
        "(2, 4, 5). It fits classes on axis 1 of probabilities: pass axis=1, or np.moveaxis(probabilities, 1, 3).",
    ),
    "a shape that fits no axis": (
        lambda: lw.cross_entropy(IMAGE, np.zeros((4, 5), int)),
        "target must have the shape of logits without axis 3, (2, 3, 4), if its dtype is integer; got (4, 5).",
    ),
    "probabilities of class 1": (
        lambda: lw.log_loss([[0.9, 0.1], [0.8, 0.7]], [[1, 0], [1, 1]]),
        "target must have the shape of probabilities without axis 1, (2,), if its dtype is integer; got (2, 2). "
        "If they are probabilities of class 1, pass those of both classes: stack 1 - p and p on a last axis.",
    ),
    "logits of class 1": (
        lambda: lw.cross_entropy([0.9, -0.1, 0.8], [1, 0, 1]),
        "target must have the shape of logits without axis 0, (), if its dtype is integer; got (3,). "
        "For labels 0 and 1 of each entry, use binary_cross_entropy_with_logits.",
    ),
    "several labels per row": (
        lambda: lw.cross_entropy(torch.zeros(2, 3), torch.tensor([[1, 1, 0], [0, 0, 1]])),
        "target must have the shape of logits without axis 1, (2,), if its dtype is integer; got (2, 3). "
        "For labels 0 and 1 of each entry, use binary_cross_entropy_with_logits.",
    ),
    "one-hot rows": (
        lambda: lw.cross_entropy(np.zeros((2, 3)), np.array([[1, 0, 0], [0, 0, 1]])),
        "target must have the shape of logits without axis 1, (2,), if its dtype is integer; got (2, 3). "
        "If it is one-hot, pass target.argmax(1), or convert it to a floating dtype.",
    ),
}


@pytest.mark.parametrize(("call", "message"), SHAPES.values(), ids=SHAPES)
def test_shapes(call, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()


def test_the_axis_that_is_advised_is_taken():
    along_one = lw.cross_entropy(IMAGE, IMAGE_TARGET, axis=1)
    assert along_one == lw.cross_entropy(np.moveaxis(IMAGE, 1, 3), IMAGE_TARGET)
    text = lw.nn.CrossEntropyLoss()(torch.tensor(TEXT).movedim(2, 1), torch.tensor(TEXT_TARGET))
    np.testing.assert_allclose(text, lw.cross_entropy(TEXT, TEXT_TARGET), rtol=1e-6)
    of_both_classes = lw.log_loss(np.stack([[0.1, 0.9, 0.2], [0.9, 0.1, 0.8]], -1), [1, 0, 1])
    np.testing.assert_allclose(of_both_classes, -np.log([0.9, 0.9, 0.8]).mean(), rtol=1e-12)


LOGITS, TARGET, BINARY = np.zeros((2, 3)), np.array([0, 1]), np.ones((2, 3), int)
TARGETS = {"indices": TARGET, "labels": BINARY}
DTYPE = ". Results have the dtype of the logits: convert those with .astype (NumPy) or .to (torch)."
WORDS = {
    (lw.softmax, None, "dim"): ". Here it is axis=.",
    (lw.log_softmax, None, "dim"): ". Here it is axis=.",
    (lw.logsumexp, None, "dim"): ". Here it is axis=.",
    (lw.logsumexp, None, "keepdim"): ". Here it is keepdims=.",
    (lw.softmax, None, "dtype"): DTYPE,
    (lw.log_softmax, None, "dtype"): DTYPE,
    (lw.softmax, None, "where"): ". Here it is mask=.",
    (lw.softmax, None, "size"): "",
    (lw.cross_entropy, "indices", "weight"): ". Here it is class_weight= or sample_weight=.",
    (lw.cross_entropy, "indices", "dim"): ". Here it is axis=.",
    (lw.cross_entropy, "indices", "size_average"): ". Here it is reduction=.",
    (lw.cross_entropy_and_gradient, "indices", "weight"): ". Here it is class_weight= or sample_weight=.",
    (lw.cross_entropy_and_gradient, "indices", "dim"): ". Here it is axis=.",
    (lw.log_loss, "indices", "weight"): ". Here it is class_weight= or sample_weight=.",
    (lw.log_loss, "indices", "normalize"): ". Here it is reduction=.",
    (lw.log_loss, "indices", "label_smoothing"): "",
    (lw.binary_cross_entropy_with_logits, "labels", "weight"): ". Here it is sample_weight=.",
    (lw.binary_cross_entropy_with_logits, "labels", "axis"): "",
    (lw.binary_cross_entropy_with_logits_and_gradient, "labels", "weight"): ". Here it is sample_weight=.",
    (lw.sigmoid, None, "dtype"): DTYPE,
    (lw.log_sigmoid, None, "axis"): "",
    (lw.kl_divergence, "labels", "log_target"): ". The target is logits, which log-probabilities are too; "
    "target_probabilities= takes probabilities.",
}


@pytest.mark.parametrize("tensors", [False, True])
@pytest.mark.parametrize(("case", "hint"), WORDS.items(), ids=[f"{f.__name__} {word}" for f, _, word in WORDS])
def test_words_of_other_libraries(case, hint, tensors):
    function, target, word = case
    arrays = [LOGITS] if target is None else [LOGITS, TARGETS[target]]
    arguments = [torch.tensor(array) if tensors else array for array in arrays]
    message = f"{function.__name__}() got an unexpected keyword argument {word!r}{hint}"
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        function(*arguments, **{word: 1})


POSITIONAL = {
    lw.softmax: ((LOGITS, 1, 2.0), 2, "temperature=, mask=, out="),
    lw.log_softmax: ((LOGITS, 1, 2.0), 2, "temperature=, mask=, out="),
    lw.logsumexp: ((LOGITS, 1, True), 2, "b=, keepdims=, mask=, return_sign="),
    lw.sigmoid: ((LOGITS, 1), 1, "out="),
    lw.log_sigmoid: ((LOGITS, 1), 1, "out="),
    lw.cross_entropy: (
        (LOGITS, TARGET, [1.0, 1.0, 1.0]),
        2,
        "axis=, class_weight=, sample_weight=, ignore_index=, label_smoothing=, z_loss=, reduction=, normalizer=, "
        "mask=",
    ),
    lw.log_loss: (
        (LOGITS, TARGET, [1.0, 1.0]), 2,
        "axis=, class_weight=, sample_weight=, ignore_index=, reduction=, normalizer=, labels=",
    ),
    lw.binary_cross_entropy_with_logits: (
        (LOGITS, BINARY, [1.0, 1.0, 1.0]), 2,
        "sample_weight=, pos_weight=, label_smoothing=, reduction=, normalizer=, ignore_index=, missing=",
    ),
}  # fmt: skip


@pytest.mark.parametrize("function", POSITIONAL, ids=lambda function: function.__name__)
def test_a_positional_argument_too_many(function):
    arguments, taken, names = POSITIONAL[function]
    message = (
        f"{function.__name__}() takes {taken} positional argument{'' if taken == 1 else 's'} but {len(arguments)} were "
        "given. "
        f"Name the others: {names}."
    )
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        function(*arguments)


@pytest.mark.parametrize("tensors", [False, True])
@pytest.mark.parametrize("function", [lw.log_loss, lw.cross_entropy, lw.cross_entropy_and_gradient, lw.focal_loss])
def test_arguments_in_the_order_of_scikit_learn(function, tensors):
    arrays = [np.array([0.0, 1.0, 1.0]) if tensors else np.array([0, 1, 1]), np.full((3, 2), 0.5)]
    target, probabilities = map(torch.tensor, arrays) if tensors else arrays
    name = "Probabilities" if function is lw.log_loss else "Logits"
    advice = f"Are they the wrong way round? {name} come first, then the target."
    with pytest.raises(ValueError, match=f"{re.escape(advice)}$"):
        function(target, probabilities)
