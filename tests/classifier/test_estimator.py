"""The estimator: what it learns, what it promises scikit-learn, and what it refuses."""

import gzip
import random
import re
import warnings

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from logitwise.classifier import Classifier, DataWarning, load, training
from logitwise.classifier.notes import TrainingWarning
from logitwise.classifier.training import Trainer
from logitwise.metrics import summary


def blobs(classes=2, rows=200, seed=0):
    generator = np.random.default_rng(seed)
    y = generator.integers(0, classes, rows)
    return generator.normal(size=(rows, 3)) + 2 * np.eye(max(classes, 3))[y][:, :3], y


@pytest.fixture(scope="module")
def fitted():
    X, y = blobs()
    return Classifier(hidden=(8,), epochs=3).fit(X, y)


def test_digits():
    X, y = load_digits(return_X_y=True)
    train_X, test_X, train_y, test_y = train_test_split(
        X.reshape(-1, 8, 8), y, test_size=0.3, random_state=0, stratify=y
    )
    classifier = Classifier().fit(train_X, train_y)
    measures = summary(test_y, classifier.predict_proba(test_X))
    assert measures["accuracy"] >= 0.96
    assert measures["log_loss"] <= 0.12


def idx(path):
    content = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(content, ">u4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape.astype(int))


def test_images_of_handwritten_digits(shared_data):
    folder = shared_data / "mnist-sample"
    classifier = Classifier(steps=600).fit(
        idx(folder / "train-images-idx3-ubyte.gz"), idx(folder / "train-labels-idx1-ubyte.gz")
    )
    assert classifier.n_features_in_ == 784
    score = classifier.score(idx(folder / "t10k-images-idx3-ubyte.gz"), idx(folder / "t10k-labels-idx1-ubyte.gz"))
    assert score >= 0.87


def adult(path):
    frame = pl.read_csv(path, has_header=False, null_values=["?", " ?"])
    frame = frame.filter(~pl.all_horizontal(pl.all().is_null()))
    text = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    frame = frame.with_columns(pl.col(text).str.strip_chars())
    return frame[:, :-1], frame[:, -1].str.strip_chars(".")


def test_a_table_with_categories_and_gaps(shared_data, tmp_path):
    X, y = adult(shared_data / "adult-train.csv")
    test_X, test_y = adult(shared_data / "adult-test.csv")
    classifier = Classifier(epochs=2).fit(X, y)
    assert classifier.classes_.tolist() == ["<=50K", ">50K"]
    assert classifier.score(test_X, test_y.to_numpy()) >= 0.85
    classifier.save(tmp_path / "adult.safetensors")
    loaded = load(tmp_path / "adult.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(test_X), classifier.predict_proba(test_X))


@pytest.mark.parametrize("classes", [2, 3])
def test_without_hidden_layers_it_is_logistic_regression(classes):
    X, y = blobs(classes, 400)
    X_test, y_test = blobs(classes, 2000, seed=1)
    options = {"epochs": 600, "steps": 600, "learning_rate": 0.2, "batch_size": 400, "weight_decay": 0.0, "patience": 0}
    ours = Classifier((), **options).fit(X, y)
    peer = make_pipeline(StandardScaler(), LogisticRegression(C=1e9, max_iter=1000)).fit(X, y)
    losses = [summary(y_test, model.predict_proba(X_test))["log_loss"] for model in (ours, peer)]
    assert losses[0] == pytest.approx(losses[1], abs=0.03)  # inputs level off, so they are not the same model
    assert ours.model_.network.widths[1:] == (0, classes)


def test_the_interface_agrees_with_itself():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    classifier = Classifier(hidden=(16,), learning_rate=0.01).fit(X, names)
    probabilities = classifier.predict_proba(X)
    np.testing.assert_array_equal(classifier.classes_, ["setosa", "versicolor", "virginica"])
    np.testing.assert_array_equal(classifier.predict(X), classifier.classes_[probabilities.argmax(axis=1)])
    np.testing.assert_allclose(np.exp(classifier.predict_log_proba(X)), probabilities, rtol=1e-13)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-13)
    assert classifier.decision_function(X).shape == (150, 3)
    assert classifier.score(X, names) > 0.9


def test_a_binary_logit_is_one_number_a_row(fitted):
    X, _ = blobs()
    logits = fitted.decision_function(X)
    assert logits.shape == (200,)
    np.testing.assert_allclose(fitted.predict_proba(X)[:, 1], 1 / (1 + np.exp(-logits)), rtol=1e-12)


def test_one_seed_gives_one_result_and_leaves_the_callers_generators_alone():
    X, y = blobs(3)
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    first, again, other = (Classifier((16,), epochs=3, random_state=seed).fit(X, y) for seed in (0, 0, 1))
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    assert first.history_ == again.history_
    assert first.history_ != other.history_
    assert before[:2] == after[:2]
    assert torch.equal(before[2], after[2])


def test_no_seed_differs_and_a_generator_moves_on():
    X, y = blobs()
    results = [Classifier((4,), epochs=1, random_state=None).fit(X, y).history_ for _ in range(2)]
    generator = np.random.default_rng(0)
    results += [Classifier((4,), epochs=1, random_state=generator).fit(X, y).history_ for _ in range(2)]
    assert len({str(result) for result in results}) == 4


def test_the_best_step_on_the_validation_rows_is_kept_and_calibrated():
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(200, 20)), generator.integers(0, 2, 200)  # nothing to learn: it overfits at once
    X_val, y_val = generator.normal(size=(100, 20)), generator.integers(0, 2, 100)
    classifier = Classifier((64,), learning_rate=0.01, patience=0.1).fit(X, y, X_val=X_val, y_val=y_val)
    losses, steps = classifier.history_["validation_loss"], classifier.history_["step"]
    assert classifier.best_step_ == steps[int(np.argmin(losses))]
    assert steps[-1] == classifier.best_step_ + 60 < 600
    assert classifier.held_out_.plan == "One split: the 100 rows of X_val are held out from all members."
    expected = f"The loss on held-out rows has turned: it was lowest at step {classifier.best_step_}."
    assert classifier.model_.metadata["ended"] == expected
    kept = summary(y_val, classifier.predict_proba(X_val))["log_loss"]
    assert kept == pytest.approx(min(losses), abs=0.002)


