"""Calibration: the fits against scikit-learn's and SciPy's optimisers, and what they cannot do."""

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar

import logitwise as lw
from logitwise.calibration import Calibration, fit_calibration, sharpening, temperature_of
from logitwise.classifier.calibration import (
    HIGHEST,
    LOWEST,
    PRIOR,
    UNSEEN,
    UNSURE,
    _along,
    _objective,
    _scaling,
    among_present,
    averaging,
)
from logitwise.functional import log_softmax


def made_logits(rows=600, n_classes=3, seed=0, temperature=2.0, shift=0.0):
    """Return logits and classes drawn from softmax(logits / temperature + shift)."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(rows, n_classes)) * 2
    probabilities = np.exp(log_softmax(logits / temperature + shift * np.arange(n_classes)))
    return logits, (probabilities.cumsum(axis=1) > generator.random((rows, 1))).argmax(axis=1)


def loss(logits, target, weight=None):
    return np.average(-log_softmax(logits)[np.arange(len(target)), target], weights=weight)


@pytest.mark.parametrize("start", [0.1, 1.0, 15.0])
def test_the_temperature_is_that_of_a_general_optimiser_wherever_it_starts(start):
    logits, target = made_logits()
    weight = np.random.default_rng(1).random(len(target))
    found, least = temperature_of(logits, target, weight, start)
    expected = minimize(lambda place: loss(logits / np.exp(place[0]), target, weight), [0.0], tol=1e-12)
    assert found == pytest.approx(np.exp(expected.x[0]), rel=1e-3)
    assert least == pytest.approx(expected.fun, rel=1e-9)


def test_a_temperature_stays_within_bounds():
    logits = np.array([[5.0, 0.0], [0.0, 5.0]])
    assert temperature_of(logits, np.array([0, 1]))[0] == pytest.approx(LOWEST)
    assert temperature_of(logits, np.array([1, 0]))[0] == pytest.approx(HIGHEST)


def test_gradient_and_hessian_are_those_of_finite_differences():
    logits, target = made_logits(rows=50)
    weight = np.random.default_rng(1).random(50)
    weight[3] = 0.0
    weight /= weight.sum()
    place = np.concatenate([[0.5, 0.7, 0.6], [0.1, -0.2, 0.0]])
    _, slope, curvature = _objective(place, logits, target, weight)
    for at, direction in enumerate(np.eye(6) * 1e-5):
        above, below = (_objective(place + sign * direction, logits, target, weight) for sign in (1, -1))
        assert slope[at] == pytest.approx((above[0] - below[0]) / 2e-5, abs=1e-8)
        np.testing.assert_allclose(curvature[at], (above[1] - below[1]) / 2e-5, atol=1e-8)


@pytest.mark.parametrize(("n_classes", "method"), [(2, "affine"), (3, "vector")])
def test_a_shift_is_found_where_the_rows_justify_it(n_classes, method):
    logits, target = made_logits(2000, n_classes, shift=0.8)
    fit = fit_calibration(logits, target)
    assert fit.calibration.method == method
    assert fit.losses[method] < fit.losses["temperature"]
    np.testing.assert_allclose(np.diff(fit.calibration.shift), 0.8, atol=0.2)
    np.testing.assert_allclose(fit.calibration.scale, 0.5, atol=0.1)
    assert loss(fit.log_probabilities, target) == pytest.approx(fit.losses[method], rel=1e-12)


def test_temperature_alone_where_it_is_enough():
    logits, target = made_logits(2000)
    fit = fit_calibration(logits, target)
    assert fit.calibration.method == "temperature"
    assert fit.calibration.shift.tolist() == [0, 0, 0]
    np.testing.assert_allclose(fit.calibration.scale, 1 / 2.0, rtol=0.1)
    assert fit.calibration.uniform == 1 / 2001


def test_rows_that_are_all_right_do_not_make_certain():
    logits = np.array([[4.0, 0.0]] * 30 + [[0.0, 4.0]] * 30)
    fit = fit_calibration(logits, np.repeat([0, 1], 30))
    assert np.exp(fit.calibration.log_probabilities(logits)).max() < 1 - 0.4 / 61


def test_the_mixture_is_with_the_uniform_distribution():
    calibration = Calibration(np.array([2.0, 1.0]), np.array([0.0, 0.5]), 0.1, "vector")
    logits = np.array([[1.0, -1.0], [900.0, -900.0]])
    exact = np.exp(logits * [2.0, 1.0] + [0.0, 0.5] - [[2.0], [1800.0]])
    expected = 0.9 * exact / exact.sum(axis=1, keepdims=True) + 0.05
    np.testing.assert_allclose(np.exp(calibration.log_probabilities(logits)), expected, rtol=1e-12)


def test_no_calibration_changes_nothing():
    logits = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_array_equal(Calibration.none(3).log_probabilities(logits), log_softmax(logits))


def test_few_rows_and_a_part_without_weight():
    logits, target = made_logits(rows=7)
    weight = np.zeros(7)
    weight[2] = 1.0
    fit = fit_calibration(logits, target, weight)
    assert fit.calibration.method == "temperature"
    assert np.isfinite(fit.log_probabilities).all()


def cautious(logits, target, scale, weight, sharper):
    """Return the scale that is used in place of a fitted one, by differences of the loss around it."""
    share, step = weight / weight.sum(), 1e-3
    at = [share @ -log_softmax(logits * scale * np.exp(k * step))[np.arange(len(target)), target] for k in (-1, 0, 1)]
    information = (at[0] - 2 * at[1] + at[2]) / step**2 / (share @ share) + PRIOR
    change, variance = np.log(scale * sharper), 1 / information + (UNSURE * np.log(sharper)) ** 2
    return np.exp(change**3 / (change**2 + variance))


@pytest.mark.parametrize("rows", [20, 100, 3000])
@pytest.mark.parametrize("temperature", [0.3, 1.1, 3.0])
@pytest.mark.parametrize("sharper", [0.8, 1.0, 1.7])
def test_a_temperature_counts_as_far_as_the_rows_show_that_it_is_not_one(rows, temperature, sharper):
    logits, target = made_logits(rows, n_classes=2, temperature=temperature)
    weight = np.random.default_rng(2).integers(1, 4, rows)
    fit = fit_calibration(logits, target, weight, sharpening=sharper)
    if fit.calibration.method != "temperature":
        pytest.skip("affine scaling was clearly better")
    scale = 1 / temperature_of(log_softmax(logits), target, weight, prior=PRIOR, around=sharper)[0]
    expected = cautious(logits, target, scale, weight, sharper)
    np.testing.assert_allclose(fit.calibration.scale, np.full(2, expected), rtol=1e-3)
    assert abs(np.log(expected)) <= abs(np.log(scale * sharper))
    if rows == 3000 and temperature != 1.1 and sharper == 1.0:  # what is known well stays as it is
        assert expected == pytest.approx(scale, rel=0.01)


def test_a_prior_around_another_temperature_is_that_of_logits_divided_by_it():
    logits, target = made_logits(15)
    found, least = temperature_of(logits, target, prior=PRIOR, around=2.5)
    divided, same = temperature_of(logits / 2.5, target, prior=PRIOR)
    assert found == pytest.approx(2.5 * divided, rel=1e-3)
    assert least == pytest.approx(same, abs=1e-6)


def test_rows_say_nothing_of_a_class_that_none_has():
    """Its logits are as if they were not there: they would otherwise be pushed down without end."""
    logits, target = made_logits(rows=400)
    given = target != 1
    fitted = fit_calibration(logits[given], target[given]).calibration
    among, places = among_present(logits[given], target[given])
    np.testing.assert_array_equal(among, logits[given][:, [0, 2]])
    np.testing.assert_array_equal(places, target[given] // 2)
    temperature, _ = temperature_of(among, places, prior=PRIOR)
    assert (fitted.method, fitted.uniform) == ("temperature", 1 / (given.sum() + 1))
    used = cautious(among, places, 1 / temperature, np.ones(given.sum()), 1.0)
    np.testing.assert_allclose(fitted.scale, np.full(3, used), rtol=1e-4)
    np.testing.assert_array_equal(fitted.shift, np.zeros(3))
    assert temperature == pytest.approx(2.0, abs=0.4)


def test_a_single_class_is_all_there_is_to_fit_by():
    logits, target = np.zeros((3, 2)), np.zeros(3, dtype=np.int64)
    np.testing.assert_array_equal(among_present(logits, target)[0], logits)


def test_a_start_that_is_not_positive():
    with pytest.raises(ValueError, match=r"^start must be positive and finite; got 0\.0\.$"):
        temperature_of(np.zeros((2, 2)), np.array([0, 1]), start=0)


@pytest.mark.parametrize("rows", [3, 40, 5000])
def test_the_prior_is_worth_as_much_as_its_precision_says(rows):
    logits, target = made_logits(rows, temperature=0.3)

    def loss(place):
        return -log_softmax(logits * np.exp(place))[np.arange(rows), target].mean() + PRIOR * place**2 / (2 * rows)

    peer = minimize(lambda place: loss(place[0]), [0.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-14})
    temperature, found = temperature_of(logits, target, prior=PRIOR)
    assert -np.log(temperature) == pytest.approx(peer.x[0], abs=1e-3)
    assert found == pytest.approx(peer.fun - PRIOR * peer.x[0] ** 2 / (2 * rows), abs=1e-5)


def test_few_rows_that_are_all_right_do_not_make_a_model_ever_surer():
    logits = np.log([[0.9, 0.1]] * 20 + [[0.1, 0.9]] * 20)
    target = np.repeat([0, 1], 20)
    assert temperature_of(logits, target)[0] == pytest.approx(LOWEST)
    scale = fit_calibration(logits, target).calibration.scale
    assert (scale > 1).all()
    assert (scale < 3).all()


@pytest.mark.parametrize("noise", [0.0, 0.7, 1.0])
def test_sharpening_foresees_what_the_mean_of_members_needs(noise):
    generator = np.random.default_rng(10)
    logits, target = made_logits(6000, temperature=1.0)
    members = logits + noise * generator.normal(size=(8, *logits.shape))
    alone, _ = temperature_of(members[0], target)
    together, _ = temperature_of(np.log(np.exp(log_softmax(members)).mean(axis=0)), target)
    seen = logits + (members[1:] - logits) / UNSEEN  # those that were trained on a row agree more on it
    factor = sharpening(members[0], seen, target)
    assert factor == pytest.approx(alone / together, rel=0.2)
    lost = [temperature_of(each, target)[1] for each in (members[0], np.log(np.exp(log_softmax(members)).mean(axis=0)))]
    gained = averaging(members[0], seen, target)
    assert gained[0] == factor
    assert gained[1] == pytest.approx(lost[0] - lost[1], rel=0.5, abs=1e-3)
    assert (factor < 1.01) == (noise == 0.0)


def test_without_others_nothing_is_sharpened():
    logits, target = made_logits(30)
    assert sharpening(logits, logits[None] + 1.0, target) == 1.0
    assert sharpening(logits[:0], np.zeros((7, 0, 3)), target[:0]) == 1.0


def test_a_sharpened_calibration_has_its_logits_multiplied():
    calibration = Calibration(np.array([2.0, 1.0]), np.array([0.0, 0.5]), 0.0, "vector")
    logits = np.array([[1.0, -1.0]])
    expected = log_softmax(3.0 * (logits * [2.0, 1.0] + [0.0, 0.5]))
    np.testing.assert_allclose(calibration.sharpened(3.0).log_probabilities(logits), expected, rtol=1e-12)


def scaled_loss(logits, target, weight, scale, shift=0.0):
    return loss(logits * scale + shift, target, weight)


def fitted_by_hand(method, logits, target, weight):
    """Return the scale and shift with the lowest loss plus what keeps them near 1 (temperature) or near that start."""
    rows, n_classes = logits.shape
    tight = {"method": "BFGS", "tol": 1e-10}
    start = minimize(
        lambda x: scaled_loss(logits, target, weight, np.exp(x[0])) + 4.0 * x[0] ** 2 / (2 * rows), [0.0], **tight
    )
    scale = np.full(n_classes, np.exp(start.x[0]))
    if method == "temperature":
        return scale, np.zeros(n_classes)

    def parts(x):
        moves = x if method == "vector" else np.array([x[0], x[0], 0.0, x[1]])
        return scale + moves[:n_classes], moves[n_classes:]

    def objective(x):
        return scaled_loss(logits, target, weight, *parts(x)) + (x @ x) / (2 * rows)

    return parts(minimize(objective, np.zeros(2 if method == "affine" else 2 * n_classes), **tight).x)


@pytest.mark.parametrize(
    ("method", "n_classes", "shift"),
    [("temperature", 2, 0.0), ("affine", 2, 0.8), ("temperature", 3, 0.0), ("vector", 3, 0.8)],
)
def test_each_row_is_judged_by_a_calibration_of_the_other_fifths(method, n_classes, shift):
    rows, seed = 203, 5
    logits, target = made_logits(rows, n_classes, shift=shift)
    weight = np.random.default_rng(1).random(rows) + 0.5
    fit = fit_calibration(logits, target, weight, seed=seed)
    assert fit.calibration.method == method
    logits = log_softmax(logits)
    part = np.random.default_rng(seed).permutation(rows) % 5
    for one in range(5):
        inside, outside = part == one, part != one
        scale, shift = fitted_by_hand(method, logits[outside], target[outside], weight[outside])
        share = 1 / (outside.sum() + 1)
        expected = (1 - share) * np.exp(log_softmax(logits[inside] * scale + shift)) + share / n_classes
        np.testing.assert_allclose(np.exp(fit.log_probabilities[inside]), expected, atol=2e-4)
    scale, shift = fitted_by_hand(method, logits, target, weight)
    if method == "temperature":
        scale = np.full(n_classes, cautious(logits, target, scale[0], weight, 1.0))
    np.testing.assert_allclose(fit.calibration.scale, scale, rtol=1e-3)
    np.testing.assert_allclose(fit.calibration.shift, shift, atol=1e-3)
    assert fit.calibration.uniform == 1 / (rows + 1)
    assert set(fit.losses) == {"temperature", "affine" if n_classes == 2 else "vector"}
    crossed = -fit.log_probabilities[np.arange(rows), target]
    assert fit.losses[method] == pytest.approx(np.average(crossed, weights=weight), rel=1e-12)


@pytest.mark.parametrize(("rows", "shift", "method"), [(29, 0.0, "temperature"), (400, 1.5, "vector")])
def test_a_fifth_is_not_seen_by_the_calibration_that_judges_it(rows, shift, method):
    logits, target = made_logits(rows, shift=shift)
    part = np.random.default_rng(0).permutation(rows) % 5
    fit = fit_calibration(logits, target)
    assert fit.calibration.method == method
    for one in range(5):
        inside = np.flatnonzero(part == one)
        changed = target.copy()
        changed[inside] = (target[inside] + 1) % 3 if rows < 30 else np.roll(target[inside], 1)
        other = fit_calibration(logits, changed)
        assert other.calibration.method == method
        np.testing.assert_array_equal(other.log_probabilities[inside], fit.log_probabilities[inside])
        assert (other.log_probabilities != fit.log_probabilities)[part != one].any(axis=1).all()
        assert (other.calibration.scale != fit.calibration.scale).all()


def test_the_seed_decides_the_fifths_and_nothing_else():
    logits, target = made_logits(100)
    fits = [fit_calibration(logits, target, seed=seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(fits[0].log_probabilities, fits[1].log_probabilities)
    assert (fits[0].log_probabilities != fits[2].log_probabilities).any()
    np.testing.assert_array_equal(fits[0].calibration.scale, fits[2].calibration.scale)


def test_logits_may_be_off_by_a_number_a_row():
    logits, target = made_logits(300, shift=0.8)
    moved = logits + np.random.default_rng(0).normal(size=(300, 1)) * 5
    fits = [fit_calibration(each, target) for each in (logits, moved, log_softmax(logits))]
    assert fits[0].calibration.method == "vector"
    for other in fits[1:]:
        np.testing.assert_allclose(other.calibration.scale, fits[0].calibration.scale, rtol=1e-9)
        np.testing.assert_allclose(other.log_probabilities, fits[0].log_probabilities, atol=1e-9)


@pytest.mark.parametrize(
    ("rows", "n_classes", "more"),
    [(19, 2, ()), (20, 2, ("affine",)), (29, 3, ()), (30, 3, ("vector",)), (300, 30, ("vector",)), (310, 31, ())],
)
def test_shifts_are_tried_from_ten_rows_a_class_on_up_to_thirty_classes(rows, n_classes, more):
    logits = np.random.default_rng(0).normal(size=(rows, n_classes))
    target = np.arange(rows) % n_classes
    assert tuple(fit_calibration(logits, target).losses) == ("temperature", *more)
    target[target == 0] = 1
    assert tuple(fit_calibration(logits, target).losses) == ("temperature",)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_shift_must_gain_more_than_its_standard_error(n_classes):
    """Over many small samples: the choice is that of the rule, whichever it falls to, near the border too."""
    other, chosen = {2: "affine", 3: "vector"}[n_classes], []
    borderline = 0
    for seed in range(40):
        logits, target = made_logits(60, n_classes, seed, shift=0.25)
        fit = fit_calibration(logits, target)
        part, crossed = np.random.default_rng(0).permutation(60) % 5, {}
        for method in ("temperature", other):
            found = np.empty_like(logits)
            for one in range(5):
                outside = part != one
                scaling = _scaling(method, log_softmax(logits)[outside], target[outside], np.ones(outside.sum()))
                found[part == one] = scaling.log_probabilities(log_softmax(logits)[part == one])
            crossed[method] = -found[np.arange(60), target]
            assert fit.losses[method] == pytest.approx(crossed[method].mean(), rel=1e-8)
        gain = crossed["temperature"] - crossed[other]
        ratio = gain.mean() / (gain.std() / np.sqrt(60))
        borderline += 0 < ratio < 1
        chosen.append(fit.calibration.method)
        assert chosen[-1] == (other if ratio > 1 else "temperature")
        np.testing.assert_allclose(fit.log_probabilities[np.arange(60), target], -crossed[chosen[-1]], rtol=1e-6)
    assert set(chosen) == {"temperature", other}
    assert borderline >= 5


def test_the_choice_of_a_scaling_goes_by_the_weights():
    """Many light rows without a shift do not outvote few heavy ones that have it."""
    heavy, light = made_logits(400, 2, shift=1.5), made_logits(1600, 2, seed=1)
    logits, target = (np.concatenate(pair) for pair in zip(heavy, light, strict=True))
    weight = np.repeat([1.0, 1e-3], [400, 1600])
    fit = fit_calibration(logits, target, weight)
    assert fit.losses["affine"] < fit.losses["temperature"] - 0.05
    assert fit.calibration.method == "affine"


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_rows_of_no_weight_change_neither_the_choice_nor_the_scaling(share):
    logits, target = made_logits(500, 3, shift=0.8)
    weight = (np.random.default_rng(2).random(500) > share).astype(float)
    changed = np.where(weight > 0, target, (target + 1) % 3)
    fits = [fit_calibration(logits, each, weight) for each in (target, changed)]
    assert fits[0].losses == fits[1].losses
    assert fits[0].calibration.method == fits[1].calibration.method == "vector"
    np.testing.assert_allclose(fits[0].calibration.scale, fits[1].calibration.scale, rtol=1e-12)


def test_where_no_other_row_has_weight_all_rows_are_fitted_by():
    logits, target = made_logits(rows=12)
    weight = np.zeros(12)
    weight[2] = 1.0
    fit = fit_calibration(logits, target, weight)
    alone = np.random.default_rng(0).permutation(12) % 5
    with_it = alone == alone[2]
    expected = _scaling("temperature", log_softmax(logits), target, weight)
    found = expected.log_probabilities(log_softmax(logits)[with_it])
    np.testing.assert_array_equal(fit.log_probabilities[with_it], found)
    used = cautious(log_softmax(logits), target, expected.scale[0], weight, 1.0)
    np.testing.assert_allclose(fit.calibration.scale, used, rtol=1e-3)


@pytest.mark.parametrize(("rows", "step"), [(20_000, 1), (20_001, 2), (40_001, 3)])
def test_of_very_many_rows_every_so_manieth_is_fitted_by(rows, step):
    logits, target = made_logits(rows, 2)
    weight = np.random.default_rng(1).random(rows)
    found = _scaling("temperature", logits, target, weight)
    temperature, _ = temperature_of(logits[::step], target[::step], weight[::step], prior=4.0)
    np.testing.assert_array_equal(found.scale, np.full(2, 1 / temperature))
    assert found.uniform == 1 / (rows + 1)


def test_an_affine_scaling_has_one_scale_and_shifts_the_second_class():
    logits, target = made_logits(500, 2, shift=0.8)
    found = _scaling("affine", logits, target, np.ones(500))
    assert found.scale[0] == found.scale[1]
    assert found.shift[0] == 0.0
    assert found.shift[1] == pytest.approx(0.8, abs=0.25)


@pytest.mark.parametrize("start", [1e-3, 0.05, 1.0, 20.0, 1e3])
@pytest.mark.parametrize("true", [0.06, 0.5, 3.0, 15.0])
def test_a_temperature_is_found_from_afar(start, true):
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(400, 3)) * true * 1.5
    target = (log_softmax(logits / true) + generator.gumbel(size=(400, 3))).argmax(axis=1)
    peer = minimize(lambda x: loss(logits / np.exp(x[0]), target), [np.log(true)], method="Nelder-Mead")
    found, least = temperature_of(logits, target, start=start)
    assert found == pytest.approx(np.exp(peer.x[0]), rel=2e-3)
    assert least == pytest.approx(peer.fun, rel=1e-6)


def heavy_tailed(seed, rows=20, n_classes=4):
    """Return logits of which few are very large, where a full step of Newton's method overshoots."""
    generator = np.random.default_rng(seed)
    logits = generator.standard_t(1.5, size=(rows, n_classes))
    likely = np.where(generator.random(rows) < 0.6, logits.argmax(axis=1), generator.integers(0, n_classes, rows))
    likely[:n_classes] = np.arange(n_classes)
    return logits, likely


