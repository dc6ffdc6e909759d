"""A bar for long work, with the time left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress as RichProgress

from logitwise._notice import Progress
from logitwise.cli.door import is_quiet


@contextmanager
def progress_bar(longer_than: float) -> Iterator[Progress]:
    """Give what to tell how much is done and how much there is: for long work it shows a bar.

    The bar is on standard error where that is a terminal, and leaves nothing behind. Work is long where there is more
    of it than `longer_than`.
    """
    console = Console(stderr=True)
    bar = RichProgress(console=console, transient=True)
    task = bar.add_task("Predicting")
    may_show = not is_quiet() and console.is_terminal

    def tell(done: int, whole: int) -> None:
        if may_show and whole > longer_than:
            bar.start()
            bar.update(task, completed=done, total=whole)

    try:
        yield tell
    finally:
        if bar.live.is_started:
            bar.stop()
