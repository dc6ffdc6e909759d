"""Every option of the classifier reaches training, and does there what it says."""

import numpy as np
import pytest

import logitwise as lw
from logitwise.classifier import Classifier
from logitwise.classifier.options import members_of, recipe_of
from logitwise.classifier.training import Recipe

DEFAULTS = Recipe(
    hidden=(64, 64),
    epochs=200,
    steps=5000,
    seconds=None,
    learning_rate=6e-3,
    batch_size=64,
    weight_decay=0.02,
    dropout=0.15,
    image_shape=None,
    max_shift=0,
    patience=0.5,
    seed=0,
    device="cpu",
)


def test_the_recipe_is_that_of_the_options():
    assert recipe_of(Classifier()) == DEFAULTS
    assert members_of(Classifier()) == 8
    given = {
        "hidden": (3, 5),
        "epochs": 7,
        "steps": 11,
        "seconds": 1.5,
        "learning_rate": 0.25,
        "batch_size": 13,
        "weight_decay": 0.75,
        "dropout": 0.9,
        "max_shift": 17,
        "patience": 2.5,
        "device": "cpu",
    }
    expected = Recipe(**given, image_shape=(28, 14), seed=19)
    assert recipe_of(Classifier(**given, random_state=19), (28, 14)) == expected
    assert members_of(Classifier(members=2)) == 2


@pytest.mark.parametrize(
    ("hidden", "expected"), [((), ()), (7, (7,)), (np.int64(7), (7,)), ([4, np.int32(2)], (4, 2)), ((1,), (1,))]
)
def test_hidden_layers_are_given_as_one_number_or_several(hidden, expected):
    assert recipe_of(Classifier(hidden)).hidden == expected


@pytest.mark.parametrize(
    ("image_shape", "max_shift", "expected"),
    [
        (None, None, 0),
        (None, 3, 3),
        ((28, 28), None, 2),
        ((27, 60), None, 1),
        ((60, 27), None, 1),
        ((13, 60), None, 0),
        ((14, 14, 3), None, 1),
        ((28, 28), 0, 0),
        ((28, 28), 5, 5),
    ],
)
def test_images_move_by_a_fourteenth_of_their_shorter_side(image_shape, max_shift, expected):
    assert recipe_of(Classifier(max_shift=max_shift), image_shape).max_shift == expected


def test_seeds_are_numbers_or_drawn_from_a_generator():
    assert recipe_of(Classifier(random_state=np.int64(5))).seed == 5
    assert recipe_of(Classifier(random_state=0)).seed == 0
    state, generator = np.random.RandomState(3), np.random.default_rng(3)
    drawn = [recipe_of(Classifier(random_state=source)).seed for source in (state, state, generator, generator)]
    numbers = [np.random.RandomState(3).randint(2**31, size=2), np.random.default_rng(3).integers(2**31, size=2)]
    assert drawn == np.concatenate(numbers).tolist()
    assert recipe_of(Classifier(random_state=None)).seed != recipe_of(Classifier(random_state=None)).seed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dropout": 0.91}, "dropout must be in [0, 0.9]; got 0.91."),
        ({"dropout": -0.1}, "dropout must be zero or more, and finite; got -0.1."),
        ({"members": 1}, "members must be 2 or more; got 1."),
        ({"random_state": -1}, "random_state must be 0 or more; got -1."),
        ({"hidden": (4, 0)}, "hidden must be 1 or more; got 0."),
        ({"steps": 0}, "steps must be 1 or more; got 0."),
    ],
)
def test_options_can_be_checked_before_there_are_rows(options, message):
    with pytest.raises(ValueError) as raised:
        Classifier(**options).check_options()
    assert str(raised.value) == message


