"""Every message of the functions, pinned: what was asked, what it got, where, and what to do."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import logitwise as lw
from logitwise import _requirements as checks
from logitwise._arrays import Layout, number_kind
from logitwise.functional._arguments import entries, targets

INF, NAN = np.inf, np.nan
LOGITS = np.zeros((4, 3))
TARGET = np.array([0, 1, 2, 0])

VALUE_ERRORS = {
    "no axis": (
        lambda: lw.cross_entropy(np.float64(1), 0),
        "logits must have at least one axis, the one of the classes; got a single number.",
    ),
    "no classes": (
        lambda: lw.cross_entropy(np.empty((2, 0)), [0, 0]),
        "logits must have at least 1 class on axis 1; got shape (2, 0).",
    ),
    "one class": (
        lambda: lw.cross_entropy(np.zeros((2, 1)), [0, 0]),
        "logits must have at least 2 classes on axis 1; got shape (2, 1). With one class the loss is always 0: "
        "for a binary problem with one logit per row, use binary_cross_entropy_with_logits.",
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
        "mask must broadcast to the shape of logits, (4, 3); got shape (4,). To repeat it along axis 1, "
        "pass mask[:, None].",
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
        lambda: lw.cross_entropy(LOGITS, np.eye(3, dtype=int)[TARGET]),
        "target must have the shape of logits without axis 1, (4,), if its dtype is integer; got (4, 3). "
        "If it is one-hot, pass target.argmax(1), or convert it to a floating dtype.",
    ),
    "index shape": (
        lambda: lw.cross_entropy(LOGITS, [0, 1]),
        "target must have the shape of logits without axis 1, (4,), if its dtype is integer; got (2,).",
    ),
    "floating indices": (
        lambda: lw.cross_entropy(LOGITS, [0.0, 1.0, 2.0, 0.0]),
        "target must have the shape of logits, (4, 3), if its dtype is floating; got (4,). "
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
        "class_weight must be zero or more, and finite; got -2.0 at index 1. The mean divides by the sum of the "
        "weights, which may be near 0 if they have both signs: pass reduction='sum' or 'none', or to the function what "
        "to divide by, as normalizer=.",
    ),
    "sample weights missing": (
        lambda: lw.cross_entropy(LOGITS, TARGET, sample_weight=[1.0]),
        "sample_weight must have one weight per row, shape (4,); got shape (1,).",
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
        "give the probability of every class, or those of class 1 in one dimension.",
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
        "If the texts are numbers, convert with np.array(logits, dtype=float).",
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
    "axis that is an array": (
        lambda: lw.entropy(LOGITS, np.arange(4)),
        "axis must be an integer; got a NumPy array of dtype int64 and shape (4,).",
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
        "Convert with astype.",
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
        "target must be booleans, integers 0 and 1, or probabilities; got dtype <U1. "
        "Number the labels: np.unique(target, return_inverse=True)[1] does so in sorted order.",
    ),
}


@pytest.mark.parametrize("name", VALUE_ERRORS)
def test_value_errors(name):
    call, message = VALUE_ERRORS[name]
    with pytest.raises(lw.InvalidValueError, match=f"^{re.escape(message)}$") as caught:
        call()
    assert_fields(caught.value, message)


@pytest.mark.parametrize("name", TYPE_ERRORS)
def test_type_errors(name):
    call, message = TYPE_ERRORS[name]
    with pytest.raises(lw.InvalidTypeError, match=f"^{re.escape(message)}$") as caught:
        call()
    assert_fields(caught.value, message)


def assert_fields(error: lw.InvalidArgumentError, message: str) -> None:
    """Check that the fields of an error are what its sentence says, each once."""
    argument, rest = message.split(" must ", 1)
    requirement, rest = rest.split("; got ", 1)
    assert (error.argument, error.requirement) == (argument, requirement)
    assert bool(error.where) == (" at index " in rest or " at row " in rest or " at position " in rest)
    where, advice = f" at {error.where}" if error.where else "", error.advice.format_map(error.mentions)
    advice = f" {advice}" if advice else ""
    assert rest == f"{error.got}{where}.{advice}"
    assert bool(advice) == (rest.count(". ") > 0)


def test_an_option_that_does_not_exist():
    both = lw.binary_cross_entropy_with_logits_and_gradient
    for function, target, option in ((lw.cross_entropy_and_gradient, TARGET, "pos_weight"), (both, LOGITS, "axis")):
        message = f"{function.__name__}() got an unexpected keyword argument '{option}'"
        with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
            function(LOGITS, target, reduction="sum", **{option: 1})


# --- what is taken and what is refused, at every limit ----------------------------------------------------------------

TINY = np.nextafter(0.0, 1.0)
PAST_ONE = np.nextafter(1.0, 2.0)
LARGEST = np.finfo(np.float64).max
NUMBERS = {
    "positive": (checks.check_positive, [TINY, 1, LARGEST], [0, -TINY, INF, NAN], "positive and finite"),
    "not negative": (checks.check_not_negative, [0, -0.0, TINY, LARGEST], [-TINY, INF, -INF, NAN], "zero or more, and"),
    "fraction": (checks.check_fraction, [0, 1, TINY, 0.5], [-TINY, PAST_ONE, INF, NAN], r"in \[0, 1\]"),
    "int64": (checks.check_int64, [-(2**63), 2**63 - 1, 0], [-(2**63) - 1, 2**63], r"in \[-2\^63, 2\^63 - 1\]"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_at_their_limits(name):
    check, taken, refused, requirement = NUMBERS[name]
    for value in taken:
        found = check(value, "x")
        assert found == value
        assert type(found) is (int if name == "int64" else float)
    for value in refused:
        with pytest.raises(ValueError, match=f"^x must be {requirement}"):
            check(value, "x")


ONE_NUMBER = [2, 2.0, np.float32(2), np.int8(2), np.array(2.0), np.array([[2]]), torch.tensor(2), torch.tensor([2.0])]
NO_NUMBER = ["2", b"2", True, 2j, None, [2.0], np.ones(2), np.empty(0), torch.ones(1, 2), np.array(["a"])]


def test_a_number_is_one_of_any_kind():
    for value in ONE_NUMBER:
        found = checks.check_number(value, "x")
        assert (found, type(found)) == (2.0, float)
    assert checks.check_number(torch.tensor(2.0, requires_grad=True), "x") == 2.0
    for value in NO_NUMBER:
        with pytest.raises(TypeError, match=r"^x must be a number; got "):
            checks.check_number(value, "x")


def test_an_integer_is_no_boolean_and_no_float():
    for value in (3, np.int8(3), np.uint64(3), np.array(3), torch.tensor(3)):
        found = checks.check_integer(value, "x")
        assert (found, type(found)) == (3, int)
    for value in (True, False, 3.0, "3", None, np.array([3, 4]), np.array(3.7), torch.tensor(3.7), np.array(True)):
        with pytest.raises(TypeError, match=r"^x must be an integer; got "):
            checks.check_integer(value, "x")


@pytest.mark.parametrize("ndim", [1, 2, 4])
def test_an_axis_counts_from_either_end(ndim):
    for axis in range(ndim):
        assert checks.check_axis(axis, ndim, "logits") == axis
        assert checks.check_axis(np.int64(axis - ndim), ndim, "logits") == axis
    for axis in (ndim, -ndim - 1):
        with pytest.raises(ValueError, match=rf"^axis must be in \[-{ndim}, {ndim - 1}\] for logits of {ndim} axes"):
            checks.check_axis(axis, ndim, "logits")
    for axis in (True, 1.0, None):
        with pytest.raises(TypeError, match=r"^axis must be an integer"):
            checks.check_axis(axis, ndim, "logits")


def test_a_layout_has_as_many_classes_as_it_must():
    for classes, at_least, message in ((0, 1, "at least 1 class on axis 1"), (0, 2, "at least 1 class on axis 1"),
                                       (1, 2, "at least 2 classes on axis 1")):  # fmt: skip
        with pytest.raises(ValueError, match=rf"^logits must have {message}; got shape \(3, {classes}, 4\)\."):
            checks.check_layout(np.empty((3, classes, 4)), 1, at_least=at_least)
    for classes, at_least in ((1, 1), (2, 2), (2, 1)):
        layout = checks.check_layout(np.empty((3, classes, 4)), -2, at_least=at_least)
        assert layout == ((3, classes, 4), 1, 3, classes, 4)
        assert (layout.rows, layout.row_shape) == (12, (3, 4))


@pytest.mark.parametrize(
    ("axis", "outer", "inner", "position"), [(0, 1, 20, "(2, 1)"), (1, 3, 5, "(2, 1)"), (2, 12, 1, "(2, 3)")]
)
def test_a_layout_numbers_its_rows_in_memory_order(axis, outer, inner, position):
    layout = Layout.of((3, 4, 5), axis)
    assert (layout.outer, layout.classes, layout.inner) == (outer, (3, 4, 5)[axis], inner)
    assert layout.position(11) == f"position {position}"
    assert Layout.of((7, 3), 1).position(5) == "row 5"
    assert Layout.of((3,), 0).position(0) == "row 0"


def test_what_is_read_as_floating():
    for value, dtype in (
        ([1, 2], "float64"),
        (np.uint8([1]), "float64"),
        (np.float16([1]), "float16"),
        (np.array([1], ">f4"), "float32"),
        (np.array([1], ">f8"), "float64"),
        (np.array([1], ">i4"), "float64"),
    ):
        found = checks.as_floating(value, "x")
        assert found.dtype == dtype
        assert found.dtype.isnative
        np.testing.assert_array_equal(found, value)
    for value in (np.ones(1, bool), np.ones(1, np.longdouble), np.array([None])):
        with pytest.raises(TypeError, match=r"^x must be numbers of dtype float16, float32 or float64"):
            checks.as_floating(value, "x")
    for tensor in (
        torch.ones(1, dtype=torch.bool),
        torch.ones(1, dtype=torch.complex64),
        torch.ones(1).to(torch.float8_e5m2),
    ):
        with pytest.raises(TypeError, match=r"^x must be a tensor of dtype float16, bfloat16, float32 or float64; got"):
            checks.as_floating(tensor, "x")
    plain = np.ones(2, np.float32)
    assert checks.as_floating(plain, "x") is plain


CLASSES = Layout.of((4, 3), 1)
INDEX_HINTS = {
    "the number of classes": ([0, 3, 1, 1], "got 3 at row 1. If classes are counted from 1, subtract 1."),
    "all counted from 1": (
        [2, 3, 1, 3],
        "got 3 at row 1 (2 such rows). No target is 0 and the largest is 3: classes are counted from 1, so subtract 1.",
    ),
    "counted from 1, the ignored aside": (
        [-100, 3, 1, -100],
        "got 3 at row 1. No target is 0 and the largest is 3: classes are counted from 1, so subtract 1.",
    ),
    "one index alone": ([-100, 3, -100, -100], "got 3 at row 1. If classes are counted from 1, subtract 1."),
    "beyond, and not counted from 1": (
        [1, 4, 2, 3],
        "got 4 at row 1 (2 such rows). Check the class axis and the number",
    ),
    "below 0": ([1, 2, -1, 1], "got -1 at row 2. If it marks rows to leave out, pass it as ignore_index."),
}


@pytest.mark.parametrize("name", INDEX_HINTS)
@pytest.mark.parametrize("framework", ["numpy", "torch", "where no kernel counts"])
def test_indices_out_of_range_come_with_the_hint_that_fits(name, framework):
    target, sentence = INDEX_HINTS[name]
    call = {
        "numpy": lambda: lw.cross_entropy(LOGITS, np.array(target)),
        "torch": lambda: lw.cross_entropy(torch.zeros(4, 3), torch.tensor(target)),
        "where no kernel counts": lambda: targets.check_indices(torch.tensor(target), CLASSES, -100),
    }[framework]
    with pytest.raises(ValueError, match=re.escape(f"target must be in [0, 2]; {sentence}")):
        call()


def test_indices_in_range_are_taken():
    targets.check_indices(torch.tensor([0, 2, -7, 1]), CLASSES, -7)
    targets.check_indices(np.array([0, 2, 5, 1]), CLASSES, 5)
    assert lw.cross_entropy(LOGITS, np.array([0, 2, 5, 1]), ignore_index=5) == lw.cross_entropy(LOGITS, TARGET)


@pytest.mark.parametrize("value", [INF, NAN, -TINY, -INF])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_soft_target_or_weight_that_is_no_number_is_refused_in_every_function(value, dtype):
    target = np.full((4, 3), 1 / 3, dtype)
    target[2, 1] = value if value != -TINY else -np.finfo(dtype).tiny
    weight, rows = np.abs(target[:, 1]) * np.sign(target[:, 1]), target[2, 1]
    message = f"must be zero or more, and finite; got {float(rows)} at index"
    for framework in (np.asarray, torch.tensor):
        zeros = framework(np.zeros((4, 3), dtype))
        index = framework(TARGET)
        of_targets = (
            (lambda z=zeros, f=framework: lw.cross_entropy(z, f(target)), r"(2, 1)"),
            (lambda z=zeros, f=framework: lw.cross_entropy_and_gradient(z, f(target)), r"(2, 1)"),
            (lambda z=zeros, f=framework: lw.log_loss(z + 1 / 3, f(target)), "(2, 1)"),
        )
        of_weights = (
            (lambda z=zeros, f=framework, y=index: lw.cross_entropy(z, y, sample_weight=f(weight)), "2"),
            (lambda z=zeros, f=framework, y=index: lw.cross_entropy(z, y, class_weight=f(weight[:3])), "2"),
            (lambda z=zeros, f=framework, y=index: lw.log_loss(z + 1 / 3, y, sample_weight=f(weight)), "2"),
            (lambda z=zeros, f=framework: lw.binary_cross_entropy_with_logits(z, z, pos_weight=f(target)), "(2, 1)"),
            (lambda z=zeros, f=framework: lw.binary_cross_entropy_with_logits(z, z, sample_weight=f(target)), "(2, 1)"),
        )
        for call, where in of_weights if value == -TINY else of_targets + of_weights:  # such a target counts as 0
            with pytest.raises(ValueError, match=re.escape(f"{message} {where}.")):
                call()


def test_probabilities_of_0_and_1_are_taken_and_none_beyond():
    for value in (0.0, -0.0, 1.0, TINY):
        lw.binary_cross_entropy_with_logits([0.5], [value])
        assert entries.in_unit_interval(np.array([value]), "target", "") == value
    for value in (-1.1e-5, 1 + 1.1e-5, INF, -INF, NAN):
        with pytest.raises(ValueError, match=r"^target must be in \[0, 1\]; got .* at index 0\."):
            lw.binary_cross_entropy_with_logits([0.5], [value])


BINARY_HINTS = {
    "1 and 2": ([1, 2, 2], "got 2.0 at index 1 (2 such entries). If classes are counted from 1, subtract 1."),
    "-1 and 1": ([1, -1, 1], "got -1.0 at index 1. If the labels are -1 and 1, pass target > 0."),
    "0 and 2": ([0, 2, 0], "got 2.0 at index 1."),
    "-1 and 2": ([-1, 2, 0], "got -1.0 at index 0 (2 such entries)."),
    "a single 2": (2, "got 2.0."),
}


@pytest.mark.parametrize("name", BINARY_HINTS)
def test_binary_labels_of_two_other_numbers_come_with_a_hint(name):
    target, sentence = BINARY_HINTS[name]
    for framework in (np.asarray, torch.tensor):
        labels = framework(target)
        with pytest.raises(ValueError, match=f"^{re.escape(f'target must be in [0, 1]; {sentence}')}$"):
            lw.binary_cross_entropy_with_logits(labels * 0.0, labels)


def test_other_arrays_beside_tensors_are_refused_both_ways():
    tensor = torch.zeros(4, 3)
    with pytest.raises(TypeError, match=r"^mask must be a torch tensor like logits; got a NumPy array of dtype bool"):
        lw.softmax(tensor, mask=np.ones(3, bool))
    with pytest.raises(TypeError, match=r"^mask must be a NumPy array like logits; got a torch tensor .*\.numpy\(\)\."):
        lw.softmax(LOGITS, mask=torch.ones(3, dtype=torch.bool))
    with pytest.raises(TypeError, match=r"^out must be a torch tensor like logits; got a NumPy array of dtype"):
        lw.softmax(tensor, out=np.zeros((4, 3), np.float32))
    with pytest.raises(TypeError, match=r"^out must be a NumPy array like logits; got \[\] of type list\."):
        lw.softmax(LOGITS, out=[])
    with pytest.raises(ValueError, match=r"^out must be on the device of logits, cpu; got meta\."):
        lw.softmax(tensor, out=torch.zeros(4, 3, device="meta"))
    with pytest.raises(ValueError, match=r"^out must be None where a gradient is recorded"):
        lw.softmax(tensor, out=torch.zeros(4, 3, requires_grad=True))
    with torch.no_grad():
        out = torch.ones(4, 3, requires_grad=True)
        assert lw.softmax(tensor.clone().requires_grad_(), out=out) is out
        assert torch.equal(out, tensor.softmax(1))


def test_weights_that_are_integers_count_as_floating():
    for convert in (np.asarray, torch.tensor):
        z, y = convert(np.random.default_rng(0).normal(size=(4, 3))), convert(TARGET)
        whole, same = convert(np.array([1, 2, 3])), convert(np.array([1.0, 2.0, 3.0]))
        assert lw.cross_entropy(z, y, class_weight=whole) == lw.cross_entropy(z, y, class_weight=same)
        rows, same = convert(np.array([1, 2, 0, 3], np.uint8)), convert(np.array([1.0, 2.0, 0.0, 3.0]))
        assert lw.cross_entropy(z, y, sample_weight=rows) == lw.cross_entropy(z, y, sample_weight=same)
    with pytest.raises(TypeError, match=r"^class_weight must be numbers; got dtype bool\."):
        lw.cross_entropy(LOGITS, TARGET, class_weight=np.ones(3, bool))


def test_arrays_of_another_byte_order_are_read_as_they_are():
    logits, weight = np.random.default_rng(0).normal(size=(4, 3)), np.array([1.0, 2.0, 3.0])
    soft = np.full((4, 3), 1 / 3)
    expected = lw.cross_entropy(logits, TARGET, class_weight=weight)
    assert lw.cross_entropy(logits.astype(">f8"), TARGET.astype(">i4"), class_weight=weight.astype(">f8")) == expected
    assert lw.cross_entropy(logits, soft.astype(">f8")) == lw.cross_entropy(logits, soft)
    rows = np.array([1.0, 0.5, 0.0, 2.0])
    expected = lw.cross_entropy(logits, TARGET, sample_weight=rows)
    assert lw.cross_entropy(logits, TARGET.astype(">u2"), sample_weight=rows.astype(">f4")) == expected


@pytest.mark.parametrize("shape", [(4,), (1, 3), (4, 3, 1), (2, 3), (5, 4, 3)])
def test_weights_of_another_shape_are_refused_and_of_fewer_axes_broadcast(shape):
    weight = np.ones(shape)
    for name in ("class_weight", "sample_weight"):
        if shape == (4,) and name == "sample_weight":
            continue
        with pytest.raises(ValueError, match=f"^{name} must have one weight"):
            lw.cross_entropy(LOGITS, TARGET, **{name: weight})
    if shape == (1, 3):
        assert lw.binary_cross_entropy_with_logits(LOGITS, LOGITS, sample_weight=weight) == np.log(2)
    else:
        with pytest.raises(ValueError, match=r"^sample_weight must broadcast to the shape of logits, \(4, 3\); got"):
            lw.binary_cross_entropy_with_logits(LOGITS, LOGITS, sample_weight=weight)


def test_a_positive_number_that_is_followed_stays_a_tensor():
    logits = torch.zeros(2, 3)
    followed = torch.tensor([2.0], requires_grad=True)
    found = checks.check_positive_tensor(followed, "x", logits)
    assert (found.shape, found.requires_grad) == ((), True)
    with torch.no_grad():
        assert checks.check_positive_tensor(followed, "x", logits) == 2.0
    assert type(checks.check_positive_tensor(torch.tensor(2.0), "x", logits)) is float
    assert checks.check_positive_tensor(followed, "x", LOGITS) == 2.0
    with pytest.raises(ValueError, match=r"^x must be positive and finite; got 0\.0\."):
        checks.check_positive_tensor(followed * 0, "x", logits)
    with pytest.raises(TypeError, match=r"^x must be a number; got a torch tensor of dtype float32 and shape \(2,\)\."):
        checks.check_positive_tensor(torch.ones(2, requires_grad=True), "x", logits)
    with pytest.raises(TypeError, match=r"^x must be a number; got a torch tensor of dtype complex64"):
        checks.check_positive_tensor(torch.ones((), dtype=torch.complex64, requires_grad=True), "x", logits)


def test_the_choices_of_a_reduction():
    for choice in ("mean", "sum", "none"):
        assert checks.check_choice(choice, "reduction", checks.REDUCTIONS) == choice
    for choice in ("Mean", "", None):
        with pytest.raises(ValueError, match=r"^reduction must be one of 'mean', 'sum', 'none'; got "):
            checks.check_choice(choice, "reduction", checks.REDUCTIONS)


KINDS = {
    "floating": (np.float16, torch.bfloat16),
    "integer": (np.uint8, torch.int8),
    "bool": (np.bool_, torch.bool),
    "complex64": (np.complex64, None),
    "torch.complex64": (None, torch.complex64),
    "<U1": ("<U1", None),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_of_numbers(kind):
    of_numpy, of_torch = KINDS[kind]
    if of_numpy is not None:
        assert number_kind(np.zeros(1, of_numpy)) == kind
    if of_torch is not None:
        assert number_kind(torch.zeros(1, dtype=of_torch)) == kind


RECORDED = {
    "probabilities": lambda bad: lw.log_loss(bad, torch.tensor([0, 1])),
    "binary target": lambda bad: lw.binary_cross_entropy_with_logits(torch.zeros(2, 2), bad),
    "soft target": lambda bad: lw.cross_entropy(torch.zeros(2, 2), -bad),
    "class_weight": lambda bad: lw.cross_entropy(torch.zeros(2, 2), torch.tensor([0, 1]), class_weight=-bad[0]),
    "sample_weight": lambda bad: lw.cross_entropy(torch.zeros(2, 2), torch.tensor([0, 1]), sample_weight=-bad[0]),
    "pos_weight": lambda bad: lw.binary_cross_entropy_with_logits(torch.zeros(2, 2), torch.ones(2, 2), pos_weight=-bad),
}


@pytest.mark.parametrize("name", RECORDED)
def test_an_entry_of_a_tensor_that_requires_grad_is_named_without_a_warning_of_torch(name):
    bad = torch.tensor([[2.0, 0.5], [0.5, 0.5]], requires_grad=True)
    with pytest.raises(ValueError, match=r"; got -?2\.0 at index "):
        RECORDED[name](bad)


RAGGED, DIFFERENTIATED = [[1.0], [0.0, 1.0]], [torch.zeros((), requires_grad=True)] * 2
READERS = {
    "logits": lambda given: lw.softmax(given),
    "target": lambda given: lw.binary_cross_entropy_with_logits(np.zeros((2, 2)), given),
    "target_logits": lambda given: lw.kl_divergence(np.zeros((2, 2)), given),
    "mask": lambda given: lw.softmax(np.zeros((2, 2)), mask=given),
    "sample_weight": lambda given: lw.cross_entropy(np.zeros((2, 2)), [0, 1], sample_weight=given),
    "class_weight": lambda given: lw.cross_entropy(np.zeros((2, 2)), [0, 1], class_weight=given),
    "b": lambda given: lw.logsumexp(np.zeros((2, 2)), b=given),
    "probabilities": lambda given: lw.log_loss(given, [0, 1]),
}


@pytest.mark.parametrize("given", [RAGGED, DIFFERENTIATED], ids=["ragged", "tensors that require gradients"])
@pytest.mark.parametrize("name", READERS)
def test_a_list_that_is_no_array_is_refused_by_the_name_of_the_argument(name, given):
    with pytest.raises(lw.InvalidTypeError, match=rf"^{name} must be an array; got a list .*\. Rows must have the"):
        READERS[name](given)


@pytest.mark.parametrize("target", [np.full((2, 2), 0.5), [["a"], ["b"]], ["a"]], ids=["soft", "column", "short"])
def test_labels_of_another_shape_are_no_class_indices(target):
    with pytest.raises(ValueError, match=r"^target must have one of labels for each row, shape \(2,\); got shape"):
        lw.log_loss([[0.1, 0.9], [0.8, 0.2]], target, labels=["a", "b"])


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "BCEWithLogitsLoss", "FocalLoss", "BinaryFocalLossWithLogits"])
def test_a_weight_of_a_module_is_called_by_the_name_it_has_there(name):
    target = torch.zeros(4, 3) if "Logits" in name else torch.zeros(4, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"^weight must "):
        getattr(lw.nn, name)(weight=torch.ones(5))(torch.zeros(4, 3), target)
