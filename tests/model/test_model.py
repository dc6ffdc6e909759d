"""What a model makes of its members' votes: calibration, costs, sets and batches, worked out from a made network."""

import numpy as np
import polars as pl
import pytest
from scipy.special import log_softmax, softmax

from logitwise import DataWarning
from logitwise.calibration import Calibration
from logitwise.classifier import load
from logitwise.columns.table import read_table
from logitwise.model.file import read_model_file, write_model_file
from logitwise.model.model import Model, ModelFileError
from logitwise.model.network import Network
from logitwise.model.preprocessing import Preprocessing
from logitwise.model.provenance import rows_sha256

X = np.random.default_rng(5).normal(size=(40, 2))
COSTS = {2: np.array([[0.0, 1.0], [6.0, 0.0]]), 3: np.array([[0.0, 1.0, 9.0], [5.0, 0.0, 1.0], [1.0, 2.0, 0.0]])}


def made_model(n_classes=3, **changes):
    """Return a model of two linear members that disagree, of two columns, calibrated with all there is."""
    generator = np.random.default_rng(n_classes)
    none = np.zeros(0)
    offset, scale, fill = np.zeros(2), np.ones(2), np.zeros(2)
    preprocessing = Preprocessing(None, (None,) * 2, offset, scale, fill, np.zeros(2, bool), (none,) * 2)
    linear = generator.normal(size=(2, 2, n_classes)).astype(np.float32) * 2
    network = Network((), None, linear, generator.normal(size=(2, 1, n_classes)).astype(np.float32))
    scale, shift = generator.uniform(0.5, 2, n_classes), generator.normal(size=n_classes) / 2
    calibration = Calibration(scale, shift, 0.02, "vector" if n_classes > 2 else "affine")
    classes = np.array(["a", "b", "c"][:n_classes], dtype=object)
    made = {"costs": None, "conformal_scores": np.linspace(0.1, 2, 19), "metadata": {"known": [1]}}
    return Model(classes, preprocessing, network, calibration, **made | changes)


def votes_of(model):
    """The mean of the members' probabilities, written out."""
    levelled = X / np.sqrt(1 + (X / 3) ** 2)
    logits = levelled @ model.network.linear.astype(np.float64) + model.network.prior
    return softmax(logits, axis=2).mean(axis=0)


def calibrated(model):
    own = model.calibration
    scaled = log_softmax(np.log(votes_of(model)) * own.scale + own.shift, axis=1)
    return 0.98 * np.exp(scaled) + 0.02 / len(own.scale)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_votes_are_averaged_then_calibrated(n_classes):
    model = made_model(n_classes)
    expected = calibrated(model)
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-5)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(expected), rtol=1e-5, atol=1e-7)
    logits = np.log(expected)
    logits = logits[:, 1] - logits[:, 0] if n_classes == 2 else logits
    np.testing.assert_allclose(model.decision_function(X), logits, rtol=1e-4, atol=1e-6)
    bare = model.uncalibrated()
    np.testing.assert_allclose(bare.predict_proba(X), votes_of(model), rtol=1e-5)
    assert (bare.calibration.method, bare.calibration.uniform) == ("none", 0.0)
    assert bare.conformal_scores is model.conformal_scores
    assert np.abs(expected - votes_of(model)).max() > 0.05


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_prediction_has_the_lowest_expected_cost(n_classes):
    plain, weighed = made_model(n_classes), made_model(n_classes, costs=COSTS[n_classes])
    probabilities = plain.predict_proba(X)
    costs, every = COSTS[n_classes], range(n_classes)
    expected = [
        min(every, key=lambda said, row=row: sum(row[true] * costs[true, said] for true in every))
        for row in probabilities
    ]
    assert weighed.predict(X).tolist() == plain.classes[expected].tolist()
    assert plain.predict(X).tolist() == plain.classes[probabilities.argmax(axis=1)].tolist()
    assert (weighed.predict(X) != plain.predict(X)).any()
    np.testing.assert_array_equal(weighed.predict_proba(X), probabilities)
    for model in (plain, weighed):
        batch = model.predict_batch(X)
        np.testing.assert_array_equal(model.classes[batch.indices], model.predict(X))
        np.testing.assert_array_equal(batch.probabilities, probabilities)
        assert batch.unknown == {}
    np.testing.assert_array_equal(weighed.uncalibrated().costs, COSTS[n_classes])