@pytest.mark.parametrize("absent", [0, 1, 2])
def test_validation_rows_say_nothing_of_a_class_they_lack(absent):
    """Taken for proof that there is none, they would have it predicted for no row."""
    X, y = blobs(3, 300)
    X_val, y_val = blobs(3, 300, seed=1)
    X_test, y_test = blobs(3, 2000, seed=2)
    given = y_val != absent
    classifier = Classifier((8,)).fit(X, y, X_val=X_val[given], y_val=y_val[given])
    assert classifier.notes_ == [
        f"y_val has no rows of some classes: {absent}. Training is stopped and calibrated by the others alone: add "
        f"rows of every class."
    ]
    of_the_absent = y_test == absent
    assert (classifier.predict(X_test)[of_the_absent] == absent).mean() > 0.7
    assert summary(y_test, classifier.predict_proba(X_test))["log_loss"] < 0.45  # 0.39 with rows of every class


def test_balanced_classes_leave_the_weights_of_validation_rows_alike():
    X, y = blobs(rows=400)
    X_val, y_val = blobs(rows=60, seed=1)
    X_val, y_val = (np.concatenate([each, each[y_val == 1]]) for each in (X_val, y_val))
    classifier = Classifier((), class_weight="balanced", steps=60).fit(X, y, X_val=X_val, y_val=y_val)
    held_out = classifier.held_out_
    assert held_out.losses[classifier.model_.calibration.method] == pytest.approx(held_out.after["log_loss"], rel=1e-6)


def test_few_rows_are_all_trained_on_to_the_end():
    X, y = blobs(rows=9)
    classifier = Classifier((4,), epochs=12, patience=0.1).fit(X, y)
    assert classifier.history_["validation_loss"] == []
    assert classifier.best_step_ == classifier.history_["step"][-1] == 12
    assert classifier.held_out_.before == {}
    assert classifier.model_.calibration.uniform == 0.1


def test_what_is_known_of_the_held_out_rows_is_kept():
    X, y = blobs(3, 300)
    classifier = Classifier((8,)).fit(X, y)
    held_out = classifier.held_out_
    np.testing.assert_array_equal(held_out.target, y)
    np.testing.assert_array_equal(held_out.rows, np.arange(300))
    assert held_out.after == summary(y, np.exp(held_out.log_probabilities))
    assert classifier.model_.metadata["held_out"] == held_out.as_json()
    assert held_out.after["log_loss"] < held_out.before["log_loss"] + 0.02
    X_test, y_test = blobs(3, 3000, seed=1)
    tested = summary(y_test, classifier.predict_proba(X_test))
    for name in ("log_loss", "accuracy", "brier_score"):
        assert held_out.intervals[name].low < tested[name] < held_out.intervals[name].high


def test_a_budget_of_seconds_ends_it():
    X, y = blobs(3, 300)
    classifier = Classifier((8,), seconds=1e-9).fit(X, y)
    assert classifier.history_["step"] == [10]
    assert classifier.model_.metadata["ended"] == "The budget of 1e-09 seconds is used up."


def test_rows_of_weight_zero_take_no_part():
    X, y = blobs()
    weight = np.arange(200) % 2
    with_zeros = Classifier((8,), epochs=3).fit(X, y, sample_weight=weight)
    without = Classifier((8,), epochs=3).fit(X[weight == 1], y[weight == 1])
    np.testing.assert_array_equal(with_zeros.predict_proba(X), without.predict_proba(X))


