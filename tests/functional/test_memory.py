"""The memory of arrays and tensors, and `out` in that of an input: what is written there must not be read after it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import logitwise as lw
from functional.inputs import values_of
from logitwise._arrays import Layout
from logitwise.functional._memory import arrays as _memory
from logitwise.functional._memory.arrays import destination, float64_of, memory_of, rows_of
from logitwise.functional._memory.recycling import SMALLEST
from logitwise.kernels.cpu.rows import BFLOAT16, FLOAT16, NATIVE

SHAPES = [(6, 5), (70, 40)]  # a small call, and another


def inputs_of(function: str, shape: tuple[int, int], dtype: str) -> dict[str, np.ndarray]:
    """Return every array that a function takes, by the name of its argument."""
    (rows, classes), generator = shape, np.random.default_rng(11)

    def weights(*shape: int) -> np.ndarray:
        return (generator.integers(2, 7, shape) / 4).astype(dtype)  # whose sum is exact in any order

    arrays = {"logits": (generator.normal(size=shape) * 3).astype(dtype)}
    if function.endswith("softmax"):
        arrays["mask"] = np.arange(rows * classes).reshape(shape) % 3 > 0
    if function.startswith("cross_entropy"):
        soft = generator.random(shape)
        arrays["target"] = (soft / soft.sum(1, keepdims=True)).astype(dtype)
        arrays["class_weight"] = weights(classes)
        arrays["sample_weight"] = weights(rows)
    if function.startswith("binary"):
        arrays["target"] = generator.random(shape).astype(dtype)
        arrays["sample_weight"] = weights(*shape)
        arrays["pos_weight"] = weights(*shape)
    if function == "cross_entropy_and_gradient of indices":
        arrays = {"logits": arrays["logits"], "target": generator.integers(0, classes, rows)}
    return arrays


def called(function: str, arrays: dict, out: object = None) -> tuple[list[np.ndarray], object]:
    """Return the values of what a function returns, and the array that is to be `out`."""
    arrays = dict(arrays)
    positional = [arrays.pop(name) for name in ("logits", "target") if name in arrays]
    result = getattr(lw, function.partition(" ")[0])(*positional, **arrays, out=out)
    parts = result if isinstance(result, tuple) else (result,)
    return [values_of(part).copy() for part in parts], parts[-1]


WAYS = {
    "the same memory": lambda room, size, item: (room[:size], 0),
    "one element ahead": lambda room, size, item: (room[item : item + size], 0),
    "one element behind": lambda room, size, item: (room[:size], item),
    "by half": lambda room, size, item: (room[size // 2 // item * item :][:size], 0),
    "every other element": None,
    "from the end": None,
}


def sharing(
    values: np.ndarray, shape: tuple[int, int], dtype: str, way: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return an array that holds `values`, another for the result in the same memory, and all of that memory."""
    item = max(values.itemsize, np.dtype(dtype).itemsize)
    room = np.zeros(4 * item * shape[0] * shape[1], np.uint8)
    if way in ("every other element", "from the end"):
        step = 2 if way == "every other element" else -1
        held = room.view(values.dtype)[: values.size * abs(step)][::step].reshape(values.shape)
        begin = 0
    else:
        memory, begin = WAYS[way](room, values.nbytes, item)
        held = memory.view(values.dtype).reshape(values.shape)
    assert np.shares_memory(held, room)
    held[...] = values
    out = room[begin:][: np.dtype(dtype).itemsize * shape[0] * shape[1]].view(dtype).reshape(shape)
    return held, out, room


