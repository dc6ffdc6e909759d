"""Options that are True or False: booleans of Python and NumPy, and nothing that only counts as one."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import logitwise as lw

ROWS = np.array([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])
SOURCES = {
    "small array": lambda: ROWS,
    "array": lambda: np.asfortranarray(ROWS),
    "half": lambda: ROWS.astype(np.float16),
    "list": lambda: ROWS.tolist(),
    "tensor": lambda: torch.tensor(ROWS),
    "recorded tensor": lambda: torch.tensor(ROWS, requires_grad=True),
    "meta tensor": lambda: torch.tensor(ROWS, device="meta"),
}
CALLS = {
    "logsumexp, keepdims": (lw.logsumexp, "keepdims", {}),
    "logsumexp, return_sign": (lw.logsumexp, "return_sign", {}),
    "logsumexp of all axes, keepdims": (lw.logsumexp, "keepdims", {"axis": None}),
    "logsumexp with b, keepdims": (lw.logsumexp, "keepdims", {"b": [1.0, 2.0, 3.0]}),
    "logsumexp with b, return_sign": (lw.logsumexp, "return_sign", {"b": [1.0, 2.0, 3.0]}),
    "entropy": (lw.entropy, "keepdims", {}),
    "entropy_and_gradient": (lw.entropy_and_gradient, "keepdims", {}),
}
NO_BOOLEANS = [
    ("no", "'no' of type str"),
    ("", "'' of type str"),
    (1, "1 of type int"),
    (0, "0 of type int"),
    (1.0, "1.0 of type float"),
    (None, "None"),
]


def options_of(name, logits):
    function, option, others = CALLS[name]
    if "b" in others and isinstance(logits, torch.Tensor):
        others = {"b": torch.tensor(others["b"], device=logits.device)}
    return function, option, others


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", CALLS)
def test_what_only_counts_as_a_boolean_is_refused(name, source):
    logits = SOURCES[source]()
    function, option, others = options_of(name, logits)
    for value, shown in NO_BOOLEANS:
        message = f"^{re.escape(f'{option} must be True or False; got {shown}.')}$"
        with pytest.raises(lw.InvalidTypeError, match=message):
            function(logits, **others, **{option: value})
        if source != "meta tensor":
            with pytest.raises(lw.InvalidTypeError, match=message):
                lw.route_of(logits, function=function, **others, **{option: value})


@pytest.mark.parametrize("source", ["small array", "half", "tensor", "recorded tensor"])
@pytest.mark.parametrize("name", CALLS)
def test_a_boolean_of_numpy_is_one(name, source):
    logits = SOURCES[source]()
    function, option, others = options_of(name, logits)
    for value in (True, False):
        found = function(logits, **others, **{option: np.bool_(value)})
        expected = function(logits, **others, **{option: value})
        assert type(found) is type(expected)
        pairs = zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]
        for ours, theirs in pairs:
            assert ours.shape == theirs.shape
            assert bool((ours == theirs).all())


def test_compiled_code_refuses_too():
    compiled = torch.compile(lambda z: lw.logsumexp(z, keepdims="no"), backend="eager")
    with pytest.raises(TypeError, match="keepdims must be True or False"):
        compiled(torch.tensor(ROWS))