@pytest.mark.parametrize("start", [0.05, 1.0, 5.0, 20.0])
def test_a_step_that_overshoots_is_halved(start):
    for seed in range(20):
        logits, target = heavy_tailed(seed)
        bounds = -np.log(20), -np.log(0.05)
        peer = minimize_scalar(lambda x, z=logits, t=target: loss(z * np.exp(x), t), bounds=bounds)
        _, least = temperature_of(logits, target, start=start)
        assert least == pytest.approx(peer.fun, rel=1e-5)


@pytest.mark.parametrize("seed", range(8))
def test_a_vector_scaling_of_heavy_tails_is_found_too(seed):
    logits, target = heavy_tailed(seed, rows=40, n_classes=3)
    logits = log_softmax(logits)
    found = _scaling("vector", logits, target, np.ones(40))
    scale, shift = fitted_by_hand("vector", logits, target, np.ones(40))
    start = fitted_by_hand("temperature", logits, target, np.ones(40))[0]

    def objective(scale, shift):
        return scaled_loss(logits, target, None, scale, shift) + (((scale - start) ** 2).sum() + shift @ shift) / 80

    assert objective(found.scale, found.shift) == pytest.approx(objective(scale, shift), abs=1e-5)


def test_the_bounds_of_a_temperature_are_a_twentieth_and_twenty():
    right = np.array([[5.0, 0.0], [0.0, 5.0]]), np.array([0, 1])
    assert temperature_of(*right)[0] == pytest.approx(0.05, rel=1e-9)
    assert temperature_of(right[0], 1 - right[1])[0] == pytest.approx(20.0, rel=1e-9)
    assert temperature_of(right[0] * 10, right[1])[0] == pytest.approx(0.05, rel=1e-9)  # no slope that can be seen
    assert temperature_of(right[0] * 0, right[1], start=3.0) == pytest.approx((3.0, np.log(2)), rel=1e-12)


