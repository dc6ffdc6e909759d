"""Large results in recycled memory: reused only when nobody can see it, whatever holds a view of it."""

from __future__ import annotations

import gc
import mmap
import threading
import types

import numpy as np
import pytest
import torch

import logitwise as lw
from logitwise.functional._memory import recycling as _recycling
from logitwise.functional._memory.recycling import LARGEST, SLOTS, SMALLEST, new_array

ROWS, CLASSES = SMALLEST // 4 // 1024, 1024


@pytest.fixture(autouse=True)
def nothing_waits():
    gc.collect()
    _recycling._waiting.clear()
    yield
    _recycling._waiting.clear()


def large(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((ROWS, CLASSES), dtype=np.float32)


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def test_memory_that_nobody_holds_serves_the_next_result_of_its_size():
    first = lw.softmax(large())
    place = address(first)
    del first
    assert address(lw.softmax(large(1))) == place


def test_a_result_that_is_held_keeps_its_values():
    first = lw.softmax(large())
    kept = first.copy()
    second = lw.softmax(large(1))
    assert address(first) != address(second)
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize(
    "view_of",
    [lambda a: a[5:7, ::3], lambda a: a.T[1], lambda a: a.view(np.int32)[3], lambda a: memoryview(a)[2:3]],
    ids=["slice", "transpose", "other dtype", "memoryview"],
)
def test_a_view_alone_holds_the_memory(view_of):
    view = view_of(lw.softmax(large()))
    kept = np.array(view)
    others = [lw.softmax(large(seed)) for seed in (1, 2, 3)]
    np.testing.assert_array_equal(np.asarray(view), kept)
    assert len({address(other) for other in others}) == 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_tensors_are_recycled_and_their_views_hold_the_memory(dtype):
    logits = torch.from_numpy(large()).to(dtype)
    logits = torch.cat([logits, logits]) if logits.element_size() == 2 else logits
    target = torch.arange(len(logits)) % 2
    gradient = lw.cross_entropy_and_gradient(logits, target)[1]
    assert gradient.dtype == dtype
    view, place = gradient[3:5], gradient.data_ptr()
    kept = view.clone()
    del gradient
    other = lw.cross_entropy_and_gradient(logits * 2, target)[1]
    assert other.data_ptr() != place
    assert torch.equal(view, kept)
    del view
    assert lw.cross_entropy_and_gradient(logits, target)[1].data_ptr() == place


def test_autograd_hands_out_gradients_that_stay():
    leaf = torch.from_numpy(large()).requires_grad_()
    target = torch.arange(ROWS) % 2
    lw.cross_entropy(leaf, target).backward()
    kept = leaf.grad.clone()
    for scale in (2.0, 3.0):
        other = (leaf.detach() * scale).requires_grad_()
        lw.cross_entropy(other, target).backward()
    assert torch.equal(leaf.grad, kept)


def test_sizes_that_the_allocator_recycles_and_giant_ones_are_left_to_it():
    for size in (SMALLEST - 1, LARGEST + 1):
        assert new_array((size,), np.dtype(np.uint8)).flags.owndata


@pytest.mark.parametrize(("more", "is_recycled"), [(-1, False), (0, True), (1, True)])
def test_from_the_smallest_size_on_memory_is_recycled(more, is_recycled):
    array = new_array((SMALLEST + more,), np.dtype(np.uint8))
    assert array.flags.owndata is not is_recycled
    assert (array.shape, array.dtype) == ((SMALLEST + more,), np.uint8)
    place = address(array)
    del array
    assert len(_recycling._waiting) == is_recycled
    if is_recycled:
        assert address(new_array((SMALLEST + more,), np.dtype(np.uint8))) == place


def test_up_to_the_largest_size_memory_is_recycled(monkeypatch):
    assert LARGEST == 1 << 30
    monkeypatch.setattr(_recycling, "LARGEST", SMALLEST + 4)
    assert not new_array((SMALLEST + 4,), np.dtype(np.uint8)).flags.owndata
    assert new_array((SMALLEST + 5,), np.dtype(np.uint8)).flags.owndata


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
def test_a_size_is_that_of_all_elements(dtype):
    count = SMALLEST // np.dtype(dtype).itemsize
    for shape, is_recycled in (((count // 4, 4), True), ((count // 4 - 1, 4), False), ((2, count // 2), True)):
        array = new_array(shape, np.dtype(dtype))
        assert (array.shape, array.dtype, array.flags.c_contiguous) == (shape, dtype, True)
        assert array.flags.owndata is not is_recycled
        assert array.flags.writeable


def test_memory_of_another_size_keeps_waiting():
    sizes = (SMALLEST, SMALLEST + 8)
    first, second = (new_array((size,), np.dtype(np.uint8)) for size in sizes)
    places = address(first), address(second)
    del first, second
    other = new_array((SMALLEST + 16,), np.dtype(np.uint8))
    assert address(other) not in places
    assert sorted(block.size for block in _recycling._waiting) == list(sizes)
    assert address(new_array((sizes[1],), np.dtype(np.uint8))) == places[1]
    assert address(new_array((sizes[0],), np.dtype(np.uint8))) == places[0]


def test_the_block_that_waited_longest_makes_room():
    arrays = [new_array((SMALLEST + 8 * place,), np.dtype(np.uint8)) for place in range(SLOTS + 1)]
    while arrays:
        del arrays[0]
    assert [block.size - SMALLEST for block in _recycling._waiting] == [8 * place for place in range(1, SLOTS + 1)]


def test_only_whole_pages_inside_a_block_are_told_unused(monkeypatch):
    told = []
    system = types.SimpleNamespace(madvise=lambda *arguments: told.append([value.value for value in arguments[:2]]))
    monkeypatch.setattr(_recycling, "_system", lambda: system)
    monkeypatch.setattr(_recycling, "_LAZY_FREE", 8)
    room = np.empty(8 * mmap.PAGESIZE, np.uint8)
    aligned = -address(room) % mmap.PAGESIZE
    for begin, size, first, pages in (
        (0, 3 * mmap.PAGESIZE, 0, 3),
        (1, 3 * mmap.PAGESIZE, mmap.PAGESIZE, 2),
        (16, 3 * mmap.PAGESIZE - 16, mmap.PAGESIZE, 2),
        (0, 3 * mmap.PAGESIZE - 1, 0, 2),
    ):
        _recycling._tell_unused(room[aligned + begin :][:size])
        assert told.pop() == [address(room) + aligned + first, pages * mmap.PAGESIZE]


def test_no_more_blocks_wait_than_there_are_slots():
    results = [lw.softmax(large(seed)) for seed in range(SLOTS + 2)]
    del results
    assert len(_recycling._waiting) == SLOTS


def test_threads_never_get_the_same_memory():
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(20):
            mine = new_array((SMALLEST,), np.dtype(np.uint8))
            mine[::4096] = number
            if not (mine[::4096] == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