def test_a_constant_weight_changes_nothing():
    X, y = blobs()
    weighted = Classifier((8,), epochs=3).fit(X, y, sample_weight=np.full(200, 4.0))
    np.testing.assert_array_equal(weighted.predict_proba(X), Classifier((8,), epochs=3).fit(X, y).predict_proba(X))


@pytest.mark.parametrize("class_weight", ["balanced", {1: 9.0}])
def test_class_weights_do_not_spoil_the_probabilities(class_weight):
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(1000, 1)), (np.arange(1000) % 10 == 0).astype(int)  # X says nothing about y
    weighted = Classifier((), class_weight=class_weight).fit(X, y)
    assert weighted.predict_proba(X)[:, 1].mean() == pytest.approx(0.1, abs=0.02)


def test_class_weights_count_rows_by_their_sample_weight():
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(1000, 1)), (np.arange(1000) % 10 == 0).astype(int)
    weighted = Classifier((), class_weight="balanced").fit(X, y, sample_weight=np.where(y == 1, 3.0, 1.0))
    assert weighted.predict_proba(X)[:, 1].mean() == pytest.approx(300 / 1200, abs=0.03)


def test_frames_are_read_by_name():
    X, y = blobs()
    frame = pl.DataFrame(X, schema=["a", "b", "c"])
    classifier = Classifier((8,), epochs=2).fit(frame, pl.Series(y))
    np.testing.assert_array_equal(classifier.feature_names_in_, ["a", "b", "c"])
    shuffled = frame.select("c", pl.lit("x").alias("extra"), "a", "b")
    np.testing.assert_array_equal(classifier.predict_proba(shuffled), classifier.predict_proba(X))
    assert not hasattr(classifier.fit(X, y), "feature_names_in_")


def test_scikit_learn_can_clone_and_cross_validate():
    X, y = load_iris(return_X_y=True)
    scores = cross_val_score(Classifier((16,), learning_rate=0.01), X, y, cv=3)
    assert scores.min() >= 0.9


# A shuffled batch holds a row of weight 2 once and two copies of it apart: equal in the mean, not to the bit.
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "training is stochastic",
    "check_sample_weight_equivalence_on_sparse_data": "training is stochastic",
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.filterwarnings("ignore::UserWarning:sklearn")
def test_scikit_learns_own_checks():
    checks = check_estimator(
        Classifier((16,), epochs=30, learning_rate=0.01),
        expected_failed_checks=EXPECTED_FAILURES,
        on_fail=None,
        on_skip=None,
    )
    assert [check["check_name"] for check in checks if check["status"] == "failed"] == []
    assert sum(check["status"] == "passed" for check in checks) >= 55


def test_a_silent_run_prints_nothing_and_a_bar_needs_a_terminal(capfd):
    X, y = blobs()
    Classifier((4,), epochs=2, verbose=True).fit(X, y)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_column_of_labels_is_taken_with_a_warning():
    X, y = blobs()
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed when a 1d array was expected") as seen:
        classifier = Classifier((4,), epochs=1).fit(X, y[:, None])
    assert {warning.filename for warning in seen} == {__file__}
    np.testing.assert_array_equal(classifier.classes_, [0, 1])


