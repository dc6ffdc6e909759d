"""The metrics against scikit-learn, and against values worked out by hand."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as peers

from logitwise import metrics


def predictions(classes: int, rows: int = 500):
    generator = np.random.default_rng(classes)
    logits = generator.normal(size=(rows, classes)) * 2
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return generator.integers(0, classes, rows), probabilities


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_agrees_with_scikit_learn(classes):
    target, probabilities = predictions(classes)
    predicted = probabilities.argmax(axis=1)
    summary = metrics.summary(target, probabilities)
    labels = np.arange(classes)
    assert summary["rows"] == 500
    assert summary["log_loss"] == pytest.approx(peers.log_loss(target, probabilities, labels=labels), rel=1e-12)
    assert summary["accuracy"] == peers.accuracy_score(target, predicted)
    brier = peers.brier_score_loss(target, probabilities, labels=labels, scale_by_half=False)
    assert summary["brier_score"] == pytest.approx(brier, rel=1e-12)
    matrix = metrics.confusion_matrix(target, predicted, classes)
    np.testing.assert_array_equal(matrix, peers.confusion_matrix(target, predicted, labels=labels))


def test_the_intervals_of_a_summary_hold_what_they_promise():
    hits = dict.fromkeys(("log_loss", "accuracy", "brier_score", "calibration_error_by_chance"), 0)
    repeats, rows = 60, 200
    for seed in range(repeats):
        generator = np.random.default_rng(seed)
        said = generator.beta(2, 1, rows)
        probabilities = np.stack([1 - said, said], axis=1)
        target = (generator.random(rows) < said).astype(int)
        found, measured = metrics.summary_intervals(target, probabilities), metrics.summary(target, probabilities)
        truth = {
            "log_loss": 0.5,  # E[-p ln p - (1-p) ln(1-p)], p of Beta(2, 1)
            "accuracy": 0.75,  # E[max(p, 1-p)]
            "brier_score": 1 / 3,  # E[2 p (1-p)]
            "calibration_error_by_chance": measured["calibration_error"],
        }
        for name, value in truth.items():
            hits[name] += found[name].low <= value <= found[name].high
    assert all(0.85 * repeats <= count for count in hits.values()), hits


def test_intervals_that_cannot_be_told_are_none():
    certain = metrics.summary_intervals([1, 0], [[1.0, 0.0], [1.0, 0.0]])
    assert certain["log_loss"] is None
    assert certain["brier_score"] == (0.0, 2.0)
    assert metrics.summary_intervals([0], [[0.7, 0.3]]) == {
        "log_loss": None,
        "accuracy": pytest.approx((0.2065, 1.0), abs=1e-4),
        "brier_score": None,
        "calibration_error_by_chance": None,
    }


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_roc_auc_agrees_with_scikit_learn_with_and_without_ties(decimals):
    target, probabilities = predictions(2)
    scores = probabilities[:, 1].round(decimals)
    assert metrics.roc_auc(target, scores) == pytest.approx(peers.roc_auc_score(target, scores), rel=1e-12)


def test_calibration_error_by_hand():
    probabilities = np.array([[0.95, 0.05]] * 4 + [[0.6, 0.4]] * 2)
    target = [0, 0, 0, 1, 1, 0]
    # Bin of 0.95: accuracy 3/4. Bin of 0.6: accuracy 1/2.
    expected = 4 / 6 * abs(0.95 - 0.75) + 2 / 6 * abs(0.6 - 0.5)
    assert metrics.calibration_error(target, probabilities) == pytest.approx(expected, rel=1e-12)
    # With one bin only the means are compared: 4/6 right, mean confidence 5/6.
    assert metrics.calibration_error(target, probabilities, bins=1) == pytest.approx(1 / 6, rel=1e-12)


def test_calibration_error_takes_certainty_and_perfection():
    assert metrics.calibration_error([0, 1], [[1.0, 0.0], [0.0, 1.0]]) == 0.0
    assert metrics.calibration_error([1, 0], [[1.0, 0.0], [0.0, 1.0]]) == 1.0


def test_certain_and_wrong_is_an_infinite_log_loss():
    assert metrics.summary([1], [[1.0, 0.0]])["log_loss"] == np.inf


def test_majority_baseline_has_the_entropy_of_the_labels():
    probabilities = metrics.majority_baseline([0, 1, 1, 1], 3, rows=4)
    np.testing.assert_array_equal(probabilities, np.tile([0.25, 0.75, 0.0], (4, 1)))
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert metrics.summary([0, 1, 1, 1], probabilities)["log_loss"] == pytest.approx(entropy, rel=1e-12)


GOOD = [[0.5, 0.5]]
BAD = [
    (
        lambda: metrics.accuracy([0.0], GOOD),
        TypeError,
        "target must be integers, class indices from 0; got dtype float64. Convert labels to indices first.",
    ),
    (lambda: metrics.accuracy([2], GOOD), ValueError, "target must be in [0, 1]; got 2 at row 0."),
    (lambda: metrics.accuracy([[0]], GOOD), ValueError, "target must be one-dimensional; got shape (1, 1)."),
    (
        lambda: metrics.accuracy([0, 1], GOOD),
        ValueError,
        "target must have one index per row of probabilities, 1; got 2.",
    ),
    (
        lambda: metrics.accuracy([], np.empty((0, 2))),
        ValueError,
        "probabilities must have shape (rows, classes), at least one of each; got (0, 2).",
    ),
    (
        lambda: metrics.brier_score([0], [[2.0, -1.0]]),
        ValueError,
        "probabilities must be in [0, 1]; got 2.0 at index (0, 0) (2 such entries). For logits apply softmax first.",
    ),
    (
        lambda: metrics.brier_score([0], [[0.5, 0.25]]),
        ValueError,
        "probabilities must sum to 1 in each row; got 0.75 at row 0.",
    ),
    (lambda: metrics.calibration_error([0], GOOD, bins=0), ValueError, "bins must be 1 or more; got 0."),
    (
        lambda: metrics.confusion_matrix([0], [0, 1], 2),
        ValueError,
        "predicted must have one index per row of target, 1; got 2.",
    ),
    (lambda: metrics.confusion_matrix([0], [-1], 2), ValueError, "predicted must be in [0, 1]; got -1 at row 0."),
    (lambda: metrics.roc_auc([0, 1], [0.5]), ValueError, "scores must have the shape of target, (2,); got (1,)."),
    (lambda: metrics.roc_auc([0, 1], [0.5, np.nan]), ValueError, "scores must be numbers; got NaN at row 1."),
    (
        lambda: metrics.roc_auc([1, 1], [0.5, 0.6]),
        ValueError,
        "target must have both classes, 0 and 1; got 0 rows of class 0 and 2 of class 1.",
    ),
    (lambda: metrics.calibration_error([0], GOOD, bins=2.5), TypeError, "bins must be an integer; got 2.5."),
    (lambda: metrics.roc_auc([0, 2], [0.1, 0.2]), ValueError, "target must be in [0, 1]; got 2 at row 1."),
    (lambda: metrics.majority_baseline([2], 2, 1), ValueError, "train_target must be in [0, 1]; got 2 at row 0."),
    (
        lambda: metrics.majority_baseline([0.5], 2, 1),
        TypeError,
        "train_target must be integers, class indices from 0; got dtype float64. Convert labels to indices first.",
    ),
    (lambda: metrics.majority_baseline([], 2, 1), ValueError, "train_target must have at least one row; got none."),
]


@pytest.mark.parametrize(("call", "kind", "message"), BAD)
def test_refusals(call, kind, message):
    with pytest.raises(kind) as raised:
        call()
    assert str(raised.value) == message


def test_needs_numpy_alone():
    code = (
        "import sys, logitwise.metrics as m; m.summary([0], [[0.9, 0.1]]); "
        "print(sorted({'torch', 'sklearn'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"


def often_right(probabilities, share=0.7, seed=0):
    """Return classes of which the most probable is right as often whatever it is: too sure and too unsure."""
    generator = np.random.default_rng(seed)
    wrong = generator.integers(0, probabilities.shape[1], len(probabilities))
    return np.where(generator.random(len(probabilities)) < share, probabilities.argmax(axis=1), wrong)


def rows_with_ties(rows=300, n_classes=3, step=32):
    """Return classes and probabilities that are 32nds: many are equal, and many lie on the edges of bins."""
    generator = np.random.default_rng(0)
    probabilities = generator.multinomial(step, generator.dirichlet(np.ones(n_classes), size=rows)) / step
    return often_right(probabilities), probabilities


def error_by_bins(target, probabilities, bins):
    """The definition, a bin at a time: open below, closed above (the first holds 0 too)."""
    total = 0.0
    for place in range(bins):
        rows = [
            row
            for row, confidence in enumerate(probabilities.max(axis=1))
            if place / bins < confidence <= (place + 1) / bins
        ]
        if rows:
            right = np.mean([list(probabilities[row]).index(max(probabilities[row])) == target[row] for row in rows])
            total += len(rows) / len(target) * abs(right - np.mean([max(probabilities[row]) for row in rows]))
    return total


@pytest.mark.parametrize("bins", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_confidences_on_the_edge_of_a_bin_belong_to_the_one_below(bins, n_classes):
    target, probabilities = rows_with_ties(n_classes=n_classes)
    found = metrics.calibration_error(target, probabilities, bins=bins)
    assert found == pytest.approx(error_by_bins(target, probabilities, bins), rel=1e-12)
    if bins > 4:  # the other side is another number
        moved = np.where(probabilities < 1, probabilities * (1 + 1e-9), probabilities)
        assert abs(error_by_bins(target, moved, bins) - found) > 1e-4


def test_there_are_fifteen_bins():
    _, probabilities = predictions(3)
    target = often_right(probabilities)
    found = metrics.calibration_error(target, probabilities)
    assert found == pytest.approx(error_by_bins(target, probabilities, 15), rel=1e-12)
    for bins in (10, 14, 16):
        assert found != pytest.approx(error_by_bins(target, probabilities, bins), rel=1e-3)
    assert metrics.summary(target, probabilities)["calibration_error"] == found


def test_a_bin_is_sure_and_another_unsure_and_they_do_not_make_up_for_each_other():
    probabilities = [[0.9, 0.1]] * 2 + [[0.6, 0.4]] * 2
    assert metrics.calibration_error([0, 1, 0, 0], probabilities) == pytest.approx((0.4 + 0.4) / 2, rel=1e-12)


def test_the_first_of_equal_probabilities_is_the_prediction():
    target, probabilities = rows_with_ties(step=4)
    assert (np.sort(probabilities)[:, -1] == np.sort(probabilities)[:, -2]).mean() > 0.1
    first = [row.tolist().index(row.max()) for row in probabilities]
    assert metrics.accuracy(target, probabilities) == peers.accuracy_score(target, first)
    assert metrics.accuracy([0, 1], [[0.5, 0.5], [0.5, 0.5]]) == 0.5


def test_measures_of_a_summary_by_their_definitions():
    _, probabilities = predictions(4, rows=57)
    target = often_right(probabilities)
    at_target = [probabilities[row, place] for row, place in enumerate(target)]
    squares = [
        sum((probability - (place == target[row])) ** 2 for place, probability in enumerate(probabilities[row]))
        for row in range(57)
    ]
    assert metrics.summary(target, probabilities) == {
        "rows": 57,
        "log_loss": pytest.approx(-sum(map(np.log, at_target)) / 57, rel=1e-12),
        "accuracy": pytest.approx(sum(at == max(row) for at, row in zip(at_target, probabilities, strict=True)) / 57),
        "brier_score": pytest.approx(sum(squares) / 57, rel=1e-12),
        "calibration_error": pytest.approx(error_by_bins(target, probabilities, 15), rel=1e-12),
    }
    assert metrics.brier_score(target, probabilities) == metrics.summary(target, probabilities)["brier_score"]


def test_a_confusion_matrix_has_the_truth_in_rows_and_room_for_classes_that_do_not_occur():
    target, predicted = np.array([0, 0, 0, 2, 2, 1]), np.array([0, 1, 1, 2, 0, 1])
    expected = [[1, 2, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    assert metrics.confusion_matrix(target, predicted, 4).tolist() == expected
    assert metrics.confusion_matrix(target.astype(np.uint8), predicted.astype(np.int8), 4).tolist() == expected
    large = np.full(3, 19, dtype=np.uint8)  # 19 * 20 + 19 does not fit into 8 bits
    assert metrics.confusion_matrix(large, large, 20)[19, 19] == 3
    assert metrics.confusion_matrix([], [], 2).tolist() == [[0, 0], [0, 0]]


def test_roc_auc_counts_pairs():
    generator = np.random.default_rng(3)
    target, scores = generator.integers(0, 2, 60), generator.integers(-3, 4, 60).astype(float)
    ones, zeros = scores[target == 1], scores[target == 0]
    pairs = [1.0 if one > zero else 0.5 if one == zero else 0.0 for one in ones for zero in zeros]
    assert metrics.roc_auc(target, scores) == pytest.approx(np.mean(pairs), rel=1e-12)
    assert metrics.roc_auc(target, -scores) == pytest.approx(1 - np.mean(pairs), rel=1e-12)
    assert metrics.roc_auc([1, 0, 0], [np.inf, -np.inf, 3.0]) == 1.0
    assert metrics.roc_auc([1, 0], [2.0, 2.0]) == 0.5


def test_frequencies_are_of_the_training_labels_in_as_many_rows_as_asked():
    found = metrics.majority_baseline(np.array([2, 0, 2, 2], dtype=np.uint8), 4, rows=3)
    assert found.tolist() == [[0.25, 0.0, 0.75, 0.0]] * 3
    assert metrics.majority_baseline([1], 2, rows=1).tolist() == [[0.0, 1.0]]


def resampled_means(values, resamples, seed):
    """Return the means of rows drawn with replacement, all from one generator."""
    generator = np.random.default_rng(seed)
    return np.array([values[generator.integers(len(values), size=len(values))].mean() for _ in range(resamples)])


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize(("resamples", "seed"), [(1, 0), (999, 0), (300, 7)])
def test_a_paired_bootstrap_is_that_of_a_plain_loop(level, resamples, seed):
    values = np.random.default_rng(1).exponential(size=83)  # skewed: the two ends lie unlike far away
    mean, low, high = metrics.paired_bootstrap(values, level=level, resamples=resamples, seed=seed)
    means = np.sort(resampled_means(values, resamples, seed))
    expected = np.interp(
        [(1 - level) / 2 * (resamples - 1), (1 + level) / 2 * (resamples - 1)], range(resamples), means
    )
    assert mean == values.mean()
    assert (low, high) == pytest.approx(expected.tolist(), rel=1e-9)


def test_a_paired_bootstrap_is_of_95_percent_a_thousand_resamples_and_seed_0():
    values = np.random.default_rng(2).exponential(size=40)
    found = metrics.paired_bootstrap(values)
    assert found == metrics.paired_bootstrap(values, level=0.95, resamples=1000, seed=0)
    others = [{"level": 0.9}, {"resamples": 999}, {"seed": 1}]
    assert all(metrics.paired_bootstrap(values, **changed)[1:] != found[1:] for changed in others)


@pytest.mark.parametrize("numbers", [1, 39, 40, 41, 280, 10**6])
def test_how_many_numbers_are_drawn_at_once_changes_nothing(numbers, monkeypatch):
    values = np.random.default_rng(2).exponential(size=40)
    expected = metrics.paired_bootstrap(values, resamples=101)
    monkeypatch.setattr("logitwise.metrics.intervals.NUMBERS_AT_ONCE", numbers)
    assert metrics.paired_bootstrap(values, resamples=101) == expected


def error_by_confidence(right, confidence, bins):
    places = np.ceil(confidence * bins)
    return sum(abs((right[places == place] - confidence[places == place]).sum()) for place in set(places)) / len(right)


@pytest.mark.parametrize("n_classes", [2, 5])
def test_both_ends_of_every_interval_of_a_summary(n_classes):
    target, probabilities = predictions(n_classes, rows=120)
    at_target = probabilities[np.arange(120), target]
    outcome = np.eye(n_classes)[target]
    by_row = {"log_loss": -np.log(at_target), "brier_score": ((probabilities - outcome) ** 2).sum(axis=1)}
    found = metrics.summary_intervals(target, probabilities)
    for name, values in by_row.items():
        means = resampled_means(values, 1000, seed=0)
        assert found[name] == pytest.approx(tuple(np.percentile(means, [2.5, 97.5])), rel=1e-9)
    confidence, hits = probabilities.max(axis=1), probabilities.argmax(axis=1) == target
    wilson = binomtest(int(hits.sum()), 120).proportion_ci(0.95, method="wilson")
    assert found["accuracy"] == pytest.approx((wilson.low, wilson.high), rel=1e-6)
    generator, errors = np.random.default_rng(0), []
    for _ in range(250):
        right = generator.random(120) < confidence
        errors.append(error_by_confidence(right, confidence, 15))
    expected = tuple(np.percentile(errors, [2.5, 97.5]))
    assert found["calibration_error_by_chance"] == pytest.approx(expected, rel=1e-9)


def test_two_rows_are_enough_for_intervals_and_one_infinite_loss_spoils_its_own_alone():
    both = metrics.summary_intervals([0, 1], [[0.75, 0.25], [0.5, 0.5]])
    assert both["log_loss"] == pytest.approx((-np.log(0.75), np.log(2)), rel=1e-12)
    assert both["brier_score"] == pytest.approx((0.125, 0.5), rel=1e-12)
    spoilt = metrics.summary_intervals([0, 1, 1], [[0.75, 0.25], [1.0, 0.0], [0.5, 0.5]])
    assert spoilt["log_loss"] is None
    assert spoilt["brier_score"] == pytest.approx((0.125, 2.0), rel=1e-12)
    assert list(both) == ["log_loss", "accuracy", "brier_score", "calibration_error_by_chance"]


BOUNDS = [
    ([[0.5, 0.5009]], None),
    ([[0.5, 0.4991]], None),
    ([[0.5, 0.5011]], "probabilities must sum to 1 in each row; got 1.0011 at row 0."),
    ([[0.5, 0.4989]], "probabilities must sum to 1 in each row; got 0.9989 at row 0."),
    ([[0.5, 0.5], [0.25, np.nan]], "probabilities must be in [0, 1]; got nan at index (1, 1). For logits apply"),
    ([[1.0, 0.0], [0.0, 1.0]], None),
    ([[1.0 + 1e-4, 0.0]], "probabilities must be in [0, 1]; got 1.0001 at index (0, 0). For logits apply"),
    ([[1.0, -1e-4]], "probabilities must be in [0, 1]; got -0.0001 at index (0, 1). For logits apply"),
    ([0.5, 0.5], "probabilities must have shape (rows, classes), at least one of each; got (2,)."),
    ([[]], "probabilities must have shape (rows, classes), at least one of each; got (1, 0)."),
]


@pytest.mark.parametrize("measure", [metrics.accuracy, metrics.brier_score, metrics.calibration_error])
@pytest.mark.parametrize(("probabilities", "message"), BOUNDS)
def test_what_probabilities_are_taken(probabilities, message, measure):
    target = [0] * len(probabilities)
    if message is None:
        assert np.isfinite(measure(target, probabilities))
        return
    with pytest.raises(ValueError) as raised:
        measure(target, probabilities)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_probability_outside_by_a_rounding_error_counts_as_0_or_1(dtype):
    ulp = 2.0**-10 if dtype == "float16" else 2.0**-23
    whole = np.array([[1.0, 0.0], [0.0, 1.0], [0.75, 0.25]], dtype)
    rounded = whole + np.array([[ulp, -ulp], [-ulp, ulp], [0.0, 0.0]], dtype)
    assert rounded.max() > 1.0 > 0.0 > rounded.min()
    assert metrics.summary([0, 1, 1], rounded) == metrics.summary([0, 1, 1], whole)


def test_the_first_and_the_last_class_are_in_range():
    assert metrics.accuracy([0, 2], np.eye(3)[[0, 2]]) == 1.0
    for wrong in (-1, 3):
        with pytest.raises(ValueError) as raised:
            metrics.accuracy([0, wrong], np.eye(3)[[0, 2]])
        assert str(raised.value) == f"target must be in [0, 2]; got {wrong} at row 1."
    with pytest.raises(TypeError, match="must be integers"):
        metrics.accuracy([True], GOOD)


BAD_BOOTSTRAPS = [
    ({"differences": []}, "differences must have shape (rows,), at least one row; got (0,)."),
    ({"differences": [[0.1]]}, "differences must have shape (rows,), at least one row; got (1, 1)."),
    ({"level": 0}, "level must be between 0 and 1; got 0."),
    ({"level": 1.0}, "level must be between 0 and 1; got 1.0."),
    ({"resamples": 0}, "resamples must be 1 or more; got 0."),
]


@pytest.mark.parametrize(("changed", "message"), BAD_BOOTSTRAPS)
def test_refusals_of_the_paired_bootstrap(changed, message):
    with pytest.raises(ValueError) as raised:
        metrics.paired_bootstrap(**{"differences": [0.1, 0.2], **changed})
    assert str(raised.value) == message
