"""Our own team of threads, for processes without torch: daemon threads that wait in compiled code, then in Python.

A worker that finds nothing to do for a tenth of a millisecond goes to sleep, so that idle processes use no processor.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import threading

import numpy as np

from logitwise.kernels.cpu.threads.handing_out import CLOSED, WORDS, serve

_SPINS = 4000  # pauses of 20 to 60 ns
_LONGEST_EXIT = 1.0  # seconds to wait for a worker when the interpreter ends


class OwnTeam:
    """Threads that share the jobs announced in `words`."""

    def __init__(self) -> None:
        self.words = np.zeros(WORDS, np.int64)
        self.address = self.words.ctypes.data
        self._threads: list[threading.Thread] = []
        self._asleep: list[threading.Lock] = []
        self._lock = threading.Lock()

    def wake(self, workers: int) -> None:
        """Start or wake workers until a number of them can take part; one that comes late is not waited for."""
        if len(self._threads) < workers:
            self._start(workers)
        for _ in range(workers):
            try:
                self._asleep.pop().release()
            except IndexError:  # all are awake
                return

    def _start(self, workers: int) -> None:
        with self._lock:
            while len(self._threads) < workers and not self.words[CLOSED]:
                name = f"logitwise-{len(self._threads)}"
                thread = threading.Thread(target=self._work, name=name, daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the system allows no more: those that there are do the work
                    return
                self._threads.append(thread)

    def _work(self) -> None:
        bed = threading.Lock()
        while not self.words[CLOSED]:
            serve(self.words, _SPINS)
            bed.acquire()
            self._asleep.append(bed)
            if not self.words[CLOSED]:
                bed.acquire()
                bed.release()

    def close(self) -> None:
        """Send all workers home."""
        self.words[CLOSED] = 1
        self.wake(len(self._threads))
        for thread in self._threads:
            thread.join(_LONGEST_EXIT)


def address_of_yield() -> int:
    """Return the address of the system's function that lets another thread run; 0 where there is none."""
    try:
        return ctypes.cast(ctypes.CDLL(None).sched_yield, ctypes.c_void_p).value or 0 if os.name == "posix" else 0
    except (AttributeError, OSError):
        return 0


_team = OwnTeam()
YIELDING = address_of_yield()


def own_team() -> OwnTeam:
    """Return the team of this process."""
    return _team


def forget() -> None:
    """Make a new team in a forked child, where the threads of the old one do not exist."""
    global _team
    _team = OwnTeam()


# A worker that comes back from compiled code while the interpreter is being taken down could abort it.
atexit.register(lambda: _team.close())
