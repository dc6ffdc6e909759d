"""Uses of the public functions that pyright checks; nothing here is run.

`assert_type` holds what comes back. A line that must be refused ends in an ignored error: pyright reports an ignored
error that it does not find, so that a wrong type or option that is accepted fails too. A mixture of frameworks is
refused only where it runs: a tensor can be read as an array.
"""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=error

from __future__ import annotations

from typing import Any, Literal, assert_type

import numpy as np
import torch
from numpy.typing import NDArray

import logitwise as lw

Floats = NDArray[np.floating[Any]]
Number = np.floating[Any]


def of_arrays(singles: NDArray[np.float32], counts: NDArray[np.int64], mask: NDArray[np.bool_]) -> None:
    assert_type(lw.softmax(singles), NDArray[np.float32])
    assert_type(lw.softmax(singles, 0, temperature=2, mask=mask, out=singles), NDArray[np.float32])
    assert_type(lw.softmax(counts), Floats)
    assert_type(lw.softmax([[1.0, 2], [0, 1]], axis=0, mask=[True, False]), Floats)
    assert_type(lw.log_softmax(singles, temperature=np.float64(0.5)), NDArray[np.float32])
    assert_type(lw.logsumexp(singles, 1, keepdims=True), NDArray[np.float32])
    assert_type(lw.logsumexp([1.0, 2.0], mask=mask), Floats)
    assert_type(lw.softmax(singles, (0, 1)), NDArray[np.float32])
    assert_type(lw.log_softmax(counts, None), Floats)
    assert_type(lw.logsumexp(singles, [0, 1], b=[1, -1]), NDArray[np.float32])
    assert_type(lw.logsumexp(singles, b=counts, return_sign=True), tuple[NDArray[np.float32], NDArray[np.float32]])
    assert_type(lw.logsumexp([1.0, 2.0], None, return_sign=True), tuple[Floats, Floats])
    assert_type(lw.sigmoid(singles, out=singles), NDArray[np.float32])
    assert_type(lw.log_sigmoid([1, 2]), Floats)


def losses_of_arrays(logits: NDArray[np.float64], target: NDArray[np.int64], weight: NDArray[np.float64]) -> None:
    assert_type(lw.cross_entropy(logits, target), Number)
    assert_type(lw.cross_entropy(logits, target, reduction="sum", axis=0, class_weight=[1, 2], z_loss=1), Number)
    assert_type(lw.cross_entropy(logits, [0, 1], reduction="none", sample_weight=weight), Floats)
    assert_type(lw.cross_entropy(logits, target, mask=[True, False]), Number)
    assert_type(lw.cross_entropy_and_gradient(logits, target, mask=logits > 0), tuple[Number, Floats])
    assert_type(lw.cross_entropy_and_gradient(logits, target, label_smoothing=0.1, out=logits), tuple[Number, Floats])
    assert_type(lw.cross_entropy_and_gradient(logits, target, reduction="none"), tuple[Floats, Floats])
    assert_type(lw.log_loss(logits, target, ignore_index=-1), Number)
    assert_type(lw.log_loss(logits, target, reduction="none"), Floats)
    assert_type(lw.log_loss(logits, ["cat", "dog"], labels=["bird", "cat", "dog"]), Number)
    assert_type(lw.entropy(logits, 0, temperature=2, mask=[True], keepdims=True), NDArray[np.float64])
    assert_type(lw.entropy_and_gradient([1.0, 2.0]), tuple[Floats, Floats])
    assert_type(lw.kl_divergence(logits, logits, temperature=2), Number)
    assert_type(lw.kl_divergence(logits, target_probabilities=[[0.5, 0.5]], reduction="none"), Floats)
    assert_type(lw.kl_divergence_and_gradient(logits, logits, sample_weight=weight, out=logits), tuple[Number, Floats])
    binary, both = lw.binary_cross_entropy_with_logits, lw.binary_cross_entropy_with_logits_and_gradient
    assert_type(binary(logits, target, pos_weight=2.0, label_smoothing=0.1, normalizer=7), Number)
    assert_type(binary([0.5], [True], reduction="none"), Floats)
    assert_type(both(logits, target, sample_weight=weight), tuple[Number, Floats])
    assert_type(both(logits, target, reduction="none", out=logits), tuple[Floats, Floats])
    assert_type(lw.focal_loss(logits, target, gamma=2, class_weight=weight), Number)
    assert_type(lw.focal_loss(logits, target, reduction="none", label_smoothing=0.1), Floats)
    assert_type(lw.focal_loss_and_gradient(logits, target, out=logits), tuple[Number, Floats])
    assert_type(lw.focal_loss_and_gradient(logits, target, reduction="none"), tuple[Floats, Floats])
    assert_type(lw.binary_focal_loss_with_logits(logits, target, gamma=1.5, pos_weight=3), Number)
    assert_type(lw.binary_focal_loss_with_logits(logits, target, reduction="none"), Floats)
    assert_type(lw.binary_focal_loss_with_logits_and_gradient(logits, target), tuple[Number, Floats])