NUMBERS = ("seconds", "learning_rate", "weight_decay", "dropout", "patience")
INTEGERS = ("members", "epochs", "steps", "batch_size", "max_shift", "random_state")
NO_NUMBERS = ["1", b"1", True, [1.5], {}, {1}, 1j, object(), np.array([1, 2])]
WRONG = [
    *((name, value) for name in NUMBERS for value in NO_NUMBERS),
    *((name, value) for name in INTEGERS for value in [*NO_NUMBERS, 1.5, np.array(1.5)]),
    *(("hidden", value) for value in ["64", b"64", 1.5, {}, {4}, 1j, None, ("4",), (1.5,), [[4]], np.array(1.5)]),
    *(("device", value) for value in [None, True, [], {}, 1.5, 1j, object(), np.array([1, 2])]),
    *((name, value) for name in ("warm_start", "verbose") for value in ["False", [], {}, 0.0, np.array([1, 2])]),
    *(("class_weight", value) for value in ["x", 1.5, [1, 2], True, {0: "1"}, {0: None}, {0: [1, 2]}]),
    *(("threshold_for", value) for value in [{}, object(), 1j, 10**400, lambda: 0]),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=[f"{place}-{name}" for place, (name, _) in enumerate(WRONG)])
def test_an_option_of_another_type_is_refused_with_its_name(name, value):
    with pytest.raises(lw.InvalidTypeError) as raised:
        Classifier(**{**QUICK, name: value}).fit(X, Y)
    assert raised.value.argument.partition(" ")[0] == name
    assert raised.value.requirement


@pytest.mark.parametrize("name", [*NUMBERS, "hidden", "members", "random_state"])
def test_an_option_too_large_for_a_machine_is_refused_with_its_name(name):
    with pytest.raises(lw.InvalidValueError) as raised:
        Classifier(**{name: 10**400}).check_options()
    assert raised.value.argument == name
    assert len(str(raised.value)) < 100


def test_options_at_their_limits_are_taken():
    limits = {
        "epochs": 1,
        "steps": 1,
        "batch_size": 1,
        "weight_decay": 0,
        "dropout": 0.9,
        "max_shift": 0,
        "patience": 0,
        "warm_start": np.True_,
        "verbose": 0,
    }
    Classifier((1,), members=2, random_state=0, **limits).check_options()


X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)
QUICK = {"hidden": (4,), "members": 2, "steps": 20, "batch_size": 8}


def learnt(**options):
    """Return what a short training leaves: its steps, its losses, and its probabilities."""
    classifier = Classifier(**{**QUICK, **options}).fit(X, Y)
    return classifier.history_["step"], classifier.history_["train_loss"], classifier.predict_proba(X).tolist()


@pytest.fixture(scope="module")
def usual():
    return learnt()


@pytest.mark.parametrize(
    "options",
    [
        {"hidden": (5,)},
        {"members": 3},
        {"epochs": 3},
        {"steps": 19},
        {"seconds": 1e-9},
        {"learning_rate": 7e-3},
        {"batch_size": 7},
        {"weight_decay": 0.5},
        {"dropout": 0.5},
        {"dropout": 0.0},
        {"class_weight": {0: 3}},
        {"class_weight": "balanced"},
        {"random_state": 1},
    ],
)
def test_each_option_changes_what_is_learnt(options, usual):
    assert learnt(**options) != usual


@pytest.mark.parametrize(
    "options", [{}, {"threshold_for": "f1"}, {"verbose": True}, {"max_shift": 2}, {"warm_start": True}]
)
def test_an_option_that_says_nothing_of_this_training_changes_no_bit(options, usual):
    assert learnt(**options) == usual


def test_weight_decay_shrinks_the_weights():
    X, y = np.random.default_rng(1).normal(size=(60, 4)), np.arange(60) % 2
    options = {"hidden": (6,), "members": 2, "steps": 60, "learning_rate": 0.05, "patience": 0}
    networks = [Classifier(**options, weight_decay=decay).fit(X, y).model_.network for decay in (0.0, 5.0)]
    sizes = [float(np.abs(network.hidden[0][0]).mean()) for network in networks]
    assert sizes[1] < sizes[0] / 3


def test_images_move_only_where_max_shift_says_so():
    images = np.random.default_rng(0).integers(0, 256, (40, 14, 2), dtype=np.uint8)
    still, moved = (Classifier(**QUICK, max_shift=most).fit(images, Y).history_["train_loss"] for most in (0, 1))
    flat = Classifier(**QUICK).fit(images.reshape(40, -1), Y).history_["train_loss"]
    assert flat == still != moved
