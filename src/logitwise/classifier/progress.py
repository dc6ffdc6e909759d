"""The progress bar of training."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from logitwise.classifier.training import Progress


class EpochBar:
    """A bar that moves once an epoch, on standard error, with the losses beside it; silent where it is no terminal."""

    def __init__(self, epochs: int, *, shown: bool) -> None:
        self._bar = None
        if shown:
            from rich import progress
            from rich.console import Console

            console = Console(stderr=True)
            columns = (*progress.Progress.get_default_columns(), progress.TextColumn("{task.fields[losses]}"))
            self._bar = progress.Progress(*columns, console=console, disable=not console.is_terminal)
            self._task = self._bar.add_task("Training", total=epochs, losses="")

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
        """Show that one more epoch is done."""
        if self._bar is not None:
            validation = f", validation {progress.validation_loss[-1]:.4f}" if progress.validation_loss else ""
            losses = f"loss {progress.train_loss[-1]:.4f}{validation} (best epoch {progress.best_epoch})"
            self._bar.update(self._task, completed=progress.epoch, losses=losses)
