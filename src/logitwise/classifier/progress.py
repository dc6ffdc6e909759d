"""The progress bar of training."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from logitwise.classifier.training import Progress

ECHO = "^C "  # what a terminal writes after the bar when Ctrl-C is pressed


class StepBar:
    """A bar of the steps done, on standard error, with the losses beside it; silent where it is no terminal."""

    def __init__(self, steps: int, *, shown: bool) -> None:
        self._bar = None
        if shown:
            from rich import progress
            from rich.console import Console

            console = Console(stderr=True)
            # A bar that filled the line would be broken in two by the echo.
            console.width = max(1, console.width - len(ECHO))
            columns = (*progress.Progress.get_default_columns(), progress.TextColumn("{task.fields[losses]}"))
            self._bar = progress.Progress(*columns, console=console, disable=not console.is_terminal)
            self._task = self._bar.add_task("Training", total=steps, losses="")

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, progress: Progress) -> None:
        """Show how far training is."""
        if self._bar is not None and progress.step:
            held_out = f", held out {progress.validation_loss[-1]:.4f}" if progress.validation_loss else ""
            losses = f"loss {progress.train_loss[-1]:.4f}{held_out} (best step {progress.best_step})"
            self._bar.update(self._task, completed=progress.step[-1], losses=losses)
