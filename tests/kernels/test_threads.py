"""Kernels called from many threads, after a fork, in a spawned process, and without a folder for compiled code."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import logitwise as lw
from logitwise.kernels.cpu import threads
from logitwise.kernels.cpu.softmax import NO_MASK, softmax

SOURCE = Path(threads.__file__).parents[3]


@pytest.fixture
def four_threads():
    before = threads.number_of_threads()
    threads.set_number_of_threads(4)
    yield
    threads.set_number_of_threads(before)


def large_softmax(seed: int) -> np.ndarray:
    logits = np.random.default_rng(seed).standard_normal((3000, 50, 1)).astype(np.float32)
    result = np.empty_like(logits)
    softmax(logits, NO_MASK, 0, 1.0, result)
    return result


def test_rows_are_covered_once_whatever_the_split(four_threads):
    covered, lock = np.zeros(1001, int), threading.Lock()

    def kernel(first: int, last: int) -> None:
        with lock:
            covered[first:last] += 1

    threads.split(kernel, 1001, 10**9)
    assert (covered == 1).all()


def test_small_work_stays_on_the_calling_thread(four_threads):
    seen = []
    threads.split(lambda first, last: seen.append((threading.current_thread(), first, last)), 100, 1000)
    assert seen == [(threading.current_thread(), 0, 100)]


def test_an_error_in_a_worker_reaches_the_caller(four_threads):
    def kernel(first: int, last: int) -> None:
        if first > 0:
            raise ArithmeticError(f"rows from {first}")

    with pytest.raises(ArithmeticError, match=r"^rows from \d+$"):
        threads.split(kernel, 100, 10**9)


def test_eight_calling_threads_get_the_bits_of_one(four_threads):
    expected = [large_softmax(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            for actual, one in zip(pool.map(large_softmax, range(8)), expected, strict=True):
                np.testing.assert_array_equal(actual, one)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_threads_of_its_own(four_threads):
    expected = large_softmax(0)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"same" if np.array_equal(large_softmax(0), expected) else b"else")
        os._exit(0)
    os.close(writer)
    assert os.read(reader, 4) == b"same"
    assert os.waitpid(child, 0)[1] == 0


def test_a_spawned_process_gets_the_same_bits():
    logits = np.random.default_rng(3).standard_normal((3000, 50)).astype(np.float32)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        np.testing.assert_array_equal(pool.submit(lw.softmax, logits).result(timeout=120), lw.softmax(logits))


def test_kernels_work_where_no_compiled_code_can_be_kept(tmp_path):
    """A cache folder that is a file cannot be written: Numba refuses to cache, and the kernel compiles all the same."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    script = (
        "import numpy as np\n"
        "from logitwise.kernels.cpu import compiled\n"
        "double = compiled.compiled(lambda x: 2.0 * x)\n"
        "print(double(21.0), type(double._cache).__name__)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "NUMBA_CACHE_DIR": str(blocked / "inside")}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120)
    assert run.stderr == ""
    assert run.stdout == "42.0 NullCache\n"
