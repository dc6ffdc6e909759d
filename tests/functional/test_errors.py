"""Every message of the functions, pinned: what was asked, what it got, where, and what to do."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import logitwise as lw

LOGITS = np.zeros((4, 3))
TARGET = np.array([0, 1, 2, 0])

VALUE_ERRORS = {
    "no axis": (
        lambda: lw.softmax(np.float64(1)),
        "logits must have at least one axis, the one of the classes; got a single number.",
    ),
    "no classes": (
        lambda: lw.softmax(np.empty((2, 0))),
        "logits must have at least 1 class on axis 1; got shape (2, 0).",
    ),
    "one class": (
        lambda: lw.cross_entropy(np.zeros((2, 1)), [0, 0]),
        "logits must have at least 2 classes on axis 1; got shape (2, 1). With one class the loss is always 0: "
        "for a binary problem with one logit a row, use binary_cross_entropy_with_logits.",
    ),
    "axis": (lambda: lw.softmax(LOGITS, 2), "axis must be in [-2, 1] for logits of 2 axes; got 2."),
    "temperature zero": (
        lambda: lw.softmax(LOGITS, temperature=0),
        "temperature must be positive and finite; got 0.0.",
    ),
    "temperature nan": (
        lambda: lw.log_softmax(LOGITS, temperature=float("nan")),
        "temperature must be positive and finite; got nan.",
    ),
    "mask shape": (
        lambda: lw.softmax(LOGITS, mask=np.ones(4, bool)),
        "mask must broadcast to the shape of logits, (4, 3); got shape (4,).",
    ),
    "out shape": (
        lambda: lw.softmax(LOGITS, out=np.empty(3)),
        "out must have the shape of the result, (4, 3); got (3,).",
    ),
    "out read-only": (
        lambda: lw.softmax(LOGITS, out=np.broadcast_to(0.0, (4, 3))),
        "out must be writeable; got a read-only array.",
    ),
    "out with autograd": (
        lambda: lw.softmax(torch.zeros(3, requires_grad=True), out=torch.zeros(3)),
        "out must be None where a gradient is recorded; got a tensor. Call under torch.no_grad(), or leave out= away.",
    ),
    "index too large": (
        lambda: lw.cross_entropy(LOGITS, [0, 3, 2, 3]),
        "target must be in [0, 2]; got 3 at row 1 (2 such rows). If classes are counted from 1, subtract 1.",
    ),
    "index much too large": (
        lambda: lw.cross_entropy(LOGITS, np.array([0, 1, 2**63, 0], dtype=np.uint64)),
        "target must be in [0, 2]; got 9223372036854775808 at row 2. Check the class axis and the number of outputs.",
    ),
    "index negative": (
        lambda: lw.cross_entropy(torch.zeros(2, 3), torch.tensor([-1, 0])),
        "target must be in [0, 2]; got -1 at row 0. If it marks rows to leave out, pass it as ignore_index.",
    ),
    "index in a block": (
        lambda: lw.cross_entropy(np.zeros((2, 3, 4)), np.full((2, 4), 7), axis=1),
        "target must be in [0, 2]; got 7 at position (0, 0) (8 such rows). "
        "Check the class axis and the number of outputs.",
    ),
    "one-hot integers": (
        lambda: lw.cross_entropy(LOGITS, np.zeros((4, 3), int)),
        "target of an integer dtype must have the shape of logits without axis 1, (4,); got (4, 3). "
        "If it is one-hot, pass target.argmax(1), or convert it to a floating dtype.",
    ),
    "index shape": (
        lambda: lw.cross_entropy(LOGITS, [0, 1]),
        "target of an integer dtype must have the shape of logits without axis 1, (4,); got (2,).",
    ),
    "floating indices": (
        lambda: lw.cross_entropy(LOGITS, [0.0, 1.0, 2.0, 0.0]),
        "target of a floating dtype must have the shape of logits, (4, 3); got (4,). "
        "If it holds class indices, convert it to an integer dtype.",
    ),
    "negative distribution": (
        lambda: lw.cross_entropy(LOGITS, np.full((4, 3), -0.5)),
        "target must be zero or more, and finite; got -0.5 at index (0, 0) (12 such entries).",
    ),
    "NaN in the distribution": (
        lambda: lw.cross_entropy(np.zeros((1, 2)), [[1.0, np.nan]]),
        "target must be zero or more, and finite; got nan at index (0, 1).",
    ),
    "class weights missing": (
        lambda: lw.cross_entropy(LOGITS, TARGET, class_weight=[1.0, 2.0]),
        "class_weight must have one weight for each of the 3 classes; got shape (2,).",
    ),
    "class weight negative": (
        lambda: lw.cross_entropy(LOGITS, TARGET, class_weight=[1.0, -2.0, 1.0]),
        "class_weight must be zero or more, and finite; got -2.0 at index 1.",
    ),
    "sample weights missing": (
        lambda: lw.cross_entropy(LOGITS, TARGET, sample_weight=[1.0]),
        "sample_weight must have one weight a row, shape (4,); got shape (1,).",
    ),
    "sample weight infinite": (
        lambda: lw.cross_entropy(LOGITS, TARGET, sample_weight=[1.0, np.inf, 1.0, 1.0]),
        "sample_weight must be zero or more, and finite; got inf at index 1.",
    ),
    "smoothing": (
        lambda: lw.cross_entropy(LOGITS, TARGET, label_smoothing=1.5),
        "label_smoothing must be in [0, 1]; got 1.5.",
    ),
    "z-loss": (
        lambda: lw.cross_entropy(LOGITS, TARGET, z_loss=-1),
        "z_loss must be zero or more, and finite; got -1.0.",
    ),
    "reduction": (
        lambda: lw.cross_entropy(LOGITS, TARGET, reduction="avg"),
        "reduction must be one of 'mean', 'sum', 'none'; got 'avg'.",
    ),
    "normalizer": (
        lambda: lw.cross_entropy(LOGITS, TARGET, normalizer=0),
        "normalizer must be positive and finite; got 0.0.",
    ),
    "normalizer without mean": (
        lambda: lw.cross_entropy(LOGITS, TARGET, normalizer=2, reduction="sum"),
        "normalizer must be None unless reduction='mean'; got 2 and reduction='sum'.",
    ),
    "binary target": (
        lambda: lw.binary_cross_entropy_with_logits([0.0, 1.0], [0, 2]),
        "target must be in [0, 1]; got 2.0 at index 1.",
    ),
    "binary shape": (
        lambda: lw.binary_cross_entropy_with_logits(np.zeros((3, 1)), [0, 1, 1]),
        "target must have the shape of logits, (3, 1); got (3,). Reshape one of them.",
    ),
    "positive weight": (
        lambda: lw.binary_cross_entropy_with_logits([0.0], [1], pos_weight=-3),
        "pos_weight must be zero or more, and finite; got -3.0.",
    ),
    "probability out of range": (
        lambda: lw.log_loss([[0.5, 0.5], [2.0, -1.0]], [0, 1]),
        "probabilities must be in [0, 1]; got 2.0 at index (1, 0) (2 such entries). "
        "If they are logits, use cross_entropy; if log-probabilities, cross_entropy too.",
    ),
    "probabilities of one class": (
        lambda: lw.log_loss([[0.5], [0.5]], [0, 0]),
        "probabilities must have at least 2 classes on axis 1; got shape (2, 1). With one class the loss is always 0: "
        "give the probability of every class.",
    ),
}

TYPE_ERRORS = {
    "complex": (
        lambda: lw.softmax(np.zeros(2, complex)),
        "logits must be numbers of dtype float16, float32 or float64 (or integers); got dtype complex128. "
        "Convert with astype.",
    ),
    "strings": (
        lambda: lw.softmax(["a", "b"]),
        "logits must be numbers of dtype float16, float32 or float64 (or integers); got dtype <U1. "
        "Convert with astype.",
    ),
    "integer tensor": (
        lambda: lw.softmax(torch.tensor([1, 2])),
        "logits must be a tensor of dtype float16, bfloat16, float32 or float64; got torch.int64. "
        "Convert with .float().",
    ),
    "sparse tensor": (
        lambda: lw.softmax(torch.zeros(2).to_sparse()),
        "logits must be a dense tensor; got layout torch.sparse_coo. Convert with .to_dense().",
    ),
    "masked array": (
        lambda: lw.softmax(np.ma.zeros(3)),
        "logits must be a plain array; got a masked array. Pass its data, and its mask (inverted) as mask=.",
    ),
    "axis": (lambda: lw.softmax(LOGITS, "last"), "axis must be an integer; got 'last'."),
    "temperature": (
        lambda: lw.softmax(LOGITS, temperature="hot"),
        "temperature must be a number; got 'hot' of type str.",
    ),
    "mask": (
        lambda: lw.softmax(LOGITS, mask=np.ones(3)),
        "mask must be boolean (True: the class takes part); got dtype float64.",
    ),
    "out dtype": (
        lambda: lw.softmax(LOGITS, out=np.empty((4, 3), np.float32)),
        "out must have the dtype of the result, float64; got float32.",
    ),
    "out framework": (
        lambda: lw.softmax(LOGITS, out=torch.zeros(4, 3)),
        "out must be a NumPy array like logits; got a torch tensor of dtype float32 and shape (4, 3).",
    ),
    "target framework": (
        lambda: lw.cross_entropy(torch.zeros(4, 3), TARGET),
        "target must be a torch tensor like logits; got a NumPy array of dtype int64 and shape (4,). "
        "Convert with torch.as_tensor.",
    ),
    "logits framework": (
        lambda: lw.cross_entropy(LOGITS, torch.tensor([0, 1, 2, 0])),
        "target must be a NumPy array like logits; got a torch tensor of dtype int64 and shape (4,). "
        "Convert with .numpy().",
    ),
    "boolean target": (
        lambda: lw.cross_entropy(LOGITS, TARGET > 0),
        "target must be integers (class indices) or floating (a distribution over classes); got dtype bool. "
        "Convert with astype (NumPy) or .to (torch).",
    ),
    "weights of strings": (
        lambda: lw.cross_entropy(LOGITS, TARGET, class_weight=["a", "b", "c"]),
        "class_weight must be numbers; got dtype <U1.",
    ),
    "weights of another framework": (
        lambda: lw.cross_entropy(torch.zeros(1, 2), torch.tensor([0]), class_weight=[1.0, 2.0]),
        "class_weight must be a torch tensor like logits; got [1.0, 2.0] of type list. Convert with torch.as_tensor.",
    ),
    "ignore_index": (
        lambda: lw.cross_entropy(LOGITS, TARGET, ignore_index=None),
        "ignore_index must be an integer; got None.",
    ),
    "binary target": (
        lambda: lw.binary_cross_entropy_with_logits([0.0], ["a"]),
        "target must be booleans, integers 0 and 1, or probabilities; got dtype <U1.",
    ),
}


@pytest.mark.parametrize("name", VALUE_ERRORS)
def test_value_errors(name):
    call, message = VALUE_ERRORS[name]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()


@pytest.mark.parametrize("name", TYPE_ERRORS)
def test_type_errors(name):
    call, message = TYPE_ERRORS[name]
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        call()


def test_an_option_that_does_not_exist():
    with pytest.raises(TypeError, match="unexpected keyword argument 'weight'"):
        lw.cross_entropy_and_gradient(LOGITS, TARGET, weight=[1, 2, 3])
