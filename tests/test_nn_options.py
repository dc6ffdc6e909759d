"""The options of the modules of `logitwise.nn`: refused when a module is made; one order of arguments."""

from __future__ import annotations

import copy
import inspect
import re

import numpy as np
import pytest
import torch
from torch import nan, tensor

from logitwise import nn

LOSSES = ["CrossEntropyLoss", "NLLLoss", "FocalLoss", "BCELoss", "BCEWithLogitsLoss", "BinaryFocalLossWithLogits"]
OF_CLASSES, OF_LABELS = LOSSES[:3], LOSSES[4:]
FOCAL = ["FocalLoss", "BinaryFocalLossWithLogits"]
SMOOTHED = ["CrossEntropyLoss", "FocalLoss", "BCEWithLogitsLoss"]
REDUCTION = "reduction must be one of 'mean', 'sum', 'none'; got "
NO_TENSOR = "{} must be a torch tensor or None; got {}. Convert with torch.as_tensor."
REFUSED = [
    *((name, {"reduction": "average"}, f"{REDUCTION}'average'.") for name in LOSSES),
    *((name, {"reduction": None}, f"{REDUCTION}None.") for name in LOSSES),
    *((name, {"reduction": "batchmean"}, f"{REDUCTION}'batchmean'.") for name in LOSSES),
    ("KLDivLoss", {"reduction": "rows"}, "reduction must be one of 'mean', 'sum', 'none', 'batchmean'; got 'rows'."),
    ("KLDivLoss", {"log_target": "no"}, "log_target must be True or False; got 'no' of type str."),
    ("KLDivLoss", {"log_target": 1}, "log_target must be True or False; got 1 of type int."),
    *((name, {"label_smoothing": 1.5}, "label_smoothing must be in [0, 1]; got 1.5.") for name in SMOOTHED),
    *((name, {"label_smoothing": nan}, "label_smoothing must be in [0, 1]; got nan.") for name in SMOOTHED),
    *(
        (name, {"label_smoothing": "0.1"}, "label_smoothing must be a number; got '0.1' of type str.")
        for name in SMOOTHED
    ),
    *((name, {"gamma": -1}, "gamma must be zero or more, and finite; got -1.0.") for name in FOCAL),
    *((name, {"gamma": "2"}, "gamma must be a number; got '2' of type str.") for name in FOCAL),
    *((name, {"ignore_index": 1.0}, "ignore_index must be an integer; got 1.0.") for name in OF_CLASSES + OF_LABELS),
    *((name, {"ignore_index": True}, "ignore_index must be an integer; got True.") for name in OF_CLASSES + OF_LABELS),
    *(
        (name, {"ignore_index": 2**63}, f"ignore_index must be in [-2^63, 2^63 - 1]; got {2**63}.")
        for name in OF_CLASSES + OF_LABELS
    ),
    *((name, {"ignore_index": None}, "ignore_index must be an integer; got None.") for name in OF_CLASSES),
    *(
        (name, {"weight": weight}, NO_TENSOR.format("weight", kind))
        for name in LOSSES
        for weight, kind in (([1.0, 2.0], "list"), (np.ones(2), "ndarray"), (3.0, "float"))
    ),
    *((name, {"pos_weight": 3.0}, NO_TENSOR.format("pos_weight", "float")) for name in OF_LABELS),
    *((name, {"missing": "skip"}, "missing must be one of 'error', 'ignore'; got 'skip'.") for name in OF_LABELS),
    *((name, {"dim": "last"}, "dim must be an integer; got 'last'.") for name in ("Softmax", "LogSoftmax")),
    *((name, {"dim": 1.0}, "dim must be an integer; got 1.0.") for name in ("Softmax", "LogSoftmax")),
]


@pytest.mark.parametrize(("name", "options", "message"), REFUSED, ids=[f"{n}, {o}" for n, o, _ in REFUSED])
def test_an_option_is_refused_when_the_module_is_made(name, options, message):
    with pytest.raises((nn.InputError, nn.InputTypeError), match=f"^{re.escape(message)}$"):
        getattr(nn, name)(**options)


