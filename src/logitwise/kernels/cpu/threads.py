"""The threads that share the rows of a call.

Kernels release the lock of the interpreter, so plain threads serve; Numba's own threading layers abort under several
calling threads or after a fork. Workers start when a large call first needs them, and wait on a queue. The rows of a
call are cut into chunks. The calling thread takes chunks as the workers do, until none is left, so it never waits for a
worker that is busy with another call.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from numba.core.compiler_lock import global_compiler_lock as compiler_lock

# Elements, at least: handing over a chunk takes 10 to 15 microseconds, in which a thread computes 10 to 25 thousand.
WORK_PER_CHUNK = 32_768
CHUNKS_PER_THREAD = 4  # so that a thread held up by the system delays a call by one chunk only


class _Job:
    """The chunks of one call, taken one after another by whichever threads are free."""

    def __init__(self, kernel: Callable, arguments: tuple, bounds: list[int]) -> None:
        self.kernel, self.arguments, self.bounds = kernel, arguments, bounds
        self.lock = threading.Lock()
        self.taken, self.unfinished = 0, len(bounds) - 1
        self.error: BaseException | None = None
        self.done = threading.Event()

    def run(self) -> None:
        """Compute chunks until none is left; a thread that comes late finds none."""
        while (chunk := self._take()) < len(self.bounds) - 1:
            try:
                self.kernel(*self.arguments, self.bounds[chunk], self.bounds[chunk + 1])
            except BaseException as error:  # raised by the calling thread
                self.error = error
            self._finish()

    def _take(self) -> int:
        with self.lock:
            self.taken += 1
            return self.taken - 1

    def _finish(self) -> None:
        with self.lock:
            self.unfinished -= 1
            if self.unfinished == 0:
                self.done.set()


class _Pool:
    """Daemon threads that take jobs from one queue."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[_Job] = SimpleQueue()
        self.lock = threading.Lock()
        self.workers = 0

    def start(self, workers: int) -> None:
        with self.lock:
            while self.workers < workers:
                threading.Thread(target=self._work, name=f"logitwise-{self.workers}", daemon=True).start()
                self.workers += 1

    def _work(self) -> None:
        while True:
            self.jobs.get().run()


def _available() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_pool = _Pool()
_count = _available()


def _forget_threads() -> None:
    """Start a new pool in a forked child: the workers of the parent do not exist there, and its locks may be held."""
    global _pool
    _pool = _Pool()
    compiler_lock.release()


if hasattr(os, "register_at_fork"):
    # A thread that makes its first call holds the lock of Numba's compiler for seconds. A child forked meanwhile would
    # wait for that thread, which it does not have, for ever: so a fork waits until the code is compiled.
    os.register_at_fork(
        before=compiler_lock.acquire, after_in_parent=compiler_lock.release, after_in_child=_forget_threads
    )


def number_of_threads() -> int:
    """Return the number of threads that a large call uses."""
    return _count


def set_number_of_threads(count: int) -> None:
    """Set the number of threads that a large call uses, the calling one included."""
    global _count
    _count = count


def split(kernel: Callable, rows: int, work: int, *arguments: Any) -> None:
    """Call `kernel(*arguments, first, last)` for chunks that cover `rows` rows; `work` is the number of elements."""
    chunks = min(_count * CHUNKS_PER_THREAD, work // WORK_PER_CHUNK, rows)
    workers = min(_count, chunks) - 1
    if workers < 1:
        kernel(*arguments, 0, rows)
        return
    pool = _pool
    if pool.workers < workers:
        pool.start(workers)
    job = _Job(kernel, arguments, [rows * chunk // chunks for chunk in range(chunks + 1)])
    for _ in range(workers):
        pool.jobs.put(job)
    job.run()
    job.done.wait()
    # A worker that comes late must not hold the last reference to the arrays: to free a tensor while the interpreter
    # shuts down can abort it.
    job.arguments = ()
    if job.error is not None:
        raise job.error
