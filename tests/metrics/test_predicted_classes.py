"""Measures of predicted classes against scikit-learn, by hand, and at their borders."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

import logitwise as lw
from logitwise.metrics import balanced_accuracy, confusion_matrix, f1


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_they_are_those_of_scikit_learn(n_classes):
    generator = np.random.default_rng(n_classes)
    target, predicted = generator.integers(0, n_classes, (2, 200))
    assert balanced_accuracy(target, predicted, n_classes) == pytest.approx(balanced_accuracy_score(target, predicted))
    average = "binary" if n_classes == 2 else "macro"
    assert f1(target, predicted, n_classes) == pytest.approx(f1_score(target, predicted, average=average))


def test_by_hand():
    target, predicted = [0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0]
    assert balanced_accuracy(target, predicted, 2) == (3 / 4 + 1 / 2) / 2
    assert f1(target, predicted, 2) == 2 * 1 / (2 + 2)
    assert type(balanced_accuracy(target, predicted, 2)) is type(f1(target, predicted, 2)) is float


def test_classes_without_rows_do_not_count():
    target, predicted = [0, 2, 2], [0, 2, 1]
    assert balanced_accuracy(target, predicted, 5) == 0.75
    assert f1(target, predicted, 5) == pytest.approx((1 + 2 / 3) / 2)
    assert f1([0, 0], [0, 0], 2) == 0.0


@pytest.mark.parametrize("measure", [balanced_accuracy, f1, confusion_matrix])
@pytest.mark.parametrize(
    ("target", "predicted", "kind", "message"),
    [
        ([0, 1], [0], ValueError, "predicted must have one index per row of target, 2; got 1."),
        ([0, 2], [0, 1], ValueError, "target must be in [0, 1]; got 2 at row 1."),
        ([0, 1], [0, -1], ValueError, "predicted must be in [0, 1]; got -1 at row 1."),
        (
            [0.5, 1],
            [0, 1],
            TypeError,
            "target must be integers, class indices from 0; got dtype float64. Convert labels to indices first.",
        ),
    ],
)
def test_refusals(measure, target, predicted, kind, message):
    with pytest.raises(kind) as raised:
        measure(target, predicted, 2)
    assert str(raised.value) == message
    assert isinstance(raised.value, lw.InvalidArgumentError)


@pytest.mark.parametrize("measure", [balanced_accuracy, f1])
def test_no_rows_are_refused(measure):
    with pytest.raises(ValueError, match=r"^target must have at least one row; got none\.$"):
        measure([], [], 2)
