"""The baselines: against scikit-learn, on the same rows, and what is concluded."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from logitwise.classifier import Classifier
from logitwise.classifier.baselines import Comparison, fit_logistic
from logitwise.functional import softmax


@pytest.mark.parametrize("n_classes", [2, 3])
def test_logistic_regression_is_scikit_learns(n_classes):
    generator = np.random.default_rng(0)
    target = generator.integers(0, n_classes, 200)
    inputs = (generator.normal(size=(200, 4)) + target[:, None] * [1, 0, -1, 0.5]).astype(np.float32)
    network = fit_logistic(inputs, target, np.ones(200), n_classes)
    expected = LogisticRegression(max_iter=200).fit(inputs, target).predict_proba(inputs)
    np.testing.assert_allclose(softmax(network.logits(inputs)[0].astype(float)), expected, atol=1e-5)


def test_a_class_that_does_not_occur_is_all_but_impossible():
    inputs = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    network = fit_logistic(inputs, np.arange(20) % 2 * 2, np.ones(20), 3)
    assert softmax(network.logits(inputs)[0])[:, 1].max() < 1e-8
    alone = fit_logistic(inputs, np.ones(20, int), np.ones(20), 3)
    assert softmax(alone.logits(inputs)[0])[:, 1].min() > 1 - 1e-6


def circle(rows=400):
    X = np.random.default_rng(0).normal(size=(rows, 2))
    return X, ((X**2).sum(axis=1) > 1.4).astype(int)


def test_a_network_that_is_worth_it():
    compared = Classifier().fit(*circle()).baselines_
    assert compared.rows == 200
    assert compared.verdict.startswith("The network beats logistic regression: log loss 0.")
    assert set(compared.measures) == {"model", "majority class", "logistic regression"}
    found = compared.differences["logistic regression"]
    gap = compared.measures["model"]["log_loss"] - compared.measures["logistic regression"]["log_loss"]
    assert found["mean"] == pytest.approx(gap, rel=1e-9)
    assert found["low"] < found["mean"] < found["high"] < 0


def test_nothing_to_learn():
    generator = np.random.default_rng(0)
    verdict = Classifier().fit(generator.normal(size=(300, 3)), generator.integers(0, 2, 300)).baselines_.verdict
    assert verdict.startswith("The columns say little of the target: log loss 0.")


def compared(low, mean, high):
    measures = {name: {"log_loss": loss} for name, loss in (("model", 0.5), ("logistic regression", 0.52))}
    measures["majority class"] = {"log_loss": 0.69}
    differences = {"logistic regression": {"low": low, "mean": mean, "high": high}, "majority class": {"high": -0.1}}
    return Comparison(1000, measures, differences).verdict


def test_verdicts():
    against = "log loss 0.500 against 0.520 on 1,000 held-out rows"
    assert compared(-0.03, -0.02, 0.01) == (
        f"The network is not clearly worth it beside logistic regression: {against} (difference -0.020, 95% interval "
        f"-0.030 to +0.010)."
    )
    assert compared(0.01, 0.02, 0.03) == (
        f"Logistic regression beats the network: {against} (difference +0.020, 95% interval +0.010 to +0.030). Use "
        f"hidden=()."
    )
    assert Comparison(0, {}, {}).verdict == "No rows were held out, so nothing is known of how good the model is."
