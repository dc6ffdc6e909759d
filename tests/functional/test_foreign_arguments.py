"""What is no array of numbers, or has another shape: what came is said in one line, and following the advice helps."""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.sparse
import torch

import logitwise as lw

LOGITS = np.array([[0.5, -1.0, 2.0], [1.0, 0.0, -0.5], [0.0, 3.0, 1.0], [-1.0, 1.0, 0.5]])
INDICES = np.array([0, 2, 1, 0])
NAMES = np.array(["a", "c", "b", "a"])
NUMBERED = "np.unique(target, return_inverse=True)[1]"
FRAMEWORKS = {"numpy": np.asarray, "torch": torch.tensor}
OF_LOGITS = {
    "softmax": lw.softmax,
    "log_softmax": lw.log_softmax,
    "logsumexp": lw.logsumexp,
    "sigmoid": lw.sigmoid,
    "log_sigmoid": lw.log_sigmoid,
    "entropy": lw.entropy,
    "cross_entropy": lambda z: lw.cross_entropy(z, INDICES),
    "cross_entropy_and_gradient": lambda z: lw.cross_entropy_and_gradient(z, INDICES),
    "focal_loss": lambda z: lw.focal_loss(z, INDICES),
    "binary": lambda z: lw.binary_cross_entropy_with_logits(z, LOGITS > 0),
    "binary focal": lambda z: lw.binary_focal_loss_with_logits(z, LOGITS > 0),
    "kl_divergence": lambda z: lw.kl_divergence(z, LOGITS),
}
OF_TARGETS = {
    "cross_entropy": lw.cross_entropy,
    "cross_entropy_and_gradient": lw.cross_entropy_and_gradient,
    "focal_loss": lw.focal_loss,
    "binary": lambda z, y: lw.binary_cross_entropy_with_logits(z[:, 0], y),
    "binary focal": lambda z, y: lw.binary_focal_loss_with_logits(z[:, 0], y),
}
MODULES = ["CrossEntropyLoss", "FocalLoss", "NLLLoss", "BCEWithLogitsLoss", "BCELoss", "KLDivLoss"]


