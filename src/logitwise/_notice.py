"""What is told on standard error while something takes its time: silence looks like a hang.

A line where the first call of a kernel compiles it, and on a terminal the phase that a command is in.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, RLock, Thread, Timer
from time import monotonic

PATIENCE = 0.7  # seconds of silence: what is compiled within them is not worth a line
SHORT = 0.15  # seconds: a phase that is over by then would only flicker
ERASE = "\r\x1b[K"  # the line that the cursor is in
ECHO = "^C "  # what a terminal writes behind a line when Ctrl-C is pressed: it must find room there
HOW_TO_KEEP = "set NUMBA_CACHE_DIR to a folder that can be written"

Progress = Callable[[int, int], None]  # is told how much is done, and how much there is

_is_quiet = False
_was_said = False
_one_at_a_time = RLock()
_lines: list[_Line] = []  # of the phases that are going on, the innermost last


def hush(quiet: bool) -> None:
    """Say nothing from now on, or speak again."""
    global _is_quiet
    _is_quiet = quiet


def start(what: str, is_kept: bool) -> Timer | None:
    """Return a timer that tells what is being compiled unless it is cancelled, or None where nobody would read it."""
    if _is_quiet or not (_is_terminal() or (_is_notebook() and not _was_said)):
        return None
    timer = Timer(PATIENCE, _tell, (what, is_kept))
    timer.daemon = True
    timer.start()
    return timer


def _tell(what: str, is_kept: bool) -> None:
    global _was_said
    _was_said = True
    how_often = "once per installation" if is_kept else f"in every process; to keep it, {HOW_TO_KEEP}"
    with room():
        sys.stderr.write(f"logitwise compiles {what}, {how_often}\n")
        sys.stderr.flush()


@contextmanager
def phase(what: str, *, is_shown: bool = True) -> Iterator[Progress]:
    """Say what is being done, on a line of the terminal that goes away with it; give what to tell how far it is.

    Nothing is written where standard error is no terminal, or where messages are hushed. A phase may have others
    within: the innermost is shown.
    """
    if not is_shown or _is_quiet or not _can_erase():
        yield lambda done, whole: None
        return
    line = _Line(what)
    with room():
        _lines.append(line)
    try:
        yield line.tell
    finally:
        with room():
            _lines.remove(line)
        line.ended.set()


@contextmanager
def room() -> Iterator[None]:
    """Erase the line of a phase while something else is written; it comes back by itself."""
    with _one_at_a_time:
        if _lines:
            _lines[-1].erase()
        yield


class _Line:
    """The line of a phase: what is being done, how far it is, and for how many seconds it has been going on."""

    def __init__(self, what: str) -> None:
        self.ended = Event()
        self._what, self._share, self._started, self._drawn = what, "", monotonic(), ""
        Thread(target=self._keep_drawn, daemon=True).start()

    def tell(self, done: int, whole: int) -> None:
        """Take note of how much is done."""
        self._share = f", {done / whole:.0%}" if 0 < done < whole else ""

    def erase(self) -> None:
        """Take the line away; the next drawing brings it back."""
        if self._drawn:
            self._drawn = ""
            sys.stderr.write(ERASE)
            sys.stderr.flush()

    def draw(self) -> None:
        """Write the line, unless it is there already or a phase within is shown."""
        with _one_at_a_time:
            if _lines and _lines[-1] is self and self._text != self._drawn:
                self._drawn = self._text
                sys.stderr.write(ERASE + self._drawn)
                sys.stderr.flush()

    def _keep_drawn(self) -> None:
        while not self.ended.wait(SHORT):
            self.draw()

    @property
    def _text(self) -> str:
        seconds = int(monotonic() - self._started)
        duration = f", {seconds} s" if seconds else ""
        return f"{self._what}{self._share}{duration} ..."[: shutil.get_terminal_size().columns - len(ECHO)]


def _can_erase() -> bool:
    return _is_terminal() and os.environ.get("TERM", "") not in ("dumb", "unknown")


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _is_notebook() -> bool:
    return "ipykernel" in sys.modules