X, Y = blobs()
BAD = [
    (
        lambda: Classifier(()).fit(X, Y[:-1]),
        ValueError,
        "y must have one label per row of X; got 199 labels for 200 rows.",
    ),
    (lambda: Classifier(()).fit(X[:0], Y[:0]), ValueError, "X must have at least one row; got none."),
    (
        lambda: Classifier(()).fit(X, None),
        ValueError,
        "y must hold one label per row; got None. Classifier requires y to be passed, but the target y is None.",
    ),
    (
        lambda: Classifier(()).fit(X, np.zeros(200, int)),
        ValueError,
        "y must have at least two classes; got one class, 0, in all 200 rows. Add rows of another class, or choose "
        "another target.",
    ),
    (lambda: Classifier(()).fit(X, Y, X_val=X), ValueError, "X_val and y_val must be given together; got X_val alone."),
    (lambda: Classifier(()).fit(X, Y, y_val=Y), ValueError, "X_val and y_val must be given together; got y_val alone."),
    (
        lambda: Classifier(()).fit(X, Y, X_val=X, y_val=Y + 1),
        ValueError,
        "y_val must hold only classes seen in training, [0, 1]; got 2 at row {row} ({count} such rows). Rename or "
        "strip labels, or drop those rows.",
    ),
    (
        lambda: Classifier(()).fit(X, Y, X_val=X, y_val=np.zeros(200, int)),
        ValueError,
        "y_val must have rows of two classes or more, of a weight above 0; got [0]. Add rows of others, or leave out "
        "X_val and y_val: rows of X are held out then.",
    ),
    (
        lambda: Classifier((), class_weight={1: 0}).fit(X, Y, X_val=X, y_val=Y),
        ValueError,
        "y_val must have rows of two classes or more, of a weight above 0; got [0]. Add rows of others, or leave out "
        "X_val and y_val: rows of X are held out then.",
    ),
    (
        lambda: Classifier(()).fit(X, Y, X_val=np.where(X[3, 1] == X, np.inf, X), y_val=Y),
        ValueError,
        "X_val must be finite (NaN marks a missing value); got inf at row 3, column 1. Replace infinity by NaN or by a "
        "number.",
    ),
    (
        lambda: Classifier(()).fit(X, Y, X_val=X[:, :2], y_val=Y),
        ValueError,
        "X_val must have the columns of training, 3 in number; got 2. X_val has 2 features, but Model is expecting 3 "
        "features as input. Pass the same columns.",
    ),
    (
        lambda: Classifier(()).fit(X, Y, X_val=np.full((200, 3), 1j), y_val=Y),
        ValueError,
        "X_val must be real; got dtype complex128. Complex data not supported: pass real and imaginary parts as "
        "columns.",
    ),
    (
        lambda: Classifier(3.5).fit(X, Y),
        TypeError,
        "hidden must be a tuple of integers, one per hidden layer; got 3.5.",
    ),
    (
        lambda: Classifier("64").fit(X, Y),
        TypeError,
        "hidden must be a tuple of integers, one per hidden layer; got '64'.",
    ),
    (
        lambda: Classifier((), verbose="False").fit(X, Y),
        TypeError,
        "verbose must be True or False; got 'False'.",
    ),
    (
        lambda: Classifier((), device=1.5).fit(X, Y),
        TypeError,
        "device must be the name of a torch device; got 1.5. Try 'cpu'.",
    ),
    (
        lambda: Classifier((), random_state=2**64).fit(X, Y),
        ValueError,
        "random_state must be 18446744073709551615 or less; got a larger number.",
    ),
    (
        lambda: Classifier((), learning_rate=10**400).fit(X, Y),
        ValueError,
        "learning_rate must be a number that a float holds; got a larger integer.",
    ),
    (
        lambda: Classifier(()).fit(X, np.zeros((200, 2))),
        ValueError,
        "y must be one-dimensional, one label per row; got shape (200, 2).",
    ),
    (
        lambda: Classifier(()).fit(X, np.zeros((200, 0))),
        ValueError,
        "y must be one-dimensional, one label per row; got shape (200, 0).",
    ),
    (lambda: Classifier((0,)).fit(X, Y), ValueError, "hidden must be 1 or more; got 0."),
    (lambda: Classifier((), epochs=0).fit(X, Y), ValueError, "epochs must be 1 or more; got 0."),
    (lambda: Classifier((), batch_size=0).fit(X, Y), ValueError, "batch_size must be 1 or more; got 0."),
    (
        lambda: Classifier((), patience=-1).fit(X, Y),
        ValueError,
        "patience must be zero or more, and finite; got -1.0.",
    ),
    (lambda: Classifier((), members=1).fit(X, Y), ValueError, "members must be 2 or more; got 1."),
    (lambda: Classifier((), steps=0).fit(X, Y), ValueError, "steps must be 1 or more; got 0."),
    (lambda: Classifier((), seconds=0).fit(X, Y), ValueError, "seconds must be positive and finite; got 0.0."),
    (lambda: Classifier((), max_shift=-1).fit(X, Y), ValueError, "max_shift must be 0 or more; got -1."),
    (
        lambda: Classifier((), learning_rate=0).fit(X, Y),
        ValueError,
        "learning_rate must be positive and finite; got 0.0.",
    ),
    (
        lambda: Classifier((), weight_decay=-1).fit(X, Y),
        ValueError,
        "weight_decay must be zero or more, and finite; got -1.0.",
    ),
    (lambda: Classifier((), dropout=1).fit(X, Y), ValueError, "dropout must be in [0, 0.9]; got 1."),
    (lambda: Classifier((), random_state="x").fit(X, Y), TypeError, "random_state must be an integer; got 'x'."),
    (
        lambda: Classifier((), device="toaster").fit(X, Y),
        ValueError,
        "device must be a torch device of this machine; got 'toaster'. Try 'cpu'.",
    ),
    (
        lambda: Classifier().predict(X),
        NotFittedError,
        "Classifier must be fitted before it can predict or be saved; got one that is not. Call fit first.",
    ),
    (
        lambda: Classifier().save("m"),
        NotFittedError,
        "Classifier must be fitted before it can predict or be saved; got one that is not. Call fit first.",
    ),
]


