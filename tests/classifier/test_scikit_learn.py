"""What scikit-learn and its users do with an estimator."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from logitwise.classifier import Classifier

QUICK = {"hidden": (8,), "members": 2, "steps": 30}


def blobs(rows=200, classes=2):
    generator = np.random.default_rng(0)
    y = np.arange(rows) % classes
    return generator.normal(size=(rows, 3)) + 2 * np.eye(3)[y], y


def test_a_grid_search_in_two_processes_finds_what_one_finds():
    X, y = blobs()
    grid = {"hidden": [(), (8,)], "learning_rate": [1e-3, 1e-2]}
    found = [
        GridSearchCV(Classifier(**QUICK), grid, cv=3, scoring="neg_log_loss", n_jobs=jobs).fit(X, y) for jobs in (1, 2)
    ]
    scores = [search.cv_results_["mean_test_score"] for search in found]
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-6)
    assert found[0].best_params_ == found[1].best_params_
    assert found[1].best_estimator_.score(X, y) > 0.8


def test_it_stands_at_the_end_of_pipelines_and_inside_other_estimators():
    X, y = blobs()
    pipeline = make_pipeline(StandardScaler(), Classifier(**QUICK)).fit(X, y)
    assert pipeline.predict_proba(X).shape == (200, 2)
    assert pipeline.set_params(classifier__steps=5).get_params()["classifier__steps"] == 5
    voting = VotingClassifier([("a", Classifier(**QUICK)), ("b", LogisticRegression())], voting="soft").fit(X, y)
    assert voting.score(X, y) > 0.8
    calibrated = CalibratedClassifierCV(Classifier(**QUICK), cv=2).fit(X, y)
    assert calibrated.predict_proba(X).shape == (200, 2)
    assert cross_val_predict(Classifier(**QUICK), X, y, cv=3, method="predict_proba").shape == (200, 2)


@pytest.mark.parametrize("output", ["default", "pandas", "polars"])
def test_it_takes_what_transformers_put_out(output):
    if output == "polars" and sklearn.__version__.startswith("1.8."):
        pytest.skip("the ColumnTransformer of scikit-learn 1.8 refuses the frames of polars 2")
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({"n": generator.normal(size=90), "t": ["abc"[place % 3] for place in range(90)]})
    y = (np.arange(90) % 3 == 0).astype(int)
    transformer = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["t"]), (StandardScaler(), ["n"])
    ).set_output(transform=output)
    pipeline = make_pipeline(transformer, Classifier(**QUICK)).fit(frame, y)
    names = getattr(pipeline[-1], "feature_names_in_", None)
    expected = None if output == "default" else [*(f"onehotencoder__t_{level}" for level in "abc"), "standardscaler__n"]
    assert (names if names is None else names.tolist()) == expected
    assert pipeline.predict(frame).shape == (90,)


def test_frames_of_both_libraries_are_the_same():
    X, y = blobs()
    data = {"a": X[:, 0], "b": X[:, 1], "t": ["x" if label else "y" for label in y]}
    ours = [Classifier(**QUICK).fit(frame(data), y) for frame in (pd.DataFrame, pl.DataFrame)]
    for frame in (pd.DataFrame(data), pl.DataFrame(data)):
        results = [classifier.predict_proba(frame) for classifier in ours]
        np.testing.assert_array_equal(results[0], results[1])
    assert ours[0].feature_names_in_.tolist() == ["a", "b", "t"]


@pytest.mark.parametrize("sparse", [csr_array, csr_matrix])
def test_a_sparse_matrix_is_its_dense_one(sparse):
    X, y = blobs()
    X[np.abs(X) < 1] = 0
    dense = Classifier(**QUICK).fit(X, y)
    np.testing.assert_array_equal(
        Classifier(**QUICK).fit(sparse(X), y).predict_proba(sparse(X)), dense.predict_proba(X)
    )


def test_a_clone_and_a_pickle():
    X, y = blobs()
    fitted = Classifier(**QUICK, class_weight="balanced").fit(X, y)
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "model_")
    np.testing.assert_array_equal(copy.fit(X, y).predict_proba(X), fitted.predict_proba(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), fitted.predict_proba(X))


def test_it_shows_itself_in_a_notebook():
    html = Classifier(hidden=(7,))._repr_html_()
    assert "Classifier" in html
    assert "hidden" in html
    assert repr(Classifier(hidden=(7,))) == "Classifier(hidden=(7,))"


def test_a_warm_start_goes_on_and_a_cold_one_begins_again():
    X, y = blobs()
    first = Classifier((8,), members=2, steps=5, warm_start=True).fit(X, y)
    loss = first.history_["validation_loss"][-1]
    again = first.fit(X, y)
    assert again.history_["validation_loss"][-1] < loss
    with pytest.raises(ValueError) as raised:
        first.set_params(hidden=(9,)).fit(X, y)
    assert str(raised.value) == (
        "warm_start must go on with the classes, hidden and members of the fit before; got others. "
        "Set warm_start=False, or fit a clone."
    )
    cold = Classifier(**QUICK).fit(X, y)
    history = cold.history_
    assert cold.fit(X, y).history_ == history


def test_partial_fit_learns_from_rows_in_turn():
    X, y = blobs(600, 3)
    classifier = Classifier((8,), members=2, learning_rate=0.03)
    for turn in range(15):
        part = slice(200 * (turn % 3), 200 * (turn % 3) + 200)
        classifier.partial_fit(X[part], y[part], classes=[0, 1, 2] if turn == 0 else None)
    assert classifier.score(X, y) > 0.85
    assert classifier.classes_.tolist() == [0, 1, 2]
    classifier.partial_fit(X[y == 1][:30], y[y == 1][:30])  # one class alone is a part like any other
    assert classifier.predict_proba(X).shape == (600, 3)


def test_partial_fit_refuses_by_a_sentence():
    X, y = blobs()
    with pytest.raises(ValueError) as raised:
        Classifier(**QUICK).partial_fit(X, y)
    assert str(raised.value) == "classes must be given in the first call of partial_fit; got None. Name every label."
    with pytest.raises(ValueError) as raised:
        Classifier(**QUICK).partial_fit(X, y, classes=[0, 0])
    assert str(raised.value) == "classes must name two labels or more; got [0]."
    with pytest.raises(ValueError, match=r"^y must hold only classes seen in training, \[0, 2\]; got 1 at row 1 \("):
        Classifier(**QUICK).partial_fit(X, y, classes=[0, 2])


def test_nothing_warns():
    X, y = blobs()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Classifier(**QUICK).fit(X, y).predict(X)
