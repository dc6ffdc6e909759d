"""The network that predicts, beside a textbook in float64: every number of rows around its tiles and blocks."""

import numpy as np
import pytest

from logitwise.calibration import Calibration
from logitwise.model.model import Model
from logitwise.model.network import Network, block_of
from logitwise.model.preprocessing import Preprocessing
from logitwise.model.scratch import Scratch

INPUTS, DEEP, MEMBERS = 6, 4, 3
AROUND = [1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 255, 256, 257, 271, 272, 273, 511, 512, 513]


def made_network(hidden=(5, 7), classes=3, seed=0):
    generator = np.random.default_rng(seed)
    widths = (DEEP, *hidden)

    def drawn(*shape):
        return generator.normal(size=(MEMBERS, *shape)).astype(np.float32)

    layers = tuple((drawn(a, b), drawn(1, b)) for a, b in zip(widths, hidden, strict=False))
    output = drawn(widths[-1], classes) if hidden else None
    return Network(layers, output, drawn(INPUTS, classes), drawn(1, classes))


def textbook_logits(network, inputs):
    """Return the logits in float64, `(members, rows, classes)`."""
    inputs = inputs.astype(np.float64)
    logits, activations = inputs @ network.linear + network.prior, inputs[:, :DEEP]
    for weight, bias in network.hidden:
        sums = activations @ weight + bias
        activations = sums / (1 + np.exp(-sums))
    return logits if network.output is None else logits + activations @ network.output


def textbook_vote(network, inputs):
    odds = np.exp(textbook_logits(network, inputs))
    return (odds / odds.sum(axis=2, keepdims=True)).mean(axis=0)


def voted(network, inputs, scratch=None):
    """Return what `vote` says of rows, laid out as it takes them."""
    rows = len(inputs)
    across = np.full((1 + INPUTS, block_of(rows)), 7.0, np.float32)  # what is beside the rows must not matter
    across[0], across[1:, :rows] = 1.0, inputs.T
    return network.vote(across, rows, scratch or Scratch()).T


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("hidden", [(), (5,), (5, 7), (3, 4, 2)])
def test_logits_and_votes_are_those_of_the_textbook(hidden, classes):
    network = made_network(hidden, classes)
    inputs = np.random.default_rng(1).normal(size=(40, INPUTS)).astype(np.float32)
    np.testing.assert_allclose(network.logits(inputs), textbook_logits(network, inputs), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(voted(network, inputs), textbook_vote(network, inputs), rtol=1e-4, atol=1e-6)
    assert network.members == MEMBERS
    assert network.widths == (INPUTS, DEEP if hidden else 0, *hidden, classes)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("rows", [rows for rows in AROUND if rows <= 256])
def test_any_number_of_rows_of_a_block_is_voted_on(rows, classes):
    network = made_network(classes=classes)
    inputs = np.random.default_rng(rows).normal(size=(rows, INPUTS)).astype(np.float32)
    found = voted(network, inputs)
    assert found.shape == (rows, classes)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, textbook_vote(network, inputs), rtol=1e-4, atol=1e-6)
    assert network.logits(inputs).shape == (MEMBERS, rows, classes)
    np.testing.assert_allclose(network.logits(inputs), textbook_logits(network, inputs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_memory_used_before_changes_no_bit(classes):
    network, scratch = made_network(classes=classes), Scratch()
    inputs = np.random.default_rng(0).normal(size=(256, INPUTS)).astype(np.float32)
    for rows in (256, 5, 16, 17, 3, 32, 256, 1):
        fresh = voted(network, inputs[:rows])
        np.testing.assert_array_equal(voted(network, inputs[:rows], scratch), fresh)


@pytest.mark.parametrize("rows", AROUND)
def test_a_model_predicts_every_row_however_many_there_are(rows):
    numbers, none = np.zeros(INPUTS), (np.zeros(0),) * INPUTS
    preprocessing = Preprocessing(None, (None,) * INPUTS, numbers, numbers + 1, numbers, numbers > 0, none)
    linear = np.random.default_rng(0).normal(size=(MEMBERS, INPUTS, 3)).astype(np.float32)
    network = Network((), None, linear, np.zeros((MEMBERS, 1, 3), np.float32))
    model = Model(np.arange(3), preprocessing, network, Calibration.none(3))
    X = np.random.default_rng(rows).normal(size=(rows, INPUTS))
    expected = textbook_vote(network, X / np.sqrt(1 + (X / 3) ** 2))
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("rows", "places"),
    [(1, 16), (15, 16), (16, 16), (17, 32), (240, 240), (241, 256), (256, 256), (257, 256), (999, 256)],
)
def test_blocks_are_of_whole_tiles(rows, places):
    assert block_of(rows) == places


@pytest.mark.parametrize("classes", [2, 4])
def test_far_out_logits_neither_overflow_nor_lose_the_smaller_probability(classes):
    linear = np.zeros((MEMBERS, INPUTS, classes), np.float32)
    linear[:, 0, 1] = 1.0
    network = Network((), None, linear, np.zeros((MEMBERS, 1, classes), np.float32))
    inputs = np.zeros((4, INPUTS), np.float32)
    inputs[:, 0] = [300.0, -300.0, 3e38, -3e38]
    with np.errstate(over="ignore", under="ignore"):
        found = voted(network, inputs)
    smaller = np.exp(-300.0)
    np.testing.assert_allclose(found[0, 0], smaller, rtol=1e-12)
    np.testing.assert_allclose(found[1, 1], smaller / (classes - 1), rtol=1e-12)
    np.testing.assert_allclose(found[2:, 1], [1, 0], atol=1e-300)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)


def test_memory_is_found_by_its_name_and_shape():
    scratch = Scratch()
    first = scratch.array("a", (2, 3))
    assert (first.shape, first.dtype) == ((2, 3), np.float32)
    first[:] = 5.0
    assert scratch.array("a", (2, 3)) is first
    assert scratch.array("b", (2, 3)) is not first
    assert scratch.array("a", (3, 2)).shape == (3, 2)
    assert scratch.array("c", (2,), np.float64).dtype == np.float64
