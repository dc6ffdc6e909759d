"""The threads that share the rows of a call.

A pool of our own: kernels release the interpreter's lock, and Numba's own thread layers abort under several calling
threads or after a fork. Workers start when a large call first needs them and wait on a queue; the calling thread
always does a share of the work itself, so a call never waits for a worker that is busy elsewhere to begin.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

WORK_PER_THREAD = 20_000  # elements; about 10 microseconds of arithmetic, less than handing them over costs


class _Share:
    """A range of rows given to a worker, and whether it is done."""

    def __init__(self, kernel: Callable, arguments: tuple, first: int, last: int) -> None:
        self.kernel, self.arguments, self.first, self.last = kernel, arguments, first, last
        self.error: BaseException | None = None
        self.done = threading.Lock()
        self.done.acquire()

    def run(self) -> None:
        try:
            self.kernel(*self.arguments, self.first, self.last)
        except BaseException as error:  # handed to the calling thread, which raises it
            self.error = error
        finally:
            self.done.release()

    def wait(self) -> None:
        self.done.acquire()
        if self.error is not None:
            raise self.error


class _Pool:
    """Daemon threads that take shares from one queue."""

    def __init__(self) -> None:
        self.shares: SimpleQueue[_Share] = SimpleQueue()
        self.lock = threading.Lock()
        self.workers = 0

    def start(self, workers: int) -> None:
        with self.lock:
            while self.workers < workers:
                threading.Thread(target=self._work, name=f"logitwise-{self.workers}", daemon=True).start()
                self.workers += 1

    def _work(self) -> None:
        while True:
            self.shares.get().run()


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
    parts = min(_count, work // WORK_PER_THREAD, rows)
    if parts < 2:
        kernel(*arguments, 0, rows)
        return
    pool = _pool
    if pool.workers < parts - 1:
        pool.start(parts - 1)
    bounds = [rows * part // parts for part in range(parts + 1)]
    shares = [_Share(kernel, arguments, bounds[part], bounds[part + 1]) for part in range(1, parts)]
    for share in shares:
        pool.shares.put(share)
    try:
        kernel(*arguments, 0, bounds[1])
    finally:
        for share in shares:
            share.wait()
