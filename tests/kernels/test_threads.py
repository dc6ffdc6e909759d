"""Kernels called from many threads, after a fork, in a spawned process, and without a folder for compiled code."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from llvmlite import ir
from numba import types
from numba.core import cgutils

import logitwise as lw
from logitwise.kernels.cpu import threads
from logitwise.kernels.cpu.compiled import compiled, instruction
from logitwise.kernels.cpu.softmax import NO_MASK, softmax
from logitwise.kernels.cpu.threads import openmp, own_team

SOURCE = Path(threads.__file__).parents[4]
IN_CHILD = {**os.environ, "PYTHONPATH": str(SOURCE)}
W = threads.WORK_PER_CHUNK


@compiled
def add_one(covered, first, last):
    covered[first:last] += 1


@compiled
def mark_ends(first_of, last_of, first, last):
    """Write down which rows each chunk has."""
    for row in range(first, last):
        first_of[row], last_of[row] = first, last


@compiled
def need_memory(rows, first, last):
    scratch = np.empty(1 << 60)
    rows[first:last] = scratch[:1]


@pytest.fixture(autouse=True)
def as_many_threads_as_before():
    before = threads.number_of_threads()
    yield
    threads.set_number_of_threads(before)


@pytest.fixture(params=["torch's team", "our team"])
def four_threads(request, monkeypatch):
    """Four threads, of torch (as many as it has) or our own."""
    if request.param == "our team":
        monkeypatch.setattr(openmp, "start_of_team", lambda: (0, 0))
    else:
        torch = pytest.importorskip("torch")
        if not openmp.start_of_team()[0]:
            pytest.skip("torch has no OpenMP runtime with GOMP_parallel here")
        before = torch.get_num_threads()
        torch.set_num_threads(4)
    threads.set_number_of_threads(4)
    yield
    if request.param == "torch's team":
        torch.set_num_threads(before)


def large_softmax(seed: int) -> np.ndarray:
    logits = np.random.default_rng(seed).standard_normal((3000, 50, 1)).astype(np.float32)
    result = np.empty_like(logits)
    softmax(logits, NO_MASK, 0, 1.0, result)
    return result


@pytest.mark.parametrize("tile", [1, 7, 64])
def test_rows_are_covered_once_whatever_the_split(four_threads, tile):
    for rows in (2, 63, 64, 65, 128, 1001):
        covered = np.zeros(rows, np.int64)
        threads.split(add_one, rows, 10**9, covered, tile=tile)
        assert (covered == 1).all()


def chunks_of(rows: int, work: int, tile: int = 1) -> list[tuple[int, int]]:
    """Return the ranges that a call is split into, in order."""
    first, last = np.empty((2, rows), np.int64)
    threads.split(mark_ends, rows, work, first, last, tile=tile)
    return sorted(set(zip(first.tolist(), last.tolist(), strict=True)))


SPLITS = {
    "as little as one chunk": (100, 2 * W - 1, 1, 1),
    "as much as two chunks": (100, 2 * W, 1, 2),
    "as much as seven chunks": (100, 7 * W + 5, 1, 7),
    "four chunks per thread": (100, 1000 * W, 1, 16),
    "one row": (1, 1000 * W, 1, 1),
    "two rows": (2, 1000 * W, 1, 2),
    "fewer rows than chunks": (13, 1000 * W, 1, 13),
    "as many rows as chunks": (16, 1000 * W, 1, 16),
    "a row more than chunks": (17, 1000 * W, 1, 16),
    "no work": (3, 0, 1, 1),
    "one tile": (64, 1000 * W, 64, 1),
    "a tile and a row": (65, 1000 * W, 64, 2),
    "fewer tiles than chunks": (300, 1000 * W, 64, 5),
    "more tiles than chunks": (5000, 1000 * W, 64, 16),
}


@pytest.mark.parametrize("case", SPLITS)
def test_a_call_is_split_by_its_work_its_tiles_and_the_threads(four_threads, case):
    rows, work, tile, chunks = SPLITS[case]
    found = chunks_of(rows, work, tile)
    assert len(found) == chunks
    assert [first for first, _ in found] == [0, *(last for _, last in found[:-1])]
    assert found[-1][1] == rows
    assert all(first % tile == 0 for first, _ in found)
    tiles = [-(-(last - first) // tile) for first, last in found]
    assert max(tiles) - min(tiles) <= 1
    assert min(tiles) > 0


def test_torch_with_one_thread_has_one_thread():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    threads.set_number_of_threads(4)
    torch.set_num_threads(1)
    try:
        assert chunks_of(100, 1000 * W) == [(0, 100)]
    finally:
        torch.set_num_threads(before)


def test_one_thread_computes_all_rows_at_once(four_threads):
    threads.set_number_of_threads(1)
    assert chunks_of(100, 1000 * W) == [(0, 100)]


def test_no_more_threads_work_than_are_allowed(four_threads):
    """Two, the calling one included, of four: each writes its address on the rows that it computes."""
    threads.set_number_of_threads(2)
    seen = set()
    for _ in range(50):
        owners = np.zeros(8, np.int64)
        threads.split(sign_rows, 8, 1000 * W, owners, 200_000)
        seen.add(len(set(owners.tolist())))
    assert seen <= {1, 2}


@compiled
def sign_rows(owners, spins, first, last):
    """Write the address of a variable of this thread's stack, in pages, on each row; take a while."""
    here = address_of_stack()
    total = 0.0
    for row in range(first, last):
        for i in range(spins):
            total += np.sqrt(i + total)
        owners[row] = (here >> 16) + (1 if total < 0.0 else 0)


