"""Progress on a terminal while a target is verified, and silence in a pipe."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bn_reference.verification.events import Done, Event, Started, Trying

__all__ = ["ProgressDisplay"]


class ProgressDisplay:
    """A line that shows what is tried, how much is done, and how many violations were found; gone when the work is."""

    def __init__(self, console: Console) -> None:
        self._shown = console.is_terminal
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", table_column=None),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("[red]{task.fields[violations]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("loading the target", total=None, violations="")
        self._violations = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started):
            self._progress.update(self._task, total=event.total)
        elif isinstance(event, Trying):
            self._progress.update(self._task, description=event.what)
        elif isinstance(event, Done):
            self._violations += event.result.status == "violated"
            said = f"{self._violations} violated" if self._violations else ""
            self._progress.update(self._task, advance=1, violations=said)

    def __enter__(self) -> ProgressDisplay:
        if self._shown:
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._shown:  # older versions of rich end a display that was never shown with an empty line
            self._progress.stop()