@pytest.mark.parametrize(("call", "kind", "message"), BAD)
def test_refusals(call, kind, message):
    with pytest.raises(kind) as raised:
        call()
    assert str(raised.value) == message.format(row=int((Y == 1).argmax()), count=int(Y.sum()))


def test_a_loss_that_explodes_at_once_is_an_error_with_advice():
    with pytest.raises(ValueError) as raised:
        Classifier((8, 8), learning_rate=1e30).fit(X, Y)
    assert str(raised.value) == (
        "learning_rate must be low enough for the loss to stay finite; got 1e+30, with which it became nan at step 1, "
        "before there were weights to keep. Try 0.006."
    )


def kept(classifier):
    """Return the step whose weights a fit of the blobs keeps, the steps it measured at, and what it then predicts."""
    return classifier.best_step_, classifier.history_["step"], classifier.predict_proba(X)


def test_a_loss_that_explodes_later_is_a_warning_and_the_best_weights_are_kept():
    options = {"learning_rate": 500, "steps": 300, "epochs": 300}
    with pytest.warns(TrainingWarning) as warned:
        exploded = Classifier((8, 8), **options).fit(X, Y)
    ended_before = Classifier((8, 8), **options, seconds=1e-9).fit(X, Y)
    assert kept(exploded)[:2] == kept(ended_before)[:2] == (10, [10])
    np.testing.assert_array_equal(kept(exploded)[2], kept(ended_before)[2])
    assert np.isfinite(exploded.predict_log_proba(X)).all()
    (sentence,) = (str(each.message) for each in warned)
    assert re.fullmatch(
        r"learning_rate must be low enough for the loss to stay finite; got 500, with which it became nan at step 1\d "
        r"\(the largest logit at step 10: \d\.?\d*e\+2\d\)\. Try 0\.006\. The weights of step 10 are kept\.",
        sentence,
    )
    assert exploded.model_.metadata["ended"] == sentence
    assert exploded.notes_ == exploded.model_.metadata["notes"] == [sentence]
    assert warned[0].filename == __file__


