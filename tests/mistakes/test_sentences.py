"""What is said of inputs, word for word; and the limits from which it is said, from both of their sides."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch

import logitwise as lw
from logitwise.functional._suspicions import ending_of, may_end_in_activation

INF, NAN = np.inf, np.nan
LOGITS = np.array([[0.0, 1.0, 2.0], [2.0, 0.0, 1.0], [1.0, 0.0, -1.0], [0.5, 0.25, 0.0]])
TARGET = np.array([0, 1, 2, 0])
PROBABILITIES = np.array([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125], [0.25, 0.25, 0.5], [1.0, 0.0, 0.0]])
COLUMNS = np.array([[0.5, 0.1, 0.2], [0.2, 0.2, 0.3], [0.2, 0.3, 0.4], [0.1, 0.4, 0.1]])  # which sum to 1
BLOCK = np.arange(24.0).reshape(2, 3, 4) % 5


def said(call: Callable[[], object]) -> list[tuple[type[Warning], str]]:
    """Return the warnings of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [(warning.category, str(warning.message)) for warning in caught]


def kinds(call: Callable[[], object]) -> list[type[Warning]]:
    return [category for category, _ in said(call)]


def spoiled(array: np.ndarray, **changes: float) -> np.ndarray:
    """Return a copy with `r1c2=value` set in row 1 and column 2, and `r1=value` in all of row 1."""
    array = np.array(array, dtype=np.float64)
    for place, value in changes.items():
        array[tuple(int(number) for number in place[1:].split("c"))] = value
    return array


def leaf() -> torch.Tensor:
    return torch.tensor(LOGITS, requires_grad=True)


NOT_FINITE = (
    "The loss is NaN: look for a learning rate that is too high, an earlier division by 0 or logarithm of 0, or NaN "
    "among the inputs."
)
IMPOSSIBLE = (
    "The loss is infinite: neither give the target a logit of -inf nor smooth labels over such logits: leave them out "
    "by mask=."
)
LEFT_OUT = "let the mask keep the class, or leave such rows out, by ignore_index or a sample_weight of 0."
SUMS = (
    "Divide by the sum. If a row may have several classes, use binary_cross_entropy_with_logits; to weight rows, use "
    "sample_weight."
)
WASTED = "The loss is correct, but the log_softmax is wasted work: remove it."
KEEPS = "The loss is infinite: compute it from the logits with cross_entropy, for which no probability is rounded to 0."
BINARY = "The loss is infinite: a logit of -inf means that class 1 is impossible, and one of inf that class 0 is."

