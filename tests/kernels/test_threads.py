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


@pytest.fixture(autouse=True)
def as_many_threads_as_before():
    before = threads.number_of_threads()
    yield
    threads.set_number_of_threads(before)


@pytest.fixture
def four_threads():
    threads.set_number_of_threads(4)


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


def test_a_worker_that_comes_late_holds_no_array(four_threads, monkeypatch):
    """It would free a tensor when it gets around to it, which may be while the interpreter ends."""
    pool, waiting = threads._Pool(), []
    pool.workers = 99  # none is started
    monkeypatch.setattr(threads, "_pool", pool)
    values = np.ones(100)
    before = sys.getrefcount(values)
    threads.split(lambda array, first, last: None, 100, 10**9, values)
    assert sys.getrefcount(values) == before
    while not pool.jobs.empty():
        waiting.append(pool.jobs.get())
    assert len(waiting) == 3
    for job in waiting:
        job.run()
        assert job.error is None


def test_small_work_stays_on_the_calling_thread(four_threads):
    seen = []
    threads.split(lambda first, last: seen.append((threading.current_thread(), first, last)), 100, 1000)
    assert seen == [(threading.current_thread(), 0, 100)]


def chunks_of(rows: int, work: int, count: int) -> list[tuple[int, int]]:
    """Return the ranges that a call is split into, in order."""
    chunks, lock = [], threading.Lock()

    def kernel(name: str, first: int, last: int) -> None:
        assert name == "argument"
        with lock:
            chunks.append((first, last))

    threads.set_number_of_threads(count)
    threads.split(kernel, rows, work, "argument")
    return sorted(chunks)


W = threads.WORK_PER_CHUNK
SPLITS = {
    "as little as one chunk": (100, 2 * W - 1, 4, 1),
    "as much as two chunks": (100, 2 * W, 4, 2),
    "as much as seven chunks": (100, 7 * W + 5, 4, 7),
    "four chunks per thread": (100, 1000 * W, 4, 16),
    "four chunks each of two threads": (100, 1000 * W, 2, 8),
    "one thread": (100, 1000 * W, 1, 1),
    "one row": (1, 1000 * W, 4, 1),
    "two rows": (2, 1000 * W, 4, 2),
    "fewer rows than chunks": (13, 1000 * W, 4, 13),
    "as many rows as chunks": (16, 1000 * W, 4, 16),
    "a row more than chunks": (17, 1000 * W, 4, 16),
    "no work": (3, 0, 4, 1),
}


@pytest.mark.parametrize("case", SPLITS)
def test_a_call_is_split_by_its_work_its_rows_and_the_threads(case):
    rows, work, count, chunks = SPLITS[case]
    found = chunks_of(rows, work, count)
    assert len(found) == chunks
    assert [first for first, _ in found] == [0, *(last for _, last in found[:-1])]
    assert found[-1][1] == rows
    sizes = [last - first for first, last in found]
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) > 0


def test_no_more_threads_work_than_are_allowed():
    """Two, the calling one included, of which the other waits until this one has come."""
    seen, both = set(), threading.Barrier(2)

    def kernel(first: int, last: int) -> None:
        if threading.current_thread() not in seen:
            seen.add(threading.current_thread())
            both.wait(20)

    threads.set_number_of_threads(2)
    threads.split(kernel, 100, 1000 * W)
    assert len(seen) == 2
    assert threading.current_thread() in seen


@pytest.mark.parametrize("rows", [1, 2, 3, 15, 17, 64])
@pytest.mark.parametrize("function", ["softmax", "cross_entropy", "soft targets", "binary"])
def test_few_long_rows_get_the_bits_of_one_thread(rows, function):
    generator = np.random.default_rng(rows)
    logits = generator.standard_normal((rows, 3 * W // rows + 7)).astype(np.float32)
    target = generator.integers(0, logits.shape[1], rows)
    soft = lw.softmax(generator.standard_normal(logits.shape).astype(np.float32))
    call = {
        "softmax": lambda: [lw.softmax(logits), lw.logsumexp(logits)],
        "cross_entropy": lambda: lw.cross_entropy_and_gradient(logits, target, reduction="sum", z_loss=1e-4),
        "soft targets": lambda: lw.cross_entropy_and_gradient(logits, soft),
        "binary": lambda: lw.binary_cross_entropy_with_logits_and_gradient(logits, soft),
    }[function]
    results = []
    for count in (1, 2, 4):
        assert lw.threads(count) == count
        results.append(call())
    for result in results[1:]:
        for ours, one in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(ours, one)


def test_an_error_is_raised_after_all_parts_are_done(four_threads):
    done, lock = [], threading.Lock()

    def kernel(first: int, last: int) -> None:
        with lock:
            done.append(first)
        raise ArithmeticError(f"rows from {first}")

    with pytest.raises(ArithmeticError):
        threads.split(kernel, 64, 1000 * W)
    assert sorted(done) == list(range(0, 64, 4))
    assert chunks_of(64, 1000 * W, 4) == [(first, first + 4) for first in range(0, 64, 4)]


def test_the_number_of_threads_is_one_or_more():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert threads._available() == cores
    for count in (1, np.int64(3)):
        assert lw.threads(count) == lw.threads() == threads.number_of_threads() == count
    for count, message in ((0, "count must be 1 or more; got 0."), (-1, "count must be 1 or more; got -1.")):
        with pytest.raises(ValueError, match=f"^{message}$"):
            lw.threads(count)
    for count in (True, 2.0, "2"):
        with pytest.raises(TypeError, match=r"^count must be an integer; got "):
            lw.threads(count)
    assert lw.threads() == 3


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_forked_while_another_thread_compiles_can_compile(tmp_path):
    """A first call holds the lock of Numba's compiler for seconds; in the child, nobody would release it."""
    script = (
        "import os, threading, time\n"
        "from numba.core.compiler_lock import global_compiler_lock\n"
        "from logitwise.kernels.cpu import compiled, threads\n"
        "is_compiling = threading.Event()\n"
        "def compile_for_long():\n"
        "    with global_compiler_lock:\n"
        "        is_compiling.set()\n"
        "        time.sleep(0.5)\n"
        "threading.Thread(target=compile_for_long).start()\n"
        "is_compiling.wait()\n"
        "child = os.fork()\n"
        "os.write(1, f'{compiled.compiled(lambda x: 2.0 * x)(21.0)}\\n'.encode())\n"
        "if child:\n"
        "    for _ in range(600):\n"
        "        done, status = os.waitpid(child, os.WNOHANG)\n"
        "        if done:\n"
        "            break\n"
        "        time.sleep(0.05)\n"
        "    else:\n"
        "        os.kill(child, 9)\n"
        "    print(f'status {status}')\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "NUMBA_CACHE_DIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120)
    assert sorted(run.stdout.split("\n")) == ["", "42.0", "42.0", "status 0"]


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