@pytest.mark.parametrize("rows", [200, 9])
@pytest.mark.parametrize(("last_good", "told"), [(24, "nan at step 25"), (29, "nan at step 30")])
def test_weights_that_are_lost_in_a_step_are_those_of_the_best_again(rows, last_good, told, monkeypatch):
    """The loss is that before a step: what the last step before a measurement loses, only held-out rows see."""
    real = Trainer._step

    def lose(trainer, step):
        loss = real(trainer, step)
        if step == last_good:
            trainer.members.flat[0].fill_(np.nan)
        return loss

    def interrupt(trainer, step):
        if step == 21:
            raise KeyboardInterrupt
        return real(trainer, step)

    options = {"epochs": 200, "steps": 200}
    expected, lost = Classifier((8,), **options), Classifier((8,), **options)
    monkeypatch.setattr(Trainer, "_step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        expected.fit(X[:rows], Y[:rows])
    monkeypatch.setattr(Trainer, "_step", lose)
    with pytest.warns(TrainingWarning, match=told):
        lost.fit(X[:rows], Y[:rows])
    assert kept(lost)[:2] == kept(expected)[:2] == (20, [10, 20])
    np.testing.assert_array_equal(kept(lost)[2], kept(expected)[2])


QUICK = {"hidden": (4,), "members": 2, "steps": 20}


@pytest.fixture
def trainers(monkeypatch):
    """Return a list that every trainer made from now on is added to, with the weights it starts from."""
    made, train = [], Trainer.train

    def kept(trainer, report):
        made.append((trainer, trainer.members.state()))
        return train(trainer, report)

    monkeypatch.setattr(Trainer, "train", kept)
    return made


def plans_of(trainers):
    return [[part.tolist() for part in trainer.plan.held_out] for trainer, _ in trainers]


LEVELS = (("a", "b", "c"), ("no", "yes"))


def without_weight():
    """Return a table, labels, and weights; rows of weight 0 are like no other in every column."""
    generator = np.random.default_rng(0)
    used = np.arange(90) % 3 > 0
    frame = pl.DataFrame(
        {
            "number": np.where(used, generator.normal(size=90), 1e9),
            "gaps": [float(value) if use else None for value, use in zip(generator.normal(size=90), used, strict=True)],
            "constant": np.where(used, 7.0, np.arange(90)),
            "level": [("a", "b", "c")[place % 4 % 3] if use else "only here" for place, use in enumerate(used)],
            "pair": [("yes", "no")[place % 2] if use else "yes" for place, use in enumerate(used)],
        }
    )
    return frame, (np.arange(90) % 5 < 2).astype(int), np.where(used, 1.0, 0.0)


def test_nothing_is_learnt_of_columns_from_rows_of_weight_zero():
    frame, y, weight = without_weight()
    used = weight > 0
    weighted = Classifier(**QUICK).fit(frame, y, sample_weight=weight).model_
    alone = Classifier(**QUICK).fit(frame.filter(used), y[used]).model_
    assert weighted.preprocessing.levels == alone.preprocessing.levels == (None,) * 3 + LEVELS
    assert not weighted.preprocessing.had_gaps.any()
    for name, tensor in alone.preprocessing.tensors().items():
        np.testing.assert_array_equal(weighted.preprocessing.tensors()[name], tensor)
    np.testing.assert_array_equal(weighted.predict_proba(frame.filter(used)), alone.predict_proba(frame.filter(used)))
    told = ["X has columns with only one value, which carry no information: column 'constant'. Drop them."]
    assert weighted.metadata["notes"] == alone.metadata["notes"] == told


def test_rows_of_a_class_of_weight_zero_take_no_part():
    X, y = blobs(3)
    odd = np.where((y == 2)[:, None], 1e9, X)
    fits = [Classifier(**QUICK, class_weight={2: 0}).fit(each, y).model_ for each in (X, odd)]
    for name, tensor in fits[0].preprocessing.tensors().items():
        np.testing.assert_array_equal(fits[1].preprocessing.tensors()[name], tensor)
    np.testing.assert_array_equal(fits[0].predict_proba(X), fits[1].predict_proba(X))


def test_weights_of_rows_say_how_often_they_count():
    X, y = np.zeros((100, 1)), np.arange(100) % 2
    weight = np.where(y == 1, 3.0, 1.0)
    fitted = Classifier((), members=2, steps=60).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(fitted.predict_proba(X[:1])[0], [0.25, 0.75], atol=0.01)


def test_a_trainer_is_given_the_rows_in_order_and_weights_of_mean_one(trainers):
    X, y = blobs(3, 60)
    weight = np.linspace(0.5, 3, 60)
    Classifier(**QUICK, class_weight={1: 4}).fit(X, y, sample_weight=weight)
    ((trainer, _),) = trainers
    expected = weight * np.where(y == 1, 4, 1)
    np.testing.assert_allclose(trainer.rows.weight, expected / expected.mean(), rtol=1e-6)
    np.testing.assert_array_equal(trainer.rows.target, y)
    np.testing.assert_allclose(trainer.undone, np.log([1, 4, 1]), rtol=1e-6)


def test_rows_of_validation_follow_those_of_training(trainers):
    X, y = blobs(3, 60)
    X_val, y_val = blobs(3, 30, seed=1)
    fitted = Classifier(**QUICK, class_weight={1: 4, 2: 0}).fit(X, y, X_val=X_val, y_val=y_val)
    ((trainer, _),) = trainers
    used, used_val = y < 2, y_val < 2
    np.testing.assert_array_equal(trainer.rows.target, [*y[used], *y_val[used_val]])
    inputs = np.concatenate([X[used], X_val[used_val]])
    preprocessing = fitted.model_.preprocessing
    scaled = (inputs - preprocessing.offset) * preprocessing.scale
    np.testing.assert_allclose(trainer.rows.inputs[:, :3], scaled / np.sqrt(1 + (scaled / 3) ** 2), rtol=1e-5)
    np.testing.assert_array_equal(preprocessing.offset, np.median(X[used], axis=0))
    split = int(used.sum())
    assert [part.tolist() for part in trainer.plan.trained] == [list(range(split))] * 2
    assert [part.tolist() for part in trainer.plan.held_out] == [list(range(split, len(inputs)))] * 2
    for part, target in ((slice(split), y[used]), (slice(split, None), y_val[used_val])):
        expected = np.where(target == 1, 4.0, 1.0)
        np.testing.assert_allclose(trainer.rows.weight[part], expected / expected.mean(), rtol=1e-6)
    np.testing.assert_array_equal(fitted.held_out_.rows, np.arange(split, len(inputs)))


def test_ramps_are_for_the_linear_path_alone(trainers):
    X, y = blobs(2, 200)
    fitted = Classifier(**QUICK).fit(X, y)
    ((trainer, _),) = trainers
    assert trainer.rows.deep == fitted.model_.preprocessing.n_deep == 3
    assert trainer.rows.inputs.shape[1] == fitted.model_.preprocessing.n_inputs > 3


@pytest.mark.parametrize("seeds", [(0, 0, 1), (None, None, None), (5, 6, 7)])
def test_parts_are_held_out_from_the_same_members_whatever_the_seed_is_later(seeds, trainers):
    X, y = blobs()
    first = Classifier(**QUICK)
    for seed in seeds:
        first.set_params(random_state=seed).partial_fit(X, y, classes=[0, 1])
    assert {trainer.recipe.seed for trainer, _ in trainers} == {trainers[0][0].recipe.seed}
    plans = plans_of(trainers)
    assert plans[0] == plans[1] == plans[2]
    assert seeds[0] is None or trainers[0][0].recipe.seed == seeds[0]


def test_one_seed_gives_one_result_of_parts_too():
    X, y = blobs(3)

    def learnt(seed):
        classifier = Classifier(**QUICK, random_state=seed).partial_fit(X[:100], y[:100], classes=[0, 1, 2])
        return classifier.partial_fit(X[100:], y[100:]).predict_proba(X)

    np.testing.assert_array_equal(learnt(3), learnt(3))
    assert not np.array_equal(learnt(3), learnt(4))


def test_each_part_is_one_pass_that_goes_on_from_the_last(trainers):
    X, y = blobs()
    X[:, 2] = 7.0  # of which a part says nothing: the whole may have other values
    classifier = Classifier((4,), members=2, batch_size=10).partial_fit(X[:60], y[:60], classes=[0, 1])
    preprocessing = classifier.model_.preprocessing
    classifier.partial_fit(1000 + X[60:100], y[60:100])
    (first, _), (second, started) = trainers
    assert [trainer.progress.step for trainer in (first, second)] == [[3], [2]]  # half of the rows, ten at a time
    assert all(map(torch.equal, started, first.progress.best_state))
    assert classifier.model_.preprocessing is preprocessing
    assert classifier.baselines_ is None
    assert classifier.notes_ == []


def test_a_fit_begins_again_unless_it_is_to_go_on(trainers):
    X, y = blobs()
    classifier = Classifier(**QUICK).fit(X, y).fit(X + 1, y)
    classifier.set_params(warm_start=True, random_state=9).fit(X + 5, y)
    starts = [state for _, state in trainers]
    assert all(map(torch.equal, starts[0], starts[1]))
    assert all(map(torch.equal, starts[2], trainers[1][0].progress.best_state))
    np.testing.assert_array_equal(classifier.model_.preprocessing.offset, np.median(X + 1, axis=0))
    assert plans_of(trainers)[2] == plans_of(trainers)[1]
    other = Classifier(**QUICK, warm_start=True, random_state=9).fit(X, y)
    assert plans_of(trainers)[3] != plans_of(trainers)[2]
    assert other.model_.metadata["options"]["random_state"] == 9


@pytest.mark.parametrize(
    ("changed", "y"), [({"hidden": (5,)}, Y), ({"members": 3}, Y), ({}, Y + 1), ({"hidden": ()}, Y)]
)
def test_another_model_does_not_go_on(changed, y):
    classifier = Classifier(**QUICK, warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match=r"^warm_start must go on with the classes, hidden and members"):
        classifier.set_params(**changed).fit(X, y)


def test_what_is_kept_of_a_training_is_in_the_metadata():
    X, y = blobs()
    fitted = Classifier((4,), members=2, steps=20, threshold_for="f1", class_weight={1: 2}).fit(X, y)
    metadata, options = fitted.model_.metadata, fitted.model_.metadata["options"]
    assert options == {**fitted.get_params(), "hidden": "(4,)", "class_weight": "{1: 2}"}
    assert (
        metadata["history"]
        == fitted.history_
        == {
            "step": [10, 20],
            **{name: fitted.history_[name] for name in ("train_loss", "validation_loss")},
        }
    )
    assert metadata["best_step"] == fitted.best_step_
    assert metadata["ended"] == "The budget of 20 steps is used up."
    assert metadata["held_out"] == fitted.held_out_.as_json()
    assert metadata["baselines"] == fitted.baselines_.as_json()
    assert metadata["decision"] == fitted.decision_.as_json()
    assert set(metadata["versions"]) == {"logitwise", "numpy", "torch", "scikit-learn"}
    np.testing.assert_array_equal(fitted.model_.costs, fitted.decision_.costs)
    assert fitted.model_.was_trained_on(X, y)
    assert fitted.model_.calibration is fitted.held_out_.calibration
    np.testing.assert_array_equal(fitted.model_.conformal_scores, fitted.held_out_.conformal_scores)


@pytest.mark.parametrize(
    ("options", "arguments", "counts"),
    [
        ({}, {}, [40, 15, 5]),
        ({}, {"sample_weight": np.repeat([2.0, 0.0, 1.0], [10, 10, 40])}, [30, 15, 5]),
        ({"class_weight": {"c": 0}}, {}, [40, 15, 0]),
        ({"class_weight": "balanced"}, {}, [40, 15, 5]),
        ({}, {"X_val": np.ones((4, 2)), "y_val": ["a", "b", "c", "c"]}, [40, 15, 5]),
    ],
)
def test_how_many_rows_each_class_had_is_in_the_metadata(options, arguments, counts, tmp_path):
    X, y = np.random.default_rng(0).normal(size=(60, 2)), np.repeat(["a", "b", "c"], [40, 15, 5])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        classifier = Classifier((), members=2, steps=1, **options).fit(X, y, **arguments)
    classifier.save(tmp_path / "m")
    assert classifier.model_.metadata["class_counts"] == load(tmp_path / "m").metadata["class_counts"] == counts


def test_rows_of_parts_are_counted_together_and_those_of_a_fit_anew():
    X, y = np.random.default_rng(0).normal(size=(60, 2)), np.repeat([0, 1], [40, 20])
    classifier = Classifier((), members=2, steps=1, warm_start=True).partial_fit(X, y, classes=[0, 1])
    assert classifier.partial_fit(X[30:], y[30:]).model_.metadata["class_counts"] == [50, 40]
    assert classifier.fit(X, y).model_.metadata["class_counts"] == [40, 20]


def test_names_that_moved_are_found_where_they_once_were():
    from logitwise.classifier.findings import DataWarning  # pyright: ignore[reportMissingImports]
    from logitwise.classifier.model import Batch, Model, load  # pyright: ignore[reportMissingImports]

    import logitwise as lw
    from logitwise.classifier import training
    from logitwise.model import model

    assert (Model, load, Batch) == (model.Model, model.load, model.Batch)
    assert (DataWarning, training.TrainingWarning) == (lw.DataWarning, TrainingWarning)


def test_it_predicts_what_its_model_does(fitted, tmp_path):
    X, _ = blobs(rows=20, seed=3)
    for name in ("predict", "predict_proba", "predict_log_proba", "decision_function", "predict_set"):
        np.testing.assert_array_equal(getattr(fitted, name)(X), getattr(fitted.model_, name)(X))
    assert not np.array_equal(fitted.predict_set(X, 0.3), fitted.predict_set(X, 0.95))
    np.testing.assert_array_equal(fitted.predict_set(X, 0.3), fitted.model_.predict_set(X, 0.3))
    fitted.save(tmp_path / "m")
    np.testing.assert_array_equal(load(tmp_path / "m").predict_proba(X), fitted.predict_proba(X))


def test_simpler_models_are_compared_on_the_inputs_of_hidden_layers(monkeypatch):
    given = []
    monkeypatch.setattr(training, "compare", lambda *arguments: given.append(arguments))
    X, y = blobs(2, 200)
    fitted = Classifier(**QUICK, random_state=5).fit(X, y, sample_weight=np.arange(200) + 1)
    ((deep, target, weight, plan, held_out, seed),) = given
    scaled = (X - fitted.model_.preprocessing.offset) * fitted.model_.preprocessing.scale
    np.testing.assert_allclose(deep, scaled / np.sqrt(1 + (scaled / 3) ** 2), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(target, y)
    np.testing.assert_allclose(weight, (np.arange(200) + 1) / 100.5, rtol=1e-12)
    assert (plan.why, held_out, seed) == (fitted.held_out_.plan, fitted.held_out_, 5)


def test_parts_have_weights_and_classes_in_order_that_stay(trainers):
    X, y = blobs(3, 60)
    classifier = Classifier(**QUICK).partial_fit(X, y, [2, 0, 1, 1], sample_weight=np.arange(60) + 1)
    np.testing.assert_allclose(trainers[0][0].rows.weight, (np.arange(60) + 1) / 30.5, rtol=1e-6)
    assert classifier.classes_.tolist() == [0, 1, 2]
    classifier.partial_fit(X, y, [1, 2, 0])
    with pytest.raises(ValueError, match=r"^warm_start must go on with the classes"):
        classifier.partial_fit(X, y, [0, 1, 2, 3])


def test_class_weights_are_the_costs_of_mistakes():
    X, y = blobs(3, 60)
    fitted = Classifier(**QUICK, class_weight={0: 2, 2: 5}).fit(X, y)
    np.testing.assert_array_equal(fitted.model_.costs, [[0, 2, 2], [1, 0, 1], [5, 5, 0]])
    assert fitted.decision_ is None
    assert Classifier(**QUICK).fit(X, y).model_.costs is None


def test_what_it_tells_scikit_learn_of_its_inputs():
    tags = Classifier().__sklearn_tags__().input_tags
    assert tags.allow_nan
    assert tags.sparse
    assert tags.three_d_array
    assert tags.string
    assert tags.categorical


def test_what_is_said_of_columns_stays_where_a_fit_goes_on():
    X = pl.DataFrame({"zip": [2139, 10001] * 30, "size": np.arange(60) % 7})
    y = np.arange(60) % 2
    classifier = Classifier((), steps=5, warm_start=True, columns={"zip": "category"}).fit(X, y)
    classifier.fit(X, y)
    classifier.set_params(columns={"zip": "drop"})
    with pytest.raises(ValueError, match=r"^columns must be what they were in the fit before; got \{'zip': 'drop'\}\."):
        classifier.fit(X, y)
    with pytest.raises(ValueError, match=r"^columns must be what they were in the fit before"):
        classifier.partial_fit(X, y)
