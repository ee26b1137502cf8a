"""A bar with the time left on a terminal while many equal steps are taken, and silence in a pipe."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bn_reference.support.terminals import animates

__all__ = ["StepsDisplay"]


class StepsDisplay:
    """A line that names the work and shows how much is done and how long the rest will take; gone when the work is."""

    def __init__(self, console: Console, what: str, total: int) -> None:
        self._shown = animates(console)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            transient=True,
            disable=not self._shown,
        )
        self._task = self._progress.add_task(what, total=total)

    def advance(self) -> None:
        """One more step is done."""
        self._progress.update(self._task, advance=1)

    def __enter__(self) -> StepsDisplay:
        if self._shown:
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._shown:  # older versions of rich end a display that was never shown with an empty line
            self._progress.stop()