TAKEN = [
    *((name, {"reduction": reduction}) for name in LOSSES for reduction in ("mean", "sum", "none")),
    ("KLDivLoss", {"reduction": "batchmean", "log_target": np.bool_(True)}),
    *((name, {"label_smoothing": number}) for name in SMOOTHED for number in (0, 1, np.float32(0.5), tensor(0.5))),
    *((name, {"gamma": number}) for name in FOCAL for number in (0, 2, np.float64(0.5), tensor(2.0))),
    *((name, {"ignore_index": np.int64(-1)}) for name in OF_CLASSES + OF_LABELS),
    *((name, {"ignore_index": None, "missing": "ignore"}) for name in OF_LABELS),
    *((name, {"dim": np.int64(-1)}) for name in ("Softmax", "LogSoftmax")),
]


@pytest.mark.parametrize(("name", "options"), TAKEN, ids=[f"{n}, {o}" for n, o in TAKEN])
def test_an_option_in_its_range_is_kept_as_it_is_and_copied(name, options):
    module = copy.deepcopy(getattr(nn, name)(**options))
    for option, value in options.items():
        assert getattr(module, option) == value


def test_a_class_derived_from_a_module_is_checked_too():
    class Summed(nn.CrossEntropyLoss):
        def __init__(self, reduction: str = "sum") -> None:
            super().__init__(reduction=reduction)
            self.name = "mine"

    assert (Summed().reduction, Summed().name) == ("sum", "mine")
    with pytest.raises(nn.InputError, match=r"^reduction must be one of"):
        Summed("total")


def test_what_python_refuses_stays_its_own_error():
    with pytest.raises(TypeError, match="unexpected keyword argument 'smoothing'") as caught:
        nn.CrossEntropyLoss(smoothing=0.1)
    assert type(caught.value) is TypeError


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "BCEWithLogitsLoss", "BCELoss", "NLLLoss", "KLDivLoss"])
def test_a_module_made_of_what_it_is_called_with_says_so(name):
    message = (
        f" must be True, False or None; got a tensor. The module is made first, and called with the tensors: "
        f"{name}()(input, target)."
    )
    with pytest.raises(nn.InputTypeError, match=f"^(size_average|reduce){re.escape(message)}$"):
        getattr(nn, name)(torch.ones(4, 3), torch.zeros(4))


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "BCEWithLogitsLoss"])
def test_a_weight_is_refused_by_position_too(name):
    with pytest.raises(nn.InputTypeError, match=r"^weight must be a torch tensor or None; got ndarray\."):
        getattr(nn, name)(np.ones(3))


WORDS = {  # of the functions, and of other libraries
    ("CrossEntropyLoss", "class_weight"): " Here it is weight=.",
    ("CrossEntropyLoss", "smoothing"): " Here it is label_smoothing=.",
    ("CrossEntropyLoss", "dim"): "",
    ("BCEWithLogitsLoss", "sample_weight"): " Here it is weight=.",
    ("FocalLoss", "alpha"): " Here it is weight=.",
    ("Softmax", "axis"): " Here it is dim=.",
    ("LogSoftmax", "axis"): " Here it is dim=.",
}


@pytest.mark.parametrize(("name", "word"), WORDS)
def test_a_word_of_the_functions_is_answered_by_that_of_the_module(name, word):
    message = f"{name}() got an unexpected keyword argument {word!r}{'.' * bool(WORDS[name, word])}{WORDS[name, word]}"
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        getattr(nn, name)(**{word: 1})


@pytest.mark.parametrize("name", FOCAL)
def test_gamma_comes_first_in_focal_losses_and_the_others_have_names(name):
    first, *others = inspect.signature(getattr(nn, name)).parameters.values()
    assert (first.name, first.default) == ("gamma", 2.0)
    assert all(each.kind is each.KEYWORD_ONLY for each in others)
    assert getattr(nn, name)(0.5).gamma == 0.5
    with pytest.raises(TypeError, match="positional argument"):
        getattr(nn, name)(0.5, torch.ones(3))