@pytest.mark.parametrize("place", [-1.0, 0.0, 0.7])
@pytest.mark.parametrize("pull", [0.0, 0.3])
def test_slope_and_curvature_along_the_temperature_are_those_of_finite_differences(place, pull):
    logits, target = made_logits(rows=40)
    weight = np.random.default_rng(3).random(40)
    weight /= weight.sum()
    at_target = logits[np.arange(40), target]
    below, here, above = (_along(place + step, logits, at_target, weight, pull) for step in (-1e-5, 0.0, 1e-5))
    exact = scaled_loss(logits, target, weight, np.exp(place)) + pull / 2 * place**2
    assert here[0] == pytest.approx(exact, rel=1e-12)
    assert here[1] == pytest.approx((above[0] - below[0]) / 2e-5, rel=1e-6)
    assert here[2] == pytest.approx((above[1] - below[1]) / 2e-5, rel=1e-6)


def test_weights_and_a_prior_together():
    logits, target = made_logits(30, temperature=0.2)
    weight = np.random.default_rng(1).random(30) * 7
    peer = minimize(
        lambda x: scaled_loss(logits, target, weight, np.exp(x[0])) + 9.0 * x[0] ** 2 / 60, [0.0], tol=1e-12
    )
    temperature, least = temperature_of(logits, target, weight, prior=9.0)
    assert -np.log(temperature) == pytest.approx(peer.x[0], abs=2e-4)
    assert least == pytest.approx(scaled_loss(logits, target, weight, np.exp(peer.x[0])), abs=1e-5)


