"""The threads that share the rows of a call.

A pool of our own: kernels release the interpreter's lock, and Numba's own thread layers abort under several calling
threads or after a fork. Workers start when a large call first needs them and wait on a queue. The calling thread takes
parts of its call like any worker, and all that nobody else has taken, so it never waits for one that is busy elsewhere.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

# Elements a part must have: handing one over takes 10 to 15 microseconds, in which a thread computes 10 to 25 thousand.
WORK_PER_PART = 32_768
PARTS_PER_THREAD = 4  # so that a thread that the system holds up delays a call by a part only


class _Job:
    """The parts of one call, taken one after another by whichever threads come."""

    def __init__(self, kernel: Callable, arguments: tuple, bounds: list[int]) -> None:
        self.kernel, self.arguments, self.bounds = kernel, arguments, bounds
        self.lock = threading.Lock()
        self.taken, self.unfinished = 0, len(bounds) - 1
        self.error: BaseException | None = None
        self.done = threading.Event()

    def run(self) -> None:
        """Compute parts until none is left to take; a thread that comes late finds none."""
        while (part := self._take()) < len(self.bounds) - 1:
            try:
                self.kernel(*self.arguments, self.bounds[part], self.bounds[part + 1])
            except BaseException as error:  # handed to the calling thread, which raises it
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
    """Start afresh in a forked child, where the workers of the parent do not exist and its locks may be held."""
    global _pool
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


def number_of_threads() -> int:
    """Return how many threads a large call uses."""
    return _count


def set_number_of_threads(count: int) -> None:
    """Let a large call use `count` threads, the calling one included."""
    global _count
    _count = count


def split(kernel: Callable, rows: int, work: int, *arguments: Any) -> None:
    """Call `kernel(*arguments, first, last)` on ranges that cover `rows` rows; `work` is the number of elements."""
    parts = min(_count * PARTS_PER_THREAD, work // WORK_PER_PART, rows)
    helpers = min(_count, parts) - 1
    if helpers < 1:
        kernel(*arguments, 0, rows)
        return
    pool = _pool
    if pool.workers < helpers:
        pool.start(helpers)
    job = _Job(kernel, arguments, [rows * part // parts for part in range(parts + 1)])
    for _ in range(helpers):
        pool.jobs.put(job)
    job.run()
    job.done.wait()
    # A worker that comes late must not be the last to hold the arrays: to free a tensor while the interpreter ends is
    # to end it by an abort.
    job.arguments = ()
    if job.error is not None:
        raise job.error
