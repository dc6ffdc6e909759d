"""A masked array is refused by the name of its argument: NumPy would drop its mask, and what it hides would count."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
import torch

import logitwise as lw

LOGITS, TARGET, SOFT = np.zeros((4, 3)), np.array([0, 1, 2, 0]), np.full((4, 3), 1 / 3)
FLAGS = np.arange(4) == 2


def masked(array: np.ndarray) -> np.ma.MaskedArray:
    return np.ma.array(
        array, mask=np.broadcast_to(FLAGS[: len(array)].reshape(-1, *[1] * (array.ndim - 1)), array.shape)
    )


LEFT_OUT = "To leave masked entries out, pass target.filled(0), and a sample_weight of 0 for them."
WEIGHT = "To leave masked entries out, pass sample_weight.filled(0)."
OTHER = "Pass its data, or fill the masked entries with .filled()."
INVERTED = "Pass its data, and its mask (inverted) as mask=."
WEIGHTLESS = "To leave masked entries out, pass logits.filled(0), and a sample_weight of 0 for them."
ARGUMENTS = {
    "logits": (lambda: lw.cross_entropy(masked(LOGITS), TARGET), "logits", INVERTED),
    "logits of a binary loss": (lambda: lw.binary_cross_entropy_with_logits(masked(SOFT), SOFT), "logits", WEIGHTLESS),
    "logits of sigmoid": (lambda: lw.sigmoid(masked(LOGITS)), "logits", OTHER),
    "probabilities": (lambda: lw.log_loss(masked(SOFT), TARGET), "probabilities", OTHER),
    "indices": (lambda: lw.cross_entropy(LOGITS, masked(TARGET)), "target", LEFT_OUT),
    "indices, with the gradient": (lambda: lw.cross_entropy_and_gradient(LOGITS, masked(TARGET)), "target", LEFT_OUT),
    "indices of log_loss": (lambda: lw.log_loss(SOFT, masked(TARGET)), "target", LEFT_OUT),
    "soft target": (lambda: lw.cross_entropy(LOGITS, masked(SOFT)), "target", LEFT_OUT),
    "binary target": (lambda: lw.binary_cross_entropy_with_logits(LOGITS, masked(SOFT)), "target", LEFT_OUT),
    "binary integers": (lambda: lw.binary_cross_entropy_with_logits(FLAGS * 1.0, masked(FLAGS)), "target", LEFT_OUT),
    "sample_weight": (
        lambda: lw.cross_entropy(LOGITS, TARGET, sample_weight=masked(np.ones(4))), "sample_weight", WEIGHT,
    ),
    "sample_weight of a binary loss": (
        lambda: lw.binary_cross_entropy_with_logits(LOGITS, SOFT, sample_weight=masked(SOFT)), "sample_weight", WEIGHT,
    ),
    "class_weight": (
        lambda: lw.cross_entropy(LOGITS, TARGET, class_weight=masked(np.ones(3))),
        "class_weight",
        "To leave masked classes out, pass class_weight.filled(0).",
    ),
    "pos_weight": (
        lambda: lw.binary_cross_entropy_with_logits(LOGITS, SOFT, pos_weight=masked(np.ones(3))), "pos_weight", OTHER,
    ),
    "mask": (
        lambda: lw.softmax(LOGITS, mask=masked(LOGITS == 0)),
        "mask",
        "Pass mask.filled(False), or another value for masked entries.",
    ),
    "out": (lambda: lw.softmax(LOGITS, out=masked(LOGITS)), "out", OTHER),
    "out of a gradient": (lambda: lw.cross_entropy_and_gradient(LOGITS, TARGET, out=masked(LOGITS)), "out", OTHER),
    "target of a metric": (
        lambda: lw.metrics.accuracy(masked(TARGET), SOFT), "target", "Leave masked rows out first.",
    ),
    "probabilities of a metric": (
        lambda: lw.metrics.accuracy(TARGET, masked(SOFT)), "probabilities", "Leave masked rows out first.",
    ),
    "scores": (
        lambda: lw.metrics.roc_auc(FLAGS * 1, masked(np.ones(4))), "scores", "Leave masked rows out first.",
    ),
    "differences": (
        lambda: lw.metrics.paired_bootstrap(masked(np.ones(4))), "differences", "Leave masked rows out first.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "argument", "advice"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arrays(call, argument, advice):
    message = f"{argument} must be a plain array; got a masked array. {advice}"
    with pytest.raises(lw.InvalidTypeError, match=f"^{re.escape(message)}$") as caught:
        call()
    assert caught.value.argument == argument


def test_a_mask_without_masked_entries_is_a_mask():
    with pytest.raises(lw.InvalidTypeError, match=r"^target must be a plain array; got a masked array\."):
        lw.cross_entropy(LOGITS, np.ma.array(TARGET))


def test_lists_of_them():
    rows = [masked(row) for row in SOFT]
    with pytest.raises(lw.InvalidTypeError, match=r"^target must be a plain array; got masked arrays\."):
        lw.cross_entropy(LOGITS, rows)
    with pytest.raises(lw.InvalidTypeError, match=r"^logits must be a plain array; got masked arrays\."):
        lw.softmax(tuple(rows))
    with pytest.raises(lw.InvalidTypeError, match=r"^sample_weight must be a plain array; got masked arrays\."):
        lw.cross_entropy(LOGITS, TARGET, sample_weight=[1.0, np.ma.masked, 1.0, 1.0])


def test_numbers():
    for option in ({"normalizer": np.ma.masked}, {"label_smoothing": np.ma.array(0.1)}, {"z_loss": np.ma.array([0.1])}):
        with pytest.raises(
            lw.InvalidTypeError, match=rf"^{next(iter(option))} must be a number; got a masked array\.$"
        ):
            lw.cross_entropy(LOGITS, TARGET, **option)


def test_tensors():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that they are a prototype
        tensor, kept = torch.zeros(4, 3), torch.arange(12).reshape(4, 3) > 2
        hidden = torch.masked.masked_tensor(tensor, kept)
        calls = {
            "logits": (lambda: lw.softmax(hidden), lambda: lw.sigmoid(hidden), lambda: lw.nn.Softmax(1)(hidden)),
            "target": (
                lambda: lw.binary_cross_entropy_with_logits(tensor, hidden),
                lambda: lw.nn.BCEWithLogitsLoss()(tensor, hidden),
            ),
            "sample_weight": (lambda: lw.binary_cross_entropy_with_logits(tensor, tensor, sample_weight=hidden),),
        }
        for argument, each in calls.items():
            for call in each:
                with pytest.raises(
                    TypeError, match=rf"^{argument} must be a plain tensor; got a masked tensor\. Pass "
                ):
                    call()


def test_the_advice_on_masked_logits_does_what_it_says():
    array = np.ma.array(np.arange(12.0).reshape(4, 3), mask=LOGITS == 1)
    array[1, 2] = np.ma.masked
    loss = lw.cross_entropy(array.data, [0, 1, 2, 0], mask=~np.ma.getmaskarray(array))
    rows = [lw.cross_entropy(array[i].compressed(), label) for i, label in enumerate([0, 1, 2, 0])]
    np.testing.assert_allclose(loss, np.mean(rows), rtol=1e-15)
    binary = np.ma.array([1.0, -2.0, 3.0], mask=[0, 1, 0])
    weight = (~binary.mask).astype(float)
    loss = lw.binary_cross_entropy_with_logits(binary.filled(0), [1, 1, 0], sample_weight=weight)
    assert loss == lw.binary_cross_entropy_with_logits(binary.compressed(), [1, 0])
