"""One line on standard error where the first call of a kernel takes its time: silence looks like a hang."""

from __future__ import annotations

import sys
from threading import Timer

PATIENCE = 0.7  # seconds of silence: what is compiled within them is not worth a line
HOW_TO_KEEP = "set NUMBA_CACHE_DIR to a folder that can be written"

_is_quiet = False
_was_said = False


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
    sys.stderr.write(f"logitwise compiles {what}, {how_often}\n")
    sys.stderr.flush()


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _is_notebook() -> bool:
    return "ipykernel" in sys.modules