def sharpening_by_hand(single, others, target, weight):
    """The definition, a row and a member at a time."""
    count, rows = len(others), len(target)
    larger = 1.25 * np.sqrt(count / (count - 1))
    noisy = np.empty((count, *single.shape))
    for member in range(count):
        for row in range(rows):
            difference = others[member, row] - sum(others[:, row]) / count
            noisy[member, row] = single[row] + larger * difference
    exponentials = np.exp(noisy)
    mean = (exponentials / exponentials.sum(axis=2, keepdims=True)).mean(axis=0)
    flat = np.concatenate(list(noisy)), np.concatenate([target] * count), np.concatenate([weight] * count)
    alone, together = temperature_of(*flat)[0], temperature_of(np.log(mean), target, weight)[0]
    members = count + 1
    return (alone / together) ** (1 - 1 / members)


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("has_weights", [False, True])
def test_sharpening_is_as_defined(count, has_weights):
    generator = np.random.default_rng(count)
    logits, target = made_logits(150, temperature=1.0)
    single, *others = logits + generator.normal(size=(count + 1, 150, 3))
    weight = generator.random(150) * 3 if has_weights else None
    factor = sharpening(single, np.array(others), target, weight)
    expected = sharpening_by_hand(single, np.array(others), target, np.ones(150) if weight is None else weight)
    assert 1.02 < factor < 1.98
    assert factor == pytest.approx(expected, rel=1e-9)