SENTENCES = {
    "probabilities": (
        lambda: lw.cross_entropy(PROBABILITIES, TARGET),
        lw.ProbabilitiesAsLogitsWarning,
        "logits must be scores before any softmax; got probabilities: all 4 rows lie in [0, 1] and sum to 1, e.g. 0.5 "
        "for class 0 at row 0. Remove the softmax: cross_entropy applies it itself. If you have nothing but "
        "probabilities, use log_loss.",
    ),
    "probabilities, the largest not first": (
        lambda: lw.cross_entropy(PROBABILITIES[[1, 0, 2, 3]], TARGET),
        lw.ProbabilitiesAsLogitsWarning,
        "logits must be scores before any softmax; got probabilities: all 4 rows lie in [0, 1] and sum to 1, e.g. 0.75 "
        "for class 1 at row 0. Remove the softmax: cross_entropy applies it itself. If you have nothing but "
        "probabilities, use log_loss.",
    ),
    "probabilities along the batch": (
        lambda: lw.cross_entropy(COLUMNS, TARGET),
        lw.ProbabilitiesAsLogitsWarning,
        "logits must be scores before any softmax; got probabilities that sum to 1 along axis 0, for each of the 3 "
        "classes, e.g. 0.5 for class 0 at row 0. Remove the softmax (which also ran along the wrong axis): "
        "cross_entropy applies its own.",
    ),
    "log-probabilities of three classes": (
        lambda: lw.cross_entropy(np.log(PROBABILITIES[[1, 0, 2, 1]]), TARGET),
        lw.LogProbabilitiesAsLogitsWarning,
        "logits need no log_softmax; got log-probabilities in all 4 rows, e.g. [-2.08, -0.288, -2.08] at row 0. "
        + WASTED,
    ),
    "log-probabilities of four classes": (
        lambda: lw.cross_entropy(np.log([[0.1, 0.2, 0.3, 0.4]] * 5), np.arange(5) % 4),
        lw.LogProbabilitiesAsLogitsWarning,
        "logits need no log_softmax; got log-probabilities in all 5 rows, e.g. [-2.3, -1.61, -1.2, ...] at row 0. "
        + WASTED,
    ),
    "a softmax in the graph": (
        lambda: lw.cross_entropy(leaf().softmax(1), torch.tensor(TARGET)),
        lw.ProbabilitiesAsLogitsWarning,
        "logits must be scores before any softmax; got the result of a softmax. Remove that softmax: cross_entropy "
        "applies the softmax itself.",
    ),
    "a sigmoid in the graph of a binary loss": (
        lambda: lw.binary_cross_entropy_with_logits(leaf().sigmoid(), torch.tensor(PROBABILITIES)),
        lw.ProbabilitiesAsLogitsWarning,
        "logits must be scores before any sigmoid; got the result of a sigmoid. Remove that sigmoid: "
        "binary_cross_entropy_with_logits applies the sigmoid itself.",
    ),
    "a log_softmax in the graph": (
        lambda: lw.cross_entropy(leaf().log_softmax(1), torch.tensor(TARGET)),
        lw.LogProbabilitiesAsLogitsWarning,
        f"logits need no log_softmax; got the result of a log_softmax. {WASTED}",
    ),
    "two rows not finite": (
        lambda: lw.cross_entropy(spoiled(LOGITS, r1c2=INF, r3c0=NAN), TARGET),
        lw.NotFiniteWarning,
        f"logits must be numbers or -inf; got inf for class 2 at row 1 (2 such rows). {NOT_FINITE}",
    ),
    "a pixel not finite": (
        lambda: lw.cross_entropy(spoiled(BLOCK, r1c1c2=NAN), np.zeros((2, 4), int), axis=1),
        lw.NotFiniteWarning,
        f"logits must be numbers or -inf; got nan for class 1 at position (1, 2). {NOT_FINITE}",
    ),
    "two rows masked": (
        lambda: lw.cross_entropy(spoiled(LOGITS, r1=-INF, r2=-INF), TARGET),
        lw.MaskedRowWarning,
        "logits must leave one or more classes in each row; got -inf for all 3 classes at row 1 (2 such rows). The "
        "loss is infinite: leave such rows out, by ignore_index or a sample_weight of 0.",
    ),
    "two targets masked": (
        lambda: lw.cross_entropy(spoiled(LOGITS, r1c1=-INF, r3c0=-INF), TARGET),
        lw.ImpossibleTargetWarning,
        "target must be a class whose logit is not -inf; got class 1 with logit -inf at row 1 (2 such rows). "
        + IMPOSSIBLE,
    ),
    "two targets under a mask": (
        lambda: lw.cross_entropy(LOGITS, TARGET, mask=spoiled(np.ones((4, 3)), r1c1=0, r3c0=0) > 0),
        lw.ImpossibleTargetWarning,
        "target must be a class that takes part; got class 1, which the mask leaves out, at row 1 (2 such rows). The "
        f"loss is infinite: {LEFT_OUT}",
    ),
    "a class of a soft target under a mask": (
        lambda: lw.cross_entropy(LOGITS, np.full((4, 3), 1 / 3), mask=spoiled(np.ones((4, 3)), r2c1=0) > 0),
        lw.ImpossibleTargetWarning,
        f"target must be a class that takes part; got class 1, which the mask leaves out, at row 2. The loss is "
        f"infinite: {LEFT_OUT}",
    ),
    "two rows under a mask": (
        lambda: lw.cross_entropy(spoiled(LOGITS, r1c0=NAN), TARGET, mask=spoiled(np.ones((4, 3)), r1=0, r2=0) > 0),
        lw.MaskedRowWarning,
        "mask must leave one or more classes in each row; got none of 3 at row 1 (2 such rows). The loss is infinite: "
        "leave such rows out, by ignore_index or a sample_weight of 0.",
    ),
    "a row of -inf and a mask": (
        lambda: lw.cross_entropy(
            spoiled(LOGITS, r1c0=-INF, r1c1=-INF), TARGET, mask=spoiled(np.ones((4, 3)), r1c2=0) > 0
        ),
        lw.MaskedRowWarning,
        "logits must leave one or more classes in each row; got -inf for all 2 classes that take part at row 1. The "
        "loss is infinite: leave such rows out, by ignore_index or a sample_weight of 0.",
    ),
    "a target of -inf beside a mask": (
        lambda: lw.cross_entropy(spoiled(LOGITS, r1c1=-INF), TARGET, mask=spoiled(np.ones((4, 3)), r1c0=0) > 0),
        lw.ImpossibleTargetWarning,
        f"target must be a class whose logit is not -inf; got class 1 with logit -inf at row 1. {IMPOSSIBLE}",
    ),
    "NaN beside a mask": (
        lambda: lw.cross_entropy(
            spoiled(LOGITS, r1c0=NAN, r1c2=INF), TARGET, mask=spoiled(np.ones((4, 3)), r1c0=0) > 0
        ),
        lw.NotFiniteWarning,
        f"logits must be numbers or -inf; got inf for class 2 at row 1. {NOT_FINITE}",
    ),
    "a target under a mask, in overwritten logits": (
        lambda: lw.cross_entropy_and_gradient(z := LOGITS.copy(), TARGET, mask=np.array([True, True, False]), out=z),
        lw.ImpossibleTargetWarning,
        "logits must give a finite loss; got -inf or a mask for the class of the target at row 2. For details, call "
        "with an out= that does not overwrite an input.",
    ),
    "smoothing over a masked class": (
        lambda: lw.cross_entropy(spoiled(LOGITS, r2c1=-INF), TARGET, label_smoothing=0.5),
        lw.ImpossibleTargetWarning,
        f"target must be a class whose logit is not -inf; got class 1 with logit -inf at row 2. {IMPOSSIBLE}",
    ),
    "a masked class of weight 0 before one of a soft target": (
        lambda: lw.cross_entropy(
            spoiled(LOGITS, r2c1=-INF, r2c0=-INF), np.array([[1, 0, 0], [0, 1, 0], [0, 0.5, 0.5], [1.0, 0, 0]])
        ),
        lw.ImpossibleTargetWarning,
        f"target must be a class whose logit is not -inf; got class 1 with logit -inf at row 2. {IMPOSSIBLE}",
    ),
    "a masked target in overwritten logits": (
        lambda: lw.cross_entropy_and_gradient(z := spoiled(LOGITS, r1c1=-INF, r3c0=-INF), TARGET, out=z),
        lw.ImpossibleTargetWarning,
        "logits must give a finite loss; got -inf for the class of the target at row 1 (2 such rows). For details, "
        "call with an out= that does not overwrite an input.",
    ),
    "weights of 0 for more than five classes": (
        lambda: lw.cross_entropy(np.arange(32.0).reshape(4, 8), np.arange(4), class_weight=[0] * 7 + [1]),
        lw.ZeroClassWeightWarning,
        "class_weight must be above 0 for a class that is present; got weight 0 for every class of the rows "
        "used (classes of weight 0: 0, 1, 2, 3, 4, ...). The mean loss is 0: check the weights and how the classes are "
        "numbered.",
    ),
    "weights of 0 for five classes": (
        lambda: lw.cross_entropy(np.arange(28.0).reshape(4, 7), np.arange(4), class_weight=[0] * 5 + [1] * 2),
        lw.ZeroClassWeightWarning,
        "class_weight must be above 0 for a class that is present; got weight 0 for every class of the rows "
        "used (classes of weight 0: 0, 1, 2, 3, 4). The mean loss is 0: check the weights and how the classes are "
        "numbered.",
    ),
    "weights of 0 beside sample weights": (
        lambda: lw.cross_entropy(LOGITS, np.array([0, 1, 2, 1]), sample_weight=[1, 2, 0, 1], class_weight=[0, 0, 1]),
        lw.ZeroClassWeightWarning,
        "class_weight must be above 0 for a class that is present; got weight 0 for every class of the rows "
        "used (classes of weight 0: 0, 1). The mean loss is 0: check the weights and how the classes are numbered.",
    ),
    "no rows": (
        lambda: lw.cross_entropy(LOGITS, TARGET, sample_weight=np.zeros(4), class_weight=np.ones(3)),
        lw.NoRowsWarning,
        "the mean loss must be over one or more rows; got none: all are ignored or have weight 0, or "
        "there are none. The mean loss is 0.",
    ),
    "no elements": (
        lambda: lw.binary_cross_entropy_with_logits(LOGITS, PROBABILITIES, sample_weight=0.0),
        lw.NoRowsWarning,
        "the mean loss must be over one or more elements; got none: all are ignored or have weight 0, or "
        "there are none. The mean loss is 0.",
    ),
    "soft targets of other sums": (
        lambda: lw.cross_entropy(LOGITS, spoiled(PROBABILITIES, r1c0=1.0, r2c1=0.0)),
        lw.UnnormalizedTargetWarning,
        f"target must sum to 1 over the classes; got 1.875 at row 1 (2 such rows). {SUMS}",
    ),
    "soft targets of other sums, the first of weight 0": (
        lambda: lw.cross_entropy(
            LOGITS, spoiled(PROBABILITIES, r1c0=1.0, r2c1=0.0), sample_weight=np.array([1.0, 0.0, 0.5, 1.0])
        ),
        lw.UnnormalizedTargetWarning,
        f"target must sum to 1 over the classes; got 0.75 at row 2. {SUMS}",
    ),
    "probabilities of other sums": (
        lambda: lw.log_loss(spoiled(PROBABILITIES, r1c0=0.5, r2c1=0.0), TARGET),
        lw.UnnormalizedProbabilitiesWarning,
        "probabilities must sum to 1 over the classes; got 1.375 at row 1 (2 such rows). Divide by the sum; from "
        "logits, use cross_entropy.",
    ),
    "probabilities along another axis": (
        lambda: lw.log_loss(COLUMNS, TARGET),
        lw.AxisWarning,
        "axis must be the one along which probabilities sum to 1; got axis 1 of shape (4, 3), with a sum of 0.8 at row "
        "0 (4 such rows), while all sums along axis 0 are 1. Pass axis=0, or take the softmax along the classes.",
    ),
    "a probability of 0": (
        lambda: lw.log_loss(PROBABILITIES, [0, 1, 2, 1]),
        lw.ImpossibleTargetWarning,
        f"probabilities must be above 0 at the target; got 0 for class 1 at row 3. {KEEPS}",
    ),
    "probabilities of 0 under soft targets": (
        lambda: lw.log_loss(
            PROBABILITIES[[0, 1, 3, 3]], np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.25, 0.25]])
        ),
        lw.ImpossibleTargetWarning,
        f"probabilities must be above 0 at the target; got 0 for class 2 at row 2 (2 such rows). {KEEPS}",
    ),
    "probabilities in a binary loss": (
        lambda: lw.binary_cross_entropy_with_logits(PROBABILITIES, PROBABILITIES > 0.3),
        lw.ProbabilitiesAsLogitsWarning,
        "logits must be scores before any sigmoid; got probabilities: all 4 rows lie in [0, 1] and sum to 1, e.g. 0.5 "
        "at row 0. Remove the softmax; for one class per row, use cross_entropy.",
    ),
    "NaN in a binary loss": (
        lambda: lw.binary_cross_entropy_with_logits(spoiled(LOGITS, r1c1=NAN, r0c2=NAN), PROBABILITIES),
        lw.NotFiniteWarning,
        f"logits must be numbers; got nan at index (0, 2) (2 such entries). {NOT_FINITE}",
    ),
    "impossible binary targets": (
        lambda: lw.binary_cross_entropy_with_logits([INF, INF, -INF, -INF], [1, 0.5, 0.25, 0]),
        lw.ImpossibleTargetWarning,
        f"target must be possible given the logits; got 0.5 with logit inf at index 1 (2 such entries). {BINARY}",
    ),
    "an impossible binary target alone": (
        lambda: lw.binary_cross_entropy_with_logits(-INF, 1),
        lw.ImpossibleTargetWarning,
        f"target must be possible given the logits; got 1 with logit -inf. {BINARY}",
    ),
    "impossible targets of probabilities": (
        lambda: lw.nn.BCELoss()(torch.tensor([[0.5, 1.0, 0.0, 1.0, 0.0]]), torch.tensor([[1.0, 0.5, 1.0, 1.0, 0.0]])),
        lw.ImpossibleTargetWarning,
        "input must give the target a probability above 0; got 1 for a target of 0.5 at index (0, 1) (2 such entries). "
        "Its loss is capped at 100 and its gradient is useless: use BCEWithLogitsLoss on the logits.",
    ),
    "one-hot rows read as indices": (
        lambda: lw.cross_entropy(np.arange(27.0).reshape(3, 3, 3) % 4, np.eye(3, dtype=int)[[1, 0, 1]]),
        lw.OneHotTargetWarning,
        "target of an integer dtype must hold class indices; got one-hot rows: a single 1 among zeros in each of 3 "
        "rows, read as classes 0 and 1. Pass target.argmax(-1), or a floating dtype and the shape of logits.",
    ),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_a_sentence_word_for_word(case):
    call, category, sentence = SENTENCES[case]
    assert said(call) == [(category, sentence)]


