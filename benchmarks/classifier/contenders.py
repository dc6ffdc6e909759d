"""The contenders: each fits on a fold and returns the probabilities of its test rows, with its own defaults.

"LogisticRegressionCV" is logistic regression as an engineer would use it: C chosen by cross-validated log loss.
Peers get what their users give them: numbers scaled and gaps filled by the median and flagged, categories one-hot;
HistGradientBoosting and RealMLP take categories as they are, and the first takes gaps too.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import torch
from benchmarks.classifier.sets import Fold
from pytabkit import RealMLP_TD_S_Classifier
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skorch import NeuralNetClassifier

import logitwise as lw

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
THREADS = 1
TUTORIAL_HIDDEN = 5
TUTORIAL_EPOCHS = 50


def ours(fold: Fold, seed: int) -> np.ndarray:
    classifier = lw.Classifier(random_state=seed).fit(fold.train_features, fold.train_target)
    return aligned(classifier.predict_proba(fold.test_features), classifier.classes_, fold)


def logistic(fold: Fold, seed: int) -> np.ndarray:
    return _piped(fold, LogisticRegression(max_iter=1000))


def chosen_logistic(fold: Fold, seed: int) -> np.ndarray:
    model = LogisticRegressionCV(Cs=9, scoring="neg_log_loss", max_iter=1000, use_legacy_attributes=False)
    return _piped(fold, model)


def mlp(fold: Fold, seed: int) -> np.ndarray:
    return _piped(fold, MLPClassifier(random_state=seed))


def boosting(fold: Fold, seed: int) -> np.ndarray:
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)
    train, test = _frames(fold)
    model.fit(train, fold.train_target)
    return aligned(model.predict_proba(test), model.classes_, fold)


def skorch(fold: Fold, seed: int) -> np.ndarray:
    """Fit the network of the tutorial (five hidden units, learning rate 0.01, 50 passes) by skorch."""
    prepare = _preparation()
    train, test = _frames(fold)
    train = np.asarray(prepare.fit_transform(train), dtype=np.float32)
    test = np.asarray(prepare.transform(test), dtype=np.float32)
    torch.manual_seed(seed)
    classes, target = np.unique(fold.train_target, return_inverse=True)
    network = lw.nn.FeedForward(train.shape[1], TUTORIAL_HIDDEN, max(len(classes), 2))
    model = NeuralNetClassifier(
        network, criterion=torch.nn.CrossEntropyLoss, lr=0.01, max_epochs=TUTORIAL_EPOCHS, verbose=0
    )
    model.fit(train, target.astype(np.int64))
    return aligned(model.predict_proba(test).astype(np.float64), classes, fold)


def realmlp(fold: Fold, seed: int) -> np.ndarray:
    train, test = _frames(fold)
    numbers = train.select_dtypes("number").columns
    middle = train[numbers].median().fillna(0.0)
    train, test = train.fillna(middle), test.fillna(middle)
    model = RealMLP_TD_S_Classifier(device="cpu", random_state=seed, n_threads=THREADS)
    model.fit(train, fold.train_target)
    return aligned(model.predict_proba(test).astype(np.float64), model.classes_, fold)


CONTENDERS: dict[str, Callable[[Fold, int], np.ndarray]] = {
    "logitwise": ours,
    "LogisticRegression": logistic,
    "LogisticRegressionCV": chosen_logistic,
    "MLPClassifier": mlp,
    "HistGradientBoosting": boosting,
    "skorch, tutorial": skorch,
    "RealMLP-TD-S": realmlp,
}


@cache
def warm_up(contender: str) -> None:
    """Fit once on a few made rows, so that no imports and no compiling are timed."""
    generator = np.random.default_rng(0)
    features, target = generator.normal(size=(40, 3)), np.arange(40) % 2
    CONTENDERS[contender](Fold(0, features, target, features, target), 0)


def aligned(probabilities: np.ndarray, classes: np.ndarray, fold: Fold) -> np.ndarray:
    """Return the probabilities with a column for every class of the set, in float64, rows that sum to 1."""
    n_classes = 1 + int(max(fold.train_target.max(), fold.test_target.max()))
    full = np.zeros((len(probabilities), n_classes))
    full[:, classes] = probabilities
    return full / full.sum(axis=1, keepdims=True)


def _piped(fold: Fold, model: Any) -> np.ndarray:
    pipeline = make_pipeline(_preparation(), model)
    train, test = _frames(fold)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.fit(train, fold.train_target)
    return aligned(pipeline.predict_proba(test), pipeline.classes_, fold)


def _preparation() -> Any:
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include="number")),
            ("categories", categories, make_column_selector(dtype_include="category")),
        ]
    )


def _frames(fold: Fold) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the features as pandas frames: numbers as float64, text as categories, levels of training alone."""
    train, test = _frame(fold.train_features), _frame(fold.test_features)
    for name in train.columns:
        if not pd.api.types.is_numeric_dtype(train[name]):
            levels = pd.CategoricalDtype(sorted(train[name].dropna().unique()))
            train[name], test[name] = train[name].astype(levels), test[name].astype(levels)
    return train, test


def _frame(features: Any) -> pd.DataFrame:
    if not hasattr(features, "columns"):
        array = np.asarray(features, dtype=np.float64).reshape(len(features), -1)
        return pd.DataFrame(array, columns=[f"c{place}" for place in range(array.shape[1])])
    columns = {}
    for name in features.columns:
        values = features[name]
        is_number = values.dtype.is_numeric()
        columns[name] = (
            values.cast(float).to_numpy() if is_number else np.array(values.cast(str).to_list(), dtype=object)
        )
    return pd.DataFrame(columns)