def test_sharpening_is_between_one_and_two():
    generator = np.random.default_rng(0)
    logits, target = made_logits(100, temperature=1.0)
    assert sharpening(logits, logits + 20 * generator.normal(size=(7, 100, 3)), target) == 2.0
    certain = np.array([[3.0, 0.0]] * 50), np.zeros(50, dtype=np.int64)  # the best temperature is the lowest for both
    assert sharpening(certain[0], certain[0] + generator.normal(size=(4, 50, 2)) * 0.1, certain[1]) == 1.0
    wrong = np.array([[0.0, 3.0]] * 50)
    factor = sharpening(wrong, wrong + 0.1 * generator.normal(size=(4, 50, 2)), certain[1])
    assert factor == 1.0


@pytest.mark.parametrize("seed", [182, 347])
def test_where_the_mean_needs_a_higher_temperature_nothing_is_blurred(seed):
    generator = np.random.default_rng(seed)
    single, target = generator.normal(size=(6, 2)) * 2, generator.integers(0, 2, 6)
    others = single + generator.normal(size=(2, 6, 2)) * 2
    assert sharpening_by_hand(single, others, target, np.ones(6)) < 0.9
    assert sharpening(single, others, target) == 1.0


def test_votes_that_underflow_are_sharpened_all_the_same():
    generator = np.random.default_rng(0)
    logits = np.array([[2000.0, 0.0], [0.0, 2000.0]] * 10)
    others = logits + generator.normal(size=(3, 20, 2))
    assert 1.0 <= sharpening(logits, others, np.arange(20) // 10) <= 2.0


def test_probabilities_and_their_logarithms_are_two_ways_to_the_same():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(50, 3)) * 30
    before = logits.copy()
    for uniform in (0.0, 0.01, 0.5):
        calibration = Calibration(np.array([0.5, 1.0, 2.0]), np.array([0.3, 0.0, -0.7]), uniform, "vector")
        scaled = logits * [0.5, 1.0, 2.0] + [0.3, 0.0, -0.7]
        expected = (1 - uniform) * np.exp(log_softmax(scaled)) + uniform / 3
        np.testing.assert_allclose(calibration.probabilities(logits), expected, rtol=1e-12)
        np.testing.assert_allclose(calibration.log_probabilities(logits), np.log(expected), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(logits, before)


def test_sharpening_leaves_the_mixture_and_the_method_alone():
    sharp = Calibration(np.array([2.0, 1.0]), np.array([0.0, 0.5]), 0.125, "vector").sharpened(1.5)
    assert (sharp.scale.tolist(), sharp.shift.tolist()) == ([3.0, 1.5], [0.0, 0.75])
    assert (sharp.uniform, sharp.method) == (0.125, "vector")
    none = Calibration.none(4, 0.25)
    assert (none.scale.tolist(), none.shift.tolist(), none.uniform, none.method) == ([1.0] * 4, [0.0] * 4, 0.25, "none")


LOGITS = np.random.default_rng(0).normal(size=(12, 3))
TARGET = np.arange(12) % 3
SHAPE = "logits must have shape (rows, classes), with a row or more and two classes or more; got shape "
UNFIT = [
    ((LOGITS[0], TARGET), ValueError, SHAPE + "(3,)."),
    ((LOGITS[:, :1], TARGET), ValueError, SHAPE + "(12, 1)."),
    ((LOGITS[:0], TARGET[:0]), ValueError, SHAPE + "(0, 3)."),
    ((LOGITS[None], TARGET), ValueError, SHAPE + "(1, 12, 3)."),
    (
        (LOGITS.astype(str), TARGET),
        TypeError,
        "logits must be numbers of dtype float16, float32 or float64 (or integers);",
    ),
    ((LOGITS, TARGET[:-1]), ValueError, "target must have one value per row of logits, shape (12,); got shape (11,)."),
    ((LOGITS, TARGET[:, None]), ValueError, "target must be one-dimensional; got shape (12, 1)."),
    ((LOGITS, np.eye(3)[TARGET]), TypeError, "target must be integers, class indices from 0; got dtype float64."),
    ((LOGITS, TARGET + 1), ValueError, "target must be in [0, 2]; got 3 at row 2."),
    ((LOGITS, TARGET - 1), ValueError, "target must be in [0, 2]; got -1 at row 0."),
    (
        (LOGITS, TARGET, np.ones(11)),
        ValueError,
        "sample_weight must have one value per row of logits, shape (12,); got shape (11,).",
    ),
    (
        (LOGITS, TARGET, 2.0),
        ValueError,
        "sample_weight must have one value per row of logits, shape (12,); got shape ().",
    ),
]


@pytest.mark.parametrize("function", [fit_calibration, temperature_of])
@pytest.mark.parametrize(("arguments", "kind", "sentence"), UNFIT)
def test_arguments_that_do_not_fit_are_refused_by_name(function, arguments, kind, sentence):
    with pytest.raises(lw.InvalidArgumentError) as raised:
        function(*arguments)
    assert isinstance(raised.value, kind)
    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_lists_and_narrow_dtypes_are_read_as_they_are(dtype):
    logits = LOGITS.astype(dtype)
    expected = temperature_of(logits.astype(np.float64), TARGET)
    for given in (logits, logits.tolist()):
        assert temperature_of(given, TARGET.tolist()) == expected
        fitted = fit_calibration(given, TARGET.astype(np.uint8).tolist(), [1.0] * 12)
        np.testing.assert_array_equal(fitted.calibration.scale, fit_calibration(logits, TARGET).calibration.scale)