def test_sets_go_by_calibrated_losses_and_by_the_scores():
    model = made_model()
    probabilities = calibrated(model)
    for coverage, rank in ((0.5, 10), (0.9, 18), (0.95, 19)):
        expected = -np.log(probabilities) <= model.conformal_scores[rank - 1]
        expected[np.arange(40), probabilities.argmax(axis=1)] = True
        np.testing.assert_array_equal(model.predict_set(X, coverage), expected)
    np.testing.assert_array_equal(model.predict_set(X), model.predict_set(X, 0.9))
    assert (model.predict_set(X) != model.predict_set(X, 0.5)).any()
    with pytest.raises(ValueError, match="coverage must be at most 0 with 0 held-out rows"):
        made_model(conformal_scores=None).predict_set(X)


def test_a_vote_that_underflows_keeps_a_finite_logarithm():
    model = made_model()
    network = Network((), None, model.network.linear * 0, np.float32([[[3000, 0, 0]]] * 2))
    certain = Model(model.classes, model.preprocessing, network, Calibration.none(3))
    expected = [[0.0, np.log(5e-324), np.log(5e-324)]]
    np.testing.assert_allclose(certain.predict_log_proba(X[:1]), expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("has_decisions", [True, False])
def test_a_file_keeps_costs_scores_and_calibration(n_classes, has_decisions, tmp_path):
    changes = {"costs": COSTS[n_classes]} if has_decisions else {"conformal_scores": None}
    model = made_model(n_classes, **changes)
    model.save(tmp_path / "m.safetensors")
    loaded = load(tmp_path / "m.safetensors")
    for name in ("scale", "shift", "uniform", "method"):
        np.testing.assert_array_equal(getattr(loaded.calibration, name), getattr(model.calibration, name))
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.metadata == {"known": [1]}
    for name in ("costs", "conformal_scores"):
        if getattr(model, name) is None:
            assert getattr(loaded, name) is None
        else:
            np.testing.assert_array_equal(getattr(loaded, name), getattr(model, name))


@pytest.mark.parametrize(
    ("uniform", "is_fine"),
    [(0, True), (0.0, True), (0.999, True), (1.0, False), (-1e-9, False), ("0", False), (None, False)],
)
def test_a_share_of_the_uniform_distribution_is_from_0_to_below_1(uniform, is_fine, tmp_path):
    path = tmp_path / "m.safetensors"
    made_model().save(path)
    file = read_model_file(path)
    header = {**file.header, "calibration": {"method": "vector", "uniform": uniform}}
    write_model_file(path, header, dict(file.tensors))
    if is_fine:
        assert load(path).calibration.uniform == uniform
    else:
        with pytest.raises(ModelFileError, match="a calibration without a valid method and share"):
            load(path)


def test_a_model_knows_its_columns_and_labels():
    model = made_model()
    assert (model.feature_names, model.n_features) == (None, 2)
    assert model.class_indices(["c", "a", "a", "b"]).tolist() == [2, 0, 0, 1]
    with pytest.raises(ValueError, match="must hold only classes seen in training"):
        model.class_indices(["d"])


def test_a_model_knows_the_rows_that_its_metadata_name():
    y = ["a"] * 39 + ["b"]
    known = rows_sha256(read_table(X), np.array(y, dtype=object))
    model = made_model(metadata={"rows_sha256": known})
    assert model.was_trained_on(X, y) is True
    assert model.was_trained_on(X, y[::-1]) is False
    assert model.was_trained_on(X + 1e-9, y) is False
    with pytest.raises(ValueError, match="without rows_sha256 in its metadata"):
        made_model().was_trained_on(X, y)


def test_a_batch_counts_what_is_unknown_and_a_prediction_warns_of_it():
    preprocessing = Preprocessing(("t",), (("x", "y"),), *np.zeros((3, 0)), np.zeros(0, bool), ())
    network = Network((), None, np.float32([[[-1, 1]]]), np.zeros((1, 1, 2), np.float32))
    model = Model(np.array([0, 1]), preprocessing, network, Calibration.none(2))
    frame = pl.DataFrame({"t": ["x", "q", None, "q"], "more": [1, 2, 3, 4]})
    batch = model.predict_batch(frame)
    assert list(batch.unknown.values()) == [2]
    with pytest.warns(DataWarning) as warned:
        probabilities = model.predict_proba(frame)
    assert len(warned) == 2
    np.testing.assert_array_equal(probabilities, batch.probabilities)
    np.testing.assert_allclose(probabilities[1:], 0.5, rtol=1e-12)
    np.testing.assert_allclose(probabilities[0], softmax([-1.0, 1.0]), rtol=1e-6)


def test_errors_of_a_batch_name_the_row_among_all():
    values = X.copy()
    values[7, 1] = np.inf
    with pytest.raises(ValueError, match=r"row 107\b"):
        made_model().predict_batch(values, first_row=100)
    with pytest.raises(ValueError, match=r"row 7\b"):
        made_model().predict_batch(values)
