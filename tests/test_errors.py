"""Errors as objects: their fields survive renaming, copying and other processes, and a sentence alone makes one too."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

import logitwise as lw
from logitwise._errors import naming
from logitwise.data import DataError
from logitwise.evidence.labels import known_indices

RAISED = {
    "a function": lambda: lw.cross_entropy(np.zeros((2, 3)), np.array([0, 7])),
    "a module": lambda: lw.nn.CrossEntropyLoss()(torch.zeros(2, 3), torch.tensor([0, 7])),
    "a type": lambda: lw.cross_entropy(np.zeros((2, 3)), np.array([0j, 1j])),
    "a file": lambda: lw.load("absent.safetensors"),
    "a source": lambda: lw.data.read("absent.csv"),
    "an unseen label": lambda: known_indices(["b"], np.array(["a", "c"], dtype=object)),
    "an option": lambda: lw.Classifier(members=1).check_options(),
}
AGAIN = {
    "pickled": lambda error: pickle.loads(pickle.dumps(error)),
    "copied": copy.copy,
    "copied deeply": copy.deepcopy,
    "renamed to nothing new": lambda error: error.renamed({"no such argument": "other"}),
}


def raised(name: str) -> lw.InvalidArgumentError:
    with pytest.raises(lw.InvalidArgumentError) as caught:
        RAISED[name]()
    return caught.value


@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN)
@pytest.mark.parametrize("name", RAISED)
def test_an_error_is_the_same_again(name, again):
    error = raised(name)
    error.add_note("seen")
    other = again(error)
    assert type(other) is type(error)
    assert str(other) == str(error)
    assert vars(other) == vars(error)
    assert error.argument
    assert error.requirement


@pytest.mark.parametrize("name", RAISED)
def test_an_error_has_another_name_for_its_argument_at_another_door(name):
    error = raised(name)
    other = error.renamed({error.argument: "--other"})
    assert str(other).startswith(f"--other must {error.requirement}; got ")
    assert str(error).startswith(f"{error.argument} must ")


@pytest.mark.parametrize("name", RAISED)
def test_an_error_is_made_of_its_sentence_alone(name):
    error = raised(name)
    other = type(error)(str(error))
    assert str(other) == str(pickle.loads(pickle.dumps(other))) == str(error)
    assert (other.argument, other.requirement, other.got) == ("", "", "")
    assert str(other.renamed({"": "--other"})) == str(error)


def test_advice_names_arguments_as_the_door_does():
    error = DataError("source", "have columns", "none", advice="Say {header}.", mentions={"header": "header=False"})
    assert str(error) == "source must have columns; got none. Say header=False."
    with (
        pytest.raises(DataError, match=r"^DATA must have columns; got none\. Say --no-header\.$"),
        naming({"source": "DATA", "header=False": "--no-header"}),
    ):
        raise error


def test_an_error_that_has_no_other_name_is_raised_as_it_is():
    error = raised("a function")
    with pytest.raises(ValueError, match=r"^target must be in") as caught, naming({"X": "DATA"}):
        raise error
    assert caught.value is error


def test_braces_in_what_came_are_left_alone():
    error = lw.InvalidValueError("names", "be known", "{x}", advice="Try {0}, {y}.")
    assert str(error) == "names must be known; got {x}. Try {0}, {y}."