def message(call, *arguments) -> str:
    with pytest.raises(lw.InvalidArgumentError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


NUMBERS = "logits must be numbers of dtype float16, float32 or float64 (or integers); got dtype "
TEXTS = "If the texts are numbers, convert with np.array(logits, dtype=float)."
BAD_LOGITS = {
    "None": (None, "logits must be an array; got None."),
    "csr_matrix": (
        scipy.sparse.csr_matrix(LOGITS),
        "logits must be an array; got a sparse csr_matrix of shape (4, 3). Convert with .toarray().",
    ),
    "coo_array": (
        scipy.sparse.coo_array(LOGITS),
        "logits must be an array; got a sparse coo_array of shape (4, 3). Convert with .toarray().",
    ),
    "text": (["1.5", "2"], f"{NUMBERS}<U3. {TEXTS}"),
    "text among objects": (np.array([["1.5", 2.0]], object), f"{NUMBERS}object. {TEXTS}"),
    "None among numbers": ([[1.0, None]], f"{NUMBERS}object. Fill in what is None, then convert with astype."),
    "booleans": ([[True, False]], f"{NUMBERS}bool. Convert with astype."),
}


@pytest.mark.parametrize("case", BAD_LOGITS)
@pytest.mark.parametrize("name", OF_LOGITS)
def test_logits_that_are_no_numbers(name, case):
    given, expected = BAD_LOGITS[case]
    assert message(OF_LOGITS[name], given) == expected


BAD_TARGETS = {  # what comes, then what is said of it, and the advice, beside arrays and beside tensors
    "None": (None, "an array; got None.", "", "got None.", ""),
    "sparse": (
        scipy.sparse.csr_matrix(LOGITS),
        "an array; got a sparse csr_matrix of shape (4, 3).",
        " Convert with .toarray().",
        "got a sparse csr_matrix of shape (4, 3).",
        " Convert with torch.as_tensor(target.toarray()).",
    ),
    "texts": (
        NAMES,
        "; got dtype <U1.",
        f" Number the labels: {NUMBERED} does so in sorted order.",
        "got a NumPy array of dtype <U1 and shape (4,).",
        f" Number the labels: torch.as_tensor({NUMBERED}) does so in sorted order.",
    ),
    "a list of texts": (
        NAMES.tolist(),
        "; got dtype <U1.",
        f" Number the labels: {NUMBERED} does so in sorted order.",
        "got ['a', 'c', 'b', 'a'] of type list.",
        f" Number the labels: torch.as_tensor({NUMBERED}) does so in sorted order.",
    ),
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("case", BAD_TARGETS)
@pytest.mark.parametrize("name", OF_TARGETS)
def test_targets_that_are_no_numbers(name, case, framework):
    given, of_array, advice, of_tensor, advice_on_tensor = BAD_TARGETS[case]
    found = message(OF_TARGETS[name], FRAMEWORKS[framework](LOGITS), given)
    if framework == "numpy":
        assert found.startswith("target must be ")
        assert found.endswith(of_array + advice)
    else:
        assert found == f"target must be a torch tensor like logits; {of_tensor}{advice_on_tensor}"


def test_numbered_labels_are_class_indices():
    numbered = np.unique(NAMES, return_inverse=True)[1]
    assert lw.cross_entropy(LOGITS, numbered) == lw.cross_entropy(LOGITS, INDICES)


@pytest.mark.parametrize("name", MODULES)
def test_targets_of_modules_that_are_no_tensors(name):
    module, logits = getattr(lw.nn, name)(), torch.tensor(LOGITS)
    for given, rest in (
        (None, "None."),
        (INDICES, "ndarray. Convert with torch.as_tensor."),
        (scipy.sparse.csr_matrix(LOGITS), "csr_matrix. Convert with torch.as_tensor(target.toarray())."),
        (NAMES, f"ndarray. Number the labels: torch.as_tensor({NUMBERED}) does so in sorted order."),
    ):
        assert message(module, logits, given) == f"target must be a torch tensor; got {rest}"


@pytest.mark.parametrize("name", ["sample_weight", "mask", "b"])
def test_other_arguments_that_are_sparse_or_text(name):
    calls = {
        "sample_weight": lambda z, x: lw.binary_cross_entropy_with_logits(z, z > 0, sample_weight=x),
        "mask": lambda z, x: lw.softmax(z, mask=x),
        "b": lambda z, x: lw.logsumexp(z, b=x),
    }
    sparse = scipy.sparse.csr_matrix(LOGITS)
    found = message(calls[name], LOGITS, sparse)
    assert found == f"{name} must be an array; got a sparse csr_matrix of shape (4, 3). Convert with .toarray()."
    found = message(calls[name], torch.tensor(LOGITS), sparse)
    assert found.endswith(f"(4, 3). Convert with torch.as_tensor({name}.toarray()).")
    assert message(calls[name], torch.tensor(LOGITS), ["a"]).endswith("got ['a'] of type list.")


# --- shapes with an axis too many, or one too few ---------------------------------------------------------------------


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_column_of_class_indices_is_squeezed(axis, framework):
    convert = FRAMEWORKS[framework]
    logits = convert(np.moveaxis(np.tile(LOGITS, (2, 1, 1)), 2, axis))
    column = np.expand_dims(np.tile(INDICES, (2, 1)), axis)
    squeezed = f"target.squeeze({axis})" if framework == "torch" else f"np.squeeze(target, {axis})"
    target = eval(squeezed, {"target": convert(column), "np": np})
    expected = lw.cross_entropy(logits, convert(np.tile(INDICES, (2, 1))), axis=axis)
    assert lw.cross_entropy(logits, target, axis=axis) == expected
    for function in (lw.cross_entropy, lw.cross_entropy_and_gradient, lw.focal_loss, lw.log_loss):
        values = logits if function is not lw.log_loss else abs(logits)
        found = message(lambda f=function, v=values: f(v, convert(column), axis=axis))
        assert found.endswith(f"Drop the axis of length 1: {squeezed}.")
        found = message(lambda f=function, v=values: f(v, convert(column * 1.0), axis=axis))
        assert found.endswith(f"If it holds class indices, pass {squeezed}, converted to an integer dtype.")


def test_a_column_of_class_indices_in_modules():
    column = torch.tensor(INDICES)[:, None]
    for name in MODULES[:3]:
        assert message(getattr(lw.nn, name)(), torch.tensor(LOGITS), column).endswith("length 1: target.squeeze(1).")


ROWS = np.array([1.0, 0.5, 0.0, 2.0])
REPEATED = {  # the shapes of logits and of what is given, and what to index it with
    "rows": ((4, 3), (4,), "[:, None]"),
    "rows of rows": ((2, 4, 3), (2, 4), "[:, :, None]"),
    "images": ((2, 5, 4, 3), (2, 4, 3), "[:, None]"),
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("case", REPEATED)
def test_what_lacks_one_axis_is_repeated_along_it(case, framework):
    shape, given, index = REPEATED[case]
    convert = FRAMEWORKS[framework]
    logits = convert(np.linspace(-2.0, 2.0, np.prod(shape)).reshape(shape))
    weight, mask = convert(np.linspace(0.5, 1.5, np.prod(given)).reshape(given)), convert(np.ones(given, bool))
    axis = index.count(":")
    for name, value, call in (
        ("sample_weight", weight, lambda x: lw.binary_cross_entropy_with_logits(logits, logits > 0, sample_weight=x)),
        ("pos_weight", weight, lambda x: lw.binary_focal_loss_with_logits(logits, logits > 0, pos_weight=x)),
        ("mask", mask, lambda x: lw.softmax(logits, mask=x)),
        ("mask", mask, lambda x: lw.entropy(logits, mask=x)),
        ("mask", mask, lambda x: lw.kl_divergence(logits, logits, mask=x)),
    ):
        advice = f"To repeat it along axis {axis}, pass {name}{index}."
        assert (
            message(call, value)
            == f"{name} must broadcast to the shape of logits, {shape}; got shape {given}. {advice}"
        )
        call(eval(f"x{index}", {"x": value}))


def test_a_weight_of_rows_in_modules_is_called_weight():
    for name in ("BCEWithLogitsLoss", "BinaryFocalLossWithLogits"):
        module = getattr(lw.nn, name)(weight=torch.tensor(ROWS))
        assert message(module, torch.tensor(LOGITS), torch.tensor(LOGITS > 0)).endswith("pass weight[:, None].")


def test_weights_of_the_first_axis_or_of_channels():
    logits = np.zeros((2, 5, 6))
    for name, count, axis, written in (("sample_weight", 2, 0, (2, 1, 1)), ("pos_weight", 5, 1, (5, 1))):
        found = message(lambda n=name, c=count: lw.binary_cross_entropy_with_logits(logits, logits, **{n: np.ones(c)}))
        assert found.endswith(f"For one weight for each place on axis {axis}, pass {name}.reshape{written}.")
        lw.binary_cross_entropy_with_logits(logits, logits, **{name: np.ones(count).reshape(written)})


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_weights_with_an_axis_of_length_1_too_many(framework):
    convert = FRAMEWORKS[framework]
    for name, shape, flat in (("sample_weight", (4, 1), 4), ("class_weight", (1, 3), 3), ("class_weight", (3, 1), 3)):
        call = lambda x, n=name: lw.cross_entropy(convert(LOGITS), convert(INDICES), **{n: x})  # noqa: E731
        assert message(call, convert(np.ones(shape))).endswith(f"Pass {name}.reshape({flat}).")
        call(convert(np.ones(shape)).reshape(flat))


# --- sentences of one line --------------------------------------------------------------------------------------------

MANY = np.zeros((50, 50))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_an_out_in_a_tuple_is_taken_out_of_it(framework):
    logits = FRAMEWORKS[framework](MANY)
    like = {"numpy": "a NumPy array", "torch": "a torch tensor"}[framework]
    expected = f"out must be {like} like logits; got a tuple. Pass what is in it, without the tuple."
    indices = logits[:, 0] * 0
    indices = indices.long() if framework == "torch" else indices.astype(int)
    for call in (
        lambda x: lw.softmax(logits, out=x),
        lambda x: lw.softmax(logits, axis=None, out=x),
        lambda x: lw.log_softmax(logits, out=x),
        lambda x: lw.sigmoid(logits, out=x),
        lambda x: lw.entropy_and_gradient(logits, out=x),
        lambda x: lw.cross_entropy_and_gradient(logits, indices, out=x),
        lambda x: lw.binary_cross_entropy_with_logits_and_gradient(logits, logits, out=x),
    ):
        assert message(call, (logits,)) == expected


LONG = {
    "out": lambda x: lw.softmax(LOGITS, out=[x]),
    "axis": lambda x: lw.softmax(LOGITS, axis=[x]),
    "temperature": lambda x: lw.softmax(LOGITS, temperature=[x]),
    "ignore_index": lambda x: lw.cross_entropy(LOGITS, INDICES, ignore_index=[x]),
    "missing": lambda x: lw.binary_cross_entropy_with_logits(LOGITS, LOGITS > 0, missing=[x]),
    "reduction": lambda x: lw.cross_entropy(LOGITS, INDICES, reduction=[x]),
    "normalizer": lambda x: lw.cross_entropy(LOGITS, INDICES, reduction="sum", normalizer=[x]),
    "keepdims": lambda x: lw.logsumexp(LOGITS, keepdims=[x]),
}


@pytest.mark.parametrize("name", LONG)
def test_a_long_value_is_said_in_one_short_line(name):
    found = message(LONG[name], MANY)
    assert found.startswith(f"{name} must ")
    assert len(found) < 200


# --- weights that are one number --------------------------------------------------------------------------------------

NUMBER_TYPES = [float, int, np.float64, np.float32, np.int8]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", ["pos_weight", "sample_weight"])
@pytest.mark.parametrize("number", [kind(3) for kind in NUMBER_TYPES] + [1 / 3, 0], ids=repr)
def test_a_weight_of_tensors_may_be_a_number(number, name, dtype):
    given = {name: number}
    whole = {name: torch.tensor(float(number), dtype=torch.float64)}
    labels = torch.tensor(LOGITS > 0)
    for reduction in ("mean", "sum", "none"):
        if name == "sample_weight" and not number and reduction == "mean":
            continue
        for function in (lw.binary_cross_entropy_with_logits, lw.binary_focal_loss_with_logits):
            both = getattr(lw, f"{function.__name__}_and_gradient")
            plain, logits = torch.tensor(LOGITS, dtype=dtype), torch.tensor(LOGITS, dtype=dtype, requires_grad=True)
            found, expected = (function(logits, labels, reduction=reduction, **weights) for weights in (given, whole))
            assert torch.equal(found, expected)
            gradients = [torch.autograd.grad(loss.sum(), logits)[0] for loss in (found, expected)]
            assert torch.equal(*gradients)
            of_both = both(plain, labels, reduction=reduction, **given)
            assert torch.equal(of_both[0], expected)
            assert lw.route_of(logits, labels, function=function, **given).name == "recorded kernels"


def test_a_factor_of_exponentials_of_tensors_may_be_a_number():
    logits = torch.tensor(LOGITS)
    assert torch.equal(lw.logsumexp(logits, b=2), lw.logsumexp(logits, b=torch.tensor(2.0, dtype=torch.float64)))


@pytest.mark.parametrize("number", [True, "3", [3.0], 3j, np.ones(())], ids=repr)
def test_what_is_no_number_beside_tensors_is_refused(number):
    with pytest.raises(TypeError, match=r"^pos_weight must be a torch tensor like logits; got "):
        lw.binary_cross_entropy_with_logits(torch.zeros(3), torch.zeros(3), pos_weight=number)


def test_a_weight_that_is_a_number_is_checked_and_transformed():
    logits, labels = torch.tensor(LOGITS), torch.tensor(LOGITS > 0)
    with pytest.raises(ValueError, match=re.escape("pos_weight must be zero or more, and finite; got -1.0.")):
        lw.binary_cross_entropy_with_logits(logits, labels, pos_weight=-1)
    expected = lw.binary_cross_entropy_with_logits_and_gradient(logits, labels, pos_weight=1 / 3)[1]
    found = torch.func.grad(lambda z: lw.binary_cross_entropy_with_logits(z, labels, pos_weight=1 / 3))(logits)
    torch.testing.assert_close(found, expected)


def test_a_weight_that_is_a_number_is_compiled_once_for_all_numbers():
    logits, labels = torch.tensor(LOGITS), torch.tensor(LOGITS > 0)
    torch._dynamo.reset()
    compiled = torch.compile(
        lambda w: lw.binary_cross_entropy_with_logits(logits, labels, pos_weight=w), backend="aot_eager", fullgraph=True
    )
    for number in (0.25, 0.5):
        assert compiled(number) == lw.binary_cross_entropy_with_logits(logits, labels, pos_weight=number)
    with torch.compiler.set_stance("fail_on_recompile"):
        for number in (0.75, 1.5, 2.5):
            assert compiled(number) == lw.binary_cross_entropy_with_logits(logits, labels, pos_weight=number)
