"""Labels of rows to measure on, where they are none of the classes of training: what is told of them."""

from __future__ import annotations

import numpy as np
import pytest

import logitwise as lw
from logitwise.evidence.labels import known_indices

TEXT = np.array(["1", "2"], dtype=object)
OTHER = {
    "text for integers": (["1", "2"], np.array([1, 2]), "int, 1, 2, and these are of type str. Convert them to int."),
    "text for booleans": (
        ["True", "False"],
        np.array([False, True]),
        "bool, False, True, and these are of type str. Convert them to bool.",
    ),
    "text for floats": (
        ["1.0"],
        np.array([1.0, 2.0]),
        "float, 1.0, 2.0, and these are of type str. Convert them to float.",
    ),
    "another spelling": (
        ["true"],
        np.array([False, True]),
        "bool, False, True, and these are of type str. Convert them to bool, and rename or drop 'true'.",
    ),
    "some that are none": (
        ["1", "x"],
        np.array([1, 2]),
        "int, 1, 2, and these are of type str. Convert them to int, and rename or drop 'x'.",
    ),
    "booleans for text": (
        [True, False],
        np.array(["False", "True"], dtype=object),
        "str, 'False', 'True', and these are of type bool. Convert them to str.",
    ),
    "floats for text": (
        [1.0, 2.0],
        TEXT,
        "str, '1', '2', and these are of type float. Convert them to str, and rename or drop 1.0, 2.0.",
    ),
}


@pytest.mark.parametrize("case", OTHER)
def test_labels_of_another_type_are_told_as_such(case):
    labels, classes, told = OTHER[case]
    with pytest.raises(lw.UnseenLabelsError) as raised:
        known_indices(labels, classes)
    assert raised.value.advice == f"Training saw labels of type {told}"
    assert f"{raised.value.advice}".startswith(raised.value.likeness)


@pytest.mark.parametrize(
    ("labels", "classes", "told"),
    [
        (["1"], np.array([1, 2]), "Convert labels to int."),
        ([True], TEXT, "Convert labels to str."),
        (["3"], TEXT, "Rename or strip labels, or drop those rows."),
        ([3], np.array([1, 2]), "Rename or strip labels, or drop those rows."),
    ],
)
def test_rows_to_stop_by_with_labels_of_another_type_are_told_as_such(labels, classes, told):
    X = np.random.default_rng(0).normal(size=(40, 2))
    with pytest.raises(lw.InvalidValueError) as raised:
        lw.Classifier((), steps=1).fit(X, classes[np.arange(40) % 2], X_val=X[: len(labels)], y_val=labels)
    assert (raised.value.argument, raised.value.advice) == ("y_val", told)


@pytest.mark.parametrize(
    ("labels", "classes"), [([1, 2], TEXT), ([True, False], np.array([0, 1])), ([1.0, 2.0], np.array([1, 2]))]
)
def test_labels_that_are_equal_are_known_whatever_their_type(labels, classes):
    expected = [classes.astype(str).tolist().index(str(int(label))) for label in labels]
    assert known_indices(labels, classes).tolist() == expected