@instruction
def address_of_stack(_typing_context):
    def generate(_context, builder, _signature, _arguments):
        return builder.ptrtoint(cgutils.alloca_once(builder, ir.IntType(64)), ir.IntType(64))

    return types.int64(), generate


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


def test_too_little_memory_is_an_error(four_threads):
    with pytest.raises(MemoryError, match=r"^no memory for the scratch rows of need_memory$"):
        threads.split(need_memory, 64, 1000 * W, np.zeros(64))


def test_the_number_of_threads_is_one_or_more():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert threads._available() == cores
    for count in (1, np.int64(3)):
        assert lw.threads(count) == lw.threads() == threads.number_of_threads() == count
    for count, message in ((0, "count must be 1 or more; got 0."), (-1, "count must be 1 or more; got -1.")):
        with pytest.raises(ValueError, match=f"^{message}$"):
            lw.threads(count)
    with pytest.raises(ValueError, match=r"^count must be at most 4096; got 1180591620717411303424\.$"):
        lw.threads(2**70)
    for count in (True, 2.0, "2"):
        with pytest.raises(TypeError, match=r"^count must be an integer; got "):
            lw.threads(count)
    assert lw.threads() == 3


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


def outcome_of(script: str) -> str:
    """Return what a script prints in a process of its own, which must end well and complain of nothing."""
    run = subprocess.run([sys.executable, "-c", script], env=IN_CHILD, capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


ENDINGS = {
    "at once": "",
    "in an exit handler": "import atexit; atexit.register(lambda: lw.softmax(z))\n",
    "after sleep": "import time; time.sleep(0.01)\n",
    "in a thread": "import threading; threading.Thread(target=lambda: [lw.softmax(z) for _ in range(50)]).start()\n",
    "in a daemon": "import threading, time; threading.Thread(target=lambda: [lw.softmax(z) for _ in range(10**9)], "
    "daemon=True).start(); time.sleep(0.05)\n",
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("first", ["import torch", "import numpy"])
def test_the_interpreter_ends_quietly(first, ending):
    script = (
        f"{first}\nimport numpy as np\nimport logitwise as lw\n"
        "z = np.ones((4000, 100), np.float32)\nlw.threads(3)\nfor _ in range(5): lw.softmax(z)\n" + ENDINGS[ending]
    )
    for _ in range(1 if "torch" in first else 3):
        assert outcome_of(script) == ""


def test_threads_that_cannot_be_started_are_done_without(monkeypatch):
    """As in a container at its limit of processes."""

    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(openmp, "start_of_team", lambda: (0, 0))
    monkeypatch.setattr(own_team, "_team", own_team.OwnTeam())
    threads.set_number_of_threads(1)
    expected = large_softmax(0)
    monkeypatch.setattr(own_team.threading.Thread, "start", refuse)
    threads.set_number_of_threads(4)
    np.testing.assert_array_equal(large_softmax(0), expected)
    own_team.own_team().close()


def test_idle_workers_sleep():
    """A process that computes nothing uses no processor, and its workers come when they are called again."""
    script = (
        "import time, numpy as np, logitwise as lw\n"
        "z = np.ones((4000, 100), np.float32)\nlw.threads(3)\nbefore = lw.softmax(z)\n"
        "time.sleep(0.3)\nstart = time.process_time()\ntime.sleep(0.5)\n"
        "print(time.process_time() - start < 0.1, np.array_equal(lw.softmax(z), before))\n"
    )
    assert outcome_of(script) == "True True\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("first", ["import torch; torch.set_num_threads(3); torch.ones(10**6).exp()", "import numpy"])
def test_a_forked_child_of_a_process_with_threads_computes(first):
    """libgomp waits for ever in a child for the threads of its parent: it must not be asked there."""
    script = (
        f"{first}\nimport os, warnings, numpy as np, logitwise as lw\nwarnings.simplefilter('ignore')\n"
        "z = np.random.default_rng(0).normal(size=(4000, 100)).astype(np.float32)\nlw.threads(3)\n"
        "expected = lw.softmax(z)\nchild = os.fork()\n"
        "same = all(np.array_equal(lw.softmax(z), expected) for _ in range(20))\n"
        "grandchild = os.fork() if not child else 1\n"
        "same &= np.array_equal(lw.softmax(z), expected)\n"
        "if not grandchild: os._exit(0 if same else 1)\n"
        "if not child: os._exit(0 if same and os.wait()[1] == 0 else 1)\n"
        "print(same, os.waitpid(child, 0)[1])\n"
    )
    assert outcome_of(script) == "True 0\n"


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
