"""Evidence gathered from a real model and rows: what the command line puts into a report."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from logitwise import Classifier
from logitwise.calibration import Calibration
from logitwise.columns.table import read_table
from logitwise.data.digest import source_sha256
from logitwise.evidence import features, gathering
from logitwise.evidence.gathering import gather
from logitwise.evidence.importance import permutation_importance
from logitwise.evidence.measured import measure
from logitwise.evidence.record import Record
from logitwise.evidence.rows import LabelledRows
from logitwise.metrics import summary
from logitwise.model import provenance
from logitwise.model.model import Model
from logitwise.report_page import render
from logitwise.report_page.page import verdict_in_words


def made_table(rows: int, seed: int) -> LabelledRows:
    """Return rows whose label follows from `size` and, less, from `colour`; `noise` has no part in it."""
    generator = np.random.default_rng(seed)
    size, noise = generator.normal(size=(2, rows))
    colour = generator.choice(["red", "<green>"], rows)
    labels = np.where(2 * size + (colour == "red") + generator.normal(0, 0.5, rows) > 0.5, "ripe", "raw")
    features = pl.DataFrame({"noise": noise, "size": size, "colour": colour})
    return LabelledRows(features, labels.astype(object), "fruit.csv", "label", True, np.arange(len(labels)))


def made_images(rows: int, seed: int) -> LabelledRows:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, rows)
    images = generator.integers(0, 100, (rows, 6, 6))
    images[np.arange(rows), labels * 2] += 60
    return LabelledRows(images.astype(np.uint8), labels, "strips", None, None, np.arange(len(labels)))


@pytest.fixture(scope="module", params=[made_table, made_images])
def case(request: pytest.FixtureRequest) -> tuple[Model, LabelledRows]:
    trained_on = request.param(400, 1)
    model = Classifier(hidden=(8,), epochs=8, learning_rate=0.03).fit(trained_on.features, trained_on.labels).model_
    counts = np.unique(trained_on.labels, return_counts=True)[1].tolist()
    return Record("fruit.csv", 400, counts).kept_in(model), request.param(300, 2)


def gathered(case):
    model, rows = case
    words = {"where": "300 rows", "title": "fruit", "command": "logitwise report"}
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
    assert once_more.calibrated_by.endswith(", fitted on rows held out in training")
    bare = gathered((model.uncalibrated(), rows))
    assert (bare.before_calibration, bare.calibrated_by) == (None, "")


@pytest.mark.parametrize(
    ("method", "scale", "said"),
    [
        ("temperature", 0.8, "by a temperature of 1.25, fitted on rows held out in training"),
        ("temperature", 2.5, "by a temperature of 0.40, fitted on rows held out in training"),
        ("vector", 0.8, "by vector scaling, fitted on rows held out in training"),
        ("none", 0.8, ""),
    ],
)
def test_says_by_what_the_probabilities_were_calibrated(case, method, scale, said):
    model, rows = case
    factors = np.array([scale, *np.ones(len(model.classes) - 1)])
    scaled = replace(model, calibration=Calibration(factors, np.zeros(len(factors)), 0.01, method))
    found = gathered((scaled, rows))
    assert (found.calibrated_by, found.before_calibration is None) == (said, method == "none")


def test_holds_the_comparison_of_training(case):
    model, rows = case
    measures = {"model": {"log_loss": 0.3}, "logistic regression": {"log_loss": 0.2}}
    differences = {"logistic regression": {"mean": 0.1, "low": 0.05, "high": 0.15}, "majority class": {"high": -0.2}}
    differences["majority class"] |= {"mean": -0.3, "low": -0.4}
    known = {"rows": 9, "measures": measures, "differences": differences, "verdict": "It wins."}
    found = gathered((replace(model, metadata={**model.metadata, "baselines": known}), rows)).comparison
    assert found.verdict.startswith("Logistic regression beats the network: log loss 0.300 against 0.200 on 9 ")
    assert (found.rows, found.better) == (9, "logistic regression")
    assert found.gains == {"logistic regression": (-0.15, -0.05), "majority class": (0.2, 0.4)}
    both = {name: {"log_loss": 0.01, "accuracy": 1.0} for name in measures}
    nothing = {**differences, "majority class": {"mean": 0.0, "low": -0.1, "high": 0.1}}
    for other in ({"averaging": 0.05}, {"measures": both}, {"differences": nothing}):  # as training decides
        told = replace(model, metadata={**model.metadata, "baselines": {**known, **other}})
        assert gathered((told, rows)).comparison.better is None
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
    words = {"where": "w", "title": "t", "command": "c", "facts": {}}
    evidence = gather(model, rows, **words, trained_on=trained_on)
    assert list(evidence.baselines) == ["the class frequencies alone", "logistic regression"]
    # The page and `train` judge alike: by the rows held out in training, of which there are more.
    for gain in ({"low": 0.01, "high": 0.02}, {"low": -0.01, "high": 0.02}):
        known = model.metadata["baselines"]
        known = known | {"measures": known["measures"] | {"model": {"log_loss": 0.5, "accuracy": 0.9}}}
        known = known | {"differences": {**known["differences"], "logistic regression": {**gain, "mean": 0.01}}}
        told = replace(model, metadata={**model.metadata, "baselines": known})
        page = verdict_in_words(gather(told, rows, **words, trained_on=trained_on))
        printed = measure(told, rows, "w", [1] * len(model.classes)).verdict
        assert page.partition(":")[0] == printed.partition(":")[0]
        assert page.startswith("Prefer logistic regression: ") == (gain["low"] > 0)
    encoded = [
        model.preprocessing.encode(model.preprocessing.prepare(read_table(each.features)), slice(None))
        for each in (trained_on, rows)
    ]
    inputs = [each[:, : model.preprocessing.n_deep] for each in encoded]
    strength = model.metadata["baselines"]["C"]
    peer = LogisticRegression(C=strength, max_iter=200, tol=1e-6).fit(inputs[0].astype(float), trained_on.labels)
    found = evidence.baselines["logistic regression"]
    np.testing.assert_allclose(found, peer.predict_proba(inputs[1]), atol=0.06)


def test_says_what_training_found_and_how_columns_without_names_are_called(case):
    model, rows = case
    assert gathered(case).notes == []
    noted = replace(model, metadata={**model.metadata, "notes": ["X has <odd> columns."]})
    header = "The file has no header line: columns are called by their place, from column_0 on; the target is label."
    assert gathered((noted, replace(rows, has_header=False, target_name="label"))).notes == [
        "The data has <odd> columns.",
        header,
    ]


def test_a_note_on_columns_that_give_the_target_away_is_heard_by_the_verdict(case):
    model, rows = case
    assert gathered(case).leak == ""
    note = "X has columns that give the target away, each by itself: 'a. b'. Drop those that will not be known."
    noted = replace(model, metadata={**model.metadata, "notes": ["X has <odd> columns. Drop them.", note]})
    said = "the data has columns that give the target away, each by itself: 'a. b'"
    assert gathered((noted, rows)).leak == said[0].upper() + said[1:]
    found = measure(noted, rows, "w", [1] * len(model.classes))
    assert found.verdict.startswith((f"Look at its columns first: {said}. It is right in ", "Do not trust it: "))


@pytest.mark.parametrize(("copies", "is_heard"), [(99, False), (100, True)])
def test_a_note_on_many_copies_is_heard_by_the_verdict(case, copies, is_heard):
    model, rows = case
    assert gathered(case).copies == ""
    note = f"X has {copies} rows that are copies of others, of 1,000. Where one copy is trained on ..."
    noted = replace(model, metadata={**model.metadata, "notes": ["X has <odd> columns. Drop them.", note]})
    said = f"the data has {copies} rows that are copies of others, of 1,000"
    assert gathered((noted, rows)).copies == (said[0].upper() + said[1:]) * is_heard
    found = measure(noted, rows, "w", [1] * len(model.classes))
    assert found.verdict.startswith((f"Look at its copies first: {said}. ", "Do not trust it: ")) or not is_heard


def test_holds_the_costs_that_answers_weigh(case):
    model, rows = case
    costs = np.ones((len(model.classes), len(model.classes)))
    costs[:, -1] = 0.0  # the last class costs nothing
    evidence = gathered((replace(model, costs=costs), rows))
    assert set(evidence.predicted.tolist()) == {len(model.classes) - 1}
    wrong = np.flatnonzero(evidence.target != len(model.classes) - 1)
    shown = wrong[np.argsort(-evidence.probabilities[wrong, -1], kind="stable")]
    assert [each.position for each in evidence.examples] == shown[: len(evidence.examples)].tolist()


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


def test_rows_are_numbered_from_1_and_shown_most_confident_first(case):
    model, rows = case
    moved = replace(rows, positions=rows.positions * 10 + 4)
    found = gathered((model, moved))
    assert [each.number for each in found.examples] == [10 * each.position + 5 for each in found.examples]
    sure = [found.confidence[each.position] for each in found.examples]
    assert sure == sorted(sure, reverse=True)
    assert len(found.examples) == min(24 if rows.name == "strips" else 8, int((~found.hits).sum()))


def test_cells_come_most_important_first(case):
    model, rows = case
    found = gathered(case)
    if rows.name == "strips":
        assert found.importance == []
        return
    rises = {each.column: np.mean(each.rises) for each in found.importance}
    assert max(rises, key=rises.get) == "size"
    worth = permutation_importance(model, rows.features, found.target)
    assert {each.column: each.rises for each in found.importance} == worth
    expected = sorted(rises, key=rises.get, reverse=True)
    for example in found.examples:
        assert [column for column, _ in example.cells] == expected
        assert float(dict(example.cells)["size"]) == pytest.approx(rows.features["size"][example.position], rel=1e-5)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, "missing"),
        (float("nan"), "missing"),
        (1234567.0, "1.23457e+06"),
        (0.1234567, "0.123457"),
        (7, "7"),
        ("", ""),
    ],
)
def test_a_cell_is_written_as_people_write_it(value, cell):
    assert gathering._cell(value) == cell


@pytest.mark.parametrize(
    ("pixels", "shown"),
    [
        (np.array([[0, 7], [90, 255]], np.uint8), [[0, 7], [90, 255]]),
        (np.array([[0, 7], [90, 255]], np.uint8) // 3, [[0, 2], [30, 85]]),
        (np.array([[0.0, 0.5], [-0.25, 1.0]]), [[0, 127], [0, 255]]),
        (np.array([[0.0, 1.0], [2.0, 4.0]]), [[0, 63], [127, 255]]),
        (np.zeros((2, 2)), [[0, 0], [0, 0]]),
    ],
)
def test_images_are_shown_from_black_to_the_brightest_pixel_of_all(pixels, shown):
    rows = LabelledRows(pixels[None], np.array([0]), "x", None, None, np.array([6]))
    [example] = gathering._examples(rows, np.array([0]), [])
    assert (example.image.tolist(), example.number, example.image.dtype) == (shown, 7, np.uint8)


@pytest.mark.parametrize(
    ("shape", "are"),
    [((9, 6, 6), True), ((9, 6, 6, 3), True), ((9, 6, 6, 2), False), ((9, 36), False), ((9, 2, 2, 4), True)],
)
def test_what_has_the_shape_of_images_is_images(shape, are):
    assert features.is_images(np.empty(shape)) is are


@pytest.mark.parametrize(("columns", "are"), [(200, True), (201, False)])
def test_of_very_many_columns_the_importance_is_left_out(monkeypatch, columns, are):
    monkeypatch.setattr(gathering, "permutation_importance", lambda *_: {"a": [0.1]})
    found = gathering._importance(None, np.zeros((3, columns)), np.zeros(3), print)
    assert [each.column for each in found] == ["a"] * are


def test_the_baseline_is_the_class_frequencies_of_training(case):
    model, rows = case
    counts = list(range(3, 3 + len(model.classes)))
    found = gathered((Record("fruit.csv", 400, counts).kept_in(model), rows)).baselines["the class frequencies alone"]
    np.testing.assert_allclose(found, np.tile(np.array(counts) / sum(counts), (300, 1)))


HISTORY = {"step": [5, 10], "train_loss": [0.9, 0.5], "validation_loss": [0.8, 0.6]}


@pytest.mark.parametrize(
    ("entries", "is_told"),
    [
        ({}, True),
        ({"history": {**HISTORY, "validation_loss": []}}, True),
        ({"history": {**HISTORY, "validation_loss": [0.8]}}, False),
        ({"history": {**HISTORY, "train_loss": [0.8]}}, False),
        ({"history": {"step": [], "train_loss": [], "validation_loss": []}}, False),
        ({"history": {**HISTORY, "step": [5, True]}}, False),
        ({"history": {**HISTORY, "step": (5, 10)}}, False),
        ({"best_step": "5"}, False),
    ],
)
def test_the_history_is_told_where_its_form_is_ours(case, entries, is_told):
    model, rows = case
    known = {"history": HISTORY, "best_step": 5, "ended": "X has ended.", "held_out": {"plan": "Folds."}, **entries}
    found = gathered((replace(model, metadata={**model.metadata, **known}), rows)).history
    assert (found is not None) == is_told
    if not entries:
        assert vars(found) == {**HISTORY, "best_step": 5, "notes": ["The data has ended.", "Folds."]}


def test_the_facts_are_what_it_takes_to_repeat_the_training(case):
    model, rows = case
    known = {
        "options": {"epochs": 8, "device": None, "balanced": False, "verbose": True, "seed": 3},
        "versions": {"logitwise": "9", "python": "2.7"},
        "rows": 1234,
        "data": "fruit.csv",
    }
    facts = gathered((replace(model, metadata={**model.metadata, **known}), rows)).facts
    assert facts == {
        "SHA-256": "00",
        "trained on": "1,234 rows of fruit.csv",
        "training options": "epochs 8, seed 3",
        "versions": f"logitwise 9, python {platform.python_version()}",
    }


def test_becomes_a_page(case):
    page = render(gathered(case))
    assert "fruit" in page
    assert "<green>" not in page
    assert len(page) < 200_000


def test_without_counts_the_baseline_guesses_every_class_alike(case):
    model, rows = case
    bare = Model(model.classes, model.preprocessing, model.network, model.calibration)
    evidence = gather(bare, rows, where="w", title="t", command="c", facts={})
    assert list(evidence.baselines) == ["uniform guessing"]
    np.testing.assert_allclose(evidence.baselines["uniform guessing"], 1 / len(model.classes))
    assert evidence.history is None
    assert list(evidence.facts) == ["versions"]


def test_an_unknown_label_is_one_sentence(case):
    model, rows = case
    unknown = LabelledRows(rows.features, np.full(300, "zz", dtype=object), "other.csv", None, None, rows.positions)
    with pytest.raises(ValueError, match=r"^y must hold only labels that training saw; got 'zz'"):
        gather(model, unknown, where="w", title="t", command="c", facts={})


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
    assert source_sha256(str(tmp_path / "a.csv")) == one
    assert source_sha256(str(tmp_path)) == hashlib.sha256(listed).hexdigest()
    assert source_sha256("digits") is None


def test_the_dates_are_those_of_the_file_and_of_now_or_of_the_environment(case, monkeypatch):
    model, rows = case
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767323040")
    known = replace(model, metadata={**model.metadata, "trained_at": "2025-12-31 23:59 UTC"})
    evidence = gathered((known, rows))
    assert (evidence.trained_at, evidence.made_at) == ("2025-12-31 23:59 UTC", "2026-01-02 03:04 UTC")
    assert render(evidence) == render(gathered((known, rows)))
    odd = replace(model, metadata={**model.metadata, "trained_at": 7})
    assert gathered((odd, rows)).trained_at is None
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    monkeypatch.setattr(provenance.time, "time", lambda: 0.0)
    assert gathered(case).made_at == "1970-01-01 00:00 UTC"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")
    with pytest.raises(ValueError, match=r"^SOURCE_DATE_EPOCH must be whole seconds since 1970; got 'today'\.$"):
        gathered(case)
