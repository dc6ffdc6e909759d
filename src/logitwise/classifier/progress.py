"""The progress bar of training."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from logitwise._notice import ECHO
from logitwise.classifier.training import Progress


class StepBar:
    """A bar of the steps done, on standard error, with the loss beside it; silent where it is no terminal.

    It goes away in the end, and leaves a line that says how far training went, and why no further.

    Args:
        steps: The most that there will be.
        seconds: The most that they may take; None: any.
        shown: Whether to show anything.
    """

    def __init__(self, steps: int, seconds: float | None = None, *, shown: bool) -> None:
        self._bar = None
        self._steps, self._seconds, self._progress, self._started = steps, seconds, None, time.monotonic()
        if shown:
            from rich import progress
            from rich.console import Console

            console = Console(stderr=True)
            # A bar that filled the line would be broken in two by the echo.
            console.width = max(1, console.width - len(ECHO))
            told = progress.TextColumn("{task.fields[told]}")
            columns = (progress.TextColumn("Training"), progress.BarColumn(), progress.TaskProgressColumn(), told)
            settings = {"console": console, "disable": not console.is_terminal, "transient": True}
            self._bar = progress.Progress(*columns, refresh_per_second=4, **settings)
            self._task = self._bar.add_task("", total=steps, told="ends sooner where it no longer helps")

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            ending = "" if self._progress is None or kind is not None else self._ending(self._progress)
            if ending and self._bar.console.is_terminal:
                self._bar.console.print(ending, markup=False, highlight=False)

    def update(self, progress: Progress) -> None:
        """Show how far training is."""
        self._progress = progress
        if self._bar is not None and progress.step:
            loss = f"training loss {progress.train_loss[-1]:.4f}"
            if progress.validation_loss:
                loss = f"held-out loss {progress.validation_loss[-1]:.4f} (best {progress.best_loss:.4f})"
            told = f"at most {self._left(progress.step[-1])} more, {loss}"
            self._bar.update(self._task, completed=progress.step[-1], told=told)

    def _left(self, step: int) -> str:
        """Return the time for all steps that are left, as minutes and seconds."""
        gone = time.monotonic() - self._started
        left = gone / step * (self._steps - step)
        if self._seconds is not None:
            left = min(left, max(0.0, self._seconds - gone))
        return f"{int(left) // 60}:{int(left) % 60:02d}"

    def _ending(self, progress: Progress) -> str:
        """Return how far training went, and why no further; nothing where that is told as an error or a warning."""
        seconds, step = time.monotonic() - self._started, progress.step[-1] if progress.step else 0
        if progress.interrupted or progress.diverged or not step:
            return ""
        if step >= self._steps:
            return f"Trained all {step:,} steps in {seconds:.0f} s; step {progress.best_step:,} was the best."
        is_late = self._seconds is not None and seconds > self._seconds
        why = f"{self._seconds:g} s are over" if is_late else f"no better since step {progress.best_step:,}"
        return f"Stopped at step {step:,} of at most {self._steps:,} after {seconds:.0f} s: {why}."