def tensor_in(array: np.ndarray, room: np.ndarray) -> torch.Tensor:
    """Return an array that lies in `room` as a tensor whose storage is all of it."""
    kind = torch.from_numpy(np.empty(0, array.dtype)).dtype
    offset = (array.__array_interface__["data"][0] - room.__array_interface__["data"][0]) // array.itemsize
    steps = [step // array.itemsize for step in array.strides]
    return torch.from_numpy(room).view(kind).as_strided(array.shape, steps, offset)


FUNCTIONS = [
    "softmax",
    "log_softmax",
    "sigmoid",
    "log_sigmoid",
    "cross_entropy_and_gradient",
    "cross_entropy_and_gradient of indices",
    "binary_cross_entropy_with_logits_and_gradient",
]
PLACES = [(function, name) for function in FUNCTIONS for name in inputs_of(function, (6, 5), "float64")]


@pytest.mark.parametrize(
    ("way", "framework"),
    [*((way, "numpy") for way in WAYS), *((way, "torch") for way in WAYS if way != "from the end")],  # no such tensors
)
@pytest.mark.parametrize(("function", "name"), PLACES)
def test_out_may_lie_in_the_memory_of_any_input(function, name, way, framework):
    for shape in SHAPES:
        for dtype in ("float32", "float64"):
            arrays = inputs_of(function, shape, dtype)
            shared, out, room = sharing(arrays[name], shape, dtype, way)
            convert = torch.from_numpy if framework == "torch" else np.asarray
            expected, _ = called(function, {key: convert(array.copy()) for key, array in arrays.items()})
            if framework == "torch":
                shared, out = tensor_in(shared, room), tensor_in(out, room)
            arrays = {key: shared if key == name else convert(array) for key, array in arrays.items()}
            result, returned = called(function, arrays, out)
            assert returned is out
            for ours, theirs in zip(result, expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("function", ["softmax", "sigmoid", "cross_entropy_and_gradient"])
def test_out_may_be_the_logits_transposed(function):
    arrays = inputs_of(function, (7, 7), "float64")
    expected, _ = called(function, {key: array.copy() for key, array in arrays.items()})
    for order in ("C", "F"):
        square = np.array(arrays["logits"], order=order)
        result, returned = called(function, {**arrays, "logits": square}, out := square.T)
        assert returned is out
        np.testing.assert_array_equal(result[-1], expected[-1])
    tensors = {key: torch.from_numpy(array.copy()) for key, array in arrays.items()}
    result, _ = called(function, tensors, tensors["logits"].t())
    np.testing.assert_array_equal(result[-1], expected[-1])


# --- where a kernel writes --------------------------------------------------------------------------------------------


def test_a_kernel_writes_into_out_where_it_can():
    like, other = np.zeros((3, 4)), np.ones((3, 4))
    assert destination(like, None) is not like
    assert destination(like, like) is like
    assert destination(like, other) is other
    assert destination(like, other, None, other) is other
    assert destination(like, out := other[:, :], other) is out  # element by element
    for out, read in (
        (np.zeros((3, 8))[:, ::2], None),  # gaps
        (np.zeros((4, 3)).T, None),
        (np.frombuffer(bytearray(97), np.float64, offset=1).reshape(3, 4), None),  # not aligned
        (other, other.view(np.int64)),
        (other, other.reshape(-1)),
        (other, other.reshape(4, 3)),
        (other, other[:2]),
        (other, other.T),
        (other, other[1]),
    ):
        found = destination(like, out, read)
        assert not np.shares_memory(found, out)
        assert (found.shape, found.dtype) == (like.shape, like.dtype)
        assert found.flags.c_contiguous


def test_a_kernel_writes_into_an_out_tensor_where_it_can():
    like, other = torch.zeros(3, 4), torch.ones(3, 4)
    assert destination(like, other, like) is other
    assert destination(like, other, other.view(3, 4)) is other
    for out, read in ((torch.zeros(4, 3).t(), None), (other, other.view(torch.int32)), (other, other[:2])):
        found = destination(like, out, read)
        assert found.data_ptr() != out.data_ptr()
        assert (found.shape, found.dtype) == (like.shape, like.dtype)
        assert found.is_contiguous()
    strided = torch.zeros(4, 3, dtype=torch.bfloat16).t()
    assert destination(strided, None).is_contiguous()
    assert destination(strided, None).dtype == torch.bfloat16


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("more", [-1, 0])
def test_tensors_of_recycled_memory_have_their_dtype(dtype, more, monkeypatch):
    asked = []
    monkeypatch.setattr(_memory, "new_array", lambda shape, kind: asked.append(shape) or np.empty(shape, kind))
    monkeypatch.setattr(_memory, "SMALLEST", 1 << 10)
    assert SMALLEST > 1 << 10
    like = torch.zeros((1 << 10) // dtype.itemsize + more, dtype=dtype)
    found = destination(like, None)
    assert (found.dtype, found.shape) == (like.dtype, like.shape)
    assert asked == ([tuple(like.shape)] if more == 0 else [])


# --- memory as kernels take it ----------------------------------------------------------------------------------------


def test_memory_is_a_view_where_it_can_be():
    array = np.arange(12.0).reshape(3, 4)
    assert memory_of(array)[0] is array
    assert memory_of(array)[1] == NATIVE
    read_only = array.copy()
    read_only.flags.writeable = False
    lent, kind = memory_of(read_only)
    assert (lent.flags.writeable, kind, np.shares_memory(lent, read_only)) == (True, NATIVE, True)
    np.testing.assert_array_equal(lent, array)
    strided, _ = memory_of(array[:, ::2])
    assert strided.flags.c_contiguous
    np.testing.assert_array_equal(strided, array[:, ::2])
    half = array.astype(np.float16)
    bits, kind = memory_of(half)
    assert (bits.dtype, kind, np.shares_memory(bits, half)) == (np.uint16, FLOAT16, True)


@pytest.mark.parametrize(
    ("dtype", "stored", "kind"),
    [
        (torch.float16, np.uint16, FLOAT16),
        (torch.bfloat16, np.uint16, BFLOAT16),
        (torch.float32, np.float32, NATIVE),
        (torch.int16, np.int16, NATIVE),
        (torch.bool, np.bool_, NATIVE),
    ],
)
def test_memory_of_a_tensor_is_a_view_where_it_can_be(dtype, stored, kind):
    tensor = (torch.arange(12).reshape(3, 4) % 2).to(dtype)
    memory, found = memory_of(tensor)
    assert (memory.dtype, found) == (stored, kind)
    assert memory.__array_interface__["data"][0] == tensor.data_ptr()
    transposed, _ = memory_of(tensor.t())
    np.testing.assert_array_equal(transposed, memory.T)


def test_rows_are_blocks_of_classes_side_by_side():
    array = np.arange(24.0).reshape(2, 3, 4)
    rows, _ = rows_of(array, Layout.of((2, 3, 4), 1))
    np.testing.assert_array_equal(rows, array)
    assert rows_of(array, Layout.of((2, 3, 4), 0))[0].shape == (1, 2, 12)
    assert rows_of(array, Layout.of((2, 3, 4), 2))[0].shape == (6, 4, 1)


def test_weights_are_flat_float64():
    for weights in (np.arange(6).reshape(2, 3), np.arange(6.0, dtype=np.float32).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]):
        found = float64_of(np.asarray(weights))
        assert (found.dtype, found.tolist()) == (np.float64, [0, 1, 2, 3, 4, 5])
    found = float64_of(torch.arange(6.0, dtype=torch.bfloat16, requires_grad=True).reshape(2, 3).t())
    assert (found.dtype, found.tolist()) == (np.float64, [0, 3, 1, 4, 2, 5])
