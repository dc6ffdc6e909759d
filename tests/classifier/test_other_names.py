"""Options, arguments and attributes by the names that other libraries have for them."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

from logitwise.classifier import Classifier, other_names

OWN = set(Classifier().get_params())
QUICK = {"hidden": (4,), "members": 2, "steps": 30}
PEERS = [MLPClassifier, LogisticRegression, HistGradientBoostingClassifier]
OF_TREES = {  # the common ones of CatBoost, LightGBM, XGBoost
    "iterations", "n_estimators", "depth", "max_depth", "num_leaves", "min_child_samples", "min_child_weight",
    "subsample", "colsample_bytree", "l2_leaf_reg", "reg_alpha", "reg_lambda", "eta", "loss_function", "objective",
    "eval_metric", "metric", "cat_features", "categorical_feature", "enable_categorical", "class_weights",
    "auto_class_weights", "is_unbalance", "scale_pos_weight", "random_seed", "seed", "od_wait", "od_type",
    "early_stopping_rounds", "use_best_model", "task_type", "device_type", "tree_method", "thread_count", "n_jobs",
    "nthread", "verbosity", "silent", "logging_level", "border_count", "max_bins", "one_hot_max_size", "nan_mode",
    "missing", "num_class", "booster", "boosting_type", "gamma",
}  # fmt: skip
BY_OTHERS = {name for peer in PEERS for name in peer().get_params()} | OF_TREES
WITHOUT_HINT = {"interaction_cst", "monotonic_cst"}


def blobs():
    X = np.random.default_rng(0).normal(size=(200, 2))
    return X, np.where(X[:, 0] > 0, "a", "b")


@pytest.mark.parametrize("name", sorted(BY_OTHERS - OWN - WITHOUT_HINT))
def test_an_option_of_another_library_is_refused_by_a_sentence_that_says_what_to_use(name):
    with pytest.raises(TypeError) as raised:
        Classifier(**{name: 1})
    start, hint = str(raised.value).split("'. ", 1)
    assert start == f"Classifier() got an unexpected keyword argument '{name}"
    assert hint.startswith(
        ("Here it is ", "There is none here: ", "There are no trees here: ", "Training always stops")
    )
    assert hint.endswith(".")


def test_the_forest_has_no_word_without_an_answer():
    known = {*other_names.HINTS, *OWN, "monotonic_cst", "min_impurity_decrease", "min_weight_fraction_leaf"}
    assert set(RandomForestClassifier().get_params()) <= known


def test_what_the_sentences_name_is_there():
    sentences = [*other_names.HINTS.values(), *other_names.OF_FIT.values()]
    named = {name for sentence in sentences for name in re.findall(r"(\w+)=", sentence)}
    assert named <= OWN | set(inspect.signature(Classifier.fit).parameters)
    assert not OWN & set(other_names.HINTS)
    X, y = blobs()
    fitted = Classifier(**QUICK).fit(X, y)
    for name, hint in other_names.ATTRIBUTES.items():
        for mentioned in re.findall(r"\b(\w+_)\b", hint):
            assert hasattr(fitted, mentioned), name


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"hidden_layer_sizes": (100,)}, "'hidden_layer_sizes'. Here it is hidden=."),
        ({"hidden": (3,), "max_iter": 3, "alpha": 1}, "'max_iter'. Here it is epochs=."),
        ({"drop_out": 0.1}, "'drop_out'. Did you mean 'dropout'?"),
        ({"zzz": 0.1}, "'zzz'."),
    ],
)
def test_the_sentence(options, sentence):
    with pytest.raises(
        TypeError, match=f"^{re.escape(f'Classifier() got an unexpected keyword argument {sentence}')}$"
    ):
        Classifier(**options)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"eval_set": []}, "'eval_set'. Here it is X_val= and y_val=."),
        ({"validation_data": []}, "'validation_data'. Here it is X_val= and y_val=."),
        ({"epochs": 3}, "'epochs'. It is an option: Classifier(epochs=...)."),
        ({"cat_features": [0]}, f"'cat_features'. {other_names.HINTS['cat_features']}"),
        ({"sample_weigth": [0]}, "'sample_weigth'. Did you mean 'sample_weight'?"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_arguments_of_fit(method, arguments, sentence):
    with pytest.raises(TypeError) as raised:
        getattr(Classifier(**QUICK), method)(*blobs(), **arguments)
    assert str(raised.value) == f"Classifier.{method}() got an unexpected keyword argument {sentence}"


def test_scikit_learn_sees_the_options_alone():
    for function in (Classifier, Classifier.fit, Classifier.partial_fit):
        parameters = inspect.signature(function).parameters
        assert not [name for name in parameters if name.startswith("_")]
    assert set(inspect.signature(Classifier).parameters) == OWN
    assert clone(Classifier(**QUICK)).get_params() == Classifier(**QUICK).get_params()


def test_a_search_over_a_word_of_another_library():
    sentence = "Invalid parameter 'alpha' for Classifier. Here it is weight_decay="
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        Classifier().set_params(alpha=1)
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        GridSearchCV(Classifier(**QUICK), {"alpha": [1.0]}, cv=2, error_score="raise").fit(*blobs())
    with pytest.raises(ValueError, match=r"^Invalid parameter 'zzz' for estimator Classifier\(\)"):
        Classifier().set_params(zzz=1)
    assert Classifier().set_params(epochs=3).epochs == 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"learning_rate": "adaptive"},
            "learning_rate must be a number; got 'adaptive'. Its schedule is fixed: a short rise, then half a cosine "
            "down to 0.",
        ),
        (
            {"batch_size": "auto"},
            "batch_size must be an integer or None; got 'auto'. None chooses it: 64, or fewer for few rows.",
        ),
    ],
)
def test_values_of_mlp_classifier(options, sentence):
    with pytest.raises(TypeError, match=f"^{re.escape(sentence)}$"):
        Classifier(**options).check_options()


def test_every_attribute_of_mlp_classifier_is_there_or_says_what_to_use():
    X, y = blobs()
    with pytest.warns(UserWarning, match="Maximum iterations"):
        theirs = MLPClassifier(max_iter=1).fit(X, y)
    fitted = Classifier(**QUICK).fit(X, y)
    for name in (name for name in vars(theirs) if name.endswith("_") and not name.startswith("_")):
        if not hasattr(fitted, name):
            with pytest.raises(AttributeError) as raised:
                getattr(fitted, name)
            assert str(raised.value) == f"'Classifier' object has no attribute '{name}'. {other_names.ATTRIBUTES[name]}"
    assert {"n_iter_", "loss_curve_", "classes_", "n_features_in_"} <= set(vars(fitted))


def test_what_fit_sets_is_said_before_it():
    X, y = blobs()
    fitted = {name for name in vars(Classifier(**QUICK).fit(X, y)) if name.endswith("_")}
    assert fitted == set(other_names.FITTED)
    for name in fitted:
        with pytest.raises(
            AttributeError, match=rf"^'Classifier' object has no attribute '{name}'\. It is set by fit\.$"
        ):
            getattr(Classifier(), name)
    with pytest.raises(AttributeError, match=r"^'Classifier' object has no attribute 'zzz'\.$") as raised:
        Classifier().zzz  # noqa: B018 # pyright: ignore[reportAttributeAccessIssue]
    assert raised.value.name == "zzz"


def test_passes_over_the_rows_and_their_losses():
    X, y = blobs()
    fitted = Classifier((4,), members=2, epochs=7, patience=0).fit(X, y)
    assert fitted.n_iter_ == 7
    assert fitted.loss_curve_ == fitted.history_["train_loss"]
    assert len(fitted.loss_curve_) == len(fitted.history_["step"]) > 0
    three_steps_each = (np.tile(X, (2, 1)), np.tile(y, 2))
    begun = [Classifier((4,), members=2, steps=steps).fit(*three_steps_each).n_iter_ for steps in (1, 3, 4)]
    assert begun == [1, 1, 2]
    assert fitted.partial_fit(X, y).n_iter_ == 1
