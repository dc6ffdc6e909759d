"""Evidence gathered from a real model and rows: what the command line puts into a report."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from logitwise import Classifier
from logitwise.classifier.importance import permutation_importance
from logitwise.classifier.model import Model
from logitwise.classifier.table import read_table
from logitwise.cli.evidence import gather
from logitwise.cli.record import Record
from logitwise.cli.sources import Labelled
from logitwise.data.fingerprint import fingerprint
from logitwise.metrics import summary
from logitwise.report import render


def made_table(rows: int, seed: int) -> Labelled:
    """Return rows whose label follows from `size` and, less, from `colour`; `noise` has no part in it."""
    generator = np.random.default_rng(seed)
    size, noise = generator.normal(size=(2, rows))
    colour = generator.choice(["red", "<green>"], rows)
    labels = np.where(2 * size + (colour == "red") + generator.normal(0, 0.5, rows) > 0.5, "ripe", "raw")
    features = pl.DataFrame({"noise": noise, "size": size, "colour": colour})
    return Labelled(features, labels.astype(object), "fruit.csv", "label", True, np.arange(len(labels)))


def made_images(rows: int, seed: int) -> Labelled:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, rows)
    images = generator.integers(0, 100, (rows, 6, 6))
    images[np.arange(rows), labels * 2] += 60
    return Labelled(images.astype(np.uint8), labels, "strips", None, None, np.arange(len(labels)))


@pytest.fixture(scope="module", params=[made_table, made_images])
def case(request: pytest.FixtureRequest) -> tuple[Model, Labelled]:
    trained_on = request.param(400, 1)
    model = Classifier(hidden=(8,), epochs=8, learning_rate=0.03).fit(trained_on.features, trained_on.labels).model_
    counts = np.unique(trained_on.labels, return_counts=True)[1].tolist()
    return Record("fruit.csv", 400, counts).kept_in(model), request.param(300, 2)


def gathered(case):
    model, rows = case
    words = {"argument": "DATA", "where": "300 rows", "title": "fruit", "command": "logitwise report"}
    return gather(model, rows, **words, facts={"SHA-256": "00"})


def test_holds_what_the_model_says_of_the_rows(case):
    model, rows = case
    evidence = gathered(case)
    np.testing.assert_array_equal(evidence.probabilities, model.predict_proba(rows.features))
    np.testing.assert_array_equal(evidence.target, model.class_indices(rows.labels))
    assert evidence.classes == [str(label) for label in model.classes]
    assert evidence.history.train_loss == model.metadata["history"]["train_loss"]
    assert evidence.history.best_step == model.metadata["best_step"]
    assert list(evidence.facts) == ["SHA-256", "trained on", "training options", "versions"]
    assert evidence.facts["trained on"] == "400 rows of fruit.csv"


def test_holds_the_probabilities_before_calibration(case):
    model, rows = case
    evidence = gathered(case)
    scaled = replace(
        model, calibration=replace(model.calibration, scale=model.calibration.scale / 100, method="temperature")
    )
    once_more = gathered((scaled, rows))
    assert not np.array_equal(once_more.probabilities, evidence.probabilities)
    np.testing.assert_array_equal(once_more.before_calibration, model.uncalibrated().predict_proba(rows.features))
    assert re.fullmatch(r"by a temperature of \d+\.\d\d, fitted on rows held out in training", once_more.calibrated_by)
    bare = gathered((model.uncalibrated(), rows))
    assert (bare.before_calibration, bare.calibrated_by) == (None, "")


def test_holds_the_comparison_of_training(case):
    model, rows = case
    measures = {"model": {"log_loss": 0.3}, "logistic regression": {"log_loss": 0.2}}
    differences = {"logistic regression": {"mean": 0.1, "low": 0.05, "high": 0.15}}
    known = {"rows": 9, "measures": measures, "differences": differences, "verdict": "It loses."}
    found = gathered((replace(model, metadata={**model.metadata, "baselines": known}), rows)).comparison
    assert (found.rows, found.verdict, found.better) == (9, "It loses.", ["logistic regression"])
    assert found.gains == {"logistic regression": (-0.15, -0.05)}
    for other in (
        {**known, "measures": {}},
        {"rows": 1},
        {**known, "measures": 3},
        {**known, "differences": "low"},
        None,
    ):
        bare = {**model.metadata, "baselines": other}
        assert gathered((replace(model, metadata=bare), rows)).comparison is None


def test_a_logistic_regression_is_measured_on_the_same_rows_where_those_of_training_are_at_hand(case):
    model, rows = case
    trained_on = made_table(400, 1) if rows.name == "fruit.csv" else made_images(400, 1)
    words = {"argument": "DATA", "where": "w", "title": "t", "command": "c", "facts": {}}
    evidence = gather(model, rows, **words, trained_on=trained_on)
    assert list(evidence.baselines) == ["the class frequencies alone", "logistic regression"]
    assert evidence.comparison is None
    encoded = [
        model.preprocessing.encode(model.preprocessing.prepare(read_table(each.features)), slice(None))
        for each in (trained_on, rows)
    ]
    inputs = [each[:, : model.preprocessing.n_deep] for each in encoded]
    peer = LogisticRegression(max_iter=200).fit(inputs[0], trained_on.labels)
    found = evidence.baselines["logistic regression"]
    np.testing.assert_allclose(found, peer.predict_proba(inputs[1]), atol=1e-5)


def test_says_what_training_found_and_how_columns_without_names_are_called(case):
    model, rows = case
    assert gathered(case).notes == []
    noted = replace(model, metadata={**model.metadata, "notes": ["X has <odd> columns."]})
    header = "The file has no header line: columns are called by their place, from column_0 on; the target is label."
    assert gathered((noted, replace(rows, has_header=False, target_name="label"))).notes == [
        "The data has <odd> columns.",
        header,
    ]


def test_holds_the_costs_that_answers_weigh(case):
    model, rows = case
    costs = np.ones((len(model.classes), len(model.classes)))
    costs[:, -1] = 0.0  # the last class costs nothing
    evidence = gathered((replace(model, costs=costs), rows))
    assert set(evidence.predicted.tolist()) == {len(model.classes) - 1}


def test_shows_the_rows_it_is_most_confidently_wrong_about(case):
    _, rows = case
    evidence = gathered(case)
    assert 0 < len(evidence.examples) <= 24
    for example in evidence.examples:
        assert evidence.predicted[example.position] != evidence.target[example.position]
        if example.image is None:
            assert dict(example.cells)["colour"] == rows.features["colour"][example.position]
        else:
            np.testing.assert_array_equal(example.image, rows.features[example.position])


def test_becomes_a_page(case):
    page = render(gathered(case))
    assert "fruit" in page
    assert "<green>" not in page
    assert len(page) < 200_000


def test_without_counts_the_baseline_guesses_every_class_alike(case):
    model, rows = case
    bare = Model(model.classes, model.preprocessing, model.network, model.calibration)
    evidence = gather(bare, rows, argument="DATA", where="w", title="t", command="c", facts={})
    assert list(evidence.baselines) == ["guessing every class alike"]
    np.testing.assert_allclose(evidence.baselines["guessing every class alike"], 1 / len(model.classes))
    assert evidence.history is None
    assert list(evidence.facts) == ["versions"]


def test_an_unknown_label_is_one_sentence(case):
    model, rows = case
    unknown = Labelled(rows.features, np.full(300, "zz", dtype=object), "other.csv", None, None, rows.positions)
    with pytest.raises(ValueError, match=r"^DATA must hold only labels that training saw; got 'zz'"):
        gather(model, unknown, argument="DATA", where="w", title="t", command="c", facts={})


def test_importance_is_high_for_what_matters_and_none_for_noise():
    trained_on, rows = made_table(600, 1), made_table(400, 2)
    model = Classifier(hidden=(8,), epochs=20, learning_rate=0.03).fit(trained_on.features, trained_on.labels).model_
    target = model.class_indices(rows.labels)
    rises = permutation_importance(model, rows.features, target)
    assert list(rises) == ["noise", "size", "colour"]
    assert min(rises["size"]) > max(rises["colour"]) > min(rises["colour"]) > 0.05
    assert abs(np.mean(rises["noise"])) < 0.05


def test_importance_is_a_difference_of_log_losses():
    trained_on, rows = made_table(200, 1), made_table(100, 2)
    arrays = [np.stack([part.features["noise"], part.features["size"]], axis=1) for part in (trained_on, rows)]
    model = Classifier(hidden=(), epochs=5).fit(arrays[0], trained_on.labels).model_
    target = model.class_indices(rows.labels)
    generator = np.random.default_rng(0)
    generator.permutation(100)  # which rows: all of them
    shuffled = arrays[1].copy()
    shuffled[:, 1] = shuffled[generator.permutation(100), 1]
    losses = [summary(target, model.predict_proba(each))["log_loss"] for each in (arrays[1], shuffled)]
    assert permutation_importance(model, arrays[1], target)["column 1"][0] == pytest.approx(losses[1] - losses[0])


def test_fingerprints_of_files_and_folders(tmp_path):
    (tmp_path / "b.csv").write_bytes(b"two")
    (tmp_path / "a.csv").write_bytes(b"one")
    one, two = (hashlib.sha256(content).hexdigest() for content in (b"one", b"two"))
    listed = f"{one}  a.csv\n{two}  b.csv\n".encode()
    assert fingerprint(str(tmp_path / "a.csv")) == one
    assert fingerprint(str(tmp_path)) == hashlib.sha256(listed).hexdigest()
    assert fingerprint("digits") is None
