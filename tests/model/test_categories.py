"""What becomes of a category: inputs of its frequent levels, effects of the others, and their entry in a file."""

from pathlib import Path

import numpy as np
import pytest

from logitwise.model.categories import Category, are_names, tensor_name
from logitwise.model.file import ModelFile, ModelFileError

FOUR, TWO = ("a", "b", "c", "d"), ("a", "b")
EFFECTS = np.array([[0.5], [1.5], [2.5], [3.5]], np.float32)
CODES = np.array([2, -1, 0, 3, 1])


@pytest.mark.parametrize(
    ("category", "is_whole", "inputs", "n_effects"),
    [
        (Category.of(FOUR), True, [[0, 0, 1, 0, 0], [0, 0, 0, 0, 1], [1, 0, 0, 0, 0], [0, 0, 0, 1, 0]], 0),
        (Category(FOUR, 3), False, [[0, 0, 1, 0, 0], [0, 0, 0, 0, 1], [1, 0, 0, 0, 0]], 0),
        (Category(FOUR, 1, EFFECTS), False, [[0, 0, 1, 0, 0]], 1),
        (Category(FOUR, 0, np.ones((4, 3), np.float32)), False, [], 3),
        (Category.of(TWO), True, [[0, 0, 1, 0, -1]], 0),
        (Category(TWO, 0), False, [], 0),
        (Category.of(("a",)), True, [[0, 0, 1, 0, 0]], 0),
        (Category.of(()), True, [], 0),
    ],
)
def test_inputs_of_levels(category, is_whole, inputs, n_effects):
    codes = np.where(len(category.levels) > CODES, CODES, -1)
    assert (category.is_whole, category.n_one_hot, category.n_effects) == (is_whole, len(inputs), n_effects)
    found = np.zeros((len(inputs), 5))
    category.encode(codes, found)
    np.testing.assert_array_equal(found, np.reshape(inputs, (len(inputs), 5)))


def test_effects_of_levels():
    found = np.zeros((1, 5), np.float32)
    Category(FOUR, 1, EFFECTS).encode_effects(CODES, found)
    assert found.tolist() == [[2.5, 0, 0.5, 3.5, 1.5]]
    Category(FOUR, 1).encode_effects(CODES, np.zeros((0, 5)))


def file_of(**tensors):
    return ModelFile(Path("m.safetensors"), {}, tensors)


@pytest.mark.parametrize(
    "category", [Category.of(FOUR), Category(FOUR, 1), Category(FOUR, 2, EFFECTS), Category((), 0)]
)
def test_a_category_comes_back_from_its_entry(category):
    entry = {**category.header(), "levels": [*category.levels]}
    tensors = {} if category.effects is None else {"categories.3.effects": category.effects}
    found = Category.from_file(file_of(**tensors), entry, 3)
    assert (found.levels, found.one_hot, found.n_effects) == (category.levels, category.one_hot, category.n_effects)
    if category.effects is not None:
        np.testing.assert_array_equal(found.effects, category.effects)


def test_the_entry_of_a_model_of_before_has_an_input_for_each_level():
    assert Category.from_file(file_of(), {"kind": "category", "levels": [*FOUR]}, 0).one_hot == 4


def test_an_entry_of_fewer_effects_than_none_is_refused_for_that():
    with pytest.raises(ModelFileError, match="a category with more inputs than levels, or without their number"):
        Category.from_file(file_of(), {**ENTRY, "effects": -1}, 0)


def test_names_are_texts_each_once_and_so_many():
    assert are_names(["a", "b"], 2)
    assert not any(are_names(*given) for given in ((["a"], 2), (["a", "a"], 2), (["a", 1], 2)))


ENTRY = {"kind": "category", "levels": [*FOUR], "one_hot": 1, "effects": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "number"},
        {"levels": None},
        {"levels": "abcd"},
        {"levels": ["a", "b", "c", "a"]},
        {"levels": ["a", "b", "c", 4]},
        {"one_hot": 5},
        {"one_hot": -1},
        {"one_hot": True},
        {"one_hot": 1.0},
        {"effects": -1},
        {"effects": True},
        {"effects": 2},
        {"levels": [*"abc"]},
    ],
)
def test_an_entry_that_describes_no_category_is_refused(changes):
    file = file_of(**{tensor_name(0): EFFECTS})
    Category.from_file(file, ENTRY, 0)
    with pytest.raises(ModelFileError):
        Category.from_file(file, {**ENTRY, **changes}, 0)
    with pytest.raises(ModelFileError):
        Category.from_file(file, None, 0)
