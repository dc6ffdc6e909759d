"""Lists are read as NumPy makes arrays of them: one dtype in every function."""

from __future__ import annotations

import numpy as np
import pytest

import logitwise as lw

ROW, HALF, SINGLE = [0.5, -1.0, 2.0], np.float16, np.float32
LISTS = {
    "Python's floats": ROW,
    "Python's integers": [1, -1, 2],
    "single": [SINGLE(x) for x in ROW],
    "half": [HALF(x) for x in ROW],
    "single and an integer": [SINGLE(0.5), -1, 2],
    "an integer and singles": [1, SINGLE(-1.0), SINGLE(2.0)],
    "single and a float": [SINGLE(0.5), -1.0, 2.0],
    "half and an integer": [HALF(0.5), -1, HALF(2.0)],
    "half and single": [HALF(0.5), SINGLE(-1.0), HALF(2.0)],
    "single and a small integer": [SINGLE(0.5), np.int8(-1), np.int8(2)],
}
FUNCTIONS = {
    "softmax": lw.softmax,
    "log_softmax": lw.log_softmax,
    "logsumexp": lw.logsumexp,
    "logsumexp with b": lambda z: lw.logsumexp(z, b=[1.0, 2.0, 1.0]),
    "sigmoid": lw.sigmoid,
    "log_sigmoid": lw.log_sigmoid,
    "entropy": lw.entropy,
    "entropy_and_gradient": lw.entropy_and_gradient,
    "kl_divergence": lambda z: lw.kl_divergence(z, [0.0, 1.0, 2.0]),
    "kl_divergence_and_gradient": lambda z: lw.kl_divergence_and_gradient(z, [0.0, 1.0, 2.0]),
    "cross_entropy": lambda z: lw.cross_entropy(z, 1),
    "cross_entropy_and_gradient": lambda z: lw.cross_entropy_and_gradient(z, 1),
    "focal_loss": lambda z: lw.focal_loss(z, 1),
    "binary": lambda z: lw.binary_cross_entropy_with_logits(z, [0, 1, 1], reduction="none"),
    "binary focal": lambda z: lw.binary_focal_loss_with_logits(z, [0, 1, 1]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("case", LISTS)
def test_a_list_is_the_array_that_numpy_makes_of_it(case, name):
    array = np.asarray(LISTS[case])
    array = array.astype(np.float64) if array.dtype.kind == "i" else array
    found, expected = FUNCTIONS[name](LISTS[case]), FUNCTIONS[name](array)
    for ours, theirs in zip(*((x if isinstance(x, tuple) else (x,)) for x in (found, expected)), strict=True):
        assert ours.dtype == theirs.dtype == array.dtype
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("case", LISTS)
def test_a_target_in_a_list_is_that_of_its_array(case):
    logits = np.array([0.0, 1.0, 2.0])
    target = LISTS[case]
    assert lw.kl_divergence(logits, target) == lw.kl_divergence(logits, np.asarray(target))
    assert lw.logsumexp(logits, b=target) == lw.logsumexp(logits, b=np.asarray(target))


def test_probabilities_in_a_list_are_those_of_its_array():
    for row in ([SINGLE(0.25), 0.75], [SINGLE(0.25), SINGLE(0.75)], [HALF(0.25), SINGLE(0.75)], [HALF(0), 1]):
        found, expected = lw.log_loss(row, 1), lw.log_loss(np.asarray(row), 1)
        assert (found, found.dtype) == (expected, np.asarray(row).dtype)
