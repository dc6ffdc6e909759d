"""What Numba is told to tell: that a kernel is being compiled, for `logitwise._notice`."""

from __future__ import annotations

from threading import Timer
from typing import Any

from numba.core import event, types

from logitwise import _notice
from logitwise.kernels.compiler import Kernel


class _Listener(event.Listener):
    """Hears when Numba compiles anything; parts of kernels, and functions of others, are not worth a notice."""

    def __init__(self) -> None:
        self.timers: dict[Kernel, Timer | None] = {}

    def on_start(self, event: Any) -> None:
        kernel = event.data["dispatcher"]
        if isinstance(kernel, Kernel):
            what = kernel.py_func.__module__.rpartition(".")[-1]
            self.timers[kernel] = _notice.start(f"{what}{_dtype(event.data['args'])}", kernel.is_kept)

    def on_end(self, event: Any) -> None:
        timer = self.timers.pop(event.data["dispatcher"], None)
        if timer is not None:
            timer.cancel()


def _dtype(arguments: tuple) -> str:
    """Return the dtype of the first numbers among the types of arguments, as words that follow a name."""
    for each in arguments:
        dtype = getattr(each, "dtype", each)
        if isinstance(dtype, types.Float):
            return f" for {dtype}"
        if dtype == types.uint16:  # how they are stored
            return " for 16-bit floats"
    return ""


def listen() -> None:
    """Give notice of every kernel that is compiled from now on; once is enough."""
    if not any(isinstance(each, _Listener) for each in event._registered["numba:compile"]):
        event.register("numba:compile", _Listener())