def of_tensors(logits: torch.Tensor, target: torch.Tensor, layer: torch.nn.Parameter) -> None:
    assert_type(lw.softmax(logits, 1, temperature=logits.mean(), mask=logits > 0, out=logits), torch.Tensor)
    assert_type(lw.log_softmax(layer), torch.Tensor)
    assert_type(lw.logsumexp(logits, keepdims=True), torch.Tensor)
    assert_type(lw.logsumexp(layer, (0, -1), b=logits), torch.Tensor)
    assert_type(lw.logsumexp(logits, None, b=layer, return_sign=True), tuple[torch.Tensor, torch.Tensor])
    assert_type(lw.sigmoid(layer), torch.Tensor)
    assert_type(lw.log_sigmoid(logits), torch.Tensor)
    assert_type(lw.cross_entropy(logits, target, class_weight=layer, reduction="none"), torch.Tensor)
    assert_type(lw.cross_entropy_and_gradient(layer, target), tuple[torch.Tensor, torch.Tensor])
    assert_type(lw.cross_entropy(logits, target, mask=logits > 0), torch.Tensor)
    assert_type(lw.log_loss(logits, target, normalizer=logits.sum()), torch.Tensor)
    assert_type(lw.entropy(layer, mask=logits > 0), torch.Tensor)
    assert_type(lw.entropy_and_gradient(logits, out=logits), tuple[torch.Tensor, torch.Tensor])
    assert_type(lw.kl_divergence(layer, logits, mask=logits > 0, reduction="none"), torch.Tensor)
    assert_type(lw.kl_divergence_and_gradient(logits, target_probabilities=target), tuple[torch.Tensor, torch.Tensor])
    assert_type(lw.binary_cross_entropy_with_logits(logits, target, pos_weight=layer), torch.Tensor)
    assert_type(lw.binary_cross_entropy_with_logits(logits, target, pos_weight=1 / 3), torch.Tensor)
    assert_type(lw.focal_loss(layer, target, reduction="none"), torch.Tensor)
    assert_type(lw.focal_loss_and_gradient(layer, target, gamma=1), tuple[torch.Tensor, torch.Tensor])
    assert_type(lw.binary_focal_loss_with_logits(logits, target, pos_weight=layer), torch.Tensor)
    both = lw.binary_cross_entropy_with_logits_and_gradient(logits, target, reduction="sum")
    assert_type(both, tuple[torch.Tensor, torch.Tensor])


def of_a_reduction_known_later(logits: Floats, target: Floats, reduction: Literal["mean", "sum", "none"]) -> None:
    assert_type(lw.cross_entropy(logits, target, reduction=reduction), Number | Floats)


def of_settings(logits: Floats, target: NDArray[np.int64]) -> None:
    assert_type(lw.threads(), int)
    assert_type(lw.route_of(logits, target, label_smoothing=0.1).name, str)
    assert_type(lw.route_of(torch.zeros(3), function=lw.sigmoid).reason, str)
    with lw.checks("off") as setting:
        assert_type(setting.mode, str)


def of_errors() -> None:
    try:
        lw.threads(0)
    except lw.InvalidValueError as error:
        assert_type(error.argument, str)
        assert_type(error.where, str)


def refused(logits: Floats, target: NDArray[np.int64]) -> None:
    lw.softmax(logits, dim=0)  # pyright: ignore[reportCallIssue]
    lw.softmax(None)  # pyright: ignore[reportArgumentType, reportCallIssue]
    lw.softmax(logits, axis="last")  # pyright: ignore[reportArgumentType, reportCallIssue]
    lw.softmax(logits, axis=(0, 0.5))  # pyright: ignore[reportArgumentType, reportCallIssue]
    lw.logsumexp(logits, return_sign=1)  # pyright: ignore[reportArgumentType, reportCallIssue]
    lw.softmax(logits, temperature="hot")  # pyright: ignore[reportArgumentType, reportCallIssue]
    lw.cross_entropy(logits, target, weight=[1.0])  # pyright: ignore[reportCallIssue]
    lw.cross_entropy(logits, target, reduction="avg")  # pyright: ignore[reportArgumentType, reportCallIssue]
    lw.log_loss(logits, target, mask=logits > 0)  # pyright: ignore[reportCallIssue]
    lw.cross_entropy(logits, target, label_smoothing="0.1")  # pyright: ignore[reportArgumentType, reportCallIssue]
    lw.cross_entropy_and_gradient(logits, target, pos_weight=1.0)  # pyright: ignore[reportCallIssue]
    lw.log_loss(logits, target, z_loss=0.1)  # pyright: ignore[reportCallIssue]
    lw.binary_cross_entropy_with_logits(logits, target, class_weight=[1.0])  # pyright: ignore[reportCallIssue]
    lw.kl_divergence(logits, logits, class_weight=[1.0])  # pyright: ignore[reportCallIssue]
    lw.entropy(logits, reduction="mean")  # pyright: ignore[reportCallIssue]
    lw.focal_loss(logits, target, z_loss=0.1)  # pyright: ignore[reportCallIssue]
    lw.focal_loss(logits, target, gamma="2")  # pyright: ignore[reportArgumentType, reportCallIssue]
    lw.threads("two")  # pyright: ignore[reportArgumentType]
