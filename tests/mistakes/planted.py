"""The planted mistakes: what a user writes, and the warning or error that has to say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

import logitwise as lw

ROWS, CLASSES = 32, 5


class Planted(NamedTuple):
    """A mistake: the call, what it must give, and what the sentence must name."""

    call: Callable[[], Any]
    category: type[Exception]
    names: str  # a regular expression


def _numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape) * 2


def _labels(*shape: int, classes: int = CLASSES) -> np.ndarray:
    return np.arange(int(np.prod(shape))).reshape(shape) % classes


def _tensor(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.tensor(_numbers(*shape)).to(dtype)


def _leaf(*shape: int) -> torch.Tensor:
    return _tensor(*shape).requires_grad_()


def _with(array: np.ndarray, index: Any, value: float) -> np.ndarray:
    changed = array.copy()
    changed[index] = value
    return changed


LOGITS, TARGET = _numbers(ROWS, CLASSES), _labels(ROWS)
TENSOR, INDEX = _tensor(ROWS, CLASSES), torch.tensor(_labels(ROWS))
BLOCK, BLOCK_TARGET = _numbers(4, CLASSES, 6), _labels(4, 6)
PROBABILITIES = lw.softmax(LOGITS)
SQUARE_LABELS = np.random.default_rng(3).permutation(16)
SQUARE = np.eye(16)[SQUARE_LABELS] * 20 + _numbers(16, 16)  # right along axis 1


def _soft(value: float = 1.0) -> np.ndarray:
    return np.eye(CLASSES)[TARGET] * value


TWICE, WASTED = lw.ProbabilitiesAsLogitsWarning, lw.LogProbabilitiesAsLogitsWarning
IMPOSSIBLE, MASKED, NOT_FINITE = lw.ImpossibleTargetWarning, lw.MaskedRowWarning, lw.NotFiniteWarning
SUMS, SOFT, AXIS = lw.UnnormalizedProbabilitiesWarning, lw.UnnormalizedTargetWarning, lw.AxisWarning

MISTAKES = {
    # The softmax or sigmoid twice.
    "softmax, then the loss": Planted(lambda: lw.cross_entropy(lw.softmax(LOGITS), TARGET), TWICE, "all 32 rows"),
    "softmax, then the loss and its gradient": Planted(
        lambda: lw.cross_entropy_and_gradient(PROBABILITIES, TARGET), TWICE, "for class . at row 0"
    ),
    "softmax in float32": Planted(
        lambda: lw.cross_entropy(PROBABILITIES.astype(np.float32), TARGET), TWICE, "Remove the softmax"
    ),
    "softmax in float16": Planted(
        lambda: lw.cross_entropy(PROBABILITIES.astype(np.float16), TARGET), TWICE, "Remove the softmax"
    ),
    "softmax in bfloat16": Planted(
        lambda: lw.cross_entropy(torch.tensor(PROBABILITIES).bfloat16(), INDEX), TWICE, "Remove the softmax"
    ),
    "probabilities rounded to 4 digits": Planted(
        lambda: lw.cross_entropy(PROBABILITIES.round(4), TARGET), TWICE, "sum to 1"
    ),
    "one-hot rows as logits": Planted(lambda: lw.cross_entropy(_soft(), TARGET), TWICE, "1 for class 0 at row 0"),
    "softmax with classes on another axis": Planted(
        lambda: lw.cross_entropy(lw.softmax(BLOCK, 1), BLOCK_TARGET, axis=1), TWICE, r"at position \(0, 0\)"
    ),
    "softmax along the batch": Planted(lambda: lw.cross_entropy(lw.softmax(LOGITS, 0), TARGET), TWICE, "along axis 0"),
    "softmax of one loss a row": Planted(
        lambda: lw.cross_entropy(PROBABILITIES, TARGET, reduction="none"), TWICE, "probabilities"
    ),
    "softmax with soft targets": Planted(lambda: lw.cross_entropy(PROBABILITIES, _soft()), TWICE, "probabilities"),
    "softmax of a tensor without a graph": Planted(
        lambda: lw.cross_entropy(TENSOR.softmax(1), INDEX), TWICE, "probabilities"
    ),
    "a module that ends in Softmax": Planted(
        lambda: lw.nn.CrossEntropyLoss()(torch.nn.Softmax(1)(_leaf(ROWS, CLASSES)), INDEX),
        TWICE,
        "the result of a softmax",
    ),
    "our Softmax module": Planted(
        lambda: lw.nn.CrossEntropyLoss()(lw.nn.Softmax(1)(_leaf(ROWS, CLASSES)), INDEX),
        TWICE,
        "the result of a softmax",
    ),
    "softmax of two rows, by the graph": Planted(
        lambda: lw.cross_entropy(_leaf(2, CLASSES).softmax(1), INDEX[:2]), TWICE, "the result of a softmax"
    ),
    "softmax, then a view": Planted(
        lambda: lw.cross_entropy(_leaf(4, CLASSES, 6).softmax(1).transpose(1, 2).reshape(24, CLASSES), INDEX[:24]),
        TWICE,
        "the result of a softmax",
    ),
    "sigmoid, then the cross-entropy": Planted(
        lambda: lw.cross_entropy(_leaf(ROWS, CLASSES).sigmoid(), INDEX), TWICE, "the result of a sigmoid"
    ),
    "sigmoid, then the binary loss": Planted(
        lambda: lw.nn.BCEWithLogitsLoss()(_leaf(ROWS).sigmoid(), (INDEX == 0).float()), TWICE, "Remove that sigmoid"
    ),
    "our sigmoid, then the binary loss": Planted(
        lambda: lw.binary_cross_entropy_with_logits(lw.sigmoid(_leaf(ROWS)), INDEX == 0),
        TWICE,
        "the result of a sigmoid",
    ),
    "softmax, then the binary loss": Planted(
        lambda: lw.binary_cross_entropy_with_logits(PROBABILITIES, _soft()), TWICE, "all 32 rows"
    ),
    "log_softmax, then the loss": Planted(
        lambda: lw.cross_entropy(lw.log_softmax(LOGITS), TARGET), WASTED, "is wasted work"
    ),
    "LogSoftmax at the end, by the graph": Planted(
        lambda: lw.nn.CrossEntropyLoss()(_leaf(2, CLASSES).log_softmax(1), INDEX[:2]),
        WASTED,
        "the result of a log_softmax",
    ),
    "log-probabilities in float16": Planted(
        lambda: lw.cross_entropy(lw.log_softmax(LOGITS).astype(np.float16), TARGET), WASTED, "in all 32 rows"
    ),
    # Probabilities that are none.
    "logits in log_loss": Planted(lambda: lw.log_loss(LOGITS, TARGET), ValueError, "If they are logits"),
    "log-probabilities in log_loss": Planted(
        lambda: lw.log_loss(lw.log_softmax(LOGITS), TARGET), ValueError, "if log-probabilities"
    ),
    "an impossible label in the binary loss": Planted(
        lambda: lw.binary_cross_entropy_with_logits([0.5, -np.inf], [1, 1]),
        IMPOSSIBLE,
        "got 1 with logit -inf at index 1",
    ),
    "logits in BCELoss": Planted(
        lambda: lw.nn.BCELoss()(_tensor(ROWS), (INDEX == 0).float()), ValueError, "use BCEWithLogitsLoss"
    ),
    "probabilities that sum to less than 1": Planted(
        lambda: lw.log_loss(PROBABILITIES * 0.9, TARGET), SUMS, "sum of|got 0.9 at row 0"
    ),
    "one row that does not sum to 1": Planted(
        lambda: lw.log_loss(_with(PROBABILITIES, (7, slice(None)), 0.5), TARGET), SUMS, "got 2.5 at row 7"
    ),
    "sigmoids as probabilities of classes": Planted(
        lambda: lw.log_loss(torch.sigmoid(TENSOR), INDEX), SUMS, "such rows"
    ),
    "probability 0 at the target": Planted(
        lambda: lw.log_loss(np.roll(np.eye(CLASSES), 1, 1)[TARGET], TARGET), IMPOSSIBLE, "got 0 for class 0 at row 0"
    ),
    "probability 0 under a soft target": Planted(
        lambda: lw.log_loss(np.eye(CLASSES)[TARGET], np.full((ROWS, CLASSES), 1 / CLASSES)), IMPOSSIBLE, "at row 0"
    ),
    "probability 0 in BCELoss": Planted(
        lambda: lw.nn.BCELoss()(torch.tensor([0.5, 0.0]), torch.tensor([1.0, 1.0])), IMPOSSIBLE, "at index 1"
    ),
    "probability 1 in BCELoss": Planted(
        lambda: lw.nn.BCELoss()(torch.tensor([1.0, 0.5]), torch.tensor([0.0, 1.0])), IMPOSSIBLE, "at index 0"
    ),
    "log_loss along the wrong axis": Planted(
        lambda: lw.log_loss(lw.softmax(_numbers(16, 16), 0), SQUARE_LABELS), AXIS, "Pass axis=0"
    ),
    # Targets.
    "a negative soft target": Planted(
        lambda: lw.cross_entropy(LOGITS, _with(_soft(), (3, 1), -0.5)), ValueError, r"got -0.5 at index \(3, 1\)"
    ),
    "soft targets that are counts": Planted(lambda: lw.cross_entropy(LOGITS, _soft(3.0)), SOFT, "got 3 at row 0"),
    "one soft target that is off": Planted(
        lambda: lw.cross_entropy(LOGITS, _with(_soft(), (9, 0), 0.5)), SOFT, "got 1.5 at row 9"
    ),
    "several classes a row": Planted(
        lambda: lw.cross_entropy(TENSOR, (TENSOR > 0).float()), SOFT, "binary_cross_entropy_with_logits"
    ),
    "one-hot integers": Planted(
        lambda: lw.cross_entropy(LOGITS, _soft().astype(int)), ValueError, r"pass target.argmax\(1\)"
    ),
    "one-hot rows read as indices": Planted(
        lambda: lw.cross_entropy(_numbers(4, 3, 3), np.tile(np.eye(3, dtype=int)[0], (4, 1))),
        lw.OneHotTargetWarning,
        r"a single 1 among zeros in each of 4 rows",
    ),
    "class indices as floats": Planted(
        lambda: lw.cross_entropy(LOGITS, TARGET.astype(float)), ValueError, "convert it to an integer dtype"
    ),
    "classes counted from 1": Planted(lambda: lw.cross_entropy(LOGITS, TARGET + 1), ValueError, "No target is 0"),
    "classes counted from 1, tensors": Planted(
        lambda: lw.nn.CrossEntropyLoss()(TENSOR, INDEX + 1), ValueError, "counted from 1, so subtract 1"
    ),
    "labels 1 and 2 in the binary loss": Planted(
        lambda: lw.binary_cross_entropy_with_logits(LOGITS[:, 0], TARGET % 2 + 1), ValueError, "counted from 1"
    ),
    "labels -1 and 1 in the binary loss": Planted(
        lambda: lw.binary_cross_entropy_with_logits(LOGITS[:, 0], TARGET % 2 * 2 - 1), ValueError, "pass target > 0"
    ),
    "-1 for rows to leave out": Planted(
        lambda: lw.cross_entropy(LOGITS, _with(TARGET, 4, -1)), ValueError, "at row 4.*ignore_index"
    ),
    "more labels than outputs": Planted(lambda: lw.cross_entropy(LOGITS, TARGET * 3), ValueError, "number of outputs"),
    "one logit and the cross-entropy": Planted(
        lambda: lw.cross_entropy(LOGITS[:, :1], TARGET * 0), ValueError, "the loss is always 0"
    ),
    "one logit and the cross-entropy module": Planted(
        lambda: lw.nn.CrossEntropyLoss()(TENSOR[:, :1], INDEX * 0), ValueError, "BCEWithLogitsLoss"
    ),
    # Rows that have no answer.
    "NaN": Planted(
        lambda: lw.cross_entropy(_with(LOGITS, (17, 3), np.nan), TARGET), NOT_FINITE, "got nan for class 3 at row 17"
    ),
    "+inf": Planted(
        lambda: lw.cross_entropy(_with(LOGITS, (5, 2), np.inf), TARGET), NOT_FINITE, "got inf for class 2 at row 5"
    ),
    "NaN, recorded": Planted(
        lambda: lw.cross_entropy(torch.tensor(_with(LOGITS, (17, 3), np.nan), requires_grad=True), INDEX),
        NOT_FINITE,
        "for class 3 at row 17",
    ),
    "NaN in an image": Planted(
        lambda: lw.cross_entropy(_with(BLOCK, (2, 1, 5), np.nan), BLOCK_TARGET, axis=1),
        NOT_FINITE,
        r"for class 1 at position \(2, 5\)",
    ),
    "NaN, one loss a row": Planted(
        lambda: lw.cross_entropy(_with(LOGITS, (1, 0), np.nan), TARGET, reduction="none"), NOT_FINITE, "at row 1"
    ),
    "NaN under out=logits": Planted(
        lambda: lw.cross_entropy_and_gradient(z := _with(LOGITS, (6, 0), np.nan), TARGET, out=z),
        NOT_FINITE,
        "at row 6",
    ),
    "the class of a soft target masked, under out=target": Planted(
        lambda: lw.cross_entropy_and_gradient(_with(LOGITS, (8, TARGET[8]), -np.inf), y := _soft(), out=y),
        IMPOSSIBLE,
        "at row 8. For details, call with an out= that does not overwrite an input",
    ),
    "NaN under out=target": Planted(
        lambda: lw.cross_entropy_and_gradient(
            torch.tensor(_with(LOGITS, (4, 0), np.nan)), y := torch.tensor(_soft()), out=y
        ),
        NOT_FINITE,
        r"got NaN or \+inf at row 4\.",
    ),
    "NaN in the binary loss, under out=target": Planted(
        lambda: lw.binary_cross_entropy_with_logits_and_gradient(
            np.array([np.inf, np.nan, 1.0]), y := np.array([1.0, 0.5, 0.5]), out=y
        ),
        NOT_FINITE,
        "got nan at index 1",
    ),
    "NaN in the binary loss": Planted(
        lambda: lw.binary_cross_entropy_with_logits(_with(LOGITS, (6, 1), np.nan), _soft()),
        NOT_FINITE,
        r"got nan at index \(6, 1\)",
    ),
    "every class masked": Planted(
        lambda: lw.cross_entropy(_with(LOGITS, (8, slice(None)), -np.inf), TARGET), MASKED, "all 5 classes at row 8"
    ),
    "the class of the target masked": Planted(
        lambda: lw.cross_entropy(_with(LOGITS, (8, TARGET[8]), -np.inf), TARGET), IMPOSSIBLE, "class 3 .* at row 8"
    ),
    "a masked class in a soft target": Planted(
        lambda: lw.cross_entropy(_with(LOGITS, (8, TARGET[8]), -np.inf), _soft()), IMPOSSIBLE, "class 3 .* at row 8"
    ),
    "smoothing over a masked class": Planted(
        lambda: lw.cross_entropy(_with(LOGITS, (8, 0), -np.inf), TARGET, label_smoothing=0.1),
        IMPOSSIBLE,
        "class 0 with logit -inf at row 8",
    ),
    "all rows ignored": Planted(
        lambda: lw.cross_entropy(LOGITS, np.full(ROWS, -100)), lw.NoRowsWarning, "over one or more rows; got none"
    ),
    "every sample weight 0": Planted(
        lambda: lw.cross_entropy(LOGITS, TARGET, sample_weight=np.zeros(ROWS)), lw.NoRowsWarning, "have weight 0"
    ),
    "class weight 0 for every class present": Planted(
        lambda: lw.cross_entropy(LOGITS, TARGET % 2, class_weight=np.array([0.0, 0.0, 1.0, 1.0, 1.0])),
        lw.ZeroClassWeightWarning,
        "classes of weight 0: 0, 1",
    ),
    "class weight 0 for every class present, tensors": Planted(
        lambda: lw.nn.CrossEntropyLoss(weight=torch.tensor([0.0, 0.0, 1.0, 1.0, 1.0]))(TENSOR, INDEX % 2),
        lw.ZeroClassWeightWarning,
        "classes of weight 0: 0, 1",
    ),
    # Axes.
    "a transposed square": Planted(lambda: lw.cross_entropy(SQUARE.T, SQUARE_LABELS), AXIS, "Pass axis=0"),
    "a transposed square, tensors": Planted(
        lambda: lw.cross_entropy(torch.tensor(SQUARE.T.copy()), torch.tensor(SQUARE_LABELS)), AXIS, "along axis 0 in 16"
    ),
    "classes last where they are on axis 1": Planted(
        lambda: lw.nn.CrossEntropyLoss()(
            torch.tensor(np.tile(SQUARE, (2, 1, 1))), torch.tensor(np.tile(SQUARE_LABELS, (2, 1)))
        ),
        AXIS,
        "along axis 2 in 32",
    ),
    "axis out of range": Planted(lambda: lw.cross_entropy(LOGITS, TARGET, axis=2), ValueError, "axis must be in"),
}