def test_rows_of_each_kind_are_told_apart_and_counted():
    logits = spoiled(np.tile(LOGITS, (2, 1)), r0c0=NAN, r2=-INF, r3c0=-INF, r5c2=INF, r7c0=-INF)
    found = said(lambda: lw.cross_entropy(logits, np.tile(TARGET, 2), reduction="none"))
    assert [(category, sentence.partition(" at ")[2][:20]) for category, sentence in found] == [
        (lw.NotFiniteWarning, "row 0 (2 such rows)."),
        (lw.MaskedRowWarning, "row 2. The loss is i"),
        (lw.ImpossibleTargetWarning, "row 3 (2 such rows)."),
    ]


# --- limits -----------------------------------------------------------------------------------------------------------


def square(size: int, right_here: int, right_there: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a square of logits and a target that is the largest logit of so many rows, and of so many columns."""
    target = np.roll(np.arange(size), 3)
    logits = np.zeros((size, size))
    for row in range(size):
        logits[target[row], row] += 9.0 * (row < right_there)
        logits[row, target[row]] += 5.0 * (row < right_here)
        logits[row, (target[row] + 1) % size] += 4.0 * (row >= right_here)
    assert (logits.argmax(0) == target).sum() == right_there
    return logits, target


AXES = {
    "eight classes": (8, 0, 8, True),
    "seven classes": (7, 0, 7, False),
    "nine of ten there": (20, 0, 18, True),
    "fewer there": (20, 0, 17, False),
}


@pytest.mark.parametrize("case", AXES)
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_another_axis_is_said_of_squares_of_eight(case, framework):
    size, here, there, is_said = AXES[case]
    logits, target = square(size, here, there)
    convert = torch.tensor if framework == "torch" else np.array
    right = int((logits.argmax(1) == target).sum())
    assert right <= size / 2
    sentence = (
        f"axis must be the one of the classes; got axis 1 of shape ({size}, {size}), along which the target is the "
        f"class of the largest logit in {right} of {size} rows, but along axis 0 in {there}. Pass axis=0, or swap the "
        "axes of the logits."
    )
    found = said(lambda: lw.cross_entropy(convert(logits), convert(target)))
    assert found == [(lw.AxisWarning, sentence)] * is_said
    assert kinds(lambda: lw.cross_entropy(convert(logits), convert(target), axis=0)) == []


def test_another_axis_is_not_said_where_this_one_is_right_in_more_than_half():
    size = 20
    target = np.arange(size)  # the diagonal: both axes are right
    logits = np.eye(size) * 5.0 - 1.0
    assert kinds(lambda: lw.cross_entropy(logits, target)) == []
    for wrong, found in ((9, []), (10, [lw.AxisWarning])):
        changed = logits.copy()
        changed[np.arange(wrong), size - 1] = 6.0  # larger in the row, and of the last column alone
        changed[size - 1, size - 1] = 7.0
        assert (changed.argmax(0) == target).sum() == size
        assert kinds(lambda changed=changed: lw.cross_entropy(changed, target)) == found


def test_rows_that_are_ignored_do_not_tell_the_axis():
    logits, target = square(16, 0, 16)
    for kept, found in ((8, [lw.AxisWarning]), (7, [])):
        partly = np.where(np.arange(16) < kept, target, -100)
        assert kinds(lambda partly=partly: lw.cross_entropy(logits, partly)) == found
    few = np.tile([1, 2, 3], 6)[:16]  # three classes are too few to tell
    logits = np.zeros((16, 16))
    logits[few, np.arange(16)] = 9.0
    assert kinds(lambda: lw.cross_entropy(logits, few)) == []
    four = np.tile([1, 2, 3, 0], 4)
    logits = np.zeros((16, 16))
    logits[four, np.arange(16)] = 9.0
    assert kinds(lambda: lw.cross_entropy(logits, four)) == [lw.AxisWarning]


ONE_HOT = {
    "one-hot": (np.eye(3, dtype=int)[[1, 0, 2]], 1),
    "two ones in a row": (np.eye(3, dtype=int)[[1, 0, 2]] | np.eye(3, dtype=int)[[2, 0, 1]], 0),
    "a row of zeros": (np.eye(3, dtype=int)[[1, 0, 2]] * [[1], [1], [0]], 0),
    "a two": (np.array([[1, 0, 0], [2, 0, 0], [0, 0, 1]]), 0),
}


@pytest.mark.parametrize("case", ONE_HOT)
def test_one_hot_rows_have_a_single_1_among_zeros(case):
    target, times = ONE_HOT[case]
    logits = np.arange(27.0).reshape(3, 3, 3) % 4
    for axis in (0, 1, 2):
        found = kinds(lambda axis=axis: lw.cross_entropy(logits, target, axis=axis))
        assert found == [lw.OneHotTargetWarning] * times


def test_two_classes_or_other_rows_are_no_one_hot_rows():
    assert kinds(lambda: lw.cross_entropy(np.arange(8.0).reshape(2, 2, 2), np.eye(2, dtype=int))) == []
    assert kinds(lambda: lw.cross_entropy(np.arange(36.0).reshape(3, 3, 4) % 7, np.eye(4, dtype=int)[:3], axis=1)) == []
    assert kinds(lambda: lw.cross_entropy(LOGITS[:3], np.array([0, 1, 0]))) == []


@pytest.mark.parametrize(("off", "is_said"), [(0.0007, False), (-0.0007, False), (0.0015, True), (-0.0015, True)])
def test_sums_may_be_off_by_a_thousandth(off, is_said):
    changed = spoiled(PROBABILITIES, r1c0=0.125 + off)
    for weight in (None, [1.0, 0.5, 0.0, 1.0]):
        found = kinds(lambda weight=weight: lw.cross_entropy(LOGITS, changed, sample_weight=weight))
        assert found == [lw.UnnormalizedTargetWarning] * is_said
    assert kinds(lambda: lw.log_loss(changed, TARGET)) == [lw.UnnormalizedProbabilitiesWarning] * is_said


@pytest.mark.parametrize(("off", "is_said"), [(2**-8, False), (2**-6, True)])
def test_sums_of_sixteen_bits_may_be_off_by_a_hundredth(off, is_said):
    for dtype in (torch.float16, torch.bfloat16):
        changed = torch.tensor(spoiled(PROBABILITIES, r1c0=0.125 + off)).to(dtype)
        found = kinds(lambda changed=changed: lw.log_loss(changed, torch.tensor(TARGET)))
        assert found == [lw.UnnormalizedProbabilitiesWarning] * is_said
    half = spoiled(PROBABILITIES, r1c0=0.125 + off).astype(np.float16)
    assert kinds(lambda: lw.log_loss(half, TARGET)) == [lw.UnnormalizedProbabilitiesWarning] * is_said


def test_rows_that_take_no_part_are_not_looked_at():
    wrong = spoiled(PROBABILITIES, r3=0.0)
    none = np.where(np.arange(4) == 3, -100, TARGET)
    assert kinds(lambda: lw.log_loss(wrong, none)) == []
    assert kinds(lambda: lw.log_loss(wrong, TARGET, sample_weight=[1.0, 1.0, 1.0, 0.0])) == []
    assert kinds(lambda: lw.log_loss(wrong, PROBABILITIES, sample_weight=[1.0, 1.0, 1.0, 0.0])) == []
    weight = np.ones((4, 3))
    weight[1, 1] = 0.0
    nan = spoiled(LOGITS, r1c1=NAN)
    assert kinds(lambda: lw.binary_cross_entropy_with_logits(nan, PROBABILITIES, sample_weight=weight)) == []
    infinite = spoiled(LOGITS, r1c1=INF, r0c0=NAN)
    found = kinds(lambda: lw.binary_cross_entropy_with_logits(infinite, PROBABILITIES, sample_weight=weight))
    assert found == [lw.NotFiniteWarning]


def test_sums_along_another_axis_say_so_from_four_rows():
    columns = np.array([[0.5, 0.1], [0.2, 0.2], [0.3, 0.7]])
    assert kinds(lambda: lw.log_loss(columns, [0, 1, 0])) == [lw.UnnormalizedProbabilitiesWarning]
    assert kinds(lambda: lw.log_loss(COLUMNS, TARGET)) == [lw.AxisWarning]
    nearly = spoiled(COLUMNS, r0c0=0.51)
    assert kinds(lambda: lw.log_loss(nearly, TARGET)) == [lw.UnnormalizedProbabilitiesWarning]


def test_binary_logits_that_the_gradient_has_overwritten_are_not_searched():
    for logits in (np.array([INF, 1.0, NAN]), np.array([-INF, 1.0, 0.0])):
        target = np.array([0.5, 1.0, 0.0])
        assert kinds(lambda z=logits, y=target: lw.binary_cross_entropy_with_logits_and_gradient(z, y)) != []
        assert kinds(lambda z=logits, y=target: lw.binary_cross_entropy_with_logits_and_gradient(z, y, out=z)) == []


def test_a_column_or_a_row_of_binary_logits_is_no_distribution():
    """Ones are probabilities that sum to 1 over a single class."""
    for shape in ((6,), (6, 1), (2, 3, 1), ()):
        assert kinds(lambda shape=shape: lw.binary_cross_entropy_with_logits(np.ones(shape), np.ones(shape))) == []
    halves = np.full((6, 2), 0.5)
    found = kinds(lambda: lw.binary_cross_entropy_with_logits(halves, halves))
    assert found == [lw.ProbabilitiesAsLogitsWarning]
    assert kinds(lambda: lw.binary_cross_entropy_with_logits(halves.T, halves.T)) == []


def test_what_the_graph_says_is_said_once_and_of_the_loss_that_it_is():
    target = torch.tensor(TARGET)
    assert kinds(lambda: lw.cross_entropy(leaf().softmax(1), target)) == [lw.ProbabilitiesAsLogitsWarning]
    assert kinds(lambda: lw.cross_entropy_and_gradient(leaf().log_softmax(1), target)) != []
    soft = torch.tensor(PROBABILITIES)
    assert kinds(lambda: lw.binary_cross_entropy_with_logits(leaf().log_softmax(1), soft)) == []
    assert kinds(lambda: lw.cross_entropy(torch.nn.functional.logsigmoid(leaf()), target)) == []
    assert kinds(lambda: lw.cross_entropy(leaf().softmax(1) * 2, target)) == []


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])  # of which the second is never a small call
def test_recorded_logits_of_which_the_graph_says_nothing_are_looked_at(dtype):
    target, soft = torch.tensor(TARGET).to(dtype), torch.tensor(PROBABILITIES)
    for values, category in ((soft, lw.ProbabilitiesAsLogitsWarning), (soft.log(), lw.LogProbabilitiesAsLogitsWarning)):
        recorded = values.clone().requires_grad_()
        for logits in (recorded, recorded * 1.0, recorded[:, :]):
            assert kinds(lambda z=logits: lw.cross_entropy(z, target))[:1] == [category]
    recorded = soft.clone().requires_grad_()
    found = kinds(lambda: lw.binary_cross_entropy_with_logits(recorded * 1.0, soft))
    assert found == [lw.ProbabilitiesAsLogitsWarning]


VIEWS = {
    "alias": lambda z: z.view_as(z),
    "clone": lambda z: z.clone(),
    "permute": lambda z: z.permute(1, 0).permute(1, 0),
    "transpose": lambda z: z.transpose(0, 1).T,
    "squeeze": lambda z: z.unsqueeze(2).squeeze(2),
    "squeeze all": lambda z: z[None].squeeze(),
    "reshape": lambda z: z.reshape(2, 6).reshape(4, 3),
    "another dtype": lambda z: z.float(),
    "strides": lambda z: z.as_strided((4, 3), (3, 1)),
    "flatten": lambda z: z.t().flatten().unflatten(0, (3, 4)).t(),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "log_softmax", "relu"])
def test_the_activation_behind_a_view_is_known(activation, view):
    arguments = (1,) if "softmax" in activation else ()
    ended = VIEWS[view](getattr(leaf(), activation)(*arguments))
    assert ending_of(ended) == activation
    assert may_end_in_activation(ended)
    for other in (VIEWS[view](leaf() * 2), VIEWS[view](leaf()), leaf(), ended + 1, ended.detach()):
        assert ending_of(other) is None
    assert not may_end_in_activation(leaf())
    assert not may_end_in_activation(leaf() * 2)


PARTS = {
    "a column": lambda z: z[:, 0],
    "some columns": lambda z: z[:, 1:],
    "some rows": lambda z: z[torch.tensor([0, 2])],
    "rows by a mask": lambda z: z[torch.tensor([True, False, True, True])],
    "selected rows": lambda z: z.index_select(0, torch.tensor([0, 2])),
    "selected numbers": lambda z: z.masked_select(torch.ones(4, 3, dtype=torch.bool)),
    "a chunk": lambda z: z.chunk(2)[1],
    "unbound": lambda z: z.unbind(1)[1],
    "a view of a part": lambda z: z[:, 0].unsqueeze(1),
}


@pytest.mark.parametrize("part", PARTS)
def test_the_activation_behind_a_part_is_known(part):
    for activation in ("softmax", "sigmoid", "relu"):
        ended = PARTS[part](getattr(leaf(), activation)(*((1,) if activation == "softmax" else ())))
        assert ending_of(ended) == activation
        assert may_end_in_activation(ended)
    assert ending_of(PARTS[part](leaf().log_softmax(1))) is None
    assert ending_of(PARTS[part](leaf() * 2)) is None
    ended = PARTS[part](leaf().sigmoid())
    for loss in (lw.binary_cross_entropy_with_logits, lw.binary_focal_loss_with_logits):
        found = kinds(lambda: loss(ended, torch.ones_like(ended)))  # noqa: B023
        assert found == [lw.ProbabilitiesAsLogitsWarning]


@pytest.mark.parametrize("activation", ["softmax", "log_softmax", "sigmoid", "log_sigmoid"])
def test_our_own_activations_are_known(activation):
    assert ending_of(getattr(lw, activation)(leaf())) == activation


LEARNED = {  # what has a derivative beside the logits, and so leaves the kernels
    "sample weights": lambda z, learned: lw.cross_entropy(z, torch.tensor(TARGET), sample_weight=learned[:, 0]),
    "class weights": lambda z, learned: lw.focal_loss(z, torch.tensor(TARGET), class_weight=learned[0]),
    "a soft target": lambda z, learned: lw.cross_entropy(z, learned / 3),
    "target logits": lambda z, learned: lw.kl_divergence(z, learned),
    "target probabilities": lambda z, learned: lw.kl_divergence(z, target_probabilities=learned / 3),
    "a binary target": lambda z, learned: lw.binary_cross_entropy_with_logits(z, learned / 3),
    "weights of positives": lambda z, learned: lw.binary_focal_loss_with_logits(z, learned / 3, pos_weight=learned[0]),
    "the normalizer": lambda z, learned: lw.cross_entropy(z, torch.tensor(TARGET), normalizer=learned.sum()),
    "the temperature": lambda z, learned: lw.kl_divergence(z, torch.ones_like(z), temperature=learned[0, 0]),
    "weights beside the gradient": lambda z, learned: lw.cross_entropy_and_gradient(
        z, torch.tensor(TARGET), sample_weight=learned[:, 0]
    ),
}
SUSPICIOUS = {
    "probabilities": torch.tensor(PROBABILITIES),
    "NaN": torch.tensor(spoiled(LOGITS, r1c2=NAN)),
    "rows of -inf": torch.tensor(spoiled(LOGITS, r1=-INF, r2c0=-INF)),
    "logits": torch.tensor(LOGITS),
}


@pytest.mark.parametrize("content", SUSPICIOUS)
@pytest.mark.parametrize("what", LEARNED)
def test_what_is_learned_beside_the_logits_changes_no_warning(what, content):
    call, logits, others = LEARNED[what], SUSPICIOUS[content], torch.ones(4, 3, dtype=torch.float64)
    for recorded in (False, True):
        z = logits.clone().requires_grad_(recorded)
        expected = said(lambda: call(z, others))  # noqa: B023
        assert said(lambda: call(z, others.clone().requires_grad_())) == expected  # noqa: B023
        assert bool(expected) == (content != "logits")
    with lw.checks("off"):
        assert said(lambda: call(logits, others.clone().requires_grad_())) == []


def test_learned_weights_of_which_none_counts_are_said_once():
    call, nothing = LEARNED["sample weights"], torch.zeros(4, 3, requires_grad=True)
    assert kinds(lambda: call(leaf(), nothing)) == [lw.NoRowsWarning]
    assert kinds(lambda: call(leaf().softmax(1), torch.ones(4, 3, requires_grad=True))) == [
        lw.ProbabilitiesAsLogitsWarning
    ]


def test_a_recorded_backward_pass_warns_of_nothing_again():
    logits = leaf()
    with lw.checks("off"):
        loss = lw.cross_entropy(logits.softmax(1), torch.tensor(TARGET))
    assert said(lambda: torch.autograd.grad(loss, logits, create_graph=True)) == []
